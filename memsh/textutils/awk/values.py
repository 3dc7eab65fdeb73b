"""awk's values: numbers are floats, strings are str, and text that came from input is a Numeric: a str that compares as
a number if it looks like one (IEEE Std 1003.1, awk, "Expressions in awk")."""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

from memsh.lazy import regular
from memsh.shell import ShellError

Value = float | str
_LEADING = regular(r"[ \t\n\r\f\v]*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)")
_NAMED = regular(r"[ \t\n\r\f\v]*[-+](?:nan|inf)[ \t\n\r\f\v]*\Z", re.IGNORECASE)


class Numeric(str):
    """Text from input: a field, a line, a value of -v, an element of split()."""

    __slots__ = ()


class Bool(Numeric):
    """What mkbool() makes: a number, 0 or 1."""

    __slots__ = ()


class Strong(str):
    """A regular expression as a value: @/…/. As a number it is 0, whatever it begins with (node.c, r_force_number)."""

    __slots__ = ()

    def __float__(self) -> float:
        return 0.0


class Unset(Numeric):
    """A variable that was never set: "" and 0 at once."""

    __slots__ = ()


class Lent(Unset):
    """A parameter for which a variable that was never set was given: that one becomes an array with it. `holder[at]` is
    the variable."""

    __slots__ = ("at", "holder")
    at: int
    holder: list[Any]

    def __new__(cls, holder: list[Any], at: int) -> Lent:
        made = super().__new__(cls, "")
        made.holder, made.at = holder, at
        return made

    def settled(self) -> Any:
        """What the variable is by now."""
        value = self.holder[self.at]
        return value.settled() if type(value) is Lent else value

    def become(self, value: Any) -> None:
        before = self.holder[self.at]
        self.holder[self.at] = value
        if type(before) is Lent:
            before.become(value)


class Missing(Numeric):
    """A field that the record has not: "", which unlike a variable never set is no number (gawk's Null_field)."""

    __slots__ = ()


UNSET, MISSING = Unset(""), Missing("")
TOUCHED = Unset("")  # never set, but read: no array can be made of it any more
NAN = -math.nan  # what a processor answers for 0/0, and so sqrt(-1)


def no_scalar() -> NoReturn:
    """An array stands where a number or a text is wanted."""
    raise ShellError("fatal: attempt to use array in a scalar context", 2)


def unusual(value: float, plus: str) -> str:
    """inf and nan as they are printed; `plus`: what stands before those without a minus sign ("+" in gawk)."""
    sign = "-" if math.copysign(1.0, value) < 0 else plus
    return sign + ("nan" if value != value else "inf")


def number_of(text: str) -> float:
    """The number that a text begins with; 0 if it begins with none."""
    try:
        value = float(text)
    except ValueError:
        match = _LEADING.match(text)
        return float(match[1]) if match is not None else 0.0
    except TypeError:
        no_scalar()
    if value - value != 0.0 or "_" in text or not text.isascii():
        if _NAMED.match(text):
            return value
        match = _LEADING.match(text)
        return float(match[1]) if match is not None else 0.0
    return value


def to_number(value: Value) -> float:
    return value if type(value) is float else number_of(value)  # type: ignore[arg-type]


def looks(text: str) -> float | None:
    """The number that a text from input wholly is, None if it is none."""
    try:
        value = float(text)
    except ValueError:
        return 0.0 if isinstance(text, Unset) else None
    except TypeError:
        no_scalar()
    if value - value != 0.0 or "_" in text or not text.isascii():
        if _NAMED.match(text):
            return value
        match = _LEADING.match(text)
        return float(match[1]) if match is not None and not text[match.end() :].strip() else None
    return value


def numeric(value: Value) -> float | None:
    """The number that a value counts as in a comparison, None for a string."""
    kind = type(value)
    if kind is float:
        return value  # type: ignore[return-value]
    return None if kind is str or kind is Strong else looks(value)  # type: ignore[arg-type]


def truth(value: Value) -> bool:
    kind = type(value)
    if kind is float:
        return value != 0.0
    if kind is str or kind is Strong:
        return value != ""
    number = looks(value)  # type: ignore[arg-type]
    return value != "" if number is None else number != 0.0


def as_long(value: float) -> int:
    """A number cast to C's long, as x86 does it: what no long can hold, and nan, become the least one."""
    return int(value) if -9223372036854775808.0 <= value < 9223372036854775808.0 else -1 << 63


def as_double(digits: str, base: int) -> float:
    """Digits as C's strtod reads them."""
    try:
        return float(int(digits, base))
    except OverflowError:
        return math.inf


def integral(value: float) -> str | None:
    """A whole number as awk prints it; None for what has a fraction or is none."""
    if value - value != 0.0:
        return None
    whole = int(value)
    if whole == value:
        return str(whole)
    return None
