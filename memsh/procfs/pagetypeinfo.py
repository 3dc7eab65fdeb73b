"""/proc/pagetypeinfo: free blocks by migrate type, pageblocks by type (mm/vmstat.c, pagetypeinfo_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER, MIGRATE_NAMES, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES

if TYPE_CHECKING:
    from memsh.linux.box import Box

MOST = 100000  # the kernel stops counting a list here


def show(box: Box) -> str:
    heading = "Free pages count per migrate type at order"
    lines = [
        f"Page block order: {PAGEBLOCK_ORDER}\nPages per block:  {PAGEBLOCK_PAGES}\n\n",
        f"{heading:<43s} " + "".join(f"{order:6d} " for order in range(MAX_ORDER)) + "\n",
    ]
    zones = [zone for zone in box.pages.zones if zone.present]
    for zone in zones:
        for mt, name in enumerate(MIGRATE_NAMES):
            counts = "".join(_count(len(zone.lists[order << 2 | mt])) for order in range(MAX_ORDER))
            lines.append(f"Node {0:4d}, zone {zone.name:>8s}, type {name:>12s} {counts}\n")
    lines.append("\n" + f"{'Number of blocks type ':<23s}" + "".join(f"{name:>12s} " for name in MIGRATE_NAMES) + "\n")
    for zone in zones:
        counts = "".join(f"{count:12d} " for count in block_counts(box, zone.index))
        lines.append(f"Node 0, zone {zone.name:>8s} {counts}\n")
    return "".join(lines)


def _count(number: int) -> str:
    return f">{MOST} " if number >= MOST else f"{number:6d} "


def block_counts(box: Box, index: int) -> list[int]:
    """Pageblocks of each migrate type in a zone, one probe each 1024 frames from its start on."""
    zone = box.pages.zones[index]
    counts = [0] * len(MIGRATE_NAMES)
    for pfn in range(zone.start_pfn, zone.end_pfn, PAGEBLOCK_PAGES):
        counts[zone.block_type(pfn)] += 1
    return counts
