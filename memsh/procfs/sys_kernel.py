"""/sys/kernel: the small attributes of the kernel itself (kernel/ksysfs.c, kernel/panic.c).

**Known deviations:** what may be written takes the value that it has, and no other (swap is not compressed); in debugfs
the thresholds of the file system's disk are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.init.main import free_reserved_area
from memsh.linux.lib.kstrtox import kstrtoull
from memsh.procfs import dynamic_debug, lru_gen, sched_debug, sys_ksm
from memsh.procfs.node import ProcFile
from memsh.procfs.sys_block import attribute

if TYPE_CHECKING:
    from memsh.linux.box import Box

ZSWAP = ("duplicate_entry", "pool_limit_hit", "pool_total_size", "reject_alloc_fail", "reject_compress_poor",
         "reject_kmemcache_fail", "reject_reclaim_fail", "same_filled_pages", "stored_pages",
         "written_back_pages")  # fmt: skip
DELEGATE = ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.oom.group", "memory.reclaim")
FRONTSWAP = ("failed_stores", "invalidates", "loads", "succ_stores")


def _show_crash_size(box: Box) -> str:
    """Of what crashkernel= took: what lies below 4 GiB for devices does not count."""
    return f"{sum(behind - first for first, behind in box.machine.crash[:1])}\n"


def _crash_shrink_memory(box: Box, text: str) -> None:
    """Give some of it back, from its end; it does not grow."""
    try:
        number = kstrtoull(text, box.arch.bits)
    except KernelError:
        raise KernelError("EINVAL") from None
    first, behind = box.machine.crash[0] if box.machine.crash else (0, 0)
    end = first + -(-number // PAGE_SIZE) * PAGE_SIZE
    if end > behind:
        raise KernelError("EINVAL")
    if end < behind:
        box.changes += 1
        box.machine.crash[0] = (first, end)
        free_reserved_area(box, end // PAGE_SIZE, behind // PAGE_SIZE)


def _show_vmcoreinfo(box: Box) -> str:
    """Where a note with it lies, and its bytes (VMCOREINFO_NOTE_SIZE), both in hexadecimal."""
    return f"0x{box.machine.vmcoreinfo:0{2 * box.arch.word}x} 1024\n"


def _fault_around_bytes_set(box: Box, text: str) -> None:
    """A power of two of bytes, a page at least, a whole page table at most."""
    value = kstrtoull(text)
    if value // PAGE_SIZE > 1 << box.mmu.table_shift - 12:
        raise KernelError("EINVAL")
    box.vm.fault_around_bytes = 1 << max(value, PAGE_SIZE).bit_length() - 1
    box.changes += 1


FILES: dict[str, ProcFile] = {
    "fscaps": attribute("1"), "oops_count": attribute("0"), "rcu_expedited": attribute("0", True),
    "rcu_normal": attribute("0", True),
    "warn_count": ProcFile(lambda box: f"{len(box.log.warned)}\n"),
    "boot_params/version": attribute("0x020f"),
    **{name: attribute(text, writable, "KEXEC") for name, text, writable in (
        ("kexec_crash_loaded", "0", False), ("kexec_loaded", "0", False), ("profiling", "0", True))},
    "kexec_crash_size": ProcFile(_show_crash_size, _crash_shrink_memory, 0o644, option="KEXEC"),
    **{f"reboot/{name}": attribute(text, True) for name, text in (
        ("cpu", "0"), ("force", "0"), ("mode", "cold"), ("type", "acpi"))},
    "cgroup/delegate": attribute("\n".join(DELEGATE), option="CGROUPS"),
    "cgroup/features": attribute("nsdelegate\nfavordynmods\nmemory_localevents\nmemory_recursiveprot",
                                 option="CGROUPS"),
    "mm/swap/vma_ra_enabled": attribute("true", True),
    **{f"mm/lru_gen/{name}": entry for name, entry in lru_gen.KNOBS.items()},
    "mm/numa/demotion_enabled": attribute("false", True, "NUMA"),
    **{f"mm/ksm/{name}": entry for name, entry in sys_ksm.FILES.items()},
    "vmcoreinfo": ProcFile(_show_vmcoreinfo),
    **{f"debug/{name}": entry for name, entry in lru_gen.DEBUG.items()},
    "debug/fault_around_bytes": ProcFile(lambda box: f"{box.vm.fault_around_bytes}\n", _fault_around_bytes_set, 0o644),
    "debug/dynamic_debug/control": ProcFile(dynamic_debug.show, dynamic_debug.store, 0o644, option="DYNAMIC_DEBUG"),
    "debug/sched/debug": ProcFile(sched_debug.show, option="SCHED_DEBUG"),
    "debug/sleep_time": attribute(
        "      time (secs)        count\n------------------------------"),
    **{f"debug/zswap/{name}": attribute("0", option="ZSWAP") for name in ZSWAP},
    **{f"debug/frontswap/{name}": attribute("0", option="ZSWAP") for name in FRONTSWAP},
}  # fmt: skip
