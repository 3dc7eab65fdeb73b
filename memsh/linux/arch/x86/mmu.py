"""What the processor's memory management unit and the address-space layout of one architecture are: plain data.

Sources: arch/x86/include/asm/pgtable_{32,64}_types.h, pgtable_types.h, page_{32,64}_types.h, processor.h, elf.h,
arch/x86/mm/mmap.c, include/linux/swapops.h.
"""

from __future__ import annotations

from dataclasses import dataclass

PAGE_SHIFT = 12


@dataclass(frozen=True, slots=True)
class Mmu:
    """`shifts`: for each level of tables from the last (PTE) upwards, the address bit where its index begins.

    `entry_code`: array code of an entry. `top_order`: order of the block that holds the top table. `counted`: how many
    levels from the last one nr_page_table_pages counts. Addresses and limits are bytes; `word_limit` is one past the
    largest unsigned long. `nx`: the bit that marks a page as data, as entries are kept here (`hardware` moves it to
    where the processor has it), 0 where there is none.
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
    names: tuple[str, ...]  # of the levels, as in Linux, the last one first

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
        if self.nx and entry & self.nx:
            return entry & ~self.nx | 1 << 63
        return entry
