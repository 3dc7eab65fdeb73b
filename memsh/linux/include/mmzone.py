"""A zone of page frames: limits, watermarks, free lists, per-CPU lists (include/linux/mmzone.h, mm/vmstat.c).

All counts are pages. A free list is an OrderedDict whose *last* entry is the head of Linux's list; `free` maps the
first frame of every free block to `order << 2 | type`, and is what "the buddy is free" asks. A per-CPU list is a deque
whose right end is the head.

Known deviations: none.
"""

from __future__ import annotations

import copy
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from memsh.linux.arch.x86.arch import Arch
from memsh.linux.include.flags import MAX_ORDER, MIGRATE_MOVABLE
from memsh.linux.include.lruvec import LruVec
from memsh.linux.include.vmstat import VmStat

if TYPE_CHECKING:
    from memsh.linux.mm.compaction.kcompactd import Kcompactd
    from memsh.linux.mm.vmscan.kswapd import Kswapd

PCP_MAX_ORDER = 3  # PAGE_ALLOC_COSTLY_ORDER
NR_LOWORDER_PCP_LISTS = 12  # orders 0 .. 3, three migrate types each; those for huge pages follow (see Arch)
NO_SECTION = 9  # the migrate type of a page block where there is no memory section
PCP_BATCH_SCALE_MAX = 5
_MAX_NUMNODES = 1024
ZONE_BOOSTED_WATERMARK = 1  # bit 0 of zone.flags
ZONE_RECLAIM_ACTIVE = 2  # bit 1

STAT_NAMES = (
    "nr_zone_inactive_anon", "nr_zone_active_anon", "nr_zone_inactive_file", "nr_zone_active_file",
    "nr_zone_unevictable", "nr_zone_write_pending", "nr_mlock", "nr_bounce", "nr_free_cma",
)  # fmt: skip

FreeList = OrderedDict[int, None]


def order_to_pindex(migratetype: int, order: int) -> int:
    """Which per-CPU list takes blocks of this order and type."""
    if order <= PCP_MAX_ORDER:
        return order * 3 + migratetype
    return NR_LOWORDER_PCP_LISTS + (migratetype == MIGRATE_MOVABLE)


def pindex_to_order(index: int, block_order: int) -> int:
    return index // 3 if index < NR_LOWORDER_PCP_LISTS else block_order


def pindex_to_type(index: int) -> int:
    """The migrate type that the pages of a per-CPU list have, if nothing else is kept with them (zone.odd)."""
    return index % 3 if index < NR_LOWORDER_PCP_LISTS else index - NR_LOWORDER_PCP_LISTS


class PerCpuPages:
    """struct per_cpu_pages. `limit` is the count at which a free starts to drain (nr_pcp_high)."""

    __slots__ = ("batch", "count", "free_factor", "high", "limit", "lists")

    def __init__(self, nr_lists: int) -> None:
        self.lists: list[deque[int]] = [deque() for _ in range(nr_lists)]
        self.count = 0
        self.high = 0  # the boot pageset keeps nothing
        self.batch = 1
        self.free_factor = 0
        self.limit = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> PerCpuPages:
        other = copy.copy(self)
        other.lists = [deque(pages) for pages in self.lists]
        return other


class CaptureControl:
    """struct capture_control: direct compaction waits for a block of `order`; `pfn` is the one it got, 0 until then."""

    __slots__ = ("order", "pfn")

    def __init__(self, order: int) -> None:
        self.order = order
        self.pfn = 0


