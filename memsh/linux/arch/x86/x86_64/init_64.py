"""What an x86_64 box looks like before the allocators start: maps, nodes, zones, early reservations and tables.

Models arch/x86/kernel/setup.c (setup_arch), arch/x86/mm/init_64.c and numa.c, mm/mm_init.c (free_area_init),
mm/sparse.c (sparse_init: the memory map of each node's sections), mm/percpu.c (pcpu_embed_first_chunk) and
kernel/dma/swiotlb.c. The sizes of the kernel image are those of the recorded one.

What devices say meanwhile stands in memsh.machines.bootlog.

**Known deviations:** RAM above 4 GiB is in one piece, where an
emulated PC moves it above 1 TiB from 1,010 GiB on; what the boot's many small tables take is one reservation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.arch.x86.acpi import REMOTE_DISTANCE, acpi_boot_table_init, firmware_kept
from memsh.linux.arch.x86.crashkernel import reserve_crashkernel
from memsh.linux.arch.x86.e820 import ACPI_DATA_SIZE, e820_map, finish_early_params, low_ram, search_gap, user_map
from memsh.linux.arch.x86.setup import (
    DMA_END,
    FIRMWARE,
    KernelImage,
    Logger,
    Machine,
    NodeSpan,
    ZoneSpan,
    excess_processors,
    hash_entries,
    large_system_hash,
    memmap_init,
    setup_log_buf,
    take,
)
from memsh.linux.arch.x86.x86_64.layout import Layout64
from memsh.linux.arch.x86.x86_64.mem_mapping import MemMapping
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_DEBUG, KERN_INFO, KERN_NOTICE, KERN_WARNING
from memsh.linux.include.memmap import SECTION_ORDER
from memsh.linux.lib.vsprintf import no_hash_pointers_enable
from memsh.linux.mm.movable import adjust_zone_range, find_zone_movable_pfns_for_nodes

if TYPE_CHECKING:
    from memsh.linux.box import Box

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
IMAGE = KernelImage(
    uts_version="#2 SMP PREEMPT_DYNAMIC Sat Nov 28 13:18:53 UTC 2026",
    text=0x1000000,
    end=0x2800000,
    sections=(
        ("Kernel code", 0x1000000, 0x1A00931),
        ("Kernel rodata", 0x1C00000, 0x1E9AFFF),
        ("Kernel data", 0x2000000, 0x217FF3F),
        ("Kernel bss", 0x2624000, 0x27FFFFF),
    ),
    smp_locks=(0x261C000, 0x2624000),
    freed=(
        ("initmem", 0x243B000, 0x261B000),
        ("text/rodata gap", 0x1A01000, 0x1C00000),
        ("rodata/data gap", 0x1E9B000, 0x2000000),
    ),
    initrd=0x26638A,
    percpu_unit=46 * PAGE_SIZE,  # s149928 r8192 d30296, rounded up to pages
)
AMD_HT = (0xFD00000000, 1 << 40)  # HyperTransport's own range
BRK_PAGES = 9  # the first page tables, behind the image
PGLIST_DATA = 43 * PAGE_SIZE  # struct pglist_data of a node
SECTION = 1 << SECTION_ORDER  # page frames
PMD_SIZE = 2 * MIB
MISC_PAGES = 13  # firmware's tables, the directory of memory sections, copies of the command line
SECTIONS_PER_ROOT = PAGE_SIZE // 32  # struct mem_section with its page_ext
SECTIONS_PER_PMD = 64 * GIB // PAGE_SIZE // SECTION  # whose part of the memory map one table of huge entries maps
SWIOTLB_SIZE = 64 * MIB
SWIOTLB_SLOTS = 193 * PAGE_SIZE  # a slot of 24 bytes for each 2 KiB, and the few bytes of the areas, which open a page


class Home(NamedTuple):
    """A node: its RAM as (first, behind) in bytes, and its CPUs."""

    ranges: tuple[tuple[int, int], ...]
    cpus: tuple[int, ...]


def setup_arch(box: Box) -> Machine:
    """Find RAM, its nodes and zones, and the early reservations; log what Linux logs. ValueError if the kernel cannot
    fit."""
    machine = Machine(IMAGE)
    log = Logger(box)
    _e820(box, machine, log)
    machine.max_low_pfn = machine.max_pfn
    machine.layout = Layout64(machine.max_pfn)
    memblock = machine.memblock
    memblock.limit = machine.max_pfn * PAGE_SIZE
    memblock.reserve(0, MIB, "first MiB")
    memblock.reserve(IMAGE.text, IMAGE.end + BRK_PAGES * PAGE_SIZE, "kernel image")
    tables = init_mem_mapping(machine).tables
    if tables:
        memblock.alloc(tables * PAGE_SIZE, PAGE_SIZE, "direct mapping's tables")
    setup_log_buf(box, machine, log, 1 << 17)
    _initrd(machine, log)
    box.timer.set(24275)
    acpi_boot_table_init(box.config, machine, log, 24)
    homes = numa_init(box, machine, log)
    machine.homes = [home.ranges for home in homes]
    reserve_crashkernel(box.config, machine, log)
    box.timer.set(33378)
    _zones(box, machine, homes, log)
    _sparse_init(machine, homes)
    distances = box.config.distance != REMOTE_DISTANCE  # whose page has room for small tables
    take(machine, "boot tables", (MISC_PAGES - distances) * PAGE_SIZE)
    _percpu(box, machine, homes, log)
    return machine


def _e820(box: Box, machine: Machine, log: Logger) -> None:
    ram = -(-box.config.ram // 8192) * 8192  # the PC rounds its memory up
    machine.top = low_ram(ram)
    log(KERN_NOTICE, IMAGE.banner)
    log(KERN_INFO, f"Command line: {box.config.cmdline}")
    log(KERN_INFO, "BIOS-provided physical RAM map:")
    machine.firmware_map = machine.e820 = e820_map(ram, AMD_HT, firmware_kept(box.config, 2 if box.config.swap else 0))
    machine.low_end = machine.e820[3].end
    for entry in machine.e820:
        log(KERN_INFO, f"BIOS-e820: [mem 0x{entry.start:016x}-0x{entry.end - 1:016x}] {entry.kind}")
    if box.config.parameter("no_hash_pointers") is not None:
        no_hash_pointers_enable(box.log)
    user = user_map(box.config, machine.e820, log, nopentium=False)
    log(KERN_INFO, "NX (Execute Disable) protection: active")
    if user is not None:
        machine.e820 = finish_early_params(user, log)
    machine.add_memory(box.arch.max_pfn << 12)
    for line in FIRMWARE:
        log(KERN_INFO, line)
    log(KERN_INFO, "tsc: Detected 999.989 MHz processor")
    box.timer.set(8686)
    log(KERN_DEBUG, "e820: update [mem 0x00000000-0x00000fff] usable ==> reserved", 34)
    log(KERN_DEBUG, "e820: remove [mem 0x000a0000-0x000fffff] usable", 47)
    machine.max_pfn = machine.memblock.memory[-1].end // PAGE_SIZE
    log(KERN_INFO, f"last_pfn = {machine.max_pfn:#x} max_arch_pfn = {box.arch.max_pfn:#x}", 24)
    log(KERN_INFO, "x86/PAT: Configuration [0-7]: WB  WC  UC- UC  WB  WP  UC- WT  ")
    if machine.max_pfn > 1 << 20:
        log(KERN_INFO, f"last_pfn = {machine.low_end // PAGE_SIZE:#x} max_arch_pfn = "
                       f"{box.arch.max_pfn:#x}")  # fmt: skip
    box.timer.set(18844)
    log(KERN_INFO, "Using GB pages for direct mapping")


def init_mem_mapping(machine: Machine) -> MemMapping:
    """The direct mapping of all RAM (a recorded box's machine knows its bounds alone)."""
    regions = [(region.start, region.end) for region in machine.memblock.memory]
    if not regions:
        end = machine.max_pfn * PAGE_SIZE
        regions = [(PAGE_SIZE, 0x9F000), (MIB, machine.low_end), (4 * GIB, end)][: 3 if end > 4 * GIB else 2]
    return _mapping(tuple(regions), machine.max_pfn * PAGE_SIZE)


@lru_cache(8)
def _mapping(regions: tuple[tuple[int, int], ...], end: int) -> MemMapping:
    """Nobody changes it: /proc/meminfo asks for it again."""
    return MemMapping(regions, end, IMAGE.end)


def _initrd(machine: Machine, log: Logger) -> None:
    """The RAM disk lies where the boot loader put it: before the last 64 KiB bound of RAM below 4 GiB."""
    end = machine.low_end & -0x10000
    start = (end - IMAGE.initrd) & -PAGE_SIZE
    size = end - start
    if start < IMAGE.end + BRK_PAGES * PAGE_SIZE:
        raise ValueError("the RAM disk does not fit behind the kernel")
    log(KERN_INFO, f"RAMDISK: [mem 0x{start:08x}-0x{end - 1:08x}]")
    if not any(region.start <= start and end <= region.end for region in machine.memblock.memory):
        new = machine.memblock.alloc(size, PAGE_SIZE, "RAM disk")
        if not new:
            raise ValueError("the RAM disk does not fit into what memory is left")
        log(KERN_INFO, f"Allocated new RAMDISK: [mem 0x{new:08x}-0x{new + IMAGE.initrd - 1:08x}]")
        log(KERN_INFO, f"Move RAMDISK from [mem 0x{start:08x}-0x{start + IMAGE.initrd - 1:08x}] to "
                       f"[mem 0x{new:08x}-0x{new + IMAGE.initrd - 1:08x}]")  # fmt: skip
        start, end = new, new + size
    else:
        machine.memblock.reserve(start, end, "RAM disk")
    machine.initrd = (start // PAGE_SIZE, end // PAGE_SIZE)


def numa_init(box: Box, machine: Machine, log: Logger) -> list[Home]:
    """Which RAM and which CPUs belong to which node (x86_numa_init); NODE_DATA comes from the node itself."""
    config, low = box.config, machine.top
    box.timer.set(25770)
    if config.nodes:
        known = [(size, tuple(n for n in cpus if n < config.present)) for size, cpus in config.firmware_nodes]
        homes, merged = _srat(known, low, log)
        if config.distance != REMOTE_DISTANCE:  # numa_alloc_distance()
            machine.memblock.alloc(len(homes) ** 2, PAGE_SIZE, "distances of nodes")
            log(KERN_DEBUG, f"NUMA: Initialized distance table, cnt={len(homes)}")
        for line in merged:
            log(KERN_INFO, line)
    else:
        end = machine.max_pfn * PAGE_SIZE
        log(KERN_INFO, "NUMA turned off" if config.parameter("numa") == "off" else "No NUMA configuration found")
        log(KERN_INFO, f"Faking a node at [mem 0x0000000000000000-0x{end - 1:016x}]", 178)
        homes = [Home(((0, end),), tuple(range(config.present)))]
    for nid, home in enumerate(homes):
        start = machine.memblock.alloc(PGLIST_DATA, PAGE_SIZE, "node data", home.ranges)
        if not start:
            raise ValueError(f"node {nid} has no room for its own data")
        log(KERN_INFO, f"NODE_DATA({nid}) allocated [mem 0x{start:08x}-0x{start + PGLIST_DATA - 1:08x}]")
    return homes


def _srat(nodes: list[tuple[int, tuple[int, ...]]], low: int, log: Logger) -> tuple[list[Home], list[str]]:
    """Nodes take RAM in turn: first what lies below 4 GiB, then what lies above. Also the lines on what is put
    together (numa_cleanup_meminfo)."""
    for nid, (_, cpus) in enumerate(nodes):
        for cpu in cpus:
            log(KERN_INFO, f"SRAT: PXM {nid} -> APIC 0x{cpu:02x} -> Node {nid}")
    homes, at, lines = [], 0, []
    for nid, (size, cpus) in enumerate(nodes):
        pieces = []
        first, behind = at, at + size
        if first < low:
            pieces.append((first, min(behind, low)))
        if behind > low:
            pieces.append((4 * GIB + max(first, low) - low, 4 * GIB + behind - low))
        told = [(0, 0xA0000), (MIB, pieces[0][1]), *pieces[1:]] if not first else pieces
        for start, end in told:
            log(KERN_INFO, f"ACPI: SRAT: Node {nid} PXM {nid} [mem 0x{start:08x}-0x{end - 1:08x}]")
        homes.append(Home(tuple(pieces), cpus))
        merged = told[0]
        for start, end in told[1:]:
            lines.append(f"NUMA: Node {nid} [mem 0x{merged[0]:08x}-0x{merged[1] - 1:08x}] + [mem 0x{start:08x}-"
                         f"0x{end - 1:08x}] -> [mem 0x{merged[0]:08x}-0x{end - 1:08x}]")  # fmt: skip
            merged = (merged[0], end)
        at = behind
    return homes, lines


def _zones(box: Box, machine: Machine, homes: list[Home], log: Logger) -> None:
    """Zone ranges, and what each node has in them (free_area_init)."""
    top = machine.max_pfn
    names = box.arch.zone_names
    limits = []
    start = 1
    for end in box.arch.zone_ends[: box.arch.zone_normal + 1]:
        behind = min(top, end) if end is not None else top
        limits.append((start, max(start, behind)))
        start = max(start, behind)
    log(KERN_INFO, "Zone ranges:", 5)
    for name, (first, behind) in [*zip(names, limits, strict=False), ("Device", (0, 0))]:
        text = f"[mem 0x{first << 12:016x}-0x{(behind << 12) - 1:016x}]" if first < behind else "empty"
        log(KERN_INFO, f"  {name:<8s} {text}", 20)
    regions = [_inside(machine, home) for home in homes]
    usable = max((first for first, behind in limits if first < behind), default=0)
    movable = find_zone_movable_pfns_for_nodes(box.config, regions, usable, log)
    log(KERN_INFO, "Movable zone start for each node", 48)
    for nid, pfn in enumerate(movable):
        if pfn:
            log(KERN_INFO, f"  Node {nid}: 0x{pfn << 12:016x}")
    log(KERN_INFO, "Early memory node ranges", 6)
    for nid, pieces in enumerate(regions):
        for first, behind in pieces:
            log(KERN_INFO, f"  node {nid:3d}: [mem 0x{first << 12:016x}-0x{(behind << 12) - 1:016x}]", 20)
    for nid, (home, pieces) in enumerate(zip(homes, regions, strict=True)):
        if not pieces:
            raise ValueError(f"node {nid} has no memory")
        log(KERN_INFO, f"Initmem setup node {nid} [mem 0x{pieces[0][0] << 12:016x}-0x{(pieces[-1][1] << 12) - 1:016x}]")
        own = [adjust_zone_range(*limit, movable[nid]) for limit in limits]
        own.append((movable[nid], top) if movable[nid] else (0, 0))
        spans = [_span(name, limit, pieces) for name, limit in zip(names, own, strict=False)]
        spans += [ZoneSpan(name, 0, 0, 0, 0) for name in names[len(own) :]]
        distances = tuple(10 if other == nid else box.config.distance for other in range(len(homes)))
        online = tuple(cpu for cpu in home.cpus if cpu < box.config.cpus)
        machine.nodes.append(NodeSpan(tuple(spans), online, distances))
        machine.nr_all_pages += sum(span.freesize for span in spans)
    for nid, pieces in enumerate(regions):
        memmap_init(nid, machine.nodes[nid].zones, pieces, log, SECTION, nid == len(regions) - 1)
    machine.nr_all_pages -= (MIB - PAGE_SIZE) // PAGE_SIZE - (0x100 - 0x9F)  # reserved in ZONE_DMA (dma_reserve)
    machine.nr_kernel_pages = machine.nr_all_pages


def _inside(machine: Machine, home: Home) -> list[tuple[int, int]]:
    """The node's RAM that the kernel uses, in page frames."""
    found = []
    for region in machine.memblock.memory:
        for start, end in home.ranges:
            first, behind = max(region.start, start), min(region.end, end)
            if first < behind:
                found.append((first // PAGE_SIZE, behind // PAGE_SIZE))
    return found


def _span(name: str, limit: tuple[int, int], pieces: list[tuple[int, int]]) -> ZoneSpan:
    """A node's part of one zone: what it spans has holes (zone_spanned_pages_in_node, calc_memmap_size)."""
    first, behind = max(limit[0], pieces[0][0]), min(limit[1], pieces[-1][1])
    present = sum(max(0, min(last, behind) - max(start, first)) for start, last in pieces)
    if first >= behind or not present:
        return ZoneSpan(name, 0, 0, 0, 0)
    spanned = behind - first
    mapped = present if spanned > present + (present >> 4) else spanned
    return ZoneSpan(name, first, spanned, present, present - -(-mapped * 64 // PAGE_SIZE))


def _sparse_init(machine: Machine, homes: list[Home]) -> None:
    """Each node keeps the memory map of its own sections, in pieces of 2 MiB, and a page for what they are used for.

    What describes many sections at once lies with the first of them: the page of their struct mem_section, the tables
    that map the memory map."""
    seen: set[int] = set()
    shared: set[tuple[str, int]] = set()
    for nid, home in enumerate(homes):
        sections = {
            number
            for first, behind in _inside(machine, home)
            for number in range(first // SECTION, -(-behind // SECTION))
        } - seen
        seen |= sections
        of_many = {("root", number // SECTIONS_PER_ROOT) for number in sections}
        of_many |= {("pmd", number // SECTIONS_PER_PMD) for number in sections} | {("pud", 0)}
        for _ in of_many - shared:
            machine.memblock.alloc(PAGE_SIZE, PAGE_SIZE, "sections and their tables", home.ranges)
        shared |= of_many
        size = len(sections) * SECTION * 64
        base = machine.memblock.alloc(size, PMD_SIZE, f"memory map of node {nid}", home.ranges)
        if not base:
            raise ValueError(f"node {nid} has no room for its memory map: {size >> 20} MiB")
        for at, number in enumerate(sorted(sections)):
            machine.vmemmap[number] = base + at * SECTION * 64
        usage = -(-len(sections) * 40 // PAGE_SIZE) * PAGE_SIZE
        machine.memblock.alloc(usage, PAGE_SIZE, "section usage", home.ranges)


def units_per_alloc(groups: list[int], unit: int) -> int:
    """How many CPUs' areas share 2 MiB: as few pieces as possible without much waste (pcpu_build_alloc_info)."""
    most = PMD_SIZE // unit
    while PMD_SIZE % most or PMD_SIZE // most % PAGE_SIZE:
        most -= 1
    best, least = 1, None
    for units in range(most, 0, -1):
        if PMD_SIZE % units or PMD_SIZE // units % PAGE_SIZE:
            continue
        allocs = sum(-(-count // units) for count in groups)
        wasted = allocs * units - sum(groups)
        if wasted > sum(groups) // 3:
            continue
        if least is not None and allocs > least:
            break
        best, least = units, allocs
    return best


def pcpu_dump_alloc_info(groups: list[tuple[int, ...]], units: int) -> list[str]:
    """The log's lines on who shares which piece: the group, the CPU of each unit, dashes for one that nobody needs."""
    group_width, cpu_width = len(str(len(groups))), len(str(sum(map(len, groups))))
    pieces = []
    for group, cpus in enumerate(groups):
        for at in range(0, len(cpus), units):
            names = [f"{cpu:0{cpu_width}}" for cpu in cpus[at : at + units]]
            names += ["-" * cpu_width] * (units - len(names))
            pieces.append(f"[{group:0{group_width}}] " + "".join(f"{name} " for name in names))
    a_line = max(60 // (units * (cpu_width + 1) + group_width + 3), 1)
    a_line = 1 << (a_line.bit_length() - 1)
    return ["".join(pieces[at : at + a_line]) for at in range(0, len(pieces), a_line)]


def _percpu(box: Box, machine: Machine, homes: list[Home], log: Logger) -> None:
    """The first chunk of per-CPU memory: a group for each node, its areas embedded in pieces of 2 MiB, of which what
    no area needs is given back (setup_per_cpu_areas)."""
    cpus = box.config.present
    box.timer.set(50302)
    for told in excess_processors(box.config):
        log(KERN_WARNING, told)
    log(KERN_INFO, f"smpboot: Allowing {cpus} CPUs, 0 hotplug CPUs", 151)
    first, behind = search_gap(machine.e820)
    log(KERN_INFO, f"[mem 0x{first:08x}-0x{behind - 1:08x}] available for PCI devices")
    box.timer.set(102549)
    log(KERN_INFO, f"setup_percpu: NR_CPUS:8192 nr_cpumask_bits:{cpus} nr_cpu_ids:{cpus} nr_node_ids:{len(homes)}")
    box.timer.set(111707)
    groups = [len(home.cpus) for home in homes if home.cpus]
    units = units_per_alloc(groups, IMAGE.percpu_unit)
    size = PMD_SIZE // units
    bases = []
    for home in homes:
        places = []
        for at in range(0, len(home.cpus), units):
            base = machine.memblock.alloc(PMD_SIZE, PMD_SIZE, "per-CPU areas", home.ranges)
            base = base or machine.memblock.alloc(PMD_SIZE, PMD_SIZE, "per-CPU areas")
            if not base:
                raise ValueError("no room for the per-CPU areas")
            machine.memblock.free(base, base + PMD_SIZE)
            places.append(base)
            for unit, cpu in enumerate(home.cpus[at : at + units]):
                machine.percpu[cpu] = base + unit * size
                machine.memblock.reserve(base + unit * size, base + unit * size + IMAGE.percpu_unit, "per-CPU areas")
        bases += [min(places)] if places else []
    machine.percpu_groups = groups
    machine.percpu_units = sum(-(-count // units) * units for count in groups)
    machine.percpu_offsets = [base - min(bases) for base in bases]
    machine.tables.append(("per-CPU areas", IMAGE.percpu_unit * cpus))
    log(KERN_INFO, f"percpu: Embedded 46 pages/cpu s149928 r8192 d30296 u{size}", 80)
    log(KERN_DEBUG, f"pcpu-alloc: s149928 r8192 d30296 u{size} alloc=1*{PMD_SIZE}", 29)
    for told in pcpu_dump_alloc_info([home.cpus for home in homes if home.cpus], units):
        log(KERN_DEBUG, f"pcpu-alloc: {told}")


def early_tables(box: Box, machine: Machine) -> list[tuple[int, str]]:
    """Dentry and inode hash tables, taken from memblock where there is one node (vfs_caches_init_early); the bounce
    buffers for devices that cannot reach all of RAM (swiotlb_init). Answers the log's lines: (µs, text)."""
    lines = []
    if len(machine.nodes) == 1:
        for name, scale, usec in (("Dentry cache", 13, 121075), ("Inode-cache", 14, 125317)):
            size, line = large_system_hash(machine, name, 8, scale, entries=hash_entries(box.config, name))
            lines.append((usec, line))
            take(machine, f"{name} hash table", size)
    if machine.max_pfn > 1 << 20:
        lines.append((125600, f"software IO TLB: area num {1 << max(0, box.config.present - 1).bit_length()}."))
        machine.bounce = machine.memblock.alloc(SWIOTLB_SIZE, PAGE_SIZE, "bounce buffers", ((0, 4 * GIB),))
        if not machine.bounce:
            raise ValueError("no room below 4 GiB for the bounce buffers")
        take(machine, "bounce buffers' slots", SWIOTLB_SLOTS)
    return lines


def machine_of(box: Box) -> Machine:
    """The boundaries that the zones of a recorded box tell."""
    machine = Machine(IMAGE)
    zones = [zone for zone in box.pages.zones if zone.present]
    machine.max_pfn = machine.max_low_pfn = max(zone.end_pfn for zone in zones)
    low = [zone for zone in zones if 0 < zone.index < box.arch.zone_normal]
    below = max((zone.start_pfn + zone.present for zone in low), default=DMA_END)
    machine.low_end = below * PAGE_SIZE
    machine.top = machine.low_end + ACPI_DATA_SIZE
    machine.layout = Layout64(machine.max_pfn)
    for node in box.pages.nodes:
        spans = tuple(ZoneSpan(z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in node.zones)
        machine.nodes.append(NodeSpan(spans, node.cpus, node.distances))
    machine.nr_kernel_pages = machine.nr_all_pages = sum(zone.managed for zone in zones)
    return machine
