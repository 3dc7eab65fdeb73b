"""lscpu: the processors and their caches, from /proc/cpuinfo and /sys (util-linux 2.38.1, sys-utils/lscpu.c).

Known deviations: it always writes as on a terminal (a tree, folded at the width); BIOS lines come from firmware tables,
which no tree holds; frequencies are shown where the tree has cpufreq files. -J, -x, -r and -s are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.procps.options import Grammar
from memsh.procps.reader import Exit, Frames, ProcReader

SYSTEM = "/sys/devices/system"
USAGE = (
    "\nUsage:\n lscpu [options]\n\nDisplay information about the CPU architecture.\n\nOptions:\n"
    " -a, --all               print both online and offline CPUs (default for -e)\n"
    " -b, --online            print online CPUs only (default for -p)\n"
    " -B, --bytes             print sizes in bytes rather than in human readable format\n"
    " -C, --caches[=<list>]   info about caches in extended readable format\n"
    " -c, --offline           print offline CPUs only\n"
    " -e, --extended[=<list>] print out an extended readable format\n"
    " -p, --parse[=<list>]    print out a parsable format\n"
    " -y, --physical          print physical instead of logical IDs\n"
    "\n -h, --help              display this help\n -V, --version           display version\n"
)
GRAMMAR = Grammar(
    "lscpu",
    "abBC::ce::p::yhV",
    {
        "all": "a", "online": "b", "bytes": "B", "caches?": "C", "offline": "c", "extended?": "e", "parse?": "p",
        "physical": "y", "help": "h", "version": "V",
    },
    USAGE,
)  # fmt: skip
PARSABLE = (
    "# The following is the parsable format, which can be fed to other\n"
    "# programs. Each different item in every column has an unique ID\n"
    "# starting usually from zero.\n"
)


class CpuCache(NamedTuple):
    """One cache of one CPU; sizes in bytes, -1 where the tree is silent."""

    name: str
    kind: str
    level: int
    size: int
    ways: int
    sets: int
    partitions: int
    line: int
    id: int
    shared: str


@dataclass
class Cpu:
    """One logical CPU: its numbers (-1: unknown) and caches by index."""

    number: int
    online: bool = True
    core: int = -1
    socket: int = -1
    book: int = -1
    node: int = -1
    caches: list[CpuCache] = field(default_factory=list)
    siblings: str = ""


def cpu_list(text: str) -> list[int]:
    """`0-3,8` as numbers."""
    found: list[int] = []
    for part in text.strip().split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if match:
            first, last = int(match[1]), int(match[2] or match[1])
            found += range(first, min(last, first + 65535) + 1)
    return found


def node_of_cpu(reader: ProcReader, cpu: int) -> int | None:
    """The node that a CPU belongs to; None if the tree has no folder of nodes."""
    try:
        names = [name for name in reader.listdir(f"{SYSTEM}/node") if re.fullmatch(r"node\d+", name)]
        return next((int(n[4:]) for n in names if cpu in cpu_list(reader.read(f"{SYSTEM}/node/{n}/cpulist"))), None)
    except OSError:
        return None


def list_text(numbers: list[int]) -> str:
    """Numbers as util-linux writes a list: runs of three and more as a range."""
    parts: list[str] = []
    at = 0
    while at < len(numbers):
        end = at
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        if end - at >= 2:
            parts.append(f"{numbers[at]}-{numbers[end]}")
        else:
            parts += map(str, numbers[at : end + 1])
        at = end + 1
    return ",".join(parts)


def size_text(size: int, in_bytes: bool) -> str:
    """`256 KiB`: one decimal at most."""
    if in_bytes:
        return str(size)
    power = 0
    while power < 6 and size >= 1 << (10 * (power + 1)):
        power += 1
    whole, rest = size >> (10 * power), size & ((1 << (10 * power)) - 1)
    tenths = (rest * 10 + (1 << (10 * power) >> 1)) >> (10 * power) if power else 0
    if tenths == 10:
        whole, tenths = whole + 1, 0
    unit = f"{'KMGTPE'[power - 1]}iB" if power else "B"
    return f"{whole}.{tenths} {unit}" if tenths else f"{whole} {unit}"


class Machine:
    """What the tree says about its processors."""

    def __init__(self, reader: ProcReader) -> None:
        self.reader = reader
        blocks = [block for block in re.split(r"\n\s*\n", reader.read("/proc/cpuinfo")) if block.strip()]
        self.info: dict[str, str] = {}
        numbers: list[int] = []
        tables: dict[int, dict[str, str]] = {}
        for block in blocks:
            table = {}
            for line in block.splitlines():
                label, colon, value = line.partition(":")
                if colon:
                    table[label.strip()] = value.strip()
            self.info = self.info or table
            if is_digits(table.get("processor", "")):
                numbers.append(int(table["processor"]))
                tables[numbers[-1]] = table
        present = cpu_list(self.text("cpu/possible")) or numbers
        online = set(cpu_list(self.text("cpu/online")) or numbers)
        if not self.text("cpu/present"):
            present = numbers
        else:
            present = [number for number in present if number in set(cpu_list(self.text("cpu/present")))]
        self.nodes = self._nodes()
        self.cpus = [self._cpu(number, number in online, tables.get(number, {})) for number in present]

    def text(self, path: str) -> str:
        try:
            return self.reader.read(f"{SYSTEM}/{path}").strip()
        except (OSError, ValueError):
            return ""

    def number(self, path: str, default: int = -1) -> int:
        text = self.text(path)
        return int(text) if re.fullmatch(r"-?\d+", text) else default

    def names(self, path: str) -> list[str]:
        try:
            return self.reader.listdir(f"{SYSTEM}/{path}")
        except (OSError, ValueError):
            return []

    def _nodes(self) -> dict[int, list[int]]:
        found = {}
        for name in self.names("node"):
            if re.fullmatch(r"node\d+", name):
                found[int(name[4:])] = cpu_list(self.text(f"node/{name}/cpulist"))
        return dict(sorted(found.items()))

    def _cpu(self, number: int, online: bool, table: dict[str, str]) -> Cpu:
        here = f"cpu/cpu{number}"
        one = Cpu(number, online)
        one.core = self.number(f"{here}/topology/core_id", _digits(table.get("core id", "")))
        one.socket = self.number(f"{here}/topology/physical_package_id", _digits(table.get("physical id", "")))
        one.book = self.number(f"{here}/topology/book_id")
        one.siblings = self.text(f"{here}/topology/thread_siblings_list") or str(number)
        one.node = next((node for node, cpus in self.nodes.items() if number in cpus), -1)
        for at in sorted(int(name[5:]) for name in self.names(f"{here}/cache") if re.fullmatch(r"index\d+", name)):
            one.caches.append(self._cache(f"{here}/cache/index{at}", number))
        return one

    def _cache(self, path: str, cpu: int) -> CpuCache:
        kind = self.text(f"{path}/type")
        level = self.number(f"{path}/level")
        letter = {"Data": "d", "Instruction": "i"}.get(kind, "")
        size = re.fullmatch(r"(\d+)([KMG]?)", self.text(f"{path}/size"))
        return CpuCache(
            f"L{level}{letter}", kind, level,
            int(size[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[size[2]] if size else -1,
            self.number(f"{path}/ways_of_associativity"), self.number(f"{path}/number_of_sets"),
            self.number(f"{path}/physical_line_partition"), self.number(f"{path}/coherency_line_size"),
            self.number(f"{path}/id"), self.text(f"{path}/shared_cpu_list") or str(cpu),
        )  # fmt: skip

    def caches(self) -> dict[str, list[CpuCache]]:
        """Each kind of cache with its instances (told apart by their id, else by the CPUs that share them)."""
        found: dict[str, dict[int | str, CpuCache]] = {}
        for cpu in self.cpus:
            for cache in cpu.caches:
                found.setdefault(cache.name, {}).setdefault(cache.id if cache.id >= 0 else cache.shared, cache)
        return {name: list(found[name].values()) for name in sorted(found)}


    def cache_ids(self, cpu: Cpu) -> list[int]:
        """Of each kind of cache the id of the first instance that the CPU has a share in."""
        found = []
        for name, caches in self.caches().items():
            if any(cache.name == name for cache in cpu.caches):
                found.append(next((c.id for c in caches if cpu.number in cpu_list(c.shared)), -1))
        return found


def _digits(text: str) -> int:
    return int(text) if is_digits(text) else -1


def frames(reader: ProcReader, argv: list[str], width: int = 80) -> Frames:
    """What lscpu prints."""
    mode, columns, chosen, in_bytes = "", "", "", False
    operands: list[str] = []
    for option, value in GRAMMAR.options(argv, operands):
        if option == "h":
            raise GRAMMAR.help()
        if option == "V":
            raise Exit(0, stdout="lscpu from util-linux 2.38.1\n")
        if option in "Cep":
            if mode and mode != option:
                raise GRAMMAR.die("options --caches, --extended and --parse are mutually exclusive")
            mode, columns = option, (value or "").removeprefix("=")
        elif option in "abcy":
            chosen += option
        else:
            in_bytes = True
    if operands:
        raise Exit(1, "lscpu: bad usage\nTry 'lscpu --help' for more information.\n")
    if chosen.replace("y", "") and mode not in ("e", "p"):
        raise GRAMMAR.die("options --all, --online and --offline may only be used with options --extended or --parse.")
    try:
        machine = Machine(reader)
    except OSError as error:
        raise GRAMMAR.die(f"cannot open /proc/cpuinfo: {error.strerror}") from None
    if mode == "C":
        yield _cache_table(machine, columns, in_bytes)
    elif mode:
        yield (_extended if mode == "e" else _parse)(machine, columns, chosen)
    else:
        yield _summary(machine, width, in_bytes)


CpuColumn = Callable[[Machine, Cpu, bool], str]


def _known(value: int) -> str:
    return str(value) if value >= 0 else ""


def _numbered(own: Callable[[Cpu], int], key: Callable[[Cpu], object]) -> CpuColumn:
    """The machine's own id with -y, else a number from zero in the order of appearance."""

    def show(machine: Machine, cpu: Cpu, physical: bool) -> str:
        if physical or own(cpu) < 0:
            return _known(own(cpu))
        return str(list(dict.fromkeys(key(one) for one in machine.cpus)).index(key(cpu)))

    return show


