"""/proc/diskstats: requests, sectors of 512 bytes and milliseconds of the box's disks (block/genhd.c, diskstats_show).

**Known deviations:** no requests are merged; nothing is discarded or flushed; requests of the swap disk
count as if none had waited for another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.block.disk import LATENCY_USEC, PAGE_USEC
from memsh.procfs.partitions import RAM_DISKS

if TYPE_CHECKING:
    from memsh.linux.box import Box

SECTORS = 8  # of a page
LOOP_DEVICES = 8  # CONFIG_BLK_DEV_LOOP_MIN_COUNT
IDLE = "0 " * 16 + "0\n"


def show(box: Box) -> str:
    """The swap disk, then the file system's: one queue serves both; what swapping did not ask for is the latter's."""
    disk, swap = box.disk, box.swap
    pages = box.vmstat["pswpin"], box.vmstat["pswpout"]
    times = [
        (LATENCY_USEC * requests + PAGE_USEC * count) // 1000
        for requests, count in zip((swap.reads, swap.writes), pages, strict=True)
    ]
    lines = [f"   1 {number:7} ram{number} {IDLE}" for number in range(RAM_DISKS)]
    lines += [f"   7 {number:7} loop{number} {IDLE}" for number in range(LOOP_DEVICES)]
    lines += [_line(0, "vda", (swap.reads, pages[0], times[0]), (swap.writes, pages[1], times[1]), 0, sum(times), 0)]
    reads = disk.reads - swap.reads, disk.pages_read - pages[0], max(0, disk.read_usec // 1000 - times[0])
    writes = disk.writes - swap.writes, disk.pages_written - pages[1], max(0, disk.write_usec // 1000 - times[1])
    busy = max(0, disk.busy_usec // 1000 - sum(times))
    lines.append(_line(16, "vdb", reads, writes, disk.in_flight(), busy, disk.flushes))
    return "".join(lines)


def _line(
    minor: int, name: str, reads: tuple[int, int, int], writes: tuple[int, int, int], waiting: int, busy: int,
    flushes: int,
) -> str:  # fmt: skip
    """`reads`, `writes`: requests, pages, milliseconds."""
    done = " ".join(f"{requests} 0 {pages * SECTORS} {msec}" for requests, pages, msec in (reads, writes))
    return f"{254:4} {minor:7} {name} {done} {waiting} {busy} {reads[2] + writes[2]} 0 0 0 0 {flushes} 0\n"
