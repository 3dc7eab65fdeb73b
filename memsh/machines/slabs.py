"""Which slab allocator a machine has, with which caches; the rows of a recorded /proc/slabinfo.

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from memsh.linux.mm.slab.api import Row
from memsh.linux.mm.slab.slab_words import Slabs
from memsh.machines.i386_slab import I386_SLAB

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import KmemCache, SlabAllocator


def i386_slab(box: Box) -> SlabAllocator[KmemCache]:
    """SLAB, still without caches. An allocator only ever gets caches that it made itself."""
    return cast("SlabAllocator[KmemCache]", Slabs(box, I386_SLAB))


def parse_rows(text: str) -> list[Row]:
    """The rows of a /proc/slabinfo text, oldest cache first. ValueError for a line that is none."""
    rows = []
    for line in text.splitlines():
        words = line.split()
        if line.startswith(("slabinfo", "#")) or not words:
            continue
        if len(words) != 16:
            raise ValueError(f"slabinfo: '{line[:40]}' is no row of it")
        if not all(words[at].isdecimal() for at in (1, 3, 4, 13, 14)):
            raise ValueError(f"slabinfo: '{line[:40]}' has words where numbers belong")
        numbers = [int(words[at]) for at in (1, 3, 4, 13, 14)]
        rows.append(Row(words[0], *numbers))
    return rows[::-1]
