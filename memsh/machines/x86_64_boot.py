"""How the x86_64 machine comes up: the steps of init/main.c in its order, its boot tables, its log.

Models mm/mm_init.c (memblock_free_all, deferred_init_memmap), arch/x86/mm/init_64.c (mem_init), mm/khugepaged.c
(set_recommended_min_free_kbytes) and the initcalls that take much memory: net/ipv4/route.c, tcp.c, udp.c,
fs/namespace.c, kernel/futex, drivers' remappings. Names, figures and times are the recorded machine's.

**Known deviations:** see memsh.linux.init.main; pages that Linux initialises late are there from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import (
    Logger,
    Machine,
    hash_entries,
    large_system_hash,
    memory_block_size_bytes,
    roundup_pow_of_two,
    tcp_tables,
)
from memsh.linux.arch.x86.x86_64 import init_64
from memsh.linux.arch.x86.x86_64.highmem import DirectMapping
from memsh.linux.arch.x86.x86_64.init_64 import IMAGE, SECTION, SWIOTLB_SIZE, units_per_alloc
from memsh.linux.fs.namespace import mount_tmpfs
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL, MIGRATE_MOVABLE, MIGRATE_UNMOVABLE, PAGE_SHIFT, PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_INFO, KERN_NOTICE
from memsh.linux.include.memmap import K_OTHER
from memsh.linux.include.mempolicy import MPOL_INTERLEAVE, Policy
from memsh.linux.include.model import Cache, Topology
from memsh.linux.include.sched import set_max_threads
from memsh.linux.init import late
from memsh.linux.init.initramfs import populate_rootfs
from memsh.linux.init.main import (
    build_zones,
    free_initmem,
    free_reserved_area,
    free_smp_locks,
    reserve_for_users,
    run_init,
    start_user_space,
)
from memsh.linux.kernel.params import auto_init, print_unknown_bootoptions
from memsh.linux.kernel.timer import BTIME
from memsh.linux.mm.huge_memory.khugepaged import hugepage_init
from memsh.linux.mm.hugetlb.boot import Parser, hugetlb_init, hugetlb_setup
from memsh.linux.mm.page_alloc.available import totalram_pages
from memsh.linux.mm.page_alloc.freearea import free_range
from memsh.linux.mm.page_alloc.policy import policy_zone
from memsh.linux.mm.page_alloc.watermark import nr_free_buffer_pages
from memsh.linux.mm.shmem.super import TmpfsOptions
from memsh.machines import x86_64_areas as areas
from memsh.machines.bootlog import (
    Facts,
    above_window,
    announce,
    bogomips,
    calibrate_delay,
    common,
    iomem_of_memory,
    nosave_regions,
)
from memsh.machines.kthreads import x86_64_threads
from memsh.machines.x86_64_log import TABLE
from memsh.machines.x86_64_programs import ram_disk

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Node
    from memsh.linux.include.model import Kmap
    from memsh.linux.init.threads import Kthread

LPJ = 3999956  # loops per jiffy, of 250 a second
PERCPU_GROWN, PERCPU_ZONES = 3, 3  # pages per CPU that the second chunk has populated: as many again for more zones
HASH = "0x192/0x277"  # where alloc_large_system_hash() calls vmalloc
MISC_PAGES = 240  # single pages that drivers and subsystems keep
EARLY_PAGES = 64  # that are in use before the log tells how much memory there is
DEFERRED_USEC = 703297
DEFERRED_A_TICK = 14300  # struct pages that are initialised in 4 ms
FLAGS = (
    "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush acpi mmx fxsr sse sse2 ss syscall nx "
    "mmxext pdpe1gb rdtscp lm 3dnowext 3dnow rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 "
    "sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm svm cr8_legacy abm sse4a 3dnowprefetch "
    "vmmcall fsgsbase bmi1 avx2 smep bmi2 erms mpx adx smap clflushopt clwb xsaveopt xgetbv1 arat npt vgif umip pku "
    "ospke vaes"
)
THP_MIN_PAGES = 512 << 8  # 512 MiB: below, khugepaged is not even asked (hugepage_init)
BUGS = "fxsave_leak sysret_ss_attrs null_seg swapgs_fence amd_e400 spectre_v1 spectre_v2"
PMD_SIZE = 2 << 20
IMAGE_SPLIT = 14336  # kB of the image in pages of 4 KiB: text to rodata (mark_rodata_ro)


class X8664Start:
    """memsh.linux.include.model.Start for x86_64."""

    image = init_64.IMAGE
    caches: Sequence[Cache] = (
        Cache(1, "Data", 64, 2, False), Cache(1, "Instruction", 64, 2, False), Cache(2, "Unified", 512, 16, False),
        Cache(3, "Unified", 16384, 16, True),
    )  # fmt: skip

    def boot(self, box: Box) -> None:
        """Bring the box up. ValueError if the configuration leaves no room for the kernel."""
        machine = box.machine = init_64.setup_arch(box)
        box.notes += machine.notes
        tunables(box)
        try:
            start_kernel(box, start_memory(box))
            _mount_tmp(box)
        except KernelError as error:
            if error.code == "EAGAIN":  # no room for the kernel's own threads
                raise
            raise ValueError("Kernel panic - not syncing: System is deadlocked on memory") from error

    def machine_of(self, box: Box) -> Machine:
        """The boundaries that the zones of a recorded box tell."""
        return init_64.machine_of(box)

    def highmem(self, box: Box) -> Kmap:
        """The direct mapping reaches every page."""
        return DirectMapping(box)

    def kernel_threads(self, box: Box) -> list[Kthread]:
        """As on the recorded machines."""
        return x86_64_threads(box)

    def ioremaps(self, box: Box) -> None:
        """What a booted machine has mapped of its devices."""
        ioremaps(box)

    def direct_map(self, box: Box) -> list[tuple[str, int]]:
        """As mapped at boot; the kernel's image has been split since to give its parts their rights."""
        entries = init_64.init_mem_mapping(box.machine).pages
        small, medium, large = (count * (size >> 10) for size, count in entries.items())
        return [("4k", small + IMAGE_SPLIT), ("2M", medium - IMAGE_SPLIT), ("1G", large)]

    def iomem(self, box: Box) -> list[tuple[int, int, int, str]]:
        """RAM, firmware and devices, as on the recorded machine."""
        return iomem(box)

    def topology(self, box: Box, cpu: int) -> Topology:
        """Each node is a package; this vendor's dies are numbered like them, and clusters are not known."""
        node = next(node for node in box.pages.nodes if cpu in node.cpus)
        return Topology(node.nid, node.nid, 0xFFFF, node.cpus.index(cpu))

    def cpuinfo(self, box: Box, cpu: int) -> list[tuple[str, str]]:
        """The recorded processor; each node is a package of its own."""
        return cpuinfo(box, cpu)


