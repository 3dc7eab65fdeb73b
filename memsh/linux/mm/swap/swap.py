"""Swap: the swap cache, writing pages out and reading them back (mm/swap_state.c, mm/page_io.c).

`box.swap` owns the areas. A page on its way out gets a slot and joins the swap cache; page tables then hold the slot's
entry. It stays in the cache until it was written and reclaimed, or until everybody has it back. A page that comes back
joins the cache first, too, and stays there while others refer to its slot or its bytes need no writing.

Pages that lie side by side and are written at one moment are one request to the disk (blk_start_plug).

Counters: pswpin, pswpout, nr_swapcached, nr_file_pages, nr_writeback, nr_written, nr_zone_write_pending.

Known deviations: zswap and discard do not exist, frontswap has a map and no store; no I/O errors; what a swap file
holds is not seen by those who read the file.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.memmap import PG_DIRTY, PG_RECLAIM, PG_SWAPCACHE, PG_WORKINGSET, PG_WRITEBACK
from memsh.linux.include.swapops import SWP_OFFSET_MASK, SWP_TYPE_SHIFT
from memsh.linux.lib.columns import is_run, set_run, stepped_runs
from memsh.linux.mm.lru import rotate_reclaimable, rotate_run, zone_count
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.shmem.shmem_swap import shmem_writepage
from memsh.linux.mm.swap.swapfile import (
    SPACE_SHIFT,
    SWAP_BATCH,
    SWAP_HAS_CACHE,
    SwapSlots,
    entry_runs,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box

PLUG = 32  # pages of one request at most: BLK_PLUG_FLUSH_SIZE


_MAPPED_ONCE = bytes((SWAP_HAS_CACHE | 1,))


class Swap(SwapSlots):
    """`box.swap`. `plug`: frames whose write waits to be submitted, their slots side by side."""

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.plug: list[int] = []
        self.plug_next = 0  # the entry that would continue it
        self.readahead_hits = 4  # swapin_readahead_hits
        self.prev_offset = 0
        self.last_readahead_pages = 0

    # -- the swap cache ---------------------------------------------------------------------------------------------

    def cached(self, entry: int) -> int:
        """The frame that the swap cache holds for the slot; 0 if none."""
        area = self.area_of(entry)
        if area is None:
            return 0
        offset = entry & SWP_OFFSET_MASK
        return int(area.trees[offset >> SPACE_SHIFT].get(offset, 0))

    def add_to_swap(self, pfn: int) -> bool:
        """Give a page a slot and put it into the swap cache, dirty; False if there is no slot, or no memory."""
        entry = self.folio_alloc_swap(pfn)
        if not entry:
            return False
        try:
            self.add_to_cache(entry, pfn)
        except KernelError:
            self.put_swap_folio(entry)
            return False
        self.box.memmap.flags[pfn] |= PG_DIRTY
        return True

    def add_run_to_swap(self, frames: range) -> tuple[list[int], list[tuple[int, int]]]:
        """Slots for pages with one reference each from page tables, and their places in the swap cache's trees.

        The entries, and their entry_runs(). All or none: an empty list says that there are not enough slots, or no
        memory; then nothing has changed but the order in which slots are given out. The columns and counters of the
        pages are the caller's.
        """
        if self.nr_swap_pages + len(self.cache.slots) < len(frames) + 4 * SWAP_BATCH:
            return [], []
        memcg = self.box.memcg
        if self.box.pages.charged and not memcg.room_for_swap(frames):
            return [], []
        entries = self.alloc_entries(len(frames))
        runs = entry_runs(entries)
        done = 0
        try:
            for at, count in runs:
                entry = entries[at]
                area, offset = self.info[entry >> SWP_TYPE_SHIFT], entry & SWP_OFFSET_MASK
                while done < at + count:
                    place = offset + done - at
                    tree = area.trees[place >> SPACE_SHIFT]
                    n = min(at + count - done, 64 - (place & 63))
                    if place >> 6 in tree.leaves and tree.height and n > 1:
                        tree.store_run(place, frames[done : done + n])
                    else:
                        n = 1
                        tree[place] = frames[done]
                    done += n
                area.swap_map[offset : offset + count] = _MAPPED_ONCE * count
        except KernelError:
            for entry in entries[:done]:
                area, offset = self.info[entry >> SWP_TYPE_SHIFT], entry & SWP_OFFSET_MASK
                area.trees[offset >> SPACE_SHIFT].pop(offset)
            for entry in entries:
                self.info[entry >> SWP_TYPE_SHIFT].swap_map[entry & SWP_OFFSET_MASK] = SWAP_HAS_CACHE
                self.put_swap_folio(entry)
            return [], []
        if self.box.pages.charged:
            for entry, pfn in zip(entries, frames, strict=True):
                memcg.try_charge_swap(pfn, entry)
        return entries, runs

    def drop_run(self, entry: int, way: int, shadows: array[int]) -> None:
        """Take pages whose slots follow `entry`, upwards or downwards (`way`), out of the trees; `shadows` stay in
        their places. See droppable(). References are the caller's to count."""
        area, offset, count = self.info[entry >> SWP_TYPE_SHIFT], entry & SWP_OFFSET_MASK, len(shadows)
        self.box.vmstat["nr_swapcached"] -= count
        if way < 0:
            offset -= count - 1
            shadows.reverse()
        tree = area.trees[offset >> SPACE_SHIFT]
        mod_node_page_state(self.box, "nr_file_pages", tree[offset], -count)
        tree.put_values(offset, shadows)
        area.swap_map[offset : offset + count] = b"\1" * count

    def droppable(self, entry: int, most: int, way: int) -> int:
        """How many slots from `entry` on, upwards or downwards (`way`), are in one tree of the cache, each with one
        reference besides (drop_run); at least 1, whatever that is."""
        swap_map, offset = self.info[entry >> SWP_TYPE_SHIFT].swap_map, entry & SWP_OFFSET_MASK
        last = offset + (most - 1) * way
        low = min(offset, last)
        if offset >> SPACE_SHIFT == last >> SPACE_SHIFT and swap_map[low : low + most] == _MAPPED_ONCE * most:
            return most
        count, space = 0, offset >> SPACE_SHIFT
        while count < most and swap_map[offset] == _MAPPED_ONCE[0] and offset >> SPACE_SHIFT == space:
            offset += way
            count += 1
        return max(count, 1)

    def add_to_cache(self, entry: int, pfn: int) -> int:
        """Enter a page at a slot that is marked SWAP_HAS_CACHE; the shadow that lay there. The cache holds a reference.

        ENOMEM if the tree cannot grow.
        """
        offset = entry & SWP_OFFSET_MASK
        tree = self.info[entry >> SWP_TYPE_SHIFT].trees[offset >> SPACE_SHIFT]
        shadow = tree.value(offset)
        tree[offset] = pfn
        memmap = self.box.memmap
        memmap.private[pfn] = entry
        memmap.flags[pfn] |= PG_SWAPCACHE
        memmap.refcount[pfn] += 1
        self.box.vmstat["nr_swapcached"] += 1
        mod_node_page_state(self.box, "nr_file_pages", pfn, 1)
        return shadow

    def replace_in_cache(self, src: int, dst: int) -> None:
        """A page was migrated to another frame."""
        memmap = self.box.memmap
        entry = memmap.private[src]
        offset = entry & SWP_OFFSET_MASK
        self.info[entry >> SWP_TYPE_SHIFT].trees[offset >> SPACE_SHIFT][offset] = dst
        memmap.private[dst], memmap.private[src] = entry, 0

    # -- writing out ------------------------------------------------------------------------------------------------

    def writepage(self, pfn: int) -> bool | None:
        """Start writing a page: True if it is under way, False if it needs no writing, None if it cannot be written.

        A page of shared memory is given a slot first (swap_writepage, shmem_writepage).
        """
        memmap = self.box.memmap
        if not memmap.flags[pfn] & PG_SWAPCACHE:
            if not shmem_writepage(self.box, pfn):
                return None
        if self.free_folio(pfn):
            return False
        entry = memmap.private[pfn]
        self._store(entry, pfn)
        memmap.flags[pfn] |= PG_WRITEBACK
        if entry != self.plug_next or len(self.plug) >= PLUG:
            self.submit_plugged()
        self.plug.append(pfn)
        self.plug_next = entry + 1
        vmstat = self.box.vmstat
        vmstat["nr_writeback"] += 1
        vmstat["pswpout"] += 1
        zone_count(self.box, "nr_zone_write_pending", pfn, 1)
        return True

    def write_run(self, entries: list[int], runs: list[tuple[int, int]], frames: range) -> None:
        """The end of writepage() for pages in the swap cache whose flags and counters are done already.

        `runs` are the entry_runs(). The slots are fresh: nothing that they held before is kept.
        """
        for pfn in self.box.memmap.written(frames):
            self._store(entries[frames.index(pfn)], pfn)
        self._write_pending_run(frames[0], len(frames), frames.step, 1)
        for at, count in runs:
            if self.plug and entries[at] != self.plug_next:
                self.submit_plugged()
            done = at
            while done < at + count:
                if len(self.plug) >= PLUG:
                    self.submit_plugged()
                part = frames[done : min(at + count, done + PLUG - len(self.plug))]
                self.plug.extend(part)
                done += len(part)
            self.plug_next = entries[at + count - 1] + 1

    def _store(self, entry: int, pfn: int) -> None:
        """The page's bytes are what the slot holds from now on."""
        contents = self.info[entry >> SWP_TYPE_SHIFT].data
        page = self.box.memmap.data.get(pfn)
        if page is not None:
            contents[entry & SWP_OFFSET_MASK] = bytes(page)
        elif contents:
            contents.pop(entry & SWP_OFFSET_MASK, None)

    def submit_plugged(self) -> None:
        """Hand the pages that lie side by side to the disk as one request."""
        if self.plug:
            pfns, self.plug, self.plug_next = self.plug, [], 0
            dev = self._disk_of(pfns[0])
            self.box.disk.blkcg.swap_out(pfns, dev)
            first = min(self.box.memmap.private[pfn] for pfn in (pfns[0], pfns[-1])) & SWP_OFFSET_MASK
            self.box.disk.submit(True, len(pfns), self.end_writeback, pfns, dev=dev, at=first)

    def _disk_of(self, pfn: int) -> tuple[int, int]:
        """Where the slot lies that a page of the swap cache has."""
        inode = self.info[self.box.memmap.private[pfn] >> SWP_TYPE_SHIFT].inode
        return (inode or self.box.fs.disks["vda"]).dev

    def end_writeback(self, pfns: list[int]) -> None:
        """The disk has written them: those that reclaim waits for are the next to go (end_swap_bio_write)."""
        box = self.box
        box.vmstat["nr_writeback"] -= len(pfns)
        box.vmstat["nr_written"] += len(pfns)
        flags = box.memmap.flags
        for first, count, step in stepped_runs(pfns):
            self._write_pending_run(first, count, step, -1)
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

    def _write_pending_run(self, first: int, count: int, step: int, sign: int) -> None:
        """Count frames first, first + step, … as being written, or as written, in their zones."""
        zone = self.box.pages.zone_of(first)
        last = first + (count - 1) * step
        if zone.start_pfn <= last < zone.whole_end:
            zone.stat["nr_zone_write_pending"] += sign * count
        else:
            for pfn in range(first, first + count * step, step):
                zone_count(self.box, "nr_zone_write_pending", pfn, sign)

    def wait_writeback(self, pfn: int) -> None:
        """Let the clock move until the page has been written (folio_wait_writeback)."""
        box = self.box
        if box.memmap.flags[pfn] & PG_WRITEBACK:
            self.submit_plugged()
            while box.memmap.flags[pfn] & PG_WRITEBACK and box.disk.pending:
                box.disk.wait(box.disk.pending[0][0])

    # -- reading back -----------------------------------------------------------------------------------------------

    def fill(self, pfn: int) -> None:
        """What the slot holds will be in the frame (swap_readpage); the disk is asked by the caller."""
        memmap = self.box.memmap
        entry = memmap.private[pfn]
        page = self.info[entry >> SWP_TYPE_SHIFT].data.get(entry & SWP_OFFSET_MASK)
        if page is not None:
            memmap.data[pfn] = bytearray(page)
        self.box.vmstat["pswpin"] += 1

    def submit_read(self, pfns: list[int]) -> None:
        """Ask the disk for pages whose slots lie side by side; they are locked until it has them."""
        if pfns:
            dev = self._disk_of(pfns[0])
            due = self.box.disk.submit(False, len(pfns), dev=dev)
            self.box.disk.blkcg.swap_in(len(pfns), dev)
            if due > self.box.timer.usec:
                for pfn in pfns:
                    self.reading[pfn] = due

    def wait_locked(self, pfn: int) -> bool:
        """Let the clock move until the disk has read the page; whether that took any time."""
        if not self.is_locked(pfn):
            return False
        if self.box.memmap.flags[pfn] & PG_WORKINGSET:  # it was in use, and memory that is short has cost this wait
            with self.box.psi.stall("memory"):
                self.box.disk.wait(self.reading[pfn])
        else:
            self.box.disk.wait(self.reading[pfn])
        return True
