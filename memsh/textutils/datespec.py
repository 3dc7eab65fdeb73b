"""What `date -d` understands: a date, a time, a zone, a weekday, and steps from there (gnulib's parse-datetime.y).

Known deviations: of time zones UTC, GMT, Z and numbers; years 1 to 9999; no ordinal words above "next" (third, fourth).
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {
    "sec": ("s", 1), "second": ("s", 1), "min": ("s", 60), "minute": ("s", 60), "hour": ("s", 3600), "day": ("d", 1),
    "week": ("d", 7), "fortnight": ("d", 14), "month": ("m", 1), "year": ("m", 12),
}  # fmt: skip
_NEAR = {"now": 0, "today": 0, "yesterday": -1, "tomorrow": 1}
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
_UNIT = "(" + "|".join(sorted(_UNITS, key=len, reverse=True)) + r")s?\b"


class Moment:
    """What has been read so far."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.date: tuple[int, int, int] | None = None
        self.clock: float | None = None  # seconds since midnight
        self.zone = 0
        self.weekday: tuple[int, int] | None = None  # (day, how many of it on)
        self.steps = {"s": 0.0, "d": 0.0, "m": 0.0}

    def seconds(self) -> float:
        """Seconds since 1970. ValueError if there is no such day."""
        today = time.gmtime(self.now)
        year, month, day = self.date or (today.tm_year, today.tm_mon, today.tm_mday)
        if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
            raise ValueError("no such day")
        months = year * 12 + month - 1 + int(self.steps["m"])
        if not 12 <= months < 120_000 or abs(self.steps["d"]) > 1e9 or abs(self.steps["s"]) > 1e15:
            raise ValueError("no year of four digits")
        begun = float(calendar.timegm((months // 12, months % 12 + 1, 1, 0, 0, 0))) + (day - 1) * 86400
        clock = self.clock
        if clock is None:
            clock = 0.0 if self.date is not None or self.weekday is not None else self.now % 86400
        if self.weekday is not None and self.date is None:
            wanted, ordinal = self.weekday
            ahead = (wanted - time.gmtime(begun).tm_wday) % 7
            begun += 86400 * (ahead + 7 * (ordinal - (ordinal > 0 and ahead != 0)))
        return begun + self.steps["d"] * 86400 + clock + self.steps["s"] - self.zone


def _iso(moment: Moment, match: re.Match[str]) -> None:
    moment.date = int(match[1]), int(match[2]), int(match[3])


def _year_of(moment: Moment, typed: str | None) -> int:
    """The year that was typed, of which two digits are 1969 to 2068; this one if none was."""
    if not typed:
        return time.gmtime(moment.now).tm_year
    year = int(typed)
    return year + (2000 if year < 69 else 1900) if len(typed) <= 2 else year


def _american(moment: Moment, match: re.Match[str]) -> None:
    moment.date = _year_of(moment, match[3]), int(match[1]), int(match[2])


def _day_first(moment: Moment, match: re.Match[str]) -> None:
    moment.date = _year_of(moment, match[3]), _MONTHS.index(match[2][:3]) + 1, int(match[1])


def _month_first(moment: Moment, match: re.Match[str]) -> None:
    moment.date = _year_of(moment, match[3]), _MONTHS.index(match[1][:3]) + 1, int(match[2])


def _clock(moment: Moment, match: re.Match[str]) -> None:
    hour, minute, second = int(match[1]), int(match[2] or 0), float((match[3] or "0").replace(",", "."))
    half = (match[4] or "").replace(".", "")
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + 12 * (half == "pm")
    if hour > 24 or minute > 59 or second >= 61:
        raise ValueError("no such time")
    moment.clock = hour * 3600 + minute * 60 + second
    if match[5]:
        sign = -1 if match[5] == "-" else 1
        moment.zone = sign * (int(match[6]) * 3600 + int(match[7] or 0) * 60)


def _step(moment: Moment, match: re.Match[str]) -> None:
    count = float(match[2]) * (-1 if (match[1] == "-") != bool(match[4]) else 1)
    kind, size = _UNITS[match[3]]
    moment.steps[kind] += count * size


def _ordinal(moment: Moment, match: re.Match[str]) -> None:
    kind, size = _UNITS[match[2]]
    moment.steps[kind] += size * {"next": 1, "last": -1, "this": 0}.get(match[1] or "this", 0)


def _weekday(moment: Moment, match: re.Match[str]) -> None:
    moment.weekday = _DAYS.index(match[2][:3]), {"next": 1, "last": -1}.get(match[1] or "", 0)


def _near(moment: Moment, match: re.Match[str]) -> None:
    moment.steps["d"] += _NEAR[match[0]]


def _year(moment: Moment, match: re.Match[str]) -> None:
    """The year at the end of what `date` itself prints."""
    if moment.date is None or moment.clock is None:
        raise ValueError("a number alone")
    moment.date = int(match[1]), moment.date[1], moment.date[2]


def _utc(moment: Moment, match: re.Match[str]) -> None:
    moment.zone = 0


_ITEMS: tuple[tuple[re.Pattern[str], Callable[[Moment, re.Match[str]], None]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"([0-9]{1,4})-([0-9]{1,2})-([0-9]{1,2})(?![0-9])(?:t(?=[0-9]))?", _iso),
        (r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})(?![0-9])", _iso),
        (r"([0-9]{1,2})/([0-9]{1,2})(?:/([0-9]{2,4}))?(?![0-9/])", _american),
        (r"([0-9]{1,2})[- ]?" + _MONTH + r"(?:[- ,]+([0-9]{4}|[0-9]{2})(?![0-9:]))?", _day_first),
        (_MONTH + r"[- ]*([0-9]{1,2})(?![0-9:])(?:(?:, *| +)([0-9]{4})(?![0-9:]))?", _month_first),
        (r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}(?:[.,][0-9]+)?))? ?(am|pm|a\.m\.|p\.m\.)?"
         r"(?: ?([-+])([0-9]{2}):?([0-9]{2})?(?! *[a-z]))?", _clock),
        (r"([0-9]{1,2})()() ?(am|pm|a\.m\.|p\.m\.)()()()", _clock),
        (r"([-+]?) *([0-9]+(?:\.[0-9]+)?) *" + _UNIT + r"( +ago\b)?", _step),
        (r"([0-9]{4})([0-9]{2})([0-9]{2})(?![0-9])", _iso),
        (r"\b(?:(next|last|this) +)?" + _UNIT, _ordinal),
        (r"\b(?:(next|last|this) +)?(mon|tue|wed|thu|fri|sat|sun)[a-z]*\b[,.]?", _weekday),
        (r"\b(?:now|today|yesterday|tomorrow)\b", _near),
        (r"(?:utc|gmt|z)\b", _utc), (r"([0-9]{4})(?![0-9:])", _year),
    )
)  # fmt: skip


def parse_date(text: str, now: float) -> float:
    """Seconds since 1970 of what is written; `now` is when "now" is. ValueError for what is no date."""
    left = text.strip().lower()
    if re.fullmatch(r"@-?[0-9]+([.,][0-9]*)?", left):
        return _within(float(left[1:].replace(",", ".")))
    moment = Moment(now)
    if not left:
        moment.clock = 0.0
    while left:
        for pattern, read in _ITEMS:
            match = pattern.match(left)
            if match is not None:
                read(moment, match)
                left = left[match.end() :].lstrip(" \t,")
                break
        else:
            raise ValueError(text)
    return _within(moment.seconds())


def _within(when: float) -> float:
    """ValueError outside of the years 1 to 9999."""
    if not -62135596800.0 <= when < 253402300800.0:
        raise ValueError("no year of four digits")
    return when