def _mount_tmp(box: Box) -> None:
    """/tmp lies in memory, as the recorded machines' has it and systemd's tmp.mount does."""
    options = TmpfsOptions()
    options.mode = 0o1777
    mount_tmpfs(box, "tmpfs", "/tmp", options, "rw,nosuid,nodev")


def tunables(box: Box) -> None:
    """Defaults that differ from i386's."""
    values = box.sysctl.values
    values["vm.mmap_rnd_bits"] = box.arch.mmap_rnd_bits[0]
    box.vm.mmap_min_addr = 65536  # CONFIG_DEFAULT_MMAP_MIN_ADDR
    values["kernel.numa_balancing"] = int(len(box.config.nodes) > 1)  # check_numabalancing_enable()


def iomem(box: Box) -> list[tuple[int, int, int, str]]:
    """(level, first, last, name)."""
    machine = box.machine
    rows = iomem_of_memory(box, 1 << 64)
    rows += [
        (0, 0xA0000, 0xBFFFF, "PCI Bus 0000:00"), (0, 0xC0000, 0xC05FF, "Video ROM"),
        (0, machine.top, 0xFEBFFFFF, "PCI Bus 0000:00"),
        (0, 0xFEC00000, 0xFEC003FF, "IOAPIC 0"), (0, 0xFED00000, 0xFED003FF, "HPET 0"),
        (1, 0xFED00000, 0xFED003FF, "PNP0103:00"), (0, 0xFEE00000, 0xFEE00FFF, "Local APIC"),
        (0, *above_window(box), "PCI Bus 0000:00"),
    ]  # fmt: skip
    rows += [(1, first, behind - 1, "Crash kernel") for first, behind in machine.crash if first < behind]
    return rows + [(1, first, last, name) for name, first, last in machine.image.sections]


