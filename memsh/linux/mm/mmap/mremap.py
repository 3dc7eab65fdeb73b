"""mremap: grow, shrink or move a mapping (mm/mremap.c).

Known deviations: huge pages of hugetlbfs move all at once, or none without memory for page tables.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from memsh.linux.arch.x86.paging import directories_alloc, pte_alloc
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    MAP_FIXED,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    VM_ACCOUNT,
    VM_DONTEXPAND,
    VM_HUGETLB,
    VM_LOCKED,
    VM_LOCKONFAULT,
    VM_MAYSHARE,
    VM_PFNMAP,
    VM_SHARED,
)
from memsh.linux.include.mm_types import MmStruct, VmArea, linear_page_index
from memsh.linux.mm.gup import mm_populate
from memsh.linux.mm.huge_memory.split import split_huge_pmd
from memsh.linux.mm.hugetlb.table import clear_vma_resv_huge_pages, move_hugetlb_page_tables
from memsh.linux.mm.ksm.merge import ksm_madvise
from memsh.linux.mm.mmap.mmap import do_munmap
from memsh.linux.mm.mmap.unmapped import get_unmapped_area
from memsh.linux.mm.mmap.vmalist import (
    find_vma,
    find_vma_prev,
    get_file,
    may_expand_vm,
    remove_vma,
    vm_area_dup,
    vm_area_free,
    vm_enough_memory,
    vm_stat_account,
    vma_kernel_pagesize,
    vma_link,
    vma_lookup,
    vma_open,
)
from memsh.linux.mm.mmap.vmamerge import may_split, split_vma, vma_merge
from memsh.linux.mm.rmap.rmap import anon_vma_clone, unlink_anon_vmas

if TYPE_CHECKING:
    from memsh.linux.box import Box


def do_mremap(box: Box, mm: MmStruct, old: int, oldlen: int, newlen: int, flags: int = 0, newaddr: int = 0) -> int:
    """The mapping's address afterwards; EINVAL, EFAULT (not one mapping), ENOMEM (no room, limits)."""
    box.changes += 1
    if flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP):
        raise KernelError("EINVAL")
    if flags & MREMAP_FIXED and not flags & MREMAP_MAYMOVE:
        raise KernelError("EINVAL")
    if flags & MREMAP_DONTUNMAP and (not flags & MREMAP_MAYMOVE or oldlen != newlen):
        raise KernelError("EINVAL")
    if old & 4095 or not 0 <= old < mm.mmu.word_limit or oldlen < 0 or newlen < 0:
        raise KernelError("EINVAL", "not a page boundary")
    oldlen, newlen = (oldlen + 4095) & ~4095, (newlen + 4095) & ~4095
    if not newlen:
        raise KernelError("EINVAL", "a length of 0")
    if newlen >= mm.mmu.word_limit or oldlen >= mm.mmu.word_limit:
        raise KernelError("ENOMEM", "longer than the address space")
    vma = vma_lookup(mm, old)
    if vma is None:
        raise KernelError("EFAULT", "nothing is mapped there")
    if vma.flags & VM_HUGETLB:
        size = vma_kernel_pagesize(box, vma)
        oldlen, newlen = -(-oldlen // size) * size, -(-newlen // size) * size
        if old % size or newaddr % size or newlen > oldlen:
            raise KernelError("EINVAL", "huge pages: only whole ones, and never more of them")
    if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP):
        return _mremap_to(box, mm, old, oldlen, newaddr, newlen, flags)
    if oldlen >= newlen:
        if oldlen > newlen:
            do_munmap(box, mm, old + newlen, oldlen - newlen)
        return old
    vma = _vma_to_resize(box, mm, old, oldlen, newlen, flags)
    if oldlen == vma.end - old and _expandable(box, mm, vma, newlen - oldlen):
        _expand(box, mm, vma, old, oldlen, newlen)
        return old
    if not flags & MREMAP_MAYMOVE:
        raise KernelError("ENOMEM", "no room behind it, and it may not move")
    addr = get_unmapped_area(box, mm, 0, newlen, 0)
    return _move_vma(box, mm, vma, old, oldlen, newlen, addr, flags)


def _vma_to_resize(box: Box, mm: MmStruct, addr: int, oldlen: int, newlen: int, flags: int) -> VmArea:
    vma = vma_lookup(mm, addr)
    if vma is None:
        raise KernelError("EFAULT")
    if not oldlen and not vma.flags & (VM_SHARED | VM_MAYSHARE):
        raise KernelError("EINVAL", "a private mapping cannot be mapped twice")
    if flags & MREMAP_DONTUNMAP and vma.flags & (VM_DONTEXPAND | VM_PFNMAP):
        raise KernelError("EINVAL")
    if oldlen > vma.end - addr:
        raise KernelError("EFAULT", "beyond the end of the mapping")
    if newlen == oldlen:
        return vma
    if vma.flags & (VM_DONTEXPAND | VM_PFNMAP):
        raise KernelError("EFAULT")
    if not may_expand_vm(box, mm, vma.flags, (newlen - oldlen) >> 12):
        raise KernelError("ENOMEM", "RLIMIT_AS or RLIMIT_DATA")
    return vma


