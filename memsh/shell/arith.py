"""`$(( … ))`: C's integer expressions over numbers, sizes (`4k`, `0x1000`) and variables' values."""

from __future__ import annotations

import re
from collections.abc import Callable

from memsh.shell.errors import ShellError
from memsh.shell.values import parse_size

_TOKEN = re.compile(
    r"\s*(?:0[xX][0-9a-fA-F]+|[0-9]+[kKmMgG]?(?:i?[bB])?|[A-Za-z_]\w*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>&|^~!?:()])"
)
_BINARY: dict[str, int] = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip
_BITS = 1 << 64  # results stay within a 64-bit machine word's reach, so that a loop of `<<` cannot eat the host
_DEPTH = 60


class _Reader:
    """A recursive-descent reader over the tokens of one expression."""

    def __init__(self, text: str, variable: Callable[[str], str]) -> None:
        self.text = text
        self.variable = variable
        self.tokens: list[str] = []
        self.place = 0
        self.depth = 0
        at, size = 0, len(text.rstrip())
        while at < size:
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.wrong(f"'{text[at:].strip()[:20]}' cannot stand here")
            self.tokens.append(match[0].strip())
            at = match.end()

    def wrong(self, why: str) -> ShellError:
        return ShellError(f"$(({self.text})): {why}", 2)

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.place += 1
        return token

    def whole(self) -> int:
        value = self.choice()
        if self.peek():
            raise self.wrong(f"'{self.peek()}' cannot stand here")
        return value

    def choice(self) -> int:
        self.depth += 1
        if self.depth > _DEPTH:
            raise self.wrong("nested too deeply")
        value = self.binary(1)
        if self.peek() == "?":
            self.take()
            yes = self.choice()
            if self.take() != ":":
                raise self.wrong("? needs its :")
            no = self.choice()
            value = yes if value else no
        self.depth -= 1
        return value

    def binary(self, least: int) -> int:
        left = self.unary()
        while _BINARY.get(self.peek(), 0) >= least:
            operator = self.take()
            right = self.binary(_BINARY[operator] + 1)
            left = self.apply(operator, left, right)
        return left

    def unary(self) -> int:
        token = self.take()
        if token in ("-", "+", "~", "!"):
            self.depth += 1
            if self.depth > _DEPTH:
                raise self.wrong("nested too deeply")
            value = self.unary()
            self.depth -= 1
            return -value if token == "-" else value if token == "+" else ~value if token == "~" else int(not value)
        if token == "(":
            value = self.choice()
            if self.take() != ")":
                raise self.wrong("( is never closed")
            return value
        if not token:
            raise self.wrong("a number is missing")
        return self.number(token)

    def number(self, token: str) -> int:
        value = parse_size(token)
        if value is None and (token[0].isalpha() or token[0] == "_"):
            word = self.variable(token).strip()
            value = parse_size(word.lstrip("-"))
            if value is not None and word.startswith("-"):
                value = -value
            if value is None:
                raise self.wrong(f"${token} is '{word[:20]}', which is no number")
        if value is None:
            raise self.wrong(f"'{token}' is no number")
        return value

    def apply(self, operator: str, a: int, b: int) -> int:
        if operator in ("/", "%") and not b:
            raise self.wrong("division by zero")
        if operator in ("<<", ">>") and not 0 <= b < 64:
            raise self.wrong("a shift is from 0 to 63")
        quotient = 0 if not b else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        results: dict[str, Callable[[], int]] = {
            "+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: quotient,
            "%": lambda: a - quotient * b, "<<": lambda: a << b, ">>": lambda: a >> b, "&": lambda: a & b,
            "|": lambda: a | b, "^": lambda: a ^ b, "==": lambda: int(a == b), "!=": lambda: int(a != b),
            "<": lambda: int(a < b), "<=": lambda: int(a <= b), ">": lambda: int(a > b), ">=": lambda: int(a >= b),
            "&&": lambda: int(bool(a and b)), "||": lambda: int(bool(a or b)),
        }  # fmt: skip
        value = results[operator]()
        if abs(value) >= _BITS:
            raise self.wrong("the result needs more than 64 bits")
        return value


def evaluate(text: str, variable: Callable[[str], str]) -> int:
    """The value of an expression. ShellError (status 2) says what is wrong with it."""
    reader = _Reader(text, variable)
    if not reader.tokens:
        return 0
    return reader.whole()