def cpuinfo(box: Box, cpu: int) -> list[tuple[str, str]]:
    """(name, value) of one processor."""
    node = next(node for node in box.pages.nodes if cpu in node.cpus)
    cores = len(node.cpus)
    flags = FLAGS.replace(" syscall ", " ht syscall ").replace(" svm ", " cmp_legacy svm ") if cores > 1 else FLAGS
    rows = (
        ("processor", cpu), ("vendor_id", "AuthenticAMD"), ("cpu family", 15), ("model", 107),
        ("model name", "QEMU TCG CPU version 2.5+"), ("stepping", 1), ("microcode", "0x1000065"),
        ("cpu MHz", "999.989"), ("cache size", "512 KB"), ("physical id", node.nid), ("siblings", cores),
        ("core id", node.cpus.index(cpu)), ("cpu cores", cores), ("apicid", cpu), ("initial apicid", cpu),
        ("fpu", "yes"), ("fpu_exception", "yes"), ("cpuid level", 13), ("wp", "yes"), ("flags", flags), ("bugs", BUGS),
        ("bogomips", bogomips(box, LPJ)), ("TLB size", "1024 4K pages"), ("clflush size", 64), ("cache_alignment", 64),
        ("address sizes", "40 bits physical, 48 bits virtual"),
    )  # fmt: skip
    return [(name, str(value)) for name, value in rows]


def start_memory(box: Box) -> Parser:
    """Zones, memmap and the buddy system with every free page in it (up to mem_init); what was said of huge pages."""
    machine = box.machine
    log = Logger(box)
    parser = hugetlb_setup(box)
    lines = init_64.early_tables(box, machine)
    build_zones(box)
    nodes = box.pages.nodes
    box.timer.set(112157)
    for node in nodes:
        log(KERN_INFO, f"Fallback order for Node {node.nid}: " + "".join(f"{nid} " for nid in node.order))
    log(KERN_INFO, f"Built {len(nodes)} zonelists, mobility grouping on.  Total pages: {machine.nr_all_pages}")
    log(KERN_INFO, f"Policy zone: {box.arch.zone_names[policy_zone(box.pages)]}")
    log(KERN_NOTICE, f"Kernel command line: {box.config.cmdline}")
    parser.tell()
    print_unknown_bootoptions(box)
    for usec, line in sorted([*lines, (125486, f"mem auto-init: stack:all(zero), {auto_init(box.config)}")]):
        box.timer.set(usec)
        log(KERN_INFO, line)
    mem_init(box)
    return parser


