"""The views on text alone: what buddy, zones, frag, order, account, slab and explain tell of a /proc tree that has no
kernel behind it. Any zones, nodes and page sizes; what the tree does not tell is said to be unknown."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.alike import alike
from memsh.commands.draw import bar, human, plural, say, table
from memsh.commands.tools import reader_of
from memsh.procps import figures
from memsh.procps.reader import ProcReader
from memsh.proctext import buddyinfo, labels, slabinfo, zoneinfo
from memsh.shell.errors import ShellError
from memsh.shell.io import IO


class Tree(NamedTuple):
    """What the views need of a tree: bytes of a page, and each file's figures (empty where it cannot be read)."""

    page: int
    buddy: list[buddyinfo.Free]
    zones: list[zoneinfo.Zone]
    types: buddyinfo.PageTypes | None
    meminfo: dict[str, int]
    vmstat: dict[str, int]
    slabs: list[slabinfo.Cache]


def _text(reader: ProcReader, name: str) -> str:
    try:
        return reader.read(f"/proc/{name}")
    except OSError:
        return ""


def tree(io: IO) -> Tree:
    """The tree that --proc names."""
    reader = reader_of(None, io)
    return Tree(
        figures.page_size(reader), buddyinfo.rows(_text(reader, "buddyinfo")),
        zoneinfo.parse(_text(reader, "zoneinfo")), buddyinfo.pagetypes(_text(reader, "pagetypeinfo")),
        labels.meminfo(_text(reader, "meminfo")), labels.vmstat(_text(reader, "vmstat")),
        slabinfo.parse(_text(reader, "slabinfo")),
    )  # fmt: skip


def _missing(what: str) -> ShellError:
    return ShellError(f"this tree has no readable /proc/{what}")


def chosen(places: list[tuple[int, str]], zone: str, node: int | None) -> list[tuple[int, str]]:
    """The zones that `Normal`, `Node 1`, `Node 1 Normal` or --node pick. ShellError if there is none."""
    match = re.fullmatch(r"(?:[Nn]ode\s*([0-9]+))?[,\s]*(?:zone\s+)?(\w*)", zone.strip())
    number = int(match[1]) if match and match[1] else node
    name = match[2].lower() if match else zone.lower()
    found = [
        place for place in places if number in (None, place[0]) and (not name or place[1].lower() == name)
    ]  # fmt: skip
    if not found:
        known = ", ".join(f"node {number} {name}" for number, name in places)
        raise ShellError(f"there is no such zone in this tree (it has {known})")
    return found


def _called(place: tuple[int, str]) -> str:
    return f"node {place[0]}, zone {place[1]}"


def buddy(zone: str, node: int | None, io: IO) -> None:
    """The free lists of buddyinfo, an order a row, with the migrate types of pagetypeinfo."""
    here = tree(io)
    if not here.buddy:
        raise _missing("buddyinfo")
    rows = {(row.node, row.zone): row for row in here.buddy}
    percpu = {(z.node, z.name): sum(one.pages for one in z.pagesets) for z in here.zones if z.pagesets}
    for place in chosen(list(rows), zone, node):
        row = rows[place]
        say(io, f"{_called(place)}: {plural(row.pages, 'free page')}, {human(row.pages * here.page)}")
        waiting = plural(percpu[place], "page") if place in percpu else "unknown"
        say(io, f"  on per-CPU lists: {waiting}, in none of the columns")
        io.out(_orders(row, here, io.width))


def _orders(row: buddyinfo.Free, here: Tree, width: int) -> str:
    typed: dict[int, list[str]] = {}
    for one in here.types.free if here.types else []:
        if (one.node, one.zone) == (row.node, row.zone):
            for order, number in enumerate(one.counts):
                if number:
                    typed.setdefault(order, []).append(f"{one.type} {'>' if order in one.more else ''}{number}")
    largest = max((number << order for order, number in enumerate(row.counts)), default=0) or 1
    for room in (8, 0):
        rows: list[tuple[object, ...]] = [("  order", "block", "blocks", "free", *[""] * (room > 0), "by migrate type")]
        for order, number in enumerate(row.counts):
            share = [bar(number << order, largest, room)] if room else []
            types = " ".join(typed.get(order, [])) if here.types else ("unknown" if number else "")
            free = human((number << order) * here.page)
            rows.append((f"  {order}", human(here.page << order), number, free, *share, types))
        text = table(rows, "<>>><<" if room else "<>>><")
        if all(len(line) <= width for line in text.splitlines()):
            break
    return text


