"""The picture of one slab cache: its array caches first, then the slabs on the three lists, object by object."""

from __future__ import annotations

from typing import Any

from memsh.commands.caches import NAME, find_cache
from memsh.commands.draw import human, plural, say
from memsh.shell import command

DRAWN = 12  # slabs shown one by one
IN_USE, WAITING, FREE = "■", "○", "·"


def marks(slab: Any, waiting: set[int]) -> str:
    """One mark an object of a slab: in use, waiting in an array, or free in the slab."""
    cache = slab.cache
    free = set(slab.free_indexes())
    return "".join(
        FREE if index in free else WAITING if slab.s_mem + index * cache.size in waiting else IN_USE
        for index in range(cache.num)
    )


@command(NAME, topic="views")
def slab(box: Any, args: Any, io: Any) -> None:
    """a cache from the inside: its array cache, then its slabs, full, partial and empty

    slab dentry

    Objects in the array cache are free for the next caller on this CPU, but count as active in /proc/slabinfo.
    """
    cache = find_cache(box, args.name)
    info = box.slab.slabinfo(cache)
    waiting = cache.entry + (cache.shared_entry or [])
    used = info.active_objs - len(waiting)
    say(io, f"{cache.name}: objects of {cache.size} bytes, {cache.num} in a slab of {human(4096 << cache.gfporder)}")
    free = info.num_objs - info.active_objs
    say(io, f"{plural(used, 'object')} in use, {len(waiting)} waiting in arrays, {free} free")
    upcoming = " ".join(f"{addr:x}" for addr in reversed(cache.entry[-3:]))
    say(io, f"this CPU's array cache: {len(cache.entry)} of {cache.limit}{', next ' + upcoming if upcoming else ''}")
    if cache.shared_entry is not None:
        say(io, f"shared array: {len(cache.shared_entry)} of {cache.shared * cache.batchcount}")
    say(io, f"{IN_USE} in use  {WAITING} waiting in an array  {FREE} free in its slab")
    lists = (("full", cache.slabs_full), ("partial", cache.slabs_partial), ("empty", cache.slabs_free))
    room = DRAWN
    for name, slabs in lists:
        say(io, f"slabs_{'free' if name == 'empty' else name}: {plural(len(slabs), 'slab')}")
        shown = list(slabs.values())[:room]
        room -= len(shown)
        for item in shown:
            _draw(io, item, set(waiting))
        if len(shown) < len(slabs):
            say(io, f"  and {len(slabs) - len(shown)} more")
    over = f"above {plural(cache.free_limit, 'free object')} empty slabs go back to the buddy system"
    say(io, f"{over}")


def _draw(io: Any, item: Any, waiting: set[int]) -> None:
    """One slab: its address, then its objects in as many lines as they need."""
    text = marks(item, waiting)
    width = max(8, io.width - 14)
    for start in range(0, len(text), width):
        head = f"{item.s_mem:#x}" if not start else ""
        say(io, f"  {head:<12}{text[start : start + width]}")
