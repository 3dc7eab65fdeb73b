"""/sys/block: the disks, their sizes, figures and queues (block/genhd.c, blk-sysfs.c).

Loop and RAM disks are in the machine's list.

**Known deviations:** what may be written takes the value that it has, and no other, unless `sys_kept` keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.major import RAM_DISKS, RAMDISK_MAJOR
from memsh.procfs import diskstats, sys_irq
from memsh.procfs.node import Directory, Link, Node, ProcFile
from memsh.procfs.stat import queue_cpus
from memsh.procfs.sys_device import keeping, uevent
from memsh.procfs.sys_kept import keeping_file

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
    read_ahead_kb 128 rw, rotational 1 rw, rq_affinity 1 rw, stable_writes 0 rw,
    virt_boundary_mask 0, write_cache write_back rw, write_same_max_bytes 0, write_zeroes_max_bytes 2147483136,
    zone_append_max_bytes 0, zone_write_granularity 0, zoned none
"""
DEADLINE = ("async_depth 256, fifo_batch 16, front_merges 1, prio_aging_expire 10000, read_expire 500, "
            "write_expire 5000, writes_starved 2")
TAGS = 256  # requests that a queue may have
PLAIN = {"alignment_offset": "0", "capability": "0", "discard_alignment": "0",
         "ext_range": "256", "hidden": "0", "range": "16", "removable": "0", "ro": "0"}  # fmt: skip
DISKSEQ = 25  # the loop and RAM disks came before


def attribute(text: str, writable: bool = False, option: str = "") -> ProcFile:
    """A value that never changes."""
    store = keeping(lambda box: text) if writable else None
    return ProcFile(lambda box: text + "\n", store, 0o644 if writable else 0o444, option=option)


def _single(box: Box) -> bool:
    """elevator_get_default(): a disk with one queue, as with one CPU, is served by mq-deadline, with more by none."""
    return box.config.cpus == 1


def _scheduler(box: Box) -> str:
    return "[mq-deadline] kyber none\n" if _single(box) else "[none] mq-deadline kyber \n"


def _queue(box: Box, disk: str) -> Directory:
    found: dict[str, Node] = {"scheduler": ProcFile(_scheduler, keeping(_scheduler), 0o644)}
    for entry in QUEUE.split(","):
        name, value, *rights = entry.split()
        found[name] = attribute(value.replace("_", " ") if "_" in value else value, bool(rights))
    if _single(box):
        rows = (entry.split() for entry in DEADLINE.split(", "))
        found["iosched"] = Directory({
            name: keeping_file(f"/block/{disk}/queue/iosched/{name}", attribute(value, True)) for name, value in rows
        }, 0o755)  # fmt: skip
    return Directory({name: keeping_file(f"/block/{disk}/queue/{name}", node) if isinstance(node, ProcFile) else node
                      for name, node in found.items()}, 0o755)  # fmt: skip


def _queues(box: Box) -> Directory:
    """mq/: a queue for each CPU (block/blk-mq-sysfs.c)."""
    return Directory({
        str(queue): Directory({
            f"cpu{cpu}": Directory({}, 0o755), "cpu_list": attribute(str(cpu)), "nr_reserved_tags": attribute("0"),
            "nr_tags": attribute(str(TAGS)),
        }, 0o755) for queue, cpu in enumerate(queue_cpus(box))
    }, 0o755)  # fmt: skip


def disk_stat(box: Box, name: str) -> str:
    """The figures of /proc/diskstats, in columns."""
    row = next(line.split() for line in diskstats.show(box).splitlines() if line.split()[2] == name)
    widths = (8,) * 17
    return " ".join(f"{word:>{wide}}" for word, wide in zip(row[3:], widths, strict=True)) + "\n"


def disk(box: Box, inode: Inode, number: int) -> Directory:
    """/sys/devices/…/block/NAME."""
    name, (major, minor) = inode.name, inode.dev
    told = f"MAJOR={major}\nMINOR={minor}\nDEVNAME={name}\nDEVTYPE=disk\nDISKSEQ={DISKSEQ + number}\n"
    return Directory({
        **{key: attribute(value) for key, value in PLAIN.items()},
        "cache_type": attribute("write back", True), "dev": attribute(f"{major}:{minor}"),
        "diskseq": attribute(str(DISKSEQ + number)), "events": ProcFile(lambda box: ""),
        "events_async": ProcFile(lambda box: ""),
        "events_poll_msecs": keeping_file(f"/block/{name}/events_poll_msecs", attribute("-1", True)),
        "holders": Directory({}, 0o755),
        "inflight": ProcFile(lambda box: f"{0:8} {box.disk.in_flight(inode.dev):8}\n"), "mq": _queues(box),
        "queue": _queue(box, name),
        "serial": ProcFile(lambda box: ""), "size": ProcFile(lambda box: f"{inode.size >> 9}\n"),
        "slaves": Directory({}, 0o755), "stat": ProcFile(lambda box: disk_stat(box, name)),
        "uevent": uevent(told),
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
    block = Directory({inode.name: disk(box, inode, number)}, 0o755)
    irqs: dict[str, Node] = {at: attribute("msix") for at in sys_irq.of_disk(box, number)}
    return Directory({"msi_irqs": Directory(irqs, 0o755), f"virtio{number}": Directory({"block": block}, 0o755)}, 0o755)


def _numbers(box: Box) -> dict[str, str]:
    return {f"{inode.dev[0]}:{inode.dev[1]}": name for name, inode in _disks(box).items()}


def _by_number(box: Box, name: str) -> Node | None:
    found = _numbers(box).get(name)
    return None if found is None else _links("../").child(box, found)


def _ramdisk_pages(dev: tuple[int, int]) -> ProcFile:
    return ProcFile(lambda box: f"{box.disk.brd.nr_pages(dev)}\n")


RAMDISK_PAGES = Directory({
    f"ram{number}": _ramdisk_pages((RAMDISK_MAJOR, number)) for number in range(RAM_DISKS)
}, 0o755)  # fmt: skip
BLOCK, CLASS, PCI = _links(""), _links("../"), Directory({}, 0o755, _slot_names, _slot)
DEV_BLOCK = Directory({}, 0o755, lambda box: list(_numbers(box)), _by_number)
