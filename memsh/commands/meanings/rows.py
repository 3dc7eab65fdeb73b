"""The rows of /proc's files and of the tools' screens, taken apart into figures with their meanings.

The figures are the file's own, word by word; the meanings lie in files.py, vmstat.py and elsewhere.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from memsh.alike import alike
from memsh.commands.meanings import elsewhere
from memsh.commands.meanings import files as meanings
from memsh.commands.meanings.vmstat import VMSTAT, ZONEINFO
from memsh.digits import is_digits
from memsh.procps.figures import page_size
from memsh.procps.reader import ProcReader
from memsh.proctext import buddyinfo, labels, slabinfo, zoneinfo
from memsh.shell.errors import ShellError


class Figure(NamedTuple):
    """One word of a row (or a few that belong together) and what it means."""

    name: str
    value: str
    meaning: str


class Row(NamedTuple):
    """A row with the words by which it is asked for."""

    names: tuple[str, ...]
    figures: list[Figure]


def table(text: str) -> dict[str, str]:
    """`name|meaning` lines as a dict."""
    return {name: meaning for name, _, meaning in (line.partition("|") for line in text.strip().split("\n"))}


class Facts(NamedTuple):
    """What the tree itself says of its machine, as far as meanings depend on it.

    page: bytes of a page. stack: kB of a kernel stack, 0 if unknown. zones: their names from the lowest. slub: whether
    the slab allocator has no tunables.
    """

    page: int = 4096
    stack: int = 0
    zones: tuple[str, ...] = ()
    slub: bool = False


def facts_of(reader: ProcReader) -> Facts:
    """The tree's own facts; what cannot be read stays unknown."""

    def text(name: str) -> str:
        try:
            return reader.read(f"/proc/{name}")
        except OSError:
            return ""

    threads = re.search(r"\d+/(\d+)", text("loadavg"))
    stacks = labels.pairs(text("meminfo"), ":").get("KernelStack", 0)
    each = stacks / int(threads[1]) if threads and int(threads[1]) else 0
    stack = next((kb for kb in (4, 8, 16, 32, 64) if abs(each - kb) * 6 < kb), 0)
    names = tuple(dict.fromkeys(zone.name for zone in zoneinfo.parse(text("zoneinfo"))))
    caches = slabinfo.parse(text("slabinfo"))
    return Facts(page_size(reader), stack, names, bool(caches) and not any(cache.limit for cache in caches))


def _size(order: int, page: int) -> str:
    kib = page << order >> 10
    return f"{kib} KiB" if kib < 1024 else f"{kib >> 10} MiB"


def _blocks(order: int, page: int) -> str:
    return f"free blocks of {1 << order} page{'s' * (order > 0)}, {_size(order, page)} each"


def _orders(words: list[str], page: int) -> list[Figure]:
    return [Figure(f"order {order}", word, _blocks(order, page)) for order, word in enumerate(words)]


def in_place(figure: Figure, facts: Facts) -> Figure:
    """The figure with what the tree's own machine adds to its meaning."""
    name, value, meaning = figure
    block = re.fullmatch(r"order (\d+)", name)
    if block and facts.page != 4096 and int(block[1]) < 32:
        return Figure(name, value, _blocks(int(block[1]), facts.page))
    if name in ("KernelStack", "nr_kernel_stack") and facts.stack:
        return Figure(name, value, f"{meaning}, {facts.stack} kB a thread")
    if name == "protection" and facts.zones:
        kept = f"pages kept from requests that could use zone {', '.join(facts.zones)} as well (lowmem_reserve)"
        return Figure(name, value, kept)
    if facts.slub and name in SLUB:
        return Figure(name, value, SLUB[name])
    return figure


SLUB = {
    "<active_objs>": "objects in use; all those of the CPUs' own slabs count as in use",
    "<limit>": "0: SLUB has no arrays of objects to tune",
    "<batchcount>": "0: SLUB has no arrays of objects to tune",
    "<sharedfactor>": "0: SLUB has no arrays of objects to tune",
    "<active_slabs>": "all slabs: SLUB does not count those without an object in use apart",
    "<sharedavail>": "0: SLUB shares no array between CPUs",
}
"""What slabinfo's columns mean where the allocator is SLUB."""


def _columns(text: str, words: list[str]) -> list[Figure]:
    return [Figure(name, word, meaning) for (name, meaning), word in zip(table(text).items(), words, strict=False)]


