"""Character devices: which driver a number means (fs/char_dev.c).

Known deviations: terminals, clocks, processors' registers and other devices without a part in memory have a name in
/dev alone: opening them says ENXIO, as if their driver had been taken away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.drivers.char.mem import FULL, MEM, NULL, ZERO
from memsh.linux.drivers.char.random import RANDOM
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.devkmsg import KMSG

if TYPE_CHECKING:
    from memsh.linux.include.mm_types import FileOperations, Inode

CDEV_MAP: dict[tuple[int, int], FileOperations] = {
    (1, 1): MEM, (1, 3): NULL, (1, 5): ZERO, (1, 7): FULL, (1, 8): RANDOM, (1, 9): RANDOM, (1, 11): KMSG,
}  # fmt: skip


def chrdev_open(inode: Inode) -> None:
    """The node is its driver's from now on. ENXIO if there is none."""
    found = CDEV_MAP.get(inode.rdev)
    if found is None:
        raise KernelError("ENXIO")
    inode.f_op = found
