"""The part of awk's language that people type: patterns, BEGIN and END, print, printf, assignments, if, for-in.

Text → a tree of tuples; awk.py walks it. Known deviations: no functions of one's own, no getline, no while, no
redirections.
"""

from __future__ import annotations

import re
from typing import Any

from memsh.shell import UsageError

_TOKEN = re.compile(
    r"[ \t\r]*(?:(?P<number>[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<rest>#[^\n]*)"
    r"|(?P<op>\+\+|--|[-+*/%^]=|==|!=|<=|>=|&&|\|\||!~|[-+*/%^<>=!~?:,;(){}\[\]$\n]))"
)
FUNCTIONS = {
    "length", "substr", "index", "int", "toupper", "tolower", "sprintf", "sqrt", "split", "match", "sub", "gsub",
}  # fmt: skip
_PRECEDENCE = {"||": 2, "&&": 3, "~": 5, "!~": 5, "<": 6, "<=": 6, ">": 6, ">=": 6, "==": 6, "!=": 6}
_STARTS = {"number", "string", "name", "regex"}
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "/": "/", "r": "\r"}
Tree = tuple[Any, ...]
DEEPEST = 100


class Reader:
    """A recursive-descent reader of one program."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        self.place = 0
        self.depth = 0
        self._cut()

    def _cut(self) -> None:
        at, text = 0, self.text
        while at < len(text):
            if text[at] == "/" and not self._value_before():
                end = at + 1
                while end < len(text) and text[end] != "/":
                    end += 2 if text[end] == "\\" else 1
                if end >= len(text):
                    raise UsageError(f"'{text}': / is never closed")
                self.tokens.append(("regex", text[at + 1 : end].replace("\\/", "/")))
                at = end + 1
                continue
            match = _TOKEN.match(text, at)
            if match is None:
                if not text[at:].strip():
                    break
                if text[at] in " \t\r":
                    at += 1
                    continue
                raise UsageError(f"'{text}': '{text[at]}' cannot stand here (character {at + 1})")
            kind = match.lastgroup or "rest"
            if kind != "rest":
                after = match.end()
                if kind == "op" and match[kind] == "/" and not self._value_before():
                    at = match.end() - 1
                    continue
                self.tokens.append((kind, match[kind]))
                at = after
            else:
                at = match.end()
        self.tokens.append(("end", ""))

    def _value_before(self) -> bool:
        if not self.tokens:
            return False
        kind, text = self.tokens[-1]
        if kind == "name":
            return text not in ("print", "return")
        return kind in ("number", "string") or text in (")", "]", "++", "--")

    def wrong(self, why: str = "") -> UsageError:
        shown = self.tokens[self.place][1] or "the end"
        return UsageError(f"'{self.text}': {why or f'{shown!r} cannot stand here'}")

    def peek(self) -> str:
        kind, text = self.tokens[self.place]
        return text if kind in ("op", "name") else ""

    def kind(self) -> str:
        return self.tokens[self.place][0]

    def accept(self, text: str) -> bool:
        if self.kind() in ("op", "name") and self.tokens[self.place][1] == text:
            self.place += 1
            return True
        return False

    def need(self, text: str) -> None:
        if not self.accept(text):
            raise self.wrong(f"{text} is missing")

    def skip(self) -> None:
        while self.peek() in (";", "\n") and self.kind() == "op":
            self.place += 1

    def program(self) -> list[tuple[Any, Any]]:
        """[(pattern, action)]: pattern "BEGIN", "END", None, an expression or ("range", from, to)."""
        rules: list[tuple[Any, Any]] = []
        self.skip()
        while self.kind() != "end":
            pattern: Any = None
            if self.peek() in ("BEGIN", "END"):
                pattern = self.peek()
                self.place += 1
            elif self.peek() != "{":
                pattern = self.expression()
                if self.accept(","):
                    pattern = ("range", len(rules), pattern, self.expression())
            action = self.block() if self.peek() == "{" else None
            if pattern in ("BEGIN", "END") and action is None:
                raise self.wrong("{ is missing")
            rules.append((pattern, action))
            self.skip()
        return rules

    def block(self) -> list[Tree]:
        self.need("{")
        statements = []
        self.skip()
        while not self.accept("}"):
            if self.kind() == "end":
                raise self.wrong("} is missing")
            statements.append(self.statement())
            if self.peek() != "}":
                before = self.place
                self.skip()
                if before == self.place and self.tokens[self.place - 1][1] != "}":
                    raise self.wrong()
        return statements

    def statement(self) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong("nested too deeply")
        tree = self._statement()
        self.depth -= 1
        return tree

    def _statement(self) -> Tree:
        if self.peek() == "{":
            return ("block", self.block())
        if self.accept("if"):
            self.need("(")
            condition = self.expression()
            self.need(")")
            self.skip()
            then = self.statement()
            before = self.place
            self.skip()
            if self.accept("else"):
                self.skip()
                return ("if", condition, then, self.statement())
            self.place = before
            return ("if", condition, then, None)
        if self.accept("for"):
            self.need("(")
            name = self.tokens[self.place][1]
            self.place += 1
            self.need("in")
            array = self.tokens[self.place][1]
            self.place += 1
            self.need(")")
            self.skip()
            return ("forin", name, array, self.statement())
        for word in ("next", "exit"):
            if self.accept(word):
                return (word,)
        if self.peek() in ("print", "printf"):
            return self._print()
        if self.accept("delete"):
            return ("delete", self.unary())
        return ("do", self.expression())

    def _print(self) -> Tree:
        kind = self.peek()
        self.place += 1
        values = []
        opened = self.peek() == "(" and self._spans_all()
        if opened:
            self.need("(")
        if self.peek() not in (";", "\n", "}") and self.kind() != "end":
            values.append(self.expression())
            while self.accept(","):
                values.append(self.expression())
        if opened:
            self.need(")")
        if kind == "printf" and not values:
            raise self.wrong("printf needs a format")
        return (kind, values)

    def _spans_all(self) -> bool:
        """Whether the ( here closes where the statement ends: print (a, b)."""
        depth = 0
        for at in range(self.place, len(self.tokens)):
            text = self.tokens[at][1] if self.tokens[at][0] == "op" else ""
            depth += (text == "(") - (text == ")")
            if not depth:
                return self.tokens[at + 1][1] in (";", "\n", "}", "")
        return False

    def expression(self) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong("nested too deeply")
        left = self.ternary()
        operator = self.peek()
        if operator in ("=", "+=", "-=", "*=", "/=", "%=", "^=") and left[0] in ("name", "field", "item"):
            self.place += 1
            left = ("assign", operator, left, self.expression())
        self.depth -= 1
        return left

    def ternary(self) -> Tree:
        condition = self.binary(2)
        if self.accept("?"):
            yes = self.expression()
            self.need(":")
            return ("choose", condition, yes, self.expression())
        return condition

    def binary(self, least: int) -> Tree:
        left = self.concatenation() if least > 6 else self.binary(least + 1)
        while True:
            operator = self.peek()
            if self.accept("in"):
                name = self.tokens[self.place][1]
                self.place += 1
                left = ("in", left, name)
            elif self.kind() == "op" and _PRECEDENCE.get(operator) == least:
                self.place += 1
                left = ("binary", operator, left, self.binary(least + 1))
            else:
                return left

    def concatenation(self) -> Tree:
        left = self.sum()
        while (self.kind() in _STARTS and self.peek() != "in") or self.peek() in ("$", "(", "!"):
            left = ("join", left, self.sum())
        return left

    def sum(self) -> Tree:
        left = self.product()
        while self.peek() in ("+", "-"):
            operator = self.peek()
            self.place += 1
            left = ("binary", operator, left, self.product())
        return left

    def product(self) -> Tree:
        left = self.unary()
        while self.peek() in ("*", "/", "%"):
            operator = self.peek()
            self.place += 1
            left = ("binary", operator, left, self.unary())
        return left

    def unary(self) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong("nested too deeply")
        try:
            for operator in ("!", "-", "+"):
                if self.accept(operator):
                    return ("unary", operator, self.unary())
            for operator in ("++", "--"):
                if self.accept(operator):
                    return ("assign", operator[0] + "=", self.unary(), ("number", 1.0))
            value = self.primary()
            if self.peek() in ("++", "--") and value[0] in ("name", "field", "item"):
                operator = self.peek()
                self.place += 1
                return ("after", operator[0] + "=", value)
            if self.accept("^"):
                return ("binary", "^", value, self.unary())
            return value
        finally:
            self.depth -= 1

    def primary(self) -> Tree:
        kind, text = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            return ("number", float(text))
        if kind == "string":
            return ("string", re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], "\\" + match[1]), text[1:-1]))
        if kind == "regex":
            return ("regex", text)
        if text == "$":
            return ("field", self.primary() if self.peek() != "-" else self.unary())
        if text == "(":
            value = self.expression()
            self.need(")")
            return ("paren", value)
        if kind != "name":
            self.place -= 1
            raise self.wrong()
        if text in FUNCTIONS:
            arguments = []
            if self.accept("("):
                while not self.accept(")"):
                    arguments.append(self.expression())
                    if not self.accept(",") and self.peek() != ")":
                        raise self.wrong(") is missing")
            elif text != "length":
                raise self.wrong(f"{text} needs its (")
            return ("call", text, arguments)
        if self.accept("["):
            keys = [self.expression()]
            while self.accept(","):
                keys.append(self.expression())
            self.need("]")
            return ("item", text, keys)
        return ("name", text)