def _labels(text: str, known: str) -> list[Row]:
    """`Label: value` lines; every line is a row of one figure."""
    meaning = {**table(elsewhere.MEMINFO), **table(known)}
    rows = []
    for line in text.splitlines():
        label, colon, value = line.partition(":")
        label = label.strip()
        if not colon:
            continue
        rows.append(Row((label,), [Figure(label, " ".join(value.split()), meaning.get(label, ""))]))
    return rows


def _meminfo(text: str) -> list[Row]:
    return _labels(text, meanings.MEMINFO)


def _status(text: str) -> list[Row]:
    return _labels(text, meanings.STATUS)


def _vmstat(text: str) -> list[Row]:
    meaning = {**table(elsewhere.VMSTAT), **table(VMSTAT)}
    return [
        Row((words[0],), [Figure(words[0], words[1], meaning.get(words[0]) or elsewhere.by_rule(words[0]))])
        for words in map(str.split, text.splitlines())
        if len(words) == 2
    ]


def _slabinfo(text: str) -> list[Row]:
    rows = []
    for line in text.splitlines():
        words = [word for word in line.split() if word not in (":", "tunables", "slabdata")]
        if slabinfo.row(line) is not None:
            rows.append(Row((words[0],), _columns(meanings.SLABINFO, words)))
        elif slabinfo.version(text).startswith("1.") and slabinfo.old_row(line) is not None:
            rows.append(Row((words[0],), _columns(meanings.SLABINFO_1, words)))
    return rows


def _buddyinfo(text: str) -> list[Row]:
    rows = []
    for one in buddyinfo.rows(text):
        figures = [Figure("node", str(one.node), "the memory node"), Figure("zone", one.zone, "the zone")]
        rows.append(Row((one.zone, f"node{one.node}"), [*figures, *_orders([str(n) for n in one.counts], 4096)]))
    return rows


_TYPES = {
    "Unmovable": "kernel memory that stays where it is", "Movable": "pages of processes and files, which can move",
    "Reclaimable": "caches that can shrink", "HighAtomic": "kept for requests that may not wait",
    "CMA": "the contiguous area", "Isolate": "taken out of use",
}  # fmt: skip


def _pagetypeinfo(text: str) -> list[Row]:
    lines = text.splitlines()
    types = next((line for line in lines if line.startswith("Number of blocks")), "").split()[4:]
    rows = []
    for key, label, what in (("order", "Page block order", "a pageblock is 2 to this power of pages"),
                             ("pages", "Pages per block", "pages of one pageblock")):
        told = re.search(rf"{label}:\s*(\d+)", text)
        rows += [Row((key,), [Figure(label, told[1], what)])] if told else []
    for line in lines:
        words = line.replace(",", "").split()
        if words[4:5] == ["type"]:
            head = [Figure("node", words[1], "the memory node"), Figure("zone", words[3], "the zone"),
                    Figure("type", words[5], _TYPES.get(words[5], ""))]  # fmt: skip
            rows.append(Row((words[3], words[5], f"node{words[1]}"), head + _orders(words[6:], 4096)))
        elif words[:1] == ["Node"] and len(words) > 4 and is_digits(words[4]):
            head = [Figure("node", words[1], "the memory node"), Figure("zone", words[3], "the zone")]
            blocks = [
                Figure(name, word, f"pageblocks set aside for {_TYPES.get(name, name)}")
                for name, word in zip(types, words[4:], strict=False)
            ]
            rows.append(Row((words[3], "blocks", f"node{words[1]}"), head + blocks))
    return rows


def _zoneinfo(text: str) -> list[Row]:
    items, zone = {**table(elsewhere.VMSTAT), **table(VMSTAT)}, table(ZONEINFO)
    rows: list[Row] = []
    for line in text.splitlines():
        head = re.match(r"Node (\d+), zone +(\S+)", line)
        if head:
            names = [Figure("node", head[1], "the memory node"), Figure("zone", head[2], "the zone")]
            rows.append(Row((head[2], f"node{head[1]}"), names))
            continue
        words = line.split()
        if not rows or not words:
            continue
        if words in (["per-node", "stats"], ["pagesets"]):
            continue
        label, _, value = line.strip().partition(": ") if ":" in line else line.strip().rpartition(" ")
        label, value = " ".join(label.rstrip(":").split()), value.strip()
        name = "high:" if label == "high" and ":" in line else label
        rows[-1].figures.append(Figure(label, value, items.get(label) or zone.get(name, "")))
    return rows


