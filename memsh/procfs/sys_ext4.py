"""/sys/fs/ext4/DISK/trigger_fs_error: an error of the file system that is none, to see what comes of it (sysfs.c).

The log tells of it, and the files beside it of the first one and of the last.

**Known deviations:** none is written to the disk; however many come, the log has them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.kern_levels import KERN_CRIT
from memsh.linux.kernel.timer import BTIME

if TYPE_CHECKING:
    from memsh.linux.box import Box

WHERE, LINE, ERRCODE = "trigger_test_error", 126, 5
FIELDS = ("block", "errcode", "func", "ino", "line", "time")
COUNTS = frozenset(("errors_count", *(f"{which}_error_{field}" for which in ("first", "last") for field in FIELDS)))


def trigger_test_error(folder: str, box: Box, text: str) -> None:
    """`text` is what the log says of it; nothing happens without."""
    words = text.removesuffix("\n")
    if not words:
        return
    kept, disk = box.sysctl.text, folder.rpartition("/")[2]
    box.log.printk(f"EXT4-fs error (device {disk}): {WHERE}:{LINE}: comm {box.current.comm}: {words}", KERN_CRIT)
    count = int(kept.get(f"sys.{folder}/errors_count", "0"))
    now = str(BTIME + box.timer.usec // 1_000_000)
    told = dict(zip(FIELDS, ("0", str(ERRCODE), WHERE, "0", str(LINE), now), strict=True))
    for which in ("last",) if count else ("first", "last"):
        kept |= {f"sys.{folder}/{which}_error_{field}": value for field, value in told.items()}
    kept[f"sys.{folder}/errors_count"] = str(count + 1)
