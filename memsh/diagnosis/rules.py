"""Whether a zone could give what was asked: __zone_watermark_ok as the report's own kernel had it (mm/page_alloc.c).

From 4.4 on the reserve counts once and then a free block of the order decides; before, half of the watermark was asked
for again at each order. Contiguous memory (CMA) is open to movable pages only, the high-atomic reserve to those that
may not wait.
"""

from __future__ import annotations

from typing import NamedTuple

from memsh.diagnosis.words import count
from memsh.proctext.gfp import Gfp
from memsh.proctext.meminfo_report import Zone, layout
from memsh.proctext.oomreport import Report


class Answer(NamedTuple):
    """What a zone says to the request. why: passes, empty, marks, high, reserve, order, cma,
    highatomic, unknown; pages."""

    node: int
    zone: str
    why: str
    free: int
    """Free pages that the request may count on."""
    mark: int
    reserve: int
    blocks: int | None
    """Free blocks of the order or a higher one that it may take; None: the text does not tell."""
    sentence: str


def by_order_rule(report: Report) -> bool:
    """Whether the kernel asked at each order for half of the watermark again (before 4.4)."""
    if report.version is not None:
        return report.version < (4, 4)
    if report.memory is not None and report.memory.nodes:
        return False
    return report.gfp.era.startswith("2.6")


def allowed(report: Report) -> list[Zone]:
    """The zones that the request may use, highest first, its own nodes only."""
    memory = report.memory
    if memory is None:
        return []
    names = layout({zone.name for zone in memory.zones})
    top = _top(report.gfp, names)
    nodes = set(report.nodemask) if report.nodemask and report.constraint != "CONSTRAINT_NONE" else None
    if report.constraint == "CONSTRAINT_CPUSET" or (nodes is None and report.mems_allowed is not None):
        nodes = set(report.mems_allowed or []) or nodes
    zones = [zone for zone in memory.zones if zone.name in names and names.index(zone.name) <= top]
    inside = [zone for zone in zones if nodes is None or zone.node in nodes]
    return sorted(inside or zones, key=lambda zone: (zone.node, -names.index(zone.name)))


def _top(gfp: Gfp, names: tuple[str, ...]) -> int:
    wanted = gfp.zone
    for name in (wanted, "Normal" if wanted in ("HighMem", "Movable", "DMA32") else "DMA"):
        if name in names:
            return names.index(name)
    return 0 if wanted == "DMA" else len(names) - 1


def usable(zone: Zone, order: int, gfp: Gfp) -> int | None:
    """Free blocks of the order and above that the request may take; None where the text has no blocks."""
    if not zone.blocks:
        return None
    found = 0
    for block in zone.blocks[order:]:
        if (
            block.types is None
            or set(block.types) & set("UMER")
            or (gfp.movable and "C" in block.types)
            or (gfp.harder and "H" in block.types)
        ):
            found += block.number
    return found


def ask(zone: Zone, report: Report) -> Answer:
    """What the zone answers to the report's request, by the figures of the report."""
    memory, gfp, order = report.memory, report.gfp, max(0, report.order or 0)
    assert memory is not None
    page = memory.page >> 10
    kb = zone.kb
    name = f"node {zone.node} {zone.name}" if len({one.node for one in memory.zones}) > 1 else zone.name
    free = kb.get("free", sum(block.number * block.size >> 10 for block in zone.blocks)) // page
    if not kb.get("managed", kb.get("present", 1)):
        return Answer(zone.node, zone.name, "empty", free, 0, 0, None, f"{name} has no memory")
    if "min" not in kb:
        blocks = usable(zone, order, gfp)
        why = "unknown" if blocks is None or blocks else "order"
        text = f"{name}: {count(free)} pages free, its watermarks are not told"
        return Answer(zone.node, zone.name, why, free, 0, 0, blocks, text)
    names = layout({zone.name for zone in memory.zones})
    reserves = zone.reserve or []
    top = _top(gfp, names)
    if gfp.zone == "Movable" and "Movable" in names:
        top = names.index("Movable")
    reserve = reserves[min(top, len(reserves) - 1)] if reserves else 0
    mark = kb["min"] // page
    if gfp.high:
        mark -= mark // 2
    if gfp.harder:
        mark -= mark // 4
    left = free
    cma = 0 if gfp.movable else min(kb.get("free_cma", 0) // page, left)
    atomic = 0 if gfp.harder else kb.get("free_highatomic", kb.get("reserved_highatomic", 0)) // page
    left = max(0, left - cma - min(atomic, left - cma)) - ((1 << order) - 1)
    blocks = usable(zone, order, gfp)
    held = [f"{count(cma)} of them CMA, closed to it"] * bool(cma)
    held += [f"{count(atomic)} kept for atomic requests"] * bool(atomic)
    said = f"{count(free)} pages free" + (f" ({', '.join(held)})" if held else "")
    need = f"{count(mark)} + {count(reserve)}" if reserve else count(mark)
    if left <= mark + reserve:
        why = "reserve" if reserve and left > mark else "cma" if cma and free > mark + reserve else "marks"
        text = f"{name}: {said}, needs more than {need}"
        return Answer(zone.node, zone.name, why, left, mark, reserve, blocks, text)
    if order and by_order_rule(report) and zone.blocks:
        short = _by_order(zone, left + cma, mark, order)
        if short is not None:
            at, have, wanted = short
            text = f"{name} has {said}, but {count(have)} of them above order {at}, needs more than {count(wanted)}"
            if not blocks:
                text = f"{name} has {said}, but no block of order {order}"
            return Answer(zone.node, zone.name, "order", left, mark, reserve, blocks, text)
    if order and blocks == 0:
        rest = sum(block.number for block in zone.blocks[order:])
        text = f"{name} has enough pages ({said}, needs more than {need}) but no block of order {order}"
        why = "order"
        if rest:
            letters = "".join(sorted({letter for block in zone.blocks[order:] for letter in block.types or ""}))
            why = "cma" if "C" in letters else "highatomic"
            kept = "of CMA" if why == "cma" else "kept for atomic requests"
            text += f" that it may use ({count(rest)} are {kept})"
        return Answer(zone.node, zone.name, why, left, mark, reserve, blocks, text)
    if order and blocks is None:
        text = f"{name}: {said}, needs more than {need}; its blocks are not told"
        return Answer(zone.node, zone.name, "unknown", left, mark, reserve, None, text)
    high = kb.get("high", 0) // page
    if report.kind == "oom" and high and left <= high + reserve:
        last = f"{count(high)} + {count(reserve)}" if reserve else count(high)
        text = f"{name}: {said}, more than {need}, but the last try before the OOM killer needs more than {last}"
        return Answer(zone.node, zone.name, "high", left, high, reserve, blocks, text)
    text = f"{name}: {said}, more than {need}" + (f", and {count(blocks or 0)} blocks" if order else "")
    return Answer(zone.node, zone.name, "passes", left, mark, reserve, blocks, text)


def _by_order(zone: Zone, left: int, mark: int, order: int) -> tuple[int, int, int] | None:
    """The rule before 4.4: (order, pages left above it, pages asked for) where it fails, None where it passes."""
    need = mark
    for at in range(order):
        if at < len(zone.blocks):
            left -= zone.blocks[at].number << at
        need >>= 1
        if left <= need:
            return at, max(0, left), need
    return None


def answers(report: Report) -> list[Answer]:
    """Every zone's answer, in the order in which the request asks them."""
    return [ask(zone, report) for zone in allowed(report)]
