"""What devices and subsystems of the recorded machines say at boot, with the figures of this box.

A table (i386_log.py, x86_64_log.py) has a row `<level>µs text` for each line that no part of memsh says itself.
`{name}` in it stands for a figure that follows from RAM, CPUs and nodes; a row that is nothing but `{name}` stands for
as many lines as there are, perhaps none. Models arch/x86/kernel/smpboot.c (announce_cpu, impress_friends), kernel/rcu,
arch/x86/kernel/e820.c (e820__reserve_resources_late, e820__register_nosave_regions).

**Known deviations:** the processor's speed and what was measured of it are those of the recorded machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.acpi import mp_table
from memsh.linux.arch.x86.setup import MIB, Logger, arch_probe_nr_irqs
from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_INFO
from memsh.linux.kernel.timer import BTIME
from memsh.linux.lib.string_helpers import STRING_UNITS_10, string_get_size

if TYPE_CHECKING:
    from memsh.linux.box import Box

Facts = Mapping[str, str | int | list[str]]
GIB = 1 << 30
WINDOW = 2 * GIB  # what the firmware leaves to devices above RAM


def announce(box: Box, table: str, facts: Facts) -> None:
    """Put the table's lines into the log, each at its own time. KeyError for a name that `facts` has not."""
    for row in table.splitlines():
        found = re.fullmatch(r"<(\d)> *(\d+) (.*)", row)
        if not found:
            raise ValueError(f"not a row of a log: {row}")
        level, usec, text = int(found[1]), int(found[2]), found[3]
        whole = re.fullmatch(r"\{(\w+)\}", text)
        value = facts[whole[1]] if whole else text.format(**facts)
        for at, line in enumerate(value if isinstance(value, list) else [str(value)]):
            box.log.told(usec + at, line, level)
            if line.startswith("audit: type="):  # audit_printk_skb() asked first whether it may
                box.log.limit.begin, box.log.limit.printed = usec, 1


def bogomips(box: Box, lpj: int) -> str:
    """`1999.97`: loops per jiffy as people know them."""
    hz = box.arch.hz
    return f"{lpj // (500000 // hz)}.{lpj // (5000 // hz) % 100:02}"


def calibrate_delay(box: Box, lpj: int) -> None:
    """Tell of the delay loop of the first processor."""
    told = f"Calibrating delay loop (skipped), value calculated using timer frequency.. {bogomips(box, lpj)} BogoMIPS"
    Logger(box)(KERN_INFO, f"{told} (lpj={lpj})")


