"""The machine: one object that owns everything (init/main.c, start_kernel).

State is a function of the configuration and of what was done to the box: no host clock, no chance but the
seed's, no module state.
"""

from __future__ import annotations

import copy
import gc
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TypeVar

from memsh.linux.arch.x86.mmu import chosen_mmu
from memsh.linux.block.disk import Disk
from memsh.linux.config import ARCHES, Config
from memsh.linux.include.mm_types import Vm
from memsh.linux.include.psi import Psi
from memsh.linux.include.sched import init_fields
from memsh.linux.include.trace import Trace
from memsh.linux.include.vmstat import VmStat
from memsh.linux.ipc.shm import Shm
from memsh.linux.kernel.cgroup.cgroup import Cgroups
from memsh.linux.kernel.cmdline import psi_enabled
from memsh.linux.kernel.cputime import CpuTime
from memsh.linux.kernel.params import not_modelled
from memsh.linux.kernel.posix_cpu_timers import run_posix_cpu_timers
from memsh.linux.kernel.printk import Printk
from memsh.linux.kernel.smp import Smp
from memsh.linux.kernel.sysctl import Sysctl
from memsh.linux.kernel.timer import Timer
from memsh.linux.lib.random import Random
from memsh.linux.lib.xarray import XArray
from memsh.linux.mm.huge_memory.huge import Thp
from memsh.linux.mm.hugetlb.hstate import Hugetlb
from memsh.linux.mm.ksm.ksmd import ksm_init
from memsh.linux.mm.list_lru import ListLru
from memsh.linux.mm.memcontrol.memcontrol import MemControl
from memsh.linux.mm.oom_kill import Oom
from memsh.linux.mm.swap.swap import Swap
from memsh.linux.mm.vmscan.lru_gen import LruGen
from memsh.linux.mm.vmscan.ops import RECLAIM
from memsh.linux.mm.vmscan.shrinker import Shrinker
from memsh.linux.mm.vmscan.workingset import workingset_init

T = TypeVar("T")

if TYPE_CHECKING:
    from memsh.linux.arch.x86.setup import Machine
    from memsh.linux.fs.diskfs import FileSystem
    from memsh.linux.include.image import Image
    from memsh.linux.include.memmap import MemMap
    from memsh.linux.include.model import Kmap, Model
    from memsh.linux.include.sched import Task
    from memsh.linux.mm.filemap.writeback import Writeback
    from memsh.linux.mm.page_alloc.buddy import PageAllocator
    from memsh.linux.mm.slab.api import KmemCache, SlabAllocator
    from memsh.linux.mm.vmalloc import Vmalloc


def _go_on() -> None:
    """Nobody wants to end what runs."""


