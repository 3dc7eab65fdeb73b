"""Huge pages of the pools counted by cgroup (mm/hugetlb_cgroup.c).

A group has two counters for each size: pages in use, and pages that are reserved for mappings or were taken without a
reservation. Who calls mmap() pays for the reservation until the mapping goes, who touches first pays for the page until
it is free again, whichever group he is in then. The root is not counted.

No known deviations: what Linux's per-node figures get wrong when a page moves they get wrong here, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.mm.memcontrol.page_counter import PageCounter

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.mm.hugetlb.hstate import Hstate


Counters = dict[int, PageCounter]


class HugetlbCgroup:
    """A group's part. By the order of a huge page: `usage` and `rsvd` count small pages, `nodes` those of each node,
    `events` refusals here and below, `events_local` here."""

    __slots__ = ("events", "events_local", "group", "nodes", "parent", "rsvd", "usage")

    def __init__(self, box: Box, group: Cgroup, parent: HugetlbCgroup | None) -> None:
        self.group = group
        self.parent = parent
        orders = box.hugetlb.states
        above = parent
        self.usage: Counters = {order: PageCounter(above.usage[order] if above else None) for order in orders}
        self.rsvd: Counters = {order: PageCounter(above.rsvd[order] if above else None) for order in orders}
        self.nodes = {order: [0] * len(box.pages.nodes) for order in orders}
        self.events = dict.fromkeys(orders, 0)
        self.events_local = dict.fromkeys(orders, 0)

    @property
    def held(self) -> bool:
        """Whether reservations are counted here, though the group may be removed."""
        return any(counter.usage for counter in self.rsvd.values())

    def on_node(self, order: int, nid: int) -> int:
        """Small pages of a node that are counted here and below, in removed groups too."""
        children = [*self.group.children.values(), *self.group.dying]
        below = sum(child.hugetlb.on_node(order, nid) for child in children if child.hugetlb is not None)
        return self.nodes[order][nid] + below


def of_group(group: Cgroup | None) -> HugetlbCgroup | None:
    """The part that counts for the group's tasks; None for the root's."""
    while group is not None and group.hugetlb is None:
        group = group.parent
    return group.hugetlb if group is not None else None


def payer(box: Box) -> HugetlbCgroup | None:
    """Who pays for what the current process asks for."""
    return of_group(box.current.cgroup) if box.current is not None else None


def _levels(one: HugetlbCgroup) -> Iterator[HugetlbCgroup]:
    at: HugetlbCgroup | None = one
    while at is not None:
        yield at
        at = at.parent


def try_charge(who: HugetlbCgroup | None, h: Hstate, pages: int, *, rsvd: bool = False) -> bool:
    """Count so many huge pages; False, and an event, where the group or one above it may have no more."""
    if who is None:
        return True
    counter = (who.rsvd if rsvd else who.usage)[h.order]
    if counter.try_charge(pages << h.order) is None:
        return True
    who.events_local[h.order] += 1
    for level in _levels(who):
        level.events[h.order] += 1
    return False


def uncharge(box: Box, who: HugetlbCgroup | None, h: Hstate, pages: int, *, rsvd: bool = False) -> None:
    """They are no longer counted."""
    if who is None or not pages:
        return
    (who.rsvd if rsvd else who.usage)[h.order].uncharge(pages << h.order)
    if who.group.dead and not who.held:
        box.memcg.release_later()


def commit(box: Box, who: HugetlbCgroup | None, h: Hstate, pfn: int) -> None:
    """The page is the group's (hugetlb_cgroup_commit_charge)."""
    if who is not None:
        box.hugetlb.charged[pfn] = who
        who.nodes[h.order][box.pages.zone_of(pfn).node] += h.pages


def uncharge_page(box: Box, h: Hstate, pfn: int) -> None:
    """The page is free again."""
    who = box.hugetlb.charged.pop(pfn, None)
    if who is not None:
        who.nodes[h.order][box.pages.zone_of(pfn).node] -= h.pages
        uncharge(box, who, h, 1)
    uncharge(box, box.hugetlb.charged_rsvd.pop(pfn, None), h, 1, rsvd=True)


def migrate(box: Box, old: int, new: int) -> None:
    """The one page stands for the other (hugetlb_cgroup_migrate)."""
    for charged in (box.hugetlb.charged, box.hugetlb.charged_rsvd):
        if old in charged:
            charged[new] = charged.pop(old)


def move_to_parent(box: Box, one: HugetlbCgroup) -> None:
    """The group is removed: its pages are the parent's, which counts them already; reservations stay where they are."""
    for pfn in [pfn for pfn, who in box.hugetlb.charged.items() if who is one]:
        if one.parent is None:
            del box.hugetlb.charged[pfn]
        else:
            box.hugetlb.charged[pfn] = one.parent
    for counter in one.usage.values():
        counter.usage = 0
