"""bc's numbers: as many digits as it takes, `scale` of them behind the point (GNU bc's number.c).

A number is an int and a count of decimals; what an operation has too many of is cut off, never rounded. Known
deviations: a number of more than DIGITS digits is refused, where bc would compute on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt
from typing import NamedTuple

DIGITS = 200_000
_PART = 4_000  # digits that Python itself writes at once


class TooLong(Exception):
    """A number of more digits than are computed with."""


class Number(NamedTuple):
    """`value` / 10 ** `scale`."""

    value: int
    scale: int = 0

    def cut(self, scale: int) -> Number:
        """The number with `scale` decimals, the others cut off."""
        if scale >= self.scale:
            return Number(self.value * _ten(scale - self.scale), scale)
        return Number(_quotient(self.value, _ten(self.scale - scale)), scale)

    def whole(self) -> int:
        return self.cut(0).value


ZERO, ONE = Number(0), Number(1)


def _ten(power: int) -> int:
    if power > DIGITS:
        raise TooLong
    return int(10**power)


def _quotient(one: int, other: int) -> int:
    """C's division: towards nought."""
    found = abs(one) // abs(other)
    return -found if (one < 0) != (other < 0) else found


def _aligned(one: Number, other: Number) -> tuple[int, int, int]:
    scale = max(one.scale, other.scale)
    return one.cut(scale).value, other.cut(scale).value, scale


def add(one: Number, other: Number) -> Number:
    a, b, scale = _aligned(one, other)
    return Number(a + b, scale)


def negative(one: Number) -> Number:
    return Number(-one.value, one.scale)


def compare(one: Number, other: Number) -> int:
    """Below, at or above nought, as `one` is less than, equal to or more than `other`."""
    a, b, _ = _aligned(one, other)
    return (a > b) - (a < b)


def multiply(one: Number, other: Number, scale: int) -> Number:
    """bc_multiply"""
    if one.value.bit_length() + other.value.bit_length() > DIGITS * 10 // 3:
        raise TooLong
    exact = Number(one.value * other.value, one.scale + other.scale)
    return exact.cut(min(exact.scale, max(scale, one.scale, other.scale)))


def divide(one: Number, other: Number, scale: int) -> Number:
    """bc_divide; ZeroDivisionError."""
    up = scale + other.scale - one.scale
    above, below = one.value * _ten(max(up, 0)), other.value * _ten(max(-up, 0))
    return Number(_quotient(above, below), scale)


def modulo(one: Number, other: Number, scale: int) -> Number:
    """bc_modulo: what is left of a division with `scale` decimals."""
    wanted = max(one.scale, scale + other.scale)
    quotient = divide(one, other, scale)
    return add(one, negative(multiply(quotient, other, wanted))).cut(wanted)


def power(one: Number, exponent: int, scale: int) -> Number:
    """bc_raise"""
    if one.value.bit_length() * abs(exponent) > DIGITS * 10 // 3 and abs(one.value) != 1:
        raise TooLong
    exact = Number(one.value ** abs(exponent), one.scale * abs(exponent))
    if exponent < 0:
        return divide(ONE, exact, scale)
    return exact.cut(min(exact.scale, max(scale, one.scale)))


def root(one: Number, scale: int) -> Number:
    """bc_sqrt, of a number that is not negative."""
    wanted = max(scale, one.scale)
    return Number(isqrt(one.cut(2 * wanted).value), wanted)


def length(one: Number) -> int:
    """Its digits; noughts before the point do not count."""
    before = len(decimal(abs(one.value) // _ten(one.scale)))
    return one.scale if one.scale and abs(one.value) < _ten(one.scale) else before + one.scale


def parse(text: str, base: int) -> Number:
    """A number as typed: a digit too large for the base is the base's largest, but one alone before the point means
    itself (execute.c, push_constant)."""
    before, _, after = text.partition(".")
    if base == 10 and not any(digit > "9" for digit in text):
        return Number(_from_decimal(before + after), len(after))
    value = int(before, 36) if len(before) == 1 else 0
    for digit in before if len(before) > 1 else "":
        value = value * base + min(int(digit, 36), base - 1)
    fraction, below = 0, 1
    for digit in after:
        fraction, below = fraction * base + min(int(digit, 36), base - 1), below * base
    return add(Number(value), divide(Number(fraction), Number(below), len(after)))


def _from_decimal(digits: str) -> int:
    if len(digits) > DIGITS:
        raise TooLong
    if len(digits) <= _PART:
        return int(digits or "0")
    half = len(digits) // 2
    return _from_decimal(digits[:-half]) * _ten(half) + _from_decimal(digits[-half:])


def decimal(value: int) -> str:
    """A number that is not negative, in decimal digits. Python's str() refuses long ones."""
    if value < _ten(_PART):
        return str(value)
    half = max(_PART, value.bit_length() * 3 // 20)
    high, low = divmod(value, _ten(half))
    return decimal(high) + decimal(low).zfill(half)


def pieces(number: Number, base: int, check: Callable[[], None]) -> Iterator[str]:
    """The number in a base, as pieces between which a line may not be broken: its digits (out_num)."""
    if not number.value:
        yield "0"
        return
    if number.value < 0:
        yield "-"
    whole, fraction = divmod(abs(number.value), _ten(number.scale))
    if base == 10:
        if whole:
            yield decimal(whole)
        if number.scale:
            yield "." + decimal(fraction).zfill(number.scale)
        return
    wide = len(str(base - 1))
    digits = []
    while whole:
        check()
        whole, digit = divmod(whole, base)
        digits.append(digit)
    for digit in reversed(digits):
        yield _digit(digit, base, wide, " ")
    if not number.scale:
        return
    yield "."
    ten, reached, before = _ten(number.scale), 1, ""
    while reached < ten:
        check()
        digit, fraction = divmod(fraction * base, ten)
        yield _digit(digit, base, wide, before)
        reached, before = reached * base, " "


def _digit(digit: int, base: int, wide: int, before: str) -> str:
    return "0123456789ABCDEF"[digit] if base <= 16 else f"{before}{digit:0{wide}}"
