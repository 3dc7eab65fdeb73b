"""Page faults: anonymous, file, copy-on-write, shared, stack growth (mm/memory.c, arch/x86/mm/fault.c).

`handle_mm_fault` is one fault; `touch_range` one access per page of a range, whole runs of pages at a time where
nothing is mapped yet, with the state that page by page would leave.

Known deviations: a fault that waits for the disk does not move the clock; no NUMA hinting, no
userfaultfd.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import pte_alloc, pte_free, pte_of, table_pieces, vm_page_prot
from memsh.linux.arch.x86.program import instruction
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_PRESENT,
    PTE_RW,
    PTE_SPECIAL,
    PTE_USER,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_HUGETLB,
    VM_READ,
    VM_WRITE,
    X86_PF_INSTR,
    X86_PF_PROT,
    X86_PF_USER,
    X86_PF_WRITE,
)
from memsh.linux.include.mm_types import MM_ANONPAGES, MmStruct, PageTable, VmArea
from memsh.linux.lib.columns import frame_runs
from memsh.linux.lib.entries import PRESENT, climb, filled, lanes
from memsh.linux.mm.huge_memory import pmd
from memsh.linux.mm.huge_memory.bulk import huge_faults
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR
from memsh.linux.mm.hugetlb.fault import COPIED, REUSED, NoHugePage, hugetlb_fault
from memsh.linux.mm.memory.anon import (
    GFP_ANON,
    SHORT,
    WRITTEN,
    add_anon_pages,
    alloc_charged,
    alloc_user_page,
    alloc_user_pages,
    do_wp_page,
)
from memsh.linux.mm.memory.filefault import do_fault, do_huge_fault, may_be_huge
from memsh.linux.mm.memory.outcome import (
    COW,
    HUGE,
    HUGETLB,
    REUSE,
    SEGV_ACCERR,
    SEGV_MAPERR,
    SI_KERNEL,
    ZERO,
    BusError,
    FaultResult,
    Killed,
    OutOfMemory,
    Segfault,
    Tally,
)
from memsh.linux.mm.memory.rss_stat import add_mm_counter_fast, check_sync_rss_stat, count_faults
from memsh.linux.mm.mmap.stack import expand_downwards
from memsh.linux.mm.mmap.vmalist import find_vma, vma_kernel_pagesize
from memsh.linux.mm.rmap.rmap import anon_vma_prepare
from memsh.linux.mm.swap.swapin import do_swap_page

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task


def handle_mm_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, write: bool) -> int:
    """Resolve one fault at `addr`, which `vma` permits; the kinds it was. OutOfMemory, BusError."""
    box.memcg.count_mm_event("pgfault", 1)
    if box.vm.split_rss:
        check_sync_rss_stat(box)
    if vma.flags & VM_HUGETLB:
        return _hugetlb_fault(box, vma, addr, write)
    index = addr >> mm.table_shift
    fresh = index not in mm.tables
    try:
        if fresh and box.thp.available:
            what = _huge_fault(box, mm, vma, addr, write)
            if what >= 0:
                return what
        table = pte_alloc(box, mm, index)
        at = (addr >> 12) & mm.table_mask
        pte = table.ptes[at]
        if not pte:
            if vma.vm_ops is not None:
                return do_fault(box, mm, vma, addr, table, at, write)
            return _do_anonymous_page(box, mm, vma, addr, table, at, write)
    except KernelError as error:
        if isinstance(error, OutOfMemory) or error.code != "ENOMEM":
            raise
        raise OutOfMemory from None
    except IndexError:
        # fault-around may have mapped pages before the file's end
        if fresh and index in mm.tables and not any(mm.tables[index].ptes):
            pte_free(box, mm, index)
        raise BusError(addr) from None
    if not pte & PRESENT:
        return do_swap_page(box, mm, vma, addr, table, at, write)
    if write and not pte & PTE_RW:
        return do_wp_page(box, mm, vma, addr, table, at)
    table.ptes[at] = pte | PTE_ACCESSED | (PTE_DIRTY if write else 0)
    return 0


def _hugetlb_fault(box: Box, vma: VmArea, addr: int, write: bool) -> int:
    """The fault in a mapping of hugetlb pages. OutOfMemory, BusError."""
    try:
        what = hugetlb_fault(box, vma, addr, write)
    except NoHugePage:
        raise BusError(addr) from None
    except KernelError:
        raise OutOfMemory from None
    return HUGETLB | {COPIED: COW, REUSED: REUSE}.get(what, 0)


def _hugetlb_range(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int, write: bool, tally: Tally) -> None:
    """fault_range() in a mapping of hugetlb pages: one access to each is as good as many."""
    shift = vma_kernel_pagesize(box, vma).bit_length() - 1
    need = PTE_PRESENT | PTE_RW if write else PTE_PRESENT
    while start < end:
        found = mm.hugetlb.get(shift, {})
        entry = found.get(start >> shift, 0)
        if entry & need == need:
            found[start >> shift] = entry | PTE_ACCESSED | (PTE_DIRTY if write else 0)
        else:
            tally.add(handle_mm_fault(box, mm, vma, start, write))
            if box.oom.victim:
                box.oom.raise_if_killed(box.current)
        start = (start >> shift) + 1 << shift


def _huge_fault(box: Box, mm: MmStruct, vma: VmArea, addr: int, write: bool) -> int:
    """The fault as one of 2 MiB, -1 where a small page must do (__handle_mm_fault, create_huge_pmd, wp_huge_pmd)."""
    number = addr >> mm.table_shift
    huge = mm.huge.get(number)
    if huge is None:
        if vma.vm_ops is not None:
            return HUGE if do_huge_fault(box, mm, vma, addr, write) else -1
        if not pmd.may_be_huge(box, mm, vma, addr):
            return -1
        what = pmd.do_huge_pmd_anonymous_page(box, mm, vma, addr, write)
        return ZERO | HUGE if what > 0 else HUGE if not what else -1
    if write and not huge.entry & PTE_RW:
        return REUSE | HUGE if pmd.do_huge_pmd_wp_page(box, mm, vma, number) == 0 else -1
    huge.entry |= PTE_ACCESSED | (PTE_DIRTY if write else 0)
    return HUGE


def _do_anonymous_page(box: Box, mm: MmStruct, vma: VmArea, addr: int, table: PageTable, at: int, write: bool) -> int:
    prot = vm_page_prot(vma)
    if not write:
        table.ptes[at] = box.vm.zero_pfn << 12 | prot | PTE_SPECIAL
        return ZERO
    anon_vma_prepare(box, vma)
    pfn = alloc_user_page(box, GFP_ANON, vma, addr)
    add_anon_pages(box, vma, [(pfn, 1)], addr)
    add_mm_counter_fast(box, mm, MM_ANONPAGES, 1)
    table.ptes[at] = pfn << 12 | prot | (WRITTEN if vma.flags & VM_WRITE else 0)
    return 0


# -- ranges ---------------------------------------------------------------------------------------------------------


def _program_pages(mm: MmStruct) -> list[tuple[int, bool]]:
    """(address, written?) of what a program uses all the time, as far as it is mapped: its stack and text.

    The CPU has these translations at hand and does not set their accessed bits again, so reclaim takes the pages away
    as if they were idle (ptep_clear_flush_young on x86 flushes nothing): the program faults them in at once.
    """
    found = []
    for addr, write in (mm.start_stack, True), (mm.start_code, False):
        if pte_of(mm, addr) & PTE_PRESENT:
            found.append((addr & ~4095, write))
    return found


def _run_program(box: Box, mm: MmStruct, tally: Tally) -> None:
    """The program goes on after faults that may have waited for memory."""
    for addr, write in tally.program:
        if not pte_of(mm, addr) & PTE_PRESENT:
            vma = find_vma(mm, addr)
            if vma is not None and vma.start <= addr:
                tally.add(handle_mm_fault(box, mm, vma, addr, write and bool(vma.flags & VM_WRITE)))


def _bulk_anonymous(box: Box, mm: MmStruct, vma: VmArea, table: PageTable, first: int, stop: int, addr: int,
                    write: bool, tally: Tally) -> None:  # fmt: skip
    """Empty entries [first, stop) of an anonymous area, as one fault each."""
    count = stop - first
    prot = vm_page_prot(vma)
    if not write:
        table.ptes[first:stop] = filled(table.ptes.typecode, box.vm.zero_pfn << 12 | prot | PTE_SPECIAL, count)
        tally.kinds |= ZERO
        count_faults(box, mm, count, None)
    else:
        try:
            anon_vma_prepare(box, vma)
        except KernelError:
            box.memcg.count_mm_event("pgfault", 1)
            raise OutOfMemory from None
        bits = prot | WRITTEN
        memcg = box.memcg.of_mm(mm)
        code, size = table.ptes.typecode, table.ptes.itemsize
        done = 0
        while done < count:
            pfns = (alloc_user_pages(box, count - done, vma, addr + (done << 12)) if memcg is None
                    else alloc_charged(box, memcg, count - done, vma, addr + (done << 12)))  # fmt: skip
            got = len(pfns)
            if not got:
                box.memcg.count_mm_event("pgfault", done + 1)
                tally.minflt += done
                raise OutOfMemory
            at = first + done
            runs = frame_runs(pfns)
            if memcg is not None and not box.memmap.memcg[pfns[0]]:
                box.memcg.commit_runs(memcg, runs, got)
            if len(runs) * SHORT <= got:
                ptes = b"".join([climb(pfn << 12 | bits, n, 4096, size) for pfn, n in runs])
                table.ptes[at : at + got] = array(code, ptes)
            else:
                table.ptes[at : at + got] = array(code, [pfn << 12 | bits for pfn in pfns])
            add_anon_pages(box, vma, runs, addr + (done << 12))
            done += got
            count_faults(box, mm, got, MM_ANONPAGES)
            if box.memcg.over_high:
                box.memcg.resume_user_mode()
            if box.oom.victim and box.oom.is_victim(box.current):
                box.memcg.count_mm_event("pgfault", done)
                tally.minflt += done
                raise Killed
            if tally.program:
                _run_program(box, mm, tally)
    box.memcg.count_mm_event("pgfault", count)
    tally.minflt += count


def fault_range(box: Box, mm: MmStruct, vma: VmArea, start: int, end: int, write: bool, tally: Tally) -> None:
    """One permitted access to each page of [start, end), which lies in `vma`."""
    if vma.flags & VM_HUGETLB:
        _hugetlb_range(box, mm, vma, start, end, write, tally)
        return
    anonymous = vma.vm_ops is None
    need = PTE_PRESENT | PTE_RW if write else PTE_PRESENT
    mark = PTE_ACCESSED | PTE_DIRTY if write else PTE_ACCESSED
    base = start
    upto = 0
    for index, first, stop in table_pieces(mm, start, end):
        table = mm.tables.get(index)
        count = stop - first
        if table is None and box.thp.available:
            if index >= upto and count == HPAGE_PMD_NR and anonymous and write and not box.oom.victim:
                done = huge_faults(box, mm, vma, index, end >> mm.table_shift)
                upto = index + done
                tally.minflt += done
                tally.kinds |= HUGE if done else 0
            if index < upto or _huge_range(box, mm, vma, index, base, write, tally):
                base += count << 12
                continue
        table = mm.tables.get(index)
        if count > 1 and anonymous:
            if table is None:
                try:
                    table = pte_alloc(box, mm, index)
                except KernelError:
                    box.memcg.count_mm_event("pgfault", 1)
                    raise OutOfMemory from None
            size = table.ptes.itemsize
            value = int.from_bytes(table.ptes[first:stop].tobytes(), "little")
            if not value:
                _bulk_anonymous(box, mm, vma, table, first, stop, base, write, tally)
                base += count << 12
                continue
            if value & (wanted := lanes(need, count, size)) == wanted:
                marked = value | lanes(mark, count, size)
                if marked != value:
                    new = array(table.ptes.typecode)
                    new.frombytes(marked.to_bytes(size * count, "little"))
                    table.ptes[first:stop] = new
                    box.changes += 1
                base += count << 12
                continue
        at = first
        while at < stop:
            pte = table.ptes[at] if table is not None else 0
            addr = base + ((at - first) << 12)
            if pte & need == need:
                if pte & mark != mark:
                    assert table is not None
                    table.ptes[at] = pte | mark
                    box.changes += 1
                at += 1
            elif not pte and anonymous and table is not None and stop - at > 1:
                upto = at + 1
                ptes = table.ptes
                while upto < stop and not ptes[upto]:
                    upto += 1
                _bulk_anonymous(box, mm, vma, table, at, upto, addr, write, tally)
                at = upto
            else:
                tally.add(handle_mm_fault(box, mm, vma, addr, write))
                if box.memcg.over_high:
                    box.memcg.resume_user_mode()
                if box.oom.victim:
                    box.oom.raise_if_killed(box.current)
                if tally.program:
                    _run_program(box, mm, tally)
                if table is None:
                    table = mm.tables.get(index)
                at += 1
        base += count << 12


def _huge_range(box: Box, mm: MmStruct, vma: VmArea, index: int, addr: int, write: bool, tally: Tally) -> bool:
    """Accesses to part of 2 MiB that no table maps: whether an entry of 2 MiB serves them, after one fault."""
    huge = mm.huge.get(index)
    if huge is None:
        if not pmd.may_be_huge(box, mm, vma, addr) and not may_be_huge(box, vma, addr, write):
            return False
    elif (not write or huge.entry & PTE_RW) and huge.entry & PTE_PRESENT:
        mark = PTE_ACCESSED | PTE_DIRTY if write else PTE_ACCESSED
        if huge.entry & mark != mark:
            huge.entry |= mark
            box.changes += 1
        return True
    tally.add(handle_mm_fault(box, mm, vma, addr, write))
    if box.oom.victim:
        box.oom.raise_if_killed(box.current)
    huge = mm.huge.get(index)
    return huge is not None and (not write or bool(huge.entry & PTE_RW))


def trace_fault(box: Box, task: Task, addr: int, pte: int, write: bool) -> None:
    """The tracepoint at a fault's entry (exceptions:page_fault_user)."""
    code = X86_PF_USER | (X86_PF_WRITE if write else 0)
    if pte & PTE_PRESENT or addr >= box.mmu.task_size:
        code |= X86_PF_PROT
    box.trace.emit("page_fault_user", addr, instruction(box, task, write), code)