def zones(zone: str, node: int | None, io: IO) -> None:
    """The zones of zoneinfo: size, free pages, watermarks, reserves."""
    here = tree(io)
    if not here.zones:
        raise _missing("zoneinfo")
    there = {(z.node, z.name): z for z in here.zones if z.marks.get("present", 1)}
    width = max(8, min(28, io.width - 52))
    for place in chosen(list(there), zone, node):
        z = there[place]
        m = z.marks
        start = z.start_pfn
        first = ""
        if start and "spanned" in m:
            first = f" {start * here.page:#x}-{(start + m['spanned']) * here.page - 1:#x}"
        size = human(m["present"] * here.page) if "present" in m else "unknown size"
        say(io, f"Node {z.node}, ZONE_{z.name.upper()}{first}  {size}")
        if "managed" in m and "free" in m:
            used = m["managed"] - m["free"]
            say(io, f"  used  |{bar(used, m['managed'], width)}| {used} of {m['managed']} pages, {m['free']} free")
        elif "free" in m:
            say(io, f"  {m['free']} pages free; how many are managed is unknown")
        marks = "  ".join(f"{name} {m[name]}" for name in ("min", "low", "high", "boost") if m.get(name)) or "unknown"
        waiting = plural(sum(one.pages for one in z.pagesets), "page") if z.pagesets else "an unknown number of pages"
        say(io, f"  watermarks: {marks}; {waiting} on per-CPU lists")
        if any(z.protection):
            say(io, f"  kept from requests that may use higher zones: {', '.join(map(str, z.protection))} pages")


def unusable(counts: list[int], order: int) -> float:
    """The share of free memory that cannot serve a request of `order` (mm/vmstat.c, unusable_free_index)."""
    free = sum(number << at for at, number in enumerate(counts))
    suitable = sum(counts[at] << at for at in range(order, len(counts)))
    return (free - suitable) / free if free else 1.0


def frag(zone: str, node: int | None, io: IO) -> None:
    """External fragmentation by zone from buddyinfo, internal by cache from slabinfo."""
    here = tree(io)
    if not here.buddy and not here.slabs:
        raise _missing("buddyinfo and no slabinfo")
    if here.buddy:
        say(io, "external: share of a zone's free memory in blocks too small for an order")
        counts = {(row.node, row.zone): row.counts for row in here.buddy}
        many = len({place[0] for place in counts}) > 1
        most = max(map(len, counts.values()))
        rows: list[tuple[object, ...]] = [("  zone", *range(most))]
        for place in chosen(list(counts), zone, node):
            cells = [f"{100 * unusable(counts[place], order):.0f}%" for order in range(len(counts[place]))]
            rows.append((f"  {place[0]} {place[1]}" if many else f"  {place[1]}", *cells))
        io.out(table(rows, "<" + ">" * most, " "))
    if not here.slabs:
        say(io, "internal: unknown, /proc/slabinfo cannot be read (it is root's)")
        return
    say(io, "internal: slab memory that holds no object in use, the ten largest")
    waste = [(c.pages * here.page - c.active_objs * c.obj_size, c) for c in here.slabs if c.pages]
    waste.sort(key=lambda one: (-one[0], one[1].name))
    table_rows = [("  cache", "slabs", "unused", "in use", "objects")]
    table_rows += [
        (f"  {c.name}", human(c.pages * here.page), human(max(0, lost)), str(c.active_objs), str(c.num_objs))
        for lost, c in waste[:10]
    ]
    io.out(table(table_rows, "<>>>>"))


