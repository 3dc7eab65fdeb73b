"""`--from` any text: what an OOM report, an allocation failure or /proc files tell about a machine, and a box like it.

`told` gathers it without a kernel; `build` makes the box: zones, free blocks per order and migrate type, watermarks,
reserves, per-CPU lists, rows of slabinfo, swap, and processes with their memory. Where blocks lay is not told: they are
put where they may have lain (`placing`). What the text does not tell is filled and stays "in use by the recorded
machine".

**Known deviations:** of machines that memsh has no kernel for (arm64, PAE above 4 GiB, CMA) the page allocator is
rebuilt on the nearest one, in pages of 4 KiB, as many as theirs; processes have their resident memory as anonymous
pages, and page cache is one file's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.arch.x86.arch import Arch
from memsh.linux.config import ARCHES, MIB, Config
from memsh.linux.include.flags import MAX_ORDER
from memsh.linux.init.late import start_swap
from memsh.linux.mm.page_alloc.watermark import default_min_free_kbytes, zone_batchsize
from memsh.machines.box import MODELS
from memsh.machines.from_dump import from_recording
from memsh.machines.people import populate
from memsh.machines.placing import Room
from memsh.proctext.findings import Findings
from memsh.proctext.meminfo_report import Memory, layout
from memsh.proctext.oomreport import Report, Task

if TYPE_CHECKING:
    from memsh.linux.box import Box

LETTERS = {"U": 0, "M": 1, "E": 2, "R": 0, "H": 3, "C": 1, "I": 1}
TYPES = {"Unmovable": 0, "Movable": 1, "Reclaimable": 2, "HighAtomic": 3, "CMA": 1, "Isolate": 1, "Reserve": 0}
DMA_END, LEGACY_HOLE = 0x1000, (0x9F, 0x100)
DMA32_TOP, ABOVE = 0xC0000, 0x100000
SECTION = 1 << 15
LOWMEM = 0x38000 - DMA_END
"""Pages of i386's zone Normal at most."""
KERNEL_ROOM = 16 << 8
"""Pages that memsh's own kernel and processes need beside what is free."""
LENT_BATCH = 256
KERNEL_IMAGE = 8192
"""Pages that a zone has beside its managed ones, where nothing is told of them."""
OBJECTS = 1_000_000
"""Objects of slab caches that are rebuilt; more would take minutes."""


class ZoneTold(NamedTuple):
    """A zone; pages. None: the text does not tell. `free[order][type]`: free blocks."""

    node: int
    name: str
    start: int | None
    spanned: int | None
    present: int | None
    managed: int | None
    marks: tuple[int, int, int] | None
    boost: int
    reserve: list[int] | None
    free: list[dict[int, int]]
    pcp: list[tuple[int, int, int]]
    """(pages, high, batch) of each CPU."""
    highatomic: int

    @property
    def pages(self) -> int:
        return sum(sum(kinds.values()) << order for order, kinds in enumerate(self.free))


class Told(NamedTuple):
    """All that a text tells about a machine. `notes`: what cannot be rebuilt as it was."""

    arch: str
    page: int
    zones: list[ZoneTold]
    slabs: list[str]
    swap_total: int | None
    swap_used: int | None
    """kB"""
    tasks: list[Task]
    file_pages: int
    """Page cache, and `shmem_pages` of shared memory and tmpfs; 0 where nothing is told."""
    shmem_pages: int
    request: Report | None
    notes: list[str]

    @property
    def cpus(self) -> int:
        return max((len(zone.pcp) for zone in self.zones), default=1) or 1


