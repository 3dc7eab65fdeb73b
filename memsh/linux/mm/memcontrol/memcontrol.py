"""Memory cgroups: whose memory a page is (mm/memcontrol.c).

Pages of processes and files carry their group's number in the memory map's column `memcg`, blocks of the kernel
(PG_KMEMCG) that of their obj_cgroup; 0 is the root, whose own pages nobody counts. As long as no group but the root was
ever made, nothing here runs.

Known deviations: the number of a removed group is not given out again; memory.stat has no lag of 64 events a CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from memsh.linux.include.cgroup import MemCgroup, ObjCgroup
from memsh.linux.include.errno import KernelError
from memsh.linux.include.lruvec import LruVec
from memsh.linux.lib.columns import set_run, sub_runs
from memsh.linux.mm.memcontrol.page_counter import PageCounter
from memsh.linux.mm.memcontrol.protection import Protecting

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.include.memcontrol import MemCgroups
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.include.sched import Task

MEM_CGROUP_ID_MAX = 0xFFFF
PERCPU_BYTES = 1784  # of a group's counters, for each CPU
PCPU_MIN_ALLOC_SIZE = 4


class MemControl(Protecting):
    """`box.memcg`; `root` is the root's group, `paying` the current task's, None for the root's."""

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.by_number: dict[int, MemCgroup] = {}
        self.obj_cgroups: dict[int, ObjCgroup] = {}
        self.last_number = 0

    def start(self, cgroup: Cgroup) -> None:
        """The root's group, before any other."""
        self.root = MemCgroup(0, cgroup, None, PageCounter(None), PageCounter(None))
        self.by_number[0] = self.root
        cgroup.memcg = self.root

    @property
    def groups(self) -> MemCgroups | None:
        """Itself as soon as there is a group but the root's; until then nobody need ask."""
        return self if len(self.by_number) > 1 else None

    # -- groups come and go ------------------------------------------------------------------------------------------

    def css_alloc(self, cgroup: Cgroup, *, free: bool = False) -> MemCgroup:
        """The memory controller of a group whose parent's is enabled for its children; ENOMEM, ENOSPC.

        What its counters take is charged to the group above, unless it is `free`.
        """
        assert cgroup.parent is not None
        parent = cgroup.parent.effective_memcg
        if len(self.by_number) > MEM_CGROUP_ID_MAX:
            raise KernelError("ENOSPC", "as many memory cgroups as there are numbers")
        if self.box.slab.memcg is None:
            self.box.pages.charge, self.box.pages.uncharge = self.charge_block, self.uncharge_block
            self.box.pages.refresh()
            self.box.slab.memcg = self
        self.last_number += 1
        number = self.last_number
        memcg = MemCgroup(number, cgroup, parent, PageCounter(parent.memory), PageCounter(parent.swap))
        if parent.objcg is not None and not free:
            size = PERCPU_BYTES * (self.box.config.cpus + 8 // PCPU_MIN_ALLOC_SIZE)
            if not self.charge_bytes(parent.objcg, size):
                raise KernelError("ENOMEM", "no memory for a group's counters")
            parent.stat["percpu"] += size
            memcg.overhead = size
        memcg.objcg = ObjCgroup(number, memcg)
        memcg.born = self.box.timer.usec
        self.by_number[number] = memcg
        self.obj_cgroups[number] = memcg.objcg
        parent.children.append(memcg)
        for node in self.box.pages.nodes:
            above = node.lruvecs[parent.number]
            node.lruvecs[number] = LruVec(node.nid, len(node.zones), number, above)
        cgroup.memcg = memcg
        return memcg

    def css_offline(self, memcg: MemCgroup) -> None:
        """The group is removed: it protects nothing, and what the kernel holds for it is the group's above."""
        memcg.memory.set_min(0)
        memcg.memory.set_low(0)
        objcg, memcg.objcg = memcg.objcg, None
        if objcg is not None and not objcg.blocks:
            del self.obj_cgroups[objcg.number]
        memcg.cgroup.memcg = None if memcg.cgroup.memcg is memcg else memcg.cgroup.memcg
        self.drain_all_stock(memcg)
        assert memcg.parent is not None
        for waiting in (self.box.fs.dcache.dentries, self.box.fs.dcache.inodes, self.box.shadow_nodes):
            waiting.reparent(memcg.number, memcg.parent.number)
        self.let_go(memcg)

    def css_free(self) -> set[Cgroup]:
        """Forget removed groups that nothing is charged to; the groups that memory is still charged to."""
        for memcg in sorted(self.by_number.values(), key=lambda memcg: -memcg.number):
            if not memcg.online and not memcg.busy:
                self._css_free(memcg)
        return {memcg.cgroup for memcg in self.by_number.values()}

    def _css_free(self, memcg: MemCgroup) -> None:
        parent = memcg.parent
        assert parent is not None
        for stock in self.stocks:
            if stock.memcg is memcg:
                self.drain_stock(stock)
        for name, count in memcg.stat.items():
            parent.stat[name] += count
        if memcg.overhead:
            parent.stat["percpu"] -= memcg.overhead
            objcg = parent.objcg
            if objcg is not None:
                self.uncharge(objcg, memcg.overhead)
        parent.children.remove(memcg)
        for node in self.box.pages.nodes:
            del node.lruvecs[memcg.number]
        del self.by_number[memcg.number]

    # -- who pays ----------------------------------------------------------------------------------------------------

    def of_task(self, task: Task) -> MemCgroup:
        """mem_cgroup_from_task()."""
        return task.cgroup.effective_memcg if task.cgroup is not None else self.root

    def of_mm(self, mm: MmStruct | None) -> MemCgroup | None:
        """Whose the memory of `mm` is; None for the root's, and where no process has it (get_mem_cgroup_from_mm)."""
        if len(self.by_number) == 1:
            return None
        current = self.box.current
        if mm is None or current is None or current.mm is mm:
            return self.paying
        for task in self.box.tasks.values():
            if task.mm is mm:
                found = self.of_task(task)
                return None if found is self.root else found
        return None

    def switched(self) -> None:
        """Another task runs, or the current one is in another group."""
        task = self.box.current
        if task is None:
            return
        memcg = self.of_task(task)
        self.paying = None if memcg is self.root else memcg

    def count_mm_event(self, name: str, count: int = 1) -> None:
        """Something happened to the current process: it counts for its group, and for the machine."""
        self.box.vmstat[name] += count
        if self.paying is not None:
            self.paying.stat[name] += count

    def count_page_event(self, pfn: int, name: str, count: int = 1) -> None:
        """Something happened to a page of a process or a file: it counts for its group, and for the machine."""
        self.box.vmstat[name] += count
        number = self.box.memmap.memcg[pfn]
        if number:
            self.by_number[number].stat[name] += count

    def count_dirty(self, number: int, dirty: int, writeback: int) -> None:
        """Pages of a group's files became dirty, are being written, or no longer."""
        at: MemCgroup | None = self.by_number[number]
        while at is not None:
            at.dirty += dirty
            at.writeback += writeback
            at = at.parent

    @contextmanager
    def acting(self, memcg: MemCgroup) -> Iterator[None]:
        """What is done meanwhile is done for that group (set_active_memcg)."""
        if len(self.by_number) == 1:
            yield
            return
        own, self.paying = self.paying, None if memcg is self.root else memcg
        try:
            yield
        finally:
            self.paying = own

    # -- pages of processes and files --------------------------------------------------------------------------------

    def charge_page(self, memcg: MemCgroup | None, pfn: int, gfp: int, count: int = 1) -> bool:
        """`count` frames from `pfn` on, one page of its size, are the group's unless they are a group's already; False
        if it may not have them."""
        if memcg is None:
            return True
        pages = self.box.pages
        column = pages.memmap.memcg
        if column[pfn]:
            return True
        stock = self.stocks[pages.cpu]
        if stock.memcg is memcg and stock.pages >= count:
            stock.pages -= count
        elif not self.try_charge(memcg, gfp, count):
            return False
        set_run(column, pfn, count, memcg.number)
        memcg.pages += count
        pages.charged += count
        return True

    def commit_runs(self, memcg: MemCgroup, runs: list[tuple[int, int]], total: int) -> None:
        """Runs of (first frame, how many) that were charged before, `total` frames together, carry the group's number
        now."""
        column, number = self.box.memmap.memcg, memcg.number
        for pfn, count in runs:
            set_run(column, pfn, count, number)
        memcg.pages += total
        self.box.pages.charged += total

    def uncharge_frames(self, pfn: int, count: int) -> None:
        """Frames go back to the page allocator, charged or not (mem_cgroup_uncharge_list)."""
        column = self.box.memmap.memcg
        for first, n, number in sub_runs(column, pfn, count):
            if number:
                set_run(column, first, n, 0)
                memcg = self.by_number[number]
                memcg.memory.uncharge(n)
                self._forget(memcg, n)

    def _forget(self, memcg: MemCgroup, count: int) -> None:
        memcg.pages -= count
        self.box.pages.charged -= count
        if not memcg.pages:
            self.let_go(memcg)

    def migrate(self, old: int, new: int, count: int = 1) -> None:
        """The contents of `old`, and with them the charge, are `new`'s (mem_cgroup_migrate)."""
        column = self.box.memmap.memcg
        for at in range(count):
            number = column[old + at]
            if number:
                column[old + at] = 0
                column[new + at] = number

    def online_memcg(self, number: int) -> MemCgroup:
        """A group, or the nearest above it that is not removed."""
        memcg = self.by_number[number]
        while not memcg.online:
            assert memcg.parent is not None
            memcg = memcg.parent
        return memcg

    def mem_cgroup_from_obj(self, addr: int) -> int:
        """The number of the group that pays for a slab object, the root's if nobody does (mem_cgroup_from_slab_obj)."""
        if len(self.by_number) == 1 or not addr:
            return 0
        objcg = self.box.slab.objcg_of(addr)
        return objcg.payer.number if isinstance(objcg, ObjCgroup) else 0

    def page_memcg(self, pfn: int) -> MemCgroup:
        """The group of a page of a process or a file."""
        return self.by_number[self.box.memmap.memcg[pfn]]
