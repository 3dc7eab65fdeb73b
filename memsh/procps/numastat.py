"""numastat: memory by node, of the system and of processes (numactl 2.0.16, numastat.c).

Known deviations: standard output is never a terminal of unknown width here: NUMASTAT_WIDTH is the screen's own.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.procps.figures import page_size
from memsh.procps.options import Grammar
from memsh.procps.processes import escape
from memsh.procps.reader import Exit, Frames, ProcReader
from memsh.proctext.labels import pairs

NODES = "/sys/devices/system/node"
USAGE = (
    "Usage: numastat [-c] [-m] [-n] [-p <PID>|<pattern>] [-s[<node>]] [-v] [-V] [-z] [ <PID>|<pattern>... ]\n"
    "-c to minimize column widths\n"
    "-m to show meminfo-like system-wide memory usage\n"
    "-n to show the numastat statistics info\n"
    "-p <PID>|<pattern> to show process info\n"
    "-s[<node>] to sort data by total column or <node>\n"
    "-v to make some reports more verbose\n"
    "-V to show the numastat code version\n"
    "-z to skip rows and columns of zeros\n"
)
GRAMMAR = Grammar("numastat", "cmnp:s::vVz?", {"help": "?"}, USAGE)
COUNTERS = ("numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node", "other_node")
_SYSTEM = (
    "MemTotal MemFree MemUsed HighTotal HighFree LowTotal LowFree Active Inactive Active(anon) Inactive(anon) "
    "Active(file) Inactive(file) Unevictable Mlocked Dirty Writeback FilePages Mapped AnonPages Shmem KernelStack "
    "PageTables NFS_Unstable Bounce WritebackTmp Slab SReclaimable SUnreclaim AnonHugePages ShmemHugePages "
    "ShmemPmdMapped HugePages_Total HugePages_Free HugePages_Surp KReclaimable"
)
SYSTEM = _SYSTEM.split()
CATEGORIES = ("huge", "heap", "stack", "")
LABELS = ("Huge", "Heap", "Stack", "Private")
MB = 1 << 20


class Settings(NamedTuple):
    """What the options ask for."""

    compress: bool = False
    zeros: bool = True
    sort: bool = False
    sort_node: int = -1
    verbose: bool = False


class Line(NamedTuple):
    """A row of a table: label, and a figure for each node and their sum; None: the node has no such figure."""

    label: str
    cells: list[float | None]


def nodes(reader: ProcReader) -> list[int]:
    """The numbers of the nodes, rising. Raises OSError without the folder."""
    found = sorted(int(name[4:]) for name in reader.listdir(NODES) if re.fullmatch(r"node\d+", name))
    if not found:
        raise FileNotFoundError(2, "No such file or directory", NODES)
    return found


def frames(reader: ProcReader, argv: list[str], width: int = 80) -> Frames:
    """What numastat prints; without words as the old script did."""
    settings, asked, patterns = Settings(), "", []
    operands: list[str] = []
    for option, value in GRAMMAR.options(argv, operands):
        if option == "?":
            raise GRAMMAR.fail()
        if option == "V":
            raise Exit(0, stdout="numastat version: 20130723: Feb  4 2023\n")
        if option in "mn":
            asked += option
        elif option == "p":
            patterns.append(value or "")
        elif option == "s":
            node = int(value or 0) if re.fullmatch("[0-9]+", value or "") else -1
            settings = settings._replace(sort=True, sort_node=node)
        else:
            settings = settings._replace(
                compress=settings.compress or option == "c", verbose=settings.verbose or option == "v",
                zeros=settings.zeros and option != "z",
            )  # fmt: skip
    pids = sorted({pid for pattern in [*patterns, *operands] for pid in _pids(reader, pattern)})
    missing = [pattern for pattern in [*patterns, *operands] if not _pids(reader, pattern)]
    yield "".join(f'Found no processes containing pattern: "{pattern}"\n' for pattern in missing)
    try:
        found = nodes(reader)
    except OSError as error:
        where = "Couldn't open /sys/devices/system/node" if argv else "sysfs not mounted or system not NUMA aware"
        raise Exit(1, f"{where}: {error.strerror}\n") from None
    if not argv:
        yield _old(reader, found, width)
        return
    if pids:
        yield from _processes(reader, found, pids, settings, width)
    if "m" in asked:
        yield _system(reader, found, "meminfo", settings, width)
    if "n" in asked or not (pids or "m" in asked):
        yield _system(reader, found, "numastat", settings, width)


def _pids(reader: ProcReader, pattern: str) -> list[int]:
    if is_digits(pattern):
        return [int(pattern)]
    found = []
    for name in reader.listdir("/proc"):
        if is_digits(name):
            try:
                line = reader.read(f"/proc/{name}/cmdline").replace("\0", " ")
            except OSError:
                line = ""
            if pattern in f"{_name(reader, int(name))} {line}":
                found.append(int(name))
    return found


def _name(reader: ProcReader, pid: int) -> str:
    try:
        text = reader.read(f"/proc/{pid}/status")
    except OSError:
        return "(null)"
    match = re.match(r"Name:\s*(.*)", text)
    return escape(match[1]) if match else "(null)"


def _file(reader: ProcReader, node: int, name: str) -> str:
    path = f"{NODES}/node{node}/{name}"
    try:
        return reader.read(path)
    except OSError as error:
        raise Exit(1, f"cannot open {path}: {error.strerror}\n") from None


def _old(reader: ProcReader, found: list[int], width: int) -> str:
    tables = [pairs(_file(reader, node, "numastat")) for node in found]
    rows = [Line(name, [float(table[name]) for table in tables]) for name in COUNTERS if all(name in t for t in tables)]
    heads = [f"node{node}" for node in found]
    out = []
    most = max(1, (max(width, 32) - 16) // 16)
    for at in range(0, len(found), most):
        out.append(" " * 16 + "".join(f"{head:>16}" for head in heads[at : at + most]) + "\n")
        for row in rows:
            out.append(f"{row.label:<16}" + "".join(f"{c or 0:16.0f}" for c in row.cells[at : at + most]) + "\n")
    return "\n".join("".join(out[at : at + 1 + len(rows)]) for at in range(0, len(out), 1 + len(rows)))


def _system(reader: ProcReader, found: list[int], name: str, settings: Settings, width: int) -> str:
    known = SYSTEM if name == "meminfo" else list(COUNTERS)
    what = "system memory usage" if name == "meminfo" else "numastat info"
    out = [f"\nPer-node {what} (in MBs):\n"]
    page, huge = page_size(reader), pairs(reader.read("/proc/meminfo"), ":").get("Hugepagesize", 0) << 10
    table: dict[str, list[float | None]] = {label: [None] * (len(found) + 1) for label in known}
    for column, node in enumerate(found):
        for line in _file(reader, node, name).splitlines():
            words = line.replace(":", " ").split()
            first = 2 if name == "meminfo" else 0
            if len(words) < first + 2 or not is_digits(words[first + 1]):
                continue
            label, value = words[first], int(words[first + 1])
            if label not in table:
                out.append(f"Token {escape(label)} not in hash table.\n")
                continue
            unit = 1024 if words[-1] == "kB" else huge if label.startswith("HugePages") else page
            table[label][column] = value * unit / MB
            table[label][-1] = (table[label][-1] or 0.0) + value * unit / MB
    seen = {label: cells for label, cells in table.items() if any(cell is not None for cell in cells)}
    rows = [Line(label if name == "meminfo" else label.title(), cells) for label, cells in seen.items()]
    return "".join(out) + _table("", _sorted(rows, settings, len(found)), found, settings, width, 16)


def _sorted(rows: list[Line], settings: Settings, count: int) -> list[Line]:
    if not settings.sort:
        return rows
    column = settings.sort_node if 0 <= settings.sort_node < count else count
    return sorted(rows, key=lambda row: row.cells[column] or 0.0, reverse=True)


def _numa_maps(reader: ProcReader, pid: int, found: list[int]) -> list[list[float]] | None:
    """MB by category (huge, heap, stack, the rest) and node; None if the file cannot be read."""
    page, huge = page_size(reader), pairs(reader.read("/proc/meminfo"), ":").get("Hugepagesize", 0) << 10
    try:
        text = reader.read(f"/proc/{pid}/numa_maps")
    except OSError:
        return None
    sums = [[0.0] * len(found) for _ in CATEGORIES]
    for line in text.splitlines():
        category = 3
        for word in line.split():
            if category == 3:
                category = next((at for at in range(3) if word.startswith(CATEGORIES[at])), 3)
            match = re.fullmatch(r"N(\d+)=(\d+)", word)
            if match and int(match[1]) in found:
                sums[category][found.index(int(match[1]))] += int(match[2]) * (page if category else huge) / MB
    return sums


def _processes(reader: ProcReader, found: list[int], pids: list[int], settings: Settings, width: int) -> Frames:
    apart = settings.verbose or len(pids) == 1
    if not apart:
        yield "\nPer-node process memory usage (in MBs)\n"
    rows: list[Line] = []
    for pid in pids:
        sums = _numa_maps(reader, pid, found)
        if apart:
            yield f"\nPer-node process memory usage (in MBs) for PID {pid} ({_name(reader, pid)})\n"
        if sums is None:
            raise Exit(0 if apart else 1, f"Can't read /proc/{pid}/numa_maps: No such file or directory\n")
        if apart:
            table = [Line(label, [*cells, sum(cells)]) for label, cells in zip(LABELS, sums, strict=True)]
            yield _table("", [*_sorted(table, settings, len(found)), *_total(table)], found, settings, width, 24)
        else:
            cells = [sum(column) for column in zip(*sums, strict=True)]
            rows.append(Line(f"{pid} ({_name(reader, pid)})", [*cells, sum(cells)]))
    if not apart:
        yield _table("PID", [*_sorted(rows, settings, len(found)), *_total(rows)], found, settings, width, 24)


def _total(rows: list[Line]) -> list[Line]:
    columns = zip(*(row.cells for row in rows), strict=True)
    sums: list[float | None] = [sum(cell or 0.0 for cell in column) for column in columns]
    return [Line("-", []), Line("Total", sums)]


def _table(corner: str, rows: list[Line], found: list[int], settings: Settings, width: int, most: int) -> str:
    """Rows under `Node N` and `Total`, folded at the width; a row labelled "-" is a rule."""
    heads = [*(f"Node {node}" for node in found), "Total"]
    if not settings.zeros:
        keep = [at for at in range(len(heads)) if any(row.cells and row.cells[at] for row in rows)]
        rows = [row for row in rows if not row.cells or any(row.cells)]
        if not keep:
            return "Table has no non-zero data.\n"
    else:
        keep = list(range(len(heads)))
    places = 0 if settings.compress else 2

    def text(cell: float | None) -> str:
        return "" if cell is None else f"{cell:.{places}f}"

    labels = [corner, *(row.label for row in rows if row.label != "-")]
    label_width = 16
    if settings.compress:
        label_width = min(16, max(4, *map(len, labels)) + 1)
    elif most > 16:
        label_width = min(24, max(16, *map(len, labels)) + 1)
    sizes = [16] * len(heads)
    if settings.compress:
        texts = [[head, *(text(row.cells[at]) for row in rows if row.cells)] for at, head in enumerate(heads)]
        sizes = [min(16, max(4, *map(len, column)) + 1) for column in texts]
    parts: list[list[int]] = [[]]
    used = label_width
    for at in keep:
        if parts[-1] and used + sizes[at] > max(width, 32):
            parts.append([])
            used = label_width
        parts[-1].append(at)
        used += sizes[at]
    out = []
    for part in parts:
        lines = [f"{corner:<{label_width}}" + "".join(f"{heads[at]:>{sizes[at]}}" for at in part)]
        left = "-" * (label_width - 1) if corner else ""
        lines.append(f"{left:<{label_width}}" + "".join(f"{'-' * (sizes[at] - 1):>{sizes[at]}}" for at in part))
        for row in rows:
            if row.cells:
                cells = "".join(f"{text(row.cells[at]):>{sizes[at]}}" for at in part)
                lines.append(f"{row.label[:label_width]:<{label_width}}" + cells)
            else:
                rule = "-" * (label_width - 1)
                lines.append(f"{rule:<{label_width}}" + "".join(f"{'-' * (sizes[at] - 1):>{sizes[at]}}" for at in part))
        out.append("".join(f"{line}\n" for line in lines))
    return "\n".join(out)
