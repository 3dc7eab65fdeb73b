"""Memory that processes share: shared anonymous mappings and files of a RAM file system (mm/shmem.c).

A shared anonymous mapping is a nameless file, shown as "/dev/zero (deleted)"; its size is charged to Committed_AS when
it is made and given back with the last mapping.

Known deviations: files on tmpfs are charged as they grow, in whole pages, by the file system; no huge pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.errno import KernelError
from memsh.kernel.flags import VM_NORESERVE
from memsh.kernel.kobject import give, take
from memsh.kernel.memmap import K_SHMEM
from memsh.kernel.mm_types import File, Inode, MmStruct, VmArea
from memsh.kernel.pagecache import GFP_CACHE, add_to_page_cache, delete_from_page_cache, mapping_of, max_index
from memsh.kernel.vmalist import get_file, vm_enough_memory

if TYPE_CHECKING:
    from memsh.kernel.box import Box

SHM_DEV = (0, 1)


def shmem_zero_setup(box: Box, mm: MmStruct, vma: VmArea) -> None:
    """Give a shared anonymous area its file. ENOMEM."""
    size = vma.end - vma.start
    charged = 0 if vma.flags & VM_NORESERVE else size >> 12
    if charged:
        vm_enough_memory(box, mm, charged)
    try:
        addr = take(box, "shmem_inode_cache")
    except KernelError:
        box.vm.commit -= charged
        raise
    fs = box.fs
    inode = Inode(fs.next_shm_ino, "dev/zero", SHM_DEV, size)
    fs.next_shm_ino += 1
    inode.shmem = True
    inode.nlink = 0
    inode.addr = addr
    inode.charged = charged
    inode.opened = 1
    mapping_of(box, inode)
    file = File(inode, "/dev/zero (deleted)", writable=True)
    file.count = 0
    get_file(vma, file)


def shmem_fault(box: Box, file: File, index: int) -> int:
    """The page at `index`, made of zeros if there is none. IndexError past the end; ENOMEM."""
    inode = file.inode
    if index >= max_index(inode):
        raise IndexError(index)
    mapping = mapping_of(box, inode)
    pfn = mapping.pages.get(index)
    if pfn is None:
        pfn = int(box.pages.alloc_pages(GFP_CACHE, 0, K_SHMEM))
        if not pfn:
            raise KernelError("ENOMEM", "no page for shared memory")
        add_to_page_cache(box, mapping, index, pfn, shmem=True)
    return pfn


def shmem_evict(box: Box, inode: Inode) -> None:
    """The last holder of a nameless file is gone: its pages, its charge and its inode go."""
    mapping = inode.mapping
    if mapping is not None:
        for index in sorted(mapping.pages):
            delete_from_page_cache(box, mapping, index)
        from memsh.kernel.kobject import drop_owner

        drop_owner(box, mapping.number)
        inode.mapping = None
    if not inode.nlink and inode.addr:
        box.vm.commit -= inode.charged
        give(box, "shmem_inode_cache", inode.addr)
        inode.addr = 0
