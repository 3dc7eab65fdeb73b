"""/proc/buddyinfo: free blocks of each order (mm/vmstat.c, frag_show_print). Each line ends in a blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.page_alloc.fragmentation import free_counts

if TYPE_CHECKING:
    from memsh.linux.box import Box


def show(box: Box) -> str:
    lines = []
    for zone in box.pages.zones:
        if zone.present:
            counts = "".join(f"{count:6d} " for count in free_counts(zone))
            lines.append(f"Node {zone.node}, zone {zone.name:>8s} {counts}\n")
    return "".join(lines)
