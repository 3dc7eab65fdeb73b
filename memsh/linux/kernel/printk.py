"""The kernel log: a ring of records (kernel/printk/printk.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.kern_levels import KERN_INFO
from memsh.linux.lib.ratelimit import RateLimit

if TYPE_CHECKING:
    from memsh.linux.box import Box


LINE_USEC, CHARS_A_USEC = 11, 5  # what a record takes, as measured on the recorded machine


class Record(NamedTuple):
    level: int
    usec: int  # microseconds since boot
    text: str
    facility: int = 0  # who wrote it: 0 the kernel, else as syslog(3) numbers programs

    def __deepcopy__(self, memo: object) -> Record:
        return self


class Printk:
    """`printk(text, level)` appends one record; continuation lines are part of `text`, joined by newlines.

    Writing takes time, though the box's clock stands still meanwhile: each record is a little later than the last.
    Until the clock runs, early at boot, all are of the moment 0.
    """

    def __init__(self) -> None:
        self.records: deque[Record] = deque(maxlen=16384)
        self.usec = 0  # the box's clock
        self.next = 0  # µs: before then the last record is still being written
        self.limit = RateLimit()  # printk_ratelimit_state
        self.vsyscalls = RateLimit()  # warn_bad_vsyscall() has its own
        self.warned: set[str] = set()  # the WARN_ON_ONCE that have told
        self.total = 0  # records ever written, so that a reader can tell what is new
        self.clear_seq = 0  # how many of them had been written when the log was last cleared

    def printk(self, text: str, level: int = KERN_INFO, facility: int = 0) -> None:
        now = max(self.usec, self.next)
        if now:
            self.next = now + LINE_USEC + len(text) // CHARS_A_USEC
        self.records.append(Record(level, now, text, facility))
        self.total += 1

    def told(self, usec: int, text: str, level: int = KERN_INFO) -> None:
        """A record of a moment that has passed, to be sorted in."""
        self.records.append(Record(level, usec, text))
        self.total += 1

    def sort(self) -> None:
        """Steps of boot that ran side by side have written one after the other: into the order of time."""
        self.records = deque(sorted(self.records, key=lambda record: record.usec), self.records.maxlen)

    def unread(self) -> list[Record]:
        """What has been written since the log was last cleared, as /dev/kmsg gives it out."""
        kept = list(self.records)
        return kept[max(0, self.clear_seq - (self.total - len(kept))) :]

    def clear(self) -> None:
        """SYSLOG_ACTION_CLEAR: readers begin behind what is there now."""
        self.clear_seq = self.total


def printk_ratelimit(box: Box, function: str) -> bool:
    """Whether `function` may write now: kernel.printk_ratelimit_burst messages of all that ask in
    kernel.printk_ratelimit seconds (__printk_ratelimit)."""
    limit, values = box.log.limit, box.sysctl.values
    limit.interval = values["kernel.printk_ratelimit"] * 1_000_000
    limit.burst = values["kernel.printk_ratelimit_burst"]
    return not limit.interval or limit.allows(box, function)
