"""What a program does by itself when a system call has returned to it: the accesses that were recorded.

A child returns from fork when it first gets the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.aslr import actual_touches
from memsh.linux.include.errno import KernelError
from memsh.linux.include.image import Touch
from memsh.linux.include.sched import Task
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import BusError, Killed, Segfault

if TYPE_CHECKING:
    from memsh.linux.box import Box


def resume(box: Box, task: Task) -> None:
    """The task gets the CPU. A new child returns from fork (the kernel stores its thread ID in its C library) and runs
    to where it waits for its first operation; the next time it has that operation behind it, and has reported it.

    Faults are the program's own. Nothing happens to a task that has done both.
    """
    box.changes += 1
    stage, task.pending = task.pending[0], task.pending[1:]
    if task.mm is not None:
        _touch_present(box, task, actual_touches(task.mm, stage))


def _touch_present(box: Box, task: Task, touches: tuple[Touch, ...]) -> None:
    """Touch what is still mapped that way: the process may have unmapped or protected it. If the OOM killer chooses it
    meanwhile it touches nothing more, and ends as soon as whoever gave it the CPU lets it (OomKill.settle)."""
    for addr, length, write in touches:
        try:
            touch_range(box, task, addr, length, write)
        except (Segfault, BusError, KernelError):
            continue
        except Killed:
            return


def fork_returns(box: Box, parent: Task) -> None:
    """The parent's side of fork, still inside the call: it writes its stack, which it now shares."""
    _touch_present(box, parent, (Touch(parent.sp & ~4095, 4096, True),))


def after_fork(box: Box, parent: Task, child: Task) -> None:
    """After fork has returned: the parent goes on to report; the child has all before it."""
    image = box.programs.get(parent.path)
    if image is not None:
        assert parent.mm is not None
        _touch_present(box, parent, actual_touches(parent.mm, image.forking))
        child.pending = ((Touch(child.sp & ~4095, 4096, True), *image.forked), image.settled)
