"""memory.* of a group: what it has, its limits, what befell it (mm/memcontrol.c, memory_files[], swap_files[]).

Known deviations: zswap is off for good, so memory.zswap.max limits nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.cgroup import EVENTS, SWAP_EVENTS, Cgroup, MemCgroup
from memsh.linux.include.errno import KernelError
from memsh.linux.lib.kstrtox import kstrtoint
from memsh.linux.mm.memcontrol import knobs
from memsh.linux.mm.memcontrol.page_counter import PAGE_COUNTER_MAX, page_counter_memparse
from memsh.linux.mm.memcontrol.stat import numa_lines, stat_lines
from memsh.procfs.cftype import Files, Show, Store

if TYPE_CHECKING:
    from memsh.linux.box import Box


def _memcg(group: Cgroup) -> MemCgroup:
    if group.memcg is None:
        raise KernelError("ENODEV", group.path)
    return group.memcg


def tunable(pages: int) -> str:
    """A limit as its file shows it: bytes, or max."""
    return "max\n" if pages == PAGE_COUNTER_MAX else f"{pages * 4096}\n"


def memory_files(root: bool) -> Files:
    """The files that a group with the memory controller has."""
    return {**_EVERYWHERE, **({} if root else _NOT_ON_ROOT)}


def _limit(counter: str, field: str, write: Callable[[Box, MemCgroup, int], None]) -> tuple[Show, Store]:
    def show(box: Box, group: Cgroup) -> str:
        return tunable(getattr(getattr(_memcg(group), counter), field))

    def store(box: Box, group: Cgroup, text: str) -> None:
        write(box, _memcg(group), page_counter_memparse(text.strip(), "max"))

    return show, store


def _figure(counter: str, field: str) -> Show:
    return lambda box, group: f"{getattr(getattr(_memcg(group), counter), field) * 4096}\n"


def _events(field: str) -> Show:
    return lambda box, group: "".join(f"{name} {getattr(_memcg(group), field)[name]}\n" for name in EVENTS)


def _swap_events(box: Box, group: Cgroup) -> str:
    return "".join(f"{shown} {_memcg(group).events[name]}\n" for name, shown in SWAP_EVENTS.items())


def _oom_group_store(box: Box, group: Cgroup, text: str) -> None:
    number = kstrtoint(text.strip())
    if number not in (0, 1):
        raise KernelError("EINVAL", "0 or 1")
    _memcg(group).oom_group = bool(number)


def _reclaim_store(box: Box, group: Cgroup, text: str) -> None:
    knobs.memory_reclaim(box, _memcg(group), page_counter_memparse(text.strip(), ""))


def _zswap_store(box: Box, group: Cgroup, text: str) -> None:
    _memcg(group).zswap_max = page_counter_memparse(text.strip(), "max")


_EVERYWHERE: Files = {
    "memory.numa_stat": (lambda box, group: "\n".join(numa_lines(box, _memcg(group))) + "\n", None),
    "memory.reclaim": (None, _reclaim_store),
    "memory.stat": (lambda box, group: "\n".join(stat_lines(box, _memcg(group))) + "\n", None),
}
_NOT_ON_ROOT: Files = {
    "memory.current": (_figure("memory", "usage"), None),
    "memory.events": (_events("events"), None),
    "memory.events.local": (_events("events_local"), None),
    "memory.high": _limit("memory", "high", knobs.memory_high_write),
    "memory.low": _limit("memory", "low", lambda box, memcg, pages: memcg.memory.set_low(pages)),
    "memory.max": _limit("memory", "max", knobs.memory_max_write),
    "memory.min": _limit("memory", "min", lambda box, memcg, pages: memcg.memory.set_min(pages)),
    "memory.oom.group": (lambda box, group: f"{int(_memcg(group).oom_group)}\n", _oom_group_store),
    "memory.peak": (_figure("memory", "watermark"), None),
    "memory.swap.current": (_figure("swap", "usage"), None),
    "memory.swap.events": (_swap_events, None),
    "memory.swap.high": _limit("swap", "high", lambda box, memcg, pages: setattr(memcg.swap, "high", pages)),
    "memory.swap.max": _limit("swap", "max", lambda box, memcg, pages: setattr(memcg.swap, "max", pages)),
    "memory.zswap.current": (lambda box, group: "0\n", None),
    "memory.zswap.max": (lambda box, group: tunable(_memcg(group).zswap_max), _zswap_store),
}
