"""Where a process executes: the instructions of its own program (struct pt_regs, ip)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import PAGE_SHIFT

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task


def instruction(box: Box, task: Task, write: bool) -> int:
    """Where in the program's text its byte store (or load) lies."""
    program = box.programs.get(task.path)
    if program is None:
        return task.mm.start_code if task.mm is not None else 0
    return program.store_ip if write else program.load_ip


def system_call(box: Box, task: Task) -> int:
    """Where its write() comes back from the kernel: in the vdso, else in the C library, its own or a shared one."""
    mm, program = task.mm, box.programs.get(task.path)
    if mm is not None and mm.vdso and box.arch.traces.syscall_ip:
        return mm.vdso + box.arch.traces.syscall_ip
    if program is not None and program.write_ip:
        return program.write_ip
    for vma in mm.mmap if mm is not None else ():
        library = box.programs.get(vma.file.path) if vma.file is not None else None
        if library is not None and library.path != task.path and library.write_ip:
            return vma.start - (vma.pgoff << PAGE_SHIFT) + library.write_ip
    return instruction(box, task, True)
