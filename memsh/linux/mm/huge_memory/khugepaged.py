"""khugepaged: small pages become a huge one in the background, and at once by MADV_COLLAPSE (mm/khugepaged.c).

It looks at the processes that may have huge pages in turn, so many pages a wake-up, and sleeps in between by the box's
clock. Counters: thp_collapse_alloc, thp_collapse_alloc_failed, thp_scan_exceed_*.

Known deviations: it takes no time, waits for a page from swap where Linux would try again later, and with a sleep of 0
runs every tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import vm_page_prot
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_PSE,
    PTE_RW,
    PTE_SPECIAL,
    VM_HUGETLB,
    VM_NOHUGEPAGE,
    VM_WRITE,
)
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.include.memmap import PG_ANON, PG_HUGE, PG_LRU, PG_REFERENCED, PG_SWAPCACHE
from memsh.linux.include.mm_types import MM_ANONPAGES, MmStruct, VmArea
from memsh.linux.lib.entries import PRESENT
from memsh.linux.mm.huge_memory.collapse_file import collapse_pte_mapped_thp, scan_file
from memsh.linux.mm.huge_memory.huge import (
    ENABLED,
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    HPAGE_PMD_SIZE,
    PMD_SHIFT,
    SMALL_MACHINE,
    HugePmd,
    compound_head,
    transhuge_vma_suitable,
)
from memsh.linux.mm.huge_memory.pages import add_huge_pages, unmapped_parts
from memsh.linux.mm.huge_memory.scan import (
    SCAN_ALLOC_HUGE_PAGE_FAIL,
    SCAN_CGROUP_CHARGE_FAIL,
    SCAN_EXCEED,
    SCAN_FAIL,
    SCAN_LACK_REFERENCED_PAGE,
    SCAN_PAGE_ANON,
    SCAN_PAGE_COMPOUND,
    SCAN_PAGE_COUNT,
    SCAN_PAGE_LRU,
    SCAN_PAGE_NULL,
    SCAN_PAGE_RO,
    SCAN_PMD_MAPPED,
    SCAN_PMD_NULL,
    SCAN_PTE_MAPPED_HUGEPAGE,
    SCAN_SUCCEED,
    Collapse,
    alloc_charge_hpage,
    find_pmd_or_thp_or_none,
)
from memsh.linux.mm.huge_memory.split import DeferredSplit
from memsh.linux.mm.lru import lru_add_drain, put_frames
from memsh.linux.mm.memory.outcome import BusError, OutOfMemory
from memsh.linux.mm.memory.rss_stat import add_mm_counter
from memsh.linux.mm.mmap.vmalist import areas_between
from memsh.linux.mm.mmap.vmamerge import VM_SPECIAL
from memsh.linux.mm.rmap.mapcount import page_remove_rmap
from memsh.linux.mm.shmem.shmem_huge import shmem_is_huge
from memsh.linux.mm.swap.swapin import do_swap_page
from memsh.linux.mm.vmscan.shrinker import register_shrinker

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import PageTable

TICK_USEC = 4000
# what one asks for in vain here may do elsewhere (madvise_collapse)
_GO_ON = (SCAN_PMD_NULL, SCAN_PAGE_RO, SCAN_LACK_REFERENCED_PAGE, SCAN_PAGE_NULL, SCAN_PAGE_COUNT, SCAN_PAGE_COMPOUND,
          SCAN_PAGE_LRU)  # fmt: skip
_ERRNO = {SCAN_ALLOC_HUGE_PAGE_FAIL: "ENOMEM", SCAN_CGROUP_CHARGE_FAIL: "EBUSY", SCAN_PAGE_COUNT: "EAGAIN",
          SCAN_PAGE_LRU: "EAGAIN"}  # fmt: skip
MAX_PTE_MAPPED_THP = 8


class Khugepaged:
    """`box.thp.khugepaged`: its knobs, and where it is. `slots`: the mms that it looks at, by number, in their turn,
    with the places where small entries map a huge page of a file."""

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
        self.slots: dict[int, list[int]] = {}
        self.slot = 0  # the mm that it goes on with, 0 for a new round
        self.address = 0
        self.due = 0  # when it wakes next, 0 while it sleeps for good
        self.progress = self.rounds = 0  # of the scan that it is at
        self.waited = False  # for a huge page to be had, in this scan

    def enter(self, mm: MmStruct) -> None:
        """The process has memory that khugepaged shall look at (__khugepaged_enter)."""
        if mm.number not in self.slots:
            idle = not self.slots
            self.slots[mm.number] = []
            if idle:
                self.wake()

    def enter_vma(self, vma: VmArea, flags: int) -> None:
        """An area is new, or will have `flags` (khugepaged_enter_vma)."""
        box, mm = self.box, vma.mm
        if mm.number in self.slots or box.thp.enabled == "never":
            return
        if may_collapse(box, vma, flags, enforce_sysfs=True):
            self.enter(mm)

    def fork(self, mm: MmStruct, oldmm: MmStruct) -> None:
        """A copy of a process that it looks at (khugepaged_fork)."""
        if oldmm.number in self.slots:
            self.enter(mm)

    def add_pte_mapped_thp(self, mm: MmStruct, addr: int) -> bool:
        """Small entries map a huge page of a file there: to be seen to when the process's turn comes."""
        todo = self.slots.get(mm.number)
        if todo is None or len(todo) >= MAX_PTE_MAPPED_THP:
            return False
        todo.append(addr)
        return True

    def wake(self) -> None:
        """It runs as soon as the clock moves, or whoever woke it gives up the CPU."""
        timer = self.box.timer
        if not self.due:
            timer.once(timer.usec, self.run)
        else:
            timer.hasten(self.run)
        self.due = timer.usec or 1

    def yielded(self) -> None:
        """The task that may have woken it waits: now it runs."""
        if self.due and self.due <= self.box.timer.usec:
            self.box.timer.cancel(self.run)
            self.run()

    def run(self) -> None:
        """One wake-up: scan, then sleep (khugepaged_do_scan, khugepaged_wait_work)."""
        self.due = 0
        if self.box.thp.enabled == "never" and not self.slots:
            return
        with self.box.pages.anywhere():  # whoever runs meanwhile, and wherever that one is confined to
            sleep = self.alloc_sleep_millisecs if self._do_scan() else self.scan_sleep_millisecs
        if self.slots:
            self.due = self.box.timer.usec + (sleep * 1000 or TICK_USEC)
            self.box.timer.once(self.due, self.run)

    def _do_scan(self) -> bool:
        """Scan on; whether it has to wait for a huge page meanwhile."""
        lru_add_drain(self.box)
        while self.slots:
            self.rounds += not self.slot
            if self.rounds >= 2:
                break
            done, result = self._scan_slot(self.pages_to_scan - self.progress)
            self.progress += done
            if self.progress >= self.pages_to_scan:
                break
            if result == SCAN_ALLOC_HUGE_PAGE_FAIL:
                if self.waited:
                    break
                self.waited = True
                return True
        self.progress = self.rounds = 0
        self.waited = False
        return False

    def _scan_slot(self, pages: int) -> tuple[int, int]:
        """Go on with the process whose turn it is: (pages of progress, the last result)."""
        box = self.box
        if self.slot not in self.slots:
            self.slot, self.address = next(iter(self.slots)), 0
        mm = box.vm.mms.get(self.slot)
        progress, result = 1, SCAN_FAIL
        if mm is not None:
            todo, self.slots[self.slot] = self.slots[self.slot], []
            for addr in todo:
                collapse_pte_mapped_thp(box, mm, addr, install_pmd=False)
            for vma in areas_between(mm, self.address, mm.task_size):
                low = (vma.start + HPAGE_PMD_SIZE - 1) & -HPAGE_PMD_SIZE
                high = vma.end & -HPAGE_PMD_SIZE
                if not may_collapse(box, vma, vma.flags, enforce_sysfs=True) or self.address > high:
                    progress += 1
                    continue
                self.address = max(self.address, low)
                while self.address < high:
                    result, unlocked = self._scan_pmd(mm, vma)
                    self.address += HPAGE_PMD_SIZE
                    progress += HPAGE_PMD_NR
                    if unlocked or progress >= pages:
                        return progress, result
        self._next_slot(mm is None)
        return progress, result

    def _scan_pmd(self, mm: MmStruct, vma: VmArea) -> tuple[int, bool]:
        """2 MiB: what was found, and whether the process's areas may be others now."""
        by = Collapse(self)
        if vma.file is None:
            result, unlocked = scan_pmd(self.box, mm, vma, self.address, by)
        else:
            result, unlocked = scan_file(self.box, vma, self.address, by), True
        if result == SCAN_PTE_MAPPED_HUGEPAGE:
            result = find_pmd_or_thp_or_none(mm, self.address)[0]
            if result == SCAN_SUCCEED and not self.add_pte_mapped_thp(mm, self.address):
                return result, unlocked
        self.pages_collapsed += result == SCAN_SUCCEED
        return result, unlocked

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


