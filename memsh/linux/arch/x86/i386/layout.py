"""The kernel's gigabyte: where lowmem, vmalloc, pkmap and the fixmap lie.

Models arch/x86/include/asm/pgtable_32_areas.h, arch/x86/mm/init_32.c and pgtable_32.c (`vmalloc=`) for a kernel without
PAE, split at 3 GiB. All numbers are virtual addresses in bytes unless said.

**Known deviations:** none.
"""

from __future__ import annotations

from memsh.linux.include.flags import PAGE_SIZE

MIB = 1 << 20
PAGE_OFFSET = TASK_SIZE = 0xC0000000  # 3 GiB for user space, 1 for the kernel (CONFIG_VMSPLIT_3G)
VMALLOC_OFFSET = 8 * MIB  # the hole between the direct map and the first vmalloc address
FIXADDR_TOP = 0xFFFFF000
FIXADDR_START = 0xFFF39000
LAST_PKMAP = 1024  # entries of the permanent kmap window (the recorded `layout` prints it in hex, 400)
PKMAP_BASE = 0xFF000000
VMALLOC_END = PKMAP_BASE - 2 * PAGE_SIZE
DEFAULT_RESERVE = 128 * MIB
KCORE_HEADERS = 2 * PAGE_SIZE  # with the notes, of which the longest tells where things lie in structures


class Layout:
    """`reserve` bytes kept for vmalloc decide how much RAM the direct map can reach (MAXMEM)."""

    __slots__ = ("high_memory", "maxmem", "vmalloc_start")

    page_offset = image_base = PAGE_OFFSET
    task_size = TASK_SIZE
    vmalloc_end = VMALLOC_END
    pkmap_base = PKMAP_BASE
    last_pkmap = LAST_PKMAP
    fixaddr_start = FIXADDR_START
    fixaddr_top = FIXADDR_TOP

    def __init__(self, reserve: int = DEFAULT_RESERVE) -> None:
        self.maxmem = VMALLOC_END - PAGE_OFFSET - reserve
        self.set_lowmem(self.maxmem >> 12)

    def set_lowmem(self, max_low_pfn: int) -> None:
        """The direct map ends before page frame `max_low_pfn` (initmem_init)."""
        self.high_memory = PAGE_OFFSET + max_low_pfn * PAGE_SIZE
        self.vmalloc_start = (self.high_memory + VMALLOC_OFFSET) & 0xFFFFFFFF

    @property
    def vmalloc_total(self) -> int:
        """Bytes between VMALLOC_START and VMALLOC_END."""
        return VMALLOC_END - self.vmalloc_start

    kcore_headers = KCORE_HEADERS
    kcore_notes = (144, 2304)
    elf_machine = 3

    def kcore_regions(self, ram: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """vmalloc's area, then the direct mapping as one."""
        return [(self.vmalloc_start, -1, self.vmalloc_total), (PAGE_OFFSET, 0, self.high_memory - PAGE_OFFSET)]

    def kcore_offset(self, addr: int) -> int:
        return addr - PAGE_OFFSET

    def kcore_address(self, offset: int) -> int:
        return (offset + PAGE_OFFSET) & 0xFFFFFFFF

    @property
    def kcore_size(self) -> int:
        """Bytes of /proc/kcore: what vmalloc has lies highest, offsets count from PAGE_OFFSET."""
        return VMALLOC_END - PAGE_OFFSET + KCORE_HEADERS

    def direct_entry(self, pfn: int) -> tuple[int, str]:
        """How many frames the direct mapping's entry for `pfn` maps, in words too: the first 4 MiB and the kernel's
        image are mapped page by page, since their pages are protected differently."""
        if pfn < 1024 or 4096 <= pfn < 6144:
            return 1, "4 KiB"
        return 1024, "4 MiB"

    def areas(self) -> list[tuple[str, int, int, str]]:
        """Name, first address, one past the last, and what it is for, from the top down."""
        return [
            ("fixmap", FIXADDR_START, FIXADDR_TOP, "fixed slots: APIC, …"),
            ("pkmap", PKMAP_BASE, PKMAP_BASE + (LAST_PKMAP << 12), "permanent kmaps"),
            ("vmalloc", self.vmalloc_start, VMALLOC_END, "scattered frames"),
            ("lowmem", PAGE_OFFSET, self.high_memory, "the direct mapping"),
        ]

    def text(self) -> str:
        """One line in the form of the recorded `layout` files."""
        return (
            f"PAGE_OFFSET {PAGE_OFFSET:08x} high_memory {self.high_memory:08x} VMALLOC_START {self.vmalloc_start:08x} "
            f"VMALLOC_END {VMALLOC_END:08x} PKMAP_BASE {PKMAP_BASE:08x} LAST_PKMAP {LAST_PKMAP:x} "
            f"FIXADDR_START {FIXADDR_START:08x} FIXADDR_TOP {FIXADDR_TOP:08x} MAXMEM {self.maxmem:08x} "
            f"TASK_SIZE {TASK_SIZE:08x}\n"
        )
