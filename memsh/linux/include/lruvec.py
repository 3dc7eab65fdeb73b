"""The LRU lists of a node, or of a memory cgroup on a node (struct lruvec in include/linux/mmzone.h).

Five lists: inactive and active, anonymous and file, and the unevictable. A list is linked through the columns
`lru_next` (towards its tail) and `lru_prev` (towards its head) of the memory map; 0 ends it.

A machine without memory cgroups has one lruvec a node, `node.lruvecs[0]` (pgdat->__lruvec, mem_cgroup_lruvec of the
root). A cgroup brings one more for each node, under its number: `node.lruvecs[number] = LruVec(nid, zones, number,
parent)`, where `parent` is that of the group above it on the same node. Which group a frame is charged to stands in
`memmap.memcg[pfn]` (0: none, or the root), so that `zone.lruvecs[memmap.memcg[pfn]]` is the frame's:
lru.folio_lruvec(). The number is written when a page is charged, before it goes on a list, and erased after it has left
it. A group that is removed keeps its lruvec until no page is charged to it any more; then `del
node.lruvecs[number]`.

Known deviations: no lock; the multi-generational LRU is left out, as Debian's kernel leaves it off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.linux.lib.columns import count_run, is_count, linked

if TYPE_CHECKING:
    from memsh.linux.include.memmap import MemMap

LISTS = ("inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable")
ANON, FILE = 0, 1


class LruVec:
    """Heads and tails of the lists, their sizes, and what reclaim remembers of them.

    `sizes[name][zone index]` counts this lruvec's own pages (mem_cgroup_per_node.lru_zone_size); `pages[name]` those of
    the groups below, too. `anon_cost` and `file_cost` weigh the lists against each other; `nonresident_age` counts
    evictions and activations; `activated` are its workingset_activate_anon and _file, `refaults` the same at the end of
    the last reclaim: these five count what happens in the groups below, too (`levels`). `congested` is
    LRUVEC_CONGESTED.
    """

    __slots__ = (
        "activated", "anon_cost", "congested", "file_cost", "heads", "memcg", "nid", "nonresident_age",
        "pages", "parent", "refaults", "sizes", "tails",
    )  # fmt: skip

    def __init__(self, nid: int, nr_zones: int, memcg: int = 0, parent: LruVec | None = None) -> None:
        self.nid = nid
        self.memcg = memcg
        self.parent = parent
        self.heads = dict.fromkeys(LISTS, 0)
        self.tails = dict.fromkeys(LISTS, 0)
        self.pages = dict.fromkeys(LISTS, 0)
        self.sizes: dict[str, list[int]] = {name: [0] * nr_zones for name in LISTS}
        self.anon_cost = self.file_cost = 0
        self.nonresident_age = 0
        self.activated = [0, 0]
        self.refaults = [0, 0]
        self.congested = False

    def levels(self) -> Iterator[LruVec]:
        """This one and those of the groups above (parent_lruvec)."""
        lruvec: LruVec | None = self
        while lruvec is not None:
            yield lruvec
            lruvec = lruvec.parent

    def lru_size(self, name: str, highest: int) -> int:
        """Pages of its own on a list, in the zones up to index `highest` (lruvec_lru_size)."""
        return sum(self.sizes[name][: highest + 1])

    def page_state(self, name: str) -> int:
        """Pages on a list, those of the groups below included (lruvec_page_state of NR_LRU_BASE + lru)."""
        return self.pages[name]

    def add_size(self, name: str, zone: int, count: int) -> None:
        """`count` pages more, or fewer, of the zone with this index are on a list (update_lru_size)."""
        self.sizes[name][zone] += count
        self.pages[name] += count
        above = self.parent
        while above is not None:
            above.pages[name] += count
            above = above.parent

    def link(self, memmap: MemMap, name: str, pfn: int, count: int = 1, step: int = 1) -> None:
        """Put `count` frames pfn, pfn + step, … at the head, one after the other; `step` is 1 or -1."""
        nexts, prevs = memmap.lru_next, memmap.lru_prev
        old = self.heads[name]
        last = pfn + (count - 1) * step
        if count > 1:
            low = pfn if step > 0 else last
            count_run(nexts, low, low - step, count)
            count_run(prevs, low, low + step, count)
        nexts[pfn] = old
        prevs[last] = 0
        if old:
            prevs[old] = pfn
        else:
            self.tails[name] = pfn
        self.heads[name] = last

    def link_each(self, memmap: MemMap, name: str, pfns: list[int]) -> None:
        """Put frames that lie anywhere at the head, one after the other."""
        nexts, prevs = memmap.lru_next, memmap.lru_prev
        old = self.heads[name]
        if not old:
            self.tails[name] = pfns[0]
        for pfn in pfns:
            nexts[pfn] = old
            if old:
                prevs[old] = pfn
            old = pfn
        prevs[old] = 0
        self.heads[name] = old

    def link_tail(self, memmap: MemMap, name: str, pfn: int, count: int = 1, step: int = 1) -> None:
        """Put frames pfn, pfn + step, … at the tail, one after the other: the last is the next to be looked at."""
        old = self.tails[name]
        last = pfn + (count - 1) * step
        if count > 1:
            low = pfn if step > 0 else last
            count_run(memmap.lru_next, low, low + step, count)
            count_run(memmap.lru_prev, low, low - step, count)
        memmap.lru_next[last] = 0
        memmap.lru_prev[pfn] = old
        if old:
            memmap.lru_next[old] = pfn
        else:
            self.heads[name] = pfn
        self.tails[name] = last

    def to_tail(self, memmap: MemMap, name: str, pfns: range) -> None:
        """Move frames of list `name` to its tail, one after the other."""
        nexts, prevs = memmap.lru_next, memmap.lru_prev
        tail = self.tails[name]
        for pfn in pfns:
            if pfn == tail:
                continue
            older, newer = nexts[pfn], prevs[pfn]
            if newer:
                nexts[newer] = older
            else:
                self.heads[name] = older
            prevs[older] = newer  # there is one: this is not the tail
            nexts[tail], nexts[pfn], prevs[pfn] = pfn, 0, tail
            tail = pfn
        self.tails[name] = tail

    def unlink(self, memmap: MemMap, name: str, pfn: int, count: int = 1) -> None:
        """Take `count` frames from `pfn` on, all of list `name`, off it."""
        nexts, prevs = memmap.lru_next, memmap.lru_prev
        if count > 1:
            if is_count(nexts, pfn + 1, pfn, count - 1):  # linked one after the other, as link() leaves them
                newer, older = prevs[pfn + count - 1], nexts[pfn]
            elif is_count(nexts, pfn, pfn + 1, count - 1):  # the other way round
                newer, older = prevs[pfn], nexts[pfn + count - 1]
            else:
                for frame in range(pfn, pfn + count):
                    self.unlink(memmap, name, frame)
                return
        else:
            newer, older = prevs[pfn], nexts[pfn]
        if newer:
            nexts[newer] = older
        else:
            self.heads[name] = older
        if older:
            prevs[older] = newer
        else:
            self.tails[name] = newer

    def stretches(self, memmap: MemMap, name: str) -> Iterator[tuple[int, int, int]]:
        """A list from its tail as frames that follow each other: (first, how many, 1 or -1)."""
        prevs, most = memmap.lru_prev, 512
        pfn = self.tails[name]
        while pfn:
            step = prevs[pfn] - pfn
            count = 1
            if step == 1 or step == -1:
                count = linked(prevs, pfn, step, min(most, memmap.frames - pfn if step > 0 else pfn))
            yield pfn, count, step if count > 1 else 1
            pfn = prevs[pfn + (count - 1) * step] if count > 1 else prevs[pfn]
