"""Shrinkers: caches of kernel objects that give some up when memory is short (mm/vmscan.c, do_shrink_slab).

A cache registers how many objects it could free, and a function that looks at so many of them. How many are looked at
grows with the pressure (`priority` falls from 12 to 0) and falls with the cost of making such an object anew (`seeks`).
What was not looked at is remembered, so that small caches get their turn too. Whoever reclaims from a node asks for
objects that lie on it. Counter: slabs_scanned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.memcontrol import ROOT_MEMCG

if TYPE_CHECKING:
    from memsh.linux.box import Box

DEFAULT_SEEKS = 2
SHRINK_BATCH = 128


class Shrinker:
    """`count(memcg, nid)` gives the freeable objects on a node that a group pays for (0: the root, with those of
    nobody); `scan(n, memcg, nid)` looks at n of them and gives how many it freed (-1: stop). `nr_deferred` is kept for
    each group and node."""

    __slots__ = ("batch", "count", "name", "nr_deferred", "scan", "seeks")

    def __init__(
        self, name: str, count: Callable[[int, int], int], scan: Callable[[int, int, int], int], seeks: int, batch: int
    ) -> None:
        self.name = name
        self.count = count
        self.scan = scan
        self.seeks = seeks
        self.batch = batch
        self.nr_deferred: dict[tuple[int, int], int] = {}


def register_shrinker(
    box: Box, name: str, count: Callable[[int, int], int], scan: Callable[[int, int, int], int],
    seeks: int = DEFAULT_SEEKS, batch: int = SHRINK_BATCH,
) -> Shrinker:  # fmt: skip
    """Add a cache; both functions must be bound methods, so that a copied box calls its own."""
    shrinker = Shrinker(name, count, scan, seeks, batch)
    box.shrinkers.append(shrinker)
    return shrinker


def do_shrink_slab(box: Box, shrinker: Shrinker, priority: int, memcg: int, nid: int) -> int:
    """Let one cache give up objects of a group on a node; how many it freed."""
    freeable = shrinker.count(memcg, nid)
    if freeable <= 0:
        return 0
    deferred = shrinker.nr_deferred.pop((memcg, nid), 0)
    delta = (freeable >> priority) * 4 // shrinker.seeks if shrinker.seeks else freeable // 2
    left = min((deferred >> priority) + delta, 2 * freeable)
    freed = scanned = 0
    while left >= shrinker.batch or left >= freeable:
        part = min(shrinker.batch, left)
        if not part:
            break
        got = shrinker.scan(part, memcg, nid)
        if got < 0:
            break
        freed += got
        box.vmstat["slabs_scanned"] += part
        left -= part
        scanned += part
    shrinker.nr_deferred[memcg, nid] = min(max(deferred + delta - scanned, 0), 2 * freeable)
    return freed


def shrink_slab(box: Box, nid: int, priority: int, memcg: int = ROOT_MEMCG) -> int:
    """Let every cache give up objects of a group on a node; how many they freed."""
    return sum(do_shrink_slab(box, shrinker, priority, memcg, nid) for shrinker in box.shrinkers)


def drop_slab(box: Box) -> int:
    """drop_caches, bit 1: node by node."""
    return sum(_drop_slab_node(box, node.nid) for node in box.pages.nodes)


def _drop_slab_node(box: Box, nid: int) -> int:
    """Again and again, until a round over all groups frees next to nothing; how many that were."""
    total = shift = 0
    while True:
        box.cond_resched()  # Linux ends here if the writer was killed
        groups = box.memcg.groups
        members = [ROOT_MEMCG] if groups is None else groups.iter(ROOT_MEMCG)
        freed = sum(shrink_slab(box, nid, 0, memcg) for memcg in members)
        total += freed
        if freed >> shift <= 1:
            return total
        shift += 1