def mem_init(box: Box) -> None:
    """Give all free memory to the buddy system in the largest blocks (memblock_free_all).

    Where struct pages are initialised late, a page block whose first page is taken by then stays unmovable
    (deferred_free_range): most of all the blocks that hold the memory map.
    """
    machine, zones = box.machine, box.pages.zones
    populated = [(zone, deferred(box, box.pages.nodes[zone.node])) for zone in zones if zone.present]
    for zone, limit in populated:
        zone.set_block_types(limit, zone.end_pfn, MIGRATE_UNMOVABLE)
    early = -EARLY_PAGES
    for first, last in machine.memblock.free_ranges():
        for zone, limit in populated:
            start, end = max(first, zone.start_pfn), min(last, zone.end_pfn)
            if start < end:
                zone.set_block_types(max(start, limit), end, MIGRATE_MOVABLE)
                free_range(zone, start, end)
                early += max(0, min(end, limit) - start)
    present = sum(zone.present for zone in zones)
    free = sum(zone.managed for zone in zones)
    box.timer.set(146558)
    image = "10242K kernel code, 1535K rwdata, 2668K rodata, 1920K init, 1904K bss"
    Logger(box)(KERN_INFO, f"Memory: {early * 4}K/{present * 4}K available ({image}, {(present - free) * 4}K reserved, "
                           f"0K cma-reserved)")  # fmt: skip
    box.vmstat["pgfree"] = free


