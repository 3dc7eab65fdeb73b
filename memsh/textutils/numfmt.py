"""Numbers for people and back: numfmt (GNU coreutils 9.1, src/numfmt.c), in the C locale.

Numbers are reckoned exactly where GNU's are long doubles of 64 bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import islice

from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.limits import AWK_WIDTH
from memsh.textutils.awk.printf import formatted
from memsh.textutils.columns import ENDLESS, FIELD, ranges_of
from memsh.textutils.quoting import quote
from memsh.textutils.sources import records
from memsh.textutils.utility import Option, one_of, option, utility

UNSCALED, ACCEPTABLE = 18, 27  # digits
WRONG = 2  # the status when a number cannot be converted
_LETTERS = "KMGTPEZY"
_BASES = {"none": 1, "auto": 1000, "si": 1000, "iec": 1024, "iec-i": 1024}
_FIELD = regular(r"[ \t\n]*[^ \t\n]*")
_NUMBER = regular(r"(-?)([0-9]*)(?:(\.)(-?)([0-9]*))?")
_DIRECTIVE = regular(r"((?:[^%]|%%)*)%([ '0]*)([-+]?[0-9]*)(\.?)(.*)", re.DOTALL)


def _floor(value: Fraction) -> int:
    return value.numerator // value.denominator


def _away(value: Fraction) -> int:
    return -_floor(-value) if value > 0 else _floor(value)


def _nearest(value: Fraction) -> int:
    return _floor(value + Fraction(1, 2)) if value >= 0 else -_floor(-value + Fraction(1, 2))


ROUNDING: dict[str, Callable[[Fraction], int]] = {
    "up": lambda value: -_floor(-value), "down": _floor, "from-zero": _away,
    "towards-zero": lambda value: int(value), "nearest": _nearest,
}  # fmt: skip


def _unit(word: str) -> int:
    """`K` is 1000, `Ki` 1024."""
    match = re.fullmatch(r"([0-9]*)(?:([KMGTPEZY])(i?))?", word)
    value = 0
    if match is not None and word:
        power = _LETTERS.index(match[2]) + 1 if match[2] else 0
        value = int(match[1][:21] or 1) * (1024 if match[3] else 1000) ** power
    if not 0 < value < 1 << 64:
        raise ValueError(f"invalid unit size: {quote(word)}")
    return value


def _padding(word: str) -> int:
    if re.fullmatch(r"[ \t]*[-+]?[0-9]{1,18}", word) is None or not int(word):
        raise ValueError(f"invalid padding value {quote(word)}")
    return int(word)


def _header(word: str) -> int:
    if re.fullmatch(r"[ \t]*\+?[0-9]{1,18}", word) is None or not int(word):
        raise ValueError(f"invalid header value {quote(word)}")
    return int(word)


def _character(word: str) -> str:
    if len(word) > 1:
        raise ValueError("the delimiter must be a single character")
    return word or "\0"





def _words() -> tuple[Option, ...]:
    units = ("none", "si", "iec", "iec-i")
    return (
        option("-d", "--delimiter", type=_character, meta="X", help="fields end at X"),
        option("--debug", help="warn about what is odd"),
        option("--field", type=str, many=True, meta="FIELDS", help="these fields, as for cut"),
        option("--format", type=str, meta="FORMAT", help="%f with a width, a precision"),
        option("--from", type=one_of("--from", "none", "auto", "si", "iec", "iec-i"), default="none", name="scaled",
               meta="UNIT", help="auto, si, iec, iec-i"),
        option("--from-unit", type=_unit, default=1, meta="N"), option("--grouping"),
        option("--header", type=_header, optional=1, default=0, meta="N", help="the first N lines stay"),
        option("--invalid", type=one_of("--invalid", "abort", "fail", "warn", "ignore"), default="abort", meta="MODE"),
        option("--padding", type=_padding, default=0, meta="N"),
        option("--round", type=one_of("--round", "up", "down", "from-zero", "towards-zero", "nearest"),
               default="from-zero", meta="METHOD"),
        option("--suffix", type=str, meta="SUFFIX"),
        option("--to", type=one_of("--to", *units), default="none", meta="UNIT", help="si, iec, iec-i"),
        option("--to-unit", type=_unit, default=1, meta="N"),
        option("-z", "--zero-terminated", help="lines end in NUL"),
    )  # fmt: skip


@utility(*_words(), rest("numbers", meta="NUMBER"), usage="[OPTION]... [NUMBER]...")
def numfmt(box: object, args: Args, io: IO) -> int:
    """numbers for people and back

    numfmt --to=iec 1048576
    """
    converter = Converter(args, io)
    end = "\0" if args.zero_terminated else "\n"
    good = True
    if args.numbers:
        if args.debug and args.header:
            io.complain("--header ignored with command-line input")
        for word in args.numbers:
            good = converter.line(word, end) and good
    else:
        lines = iter(io.stdin)
        if end == "\0":
            lines = (line + end for line in records(io.stdin, end))
        for line in islice(lines, args.header):
            io.out(line)
        for line in lines:
            io.check()
            whole = line.endswith(end)
            good = converter.line(line[:-1] if whole else line, end if whole else "") and good
    if args.debug and not good:
        io.complain("failed to convert some of the input numbers")
    return 0 if good or args.invalid in ("warn", "ignore") else WRONG


class Wrong(Exception):
    """A number that cannot be converted."""


class Converter:
    """What one call does with each number."""

    def __init__(self, args: Args, io: IO) -> None:
        self.args, self.io = args, io
        self.places: int | None = None
        self.before = self.behind = ""
        self.grouping: bool = args.grouping
        self.zeros = 0
        self.left, self.width = args.padding < 0, abs(args.padding)
        if len(args.field) > 1:
            raise ShellError("multiple field specifications")
        self.ranges = [(1, 1)]
        if args.field:
            try:
                listed = args.field[0].replace(" ", ",").split(",")
                self.ranges = [(1, ENDLESS)] if "-" in listed else ranges_of(args.field[0], FIELD)
            except ValueError as error:
                raise args.refused(str(error)) from None
        if args.format is not None:
            if args.grouping:
                raise ShellError("--grouping cannot be combined with --format")
            self._format(args.format)
            if args.debug and args.padding and self.width != abs(args.padding):
                io.complain("--format padding overriding --padding")
        as_it_is = args.scaled == args.to == "none" and not (args.format or self.grouping or args.padding)
        if args.debug and as_it_is:
            io.complain("no conversion option specified")
        if self.grouping and args.to != "none":
            raise ShellError("grouping cannot be combined with --to")
        if self.grouping and args.debug:
            io.complain("grouping has no effect in this locale")
        if max(self.width, self.zeros, self.places or 0) > AWK_WIDTH:
            raise ShellError(f"a field is at most {AWK_WIDTH} characters wide")
        self.auto = not self.width and args.delimiter is None

    def _format(self, text: str) -> None:
        match = _DIRECTIVE.match(text)
        if match is None:
            if re.fullmatch("(?:[^%]|%%)*%", text):
                raise ShellError(f"format {quote(text)} ends in %")
            raise ShellError(f"format {quote(text)} has no % directive")
        before, flags, width, dot, left = match.groups()
        self.before = text[: len(before) - before.count("%%")]  # as long as it counts, which is one for a "%%"
        self.grouping = "'" in flags
        if len(width) > 18:
            raise ShellError(f"invalid format {quote(text)} (width overflow)")
        wide = int(width) if width.lstrip("-+") else 0
        if not width.lstrip("-+"):
            left = (width + dot + left) if width else dot + left
            dot = ""
            if not width and left.startswith("."):
                dot, left = ".", left[1:]
        if wide < 0:
            self.left, self.width = True, -wide
        elif wide and "0" in flags:
            self.zeros = wide
        elif wide:
            self.width = wide
        if not dot and not left:
            raise ShellError(f"format {quote(text)} ends in %")
        if dot:
            number = re.match(r"-?[0-9]*", left)
            assert number is not None
            if left[:1] in (" ", "\t", "+", "-") or len(number[0]) > 18:
                raise ShellError(f"invalid precision in format {quote(text)}")
            self.places, left = int(number[0] or 0), left[number.end() :]
        if left[:1] != "f":
            raise ShellError(f"invalid format {quote(text)}, directive must be %[0]['][-][N][.][N]f")
        if re.fullmatch("(?:[^%]|%%|%$)*", left[1:]) is None:
            raise ShellError(f"format {quote(text)} has too many % directives")
        self.behind = left[1:]

    def line(self, text: str, end: str) -> bool:
        """Convert the fields of one line; whether all went well."""
        good = True
        delimiter = self.args.delimiter
        if delimiter is None:
            fields, place = [], 0
            while place <= len(text):
                match = _FIELD.match(text, place)
                assert match is not None
                fields.append(match[0])
                place = match.end() + 1
        else:
            fields = text.split(delimiter)
        for number, field in enumerate(fields, 1):
            if number > 1:
                self.io.out(" " if delimiter is None else delimiter)
            good = self._field(field, number) and good
        self.io.out(end)
        return good

    def _field(self, text: str, number: int) -> bool:
        if not any(low <= number <= high for low, high in self.ranges):
            self.io.out(text)
            return True
        suffix = self.args.suffix
        if suffix and len(text) > len(suffix) and text.endswith(suffix):
            text = text.removesuffix(suffix)
        word = text.lstrip(" \t")
        if self.auto:
            self.width = len(text) if len(word) < len(text) or number > 1 else 0
        try:
            value, places = self._value(word)
            if self.args.debug and re.search(r"[1-9][0-9]{18}|\.0*[1-9][0-9]{18}", word):
                self.io.complain(f"large input value {quote(word)}: possible precision loss")
            value = value * self.args.from_unit / self.args.to_unit
            shown = self._shown(value, places if self.places is None else self.places) + (suffix or "")
        except Wrong as error:
            if self.args.invalid != "ignore":
                self.io.complain(str(error))
            if self.args.invalid == "abort":
                raise ShellError("", WRONG) from None
            self.io.out(text)
            return False
        shown = shown.ljust(self.width) if self.left else shown.rjust(self.width)
        self.io.out(f"{self.before}{shown}{self.behind}")
        return True

    def _value(self, word: str) -> tuple[Fraction, int]:
        """(value, digits behind the point) of a number with its unit."""
        match = _NUMBER.match(word)
        assert match is not None
        minus, whole, dot, inner, part = match.groups()
        if dot and not part and not inner and word[match.end() :].startswith("."):
            raise Wrong(f"invalid suffix in input: {quote(word)}")
        if (not whole and not dot) or (dot and not part) or inner:
            raise Wrong(f"invalid number: {quote(word)}")
        if len(whole.lstrip("0")) > ACCEPTABLE or len((part or "").lstrip("0")) > ACCEPTABLE:
            raise Wrong(f"value too large to be converted: {quote(word)}")
        value = Fraction(int(whole or 0)) + Fraction(int(part or 0), 10 ** len(part or ""))
        places, left = len(part or ""), word[match.end() :]
        scale, base, power = self.args.scaled, _BASES[self.args.scaled], 0
        if left:
            left = left.lstrip(" \t")
            if left[:1] not in (*_LETTERS,):
                raise Wrong(f"invalid suffix in input: {quote(word)}")
            if scale == "none":
                raise Wrong(f"rejecting suffix in input: {quote(word)} (consider using --from)")
            power, left, places = _LETTERS.index(left[0]) + 1, left[1:], 0
            if scale == "auto" and left[:1] == "i":
                base, left = 1024, left[1:]
        if scale == "iec-i":
            if left[:1] != "i":
                raise Wrong(f"missing 'i' suffix in input: {quote(word)} (e.g Ki/Mi/Gi)")
            left = left[1:]
        if left:
            raise Wrong(f"invalid suffix in input {quote(word)}: {quote(left)}")
        return (-value if minus else value) * base**power, places

    def _shown(self, value: Fraction, places: int) -> str:
        scale, rounded = self.args.to, ROUNDING[self.args.round]
        digits = len(str(int(abs(value)))) - 1
        if scale == "none" and digits + places > UNSCALED:
            much = formatted("%g", [float(value)], str)
            what = f"value/precision too large to be printed: '{much}/{places}'" if places else (
                f"value too large to be printed: '{much}'")  # fmt: skip
            raise Wrong(f"{what} (consider using --to)")
        if digits > ACCEPTABLE - 1:
            much = formatted("%g", [float(value)], str)
            raise Wrong(f"value too large to be printed: '{much}' (cannot handle values > 999Y)")
        if scale == "none":
            return self._spelled(Fraction(rounded(value * 10**places), 10**places), places)
        base, power = _BASES[scale], 0
        while abs(value) >= base:
            value, power = value / base, power + 1
        more = min(power * 3, self.places) if self.places is not None else int(abs(value) < 10)
        value = Fraction(rounded(value * 10**more), 10**more)
        if abs(value) >= base:
            value, power = value / base, power + 1
        point = int(value != 0 and abs(value) < 10 and power > 0)
        unit: str = ("", *_LETTERS)[power] + ("i" if scale == "iec-i" and power else "")
        return self._spelled(value, point if self.places is None else self.places) + unit

    def _spelled(self, value: Fraction, places: int) -> str:
        """`%.*Lf`, halves to the even digit."""
        scaled = abs(value) * 10**places
        number = round(scaled)
        digits: str = str(number).rjust(places + 1, "0")
        text = digits if not places else f"{digits[:-places]}.{digits[-places:]}"
        sign = "-" if value < 0 else ""
        shown: str = sign + text.rjust(self.zeros - len(sign), "0")
        return shown
