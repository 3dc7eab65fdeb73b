"""What find prints of a name: -printf's directives, -ls's line (findutils 4.9: find/print.c)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.commands.facts import lstat
from memsh.commands.paths import path_of, read_text
from memsh.lazy import regular
from memsh.shell import ShellError
from memsh.textutils.clock import local_zone, now
from memsh.textutils.conversions import field, integer, padded
from memsh.textutils.quoting import C_ESCAPES
from memsh.textutils.timeformat import strftime

if TYPE_CHECKING:
    from memsh.commands.findtests import Expression, Found

_ESCAPE = regular(r"\\(?:([abfnrtv\\])|([0-7]{1,3})|c)")
_CONTROL = {**C_ESCAPES, "\\": "\\"}
_DIRECTIVE = regular(r"%([-+ #0]*)([0-9]*)(?:\.([0-9]*))?([ABCT].|[%abcdDfFgGhHiklmMnpPsStuUyYZ])")
_ANY = regular(r"%[-+ #0]*[0-9]*(?:\.[0-9]*)?([ABCT].|.|\Z)", re.DOTALL)


def format_of(finder: Expression, pattern: str) -> Callable[[Found], str]:
    stop = pattern.find("\\c")
    shown = _ESCAPE.sub(lambda match: _CONTROL[match[1]] if match[1] else chr(int(match[2], 8)),
                        pattern if stop < 0 else pattern[:stop])  # fmt: skip

    for match in _ANY.finditer(shown):
        if not match[1]:
            raise ShellError("error: % at end of format string")
        known = _DIRECTIVE.fullmatch(match[0])
        if known is None:
            finder.io.complain(f"warning: unrecognized format directive `%{match[1]}'")
        else:
            field(known[2])
            field(known[3])

    def text(found: Found) -> str:
        return _DIRECTIVE.sub(lambda match: _spelled(match, _directive(finder, match[4], found)), shown)

    return text


def fstype(finder: Expression, found: Found) -> str:
    """The kind of the file system that a name lies on."""
    session = finder.io.session
    mounted = [line.split()[4:] for line in read_text(session, "/proc/self/mountinfo").splitlines()]
    whole = path_of(session, found.path, False)
    best, kind = "", "ext4"
    for point, *more in mounted:
        if (whole == point or whole.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, more[more.index("-") + 1]
    return kind


def _leads(finder: Expression, found: Found) -> str:
    """%Y: the kind of what a link leads to; N for nothing."""
    try:
        return lstat(finder.io.session, found.path, True).letter
    except OSError:
        return "N"


def _directive(finder: Expression, letter: str, found: Found) -> str | int | float:
    if letter[0] in "ABCT" or letter in "act":
        return _time(finder, letter, found)
    if letter == "%":
        return "%"
    if letter in "pfhHPd":
        parent = posixpath.dirname(found.path)
        below = found.path[len(found.start) :].lstrip("/")
        names = {"p": found.path, "f": found.name, "h": parent or ".", "H": found.start, "P": below}
        return found.depth if letter == "d" else names[letter]
    facts = found.facts
    if letter == "Z":
        finder.io.complain(f"getfilecon failed: '{found.path}': No data available")
        finder.status = 1
        return ""
    if letter in "FY":
        return fstype(finder, found) if letter == "F" else _leads(finder, found)
    if letter == "m":
        return facts.mode
    if letter == "S":
        return facts.blocks * 512 / facts.size if facts.size else 1.0
    values: dict[str, Any] = {
        "s": facts.size, "M": facts.bits(), "u": facts.user or facts.uid,
        "g": facts.group or facts.gid, "U": facts.uid, "G": facts.gid,
        "i": facts.inode, "n": facts.links, "b": facts.blocks, "k": facts.blocks // 2, "l": facts.target,
        "y": facts.letter, "D": facts.dev[0] << 8 | facts.dev[1],
    }  # fmt: skip
    return str(values[letter])


def _when(finder: Expression, found: Found) -> float:
    return now(finder.io) - finder.age(found)


def _time(finder: Expression, letter: str, found: Found) -> str:
    when, zone = _when(finder, found), local_zone(finder.io)
    if len(letter) == 1:
        return strftime("%a %b %e %H:%M:%S.%N %Y", when, zone)
    if letter[1] == "@":
        return f"{when:.10f}"
    if letter[1] == "+":
        return strftime("%Y-%m-%d+%H:%M:%S.%N", when, zone)
    return strftime("%" + letter[1], when, zone)


def long_line(finder: Expression, found: Found) -> str:
    facts, when = found.facts, _when(finder, found)
    size = f"{facts.rdev[0]}, {facts.rdev[1]}" if facts.kind in ("block", "char") else str(facts.size)
    target = f" -> {facts.target}" if facts.kind == "link" else ""
    return (f"{facts.inode:9} {facts.blocks // 2:6} {facts.bits()} {facts.links:3} root     root     {size:>8} "
            f"{strftime('%b %e %H:%M', when, local_zone(finder.io))} {found.path}{target}\n")  # fmt: skip


def _spelled(match: re.Match[str], value: str | int | float) -> str:
    """What printf makes of it: %d a number, %m one in octal, %S a fraction, all else a text."""
    flags, width, precision, letter = match.groups()
    if letter == "%":
        return match[0][:-1] if len(match[0]) > 2 else "%"
    wide, precise = field(width), field(precision)
    if isinstance(value, int):
        return integer(flags, wide, precise, "o" if letter == "m" else letter, value)
    if isinstance(value, float):
        return ("%" + flags + width + ("" if precise is None else f".{precise}") + "g") % value
    return padded(value[:precise], flags, wide)
