"""Which CPUs and memory nodes a group's tasks may use (kernel/cgroup/cpuset.c).

`cpuset.cpus` and `cpuset.mems` are what is asked for; what counts is the part of it that the group above has, or all of
that where there is none. Sets are words with a bit for each CPU or node. Tasks are moved to CPUs that they may use, and
their pages to nodes that they may use, when either changes or a task comes in.

Known deviations: CPUs and nodes do not come and go; no deadline tasks; a removed partition gives its CPUs back at once,
where Linux waits for a grace period.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import PF_NO_SETAFFINITY, Task, set_cpus_allowed
from memsh.linux.kernel.cgroup import partition
from memsh.linux.kernel.cgroup.subsys import Subsystem
from memsh.linux.lib.bitmap import bitmap_parselist, bits, mask_of
from memsh.linux.mm.mempolicy import do_migrate_pages, mpol_rebind_mm, mpol_rebind_policy

if TYPE_CHECKING:
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.kernel.cgroup.cgroup import Cgroups

MAX_NUMNODES = 1024


class Cpuset:
    """A group's part. `partition` is PRS_*, `error` why it is invalid; `subparts` the CPUs that partitions below it
    took. `balance`: the scheduler spreads tasks over its CPUs. `borrows`: it has the CPUs of the group above."""

    __slots__ = (
        "balance", "borrows", "cgroup", "cpus", "effective_cpus", "effective_mems", "error", "exclusive", "mems",
        "old_mems", "parent", "partition", "subparts",
    )  # fmt: skip

    def __init__(self, cgroup: Cgroup, parent: Cpuset | None) -> None:
        self.cgroup = cgroup
        self.parent = parent
        self.cpus = self.mems = self.subparts = self.old_mems = 0
        self.effective_cpus: int = parent.effective_cpus if parent is not None else 0
        self.effective_mems: int = parent.effective_mems if parent is not None else 0
        self.balance: bool = parent is None or parent.balance
        self.borrows, self.exclusive = parent is not None, False
        self.partition = 0
        self.error = ""

    @property
    def children(self) -> Iterator[Cpuset]:
        return (child.cpuset for child in self.cgroup.children.values() if child.cpuset is not None)


class Cpusets(Subsystem):
    """The controller `cpuset`; `root` is the root's, `used` whether there is another."""

    name = "cpuset"
    threaded = True

    def __init__(self, cgroups: Cgroups) -> None:
        super().__init__(cgroups.box)
        self.cgroups = cgroups
        config = self.box.config
        self.online = mask_of(range(config.cpus))
        self.root = Cpuset(cgroups.root, None)
        self.root.cpus, self.root.effective_cpus = mask_of(range(config.present or config.cpus)), self.online
        self.root.mems = self.root.old_mems = mask_of(range(max(1, len(config.nodes))))
        self.root.effective_mems = self.root.mems
        self.root.partition = partition.PRS_ROOT
        self.groups = 0
        cgroups.root.cpuset = self.root

    def of_group(self, group: Cgroup | None) -> Cpuset:
        """The part that counts for the group's own tasks."""
        while group is not None and group.cpuset is None:
            group = group.parent
        return self.root if group is None or group.cpuset is None else group.cpuset

    def of_task(self, task: Task) -> Cpuset:
        return self.of_group(task.cgroup)

    def tasks(self, cpuset: Cpuset) -> list[Task]:
        """Every living thread that it counts for."""
        everyone = [*self.box.tasks.values(), *self.box.threads.values()]
        return [task for task in everyone if task.alive and self.of_task(task) is cpuset]

    # -- groups come and go --------------------------------------------------------------------------------------------

    def css_alloc(self, group: Cgroup, *, free: bool = False) -> None:
        """It has what the group above has; tasks that are there are attached anew."""
        del free
        assert group.parent is not None
        group.cpuset = Cpuset(group, self.of_group(group.parent))
        tasks = self.tasks(group.cpuset)
        if tasks and not group.cpuset.effective_cpus:
            group.cpuset = None
            raise KernelError("ENOSPC", f"there is no CPU left for {group.path}")
        self.groups += 1
        assert group.cpuset.parent is not None
        self._attach(group.cpuset, group.cpuset.parent, tasks)
        self.switched()

    def css_offline(self, group: Cgroup) -> None:
        cpuset = group.cpuset
        assert cpuset is not None and cpuset.parent is not None
        if partition.is_valid(cpuset):
            partition.update_prstate(self, cpuset, partition.PRS_MEMBER)
        tasks = self.tasks(cpuset)
        group.cpuset = None
        self.groups -= 1
        self._attach(cpuset.parent, cpuset, tasks)
        self.switched()

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def can_attach(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        """ENOSPC where there is no CPU, EINVAL for a task that is bound to its place."""
        cpuset = self.of_group(group)
        if all(self.of_task(task) is cpuset for task in tasks):
            return
        if not cpuset.effective_cpus:
            raise KernelError("ENOSPC", f"{group.path} has no CPU")
        if any(task.flags & PF_NO_SETAFFINITY for task in tasks):
            raise KernelError("EINVAL", "a task that is bound to its place")

    def attach(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        cpuset = self.of_group(group)
        if any(self.of_task(task) is not cpuset for task in tasks):
            self._attach(cpuset, self.of_task(tasks[0]), tasks)

    def attached(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        self.switched()

    def _attach(self, cpuset: Cpuset, before: Cpuset, tasks: Sequence[Task]) -> None:
        """The tasks may run on all of its CPUs, wherever they were confined to (cpuset_attach)."""
        if not tasks:
            return
        old = bits(before.old_mems)
        for task in tasks:
            everywhere = cpuset is self.root
            set_cpus_allowed(self.box, task, self.online if everywhere else self._online_cpus(cpuset))
        self._change_nodemask(tasks, bits(before.effective_mems), old, bits(cpuset.effective_mems))
        cpuset.old_mems = cpuset.effective_mems

    def _change_nodemask(self, tasks: Sequence[Task], was: list[int], old: list[int], new: list[int]) -> None:
        """Tasks may use other nodes: their policies follow, and so do the pages of processes, from the nodes `old`."""
        mms: list[MmStruct] = []
        for task in tasks:
            task.mempolicy = mpol_rebind_policy(task.mempolicy, was, new)
            if task.mm is not None and not task.leader and not any(mm is task.mm for mm in mms):
                mms.append(task.mm)
        for mm in mms:
            mpol_rebind_mm(mm, was, new)
            if old != new:
                with self.box.pages.anywhere():  # a worker of the kernel does it
                    do_migrate_pages(self.box, mm, old, new)
        current = self.box.current
        if current is not None and current in tasks:
            self.box.pages.set_policy(current.mempolicy)

    def switched(self) -> None:
        """Another task runs, or the current one's cpuset changed: where its pages come from."""
        current = self.box.current
        mems = self.root.effective_mems if current is None else self.of_task(current).effective_mems
        self.box.pages.set_mems(None if mems == self.root.effective_mems else tuple(bits(mems)))

    def _online_cpus(self, cpuset: Cpuset) -> int:
        """Its CPUs, or those of the nearest above that has any (guarantee_online_cpus)."""
        at: Cpuset | None = cpuset
        while at is not None and not at.effective_cpus & self.online:
            at = at.parent
        return self.online if at is None else at.effective_cpus & self.online

    def cpus_allowed(self, task: Task) -> int:
        """The CPUs that a task may be confined to (cpuset_cpus_allowed)."""
        return self._online_cpus(self.of_task(task))

    def update_tasks_cpumask(self, cpuset: Cpuset) -> None:
        """Its tasks may run on all of its CPUs; the root's per-CPU threads stay where they are."""
        for task in self.tasks(cpuset):
            if cpuset is not self.root or not task.is_kthread or task.bound < 0:
                set_cpus_allowed(self.box, task, cpuset.effective_cpus)

    # -- what is written -----------------------------------------------------------------------------------------------

    def validate_change(self, cpuset: Cpuset, *, cpus: int, mems: int, exclusive: bool) -> str:
        """The errno of a change, "" where it may be: ENOSPC if tasks would have none left, EINVAL if CPUs that one
        group has for itself are another's, too."""
        if cpuset.parent is None:
            return ""
        emptied = (cpuset.cpus and not cpus) or (cpuset.mems and not mems)
        if emptied and self.cgroups.populated(cpuset.cgroup):
            return "ENOSPC"
        for other in cpuset.parent.children:
            if other is not cpuset and (exclusive or other.exclusive) and cpus & other.cpus:
                return "EINVAL"
        return ""

    def write_cpus(self, cpuset: Cpuset, text: str) -> None:
        """`cpuset.cpus`. EINVAL, ERANGE, EOVERFLOW, ENOSPC."""
        self.box.changes += 1
        cpus = bitmap_parselist(text, self.root.cpus.bit_length())
        if cpus & ~self.root.cpus:
            raise KernelError("EINVAL", "there are no such CPUs")
        if cpus != cpuset.cpus:
            partition.update_cpumask(self, cpuset, cpus)

    def write_mems(self, cpuset: Cpuset, text: str) -> None:
        """`cpuset.mems`. EINVAL, ERANGE, EOVERFLOW, ENOSPC."""
        self.box.changes += 1
        mems = bitmap_parselist(text, MAX_NUMNODES)
        if mems & ~self.root.mems:
            raise KernelError("EINVAL", "there are no such nodes")
        if mems == cpuset.mems:
            return
        code = self.validate_change(cpuset, cpus=cpuset.cpus, mems=mems, exclusive=cpuset.exclusive)
        if code:
            raise KernelError(code, cpuset.cgroup.path)
        cpuset.mems = mems
        self._update_nodemasks_hier(cpuset)
        self.switched()

    def _update_nodemasks_hier(self, cpuset: Cpuset) -> None:
        assert cpuset.parent is not None
        mems = cpuset.mems & cpuset.parent.effective_mems or cpuset.parent.effective_mems
        if mems == cpuset.effective_mems:
            return
        was, old = bits(cpuset.effective_mems), bits(cpuset.old_mems)
        cpuset.effective_mems = mems
        self._change_nodemask(self.tasks(cpuset), was, old, bits(mems))
        cpuset.old_mems = mems
        for child in cpuset.children:
            self._update_nodemasks_hier(child)
