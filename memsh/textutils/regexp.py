"""POSIX regular expressions, basic and extended, with GNU's additions (IEEE Std 1003.1, 9.3 to 9.5; glibc's regcomp.c).

The one place where they are translated. Whether a text matches at all is answered by Python's `re`; where it matters
how far a match goes, and the expression has a choice, the `regex` package finds the longest of the leftmost, as POSIX
asks. An expression that may take for ever is always given to `regex`, which stops after REGEX_SECONDS seconds.

Known deviations: classes like [:alpha:] know ASCII only; which of several ways to fill the groups is taken is Perl's
rule, not POSIX's; collating elements are single characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NoReturn, Protocol

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import ShellError
from memsh.shell.limits import EXPRESSION, REGEX_SECONDS

LONG_TEXT = 2048  # characters: from here on one unbounded repetition may already be too much
MOST = 32767  # RE_DUP_MAX
TOO_BIG = "Regular expression too big"
TOO_SLOW = "this regular expression takes too long here"

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\ \t\n\r\f\v",
    "blank": r"\ \t", "punct": r"!-/:-@\[-`\{-\~", "xdigit": "0-9a-fA-F", "print": r"\x20-\x7e", "graph": r"\x21-\x7e",
    "cntrl": r"\x00-\x1f\x7f",
}  # fmt: skip
_WORDS = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z", "b": r"\b", "B": r"(?:\B|\A\Z)", "y": r"\b",
          "w": r"\w", "W": r"\W", "s": r"\s", "S": r"\S"}  # fmt: skip
_CONTROL = {"n": "\n", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "r": "\r"}
_INTERVAL = regular(r"([0-9]*)(?:(,)([0-9]*))?")


class RegexpError(ShellError):
    """An expression that is none, in glibc's words: status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 2)


class BareClass(RegexpError):
    """[:space:] where [[:space:]] is meant: grep and sed refuse it."""


class Found(Protocol):
    """A match, of `re` or of `regex`."""

    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...
    def group(self, group: int = 0) -> str | None: ...
    def __getitem__(self, group: int) -> Any: ...


class _Piece:
    """Part of an expression in Python's spelling, and what is known of it."""

    __slots__ = ("endless", "group", "text", "varies")

    def __init__(self, text: str, group: bool = False, endless: bool = False, varies: bool = False) -> None:
        self.text = text
        self.group = group  # more than one character: a repetition of it may go several ways
        self.endless = endless  # holds an unbounded repetition
        self.varies = varies  # may match texts of several lengths


_CODED = regular(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|.)", re.DOTALL)


def _decoded(pattern: str) -> str:
    """awk's `\\052` and `\\x2a` as the characters that they name, with whatever meaning these have."""

    def one(match: re.Match[str]) -> str:
        octal, hexadecimal = match.groups()
        if octal is None and hexadecimal is None:
            return match[0]
        return chr(int(octal, 8) & 0xFF if octal else int(hexadecimal, 16))

    return _CODED.sub(one, pattern)


