"""Sentences on /proc files and screens: what memory is used for, what is free in a row, which caches are large."""

from __future__ import annotations

from memsh.diagnosis.words import count, listed, size
from memsh.digits import is_digits
from memsh.proctext.findings import Findings
from memsh.proctext.lines import shown


def page_of(found: Findings) -> int:
    """Bytes of a page: as told, as vmstat and meminfo agree, else 4096."""
    if found.page_size:
        return found.page_size
    pages, kb = found.vmstat.get("nr_free_pages", 0), found.meminfo.get("MemFree", 0)
    managed = sum(zone.marks.get("managed", 0) for zone in found.zoneinfo)
    for number, size_kb in ((managed, found.meminfo.get("MemTotal", 0)), (pages, kb)):
        if number > 64 and size_kb:
            ratio = size_kb * 1024 / number
            near = [one for one in (4096, 8192, 16384, 65536) if abs(ratio - one) * 8 < one]
            if near:
                return near[0]
    return 4096


def overview(found: Findings) -> list[str]:
    """One or two sentences for each kind of text."""
    page = page_of(found)
    parts = [
        _refused(found),
        _meminfo(found.meminfo),
        *_free(found),
        *_zones(found, page),
        _buddy(found, page),
        _types(found),
        _slabs(found, page),
        _vmstat(found.vmstat),
        _areas(found),
        _status(found.status),
        _numa(found),
    ]
    return [part for part in parts if part]


