"""Pipes: what is in one, and who has it open (fs/pipe.c).

Nothing here waits: who opens, reads or writes is told whether it would, and waits by the means of its own room.

Known deviations: bytes in a pipe take no pages, and what describes one takes no object of the slab.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import Signalled
from memsh.linux.include.flags import SIGPIPE

if TYPE_CHECKING:
    from memsh.linux.include.mm_types import Inode

PIPE_SIZE = 16 << 12  # PIPE_DEF_BUFFERS pages


class PipeInode:
    """struct pipe_inode_info: `readers` and `writers` have it open now, `r_counter` and `w_counter` have opened it."""

    __slots__ = ("data", "r_counter", "readers", "w_counter", "writers")

    def __init__(self) -> None:
        self.data = bytearray()
        self.readers = self.writers = self.r_counter = self.w_counter = 0

    def hold(self, reads: bool, writes: bool) -> None:
        """One more end: for reading, writing or both."""
        self.readers, self.r_counter = self.readers + reads, self.r_counter + reads
        self.writers, self.w_counter = self.writers + writes, self.w_counter + writes

    def readable(self) -> bool:
        """Whether a reader need not wait: there is something, or nobody who could write (pipe_readable)."""
        return bool(self.data) or not self.writers

    def writable(self) -> bool:
        """Whether a writer need not wait: there is room, or nobody who could read (pipe_writable)."""
        return len(self.data) < PIPE_SIZE or not self.readers

    def read_line(self) -> bytes:
        """What is there up to the end of a line; nothing: the end (pipe_read)."""
        end = self.data.find(b"\n") + 1 or len(self.data)
        line = bytes(self.data[:end])
        del self.data[:end]
        return line

    def write(self, data: bytes) -> int:
        """How many of these bytes went in, as many as there is room for (pipe_write). EPIPE, with SIGPIPE."""
        if not self.readers:
            raise Signalled("EPIPE", SIGPIPE)
        room = PIPE_SIZE - len(self.data)
        self.data += data[:room]
        return min(room, len(data))

    def release(self, reads: bool, writes: bool) -> None:
        """One end is closed (pipe_release)."""
        self.readers, self.writers = self.readers - reads, self.writers - writes


def fifo_open(inode: Inode, reads: bool, writes: bool) -> PipeInode:
    """Hold one end of a named pipe. Who opens it for one thing only then waits for the counter of the other to move,
    unless somebody has the other end open already."""
    pipe = inode.pipe = inode.pipe or PipeInode()
    pipe.hold(reads, writes)
    return pipe


def fifo_release(inode: Inode, reads: bool, writes: bool) -> None:
    """Close one end; with the last one goes what was in it (put_pipe_info)."""
    pipe = inode.pipe
    assert pipe is not None
    pipe.release(reads, writes)
    if not pipe.readers and not pipe.writers:
        inode.pipe = None
