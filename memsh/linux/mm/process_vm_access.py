"""process_vm_readv() and process_vm_writev(): memory of one process copied from or to that of another
(mm/process_vm_access.c).

Known deviations: one range on each side; the pages of the other process are found by its own faults, which count there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.outcome import BusError, Segfault

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task


def process_vm_rw(box: Box, task: Task, other: Task, local: int, remote: int, length: int, *, write: bool) -> int:
    """Bytes copied between `task` at `local` and `other` at `remote`, fewer if a page is missing; EFAULT for none.

    ESRCH for a kernel thread or a zombie.
    """
    if other.mm is None:
        raise KernelError("ESRCH", f"{other.pid} has no memory")
    source, at, target, to = (task, local, other, remote) if write else (other, remote, task, local)
    done = 0
    while done < length:
        count = min(length - done, 4096 - (at + done) % 4096, 4096 - (to + done) % 4096)
        try:
            uaccess.write(box, target, to + done, uaccess.read(box, source, at + done, count))
        except (Segfault, BusError):
            if done:
                return done
            raise KernelError("EFAULT") from None
        done += count
        if not done & 0xFFFFF:
            box.cond_resched()
    return done
