"""mpstat: what each processor does (sysstat 12.6.1, mpstat.c).

As in 12.6.1, -I SUM counts a processor's soft interrupts in place of its interrupts where -I SCPU is asked for as well:
both are read into one place.

Known deviations: those of sysstat.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from memsh.digits import is_digits
from memsh.procps.reader import Exit, Frames, ProcReader
from memsh.procps.sysstat import (
    VERSION,
    Interval,
    Numbers,
    Usage,
    added,
    clock,
    cpus,
    decimals,
    heading,
    labelled,
    moment,
    rate,
    read,
    repeated,
    shares,
    value_of,
)
from memsh.proctext.lines import numbers

USAGE = """Usage: mpstat [ options ] [ <interval> [ <count> ] ]
Options are:
[ -A ] [ -n ] [ -T ] [ -u ] [ -V ]
[ -I { SUM | CPU | SCPU | ALL } ] [ -N { <node_list> | ALL } ]
[ --dec={ 0 | 1 | 2 } ] [ -o JSON ] [ -P { <cpu_list> | ALL } ]
"""
STATES = (("user", "-guest"), ("nice", "-guest_nice"), ("system",), ("iowait",), ("irq",), ("softirq",), ("steal",),
          ("guest",), ("guest_nice",), ("idle",))  # fmt: skip
TITLES = "    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle"
ALL = -1
Table = dict[str, list[int]]


class Settings:
    """What the options asked for. `cpus` and `nodes`: rows, ALL for the sum of them."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.load = self.node_load = self.topology = False
        self.interrupts: set[str] = set()
        self.cpus: list[int] | None = None
        self.nodes: list[int] | None = None
        self.interval = Interval(USAGE)


def parse(words: list[str], online: list[int], nodes: list[int]) -> Settings:
    found, rest = Settings(), list(words)

    while rest:
        word = rest.pop(0)
        if word.startswith("--dec="):
            found.numbers = Numbers(decimals(word, USAGE))
        elif word == "-I":
            for kind in value_of(rest, USAGE).split(","):
                if kind not in ("SUM", "CPU", "SCPU", "ALL"):
                    raise Usage(USAGE)
                found.interrupts |= {"SUM", "CPU", "SCPU"} if kind == "ALL" else {kind}
        elif word in ("-P", "-N"):
            listed = _listed(value_of(rest, USAGE), online if word == "-P" else nodes)
            if word == "-P":
                found.cpus = listed
            else:
                found.nodes, found.node_load = listed, True
        elif word == "-o":
            raise Exit(1, "mpstat: -o: JSON is not told here\n") if value_of(rest, USAGE) == "JSON" else Usage(USAGE)
        elif word[:1] == "-" and len(word) > 1:
            for letter in word[1:]:
                _letter(found, letter, online, nodes)
        else:
            found.interval.take(word)
    found.node_load = found.node_load and bool(nodes)
    if not (found.load or found.node_load or found.interrupts):
        found.load = True
    return found


def _letter(found: Settings, letter: str, online: list[int], nodes: list[int]) -> None:
    if letter == "A":
        found.load = found.node_load = True
        found.interrupts = {"SUM", "CPU", "SCPU"}
        found.cpus, found.nodes = found.cpus or [ALL, *online], found.nodes or [ALL, *nodes]
    elif letter == "u":
        found.load = True
    elif letter == "n":
        found.node_load = True
    elif letter == "T":
        found.topology = True
    elif letter == "V":
        raise Exit(0, stdout=VERSION)
    else:
        raise Usage(USAGE)


def _listed(text: str, known: list[int]) -> list[int]:
    """`0,2-3`, `all`, `ALL`: the rows, in their order."""
    found = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if part == "ALL":
            found |= {ALL, *known}
        elif part == "all":
            found.add(ALL)
        elif not is_digits(first) or (dash and not is_digits(last)) or len(part) > 9:
            raise Usage(USAGE)
        else:
            found |= set(range(int(first), int(last or first) + 1))
    if found - {ALL, *known}:
        raise Usage(USAGE)
    return sorted(found)


def frames(reader: ProcReader, words: list[str], variables: Mapping[str, object]) -> Frames:
    places = _places(reader)
    nodes = sorted({place[2] for place in places.values()}) if _has_nodes(reader) else []
    settings = parse(words, sorted(cpus(reader)), nodes)
    yield heading(reader, moment(reader), variables)
    report = Tables(reader, settings, places)
    yield from repeated(reader, settings.interval, clock, report.read, report.show, report.average)


def _has_nodes(reader: ProcReader) -> bool:
    try:
        return any(name.startswith("node") and is_digits(name[4:]) for name in
                   reader.listdir("/sys/devices/system/node"))  # fmt: skip
    except OSError:
        return False


def _places(reader: ProcReader) -> dict[int, tuple[int, int, int]]:
    """Of each processor: core, socket, node."""
    found = {}
    for cpu in cpus(reader):
        folder = f"/sys/devices/system/cpu/cpu{cpu}"

        def number(name: str, folder: str = folder) -> int:
            try:
                return int(reader.read(f"{folder}/topology/{name}"))
            except (OSError, ValueError):
                return 0

        try:
            nodes = [int(name[4:]) for name in reader.listdir(folder) if name[:4] == "node" and is_digits(name[4:])]
        except OSError:
            nodes = []
        found[cpu] = (number("core_id"), number("physical_package_id"), nodes[0] if nodes else 0)
    return found


