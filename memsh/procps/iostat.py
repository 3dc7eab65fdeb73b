"""iostat: what the processors wait for, and what the disks do (sysstat 12.6.1, iostat.c).

Known deviations: those of sysstat.py; -f, +f and -j are refused: there is one /sys, and udev has named nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.procps.reader import Exit, Frames, Pause, ProcReader
from memsh.procps.sysstat import (
    VERSION,
    Cpu,
    Interval,
    Moment,
    Numbers,
    Usage,
    added,
    cpus,
    decimals,
    figures,
    heading,
    is_iso,
    moment,
    rate,
    read,
    shares,
)

USAGE = """Usage: iostat [ options ] [ <interval> [ <count> ] ]
Options are:
[ -c ] [ -d ] [ -h ] [ -k | -m ] [ -N ] [ -s ] [ -t ] [ -V ] [ -x ] [ -y ] [ -z ]
[ { -f | +f } <directory> ] [ -j { ID | LABEL | PATH | UUID | ... } ]
[ --compact ] [ --dec={ 0 | 1 | 2 } ] [ --human ] [ --pretty ] [ -o JSON ]
[ [ -H ] -g <group_name> ] [ -p [ <device> [,...] | ALL ] ]
[ <device> [...] | ALL ]
"""
STATES = (("user",), ("nice",), ("system", "irq", "softirq"), ("iowait",), ("steal",), ("idle",))
CPU_TITLE = "avg-cpu:  %user   %nice %system %iowait  %steal   %idle\n"


class Disk(NamedTuple):
    """The counters of one line of /proc/diskstats; those of discards and flushes are 0 where there are none."""

    reads: int
    reads_merged: int
    read: int
    read_ms: int
    writes: int
    writes_merged: int
    written: int
    write_ms: int
    in_flight: int
    busy_ms: int
    queued_ms: int
    discards: int = 0
    discards_merged: int = 0
    discarded: int = 0
    discard_ms: int = 0
    flushes: int = 0
    flush_ms: int = 0


NEVER = Disk(*[0] * 11)


class Settings:
    """What the options asked for."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.cpu = self.disks = self.extended = self.short = self.stamped = self.later = self.busy = False
        self.pretty = self.mega = self.groups_only = self.compact = False
        self.every = self.partitions = False
        self.named: list[str] = []
        self.with_parts: list[str] = []
        self.groups: list[tuple[str, list[str]]] = []
        self.interval = Interval(USAGE)


FLAGS = {"c": "cpu", "d": "disks", "s": "short", "t": "stamped", "x": "extended", "y": "later", "z": "busy",
         "H": "groups_only", "m": "mega"}  # fmt: skip


def parse(words: list[str]) -> Settings:
    found, rest = Settings(), list(words)
    kilo = False
    while rest:
        word = rest.pop(0)
        if word in ("--human", "--pretty", "--compact"):
            _long(found, word)
        elif word.startswith("--dec="):
            found.numbers = found.numbers._replace(decimals=decimals(word, USAGE))
        elif word == "-p":
            found.partitions = True
            if rest and rest[0][:1] != "-" and not is_digits(rest[0]):
                for name in rest.pop(0).split(","):
                    found.every = found.every or name == "ALL"
                    found.with_parts += [] if name == "ALL" else [name.removeprefix("/dev/")]
        elif word == "-g":
            if not rest or rest[0][:1] == "-":
                raise Usage(USAGE)
            found.groups.append((rest.pop(0), []))
        elif word in ("-f", "+f", "-j"):
            raise Exit(1, f"iostat: {word}: not on this box\n") if rest else Usage(USAGE)
        elif word == "-o":
            raise Exit(1, "iostat: -o: JSON is not told here\n") if rest[:1] == ["JSON"] else Usage(USAGE)
        elif word[:1] == "-" and len(word) > 1:
            for letter in word[1:]:
                if letter == "V":
                    raise Exit(0, stdout=VERSION)
                if letter == "h":
                    _long(found, "--human")
                    _long(found, "--pretty")
                elif letter in FLAGS:
                    setattr(found, FLAGS[letter], True)
                elif letter not in ("k", "N"):
                    raise Usage(USAGE)
                kilo = kilo or letter == "k"
        elif is_digits(word):
            found.interval.take(word)
        elif word == "ALL":
            found.every = True
        else:
            (found.groups[-1][1] if found.groups else found.named).append(word)
    if (kilo and found.mega) or (found.groups_only and not found.groups):
        raise Usage(USAGE)
    found.disks = found.disks or (found.extended and found.cpu)
    if not found.cpu and not found.disks:
        found.cpu = found.disks = True
    return found


