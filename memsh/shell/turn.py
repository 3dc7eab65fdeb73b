"""Whose turn it is, where several threads want the box: the prompt, the programs on its mount, the clock.

Lines run one after the other, each whole, so that the journal says all there is to say. Who only looks is let in
between two kernel operations of a line that runs (where Ctrl-C is taken too): a long loop keeps nobody waiting.
Deeds (a write to a mounted file, a tick of the clock) are lines; while a live screen waits for its next refresh they
are done at once, and told as what the screen did.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.shell.session import Session

GLANCE = 0.1  # seconds between two looks at whether who waits still wants to


class Turn:
    """`waiting`: how many want to look at the box. `cond` is notified whenever somebody has done with it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.cond = threading.Condition()
        self.owner = 0  # the thread whose line runs
        self.away = False  # it waits for the host, and somebody else may work
        self.busy = False
        self.waiting = 0
        self.served = 0

    def _wait(self, gone: Callable[[], bool] | None) -> None:
        self.cond.wait(GLANCE if gone is not None else None)
        if gone is not None and gone():
            raise InterruptedError

    def _take(self, gone: Callable[[], bool] | None = None) -> None:
        self.waiting += 1
        try:
            while self.busy:
                self._wait(gone)
            self.busy = True
        finally:
            self.waiting -= 1
            self.served += 1
            self.cond.notify_all()

    def _leave(self) -> None:
        self.busy = False
        self.cond.notify_all()

    @contextmanager
    def looking(self, gone: Callable[[], bool] | None = None) -> Iterator[None]:
        """The box stands still. InterruptedError as soon as `gone` says that nobody waits for this any more."""
        with self.cond:
            self._take(gone)
        try:
            yield
        finally:
            with self.cond:
                self._leave()

    @contextmanager
    def line(self, gone: Callable[[], bool] | None = None) -> Iterator[None]:
        """While a line runs. A line within a line, or a background job's, has its turn already."""
        me = threading.get_ident()
        if self.owner == me or any(job.thread.ident == me for job in self.session.jobs):
            yield
            return
        with self.cond:
            while self.owner:
                self._wait(gone)
            self.owner = me
            try:
                self._take(gone)
            except BaseException:
                self.owner = 0
                raise
        try:
            yield
        finally:
            with self.cond:
                self.owner = 0
                self._leave()

    @contextmanager
    def deed(self, gone: Callable[[], bool] | None = None) -> Iterator[bool]:
        """As `line`, or within the live screen that waits: True then, and what is done belongs to it."""
        with self.cond:
            while self.owner and not (self.away and self.session.lived):
                self._wait(gone)
            within = self.owner != 0
            if within:
                self._take(gone)
        if not within:
            with self.line(gone):
                yield False
            return
        try:
            yield True
        finally:
            with self.cond:
                self._leave()

    def give(self) -> None:
        """A safe point of the line that runs: those who wait to look do so now."""
        with self.cond:
            self._leave()
            enough = self.served + self.waiting
            while self.served < enough or self.busy:
                self.cond.wait()
            self.busy = True

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While the line that runs waits for the host."""
        if not self.owner:
            yield
            return
        with self.cond:
            self.away = True
            self._leave()
        try:
            yield
        finally:
            with self.cond:
                while self.busy:
                    self.cond.wait()
                self.busy, self.away = True, False
