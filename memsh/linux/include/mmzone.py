"""A zone of page frames: limits, watermarks, free lists, per-CPU lists (include/linux/mmzone.h, mm/vmstat.c).

All counts are pages. A free list is an OrderedDict whose *last* entry is the head of Linux's list; `free` maps the
first frame of every free block to `order << 2 | type`, and is what "the buddy is free" asks. A per-CPU list is a deque
whose right end is the head.

Known deviations: frames on other CPUs' lists are not modelled (box.pages always works for CPU 0; the other CPUs' lists
exist and stay empty); NR_FREE_PAGES has one per-CPU difference, CPU 0's.
"""

from __future__ import annotations

import copy
from collections import OrderedDict, deque
from typing import Any

from memsh.linux.include.flags import MAX_ORDER, MIGRATE_MOVABLE, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES

NR_PCP_LISTS = 12  # orders 0 .. 3, three migrate types each
PCP_MAX_ORDER = 3  # PAGE_ALLOC_COSTLY_ORDER
PCP_BATCH_SCALE_MAX = 5
ZONE_BOOSTED_WATERMARK = 1  # bit 0 of zone.flags
ZONE_RECLAIM_ACTIVE = 2  # bit 1

STAT_NAMES = (
    "nr_zone_inactive_anon", "nr_zone_active_anon", "nr_zone_inactive_file", "nr_zone_active_file",
    "nr_zone_unevictable", "nr_zone_write_pending", "nr_mlock", "nr_bounce", "nr_free_cma",
)  # fmt: skip

FreeList = OrderedDict[int, None]


class PerCpuPages:
    """struct per_cpu_pages. `limit` is the count at which a free starts to drain (nr_pcp_high)."""

    __slots__ = ("batch", "count", "free_factor", "high", "limit", "lists")

    def __init__(self) -> None:
        self.lists: list[deque[int]] = [deque() for _ in range(NR_PCP_LISTS)]
        self.count = 0
        self.high = 0  # the boot pageset keeps nothing
        self.batch = 1
        self.free_factor = 0
        self.limit = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> PerCpuPages:
        other = PerCpuPages()
        other.lists = [deque(pages) for pages in self.lists]
        other.count, other.high, other.batch = self.count, self.high, self.batch
        other.free_factor, other.limit = self.free_factor, self.limit
        return other


class CompactState:
    """What compaction remembers of a zone between its runs (the compact_* fields of struct zone, PB_migrate_skip).

    `skip` has a byte for each page block: 1 where the last scan found nothing to do.
    """

    __slots__ = (
        "blockskip_flush", "cached_free", "cached_migrate", "considered", "defer_shift", "init_free", "init_migrate",
        "order_failed", "skip",
    )  # fmt: skip

    def __init__(self, blocks: int) -> None:
        self.considered = self.defer_shift = self.order_failed = 0
        self.cached_free = self.init_free = self.init_migrate = 0
        self.cached_migrate = [0, 0]  # where the migrate scanner starts: asynchronous, synchronous
        self.blockskip_flush = False
        self.skip = bytearray(blocks)

    def __deepcopy__(self, memo: dict[int, Any]) -> CompactState:
        other = copy.copy(self)
        other.cached_migrate = list(self.cached_migrate)
        other.skip = bytearray(self.skip)
        return other


