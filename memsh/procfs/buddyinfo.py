"""/proc/buddyinfo: free blocks of each order (mm/vmstat.c, frag_show_print). Each line ends in a blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.flags import MAX_ORDER

if TYPE_CHECKING:
    from memsh.kernel.box import Box
    from memsh.kernel.zone import Zone


def free_counts(zone: Zone) -> list[int]:
    """Blocks on the free lists of each order, all migrate types together."""
    return [zone.nr_blocks(order) for order in range(MAX_ORDER)]


def show(box: Box) -> str:
    lines = []
    for zone in box.pages.zones:
        if zone.present:
            counts = "".join(f"{count:6d} " for count in free_counts(zone))
            lines.append(f"Node 0, zone {zone.name:>8s} {counts}\n")
    return "".join(lines)