class CompactState:
    """What compaction remembers of a zone between its runs (the compact_* fields of struct zone, PB_migrate_skip).

    `skip` has a byte for each page block: 1 where the last scan found nothing to do. `capture` is set while a run is
    for one allocation.
    """

    __slots__ = (
        "blockskip_flush", "cached_free", "cached_migrate", "capture", "considered", "defer_shift", "init_free",
        "init_migrate", "order_failed", "skip",
    )  # fmt: skip

    def __init__(self, blocks: int) -> None:
        self.considered = self.defer_shift = self.order_failed = 0
        self.cached_free = self.init_free = self.init_migrate = 0
        self.cached_migrate = [0, 0]  # where the migrate scanner starts: asynchronous, synchronous
        self.blockskip_flush = False
        self.capture: CaptureControl | None = None
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
    `pcp` and `stat_diff` are those of the CPU in use; `diffs` has the others' and `other_diff` their sum.
    `lruvecs` are the node's, by the number of the memory cgroup. `whole_end` is the zone's end if all frames in its
    span are its own or nobody's, its beginning if some are of another zone (memory hotplug): the page blocks tell.

    Events are counted here and summed when they are shown: `allocated` in pages (PGALLOC_…), `extra` the pages beyond
    the first of each block, so that `allocated - extra` is how many requests were served; of these `numa_miss` were
    wanted from another node, `numa_other` came from a CPU of another.
    """

    __slots__ = (
        "allocated", "batch", "block_order", "block_pages", "blocks", "compact", "diffs", "event", "extra", "flags",
        "free", "high", "highmem", "index", "limit", "lists", "lowmem_reserve", "lruvecs", "managed", "name", "node",
        "nr_reserved_highatomic", "numa_foreign", "numa_interleave", "numa_miss", "numa_other", "odd", "other_diff",
        "pcp", "pcps", "percpu_drift_mark", "present", "spanned", "start_block", "start_pfn", "stat",
        "stat_diff", "stat_free", "threshold", "watermark_boost", "whole_end", "wmark_high", "wmark_low", "wmark_min",
    )  # fmt: skip

    def __init__(
        self, arch: Arch, index: int, start_pfn: int, spanned: int, present: int, cpus: int = 1, node: int = 0
    ) -> None:  # fmt: skip
        self.name = arch.zone_names[index]
        self.event = arch.zone_events[index]  # as in pgalloc_dma32
        self.index = index
        self.node = node
        self.highmem = arch.zone_highmem == index  # is_highmem(); the Movable zone may be, too
        self.lruvecs: dict[int, LruVec] = {}  # the node's takes their place
        self.block_order, self.block_pages = arch.pageblock_order, arch.pageblock_pages
        self.start_pfn = start_pfn
        self.spanned = spanned
        self.whole_end = start_pfn + spanned
        self.present = present
        self.managed = 0
        self.wmark_min = self.wmark_low = self.wmark_high = 0
        self.watermark_boost = 0
        self.lowmem_reserve = [0] * len(arch.zone_names)
        self.limit = [0] * len(arch.zone_names)
        self.lists: list[FreeList] = [OrderedDict() for _ in range(MAX_ORDER << 2)]
        self.free: dict[int, int] = {}
        self.start_block = start_pfn >> self.block_order
        end_block = (start_pfn + spanned + self.block_pages - 1) >> self.block_order
        self.blocks = bytearray([MIGRATE_MOVABLE]) * (end_block - self.start_block if spanned else 0)
        self.compact = CompactState(len(self.blocks))
        self.pcps = [PerCpuPages(arch.nr_pcp_lists) for _ in range(cpus)]
        self.diffs = [0] * cpus
        self.pcp = self.pcps[0]
        self.odd: dict[int, int] = {}
        self.high = 0  # zone->pageset_high, pageset_batch: what the per-CPU lists were last set to
        self.batch = 1
        self.flags = 0
        self.nr_reserved_highatomic = 0
        self.stat_free = self.stat_diff = self.other_diff = self.threshold = 0
        self.percpu_drift_mark = 0
        self.stat: dict[str, int] = dict.fromkeys(STAT_NAMES, 0)
        self.allocated = self.extra = 0
        self.numa_miss = self.numa_foreign = self.numa_interleave = self.numa_other = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Zone:
        other = copy.copy(self)
        other.diffs = list(self.diffs)
        other.lists = [OrderedDict(pages) for pages in self.lists]
        other.free = dict(self.free)
        other.blocks = bytearray(self.blocks)
        other.compact = copy.deepcopy(self.compact)
        other.pcps = copy.deepcopy(self.pcps, memo)
        other.pcp = other.pcps[self.pcps.index(self.pcp)]
        other.odd = dict(self.odd)
        other.stat = dict(self.stat)
        other.lruvecs = copy.deepcopy(self.lruvecs, memo)
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

    @property
    def label(self) -> str:
        """The zone's name, with its node where that is not 0: `Normal@1`."""
        return f"{self.name}@{self.node}" if self.node else self.name

    def use_cpu(self, old: int, new: int) -> None:
        """What follows runs on another CPU: its lists, its difference to the counter."""
        diffs = self.diffs
        diffs[old] = self.stat_diff
        self.other_diff += self.stat_diff - diffs[new]
        self.stat_diff, diffs[new] = diffs[new], 0
        self.pcp = self.pcps[new]

    def mod_free(self, delta: int) -> None:
        """Add to NR_FREE_PAGES through this CPU's difference (__mod_zone_page_state)."""
        x = self.stat_diff + delta
        if x > self.threshold or -x > self.threshold:
            self.stat_free += x
            x = 0
        self.stat_diff = x

    def fold_free(self) -> None:
        """Fold all CPUs' differences into the zone's counter (refresh_cpu_vm_stats)."""
        self.stat_free += self.stat_diff + self.other_diff
        self.stat_diff = self.other_diff = 0
        self.diffs = [0] * len(self.diffs)

    def nr_blocks(self, order: int) -> int:
        """Free blocks of one order, all types (free_area[order].nr_free)."""
        at = order << 2
        return sum(map(len, self.lists[at : at + 4]))

    def block_type(self, pfn: int) -> int:
        """Migrate type of the page block that holds the frame (get_pfnblock_migratetype)."""
        return self.blocks[(pfn >> self.block_order) - self.start_block]

    def set_block_type(self, pfn: int, migratetype: int) -> None:
        self.blocks[(pfn >> self.block_order) - self.start_block] = migratetype

    def set_block_types(self, start: int, end: int, migratetype: int) -> None:
        """Those of all page blocks that begin in [start, end)."""
        first, behind = (-(-pfn >> self.block_order) - self.start_block for pfn in (start, end))
        if first < behind:
            self.blocks[first:behind] = bytes([migratetype]) * (behind - first)

    def owns(self, pfn: int) -> bool:
        """Whether a frame is in use as one of the zone's (pfn_to_online_page, page_zone)."""
        return self.start_pfn <= pfn < self.end_pfn and self.block_type(pfn) != NO_SECTION

    def stretch_end(self, pfn: int) -> int:
        """How far the frames from `pfn` on, which is the zone's, are its own."""
        if self.whole_end == self.end_pfn:
            return self.whole_end
        other = self.blocks.find(NO_SECTION, (pfn >> self.block_order) - self.start_block)
        return min(self.end_pfn, self.start_block + other << self.block_order) if other >= 0 else self.end_pfn

    def set_span(self, start: int, end: int) -> None:
        """The zone begins and ends elsewhere; page blocks that are new in it are not its own yet."""
        first, behind = start >> self.block_order, -(-end >> self.block_order)
        low = max(first, self.start_block)
        high = max(low, min(behind, self.start_block + len(self.blocks)))
        blocks, skip = bytearray([NO_SECTION]) * (behind - first), bytearray(behind - first)
        if low < high:
            here, there = slice(low - first, high - first), slice(low - self.start_block, high - self.start_block)
            blocks[here], skip[here] = self.blocks[there], self.compact.skip[there]
        self.blocks, self.compact.skip, self.start_block = blocks, skip, first
        self.start_pfn, self.spanned = start, end - start

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


