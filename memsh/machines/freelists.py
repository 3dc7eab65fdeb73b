"""The allocator's whole state as text: the `now …` lines of freelists.txt, read and written.

Line formats: `tests/reference/README.md`. One clear ValueError for a file that is cut short or contradicts itself.
Frames that the file does not name are K_RECORDED: in use by the recorded machine.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import pairwise
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import INITMEM, INITRD_SIZE
from memsh.linux.include.flags import MAX_ORDER, PAGE_SIZE, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES, ZONE_HIGHMEM, ZONE_NAMES
from memsh.linux.include.memmap import K_RECORDED, K_RESERVED, MemMap
from memsh.linux.include.mmzone import NR_PCP_LISTS, Zone
from memsh.linux.mm.page_alloc.buddy import PageAllocator
from memsh.linux.mm.page_alloc.watermark import calculate_totalreserve_pages, default_min_free_kbytes, refresh_drift

if TYPE_CHECKING:
    from memsh.linux.box import Box

LEGACY_HOLE = (0x9F, 0x100)  # frames of the PC's 640 KiB hole: video memory and firmware


class _Zone:
    """What the lines said about one zone."""

    def __init__(self) -> None:
        self.limits: dict[str, int] = {}
        self.lists: dict[int, list[int]] = {}
        self.reserve: list[int] = []
        self.state: dict[str, int] = {}
        self.pcp: dict[str, int] = {}
        self.pcplists: dict[int, list[tuple[int, int]]] = {}
        self.blocks = ""


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


def _line(words: list[str], zones: dict[str, _Zone]) -> None:
    what = words[0]
    if what == "blocks":
        name = next((name for name in ZONE_NAMES if words[1].startswith(name)), "")
        digits = words[1][len(name) :]
        if not name or len(words) != 2 or digits.strip("0123"):
            raise ValueError("expected a zone's name and one digit 0 to 3 for each page block")
        zones[name].blocks = digits
        return
    name = words[1]
    if what == "zone":
        if name not in ZONE_NAMES or name in zones:
            raise ValueError(f"unexpected zone {name}")
        zones[name] = _Zone()
        zones[name].limits = _pairs(words[2:], _ZONE_KEYS)
        return
    zone = zones[name]
    if what == "free":
        order, kind = int(words[2]), int(words[3])
        if not (0 <= order < MAX_ORDER and 0 <= kind < 4) or order << 2 | kind in zone.lists:
            raise ValueError(f"unexpected free list: order {order}, type {kind}")
        zone.lists[order << 2 | kind] = [int(word, 16) for word in words[4:]]
    elif what == "reserve":
        zone.reserve = [int(word) for word in words[2:6]]
        zone.state = _pairs(words[6:], _STATE_KEYS)
    elif what == "pcp":
        zone.pcp = _pairs(words[2:], _PCP_KEYS)
    elif what == "pcplist":
        index = int(words[2])
        if not 0 <= index < NR_PCP_LISTS or index in zone.pcplists:
            raise ValueError(f"unexpected per-CPU list {index}")
        pages = [word.split("/") for word in words[3:]]
        zone.pcplists[index] = [(int(pfn, 16), int(mt)) for pfn, mt in pages]
    else:
        raise ValueError(f"unknown kind of line: {what}")


def parse(text: str, word: str = "now", cpus: int = 1) -> dict[str, _Zone]:
    """The zones that the lines beginning with `word` describe. ValueError names the line or the zone."""
    zones: dict[str, _Zone] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0] != word:
            continue
        try:
            _line(words[1:], zones)
        except KeyError as error:
            raise ValueError(f"line {number}: zone {error.args[0]} was not introduced") from None
        except IndexError:
            raise ValueError(f"line {number}: cut short") from None
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    if not zones:
        raise ValueError(f"no line begins with '{word} zone'")
    for name, zone in zones.items():
        _check(name, zone, cpus)
        for lower, upper, other in zip(zone.reserve, zone.reserve[1:], ZONE_NAMES[1:], strict=False):
            if upper > lower and other not in zones:
                raise ValueError(f"zone {name} keeps pages from zone {other}, which is missing: cut short")
    ends = sorted((z.limits["start"], z.limits["start"] + z.limits["spanned"], name) for name, z in zones.items())
    for (_, end, name), (start, _, other) in pairwise(ends):
        if start < end:
            raise ValueError(f"zones {name} and {other} overlap")
    return zones


def _check(name: str, zone: _Zone, cpus: int) -> None:
    """Contradictions within a zone. The count of free pages may lack the other CPUs' differences."""
    if not zone.state or not zone.pcp or not zone.blocks:
        raise ValueError(f"zone {name}: cut short, no reserve, pcp or blocks line")
    limits = zone.limits
    start, end = limits["start"], limits["start"] + limits["spanned"]
    if not limits["managed"] <= limits["present"] <= limits["spanned"]:
        raise ValueError(f"zone {name}: more pages managed than present, or present than spanned")
    if not 0 < start < end <= 1 << 20:
        raise ValueError(f"zone {name}: it does not lie below 4 GiB")
    blocks = ((end + PAGEBLOCK_PAGES - 1) >> PAGEBLOCK_ORDER) - (start >> PAGEBLOCK_ORDER)
    if len(zone.blocks) != blocks:
        short = ": cut short" if len(zone.blocks) < blocks else ""
        raise ValueError(f"zone {name}: {len(zone.blocks)} page block types for {blocks} page blocks{short}")
    marks = (limits["min"], limits["low"], limits["high"])
    if not zone.state["boost"] <= marks[0] <= marks[1] <= marks[2]:
        raise ValueError(f"zone {name}: watermarks are not in order, or less than their boost")
    taken = bytearray(end - start)
    pages = 0
    count = 0
    whole = [(pfn, key >> 2, False) for key, pfns in zone.lists.items() for pfn in pfns]
    whole += [(pfn, index // 3, True) for index, found in zone.pcplists.items() for pfn, _ in found]
    for pfn, order, percpu in whole:
        size = 1 << order
        if pfn & (size - 1) or not start <= pfn <= end - size:
            raise ValueError(f"zone {name}: no block of order {order} can begin at {pfn:x}")
        at = pfn - start
        if taken.find(1, at, at + size) >= 0:
            raise ValueError(f"zone {name}: page frame {pfn:x} is listed twice, or in two blocks")
        taken[at : at + size] = b"\1" * size
        if percpu:
            count += size
        else:
            pages += size
    if abs(pages - limits["free"]) > (cpus - 1) * zone.state["threshold"]:
        raise ValueError(f"zone {name}: the free lists hold {pages} pages, the zone line says {limits['free']}")
    counted = zone.state["vmstat"] + zone.state["diff"]
    if abs(zone.state["diff"]) > zone.state["threshold"] or abs(pages - counted) > (cpus - 1) * zone.state["threshold"]:
        raise ValueError(f"zone {name}: the free lists hold {pages} pages, vmstat and diff make {counted}")
    if count != zone.pcp["count"]:
        raise ValueError(f"zone {name}: the per-CPU lists hold {count} pages, the pcp line says {zone.pcp['count']}")
    if pages + count > limits["managed"]:
        raise ValueError(f"zone {name}: more pages free than managed")
    if any(mt not in range(4) for found in zone.pcplists.values() for _, mt in found):
        raise ValueError(f"zone {name}: migrate types are 0 to 3")


def load(box: Box, text: str, word: str = "now") -> PageAllocator:
    """Make box.memmap and box.pages as the text describes them; returns box.pages. ValueError: one clear line."""
    zones = parse(text, word, box.config.cpus)
    frames = max(zone.limits["start"] + zone.limits["spanned"] for zone in zones.values())
    box.memmap = MemMap(frames)
    made = []
    for index, name in enumerate(ZONE_NAMES):
        at = zones[name].limits if name in zones else {"start": 0, "spanned": 0, "present": 0}
        made.append(Zone(name, index, at["start"], at["spanned"], at["present"], box.config.cpus))
    pages = PageAllocator(box, made)
    for zone in pages.zones:
        if zone.name in zones:
            _fill(box.memmap, zone, zones[zone.name])
    refresh_drift(pages.zones, pages.cpus)
    pages.min_free_kbytes = _min_free_kbytes(pages.zones)
    pages.totalreserve_pages = calculate_totalreserve_pages(pages.zones)
    pages.refresh()
    box.pages = pages
    return pages


def _min_free_kbytes(zones: list[Zone]) -> int:
    """What vm.min_free_kbytes must have been: the default if the watermarks agree with it, else what they say."""
    low = [zone for zone in zones if zone.index < ZONE_HIGHMEM]
    found = sum(zone.wmark_min for zone in low)
    later = sum(last - first for first, last in (INITMEM, (0, INITRD_SIZE + PAGE_SIZE - 1))) // PAGE_SIZE
    managed = sum(zone.managed for zone in low) - later  # freed after the default was computed
    value = default_min_free_kbytes(managed)
    return value if 0 <= (value >> 2) - found < len(low) else found << 2


def _fill(memmap: MemMap, zone: Zone, told: _Zone) -> None:
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
    for index, found in told.pcplists.items():
        zone.pcp.lists[index] = deque(pfn for pfn, _ in reversed(found))
        for pfn, mt in found:
            if mt != index % 3:
                zone.odd[pfn] = mt
            _unused(memmap, pfn, index // 3)
    zone.set_pageset(told.pcp["high"], told.pcp["batch"])
    zone.pcp.count, zone.pcp.free_factor = told.pcp["count"], told.pcp["free_factor"]
    zone.set_flags(state["flags"])
    zone.update_limits()


def _unused(memmap: MemMap, pfn: int, order: int) -> None:
    size = 1 << order
    memmap.kind[pfn : pfn + size] = bytes(size)
    memmap.refcount[pfn : pfn + size] = memoryview(bytes(4 * size)).cast("I")


def dump(box: Box, word: str = "now") -> str:
    """The state of box.pages in the same lines, in the order in which they are recorded."""
    out = []
    for zone in box.pages.zones:
        if not zone.present:
            continue
        name = f"{word} {{}} {zone.name}"
        boost = zone.watermark_boost
        out.append(
            f"{name.format('zone')} start {zone.start_pfn:x} spanned {zone.spanned:x} present {zone.present:x} "
            f"managed {zone.managed:x} min {zone.wmark_min + boost} low {zone.wmark_low + boost} "
            f"high {zone.wmark_high + boost} free {zone.nr_free}"
        )
        for key, blocks in enumerate(zone.lists):
            if blocks:
                frames = " ".join(f"{pfn:x}" for pfn in reversed(blocks))
                out.append(f"{name.format('free')} {key >> 2} {key & 3} {frames}")
        reserve = " ".join(map(str, zone.lowmem_reserve))
        out.append(
            f"{name.format('reserve')} {reserve} boost {boost} flags {zone.flags:x} "
            f"highatomic {zone.nr_reserved_highatomic} vmstat {zone.stat_free} diff {zone.stat_diff} "
            f"threshold {zone.threshold}"
        )
        cpu = zone.pcp
        out.append(
            f"{name.format('pcp')} count {cpu.count} high {cpu.high} batch {cpu.batch} free_factor {cpu.free_factor}"
        )
        for index, pages in enumerate(cpu.lists):
            if pages:
                kept = " ".join(f"{pfn:x}/{zone.odd.get(pfn, index % 3)}" for pfn in reversed(pages))
                out.append(f"{name.format('pcplist')} {index} {kept}")
        out.append(name.format("blocks") + "".join(map(str, zone.blocks)))
    return "\n".join(out) + "\n"
