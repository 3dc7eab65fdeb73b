"""/sys/firmware: the tables of the recorded machines, byte by byte."""

from __future__ import annotations

from struct import unpack_from
from zlib import crc32

import pytest

from memsh.linux.arch.x86.acpi import dsdt_size
from memsh.linux.config import MIB, Config
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.procfs.node import ProcFile

# of each table of a recorded machine: its length in bytes, and its crc32
BOTH = {"APIC": (128, 0x3371F6D6), "FACS": (64, 0xFF9A01D9), "HPET": (56, 0xD7217BCD), "WAET": (40, 0x8195FC18)}
NODES = ((2048 * MIB, (0, 1)), (2048 * MIB, (2, 3)))
MACHINES: dict[str, tuple[Config, dict[str, tuple[int, int]]]] = {
    "i386": (Config(ram=256 * MIB, cpus=2, swap=64 * MIB), {
        **BOTH, "FACP": (116, 0xEB6956B4), "DMI": (388, 0x92D17746), "smbios_entry_point": (31, 0x522E5D3D),
    }),
    "x86_64": (Config(arch="x86_64", ram=512 * MIB, cpus=2, swap=64 * MIB), {
        **BOTH, "FACP": (116, 0x91A7017B), "DMI": (388, 0xA9B81E69), "smbios_entry_point": (31, 0x522E5D3D),
    }),
    "nodes": (Config(arch="x86_64", ram=4096 * MIB, cpus=4, nodes=NODES, swap=64 * MIB), {
        **BOTH, "APIC": (144, 0xADB1BECA), "FACP": (116, 0x741F5FB0), "SRAT": (272, 0x4826A836),
        "DMI": (489, 0xD60C9643), "smbios_entry_point": (31, 0xA556FA13),
    }),
}  # fmt: skip


@pytest.mark.parametrize("machine", MACHINES)
def test_tables(machine: str) -> None:
    config, recorded = MACHINES[machine]
    box = Box(config)
    for name, (size, check) in recorded.items():
        path = f"/sys/firmware/{'acpi' if name.isupper() and name != 'DMI' else 'dmi'}/tables/{name}"
        node = tree.lookup(box, path)
        assert isinstance(node, ProcFile) and node.mode == 0o400 and node.size is not None, path
        whole = tree.show(box, path).encode("utf-8", "surrogateescape")
        assert (len(whole), crc32(whole), node.size(box)) == (size, check, size), path
    there = set(tree.listdir(box, "/sys/firmware/acpi/tables"))
    assert there == {*(name for name in recorded if name.isupper() and name != "DMI"), "DSDT", "data", "dynamic"}


@pytest.mark.parametrize(("cpus", "size"), [(1, 6385), (2, 6468), (3, 6554), (4, 6640), (6, 6813), (18, 7845)])
def test_each_cpu_makes_the_firmwares_program_longer(cpus: int, size: int) -> None:
    assert dsdt_size(Config(arch="x86_64", ram=512 * MIB, cpus=cpus)) == size


def test_nodes_make_it_longer() -> None:
    nodes = tuple((512 * MIB, (2 * nid, 2 * nid + 1)) for nid in range(3))
    assert dsdt_size(Config(arch="x86_64", ram=1536 * MIB, cpus=6, nodes=nodes)) == 6851
    uneven = ((512 * MIB, (0,)), (512 * MIB, (1, 2)))
    assert dsdt_size(Config(arch="x86_64", ram=1024 * MIB, cpus=3, nodes=uneven)) == 6572


def test_the_map_is_the_firmwares_own() -> None:
    box = Box(Config(ram=256 * MIB, cmdline="mem=128M"))
    rows = [[tree.show(box, f"/sys/firmware/memmap/{at}/{name}").strip() for name in ("start", "end", "type")]
            for at in tree.listdir(box, "/sys/firmware/memmap")]  # fmt: skip
    assert rows == [
        ["0x0", "0x9fbff", "System RAM"], ["0x9fc00", "0x9ffff", "Reserved"], ["0xf0000", "0xfffff", "Reserved"],
        ["0x100000", "0xffdffff", "System RAM"], ["0xffe0000", "0xfffffff", "Reserved"],
        ["0xfffc0000", "0xffffffff", "Reserved"],
    ]  # fmt: skip


def test_what_the_boot_loader_told() -> None:
    """struct boot_params: the recorded bytes, but for those of the RAM disk."""
    config, _ = MACHINES["x86_64"]
    box = Box(config)
    whole = tree.show(box, "/sys/kernel/boot_params/data").encode("utf-8", "surrogateescape")
    assert len(whole) == 4096 and whole[0x202:0x206] == b"HdrS"
    rows = [unpack_from("<QQI", whole, 0x2D0 + 20 * at) for at in range(whole[0x1E8])]
    assert rows == [
        (0, 0x9FC00, 1), (0x9FC00, 0x400, 2), (0xF0000, 0x10000, 2), (0x100000, 0x1FEDA000, 1),
        (0x1FFDA000, 0x26000, 2), (0xFFFC0000, 0x40000, 2), (0xFD00000000, 0x300000000, 2),
    ]  # fmt: skip
    known = bytearray(whole)
    known[0x218:0x220] = bytes(8)
    assert crc32(bytes(known)) == 0x40DFB1E2
