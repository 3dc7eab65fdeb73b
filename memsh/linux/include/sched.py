"""Tasks and their numbers (include/linux/sched.h, kernel/pid.c, init/main.c).

A task holds the addresses of its objects in the slab caches (`objects`) and the two pages of its kernel stack. Tasks
refer to each other by PID, so that no chain of references grows with the number of processes. `box.tasks` are the
processes, as the kernel's list of tasks has them: the first thread of each. `box.threads` are all other threads.

Known deviations: one PID namespace, session 0 and process group 0 for all, as on the recorded machines; children hang
on the first thread of their parent; no scheduler: the current process is the one that runs, all others sleep, and no
CPU time is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memsh.linux.include.errno import KernelError
from memsh.linux.lib.copying import slotwise

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.fs.file_table import Files
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.include.image import Touch
    from memsh.linux.include.mempolicy import Policy
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.include.resource import Rlimits

PF_IDLE, PF_WQ_WORKER, PF_FORKNOEXEC, PF_SUPERPRIV = 0x2, 0x20, 0x40, 0x100
PF_NOFREEZE, PF_KTHREAD, PF_NO_SETAFFINITY = 0x8000, 0x200000, 0x4000000
PF_KSWAPD, PF_MEMALLOC, PF_RANDOMIZE = 0x20000, 0x800, 0x400000
RESERVED_PIDS = 300
PID_MAX_DEFAULT = 32768
STATE_NAMES = {"R": "running", "S": "sleeping", "D": "disk sleep", "T": "stopped", "Z": "zombie", "I": "idle"}

SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 0, 1, 2, 3, 5


@slotwise(flat="threads", held="rlim")
class SignalStruct:
    """What the threads of a process share (signal_struct). `threads`: the TIDs, the first thread's before all others;
    `rlim`: its limits by RLIMIT_*; `umask`, which Linux keeps in fs_struct;
    `files` beside its terminal, None while there are none.

    `pending`: signals that wait for the process to go on, a bit each (shared_pending).

    Faults here are those of threads that are gone; `exit_code` is what the process ends with, once that is decided.
    """

    __slots__ = (
        "exit_code", "exiting", "files", "majflt", "minflt", "oom_score_adj", "oom_score_adj_min",
        "pending", "rlim", "threads", "umask",
    )  # fmt: skip

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.rlim: Rlimits = []
        self.files: Files | None = None
        self.umask = 0o022
        self.pending = 0
        self.minflt = self.majflt = 0
        self.oom_score_adj = self.oom_score_adj_min = 0
        self.exit_code = 0
        self.exiting = False  # SIGNAL_GROUP_EXIT: every thread is to end


@slotwise(flat="rss_stat objects children argv", same="pending affinity told")
class Task:
    """One process or kernel thread, or a further thread of the process `leader`. `argv` is what it was started with;
    faults are counted since the fork.

    `exit_code` is the status of wait(): exit status << 8, or the signal's number. `sp` is the user stack pointer in
    bytes. `pending` is what the program will touch when it next runs, and the time after that. `tls` is where a
    thread's own variables begin, 0 for the first of a program; `clear_child_tid` the word that becomes 0 at its end.
    """

    __slots__ = (
        "affinity", "argv", "bound", "cgroup", "children", "clear_child_tid", "cmajflt", "cminflt", "comm", "cpu",
        "cstime", "cutime",
        "exit_code", "exit_signal", "flags", "il_prev", "joined", "leader", "majflt", "mempolicy", "minflt", "mm",
        "nice", "nivcsw", "nr_migrations", "nvcsw", "objects", "path", "pending", "pgrp", "pid", "policy", "ppid",
        "rss_events",
        "rss_stat", "rt_priority", "session", "sigblk", "sigcgt", "sigign", "signal", "sigpnd", "sp", "stack_addr",
        "stack_pfn", "start_usec", "state", "stime", "timer_slack_ns", "tls", "told", "utime", "vfork_done",
    )  # fmt: skip

    def __init__(self, pid: int, ppid: int, comm: str) -> None:
        self.pid = pid
        self.ppid = ppid
        self.leader = 0  # the PID of its process, where it is not the first thread
        self.signal = SignalStruct()
        self.comm = comm
        self.cgroup: Cgroup | None = None  # None is the root
        self.joined = 0  # its place among those that came into a group
        self.children: dict[int, None] = {}  # PIDs, the eldest first
        self.argv: list[str] = []
        self.path = ""
        self.mm: MmStruct | None = None
        self.state = "S"
        self.flags = 0
        self.minflt = self.majflt = self.cminflt = self.cmajflt = 0
        self.utime = self.stime = self.cutime = self.cstime = 0  # µs of CPU time
        self.told = 0, 0  # the faults that are in it (kernel/cputime.py)
        self.exit_code = 0
        self.exit_signal = 17
        self.start_usec = 0
        self.pgrp = self.session = 0
        self.nice = self.rt_priority = self.policy = self.cpu = 0
        self.bound = -1  # the only CPU that it may run on; -1 for any
        self.affinity: tuple[int, ...] = ()  # the CPUs that it was confined to; none for any
        self.mempolicy: Policy | None = None
        self.il_prev = -1  # the node that interleaving last took
        self.nvcsw = self.nivcsw = self.nr_migrations = 0
        self.sigblk = self.sigign = self.sigcgt = self.sigpnd = 0
        self.sp = self.tls = self.clear_child_tid = 0
        self.vfork_done = 0  # the PID of a parent that waits in vfork()
        self.timer_slack_ns = 50000
        self.rss_stat = [0, 0, 0, 0]  # what it keeps of its process's counters (mm/memory/rss_stat.py)
        self.rss_events = 0
        self.stack_pfn = 0
        self.stack_addr = 0  # of its kernel stack, where that is mapped page by page
        self.objects: dict[str, int] = {}
        self.pending: tuple[tuple[Touch, ...], ...] = ()

    @property
    def tgid(self) -> int:
        return self.leader or self.pid

    @property
    def oom_score_adj(self) -> int:
        return self.signal.oom_score_adj

    @oom_score_adj.setter
    def oom_score_adj(self, value: int) -> None:
        self.signal.oom_score_adj = value

    @property
    def oom_score_adj_min(self) -> int:
        return self.signal.oom_score_adj_min

    @oom_score_adj_min.setter
    def oom_score_adj_min(self, value: int) -> None:
        self.signal.oom_score_adj_min = value

    @property
    def is_kthread(self) -> bool:
        return bool(self.flags & PF_KTHREAD)

    @property
    def alive(self) -> bool:
        """Neither a zombie nor gone."""
        return self.state not in ("Z", "X")

    @property
    def frozen(self) -> bool:
        """Whether it stands still because its cgroup does."""
        return self.cgroup is not None and self.cgroup.e_freeze and not self.is_kthread

    def __repr__(self) -> str:
        return f"<Task {self.pid} {self.comm}>"


def set_max_threads(totalram_pages: int, thread_size: int) -> int:
    """threads-max: as many as an eighth of memory holds kernel stacks for (kernel/fork.c)."""
    return max(20, min(totalram_pages * 4096 // (thread_size * 8), 0x3FFFFFFF))


def threads_max(box: Box) -> int:
    """kernel.threads-max: what was set, else what the memory known at fork_init() allows."""
    if box.threads_max is None:
        box.threads_max = set_max_threads(sum(zone.managed for zone in box.pages.zones), box.arch.thread_size)
    return box.threads_max


def nr_threads(box: Box) -> int:
    return len(box.tasks) + len(box.threads)


def alloc_pid(box: Box) -> int:
    """The next free PID after the last one given; after pid_max it goes on from 300. EAGAIN if there is none."""
    last, limit = box.last_pid, box.pid_max
    low = RESERVED_PIDS if last > RESERVED_PIDS else 1
    for pid in range(max(last + 1, low), limit):
        if pid not in box.tasks and pid not in box.threads:
            box.last_pid = pid
            return pid
    for pid in range(low, min(last + 1, limit)):
        if pid not in box.tasks and pid not in box.threads:
            box.last_pid = pid
            return pid
    raise KernelError("EAGAIN", "every PID is in use")


def add_task(box: Box, task: Task) -> None:
    """Enter `task` into the table of processes or of further threads, which stays in ascending order of PID."""
    tasks = box.threads if task.leader else box.tasks
    task.signal.threads.append(task.pid)
    in_order = not tasks or task.pid > next(reversed(tasks))
    tasks[task.pid] = task
    if not in_order:
        for pid in sorted(tasks):
            tasks[pid] = tasks.pop(pid)


def find_pid(box: Box, pid: int) -> Task | None:
    """The process or thread of that number (find_task_by_vpid)."""
    return box.tasks.get(pid) or box.threads.get(pid)


def threads_of(box: Box, task: Task) -> list[Task]:
    """All threads of a task's process, the first one first, though it may have ended before the others."""
    found = (find_pid(box, tid) for tid in task.signal.threads)
    return [thread for thread in found if thread is not None]


