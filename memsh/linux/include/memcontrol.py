"""What reclaim asks of memory cgroups (include/linux/memcontrol.h).

`box.memcg.groups` is None while there is no group but the root: then reclaim goes over one lruvec a node.
Groups are known by their numbers, the root's is 0. Numbers that a machine's reclaim hands in are those of
`node.lruvecs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

ROOT_MEMCG = 0


class MemCgroups(Protocol):
    """Sizes and protections are pages."""

    def iter(self, root: int) -> Iterable[int]:
        """The groups of a tree, `root` first, parents before their children (mem_cgroup_iter without a cookie)."""

    def calculate_protection(self, root: int, memcg: int) -> None:
        """Work out what of memory.min and memory.low counts for a reclaim from `root` on; parents come before children
        (mem_cgroup_calculate_protection)."""

    def below_min(self, memcg: int) -> bool:
        """Whether all that it has is protected (mem_cgroup_below_min); never the root, nor the target of a reclaim."""

    def below_low(self, memcg: int) -> bool: ...

    def protection(self, root: int, memcg: int) -> tuple[int, int]:
        """What is protected during the reclaim: (min, low), as worked out above (mem_cgroup_protection)."""

    def size(self, memcg: int) -> int:
        """Pages charged (mem_cgroup_size)."""

    def online(self, memcg: int) -> bool:
        """Whether it has not been removed (mem_cgroup_online)."""

    def nr_swap_pages(self, memcg: int) -> int:
        """Slots that it may still use, the machine's free ones at most (mem_cgroup_get_nr_swap_pages)."""

    def event(self, memcg: int, name: str) -> None:
        """An event of memory.events: `low`, … (memcg_memory_event)."""

    def count_events(self, memcg: int, name: str, number: int) -> None:
        """Events of memory.stat, by their names in /proc/vmstat: pgscan_direct, pgsteal_kswapd, …
        (count_memcg_events)."""
