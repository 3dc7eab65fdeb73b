"""How often kernel threads have had the CPU: what boot needed, and what comes again and again (kernel/sched/core.c).

A kernel thread that only waits for work has been switched to twice: once as it was made, once as it was told so. Those
with more to do have the recorded machines' figures; those that timers wake go on while the box does nothing.

Known deviation: they are woken by the clock alone, whatever there is to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

MADE = 2
# begin of the name: (voluntary, involuntary) at the end of boot
BOOT = {
    "cpuhp/": (11, 0), "kcompactd": (2, 0), "kdevtmpfs": (123, 0), "ksoftirqd/0": (12, 0), "kswapd": (3, 0),
    "kworker/0:0": (4, 0), "kworker/0:1H": (10, 0), "kworker/0:1": (46, 5), "kworker/u2:0": (25, 169),
    "kworker/u2:": (4, 0), "migration/": (6, 0), "rcu_preempt": (80, 0),
}  # fmt: skip
INIT = (30, 300)  # which shared its CPU with whoever unpacked the RAM disk
INIT_SEVERAL = (60, 77)
# µs: how often their timers wake them on a machine that has nothing to do
EVERY = {
    "kcompactd": 500_000, "ksoftirqd/0": 1_600_000, "kworker/0:1-": 700_000, "kworker/u2:0": 1_800_000,
    "rcu_preempt": 400_000,
}  # fmt: skip
TURN_NSEC = 12_862  # of a turn in which a thread finds little to do, as recorded


def start(box: Box) -> int:
    """Boot is over: how often all CPUs together have switched. Threads that have ended since had theirs as well, and
    where there are several CPUs they switch from their idle thread and back to it."""
    kthreads = [task for task in box.tasks.values() if task.is_kthread]
    for task in kthreads:
        task.nvcsw, task.nivcsw = next(
            (count for begin, count in BOOT.items() if task.comm.startswith(begin)), (MADE, 0))  # fmt: skip
        if task.pid == box.init.pid + 1:  # kthreadd, which is woken for each
            task.nvcsw = max(other.pid for other in kthreads) - task.pid
    box.init.nvcsw, box.init.nivcsw = INIT if box.config.cpus == 1 else INIT_SEVERAL
    living = sum(task.nvcsw + task.nivcsw for task in box.tasks.values())
    return living * min(2, box.config.cpus) + MADE * (box.total_forks - len(box.tasks))


def context_switches(box: Box, task: Task) -> tuple[int, int]:
    """(voluntary, involuntary) until now."""
    if not task.is_kthread:
        return task.nvcsw, task.nivcsw
    every = next((usec for begin, usec in EVERY.items() if task.comm.startswith(begin)), 0)
    since = max(0, box.timer.usec - max(box.cputime.booted, task.start_usec))
    return task.nvcsw + (since // every if every else 0), task.nivcsw


def sum_exec_runtime(box: Box, task: Task) -> int:
    """How long a task has run, in ns: what it is known for and, of a kernel thread, some for each of its turns."""
    turns = sum(context_switches(box, task)) if task.is_kthread else 0
    return (task.utime + task.stime) * 1000 + turns * TURN_NSEC
