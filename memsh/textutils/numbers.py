"""Numbers and names: seq, expr, basename, dirname (GNU coreutils 9.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Context, Decimal, InvalidOperation
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.errors import Unreasonable
from memsh.shell.limits import NUMBERS
from memsh.textutils.awk.printf import formatted
from memsh.textutils.regexp import joined
from memsh.textutils.utility import Refusal, option, utility

BATCH = 512
PLACES = 10_000  # digits of a number


class _Given(NamedTuple):
    """A number as it was typed: its value, how wide it prints, and its decimals; None: as %g has them (scan_arg)."""

    value: Decimal
    width: int
    places: int | None


def _given(word: str, args: Args) -> _Given:
    text = word.lstrip(" \t\n\v\f\r").removeprefix("+")
    wrong: Refusal = args.refused(f"invalid floating point argument: '{word}'")
    if re.fullmatch(r"-?0[xX][0-9a-fA-F]+", text):
        return _Given(Decimal(int(text, 16)), 0, 0)
    try:
        value = Decimal(text) if text.isascii() and "_" not in text and text.rstrip() == text else None
    except InvalidOperation:
        value = None
    if value is None:
        raise wrong
    if value.is_nan():
        refusal: Refusal = args.refused(f"invalid 'not-a-number' argument: '{word}'")
        raise refusal
    if not value.is_finite():
        return _Given(value, 0, 0)
    mantissa, marked, power = text.lower().partition("e")
    head, dot, fraction = mantissa.partition(".")
    exponent = int(power[:12]) if marked else 0
    if abs(exponent) > PLACES:
        raise Unreasonable(f"a number of more than {PLACES} digits")
    places = len(fraction)
    width = len(mantissa) + (-1 if dot and not fraction else 1 if dot and not is_digits(head[-1:]) else 0)
    if exponent < 0:
        width += -exponent + (1 if not dot or not fraction else 0)
        places -= exponent
    elif marked:
        places -= min(places, exponent)
        width += exponent - min(len(fraction), exponent) - (1 if dot and not places and fraction else 0)
    return _Given(value, width, places)


def _negatives(words: list[str]) -> list[str]:
    """`seq -5 5`: a negative number is no option."""
    for at, word in enumerate(words):
        if word == "--":
            break
        if re.match(r"-[.0-9]", word):
            return [*words[:at], "--", *words[at:]]
        if word[:1] != "-" and (not at or words[at - 1] not in ("-s", "-f")):
            break
    return words


@utility(
    option("-f", "--format", type=str, meta="FORMAT", help="as printf would print it"),
    option("-s", "--separator", type=str, default="\n", meta="STRING", help="what stands between"),
    option("-w", "--equal-width", help="pad with zeros to equal width"), rest("numbers", meta="[FIRST [STEP]] LAST"),
    usage="[OPTION]... LAST", in_order=True, rewrite=_negatives,
)  # fmt: skip
def seq(box: object, args: Args, io: IO) -> None:
    """count

    seq 1 5

    At most ten million numbers.
    """
    words: list[str] = args.numbers
    if not words:
        raise args.refused("missing operand")
    if len(words) > 3:
        raise args.refused(f"extra operand '{words[3]}'")
    if args.format is not None and args.equal_width:
        raise args.refused("format string may not be specified when printing equal width strings")
    if args.format is not None:
        _check_format(args.format)
    given = [_given(word, args) for word in words]
    one = _Given(Decimal(1), 1, 0)
    first = given[0] if len(given) > 1 else one
    step = given[1] if len(given) > 2 else one
    if not step.value:
        raise args.refused(f"invalid Zero increment value: '{words[1]}'")
    spell = _spelling(args, first, step, given[-1])
    started = False
    batch: list[str] = []
    for value in _counted(first.value, step.value, given[-1].value):
        batch.append(spell(value))
        if len(batch) == BATCH:
            io.out((args.separator if started else "") + args.separator.join(batch))
            started = True
            batch.clear()
    if batch:
        io.out((args.separator if started else "") + args.separator.join(batch))
        started = True
    if started:
        io.out("\n")


def _counted(first: Decimal, step: Decimal, last: Decimal) -> Iterator[Decimal]:
    """The numbers, with as many digits as they need."""
    digits = max(len(value.as_tuple().digits) + abs(value.adjusted()) for value in (first, step, last) if value)
    exact = Context(prec=min(digits, 2 * PLACES) + 16)
    value, serial = first, 0
    while (value <= last) if step > 0 else (value >= last):
        if serial >= NUMBERS:
            raise Unreasonable(f"{NUMBERS} numbers were printed, and that is as far as it counts here")
        yield value
        serial += 1
        value = exact.add(first, exact.multiply(Decimal(serial), step))


def _spelling(args: Args, first: _Given, step: _Given, last: _Given) -> Callable[[Decimal], str]:
    """How each number is printed (get_default_format)."""
    if args.format is not None:
        pattern = args.format
        return lambda value: formatted(pattern, [float(value)], str)
    digits = max(first.places or 0, step.places or 0)
    wide = 0
    if args.equal_width:
        widths = [one.width + digits - (one.places or 0) for one in (first, last)]
        for at, one in enumerate((first, last)):
            widths[at] += 1 if digits and not one.places else -1 if one.places and not digits else 0
        wide = max(widths)
    return lambda value: (f"{value:.{digits}f}" if value.is_finite() else _endless(value)).zfill(wide)


_DIRECTIVE = regular(r"(?:[^%]|%%)*(?:%[-+ #0']*[0-9]*(?:\.[0-9]*)?L?(.?))?", re.DOTALL)


def _check_format(pattern: str) -> None:
    """One directive for one number (long_double_format)."""
    match = _DIRECTIVE.match(pattern)
    assert match is not None
    if match[1] is None:
        raise ShellError(f"format '{pattern}' has no % directive")
    if not match[1]:
        raise ShellError(f"format '{pattern}' ends in %")
    if match[1] not in "aefgAEFG":
        raise ShellError(f"format '{pattern}' has unknown %{match[1]} directive")
    if "%" in pattern[match.end() :].replace("%%", ""):
        raise ShellError(f"format '{pattern}' has too many % directives")


def _endless(value: Decimal) -> str:
    return "-inf" if value < 0 else "inf"


# expr

_COMPARE = ("<", "<=", "=", "==", "!=", ">=", ">")
_INTEGER = regular(r"-?[0-9]+")


@utility(
    rest("words", meta="EXPRESSION"), usage="EXPRESSION", trouble=2,
    rewrite=lambda words: ["--", *words[words[:1] == ["--"] :]],
)  # fmt: skip
def expr(box: object, args: Args, io: IO) -> int:
    """reckon with words

    expr 4096 / 1024 + 1

    | & < <= = != >= > + - * / % STRING : REGEXP, match, substr, index, length, ( ). Status 1 if the result is 0 or
    empty, 2 for what is no expression.
    """
    words: list[str] = args.words
    if not words:
        raise args.refused("missing operand")
    value = _Expression(words).whole()
    io.out(value + "\n")
    return int(value == "" or (_INTEGER.fullmatch(value) is not None and int(value) == 0))


class _Expression:
    """expr's grammar; every value is a word."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.place = 0
        self.skipped = 0  # inside what | or & has no need of

    def wrong(self, message: str) -> ShellError:
        return ShellError(f"syntax error: {message}", 2)

    def next(self) -> str | None:
        return self.words[self.place] if self.place < len(self.words) else None

    def accept(self, *marks: str) -> str | None:
        word = self.next()
        if word in marks:
            self.place += 1
            return word
        return None

    def whole(self) -> str:
        value = self.either()
        if self.next() is not None:
            raise self.wrong(f"unexpected argument '{self.next()}'")
        return value

    def either(self) -> str:
        value = self.both()
        while self.accept("|"):
            other = self._unless(not _null(value), self.both)
            if _null(value):
                value = "0" if _null(other) else other
        return value

    def _unless(self, decided: bool, part: Callable[[], str]) -> str:
        """A part that is read, but not reckoned once the rest is decided."""
        self.skipped += decided
        value = part()
        self.skipped -= decided
        return value

    def both(self) -> str:
        value = self.comparison()
        while self.accept("&"):
            other = self._unless(_null(value), self.comparison)
            if _null(value) or _null(other):
                value = "0"
        return value

    def comparison(self) -> str:
        value = self.sum()
        while operator := self.accept(*_COMPARE):
            other = self.sum()
            a: int | str = value
            b: int | str = other
            if _INTEGER.fullmatch(value) and _INTEGER.fullmatch(other):
                a, b = int(value), int(other)
            less, same = a < b, a == b  # type: ignore[operator]
            held = {"<": less, "<=": less or same, "=": same, "==": same, "!=": not same, ">=": not less,
                    ">": not (less or same)}[operator]  # fmt: skip
            value = str(int(held))
        return value

    def sum(self) -> str:
        value = self.product()
        while operator := self.accept("+", "-"):
            other = self.product()
            if self.skipped:
                continue
            a, b = _integer(value), _integer(other)
            value = str(a + b if operator == "+" else a - b)
        return value

    def product(self) -> str:
        value = self.match()
        while operator := self.accept("*", "/", "%"):
            other = self.match()
            if self.skipped:
                continue
            a, b = _integer(value), _integer(other)
            if operator == "*":
                value = str(a * b)
                continue
            if not b:
                raise ShellError("division by zero", 2)
            quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
            value = str(quotient if operator == "/" else a - b * quotient)
        return value

    def match(self) -> str:
        value = self.primary()
        while self.accept(":"):
            pattern = self.primary()
            value = value if self.skipped else _matched(value, pattern)
        return value

    def primary(self) -> str:
        word = self.next()
        if word is None:
            before = self.words[self.place - 1] if self.place else ""
            raise self.wrong(f"missing argument after '{before}'")
        self.place += 1
        if word == "+":
            quoted = self.next()
            if quoted is None:
                raise self.wrong("missing argument after '+'")
            self.place += 1
            return quoted
        if word == "(":
            value = self.either()
            if not self.accept(")"):
                found = self.next()
                what = f"after '{self.words[self.place - 1]}'" if found is None else f"instead of '{found}'"
                raise self.wrong(f"expecting ')' {what}")
            return value
        if word == ")":
            raise self.wrong("unexpected ')'")
        if word == "length":
            return str(len(self.primary()))
        if word == "match":
            text, pattern = self.primary(), self.primary()
            return "" if self.skipped else _matched(text, pattern)
        if word == "index":
            text, chars = self.primary(), self.primary()
            return str(min((text.find(char) + 1 for char in chars if char in text), default=0))
        if word == "substr":
            text, start, count = self.primary(), self.primary(), self.primary()
            if not _INTEGER.fullmatch(start) or not _INTEGER.fullmatch(count) or int(start) < 1 or int(count) < 1:
                return ""
            return text[int(start) - 1 : int(start) - 1 + int(count)]
        return word


