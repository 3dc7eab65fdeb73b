"""Variables and their kinds: declare, local, export, readonly, unset, let, set, shopt, shift (bash: builtins/*.def)."""

from __future__ import annotations

import re

from memsh.commands.options import short_options, too_many
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, UsageError, command, rest
from memsh.shell.arith import compiled
from memsh.shell.declared import assignment, declaration, names
from memsh.shell.errors import Discarded, Fatal, Unreasonable
from memsh.shell.language import Language
from memsh.shell.parser import Parser
from memsh.shell.printed import definition
from memsh.shell.quoting import quote
from memsh.shell.switches import DONE_SHOPTS, IDLE_SHOPTS, OPTIONS, SHOPTS
from memsh.shell.syntax import Assign
from memsh.shell.values import whole

TOPIC = "session"
_WORD = regular(r"([A-Za-z_]\w*)(?:\[((?:[^\[\]]|\[[^\[\]]*\])*|.*?)\](?=\+?=|\Z))?(\+?=)?", re.S | re.A)
_REFERENCE = regular(r"[A-Za-z_]\w*(?:\[.+\])?", re.S | re.A)
_ATTRIBUTES = "aAcilnrtux"


def _declare(
    words: list[str], io: IO, given: str, local: bool, everywhere: bool = False, whole: bool = False
) -> int:  # fmt: skip
    """Give names attributes and values. `given`: attributes that all of them get; `whole`: no elements of arrays."""
    status = 0
    for place, word in enumerate(words):
        match = _WORD.match(word)
        if match is None or (match.end() != len(word) and not match[3]) or (whole and match[2] is not None):
            io.complain(f"`{word}': not a valid identifier")
            status = 1
            continue
        try:
            array = io.arrays.get(place) if io.arrays else None
            value = word[match.end() :]
            if everywhere and match[3] == "=" and not match[2] and io.language.set_global(match[1], value):
                continue
            _declare_one(io, match, value, array, given, local and not everywhere)
        except (Discarded, Unreasonable):
            raise
        except (ShellError, Fatal) as error:
            io.complain(error.message)
            status = 1
    return status


def _declare_one(io: IO, match: re.Match[str], text: str, array: Assign | None, given: str, local: bool) -> None:
    language, name, index, sign = io.language, match[1], match[2], match[3] or ""
    if local:
        language.make_local(name)
    if "n" in given:
        _refer(language, name, text if sign else language.variables.get(name), bool(sign))
        return
    name = language.target(name)
    if sign or "a" in given or "A" in given:
        language.may_change(name)
    fresh = not language.known(name)
    if index is not None and not sign and "A" not in given and name not in language.maps:
        given += "a"  # `declare x[4]`: an array without elements
    if index == "" and sign:
        raise ShellError(f"{name}[]: bad array subscript")
    _shape(language, name, given)
    plain = "".join(letter for letter in given if letter in "ciltux")
    if plain:
        if set(plain) & set("clu"):
            language.mark(name, "clu", False)
        if len(set(plain) & set("clu")) > 1:  # two of them are none
            plain = "".join(letter for letter in plain if letter not in "clu")
        language.mark(name, plain)
    if array is not None and array.items is not None:
        expander = io.runner.expander()
        if "A" in given or name in language.maps:
            pass
        elif name not in language.arrays and not array.adds:
            language.variables.pop(name, None)
        expander.assign(array)
    elif sign:
        if index is None and text[:1] == "(" and text[-1:] == ")" and ("a" in given or "A" in given):
            _compound(io, f"{name}{sign}{text}")
        elif index is not None:
            language.set_element(name, index, text, sign == "+=")
        else:
            language.set(name, text, sign == "+=")
    elif fresh and ("a" in given or "A" in given or (name not in language.attributes and "r" not in given)):
        language.mark(name, "d")
    if "r" in given:
        language.mark(name, "r")


def _compound(io: IO, text: str) -> None:
    """`declare -a "name=( … )"`: the words are read as in an assignment."""
    found = Parser(text).assignment()
    if found is not None:
        io.runner.expander().assign(found)


