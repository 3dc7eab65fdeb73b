"""khugepaged: small pages become a huge one in the background, and at once by MADV_COLLAPSE (mm/khugepaged.c).

It looks at the processes that may have huge pages in turn, so many pages a wake-up, and sleeps in between by the box's
clock. Counters: thp_collapse_alloc, thp_collapse_alloc_failed, thp_scan_exceed_*.

Known deviations: pages in swap are not read back for it; it takes no time, and with a sleep of 0 it runs every tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_NAMES,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_PSE,
    PTE_RW,
    PTE_SPECIAL,
    VM_HUGEPAGE,
    VM_WRITE,
)
from memsh.linux.include.memmap import K_ANON, PG_ANON, PG_HUGE, PG_LRU, PG_REFERENCED
from memsh.linux.include.mm_types import MM_ANONPAGES, MmStruct, VmArea
from memsh.linux.kernel.printk import KERN_WARNING
from memsh.linux.lib.entries import PRESENT
from memsh.linux.mm.huge_memory.huge import (
    ENABLED,
    GFP_TRANSHUGE,
    GFP_TRANSHUGE_LIGHT,
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    HPAGE_PMD_SIZE,
    PMD_SHIFT,
    SMALL_MACHINE,
    HugePmd,
    compound_head,
    hugepage_vma_check,
)
from memsh.linux.mm.huge_memory.pages import add_huge_page, unmapped_parts
from memsh.linux.mm.huge_memory.split import DeferredSplit
from memsh.linux.mm.lru import put_frames
from memsh.linux.mm.rmap.mapcount import page_remove_rmap
from memsh.linux.mm.vmscan.shrinker import register_shrinker

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import PageTable

TICK_USEC = 4000
(
    SCAN_SUCCEED, SCAN_PMD_MAPPED, SCAN_PMD_NULL, SCAN_EXCEED, SCAN_PAGE_RO, SCAN_LACK_REFERENCED_PAGE, SCAN_PAGE_COUNT,
    SCAN_PAGE_LRU, SCAN_PAGE_NULL, SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_CGROUP_CHARGE_FAIL,
) = range(11)  # fmt: skip
_ERRNO = {SCAN_ALLOC_HUGE_PAGE_FAIL: "ENOMEM", SCAN_CGROUP_CHARGE_FAIL: "EBUSY", SCAN_PAGE_COUNT: "EAGAIN",
          SCAN_PAGE_LRU: "EAGAIN"}  # fmt: skip


class Khugepaged:
    """`box.thp.khugepaged`: its knobs, and where it is. `slots`: the mms that it looks at, by number, in their turn."""

    def __init__(self, box: Box, on: bool) -> None:
        self.box = box
        self.alloc_sleep_millisecs = 60000
        self.scan_sleep_millisecs = 10000
        self.pages_to_scan = HPAGE_PMD_NR * 8
        self.defrag = int(on)
        self.max_ptes_none = HPAGE_PMD_NR - 1
        self.max_ptes_swap = HPAGE_PMD_NR // 8
        self.max_ptes_shared = HPAGE_PMD_NR // 2
        self.full_scans = self.pages_collapsed = 0
        self.slots: dict[int, None] = {}
        self.slot = 0  # the mm that it goes on with, 0 for a new round
        self.address = 0
        self.due = 0  # when it wakes next, 0 while it sleeps for good

    def enter(self, mm: MmStruct) -> None:
        """The process has memory that khugepaged shall look at (khugepaged_enter_vma)."""
        if mm.number not in self.slots:
            self.slots[mm.number] = None
            if not self.due:
                self.wake()

    def wake(self) -> None:
        """It runs as soon as the clock moves."""
        timer = self.box.timer
        if not self.due:
            timer.once(timer.usec, self.run)
        else:
            timer.hasten(self.run)
        self.due = timer.usec or 1

    def run(self) -> None:
        """One wake-up: scan, then sleep (khugepaged_do_scan, khugepaged_wait_work)."""
        self.due = 0
        if self.box.thp.enabled == "never":
            return
        self._do_scan()
        if self.slots:
            self.due = self.box.timer.usec + (self.scan_sleep_millisecs * 1000 or TICK_USEC)
            self.box.timer.once(self.due, self.run)

    def _do_scan(self) -> None:
        progress = rounds = 0
        patience = 1
        while progress < self.pages_to_scan and self.slots:
            if not self.slot:
                rounds += 1
            if rounds >= 2:
                return
            done, result = self._scan_slot(self.pages_to_scan - progress)
            progress += done
            if result == SCAN_ALLOC_HUGE_PAGE_FAIL:
                if not patience:
                    return
                patience -= 1

    def _scan_slot(self, pages: int) -> tuple[int, int]:
        """Go on with the process whose turn it is: (pages of progress, the last result)."""
        if self.slot not in self.slots:
            self.slot, self.address = next(iter(self.slots)), 0
        mm = self.box.vm.mms.get(self.slot)
        progress, result = 1, SCAN_PMD_NULL
        if mm is not None:
            for vma in list(mm.mmap):
                if vma.end <= self.address:
                    continue
                low = (vma.start + HPAGE_PMD_SIZE - 1) & -HPAGE_PMD_SIZE
                high = vma.end & -HPAGE_PMD_SIZE
                if not hugepage_vma_check(self.box, vma) or self.address > high:
                    progress += 1
                    continue
                self.address = max(self.address, low)
                while self.address < high:
                    result = scan_pmd(self.box, mm, vma, self.address, self)
                    self.pages_collapsed += result == SCAN_SUCCEED
                    self.address += HPAGE_PMD_SIZE
                    progress += HPAGE_PMD_NR
                    if result in (SCAN_SUCCEED, SCAN_ALLOC_HUGE_PAGE_FAIL) or progress >= pages:
                        return progress, result
        self._next_slot(mm is None)
        return progress, result

    def _next_slot(self, gone: bool) -> None:
        numbers = list(self.slots)
        at = numbers.index(self.slot) + 1
        if gone:
            del self.slots[self.slot]
        if at < len(numbers):
            self.slot, self.address = numbers[at], 0
        else:
            self.slot = 0
            self.full_scans += 1


def scan_pmd(box: Box, mm: MmStruct, vma: VmArea, addr: int, by: Khugepaged | None) -> int:
    """Look at the small entries of 2 MiB, and collapse them if they are worth it; `by` None: somebody asked for it."""
    number = addr >> PMD_SHIFT
    if number in mm.huge:
        return SCAN_PMD_MAPPED
    table = mm.tables.get(number)
    if table is None:
        return SCAN_PMD_NULL
    memmap, vmstat, zero = box.memmap, box.vmstat, box.vm.zero_pfn
    none = shared = referenced = 0
    writable = False
    for pte in table.ptes:
        if pte and not pte & PRESENT:
            vmstat["thp_scan_exceed_swap_pte"] += 1
            return SCAN_EXCEED
        pfn = pte >> 12
        if not pte or pfn == zero:
            none += 1
            if by is not None and none > by.max_ptes_none:
                vmstat["thp_scan_exceed_none_pte"] += 1
                return SCAN_EXCEED
            continue
        writable = writable or bool(pte & PTE_RW)
        flags = memmap.flags[pfn]
        head = compound_head(box, pfn)
        if pte & PTE_SPECIAL or not flags & PG_ANON:
            return SCAN_PAGE_NULL
        if memmap.mapcount[pfn] > 1:
            shared += 1
            if by is not None and shared > by.max_ptes_shared:
                vmstat["thp_scan_exceed_share_pte"] += 1
                return SCAN_EXCEED
        if not memmap.flags[head] & PG_LRU:
            return SCAN_PAGE_LRU
        if not flags & PG_HUGE and memmap.refcount[pfn] != memmap.mapcount[pfn]:
            return SCAN_PAGE_COUNT
        referenced += bool(pte & PTE_ACCESSED or flags & PG_REFERENCED)
    if not writable:
        return SCAN_PAGE_RO
    if by is not None and not referenced:
        return SCAN_LACK_REFERENCED_PAGE
    return collapse_huge_page(box, mm, vma, addr, by is None or bool(by.defrag))


def _alloc_page(box: Box, table: PageTable, gfp: int) -> int:
    """A huge page of the node that has most of the small ones (hpage_collapse_find_target_node), 0 if there is none."""
    pages = box.pages
    if not box.arch.numa:
        return int(pages.alloc_pages(gfp, HPAGE_PMD_ORDER, K_ANON))
    load = [0] * len(pages.nodes)
    for pte in table.ptes:
        if pte & PRESENT and pte >> 12 != box.vm.zero_pfn:
            load[pages.zone_of(pte >> 12).node] += 1
    most = max(load)
    nodes = [nid for nid, count in enumerate(load) if count == most]
    return pages.alloc_pages_node(gfp | GFP_NAMES["__GFP_THISNODE"], HPAGE_PMD_ORDER, nodes[0], K_ANON, nodes)


def collapse_huge_page(box: Box, mm: MmStruct, vma: VmArea, addr: int, defrag: bool) -> int:
    """Copy 512 small pages to a huge one and let an entry of 2 MiB map it; the table is kept ready."""
    head = _alloc_page(box, mm.tables[addr >> PMD_SHIFT], GFP_TRANSHUGE if defrag else GFP_TRANSHUGE_LIGHT)
    if not head:
        box.vmstat["thp_collapse_alloc_failed"] += 1
        return SCAN_ALLOC_HUGE_PAGE_FAIL
    memcg = box.memcg.of_mm(mm)
    if not box.memcg.charge_page(memcg, head, GFP_TRANSHUGE if defrag else GFP_TRANSHUGE_LIGHT, HPAGE_PMD_NR):
        box.pages.free_pages(head, HPAGE_PMD_ORDER)
        return SCAN_CGROUP_CHARGE_FAIL
    box.vmstat["thp_collapse_alloc"] += 1
    if memcg is not None:
        memcg.stat["thp_collapse_alloc"] += 1
    memmap = box.memmap
    table = mm.tables.pop(addr >> PMD_SHIFT)
    mm.flush_tlb(addr, addr + HPAGE_PMD_SIZE)
    for at, pte in enumerate(table.ptes):
        old = pte >> 12
        if not pte or old == box.vm.zero_pfn:
            mm.rss[MM_ANONPAGES] += 1
            continue
        if old in memmap.data:
            memmap.data[head + at] = bytearray(memmap.data[old])
        _drop(box, old)
        table.ptes[at] = 0
    for at in range(HPAGE_PMD_NR):
        table.ptes[at] = 0
    add_huge_page(box, vma, head, addr)
    prot = vm_page_prot(vma) | PTE_PSE | PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0)
    mm.huge[addr >> PMD_SHIFT] = HugePmd(head << 12 | prot, table)
    return SCAN_SUCCEED


def _drop(box: Box, pfn: int) -> None:
    """One entry no longer maps a page that was copied."""
    left = page_remove_rmap(box, pfn)
    if box.memmap.flags[pfn] & PG_HUGE:
        unmapped_parts(box, pfn, 1, int(not left))
    else:
        put_frames(box, [pfn])


def madvise_collapse(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int) -> None:
    """MADV_COLLAPSE, whatever the knobs say. EINVAL, ENOMEM, EAGAIN if some 2 MiB did not become a huge page."""
    if not vma.anon_vma or not vma.flags & 7 or vma.vm_ops is not None:
        raise KernelError("EINVAL")
    low, high = (start + HPAGE_PMD_SIZE - 1) & -HPAGE_PMD_SIZE, end & -HPAGE_PMD_SIZE
    failed = -1
    for addr in range(low, high, HPAGE_PMD_SIZE):
        result = scan_pmd(box, mm, vma, addr, None)
        if result not in (SCAN_SUCCEED, SCAN_PMD_MAPPED):
            failed = result
    if failed >= 0:
        raise KernelError(_ERRNO.get(failed, "EINVAL"))


def khugepaged_enter(box: Box, mm: MmStruct, vma: VmArea) -> None:
    """An area that may have huge pages got its first page, or was asked to have them."""
    khugepaged = box.thp.khugepaged
    if khugepaged is not None and (box.thp.enabled == "always" or vma.flags & VM_HUGEPAGE):
        khugepaged.enter(mm)


def hugepage_init(box: Box) -> None:
    """Once memory is known: what transparent_hugepage= says counts (hugepage_init, setup_transparent_hugepage)."""
    thp = box.thp
    if not thp.available:
        return
    parameter = box.config.parameter("transparent_hugepage")
    small = sum(zone.managed for zone in box.pages.zones) < SMALL_MACHINE
    thp.khugepaged = Khugepaged(box, not small)
    split = DeferredSplit(box)
    register_shrinker(box, "thp-deferred_split", split.count, split.scan)
    if parameter in ENABLED:
        thp.enabled = parameter
    elif parameter is not None:
        box.log.printk("transparent_hugepage= cannot parse, ignored", KERN_WARNING)
    if small:
        thp.enabled = thp.defrag = "never"
        thp.use_zero_page = False
