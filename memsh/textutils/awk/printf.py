"""printf's formats as awk has them (gawk's builtin.c, format_tree): %c of a number, %d of anything, `*`, `%2$s`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from memsh.lazy import regular
from memsh.shell import ShellError
from memsh.shell.limits import AWK_WIDTH
from memsh.textutils.awk.values import Value, as_long, number_of, numeric, unusual
from memsh.textutils.conversions import padded, spelled

_DIRECTIVE = regular(
    r"%([-+ #0']*)(?:([0-9]+)\$)?([-+ #0']*)(\*(?:[0-9]+\$)?|-?[0-9]+)?(?:\.(\*(?:[0-9]+\$)?|-?[0-9]*))?[hlLqjzt]*(.)",
    re.DOTALL,
)


def formatted(pattern: str, values: list[Value], text: Callable[[Value], str], plus: str = "+") -> str:
    """The text. ShellError if there are too few values, or a field would be wider than a mebibyte."""
    place = 0
    numbered: bool | None = None  # whether %2$d is how values are chosen

    def ran_out(end: int) -> ShellError:
        return ShellError("fatal: not enough arguments to satisfy format string\n"
                          f"\t`{pattern}'\n\t{' ' * (end - 1)}^ ran out for this one", 2)  # fmt: skip

    def following(end: int) -> Value:
        nonlocal place
        if place >= len(values):
            raise ran_out(end)
        place += 1
        return values[place - 1]

    def choose(position: str | None, end: int) -> Value:
        nonlocal numbered
        if numbered is not None and numbered is not bool(position):
            raise ShellError("fatal: must use `count$' on all formats or none", 2)
        numbered = bool(position)
        if not position:
            return following(end)
        if not int(position):
            raise ShellError("fatal: argument index with `$' must be > 0", 2)
        if int(position) > len(values):
            raise ShellError(
                f"fatal: argument index {position} greater than total number of supplied arguments", 2
            )  # fmt: skip
        return values[int(position) - 1]

    def other(position: str, end: int) -> Value:
        """What `*` stands for, or `*2$`, which may be among formats that count on."""
        if not position:
            if numbered:
                raise ShellError("fatal: fatal: must use `count$' on all formats or none", 2)
            return following(end)
        if int(position) > len(values):
            raise ran_out(end)
        return values[int(position) - 1]

    def measure(word: str | None, end: int) -> int | None:
        if word is None:
            return None
        if word[:1] == "*":
            given = other(word[1:-1], end)
            number = as_long(given if isinstance(given, float) else number_of(given))
        else:
            number = int(word or 0)
        if abs(number) > AWK_WIDTH:
            raise ShellError(f"fatal: a field is at most {AWK_WIDTH} characters wide", 2)
        return number

    def one(match: re.Match[str]) -> str:
        early, position, flags, width_word, precision_word, kind = match.groups()
        flags += early
        if kind == "%":
            return "%"
        if kind not in "diouxXcseEfFgGaA":
            return match[0]
        if position:
            choose(position, match.end())  # which of them is wrong is told from left to right
        width, precision = measure(width_word, match.end(4)), measure(precision_word, match.end(5))
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        if precision is not None and precision < 0:
            precision = None
        value = choose(position, match.end())
        return _field(flags.replace("'", ""), width, precision, kind, value, text, plus)

    return _DIRECTIVE.sub(one, pattern)


def _field(
    flags: str, width: int | None, precision: int | None, kind: str, value: Value, text: Callable[[Value], str],
    plus: str,
) -> str:  # fmt: skip
    spec = "%" + flags + ("" if width is None else str(width))
    if kind == "s":
        shown = text(value) if precision is None else text(value)[:precision]
        return padded(shown, flags, width)
    if kind == "c":
        number = numeric(value) if not (type(value) is str or value == "") else None
        char = text(value)[:1] or "\0" if number is None else _char(number)
        return (spec + "s") % char
    number = value if isinstance(value, float) else number_of(value)
    if number - number != 0.0:
        return unusual(number, plus) if plus else padded(unusual(number, plus), flags, width)
    if kind in "eEfFgGaA":
        if kind in "aA":
            return _hexadecimal(flags, width, precision, kind, number)
        return (spec + ("" if precision is None else f".{precision}") + kind) % number
    whole = int(number)
    if kind in "di":
        return spelled(flags, width, precision, str(abs(whole)), whole < 0, "")
    if whole < 0:
        whole += 1 << 64
    digits = {"o": f"{whole:o}", "u": str(whole), "x": f"{whole:x}", "X": f"{whole:X}"}[kind]
    prefix = ""
    if "#" in flags and whole:
        prefix = {"o": "0", "x": "0x", "X": "0X"}.get(kind, "")
    return spelled(flags.replace("+", "").replace(" ", ""), width, precision, digits, False, prefix)


def _hexadecimal(flags: str, width: int | None, precision: int | None, kind: str, number: float) -> str:
    """%a, as C prints it: no more digits than the number has, or those of the precision, rounded to even."""
    lead, _, rest = abs(number).hex().partition("p")
    whole, _, digits = lead[2:].partition(".")
    if precision is None:
        digits = digits.rstrip("0")
    elif precision < len(digits):
        cut = 4 * (len(digits) - precision)
        value = int(whole + digits, 16)
        value = (value + (1 << (cut - 1)) - 1 + (value >> cut & 1)) >> cut
        spelled = f"{value:x}".zfill(precision + 1)
        whole, digits = spelled[: len(spelled) - precision], spelled[len(spelled) - precision :]
    else:
        digits = digits.ljust(precision, "0")
    point = "." if digits or "#" in flags else ""
    sign = "-" if math.copysign(1.0, number) < 0 else "+" if "+" in flags else " " if " " in flags else ""
    body = f"{whole}{point}{digits}p{rest}"
    room = (width or 0) - len(sign) - 2
    if "0" in flags and "-" not in flags:
        body = body.rjust(room, "0")
    shown = f"{sign}0x{body}"
    return padded(shown.upper() if kind == "A" else shown, flags, width)


def _char(number: float) -> str:
    code = as_long(number) if number - number == 0.0 else 0
    return chr(code) if 0 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else chr(code & 0xFF)

