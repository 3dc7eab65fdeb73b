"""ps: a snapshot of the processes (procps-ng 4.0.2, src/ps/).

Known deviations: the clock is the tree's own, in UTC; terminals are selected by name only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memsh.procps.processes import Process, process, processes, threads, tty_name
from memsh.procps.ps_clock import Clock
from memsh.procps.ps_columns import COLUMNS, Column, elapsed, utilization
from memsh.procps.ps_formats import OF_PROCESS, OF_THREAD
from memsh.procps.ps_options import HELP, UNLIMITED, Request, Shown, parse
from memsh.procps.reader import Exit, Frames, ProcReader, Result, finish

# Which of the simple selections take a process: bit number = ours | leader << 1 | no terminal << 2 | our terminal << 3.
STANDARD = 0xAA00


def run(reader: ProcReader, argv: list[str], width: int = UNLIMITED) -> Result:
    """Print one line a process; `argv` without the program's name. Status 1: none was selected."""
    return finish(frames(reader, argv, width))


def frames(
    reader: ProcReader, argv: list[str], width: int = UNLIMITED, environment: Mapping[str, str] | None = None
) -> Frames:
    """The whole answer at once. `environment` holds PS_PERSONALITY and PS_FORMAT, where they are set."""
    clock = Clock.read(reader)
    request = parse(argv, clock.pid_width, environment or {})
    clock.environment = request.environment
    clock.numeric = request.numeric
    clock.cumulative = request.cumulative
    clock.command_only = request.command_only
    clock.full = request.full
    if request.columns_only:
        yield "".join(
            f"{name[:12]:<12} {column.head[:8]:<8}\n"
            for name, column in sorted(COLUMNS.items())
            if column.show.__name__ != "_nop"
        )
        return
    chosen = _select(reader, request)
    for key, falling in reversed(request.sort):
        chosen.sort(key=lambda one, key=key: _sort_key(one, key, clock), reverse=falling)  # type: ignore[misc]
    prefixes = _forest(chosen, request.forest) if request.forest else {}
    page = _Page(request.shown, min(request.width or width, UNLIMITED), clock)
    rows = [row for one in chosen for row in _rows(one, request, page, prefixes.get(one.pid, ""))]
    heading = page.heading() if request.header else ""
    if request.every and heading:
        step = max(1, request.every - 1)
        yield "".join(heading + "".join(rows[at : at + step]) for at in range(0, max(1, len(rows)), step))
    else:
        yield heading + "".join(rows)
    if not chosen or request.warning:
        raise Exit(int(not chosen), request.warning)


def _rows(one: Process, request: Request, page: _Page, prefix: str) -> list[str]:
    """A process's lines: one, or one for each thread (-L, -T, H), or both (m)."""
    if not request.threads:
        return [page.row(one, prefix)]
    if request.threads != "m":
        return [page.row(thread, prefix) for thread in threads(one)]
    return [page.row(one, prefix, OF_THREAD), *(page.row(thread, prefix, OF_PROCESS) for thread in threads(one))]


def _select(reader: ProcReader, request: Request) -> list[Process]:
    if request.quick:
        found = (process(reader, pid) for pid in request.quick)
        return [one for one in found if one]
    ours: tuple[int, int] = (0, 0)
    try:
        text = reader.read("/proc/self/stat")
        ours = (0, int(text[text.rfind(")") + 1 :].split()[4]))
    except (OSError, IndexError, ValueError):
        pass
    return [one for one in processes(reader) if _wanted(one, request, *ours)]


def _wanted(one: Process, request: Request, euid: int, tty: int) -> bool:
    accepted = request.everything
    if not accepted and (request.bits or not request.lists):
        number = one.stat["tty_nr"]
        index = (one.uid(1) == euid) | (one.stat["session"] == one.pid) << 1 | (not number) << 2 | (number == tty) << 3
        accepted = bool((request.bits or STANDARD) >> index & 1)
    accepted = accepted or any(_listed(one, kind, values) for kind, values in request.lists)
    if request.running and one.state not in "RD":
        accepted = False
    return accepted != request.negate


def _listed(one: Process, kind: str, values: list[str]) -> bool:
    if kind == "comm":
        return any(one.comm == value or (len(one.comm) == 15 and value[:15] == one.comm) for value in values)
    if kind == "tty":
        return tty_name(one.stat["tty_nr"]) in [value.removeprefix("/dev/").replace("-", "?") for value in values]
    facts = {
        "pid": one.pid,
        "ppid": one.stat["ppid"],
        "pgrp": one.stat["pgrp"],
        "sess": one.stat["session"],
        "euid": one.uid(1),
        "ruid": one.uid(0),
        "egid": one.gid(1),
        "rgid": one.gid(0),
    }
    return str(facts[kind]) in values


def _sort_key(one: Process, name: str, clock: Clock) -> tuple[int, float, str]:
    figure = _FIGURES.get(name)
    if figure is not None:
        return (0, figure(one, clock), "")
    text = COLUMNS[name].show(one, clock).strip()
    try:
        return (0, float(text), "")
    except ValueError:
        return (1, 0.0, text)


