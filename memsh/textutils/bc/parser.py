"""bc's language as trees (GNU bc's scan.l and bc.y).

A statement or an expression is a tuple of its kind and its parts. `&&` and `||` bind less than `!`, that less than a
comparison, that less than an assignment: `a = 1 < 2` compares. The minus of one operand binds more than `^`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from memsh.shell.limits import NESTED

Tree = tuple[Any, ...]
_TOKEN = re.compile(
    r"(?P<space>(?:[ \t\r]|\\\n|/\*.*?\*/|\#[^\n]*)+)|(?P<newline>\n)"
    r"|(?P<number>(?:[0-9A-Z]|\\\n)+(?:\.(?:[0-9A-Z]|\\\n)*)?|\.[0-9A-Z](?:[0-9A-Z]|\\\n)*)"
    r'|(?P<name>[a-z][a-z0-9_]*)|(?P<string>"[^"]*")'
    r"|(?P<sign>\+\+|--|[-+*/%^]=|[<>=!]=|&&|\|\||[-+*/%^=<>!(){}\[\],;.&])",
    re.DOTALL,
)
KEYWORDS = frozenset(
    ("auto", "break", "continue", "define", "else", "for", "halt", "history", "ibase", "if", "last", "length", "limits",
     "obase", "print", "quit", "random", "read", "return", "scale", "sqrt", "void", "warranty", "while")
)  # fmt: skip
COMPARED = ("==", "!=", "<", "<=", ">", ">=")
ASSIGNED = ("=", "+=", "-=", "*=", "/=", "%=", "^=")
FUNCTIONS = ("length", "sqrt", "scale", "read")


class Token(NamedTuple):
    """A word of the language: its kind (a keyword and a sign are kinds of their own), text and line."""

    kind: str
    text: str
    line: int


class Wrong(Exception):
    """What is no bc, with its line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


class Function(NamedTuple):
    """What `define` defines. An array among the parameters ends in `[]`, one that is not copied begins with `*`."""

    parameters: tuple[str, ...]
    autos: tuple[str, ...]
    body: Tree
    void: bool


def tokens(text: str, heed: Callable[[], None]) -> Iterator[Token]:
    """The words of a text, a newline a word too; at last ones of the kind "end". `heed` takes Ctrl-C."""
    place, line = 0, 1
    while place < len(text):
        heed()
        found = _TOKEN.match(text, place)
        if found is None:
            yield Token("wrong", text[place], line)
            place += 1
            continue
        kind, word = found.lastgroup or "", found[0]
        place = found.end()
        line += word.count("\n")
        if kind == "number":
            word = word.replace("\\\n", "")
        if kind != "space":
            yield Token(word if kind == "sign" or (kind == "name" and word in KEYWORDS) else kind, word, line)
    while True:
        yield Token("end", "", line)


