"""Time zones as TZ writes them, `EST5EDT,M3.2.0,M11.1.0`, and days counted by the calendar of 400 years (glibc 2.36:
time/tzset.c, time/offtime.c, time/mktime.c).

Known deviation: the box has no files of zones (/usr/share/zoneinfo), so that `TZ=Europe/Berlin` is UTC under the name
"Europe", as with glibc where the file is missing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from memsh.lazy import regular

DAY = 86400
NANO = 1_000_000_000  # nanoseconds a second
_NAME = r"([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)"
_OFFSET = r"([-+]?)(\d+)(?::(\d+))?(?::(\d+))?"
_RULE = regular(rf",(?:M(\d+)\.(\d+)\.(\d+)|(J?)(\d+))(?:/{_OFFSET})?")
Rule = tuple[str, int, int, int, int]
"""(`M`, month, week, day) or (`J` or "", day of the year, 0, 0), and the second of that day."""


class Tm(NamedTuple):
    """A moment in a zone (struct tm, but years are years and months 1 to 12; `offset` is seconds east of UTC)."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int
    yearday: int
    dst: bool
    offset: int
    zone: str


def days_of(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date; a month or a day beyond its bounds counts on."""
    year, month = year + (month - 1) // 12, (month - 1) % 12
    past = year - (month < 2)  # a year that begins in March has its odd day last
    return past * 365 + past // 4 - past // 100 + past // 400 + (153 * ((month + 10) % 12) + 2) // 5 + day - 719469


def date_of(days: int) -> tuple[int, int, int]:
    """(year, month, day) of so many days after 1970-01-01."""
    era, left = divmod(days + 719468, 146097)
    of_era = (left - left // 1460 + left // 36524 - left // 146096) // 365
    left -= of_era * 365 + of_era // 4 - of_era // 100
    month = (5 * left + 2) // 153
    return era * 400 + of_era + (month > 9), (month + 2) % 12 + 1, left - (153 * month + 2) // 5 + 1


def leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


class Zone:
    """A zone: its standard time and, where it has one, its summer time with the two rules when they change."""

    def __init__(self, names: tuple[str, str], offsets: tuple[int, int], rules: tuple[Rule, Rule] | None) -> None:
        self.names, self.offsets, self.rules = names, offsets, rules

    def summer(self, seconds: int) -> bool:
        if self.rules is None:
            return False
        year = date_of(seconds // DAY)[0]
        start = _change(self.rules[0], year) - self.offsets[0]
        end = _change(self.rules[1], year) - self.offsets[1]
        if start > end:
            return not end <= seconds < start
        return start <= seconds < end

    def local(self, seconds: int) -> Tm:
        """The moment that is so many seconds after 1970 (localtime)."""
        dst = self.summer(seconds)
        offset = self.offsets[dst]
        days, clock = divmod(seconds + offset, DAY)
        date = date_of(days)
        return Tm(*date, clock // 3600, clock // 60 % 60, clock % 60, (days + 4) % 7, days - days_of(date[0], 1, 1),
                  dst, offset, self.names[dst])  # fmt: skip

    def seconds(self, date: tuple[int, int, int], clock: tuple[int, int, int], dst: int = -1) -> int:
        """Seconds since 1970 of a date and a time of day (mktime); `dst`: 1 summer time, 0 not, -1 what the rules say.
        An hour that the clock leaps over is told by the time before the leap."""
        naive = days_of(*date) * DAY + clock[0] * 3600 + clock[1] * 60 + clock[2]
        if dst < 0:
            for summer in (1, 0):
                at = naive - self.offsets[summer]
                if self.summer(at) == bool(summer):
                    return at
        return naive - self.offsets[max(dst, 0)]


def _change(rule: Rule, year: int) -> int:
    """The second of local time when a rule begins to hold in a year (tzset.c, compute_change, for which all
    years before 1970 begin when 1970 does)."""
    kind, number, week, weekday, second = rule
    second += max(days_of(1970, 1, 1) - days_of(year, 1, 1), 0) * DAY
    if kind == "M":
        first = days_of(year, number, 1)
        day = first + (weekday - (first + 4)) % 7 + 7 * (week - 1)
        last = days_of(year, number + 1, 1)
        return (day if day < last else day - 7) * DAY + second
    skipped = 1 if kind == "J" and number >= 60 and leap(year) else 0
    return (days_of(year, 1, 1) + number - (kind == "J") + skipped) * DAY + second


def _clock(groups: tuple[str | None, ...], most: int) -> int:
    sign, hour, minute, second = groups
    seconds = min(int(hour or 0), most) * 3600 + min(int(minute or 0), 59) * 60 + min(int(second or 0), 59)
    return -seconds if sign == "-" else seconds


def _rule(match: re.Match[str]) -> Rule | None:
    second = _clock(match.groups()[5:], 167) if match[7] else 7200
    if match[1]:
        month, week, day = int(match[1]), int(match[2]), int(match[3])
        return ("M", month, week, day, second) if 1 <= month <= 12 and 1 <= week <= 5 and day <= 6 else None
    return (match[4], int(match[5]), 0, 0, second) if (match[4] == "J") <= int(match[5]) <= 365 else None


@lru_cache(16)
def zone_of(text: str | None) -> Zone:
    """The zone that a TZ names; without one UTC (tzset.c, __tzset_parse_tz)."""
    if not text:
        return UTC
    text = text.removeprefix(":")
    name = re.match(_NAME, text)
    if name is None:
        return Zone(("", ""), (0, 0), None)
    standard = name[1].strip("<>")
    first = re.match(_OFFSET, text[name.end() :])
    if first is None:
        return Zone((standard, standard), (0, 0), None)
    offset, at = -_clock(first.groups(), 24), name.end() + first.end()
    name = re.match(_NAME, text[at:])
    if name is None:
        return Zone((standard, standard), (offset, offset), None)
    at += name.end()
    second = re.match(_OFFSET, text[at:])
    summer = offset + 3600 if second is None else -_clock(second.groups(), 24)
    at += 0 if second is None else second.end()
    rules = (("M", 3, 2, 0, 7200), ("M", 11, 1, 0, 7200))
    start = _RULE.match(text, at)
    end = _RULE.match(text, start.end()) if start is not None else None
    typed = (_rule(start) if start else None, _rule(end) if end else None)
    if typed[0] is not None and typed[1] is not None:
        rules = (typed[0], typed[1])
    return Zone((standard, name[1].strip("<>")), (offset, summer), rules)


UTC, GMT = Zone(("UTC", "UTC"), (0, 0), None), Zone(("GMT", "GMT"), (0, 0), None)
