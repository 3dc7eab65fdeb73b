"""Which slab allocator a machine has, with which caches; the rows of a recorded /proc/slabinfo.

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from memsh.linux.mm.slab.api import Row
from memsh.linux.mm.slab.slab_words import Slabs
from memsh.linux.mm.slab.slub_words import Slubs
from memsh.machines.i386_slab import I386_SLAB
from memsh.machines.x86_64_slub import X86_64_SLUB
from memsh.proctext import slabinfo

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import KmemCache, SlabAllocator


def i386_slab(box: Box) -> SlabAllocator[KmemCache]:
    """SLAB, still without caches. An allocator only ever gets caches that it made itself."""
    return cast("SlabAllocator[KmemCache]", Slabs(box, I386_SLAB))


def x86_64_slub(box: Box) -> SlabAllocator[KmemCache]:
    """SLUB, still without caches."""
    return cast("SlabAllocator[KmemCache]", Slubs(box, X86_64_SLUB))


def parse_rows(text: str) -> list[Row]:
    """The rows of a /proc/slabinfo text, oldest cache first. ValueError for a line that is none."""
    rows = []
    for line in text.splitlines():
        if line.startswith(("slabinfo", "#")) or not line.strip():
            continue
        cache = slabinfo.row(line)
        if cache is None:
            raise ValueError(f"slabinfo: '{line[:40]}' is no row of it")
        rows.append(
            Row(cache.name, cache.active_objs, cache.obj_size, cache.objs_per_slab, cache.active_slabs, cache.num_slabs)
        )
    return rows[::-1]