def deferred(box: Box, node: Node) -> int:
    """The frame from which on the node's struct pages are initialised late, when other CPUs can help: a section's start
    in its last zone that is memory, once there have been as many as a section has (defer_init). Its end if none are."""
    last, done = [zone for zone in node.zones if zone.present][-1], 0
    for region in box.machine.memblock.memory:
        start = max(region.start // PAGE_SIZE, last.start_pfn)
        end = min(region.end // PAGE_SIZE, last.end_pfn)
        first = -(-max(start, start + SECTION - done) // SECTION) * SECTION
        if start < end and first < end:
            return first
        done += max(0, end - start)
    return last.end_pfn


def log_facts(box: Box) -> Facts:
    """The figures of this machine's log (bootlog.py)."""
    cpus, machine = box.config.cpus, box.machine
    several = len(box.pages.nodes) > 1
    bounce = machine.bounce
    seconds, millis = divmod(BTIME * 1000 + 712, 1000)
    first = "mtrr: your CPUs had inconsistent "
    return {
        **common(box, LPJ, 8192),
        "nosave": nosave_regions(box), "audit": f"{seconds}.{millis:03}",
        "clocksource": "hpet" if cpus > 1 else "tsc-early",
        "tsc_early": "tsc: Marking TSC unstable due to TSCs unsynchronized" if cpus > 1 else
        "clocksource: tsc-early: mask: 0xffffffffffffffff max_cycles: 0x1cd41967d78, max_idle_ns: 881590404252 ns",
        "tsc_refined": [
            "tsc: Refined TSC clocksource calibration: 1000.000 MHz",
            "clocksource: tsc: mask: 0xffffffffffffffff max_cycles: 0x1cd42e4dffb, max_idle_ns: 881590591483 ns",
            "clocksource: Switched to clocksource tsc",
        ] if cpus == 1 else [],
        "mtrr_warnings": [f"{first}{what} settings" for what in ("fixed MTRR", "variable MTRR", "MTRRdefType")]
        if cpus > 1 else [],
        "mtrr": ["mtrr: probably your BIOS does not setup all CPUs.", "mtrr: corrected configuration."]
        if cpus > 1 else [],
        "jitterentropy": ["jitterentropy: Initialization failed with host not compliant with requirements: 9"]
        if cpus == 1 else [],
        "numa_balancing": ["mempolicy: Enabling automatic NUMA balancing. Configure with numa_balancing= or the "
                           "kernel.numa_balancing sysctl"] if several else [],
        "pci_node": ["pci_bus 0000:00: Unknown NUMA node; performance will be reduced"] if several else [],
        "swiotlb": ["PCI-DMA: Using software bounce buffering for IO (SWIOTLB)",
                    f"software IO TLB: mapped [mem 0x{bounce:016x}-0x{bounce + SWIOTLB_SIZE:016x}] "
                    f"({SWIOTLB_SIZE >> 20}MB)"] if bounce else [],
    }  # fmt: skip


def start_kernel(box: Box, parser: Parser) -> None:
    """Everything after mem_init."""
    machine, log, cpus = box.machine, Logger(box), box.config.cpus
    late.start_allocators(box)
    everywhere = tuple(node.nid for node in box.pages.nodes if node.managed >= 16 << 8) or (0,)
    box.pages.set_policy(Policy(MPOL_INTERLEAVE, everywhere))  # numa_policy_init()
    box.pages.setup_per_cpu_pageset()
    box.timer.set(163183)
    calibrate_delay(box, LPJ)
    box.timer.set(348754)
    free_smp_locks(box, 16)
    log(KERN_INFO, f"pid_max: default: {box.pid_max} minimum: {max(301, 8 * cpus)}")
    box.threads_max = set_max_threads(sum(zone.managed for zone in box.pages.zones), box.arch.thread_size)
    box.timer.set(DEFERRED_USEC)
    for node in box.pages.nodes:
        left = deferred(box, node)
        if left < node.end_pfn:
            took = (node.end_pfn - left) // DEFERRED_A_TICK * 4
            log(KERN_INFO, f"node {node.nid} deferred pages initialised in {took}ms")
    box.timer.set(704948)
    log(KERN_INFO, f"x86/mm: Memory block size: {memory_block_size_bytes(machine) >> 20}MB")
    box.pages.init_per_zone_wmark_min()
    box.timer.set(731858)
    hugetlb_init(box, parser)
    hugepage_init(box)
    if sum(zone.managed for zone in box.pages.zones) >= THP_MIN_PAGES:
        box.pages.set_recommended_min_free_kbytes(box.thp.enabled != "never")
    batch = max(zone.batch for zone in box.pages.zones)
    reserve_for_users(box, 1764 + 12 * batch + 1296 * (cpus - 1))
    populate(box)
    first, behind = machine.initrd
    box.timer.set(1518587)
    free_reserved_area(box, first, behind)
    log(KERN_INFO, f"Freeing initrd memory: {(behind - first) * 4}K")
    free_initmem(box, 1522431)
    box.timer.set(1994606)
    run_init(box)
    announce(box, TABLE, log_facts(box))
    start_user_space(box)


def populate(box: Box) -> None:
    """The caches of a booted box with their populations, tables, per-CPU memory, remapped devices."""
    box.slab.populate_boot()
    unit = machine_unit(box)
    areas.lay_out(box, unit)
    ioremaps(box)
    _tables(box)
    sizes = [-(-cpus * unit // PMD_SIZE) * PMD_SIZE for cpus in _groups(box)]
    groups = list(zip(box.machine.percpu_offsets, sizes, strict=True))
    grown = PERCPU_GROWN * (1 + (sum(zone.present > 0 for zone in box.pages.zones) > PERCPU_ZONES))
    late.percpu_chunk(box, grown, groups, "pcpu_get_vm_areas+0x0/0x1060", PMD_SIZE)
    pcpu_create_chunk(box, unit, sum(sizes) // PAGE_SIZE)
    others = box.pages.alloc_bulk(GFP_KERNEL, MISC_PAGES, K_OTHER)
    box.machine.vmcoreinfo = others[0] << PAGE_SHIFT if others else 0
    late.mount_disk(box)
    policy = box.pages.policy
    box.pages.set_policy(None)  # a worker unpacks it, which knows none
    populate_rootfs(box, 838894, ram_disk())
    box.pages.set_policy(policy)


def _groups(box: Box) -> list[int]:
    """How many CPUs each node has, also those that maxcpus= leaves off: they have their part all the same."""
    return box.machine.percpu_groups or [len(node.cpus) for node in box.pages.nodes if node.cpus]


def machine_unit(box: Box) -> int:
    """Bytes of a CPU's part of a chunk of per-CPU memory: as many share 2 MiB as a node's CPUs allow."""
    return PMD_SIZE // units_per_alloc(_groups(box), IMAGE.percpu_unit)


def pcpu_create_chunk(box: Box, unit: int, pages: int) -> None:
    """What describes a chunk of so many pages, and an array of the pages to be mapped (pcpu_get_pages), if it is larger
    than a page. A worker makes them, which knows no policy. Then the buffers of zswap's compressor, two on each CPU's
    node."""
    vmalloc, node = box.vmalloc, box.pages.node
    for size, caller in areas.chunk_rows(unit):
        vmalloc.vmalloc(size, caller, node=node)
    if pages * 8 > PAGE_SIZE:
        vmalloc.vmalloc(pages * 8, "pcpu_populate_chunk+0x36c/0x390", node=node)
    for cpu in range(box.config.cpus):
        for caller in areas.SCOMP:
            vmalloc.vmalloc(areas.SCOMP_SCRATCH, caller, node=box.pages.cpu_to_node(cpu))


def inet_ehash_locks_alloc(box: Box, buckets: int) -> None:
    """The locks of TCP's table of connections, spread over the nodes: a page of them for each, two cache lines for each
    CPU; on a machine of one node they are an object of kmalloc's."""
    nodes = len(box.pages.nodes)
    if nodes > 1:
        locks = roundup_pow_of_two(max(2 * 64 // 4 * box.config.present, nodes * PAGE_SIZE // 4))
        box.vmalloc.vmalloc(min(locks, buckets) * 4, "inet_ehash_locks_alloc+0xdb/0xf0")


def ioremaps(box: Box) -> None:
    """What the recorded machines have mapped when they are up."""
    vmalloc = box.vmalloc
    for _ in range(box.config.cpus):
        vmalloc.vmap(areas.IRQ_STACK, areas.IRQ)
    for phys, size, caller in areas.remapped(box):
        vmalloc.ioremap(phys, size, caller)
    vmalloc.vmalloc(PAGE_SIZE, areas.GEN_POOL)
    vmalloc.vmalloc(3 * PAGE_SIZE, areas.TTY)


def _tables(box: Box) -> None:
    """Hash tables that come from the buddy system, each logged as alloc_large_system_hash does."""
    machine, log = box.machine, Logger(box)
    config = box.config
    futexes = roundup_pow_of_two(256 * config.present)  # num_possible_cpus()
    tcp = tcp_tables(machine, config, 8)

    def table(usec: int, name: str, bucket: int, scale: int, low: int = 0, high: int = 0) -> tuple[int, int, str]:
        entries = hash_entries(config, name)
        return usec, *large_system_hash(machine, name, bucket, scale, low, high, entries)

    rows = [table(402098, "Dentry cache", 8, 13), table(423334, "Inode-cache", 8, 14)] if len(machine.nodes) > 1 else []
    mounts = (425594, 426363) if rows else (349457, 349619)
    rows += [
        table(mounts[0], "Mount-cache", 8, 19), table(mounts[1], "Mountpoint-cache", 8, 19),
        (709589, *large_system_hash(machine, "futex", 64, 0, high=futexes, entries=futexes)),
        (819407, *large_system_hash(machine, "IP idents", 8, 16, low=2048, high=256 << 10)),
        (831965, *tcp[0]),
        (832057, *large_system_hash(machine, "Table-perturb", 4, 0, high=1 << 16, entries=1 << 16)),
        (832099, *tcp[1]),
    ]  # fmt: skip
    late.take_tables(box, rows, HASH)
    machine.net_pages = totalram_pages(box), nr_free_buffer_pages(box.arch, box.pages.zones)
    connections = machine.ehash_entries
    inet_ehash_locks_alloc(box, connections)
    late.take_tables(box, [(832679, *tcp[2])], HASH)
    log(KERN_INFO, f"TCP: Hash tables configured (established {connections} bind {min(connections, 1 << 16)})")
    late.take_tables(box, [table(834475, "UDP", 32, 21, 256, 1 << 16), table(834619, "UDP-Lite", 32, 21, 256, 1 << 16)],
                     HASH)  # fmt: skip
    box.timer.set(845454)
    order = (sum(zone.managed for zone in box.pages.zones) - 1).bit_length()
    log(KERN_INFO, f"workingset: timestamp_bits=36 max_order={order} bucket_order=0")
