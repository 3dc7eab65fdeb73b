"""What an architecture is: data that the kernel's common code reads (arch/x86/include/asm, include/linux/mmzone.h).

An `Arch` decides by its figures alone; no code outside `arch/` and `machines/` asks for its name. Sizes are bytes,
bounds are page frames. The two that exist are `i386.arch.I386` and `x86_64.arch.X86_64`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memsh.linux.arch.x86.mmu import Mmu
from memsh.linux.arch.x86.traces import Traces

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40


@dataclass(frozen=True, slots=True, eq=False)
class Elf:
    """What a new program finds on its stack (arch/x86/include/asm/elf.h).

    `auxv` the entries in their order, `platform` and `hwcap` what they say of the processor, sizes of ELF's headers,
    `frame` bytes of stack between where a.out starts and where its own loop runs.
    """

    auxv: tuple[int, ...]
    platform: bytes
    hwcap: int
    minsigstksz: int
    header: int
    program_header: int
    frame: int


@dataclass(frozen=True, slots=True, eq=False)
class SwapObjects:
    """What a swap area takes (mm/swapfile.c): bytes of a swap_info_struct, of its percpu_ref, a swap_extent, an
    address_space, a CPU's slots cache; who maps its map of slots and its records of groups, as vmallocinfo names it."""

    info: int
    users: int
    extent: int
    space: int
    slots: int
    caller: str
    cgroup_caller: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Arch:
    """One kind of machine.

    Zones stand in the order of enum zone_type; `zone_ends[i]` is the first page frame beyond what zone i can ever
    reach, None where RAM decides. `gfp_zones[gfp & 15]` is the highest zone of a request (GFP_ZONE_TABLE).
    """

    name: str
    bits: int
    word: int  # bytes of an unsigned long
    hz: int  # ticks of the kernel's clock a second
    page_shift: int
    page_offset: int  # where the direct mapping begins
    struct_page: int  # bytes of a struct page
    mem_map: int  # where struct page of frame 0 lies (vmemmap; mem_map of a machine of 1 GiB)
    vm_struct: int  # bytes of a struct vm_struct
    thread_size: int  # bytes of a kernel stack
    vmap_stack: str  # who maps kernel stacks page by page, as /proc/vmallocinfo names it; "" where they are one block
    vmap_idle_stack: str  # the same of the idle tasks of further CPUs
    swap: SwapObjects
    mmu: Mmu
    elf: Elf
    sys_mmap: str  # the system call behind mmap(), as strace names it
    vdso_words: tuple[str, ...]  # of the kernel command line that set vm.vdso_enabled
    vdso_image: tuple[tuple[int, str], ...]  # what is known of the vdso's first page: (offset, bytes in hexadecimal)
    traces: Traces  # what reports of the kernel print
    print_fmt: Mapping[str, str]  # what the preprocessor makes of names in the formats of tracepoints
    store_bypass: str  # what its processor says of speculative store bypass
    # zones and page blocks
    zone_names: tuple[str, ...]
    zone_events: tuple[str, ...]  # the zones' endings in pgalloc_…, allocstall_…, pgskip_…
    zone_ends: tuple[int | None, ...]
    zone_dma32: int  # -1 where there is none
    zone_normal: int
    zone_highmem: int  # the zone outside the direct mapping, -1 where there is none
    zone_movable: int
    gfp_zones: tuple[int, ...]
    max_pfn: int  # one past the last page frame that page tables can name (MAX_ARCH_PFN)
    lowmem_reserve_ratio: tuple[int, ...]
    mmap_rnd_bits: tuple[int, int]  # least and most of vm.mmap_rnd_bits; the least is the default
    max_order: int
    pageblock_order: int
    pcp_thp: bool  # the per-CPU lists hold blocks of pageblock_order, too (CONFIG_TRANSPARENT_HUGEPAGE)
    # what may be chosen
    numa: bool
    ram_min: int
    ram_max: int
    cpus_max: int
    cmdline: str  # the default kernel command line
    nr_cpus: int = 8  # CONFIG_NR_CPUS
    # where who sleeps is: function → the frames from it to where its kind of stack begins
    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # and its call: number, first word, where in the program, or in a C library that it shares, or in the vDSO (bytes)
    calls: Mapping[str, tuple[int, int, int, int, int]] = field(default_factory=dict)

    @property
    def page_size(self) -> int:
        return 1 << self.page_shift

    @property
    def pageblock_pages(self) -> int:
        return 1 << self.pageblock_order

    @property
    def nr_pcp_lists(self) -> int:
        """Orders 0 to 3 for three migrate types, and those for huge pages: one not movable, one movable."""
        return 14 if self.pcp_thp else 12

    def __deepcopy__(self, memo: dict[int, Any]) -> Arch:
        return self
