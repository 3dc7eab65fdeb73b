"""What reclaim asks of the groups (mm/memcontrol.c: mem_cgroup_calculate_protection; include/linux/memcontrol.h).

The protocol is that of include/memcontrol.py: groups are known by their numbers, the root's is 0.

Known deviations: none; memory_recursiveprot is not among the options of the mount.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.mm.memcontrol.swap_cgroup import SwapCharging

if TYPE_CHECKING:
    from memsh.linux.include.cgroup import MemCgroup


class Protecting(SwapCharging):
    """The groups as reclaim sees them; what it worked out for a group that is its own target may be stale."""

    def iter(self, root: int) -> Iterable[int]:
        """The groups of a tree, each before those below it (mem_cgroup_iter)."""
        return [memcg.number for memcg in self.by_number[root].tree()]

    def calculate_protection(self, root: int, memcg: int) -> None:
        """Work out what of memory.min and memory.low counts, from `root` down; the root's own do not."""
        group = self.by_number[memcg]
        parent = group.parent
        counter = group.memory
        if memcg == root or parent is None or not counter.usage:
            return
        if parent.number == root:
            counter.emin, counter.elow = counter.min, counter.low
            return
        above = parent.memory
        counter.emin = effective_protection(counter.usage, counter.min, above.emin, above.children_min)
        counter.elow = effective_protection(counter.usage, counter.low, above.elow, above.children_low)

    def below_min(self, memcg: int) -> bool:
        counter = self.by_number[memcg].memory
        return memcg != 0 and counter.emin >= counter.usage

    def below_low(self, memcg: int) -> bool:
        counter = self.by_number[memcg].memory
        return memcg != 0 and counter.elow >= counter.usage

    def protection(self, root: int, memcg: int) -> tuple[int, int]:
        counter = self.by_number[memcg].memory
        return (0, 0) if memcg in (0, root) else (counter.emin, counter.elow)

    def size(self, memcg: int) -> int:
        return self.by_number[memcg].memory.usage

    def online(self, memcg: int) -> bool:
        return self.by_number[memcg].online

    def nr_swap_pages(self, memcg: int) -> int:
        slots = self.box.swap.get_nr_swap_pages()
        group: MemCgroup | None = self.by_number[memcg]
        while group is not None and group.parent is not None:
            slots = min(slots, group.swap.max - group.swap.usage)
            group = group.parent
        return slots

    def event(self, memcg: int, name: str) -> None:
        self.by_number[memcg].event(name)

    def count_events(self, memcg: int, name: str, number: int) -> None:
        self.by_number[memcg].stat[name] += number


def effective_protection(usage: int, setting: int, parent_effective: int, siblings_protected: int) -> int:
    """A group's part of what its parent is granted, in proportion to what it uses of its own setting."""
    protected = min(usage, setting)
    if siblings_protected > parent_effective:
        return protected * parent_effective // siblings_protected
    return protected
