"""prlimit() and umask() (kernel/sys.c).

Every process is root's: it may raise its hard limits (CAP_SYS_RESOURCE), NPROC and MEMLOCK do not stop it, and RSS has
had no effect since Linux 2.4.30.

Known deviations: no task is a real-time one, so that RTTIME does not act; there are no locks, queues and nice values
that LOCKS, MSGQUEUE, SIGPENDING, NICE and RTPRIO would bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.resource import RLIMIT_NOFILE

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

S_IRWXUGO = 0o777


def do_prlimit(box: Box, task: Task, resource: int, new: tuple[int, int] | None = None) -> tuple[int, int]:
    """The process's limit of that number, as it was before it was set to `new`: (soft, hard). EINVAL, EPERM.

    What is no less than the machine's largest unsigned long is no limit.
    """
    limits = task.signal.rlim
    if not 0 <= resource < len(limits):
        raise KernelError("EINVAL")
    old = limits[resource]
    if new is None:
        return old
    infinity = box.mmu.word_limit - 1
    soft, hard = min(new[0], infinity), min(new[1], infinity)
    if soft > hard:
        raise KernelError("EINVAL")
    if resource == RLIMIT_NOFILE and hard > box.sysctl.values["fs.nr_open"]:
        raise KernelError("EPERM")
    box.changes += 1
    limits[resource] = soft, hard
    return old


def umask(box: Box, task: Task, mask: int) -> int:
    """Set which bits new files do not get; what it was before."""
    box.changes += 1
    signal = task.signal
    old, signal.umask = signal.umask, mask & S_IRWXUGO
    return old
