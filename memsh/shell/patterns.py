"""Patterns with * ? […] and ?( … ) as regular expressions (glibc: fnmatch; bash: lib/glob/sm_loop.c).

A pattern is text in which a backslash quotes the next letter. Known deviation: the classes hold ASCII's letters only.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from memsh.lazy import regular
from memsh.shell.errors import ShellError
from memsh.shell.excluding import Excluding
from memsh.shell.limits import REGEX_SECONDS

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r" \t\n\r\f\v",
    "blank": " \\t", "punct": r"!-/:-@\[-`{-~", "print": " -~", "graph": "!-~", "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9a-fA-F", "word": "a-zA-Z0-9_",
}  # fmt: skip
_GROUP = regular(r"(\\.)|(?<=[?*+@!])\(", re.S)
_SYMBOL = regular(r"\[([.=])(.+?)\1\]", re.S)
_NAMED = {
    "NUL": "\0", "tab": "\t", "newline": "\n", "space": " ", "hyphen": "-", "hyphen-minus": "-", "period": ".",
    "full-stop": ".", "slash": "/", "solidus": "/", "asterisk": "*", "comma": ",", "colon": ":", "semicolon": ";",
    "backslash": "\\", "reverse-solidus": "\\", "underscore": "_", "low-line": "_", "tilde": "~",
    "left-square-bracket": "[", "right-square-bracket": "]", "exclamation-mark": "!", "quotation-mark": '"',
    "number-sign": "#", "dollar-sign": "$", "percent-sign": "%", "ampersand": "&", "apostrophe": "'", "plus-sign": "+",
    "equals-sign": "=", "question-mark": "?", "commercial-at": "@", "circumflex": "^", "grave-accent": "`",
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9",
}  # fmt: skip
_REPEATS = regular(r"[*+]\(")
_OPENER = regular(r"\\.|[?*+@!]\(|\[", re.S)
_SPECIAL = regular(r"([\\*?\[\](|)!@+^-])")


def quoted(text: str) -> str:
    """Text that means itself inside a pattern."""
    return _SPECIAL.sub(r"\\\1", text) if text else text


def escaped(text: str) -> str:
    """The same, each character of it, as `set -x` shows such a text."""
    return re.sub(r"(.)", r"\\\1", text, flags=re.S)


def unquoted(pattern: str) -> str:
    """The text that a pattern without signs means."""
    return re.sub(r"\\(.)", r"\1", pattern, flags=re.S) if "\\" in pattern else pattern


def plain(pattern: str) -> str:
    """The pattern as it is read without `extglob`: ?( … ) and its kin mean themselves, after the sign."""
    return _GROUP.sub(lambda match: match[1] or "\\(", pattern) if "(" in pattern else pattern


def is_pattern(text: str) -> bool:
    """Whether an unquoted sign stands in it."""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char in "*?" or text.startswith(("@(", "!(", "+("), at) or (char == "[" and "]" in text[at + 2 :]):
            return True
        at += 1
    return False


def _set(text: str, at: int) -> tuple[str, int]:
    """A `[…]` at `at` as a regular expression's, and where it ends; ("", at) if it is never closed."""
    pos = at + 1
    negate = text[pos : pos + 1] in ("!", "^")
    pos += negate
    out: list[str] = []
    first = True
    while pos < len(text):
        char = text[pos]
        if char == "]" and not first:
            inside = "".join(out)
            if not inside:
                return "(?!)" if not negate else ".", pos + 1
            return f"[{'^' if negate else ''}{inside}]", pos + 1
        first = False
        if char == "[" and text[pos + 1 : pos + 2] == ":":
            end = text.find(":]", pos)
            name = text[pos + 2 : end] if end > 0 else ""
            if end > 0 and (name in _CLASSES or name.isalpha()):
                out.append(_CLASSES.get(name, ""))
                pos = end + 2
                continue
        char, pos = _member(text, pos)
        if text[pos : pos + 1] == "-" and text[pos + 1 : pos + 2] not in ("", "]"):
            high, pos = _member(text, pos + 1)
            if char and high and char <= high:
                out.append(f"{re.escape(char)}-{re.escape(high)}")
            continue
        out.append(re.escape(char))
    return "", at


def _member(text: str, at: int) -> tuple[str, int]:
    """One letter of a set, as it is, behind a backslash, as `[.x.]` or `[=x=]`, and where it ends; "" for none."""
    symbol = _SYMBOL.match(text, at)
    if symbol is not None:
        name = symbol[2]
        return name if len(name) == 1 else _NAMED.get(name, ""), symbol.end()
    if text[at] == "\\" and at + 1 < len(text):
        at += 1
    return text[at], at + 1


