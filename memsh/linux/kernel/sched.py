"""Giving the CPU to another task (kernel/sched/core.c)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import Task, context_switch, find_pid
from memsh.linux.kernel.returns import resume
from memsh.linux.mm.memory.outcome import Killed

if TYPE_CHECKING:
    from memsh.linux.box import Box


def switch_to(box: Box, task: Task) -> None:
    """Make `task` the current process. ESRCH for a zombie, EINVAL for a kernel thread, which has no user memory;
    EAGAIN for one that waits in vfork() or is frozen."""
    if not task.alive:
        raise KernelError("ESRCH", f"{task.pid} has ended")
    if task.mm is None:
        raise KernelError("EINVAL", f"{task.pid} is a kernel thread")
    if task.frozen:
        raise KernelError("EAGAIN", f"{task.pid} is frozen with its cgroup")
    if any(one.vfork_done == task.pid for one in box.tasks.values()):
        raise KernelError("EAGAIN", f"{task.pid} waits in vfork()")
    old = box.current
    if old is task:
        return
    if old is not None and old.state == "R":
        old.state = "S"
    if old is not None and old.alive:
        old.nvcsw += 1
    context_switch(box, task)
    if task.state == "S":
        task.state = "R"
    if task.pending:
        resume(box, task)


@contextmanager
def on_cpu_of(box: Box, task: Task) -> Iterator[None]:
    """While `task` works. Afterwards goes on who was current, or, if that has ended meanwhile (an OOM kill), init.

    ENOMEM where the task itself is the OOM killer's victim: it has ended.
    """
    before = box.current
    context_switch(box, task)
    try:
        yield
    except Killed:
        box.oom.settle()
        raise KernelError("ENOMEM") from None
    finally:
        there = before.alive and before.mm is not None and find_pid(box, before.pid) is before
        context_switch(box, before if there else box.init)
