"""The box's wall clock, as its /proc tells it, and strftime in UTC."""

from __future__ import annotations

import calendar
import time

from memsh.shell.io import IO
from memsh.shell.registry import REGISTRY
from memsh.shell.session import Session


def now(io: IO) -> float:
    """Seconds since 1970: btime of /proc/stat and what /proc/uptime has counted since; 0 where there are none."""
    return now_of(io.session)


def now_of(session: Session) -> float:
    """The same for who has no streams."""
    files = session.files
    assert files is not None
    try:
        stat = files.open_read(session, "/proc/stat").read()
        uptime = files.open_read(session, "/proc/uptime").read()
    except OSError:
        return 0.0
    boot = next((float(line.split()[1]) for line in stat.splitlines() if line.startswith("btime ")), 0.0)
    return boot + float(uptime.split()[0])


def strftime(pattern: str, when: float) -> str:
    """C's strftime, for UTC."""
    when = min(max(when, -1e18), 1e18) if when == when else 0.0
    moment = time.gmtime(min(max(when, -62135596800.0), 253402300799.0))
    nanoseconds = f"{round(when % 1 * 1e9) % 1_000_000_000:09d}"
    ready = pattern.replace("%N", nanoseconds).replace("%s", str(int(when // 1)))
    ready = ready.replace("%z", "+0000").replace("%:z", "+00:00").replace("%Z", "UTC").replace("%#Z", "utc")
    return time.strftime(ready, moment) if ready else ""


def mktime(text: str) -> float:
    """gawk's mktime: "YYYY MM DD HH MM SS", UTC; -1 for what is no date."""
    try:
        words = [int(word) for word in text.split()[:6]]
        if len(words) < 6:
            return -1.0
        year, month, day, hour, minute, second = words
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        return float(calendar.timegm((year, month, 1, hour, minute, second)) + (day - 1) * 86400)
    except (ValueError, OverflowError):
        return -1.0


REGISTRY.clock = lambda session, layout: strftime(layout, now_of(session))
