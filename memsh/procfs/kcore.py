"""/proc/kcore: the kernel's memory as the core of a program (fs/proc/kcore.c).

**Known deviation:** it cannot be read, EPERM, as on a kernel that is locked down (LOCKDOWN_KCORE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError

if TYPE_CHECKING:
    from memsh.linux.box import Box


def size(box: Box) -> int:
    return box.machine.layout.kcore_size


def show(box: Box) -> str:
    raise KernelError("EPERM", "the kernel's memory is not shown as a core")