def live_thread(box: Box, task: Task) -> Task | None:
    """A thread of the task's process that has memory, the task itself if it may be (find_lock_task_mm)."""
    if task.mm is not None:
        return task
    return next((thread for thread in threads_of(box, task) if thread.mm is not None), None)


def find_task(box: Box, pid: int) -> Task:
    """The task `pid`; ESRCH."""
    found = find_pid(box, pid)
    if found is None:
        raise KernelError("ESRCH", f"no process {pid}")
    return found


def children_of(box: Box, task: Task) -> list[Task]:
    return [box.tasks[pid] for pid in task.children]


def rlimit(box: Box, resource: int) -> int:
    """The current process's soft limit; none before there is a process."""
    task = getattr(box, "current", None)
    return int(task.signal.rlim[resource][0]) if task is not None else box.mmu.word_limit - 1


def current_umask(box: Box) -> int:
    """The mode bits that the current process keeps from what it makes."""
    task = getattr(box, "current", None)
    return int(task.signal.umask) if task is not None else 0o022


def context_switch(box: Box, task: Task) -> None:
    """`task` has the CPU: what is done now is done there, on its node, by its policy."""
    box.changes += 1
    old = getattr(box, "current", None)
    box.current = task
    pages = getattr(box, "pages", None)
    if pages is None:
        return
    if old is not None:
        old.il_prev = pages.interleaved
        box.cputime.charge(old)
    pages.interleaved = task.il_prev
    pages.set_policy(task.mempolicy)
    box.memcg.switched()
    box.cgroups.cpusets.switched()
    if task.mm is not None:
        box.smp.loaded[task.cpu] = task.mm.number
    if task.cpu != pages.cpu:
        pages.use_cpu(task.cpu)
        for hook in box.hooks.get("cpu", ()):
            hook()