def common(box: Box, lpj: int, nr_cpus: int) -> dict[str, str | int | list[str]]:
    """The figures that both machines' tables ask for. `lpj`: loops per jiffy, `nr_cpus`: as the kernel was built."""
    config = box.config
    cpus, present = config.cpus, config.present
    nodes = len(box.pages.nodes)
    packages = {box.model.start.topology(box, cpu)[0] for cpu in range(cpus)}
    told = -(-config.firmware_cpus // max(1, cpus // len(packages)))  # smp_sanity_check() has seen them all
    clock = datetime.fromtimestamp(BTIME, UTC)
    few = present < nr_cpus
    return {
        "cpus": present, "packages": told,
        "nodes": f"{nodes} node{'s' if nodes > 1 else ''}", "brought": f"{cpus} CPU{'s' if cpus > 1 else ''}",
        "smp": announce_cpus(box),
        "activated": f"{cpus} processors activated ({bogomips(box, lpj * cpus)} BogoMIPS)",
        "nr_irqs": arch_probe_nr_irqs(present),
        "rcu_restricting": [f"rcu: \tRCU restricting CPUs from NR_CPUS={nr_cpus} to nr_cpu_ids={present}."] * few,
        "rcu_geometry": [f"rcu: Adjusting geometry for rcu_fanout_leaf=16, nr_cpu_ids={present}"] * few,
        "shift": (present - 1).bit_length(),
        "rtc": clock.strftime("%H:%M:%S, date: %Y-%m-%d"),
        "pci": box.machine.top, "above": "0x{:09x}-0x{:09x}".format(*above_window(box)),
        "ram_buffers": [f"e820: reserve RAM buffer [mem 0x{first:08x}-0x{last:08x}]"
                        for first, last in ram_alignment(box)],
        "ignored": ignored_processors(box, False), "ignored_late": ignored_processors(box, True),
        "unmapped": ["ACPI: Unable to map lapic to logical cpu number"] * len(ignored_processors(box, True)),
        **disk_facts(box),
        "mptable": f"0x{mp_table(config):08x}-0x{mp_table(config) + 15:08x}",
    }  # fmt: skip


def announce_cpus(box: Box) -> list[str]:
    """One line for each node with the CPUs that were started on it; the boot processor leaves its column free."""
    config = box.config
    if config.cpus == 1:
        return []
    width, node_width = len(str(config.present)) + 1, len(str(len(box.pages.nodes))) + 1
    lines = ["x86: Booting SMP configuration:"]
    node_of = {cpu: node.nid for node in box.pages.nodes for cpu in node.cpus}
    current = -1
    for cpu in range(1, config.cpus):
        node = node_of.get(cpu, 0)
        if node != current:
            current = node
            lines.append(f".... node {'':>{node_width - len(str(node))}}#{node}, CPUs:  ")
        if cpu == 1:
            lines[-1] += " " * (width + 1)
        lines[-1] += f"{'':>{max(1, width - len(str(cpu)))}}#{cpu}"
    return lines


def above_window(box: Box) -> tuple[int, int]:
    """Where devices may lie above 4 GiB, first and last byte: behind RAM, in whole gigabytes."""
    above = max([4 * GIB, *(-(-entry.end // GIB) * GIB for entry in box.machine.e820 if entry.kind == "usable")])
    return above, above + WINDOW - 1


def ram_alignment(box: Box) -> list[tuple[int, int]]:
    """Address space behind each piece of RAM that no device shall get: first and last byte."""
    found = []
    for entry in box.machine.e820:
        if entry.kind == "usable":
            megabytes = entry.end >> 20
            unit = 64 << 10 if not megabytes else 1 << 20 if megabytes < 16 else 64 << 20
            end = -(-entry.end // unit) * unit
            if end > entry.end:
                found.append((entry.end, end - 1))
    return found


def iomem_of_memory(box: Box, limit: int) -> list[tuple[int, int, int, str]]:
    """(level, first, last, name) of what the map of memory has below `limit`, and of the buffers behind RAM, where
    nothing else is (e820__reserve_resources_late)."""
    rows: list[tuple[int, int, int, str]] = [(0, 0, 0xFFF, "Reserved")]
    rows += [(0, max(entry.start, 0x1000), entry.end - 1, entry.name)
             for entry in box.machine.e820 if entry.start < limit]  # fmt: skip
    for first, last in ram_alignment(box):
        above = min((row[1] for row in rows if row[1] > first), default=limit)
        if not any(row[1] <= first <= row[2] for row in rows) and first < limit:
            rows.append((0, first, min(last, above - 1), "RAM buffer"))
    covered = any(row[1] <= 0xF0000 <= row[2] for row in rows)
    return [*rows, (int(covered), 0xF0000, 0xFFFFF, "System ROM")]


def mapped_ranges(box: Box) -> list[tuple[int, int]]:
    """What the kernel maps for itself of the physical addresses: RAM, and all of the first MiB (init_mem_mapping). A
    recorded box, whose firmware's map is not known, has RAM up to its last zone's end."""
    if not box.machine.e820:
        return [(0, box.machine.max_pfn << 12)]
    found: list[tuple[int, int]] = [(0, MIB)]
    for entry in box.machine.e820:
        if entry.kind == "usable" and entry.end > MIB:
            start = max(entry.start, MIB)
            if start == found[-1][1]:
                found[-1] = (found[-1][0], entry.end)
            else:
                found.append((start, entry.end))
    return found


def ignored_processors(box: Box, late: bool) -> list[str]:
    """What the firmware has beyond nr_cpus=, told of when its tables are read, and again, with those beyond nosmp,
    when ACPI looks for its devices (generic_processor_info)."""
    config = box.config
    if config.firmware_cpus == config.present or (not late and config.parameter("nr_cpus") is None):
        return []
    more = config.firmware_cpus - config.present
    first = config.present + (more if late and config.parameter("nr_cpus") is not None else 0)
    told = f"APIC: NR_CPUS/possible_cpus limit of {config.present} reached. Processor"
    return [f"{told} {first + at}/0x{config.present + at:x} ignored." for at in range(more)]


def nosave_regions(box: Box) -> list[str]:
    """What hibernation would not save: what is no RAM, up to the end of RAM."""
    lines, last = [], 0
    rows = [(max(entry.start, PAGE_SIZE), entry.end) for entry in box.machine.e820 if entry.kind == "usable"]
    for start, end in [*rows, (box.machine.max_pfn << 12, 0)]:
        first, behind = last // PAGE_SIZE, -(-start // PAGE_SIZE)
        if first < behind:
            area = f"[mem 0x{first << 12:08x}-0x{(behind << 12) - 1:08x}]"
            lines.append(f"PM: hibernation: Registered nosave memory: {area}")
        last = end
    return lines


def disk_facts(box: Box) -> dict[str, str | int | list[str]]:
    """The disks on the PCI bus, in the slots behind the chipset's, each with two memory windows and one of ports."""
    sizes = {inode.name: inode.size for inode in box.fs.block_devices()}
    names = sorted(sizes)
    count = len(names)
    registers = 0xFEC00000 - 0x1000 * count
    memory = (registers - 0x4000 * count) & ~0x3FFF
    found: list[str] = []
    for at in range(count):
        slot = f"pci 0000:00:{at + 2:02x}.0"
        rows = (f"[io  0x{0xC000 + 0x80 * at:04x}-0x{0xC07F + 0x80 * at:04x}]",
                f"[mem 0x{registers + 0x1000 * at:08x}-0x{registers + 0x1000 * at + 0xFFF:08x}]",
                f"[mem 0x{memory + 0x4000 * at:08x}-0x{memory + 0x4000 * at + 0x3FFF:08x} 64bit pref]")  # fmt: skip
        found.append(f"{slot}: [1af4:1001] type 00 class 0x010000")
        found += [f"{slot}: BAR {number} {text}" for number, text in zip((0, 1, 4), rows, strict=True)]
    ide = 0xC000 + 0x80 * count
    links = "BCDA"  # of the slots 2, 3, 4, 5
    told = []
    for at, name in enumerate(names):
        size = sizes[name]
        told.append(f"virtio_blk virtio{at}: {box.config.cpus}/0/0 default/read/poll queues")
        told.append(f"virtio_blk virtio{at}: [{name}] {size // 512} 512-byte logical blocks "
                    f"({string_get_size(size, STRING_UNITS_10)}/{string_get_size(size)})")  # fmt: skip
    return {
        "pci_disks": found, "disks": told, "ide": f"0x{ide:04x}-0x{ide + 15:04x}",
        "disk_irqs": [f"ACPI: \\_SB_.LNK{links[at % 4]}: Enabled at IRQ {10 + at % 2}" for at in range(count)],
    }  # fmt: skip
