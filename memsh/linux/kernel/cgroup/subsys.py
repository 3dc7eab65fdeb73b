"""What the hierarchy asks of each controller (struct cgroup_subsys in include/linux/cgroup-defs.h).

A controller that does nothing at a moment leaves the method as it is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.include.sched import Task


class Subsystem:
    """`name` as in cgroup.controllers; `threaded`: threads of one process may be in different groups of it;
    `depends_on`: a controller that comes with it, without its files unless it is enabled itself."""

    name = ""
    threaded = False
    depends_on = ""

    def __init__(self, box: Box) -> None:
        self.box = box

    def css_alloc(self, group: Cgroup, *, free: bool = False) -> None:
        """The controller is enabled for the group; `free`: what it keeps takes no memory. KernelError."""

    def css_offline(self, group: Cgroup) -> None:
        """It is disabled for the group, or the group is removed."""

    def css_reset(self, group: Cgroup) -> None:
        """It is disabled, but another controller still needs it: back to where it limits nothing."""

    def can_attach(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        """Whether the tasks may move here, KernelError if not."""

    def attach(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        """The tasks move here: they are still in their old groups."""

    def attached(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        """They have moved."""

    def can_fork(self, parent: Task) -> None:
        """Whether the task's group may have one more, which then counts; EAGAIN."""

    def release(self, task: Task) -> None:
        """A task is forgotten for good."""
