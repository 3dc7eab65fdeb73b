"""How numbers are read from what is written to a tunable: one class for the proc_do… handlers (kernel/sysctl.c, kernel/
time/time.c).

What a handler keeps is what it shows again: a time that is counted in ticks comes back rounded to them.

**Known deviations:** less than a hundredth of a second below zero shows as 0, not -0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from memsh.lazy import regular
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import INT_MAX, INT_MIN, PAGE_SIZE, UINT_MAX

U8_MAX = 255
USER_HZ = 100
TMPBUFLEN = 22
SPACE = " \t\n\r\v\f"
BETWEEN = " \t\n"  # what may follow a number
_NUMBER = regular(r"0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*)", re.ASCII)


def proc_get_long(text: str, bits: int, behind: str = BETWEEN) -> tuple[int, bool, str]:
    """The number that `text` begins with, as the word of `bits` bits that C makes of it, whether a minus stood there,
    and the rest. EINVAL if there is none, it is too long or something else than `behind` follows."""
    start = text[: TMPBUFLEN - 1]
    negative = start[:1] == "-" and len(text) > 1
    found = _NUMBER.match(start, int(negative))
    if found is None:
        raise KernelError("EINVAL", f"{text.strip()!r} is not a number")
    hexadecimal, octal, decimal = found.groups()
    value = int(hexadecimal, 16) if hexadecimal else int(octal or decimal, 8 if octal else 10)
    rest = text[found.end() :]
    if value >> bits or found.end() == TMPBUFLEN - 1 or (rest and rest[0] not in behind):
        raise KernelError("EINVAL", f"{text.strip()!r} is not a number")
    return value, negative, rest


class Handler(NamedTuple):
    """A proc_handler with its extra1 and extra2, on a machine of `bits` bits and `hz` ticks a second."""

    kind: str
    low: int | None
    high: int | None
    bits: int
    hz: int

    def write(self, text: str, values: list[int]) -> None:
        """Put the numbers of `text` into `values`, the first ones if they are fewer. EINVAL; what stood before the
        wrong number is there then. Those of one number look at nothing behind it."""
        convert = CONVERSIONS[self.kind]
        rest = text[: PAGE_SIZE - 1].lstrip(SPACE)
        if not rest:
            raise KernelError("EINVAL", "there is no number")
        for at in range(len(values)):
            value, negative, rest = proc_get_long(rest, self.bits)
            number = convert(self, value, negative)
            if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
                raise KernelError("EINVAL", f"it must be from {self.low} to {self.high}")
            values[at] = SHOWN[self.kind](self, number) if self.kind in SHOWN else number
            rest = rest.lstrip(SPACE)
            if not rest:
                break


def _within(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise KernelError("EINVAL", f"it must be from {low} to {high}")
    return value


def _int(handler: Handler, value: int, negative: bool) -> int:
    return _within(-value if negative else value, INT_MIN, INT_MAX)


def _unsigned(most: int) -> Callable[[Handler, int, bool], int]:
    def convert(handler: Handler, value: int, negative: bool) -> int:
        return _within(value, 0, -1 if negative else most)

    return convert


def _jiffies(handler: Handler, value: int, negative: bool) -> int:
    """Seconds."""
    _within(value, 0, INT_MAX // handler.hz)
    return -value if negative else value


def _wrapped(value: int, bits: int) -> int:
    """What a signed word of `bits` bits makes of it."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _userhz_jiffies(handler: Handler, value: int, negative: bool) -> int:
    """Hundredths of a second, in ticks (clock_t_to_jiffies)."""
    hz, word = handler.hz, (1 << handler.bits) - 1
    if hz > USER_HZ:
        _within(value, 0, ((word >> 1) // hz) * USER_HZ)
    value = -value & word if negative else value
    most = word // hz * USER_HZ if hz % USER_HZ else word // (hz // USER_HZ)
    return _wrapped(word if value >= most else value * hz // USER_HZ, 32)  # not i386: an int


def _ms_jiffies(handler: Handler, value: int, negative: bool) -> int:
    """Milliseconds, in ticks (msecs_to_jiffies): more than half of what an unsigned int holds is for ever."""
    value = (-value if negative else value) & UINT_MAX
    if value > INT_MAX:
        return _within(((1 << handler.bits - 1) - 1 >> 1) - 1, 0, INT_MAX)
    return -(-value * handler.hz // 1000)


def _pipe_size(handler: Handler, value: int, negative: bool) -> int:
    """round_pipe_size()"""
    _within(value, 0, -1 if negative else 1 << 31)
    return max(PAGE_SIZE, 1 << (value - 1).bit_length()) if value else PAGE_SIZE


class MinusZero(int):
    """Ticks below zero that make no hundredth of a second: nothing, behind its sign."""

    def __str__(self) -> str:
        return "-0"


def _hundredths(amount: int, negative: bool) -> int:
    return (-amount or MinusZero()) if negative else amount


CONVERSIONS: dict[str, Callable[[Handler, int, bool], int]] = {
    "bool": lambda handler, value, negative: int(bool(value)),
    "int": _int,
    "jiffies": _jiffies,
    "ms_jiffies": _ms_jiffies,
    "pipe_size": _pipe_size,
    "u8": _unsigned(U8_MAX),
    "uint": _unsigned(UINT_MAX),
    "ulong": _unsigned((1 << 64) - 1),  # of the widest machine; each ends where its own unsigned long does
    "userhz_jiffies": _userhz_jiffies,
}
# what is kept in ticks and shown as time
SHOWN: dict[str, Callable[[Handler, int], int]] = {
    "ms_jiffies": lambda handler, ticks: ticks * 1000 // handler.hz,
    "userhz_jiffies": lambda handler, ticks: _hundredths(abs(ticks) * USER_HZ // handler.hz, ticks < 0),
}
