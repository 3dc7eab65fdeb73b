"""start_kernel: from the firmware's map to a machine with processes (init/main.c, mm/page_alloc.c, mm/memblock.c,
arch/x86/mm/init_32.c).

The order is Linux's: map → memblock → zones → free memory to the buddy system → slab → watermarks → per-CPU and vmalloc
areas, tables → RAM disk and init memory freed → tasks. Lowmem reserves and min_free_kbytes are computed before the RAM
disk and the init memory are freed, and keep those figures.

**Known deviations:** what devices and subsystems without a place in memsh allocate at boot is one group of pages.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import (
    INITMEM,
    SMP_LOCKS,
    Logger,
    NodeSpan,
    early_tables,
    setup_arch,
)
from memsh.linux.include.flags import MIGRATE_UNMOVABLE, PAGE_SIZE
from memsh.linux.include.memmap import K_KERNEL, K_RESERVED, PG_RESERVED, MemMap
from memsh.linux.include.sched import set_max_threads
from memsh.linux.kernel.printk import KERN_DEBUG, KERN_INFO, KERN_NOTICE
from memsh.linux.mm.page_alloc.freearea import free_pages_upwards, free_range

if TYPE_CHECKING:
    from memsh.linux.box import Box

BOOT_USEC = 1_330_000  # when the first process reads a clock


def boot(box: Box) -> None:
    """Bring the box up. ValueError if the configuration leaves no room for the kernel."""
    machine = box.machine = setup_arch(box)
    box.notes = machine.notes
    start_memory(box)
    start_kernel(box)


def start_memory(box: Box) -> None:
    """Zones, memmap and the buddy system with every free page in it (up to mm_init's mem_init)."""
    machine = box.machine
    log = Logger(box)
    box.timer.set(96994)
    log(KERN_INFO, f"Built 1 zonelists, mobility grouping on.  Total pages: {machine.nr_all_pages}", 172)
    log(KERN_NOTICE, f"Kernel command line: {box.config.cmdline} ")
    early_tables(box, machine)
    box.timer.set(100933)
    log(KERN_INFO, "mem auto-init: stack:all(zero), heap alloc:off, heap free:off", 148)
    build_zones(box)
    mem_init(box)


def build_zones(box: Box) -> None:
    """Make the memmap, mark what is reserved, and construct the allocator with empty zones (free_area_init)."""
    from memsh.linux.include.mmzone import Node, Zone
    from memsh.linux.mm.page_alloc.buddy import PageAllocator

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
    box.pages = PageAllocator(box, nodes)
    for zone in box.pages.zones:
        if zone.present and zone.start_pfn % zone.block_pages:
            zone.set_block_type(zone.start_pfn, MIGRATE_UNMOVABLE)  # only aligned frames set a block's type


def mark_reserved(memmap: MemMap, first: int, last: int) -> None:
    """Frames [first, last) belong to the kernel image, boot tables or firmware."""
    count = last - first
    if count > 0:
        memmap.refcount[first:last] = memoryview(array("I", [1]) * count)
        memmap.flags[first:last] = memoryview(array("I", [PG_RESERVED]) * count)
        memmap.kind[first:last] = memoryview(array("B", [K_RESERVED]) * count)


def mem_init(box: Box) -> None:
    """Give all free memory to the buddy system: HighMem page by page, lowmem in the largest blocks (mem_init)."""
    machine, pages = box.machine, box.pages
    log = Logger(box)
    zones = pages.zones
    log(KERN_INFO, f"Initializing HighMem for node 0 ({machine.max_low_pfn:08x}:{machine.max_pfn:08x})"
        if zones[2].present else "Initializing HighMem for node 0 (00000000:00000000)", 23890)  # fmt: skip
    low = machine.max_low_pfn
    for first, last in machine.memblock.free_ranges():
        last = min(last, machine.max_pfn)
        if last > low:
            free_pages_upwards(zones[2], max(first, low), last)
    for first, last in machine.memblock.free_ranges():
        for zone in zones[:2]:
            start, end = max(first, zone.start_pfn), min(last, zone.end_pfn)
            if start < end:
                free_range(zone, start, end)
    if zones[2].present:
        log(KERN_INFO, "Initializing Movable for node 0 (00000000:00000000)")
    box.timer.set(129765)
    log(KERN_INFO, "Checking if this processor honours the WP bit even in supervisor mode...Ok.", 955)
    present = sum(zone.present for zone in zones)
    free = sum(zone.managed for zone in zones)
    image = "5748K kernel code, 1056K rwdata, 1332K rodata, 536K init, 576K bss"
    log(KERN_INFO, f"Memory: {free * 4}K/{present * 4}K available ({image}, {(present - free) * 4}K reserved, "
                   f"0K cma-reserved, {zones[2].managed * 4}K highmem)")  # fmt: skip
    box.vmstat["pgfree"] = free


def free_reserved_area(box: Box, first: int, last: int) -> None:
    """Reserved frames [first, last) become ordinary memory, page by page (free_reserved_page)."""
    pages, memmap = box.pages, box.memmap
    for pfn in range(first, last):
        memmap.flags[pfn] = 0
        memmap.kind[pfn] = K_KERNEL
        pages.free_pages(pfn, 0)
    pages.zone_of(first).managed += last - first


def reserve_for_users(box: Box) -> None:
    """vm.user_reserve_kbytes and admin_reserve_kbytes: 1/32 of what is free when they are set (mm/mmap.c)."""
    batch = max(zone.batch for zone in box.pages.zones)
    kept = 600 + 8 * batch + 1296 * (box.config.cpus - 1)  # kB taken since mem_init that are not modelled so early
    free = sum(zone.managed for zone in box.pages.zones) * 4 - 24 - kept
    box.vm.user_reserve_kbytes = min(free // 32, 1 << 17)
    box.vm.admin_reserve_kbytes = min(free // 32, 1 << 13)


def start_kernel(box: Box) -> None:
    """Everything after mem_init."""
    from memsh.linux.init.late import populate, start_allocators, start_processes, start_swap

    machine, log = box.machine, Logger(box)
    start_allocators(box)
    box.pages.setup_per_cpu_pageset()
    box.timer.set(203343)
    log(KERN_INFO, "Calibrating delay loop (skipped), value calculated using timer frequency.. 5192.20 BogoMIPS "
                   "(lpj=2596104)")  # fmt: skip
    box.timer.set(290151)
    free_reserved_area(box, SMP_LOCKS[0] // PAGE_SIZE, SMP_LOCKS[1] // PAGE_SIZE)
    log(KERN_INFO, "Freeing SMP alternatives memory: 24K", 735)
    log(KERN_INFO, "pid_max: default: 32768 minimum: 301")
    box.threads_max = set_max_threads(sum(zone.managed for zone in box.pages.zones))
    box.pages.init_per_zone_wmark_min()
    reserve_for_users(box)
    populate(box, machine)
    first, last = machine.initrd
    box.timer.set(1119964)
    free_reserved_area(box, first, last)
    log(KERN_INFO, f"Freeing initrd memory: {(last - first) * 4}K")
    box.timer.set(1270829)
    free_reserved_area(box, INITMEM[0] // PAGE_SIZE, INITMEM[1] // PAGE_SIZE)
    log(KERN_INFO, f"Freeing unused kernel image (initmem) memory: {(INITMEM[1] - INITMEM[0]) >> 10}K", 1599)
    log(KERN_INFO, "Write protecting kernel text and read-only data: 7084k", 284)
    log(KERN_INFO, "Run /init as init process", 19)
    for line in ("  with arguments:", "    /init", "  with environment:", "    HOME=/", "    TERM=linux"):
        log(KERN_DEBUG, line, 16)
    start_processes(box)
    box.timer.set(BOOT_USEC)
    start_swap(box)
    box.disk.started = True
    box.timer.idle_usec = 60_000 + (box.config.cpus - 1) * BOOT_USEC
    box.timer.busy_usec[1] = BOOT_USEC - 60_000
