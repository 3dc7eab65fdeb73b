"""Files of huge pages: the nameless one behind MAP_HUGETLB and those of a mounted hugetlbfs, their place, their end
(fs/hugetlbfs/inode.c, arch/x86/mm/hugetlbpage.c, mm/mmap.c: ksys_mmap_pgoff).

A file of huge pages can be read and mapped, not written; its length is whole huge pages, if it is not fallocate() that
sets it.

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    MAP_FIXED,
    MAP_HUGE_MASK,
    MAP_HUGE_SHIFT,
    VM_DONTEXPAND,
    VM_HUGETLB,
    VM_MAYSHARE,
    VM_NORESERVE,
    VM_SHARED,
    VM_WRITE,
)
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
from memsh.linux.lib.libfs import nameless, no_value, nothing, put_named, zeros
from memsh.linux.mm.hugetlb.hstate import Hstate, hstate_vma
from memsh.linux.mm.hugetlb.pool import put_page
from memsh.linux.mm.hugetlb.reserve import (
    EVER,
    HugetlbInode,
    alloc_huge_page,
    reserve_pages,
    unreserve_pages,
    vm_op_close,
    vm_op_open,
)
from memsh.linux.mm.hugetlb.table import unmap_hugepage_range
from memsh.linux.mm.mmap.vmalist import find_vma, unmapped_area, unmapped_area_topdown, vm_start_gap
from memsh.linux.mm.slab.objects import give, take

if TYPE_CHECKING:
    from memsh.linux.box import Box

HUGETLBFS_DEV = (0, 14)
ANON_FILE = "/anon_hugepage (deleted)"


def _no_pages(box: Box, file: File, mapping: AddressSpace, index: int, last: int) -> list[int]:
    raise KernelError("EINVAL")


def _no_write(box: Box, mapping: AddressSpace, index: int, length: int) -> int:
    raise KernelError("EINVAL")


def _no_zeros(box: Box, file: File, position: int, length: int) -> int:
    raise KernelError("EINVAL")


def _not_written(box: Box, pfn: int) -> None:
    """write() never gets so far."""


def vm_op_split(box: Box, vma: VmArea, addr: int) -> None:
    """EINVAL in the middle of a huge page."""
    if addr & hstate_vma(box, vma).size - 1:
        raise KernelError("EINVAL", "a huge page cannot be split")


def vm_op_pagesize(box: Box, vma: VmArea) -> int:
    return hstate_vma(box, vma).size


HUGETLBFS_AOPS = AddressSpaceOperations(
    swap_backed=False, writeback=False, read_folio=zeros, get_pages=_no_pages, write_begin=_no_write,
    write_end=_not_written, write_zeros=_no_zeros, free_value=no_value,
)  # fmt: skip


def hugetlb_file_setup(box: Box, h: Hstate, name: str, size: int, flags: int, *, shm: bool = False) -> File:
    """A nameless file of `size` bytes, its pages reserved unless VM_NORESERVE. ENOMEM, ENOSPC."""
    try:
        addr = take(box, "hugetlbfs_inode_cache")
    except KernelError:
        raise KernelError("ENOSPC") from None
    fs = box.fs
    title = name.removeprefix("/").removesuffix(" (deleted)")
    inode = Inode(fs.next_shm_ino, title, HUGETLBFS_DEV, HUGETLBFS, size)
    fs.next_shm_ino += 1
    inode.nlink = 0
    inode.addr = addr
    inode.opened = 1
    fs.opened += 1
    info = inode.hugetlb = HugetlbInode(h.order)
    info.private = shm
    file = File(inode, name, writable=True)
    if not reserve_pages(box, inode, 0, size >> h.shift, None, flags):
        box.fs.fput(file)
        raise KernelError("ENOMEM", "not so many huge pages are free, or may be had")
    return file


def hstate_of_flags(box: Box, flags: int) -> Hstate:
    """The size that MAP_HUGETLB and its bits ask for. EINVAL if there is none."""
    h = box.hugetlb.sizelog(flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK)
    if h is None:
        raise KernelError("EINVAL", "this kernel has no huge pages of that size")
    return h


def is_file_hugepages(file: File) -> bool:
    return file.inode.hugetlb is not None


def hugetlb_get_unmapped_area(
    box: Box, mm: MmStruct, addr: int, length: int, flags: int, file: File | None, offset: int
) -> int:  # fmt: skip
    """Where a mapping of huge pages goes, at a multiple of their size. EINVAL, ENOMEM."""
    del offset
    assert file is not None and file.inode.hugetlb is not None
    mask = box.hugetlb.states[file.inode.hugetlb.order].size - 1
    if length & mask:
        raise KernelError("EINVAL", "not a multiple of the huge page's size")
    if length > mm.task_size:
        raise KernelError("ENOMEM", "longer than the address space")
    if flags & MAP_FIXED:
        if addr & mask:
            raise KernelError("EINVAL", "not a multiple of the huge page's size")
    else:
        addr &= ~mask
        vma = find_vma(mm, addr) if addr else None
        if not addr or addr + length > mm.task_size or (vma is not None and addr + length > vm_start_gap(vma)):
            addr = _search(box, mm, length, mask & ~4095)
    if addr > mm.task_size - length:
        raise KernelError("ENOMEM", "beyond the user's address space")
    return addr


def _search(box: Box, mm: MmStruct, length: int, mask: int) -> int:
    """A hole that holds an aligned piece of `length` bytes (vm_unmapped_area). ENOMEM."""
    below = mm.mmap_legacy_base
    if mm.topdown:
        found = unmapped_area_topdown(mm, length + mask, 4096, mm.mmap_base)
        if found:
            return found + mask & ~mask
        below = mm.mmu.unmapped_base
    found = unmapped_area(mm, length + mask, below, mm.task_size)
    if not found:
        raise KernelError("ENOMEM", "no hole in the address space is that long")
    return found + mask & ~mask


def hugetlbfs_file_mmap(box: Box, vma: VmArea) -> None:
    """An area of huge pages is made: its pages are reserved. EINVAL, ENOMEM."""
    h = hstate_vma(box, vma)
    vma.flags |= VM_HUGETLB | VM_DONTEXPAND
    vma.vm_ops = HUGETLB_VM_OPS
    assert vma.file is not None
    inode = vma.file.inode
    if vma.pgoff & h.pages - 1:
        raise KernelError("EINVAL", "not a multiple of the huge page's size")
    length = vma.end - vma.start + (vma.pgoff << 12)
    info = inode.hugetlb
    assert info is not None
    flags = vma.flags | (VM_NORESERVE if info.private else 0)
    if not reserve_pages(box, inode, vma.pgoff >> h.order, length >> h.shift, vma, flags):
        raise KernelError("ENOMEM", "not so many huge pages are free, or may be had")
    if vma.flags & VM_WRITE:
        inode.size = max(inode.size, length)


def hugetlbfs_evict_inode(box: Box, inode: Inode) -> None:
    """The last holder of the file is gone: its pages and what it had reserved go (remove_inode_hugepages)."""
    info = inode.hugetlb
    assert info is not None
    freed = len(info.pages)
    for index in sorted(info.pages):
        put_page(box, box.hugetlb.states[info.order], info.pages.pop(index))
    unreserve_pages(box, inode, 0, EVER, freed)
    if inode.addr:
        give(box, "hugetlbfs_inode_cache", inode.addr)
        inode.addr = 0


def hugetlbfs_punch_hole(box: Box, inode: Inode, start: int, end: int) -> None:
    """The file's whole huge pages in [start, end) bytes go, wherever they are mapped."""
    info = inode.hugetlb
    assert info is not None
    h = box.hugetlb.states[info.order]
    first, behind = start + h.size - 1 >> h.shift, end >> h.shift
    for other in [box.vm.areas[number] for number in inode.i_mmap]:
        low = max(other.start, other.start + ((first << h.order) - other.pgoff << 12))
        high = min(other.end, other.start + ((behind << h.order) - other.pgoff << 12))
        if low < high:
            unmap_hugepage_range(box, other, low, high)
    for index in sorted(index for index in info.pages if first <= index < behind):
        put_page(box, h, info.pages.pop(index))
        unreserve_pages(box, inode, index, index + 1, 1)


