"""The second half of start_kernel: slab, vmalloc, per-CPU memory, tables of the network, file systems, processes.

Models the order of init/main.c (mm_init, vfs_caches_init, rest_init, kernel_init) and of the initcalls that take much
memory: net/ipv4/route.c, tcp.c, udp.c, fs/namespace.c, kernel/futex, drivers' remappings.

**Known deviations:** see boot.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import PERCPU_UNIT, Logger, Machine, large_system_hash, roundup_pow_of_two
from memsh.linux.include.flags import GFP_ATOMIC, GFP_KERNEL, PAGE_SIZE
from memsh.linux.include.memmap import K_OTHER, K_PERCPU, K_SHMEM
from memsh.linux.kernel.printk import KERN_INFO

if TYPE_CHECKING:
    from memsh.linux.box import Box

REAP_PERIOD = 2_000_000  # µs: the slab reaper's interval (REAPTIMEOUT_AC)
PERCPU_GROWN = 12  # pages per CPU that the second per-CPU chunk has populated
GFP_HIGHPAGE = 0x02 | GFP_KERNEL
ROOTFS_PAGES = 1386  # what the recorded machines' RAM disk unpacks to
MISC_PAGES = 100  # single pages that drivers and subsystems keep


def start_allocators(box: Box) -> None:
    """SLAB, vmalloc, kmap (mm_init) and the reaper's clock (cpucache_init)."""
    from memsh.linux.arch.x86.i386.highmem import HighMem
    from memsh.linux.mm.vmalloc import Vmalloc

    box.slab = box.model.slab(box)
    box.vmalloc = Vmalloc(box)
    box.highmem = HighMem(box)
    box.percpu_pages = PERCPU_UNIT // PAGE_SIZE
    box.timer.cpus = box.config.cpus
    for _ in range(box.config.cpus):
        box.timer.every(REAP_PERIOD, box.slab.reap)


def populate(box: Box, machine: Machine) -> None:
    """The caches of a booted box with their populations, tables, per-CPU memory, remapped devices."""
    box.slab.populate_boot()
    ioremaps(box, machine)
    _tables(box, machine)
    _percpu_chunk(box)
    box.pages.alloc_bulk(GFP_KERNEL, MISC_PAGES, K_OTHER)
    mount_disk(box)
    populate_rootfs(box)
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
    log, cpus = Logger(box), box.config.cpus
    futexes = roundup_pow_of_two(256 * cpus)
    established, _ = large_system_hash(machine, "TCP established", 4, 17, high=512 << 10)
    rows = (
        (304478, *large_system_hash(machine, "Mount-cache", 4, 19)),
        (304650, *large_system_hash(machine, "Mountpoint-cache", 4, 19)),
        (459045, *large_system_hash(machine, "futex", 32, 0, high=futexes, entries=futexes)),
        (666541, *large_system_hash(machine, "IP idents", 8, 16, low=8192 >> 3, high=256 << 10)),
        (675363, *large_system_hash(machine, "tcp_listen_portaddr_hash", 8, 0, high=512, entries=512)),
        (675486, *large_system_hash(machine, "Table-perturb", 4, 0, high=1 << 16, entries=1 << 16)),
        (675551, *large_system_hash(machine, "TCP established", 4, 17, high=512 << 10)),
        (675807, *large_system_hash(machine, "TCP bind", 16, 17, high=1 << 16, entries=established // 4)),
        (685349, *large_system_hash(machine, "UDP", 32, 21, low=256, high=1 << 16)),
        (685563, *large_system_hash(machine, "UDP-Lite", 32, 21, low=256, high=1 << 16)),
    )
    for usec, size, line in rows:
        box.timer.set(usec)
        box.pages.alloc_pages(GFP_ATOMIC, max(0, (size - 1).bit_length() - 12), K_OTHER)
        log(KERN_INFO, line)
        if line.startswith("TCP bind"):
            log(KERN_INFO, f"TCP: Hash tables configured (established {established // 4} bind {established // 4})")
    box.timer.set(709309)
    order = (sum(zone.managed for zone in box.pages.zones) - 1).bit_length()
    log(KERN_INFO, f"workingset: timestamp_bits=30 max_order={order} bucket_order=0")


def _percpu_chunk(box: Box) -> None:
    """The second chunk of per-CPU memory: an area at the end of the vmalloc space and its first pages."""
    cpus = box.config.cpus
    box.pages.alloc_bulk(GFP_HIGHPAGE, PERCPU_GROWN * cpus, K_PERCPU)
    box.percpu_pages += PERCPU_GROWN
    box.vmalloc.pcpu_get_vm_areas(PERCPU_UNIT * cpus)


def mount_disk(box: Box) -> None:
    """The box's disk (vfs_caches_init and the disk's driver)."""
    from memsh.linux.fs.diskfs import FileSystem
    from memsh.linux.mm.filemap.writeback import Writeback

    box.writeback = Writeback(box)
    box.fs = FileSystem(box)


def populate_rootfs(box: Box) -> None:
    """Unpack the RAM disk: its files live in shared memory, on a RAM file system, and stay (init/initramfs.c)."""
    from memsh.linux.include.mm_types import Inode
    from memsh.linux.mm.filemap.pagecache import GFP_CACHE, add_to_page_cache, mapping_of
    from memsh.linux.mm.mmap.vmalist import vm_enough_memory
    from memsh.linux.mm.slab.objects import take

    box.timer.set(714058)
    Logger(box)(KERN_INFO, "Trying to unpack rootfs image as initramfs...")
    inode = box.rootfs = Inode(1, "rootfs", (0, 2), ROOTFS_PAGES * PAGE_SIZE)
    inode.shmem = True
    inode.addr = take(box, "shmem_inode_cache")
    inode.charged = ROOTFS_PAGES
    vm_enough_memory(box, None, ROOTFS_PAGES)
    mapping = mapping_of(box, inode)
    for index, pfn in enumerate(box.pages.alloc_bulk(GFP_CACHE, ROOTFS_PAGES, K_SHMEM)):
        add_to_page_cache(box, mapping, index, pfn, shmem=True)


def start_processes(box: Box) -> None:
    """init, kernel threads, the user's first process (rest_init, kernel_init)."""
    from memsh.linux.include.sched import start

    start(box)


def start_swap(box: Box) -> None:
    """Switch on the swap disk that the machine was given, as a box's start-up scripts do (swapon -a)."""
    from memsh.linux.include.errno import KernelError
    from memsh.linux.mm.filemap.pagecache import mapping_of
    from memsh.linux.mm.swap.swapon import swap_header, swapon

    if not box.config.swap:
        return
    disk = box.fs.disks["vda"]
    mapping_of(box, disk).written[0] = swap_header(disk.size >> 12)
    file = box.fs.open_disk("vda")
    try:
        swapon(box, file, file.path)
    except KernelError:
        box.fs.fput(file)
