"""pushd, popd, dirs, hash, caller, times: what the shell remembers of where it is (bash: builtins/*.def)."""

from __future__ import annotations

from memsh.commands.files import change_directory
from memsh.commands.options import short_options
from memsh.shell import IO, Args, ShellError, UsageError, command, rest
from memsh.shell.frames import Called
from memsh.shell.hashorder import FILES, walked
from memsh.shell.programs import is_builtin, is_tool, places
from memsh.shell.tracing import short
from memsh.shell.values import whole

TOPIC = "session"


def _stack(io: IO) -> list[str]:
    """The folders, the one that the shell is in first."""
    return [io.language.shown_cwd(), *io.language.directories]


def _place(io: IO, word: str) -> int | None:
    """`+N` from the left, `-N` from the right of the list; None for another word."""
    number = whole(word[1:]) if word[:1] in ("+", "-") else None
    if number is None:
        return None
    size = len(_stack(io))
    if not 0 <= number < size:
        raise ShellError(f"{word}: directory stack index out of range" if size > 1 else "directory stack empty")
    return number if word[0] == "+" else size - 1 - number


def _show(io: IO) -> None:
    io.out(" ".join(short(io.language, path) for path in _stack(io)) + "\n")


@command(rest("words", raw=True, meta="[-clpv] [+N|-N"), topic=TOPIC, needs_box=False, shell=True)
def dirs(box: object, args: Args, io: IO) -> int:
    """the folders that pushd keeps

    pushd /proc; dirs -v

    -p one a line, -v with numbers, -l without ~, -c forgets them.
    """
    stack, on, chosen = _stack(io), "", None
    for word in args.words:
        place = _place(io, word)
        if place is not None:
            chosen = place
        elif word[:1] == "-" and len(word) > 1 and set(word[1:]) <= set("clpv"):
            on += word[1:]
        else:
            raise UsageError(f"{word}: invalid option" if word[:1] == "-" else f"{word}: invalid argument")
    if "c" in on:
        io.language.directories = []
        return 0
    shown = stack if "l" in on else [short(io.language, path) for path in stack]
    if chosen is not None:
        shown = [shown[chosen]]
    if "v" in on:
        io.out("".join(f"{number:2}  {path}\n" for number, path in enumerate(shown, chosen or 0)))
    else:
        io.out(("\n" if "p" in on else " ").join(shown) + "\n")
    return 0


@command(rest("words", raw=True, meta="[-n] [+N|-N|FOLDER", words="path"), topic=TOPIC, needs_box=False, shell=True)
def pushd(box: object, args: Args, io: IO) -> int:
    """keep the folder and go to another; without one, change places with the last that was kept

    pushd /proc; popd
    """
    words, language = list(args.words), io.language
    stay = words[:1] == ["-n"]
    words = words[1:] if stay or words[:1] == ["--"] else words
    if len(words) > 1:
        raise ShellError("too many arguments")
    stack = _stack(io)
    if not words:
        if len(stack) < 2:
            raise ShellError("no other directory")
        turned = [stack[1], stack[0], *stack[2:]]
    elif (place := _place(io, words[0])) is not None:
        turned = stack[place:] + stack[:place]
    elif words[0][:1] == "-" and words[0] != "-":
        raise UsageError(f"{words[0]}: invalid number")
    else:
        turned = [stack[0], words[0], *stack[1:]] if stay else [words[0], *stack]
    if not stay:
        change_directory(io, turned[0])
    language.directories = turned[1:]
    _show(io)
    return 0


@command(rest("words", raw=True, meta="[-n] [+N|-N"), topic=TOPIC, needs_box=False, shell=True)
def popd(box: object, args: Args, io: IO) -> int:
    """go back to the folder that pushd kept

    pushd /proc; popd
    """
    words, language = list(args.words), io.language
    stay = words[:1] == ["-n"]
    words = words[1:] if stay or words[:1] == ["--"] else words
    if words and words[0][:1] not in ("+", "-"):
        raise UsageError(f"{words[0]}: invalid argument")
    if words and whole(words[0][1:]) is None:
        raise UsageError(f"{words[0]}: invalid number")
    if not language.directories:
        raise ShellError("directory stack empty")
    place = (_place(io, words[0]) if words else 0) or 0
    if not place and not stay:
        change_directory(io, language.directories[0])
        language.directories = language.directories[1:]
    else:
        at = max(place - 1, 0)
        language.directories = language.directories[:at] + language.directories[at + 1 :]
    _show(io)
    return 0