def _maps_row(line: str) -> Row:
    words = line.split(None, 5)
    words += [""] * (5 - len(words))
    figures = _columns(meanings.MAPS, words + [""] * (6 - len(words)))
    mode = words[1].ljust(4)
    path = words[5].strip() if len(words) > 5 else ""
    can = ["readable" if mode[0] == "r" else "", "writable" if mode[1] == "w" else "",
           "executable" if mode[2] == "x" else "", "shared" if mode[3] == "s" else "private (copy-on-write)"]
    figures[1] = figures[1]._replace(meaning=", ".join(word for word in can if word))  # fmt: skip
    return Row((words[0].partition("-")[0], path, path.rpartition("/")[2]), figures)


def _maps(text: str) -> list[Row]:
    return [_maps_row(line) for line in text.splitlines() if re.match(r"[0-9a-f]+-", line)]


def _smaps(text: str) -> list[Row]:
    known, flags = table(meanings.SMAPS), table(meanings.VMFLAGS)
    rows: list[Row] = []
    for line in text.splitlines():
        if re.match(r"[0-9a-f]+-", line):
            rows.append(_maps_row(line))
            continue
        label, colon, value = line.partition(":")
        if not rows or not colon:
            continue
        meaning = known.get(label, "")
        if label == "VmFlags":
            meaning = ", ".join(f"{flag} {flags.get(flag, '')}" for flag in value.split())
        rows[-1].figures.append(Figure(label, " ".join(value.split()), meaning))
    return rows


def _stat(text: str) -> list[Row]:
    known = table(meanings.STAT)
    rows = []
    for line in text.splitlines():
        name, *words = line.split() or [""]
        if not name:
            continue
        key = "cpuN" if re.fullmatch(r"cpu\d+", name) else name
        figures: list[Figure]
        if key in ("cpu", "cpuN"):
            figures = [Figure(name, "", known[key])]
            figures += [Figure(what.partition(" ")[0], word, f"ticks of 1/100 s: {what}")
                        for what, word in zip(meanings.CPU, words, strict=False)]  # fmt: skip
        elif key == "softirq":
            figures = [Figure(what, word, "soft interrupts since boot" if what == "sum" else f"of them {what}")
                       for what, word in zip(meanings.SOFTIRQ, words, strict=False)]  # fmt: skip
        elif key == "intr":
            figures = [Figure("sum", word, "interrupts since boot") for word in words[:1]]
            figures += [Figure(f"line {at}", word, "of them this line's") for at, word in enumerate(words[1:])]
        else:
            figures = [Figure(name, " ".join(words), known.get(name, ""))]
        rows.append(Row((name,), figures))
    return rows


def _pid_stat(text: str) -> list[Row]:
    before, _, after = text.rstrip("\n").rpartition(")")
    pid, _, comm = before.partition(" (")
    return [Row((), _columns(meanings.PID_STAT, [pid, f"({comm})", *after.split()]))]


def _one(known: str) -> Callable[[str], list[Row]]:
    def rows(text: str) -> list[Row]:
        return [Row((), _columns(known, text.split()))]

    return rows


def _swaps(text: str) -> list[Row]:
    lines = [line.split() for line in text.splitlines()[1:]]
    return [Row((words[0],), _columns(meanings.SWAPS, words)) for words in lines if words]


def _vmallocinfo(text: str) -> list[Row]:
    known = table(meanings.VMALLOCINFO)
    rows = []
    for line in text.splitlines():
        words = line.split()
        figures = [Figure("range", words[0], known["range"]), Figure("size", words[1], known["size"])]
        for word in words[2:]:
            name, equals, value = word.partition("=")
            if word in known or equals:
                node = "N" if re.fullmatch(r"N\d+", name) else name
                figures.append(Figure(name, value or word, known.get(node, "")))
            else:
                figures.append(Figure("caller", word, known["caller"]))
        rows.append(Row((words[0].partition("-")[0],), figures))
    return rows


def _free(text: str) -> list[Row]:
    known = table(meanings.FREE)
    heading, *lines = text.splitlines()
    rows = []
    for line in lines:
        label, *words = line.split()
        figures = [Figure(label, "", known[label])]
        names = heading.split() if label != "Comm:" else ["limit", "promised", "left"]
        what = {"limit": "CommitLimit", "promised": "Committed_AS", "left": "CommitLimit less Committed_AS"}
        figures += [Figure(name, word, what.get(name) or known[name]) for name, word in zip(names, words, strict=False)]
        rows.append(Row((label.rstrip(":"),), figures))
    return rows


