"""Bytes of a process's memory, through its page tables, with the faults that takes (mm/memory.c, lib/usercopy.c).

A translation that was used once is kept in `mm.tlb`, and in `mm.tlb.own` if it may be written through, as the page's
machine words, until the page tables change. What malloc has stored there stands in `mm.tlb.words` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from memsh.linux.arch.x86.paging import mark_huge, pte_of
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PTE_ACCESSED, PTE_DIRTY, PTE_PRESENT, PTE_RW, VM_HUGETLB, VM_WRITE
from memsh.linux.include.memmap import PG_ANON
from memsh.linux.mm.filemap.pagecache import frame_page, frame_view
from memsh.linux.mm.memory.fault import exc_page_fault, fault_range
from memsh.linux.mm.memory.outcome import Tally
from memsh.linux.mm.mmap.vmalist import find_vma

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

WORDS: dict[int, Literal["I", "Q"]] = {4: "I", 8: "Q"}  # a machine word's format in a memoryview

def _fault_in(box: Box, task: Task, addr: int, write: bool) -> int:
    """Make the page of `addr` accessible as the CPU would; its frame. Segfault, BusError, OutOfMemory."""
    mm = task.mm
    if mm is None:
        raise KernelError("ESRCH", "a kernel thread has no user memory")
    need = PTE_PRESENT | PTE_RW if write else PTE_PRESENT
    index, at = addr >> mm.table_shift, (addr >> 12) & mm.table_mask
    while True:
        table = mm.tables.get(index)
        pte = table.ptes[at] if table is not None else pte_of(mm, addr)
        if pte & need == need and addr < mm.task_size:
            mark = PTE_ACCESSED | (PTE_DIRTY if write else 0)
            if pte & mark != mark:
                if table is not None:
                    table.ptes[at] = pte | mark
                else:
                    mark_huge(mm, addr, mark)
                box.changes += 1
            return pte >> 12
        tally = Tally()
        exc_page_fault(box, task, addr, pte, write, tally)
        task.minflt += tally.minflt
        task.majflt += tally.majflt


def _bytes(box: Box, pfn: int) -> bytearray:
    """Those of a frame in which nobody has stored words that are not there yet, or not where we write."""
    page = box.memmap.contents.get(pfn)
    return frame_page(box, pfn) if page is None else page


def _page(box: Box, task: Task, addr: int, write: bool) -> memoryview[int]:
    """The page of `addr` as machine words, entered in the process's translations."""
    pfn = _fault_in(box, task, addr, write)
    mm = task.mm
    assert mm is not None
    kind = WORDS[mm.mmu.word]
    if pfn == box.vm.zero_pfn or (box.thp.zero_pfn and pfn >> 9 == box.thp.zero_pfn >> 9):
        return memoryview(bytes(4096)).cast(kind)
    view = memoryview(_bytes(box, pfn)).cast(kind)
    mm.tlb[addr >> 12] = view
    if write and box.memmap.flags[pfn] & PG_ANON:  # nobody else stores there: a page written through is ours alone
        mm.tlb.own[addr >> 12] = view
    return view


