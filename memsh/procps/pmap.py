"""pmap: the memory map of processes (procps-ng 4.0.2, src/pmap.c).

Known deviations: no configuration file (-c, -C, -n and -N say that it cannot be read or made); the device of System V's
shared memory is not looked for by making a segment: any file /SYSV… on a device without a driver is one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from memsh.digits import is_digits
from memsh.procps.options import Grammar, usage
from memsh.procps.processes import Process, process
from memsh.procps.reader import Exit, Frames, ProcReader, Result, finish

USAGE = usage(
    "pmap",
    "[options] PID [PID ...]",
    " -x, --extended              show details\n"
    " -X                          show even more details\n"
    "            WARNING: format changes according to /proc/PID/smaps\n"
    " -XX                         show everything the kernel provides\n"
    " -c, --read-rc               read the default rc\n"
    " -C, --read-rc-from=<file>   read the rc from file\n"
    " -n, --create-rc             create new default rc\n"
    " -N, --create-rc-to=<file>   create new rc to file\n"
    "            NOTE: pid arguments are not allowed with -n, -N\n"
    " -d, --device                show the device format\n"
    " -q, --quiet                 do not display header and footer\n"
    " -p, --show-path             show path in the mapping\n"
    " -A, --range=<low>[,<high>]  limit results to the given range\n\n",
    "\nFor more details see pmap(1).\n",
)
GRAMMAR = Grammar(
    "pmap",
    "xXrdqA:hVcC:nN:p",
    {
        "extended": "x",
        "device": "d",
        "quiet": "q",
        "range=": "A",
        "help": "h",
        "version": "V",
        "read-rc": "c",
        "read-rc-from=": "C",
        "create-rc": "n",
        "create-rc-to=": "N",
        "show-path": "p",
    },
    USAGE,
)
UNIMPORTANT = {
    "AnonHugePages", "KernelPageSize", "MMUPageSize", "Shared_Dirty", "Private_Dirty", "Shared_Clean", "Private_Clean",
    "VmFlags",
}  # fmt: skip
_AREA = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) ([0-9]+) *(.*)")
_DETAIL = re.compile(r"([^:]{1,31}):\s*([0-9]{1,20}) *(?:kB)?\s*$")


@dataclass(slots=True)
class Settings:
    """What the options asked for."""

    extended: bool = False
    device: bool = False
    quiet: bool = False
    path: bool = False
    more: int = 0
    low: int = 0
    high: int = (1 << 64) - 1
    complaints: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Area:
    """One mapping: its line of maps, and under it the details of smaps."""

    line: str
    start: int
    end: int
    perms: str
    offset: int
    major: int
    minor: int
    words: tuple[str, ...]
    details: list[tuple[str, str]] = field(default_factory=list)
    vmflags: str | None = None


def run(reader: ProcReader, argv: list[str], width: int = 80) -> Result:
    """Print the maps of the processes named; `argv` without the program's name."""
    return finish(frames(reader, argv, width))


def frames(reader: ProcReader, argv: list[str], width: int = 80) -> Frames:
    """One process after the other. Status 42: one was not found; 1: its map could not be read."""
    settings = Settings()
    operands: list[str] = []
    exclusive: set[str] = set()
    if not argv:
        raise GRAMMAR.fail()
    for option, value in GRAMMAR.options(argv, operands):
        if option in "cCdnNxX":
            exclusive.add(option)
        _option(settings, option, value or "")
    if len(exclusive) > 1:
        raise GRAMMAR.die("options -c, -C, -d, -n, -N, -x, -X are mutually exclusive")
    if exclusive & {"c", "C"}:
        raise GRAMMAR.die("couldn't read the rc file")
    if exclusive & {"n", "N"}:
        raise GRAMMAR.die("couldn't create the rc file")
    if not operands:
        raise GRAMMAR.die("argument missing")
    status = 0
    for pid in _pids(operands):
        one = process(reader, pid)
        if one is None:
            status |= 42
            continue
        yield f"{one.pid}:   {one.cmdline}\n"
        name = "smaps" if settings.extended or settings.more else "maps"
        try:
            areas = parse(reader.read(f"/proc/{pid}/{name}"))
        except OSError:
            status |= 1
            continue
        if settings.more:
            yield _extended(areas, settings)
        elif settings.extended:
            yield _details(areas, one, settings)
        elif settings.device:
            yield _device(areas, one, settings)
        else:
            yield _plain(areas, one, settings)
    if status or settings.complaints:
        raise Exit(status, "".join(settings.complaints))