class Parser:
    """Reads one line's statements, or a definition, at a time."""

    def __init__(self, text: str, heed: Callable[[], None]) -> None:
        self.tokens = tokens(text, heed)
        self.token = next(self.tokens)
        self.function = False
        self.loops: list[str] = []
        self.depth = 0

    def take(self) -> Token:
        token, self.token = self.token, next(self.tokens)
        return token

    def wrong(self) -> Wrong:
        illegal = self.token.kind == "wrong"
        return Wrong(f"illegal character: {self.token.text}" if illegal else "syntax error", self.token.line)

    def want(self, kind: str) -> Token:
        if self.token.kind != kind:
            raise self.wrong()
        return self.take()

    def newlines(self) -> None:
        while self.token.kind == "newline":
            self.take()

    def skip_line(self) -> None:
        """Behind a mistake: what is left of the line is passed over."""
        while self.token.kind not in ("newline", "end"):
            self.token = next(self.tokens)
        self.function, self.loops, self.depth = False, [], 0

    def unit(self) -> Tree | None:
        """What is to be done next; None at the end."""
        self.newlines()
        if self.token.kind == "end":
            return None
        if self.token.kind == "define":
            return self.definition()
        found = self.statements(("newline", "end"))
        if self.token.kind == "newline":
            self.take()
        return found

    def definition(self) -> Tree:
        self.take()
        void = self.token.kind == "void"
        if void:
            self.take()
        name = self.want("name").text
        self.want("(")
        parameters = self.names() if self.token.kind != ")" else ()
        self.want(")")
        self.newlines()
        self.want("{")
        self.newlines()
        autos: tuple[str, ...] = ()
        if self.token.kind == "auto":
            self.take()
            autos = self.names()
            if self.token.kind not in (";", "newline"):
                raise self.wrong()
            self.take()
        self.function, loops, self.loops = True, self.loops, []
        body = self.statements(("}",))
        self.function, self.loops = False, loops
        self.want("}")
        return ("define", name, Function(parameters, autos, body, void))

    def names(self) -> tuple[str, ...]:
        found = []
        while True:
            star = "*" if self.token.kind in ("*", "&") else ""
            if star:
                self.take()
            name = self.want("name").text
            if self.token.kind == "[":
                self.take()
                self.want("]")
                name += "[]"
            found.append(star + name)
            if self.token.kind != ",":
                return tuple(found)
            self.take()

    # statements

    def statements(self, ends: tuple[str, ...]) -> Tree:
        """Statements with `;` or, between braces, newlines behind them."""
        found: list[Tree] = []
        apart = (";",) if "newline" in ends else (";", "newline")
        while True:
            while self.token.kind in apart:
                self.take()
            if self.token.kind in ends:
                return ("block", tuple(found))
            found.append(self.statement())
            if self.token.kind not in apart and self.token.kind not in ends:
                raise self.wrong()

    def statement(self) -> Tree:
        self.depth += 1
        if self.depth > NESTED:
            raise Wrong("too many levels of nesting", self.token.line)
        kind = self.token.kind
        reader = _STATEMENTS.get(kind)
        if kind == "{":
            self.take()
            found = self.statements(("}",))
            self.want("}")
        elif kind == "string":
            found = ("string", self.take().text[1:-1])
        elif reader is not None:
            found = reader(self, self.take())
        else:
            tree = self.expression()
            found = ("do" if tree[0] == "assign" else "show", tree)
        self.depth -= 1
        return found

    def _print(self, _: Token) -> Tree:
        found: list[Tree] = []
        while True:
            found.append(("text", self.take().text[1:-1]) if self.token.kind == "string" else self.expression())
            if self.token.kind != ",":
                return ("print", tuple(found))
            self.take()

    def _if(self, _: Token) -> Tree:
        asked = self._asked()
        self.newlines()
        then = self.statement()
        otherwise: Tree = ("block", ())
        if self.token.kind == "else":
            self.take()
            self.newlines()
            otherwise = self.statement()
        return ("if", asked, then, otherwise)

    def _while(self, _: Token) -> Tree:
        asked = self._asked()
        return ("for", None, asked, None, self._body("while"))

    def _for(self, _: Token) -> Tree:
        self.want("(")
        parts = []
        for end in (";", ";", ")"):
            parts.append(None if self.token.kind == end else self.expression())
            self.want(end)
        return ("for", *parts, self._body("for"))

    def _body(self, loop: str) -> Tree:
        self.newlines()
        self.loops.append(loop)
        found = self.statement()
        self.loops.pop()
        return found

    def _asked(self) -> Tree:
        self.want("(")
        asked = self.expression()
        self.want(")")
        return asked

    def _return(self, token: Token) -> Tree:
        tree: Tree = ("number", "0")
        if self.token.kind not in (";", "newline", "}", "end"):
            tree = self.expression()
        if not self.function:
            raise Wrong("Return outside of a function.", self.token.line)
        return ("return", tree)

    def _break(self, token: Token) -> Tree:
        if not self.loops:
            raise Wrong("Break outside a for/while", token.line)
        return ("break",)

    def _continue(self, token: Token) -> Tree:
        if not self.loops:
            raise Wrong("Continue outside a for", token.line)
        return ("continue",)

    def _quit(self, _: Token) -> Tree:
        raise EOFError  # bc leaves when it reads it, wherever it stands

    def _halt(self, _: Token) -> Tree:
        return ("halt",)

    def _limits(self, _: Token) -> Tree:
        return ("limits",)

    # expressions

    def expression(self) -> Tree:
        self.depth += 1
        if self.depth > NESTED:
            raise Wrong("too many levels of nesting", self.token.line)
        found = self._either()
        self.depth -= 1
        return found

    def _either(self) -> Tree:
        left = self._both()
        while self.token.kind == "||":
            self.take()
            left = ("or", left, self._both())
        return left

    def _both(self) -> Tree:
        left = self._not()
        while self.token.kind == "&&":
            self.take()
            left = ("and", left, self._not())
        return left

    def _not(self) -> Tree:
        if self.token.kind != "!":
            return self._compared()
        self.take()
        return ("not", self._not())

    def _compared(self) -> Tree:
        left = self._assigned()
        while self.token.kind in COMPARED:
            left = (self.take().kind, left, self._assigned())
        return left

    def _assigned(self) -> Tree:
        left = self._sum()
        if self.token.kind not in ASSIGNED:
            return left
        if left[0] not in ("variable", "item", "special"):
            raise self.wrong()
        operator = self.take().kind[:-1]
        return ("assign", left, operator, self._assigned())

    def _sum(self) -> Tree:
        left = self._product()
        while self.token.kind in ("+", "-"):
            left = (self.take().kind, left, self._product())
        return left

    def _product(self) -> Tree:
        left = self._power()
        while self.token.kind in ("*", "/", "%"):
            left = (self.take().kind, left, self._power())
        return left

    def _power(self) -> Tree:
        left = self._minus()
        if self.token.kind != "^":
            return left
        self.take()
        return ("^", left, self._power())

    def _minus(self) -> Tree:
        if self.token.kind != "-":
            return self._stepped()
        self.take()
        return ("negative", self._minus())

    def _stepped(self) -> Tree:
        if self.token.kind in ("++", "--"):
            sign = self.take().kind[0]
            return ("before", self._place(self._single()), sign)
        found = self._single()
        if self.token.kind in ("++", "--"):
            return ("after", self._place(found), self.take().kind[0])
        return found

    def _place(self, tree: Tree) -> Tree:
        if tree[0] not in ("variable", "item", "special"):
            raise self.wrong()
        return tree

    def _single(self) -> Tree:
        token = self.token
        if token.kind == "number":
            return ("number", self.take().text)
        if token.kind == "(":
            self.take()
            found = self.expression()
            self.want(")")
            return ("paren", found)
        if token.kind == ".":
            self.take()
            return ("special", "last")
        if token.kind in FUNCTIONS:
            self.take()
            if token.kind == "scale" and self.token.kind != "(":
                return ("special", "scale")
            self.want("(")
            argument = None if token.kind in ("read") else self.expression()
            self.want(")")
            return (token.kind, argument)
        if token.kind in ("ibase", "obase", "last", "history"):
            return ("special", self.take().kind)
        name = self.want("name").text
        if self.token.kind == "[":
            self.take()
            at = self.expression()
            self.want("]")
            return ("item", name, at)
        return self._call(name) if self.token.kind == "(" else ("variable", name)

    def _call(self, name: str) -> Tree:
        self.take()
        found: list[Tree] = []
        while self.token.kind != ")":
            if found:
                self.want(",")
            found.append(self._argument())
        self.take()
        return ("call", name, tuple(found))

    def _argument(self) -> Tree:
        """An expression, or an array by its name: `a[]`."""
        if self.token.kind == "name":
            name = self.token.text
            after = next(self.tokens)
            if after.kind == "[":
                inside = next(self.tokens)
                if inside.kind == "]":
                    self.token = next(self.tokens)
                    return ("array", name)
                self.tokens = _before(self.tokens, after, inside)
            else:
                self.tokens = _before(self.tokens, after)
        return self.expression()


def _before(rest: Iterator[Token], *ahead: Token) -> Iterator[Token]:
    """Words that were looked at, before the others again."""
    yield from ahead
    yield from rest


_STATEMENTS: dict[str, Callable[[Parser, Token], Tree]] = {
    "print": Parser._print,
    "if": Parser._if,
    "while": Parser._while,
    "for": Parser._for,
    "return": Parser._return,
    "break": Parser._break,
    "continue": Parser._continue,
    "quit": Parser._quit,
    "halt": Parser._halt,
    "limits": Parser._limits,
}
