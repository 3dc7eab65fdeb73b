"""hugetlb.* of a group: huge pages of the pools, a set of files for each size (mm/hugetlb_cgroup.c).

No known deviations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.mm.hugetlb.cgroup import HugetlbCgroup
from memsh.linux.mm.memcontrol.page_counter import PAGE_COUNTER_MAX, PageCounter, page_counter_memparse
from memsh.procfs.cftype import Files, Show, Store

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.mm.hugetlb.hstate import Hstate


def size_name(h: Hstate) -> str:
    """`2MB`, `1GB` (mem_fmt)."""
    return f"{h.size >> 30}GB" if h.size >> 30 else f"{h.size >> 20}MB"


def hugetlb_files(box: Box) -> Files:
    """The files that a group with the controller has."""
    found: Files = {}
    for h in box.hugetlb.states.values():
        name = f"hugetlb.{size_name(h)}"
        usage, rsvd = _counter("usage", h.order), _counter("rsvd", h.order)
        found |= {
            f"{name}.current": (_current(usage), None),
            f"{name}.events": (_events("events", h.order), None),
            f"{name}.events.local": (_events("events_local", h.order), None),
            f"{name}.max": _max(usage, h.pages),
            f"{name}.numa_stat": (_numa_stat(h.order), None),
            f"{name}.rsvd.current": (_current(rsvd), None),
            f"{name}.rsvd.max": _max(rsvd, h.pages),
        }
    return found


def _part(group: Cgroup) -> HugetlbCgroup:
    if group.hugetlb is None:
        raise KernelError("ENODEV", group.path)
    return group.hugetlb


def _counter(field: str, order: int) -> Callable[[Cgroup], PageCounter]:
    def counter(group: Cgroup) -> PageCounter:
        found: PageCounter = getattr(_part(group), field)[order]
        return found

    return counter


def _current(counter: Callable[[Cgroup], PageCounter]) -> Show:
    return lambda box, group: f"{counter(group).usage * 4096}\n"


def _events(field: str, order: int) -> Show:
    return lambda box, group: f"max {getattr(_part(group), field)[order]}\n"


def _max(counter: Callable[[Cgroup], PageCounter], pages: int) -> tuple[Show, Store]:
    """Whole huge pages; EBUSY below what is used (page_counter_set_max)."""
    most = PAGE_COUNTER_MAX // pages * pages

    def show(box: Box, group: Cgroup) -> str:
        limit = counter(group).max
        return "max\n" if limit >= most else f"{limit * 4096}\n"

    def store(box: Box, group: Cgroup, text: str) -> None:
        limit = page_counter_memparse(text.strip(), "max") // pages * pages
        if counter(group).usage > limit:
            raise KernelError("EBUSY", "more is used")
        counter(group).max = limit

    return show, store


def _numa_stat(order: int) -> Show:
    def show(box: Box, group: Cgroup) -> str:
        part = _part(group)
        nodes = [f" N{node.nid}={part.on_node(order, node.nid) * 4096 % (1 << 64)}" for node in box.pages.nodes]
        return f"total={part.usage[order].usage * 4096}{''.join(nodes)}\n"

    return show
