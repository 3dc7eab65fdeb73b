"""/sys/kernel/debug/lru_gen and lru_gen_full: generations of pages (mm/vmscan.c: lru_gen_seq_show).

**Known deviations:** generations are not kept (`enabled` is 0, as on the recorded machines): each group and node has
the four that it began with, without a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memsh.linux.box import Box

GENERATIONS, TIERS, MM_STATS = 4, 4, "LOYNFA"


def show_lru_gen(box: Box) -> str:
    return "".join(_lines(box, full=False))


def show_lru_gen_full(box: Box) -> str:
    """With what was reclaimed and came back of each tier."""
    return "".join(_lines(box, full=True))


def _groups(box: Box) -> list[tuple[int, str, int]]:
    """(id, path, when it was made in µs)."""
    found = [(1, "/", 0)]
    for group in box.cgroups.root.descendants():
        if group.memcg is not None:
            found.append((group.memcg.number + 1, group.path, group.memcg.born))
    return found


def _lines(box: Box, *, full: bool) -> Iterable[str]:
    tick = 1_000_000 // box.arch.hz
    first = next(node.nid for node in box.pages.nodes if node.present)
    for number, path, born in _groups(box):
        age = (box.timer.usec // tick - born // tick) * tick // 1000
        for node in box.pages.nodes:
            if not node.present:
                continue
            if node.nid == first:
                yield f"memcg {number:5d} {path}\n"
            yield f" node {node.nid:5d}\n"
            for seq in range(GENERATIONS):
                yield f" {seq:10d} {age:10d}" + f" {0:10d} " * 2 + "\n"
                if full:
                    yield from _tiers(seq)


def _tiers(seq: int) -> Iterable[str]:
    """Averages of what came back and of all that went for the youngest generation, counts for the oldest."""
    marks = "RT " if seq == GENERATIONS - 1 else "rep" if not seq else "   "
    for tier in range(TIERS):
        yield f"            {tier:10d}" + "".join(f" {0:10d}{mark}" for mark in marks * 2) + "\n"
    told = MM_STATS if seq == GENERATIONS - 1 else " " * len(MM_STATS)
    yield " " * 22 + "".join(f" {0:10d}{mark}" for mark in told) + "\n"
