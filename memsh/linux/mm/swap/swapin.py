"""Bringing pages back from swap: the fault and read-ahead (mm/memory.c: do_swap_page; mm/swap_state.c).

A page is read together with its neighbours in the swap area: an aligned block of slots, as many as lately proved useful
and at most 2^page-cluster. Whoever faults on a page that is being read waits, and the fault is then taken again.

Counters: pgmajfault, swap_ra, swap_ra_hit.

Known deviations: read-ahead never looks at the neighbours in the address space (swap_vma_readahead), which Linux does
when no area lies on a rotating disk: here every one does. A fault that waits for a page which another one reads is
major in Linux for having been taken again (mm_account_fault); here it is minor, as pgmajfault has it, so that no
process has had more major faults than the box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_FOLIO, GFP_NAMES, PTE_DIRTY, PTE_RW, VM_LOCKED, VM_WRITE
from memsh.linux.include.memmap import (
    K_ANON,
    PG_ANON,
    PG_ANON_EXCLUSIVE,
    PG_DIRTY,
    PG_KSM,
    PG_MLOCKED,
    PG_READAHEAD,
    PG_SWAPBACKED,
    PG_SWAPCACHE,
    PG_UPTODATE,
)
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS, MmStruct, PageTable, VmArea
from memsh.linux.include.swapops import swp_entry, swp_offset, swp_type
from memsh.linux.mm.filemap.pagecache import refault
from memsh.linux.mm.ksm.types import RUN_UNMERGE
from memsh.linux.mm.lru import lru_add, mlock_page, put_frames
from memsh.linux.mm.memory.anon import add_anon_pages, alloc_user_page, do_wp_page
from memsh.linux.mm.memory.outcome import MAJOR, SWAPPED, BusError, OutOfMemory
from memsh.linux.mm.memory.rss_stat import add_mm_counter_fast
from memsh.linux.mm.page_alloc.policy import vma_alloc_folio

if TYPE_CHECKING:
    from memsh.linux.box import Box

_COMP = GFP_NAMES["__GFP_COMP"]  # which the page has of its being a folio: the charge knows nothing of it


def read_swap_cache_async(
    box: Box, entry: int, gfp: int = GFP_FOLIO, place: tuple[VmArea, int] | None = None
) -> tuple[int, bool]:
    """The page of a slot in the swap cache, entered there if it is not: (frame, whether it is new and must be read).

    The caller holds a reference to it afterwards. The frame is 0 if there is no memory, or nothing in the slot.
    `place`: the area and address that it is read for; its policy says from which node the frame comes.
    """
    swap = box.swap
    memmap = box.memmap
    pfn = swap.cached(entry)
    if pfn:
        memmap.refcount[pfn] += 1
        return pfn, False
    if not swap.swapcount(entry) and swap.cache_enabled:
        return 0, False
    new = vma_alloc_folio(box.pages, gfp, *place) if place else int(box.pages.alloc_pages(gfp, 0, K_ANON))
    if not new:
        return 0, False
    pfn = swap.cached(entry)
    if pfn:  # while memory was being found, time passed
        box.pages.free_pages(new, 0)
        memmap.refcount[pfn] += 1
        return pfn, False
    if not swap.swapcache_prepare(entry):
        box.pages.free_pages(new, 0)
        return 0, False
    memmap.flags[new] = PG_SWAPBACKED | PG_UPTODATE
    try:
        if not box.memcg.charge_page(box.memcg.swapin_payer(entry), new, gfp & ~_COMP):
            raise KernelError("ENOMEM", "its group may have no more")
        shadow = swap.add_to_cache(entry, new)
    except KernelError:
        swap.put_swap_folio(entry)
        memmap.flags[new] = 0
        box.pages.free_pages(new, 0)
        return 0, False
    if shadow:
        refault(box, new, shadow)
    lru_add(box, new)
    swap.fill(new)
    return new, True


def _swapin_nr_pages(box: Box, offset: int) -> int:
    """How many pages to read around a slot, by how many of those read ahead before were used (swapin_nr_pages)."""
    swap = box.swap
    most = 1 << min(int(box.sysctl.values["vm.page-cluster"]), 31)
    if most <= 1:
        return 1
    hits, swap.readahead_hits = swap.readahead_hits, 0
    pages = hits + 2
    if pages == 2:
        if offset not in (swap.prev_offset + 1, swap.prev_offset - 1):
            pages = 1
    else:
        pages = max(4, 1 << (pages - 1).bit_length())
    pages = max(min(pages, most), swap.last_readahead_pages // 2)
    if not hits:
        swap.prev_offset = offset
    swap.last_readahead_pages = pages
    return pages


def swapin_readahead(
    box: Box, entry: int, gfp: int = GFP_FOLIO, place: tuple[VmArea, int] | None = None
) -> int:
    """Read the page of `entry` and its block of neighbours (swap_cluster_readahead); its frame, 0 without memory.

    The caller holds a reference to it; the disk has been asked, nobody has waited.
    """
    swap = box.swap
    area = swap.area_of(entry)
    if area is None:
        return 0
    offset = swp_offset(entry)
    mask = _swapin_nr_pages(box, offset) - 1
    run: list[int] = []
    if mask:
        kind = swp_type(entry)
        flags = box.memmap.flags
        last = 0
        others: list[int] = []
        for slot in range(max(1, offset & ~mask), min(offset | mask, area.max - 1) + 1):
            pfn, fresh = read_swap_cache_async(box, swp_entry(kind, slot), gfp, place)
            if not pfn:
                continue
            others.append(pfn)
            if not fresh:
                continue
            if run and slot != last + 1:
                swap.submit_read(run)
                run = []
            run.append(pfn)
            last = slot
            if slot != offset:
                flags[pfn] |= PG_READAHEAD
                box.vmstat["swap_ra"] += 1
        swap.submit_read(run)
        wanted, fresh = read_swap_cache_async(box, entry, gfp, place)
        put_frames(box, others)
    else:
        wanted, fresh = read_swap_cache_async(box, entry, gfp, place)
    if fresh:
        swap.submit_read([wanted])
    return wanted


def swap_cache_get_folio(box: Box, entry: int) -> int:
    """The page in the swap cache, a reference taken; 0 if none. A hit of read-ahead is noted."""
    pfn = box.swap.cached(entry)
    if pfn:
        memmap = box.memmap
        memmap.refcount[pfn] += 1
        if memmap.flags[pfn] & PG_READAHEAD:
            memmap.flags[pfn] &= ~PG_READAHEAD
            box.vmstat["swap_ra_hit"] += 1
            box.swap.readahead_hits += 1
    return pfn


def do_swap_page(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int, write: bool) -> int:
    """A fault on an entry that names a swap slot; the kinds it was (fault.MAJOR …). OutOfMemory, BusError."""
    swap, memmap = box.swap, box.memmap
    orig_pte = table.ptes[at]
    entry = mm.mmu.pte_to_swp_entry(orig_pte)
    if swap.area_of(entry) is None:
        raise BusError(addr)
    what = SWAPPED
    while True:
        pfn = swap_cache_get_folio(box, entry)
        if not pfn:
            pfn = swapin_readahead(box, entry, place=(vma, addr))
            if table.ptes[at] != orig_pte:
                put_frames(box, [pfn] if pfn else [])
                return what
            if not pfn:
                raise OutOfMemory
            box.memcg.count_mm_event("pgmajfault")
            what |= MAJOR
        if not swap.is_locked(pfn):
            break
        box.memcg.count_mm_event("pgfault")
        put_frames(box, [pfn])
        swap.wait_locked(pfn)
        if table.ptes[at] != orig_pte:
            return what
    copied = ksm_might_need_to_copy(box, vma, pfn, addr)
    swap.free(entry)
    flags = memmap.flags[pfn]
    merged = flags & PG_KSM > 0
    if not copied and flags & PG_SWAPCACHE and (
        swap.full() or box.memcg.swap_full(pfn)
        or vma.flags & VM_LOCKED or flags & PG_MLOCKED or (write and not merged and memmap.refcount[pfn] == 2)
    ):
        swap.free_folio(pfn)
    add_mm_counter_fast(box, mm, MM_ANONPAGES, 1)
    add_mm_counter_fast(box, mm, MM_SWAPENTS, -1)
    alone = copied > 0 or (not merged and (bool(orig_pte & mm.mmu.swp_exclusive) or memmap.refcount[pfn] == 1))
    pte = (copied or pfn) << 12 | vm_page_prot(vma)
    if alone and write:
        pte |= PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0)
    if copied:
        map_copy(box, vma, copied, addr)
        put_frames(box, [pfn])
    else:
        page_add_anon_rmap(box, vma, pfn, addr, exclusive=alone)
    table.ptes[at] = pte
    mm.tlb.drop(addr >> 12)
    if write and not alone:
        what |= do_wp_page(box, mm, vma, addr, table, at)
    return what


def ksm_might_need_to_copy(box: Box, vma: VmArea, pfn: int, addr: int) -> int:
    """A copy of a page from the swap cache, where it cannot be mapped itself: it belongs elsewhere, as it was a merged
    one when it was swapped out, or may no longer be shared. 0 if it can. OutOfMemory."""
    memmap = box.memmap
    flags = memmap.flags[pfn]
    if flags & PG_KSM:
        if memmap.mapping[pfn] and not (box.ksm is not None and box.ksm.run & RUN_UNMERGE):
            return 0
    elif not flags & PG_ANON:
        return 0
    else:
        owner, anon = memmap.owners[memmap.mapping[pfn]], vma.anon_vma
        index = vma.pgoff + ((addr - vma.start) >> 12)
        if memmap.index[pfn] == index and (owner is anon or (owner and anon and owner.root == anon.root)):
            return 0
    new = alloc_user_page(box, GFP_FOLIO, vma, addr)
    page = memmap.data.get(pfn)
    if page is not None:
        memmap.data[new] = bytearray(page)
    box.vmstat["ksm_swpin_copy"] += 1
    return new


def map_copy(box: Box, vma: VmArea, pfn: int, addr: int) -> None:
    """A page of the process's own, which is nowhere else (page_add_new_anon_rmap)."""
    add_anon_pages(box, vma, [(pfn, 1)], addr)
    box.memmap.flags[pfn] |= PG_DIRTY


def page_add_anon_rmap(box: Box, vma: VmArea, pfn: int, addr: int, *, exclusive: bool) -> None:
    """One more mapping of an anonymous page; the first one of a new page says where it belongs."""
    memmap = box.memmap
    memmap.mapcount[pfn] += 1
    if memmap.mapcount[pfn] == 1:
        box.vmstat["nr_anon_pages"] += 1
        if not memmap.flags[pfn] & PG_ANON:
            anon = vma.anon_vma
            assert anon is not None
            memmap.mapping[pfn] = anon.number if exclusive else anon.root
            memmap.index[pfn] = vma.pgoff + ((addr - vma.start) >> 12)
    memmap.flags[pfn] |= PG_ANON | (PG_ANON_EXCLUSIVE if exclusive else 0)
    if vma.flags & VM_LOCKED:
        mlock_page(box, pfn)