def _refused(found: Findings) -> str:
    """A program that was refused memory: by the accounting of promises, not by free pages (__vm_enough_memory)."""
    if found.refused is None or not found.meminfo:
        return ""
    m, what = found.meminfo, found.refused
    limit, promised, mode = m.get("CommitLimit"), m.get("Committed_AS"), found.overcommit
    lead = f"{what} was refused memory. The kernel asks then whether it may promise so much, not whether pages are free"
    if limit is None or promised is None:
        return f"{lead}; how much is promised (Committed_AS) and the limit are not told."
    figures = f"{size(promised)} are promised, the limit is {size(limit)}"
    if mode == 1:
        other = "another limit (ulimit -v, a cgroup) refused"
        return f"{lead}; with vm.overcommit_memory=1 it promises anything, so {other}."
    if mode == 2 or (mode is None and promised > limit * 9 // 10):
        sure = "With vm.overcommit_memory=2" if mode == 2 else "If vm.overcommit_memory is 2 (which is not told)"
        cure = "swap, a larger vm.overcommit_ratio or mode 0 would have helped"
        return f"{lead}. {sure} the sum of all promises has a limit: {figures}; {cure}."
    room = size(m.get("MemTotal", 0) + m.get("SwapTotal", 0))
    return (
        f"{lead}. With vm.overcommit_memory=0 one request is refused if it is larger than RAM and swap together "
        f"({room}); before Linux 5.0, if it is larger than what is free or can be freed. "
        f"{figures[0].upper()}{figures[1:]}, which mode 0 does not look at."
    )


def _meminfo(m: dict[str, int]) -> str:
    total = m.get("MemTotal")
    if not total:
        return ""
    free, available = m.get("MemFree", 0), m.get("MemAvailable")
    uses = {
        "processes' own pages": m.get("AnonPages", 0),
        "page cache": max(0, m.get("Cached", 0) - m.get("Shmem", 0)) + m.get("Buffers", 0),
        "shared memory and tmpfs": m.get("Shmem", 0),
        "reclaimable slab": m.get("SReclaimable", 0),
        "unreclaimable slab": m.get("SUnreclaim", m.get("Slab", 0) if "SReclaimable" not in m else 0),
        "page tables": m.get("PageTables", 0),
        "kernel stacks": m.get("KernelStack", 0),
        "per-CPU areas": m.get("Percpu", 0),
        "huge page pool": m.get("Hugetlb", m.get("HugePages_Total", 0) * m.get("Hugepagesize", 0)),
        "free": free,
    }
    large = sorted(((kb, name) for name, kb in uses.items() if kb * 50 > total), reverse=True)[:5]
    text = (
        f"Of {size(total)} of memory: {', '.join(f'{name} {size(kb)} ({100 * kb // total} %)' for kb, name in large)}."
    )
    left = total - sum(uses.values()) - m.get("SwapCached", 0)
    if left * 10 > total:
        text += f" {size(left)} are in none of these counters (drivers, a balloon, vmalloc and the like)."
    if available is not None:
        text += f" {size(available)} are available to new processes without swapping"
        text += ", which is little." if available * 20 < total else "."
    else:
        text += " What is available to new processes is not told (no MemAvailable, kernels before 3.14)."
    swap = m.get("SwapTotal")
    if swap == 0:
        text += " There is no swap."
    elif swap:
        text += f" Swap: {size(swap - m.get('SwapFree', 0))} of {size(swap)} used."
    limit, promised = m.get("CommitLimit"), m.get("Committed_AS")
    if limit and promised and promised > limit:
        text += f" {size(promised)} are promised to processes, above the commit limit of {size(limit)}:"
        text += " with vm.overcommit_memory=2 fork and malloc fail."
    return text


def _free(found: Findings) -> list[str]:
    if found.free is None or found.meminfo:
        return []
    mem, swap = found.free.rows["Mem"], found.free.rows.get("Swap", {})

    def told(value: float) -> str:
        return size(value) if found.free is not None and found.free.suffixed else count(round(value))

    unit = "" if found.free.suffixed else " (in the unit that free was asked for)"
    left = mem.get("available")
    text = f"free says: {told(mem.get('used', 0))} of {told(mem['total'])} used, {told(mem.get('free', 0))} free{unit}"
    text += f", {told(left)} available" if left is not None else ""
    if swap:
        there = f"swap {told(swap.get('used', 0))} of {told(swap.get('total', 0))}"
        text += f"; {there}" if swap.get("total") else "; there is no swap"
    text += "."
    return [text]


def _zones(found: Findings, page: int) -> list[str]:
    low = []
    for zone in found.zoneinfo:
        marks = zone.marks
        if marks.get("managed", marks.get("present", 0)) and "low" in marks and marks.get("free", 0) < marks["low"]:
            free = marks.get("free", 0)
            name = (
                "low watermark, where kswapd works"
                if free >= marks.get("min", 0)
                else "minimum, where requests must reclaim"
            )
            low.append(
                f"node {zone.node} {zone.name} has {count(free)} pages free, below its {name} ({count(marks['low'])})"
            )
    if low:
        return [f"Zones that are short: {'; '.join(low)}."]
    return ["Every zone is above its low watermark."] if any("low" in zone.marks for zone in found.zoneinfo) else []


def _buddy(found: Findings, page: int) -> str:
    if not found.buddyinfo:
        return ""
    many = len({row.node for row in found.buddyinfo}) > 1
    texts = []
    for row in found.buddyinfo:
        name = f"node {row.node} {row.zone}" if many else row.zone
        top = max((order for order, number in enumerate(row.counts) if number), default=None)
        if top is None:
            texts.append(f"{name} has nothing free")
            continue
        room = size(row.pages * page >> 10)
        text = f"{name} has {count(row.pages)} pages ({room}) free, the largest block of order {top}"
        if top < len(row.counts) - 1:
            text += f" ({size((page << top) / 1024)}): a request of order {top + 1} must compact or fail there"
        texts.append(text)
    return f"Free blocks: {'; '.join(texts)}."


def _types(found: Findings) -> str:
    if found.pagetypes is None or not found.pagetypes.blocks:
        return ""
    sums: dict[str, int] = {}
    for one in found.pagetypes.blocks:
        for name, number in one.counts.items():
            sums[name] = sums.get(name, 0) + number
    total = sum(sums.values()) or 1
    parts = [f"{name} {100 * number // total} %" for name, number in sums.items() if number]
    return f"Of {count(total)} pageblocks: {', '.join(parts)}."


def _slabs(found: Findings, page: int) -> str:
    if found.slabinfo:
        rows = [(cache.pages * page >> 10, cache.name, cache.num_objs, cache.active_objs) for cache in found.slabinfo]
    elif found.slabtop:
        rows = [(line.kb, line.name, line.objs, line.active) for line in found.slabtop]
    else:
        return ""
    total = sum(row[0] for row in rows)
    top = sorted(rows, reverse=True)[:4]
    told = [f"{shown(name)} {size(kb)} ({count(objects)} objects)" for kb, name, objects, _ in top if kb]
    text = f"Slab caches hold {size(total)}" + (f", most of it {listed(told)}." if told else ".")
    empty = [
        f"{shown(name)} ({100 * used // objects} % in use)"
        for kb, name, objects, used in top
        if objects and used * 2 < objects and kb * 10 > total
    ]
    return text + (f" Half empty: {listed(empty)}." if empty else "")


def _vmstat(v: dict[str, int]) -> str:
    parts = []
    if v.get("oom_kill"):
        parts.append(f"the OOM killer ended {count(v['oom_kill'])} processes")
    stalls = sum(number for name, number in v.items() if name.startswith("allocstall"))
    if stalls:
        parts.append(f"{count(stalls)} requests had to reclaim themselves")
    if v.get("compact_stall"):
        parts.append(f"{count(v['compact_stall'])} compacted, {count(v.get('compact_fail', 0))} of them in vain")
    if v.get("pswpout"):
        parts.append(f"{count(v['pswpout'])} pages went to swap and {count(v.get('pswpin', 0))} came back")
    if v.get("thp_fault_fallback"):
        parts.append(f"{count(v['thp_fault_fallback'])} faults got no huge page")
    return f"Since boot {listed(parts)}." if parts else ""


def _areas(found: Findings) -> str:
    if not found.areas:
        return ""
    span = size(sum(a.end - a.start for a in found.areas) >> 10)
    text = f"An address space of {count(len(found.areas))} areas, {span} of addresses"
    if not any(area.kb for area in found.areas):
        return text + "; how much is resident, maps does not tell."
    sums = {name: sum(area.kb.get(name, 0) for area in found.areas) for name in ("Rss", "Pss", "Swap")}
    text += f": {size(sums['Rss'])} resident ({size(sums['Pss'])} as its share), {size(sums['Swap'])} in swap"
    by: dict[str, int] = {}
    for area in found.areas:
        name = area.path or "anonymous memory"
        by[name] = by.get(name, 0) + area.kb.get("Rss", 0)
    top = sorted(by.items(), key=lambda one: -one[1])[:3]
    return text + f", most in {listed([f'{shown(name)} {size(kb)}' for name, kb in top if kb]) or 'nothing'}."


def _status(status: dict[str, str]) -> str:
    if "VmRSS" not in status and "VmSize" not in status:
        return ""
    labels = (
        ("VmRSS", "resident"),
        ("VmHWM", "at most"),
        ("VmSwap", "in swap"),
        ("VmSize", "of addresses"),
        ("VmLck", "locked"),
    )
    parts = [
        f"{size(int(status[name].split()[0]))} {what}"
        for name, what in labels
        if status.get(name, "").split()[:1] and is_digits(status[name].split()[0]) and status[name].split()[0] != "0"
    ]
    return f"{shown(status.get('Name', 'the process'))} has {listed(parts)}."


def _numa(found: Findings) -> str:
    if found.numastat is None:
        return ""
    rows = {name.lower(): values for name, values in found.numastat.rows.items()}
    missed, hit = sum(rows.get("numa_miss", [])), sum(rows.get("numa_hit", []))
    if not hit:
        return ""
    text = (
        f"Of the requests for pages {100 * missed / (hit + missed):.1f} % were served by another node than was wanted"
    )
    return text + (": nodes ran short." if missed * 20 > hit else ".")