def _long(found: Settings, word: str) -> None:
    if word == "--human":
        found.numbers = found.numbers._replace(human=True)
    else:
        setattr(found, word[2:], True)


def frames(reader: ProcReader, words: list[str], variables: Mapping[str, object]) -> Frames:
    settings = parse(words)
    now = moment(reader)
    yield heading(reader, now, variables) + "\n"
    report, interval = Tables(reader, settings, iso=is_iso(variables)), settings.interval
    report.read()
    skipped = settings.later and not interval.since_boot
    yield "\n" if skipped else report.show(now, max(1, now.uptime))
    done = int(not skipped)
    while not interval.since_boot and (interval.count is None or done < interval.count):
        assert interval.seconds is not None
        yield Pause(interval.seconds, interval.count is None)
        before, now = now, moment(reader)
        report.read()
        yield report.show(now, max(1, now.uptime - before.uptime))
        done += 1


class Tables:
    """One call's readings, and their tables."""

    def __init__(self, reader: ProcReader, settings: Settings, *, iso: bool) -> None:
        self.reader, self.settings, self.iso = reader, settings, iso
        self.cpu: tuple[Cpu | None, Cpu] = (None, {})
        self.disks: tuple[dict[str, Disk], dict[str, Disk]] = ({}, {})

    def read(self) -> None:
        found = {}
        for line in read(self.reader, "/proc/diskstats").splitlines():
            words = line.split()
            if len(words) >= 14:
                found[words[2]] = Disk(*figures(words[3:], len(Disk._fields)))
        self.disks = (self.disks[1], found)
        self.cpu = (self.cpu[1] or None, added(cpus(self.reader)))

    def show(self, when: Moment, itv: int) -> str:
        settings, text = self.settings, ""
        if settings.stamped:
            pattern = "%Y-%m-%dT%H:%M:%S+0000\n" if self.iso else "%m/%d/%y %H:%M:%S\n"
            text += time.strftime(pattern, time.gmtime(when.epoch))
        if settings.cpu:
            parts = [settings.numbers.percent(part, 7) for part in shares(*self.cpu, STATES)]
            text += f"{CPU_TITLE}{' ' * 7}{''.join(parts)}\n\n"
        return text + (self._disks(itv) if settings.disks else "\n") + "\n"

    def _chosen(self) -> list[tuple[str, Disk, Disk, int]]:
        """(name, counters before, counters now, how many disks they are of)."""
        settings, (before, now) = self.settings, self.disks
        rows: list[tuple[str, Disk, Disk, int]] = []
        named = [*settings.named, *settings.with_parts]
        if settings.every:
            first = sorted(name for name in now if name in named)
            names = [*first, *(name for name in (now if settings.partitions else sorted(now)) if name not in first)]
        elif named or settings.groups:
            names = sorted(name for name in now if name in named)
        else:
            names = [name for name in now if any((now[name].reads, now[name].writes, now[name].discards,
                                                  now[name].flushes))]  # fmt: skip
        rows = [(name, before.get(name, NEVER), now[name], 1) for name in names]
        for title, members in settings.groups:
            there = [name for name in members if name in now]
            if not settings.groups_only:
                rows += [(name, before.get(name, NEVER), now[name], 1) for name in there]
            old, new = (Disk(*[sum(column) for column in zip(NEVER, *disks, strict=True)]) for disks in (
                [before.get(name, NEVER) for name in there], [now[name] for name in there]))  # fmt: skip
            rows.append((f" {title}", old, new, max(1, len(there))))
        if settings.busy:
            rows = [row for row in rows if row[1][:8] != row[2][:8] or row[1][11:] != row[2][11:]]
        return rows

    def _disks(self, itv: int) -> str:
        rows = self._chosen()
        blocks = self._blocks()
        if not self.settings.pretty or self.settings.compact:
            blocks = [[column for block in blocks for column in block]]
        text = ""
        for block in blocks:
            titles = "".join(f" {title:>{width}}" for title, width, _ in block)
            text += titles + " Device\n" if self.settings.pretty else f"{'Device':<13}{titles}\n"
            for name, old, new, count in rows:
                cells = "".join(self._cell(kind, width, old, new, count, itv) for _, width, kind in block)
                text += f"{cells} {name}\n" if self.settings.pretty else f"{name:<13}{cells}\n"
            text += "\n"
        return text

    def _blocks(self) -> list[list[tuple[str, int, str]]]:
        """The table's columns: (heading, width, what it tells)."""
        settings = self.settings
        unit = "MB" if settings.mega else "kB"
        if settings.extended and settings.short:
            return [[("tps", 8, "n+rwdf"), (f"{unit}/s", 9, "k+rwd"), ("rqm/s", 8, "m+rwd"), ("await", 7, "a+rwdf"),
                     ("areq-sz", 8, "z+rwd"), ("aqu-sz", 7, "queue"), ("%util", 6, "util")]]  # fmt: skip
        if settings.extended:
            blocks = [[(f"{one}/s", 7, f"n+{one}"), (f"{one}{unit}/s", 9, f"k+{one}"), (f"{one}rqm/s", 8, f"m+{one}"),
                       (f"%{one}rqm", 6, f"p+{one}"), (f"{one}_await", 7, f"a+{one}"), (f"{one}areq-sz", 8, f"z+{one}"),
                       ] for one in "rwd"]  # fmt: skip
            return [*blocks, [("f/s", 7, "n+f"), ("f_await", 7, "a+f"), ("aqu-sz", 7, "queue"), ("%util", 6, "util")]]
        names = (("read", "r"), ("w+d", "wd")) if settings.short else (("read", "r"), ("wrtn", "w"), ("dscd", "d"))
        rates = [(f"{unit}_{name}/s", 12, f"k+{of}") for name, of in names]
        return [[("tps", 8, "n+rwdf" if settings.extended else "n+rwd"), *rates,
                 *((f"{unit}_{name}", 10, f"t+{of}") for name, of in names)]]  # fmt: skip

    def _cell(self, kind: str, width: int, old: Disk, new: Disk, count: int, itv: int) -> str:
        numbers = self.settings.numbers
        what, _, of = kind.partition("+")

        def passed(at: int) -> int:
            """Of the operations that are meant: their number, those merged, their sectors or milliseconds."""
            places = {"r": 0, "w": 4, "d": 11}
            total = sum(new[places[one] + at] - old[places[one] + at] for one in of if one in places)
            flushed = {0: new.flushes - old.flushes, 3: new.flush_ms - old.flush_ms}.get(at, 0)
            return total + (flushed if "f" in of else 0)

        per, unit = (2048, "M") if self.settings.mega else (2, "k")
        if what == "n":
            return numbers.real(passed(0) / itv * 100, width)
        if what == "k":
            return numbers.sized(passed(2) / itv * 100 / per, width, unit)
        if what == "t":
            return numbers.sized(passed(2) / per, width, unit, whole=True)
        if what == "m":
            return numbers.real(passed(1) / itv * 100, width)
        if what == "p":
            asked = passed(0) + passed(1)
            return numbers.percent(passed(1) * 100 / asked if asked else 0.0, width)
        if what == "a":
            return numbers.real(passed(3) / passed(0) if passed(0) else 0.0, width)
        if what == "z":
            return numbers.sized(passed(2) / passed(0) / 2 if passed(0) else 0.0, width, "k")
        if what == "queue":
            return numbers.real(rate(old.queued_ms, new.queued_ms, itv) / 1000, width)
        return numbers.percent(rate(old.busy_ms, new.busy_ms, itv) / 10 / count, width)