class Box:
    """A booted machine of the kind that `model` describes. `copy()` gives an independent box with the same future."""

    memmap: MemMap
    machine: Machine
    pages: PageAllocator
    slab: SlabAllocator[KmemCache]
    vmalloc: Vmalloc
    highmem: Kmap
    writeback: Writeback
    fs: FileSystem
    tasks: dict[int, Task]  # processes, by PID, ascending
    threads: dict[int, Task]  # all threads but the first of each process, by TID, ascending
    current: Task
    init: Task
    programs: dict[str, Image]  # by path
    panicked: str  # why the kernel stopped, "" while it runs
    last_pid: int
    pid_max: int
    threads_max: int | None
    total_forks: int
    idle_tasks: list[Task]

    def __init__(self, config: Config, model: Model, boot: bool = True) -> None:
        self.deferred = 0  # how often what had been put off was done because somebody looked (a heap as before main)
        self.changes = 0  # moved by whatever changes the box and is not counted anyway (see pulse)
        self.config = config
        self.arch = ARCHES[config.arch]
        self.model = model
        self.mmu = chosen_mmu(config, self.arch.mmu)
        self.trace = Trace(self)
        self.log = Printk()
        self.vmstat = VmStat()
        self.plain = False  # the textbook box: per-CPU lists and array caches bypassed
        self.tainted = False  # memsh met a bug of its own
        self.vm = Vm()
        self.vm.split_rss = "SPLIT_RSS" in model.options
        self.lru_deactivate_file: list[int] = []  # pages that could not be dropped, on their way to the inactive list
        self.lru_lazyfree: list[int] = []  # pages that MADV_FREE gave up, on their way to their new list
        self.evictors: dict[tuple[int, int, int], int] = {}  # (node, cgroup, age >> 16) -> its number in shadow entries
        self.evictor_of: dict[int, tuple[int, int, int]] = {}  # and back
        self.swap = Swap(self)
        self.lru_gen = LruGen()
        self.thp = Thp("TRANSPARENT_HUGEPAGE" in model.options)
        self.hugetlb = Hugetlb("HUGETLB_PAGE" in model.options)
        self.oom = Oom(self)
        self.timer = Timer(self.log)
        self.cputime = CpuTime(self)
        self.smp = Smp(self)
        self.timer.account = self.cputime.account
        self.ksm = ksm_init(self) if "KSM" in model.options else None
        self.psi = Psi(self, psi_enabled(config))
        self.memcg = MemControl(self)
        self.cgroups = Cgroups(self, self.memcg)
        self.sysctl = Sysctl(config)
        self.random = Random(config.seed)
        self.reclaim = RECLAIM
        self.hooks: dict[str, list[Callable[[], object]]] = {}  # what sysctls set off: "drop_slab" → bound methods
        self.shrinkers: list[Shrinker] = []
        self.shadow_nodes: ListLru[tuple[XArray, int]] = ListLru(self)  # of page-cache trees
        workingset_init(self)
        self.disk = Disk(self)
        self.shm = Shm(self)
        # where Linux calls cond_resched() or looks for a signal, between two steps: it may raise, and that ends
        self.cond_resched: Callable[[], None] = _go_on
        self.notes: list[str] = []  # what the user should know about this machine, a line each
        self.percpu_pages = 0  # of per-CPU memory, for each CPU
        self.age = model.churn()
        init_fields(self)
        if boot:
            model.start.boot(self)
            for node in self.pages.nodes:
                node.kswapd.booted()
            idle = not_modelled(self)
            if idle:
                self.notes.append(f"on the command line, not modelled, without effect here: {', '.join(idle)}")
            if self.config.age:
                self.age.run(self, self.config.age)

    @property
    def uptime_usec(self) -> int:
        """Microseconds since boot, by the box's own clock."""
        return self.timer.usec

    def pulse(self) -> tuple[int, int]:
        """Figures that have moved if anything has changed that can be seen; looking at the box moves none of them.

        The first one only grows: what the kernel counts as it goes (pages and objects given and taken, faults, lines
        of the log, microseconds) and `changes`, which every other door moves. The second one: files held open.
        """
        log, pages, total = self.log, self.pages, self.changes + self.timer.usec + self.slab.changes
        for zone in pages.zones:
            total += zone.allocated
        return total + pages.freed + self.vmstat["pgfault"] + log.total + log.clear_seq, self.fs.opened

    def settle(self) -> list[tuple[str, int]]:
        """No system call is under way: who was to die dies now. (`PID (name)`, signal) of those whose CPU time is over.
        """
        self.oom.settle()
        return run_posix_cpu_timers(self) if self.cputime.due else []

    def set_plain(self, on: bool) -> None:
        """The textbook box: drain the per-CPU lists and array caches, and bypass them until it is off again."""
        self.changes += 1
        self.plain = on
        self.pages.plain = on
        for hook in self.hooks.get("plain", []):
            hook()

    def set_split_rss(self, on: bool) -> None:
        """Count resident pages a thread at a time, or exactly."""
        self.changes += 1
        self.vm.set_split_rss(on, [*self.tasks.values(), *self.threads.values()])

    def copy(self) -> Self:
        """An independent box with the same future."""
        return self.copy_with(None, {})[0]

    def copy_with(self, beside: T, memo: dict[int, object]) -> tuple[Self, T]:
        """Such a box, and a copy of what works on this one, for that one. `memo`: what stays itself, by id."""
        limit, collecting = sys.getrecursionlimit(), gc.isenabled()
        sys.setrecursionlimit(max(limit, 20000))  # trees of objects, not chains: deep enough for any box
        gc.disable()  # it would look in vain at each of the many new objects
        try:
            return copy.deepcopy((self, beside), memo)
        finally:
            sys.setrecursionlimit(limit)
            if collecting:
                gc.enable()
