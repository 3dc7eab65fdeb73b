"""/proc/PID/stat and statm (fs/proc/array.c, do_task_stat, proc_pid_statm)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.mm_types import MM_FILEPAGES, MM_SHMEMPAGES
from memsh.linux.include.sched import SCHED_FIFO, SCHED_RR, threads_of
from memsh.procfs.pid_status import text_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

USEC_PER_TICK = 10_000
SIGNAL_BITS = 0x7FFFFFFF


def priority(task: Task) -> int:
    """As the scheduler orders tasks, less 100: 0 to 39 by their nice value, less than 0 for real-time ones."""
    return -1 - task.rt_priority if task.policy in (SCHED_FIFO, SCHED_RR) else 20 + task.nice


def show_stat(box: Box, task: Task) -> str:
    """Fifty-two fields of a process; faults are those of all its threads."""
    signal, threads = task.signal, threads_of(box, task)
    minflt = signal.minflt + sum(thread.minflt for thread in threads)
    majflt = signal.majflt + sum(thread.majflt for thread in threads)
    utime, stime = (sum(getattr(thread, name) for thread in threads) for name in ("utime", "stime"))
    return _stat(box, task, minflt, majflt, utime, stime)


def show_thread_stat(box: Box, task: Task) -> str:
    """Those of one thread; faults are its own."""
    return _stat(box, task, task.minflt, task.majflt, task.utime, task.stime)


def _stat(box: Box, task: Task, minflt: int, majflt: int, utime: int, stime: int) -> str:
    mm = task.mm
    leader = box.tasks[task.tgid]
    memory = [0, 0]
    code = [0] * 3
    rest = [0] * 7
    if mm is not None:
        memory = [mm.total_vm * 4096, mm.get_rss()]
        code = [mm.start_code, mm.end_code, mm.start_stack]
        rest = [mm.start_data, mm.end_data, mm.start_brk, mm.arg_start, mm.arg_end, mm.env_start, mm.env_end]
    numbers = [
        task.ppid, task.pgrp, task.session, 0, -1, task.flags, minflt, leader.cminflt, majflt, leader.cmajflt,
        *(usec // USEC_PER_TICK for usec in (utime, stime, leader.cutime, leader.cstime)),
        priority(task), task.nice, len(task.signal.threads), 0, task.start_usec // USEC_PER_TICK,
        *memory, box.mmu.word_limit - 1, *code, 0, 0,
        task.sigpnd & SIGNAL_BITS, task.sigblk & SIGNAL_BITS, task.sigign & SIGNAL_BITS, task.sigcgt & SIGNAL_BITS,
        0 if task.state in "RZ" else 1, 0, 0, task.exit_signal, task.cpu, task.rt_priority, task.policy, 0, 0, 0,
        *rest, task.exit_code,
    ]  # fmt: skip
    return f"{task.pid} ({task.comm}) {task.state} " + " ".join(map(str, numbers)) + "\n"


def show_statm(box: Box, task: Task) -> str:
    """size resident shared text lib data dt, in pages."""
    del box
    mm = task.mm
    if mm is None:
        return "0 0 0 0 0 0 0\n"
    shared = mm.counter(MM_FILEPAGES) + mm.counter(MM_SHMEMPAGES)
    return f"{mm.total_vm} {mm.get_rss()} {shared} {text_pages(mm)} 0 {mm.data_vm + mm.stack_vm} 0\n"
