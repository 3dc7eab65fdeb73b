"""lscpu: the processors and their caches (util-linux 2.38.1, sys-utils/lscpu.c).

**Known deviations:** nothing is asked of the processor itself, which would name a hypervisor; the least and the highest
frequency are not told; another --sysroot has nothing in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from memsh.procps import smartcols
from memsh.procps.processors import Cpu, Machine, list_text
from memsh.procps.reader import Frames, ProcReader
from memsh.procps.smartcols import Column, Row, Style
from memsh.procps.utillinux import Opt, human_size, program

PARSABLE = (
    "# The following is the parsable format, which can be fed to other\n"
    "# programs. Each different item in every column has an unique ID\n"
    "# starting usually from zero.\n"
)
CPU_COLUMNS = {
    one.name: one
    for one in (
        Column("BOGOMIPS", "crude measurement of CPU speed", True, "n"),
        Column("CPU", "logical CPU number", True, "n"), Column("CORE", "logical core number", True, "n"),
        Column("SOCKET", "logical socket number", True, "n"), Column("CLUSTER", "logical cluster number", True, "n"),
        Column("NODE", "logical NUMA node number", True, "n"), Column("BOOK", "logical book number", True, "n"),
        Column("DRAWER", "logical drawer number", True), Column("CACHE", "shows how caches are shared between CPUs"),
        Column("POLARIZATION", "CPU dispatching mode on virtual hardware"),
        Column("ADDRESS", "physical address of a CPU"),
        Column("CONFIGURED", "shows if the hypervisor has allocated the CPU", kind="b"),
        Column("ONLINE", "shows if Linux currently makes use of the CPU", True, "b"),
        Column("MHZ", "shows the currently MHz of the CPU", True, "n"),
        Column("SCALMHZ%", "shows scaling percentage of the CPU frequency", True),
        Column("MAXMHZ", "shows the maximum MHz of the CPU", True, "n"),
        Column("MINMHZ", "shows the minimum MHz of the CPU", True, "n"),
    )
}  # fmt: skip
CACHE_COLUMNS = {
    one.name: one
    for one in (
        Column("ALL-SIZE", "size of all system caches", True), Column("LEVEL", "cache level", True, "n"),
        Column("NAME", "cache name"), Column("ONE-SIZE", "size of one cache", True), Column("TYPE", "cache type"),
        Column("WAYS", "ways of associativity", True, "n"), Column("ALLOC-POLICY", "allocation policy"),
        Column("WRITE-POLICY", "write policy"),
        Column("PHY-LINE", "number of physical cache line per cache t", True, "n"),
        Column("SETS", "number of sets in the cache; set lines has the same cache index", True, "n"),
        Column("COHERENCY-SIZE", "minimum amount of data in bytes transferred from memory to cache", True, "n"),
    )
}  # fmt: skip
CACHE_DEFAULT = ("NAME", "ONE-SIZE", "ALL-SIZE", "WAYS", "TYPE", "LEVEL", "SETS", "PHY-LINE", "COHERENCY-SIZE")
PARSE_DEFAULT = ("CPU", "CORE", "SOCKET", "NODE", "CACHE")
_LISTS = [
    f"\nAvailable output columns for {options}:\n" + "".join(f" {one.name:>13}  {one.help}\n" for one in table.values())
    for options, table in (("-e or -p", CPU_COLUMNS), ("-C", CACHE_COLUMNS))
]
PROGRAM = program(
    "lscpu", "[options]", "Display information about the CPU architecture.",
    [Opt("a", "all", "", "print both online and offline CPUs (default for -e)"),
     Opt("b", "online", "", "print online CPUs only (default for -p)"),
     Opt("B", "bytes", "", "print sizes in bytes rather than in human readable format"),
     Opt("C", "caches", "[=<list>]", "info about caches in extended readable format"),
     Opt("c", "offline", "", "print offline CPUs only"),
     Opt("J", "json", "", "use JSON for default or extended format"),
     Opt("e", "extended", "[=<list>]", "print out an extended readable format"),
     Opt("p", "parse", "[=<list>]", "print out a parsable format"),
     Opt("s", "sysroot", " <dir>", "use specified directory as system root"),
     Opt("x", "hex", "", "print hexadecimal masks rather than lists of CPUs"),
     Opt("y", "physical", "", "print physical instead of logical IDs"),
     Opt("", "output-all", "", "print all available columns for -e, -p or -C")],
    25, section=1, tail="".join(_LISTS), exclusive=("Cep",),
)  # fmt: skip


class Wanted:
    """What the options asked for. `columns`: None where none were named."""

    def __init__(self, argv: list[str]) -> None:
        self.given: list[str] = []
        self.columns: str | None = None
        operands: list[str] = []
        for option, value in PROGRAM.options(argv, operands):
            self.given.append(option)
            if option in ("C", "e", "p") and value is not None:
                self.columns = value.removeprefix("=")
            if option == "s" and (value or "").rstrip("/"):
                raise PROGRAM.die("failed to determine number of CPUs: /sys/devices/system/cpu/possible: "
                                  "No such file or directory")  # fmt: skip
        self.mode = next((letter for letter in self.given if letter in ("C", "e", "p")), "")
        if operands:
            raise PROGRAM.fail("bad usage")
        if self.has("a", "b", "c") and not self.mode:
            raise PROGRAM.die("options --all, --online and --offline may only be used with options --extended or "
                              "--parse.")  # fmt: skip

    def has(self, *letters: str) -> bool:
        return any(letter in self.given for letter in letters)

    def size(self, size: int, *, long: bool = False) -> str:
        return str(size) if self.has("B") else human_size(size, long=long)

    def chosen(self, table: dict[str, Column], default: tuple[str, ...]) -> list[Column]:
        if self.columns is not None:
            return smartcols.chosen("lscpu", table, self.columns)
        return list(table.values()) if self.has("output-all") else [table[name] for name in default]

    def style(self, name: str) -> Style:
        return Style("J" if self.has("J") else "", name=name)


def frames(reader: ProcReader, argv: list[str], width: int = 80, *, terminal: bool = False) -> Frames:
    """What lscpu prints. On a terminal the summary is a tree, folded at the width."""
    wanted = Wanted(argv)
    try:
        machine = Machine(reader)
    except OSError as error:
        raise PROGRAM.die(f"cannot open /proc/cpuinfo: {error.strerror}") from None
    if wanted.mode == "C":
        yield _cache_table(machine, wanted)
    elif wanted.mode:
        yield (_extended if wanted.mode == "e" else _parse)(machine, wanted)
    else:
        yield _summary(machine, wanted, width if terminal else 0)


CpuCell = Callable[[Machine, Cpu, bool], str]


def _known(value: int) -> str:
    return str(value) if value >= 0 else ""


def _mhz(text: str) -> str:
    return f"{float(text):.4f}" if re.fullmatch(r"\d+(\.\d+)?", text) else ""


def _numbered(own: Callable[[Cpu], int], key: Callable[[Cpu], object]) -> CpuCell:
    """The machine's own id with -y, else a number from zero in the order of appearance."""

    def show(machine: Machine, cpu: Cpu, physical: bool) -> str:
        if physical or own(cpu) < 0:
            return _known(own(cpu))
        return str(list(dict.fromkeys(key(one) for one in machine.cpus)).index(key(cpu)))

    return show