def _option(settings: Settings, option: str, value: str) -> None:
    if option == "X":
        settings.more += 1
    elif option == "A":
        low, comma, high = value.partition(",")
        bounds = (low, high if comma else low)
        if any(text and not re.fullmatch(r"\s*(0[xX])?[0-9a-fA-F]*", text) for text in bounds):
            raise GRAMMAR.die(f"failed to parse argument: '{value}'")
        settings.low = int(bounds[0], 16) if bounds[0] else settings.low
        settings.high = int(bounds[1], 16) if bounds[1] else settings.high
    elif option == "r":
        settings.complaints.append("pmap: option -r is ignored as SunOS compatibility\n")
    elif option == "V":
        raise GRAMMAR.version()
    elif option == "h":
        raise GRAMMAR.help()
    elif option in "xdqp":
        setattr(settings, {"x": "extended", "d": "device", "q": "quiet", "p": "path"}[option], True)


def _pids(operands: list[str]) -> list[int]:
    found = []
    for word in operands:
        if word.startswith("/proc/"):
            word = word[6:]
            if not is_digits(word[:1]):
                continue
        if not re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", word):
            raise GRAMMAR.fail()
        pid = (
            int(word, 16)
            if word[:2] in ("0x", "0X")
            else int(word, 8 if word.startswith("0") and len(word) > 1 else 10)
        )
        if not 1 <= pid <= 0x7FFFFFFF:
            raise GRAMMAR.fail()
        found.append(pid)
    return found


def parse(text: str) -> list[Area]:
    """The areas of maps or smaps."""
    areas: list[Area] = []
    for line in text.splitlines():
        match = _AREA.match(line)
        if match:
            start, end, perms, offset, major, minor, inode, name = match.groups()
            words = (start, perms, offset, f"{major}:{minor}", inode, name)
            areas.append(
                Area(line, int(start, 16), int(end, 16), perms, int(offset, 16), int(major, 16), int(minor, 16), words)
            )
        elif areas and line.startswith("VmFlags:"):
            areas[-1].vmflags = line[8:].strip()
        elif areas and (detail := _DETAIL.match(line)):
            areas[-1].details.append((detail[1], detail[2]))
    return areas


def _chosen(areas: list[Area], settings: Settings) -> list[Area]:
    found = []
    for area in areas:
        if area.end - 1 < settings.low:
            continue
        if settings.high < area.start:
            break
        found.append(area)
    return found


def _name(area: Area, one: Process, settings: Settings) -> str:
    line = "".join(c if " " <= c <= "~" else "?" for c in area.line)
    if not area.major and "/SYSV" in line:
        return f"  [ shmid=0x{int(area.words[4]):x} ]"
    if "/" in line:
        if settings.path:
            return line[line.index("/") :]
        return line[line.rindex("/") + 1 :] or "/"
    stack = one.stat["start_stack"]
    return "  [ stack ]" if area.start <= stack <= area.end else "  [ anon ]"


def _mode(area: Area) -> str:
    return area.perms[:3] + ("-" if area.perms[3:4] == "p" else area.perms[3:4]) + "-"


def _sum(areas: list[Area], kinds: str, writable: bool = False) -> int:
    return sum(a.end - a.start for a in areas if a.perms[3:4] in kinds and (not writable or a.perms[1] == "w")) >> 10


def _plain(areas: list[Area], one: Process, settings: Settings) -> str:
    areas = _chosen(areas, settings)
    digits = 2 * one.long_size
    lines = [f"{a.start:0{digits}x} {a.end - a.start >> 10:6}K {_mode(a)} {_name(a, one, settings)}\n" for a in areas]
    if not settings.quiet:
        lines.append(f" total {_sum(areas, 'sp'):{digits}}K\n")
    return "".join(lines)


