"""What C's printf makes of one value, for the tools that have such formats (glibc: vfprintf-process-arg.c).

Known deviation: a field is at most WIDTH characters wide, of which there may be many.
"""

from __future__ import annotations

from memsh.shell.errors import ShellError
from memsh.shell.limits import WIDTH

_LAST = 64  # bits of a long long
_SPELLING = {"d": "d", "i": "d", "u": "d", "o": "o", "x": "x", "X": "X"}
_PREFIXES = {"x": "0x", "X": "0X"}


def field(digits: str | None) -> int | None:
    """A width or precision as it is typed: "" is 0, None none. ShellError above WIDTH characters."""
    if digits is None:
        return None
    width = int(digits[:10] or 0)
    if width > WIDTH:
        raise ShellError(f"a field is at most {WIDTH} characters wide")
    return width


def padded(text: str, flags: str, width: int | None) -> str:
    return text.ljust(width or 0) if "-" in flags else text.rjust(width or 0)


def spelled(flags: str, width: int | None, precision: int | None, digits: str, minus: bool, prefix: str) -> str:
    """An integer of these digits."""
    if precision is not None:
        digits = digits.zfill(precision) if precision or digits != "0" or "#" in flags else ""
    sign = "-" if minus else "+" if "+" in flags else " " if " " in flags else ""
    if "0" in flags and "-" not in flags and precision is None:
        digits = digits.rjust((width or 0) - len(sign) - len(prefix), "0")
    return padded(sign + prefix + digits, flags, width)


def integer(flags: str, width: int | None, precision: int | None, kind: str, value: int) -> str:
    """%d %i %u %o %x %X of a number of any size: the nearest of 64 bits, where it is negative and the kind has no
    sign what two's complement makes of it."""
    if kind in "di":
        value = min(max(value, -1 << _LAST - 1), (1 << _LAST - 1) - 1)
    else:
        value = min(value, (1 << _LAST) - 1) & (1 << _LAST) - 1
        flags = flags.replace("+", "").replace(" ", "")
    digits, prefix = format(abs(value), _SPELLING[kind]), ""
    if "#" in flags and kind != "o":
        flags, prefix = flags.replace("#", ""), _PREFIXES.get(kind, "") if value else ""
    elif "#" in flags and value:
        digits = "0" + digits
    return spelled(flags, width, precision, digits, value < 0, prefix)
