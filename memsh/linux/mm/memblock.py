"""Memory before there is an allocator (mm/memblock.c): which RAM the kernel takes, what is reserved, and allocations
that come from the top down below a limit. Addresses are physical, in bytes; ranges are half open, [start, end).

**Known deviations:** reservations carry a name, for the views; memblock's arrays never have to grow.
"""

from __future__ import annotations

from typing import NamedTuple

from memsh.linux.include.flags import PAGE_SIZE


class Range(NamedTuple):
    start: int
    end: int
    name: str

    @property
    def pages(self) -> int:
        """Page frames that the range touches."""
        return -(-self.end // PAGE_SIZE) - self.start // PAGE_SIZE


class Memblock:
    """`memory`: RAM that the kernel uses; `reserved`: what is taken. Both sorted and without overlap."""

    def __init__(self) -> None:
        self.memory: list[Range] = []
        self.reserved: list[Range] = []
        self.limit = 1 << 32  # not i386: allocations end below this (memblock.current_limit)

    def add(self, start: int, end: int) -> None:
        """Whole pages of RAM inside [start, end)."""
        start, end = -(-start // PAGE_SIZE) * PAGE_SIZE, end // PAGE_SIZE * PAGE_SIZE
        if start < end:
            self.memory.append(Range(start, end, "System RAM"))

    def reserve(self, start: int, end: int, name: str) -> None:
        """Take [start, end); the part that is taken already stays as it is."""
        for old in self.reserved:
            if old.start < end and start < old.end:
                if start < old.start:
                    self.reserve(start, old.start, name)
                start = min(end, old.end)
        if start < end:
            self.reserved.append(Range(start, end, name))
            self.reserved.sort()

    def free(self, start: int, end: int) -> None:
        """Give back exactly what a reservation or allocation took."""
        self.reserved = [old for old in self.reserved if not (start <= old.start and old.end <= end)]

    def free_named(self, name: str) -> None:
        """Give back what was taken under a name."""
        self.reserved = [old for old in self.reserved if old.name != name]

    def alloc(self, size: int, align: int, name: str, within: tuple[tuple[int, int], ...] = ()) -> int:
        """The highest `size` bytes below the limit that are RAM and not taken; 0 if there are none.

        `within`: only in these ranges [start, behind), ascending (a node's memory).
        """
        for region in reversed(self.memory):
            for first, behind in reversed(within or ((0, self.limit),)):
                low, end = max(region.start, first), min(region.end, self.limit, behind)
                while end - size >= low:
                    start = (end - size) // align * align
                    hits = (old for old in reversed(self.reserved) if old.start < start + size and start < old.end)
                    hit = next(hits, None)
                    if start < low:
                        break
                    if hit is None:
                        self.reserve(start, start + size, name)
                        return start
                    end = hit.start
        return 0

    def find(self, name: str) -> Range | None:
        """The first reservation of that name."""
        return next((old for old in self.reserved if old.name == name), None)

    def free_ranges(self) -> list[tuple[int, int]]:
        """[(first pfn, pfn behind)] of RAM that nothing reserves, ascending (for_each_free_mem_range)."""
        out = []
        for region in self.memory:
            at = region.start
            for old in self.reserved:
                if old.end <= at or old.start >= region.end:
                    continue
                if old.start > at:
                    out.append((-(-at // PAGE_SIZE), old.start // PAGE_SIZE))
                at = old.end
            if at < region.end:
                out.append((-(-at // PAGE_SIZE), region.end // PAGE_SIZE))
        return [(first, last) for first, last in out if first < last]