class _Translator:
    """One expression. `dialect`: "basic"; "extended" as regcomp() has it; "egrep" and "awk", which forgive more."""

    def __init__(self, pattern: str, dialect: str, lines: bool = False, escapes: bool = False) -> None:
        self.pattern = _decoded(pattern) if dialect == "awk" and "\\" in pattern else pattern
        self.begin, self.end = (r"(?m:^)", r"(?m:$)") if lines else (r"\A", r"\Z")
        self.place = 0
        self.escapes = escapes  # [\t] is a tab
        self.extended = dialect != "basic"
        self.awk = dialect == "awk"
        self.strict = dialect == "extended"
        self.checks = dialect in ("basic", "egrep") or escapes  # what gnulib's dfa.c says to grep and sed
        self.warnings: list[str] = []
        self.groups = 0
        self.open = 0
        self.closed: set[int] = set()
        self.choice = False  # Perl's rule and POSIX's may differ in how far a match goes
        self.endless = 0  # unbounded repetitions
        self.explosive = False  # one inside another, or a back reference

    def wrong(self, message: str) -> NoReturn:
        raise RegexpError(message)

    def whole(self) -> str:
        if len(self.pattern) > EXPRESSION:
            self.wrong(TOO_BIG)
        piece = self.alternatives()
        if self.place < len(self.pattern):
            self.wrong("Unmatched ) or \\)")
        return piece.text

    def _at(self, basic: str, extended: str) -> bool:
        return self.pattern.startswith(extended if self.extended else basic, self.place)

    def alternatives(self) -> _Piece:
        found = [self.branch()]
        while self._at("\\|", "|"):
            self.place += 1 if self.extended else 2
            found.append(self.branch())
        if len(found) == 1:
            return found[0]
        self.choice = True
        return _Piece("|".join(piece.text for piece in found), True, any(piece.endless for piece in found), True)

    def branch(self) -> _Piece:
        parts: list[str] = []
        count, endless, varies = 0, False, False
        while self.place < len(self.pattern):
            if self._at("\\|", "|") or (self.open and self._at("\\)", ")")):
                break
            piece = self.repeated(first=not parts or parts == [self.begin])
            if piece.text:
                parts.append(piece.text)
                count += 1 + piece.group
                endless, varies = endless or piece.endless, varies or piece.varies
        return _Piece("".join(parts), count != 1, endless, varies)

    def repeated(self, first: bool) -> _Piece:
        piece = self.atom(first)
        if piece.text == self.begin:
            return piece
        while True:
            bounds = self.quantifier()
            if bounds is None:
                return piece
            low, high = bounds
            if not piece.text:
                continue
            if piece.group or piece.varies:
                self.choice = True
            if high is None or high > 8:
                self.endless += high is None
                self.explosive = self.explosive or piece.endless or (piece.varies and piece.group)
            text = piece.text if self._single(piece.text) else f"(?:{piece.text})"
            mark = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
            if mark is None:
                mark = f"{{{low}}}" if high == low else f"{{{low},{'' if high is None else high}}}"
            endless = piece.endless or high is None
            piece = _Piece(text + mark, piece.group, endless, True)

    @staticmethod
    def _single(text: str) -> bool:
        if len(text) == 1 or (len(text) == 2 and text[0] == "\\"):
            return text not in (r"\A", r"\Z", r"\b")
        return (text[0] == "[" and text[-1] == "]") or (text[0] == "(" and text[-1] == ")" and text[1:3] != "?=")

    def quantifier(self) -> tuple[int, int | None] | None:
        pattern, place = self.pattern, self.place
        char = pattern[place : place + 1]
        if char == "*":
            self.place += 1
            return 0, None
        mark = char if self.extended else pattern[place + 1 : place + 2] if char == "\\" else ""
        if mark in ("+", "?") and mark:
            self.place += 1 if self.extended else 2
            return (1, None) if mark == "+" else (0, 1)
        if mark != "{":
            return None
        return self._interval(place + (1 if self.extended else 2))

    def _interval(self, place: int) -> tuple[int, int | None] | None:
        match = _INTERVAL.match(self.pattern, place)
        assert match is not None
        closing = "}" if self.extended else "\\}"
        low, comma, high = match.groups()
        if not self.pattern.startswith(closing, match.end()) or not (low or comma):
            if self.extended and not self.strict:
                return None
            self.wrong("Unmatched \\{" if closing not in self.pattern[place:] else "Invalid content of \\{\\}")
        self.place = match.end() + len(closing)
        least = int(low or 0)
        most = (int(high) if high else None) if comma else least
        if least > MOST or (most or 0) > MOST:
            self.wrong(TOO_BIG)
        if most is not None and most < least:
            self.wrong("Invalid content of \\{\\}")
        return least, most

    def atom(self, first: bool) -> _Piece:
        pattern = self.pattern
        char = pattern[self.place]
        self.place += 1
        if char == "\\":
            return self.escaped()
        if char == "[":
            return _Piece(self.bracket())
        if char == ".":
            return _Piece(".")
        if char == "(" and self.extended:
            return self.group()
        if char == ")" and self.strict:
            self.wrong("Unmatched ) or \\)")
        if char in "*+?{" and first and (self.extended or char == "*"):
            found = self._leading(char)
            if found is not None:
                return found
        if char == "^" and (self.extended or self._starts()):
            return _Piece(self.begin)
        if char == "$" and (self.extended or self._ends()):
            return _Piece(self.end)
        return _Piece(_quoted(char))

    def _leading(self, char: str) -> _Piece | None:
        """A repetition that has nothing before it; None for a brace that is a character."""
        if self.strict:
            self.wrong("Invalid preceding regular expression")
        if self.extended and not self.awk:
            if char == "{" and self._interval(self.place) is None:
                return None
            self.warnings.append(f"{'{...}' if char == '{' else char} at start of expression")
            return _Piece("")
        return None if char == "{" else _Piece("\\" + char)

    def _starts(self) -> bool:
        before = self.pattern[: self.place - 1]
        return not before or (before.endswith(("\\(", "\\|")) and not before.endswith(("\\\\(", "\\\\|")))

    def _ends(self) -> bool:
        return self.place == len(self.pattern) or self.pattern.startswith(("\\)", "\\|"), self.place)

    def group(self) -> _Piece:
        self.groups += 1
        number = self.groups
        self.open += 1
        inner = self.alternatives()
        if not self._at("\\)", ")"):
            self.wrong("Unmatched ( or \\(")
        self.place += 1 if self.extended else 2
        self.open -= 1
        self.closed.add(number)
        return _Piece(f"({inner.text})", inner.group, inner.endless, inner.varies)

    def escaped(self) -> _Piece:
        char = self.pattern[self.place : self.place + 1]
        self.place += 1
        if not char:
            self.wrong("Trailing backslash")
        if char == "(" and not self.extended:
            return self.group()
        if char == ")" and not self.extended:
            self.wrong("Unmatched ) or \\)")
        if char == "{" and not self.extended:
            self.wrong("Invalid preceding regular expression")
        if self.awk:
            if char in "/\"":
                return _Piece(_quoted(char))
            if char == "b":
                return _Piece(r"\x08")
        elif is_digits(char) and char != "0":
            if int(char) not in self.closed:
                self.wrong("Invalid back reference")
            self.explosive = self.choice = True
            return _Piece(f"(?:\\{char})", True, False, True)
        if char in _WORDS:
            return _Piece(_WORDS[char])
        if char in _CONTROL and (self.awk or self.escapes):
            return _Piece("\\" + char)
        return _Piece(_quoted(char))

    def bracket(self) -> str:
        """`[…]`; the place is after its first character."""
        pattern = self.pattern
        inside = ""
        if pattern.startswith("^", self.place):
            inside, self.place = "^", self.place + 1
        first = self.place
        while True:
            if self.place >= len(pattern):
                empty = self.place == first and self.checks
                self.wrong("Invalid regular expression" if empty else "Unmatched [, [^, [:, [., or [=")
            if pattern[self.place] == "]" and self.place > first:
                self.place += 1
                if self.checks and re.fullmatch(":[^]:-][^]-]*:", pattern[first : self.place - 1]):
                    raise BareClass("character class syntax is [[:space:]], not [:space:]")
                return f"[{inside}]"
            if pattern.startswith("[:", self.place):
                inside += self._class()
                continue
            if self.awk and pattern.startswith("---", self.place):  # for gawk one minus
                inside, self.place = inside + _in_class("-"), self.place + 3
                continue
            low = self._element()
            three = self.awk and pattern.startswith("---", self.place)
            following = pattern[self.place + 1 : self.place + 2]
            if not three and pattern.startswith("-", self.place) and following not in ("]", ""):
                self.place += 1
                high = self._element()
                if high < low:
                    self.wrong("Invalid range end")
                inside += f"{_in_class(low)}-{_in_class(high)}"
            else:
                inside += _in_class(low)

    def _class(self) -> str:
        end = self.pattern.find(":]", self.place)
        if end < 0:
            self.wrong("Unmatched [, [^, [:, [., or [=")
        name = self.pattern[self.place + 2 : end]
        if name not in _CLASSES:
            self.wrong("Invalid character class name")
        self.place = end + 2
        return _CLASSES[name]

    def _element(self) -> str:
        pattern = self.pattern
        for mark in (".", "="):
            if pattern.startswith("[" + mark, self.place):
                end = pattern.find(mark + "]", self.place + 2)
                if end < 0:
                    self.wrong("Unmatched [, [^, [:, [., or [=")
                name = pattern[self.place + 2 : end]
                named = {"space": " ", "hyphen": "-", "left-square-bracket": "[", "right-square-bracket": "]"}
                name = named.get(name, name)
                if len(name) != 1:
                    self.wrong("Invalid collation character")
                self.place = end + 2
                return name
        char = pattern[self.place]
        self.place += 1
        if char == "\\" and self.place < len(pattern):
            following = pattern[self.place]
            if self.awk or (self.escapes and following in "ntfvar"):
                if following in _CONTROL or (self.awk and following in "\\/\"]^-"):
                    self.place += 1
                    return _CONTROL.get(following, following)
        return char


