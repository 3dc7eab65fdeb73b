"""/proc/diskstats: requests, sectors of 512 bytes and milliseconds of the box's disks (block/genhd.c, diskstats_show).

**Known deviations:** no requests are merged; nothing is discarded; one queue serves both disks, so that requests to one
wait for the other's; a mounted file system's superblock counts as read and written by nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.block.blk_cgroup import FS_DISK, SWAP_DISK
from memsh.linux.include.major import LOOP_DEVICES, RAM_DISKS

if TYPE_CHECKING:
    from memsh.linux.box import Box

SECTORS = 8  # of a page
IDLE = "0 " * 16 + "0\n"


def show(box: Box) -> str:
    """All disks in the order of their numbers."""
    lines = [f"   1 {number:7} ram{number} {IDLE}" for number in range(RAM_DISKS)]
    lines += [f"   7 {number:7} loop{number} {IDLE}" for number in range(LOOP_DEVICES)]
    for name, dev in (("vda", SWAP_DISK), ("vdb", FS_DISK)):
        stats = box.disk.stats[dev]
        read, write = stats.read_usec // 1000, stats.write_usec // 1000
        lines.append(
            f"{dev[0]:4} {dev[1]:7} {name} {stats.reads} 0 {stats.pages_read * SECTORS} {read} {stats.writes} 0 "
            f"{stats.pages_written * SECTORS} {write} {box.disk.in_flight(dev)} {stats.busy_usec // 1000} "
            f"{read + write} 0 0 0 0 {stats.flushes} 0\n"
        )
    return "".join(lines)