class Node:
    """A node's memory (pg_data_t): `zones` in the order of the architecture, `order` the nodes to try, nearest first.

    `distances[n]` is the distance to node n, 10 to itself. `lruvecs[0]` is the node's own (pgdat->__lruvec), the others
    are those of memory cgroups, by their numbers. `stat`: items that are counted by node where there are several.
    """

    __slots__ = ("cpus", "distances", "kcompactd", "kswapd", "lruvecs", "nid", "order", "stat", "zones")

    kcompactd: Kcompactd
    kswapd: Kswapd

    def __init__(self, nid: int, zones: list[Zone], cpus: tuple[int, ...], distances: tuple[int, ...] = (10,)) -> None:
        self.nid = nid
        self.zones = zones
        self.cpus = cpus
        self.distances = distances
        self.order: tuple[int, ...] = (nid,)
        self.stat = VmStat()
        self.lruvecs = {0: LruVec(nid, len(zones))}
        for zone in zones:
            zone.lruvecs = self.lruvecs

    @property
    def lruvec(self) -> LruVec:
        """All pages of the node that no memory cgroup has of its own (mem_cgroup_lruvec of the root)."""
        return self.lruvecs[0]

    def zones_upto(self, highest: int) -> list[Zone]:
        """Its zones up to that index which have memory, lowest first."""
        return [zone for zone in self.zones[: highest + 1] if zone.managed]

    @property
    def start_pfn(self) -> int:
        return min((zone.start_pfn for zone in self.zones if zone.spanned), default=0)

    @property
    def end_pfn(self) -> int:
        return max((zone.end_pfn for zone in self.zones if zone.spanned), default=0)

    @property
    def present(self) -> int:
        return sum(zone.present for zone in self.zones)

    @property
    def managed(self) -> int:
        return sum(zone.managed for zone in self.zones)

    def zonelist(self, nodes: Sequence[Node], thisnode: bool) -> list[Zone]:
        """Populated zones in the order in which a request from this node looks (ZONELIST_FALLBACK, _NOFALLBACK)."""
        order = (self.nid,) if thisnode else self.order
        return [zone for nid in order for zone in reversed(nodes[nid].zones) if zone.managed]


def build_all_zonelists(nodes: Sequence[Node]) -> None:
    """The order in which each node falls back to the others (build_zonelists, find_next_best_node)."""
    load = [0] * len(nodes)
    for local in nodes:
        order, previous = [], local.nid
        used = {local.nid}
        nid = local.nid
        while nid >= 0:
            if local.distances[nid] != local.distances[previous]:
                load[nid] += 1
            order.append(nid)
            previous = nid
            nid = _next_best_node(nodes, local, used, load)
        local.order = tuple(order)


def _next_best_node(nodes: Sequence[Node], local: Node, used: set[int], load: list[int]) -> int:
    """The nearest node that is not used yet, -1 if there is none; the next one and a less loaded one are preferred."""
    best, least = -1, 0
    for node in nodes:
        if node.nid in used or not node.present:
            continue
        value = local.distances[node.nid] + (node.nid < local.nid) + bool(node.cpus)
        value = value * _MAX_NUMNODES + load[node.nid]
        if best < 0 or value < least:
            best, least = node.nid, value
    used.add(best)
    return best
