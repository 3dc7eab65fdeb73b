"""sort --debug: which part of each line every key compares, and what of the options may not be meant (GNU coreutils
9.1's sort.c: debug_key, key_warnings)."""

from __future__ import annotations

from collections.abc import Iterator

from memsh.lazy import regular
from memsh.textutils.sortkeys import GENERAL, ORDERS, Key, month_key

BLANKS = " \t\n"
_NUMBER = regular(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


def warnings(keys: list[Key], orders: str, tab: str | None, *, lasting: bool) -> Iterator[str]:
    """`orders`: the letters outside of all keys; `lasting`: whether equal lines are told apart at the end."""
    yield "text ordering performed using simple byte comparison"
    named = any(key.named for key in keys)
    spans = ""
    for number, key in enumerate(keys, 1):
        numeric = key.kind in ("n", "g", "h")
        nothing = key.named and key.last is not None and key.last - 1 < key.first
        if nothing:
            yield f"key {number} has zero width and will be ignored"
        in_line = key.last == 1 and bool(key.last_char)
        blank = (not key.skip_first and not (numeric or key.kind == "M")) or (not key.skip_first and key.first_char)
        if not nothing and named and tab is None and not in_line and (blank or (key.last_char and not key.skip_last)):
            yield f"leading blanks are significant in key {number}; consider also specifying 'b'"
        if named and numeric and (key.last is None or key.first + 1 < key.last):
            yield f"key {number} is numeric and spans multiple fields"
            spans += key.kind
    if spans and tab == ".":
        yield "field separator '.' is treated as a decimal point in numbers"
    elif spans and tab == "-":
        yield "field separator '-' is treated as a minus sign in numbers"
    elif "g" in spans and tab == "+":
        yield "field separator '+' is treated as a plus sign in numbers"
    if any(key.kind in ("n", "g", "h") for key in keys) and not (spans and tab == "."):
        yield f"{'' if tab == '.' else 'note '}numbers use '.' as a decimal point in this locale"
    used = set().union(*(key.orders for key in keys))
    left = "".join(letter for letter in ORDERS if letter in orders and letter not in used) if named else ""
    ignored = left.replace("r", "") if lasting else left
    if ignored:
        yield f"option{'s' * (len(ignored) > 1)} '-{ignored}' {'are' if len(ignored) > 1 else 'is'} ignored"
    if "r" in left and lasting:
        yield "option '-r' only applies to last-resort comparison"


def marked(line: str, keys: list[Key], *, lasting: bool) -> str:
    """The line, a tab shown as `>`, and below it what each key takes of it; `lasting`: then the whole of it."""
    text = line.replace("\t", ">") + "\n"
    for key in keys:
        if key.named or key.orders.replace("r", ""):
            text += _mark(line, *_part(line, key))
    return text + (_mark(line, 0, len(line)) if lasting or text.count("\n") == 1 else "")


def _width(text: str) -> int:
    return sum(byte == 9 or (byte >= 32 and byte != 127) for byte in text.encode("utf-8", "surrogateescape"))


def _mark(line: str, begin: int, end: int) -> str:
    width = _width(line[begin:end])
    return " " * _width(line[:begin]) + ("_" * width if width else "^ no match for key") + "\n"


def _part(line: str, key: Key) -> tuple[int, int]:
    """Where what the key compares begins and ends, without what a number or a month does not look at."""
    begin, end = key.bounds(line)
    if key.skip_first and not (key.first or key.first_char):  # blanks are skipped no further than it reaches
        end = key.limit(line)
        begin = min(begin, end)
    if not ((key.skip_first and not key.named) or key.kind in ("M", "n", "g", "h")):
        return begin, end
    while begin < end and line[begin] in BLANKS:
        begin += 1
    text = line[begin:end]
    if key.kind == "M":
        return begin, begin + 3 * bool(month_key(text))
    if key.kind == "g":
        match = GENERAL.match(text)
        return begin, begin + (match.end() if match is not None else 0)
    if key.kind in ("n", "h"):
        match = _NUMBER.match(text)
        size = match.end() if match is not None else 0
        unit = key.kind == "h" and size and text[size : size + 1] in tuple("KkMGTPEZYRQ")
        return begin, begin + size + bool(unit)
    return begin, end