def _refer(language: Language, name: str, text: str | None, given: bool) -> None:
    """`-n`: from now on the name means another."""
    if given and text == name:
        raise ShellError(f"{name}: nameref variable self references not allowed")
    if text and not _REFERENCE.fullmatch(text):
        raise ShellError(f"`{text}': invalid variable name for name reference")
    if given:
        language.may_change(name)
        language.variables[name] = text or ""
    language.mark(name, "n")


def _shape(language: Language, name: str, given: str) -> None:
    """`-a`, `-A`: what kind of variable it is from now on."""
    if "A" in given and name not in language.maps:
        if name in language.arrays:
            raise ShellError(f"{name}: cannot convert indexed to associative array")
        language.maps[name] = {"0": language.variables.pop(name)} if name in language.variables else {}
        language.changes += 1
    elif "a" in given and name not in language.arrays:
        if name in language.maps:
            raise ShellError(f"{name}: cannot convert associative to indexed array")
        language.as_array(name)
        language.changes += 1


def _take_away(language: Language, words: list[str], letters: str) -> None:
    for word in words:
        name = word.partition("=")[0]
        if "r" in letters:
            language.may_change(name)
        language.mark(name, letters, False)
        if "=" in word:
            language.set(name, word.partition("=")[2])


def _print(io: IO, words: list[str], letters: str) -> int:
    """`declare -p`: all, or those with certain attributes, or the names given."""
    language, status = io.language, 0
    if not words:
        standing = language.exported() if "x" in letters else {}
        for name in sorted({*names(language), *language.attributes, *standing}):
            kinds = set(language.attributes.get(name, ())) | ({"a"} if name in language.arrays else set())
            kinds |= {"A"} if name in language.maps else set()
            if not letters or kinds & set(letters) or name in standing:
                io.out(declaration(language, name) + "\n")
        return 0
    for name in words:
        if not language.known(name) and name not in language.attributes and language.get(name) is None:
            io.complain(f"{name}: not found")
            status = 1
        else:
            io.out(declaration(language, name) + "\n")
    return status


def _functions(io: IO, words: list[str], only_names: bool) -> int:
    """`declare -f`, `declare -F`."""
    functions, status = io.language.functions, 0
    for name in words or sorted(functions):
        if name not in functions:
            status = 1
        elif only_names:
            io.out(f"{name}\n" if words else f"declare {_function_letters(io, name)} {name}\n")
        else:
            io.out(definition(name, functions[name].text) + "\n")
    return status


def _everything(io: IO) -> None:
    """What `set` and `declare` list without words: the variables, then the functions, which POSIX leaves out."""
    for name in names(io.language):
        io.out(assignment(io.language, name) + "\n")
    if "posix" not in io.language.options:
        _functions(io, [], False)


def _function_letters(io: IO, name: str) -> str:
    return "-f" + "r" * io.language.has(name, "F") + "x" * io.language.has(name, "X")


def _declaring(args: Args, io: IO) -> int:
    on, off, words, at = short_options(args.words, _ATTRIBUTES + "pfFgI")
    if io.arrays:
        io.arrays = {place - 1 - at: array for place, array in io.arrays.items()}
    if "f" in on or "F" in on:
        given = ("X" if "x" in on else "") + ("F" if "r" in on else "")
        for name in words if given else ():
            if name not in io.language.functions:
                return 1
            io.language.mark(name, given)
        return 0 if words and given else _functions(io, words, "F" in on)
    letters = "".join(letter for letter in on if letter in _ATTRIBUTES)
    if "p" in on or (not words and not off):
        if not words and "p" not in on and not letters:
            _everything(io)
            return 0
        return _print(io, words, letters)
    if off:
        _take_away(io.language, words, off)
        if not letters:
            return 0
    return _declare(words, io, letters, bool(io.language.frames), "g" in on)


_META = "[-aAilnrux] [-pfFg] [NAME[=VALUE]"


@command(rest("words", raw=True, meta=_META), topic=TOPIC, needs_box=False, shell=True, help_option=False)
def declare(box: object, args: Args, io: IO) -> int:
    """give variables attributes: arrays, integers, read-only, exported

    declare -A zone=([DMA]=4096); echo ${zone[DMA]}

    -a array, -A associative array, -i integer, -l -u lower and upper case, -n reference, -r read-only, -x exported; +
    takes one away; -p prints, -f and -F functions; inside a function the names are local, unless -g.
    """
    return _declaring(args, io)