CPU_COLUMNS: dict[str, CpuColumn] = {
    "CPU": lambda machine, cpu, physical: str(cpu.number),
    "CORE": _numbered(lambda cpu: cpu.core, lambda cpu: cpu.siblings),
    "SOCKET": _numbered(lambda cpu: cpu.socket, lambda cpu: cpu.socket),
    "NODE": lambda machine, cpu, physical: _known(cpu.node),
    "BOOK": _numbered(lambda cpu: cpu.book, lambda cpu: cpu.book),
    "CACHE": lambda machine, cpu, physical: ":".join(map(_known, machine.cache_ids(cpu))),
    "ONLINE": lambda machine, cpu, physical: "yes" if cpu.online else "no",
}


GROUPS = ("NODE", "BOOK", "SOCKET", "CORE")


def _chosen(columns: str, table: dict[str, CpuColumn]) -> list[str]:
    names = [name.upper() for name in columns.split(",")]
    for name in names:
        if name not in table:
            raise GRAMMAR.die(f"unknown column: {name}")
    return names


def _shown(machine: Machine, chosen: str, default: str) -> list[Cpu]:
    chosen = chosen.replace("y", "")
    kind = chosen[-1:] or default
    if "b" in chosen and "c" in chosen:
        kind = "a"
    return [cpu for cpu in machine.cpus if kind == "a" or cpu.online == (kind == "b")]


