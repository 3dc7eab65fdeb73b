"""The machine: one object that owns everything (init/main.c, start_kernel).

State is a function of the configuration and of what was done to the box: no host clock, no randomness, no module state.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from memsh.kernel.config import Config
from memsh.kernel.printk import Printk
from memsh.kernel.task import init_fields
from memsh.kernel.trace import Trace
from memsh.kernel.vmstat import VmStat

if TYPE_CHECKING:
    from memsh.kernel.image import Image
    from memsh.kernel.memmap import MemMap
    from memsh.kernel.task import Task


class Box:
    """A booted machine. `Box(Config(ram=...))`; `copy()` gives an independent box with the same future."""

    memmap: MemMap
    tasks: dict[int, Task]  # by PID, ascending
    current: Task
    init: Task
    programs: dict[str, Image]  # by path
    panicked: str  # why the kernel stopped, "" while it runs
    last_pid: int
    pid_max: int
    threads_max: int | None
    total_forks: int
    idle_tasks: list[Task]

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.trace = Trace()
        self.log = Printk()
        self.vmstat = VmStat()
        self.plain = False  # the textbook box: per-CPU lists and array caches bypassed
        self.tainted = False  # memsh met a bug of its own
        init_fields(self)

    def copy(self) -> Box:
        return copy.deepcopy(self)
