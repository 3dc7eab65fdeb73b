"""Where a process executes: the instructions of its own program (struct pt_regs, ip)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task


def instruction(box: Box, task: Task, write: bool) -> int:
    """Where in the program's text its byte store (or load) lies."""
    program = box.programs.get(task.path)
    if program is None:
        return task.mm.start_code if task.mm is not None else 0
    return program.store_ip if write else program.load_ip