def _traced_range(box: Box, task: Task, start: int, end: int, write: bool, tally: Tally) -> None:
    """touch_range() page by page: what is there is accessed, for the rest the CPU raises its exception."""
    mm = task.mm
    assert mm is not None
    need = PTE_PRESENT | PTE_RW if write else PTE_PRESENT
    for addr in range(start & ~4095, end, 4096):
        pte = pte_of(mm, addr)
        if pte & need == need:
            fault_range(box, mm, find_accessible(box, mm, addr, write), addr, addr + 4096, write, tally)
        else:
            exc_page_fault(box, task, max(addr, start), pte, write, tally)
            if box.oom.victim:
                box.oom.raise_if_killed(task)
            if tally.program:
                _run_program(box, mm, tally)


def exc_page_fault(box: Box, task: Task, addr: int, pte: int, write: bool, tally: Tally) -> None:
    """One exception: `pte` is the entry that the CPU found, `tally` hears what the fault came to."""
    if box.trace.on:
        trace_fault(box, task, addr, pte, write)
    do_user_addr_fault(box, task, addr, write, tally)
    if box.memcg.over_high:
        box.memcg.resume_user_mode()


def do_user_addr_fault(box: Box, task: Task, addr: int, write: bool, tally: Tally) -> None:
    """Find the area, resolve the fault there; Segfault if there is none that allows it."""
    mm = task.mm
    assert mm is not None
    vma = find_accessible(box, mm, addr, write)
    tally.add(handle_mm_fault(box, mm, vma, addr & ~4095, write))


