"""The inside of `[[ … ]]`: a tree of tests (bash: parse.y, parse_cond_command)."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any

from memsh.lazy import regular
from memsh.shell.syntax import AnyWord, Part, Word
from memsh.shell.words import TILDE, Words

Tree = tuple[Any, ...]
UNARY = frozenset("-" + letter for letter in "abcdefghknoprstuvwxzGLNORS")
BINARY = frozenset(["=", "==", "!=", "=~", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-ef", "-nt", "-ot"])

_WORD_END = regular(r"[ \t\n]|\Z")
_OPERATOR = regular(r"((?:==|=~|!=|=|-(?:eq|ne|lt|le|gt|ge|ef|nt|ot))(?=[ \t\n])|[<>](?!\())")
_LAST = regular(r"[-=!~a-z]+\s+(?:\]\](?![^\s;&|)])|&&|\|\||\))")
_UNARY = regular(r"-[a-zA-Z](?=[ \t\n])")
_EXPANDS = regular(r"[A-Za-z0-9_?#@*!${('\"-]")
_REGEX = regular(r"[^ \t\n$`\"'\\()\[\]|;&<>]+")


class Conditional(Words):
    """Reads up to the `]]`."""

    @abstractmethod
    def newlines(self) -> None:
        """Ends of lines, which mean nothing here, and here-documents that begin at them."""

    def condition(self, opened: int) -> Tree:
        tree = self._either(opened)
        self._space(opened)
        if not self.text.startswith("]]", self.pos):
            self.fault(f"'{self._shown()}' cannot stand here: ]] is expected", self.pos)
        self.pos += 2
        return tree

    def _shown(self) -> str:
        return re.split(r"[\s]", self.text[self.pos :], maxsplit=1)[0][:40] or "end of line"

    def _space(self, opened: int) -> None:
        self.newlines()
        if self.pos >= self.size:
            self.fault("[[ is not finished: ]] is missing", opened, True)

    def _either(self, opened: int) -> Tree:
        left = self._both(opened)
        while True:
            self._space(opened)
            if not self.text.startswith("||", self.pos):
                return left
            self.pos += 2
            left = ("||", left, self._both(opened))

    def _both(self, opened: int) -> Tree:
        left = self._one(opened)
        while True:
            self._space(opened)
            if not self.text.startswith("&&", self.pos):
                return left
            self.pos += 2
            left = ("&&", left, self._one(opened))

    def _one(self, opened: int) -> Tree:
        self._space(opened)
        text = self.text
        if text.startswith("!", self.pos) and (
            _WORD_END.match(text, self.pos + 1) or (text.startswith("(", self.pos + 1) and not self.extended)
        ):
            self.pos += 1
            return ("!", self._one(opened))
        if text.startswith("(", self.pos):
            self.pos += 1
            tree = self._either(opened)
            self._space(opened)
            if not text.startswith(")", self.pos):
                self.fault(f"'{self._shown()}' cannot stand here: ) is expected", self.pos)
            self.pos += 1
            return tree
        match = _UNARY.match(text, self.pos)
        if match is not None and match[0] in UNARY:
            begun, self.pos = self.pos, match.end()
            self._space(opened)
            if self._ends_here():
                self.fault(f"{match[0]} needs a word behind it", begun)
            if not self._operator() or _LAST.match(text, self.pos):
                return (match[0], self._side())
            self.pos = begun
        if self._ends_here() or text[self.pos] in "|&;<>)":
            self.fault(f"'{self._shown()}' cannot stand here: a word is expected", self.pos)
        left = self._side()
        self._space(opened)
        operator = self._operator()
        if not operator:
            if not self._ends_here() and text[self.pos] not in "|&)":
                self.fault(f"'{self._shown()}' is no operator of [[ … ]]", self.pos)
            return ("word", left)
        self.pos += len(operator)
        self._space(opened)
        return (operator, left, self._regex() if operator == "=~" else self._pattern())

    def _ends_here(self) -> bool:
        return self.text.startswith("]]", self.pos) and bool(re.match(r"[\s;&|)]|\Z", self.text[self.pos + 2 :][:1]))

    def _operator(self) -> str:
        match = _OPERATOR.match(self.text, self.pos)
        return match[1] if match is not None else ""

    def _side(self) -> AnyWord:
        if self.text[self.pos] in "<>" and not self.text.startswith(("<(", ">("), self.pos):
            self.fault(f"'{self._shown()}' cannot stand here: a word is expected", self.pos)
        return self.word(value=True)

    def _pattern(self) -> AnyWord:
        """Behind `==` and its kin ?( … ) counts, whatever `shopt` says."""
        outer, self.extended = self.extended, True
        word = self._side()
        self.extended = outer
        return word

    def _regex(self) -> AnyWord:
        """A regular expression: ( ) | and blanks inside ( ) are its own; what is quoted means itself."""
        parts: list[Part] = []
        depth = 0
        tilde = TILDE.match(self.text, self.pos)
        if tilde is not None:
            parts.append(("tilde", tilde[1], False))
            self.pos = tilde.end()
        while self.pos < self.size:
            char = self.text[self.pos]
            match = _REGEX.match(self.text, self.pos)
            if match is not None:
                parts.append(("text", match[0], False))
                self.pos = match.end()
            elif char == "$" and not _EXPANDS.match(self.text, self.pos + 1):
                parts.append(("text", char, False))
                self.pos += 1
            elif char in "$`\"'\\":
                self._quote(parts, char, False, -1)
            elif depth and char == "\n":
                self.fault("( in the expression is never closed with )", self.pos)
            elif not depth and (char in " \t\n);&<>" or self.text.startswith("||", self.pos)):
                break
            else:
                depth += (char == "(") - (char == ")")
                parts.append(("text", char, False))
                self.pos += 1
        return Word(parts)
