"""/proc/diskstats: requests, sectors of 512 bytes and milliseconds of the box's disk (block/genhd.c, diskstats_show).

**Known deviations:** no requests are merged; nothing is discarded or flushed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.kernel.box import Box

SECTORS = 8  # of a page


def show(box: Box) -> str:
    disk = box.disk
    waiting = disk.in_flight()
    spent = disk.busy_usec // 1000
    weighted = (disk.read_usec + disk.write_usec) // 1000
    reads = f"{disk.reads} 0 {disk.pages_read * SECTORS} {disk.read_usec // 1000}"
    writes = f"{disk.writes} 0 {disk.pages_written * SECTORS} {disk.write_usec // 1000}"
    return f"{254:4} {0:7} vda {reads} {writes} {waiting} {spent} {weighted} 0 0 0 0 0 0\n"
