"""Sets of numbers as the kernel reads them: lists, `0,2-4,8-15:1/2` (lib/bitmap.c, bitmap_parselist), and masks in
hexadecimal, `ff,00000001` (bitmap_parse). No known deviations.

A set is a word with a bit for each member.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from memsh.lazy import regular
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX

_NUMBER, _GROUPS = r"(N|\d+)", r"(?::(N|\d+)/(N|\d+))?"
_REGION = regular(rf"(?:{_NUMBER}|(?:(?i:all)|{_NUMBER}-{_NUMBER}){_GROUPS})", re.ASCII)


def bitmap_parselist(text: str, nbits: int) -> int:
    """The set of numbers below `nbits`, commas and blanks between the parts; N is the last. EINVAL, EOVERFLOW for what
    fits no 32 bits, ERANGE."""
    found = 0
    for part in re.split(r"[,\s]+", text.strip(", \t\n\v\f\r")):
        if part:
            found |= _region(part, nbits)
    return found


def _number(word: str | None, nbits: int, default: int) -> int:
    if word is None:
        return default
    number = nbits - 1 if word == "N" else int(word[-20:]) if len(word.lstrip("0")) < 20 else UINT_MAX + 1
    if number > UINT_MAX:
        raise KernelError("EOVERFLOW", word)
    return number


def _region(part: str, nbits: int) -> int:
    region = _REGION.fullmatch(part)
    if region is None:
        raise KernelError("EINVAL", f"{part!r} is not a list")
    alone, first, last, used, group = region.groups()
    start = _number(alone or first, nbits, 0)
    end = _number(alone or last, nbits, nbits - 1)
    taken, size = _number(used, nbits, end + 1), _number(group, nbits, end + 1)
    if start > end or size == 0 or taken > size:
        raise KernelError("EINVAL", f"{part!r} is not a list")
    if end >= nbits:
        raise KernelError("ERANGE", part)
    if used is None:
        return (1 << end + 1) - (1 << start)
    return sum(1 << at for at in range(start, end + 1) if (at - start) % size < taken)


def bitmap_parse(text: str, nbits: int) -> int:
    """The set of numbers below `nbits` that a mask has: words of 32 bits, commas or blanks between. EINVAL, EOVERFLOW
    for too many digits, too many words and members that cannot be."""
    found = 0
    for at, word in enumerate(re.split(r"[,\s]+", text.split("\n", 1)[0].strip(", \t\v\f\r"))[::-1]):
        if at >= -(-nbits // 32):
            raise KernelError("EOVERFLOW", text)
        if re.fullmatch("[0-9a-fA-F]*", word[-8:]) is None or (at and not word):
            raise KernelError("EINVAL", f"{word!r} is not a mask")
        if len(word) > 8 and word[-9] in "0123456789abcdefABCDEF":
            raise KernelError("EOVERFLOW", word)
        if len(word) > 8:
            raise KernelError("EINVAL", f"{word!r} is not a mask")
        found |= int(word or "0", 16) << 32 * at
    if found >> nbits:
        raise KernelError("EOVERFLOW", text)
    return found


def bits(mask: int) -> list[int]:
    """The members, ascending."""
    return [at for at in range(mask.bit_length()) if mask >> at & 1]


def mask_of(members: Iterable[int]) -> int:
    """The set of some numbers."""
    return sum(1 << at for at in set(members))
