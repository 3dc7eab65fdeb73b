"""Groups of tasks in the one hierarchy of version 2, and their memory (include/linux/cgroup-defs.h, memcontrol.h)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.include.flags import INT_MAX
from memsh.linux.include.vmstat import VmStat

if TYPE_CHECKING:
    from memsh.linux.block.blk_cgroup import IoStat
    from memsh.linux.include.psi import PsiGroup
    from memsh.linux.kernel.cgroup.cpu import TaskGroup
    from memsh.linux.kernel.cgroup.cpuset import Cpuset
    from memsh.linux.kernel.cgroup.pids import PidsCgroup
    from memsh.linux.mm.hugetlb.cgroup import HugetlbCgroup
    from memsh.linux.mm.memcontrol.page_counter import PageCounter

MEMCG_CHARGE_BATCH = 64
EVENTS = ("low", "high", "max", "oom", "oom_kill", "oom_group_kill")
SWAP_EVENTS = {"swap_high": "high", "swap_max": "max", "swap_fail": "fail"}


class Cgroup:
    """`memcg` is the group's own memory controller, None where none is enabled for it; then the nearest one above
    counts. `dying` groups were children, are removed, and still charged. `max_depth`, `max_descendants`: INT_MAX means
    no limit. `cputime`: µs of user and system time of those who were in it or below. `dead`: it was removed. `dom_cgrp`
    is the group whose resources its threads share: itself, but for a threaded group. `pids`, `cpu`, `cpuset`, `io` and
    `hugetlb` are its controllers' parts, None where they are not enabled for it.
    """

    __slots__ = (
        "children", "cpu", "cpuset", "cputime", "dead", "dom_cgrp", "dying", "freeze", "hugetlb", "io", "max_depth",
        "max_descendants", "memcg", "name", "parent", "pids", "pressure", "psi", "subtree_control",
    )  # fmt: skip

    def __init__(self, name: str, parent: Cgroup | None, psi: PsiGroup) -> None:
        self.name = name
        self.parent = parent
        self.children: dict[str, Cgroup] = {}
        self.dying: list[Cgroup] = []
        self.cputime = (0, 0)
        self.subtree_control: list[str] = []
        self.memcg: MemCgroup | None = None
        self.pids: PidsCgroup | None = None
        self.cpu: TaskGroup | None = None
        self.cpuset: Cpuset | None = None
        self.hugetlb: HugetlbCgroup | None = None
        self.io: IoStat | None = None
        self.dead = self.freeze = False
        self.dom_cgrp = self
        self.max_depth = self.max_descendants = INT_MAX
        self.pressure = True
        self.psi = psi

    @property
    def path(self) -> str:
        """As /proc/PID/cgroup writes it."""
        parts: list[str] = []
        group: Cgroup = self
        while group.parent is not None:
            parts.append(group.name)
            group = group.parent
        return "/" + "/".join(reversed(parts))

    @property
    def e_freeze(self) -> bool:
        """Whether its tasks stand still: `cgroup.freeze` is set here or above."""
        return self.freeze or (self.parent is not None and self.parent.e_freeze)

    @property
    def is_threaded(self) -> bool:
        """Whether it shares its domain's resources instead of having its own (cgroup_is_threaded)."""
        return self.dom_cgrp is not self

    @property
    def effective_memcg(self) -> MemCgroup:
        """Whose memory tasks of this group use (cgroup_e_css)."""
        group: Cgroup = self
        while group.memcg is None:
            assert group.parent is not None
            group = group.parent
        return group.memcg

    def account_cputime(self, user: int, system: int) -> None:
        """A task of the group had a CPU for so long (cgroup_account_cputime)."""
        group: Cgroup | None = self
        while group is not None:
            group.cputime = group.cputime[0] + user, group.cputime[1] + system
            group = group.parent

    def descendants(self) -> list[Cgroup]:
        """The groups below, each before those below it; removed ones are not among them."""
        found: list[Cgroup] = []
        for child in self.children.values():
            found += [child, *child.descendants()]
        return found

    def all_dying(self) -> int:
        return len(self.dying) + sum(child.all_dying() for child in [*self.children.values(), *self.dying])

    def __repr__(self) -> str:
        return f"<Cgroup {self.path}>"


