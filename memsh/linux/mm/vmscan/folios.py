"""Pages that follow each other on a list and are in the same state: what reclaim decides about one holds for all of
them.

Linux looks at a page at a time. Memory that was filled in one go is a stretch of frames, of addresses and of swap slots
at once, and so are its pages' turns; `Folios` is as many of them as differ in nothing that decides: flags, references,
where they are mapped and with which bits, where they stand in their cache. Pages that differ are a `Folios` each.

Known deviations: none of its own.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include.flags import PTE_ACCESSED, VM_SEQ_READ
from memsh.linux.include.memmap import (
    PG_ANON,
    PG_DIRTY,
    PG_MLOCKED,
    PG_SWAPBACKED,
    PG_SWAPCACHE,
    PG_UNEVICTABLE,
    PG_WRITEBACK,
)
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.lib.columns import alike, counting, mask_run, set_run
from memsh.linux.lib.entries import climb
from memsh.linux.mm.rmap.rmap import Place, rmap_walk

if TYPE_CHECKING:
    from memsh.linux.box import Box

ANONYMOUS = PG_ANON | PG_SWAPBACKED
_KIND = ANONYMOUS | PG_SWAPCACHE
_LOOK_NO_FURTHER = PG_UNEVICTABLE | PG_MLOCKED | PG_WRITEBACK


class Folios:
    """`count` frames first, first + step, … in the order of their turns, all with the flags `bits`, not yet held by
    reclaim.

    `places`: where the first is mapped (area, address, table, index in it); the next are mapped at the addresses that
    follow in the direction `way`. `start`: where the first stands in its cache, slot or page; the next follow in the
    direction `way`.
    """

    __slots__ = ("bits", "count", "first", "low", "mapped", "places", "start", "step", "way")

    def __init__(self, first: int, step: int, bits: int) -> None:
        self.first = self.low = first  # `low`: the lowest frame
        self.count = 1
        self.step = step
        self.bits = bits
        self.mapped = 0
        self.places: list[Place] = []
        self.way = 1
        self.start = 0

    def frames(self) -> range:
        return range(self.first, self.first + self.count * self.step, self.step)

    def shorten(self, count: int) -> None:
        """Leave out all but the first `count`."""
        self.count = count
        if self.step < 0:
            self.low = self.first - count + 1

    def mark(self, box: Box, clear: int, set_: int) -> None:
        """Change their flags."""
        if self.bits & clear or ~self.bits & set_:
            if self.count == 1:
                mask_run(box.memmap.flags, self.first, 1, clear, set_)
                self.bits = self.bits & ~clear | set_
            else:
                self.bits = self.bits & ~clear | set_
                set_run(box.memmap.flags, self.low, self.count, self.bits)


def next_folios(box: Box, first: int, most: int, step: int) -> Folios:
    """As many of the frames first, first + step, …, at most `most`, as are in the same state as the first."""
    memmap = box.memmap
    folios = Folios(first, step, memmap.flags[first])
    folios.mapped = memmap.mapcount[first]
    if most > 1:
        most = alike(memmap.flags, first, step, most)
    if folios.bits & _LOOK_NO_FURTHER:
        folios.count = alike(memmap.mapcount, first, step, most)
    elif folios.mapped:
        folios.places = rmap_walk(box, first)
        if most > 1 and folios.mapped == 1 and len(folios.places) == 1:
            _extend_mapped(box, folios, alike(memmap.refcount, first, step, most))
    elif most > 1 and memmap.refcount[first] == 1:
        most = alike(memmap.mapcount, first, step, alike(memmap.refcount, first, step, most))
        _extend_cached(box, folios, most)
    if step < 0:
        folios.low = first - folios.count + 1
    return folios


def _extend_mapped(box: Box, folios: Folios, most: int) -> None:
    """Pages that are mapped once, side by side in the first one's table, with the same bits in each entry.

    Only the first one's reverse map is asked: its table maps them, and as each is mapped but once, nothing else does.
    """
    vma, addr, ptes, at = folios.places[0]
    pte, step = ptes[at], folios.step
    plain = folios.bits & (_KIND | PG_DIRTY) == ANONYMOUS and box.memmap.refcount[folios.first] == 1
    if not plain and (not pte & PTE_ACCESSED or vma.flags & VM_SEQ_READ):  # it may go, in a way of its own
        return
    mask = vma.mm.table_mask
    for way in (step, -step):  # the frames go up with the addresses, or down
        if way > 0:
            room = min(most, vma.end - addr >> 12, mask + 1 - at)
        else:
            room = min(most, (addr - vma.start >> 12) + 1, at + 1)
        by = step << 12
        if room < 2 or ptes[at + way] != pte + by:
            continue
        folios.way = way
        folios.count = alike(box.memmap.mapcount, folios.first, step, _matching(ptes, at, way, pte, by, room))
        return


def _matching(ptes: array[int], at: int, way: int, pte: int, by: int, most: int) -> int:
    """How many of the entries at, at + way, … are pte, pte + by, …, at most `most`; two are."""
    low, lowest, up = (at, pte, by) if way > 0 else (at - most + 1, pte + (most - 1) * by, -by)
    if lowest >= 0 and ptes[low : low + most].tobytes() == climb(lowest, most, up, ptes.itemsize):
        return most
    return next(n for n in range(2, most + 1) if n == most or ptes[at + n * way] != pte + n * by)


def _extend_cached(box: Box, folios: Folios, most: int) -> None:
    """Clean pages that only a cache holds, side by side in the swap cache or in a file."""
    memmap, first, step = box.memmap, folios.first, folios.step
    kind = folios.bits & (_KIND | PG_DIRTY)
    if kind == _KIND:
        count, way = counting(memmap.private, first, step, most)
        folios.start = memmap.private[first]
        count = box.swap.droppable(folios.start, count, way)
    elif not kind and isinstance(memmap.owners[memmap.mapping[first]], AddressSpace):
        count, way = counting(memmap.index, first, step, alike(memmap.mapping, first, step, most))
        folios.start = memmap.index[first]
    else:
        return
    folios.count, folios.way = count, way
