"""The page of the old system calls at one address in every process (arch/x86/entry/vsyscall/vsyscall_64.c).

`vsyscall=` decides: none, as the recorded kernel was built, xonly or emulate. A program that calls into the page has
the registers of an instruction that was given one address, so that what the call would write to can never be written.

Known deviation: with vsyscall=emulate the page can be read, but its bytes cannot be shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import PAGE_SIZE, VM_EXEC, VM_READ, X86_PF_INSTR, X86_PF_WRITE
from memsh.linux.include.kern_levels import KERN_INFO, KERN_WARNING
from memsh.linux.include.mm_types import MmStruct, VmArea, VmOperations
from memsh.linux.kernel.cmdline import words

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.config import Config
    from memsh.linux.include.sched import Task

MODES = {"emulate": VM_READ | VM_EXEC, "xonly": VM_EXEC, "none": 0}
CALLS, CALL_BITS = 3, 0xC00  # gettimeofday, time and getcpu begin at multiples of 1 KiB
_HINT = "look up the vsyscall kernel parameter if you need a workaround"
_OPS = VmOperations(name=lambda vma: "[vsyscall]")


def vsyscall_setup(config: Config, page: int) -> int:
    """Flags of the page's area, 0 where there is none."""
    found = 0
    if page:
        for name, value in words(config):
            if name == "vsyscall" and value in MODES:
                found = MODES[value]
    return found


def gate_areas(mm: MmStruct) -> tuple[VmArea, ...]:
    """What maps and smaps list behind a process's own areas (get_gate_vma)."""
    if not mm.mmu.gate_flags:
        return ()
    area = VmArea(mm, 0, 0, mm.mmu.vsyscall, mm.mmu.vsyscall + PAGE_SIZE, mm.mmu.gate_flags, 0)
    area.vm_ops = _OPS
    return (area,)


def emulate_vsyscall(box: Box, task: Task, addr: int, error_code: int, ip: int, sp: int) -> bool:
    """A fault in the page: what the log says; whether it ends there, or goes on as any other fault."""
    flags = box.mmu.gate_flags
    if error_code & X86_PF_WRITE:
        return False
    if not error_code & X86_PF_INSTR:
        if flags & VM_READ:
            return False
        level, what = KERN_INFO, f"vsyscall read attempt denied -- {_HINT}"
    elif not flags:
        level, what = KERN_INFO, "vsyscall attempted with vsyscall=none"
    elif addr & PAGE_SIZE - 1 & ~CALL_BITS or (addr & CALL_BITS) >> 10 >= CALLS:
        level, what = KERN_WARNING, f"misaligned vsyscall (exploit attempt or buggy program) -- {_HINT}"
    else:
        level, what = KERN_INFO, "vsyscall fault (exploit attempt?)"
    if box.log.vsyscalls.allows(box, "warn_bad_vsyscall"):
        registers = f"ip:{ip:x} cs:33 sp:{sp:x} ax:{addr:x} si:{addr:x} di:10"
        box.log.printk(f"{task.comm}[{task.pid}] {what} {registers}", level)
    return bool(flags and error_code & X86_PF_INSTR)