CPU_CELLS: dict[str, CpuCell] = {
    "BOGOMIPS": lambda machine, cpu, physical: cpu.bogomips,
    "CPU": lambda machine, cpu, physical: str(cpu.number),
    "CORE": _numbered(lambda cpu: cpu.core, lambda cpu: cpu.siblings),
    "SOCKET": _numbered(lambda cpu: cpu.socket, lambda cpu: cpu.socket),
    "NODE": lambda machine, cpu, physical: _known(cpu.node),
    "BOOK": _numbered(lambda cpu: cpu.book, lambda cpu: cpu.book),
    "CACHE": lambda machine, cpu, physical: ":".join(map(_known, machine.cache_ids(cpu))),
    "ONLINE": lambda machine, cpu, physical: "yes" if cpu.online else "no",
    "MHZ": lambda machine, cpu, physical: _mhz(cpu.mhz),
}  # fmt: skip
GROUPS = ("NODE", "BOOK", "SOCKET", "CORE")


def _cell(machine: Machine, cpu: Cpu, name: str, wanted: Wanted) -> str:
    return CPU_CELLS[name](machine, cpu, wanted.has("y")) if name in CPU_CELLS else ""


def _shown(machine: Machine, wanted: Wanted, default: str) -> list[Cpu]:
    kinds = [letter for letter in wanted.given if letter in ("a", "b", "c")]
    kind = "a" if "b" in kinds and "c" in kinds else (kinds or [default])[-1]
    return [cpu for cpu in machine.cpus if kind == "a" or cpu.online == (kind == "b")]


