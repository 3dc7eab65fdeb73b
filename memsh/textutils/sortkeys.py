"""The keys of sort: where they are in a line, and how they compare (GNU coreutils 9.1's sort.c)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import ShellError

TROUBLE = 2
_NUMBER = regular(r"[ \t\n]*(-?)([0-9]*)(?:\.([0-9]*))?")
GENERAL = regular(
    r"[ \t\n\v\f\r]*([-+]?(?:0x[0-9a-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|inf|nan))", re.IGNORECASE
)  # fmt: skip
_SUFFIXES = "KMGTPEZYRQ"
_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
_POSITION = regular(r"([0-9]*)(?:\.([0-9]*))?([a-zA-Z]*)")
_VERSION_SUFFIX = regular(r"(?:\.[A-Za-z~][A-Za-z0-9~]*)*\Z")
ORDERS = "bdfghiMnRrV"  # as complaints list them


def numeric_key(text: str) -> Any:
    """-n: the number that a text begins with, exactly."""
    match = _NUMBER.match(text)
    assert match is not None
    minus, whole, fraction = match.groups()
    if len(whole) + len(fraction or "") > 15:
        from decimal import Decimal  # start-up: 2 ms

        value: Any = Decimal(f"{whole or 0}.{fraction or 0}")
    else:
        value = float(f"{whole or 0}.{fraction or 0}")
    return -value if minus else value


def general_key(text: str) -> tuple[int, float]:
    """-g: what is no number before NaN, and that before all numbers."""
    match = GENERAL.match(text)
    if match is None:
        return (0, 0.0)
    word = match[1].lower()
    value = float(int(word, 16)) if "0x" in word else float(word)
    return (1, 0.0) if value != value else (2, value)


def human_key(text: str) -> tuple[int, Any]:
    """-h: 2K after 1023, by the suffix first."""
    match = _NUMBER.match(text)
    assert match is not None
    value = numeric_key(text)
    suffix = text[match.end() : match.end() + 1]
    order = _SUFFIXES.find(suffix.upper()) + 1 if suffix and (suffix.upper() == suffix or suffix == "k") else 0
    if not value:
        return (0, 0.0)
    return (-order if value < 0 else order, value)


def month_key(text: str) -> int:
    word = text.lstrip(" \t")[:3].upper()
    return _MONTHS.find(word) // 4 + 1 if len(word) == 3 and word in _MONTHS.split() else 0


def _rank(char: str) -> int:
    """The order of a character in a version: ~ before the end, letters before all else (filevercmp.c's order())."""
    if char == "~":
        return -2
    if not char or is_digits(char):
        return -1 if not char else 0
    return ord(char) if char.isalpha() else ord(char) + 256


def _version_part(a: str, b: str) -> int:
    i = j = 0
    while i < len(a) or j < len(b):
        while (i < len(a) and not is_digits(a[i])) or (j < len(b) and not is_digits(b[j])):
            difference = _rank(a[i : i + 1]) - _rank(b[j : j + 1])
            if difference:
                return difference
            i, j = i + 1, j + 1
        first, second = re.compile(r"0*([0-9]*)").match(a, i), re.compile(r"0*([0-9]*)").match(b, j)
        assert first is not None and second is not None
        x, y = first[1], second[1]
        if x != y:
            return len(x) - len(y) or (1 if x > y else -1)
        i, j = first.end(), second.end()
    return 0


def version_compare(a: str, b: str) -> int:
    """-V: filevercmp.c."""
    if a == b:
        return 0
    for special in ("", ".", ".."):
        if special in (a, b):
            return -1 if a == special else 1
    if (a[0] == ".") != (b[0] == "."):
        return -1 if a[0] == "." else 1
    stems = [text[: _VERSION_SUFFIX.search(text, 1).start()] for text in (a, b)]  # type: ignore[union-attr]
    if stems[0] == stems[1]:
        return _version_part(a, b)
    return _version_part(*stems)


_version_key = cmp_to_key(version_compare)


def _random_key(text: str, salt: bytes = b"") -> bytes:
    return hashlib.md5(salt + text.encode("utf-8", "surrogateescape"), usedforsecurity=False).digest()


class Key:
    """One -k, or the whole line: where it is, and how it compares."""

    def __init__(self, spec: str, orders: str, separator: str | None) -> None:
        self.separator = separator
        self.first = self.first_char = self.last_char = 0
        self.last: int | None = None
        self.skip_first = self.skip_last = False
        self.named = bool(spec)
        own = self._parse(spec) if spec else ""
        orders = self.orders = own or orders
        if not own:
            self.skip_first = self.skip_last = "b" in orders
        self.reverse = "r" in orders
        self.fold, self.dictionary = "f" in orders, "d" in orders
        self.printable = "i" in orders and not self.dictionary
        numbers = [letter for letter in "ghMn" if letter in orders]
        textual = [letter for letter in "diRV" if letter in orders]
        if len(numbers) + bool(textual) > 1:
            hidden = "brd" if self.printable else "bri"
            shown = "".join(letter for letter in ORDERS if letter in orders and letter not in hidden)
            raise ShellError(f"options '-{shown}' are incompatible", TROUBLE)
        self.kind = numbers[0] if numbers else "R" if "R" in orders else "V" if "V" in orders else ""
        self.whole = not spec and not self.skip_first
        self.salt = b""  # of --random-source

    def _parse(self, spec: str) -> str:
        begin, comma, end = spec.partition(",")
        field, char, letters = self._position(begin, spec, 1)
        self.first, self.first_char = field - 1, (char or 1) - 1
        self.skip_first = "b" in letters
        if comma:
            last, last_char, more = self._position(end, spec, 0)
            self.last, self.last_char = last, last_char or 0
            self.skip_last = "b" in more
            letters += more
        return letters

    @staticmethod
    def _position(text: str, spec: str, least: int) -> tuple[int, int | None, str]:
        match = _POSITION.fullmatch(text)
        if match is None or not match[1]:
            what = "invalid number at field start" if least else "invalid number after ','"
            if match is None and is_digits(text[:1]):
                what = "stray character in field spec"
            raise ShellError(f"{what}: invalid count at start of '{text}'" if "number" in what else
                             f"{what}: invalid field specification '{spec}'", TROUBLE)  # fmt: skip
        if match[2] == "":
            behind = text[match.start(2) :] + spec[len(text) :] if least else text[match.start(2) :]
            raise ShellError(f"invalid number after '.': invalid count at start of '{behind}'", TROUBLE)
        if not int(match[1]):
            raise ShellError(f"field number is zero: invalid field specification '{spec}'", TROUBLE)
        if least and match[2] is not None and not int(match[2] or 0):
            raise ShellError(f"character offset is zero: invalid field specification '{spec}'", TROUBLE)
        if set(match[3]) - set(ORDERS):
            raise ShellError(f"stray character in field spec: invalid field specification '{spec}'", TROUBLE)
        return int(match[1]), int(match[2]) if match[2] else None, match[3]

    def text(self, line: str) -> str:
        """The part of a line that this key compares (begfield, limfield)."""
        begin, end = self.bounds(line)
        return line[begin:end]

    def bounds(self, line: str) -> tuple[int, int]:
        """Where that begins, and where it ends."""
        if self.whole:
            return 0, len(line)
        start = self._begin(line)
        return start, max(start, self.limit(line))

    def _skip_fields(self, line: str, count: int) -> int:
        size, place = len(line), 0
        if self.separator is not None:
            for _ in range(count):
                place = line.find(self.separator, place) + 1
                if not place:
                    return size
            return place
        for _ in range(count):
            if place >= size:
                break
            while place < size and line[place] in " \t\n":
                place += 1
            while place < size and line[place] not in " \t\n":
                place += 1
        return place

    def _begin(self, line: str) -> int:
        place = self._skip_fields(line, self.first)
        if self.skip_first:
            while place < len(line) and line[place] in " \t\n":
                place += 1
        return min(len(line), place + self.first_char)

    def limit(self, line: str) -> int:
        """Where it ends by what is written behind the comma, be that before its begin (limfield)."""
        if self.last is None:
            return len(line)
        if not self.last_char:
            place = self._skip_fields(line, self.last)
            if self.separator is not None and place < len(line) + 1 and place > 0 and line[place - 1] == self.separator:
                return place - 1 if line.count(self.separator) >= self.last else len(line)
            return place
        place = self._skip_fields(line, self.last - 1)
        if self.skip_last:
            while place < len(line) and line[place] in " \t\n":
                place += 1
        return min(len(line), place + self.last_char)

    def value(self, line: str) -> Any:
        """What is compared."""
        text = self.text(line)
        if self.kind in _NUMBERS:
            return _NUMBERS[self.kind](text)
        if self.dictionary:
            text = re.sub(r"[^A-Za-z0-9 \t\n]", "", text)
        elif self.printable:
            text = re.sub(r"[^ -~]", "", text)
        if self.fold:
            text = text.upper()
        if self.kind == "R":
            return _random_key(text, self.salt)
        return _version_key(text) if self.kind == "V" else text


_NUMBERS: dict[str, Callable[[str], Any]] = {"n": numeric_key, "g": general_key, "h": human_key, "M": month_key}