def order(size: int, io: IO) -> None:
    """The order of the smallest block that holds a size, with the tree's page size and its largest order."""
    here = tree(io)
    pages = max(1, -(-size // here.page))
    needed = (pages - 1).bit_length()
    most = max((len(row.counts) for row in here.buddy), default=11)
    if needed >= most:
        raise ShellError(f"{human(size)} needs order {needed}; the largest block is order {most - 1}, "
                         f"{human(here.page << most - 1)}")  # fmt: skip
    block = here.page << needed
    told = f"2^{needed} = {plural(1 << needed, 'page')} of {human(here.page)}, {human(block)}"
    told += f"; {human(block - size)} left over"
    there = [f"{row.node} {row.zone} {sum(n << at - needed for at, n in enumerate(row.counts) if at >= needed)}"
             for row in here.buddy]  # fmt: skip
    io.value(needed, told, dec=True)
    if there:
        say(io, f"blocks of this size free now: {', '.join(there)}")


USES = (
    ("AnonPages", "anonymous pages"), ("Buffers", "buffers of block devices"),
    ("Cached", "page cache, shared memory too"),
    ("SwapCached", "swap cache"), ("Slab", "slab"), ("KernelStack", "kernel stacks"), ("PageTables", "page tables"),
    ("SecPageTables", "page tables of guests"), ("Percpu", "per-CPU areas"), ("Bounce", "bounce buffers"),
    ("Hugetlb", "huge page pool"), ("MemFree", "free"),
)  # fmt: skip


def account(io: IO) -> None:
    """meminfo's uses that do not overlap; what is left to MemTotal is named."""
    here = tree(io)
    m = here.meminfo
    if "MemTotal" not in m:
        raise _missing("meminfo")
    uses = [(what, m[label]) for label, what in USES if label in m]
    if "Hugetlb" not in m and m.get("HugePages_Total"):
        uses.append(("huge page pool", m["HugePages_Total"] * m.get("Hugepagesize", 0)))
    left = m["MemTotal"] - sum(kb for _, kb in uses)
    kb_page = here.page >> 10
    rows: list[tuple[object, ...]] = [("used for", "pages", "kB")]
    rows += [(what, kb // kb_page, kb) for what, kb in uses if kb]
    rows.append(("in no counter (drivers, vmalloc, …)", left // kb_page, left))
    rows.append(("MemTotal", m["MemTotal"] // kb_page, m["MemTotal"]))
    io.out(table(rows, "<>>"))
    if left < 0:
        say(io, f"the counters add up to {-left} kB more than MemTotal: they were not read at one moment")


def slab(name: str, io: IO) -> None:
    """What slabinfo tells of a cache; without a name of all of them together."""
    here = tree(io)
    if not here.slabs:
        raise ShellError("this tree has no readable /proc/slabinfo (it is root's)")
    if not name:
        total = sum(cache.pages for cache in here.slabs) * here.page
        say(io, f"{plural(len(here.slabs), 'cache')} hold {human(total)}, the ten largest:")
        top = sorted(here.slabs, key=lambda c: (-c.pages, c.name))[:10]
        rows = [("  cache", "slabs", "size", "in use", "objects")]
        for c in top:
            size = human(c.pages * here.page)
            rows.append((f"  {c.name}", str(c.num_slabs), size, str(c.active_objs), str(c.num_objs)))
        io.out(table(rows, "<>>>>"))
        return
    cache = next((cache for cache in here.slabs if cache.name == name), None)
    if cache is None:
        close = alike(name, [one.name for one in here.slabs], 1)
        raise ShellError(f"there is no cache '{name}'" + (f" (did you mean {close[0]}?)" if close else ""))
    slabs = human(cache.pages_per_slab * here.page)
    say(io, f"{cache.name}: objects of {cache.obj_size} bytes, {cache.objs_per_slab} in a slab of {slabs}")
    say(io, f"{plural(cache.num_slabs, 'slab')}, {human(cache.pages * here.page)}: "
            f"{cache.active_objs} of {cache.num_objs} objects in use")  # fmt: skip
    if cache.limit:
        say(io, f"SLAB: up to {cache.limit} objects wait in each CPU's array, {cache.batchcount} move at a time; "
                f"{cache.active_slabs} slabs have objects in use")  # fmt: skip
    else:
        say(io, "SLUB: the objects in its CPUs' slabs count as in use; active_slabs is num_slabs, whatever they hold")
    say(io, "which slabs these are, and where their objects lie, the text does not tell")


def explain(words: list[str], io: IO) -> None:
    """`explain free` and `explain available` with the tree's numbers."""
    if words[:1] == ["free"]:
        _explain_free(tree(io), io)
    elif words in (["available"], ["MemAvailable"]):
        _explain_available(tree(io), io)
    else:
        raise ShellError("without a kernel it explains two things: explain free, explain available")


def _explain_free(here: Tree, io: IO) -> None:
    m = here.meminfo
    if "MemTotal" not in m:
        raise _missing("meminfo")
    cache = m.get("Cached", 0) + m.get("SReclaimable", 0)
    available = m.get("MemAvailable", m.get("MemFree", 0))
    rows = [
        ("total", m["MemTotal"], "MemTotal"), ("used", m["MemTotal"] - available, "MemTotal - MemAvailable"),
        ("free", m.get("MemFree", 0), "MemFree"), ("shared", m.get("Shmem", 0), "Shmem"),
        ("buff/cache", m.get("Buffers", 0) + cache,
         f"Buffers {m.get('Buffers', 0)} + Cached {m.get('Cached', 0)} + SReclaimable {m.get('SReclaimable', 0)}"),
        ("available", available, "MemAvailable" if "MemAvailable" in m else "MemFree: this kernel has no MemAvailable"),
    ]  # fmt: skip
    io.out("".join(f"{name:<11} = {what} = {value} kB\n" for name, value, what in rows))


def _explain_available(here: Tree, io: IO) -> None:
    """si_mem_available (mm/show_mem.c) from zoneinfo and meminfo; what differs was not read at one moment."""
    m, kb = here.meminfo, here.page >> 10
    if "MemFree" not in m:
        raise _missing("meminfo")
    told = f"MemAvailable in /proc/meminfo: {m['MemAvailable']} kB\n" if "MemAvailable" in m else ""
    marks = [zone.marks for zone in here.zones]
    if not marks or not all("low" in one and "high" in one for one in marks):
        io.out(told or "MemAvailable is not told, and it cannot be computed: /proc/zoneinfo is missing\n")
        return
    low = sum(one["low"] for one in marks) * kb  # zoneinfo's marks have the boost in them, the reserve has not
    reserve = 0
    for zone in here.zones:
        kept = max(zone.protection, default=0) + zone.marks["high"] - zone.marks.get("boost", 0)
        reserve += min(zone.marks.get("managed", zone.marks.get("present", 0)), kept) * kb
    cache = m.get("Active(file)", 0) + m.get("Inactive(file)", 0)
    slabs = m.get("KReclaimable", m.get("SReclaimable", 0))
    total = m["MemFree"] - reserve + cache - min(cache // 2, low) + slabs - min(slabs // 2, low)
    lines = [
        f"  {m['MemFree']:>10}  MemFree",
        f"- {reserve:>10}  reserves: each zone's largest protection and its high watermark",
        f"+ {cache:>10}  page cache (Active(file) + Inactive(file))",
        f"- {min(cache // 2, low):>10}  of it, half or the low watermarks ({low}), whichever is less",
        f"+ {slabs:>10}  reclaimable by shrinkers ({'KReclaimable' if 'KReclaimable' in m else 'SReclaimable'})",
        f"- {min(slabs // 2, low):>10}  of it, half or the low watermarks, whichever is less",
        f"= {max(0, total):>10}  kB available to new processes without swapping",
    ]
    io.out("\n".join(lines) + "\n" + told)
