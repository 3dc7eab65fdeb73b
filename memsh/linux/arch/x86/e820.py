"""The map that the firmware of an emulated PC (i440FX) gives, and as the user changes it: mem= and memmap=
(arch/x86/kernel/e820.c). Addresses are physical, in bytes; ranges are half open, [start, end).

Known deviations: memmap=N%S-TYPE+TYPE, which changes the kind of a range, is refused.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_DEBUG, KERN_INFO, KERN_WARNING
from memsh.linux.kernel.cmdline import malformed, words
from memsh.linux.lib.cmdline import memparse

if TYPE_CHECKING:
    from memsh.linux.arch.x86.setup import Logger
    from memsh.linux.config import Config

ACPI_DATA_SIZE = 128 << 10  # what the firmware keeps for its tables below the end of low RAM
PCI_HOLE = 0xE0000000  # RAM that would reach this far …
PCI_HOLE_LOW = 0xC0000000  # … is cut here, and the rest lies beyond 4 GiB
ULLONG_MAX = (1 << 64) - 1
# kinds by their numbers: where ranges overlap, the larger one counts
_RANK = {"usable": 1, "reserved": 2, "ACPI data": 3, "persistent (type 12)": 12}
_MARKS = {"@": "usable", "#": "ACPI data", "$": "reserved", "!": "persistent (type 12)"}


class Entry(NamedTuple):
    """A line of the firmware's map."""

    start: int
    end: int
    kind: str  # "usable", "reserved"


def low_ram(ram: int) -> int:
    """Bytes of RAM that lie below 4 GiB on this PC; the rest is out of reach without PAE."""
    return ram if ram < PCI_HOLE else PCI_HOLE_LOW


def e820_map(ram: int, reserved: tuple[int, int] = (0, 0), kept: int = ACPI_DATA_SIZE) -> list[Entry]:
    """The firmware's map of a machine with `ram` bytes, of which it keeps whole pages for `kept` below 4 GiB;
    `reserved` is an address range that RAM may not reach into."""
    top = low_ram(ram)
    end = (top - kept) & -PAGE_SIZE
    entries = [
        Entry(0, 0x9FC00, "usable"),
        Entry(0x9FC00, 0xA0000, "reserved"),
        Entry(0xF0000, 0x100000, "reserved"),
        Entry(0x100000, end, "usable"),
        Entry(end, top, "reserved"),
        Entry(0xFFFC0000, 1 << 32, "reserved"),  # its code, up to 4 GiB
    ]
    if ram > top:
        entries.append(Entry(1 << 32, (1 << 32) + ram - top, "usable"))
    if reserved[0] >= max(entry.end for entry in entries) and reserved[1]:
        entries.append(Entry(*reserved, "reserved"))
    return entries


def user_map(config: Config, entries: list[Entry], log: Logger, nopentium: bool) -> list[Entry] | None:
    """The map after the command line's parameters, not yet in order; None if there are none. ValueError: refused.

    `nopentium`: whether mem=nopentium means something to this machine.
    """
    found = list(entries)
    changed = False
    for name, value in words(config):
        if malformed(name, value):
            log(KERN_WARNING, f"Malformed early option '{name}'")
        if name == "mem" and value is not None:
            if value == "nopentium":
                if not nopentium:
                    log(KERN_WARNING, "mem=nopentium ignored! (only supported on x86_32)")
                raise ValueError("mem=nopentium is not modelled: the direct mapping uses large pages")
            size = memparse(value)[0]
            changed = True
            if size:
                found = _range_remove(found, size, log)
        elif name == "memmap" and value is not None:
            for part in value.split(","):
                found = _parse_memmap_one(found, part, log)
                changed = changed or part[:1].isdecimal() or part.startswith("exactmap")
    return found if changed else None


def _parse_memmap_one(entries: list[Entry], text: str, log: Logger) -> list[Entry]:
    if text.startswith("exactmap"):
        return []
    if not text[:1].isdecimal():
        return entries
    size, rest = memparse(text)
    if rest.startswith("%"):
        raise ValueError(f"memmap={text} is not modelled: a range can be added or taken away, not made another kind")
    if rest[:1] in _MARKS and rest:
        start = memparse(rest[1:])[0]
        return [*entries, Entry(start, start + size, _MARKS[rest[0]])] if size else entries
    return _range_remove(entries, size, log)


def _range_remove(entries: list[Entry], start: int, log: Logger) -> list[Entry]:
    """No RAM from `start` on (e820__range_remove)."""
    log(KERN_DEBUG, f"e820: remove [mem 0x{start:08x}-0x{ULLONG_MAX - 1:016x}] usable")
    cut = [entry if entry.kind != "usable" else entry._replace(end=min(entry.end, start)) for entry in entries]
    return [entry for entry in cut if entry.start < entry.end]


def sanitize(entries: list[Entry]) -> list[Entry]:
    """In order, without overlaps, neighbours of one kind joined (e820__update_table)."""
    edges = sorted({edge for entry in entries for edge in (entry.start, entry.end)})
    out: list[Entry] = []
    for start, end in pairwise(edges):
        kinds = [entry.kind for entry in entries if entry.start <= start and entry.end >= end]
        if not kinds:
            continue
        kind = max(kinds, key=lambda kind: _RANK[kind])
        if out and out[-1].end == start and out[-1].kind == kind:
            out[-1] = out[-1]._replace(end=end)
        else:
            out.append(Entry(start, end, kind))
    return out


def finish_early_params(entries: list[Entry], log: Logger) -> list[Entry]:
    """The user's map put in order, as the log shows it."""
    found = sanitize(entries)
    log(KERN_INFO, "user-defined physical RAM map:")
    for entry in found:
        log(KERN_INFO, f"user: [mem 0x{entry.start:016x}-0x{entry.end - 1:016x}] {entry.kind}")
    return found
