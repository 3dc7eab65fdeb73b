"""Where the shell goes on: loops, functions, scripts; what a name means (bash: builtins/*.def)."""

from __future__ import annotations

import posixpath
from functools import partial

from memsh.commands.options import short_options, too_many
from memsh.commands.paths import stat_kind
from memsh.commands.reading import input_of
from memsh.shell import IO, REGISTRY, Args, ShellError, UsageError, command, rest
from memsh.shell.errors import Dropped, Leave, LoopControl, Return
from memsh.shell.frames import Called
from memsh.shell.hostread import read_whole
from memsh.shell.language import Readonly
from memsh.shell.limits import SOURCES, TEXT
from memsh.shell.lines import NOTHING_TO_LEAVE, sourced
from memsh.shell.parser import RESERVED
from memsh.shell.printed import definition
from memsh.shell.programs import is_builtin, is_tool, places
from memsh.shell.quoting import quote
from memsh.shell.session import Session
from memsh.shell.told import script_text, within
from memsh.shell.values import whole

TOPIC = "session"
# loops and functions


def _levels(io: IO, words: list[str]) -> int:
    """How many loops are meant. What is no number ends a script, as in bash."""
    words = words[1:] if words[:1] == ["--"] else words
    number = whole(words[0]) if words else 1
    if number is None:
        if io.language.strict:
            raise ShellError(f"{words[0]}: numeric argument required", 128)
        io.complain(f"{words[0]}: numeric argument required")
        raise Leave(128)
    if len(words) > 1:
        too_many(io)
    if number < 1:
        io.complain(f"{number}: loop count out of range")
        out = LoopControl(False, io.language.loops - io.language.unreachable)
        out.status = io.language.last_status = 1
        raise out
    return min(number, io.language.loops - io.language.unreachable)


def _loop(io: IO, again: bool, words: list[str]) -> int:
    if io.language.loops <= io.language.unreachable:
        if io.language.strict:
            raise ShellError("only in a for or while loop")
        io.complain("only meaningful in a `for', `while', or `until' loop")
        return 0
    levels = _levels(io, words)
    io.language.last_status = 0
    raise LoopControl(again, levels)


@command(rest("levels", raw=True, meta="LEVELS"), name="break", topic=TOPIC, needs_box=False, shell=True)
def break_(box: object, args: Args, io: IO) -> int:
    """leave a loop

    while true; do malloc 1M || break; done
    """
    return _loop(io, False, args.levels)


@command(rest("levels", raw=True, meta="LEVELS"), name="continue", topic=TOPIC, needs_box=False, shell=True)
def continue_(box: object, args: Args, io: IO) -> int:
    """go on with the next round of a loop

    for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done
    """
    return _loop(io, True, args.levels)


def _status(io: IO, words: list[str]) -> int:
    """The status that was given, or that of the last command; in a trap that of before it, where bash has it so:
    `exit` in EXIT's, `return` in all but DEBUG's."""
    language = io.language
    if not words and language.trapped:
        trap = language.trapping[-1]
        if trap == "EXIT" or (io.name == "return" and trap != "DEBUG"):
            return language.trapped[-1]
    if not words:
        return language.last_status
    status = whole(words[0])
    if status is None:
        raise ShellError(f"{words[0]}: numeric argument required", 2)
    if len(words) > 1:
        too_many(io)
    return status & 0xFF


@command(rest("status", raw=True, meta="STATUS"), name="return", topic=TOPIC, needs_box=False, shell=True)
def return_(box: object, args: Args, io: IO) -> None:
    """leave a function or a sourced script, with a status

    f() { return 3; }; f; echo $?
    """
    if not io.language.frames and not io.language.source_depth:
        raise ShellError(NOTHING_TO_LEAVE, 2)
    try:
        status = _status(io, args.status)
    except Dropped:
        raise
    except ShellError as error:
        io.complain(error.message)
        status = 2
    raise Return(status)


def _leave(io: IO, words: list[str]) -> None:
    if len(words) > 1 and whole(words[0]) is not None:
        too_many(io)
    if words and whole(words[0]) is None:
        raise UsageError("give one number, or nothing (usage: exit [STATUS])")
    raise Leave(_status(io, words))


