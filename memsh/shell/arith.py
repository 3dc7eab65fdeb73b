"""`$(( … ))`, `(( … ))`, `let`, subscripts: C's integer expressions (bash: expr.c).

An expression is read once into functions of the place where names have their values, and kept. Results wrap round at
64 bits as they do in bash. memsh's own: sizes (`4k`, `1M`) are numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell.errors import ShellError
from memsh.shell.limits import make_room

_TOKEN = regular(
    r"\s*(?:(?P<num>0[xX][0-9a-fA-F]+|[0-9]+#[0-9A-Za-z@_]+|[0-9]+(?:[kKmMgG](?:i?[bB])?)?(?![0-9A-Za-z_]))"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<op>\*\*=?|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|[-+*/%<>&|^~!?:(),=\[\]])"
    r"|(?P<bad>[0-9A-Za-z_#]+|.))",
    re.S,
)  # fmt: skip
_BEFORE_NAME = regular(r"\s*[A-Za-z_]")
_BINARY: dict[str, int] = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 11,
}  # fmt: skip
_ASSIGN = frozenset(["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="])
_UNIT = {"k": 10, "m": 20, "g": 30}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_"
_DEPTH = 60  # parentheses in each other
_NAMES = 1024  # names whose values are expressions: MAX_EXPR_RECURSION_LEVEL
_PLAIN = regular(r"[ \t\n]*-?(?:0|[1-9][0-9]{0,17})[ \t\n]*")


class Place(Protocol):
    """Where names have values."""

    def number_text(self, name: str, index: str | None) -> str: ...

    def number_set(self, name: str, index: str | None, value: int) -> None: ...


Code = Callable[[Place], int]


def wrap(value: int) -> int:
    """Into a signed 64-bit word."""
    return ((value + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)


def constant(token: str, wrong: Callable[[str], ShellError]) -> int:
    """A number as C and bash write it: 10, 010, 0x10, 2#101; and a size."""
    if token[:2] in ("0x", "0X"):
        return wrap(int(token[2:], 16))
    if "#" in token:
        base, digits = token.split("#", 1)
        if len(base) > 2 or not 2 <= int(base) <= 64:
            raise wrong(f"'{token[:40]}': a base is from 2 to 64")
        number = int(base)
        total = 0
        for digit in digits:
            value = _DIGITS.index(digit.lower() if number <= 36 else digit)
            if value >= number:
                raise wrong(f"'{token[:40]}': {digit} is no digit in base {base}")
            total = total * number + value
        return wrap(total)
    match = re.match(r"[0-9]+", token)
    assert match is not None
    shift = _UNIT.get(token[match.end() : match.end() + 1].lower(), 0)
    digits = match[0][-4000:]
    if digits[0] == "0" and len(digits) > 1 and not shift:
        if "8" in digits or "9" in digits:
            raise wrong(f"'{token[:40]}': a number that begins with 0 is octal")
        return wrap(int(digits, 8))
    return wrap(int(digits) << shift)