class ObjCgroup:
    """Whom kernel objects are charged to (struct obj_cgroup). `nr_charged_bytes` is what is left of pages charged for
    objects and not in a CPU's stock; `blocks` of the page allocator carry its number."""

    __slots__ = ("blocks", "memcg", "nr_charged_bytes", "number")

    def __init__(self, number: int, memcg: MemCgroup) -> None:
        self.number = number
        self.memcg = memcg
        self.nr_charged_bytes = self.blocks = 0

    @property
    def payer(self) -> MemCgroup:
        """Its group; once that is removed the nearest one above that is not (memcg_reparent_objcgs)."""
        memcg = self.memcg
        while not memcg.online:
            assert memcg.parent is not None
            memcg = memcg.parent
        return memcg


class MemCgroup:
    """struct mem_cgroup. `number` stands in the memory map's column `memcg` for pages of processes and files.

    `stat` counts this group alone: events by their names in /proc/vmstat, `kernel` pages, bytes of `percpu`,
    `slab_reclaimable` and `slab_unreclaimable`. `events` are those of memory.events, this group's and those of the
    groups below, `events_local` this group's. `pages` of processes and files are charged here, `swapped` swap slots are
    recorded for it; `dirty` and `writeback` are pages of files, those of the groups below included. `objcg` is None
    once the group is removed. `overhead` bytes were charged above for the group.
    """

    __slots__ = (
        "born", "cgroup", "children", "dirty", "events", "events_local", "memory", "number", "objcg", "oom_group",
        "overhead", "pages", "parent", "stat", "swap", "swapped", "writeback", "zswap_max",
    )  # fmt: skip

    def __init__(self, number: int, cgroup: Cgroup, parent: MemCgroup | None, memory: PageCounter,
                 swap: PageCounter) -> None:  # fmt: skip
        self.number = number
        self.cgroup = cgroup
        self.parent = parent
        self.children: list[MemCgroup] = []
        self.memory = memory
        self.swap = swap
        self.zswap_max = memory.max
        self.stat = VmStat()
        self.events = VmStat()
        self.events_local = VmStat()
        self.oom_group = False
        self.born = 0  # µs since boot
        self.pages = self.swapped = 0
        self.dirty = self.writeback = 0
        self.overhead = 0
        self.objcg: ObjCgroup | None = None

    def event(self, name: str) -> None:
        """An event of memory.events or memory.swap.events, which the groups above hear of (memcg_memory_event)."""
        self.events_local[name] += 1
        at: MemCgroup | None = self
        while at is not None and at.parent is not None:
            at.events[name] += 1
            at = at.parent

    def headroom(self) -> int:
        """Pages that the group may take until it, or one above, meets a limit."""
        rooms = []
        at = self
        while at.parent is not None:
            rooms.append(max(min(at.memory.max, at.memory.high) - at.memory.usage, 0))
            at = at.parent
        return min(rooms, default=0)

    def is_descendant(self, root: MemCgroup) -> bool:
        """Whether this is the group `root` or lies below it."""
        at: MemCgroup | None = self
        while at is not None and at is not root:
            at = at.parent
        return at is root

    def tree(self) -> Iterator[MemCgroup]:
        """The group and those below it, removed ones too, each before those below it (mem_cgroup_iter)."""
        yield self
        for child in self.children:
            yield from child.tree()

    @property
    def online(self) -> bool:
        return self.objcg is not None or self.parent is None

    @property
    def busy(self) -> bool:
        """Whether something still holds the group, removed or not."""
        return bool(self.pages or self.swapped or self.children)

    def __repr__(self) -> str:
        return f"<MemCgroup {self.number} {self.cgroup.path}>"