def _extended(machine: Machine, columns: str, chosen: str) -> str:
    if columns:
        names = _chosen(columns, CPU_COLUMNS)
    else:
        have = {name for cpu in machine.cpus for name in GROUPS if CPU_COLUMNS[name](machine, cpu, False)}
        names = ["CPU", *(name for name in GROUPS if name in have)]
        names += ["CACHE"] * any(cpu.caches for cpu in machine.cpus) + ["ONLINE"]
    heads = [":".join(machine.caches()) if name == "CACHE" else name for name in names]
    physical = "y" in chosen
    rows = [[CPU_COLUMNS[n](machine, cpu, physical) or "-" for n in names] for cpu in _shown(machine, chosen, "a")]
    return _table(heads, rows, [name == "CACHE" for name in names])


def _table(heads: list[str], rows: list[list[str]], left: list[bool]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    lines = []
    for row in [heads, *rows]:
        cells = [f"{c:<{size}}" if keep else f"{c:>{size}}" for c, size, keep in zip(row, widths, left, strict=True)]
        lines.append(" ".join(cells).rstrip() + "\n")
    return "".join(lines)


def _parse(machine: Machine, columns: str, chosen: str) -> str:
    names = _chosen(columns, CPU_COLUMNS) if columns else ["CPU", "CORE", "SOCKET", "NODE", "CACHE"]
    spelt = {"CPU": "CPU", "ONLINE": "Online", "CACHE": ",".join(["", *machine.caches()])}
    lines = [PARSABLE, "# " + ",".join(spelt.get(name, name.capitalize()) for name in names) + "\n"]
    for cpu in _shown(machine, chosen, "b"):
        cells = []
        for name in names:
            text = CPU_COLUMNS[name](machine, cpu, "y" in chosen)
            if name == "CACHE":
                text = "," + text.replace(":", ",")
            elif name == "ONLINE":
                text = "Y" if cpu.online else "N"
            cells.append(text)
        lines.append(",".join(cells) + "\n")
    return "".join(lines)


CACHE_COLUMNS = ("NAME", "ONE-SIZE", "ALL-SIZE", "WAYS", "TYPE", "LEVEL", "SETS", "PHY-LINE", "COHERENCY-SIZE")


def _cache_table(machine: Machine, columns: str, in_bytes: bool) -> str:
    names = [name.upper() for name in columns.split(",")] if columns else list(CACHE_COLUMNS)
    for name in names:
        if name not in CACHE_COLUMNS:
            raise GRAMMAR.die(f"unknown column: {name}")

    def short(size: int) -> str:
        return size_text(size, in_bytes).replace(" ", "").removesuffix("iB").removesuffix("B") if size >= 0 else ""

    rows = []
    for name, caches in machine.caches().items():
        one = caches[0]
        cells = (name, short(one.size), short(sum(cache.size for cache in caches)), _known(one.ways), one.kind,
                 _known(one.level), _known(one.sets), _known(one.partitions), _known(one.line))  # fmt: skip
        row = dict(zip(CACHE_COLUMNS, cells, strict=True))
        rows.append([row[column] for column in names])
    return _table(names, rows, [name in ("NAME", "TYPE") for name in names])


def _architecture(machine: Machine) -> tuple[str, str]:
    """(name, operating modes): from the flags of an x86 processor, or from the kernel's own word."""
    flags = machine.info.get("flags", "").split()
    if flags:
        wide = "lm" in flags
        try:
            arch = machine.reader.read("/proc/sys/kernel/arch").strip()
        except OSError:
            arch = "x86_64" if wide else "i686"
        return arch, "32-bit, 64-bit" if wide else "32-bit"
    if "CPU implementer" in machine.info:
        return "aarch64", "64-bit"
    return "", ""


Line = tuple[int, str, str]


def _summary(machine: Machine, width: int, in_bytes: bool) -> str:
    info = machine.info
    online = [cpu.number for cpu in machine.cpus if cpu.online]
    offline = [cpu.number for cpu in machine.cpus if not cpu.online]
    arch, modes = _architecture(machine)
    lines: list[Line] = []

    def put(depth: int, label: str, value: str) -> None:
        if value:
            lines.append((depth, label, value))

    put(0, "Architecture:", arch)
    put(1, "CPU op-mode(s):", modes)
    put(1, "Address sizes:", info.get("address sizes", ""))
    put(1, "Byte Order:", "Little Endian" if arch else "")
    put(0, "CPU(s):", str(len(machine.cpus)))
    put(1, "On-line CPU(s) list:", list_text(online))
    put(1, "Off-line CPU(s) list:", list_text(offline))
    put(0, "Vendor ID:", info.get("vendor_id", ""))
    put(1, "Model name:", info.get("model name", ""))
    put(2, "CPU family:", info.get("cpu family", ""))
    put(2, "Model:", info.get("model", ""))
    threads, cores, sockets = _topology(machine)
    put(2, "Thread(s) per core:", str(threads))
    put(2, "Core(s) per socket:", str(cores))
    put(2, "Socket(s):", str(sockets))
    put(2, "Stepping:", info.get("stepping", ""))
    put(2, "BogoMIPS:", info.get("bogomips", "") or info.get("BogoMIPS", ""))
    put(2, "Flags:", info.get("flags", "") or info.get("Features", ""))
    flags = info.get("flags", "").split()
    virtual = "VT-x" if "vmx" in flags else "AMD-V" if "svm" in flags else ""
    if virtual:
        lines += [(0, "Virtualization features:", ""), (1, "Virtualization:", virtual)]
    caches = machine.caches()
    if caches:
        lines.append((0, "Caches (sum of all):", ""))
    for name, found in caches.items():
        count = len(found)
        put(1, f"{name}:", f"{size_text(sum(c.size for c in found), in_bytes)} ({count} instance{'s' * (count > 1)})")
    if machine.nodes:
        lines += [(0, "NUMA:", ""), (1, "NUMA node(s):", str(len(machine.nodes)))]
        lines += [(1, f"NUMA node{node} CPU(s):", list_text(cpus)) for node, cpus in machine.nodes.items()]
    names = [name for name in machine.names("cpu/vulnerabilities") if name.isprintable()]
    if names:
        lines.append((0, "Vulnerabilities:", ""))
    for name in sorted(names):
        put(1, name.replace("_", " ").capitalize() + ":", _mitigation(machine.text(f"cpu/vulnerabilities/{name}")))
    return _tree(lines, width)


def _mitigation(text: str) -> str:
    if not text.startswith("Mitigation"):
        return text
    return text.replace(":", ";", 1).replace(":", "")


def _topology(machine: Machine) -> tuple[int, int, int]:
    online = [cpu for cpu in machine.cpus if cpu.online] or machine.cpus
    cores = {cpu.siblings for cpu in online}
    sockets = len({cpu.socket for cpu in online})
    return max(1, len(online) // max(1, len(cores))), max(1, len(cores) // max(1, sockets)), sockets


def _tree(lines: list[Line], width: int) -> str:
    """Label and value in two columns; a long value goes on below itself."""
    first = max(len(label) + 2 * depth for depth, label, _ in lines) + 1
    room = max(width - first, 16)
    out = []
    for depth, label, value in lines:
        head = f"{'  ' * depth + label:<{first}}"
        parts = [value[at : at + room] for at in range(0, len(value), room)] or [""]
        out.append(f"{head}{parts[0]}\n" + "".join(f"{'':{first}}{part}\n" for part in parts[1:]))
    return "".join(out)
