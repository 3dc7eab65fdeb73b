"""/sys/block: the disks, their sizes, figures and queues (block/genhd.c, blk-sysfs.c).

**Known deviations:** only the box's own disks, no loop and RAM disks; what may be written takes the value that it has,
and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.procfs import diskstats
from memsh.procfs.node import Directory, Link, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import Inode

HOME = "../devices/pci0000:00/0000:00:0{slot}.0/virtio{number}/block/{name}"
QUEUE = """
    add_random 0 rw, chunk_sectors 0, dax 0, discard_granularity 512, discard_max_bytes 2147483136 rw,
    discard_max_hw_bytes 2147483136, discard_zeroes_data 0, dma_alignment 511, fua 0, hw_sector_size 512, io_poll 0 rw,
    io_poll_delay -1 rw, iostats 1 rw, logical_block_size 512, max_discard_segments 1, max_hw_sectors_kb 2147483647,
    max_integrity_segments 0, max_sectors_kb 1280 rw, max_segment_size 4294967295, max_segments 254,
    minimum_io_size 512, nomerges 0 rw, nr_requests 256 rw, nr_zones 0, optimal_io_size 0, physical_block_size 512,
    read_ahead_kb 128 rw, rotational 1 rw, rq_affinity 1 rw, scheduler [mq-deadline]_kyber_none rw, stable_writes 0 rw,
    virt_boundary_mask 0, write_cache write_back rw, write_same_max_bytes 0, write_zeroes_max_bytes 2147483136,
    zone_append_max_bytes 0, zone_write_granularity 0, zoned none
"""
PLAIN = {"alignment_offset": "0", "capability": "0", "discard_alignment": "0", "events_poll_msecs": "-1",
         "ext_range": "256", "hidden": "0", "range": "16", "removable": "0", "ro": "0"}  # fmt: skip
DISKSEQ = 25  # the loop and RAM disks came before


def _keep(text: str) -> Callable[[Box, str], None]:
    """A store that takes what is there already; EINVAL for anything else."""

    def store(box: Box, written: str) -> None:
        del box
        if written.strip() != text:
            raise KernelError("EINVAL", f"{text} is all that it can be")

    return store


def attribute(text: str, writable: bool = False, option: str = "") -> ProcFile:
    """A value that never changes."""
    store = _keep(text) if writable else None
    return ProcFile(lambda box: text + "\n", store, 0o644 if writable else 0o444, option=option)


def _queue() -> Directory:
    found: dict[str, Node] = {}
    for entry in QUEUE.split(","):
        name, value, *rights = entry.split()
        found[name] = attribute(value.replace("_", " ") if "_" in value else value, bool(rights))
    return Directory(found, 0o755)


def disk_stat(box: Box, name: str) -> str:
    """The figures of /proc/diskstats, in columns."""
    row = next(line.split() for line in diskstats.show(box).splitlines() if line.split()[2] == name)
    widths = (8,) * 17
    return " ".join(f"{word:>{wide}}" for word, wide in zip(row[3:], widths, strict=True)) + "\n"


def disk(inode: Inode, number: int) -> Directory:
    """/sys/devices/…/block/NAME."""
    name, (major, minor) = inode.name, inode.dev
    told = f"MAJOR={major}\nMINOR={minor}\nDEVNAME={name}\nDEVTYPE=disk\nDISKSEQ={DISKSEQ + number}\n"
    return Directory({
        **{key: attribute(value) for key, value in PLAIN.items()},
        "cache_type": attribute("write back", True), "dev": attribute(f"{major}:{minor}"),
        "diskseq": attribute(str(DISKSEQ + number)), "events": ProcFile(lambda box: ""),
        "events_async": ProcFile(lambda box: ""), "holders": Directory({}, 0o755),
        "inflight": ProcFile(lambda box: f"{0:8} {box.disk.in_flight() if number else 0:8}\n"), "queue": _queue(),
        "serial": ProcFile(lambda box: ""), "size": ProcFile(lambda box: f"{inode.size >> 9}\n"),
        "slaves": Directory({}, 0o755), "stat": ProcFile(lambda box: disk_stat(box, name)),
        "uevent": ProcFile(lambda box: told, _keep(""), 0o644),
    }, 0o755)  # fmt: skip


def _disks(box: Box) -> dict[str, Inode]:
    return {inode.name: inode for inode in sorted(box.fs.block_devices(), key=lambda inode: inode.dev)}


def _names(box: Box) -> list[str]:
    return list(_disks(box))


def _links(up: str) -> Directory:
    """A folder of links to the disks; `up` leads from it to where /sys/block lies."""

    def find(box: Box, name: str) -> Node | None:
        if name not in _disks(box):
            return None
        number = _names(box).index(name)
        return Link(lambda box: up + HOME.format(slot=number + 2, number=number, name=name))

    return Directory({}, 0o755, _names, find)


def _slot_names(box: Box) -> list[str]:
    return [f"0000:00:0{number + 2}.0" for number in range(len(_disks(box)))]


def _slot(box: Box, name: str) -> Node | None:
    if name not in _slot_names(box):
        return None
    number = _slot_names(box).index(name)
    inode = _disks(box)[_names(box)[number]]
    block = Directory({inode.name: disk(inode, number)}, 0o755)
    return Directory({f"virtio{number}": Directory({"block": block}, 0o755)}, 0o755)


def _numbers(box: Box) -> dict[str, str]:
    return {f"{inode.dev[0]}:{inode.dev[1]}": name for name, inode in _disks(box).items()}


def _by_number(box: Box, name: str) -> Node | None:
    found = _numbers(box).get(name)
    return None if found is None else _links("../").child(box, found)


BLOCK, CLASS, PCI = _links(""), _links("../"), Directory({}, 0o755, _slot_names, _slot)
DEV_BLOCK = Directory({}, 0o755, lambda box: list(_numbers(box)), _by_number)
