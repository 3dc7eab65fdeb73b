"""/proc/PID/status (fs/proc/array.c, proc_pid_status; task_mmu.c, task_mem)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.config import cpulist_text
from memsh.linux.fs.file_table import seen_files
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, MM_SWAPENTS
from memsh.linux.include.resource import RLIMIT_SIGPENDING
from memsh.linux.include.sched import STATE_NAMES
from memsh.linux.kernel.kthread_switches import context_switches
from memsh.linux.lib.bitmap import bits
from memsh.linux.mm.hugetlb.table import usage as hugetlb_usage
from memsh.procfs.sys_node import cpumap_text

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.include.sched import Task

MAX_NUMNODES = 1024
CAPABILITIES = "000001ffffffffff"


def text_pages(mm: MmStruct) -> int:
    """Pages of the program's own code, as its ELF segments tell."""
    return (((mm.end_code + 4095) & ~4095) - (mm.start_code & ~4095)) >> 12


def _memory(box: Box, mm: MmStruct) -> list[str]:
    rss = mm.get_rss()
    text = min(text_pages(mm), mm.exec_vm)
    pages = [
        ("VmPeak", max(mm.hiwater_vm, mm.total_vm)),
        ("VmSize", mm.total_vm),
        ("VmLck", mm.locked_vm),
        ("VmPin", 0),
        ("VmHWM", max(mm.hiwater_rss, rss)),
        ("VmRSS", rss),
        ("RssAnon", mm.counter(MM_ANONPAGES)),
        ("RssFile", mm.counter(MM_FILEPAGES)),
        ("RssShmem", mm.counter(MM_SHMEMPAGES)),
        ("VmData", mm.data_vm),
        ("VmStk", mm.stack_vm),
        ("VmExe", text),
        ("VmLib", mm.exec_vm - text),
        ("VmPTE", mm.nr_ptes),
        ("VmSwap", mm.counter(MM_SWAPENTS)),
    ]
    return [f"{name}:\t{count * 4:8d} kB" for name, count in pages] + [
        *([f"HugetlbPages:\t{hugetlb_usage(mm) * 4:8d} kB"] if "HUGETLB_PAGE" in box.model.options else []),
        "CoreDumping:\t0",
        f"THP_enabled:\t{int('TRANSPARENT_HUGEPAGE' in box.model.options)}",
    ]


def cpus_allowed(box: Box, task: Task) -> tuple[str, str]:
    """Mask and list of the CPUs that the task may run on."""
    if task.bound >= 0:
        return f"{1 << task.bound:x}", str(task.bound)
    cpus = task.affinity or tuple(range(box.config.cpus))
    return cpumap_text(cpus, box.config.cpus), cpulist_text(cpus)


def _mems_allowed(box: Box, task: Task) -> list[str]:
    """The nodes that the task's memory may come from (kernel/cgroup/cpuset.c, cpuset_task_status_allowed)."""
    if "CPUSETS" not in box.model.options:
        return []
    nodes = bits(box.cgroups.cpusets.of_task(task).effective_mems)
    return [
        "Mems_allowed:\t" + cpumap_text(nodes, MAX_NUMNODES),
        f"Mems_allowed_list:\t{cpulist_text(nodes)}",
    ]


def show_status(box: Box, task: Task) -> str:
    mask, cpus = cpus_allowed(box, task)
    lines = [
        f"Name:\t{_escape(task.comm)}",
        f"Umask:\t{task.signal.umask:04o}",
        f"State:\t{task.state} ({STATE_NAMES[task.state]})",
        f"Tgid:\t{task.tgid}",
        "Ngid:\t0",
        f"Pid:\t{task.pid}",
        f"PPid:\t{task.ppid}",
        "TracerPid:\t0",
        "Uid:\t0\t0\t0\t0",
        "Gid:\t0\t0\t0\t0",
        f"FDSize:\t{0 if task.state == 'Z' else seen_files(box, task).room}",
        "Groups:\t ",
        f"NStgid:\t{task.tgid}",
        f"NSpid:\t{task.pid}",
        f"NSpgid:\t{task.pgrp}",
        f"NSsid:\t{task.session}",
    ]
    voluntary, involuntary = context_switches(box, task)
    if task.mm is not None:
        lines += _memory(box, task.mm)
    lines += [
        f"Threads:\t{len(task.signal.threads)}",
        f"SigQ:\t0/{task.signal.rlim[RLIMIT_SIGPENDING][0]}",
        f"SigPnd:\t{task.sigpnd:016x}",
        f"ShdPnd:\t{task.signal.pending:016x}",
        f"SigBlk:\t{task.sigblk:016x}",
        f"SigIgn:\t{task.sigign:016x}",
        f"SigCgt:\t{task.sigcgt:016x}",
        "CapInh:\t0000000000000000",
        f"CapPrm:\t{CAPABILITIES}",
        f"CapEff:\t{CAPABILITIES}",
        f"CapBnd:\t{CAPABILITIES}",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t0",
        "Seccomp:\t0",
        "Seccomp_filters:\t0",
        f"Speculation_Store_Bypass:\t{box.arch.store_bypass}",
        "SpeculationIndirectBranch:\talways enabled",
        f"Cpus_allowed:\t{mask}",
        f"Cpus_allowed_list:\t{cpus}",
        *_mems_allowed(box, task),
        f"voluntary_ctxt_switches:\t{voluntary}",
        f"nonvoluntary_ctxt_switches:\t{involuntary}",
    ]
    return "\n".join(lines) + "\n"


def _escape(comm: str) -> str:
    return comm.replace("\\", "\\\\").replace("\n", "\\n")
