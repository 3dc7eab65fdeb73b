"""What the machine looks like before the allocators start: what both machines' set-up shares.

Models arch/x86/kernel/setup.c, mm/page_alloc.c (alloc_large_system_hash) and printk of the early boot. How i386 and
x86_64 find their memory stands in i386/init_32.py and x86_64/init_64.py (setup_arch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_ERR, KERN_INFO
from memsh.linux.kernel.cmdline import setup_number, words
from memsh.linux.lib.cmdline import memparse
from memsh.linux.mm.memblock import Memblock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memsh.linux.arch.x86.e820 import Entry
    from memsh.linux.box import Box
    from memsh.linux.config import Config

MIB = 1 << 20
UTS_RELEASE = "6.1.192"
COMPILER = "(root@vm) (gcc (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40)"
DMA_END = 0x1000  # pfn, 16 MiB
HARDWARE = "QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-debian-1.16.2-1 04/01/2014"
FIRMWARE = (
    "SMBIOS 2.8 present.",
    f"DMI: {HARDWARE}",
    "tsc: Fast TSC calibration using PIT",
)
MIN_MEMORY_BLOCK, MAX_MEMORY_BLOCK, LARGE_MEMORY = 128 * MIB, 2048 * MIB, 64 << 30
LOG_BUF_LEN_MAX, PRB_AVGBITS, PRINTK_INFO = 1 << 31, 5, 88  # the last: bytes of a struct printk_info
_ENTRIES = {"Dentry cache": "dhash_entries", "Inode-cache": "ihash_entries", "Mount-cache": "mhash_entries",
            "Mountpoint-cache": "mphash_entries", "TCP established": "thash_entries",
            "tcp_listen_portaddr_hash": "thash_entries", "UDP": "uhash_entries",
            "UDP-Lite": "uhash_entries"}  # fmt: skip
UDP_HTABLE_SIZE_MIN = 256
ADAPT_PAGES = (64 << 30) // PAGE_SIZE  # ADAPT_SCALE_NPAGES


def excess_processors(config: Config) -> list[str]:
    """The warning that there are more processors than a parameter allows (prefill_possible_map)."""
    if config.firmware_cpus == config.present:
        return []
    name = "NR_CPUS" if config.parameter("nr_cpus") is not None else "max_cpus"
    limit = config.present if name == "NR_CPUS" else 0
    return [f"smpboot: {config.firmware_cpus} Processors exceeds {name} limit of {limit}"]


class KernelImage(NamedTuple):
    """Where the kernel lies in physical memory, bytes, [first, behind). `sections` are (name, first, last) as
    /proc/iomem has them; `freed` is given back when init starts: (what the log calls it, first, behind)."""

    uts_version: str
    text: int
    end: int  # behind bss and the early page tables
    sections: tuple[tuple[str, int, int], ...]
    smp_locks: tuple[int, int]
    freed: tuple[tuple[str, int, int], ...]
    initrd: int  # bytes of the RAM disk
    percpu_unit: int  # bytes of static per-CPU memory, whole pages

    @property
    def banner(self) -> str:
        return f"Linux version {UTS_RELEASE} {COMPILER} {self.uts_version}"

    def section_at(self, phys: int) -> str:
        """`Kernel code` …: the section that holds the physical address, "" if none does."""
        return next((name for name, first, last in self.sections if first <= phys <= last), "")

    def kept(self) -> list[tuple[int, int]]:
        """The parts of the image that are never given back: [first, behind), ascending."""
        found, at = [], self.text
        for first, last in sorted([(first, last) for _, first, last in self.freed] + [self.smp_locks]):
            found.append((at, first))
            at = last
        return [*found, (at, self.end)]

    @property
    def late_pages(self) -> int:
        """Pages that become free only after watermarks and reserves were computed: init's, the RAM disk's."""
        return sum(last - first for _, first, last in self.freed) // PAGE_SIZE + -(-self.initrd // PAGE_SIZE)


class Layout(Protocol):
    """Where the parts of the kernel's address space lie; virtual addresses in bytes."""

    page_offset: int
    image_base: int  # where the kernel's image is mapped, less its physical address
    task_size: int
    high_memory: int
    vmalloc_start: int
    vmalloc_end: int
    pkmap_base: int  # permanent kmaps; 0 where there is no HighMem
    last_pkmap: int
    fixaddr_start: int
    fixaddr_top: int

    @property
    def vmalloc_total(self) -> int:
        """Bytes of the vmalloc area."""

    @property
    def kcore_size(self) -> int:
        """Bytes of /proc/kcore: an ELF file whose offsets are addresses, behind its headers (get_kcore_size)."""

    kcore_headers: int  # bytes before its memory
    kcore_notes: tuple[int, int]  # bytes of elf_prstatus and task_struct in it
    elf_machine: int

    def kcore_regions(self, ram: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """(address, physical address, bytes) of what is in it, in order; `ram` as [first frame, behind)."""

    def kcore_offset(self, addr: int) -> int:
        """Where an address is in it, counted from behind the headers."""

    def kcore_address(self, offset: int) -> int:
        """And back."""

    def areas(self) -> list[tuple[str, int, int, str]]:
        """Name, first address, one past the last, and what it is for, from the top down."""

    def direct_entry(self, pfn: int) -> tuple[int, str]:
        """How many frames the direct mapping's entry for `pfn` maps, in words too."""

    def text(self) -> str:
        """As the recorded `layout` files have it."""


class ZoneSpan(NamedTuple):
    """A zone's limits in page frames; `spanned` counts holes, `freesize` is what is left without its memmap."""

    name: str
    start: int
    spanned: int
    present: int
    freesize: int


class NodeSpan(NamedTuple):
    """A node as the firmware tells of it: its zones, its CPUs, the distance to each node."""

    zones: tuple[ZoneSpan, ...]
    cpus: tuple[int, ...]
    distances: tuple[int, ...]


class Machine:
    """Facts of this boot that later code asks for. Page frames unless said."""

    layout: Layout

    def __init__(self, image: KernelImage) -> None:
        self.image = image
        self.memblock = Memblock()
        self.top = 0  # bytes: end of RAM below 4 GiB, firmware's part included
        self.low_end = 0  # bytes: end of what is usable of it (x86_64)
        self.max_pfn = 0
        self.max_low_pfn = 0
        self.spans: list[ZoneSpan] = []
        self.nodes: list[NodeSpan] = []  # where they are more than one, or not of `spans`
        self.nr_kernel_pages = 0  # lowmem without memmaps: what hash tables are sized by
        self.nr_all_pages = 0
        self.initrd = (0, 0)
        self.e820: list[Entry] = []  # the map that counts: the firmware's, or the user's
        self.firmware_map: list[Entry] = []
        self.percpu: dict[int, int] = {}  # CPU → where its static per-CPU memory lies, bytes; if that is told
        self.vmemmap: dict[int, int] = {}  # where the struct pages of each memory section lie, bytes
        self.homes: list[tuple[tuple[int, int], ...]] = []  # RAM of each node, [start, behind) in bytes
        self.tables: list[tuple[str, int]] = []  # (name, bytes) of the tables taken before there is a buddy system
        self.percpu_groups: list[int] = []  # CPUs that there could be on each node that has any
        self.percpu_offsets = [0]  # bytes: how far each node's part of the first chunk lies from the lowest one
        self.percpu_units = 0  # places for a CPU in the first chunk, those that nobody needs included; 0: one a CPU
        self.bounce = 0  # bytes: where the bounce buffers lie, if there are any
        self.crash: list[tuple[int, int]] = []  # kept for a kernel after a crash: [start, behind) in bytes
        self.vmcoreinfo = 0  # bytes: where what a crash dump needs to know is written down
        self.ehash_entries = 8192  # buckets of TCP's table of connections
        self.net_pages: tuple[int, int] | None = None  # totalram_pages(), nr_free_buffer_pages() at that time
        self.notes: list[str] = []

    def add_memory(self, limit: int) -> None:
        """The map's RAM below `limit` bytes is what the kernel uses (e820__memblock_setup). ValueError if none is."""
        for entry in self.e820:
            if entry.kind == "usable" and entry.start < limit:
                self.memblock.add(max(entry.start, PAGE_SIZE), min(entry.end, limit))
        if not any(region.end > 1 << 20 for region in self.memblock.memory):
            raise ValueError("no memory is left for the kernel")


def pages_to_mb(pages: int) -> int:
    return pages >> 8


class Logger:
    """printk with the arguments as the table-like code here likes them; each line a little later than the last."""

    __slots__ = ("box",)

    def __init__(self, box: Box) -> None:
        self.box = box

    def __call__(self, level: int, text: str, step: int = 12) -> None:
        self.box.log.printk(text, level)
        if self.box.timer.usec:
            self.box.timer.set(self.box.timer.usec + step)


def memmap_init(nid: int, zones: Sequence[ZoneSpan], pieces: list[tuple[int, int]], log: Logger, section: int,
                last_node: bool = True) -> None:  # fmt: skip
    """Tell of the frames that have a struct page and are no RAM (memmap_init_zone_range, init_unavailable_range).

    Those before a piece of RAM are counted to its zone, those behind all RAM to the last one. Only sections of
    `section` frames with RAM in them have struct pages; 0: all frames up to RAM's end have.
    """
    populated = [(zone.name, zone.start, zone.start + zone.spanned) for zone in zones if zone.present]
    hole = populated[0][1] if nid else 0
    rows = [
        (name, max(first, low), min(behind, high))
        for first, behind in pieces
        for name, low, high in populated
        if max(first, low) < min(behind, high)
    ]
    end = pieces[-1][1]
    valid = [(0, end)]
    if section:
        end = -(-end // section) * section
        present = {at for first, behind in pieces for at in range(first // section, -(-behind // section))}
        valid = [(at * section, (at + 1) * section) for at in sorted(present)]
    if last_node:
        rows.append((populated[-1][0], end, end))
    for name, start, behind in rows:
        count = sum(max(0, min(start, last) - max(hole, first)) for first, last in valid)
        if count:
            log(KERN_INFO, f"On node {nid}, zone {name}: {count} pages in unavailable ranges", 379)
        hole = max(hole, behind)


def take(machine: Machine, name: str, size: int) -> None:
    if not machine.memblock.alloc(size, PAGE_SIZE, name):
        raise ValueError(f"no room in lowmem for the {name}: {size >> 10} KiB")
    machine.tables.append((name, size))


def setup_log_buf(box: Box, machine: Machine, log: Logger, builtin: int) -> None:
    """A larger buffer for the log, if log_buf_len= asks for one: text, and for each 32 bytes of it a descriptor and a
    record (kernel/printk/printk.c). `builtin`: bytes of the one in the kernel's image."""
    size, word = 0, box.arch.word
    for name, value in words(box.config):
        asked = memparse(value)[0] if name == "log_buf_len" and value is not None else 0
        size = roundup_pow_of_two(min(asked, LOG_BUF_LEN_MAX)) if asked > builtin else size
    if not size:
        return
    count = size >> PRB_AVGBITS
    taken: list[int] = []
    for what, part in (("text", size), ("desc", count * 3 * word), ("info", count * PRINTK_INFO)):
        taken.append(machine.memblock.alloc(part, word, "log"))
        if not taken[-1]:
            log(KERN_ERR, f"printk: log_buf_len: {part} {what} bytes not available")
            machine.memblock.free_named("log")
            return
    free = builtin - sum(-(-(len(record.text) + word) // word) * word for record in box.log.records)
    log(KERN_INFO, f"printk: log_buf_len: {size} bytes")
    log(KERN_INFO, f"printk: early log buf free: {free}({free * 100 // builtin}%)")


def memory_block_size_bytes(machine: Machine) -> int:
    """The pieces in which memory could be plugged in: a section, or as much as RAM's end is a multiple of, up to 2 GiB,
    where there are 64 GiB and more (probe_memory_block_size)."""
    end, size = machine.max_pfn * PAGE_SIZE, MIN_MEMORY_BLOCK
    if end >= LARGE_MEMORY:
        size = MAX_MEMORY_BLOCK
        while size > MIN_MEMORY_BLOCK and end % size:
            size >>= 1
    return size


def arch_probe_nr_irqs(cpus: int) -> int:
    """How many interrupts the kernel has descriptors for: by the vectors, or by the controllers' pins and the devices
    that write messages."""
    pins, legacy, vectors = 24, 16, 256
    return min(vectors * cpus, pins + legacy + 8 * cpus + pins * 16)


def roundup_pow_of_two(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()


def hash_entries(config: Config, table: str) -> int:
    """How many buckets the command line wants a table to have; 0 if it says nothing of it."""
    name = _ENTRIES[table]
    found = 0
    for known, value in words(config):
        if known.replace("-", "_") == name:
            found = setup_number(name, value) or 0
    return max(found, UDP_HTABLE_SIZE_MIN) if found and name == "uhash_entries" else found


def tcp_tables(machine: Machine, config: Config, bucket: int) -> list[tuple[int, str]]:
    """(bytes, log line) of TCP's tables: sockets that listen, connections, ports (tcp_init). `bucket`: bytes of a
    connection's."""
    asked = hash_entries(config, "TCP established")
    listen = large_system_hash(machine, "tcp_listen_portaddr_hash", 2 * bucket, 21, high=1 << 16, entries=asked)
    connections = large_system_hash(machine, "TCP established", bucket, 17, high=0 if asked else 512 << 10,
                                    entries=asked)  # fmt: skip
    machine.ehash_entries = connections[0] // bucket
    ports = large_system_hash(machine, "TCP bind", 4 * bucket, 17, high=1 << 16, entries=machine.ehash_entries)
    return [listen, connections, ports]


def large_system_hash(machine: Machine, name: str, bucket: int, scale: int, low: int = 0, high: int = 0,
                      entries: int = 0) -> tuple[int, str]:  # fmt: skip
    """(bytes, log line) of a table with one bucket per 2^scale bytes of lowmem (alloc_large_system_hash).

    On machines with much memory a table without a limit of its own grows with its square root only.
    """
    if not entries:
        entries = -(-machine.nr_kernel_pages // 256) * 256
        step = ADAPT_PAGES
        while not high and step < entries:
            scale, step = scale + 1, step << 2
        entries = entries >> (scale - 12) if scale > 12 else entries << (12 - scale)
        if entries * bucket < PAGE_SIZE:
            entries = PAGE_SIZE // bucket
    entries = roundup_pow_of_two(entries)
    most = high or min((machine.nr_all_pages * PAGE_SIZE >> 4) // bucket, 1 << 31)
    entries = min(max(entries, low), most)
    entries = 1 << (entries.bit_length() - 1)
    size = bucket * entries
    order = max(0, (size - 1).bit_length() - 12)
    return size, f"{name} hash table entries: {entries} (order: {order}, {size} bytes, linear)"