def _get_pages(box: Box, file: File, mapping: AddressSpace, index: int, last: int) -> list[int]:
    """The frame at a place of the file, [0] where no huge page is (hugetlbfs_read_iter)."""
    info = mapping.inode.hugetlb
    assert info is not None
    head = info.pages.get(index >> info.order, 0)
    return [head + (index & (1 << info.order) - 1) if head else 0]


def _room(box: Box, inode: Inode, position: int, length: int) -> int:
    """Whole huge pages alone: EINVAL (hugetlbfs_setattr)."""
    info = inode.hugetlb
    assert info is not None
    if length & box.hugetlb.states[info.order].size - 1:
        raise KernelError("EINVAL", "not a multiple of the huge page's size")
    return length


def _resized(box: Box, inode: Inode, before: int) -> None:
    """hugetlb_vmtruncate()."""
    info = inode.hugetlb
    if info is not None and inode.size < before:
        h = box.hugetlb.states[info.order]
        hugetlbfs_punch_hole(box, inode, inode.size, before + h.size - 1 & -h.size)
        unreserve_pages(box, inode, inode.size >> h.shift, EVER, 0)


def _evict_named(box: Box, inode: Inode) -> None:
    """The file's pages go with its last name and user; the tree gives its object back."""
    addr, inode.addr = inode.addr, 0
    if inode.hugetlb is not None:
        hugetlbfs_evict_inode(box, inode)
    inode.addr = addr