@command(rest("names", raw=True, meta="[-dlrt] [-p PATH] [NAME", words="command"), topic=TOPIC, needs_box=False,
         shell=True)  # fmt: skip
def hash(box: object, args: Args, io: IO) -> int:
    """where commands were found, and how often since

    cat /proc/uptime > /dev/null; hash

    hash NAME looks for it, -t NAME tells where it is, -l as lines to type; -p PATH NAME says where, -d NAME forgets one
    and -r all. Each is looked for again all the same.
    """
    words, path = _path_given(list(args.names))
    on, _, names, _ = short_options(words, "lrtd")
    hashed = io.language.hashed
    if "r" in on:
        hashed.clear()
    for name, (known, hits) in list(hashed.items()):
        if not known:
            place = places(io.session, io.language, name)
            hashed.pop(name)
            hashed.update({name: (place[0], hits)} if place else {})
    if path:
        hashed.update(dict.fromkeys(names, (path, 0)))
        return 0
    if not names and ("t" in on or "d" in on):
        raise ShellError(f"-{'t' if 't' in on else 'd'}: option requires an argument")
    if not names and "r" not in on:
        io.out(_hashed(hashed, "l" in on))
    return max((_hash_one(io, name, on, len(names) > 1) for name in names), default=0)


def _path_given(words: list[str]) -> tuple[list[str], str]:
    """`-p PATH` among the options: the other words, and the path."""
    for at, word in enumerate(words):
        if word == "-p":
            if at + 1 >= len(words):
                raise ShellError("-p: option requires an argument")
            return words[:at] + words[at + 2 :], words[at + 1]
        if word[:1] != "-":
            break
    return words, ""


def _hash_one(io: IO, name: str, on: str, several: bool) -> int:
    hashed = io.language.hashed
    if "d" in on:
        if hashed.pop(name, None) is not None:
            return 0
        io.complain(f"{name}: not found")
        return 1
    found = [hashed[name][0]] if "t" in on and name in hashed else places(io.session, io.language, name)
    known = name in io.language.functions or is_builtin(io.language, name) or (
        io.session.registry.knows(name) and not is_tool(io.session, name)
    )
    if not found and ("t" in on or not known):
        io.complain(f"{name}: not found")
        return 1
    if "t" in on:
        if name in hashed:
            hashed[name] = (found[0], hashed[name][1] + 1)
        shown = f"builtin hash -p {found[0]} {name}" if "l" in on else found[0]
        io.out(f"{name}\t{shown}\n" if several and "l" not in on else f"{shown}\n")
    elif found and not is_builtin(io.language, name) and name not in io.language.functions:
        hashed[name] = (found[0], 0)
    return 0


def _hashed(hashed: dict[str, tuple[str, int]], as_input: bool) -> str:
    if not hashed:
        return "hash: hash table empty\n"
    order = walked(hashed, FILES)
    if as_input:
        return "".join(f"builtin hash -p {hashed[name][0]} {name}\n" for name in order)
    return "hits\tcommand\n" + "".join(f"{hashed[name][1]:4}\t{hashed[name][0]}\n" for name in order)


@command(rest("level", raw=True, meta="[N"), topic=TOPIC, needs_box=False, shell=True)
def caller(box: object, args: Args, io: IO) -> int:
    """who called this function: line, function and script

    f() { caller; }; f
    """
    language, number = io.language, whole(args.level[0]) if args.level else None
    calls = [*language.calls[::-1], *([Called("main", language.within, 0)] if language.scripted else [])]
    if args.level and (number is None or number < 0):
        raise UsageError(f"{args.level[0]}: invalid number")
    if number is None:
        file = calls[1].file if len(calls) > 1 else "NULL"
        io.out(f"{calls[0].line} {file}\n" if calls else "")
        return int(not calls)
    if number + 1 >= len(calls):
        return 1
    io.out(f"{calls[number].line} {calls[number + 1].name} {calls[number + 1].file}\n")
    return 0


@command(topic=TOPIC, needs_box=False, shell=True)
def times(box: object, args: Args, io: IO) -> None:
    """CPU time of the shell and of what it ran: none, as no command takes any

    times
    """
    io.out("0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n")
