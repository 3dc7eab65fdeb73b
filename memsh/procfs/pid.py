"""/proc/PID/*: which files a process has, and the small ones (fs/proc/base.c, array.c).

`PID_FILES`: name -> show(box, task); `PID_STORES`: name -> store(box, task, text), for those that may be written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.include.sched import find_pid
from memsh.linux.lib.kstrtox import kstrtoint, kstrtoint_decimal
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.mmap.vmalist import total_swap_pages, totalram_pages
from memsh.linux.mm.oom_kill import OOM_SCORE_ADJ_MIN, oom_badness
from memsh.procfs.net import NET
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.pid_attr import attributes
from memsh.procfs.pid_base import (
    show_arch_status,
    show_auxv,
    show_coredump_filter,
    show_io,
    show_personality,
    show_schedstat,
    show_timens_offsets,
    show_timerslack,
    store_coredump_filter,
    store_timens_offsets,
    store_timerslack,
)
from memsh.procfs.pid_fd import fd, fdinfo
from memsh.procfs.pid_links import links, map_files, namespaces
from memsh.procfs.pid_maps import show_maps
from memsh.procfs.pid_mem import read_mem
from memsh.procfs.pid_mounts import show_mountinfo, show_mounts, show_mountstats
from memsh.procfs.pid_options import OPTIONAL, optional_names
from memsh.procfs.pid_pagemap import read_pagemap, show_pagemap
from memsh.procfs.pid_smaps import clear_refs, show_smaps, show_smaps_rollup
from memsh.procfs.pid_stack import show_stack, show_syscall, show_wchan
from memsh.procfs.pid_stat import show_stat, show_statm, show_thread_stat
from memsh.procfs.pid_status import show_status

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

OOM_SCORE_ADJ_MAX = 1000
TASK_COMM_LEN = 16


def show_cmdline(box: Box, task: Task) -> str:
    """The arguments, each with a NUL behind it; empty without memory."""
    del box
    return "".join(word + "\0" for word in task.argv) if task.mm is not None else ""


def show_environ(box: Box, task: Task) -> str:
    """What lies where the environment was when the program began, as long as it is mapped."""
    mm = task.mm
    if mm is None:
        return ""
    text = uaccess.peek(box, task, mm.env_start, mm.env_end - mm.env_start)
    return text.decode(errors="replace") if text is not None else ""


def show_comm(box: Box, task: Task) -> str:
    del box
    return task.comm + "\n"


def store_comm(box: Box, task: Task, text: str) -> None:
    """Of a thread by one of its own process, with the end of the line if one was written; EINVAL."""
    if box.current.tgid != task.tgid:
        raise KernelError("EINVAL", "the name of another process is not to be written")
    task.comm = text.split("\0", 1)[0][: TASK_COMM_LEN - 1]


def oom_score(badness: int | None, totalpages: int) -> int:
    """The figure shown: 666 for a process of no size, 0 for one that may not be killed."""
    if badness is None:
        return 0
    return max(0, (1000 + int(badness * 1000 / totalpages)) * 2 // 3)


def show_oom_score(box: Box, task: Task) -> str:
    total = totalram_pages(box) + total_swap_pages(box)
    return f"{oom_score(oom_badness(box, task, total), total)}\n"


def show_oom_score_adj(box: Box, task: Task) -> str:
    del box
    return f"{task.oom_score_adj}\n"


def store_oom_score_adj(box: Box, task: Task, text: str) -> None:
    """-1000 (never) to 1000; EINVAL."""
    value = kstrtoint(text.strip())
    if not OOM_SCORE_ADJ_MIN <= value <= OOM_SCORE_ADJ_MAX:
        raise KernelError("EINVAL")
    task.oom_score_adj = value
    if box.trace.on:
        box.trace.emit("oom_score_adj_update", task.pid, task.comm, value)


OOM_DISABLE, OOM_ADJUST_MAX = -17, 15


def show_oom_adj(box: Box, task: Task) -> str:
    """oom_score_adj on the scale of old, -17 (never) to 15."""
    del box
    adj = task.oom_score_adj
    return f"{OOM_ADJUST_MAX if adj == OOM_SCORE_ADJ_MAX else int(adj * -OOM_DISABLE / OOM_SCORE_ADJ_MAX)}\n"


def store_oom_adj(box: Box, task: Task, text: str) -> None:
    """-17 (never) to 15; EINVAL. The kernel tells once what to use instead."""
    value = kstrtoint(text.strip())
    if not OOM_DISABLE <= value <= OOM_ADJUST_MAX:
        raise KernelError("EINVAL")
    if not any("/oom_adj is deprecated" in record.text for record in box.log.records):
        box.log.printk(
            f"{box.current.comm} ({box.current.pid}): /proc/{task.pid}/oom_adj is deprecated, please use "
            f"/proc/{task.pid}/oom_score_adj instead.",
            KERN_WARNING,
        )
    task.oom_score_adj = 1000 if value == OOM_ADJUST_MAX else int(value * OOM_SCORE_ADJ_MAX / -OOM_DISABLE)


def store_clear_refs(box: Box, task: Task, text: str) -> None:
    """1 to 3 forget which pages were referenced, 5 restarts VmHWM; EINVAL."""
    kind = kstrtoint_decimal(text.strip())
    if not 1 <= kind <= 5:
        raise KernelError("EINVAL")
    if task.mm is None:
        return
    if kind == 5:
        task.mm.hiwater_rss = task.mm.get_rss()
    elif kind < 4:
        clear_refs(box, task.mm, kind)


def refuse_read(box: Box, task: Task) -> str:
    """A file that can only be written."""
    del box, task
    raise KernelError("EINVAL")


_LIMITS = (  # in the order of their numbers
    ("Max cpu time", "seconds"), ("Max file size", "bytes"), ("Max data size", "bytes"), ("Max stack size", "bytes"),
    ("Max core file size", "bytes"), ("Max resident set", "bytes"), ("Max processes", "processes"),
    ("Max open files", "files"), ("Max locked memory", "bytes"), ("Max address space", "bytes"),
    ("Max file locks", "locks"), ("Max pending signals", "signals"), ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""), ("Max realtime priority", ""), ("Max realtime timeout", "us"),
)  # fmt: skip


def show_limits(box: Box, task: Task) -> str:
    """Soft and hard limits (fs/proc/base.c, proc_pid_limits)."""
    infinity = box.mmu.word_limit - 1
    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} Units     \n"]
    for (name, unit), limit in zip(_LIMITS, task.signal.rlim, strict=True):
        soft, hard = ("unlimited" if value == infinity else str(value) for value in limit)
        lines.append(f"{name:<25} {soft:<20} {hard:<20} " + (f"{unit:<10}\n" if unit else "\n"))
    return "".join(lines)


def show_mem(box: Box, task: Task) -> str:
    """From the address 0 on, where nothing is."""
    return read_mem(box, task, 0, 1).decode("utf-8", "surrogateescape")


def refuse_mem(box: Box, task: Task, text: str) -> None:
    """To the address 0, where nothing is."""
    raise KernelError("EIO")


PID_FILES: dict[str, Callable[[Box, Task], str]] = {
    "arch_status": show_arch_status,
    "auxv": show_auxv,
    "clear_refs": refuse_read,
    "cmdline": show_cmdline,
    "comm": show_comm,
    "coredump_filter": show_coredump_filter,
    "environ": show_environ,
    "io": show_io,
    "limits": show_limits,
    "maps": show_maps,
    "mem": show_mem,
    "mountinfo": show_mountinfo,
    "mounts": show_mounts,
    "mountstats": show_mountstats,
    "oom_adj": show_oom_adj,
    "oom_score": show_oom_score,
    "oom_score_adj": show_oom_score_adj,
    "pagemap": show_pagemap,
    "personality": show_personality,
    "schedstat": show_schedstat,
    "smaps": show_smaps,
    "smaps_rollup": show_smaps_rollup,
    "stack": show_stack,
    "stat": show_stat,
    "statm": show_statm,
    "status": show_status,
    "syscall": show_syscall,
    "timens_offsets": show_timens_offsets,
    "timerslack_ns": show_timerslack,
    "wchan": show_wchan,
}
PID_STORES: dict[str, Callable[[Box, Task, str], None]] = {
    "clear_refs": store_clear_refs,
    "comm": store_comm,
    "coredump_filter": store_coredump_filter,
    "mem": refuse_mem,
    "oom_adj": store_oom_adj,
    "oom_score_adj": store_oom_score_adj,
    "timens_offsets": store_timens_offsets,
    "timerslack_ns": store_timerslack,
}
PID_MODES: dict[str, int] = {
    "auxv": 0o400, "clear_refs": 0o200, "comm": 0o644, "coredump_filter": 0o644, "environ": 0o400, "io": 0o400,
    "mem": 0o600, "mountstats": 0o400, "oom_adj": 0o644, "oom_score_adj": 0o644, "pagemap": 0o400, "personality": 0o400,
    "stack": 0o400, "syscall": 0o400, "timens_offsets": 0o644, "timerslack_ns": 0o666,
}  # fmt: skip
PID_PREADS: dict[str, Callable[[Box, Task, int, int], bytes]] = {"mem": read_mem, "pagemap": read_pagemap}
NOT_OF_THREADS = frozenset({"coredump_filter", "map_files", "mountstats", "task", "timens_offsets", "timerslack_ns"})
FOLDERS: dict[str, Callable[[Task], Node]] = {
    "fd": fd, "fdinfo": fdinfo, "map_files": map_files,
    "cwd": lambda task: links(task)["cwd"], "exe": lambda task: links(task)["exe"],
    "root": lambda task: links(task)["root"], "net": lambda task: NET,
}  # fmt: skip


class TaskDirectory(Directory):
    """/proc/PID, or /proc/PID/task/TID where `thread`. A file that is open when its process ends answers ESRCH."""

    __slots__ = ("pid", "thread")

    def __init__(self, pid: int, thread: bool = False) -> None:
        super().__init__({})
        self.pid = pid
        self.thread = thread

    def task(self, box: Box) -> Task:
        task = find_pid(box, self.pid)
        if task is None:
            raise KernelError("ESRCH", f"no process {self.pid}")
        return task

    def child(self, box: Box, name: str) -> Node | None:
        if self.thread and name in NOT_OF_THREADS:
            return None
        show = show_thread_stat if self.thread and name == "stat" else PID_FILES.get(name)
        if show is not None:
            store, pread = PID_STORES.get(name), PID_PREADS.get(name)
            return ProcFile(
                None if show is refuse_read else lambda box: show(box, self.task(box)),
                None if store is None else lambda box, text: store(box, self.task(box), text),
                PID_MODES.get(name, 0o444),
                None if pread is None else lambda box, offset, size: pread(box, self.task(box), offset, size),
            )
        if name in FOLDERS:
            return FOLDERS[name](self.task(box))
        if name == "task":
            names = lambda box: [str(tid) for tid in sorted(self.task(box).signal.threads)]  # noqa: E731
            return Directory({}, names=names, find=self.find_thread)
        if name == "attr" and "APPARMOR" in box.model.options:
            return attributes(self.task(box))
        if name == "ns":
            return namespaces(box)
        if name in optional_names(box, self.thread):
            one = OPTIONAL[name]
            write = one.store
            return ProcFile(
                lambda box: one.show(box, self.task(box)),
                None if write is None else lambda box, text: write(box, self.task(box), text),
                one.mode,
            )
        return None

    def find_thread(self, box: Box, name: str) -> Node | None:
        known = name in map(str, self.task(box).signal.threads)
        return TaskDirectory(int(name), True) if known else None

    def listing(self, box: Box) -> list[str]:
        self.task(box)
        names = {*PID_FILES, *FOLDERS, *optional_names(box, self.thread), "ns", "task"}
        if "APPARMOR" in box.model.options:
            names.add("attr")
        return sorted(names - NOT_OF_THREADS if self.thread else names)


def find_task(box: Box, name: str) -> Node | None:
    """/proc/NAME, if that is the number of a process, without leading zeros, as the kernel reads it; or of a thread:
    listed only below its process, found here too."""
    if not is_digits(name) or len(name) > 9 or (name[0] == "0" and name != "0"):
        return None
    pid = int(name)
    return TaskDirectory(pid) if find_pid(box, pid) is not None else None
