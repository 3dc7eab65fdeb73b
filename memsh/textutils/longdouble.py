"""x86's long double, which bash's and coreutils' printf read and print: 64 bits of significand, 15 of exponent.

Reading rounds once, half to even, as strtold(3); printing is exact, as printf(3) (glibc: stdlib/strtod_l.c,
stdio-common/printf_fp.c, sysdeps/x86_64/fpu/printf_fphex.c).
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import NamedTuple

from memsh.lazy import regular

BITS, LOWEST, HIGHEST = 64, -16445, 16383 - 63  # of the significand; the exponents of its last bit
FARTHEST = 20000  # decimal exponents beyond are 0 or infinite whatever the digits
_NUMBER = regular(r"[ \t\n\v\f\r]*([-+]?)(?:(0[xX](?=[0-9a-fA-F]|\.[0-9a-fA-F]))([0-9a-fA-F]*)\.?([0-9a-fA-F]*)"
                  r"(?:[pP]([-+]?[0-9]+))?|(?=\.?[0-9])([0-9]*)\.?([0-9]*)(?:[eE]([-+]?[0-9]+))?"
                  r"|((?i:inf(?:inity)?|nan(?:\([0-9A-Za-z_]*\))?)))")  # fmt: skip


class LongDouble(NamedTuple):
    """`significand` * 2**`exponent`; or `special`: "inf", "nan"."""

    negative: bool
    significand: int
    exponent: int
    special: str = ""


def strtold(text: str) -> tuple[LongDouble, int, bool]:
    """(the number at the beginning of a text, how many characters it has, whether it is out of range)."""
    match = _NUMBER.match(text)
    if match is None:
        return LongDouble(False, 0, 0), 0, False
    sign, hexadecimal, whole, part, power, digits, fraction, exponent, word = match.groups()
    negative, end = sign == "-", match.end()
    if word:
        return LongDouble(negative, 0, 0, word[:3].lower()), end, False
    if hexadecimal:
        number, shift = int(whole + part or "0", 16), int((power or "0")[:8]) - 4 * len(part)
        top, bottom = number << max(0, min(shift, FARTHEST)), 1 << max(0, min(-shift, FARTHEST))
    else:
        written = (digits + fraction).lstrip("0")[:FARTHEST]
        shift = int((exponent or "0")[:8]) - len(fraction)
        if written and abs(len(written) + shift) > FARTHEST:
            far = "inf" if shift > 0 else ""
            return LongDouble(negative, 0, 0, far), end, True
        shift = shift if written else 0
        top, bottom = int(Decimal(written or "0")) * 10 ** max(0, shift), 10 ** max(0, -shift)
    return *_rounded(negative, top, bottom, end), _ranged(negative, top, bottom)


def _rounded(negative: bool, top: int, bottom: int, end: int) -> tuple[LongDouble, int]:
    if not top:
        return LongDouble(negative, 0, 0), end
    exponent = max(LOWEST, top.bit_length() - bottom.bit_length() - BITS)
    value, rest, unit = _scaled(top, bottom, exponent)
    if value >> BITS:
        exponent += 1
        value, rest, unit = _scaled(top, bottom, exponent)
    value += 2 * rest > unit or (2 * rest == unit and value & 1)
    if value >> BITS:
        value, exponent = value >> 1, exponent + 1
    if exponent > HIGHEST:
        return LongDouble(negative, 0, 0, "inf"), end
    return LongDouble(negative, value, exponent), end


def _scaled(top: int, bottom: int, exponent: int) -> tuple[int, int, int]:
    """(quotient, rest, divisor) of top / bottom / 2**exponent."""
    top, bottom = (top << -exponent, bottom) if exponent < 0 else (top, bottom << exponent)
    return *divmod(top, bottom), bottom


def _ranged(negative: bool, top: int, bottom: int) -> bool:
    """ERANGE: infinite, or so small that bits were lost."""
    made, _ = _rounded(negative, top, bottom, 0)
    if made.special or not top:
        return bool(made.special)
    small = made.significand < 1 << (BITS - 1)
    return small and _scaled(top, bottom, made.exponent)[1] != 0


def formatted(value: LongDouble, kind: str, flags: str, width: int, precision: int | None) -> str:
    """As printf's %L`kind` (e, f, g, a and their capitals) prints it."""
    if value.special:
        body = value.special
    elif kind in "aA":
        body = _hexadecimal(value, precision, "#" in flags)
    else:
        body = _decimal(value, kind.lower(), 6 if precision is None else precision, "#" in flags)
    sign = "-" if value.negative else "+" if "+" in flags else " " if " " in flags else ""
    lead = "0x" if kind in "aA" and not value.special else ""
    if "-" in flags:
        text = (sign + lead + body).ljust(width)
    elif "0" in flags and not value.special:
        text = sign + lead + body.rjust(width - len(sign + lead), "0")
    else:
        text = (sign + lead + body).rjust(width)
    return text.upper() if kind.isupper() else text


def exact(value: LongDouble) -> Decimal:
    """Its size, to the last digit."""
    if value.exponent >= 0:
        return Decimal(value.significand << value.exponent)
    return Decimal(value.significand * 5**-value.exponent).scaleb(value.exponent, Context(prec=FARTHEST))


def _decimal(value: LongDouble, kind: str, precision: int, full: bool) -> str:
    size = exact(value)
    if kind == "f":
        text = f"{size:.{precision}f}"
    elif kind == "e":
        text = _scientific(size, precision)
    else:
        precision = precision or 1
        text = _scientific(size, precision - 1)
        power = int(text.partition("e")[2])
        if -4 <= power < precision:
            text = f"{size:.{precision - 1 - power}f}"
        if not full:
            head, mark, tail = text.partition("e")
            text = (head.rstrip("0").rstrip(".") if "." in head else head) + mark + tail
    head, mark, tail = text.partition("e")
    return head + ("." if full and "." not in head else "") + mark + tail


def _scientific(size: Decimal, precision: int) -> str:
    head, _, power = f"{size:.{precision}e}".partition("e") if size else (f"{0:.{precision}f}", "", "+0")
    return f"{head}e{power[0]}{power[1:].rjust(2, '0')}"


def _hexadecimal(value: LongDouble, precision: int | None, full: bool) -> str:
    """Four bits lead, and fifteen digits follow."""
    number, power = value.significand, value.exponent + BITS - 4 if value.significand else 0
    places = (BITS - 4) // 4
    if precision is not None and precision < places:
        unit = 1 << 4 * (places - precision)
        low = number % unit
        number = number // unit + (2 * low > unit or (2 * low == unit and number // unit & 1))
        places = precision
        if number >> 4 * (places + 1):
            number, power = number >> 4, power + 4
    digits = f"{number:0{places + 1}x}"
    fraction = digits[1:].ljust(precision or 0, "0") if precision is not None else digits[1:].rstrip("0")
    return f"{digits[0]}{'.' if fraction or full else ''}{fraction}p{power:+d}"
