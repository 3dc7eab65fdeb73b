"""The map that the firmware of an emulated PC (i440FX) gives, and as the user changes it: mem= and memmap=
(arch/x86/kernel/e820.c). Addresses are physical, in bytes; ranges are half open, [start, end). No known deviations.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from memsh.digits import is_digits
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
OF_ONE = {"highmem": "i386", "numa": "x86_64", "vmalloc": "i386", "vsyscall": "x86_64"}  # early parameters
_KINDS = {1: "usable", 2: "reserved", 3: "ACPI data", 4: "ACPI NVS", 5: "unusable", 7: "persistent (type 7)",
          12: "persistent (type 12)", 0xEFFFFFFF: "soft reserved"}  # fmt: skip
# where ranges overlap, the kind of the larger number counts
_RANK = {kind: number for number, kind in _KINDS.items()}
_NAMES = {"usable": "System RAM", "ACPI data": "ACPI Tables", "ACPI NVS": "ACPI Non-volatile Storage",
          "unusable": "Unusable memory", "persistent (type 7)": "Persistent Memory",
          "persistent (type 12)": "Persistent Memory (legacy)", "reserved": "Reserved",
          "soft reserved": "Soft Reserved"}  # fmt: skip
_MARKS = {"@": "usable", "#": "ACPI data", "$": "reserved", "!": "persistent (type 12)"}


class Entry(NamedTuple):
    """A line of the firmware's map."""

    start: int
    end: int
    kind: str  # "usable", "reserved"

    @property
    def name(self) -> str:
        """As /proc/iomem and the firmware's map call it (e820_type_to_string)."""
        return _NAMES.get(self.kind, "Unknown E820 type")


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
        if malformed(name, value) and OF_ONE.get(name, config.arch) == config.arch:
            log(KERN_WARNING, f"Malformed early option '{name}'")
        if name == "mem" and value is not None:
            if value == "nopentium":
                if not nopentium:
                    log(KERN_WARNING, "mem=nopentium ignored! (only supported on x86_32)")
                raise ValueError("mem=nopentium is not modelled: the direct mapping uses large pages")
            size = memparse(value)[0]
            changed = True
            if size:
                found = _range_remove(found, size, ULLONG_MAX, "usable", log)
        elif name == "memmap" and value is not None:
            for part in value.split(","):
                found = _parse_memmap_one(found, part, log)
                changed = changed or is_digits(part[:1]) or part.startswith("exactmap")
    return found if changed else None


def _parse_memmap_one(entries: list[Entry], text: str, log: Logger) -> list[Entry]:
    if text.startswith("exactmap"):
        return []
    if not is_digits(text[:1]):
        return entries
    size, rest = memparse(text)
    if rest.startswith("%"):
        return _change(entries, size, rest[1:], log)
    if rest[:1] in _MARKS and rest:
        start = memparse(rest[1:])[0]
        return [*entries, Entry(start, start + size, _MARKS[rest[0]])] if size else entries
    return _range_remove(entries, size, ULLONG_MAX, "usable", log)


def _change(entries: list[Entry], size: int, text: str, log: Logger) -> list[Entry]:
    """`START-FROM+TO`: what is of one kind there becomes another, is added or is taken away."""
    start, rest = memparse(text)
    kinds = re.fullmatch(r"(?:-(0x[0-9a-fA-F]+|\d+))?(?:\+(0x[0-9a-fA-F]+|\d+))?", rest, re.ASCII)
    if kinds is None:
        return entries
    old, new = (_KINDS.get(int(number, 0), f"type {int(number, 0)}") if number and int(number, 0) else ""
                for number in (word and (word.lstrip("0") or "0" if word[:2] != "0x" else word)
                               for word in kinds.groups()))  # fmt: skip
    end = start + size
    if old and new:
        log(KERN_DEBUG, f"e820: update [mem 0x{start:08x}-0x{end - 1:08x}] {old} ==> {new}")
        there = [entry._replace(start=max(entry.start, start), end=min(entry.end, end), kind=new)
                 for entry in entries if entry.kind == old and entry.start < end and entry.end > start]  # fmt: skip
        return [*_without(entries, start, end, old), *there]
    if new:
        return [*entries, Entry(start, end, new)]
    return _range_remove(entries, start, end, old, log)


def _without(entries: list[Entry], start: int, end: int, kind: str) -> list[Entry]:
    """The entries, and of those of `kind` (of any, if that is empty) what lies outside of a range."""
    out = []
    for entry in entries:
        if kind and entry.kind != kind:
            out.append(entry)
            continue
        pieces = entry._replace(end=min(entry.end, start)), entry._replace(start=max(entry.start, end))
        out += [piece for piece in pieces if piece.start < piece.end]
    return out


def _range_remove(entries: list[Entry], start: int, end: int, kind: str, log: Logger) -> list[Entry]:
    """Nothing of `kind` there (e820__range_remove)."""
    last = f"{end - 1:016x}" if end == ULLONG_MAX else f"{end - 1:08x}"
    log(KERN_DEBUG, f"e820: remove [mem 0x{start:08x}-0x{last}] {kind}")
    return _without(entries, start, end, kind)


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


def search_gap(entries: list[Entry]) -> tuple[int, int]:
    """The largest piece below 4 GiB that the map does not have, the highest of several: where it starts and ends."""
    gap, last = (0, 4 << 20), 4 << 30
    for entry in reversed(entries):
        if last > entry.end and last - entry.end >= gap[1] - gap[0]:
            gap = (entry.end, last)
        last = min(last, entry.start)
    return gap


def finish_early_params(entries: list[Entry], log: Logger) -> list[Entry]:
    """The user's map put in order, as the log shows it."""
    found = sanitize(entries)
    log(KERN_INFO, "user-defined physical RAM map:")
    for entry in found:
        log(KERN_INFO, f"user: [mem 0x{entry.start:016x}-0x{entry.end - 1:016x}] {entry.kind}")
    return found
