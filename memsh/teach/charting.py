"""`plot`: figures of the box over its clock, as a chart; with the watermarks and limits that they are measured against.

The figures are read at the safe points between a command's operations, where Ctrl-C would be taken, whenever so much of
the box's time has passed; where a command takes no time, every so many operations. No known deviations: no tool of
Linux draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from memsh.commands.machine import duration
from memsh.linux.box import Box
from memsh.shell import IO, Args, ShellError, UsageError, command, opt, rest
from memsh.shell.session import Session
from memsh.teach import hostfile

if TYPE_CHECKING:
    from memsh.teach.statement import Word

MOST = 4000  # samples of one chart
OPERATIONS = 16  # between two samples while the clock stands still
DEFAULT = 10.0  # seconds that are watched without a command


class Chart(NamedTuple):
    """Figures over time: `times` in µs of the box's clock since the first sample, or numbers of samples if it stood."""

    names: tuple[str, ...]
    times: list[int]
    series: list[list[int]]  # one of each name
    limits: list[tuple[str, int]]
    unit: str  # of the times: s, or samples

    def csv(self) -> str:
        """A table: a row a sample."""
        head = ",".join(["usec" if self.unit == "s" else "sample", *(f'"{name}"' for name in self.names)])
        rows = (",".join(map(str, row)) for row in zip(self.times, *self.series, strict=True))
        return head + "\n" + "".join(row + "\n" for row in rows)


def load() -> None:
    """Importing this module declares its command."""


def limits(session: Session, names: list[str]) -> Iterator[tuple[str, int]]:
    """What a figure is measured against: a zone's watermarks, the commit limit, a task's limit."""
    from memsh.teach.figures import figure  # start-up: 12 ms, with the parsers of /proc
    from memsh.teach.statement import words_of  # start-up: 12 ms, with the parsers of /proc

    for name in names:
        parts = name.split(".")
        if parts[0] in ("zone", "zoneinfo") and parts[2:] == ["free"]:
            for mark in ("min", "low", "high"):
                yield f"{parts[1]} {mark}", figure(session, words_of(f"zone.{parts[1]}.{mark}"))
        elif name == "meminfo.Committed_AS":
            yield "CommitLimit", figure(session, words_of("meminfo.CommitLimit"))
        elif name in ("meminfo.MemFree", "meminfo.MemAvailable"):
            yield "MemTotal", figure(session, words_of("meminfo.MemTotal"))


class Sampler:
    """Reads the figures while something runs."""

    def __init__(self, session: Session, figures: list[list[Word]], interval: int) -> None:
        self.session, self.figures, self.interval = session, figures, interval
        self.times: list[int] = []
        self.series: list[list[int]] = [[] for _ in figures]
        self.polls = self.busy = 0
        self.take()

    def take(self) -> None:
        """One sample. A figure that is not there now (its process has ended) is as it was."""
        from memsh.teach.figures import figure  # start-up: 12 ms, with the parsers of /proc

        if len(self.times) >= MOST:  # every second one is enough, and from now on half as many
            self.times = self.times[::2]
            self.series = [one[::2] for one in self.series]
            self.interval *= 2
        self.times.append(self.session.box.timer.usec)
        for kept, words in zip(self.series, self.figures, strict=True):
            try:
                kept.append(figure(self.session, words))
            except ShellError:
                if not kept:
                    raise
                kept.append(kept[-1])

    def look(self) -> None:
        """At a safe point: a sample if it is time for one."""
        self.polls += 1
        moved = self.session.box.timer.usec - self.times[-1]
        if not self.busy and (moved >= self.interval or (not moved and self.polls >= OPERATIONS)):
            self.busy, self.polls = 1, 0
            try:
                self.take()
            finally:
                self.busy = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Sample at the session's safe points."""
        poll: Callable[[], None] = self.session.poll
        replaced = vars(self.session).get("poll")

        def looking() -> None:
            poll()
            self.look()

        self.session.poll = looking  # type: ignore[method-assign]
        try:
            yield
        finally:
            del self.session.poll
            if replaced is not None:
                self.session.poll = replaced  # type: ignore[method-assign]

    def chart(self, names: list[str]) -> Chart:
        begun = self.times[0]
        times, unit = [at - begun for at in self.times], "s"
        if not times[-1]:
            times, unit = list(range(len(times))), "samples"
        return Chart(tuple(names), times, self.series, list(limits(self.session, names)), unit)


def _split(session: Session, words: list[str]) -> tuple[list[str], str]:
    """(figures, command): the command is the last word, if it is one or has blanks in it."""
    last = words[-1] if words else ""
    if " " in last.strip() and " of " not in last:
        return words[:-1], last
    if session.registry.knows(last):
        return words[:-1], last
    return words, ""


@command(
    rest("words", meta="FIGURE", required=True, raw=False, help="figures as in `expect`; last, in quotes, a command"),
    opt("-t", name="time", type=duration, default=None, help="how long: 10s (behind a command: 0)", meta="TIME"),
    opt("-i", name="interval", type=duration, default="0.1", help="between two samples (0.1s)", meta="TIME"),
    opt("-o", name="file", type=str, default="", help="a file of the host: .svg or .csv", meta="FILE"),
    opt("-f", name="force", help="replace that file if memsh wrote it"),
    topic="teaching",
)
def plot(box: Box, args: Args, io: IO) -> int:
    """figures of /proc over the box's clock as a chart, while a command runs or the clock moves on

    plot zone.Normal.free -t 2s
    plot meminfo.MemFree 'for i in 1 2 3; do malloc 1M; touch $ 1M; sleep 1; done'

    A zone's free pages are drawn with its watermarks, Committed_AS with CommitLimit, MemFree with MemTotal. Where the
    command takes no time of the box's clock, samples are counted instead. `man expect` lists the figures.
    """
    from memsh.teach.statement import words_of  # start-up: 12 ms, with the parsers of /proc
    from memsh.teach.states import run_line  # start-up: 12 ms, with the parsers of /proc

    session = io.session
    names, line = _split(session, args.words)
    if not names:
        raise UsageError("there is no figure to plot (man expect lists them)")
    if args.file and not args.file.endswith((".svg", ".csv")):
        raise UsageError(f"{args.file}: the name of a chart's file ends in .svg or .csv")
    if args.file and session.no_host:
        raise ShellError("writes to the host, which this session may not")
    replaying = session.replaying or (session.timeline is not None and session.timeline.busy)
    if args.file and not replaying:
        hostfile.may_replace(args.file, "picture" if args.file.endswith(".svg") else "table", args.force)
    sampler = Sampler(session, [words_of(name) for name in names], max(1, int(args.interval * 1_000_000)))
    status = 0
    with sampler.watching():
        if line:
            said, status = run_line(session, line)
            io.err(said if status else "")
        rest_of = int((args.time if args.time is not None else 0.0 if line else DEFAULT) * 1_000_000)
        while rest_of > 0:
            io.check()
            step = min(rest_of, sampler.interval)
            session.advance(step)
            rest_of -= step
    sampler.take()
    if replaying:
        return status
    drawn = sampler.chart(names)
    if args.file.endswith(".csv"):
        hostfile.write(args.file, drawn.csv(), "table", args.force)
    elif session.plotter is None:
        raise ShellError("this session draws no charts")
    elif args.file:
        hostfile.write(args.file, session.plotter(drawn, 0, 0), "picture", args.force)
    else:
        io.out(session.plotter(drawn, io.width, 18))
    return status
