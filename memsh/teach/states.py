"""Commands run aside and states compared: what `explain`, `compare` and `expect` stand on. No known deviations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from memsh.linux.box import Box
from memsh.procfs import tree
from memsh.shell.errors import ShellError
from memsh.shell.io import Capture, TextInput
from memsh.shell.session import Session
from memsh.shell.streams import Streams


@contextmanager
def aside(session: Session) -> Iterator[Box]:
    """A copy of the box stands in; afterwards box, values, variables and the rest are as they were.

    The background jobs stand still meanwhile. ShellError from such a job.
    """
    if session.running_job is not None:
        raise ShellError("not from a background job")
    box, timeline, jobs, boot = session.box, session.timeline, session.jobs, session.boot
    streams = session.streams.copy()
    with session.looking():
        copied, streams.opened = session.copied(box, streams.opened)
    session.box, session.jobs = copied, []
    if timeline is not None:  # undo and restore work on lists of their own
        session.timeline = copy(timeline)
        for name in ("entries", "undone", "points", "snapshots"):
            setattr(session.timeline, name, copy(getattr(timeline, name)))
        session.timeline.store = None
    hooks = session.hooks.copy()
    hooks.console = copy(hooks.console)
    with session.apart(streams=streams, language=session.language.copy(), doing=session.doing.copy(), hooks=hooks):
        try:
            yield session.box
        finally:
            for job in list(session.jobs):
                job.kill()
            session.jobs, session.box, session.timeline = jobs, box, timeline
            session.config, session.boot = box.config, boot


def run_line(session: Session, line: str) -> tuple[str, int]:
    """Run a line with its output caught: (text, status). The journal does not see it."""
    caught = Capture()
    streams, doing = Streams(caught, caught, TextInput("")), session.doing.beside()
    streams.opened = {number: stream for number, stream in session.streams.opened.items() if number > 2}
    at_prompt, session.at_prompt = session.at_prompt, False  # nobody types it
    try:
        with session.apart(streams=streams, hooks=session.hooks.silent(), doing=doing):
            status = session.run(line)
    finally:
        session.at_prompt = at_prompt
    session.ran = doing.ran
    return caught.text(), status


State = dict[str, dict[str, str]]
FILES = ("buddyinfo", "slabinfo", "meminfo", "vmstat")


def state(box: Box) -> State:
    """The lines of the four files by their names."""
    from memsh.proctext import buddyinfo, slabinfo  # start-up: 6 ms, for their patterns

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
