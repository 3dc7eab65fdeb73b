"""strftime as GNU date and glibc have it, flags and widths too: `%-d`, `%_H`, `%010s`, `%^a`, `%3N`, `%:z` (gnulib's
nstrftime.c, in the C locale).

Known deviation: a field is at most 4096 characters wide.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from memsh.lazy import regular
from memsh.textutils.conversions import field
from memsh.textutils.zones import UTC, Tm, Zone, leap

FARTHEST = 67_768_036_191_676_799  # seconds after 1970: a struct tm can tell no later year
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_SPEC = regular(r"%([-_0+^#]*)([0-9]*)([EO]?)(:{0,3})(.?)", re.S)
_TWELVE = {"c": "%a %b %e %H:%M:%S %-Y", "x": "%m/%d/%y", "X": "%H:%M:%S", "D": "%m/%d/%y", "R": "%H:%M",
           "T": "%H:%M:%S", "r": "%I:%M:%S %p"}  # fmt: skip
_WITH_E, _WITH_O = set("cCxXyY"), set("bBhCdegGHIjklmMNqsSuUVwWy")
_NO_CARE = set("nptPRTruqsZ")
_NUMBERS: dict[str, tuple[int, Callable[[Tm], int]]] = {
    "d": (2, lambda tm: tm.day), "e": (2, lambda tm: tm.day), "H": (2, lambda tm: tm.hour),
    "k": (2, lambda tm: tm.hour), "I": (2, lambda tm: (tm.hour + 11) % 12 + 1),
    "l": (2, lambda tm: (tm.hour + 11) % 12 + 1), "j": (3, lambda tm: tm.yearday + 1), "M": (2, lambda tm: tm.minute),
    "m": (2, lambda tm: tm.month), "q": (1, lambda tm: (tm.month + 2) // 3), "S": (2, lambda tm: tm.second),
    "u": (1, lambda tm: (tm.weekday - 1) % 7 + 1), "w": (1, lambda tm: tm.weekday),
    "U": (2, lambda tm: (tm.yearday - tm.weekday + 7) // 7),
    "W": (2, lambda tm: (tm.yearday - (tm.weekday - 1) % 7 + 7) // 7), "V": (2, lambda tm: _iso_week(tm)[1]),
}  # fmt: skip
_YEARS: dict[str, tuple[int, Callable[[Tm], int]]] = {
    "Y": (4, lambda tm: tm.year), "G": (4, lambda tm: _iso_week(tm)[0]), "C": (2, lambda tm: _century(tm.year)),
    "y": (2, lambda tm: _short(tm.year)), "g": (2, lambda tm: _iso_week(tm)[0] % 100),
}  # fmt: skip


def _century(year: int) -> int:
    return year // 100 if year >= 0 else -(-year // 100)


def _short(year: int) -> int:
    return year % 100 if year >= 0 else -year % 100


def _iso_week(tm: Tm) -> tuple[int, int]:
    """(year, week) of ISO 8601: weeks begin on Monday, the first one holds the year's first Thursday."""
    thursday = tm.yearday - (tm.weekday - 1) % 7 + 3
    if thursday < 0:
        return tm.year - 1, (thursday + 365 + leap(tm.year - 1)) // 7 + 1
    length = 365 + leap(tm.year)
    return (tm.year + 1, 1) if thursday >= length else (tm.year, thursday // 7 + 1)


class Writer:
    """One call of strftime."""

    def __init__(self, tm: Tm, nanoseconds: int, seconds: int) -> None:
        self.tm, self.nanoseconds, self.seconds = tm, nanoseconds, seconds

    def all(self, pattern: str, upper: bool = False, year_pad: str = "", width: int = -1) -> str:
        """The whole pattern; `width` is of its first directive, `year_pad` of its years."""
        parts: list[str] = []
        at = 0
        while (sign := pattern.find("%", at)) >= 0:
            parts.append(pattern[at:sign])
            match = _SPEC.match(pattern, sign)
            assert match is not None
            parts.append(self.one(match, upper, year_pad, width if sign == 0 else -1))
            at = match.end() - (match[5] == "%" and match[0] != "%%")
        return "".join(parts) + pattern[at:]

    def one(self, match: re.Match[str], upper: bool, year_pad: str, width: int) -> str:
        flags, wide, modifier, colons, letter = match.groups()
        pad = next((flag for flag in reversed(flags) if flag in "-_0+"), "")
        upper, other = upper or "^" in flags, "#" in flags
        if wide:
            width = field(wide) or 0
        if self._wrong(modifier, letter, colons) or (letter == "%" and match[0] != "%%"):
            text = match[0][:-1] if letter == "%" else match[0]
            return _padded(text.upper() if upper else text, pad, width)
        if modifier == "O" and letter in "sq":
            return _padded("%O" + letter if letter == "q" else str(self.seconds), pad, width)
        if modifier and (letter in _YEARS or (modifier == "O" and letter in _NUMBERS)):
            return _padded(self.all("%" + letter), pad, width)
        if letter in _NUMBERS:
            digits, value = _NUMBERS[letter]
            return _number(value(self.tm), digits, pad or ("_" if letter in "ekl" else ""), width)
        if letter in _YEARS:
            digits, value = _YEARS[letter]
            number, pad = value(self.tm), pad or year_pad
            signed = pad == "+" and (number > (99 if digits == 2 else 9999) or digits < width)
            return _number(number, digits, pad, width, plus=signed, minus=letter in "CYG" and self.tm.year < 0)
        if letter == "s":
            return _number(self.seconds, 1, pad, width)
        if letter == "N":
            return self._fraction(pad, width)
        if letter == "z":
            return self._offset(len(colons), pad, width)
        if letter == "F":
            inner = ("+", 4) if not pad and width < 0 else (pad, max(width - 6, 0))
            return _padded(self.all("%Y-%m-%d", upper, *inner), pad, width)
        if letter in _TWELVE:
            return _padded(self.all(_TWELVE[letter], upper, pad if letter == "D" else ""), pad, width)
        return _padded(self._word(letter, upper, other), pad, width)

    @staticmethod
    def _wrong(modifier: str, letter: str, colons: str) -> bool:
        if colons and letter != "z":
            return True
        if letter in _NO_CARE or letter in ("%", "z"):
            return False
        if letter not in _NUMBERS and letter not in _YEARS and letter not in _TWELVE and letter not in [*"aAbBhFN"]:
            return True
        return letter not in {"E": _WITH_E, "O": _WITH_O}.get(modifier, letter)

    def _word(self, letter: str, upper: bool, other: bool) -> str:
        tm = self.tm
        if letter in ("n", "%", "t"):
            return {"n": "\n", "t": "\t", "%": "%"}[letter]
        if letter in "pP":
            text = "PM" if tm.hour > 11 else "AM"
            return text.lower() if letter == "P" or other else text
        if letter == "Z":
            return tm.zone.lower() if other else tm.zone.upper() if upper else tm.zone
        text = (_DAYS[tm.weekday] if letter in "aA" else _MONTHS[tm.month - 1])[: None if letter in "AB" else 3]
        return text.upper() if upper or other else text

    def _fraction(self, pad: str, width: int) -> str:
        """Nanoseconds, as many digits as the field is wide; with another pad without the noughts behind."""
        width = 9 if width <= 0 else width
        digits = f"{self.nanoseconds:09d}"[:width]
        kept = digits.rstrip("0") or digits[:1]
        return kept + ({"_": " ", "-": ""}.get(pad, "0")) * (width - len(kept))

    def _offset(self, colons: int, pad: str, width: int) -> str:
        seconds = abs(self.tm.offset)
        hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
        if colons == 3:
            colons = 2 if rest else 1 if minutes else 3
        digits, value, places = {
            0: (5, hours * 100 + minutes, ()), 1: (6, hours * 100 + minutes, (2,)),
            2: (9, hours * 10000 + minutes * 100 + rest, (2, 4)), 3: (3, hours, ()),
        }[colons]  # fmt: skip
        return _number(value, digits, pad, width, plus=True, minus=self.tm.offset < 0, places=places)


def _padded(text: str, pad: str, width: int) -> str:
    if pad == "-" or len(text) >= width:
        return text
    return text.rjust(width, "0" if pad and pad in "0+" else " ")


def _number(
    value: int, digits: int, pad: str, width: int, *, plus: bool = False, minus: bool = False,
    places: tuple[int, ...] = (),
) -> str:  # fmt: skip
    """A number in so many digits; `places` says before how many of them a colon stands."""
    sign = "-" if value < 0 or minus else "+" if plus else ""
    text = str(abs(value)).rjust(max(places, default=0) + 1, "0")
    for count, place in enumerate(sorted(places)):
        text = text[: len(text) - place - count] + ":" + text[len(text) - place - count :]
    width = digits if width < 0 else width
    if pad == "_":
        return (sign + text).rjust(width)
    return sign + (text if pad == "-" else text.rjust(width - len(sign), "0"))


def strftime(pattern: str, when: float, zone: Zone = UTC, nanoseconds: int | None = None) -> str:
    """`pattern` for a moment: `when` in seconds since 1970, its fraction in `nanoseconds` if that is known better.
    ShellError for a field too wide."""
    when = min(max(when, -FARTHEST), FARTHEST) if when == when else 0.0
    total = round(when * 1e9) if nanoseconds is None else int(when // 1) * 1_000_000_000 + nanoseconds
    seconds, left = divmod(total, 1_000_000_000)
    return Writer(zone.local(seconds), left, seconds).all(pattern)
