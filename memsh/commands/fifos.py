"""Ends of pipes as streams: of named ones, and of those between the shell and a coprocess (fs/pipe.c).

Opening one end waits until somebody opens the other, a reader for what is written, a writer for room: others work
meanwhile. Where nobody is left who could, that is refused in one sentence, since on Linux it would wait for ever.
"""

from __future__ import annotations

import codecs
from errno import EDEADLK
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.fs.pipe import PipeInode, fifo_open, fifo_release
from memsh.linux.include.errno import Signalled
from memsh.shell.io import FileInput
from memsh.shell.strands import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memsh.linux.include.mm_types import Inode
    from memsh.shell.session import Session


def _stuck(why: str) -> OSError:
    return OSError(EDEADLK, f"{why}, and no job is left that could: this would wait for ever")


NO_READER = "nobody has the pipe open for reading"
NO_WRITER = "nobody has the pipe open for writing"
NO_TEXT = "nobody writes into the pipe"
NO_ROOM = "the pipe is full, nobody reads it"


class End:
    """One end of a pipe, or both, until `close`."""

    def __init__(self, session: Session, pipe: PipeInode, reads: bool, writes: bool, inode: Inode | None) -> None:
        self.session = session
        self.pipe = pipe
        self.reads = reads
        self.writes = writes
        self.inode = inode  # None: it has no name
        self.held = bytearray()  # written, and not yet in the pipe
        self.open = True
        self.until = NEVER  # the box's time at which a reader waits no longer, µs
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """What comes, a line or a part of one at a time: the rest is for who reads next."""
        pipe = self.pipe
        if not self.open:
            raise StopIteration
        self.session.strands.wait(pipe.readable, stuck=_stuck(NO_TEXT), until=self.until)
        data = pipe.read_line()
        if not data:
            raise StopIteration
        self._touched()
        return self.decoder.decode(data)

    @property
    def place(self) -> object:
        return len(self.pipe.data)

    def limit(self, usec: int | None) -> None:
        self.until = NEVER if usec is None else self.session.box.timer.usec + usec

    def write(self, text: str) -> None:
        if not self.held:
            self.session.strands.unsaid.append(self.push)
        self.held += text.encode("utf-8", "surrogateescape")
        if len(self.held) >= 1 << 12:
            self.push()

    def push(self) -> None:
        """Write what is held. EPIPE, with SIGPIPE."""
        unsaid = self.session.strands.unsaid
        if self.push in unsaid:
            unsaid.remove(self.push)
        while self.held:
            self.session.strands.wait(self.pipe.writable, stuck=_stuck(NO_ROOM))
            try:
                done = self.pipe.write(bytes(self.held))
            except Signalled:
                self.held.clear()
                raise
            del self.held[:done]
            self._touched()

    def close(self) -> None:
        if not self.open:
            return
        try:
            self.push()
        finally:
            self._release()
            self._touched()

    def _release(self) -> None:
        self.open = False
        if self.inode is not None:
            fifo_release(self.inode, self.reads, self.writes)
        else:
            self.pipe.release(self.reads, self.writes)

    def __del__(self) -> None:
        """Nobody has it any more: a command has opened it, and did not read to the end."""
        if getattr(self, "open", False):
            self._release()

    def _touched(self) -> None:
        self.session.box.changes += 1
        self.session.let_ready()


class PipeInput(FileInput):
    """The end for reading."""

    def __init__(self, end: End) -> None:
        super().__init__(end, end.session)
        self.end = end

    def _coming(self) -> Iterator[str]:
        yield from super()._coming()
        if not self.kept:
            self.close()

    def unread(self, text: str) -> None:
        """What was taken too much is in the pipe again."""
        self.end.pipe.data[:0] = text.encode("utf-8", "surrogateescape")


class PipeBoth(PipeInput):
    """Both ends of a pipe in one stream (`<>`)."""

    def write(self, text: str) -> None:
        self.end.write(text)
        self.end.push()


class PipeSink:
    """The end for writing; what a command has said is in the pipe as it ends, or before."""

    buffers = True
    lasting = kept = False

    def __init__(self, end: End) -> None:
        self.end = end

    def write(self, text: str) -> None:
        self.end.write(text)

    def flush(self) -> None:
        self.end.push()

    def close(self) -> None:
        self.end.close()


def _opened(session: Session, inode: Inode, reads: bool, writes: bool) -> End:
    """fifo_open(): wait until somebody opens the other end."""
    pipe = fifo_open(inode, reads, writes)
    end = End(session, pipe, reads, writes, inode)
    alone, counters = not (pipe.writers if reads else pipe.readers), (pipe.r_counter, pipe.w_counter)
    session.let_ready()
    try:
        if alone:
            why = _stuck(NO_WRITER if reads else NO_READER)
            session.strands.wait(lambda: (pipe.r_counter, pipe.w_counter)[reads] != counters[reads], stuck=why)
    except BaseException:
        end.close()
        raise
    return end


def open_read(session: Session, inode: Inode) -> PipeInput:
    return PipeInput(_opened(session, inode, True, False))


def open_write(session: Session, inode: Inode) -> PipeSink:
    return PipeSink(_opened(session, inode, False, True))


def open_both(session: Session, inode: Inode) -> PipeBoth:
    return PipeBoth(_opened(session, inode, True, True))


def pipe(session: Session) -> tuple[PipeInput, PipeSink]:
    """Both ends of a pipe without a name."""
    made = PipeInode()
    made.hold(True, True)
    end = partial(End, session, made, inode=None)
    return PipeInput(end(reads=True, writes=False)), PipeSink(end(reads=False, writes=True))
