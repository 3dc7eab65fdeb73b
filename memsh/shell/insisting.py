"""Ctrl-C where the box is only looked at: raised at once, whatever runs, and again until it has got out of there.

Python swallows what is raised in a finalizer (a generator that is dropped, a profiler's call at its end); after some
CPU time the exception comes once more. No known deviations.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from memsh.shell.errors import Interrupted

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
        if self.on:
            raise Interrupted

    def _swallowed(self, what: sys.UnraisableHookArgs) -> None:
        """What a finalizer took is no news."""
        if what.exc_type is not Interrupted:
            self.before[1](what)
