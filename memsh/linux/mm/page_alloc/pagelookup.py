"""Questions about page frames: which zone, which list, free or not, may it be freed (mm/page_alloc.c).

A base of the allocator; changes nothing but the log (BUG lines of bad frees). No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER, ZONE_DMA, ZONE_HIGHMEM, ZONE_MOVABLE, ZONE_NORMAL
from memsh.linux.include.memmap import K_KERNEL, K_RECORDED, KIND_NAMES
from memsh.linux.kernel.printk import KERN_ALERT

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.memmap import MemMap
    from memsh.linux.include.mmzone import Zone


class PageLookup:
    __slots__ = ("_high_start", "_normal_start", "_top_start", "box", "memmap", "zones")

    box: Box
    memmap: MemMap
    zones: list[Zone]

    def _bounds(self) -> None:
        normal, high = self.zones[ZONE_NORMAL], self.zones[ZONE_HIGHMEM]
        top = self.zones[ZONE_MOVABLE]
        end = 1 << 32
        self._top_start = top.start_pfn if top.present else end
        self._high_start = high.start_pfn if high.present else self._top_start
        self._normal_start = normal.start_pfn if normal.present else self._high_start

    def zone_of(self, pfn: int) -> Zone:
        """The zone of a frame; frames outside RAM get the nearest zone below."""
        if pfn >= self._high_start:
            return self.zones[ZONE_MOVABLE if pfn >= self._top_start else ZONE_HIGHMEM]
        return self.zones[ZONE_NORMAL if pfn >= self._normal_start else ZONE_DMA]

    def free_area(self, zone: Zone, order: int, migratetype: int) -> list[int]:
        """First frames of the free blocks of one order and type, the list's head first."""
        return list(reversed(zone.lists[order << 2 | migratetype]))

    def free_count(self, zone: Zone, order: int, migratetype: int) -> int:
        """Length of that list."""
        return len(zone.lists[order << 2 | migratetype])

    def free_order(self, pfn: int) -> int | None:
        """Order of the free block that begins at pfn; None if none does."""
        key = self.zone_of(pfn).free.get(pfn)
        return None if key is None else key >> 2

    def free_type(self, pfn: int) -> int:
        """Migrate type of the list that the free block at pfn is on. KeyError if none begins there."""
        return self.zone_of(pfn).free[pfn] & 3

    def free_head(self, pfn: int) -> int | None:
        """First frame of the free block that holds pfn, None if it is not free."""
        free = self.zone_of(pfn).free
        for order in range(MAX_ORDER):
            head = pfn >> order << order
            key = free.get(head)
            if key is not None and head + (1 << (key >> 2)) > pfn:
                return head
        return None

    def on_pcp(self, pfn: int) -> tuple[int, int] | None:
        """(order, migrate type) of the per-CPU list that holds the block beginning at pfn."""
        for cpu in self.zone_of(pfn).pcps:
            for index, pages in enumerate(cpu.lists):
                if pfn in pages:
                    return index // 3, index % 3
        return None

    def pcp_frames(self) -> Iterable[tuple[int, int]]:
        """(first frame, order) of every block on the per-CPU lists."""
        for zone in self.zones:
            for cpu in zone.pcps:
                for index, pages in enumerate(cpu.lists):
                    for pfn in reversed(pages):
                        yield pfn, index // 3

    def bad_free(self, pfn: int, order: int) -> str | None:
        """Why free_pages(pfn, order) must not be done: one line (real bugs are logged too); None if fine."""
        memmap = self.memmap
        if not 0 <= order < MAX_ORDER:
            return f"order {order}: a block has order 0 to {MAX_ORDER - 1}"
        zone = self.zone_of(pfn)
        if not (0 < pfn < memmap.frames and zone.start_pfn <= pfn < zone.end_pfn):
            return f"page frame {pfn:#x} is not in RAM (the last one is {memmap.frames - 1:#x})"
        if pfn & ((1 << order) - 1):
            return f"page frame {pfn:#x} is not a multiple of 2^{order}"
        if memmap.refcount[pfn] == 0:
            if self.free_head(pfn) is not None or self.on_pcp(pfn) is not None:
                return self._bad_page(pfn, "it is free already")
            return f"page frame {pfn:#x} is not the first of an allocated block"
        if memmap.kind[pfn] == K_RECORDED:
            return f"page frame {pfn:#x} is in use by the recorded machine"
        if memmap.kind[pfn] != K_KERNEL:
            return f"page frame {pfn:#x} is in use: {KIND_NAMES[memmap.kind[pfn]]}"
        if memmap.order[pfn] != order:
            return f"page frame {pfn:#x} was allocated with order {memmap.order[pfn]}, not {order}"
        return None

    def _bad_page(self, pfn: int, why: str) -> str:
        comm = getattr(getattr(self.box, "current", None), "comm", "swapper/0")
        self.box.log.printk(f"BUG: Bad page state in process {comm}  pfn:{pfn:05x}", KERN_ALERT)
        self.box.log.printk("page dumped because: nonzero _refcount", KERN_ALERT)
        return f"page frame {pfn:#x}: {why}"
