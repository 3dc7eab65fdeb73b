"""/proc/partitions: the disks and their sizes in KiB (block/genhd.c, show_partition)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.major import RAM_DISKS

if TYPE_CHECKING:
    from memsh.linux.box import Box

RAM_DISK_KIB = 4096  # CONFIG_BLK_DEV_RAM_SIZE


def show(box: Box) -> str:
    rows = [(1, number, RAM_DISK_KIB, f"ram{number}") for number in range(RAM_DISKS)]
    rows += [(disk.dev[0], disk.dev[1], disk.size >> 10, disk.name) for disk in box.fs.block_devices()]
    rows.sort()
    return "major minor  #blocks  name\n\n" + "".join(
        f"{major:4}  {minor:7} {blocks:10} {name}\n" for major, minor, blocks, name in rows
    )