def _quoted(char: str) -> str:
    return "\\" + char if char in "\\.^$*+?{}[]()|#&~- \t\n" and char != "\n" else char


def _in_class(char: str) -> str:
    return "\\" + char if char in "\\[]^-&~|" else char


class Regexp:
    """A translated expression. `test(text)` tells whether it matches anywhere, `search(text[, pos])` where; `groups` is
    the number of its ( ). Both raise ShellError (status 2) when they take too long."""

    __slots__ = ("groups", "literal", "search", "source", "test", "warnings")

    def __init__(self, source: str, pattern: str, made: _Translator | None, ignore_case: bool) -> None:
        self.source = source
        self.warnings = tuple(made.warnings) if made is not None else ()
        flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
        try:
            plain = re.compile(pattern, flags)
        except (re.error, OverflowError, RecursionError, MemoryError) as error:
            raise RegexpError(f"{TOO_BIG} ({error})") from None
        self.groups = plain.groups
        self.literal = pattern if made is None and not ignore_case else ""
        self.search: Callable[..., Any] = plain.search
        self.test: Callable[..., object] = plain.search
        if made is None:
            return
        explosive = made.explosive or made.endless > 2
        if explosive:
            self.test = _patient(pattern, ignore_case, False)
        elif made.endless:
            self.test = _by_length(plain.search, pattern, ignore_case, False)
        if made.choice:
            self.search = _patient(pattern, ignore_case, True)
        else:
            self.search = self.test

    def finditer(self, text: str) -> Iterator[Found]:
        """Matches from left to right, as POSIX's tools take them: an empty one never right behind another."""
        place, after, size, search = 0, -1, len(text), self.search
        while place <= size:
            match = search(text, place)
            if match is None:
                return
            start, end = match.start(), match.end()
            if end == start == after:
                place = end + 1
                after = -1
                continue
            yield match
            after = end
            place = end + 1 if end == start else end


