"""The allocator's whole state as text: the `now …` lines of freelists.txt, read and written.

Line formats: `tests/reference/README.md`. One clear ValueError for a file that is cut short or contradicts itself.
Frames that the file does not name are K_RECORDED: in use by the recorded machine.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from memsh.digits import is_digits
from memsh.linux.arch.x86.arch import Arch
from memsh.linux.config import Config, share_cpus
from memsh.linux.include.flags import MAX_ORDER
from memsh.linux.include.memmap import K_RECORDED, K_RESERVED, MemMap
from memsh.linux.include.mmzone import NO_SECTION, Node, Zone, pindex_to_order, pindex_to_type
from memsh.linux.mm.compaction.kcompactd import kcompactd_init
from memsh.linux.mm.page_alloc.buddy import PageAllocator
from memsh.linux.mm.page_alloc.watermark import (
    calculate_totalreserve_pages,
    default_min_free_kbytes,
    movable_is_highmem,
    recommended_min_free_kbytes,
    refresh_drift,
)
from memsh.linux.mm.vmscan.kswapd import kswapd_init

if TYPE_CHECKING:
    from memsh.linux.box import Box

LEGACY_HOLE = (0x9F, 0x100)  # frames of the PC's 640 KiB hole: video memory and firmware


class _Zone:
    """What the lines said about one zone. `pcp` and `pcplists` are by CPU."""

    def __init__(self) -> None:
        self.limits: dict[str, int] = {}
        self.lists: dict[int, list[int]] = {}
        self.reserve: list[int] = []
        self.state: dict[str, int] = {}
        self.pcp: dict[int, dict[str, int]] = {}
        self.pcplists: dict[int, dict[int, list[tuple[int, int]]]] = {}
        self.blocks = ""


class Told(NamedTuple):
    """What a whole file says: zones by (node, index), and the CPU that it was written on."""

    zones: dict[tuple[int, int], _Zone]
    cpu: int

    @property
    def nodes(self) -> int:
        return 1 + max(node for node, _ in self.zones)


_HEX = ("start", "spanned", "present", "managed", "flags")
_ZONE_KEYS = ("start", "spanned", "present", "managed", "min", "low", "high", "free")
_STATE_KEYS = ("boost", "flags", "highatomic", "vmstat", "diff", "threshold")
_PCP_KEYS = ("count", "high", "batch", "free_factor")


def _pairs(words: list[str], keys: tuple[str, ...]) -> dict[str, int]:
    if tuple(words[::2]) != keys or len(words) != 2 * len(keys):
        raise ValueError(f"expected {' '.join(keys)}, each with a number")
    found = {key: int(text, 16 if key in _HEX else 10) for key, text in zip(keys, words[1::2], strict=True)}
    for key, value in found.items():
        if value < 0 and key != "diff":
            raise ValueError(f"{key} is less than 0")
    return found


class _Parser:
    def __init__(self, arch: Arch) -> None:
        self.arch = arch
        self.zones: dict[tuple[int, int], _Zone] = {}
        self.cpu = 0

    def _key(self, label: str) -> tuple[int, int]:
        """`Normal@1` → (node, zone index)."""
        name, at, node = label.partition("@")
        if name not in self.arch.zone_names or (at and not (is_digits(node) and self.arch.numa)):
            raise ValueError(f"unexpected zone {label}")
        return int(node or 0), self.arch.zone_names.index(name)

    def _elsewhere(self) -> ValueError:
        return ValueError(f"it was written on another machine than {self.arch.name}: --arch says which")

    def line(self, words: list[str]) -> None:
        what, _, cpu = words[0].partition(":")
        if what == "cpu" and not cpu and len(words) == 2 and is_digits(words[1]):
            if not self.arch.numa:
                raise self._elsewhere()
            self.cpu = int(words[1])
            return
        if what == "blocks":
            label, digits = _blocks(words, self.arch)
            self._zone(label).blocks = digits
            return
        label = words[1]
        if what == "zone":
            key = self._key(label)
            if key in self.zones:
                raise ValueError(f"unexpected zone {label}")
            self.zones[key] = zone = _Zone()
            zone.limits = _pairs(words[2:], _ZONE_KEYS)
            return
        zone = self._zone(label)
        if what == "free":
            order, kind = int(words[2]), int(words[3])
            if not (0 <= order < MAX_ORDER and 0 <= kind < 4) or order << 2 | kind in zone.lists:
                raise ValueError(f"unexpected free list: order {order}, type {kind}")
            zone.lists[order << 2 | kind] = [int(word, 16) for word in words[4:]]
        elif what == "reserve":
            zones = len(self.arch.zone_names)
            if _STATE_KEYS[0] in words and words.index(_STATE_KEYS[0]) != 2 + zones:
                raise self._elsewhere()
            zone.reserve = [int(word) for word in words[2 : 2 + zones]]
            zone.state = _pairs(words[2 + zones :], _STATE_KEYS)
        elif what == "pcp":
            zone.pcp[int(cpu or self.cpu)] = _pairs(words[2:], _PCP_KEYS)
        elif what == "pcplist":
            lists = zone.pcplists.setdefault(int(cpu or self.cpu), {})
            index = int(words[2])
            if not 0 <= index < self.arch.nr_pcp_lists or index in lists:
                raise ValueError(f"unexpected per-CPU list {index}")
            pages = [word.split("/") for word in words[3:]]
            lists[index] = [(int(pfn, 16), int(mt)) for pfn, mt in pages]
        else:
            raise ValueError(f"unknown kind of line: {what}")

    def _zone(self, label: str) -> _Zone:
        zone = self.zones.get(self._key(label))
        if zone is None:
            raise ValueError(f"zone {label} was not introduced")
        return zone


def _glued(arch: Arch) -> bool:
    """Whether a zone's name and its block types are written as one word: not where a name is the start of another."""
    names = arch.zone_names
    return not any(one != other and one.startswith(other) for one in names for other in names)


