"""Swap: areas, the swap cache, writing pages out (mm/swapfile.c, mm/swap_state.c, mm/page_io.c).

`box.swap` owns the areas. A page on its way out gets a slot and joins the swap cache; page tables then hold the slot's
entry. It stays in the cache until it was written and reclaimed, or until everybody has it back.

Counters: pswpin, pswpout, nr_swapcached, nr_writeback, swap_ra, swap_ra_hit, nr_written.

Known deviations: the swap cache's tree takes no nodes from the slab; zswap and discard do not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.kernel.columns import is_run, set_run, stepped_runs
from memsh.kernel.errno import KernelError
from memsh.kernel.lru import put_frames, rotate_reclaimable, rotate_run, zone_count
from memsh.kernel.memmap import (
    PG_DIRTY,
    PG_RECLAIM,
    PG_SWAPCACHE,
    PG_UPTODATE,
    PG_WRITEBACK,
)
from memsh.kernel.swapfile import MAX_SWAPFILES, OFFSET_SHIFT, SWAP_HAS_CACHE, SwapInfo

if TYPE_CHECKING:
    from memsh.kernel.box import Box

PLUG = 32  # pages of one request: BLK_PLUG_FLUSH_SIZE


class Swap:
    """`box.swap`. `total_pages` and `free_pages` of all areas together."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.info: dict[int, SwapInfo] = {}  # by type
        self.total_pages = 0
        self.free_pages = 0
        self.least_priority = -1
        self.plug: list[int] = []  # frames whose write waits to be submitted
        self.plug_offset = -2
        self.plug_type = -1

    # -- areas ------------------------------------------------------------------------------------------------------

    def areas(self) -> list[SwapInfo]:
        """In the order of /proc/swaps: as they were switched on."""
        return [self.info[number] for number in sorted(self.info)]

    def by_priority(self) -> list[SwapInfo]:
        return sorted(self.info.values(), key=lambda area: (-area.priority, area.number))

    def swapon(self, path: str, kind: str, slots: int, priority: int | None = None) -> SwapInfo:
        """Switch on an area of `slots` pages, header included. EBUSY if it is on, EPERM if there are too many."""
        if any(area.path == path for area in self.info.values()):
            raise KernelError("EBUSY", f"{path} is in use")
        number = next((n for n in range(MAX_SWAPFILES) if n not in self.info), -1)
        if number < 0:
            raise KernelError("EPERM")
        if slots < 2:
            raise KernelError("EINVAL", "the area is empty")
        if priority is None:
            self.least_priority -= 1
            priority = self.least_priority
        area = self.info[number] = SwapInfo(number, path, kind, slots, priority)
        self.total_pages += area.pages
        self.free_pages += area.pages
        text = f"Adding {area.size_kb}k swap on {path}.  Priority:{priority} extents:1 across:{area.size_kb}k "
        self.box.log.printk(text, 6)
        return area

    def forget(self, area: SwapInfo) -> None:
        """The last step of swapoff: nothing refers to the area any more."""
        del self.info[area.number]
        self.total_pages -= area.pages
        if area.writeok:
            self.free_pages -= area.pages - area.inuse

    def get_nr_swap_pages(self) -> int:
        return self.free_pages

    def full(self) -> bool:
        """Less than half is free: what was read back gives its slot up at once (vm_swap_full)."""
        return self.free_pages * 2 < self.total_pages

    # -- entries ----------------------------------------------------------------------------------------------------

    def area_of(self, entry: int) -> tuple[SwapInfo, int]:
        """(area, slot) of an entry. EFAULT for one that names no area."""
        area = self.info.get(entry >> 1 & 31)
        if area is None:
            raise KernelError("EFAULT", "an entry of a swap area that is not there")
        return area, entry >> OFFSET_SHIFT

    def duplicate(self, entry: int) -> None:
        """One more page-table entry (or place in shared memory) refers to the slot."""
        area, offset = self.area_of(entry)
        area.get(offset)

    def swapcount(self, entry: int) -> int:
        area, offset = self.area_of(entry)
        return area.count(offset)

    def cached(self, entry: int) -> int:
        """The frame that the swap cache holds for the slot; 0 if none."""
        area, offset = self.area_of(entry)
        return area.cache[offset]

    def free(self, entry: int) -> None:
        """One reference less; the last one frees the slot (swap_free)."""
        area, offset = self.area_of(entry)
        if not area.put(offset) and area.writeok:
            self.free_pages += 1

    def free_and_cache(self, entry: int) -> None:
        """free(), and a cached page that nobody maps or writes goes as well (free_swap_and_cache)."""
        area, offset = self.area_of(entry)
        pfn = area.cache[offset]
        self.free(entry)
        if pfn and area.map[offset] == SWAP_HAS_CACHE:
            memmap = self.box.memmap
            if not memmap.mapcount[pfn] and not memmap.flags[pfn] & PG_WRITEBACK:
                self.free_folio(pfn)

    # -- the swap cache ---------------------------------------------------------------------------------------------

    def add_to_swap(self, pfn: int) -> bool:
        """Give a page a slot and put it into the swap cache, dirty; False if there is no slot."""
        area = offset = None
        for candidate in self.by_priority() if len(self.info) > 1 else self.info.values():
            offset = candidate.alloc_slot()
            if offset:
                area = candidate
                break
        if area is None or not offset:
            return False
        self.free_pages -= 1
        self.add_to_cache(area, offset, pfn)
        self.box.memmap.flags[pfn] |= PG_DIRTY
        return True

    def add_to_cache(self, area: SwapInfo, offset: int, pfn: int) -> None:
        memmap = self.box.memmap
        area.cache[offset] = pfn
        memmap.private[pfn] = offset << OFFSET_SHIFT | area.number << 1
        memmap.flags[pfn] |= PG_SWAPCACHE
        memmap.refcount[pfn] += 1
        self.box.vmstat["nr_swapcached"] += 1
        self.box.vmstat["nr_file_pages"] += 1

    def delete_from_cache(self, pfn: int, shadow: int = 0) -> None:
        """Take a page out of the swap cache; its reference is now the caller's. `shadow` stays if the slot does."""
        memmap = self.box.memmap
        entry = memmap.private[pfn]
        area, offset = self.area_of(entry)
        if not area.map[offset] & ~SWAP_HAS_CACHE:
            if area.writeok:
                self.free_pages += 1
        else:
            area.shadows[offset] = shadow & 0xFFFFFFFF
        area.drop_cache(offset)
        memmap.private[pfn] = 0
        memmap.flags[pfn] &= ~PG_SWAPCACHE
        self.box.vmstat["nr_swapcached"] -= 1
        self.box.vmstat["nr_file_pages"] -= 1

    def free_folio(self, pfn: int) -> bool:
        """Give the slot of a cached page up if only the cache refers to it (folio_free_swap)."""
        memmap = self.box.memmap
        flags = memmap.flags[pfn]
        if not flags & PG_SWAPCACHE or flags & PG_WRITEBACK or self.swapcount(memmap.private[pfn]):
            return False
        self.delete_from_cache(pfn)
        memmap.flags[pfn] |= PG_DIRTY
        put_frames(self.box, [pfn])
        return True

    def replace_in_cache(self, src: int, dst: int) -> None:
        """A page was migrated."""
        memmap = self.box.memmap
        entry = memmap.private[src]
        area, offset = self.area_of(entry)
        area.cache[offset] = dst
        memmap.private[dst], memmap.private[src] = entry, 0

    # -- writing out ------------------------------------------------------------------------------------------------

    def writepage(self, pfn: int) -> bool | None:
        """Start writing a page: True if it is under way, False if it needs no writing, None if it cannot be written.

        A page of shared memory is given a slot first (swap_writepage, shmem_writepage).
        """
        box = self.box
        memmap = box.memmap
        if not memmap.flags[pfn] & PG_SWAPCACHE:
            from memsh.kernel.shmem_swap import shmem_writepage

            if not shmem_writepage(box, pfn):
                return None
        entry = memmap.private[pfn]
        area, offset = self.area_of(entry)
        if not memmap.mapcount[pfn] and not area.map[offset] & ~SWAP_HAS_CACHE:
            return not self.free_folio(pfn)
        page = memmap.data.get(pfn)
        if page is not None and any(page):
            area.contents[offset] = bytes(page)
        else:
            area.contents.pop(offset, None)
        memmap.flags[pfn] |= PG_WRITEBACK
        if self.plug and (len(self.plug) >= PLUG or offset != self.plug_offset + 1 or area.number != self.plug_type):
            self.submit_plugged()
        self.plug.append(pfn)
        self.plug_offset, self.plug_type = offset, area.number
        box.vmstat["nr_writeback"] += 1
        box.vmstat["pswpout"] += 1
        zone_count(box, "nr_zone_write_pending", pfn, 1)
        return True

    def write_run(self, area: SwapInfo, offset: int, frames: Sequence[int]) -> None:
        """The end of writepage() for pages whose slots lie side by side from `offset` on, flags and counts done."""
        data, contents = self.box.memmap.data, area.contents
        for slot, pfn in enumerate(frames, offset):
            page = data.get(pfn) if data else None
            if page is not None and any(page):
                contents[slot] = bytes(page)
            elif contents:
                contents.pop(slot, None)
        self._write_pending(frames, 1)
        done = 0
        if self.plug and (self.plug_offset + 1 != offset or self.plug_type != area.number):
            self.submit_plugged()
        while done < len(frames):
            if len(self.plug) >= PLUG:
                self.submit_plugged()
            part = frames[done : done + PLUG - len(self.plug)]
            self.plug.extend(part)
            done += len(part)
        self.plug_offset, self.plug_type = offset + len(frames) - 1, area.number

    def _write_pending(self, pfns: Sequence[int], sign: int) -> None:
        zone = self.box.pages.zone_of(min(pfns))
        if max(pfns) < zone.start_pfn + zone.spanned:
            zone.stat["nr_zone_write_pending"] += sign * len(pfns)
            return
        for zone in self.box.pages.zones:
            if zone.present:
                start, end = zone.start_pfn, zone.start_pfn + zone.spanned
                zone.stat["nr_zone_write_pending"] += sign * sum(1 for pfn in pfns if start <= pfn < end)

    def submit_plugged(self) -> None:
        """Hand the pages that lie side by side to the disk as one request."""
        if self.plug:
            pfns, self.plug = self.plug, []
            self.box.disk.submit(True, len(pfns), self.end_writeback, pfns)

    def end_writeback(self, pfns: list[int]) -> None:
        """The disk has written them: those that reclaim waits for are the next to go."""
        box = self.box
        flags = box.memmap.flags
        box.vmstat["nr_writeback"] -= len(pfns)
        box.vmstat["nr_written"] += len(pfns)
        self._write_pending(pfns, -1)
        for first, count, step in stepped_runs(pfns):
            low = first if step > 0 else first - count + 1
            bits = flags[low]
            if count > 1 and bits & PG_RECLAIM and is_run(flags, low, count, bits):
                set_run(flags, low, count, bits & ~(PG_WRITEBACK | PG_RECLAIM))
                rotate_run(box, first, count, step)
                continue
            for pfn in range(first, first + count * step, step):
                bits = flags[pfn]
                flags[pfn] = bits & ~(PG_WRITEBACK | PG_RECLAIM)
                if bits & PG_RECLAIM:
                    rotate_reclaimable(box, pfn)

    def wait_writeback(self, pfn: int) -> None:
        """Let the clock move until the page has been written."""
        box = self.box
        self.submit_plugged()
        while box.memmap.flags[pfn] & PG_WRITEBACK and box.disk.pending:
            box.disk.wait(box.disk.pending[0][0])


def swap_contents(box: Box, pfn: int) -> None:
    """What the slot holds is in the frame now (swap_readpage)."""
    memmap = box.memmap
    area, offset = box.swap.area_of(memmap.private[pfn])
    page = area.contents.get(offset)
    if page is not None:
        memmap.data[pfn] = bytearray(page)
    else:
        memmap.data.pop(pfn, None)
    memmap.flags[pfn] |= PG_UPTODATE