def read_word(box: Box, task: Task, addr: int) -> int:
    """The machine word at `addr`, at any alignment."""
    mm = task.mm
    assert mm is not None
    word = mm.mmu.word
    if addr & word - 1:
        return int.from_bytes(read(box, task, addr, word), "little")
    known = mm.tlb.words.get(addr)
    if known is not None:
        return known
    view: memoryview[int] | None = mm.tlb.get(addr >> 12)
    if view is None:
        view = _page(box, task, addr, False)
    return view[(addr & 4095) // word]


def write_word(box: Box, task: Task, addr: int, value: int) -> None:
    """Store a machine word at `addr`, at any alignment."""
    mm = task.mm
    assert mm is not None
    word = mm.mmu.word
    if addr & word - 1:
        write(box, task, addr, value.to_bytes(word, "little"))
        return
    view = mm.tlb.own.get(addr >> 12)
    if view is None:
        view = _page(box, task, addr, True)
    else:
        mm.tlb.words.forget(addr, word)
    view[(addr & 4095) // word] = value


def read(box: Box, task: Task, addr: int, n: int) -> bytes:
    """`n` bytes from `addr`; Segfault at the first that cannot be read."""
    parts = []
    if task.mm is not None:
        task.mm.tlb.words.settle_at(addr, n)
    while n > 0:
        offset = addr & 4095
        count = min(n, 4096 - offset)
        view = task.mm.tlb.get(addr >> 12) if task.mm else None
        if view is None:
            view = _page(box, task, addr, False)
        parts.append(view.cast("B")[offset : offset + count].tobytes())
        addr += count
        n -= count
    return b"".join(parts)


def _forget(task: Task, addr: int, n: int) -> None:
    if task.mm is not None:
        task.mm.tlb.words.forget(addr, n)


def write(box: Box, task: Task, addr: int, data: bytes) -> None:
    """Store `data` at `addr`; what lies before the first byte that cannot be written is written."""
    box.changes += 1
    at, n = 0, len(data)
    _forget(task, addr, n)
    while at < n:
        offset = addr & 4095
        count = min(n - at, 4096 - offset)
        view = task.mm.tlb.own.get(addr >> 12) if task.mm else None
        if view is None:
            view = _page(box, task, addr, True)
        view.cast("B")[offset : offset + count] = data[at : at + count]
        addr += count
        at += count


def fill(box: Box, task: Task, addr: int, value: int, n: int) -> None:
    """memset(): `n` bytes of `value`; a page never written that is filled with 0 stays without bytes of its own."""
    box.changes += 1
    _forget(task, addr, n)
    while n > 0:
        offset = addr & 4095
        if not value and n > 4096 and not offset:
            fresh = _fault_ahead(box, task, addr, n + 4095 >> 12) << 12
            addr += fresh
            n -= fresh
            if fresh:
                continue
        count = min(n, 4096 - offset)
        pfn = _fault_in(box, task, addr, True)
        if value or pfn in box.memmap.contents:
            _bytes(box, pfn)[offset : offset + count] = bytes([value]) * count
        addr += count
        n -= count


def _fault_ahead(box: Box, task: Task, addr: int, most: int) -> int:
    """Write to the pages from `addr` on that are not there yet, as one fault each: how many, at most `most`; 0 where it
    is not sure that each of them is a page of zeros then, got without reclaim."""
    mm = task.mm
    table = mm.tables.get(addr >> mm.table_shift) if mm is not None else None
    if mm is None or table is None or table.ptes[at := (addr >> 12) & mm.table_mask]:
        return 0
    vma = find_vma(mm, addr)
    if vma is None or not vma.start <= addr or vma.vm_ops is not None or not vma.flags & VM_WRITE:
        return 0
    if vma.flags & VM_HUGETLB or box.trace.on or box.memcg.of_mm(mm) is not None:
        return 0
    most = min(most, vma.end - addr >> 12, mm.table_mask + 1 - at)
    ptes, stop = table.ptes, at
    while stop < at + most and not ptes[stop]:
        stop += 1
    count = stop - at
    free = sum([zone.stat_free for zone in box.pages.zones])
    if count < 2 or free < 2 * (box.pages.totalreserve_pages + count):
        return 0
    tally = Tally()
    try:
        fault_range(box, mm, vma, addr, addr + (count << 12), True, tally)
    finally:
        task.minflt += tally.minflt
    return count


def copy(box: Box, task: Task, to: int, source: int, n: int) -> None:
    """memcpy() within one process, page by page."""
    box.changes += 1
    _forget(task, to, n)
    if task.mm is not None:
        task.mm.tlb.words.settle_at(source, n)
    contents = box.memmap.contents
    while n > 0:
        count = min(n, 4096 - (source & 4095), 4096 - (to & 4095))
        pfn = _fault_in(box, task, source, False)
        page = contents.get(pfn)
        data = (frame_view(box, pfn) if page is None else page)[source & 4095 : (source & 4095) + count]
        pfn = _fault_in(box, task, to, True)
        if pfn in contents or data != bytes(count):
            _bytes(box, pfn)[to & 4095 : (to & 4095) + count] = data
        to += count
        source += count
        n -= count


def peek(box: Box, mm_or_task: Task, addr: int, n: int) -> bytes | None:
    """`n` bytes without touching anything (a debugger's view): None where no page is mapped."""
    mm = mm_or_task.mm
    if mm is None:
        return None

    parts = []
    while n > 0:
        pte = pte_of(mm, addr)
        if not pte & 0x101 or addr >= mm.task_size:
            return None
        offset = addr & 4095
        count = min(n, 4096 - offset)
        parts.append(bytes(frame_view(box, pte >> 12)[offset : offset + count]))
        addr += count
        n -= count
    return b"".join(parts)
