"""SLUB in words and pictures: what commands tell about its caches.

The texts say where objects came from and went, found by comparing figures before and after: nothing here slows the
allocator. No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterable

from memsh.linux.mm.slab.api import Group, Picture
from memsh.linux.mm.slab.slub_sysfs import SlubSysfs
from memsh.linux.mm.slab.slub_types import KmemCacheCpu, Slab, SlubCache
from memsh.linux.mm.slab.words import FREE, IN_USE, WAITING, objects, slabs


def left(cpu: KmemCacheCpu) -> int:
    """Objects on a CPU's own list."""
    return len(set(cpu.slab.chain(cpu.freelist))) if cpu.slab is not None else 0


class Slubs(SlubSysfs):
    """`box.slab` of a machine with SLUB."""

    percpu = "CPU slab"

    def standing(self, cache: SlubCache) -> tuple[int, ...]:
        """Objects on the CPU's list, on its slab's other list, its partial slabs, those of nodes, all slabs."""
        cpu = cache.cpu
        other = len(cpu.slab.chain(cpu.slab.freelist)) if cpu.slab is not None else 0
        partial = cpu.partial.slabs if cpu.partial is not None else 0
        nodes = sum(len(n.partial) for n in cache.node)
        return left(cpu), other, partial, nodes, sum(n.nr_slabs for n in cache.node)

    def taken(self, cache: SlubCache, before: tuple[int, ...]) -> str:
        mine, other, partial, _, all_slabs = before
        cpu = cache.cpu
        if sum(n.nr_slabs for n in cache.node) > all_slabs:
            return f"new slab of {objects(cache.num)}" + ("" if self.plain else f", {left(cpu)} left on the CPU's list")
        if self.plain:
            return "from the node's first partial slab"
        if mine:
            return f"from the CPU's slab ({left(cpu)} left on its list)"
        if other:
            return f"the CPU's list was empty: it took over what others freed of its slab ({left(cpu)} left)"
        if partial:
            return f"the CPU's slab was full: one of its partial slabs took its place ({left(cpu)} left)"
        moved = cpu.partial.slabs if cpu.partial is not None else 0
        also = f", {moved} more went to the CPU's partial list" if moved else ""
        return f"the CPU had none: the node's first partial slab became its slab ({left(cpu)} left){also}"

    def taken_back_by(self, cache: SlubCache, owner: SlubCache) -> SlubCache:
        return owner

    def given(self, cache: SlubCache, before: tuple[int, ...]) -> str:
        mine, _, partial, _, all_slabs = before
        cpu = cache.cpu
        gone = all_slabs - sum(n.nr_slabs for n in cache.node)
        ended = f"; {slabs(gone)} went back to the buddy system" if gone else ""
        now = cpu.partial.slabs if cpu.partial is not None else 0
        if left(cpu) > mine:
            return f"to the list of the CPU's slab of {cache.name} ({left(cpu)} on it){ended}"
        if now > partial:
            return f"its slab of {cache.name} was full: now it is on the CPU's partial list ({slabs(now)}){ended}"
        if now < partial:
            return (f"its slab of {cache.name} was full: now it is on the CPU's partial list, "
                    f"whose {slabs(partial)} moved on to the node{ended}")  # fmt: skip
        return f"to its slab of {cache.name}{ended}"

    def will_take(self, cache: SlubCache) -> str:
        cpu = cache.cpu
        if self.plain:
            return "an object is taken from the node's first partial slab, or from a new one"
        if cpu.slab is not None and cpu.freelist >= 0:
            return f"{objects(left(cpu))} on the list of this CPU's slab, the first one is taken"
        if cpu.slab is not None and cpu.slab.freelist >= 0:
            return "this CPU's list is empty: it takes over what others freed of its slab"
        if cpu.partial is not None:
            return "this CPU's slab is full: its first partial slab takes its place"
        if any(n.partial for n in cache.node):
            return "this CPU has no free object: the node's partial slabs are asked"
        return "neither this CPU nor the node has a free object: a new slab"

    def will_give(self, cache: SlubCache, addr: int) -> str:
        slab = self.slab_of.get((addr - self.page_offset) >> 12)
        if slab is None or self.plain:
            return "the object goes back to its slab"
        cpu = cache.cpu
        if slab is cpu.slab:
            return f"it is of this CPU's slab: it goes to the front of the CPU's list ({left(cpu) + 1} on it)"
        if slab.frozen:
            return "a CPU holds its slab: it goes to the slab's own list"
        if slab.freelist < 0:
            return "its slab was full and on no list: now it is one of this CPU's partial slabs"
        return "it goes to the list of its slab, which stays on the node's partial list"

    def keeps(self, cache: SlubCache) -> str:
        return f"{slabs(cache.min_partial)} may stay on a node's list though empty"

    def shape(self, cache: SlubCache) -> str:
        inside = cache.offset < cache.inuse
        where = f"at byte {cache.offset}" if inside else "behind the object"
        return f"free pointer {where}; cpu_partial {slabs(cache.cpu_partial_slabs)}, min_partial {cache.min_partial}"

    def lists(self, cache: SlubCache) -> dict[str, int]:
        partial = sum(len(n.partial) for n in cache.node)
        of_cpus = sum(cpu.partial.slabs for cpu in cache.cpu_slab if cpu.partial is not None)
        held = sum(cpu.slab is not None for cpu in cache.cpu_slab)
        total = sum(n.nr_slabs for n in cache.node)
        return {"cpu": held, "cpu_partial": of_cpus, "partial": partial, "full": total - partial - of_cpus - held,
                "waiting": left(cache.cpu)}  # fmt: skip

    def picture(self, cache: SlubCache) -> Picture:
        info, lists = self.slabinfo(cache), self.lists(cache)
        waiting = sum(left(cpu) for cpu in cache.cpu_slab)
        away = sum(slab.objects - slab.inuse for cpu in cache.cpu_slab
                   for slab in (*cpu.partials(), *([cpu.slab] if cpu.slab is not None else [])))  # fmt: skip
        free = info.num_objs - info.active_objs
        head = [
            f"{objects(info.active_objs - waiting - away)} in use, {waiting} on CPUs' lists, "
            f"{away + free} free in their slabs",
            f"{IN_USE} in use  {WAITING} on a CPU's own list  {FREE} free in its slab",
        ]
        groups: list[Group] = []
        for number, cpu in enumerate(cache.cpu_slab):
            if cpu.slab is None and cpu.partial is None and len(cache.cpu_slab) > 1:
                continue
            upcoming = cpu.slab.chain(cpu.freelist)[:3] if cpu.slab is not None else []
            addrs = " ".join(f"{cpu.slab.addr + at * cache.size:x}" for at in upcoming) if cpu.slab is not None else ""
            own = [cpu.slab] if cpu.slab is not None else []
            groups.append(Group(f"cpu {number}{', next ' + addrs if addrs else ''}", len(own), self._drawn(own, cpu)))
            partials = cpu.partials()
            groups.append(Group(f"cpu {number} partial, at most {cache.cpu_partial_slabs}", len(partials),
                                self._drawn(partials, None)))  # fmt: skip
        for nid, n in enumerate(cache.node):
            groups.append(Group(f"node {nid} partial", len(n.partial), self._drawn(n.partial.values(), None)))
        full = lists["full"]
        foot = f"on no list: {slabs(full)}, full; a node keeps up to {slabs(cache.min_partial)} that are empty"
        return Picture(head, groups, foot)

    def _drawn(self, found: Iterable[Slab], cpu: KmemCacheCpu | None) -> Iterable[tuple[int, str]]:
        """One mark an object of a slab: in use, on its CPU's own list, or free in the slab."""
        for slab in found:
            marks = [IN_USE] * slab.objects
            for at in slab.chain(slab.freelist):
                marks[at] = FREE
            for at in slab.chain(cpu.freelist) if cpu is not None else ():
                marks[at] = WAITING
            yield slab.addr, "".join(marks)
