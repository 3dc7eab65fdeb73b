"""How the i386 machine comes up: the steps of init/main.c in its order, its boot tables, its log.

Models arch/x86/mm/init_32.c (mem_init), mm/page_alloc.c and the initcalls that take much memory: net/ipv4/route.c,
tcp.c, udp.c, fs/namespace.c, kernel/futex, drivers' remappings. Names, figures and times are the recorded machine's.

**Known deviations:** see memsh.linux.init.main.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.i386 import init_32
from memsh.linux.arch.x86.i386.highmem import HighMem
from memsh.linux.arch.x86.setup import (
    Logger,
    Machine,
    hash_entries,
    large_system_hash,
    roundup_pow_of_two,
    tcp_tables,
)
from memsh.linux.include.flags import GFP_KERNEL, PAGE_SHIFT, PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_INFO, KERN_NOTICE
from memsh.linux.include.memmap import K_OTHER
from memsh.linux.include.model import Cache, Topology
from memsh.linux.include.sched import set_max_threads
from memsh.linux.init import late
from memsh.linux.init.initramfs import Unpacked, populate_rootfs
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
from memsh.linux.mm.page_alloc.available import totalhigh_pages, totalram_pages
from memsh.linux.mm.page_alloc.freearea import free_pages_upwards, free_range
from memsh.linux.mm.page_alloc.watermark import nr_free_buffer_pages
from memsh.machines.bootlog import announce, bogomips, calibrate_delay, common, iomem_of_memory, mapped_ranges
from memsh.machines.i386_log import TABLE
from memsh.machines.kthreads import i386_threads

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.model import Kmap
    from memsh.linux.init.threads import Kthread

LARGE_PAGE = 4 << 20
HASH = "0x170/0x21c"  # where alloc_large_system_hash() calls vmalloc
RAM_DISK = (Unpacked("files", 1386 * PAGE_SIZE),)  # what the recorded machines' holds; ours has its programs elsewhere
BUGS = "cpu_meltdown spectre_v1 spectre_v2 spec_store_bypass l1tf mds swapgs itlb_multihit mmio_unknown bhi its"
LPJ = 2596104  # loops per jiffy, of 1000 a second
PERCPU_GROWN = 12  # pages per CPU that the second per-CPU chunk has populated
MISC_PAGES = 100  # single pages that drivers and subsystems keep


class I386Start:
    """memsh.linux.include.model.Start for i386."""

    image = init_32.IMAGE
    caches: Sequence[Cache] = (
        Cache(1, "Data", 32, 8, False), Cache(1, "Instruction", 32, 8, False), Cache(2, "Unified", 4096, 16, False),
        Cache(3, "Unified", 16384, 16, True, True),
    )  # fmt: skip

    def boot(self, box: Box) -> None:
        """Bring the box up. ValueError if the configuration leaves no room for the kernel."""
        machine = box.machine = init_32.setup_arch(box)
        box.notes += machine.notes
        start_memory(box)
        start_kernel(box)

    def machine_of(self, box: Box) -> Machine:
        """The boundaries that the zones of a recorded box tell."""
        return init_32.machine_of(box)

    def highmem(self, box: Box) -> Kmap:
        """Permanent kmaps and fixed slots."""
        return HighMem(box)

    def kernel_threads(self, box: Box) -> list[Kthread]:
        """As on the recorded machines."""
        return i386_threads(box)

    def ioremaps(self, box: Box) -> None:
        """What a booted machine has mapped of its devices."""
        ioremaps(box, box.machine)

    def direct_map(self, box: Box) -> list[tuple[str, int]]:
        """The first 4 MiB and the kernel image are split."""
        small, large, low = 12288, -12288, box.machine.max_low_pfn << 12
        for start, behind in mapped_ranges(box):
            end = min(behind, low)
            whole = max(0, (end & -LARGE_PAGE) - (-(-start // LARGE_PAGE) * LARGE_PAGE)) if end > start else 0
            small += (max(0, end - start) - whole) >> 10
            large += whole >> 10
        return [("4k", small), ("4M", large)]

    def iomem(self, box: Box) -> list[tuple[int, int, int, str]]:
        """RAM, firmware and devices, as on the recorded machine."""
        return iomem(box)

    def topology(self, box: Box, cpu: int) -> Topology:
        """One package with a core for each processor."""
        return Topology(0, 0, cpu, cpu)

    def cpuinfo(self, box: Box, cpu: int) -> list[tuple[str, str]]:
        """The recorded processor."""
        return cpuinfo(box, cpu)


def iomem(box: Box) -> list[tuple[int, int, int, str]]:
    """(level, first, last, name)."""
    machine = box.machine
    rows = iomem_of_memory(box, 1 << 32)  # not i386: 4 GiB, as far as the table goes without PAE
    rows += [
        (0, 0xA0000, 0xBFFFF, "PCI Bus 0000:00"), (1, 0xA0000, 0xBFFFF, "Video RAM area"),
        (0, 0xC0000, 0xC05FF, "Video ROM"),
        (0, machine.top, 0xFEBFFFFF, "PCI Bus 0000:00"),
        (0, 0xFEC00000, 0xFEC003FF, "IOAPIC 0"), (0, 0xFED00000, 0xFED003FF, "PNP0103:00"),
        (0, 0xFEE00000, 0xFEE00FFF, "Local APIC"),
    ]  # fmt: skip
    return rows + [(1, first, last, name) for name, first, last in machine.image.sections]


def cpuinfo(box: Box, cpu: int) -> list[tuple[str, str]]:
    """(name, value) of one processor."""
    cpus = box.config.cpus
    hyper = " ht" if cpus > 1 else ""
    flags = f"fpu de pse tsc msr pae mce cx8 apic sep pge cmov mmx fxsr sse sse2{hyper} cpuid pni hypervisor"
    rows = (
        ("processor", cpu), ("vendor_id", "GenuineIntel"), ("cpu family", 6), ("model", 6),
        ("model name", "QEMU Virtual CPU version 2.5+"), ("stepping", 3), ("microcode", "0x1"),
        ("cpu MHz", "2596.104"), ("cache size", "16384 KB"), ("physical id", 0), ("siblings", cpus), ("core id", cpu),
        ("cpu cores", cpus), ("apicid", cpu), ("initial apicid", cpu), ("fdiv_bug", "no"), ("f00f_bug", "no"),
        ("coma_bug", "no"), ("fpu", "yes"), ("fpu_exception", "yes"), ("cpuid level", 4), ("wp", "yes"),
        ("flags", flags), ("bugs", BUGS), ("bogomips", bogomips(box, LPJ)), ("clflush size", 32),
        ("cache_alignment", 32), ("address sizes", "36 bits physical, 32 bits virtual"),
    )  # fmt: skip
    return [(name, str(value)) for name, value in rows]


def start_memory(box: Box) -> None:
    """Zones, memmap and the buddy system with every free page in it (up to mm_init's mem_init)."""
    machine = box.machine
    log = Logger(box)
    box.timer.set(96994)
    log(KERN_INFO, f"Built 1 zonelists, mobility grouping on.  Total pages: {machine.nr_all_pages}", 172)
    log(KERN_NOTICE, f"Kernel command line: {box.config.cmdline}")
    print_unknown_bootoptions(box)
    init_32.early_tables(box, machine)
    box.timer.set(100933)
    log(KERN_INFO, f"mem auto-init: stack:all(zero), {auto_init(box.config)}", 148)
    build_zones(box)
    mem_init(box)


def mem_init(box: Box) -> None:
    """Give all free memory to the buddy system: HighMem page by page, lowmem in the largest blocks (mem_init)."""
    machine, pages = box.machine, box.pages
    log = Logger(box)
    zones = pages.zones
    for zone in (zone for zone in zones if zone.highmem):
        begin, behind = (zone.start_pfn, zone.end_pfn) if zone.present else (0, 0)
        log(KERN_INFO, f"Initializing {zone.name} for node 0 ({begin:08x}:{behind:08x})", 23890)
    low = machine.max_low_pfn
    for first, last in machine.memblock.free_ranges():
        last = min(last, machine.max_pfn)
        for zone in zones:
            start, end = max(first, low, zone.start_pfn), min(last, zone.end_pfn)
            if start < end:
                free_pages_upwards(zone, start, end)
    for first, last in machine.memblock.free_ranges():
        for zone in zones:
            start, end = max(first, zone.start_pfn), min(last, low, zone.end_pfn)
            if start < end:
                free_range(zone, start, end)
    box.timer.set(129765)
    log(KERN_INFO, "Checking if this processor honours the WP bit even in supervisor mode...Ok.", 955)
    present = sum(zone.present for zone in zones)
    free = sum(zone.managed for zone in zones)
    image = "5748K kernel code, 1056K rwdata, 1332K rodata, 536K init, 576K bss"
    log(KERN_INFO, f"Memory: {free * 4}K/{present * 4}K available ({image}, {(present - free) * 4}K reserved, "
                   f"0K cma-reserved, {totalhigh_pages(box) * 4}K highmem)")  # fmt: skip
    box.vmstat["pgfree"] = free


def start_kernel(box: Box) -> None:
    """Everything after mem_init."""
    machine, log = box.machine, Logger(box)
    late.start_allocators(box)
    box.pages.setup_per_cpu_pageset()
    box.timer.set(204085)
    calibrate_delay(box, LPJ)
    box.timer.set(290151)
    free_smp_locks(box, 735)
    log(KERN_INFO, "pid_max: default: 32768 minimum: 301")
    box.threads_max = set_max_threads(sum(zone.managed for zone in box.pages.zones), box.arch.thread_size)
    box.pages.init_per_zone_wmark_min()
    batch = max(zone.batch for zone in box.pages.zones)
    reserve_for_users(box, 624 + 8 * batch + 1296 * (box.config.cpus - 1))
    populate(box, machine)
    first, last = machine.initrd
    box.timer.set(1119964)
    free_reserved_area(box, first, last)
    log(KERN_INFO, f"Freeing initrd memory: {(last - first) * 4}K")
    free_initmem(box, 1270829)
    log(KERN_INFO, "Write protecting kernel text and read-only data: 7084k", 284)
    run_init(box)
    announce(box, TABLE, common(box, LPJ, 8))
    start_user_space(box)


def populate(box: Box, machine: Machine) -> None:
    """The caches of a booted box with their populations, tables, per-CPU memory, remapped devices."""
    box.slab.populate_boot()
    ioremaps(box, machine)
    _tables(box, machine)
    area = machine.image.percpu_unit * box.config.present
    late.percpu_chunk(box, PERCPU_GROWN, [(0, area)], "pcpu_get_vm_areas+0x0/0xd90")
    others = box.pages.alloc_bulk(GFP_KERNEL, MISC_PAGES, K_OTHER)
    box.machine.vmcoreinfo = others[0] << PAGE_SHIFT if others else 0
    late.mount_disk(box)
    populate_rootfs(box, 714058, RAM_DISK)
    if machine.max_pfn > machine.max_low_pfn:
        box.timer.set(1042309)
        Logger(box)(KERN_INFO, "bounce: pool size: 64 pages")


def ioremaps(box: Box, machine: Machine) -> None:
    """What the recorded machines have mapped when they are up, in the order of its addresses."""
    acpi = machine.top - 0x20000
    vmalloc = box.vmalloc
    for phys, size, caller in (
        (acpi + 0x1000, 0x1000, "acpi_os_map_iomem+0x1f9/0x230"),
        (acpi, 0x2000, "acpi_os_map_iomem+0x1f9/0x230"),
        (0xFED00000, 0x1000, "acpi_os_map_iomem+0x1f9/0x230"),
        (0xF5000, 0x1000, "memremap+0xb1/0x1a0"),
    ):
        vmalloc.ioremap(phys, size, caller)
    passing = vmalloc.vmalloc(8 * PAGE_SIZE, "do_unpack+0x0/0x10")  # used while the machine comes up
    vmalloc.vmalloc(3 * PAGE_SIZE, "n_tty_open+0x11/0x80")
    if passing:
        vmalloc.vfree(passing)
        vmalloc.purge()


def _tables(box: Box, machine: Machine) -> None:
    """Hash tables that come from the buddy system, each logged as alloc_large_system_hash does."""
    log = Logger(box)
    config = box.config
    futexes = roundup_pow_of_two(256 * config.present)  # num_possible_cpus()
    tcp = tcp_tables(machine, config, 4)

    def table(usec: int, name: str, bucket: int, scale: int, low: int = 0, high: int = 0) -> tuple[int, int, str]:
        entries = hash_entries(config, name)
        return usec, *large_system_hash(machine, name, bucket, scale, low, high, entries)

    rows = (
        table(304478, "Mount-cache", 4, 19), table(304650, "Mountpoint-cache", 4, 19),
        (459045, *large_system_hash(machine, "futex", 32, 0, high=futexes, entries=futexes)),
        (666541, *large_system_hash(machine, "IP idents", 8, 16, low=2048, high=256 << 10)),
        (675363, *tcp[0]),
        (675486, *large_system_hash(machine, "Table-perturb", 4, 0, high=1 << 16, entries=1 << 16)),
        (675551, *tcp[1]), (675807, *tcp[2]),
        table(685349, "UDP", 32, 21, 256, 1 << 16), table(685563, "UDP-Lite", 32, 21, 256, 1 << 16),
    )  # fmt: skip
    late.take_tables(box, rows[:8], HASH)
    machine.net_pages = totalram_pages(box), nr_free_buffer_pages(box.arch, box.pages.zones)
    connections = machine.ehash_entries
    log(KERN_INFO, f"TCP: Hash tables configured (established {connections} bind {min(connections, 1 << 16)})")
    late.take_tables(box, rows[8:], HASH)
    box.timer.set(709309)
    order = (sum(zone.managed for zone in box.pages.zones) - 1).bit_length()
    log(KERN_INFO, f"workingset: timestamp_bits=30 max_order={order} bucket_order=0")
