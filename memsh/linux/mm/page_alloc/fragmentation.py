"""How fragmented a zone's free memory is (mm/vmstat.c: __fragmentation_index, unusable_free_index, extfrag_for_order).

`counts` are the numbers of free blocks by order, 0 first. No known deviations.
"""

from __future__ import annotations

from memsh.linux.include.flags import MAX_ORDER
from memsh.linux.include.mmzone import Zone


def free_counts(zone: Zone) -> list[int]:
    """Free blocks of each order."""
    return [zone.nr_blocks(order) for order in range(MAX_ORDER)]


def c_div(number: int, divisor: int) -> int:
    """Division as C does it, towards zero."""
    quotient = abs(number) // abs(divisor)
    return quotient if (number < 0) == (divisor < 0) else -quotient


def fragmentation_index(order: int, counts: list[int]) -> int:
    """In thousandths; -1000 if the request would succeed, 0 if nothing is free at all.

    Else towards 0 the request fails for lack of memory, towards 1000 for fragmentation.
    """
    blocks = sum(counts)
    if not blocks:
        return 0
    if any(counts[order:]):
        return -1000
    pages = sum(count << n for n, count in enumerate(counts))
    return 1000 - c_div(1000 + c_div(pages * 1000, 1 << order), blocks)


def unusable_index(order: int, counts: list[int]) -> int:
    """The part of free memory that cannot serve the order, in thousandths."""
    pages = sum(count << n for n, count in enumerate(counts))
    if not pages:
        return 1000
    suitable = sum(count << n for n, count in enumerate(counts) if n >= order)
    return (pages - suitable) * 1000 // pages


def extfrag_for_order(zone: Zone, order: int) -> int:
    """The same in percent, from the zone's lists; 0 if nothing is free."""
    counts = free_counts(zone)
    pages = sum(count << n for n, count in enumerate(counts))
    if not pages:
        return 0
    suitable = sum(count << n for n, count in enumerate(counts) if n >= order)
    return (pages - suitable) * 100 // pages