@command(rest("words", raw=True, meta=_META), topic=TOPIC, needs_box=False, shell=True, help_option=False)
def typeset(box: object, args: Args, io: IO) -> int:
    """the same as declare

    typeset -i n=4*1024; echo $n
    """
    return _declaring(args, io)


@command(rest("words", raw=True, meta="[-aAilnrux] NAME[=VALUE]"), topic=TOPIC, needs_box=False, shell=True)
def local(box: object, args: Args, io: IO) -> int:
    """variables of a function's own

    f() { local n=1; echo $n; }; f
    """
    if not io.language.frames:
        raise ShellError("can only be used in a function")
    if args.words == ["-"]:
        io.language.frames[-1].options = (set(io.language.options), dict(io.language.shopts))
        return 0
    on, _, words, at = short_options(args.words, _ATTRIBUTES + "p")
    if not words:
        for name in sorted(io.language.frames[-1].saved):
            if io.language.known(name) or name in io.language.attributes:
                io.out(declaration(io.language, name) + "\n")
        return 0
    if "p" in on:
        mine = [name for name in words if name in io.language.frames[-1].saved]
        for name in words:
            if name not in mine:
                io.complain(f"{name}: not found")
        return (_print(io, mine, "") if mine else 0) or int(len(mine) < len(words))
    if io.arrays:
        io.arrays = {place - 1 - at: array for place, array in io.arrays.items()}
    return _declare(words, io, "".join(letter for letter in on if letter in _ATTRIBUTES), True)


def _marked(args: Args, io: IO, letter: str) -> int:
    """export and readonly."""
    on, _, words, at = short_options(args.words, "paAfn")
    language = io.language
    if io.arrays:
        io.arrays = {place - 1 - at: array for place, array in io.arrays.items()}
    if "f" in on:
        for name in words:
            if name not in language.functions:
                io.complain(f"{name}: not a function")
                return 1
            language.mark(name, "F" if letter == "r" else "X", letter == "r" or "n" not in on)
        for name in sorted(language.functions) if not words else ():
            if language.has(name, "F" if letter == "r" else "X"):
                shown = definition(name, language.functions[name].text)
                io.out(f"{shown}\ndeclare {_function_letters(io, name)} {name}\n")
        return 0
    if not words:
        return _print(io, [], letter)
    if "n" in on:
        for word in words:
            _declare([word], io, "", False, whole=True)
            language.mark(word.partition("=")[0], letter, False)
        return 0
    return _declare(words, io, letter + "".join(kind for kind in on if kind in "aA"), False, whole=True)


@command(rest("words", raw=True, meta="[-pn] NAME[=VALUE]"), topic=TOPIC, needs_box=False, shell=True)
def export(box: object, args: Args, io: IO) -> int:
    """set variables and mark them for the programs that are run; without words print those

    export n=64
    """
    _keep_given(io, args.words)
    return _marked(args, io, "x")


@command(rest("words", raw=True, meta="[-paA] NAME[=VALUE]"), topic=TOPIC, needs_box=False, shell=True)
def readonly(box: object, args: Args, io: IO) -> int:
    """variables that cannot be changed any more

    readonly page=4096
    """
    _keep_given(io, args.words)
    return _marked(args, io, "r")


def _keep_given(io: IO, words: list[str]) -> None:
    """`z=1 export z`, and in a function that `z=1` stands before: the value stays (bash: set_var_attribute)."""
    language = io.language
    for kept in [kept for _, kept in language.covered[-1:]] + [frame.given for frame in language.frames[-1:]]:
        for word in words:
            kept.pop(word, None)


