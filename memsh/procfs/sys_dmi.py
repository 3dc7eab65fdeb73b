"""/sys/firmware/dmi/tables: the SMBIOS tables of the emulated PC's firmware (drivers/firmware/dmi_scan.c): the machine,
its packages of processors and its RAM, byte by byte.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.acpi import DIMM, SMBIOS_LOW, rsdp
from memsh.linux.arch.x86.e820 import low_ram
from memsh.linux.config import MIB
from memsh.procfs.node import Directory
from memsh.procfs.sys_acpi import BYTE, binary

if TYPE_CHECKING:
    from memsh.linux.box import Box

KIB = 1 << 10
MACHINE = "pc-i440fx-7.2"
FEATURES = (  # CPUID 1, edx, from bit 0 on; "" what Linux has no name for
    "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "", "sep", "mtrr", "pge", "mca", "cmov",
    "pat", "pse36", "pn", "clflush", "", "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss",
)  # fmt: skip
ALWAYS = ("pat",)  # which a kernel without page attribute tables leaves out


def _structure(kind: int, number: int, body: bytes, *strings: str) -> bytes:
    words = b"".join(word.encode() + b"\0" for word in strings) + b"\0" * (1 if strings else 2)
    return struct.pack("<BBH", kind, 4 + len(body), number) + body + words


def _processor(box: Box, package: int, cores: int) -> bytes:
    told = dict(box.model.start.cpuinfo(box, 0))
    family, model, stepping = int(told["cpu family"]), int(told["model"]), int(told["stepping"])
    signature = (model >> 4) << 16 | family << 8 | (model & 15) << 4 | stepping
    flags = told["flags"].split()
    features = sum(1 << bit for bit, name in enumerate(FEATURES) if name in flags or name in ALWAYS)
    return _structure(
        4, 0x400 + package,
        struct.pack("<BBBBII", 1, 3, 1, 2, signature, features) + struct.pack("<BBHHHBB", 3, 0, 0, 2000, 2000, 0x41, 1)
        + struct.pack("<HHHBBBBBBHH", 0xFFFF, 0xFFFF, 0xFFFF, 0, 0, 0, cores, cores, cores, 2, 1),
        f"CPU {package}", "QEMU", MACHINE,
    )  # fmt: skip


def structures(box: Box) -> list[bytes]:
    """The machine, its packages, its RAM as a whole, in pieces and in ranges."""
    ram, low = box.config.ram, low_ram(box.config.ram)
    packages = [len(cpus) for _, cpus in box.config.firmware_nodes] or [box.config.firmware_cpus]
    pieces = -(-ram // DIMM)
    found = [
        _structure(0, 0, bytes.fromhex("0102 00e8 03 00 0800000000000000 0004 0000 ffff"), "SeaBIOS",
                   "1.16.2-debian-1.16.2-1", "04/01/2014"),
        _structure(1, 0x100, bytes.fromhex("01020300") + bytes(16) + bytes.fromhex("060000"), "QEMU",
                   "Standard PC (i440FX + PIIX, 1996)", MACHINE),
        _structure(3, 0x300, bytes.fromhex("01010200000303030200000000000000 0000"), "QEMU", MACHINE),
    ]  # fmt: skip
    found += [_processor(box, at, cores) for at, cores in enumerate(packages)]
    found.append(_structure(16, 0x1000, struct.pack("<BBBIHHQ", 1, 3, 6, ram // KIB, 0xFFFE, pieces, 0)))
    for at in range(pieces):
        size = min(DIMM, ram - at * DIMM) // MIB
        found.append(_structure(
            17, 0x1100 + at, struct.pack("<HHHHHBBBBBHH", 0x1000, 0xFFFE, 0xFFFF, 0xFFFF, size, 9, 0, 1, 0, 7, 2, 0)
            + struct.pack("<BBBBBIHHHH", 2, 0, 0, 0, 0, 0, 0, 0, 0, 0), f"DIMM {at}", "QEMU"))  # fmt: skip
    ranges = [(0, low)] + ([(1 << 32, ram - low)] if ram > low else [])  # not i386: RAM that does not fit below
    found += [_structure(19, 0x1300 + at, struct.pack("<IIHBQQ", start // KIB, (start + size) // KIB - 1, 0x1000, 1,
                                                      0, 0)) for at, (start, size) in enumerate(ranges)]  # fmt: skip
    found += [_structure(32, 0x2000, bytes(7)), _structure(127, 0x7F00, b"")]
    return found


def _dmi(box: Box) -> bytes:
    return b"".join(structures(box))


def _entry(box: Box) -> bytes:
    """Where the tables lie, how long they are, how many, and how long the longest is."""
    found = structures(box)
    size = sum(map(len, found))
    at = rsdp(box.config) + 0x40 if size <= SMBIOS_LOW else (low_ram(box.config.ram) - size) & -32
    inner = _summed(struct.pack("<5sBHIHB", b"_DMI_", 0, size, at, len(found), 0x28), 5)
    return _summed(struct.pack("<4sBBBBHB5x", b"_SM_", 0, 31, 2, 8, max(map(len, found)), 0) + inner, 4)


def _summed(whole: bytes, place: int) -> bytes:
    """With the byte at `place` that makes the sum of all 0."""
    return whole[:place] + bytes([-sum(whole) & BYTE]) + whole[place + 1 :]


FOLDER = Directory({"DMI": binary(_dmi), "smbios_entry_point": binary(_entry)}, 0o755)
