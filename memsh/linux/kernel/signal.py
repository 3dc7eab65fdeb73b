"""Signals as far as they end, stop or continue processes, and the log line of a segmentation fault
(kernel/signal.c, arch/x86/mm/fault.c, arch/x86/kernel/dumpstack.c).

Known deviations: no handlers run; a signal takes effect at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.program import instruction
from memsh.linux.arch.x86.vsyscall import emulate_vsyscall
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import SIGBUS, SIGCHLD, SIGCONT, SIGSEGV, SIGSTOP
from memsh.linux.include.kern_levels import KERN_EMERG, KERN_INFO
from memsh.linux.include.sched import Task, find_task, threads_of
from memsh.linux.kernel.exit import do_group_exit
from memsh.linux.kernel.printk import printk_ratelimit
from memsh.linux.lib.dump_stack import opcodes
from memsh.linux.mm.mmap.vmalist import find_vma

if TYPE_CHECKING:
    from memsh.linux.box import Box

_NAMES = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
    "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
)  # fmt: skip
SIGNALS: dict[str, int] = {name: number for number, name in enumerate(_NAMES, 1)}
SIGNAL_NAMES: dict[int, str] = dict(enumerate(_NAMES, 1))
SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH = 20, 21, 22, 23, 28
_STOPS = (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU)
_IGNORED = (SIGCHLD, SIGCONT, SIGURG, SIGWINCH)
_COREDUMP = (3, 4, 5, 6, 7, 8, 11, 24, 25, 31)
_SYNCHRONOUS = (4, 5, 7, 8, 11, 31)
DESCRIPTIONS = {
    1: "Hangup", 2: "Interrupt", 3: "Quit", 4: "Illegal instruction", 5: "Trace/breakpoint trap", 6: "Aborted",
    7: "Bus error", 8: "Floating point exception", 9: "Killed", 10: "User defined signal 1", 11: "Segmentation fault",
    12: "User defined signal 2", 13: "Broken pipe", 14: "Alarm clock", 15: "Terminated",
    24: "CPU time limit exceeded", 25: "File size limit exceeded",
}  # fmt: skip


def send_sig(box: Box, task: Task, sig: int) -> bool:
    """kill(): whether the signal ended the process. EINVAL for a number that is none, ESRCH for a task that is gone.
    Any thread's number means its process.

    Signal 0 only looks. Kernel threads ignore every signal, and init those that it has no handler for.
    """
    if not 0 <= sig <= 64:
        raise KernelError("EINVAL", f"no signal {sig}")
    find_task(box, task.pid)
    threads = [thread for thread in threads_of(box, task) if thread.alive]
    if sig == 0 or task.is_kthread or task.tgid == box.init.pid or not threads:
        return False
    box.changes += 1
    if sig == SIGCONT:
        task.signal.pending &= ~sum(1 << stop - 1 for stop in _STOPS)
        for thread in threads:
            if thread.state == "T":
                thread.state = "R" if thread is box.current and not thread.frozen else "S"
        return deliver(box, task)
    if sig in _IGNORED or (task.sigign >> (sig - 1) & 1 and sig not in (9, SIGSTOP)):
        return False
    stopped = all(thread.state == "T" for thread in threads)
    if sig != 9 and (stopped or (task.frozen and sig in _STOPS + _COREDUMP)):
        task.signal.pending |= 1 << sig - 1
        return False
    return _act(box, task, sig)


def _act(box: Box, task: Task, sig: int) -> bool:
    """What the signal does by default; whether that ends the process."""
    if sig not in _STOPS:
        do_group_exit(box, task, sig)
        return True
    for thread in threads_of(box, task):
        if thread.alive:
            thread.state = "T"
    return False


def deliver(box: Box, task: Task) -> bool:
    """The process goes on, unless it is stopped or frozen: signals that waited act now, those that a program brings
    upon itself first, then by number (get_signal). Whether one ended it."""
    while task.signal.pending and task.alive and not task.frozen and task.state != "T":
        waiting = [sig for sig in range(1, 65) if task.signal.pending >> sig - 1 & 1]
        sig = next((one for one in waiting if one in _SYNCHRONOUS), waiting[0])
        task.signal.pending &= ~(1 << sig - 1)
        if _act(box, task, sig):
            return True
    return False


def force_sig(box: Box, task: Task, sig: int) -> None:
    """A signal that a thread brought upon itself: its process dies of it, init too."""
    box.changes += 1
    do_group_exit(box, task, sig)


def segfault(box: Box, task: Task, addr: int, error_code: int, ip: int | None = None, sp: int | None = None) -> None:
    """Log an unhandled segmentation fault at `addr` and end the task with SIGSEGV. `error_code`: X86_PF_* bits.

    Without `ip`, the fault is put down to the program's own load or store instruction.
    """
    if ip is None:
        ip = instruction(box, task, bool(error_code & 2))
    sp = task.sp if sp is None else sp
    mmu = box.mmu
    if addr in mmu.hole:
        show_general_protection(box, task, ip, sp)
    else:
        in_gate = bool(mmu.vsyscall) and addr & ~4095 == mmu.vsyscall
        if not (in_gate and emulate_vsyscall(box, task, addr, error_code, ip, sp)):
            show_signal_msg(box, task, addr, error_code, ip, sp)
    force_sig(box, task, SIGSEGV)


def show_general_protection(box: Box, task: Task, ip: int, sp: int) -> None:
    """The log line of an address that is not canonical (arch/x86/kernel/traps.c, show_signal)."""
    if not printk_ratelimit(box, "show_signal"):
        return
    box.log.printk(
        f"traps: {task.comm}[{task.pid}] general protection fault ip:{ip:x} sp:{sp:x} error:0{_in_file(task, ip)}",
        KERN_INFO,
    )


def _in_file(task: Task, ip: int) -> str:
    """` in NAME[START+LENGTH]`: the mapped file that holds `ip` (mm/memory.c, print_vma_addr)."""
    vma = find_vma(task.mm, ip) if task.mm is not None else None
    if vma is None or vma.file is None:
        return ""
    return f" in {vma.file.path.rpartition('/')[2]}[{vma.start:x}+{vma.end - vma.start:x}]"


def bus_error(box: Box, task: Task) -> None:
    """SIGBUS: an access past the end of a mapped file. Linux logs nothing."""
    force_sig(box, task, SIGBUS)


def show_signal_msg(box: Box, task: Task, addr: int, error_code: int, ip: int, sp: int) -> None:
    if not printk_ratelimit(box, "show_signal_msg"):
        return
    level = KERN_INFO if task.pid > 1 else KERN_EMERG
    where = _in_file(task, ip)
    digits = 2 * box.arch.word
    cpu = task.cpu
    box.log.printk(
        f"{task.comm}[{task.pid}]: segfault at {addr:x} ip {ip:0{digits}x} sp {sp:0{digits}x} error {error_code:x}"
        f"{where} likely on CPU {cpu} (core {cpu}, socket 0)",
        level,
    )
    box.log.printk("Code: " + opcodes(box, task, ip), level)
