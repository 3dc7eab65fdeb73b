"""Files of /proc/PID that only a kernel with the option for it has (fs/proc/base.c, #ifdef CONFIG_…).

**Known deviations:** nobody logs in, makes timers or gets an autogroup.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.lib.kstrtox import kstrtoint
from memsh.procfs.pid_numa import show_numa_maps
from memsh.procfs.pid_sched import show_sched

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

INVALID_UID = UINT_MAX


class Optional(NamedTuple):
    """`option` is what the kernel must have; `of` where the file is: processes, threads or both."""

    option: str
    show: Callable[[Box, Task], str]
    mode: int = 0o444
    of: str = "both"
    store: Callable[[Box, Task, str], None] | None = None


def _always(text: str) -> Callable[[Box, Task], str]:
    return lambda box, task: text


def show_ksm_merging_pages(box: Box, task: Task) -> str:
    """How many of the process's pages are merged ones, and were of its parent's when it forked."""
    return f"{task.mm.ksm_merging_pages}\n" if task.mm is not None else ""


def show_ksm_stat(box: Box, task: Task) -> str:
    """How many of the process's pages ksmd keeps an eye on, likewise (proc_pid_ksm_stat)."""
    return f"ksm_rmap_items {task.mm.ksm_rmap_items}\n" if task.mm is not None else ""


def show_children(box: Box, task: Task) -> str:
    """The PIDs of its children, a blank behind each: all are the first thread's."""
    return "".join(f"{pid} " for pid in sorted(task.children) if pid in box.tasks)


def show_cgroup(box: Box, task: Task) -> str:
    """Which group it is in; one that is removed by now is `(deleted)` (proc_cgroup_show)."""
    group = box.cgroups.of_task(task)
    return f"0::{group.path}{' (deleted)' if group.dead else ''}\n"


def show_cpuset(box: Box, task: Task) -> str:
    """The group whose CPUs and nodes it has (proc_cpuset_show)."""
    return f"{box.cgroups.cpusets.of_task(task).cgroup.path}\n"


def _not_permitted(box: Box, task: Task, text: str) -> None:
    """Set once, when the namespace or the session began."""
    raise KernelError("EPERM")


def _taken(box: Box, task: Task, text: str) -> None:
    """proc_sched_set_task(): whatever is written."""


def _store_autogroup(box: Box, task: Task, text: str) -> None:
    """A nice value; but nobody has a group of that kind (sched_group_set_shares)."""
    kstrtoint(text.strip())
    raise KernelError("EINVAL")


_ALL_IDS = f"{0:10} {0:10} {INVALID_UID:10}\n"
OPTIONAL = {
    "autogroup": Optional("SCHED_AUTOGROUP", _always(""), 0o644, "processes", _store_autogroup),
    "cgroup": Optional("CGROUPS", show_cgroup),
    "children": Optional("PROC_CHILDREN", show_children, of="threads"),
    "cpuset": Optional("CPUSETS", show_cpuset),
    "gid_map": Optional("USER_NS", _always(_ALL_IDS), 0o644, store=_not_permitted),
    "ksm_merging_pages": Optional("KSM", show_ksm_merging_pages, 0o400),
    "ksm_stat": Optional("KSM", show_ksm_stat, 0o400),
    "loginuid": Optional("AUDIT", _always(str(INVALID_UID)), 0o644, store=_not_permitted),
    "numa_maps": Optional("NUMA", show_numa_maps),
    "projid_map": Optional("USER_NS", _always(_ALL_IDS), 0o644, store=_not_permitted),
    "sched": Optional("SCHED_DEBUG", show_sched, 0o644, store=_taken),
    "sessionid": Optional("AUDIT", _always(str(INVALID_UID))),
    "setgroups": Optional("USER_NS", _always("allow\n"), 0o644),
    "timers": Optional("POSIX_TIMERS", _always(""), of="processes"),
    "uid_map": Optional("USER_NS", _always(_ALL_IDS), 0o644, store=_not_permitted),
}


def optional_names(box: Box, thread: bool) -> list[str]:
    """Those that this kernel has, for a process or a thread."""
    options, wrong = box.model.options, "processes" if thread else "threads"
    return [name for name, one in OPTIONAL.items() if one.option in options and one.of != wrong]
