"""The box's disk: a queue of requests, each of which takes its time (block/blk-mq.c, drivers/block/virtio_blk.c).

One request is served after the other, in the order in which they were submitted; what each takes is the machine's
(DiskSpeed). Nothing here depends on the host: the same requests end at the same moments of the box's clock.
Whoever needs the data waits, and waiting moves the clock: what is due meanwhile (kswapd, writeback) runs.

A flush is a write without pages.

Counters: pgpgin, pgpgout (KiB), when a request is submitted, as submit_bio() counts them.

Known deviations: no elevator, no merging of requests, no errors; until the box is up requests end at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.linux.block.blk_cgroup import FS_DISK, SWAP_DISK, BlkCgroups
from memsh.linux.drivers.block.brd import RamDisks
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.include.major import LOOP_DEVICES, LOOP_MAJOR, RAM_DISKS, RAMDISK_MAJOR
from memsh.linux.lib.copying import slotwise

if TYPE_CHECKING:
    from memsh.linux.box import Box

COPY_USEC = 1  # of a request to a RAM disk
DEF_SECTORS_KB = 1280  # of one request, where nobody has asked for more (BLK_DEF_MAX_SECTORS)
HW_SECTORS_KB = {RAMDISK_MAJOR: 127, LOOP_MAJOR: 1280}  # that a disk's driver takes at most


class DiskStats:
    """What one disk was asked (struct disk_stats): `reads`, `writes` count requests. `read_usec`, `write_usec` add up
    how long each request took, the time in the queue included; `busy_usec` is how long the disk was at work."""

    __slots__ = ("busy_usec", "flushes", "pages_read", "pages_written", "read_usec", "reads", "write_usec", "writes")

    def __init__(self) -> None:
        self.reads = self.writes = self.pages_read = self.pages_written = self.flushes = 0
        self.read_usec = self.write_usec = self.busy_usec = 0


@slotwise()
class Bdi:
    """How much is read ahead of one disk (struct backing_dev_info): `ra_pages` at most, or, for a read() of more than
    that, as much as one request may hold, `max_sectors_kb`, which is `max_hw_sectors_kb` at most."""

    __slots__ = ("max_hw_sectors_kb", "max_sectors_kb", "ra_pages")

    def __init__(self, max_hw_sectors_kb: int) -> None:
        self.ra_pages, self.max_hw_sectors_kb = 32, max_hw_sectors_kb
        self.max_sectors_kb = min(max_hw_sectors_kb, DEF_SECTORS_KB)

    @property
    def io_pages(self) -> int:
        return self.max_sectors_kb >> 2


class Disk:
    """`box.disk`: one queue serves all of the box's disks, `stats` has each by its device number. All times are
    microseconds of the box's clock."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.started = False  # while the box boots, its files are simply there
        self.busy_until = 0
        self.stats = {SWAP_DISK: DiskStats(), FS_DISK: DiskStats()}
        loops, rams = ((LOOP_MAJOR, n) for n in range(LOOP_DEVICES)), ((RAMDISK_MAJOR, n) for n in range(RAM_DISKS))
        self.bdi = {dev: Bdi(HW_SECTORS_KB.get(dev[0], UINT_MAX >> 1)) for dev in (SWAP_DISK, FS_DISK, *loops, *rams)}
        self.brd = RamDisks(box)
        self.waited_usec = 0  # spent waiting for requests: what vmstat calls wa
        self.blkcg = BlkCgroups(box)
        self.pending: deque[tuple[int, Callable[..., object], tuple[Any, ...], tuple[int, int]]] = deque()

    def scan_partitions(self) -> None:
        """Each disk's first page is read as the disk appears, to look for partitions (bdev_disk_changed). The RAM disks
        count it in pgpgin alone."""
        self.box.vmstat["pgpgin"] += 4 * RAM_DISKS
        for dev in self.stats:
            self.submit(False, 1, dev=dev)

    def submit(
        self, write: bool, pages: int, done: Callable[..., object] | None = None, *args: object,
        dev: tuple[int, int] = FS_DISK, at: int = 0,
    ) -> int:  # fmt: skip
        """Queue a request of `pages` pages, the first `at` pages behind the disk's beginning (which only a RAM disk
        asks), to a disk; when it will have been served.

        `done(*args)` runs at that moment of the clock; it must be a bound method, so that a copied box calls its own.
        """
        self.box.changes += 1
        if dev[0] == RAMDISK_MAJOR:
            self.brd.submit_bio(write, dev, at, pages)
            last = self.pending[-1][0] if self.pending else 0
            return self._will_end(max(self.box.timer.usec, last) + COPY_USEC, done, args, dev)
        vmstat, stats = self.box.vmstat, self.stats[dev]
        if write:
            stats.writes += 1
            stats.pages_written += pages
            vmstat["pgpgout"] += 4 * pages
        else:
            stats.reads += 1
            stats.pages_read += pages
            vmstat["pgpgin"] += 4 * pages
        timer = self.box.timer
        if not self.started:
            return self._will_end(timer.usec, done, args, dev)
        start = timer.usec if timer.usec > self.busy_until else self.busy_until
        speed = self.box.model.disk
        work = speed.latency_usec + speed.page_usec * pages
        due = self.busy_until = start + work
        stats.busy_usec += work
        if write:
            stats.write_usec += due - timer.usec
        else:
            stats.read_usec += due - timer.usec
        return self._will_end(due, done, args, dev)

    def _will_end(
        self, due: int, done: Callable[..., object] | None, args: tuple[Any, ...], dev: tuple[int, int]
    ) -> int:  # fmt: skip
        """At that moment, or at once while the box boots; when."""
        timer = self.box.timer
        if done is not None and not self.started:
            done(*args)
        elif done is not None:
            if not self.pending:
                timer.once(due, self._complete)
            self.pending.append((due, done, args, dev))
        return due if self.started else timer.usec

    def flush(self) -> int:
        """Queue a request that empties the disk's own cache (blkdev_issue_flush); when it will have been served."""
        self.stats[FS_DISK].flushes += 1
        return self.submit(True, 0)

    def wait(self, until: int) -> None:
        """Let the clock move on to `until`, unless that is past already."""
        timer = self.box.timer
        left = until - timer.usec
        if left > 0:
            self.waited_usec += left
            for node in self.box.pages.nodes:
                node.kswapd.cpu_idle()
            cpu, cputime = self.box.pages.cpu, self.box.cputime
            busy = cputime.busy(cpu)
            with self.box.psi.stall("io", left):
                timer.advance(left)
            cputime.waited(cpu, left, busy)

    def in_flight(self, dev: tuple[int, int]) -> int:
        """A disk's requests with somebody to tell that are not done: writes, above all."""
        return sum(request[3] == dev for request in self.pending)

    def read(self, pages: int, dev: tuple[int, int]) -> None:
        """Read `pages` pages and wait for them."""
        self.wait(self.submit(False, pages, dev=dev))

    def _complete(self) -> None:
        """The interrupt: every request that has been served by now is done."""
        pending, timer = self.pending, self.box.timer
        while pending and pending[0][0] <= timer.usec:
            _, done, args, _ = pending.popleft()
            done(*args)
        if pending:
            timer.once(pending[0][0], self._complete)
