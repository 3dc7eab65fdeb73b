"""What the lists of /sys name and a box knows: its CPUs and nodes, its clock, what its firmware wrote down of the RAM.

Bytes are two hexadecimal digits, for a text such as `\\x{cmos35}`. The firmware's cells are SeaBIOS's (0x30 to 0x5f:
how much RAM and how many CPUs there are) and those of the emulated PC's host bridge.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.acpi import firmware_tables, rsdp
from memsh.linux.arch.x86.e820 import low_ram
from memsh.linux.block.blk_cgroup import FS_DISK
from memsh.linux.config import MIB, cpulist_text
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.kernel.timer import BTIME
from memsh.linux.mm.page_alloc.available import dirty_limits
from memsh.procfs.blk_mq import blk_mq_tags
from memsh.procfs.sys_memory import blocks
from memsh.procfs.sys_node import cpumap_text

if TYPE_CHECKING:
    from memsh.linux.box import Box

UNIT = 64 << 10  # in which the firmware counts RAM beyond 16 MiB, and beyond 4 GiB
BANK = 8 * MIB  # in which the host bridge does
BYTE = 0xFF
E820_MAX, E820_ENTRY = 128, 20  # of the boot loader's map: how many at most, bytes of each
FIRMWARE_KEEPS = 0x30000  # bytes below the end of low RAM that a boot loader leaves alone


def _near(box: Box) -> range:
    """cpumask_of_pcibus(): on a kernel that knows nodes those that run, on others all."""
    return range(box.config.cpus if box.arch.numa else box.config.present)


def _now(box: Box) -> datetime:
    return datetime.fromtimestamp(_epoch(box), UTC)


def _epoch(box: Box) -> int:
    return BTIME + box.timer.usec // 1_000_000


def _pools(box: Box) -> str:
    """wq_pool_ids_show(): behind two pools of each CPU one for all, or then one of each node."""
    nodes, first = len(box.pages.nodes), 2 * box.config.present
    return " ".join(f"{nid}:{first + (1 + nid if nodes > 1 else 0)}" for nid in range(nodes))


def _image_size(box: Box) -> str:
    """hibernate_image_size_init(): two fifths of what is free before init's memory and the RAM disk's is given back."""
    pages = sum(zone.managed for zone in box.pages.zones) - box.model.start.image.late_pages
    return str(pages * 2 // 5 * PAGE_SIZE)


def _uevents(box: Box) -> int:
    """How often the kernel told of something new, beyond what one CPU and no node and no piece of memory bring."""
    present, online = box.config.present - 1, box.config.cpus - 1  # its driver, ACPI's name, timer …; msr, cpuid …
    of_cpus = 5 * present + (3 if "X86_MCE" in box.model.options else 2) * online
    pieces = len(blocks(box)) + len(box.pages.nodes) if box.arch.numa else 0
    return of_cpus + pieces


def _scheduler(nsec: int) -> Callable[[Box], int]:
    """update_sysctl(): a figure of the scheduler grows with the logarithm of the CPUs, of 8 at most."""
    return lambda box: nsec * min(box.config.cpus, 8).bit_length()


def _jbd2(box: Box) -> int:
    """The thread that writes the journal."""
    return next((task.pid for task in box.tasks.values() if task.comm.startswith("jbd2/")), 0)


def _written(box: Box) -> int:
    """kB written to the file system since it was mounted: at that, its superblock."""
    return (box.disk.stats[FS_DISK].pages_written + 1) * PAGE_SIZE // 1024


def _threshold(at: int) -> Callable[[Box], int]:
    """In kB, of all disks together: from which on pages are written back, and from which on their writers wait."""
    return lambda box: dirty_limits(box)[at] * (PAGE_SIZE // 1024)


def _acpi(box: Box, name: str, behind: bool = False) -> int:
    """The page in which one of the firmware's tables begins, or the first one behind it."""
    start, size = firmware_tables(box.config, low_ram(box.config.ram))[name]
    return -(-(start + size) // PAGE_SIZE) * PAGE_SIZE if behind else start // PAGE_SIZE * PAGE_SIZE


def _escaped(whole: bytes) -> str:
    """As a list spells bytes."""
    return "".join(f"\\x{byte:02x}" for byte in whole)


def _boot_map(box: Box) -> str:
    """The firmware's map as the boot loader hands it over (struct boot_e820_entry), of 128 entries at most."""
    entries = box.machine.firmware_map
    rows = [struct.pack("<QQI", one.start, one.end - one.start, 1 if one.kind == "usable" else 2) for one in entries]
    return _escaped(b"".join(rows).ljust(E820_MAX * E820_ENTRY, b"\0"))


def _boot_memory(box: Box) -> str:
    """kB of RAM beyond 1 MiB, as an older call of the firmware counts it: in steps of 64 KiB."""
    end = next((one.end for one in box.machine.firmware_map if one.start == MIB), MIB)
    return _escaped(struct.pack("<I", (end // UNIT * UNIT - MIB) >> 10))


def _boot_disk(box: Box) -> str:
    """Where the RAM disk lay, and how many bytes it has."""
    size = box.model.start.image.initrd
    return _escaped(struct.pack("<II", (low_ram(box.config.ram) - FIRMWARE_KEEPS - size) & -PAGE_SIZE, size))


def _byte(figure: Callable[[Box], int], at: int = 0) -> Callable[[Box], str]:
    return lambda box: f"{figure(box) >> 8 * at & BYTE:02x}"


def _extended(box: Box) -> int:
    return (low_ram(box.config.ram) - 16 * MIB) // UNIT


def _high(box: Box) -> int:
    return (box.config.ram - low_ram(box.config.ram)) // UNIT


WORDS: dict[str, Callable[[Box], str | int]] = {
    "cpulist": lambda box: cpulist_text(range(box.config.present)),
    "cpumask": lambda box: cpumap_text(range(box.config.present), box.config.present),
    "cpus": lambda box: ", ".join(map(str, range(box.config.present))),
    "nearlist": lambda box: cpulist_text(_near(box)),
    "nearmask": lambda box: cpumap_text(_near(box), box.config.present),
    "nodes": lambda box: cpulist_text(range(len(box.pages.nodes))),
    "pools": _pools,
    "sched_latency": _scheduler(6_000_000), "sched_min": _scheduler(750_000), "sched_wakeup": _scheduler(1_000_000),
    "jbd2": _jbd2, "written_kb": _written, "background_kb": _threshold(0), "dirty_kb": _threshold(1),
    "uevents": _uevents, "image_size": _image_size,
    "epoch": lambda box: str(_epoch(box)),
    "date": lambda box: f"{_now(box):%Y-%m-%d}",
    "time": lambda box: f"{_now(box):%H:%M:%S}",
    "uptime_ms": lambda box: box.timer.usec // 1000,
    "acpi": lambda box: _acpi(box, "FACS"), "acpi_behind": lambda box: _acpi(box, "DSDT", True),
    "acpi_list": lambda box: _acpi(box, "FACP"), "acpi_end": lambda box: _acpi(box, "WAET", True),
    "boot_rsdp": lambda box: _escaped(struct.pack("<Q", rsdp(box.config))), "boot_memory": _boot_memory,
    "boot_entries": lambda box: _escaped(bytes([len(box.machine.firmware_map)])), "boot_map": _boot_map,
    "boot_disk": _boot_disk,
    "banks": _byte(lambda box: min(BYTE, low_ram(box.config.ram) // BANK)),
    "loop_tags": partial(blk_mq_tags, depth=128), "disk_tags": partial(blk_mq_tags, depth=256),
    "sched_tags": lambda box: blk_mq_tags(box, depth=256, shallow=1) if box.config.cpus == 1 else "",
    "queues": _byte(lambda box: box.config.cpus),
    "cmos34": _byte(_extended), "cmos35": _byte(_extended, 1),
    "cmos5b": _byte(_high), "cmos5c": _byte(_high, 1), "cmos5d": _byte(_high, 2),
    "cmos5f": _byte(lambda box: box.config.firmware_cpus - 1),
}  # fmt: skip
