"""RLIMIT_CPU: a process that has had its CPU time is told so, and ended (kernel/time/posix-cpu-timers.c).

At the soft limit comes SIGXCPU, and again after each second more; at the hard limit SIGKILL. The clock notices while it
moves; the signal takes effect as soon as no system call is under way (settle).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import SIGKILL
from memsh.linux.include.resource import RLIMIT_CPU
from memsh.linux.include.sched import threads_of
from memsh.linux.kernel.signal import send_sig

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

SIGXCPU = 24
SECOND = 1_000_000


def process_cpu_usec(box: Box, task: Task) -> int:
    """What the threads of the process have had."""
    return sum(thread.utime + thread.stime for thread in threads_of(box, task))


def check_process_timers(box: Box, task: Task) -> int:
    """The signal that is due to the process now, 0 if none is. A soft limit that was reached moves on by a second."""
    limits = task.signal.rlim
    soft, hard = limits[RLIMIT_CPU]
    infinity = box.mmu.word_limit - 1
    if soft == infinity:
        return 0
    used = process_cpu_usec(box, task)
    if hard != infinity and used >= hard * SECOND:
        return SIGKILL
    if used >= soft * SECOND:
        limits[RLIMIT_CPU] = soft + 1, hard
        return SIGXCPU
    return 0


def run_posix_cpu_timers(box: Box) -> list[tuple[str, int]]:
    """Send what is due: (`PID (name)`, signal) of the processes that it ended."""
    due, box.cputime.due = box.cputime.due, {}
    ended = []
    for pid, sig in due.items():
        task = box.tasks.get(pid)
        if task is not None and task.alive and send_sig(box, task, sig):
            ended.append((f"{pid} ({task.comm})", sig))
    return ended
