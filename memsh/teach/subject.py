"""The picture beside a step of `explain --step`: what the step is about.

A slab for an object that is taken or freed, the page tables for a fault, else the free lists of the zone whose pages
move. Nothing is changed by looking. No known deviations.
"""

from __future__ import annotations

import re
import textwrap

from memsh.linux.arch.x86.paging import walk
from memsh.linux.box import Box

WIDTH = 21  # columns of a picture
ROWS = 4  # of a slab's marks
_OBJECT = re.compile(r"^(?:kmalloc|kmem_cache_alloc|kfree|kmem_cache_free)\w*: .*?\bptr=(?:0x)?([0-9a-f]+)")
_PAGE = re.compile(r"\bpfn=(?:0x)?([0-9a-f]+)")


def slab_of(box: Box, text: str) -> tuple[str, ...]:
    """The slab of the object that a tracepoint names: a mark an object, as `slab NAME` draws them."""
    found = _OBJECT.match(text)
    place = box.slab.object_at(int(found[1], 16)) if found else None
    if place is None:
        return ()
    cache = place.cache
    slab = next((slab for slab in box.slab.slabs(cache) if slab.addr == place.slab), None)
    if slab is None:
        return ()
    arrays = box.slab.arrays(cache)
    waiting = {addr for array in arrays for addr in array.addrs}
    free = set(slab.free)
    marks = "".join("·" if at in free else "○" if slab.addr + at * cache.size in waiting else "■"
                    for at in range(slab.objects))  # fmt: skip
    drawn = textwrap.wrap(marks, WIDTH)
    shown = drawn if len(drawn) <= ROWS else [*drawn[: ROWS - 1], f"… {slab.objects} objects"]
    head = [f"cache {cache.name}"[:WIDTH], *(f"{array.name} {len(array.addrs)} of {array.limit}" for array in arrays)]
    return (*head, f"slab {slab.addr:#x}", *shown, f"object {place.number}", f"{slab.inuse} of {slab.objects} out")


def tables_of(box: Box, addr: int) -> tuple[str, ...]:
    """How the tables of the current process translate the address of a fault, level by level."""
    task = box.current
    if task is None or task.mm is None:
        return ()
    found = walk(task.mm, addr)
    lines = [f"fault at {addr:#x}"]
    lines += [f"{level.name[:9]} {level.at}: {level.entry:x}" for level in found.levels]
    if found.pfn is None:
        return (*lines, "no page there yet")
    zone = box.pages.zone_of(found.pfn).name
    return (*lines, f"frame {found.pfn:#x}", f"in {zone}, {'writable' if found.pte & 2 else 'read-only'}")


def zone_of(box: Box, text: str) -> str:
    """The zone of the page that a tracepoint names, "" if it names none."""
    found = _PAGE.search(text)
    pfn = int(found[1], 16) if found else 0
    return str(box.pages.zone_of(pfn).name) if 0 < pfn < box.memmap.frames else ""