@command(rest("names", raw=True, meta="[-vf] NAME"), topic=TOPIC, needs_box=False, shell=True)
def unset(box: object, args: Args, io: IO) -> int:
    """forget variables, or with -f functions

    p=1; unset p
    """
    on, _, words, _ = short_options(args.names, "vfn")
    language, status = io.language, 0
    for word in words:
        match = re.fullmatch(r"([A-Za-z_]\w*)(?:\[(.*)\])?", word, re.S | re.A)
        if "f" in on or (match is None and ("v" not in on or word in language.functions) and "[" not in word):
            language.functions.pop(word, None)
            language.mark(word, "X", False)
        elif match is None:
            io.complain(f"`{word}': not a valid identifier")
            status = 1
        else:
            try:
                _unset(language, match, "n" in on, "v" in on)
            except ShellError as error:
                io.complain(error.message.replace(": readonly", ": cannot unset: readonly"))
                status = 1
    return status


def _unset(language: Language, match: re.Match[str], reference: bool, variable: bool) -> None:
    name, index = match[1], match[2]
    if not reference:
        name, bracket, meant = language.target(name).partition("[")
        index = meant[:-1] if bracket else index
    if index is not None:
        if index in ("@", "*") and name not in language.maps:
            language.unset(name)
        else:
            language.unset_element(name, language.key(name, index))
    elif language.known(name) or name in language.attributes or language.get(name) is not None:
        language.unset(name)
    elif not variable:
        language.functions.pop(name, None)
        language.changes += 1


@command(rest("words", raw=True, meta="EXPRESSION"), topic=TOPIC, needs_box=False, shell=True)
def let(box: object, args: Args, io: IO) -> int:
    """add up expressions; the status is 1 if the last is 0

    let n=4*1024 n/=2; echo $n
    """
    value = 0
    if not args.words:
        raise ShellError("expression expected")
    for word in args.words:
        try:
            value = compiled(word)(io.language)
        except (Discarded, Fatal):
            raise
        except ShellError as error:
            raise ShellError(error.message) from None
    return int(not value)


# options


def _listed(io: IO, again: bool) -> None:
    """`set -o`, `set +o`."""
    options = io.language.options
    for name in sorted(OPTIONS):
        if again:
            io.out(f"set {'-' if name in options else '+'}o {name}\n")
        else:
            io.out(f"{name:<15}\t{'on' if name in options else 'off'}\n")


@command(
    rest("words", raw=True, meta="[-euxfCaE] [-o OPTION] [--] [WORD"), name="set", topic=TOPIC, needs_box=False,
    shell=True,
)  # fmt: skip
def set_(box: object, args: Args, io: IO) -> int:
    """options of the shell, its arguments; without words the variables

    set -euo pipefail

    -e stops at a failing command, -u makes an unset name an error, -x prints each command, -f matches no paths, -C
    overwrites no file with >, -o pipefail counts each stage of a pipe; + takes an option back. `set -- WORDS` sets $1,
    $2 and so on.
    """
    language = io.language
    words: list[str] = args.words
    if not words:
        _everything(io)
        return 0
    short = {letter: name for name, letter in OPTIONS.items() if letter}
    place = 0
    while place < len(words):
        word = words[place]
        if word in ("--", "-") or word[:1] not in ("-", "+"):
            break
        place += 1
        on = word[0] == "-"
        for letter in word[1:]:
            if letter == "o":
                if place >= len(words):
                    _listed(io, not on)
                    return 0
                language.option(words[place], on)
                place += 1
            elif letter in short:
                language.option(short[letter], on)
            else:
                raise UsageError(f"{word[0]}{letter}: invalid option")
    if place < len(words):
        if words[place] in ("--", "-"):
            if words[place] == "-":
                language.option("xtrace", False)
                language.option("verbose", False)
                if place + 1 == len(words):
                    return 0
            place += 1
        language.positional = words[place:]
    return 0


