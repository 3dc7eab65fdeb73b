"""Groups of tasks: made, removed, filled, and what is switched on in them (kernel/cgroup/cgroup.c).

There is one hierarchy, version 2, mounted at /sys/fs/cgroup from the start. Every task is in one group; a group gives
its controllers on to its children by `cgroup.subtree_control`, and then, but for the root, holds no tasks itself.

Known deviations: the files of a group take no kernel memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.linux.block.blk_cgroup import IoStat
from memsh.linux.include.cgroup import Cgroup
from memsh.linux.include.errno import KernelError
from memsh.linux.include.namei import too_long
from memsh.linux.include.psi import PsiGroup
from memsh.linux.include.sched import PF_NO_SETAFFINITY, Task, find_pid, threads_of
from memsh.linux.kernel.cgroup import threaded
from memsh.linux.kernel.cgroup.cpu import Cpu
from memsh.linux.kernel.cgroup.cpuset import Cpusets
from memsh.linux.kernel.cgroup.freezer import Freezer
from memsh.linux.kernel.cgroup.pids import Pids
from memsh.linux.kernel.cgroup.subsys import Subsystem
from memsh.linux.kernel.signal import force_sig
from memsh.linux.lib.kstrtox import kstrtoint
from memsh.linux.mm.hugetlb import cgroup as hugetlb
from memsh.linux.mm.memcontrol.page_counter import PAGE_COUNTER_MAX

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.memcontrol.memcontrol import MemControl

CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc")


class Memory(Subsystem):
    """The controller `memory`, as the hierarchy sees it (memory_cgrp_subsys)."""

    name = "memory"

    def css_alloc(self, group: Cgroup, *, free: bool = False) -> None:
        self.box.memcg.css_alloc(group, free=free)

    def css_offline(self, group: Cgroup) -> None:
        if group.memcg is not None:
            self.box.memcg.css_offline(group.memcg)

    def css_reset(self, group: Cgroup) -> None:
        """mem_cgroup_css_reset()."""
        if group.memcg is not None:
            memory, swap = group.memcg.memory, group.memcg.swap
            memory.max = memory.high = swap.max = swap.high = PAGE_COUNTER_MAX
            memory.set_min(0)
            memory.set_low(0)


class HugetlbSubsystem(Subsystem):
    """The controller `hugetlb`, as the hierarchy sees it (hugetlb_cgrp_subsys)."""

    name = "hugetlb"

    def css_alloc(self, group: Cgroup, *, free: bool = False) -> None:
        del free
        group.hugetlb = hugetlb.HugetlbCgroup(self.box, group, hugetlb.of_group(group.parent))

    def css_offline(self, group: Cgroup) -> None:
        """A removed group keeps its part for the reservations that are still counted there."""
        if group.hugetlb is not None:
            hugetlb.move_to_parent(self.box, group.hugetlb)
            group.hugetlb = group.hugetlb if group.dead else None


class Io(Subsystem):
    """The controller `io` (io_cgrp_subsys): who writes back for a group must know whose memory it is."""

    name = "io"
    depends_on = "memory"

    def css_alloc(self, group: Cgroup, *, free: bool = False) -> None:
        del free
        group.io = IoStat()
        self.box.disk.blkcg.groups += 1

    def css_offline(self, group: Cgroup) -> None:
        self.box.disk.blkcg.groups -= 1
        group.io = None


class Rdma(Subsystem):
    """The controller `rdma`: there are no such devices (rdma_cgrp_subsys)."""

    name = "rdma"


class Misc(Subsystem):
    """The controller `misc`: there is nothing that it counts (misc_cgrp_subsys)."""

    name = "misc"


class Cgroups:
    """`box.cgroups`: the hierarchy. `subsystems`: the controllers by name, in Linux's order. `joins` counts
    the tasks that came into a group."""

    def __init__(self, box: Box, memcg: MemControl) -> None:
        self.box = box
        self.memcg = memcg
        self.root = Cgroup("", None, box.psi.system)
        self.cpusets = Cpusets(self)
        self.cpu = Cpu(box)
        found: tuple[Subsystem, ...] = (self.cpusets, self.cpu, Io(box), Memory(box), HugetlbSubsystem(box), Pids(box),
                                        Rdma(box), Misc(box))  # fmt: skip
        self.subsystems = {one.name: one for one in found}
        self.freezer = Freezer(self)
        self.joins = 0
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

    def _everyone(self) -> list[Task]:
        return [*self.box.tasks.values(), *self.box.threads.values()]

    def tasks(self, group: Cgroup) -> list[Task]:
        """The processes of the group, and of the threaded groups whose domain it is: those of which a thread lives.
        Who came first is first."""
        found = [leader for leader in self.box.tasks.values() if self.of_task(leader).dom_cgrp is group and
                 any(thread.alive for thread in threads_of(self.box, leader))]  # fmt: skip
        return sorted(found, key=lambda leader: leader.joined)

    def threads(self, group: Cgroup) -> list[Task]:
        """Every thread in the group itself that has not ended."""
        own = None if group is self.root else group
        found = [thread for thread in self._everyone() if thread.cgroup is own and thread.alive]
        return sorted(found, key=lambda thread: thread.joined)

    def has_tasks(self, group: Cgroup) -> bool:
        """Whether a thread in the group itself has not ended (cgroup_has_tasks)."""
        own = None if group is self.root else group
        return any(task.cgroup is own and task.alive for task in self._everyone())

    def populated(self, group: Cgroup) -> bool:
        """Whether there is a task in the group or below it."""
        own = {None if member is self.root else member for member in (group, *group.descendants())}
        return any(task.cgroup in own and task.alive for task in self._everyone())

    # -- make and remove -----------------------------------------------------------------------------------------------

    def mkdir(self, parent: Cgroup, name: str, *, free: bool = False) -> Cgroup:
        """A new group: EINVAL for a name with a line break, ENAMETOOLONG, EAGAIN at a limit, ENOMEM. `free`: it takes
        no memory."""
        if "\n" in name:
            raise KernelError("EINVAL", name)
        if too_long(name):
            raise KernelError("ENAMETOOLONG", name)
        self._check_hierarchy_limits(parent)
        group = Cgroup(name, parent, PsiGroup(self.box.timer.usec))
        self._enable(group, self.below(parent, parent.subtree_control), free=free)
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
        if group.children or self.has_tasks(group):
            raise KernelError("EBUSY", group.path)
        del parent.children[group.name]
        parent.dying.append(group)
        group.dead = True
        self._disable(group, self.kept(group))
        self.memcg.release_later()

    def release(self) -> None:
        """Removed groups that nothing holds any more are gone (css_release)."""
        held = self.memcg.css_free() | {task.cgroup for task in self.box.tasks.values() if task.cgroup is not None}
        for group in self._all(self.root):
            group.dying = [child for child in group.dying if child in held or child.dying or
                           (child.hugetlb is not None and child.hugetlb.held)]  # fmt: skip

    def _all(self, group: Cgroup) -> list[Cgroup]:
        """The group and all below it, removed ones too, from the bottom up."""
        return [one for child in [*group.children.values(), *group.dying] for one in self._all(child)] + [group]

    # -- who is in it --------------------------------------------------------------------------------------------------

    def attach(self, group: Cgroup, task: Task, *, thread: bool = False) -> None:
        """Move a process, or one `thread`, here; what it was charged stays where it was (cgroup_attach_task).

        EBUSY where the children have controllers; EOPNOTSUPP where no process may be, or a thread of this one; EINVAL.
        """
        if task.flags & PF_NO_SETAFFINITY or (task.is_kthread and not task.ppid):
            raise KernelError("EINVAL", f"{task.comm} is bound to its place")
        if not threaded.is_valid_domain(self, group.dom_cgrp):
            raise KernelError("EOPNOTSUPP", f"{group.path} is {threaded.type_of(self, group)}")
        if group.subtree_control and not (threaded.can_be_thread_root(self, group) or group.is_threaded):
            raise KernelError("EBUSY", f"{group.path} gives its controllers to its children")
        if thread and self.of_task(task).dom_cgrp is not group.dom_cgrp:
            raise KernelError("EOPNOTSUPP", "threads of one process may be in different groups of one thread root only")
        self.migrate(group, [task] if thread else threads_of(self.box, task))

    def migrate(self, group: Cgroup, tasks: Sequence[Task]) -> None:
        """Those of the tasks that live, and are not there, move to the group."""
        own = None if group is self.root else group
        moving = [task for task in tasks if task.alive and task.cgroup is not own]
        for one in self.subsystems.values():
            one.can_attach(group, moving)
        for one in self.subsystems.values():
            one.attach(group, moving)
        for task in moving:
            task.cgroup = own
            self.post_fork(task)
        self.memcg.switched()
        for one in (*self.subsystems.values(), self.freezer):
            one.attached(group, moving)

    def can_fork(self, parent: Task) -> None:
        """EAGAIN where a controller does not let the parent's group have one more task, which then counts."""
        for one in self.subsystems.values():
            one.can_fork(parent)

    def post_fork(self, task: Task) -> None:
        """The task is the last that came into its group."""
        self.joins += 1
        task.joined = self.joins

    def release_task(self, task: Task) -> None:
        """A task is forgotten: no controller counts it any more (cgroup_release)."""
        for one in self.subsystems.values():
            one.release(task)
        if task.cgroup is not None and task.cgroup.dead:
            self.memcg.release_later()

    def procs_write(self, group: Cgroup, text: str, *, thread: bool = False) -> None:
        """`cgroup.procs`, or cgroup.threads, is written: 0 is who writes. EINVAL for what is no PID, ESRCH."""
        try:
            pid = kstrtoint(text.strip())
        except KernelError:
            raise KernelError("EINVAL", text) from None
        if pid < 0:
            raise KernelError("EINVAL", text)
        task = find_pid(self.box, pid) if pid else self.box.current
        if task is None:
            raise KernelError("ESRCH", f"no process {pid}")
        self.attach(group, task if thread else self.box.tasks[task.tgid], thread=thread)

    # -- controllers ---------------------------------------------------------------------------------------------------

    def controllers(self, group: Cgroup) -> tuple[str, ...]:
        """Those that the group has, from its parent (cgroup_control)."""
        if group.parent is None:
            return CONTROLLERS
        return tuple(name for name in CONTROLLERS if name in group.parent.subtree_control and
                     (name in threaded.THREADED or not group.is_threaded))  # fmt: skip

    def kept(self, group: Cgroup) -> tuple[str, ...]:
        """Those that keep something for the group, shown or not (cgroup_ss_mask)."""
        if group.parent is None:
            return CONTROLLERS
        return tuple(name for name in self.below(group.parent, group.parent.subtree_control) if
                     name in threaded.THREADED or not group.is_threaded)  # fmt: skip

    def below(self, group: Cgroup, names: Sequence[str]) -> list[str]:
        """Those that its children need where these are enabled for them (cgroup_calc_subtree_ss_mask)."""
        needed = {*names, *(self.subsystems[name].depends_on for name in names)}
        return [name for name in self.kept(group) if name in needed]

    def _enable(self, group: Cgroup, names: Sequence[str], *, free: bool = False) -> None:
        """The controllers keep something for the group from now on: all, or none where one cannot (css_create)."""
        done: list[str] = []
        try:
            for name in names:
                if name in threaded.THREADED or not group.is_threaded:
                    self.subsystems[name].css_alloc(group, free=free)
                    done.append(name)
        except KernelError:
            self._disable(group, done)
            raise

    def _disable(self, group: Cgroup, names: Sequence[str]) -> None:
        for name in names:
            self.subsystems[name].css_offline(group)

    def enable_threaded(self, group: Cgroup) -> None:
        """The group joins the domain of the one above it, for good. EOPNOTSUPP with tasks in it or below, with
        controllers of domains for its children, or where the one above cannot be a thread root."""
        if group.is_threaded:
            return
        assert group.parent is not None
        domain = group.parent.dom_cgrp
        if self.populated(group) or threaded.domain_controllers(group):
            raise KernelError("EOPNOTSUPP", f"{group.path} has tasks, or controllers of domains")
        if not (threaded.is_valid_domain(self, domain) and threaded.can_be_thread_root(self, domain)):
            raise KernelError("EOPNOTSUPP", f"{domain.path} cannot be a thread root")
        before = self.kept(group)
        for member in (group, *group.descendants()):
            if member is group or member.is_threaded:
                member.dom_cgrp = domain
        self._disable(group, [name for name in before if name not in threaded.THREADED])

    def subtree_control_write(self, group: Cgroup, text: str) -> None:
        """`+NAME` and `-NAME`, all or none of them. EINVAL, ENOENT, EBUSY, EOPNOTSUPP."""
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
        if enable:
            self._vet_enable(group, list(enable))
        wanted = [name for name in CONTROLLERS if name in enable or (name in group.subtree_control and
                                                                     name not in disable)]  # fmt: skip
        before, after = (self.below(group, names) for names in (group.subtree_control, wanted))
        new = [name for name in after if name not in before]
        done: list[Cgroup] = []
        try:
            for child in group.children.values():
                self._enable(child, new)
                done.append(child)
        except KernelError:
            for child in done:
                self._disable(child, [name for name in new if name in threaded.THREADED or not child.is_threaded])
            raise
        for child in group.children.values():
            had = self.kept(child)
            self._disable(child, [name for name in had if name not in after])
            for name in had:
                if name in after and name in group.subtree_control and name not in wanted:
                    self.subsystems[name].css_reset(child)
        group.subtree_control = wanted
        if enable or disable:
            self.memcg.switched()

    def _vet_enable(self, group: Cgroup, enable: Sequence[str]) -> None:
        """EOPNOTSUPP where the group cannot have resources; EBUSY where its own tasks would compete with its children's
        (cgroup_vet_subtree_control_enable)."""
        if not threaded.is_valid_domain(self, group.dom_cgrp):
            raise KernelError("EOPNOTSUPP", f"{group.path} is {threaded.type_of(self, group)}")
        if threaded.is_mixable(group):
            return
        if any(name not in threaded.THREADED for name in enable):
            if group.is_threaded or threaded.is_thread_root(self, group):
                raise KernelError("EOPNOTSUPP", f"{group.path} is {threaded.type_of(self, group)}")
        elif group.is_threaded or threaded.can_be_thread_root(self, group):
            return
        if self.has_tasks(group):
            raise KernelError("EBUSY", f"{group.path} has tasks of its own")

    def kill(self, group: Cgroup) -> None:
        """SIGKILL for every process in the group and below it (cgroup_kill). EOPNOTSUPP for a threaded group."""
        if group.is_threaded:
            raise KernelError("EOPNOTSUPP", f"{group.path} is threaded")
        for member in [group, *group.descendants()]:
            for task in self.tasks(member):
                if not task.is_kthread:
                    force_sig(self.box, task, 9)
