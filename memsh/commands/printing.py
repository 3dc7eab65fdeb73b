"""What a shell prints with: echo, printf; and true, false, `:` (bash: builtins/echo.def, printf.def)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from memsh.commands.paths import read_text
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, UsageError, command, rest
from memsh.shell.escapes import echoed
from memsh.shell.limits import TEXT, TOO_LONG
from memsh.shell.quoting import quote_sparingly
from memsh.textutils import longdouble
from memsh.textutils.bytes import from_latin, latin
from memsh.textutils.conversions import field, integer, padded
from memsh.textutils.longdouble import LongDouble
from memsh.textutils.timeformat import strftime
from memsh.textutils.zones import UTC, Zone, zone_of

TOPIC = "text"
_OCTAL = regular(r"(\\[^0-7])|\\([0-7]{1,3})", re.S)
_DIRECTIVE = regular(r"%(?:%|([-+ #0']*)(\*|[0-9]*)(?:\.(\*|-?[0-9]*))?(?:hh|h|ll|l|L|q|j|z|t)?"
                        r"([diouxXcsbqQeEfFgGaAn]|\((?:[^)]*)\)T))")  # fmt: skip
_BEGUN = regular(r"%[-+ #0']*(?:\*|[0-9]*)(?:\.(?:\*|[0-9]*))?.?", re.DOTALL)
_INTEGER = regular(r"[ \t\n]*([-+]?)(0[xX][0-9a-fA-F]+|[0-9]+)")


@command(rest("words", raw=True), topic=TOPIC, needs_box=False, help_option=False)
def echo(box: object, args: Args, io: IO) -> None:
    """print its words

    malloc 64; echo $1 is where it begins

    -n leaves out the newline, -e understands \\n, \\t and the like, -E does not.
    """
    words: list[str] = args.words
    newline, escapes = True, io.language.shopts["xpg_echo"]
    while words and re.fullmatch("-[neE]+", words[0]):
        newline = newline and "n" not in words[0]
        for letter in words[0]:
            escapes = letter == "e" or (escapes and letter != "E")
        words = words[1:]
    text, stopped = " ".join(words), False
    if escapes:
        text, stopped = echoed(text)
    io.out(text + "\n" if newline and not stopped else text)


class Printf:
    """One call of printf: its words, what is printed so far, and whether one of them was no number."""

    def __init__(self, words: list[str], complain: Callable[[str], None], now: Callable[[], int],
                 zone: Zone = UTC, keeps: Callable[[str, str], None] | None = None) -> None:  # fmt: skip
        self.words = words
        self.place = 0
        self.complain = complain
        self.now, self.zone = now, zone
        self.keeps = keeps  # sets a variable, for %n
        self.parts: list[str] = []
        self.room = TEXT
        self.status = 0
        self.stopped = False

    def take(self) -> str | None:
        if self.place >= len(self.words):
            return None
        self.place += 1
        return self.words[self.place - 1]

    def put(self, text: str) -> None:
        self.room -= len(text)
        if self.room < 0:
            raise ShellError(TOO_LONG)
        self.parts.append(text)

    def run(self, pattern: str) -> None:
        """The format, again while words are left."""
        while True:
            before = self.place
            self.once(pattern)
            if self.stopped or self.place >= len(self.words) or self.place == before:
                return

    def once(self, pattern: str) -> None:
        at = 0
        while at < len(pattern) and not self.stopped:
            sign = pattern.find("%", at)
            literal = pattern[at : len(pattern) if sign < 0 else sign]
            text, self.stopped = echoed(_octal(literal), True, True)
            self.put(text)
            if sign < 0 or self.stopped:
                return
            match = _DIRECTIVE.match(pattern, sign)
            if match is None:
                begun = _BEGUN.match(pattern, sign)
                assert begun is not None
                behind = pattern[begun.end() - 1 :].lstrip("hlLqjzt")
                char = behind[:1] if begun[0][-1] in "hlLqjzt" else begun[0][-1]
                missing = not char or (char in "%0123456789" and begun.end() == len(pattern))
                shown, what = (pattern[sign:], "missing") if missing else (char, "invalid")
                self.complain(f"`{shown}': {what} format character")
                self.status = 1
                self.stopped = True
                return
            self.put(self.directive(match))
            at = match.end()

    def _width(self, text: str | None) -> int | None:
        """A width or precision, perhaps the next word's."""
        if text != "*":
            return field(text)
        value = self.integer(self.take() or "0")
        field(str(abs(value)))
        return value

    def directive(self, match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        flags, wide, precise, kind = match.groups()
        width = self._width(wide) or 0
        if width < 0:
            flags, width = flags + "-", -width
        precision = self._width(precise)
        if precision is not None and precision < 0:
            precision = None
        word = self.take()
        if kind == "n":
            return self.counted(word)
        if kind in "sbqQc":
            return from_latin(padded(latin(self.text(kind, word or "", precision)), flags, width))
        if kind.endswith("T"):
            return from_latin(padded(latin(self.moment(kind[1:-2], word))[:precision], flags, width))
        if kind in "eEfFgGaA":
            return longdouble.formatted(self.real(word or "0"), kind, flags, width, precision)
        return integer(flags, width, precision, kind, self.ranged(kind, word or "0"))

    def text(self, kind: str, word: str, precision: int | None) -> str:
        """The word as %s and its kin have it; a precision counts bytes, as C's does."""
        if kind == "b":
            word, self.stopped = echoed(word, True)
        elif kind == "q":
            word = quote_sparingly(word)
        elif kind == "c":
            word, precision = word or "\0", 1
        word = word if precision is None else from_latin(latin(word)[:precision])
        return quote_sparingly(word) if kind == "Q" else word

    def counted(self, name: str | None) -> str:
        """`%n`: how many bytes have been printed, into a variable."""
        if name and self.keeps is not None:
            try:
                self.keeps(name, str(len(latin("".join(self.parts)))))
            except UsageError as error:
                self.complain(error.message)
                self.status, self.stopped = 1, True
        return ""

    def moment(self, pattern: str, word: str | None) -> str:
        """`%(…)T`: a time of the box's clock; -1 and nothing are now, -2 is when the shell began."""
        seconds = self.integer(word) if word else -1
        if seconds < 0:
            seconds = self.now()
        return strftime(pattern or "%X", seconds, self.zone)

    def integer(self, word: str) -> int:
        """C's integers: 017, 0x1f, and 'a for a letter's code. A word that is none is told, and 0."""
        if word[:1] in "'\"" and word:
            return ord(word[1]) if len(word) > 1 else 0
        match = _INTEGER.match(word)
        if match is None:
            if word.strip():
                self.wrong(word)
            return 0
        digits = match[2]
        octal = digits[0] == "0" and len(digits) > 1 and digits[1] not in "xX"
        good = re.match("[0-7]+", digits)[0] if octal else digits  # type: ignore[index]
        if good != digits or match.end() != len(word):
            self.wrong(word)
        value = int(good[:4000], 8 if octal else 16 if good[:2] in ("0x", "0X") else 10)
        return -value if match[1] == "-" else value

    def ranged(self, kind: str, word: str) -> int:
        """An integer within 64 bits; one beyond is told, and the farthest."""
        value = self.integer(word)
        low, high = (-(1 << 63), (1 << 63) - 1) if kind in "di" else (1 - (1 << 64), (1 << 64) - 1)
        if not low <= value <= high:
            self.complain(f"warning: {word[:80]}: Numerical result out of range")
            return high if value > 0 or kind not in "di" else low
        return value

    def real(self, word: str) -> LongDouble:
        if word[:1] in "'\"" and word:
            word = str(ord(word[1]) if len(word) > 1 else 0)
        value, end, beyond = longdouble.strtold(word)
        if end != len(word):
            self.wrong(word)
        elif beyond:
            self.complain(f"warning: {word[:80]}: Numerical result out of range")
        return value

    def wrong(self, word: str) -> None:
        kind = "hex " if word.lstrip("+- ")[:2] in ("0x", "0X") else "octal " if re.match(r"[-+]?0\d", word) else ""
        self.complain(f"{word[:80]}: invalid {kind}number")
        self.status = 1


def _octal(text: str) -> str:
    """In a format `\\NNN` has at most three digits, unlike in %b: each as `\\0NNN`, which is read whole."""
    return _OCTAL.sub(lambda match: match[1] or "\\0" + match[2].zfill(3), text) if "\\" in text else text


_USAGE = "printf: usage: printf [-v var] format [arguments]"


@command(rest("words", raw=True, meta="[-v NAME] FORMAT [WORD"), topic=TOPIC, needs_box=False, help_option=False)
def printf(box: object, args: Args, io: IO) -> int:
    """print words by a format, as C's printf

    printf '%08x %s\\n' 4096 hello

    %d %i %u %x %X %o %c %s %b %q %e %f %g %a %(FORMAT)T, with flags, width, precision, * for both; the format is used
    again while words are left. -v NAME keeps the text in a variable. A word that is no number is told, and counts as 0.
    """
    words: list[str] = args.words
    name = ""
    while words and words[0][:1] == "-" and words[0] not in ("-", "--"):
        if words[0][:2] != "-v":
            raise UsageError(f"{words[0][:2]}: invalid option\n{_USAGE}")
        if words == ["-v"]:
            raise UsageError(f"-v: option requires an argument\n{_USAGE}")
        name, words = (words[0][2:], words[1:]) if len(words[0]) > 2 else (words[1], words[2:])
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise UsageError(_USAGE.removeprefix("printf: "))

    def complain(message: str) -> None:
        """What is printed so far comes first, as where both go to one file."""
        if not name:
            io.out("".join(made.parts))
            made.parts.clear()
        io.complain(message)

    made = Printf(words[1:], complain, lambda: _now(io), zone_of(io.language.variables.get("TZ")),
                  partial(assign, io))  # fmt: skip
    made.run(words[0])
    text = "".join(made.parts)
    if name:
        assign(io, name, text)
    else:
        io.out(text)
    return made.status


def _now(io: IO) -> int:
    """Seconds since 1970 by the box's clock."""
    box = io.session.box
    lines = read_text(io.session, "/proc/stat").splitlines() if box is not None else []
    boot = next((int(line.split()[1]) for line in lines if line.startswith("btime ")), 0)
    return boot + (box.timer.usec // 1_000_000 if box is not None else 0)


def assign(io: IO, name: str, text: str) -> None:
    """Set what a builtin was asked to: NAME or NAME[INDEX]. UsageError if it is no name."""
    match = re.fullmatch(r"([A-Za-z_]\w*)(?:\[(.+)\])?", name, re.S | re.A)
    if match is None:
        raise UsageError(f"`{name}': not a valid identifier")
    if match[2] is not None:
        io.language.set_element(match[1], io.language.key(match[1], match[2]), text)
    else:
        io.language.set(match[1], text)


def formatted(pattern: str, words: list[str], once: bool = False) -> str:
    """printf's text. UsageError for what is no number. With `once` the format is used a single time."""

    def complain(message: str) -> None:
        raise UsageError(message)

    made = Printf(words, complain, lambda: 0)
    if once:
        made.once(pattern)
    else:
        made.run(pattern)
    return "".join(made.parts)


@command(rest("words", raw=True), topic=TOPIC, needs_box=False, help_option=False)
def true(box: object, args: Args, io: IO) -> int:
    """do nothing, successfully

    true && echo yes
    """
    return 0


@command(rest("words", raw=True), name=":", topic=TOPIC, needs_box=False, help_option=False)
def colon(box: object, args: Args, io: IO) -> int:
    """do nothing, successfully

    : $((1 + 1))
    """
    return 0


@command(rest("words", raw=True), topic=TOPIC, needs_box=False, help_option=False)
def false(box: object, args: Args, io: IO) -> int:
    """do nothing, with status 1

    false || echo no
    """
    return 1