@command(rest("status", raw=True, meta="STATUS"), topic=TOPIC, needs_box=False, shell=True)
def exit(box: object, args: Args, io: IO) -> None:
    """leave memsh, with the status of the last command; in ( … ) leave that

    exit
    """
    _leave(io, args.status)


@command(rest("status", raw=True, meta="STATUS"), topic=TOPIC, needs_box=False, shell=True)
def quit(box: object, args: Args, io: IO) -> None:
    """leave memsh

    quit
    """
    _leave(io, args.status)


# other texts


@command(rest("words", raw=True, meta="WORD"), topic=TOPIC, needs_box=False, shell=True, help_option=False)
def eval(box: object, args: Args, io: IO) -> int:
    """run words as a line of shell

    c='malloc 64'; eval $c
    """
    _, _, words, _ = short_options(args.words, "") if args.words[:1] != ["+"] else ("", "", args.words, 0)
    with within(io.session):
        return io.runner.run_text(" ".join(words), io.session.running_line or 1) if words else 0


def _found(io: IO, name: str) -> str:
    """The file of that name in the folders of $PATH."""
    if "/" in name:
        return name
    folders = (io.language.variables.get("PATH") or "").split(":")
    named = [f"{folder}/{name}" for folder in folders if folder]
    return next((path for path in named if stat_kind(io.session, path) == "file"), name)


def _script(io: IO, name: str) -> str:
    """The text of a script: a file of the box if there is one of that name, else the host's."""
    session = io.session
    if name == "/dev/stdin" or name.startswith("/dev/fd/"):
        return io.stdin.read() if name == "/dev/stdin" else input_of(io, whole(name[8:]) or 0).read()
    if session.box is not None and not session.box.panicked and session.files is not None:
        if stat_kind(session, name) == "file" or name.startswith("/dev/"):
            try:
                return session.files.open_read(session, name).read()
            except OSError as error:
                raise ShellError(f"{name}: {error.strerror or error}") from None
    return script_text(session, partial(_host_script, session, name))


def _host_script(session: Session, name: str) -> str:
    if session.no_host:
        raise ShellError("reads from the host, which this session may not")
    try:
        return read_whole(name, TEXT).decode("utf-8", "surrogateescape")
    except (OSError, ValueError) as error:
        raise ShellError(f"{name}: {getattr(error, 'strerror', None) or error}") from None


def _source(io: IO, words: list[str]) -> int:
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise UsageError("FILE is missing (usage: source FILE [WORD …])")
    language = io.language
    if language.source_depth >= SOURCES:
        raise ShellError("scripts that source each other: nested too deeply")
    found = _found(io, words[0])
    text = _script(io, found)
    language.source_depth += 1
    language.calls.append(Called("source", found, io.session.running_line))
    try:
        return sourced(io.runner.sourcing(words[0]), text, words[1:])
    finally:
        language.calls.pop()
        language.source_depth -= 1


@command(
    rest("file", raw=True, help="a file of the box, or of the host", meta="FILE [WORD", words="host path"),
    topic=TOPIC, needs_box=False, shell=True,
)  # fmt: skip
def source(box: object, args: Args, io: IO) -> int:
    """run the lines of a script here

    source scripts/demo.memsh

    A file of the box by that name comes first, then one of the host. WORDS are its $1, $2 and so on.
    """
    return _source(io, args.file)


@command(rest("file", raw=True, meta="FILE [WORD", words="host path"), name=".", topic=TOPIC, needs_box=False,
         shell=True)  # fmt: skip
def dot(box: object, args: Args, io: IO) -> int:
    """the same as source

    echo 'n=64' > /tmp/settings; . /tmp/settings; echo $n
    """
    return _source(io, args.file)


# commands


PROGRAMS = frozenset(["busybox", "cat", "sh", "sleep", "true"])  # of the box, that a command is called like too


def _runs(words: list[str], script: bool) -> bool:
    """exec is the shell's: not for a program of the box; at the prompt these come first."""
    if words and words[0].startswith(("./", "/")) and posixpath.basename(words[0]) not in REGISTRY.names():
        return False  # the path of a program
    return script or not words or words[0][:1] == "-" or (REGISTRY.knows(words[0]) and words[0] not in PROGRAMS)


