"""The page allocator: alloc_pages and free_pages (mm/page_alloc.c).

get_page_from_freelist, rmqueue, free_unref_page, free_unref_page_list; what happens when memory is short is in
slowpath.py. The fast path of a block that waits on this CPU's list is written flat in alloc_pages(); everything else
goes through get_page_from_freelist().

Known deviations: compound pages have no head flag; __GFP_MOVABLE together with __GFP_RECLAIMABLE counts as movable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from memsh.linux.include.flags import (
    GFP_NAMES,
    MAX_ORDER,
    MIGRATE_HIGHATOMIC,
    MIGRATE_MOVABLE,
    MIGRATE_RECLAIMABLE,
    gfp_migratetype,
)
from memsh.linux.include.memmap import K_KERNEL, K_KMALLOC, K_SLAB, PG_KMEMCG
from memsh.linux.include.mempolicy import Policy
from memsh.linux.include.mmzone import (
    PCP_MAX_ORDER,
    ZONE_BOOSTED_WATERMARK,
    Node,
    PerCpuPages,
    Zone,
    build_all_zonelists,
    order_to_pindex,
)
from memsh.linux.lib.dump_stack import warn_once
from memsh.linux.mm.page_alloc import batches, fallback, pcp, watermark
from memsh.linux.mm.page_alloc.freearea import free_one_page, rmqueue_smallest
from memsh.linux.mm.page_alloc.pagelookup import PageLookup
from memsh.linux.mm.page_alloc.policy import alloc_pages_policy
from memsh.linux.mm.page_alloc.slowpath import alloc_pages_slowpath
from memsh.linux.mm.page_alloc.watermark import (
    ALLOC_HIGHATOMIC,
    ALLOC_NO_WATERMARKS,
    ALLOC_NOFRAGMENT,
    ALLOC_NON_BLOCK,
    ALLOC_OOM,
    ALLOC_WMARK_MASK,
    WMARK_LOW,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box

HIGH = GFP_NAMES["__GFP_HIGH"]
KSWAPD_RECLAIM = GFP_NAMES["__GFP_KSWAPD_RECLAIM"]
DIRECT_RECLAIM = GFP_NAMES["__GFP_DIRECT_RECLAIM"]
NOMEMALLOC = GFP_NAMES["__GFP_NOMEMALLOC"]
MEMALLOC = GFP_NAMES["__GFP_MEMALLOC"]
NOWARN = GFP_NAMES["__GFP_NOWARN"]
VIA = {K_SLAB: "slab", K_KMALLOC: "large"}  # what asks for pages of a kind, as call traces name it
NORETRY = GFP_NAMES["__GFP_NORETRY"]
THISNODE = GFP_NAMES["__GFP_THISNODE"]
ACCOUNT = GFP_NAMES["__GFP_ACCOUNT"]
HARDWALL = GFP_NAMES["__GFP_HARDWALL"]
RECLAIM_DISTANCE = 30

_BOUND = ("_flags", "_from_node", "_kind", "_order", "_plans", "_refcount")


class Plan(NamedTuple):
    """How a request is served (struct alloc_context): `flags` are those of the first look, beside the watermark."""

    zones: tuple[Zone, ...]
    highest: int  # index of the highest zone allowed
    migratetype: int
    flags: int
    nodes: tuple[int, ...] | None = None  # only these, None for any
    slow: Plan | None = None  # the plan when memory is short, where a cpuset makes it another
    wanted: Zone | None = None  # that statistics compare with, if it is not the first one


# what alloc_pages() needs at once: the highest order for its fast path (-1: none), the first zone, the highest index,
# the CPU's lists of orders 0 to 3, its counts, and the whole plan
Fast = tuple[int, Zone, int, tuple[deque[int], ...], PerCpuPages, Plan]


class PageAllocator(PageLookup):
    """box.pages. Built from the nodes with their zones; the box has its `memmap` already. Boot hands frames over zone
    by zone.

    `memalloc` above 0: the caller is reclaiming (PF_MEMALLOC), may use every reserve and never reclaims again.
    `cpu` is the CPU in use (see use_cpu) and `node` the one it belongs to.
    """

    __slots__ = (
        "_flags",
        "_from_node",
        "_kind",
        "_order",
        "_pcp_max",
        "_plain",
        "_plans",
        "_refcount",
        "_thp_order",
        "charge",
        "charged",
        "cpu",
        "cpus",
        "freed",
        "interleaved",
        "lowmem_reserve_ratio",
        "memalloc",
        "memory_failures",
        "mems",
        "min_free_kbytes",
        "node",
        "percpu_pagelist_high_fraction",
        "place",
        "policy",
        "totalreserve_pages",
        "trace",
        "uncharge",
        "user_min_free_kbytes",
        "via",
        "vm",
        "watermark_boost_factor",
        "watermark_scale_factor",
    )  # fmt: skip

    def __init__(self, box: Box, nodes: Sequence[Node]) -> None:
        self.box = box
        self.nodes = list(nodes)
        self.zones = [zone for node in self.nodes for zone in node.zones]
        self.cpus = box.config.cpus
        self.cpu = 0
        self.node = 0
        self.freed = 0  # pages, PGFREE
        self.policy: Policy | None = None  # that of whoever allocates
        self.via = "pages"  # who asked last, as call traces name it
        self.place = self.interleaved = -1
        self.min_free_kbytes = 0
        self.user_min_free_kbytes = -1
        self.watermark_scale_factor = 10
        self.watermark_boost_factor = 15000
        self.lowmem_reserve_ratio = list(box.arch.lowmem_reserve_ratio)
        self.percpu_pagelist_high_fraction = 0
        self.memalloc = 0
        self.memory_failures = 0
        self.mems: tuple[int, ...] | None = None  # the nodes of the current task's cpuset, None for all
        self.totalreserve_pages = 0
        self._plain = False
        self._pcp_max = PCP_MAX_ORDER
        self._thp_order = box.arch.pageblock_order if box.arch.pcp_thp else -1
        self.charge: Callable[[int, int, int], bool] | None = None  # (pfn, order, gfp): memory cgroups pay for a block
        self.uncharge: Callable[[int, int], None] | None = None  # (pfn, order)
        self.charged = 0  # pages of processes and files that a memory cgroup pays for
        build_all_zonelists(self.nodes)
        self.memmap = box.memmap
        self.memmap.zones = self.zones
        self.vm = box.vmstat
        self.trace = box.trace
        self._bind()

    def _bind(self) -> None:
        memmap = self.memmap
        self._refcount, self._kind, self._order, self._flags = memmap.refcount, memmap.kind, memmap.order, memmap.flags
        self._bounds()
        self._plans: dict[int, Fast] = {}
        self._from_node: dict[tuple[int, int, tuple[int, ...] | None], Plan] = {}

    def __getstate__(self) -> dict[str, Any]:
        """For copies: the columns are bound again to the copy's own memmap."""
        names = (*PageLookup.__slots__, *PageAllocator.__slots__)
        return {name: getattr(self, name) for name in names if name not in _BOUND}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._bind()

    def events(self) -> dict[str, int]:
        """Events that are counted in the zones and here, by their names in /proc/vmstat."""
        found = {"pgfree": self.freed}
        for zone in self.zones:
            name = f"pgalloc_{zone.event}"
            found[name] = found.get(name, 0) + zone.allocated
        return found

    def forget_events(self) -> None:
        """Start counting anew."""
        self.freed = 0
        for zone in self.zones:
            zone.allocated = zone.extra = 0
            zone.numa_miss = zone.numa_foreign = zone.numa_interleave = zone.numa_other = 0

    def use_cpu(self, cpu: int) -> None:
        """What follows runs on this CPU: its per-CPU lists, its node first."""
        if cpu == self.cpu:
            return
        for zone in self.zones:
            zone.use_cpu(self.cpu, cpu)
        self.cpu = cpu
        self.node = next(node.nid for node in self.nodes if cpu in node.cpus)
        self._plans.clear()
        for hook in self.box.hooks.get("cpu", ()):
            hook()

    # -- boot and tunables ------------------------------------------------------------------------------------------

    def build_all_zonelists(self) -> None:
        """Zones have memory that had none, or none any more."""
        build_all_zonelists(self.nodes)
        self.resized()

    def resized(self) -> None:
        """Zones have another size, or begin elsewhere."""
        self._bounds()
        self._plans.clear()
        self._from_node.clear()

    def init_per_zone_wmark_min(self) -> None:
        """Watermarks, thresholds and reserves from what is managed by now, at boot and whenever that changes."""
        self._plans.clear()
        self._from_node.clear()
        value = watermark.calculate_min_free_kbytes(self.box.arch, self.zones)
        if value > self.user_min_free_kbytes:
            self.min_free_kbytes = value
        self._wmarks()
        watermark.refresh_zone_stat_thresholds(self.zones, self.cpus)
        self.setup_per_zone_lowmem_reserve()

    def set_recommended_min_free_kbytes(self, huge_pages: bool) -> None:
        """khugepaged starts or stops: it raises vm.min_free_kbytes, or leaves what the machine's size asks for."""
        arch = self.box.arch
        if not huge_pages:
            if (value := watermark.calculate_min_free_kbytes(arch, self.zones)) > self.user_min_free_kbytes:
                self.min_free_kbytes = value
        else:
            self.min_free_kbytes = max(self.min_free_kbytes, watermark.recommended_min_free_kbytes(arch, self.zones))
        self._wmarks()

    def _wmarks(self) -> None:
        watermark.setup_per_zone_wmarks(self.zones, self.min_free_kbytes, self.watermark_scale_factor)
        self.totalreserve_pages = watermark.calculate_totalreserve_pages(self.zones)
        self.update_pcp_high()

    def setup_per_zone_wmarks(self) -> None:
        """After vm.min_free_kbytes or vm.watermark_scale_factor changed."""
        self._wmarks()

    def setup_per_zone_lowmem_reserve(self) -> None:
        """After vm.lowmem_reserve_ratio (or what is managed) changed."""
        for node in self.nodes:
            watermark.setup_per_zone_lowmem_reserve(node, self.lowmem_reserve_ratio)
        self.totalreserve_pages = watermark.calculate_totalreserve_pages(self.zones)

    def setup_per_cpu_pageset(self) -> None:
        """From now on the per-CPU lists keep pages."""
        self.update_pcp_high()

    def update_pcp_high(self) -> None:
        """Sizes of the per-CPU lists, from the watermarks or vm.percpu_pagelist_high_fraction."""
        for zone in self.zones:
            if zone.present:
                cpus = len(self.nodes[zone.node].cpus) or self.cpus
                watermark.update_pageset(zone, cpus, self.percpu_pagelist_high_fraction)

    @property
    def plain(self) -> bool:
        """The textbook allocator: no per-CPU lists. Setting it drains them."""
        return self._plain

    @plain.setter
    def plain(self, on: bool) -> None:
        self._plain = bool(on)
        if on:
            self.drain_all_pages()
            for zone in self.zones:
                zone.fold_free()
        self.refresh()

    def refresh(self) -> None:
        """After zone flags or `plain` were set from outside: whether alloc_pages may take its fast path."""
        slow = self._plain or any(zone.flags & ZONE_BOOSTED_WATERMARK for zone in self.zones)
        self._pcp_max = -1 if slow else PCP_MAX_ORDER
        self._plans.clear()
        self._from_node.clear()

    # -- allocation -------------------------------------------------------------------------------------------------

    def _plan(self, gfp: int) -> Fast:
        """How alloc_pages() serves these flags from the CPU in use; kept until zones or lists change."""
        plan = self.prepare_alloc_pages(gfp, self.node)
        zone = plan.zones[0] if plan.zones else self.nodes[self.node].zones[plan.highest]
        cpu = zone.pcp
        most = self._pcp_max if not (gfp & ACCOUNT and self.charge is not None) else -1
        if zone.node != self.node or not plan.zones or (self.policy is not None and not gfp & THISNODE):
            most = -1
        lists = tuple(cpu.lists[order * 3 + plan.migratetype] for order in range(PCP_MAX_ORDER + 1))
        fast = self._plans[gfp] = (most, zone, plan.highest, lists, cpu, plan)
        return fast

    def prepare_alloc_pages(self, gfp: int, nid: int, nodemask: Collection[int] | None = None) -> Plan:
        """Where a request with these flags looks, from node `nid` on; only in the nodes of `nodemask`.

        At first that is in nodes of the task's cpuset alone; when memory is short the kernel's own requests, those
        without __GFP_HARDWALL, go everywhere.
        """
        highest = self.box.arch.gfp_zones[gfp & 0xF]
        node = self.nodes[nid]
        listed = node.zonelist(self.nodes, bool(gfp & THISNODE))
        zones = tuple(
            zone for zone in listed if zone.index <= highest and (nodemask is None or zone.node in nodemask)
        ) or (node.zones[highest],)
        flags = self._alloc_flags_nofragment(zones[0], gfp)
        nodes = tuple(nodemask) if nodemask is not None else None
        plan = Plan(zones, highest, gfp_migratetype(gfp), flags, nodes)
        if self.mems is None:
            return plan
        within = tuple(zone for zone in zones if zone.node in self.mems)
        flags = self._alloc_flags_nofragment(within[0], gfp) if within else flags
        slow = plan._replace(zones=within, wanted=zones[0]) if gfp & HARDWALL else plan
        return plan._replace(zones=within, flags=flags, slow=slow)

    def _alloc_flags_nofragment(self, zone: Zone, gfp: int) -> int:
        """The first look does not mix migrate types while a lower zone may still serve (CONFIG_ZONE_DMA32)."""
        flags = gfp & KSWAPD_RECLAIM
        arch = self.box.arch
        if arch.zone_dma32 >= 0 and zone.index == arch.zone_normal:
            if len(self.nodes) == 1 or self.nodes[zone.node].zones[arch.zone_dma32].present:
                flags |= ALLOC_NOFRAGMENT
        return flags

    def alloc_pages(self, gfp: int, order: int, kind: int = K_KERNEL) -> int:
        """First frame of a block of 2^order pages, 0 if there is none. The head gets refcount 1, order and kind."""
        try:
            most, zone, highest, lists, cpu, plan = self._plans[gfp]
        except KeyError:
            most, zone, highest, lists, cpu, plan = self._plan(gfp)
        if order <= most:
            above = zone.stat_free - zone.limit[highest]
            if above > 0:
                size = 1 << order
                if not order or (
                    above >= size
                    and (zone.lists[41] or zone.lists[40] or watermark.has_suitable_block(zone, order, 0))
                ):
                    pages = lists[order]
                    if pages or self._refill(zone, cpu, order, plan):
                        if cpu.free_factor:
                            cpu.free_factor >>= 1
                        pfn = pages.pop()
                        cpu.count -= size
                        if zone.odd:
                            zone.odd.pop(pfn, None)
                        zone.allocated += size
                        self._refcount[pfn] = 1
                        self._kind[pfn] = kind
                        if order:
                            zone.extra += size - 1
                            self._order[pfn] = order
                        if self.trace.on:
                            self.trace.emit("mm_page_alloc", pfn, order, gfp, plan.migratetype)
                        return pfn
        if self.policy is not None and not gfp & THISNODE:
            return alloc_pages_policy(self, self.policy, gfp, order, kind, self.place)
        return self.__alloc_pages(gfp, order, kind, plan)

    def cpu_to_node(self, cpu: int) -> int:
        """The node that a CPU belongs to."""
        return next((node.nid for node in self.nodes if cpu in node.cpus), 0)

    def set_policy(self, policy: Policy | None, place: int = -1) -> None:
        """From now on pages come from where this policy says; `place` is the page's number in its area, for those of
        an area (see alloc_pages_policy)."""
        self.place = place
        if policy != self.policy:
            self.policy = policy
            self._plans.clear()

    def set_mems(self, mems: tuple[int, ...] | None) -> None:
        """From now on pages come from these nodes, None for all: those of the current task's cpuset."""
        if mems != self.mems:
            self.mems = mems
            self._plans.clear()
            self._from_node.clear()

    @contextmanager
    def anywhere(self) -> Iterator[None]:
        """What is done meanwhile is done by a thread of the kernel, whose cpuset is the root's."""
        own = self.mems
        self.set_mems(None)
        try:
            yield
        finally:
            self.set_mems(own)

    def alloc_pages_node(
        self, gfp: int, order: int, nid: int, kind: int = K_KERNEL, nodemask: Collection[int] | None = None
    ) -> int:
        """alloc_pages() from node `nid` on, whatever CPU is in use; only from the nodes of `nodemask`."""
        return self.__alloc_pages(gfp, order, kind, self.plan_from(gfp, nid, nodemask))

    def plan_from(self, gfp: int, nid: int, nodemask: Collection[int] | None = None) -> Plan:
        """prepare_alloc_pages(), kept until zones or the cpuset change."""
        key = (gfp, nid, tuple(nodemask) if nodemask is not None else None)
        plan = self._from_node.get(key)
        if plan is None:
            plan = self._from_node[key] = self.prepare_alloc_pages(gfp, nid, nodemask)
        return plan

    def __alloc_pages(self, gfp: int, order: int, kind: int, plan: Plan) -> int:
        if not 0 <= order < MAX_ORDER:
            if not gfp & NOWARN:
                warn_once(self.box, "order", VIA.get(kind, "pages"), gfp=gfp, order=order)
            return 0
        pfn = self.get_page_from_freelist(gfp, order, WMARK_LOW | plan.flags, plan)
        if not pfn:
            self.via = VIA.get(kind, "pages")
            pfn = alloc_pages_slowpath(self, gfp, order, plan.slow or plan)
        if self.trace.on:
            self.trace.emit("mm_page_alloc", pfn, order, gfp, plan.migratetype)
        if pfn:
            self._refcount[pfn] = 1
            self._kind[pfn] = kind
            if order:
                self._order[pfn] = order
            if gfp & ACCOUNT and self.charge is not None:
                if not self.charge(pfn, order, gfp):
                    self.free_pages(pfn, order)
                    return 0
                self._flags[pfn] |= PG_KMEMCG
        return pfn

    def _refill(self, zone: Zone, cpu: PerCpuPages, order: int, plan: Plan) -> int:
        """Refill the list that alloc_pages() found empty; 0 if nothing came."""
        count = pcp.refill(self, zone, cpu, order, plan.migratetype, plan.flags)
        if count and zone.flags & ZONE_BOOSTED_WATERMARK:
            self._kswapd_for_boost(zone)
        return count

    def _kswapd_for_boost(self, zone: Zone) -> None:
        zone.flags &= ~ZONE_BOOSTED_WATERMARK
        self.refresh()
        self.nodes[zone.node].kswapd.wakeup(zone, 0, 0, zone.index)

    def get_page_from_freelist(self, gfp: int, order: int, alloc_flags: int, plan: Plan) -> int:
        """Try each zone whose watermark allows it; 0 if none gives a block."""
        if not plan.zones:  # the cpuset has none of them
            return 0
        preferred, highest = plan.wanted or plan.zones[0], plan.highest
        while True:
            no_fallback = alloc_flags & ALLOC_NOFRAGMENT
            for zone in plan.zones:
                if no_fallback and zone.node != preferred.node:
                    break  # locality is worth more than unmixed page blocks
                mark = watermark.wmark_pages(zone, alloc_flags & ALLOC_WMARK_MASK)
                if not watermark.zone_watermark_fast(zone, order, mark, highest, alloc_flags, gfp):
                    if not alloc_flags & ALLOC_NO_WATERMARKS:
                        if not self._reclaims_node(preferred, zone, gfp, order):
                            continue
                        if not watermark.zone_watermark_ok(zone, order, mark, highest, alloc_flags, zone.stat_free):
                            continue
                pfn = self.rmqueue(zone, order, alloc_flags, plan.migratetype)
                if pfn:
                    self._zone_statistics(preferred, zone, order)
                    if alloc_flags & ALLOC_HIGHATOMIC:
                        fallback.reserve_highatomic_pageblock(zone, pfn)
                    return pfn
            if not no_fallback:
                return 0
            alloc_flags &= ~ALLOC_NOFRAGMENT

    def _reclaims_node(self, preferred: Zone, zone: Zone, gfp: int, order: int) -> bool:
        """vm.zone_reclaim_mode: whether reclaim on a node that is short did something, before the next one is asked."""
        if not self.box.sysctl.values["vm.zone_reclaim_mode"]:
            return False
        node = self.nodes[zone.node]
        near = self.nodes[preferred.node].distances[zone.node] <= RECLAIM_DISTANCE  # zone_allows_reclaim()
        return near and self.box.reclaim.node_reclaim(self.box, node, gfp, order)

    def _zone_statistics(self, preferred: Zone, zone: Zone, order: int) -> None:
        """Count one block: which zone gave it, and whether the node that was wanted did."""
        zone.allocated += 1 << order
        zone.extra += (1 << order) - 1
        if zone.node != preferred.node:
            zone.numa_miss += 1
            preferred.numa_foreign += 1
        if zone.node != self.node:
            zone.numa_other += 1

    def rmqueue(self, zone: Zone, order: int, alloc_flags: int, migratetype: int) -> int:
        """A block from one zone: from this CPU's list, refilled as needed, or from the buddy lists; 0 if none."""
        pfn = 0
        if (order <= PCP_MAX_ORDER or order == self._thp_order) and not self._plain:
            cpu = zone.pcp
            cpu.free_factor >>= 1
            pages = cpu.lists[order_to_pindex(migratetype, order)]
            if pages or pcp.refill(self, zone, cpu, order, migratetype, alloc_flags):
                pfn = pages.pop()
                cpu.count -= 1 << order
                if zone.odd:
                    zone.odd.pop(pfn, None)
        if not pfn:
            pfn = self._rmqueue_buddy(zone, order, alloc_flags, migratetype)
        if zone.flags & ZONE_BOOSTED_WATERMARK:
            self._kswapd_for_boost(zone)
        return pfn

    def _rmqueue_buddy(self, zone: Zone, order: int, alloc_flags: int, migratetype: int) -> int:
        pfn = 0
        taken = migratetype
        if alloc_flags & ALLOC_HIGHATOMIC:
            pfn = rmqueue_smallest(zone, order, MIGRATE_HIGHATOMIC)
            taken = MIGRATE_HIGHATOMIC
        if not pfn:
            taken = migratetype
            pfn = fallback.rmqueue(self, zone, order, migratetype, alloc_flags)
            if not pfn and alloc_flags & (ALLOC_OOM | ALLOC_NON_BLOCK):
                taken = MIGRATE_HIGHATOMIC
                pfn = rmqueue_smallest(zone, order, MIGRATE_HIGHATOMIC)
        if pfn:
            zone.mod_free(-(1 << order))
            if self.trace.on:
                self.trace.emit("mm_page_alloc_zone_locked", pfn, order, taken, 0)
        return pfn

    # -- freeing ----------------------------------------------------------------------------------------------------

    def free_pages(self, pfn: int, order: int) -> None:
        """Drop one reference; the last gives the block back. The caller vouches for pfn and order; see bad_free()."""
        left = self._refcount[pfn] - 1
        self._refcount[pfn] = left
        if left:
            return
        self._kind[pfn] = 0
        size = 1 << order
        if order:
            self._order[pfn] = 0
        flags = self._flags[pfn]
        if flags:
            self._flags[pfn] = 0
            if flags & PG_KMEMCG and self.uncharge is not None:
                self.uncharge(pfn, order)
        if self.charged:
            self.box.memcg.uncharge_frames(pfn, size)
        zone = self._zone_at[pfn >> 12] or self.zone_of(pfn)
        data = self.memmap.contents
        if data:  # what was written in a page is gone once the page is free
            if not order:
                if pfn in data:
                    del data[pfn]
            elif order > PCP_MAX_ORDER:
                for at in data.keys() & range(pfn, pfn + size):
                    del data[at]
            else:
                for at in range(pfn, pfn + size):
                    if at in data:
                        del data[at]
        if self.trace.on:
            self.trace.emit("mm_page_free", pfn, order)
        self.freed += size
        migratetype = zone.blocks[(pfn >> zone.block_order) - zone.start_block]
        if (order > PCP_MAX_ORDER and order != self._thp_order) or self._plain:
            zone.mod_free(size)
            free_one_page(zone, pfn, order, migratetype)
            return
        if migratetype == MIGRATE_HIGHATOMIC:
            zone.odd[pfn] = MIGRATE_HIGHATOMIC
            migratetype = MIGRATE_MOVABLE
        cpu = zone.pcp
        if order > PCP_MAX_ORDER:
            index = order_to_pindex(migratetype, order)
            if migratetype == MIGRATE_RECLAIMABLE:
                zone.odd[pfn] = migratetype
        else:
            index = order * 3 + migratetype
        cpu.lists[index].append(pfn)
        count = cpu.count = cpu.count + size
        if count >= cpu.limit or (order and cpu.free_factor and order <= PCP_MAX_ORDER):
            pcp.overflow(self, zone, cpu, order, index)

    free_page_list = batches.free_page_list
    free_stretches = batches.free_stretches
    alloc_bulk = batches.alloc_bulk
    alloc_huge_bulk = batches.alloc_huge_bulk
    waiting_on_list = batches.waiting_on_list

    def drain_pages_zone(self, zone: Zone) -> None:
        """Give the pages on all CPUs' lists of a zone back to the buddy lists."""
        for cpu in zone.pcps:
            if cpu.count:
                pcp.drain_zone(self, zone, cpu)

    def drain_all_pages(self) -> None:
        """Those of all zones; each CPU that has any is told to (drain_local_pages)."""
        self.box.changes += 1
        for cpu in {cpu for zone in self.zones for cpu, lists in enumerate(zone.pcps) if lists.count}:
            self.box.smp.call(cpu)
        for zone in self.zones:
            self.drain_pages_zone(zone)
