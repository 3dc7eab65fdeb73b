"""/proc/kmsg: the kernel log for one who goes on reading (fs/proc/kmsg.c, kernel/printk/printk.c syslog_print()).

Each line has its priority and its time in front: `<6>[    0.000000] text`; a record of several lines repeats them.

**Known deviations:** every reader is shown all of it, where Linux has one place for all readers.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.kernel.printk import Record


def record_text(record: Record) -> str:
    head = f"<{record.facility << 3 | record.level}>[{record.usec // 1_000_000:5}.{record.usec % 1_000_000:06}] "
    return "".join(f"{head}{line}\n" for line in record.text.split("\n"))


def follow(box: Box, cursor: int | None) -> tuple[str, int]:
    """The records from number `cursor` on; those that the ring has lost are left out."""
    log = box.log
    oldest = log.total - len(log.records)
    if cursor is None:
        return "", oldest
    start = max(0, cursor - oldest)
    return "".join(record_text(record) for record in islice(log.records, start, None)), log.total