def _null(value: str) -> bool:
    return value == "" or re.fullmatch(r"-?0+", value) is not None


def _integer(value: str) -> int:
    if not _INTEGER.fullmatch(value):
        raise ShellError("non-integer argument", 2)
    return int(value)


def _matched(text: str, pattern: str) -> str:
    """What \\( \\) matched, or how many characters matched, from the beginning on."""
    plain = re.sub(r"(^|\\\(|\\\||\^)\\\{([0-9,]*)\\\}", r"\1{\2}", pattern)  # an interval of nothing is text here
    found = joined([plain], "basic", around=r"\A(?:{})")
    match = found.search(text)
    if found.groups:
        return (match.group(1) or "") if match is not None else ""
    return str(match.end()) if match is not None else "0"


# names


@utility(
    option("-a", "--multiple", help="several names"), option("-s", "--suffix", type=str, meta="SUFFIX"),
    option("-z", "--zero"), rest("names", words="path"), usage="NAME [SUFFIX]", in_order=True,
)  # fmt: skip
def basename(box: object, args: Args, io: IO) -> None:
    """the last part of a path

    basename /proc/sys/vm/swappiness
    """
    names: list[str] = list(args.names)
    if not names:
        raise args.refused("missing operand")
    suffix = args.suffix or ""
    if not args.multiple and args.suffix is None:
        if len(names) > 2:
            raise args.refused(f"extra operand '{names[2]}'")
        suffix = names.pop() if len(names) > 1 else ""
    for name in names:
        last = name.rstrip("/").rpartition("/")[2] or ("/" if name.startswith("/") else "")
        if suffix and last.endswith(suffix) and last != suffix:
            last = last[: -len(suffix)]
        io.out(last + ("\0" if args.zero else "\n"))


@utility(option("-z", "--zero"), rest("names", words="path"), usage="[OPTION] NAME...")
def dirname(box: object, args: Args, io: IO) -> None:
    """a path without its last part

    dirname /proc/sys/vm/swappiness
    """
    if not args.names:
        raise args.refused("missing operand")
    for name in args.names:
        stripped = name.rstrip("/")
        folder = stripped.rpartition("/")[0].rstrip("/") if "/" in stripped else ""
        shown = folder or ("/" if name.startswith("/") else ".")
        io.out(shown + ("\0" if args.zero else "\n"))