def _headed(known: str, heading: int) -> Callable[[str], list[Row]]:
    """A tool's table: the names stand in row `heading`."""

    def rows(text: str) -> list[Row]:
        meaning = table(known)
        lines = text.splitlines()
        names = re.findall(r"OBJ SIZE|CACHE SIZE|\S+", lines[heading])
        found = []
        for line in lines[heading + 1 :]:
            words = line.split(None, len(names) - 1)
            if len(words) == len(names) and not words[0].startswith("--"):
                figures = [Figure(n, w.strip(), meaning.get(n, "")) for n, w in zip(names, words, strict=True)]
                found.append(Row((words[-1].strip(), words[0], words[min(1, len(words) - 1)]), figures))
        return found

    return rows


SYSTEM: dict[str, Callable[[str], list[Row]]] = {
    "meminfo": _meminfo, "slabinfo": _slabinfo, "buddyinfo": _buddyinfo, "zoneinfo": _zoneinfo, "vmstat": _vmstat,
    "pagetypeinfo": _pagetypeinfo, "vmallocinfo": _vmallocinfo, "stat": _stat, "swaps": _swaps,
    "loadavg": _one(meanings.LOADAVG), "uptime": _one(meanings.UPTIME),
}  # fmt: skip
PROCESS: dict[str, Callable[[str], list[Row]]] = {
    "maps": _maps, "smaps": _smaps, "smaps_rollup": _smaps, "stat": _pid_stat, "statm": _one(meanings.STATM),
    "status": _status,
}  # fmt: skip
TOOLS: dict[str, tuple[str, Callable[[str], list[Row]]]] = {
    "free": ("free -l -t -v", _free), "vmstat": ("vmstat", _headed(meanings.TOOL_VMSTAT, 1)),
    "slabtop": ("slabtop -o", _headed(meanings.TOOL_SLABTOP, 6)), "top": ("top -b -n 1", _headed(meanings.TOOL_TOP, 6)),
    "pmap": ("pmap -x", _headed(meanings.TOOL_PMAP, 1)), "ps": ("ps aux", _headed(meanings.TOOL_PS, 0)),
}  # fmt: skip
WHOLE = frozenset({"meminfo", "vmstat", "status"})  # one figure a row: without ROW all of them


def find(name: str, tool: bool) -> tuple[str, Callable[[str], list[Row]]]:
    """(path, or the tool's line; its reader). ShellError for a file that is not known here."""
    if tool or (name in TOOLS and name not in SYSTEM):
        if name not in TOOLS:
            raise ShellError(f"there is no tool {name} here (there are {', '.join(sorted(TOOLS))})")
        return TOOLS[name]
    path = name.removeprefix("/proc/").strip("/")
    who, _, leaf = path.rpartition("/")
    if who and re.fullmatch(r"self|\d+", who) and leaf in PROCESS:
        return f"/proc/{path}", PROCESS[leaf]
    if not who and path in SYSTEM:
        return f"/proc/{path}", SYSTEM[path]
    if not who and path in PROCESS:
        return f"/proc/self/{path}", PROCESS[path]
    known = ", ".join(sorted({*SYSTEM, *PROCESS, *TOOLS}))
    raise ShellError(f"no figures of '{name}' are known here (of these they are: {known})")


def chosen(rows: list[Row], wanted: str, whole: bool) -> list[Row]:
    """The rows asked for: by name, by several words (`Normal Movable`), or by number; the first if nothing is said."""
    if not wanted:
        return rows if whole else rows[:1]
    words = re.sub(r"node\s*(\d+)", r"node\1", wanted.lower()).replace(",", " ").split()
    words = [word for word in words if word != "zone"]
    found = [row for row in rows if all(word in [name.lower() for name in row.names] for word in words)]
    if not found and is_digits(wanted) and 1 <= int(wanted) <= len(rows):
        found = [rows[int(wanted) - 1]]
    if not found:
        close = alike(wanted, [name for row in rows for name in row.names], 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ShellError(f"there is no row '{wanted}'{hint}; rows have names, or numbers from 1 to {len(rows)}")
    return found
