"""Commands run aside and states compared: what `explain`, `compare` and `expect` stand on. No known deviations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from memsh.procfs import tree
from memsh.proctext import buddyinfo, slabinfo
from memsh.shell.errors import ShellError
from memsh.shell.io import Capture, TextInput
from memsh.shell.session import Session


@contextmanager
def aside(session: Session) -> Iterator[Any]:
    """A copy of the box stands in; afterwards box, values, variables and the rest are as they were.

    The background jobs stand still meanwhile. ShellError from such a job.
    """
    if session.running_job is not None:
        raise ShellError("not from a background job")
    box, values, variables = session.box, list(session.values), dict(session.variables)
    cwd, status, timeline, jobs = session.cwd, session.last_status, session.timeline, session.jobs
    boot, ran, console = session.boot, set(session.ran), session.console
    session.box, session.jobs, session.console = box.copy(), [], copy(console)
    if timeline is not None:  # undo and restore work on lists of their own
        session.timeline = copy(timeline)
        for name in ("entries", "undone", "points", "snapshots"):
            setattr(session.timeline, name, copy(getattr(timeline, name)))
        session.timeline.store = None
    try:
        yield session.box
    finally:
        for job in list(session.jobs):
            job.kill()
        session.jobs, session.console = jobs, console
        session.box, session.values[:], session.variables = box, values, variables
        session.cwd, session.last_status, session.timeline = cwd, status, timeline
        session.config, session.boot, session.ran = box.config, boot, ran


def run_line(session: Session, line: str) -> tuple[str, int]:
    """Run a line with its output caught: (text, status). The journal does not see it."""
    names = ("stdout", "stderr", "stdin", "is_tty", "journal", "before_line", "after_line", "after_command", "line",
             "reasons")  # fmt: skip
    kept = {name: getattr(session, name) for name in names}
    caught = Capture()
    session.stdout, session.stderr, session.stdin, session.is_tty = caught, caught, TextInput(""), False
    session.journal, session.before_line, session.after_line, session.after_command = [], [], [], []
    session.reasons = None
    try:
        status = session.run(line)
    finally:
        for name, value in kept.items():
            setattr(session, name, value)
    return caught.text(), status


State = dict[str, dict[str, str]]
FILES = ("buddyinfo", "slabinfo", "meminfo", "vmstat")


def state(box: Any) -> State:
    """The lines of the four files by their names."""
    found: State = {}
    for name in FILES:
        rows: dict[str, str] = {}
        text = tree.show(box, "/proc/" + name)
        if name == "slabinfo":
            for cache in slabinfo.parse(text):
                rows[cache.name] = f"{cache.active_objs} of {cache.num_objs} objects, {cache.num_slabs} slabs"
        elif name == "buddyinfo":
            for free in buddyinfo.rows(text):
                rows[f"{free.zone}@{free.node}" if free.node else free.zone] = " ".join(map(str, free.counts))
        else:
            for line in text.splitlines():
                words = line.split()
                rows[words[0].rstrip(":")] = " ".join(words[1:])
        found[name] = rows
    return found


def changes(before: State, after: State) -> list[str]:
    """`meminfo MemFree: 900 kB → 896 kB`, a line each, in the files' order."""
    lines = []
    for name in FILES:
        for row, new in after[name].items():
            old = before[name].get(row, "none")
            if old != new:
                lines.append(f"{name} {row}: {old} → {new}")
        lines += [f"{name} {row}: {old} → none" for row, old in before[name].items() if row not in after[name]]
    return lines