def _extended(machine: Machine, wanted: Wanted) -> str:
    have = {name for cpu in machine.cpus for name in GROUPS if _cell(machine, cpu, name, wanted)}
    default = ["CPU", *(name for name in GROUPS if name in have)]
    default += ["CACHE"] * any(cpu.caches for cpu in machine.cpus) + ["ONLINE"]
    columns = wanted.chosen(CPU_COLUMNS, tuple(default))
    shown = [one._replace(name=":".join(machine.caches())) if one.name == "CACHE" else one for one in columns]
    rows = []
    for cpu in _shown(machine, wanted, "a"):
        cells = [_cell(machine, cpu, one.name, wanted) or "-" for one in columns]
        if wanted.has("J"):
            cells = ["" if one.kind == "b" and cell == "-" else cell for one, cell in zip(columns, cells, strict=True)]
        rows.append(Row({one.name: cell for one, cell in zip(shown, cells, strict=True)}))
    return smartcols.text(shown, rows, wanted.style("cpus"))


def _parse(machine: Machine, wanted: Wanted) -> str:
    """Comma-separated; where not all columns are asked for, the caches have a comma between them, too."""
    names = [one.name for one in wanted.chosen(CPU_COLUMNS, PARSE_DEFAULT)]
    between = ":" if wanted.has("output-all") and wanted.columns is None else ","
    kept = ("BOGOMIPS", "CPU", "DRAWER", "SCALMHZ%")

    def line(cell: Callable[[str], str]) -> str:
        parts = [("," if name == "CACHE" and at and between == "," else "") + cell(name)
                 for at, name in enumerate(names)]  # fmt: skip
        return ",".join(parts) + "\n"

    def heading(name: str) -> str:
        return between.join(machine.caches()) if name == "CACHE" else name if name in kept else name.capitalize()

    def of(cpu: Cpu) -> Callable[[str], str]:
        special = {"ONLINE": "Y" if cpu.online else "N", "POLARIZATION": "U"}
        return lambda name: special.get(name) or _cell(machine, cpu, name, wanted).replace(":", between)

    return PARSABLE + "# " + line(heading) + "".join(line(of(cpu)) for cpu in _shown(machine, wanted, "b"))


def _cache_table(machine: Machine, wanted: Wanted) -> str:
    columns = wanted.chosen(CACHE_COLUMNS, CACHE_DEFAULT)

    def short(size: int) -> str:
        return wanted.size(size).removesuffix("B") if size >= 0 else ""

    rows = []
    for name, caches in machine.caches().items():
        one = caches[0]
        rows.append(Row({
            "NAME": name, "ONE-SIZE": short(one.size), "ALL-SIZE": short(sum(cache.size for cache in caches)),
            "WAYS": _known(one.ways), "TYPE": one.kind, "LEVEL": _known(one.level), "SETS": _known(one.sets),
            "PHY-LINE": _known(one.partitions), "COHERENCY-SIZE": _known(one.line),
        }))  # fmt: skip
    return smartcols.text(columns, rows, wanted.style("caches"))


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


class Line(NamedTuple):
    """Of the summary: how deep in the tree, label, value (None of a heading), its label where there is no tree."""

    depth: int
    label: str
    value: str | None = None
    alone: str = ""


