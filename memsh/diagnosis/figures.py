"""The figures that prove a verdict, zone by zone, as text for a terminal."""

from __future__ import annotations

from memsh.diagnosis import account as accounts
from memsh.diagnosis.overview import page_of
from memsh.diagnosis.verdict import Verdict
from memsh.diagnosis.words import count, size
from memsh.proctext.findings import Findings
from memsh.proctext.lines import shown
from memsh.proctext.meminfo_report import Memory
from memsh.proctext.oomreport import Report

UNKNOWN = "unknown"


def table(heads: list[str], rows: list[list[str]], left: int = 1) -> list[str]:
    """Columns under their heads; the first `left` of them to the left, the others to the right."""
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    return [
        "  ".join(
            f"{c:<{w}}" if at < left else f"{c:>{w}}" for at, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [heads, *rows]
    ]


def _kb(value: int | None) -> str:
    return UNKNOWN if value is None else count(value)


def of_report(report: Report, verdict: Verdict) -> list[str]:
    """Request, zones, blocks, uses, processes of one report."""
    lines: list[str] = []
    if report.kind in ("oom", "memcg", "failure", "stall", "slab"):
        order = UNKNOWN if report.order is None else str(report.order)
        era = report.gfp.era
        if era == "not told":
            era = UNKNOWN
        elif not era.startswith("as "):
            era = f"by the bits of {era}"
        lines.append(f"request: order {order}, gfp {report.gfp.text}, flags {era}")
        told = bool(report.gfp.flags or report.gfp.mask is not None)
        zone, waits = (report.gfp.zone, _yes(report.gfp.may_wait)) if told else (UNKNOWN, UNKNOWN)
        kernel, constraint = shown(report.release or UNKNOWN), shown(report.constraint or UNKNOWN)
        lines.append(f"  highest zone {zone}, may wait {waits}, kernel {kernel}, constraint {constraint}")
    for limit in report.limits:
        most = "no limit" if limit.limit is None else f"limit {count(limit.limit)} kB"
        lines.append(f"cgroup {limit.name}: usage {count(limit.usage)} kB, {most}, failcnt {count(limit.failcnt)}")
    if report.memory is not None:
        lines += _zones(report, report.memory, verdict) + _blocks(report.memory) + _uses(report.memory)
    if report.tasks:
        page = report.memory.page if report.memory else 4096
        lines += ["", f"processes: {count(len(report.tasks))} listed, resident memory by name"]
        rows = [
            [
                shown(g.name, 32),
                str(g.members),
                count(g.rss * page >> 10),
                count(g.largest * page >> 10),
                UNKNOWN if g.swapents is None else count(g.swapents * page >> 10),
            ]
            for g in accounts.groups(report.tasks)[:10]
        ]
        lines += table(["name", "how many", "kB resident", "largest", "kB in swap"], rows)
    return lines


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _zones(report: Report, memory: Memory, verdict: Verdict) -> list[str]:
    """One row a zone; pages."""
    if not memory.zones:
        return []
    asked = {(one.node, one.zone): one for one in verdict.answers}
    rows = []
    for zone in memory.zones:
        page = memory.page >> 10
        kb = zone.kb
        answer = asked.get((zone.node, zone.name))
        reserve = answer.reserve if answer else None
        cells = [
            f"{zone.node} {zone.name}",
            *(_kb(kb[n] // page if n in kb else None) for n in ("free", "min", "low", "high")),
            UNKNOWN
            if zone.reserve is None
            else count(reserve if reserve is not None else max(zone.reserve, default=0)),
            _kb(kb["managed"] // page if "managed" in kb else kb["present"] // page if "present" in kb else None),
            _kb(kb["free_cma"] // page if "free_cma" in kb else None),
            answer.why if answer else "not asked",
        ]
        rows.append(cells)
    return [
        "",
        f"zones (pages of {memory.page >> 10} kB)",
        *table(["node zone", "free", "min", "low", "high", "reserve", "managed", "CMA free", "answer"], rows),
    ]


def _blocks(memory: Memory) -> list[str]:
    zones = [zone for zone in memory.zones if zone.blocks]
    if not zones:
        return []
    most = max(len(zone.blocks) for zone in zones)
    rows = []
    for zone in zones:
        cells = [f"{block.number}{block.types or ''}" for block in zone.blocks] + [""] * (most - len(zone.blocks))
        rows.append([f"{zone.node} {zone.name}", *cells])
    typed = any(block.types for zone in zones for block in zone.blocks)
    note = "; letters: U unmovable, M movable, E reclaimable, H high-atomic, C CMA, R reserve" if typed else ""
    heading = "free blocks by order" + (note or "; migrate types are unknown")
    return ["", heading, *table(["node zone", *map(str, range(most))], rows)]


def _uses(memory: Memory) -> list[str]:
    sums = accounts.account(memory)
    if not sums.uses:
        return []
    total = sums.total
    rows = [
        [name, count(kb), f"{100 * kb / total:.1f} %" if total else UNKNOWN] for name, kb in sums.uses.items() if kb
    ]
    rows.append(["in no counter", UNKNOWN if sums.unnamed is None else count(sums.unnamed), ""])
    rows.append(["all memory", _kb(total), ""])
    lines = ["", "memory by use", *table(["use", "kB", "part"], rows)]
    swap = [
        f"free {count(memory.swap_free)} kB" if memory.swap_free is not None else "",
        f"of {count(memory.swap_total)} kB" if memory.swap_total is not None else "",
    ]
    lines.append(f"swap: {' '.join(part for part in swap if part) or UNKNOWN}")
    if memory.slabs:
        rows = [
            [shown(name, 32), count(used), count(kb)]
            for name, used, kb in sorted(memory.slabs, key=lambda row: -row[2])[:10]
        ]
        lines += ["", "unreclaimable slab", *table(["cache", "kB used", "kB"], rows)]
    return lines


def of_files(found: Findings) -> list[str]:
    """Tables of the /proc files that were found."""
    page = page_of(found)
    lines: list[str] = []
    if found.buddyinfo:
        most = max(len(row.counts) for row in found.buddyinfo)
        rows = [
            [
                f"{row.node} {row.zone}",
                *map(str, row.counts),
                *[""] * (most - len(row.counts)),
                count(row.pages),
                size(row.pages * page >> 10),
            ]
            for row in found.buddyinfo
        ]
        lines += [
            "",
            f"free blocks by order (pages of {page >> 10} kB)",
            *table(["node zone", *map(str, range(most)), "pages", "size"], rows),
        ]
    if found.zoneinfo:
        names = ("free", "min", "low", "high", "managed")
        rows = [
            [
                f"{zone.node} {zone.name}",
                *(_kb(zone.marks.get(name)) for name in names),
                "(" + ", ".join(map(str, zone.protection)) + ")" if zone.protection else UNKNOWN,
            ]
            for zone in found.zoneinfo
        ]
        lines += ["", "zones (pages)", *table(["node zone", *names, "reserve for each zone"], rows)]
    if found.slabinfo or found.slabtop:
        caches = [(c.name, c.active_objs, c.num_objs, c.obj_size, c.pages * page >> 10) for c in found.slabinfo]
        caches += [
            (line.name, line.active, line.objs, line.obj_size, line.kb) for line in found.slabtop if not found.slabinfo
        ]
        caches.sort(key=lambda row: -row[4])
        rows = [[shown(name, 32), *map(count, numbers)] for name, *numbers in caches[:10]]
        lines += ["", "slab caches", *table(["cache", "in use", "objects", "bytes each", "kB"], rows)]
    return lines
