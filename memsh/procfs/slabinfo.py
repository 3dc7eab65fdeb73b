"""/proc/slabinfo: every cache, newest first; writing `NAME LIMIT BATCHCOUNT SHARED` tunes one (mm/slab_common.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.errno import KernelError

if TYPE_CHECKING:
    from memsh.kernel.box import Box

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
        lines.append(
            f"{row.name:<17s} {row.active_objs:6d} {row.num_objs:6d} {row.size:6d} {row.objects_per_slab:4d} "
            f"{1 << row.cache_order:4d} : tunables {row.limit:4d} {row.batchcount:4d} {row.shared:4d} : slabdata "
            f"{row.active_slabs:6d} {row.num_slabs:6d} {row.shared_avail:6d}\n"
        )
    return "".join(lines)


def store(box: Box, text: str) -> None:
    """Tune one cache (mm/slab.c, slabinfo_write). EINVAL for anything that is not a name and three numbers."""
    words = text[:127].split()
    if len(words) != 4 or words[0] not in box.slab.caches:
        raise KernelError("EINVAL", "expected: NAME LIMIT BATCHCOUNT SHARED, of a cache that exists")
    try:
        limit, batchcount, shared = (int(word) for word in words[1:])
    except ValueError:
        raise KernelError("EINVAL", "LIMIT, BATCHCOUNT and SHARED are numbers") from None
    if limit < 1 or batchcount < 1 or batchcount > limit or shared < 0:
        raise KernelError("EINVAL", "1 <= BATCHCOUNT <= LIMIT and SHARED >= 0 are needed")
    box.slab.tune(box.slab.caches[words[0]], limit, batchcount, shared)
