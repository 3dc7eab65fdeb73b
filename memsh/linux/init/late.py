"""The second half of start_kernel: slab, vmalloc, per-CPU memory, file systems, processes.

Models the order of init/main.c (mm_init, vfs_caches_init, rest_init, kernel_init). What differs from machine to machine
(boot tables, device mappings, the log) stands in memsh.machines.

**Known deviations:** see main.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import Logger
from memsh.linux.fs.diskfs import FileSystem
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_ATOMIC, GFP_KERNEL, MAX_ORDER, PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_INFO
from memsh.linux.include.memmap import K_OTHER, K_PERCPU
from memsh.linux.init.threads import start_tasks
from memsh.linux.mm.filemap.pagecache import mapping_of
from memsh.linux.mm.filemap.writeback import Writeback
from memsh.linux.mm.swap.swapon import swap_header, swapon
from memsh.linux.mm.vmalloc import Vmalloc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memsh.linux.box import Box

PMD_SIZE = 2 << 20
GFP_HIGHPAGE = 0x02 | GFP_KERNEL


def start_allocators(box: Box) -> None:
    """The slab allocator, vmalloc, kmap (mm_init) and the reaper's clock (cpucache_init)."""
    box.slab = box.model.slab(box)
    box.vmalloc = Vmalloc(box)
    box.highmem = box.model.start.highmem(box)
    box.percpu_pages = box.machine.image.percpu_unit // PAGE_SIZE
    box.slab.cpucache_init()


def take_tables(box: Box, rows: Sequence[tuple[int, int, str]], caller: str) -> None:
    """Hash tables that come from the buddy system: (µs, bytes, line in the log). On a machine of several nodes they are
    spread over them, with vmalloc (hashdist), as are everywhere those larger than any block."""
    log, nodes = Logger(box), len(box.pages.nodes)
    for usec, size, line in rows:
        box.timer.set(usec)
        order = max(0, (size - 1).bit_length() - 12)
        if nodes > 1 or order >= MAX_ORDER:
            may = "HUGE_VMALLOC" in box.model.options
            box.vmalloc.vmalloc(-(-size // PAGE_SIZE) * PAGE_SIZE, f"alloc_large_system_hash+{caller}", huge=may)
            huge = " hugepage" if may and size // nodes >= PMD_SIZE else ""
            line = line.replace("linear", f"vmalloc{huge}")
        else:
            box.pages.alloc_pages(GFP_ATOMIC, order, K_OTHER)
        log(KERN_INFO, line)


def percpu_chunk(
    box: Box, grown: int, areas: Sequence[tuple[int, int]], caller: str, align: int = PAGE_SIZE
) -> None:  # fmt: skip
    """The second chunk of per-CPU memory: areas of (offset, size) at the end of the vmalloc space, and `grown` pages
    for each CPU, on its node."""
    pages = box.pages
    if len(pages.nodes) == 1:
        pages.alloc_bulk(GFP_HIGHPAGE, grown * box.config.present, K_PERCPU)
    else:
        for cpu in range(box.config.present):
            for _ in range(grown):
                pages.alloc_pages_node(GFP_HIGHPAGE, 0, pages.cpu_to_node(cpu), K_PERCPU)
    box.percpu_pages += grown
    box.vmalloc.pcpu_get_vm_areas(areas, caller, align)


def mount_disk(box: Box) -> None:
    """The box's disk (vfs_caches_init and the disk's driver)."""
    box.writeback = Writeback(box)
    box.fs = FileSystem(box)
    box.disk.scan_partitions()


def start_processes(box: Box) -> None:
    """init, kernel threads, the user's first process (rest_init, kernel_init)."""
    start_tasks(box)


def start_swap(box: Box) -> None:
    """Switch on the swap disk that the machine was given, as a box's start-up scripts do (swapon -a)."""
    if not box.config.swap:
        return
    disk = box.fs.disks["vda"]
    mapping_of(box, disk).written[0] = swap_header(disk.size >> 12)
    file = box.fs.blkdev_open(disk.dev)
    try:
        swapon(box, file, file.path)
    except KernelError:
        box.fs.fput(file)
