"""Merging and splitting areas (mm/mmap.c: vma_merge, __vma_adjust, vma_expand, __split_vma).

Two neighbours become one when flags (but VM_SOFTDIRTY), file and offset fit and their anon_vmas do not conflict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_IO, VM_MIXEDMAP, VM_PFNMAP, VM_SOFTDIRTY
from memsh.linux.include.mempolicy import Policy
from memsh.linux.include.mm_types import AnonVma, File, MmStruct, VmArea
from memsh.linux.mm.huge_memory.pmd import split_huge_pmd_if_needed
from memsh.linux.mm.mmap.vmalist import (
    bounds_changed,
    find_vma,
    get_file,
    put_file,
    remove_vma,
    reserve_link,
    set_end,
    set_start,
    vm_area_dup,
    vm_area_free,
    vma_link,
    vma_open,
    vma_unlink,
)
from memsh.linux.mm.rmap.rmap import anon_vma_clone, unlink_anon_vmas

if TYPE_CHECKING:
    from memsh.linux.box import Box

VM_SPECIAL = VM_IO | 0x40000 | VM_PFNMAP | VM_MIXEDMAP  # 0x40000 is VM_DONTEXPAND


def _mergeable_anon(one: AnonVma | None, two: AnonVma | None, vma: VmArea | None) -> bool:
    """A missing anon_vma fits anything, but an area that also hangs on a parent's anon_vma stays apart."""
    if (one is None or two is None) and (vma is None or len(vma.anon_chain) == 1 or not vma.anon_chain):
        if vma is None or len(vma.anon_chain) == 1:
            return True
    return one is two


def _mergeable(vma: VmArea, file: File | None, flags: int) -> bool:
    if (vma.flags ^ flags) & ~VM_SOFTDIRTY or vma.file is not file:
        return False
    return vma.vm_ops is None or vma.vm_ops.close is None


def can_vma_merge_before(
    vma: VmArea, flags: int, anon: AnonVma | None, file: File | None, pgoff: int, policy: Policy | None = None
) -> bool:
    if vma.policy != policy:
        return False
    return _mergeable(vma, file, flags) and _mergeable_anon(anon, vma.anon_vma, vma) and vma.pgoff == pgoff


def can_vma_merge_after(
    vma: VmArea, flags: int, anon: AnonVma | None, file: File | None, pgoff: int, policy: Policy | None = None
) -> bool:
    if vma.policy != policy:
        return False
    return _mergeable(vma, file, flags) and _mergeable_anon(anon, vma.anon_vma, vma) and vma.pgoff + vma.pages == pgoff


def _import_anon(box: Box, importer: VmArea, exporter: VmArea) -> None:
    """The pages of `exporter` are about to belong to `importer`: it must be on their anon_vmas."""
    if exporter.anon_vma and not importer.anon_vma:
        importer.anon_vma = exporter.anon_vma
        anon_vma_clone(box, importer, exporter)


def _absorb(box: Box, mm: MmStruct, vma: VmArea) -> None:
    """Free an area whose range another one has taken over."""
    vma_unlink(box, mm, vma)
    put_file(box, vma)
    if vma.anon_vma:
        unlink_anon_vmas(box, vma)
    vm_area_free(box, vma)


def vma_expand(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int, pgoff: int, after: VmArea | None) -> None:
    """Grow `vma` over free space, and over `after` too if it then ends where that does."""
    absorb = after is not None and after is not vma and end == after.end
    if absorb and after is not None:
        _import_anon(box, vma, after)
        _absorb(box, mm, after)
    if start != vma.start:
        set_start(mm, vma, start)
    set_end(mm, vma, end)
    vma.pgoff = pgoff


def _adjust(box: Box, mm: MmStruct, prev: VmArea | None, mid: VmArea | None, after: VmArea | None, addr: int, end: int,
            pgoff: int, both: bool, into_prev: bool) -> VmArea:  # fmt: skip
    """Carry out the merge that vma_merge decided on; the numbers are those of its eight cases."""
    if into_prev:
        assert prev is not None
        covered = mid if mid is not None and mid.start < end else None
        if both:
            assert after is not None
            exporter = covered if covered is not None and covered.anon_vma else after
            _import_anon(box, prev, exporter)
            if covered is not None and covered is not after:  # 6
                _absorb(box, mm, covered)
            stop = after.end
            _absorb(box, mm, after)  # 1, 6
            set_end(mm, prev, stop)
        elif covered is not None:
            _import_anon(box, prev, covered)
            if covered.end == end:  # 7
                _absorb(box, mm, covered)
            else:  # 5
                if mm.huge:
                    trans_huge_cut(box, covered, end)
                covered.pgoff += (end - covered.start) >> 12
                set_start(mm, covered, end)
            set_end(mm, prev, end)
        else:  # 2
            set_end(mm, prev, end)
        return prev
    assert after is not None
    length = (end - addr) >> 12
    if prev is not None and addr < prev.end:  # 4
        _import_anon(box, after, prev)
        if mm.huge:
            trans_huge_cut(box, prev, addr)
        set_end(mm, prev, addr)
        set_start(mm, after, addr)
    else:
        if mid is not None and mid is not after:  # 8
            _import_anon(box, after, mid)
            _absorb(box, mm, mid)
        set_start(mm, after, addr)  # 3, 8
    after.pgoff -= length
    return after


