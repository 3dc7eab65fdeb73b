"""/proc/PID/smaps and smaps_rollup (fs/proc/task_mmu.c, show_smap, show_smaps_rollup), and clear_refs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.paging import mapped_pieces
from memsh.linux.arch.x86.vsyscall import gate_areas
from memsh.linux.fs.task_mmu import PSS_SHIFT, MemSizeStats, collect
from memsh.linux.include import flags as vm
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PTE_ACCESSED
from memsh.linux.include.memmap import PG_REFERENCED
from memsh.linux.mm.huge_memory.huge import thp_eligible
from memsh.linux.mm.mmap.vmalist import vma_kernel_pagesize
from memsh.linux.mm.shmem.shmem_huge import shmem_huge_enabled
from memsh.procfs.pid_maps import area_line, header

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, VmArea
    from memsh.linux.include.sched import Task

_FLAGS = (
    (vm.VM_READ, "rd"), (vm.VM_WRITE, "wr"), (vm.VM_EXEC, "ex"), (vm.VM_SHARED, "sh"), (vm.VM_MAYREAD, "mr"),
    (vm.VM_MAYWRITE, "mw"), (vm.VM_MAYEXEC, "me"), (vm.VM_MAYSHARE, "ms"), (vm.VM_GROWSDOWN, "gd"),
    (vm.VM_PFNMAP, "pf"), (vm.VM_LOCKED, "lo"), (vm.VM_IO, "io"), (vm.VM_SEQ_READ, "sr"), (vm.VM_RAND_READ, "rr"),
    (vm.VM_DONTCOPY, "dc"), (vm.VM_DONTEXPAND, "de"), (vm.VM_LOCKONFAULT, "lf"),
    (vm.VM_ACCOUNT, "ac"), (vm.VM_NORESERVE, "nr"), (vm.VM_HUGETLB, "ht"),
    (vm.VM_WIPEONFORK, "wf"), (vm.VM_DONTDUMP, "dd"), (vm.VM_SOFTDIRTY, "sd"), (vm.VM_MIXEDMAP, "mm"),
    (vm.VM_HUGEPAGE, "hg"), (vm.VM_NOHUGEPAGE, "nh"), (vm.VM_MERGEABLE, "mg"),
)  # fmt: skip


def _line(label: str, size: int) -> str:
    return f"{label + ':':<16}{size >> 10:8d} kB\n"


def _pss(label: str, pss: int) -> str:
    return _line(label, pss >> PSS_SHIFT)


def _figures(stats: MemSizeStats, *, rollup: bool) -> str:
    """The lines from Rss to Locked (__show_smap)."""
    text = [_line("Rss", stats.resident), _pss("Pss", stats.pss), _pss("Pss_Dirty", stats.pss_dirty)]
    if rollup:
        text += [_pss("Pss_Anon", stats.pss_anon), _pss("Pss_File", stats.pss_file), _pss("Pss_Shmem", stats.pss_shmem)]
    text += [
        _line("Shared_Clean", stats.shared_clean),
        _line("Shared_Dirty", stats.shared_dirty),
        _line("Private_Clean", stats.private_clean),
        _line("Private_Dirty", stats.private_dirty),
        _line("Referenced", stats.referenced),
        _line("Anonymous", stats.anonymous),
        _line("LazyFree", stats.lazyfree),
        _line("AnonHugePages", stats.anonymous_thp),
        _line("ShmemPmdMapped", stats.shmem_thp),
        _line("FilePmdMapped", 0),
        _line("Shared_Hugetlb", stats.shared_hugetlb),
        f"Private_Hugetlb: {stats.private_hugetlb >> 10:7d} kB\n",
        _line("Swap", stats.swap),
        _pss("SwapPss", stats.swap_pss),
        _pss("Locked", stats.pss_locked),
    ]
    return "".join(text)


def vm_flags_text(box: Box, vma: VmArea) -> str:
    """VmFlags with what this kernel knows of (show_smap_vma_flags)."""
    flags = vma.flags if "MEM_SOFT_DIRTY" in box.model.options else vma.flags & ~vm.VM_SOFTDIRTY
    return "VmFlags: " + "".join(name + " " for bit, name in _FLAGS if flags & bit) + "\n"


def show_smap(box: Box, mm: MmStruct, vma: VmArea) -> str:
    """The block of one area."""
    page = vma_kernel_pagesize(box, vma)
    sizes = _line("Size", vma.end - vma.start) + _line("KernelPageSize", page) + _line("MMUPageSize", page)
    figures = _figures(collect(box, mm, vma), rollup=False)
    keys = f"ProtectionKey:  {0:8d}\n" if "X86_INTEL_MEMORY_PROTECTION_KEYS" in box.model.options else ""
    eligible = f"THPeligible:    {int(thp_eligible(box, vma) or shmem_huge_enabled(box, vma))}\n"
    return f"{area_line(mm, vma)}\n{sizes}{figures}{eligible}{keys}{vm_flags_text(box, vma)}"


def show_smaps(box: Box, task: Task) -> str:
    mm = task.mm
    if mm is None:
        return ""
    return "".join(show_smap(box, mm, vma) for vma in (*mm.mmap, *gate_areas(mm)))


def show_smaps_rollup(box: Box, task: Task) -> str:
    """All areas as one. ESRCH for a task without memory."""
    mm = task.mm
    if mm is None:
        raise KernelError("ESRCH", "no memory of its own")
    if not mm.mmap:
        return header(mm, 0, 0, "---p", 0, (0, 0), 0, "[rollup]") + "\n" + _figures(MemSizeStats(), rollup=True)
    total = MemSizeStats()
    for vma in mm.mmap:
        total.add(collect(box, mm, vma))
    first, last = mm.mmap[0].start, mm.mmap[-1].end
    return header(mm, first, last, "---p", 0, (0, 0), 0, "[rollup]") + "\n" + _figures(total, rollup=True)


def clear_refs(box: Box, mm: MmStruct, kind: int) -> None:
    """Clear the accessed bits and PG_referenced: of all pages (1), anonymous areas (2), file areas (3)."""
    flags = box.memmap.flags
    for vma in mm.mmap:
        if vma.flags & vm.VM_PFNMAP or (kind == 2 and vma.file is not None) or (kind == 3 and vma.file is None):
            continue
        for _, table, first, stop in mapped_pieces(mm, vma.start, vma.end):
            for at in range(first, stop):
                pte = table.ptes[at]
                if pte & 0x101:
                    table.ptes[at] = pte & ~PTE_ACCESSED
                    if pte >> 12 != box.vm.zero_pfn:
                        flags[pte >> 12] &= ~PG_REFERENCED
    mm.flush_tlb()
