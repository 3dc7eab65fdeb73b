"""Groups of tasks: made, removed, filled, and what is switched on in them (kernel/cgroup/cgroup.c).

There is one hierarchy, version 2, mounted at /sys/fs/cgroup from the start. Every task is in one group; a group gives
its controllers on to its children by `cgroup.subtree_control`, and then, but for the root, holds no tasks itself.

Known deviations: of the controllers only `memory` is there to be switched on, the others are refused; no threaded
groups, no freezer; the files of a group take no kernel memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.cgroup import INT_MAX, Cgroup
from memsh.linux.include.errno import KernelError
from memsh.linux.include.psi import PsiGroup
from memsh.linux.include.sched import PF_KTHREAD, PF_NO_SETAFFINITY, Task, find_pid, threads_of
from memsh.linux.kernel.signal import force_sig

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.memcontrol.memcontrol import MemControl

CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc")
MODELLED = ("memory",)
NAME_MAX = 255


class Cgroups:
    """`box.cgroups`: the hierarchy."""

    def __init__(self, box: Box, memcg: MemControl) -> None:
        self.box = box
        self.memcg = memcg
        self.root = Cgroup("", None, box.psi.system)
        memcg.start(self.root)

    def find(self, path: str) -> Cgroup:
        """The group at a path below the mount point; ENOENT."""
        group = self.root
        for name in path.strip("/").split("/") if path.strip("/") else ():
            if name not in group.children:
                raise KernelError("ENOENT", path)
            group = group.children[name]
        return group

    def of_task(self, task: Task) -> Cgroup:
        return task.cgroup or self.root

    def tasks(self, group: Cgroup) -> list[Task]:
        """The processes in the group itself, but for those that have ended."""
        own = None if group is self.root else group
        return [leader for leader in self.box.tasks.values()
                if (thread := self._living(leader)) is not None and thread.cgroup is own]  # fmt: skip

    def _living(self, leader: Task) -> Task | None:
        """The first thread of a process that has not ended."""
        return next((thread for thread in threads_of(self.box, leader) if thread.alive), None)

    def threads(self, group: Cgroup) -> list[Task]:
        """Every thread in the group itself."""
        found = [thread for leader in self.tasks(group) for thread in threads_of(self.box, leader) if thread.alive]
        return sorted(found, key=lambda thread: thread.pid)

    def populated(self, group: Cgroup) -> bool:
        """Whether there is a task in the group or below it."""
        return any(self.tasks(member) for member in (group, *group.descendants()))

    # -- make and remove -----------------------------------------------------------------------------------------------

    def mkdir(self, parent: Cgroup, name: str, *, free: bool = False) -> Cgroup:
        """A new group: EINVAL for a name with a line break, ENAMETOOLONG, EAGAIN at a limit, ENOMEM. `free`: it takes
        no memory."""
        if "\n" in name:
            raise KernelError("EINVAL", name)
        if len(name.encode("utf-8", "surrogateescape")) > NAME_MAX:
            raise KernelError("ENAMETOOLONG", name)
        self._check_hierarchy_limits(parent)
        group = Cgroup(name, parent, PsiGroup(self.box.timer.usec))
        if "memory" in parent.subtree_control:
            self.memcg.css_alloc(group, free=free)
        parent.children[name] = group
        return group

    def _check_hierarchy_limits(self, parent: Cgroup) -> None:
        level = 0
        at: Cgroup | None = parent
        while at is not None:
            if len(at.descendants()) >= at.max_descendants or level >= at.max_depth:
                raise KernelError("EAGAIN", "cgroup.max.descendants or cgroup.max.depth is reached")
            at = at.parent
            level += 1

    def rmdir(self, group: Cgroup) -> None:
        """Remove an empty group: EBUSY if tasks are in it, or groups; what it is charged may stay."""
        parent = group.parent
        if parent is None:
            raise KernelError("EPERM", "the root stays")
        if group.children or self.tasks(group):
            raise KernelError("EBUSY", group.path)
        del parent.children[group.name]
        parent.dying.append(group)
        if group.memcg is not None:
            self.memcg.css_offline(group.memcg)
        self.memcg.release_later()

    def release(self) -> None:
        """Removed groups that nothing holds any more are gone (css_release)."""
        held = self.memcg.css_free()
        for group in self._all(self.root):
            group.dying = [child for child in group.dying if child in held or child.dying]

    def _all(self, group: Cgroup) -> list[Cgroup]:
        """The group and all below it, removed ones too, from the bottom up."""
        return [one for child in [*group.children.values(), *group.dying] for one in self._all(child)] + [group]

    # -- who is in it --------------------------------------------------------------------------------------------------

    def attach(self, group: Cgroup, task: Task) -> None:
        """Move a process here; what it was charged stays where it was (cgroup_attach_task). EBUSY, EINVAL."""
        if task.flags & (PF_NO_SETAFFINITY | PF_KTHREAD) == PF_NO_SETAFFINITY | PF_KTHREAD:
            raise KernelError("EINVAL", f"{task.comm} is bound to its place")
        if group.parent is not None and group.subtree_control:
            raise KernelError("EBUSY", f"{group.path} gives its controllers to its children")
        for thread in threads_of(self.box, task):
            if thread.alive:
                thread.cgroup = None if group is self.root else group
        self.memcg.switched()

    def procs_write(self, group: Cgroup, text: str, *, thread: bool = False) -> None:
        """`cgroup.procs`, or cgroup.threads, is written: 0 is who writes. EINVAL for what is no PID, ESRCH."""
        try:
            pid = int(text.strip(), 0)
        except ValueError:
            raise KernelError("EINVAL", text) from None
        if pid < 0 or pid > INT_MAX:
            raise KernelError("EINVAL", text)
        task = find_pid(self.box, pid) if pid else self.box.current
        if task is None:
            raise KernelError("ESRCH", f"no process {pid}")
        if thread and self.of_task(task) is not group:
            raise KernelError("EOPNOTSUPP", "threads of one process may be in different groups of a threaded one alone")
        if not thread:
            self.attach(group, task)

    # -- controllers ---------------------------------------------------------------------------------------------------

    def controllers(self, group: Cgroup) -> tuple[str, ...]:
        """Those that the group has, from its parent (cgroup_control)."""
        if group.parent is None:
            return CONTROLLERS
        return tuple(name for name in CONTROLLERS if name in group.parent.subtree_control)

    def subtree_control_write(self, group: Cgroup, text: str) -> None:
        """`+NAME` and `-NAME`, all or none of them. EINVAL, ENOENT, EBUSY; EOPNOTSUPP for one that is not modelled."""
        enable: dict[str, None] = {}
        disable: dict[str, None] = {}
        for token in text.strip().split(" "):
            if not token:
                continue
            sign, name = token[0], token[1:]
            if name not in CONTROLLERS or sign not in "+-":
                raise KernelError("EINVAL", token)
            (enable if sign == "+" else disable)[name] = None
            (disable if sign == "+" else enable).pop(name, None)
        for name in CONTROLLERS:
            if name in enable:
                if name in group.subtree_control:
                    del enable[name]
                elif name not in self.controllers(group):
                    raise KernelError("ENOENT", f"{name} is not in cgroup.controllers")
            elif name in disable:
                if name not in group.subtree_control:
                    del disable[name]
                elif any(name in child.subtree_control for child in group.children.values()):
                    raise KernelError("EBUSY", f"{name} is in use below")
        if enable and group.parent is not None and self.tasks(group):
            raise KernelError("EBUSY", f"{group.path} has tasks of its own")
        missing = [name for name in enable if name not in MODELLED]
        if missing:
            raise KernelError("EOPNOTSUPP", f"{missing[0]}: memsh has the controller {MODELLED[0]} alone")
        group.subtree_control = [name for name in CONTROLLERS if name in enable or (name in group.subtree_control and
                                                                                    name not in disable)]  # fmt: skip
        for child in group.children.values():
            if "memory" in enable:
                self.memcg.css_alloc(child)
            if "memory" in disable and child.memcg is not None:
                self.memcg.css_offline(child.memcg)
        if enable or disable:
            self.memcg.switched()

    def kill(self, group: Cgroup) -> None:
        """SIGKILL for every process in the group and below it (cgroup_kill)."""
        for member in [group, *group.descendants()]:
            for task in self.tasks(member):
                if not task.is_kthread:
                    force_sig(self.box, task, 9)
