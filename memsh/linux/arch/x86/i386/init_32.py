"""What an i386 box looks like before the allocators start: maps, boundaries, early reservations and tables.

Models arch/x86/kernel/setup.c (setup_arch), arch/x86/mm/init_32.c (find_low_pfn_range), arch/x86/kernel/e820.c, the
relocation of the RAM disk, mm/page_alloc.c (free_area_init, alloc_node_mem_map) and the per-CPU first chunk. The sizes
of the kernel image are those of the recorded one.

What devices say meanwhile stands in memsh.machines.bootlog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.acpi import acpi_boot_table_init
from memsh.linux.arch.x86.e820 import ACPI_DATA_SIZE, e820_map, finish_early_params, low_ram, search_gap, user_map
from memsh.linux.arch.x86.i386.layout import DEFAULT_RESERVE, VMALLOC_END, VMALLOC_OFFSET, Layout
from memsh.linux.arch.x86.setup import (
    DMA_END,
    FIRMWARE,
    KernelImage,
    Logger,
    Machine,
    ZoneSpan,
    excess_processors,
    hash_entries,
    large_system_hash,
    memmap_init,
    pages_to_mb,
    setup_log_buf,
    take,
)
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_DEBUG, KERN_ERR, KERN_INFO, KERN_NOTICE, KERN_WARNING
from memsh.linux.lib.cmdline import memparse
from memsh.linux.lib.vsprintf import no_hash_pointers_enable
from memsh.linux.mm.movable import adjust_zone_range, find_zone_movable_pfns_for_nodes

if TYPE_CHECKING:
    from memsh.linux.box import Box

MIB = 1 << 20
IMAGE = KernelImage(
    uts_version="#6 SMP PREEMPT_DYNAMIC Sun Nov 22 08:47:31 UTC 2026",
    text=0x1000000,
    end=0x192D000,  # the first page tables live behind bss
    sections=(
        ("Kernel code", 0x1000000, 0x159D33F),
        ("Kernel rodata", 0x159E000, 0x16EAFFF),
        ("Kernel data", 0x16EB000, 0x17F30FF),
        ("Kernel bss", 0x188F000, 0x191EFFF),
    ),
    smp_locks=(0x1889000, 0x188F000),
    freed=(("initmem", 0x1803000, 0x1889000),),
    initrd=0x296184,
    percpu_unit=24 * PAGE_SIZE,  # s76500 r0 d21804, rounded up to pages
)
INITRD_MAX = 0x7FFFFFFF  # highest address at which this kernel accepts a RAM disk
MIN_LOWMEM = 30 * MIB


def setup_arch(box: Box) -> Machine:
    """Find RAM, its boundaries and the early reservations; log what Linux logs. ValueError if the kernel cannot fit."""
    machine = Machine(IMAGE)
    log = Logger(box)
    _e820(box, machine, log)
    box.timer.set(17758)
    log(KERN_DEBUG, "initial memory mapped: [mem 0x00000000-0x01bfffff]")
    _find_low_pfn_range(box, machine, log)
    memblock = machine.memblock
    memblock.limit = machine.max_low_pfn * PAGE_SIZE
    memblock.reserve(0, MIB, "first MiB")
    memblock.reserve(IMAGE.text, IMAGE.end, "kernel image")
    setup_log_buf(box, machine, log, 1 << 18)
    _initrd(box, machine, log)
    box.timer.set(42713)
    acpi_boot_table_init(box.config, machine, log, 120)
    box.timer.set(46007)
    log(KERN_NOTICE, f"{pages_to_mb(machine.max_pfn - machine.max_low_pfn)}MB HIGHMEM available.")
    log(KERN_NOTICE, f"{pages_to_mb(machine.max_low_pfn)}MB LOWMEM available.")
    log(KERN_INFO, f"  mapped low ram: 0 - {machine.max_low_pfn * PAGE_SIZE:08x}")
    log(KERN_INFO, f"  low ram: 0 - {machine.max_low_pfn * PAGE_SIZE:08x}")
    _zones(box, machine, log)
    _percpu(box, machine, log)
    return machine


def _e820(box: Box, machine: Machine, log: Logger) -> None:
    ram = -(-box.config.ram // 8192) * 8192  # the PC rounds its memory up
    machine.top = low_ram(ram)
    log(KERN_NOTICE, IMAGE.banner)
    log(KERN_INFO, "BIOS-provided physical RAM map:")
    machine.firmware_map = machine.e820 = e820_map(ram)
    for entry in machine.e820:
        log(KERN_INFO, f"BIOS-e820: [mem 0x{entry.start:016x}-0x{entry.end - 1:016x}] {entry.kind}")
    if box.config.parameter("no_hash_pointers") is not None:
        no_hash_pointers_enable(box.log)
    user = user_map(box.config, machine.e820, log, nopentium=True)
    log(KERN_NOTICE, "Notice: NX (Execute Disable) protection missing in CPU!")
    if user is not None:
        machine.e820 = finish_early_params(user, log)
    for line in FIRMWARE:
        log(KERN_INFO, line)
    log(KERN_INFO, "tsc: Detected 2596.104 MHz processor")
    box.timer.set(3830)
    log(KERN_DEBUG, "e820: update [mem 0x00000000-0x00000fff] usable ==> reserved", 348)
    log(KERN_DEBUG, "e820: remove [mem 0x000a0000-0x000fffff] usable", 253)
    machine.add_memory(box.arch.max_pfn << 12)
    machine.max_pfn = machine.memblock.memory[-1].end // PAGE_SIZE
    log(KERN_INFO, f"last_pfn = {machine.max_pfn:#x} max_arch_pfn = 0x100000")
    beyond = ram - machine.top
    if beyond:
        machine.notes.append(
            f"{beyond // MIB} MiB of RAM lie above 4 GiB, out of reach without PAE: this box uses what is below 3 GiB"
        )


def _find_low_pfn_range(box: Box, machine: Machine, log: Logger) -> None:
    """Where lowmem ends, with vmalloc= and highmem= as Linux takes them."""
    value = box.config.parameter("vmalloc")
    reserve = memparse(value)[0] + VMALLOC_OFFSET if value else DEFAULT_RESERVE
    if reserve < VMALLOC_OFFSET + 2 * MIB:
        raise ValueError(f"vmalloc={value}: too small, this kernel needs 2M of vmalloc space to boot")
    layout = Layout(reserve)
    if layout.maxmem < MIN_LOWMEM:
        raise ValueError(f"vmalloc={value}: too large, the kernel itself would not fit into what is left")
    value = box.config.parameter("highmem")
    highmem = memparse(value)[0] // PAGE_SIZE if value else -1
    limit, max_pfn = layout.maxmem // PAGE_SIZE, machine.max_pfn
    if max_pfn <= limit:
        max_low, highmem = max_pfn, max(0, highmem)
        if highmem >= max_pfn:
            log(KERN_ERR, f"highmem size ({pages_to_mb(highmem)}MB) is bigger than pages available "
                          f"({pages_to_mb(max_pfn)}MB)!")  # fmt: skip
            highmem = 0
        if highmem and max_low - highmem < 64 * MIB // PAGE_SIZE:
            log(KERN_ERR, f"highmem size ({pages_to_mb(highmem)}MB) results in <64MB lowmem, ignoring it!")
            highmem = 0
        max_low -= highmem
    else:
        max_low = limit
        if highmem == -1:
            highmem = max_pfn - limit
        max_pfn = min(max_pfn, limit + highmem)
        if highmem + limit > max_pfn:
            log(KERN_WARNING, f"only {pages_to_mb(max_pfn - limit)}MB highmem pages available, ignoring highmem size "
                              f"of {pages_to_mb(highmem)}MB!")  # fmt: skip
    machine.max_pfn, machine.max_low_pfn = max_pfn, max_low
    layout.set_lowmem(max_low)
    machine.layout = layout


def _initrd(box: Box, machine: Machine, log: Logger) -> None:
    """The RAM disk: where the boot loader put it, or copied to the top of lowmem if that is out of the direct map."""
    memblock = machine.memblock
    highest = min(INITRD_MAX, machine.top - 0x20000 - 1)
    start = (highest - IMAGE.initrd) & ~(PAGE_SIZE - 1)
    size = -(-IMAGE.initrd // PAGE_SIZE) * PAGE_SIZE
    end = start + size
    box.timer.set(20132)
    log(KERN_INFO, f"RAMDISK: [mem 0x{start:08x}-0x{end - 1:08x}]", 163)
    if end > memblock.limit:
        new = memblock.alloc(size, PAGE_SIZE, "RAM disk")
        if not new:
            raise ValueError("the RAM disk does not fit into lowmem")
        log(KERN_INFO, f"Allocated new RAMDISK: [mem 0x{new:08x}-0x{new + IMAGE.initrd - 1:08x}]", 21779)
        log(KERN_INFO, f"Move RAMDISK from [mem 0x{start:08x}-0x{start + IMAGE.initrd - 1:08x}] to "
                       f"[mem 0x{new:08x}-0x{new + IMAGE.initrd - 1:08x}]", 639)  # fmt: skip
        start = new
    else:
        if start < IMAGE.end:
            raise ValueError("the RAM disk does not fit behind the kernel")
        memblock.reserve(start, end, "RAM disk")
    machine.initrd = (start // PAGE_SIZE, (start + size) // PAGE_SIZE)


def _zones(box: Box, machine: Machine, log: Logger) -> None:
    """Zone ranges, spans and what the memmap takes (free_area_init, free_area_init_core, alloc_node_mem_map)."""
    low, top = machine.max_low_pfn, machine.max_pfn
    limits = [("DMA", 1, DMA_END), ("Normal", DMA_END, low), ("HighMem", low, top)]
    box.timer.set(46446)
    log(KERN_INFO, "Zone ranges:", 32)
    for name, first, last in limits:
        text = f"[mem 0x{first << 12:016x}-0x{(last << 12) - 1:016x}]" if first < last else "empty"
        log(KERN_INFO, f"  {name:<8s} {text}", 20)
    regions = [(region.start // PAGE_SIZE, min(region.end // PAGE_SIZE, top)) for region in machine.memblock.memory]
    usable = max(first for _, first, last in limits if first < last)
    movable = find_zone_movable_pfns_for_nodes(box.config, [[r for r in regions if r[0] < r[1]]], usable, log)[0]
    log(KERN_INFO, "Movable zone start for each node", 92)
    if movable:
        log(KERN_INFO, f"  Node 0: 0x{movable << 12:016x}")
        limits = [(name, *adjust_zone_range(first, last, movable)) for name, first, last in limits]
        limits.append(("Movable", movable, top))
    log(KERN_INFO, "Early memory node ranges", 42)
    for region in machine.memblock.memory:
        log(KERN_INFO, f"  node   0: [mem 0x{region.start:016x}-0x{region.end - 1:016x}]", 47)
    end = machine.memblock.memory[-1].end
    log(KERN_INFO, f"Initmem setup node 0 [mem 0x0000000000001000-0x{end - 1:016x}]")
    for name, first, last in limits:
        if first >= last:
            machine.spans.append(ZoneSpan(name, 0, 0, 0, 0))
            continue
        present = sum(
            max(0, min(last, region.end // PAGE_SIZE) - max(first, region.start // PAGE_SIZE))
            for region in machine.memblock.memory
        )
        memmap = -(-(last - first) * box.arch.struct_page // PAGE_SIZE)
        high = name == "HighMem" or (name == "Movable" and top > low)
        freesize = present - (0 if high else memmap)
        machine.spans.append(ZoneSpan(name, first, last - first, present, freesize))
        machine.nr_all_pages += freesize
        if not high:
            machine.nr_kernel_pages += freesize
        elif machine.nr_kernel_pages > memmap * 2:
            machine.nr_kernel_pages -= memmap
    if not movable:
        machine.spans.append(ZoneSpan("Movable", 0, 0, 0, 0))
    box.timer.set(55171)
    memmap_init(0, machine.spans, [piece for piece in regions if piece[0] < piece[1]], log, 0)
    frames = -(-top // 1024) * 1024
    take(machine, "memmap", frames * box.arch.struct_page)
    take(machine, "zone tables", PAGE_SIZE)


def _percpu(box: Box, machine: Machine, log: Logger) -> None:
    """The first chunk of per-CPU memory (setup_per_cpu_areas) and the two pages its set-up uses for a while."""
    cpus = box.config.present
    box.timer.set(92117)
    for told in excess_processors(box.config):
        log(KERN_WARNING, told)
    log(KERN_INFO, f"smpboot: Allowing {cpus} CPUs, 0 hotplug CPUs", 781)
    first, behind = search_gap(machine.e820)
    log(KERN_INFO, f"[mem 0x{first:08x}-0x{behind - 1:08x}] available for PCI devices")
    box.timer.set(93661)
    log(KERN_INFO, f"setup_percpu: NR_CPUS:8 nr_cpumask_bits:{cpus} nr_cpu_ids:{cpus} nr_node_ids:1", 1228)
    scratch = machine.memblock.alloc(2 * PAGE_SIZE, PAGE_SIZE, "scratch")
    log(KERN_INFO, "percpu: Embedded 24 pages/cpu s76500 r0 d21804 u98304", 439)
    log(KERN_DEBUG, "pcpu-alloc: s76500 r0 d21804 u98304 alloc=24*4096", 78)
    log(KERN_DEBUG, "pcpu-alloc: " + "".join(f"[0] {cpu} " for cpu in range(cpus)))
    take(machine, "per-CPU areas", IMAGE.percpu_unit * cpus)
    machine.memblock.free(scratch, scratch + 2 * PAGE_SIZE)


def early_tables(box: Box, machine: Machine) -> None:
    """Dentry and inode hash tables, taken from memblock (vfs_caches_init_early)."""
    log = Logger(box)
    for name, scale, usec in (("Dentry cache", 13, 99371), ("Inode-cache", 14, 99898)):
        box.timer.set(usec)
        size, line = large_system_hash(machine, name, 4, scale, entries=hash_entries(box.config, name))
        log(KERN_INFO, line)
        take(machine, f"{name} hash table", size)


def machine_of(box: Box) -> Machine:
    """The boundaries that the zones of a recorded box tell."""
    machine = Machine(IMAGE)
    zones, high = box.pages.zones, box.pages.zones[box.arch.zone_highmem :]
    populated = [zone for zone in zones if zone.present]
    machine.max_pfn = max(zone.end_pfn for zone in populated)
    low = [zone.end_pfn for zone in zones if zone.present and zone not in high]
    if not low:
        raise ValueError("the recording has no lowmem")
    machine.max_low_pfn = max(low)
    machine.top = machine.max_pfn * PAGE_SIZE + ACPI_DATA_SIZE
    reserve = VMALLOC_END - Layout.page_offset - machine.max_low_pfn * PAGE_SIZE
    layout = Layout(reserve if high[0].present else DEFAULT_RESERVE)
    layout.set_lowmem(machine.max_low_pfn)
    machine.layout = layout
    machine.spans = [ZoneSpan(z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in zones]
    machine.nr_kernel_pages = sum(zone.managed for zone in zones if zone not in high)
    machine.nr_all_pages = sum(zone.managed for zone in zones)
    return machine
