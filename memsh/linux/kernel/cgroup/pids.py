"""How many tasks a group may have (kernel/cgroup/pids.c).

Threads and zombies count, until somebody has waited for them. Only fork and clone meet the limit: what is moved into a
group comes in whatever the limit says.

No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.kern_levels import KERN_INFO
from memsh.linux.kernel.cgroup.subsys import Subsystem

if TYPE_CHECKING:
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.include.sched import Task

PIDS_MAX = (1 << 22) + 1  # PID_MAX_LIMIT + 1: no limit


class PidsCgroup:
    """A group's tasks, those of the groups below included: how many there are, how many may be, the most there were,
    how often a fork was refused to one of its own."""

    __slots__ = ("counter", "events", "limit", "watermark")

    def __init__(self) -> None:
        self.counter = self.watermark = self.events = 0
        self.limit = PIDS_MAX


def levels(group: Cgroup | None) -> Iterator[PidsCgroup]:
    """What counts a task of the group: its own part, and those above it."""
    while group is not None:
        if group.pids is not None:
            yield group.pids
        group = group.parent


class Pids(Subsystem):
    """The controller `pids`; `groups` of them have it."""

    name = "pids"
    threaded = True
    groups = 0

    def css_alloc(self, group: Cgroup, *, free: bool = False) -> None:
        """Tasks that are there count at once (they are migrated from the group above)."""
        del free
        group.pids = PidsCgroup()
        self.groups += 1
        for task in [*self.box.tasks.values(), *self.box.threads.values()]:
            if any(pids is group.pids for pids in levels(task.cgroup)):
                self._add(group.pids, 1)

    def css_offline(self, group: Cgroup) -> None:
        """A removed group keeps its part for the zombies that are still counted there."""
        self.groups -= 1
        if not group.dead:
            group.pids = None

    @staticmethod
    def _add(pids: PidsCgroup, count: int) -> None:
        pids.counter += count
        pids.watermark = max(pids.watermark, pids.counter)

    def attach(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        """pids_can_attach(): counted here, no longer there."""
        for task in tasks:
            for pids in levels(group):
                self._add(pids, 1)
            for pids in levels(task.cgroup):
                pids.counter -= 1

    def can_fork(self, parent: Task) -> None:
        """EAGAIN where the group, or one above it, has as many as it may; the first time the log says so."""
        if not self.groups or parent.cgroup is None:
            return
        counted: list[PidsCgroup] = []
        for pids in levels(parent.cgroup):
            if pids.counter + 1 > pids.limit:
                for one in counted:
                    one.counter -= 1
                self._refuse(parent.cgroup)
            self._add(pids, 1)
            counted.append(pids)

    def _refuse(self, group: Cgroup) -> None:
        while group.pids is None:
            assert group.parent is not None
            group = group.parent
        group.pids.events += 1
        if group.pids.events == 1:
            self.box.log.printk(f"cgroup: fork rejected by pids controller in {group.path}", KERN_INFO)
        raise KernelError("EAGAIN", f"{group.path} or a group above it has as many tasks as its pids.max allows")

    def release(self, task: Task) -> None:
        for pids in levels(task.cgroup):
            pids.counter -= 1