@command(rest("words", raw=True, meta="COMMAND"), name="exec", topic=TOPIC, needs_box=False, shell=True, shared=_runs)
def exec_(box: object, args: Args, io: IO) -> None:
    """run a command and leave; with redirections only, make them the shell's own

    ( exec echo done )

    Followed by a program of the box it is execve: that becomes the current process's program.
    """
    words = list(args.words)
    while words and words[0][:1] == "-" and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        if word[1:].strip("l") not in ("", "a") or (word[-1] == "a" and not words):
            raise UsageError(f"{word}: there is no such option here")
        words = words[1:] if word[-1] == "a" else words
    if words:
        io.language.traps.pop("EXIT", None)
        raise Leave(io.run(words))


@command(rest("words", raw=True, meta="[-vVp] COMMAND", words="command"), name="command", topic=TOPIC, needs_box=False,
         shell=True, help_option=False)  # fmt: skip
def command_(box: object, args: Args, io: IO) -> int:
    """run a command, not a function of that name; with -v say what the name means

    command -v kmalloc
    """
    on, _, words, _ = short_options(args.words, "vVp")
    if not words:
        return 0
    if "v" in on or "V" in on:
        told = [_tell(io, name, "V" in on) for name in words]
        return int(not any(told))
    if "p" not in on:
        return _without_functions(io, words)
    path = io.language.variables.pop("PATH", None)
    try:
        return _without_functions(io, words)
    finally:
        if path is not None:
            io.language.variables.setdefault("PATH", path)


@command(rest("words", raw=True, meta="COMMAND"), topic=TOPIC, needs_box=False, shell=True, help_option=False)
def builtin(box: object, args: Args, io: IO) -> int:
    """run a builtin of the shell, not a function of that name

    cd() { builtin cd "$@" && pwd; }; cd /proc
    """
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    if words and not is_builtin(io.language, words[0]):
        raise ShellError(f"{words[0]}: not a shell builtin")
    return _without_functions(io, words) if words else 0


def _without_functions(io: IO, words: list[str]) -> int:
    language = io.language
    hidden = language.functions.pop(words[0], None)
    try:
        return io.run(words)
    finally:
        if hidden is not None:
            language.functions.setdefault(words[0], hidden)


def _meanings(io: IO, name: str, functions: bool) -> list[str]:
    """What a name means to the language itself, the one that counts first: alias, keyword, function, builtin."""
    language = io.language
    kinds = {
        "alias": functions and name in language.aliases and language.shopts["expand_aliases"],
        "keyword": name in RESERVED or name in ("time", "in", "]]"),
        "function": functions and name in language.functions, "builtin": is_builtin(language, name),
    }  # fmt: skip
    return [kind for kind, there in kinds.items() if there]


def _kind(io: IO, name: str, functions: bool = True) -> str:
    """alias, keyword, function, builtin, file, or ""."""
    for kind in _meanings(io, name, functions):
        return kind
    if _places(io, name):
        return "file"
    own = io.session.registry.knows(name) and "/" not in name and name not in io.language.disabled
    return "file" if own and (io.language.strict or not is_tool(io.session, name)) else ""


def _places(io: IO, name: str) -> list[str]:
    return places(io.session, io.language, name)


def _tell(io: IO, name: str, whole: bool, functions: bool = True, kind: str = "") -> bool:
    """What `command -v` and `type` say of a name."""
    kind = kind or _kind(io, name, functions)
    if not kind:
        if whole:
            io.complain(f"{name}: not found")
        return False
    language = io.language
    found = _places(io, name) if kind == "file" else []
    if not whole:
        alias = f"alias {name}={quote(language.aliases[name])}" if kind == "alias" else ""
        io.out((alias or (found[0] if found else name)) + "\n")
    elif kind == "alias":
        io.out(f"{name} is aliased to `{language.aliases[name]}'\n")
    elif kind == "function":
        io.out(f"{name} is a function\n{definition(name, language.functions[name].text)}\n")
    elif found:
        io.out(f"{name} is {found[0]}\n")
    else:
        said = {"keyword": "a shell keyword", "builtin": "a shell builtin", "file": "a command of memsh"}[kind]
        io.out(f"{name} is {said}\n")
    return True


