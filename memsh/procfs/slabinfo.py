"""/proc/slabinfo: every cache, newest first; writing `NAME LIMIT BATCHCOUNT SHARED` tunes one (mm/slab_common.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.procfs.node import ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box

HEADER = (
    "slabinfo - version: 2.1\n"
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
    " : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
)


def show(box: Box) -> str:
    lines = [HEADER]
    slab = box.slab
    for cache in reversed(list(slab.caches.values())):
        row = slab.slabinfo(cache)
        active = row.active_objs % box.mmu.word_limit  # below 0 where objects were freed to another cache than theirs
        lines.append(
            f"{row.name:<17s} {active:6d} {row.num_objs:6d} {row.size:6d} {row.objects_per_slab:4d} "
            f"{1 << row.cache_order:4d} : tunables {row.limit:4d} {row.batchcount:4d} {row.shared:4d} : slabdata "
            f"{row.active_slabs:6d} {row.num_slabs:6d} {row.shared_avail:6d}\n"
        )
    return "".join(lines)


def file(box: Box) -> ProcFile:
    """SLAB's caches can be tuned, SLUB's cannot."""
    if "SLAB" in box.model.options:
        return ProcFile(show, store, 0o600)
    return ProcFile(show, None, 0o400)


def store(box: Box, text: str) -> None:
    """Tune one cache (mm/slab.c, slabinfo_write). EINVAL without a name and three numbers; numbers that
    make no sense are taken and change nothing."""
    if len(text) > 128:
        raise KernelError("EINVAL", "at most 128 bytes")
    name, blank, rest = text.partition(" ")
    numbers = re.match(r"\s*([+-]?\d+)\s+([+-]?\d+)\s+([+-]?\d+)", rest, re.ASCII)
    if not blank or numbers is None or not name:
        raise KernelError("EINVAL", "expected: NAME LIMIT BATCHCOUNT SHARED, of a cache that exists")
    limit, batchcount, shared = (int(number) for number in numbers.groups())
    box.slab.tune(name, limit, batchcount, shared)
