"""Whole runs of page-table entries at once, as wide integers (mm/memory.c works entry by entry; the result is equal).

A table is an array of 32-bit or 64-bit entries; its `itemsize` says which. An entry is frame << 12 | bits.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from typing import NamedTuple

PRESENT = 0x101  # _PAGE_PRESENT or, for PROT_NONE, _PAGE_PROTNONE: what pte_present() looks at
_MOST = 1024  # entries of the largest table
_BITS = 4095  # of an entry, below its frame
_ONES = {4: int.from_bytes(b"\1\0\0\0" * _MOST, "little"), 8: int.from_bytes((b"\1" + bytes(7)) * _MOST, "little")}
_RAMP = {size: sum(n << 8 * size * n for n in range(_MOST)) for size in (4, 8)}
_SHORT = 64
_ONES_SHORT = {size: tuple(ones & ((1 << 8 * size * n) - 1) for n in range(_SHORT + 1)) for size, ones in _ONES.items()}
_RAMP_SHORT = {size: tuple(ramp & ((1 << 8 * size * n) - 1) for n in range(_SHORT + 1)) for size, ramp in _RAMP.items()}


class Run(NamedTuple):
    """`length` entries from `offset` in a table map the frames `pfn`, `pfn` + 1, …"""

    offset: int
    length: int
    pfn: int


@lru_cache(64)
def _wide(count: int, size: int) -> tuple[int, int]:
    """1, and 0, 1, 2, … in `count` entries of `size` bytes."""
    below = (1 << 8 * size * count) - 1
    return _ONES[size] & below, _RAMP[size] & below


def lanes(value: int, count: int, size: int) -> int:
    """`value` in each of `count` entries of `size` bytes."""
    if count <= _SHORT:
        return _ONES_SHORT[size][count] * value
    return _wide(count, size)[0] * value


def climb(first: int, count: int, step: int, size: int) -> bytes:
    """first, first + step, … as `count` entries."""
    if count <= _SHORT:
        wide = _ONES_SHORT[size][count] * first + _RAMP_SHORT[size][count] * step
    else:
        ones, ramp = _wide(count, size)
        wide = ones * first + ramp * step
    return wide.to_bytes(size * count, "little")


def filled(code: str, entry: int, count: int) -> array[int]:
    """`count` times the same entry."""
    return array(code, (entry,)) * count


def _likely(ptes: array[int], at: int, most: int) -> int:
    """How many of at most `most` entries from `at` on seem to name frames that follow each other; few are looked at."""
    ahead = (ptes[at] >> 12) - at
    if ptes[at + most - 1] >> 12 == ahead + at + most - 1:
        return most
    bad = 2
    while bad < most and ptes[at + bad - 1] >> 12 == ahead + at + bad - 1:
        bad <<= 1
    good, bad = bad >> 1, min(bad, most)
    while bad - good > 1:
        n = good + bad >> 1
        if ptes[at + n - 1] >> 12 == ahead + at + n - 1:
            good = n
        else:
            bad = n
    return good


def _is_run(ptes: array[int], at: int, count: int) -> bool:
    """Whether `count` entries from `at` on map frames that follow each other."""
    size = ptes.itemsize
    value, ones = int.from_bytes(ptes[at : at + count].tobytes(), "little"), lanes(1, count, size)
    present = value & ones * PRESENT
    if (present | present >> 8) & ones != ones:
        return False
    return value - (value & ones * _BITS) == int.from_bytes(climb(ptes[at] & ~_BITS, count, 4096, size), "little")


def page_runs(ptes: array[int], start: int, stop: int, skip: int) -> list[Run]:
    """The pages that entries [start, stop) map, in runs of consecutive frames; entries of frame `skip` are left out."""
    runs: list[Run] = []
    at = start
    while at < stop:
        pte = ptes[at]
        pfn, count, ahead = pte >> 12, 1, at + 1
        if not pte:
            at = stop - -(-len(ptes[at:stop].tobytes().lstrip(b"\0")) // ptes.itemsize)
            continue
        if pte & PRESENT and pfn != skip:
            if ahead < stop and ptes[ahead] >> 12 == pfn + 1:
                count = _likely(ptes, at, stop - at)
                while count > 1 and not _is_run(ptes, at, count):
                    count >>= 1
            runs.append(Run(at, count, pfn))
        elif pte & PRESENT and ptes[stop - 1] == pte and ptes[at:stop] == filled(ptes.typecode, pte, stop - at):
            break
        at += count
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