_Figure = Callable[[Process, Clock], float]
_BY_TIME: _Figure = lambda one, clock: float(one.ticks)  # noqa: E731
_BY_BEGIN: _Figure = lambda one, clock: float(one.stat["start_time"])  # noqa: E731
_BY_SHARE: _Figure = lambda one, clock: utilization(one, clock)  # noqa: E731
_FIGURES: dict[str, _Figure] = {
    **dict.fromkeys(("%cpu", "pcpu", "c", "cp", "util", "cuu"), _BY_SHARE),
    **dict.fromkeys(("%mem", "pmem", "rss", "rssize", "rsz", "sgi_rss"), lambda one, clock: float(one.kb("VmRSS"))),
    **dict.fromkeys(("vsz", "vsize", "m_size"), lambda one, clock: float(one.stat["vsize"])),
    **dict.fromkeys(("lstart", "start", "stime", "start_time", "bsdstart"), _BY_BEGIN),
    **dict.fromkeys(("time", "bsdtime", "cputime", "atime", "times", "cputimes"), _BY_TIME),
    **dict.fromkeys(("etime", "etimes"), elapsed),
    "cuc": lambda one, clock: utilization(one, clock, True),
}
"""What is sorted by the figure itself, not by what is shown of it."""


def _forest(chosen: list[Process], style: str) -> dict[int, str]:
    """Reorder as a tree in place; what stands before each command."""
    pids = {one.pid for one in chosen}
    children: dict[int, list[Process]] = {}
    roots: list[Process] = []
    for one in sorted(chosen, key=lambda one: (one.stat["ppid"], one.stat["start_time"])):
        parent = one.stat["ppid"]
        family = children.setdefault(parent, []) if parent in pids and parent != one.pid else roots
        family.append(one)
    prefixes: dict[int, str] = {}
    ordered: list[Process] = []
    stack = [(one, "", "") for one in roots]  # the last one is taken first: kthreadd before init
    while stack:
        one, mine, below = stack.pop()
        ordered.append(one)
        prefixes[one.pid] = mine
        kids = children.get(one.pid, [])
        for at, kid in reversed(list(enumerate(kids))):
            last = at == len(kids) - 1
            if style == "unix":
                stack.append((kid, below + "  ", below + "  "))
            elif one.pid == 1:  # what init has adopted stands beside it
                stack.append((kid, mine, below))
            else:
                stack.append((kid, below + " \\_ ", below + ("    " if last else " |  ")))
    chosen[:] = ordered
    return prefixes


class _Page:
    """Lays rows out: each column starts where it should, and gives way to one that needs more (show_one_proc)."""

    def __init__(self, shown: list[Shown], width: int, clock: Clock) -> None:
        self.shown = shown
        self.clock = clock
        total = signals = 0
        for at, column in enumerate(shown):
            last = at == len(shown) - 1
            total += 3 if column.column.kind == "unlimited" and last else column.width
            total += 1 if at else 0
            signals += column.column.kind == "signal"
        self.columns = width
        while self.columns < total and self.columns < UNLIMITED // 2:
            self.columns += width
        clock.wide_signals = total + signals * 7 <= self.columns

    def heading(self) -> str:
        """The first line; empty if every column's heading is."""
        if not any(column.head for column in self.shown):
            return ""
        return self._line(None, "")

    def row(self, one: Process, prefix: str, blank: frozenset[str] = frozenset()) -> str:
        """One process or thread; the columns in `blank` show `-`."""
        return self._line(one, prefix, blank)

    def _line(self, one: Process | None, prefix: str, blank: frozenset[str] = frozenset()) -> str:
        correct = actual = gap = 0
        pieces = []
        for at, shown in enumerate(self.shown):
            last = at == len(self.shown) - 1
            room = shown.width
            if last:
                room = max(0, self.columns - (max(correct, actual) if correct > actual else actual + gap))
            if one is None:
                text = shown.head
            elif shown.name in blank:
                text = "-"
            else:
                text = _cell(one, shown.column, room, self.clock, prefix)
            if one is None and last and shown.column.kind == "unlimited" and room < 1:
                text = text[:1]
            width, stolen = shown.width, 0
            if shown.column.kind == "signal":
                width = 16 if self.clock.wide_signals else 9
                stolen = 7 if self.clock.wide_signals else 0
            right = shown.column.kind in ("right", "pid", "signal") or (
                shown.column.kind == "user" and self.clock.numeric
            )
            pad = max(0, width - len(text)) if right else 0
            space = correct - actual + pad
            if space < 1:
                space = gap
            if shown.column.kind == "pad":  # room behind the last column, as AIX's formats leave it
                space -= 1
            pieces.append(" " * space + text)
            actual += space + len(text)
            correct += shown.width + stolen + 1
            gap = 1
        return "".join(pieces) + "\n"


def _cell(one: Process, column: Column, room: int, clock: Clock, prefix: str) -> str:
    text = column.show(one, clock)
    if column.kind == "unlimited":
        return (prefix + text)[:room]
    if column.kind == "wchan":
        return text[:room]
    if column.kind == "user" and len(text) > room >= 1:
        return text[: room - 1] + "+"
    return text


__all__ = ["HELP", "frames", "run"]
