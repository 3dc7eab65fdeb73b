"""Objects of the kernel that nobody uses wait on lists: one for each memory cgroup and node (mm/list_lru.c).

An object is on the list of the group that pays for it and of the node that it lies on. No known deviations.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from memsh.linux.include.flags import PAGE_SHIFT

if TYPE_CHECKING:
    from memsh.linux.box import Box

T = TypeVar("T")


class ListLru(Generic[T]):
    """`lists`: (group, node) -> what waits, by a number of its own, oldest first."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.lists: dict[tuple[int, int], OrderedDict[int, T]] = {}

    def __iter__(self) -> Iterator[T]:
        for waiting in self.lists.values():
            yield from waiting.values()

    def __len__(self) -> int:
        return sum(map(len, self.lists.values()))

    def one(self, memcg: int, nid: int) -> OrderedDict[int, T]:
        """The list of a group on a node; 0 is the root."""
        found = self.lists.get((memcg, nid))
        if found is None:
            found = self.lists[memcg, nid] = OrderedDict()
        return found

    def of(self, addr: int) -> OrderedDict[int, T]:
        """The list that the object at `addr` waits on."""
        box = self.box
        nid = box.pages.zone_of(addr - box.arch.page_offset >> PAGE_SHIFT).node if len(box.pages.nodes) > 1 else 0
        return self.one(box.memcg.mem_cgroup_from_obj(addr), nid)

    def count(self, memcg: int, nid: int) -> int:
        """How many wait there (list_lru_shrink_count)."""
        return len(self.lists.get((memcg, nid), ()))

    def reparent(self, memcg: int, parent: int) -> None:
        """A group is removed: what waits there is the first to go of the group above (memcg_reparent_list_lru)."""
        for nid in [nid for group, nid in self.lists if group == memcg]:
            above = self.one(parent, nid)
            for key, waiting in reversed(self.lists.pop((memcg, nid)).items()):
                above[key] = waiting
                above.move_to_end(key, last=False)
