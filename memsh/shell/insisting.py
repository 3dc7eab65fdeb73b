"""Ctrl-C where the box is only looked at: raised at once, whatever runs, and again until it has got out of there.

Python swallows what is raised in a finalizer (a generator that is dropped, a profiler's call at its end); after some
CPU time the exception comes once more. No known deviations.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from memsh.shell.errors import Interrupted

if TYPE_CHECKING:
    from memsh.shell.session import Session

AGAIN = 0.03  # seconds of CPU time between two


class Insisting:
    """Only the main thread may use it: signals are that thread's."""

    def __init__(self) -> None:
        self.on = False
        self.before: tuple[Any, Callable[[Any], Any]] = None, sys.unraisablehook

    def begin(self) -> None:
        """Raise Interrupted, now and again until `end`."""
        if not self.on:
            self.on = True
            self.before = signal.signal(signal.SIGVTALRM, self._again), sys.unraisablehook
            sys.unraisablehook = self._swallowed
            signal.setitimer(signal.ITIMER_VIRTUAL, AGAIN, AGAIN)
        raise Interrupted

    def end(self) -> None:
        """It has got out."""
        if not self.on:
            return
        self.on = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, self.before[0])
        sys.unraisablehook = self.before[1]

    def _again(self, number: int, frame: FrameType | None) -> None:
        if self.on and not at_its_edge(frame):
            raise Interrupted

    def _swallowed(self, what: sys.UnraisableHookArgs) -> None:
        """What a finalizer took is no news."""
        if what.exc_type is not Interrupted:
            self.before[1](what)


class Looking:
    """`with session.looking():` Ctrl-C is raised anywhere in it, but not on the way in or out, where it would leave
    the session insisting for ever: there it is taken at the safe point that follows."""

    def __init__(self, session: Session, here: bool) -> None:
        self.session, self.here, self.before = session, here, False

    def __enter__(self) -> None:
        session = self.session
        session.poll()
        self.before, session.only_looks = session.only_looks, self.here

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        session = self.session
        session.only_looks = self.before
        session.insisting.end()
        if kind is None:
            session.poll()  # one that was pressed before this began to look


class Waiting:
    """`with session.host_wait():` Ctrl-C is raised anywhere in it, but not on the way out: nobody would hear that the
    wait is over, and what is done next would be cut in the middle. A job that waits is not the one who is told."""

    def __init__(self, session: Session, aside: AbstractContextManager[None]) -> None:
        self.session, self.aside = session, aside

    def __enter__(self) -> None:
        self.aside.__enter__()
        self.session.host_waiter = threading.get_ident()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.session.host_waiter = 0
        self.aside.__exit__(kind, error, at)


EDGES = frozenset(
    way.__code__
    for way in (Looking.__enter__, Looking.__exit__, Insisting.end, Waiting.__enter__, Waiting.__exit__)
)


def at_its_edge(frame: FrameType | None) -> bool:
    """Whether a signal that comes in this frame finds what only looks or waits begun by half, or ended by half."""
    return frame is not None and frame.f_code in EDGES
