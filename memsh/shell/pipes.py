"""Pipes that stream. Exactly one stage works at any time, so that what happens never depends on the host's scheduler.

A writer works until its pipe holds 64 KiB; what fits is simply handed to the reader afterwards. Only a longer stream,
or a writer that waits for somebody else, gives the reader a thread of its own, and the two take turns (strands.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from copy import copy, deepcopy
from typing import TYPE_CHECKING

from memsh.shell.errors import Interrupted, Late, PipeClosed
from memsh.shell.io import Input, PartsInput, Room, TextInput
from memsh.shell.limits import TEXT

if TYPE_CHECKING:
    from memsh.shell.session import Session
    from memsh.shell.strands import Strand

CAPACITY = 64 << 10


class Reading:
    """The reader's end of a pipe: what is written, as it comes.

    A writer works before its reader, and the box's clock may move on meanwhile. So what is written bears the time at
    which it was, and the reader has a time of its own, which is `ahead` µs before the box's: that of what it has read.
    """

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.ahead = pipe.clock() - pipe.born
        self.until: int | None = None  # its own time at which it waits no longer

    def __iter__(self) -> Reading:
        return self

    def __next__(self) -> str:
        pipe = self.pipe
        while True:
            if pipe.aborted:
                raise Interrupted
            if pipe.parts:
                self._comes(pipe.stamps[0])
                return pipe.take(pipe.clock() - self.ahead)
            if pipe.ended:
                self._comes(pipe.over)
                raise StopIteration
            before = pipe.clock()
            pipe.strands.wait(pipe.readable, pipe.writer)
            self.ahead += pipe.clock() - before

    @property
    def place(self) -> object:
        """How far it has been read, and the reader's time."""
        return len(self.pipe.parts), self.pipe.held, self.ahead

    def _comes(self, stamp: int) -> None:
        """Wait for what was written then."""
        here = self.pipe.clock() - self.ahead
        if self.until is not None and stamp > self.until:
            self.ahead -= self.until - here
            raise Late
        self.ahead -= max(0, stamp - here)

    def limit(self, usec: int | None) -> None:
        self.until = None if usec is None else self.pipe.clock() - self.ahead + usec


class Pipe:
    """The sink of one stage; `run_reader` runs the stages behind it on an Input and answers their status. `before`:
    what the writer itself reads from, whose time is then the writer's.

    Whose turn it is has the session's language: each stage has one of its own.
    """

    capacity = CAPACITY

    def __init__(self, run_reader: Callable[[Input], int], session: Session, before: Input | None = None) -> None:
        self.run_reader = run_reader
        self.session = session
        source = getattr(before, "parts", None)
        self.before = source if isinstance(source, Reading) else None
        self.strands = session.strands
        self.writer = self.strands.now
        self.limit = self.writer.limit  # the reader's too; what the writer has later is its own
        self.reader: Strand | None = None  # it has a thread of its own
        self.parts: list[str] = []
        self.stamps: list[int] = []  # when each was written, µs
        self.born = self.over = self.writers_clock()
        self.held = 0
        self.ended = False  # no more will be written
        self.aborted = False  # the writer was interrupted
        self.closed = False  # the reader has gone
        self.status = 0

    def __deepcopy__(self, memo: dict[int, object]) -> Pipe:
        """What has been written so far, to be read at another time; its writer stays behind."""
        other = memo[id(self)] = copy(self)
        other.session = deepcopy(self.session, memo)
        other.parts, other.stamps = list(self.parts), list(self.stamps)
        if not self.ended:
            other.end()
        other.reader = None
        return other

    def clock(self) -> int:
        """The box's, µs."""
        timer = getattr(self.session.box, "timer", None)
        return timer.usec if timer is not None else 0

    def writers_clock(self) -> int:
        return self.clock() - (self.before.ahead if self.before is not None else 0)

    def write(self, text: str) -> None:
        if self.closed:
            raise PipeClosed
        self.parts.append(text)
        self.stamps.append(self.writers_clock())
        self.held += len(text)
        if self.held >= self.capacity:
            self.begin()
            self.strands.wait(lambda: self.held < self.capacity or self.closed, self.reader)
            if self.closed:
                raise PipeClosed

    def take(self, until: int) -> str:
        """What was written up to that time."""
        count = bisect_right(self.stamps, until)
        text = "".join(self.parts[:count])
        del self.parts[:count], self.stamps[:count]
        self.held -= len(text)
        return text

    def readable(self) -> bool:
        """Whether a reader need not wait."""
        return bool(self.parts) or self.ended or self.aborted

    def begin(self) -> None:
        """Let the reader work while the writer waits."""
        self.settled()
        if self.reader is None:
            self.reader = self.strands.begin(self._read, self.writer, self.limit)

    def settled(self) -> None:
        """How the reader works is known."""
        if self.begin in self.strands.fresh:
            self.strands.fresh.remove(self.begin)

    def _read(self) -> None:
        try:
            self.status = self.run_reader(PartsInput(Reading(self), self.session))
        except BaseException as failure:  # the writer's side raises it
            self.writer.thrown = failure
        self.closed = True

    def finish(self) -> int:
        """The writer has ended: let the reader end too. Answers the reader's status."""
        self.end()
        self.settled()
        if self.reader is None:
            self.closed = True
            return self.run_reader(self.whole())
        self.strands.wait(lambda: self.closed, self.reader)
        return self.status

    def end(self) -> None:
        """Nothing more will be written."""
        self.ended, self.over = True, self.writers_clock()

    def whole(self) -> Input:
        """All that was written, where no reader has begun."""
        if self.over == self.born:
            return TextInput(self.take(self.over))
        return PartsInput(Reading(self), self.session)

    def abort(self) -> None:
        """The writer was interrupted: so is the reader."""
        self.aborted = True
        self.settled()
        if self.reader is not None and not self.closed:
            self.reader.thrown = Interrupted()
            try:
                self.strands.wait(lambda: self.closed, self.reader)
            except BaseException:
                return


class Gathered(Pipe):
    """What `<( … )` writes, all of it before somebody reads. Above the limit: Argument list too long."""

    capacity = TEXT << 1

    def __init__(self, session: Session) -> None:
        super().__init__(lambda source: 0, session)
        self.room = Room()

    def write(self, text: str) -> None:
        self.room.take(text)
        super().write(text)