class _Place:
    """An area that is none: where a page of a file is asked for without a mapping."""

    start = pgoff = 0
    flags = VM_SHARED | VM_MAYSHARE
    policy = resv = None

    def __init__(self, file: File) -> None:
        self.file = file


def hugetlbfs_fallocate(box: Box, inode: Inode, length: int) -> None:
    """Pages up to `length` bytes, which the file has at least then. ENOSPC, and what could be had stays."""
    info = inode.hugetlb
    assert info is not None
    h = box.hugetlb.states[info.order]
    place = cast("VmArea", _Place(File(inode, inode.name)))
    for index in range(-(-length // h.size)):
        if index not in info.pages:
            pfn = alloc_huge_page(box, place, index << h.shift)
            if not pfn:
                raise KernelError("ENOSPC", "no huge page is free, or the mount may have no more")
            h.restore.discard(pfn)
            for frame in range(pfn, pfn + h.pages):
                box.memmap.data.pop(frame, None)
            info.pages[index] = pfn
    inode.size = max(inode.size, length)


HUGETLB_VM_OPS = VmOperations(open=vm_op_open, close=vm_op_close, may_split=vm_op_split, pagesize=vm_op_pagesize)
HUGETLBFS = FileSystemType(
    HUGETLBFS_AOPS,
    FileOperations(
        mmap=hugetlbfs_file_mmap, get_unmapped_area=hugetlb_get_unmapped_area, punch_hole=hugetlbfs_punch_hole
    ),
    nameless("hugetlbfs_inode_cache", hugetlbfs_evict_inode),
)
HUGETLBFS_NAMED = FileSystemType(
    HUGETLBFS_AOPS._replace(get_pages=_get_pages), HUGETLBFS.f_op._replace(allocate=hugetlbfs_fallocate),
    SuperOperations(
        inode_cache="hugetlbfs_inode_cache", pinned=True, read_inode=nothing, new_name=nothing, room=_room,
        resized=_resized, put=put_named, evict=_evict_named,
    ),
)  # fmt: skip
