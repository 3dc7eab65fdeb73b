"""What mpstat, iostat and pidstat share: their first line, clock, figures and repetition (sysstat 12.6.1, common.c).

Known deviations: the time is the tree's own clock, in UTC; nothing is coloured; JSON is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.procps.figures import TICKS
from memsh.procps.figures import cpus as by_number
from memsh.procps.reader import Exit, Frames, Pause, ProcReader
from memsh.proctext.lines import numbers

VERSION = "sysstat version 12.6.1\n(C) Sebastien Godard (sysstat <at> orange.fr)\n"
UNITS = "?BkMGTP?"
Cpu = dict[str, int]


def figures(words: list[str], count: int) -> list[int]:
    """The first `count` numbers of a line; 0 for those that it has not."""
    found = numbers(words)[:count]
    return [*found, *[0] * (count - len(found))]


class Moment(NamedTuple):
    """When something was read: `uptime` in hundredths of a second, `epoch` in seconds since 1970."""

    uptime: int
    epoch: int


class Numbers(NamedTuple):
    """How figures are spelled: with at most so many decimals, for people or not."""

    decimals: int = 2
    human: bool = False

    def real(self, value: float, width: int) -> str:
        return f" {value:{width}.{self.decimals}f}"

    def percent(self, value: float, width: int) -> str:
        if not self.human:
            return self.real(value, width)
        return f" {value:{width - 1}.{min(self.decimals, 1)}f}%"

    def sized(self, value: float, width: int, unit: str, *, whole: bool = False) -> str:
        """An amount in `unit` (a letter of UNITS); `whole` ones have no decimals unless they are for people."""
        if not self.human:
            return f" {int(value):{width}}" if whole else self.real(value, width)
        at = UNITS.index(unit)
        while value >= 1024:
            value, at = value / 1024, at + 1
        return f" {value:{width - 1}.{min(self.decimals, 1)}f}{UNITS[at]}"


class Usage(Exit):
    """The usage lines of a tool whose words make no sense."""

    def __init__(self, text: str) -> None:
        super().__init__(1, text)


class Interval:
    """The operands `interval count`: seconds between reports, 0 for one since boot; how many, None for no end."""

    def __init__(self, usage: str) -> None:
        self.usage = usage
        self.seconds: int | None = None
        self.count: int | None = None

    def take(self, word: str) -> None:
        if not is_digits(word) or len(word) > 9:
            raise Usage(self.usage)
        number = int(word)
        if self.seconds is None:
            self.seconds = number
        elif self.count is not None or number < 1 or not self.seconds:
            raise Usage(self.usage)
        else:
            self.count = number

    @property
    def since_boot(self) -> bool:
        return not self.seconds


def value_of(rest: list[str], usage: str) -> str:
    """The word behind an option that must have one; it is taken away."""
    if not rest:
        raise Usage(usage)
    return rest.pop(0)


def decimals(word: str, usage: str) -> int:
    """The value of --dec=N."""
    value = word.partition("=")[2]
    if value not in ("0", "1", "2"):
        raise Usage(usage)
    return int(value)


def read(reader: ProcReader, path: str) -> str:
    """A file that the report cannot do without."""
    try:
        return reader.read(path)
    except OSError as error:
        raise Exit(2, f"Cannot open {path}: {error.strerror}\n") from None


def labelled(text: str, label: str) -> int:
    """The number behind a word that begins a line; 0 if there is none."""
    lines = (line.split() for line in text.splitlines())
    return next((figures(words[1:], 1)[0] for words in lines if words and words[0] == label), 0)


def moment(reader: ProcReader) -> Moment:
    """Now, by the tree's clock."""
    seconds, hundredths = figures(read(reader, "/proc/uptime").partition(" ")[0].split("."), 2)
    uptime = seconds * 100 + hundredths
    boot = labelled(read(reader, "/proc/stat"), "btime")
    return Moment(uptime, boot + uptime // 100)


def clock(when: Moment) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(when.epoch))


def is_iso(variables: Mapping[str, object]) -> bool:
    return variables.get("S_TIME_FORMAT") == "ISO"


def cpus(reader: ProcReader) -> dict[int, Cpu]:
    """The ticks of each processor."""
    return by_number(read(reader, "/proc/stat"))


def added(every: Mapping[int, Cpu]) -> Cpu:
    return {name: sum(cpu[name] for cpu in every.values()) for name in TICKS}


def shares(before: Cpu | None, after: Cpu, groups: tuple[tuple[str, ...], ...]) -> list[float]:
    """What part of the time, in percent, each group of states had; a state with `-` before it is taken off."""
    passed = {name: max(0, after[name] - (before[name] if before is not None else 0)) for name in TICKS}
    total = sum(passed[name] for name in TICKS[:8])

    def part(group: tuple[str, ...]) -> float:
        ticks = sum(-passed[name[1:]] if name[0] == "-" else passed[name] for name in group)
        return max(0, ticks) * 100 / total if total else 0.0

    return [part(group) for group in groups]


def rate(before: float, after: float, itv: int) -> float:
    """By the second; `itv` in hundredths of a second."""
    return (after - before) / itv * 100


def heading(reader: ProcReader, when: Moment, variables: Mapping[str, object]) -> str:
    """The first line of every report: which machine, which day, how many processors."""

    def kernel(name: str, default: str) -> str:
        try:
            return reader.read(f"/proc/sys/kernel/{name}").strip()
        except OSError:
            return default

    day = time.strftime("%Y-%m-%d" if is_iso(variables) else "%m/%d/%y", time.gmtime(when.epoch))
    names = [kernel("ostype", "Linux"), kernel("osrelease", "6.1.192"), kernel("hostname", "(none)")]
    return (f"{names[0]} {names[1]} ({names[2]}) \t{day} \t_{kernel('arch', 'i686')}_\t"
            f"({len(cpus(reader)) or 1} CPU)\n")  # fmt: skip


Report = Callable[[str, str, int], str]
"""(time of the reading before, time of this one, hundredths between them) -> text."""


def repeated(reader: ProcReader, interval: Interval, times: Callable[[Moment], str], take: Callable[[], None],
             report: Report, average: Report | None) -> Frames:  # fmt: skip
    """A report since boot, or one after each interval and the average of all: `take` reads figures, `report` compares
    the last two of them, `average` the first and the last."""
    first = now = moment(reader)
    take()
    if interval.since_boot:
        yield report(times(now), times(now), max(1, now.uptime))
        return
    assert interval.seconds is not None
    done = 0
    while interval.count is None or done < interval.count:
        yield Pause(interval.seconds, interval.count is None)
        before, now = now, moment(reader)
        take()
        yield report(times(before), times(now), max(1, now.uptime - before.uptime))
        done += 1
    if average is not None:
        yield average("Average:", "Average:", max(1, now.uptime - first.uptime))
