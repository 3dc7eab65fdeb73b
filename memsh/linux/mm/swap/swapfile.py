"""Swap areas and their slots: which are free, who refers to each (mm/swapfile.c).

Whoever refers to a slot holds its swap entry (include/swapops). `swap_map` has a byte for each slot: how many refer to
it, and 0x40 if the swap cache holds it. Slots are given out for this CPU in batches of 64 (mm/swap_slots.c).

Counters: SwapTotal, SwapFree, /proc/swaps.

Known deviations: every device is a rotating one, as the recorded machine's, so there are no clusters per CPU and no
discard; a slot with more than 62 references keeps the rest in a dict instead of a further page of counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import PG_DIRTY, PG_SWAPCACHE, PG_WRITEBACK
from memsh.linux.include.mm_types import Inode
from memsh.linux.include.swapops import SWP_OFFSET_MASK, SWP_TYPE_SHIFT, swp_type
from memsh.linux.mm.lru import put_frames
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.swap.swap_tree import SwapTree

if TYPE_CHECKING:
    from memsh.linux.box import Box

SWAP_HAS_CACHE, SWAP_MAP_MAX, SWAP_MAP_BAD, COUNT_CONTINUED, SWAP_MAP_SHMEM = 0x40, 0x3E, 0x3F, 0x80, 0xBF
SWAPFILE_CLUSTER = 256
LATENCY_LIMIT = 256
SWAP_BATCH = 64
MAX_SWAPFILES = 29  # 32, less two kinds of migration entries and one of poisoned pages
SPACE_SHIFT = 14  # slots of one tree of the swap cache
_FREE_CLUSTER = bytes(SWAPFILE_CLUSTER)


class SwapArea:
    """struct swap_info_struct. `max` and `pages` count slots, the header among the former; `data`: what the slots hold.

    `path` as in /proc/swaps; `kind` "partition" or "file". `trees` are the swap cache, one for each 2^14 slots.
    """

    __slots__ = (
        "addr", "cgroup_map", "cgroup_pages", "cluster_next", "cluster_nr", "continued", "data", "highest_bit", "inode",
        "inuse_pages", "kind",
        "lowest_bit", "map_addr", "max", "objects", "pages", "path", "priority", "swap_map", "trees", "type", "used",
        "writeok",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.type = number
        self.addr = 0  # of the object
        self.clear()

    def clear(self) -> None:
        """What an area is that nobody uses."""
        self.used = self.writeok = False
        self.path = self.kind = ""
        self.inode: Inode | None = None
        self.priority = 0
        self.max = self.pages = self.inuse_pages = 0
        self.lowest_bit = self.highest_bit = self.cluster_next = self.cluster_nr = 0
        self.swap_map = bytearray()
        self.map_addr = 0
        self.cgroup_map, self.cgroup_pages = 0, list[int]()  # where it is recorded which groups pay for slots
        self.objects: list[int] = []
        self.trees: list[SwapTree] = []
        self.data: dict[int, bytes] = {}
        self.continued: dict[int, int] = {}  # slot -> references beyond SWAP_MAP_MAX

    @property
    def size_kb(self) -> int:
        return self.pages * 4

    @property
    def used_kb(self) -> int:
        return self.inuse_pages * 4


class SlotsCache:
    """struct swap_slots_cache of one CPU: slots to give out, the next one last, and slots that came back."""

    __slots__ = ("returned", "slots")

    def __init__(self) -> None:
        self.slots: list[int] = []
        self.returned: list[int] = []


class SwapSlots:
    """Every area, and a slot's way out and back. `active` and `available`: areas by priority, equal ones in turn."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.info: list[SwapArea] = []
        self.active: list[SwapArea] = []
        self.available: list[SwapArea] = []
        self.nr_swap_pages = 0
        self.total_swap_pages = 0
        self.least_priority = -1
        self.cache = SlotsCache()
        self.cache_allocated = self.cache_enabled = self.cache_active = False
        self.cache_objects: list[int] = []
        self.reading: dict[int, int] = {}  # frame that is being read -> when it will be there

    # -- what others ask ---------------------------------------------------------------------------------------------

    @property
    def total_pages(self) -> int:
        """Slots of all areas, in pages; those of an area that is being switched off count while they are in use."""
        return self.total_swap_pages + self._leaving()

    @property
    def free_pages(self) -> int:
        return self.nr_swap_pages + self._leaving()

    def _leaving(self) -> int:
        return sum(area.inuse_pages for area in self.info if area.used and not area.writeok)

    def areas(self) -> list[SwapArea]:
        """The areas of /proc/swaps, in the order of their numbers."""
        return [area for area in self.info if area.used and area.max]

    def is_swapfile(self, inode: Inode) -> bool:
        """Whether the file or disk is in use for swapping: nobody may write to it or remove it (IS_SWAPFILE)."""
        return any(area.inode is inode for area in self.info)

    def full(self) -> bool:
        """Less than half of the swap space is free (vm_swap_full)."""
        return self.nr_swap_pages * 2 < self.total_swap_pages

    def area_of(self, entry: int) -> SwapArea | None:
        """The area that an entry lies in, None if there is none or the slot is beyond its end."""
        kind = entry >> SWP_TYPE_SHIFT
        if not entry or kind >= len(self.info):
            return None
        area = self.info[kind]
        return area if entry & SWP_OFFSET_MASK < area.max else None

    def swapcount(self, entry: int) -> int:
        """How many page-table entries, or places in shared memory, refer to a slot (swp_swapcount)."""
        area = self.area_of(entry)
        if area is None:
            return 0
        offset = entry & SWP_OFFSET_MASK
        count = area.swap_map[offset] & ~SWAP_HAS_CACHE
        if count == SWAP_MAP_SHMEM:
            return 1
        if count & COUNT_CONTINUED:
            return SWAP_MAP_MAX + area.continued[offset]
        return count

    def get_nr_swap_pages(self) -> int:
        """Slots that can be given out; those that wait for this CPU are not among them."""
        return self.nr_swap_pages

    # -- giving out --------------------------------------------------------------------------------------------------

    def get_swap_pages(self, goal: int) -> list[int]:
        """At most `goal` slots, marked SWAP_HAS_CACHE, from the area of the highest priority that has any."""
        goal = min(goal, SWAP_BATCH, self.nr_swap_pages)
        if goal <= 0:
            return []
        self.nr_swap_pages -= goal
        found: list[int] = []
        for area in self.available[:]:
            if area not in self.available:
                continue
            self._requeue(area)
            if not area.highest_bit or not area.writeok:
                self.available.remove(area)
                continue
            found = self.scan_swap_map_slots(area, SWAP_HAS_CACHE, goal)
            if found:
                break
        self.nr_swap_pages += goal - len(found)
        return found

    def _requeue(self, area: SwapArea) -> None:
        """To behind the others of its priority (plist_requeue)."""
        if len(self.available) > 1:
            self.available.remove(area)
            insert_by_priority(self.available, area)

    def scan_swap_map_slots(self, area: SwapArea, usage: int, goal: int) -> list[int]:
        """Up to `goal` free slots near each other; `usage` becomes their byte in the map."""
        swap_map = area.swap_map
        scan_base = offset = area.cluster_next
        ration = LATENCY_LIMIT
        if area.cluster_nr:
            area.cluster_nr -= 1
        else:
            area.cluster_nr = SWAPFILE_CLUSTER - 1
            if area.pages - area.inuse_pages >= SWAPFILE_CLUSTER:
                scan_base = offset = area.lowest_bit
                at = swap_map.find(_FREE_CLUSTER, offset, area.highest_bit + 1)
                if at >= 0:
                    steps = at + SWAPFILE_CLUSTER - 1 - offset
                    offset = area.cluster_next = at
                else:
                    steps = self._steps_without_cluster(area)
                ration -= steps % (LATENCY_LIMIT + 1)
        found: list[int] = []
        many = False
        base = area.type << SWP_TYPE_SHIFT
        while area.writeok and area.highest_bit:
            if offset > area.highest_bit:
                scan_base = offset = area.lowest_bit
            count = swap_map[offset]
            if count:
                if count == SWAP_HAS_CACHE and self.full():
                    if self.try_to_reclaim_swap(area, offset, anyway=True):
                        continue
                elif found:
                    break
                steps = offset
                offset = self._scan(area, offset, scan_base)
                if offset < 0:
                    return found
                many = many or abs(offset - steps) > ration
                continue
            run = min(goal - len(found), area.cluster_nr + 1, ration + 1, area.highest_bit - offset + 1) - 1
            if run > 1 and swap_map[offset : offset + run + 1] == bytes(run + 1):  # all but the last in one step
                swap_map[offset : offset + run] = bytes((usage,)) * run
                if offset == area.lowest_bit:
                    area.lowest_bit += run
                area.inuse_pages += run
                found.extend(range(base | offset, (base | offset) + run))
                offset += run
                ration -= run
                area.cluster_nr -= run
            swap_map[offset] = usage
            self._range_alloc(area, offset)
            found.append(base | offset)
            if len(found) == goal or offset >= area.highest_bit:
                break
            ration -= 1
            if ration < 0:
                break
            if area.cluster_nr:
                offset += 1
                if not swap_map[offset]:
                    area.cluster_nr -= 1
                    continue
            if many:
                break
            limit = scan_base if offset < scan_base else area.highest_bit
            at = swap_map.find(0, offset, min(limit + 1, offset + ration - 1))
            if at < 0:
                ration = 0
                break
            ration -= at - offset + 1
            offset = at
        else:
            return found
        area.cluster_next = offset + 1
        return found

    @staticmethod
    def _steps_without_cluster(area: SwapArea) -> int:
        """How many slots the search for an empty cluster looks at before it gives up."""
        low, high = area.lowest_bit, area.highest_bit
        if low + SWAPFILE_CLUSTER - 1 > high:
            return 0
        at = max(low, high - SWAPFILE_CLUSTER + 1)
        while at <= high and not area.swap_map[at]:
            at += 1
        return at - low + 1

    def _scan(self, area: SwapArea, offset: int, scan_base: int) -> int:
        """The next slot that may be used, behind `offset` or before `scan_base`; -1 if there is none."""
        swap_map = area.swap_map
        parts = ((offset + 1, area.highest_bit + 1), (area.lowest_bit, scan_base))
        full = self.full()
        for first, last in parts:
            at = swap_map.find(0, first, last)
            if full:
                cached = swap_map.find(SWAP_HAS_CACHE, first, at if at >= 0 else last)
                if cached >= 0:
                    return cached
            if at >= 0:
                return at
        return -1

    def _range_alloc(self, area: SwapArea, offset: int) -> None:
        if offset == area.lowest_bit:
            area.lowest_bit += 1
        if offset == area.highest_bit:
            area.highest_bit -= 1
        area.inuse_pages += 1
        if area.inuse_pages == area.pages:
            area.lowest_bit = area.max
            area.highest_bit = 0
            self.available.remove(area)

    # -- references --------------------------------------------------------------------------------------------------

    def duplicate(self, entry: int) -> None:
        """One page-table entry more refers to the slot."""
        area = self.info[entry >> SWP_TYPE_SHIFT]
        offset = entry & SWP_OFFSET_MASK
        count = area.swap_map[offset]
        if count & 0x3F < SWAP_MAP_MAX and not count & COUNT_CONTINUED:
            area.swap_map[offset] = count + 1
        else:
            area.swap_map[offset] = count | COUNT_CONTINUED
            area.continued[offset] = area.continued.get(offset, 0) + 1

    def swapcache_prepare(self, entry: int) -> bool:
        """Claim the slot for the swap cache; False if it is cached already or nobody refers to it."""
        area = self.area_of(entry)
        if area is None:
            return False
        offset = entry & SWP_OFFSET_MASK
        count = area.swap_map[offset]
        if not count or count & SWAP_HAS_CACHE or count == SWAP_MAP_BAD:
            return False
        area.swap_map[offset] = count | SWAP_HAS_CACHE
        return True

    def swap_shmem_alloc(self, entry: int) -> None:
        """The slot, which is in the swap cache, belongs to shared memory."""
        area = self.info[entry >> SWP_TYPE_SHIFT]
        area.swap_map[entry & SWP_OFFSET_MASK] = SWAP_MAP_SHMEM | SWAP_HAS_CACHE

    def free(self, entry: int) -> int:
        """One reference less; the slot's byte afterwards, 0 if it went back to be given out (swap_free)."""
        area = self.info[entry >> SWP_TYPE_SHIFT]
        offset = entry & SWP_OFFSET_MASK
        count = area.swap_map[offset]
        cached = count & SWAP_HAS_CACHE
        count &= ~SWAP_HAS_CACHE
        if count == SWAP_MAP_SHMEM:
            count = 0
        elif count & COUNT_CONTINUED:
            left = area.continued[offset] - 1
            if left:
                area.continued[offset] = left
            else:
                del area.continued[offset]
                count &= ~COUNT_CONTINUED
        else:
            count -= 1
        if count | cached:
            area.swap_map[offset] = count | cached
            return count | cached
        area.swap_map[offset] = SWAP_HAS_CACHE
        self.free_swap_slot(entry)
        return 0

    def put_swap_folio(self, entry: int) -> None:
        """The swap cache no longer holds the slot."""
        area = self.info[entry >> SWP_TYPE_SHIFT]
        offset = entry & SWP_OFFSET_MASK
        left = area.swap_map[offset] & ~SWAP_HAS_CACHE
        if left:
            area.swap_map[offset] = left
        else:
            self.free_swap_slot(entry)

    # -- this CPU's slots --------------------------------------------------------------------------------------------

    def folio_alloc_swap(self, pfn: int) -> int:
        """A slot for a page as an entry, 0 if there is none, or its group may have none (mm/swap_slots.c)."""
        entry = self._alloc_slot()
        if entry and not self.box.memcg.try_charge_swap(pfn, entry):
            self.put_swap_folio(entry)
            return 0
        return entry

    def _alloc_slot(self) -> int:
        cache = self.cache.slots
        if self._check_cache_active():
            if not cache:
                cache.extend(self.get_swap_pages(SWAP_BATCH))
                cache.reverse()
            if cache:
                return cache.pop()
        found = self.get_swap_pages(1)
        return found[0] if found else 0

    def alloc_entries(self, count: int) -> list[int]:
        """Slots as folio_alloc_swap() takes them, `count` times; fewer entries if there are no more."""
        found: list[int] = []
        least = self.box.config.cpus * 2 * SWAP_BATCH  # below it the slots that wait are given back
        while len(found) < count:
            slots = self.cache.slots
            if slots and self.cache_active and self.cache_enabled and self.nr_swap_pages >= least:
                n = min(count - len(found), len(slots))
                found += slots[: -n - 1 : -1]
                del slots[-n:]
                continue
            entry = self._alloc_slot()
            if not entry:
                break
            found.append(entry)
        return found

    def _check_cache_active(self) -> bool:
        if not self.cache_enabled:
            return False
        cpus = self.box.config.cpus
        if not self.cache_active:
            self.cache_active = self.nr_swap_pages > cpus * 5 * SWAP_BATCH
        elif self.nr_swap_pages < cpus * 2 * SWAP_BATCH:
            self.cache_active = False
            self.drain_slots_cache()
        return self.cache_active

    def drain_slots_cache(self) -> None:
        """Every slot that waits for this CPU goes back."""
        cache = self.cache
        slots, cache.slots = cache.slots, []
        slots.reverse()
        self.free_entries(slots)
        returned, cache.returned = cache.returned, []
        self.free_entries(returned)

    def free_swap_slot(self, entry: int) -> None:
        """A slot without references: it waits until 64 have come together."""
        if self.cache_active and self.cache_enabled:
            returned = self.cache.returned
            if len(returned) >= SWAP_BATCH:
                self.free_entries(returned)
                returned.clear()
            returned.append(entry)
        else:
            self.free_entries([entry])

    def free_entries(self, entries: list[int]) -> None:
        """Slots are free again, their contents and shadows forgotten (swapcache_free_entries, swap_range_free)."""
        if len(self.info) > 1:
            entries = sorted(entries, key=swp_type)
        for entry in entries:
            area = self.info[entry >> SWP_TYPE_SHIFT]
            offset = entry & SWP_OFFSET_MASK
            area.swap_map[offset] = 0
            if offset < area.lowest_bit:
                area.lowest_bit = offset
            if offset > area.highest_bit:
                full = not area.highest_bit
                area.highest_bit = offset
                if full and area.writeok:
                    insert_by_priority(self.available, area)
            area.inuse_pages -= 1
            area.data.pop(offset, None)
            area.trees[offset >> SPACE_SHIFT].put_value(offset, 0)
        if self.box.memcg.swap_records:
            self.box.memcg.uncharge_swap(entries)
        self.nr_swap_pages += len(entries)

    # -- slots of cached pages ---------------------------------------------------------------------------------------

    def delete_from_cache(self, pfn: int, shadow: int = 0) -> None:
        """Take a page out of the swap cache; its reference is now the caller's. `shadow` stays while the slot does."""
        memmap = self.box.memmap
        entry = memmap.private[pfn]
        offset = entry & SWP_OFFSET_MASK
        tree = self.info[entry >> SWP_TYPE_SHIFT].trees[offset >> SPACE_SHIFT]
        if shadow:
            tree.put_value(offset, shadow)
        else:
            tree.pop(offset)
        memmap.private[pfn] = 0
        memmap.flags[pfn] &= ~PG_SWAPCACHE
        vmstat = self.box.vmstat
        vmstat["nr_swapcached"] -= 1
        mod_node_page_state(self.box, "nr_file_pages", pfn, -1)
        self.put_swap_folio(entry)

    def free_folio(self, pfn: int) -> bool:
        """Give the slot of a cached page up if only the cache refers to it (folio_free_swap).

        The page is dirty then, and the cache's reference gone: the caller must hold another one.
        """
        memmap = self.box.memmap
        flags = memmap.flags[pfn]
        if not flags & PG_SWAPCACHE or flags & PG_WRITEBACK:
            return False
        entry = memmap.private[pfn]
        if self.info[entry >> SWP_TYPE_SHIFT].swap_map[entry & SWP_OFFSET_MASK] != SWAP_HAS_CACHE:
            return False
        self.delete_from_cache(pfn)
        memmap.flags[pfn] |= PG_DIRTY
        memmap.refcount[pfn] -= 1
        return True

    def free_swap_cache(self, pfns: list[int]) -> None:
        """Before references to these pages are dropped: those that nobody maps give their slots up."""
        memmap = self.box.memmap
        flags, mapcount = memmap.flags, memmap.mapcount
        for pfn in pfns:
            if flags[pfn] & PG_SWAPCACHE and not mapcount[pfn] and not self.is_locked(pfn):
                self.free_folio(pfn)

    def free_and_cache(self, entry: int) -> None:
        """free(), and a cached page that nobody maps goes as well (free_swap_and_cache)."""
        area = self.area_of(entry)
        if area is not None and self.free(entry) == SWAP_HAS_CACHE:
            self.try_to_reclaim_swap(area, entry & SWP_OFFSET_MASK, anyway=False)

    def try_to_reclaim_swap(self, area: SwapArea, offset: int, *, anyway: bool) -> bool:
        """Free the slot of a page that is in the swap cache, if nobody needs it there (__try_to_reclaim_swap)."""
        pfn = area.trees[offset >> SPACE_SHIFT].get(offset)
        if pfn is None or self.is_locked(pfn):
            return False
        memmap = self.box.memmap
        if not (anyway or not memmap.mapcount[pfn] or self.full() or self.box.memcg.swap_full(pfn)):
            return False
        memmap.refcount[pfn] += 1
        done = self.free_folio(pfn)
        put_frames(self.box, [pfn])
        return done

    def is_locked(self, pfn: int) -> bool:
        """Whether the disk is still reading the page."""
        if not self.reading:
            return False
        due = self.reading.get(pfn)
        if due is None:
            return False
        if due > self.box.timer.usec:
            return True
        now = self.box.timer.usec
        self.reading = {frame: due for frame, due in self.reading.items() if due > now}
        return False


def entry_runs(entries: list[int]) -> list[tuple[int, int]]:
    """Where stretches of slots that lie side by side start in the list, and their lengths."""
    runs: list[tuple[int, int]] = []
    at = 0
    while at < len(entries):
        first = entries[at]
        most = len(entries) - at
        if entries[at + most - 1] == first + most - 1:
            n = most
        else:
            n = 1
            while n < most and entries[at + n] == first + n:
                n += 1
        runs.append((at, n))
        at += n
    return runs


def insert_by_priority(areas: list[SwapArea], area: SwapArea) -> None:
    """Behind all of the same or a higher priority (plist_add)."""
    at = 0
    while at < len(areas) and areas[at].priority >= area.priority:
        at += 1
    areas.insert(at, area)