def _expandable(box: Box, mm: MmStruct, vma: VmArea, delta: int) -> bool:
    """Room enough behind the mapping (vma_expandable)."""
    end = vma.end + delta
    after = find_vma(mm, vma.end)
    if end > mm.task_size or (after is not None and after.start < end):
        return False
    try:
        get_unmapped_area(box, mm, vma.start, end - vma.start, MAP_FIXED)
    except KernelError:
        return False
    return True


def _expand(box: Box, mm: MmStruct, vma: VmArea, old: int, oldlen: int, newlen: int) -> None:
    pages = (newlen - oldlen) >> 12
    charged = 0
    if vma.flags & VM_ACCOUNT:
        vm_enough_memory(box, mm, pages)
        charged = pages
    start = old + oldlen
    pgoff = vma.pgoff + ((start - vma.start) >> 12)
    merged = vma_merge(box, mm, vma, start, old + newlen, vma.flags, vma.anon_vma, vma.file, pgoff, vma.policy)
    if merged is None:
        box.vm.commit -= charged
        raise KernelError("ENOMEM")
    vm_stat_account(mm, merged.flags, pages)
    if merged.flags & VM_LOCKED:
        mm.locked_vm += pages

        mm_populate(box, mm, start, newlen - oldlen)


def _mremap_to(box: Box, mm: MmStruct, addr: int, oldlen: int, newaddr: int, newlen: int, flags: int) -> int:
    if newaddr & 4095 or newlen > mm.task_size or not 0 <= newaddr <= mm.task_size - newlen:
        raise KernelError("EINVAL")
    if addr + oldlen > newaddr and newaddr + newlen > addr:
        raise KernelError("EINVAL", "the old and the new place overlap")
    if mm.map_count + 2 >= box.vm.max_map_count - 3:
        raise KernelError("ENOMEM")
    if flags & MREMAP_FIXED:
        do_munmap(box, mm, newaddr, newlen)
    if oldlen > newlen:
        do_munmap(box, mm, addr + newlen, oldlen - newlen)
        oldlen = newlen
    vma = _vma_to_resize(box, mm, addr, oldlen, newlen, flags)
    if flags & MREMAP_DONTUNMAP and not may_expand_vm(box, mm, vma.flags, oldlen >> 12):
        raise KernelError("ENOMEM")
    where = get_unmapped_area(box, mm, newaddr, newlen, MAP_FIXED if flags & MREMAP_FIXED else 0)
    return _move_vma(box, mm, vma, addr, oldlen, newlen, newaddr if flags & MREMAP_FIXED else where, flags)


def _copy_vma(box: Box, mm: MmStruct, vma: VmArea, addr: int, length: int, pgoff: int, keep: bool) -> VmArea:
    """An area at the new place, merged with a neighbour there if it fits. ENOMEM."""
    merge = True
    if vma.vm_ops is None and not vma.anon_vma:
        pgoff = linear_page_index(addr)
        merge = not (keep and (addr == vma.end or vma.start == addr + length))
    _, prev = find_vma_prev(mm, addr)
    if merge:
        new = vma_merge(box, mm, prev, addr, addr + length, vma.flags, vma.anon_vma, vma.file, pgoff, vma.policy)
        if new is not None:
            return new
    new = vm_area_dup(box, mm, vma)
    new.file = None
    new.start, new.end, new.pgoff = addr, addr + length, pgoff
    try:
        new.anon_vma = vma.anon_vma
        anon_vma_clone(box, new, vma)
        if vma.file is not None:
            get_file(new, vma.file)
        vma_open(new, vma)
        vma_link(box, mm, new)
    except KernelError:
        if new.file is not None or new.anon_chain:
            remove_vma(box, new)
        else:
            vm_area_free(box, new)
        raise
    return new


def _get_extent(shift: int, old: int, end: int, new: int) -> int:
    """How far one entry of 2^shift bytes reaches at both places."""
    size = 1 << shift
    return min(size - (old & size - 1), end - old, size - (new & size - 1))


def move_page_tables(box: Box, mm: MmStruct, vma: VmArea, old: int, new: int, length: int) -> int:
    """Move the entries of `length` bytes, whole tables where these fit; the pages stay where they are. How many bytes
    were done: fewer without memory for a table."""
    at, end = old, old + length
    try:
        if vma.flags & VM_HUGETLB:
            move_hugetlb_page_tables(box, vma, old, new, length)
            return length
        while at < end:
            to = at - old + new
            if mm.directories:
                extent = _get_extent(mm.mmu.shifts[2], at, end, to)
                if _move_pud(box, mm, at, to, extent):
                    at += extent
                    continue
            extent = _get_extent(mm.table_shift, at, end, to)
            _move_pmd(box, mm, vma, at, to, extent)
            at += extent
    except KernelError:
        pass
    mm.flush_tlb()
    return at - old


