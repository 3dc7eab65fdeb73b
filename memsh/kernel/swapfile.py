"""One swap area: its slots, who refers to them, what they hold (mm/swapfile.c: swap_info_struct, swap_map).

A swap entry is the page-table entry that stands for a slot, as on i386: type in bits 1-5, offset from bit 9 on.
A slot's byte in `map` is its count of references, SWAP_HAS_CACHE added while the swap cache holds it; slot 0 holds the
area's header and is never used. Counts above 62 continue in `more`.

Known deviations: slots are given out next-fit, without clusters and per-CPU slot caches.
"""

from __future__ import annotations

from array import array

SWAP_HAS_CACHE = 0x40
SWAP_MAP_MAX = 0x3E
SWAP_MAP_BAD = 0x3F
MAX_SWAPFILES = 29
OFFSET_SHIFT = 9


class SwapInfo:
    """struct swap_info_struct. `pages` usable slots (the header's is not one); `kind` "partition" or "file"."""

    __slots__ = ("cache", "contents", "inuse", "kind", "map", "more", "next", "number", "path", "priority", "shadows",
                 "slots", "writeok")  # fmt: skip

    def __init__(self, number: int, path: str, kind: str, slots: int, priority: int) -> None:
        self.number = number
        self.path = path
        self.kind = kind
        self.slots = slots
        self.priority = priority
        self.map = bytearray(slots)
        self.map[0] = SWAP_MAP_BAD
        self.more: dict[int, int] = {}
        self.cache = array("I", bytes(4 * slots))  # frame of the swap cache, by slot
        self.shadows = array("I", bytes(4 * slots))
        self.contents: dict[int, bytes] = {}  # of the slots that hold anything but zeros
        self.inuse = 0
        self.next = 1
        self.writeok = True

    @property
    def pages(self) -> int:
        return self.slots - 1

    @property
    def size_kb(self) -> int:
        return self.pages * 4

    @property
    def used_kb(self) -> int:
        return self.inuse * 4

    def alloc_slot(self) -> int:
        """A free slot, now held by the swap cache; 0 if the area is full."""
        if self.inuse >= self.pages or not self.writeok:
            return 0
        offset = self.map.find(b"\0", self.next)
        if offset < 0:
            offset = self.map.find(b"\0", 1)
        self.map[offset] = SWAP_HAS_CACHE
        self.inuse += 1
        self.next = offset + 1 if offset + 1 < self.slots else 1
        return offset

    def count(self, offset: int) -> int:
        """References from page tables and shared memory."""
        return (self.map[offset] & ~SWAP_HAS_CACHE) + self.more.get(offset, 0)

    def get(self, offset: int) -> None:
        if self.map[offset] & ~SWAP_HAS_CACHE == SWAP_MAP_MAX:
            self.more[offset] = self.more.get(offset, 0) + 1
        else:
            self.map[offset] += 1

    def put(self, offset: int) -> int:
        """Drop a reference; what is left in the map, 0 = the slot is free."""
        more = self.more.get(offset, 0)
        if more:
            if more == 1:
                del self.more[offset]
            else:
                self.more[offset] = more - 1
            return self.map[offset]
        left = self.map[offset] - 1
        self.map[offset] = left
        if not left:
            self._freed(offset)
        return left

    def drop_cache(self, offset: int) -> None:
        """The swap cache lets go of a slot."""
        left = self.map[offset] & ~SWAP_HAS_CACHE
        self.map[offset] = left
        self.cache[offset] = 0
        if not left:
            self._freed(offset)

    def _freed(self, offset: int) -> None:
        self.inuse -= 1
        self.contents.pop(offset, None)
        self.shadows[offset] = 0
