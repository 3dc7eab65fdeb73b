"""/sys/kernel/debug/extfrag: how fragmented free memory is, order by order (mm/vmstat.c).

extfrag_index: -1.000 where a block of that order is free, else towards 0 lack of memory, towards 1 fragmentation.
unusable_index: the part of free memory that cannot serve that order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER
from memsh.linux.mm.page_alloc.fragmentation import c_div, fragmentation_index, free_counts, unusable_index

if TYPE_CHECKING:
    from memsh.linux.box import Box


def show_extfrag(box: Box) -> str:
    return _rows(box, _signed)


def show_unusable(box: Box) -> str:
    return _rows(box, _unusable)


def _signed(order: int, counts: list[int]) -> str:
    index = fragmentation_index(order, counts)
    quotient = c_div(index, 1000)
    return f"{quotient}.{abs(index - 1000 * quotient):03d} "


def _unusable(order: int, counts: list[int]) -> str:
    index = unusable_index(order, counts)
    return f"{index // 1000}.{index % 1000:03d} "


def _rows(box: Box, cell: Callable[[int, list[int]], str]) -> str:
    """A row for each zone, a figure for each order."""
    lines = []
    for zone in box.pages.zones:
        if zone.present:
            counts = free_counts(zone)
            row = "".join(cell(order, counts) for order in range(MAX_ORDER))
            lines.append(f"Node {zone.node}, zone {zone.name:>8s} {row}\n")
    return "".join(lines)
