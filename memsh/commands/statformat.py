"""The formats of stat: how a directive is read, and what its flags, width and precision do (coreutils 9.1, src/stat.c:
print_it, make_format, out_epoch_sec)."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.lazy import regular
from memsh.shell import ShellError
from memsh.shell.io import IO
from memsh.textutils.conversions import field, integer, padded
from memsh.textutils.quoting import C_ESCAPES, quote

_DIRECTIVE = regular(r"%(['\-+ #0I]*)([0-9]*)(?:\.([0-9]*))?([HL](?=[dr])|)(.?)", re.DOTALL)
_ESCAPE = regular(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_CONTROL = {**C_ESCAPES, "\\": "\\", '"': '"', "e": "\x1b"}


class Whole(NamedTuple):
    """A number: `style` is printf's letter, d (signed), u, o or x."""

    value: int
    style: str = "u"


class Epoch(NamedTuple):
    """Seconds since 1970, as decimals."""

    nanoseconds: int


class Arrow(NamedTuple):
    """A link's name and where it leads, each of which has the width to itself."""

    name: str
    target: str


Value = str | Whole | Epoch | Arrow
Values = dict[str, Value]


def formatted(values: Values, pattern: str) -> str:
    """`pattern` with each directive's value in its place; `?` for a letter that stands for nothing."""

    def one(match: re.Match[str]) -> str:
        flags, width, precision, half, letter = match.groups()
        if letter in ("%", ""):
            if len(match[0]) > 1 + len(letter):
                raise ShellError(f"{quote(match[0])}: invalid directive")
            return "%"
        value = values.get(half + letter)
        if value is None:
            return "?" + letter * bool(half)
        wide, precise = field(width) or 0, field(precision)
        if isinstance(value, Epoch):
            return _epoch(value.nanoseconds, flags, wide, 9 if precision == "" else precise or 0)
        return _spelled(value, flags, wide, precise)

    return _DIRECTIVE.sub(one, pattern)


def unescaped(io: IO, text: str) -> str:
    """The escapes of --printf; one that means nothing is warned about."""

    def one(match: re.Match[str]) -> str:
        hexadecimal, octal, char = match.groups()
        if hexadecimal or octal:
            return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 0xFF)
        if char not in _CONTROL:
            io.complain(f"warning: unrecognized escape '\\{char}'")
        return _CONTROL.get(char, char)

    return _ESCAPE.sub(one, text)


def _spelled(value: str | Whole | Arrow, flags: str, width: int, precision: int | None) -> str:
    if isinstance(value, str):
        return padded(value[:precision], flags, width)
    if isinstance(value, Arrow):
        return " -> ".join(_spelled(part, flags, width, precision) for part in value)
    return integer(flags, width, precision, value.style, value.value)


def _epoch(nanoseconds: int, flags: str, width: int, decimals: int) -> str:
    """Cut, not rounded, to as many decimals as that."""
    seconds, left = divmod(nanoseconds, 1_000_000_000)
    text = str(seconds) + (f".{f'{left:09d}'[:decimals].ljust(decimals, '0')}" if decimals else "")
    if "0" in flags and "-" not in flags:
        return text.rjust(width, "0")
    return padded(text, flags, width)
