"""A booted machine of either kind: the kernel's Box with the model that its architecture has."""

from __future__ import annotations

from memsh.linux import box as kernel
from memsh.linux.config import Config
from memsh.linux.include.model import Model
from memsh.machines import devnodes, facts, parameters, programs, sysfs_lists, x86_64_programs
from memsh.machines.age import Age
from memsh.machines.disks import SOLID_STATE
from memsh.machines.i386_boot import I386Start
from memsh.machines.slabs import i386_slab, x86_64_slub
from memsh.machines.x86_64_boot import X8664Start

I386_OPTIONS = frozenset({"HIGHMEM", "SLAB", "XFRM"})
X86_64_OPTIONS = frozenset({
    "APPARMOR", "AUDIT", "BPF_JIT", "BPF_SYSCALL", "CGROUPS", "CHECKPOINT_RESTORE", "COMPAT", "CPUSETS",
    "DETECT_HUNG_TASK", "DYNAMIC_DEBUG", "FANOTIFY", "HPET", "HUGETLB_PAGE", "HUGE_VMALLOC", "KEXEC",
    "LOCKUP_DETECTOR", "SCHEDSTATS", "SCHED_DEBUG", "YAMA", "KSM", "MEMCG", "MEMORY_BALLOON", "MEMORY_FAILURE",
    "MEMORY_ISOLATION", "MEM_SOFT_DIRTY", "MODULES", "NUMA", "NUMA_BALANCING", "POSIX_TIMERS", "PROC_CHILDREN", "PSI",
    "QUOTA", "SCHED_AUTOGROUP", "SLUB", "SPLIT_RSS", "TRANSPARENT_HUGEPAGE", "USERFAULTFD", "USER_NS",
    "X86_INTEL_MEMORY_PROTECTION_KEYS", "X86_MCE", "ZSMALLOC", "ZSWAP",
})  # fmt: skip
MODELS: dict[str, Model] = {
    "i386": Model(I386Start(), i386_slab, programs.programs, Age, I386_OPTIONS, facts.I386, parameters.I386,
                  sysfs_lists.i386, devnodes.i386, SOLID_STATE),
    "x86_64": Model(X8664Start(), x86_64_slub, x86_64_programs.programs, Age, X86_64_OPTIONS, facts.X86_64,
                    parameters.X86_64, sysfs_lists.x86_64, devnodes.x86_64, SOLID_STATE,
                    sysfs_lists.dynamic_debug),
}


class Box(kernel.Box):
    """`Box(Config(ram=...))`; `copy()` gives an independent box with the same future."""

    def __init__(self, config: Config | None = None, boot: bool = True) -> None:
        config = config or Config()
        super().__init__(config, MODELS[config.arch], boot)