def told(found: Findings, people: Sequence[Task] = ()) -> Told:
    """What the text tells; `people`: processes of a /proc tree. ValueError if it tells no free blocks of any zone."""
    report = next((one for one in found.reports if one.memory and any(z.blocks for z in one.memory.zones)), None)
    notes: list[str] = []
    if found.buddyinfo:
        zones = _from_files(found)
        page = found.page_size or 4096
    elif report is not None and report.memory is not None:
        zones = _from_report(report.memory, notes)
        page = report.memory.page
    else:
        raise ValueError("it tells no free blocks of any zone (buddyinfo, an OOM report or an allocation failure does)")
    names = {zone.name for zone in zones}
    arch = "i386" if "HighMem" in names or _low_only(zones) else "x86_64"
    if page != 4096:
        notes.append(f"its pages have {page >> 10} KiB, this box's 4: as many pages, each smaller")
    if any(any(zone.free[MAX_ORDER:]) for zone in zones):
        notes.append(f"free blocks above order {MAX_ORDER - 1} are several of that order here")
    zones = [zone._replace(free=_whole_orders(zone.free)) for zone in zones]
    zones, arch = _nearest(zones, arch, notes)
    request = report or next(iter(found.reports), None)
    slabs: list[str] = []
    budget = OBJECTS
    for cache in sorted(found.slabinfo, key=lambda one: one.num_objs):
        budget -= cache.num_objs
        if budget < 0:
            notes.append(f"slab caches with more than {cache.num_objs} objects are not rebuilt")
            break
        slabs.append(
            f"{cache.name} {cache.active_objs} {cache.num_objs} {cache.obj_size} {cache.objs_per_slab} "
            f"{cache.pages_per_slab} : tunables {cache.limit or 0} {cache.batchcount or 0} {cache.shared or 0} "
            f": slabdata {cache.active_slabs} {cache.num_slabs} {cache.shared_avail or 0}"
        )
    swap, swap_free = found.meminfo.get("SwapTotal"), found.meminfo.get("SwapFree")
    if swap is None and request is not None and request.memory is not None:
        swap, swap_free = request.memory.swap_total, request.memory.swap_free
    used = swap - swap_free if swap is not None and swap_free is not None else None
    tasks = list(people) or (request.tasks if request is not None else [])
    files, shmem = _cache(found, request, page)
    return Told(arch, page, zones, slabs, swap, used, tasks, files, shmem, request, notes)


def _low_only(zones: list[ZoneTold]) -> bool:
    """Whether these are the two zones of an i386 machine without high memory."""
    pages = {zone.name: max(zone.present or 0, zone.managed or 0, zone.pages) for zone in zones}
    return pages.keys() == {"DMA", "Normal"} and pages["DMA"] <= DMA_END and pages["Normal"] <= LOWMEM


def _cache(found: Findings, request: Report | None, page: int) -> tuple[int, int]:
    """(pages of page cache, pages of shared memory)."""
    m = found.meminfo
    if "Cached" in m:
        shmem = m.get("Shmem", 0)
        return (m["Cached"] - shmem) * 1024 // page, shmem * 1024 // page
    totals = request.memory.totals if request is not None and request.memory is not None else {}
    return totals.get("active_file", 0) + totals.get("inactive_file", 0), totals.get("shmem", 0)


