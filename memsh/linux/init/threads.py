"""The tasks that a box has when the first command runs (init/main.c, rest_init; kernel/kthread.c, kthreadd).

Which threads the kernel has of its own, the machine says (memsh.machines.kthreads).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.fs.exec import do_execve
from memsh.linux.include.sched import (
    PF_FORKNOEXEC,
    PF_KSWAPD,
    PF_KTHREAD,
    PF_MEMALLOC,
    PF_NO_SETAFFINITY,
    PF_NOFREEZE,
    PF_WQ_WORKER,
    Task,
)
from memsh.linux.kernel.fork import copy_process, create_kthread, fork_idle, kernel_clone
from memsh.linux.kernel.sched import switch_to

if TYPE_CHECKING:
    from memsh.linux.box import Box

KTHREAD_FLAGS = PF_KTHREAD | PF_NOFREEZE | PF_FORKNOEXEC
WORKER, RESCUER, PLAIN, PER_CPU, MIGRATION, SWAPD = range(6)
FIRST_PID = 53  # of the first process after init, as recorded on i386; at the least
KTHREADD_USEC = 360_000


class Kthread(NamedTuple):
    """A thread of the kernel: `usec` after boot it started. Without a name it is a PID that is in use no more."""

    name: str
    kind: int = PLAIN
    nice: int = 0
    usec: int = 0


def _home(name: str) -> int:
    """The CPU that a thread with this name is bound to, -1 for none."""
    home = re.match(r"(?:ksoftirqd|migration|cpuhp)/(\d+)|kworker/(\d+):", name)
    return int(home[1] or home[2]) if home else -1


def _dress(box: Box, task: Task, thread: Kthread) -> None:
    """State, flags and priority of a kernel thread of this kind."""
    name, kind = thread.name, thread.kind
    task.comm, task.nice = name, thread.nice
    task.start_usec = min(thread.usec, box.timer.usec)
    task.bound = _home(name)
    task.cpu = max(task.bound, 0)
    of_node = re.fullmatch(r"k(?:swap|compact)d(\d+)", name)
    if of_node:  # they run on the CPUs of their node
        cpus = box.pages.nodes[int(of_node[1])].cpus
        task.cpu = cpus[0] if cpus else 0
        task.affinity = tuple(cpus) if len(cpus) < box.config.cpus else ()
    task.state = "I" if kind in (WORKER, RESCUER) or name == "rcu_preempt" else "S"
    task.flags = KTHREAD_FLAGS
    if kind in (WORKER, RESCUER) and not name.startswith("rcu_tasks"):
        task.flags |= PF_WQ_WORKER | PF_NO_SETAFFINITY
    elif kind in (PER_CPU, MIGRATION):
        task.flags |= PF_NO_SETAFFINITY
        if kind == MIGRATION:
            task.rt_priority, task.policy = 99, 1
    elif kind == SWAPD:
        task.flags |= PF_KSWAPD | PF_MEMALLOC
    task.sigign = (1 << 64) - 1


def start_tasks(box: Box) -> None:
    """Create init (PID 1), kthreadd (2), its children, and the current process, running a.out: PID 53 at least."""
    if not box.programs:
        for path, image in box.model.programs().items():
            box.programs[path] = image
            box.fs.install(path, image.size)
            box.fs.put_text(path, image.text)
        box.fs.install_large()
    init = copy_process(box, None, "swapper/0")
    box.init = box.current = init
    box.pages.set_policy(None)  # numa_default_policy()
    init.state = "R"
    kthreadd = create_kthread(box, "kthreadd", 0)
    _dress(box, kthreadd, Kthread("kthreadd", usec=KTHREADD_USEC))
    init.start_usec = kthreadd.start_usec
    kthreadd.exit_signal = 0
    for thread in box.model.start.kernel_threads(box):
        if thread.name:
            cpu = _home(thread.name)
            node = box.pages.cpu_to_node(cpu) if cpu >= 0 else -1
            _dress(box, create_kthread(box, thread.name, kthreadd.pid, node), thread)
        else:
            box.last_pid += 1
    for cpu in range(1, box.config.cpus):
        fork_idle(box, cpu)
    box.vmalloc.end_layout()
    if "/init" in box.programs:
        _start(box, init, "/init", ["/init"])
    init.comm = "init"
    if "/bin/a.out" in box.programs:
        box.last_pid = max(box.last_pid, FIRST_PID - 1)
        box.total_forks = box.last_pid + box.config.cpus - 1  # those that have ended, too; an idle thread has no PID
        first = kernel_clone(box, init)
        _start(box, first, "/bin/a.out", ["a.out"])
        switch_to(box, first)


def _start(box: Box, task: Task, path: str, argv: list[str]) -> None:
    """execve at boot, where nobody waits for a disk: a fault is a major one of its task only where the box counts it,
    too, not where it was taken again because of what is read ahead."""
    majors = box.vmstat["pgmajfault"]
    do_execve(box, task, path, argv)
    majors = box.vmstat["pgmajfault"] - majors
    task.minflt, task.majflt = task.minflt + task.majflt - majors, majors