def find_accessible(box: Box, mm: MmStruct, addr: int, write: bool) -> VmArea:
    """The area that lets a user access `addr`, the stack grown if need be; Segfault (do_user_addr_fault)."""
    code = X86_PF_USER | (X86_PF_WRITE if write else 0)
    if addr in mm.mmu.hole:
        raise Segfault(addr, 0, SI_KERNEL)  # a general protection fault
    if addr >= mm.task_size:
        raise Segfault(addr, code | X86_PF_PROT, SEGV_MAPERR)
    vma = find_vma(mm, addr)
    if vma is not None and vma.start > addr:
        try:
            if vma.flags & VM_GROWSDOWN:
                expand_downwards(box, mm, vma, addr)
            else:
                vma = None
        except KernelError:
            vma = None
    if vma is None:
        raise Segfault(addr, code, SEGV_MAPERR)
    if not vma.flags & VM_WRITE if write else not vma.flags & 7:
        pte = pte_of(mm, addr)
        if pte & PTE_PRESENT:
            if not write and pte & PTE_USER:
                return vma
            code |= X86_PF_PROT
        raise Segfault(addr, code, SEGV_ACCERR)
    return vma


def touch_range(box: Box, task: Task, addr: int, length: int, write: bool, *, exec: bool = False) -> FaultResult:
    """Access each page of [addr, addr + length) once, in order, as `task`. Segfault, BusError, OutOfMemory.

    What was touched before such an end stays touched and counted. `exec` is an instruction fetch: without NX,
    a read.
    """
    mm = task.mm
    if mm is None:
        raise KernelError("ESRCH", "a kernel thread has no user memory")
    tally = Tally()
    last = addr + max(1, length) - 1
    end = (last & ~4095) + 4096
    at = addr & ~4095
    if length > 4096:
        tally.program = _program_pages(mm)
    try:
        if box.trace.on:
            _traced_range(box, task, addr, end, write, tally)
            at = end
        while at < end:
            if at == mm.mmu.vsyscall and mm.mmu.gate_flags & VM_READ and not write and not exec:
                at += 4096  # the kernel's own page tables have it
                continue
            vma = find_accessible(box, mm, max(at, addr), write)
            stop = min(vma.end, end)
            fault_range(box, mm, vma, at, stop, write, tally)
            at = stop
            if exec and mm.mmu.nx and not vma.flags & VM_EXEC:  # the page is there now, and is no code
                raise Segfault(addr, X86_PF_PROT | X86_PF_USER, SEGV_ACCERR)
    except Segfault as fault:
        if exec and mm.mmu.nx and fault.error_code:
            fault.error_code |= X86_PF_INSTR
        raise
    except OutOfMemory:
        box.oom.raise_if_killed(task)
        raise
    finally:
        task.minflt += tally.minflt
        task.majflt += tally.majflt
    return FaultResult(tally.minflt, tally.majflt, tally.notes())