class _Reader:
    """A recursive-descent reader over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        self.place = 0
        self.depth = 0
        at, size = 0, len(text.rstrip())
        while at < size:
            match = _TOKEN.match(text, at)
            assert match is not None and match.lastgroup is not None
            word = match[match.lastgroup]
            if match.lastgroup == "bad":
                why = "is no number" if is_digits(word[0]) else "cannot stand here"
                raise self.wrong(f"'{word[:20]}' {why}")
            at = match.end()
            if word == "[" and self.tokens and self.tokens[-1][0] == "name":
                at = self._bracketed(at)
                continue
            if word in ("++", "--") and not self._steps(at):
                word, at = word[0], at - 1
            self.tokens.append((match.lastgroup, word))

    def _bracketed(self, at: int) -> int:
        """Keep the text between [ and ] as one token; answers where it ends. Its own quotes hide a bracket."""
        text, begun, depth, quote = self.text, at, 1, ""
        while at < len(text):
            char = text[at]
            at += 1
            if quote:
                quote = "" if char == quote else quote
            elif char in "'\"":
                quote = char
            else:
                depth += (char == "[") - (char == "]")
                if not depth:
                    self.tokens.append(("index", text[begun : at - 1]))
                    return at
        raise self.wrong("[ is never closed")

    def _steps(self, at: int) -> bool:
        """Whether the `++` or `--` that ends at `at` is one sign: behind a name, or before one."""
        kind = self.tokens[-1][0] if self.tokens else ""
        if kind == "num":
            return False
        return kind in ("name", "index") or _BEFORE_NAME.match(self.text, at) is not None

    def wrong(self, why: str) -> ShellError:
        text = self.text if len(self.text) < 80 else self.text[:77] + "…"
        return ShellError(f"$(({text})): {why}", 2)

    def peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.place += 1
        return token

    def whole(self) -> Code:
        code = self.comma()
        if self.peek():
            raise self.wrong(f"'{self.peek()}' cannot stand here")
        return code

    def comma(self) -> Code:
        code = self.assignment()
        while self.peek() == ",":
            self.take()
            code = _then(code, self.assignment())
        return code

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            raise self.wrong("nested too deeply")

    def assignment(self) -> Code:
        self.deeper()
        begun = self.place
        target = self.target()
        if target is not None and self.peek() in _ASSIGN:
            operator = self.take()
            code = self.store(target, operator[:-1], self.assignment())
        else:
            self.place = begun
            code = self.choice()
            if self.peek() in _ASSIGN:
                raise self.wrong("attempted assignment to non-variable")
        self.depth -= 1
        return code

    def target(self) -> tuple[str, str | None] | None:
        """A name, with or without `[…]`: what can be assigned to."""
        if self.place >= len(self.tokens) or self.tokens[self.place][0] != "name":
            return None
        name = self.take()
        return name, self.subscript()

    def subscript(self) -> str | None:
        """The text between [ and ], evaluated when it is used: an associative array's is a word."""
        if self.place >= len(self.tokens) or self.tokens[self.place][0] != "index":
            return None
        return self.take()

    def store(self, target: tuple[str, str | None], operator: str, right: Code) -> Code:
        name, index = target
        if not operator:

            def plain(place: Place) -> int:
                value = right(place)
                place.number_set(name, index, value)
                return value

            return plain
        operate, read = self.operation(operator), self.variable(name, index)

        def changed(place: Place) -> int:
            value = operate(read(place), right(place))
            place.number_set(name, index, value)
            return value

        return changed

    def choice(self) -> Code:
        condition = self.binary(1)
        if self.peek() != "?":
            return condition
        self.take()
        yes = self.comma()
        if self.take() != ":":
            raise self.wrong("? needs its :")
        no = self.choice()
        return lambda place: yes(place) if condition(place) else no(place)

    def binary(self, least: int) -> Code:
        left = self.unary()
        while True:
            operator = self.peek()
            if operator in ("++", "--"):  # 5--3, as C's lexer would not read it, but bash does
                self.tokens[self.place : self.place + 1] = [("op", operator[0]), ("op", operator[0])]
                operator = operator[0]
            rank = _BINARY.get(operator, 0)
            if rank < least or not rank:
                return left
            self.take()
            if operator == "**":
                self.deeper()
                left = _two(self.operation("**"), left, self.binary(11))
                self.depth -= 1
            elif operator == "&&":
                left = _and(left, self.binary(rank + 1))
            elif operator == "||":
                left = _or(left, self.binary(rank + 1))
            else:
                left = _two(self.operation(operator), left, self.binary(rank + 1))

    def unary(self) -> Code:
        token = self.peek()
        if token in ("-", "+", "~", "!"):
            self.take()
            self.deeper()
            inner = self.unary()
            self.depth -= 1
            if token == "-":
                return lambda place: wrap(-inner(place))
            if token == "+":
                return inner
            return (lambda place: ~inner(place)) if token == "~" else (lambda place: int(not inner(place)))
        if token in ("++", "--"):
            self.take()
            if self.place < len(self.tokens) and self.tokens[self.place][0] != "name":  # - - 1, as bash reads it
                self.place -= 1
                self.tokens[self.place : self.place + 1] = [("op", token[0]), ("op", token[0])]
                return self.unary()
            target = self.target()
            if target is None:
                raise self.wrong("a number is missing")
            return self.store(target, token[0], lambda place: 1)
        return self.primary()

    def primary(self) -> Code:
        if self.place >= len(self.tokens):
            raise self.wrong("a number is missing")
        kind, token = self.tokens[self.place]
        if kind == "num":
            self.take()
            value = constant(token, self.wrong)
            return lambda place: value
        if kind == "name":
            target = self.target()
            assert target is not None
            if self.peek() in ("++", "--"):
                return self.after(target, 1 if self.take() == "++" else -1)
            return self.variable(*target)
        if token == "(":
            self.take()
            self.deeper()
            code = self.comma()
            self.depth -= 1
            if self.take() != ")":
                raise self.wrong("( is never closed")
            return code
        raise self.wrong(f"'{token}' cannot stand here")

    def after(self, target: tuple[str, str | None], step: int) -> Code:
        """`x++`, `x--`."""
        read, (name, index) = self.variable(*target), target

        def code(place: Place) -> int:
            value = read(place)
            place.number_set(name, index, wrap(value + step))
            return value

        return code

    def variable(self, name: str, index: str | None) -> Code:
        """The value of a name is an expression itself."""
        wrong = self.wrong
        fullmatch = _PLAIN.fullmatch

        def code(place: Place) -> int:
            text = place.number_text(name, index)
            if fullmatch(text):
                return int(text)
            if not text.strip():
                return 0
            return nested(text, place, name, wrong)

        return code

    def operation(self, operator: str) -> Callable[[int, int], int]:
        found = _OPERATIONS.get(operator)
        if found is not None:
            return found
        wrong = self.wrong

        def divided(a: int, b: int) -> int:
            if not b:
                raise wrong("division by zero")
            quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
            return wrap(quotient) if operator == "/" else a - quotient * b

        def power(a: int, b: int) -> int:
            if b < 0:
                raise wrong("exponent less than 0")
            return wrap(pow(a, b, 1 << 64))

        return power if operator == "**" else divided


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: wrap(a + b), "-": lambda a, b: wrap(a - b), "*": lambda a, b: wrap(a * b),
    "<<": lambda a, b: wrap(a << (b & 63)), ">>": lambda a, b: a >> (b & 63), "&": lambda a, b: a & b,
    "|": lambda a, b: a | b, "^": lambda a, b: a ^ b, "==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b), "<=": lambda a, b: int(a <= b), ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
}  # fmt: skip


