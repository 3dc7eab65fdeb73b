"""/sys/kernel/debug/extfrag: how fragmented free memory is, order by order (mm/vmstat.c).

extfrag_index: -1.000 where a block of that order is free, else towards 0 lack of memory, towards 1 fragmentation.
unusable_index: the part of free memory that cannot serve that order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER
from memsh.linux.mm.page_alloc.fragmentation import c_div, fragmentation_index, free_counts, unusable_index

if TYPE_CHECKING:
    from memsh.linux.box import Box


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
            lines.append(f"Node {zone.node}, zone {zone.name:>8s} {row}\n")
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
            lines.append(f"Node {zone.node}, zone {zone.name:>8s} {row}\n")
    return "".join(lines)
