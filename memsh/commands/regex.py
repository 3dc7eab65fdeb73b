"""POSIX regular expressions, basic and extended, as Python's (IEEE Std 1003.1, 9.3 and 9.4)."""

from __future__ import annotations

import re

from memsh.shell import ShellError

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "blank": r" \t", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9a-fA-F", "print": r"\x20-\x7e", "graph": r"\x21-\x7e",
    "cntrl": r"\x00-\x1f\x7f",
}  # fmt: skip
_ESCAPES = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "n": r"\n", "t": r"\t"}
_KEPT = "wWsSbB0123456789"
_SPECIAL = "(){}|+?"


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """`[…]` from `at` on: (Python's spelling, where it ends)."""
    place = at + 1
    inside = ""
    if pattern[place : place + 1] == "^":
        inside, place = "^", place + 1
    first = place
    while place < len(pattern):
        if pattern[place] == "]" and place > first:
            return f"[{inside}]", place + 1
        if pattern.startswith("[:", place):
            end = pattern.find(":]", place)
            name = pattern[place + 2 : end] if end > 0 else ""
            if name not in _CLASSES:
                raise ShellError(f"'{pattern}': there is no character class [:{name}:]", 2)
            inside += _CLASSES[name]
            place = end + 2
            continue
        inside += "\\" + pattern[place] if pattern[place] in "\\[]&~|" else pattern[place]
        place += 1
    raise ShellError(f"'{pattern}': [ is never closed", 2)


def translate(pattern: str, extended: bool) -> str:
    """A POSIX pattern in Python's spelling. ShellError (status 2) if a [ is left open."""
    result = ""
    place, size = 0, len(pattern)
    while place < size:
        char = pattern[place]
        place += 1
        if char == "\\":
            following = pattern[place : place + 1]
            place += 1
            if not following:
                raise ShellError("Trailing backslash", 2)
            if following in _ESCAPES:
                result += _ESCAPES[following]
            elif following in _KEPT:
                result += "\\" + following
            elif following in _SPECIAL and not extended:
                result += following
            else:
                result += re.escape(following)
        elif char == "[":
            text, place = _bracket(pattern, place - 1)
            result += text
        elif char == "*":
            result += r"\*" if not result or result.endswith(("(", "|", "^")) else "*"
        elif char == "^":
            anchor = extended or place == 1 or pattern[place - 3 : place - 1] in (r"\(", r"\|")
            result += "^" if anchor else r"\^"
        elif char == "$":
            anchor = extended or place == size or pattern[place : place + 2] in (r"\)", r"\|")
            result += r"\Z" if anchor else r"\$"
        elif char in _SPECIAL and not extended:
            result += "\\" + char
        else:
            result += char
    return result


def compiled(pattern: str, extended: bool = False, ignore_case: bool = False, fixed: bool = False) -> re.Pattern[str]:
    """A POSIX pattern, ready to search with. ShellError (status 2) in words if it is none."""
    text = re.escape(pattern) if fixed else translate(pattern, extended)
    try:
        return re.compile(text, re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise ShellError(f"'{pattern}' is not a pattern: {error}", 2) from None
