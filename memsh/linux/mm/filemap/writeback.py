"""Dirty pages and their way to the disk (mm/page-writeback.c, fs/fs-writeback.c).

`box.writeback` is the disk's bdi_writeback with its flusher. It works only while the box's clock moves: every
vm.dirty_writeback_centisecs it writes files that have been dirty for vm.dirty_expire_centisecs; above the background
threshold it writes until the dirty pages are below. A process that dirties faster than that waits for the disk.

Counters: nr_dirty, nr_dirtied, nr_writeback, nr_written, nr_zone_write_pending. A page is under writeback from the
moment its request is submitted until the disk is done; what is stored to it meanwhile makes it dirty anew, because its
page-table entries were made read-only (folio_mkclean).

Known deviations: a writer is held at a fixed point between the thresholds instead of being paced; one buffer head a
page; metadata is never dirty; the flusher keeps at most 8 MiB of requests with the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_KERNEL_ACCOUNT, GFP_NAMES, PTE_DIRTY, PTE_RW
from memsh.linux.include.memmap import PG_ANON, PG_DIRTY, PG_RECLAIM, PG_SWAPBACKED, PG_WRITEBACK
from memsh.linux.include.mm_types import AddressSpace, Inode
from memsh.linux.lib.columns import frame_runs, mask_run, sub_runs
from memsh.linux.lib.xarray import CHUNK
from memsh.linux.mm.lru import rotate_reclaimable
from memsh.linux.mm.page_alloc.available import dirty_limits, memcg_dirty_limits
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.rmap.rmap import page_mappings

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup

BIO_MAX_PAGES = 256
WHOLE = 1 << 52  # beyond the last page of any file
QUEUE = 8  # requests of the flusher that the disk may have
RATELIMIT_PAGES = 32  # a writer looks at the thresholds each time it has dirtied so many
CENTISEC = 10_000  # µs
GFP_BUFFERS = GFP_KERNEL_ACCOUNT & ~GFP_NAMES["__GFP_FS"]


class Writeback:
    """`box.writeback`: the inodes with dirty pages, oldest first, and the flusher's state."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.inodes: dict[int, tuple[Inode, int]] = {}  # inode number -> (inode, when it became dirty)
        self.armed = False  # the periodic work is waiting for its time
        self.queued = False  # the flusher has been woken, and runs when the clock moves
        self.background = False  # down to the background threshold
        self.everything = False  # all that is dirty now (wakeup_flusher_threads)
        self.expired: list[int] = []  # files that are written because of their age
        self.requests = 0  # of the flusher, not finished
        self.last_old_flush = 0
        self.pressing: MemCgroup | None = None  # the group whose background threshold was passed
        self.dirtied = 0  # pages since a writer last looked at the thresholds
        box.hooks.setdefault("vm.dirty_writeback_centisecs", []).append(self.interval_changed)

    # -- what is dirty ----------------------------------------------------------------------------------------------

    def mark_inode_dirty(self, inode: Inode) -> None:
        """__mark_inode_dirty(): the first dirty file starts the flusher's clock."""
        if inode.number not in self.inodes:
            self.inodes[inode.number] = (inode, self.box.timer.usec)
            self._arm()

    def forget(self, inode: Inode) -> None:
        """The file is clean, or gone."""
        if inode.a_ops.writeback and self.inodes.pop(inode.number, None) is not None:
            self.box.fs.dcache.written(inode)

    def _interval(self) -> int:
        return self.box.sysctl.values["vm.dirty_writeback_centisecs"] * CENTISEC

    def _arm(self) -> None:
        if not self.armed and self.inodes and self._interval() > 0:
            self.armed = True
            self.box.timer.once(self.box.timer.usec + self._interval(), self._periodic)

    def interval_changed(self) -> None:
        """A new vm.dirty_writeback_centisecs: the flusher is woken (dirty_writeback_centisecs_handler)."""
        if self._interval() > 0:
            self._wake()

    # -- the flusher ------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self.queued:
            self.queued = True
            self.box.timer.once(self.box.timer.usec, self._work)

    def start_background(self) -> None:
        """wb_start_background_writeback()."""
        if not self.background:
            self.background = True
            self._wake()

    def wakeup_flusher_threads(self) -> None:
        """Write all that is dirty, soon (reclaim met too many dirty pages)."""
        if self.inodes:
            self.everything = True
            self._wake()

    def _periodic(self) -> None:
        self.armed = False
        self._work()

    def _work(self) -> None:
        """wb_workfn(): what was asked for, what is too old, what is above the background threshold."""
        self.queued = False
        now = self.box.timer.usec
        if self._interval() > 0 and now - self.last_old_flush >= self._interval():
            self.last_old_flush = now
            oldest = now - self.box.sysctl.values["vm.dirty_expire_centisecs"] * CENTISEC
            waiting = set(self.expired)
            self.expired += [n for n, (_, when) in self.inodes.items() if when <= oldest and n not in waiting]
        if self._over_background():
            self.background = True
        self._pump()
        self._arm()

    def _over_background(self) -> bool:
        box, memcg = self.box, self.pressing
        if box.vmstat["nr_dirty"] > dirty_limits(box)[0]:
            return True
        if memcg is not None and memcg.online and memcg.dirty > memcg_dirty_limits(box, memcg)[0]:
            return True
        self.pressing = None
        return False

    def _pump(self) -> None:
        """Submit requests while there is work and the disk takes more."""
        while self.requests < QUEUE and any(self._submit(inode) for inode in self._wanted()):
            self.requests += 1

    def _submit(self, inode: Inode) -> bool:
        """One request of a file's dirty pages, if the disk is not writing all of them already."""
        if inode.mapping is None or not inode.mapping.pages.dirty:
            self.forget(inode)
            return False
        return do_writepages(self.box, inode.mapping, self._done) > 0

    def _wanted(self) -> list[Inode]:
        """The files to write now, in this order."""
        self.expired = [number for number in self.expired if number in self.inodes]
        if self.background and not self._over_background():
            self.background = False
        if not self.inodes:
            self.background = self.everything = False
        if self.background or self.everything:
            return [inode for inode, _ in self.inodes.values()]
        return [self.inodes[number][0] for number in self.expired]

    def _done(self, mapping: AddressSpace, first: int, count: int) -> None:
        end_page_writeback(self.box, mapping, first, count)
        self.requests -= 1
        self._pump()

    def finished(self, mapping: AddressSpace, first: int, count: int) -> None:
        """The end of a request that somebody else than the flusher made."""
        end_page_writeback(self.box, mapping, first, count)

    # -- writers ----------------------------------------------------------------------------------------------------

    def balance_dirty_pages(self) -> None:
        """Hold a writer until the disk has caught up."""
        box = self.box
        vmstat = box.vmstat
        while True:
            background, limit = dirty_limits(box)
            if vmstat["nr_dirty"] > background:
                self.start_background()
            held = _over(vmstat["nr_dirty"] + vmstat["nr_writeback"], background, limit)
            if not self._group_is_held() and not held:
                return
            if not box.disk.started:
                return
            before = box.timer.usec
            if self.queued:
                box.timer.advance(0)
            if not box.disk.pending:
                return
            box.disk.wait(box.disk.pending[0][0])
            if box.timer.usec == before:
                return

    def _group_is_held(self) -> bool:
        """Whether the writer's own group has too many dirty pages; the flusher begins when there are many."""
        memcg = self.box.memcg.paying
        if memcg is None:
            return False
        background, limit = memcg_dirty_limits(self.box, memcg)
        unwritten = memcg.dirty + memcg.writeback
        if unwritten > (background + limit) // 2:
            self.pressing = memcg
            self.start_background()
        return _over(unwritten, background, limit)

    # -- fsync and sync ---------------------------------------------------------------------------------------------

    def sync_inode(self, inode: Inode, first: int = 0, last: int = WHOLE) -> int:
        """fsync(): write a file's dirty pages in [first, last) and wait for them; how many were dirty."""
        mapping = inode.mapping
        if mapping is None or not inode.a_ops.writeback:
            return 0
        written = self._write_all(mapping, first, last)
        filemap_fdatawait(self.box, mapping, first, last)
        if not mapping.pages.dirty:
            self.forget(inode)
        return written

    def _write_all(self, mapping: AddressSpace, first: int = 0, last: int = WHOLE) -> int:
        """Submit all dirty pages in [first, last); what the disk is still writing is waited for first (WB_SYNC_ALL)."""
        written = 0
        disk = self.box.disk
        while any(bits & _within(leaf, first, last) for leaf, bits in mapping.pages.dirty.items()):
            self.box.cond_resched()
            part = do_writepages(self.box, mapping, self.finished, first, last)
            written += part
            if not part:
                if not disk.pending:
                    break
                disk.wait(disk.pending[0][0])
        return written

    def filemap_fdatawrite_range(self, mapping: AddressSpace, first: int, last: int) -> None:
        """Submit the dirty pages in [first, last), but for those that are being written still (WB_SYNC_NONE)."""
        while do_writepages(self.box, mapping, self.finished, first, last):
            self.box.cond_resched()

    def sync(self) -> int:
        """sync(): every file, first all written, then waited for; how many pages were dirty."""
        files = [inode for inode, _ in self.inodes.values()]
        written = 0
        for inode in files:
            if inode.mapping is not None:
                written += self._write_all(inode.mapping)
        disk = self.box.disk
        while self.box.vmstat["nr_writeback"] and disk.pending:
            self.box.cond_resched()
            disk.wait(disk.pending[0][0])
        for inode in files:
            if inode.mapping is None or not inode.mapping.pages.dirty:
                self.forget(inode)
        disk.wait(disk.flush())  # ext4_sync_fs
        return written


