"""What the kernel says on the console that nobody asked for: whom the OOM killer ended while a command ran."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from memsh.commands.processes import died, named, tell_end
from memsh.linux.box import Box
from memsh.linux.include.sched import find_pid

if TYPE_CHECKING:
    from memsh.shell import IO
    from memsh.shell.session import Session

SIGKILL = 9


class Console:
    """Called when a command, or what it asked of the kernel, has ended: a victim dies here, on the way back."""

    def __init__(self, session: Session) -> None:
        self.look(session.box)

    def look(self, box: Box) -> None:
        """What happened to this box until now is told, or belongs to another time."""
        task = box.current
        self.panicked, self.kills = bool(box.panicked), box.vmstat["oom_kill"]
        self.pid, self.comm = task.pid, task.comm  # put together where somebody has died: this comes after each command

    @property
    def name(self) -> str:
        """Who was current."""
        return f"{self.pid} ({self.comm})"

    def __call__(self, io: IO) -> None:
        """Linux's line for each process that was killed, and who is current if it was the one before."""
        box = io.session.box
        if not self.panicked:
            count = box.vmstat["oom_kill"] - self.kills
            if count > 0:
                for record in [record for record in box.log.records if "Killed process" in record.text][-count:]:
                    io.err(record.text + "\n")
                if box.oom.is_victim(box.current):
                    ended = named(box.current)  # it may have got the CPU by this very command
                    with io.session.hooks.watch or nullcontext():
                        box.oom.settle()
                        died(box, io, ended, SIGKILL)
                elif find_pid(box, self.pid) is None:
                    tell_end(box, io, self.name)
            if box.panicked:
                io.err(f"Kernel panic - not syncing: {box.panicked}\n")
                io.err("The box has stopped. What is left: views, undo, reset, exit.\n")
        self.look(box)
