"""start_kernel: from the firmware's map to a machine with processes (init/main.c, mm/page_alloc.c, mm/memblock.c).

The order is Linux's: map → memblock → zones → free memory to the buddy system → slab → watermarks → per-CPU and vmalloc
areas, tables → RAM disk and init memory freed → tasks. Lowmem reserves and min_free_kbytes are computed before the RAM
disk and the init memory are freed, and keep those figures. These are the steps; each machine takes them in its own way
(memsh.machines).

**Known deviations:** what devices and subsystems without a place in memsh allocate at boot is one group of pages.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import Logger, NodeSpan
from memsh.linux.arch.x86.vdso import init_vdso_image
from memsh.linux.drivers.base.devtmpfs import hold_names
from memsh.linux.include.flags import MIGRATE_UNMOVABLE, PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_DEBUG, KERN_INFO
from memsh.linux.include.memmap import K_KERNEL, K_RESERVED, PG_RESERVED, SECTION_ORDER, MemMap
from memsh.linux.include.mmzone import NO_SECTION, Node, Zone
from memsh.linux.init.late import start_processes, start_swap
from memsh.linux.kernel.params import do_sysctl_args, for_init
from memsh.linux.mm.compaction.kcompactd import kcompactd_init
from memsh.linux.mm.page_alloc.buddy import PageAllocator
from memsh.linux.mm.page_alloc.watermark import movable_is_highmem
from memsh.linux.mm.vmscan.kswapd import kswapd_init

if TYPE_CHECKING:
    from memsh.linux.box import Box

SECTION = 1 << SECTION_ORDER  # page frames
BOOT_USEC = 1_330_000  # when the first process reads a clock, at the earliest
EXEC_USEC, TICK_USEC = 5_000, 10_000  # from init's exec to then; as /proc/uptime counts


def build_zones(box: Box) -> None:
    """Make the memmap, mark what is reserved, and construct the allocator with empty zones (free_area_init)."""
    machine = box.machine
    memmap = box.memmap = MemMap(machine.max_pfn)
    for region in machine.memblock.reserved:
        first = -(-region.start // PAGE_SIZE) if region.start else 1
        mark_reserved(memmap, first, min(-(-region.end // PAGE_SIZE), machine.max_pfn))
    for pfn in range(0x9F, 0x100):  # no RAM there
        memmap.refcount[pfn] = memmap.kind[pfn] = memmap.flags[pfn] = 0
    cpus = box.config.cpus
    spans = machine.nodes or [NodeSpan(tuple(machine.spans), tuple(range(cpus)), (10,))]
    nodes = [
        Node(nid, [Zone(box.arch, index, zone.start, zone.spanned, zone.present, cpus, nid)
                   for index, zone in enumerate(span.zones)], span.cpus, span.distances)
        for nid, span in enumerate(spans)
    ]  # fmt: skip
    if machine.max_pfn > machine.max_low_pfn:
        for node in nodes:
            movable_is_highmem(box.arch, node.zones)
    box.pages = PageAllocator(box, nodes)
    kswapd_init(box, nodes)
    kcompactd_init(box, nodes)
    for zone in box.pages.zones:
        if zone.present and zone.start_pfn % zone.block_pages:
            zone.set_block_type(zone.start_pfn, MIGRATE_UNMOVABLE)  # only aligned frames set a block's type
        mark_holes(zone, memmap, [(region.start >> 12, region.end >> 12) for region in machine.memblock.memory])


def mark_holes(zone: Zone, memmap: MemMap, memory: list[tuple[int, int]]) -> None:
    """Frames of a zone that are no RAM: of missing sections the page blocks say so, others are nobody's
    (memmap_init_zone_range, init_unavailable_range)."""
    at = max(zone.start_pfn, 0x100)  # the PC's own hole is known
    for first, behind in [*memory, (zone.end_pfn, zone.end_pfn)]:
        stop = min(first, zone.end_pfn)
        if at < stop:
            section = min((at + SECTION - 1) // SECTION * SECTION, stop)
            memmap.kind[at:section] = bytes([K_RESERVED]) * (section - at)
            last = stop if stop == zone.end_pfn and first == stop else stop // SECTION * SECTION
            if section < last:
                low, high = section >> zone.block_order, last + zone.block_pages - 1 >> zone.block_order
                zone.blocks[low - zone.start_block : high - zone.start_block] = bytes([NO_SECTION]) * (high - low)
            memmap.kind[last:stop] = bytes([K_RESERVED]) * (stop - last)
        at = max(at, behind)


def mark_reserved(memmap: MemMap, first: int, last: int) -> None:
    """Frames [first, last) belong to the kernel image, boot tables or firmware."""
    count = last - first
    if count > 0:
        memmap.refcount[first:last] = memoryview(array("I", [1]) * count)
        memmap.flags[first:last] = memoryview(array("I", [PG_RESERVED]) * count)
        memmap.kind[first:last] = memoryview(array("B", [K_RESERVED]) * count)


def free_reserved_area(box: Box, first: int, last: int) -> None:
    """Reserved frames [first, last) become ordinary memory, page by page (free_reserved_page)."""
    pages, memmap = box.pages, box.memmap
    for pfn in range(first, last):
        memmap.flags[pfn] = 0
        memmap.kind[pfn] = K_KERNEL
        pages.free_pages(pfn, 0)
    pages.zone_of(first).managed += last - first


def free_smp_locks(box: Box, usec: int) -> None:
    """The list of lock prefixes is of no more use, but to a kernel that made itself one for a single CPU and may have
    more of them later (alternative_instructions)."""
    if box.config.present > 1 == box.config.cpus:
        return
    first, last = box.machine.image.smp_locks
    free_reserved_area(box, first // PAGE_SIZE, last // PAGE_SIZE)
    Logger(box)(KERN_INFO, f"Freeing SMP alternatives memory: {(last - first) >> 10}K", usec)


def reserve_for_users(box: Box, kept: int) -> None:
    """vm.user_reserve_kbytes and admin_reserve_kbytes: 1/32 of what is free when they are set (mm/mmap.c).

    `kept`: kB taken since mem_init that are not modelled so early.
    """
    free = sum(zone.managed for zone in box.pages.zones) * 4 - kept
    box.vm.user_reserve_kbytes = min(free // 32, 1 << 17)
    box.vm.admin_reserve_kbytes = min(free // 32, 1 << 13)


def free_initmem(box: Box, usec: int) -> None:
    """Init's part of the kernel image and the gaps between its sections become free (free_initmem, mark_rodata_ro)."""
    log = Logger(box)
    box.timer.set(usec)
    for name, first, last in box.machine.image.freed:
        free_reserved_area(box, first // PAGE_SIZE, last // PAGE_SIZE)
        log(KERN_INFO, f"Freeing unused kernel image ({name}) memory: {(last - first) >> 10}K", 1599)


def run_init(box: Box) -> None:
    """What the log says of the first process (run_init_process)."""
    log = Logger(box)
    log(KERN_INFO, "Run /init as init process", 19)
    do_sysctl_args(box)
    arguments, environment = for_init(box)
    rows = ["  with arguments:", *(f"    {word}" for word in ["/init", *arguments]),
            "  with environment:", *(f"    {word}" for word in ["HOME=/", "TERM=linux", *environment])]  # fmt: skip
    for line in rows:
        log(KERN_DEBUG, line, 16)
    quota = "none" if "QUOTA" in box.model.options else "disabled"
    log(KERN_INFO, f"EXT4-fs ({box.fs.device.name}): mounted filesystem with ordered data mode. Quota mode: {quota}.")


def start_user_space(box: Box) -> None:
    """Processes and swap; the clock is where the first process reads it."""
    init_vdso_image(box)
    start_processes(box)
    box.log.sort()
    start = max(BOOT_USEC, -(-(box.timer.usec + EXEC_USEC) // TICK_USEC) * TICK_USEC)
    box.timer.set(start)
    start_swap(box)
    box.slab.settle()
    hold_names(box)
    box.disk.started = True
    box.cputime.start(60_000)
