"""The journal: what really ran, and the states that it can be replayed from.

State is a function of (configuration, journal). An entry is a line that changed the box or the session (sourced lines
one by one; a live screen as the `sleep` that its clock moved; never a host command). A line that cannot be replayed
(cut by Ctrl-C, restore, reset) carries the state after it.

Whether a line changed the box is decided by a fingerprint that costs microseconds: clock, event counters, the zones'
counters and free pages, the tasks with their faults and mappings, the log's length, sysctls. Changes in bytes alone
(poke, malloc from the tcache, files) leave no mark there, so a successful line that names such a command counts too.

**Known deviations:** a line that names a writing command but had nothing to do counts as a change.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from memsh.shell.errors import ShellError
from memsh.shell.io import Capture, TextInput

if TYPE_CHECKING:
    from memsh.shell.session import Session

CONTROL = frozenset({"undo", "redo", "snapshot", "restore", "reset"})
HOST = frozenset({"save", "procdump", "record"})
LIVE = frozenset({"top", "slabtop", "watch", "vmstat", "free"})
WRITERS = frozenset({
    "malloc", "calloc", "realloc", "memalign", "malloc_trim", "brk", "sbrk", "mmap", "munmap", "mprotect", "mremap",
    "madvise", "mlock", "munlock", "touch", "write", "poke", "stack", "jump", "run", "fork", "exec", "switch",
    "kill", "wait", "_exit", "kmalloc", "kzalloc", "kfree", "vmalloc", "vfree", "alloc_pages", "alloc_page",
    "free_pages", "drain_all_pages", "kmap", "kunmap", "kmem_cache", "plain", "age", "tee", "dd", "mkfile", "rm",
    "sync", "swapon", "swapoff", "mkswap", "trace",
})  # fmt: skip
_HEAD = re.compile(
    r"(?:^|[;|&({\n])\s*"
    r"(?:(?:do|then|else|if|while|until|!|sudo|xargs|strace|as \S+|explain(?:\s+-[bd\d]+)*)\s+)*([a-z_]\w*)"
)
_TO_FILE = re.compile(r"(?<![0-9&])>>?\s*(?!/dev/null)[^\s&|]|sysctl\b.*=|\bfree\s+[$0-9]")
_LIVE = re.compile(
    r"((?:^|[;|&({\n]|\b(?:do|then|else|if|while|until|sudo)\s)\s*)(?:slabtop|top|watch|vmstat|free(?=\s+-))\b"
    r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^;&|)\n'"\\])*"""
)
_KEYWORDS = frozenset({"for", "do", "done", "while", "until", "if", "then", "else", "fi", "sudo"})
COST = 0.1  # seconds of replaying between two checkpoints
KEPT = 10


class State(NamedTuple):
    """Everything that undo brings back. `at` entries had run."""

    at: int
    box: Any
    values: list[tuple[int, bool]]
    variables: dict[str, str]
    cwd: str
    status: int


class Entry(NamedTuple):
    """One line. `after` is the state behind it where it cannot be replayed, `script` what rebuilds that."""

    number: int
    line: str
    replay: str
    changed: bool
    after: State | None = None
    script: list[str] | None = None


def heads(line: str) -> set[str]:
    """The commands that a line names."""
    return set(_HEAD.findall(line))


def fingerprint(box: Any) -> tuple[Any, ...]:
    """Figures that move when the box changes."""
    zones = tuple((zone.nr_free, sum(zone.stat.values())) for zone in box.pages.zones)
    tasks = tuple(
        (pid, task.state, task.comm, task.minflt, task.majflt, task.mm.total_vm if task.mm is not None else 0)
        for pid, task in box.tasks.items()
    )
    return (box.timer.usec, sum(box.vmstat.values()), zones, tasks, box.current.pid if box.current else 0, box.plain,
            box.panicked, box.last_pid)  # fmt: skip


def around(session: Session) -> tuple[Any, ...]:
    return (len(session.values), session.cwd, tuple(session.variables.items()))


def retold(line: str, scripts: list[str]) -> str:
    """The line with each live screen replaced by what it did; "" if it cannot be told which did what."""
    if not scripts:
        return line
    if len(_LIVE.findall(line)) == len(scripts):
        told = iter(scripts)
        return _LIVE.sub(lambda match: match[1] + next(told), line)
    return "" if heads(line) - LIVE - _KEYWORDS else "; ".join(scripts)