def _blocks(words: list[str], arch: Arch) -> tuple[str, str]:
    """(zone, one digit for each page block) of a `blocks` line."""
    if _glued(arch):
        label = next((name for name in arch.zone_names if words[1].startswith(name)), "")
        digits, count = words[1][len(label) :], 2
    else:
        label, digits, count = words[1], words[2], 3
    if not label or len(words) != count or digits.strip(f"0123{NO_SECTION}"):
        raise ValueError("expected a zone's name and one digit 0 to 3 for each page block")
    return label, digits


def parse(text: str, arch: Arch, word: str = "now", cpus: int = 1) -> Told:
    """What the lines beginning with `word` describe. ValueError names the line or the zone."""
    parser = _Parser(arch)
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0] != word:
            continue
        try:
            parser.line(words[1:])
        except IndexError:
            raise ValueError(f"line {number}: cut short") from None
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    zones = parser.zones
    if not zones:
        raise ValueError(f"no line begins with '{word} zone'")
    if not 0 <= parser.cpu < cpus:
        raise ValueError(f"it was written on CPU {parser.cpu}, this machine has {cpus}")
    names = arch.zone_names
    for (node, index), zone in zones.items():
        name = names[index] + (f"@{node}" if node else "")
        _check(name, zone, arch, parser.cpu, cpus)
        for other in range(1, len(names)):
            if zone.reserve[other] > zone.reserve[other - 1] and (node, other) not in zones:
                raise ValueError(f"zone {name} keeps pages from zone {names[other]}, which is missing: cut short")
    told = Told(zones, parser.cpu)
    missing = next((node for node in range(told.nodes) if not any(key[0] == node for key in zones)), None)
    if missing is not None:
        raise ValueError(f"node {missing} has no zone: cut short")
    spans = [(zone.limits["start"], zone.limits["spanned"], names[index]) for (_, index), zone in zones.items()]
    ends = sorted((start, start + spanned, name) for start, spanned, name in spans)
    for (_, end, name), (start, _, other_name) in pairwise(ends):
        if start < end:
            raise ValueError(f"zones {name} and {other_name} overlap")
    return told