def _then(first: Code, second: Code) -> Code:
    def code(place: Place) -> int:
        first(place)
        return second(place)

    return code


def _two(operate: Callable[[int, int], int], left: Code, right: Code) -> Code:
    return lambda place: operate(left(place), right(place))


def _and(left: Code, right: Code) -> Code:
    return lambda place: int(bool(left(place)) and bool(right(place)))


def _or(left: Code, right: Code) -> Code:
    return lambda place: int(bool(left(place)) or bool(right(place)))


@lru_cache(maxsize=4096)
def compiled(text: str) -> Code:
    """An expression, read. ShellError (status 2) says what is wrong with it."""
    if not text.strip():
        return lambda place: 0
    return _Reader(text).whole()


def nested(text: str, place: Place, name: str, wrong: Callable[[str], ShellError]) -> int:
    """The value of a variable's text. ShellError where it is none, or names lead in a circle."""
    if len(text) > 4000 or not text.isprintable():
        raise wrong(f"${name} is '{text[:20]}…', which is no number")
    try:
        code = compiled(text)
    except ShellError:
        raise wrong(f"${name} is '{text[:20]}', which is no number") from None
    depth = getattr(place, "arith_depth", 0)
    if depth > _NAMES:
        raise wrong("expression recursion level exceeded")
    make_room()
    place.arith_depth = depth + 1  # type: ignore[attr-defined]
    try:
        return code(place)
    finally:
        place.arith_depth = depth  # type: ignore[attr-defined]


class _Names:
    """Names whose values come from a function; nothing can be assigned."""

    arith_depth = 0

    def __init__(self, variable: Callable[[str], str]) -> None:
        self.variable = variable

    def number_text(self, name: str, index: str | None) -> str:
        return self.variable(name)

    def number_set(self, name: str, index: str | None, value: int) -> None:
        raise ShellError(f"{name}: nothing can be assigned here", 2)


def evaluate(text: str, variable: Callable[[str], str]) -> int:
    """The value of an expression over names that `variable` knows. ShellError (status 2) says what is wrong."""
    return compiled(text)(_Names(variable))