def _over(unwritten: int, background: int, limit: int) -> bool:
    """Whether a writer waits: far above the middle between the thresholds (dirty_freerun_ceiling)."""
    return unwritten > ((background + limit) // 2 + limit) // 2


def _count_in_groups(box: Box, pfns: list[int], dirty: int, writeback: int) -> None:
    """The groups that the pages belong to have so many more, or fewer, dirty ones and ones that are being written."""
    if box.memcg.groups is None:
        return
    for pfn, count in frame_runs(pfns):
        for _, n, number in sub_runs(box.memmap.memcg, pfn, count):
            if number:
                box.memcg.count_dirty(number, dirty * n, writeback * n)


# -- dirtying --------------------------------------------------------------------------------------------------------


def dirty_folio(box: Box, pfn: int) -> None:
    """Mark a page-cache page dirty, counting it if its file lies on a disk (filemap_dirty_folio)."""
    memmap = box.memmap
    flags = memmap.flags[pfn]
    if flags & PG_DIRTY:
        memmap.flags[pfn] = flags & ~PG_RECLAIM
        return
    memmap.flags[pfn] = flags & ~PG_RECLAIM | PG_DIRTY
    if flags & (PG_SWAPBACKED | PG_ANON):
        return
    mapping = memmap.owners[memmap.mapping[pfn]] if memmap.mapping[pfn] else None
    if isinstance(mapping, AddressSpace):
        _account_dirtied(box, mapping, memmap.index[pfn], [pfn])


def dirty_run(box: Box, mapping: AddressSpace, index: int, pfns: list[int]) -> None:
    """dirty_folio() for clean pages from `index` on, all within one node of the tree."""
    for pfn, count in frame_runs(pfns):
        mask_run(box.memmap.flags, pfn, count, 0, PG_DIRTY)
    _account_dirtied(box, mapping, index, pfns)


def _account_dirtied(box: Box, mapping: AddressSpace, index: int, pfns: list[int]) -> None:
    count = len(pfns)
    pages = mapping.pages
    pages.mark_run(pages.dirty, index, count)
    for pfn, n in frame_runs(pfns):
        mod_node_page_state(box, "nr_dirty", pfn, n)
    box.vmstat["nr_dirtied"] += count
    _pending(box, pfns, 1)
    _count_in_groups(box, pfns, 1, 0)
    buffers = mapping.buffers.get(index >> 6)
    if buffers is None:
        buffers = mapping.buffers[index >> 6] = [0] * (CHUNK + 1)
    cache = box.slab.find("buffer_head")
    with box.memcg.acting(box.memcg.page_memcg(pfns[0])):
        for at in range(index & 63, (index & 63) + count):
            if not buffers[at]:
                addr = buffers[at] = box.slab.kmem_cache_alloc(cache, GFP_BUFFERS)
                buffers[CHUNK] += addr != 0
    box.writeback.mark_inode_dirty(mapping.inode)
    if box.trace.on:
        for at in range(index, index + count):
            box.trace.emit("writeback_dirty_folio", "{}:{}".format(*mapping.inode.dev), mapping.inode.number, at)


def _pending(box: Box, pfns: list[int], sign: int) -> None:
    """nr_zone_write_pending of the pages' zones."""
    pages = box.pages
    first = pages.zone_of(min(pfns))
    if max(pfns) < first.whole_end:
        first.stat["nr_zone_write_pending"] = first.stat.get("nr_zone_write_pending", 0) + sign * len(pfns)
        return
    for pfn in pfns:
        stat = pages.zone_of(pfn).stat
        stat["nr_zone_write_pending"] = stat.get("nr_zone_write_pending", 0) + sign


def cancel_dirty(box: Box, mapping: AddressSpace, index: int, pfn: int) -> None:
    """A page leaves the cache: what was to be written will not be."""
    flags = box.memmap.flags[pfn]
    pages = mapping.pages
    if flags & PG_DIRTY:
        mod_node_page_state(box, "nr_dirty", pfn, -1)
        pages.unmark(pages.dirty, index)
        _pending(box, [pfn], -1)
        _count_in_groups(box, [pfn], -1, 0)
    if flags & PG_WRITEBACK:
        box.vmstat["nr_writeback"] -= 1
        pages.unmark(pages.writeback, index)
        _pending(box, [pfn], -1)
        _count_in_groups(box, [pfn], 0, -1)
    box.memmap.flags[pfn] = flags & ~(PG_DIRTY | PG_WRITEBACK)


def free_buffers(box: Box, mapping: AddressSpace, index: int) -> None:
    """The buffer head of a page that leaves the cache (try_to_free_buffers)."""
    buffers = mapping.buffers.get(index >> 6)
    if buffers is None:
        return
    addr = buffers[index & 63]
    if addr:
        slab = box.slab
        slab.kmem_cache_free(slab.caches["buffer_head"], addr)
        buffers[index & 63] = 0
        buffers[CHUNK] -= 1
    if not buffers[CHUNK]:
        del mapping.buffers[index >> 6]


def balance_dirty_pages_ratelimited(box: Box, dirtied: int) -> None:
    """After a process dirtied some pages of files: every 32 of them, look whether it must wait."""
    writeback = box.writeback
    writeback.dirtied += dirtied
    if writeback.dirtied >= RATELIMIT_PAGES:
        writeback.dirtied = 0
        writeback.balance_dirty_pages()


# -- writing ---------------------------------------------------------------------------------------------------------


def _within(leaf: int, first: int, last: int) -> int:
    """The bits of those pages of a node of the tree that lie in [first, last)."""
    low, high = max(first - (leaf << 6), 0), min(last - (leaf << 6), CHUNK)
    return (1 << high) - (1 << low) if low < high else 0


def do_writepages(box: Box, mapping: AddressSpace, done: object, begin: int = 0, last: int = WHOLE) -> int:
    """Submit one request: the first dirty pages in [begin, last) that lie side by side, 256 at most; how many they are.

    Pages that became dirty anew while the disk still writes them must wait. `done(mapping, first, count)`, a bound
    method, runs when the disk has written them.
    """
    pages = mapping.pages
    busy = pages.writeback

    def ready(leaf: int) -> int:
        return pages.dirty.get(leaf, 0) & ~busy.get(leaf, 0) & _within(leaf, begin, last)

    leaf = min(filter(ready, pages.dirty), default=-1)
    if leaf < 0:
        return 0
    bits = ready(leaf)
    first = index = (leaf << 6) + (bits & -bits).bit_length() - 1
    pfns: list[int] = []
    while len(pfns) < BIO_MAX_PAGES:
        bits = ready(index >> 6) >> (index & 63)
        n = (~bits & (bits + 1)).bit_length() - 1 if bits & 1 else 0
        if not n:
            break
        n = min(n, BIO_MAX_PAGES - len(pfns))
        at = index & 63
        pfns += pages.leaves[index >> 6][at : at + n].tolist()
        index += n
        if index & 63:
            break
    _start_writeback(box, mapping, first, pfns)
    box.disk.blkcg.write_back(pfns, mapping.inode.dev)
    box.disk.submit(True, len(pfns), done, mapping, first, len(pfns),  # type: ignore[arg-type]
                    dev=mapping.inode.dev, at=first)  # fmt: skip
    return len(pfns)


def _start_writeback(box: Box, mapping: AddressSpace, first: int, pfns: list[int]) -> None:
    """clear_page_dirty_for_io() and set_page_writeback() for pages from index `first` on; what they hold is taken."""
    memmap, vmstat, pages = box.memmap, box.vmstat, mapping.pages
    data, mapcount = memmap.data, memmap.mapcount
    seeded = mapping.inode.seed != ""
    for n, pfn in enumerate(pfns):
        if mapcount[pfn]:
            folio_mkclean(box, pfn)
        page = data.get(pfn)
        if page is not None:
            index = first + n
            end = mapping.inode.size - (index << 12)  # what was stored beyond the file's end is not written
            if seeded or index in mapping.written or any(page):
                mapping.written[index] = bytes(page) if end >= 4096 else bytes(page[: max(end, 0)]).ljust(4096, b"\0")
            if not mapcount[pfn]:
                del data[pfn]  # the same bytes are on the disk
    for pfn, count in frame_runs(pfns):
        mask_run(memmap.flags, pfn, count, PG_DIRTY, PG_WRITEBACK)
        mod_node_page_state(box, "nr_dirty", pfn, -count)
    index, left = first, len(pfns)
    while left:
        n = min(left, CHUNK - (index & 63))
        pages.mark_run(pages.writeback, index, n)
        pages.unmark_bits(pages.dirty, index >> 6, ((1 << n) - 1) << (index & 63))
        index += n
        left -= n
    vmstat["nr_writeback"] += len(pfns)
    _count_in_groups(box, pfns, -1, 1)


def folio_mkclean(box: Box, pfn: int) -> None:
    """Make every shared mapping of a page read-only, so that the next store is noticed (mm/rmap.c)."""
    for vma, addr in page_mappings(box, pfn):
        table = vma.mm.tables[addr >> vma.mm.table_shift]
        at = addr >> 12 & vma.mm.table_mask
        if table.ptes[at] & (PTE_RW | PTE_DIRTY):
            table.ptes[at] &= ~(PTE_RW | PTE_DIRTY)
            vma.mm.flush_tlb(addr, addr + 4096)


def end_page_writeback(box: Box, mapping: AddressSpace, first: int, count: int) -> None:
    """The disk has written pages [first, first + count): the interrupt's part (folio_end_writeback)."""
    pages = mapping.pages
    ended = 0
    index = first
    while index < first + count:
        n = min(first + count - index, CHUNK - (index & 63))
        marks = pages.writeback.get(index >> 6, 0) >> (index & 63) & ((1 << n) - 1)
        if marks:
            pages.unmark_bits(pages.writeback, index >> 6, marks << (index & 63))
            slots = pages.leaves[index >> 6][index & 63 : (index & 63) + n].tolist()
            pfns = slots if marks == (1 << n) - 1 else [pfn for at, pfn in enumerate(slots) if marks >> at & 1]
            _end(box, pfns)
            _pending(box, pfns, -1)
            _count_in_groups(box, pfns, 0, -1)
            ended += len(pfns)
        index += n
    box.vmstat["nr_writeback"] -= ended
    box.vmstat["nr_written"] += ended


def _end(box: Box, pfns: list[int]) -> None:
    column = box.memmap.flags
    for pfn, count in frame_runs(pfns):
        for start, n, flags in sub_runs(column, pfn, count):
            mask_run(column, start, n, PG_WRITEBACK | PG_RECLAIM)
            if flags & PG_RECLAIM:
                for frame in range(start, start + n):
                    rotate_reclaimable(box, frame)


def filemap_fdatawait(box: Box, mapping: AddressSpace, first: int = 0, last: int = WHOLE) -> None:
    """Wait until no page in [first, last) is under writeback."""
    disk, pages = box.disk, mapping.pages
    while disk.pending and any(bits & _within(leaf, first, last) for leaf, bits in pages.writeback.items()):
        disk.wait(disk.pending[0][0])


def writepage(box: Box, pfn: int) -> bool:
    """pageout() of a dirty page of a disk file: submitted, with PG_RECLAIM set; False if there is nothing to write."""
    memmap = box.memmap
    flags = memmap.flags[pfn]
    if not flags & PG_DIRTY or flags & (PG_SWAPBACKED | PG_ANON | PG_WRITEBACK):
        return False
    mapping = memmap.owners[memmap.mapping[pfn]]
    if not isinstance(mapping, AddressSpace):
        return False
    memmap.flags[pfn] = flags | PG_RECLAIM
    index = memmap.index[pfn]
    _start_writeback(box, mapping, index, [pfn])
    box.disk.blkcg.write_back([pfn], mapping.inode.dev)
    box.disk.submit(True, 1, box.writeback.finished, mapping, index, 1, dev=mapping.inode.dev, at=index)
    return True
