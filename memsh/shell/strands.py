"""Those that take turns within one line, or within one job: its own thread, and those of the readers of its pipes.

Exactly one of them works at any time. One that cannot go on (its pipe is empty or full, nobody has a named pipe open at
its other end) says what it waits for, and the next that can go on takes its place: the same one each time, whatever the
host's scheduler does. Where none can, a job gives way to who let it work; a line lets jobs work and the box's clock
move. Where nothing is left that could ever help, one of them hears of it, where Linux would let it wait for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from mmap import mmap
from typing import TYPE_CHECKING

from memsh.shell.errors import Late, Unreasonable

if TYPE_CHECKING:
    from memsh.shell.jobs import Job
    from memsh.shell.session import Session

NEVER = 1 << 62  # µs
ROOM = 32 << 20  # bytes: a thread's stack, and what it needs to begin
Limit = tuple[int, BaseException | None]


def begin(thread: threading.Thread) -> threading.Thread:
    """Start it. ShellError where the host has no more of them."""
    try:
        mmap(-1, ROOM).close()  # one that dies before it has begun would be waited for
        thread.start()
    except (OSError, RuntimeError, MemoryError):
        raise Unreasonable("the host gives no more threads") from None
    return thread


class Strand:
    """One that takes turns. `limit`: the box's time (µs) up to which it may wait or sleep, and what it raises then.
    While it waits: `ready` says whether it can go on, `until` is the time at which it waits no longer, `stuck` what it
    hears if nobody can ever help."""

    __slots__ = ("limit", "ready", "stuck", "thrown", "turn", "until")

    def __init__(self, ready: Callable[[], object] | None = None, limit: Limit = (NEVER, None)) -> None:
        self.limit = limit
        self.turn = threading.Semaphore(0)
        self.ready = ready
        self.until = NEVER
        self.stuck: Exception | None = None
        self.thrown: BaseException | None = None  # what it raises when it goes on

    def can(self) -> bool:
        return self.thrown is not None or (self.ready is not None and bool(self.ready()))


class Strands:
    """Those of one line, or of a job. `fresh`: begins the reader of a pipe that has none yet, the first pipe first;
    `unsaid`: brings what a command has written to where others read it, before somebody waits."""

    def __init__(self, session: Session, job: Job | None = None, limit: Limit = (NEVER, None)) -> None:
        self.session = session
        self.job = job
        self.now = Strand(limit=limit)
        self.waiting: list[Strand] = []
        self.fresh: list[Callable[[], object]] = []
        self.unsaid: list[Callable[[], object]] = []

    def begin(self, work: Callable[[], object], then: Strand, limit: Limit) -> Strand:
        """One more, whose turn it is as soon as somebody waits. `then`: who goes on first when it has ended."""
        strand, language = Strand(lambda: True, limit), self.session.language

        def started() -> None:
            strand.turn.acquire()
            self.waiting.remove(strand)
            self.session.language = language
            work()
            following = self._next(then) or self.waiting[0]
            self.now = following
            following.turn.release()

        begin(threading.Thread(target=started, daemon=True))
        self.waiting.append(strand)
        return strand

    def wait(
        self, ready: Callable[[], object], first: Strand | None = None, stuck: Exception | None = None,
        until: int = NEVER,
    ) -> None:  # fmt: skip
        """Let others work until `ready`, `first` before all others. Late: the box's clock has come to `until`; `stuck`
        is raised where nobody can help."""
        if ready():
            return
        while self.unsaid:
            self.unsaid.pop()()
        me, session = self.now, self.session
        me.ready, me.stuck, me.until = ready, stuck, min(until, me.limit[0])
        self.waiting.append(me)
        try:
            while not me.can():
                if me.until < NEVER and session.box.timer.usec >= me.until:
                    raise me.limit[1] if until > me.until and me.limit[1] is not None else Late
                following = self._next(first)
                if following is not None:
                    self._give(me, following)
                elif self.fresh:
                    self.fresh[0]()
                else:
                    self._idle()
        finally:
            self.waiting.remove(me)
            me.ready = None
            thrown, me.thrown = me.thrown, None
        if thrown is not None:
            raise thrown

    def can(self) -> bool:
        """Whether one of those that wait can go on."""
        return any(strand.can() for strand in self.waiting)

    def _next(self, first: Strand | None) -> Strand | None:
        if first is not None and first in self.waiting and first.can():
            return first
        return next((strand for strand in self.waiting if strand.can()), None)

    def _give(self, me: Strand, following: Strand) -> None:
        language = self.session.language
        self.now = following
        following.turn.release()
        me.turn.acquire()
        self.session.language = language

    def _idle(self) -> None:
        """None of them can go on by itself."""
        until = min(strand.until for strand in self.waiting)
        if self.job is not None:
            self.job.block(until)
        elif not self.session.let_others(until):
            hears = next((strand for strand in self.waiting if strand.stuck is not None), self.now)
            hears.thrown = hears.stuck or RuntimeError("all wait for each other")