def may_collapse(box: Box, vma: VmArea, flags: int, *, enforce_sysfs: bool) -> bool:
    """Whether small pages of the area, with these flags, may become huge ones (hugepage_vma_check). MADV_COLLAPSE heeds
    no `enabled`. Shared memory is asked about the flags that it has yet."""
    if not box.thp.available or flags & (VM_NOHUGEPAGE | VM_SPECIAL | VM_HUGETLB):
        return False
    if not transhuge_vma_suitable(vma, vma.end - HPAGE_PMD_SIZE):
        return False
    if vma.vm_ops is not None:
        if vma.file is None or not vma.file.inode.shmem:
            return False
        inode = vma.file.inode
        return shmem_is_huge(box, vma, inode, vma.pgoff, force=not enforce_sysfs)
    return vma.anon_vma is not None and (not enforce_sysfs or box.thp.allows(flags))


def scan_pmd(box: Box, mm: MmStruct, vma: VmArea, addr: int, by: Collapse) -> tuple[int, bool]:
    """Look at the small entries of 2 MiB, and collapse them if they are worth it: what was found, and whether that was
    tried (hpage_collapse_scan_pmd)."""
    result, table = find_pmd_or_thp_or_none(mm, addr)
    if table is None:
        return result, False
    result, unmapped = _scan_ptes(box, table, by)
    if result != SCAN_SUCCEED:
        return result, False
    return collapse_huge_page(box, mm, vma, addr, unmapped, by), True


