"""Huge pages of shared memory: who gets them, in and out of the page cache, mapped by an entry of 2 MiB (mm/shmem.c:
shmem_is_huge, shmem_alloc_hugefolio, shmem_add_to_page_cache).

/sys/kernel/mm/transparent_hugepage/shmem_enabled decides for shared anonymous memory, which lies on a mount of the
kernel's own: its huge= follows that file. Of a tmpfs the mount option decides, but that `force` and `deny` go over all.
The cache holds a reference for each of the 512 pages, on the head.

Counters: thp_file_alloc, thp_file_fallback, thp_file_mapped, nr_shmem_hugepages, nr_shmem_pmdmapped.

Known deviations: the tree has a slot for each of the 512 pages; a file's end inside a huge page does not make it split
when memory is short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_NAMES,
    VM_HUGEPAGE,
    VM_NOHUGEPAGE,
)
from memsh.linux.include.memmap import PG_HUGE, PG_LRU, PG_SWAPBACKED, PG_UPTODATE
from memsh.linux.include.mm_types import AddressSpace, Inode, VmArea
from memsh.linux.lib.columns import count_run, set_run
from memsh.linux.mm.filemap.pagecache import GFP_CACHE, mapping_of
from memsh.linux.mm.huge_memory.huge import (
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    HPAGE_PMD_SIZE,
    transhuge_vma_suitable,
)
from memsh.linux.mm.huge_memory.pages import list_huge_page
from memsh.linux.mm.lru import lru_name
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.shmem.shmem_policy import shmem_alloc_huge

if TYPE_CHECKING:
    from memsh.linux.box import Box

SHM_DEV = (0, 1)
_ZONES = 0xF  # GFP_ZONEMASK, below __GFP_MOVABLE and with it
_ALLOW = sum(GFP_NAMES[name] for name in ("__GFP_IO", "__GFP_FS", "__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM"))
_TAIL = PG_SWAPBACKED | PG_UPTODATE | PG_HUGE


def shmem_is_huge(box: Box, vma: VmArea | None, inode: Inode, index: int, *, force: bool = False) -> bool:
    """Whether a new page at `index` is to be a huge one; `vma` is None for write(). `force`: somebody asked for it."""
    thp = box.thp
    if not thp.available or (vma is not None and vma.flags & VM_NOHUGEPAGE) or thp.shmem_enabled == "deny":
        return False
    if force or thp.shmem_enabled == "force":
        return True
    huge = mount_huge(box, inode)
    if huge == "always":
        return True
    if huge == "within_size" and -(-inode.size // 4096) >= index // HPAGE_PMD_NR * HPAGE_PMD_NR + HPAGE_PMD_NR:
        return True
    return huge in ("within_size", "advise") and vma is not None and bool(vma.flags & VM_HUGEPAGE)


def shmem_huge_enabled(box: Box, vma: VmArea) -> bool:
    """smaps' THPeligible of shared memory: some 2 MiB of the area would fit, and a page at its beginning be huge."""
    ops = vma.vm_ops
    if ops is None or ops.may_map_huge is None or not transhuge_vma_suitable(vma, vma.end - HPAGE_PMD_SIZE):
        return False
    assert vma.file is not None
    return shmem_is_huge(box, vma, vma.file.inode, vma.pgoff)


def mount_huge(box: Box, inode: Inode | None) -> str:
    """huge= of the mount that a file lies on; None: the kernel's own."""
    mounted = box.fs.tmpfs.get(inode.dev) if inode is not None else None
    return box.thp.shm_mount if mounted is None else mounted.huge


def may_map_huge(box: Box, vma: VmArea, addr: int) -> bool:
    """Whether a fault at `addr`, where no table is, may end with an entry of 2 MiB of a file of shared memory."""
    if not box.thp.available or not transhuge_vma_suitable(vma, addr):
        return False
    assert vma.file is not None
    index = vma.pgoff + (addr - vma.start >> 12)
    pfn = mapping_of(box, vma.file.inode).pages.get(index)
    if pfn is not None:
        return bool(box.memmap.flags[pfn] & PG_HUGE)
    return shmem_is_huge(box, vma, vma.file.inode, index)


def shmem_alloc_hugefolio(box: Box, vma: VmArea | None, inode: Inode, index: int) -> int:
    """A new huge page around `index`, in the cache: its head; 0 if small pages must do."""
    mapping = mapping_of(box, inode)
    first = index & -HPAGE_PMD_NR
    leaves = mapping.pages.leaves
    if any(leaf in leaves and max(leaves[leaf]) for leaf in range(first >> 6, first + HPAGE_PMD_NR >> 6)):
        return 0
    gfp = box.thp.gfp_mask(vma)
    gfp = gfp & ~(_ALLOW | _ZONES) | GFP_CACHE & _ZONES | gfp & GFP_CACHE & _ALLOW
    head = shmem_alloc_huge(box, inode, first, gfp)
    if not head:
        box.vmstat["thp_file_fallback"] += 1
        return 0
    if not box.memcg.charge_page(box.memcg.paying, head, gfp, HPAGE_PMD_NR):
        box.vmstat["thp_file_fallback"] += 1
        box.vmstat["thp_file_fallback_charge"] += 1
        box.pages.free_pages(head, HPAGE_PMD_ORDER)
        return 0
    if not _add_to_page_cache(box, mapping, first, head):
        box.pages.free_pages(head, HPAGE_PMD_ORDER)
        return 0
    return head


def _add_to_page_cache(box: Box, mapping: AddressSpace, first: int, head: int) -> bool:
    """The cache takes over the page; False if the tree cannot grow."""
    pages, memmap = mapping.pages, box.memmap
    done = first
    try:
        for leaf in range(first, first + HPAGE_PMD_NR, 64):
            for done in (leaf, leaf + 1):
                pages[done] = head + done - first
            pages.store_run(leaf + 2, range(head + leaf + 2 - first, head + leaf + 64 - first))
            done = leaf + 64
    except KernelError:
        for index in range(first, done):
            pages.pop(index)
        return False
    set_run(memmap.flags, head, HPAGE_PMD_NR, _TAIL)
    memmap.flags[head] = _TAIL | PG_LRU
    set_run(memmap.mapping, head, HPAGE_PMD_NR, mapping.number)
    count_run(memmap.index, head, first, HPAGE_PMD_NR)
    memmap.refcount[head] = HPAGE_PMD_NR
    list_huge_page(box, head, lru_name(memmap.flags[head]))
    box.thp.pages += 1
    box.vmstat["nr_shmem"] += HPAGE_PMD_NR
    for item in ("nr_file_pages", "nr_shmem_hugepages"):
        mod_node_page_state(box, item, head, HPAGE_PMD_NR)
    box.vmstat["thp_file_alloc"] += 1
    return True
