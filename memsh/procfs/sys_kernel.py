"""/sys/kernel: the small attributes of the kernel itself (kernel/ksysfs.c, kernel/panic.c).

**Known deviations:** what may be written takes the value that it has, and no other (equal pages are not merged, swap is
not compressed, generations of pages are not kept); `vmcoreinfo` and in debugfs `lru_gen`,
`sched/debug`, the domains below `sched/domains`, `dynamic_debug/control`, the tags of queues and the thresholds of the
file system's disk are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.init.main import free_reserved_area
from memsh.linux.lib.cmdline import simple_strtoull
from memsh.procfs.node import ProcFile
from memsh.procfs.sys_block import attribute

if TYPE_CHECKING:
    from memsh.linux.box import Box

KSM = (
    ("full_scans", "0", False), ("max_page_sharing", "256", True), ("merge_across_nodes", "1", True),
    ("pages_shared", "0", False), ("pages_sharing", "0", False), ("pages_to_scan", "100", True),
    ("pages_unshared", "0", False), ("pages_volatile", "0", False), ("run", "0", True), ("sleep_millisecs", "20", True),
    ("stable_node_chains", "0", False), ("stable_node_chains_prune_millisecs", "2000", True),
    ("stable_node_dups", "0", False), ("use_zero_pages", "0", True),
)  # fmt: skip
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
    number, rest = simple_strtoull(text.strip())
    if rest or not text.strip():
        raise KernelError("EINVAL")
    first, behind = box.machine.crash[0] if box.machine.crash else (0, 0)
    end = first + -(-number // PAGE_SIZE) * PAGE_SIZE
    if end > behind:
        raise KernelError("EINVAL")
    if end < behind:
        box.changes += 1
        box.machine.crash[0] = (first, end)
        free_reserved_area(box, end // PAGE_SIZE, behind // PAGE_SIZE)


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
    "mm/lru_gen/enabled": attribute("0x0000", True, "NUMA"), "mm/lru_gen/min_ttl_ms": attribute("0", True, "NUMA"),
    "mm/numa/demotion_enabled": attribute("false", True, "NUMA"),
    **{f"mm/ksm/{name}": attribute(text, writable, "KSM") for name, text, writable in KSM},
    "debug/fault_around_bytes": attribute("65536", True), "debug/sleep_time": attribute(
        "      time (secs)        count\n------------------------------"),
    **{f"debug/zswap/{name}": attribute("0", option="ZSWAP") for name in ZSWAP},
    **{f"debug/frontswap/{name}": attribute("0", option="ZSWAP") for name in FRONTSWAP},
}  # fmt: skip
