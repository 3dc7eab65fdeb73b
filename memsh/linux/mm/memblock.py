"""Memory before there is an allocator: the firmware's map and the early reservations.

Models arch/x86/kernel/e820.c and mm/memblock.c as an emulated PC (i440FX) uses them: the map that the firmware gives,
which RAM the kernel takes, what is reserved, and allocations that come from the top down below a limit. Addresses are
physical, in bytes; ranges are half open, [start, end).

**Known deviations:** reservations carry a name, for the views; memblock's arrays never have to grow.
"""

from __future__ import annotations

from typing import NamedTuple

from memsh.linux.include.flags import PAGE_SIZE

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
ACPI_DATA_SIZE = 128 * KIB  # what the firmware keeps for its tables below the end of low RAM
PCI_HOLE = 0xE0000000  # RAM that would reach this far …
PCI_HOLE_LOW = 0xC0000000  # not i386: QEMU's q35 cuts it here, the rest lies beyond 4 GiB


class Entry(NamedTuple):
    """A line of the firmware's map."""

    start: int
    end: int
    kind: str  # "usable", "reserved"


class Range(NamedTuple):
    start: int
    end: int
    name: str

    @property
    def pages(self) -> int:
        """Page frames that the range touches."""
        return -(-self.end // PAGE_SIZE) - self.start // PAGE_SIZE


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
        Entry(0xFFFC0000, 1 << 32, "reserved"),  # not i386: the firmware ends at 4 GiB
    ]
    if ram > top:
        entries.append(Entry(1 << 32, (1 << 32) + ram - top, "usable"))  # not i386: from 4 GiB on
    if reserved[0] >= max(entry.end for entry in entries) and reserved[1]:
        entries.append(Entry(*reserved, "reserved"))
    return entries


class Memblock:
    """`memory`: RAM that the kernel uses; `reserved`: what is taken. Both sorted and without overlap."""

    def __init__(self) -> None:
        self.memory: list[Range] = []
        self.reserved: list[Range] = []
        self.limit = 1 << 32  # not i386: allocations end below this (memblock.current_limit)

    def add(self, start: int, end: int) -> None:
        """Whole pages of RAM inside [start, end)."""
        start, end = -(-start // PAGE_SIZE) * PAGE_SIZE, end // PAGE_SIZE * PAGE_SIZE
        if start < end:
            self.memory.append(Range(start, end, "System RAM"))

    def reserve(self, start: int, end: int, name: str) -> None:
        """Take [start, end); the part that is taken already stays as it is."""
        for old in self.reserved:
            if old.start < end and start < old.end:
                if start < old.start:
                    self.reserve(start, old.start, name)
                start = min(end, old.end)
        if start < end:
            self.reserved.append(Range(start, end, name))
            self.reserved.sort()

    def free(self, start: int, end: int) -> None:
        """Give back exactly what a reservation or allocation took."""
        self.reserved = [old for old in self.reserved if not (start <= old.start and old.end <= end)]

    def alloc(self, size: int, align: int, name: str, within: tuple[tuple[int, int], ...] = ()) -> int:
        """The highest `size` bytes below the limit that are RAM and not taken; 0 if there are none.

        `within`: only in these ranges [start, behind), ascending (a node's memory).
        """
        for region in reversed(self.memory):
            for first, behind in reversed(within or ((0, self.limit),)):
                low, end = max(region.start, first), min(region.end, self.limit, behind)
                while end - size >= low:
                    start = (end - size) // align * align
                    hits = (old for old in reversed(self.reserved) if old.start < start + size and start < old.end)
                    hit = next(hits, None)
                    if start < low:
                        break
                    if hit is None:
                        self.reserve(start, start + size, name)
                        return start
                    end = hit.start
        return 0

    def find(self, name: str) -> Range | None:
        """The first reservation of that name."""
        return next((old for old in self.reserved if old.name == name), None)

    def free_ranges(self) -> list[tuple[int, int]]:
        """[(first pfn, pfn behind)] of RAM that nothing reserves, ascending (for_each_free_mem_range)."""
        out = []
        for region in self.memory:
            at = region.start
            for old in self.reserved:
                if old.end <= at or old.start >= region.end:
                    continue
                if old.start > at:
                    out.append((-(-at // PAGE_SIZE), old.start // PAGE_SIZE))
                at = old.end
            if at < region.end:
                out.append((-(-at // PAGE_SIZE), region.end // PAGE_SIZE))
        return [(first, last) for first, last in out if first < last]
