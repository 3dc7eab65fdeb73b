"""The invariants of /proc text as executable checks, on any tree of texts: a recorded folder or a box's own /proc.

`check(tree)` gives the violations, a line each. A tree is a mapping from path ("meminfo", "1/status") to text.
Where the machines differ (`tree.wide`: x86_64), what holds for i386 alone is left out: reserves and watermarks before
memory was freed at boot, tunables of SLAB, high memory.
`drift` pages are allowed where a real machine's counters lag or files are read one after the other; 0 for memsh.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from math import isqrt
from typing import Any

Check = Callable[["Tree"], Iterator[str]]
CHECKS: dict[str, Check] = {}
LRU = ("inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable")


def invariant(*ids: str) -> Callable[[Check], Check]:
    def enter(check: Check) -> Check:
        for name in ids:
            CHECKS[name] = check
        return check

    return enter


class Tree:
    def __init__(self, files: Mapping[str, str], drift: int = 0, boot_reserves: bool = True,
                 hashed: bool = False) -> None:  # fmt: skip
        self.files = files
        self.hashed = hashed  # addresses in vmallocinfo are hashed: their order says nothing
        self.drift = drift
        self.boot_reserves = boot_reserves  # protection keeps the figures of boot: Z18, Z19 do not apply

    @property
    def wide(self) -> bool:
        """An x86_64 machine."""
        return "LowTotal" not in self.meminfo

    @cached_property
    def meminfo(self) -> dict[str, int]:
        return {line.split(":")[0]: int(line.split()[1]) for line in self.files["meminfo"].splitlines()}

    @cached_property
    def vmstat(self) -> dict[str, int]:
        return {line.split()[0]: int(line.split()[1]) for line in self.files["vmstat"].splitlines()}

    @cached_property
    def zones(self) -> list[dict[str, Any]]:
        parts = re.split(r"^Node (\d+), zone", self.files["zoneinfo"], flags=re.MULTILINE)[1:]
        return [_zone(part) | {"node": int(nid)} for nid, part in zip(parts[::2], parts[1::2], strict=True)]

    @cached_property
    def node(self) -> dict[str, int]:
        """Of all nodes together."""
        sums: dict[str, int] = {}
        for part in self.files["zoneinfo"].split("per-node stats\n")[1:]:
            for line in part.split("  pages free", 1)[0].splitlines():
                sums[line.split()[0]] = sums.get(line.split()[0], 0) + int(line.split()[1])
        return sums

    @cached_property
    def buddy(self) -> dict[str, list[int]]:
        rows = {}
        for line in self.files["buddyinfo"].splitlines():
            words = line.split()
            rows[words[1] + words[3]] = [int(word) for word in words[4:]]
        return rows

    @cached_property
    def slabs(self) -> list[list[str]]:
        return [line.split() for line in self.files["slabinfo"].splitlines()[2:]]

    @cached_property
    def cpus(self) -> int:
        return len(re.findall(r"^cpu\d", self.files["stat"], re.M))

    @cached_property
    def pids(self) -> list[int]:
        return sorted({int(path.split("/")[0]) for path in self.files if path.split("/")[0].isdecimal()})

    def tunable(self, name: str, default: int = 0) -> int:
        return int(self.files.get(f"sys/vm/{name}", str(default)).split()[0])

    @cached_property
    def tasks(self) -> list[Task]:
        return [Task(self, pid) for pid in self.pids]


def _zone(part: str) -> dict[str, Any]:
    """Names as printed; "cpus" is a list of (count, high, batch, threshold)."""
    zone: dict[str, Any] = {"name": part.split("\n", 1)[0].strip()}
    for name, value in re.findall(r"^ {6,8}(\S+) +(\d+)$", part.split("per-node stats")[-1] if "per-node" not in part
                                  else part.split("  pages free", 1)[1], re.M):  # fmt: skip
        zone[name] = int(value)
    zone["free"] = int(re.search(r"pages free +(\d+)", part)[1])  # type: ignore[index]
    zone["protection"] = [int(word) for word in re.search(r"protection: \((.*)\)", part)[1].split(", ")]  # type: ignore[index]
    zone["cpus"] = [tuple(map(int, found)) for found in re.findall(
        r"cpu: \d+\n +count: (\d+)\n +high: +(\d+)\n +batch: (\d+)\n +vm stats threshold: (\d+)", part)]  # fmt: skip
    start = re.search(r"start_pfn: +(\d+)", part)
    zone["start_pfn"] = int(start[1]) if start else 0
    return zone


class Task:
    """One process: its files, parsed when asked for."""

    def __init__(self, tree: Tree, pid: int) -> None:
        self.tree, self.pid = tree, pid

    def text(self, name: str) -> str:
        return self.tree.files[f"{self.pid}/{name}"]

    @cached_property
    def stat(self) -> list[str]:
        head, _, tail = self.text("stat").rpartition(")")
        return [*head.split(" (", 1), *tail.split()]

    @cached_property
    def status(self) -> dict[str, str]:
        return dict(line.split(":\t", 1) for line in self.text("status").splitlines() if ":\t" in line)

    def kb(self, name: str) -> int:
        return int(self.status[name].split()[0])

    @property
    def has_mm(self) -> bool:
        return "VmSize" in self.status

    @cached_property
    def maps(self) -> list[tuple[int, int, str, int, str, int, str]]:
        out = []
        for line in self.text("maps").splitlines():
            words = line.split(None, 5)
            first, last = (int(word, 16) for word in words[0].split("-"))
            out.append(
                (first, last, words[1], int(words[2], 16), words[3], int(words[4]), words[5] if len(words) > 5 else "")
            )
        return out

    @cached_property
    def smaps(self) -> list[tuple[str, dict[str, int], list[str]]]:
        """(header, kB by label, VmFlags) for each block."""
        blocks: list[tuple[str, dict[str, int], list[str]]] = []
        for line in self.text("smaps").splitlines():
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                blocks.append((line, {}, []))
            elif line.startswith("VmFlags:"):
                blocks[-1][2].extend(line.split()[1:])
            else:
                label, value = line.split(":")
                blocks[-1][1][label] = int(value.split()[0])
        return blocks


def equal(what: str, left: int, right: int, slack: int = 0) -> Iterator[str]:
    if abs(left - right) > slack:
        yield f"{what}: {left} and {right}"


def most(what: str, left: int, right: int) -> Iterator[str]:
    if left > right:
        yield f"{what}: {left} > {right}"


# ---------------------------------------------------------------- meminfo

PAIRS = {
    "Active(anon)": "nr_active_anon", "Inactive(anon)": "nr_inactive_anon", "Active(file)": "nr_active_file",
    "Inactive(file)": "nr_inactive_file", "Unevictable": "nr_unevictable", "Mlocked": "nr_mlock", "Dirty": "nr_dirty",
    "Writeback": "nr_writeback", "AnonPages": "nr_anon_pages", "Mapped": "nr_mapped", "Shmem": "nr_shmem",
    "SReclaimable": "nr_slab_reclaimable", "SUnreclaim": "nr_slab_unreclaimable", "PageTables": "nr_page_table_pages",
    "SwapCached": "nr_swapcached", "Bounce": "nr_bounce",
}  # fmt: skip


@invariant("M01", "M02", "M03", "M11")
def meminfo_is_vmstat(tree: Tree) -> Iterator[str]:
    info, stat, slack = tree.meminfo, tree.vmstat, tree.drift * 4
    yield from equal("M01 MemFree", info["MemFree"], 4 * stat["nr_free_pages"], slack)
    for label, name in PAIRS.items():
        yield from equal(f"M02 {label}", info[label], 4 * stat[name], slack)
    yield from equal("M03 KernelStack", info["KernelStack"], stat["nr_kernel_stack"], slack)
    yield from equal("M11 KReclaimable", info["KReclaimable"],
                     info["SReclaimable"] + 4 * stat["nr_kernel_misc_reclaimable"], slack)  # fmt: skip


@invariant("M04", "M05", "M06", "M07", "M08", "M09", "M10")
def meminfo_sums(tree: Tree) -> Iterator[str]:
    info = tree.meminfo
    yield from equal("M04 Cached", info["Cached"],
                     4 * tree.vmstat["nr_file_pages"] - info["SwapCached"] - info["Buffers"],
                     tree.drift * 4)  # fmt: skip
    for name in ("Active", "Inactive"):
        yield from equal(f"M05 {name}", info[name], info[f"{name}(anon)"] + info[f"{name}(file)"])
    yield from equal("M07 Slab", info["Slab"], info["SReclaimable"] + info["SUnreclaim"])
    if not tree.wide:
        yield from equal("M08 LowTotal", info["LowTotal"], info["MemTotal"] - info["HighTotal"])
        yield from equal("M09 LowFree", info["LowFree"], info["MemFree"] - info["HighFree"])
    for label, value in info.items():
        if value % 4 and not label.startswith("HugePages") and label != "VmallocTotal":
            yield f"M10 {label} is no multiple of 4: {value}"


@invariant("M12", "M13", "M14", "M15", "M16", "M17", "M18", "M19")
def meminfo_limits(tree: Tree) -> Iterator[str]:
    info, slack = tree.meminfo, tree.drift * 4
    kbytes = tree.tunable("overcommit_kbytes")
    ram = (info["MemTotal"] - info.get("Hugetlb", 0)) // 4  # vm_commit_limit
    pages = kbytes // 4 if kbytes else ram * tree.tunable("overcommit_ratio", 50) // 100
    yield from equal("M12 CommitLimit", info["CommitLimit"] // 4, pages + info["SwapTotal"] // 4)
    yield from most("M13 MemFree", info["MemFree"], info["MemTotal"])
    yield from most("M14 SwapFree", info["SwapFree"], info["SwapTotal"])
    yield from most("M15 Shmem", info["Shmem"], info["Cached"] + info["SwapCached"] + slack)
    yield from most("M16 Mapped", info["Mapped"], info["Cached"] + info["Buffers"] + info["SwapCached"] + slack)
    used = (
        info["Cached"] + info["Buffers"] + info["SwapCached"] + info["AnonPages"] + info["Slab"] + info["KernelStack"]
    )
    used += info["PageTables"] + info.get("Hugetlb", 0)
    yield from most("M17 owners", used + info["MemFree"], info["MemTotal"] + info["SwapCached"] + slack)
    yield from most("M18 Shmem", info["Shmem"], info["Cached"] + info["KReclaimable"])
    mapped = sum(value for label, value in info.items() if label.startswith("DirectMap"))
    yield from most("M19 LowTotal", info["MemTotal" if tree.wide else "LowTotal"], mapped)


@invariant("W01", "W02")
def swap_sums(tree: Tree) -> Iterator[str]:
    rows = [line.split() for line in tree.files["swaps"].splitlines()[1:]]
    info = tree.meminfo
    yield from equal("W01 SwapTotal", info["SwapTotal"], sum(int(row[2]) for row in rows))
    yield from equal(
        "W02 used swap", info["SwapTotal"] - info["SwapFree"], sum(int(row[3]) for row in rows), tree.drift * 4
    )


# ---------------------------------------------------------------- zones


@invariant("Z01", "Z02", "Z03", "Z04", "Z05", "Z06", "Z07", "Z08")
def zone_sums(tree: Tree) -> Iterator[str]:
    zones, info, stat, drift = tree.zones, tree.meminfo, tree.vmstat, tree.drift
    yield from equal("Z01 MemTotal", info["MemTotal"], 4 * sum(z["managed"] for z in zones))
    for zone in zones:
        if zone["name"] == "HighMem":
            yield from equal("Z02 HighTotal", info["HighTotal"], 4 * zone["managed"])
            yield from equal("Z03 HighFree", info["HighFree"], 4 * zone["free"], drift * 4)
    yield from equal("Z04 nr_free_pages", stat["nr_free_pages"], sum(z["free"] for z in zones), drift)
    for name, value in tree.node.items():
        yield from equal(f"Z05 {name}", value, stat[name], drift)
    for name in (*(f"nr_zone_{lru}" for lru in LRU), "nr_zone_write_pending", "nr_mlock"):
        yield from equal(f"Z06 {name}", stat[name], sum(z.get(name, 0) for z in zones), drift)
    for lru in LRU:
        yield from equal(f"Z07 {lru}", stat[f"nr_zone_{lru}"], stat[f"nr_{lru}"], drift)
    yield from equal("Z08 write pending", stat["nr_zone_write_pending"], stat["nr_dirty"] + stat["nr_writeback"], drift)


@invariant("Z09", "Z10", "Z11", "Z12", "Z13", "Z14", "Z15", "Z24")
def zone_shape(tree: Tree) -> Iterator[str]:
    zones = tree.zones
    shown = ["DMA", "DMA32", "Normal", "Movable", "Device"] if tree.wide else ["DMA", "Normal", "HighMem", "Movable"]
    nodes = 1 + max(zone["node"] for zone in zones)
    if [zone["name"] for zone in zones] != shown * nodes:
        yield f"Z14 zones {[zone['name'] for zone in zones]}"
    end = 0
    for zone in zones:
        name = zone["name"]
        yield from most(f"Z09 {name} managed", zone["managed"], zone["present"])
        yield from most(f"Z09 {name} present", zone["present"], zone["spanned"])
        yield from most(f"Z11 {name} free", zone["free"], zone["managed"])
        yield from equal(f"Z12 {name} steps", zone["high"] - zone["low"], zone["low"] - zone["min"])
        yield from equal(f"Z13 {name} protection", len(zone["protection"]), len(shown))
        if not zone["present"] or name == "Movable":
            continue
        yield from equal(f"Z10 {name} nr_free_pages", zone["free"], zone["nr_free_pages"], tree.drift)
        yield from most(f"Z15 {name} start", end, zone["start_pfn"])
        end = zone["start_pfn"] + zone["spanned"]
        yield from equal(f"Z24 {name} pagesets", len(zone["cpus"]), tree.cpus)
    yield from equal("Z15 DMA starts at", zones[0]["start_pfn"], 1)
    if zones[1]["present"]:
        yield from equal("Z15 Normal starts at", zones[1]["start_pfn"], 4096)


def early_pages(zone: dict[str, Any], low_pages: int) -> Iterator[tuple[int, int]]:
    """(managed, lowmem) as they may have been before the RAM disk and init memory were freed into Normal."""
    for gone in range(min(1200, low_pages)):
        yield zone["managed"] - (gone if zone["name"] == "Normal" else 0), low_pages - gone


@invariant("Z16", "Z17")
def watermarks(tree: Tree) -> Iterator[str]:
    """min_free_kbytes and the watermarks come from the managed pages before the RAM disk was freed: a few less."""
    zones = tree.zones
    if tree.wide:
        return
    mfk = tree.tunable("min_free_kbytes")
    low_pages = sum(z["managed"] for z in zones[:2])
    early = range(low_pages - 1200, low_pages + 1)
    if not any(min(max(isqrt(pages * 64), 128), 262144) == mfk for pages in early) and tree.boot_reserves:
        yield f"Z16 min_free_kbytes {mfk} for {low_pages} lowmem pages"
    factor = tree.tunable("watermark_scale_factor", 10)
    for zone in zones:
        least, best = zone["min"] - zone["boost"], zone["low"] - zone["min"]
        if zone["name"] in ("HighMem", "Movable"):
            highmem = zone["name"] == "HighMem" or zones[2]["present"] or zone["min"]
            wanted = {min(max(zone["managed"] // 1024, 32), 128)} if highmem else {0}
        else:
            wanted = {mfk // 4 * managed // low for managed, low in early_pages(zone, low_pages)}
        if least not in wanted:
            yield f"Z17 {zone['name']} min {least}, not one of {sorted(wanted)[:3]}…"
        steps = {
            max(mfk // 4 * managed // low // 4, managed * factor // 10000)
            for managed, low in early_pages(zone, low_pages)
        }
        if zone["managed"] and best not in steps:
            yield f"Z17 {zone['name']} step {best}, not one of {sorted(steps)[:3]}…"


@invariant("Z18", "Z19")
def protection(tree: Tree) -> Iterator[str]:
    """With boot's figures: what later was freed into Normal is missing in the sums."""
    zones = tree.zones
    if tree.wide:
        return
    ratios = [int(word) for word in tree.files.get("sys/vm/lowmem_reserve_ratio", "256 32 0 0").split()]
    for i, zone in enumerate(zones):
        for j in range(4):
            total = sum(z["managed"] for z in zones[i + 1 : j + 1])
            clear = j <= i or not ratios[i] or not zone["managed"]
            lowest = total - 1200 if tree.boot_reserves and i == 0 else total
            found = zone["protection"][j]
            if clear and found:
                yield f"Z19 {zone['name']} protection[{j}] = {found}"
            elif not clear and not max(0, lowest) // ratios[i] <= found <= total // ratios[i]:
                yield f"Z18 {zone['name']} protection[{j}] = {found}, not {total // ratios[i]}"