def _translate(text: str, at: int, end: str, shortest: bool, path: bool) -> tuple[str, int]:
    """From `at` up to the `)` of a group (`end` is ")") or the text's end."""
    out: list[str] = []
    star = ("[^/]*" if path else ".*") + ("?" if shortest else "")
    one = "[^/]" if path else "."
    while at < len(text):
        char = text[at]
        if end and char == ")":
            return "".join(out), at
        if end and char == "|":
            out.append("|")
            at += 1
        elif char == "\\":
            out.append(re.escape(text[at + 1 : at + 2]) if at + 1 < len(text) else r"\\")
            at += 2
        elif char in "?*+@" and text[at + 1 : at + 2] == "(" and ")" in text[at:]:
            inner, stop = _translate(text, at + 2, ")", shortest, path)
            if stop >= len(text):
                out.append(re.escape(char))
                at += 1
                continue
            out.append(f"(?:{inner}){'' if char == '@' else char}")
            at = stop + 1
        elif char == "*":
            if not out or out[-1] != star:
                out.append(star)
            at += 1
        elif char == "?":
            out.append(one)
            at += 1
        elif char == "[":
            found, stop = _set(text, at)
            out.append(found or r"\[")
            at = stop if found else at + 1
        else:
            out.append(re.escape(char))
            at += 1
    return "".join(out), at


def _whole(pattern: str, shortest: bool, path: bool) -> str:
    """The pattern's expression. What stands before a star but the last may match as early as it can, for good: so the
    time grows with the text's length only, whatever the pattern."""
    if "(" in pattern:
        return _translate(pattern, 0, "", shortest, path)[0]
    pieces = [_translate(piece, 0, "", shortest, path)[0] for piece in _cut(pattern)]
    if len(pieces) == 1:
        return pieces[0]
    any_text = "[^/]*" if path else ".*"
    middle = "".join(f"(?>{any_text}?{piece})" for piece in pieces[1:-1] if piece)
    return f"{pieces[0]}{middle}{any_text}{'?' if shortest else ''}{pieces[-1]}"


def _cut(pattern: str) -> list[str]:
    """The pieces between unquoted stars."""
    pieces, begun, at = [], 0, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            found, stop = _set(pattern, at)
            at = stop - 1 if found else at
        elif char == "*":
            pieces.append(pattern[begun:at])
            begun = at + 1
        at += 1
    return [*pieces, pattern[begun:]]


class Patient:
    """A pattern with `*( … )` and the like, which may try for ever: what takes longer than REGEX_SECONDS is refused."""

    def __init__(self, expression: str, flags: int) -> None:
        import regex as patient  # start-up: few patterns need it

        self.found = patient.compile(expression, flags)

    def match(self, text: str, at: int = 0) -> Any:
        return self._within(self.found.match, text, at)

    def fullmatch(self, text: str, at: int = 0, end: int = sys.maxsize) -> Any:
        return self._within(self.found.fullmatch, text, at, end)

    def search(self, text: str, at: int = 0) -> Any:
        return self._within(self.found.search, text, at)

    def finditer(self, text: str) -> Iterator[Any]:
        at = 0
        while (match := self.search(text, at)) is not None:
            yield match
            at = max(match.end(), match.start() + 1)
            if at > len(text):
                return

    @staticmethod
    def _within(look: Any, *where: Any) -> Any:
        try:
            return look(*where, timeout=REGEX_SECONDS)
        except TimeoutError:
            raise ShellError("this pattern takes too long here") from None


def _settled(pattern: str) -> str:
    """A `?( … )` whose `)` stands in a set that is never closed means itself, with all behind it (bash: sm_loop.c)."""
    at = 0
    while "(" in pattern and "[" in pattern[at:]:
        opener = _OPENER.search(pattern, at)
        if opener is None:
            break
        if opener[0][-1] == "(" and _closed(pattern, opener.end()) < 0:
            return pattern[: opener.start()] + quoted(unquoted(pattern[opener.start() :]))
        at = opener.end()
        if opener[0] == "[":
            at = max(at, _set(pattern, opener.start())[1])
    return pattern


def _closed(pattern: str, at: int) -> int:
    """Where the group ends whose inside begins at `at`; -1 if it never does (bash: PATSCAN)."""
    groups = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            end = _set(pattern, at)[1]
            if end == at:
                return -1
            at = end - 1
        elif char == "(":
            groups += 1
        elif char == ")":
            if not groups:
                return at
            groups -= 1
        at += 1
    return -1


@lru_cache(maxsize=2048)
def regex(pattern: str, shortest: bool = False, ignore_case: bool = False) -> re.Pattern[str] | Patient | Excluding:
    """The pattern for match and fullmatch; `shortest`: stars take as little as they can."""
    pattern = _settled(pattern)
    return _compiled(pattern, _whole(pattern, shortest, False), ignore_case)


def _compiled(pattern: str, expression: str, ignore_case: bool) -> re.Pattern[str] | Patient | Excluding:
    """The expression of a pattern: Patient where that one has a `*( … )` or the like, Excluding where a `!( … )`."""
    flags = re.S | (re.I if ignore_case else 0)
    if "!(" in pattern and ")" in pattern:
        return Excluding(pattern, flags, _set)
    return Patient(expression, flags) if _REPEATS.search(pattern) else re.compile(expression, flags)


def matches(text: str, pattern: str, ignore_case: bool = False) -> bool:
    """Whether the whole text matches."""
    return regex(pattern, False, ignore_case).fullmatch(text) is not None


@lru_cache(maxsize=512)
def path_regex(part: str, ignore_case: bool = False) -> re.Pattern[str] | Patient | Excluding:
    """One part of a path: a leading dot must be written, or a sign behind it."""
    part = _settled(part)
    return _compiled(part, _whole(part, False, True), ignore_case)
