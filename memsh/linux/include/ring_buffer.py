"""The buffers of events, one for each CPU (kernel/trace/ring_buffer.c).

A buffer is a ring of pages. An event that the page it would go to has no room for goes to the next one, whose events
are lost: so 7 KiB hold 2 pages of events, of which the older goes at once.

**Known deviations:** the pages are not taken from the box's memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import merge
from typing import Any, NamedTuple

PAGE_SIZE = 4096
DEFAULT_KB, SMALL_KB = 1408, 7  # once an event has been chosen, and before
_HEADER = 4  # bytes of an event's length and time
_MAX_SMALL = 112  # bytes that the header can tell of
_TIME_EXTEND = 8
_TIME_BITS = 27  # of the time since the event before


class Written(NamedTuple):
    """`number` counts the events of all CPUs; `time` is the clock's."""

    number: int
    time: int
    pid: int
    comm: str
    cpu: int
    record: tuple[Any, ...]


_written = tuple.__new__  # a Written of its fields, without a call into Python


class _PerCpu:
    __slots__ = ("dropped", "events", "lost", "pages", "time", "used")

    def __init__(self) -> None:
        self.events: deque[Written] = deque()
        self.pages: deque[int] = deque([0])  # how many events are on each
        self.used = 0  # bytes of the last page
        self.time = 0  # of the last event
        self.lost = 0  # events that were written over
        self.dropped = 0  # events that came when all was full, and were not to be

    def drop(self) -> None:
        self.lost += self.pages[0]
        for _ in range(self.pages.popleft()):
            self.events.popleft()


class RingBuffer:
    """`total` counts all events ever written; `kb` is each CPU's size."""

    __slots__ = ("cpus", "kb", "page", "total", "word")

    def __init__(self, word: int) -> None:
        self.word = word
        self.page = PAGE_SIZE - 8 - word  # behind a page's time and length
        self.kb = SMALL_KB
        self.cpus: dict[int, _PerCpu] = {}
        self.total = 0

    def pages(self) -> int:
        return max(2, -(-(self.kb << 10) // self.page))

    def held_kb(self) -> int:
        """KiB of the pages that this takes."""
        return self.pages() * self.page >> 10

    def resize(self, kb: int) -> None:
        """What does not fit any more is lost, the oldest first."""
        self.kb = kb  # as asked for
        for buffer in self.cpus.values():
            while len(buffer.pages) > self.pages():
                buffer.drop()

    def write(
        self, size: int, time: int, who: tuple[int, str, int], record: tuple[Any, ...], over: bool = True
    ) -> None:  # fmt: skip
        """An event of `size` bytes at `time` (ns), `who` (PID, comm, CPU); `over`: rather than the oldest ones."""
        buffer = self.cpus.get(who[2])
        if buffer is None:
            buffer = self.cpus[who[2]] = _PerCpu()
        size = -(-(size + _HEADER + (4 if size > _MAX_SMALL else 0)) // 4) * 4
        if buffer.used and time - buffer.time >> _TIME_BITS:
            size += _TIME_EXTEND
        if buffer.used + size > self.page:
            if not over and len(buffer.pages) == self.pages():
                buffer.dropped += 1
                return
            buffer.pages.append(0)
            buffer.used = 0
            if len(buffer.pages) > self.pages():
                buffer.drop()
        buffer.used += size
        buffer.time = time
        buffer.pages[-1] += 1
        buffer.events.append(_written(Written, (self.total, time, *who, record)))
        self.total += 1

    def __len__(self) -> int:
        return sum(len(buffer.events) for buffer in self.cpus.values())

    def __iter__(self) -> Iterator[Written]:
        """All that is kept, in the order in which it was written."""
        return merge(*(buffer.events for buffer in self.cpus.values()))

    def clear(self) -> None:
        self.cpus.clear()
        self.total = 0
