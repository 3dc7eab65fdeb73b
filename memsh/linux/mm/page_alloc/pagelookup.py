"""Questions about page frames: which zone, which list, free or not, may it be freed (mm/page_alloc.c).

A base of the allocator; changes nothing but the log (BUG lines of bad frees). No known deviations.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER
from memsh.linux.include.kern_levels import KERN_ALERT
from memsh.linux.include.memmap import K_KERNEL, K_RECORDED, KIND_NAMES
from memsh.linux.include.mmzone import pindex_to_order, pindex_to_type
from memsh.linux.lib.dump_stack import TAINT_BAD_PAGE, add_taint

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.memmap import MemMap
    from memsh.linux.include.mmzone import Node, Zone


CHUNK_ORDER = 12  # 16 MiB: zones mostly begin and end at a multiple of it


class PageLookup:
    """`_zone_at[pfn >> CHUNK_ORDER]` is the zone of a frame where a whole chunk has the same, None where it has not.
    `_mixed`: the zones in whose span frames of another one lie."""

    __slots__ = ("_mixed", "_populated", "_starts", "_zone_at", "box", "memmap", "nodes", "zones")

    box: Box
    memmap: MemMap
    nodes: list[Node]
    zones: list[Zone]

    def _bounds(self) -> None:
        self._populated = sorted((zone for zone in self.zones if zone.present), key=lambda zone: zone.start_pfn)
        self._starts = [zone.start_pfn for zone in self._populated]
        chunk = 1 << CHUNK_ORDER
        self._zone_at: list[Zone | None] = [None] * ((self.memmap.frames >> CHUNK_ORDER) + 1)
        ends = [*self._starts[1:], len(self._zone_at) << CHUNK_ORDER]
        for zone, end in zip(self._populated, ends, strict=True):
            first, last = (zone.start_pfn + chunk - 1) >> CHUNK_ORDER, end >> CHUNK_ORDER
            self._zone_at[first:last] = [zone] * (last - first)
        self._mixed = [zone for zone in self._populated if any(
            other is not zone and other.start_pfn < zone.end_pfn and zone.start_pfn < other.end_pfn
            for other in self._populated)]  # fmt: skip
        for zone in self._populated:
            zone.whole_end = zone.start_pfn if zone in self._mixed else zone.end_pfn
        for zone in self._mixed:
            for at in range(zone.start_pfn + chunk - 1 >> CHUNK_ORDER, zone.end_pfn + chunk - 1 >> CHUNK_ORDER):
                if zone.owns(at << CHUNK_ORDER):
                    self._zone_at[at] = zone

    def zone_of(self, pfn: int) -> Zone:
        """The zone of a frame; frames outside RAM get the nearest zone below."""
        try:
            zone = self._zone_at[pfn >> CHUNK_ORDER]
        except IndexError:
            zone = None
        zone = zone or next((other for other in self._mixed if other.owns(pfn)), None)
        return zone or self._populated[max(0, bisect_right(self._starts, pfn) - 1)]

    def zones_upto(self, highest: int) -> list[Zone]:
        """The zones that a request with this highest zone index may use, lowest first, node by node."""
        return [zone for zone in self.zones if zone.index <= highest]

    def free_order(self, pfn: int) -> int | None:
        """Order of the free block that begins at pfn; None if none does."""
        key = self.zone_of(pfn).free.get(pfn)
        return None if key is None else key >> 2

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
        zone = self.zone_of(pfn)
        for cpu in zone.pcps:
            for index, pages in enumerate(cpu.lists):
                if pfn in pages:
                    return pindex_to_order(index, zone.block_order), pindex_to_type(index)
        return None

    def pcp_frames(self) -> Iterable[tuple[int, int]]:
        """(first frame, order) of every block on the per-CPU lists."""
        for zone in self.zones:
            for cpu in zone.pcps:
                for index, pages in enumerate(cpu.lists):
                    for pfn in reversed(pages):
                        yield pfn, pindex_to_order(index, zone.block_order)

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
        add_taint(self.box, TAINT_BAD_PAGE)
        return f"page frame {pfn:#x}: {why}"
