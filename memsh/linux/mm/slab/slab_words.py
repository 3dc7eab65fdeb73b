"""SLAB in words and pictures: what commands tell about its caches.

The texts say where objects came from and went, found by comparing figures before and after: nothing here slows the
allocator. No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterable

from memsh.linux.mm.slab.api import Group, Picture
from memsh.linux.mm.slab.slab import Slab, SlabCache
from memsh.linux.mm.slab.slab_caches import SlabCaches
from memsh.linux.mm.slab.slab_geometry import CFLGS_OBJFREELIST_SLAB
from memsh.linux.mm.slab.words import FREE, IN_USE, WAITING, objects


class Slabs(SlabCaches):
    """`box.slab` of a machine with SLAB."""

    percpu = "array cache"

    def standing(self, cache: SlabCache) -> tuple[int, ...]:
        """Objects in the array, slabs, empty slabs, objects in the shared array."""
        return len(cache.entry), cache.total_slabs, len(cache.slabs_free), len(cache.shared_entry or ())

    def taken(self, cache: SlabCache, before: tuple[int, ...]) -> str:
        waiting, slabs, free_slabs, shared = before
        if cache.total_slabs > slabs:
            rest = len(cache.entry)
            left = f"{cache.num - 1} free in it" if self.plain else f"{rest} wait in this CPU's array cache"
            return f"new slab of {objects(cache.num)}, {left}"
        if waiting:
            return f"from the array cache ({len(cache.entry)} left)"
        if len(cache.shared_entry or ()) < shared:
            return f"array cache refilled from the shared array ({len(cache.entry)} wait in it)"
        kind = "an empty slab" if len(cache.slabs_free) < free_slabs else "a partial slab"
        return f"from {kind}" if self.plain else f"array cache refilled from {kind} ({len(cache.entry)} wait in it)"

    def given(self, cache: SlabCache, before: tuple[int, ...]) -> str:
        waiting, slabs, *_ = before
        gone = slabs - cache.total_slabs
        ended = f", {gone} empty slab{'' if gone == 1 else 's'} went back to the buddy system" if gone else ""
        if len(cache.entry) > waiting:
            return f"to this CPU's array cache of {cache.name} ({len(cache.entry)} of {cache.limit} in it){ended}"
        if len(cache.entry) == waiting:
            return f"back into its slab of {cache.name}{ended}"
        moved = waiting + 1 - len(cache.entry)
        return f"array cache of {cache.name} was full: {moved} of its objects went back to their slabs{ended}"

    def will_take(self, cache: SlabCache) -> str:
        if cache.entry:
            free = "1 free object waits" if len(cache.entry) == 1 else f"{len(cache.entry)} free objects wait"
            return f"{free} in this CPU's array cache, the last one is taken"
        if self.plain:
            return "an object is taken from a slab that has room"
        return "this CPU's array cache is empty: a batch comes from the slabs that have room"

    def will_give(self, cache: SlabCache, addr: int) -> str:
        if self.plain:
            return "the object goes back to its slab"
        if len(cache.entry) < cache.limit:
            return (f"the object goes to this CPU's array cache ({len(cache.entry) + 1} of {cache.limit}); "
                    "its slab still counts it as used")  # fmt: skip
        return ""

    def keeps(self, cache: SlabCache) -> str:
        return f"{cache.free_limit} free objects are kept"

    def shape(self, cache: SlabCache) -> str:
        inside = cache.flags & CFLGS_OBJFREELIST_SLAB
        where = "off the slab" if cache.off_slab else "in a free object" if inside else "at the slab's end"
        return f"free list {where}; array cache {cache.limit}, batch {cache.batchcount}"

    def lists(self, cache: SlabCache) -> dict[str, int]:
        return {"full": len(cache.slabs_full), "partial": len(cache.slabs_partial), "empty": len(cache.slabs_free),
                "waiting": len(cache.entry)}  # fmt: skip

    def picture(self, cache: SlabCache) -> Picture:
        info = self.slabinfo(cache)
        waiting = [addr for entry in (*cache.entries, cache.shared_entry or ()) for addr in entry]
        free = info.num_objs - info.active_objs
        upcoming = " ".join(f"{addr:x}" for addr in reversed(cache.entry[-3:]))
        head = [
            f"{objects(info.active_objs - len(waiting))} in use, {len(waiting)} waiting in arrays, {free} free",
            f"this CPU's array cache: {len(cache.entry)} of {cache.limit}{', next ' + upcoming if upcoming else ''}",
        ]
        head += [f"CPU {cpu}'s array cache: {len(entry)} of {cache.limit}"
                 for cpu, entry in enumerate(cache.entries) if entry and entry is not cache.entry]  # fmt: skip
        if cache.shared_entry is not None:
            head.append(f"shared array: {len(cache.shared_entry)} of {cache.shared * cache.batchcount}")
        head.append(f"{IN_USE} in use  {WAITING} waiting in an array  {FREE} free in its slab")
        out = set(waiting)
        groups = [
            Group(f"slabs_{name}", len(slabs), self._drawn(slabs.values(), out))
            for name, slabs in
            (("full", cache.slabs_full), ("partial", cache.slabs_partial), ("free", cache.slabs_free))
        ]  # fmt: skip
        return Picture(head, groups, f"above {cache.free_limit} free objects empty slabs go back to the buddy system")

    def _drawn(self, slabs: Iterable[Slab], waiting: set[int]) -> Iterable[tuple[int, str]]:
        """One mark an object of a slab: in use, waiting in an array, or free in the slab."""
        for slab in slabs:
            free, size = set(slab.free_indexes()), slab.cache.size
            yield slab.s_mem, "".join(
                FREE if index in free else WAITING if slab.s_mem + index * size in waiting else IN_USE
                for index in range(slab.cache.num)
            )