def _untold(order: int, number: int) -> dict[int, int]:
    """Migrate types of blocks of which they are not told: most movable, a quarter of the small ones unmovable, an
    eighth reclaimable, as on a machine that has run for a while."""
    if not number:
        return {}
    few = number // 4 if order < 9 else 0
    kinds = {0: few, 2: number // 8 if order < 9 else 0, 1: 0}
    kinds[1] = number - kinds[0] - kinds[2]
    return {kind: n for kind, n in kinds.items() if n}


def _from_files(found: Findings) -> list[ZoneTold]:
    """buddyinfo with zoneinfo and pagetypeinfo, as far as they are there."""
    typed = {(one.node, one.zone, one.type): one.counts for one in (found.pagetypes.free if found.pagetypes else [])}
    info = {(zone.node, zone.name): zone for zone in found.zoneinfo}
    zones = []
    for row in found.buddyinfo:
        free: list[dict[int, int]] = []
        for order, number in enumerate(row.counts):
            kinds: dict[int, int] = {}
            for name, kind in TYPES.items():
                counts = typed.get((row.node, row.zone, name), [])
                if order < len(counts) and counts[order]:
                    kinds[kind] = kinds.get(kind, 0) + counts[order]
            if sum(kinds.values()) != number:  # read at another moment, or not told
                kinds = _untold(order, number)
            free.append(kinds)
        zone = info.get((row.node, row.zone))
        marks = zone.marks if zone else {}
        known = all(name in marks for name in ("min", "low", "high"))
        zones.append(
            ZoneTold(
                row.node,
                row.zone,
                zone.start_pfn or None if zone else None,
                marks.get("spanned"),
                marks.get("present"),
                marks.get("managed"),
                (marks["min"], marks["low"], marks["high"]) if known else None,
                marks.get("boost", 0),
                zone.protection if zone and zone.protection else None,
                free,
                [(one.pages, one.high, one.batch) for one in zone.pagesets] if zone else [],
                zone.stats.get("nr_reserved_highatomic", 0) if zone else 0,
            )
        )
    return zones


def _from_report(memory: Memory, notes: list[str]) -> list[ZoneTold]:
    """The zones of a Mem-Info."""
    kb = memory.page >> 10
    zones = []
    cma = 0
    for zone in memory.zones:
        free: list[dict[int, int]] = []
        for block in zone.blocks:
            if block.types is None:
                free.append(_untold(len(free), block.number))
                continue
            kinds = dict.fromkeys([LETTERS[letter] for letter in block.types if letter in LETTERS] or [1], 0)
            for kind in kinds:
                kinds[kind] = 1 if sum(kinds.values()) < block.number else 0
            kinds[1 if 1 in kinds else next(iter(kinds))] += block.number - sum(kinds.values())
            free.append({kind: number for kind, number in kinds.items() if number})
        cma += zone.kb.get("free_cma", 0)
        marks = tuple(zone.kb[name] // kb for name in ("min", "low", "high")) if "high" in zone.kb else None
        local = zone.kb.get("local_pcp", 0) // kb
        rest = max(0, zone.kb.get("free_pcp", 0) // kb - local)
        zones.append(
            ZoneTold(
                zone.node,
                zone.name,
                None,
                None,
                zone.kb["present"] // kb if "present" in zone.kb else None,
                zone.kb["managed"] // kb if "managed" in zone.kb else None,
                (marks[0], marks[1], marks[2]) if marks else None,
                zone.kb.get("boost", 0) // kb,
                zone.reserve,
                free,
                [(local + rest, 0, 0)] if local + rest else [],
                zone.kb.get("reserved_highatomic", 0) // kb,
            )
        )
    if cma:
        notes.append(f"{cma} kB of free contiguous memory (CMA) are free movable pages here")
    return zones


def _nearest(zones: list[ZoneTold], arch: str, notes: list[str]) -> tuple[list[ZoneTold], str]:
    """The zones under the names of the machine that can hold them."""
    names = ARCHES[arch].zone_names
    order = [name for name in layout({zone.name for zone in zones}) if name in {zone.name for zone in zones}]
    rename: dict[str, str] = {}
    if any(name not in names for name in order):
        for name in order:
            rename[name] = name if name in names else next(other for other in names if other not in rename.values())
        changed = [f"{one} is {other}" for one, other in rename.items() if one != other]
        notes.append(f"its zones are called otherwise here: {', '.join(changed)}")
    if len({zone.node for zone in zones}) > 1 and not ARCHES[arch].numa:
        notes.append("this box has one node: only node 0 is rebuilt")
        zones = [zone for zone in zones if zone.node == zones[0].node]
    dense = {node: at for at, node in enumerate(sorted({zone.node for zone in zones}))}
    wide = layout({zone.name for zone in zones})
    kept = []
    for zone in zones:
        name = rename.get(zone.name, zone.name)
        reserve: list[int] | None = None
        if zone.reserve is not None:
            by = dict(zip((rename.get(one, one) for one in wide), zone.reserve, strict=False))
            reserve = []
            for other in names:
                reserve.append(by.get(other, reserve[-1] if reserve else 0))
        kept.append(zone._replace(node=dense[zone.node], name=name, reserve=reserve))
    return kept, arch


class _Laid(NamedTuple):
    """A zone with its place."""

    zone: ZoneTold
    start: int
    spanned: int
    present: int
    managed: int


def _sizes(zone: ZoneTold, above: bool) -> tuple[int, int]:
    """(present, managed); what is not told has room for what is free and for a kernel."""
    pages = zone.pages + sum(one[0] for one in zone.pcp)
    least = pages + pages // 8 + (KERNEL_ROOM if zone.name != "DMA" else 64)
    if zone.name == "DMA":
        least = min(max(pages, 3840), DMA_END - 2)
    elif zone.name == "DMA32" and above:
        least = max(least, DMA32_TOP - DMA_END - (1 << 14))
    kept = 128 if zone.name == "DMA" else min(KERNEL_IMAGE // 2, (zone.present or 0) // 8)
    managed = max(zone.managed or ((zone.present or 0) - kept if zone.present else least), pages)
    if zone.present is None and zone.name != "DMA":
        return managed + KERNEL_IMAGE, managed
    return max(zone.present or 0, managed), managed


def _lay_out(zones: list[ZoneTold], arch: Arch, image: list[tuple[int, int]]) -> list[_Laid]:
    """A place for each zone: as told, else one after the other within the zones' bounds."""
    if all(zone.start is not None and zone.spanned and zone.present and zone.managed for zone in zones):
        return [_Laid(z, z.start or 1, z.spanned or 0, z.present or 0, z.managed or 0) for z in zones]
    high = any(zone.name not in ("DMA", "DMA32") and zone.pages + (zone.present or 0) for zone in zones)
    laid: list[_Laid] = []
    at = 1
    for index, name in enumerate(arch.zone_names):
        for zone in sorted((one for one in zones if one.name == name), key=lambda one: one.node):
            present, managed = _sizes(zone, high)
            if not present:
                continue
            if name != "DMA":
                at = max(at, DMA_END)
            if zone.node:
                at = -(-at // SECTION) * SECTION
            if index == arch.zone_normal and arch.zone_dma32 >= 0:
                at = max(at, ABOVE) if laid and any(one.zone.name == "DMA32" for one in laid) else at
            inside = sum(last - first for first, last in image
                         if at <= first < at + present and (at > 1 or (first, last) != LEGACY_HOLE))  # fmt: skip
            present = max(present, managed + inside)
            if at + present > arch.max_pfn:
                zone, present, managed = _clipped(zone, max(0, arch.max_pfn - at))
                if not present:
                    continue
            spanned = present
            if at == 1 and present + LEGACY_HOLE[1] - LEGACY_HOLE[0] <= DMA_END - 1:
                spanned = DMA_END - 1
            laid.append(_Laid(zone, at, spanned, present, managed))
            at += spanned
    return laid


def _clipped(zone: ZoneTold, room: int) -> tuple[ZoneTold, int, int]:
    """(the zone with as many of its free blocks as fit, pages present, managed) of a zone that is too large."""
    left = room * 3 // 4
    free: list[dict[int, int]] = []
    for order, kinds in enumerate(zone.free):
        kept = {}
        for kind, number in kinds.items():
            kept[kind] = min(number, left >> order)
            left -= kept[kind] << order
        free.append({kind: number for kind, number in kept.items() if number})
    return zone._replace(free=free, pcp=[]), room, room


def _whole_orders(free: list[dict[int, int]]) -> list[dict[int, int]]:
    """Free blocks by order as this kernel has them: larger ones (arm64 has them) are several of the largest."""
    kept = [dict(kinds) for kinds in free[:MAX_ORDER]] + [{} for _ in range(MAX_ORDER - len(free))]
    for order, kinds in enumerate(free[MAX_ORDER:], MAX_ORDER):
        for kind, number in kinds.items():
            kept[-1][kind] = kept[-1].get(kind, 0) + (number << order - MAX_ORDER + 1)
    return kept


def _marks(laid: Sequence[_Laid], arch: Arch) -> dict[int, tuple[int, int, int]]:
    """Watermarks where none are told: those of vm.min_free_kbytes' default (__setup_per_zone_wmarks)."""
    low = [one for one in laid if one.zone.name != "HighMem"]
    lowmem = sum(one.managed for one in low) or 1
    pages_min = default_min_free_kbytes(lowmem) >> 2
    found = {}
    for at, one in enumerate(laid):
        share = pages_min * one.managed // lowmem
        step = max(share >> 2, one.managed * 10 // 10000)
        least = min(max(one.managed // 1024, 32), 128) if one.zone.name == "HighMem" else share
        found[at] = one.zone.marks or (least, least + step, least + 2 * step)
    return found


def _reserve(laid: Sequence[_Laid], one: _Laid, arch: Arch) -> list[int]:
    """lowmem_reserve where none is told (setup_per_zone_lowmem_reserve)."""
    ratios = {"DMA": 256, "DMA32": 256, "Normal": 32}
    names = arch.zone_names
    above = 0
    found = []
    for index, name in enumerate(names):
        if index > names.index(one.zone.name):
            above += sum(o.managed for o in laid if o.zone.node == one.zone.node and o.zone.name == name)
            found.append(above // ratios.get(one.zone.name, 32))
        else:
            found.append(0)
    return found


def freelists(machine: Told, cpus: int) -> tuple[str, list[int]]:
    """The machine as freelists.txt has one, and frames beside its free blocks that must stay in use. ValueError, one
    clear line, if it cannot be."""
    arch = ARCHES[machine.arch]

    used = [(first >> 12, -(-last // 4096)) for first, last in MODELS[machine.arch].start.image.kept()]
    used.append(LEGACY_HOLE)
    laid = _lay_out(machine.zones, arch, used)
    marks = _marks(laid, arch)
    glued = arch.name == "i386"
    out = ["now cpu 0"] if arch.numa else []
    held: list[int] = []
    order = failed_order(machine)
    for at, one in enumerate(laid):
        reserve = list(one.zone.reserve or _reserve(laid, one, arch))
        for index in range(1, len(reserve)):  # nothing is kept from a zone that the node has not
            if not any(o.zone.node == one.zone.node and o.zone.name == arch.zone_names[index] for o in laid):
                reserve[index] = reserve[index - 1]
        out += _zone_lines(one, marks[at], reserve, used, arch, cpus, glued, held, order)
    return "\n".join(out) + "\n", held


def failed_order(machine: Told) -> int:
    """The order that the machine could not serve by moving pages either; 0: the text tells of none that matters."""
    request = machine.request
    if request is None or request.kind not in ("failure", "stall", "oom") or (request.order or 0) < 3:
        return 0
    return min(request.order or 0, MAX_ORDER - 1)


def _scattered(lists: dict[tuple[int, int], list[int]], there: range, order: int) -> list[int]:
    """A frame in use in each stretch of 2^order pages that is not free as a whole, so that compaction makes none of
    them: what refused the request was memory that could not be moved."""
    if not order:
        return []
    heads = {pfn: size for (size, _), pfns in lists.items() for pfn in pfns}
    large = {pfn >> order << order for pfn, size in heads.items() if size >= order}
    found = []
    for stretch in range(there.start >> order << order, there.stop, 1 << order):
        at = max(stretch, there.start)
        while at in heads:
            at += 1 << heads[at]
        if at < stretch + (1 << order) and stretch not in large:
            found.append(at)
    return found


def _neighbours(lists: dict[tuple[int, int], list[int]]) -> list[int]:
    """In each free block's buddy a frame that is in use: as long as it is, the two are not joined."""
    heads = {pfn: order for (order, _), pfns in lists.items() for pfn in pfns}
    found = []
    for pfn, order in heads.items():
        if order < MAX_ORDER - 1:
            at = buddy = pfn ^ (1 << order)
            while at < buddy + (1 << order) and at in heads:
                at += 1 << heads[at]
            if at < buddy + (1 << order):
                found.append(at)
    return found


def _zone_lines(
    one: _Laid, marks: tuple[int, int, int], reserve: list[int], used: list[tuple[int, int]], arch: Arch, cpus: int,
    glued: bool, held: list[int], order_failed: int,
) -> list[str]:  # fmt: skip
    zone = one.zone
    name = zone.name + (f"@{zone.node}" if zone.node else "")
    legacy = one.start < LEGACY_HOLE[1]
    room = Room(one.start, one.start + one.spanned if legacy else one.start + one.present, used)
    block = arch.pageblock_order
    first = one.start >> block
    digits = [1] * (((one.start + one.spanned + (1 << block) - 1) >> block) - first)
    lists: dict[tuple[int, int], list[int]] = {}
    for order in range(MAX_ORDER - 1, -1, -1):
        kinds = zone.free[order] if order < len(zone.free) else {}
        for kind, number in sorted(kinds.items()):
            for _ in range(number):
                pfn = room.place(order, kind)
                lists.setdefault((order, kind), []).append(pfn)
                if order >= block or digits[(pfn >> block) - first] == 1:
                    digits[(pfn >> block) - first] = kind
    there = range(one.start, one.start + one.spanned)
    held += [pfn for pfn in {*_neighbours(lists), *_scattered(lists, there, order_failed)} if pfn in there]
    pages = zone.pages
    low, mid, high = sorted(marks)
    lines = [
        f"now zone {name} start {one.start:x} spanned {one.spanned:x} present {one.present:x} managed {one.managed:x} "
        f"min {low} low {mid} high {high} free {pages}"
    ]
    for (order, kind), pfns in sorted(lists.items()):
        lines.append(f"now free {name} {order} {kind} " + " ".join(f"{pfn:x}" for pfn in pfns))
    values = " ".join(str(number) for number in reserve)
    lines.append(
        f"now reserve {name} {values} boost {min(zone.boost, low)} flags 0 highatomic {zone.highatomic} "
        f"vmstat {pages} diff 0 threshold 32"
    )
    batch = zone_batchsize(one.managed)
    for cpu in range(cpus):
        count, most, step = zone.pcp[cpu] if cpu < len(zone.pcp) else (0, 0, 0)
        count = min(count, one.managed - pages)
        waiting = [room.single() for _ in range(count)]
        kept = set(waiting)
        held[:] = [pfn for pfn in held if pfn not in kept] if waiting else held
        pages += count
        whose = f":{cpu}" if cpu else ""
        lines.append(
            f"now pcp{whose} {name} count {count} high {most or max(mid // cpus, batch << 2)} batch {step or batch} "
            "free_factor 0"
        )
        if waiting:
            lines.append(f"now pcplist{whose} {name} 1 " + " ".join(f"{pfn:x}/1" for pfn in waiting))
    lines.append(f"now blocks {name}" + ("" if glued else " ") + "".join(map(str, digits)))
    return lines


def config_of(machine: Told, chosen: Config) -> Config:
    """The configuration of the rebuilt box: what the text tells, and what was chosen beside it."""
    arch = ARCHES[machine.arch]
    present = sum(max(zone.present or 0, zone.managed or 0, zone.pages) for zone in machine.zones) << 12
    ram = min(max(-(-present // MIB) * MIB, arch.ram_min), arch.ram_max)
    cpus = max(chosen.cpus, min(machine.cpus, arch.cpus_max))
    swap = chosen.swap or ((machine.swap_total or 0) + 4 << 10 if machine.swap_total else 0)
    cmdline = chosen.cmdline if chosen.arch == machine.arch else arch.cmdline
    return Config(ram=ram, cpus=cpus, swap=min(swap, 64 << 30), cmdline=cmdline, arch=machine.arch)


def build(machine: Told, chosen: Config) -> Box:
    """A box like the machine. ValueError, one clear line, if there can be none."""
    config = config_of(machine, chosen)
    lists, held = freelists(machine, config.cpus)
    texts = {"freelists.txt": lists}
    if machine.slabs:
        texts["slabinfo"] = "slabinfo - version: 2.1\n" + "\n".join(machine.slabs) + "\n"

    def furnish(box: Box) -> None:
        start_swap(box)
        for zone in box.pages.zones:  # many pages at a time; what waits on the lists afterwards is drained
            zone.set_pageset(LENT_BATCH << 2, LENT_BATCH)
        box.pages.refresh()
        populate(box, machine.tasks, machine.file_pages, machine.shmem_pages, (machine.swap_used or 0) >> 2)

    box = from_recording(config, texts, furnish, held)
    notes = list(machine.notes)
    if config.ram >> 12 < sum(zone.present or zone.managed or 0 for zone in machine.zones):
        notes.append("it has more memory than this machine can have: its last zone is cut, with its free blocks")
    box.notes = notes
    return box
