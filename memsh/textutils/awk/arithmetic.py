"""awk's numbers at work: the operators, comparisons, and what the functions of numbers refuse (gawk's builtin.c)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from memsh.shell import ShellError
from memsh.textutils.awk.values import NAN

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def divide(a: float, b: float, where: str = "") -> float:
    if not b:
        raise ShellError(f"fatal: division by zero attempted{where}", 2)
    return a / b


def modulo(a: float, b: float, mark: str = "%") -> float:
    if not b:
        raise ShellError(f"fatal: division by zero attempted in `{mark}'", 2)
    return math.fmod(a, b) if a - a == 0.0 else NAN


def squared(x: float, count: int) -> float:
    made = 1.0
    if not count:
        return made
    while count > 1:
        if count & 1:
            made *= x
        x *= x
        count >>= 1
    return made * x


def power(a: float, b: float) -> float:
    if b - b == 0.0 and b == int(b) and abs(b) < 1 << 62:  # by squaring, which rounds otherwise than pow()
        made = squared(a, abs(int(b)))
        if b >= 0:
            return made
        return 1.0 / made if made else math.copysign(math.inf, made)
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 else math.inf
    except ValueError:
        return math.inf if a == 0 else NAN


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": divide, "%": modulo, "^": power,
    "/=": lambda a, b: divide(a, b, " in `/='"), "%=": lambda a, b: modulo(a, b, "%="),
}  # fmt: skip


def real(function: Callable[[float], float]) -> Callable[[float], float]:
    def safe(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return math.inf
        except ValueError:
            return -math.inf if value == 0 else NAN

    return safe


def truncated(value: float) -> float:
    return float(math.trunc(value)) if value - value == 0.0 else value


def bits(value: float, name: str, at: int = 1) -> int:
    if value < 0 or value - value != 0.0:
        raise ShellError(f"fatal: {name}: argument {at} negative value {value:g} is not allowed", 2)
    return int(value)


def shifted(name: str, value: float, by: float) -> tuple[int, int]:
    if value < 0 or by < 0 or value - value != 0.0 or by - by != 0.0:
        raise ShellError(f"fatal: {name}({value:f}, {by:f}): negative values are not allowed", 2)
    return int(value), min(64, int(by))
