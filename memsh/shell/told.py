"""What comes from outside the box into a line: scripts of the host, standard input, and the commands that belong to the
session or the host: they travel in time, ask the journal, write files.

What came is kept with the line, in the order in which it came, and comes again in a replay. Declared with `outside`,
such a command does nothing there and says again what it said when it was typed: what the rest of the line made of that
(`x=$(history)`, `diff /proc/meminfo > f`) comes out the same. Those declared with `alone`
move the session itself, so they are a line of their own (a stage of a pipe, a line of a sourced file): inside `$(…)`,
loops, functions, `&&` and the like there would be no saying what the line had done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from memsh.shell.errors import Interrupted, ShellError
from memsh.shell.io import Capture, HostSink, Input, TextInput
from memsh.shell.streams import Told

if TYPE_CHECKING:
    from memsh.shell.io import IO, Sink
    from memsh.shell.run import Runner
    from memsh.shell.session import Session


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
        told = again(doing.again)
        if told.text:
            io.sink.write(told.text)
        return told.status
    language = session.language
    if alone and (language.nesting or language.frames or session.running_job is not None):
        refusal = ShellError("only as a line of its own: not in $( ), a loop, a function, a list with && or a job")
        doing.hear(Told(refusal.message, refusal.status, failed=True))
        raise refusal
    if session.replaying:
        return 0
    heard = None
    if not isinstance(io.sink, HostSink):
        heard = io.sink = Overheard(io.sink)
    told, polls = Told("", 1), session.polls
    stops, session.stops = session.stops, {}  # it is not cut in a replay, so not here either
    try:
        status = work()
        told = Told(heard.text() if heard is not None else "", status)
    except Interrupted:
        session.cut_at = polls + 1
        raise
    except (ShellError, OSError) as error:
        told = refused(error)
        raise
    finally:
        session.polls, session.stops = polls, stops  # a replay has no polls in between
        doing.hear(told)
    return status


def read_fault(error: OSError) -> str:
    """The words of an error, behind the name of the file that could not be read any further, if that is known."""
    reading = getattr(error, "reading", "")
    return (f"{reading}: " if reading else "") + str(error.strerror or error)


def refused(error: ShellError | OSError) -> Told:
    """What is heard of an error."""
    if isinstance(error, ShellError):
        return Told(error.message, error.status, failed=True)
    return Told(read_fault(error), 1, failed=True)


def again(queue: list[Told]) -> Told:
    """What came next when the line was typed. ShellError if that was a refusal."""
    told = queue.pop(0) if queue else Told("", 0)
    if told.failed:
        raise ShellError(told.text, told.status)
    return told


def script_text(session: Session, read: Callable[[], str]) -> str:
    """The text of a script of the host; in a replay the one that it had when the line was typed."""
    doing = session.doing
    if doing.again is not None:
        return again(doing.again).text
    try:
        told = Told(read(), 0)
    except ShellError as error:
        doing.hear(refused(error))
        raise
    doing.hear(told)
    return told.text


def spelled(told: list[Told]) -> list[str]:
    """Words for `answered`: lines that were read after each other are one text, but for the end of input ("")."""
    words: list[str] = []
    for lines, group in groupby(told, lambda one: one.read and one.text != ""):
        texts = list(group)
        if lines:
            texts = [Told("".join(one.text for one in texts), 0)]
        for one in texts:
            words += [f"!{one.status}" if one.failed else str(one.status), one.text]
    return words


def told_of(words: list[str]) -> list[Told]:
    """Such words as what they mean. ShellError if they are none."""
    if len(words) % 2 or not all(re.fullmatch("!?[0-9]{1,3}", word) for word in words[::2]):
        raise ShellError("STATUS TEXT: pairs of a number and what was said", 2)
    pairs = zip(words[::2], words[1::2], strict=True)
    return [Told(text, int(status.lstrip("!")), failed=status[0] == "!") for status, text in pairs]


class ReadAgain(Input):
    """Standard input of a line that is replayed: what it read when it was typed."""

    def __init__(self, again: list[Told]) -> None:
        self.again = again
        self.left = TextInput("")

    def unread(self, text: str) -> None:
        self.left.unread(text)

    def __iter__(self) -> Iterator[str]:
        while line := self.readline():
            yield line

    def readline(self) -> str:
        if not self.left.place() and self.again:
            self.left = TextInput(self.again.pop(0).text)
        return self.left.readline()
