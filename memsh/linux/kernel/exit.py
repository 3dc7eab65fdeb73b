"""The end of a thread and of a process: do_exit, do_group_exit, zombies, wait (kernel/exit.c).

Known deviations: init always waits, so its children leave no zombies, and orphans whose new parent is init neither.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from memsh.linux.fs.file_table import close_files
from memsh.linux.include.errno import KernelError
from memsh.linux.include.kern_levels import KERN_EMERG
from memsh.linux.include.sched import Task, children_of, context_switch, live_thread, threads_of
from memsh.linux.kernel.fork import complete_vfork_done, drop_object, free_task
from memsh.linux.lib.dump_stack import dump_stack
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.mmlife import exit_mmap
from memsh.linux.mm.memory.outcome import BusError, Killed, Segfault
from memsh.linux.mm.memory.rss_stat import sync_mm_rss

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct


def exit_mm(box: Box, task: Task) -> None:
    """Leave the process's memory, if there is any; its last user gives it back."""
    if task.mm is not None:
        mm_release(box, task)
        sync_mm_rss(box, task)
        mm, task.mm = task.mm, None
        if box.smp.loaded[task.cpu] == mm.number:  # it is the task's own CPU that does this
            box.smp.loaded[task.cpu] = 0
        mmput(box, mm)


def mmput(box: Box, mm: MmStruct) -> None:
    """One user of the memory less."""
    mm.users -= 1
    if not mm.users:
        exit_mmap(box, mm)


def mm_release(box: Box, task: Task) -> None:
    """Tell the C library that the thread is gone: its number in memory becomes 0, if others can see that."""
    complete_vfork_done(box, task)
    addr, task.clear_child_tid = task.clear_child_tid, 0
    assert task.mm is not None
    if addr and task.mm.users > 1:
        current, victim = box.current, box.oom.victim
        box.current = task  # whoever has it killed, it does this itself
        try:
            with suppress(Segfault, BusError, Killed, KernelError):  # put_user(): an error is nobody's business
                word = task.mm.mmu.word
                old = uaccess.read(box, task, addr & -word, word)
                at = addr & word - 1
                uaccess.write(box, task, addr & -word, old[:at] + bytes(4) + old[at + 4 :])
        finally:
            box.current, box.oom.victim = current, victim


def panic(box: Box, words: str, head: str = "panic", via: str = "exit") -> None:
    """The machine stops: `box.panicked` says why, and nothing may run any more (kernel/panic.c). `head` and `via`:
    where it happened (Traces); by default in do_exit()."""
    box.changes += 1
    box.log.printk(f"Kernel panic - not syncing: {words}", KERN_EMERG)
    dump_stack(box, head, via)
    box.log.printk("Kernel Offset: disabled", KERN_EMERG)
    box.log.printk(f"---[ end Kernel panic - not syncing: {words} ]---", KERN_EMERG)
    box.panicked = words


def release_task(box: Box, task: Task) -> None:
    """Forget a process that has ended and was waited for; its faults go to its parent's account."""
    box.changes += 1
    parent = box.tasks.get(task.ppid)
    if parent is not None:
        parent.cminflt += task.minflt + task.signal.minflt + task.cminflt
        parent.cmajflt += task.majflt + task.signal.majflt + task.cmajflt
        parent.cutime += task.utime + task.cutime
        parent.cstime += task.stime + task.cstime
        parent.children.pop(task.pid, None)
    box.cgroups.release_task(task)
    del box.tasks[task.pid]
    task.state = "X"
    free_task(box, task)


def _release_thread(box: Box, task: Task) -> None:
    """Forget a further thread that has ended; its faults stay with the process."""
    signal = task.signal
    signal.minflt += task.minflt
    signal.majflt += task.majflt
    signal.threads.remove(task.pid)
    box.cgroups.release_task(task)
    del box.threads[task.pid]
    task.state = "X"
    free_task(box, task)


def group_dead(box: Box, leader: Task) -> bool:
    """Whether no thread of the process lives (thread_group_empty and a zombie)."""
    return not any(thread.alive for thread in threads_of(box, leader))


def _reparent(box: Box, task: Task) -> None:
    """Children of a dying process become init's; what is a zombie already is buried there."""
    init = box.init
    for child in children_of(box, task):
        child.ppid = init.pid
        for thread in threads_of(box, child):
            thread.ppid = init.pid
        init.children[child.pid] = None
    orphans, task.children = task.children, {}
    for pid in orphans:
        if group_dead(box, box.tasks[pid]):
            release_task(box, box.tasks[pid])


def do_group_exit(box: Box, task: Task, code: int) -> None:
    """End a task's process, all its threads; `code` as wait() tells it (exit status << 8, or a signal's number)."""
    signal = task.signal
    signal.exiting, signal.exit_code = True, code
    first, *others = threads_of(box, task)
    for thread in (*others, first):
        if thread is not task and thread.alive:
            do_exit(box, thread, code)
    if task.alive:
        do_exit(box, task, code)


def do_exit(box: Box, task: Task, code: int) -> None:
    """End one thread; with the last one its process ends. The end of init is a panic.

    If that was the current task another thread of its process becomes the current one, else a thread of its parent, or
    init if that cannot run.
    """
    box.changes += 1
    leader = box.tasks[task.tgid]
    last = not any(thread.alive for thread in threads_of(box, task) if thread is not task)
    if last and leader is box.init:
        task.exit_code = code
        panic(box, f"Attempted to kill init! exitcode=0x{code:08x}")
        return
    exit_mm(box, task)
    task.exit_code = code
    task.pending = ()
    if task is leader:
        task.state = "Z"
    else:
        _release_thread(box, task)
    if last:
        _group_dead(box, leader)
    if box.current is task:
        parent = box.tasks.get(leader.ppid)
        able = (live_thread(box, one) for one in (leader, parent) if one is not None)
        context_switch(box, next((one for one in able if one is not None), box.init))
        if box.current.state == "S":
            box.current.state = "R"


def _group_dead(box: Box, leader: Task) -> None:
    """The last thread has ended: what was the process's own goes, and its parent may know."""
    close_files(box, leader)
    drop_object(box, leader, "files_cache")
    drop_object(box, leader, "fs_cache")
    _reparent(box, leader)
    if leader.signal.exiting:
        leader.exit_code = leader.signal.exit_code
    parent = box.tasks[leader.ppid]
    if parent is box.init or parent.is_kthread:
        release_task(box, leader)


def do_wait(box: Box, task: Task) -> tuple[int, int]:
    """(PID, status) of one child that has ended, whose entry goes. ECHILD without children; EAGAIN if all live."""
    leader = box.tasks[task.tgid]
    if not leader.children:
        raise KernelError("ECHILD")
    for child in children_of(box, leader):
        if group_dead(box, child):
            pid, code = child.pid, child.exit_code
            release_task(box, child)
            return pid, code
    raise KernelError("EAGAIN", "no child has ended yet")