def _scan_ptes(box: Box, table: PageTable, by: Collapse) -> tuple[int, int]:
    """(What was found, how many of the pages lie in swap.)"""
    memmap, vmstat, zero, knobs = box.memmap, box.vmstat, box.vm.zero_pfn, by.knobs
    none = shared = referenced = unmapped = 0
    writable = False
    for pte in table.ptes:
        if pte and not pte & PRESENT:
            unmapped += 1
            if knobs is not None and unmapped > knobs.max_ptes_swap:
                vmstat["thp_scan_exceed_swap_pte"] += 1
                return SCAN_EXCEED, unmapped
            continue
        pfn = pte >> 12
        if not pte or pfn == zero:
            none += 1
            if knobs is not None and none > knobs.max_ptes_none:
                vmstat["thp_scan_exceed_none_pte"] += 1
                return SCAN_EXCEED, unmapped
            continue
        writable = writable or bool(pte & PTE_RW)
        if pte & PTE_SPECIAL:
            return SCAN_PAGE_NULL, unmapped
        if memmap.mapcount[pfn] > 1:
            shared += 1
            if knobs is not None and shared > knobs.max_ptes_shared:
                vmstat["thp_scan_exceed_share_pte"] += 1
                return SCAN_EXCEED, unmapped
        by.note_node(box, pfn)
        flags = memmap.flags[pfn]
        if not memmap.flags[compound_head(box, pfn)] & PG_LRU:
            return SCAN_PAGE_LRU, unmapped
        if not flags & PG_ANON:
            return SCAN_PAGE_ANON, unmapped
        if not flags & PG_HUGE and memmap.refcount[pfn] != memmap.mapcount[pfn] + bool(flags & PG_SWAPCACHE):
            return SCAN_PAGE_COUNT, unmapped
        referenced += bool(pte & PTE_ACCESSED or flags & PG_REFERENCED)
    if not writable:
        return SCAN_PAGE_RO, unmapped
    if knobs is not None and (not referenced or (unmapped and referenced < HPAGE_PMD_NR // 2)):
        return SCAN_LACK_REFERENCED_PAGE, unmapped
    return SCAN_SUCCEED, unmapped


def collapse_huge_page(box: Box, mm: MmStruct, vma: VmArea, addr: int, unmapped: int, by: Collapse) -> int:
    """Copy 512 small pages to a huge one and let an entry of 2 MiB map it; the table is kept ready."""
    result, head = alloc_charge_hpage(box, mm, by)
    if not head:
        return result
    if unmapped:
        result = _swap_in(box, mm, vma, addr)
        if result == SCAN_SUCCEED:
            result = _scan_ptes(box, mm.tables[addr >> PMD_SHIFT], Collapse(by.knobs))[0]
        if result != SCAN_SUCCEED:
            box.pages.free_pages(head, HPAGE_PMD_ORDER)
            return result
    memmap = box.memmap
    table = mm.tables.pop(addr >> PMD_SHIFT)
    mm.flush_tlb(addr, addr + HPAGE_PMD_SIZE)
    for at, pte in enumerate(table.ptes):
        old = pte >> 12
        if not pte or old == box.vm.zero_pfn:
            add_mm_counter(box, mm, MM_ANONPAGES, 1)
            continue
        if old in memmap.data:
            memmap.data[head + at] = bytearray(memmap.data[old])
        _drop(box, old)
        table.ptes[at] = 0
    add_huge_pages(box, vma, [head], addr)
    prot = vm_page_prot(vma) | PTE_PSE | PTE_DIRTY | (PTE_RW if vma.flags & VM_WRITE else 0)
    mm.huge[addr >> PMD_SHIFT] = HugePmd(head << 12 | prot, table.pfn)
    return SCAN_SUCCEED


def _swap_in(box: Box, mm: MmStruct, vma: VmArea, addr: int) -> int:
    """Bring back what lies in swap (__collapse_huge_page_swapin)."""
    table = mm.tables[addr >> PMD_SHIFT]
    try:
        for at in range(HPAGE_PMD_NR):
            if table.ptes[at] and not table.ptes[at] & PRESENT:
                do_swap_page(box, mm, vma, addr + (at << 12), table, at, False)
    except (OutOfMemory, BusError):
        return SCAN_FAIL
    lru_add_drain(box)
    return SCAN_SUCCEED


def _drop(box: Box, pfn: int) -> None:
    """One entry no longer maps a page that was copied."""
    left = page_remove_rmap(box, pfn)
    if box.memmap.flags[pfn] & PG_SWAPCACHE:
        box.swap.free_swap_cache([pfn])
    if box.memmap.flags[pfn] & PG_HUGE:
        unmapped_parts(box, pfn, 1, int(not left))
    else:
        put_frames(box, [pfn])


def madvise_collapse(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int) -> None:
    """MADV_COLLAPSE, whatever the knobs say. EINVAL, ENOMEM, EBUSY, EAGAIN if some 2 MiB did not become a huge page."""
    if not may_collapse(box, vma, vma.flags, enforce_sysfs=False):
        raise KernelError("EINVAL")
    lru_add_drain(box)
    low, high = (start + HPAGE_PMD_SIZE - 1) & -HPAGE_PMD_SIZE, end & -HPAGE_PMD_SIZE
    failed, done = SCAN_FAIL, 0
    for addr in range(low, high, HPAGE_PMD_SIZE):
        box.cond_resched()
        by = Collapse(None)
        result = scan_pmd(box, mm, vma, addr, by)[0] if vma.file is None else scan_file(box, vma, addr, by)
        if result == SCAN_PTE_MAPPED_HUGEPAGE:
            result = collapse_pte_mapped_thp(box, mm, addr, install_pmd=True)
        if result in (SCAN_SUCCEED, SCAN_PMD_MAPPED):
            done += 1
            continue
        failed = result
        if result not in _GO_ON:
            break
    if done != high - low >> PMD_SHIFT:  # a range that reaches no boundary ends before it begins, and fails
        raise KernelError(_ERRNO.get(failed, "EINVAL"))


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
        box.log.printk("huge_memory: transparent_hugepage= cannot parse, ignored", KERN_WARNING)
    if small:
        thp.enabled = thp.defrag = "never"
        thp.use_zero_page = False