@command(rest("words", raw=True, meta="[-suqpo] [OPTION"), topic=TOPIC, needs_box=False, shell=True)
def shopt(box: object, args: Args, io: IO) -> int:
    """options of the shell that have names only

    shopt -s nullglob

    -s switches on, -u off, -q only answers by its status.
    """
    on, _, words, _ = short_options(args.words, "suqpo")
    language, status = io.language, 0
    shown = DONE_SHOPTS if language.strict else SHOPTS.keys()  # at the prompt only what can be switched
    known = {name: language.shopts[name] for name in SHOPTS if name in shown}
    if "o" in on:
        known = {name: name in language.options for name in OPTIONS}
    if not words:
        for name in sorted(known, key=lambda name: (name != "autocd", name)):  # bash's table begins with it
            if ("s" in on and not known[name]) or ("u" in on and known[name]):
                continue
            io.out(_option_line(name, known[name], "p" in on, "o" in on))
        return 0
    for name in words:
        if name not in known:
            io.complain(f"{name}: invalid shell option name")
            status = 1
        elif "s" in on or "u" in on:
            if "o" in on:
                language.option(name, "s" in on)
            elif name not in DONE_SHOPTS and ("s" in on) is not SHOPTS[name] and name not in IDLE_SHOPTS:
                raise ShellError(f"{name}: always {'on' if SHOPTS[name] else 'off'} in this shell")
            else:
                language.shopts[name] = "s" in on
                language.changes += 1
        else:
            if "q" not in on:
                io.out(_option_line(name, known[name], "p" in on, "o" in on))
            status = status or int(not known[name])
    return status


def _option_line(name: str, on: bool, again: bool, of_set: bool) -> str:
    if again:
        return f"set {'-' if on else '+'}o {name}\n" if of_set else f"shopt -{'s' if on else 'u'} {name}\n"
    return f"{name:<15}\t{'on' if on else 'off'}\n"


@command(rest("words", raw=True, meta="N"), topic=TOPIC, needs_box=False, shell=True)
def shift(box: object, args: Args, io: IO) -> int:
    """move the arguments on: $2 becomes $1

    set -- a b c; shift; echo $1
    """
    text = args.words[0] if args.words else "1"
    if len(args.words) > 1:
        too_many(io)
    number, language = whole(text), io.language
    if number is None:
        raise ShellError(f"{text}: numeric argument required")
    if number < 0:
        raise ShellError(f"{text}: shift count out of range")
    have = language.positional or []
    if number > len(have):
        return 1
    language.positional = have[number:]
    return 0


# aliases


@command(rest("words", raw=True, meta="[NAME[=TEXT]"), topic=TOPIC, needs_box=False, shell=True)
def alias(box: object, args: Args, io: IO) -> int:
    """another name for a command and its first words

    alias zone='buddy Normal'; zone
    """
    aliases, status = io.language.aliases, 0
    words, listing = list(args.words), not args.words
    while words and words[0] in ("-p", "--"):
        listing = True
        if words.pop(0) == "--":
            listing = not words
            break
    else:
        if words and words[0][:1] == "-" and len(words[0]) > 1:
            raise UsageError(f"{words[0][:2]}: invalid option\nalias: usage: alias [-p] [name[=value] ... ]")
    for word in [*sorted(aliases if listing else ()), *words]:
        name, equals, text = word.partition("=")
        if equals:
            if not name or re.search(r"[\s/$`=|&;()<>'\"]", name):
                io.complain(f"`{name}': invalid alias name")
                status = 1
                continue
            if io.session.no_host and io.session.registry.knows(name):
                raise ShellError(f"{name}: a command, which nothing replaces here")
            aliases[name] = text
            io.language.changes += 1
        elif name in aliases:
            io.out(f"{'' if 'posix' in io.language.options else 'alias '}{name}={quote(aliases[name])}\n")
        else:
            io.complain(f"{name}: not found")
            status = 1
    return status


@command(rest("words", raw=True, required=True, meta="[-a] NAME"), topic=TOPIC, needs_box=False, shell=True)
def unalias(box: object, args: Args, io: IO) -> int:
    """forget aliases

    alias z=zones; unalias z
    """
    aliases, status, words = io.language.aliases, 0, list(args.words)
    if words[:1] == ["-a"]:
        aliases.clear()
        return 0
    if words[0][:1] == "-" and words[0] not in ("-", "--"):
        raise UsageError(f"{words[0][:2]}: invalid option\nunalias: usage: unalias [-a] name [name ...]")
    for name in words[words[0] == "--" :]:
        if aliases.pop(name, None) is None:
            io.complain(f"{name}: not found")
            status = 1
    io.language.changes += 1
    return status
