"""What the drivers of each machine put into /dev, in their order, as the recorded machines' inode numbers tell it.

The box's disks come behind the loop devices.

No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterator

from memsh.linux.include.major import LOOP_DEVICES, RAM_DISKS
from memsh.linux.include.model import DevNode

TTYS, SERIAL_PORTS = 64, 4
_MEM = ("mem 1 600", "null 3 666", "port 4 600", "zero 5 666", "full 7 666", "random 8 666", "urandom 9 666",
        "kmsg 11 644")  # fmt: skip


def _char(path: str, major: int, minor: int, mode: int = 0o600) -> DevNode:
    return DevNode(path, False, (major, minor), mode)


def _block(path: str, major: int, minor: int, mode: int = 0o600) -> DevNode:
    return DevNode(path, True, (major, minor), mode)


def _first(cpus: int) -> Iterator[DevNode]:
    """Up to the processors' registers."""
    yield _char("vga_arbiter", 10, 127)
    for words in _MEM:
        name, minor, mode = words.split()
        yield _char(name, 1, int(minor), int(mode, 8))
    yield _char("tty", 5, 0, 0o666)
    yield _char("console", 5, 1)
    yield _char("tty0", 4, 0)
    for screen in range(2):
        for letter, first in (("", 0), ("u", 64), ("a", 128)):
            yield _char(f"vcs{letter}{screen or ''}", 7, first + screen)
    for number in range(1, TTYS):
        yield _char(f"tty{number}", 4, number)
    yield _char("hwrng", 10, 183)
    for cpu in range(cpus):
        yield _char(f"cpu/{cpu}/msr", 202, cpu)
    for cpu in range(cpus):
        yield _char(f"cpu/{cpu}/cpuid", 203, cpu)


def _terminals() -> Iterator[DevNode]:
    yield _char("ptmx", 5, 2, 0o666)
    for number in range(SERIAL_PORTS):
        yield _char(f"ttyS{number}", 4, 64 + number)


def _disks() -> Iterator[DevNode]:
    for number in range(RAM_DISKS):
        yield _block(f"ram{number}", 1, number)
    yield _char("loop-control", 10, 237)
    for number in range(LOOP_DEVICES):
        yield _block(f"loop{number}", 7, number)
    yield _block("vda", 254, 0, 0o660)
    yield _block("vdb", 254, 16, 0o660)


def i386(cpus: int) -> Iterator[DevNode]:
    """Of the 32-bit machine with so many processors."""
    yield from _first(cpus)
    yield _char("autofs", 10, 235, 0o644)
    yield from _terminals()
    yield from _disks()
    yield _char("input/event0", 13, 64)
    yield _char("rtc0", 254, 0)
    yield _char("cpu_dma_latency", 10, 126)
    yield _char("input/event1", 13, 65)


def x86_64(cpus: int) -> Iterator[DevNode]:
    """Of the 64-bit machine with so many processors."""
    yield from _first(cpus)
    yield _char("snapshot", 10, 231)
    yield _char("userfaultfd", 10, 126)
    yield from _terminals()
    yield _char("hpet", 10, 228)
    yield from _disks()
    yield _char("rtc0", 253, 0)
    yield _char("cpu_dma_latency", 10, 125)
