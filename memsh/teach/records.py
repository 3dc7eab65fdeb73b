"""The lines of a journal's file, and how they reach the disk.

The first line is the head, `{"memsh": VERSION, "format": 2, "boot": {…}}`; each other one a record: eight digits of its
CRC-32, a blank, and an object of JSON in ASCII. Files of format 1, which had no sums, are still read. A record is one
write(), so that a killed memsh leaves whole lines; the disk has it at most 50 ms later. No known deviations.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import zlib
from typing import Any

FORMAT = 2
PAUSE = 0.05  # seconds between two fdatasync(): what the host's own crash may take


def spelled(record: dict[str, Any]) -> bytes:
    """A record as its line."""
    text = json.dumps(record, ensure_ascii=True).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def parsed(line: bytes, form: int) -> dict[str, Any]:
    """The record of a line without its end, in a file of this format. ValueError if it is none."""
    if form >= 2:
        told, blank, line = line[:8], line[8:9], line[9:]
        if blank != b" " or int(told, 16) != zlib.crc32(line):
            raise ValueError("the sum is another")
    try:
        record = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("no object")
    return record


class Writer:
    """The end of an open file. A thread of its own brings to the disk what was written, group by group."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.waiting = threading.Event()
        self.closing = threading.Event()
        self.thread: threading.Thread | None = None

    def write(self, line: bytes) -> None:
        """Append a line. OSError."""
        written = os.write(self.descriptor, line)
        if written < len(line):  # the disk is full: no half line stays
            os.ftruncate(self.descriptor, max(0, os.fstat(self.descriptor).st_size - written))
            os.write(self.descriptor, line)
        self.waiting.set()
        if self.thread is None:
            self.thread = threading.Thread(target=self._sync, daemon=True)
            self.thread.start()

    def _sync(self) -> None:
        while not self.closing.is_set():
            self.waiting.wait()
            self.waiting.clear()
            self._flush()
            self.closing.wait(PAUSE)

    def _flush(self) -> None:
        with contextlib.suppress(OSError):
            getattr(os, "fdatasync", os.fsync)(self.descriptor)

    def close(self) -> None:
        """Bring everything to the disk and let the file go."""
        self.closing.set()
        self.waiting.set()
        if self.thread is not None:
            self.thread.join()
        self._flush()
        os.close(self.descriptor)