def _patient(pattern: str, ignore_case: bool, longest: bool) -> Callable[..., Any]:
    """A search that gives up after REGEX_SECONDS."""
    held: list[Any] = []

    def search(text: str, place: int = 0) -> Any:
        if not held:
            import regex  # start-up: 8 ms, for a regular expression alone

            flags = regex.DOTALL | (regex.IGNORECASE if ignore_case else 0) | (regex.POSIX if longest else 0)
            try:
                held.append(regex.compile(pattern, flags).search)
            except regex.error as error:
                raise RegexpError(str(error)) from None
        try:
            return held[0](text, place, timeout=REGEX_SECONDS)
        except TimeoutError:
            raise RegexpError(TOO_SLOW) from None

    return search


def _by_length(quick: Callable[..., Any], pattern: str, ignore_case: bool, longest: bool) -> Callable[..., Any]:
    """`quick`, but for long texts a search that gives up."""
    slow = _patient(pattern, ignore_case, longest)

    def search(text: str, place: int = 0) -> Any:
        return quick(text, place) if len(text) < LONG_TEXT else slow(text, place)

    return search


@lru_cache(512)
def compiled(
    pattern: str, dialect: str = "basic", ignore_case: bool = False, lines: bool = False, escapes: bool = False
) -> Regexp:
    """An expression ready to search with. `dialect`: "basic", "extended", "egrep", "awk", "fixed"; with `lines`, ^ and
    $ match at each newline too (sed's M); with `escapes`, \\t is a tab (sed's, and always awk's). RegexpError if it
    is none."""
    if dialect == "fixed":
        return Regexp(pattern, re.escape(pattern), None, ignore_case)
    made = _Translator(pattern, dialect, lines, escapes)
    try:
        return Regexp(pattern, made.whole(), made, ignore_case)
    except RecursionError:
        raise RegexpError(TOO_BIG) from None


def joined(patterns: list[str], dialect: str, ignore_case: bool = False, around: str = "{}") -> Regexp:
    """Several expressions as one; `around` is Python's spelling of what stands around them (whole lines or words)."""
    if len(patterns) == 1 and around == "{}":
        return compiled(patterns[0], dialect, ignore_case)
    texts, whole = [], _Translator("", "extended")
    for pattern in patterns:
        if dialect == "fixed":
            texts.append(re.escape(pattern))
            continue
        made = _Translator(pattern, dialect)
        text = made.whole()
        whole.warnings += made.warnings
        if made.groups and len(patterns) > 1:
            if made.explosive:
                text = re.sub(r"\\([1-9])", lambda match: f"\\{int(match[1]) + whole.groups}", text)
        whole.groups += made.groups
        whole.explosive = whole.explosive or made.explosive
        whole.endless += made.endless
        texts.append(text)
    whole.choice = True
    return Regexp("\n".join(patterns), around.format("|".join(f"(?:{text})" for text in texts)), whole, ignore_case)


def perl(pattern: str, ignore_case: bool, around: str = "{}") -> Regexp:
    """A Perl pattern (grep -P), as `regex` has them."""
    import regex  # start-up: 8 ms, for a regular expression alone

    text = around.format(f"(?:{pattern})" if around != "{}" else pattern)
    try:
        regex.compile(text)
    except regex.error as error:
        raise RegexpError(str(error)) from None
    made = compiled("", "fixed")
    found = Regexp.__new__(Regexp)
    found.groups, found.source, found.literal, found.warnings = made.groups, pattern, "", ()
    found.search = found.test = _patient(text, ignore_case, False)
    return found
