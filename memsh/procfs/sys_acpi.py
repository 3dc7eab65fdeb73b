"""/sys/firmware/acpi/tables: what the firmware of the emulated PC tells the kernel (drivers/acpi/sysfs.c), byte by
byte.

Where the tables lie is what the log says (memsh.linux.arch.x86.acpi).

No known deviations.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.acpi import firmware_tables
from memsh.linux.arch.x86.e820 import low_ram
from memsh.procfs.dsdt import dsdt
from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box

HOLE, BEHIND_HOLE = 640 << 10, 1 << 20  # where RAM is cut, and goes on
BYTE = 0xFF
REGISTERS = (  # of the FACP, behind the addresses of FACS and DSDT
    "01000900b2000000f1f0000000060000000000000406000000000000"
    "0000000008060000e0af0000000000000402000404000000ff0fff0f000000000000000032000000a5800000"
)
OVERRIDES = ((0, 2, 0), (5, 5, 13), (9, 9, 13), (10, 10, 13), (11, 11, 13))  # ISA's interrupts: from, to, how


def _table(name: str, body: bytes) -> bytes:
    """With its head, of which one byte makes the sum of all 0."""
    whole = struct.pack("<4sIBB6s8sI4sI", name.encode(), 36 + len(body), 1, 0, b"BOCHS ", b"BXPC    ", 1, b"BXPC", 1)
    whole += body
    return whole[:9] + bytes([-sum(whole) & BYTE]) + whole[10:]


def _facp(box: Box) -> bytes:
    tables = firmware_tables(box.config, low_ram(box.config.ram))
    return _table("FACP", struct.pack("<II", tables["FACS"].start, tables["DSDT"].start) + bytes.fromhex(REGISTERS))


def _facs(box: Box) -> bytes:
    return struct.pack("<4sI56x", b"FACS", 64)


def _apic(box: Box) -> bytes:
    body = struct.pack("<II", 0xFEE00000, 1)
    body += b"".join(struct.pack("<BBBBI", 0, 8, cpu, cpu, 1) for cpu in range(box.config.firmware_cpus))
    body += struct.pack("<BBBBII", 1, 12, 0, 0, 0xFEC00000, 0)
    body += b"".join(struct.pack("<BBBBIH", 2, 10, 0, *row) for row in OVERRIDES)
    return _table("APIC", body + bytes.fromhex("0406ff000001"))


def _hpet(box: Box) -> bytes:
    return _table("HPET", struct.pack("<IIQI", 0x8086A201, 0, 0xFED00000, 0))


def _waet(box: Box) -> bytes:
    return _table("WAET", struct.pack("<I", 2))


def _srat(box: Box) -> bytes:
    """Which CPU and which RAM belong to which node."""
    nodes = box.config.firmware_nodes
    at = sorted((cpu, nid) for nid, (_, cpus) in enumerate(nodes) for cpu in cpus)
    body = struct.pack("<IQ", 1, 0) + b"".join(struct.pack("<BBBBIII", 0, 16, nid, cpu, 1, 0, 0) for cpu, nid in at)
    ranges = [(nid, start, size, 1) for nid, start, size in _ranges([size for size, _ in nodes], box.config.ram)]
    ranges += [(0, 0, 0, 0)] * (len(nodes) + 2 - len(ranges))
    return _table("SRAT", body + b"".join(struct.pack("<BBIHQQIIQ", 1, 40, nid, 0, start, size, 0, on, 0)
                                          for nid, start, size, on in ranges))  # fmt: skip


def _ranges(sizes: Iterable[int], ram: int) -> Iterator[tuple[int, int, int]]:
    """(node, start, bytes): RAM is cut at 640 KiB, and where the bus begins."""
    top, behind = low_ram(ram), 1 << 32  # not i386: where RAM goes on that does not fit below
    start = 0
    for nid, size in enumerate(sizes):
        end = start + size
        if start <= HOLE < end:
            yield nid, start, HOLE - start
            start = BEHIND_HOLE
        if start <= top < end:
            if start < top:
                yield nid, start, top - start
            start, end = behind, behind + end - top
        yield nid, start, end - start
        start = end


def _slit(box: Box) -> bytes:
    """How far the nodes are from each other."""
    nodes, far = len(box.config.firmware_nodes), box.config.distance
    return _table("SLIT", struct.pack("<Q", nodes) + bytes(
        10 if one == other else far for one in range(nodes) for other in range(nodes)))  # fmt: skip


TABLES: dict[str, Callable[[Box], bytes]] = {
    "APIC": _apic, "DSDT": lambda box: dsdt(box.config), "FACP": _facp, "FACS": _facs, "HPET": _hpet, "SLIT": _slit,
    "SRAT": _srat, "WAET": _waet,
}  # fmt: skip


def _names(box: Box) -> list[str]:
    return sorted({*firmware_tables(box.config, low_ram(box.config.ram))} - {"RSDT"})


def _find(box: Box, name: str) -> Node | None:
    return binary(TABLES[name]) if name in _names(box) else None


def binary(made: Callable[[Box], bytes]) -> ProcFile:
    """A file for root of bytes that a box has."""
    return ProcFile(lambda box: made(box).decode("utf-8", "surrogateescape"), None, 0o400,
                    size=lambda box: len(made(box)))  # fmt: skip


FOLDER = Directory({"data": Directory({}, 0o755), "dynamic": Directory({}, 0o755)}, 0o755, _names, _find)
