"""Bringing pages back from swap: the fault, read-ahead, swapoff (mm/memory.c, mm/swap_state.c, mm/swapfile.c).

Known deviations: read-ahead looks at the entries of the area around the fault (swap_vma_readahead), as the recorded
kernel does for a disk that does not rotate; its window forgets nothing between areas that are split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.errno import KernelError
from memsh.kernel.flags import GFP_HIGHUSER_MOVABLE, PTE_DIRTY, PTE_RW, VM_LOCKED, VM_WRITE
from memsh.kernel.lru import account_new, mlock_page, new_page_flags, put_frames
from memsh.kernel.memmap import (
    K_ANON,
    PG_ANON,
    PG_ANON_EXCLUSIVE,
    PG_DIRTY,
    PG_MLOCKED,
    PG_READAHEAD,
    PG_SWAPBACKED,
    PG_SWAPCACHE,
)
from memsh.kernel.mm_types import MM_ANONPAGES, MM_SWAPENTS, AddressSpace, MmStruct, PageTable, VmArea
from memsh.kernel.pagetable import table_pieces, vm_page_prot
from memsh.kernel.rmap import anon_vma_prepare
from memsh.kernel.swap import swap_contents
from memsh.kernel.swapfile import SWAP_HAS_CACHE, SwapInfo
from memsh.kernel.workingset import workingset_refault

if TYPE_CHECKING:
    from memsh.kernel.box import Box

RA_ORDER_CEILING = 3  # on 32 bits
RA_FIRST = 4  # pages: what an area's first read-ahead counts as hits


def read_swap_cache_async(box: Box, entry: int, extra: int = 0) -> tuple[int, bool]:
    """The page of a slot in the swap cache, allocated and read if it is not there: (frame, whether it was read).

    The frame is 0 if there is no memory.
    """
    swap = box.swap
    area, offset = swap.area_of(entry)
    pfn: int = area.cache[offset]
    if pfn:
        return pfn, False
    pfn = int(box.pages.alloc_pages(GFP_HIGHUSER_MOVABLE, 0, K_ANON))
    if not pfn:
        return 0, False
    if area.cache[offset]:  # reclaim, while memory was being found, let time pass
        box.pages.free_pages(pfn, 0)
        return area.cache[offset], False
    area.map[offset] |= SWAP_HAS_CACHE
    memmap = box.memmap
    memmap.flags[pfn] = new_page_flags(0, PG_SWAPBACKED | extra)
    swap.add_to_cache(area, offset, pfn)
    memmap.refcount[pfn] -= 1  # the caller's own: the cache's is the one that counts
    shadow = area.shadows[offset]
    area.shadows[offset] = 0
    if shadow:
        workingset_refault(box, pfn, shadow)
    swap_contents(box, pfn)
    account_new(box, pfn, 1, memmap.flags[pfn])
    box.vmstat["pswpin"] += 1
    return pfn, True


def _window(vma: VmArea, page: int, most: int) -> int:
    """How many pages to read around page number `page` of the address space (swap_vma_ra_win, __swapin_nr_pages)."""
    before, window, hits = vma.swap_readahead or (0, 0, RA_FIRST)
    pages = hits + 2
    if pages == 2:
        pages = 1 if page not in (before - 1, before + 1) else 2
    else:
        roundup = 4
        while roundup < pages:
            roundup <<= 1
        pages = roundup
    pages = max(min(pages, most), window // 2)
    vma.swap_readahead = (page, pages, 0)
    return pages


def swapin_readahead(box: Box, vma: VmArea, addr: int, entry: int, table: PageTable) -> int:
    """Read the page of `entry` and, around it, what lies in swap; its frame, 0 if there is no memory."""
    most = 1 << min(box.sysctl.values["vm.page-cluster"], RA_ORDER_CEILING)
    page = addr >> 12
    if most > 1:
        before = vma.swap_readahead[0] if vma.swap_readahead else 0
        window = _window(vma, page, most)
        if page == before + 1:
            first, end = page, page + window
        elif page == before - 1:
            first, end = page - window + 1, page + 1
        else:
            first = page - (window - 1) // 2
            end = first + window
        first = max(first, vma.start >> 12, page & ~1023)
        end = min(end, vma.end >> 12, (page | 1023) + 1)
        if window > 1:
            read = 0
            for number in range(first, end):
                pte = table.ptes[number & 1023]
                if not pte or pte & 0x101 or number == page:
                    read += number == page and _read(box, entry, 0)
                    continue
                if _read(box, pte, PG_READAHEAD):
                    read += 1
                    box.vmstat["swap_ra"] += 1
            if read:
                box.disk.submit(False, read)
    pfn, fresh = read_swap_cache_async(box, entry)
    if fresh:
        box.disk.submit(False, 1)
    return pfn


def _read(box: Box, entry: int, extra: int) -> bool:
    try:
        return read_swap_cache_async(box, entry, extra)[1]
    except KernelError:
        return False


def _lookup(box: Box, vma: VmArea, addr: int, entry: int) -> int:
    """The page in the swap cache, if it is there; a hit of read-ahead is noted (lookup_swap_cache)."""
    pfn = box.swap.cached(entry)
    if pfn and box.memmap.flags[pfn] & PG_READAHEAD:
        box.memmap.flags[pfn] &= ~PG_READAHEAD
        box.vmstat["swap_ra_hit"] += 1
        _, window, hits = vma.swap_readahead or (0, 0, RA_FIRST)
        vma.swap_readahead = (addr >> 12, window, hits + 1)
    elif pfn and vma.swap_readahead:
        vma.swap_readahead = (addr >> 12, *vma.swap_readahead[1:])
    return pfn


def do_swap_page(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int, write: bool) -> int:
    """A fault on an entry that names a swap slot; the kinds it was (fault.MAJOR …). OutOfMemory."""
    from memsh.kernel.fault import MAJOR, SWAPPED, OutOfMemory, do_wp_page

    swap, memmap = box.swap, box.memmap
    entry = table.ptes[at]
    anon_vma_prepare(box, vma)
    what = SWAPPED
    pfn = _lookup(box, vma, addr, entry)
    if not pfn:
        pfn = swapin_readahead(box, vma, addr, entry, table)
        if not pfn:
            raise OutOfMemory
        box.vmstat["pgmajfault"] += 1
        what |= MAJOR
    memmap.refcount[pfn] += 1
    if what & MAJOR:
        box.disk.wait(box.disk.busy_until)
        if table.ptes[at] != entry or swap.cached(entry) != pfn:  # reclaimed again while it was waited for
            put_frames(box, [pfn])
            return do_swap_page(box, mm, vma, addr, table, at, write) | what if table.ptes[at] == entry else what
    swap.free(entry)
    flags = memmap.flags[pfn]
    if flags & PG_SWAPCACHE:
        wanted = swap.full() or vma.flags & VM_LOCKED or flags & PG_MLOCKED
        if wanted or (write and memmap.refcount[pfn] == 2):
            swap.free_folio(pfn)
    mm.rss[MM_ANONPAGES] += 1
    mm.rss[MM_SWAPENTS] -= 1
    alone = memmap.refcount[pfn] == 1
    pte = pfn << 12 | vm_page_prot(vma.flags)
    if alone and write:
        pte |= PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0)
    _add_anon_rmap(box, vma, pfn, addr, alone)
    table.ptes[at] = pte
    mm.tlb.pop(addr >> 12, None)
    if vma.flags & VM_LOCKED:
        mlock_page(box, pfn)
    if write and not alone:
        what |= do_wp_page(box, mm, vma, addr, table, at)
    return what


def _add_anon_rmap(box: Box, vma: VmArea, pfn: int, addr: int, exclusive: bool) -> None:
    """page_add_anon_rmap(): the first mapping says where the page belongs."""
    memmap = box.memmap
    anon = vma.anon_vma
    assert anon is not None
    memmap.mapcount[pfn] += 1
    if memmap.mapcount[pfn] == 1:
        box.vmstat["nr_anon_pages"] += 1
        if not memmap.flags[pfn] & PG_ANON:
            memmap.mapping[pfn] = anon.number if exclusive else anon.root
            memmap.index[pfn] = vma.pgoff + ((addr - vma.start) >> 12)
    memmap.flags[pfn] |= PG_ANON | (PG_ANON_EXCLUSIVE if exclusive else 0)


# -- swapoff ---------------------------------------------------------------------------------------------------------


def _unuse_mm(box: Box, mm: MmStruct, area: SwapInfo) -> None:
    """Bring back every page of a process that lies in the area. ENOMEM."""
    for vma in list(mm.mmap):
        if vma.file is not None and vma.anon_vma is None:
            continue
        base = vma.start
        for index, first, stop in table_pieces(vma.start, vma.end):
            table = mm.pgd.get(index)
            if table is not None:
                for at in range(first, stop):
                    pte = table.ptes[at]
                    if pte and not pte & 0x101 and pte >> 1 & 31 == area.number:
                        _unuse_pte(box, mm, vma, base + ((at - first) << 12), table, at)
            base += (stop - first) << 12


def _unuse_pte(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int) -> None:
    entry = table.ptes[at]
    pfn, fresh = read_swap_cache_async(box, entry)
    if not pfn:
        raise KernelError("ENOMEM")
    if fresh:
        box.disk.read(1)
        if table.ptes[at] != entry or box.swap.cached(entry) != pfn:
            return _unuse_pte(box, mm, vma, addr, table, at) if table.ptes[at] == entry else None
    box.swap.wait_writeback(pfn)
    memmap = box.memmap
    memmap.refcount[pfn] += 1
    anon_vma_prepare(box, vma)
    box.swap.free(entry)
    mm.rss[MM_ANONPAGES] += 1
    mm.rss[MM_SWAPENTS] -= 1
    _add_anon_rmap(box, vma, pfn, addr, False)
    table.ptes[at] = pfn << 12 | vm_page_prot(vma.flags) & ~PTE_RW
    box.swap.free_folio(pfn)
    return None


def try_to_unuse(box: Box, area: SwapInfo) -> None:
    """Bring everything that lies in an area back. ENOMEM if it does not fit; what has come back stays."""
    from memsh.kernel.shmem_swap import shmem_unuse

    for owner in list(box.memmap.owners):
        if isinstance(owner, AddressSpace) and owner.inode.shmem:
            shmem_unuse(box, owner, area)
    for mm in list(box.vm.mms.values()):
        if mm.rss[MM_SWAPENTS]:
            _unuse_mm(box, mm, area)
    for offset in range(1, area.slots):
        pfn = area.cache[offset]
        if pfn and area.inuse:
            box.swap.wait_writeback(pfn)
            if area.cache[offset] == pfn:
                box.swap.free_folio(pfn)
                box.memmap.flags[pfn] |= PG_DIRTY
    if area.inuse:
        raise KernelError("ENOMEM", f"{area.inuse} slots are still in use")


def swapoff(box: Box, path: str) -> None:
    """Switch an area off. EINVAL if it is not on; ENOMEM if memory could not hold what is in it, with nothing lost."""
    from memsh.kernel.vmalist import vm_enough_memory

    swap = box.swap
    area = next((area for area in swap.info.values() if area.path == path), None)
    if area is None:
        raise KernelError("EINVAL", f"{path} is no swap area")
    mm = box.current.mm
    vm_enough_memory(box, mm, area.pages)
    box.vm.commit -= area.pages
    area.writeok = False
    swap.free_pages -= area.pages - area.inuse
    try:
        try_to_unuse(box, area)
    except KernelError:
        area.writeok = True
        swap.free_pages += area.pages - area.inuse
        raise
    swap.forget(area)

