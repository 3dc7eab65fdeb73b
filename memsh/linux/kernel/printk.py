"""The kernel log: a ring of records (kernel/printk/printk.c)."""

from collections import deque
from typing import NamedTuple

KERN_EMERG, KERN_ALERT, KERN_CRIT, KERN_ERR, KERN_WARNING, KERN_NOTICE, KERN_INFO, KERN_DEBUG = range(8)


class Record(NamedTuple):
    level: int
    usec: int  # microseconds since boot
    text: str


class Printk:
    """`printk(text, level)` appends one record; continuation lines are part of `text`, joined by newlines."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque(maxlen=16384)
        self.usec = 0  # stamped on the next record; moved on by the box's clock
        self.total = 0  # records ever written, so that a reader can tell what is new
        self.clear_seq = 0  # how many of them had been written when the log was last cleared

    def printk(self, text: str, level: int = KERN_INFO) -> None:
        self.records.append(Record(level, self.usec, text))
        self.total += 1

    def unread(self) -> list[Record]:
        """What has been written since the log was last cleared, as /dev/kmsg gives it out."""
        kept = list(self.records)
        return kept[max(0, self.clear_seq - (self.total - len(kept))) :]

    def clear(self) -> None:
        """SYSLOG_ACTION_CLEAR: readers begin behind what is there now."""
        self.clear_seq = self.total