def _all_of(io: IO, name: str, on: str) -> bool:
    """`type -a`: every meaning of a name, the files with -p and -P alone."""
    told, plain = False, "p" not in on and "P" not in on
    for kind in _meanings(io, name, "f" not in on):
        told = True
        if "t" in on:
            io.out(f"{kind}\n")
        elif plain:
            _tell(io, name, True, kind=kind)
    for path in _places(io, name):
        told = True
        io.out("file\n" if "t" in on else f"{name} is {path}\n" if plain else f"{path}\n")
    if not told and io.session.registry.knows(name) and not is_tool(io.session, name) and "/" not in name:
        told = True
        io.out("file\n" if "t" in on else f"{name} is a command of memsh\n" if plain else "")
    if not told and plain and "t" not in on:
        io.complain(f"{name}: not found")
    return told


@command(rest("words", raw=True, meta="[-tapfP] NAME", words="command"), name="type", topic=TOPIC, needs_box=False)
def type_(box: object, args: Args, io: IO) -> int:
    """what a name means: alias, keyword, function, builtin or command

    type cat kmalloc

    -t says it in one word, -a all that it means, -p and -P the file alone, -f leaves functions out.
    """
    on, _, words, _ = short_options(args.words, "tapfP")
    status = 0
    for name in words:
        kind = _kind(io, name, "f" not in on)
        if "a" in on:
            status = status or int(not _all_of(io, name, on))
        elif "t" in on:
            io.out(f"{kind}\n" if kind else "")
            status = status or int(not kind)
        elif "P" in on or ("p" in on and kind == "file"):
            found = _places(io, name)
            io.out(found[0] + "\n" if found else "")
            status = status or int(not found)
        elif "p" in on:
            status = status or int(not kind)
        elif not _tell(io, name, True, "f" not in on):
            status = 1
    return status


# options of scripts


@command(rest("words", raw=True, required=True, meta="OPTSTRING NAME [WORD"), topic=TOPIC, needs_box=False, shell=True)
def getopts(box: object, args: Args, io: IO) -> int:
    """take the options of a script apart, one a call

    set -- -n 3 x; while getopts n: o; do echo $o $OPTARG; done
    """
    if len(args.words) < 2:
        raise UsageError("usage: getopts OPTSTRING NAME [WORD …]")
    known, name, *given = args.words
    language = io.language
    words = given or language.positional or []
    index = whole(language.get("OPTIND") or "") or 1
    quiet = known.startswith(":")
    tells = not quiet and language.get("OPTERR") != "0"

    def done() -> int:
        language.set(name, "?")
        language.variables.pop("OPTARG", None)
        language.variables["OPTIND"] = str(index)
        language.letter = 1
        return 1

    if index > len(words) or index < 1:
        index = len(words) + 1
        return done()
    word = words[index - 1]
    if language.letter >= len(word):  # another word than last time
        language.letter = 1
    if language.letter == 1:
        if word == "--":
            index += 1
            return done()
        if len(word) < 2 or word[0] != "-":
            return done()
    letter = word[language.letter]
    language.letter += 1
    takes = known.find(letter, int(quiet))
    ended = language.letter >= len(word)
    found, text = letter, None
    if takes < 0 or letter == ":":
        found, text = "?", letter if quiet else None
        if tells:
            io.err(f"{language.name}: illegal option -- {letter}\n")
    elif known[takes + 1 : takes + 2] == ":":
        if not ended:
            text = word[language.letter :]
        elif index < len(words):
            index += 1
            text = words[index - 1]
        else:
            found, text = (":", letter) if quiet else ("?", None)
            if tells:
                io.err(f"{language.name}: option requires an argument -- {letter}\n")
        ended = True
    if ended:
        index += 1
        language.letter = 1
    letter_after = language.letter
    if text is None:
        language.variables.pop("OPTARG", None)
    else:
        language.set("OPTARG", text)
    language.variables["OPTIND"] = str(index)
    language.letter = letter_after
    if not name.isidentifier():
        raise ShellError(f"`{name}': not a valid identifier")
    try:
        language.set(name, found)
    except Readonly as error:
        raise ShellError(error.message, 2) from None
    return 0