def _check(name: str, zone: _Zone, arch: Arch, cpu: int, cpus: int) -> None:
    """Contradictions within a zone. The count of free pages may lack the other CPUs' differences."""
    if not zone.state or cpu not in zone.pcp or not zone.blocks:
        raise ValueError(f"zone {name}: cut short, no reserve, pcp or blocks line")
    limits = zone.limits
    start, end = limits["start"], limits["start"] + limits["spanned"]
    if not limits["managed"] <= limits["present"] <= limits["spanned"]:
        raise ValueError(f"zone {name}: more pages managed than present, or present than spanned")
    if not 0 < start < end <= arch.max_pfn:
        raise ValueError(f"zone {name}: it does not lie below {arch.max_pfn >> 18} GiB")
    block = arch.pageblock_pages
    blocks = ((end + block - 1) >> arch.pageblock_order) - (start >> arch.pageblock_order)
    if len(zone.blocks) != blocks:
        short = ": cut short" if len(zone.blocks) < blocks else ""
        raise ValueError(f"zone {name}: {len(zone.blocks)} page block types for {blocks} page blocks{short}")
    marks = (limits["min"], limits["low"], limits["high"])
    if not zone.state["boost"] <= marks[0] <= marks[1] <= marks[2]:
        raise ValueError(f"zone {name}: watermarks are not in order, or less than their boost")
    if any(not 0 <= other < cpus for other in (*zone.pcp, *zone.pcplists)):
        raise ValueError(f"zone {name}: per-CPU lists of a CPU that this machine has not")
    pages, counts = _listed(name, zone, arch)
    slack = (cpus - 1) * zone.state["threshold"]
    if abs(pages - limits["free"]) > slack:
        raise ValueError(f"zone {name}: the free lists hold {pages} pages, the zone line says {limits['free']}")
    counted = zone.state["vmstat"] + zone.state["diff"]
    if abs(zone.state["diff"]) > zone.state["threshold"] or abs(pages - counted) > slack:
        raise ValueError(f"zone {name}: the free lists hold {pages} pages, vmstat and diff make {counted}")
    for other, told in zone.pcp.items():
        held = counts.get(other, 0)
        if held != told["count"]:
            raise ValueError(f"zone {name}: the per-CPU lists hold {held} pages, the pcp line says {told['count']}")
    if pages + sum(counts.values()) > limits["managed"]:
        raise ValueError(f"zone {name}: more pages free than managed")


def _listed(name: str, zone: _Zone, arch: Arch) -> tuple[int, dict[int, int]]:
    """(pages on the free lists, pages on each CPU's lists), each block in its place and no frame twice."""
    start = zone.limits["start"]
    end = start + zone.limits["spanned"]
    taken = bytearray(end - start)
    pages = 0
    counts: dict[int, int] = {}
    whole = [(pfn, key >> 2, -1) for key, pfns in zone.lists.items() for pfn in pfns]
    for cpu, lists in zone.pcplists.items():
        for index, found in lists.items():
            if any(mt not in range(4) for _, mt in found):
                raise ValueError(f"zone {name}: migrate types are 0 to 3")
            whole += [(pfn, pindex_to_order(index, arch.pageblock_order), cpu) for pfn, _ in found]
    for pfn, order, cpu in whole:
        size = 1 << order
        if pfn & (size - 1) or not start <= pfn <= end - size:
            raise ValueError(f"zone {name}: no block of order {order} can begin at {pfn:x}")
        at = pfn - start
        if taken.find(1, at, at + size) >= 0:
            raise ValueError(f"zone {name}: page frame {pfn:x} is listed twice, or in two blocks")
        taken[at : at + size] = b"\1" * size
        if cpu < 0:
            pages += size
        else:
            counts[cpu] = counts.get(cpu, 0) + size
    return pages, counts


