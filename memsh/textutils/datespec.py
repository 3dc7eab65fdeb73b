"""What `date -d` understands: a date, a time, a zone, a weekday, and steps from there (gnulib's parse-datetime.y).

Words are read as that grammar does, which looks one word ahead and takes what may belong to what stands before it: the
`+1` of `12:00 +1 day` is a zone of one hour, as with GNU date.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.lazy import regular
from memsh.textutils.zones import NANO, UTC, Tm, Zone, zone_of

_MOST = 1 << 63
_MONTHS = ("JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER",
           "NOVEMBER", "DECEMBER")  # fmt: skip
_DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_CALENDAR = {
    **{name: ("month", number) for number, name in enumerate(_MONTHS, 1)}, "SEPT": ("month", 9),
    **{name: ("day", number) for number, name in enumerate(_DAYS)},
    "TUES": ("day", 2), "WEDNES": ("day", 3), "THUR": ("day", 4), "THURS": ("day", 4),
}  # fmt: skip
_UNITS = {
    "YEAR": ("year", 1), "MONTH": ("month", 1), "FORTNIGHT": ("day", 14), "WEEK": ("day", 7), "DAY": ("day", 1),
    "HOUR": ("hour", 1), "MINUTE": ("minute", 1), "MIN": ("minute", 1), "SECOND": ("second", 1), "SEC": ("second", 1),
}  # fmt: skip
_RELATIVE = {
    "TOMORROW": ("shift", 1), "YESTERDAY": ("shift", -1), "TODAY": ("shift", 0), "NOW": ("shift", 0),
    **{name: ("ordinal", number) for name, number in (
        ("LAST", -1), ("THIS", 0), ("NEXT", 1), ("FIRST", 1), ("THIRD", 3), ("FOURTH", 4), ("FIFTH", 5), ("SIXTH", 6),
        ("SEVENTH", 7), ("EIGHTH", 8), ("NINTH", 9), ("TENTH", 10), ("ELEVENTH", 11), ("TWELFTH", 12))},
    "AGO": ("ago", -1), "HENCE": ("ago", 1),
}  # fmt: skip
_HOURS = {
    "GMT": 0, "UT": 0, "UTC": 0, "WET": 0, "ART": -3, "BRT": -3, "NST": -3.5, "AST": -4, "CLT": -4, "EST": -5,
    "CST": -6, "MST": -7, "PST": -8, "AKST": -9, "HST": -10, "HAST": -10, "SST": -12, "WAT": 1, "CET": 1, "MET": 1,
    "MEZ": 1, "EET": 2, "CAT": 2, "SAST": 2, "EAT": 3, "MSK": 3, "IST": 5.5, "SGT": 8, "KST": 9, "JST": 9, "GST": 10,
    "NZST": 12,
}  # fmt: skip
_SUMMER_HOURS = {
    "WEST": 0, "BST": 0, "BRST": -3, "NDT": -3.5, "ADT": -4, "CLST": -4, "EDT": -5, "CDT": -6, "MDT": -7, "PDT": -8,
    "AKDT": -9, "HADT": -10, "CEST": 1, "MEST": 1, "MESZ": 1, "EEST": 2, "MSD": 3, "NZDT": 12,
}  # fmt: skip
_MILITARY = {
    **{letter: hour for hour, letter in enumerate("ABCDEFGHIKLM", 1)},
    **{letter: -hour for hour, letter in enumerate("NOPQRSTUVWXY", 1)}, "Z": 0,
}  # fmt: skip
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_TZ = regular(r'TZ="((?:[^"\\]|\\["\\])*)"[ \t\n\v\f\r]*')
_STAMP = regular(r"(?:(\d\d)?(\d\d))?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?", re.A)
_LETTERS = regular(r"[A-Za-z.]+")
_NUMBER = regular(r"([-+][-+ \t\n\v\f\r]*(?=\d))?(\d+)(?:[.,](\d+))?", re.A)


class Token(NamedTuple):
    """A word of the text. Numbers: `number` (no sign), `signed`, `decimal`, `signed decimal`; other characters are a
    kind of their own. `value` of a decimal is (seconds, nanoseconds)."""

    kind: str
    value: int = 0
    digits: int = 0
    nanoseconds: int = 0
    unit: str = ""
    negative: bool = False


def parse_date(text: str, now_nanoseconds: int, zone: Zone = UTC) -> int:
    """Nanoseconds since 1970 of what is written; `now_nanoseconds` is when "now" is, `zone` the local one. ValueError
    for what is no date."""
    text = text.lstrip(" \t\n\v\f\r")
    match = _TZ.match(text)
    if match is not None:
        zone = zone_of(re.sub(r"\\(.)", r"\1", match[1]))
        text = text[match.end() :]
    return Reading(text or "0", now_nanoseconds, zone).moment()


def parse_stamp(text: str, now_nanoseconds: int, zone: Zone = UTC) -> int:
    """Nanoseconds since 1970 of `[[CC]YY]MMDDhhmm[.ss]` (gnulib's posixtm.c). ValueError if that is none."""
    match = _STAMP.fullmatch(text)
    if match is None:
        raise ValueError("no stamp")
    century, short, month, day, hour, minute, second = match.groups()
    year = zone.local(now_nanoseconds // NANO).year
    if short:
        year = int(short) + (int(century) * 100 if century else 1900 if int(short) > 68 else 2000)
    date, clock = (year, int(month), int(day)), (int(hour), int(minute), int(second or 0))
    seconds = zone.seconds(date, clock)
    if zone.local(seconds)[:6] != (*date, *clock):
        raise ValueError("no such time")
    return seconds * NANO


class Reading:
    """One text that is read."""

    def __init__(self, text: str, now: int, zone: Zone) -> None:
        self.zone = zone
        seconds, self.nanoseconds = divmod(now, NANO)
        self.now: Tm = zone.local(seconds)
        self.local_names = {self.now.zone: int(self.now.dst)}
        for quarter in (1, 2, 3):
            other = zone.local(seconds + quarter * 90 * 86400)
            if other.dst != self.now.dst:
                both = other.zone == self.now.zone
                self.local_names = {self.now.zone: -1 if both else int(self.now.dst),
                                    **({} if both else {other.zone: int(other.dst)})}  # fmt: skip
                break
        self.year: tuple[int, int] = self.now.year, 0  # and with how many digits it was written
        self.month, self.day = self.now.month, self.now.day
        self.clock: tuple[int, int, int] = self.now.hour, self.now.minute, self.now.second
        self.half = ""
        self.steps = dict.fromkeys((*_PARTS, "nanosecond"), 0)
        self.seen = {"dates": 0, "times": 0, "days": 0, "zones": 0, "local": 0, "dst": 0, "steps": 0}
        self.weekday = (0, 0)  # how many of it on, which
        self.offset = 0
        self.local_dst = 0
        self.at_sign: int | None = None
        self.tokens = [*self._tokens(text), Token("end")]
        self.place = 0
        self._items()

    # words

    def _tokens(self, text: str) -> list[Token]:
        tokens, at, depth = [], 0, 0
        while at < len(text):
            char = text[at]
            number = _NUMBER.match(text, at) if not depth else None
            if depth or char == "(":
                depth += (char == "(") - (char == ")")
                at += 1
            elif number is not None:
                tokens.append(_number(number))
                at = number.end()
            elif char.isascii() and char.isalpha():
                word = _LETTERS.match(text, at)
                assert word is not None
                tokens.append(self._word(word[0][:19].upper()))
                at = word.end()
            else:
                at += 1
                if not (char in " \t\n\v\f\r" or char in "-+"):
                    tokens.append(Token(char))
        return tokens

    def _word(self, word: str) -> Token:
        if word in ("AM", "A.M.", "PM", "P.M."):
            return Token("half", unit=word[0])
        if len(word) == 3 or (len(word) == 4 and word[3] == "."):
            close = [entry for name, entry in _CALENDAR.items() if name[:3] == word[:3]]
            if close:
                return Token(*close[0])
        if word in _CALENDAR:
            return Token(*_CALENDAR[word])
        zone = self._zone(word)
        if zone is not None:
            return zone
        if word == "DST":
            return Token("dst")
        unit = _UNITS.get(word) or (_UNITS.get(word[:-1]) if word[-1] == "S" else None)
        if unit is not None:
            return Token("unit", unit[1], unit=unit[0])
        if word in _RELATIVE:
            return Token(*_RELATIVE[word])
        if len(word) == 1 and word in _MILITARY:
            return Token("T" if word == "T" else "zone", _MILITARY[word] * 3600)
        if "." in word:
            return self._zone(word.replace(".", "")) or Token("?")
        return Token("?")

    def _zone(self, word: str) -> Token | None:
        if word not in ("GMT", "UT", "UTC"):
            for name, dst in self.local_names.items():
                if name.upper() == word:
                    return Token("local", dst)
        if word in _HOURS:
            return Token("zone", int(_HOURS[word] * 3600))
        return Token("summer zone", int(_SUMMER_HOURS[word] * 3600)) if word in _SUMMER_HOURS else None

    # the grammar

    def _next(self, ahead: int = 0) -> Token:
        return self.tokens[min(self.place + ahead, len(self.tokens) - 1)]

    def _take(self, *kinds: str) -> Token:
        token = self._next()
        if kinds and token.kind not in kinds:
            raise ValueError("no date")
        self.place += 1
        return token

    def _items(self) -> None:
        if self._next().kind == "@":
            self.place += 1
            token = self._take("number", "signed", "decimal", "signed decimal")
            self._take("end")
            self.at_sign = token.value * NANO + token.nanoseconds
            return
        while self._next().kind != "end":
            self._item(self._take())

    def _item(self, token: Token) -> None:
        kind = token.kind
        if kind == "number":
            self._number(token)
        elif kind in ("signed", "decimal", "signed decimal"):
            self._step(token, self._take("unit"))
        elif kind == "unit":
            self._step(Token("number", 1), token)
        elif kind == "shift":
            self.seen["steps"] = 1
            self.steps["day"] += token.value
        elif kind == "ordinal":
            following = self._take("unit", "day")
            if following.kind == "unit":
                self._step(token, following)
            else:
                self._weekday(token.value, following)
        elif kind == "day":
            self._weekday(0, token)
            if self._next().kind == ",":
                self.place += 1
        elif kind == "month":
            self._month_first(token)
        elif kind == "local":
            self.seen["local"] += 1
            self.local_dst = token.value
            if self._next().kind == "dst":
                self.place += 1
                self.local_dst, self.seen["dst"] = 1, self.seen["dst"] + 1
        elif kind in ("zone", "summer zone", "T"):
            self._zone_item(token)
        else:
            raise ValueError("no date")

    def _zone_item(self, token: Token) -> None:
        self.seen["zones"] += 1
        self.offset = token.value + 3600 * (token.kind == "summer zone")
        following = self._next().kind
        if token.kind == "zone" and following == "dst":
            self.place += 1
            self.offset += 3600
        elif token.kind != "summer zone" and following == "signed":
            if self._next(1).kind == "unit":
                self._step(self._take(), self._take())
            elif token.kind == "zone":
                self._zone_offset()
                self.offset += token.value

    def _zone_offset(self) -> None:
        """`+0530`, `+5`, `+05:30`."""
        token = self._take("signed")
        minutes = -1
        if self._next().kind == ":":
            self.place += 1
            minutes = self._take("number").value
        value, sign = abs(token.value), -1 if token.negative else 1
        if minutes < 0:
            value *= 100 if token.digits <= 2 else 1
            total = value // 100 * 60 + value % 100
        else:
            total = value * 60 + minutes
        if total > 24 * 60:
            raise ValueError("no such zone")
        self.offset = sign * total * 60

    def _number(self, token: Token) -> None:
        following = self._next().kind
        if following == "half" or following == ":":
            self._time(token)
        elif following == "/":
            self._slashes(token)
        elif following == "month":
            self._day_first(token)
        elif following == "day":
            self._weekday(token.value, self._take())
        elif following == "unit":
            self._step(token, self._take())
        elif following == "signed" and self._next(1).kind == "signed":
            self._iso(token)
        elif following == "signed" and self._next(1).kind != "unit":
            self.seen["times"] += 1
            self.seen["zones"] += 1
            self.clock, self.nanoseconds, self.half = (token.value, 0, 0), 0, ""
            self._zone_offset()
        else:
            self._digits(token)
            if following == "signed":
                self._step(self._take(), self._take())

    def _time(self, hour: Token) -> None:
        self.seen["times"] += 1
        minute = second = nanoseconds = 0
        if self._next().kind == ":":
            self.place += 1
            minute = self._take("number").value
            if self._next().kind == ":":
                self.place += 1
                token = self._take("number", "decimal")
                second, nanoseconds = token.value, token.nanoseconds
        self.clock, self.nanoseconds, self.half = (hour.value, minute, second), nanoseconds, ""
        if self._next().kind == "half":
            self.half = self._take().unit
        elif self._next().kind == "signed":
            self.seen["zones"] += 1
            self._zone_offset()

    def _date(self, year: tuple[int, int], month: int, day: int) -> None:
        self.seen["dates"] += 1
        self.year, self.month, self.day = year, month, day

    def _slashes(self, first: Token) -> None:
        self._take("/")
        second = self._take("number")
        if self._next().kind != "/":
            self._date(self.year, first.value, second.value)
            return
        self.place += 1
        third = self._take("number")
        if first.digits >= 4:
            self._date((first.value, first.digits), second.value, third.value)
        else:
            self._date((third.value, third.digits), first.value, second.value)

    def _day_first(self, day: Token) -> None:
        month, year = self._take().value, self.year
        if self._next().kind in ("signed", "number"):
            token = self._take()
            year = (-token.value if token.kind == "signed" else token.value, token.digits)
        self._date(year, month, day.value)

    def _month_first(self, month: Token) -> None:
        day = self._take("signed", "number")
        if day.kind == "signed":
            year = self._take("signed")
            self._date((-year.value, year.digits), month.value, -day.value)
            return
        written = self.year
        if self._next().kind == ",":
            self.place += 1
            token = self._take("number")
            written = token.value, token.digits
        self._date(written, month.value, day.value)

    def _iso(self, year: Token) -> None:
        month, day = self._take().value, self._take().value
        self._date((year.value, year.digits), -month, -day)
        if self._next().kind == "T" and self._next(1).kind == "number":
            self.place += 1
            hour = self._take()
            if self._next().kind == ":":
                self._time(hour)
                if self.half:
                    raise ValueError("no half of the day there")
            else:
                self.seen["times"] += 1
                self.seen["zones"] += 1
                self.clock, self.nanoseconds, self.half = (hour.value, 0, 0), 0, ""
                self._zone_offset()

    def _weekday(self, ordinal: int, day: Token) -> None:
        self.seen["days"] += 1
        self.weekday = ordinal, day.value

    def _step(self, count: Token, unit: Token) -> None:
        if "decimal" in count.kind and unit.unit != "second":
            raise ValueError("parts of seconds only")
        way = self._take().value if self._next().kind == "ago" else 1
        self.seen["steps"] = 1
        self.steps[unit.unit] += way * count.value * unit.value
        self.steps["nanosecond"] += way * count.nanoseconds
        if abs(self.steps[unit.unit]) >= (_MOST if unit.unit in ("hour", "minute", "second") else 1 << 31):
            raise ValueError("too far")

    def _digits(self, token: Token) -> None:
        """A number alone: the year of a date that has none, a date, or a time."""
        value, digits = token.value, token.digits
        if self.seen["dates"] and not self.year[1] and not self.seen["steps"] and (self.seen["times"] or digits > 2):
            self.year = value, digits
        elif digits > 4:
            self._date((value // 10000, digits - 4), value // 100 % 100, value % 100)
        else:
            self.seen["times"] += 1
            self.clock = (value, 0, 0) if digits <= 2 else (value // 100, value % 100, 0)
            self.nanoseconds, self.half = 0, ""

    # the moment

    def moment(self) -> int:
        """Nanoseconds since 1970. ValueError if there is no such time."""
        if self.at_sign is not None:
            return self.at_sign
        seen = self.seen
        if max(seen["times"], seen["dates"], seen["days"], seen["dst"], seen["local"] + seen["zones"]) > 1:
            raise ValueError("twice")
        clock, dst = (0, 0, 0), int(self.now.dst)
        if seen["times"] or (seen["steps"] and not seen["dates"] and not seen["days"]):
            clock = (self._hour(), *self.clock[1:])
        else:
            self.nanoseconds = 0
        if seen["dates"] or seen["days"] or seen["times"]:
            dst = -1
        if seen["local"]:
            dst = self.local_dst
        date = self._year(), self.month, self.day
        seconds = self.zone.seconds(date, clock, dst)
        tm = self.zone.local(seconds)
        if tm[:6] != (*date, *clock) and not (seen["zones"] and UTC.local(UTC.seconds(date, clock))[:6]
                                              == (*date, *clock)):  # fmt: skip
            raise ValueError("no such time")
        if seen["days"] and not seen["dates"]:
            ordinal, wanted = self.weekday
            ahead = (wanted - tm.weekday) % 7 + 7 * (ordinal - (ordinal > 0 and tm.weekday != wanted))
            seconds = self.zone.seconds((tm.year, tm.month, tm.day + ahead), (tm.hour, tm.minute, tm.second))
            tm = self.zone.local(seconds)
        steps = self.steps
        if steps["year"] or steps["month"] or steps["day"]:
            moved = tm.year + steps["year"], tm.month + steps["month"], tm.day + steps["day"]
            seconds = self.zone.seconds(moved, clock, dst)
            tm = self.zone.local(seconds)
        if seen["zones"]:
            seconds += tm.offset - self.offset
        seconds += steps["hour"] * 3600 + steps["minute"] * 60 + steps["second"]
        return seconds * NANO + self.nanoseconds + steps["nanosecond"]

    def _hour(self) -> int:
        hour = self.clock[0]
        if self.half:
            if not 1 <= hour <= 12:
                raise ValueError("no such hour")
            return hour % 12 + 12 * (self.half == "P")
        if hour > 23:
            raise ValueError("no such hour")
        return hour

    def _year(self) -> int:
        """The year, of which two digits are 1969 to 2068."""
        year, digits = self.year
        if digits == 2 and year >= 0:
            return year + (2000 if year < 69 else 1900)
        return abs(year)


def _number(match: re.Match[str]) -> Token:
    sign, whole, part = match[1], match[2], match[3]
    if len(whole) > 20 or int(whole) >= _MOST:
        return Token("?")
    negative = bool(sign) and sign.strip()[-1] == "-"
    value = -int(whole) if negative else int(whole)
    if part is None:
        return Token("signed" if sign else "number", value, len(whole), negative=negative)
    nanoseconds = int(part[:9].ljust(9, "0"))
    if negative:
        nanoseconds = -nanoseconds - bool(part[9:].strip("0"))
    return Token("signed decimal" if sign else "decimal", value, len(whole), nanoseconds, negative=negative)
