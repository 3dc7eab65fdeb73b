"""/proc/swaps: swap areas in the order of their priority (mm/swapfile.c, swap_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.procfs.seq_file import mangle_path

if TYPE_CHECKING:
    from memsh.linux.box import Box

HEADER = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def row(path: str, kind: str, size: int, used: int, priority: int) -> str:
    """One area; `kind` is "partition" or "file", sizes in kB."""
    name = mangle_path(path, " \t\n\\")
    padding = " " * max(1, 40 - len(name))
    return (
        f"{name}{padding}{'partition' if kind == 'partition' else 'file'}{'' if kind == 'partition' else chr(9)}\t"
        f"{size}\t{'' if size >= 10000000 else chr(9)}{used}\t{'' if used >= 10000000 else chr(9)}{priority}\n"
    )


def show(box: Box) -> str:
    swap = getattr(box, "swap", None)
    areas = swap.areas() if swap is not None else []
    return HEADER + "".join(row(area.path, area.kind, area.size_kb, area.used_kb, area.priority) for area in areas)
