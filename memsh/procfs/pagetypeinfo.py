"""/proc/pagetypeinfo: free blocks by migrate type, pageblocks by type (mm/vmstat.c, pagetypeinfo_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER, MIGRATE_NAMES

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone

MOST = 100000  # the kernel stops counting a list here


def show(box: Box) -> str:
    heading = "Free pages count per migrate type at order"
    names = migrate_names(box)
    lines = [
        f"Page block order: {box.arch.pageblock_order}\nPages per block:  {box.arch.pageblock_pages}\n\n",
        f"{heading:<43s} " + "".join(f"{order:6d} " for order in range(MAX_ORDER)) + "\n",
    ]
    zones = [zone for zone in box.pages.zones if zone.present]
    for zone in zones:
        for mt, name in enumerate(names):
            of_type = (len(zone.lists[order << 2 | mt]) if mt < 4 else 0 for order in range(MAX_ORDER))
            counts = "".join(map(_count, of_type))
            lines.append(f"Node {zone.node:4d}, zone {zone.name:>8s}, type {name:>12s} {counts}\n")
    lines.append("\n" + f"{'Number of blocks type ':<23s}" + "".join(f"{name:>12s} " for name in names) + "\n")
    for zone in zones:
        counts = "".join(f"{count:12d} " for count in block_counts(zone, len(names)))
        lines.append(f"Node {zone.node}, zone {zone.name:>8s} {counts}\n")
    return "".join(lines)


def _count(number: int) -> str:
    return f">{MOST} " if number >= MOST else f"{number:6d} "


def migrate_names(box: Box) -> tuple[str, ...]:
    """The migrate types that this kernel has: Isolate only with memory that can be taken out."""
    return (*MIGRATE_NAMES, "Isolate") if "MEMORY_ISOLATION" in box.model.options else MIGRATE_NAMES


def block_counts(zone: Zone, types: int) -> list[int]:
    """Pageblocks of each migrate type in a zone, one probe a block from its start on."""
    probes = -(-zone.spanned // zone.block_pages)
    blocks = zone.blocks[:probes]
    return [blocks.count(mt) for mt in range(types)]
