"""Where ZONE_MOVABLE begins on each node: kernelcore= and movablecore= (mm/page_alloc.c: cmdline_parse_core,
find_zone_movable_pfns_for_nodes).

No known deviations; no machine here has mirrored memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import MAX_ORDER, PAGE_SHIFT
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.lib.cmdline import memparse, simple_strtoull

if TYPE_CHECKING:
    from memsh.linux.arch.x86.setup import Logger
    from memsh.linux.config import Config

MAX_ORDER_NR_PAGES = 1 << MAX_ORDER - 1
Ranges = list[tuple[int, int]]
FOUR_GIB = 1 << 20  # in frames: what lies below is never movable alone, mirrored or not


def _core(config: Config, name: str, total: int) -> int:
    """Pages that a parameter asks for: a size, or so many percent of all."""
    value = config.parameter(name)
    if not value:
        return 0
    percent, rest = simple_strtoull(value)
    if rest.startswith("%"):
        return total * 100 * percent // 10000
    return memparse(value)[0] >> PAGE_SHIFT


def find_zone_movable_pfns_for_nodes(config: Config, nodes: list[Ranges], usable: int, log: Logger) -> list[int]:
    """The first frame of each node's ZONE_MOVABLE, 0 where it has none; `nodes` have their RAM as [first, behind),
    `usable` is where the zone begins that it can be taken from."""
    total = sum(end - start for ranges in nodes for start, end in ranges)
    none = [0] * len(nodes)
    if config.parameter("kernelcore") == "mirror":
        log(KERN_WARNING, "This configuration results in unmirrored kernel memory.")
        return [min((start for start, _ in ranges if start >= FOUR_GIB), default=0) for ranges in nodes]
    kernelcore, movablecore = _core(config, "kernelcore", total), _core(config, "movablecore", total)
    if movablecore:
        movablecore = min(total, -(-movablecore // MAX_ORDER_NR_PAGES) * MAX_ORDER_NR_PAGES)
        kernelcore = max(kernelcore, total - movablecore)
    if not kernelcore or kernelcore >= total:
        return none
    begin = list(none)
    left, spread = kernelcore, len(nodes)
    while spread and left > 0:
        left = _spread(nodes, begin, left, spread, usable)
        spread -= 1
        if left <= spread:
            break
    out = []
    for pfn, ranges in zip(begin, nodes, strict=True):
        pfn = -(-pfn // MAX_ORDER_NR_PAGES) * MAX_ORDER_NR_PAGES
        out.append(pfn if ranges and pfn < ranges[-1][1] else 0)
    return out


def _spread(nodes: list[Ranges], begin: list[int], left: int, spread: int, usable: int) -> int:
    """One round: the kernel's part is taken evenly from all nodes; what could not be had of it is left."""
    share = left // spread
    for nid, ranges in enumerate(nodes):
        if left < share:
            share = left // spread
        remaining = share
        for start, end in ranges:
            start = max(start, begin[nid])
            if start >= end:
                continue
            if start < usable:
                kernel = min(end, usable) - start
                remaining -= min(kernel, remaining)
                left -= min(kernel, left)
                if end <= usable:
                    begin[nid] = end
                    continue
                start = usable
            size = min(end - start, remaining)
            begin[nid] = start + size
            left -= min(left, size)
            remaining -= size
            if not remaining:
                break
    return left


def adjust_zone_range(start: int, end: int, movable: int) -> tuple[int, int]:
    """A zone's [start, end) on a node whose ZONE_MOVABLE begins at `movable` (adjust_zone_range_for_zone_movable)."""
    if not movable or end <= movable:
        return start, end
    return (start, movable) if start < movable else (movable, movable)
