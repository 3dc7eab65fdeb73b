"""Watermarks, reserves and the sizes of the per-CPU lists (mm/page_alloc.c, mm/vmstat.c). All in pages unless said.

No known deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt

from memsh.linux.arch.x86.arch import Arch
from memsh.linux.include.flags import MAX_ORDER, MIGRATE_HIGHATOMIC
from memsh.linux.include.mmzone import Node, Zone

WMARK_MIN, WMARK_LOW, WMARK_HIGH = range(3)
ALLOC_WMARK_MASK = 3
ALLOC_NO_WATERMARKS = 0x04
ALLOC_OOM = 0x08
ALLOC_NON_BLOCK = 0x10
ALLOC_NOFRAGMENT = 0x100
ALLOC_MIN_RESERVE = 0x20
ALLOC_HIGHATOMIC = 0x200
ALLOC_KSWAPD = 0x800
ALLOC_RESERVES = ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM
GFP_ATOMIC_BIT = 0x200
SWAP_CLUSTER_MAX = 32
MAX_THRESHOLD = 125  # the differences are signed bytes
MIGRATE_PCPTYPES = 3
MIN_FREE_KBYTES_MIN, MIN_FREE_KBYTES_MAX = 128, 262144


def wmark_pages(zone: Zone, mark: int) -> int:
    """The watermark with its boost."""
    return (zone.wmark_min, zone.wmark_low, zone.wmark_high)[mark] + zone.watermark_boost


def has_suitable_block(zone: Zone, order: int, alloc_flags: int) -> bool:
    lists = zone.lists
    reserve = alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM)
    for at in range(order << 2, MAX_ORDER << 2, 4):
        if lists[at] or lists[at + 1] or lists[at + 2] or (reserve and lists[at + MIGRATE_HIGHATOMIC]):
            return True
    return False


def zone_watermark_ok(zone: Zone, order: int, mark: int, highest: int, alloc_flags: int, free_pages: int) -> bool:
    """Whether an allocation leaves more than `mark` and the lowmem reserve free (__zone_watermark_ok)."""
    free_pages -= (1 << order) - 1
    least = mark
    if alloc_flags & ALLOC_RESERVES:
        if alloc_flags & ALLOC_MIN_RESERVE:
            least -= least // 2
            if alloc_flags & ALLOC_NON_BLOCK:
                least -= least // 4
        if alloc_flags & ALLOC_OOM:
            least -= least // 2
    else:
        free_pages -= zone.nr_reserved_highatomic
    if free_pages <= least + zone.lowmem_reserve[highest]:
        return False
    return not order or has_suitable_block(zone, order, alloc_flags)


def zone_watermark_fast(zone: Zone, order: int, mark: int, highest: int, alloc_flags: int, gfp: int) -> bool:
    """The check that get_page_from_freelist makes; looks at the lagging counter, as Linux does."""
    free_pages = max(0, zone.stat_free)
    if not order:
        usable = free_pages
        if not alloc_flags & ALLOC_RESERVES:
            usable -= min(free_pages, zone.nr_reserved_highatomic)
        if usable > mark + zone.lowmem_reserve[highest]:
            return True
    if zone_watermark_ok(zone, order, mark, highest, alloc_flags, free_pages):
        return True
    if not order and gfp & GFP_ATOMIC_BIT and zone.watermark_boost and alloc_flags & ALLOC_WMARK_MASK == WMARK_MIN:
        return zone_watermark_ok(zone, order, zone.wmark_min, highest, alloc_flags, free_pages)
    return False


def zone_batchsize(managed: int) -> int:
    """Pages that a per-CPU list gets at once, at least 1 (zone_batchsize)."""
    batch = max(1, min(managed >> 10, 256) // 4)
    batch += batch // 2
    return max(1, (1 << (batch.bit_length() - 1)) - 1)


def zone_highsize(zone: Zone, batch: int, cpus: int, fraction: int) -> int:
    """Pages that a CPU's lists may hold; `fraction` is vm.percpu_pagelist_high_fraction (zone_highsize)."""
    total = zone.managed // fraction if fraction else zone.wmark_low + zone.watermark_boost
    return max(total // cpus, batch << 2)


def update_pageset(zone: Zone, cpus: int, fraction: int) -> None:
    """zone_set_pageset_high_and_batch()."""
    batch = zone_batchsize(zone.managed)
    high = zone_highsize(zone, batch, cpus, fraction)
    if (zone.high, zone.batch) != (high, batch):
        zone.set_pageset(high, batch)


def movable_is_highmem(arch: Arch, zones: Sequence[Zone]) -> None:
    """The machine has memory outside the direct mapping, so that the Movable zone is of it (movable_zone)."""
    for zone in zones:
        zone.highmem = 0 <= arch.zone_highmem <= zone.index


def setup_per_zone_wmarks(zones: Sequence[Zone], min_free_kbytes: int, scale: int) -> None:
    """Watermarks from vm.min_free_kbytes and vm.watermark_scale_factor (in 1/10000); boosts end."""
    pages_min = min_free_kbytes >> 2
    lowmem = sum(zone.managed for zone in zones if not zone.highmem)
    for zone in zones:
        share = pages_min * zone.managed // lowmem if lowmem else 0
        if zone.highmem:
            zone.wmark_min = min(max(zone.managed // 1024, SWAP_CLUSTER_MAX), 128)
        else:
            zone.wmark_min = share
        step = max(share >> 2, zone.managed * scale // 10000)
        zone.watermark_boost = 0
        zone.wmark_low = zone.wmark_min + step
        zone.wmark_high = zone.wmark_low + step
        zone.update_limits()


def setup_per_zone_lowmem_reserve(node: Node, ratios: Sequence[int]) -> None:
    """What each zone keeps from requests that could have used a higher one of its node; ratio 0 keeps nothing."""
    zones = node.zones
    for i, zone in enumerate(zones[:-1]):
        above = 0
        for j in range(i + 1, len(zones)):
            above += zones[j].managed
            zone.lowmem_reserve[j] = above // ratios[i] if ratios[i] and zone.managed else 0
        zone.update_limits()


def calculate_totalreserve_pages(zones: Sequence[Zone]) -> int:
    """Pages that user space cannot have: each zone's largest reserve and its high watermark."""
    total = 0
    for zone in zones:
        most = max(zone.lowmem_reserve[zone.index :]) + zone.wmark_high + zone.watermark_boost
        total += min(most, zone.managed)
    return total


def default_min_free_kbytes(pages: int) -> int:
    """4 * sqrt(KiB), for this many pages of lowmem: 128 to 262144."""
    return min(max(isqrt(pages * 4 * 16), MIN_FREE_KBYTES_MIN), MIN_FREE_KBYTES_MAX)


def nr_free_buffer_pages(arch: Arch, zones: Sequence[Zone]) -> int:
    """Lowmem above the high watermarks."""
    low = [zone for zone in zones if zone.index <= arch.zone_normal]
    return sum(max(0, zone.managed - zone.wmark_high - zone.watermark_boost) for zone in low)


def calculate_min_free_kbytes(arch: Arch, zones: Sequence[Zone]) -> int:
    """The default of vm.min_free_kbytes, from the lowmem above the high watermarks."""
    return default_min_free_kbytes(nr_free_buffer_pages(arch, zones))


def recommended_min_free_kbytes(arch: Arch, zones: Sequence[Zone]) -> int:
    """What khugepaged wants to be free for huge pages: some page blocks of each migrate type and zone, at most 5 % of
    lowmem (set_recommended_min_free_kbytes)."""
    populated = sum(1 for zone in zones if zone.present and zone.index <= arch.zone_normal)
    blocks = populated * (2 + MIGRATE_PCPTYPES * MIGRATE_PCPTYPES)
    return min(blocks * arch.pageblock_pages, nr_free_buffer_pages(arch, zones) // 20) << 2


def refresh_zone_stat_thresholds(zones: Sequence[Zone], cpus: int) -> None:
    """The thresholds at boot."""
    for zone in zones:
        if zone.present:
            zone.threshold = calculate_normal_threshold(zone, cpus)
    refresh_drift(zones, cpus)


def calculate_normal_threshold(zone: Zone, cpus: int) -> int:
    """How far a CPU's difference to NR_FREE_PAGES may grow before it is folded."""
    memory = zone.managed >> 15  # in 128 MiB
    return min(MAX_THRESHOLD, 2 * cpus.bit_length() * (1 + memory.bit_length()))


def calculate_pressure_threshold(zone: Zone, cpus: int) -> int:
    """The same while kswapd works: no drift may hide that the min watermark was passed."""
    return min(MAX_THRESHOLD, max(1, (zone.wmark_low - zone.wmark_min) // cpus))


def set_pgdat_percpu_threshold(node: Node, cpus: int, calculate: Callable[[Zone, int], int]) -> None:
    """New thresholds for the zones of a node in which the differences can hide that the min watermark was passed."""
    for zone in node.zones:
        if zone.percpu_drift_mark:
            zone.threshold = calculate(zone, cpus)


def refresh_drift(zones: Sequence[Zone], cpus: int) -> None:
    """Below which count the differences must be added to NR_FREE_PAGES before kswapd may trust it. On several CPUs each
    zone has such a mark: the other CPUs came up when there were no watermarks yet (vmstat_cpu_online)."""
    for zone in zones:
        drift = cpus * zone.threshold
        if drift > zone.wmark_low - zone.wmark_min:
            zone.percpu_drift_mark = zone.wmark_high + zone.watermark_boost + drift
        elif cpus > 1 and not zone.percpu_drift_mark:
            zone.percpu_drift_mark = drift
