"""/sys/kernel/debug/extfrag: how fragmented free memory is, order by order (mm/vmstat.c).

extfrag_index: -1.000 where a block of that order is free, else towards 0 lack of memory, towards 1 fragmentation.
unusable_index: the part of free memory that cannot serve that order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.flags import MAX_ORDER
from memsh.procfs.buddyinfo import free_counts

if TYPE_CHECKING:
    from memsh.kernel.box import Box


def c_div(number: int, divisor: int) -> int:
    """Division as C does it, towards zero."""
    quotient = abs(number) // abs(divisor)
    return quotient if (number < 0) == (divisor < 0) else -quotient


def fragmentation_index(order: int, counts: list[int]) -> int:
    """In thousandths; -1000 if the request would succeed, 0 if nothing is free at all (__fragmentation_index)."""
    blocks = sum(counts)
    if not blocks:
        return 0
    if any(counts[order:]):
        return -1000
    pages = sum(count << n for n, count in enumerate(counts))
    return 1000 - c_div(1000 + c_div(pages * 1000, 1 << order), blocks)


def unusable_index(order: int, counts: list[int]) -> int:
    """In thousandths (unusable_free_index)."""
    pages = sum(count << n for n, count in enumerate(counts))
    if not pages:
        return 1000
    suitable = sum(count << n for n, count in enumerate(counts) if n >= order)
    return (pages - suitable) * 1000 // pages


def show_extfrag(box: Box) -> str:
    lines = []
    for zone in box.pages.zones:
        if zone.present:
            counts = free_counts(zone)
            row = ""
            for order in range(MAX_ORDER):
                index = fragmentation_index(order, counts)
                quotient = c_div(index, 1000)
                row += f"{quotient}.{abs(index - 1000 * quotient):03d} "
            lines.append(f"Node 0, zone {zone.name:>8s} {row}\n")
    return "".join(lines)


def show_unusable(box: Box) -> str:
    lines = []
    for zone in box.pages.zones:
        if zone.present:
            counts = free_counts(zone)
            row = ""
            for order in range(MAX_ORDER):
                index = unusable_index(order, counts)
                row += f"{index // 1000}.{index % 1000:03d} "
            lines.append(f"Node 0, zone {zone.name:>8s} {row}\n")
    return "".join(lines)