class Zone:
    """struct zone.

    `wmark_min`, `wmark_low`, `wmark_high` are without the boost. `stat_free` is the zone's NR_FREE_PAGES counter, which
    lags behind by this CPU's `stat_diff` until that passes `threshold`; `nr_free` is exact.
    `odd` holds the migrate type kept with a page on a per-CPU list where it differs from the list's (high-atomic).
    `limit[i]` is what the counter must exceed for the fast path of a request whose highest zone is i.
    """

    __slots__ = (
        "batch", "blocks", "compact", "flags", "free", "high", "index", "limit", "lists", "lowmem_reserve", "managed",
        "name", "nr_reserved_highatomic", "odd", "other_diff", "pcp", "pcps", "percpu_drift_mark", "pgalloc",
        "present", "spanned", "start_block", "start_pfn", "stat", "stat_diff", "stat_free", "threshold",
        "watermark_boost", "wmark_high", "wmark_low", "wmark_min",
    )  # fmt: skip

    def __init__(self, name: str, index: int, start_pfn: int, spanned: int, present: int, cpus: int = 1) -> None:
        self.name = name
        self.index = index
        self.start_pfn = start_pfn
        self.spanned = spanned
        self.present = present
        self.managed = 0
        self.wmark_min = self.wmark_low = self.wmark_high = 0
        self.watermark_boost = 0
        self.lowmem_reserve = [0, 0, 0, 0]
        self.limit = [0, 0, 0, 0]
        self.lists: list[FreeList] = [OrderedDict() for _ in range(MAX_ORDER << 2)]
        self.free: dict[int, int] = {}
        self.start_block = start_pfn >> PAGEBLOCK_ORDER
        end_block = (start_pfn + spanned + PAGEBLOCK_PAGES - 1) >> PAGEBLOCK_ORDER
        self.blocks = bytearray([MIGRATE_MOVABLE]) * (end_block - self.start_block if spanned else 0)
        self.compact = CompactState(len(self.blocks))
        self.pcps = [PerCpuPages() for _ in range(cpus)]
        self.pcp = self.pcps[0]
        self.odd: dict[int, int] = {}
        self.high = 0  # zone->pageset_high, pageset_batch: what the per-CPU lists were last set to
        self.batch = 1
        self.flags = 0
        self.nr_reserved_highatomic = 0
        self.stat_free = self.stat_diff = self.other_diff = self.threshold = 0
        self.percpu_drift_mark = 0
        self.stat: dict[str, int] = dict.fromkeys(STAT_NAMES, 0)
        self.pgalloc = "pgalloc_" + name.lower().replace("highmem", "high")

    def __deepcopy__(self, memo: dict[int, Any]) -> Zone:
        other = copy.copy(self)
        other.lists = [OrderedDict(pages) for pages in self.lists]
        other.free = dict(self.free)
        other.blocks = bytearray(self.blocks)
        other.compact = copy.deepcopy(self.compact)
        other.pcps = copy.deepcopy(self.pcps, memo)
        other.pcp = other.pcps[0]
        other.odd = dict(self.odd)
        other.stat = dict(self.stat)
        other.limit = list(self.limit)
        other.lowmem_reserve = list(self.lowmem_reserve)
        return other

    @property
    def end_pfn(self) -> int:
        return self.start_pfn + self.spanned

    @property
    def nr_free(self) -> int:
        """Free pages in the buddy system, exact (zone_page_state_snapshot)."""
        return self.stat_free + self.stat_diff + self.other_diff

    @property
    def nr_free_pages(self) -> int:
        return self.nr_free

    def mod_free(self, delta: int) -> None:
        """Add to NR_FREE_PAGES through this CPU's difference (__mod_zone_page_state)."""
        x = self.stat_diff + delta
        if x > self.threshold or -x > self.threshold:
            self.stat_free += x
            x = 0
        self.stat_diff = x

    def fold_free(self) -> None:
        """Fold this CPU's difference into the zone's counter (refresh_cpu_vm_stats)."""
        self.stat_free += self.stat_diff
        self.stat_diff = 0

    def nr_blocks(self, order: int) -> int:
        """Free blocks of one order, all types (free_area[order].nr_free)."""
        at = order << 2
        return sum(map(len, self.lists[at : at + 4]))

    def block_type(self, pfn: int) -> int:
        """Migrate type of the page block that holds the frame (get_pfnblock_migratetype)."""
        return self.blocks[(pfn >> PAGEBLOCK_ORDER) - self.start_block]

    def set_block_type(self, pfn: int, migratetype: int) -> None:
        self.blocks[(pfn >> PAGEBLOCK_ORDER) - self.start_block] = migratetype

    def update_limits(self) -> None:
        """Call after any change of watermarks, boost, reserves or the high-atomic reserve."""
        base = self.wmark_low + self.watermark_boost + self.nr_reserved_highatomic
        self.limit = [base + reserve for reserve in self.lowmem_reserve]

    def set_flags(self, flags: int) -> None:
        """Zone flags; ZONE_RECLAIM_ACTIVE makes the per-CPU lists drain earlier."""
        self.flags = flags
        for pcp in self.pcps:
            pcp.limit = min(pcp.batch << 2, pcp.high) if flags & ZONE_RECLAIM_ACTIVE else pcp.high

    def set_pageset(self, high: int, batch: int) -> None:
        """pageset_update() on every CPU."""
        self.high, self.batch = high, batch
        for pcp in self.pcps:
            pcp.high, pcp.batch = high, batch
        self.set_flags(self.flags)