def _table(reader: ProcReader, path: str) -> Table:
    """A table of /proc with a column a processor: name -> figures."""
    try:
        head, *lines = reader.read(path).splitlines()
    except (OSError, ValueError):  # there is none, or it is empty
        return {}
    columns, found = len(head.split()), {}
    for line in lines:
        name, _, tail = line.partition(":")
        words = tail.split()[:columns]
        counts = numbers(words)
        found[name.strip()] = counts if len(counts) == columns else [0] * columns
    return found


def _of(row: list[int], cpu: int) -> int:
    return row[cpu] if cpu < len(row) else 0


class Reading:
    """One look at /proc/stat, /proc/interrupts and /proc/softirqs."""

    def __init__(self, reader: ProcReader) -> None:
        self.cpus = cpus(reader)
        self.total = labelled(read(reader, "/proc/stat"), "intr")
        self.interrupts, self.softirqs = _table(reader, "/proc/interrupts"), _table(reader, "/proc/softirqs")


class Tables:
    """One call's readings, and their tables."""

    def __init__(self, reader: ProcReader, settings: Settings, places: dict[int, tuple[int, int, int]]) -> None:
        self.reader, self.settings, self.places = reader, settings, places
        self.readings: list[Reading] = []
        self.headed = False

    def read(self) -> None:
        self.readings = [*self.readings[:1], *self.readings[-1:], Reading(self.reader)][-3:]

    def show(self, before: str, now: str, itv: int) -> str:
        old = None if self.settings.interval.since_boot else self.readings[-2]
        return self._tables(old, before, now, itv)

    def average(self, before: str, now: str, itv: int) -> str:
        return self._tables(self.readings[0], before, now, itv)

    def _tables(self, old: Reading | None, before: str, now: str, itv: int) -> str:
        settings, new, text = self.settings, self.readings[-1], ""
        rows = settings.cpus if settings.cpus is not None else [ALL]
        each = [cpu for cpu in (rows if settings.cpus is not None else sorted(new.cpus)) if cpu != ALL]
        alone = settings.load + settings.node_load + len(settings.interrupts) == 1 and settings.cpus is None
        alone = alone and settings.nodes is None and not settings.interrupts & {"CPU", "SCPU"}
        titled = not (alone and self.headed)
        self.headed = True

        def table(title: str, body: list[str]) -> str:
            return (f"\n{before:<11}{title}\n" if titled else "") + "".join(f"{now:<11}{line}\n" for line in body)

        if settings.load:
            places = " CORE SOCK NODE" if settings.topology else ""
            text += table("  CPU" + places + TITLES, [self._load(old, new, cpu) for cpu in rows])
        if settings.node_load:
            nodes = settings.nodes if settings.nodes is not None else [ALL]
            text += table(" NODE" + TITLES, [self._node(old, new, node) for node in nodes])
        if "SUM" in settings.interrupts:
            text += table("  CPU    intr/s", [self._sum(old, new, cpu, itv) for cpu in rows])
        for kind, name in (("CPU", "interrupts"), ("SCPU", "softirqs")):
            if kind in settings.interrupts and each:
                was = getattr(old, name) if old is not None else {}
                counts: Table = getattr(new, name)
                title = "  CPU" + "".join(f" {irq:>8}/s" for irq in counts)
                text += table(title, [self._counts(was, counts, cpu, itv) for cpu in each])
        return text

    def _line(self, figures: list[float]) -> str:
        return "".join(self.settings.numbers.percent(figure, 7) for figure in figures)

    def _shares(self, old: Reading | None, new: Reading, chosen: list[int]) -> list[float]:
        was = None if old is None else added({cpu: old.cpus[cpu] for cpu in chosen if cpu in old.cpus})
        return shares(was, added({cpu: new.cpus[cpu] for cpu in chosen}), STATES)

    def _load(self, old: Reading | None, new: Reading, cpu: int) -> str:
        if cpu == ALL:
            return "  all" + " " * 15 * self.settings.topology + self._line(self._shares(old, new, list(new.cpus)))
        figures = self._shares(old, new, [cpu])
        if not any(figures):
            figures[-1] = 100.0  # it slept all the time, and counted none
        place = "".join(f" {number:4}" for number in self.places[cpu]) if self.settings.topology else ""
        return f" {cpu:4}{place}" + self._line(figures)

    def _node(self, old: Reading | None, new: Reading, node: int) -> str:
        chosen = [cpu for cpu in new.cpus if node in (ALL, self.places[cpu][2])]
        return (f" {node:4}" if node != ALL else "  all") + self._line(self._shares(old, new, chosen))

    def _sum(self, old: Reading | None, new: Reading, cpu: int, itv: int) -> str:
        if cpu == ALL:
            figure = rate(0 if old is None else old.total, new.total, itv)
            return "  all" + self.settings.numbers.real(figure, 9)
        kind = "softirqs" if "SCPU" in self.settings.interrupts else "interrupts"
        was, counted = (sum(_of(row, cpu) for row in getattr(one, kind).values()) if one is not None else 0
                        for one in (old, new))  # fmt: skip
        figure = rate(was, counted, itv)
        return f" {cpu:4}" + self.settings.numbers.real(figure, 9)

    def _counts(self, old: Table, new: Table, cpu: int, itv: int) -> str:
        figures = [rate(_of(old.get(name, []), cpu), _of(row, cpu), itv) for name, row in new.items()]
        return f" {cpu:4}" + "".join(self.settings.numbers.real(figure, 10) for figure in figures)