def _device(areas: list[Area], one: Process, settings: Settings) -> str:
    areas = _chosen(areas, settings)
    digits = 2 * one.long_size
    lines = []
    if not settings.quiet:
        lines.append(f"{'Address':<{digits}} {'Kbytes':>7} {'Mode':<5} {'Offset':<16} {'Device':<9} Mapping\n")
    lines += [
        f"{a.start:0{digits}x} {a.end - a.start >> 10:7} {_mode(a):>5} {a.offset:016x} "
        f"{a.major:03x}:{a.minor:05x} {_name(a, one, settings)}\n"
        for a in areas
    ]
    if not settings.quiet:
        lines.append(
            f"mapped: {_sum(areas, 'sp')}K    writeable/private: {_sum(areas, 'p', True)}K    "
            f"shared: {_sum(areas, 's')}K\n"
        )
    return "".join(lines)


def _details(areas: list[Area], one: Process, settings: Settings) -> str:
    areas = _chosen(areas, settings)
    digits = 2 * one.long_size
    lines = []
    if not settings.quiet:
        lines.append(f"{'Address':<{digits}} {'Kbytes':>7} {'RSS':>7} {'Dirty':>7} {'Mode':<5} Mapping\n")
    total_rss = total_dirty = 0
    for area in areas:
        value = {label: int(text) for label, text in area.details}
        rss = value.get("Rss", 0)
        dirty = value.get("Shared_Dirty", 0) + value.get("Private_Dirty", 0)
        total_rss += rss
        total_dirty += dirty
        if "Swap" in value:
            size = area.end - area.start >> 10
            name = _name(area, one, settings)
            lines.append(f"{area.start:0{digits}x} {size:7} {rss:7} {dirty:7} {_mode(area):>5} {name}\n")
    if not settings.quiet:
        lines.append("-" * digits + " ------- ------- ------- \n")
        lines.append(f"{'total kB':<{digits}} {_sum(areas, 'sp'):7} {total_rss:7} {total_dirty:7}\n")
    return "".join(lines)


def _extended(areas: list[Area], settings: Settings) -> str:
    """-X and -XX: the columns are the labels of smaps themselves."""
    if not areas:
        return ""
    everything = settings.more > 1
    shown = [[pair for pair in a.details if everything or pair[0] not in UNIMPORTANT] for a in areas]
    labels = [label for label, _ in shown[0]]
    for details in shown:
        for (label, value), expected in zip(details, labels, strict=False):
            if label != expected:
                line = f"{label + ':':<16}{value:>8} kB\n"
                raise Exit(1, f"pmap: ERROR: inconsistent detail field in smaps file, line:\n {line}\n")
    totals = [sum(int(details[at][1]) for details in shown if at < len(details)) for at in range(len(labels))]
    quiet = settings.quiet
    if quiet:
        widths = [max(len(details[at][1]) for details in shown if at < len(details)) for at in range(len(labels))]
    else:
        widths = [max(len(label), len(str(total))) for label, total in zip(labels, totals, strict=True)]
    heads = ("Address", "Perm", "Offset", "Device", "Inode")
    fixed = [max(len(a.words[at]) for a in areas) for at in range(5)]
    flags = max((len(a.vmflags) for a in areas if a.vmflags is not None), default=0)
    has_flags = everything and any(a.vmflags is not None for a in areas)
    lines = []
    if not quiet:
        fixed = [max(size, len(head)) for size, head in zip(fixed, heads, strict=True)]
        flags = max(flags, len("VmFlags"))
        columns = [*heads, *labels] + (["VmFlags"] if has_flags else [])
        sizes = [*fixed, *widths] + ([flags] if has_flags else [])
        lines.append("".join(f"{head:>{size}} " for head, size in zip(columns, sizes, strict=True)) + "Mapping\n")
    for area, details in zip(areas, shown, strict=True):
        cells = [f"{word:>{size}}" for word, size in zip(area.words[:5], fixed, strict=True)]
        cells += [f"{value:>{size}}" for (_, value), size in zip(details, widths, strict=False)]
        if has_flags:
            cells.append(f"{area.vmflags or '':>{flags}}")
        name = area.words[5]
        cells.append(name if settings.path else name.rpartition("/")[2])
        lines.append(" ".join(cells) + "\n")
    if not quiet and labels:
        gap = " " * (sum(fixed) + 5)
        lines.append(gap + "".join("=" * size + " " for size in widths) + "\n")
        lines.append(gap + "".join(f"{total:{size}} " for total, size in zip(totals, widths, strict=True)) + "KB \n")
    return "".join(lines)
