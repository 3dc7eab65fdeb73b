"""Everyday churn, so that the free lists look lived in: a box that has been up for a while.

No C file: this stands for the drivers, sockets and file systems of a machine in use. Every page and object is taken
from the real allocators with the flags that such users pass, and what survives is held here.

Known deviations: the churn is made of a fixed sequence of pseudo-random numbers, the same on every box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_HIGHUSER, GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_NAMES
from memsh.linux.include.memmap import K_OTHER

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import KmemCache

_RECLAIMABLE = GFP_KERNEL | GFP_NAMES["__GFP_RECLAIMABLE"]
# what is taken: (weight, gfp flags, order) for pages; names of caches that files and sockets live in
_PAGES = (
    (6, GFP_HIGHUSER_MOVABLE, 0),
    (4, GFP_HIGHUSER, 0),
    (4, GFP_KERNEL, 0),
    (2, GFP_KERNEL, 1),
    (1, GFP_KERNEL, 2),
    (1, GFP_KERNEL, 3),
    (3, _RECLAIMABLE, 0),
)
_CACHES = (
    "dentry",
    "inode_cache",
    "kmalloc-64",
    "kmalloc-192",
    "kmalloc-512",
    "kmalloc-1k",
    "buffer_head",
    "vm_area_struct",
    "skbuff_head_cache",
)
STEPS_A_MINUTE, STEPS_MAX = 200, 24_000


def _choose(pick: int) -> tuple[int, int]:
    """The flags and order that a number below the sum of weights stands for."""
    for weight, flags, order in _PAGES:
        if pick < weight:
            return (flags & ~GFP_NAMES["__GFP_DIRECT_RECLAIM"]) | GFP_NAMES["__GFP_NOWARN"], order
        pick -= weight
    raise ValueError(pick)


class Age:
    """What the churn holds: `pages` (frame, order) and `objects` (cache, address); `seed` goes on from call to call."""

    def __init__(self) -> None:
        self.seed = 1
        self.pages: list[tuple[int, int]] = []
        self.objects: list[tuple[KmemCache, int]] = []

    def _random(self, below: int) -> int:
        """The next number of a linear congruential generator (Knuth's MMIX constants), 0 … below - 1."""
        self.seed = (self.seed * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        return (self.seed >> 33) % below

    def run(self, box: Box, seconds: int) -> int:
        """Churn as of `seconds` of use; answers how many allocations and frees it made. A sixteenth of RAM at most."""
        steps = min(STEPS_MAX, max(STEPS_A_MINUTE, seconds * STEPS_A_MINUTE // 60))
        room = sum(zone.managed for zone in box.pages.zones) // 16
        total = sum(weight for weight, _, _ in _PAGES)
        for step in range(steps):
            growing = self._random(steps) < steps - step // 2
            if self._random(3):
                self._page(box, growing, room, self._random(total))
            else:
                self._object(box, growing)
        self._quiet_hour(box)
        return steps

    def _quiet_hour(self, box: Box) -> None:
        """Half of what is held goes, here and there: the holes are what a lived-in box looks like."""
        kept = []
        for pfn, order in self.pages:
            if self._random(2):
                box.pages.free_pages(pfn, order)
            else:
                kept.append((pfn, order))
        self.pages = kept

    def _page(self, box: Box, growing: bool, room: int, pick: int) -> None:
        if growing and len(self.pages) < room:
            flags, order = _choose(pick)
            pfn = box.pages.alloc_pages(flags, order, K_OTHER)
            if pfn:
                self.pages.append((pfn, order))
        elif self.pages:
            at = self._random(len(self.pages))
            self.pages[at], self.pages[-1] = self.pages[-1], self.pages[at]
            box.pages.free_pages(*self.pages.pop())

    def _object(self, box: Box, growing: bool) -> None:
        slab = box.slab
        if growing:
            cache = slab.named(_CACHES[self._random(len(_CACHES))])
            if cache is not None:
                addr = slab.kmem_cache_alloc(cache, GFP_KERNEL)
                if addr:
                    self.objects.append((cache, addr))
        elif self.objects:
            at = self._random(len(self.objects))
            self.objects[at], self.objects[-1] = self.objects[-1], self.objects[at]
            slab.kmem_cache_free(*self.objects.pop())
