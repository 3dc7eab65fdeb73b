"""The firmware's tables, as an emulated PC (i440FX) has them: reserved RAM behind what the kernel may use.

Models drivers/acpi/acpica/tbprint.c, arch/x86/kernel/acpi/boot.c (acpi_boot_table_init) and what the firmware does
before: the tables lie one after the other, and some grow with the number of CPUs and nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.arch.x86.e820 import ACPI_DATA_SIZE, low_ram
from memsh.linux.arch.x86.setup import Logger, Machine
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_INFO

if TYPE_CHECKING:
    from memsh.linux.config import Config

MP_TABLE = 0xF5BA8  # the end of what the firmware keeps below, with one package
HEADER, POINTER = 36, 4  # bytes of a table's head, of an entry in the RSDT
LISTED = ("FACP", "DSDT", "FACS", "APIC", "HPET", "SRAT", "SLIT", "WAET")  # in the order of the RSDT
REMOTE_DISTANCE = 20  # between nodes of which no table tells
HIDDEN = ("DSDT", "FACS")  # which the FACP points to
DIMM = 16 << 30  # RAM comes in pieces of 16 GiB
DSDT, DSDT_OBJECTS, DSDT_BRANCHES = 0x18F1, 812, 17  # bytes with one CPU: all, the object of CPUs, its branches
SMBIOS_LOW = 600  # bytes of SMBIOS tables that fit below 1 MiB
VIRTIO_RING = 3 * PAGE_SIZE  # the firmware reads each drive through a ring of 256 entries, and keeps it


class Table(NamedTuple):
    start: int
    size: int


def packages(config: Config) -> int:
    """Processor packages: each node is one."""
    return max(1, len(config.firmware_nodes))


def smbios_size(config: Config) -> int:
    """Bytes of the SMBIOS tables: they tell of each package, each piece of RAM and each of its ranges."""
    pieces, ranges = -(-config.ram // DIMM), 1 + (config.ram > low_ram(config.ram))
    return 234 + 68 * packages(config) + 53 * pieces + 33 * ranges


def smbios_kept(config: Config) -> int:
    """Bytes of RAM below the end of low RAM that the SMBIOS tables take, if they are too many to lie below 1 MiB."""
    size = smbios_size(config)
    return -(-size // 64) * 64 if size > SMBIOS_LOW else 0


def mp_table(config: Config) -> int:
    """Where what points to the MultiProcessor table lies; the table, behind it, has an entry for each package."""
    return (MP_TABLE - 20 * (packages(config) - 1)) & -16


def rsdp(config: Config) -> int:
    """Where the firmware keeps the root of its tables; those of SMBIOS lie behind it, up to the MultiProcessor one."""
    drives = 0x10 * bool(config.swap)  # two
    tables = 0 if smbios_kept(config) else smbios_size(config)
    return mp_table(config) - -(-(tables + 64) // 16) * 16 - drives


def firmware_kept(config: Config, drives: int) -> int:
    """Bytes that the firmware keeps at the end of RAM below 4 GiB."""
    return smbios_kept(config) + ACPI_DATA_SIZE + drives * VIRTIO_RING


def dsdt_size(config: Config) -> int:
    """Bytes of the firmware's program, in which each CPU has an object with methods and a branch where it is told of;
    0 and 1 are a byte shorter than other numbers, and packages have longer heads beyond 63 and 4095 bytes."""
    node_of = {cpu: nid for nid, (_, its) in enumerate(config.firmware_nodes) for cpu in its}
    objects, branches = DSDT_OBJECTS, DSDT_BRANCHES
    for cpu in range(config.firmware_cpus):
        wide = cpu > 1
        objects += cpu and 71 + 3 * wide
        branches += cpu and 11 + wide
        objects += 6 + (node_of[cpu] > 1) if cpu in node_of else 0
    counted = config.firmware_cpus > 1  # how many there are
    heads = (branches > 63) + 2 * (objects + branches > 4095)
    return DSDT - DSDT_OBJECTS - DSDT_BRANCHES + objects + branches + counted + heads


def firmware_tables(config: Config, top: int) -> dict[str, Table]:
    """Where the tables lie below `top`, the end of RAM below 4 GiB."""
    cpus, nodes = config.firmware_cpus, len(config.firmware_nodes)
    sizes = {
        "FACS": 0x40, "DSDT": dsdt_size(config), "FACP": 0x74,
        "APIC": 0x78 + 8 * (cpus - 1), "HPET": 0x38,
    }  # fmt: skip
    if nodes:
        sizes["SRAT"] = 0x30 + 16 * cpus + 40 * (nodes + 2)
        if config.distance != REMOTE_DISTANCE:
            sizes["SLIT"] = HEADER + 8 + nodes * nodes
    sizes["WAET"] = 0x28
    sizes["RSDT"] = HEADER + POINTER * sum(name not in HIDDEN for name in sizes)
    tables, at = {}, top - smbios_kept(config) - ACPI_DATA_SIZE
    for name, size in sizes.items():
        tables[name] = Table(at, size)
        at += size
    return tables


def acpi_boot_table_init(config: Config, machine: Machine, log: Logger, step: int) -> None:
    """The log's lines of the tables that are found, `step` µs each, and of the memory that is kept for them."""
    tables = firmware_tables(config, machine.top)
    log(KERN_INFO, "ACPI: Early table checksum verification disabled", step)
    log(KERN_INFO, f"ACPI: RSDP 0x{rsdp(config):016X} 000014 (v00 BOCHS )", step)
    found = [name for name in LISTED if name in tables]
    for name in ("RSDT", *found):
        start, size = tables[name]
        maker = "" if name == "FACS" else " (v01 BOCHS  BXPC     00000001 BXPC 00000001)"
        log(KERN_INFO, f"ACPI: {name} 0x{start:016X} {size:06X}{maker}", step)
    for name in found:
        start, size = tables[name]
        log(KERN_INFO, f"ACPI: Reserving {name} table memory at [mem 0x{start:x}-0x{start + size - 1:x}]", step)
