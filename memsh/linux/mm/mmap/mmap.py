"""mmap, munmap, brk: what an area may be, and its end (mm/mmap.c, mm/util.c).

Known deviations: every process is root's (CAP_IPC_LOCK, CAP_SYS_ADMIN); no userfaultfd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import free_pgtables
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN,
    MAP_HUGETLB,
    MAP_LOCKED,
    MAP_NONBLOCK,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    VM_ACCOUNT,
    VM_DONTEXPAND,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_HUGETLB,
    VM_LOCKED,
    VM_LOCKONFAULT,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_NORESERVE,
    VM_READ,
    VM_SHARED,
    VM_SOFTDIRTY,
    VM_WRITE,
)
from memsh.linux.include.mm_types import File, MmStruct, VmArea, VmOperations, linear_page_index
from memsh.linux.include.resource import RLIMIT_DATA
from memsh.linux.mm.gup import mm_populate
from memsh.linux.mm.hugetlb.inode import ANON_FILE, hstate_of_flags, hugetlb_file_setup, is_file_hugepages
from memsh.linux.mm.memory.zap import unmap_page_range
from memsh.linux.mm.mmap.unmapped import get_unmapped_area, page_align
from memsh.linux.mm.mmap.vmalist import (
    areas_between,
    find_vma,
    find_vma_prev,
    get_file,
    may_expand_vm,
    remove_vma,
    set_end,
    vm_area_alloc,
    vm_area_free,
    vm_enough_memory,
    vm_start_gap,
    vm_stat_account,
    vma_link,
    vma_unlink,
)
from memsh.linux.mm.mmap.vmamerge import (
    VM_SPECIAL,
    can_vma_merge_after,
    can_vma_merge_before,
    split_vma,
    vma_expand,
)
from memsh.linux.mm.shmem.shmem import shmem_get_unmapped_area, shmem_zero_setup

if TYPE_CHECKING:
    from memsh.linux.box import Box

VM_DATA_DEFAULT_FLAGS = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC
VM_STACK_FLAGS = VM_DATA_DEFAULT_FLAGS | VM_GROWSDOWN | VM_ACCOUNT


def _find_place(box: Box, mm: MmStruct, addr: int, length: int, flags: int, file: File | None, offset: int) -> int:
    """Each kind of file has its own way to find a place."""
    if file is not None:
        return file.inode.f_op.get_unmapped_area(box, mm, addr, length, flags, file, offset)
    if flags & MAP_SHARED:
        return shmem_get_unmapped_area(box, mm, addr, length, flags, file, offset)
    return get_unmapped_area(box, mm, addr, length, flags)


def _vm_flags(mm: MmStruct, prot: int, flags: int) -> int:
    bits = prot & 7 | mm.def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC
    if flags & MAP_GROWSDOWN:
        bits |= VM_GROWSDOWN
    if flags & MAP_LOCKED:
        bits |= VM_LOCKED
    return bits


def sys_mmap(box: Box, mm: MmStruct, addr: int, length: int, prot: int, flags: int, file: File | None = None,
             offset: int = 0) -> int:  # fmt: skip
    """mmap(): map `length` bytes; `offset` in bytes into `file`. The address, or EINVAL, ENOMEM, EACCES, EEXIST, …."""
    box.changes += 1
    if flags & MAP_HUGETLB:
        return _mmap_hugetlb(box, mm, addr, length, prot, flags, file)
    if flags & MAP_ANONYMOUS:
        file = None
    if file is not None and file.inode.hugetlb is not None:
        size = box.hugetlb.states[file.inode.hugetlb.order].size
        length = -(-length // size) * size
    return vm_mmap(box, mm, addr, length, prot, flags, file, offset)


def _mmap_hugetlb(box: Box, mm: MmStruct, addr: int, length: int, prot: int, flags: int, file: File | None) -> int:
    """MAP_HUGETLB: a nameless file of huge pages, for anonymous memory alone (ksys_mmap_pgoff). EINVAL, ENOMEM, …."""
    if not flags & MAP_ANONYMOUS:
        raise KernelError("EINVAL", "not a file of huge pages")
    h = hstate_of_flags(box, flags)
    length = -(-length // h.size) * h.size
    file = hugetlb_file_setup(box, h, ANON_FILE, length, VM_NORESERVE)
    try:
        return vm_mmap(box, mm, addr, length, prot, flags, file)
    finally:
        box.fs.fput(file)


def vm_mmap(box: Box, mm: MmStruct, addr: int, length: int, prot: int, flags: int, file: File | None,
            offset: int = 0) -> int:  # fmt: skip
    """do_mmap(), and what is locked or asked for is brought in (vm_mmap_pgoff)."""
    addr, populate = do_mmap(box, mm, addr, length, prot, flags, file, offset)
    if populate:
        mm_populate(box, mm, addr, populate)
    return addr


def do_mmap(box: Box, mm: MmStruct, addr: int, length: int, prot: int, flags: int, file: File | None = None,
            offset: int = 0) -> tuple[int, int]:  # fmt: skip
    """Map a file, or none: (address, how many bytes from there on are to be brought in)."""
    if offset & 4095:
        raise KernelError("EINVAL", "the offset is not a page boundary")
    if length == 0:
        raise KernelError("EINVAL", "a length of 0")
    if not 0 <= addr < mm.mmu.word_limit or length < 0:
        raise KernelError("EINVAL", "not a 32-bit address")
    if length >= mm.mmu.word_limit or page_align(length) >= mm.mmu.word_limit:
        raise KernelError("ENOMEM", "longer than the address space")
    if flags & MAP_FIXED_NOREPLACE:
        flags |= MAP_FIXED
    if not flags & MAP_FIXED:
        addr &= ~4095
        if addr and addr < box.vm.mmap_min_addr:
            addr = page_align(box.vm.mmap_min_addr)
    length = page_align(length)
    pgoff = offset >> 12
    if pgoff + (length >> 12) >= mm.mmu.word_limit:
        raise KernelError("EOVERFLOW")
    if mm.map_count > box.vm.max_map_count:
        raise KernelError("ENOMEM", f"vm.max_map_count = {box.vm.max_map_count} areas reached")
    addr = _find_place(box, mm, addr, length, flags, file, offset)
    if flags & MAP_FIXED_NOREPLACE and areas_between(mm, addr, addr + length):
        raise KernelError("EEXIST")
    vm_flags = _vm_flags(mm, prot, flags)
    kind = flags & 0xF
    if file is not None:
        if file.inode.is_dir or file.inode.f_op.mmap is None:
            raise KernelError("ENODEV")
        if kind in (MAP_SHARED, 3):
            if prot & VM_WRITE and not file.writable:
                raise KernelError("EACCES")
            vm_flags |= VM_SHARED | VM_MAYSHARE
            if not file.writable:
                vm_flags &= ~(VM_MAYWRITE | VM_SHARED)
        elif kind != MAP_PRIVATE:
            raise KernelError("EINVAL", "neither private nor shared")
        if vm_flags & VM_GROWSDOWN:
            raise KernelError("EINVAL")
    elif kind == MAP_SHARED:
        if vm_flags & VM_GROWSDOWN:
            raise KernelError("EINVAL")
        pgoff = 0
        vm_flags |= VM_SHARED | VM_MAYSHARE
    elif kind == MAP_PRIVATE:
        pgoff = linear_page_index(addr)
    else:
        raise KernelError("EINVAL", "neither private nor shared")
    huge = file is not None and is_file_hugepages(file)
    if flags & MAP_NORESERVE and (huge or box.vm.overcommit_memory != 2):
        vm_flags |= VM_NORESERVE
    if huge:
        vm_flags |= VM_HUGETLB | VM_DONTEXPAND
    vma = mmap_region(box, mm, file, addr, length, vm_flags, pgoff)
    if box.thp.khugepaged is not None:
        box.thp.khugepaged.yielded()
    populate = vma.flags & VM_LOCKED or flags & (MAP_POPULATE | MAP_NONBLOCK) == MAP_POPULATE
    return addr, length if populate else 0


def mmap_region(box: Box, mm: MmStruct, file: File | None, addr: int, length: int, flags: int, pgoff: int) -> VmArea:
    """Put the area in place: what lay there goes, neighbours that fit are joined. ENOMEM."""
    end = addr + length
    pages = length >> 12
    if not may_expand_vm(box, mm, flags, pages):
        there = sum(min(v.end, end) - max(v.start, addr) for v in areas_between(mm, addr, end)) >> 12
        if not may_expand_vm(box, mm, flags, pages - there):
            raise KernelError("ENOMEM", "RLIMIT_AS or RLIMIT_DATA")
    do_munmap(box, mm, addr, length)
    charged = 0
    if flags & (VM_NORESERVE | VM_SHARED | VM_WRITE | VM_HUGETLB) == VM_WRITE:
        vm_enough_memory(box, mm, pages)
        charged = pages
        flags |= VM_ACCOUNT
    after, prev = find_vma_prev(mm, addr)
    vma: VmArea | None = None
    start, stop, offset = addr, end, pgoff
    shared_anonymous = file is None and bool(flags & VM_SHARED)
    if not flags & VM_SPECIAL and not shared_anonymous:
        if after and after.start == end and can_vma_merge_before(after, flags, None, file, pgoff + pages):
            stop, vma, offset = after.end, after, after.pgoff - pages
        if prev and prev.end == addr and can_vma_merge_after(prev, flags, vma.anon_vma if vma else None, file, pgoff):
            start, vma, offset = prev.start, prev, prev.pgoff
    try:
        if vma is not None:
            vma_expand(box, mm, vma, start, stop, offset, after)
        else:
            vma = _new_area(box, mm, file, addr, end, flags, pgoff)
    except KernelError:
        box.vm.commit -= charged
        raise
    vm_stat_account(mm, flags, pages)
    if flags & VM_LOCKED:
        if flags & VM_SPECIAL:
            vma.flags &= ~(VM_LOCKED | VM_LOCKONFAULT)
        else:
            mm.locked_vm += pages
    vma.flags |= VM_SOFTDIRTY
    if box.thp.khugepaged is not None:
        box.thp.khugepaged.enter_vma(vma, vma.flags)
    return vma


def _new_area(box: Box, mm: MmStruct, file: File | None, addr: int, end: int, flags: int, pgoff: int) -> VmArea:
    vma = vm_area_alloc(box, mm, addr, end, flags, pgoff)
    try:
        if file is not None:
            get_file(vma, file)
            assert file.inode.f_op.mmap is not None
            file.inode.f_op.mmap(box, vma)
        elif flags & VM_SHARED:
            shmem_zero_setup(box, mm, vma)
        vma_link(box, mm, vma)
    except KernelError:
        remove_vma(box, vma)
        raise
    return vma


def do_munmap(box: Box, mm: MmStruct, start: int, length: int) -> None:
    """Unmap [start, start + length). EINVAL; ENOMEM when a split would exceed max_map_count."""
    box.changes += 1
    if start & 4095 or not 0 <= start <= mm.task_size or length > mm.task_size - start:
        raise KernelError("EINVAL", "not a page boundary, or beyond the user's address space")
    end = start + page_align(length)
    if end <= start:
        raise KernelError("EINVAL", "a length of 0")
    if areas_between(mm, start, end):
        unmap_areas(box, mm, start, end)


def unmap_areas(box: Box, mm: MmStruct, start: int, end: int) -> None:
    """Split what straddles the ends, take the areas out of the list, then their pages, tables and objects."""
    vma = areas_between(mm, start, end)[0]
    if start > vma.start:
        if end < vma.end and mm.map_count >= box.vm.max_map_count:
            raise KernelError("ENOMEM", f"vm.max_map_count = {box.vm.max_map_count} areas reached")
        split_vma(box, mm, vma, start, False, limit=False)
    last = areas_between(mm, start, end)[-1]
    if last.end > end:
        split_vma(box, mm, last, end, True, limit=False)
    gone = areas_between(mm, start, end)
    for vma in gone:
        vma_unlink(box, mm, vma)
        if vma.flags & VM_LOCKED:
            mm.locked_vm -= vma.pages
    after, prev = find_vma_prev(mm, start)
    mm.update_hiwater_rss()
    for vma in gone:
        unmap_page_range(box, mm, vma, vma.start, vma.end)
    floor = prev.end if prev else 0
    free_pgtables(box, mm, gone[0].start, gone[-1].end, floor, after.start if after else mm.mmu.word_limit)
    mm.update_hiwater_vm()
    for vma in gone:
        if vma.flags & VM_ACCOUNT:
            box.vm.commit -= vma.pages
        vm_stat_account(mm, vma.flags, -vma.pages)
        remove_vma(box, vma)


def do_brk(box: Box, mm: MmStruct, brk: int) -> int:
    """Move the end of the heap; the break that holds afterwards: the old one where Linux refuses."""
    box.changes += 1
    if brk < mm.start_brk or brk >= mm.mmu.word_limit:
        return mm.brk
    limit = mm.rlim[RLIMIT_DATA][0]
    if limit < mm.mmu.word_limit - 1 and brk - mm.start_brk + mm.end_data - mm.start_data > limit:
        return mm.brk
    new, old = page_align(brk), page_align(mm.brk)
    if new == old:
        mm.brk = brk
        return brk
    if brk <= mm.brk:
        areas = areas_between(mm, new, old)
        if not areas:
            return mm.brk
        origin, mm.brk = mm.brk, brk
        try:
            unmap_areas(box, mm, new, old)
        except KernelError:
            mm.brk = origin
        return mm.brk
    try:
        get_unmapped_area(box, mm, old, new - old, MAP_FIXED)
        after = find_vma(mm, old)
        if after and after.start <= new - 1 + 4096 + mm.mmu.stack_guard_gap and new + 4096 > vm_start_gap(after):
            return mm.brk
        _, prev = find_vma_prev(mm, old)
        if prev and prev.end <= mm.start_brk:
            prev = None
        do_brk_flags(box, mm, prev, old, new - old, 0)
    except KernelError:
        return mm.brk
    mm.brk = brk
    if mm.def_flags & VM_LOCKED:
        mm_populate(box, mm, old, new - old)
    return brk


def do_brk_flags(box: Box, mm: MmStruct, prev: VmArea | None, addr: int, length: int, flags: int) -> None:
    """An anonymous area at `addr`, joined to `prev` if that fits. ENOMEM."""
    flags |= VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT | mm.def_flags
    pages = length >> 12
    if not may_expand_vm(box, mm, flags, pages) or mm.map_count > box.vm.max_map_count:
        raise KernelError("ENOMEM")
    vm_enough_memory(box, mm, pages)
    if prev and prev.end == addr and can_vma_merge_after(prev, flags, None, None, linear_page_index(addr)):
        set_end(mm, prev, addr + length)
        prev.flags |= VM_SOFTDIRTY
    else:
        try:
            _new_area(box, mm, None, addr, addr + length, flags | VM_SOFTDIRTY, linear_page_index(addr))
        except KernelError:
            box.vm.commit -= pages
            raise
    mm.total_vm += pages
    mm.data_vm += pages
    if flags & VM_LOCKED:
        mm.locked_vm += pages


def vm_brk_flags(box: Box, mm: MmStruct, addr: int, length: int, flags: int = 0) -> None:
    """What exec maps as .bss. `flags` may hold VM_EXEC. ENOMEM."""
    length = page_align(length)
    if not length:
        return
    get_unmapped_area(box, mm, addr, length, MAP_FIXED)
    do_munmap(box, mm, addr, length)
    do_brk_flags(box, mm, find_vma_prev(mm, addr)[1], addr, length, flags & VM_EXEC)


def insert_vm_area(box: Box, mm: MmStruct, start: int, end: int, flags: int, ops: VmOperations | None = None) -> VmArea:
    """An area as exec makes them for the stack, or, with `ops`, for what is no anonymous memory. ENOMEM."""
    box.changes += 1
    if areas_between(mm, start, end):
        raise KernelError("ENOMEM")
    pages = (end - start) >> 12
    if flags & VM_ACCOUNT:
        vm_enough_memory(box, mm, pages)
    dirty = VM_SOFTDIRTY if ops else 0  # a stack has lost it by the time that it gets its own protection
    vma = vm_area_alloc(box, mm, start, end, flags | dirty, 0 if ops else linear_page_index(start))
    vma.vm_ops = ops
    try:
        vma_link(box, mm, vma)
    except KernelError:
        vm_area_free(box, vma)
        raise
    vm_stat_account(mm, flags, pages)
    return vma


def install_special_mapping(
    box: Box, mm: MmStruct, addr: int, length: int, flags: int, ops: VmOperations
) -> VmArea:  # fmt: skip
    """Pages of the kernel's own that a process sees: `ops` has their name and says which they are."""
    return insert_vm_area(box, mm, addr, addr + length, flags | mm.def_flags | VM_DONTEXPAND, ops)
