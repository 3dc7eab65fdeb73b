"""What the processor's memory management unit and the address-space layout of one architecture are: plain data.

Sources: arch/x86/include/asm/pgtable_{32,64}_types.h, pgtable_types.h, page_{32,64}_types.h, processor.h, elf.h,
arch/x86/mm/mmap.c, pgtable-2level.h, pgtable_64.h (__swp_entry).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.vsyscall import vsyscall_setup
from memsh.linux.include.swapops import SWP_OFFSET_MASK, SWP_TYPE_SHIFT
from memsh.linux.kernel.cmdline import words
from memsh.linux.lib.cmdline import simple_strtoull

if TYPE_CHECKING:
    from memsh.linux.config import Config

PAGE_SHIFT = 12
_PRESENT = 0x101  # or a PROT_NONE entry
_SWP_OFFSET_SHIFT = 9  # SWP_OFFSET_FIRST_BIT: the one above the global bit


@dataclass(frozen=True, slots=True)
class Mmu:
    """`shifts`: for each level of tables from the last (PTE) upwards, the address bit where its index begins.

    `entry_code`: array code of an entry. `top_order`: order of the block that holds the top table. `counted`: how many
    levels from the last one nr_page_table_pages counts. Addresses and limits are bytes; `word_limit` is one past the
    largest unsigned long. `nx`: the bit that marks a page as data, as entries are kept here (`hardware` moves it to
    where the processor has it), 0 where there is none. An entry that names a swap slot has the area's number from bit
    `swp_type_shift` on and the slot in `swp_offset_bits` bits from bit 9 on, those of `swp_invert` turned over.
    """

    word: int
    shifts: tuple[int, ...]
    entry_code: str
    top_order: int
    counted: int
    task_size: int
    mmap_base: int
    unmapped_base: int
    word_limit: int
    digits: int  # of an address, as /proc/PID/maps pads it
    nx: int
    vsyscall: int  # the page of the old system calls, 0 where there is none
    hole: range  # addresses that are not canonical
    swp_type_shift: int
    swp_offset_bits: int
    swp_invert: int
    swp_exclusive: int  # the bit that marks a slot's page as the process's alone, 0 where there is none
    names: tuple[str, ...]  # of the levels, as in Linux, the last one first
    stack_rnd_mask: int  # in pages: how far down a random stack may begin
    brk_rnd: int  # how far up a random heap may
    vdso_above_stack: bool  # where the stack is random
    fixed_fallback: bool  # where no hole is found from above, the search from below begins at unmapped_base itself
    gate_flags: int = 0  # VM_* of the page of the old system calls, 0 where it is not served
    stack_guard_gap: int = 256 << PAGE_SHIFT  # bytes below a stack that stay free

    def __deepcopy__(self, memo: object) -> Mmu:
        return self

    @property
    def table_shift(self) -> int:
        """Address bits that one table of the last level covers."""
        return self.shifts[1]

    @property
    def entries(self) -> int:
        """Entries of one table."""
        return 1 << self.shifts[1] - self.shifts[0]

    def hardware(self, entry: int) -> int:
        """An entry as the processor reads it."""
        if self.nx and entry & self.nx and entry & _PRESENT:
            return entry & ~self.nx | 1 << 63
        return entry

    def swp_entry_to_pte(self, entry: int) -> int:
        """The page-table entry that names a swap slot."""
        return (
            entry >> SWP_TYPE_SHIFT << self.swp_type_shift | (entry & SWP_OFFSET_MASK) << _SWP_OFFSET_SHIFT
        ) ^ self.swp_invert

    def swp_entries_to_ptes(self, entries: Iterable[int]) -> list[int]:
        """swp_entry_to_pte() of many."""
        shift, invert = self.swp_type_shift, self.swp_invert
        return [
            (entry >> SWP_TYPE_SHIFT << shift | (entry & SWP_OFFSET_MASK) << _SWP_OFFSET_SHIFT) ^ invert
            for entry in entries
        ]

    def pte_to_swp_entry(self, pte: int) -> int:
        """The swap slot that a page-table entry names, which is neither 0 nor present."""
        pte ^= self.swp_invert
        offset = pte >> _SWP_OFFSET_SHIFT & (1 << self.swp_offset_bits) - 1
        return (pte >> self.swp_type_shift & 31) << SWP_TYPE_SHIFT | offset & SWP_OFFSET_MASK

    @property
    def max_swapfile_size(self) -> int:
        """Slots of an area at most, its header among them (generic_max_swapfile_size)."""
        return 1 << min(self.swp_offset_bits, SWP_TYPE_SHIFT)


def chosen_mmu(config: Config, mmu: Mmu) -> Mmu:
    """What vsyscall= and stack_guard_gap= (in pages, mm/mmap.c) make of the architecture's own."""
    gap = mmu.stack_guard_gap
    for name, value in words(config):
        if name == "stack_guard_gap" and value is not None:
            pages, rest = simple_strtoull(value)
            gap = gap if rest else pages << PAGE_SHIFT & mmu.word_limit - 1
    flags = vsyscall_setup(config, mmu.vsyscall)
    return mmu if (flags, gap) == (0, mmu.stack_guard_gap) else replace(mmu, gate_flags=flags, stack_guard_gap=gap)