class Timeline:
    """The journal of one session, attached to its hooks."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.entries: list[Entry] = []
        self.undone: list[Entry] = []  # the next to be redone last
        self.points: list[State] = []
        self.snapshots: dict[str, tuple[State, list[str]]] = {}
        self.busy = False  # replaying
        self.control = False  # a command of this room set the box
        self.cost = 0.0  # seconds since the last checkpoint
        self.copying = 0.02
        self.started = 0.0
        self.box_mark: tuple[Any, ...] = ()
        self.side_mark: tuple[Any, ...] = ()
        session.mark = fingerprint
        session.before_line.append(self.before)
        session.after_line.append(self.after)

    def mark(self) -> None:
        """What the next line is compared with."""
        session = self.session
        if session.box is not None:
            self.box_mark, self.side_mark = fingerprint(session.box), around(session)

    def before(self, session: Session, line: str) -> None:
        session.lived.clear()
        if self.busy or session.box is None:
            return
        if not self.box_mark:
            if session.at_prompt:
                self.points.append(self.capture())
            self.mark()
        self.started = time.perf_counter()

    def after(self, session: Session, line: str, status: int) -> None:
        if self.busy or session.box is None:
            return
        box_mark, side_mark = fingerprint(session.box), around(session)
        moved = box_mark != self.box_mark
        named = heads(line)
        changed = moved or (status == 0 and not self.control and bool(named & WRITERS or _TO_FILE.search(line)))
        if named == {"source"}:
            changed = moved
        if changed or side_mark != self.side_mark:
            self.undone.clear()
            replay = retold(line, [deeds.script() for deeds in session.lived])
            entry = Entry(len(session.journal) + 1, line, replay or line, changed)
            if not replay or self.control or session.was_interrupted or "source" in named or named & HOST:
                entry = entry._replace(after=self.capture(1))
            self.entries.append(entry)
            self.cost += time.perf_counter() - self.started
            if self.cost > max(COST, 4 * self.copying) and not session.jobs:
                self.keep()
        self.control = False
        self.box_mark, self.side_mark = box_mark, side_mark

    def capture(self, more: int = 0) -> State:
        """A state of its own, independent of what follows."""
        session, begun = self.session, time.perf_counter()
        state = State(len(self.entries) + more, session.box.copy(), list(session.values), dict(session.variables),
                      session.cwd, session.last_status)  # fmt: skip
        self.copying = time.perf_counter() - begun
        return state

    def keep(self) -> None:
        """Put a checkpoint here; the older ones thin out."""
        self.points.append(self.capture())
        self.cost = 0.0
        if len(self.points) > KEPT:
            del self.points[1:-3:2]

    def enter(self, state: State, copy: bool = True) -> None:
        """Make `state` the session's."""
        session = self.session
        session.box = state.box.copy() if copy else state.box
        session.values[:] = state.values
        session.variables = dict(state.variables)
        session.cwd = state.cwd
        session.last_status = state.status
        session.config = session.box.config

    def fresh(self) -> State:
        """The box as it was when the session began."""
        session = self.session
        if session.rebuild is None:
            raise ShellError("this session cannot be rebuilt")
        return State(0, session.rebuild(), [], {}, "/", 0)

    def travel(self, at: int) -> None:
        """Bring the session to where the first `at` entries had run."""
        session = self.session
        near = [state for state in self.points if state.at <= at]
        near += [entry.after for entry in self.entries[:at] if entry.after is not None]
        if near:
            state = max(near, key=lambda state: state.at)
            self.enter(state)
        else:
            state = self.fresh()
            self.enter(state, copy=False)
        begun = time.perf_counter()
        self.replay([entry.replay for entry in self.entries[state.at : at]])
        if time.perf_counter() - begun > COST:
            long = self.capture()._replace(at=at)
            self.points = sorted([*self.points, long], key=lambda state: state.at)
        session.line = ""

    def replay(self, lines: list[str]) -> None:
        """Run lines with their output going nowhere."""
        session = self.session
        kept = (session.stdout, session.stderr, session.stdin, session.is_tty, session.journal, session.at_prompt,
                session.loops, session.before_line, session.after_line, session.after_command, session.ran)  # fmt: skip
        session.stdout, session.stderr, session.stdin = Capture(), Capture(), TextInput("")
        session.is_tty = session.at_prompt = False
        session.journal, session.loops, session.before_line, session.after_line = [], 0, [], []
        session.after_command = []
        self.busy = True
        try:
            for line in lines:
                session.run(line)
        finally:
            self.busy = False
            (session.stdout, session.stderr, session.stdin, session.is_tty, session.journal, session.at_prompt,
             session.loops, session.before_line, session.after_line, session.after_command,
             session.ran) = kept  # fmt: skip

    def script(self) -> list[str]:
        """The lines that rebuild this box from its configuration."""
        lines: list[str] = []
        for entry in self.entries:
            lines = list(entry.script) if entry.script is not None else [*lines, entry.replay]
        return lines

    def jump(self, state: State, script: list[str]) -> None:
        """Replace the box (restore, reset): one entry, which undo takes back."""
        self.enter(state)
        session = self.session
        self.undone.clear()
        self.entries.append(Entry(len(session.journal) + 1, session.line, session.line, True,
                                  state._replace(at=len(self.entries) + 1), script))  # fmt: skip
        self.settle()

    def settle(self) -> None:
        """After a command of this room: the line itself is no change."""
        self.control = True
        self.mark()


def attach(session: Session) -> Timeline:
    """The session's timeline, begun where it is missing."""
    if session.timeline is None:
        session.timeline = Timeline(session)
    timeline: Timeline = session.timeline
    return timeline
