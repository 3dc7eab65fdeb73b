"""/sys/kernel: the small attributes of the kernel itself (kernel/ksysfs.c, kernel/panic.c).

**Known deviations:** what may be written takes the value that it has, and no other (equal pages are not merged, swap is
not compressed, generations of pages are not kept); `vmcoreinfo` and in debugfs `lru_gen`,
`sched/debug`, the domains below `sched/domains`, `dynamic_debug/control`, the tags of queues and the thresholds of the
file system's disk are not there.
"""

from __future__ import annotations

from memsh.procfs.node import ProcFile
from memsh.procfs.sys_block import attribute

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
FILES: dict[str, ProcFile] = {
    "fscaps": attribute("1"), "oops_count": attribute("0"), "rcu_expedited": attribute("0", True),
    "rcu_normal": attribute("0", True),
    "warn_count": ProcFile(lambda box: f"{len(box.log.warned)}\n"),
    "boot_params/version": attribute("0x020f"),
    **{name: attribute(text, writable, "KEXEC") for name, text, writable in (
        ("kexec_crash_loaded", "0", False), ("kexec_crash_size", "0", True), ("kexec_loaded", "0", False),
        ("profiling", "0", True))},
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
