"""Whole runs of page-table entries at once, as wide integers (mm/memory.c works entry by entry; the result is equal).

A table is an array of 32-bit or 64-bit entries; its `itemsize` says which. An entry is frame << 12 | bits.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

PRESENT = 0x101  # _PAGE_PRESENT or, for PROT_NONE, _PAGE_PROTNONE: what pte_present() looks at
_MOST = 1024  # entries of the largest table
_BITS = 4095  # of an entry, below its frame
_ONES = {4: int.from_bytes(b"\1\0\0\0" * _MOST, "little"), 8: int.from_bytes((b"\1" + bytes(7)) * _MOST, "little")}
_RAMP = {size: sum(n << 8 * size * n for n in range(_MOST)) for size in (4, 8)}
_SHORT = 64
_ONES_SHORT = {size: tuple(ones & ((1 << 8 * size * n) - 1) for n in range(_SHORT + 1)) for size, ones in _ONES.items()}
_RAMP_SHORT = {size: tuple(ramp & ((1 << 8 * size * n) - 1) for n in range(_SHORT + 1)) for size, ramp in _RAMP.items()}
_SMALL = 16


class Run(NamedTuple):
    """`length` entries from `offset` in a table map the frames `pfn`, `pfn` + 1, …"""

    offset: int
    length: int
    pfn: int


def lanes(value: int, count: int, size: int) -> int:
    """`value` in each of `count` entries of `size` bytes."""
    if count <= _SHORT:
        return _ONES_SHORT[size][count] * value
    return (_ONES[size] & ((1 << 8 * size * count) - 1)) * value


def climb(first: int, count: int, step: int, size: int) -> bytes:
    """first, first + step, … as `count` entries."""
    if count <= _SHORT:
        wide = _ONES_SHORT[size][count] * first + _RAMP_SHORT[size][count] * step
    else:
        below = (1 << 8 * size * count) - 1
        wide = (_ONES[size] & below) * first + (_RAMP[size] & below) * step
    return wide.to_bytes(size * count, "little")


def filled(code: str, entry: int, count: int) -> array[int]:
    """`count` times the same entry."""
    return array(code, (entry,)) * count


def _split(ptes: array[int], at: int, count: int, skip: int, runs: list[Run]) -> None:
    if count <= _SMALL:
        first = -1
        n = 0
        for offset in range(at, at + count):
            pte = ptes[offset]
            pfn = pte >> 12
            if not pte & PRESENT or pfn == skip:
                if n:
                    runs.append(Run(offset - n, n, first))
                    n = 0
            elif n and pfn == first + n:
                n += 1
            else:
                if n:
                    runs.append(Run(offset - n, n, first))
                first, n = pfn, 1
        if n:
            runs.append(Run(at + count - n, n, first))
        return
    size = ptes.itemsize
    value = int.from_bytes(ptes[at : at + count].tobytes(), "little")
    if not value:
        return
    first = ptes[at]
    if first & PRESENT:
        below = (1 << 8 * size * count) - 1
        ones = _ONES[size] & below
        frames = value & ~(ones * _BITS)
        base = ones * (first & ~_BITS)
        if frames - base == (_RAMP[size] & below) << 12:
            present = value & ones * PRESENT
            if (present | present >> 8) & ones == ones:
                runs.append(Run(at, count, first >> 12))
                return
        elif frames == base and first >> 12 == skip:
            return
    half = count >> 1
    _split(ptes, at, half, skip, runs)
    _split(ptes, at + half, count - half, skip, runs)


def page_runs(ptes: array[int], start: int, stop: int, skip: int) -> list[Run]:
    """The pages that entries [start, stop) map, in runs of consecutive frames; entries of frame `skip` are left out."""
    runs: list[Run] = []
    _split(ptes, start, stop - start, skip, runs)
    return runs


def masked(ptes: array[int], start: int, stop: int, clear: int, set_: int = 0) -> array[int]:
    """A copy of entries [start, stop) without the bits `clear`, and with `set_` in those that are not empty."""
    count = stop - start
    size = ptes.itemsize
    value = int.from_bytes(ptes[start:stop].tobytes(), "little") & ~lanes(clear, count, size)
    new = array(ptes.typecode)
    new.frombytes(value.to_bytes(size * count, "little"))
    if set_:
        for at, pte in enumerate(new):
            if pte:
                new[at] = pte | set_
    return new
