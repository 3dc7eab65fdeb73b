"""Groups whose tasks stand still (kernel/cgroup/freezer.c).

Where a group or one above it is frozen its tasks sleep, and take no signal but those that end them at once; a stop
waits until they go on. Kernel threads do not freeze, and a group with one of them is never frozen as a whole.

Known deviations: tasks stop at once, also one that is in the middle of a system call on Linux.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.linux.kernel.cgroup.subsys import Subsystem
from memsh.linux.kernel.signal import deliver

if TYPE_CHECKING:
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.include.sched import Task
    from memsh.linux.kernel.cgroup.cgroup import Cgroups


def is_frozen(cgroups: Cgroups, group: Cgroup) -> bool:
    """cgroup.events' `frozen`: the group is to be, and no task in it or below it goes on (cgroup_update_frozen)."""
    if not group.e_freeze:
        return False
    return not any(task.is_kthread for member in (group, *group.descendants()) for task in cgroups.threads(member))


def cgroup_freeze(cgroups: Cgroups, group: Cgroup, freeze: bool) -> None:
    """`cgroup.freeze` is written."""
    if group.freeze == freeze:
        return
    group.freeze = freeze
    for member in (group, *group.descendants()):
        _settle(cgroups, cgroups.threads(member))


def _settle(cgroups: Cgroups, tasks: Sequence[Task]) -> None:
    """Tasks whose group is frozen, or no longer: they sleep, or take the signals that waited."""
    current = cgroups.box.current
    for task in tasks:
        if task.frozen:
            task.state = "S" if task.state == "R" else task.state
        elif task.alive:
            if task is current and task.state == "S":
                task.state = "R"
            deliver(cgroups.box, task)


class Freezer(Subsystem):
    """Every group has it: no controller to be switched on, but tasks that move come under it."""

    def __init__(self, cgroups: Cgroups) -> None:
        super().__init__(cgroups.box)
        self.cgroups = cgroups

    def attached(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        """cgroup_freezer_migrate_task()."""
        _settle(self.cgroups, tasks)
