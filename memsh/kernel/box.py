"""The machine: one object that owns everything (init/main.c, start_kernel).

State is a function of the configuration and of what was done to the box: no host clock, no randomness, no module state.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.kernel.age import Age
from memsh.kernel.config import Config
from memsh.kernel.disk import Disk
from memsh.kernel.kcompactd import Kcompactd
from memsh.kernel.kswapd import Kswapd
from memsh.kernel.lru import LruVec
from memsh.kernel.mm_types import Vm
from memsh.kernel.oom import Oom
from memsh.kernel.printk import Printk
from memsh.kernel.shrinker import Shrinker
from memsh.kernel.swap import Swap
from memsh.kernel.sysctl import Sysctl
from memsh.kernel.task import init_fields
from memsh.kernel.timer import Timer
from memsh.kernel.trace import Trace
from memsh.kernel.vmstat import VmStat

if TYPE_CHECKING:
    from memsh.kernel.buddy import PageAllocator
    from memsh.kernel.fs import FileSystem
    from memsh.kernel.highmem import HighMem
    from memsh.kernel.image import Image
    from memsh.kernel.memmap import MemMap
    from memsh.kernel.mm_types import Inode
    from memsh.kernel.setup import Machine
    from memsh.kernel.slab_common import SlabAllocator
    from memsh.kernel.task import Task
    from memsh.kernel.vmalloc import Vmalloc
    from memsh.kernel.writeback import Writeback


class Box:
    """A booted machine. `Box(Config(ram=...))`; `copy()` gives an independent box with the same future."""

    memmap: MemMap
    machine: Machine
    pages: PageAllocator
    slab: SlabAllocator
    vmalloc: Vmalloc
    highmem: HighMem
    writeback: Writeback
    fs: FileSystem
    rootfs: Inode  # the files that the RAM disk unpacked to, as one
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

    def __init__(self, config: Config | None = None, boot: bool = True) -> None:
        self.config = config or Config()
        self.trace = Trace(self)
        self.log = Printk()
        self.vmstat = VmStat()
        self.plain = False  # the textbook box: per-CPU lists and array caches bypassed
        self.tainted = False  # memsh met a bug of its own
        self.vm = Vm()
        self.lru = LruVec()
        self.swap = Swap(self)
        self.kswapd = Kswapd(self)
        self.oom = Oom(self)
        self.timer = Timer(self.log)
        self.sysctl = Sysctl()
        self.hooks: dict[str, list[Callable[[], object]]] = {}  # what sysctls set off: "drop_slab" → bound methods
        self.shrinkers: list[Shrinker] = []
        self.disk = Disk(self)
        self.kcompactd = Kcompactd(self)
        self.notes: list[str] = []  # what the user should know about this machine, a line each
        self.percpu_pages = 0  # of per-CPU memory, for each CPU
        self.age = Age()
        init_fields(self)
        if boot:
            from memsh.kernel.boot import boot as boot_box

            boot_box(self)
            if self.config.age:
                self.age.run(self, self.config.age)

    @property
    def uptime_usec(self) -> int:
        """Microseconds since boot, by the box's own clock."""
        return self.timer.usec

    def set_plain(self, on: bool) -> None:
        """The textbook box: drain the per-CPU lists and array caches, and bypass them until it is off again."""
        self.plain = on
        self.pages.plain = on
        for hook in self.hooks.get("plain", []):
            hook()

    def copy(self) -> Box:
        """An independent box with the same future."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 20000))  # trees of objects, not chains: deep enough for any box
        try:
            return copy.deepcopy(self)
        finally:
            sys.setrecursionlimit(limit)
