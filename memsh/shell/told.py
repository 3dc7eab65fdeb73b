"""Commands that belong to the session or the host, not to the box: they travel in time, ask the journal, write files.

Declared with `outside`, such a command does nothing in a replay and says again what it said when it was typed: what the
rest of the line made of that (`x=$(history)`, `diff /proc/meminfo > f`) comes out the same. Those declared with `alone`
move the session itself, so they are a line of their own (a stage of a pipe, a line of a sourced file): inside `$(…)`,
loops, functions, `&&` and the like there would be no saying what the line had done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from memsh.shell.errors import Interrupted, ShellError
from memsh.shell.io import Capture, HostSink

if TYPE_CHECKING:
    from memsh.shell.io import IO, Sink
    from memsh.shell.run import Runner
    from memsh.shell.session import Session


class Told(NamedTuple):
    """What one of them said, as far as the line could hear it, and its status."""

    text: str
    status: int


class Overheard(Capture):
    """A sink that keeps what passes through it."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self.sink = sink

    def write(self, text: str) -> None:
        super().write(text)
        self.sink.write(text)


@contextmanager
def within(session: Session) -> Iterator[None]:
    """Around what a command runs: that is not alone."""
    language = session.language
    language.nesting += 1
    try:
        yield
    finally:
        language.nesting -= 1


def nested(run: Callable[[Any, Any], int]) -> Callable[[Any, Any], int]:
    """The way through a compound command, which is none for those that are alone."""

    def inside(runner: Runner, node: Any) -> int:
        language = runner.session.language
        language.nesting += 1
        try:
            return run(runner, node)
        finally:
            language.nesting -= 1

    return inside


def run_outside(runner: Runner, io: IO, alone: bool, work: Callable[[], int]) -> int:
    """Run such a command, or say again what it said. ShellError where it may not stand."""
    session = runner.session
    doing = session.doing
    if doing.again is not None:
        told = doing.again.pop(0) if doing.again else Told("", 0)
        if told.text:
            io.sink.write(told.text)
        return told.status
    language = session.language
    if alone and (language.nesting or language.frames or session.running_job is not None):
        raise ShellError("only as a line of its own: not in $( ), a loop, a function, a list with && or a job")
    if session.replaying:
        return 0
    heard = None
    if not isinstance(io.sink, HostSink):
        heard = io.sink = Overheard(io.sink)
    status, polls = 1, session.polls
    stops, session.stops = session.stops, {}  # it is not cut in a replay, so not here either
    try:
        status = work()
    except Interrupted:
        session.cut_at = polls + 1
        raise
    finally:
        session.polls, session.stops = polls, stops  # a replay has no polls in between
        doing.told.append(Told(heard.text() if heard is not None else "", status))
    return status
