"""A swap entry: the number of a swap area and a slot in it as one number (include/linux/swapops.h, swp_entry_t).

The type stands in the upper bits, the offset in the lower ones, so that slots side by side are numbers side by side,
and an entry is a tree's value as it is. What a page-table entry makes of it is the architecture's affair
(`Mmu.swp_entry_to_pte`). Slot 0 of an area is its header, so 0 is no entry.

Known deviations: 31 bits on a 64-bit machine, too, as columns of struct page and trees have words of 32: an area ends
at 256 GiB there.
"""

SWP_TYPE_SHIFT = 26  # BITS_PER_XA_VALUE - MAX_SWAPFILES_SHIFT
SWP_OFFSET_MASK = (1 << SWP_TYPE_SHIFT) - 1


def swp_entry(kind: int, offset: int) -> int:
    return kind << SWP_TYPE_SHIFT | offset


def swp_type(entry: int) -> int:
    return entry >> SWP_TYPE_SHIFT


def swp_offset(entry: int) -> int:
    return entry & SWP_OFFSET_MASK
