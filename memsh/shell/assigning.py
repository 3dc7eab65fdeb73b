"""Assignments: `name=…`, `name[index]+=…`, `name=( … )` (bash: parse.y, parse_compound_assignment).

Known deviation: single quotes in the index of an array that is none of texts go, where bash finds no number in them.
"""

from __future__ import annotations

import re

from memsh.lazy import regular
from memsh.shell.syntax import AnyWord, Assign, Word
from memsh.shell.words import Words

_NAME = regular(r"[A-Za-z_][A-Za-z0-9_]*")


class Assigning(Words):
    """The part of the parser that reads them."""

    def assignment(self) -> Assign | None:
        """`name=…`, `name+=…`, `name[index]=…` at `pos`; None, and nothing read, if there is none."""
        text, begun = self.text, self.pos
        match = _NAME.match(text, begun)
        if match is None:
            return None
        end = match.end()
        following = text[end : end + 1]
        index: AnyWord | None = None
        if following == "[":
            close = self._closing(end)
            if close < 0 and "]" not in text[end:]:
                self.fault("[ is never closed with ]", end, True)
            if close < 0 or not re.match(r"\+?=", text[close + 1 : close + 3]):
                return None
            self.pos = end
            index = self.index()
            text, end = self.text, self.pos
            following = text[end : end + 1]
        adds = following == "+" and text.startswith("=", end + 1)
        if following != "=" and not adds:
            self.pos = begun
            return None
        self.pos = end + 1 + adds
        if text.startswith("(", self.pos):
            opened = self.pos
            spread: dict[int, Word] = {}
            items, adding = self._elements(spread)
            found = Assign(match[0], "", index, adds, items, self.text[opened : self.pos], adding)
            found.spread = spread
            return found
        return Assign(match[0], self._value(), index, adds)

    def _closing(self, at: int) -> int:
        """Where the `]` stands that closes the `[` at `at`, on this line; -1 if none does."""
        depth, quote, pos = 0, "", at
        while pos < self.size and self.text[pos] != "\n":
            char = self.text[pos]
            if quote:
                quote = "" if char == quote else quote
            elif char in "'\"":
                quote = char
            elif char == "\\":
                pos += 1
            elif char == "[":
                depth += 1
            elif char == "]":
                depth -= 1
                if not depth:
                    return pos
            pos += 1
        return -1

    def _value(self) -> AnyWord:
        """What follows the `=`: a word, or nothing."""
        if self.pos >= self.size or self.text[self.pos] in " \t\n|&;<>()":
            if not (self.text.startswith(("<(", ">("), self.pos)):
                return ""
        return self.word(value=True)

    def _elements(self, spread: dict[int, Word]) -> tuple[list[tuple[AnyWord | None, AnyWord]], frozenset[int]]:
        """`( … )` behind a `name=`, and which of them are `[key]+=`."""
        opened = self.pos
        self.pos += 1
        adding: set[int] = set()
        found: list[tuple[AnyWord | None, AnyWord]] = []
        while True:
            self.blanks()
            if self.pos >= self.size:
                self.fault("( is never closed with )", opened, True)
            char = self.text[self.pos]
            if char == ")":
                self.pos += 1
                return found, frozenset(adding)
            if char == "\n":
                self.pos += 1
            elif char == "#":
                end = self.text.find("\n", self.pos)
                self.pos = self.size if end < 0 else end
            elif char == "[" and self._keyed(found, adding, spread):
                continue
            elif char in "|&;(" or (char in "<>" and not self.text.startswith("(", self.pos + 1)):
                self.fault(f"'{char}' cannot stand in ( … ): a word or ) is expected", self.pos)
            else:
                self.listing = True
                found.append((None, self.word()))
                self.listing = False

    def _keyed(
        self, found: list[tuple[AnyWord | None, AnyWord]], adding: set[int], spread: dict[int, Word]
    ) -> bool:  # fmt: skip
        begun = self.pos
        close = self._closing(self.pos)
        if close < 0 or not self.text.startswith(("=", "+="), close + 1):
            return False
        key = self.index()
        if self.text.startswith("+", self.pos):
            adding.add(len(found))
            self.pos += 1
        self.pos += 1
        found.append((key, self._value()))
        end = self.pos
        if "{" in self.text[begun:end]:
            self.pos, self.listing = begun, True
            word = self.word()
            if isinstance(word, Word) and word.braces and self.pos == end:
                spread[len(found) - 1] = word
            self.pos, self.listing = end, False
        return True
