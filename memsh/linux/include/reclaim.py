"""What the page allocator and memory cgroups ask of reclaim, which lies above them (include/linux/swap.h)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Node, Zone


class ReclaimOperations(NamedTuple):
    """`box.reclaim`: mm/vmscan.c's side of an allocation that found too little; its functions say more.

    `wake_all_kswapds(box, zones, order, gfp, highest)`. `try_to_free_pages(box, zones, order, gfp)`: pages reclaimed.
    `try_to_free_mem_cgroup_pages(box, memcg, pages, gfp)`: pages reclaimed from a group. `node_reclaim(box, node, gfp,
    order)`: whether one should look at the node again. `zone_reclaimable_pages(box, zone)`: pages that it might free.
    """

    wake_all_kswapds: Callable[[Box, Iterable[Zone], int, int, int], None]
    try_to_free_pages: Callable[[Box, tuple[Zone, ...], int, int], int]
    try_to_free_mem_cgroup_pages: Callable[[Box, int, int, int], int]
    node_reclaim: Callable[[Box, Node, int, int], bool]
    zone_reclaimable_pages: Callable[[Box, Zone], int]

    def __deepcopy__(self, memo: object) -> ReclaimOperations:
        return self
