"""Generations of pages: what is chosen, and what `aging` and `eviction` do to them (mm/vmscan.c: lru_gen_*).

**Known deviations:** no page is in a generation, whatever `enabled` says: pages stay on their active and inactive
lists, and reclaim looks at those. So no working set is protected by `min_ttl_ms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError

if TYPE_CHECKING:
    from memsh.linux.box import Box

MIN_GENS, MAX_GENS = 2, 4
CAPS = 7  # LRU_GEN_CORE, _MM_WALK, _NONLEAF_YOUNG: this processor can do what each needs
ANON, FILE = 0, 1


class LruGenStruct:
    """Of one group on one node; `born`: when each of the last generations began (ticks)."""

    __slots__ = ("born", "max_seq", "min_seq")

    def __init__(self, tick: int) -> None:
        self.max_seq = MIN_GENS + 1
        self.min_seq = [0, 0]
        self.born = [tick] * MAX_GENS

    def inc_max_seq(self, tick: int) -> None:
        """A youngest generation; the oldest ones make room."""
        for kind in (FILE, ANON):
            if self.max_seq - self.min_seq[kind] + 1 == MAX_GENS:
                self.min_seq[kind] += 1
        self.max_seq += 1
        self.born[self.max_seq % MAX_GENS] = tick

    def try_to_inc_min_seq(self, swap: bool) -> None:
        """Generations without pages are no oldest ones."""
        least = list(self.min_seq)
        for kind in range(0 if swap else FILE, FILE + 1):
            least[kind] = max(least[kind], self.max_seq - MIN_GENS + 1)
        self.min_seq = least


class LruGen:
    """`box.lru_gen`: `caps` is what `enabled` shows, `min_ttl` in ticks."""

    def __init__(self) -> None:
        self.caps = 0
        self.min_ttl = 0
        self.known: dict[tuple[int, int], LruGenStruct] = {}

    def of(self, memcg: int, nid: int, born: int) -> LruGenStruct:
        """That of a group on a node, made when the group was, at tick `born`."""
        found = self.known.get((memcg, nid))
        return found if found is not None else LruGenStruct(born)


def run_aging(gen: LruGenStruct, seq: int, swap: bool, force: bool, tick: int) -> None:
    """Begin a new generation, if `seq` is the youngest. EINVAL for one to come, ERANGE where there are enough."""
    if seq > gen.max_seq:
        raise KernelError("EINVAL", "no such generation")
    if seq < gen.max_seq:
        return
    if not force and gen.min_seq[0 if swap else FILE] + MAX_GENS - 1 <= gen.max_seq:
        raise KernelError("ERANGE")
    gen.inc_max_seq(tick)


def run_eviction(gen: LruGenStruct, seq: int, swappiness: int, wanted: int) -> None:
    """Evict the generations up to `seq`. EINVAL for the youngest two."""
    if seq + MIN_GENS > gen.max_seq:
        raise KernelError("EINVAL", "the youngest generations stay")
    if seq >= gen.min_seq[0 if swappiness else FILE] and wanted:
        gen.try_to_inc_min_seq(swappiness > 0)


def get_swappiness(box: Box) -> int:
    """0 where there is no swap worth the name."""
    if box.swap.nr_swap_pages < 64:  # MIN_LRU_BATCH
        return 0
    return int(box.sysctl.values["vm.swappiness"])
