"""Sizes, addresses and counts: from words to numbers and back.

Every converter takes a word and returns an int, or raises BadValue (a ValueError, and a refusal) with a sentence that
can follow `COMMAND: `.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from memsh.lazy import regular
from memsh.shell.errors import UsageError

UINT_MAX = 0xFFFFFFFF  # not i386: an unsigned int of C

F = TypeVar("F", bound=Callable[..., int])


class BadValue(UsageError, ValueError):
    """A word that is no number of its kind: refused where it was typed, by whoever converts it."""


_UNIT = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}
_WHOLE = regular(r"-?[0-9]{1,18}")
_NUMBER = regular(r"(0[xX][0-9a-fA-F]{1,40}|[0-9]{1,40})(?:([kKmMgGtTpPE])(?:i?[bB])?|[bB])?")
_INTEGER = regular(r"([+-]?)(?:0[xX]([0-9a-fA-F]{1,40})|([0-9]{1,40}))")
_TERM = regular(r"([+-]?)(0[xX][0-9a-fA-F]{1,40}|[0-9]{1,40})(?:([kKmMgGtTpPE])(?:i?[bB])?)?")

# 8 to 16 hexadecimal digits as /proc prints them: a letter or a leading 0 says that they are no decimal number
_AS_PRINTED = regular(r"^(?=[0-9a-fA-F]{8,16}(?:[+-]|$))(?=0|[0-9]*[a-fA-F])")
_DOUBTFUL = regular(r"[1-9][0-9]{7}(?=[+-]|$)")


def parse_size(text: str) -> int | None:
    """Bytes of `64`, `4k`, `1MiB`, `0x1000`; None if the word is no size. `b` alone needs a decimal number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits, unit = match.groups()
    return int(digits, 16 if digits[:2] in ("0x", "0X") else 10) << _UNIT[(unit or "").lower()]


def _terms(text: str) -> int | None:
    """The sum of `0x1000+4k-1`; None if the word is no such sum."""
    total, place = 0, 0
    while place < len(text):
        match = _TERM.match(text, place)
        if match is None or (place and not match[1]):
            return None
        sign, digits, unit = match.groups()
        value = int(digits, 16 if digits[:2] in ("0x", "0X") else 10) << _UNIT[(unit or "").lower()]
        total += -value if sign == "-" else value
        place = match.end()
    return total if text else None


def whole(text: str) -> int | None:
    """A decimal number of at most 18 ASCII digits, perhaps with a minus; None for any other text."""
    match = _WHOLE.fullmatch(text)
    return int(match[0]) if match is not None else None


def is_value(text: str) -> bool:
    """Whether a word is an address or a number, not a name: what a memory command is followed by."""
    return _terms(_AS_PRINTED.sub("0x", text)) is not None


def wide_size(text: str) -> int:
    """A size in bytes, of any magnitude (files, disks)."""
    value = parse_size(text)
    if value is None:
        value = _terms(text)
        if value is None:
            raise BadValue(f"'{text}' is not a size: give bytes, or k, M, G (64, 4k, 1M, 0x1000)")
        if value < 0:
            raise BadValue(f"{text}: a size cannot be negative")
    return value


def of_word(converter: F) -> F:
    """A converter that is told how many bits the machine's words have."""
    converter.of_word = True  # type: ignore[attr-defined]
    return converter


@of_word
def size(text: str, bits: int = 32) -> int:
    """A size in bytes that a size_t can hold."""
    value = wide_size(text)
    if value >= 1 << bits:
        most = "4 GiB - 1" if bits == 32 else "16 EiB - 1"
        raise BadValue(f"{text}: a size on a {bits}-bit machine is at most {most}")
    return value


@of_word
def address(text: str, bits: int = 32) -> int:
    """An address: `0xb7fc7010`, `08153000` and `b7ffa000` as maps prints them, `134512640`, `0x1000+4k`."""
    value = _terms(_AS_PRINTED.sub("0x", text))
    if value is None:
        raise BadValue(f"'{text}' is not an address: give 0x…, $1 or $name, with + or - (0x8153e10, $1+4k)")
    doubtful = _DOUBTFUL.match(text)
    if doubtful:
        digits = doubtful[0]
        raise BadValue(f"{text}: 0x{digits}, as maps prints addresses, or {int(digits):#x}, in decimal? Write the 0x")
    if not 0 <= value < 1 << bits:
        raise BadValue(f"{text}: an address on a {bits}-bit machine is from 0 to {(1 << bits) - 1:#x}")
    return value


def count(text: str) -> int:
    """A number from 0 up, decimal or 0x…"""
    value = _terms(text)
    if value is None or (text[-1:].isalpha() and text[:2] not in ("0x", "0X")):
        raise BadValue(f"'{text}' is not a number")
    if value < 0:
        raise BadValue(f"{text}: must not be negative")
    return value


@of_word
def increment(text: str, bits: int = 32) -> int:
    """A signed size in bytes (`sbrk -4k`), within a word."""
    value = _terms(text)
    if value is None:
        raise BadValue(f"'{text}' is not a size: give bytes, or k, M, G (4k, -4k)")
    if not -(1 << bits - 1) <= value < 1 << bits:
        raise BadValue(f"{text}: does not fit in {bits} bits")
    return value


def integer(text: str) -> int:
    """A signed whole number, decimal or 0x…"""
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise BadValue(f"'{text}' is not a number")
    number = int(match[2], 16) if match[2] else int(match[3])
    return -number if match[1] == "-" else number


def fixed(number: int, dec: bool = False) -> str:
    """A value as the shell prints it: hexadecimal, or decimal for counts and PIDs."""
    return str(number) if dec else hex(number)
