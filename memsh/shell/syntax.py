"""What a parsed line is made of. Positions are offsets into the text; lines count from 1.

A word without anything to expand is a plain str. Otherwise it is a Word of parts:
    ("text", TEXT, quoted)   letters as they are
    ("var", NAME, quoted)    $name, $1, $?, and "" for the last value
    ("run", LIST, quoted)    $( … )
    ("sum", PARTS, quoted)   $(( … )): text and var parts to be added up after expansion
"""

from __future__ import annotations

from typing import Any

Part = tuple[str, Any, bool]


class Word:
    """A word that must be expanded. `globs` if an unquoted * ? or [ stands in it."""

    __slots__ = ("globs", "parts")

    def __init__(self, parts: list[Part], globs: bool = False) -> None:
        self.parts = parts
        self.globs = globs


AnyWord = str | Word


class Redirect:
    """`>` `>>` `<` with the stream's number, or `>&` with the number of the other stream as target."""

    __slots__ = ("fd", "op", "target")

    def __init__(self, fd: int, op: str, target: AnyWord) -> None:
        self.fd = fd
        self.op = op
        self.target = target


class Node:
    """Anything that runs. `line` and `pos` say where it began."""

    __slots__ = ("line", "pos")
    line: int
    pos: int

    def at(self, line: int, pos: int) -> None:
        self.line = line
        self.pos = pos


class Simple(Node):
    """Assignments, words, redirections."""

    __slots__ = ("assigns", "redirects", "words")

    def __init__(self, line: int, pos: int) -> None:
        self.line = line
        self.pos = pos
        self.words: list[AnyWord] = []
        self.assigns: list[tuple[str, AnyWord]] | None = None
        self.redirects: list[Redirect] | None = None


class Pipeline(Node):
    """Stages joined by `|`; `host` is what follows `|!`, run by the host."""

    __slots__ = ("host", "negate", "stages")

    def __init__(self, stages: list[Node], negate: bool = False, host: str | None = None) -> None:
        self.stages = stages
        self.negate = negate
        self.host = host
        self.at(stages[0].line, stages[0].pos)


class AndOr(Node):
    """`a && b || c`: the first, then (operator, next) pairs."""

    __slots__ = ("first", "others")

    def __init__(self, first: Node, others: list[tuple[str, Node]]) -> None:
        self.first = first
        self.others = others
        self.at(first.line, first.pos)


class Series(Node):
    """Commands one after the other; True beside one that was followed by `&`."""

    __slots__ = ("items",)

    def __init__(self, items: list[tuple[Node, bool]]) -> None:
        self.items = items
        if items:
            self.at(items[0][0].line, items[0][0].pos)
        else:
            self.at(1, 0)


class For(Node):
    __slots__ = ("body", "name", "words")

    def __init__(self, name: str, words: list[AnyWord], body: Node) -> None:
        self.name = name
        self.words = words
        self.body = body


class While(Node):
    """`while`, or with `until` its opposite."""

    __slots__ = ("body", "condition", "until")

    def __init__(self, condition: Node, body: Node, until: bool) -> None:
        self.condition = condition
        self.body = body
        self.until = until


class If(Node):
    __slots__ = ("branches", "otherwise")

    def __init__(self, branches: list[tuple[Node, Node]], otherwise: Node | None) -> None:
        self.branches = branches
        self.otherwise = otherwise


class Group(Node):
    """`{ …; }`, or `( … )` whose variables and directory are its own; both may be redirected."""

    __slots__ = ("body", "own", "redirects")

    def __init__(self, body: Node, own: bool) -> None:
        self.body = body
        self.own = own
        self.redirects: list[Redirect] | None = None


class Compound(Node):
    """for, while, if or a group with redirections behind it."""

    __slots__ = ("inner", "redirects")

    def __init__(self, inner: Node, redirects: list[Redirect]) -> None:
        self.inner = inner
        self.redirects = redirects
        self.at(inner.line, inner.pos)


class Line:
    """One complete line of a script: what to run, where it stands, and how it was typed."""

    __slots__ = ("number", "program", "text")

    def __init__(self, program: Node, number: int, text: str) -> None:
        self.program = program
        self.number = number
        self.text = text
