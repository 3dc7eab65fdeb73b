"""The box's wall clock, as its /proc tells it, and the zone of a session."""

from __future__ import annotations

from memsh.shell.io import IO
from memsh.shell.registry import REGISTRY
from memsh.shell.session import Session
from memsh.textutils.timeformat import strftime
from memsh.textutils.zones import Zone, zone_of


def now(io: IO) -> float:
    """Seconds since 1970: btime of /proc/stat and what the box has counted since, in microseconds as the times of its
    files; of a machine that is only /proc text, what /proc/uptime says. 0 where there are none."""
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
    return boot + (session.box.timer.usec / 1e6 if session.box is not None else float(uptime.split()[0]))


def booted(io: IO) -> float:
    """When the box booted, in seconds since 1970."""
    box = io.session.box
    return round(now(io) - box.timer.usec / 1e6) if box is not None else 0.0


def local_zone(io: IO) -> Zone:
    """The zone that TZ names to the programs of this session; the box has no /etc/localtime."""
    return zone_of(io.language.exported().get("TZ"))


def mktime(text: str, zone: Zone) -> float:
    """gawk's mktime: "YYYY MM DD HH MM SS [DST]" in a zone; -1 for what is no date."""
    try:
        words = [int(word) for word in text.split()[:7]]
        if len(words) < 6 or max(map(abs, words)) >= 1 << 31:
            return -1.0
        return float(zone.seconds((words[0], words[1], words[2]), (words[3], words[4], words[5]), (*words, -1)[6]))
    except ValueError:
        return -1.0


REGISTRY.clock = lambda session, layout: strftime(layout, now_of(session), zone_of(session.variables.get("TZ")))