def load(box: Box, text: str, word: str = "now") -> PageAllocator:
    """Make box.memmap and box.pages as the text describes them; returns box.pages. ValueError: one clear line."""
    arch, config = box.arch, box.config
    told = parse(text, arch, word, config.cpus)
    frames = max(zone.limits["start"] + zone.limits["spanned"] for zone in told.zones.values())
    box.memmap = MemMap(frames)
    homes = node_cpus(config, told.nodes)
    nothing = {"start": 0, "spanned": 0, "present": 0}
    nodes = []
    for nid, cpus in enumerate(homes):
        made = []
        for index in range(len(arch.zone_names)):
            at = told.zones[nid, index].limits if (nid, index) in told.zones else nothing
            made.append(Zone(arch, index, at["start"], at["spanned"], at["present"], config.cpus, nid))
        distances = tuple(10 if other == nid else config.distance for other in range(len(homes)))
        nodes.append(Node(nid, made, cpus, distances))
    for node in nodes:
        if arch.zone_highmem >= 0 and node.zones[arch.zone_highmem].present:
            movable_is_highmem(arch, node.zones)
    pages = PageAllocator(box, nodes)
    kswapd_init(box, nodes)
    kcompactd_init(box, nodes)
    pages.use_cpu(told.cpu)
    for zone in pages.zones:
        if (zone.node, zone.index) in told.zones:
            _fill(box.memmap, zone, told.zones[zone.node, zone.index], told.cpu)
    refresh_drift(pages.zones, pages.cpus)
    pages.min_free_kbytes = _min_free_kbytes(box, pages.zones)
    pages.totalreserve_pages = calculate_totalreserve_pages(pages.zones)
    pages.refresh()
    box.pages = pages
    return pages


def node_cpus(config: Config, count: int) -> list[tuple[int, ...]]:
    """The CPUs of each of `count` nodes: as chosen, else divided evenly."""
    if config.nodes:
        if len(config.nodes) != count:
            raise ValueError(f"the recording has {count} nodes, not {len(config.nodes)}")
        return [cpus for _, cpus in config.nodes]
    return share_cpus(config.cpus, count)


def _min_free_kbytes(box: Box, zones: list[Zone]) -> int:
    """What vm.min_free_kbytes must have been: a default if the watermarks agree with it, else what they say."""
    low = [zone for zone in zones if zone.index <= box.arch.zone_normal]
    found = sum(zone.wmark_min for zone in low)
    later = box.model.start.image.late_pages
    managed = sum(zone.managed for zone in low) - later  # freed after it was computed
    for value in (default_min_free_kbytes(managed), recommended_min_free_kbytes(box.arch, zones)):
        if 0 <= (value >> 2) - found < len(low):
            return value
    return found << 2


def _fill(memmap: MemMap, zone: Zone, told: _Zone, this_cpu: int) -> None:
    limits, state = told.limits, told.state
    zone.managed = limits["managed"]
    zone.watermark_boost = state["boost"]
    zone.wmark_min = limits["min"] - state["boost"]
    zone.wmark_low = limits["low"] - state["boost"]
    zone.wmark_high = limits["high"] - state["boost"]
    zone.lowmem_reserve = list(told.reserve)
    zone.nr_reserved_highatomic = state["highatomic"]
    zone.stat_free, zone.stat_diff, zone.threshold = state["vmstat"], state["diff"], state["threshold"]
    on_lists = sum(len(pfns) << (key >> 2) for key, pfns in told.lists.items())
    zone.other_diff = on_lists - zone.stat_free - zone.stat_diff
    if len(zone.pcps) > 1:  # whose it is the file does not say
        zone.diffs[this_cpu - 1] = zone.other_diff
    zone.blocks = bytearray(int(digit) for digit in told.blocks)
    start, end = zone.start_pfn, zone.end_pfn
    count = end - start
    memmap.kind[start:end] = bytes([K_RECORDED]) * count
    memmap.refcount[start:end] = memoryview(b"\1\0\0\0" * count).cast("I")
    hole, over = max(start, LEGACY_HOLE[0]), min(end, LEGACY_HOLE[1])
    if hole < over:
        memmap.kind[hole:over] = bytes([K_RESERVED]) * (over - hole)
    for key, pfns in told.lists.items():
        zone.lists[key] = OrderedDict.fromkeys(reversed(pfns))
        for pfn in pfns:
            zone.free[pfn] = key
            _unused(memmap, pfn, key >> 2)
    here = told.pcp[this_cpu]
    zone.set_pageset(here["high"], here["batch"])
    for cpu, counts in told.pcp.items():
        pcp = zone.pcps[cpu]
        pcp.count, pcp.free_factor = counts["count"], counts["free_factor"]
        pcp.high, pcp.batch = counts["high"], counts["batch"]
        for index, found in told.pcplists.get(cpu, {}).items():
            pcp.lists[index].extend(pfn for pfn, _ in reversed(found))
            for pfn, mt in found:
                if mt != pindex_to_type(index):
                    zone.odd[pfn] = mt
                _unused(memmap, pfn, pindex_to_order(index, zone.block_order))
    zone.set_flags(state["flags"])
    zone.update_limits()