def _move_pud(box: Box, mm: MmStruct, old: int, new: int, extent: int) -> bool:
    """Whether nothing is left to move of `extent` bytes below one entry of the third level at either place: there was
    nothing, or the directory went as it is. ENOMEM."""
    above, shift, directories = mm.mmu.shifts[2], mm.table_shift, mm.directories[0]
    number, to = old >> above, new >> above
    if number not in directories:
        return True
    directories_alloc(box, mm, new, above)
    if extent < 1 << above or to in directories:
        return False
    directories[to] = directories.pop(number)
    below: tuple[dict[int, Any], ...] = (mm.tables, mm.huge)
    for entries in below:
        for index in [index for index in entries if index << shift >> above == number]:
            entries[index + (to - number << above >> shift)] = entries.pop(index)
    return True


def _move_pmd(box: Box, mm: MmStruct, vma: VmArea, old: int, new: int, extent: int) -> None:
    """Move the entries of `extent` bytes, which lie in one table at either place. ENOMEM."""
    tables, huge, shift = mm.tables, mm.huge, mm.table_shift
    number, to = old >> shift, new >> shift
    if number not in tables and number not in huge:
        return
    directories_alloc(box, mm, new, shift)
    whole = extent == 1 << shift and to not in tables and to not in huge
    if number in huge:
        if whole:
            huge[to] = huge.pop(number)
            return
        split_huge_pmd(box, vma, number)
        if number not in tables:
            return
    elif whole:
        tables[to] = tables.pop(number)
        return
    target, source = pte_alloc(box, mm, to).ptes, tables[number].ptes
    first, there, count = old >> 12 & mm.table_mask, new >> 12 & mm.table_mask, extent >> 12
    target[there : there + count] = source[first : first + count]
    source[first : first + count] = array(source.typecode, bytes(count * source.itemsize))


def _move_vma(box: Box, mm: MmStruct, vma: VmArea, old: int, oldlen: int, newlen: int, addr: int, flags: int) -> int:
    if mm.map_count >= box.vm.max_map_count - 3:
        raise KernelError("ENOMEM")
    if vma.start != old:
        may_split(box, vma, old)
    if vma.end != old + oldlen:
        may_split(box, vma, old + oldlen)
    keep = bool(flags & MREMAP_DONTUNMAP)
    ksm_madvise(box, vma, old, old + oldlen, merge=False)
    if keep and vma.flags & VM_LOCKED:
        if vma.start != old:
            split_vma(box, mm, vma, old, True)
        if vma.end != old + oldlen:
            split_vma(box, mm, vma, old + oldlen, False)
    vm_flags = vma.flags
    charged = 0
    if vm_flags & VM_ACCOUNT:
        charged = (newlen if keep else newlen - oldlen) >> 12
        vm_enough_memory(box, mm, charged)
    pgoff = vma.pgoff + ((old - vma.start) >> 12)
    try:
        new = _copy_vma(box, mm, vma, addr, newlen, pgoff, keep)
    except KernelError:
        box.vm.commit -= charged
        raise
    vma = vma_lookup(mm, old) or new  # a merge at the new place may have taken the old area's object along
    moved = move_page_tables(box, mm, vma, old, addr, oldlen)
    if moved < oldlen:
        move_page_tables(box, mm, new, addr, old, moved)
        if new.resv is not None:
            new.resv.refs -= 1
            new.resv = None
        vm_stat_account(mm, new.flags, newlen >> 12)
        box.vm.commit += (newlen >> 12) - charged if vm_flags & VM_ACCOUNT else 0
        do_munmap(box, mm, addr, newlen)
        raise KernelError("ENOMEM", "no page for a page table")
    if vma.flags & VM_HUGETLB:
        clear_vma_resv_huge_pages(box, vma, old, oldlen)
    elif vma.vm_ops is not None and vma.vm_ops.mremap is not None:
        vma.vm_ops.mremap(new)
    split = False
    excess = 0
    if vm_flags & VM_ACCOUNT and not keep:
        vma.flags &= ~VM_ACCOUNT
        excess = vma.end - vma.start - oldlen
        split = old > vma.start and old + oldlen < vma.end
    hiwater = mm.hiwater_vm
    vm_stat_account(mm, vma.flags, newlen >> 12)
    if keep:
        vma.flags &= ~(VM_LOCKED | VM_LOCKONFAULT)
        if vma.start == old and vma.end == old + oldlen:
            unlink_anon_vmas(box, vma)
            if vma.file is None:
                vma.pgoff = linear_page_index(vma.start)
        return addr
    if oldlen:
        do_munmap(box, mm, old, oldlen)
    if vm_flags & VM_LOCKED:
        mm.locked_vm += newlen >> 12
    mm.hiwater_vm = hiwater
    if excess:
        _restore_account(mm, old, oldlen, vma, split)
    if vm_flags & VM_LOCKED and newlen > oldlen:
        mm_populate(box, mm, addr + oldlen, newlen - oldlen)
    return addr


def _restore_account(mm: MmStruct, old: int, oldlen: int, vma: VmArea, split: bool) -> None:
    """What is left of the old area on either side pays for itself again."""
    vma.flags |= VM_ACCOUNT
    if split:
        after = find_vma(mm, old + oldlen)
        if after is not None:
            after.flags |= VM_ACCOUNT
