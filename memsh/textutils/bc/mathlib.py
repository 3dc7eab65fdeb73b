"""The functions of bc -l: sine, cosine, arctangent, logarithm, exponential, Bessel's of integer order.

Each is reckoned with more decimals than are asked for, as a sum of integers, and cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import NamedTuple

from memsh.textutils.bc.number import DIGITS, Number, TooLong

MORE = 12  # decimals beside those asked for


class Reckoned(NamedTuple):
    """A function of so many arguments; the last of `reckon` is the scale."""

    arguments: int
    reckon: Callable[..., Number]


def _fixed(one: Number, places: int) -> int:
    return one.cut(places).value


def _sum(first: int, ratio: Callable[[int], tuple[int, int]]) -> int:
    """A series whose terms follow each other by a ratio (above, below), until a term is nought."""
    total, term, at = 0, first, 0
    while term:
        total += term
        at += 1
        above, below = ratio(at)
        term = abs(term * above) // below * (1 if (term < 0) == (above < 0) else -1)
    return total


def _exp(x: int, one: int) -> int:
    """e ** x of fixed numbers, x at least nought: halved until it is small, squared as often."""
    halved = 0
    while x > one:
        x //= 2
        halved += 1
    total = _sum(one, lambda at: (x, at * one))
    for _ in range(halved):
        total = total * total // one
    return total


def exponential(one: Number, scale: int) -> Number:
    size = abs(one.whole())
    if size * 44 // 100 + scale > DIGITS:
        raise TooLong
    places = scale + MORE + size // 2 + size.bit_length()
    ten = 10**places
    found = _exp(abs(_fixed(one, places)), ten)
    return Number(ten * ten // found if one.value < 0 else found, places).cut(scale)


def _atan_inverse(x: int, one: int) -> int:
    total, power, at, sign = 0, one // x, 1, 1
    while power:
        total += sign * (power // at)
        power //= x * x
        at, sign = at + 2, -sign
    return total


def _pi(one: int) -> int:
    """Machin's formula."""
    return 4 * (4 * _atan_inverse(5, one) - _atan_inverse(239, one))


def _sine(x: int, one: int) -> int:
    turn = 2 * _pi(one)
    x %= turn
    if 2 * x > turn:
        x -= turn
    square = x * x // one
    return _sum(x, lambda at: (-square, 2 * at * (2 * at + 1) * one))


def _turned(one: Number, scale: int, quarter: int) -> Number:
    places = scale + MORE + len(str(abs(one.whole())))
    ten = 10**places
    return Number(_sine(_fixed(one, places) + quarter * _pi(ten) // 2, ten), places).cut(scale)


def sine(one: Number, scale: int) -> Number:
    return _turned(one, scale, 0)


def cosine(one: Number, scale: int) -> Number:
    return _turned(one, scale, 1)


def arctangent(one: Number, scale: int) -> Number:
    places = scale + MORE
    ten = 10**places
    x, halved = _fixed(one, places), 0
    while abs(x) > ten // 5:  # atan x = 2 atan (x / (1 + sqrt(1 + x²)))
        x = x * ten // (ten + isqrt(ten * ten + x * x))
        halved += 1
    square, total, power, at = x * x // ten, 0, x, 1
    while abs(power) > 1:
        total += power // at if at % 4 == 1 else -(power // at)
        power, at = power * square // ten, at + 2
    return Number(total << halved, places).cut(scale)


def logarithm(one: Number, scale: int) -> Number:
    if one.value <= 0:  # as the library has it
        return Number(-(10**scale - 1), 0).cut(scale) if scale else Number(-1 + 1)
    places = scale + MORE + len(str(one.whole()))
    ten = 10**places
    x, doubled = _fixed(one, places), 1
    while not ten * 9 < x * 10 < ten * 11:  # ln x = 2 ln √x
        x = isqrt(x * ten)
        doubled *= 2
    ratio = (x - ten) * ten // (x + ten)
    square, total, power, at = ratio * ratio // ten, 0, ratio, 1
    while abs(power) > 1:
        total += power // at
        power, at = power * square // ten, at + 2
    return Number(2 * total * doubled, places).cut(scale)


def bessel(order: Number, one: Number, scale: int) -> Number:
    n = order.whole()
    places = scale + MORE + 2 * len(str(abs(one.whole()))) + abs(one.whole())
    ten = 10**places
    half = _fixed(one, places) // 2
    first = ten
    for at in range(1, abs(n) + 1):
        first = first * half // (at * ten)
    square = half * half // ten
    total = _sum(first, lambda at: (-square, at * (at + abs(n)) * ten))
    return Number(-total if n < 0 and n % 2 else total, places).cut(scale)


FUNCTIONS = {
    "s": Reckoned(1, sine), "c": Reckoned(1, cosine), "a": Reckoned(1, arctangent), "l": Reckoned(1, logarithm),
    "e": Reckoned(1, exponential), "j": Reckoned(2, bessel),
}  # fmt: skip
