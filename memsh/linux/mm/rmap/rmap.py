"""Reverse mapping: from a page to the areas that may map it (mm/rmap.c).

Objects: an anon_vma per family of areas, an anon_vma_chain for every link of an area to one. Counters: `mapcount`
column, nr_anon_pages and nr_mapped.

Known deviations: a page's areas come in the order in which they were linked, not in that of their offsets.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_EXEC, VM_READ, VM_SOFTDIRTY, VM_WRITE
from memsh.linux.include.mm_types import AddressSpace, AnonVma, VmArea
from memsh.linux.lib.entries import PRESENT
from memsh.linux.lib.interval_tree import IntervalTree
from memsh.linux.mm.ksm.types import StableNode
from memsh.linux.mm.slab.objects import drop_owner, give, new_owner, take

if TYPE_CHECKING:
    from memsh.linux.box import Box

Place = tuple[VmArea, int, "array[int]", int]  # area, address, page table, index in it
_ACCESS = VM_READ | VM_WRITE | VM_EXEC
_FEW = 32  # areas: a look at each costs less than a tree


def _anon_vma_alloc(box: Box) -> AnonVma:
    addr = take(box, "anon_vma")
    anon = AnonVma(0, addr)
    anon.number = anon.root = anon.parent = new_owner(box, anon)
    return anon


def put_anon_vma(box: Box, anon: AnonVma) -> None:
    """Drop a reference; the last one frees it, and then its hold on the root."""
    anon.refcount -= 1
    if anon.refcount == 0:
        root = anon.root
        give(box, "anon_vma", anon.addr)
        drop_owner(box, anon.number)
        if root != anon.number:
            put_anon_vma(box, box.memmap.owners[root])


def _link(vma: VmArea, anon: AnonVma, addr: int) -> None:
    vma.anon_chain.insert(0, anon)
    vma.chain_addrs.insert(0, addr)
    anon.areas[vma.number] = vma.mm.number
    anon.tree = None


def _compatible(a: VmArea, b: VmArea) -> bool:
    return (
        a.end == b.start
        and a.file is b.file
        and not (a.flags ^ b.flags) & ~(_ACCESS | VM_SOFTDIRTY)
        and b.pgoff == a.pgoff + ((b.start - a.start) >> 12)
    )


def _find_mergeable_anon_vma(vma: VmArea, before: VmArea | None, after: VmArea | None) -> AnonVma | None:
    if after and after.anon_vma and _compatible(vma, after) and len(after.anon_chain) == 1:
        return after.anon_vma
    if before and before.anon_vma and _compatible(before, vma) and len(before.anon_chain) == 1:
        return before.anon_vma
    return None


def anon_vma_prepare(box: Box, vma: VmArea) -> AnonVma:
    """The anon_vma that pages faulted into `vma` will point to; ENOMEM."""
    return vma.anon_vma or _anon_vma_prepare(box, vma)


def _anon_vma_prepare(box: Box, vma: VmArea) -> AnonVma:
    """The area's first: a neighbour's, or a new one (__anon_vma_prepare)."""
    addr = take(box, "anon_vma_chain")
    anon = _find_mergeable_anon_vma(vma, *vma.mm.mmap.neighbours(vma))
    if anon is None:
        try:
            anon = _anon_vma_alloc(box)
        except KernelError:
            give(box, "anon_vma_chain", addr)
            raise
        anon.num_children += 1  # a new root is its own parent
    vma.anon_vma = anon
    _link(vma, anon, addr)
    anon.num_active_vmas += 1
    return anon


def anon_vma_clone(box: Box, dst: VmArea, src: VmArea) -> None:
    """Link `dst` to every anon_vma of `src`; ENOMEM leaves `dst` unlinked."""
    try:
        for anon in reversed(src.anon_chain):
            _link(dst, anon, take(box, "anon_vma_chain"))
            if not dst.anon_vma and src.anon_vma and anon.num_children < 2 and anon.num_active_vmas == 0:
                dst.anon_vma = anon
    except KernelError:
        dst.anon_vma = None
        unlink_anon_vmas(box, dst)
        raise
    if dst.anon_vma:
        dst.anon_vma.num_active_vmas += 1


def anon_vma_fork(box: Box, vma: VmArea, pvma: VmArea) -> None:
    """Give the child's area its own anon_vma below the parent's."""
    vma.anon_vma = None
    parent = pvma.anon_vma
    if not parent:
        return
    anon_vma_clone(box, vma, pvma)
    if vma.anon_vma:
        return
    try:
        anon = _anon_vma_alloc(box)
    except KernelError:
        unlink_anon_vmas(box, vma)
        raise
    anon.num_active_vmas += 1
    try:
        addr = take(box, "anon_vma_chain")
    except KernelError:
        put_anon_vma(box, anon)
        unlink_anon_vmas(box, vma)
        raise
    anon.root = parent.root
    anon.parent = parent.number
    box.memmap.owners[anon.root].refcount += 1
    vma.anon_vma = anon
    _link(vma, anon, addr)
    parent.num_children += 1


def unlink_anon_vmas(box: Box, vma: VmArea) -> None:
    """Take `vma` off its anon_vmas and free those that nobody uses."""
    owners = box.memmap.owners
    empty = []
    for anon, addr in zip(vma.anon_chain, vma.chain_addrs, strict=True):
        anon.areas.pop(vma.number, None)
        anon.tree = None
        if anon.areas:
            give(box, "anon_vma_chain", addr)
        else:
            owners[anon.parent].num_children -= 1
            empty.append((anon, addr))
    if vma.anon_vma:
        vma.anon_vma.num_active_vmas -= 1
        vma.anon_vma = None
    for anon, addr in empty:
        put_anon_vma(box, anon)
        give(box, "anon_vma_chain", addr)
    vma.anon_chain.clear()
    vma.chain_addrs.clear()


def areas_of(box: Box, owner: AnonVma | AddressSpace, index: int) -> Iterator[tuple[VmArea, int]]:
    """The areas that page `index` of a file or a family of areas may be mapped in, and where there."""
    areas = box.vm.areas
    numbers: Collection[int] = owner.areas if isinstance(owner, AnonVma) else owner.i_mmap
    if len(numbers) > _FEW:
        if owner.tree is None:
            found = (areas[number] for number in numbers)
            owner.tree = IntervalTree((vma.pgoff, vma.pgoff + vma.pages - 1, vma.number) for vma in found)
        numbers = owner.tree.near(index)
    for number in numbers:
        vma = areas[number]
        addr = vma.start + ((index - vma.pgoff) << 12)
        if vma.start <= addr < vma.end:
            yield vma, addr


def rmap_walk(box: Box, pfn: int) -> list[Place]:
    """Every place at which `pfn` is mapped."""
    memmap = box.memmap
    left = memmap.mapcount[pfn]
    if not left:
        return []
    owner = memmap.owners[memmap.mapping[pfn]]
    if owner is None:
        return []
    found: list[Place] = []
    merged = isinstance(owner, StableNode)
    for vma, addr in owner.places(box.vm) if merged else areas_of(box, owner, memmap.index[pfn]):
        table = vma.mm.tables.get(addr >> vma.mm.table_shift)
        if table is not None:
            at = addr >> 12 & vma.mm.table_mask
            pte = table.ptes[at]
            if pte & PRESENT and pte >> 12 == pfn:
                found.append((vma, addr, table.ptes, at))
                left -= 1
                if not left:
                    break
    return found


def page_mappings(box: Box, pfn: int) -> list[tuple[VmArea, int]]:
    """Every (area, address) at which `pfn` is mapped."""
    return [(vma, addr) for vma, addr, _, _ in rmap_walk(box, pfn)]
