"""Pipes that stream. Exactly one stage works at any time, so that what happens never depends on the host's scheduler.

A writer works until its pipe holds 64 KiB; what fits is simply handed to the reader afterwards. Only a longer stream
gives the reader a thread of its own, and the two take turns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from memsh.shell.errors import Interrupted, PipeClosed, Unreasonable
from memsh.shell.io import Input, PartsInput, TextInput

if TYPE_CHECKING:
    from memsh.shell.session import Session

CAPACITY = 64 << 10


def begin(thread: threading.Thread) -> threading.Thread:
    """Start it. ShellError where the host has no more of them."""
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        raise Unreasonable("the host gives no more threads") from None
    return thread


class Pipe:
    """The sink of one stage; `run_reader` runs the stages behind it on an Input and answers their status.

    Whose turn it is has the session's language: each stage has one of its own.
    """

    def __init__(self, run_reader: Callable[[Input], int], session: Session) -> None:
        self.run_reader = run_reader
        self.session = session
        self.begun = session.language
        self.parts: list[str] = []
        self.held = 0
        self.ended = False  # no more will be written
        self.aborted = False  # the writer was interrupted
        self.closed = False  # the reader has gone
        self.status = 0
        self.failure: BaseException | None = None
        self.thread: threading.Thread | None = None
        self.to_reader = threading.Semaphore(0)
        self.to_writer = threading.Semaphore(0)

    def write(self, text: str) -> None:
        if self.closed:
            raise PipeClosed
        self.parts.append(text)
        self.held += len(text)
        if self.held >= CAPACITY:
            self._hand_over()
            if self.closed:
                raise PipeClosed

    def take(self) -> str:
        text = "".join(self.parts)
        self.parts.clear()
        self.held = 0
        return text

    def _hand_over(self) -> None:
        """Let the reader work until it wants more or has ended."""
        own = self.session.language
        if self.thread is None:
            self.thread = begin(threading.Thread(target=self._started, daemon=True))
        else:
            self.to_reader.release()
        self.to_writer.acquire()
        self.session.language = own
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    def _started(self) -> None:
        self.session.language = self.begun
        self._read()

    def _read(self) -> None:
        try:
            self.status = self.run_reader(PartsInput(self.reading(), self.session))
        except BaseException as failure:  # handed to the writer's side, which raises it
            self.failure = failure
        self.closed = True
        self.to_writer.release()

    def finish(self) -> int:
        """The writer has ended: let the reader end too. Answers the reader's status."""
        self.ended = True
        if self.thread is None:
            self.closed = True
            return self.run_reader(TextInput(self.take()))
        if not self.closed:
            self._hand_over()
        return self.status

    def abort(self) -> None:
        """The writer was interrupted: so is the reader."""
        self.aborted = True
        if self.thread is not None and not self.closed:
            try:
                self._hand_over()
            except BaseException:
                return


    def reading(self) -> Iterator[str]:
        """The reader's end: what is written, as it comes."""
        while True:
            if self.aborted:
                raise Interrupted
            if self.held:
                yield self.take()
            elif self.ended:
                return
            else:
                own = self.session.language
                self.to_writer.release()
                self.to_reader.acquire()
                self.session.language = own
