"""Memory that processes share: shared anonymous mappings and files of a RAM file system (mm/shmem.c).

A shared anonymous mapping is a nameless file, shown as "/dev/zero (deleted)"; its size is charged to Committed_AS when
it is made and given back with the last mapping.

A file on tmpfs (/dev/shm and others) is charged page by page as it grows; what one holds its options say.

Huge pages are in shmem_huge.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_FIXED, VM_NORESERVE
from memsh.linux.include.mm_types import (
    AddressSpace,
    AddressSpaceOperations,
    File,
    FileOperations,
    FileSystemType,
    Inode,
    MmStruct,
    SuperOperations,
    VmArea,
    VmOperations,
)
from memsh.linux.lib.libfs import all_of_it, nameless, nothing, put_named, zeros
from memsh.linux.lib.xarray import VALUE
from memsh.linux.mm.filemap.mapped import filemap_map_pages, page_index
from memsh.linux.mm.filemap.pagecache import (
    GFP_CACHE,
    add_to_page_cache,
    frame_page,
    mapping_of,
    max_index,
    punch_hole,
    truncate_inode_pages,
)
from memsh.linux.mm.filemap.writeback import dirty_folio
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, HPAGE_PMD_SIZE
from memsh.linux.mm.lru import mark_page_accessed
from memsh.linux.mm.memory.outcome import MAJOR
from memsh.linux.mm.mmap.unmapped import get_unmapped_area
from memsh.linux.mm.mmap.vmalist import get_file, vm_enough_memory
from memsh.linux.mm.shmem.shmem_huge import SHM_DEV, may_map_huge, mount_huge, shmem_alloc_hugefolio, shmem_is_huge
from memsh.linux.mm.shmem.shmem_policy import shmem_alloc_folio, shmem_get_policy, shmem_set_policy
from memsh.linux.mm.shmem.shmem_swap import shmem_free_swap, shmem_swapin
from memsh.linux.mm.slab.objects import drop_owner, give, take

if TYPE_CHECKING:
    from memsh.linux.box import Box

TMPFS_DEV = (0, 19)


def shmem_zero_setup(box: Box, mm: MmStruct, vma: VmArea) -> None:
    """Give a shared anonymous area its file. ENOMEM."""
    file = shmem_file_setup(box, "dev/zero", vma.end - vma.start, vma.flags)
    file.count = 0
    get_file(vma, file)
    shmem_mmap(box, vma)


def shmem_file_setup(box: Box, name: str, size: int, flags: int) -> File:
    """A nameless file of `size` bytes of shared memory, charged unless `flags` say VM_NORESERVE. ENOMEM."""
    charged = 0 if flags & VM_NORESERVE else -(-size // 4096)
    if charged:
        vm_enough_memory(box, box.current.mm, charged)
    try:
        addr = take(box, "shmem_inode_cache")
    except KernelError:
        box.vm.commit -= charged
        raise
    fs = box.fs
    inode = Inode(fs.next_shm_ino, name, SHM_DEV, SHM, size)
    fs.next_shm_ino += 1
    inode.nlink = 0
    inode.addr = addr
    inode.charged = charged
    inode.opened = 1
    fs.opened += 1
    mapping_of(box, inode)
    return File(inode, f"/{name} (deleted)", writable=True)


def shmem_fault(box: Box, vma: VmArea, addr: int) -> tuple[int, int]:
    """The page at `addr`, made of zeros if there is none, and MAJOR if the swap disk was asked. IndexError past the
    end; ENOMEM."""
    assert vma.file is not None
    inode, index = vma.file.inode, page_index(vma, addr)
    if index >= max_index(inode):
        raise IndexError(index)
    pfn, read = shmem_get_folio(box, inode, index, vma)
    if read:
        box.memcg.count_mm_event("pgmajfault")
    return pfn, MAJOR * read


def shmem_mmap(box: Box, vma: VmArea) -> None:
    """An area maps a file in memory."""
    del box
    vma.vm_ops = SHMEM_VM_OPS


def shmem_get_page(box: Box, inode: Inode, index: int) -> int:
    """The page at `index` for read() and write(). ENOMEM; ENOSPC on a full tmpfs."""
    return shmem_get_folio(box, inode, index, None)[0]


def shmem_get_folio(box: Box, inode: Inode, index: int, vma: VmArea | None) -> tuple[int, bool]:
    """The page at `index`, made of zeros if there is none, perhaps as part of a huge one; whether the swap disk was
    asked for it. ENOMEM; ENOSPC on a full tmpfs."""
    mapping = mapping_of(box, inode)
    pfn: int | None = mapping.pages.get(index)
    if pfn is not None:
        return pfn, False
    if mapping.pages.value(index):
        return shmem_swapin(box, mapping, index)
    if shmem_is_huge(box, vma, inode, index) and (head := _get_huge(box, vma, inode, index)):
        return head + (index & HPAGE_PMD_NR - 1), False
    if inode.dev in box.fs.tmpfs:
        _acct_block(box, inode)
    pfn = shmem_alloc_folio(box, inode, index, GFP_CACHE)
    if not pfn:
        shmem_recalc_inode(box, inode)
        raise KernelError("ENOMEM", "no page for shared memory")
    try:
        add_to_page_cache(box, mapping, index, pfn, shmem=True)
    except KernelError:
        shmem_recalc_inode(box, inode)
        raise
    if inode.seed:
        box.memmap.data[pfn] = bytearray(4096)
    return pfn, False


def _get_huge(box: Box, vma: VmArea | None, inode: Inode, index: int) -> int:
    """A huge page around `index`, paid for: its head; 0 if a small page must do."""
    if inode.dev not in box.fs.tmpfs:
        return shmem_alloc_hugefolio(box, vma, inode, index)
    try:
        _acct_block(box, inode, HPAGE_PMD_NR)
    except KernelError:
        return 0
    head = shmem_alloc_hugefolio(box, vma, inode, index)
    if not head:
        shmem_recalc_inode(box, inode)
    return head


# -- files on tmpfs --------------------------------------------------------------------------------------------------


def _acct_block(box: Box, inode: Inode, pages: int = 1) -> None:
    """Pages more for a file: ENOSPC, ENOMEM (shmem_inode_acct_block)."""
    memory = box.fs.tmpfs[inode.dev]
    memory.acct_block(box, pages)
    try:
        vm_enough_memory(box, None, pages)
    except KernelError:
        memory.used_blocks -= pages
        raise
    inode.charged += pages


def shmem_charge(box: Box, inode: Inode, pages: int) -> None:
    """Pages more of a file that do not come from a fault: ENOSPC, ENOMEM."""
    if inode.dev in box.fs.tmpfs:
        _acct_block(box, inode, pages)


def shmem_recalc_inode(box: Box, inode: Inode) -> None:
    """After pages of a file on tmpfs went: their charge goes back."""
    memory = box.fs.tmpfs.get(inode.dev)
    if memory is None:
        return
    pages = mapping_of(box, inode).pages
    left = len(pages) + sum(sum(1 for entry in slots if entry >= VALUE) for slots in pages.leaves.values())
    gone = inode.charged - left
    inode.charged = left
    box.vm.commit -= gone
    memory.used_blocks -= gone


def shmem_write_zeros(box: Box, file: File, position: int, length: int) -> int:
    """write() of zeros to a file on tmpfs; bytes written, fewer if it filled up. ENOSPC, ENOMEM."""
    inode = file.inode
    done = 0
    while done < length:
        at = position + done
        part = min(length - done, 4096 - (at & 4095))
        try:
            pfn = shmem_get_page(box, inode, at >> 12)
        except KernelError:
            if done:
                return done
            raise
        if inode.seed or pfn in box.memmap.data:
            frame_page(box, pfn)[at & 4095 : (at & 4095) + part] = bytes(part)
        done += part
        inode.size = max(inode.size, at + part)
        mark_page_accessed(box, pfn)
        dirty_folio(box, pfn)
    inode.usec = box.timer.usec
    return done


def shmem_evict(box: Box, inode: Inode) -> None:
    """The last holder of a nameless file is gone: its pages, its charge and its inode go."""
    mapping = inode.mapping
    if mapping is not None:
        truncate_inode_pages(box, mapping)
        shmem_recalc_inode(box, inode)
        drop_owner(box, mapping.number)
        inode.mapping = None
    if not inode.nlink and inode.addr:
        box.vm.commit -= inode.charged
        give(box, "shmem_inode_cache", inode.addr)
        inode.addr = 0


def _resized(box: Box, inode: Inode, before: int) -> None:
    if inode.size <= before:  # the same: some of its pages went
        shmem_recalc_inode(box, inode)


def _evict(box: Box, inode: Inode) -> None:
    if inode.mapping is not None:
        shmem_recalc_inode(box, inode)


def _get_pages(box: Box, file: File, mapping: AddressSpace, index: int, last: int) -> list[int]:
    """Pages of a file in memory; [0] for a hole, which reads as zeros."""
    pfns = mapping.pages.present(index, last - index)
    if pfns:
        return pfns
    return [shmem_get_page(box, mapping.inode, index)] if mapping.pages.value(index) else [0]


def _write_begin(box: Box, mapping: AddressSpace, index: int, length: int) -> int:
    return shmem_get_page(box, mapping.inode, index)


def _write_end(box: Box, pfn: int) -> None:
    mark_page_accessed(box, pfn)
    dirty_folio(box, pfn)


def shmem_punch_hole(box: Box, inode: Inode, start: int, end: int) -> None:
    """Whole pages of [start, end) bytes go, wherever they are mapped (shmem_fallocate)."""
    punch_hole(box, mapping_of(box, inode), start >> 12, end >> 12)
    shmem_recalc_inode(box, inode)


def shmem_get_unmapped_area(
    box: Box, mm: MmStruct, hint: int, length: int, flags: int, file: File | None, offset: int
) -> int:  # fmt: skip
    """Where shared memory that may be huge goes: 2 MiB of file and of memory begin together."""
    addr, thp = get_unmapped_area(box, mm, hint, length, flags), box.thp
    if not thp.available or thp.shmem_enabled == "deny" or length < HPAGE_PMD_SIZE or flags & MAP_FIXED or addr == hint:
        return addr
    mounted = mount_huge(box, file.inode if file is not None else None)
    offset &= HPAGE_PMD_SIZE - 1
    if (thp.shmem_enabled != "force" and mounted == "never") or (offset and offset + length < 2 * HPAGE_PMD_SIZE):
        return addr
    if addr & HPAGE_PMD_SIZE - 1 == offset:
        return addr
    try:
        larger = get_unmapped_area(box, mm, 0, length + HPAGE_PMD_SIZE - 4096, flags)
    except KernelError:
        return addr
    return larger + (offset - larger & HPAGE_PMD_SIZE - 1)


SHMEM_AOPS = AddressSpaceOperations(
    swap_backed=True, writeback=False, read_folio=zeros, get_pages=_get_pages, write_begin=_write_begin,
    write_end=_write_end, write_zeros=shmem_write_zeros, free_value=shmem_free_swap,
)  # fmt: skip
SHMEM_VM_OPS = VmOperations(
    fault=shmem_fault, map_pages=filemap_map_pages, may_map_huge=may_map_huge, set_policy=shmem_set_policy,
    get_policy=shmem_get_policy,
)  # fmt: skip
SHMEM_FOP = FileOperations(
    mmap=shmem_mmap, get_unmapped_area=shmem_get_unmapped_area, punch_hole=shmem_punch_hole
)  # fmt: skip
TMPFS = FileSystemType(SHMEM_AOPS, SHMEM_FOP, SuperOperations(
    inode_cache="shmem_inode_cache", pinned=True, read_inode=nothing, new_name=nothing, room=all_of_it,
    resized=_resized, put=put_named, evict=_evict,
))  # fmt: skip
SHM = FileSystemType(SHMEM_AOPS, SHMEM_FOP, nameless("shmem_inode_cache", shmem_evict))  # the kernel's own mount
