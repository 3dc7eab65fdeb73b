"""The kernel's half of the address space with four-level tables (Documentation/x86/x86_64/mm.rst).

Models arch/x86/include/asm/page_64_types.h and pgtable_64_types.h, without randomised bases. All numbers are virtual
addresses in bytes unless said.

**Known deviations:** none.
"""

from __future__ import annotations

TASK_SIZE = (1 << 47) - 4096
PAGE_OFFSET = 0xFFFF888000000000
VMALLOC_START = 0xFFFFC90000000000
VMALLOC_SIZE = 32 << 40
VMEMMAP_START = 0xFFFFEA0000000000
START_KERNEL_MAP = 0xFFFFFFFF80000000
MODULES_VADDR, MODULES_END = 0xFFFFFFFFA0000000, 0xFFFFFFFFFF000000
FIXADDR_START, FIXADDR_TOP = 0xFFFFFFFFFF57B000, 0xFFFFFFFFFF7FF000
CPU_ENTRY_AREA_BASE, CPU_ENTRY_AREA_MAP_SIZE = 0xFFFFFE0000000000, 0x76001000
LDT_BASE_ADDR, ESPFIX_BASE_ADDR = 0xFFFF880000000000, 0xFFFFFF0000000000
MAXMEM = 1 << 46
KCORE_HEADERS = 4 * 4096
STRUCT_PAGE = 64
TEXT, END = 0xFFFFFFFF81000000, 0xFFFFFFFF82828000  # _text, _end of the recorded kernel


class Layout64:
    """What depends on RAM: where the direct mapping ends."""

    __slots__ = ("high_memory", "max_pfn")

    page_offset = PAGE_OFFSET
    image_base = START_KERNEL_MAP
    task_size = TASK_SIZE
    vmalloc_start = VMALLOC_START
    vmalloc_end = VMALLOC_START + VMALLOC_SIZE
    pkmap_base = last_pkmap = 0
    fixaddr_start = FIXADDR_START
    fixaddr_top = FIXADDR_TOP

    def __init__(self, max_pfn: int) -> None:
        self.max_pfn = max_pfn
        self.high_memory = PAGE_OFFSET + (max_pfn << 12)

    @property
    def vmalloc_total(self) -> int:
        """Bytes as VMALLOC_TOTAL has them: VMALLOC_END is the last address."""
        return VMALLOC_SIZE - 1

    kcore_headers = KCORE_HEADERS
    kcore_notes = (336, 8264)
    elf_machine = 62

    def kcore_regions(self, ram: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """The kernel's image, vmalloc's area, modules, then each piece of RAM and its struct pages, in whole pages."""
        found = [(TEXT, TEXT - START_KERNEL_MAP, END - TEXT), (VMALLOC_START, -1, VMALLOC_SIZE - 1),
                 (MODULES_VADDR, -1, MODULES_END - MODULES_VADDR)]  # fmt: skip
        for first, behind in ram:
            start = VMEMMAP_START + first * STRUCT_PAGE & -4096
            end = VMEMMAP_START + behind * STRUCT_PAGE + 4095 & -4096
            found += [(PAGE_OFFSET + (first << 12), first << 12, behind - first << 12), (start, -1, end - start)]
        return found

    def kcore_offset(self, addr: int) -> int:
        return addr & (1 << 47) - 1

    def kcore_address(self, offset: int) -> int:
        return (offset | -1 << 47) & (1 << 64) - 1

    @property
    def kcore_size(self) -> int:
        """Bytes of /proc/kcore: modules lie highest, offsets are the lower 47 bits of addresses."""
        return (MODULES_END & (1 << 47) - 1) + KCORE_HEADERS

    def constants(self) -> list[tuple[str, int]]:
        """Names and addresses, in the order of the recorded `layout` files."""
        return [
            ("PAGE_OFFSET", PAGE_OFFSET), ("high_memory", self.high_memory), ("VMALLOC_START", VMALLOC_START),
            ("VMALLOC_END", VMALLOC_START + VMALLOC_SIZE - 1), ("VMEMMAP_START", VMEMMAP_START),
            ("MODULES_VADDR", MODULES_VADDR), ("MODULES_END", MODULES_END), ("__START_KERNEL_map", START_KERNEL_MAP),
            ("KERNEL_IMAGE_SIZE", 0x20000000), ("_text", TEXT), ("_end", END), ("FIXADDR_START", FIXADDR_START),
            ("FIXADDR_TOP", FIXADDR_TOP), ("CPU_ENTRY_AREA_BASE", CPU_ENTRY_AREA_BASE),
            ("CPU_ENTRY_AREA_MAP_SIZE", CPU_ENTRY_AREA_MAP_SIZE), ("LDT_BASE_ADDR", LDT_BASE_ADDR),
            ("ESPFIX_BASE_ADDR", ESPFIX_BASE_ADDR), ("TASK_SIZE", TASK_SIZE), ("TASK_SIZE_MAX", TASK_SIZE),
            ("max_pfn", self.max_pfn), ("max_low_pfn", self.max_pfn), ("MAX_DMA32_PFN", 0x100000), ("MAXMEM", MAXMEM),
        ]  # fmt: skip

    def direct_entry(self, pfn: int) -> tuple[int, str]:
        """How many frames the direct mapping's entry for `pfn` maps, in words too (DirectMap4k, 2M, 1G of meminfo)."""
        gigabyte = pfn >> 18
        if gigabyte and (gigabyte + 1) << 18 <= self.max_pfn and gigabyte != 3:
            return 1 << 18, "1 GiB"
        if pfn < 512 or 4096 <= pfn < 7680 or (pfn | 511) >= self.max_pfn:
            return 1, "4 KiB"
        return 512, "2 MiB"

    def areas(self) -> list[tuple[str, int, int, str]]:
        """Name, first address, one past the last, and what it is for, from the top down."""
        frames = self.max_pfn * 64  # sizeof(struct page)
        return [
            ("fixmap", FIXADDR_START, FIXADDR_TOP, "fixed slots"),
            ("modules", MODULES_VADDR, MODULES_END, "loadable code"),
            ("kernel", START_KERNEL_MAP, START_KERNEL_MAP + 0x20000000, "its own text and data"),
            ("espfix", ESPFIX_BASE_ADDR, ESPFIX_BASE_ADDR + (1 << 39), "espfix stacks"),
            ("cpu entry", CPU_ENTRY_AREA_BASE, CPU_ENTRY_AREA_BASE + CPU_ENTRY_AREA_MAP_SIZE, "entry stacks"),
            ("vmemmap", VMEMMAP_START, VMEMMAP_START + frames, "struct page for each frame"),
            ("vmalloc", VMALLOC_START, VMALLOC_START + VMALLOC_SIZE, "scattered frames"),
            ("direct map", PAGE_OFFSET, self.high_memory, "all of RAM"),
            ("LDT", LDT_BASE_ADDR, LDT_BASE_ADDR + (1 << 39), "a process's LDT"),
        ]

    def text(self) -> str:
        """One constant a line, as the recorded `layout` files begin."""
        return "".join(f"{name} {value:x}\n" for name, value in self.constants())