def sched_setaffinity(box: Box, task: Task, cpus: tuple[int, ...]) -> None:
    """Confine a task to these CPUs; it moves if it must. EINVAL if its cpuset has none of them."""
    box.changes += 1
    wanted = sum(1 << cpu for cpu in set(cpus) if cpu >= 0) & box.cgroups.cpusets.cpus_allowed(task)
    if task.flags & PF_NO_SETAFFINITY or not set_cpus_allowed(box, task, wanted):
        raise KernelError("EINVAL")


def set_user_nice(box: Box, task: Task, nice: int) -> None:
    """A task's nice value, bounded to -20 … 19 (setpriority(2); kernel/sched/core.c)."""
    box.changes += 1
    task.nice = min(19, max(-20, nice))


def set_cpus_allowed(box: Box, task: Task, mask: int) -> bool:
    """A task may run on the CPUs whose bits are set, and moves if it must; False, and nothing changes, if there is none
    of them (set_cpus_allowed_ptr)."""
    there = tuple(cpu for cpu in range(box.config.cpus) if mask >> cpu & 1)
    if not there:
        return False
    task.affinity = there if len(there) < box.config.cpus else ()
    if task.cpu not in there:
        task.cpu = there[0]
        if task is box.current:
            context_switch(box, task)
    return True


def init_fields(box: Box) -> None:
    """The task table of a box that has not started any task yet (kernel/fork.c, fork_init; kernel/pid.c)."""
    fields: dict[str, Any] = {
        "tasks": {}, "threads": {}, "current": None, "init": None, "last_pid": 0, "panicked": "", "total_forks": 0,
        "threads_max": None, "programs": {}, "idle_tasks": [],
        "pid_max": max(PID_MAX_DEFAULT, 1024 * box.config.cpus) if box.arch.word == 8 else PID_MAX_DEFAULT,
    }  # fmt: skip
    for name, value in fields.items():
        setattr(box, name, value)
