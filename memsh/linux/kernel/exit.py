"""The end of a process: do_exit, zombies, wait (kernel/exit.c).

Known deviations: init always waits, so its children leave no zombies, and orphans whose new parent is init neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import Task, children_of, context_switch
from memsh.linux.kernel.fork import drop_object, free_task
from memsh.linux.kernel.printk import KERN_EMERG

if TYPE_CHECKING:
    from memsh.linux.box import Box


def exit_mm(box: Box, task: Task) -> None:
    """Give back the task's memory, if it has any."""
    if task.mm is not None:
        from memsh.linux.mm.memory.mmlife import exit_mmap

        mm, task.mm = task.mm, None
        exit_mmap(box, mm)


def panic(box: Box, words: str) -> None:
    """The machine stops: `box.panicked` says why, and nothing may run any more (kernel/panic.c)."""
    box.changes += 1
    box.log.printk(f"Kernel panic - not syncing: {words}", KERN_EMERG)
    box.log.printk(f"---[ end Kernel panic - not syncing: {words} ]---", KERN_EMERG)
    box.panicked = words


def release_task(box: Box, task: Task) -> None:
    """Forget a task that has ended and was waited for; its faults go to its parent's account."""
    box.changes += 1
    parent = box.tasks.get(task.ppid)
    if parent is not None:
        parent.cminflt += task.minflt + task.cminflt
        parent.cmajflt += task.majflt + task.cmajflt
        if task.pid in parent.children:
            parent.children.remove(task.pid)
    del box.tasks[task.pid]
    task.state = "X"
    free_task(box, task)


def _reparent(box: Box, task: Task) -> None:
    """Children go to init; those that are dead already are reaped there."""
    init = box.init
    for child in children_of(box, task):
        child.ppid = init.pid
        init.children.append(child.pid)
    orphans, task.children = task.children, []
    for pid in orphans:
        if not box.tasks[pid].alive:
            release_task(box, box.tasks[pid])


def do_exit(box: Box, task: Task, code: int) -> None:
    """End `task`; `code` as wait() tells it (exit status << 8, or a signal's number). The end of init is a panic.

    The current process's parent becomes the current one, or init if the parent cannot run.
    """
    box.changes += 1
    if task is box.init:
        task.exit_code = code
        panic(box, f"Attempted to kill init! exitcode=0x{code:08x}")
        return
    parent = box.tasks[task.ppid]
    exit_mm(box, task)
    drop_object(box, task, "files_cache")
    drop_object(box, task, "fs_cache")
    _reparent(box, task)
    task.exit_code = code
    task.state = "Z"
    task.pending = ()
    if parent is box.init or parent.is_kthread:
        release_task(box, task)
    if box.current is task:
        able = parent.alive and parent.mm is not None
        context_switch(box, parent if able else box.init)
        if box.current.state == "S":
            box.current.state = "R"


def do_wait(box: Box, task: Task) -> tuple[int, int]:
    """(PID, status) of one child that has ended, whose entry goes. ECHILD without children; EAGAIN if all live."""
    if not task.children:
        raise KernelError("ECHILD")
    for child in children_of(box, task):
        if not child.alive:
            pid, code = child.pid, child.exit_code
            release_task(box, child)
            return pid, code
    raise KernelError("EAGAIN", "no child has ended yet")
