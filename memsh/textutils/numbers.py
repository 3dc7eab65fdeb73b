"""Numbers and names: seq, expr, basename, dirname (GNU coreutils 9.1)."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.errors import Unreasonable
from memsh.shell.limits import NUMBERS
from memsh.textutils.awk.printf import formatted
from memsh.textutils.regexp import joined
from memsh.textutils.utility import Refusal, option, utility

BATCH = 512


def _decimal(word: str, args: Args) -> Decimal:
    try:
        if re.fullmatch(r"[-+]?0[xX][0-9a-fA-F]+", word):
            return Decimal(int(word, 16))
        value = Decimal(word) if word.strip() == word and "_" not in word else Decimal("nan")
    except InvalidOperation:
        value = Decimal("nan")
    if value.is_nan():
        refusal: Refusal = args.refused(f"invalid floating point argument: '{word}'")
        raise refusal
    return value


def _places(word: str) -> int:
    mantissa, _, exponent = word.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return max(0, decimals - int(exponent or 0)) if re.fullmatch(r"[-+]?[0-9]*", exponent) else 0


def _negatives(words: list[str]) -> list[str]:
    """`seq -5 5`: a negative number is no option."""
    for at, word in enumerate(words):
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
    values = [_decimal(word, args) for word in words]
    first = values[0] if len(words) > 1 else Decimal(1)
    step = values[1] if len(words) > 2 else Decimal(1)
    last = values[-1]
    if not step:
        raise args.refused(f"invalid Zero increment value: '{words[1]}'")
    digits = max(_places(word) for word in (words[:-1] or ["1"]))
    if args.format is not None and args.equal_width:
        raise args.refused("format string may not be specified when printing equal width strings")
    if args.format is not None:
        _check_format(args.format)
    ends = ((words[0] if len(words) > 1 else "1", first), (words[-1], last))
    wide = max(_width(word, value, digits) for word, value in ends) if args.equal_width else 0
    value, serial, started = first, 0, False
    batch: list[str] = []
    while (value <= last) if step > 0 else (value >= last):
        if serial >= NUMBERS:
            raise Unreasonable(f"{NUMBERS} numbers were printed, and that is as far as it counts here")
        serial += 1
        if args.format is not None:
            batch.append(formatted(args.format, [float(value)], str))
        else:
            shown = f"{value:.{digits}f}" if value.is_finite() else _endless(value)
            batch.append(shown.zfill(wide) if wide else shown)
        value = first + serial * step
        if len(batch) == BATCH:
            io.out((args.separator if started else "") + args.separator.join(batch))
            started = True
            batch.clear()
    if batch:
        io.out((args.separator if started else "") + args.separator.join(batch))
        started = True
    if started:
        io.out("\n")


def _check_format(pattern: str) -> None:
    bare = pattern.replace("%%", "")
    if "%" not in bare:
        raise ShellError(f"format '{pattern}' has no % directive")
    if len(re.findall(r"%[-+ #0']*[0-9]*(?:\.[0-9]*)?[aefgAEFG]", bare)) != 1:
        raise ShellError(f"format '{pattern}' has unknown %{bare.partition('%')[2][:1]} directive")


def _endless(value: Decimal) -> str:
    return "-inf" if value < 0 else "inf"


def _width(word: str, value: Decimal, digits: int) -> int:
    """How wide a number is as it was typed, with `digits` decimals."""
    if not value.is_finite():
        return len(_endless(value))
    whole = word.partition(".")[0] if re.fullmatch(r"-?[0-9]+\.?[0-9]*", word) else f"{int(value)}"
    return len(whole) + (digits + 1 if digits else 0)


# expr

_COMPARE = ("<", "<=", "=", "==", "!=", ">=", ">")
_INTEGER = re.compile(r"-?[0-9]+")


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
            other = self.both()
            if _null(value):
                value = "0" if _null(other) else other
        return value

    def both(self) -> str:
        value = self.comparison()
        while self.accept("&"):
            other = self.comparison()
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
            a, b = _integer(value), _integer(self.product())
            value = str(a + b if operator == "+" else a - b)
        return value

    def product(self) -> str:
        value = self.match()
        while operator := self.accept("*", "/", "%"):
            a, b = _integer(value), _integer(self.match())
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
            value = _matched(value, self.primary())
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
                raise self.wrong(f"expecting ')' after '{self.words[min(self.place, len(self.words)) - 1]}'")
            return value
        if word == ")":
            raise self.wrong("unexpected ')'")
        if self.place < len(self.words):
            if word == "length":
                return str(len(self.primary()))
            if word == "match":
                text = self.primary()
                return _matched(text, self.primary())
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
    found = joined([pattern], "basic", around=r"\A(?:{})")
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