def _summary(machine: Machine, wanted: Wanted, width: int) -> str:
    """A tree, folded at `width`; in one column, without headings, where that is 0."""
    info = machine.info
    online, offline = ([cpu.number for cpu in machine.cpus if cpu.online == there] for there in (True, False))
    arch, modes = _architecture(machine)
    lines: list[Line] = []

    def put(depth: int, label: str, value: str, alone: str = "") -> None:
        if value:
            lines.append(Line(depth, label + ":", value, (alone or label) + ":"))

    def cpus(numbers: list[int]) -> str:
        return f"{sum(1 << number for number in numbers):x}" if wanted.has("x") else list_text(numbers)

    kind = "mask" if wanted.has("x") else "list"
    put(0, "Architecture", arch)
    put(1, "CPU op-mode(s)", modes)
    put(1, "Address sizes", info.get("address sizes", ""))
    put(1, "Byte Order", "Little Endian" if arch else "")
    put(0, "CPU(s)", str(len(machine.cpus)))
    put(1, f"On-line CPU(s) {kind}", cpus(online))
    put(1, f"Off-line CPU(s) {kind}", cpus(offline) if offline else "")
    put(0, "Vendor ID", info.get("vendor_id", ""))
    put(1, "BIOS Vendor ID", machine.firmware.vendor)
    put(1, "Model name", info.get("model name", ""))
    put(2, "BIOS Model name", machine.firmware.model)
    put(2, "BIOS CPU family", machine.firmware.family)
    put(2, "CPU family", info.get("cpu family", ""))
    put(2, "Model", info.get("model", ""))
    threads, cores, sockets = _topology(machine)
    put(2, "Thread(s) per core", str(threads))
    put(2, "Core(s) per socket", str(cores))
    put(2, "Socket(s)", str(sockets))
    put(2, "Stepping", info.get("stepping", ""))
    put(2, "BogoMIPS", info.get("bogomips", "") or info.get("BogoMIPS", ""))
    put(2, "Flags", info.get("flags", "") or info.get("Features", ""))
    flags = info.get("flags", "").split()
    virtual = "VT-x" if "vmx" in flags else "AMD-V" if "svm" in flags else ""
    if virtual:
        lines.append(Line(0, "Virtualization features:"))
        put(1, "Virtualization", virtual)
    caches = machine.caches()
    if caches:
        lines.append(Line(0, "Caches (sum of all):"))
    for name, found in caches.items():
        size, count = wanted.size(sum(cache.size for cache in found), long=True), len(found)
        put(1, name, f"{size} ({count} instance{'s' * (count > 1)})", f"{name} cache")
    if machine.nodes:
        lines.append(Line(0, "NUMA:"))
        put(1, "NUMA node(s)", str(len(machine.nodes)))
    for node, numbers in machine.nodes.items():
        label = f"NUMA node{node} CPU(s):"
        lines.append(Line(1, label, cpus(numbers), label))
    names = [name for name in machine.names("cpu/vulnerabilities") if name.isprintable()]
    if names:
        lines.append(Line(0, "Vulnerabilities:"))
    for name in sorted(names):
        label = name.replace("_", " ").capitalize()
        put(1, label, _mitigation(machine.text(f"cpu/vulnerabilities/{name}")), f"Vulnerability {label}")
    if not width:
        lines = [Line(0, line.alone, line.value) for line in lines if line.value is not None]
    if wanted.has("J"):
        columns = [Column("FIELD", ""), Column("DATA", "")]
        return smartcols.text(columns, _rows(lines), Style("J", name="lscpu", lined=True))
    return _tree(lines, width)


def _rows(lines: list[Line]) -> list[Row]:
    top: list[Row] = []
    above: list[Row] = []
    for line in lines:
        row = Row({"FIELD": line.label, "DATA": line.value})
        (above[line.depth - 1].below if line.depth else top).append(row)
        above = [*above[: line.depth], row]
    return top


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
    """Label and value in two columns; a long value goes on below itself, unless there is no width."""
    first = max(len(line.label) + 2 * line.depth for line in lines) + 1
    out = []
    for line in lines:
        head = f"{'  ' * line.depth + line.label:<{first}}"
        value = line.value or ""
        room = max(width - first, 16) if width else len(value) + 1
        parts = [value[at : at + room] for at in range(0, len(value), room)] or [""]
        out.append(f"{head}{parts[0]}\n" + "".join(f"{'':{first}}{part}\n" for part in parts[1:]))
    return "".join(out)