def vma_merge(box: Box, mm: MmStruct, prev: VmArea | None, addr: int, end: int, flags: int, anon: AnonVma | None,
              file: File | None, pgoff: int, policy: Policy | None = None) -> VmArea | None:  # fmt: skip
    """Merge [addr, end) with these properties into its neighbours; the area that now holds it, or None."""
    if flags & VM_SPECIAL:
        return None
    after = mid = find_vma(mm, prev.end if prev else 0)
    if after and after.end == end:
        after = find_vma(mm, after.end)
    into_prev = prev is not None and prev.end == addr and can_vma_merge_after(prev, flags, anon, file, pgoff, policy)
    into_next = (
        after is not None
        and after.start == end
        and can_vma_merge_before(after, flags, anon, file, pgoff + ((end - addr) >> 12), policy)
    )
    if not into_prev and not into_next:
        return None
    both = False
    if into_prev and into_next and prev is not None and after is not None:
        both = _mergeable_anon(prev.anon_vma, after.anon_vma, None)
    try:
        return _adjust(box, mm, prev, mid, after, addr, end, pgoff, both, into_prev)
    except KernelError:
        return None


def may_split(box: Box, vma: VmArea, addr: int) -> None:
    """EINVAL if the area's kind cannot be cut at `addr`."""
    if vma.vm_ops is not None and vma.vm_ops.may_split is not None:
        vma.vm_ops.may_split(box, vma, addr)


def split_vma(box: Box, mm: MmStruct, vma: VmArea, addr: int, new_below: bool, *, limit: bool = True) -> VmArea:
    """Cut `vma` at `addr`; the new area is the lower or the upper part. ENOMEM (also at max_map_count, if `limit`)."""
    if limit and mm.map_count >= box.vm.max_map_count:
        raise KernelError("ENOMEM", f"vm.max_map_count = {box.vm.max_map_count} areas reached")
    may_split(box, vma, addr)
    if mm.huge:
        trans_huge_cut(box, vma, addr)
    new = vm_area_dup(box, mm, vma)
    pages = (addr - vma.start) >> 12
    if new_below:
        new.end = addr
    else:
        new.start = addr
        new.pgoff += pages
    try:
        anon_vma_clone_split(box, new, vma)
    except KernelError:
        vm_area_free(box, new)
        raise
    if vma.file:
        get_file(new, vma.file)
    vma_open(new, vma)
    try:
        reserve_link(box, mm)
    except KernelError:  # the old area still has its whole range
        remove_vma(box, new)
        raise
    if new_below:
        set_start(mm, vma, addr)
        vma.pgoff += pages
    else:
        vma.end = addr
        bounds_changed(vma)
    vma_link(box, mm, new)
    return new


def vma_modify(box: Box, mm: MmStruct, vma: VmArea, prev: VmArea | None, start: int, end: int, flags: int,
               policy: Policy | None) -> VmArea:  # fmt: skip
    """[start, end) of an area is to have these flags and this policy: it joins a neighbour that has them, or is cut
    out. The area that holds it then; the caller sets them. ENOMEM, EINVAL (where it may not be cut)."""
    pgoff = vma.pgoff + ((start - vma.start) >> 12)
    merged = vma_merge(box, mm, prev, start, end, flags, vma.anon_vma, vma.file, pgoff, policy)
    if merged is not None:
        return merged
    if start != vma.start:
        split_vma(box, mm, vma, start, True)
    if end != vma.end:
        split_vma(box, mm, vma, end, False)
    return vma


def trans_huge_cut(box: Box, vma: VmArea, addr: int) -> None:
    """An area is about to end at `addr`: no entry of 2 MiB may span it (vma_adjust_trans_huge)."""
    split_huge_pmd_if_needed(box, vma, addr)


def anon_vma_clone_split(box: Box, new: VmArea, old: VmArea) -> None:
    """Link a piece of `old` to the same anon_vmas (vm_area_dup copies the pointer, anon_vma_clone the links)."""
    new.anon_vma = old.anon_vma
    anon_vma_clone(box, new, old)
