"""The small files of /proc/PID that need nothing else (fs/proc/base.c, array.c): io, auxv, personality and their like.

**Known deviations:** nobody counts what a process reads and writes: `io` says 0; nor how long it ran and waited in
nanoseconds: `schedstat` says 0. What is written to coredump_filter and timerslack_ns is kept, and does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.kernel.kthread_switches import context_switches, sum_exec_runtime
from memsh.linux.lib.kstrtox import kstrtouint, kstrtoull_decimal

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

CLOCKS = ("monotonic", "boottime", "1", "7")
NSEC_PER_SEC, KTIME_SEC_MAX = 10**9, 9223372036


def show_io(box: Box, task: Task) -> str:
    del box, task
    names = ("rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes")
    return "".join(f"{name}: 0\n" for name in names)


def show_auxv(box: Box, task: Task) -> str:
    """The auxiliary vector that the program was started with, to its AT_NULL; nothing for a kernel thread."""
    del box
    return task.mm.saved_auxv.decode("utf-8", "surrogateescape") if task.mm is not None else ""


def show_personality(box: Box, task: Task) -> str:
    del box, task
    return "00000000\n"


def show_arch_status(box: Box, task: Task) -> str:
    """Nothing but on a processor with AVX-512."""
    del box, task
    return ""


def show_coredump_filter(box: Box, task: Task) -> str:
    del box
    return f"{task.mm.coredump_filter:08x}\n" if task.mm is not None else ""


def store_coredump_filter(box: Box, task: Task, text: str) -> None:
    """Nine bits; EINVAL, ERANGE, ESRCH without memory."""
    del box
    value = kstrtouint(text)
    if task.mm is None:
        raise KernelError("ESRCH")
    task.mm.coredump_filter = value & 0x1FF


def show_schedstat(box: Box, task: Task) -> str:
    """Time on a CPU, time waiting for one, turns."""
    return f"{sum_exec_runtime(box, task)} 0 {sum(context_switches(box, task))}\n"


def show_timens_offsets(box: Box, task: Task) -> str:
    del box, task
    return "monotonic           0         0\nboottime            0         0\n"


def store_timens_offsets(box: Box, task: Task, text: str) -> None:
    """A clock, seconds and ns, a line each; the namespace of the first processes takes none. EACCES, EINVAL; ERANGE:
    a clock would begin before its zero, or too late."""
    if len(text) >= PAGE_SIZE:
        raise KernelError("EINVAL", "less than a page")
    rows = [line.split() for line in text.splitlines()]
    for row in rows:
        if len(row) != 3 or row[0] not in CLOCKS or not all(map(is_digits, (row[1].removeprefix("-"), row[2]))):
            raise KernelError("EINVAL", "a clock, seconds, nanoseconds")
        seconds = int(row[1])
        if int(row[2]) >= NSEC_PER_SEC:
            raise KernelError("EINVAL", "less than a second")
        if not -box.timer.usec <= seconds * 1_000_000 <= KTIME_SEC_MAX // 2 * 1_000_000:
            raise KernelError("ERANGE", row[1])
    raise KernelError("EACCES" if rows else "EINVAL")


def show_timerslack(box: Box, task: Task) -> str:
    del box
    return f"{task.timer_slack_ns}\n"


def store_timerslack(box: Box, task: Task, text: str) -> None:
    """Nanoseconds; 0 is the default again. EINVAL, ERANGE."""
    del box
    task.timer_slack_ns = kstrtoull_decimal(text) or 50000
