"""Where the free blocks of a machine may have lain of which only their number is told.

Every block is aligned to its size, and two free blocks of one order are never each other's buddies, for the buddy
system would have joined them. Deterministic: the same counts give the same frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MAX = 10
"""The largest order: blocks of it are never joined."""

Slot = tuple[int, int, bool]
"""(first frame, order, whether one free block may fill it)."""


class Room:
    """The frames of a zone in which free blocks can lie: [start, end) without `used`, taken from the top."""

    def __init__(self, start: int, end: int, used: Sequence[tuple[int, int]]) -> None:
        self.start, self.end = start, end
        self.used = [(first, last) for first, last in used if first < end and last > start]
        self.chunks = self._chunks()
        self.pools: dict[int, dict[int, list[Slot]]] = {}
        """Slots by migrate type and order."""

    def _clear(self, pfn: int, size: int) -> bool:
        if pfn < self.start or pfn + size > self.end:
            return False
        return not any(first < pfn + size and last > pfn for first, last in self.used)

    def _outside(self, pfn: int, size: int) -> bool:
        return pfn >= self.end or pfn + size <= self.start

    def _carve(self, pfn: int, order: int) -> Iterator[Slot]:
        """The largest aligned parts of a stretch that are clear; none is the buddy of another."""
        if self._clear(pfn, 1 << order):
            yield pfn, order, True
        elif order and not self._outside(pfn, 1 << order):
            half = 1 << order - 1
            yield from self._carve(pfn + half, order - 1)
            yield from self._carve(pfn, order - 1)

    def _chunks(self) -> Iterator[list[Slot]]:
        size = 1 << MAX
        for pfn in range((self.end - 1) & -size, (self.start & -size) - 1, -size):
            slots = list(self._carve(pfn, MAX))
            if slots:
                yield slots

    def place(self, order: int, kind: int) -> int:
        """A frame for a free block. ValueError if there is no room."""
        pool = self.pools.setdefault(kind, {})
        found = self._find(pool, order)
        while found is None:
            chunk = next(self.chunks, None)
            if chunk is None:
                break
            for slot in chunk:
                pool.setdefault(slot[1], []).append(slot)
            found = self._find(pool, order)
        if found is None:
            for other in self.pools.values():
                found = found or self._find(other, order)
        if found is None:
            raise ValueError(f"{self.end - self.start} pages have no room for so many free blocks")
        return self._split(pool, found, order)

    @staticmethod
    def _find(pool: dict[int, list[Slot]], order: int) -> Slot | None:
        """The smallest slot that can hold the block, taken out of the pool."""
        slots = pool.get(order, [])
        for at in range(len(slots) - 1, -1, -1):
            if slots[at][2]:
                return slots.pop(at)
            if at < len(slots) - 4:  # the others were set aside for smaller blocks too
                break
        for size in range(order + 1, MAX + 1):
            if pool.get(size):
                return pool[size].pop()
        return None

    @staticmethod
    def _split(pool: dict[int, list[Slot]], slot: Slot, order: int) -> int:
        """Take the slot's first part; what is left of it stays in the pool."""
        pfn, size, _ = slot
        while size > order:
            size -= 1
            pool.setdefault(size, []).append((pfn + (1 << size), size, size > order))
        return pfn

    def single(self) -> int:
        """A frame that is on no free list, for a per-CPU list. ValueError if there is none left."""
        for pool in self.pools.values():
            for slots in pool.values():
                if slots:
                    pfn, order, _ = slots.pop()
                    while order:
                        order -= 1
                        pool.setdefault(order, []).append((pfn + (1 << order), order, True))
                    return pfn
        chunk = next(self.chunks, None)
        if chunk is None:
            raise ValueError("no page is left for the per-CPU lists")
        pool = self.pools.setdefault(1, {})
        for slot in chunk:
            pool.setdefault(slot[1], []).append(slot)
        return self.single()
