"""`--from DIR`: a box that starts where a recorded machine stood.

`freelists.txt` alone decides zones, free lists, per-CPU lists, block types, watermarks and reserves. The kernel objects
and processes that memsh needs are made in frames that the file does not name, which are in use anyway: while they are
made, the allocator's lists hold those frames; then the recorded lists come back. Of the other files only event counters
(`vmstat`) and the rows of `slabinfo` are taken.

**Known deviations:** what the recorded machine's own processes and files were is not known: their pages stay "in use by
the recorded machine".
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from memsh.digits import is_digits
from memsh.linux.arch.x86.setup import UTS_RELEASE
from memsh.linux.config import Config
from memsh.linux.include.flags import MAX_ORDER, MIGRATE_MOVABLE, PAGE_SIZE
from memsh.linux.include.memmap import K_OTHER, K_RECORDED, K_RESERVED, K_SLAB, PG_RESERVED
from memsh.linux.include.mmzone import ZONE_BOOSTED_WATERMARK, PerCpuPages
from memsh.linux.init.late import mount_disk, start_allocators, start_processes
from memsh.linux.init.main import BOOT_USEC
from memsh.linux.mm.huge_memory.khugepaged import hugepage_init
from memsh.linux.mm.page_alloc.freearea import free_range
from memsh.linux.mm.page_alloc.pcp import drain_zone
from memsh.machines.box import Box
from memsh.machines.freelists import load
from memsh.machines.recorded_cgroup import enter_recorded_cgroup
from memsh.machines.slabs import parse_rows
from memsh.machines.slabstate import frames as slab_frames
from memsh.machines.slabstate import parse_slabstate

if TYPE_CHECKING:
    from memsh.linux.include.mmzone import Zone
    from memsh.linux.mm.slab.api import Row

TOLD = ("freelists.txt", "slabstate.txt", "slabinfo", "vmstat", "self_cgroup")  # the files that are looked into
_KEPT = ("lists", "free", "odd", "stat_free", "stat_diff", "other_diff", "flags", "limit", "blocks", "managed",
         "wmark_min", "wmark_low", "wmark_high", "watermark_boost", "lowmem_reserve",
         "nr_reserved_highatomic", "pcps", "pcp", "diffs", "high", "batch")  # fmt: skip


def from_recording(
    config: Config | None, texts: Mapping[str, str], furnish: Callable[[Box], None] | None = None,
    held: Sequence[int] = (),
) -> Box:  # fmt: skip
    """A box from the texts of a recorded folder, by file name; `furnish` puts more into the frames that were in use,
    those of them aside that are `held`. ValueError, one clear line, if they make no sense."""
    if "freelists.txt" not in texts:
        raise ValueError("freelists.txt is missing")
    box = Box(config, boot=False)
    load(box, texts["freelists.txt"])
    box.machine = box.model.start.machine_of(box)
    for zone in box.pages.zones:  # unpopulated ones are not in the file; their marks are the least that highmem has
        if not zone.present and zone.highmem:
            zone.wmark_min = zone.wmark_low = zone.wmark_high = 32
    box.log.printk(f"Linux version {UTS_RELEASE}, started from a recording")
    _keep_kernel_image(box)
    hugepage_init(box)
    states = parse_slabstate(texts.get("slabstate.txt", ""))
    for pfn, order in slab_frames(states):
        for frame in range(pfn, pfn + (1 << order)):
            if not 0 < frame < box.memmap.frames or box.memmap.kind[frame] != K_RECORDED:
                raise ValueError(f"slabstate.txt: frame {frame:#x} is free in freelists.txt, or not in RAM")
            box.memmap.kind[frame] = K_SLAB
    if furnish is not None:
        for zone in box.pages.zones:
            _reserved(box, zone)
    held = [pfn for pfn in held if box.memmap.kind[pfn] == K_RECORDED]
    for pfn in held:
        box.memmap.kind[pfn] = K_OTHER
    kept = [_lend_used_frames(box, zone) for zone in box.pages.zones]
    box.pages.refresh()
    try:
        _furnish(box, [] if states else parse_rows(texts.get("slabinfo", "")))
        if furnish is not None:
            furnish(box)
            box.slab.top_up(parse_rows(texts.get("slabinfo", "")))  # time has passed, and the reaper with it
    finally:
        for zone, state in zip(box.pages.zones, kept, strict=True):
            _take_back(box, zone, state)
        box.pages.refresh()
        for pfn in held:
            box.memmap.kind[pfn] = K_RECORDED
    for zone in box.pages.zones:  # who boosts wakes, and the boost lasts until kswapd has run
        if zone.watermark_boost and not zone.flags & ZONE_BOOSTED_WATERMARK:
            box.pages.nodes[zone.node].kswapd.wakeup(zone, 0, 0, zone.index)
    _counters(box, texts.get("vmstat", ""))
    box.slab.restore(states)
    enter_recorded_cgroup(box, texts.get("self_cgroup", ""))
    return box


def _reserved(box: Box, zone: Zone) -> None:
    """What the zone has beside its managed pages was kept at boot: holes and reservations, from its end down."""
    kinds = bytearray(box.memmap.kind[zone.start_pfn : zone.end_pfn])
    surplus = len(kinds) - kinds.count(K_RESERVED) - zone.managed
    at = len(kinds)
    while surplus > 0 and (at := kinds.rfind(K_RECORDED, 0, at)) >= 0:
        box.memmap.kind[zone.start_pfn + at] = K_RESERVED
        box.memmap.flags[zone.start_pfn + at] = PG_RESERVED
        surplus -= 1


def _keep_kernel_image(box: Box) -> None:
    """The kernel's own text and data are not lent: nobody else can lie there."""
    memmap = box.memmap
    for first, last in box.machine.image.kept():
        for pfn in range(first // PAGE_SIZE, min(last // PAGE_SIZE, memmap.frames)):
            if memmap.kind[pfn] == K_RECORDED:
                memmap.kind[pfn] = K_RESERVED
                memmap.flags[pfn] = PG_RESERVED


def _lend_used_frames(box: Box, zone: Zone) -> dict[str, Any]:
    """Keep the zone's state and fill its lists with the frames in use by the recorded machine."""
    state: dict[str, Any] = {name: getattr(zone, name) for name in _KEPT}
    zone.lists = [OrderedDict() for _ in range(MAX_ORDER << 2)]
    zone.free, zone.odd = {}, {}
    zone.blocks = bytearray([MIGRATE_MOVABLE]) * len(zone.blocks)
    zone.wmark_min = zone.wmark_low = zone.wmark_high = zone.watermark_boost = zone.nr_reserved_highatomic = 0
    zone.lowmem_reserve = [0] * len(zone.lowmem_reserve)
    zone.flags = 0
    zone.stat_free = zone.stat_diff = zone.other_diff = 0
    zone.diffs = [0] * len(zone.diffs)
    zone.pcps = [PerCpuPages(len(zone.pcp.lists)) for _ in zone.pcps]
    zone.pcp = zone.pcps[box.pages.cpu]
    zone.set_pageset(0, 1)
    zone.update_limits()
    _release(box, zone)
    return state


def _release(box: Box, zone: Zone) -> None:
    """Free every K_RECORDED frame of the zone into its (empty) lists."""
    memmap, managed = box.memmap, zone.managed
    start, end = zone.start_pfn, zone.end_pfn
    kinds = bytes(memmap.kind[start:end])
    at = 0
    while at < len(kinds):
        at = kinds.find(K_RECORDED, at)
        if at < 0:
            break
        stop = at
        while stop < len(kinds) and kinds[stop] == K_RECORDED:
            stop += 1
        count = stop - at
        memmap.kind[start + at : start + stop] = bytes(count)
        memmap.refcount[start + at : start + stop] = memoryview(bytes(4 * count)).cast("I")
        free_range(zone, start + at, start + stop)
        at = stop
    zone.managed = managed


def _take_back(box: Box, zone: Zone, state: dict[str, Any]) -> None:
    """What nobody took is in use by the recorded machine again; the recorded lists return."""
    memmap = box.memmap
    for cpu in zone.pcps:
        drain_zone(box.pages, zone, cpu)
    for pfn, key in zone.free.items():
        size = 1 << (key >> 2)
        memmap.kind[pfn : pfn + size] = bytes([K_RECORDED]) * size
        memmap.refcount[pfn : pfn + size] = memoryview(b"\1\0\0\0" * size).cast("I")
    for name in _KEPT:
        setattr(zone, name, state[name])
    zone.update_limits()


def _furnish(box: Box, rows: list[Row]) -> None:
    """Slab caches, vmalloc areas, disk, processes, in the frames that were lent."""
    try:
        start_allocators(box)
        box.slab.populate_boot(populations=not rows)
        box.model.start.ioremaps(box)
        mount_disk(box)
        start_processes(box)
        box.slab.top_up(rows)
    except OSError:
        raise ValueError("the recorded machine uses too little memory to hold memsh's own processes") from None
    box.timer.set(BOOT_USEC)
    box.cputime.start(60_000)
    box.disk.started = True


def _counters(box: Box, vmstat: str) -> None:
    """Event counters go on from the recorded ones. What memsh's own processes did comes on top; pages allocated and
    freed are made to agree with the free pages, since the files were read at different moments."""
    stat = box.vmstat
    for name in [name for name in stat if name.startswith(("pgalloc_", "pgfree"))]:
        stat[name] = 0
    box.pages.forget_events()
    for line in vmstat.splitlines():
        name, _, value = line.partition(" ")
        if is_digits(value) and not name.startswith("nr_"):
            stat[name] += int(value)
    held = sum(zone.nr_free + sum(cpu.count for cpu in zone.pcps) for zone in box.pages.zones)
    gone = stat["pgfree"] - sum(stat[f"pgalloc_{name}"] for name in box.arch.zone_events)
    if gone > held:
        stat["pgalloc_normal"] += gone - held
    else:
        stat["pgfree"] += held - gone
