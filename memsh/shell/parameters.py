"""`$name` and `${name…}`: special parameters, defaults, patterns, slices, transformations (bash: subst.c).

Known deviations: bytes that are no letters count as one each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell.ctype import lower, upper
from memsh.shell.declared import declaration, double, letters, subscript, unset_array
from memsh.shell.errors import BadSubscript, Dropped, Fatal, ShellError
from memsh.shell.escapes import ansi_c
from memsh.shell.excluding import Excluding
from memsh.shell.limits import LONG
from memsh.shell.patterns import Patient, regex
from memsh.shell.quoting import quote
from memsh.shell.syntax import AnyWord, Param, Word
from memsh.shell.tracing import decoded, expanded
from memsh.shell.variables import made

if TYPE_CHECKING:
    from memsh.shell.expand import Expander, Value
    from memsh.shell.language import Language

_HOMES = {"root": "/root", "nobody": "/nonexistent", "daemon": "/usr/sbin", "bin": "/bin"}
_REFERENCE = regular(r"([A-Za-z_]\w*)(?:\[(.*)\])?|[0-9]+|[@*#?$!-]", re.S)


def home(language: Language, name: str) -> str:
    """`~` and `~NAME`."""
    if name == "":
        found = language.get("HOME")
        return found if found is not None else "/root"
    if name in ("+", "-"):
        return language.get("PWD" if name == "+" else "OLDPWD") or "~" + name
    if is_digits(name[1:] if name[:1] in ("+", "-") else name):  # ~2, ~-1: the directory stack's
        stack = [language.get("PWD") or language.cwd, *language.directories]
        number = int(name[-4:].lstrip("+-"))
        place = len(stack) - 1 - number if name[0] == "-" else number
        return stack[place] if 0 <= place < len(stack) and len(name) < 4 else "~" + name
    return _HOMES.get(name, "~" + name)


# one value


def special(expander: Expander, name: str, bare: bool) -> str | None:
    """`$1`, `$?` and their kin; None if it is not set."""
    language = expander.language
    if name == "?":
        return str(language.last_status)
    if name == "#":
        return str(len(language.positional or ()))
    if name == "$":
        return expander.runner.session.shell_pid()
    if name == "!":
        return language.background or None
    if name == "-":
        return language.flags()
    if name == "0":
        return language.name
    if name == "":  # in a script that has no value it is what it is for bash
        return language.value_text(0) or (None if language.strict else "$")
    if language.positional is None:  # the history of values
        return language.value_text(int(name[:9]))
    if bare and len(name) > 1:  # $10 is $1 and a 0
        first = special(expander, name[0], True)
        return None if first is None else first + name[1:]
    number = int(name[:9])
    return language.positional[number - 1] if 0 < number <= len(language.positional) else None


def unset(expander: Expander, name: str) -> str:
    """A value that is not there: an error, or empty."""
    language = expander.language
    if name and not name[0].isalpha() and name[0] != "_":
        if "nounset" in language.options and name not in ("@", "*"):
            raise Fatal(f"{'$' if is_digits(name) else ''}{name}: unbound variable")
        if language.positional is None and (language.strict or not name) and is_digits(name):
            raise ShellError(f"${name} is not set ({_values(language)})")
        if is_digits(name):
            language.empty.append(name)
        return ""
    if not name:
        raise ShellError(f"$ is not set ({_values(language)})")
    return language.unset_text(name)


def _values(language: Language) -> str:
    have = len(language.values)
    return f"the values so far are $1 to ${have}" if have > 1 else "only $1 is" if have else "no value yet"


def _scalar(expander: Expander, param: Param) -> str | None:
    name, language = param.name, expander.language
    if param.index is not None:
        try:
            return language.element(name, expander.single(param.index))
        except BadSubscript as error:
            if language.strict:
                raise
            expander.runner.say(f"memsh: {error.message}\n")
            return None
    if not name or not (name[0].isalpha() or name[0] == "_"):
        return special(expander, name, param.bare)
    return language.get(name)


def _several(expander: Expander, param: Param) -> list[str] | None:
    """The values of `$@`, `$*`, `${x[@]}`, `${x[*]}`; None for a parameter of one value."""
    if param.name in ("@", "*"):
        return list(expander.language.positional or ())
    if param.index in ("@", "*"):
        return expander.language.list_of(param.name)
    return None


def value(expander: Expander, param: Param, quoted: bool) -> str | list[str] | Word:
    """What the parameter becomes: a text, several, or a word to be expanded in its place."""
    language = expander.language
    name = param.name
    if language.attributes and param.index is None and not param.indirect and language.has(name, "n"):
        meant = language.target(name)
        if "[" in meant and param.op == "len":  # bash asks for a variable of that name, and there is none
            return "0"
        if param.bare and meant.endswith("[@]"):
            return language.list_of(meant[:-3])
    if not param.op and param.index is None and not param.indirect and name not in ("@", "*"):
        found = language.variables.get(name)
        if found is None or language.attributes:
            found = _scalar(expander, param)
        return found if found is not None else unset(expander, name)
    if param.indirect and language.has(name, "n") and param.index is None:
        return language.variables.get(name, "")
    if param.indirect:
        target = _indirect(expander, param)
        if target is None:
            return ""
        param, name = target, target.name
    star = "*" if name == "*" else "[*]" if param.index == "*" else ""
    if param.op in ("keys", "names"):
        found_names = language.keys_of(name) if param.op == "keys" else _names(expander, name)
        if star and not quoted and language.get("IFS") == "":  # bash joins them where nothing would part them again
            return ("" if param.op == "names" else " ").join(found_names)
        return _as_list(expander, found_names, star and "*", quoted)
    several = _several(expander, param)
    if param.op and param.op[-1] in "-=?+" and param.op[0] in ":-=?+":
        answer = _default(expander, param, several, quoted)
        if answer is not None:
            return answer
        if several is None:
            return _scalar(expander, param) or ""
        return _as_list(expander, several, star, quoted)
    if several is not None:
        return _on_list(expander, param, several, star, quoted)
    single = _scalar(expander, param)
    if param.op == "len":
        return str(len(single if single is not None else unset(expander, _shown_name(param))))
    if single is None:
        if param.op == "@a" and letters(language, name):
            return letters(language, language.target(name))
        if param.op == "@A" and letters(language, name):
            return f"declare -{letters(language, name)} {language.target(name)}"
        if param.op[:1] == "@" and "nounset" not in language.options:
            return ""
        single = unset(expander, _shown_name(param))
        if param.op:
            return single
    if param.op == ":":
        return _slice_text(expander, param, single)
    return _change(expander, param)(single) if param.op else single


def _shown_name(param: Param) -> str:
    return param.name if param.index is None else f"{param.name}[{param.index if isinstance(param.index, str) else ''}]"


def _as_list(expander: Expander, values: list[str], star: str, quoted: bool) -> str | list[str]:
    if star and quoted:
        return expander.separator(star == "[*]").join(values)
    return values


def _names(expander: Expander, prefix: str) -> list[str]:
    language = expander.language
    known = {*language.variables, *language.arrays, *language.maps, *made(expander.session)}
    return sorted(name for name in known if name.startswith(prefix) and not unset_array(language, name))


def _indirect(expander: Expander, param: Param) -> Param | None:
    """`${!name}`: the parameter that the value names; None where bash takes an array without such an element."""
    language = expander.language
    if param.index in ("@", "*"):
        values = language.list_of(param.name)
        found: str | None = " ".join(values) if values else None
    elif param.name in ("@", "*"):
        found = " ".join(language.positional or ())
        if not found:
            return None
    else:
        found = _scalar(expander, Param(param.name, param.index))
    if found is None and (param.name in language.arrays or param.name in language.maps):
        return None
    match = _REFERENCE.fullmatch(found or "")
    if match is None:
        if not found and not language.strict:
            raise Dropped(f"{param.name}: invalid indirect expansion")
        raise Dropped(f"{found}: invalid variable name")
    if match[1]:
        index: AnyWord | None = None if match[2] is None else language.key(match[1], match[2])
        return Param(match[1], index, param.op, param.arg, param.other)
    return Param(match[0], None, param.op, param.arg, param.other)


def _default(expander: Expander, param: Param, several: list[str] | None, quoted: bool) -> Value | None:
    """`:-`, `=`, `?`, `+` and their kin. None: the value itself."""
    sign, colon = param.op[-1], param.op[0] == ":"
    if several is None:
        single = _scalar(expander, param)
        there = single is not None and not (colon and not single)
    else:
        between = expander.separator() if quoted and "*" in (param.name, param.index) else " "
        there = bool(several) and not (colon and not between.join(several))
    arg = param.arg if isinstance(param.arg, Word) else Word([("text", param.arg or "", quoted)])
    if sign == "+" and not there:
        return "" if several != [] or "*" in (param.name, param.index) else []
    if sign == "+":
        return arg
    if there:
        return None
    if sign == "-":
        return arg
    if sign == "=":
        text = expander.single(arg)
        if param.index is not None:
            expander.language.set_element(param.name, expander.single(param.index), text)
        elif not (param.name[:1].isalpha() or param.name[:1] == "_"):
            raise Dropped(f"${param.name}: cannot assign in this way")
        else:
            expander.language.set(param.name, text)
        return None
    said = expander.single(arg)
    raise Fatal(f"{_shown_name(param)}: {said or ('parameter null or not set' if colon else 'parameter not set')}")


# patterns and slices


def _on_list(
    expander: Expander, param: Param, values: list[str], star: str, quoted: bool
) -> str | list[str]:  # fmt: skip
    if param.op == "len":
        return str(len(values))
    if param.op == ":":
        values = _slice_list(expander, param, values)
    elif param.op in ("@K", "@k") and param.name not in ("@", "*"):
        keys = expander.language.keys_of(param.name)
        pairs = list(zip(keys, values, strict=False))
        if param.op == "@k":
            return _as_list(expander, [one for pair in pairs for one in pair], star, quoted)
        if param.name not in expander.language.maps:
            return _as_list(expander, [" ".join(f"{key} {double(one)}" for key, one in pairs)], star, quoted)
        return _as_list(expander, ["".join(f"{subscript(key)} {double(one)} " for key, one in pairs)], star, quoted)
    elif param.op == "@A":
        text = _given_again(values) if param.name in ("@", "*") else [declaration(expander.language, param.name)]
        if quoted and not star:
            return [*text[0].split(" ", 2), *text[1:]] if text else []
        return " ".join(text)
    elif param.op:
        change = _change(expander, param)
        values = [change(one) for one in values]
    return _as_list(expander, values, star, quoted)


def _given_again(values: list[str]) -> list[str]:
    """What makes these the arguments again."""
    return ["set --", *map(quote, values)] if values else []


def _number(expander: Expander, word: AnyWord | None) -> int:
    return expander.sum(word) if word is not None else 0


def _slice_text(expander: Expander, param: Param, text: str) -> str:
    start = _number(expander, param.arg)
    if start < 0:
        start += len(text)
        if start < 0:
            return ""
    if param.other is None:
        return text[start:]
    length = _number(expander, param.other)
    if length < 0:
        length += len(text) - start
        if length < 0:
            if start > len(text):
                return ""
            raise Dropped(f"{_number(expander, param.other)}: substring expression < 0")
    return text[start : start + length]


def _slice_list(expander: Expander, param: Param, values: list[str]) -> list[str]:
    start = _number(expander, param.arg)
    language = expander.language
    if param.name in ("@", "*"):
        values = [language.name, *values]
        if start < 0:
            start += len(values)
    elif param.name in language.arrays:
        keys = sorted(language.arrays[param.name])
        if start < 0:
            start += (keys[-1] if keys else -1) + 1
        if start < 0:
            return []
        start = sum(key < start for key in keys)
    elif start < 0:
        start += len(values)
    elif param.name in language.maps:  # bash counts them from 1
        start = max(start - 1, 0)
    if start < 0:
        return []
    if param.other is None:
        return values[start:]
    length = _number(expander, param.other)
    if length < 0:
        raise Dropped(f"{length}: substring expression < 0")
    return values[start : start + length]


def _change(expander: Expander, param: Param) -> Callable[[str], str]:
    """What the operator does to one text, heeding Ctrl-C in a long one."""
    change = _operation(expander, param)

    def heeding(text: str) -> str:
        if len(text) < LONG or param.op == "@P":  # which runs what it finds
            return change(text)
        with expander.session.looking():
            return change(text)

    return heeding


def _operation(expander: Expander, param: Param) -> Callable[[str], str]:
    op = param.op
    if op[0] == "@":
        return _transformation(expander, param, op[1])
    if op[0] in "#%":
        pattern = expander.pattern(param.arg or "")
        return lambda text: _trimmed(text, pattern, op, expander.session.poll)
    if op[0] in "^,~":
        wanted = expander.pattern(param.arg) if isinstance(param.arg, Word) and param.arg.parts else "?"
        return _cased(op, wanted)
    return _replacement(expander, param)


def _trimmed(text: str, pattern: str, op: str, poll: Callable[[], None]) -> str:
    """Without the shortest or longest beginning or end that matches."""
    if not pattern:
        return text
    if op == "##":
        match = _longest(pattern, text, poll)
        return text[match:] if match >= 0 else text
    if op == "#":
        shortest = _shortest(pattern, text, poll)
        return text[shortest:] if shortest >= 0 else text
    matcher = regex(pattern)
    places = range(len(text) + 1) if op == "%%" else range(len(text), -1, -1)
    literal = _tail(pattern)
    if literal and not text.endswith(literal):
        return text
    for at in _heeding(places, poll):
        if matcher.fullmatch(text, at):
            return text[:at]
    return text


def _heeding(places: range, poll: Callable[[], None]) -> Iterator[int]:
    """The places of a long text, with an eye on Ctrl-C."""
    for at in places:
        poll()
        yield at


def _tail(pattern: str) -> str:
    """The letters that a match must end with."""
    match = re.search(r"[^*?\[\]()|\\!@+]*\Z", pattern)
    return match[0] if match is not None and not re.search(r"[|(]", pattern) and "]" not in pattern else ""


def _longest(pattern: str, text: str, poll: Callable[[], None]) -> int:
    matcher = regex(pattern)
    if "(" not in pattern:
        match = matcher.match(text)
        return match.end() if match is not None else -1
    return next((at for at in _heeding(range(len(text), -1, -1), poll) if matcher.fullmatch(text, 0, at)), -1)


def _shortest(pattern: str, text: str, poll: Callable[[], None]) -> int:
    if "(" not in pattern:
        match = regex(pattern, True).match(text)
        return match.end() if match is not None else -1
    matcher = regex(pattern)
    return next((at for at in _heeding(range(len(text) + 1), poll) if matcher.fullmatch(text, 0, at)), -1)


def _cased(op: str, pattern: str) -> Callable[[str], str]:
    matcher = regex(pattern)
    turn: Callable[[str], str] = {"^": upper, ",": lower, "~": _turned}[op[0]]

    def change(text: str) -> str:
        if len(op) == 1:
            return (turn(text[0]) if matcher.fullmatch(text[0]) else text[0]) + text[1:] if text else text
        return "".join(turn(char) if matcher.fullmatch(char) else char for char in text)

    return change


def _replacement(expander: Expander, param: Param) -> Callable[[str], str]:
    """`/`, `//`, `/#`, `/%`; an unquoted & in the new text is what matched."""
    pattern, op = expander.pattern(param.arg or ""), param.op
    if not pattern and op in ("/", "//"):
        return lambda text: text
    pieces = expander.segments(param.other) if param.other is not None else []
    ampersand = expander.language.shopts["patsub_replacement"]

    def new(matched: str) -> str:
        out = []
        for text, is_quoted in pieces:
            if is_quoted or not ampersand or ("&" not in text and "\\" not in text):
                out.append(text)
            else:
                out.append(re.sub(r"\\(&|\\)|&", lambda match: match[1] or matched, text))
        return "".join(out)

    ignore = op in ("/", "//") and expander.language.shopts["nocasematch"]
    matcher, poll = regex(pattern, False, ignore), expander.session.poll

    def change(text: str) -> str:
        if op == "/#":
            end = _longest(pattern, text, poll)
            return new(text[:end]) + text[end:] if end >= 0 else text
        if op == "/%":
            at = next((at for at in _heeding(range(len(text) + 1), poll) if matcher.fullmatch(text, at)), -1)
            return text[:at] + new(text[at:]) if at >= 0 else text
        if not text:
            return new("") if matcher.fullmatch("") else text
        return _replaced(matcher, text, new, 1 if op == "/" else 0)

    return change


def _replaced(matcher: re.Pattern[str] | Patient | Excluding, text: str, new: Callable[[str], str], count: int) -> str:
    """Leftmost matches that are not empty, one after the other."""
    out, at, done = [], 0, 0
    for match in matcher.finditer(text):
        if match.start() == match.end() or match.start() < at:
            continue
        out.append(text[at : match.start()])
        out.append(new(match[0]))
        at = match.end()
        done += 1
        if done == count:
            break
    out.append(text[at:])
    return "".join(out)


def _turned(text: str) -> str:
    return "".join(lower(char) if char.isupper() else upper(char) for char in text)


def _again(language: Language, param: Param, text: str) -> str:
    """`${name@A}`: what gives the name this value again."""
    name = language.target(param.name)
    shown = letters(language, name)
    return f"declare -{shown} {name}={quote(text)}" if shown else f"{name}={quote(text)}"


def _transformation(expander: Expander, param: Param, letter: str) -> Callable[[str], str]:
    """`${x@Q}` and its kin."""
    language = expander.language
    named = param.name[:1].isalpha() or param.name[:1] == "_"
    if letter in "aA" and not named:
        return lambda text: ""
    if letter == "a":
        shown = letters(language, param.name)
        return lambda text: shown
    if letter == "A":
        return lambda text: _again(language, param, text)
    plain: dict[str, Callable[[str], str]] = {
        "Q": quote, "U": upper, "L": lower, "u": lambda text: upper(text[:1]) + text[1:], "E": ansi_c,
        "P": lambda text: expanded(expander.runner, decoded(expander.session, text)), "K": quote, "k": quote,
    }  # fmt: skip
    if letter not in plain:
        raise Dropped(f"${{{param.name}@{letter}}}: bad substitution")
    return plain[letter]