def zone_count(tree: Tree) -> int:
    """The last node's number."""
    return int(tree.zones[-1]["node"])


@invariant("Z20", "Z21", "Z22", "Z23")
def pagesets(tree: Tree) -> Iterator[str]:
    fraction = tree.tunable("percpu_pagelist_high_fraction")
    for zone in tree.zones:
        if not zone["present"]:
            continue
        gone = 0 if zone["name"] == "HighMem" else 8000 if tree.wide else 1200
        batches = set()
        for managed in range(zone["managed"] - gone, zone["managed"] + 1):
            base = max(1, min(managed >> 10, 256) // 4)
            batches.add(max(1, (1 << ((base + base // 2).bit_length() - 1)) - 1))
        for count, high, batch, threshold in zone["cpus"]:
            if batch not in batches:
                yield f"Z20 {zone['name']} batch {batch}, not {batches}"
            total = zone["managed"] // fraction if fraction else zone["low"] - zone["boost"]
            if zone["node"] == zone_count(tree) == 0:
                wanted = max(total // tree.cpus, 4 * batch)
                yield from equal(f"Z21 {zone['name']} high", high, wanted, 1 if fraction else 0)
            yield from most(f"Z22 {zone['name']} count", count, high + batch)
            fls = tree.cpus.bit_length()
            calm = min(125, 2 * fls * (1 + (zone["managed"] >> 15).bit_length()))
            awake = min(125, max(1, (zone["low"] - zone["min"]) // tree.cpus))
            if threshold not in (calm, awake):
                yield f"Z23 {zone['name']} threshold {threshold}, not {calm} or {awake}"


@invariant("Z25", "Z26", "Z27")
def available(tree: Tree) -> Iterator[str]:
    zones, stat, info = tree.zones, tree.vmstat, tree.meminfo
    reserve = sum(min(z["managed"], max(z["protection"]) + z["high"] - z["boost"]) for z in zones)
    low = sum(z["low"] for z in zones)
    files = stat["nr_active_file"] + stat["nr_inactive_file"]
    slab = stat["nr_slab_reclaimable"] + stat["nr_kernel_misc_reclaimable"]
    wanted = stat["nr_free_pages"] - reserve + files - min(files // 2, low) + slab - min(slab // 2, low)
    yield from equal("Z25 MemAvailable", info["MemAvailable"] // 4, max(0, wanted), tree.drift)
    pages = stat["nr_free_pages"] - min(stat["nr_free_pages"], reserve) + files
    if not tree.wide and not tree.tunable("highmem_is_dirtyable"):
        pages -= min(pages, sum(max(0, z["free"] - z["high"]) + z["nr_zone_inactive_file"] + z["nr_zone_active_file"]
                                for z in zones[2:] if z["present"]))  # fmt: skip
    pages += 1
    limit = -(-tree.tunable("dirty_bytes") // 4096) or tree.tunable("dirty_ratio", 20) * 4096 // 100 * pages // 4096
    background = -(-tree.tunable("dirty_background_bytes") // 4096)
    background = background or tree.tunable("dirty_background_ratio", 10) * 4096 // 100 * pages // 4096
    background = background if background < limit else limit // 2
    yield from equal("Z26 nr_dirty_threshold", stat["nr_dirty_threshold"], limit, tree.drift)
    yield from equal("Z27 nr_dirty_background_threshold", stat["nr_dirty_background_threshold"], background, tree.drift)


@invariant("B01", "B02", "B03", "B04")
def buddy(tree: Tree) -> Iterator[str]:
    populated = {f"{z['node']},{z['name']}": z for z in tree.zones if z["present"]}
    if list(tree.buddy) != list(populated):
        yield f"B02 zones {list(tree.buddy)}"
    for line in tree.files["buddyinfo"].splitlines():
        if not re.fullmatch(r"Node \d, zone [ A-Za-z\d]{8} (?:[ \d]{6,} ){11}", line):
            yield f"B01 row {line!r}"
    for name, counts in tree.buddy.items():
        yield from equal(f"B01 {name} orders", len(counts), 11)
        free = sum(count << order for order, count in enumerate(counts))
        yield from equal(f"B03 {name} free", free, populated[name]["free"], tree.drift)
        for order, count in enumerate(counts):
            yield from most(f"B04 {name} order {order}", count << order, populated[name]["managed"])


@invariant("B05", "B06", "B07", "B08")
def pagetypes(tree: Tree) -> Iterator[str]:
    lines = tree.files["pagetypeinfo"].splitlines()
    order, block = int(lines[0].split()[-1]), int(lines[1].split()[-1])
    yield from equal("B05 pages per block", block, 1 << order)
    sums: dict[str, list[int]] = {}
    for line in lines[3:]:
        if line and not line.endswith(" "):
            yield f"B06 no blank behind {line!r}"
        words = line.split()
        if "type" in words and words[0] == "Node":
            row = [int(word.lstrip(">")) for word in words[6:]]
            total = sums.setdefault(words[1] + words[3].rstrip(","), [0] * 11)
            sums[words[1] + words[3].rstrip(",")] = [a + b for a, b in zip(total, row, strict=True)]
        elif words and words[0] == "Node":
            zone = next(z for z in tree.zones if z["name"] == words[3] and z["node"] == int(words[1].rstrip(",")))
            blocks = -(-(zone["start_pfn"] + zone["spanned"]) // block) - zone["start_pfn"] // block
            gone = (zone["spanned"] - zone["present"]) // block  # holes have none
            yield from equal(f"B08 {words[3]} blocks", sum(map(int, words[4:])), blocks - gone, 1)
    for name, row in sums.items():
        for order, (left, right) in enumerate(zip(row, tree.buddy[name], strict=True)):
            yield from equal(f"B07 {name} order {order}", left, right, tree.drift)


# ---------------------------------------------------------------- slab


@invariant("S01", "S02", "S03", "S04")
def slab_form(tree: Tree) -> Iterator[str]:
    lines = tree.files["slabinfo"].splitlines()
    if lines[0] != "slabinfo - version: 2.1" or not lines[1].startswith("# name            <active_objs> <num_objs>"):
        yield f"S01 header {lines[:2]}"
    names = [line.split()[0] for line in lines[2:]]
    if len(set(names)) != len(names):
        yield "S02 a name twice"
    if names[-1] != "kmem_cache" and not tree.wide:
        yield f"S03 the last is {names[-1]}"
    for line in lines[2:]:
        w = line.split()
        form = (f"{w[0]:<17s} {w[1]:>6s} {w[2]:>6s} {w[3]:>6s} {w[4]:>4s} {w[5]:>4s} : tunables {w[8]:>4s} {w[9]:>4s} "
                f"{w[10]:>4s} : slabdata {w[13]:>6s} {w[14]:>6s} {w[15]:>6s}")  # fmt: skip
        if form != line:
            yield f"S04 row {line!r}"


@invariant("S05", "S06", "S07", "S08", "S09", "S10", "S11", "S12", "S13", "S14", "S15", "S16", "S17")
def slab_rows(tree: Tree) -> Iterator[str]:
    pages = 0
    for words in tree.slabs:
        name, (active, total, size, per, order) = words[0], map(int, words[1:6])
        limit, batch, shared = map(int, words[8:11])
        live, slabs, avail = map(int, words[13:16])
        pages += slabs * order
        if tree.wide:
            yield from most(f"S06 {name}", active, total)
            yield from most(f"S10 {name}", per * size, order * 4096)
            yield from equal(f"S13 {name}", limit + batch + shared, 0)
            continue
        yield from equal(f"S05 {name}", total, slabs * per)
        yield from most(f"S06 {name}", active, total)
        yield from most(f"S07 {name}", live, slabs)
        yield from most(f"S08 {name}", live, active)
        yield from most(f"S09 {name}", active, live * per)
        yield from most(f"S10 {name}", per * size, order * 4096)
        yield from equal(f"S11 {name}", order & (order - 1), 0)
        yield from most(f"S12 {name}", per, 255)
        if size > 131072:
            wanted = (1, 1)
        elif size > 4096:
            wanted = (8, 4)
        else:
            wanted = (24, 12) if size > 1024 else (54, 27) if size > 256 else (120, 60)
        share = 8 if size <= 4096 and tree.cpus > 1 else 0
        if (limit, batch, shared) != (*wanted, share):
            yield f"S13 {name} tunables {limit} {batch} {shared}"
        yield from most(f"S14 {name}", avail, shared * batch)
        yield from most(f"S15 {name}", avail, active)
        if size % 4 or size < 16:
            yield f"S16 {name} size {size}"
    stat = tree.vmstat
    yield from most("S17 slab pages", pages, stat["nr_slab_reclaimable"] + stat["nr_slab_unreclaimable"] + tree.drift)


# ---------------------------------------------------------------- events


@invariant("V01", "V02", "V03", "V04", "V05", "V06", "V07", "V08", "V09", "V10", "V11", "V12", "V13")
def events(tree: Tree) -> Iterator[str]:
    stat, drift = tree.vmstat, tree.drift
    held = stat["nr_free_pages"] + sum(cpu[0] for zone in tree.zones for cpu in zone["cpus"])
    gone = stat["pgfree"] - sum(value for name, value in stat.items() if name.startswith("pgalloc_"))
    if not stat["compact_isolated"]:
        yield from equal("V01 pgfree - pgalloc", gone, held, drift)
    yield from most("V02 pgmajfault", stat["pgmajfault"], stat["pgfault"])
    yield from most("V03 pswpin", 4 * stat["pswpin"], stat["pgpgin"] + drift)
    yield from most("V04 pswpout", 4 * stat["pswpout"], stat["pgpgout"] + drift * 64)
    for kind in ("kswapd", "direct", "anon", "file"):
        yield from most(f"V05 pgsteal_{kind}", stat[f"pgsteal_{kind}"], stat[f"pgscan_{kind}"])
    for what in ("pgscan", "pgsteal"):
        yield from equal(f"V06 {what}", stat[f"{what}_kswapd"] + stat[f"{what}_direct"],
                         stat[f"{what}_anon"] + stat[f"{what}_file"], drift)  # fmt: skip
    yield from most("V08 background", stat["nr_dirty_background_threshold"], stat["nr_dirty_threshold"])
    if not tree.files["vmstat"].endswith("\nnr_unstable 0\n"):
        yield "V09 last line"
    yield from most(
        "V10 nr_written", stat["nr_written"], stat["nr_dirtied"] + stat["nr_vmscan_write"] + stat["pswpout"] + drift
    )
    yield from most("V11 nr_shmem", stat["nr_shmem"], stat["nr_file_pages"] + drift)
    yield from most("V12 nr_swapcached", stat["nr_swapcached"], stat["nr_file_pages"] + drift)
    lists, total = sum(stat[f"nr_{lru}"] for lru in LRU), stat["nr_anon_pages"] + stat["nr_file_pages"]
    yield from most("V13 LRU", lists, total + drift)
    yield from most("V13 LRU", total - stat["nr_swapcached"], lists + drift)


@invariant("T01", "T02", "T03", "T04", "T05")
def times(tree: Tree) -> Iterator[str]:
    lines = {line.split()[0]: [int(word) for word in line.split()[1:]] for line in tree.files["stat"].splitlines()}
    for column in range(10):
        each = sum(lines[f"cpu{cpu}"][column] for cpu in range(tree.cpus))
        yield from equal(f"T01 column {column}", lines["cpu"][column], each, tree.cpus - 1)
    yield from most("T02 intr", sum(lines["intr"][1:]), lines["intr"][0])
    yield from equal("T03 softirq", sum(lines["softirq"][1:]), lines["softirq"][0])
    uptime, idle = (float(word) for word in tree.files["uptime"].split())
    yield from equal("T04 idle", round(idle * 100), lines["cpu"][3], 2 * tree.cpus + tree.drift)
    yield from most("T05 ticks", sum(lines["cpu"][:8]), round(uptime * 100 + 2) * tree.cpus + tree.drift)


# ---------------------------------------------------------------- vmalloc


@invariant("L01", "L02", "L03", "L04", "L05", "L06")
def vmalloc(tree: Tree) -> Iterator[str]:
    info, used, end = tree.meminfo, 0, 0
    for line in tree.files["vmallocinfo"].splitlines():
        words = line.split()
        size = int(words[1])
        found = re.search(r" pages=(\d+)", line)
        if found and " vmalloc" in line:
            yield from equal(f"L01 {words[0]}", size, (int(found[1]) + 1) * 4096)
            used += int(found[1])
        if size % 4096:
            yield f"L02 {line}"
        if "ptrval" not in words[0] and "unpurged" not in line and not tree.hashed:
            first, last = (int(word, 16) for word in words[0].split("-"))
            yield from equal(f"L01 {words[0]}", last - first, size)
            yield from most("L06 areas", end, first)
            end = last
    yield from equal("L03 VmallocUsed", info["VmallocUsed"], 4 * used)
    yield from equal("L04 VmallocChunk", info["VmallocChunk"], 0)
    yield from most("L05 VmallocUsed", info["VmallocUsed"], info["VmallocTotal"])


@invariant("N01")
def names(tree: Tree) -> Iterator[str]:
    from tests.paths import REFERENCE

    wanted = (REFERENCE / "vmstat-names.txt").read_text().split()
    if list(tree.vmstat) != wanted and not tree.wide:
        yield "N01 names of vmstat"


def check(tree: Tree) -> list[str]:
    found: list[str] = []
    for function in dict.fromkeys(CHECKS.values()):
        found.extend(function(tree))
    return found