def _unused(memmap: MemMap, pfn: int, order: int) -> None:
    size = 1 << order
    memmap.kind[pfn : pfn + size] = bytes(size)
    memmap.refcount[pfn : pfn + size] = memoryview(bytes(4 * size)).cast("I")


def dump(box: Box, word: str = "now") -> str:
    """The state of box.pages in the same lines, in the order in which they are recorded: on a machine with nodes the
    reserve comes before the lists, and every CPU's lists are told."""
    told = [f"{word} cpu {box.pages.cpu}"] if box.arch.numa else []
    for zone in box.pages.zones:
        if not zone.present:
            continue
        name = f"{word} {{}} {zone.label}"
        boost = zone.watermark_boost
        told.append(
            f"{name.format('zone')} start {zone.start_pfn:x} spanned {zone.spanned:x} present {zone.present:x} "
            f"managed {zone.managed:x} min {zone.wmark_min + boost} low {zone.wmark_low + boost} "
            f"high {zone.wmark_high + boost} free {zone.nr_free}"
        )
        free = []
        for key, blocks in enumerate(zone.lists):
            if blocks:
                frames = " ".join(f"{pfn:x}" for pfn in reversed(blocks))
                free.append(f"{name.format('free')} {key >> 2} {key & 3} {frames}")
        reserve = (
            f"{name.format('reserve')} {' '.join(map(str, zone.lowmem_reserve))} boost {boost} flags {zone.flags:x} "
            f"highatomic {zone.nr_reserved_highatomic} vmstat {zone.stat_free} diff {zone.stat_diff} "
            f"threshold {zone.threshold}"
        )
        told += [reserve, *free] if box.arch.numa else [*free, reserve]
        told += _percpu(name, zone, box.pages.cpu, box.arch.numa)
        apart = "" if _glued(box.arch) else " "
        told.append(name.format("blocks") + apart + "".join(map(str, zone.blocks)))
    return "\n".join(told) + "\n"


def _percpu(name: str, zone: Zone, this_cpu: int, every: bool) -> list[str]:
    """The lists of the CPU in use first, then (where `every` CPU is told of) the others'."""
    told = []
    for number in sorted(range(len(zone.pcps)), key=lambda number: (number != this_cpu, number)):
        cpu, whose = zone.pcps[number], "" if number == this_cpu else f":{number}"
        if whose and not every:
            break
        told.append(
            f"{name.format('pcp' + whose)} count {cpu.count} high {cpu.high} batch {cpu.batch} "
            f"free_factor {cpu.free_factor}"
        )
        for index, pages in enumerate(cpu.lists):
            if pages:
                kept = " ".join(f"{pfn:x}/{zone.odd.get(pfn, pindex_to_type(index))}" for pfn in reversed(pages))
                told.append(f"{name.format('pcplist' + whose)} {index} {kept}")
    return told
