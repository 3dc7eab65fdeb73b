"""Patterns with `!( … )`, matched by the sets of places where they can end (bash: lib/glob/sm_loop.c, extmatch).

A regular expression cannot say "any text but one that matches": `!(foo)*` matches `foo`, for `!(foo)` may be `fo`. So
each piece of the pattern is asked where it can end if it begins at a place; what `!( … )` excludes is taken out of all
the places behind. The time grows with the square of the text's length; STEPS is where it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from memsh.shell.errors import ShellError

STEPS = 4_000_000
Set = Callable[[str, int], tuple[str, int]]


class Found:
    """A match, as `re` has it."""

    def __init__(self, text: str, begun: int, ended: int) -> None:
        self.text, self.begun, self.ended = text, begun, ended

    def start(self) -> int:
        return self.begun

    def end(self) -> int:
        return self.ended

    def __getitem__(self, group: int) -> str:
        return self.text[self.begun : self.ended]


class Excluding:
    """A pattern. `sets` reads a `[…]`: a regular expression, and where it ends; ("", at) for none."""

    def __init__(self, pattern: str, flags: int, sets: Set) -> None:
        self.flags, self.sets = flags, sets
        self.nodes, _ = self._read(pattern, 0, False)
        self.steps = 0

    # reading

    def _read(self, text: str, at: int, inside: bool) -> tuple[list[list[Any]], int]:
        """The alternatives from `at` to the `)` that ends them (or the end), each a list of (kind, what)."""
        found: list[list[Any]] = [[]]
        while at < len(text) and not (inside and text[at] == ")"):
            char = text[at]
            if inside and char == "|":
                found.append([])
                at += 1
            elif char in "?*+@!" and text.startswith("(", at + 1):
                inner, end = self._read(text, at + 2, True)
                if end >= len(text):  # never closed: a letter
                    found[-1].append(self._letter(re.escape(char)))
                    at += 1
                    continue
                found[-1].append((char, inner))
                at = end + 1
            elif char == "*":
                found[-1].append(("any", None))
                at += 1
            else:
                expression, at = self._one(text, at)
                found[-1].append(self._letter(expression))
        return found, at

    def _one(self, text: str, at: int) -> tuple[str, int]:
        """What matches one letter, as a regular expression, and where it ends."""
        if text[at] == "?":
            return ".", at + 1
        if text[at] == "[":
            expression, end = self.sets(text, at)
            return (expression, end) if expression else (r"\[", at + 1)
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        return re.escape(text[at]), at + 1

    def _letter(self, expression: str) -> tuple[str, Any]:
        return "one", re.compile(expression, self.flags)

    # matching

    def _ends(self, alternatives: list[list[Any]], text: str, at: int, limit: int) -> set[int]:
        """Where one of the alternatives can end that begins at `at`."""
        ends: set[int] = set()
        for nodes in alternatives:
            places = {at}
            for kind, what in nodes:
                places = self._after(kind, what, text, places, limit)
                if not places:
                    break
            ends |= places
        return ends

    def _after(self, kind: str, what: Any, text: str, places: set[int], limit: int) -> set[int]:
        self.steps += len(places)
        if self.steps > STEPS:
            raise ShellError("this pattern takes too long here")
        if kind == "one":
            return {at + 1 for at in places if at < limit and what.match(text, at)}
        if kind == "any":
            return set(range(min(places), limit + 1))
        ends: set[int] = set()
        if kind == "!":
            for at in places:
                self.steps += limit - at
                ends |= set(range(at, limit + 1)) - self._ends(what, text, at, limit)
            return ends
        for at in places:
            ends |= self._ends(what, text, at, limit)
        if kind in "*+":
            fresh = ends
            while fresh:
                further: set[int] = set()
                for at in fresh:
                    further |= self._ends(what, text, at, limit)
                fresh = further - ends
                ends |= fresh
        return ends | places if kind in "?*" else ends

    def fullmatch(self, text: str, at: int = 0, end: int | None = None) -> Found | None:
        limit = len(text) if end is None else min(end, len(text))
        self.steps = 0
        return Found(text, at, limit) if limit in self._ends(self.nodes, text, at, limit) else None

    def match(self, text: str, at: int = 0) -> Found | None:
        """The longest match that begins at `at`."""
        self.steps = 0
        ends = self._ends(self.nodes, text, at, len(text))
        return Found(text, at, max(ends)) if ends else None

    def finditer(self, text: str) -> Iterator[Found]:
        """The leftmost matches, each as long as it can be."""
        at, self.steps = 0, 0
        while at <= len(text):
            ends = self._ends(self.nodes, text, at, len(text))
            if ends:
                yield Found(text, at, max(ends))
            at = max([at + 1, *ends])
