"""How the direct mapping of RAM is made at boot (init_mem_mapping of arch/x86/mm/init.c, phys_pud_init of init_64.c).

It decides two things that are seen later: DirectMap4k, 2M and 1G of /proc/meminfo (an entry counts again each time that
a range is mapped which it covers already), and how many tables come from the top of RAM instead of the room that the
kernel's image keeps for them. Ranges are physical, in bytes.

**Known deviations:** the top 2 MiB that are mapped first are taken to be free of reservations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memsh.linux.include.flags import PAGE_SIZE

PMD_SIZE, PUD_SIZE, PGD_SIZE = 2 << 20, 1 << 30, 1 << 39
ISA_END_ADDRESS = 1 << 20
PGT_BUF_PAGES = 6  # INIT_PGT_BUF_SIZE, without a randomised base
STEP_SHIFT = 21 - 12 - 1  # get_new_step_size


class MapRange(NamedTuple):
    """A piece of a range and the largest entry that may map it."""

    start: int
    end: int
    size: int


class MemMapping:
    """The direct mapping of `regions` of RAM. `pages`: how many entries of each size were counted; `tables`: how many
    tables came from the RAM mapped before, the rest from the buffer at `pgt_buf`."""

    def __init__(self, regions: Sequence[tuple[int, int]], end: int, pgt_buf: int) -> None:
        self.pages = {PAGE_SIZE: 0, PMD_SIZE: 0, PUD_SIZE: 0}
        self.tables = 0
        self._regions = regions
        self._pgt_buf_end, self._pgt_buf_top = pgt_buf, pgt_buf + PGT_BUF_PAGES * PAGE_SIZE
        self._can_use_brk_pgt = True
        self._seen: set[tuple[int, int]] = set()  # tables: (bytes that one maps, which)
        self._init_memory_mapping(0, ISA_END_ADDRESS)
        self._memory_map_top_down(ISA_END_ADDRESS, end)

    def _memory_map_top_down(self, map_start: int, map_end: int) -> None:
        real_end = last_start = max(map_start, map_end // PMD_SIZE * PMD_SIZE)
        step, mapped = PMD_SIZE, 0
        while last_start > map_start:
            start = max(map_start, (last_start - 1) // step * step) if last_start > step else map_start
            mapped += self._init_range_memory_mapping(start, last_start)
            last_start = start
            if mapped >= step:
                step <<= STEP_SHIFT
        self._init_range_memory_mapping(real_end, map_end)

    def _init_range_memory_mapping(self, r_start: int, r_end: int) -> int:
        mapped = 0
        for first, behind in self._regions:
            start, end = max(first, r_start), min(behind, r_end)
            if start >= end:
                continue
            # a table must not come from the range that is being mapped
            self._can_use_brk_pgt = max(start, self._pgt_buf_end) >= min(end, self._pgt_buf_top)
            self._init_memory_mapping(start, end)
            self._can_use_brk_pgt = True
            mapped += end - start
        return mapped

    def _init_memory_mapping(self, start: int, end: int) -> None:
        for piece in self._split_mem_range(start, end):
            self._phys_pud_init(piece)

    def _split_mem_range(self, start: int, end: int) -> list[MapRange]:
        """Head and tail that no large entry fits, and what lies between; a small piece takes a large entry all the same
        where its surroundings are RAM too (adjust_range_page_size_mask)."""
        small_end = min(-(-start // PMD_SIZE) * PMD_SIZE, end)
        last = end // PMD_SIZE * PMD_SIZE
        medium_end = min(-(-small_end // PUD_SIZE) * PUD_SIZE, max(last, small_end))
        large_end = max(end // PUD_SIZE * PUD_SIZE, medium_end)
        tail = max(last, large_end)
        pieces = [
            MapRange(start, small_end, PAGE_SIZE), MapRange(small_end, medium_end, PMD_SIZE),
            MapRange(medium_end, large_end, PUD_SIZE), MapRange(large_end, tail, PMD_SIZE),
            MapRange(tail, end, PAGE_SIZE),
        ]  # fmt: skip
        return [self._enlarged(piece) for piece in pieces if piece.start < piece.end]

    def _enlarged(self, piece: MapRange) -> MapRange:
        for size in (PUD_SIZE, PMD_SIZE):
            start, end = piece.start // size * size, -(-piece.end // size) * size
            if size > piece.size and any(first <= start and end <= behind for first, behind in self._regions):
                return piece._replace(size=size)
        return piece

    def _phys_pud_init(self, piece: MapRange) -> None:
        at = piece.start
        while at < piece.end:
            following = min(at // PUD_SIZE * PUD_SIZE + PUD_SIZE, piece.end)
            self._table(PGD_SIZE, at)
            if piece.size == PUD_SIZE and (PUD_SIZE, at // PUD_SIZE) not in self._seen:
                self.pages[PUD_SIZE] += 1
            else:
                self._table(PUD_SIZE, at)
                self._phys_pmd_init(at, following, piece.size)
            at = following

    def _phys_pmd_init(self, at: int, end: int, size: int) -> None:
        while at < end:
            following = min(at // PMD_SIZE * PMD_SIZE + PMD_SIZE, end)
            if size >= PMD_SIZE and (PMD_SIZE, at // PMD_SIZE) not in self._seen:
                self.pages[PMD_SIZE] += 1
            else:
                self._table(PMD_SIZE, at)
                self.pages[PAGE_SIZE] += -(-(following - at) // PAGE_SIZE)
            at = following

    def _table(self, size: int, at: int) -> None:
        """alloc_low_page, where there is no such table yet."""
        if (size, at // size) in self._seen:
            return
        self._seen.add((size, at // size))
        if self._can_use_brk_pgt and self._pgt_buf_end < self._pgt_buf_top:
            self._pgt_buf_end += PAGE_SIZE
        else:
            self.tables += 1
