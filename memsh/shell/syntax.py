"""What a parsed line is made of. Positions are offsets into the text; lines count from 1.

A word without anything to expand is a plain str. Otherwise it is a Word of parts (kind, content, quoted):
    ("text", TEXT)     letters as they are
    ("param", Param)   $name, $1, ${name…}, and with the name "" the last value
    ("run", NODE)      $( … ) and `…`
    ("sum", WORD)      $(( … )): expanded as one text, then added up
    ("tilde", NAME)    ~ or ~NAME at a word's beginning
    ("proc", (SIGN, NODE))  <( … ) and >( … )
    ("bad", (TEXT, WHY))    a ${ … } that means nothing
    ("glob", WORD)     ?( … ) and its kin: the pattern as written, its inside expanded
"""

from __future__ import annotations

from typing import Any

Part = tuple[str, Any, bool]


class Word:
    """A word that must be expanded. `globs` if an unquoted * ? or [ stands in it, `braces` if a { does."""

    __slots__ = ("braces", "globs", "parts")

    def __init__(self, parts: list[Part], globs: bool = False, braces: bool = False) -> None:
        self.parts = parts
        self.globs = globs
        self.braces = braces


AnyWord = str | Word


class Param:
    """`${name[index] op arg other}`. `op` is "" for the value alone, "#" before it for its length as "len".

    `index`: None, "@", "*", or a word. `indirect`: `${!name}`. `bare`: written without braces. `vanishes`: in quotes
    with "$@", where nothing is no empty word.
    """

    __slots__ = ("arg", "bare", "index", "indirect", "name", "op", "other", "vanishes")

    def __init__(
        self, name: str, index: AnyWord | None = None, op: str = "", arg: AnyWord | None = None,
        other: AnyWord | None = None, indirect: bool = False, bare: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self.index = index
        self.op = op
        self.arg = arg
        self.other = other
        self.indirect = indirect
        self.bare = bare
        self.vanishes = False


class Assign:
    """`name=value`, `name[index]+=value`, `name=(word [key]=word …)`.

    `items` is None for a single value, else (key or None, word) for each element; `adding`: places of `[key]+=word`;
    `spread`: those whose text has braces, as the words that they are where the braces mean something.
    """

    __slots__ = ("adding", "adds", "index", "items", "name", "raw", "spread", "value")

    def __init__(
        self, name: str, value: AnyWord = "", index: AnyWord | None = None, adds: bool = False,
        items: list[tuple[AnyWord | None, AnyWord]] | None = None, raw: str = "", adding: frozenset[int] = frozenset(),
    ) -> None:  # fmt: skip
        self.name = name
        self.value = value
        self.index = index
        self.adds = adds
        self.items = items
        self.adding = adding
        self.spread: dict[int, Word] = {}
        self.raw = raw  # the ( … ) as written


class Redirect:
    """`>` `>>` `>|` `<` `<>` `>&` `<&` `&>` `&>>` `<<` `<<<` with the stream's number (or the name that shall hold it).

    `target` is the file's name, the other stream's number or `-`, or the text of a here-document or here-string.
    """

    __slots__ = ("fd", "name", "op", "target")

    def __init__(self, fd: int, op: str, target: AnyWord, name: str = "") -> None:
        self.fd = fd
        self.op = op
        self.target = target
        self.name = name


class Node:
    """Anything that runs. `line` and `pos` say where it began; `source` up to `end` is what $BASH_COMMAND shows."""

    __slots__ = ("end", "line", "pos", "source")
    line: int
    pos: int
    source: str
    end: int

    def written(self, source: str, end: int) -> None:
        """The text in which it stands, and where that part of it ends."""
        self.source = source
        self.end = end

    def shown(self) -> str:
        """That text."""
        return self.source[self.pos : self.end].strip()

    def at(self, line: int, pos: int) -> None:
        self.line = line
        self.pos = pos


class Simple(Node):
    """Assignments, words, redirections. `after` is the text behind the first word, for an alias that was not known
    when the text was read; `final`: aliases have been looked up; `plain`: nothing in it is expanded or set."""

    __slots__ = ("after", "assigns", "final", "plain", "redirects", "words")
    final: bool
    plain: bool

    def __init__(self, line: int, pos: int) -> None:
        self.line = line
        self.pos = pos
        self.words: list[AnyWord | Assign] = []
        self.assigns: list[Assign] | None = None
        self.redirects: list[Redirect] | None = None
        self.after = ""
        self.final = self.plain = False


class Pipeline(Node):
    """Stages joined by `|`; `host` is what follows `|!`, run by the host. `both`: the stages written `|&` behind."""

    __slots__ = ("both", "host", "negate", "stages")

    def __init__(
        self, stages: list[Node], negate: bool = False, host: str | None = None, both: frozenset[int] = frozenset()
    ) -> None:
        self.stages = stages
        self.negate = negate
        self.host = host
        self.both = both
        self.at(stages[0].line, stages[0].pos)


class Timed(Node):
    """`time PIPELINE`, `posix` with -p."""

    __slots__ = ("body", "posix")

    def __init__(self, body: Node, posix: bool) -> None:
        self.body = body
        self.posix = posix


class Coproc(Node):
    """`coproc NAME COMMAND`: the body beside this shell, with a pipe to it and one from it."""

    __slots__ = ("body", "name")

    def __init__(self, name: AnyWord, body: Node) -> None:
        self.name = name
        self.body = body


class AndOr(Node):
    """`a && b || c`: the first, then (operator, next) pairs."""

    __slots__ = ("first", "others")

    def __init__(self, first: Node, others: list[tuple[str, Node]]) -> None:
        self.first = first
        self.others = others
        self.at(first.line, first.pos)


class Series(Node):
    """Commands one after the other; True beside one that was followed by `&`. `whole`: not to be cut (`<<` in it)."""

    __slots__ = ("items", "whole")

    def __init__(self, items: list[tuple[Node, bool]]) -> None:
        self.items = items
        self.whole = False
        if items:
            self.at(items[0][0].line, items[0][0].pos)
        else:
            self.at(1, 0)


class For(Node):
    """`words` is None for `for name; do`: the arguments."""

    __slots__ = ("body", "name", "words")

    def __init__(self, name: str, words: list[AnyWord] | None, body: Node) -> None:
        self.name = name
        self.words = words
        self.body = body


class Select(For):
    """`select name in words; do`."""

    __slots__ = ()


class CFor(Node):
    """`for ((first; test; after))`: three expressions, each expanded and added up when it is its turn."""

    __slots__ = ("after", "body", "first", "test")

    def __init__(self, first: AnyWord, test: AnyWord, after: AnyWord, body: Node) -> None:
        self.first = first
        self.test = test
        self.after = after
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


class Case(Node):
    """(patterns, body or None, how it ends: `;;` `;&` `;;&`) for each item."""

    __slots__ = ("items", "word")

    def __init__(self, word: AnyWord, items: list[tuple[list[AnyWord], Node | None, str]]) -> None:
        self.word = word
        self.items = items


class Function(Node):
    """A definition. `text` is how it was typed, `file` where it ran."""

    __slots__ = ("body", "file", "name", "text")

    def __init__(self, name: str, body: Node, text: str) -> None:
        self.name = name
        self.body = body
        self.text = text
        self.file = "main"


class Sum(Node):
    """`(( … ))`."""

    __slots__ = ("word",)

    def __init__(self, word: AnyWord) -> None:
        self.word = word


class Cond(Node):
    """`[[ … ]]`: a tree of tuples: ("word", W), (OP, W), (OP, W, W), ("!", T), ("&&", T, T), ("||", T, T)."""

    __slots__ = ("tree",)

    def __init__(self, tree: tuple[Any, ...]) -> None:
        self.tree = tree


class Group(Node):
    """`{ …; }`, or `( … )` whose variables and directory are its own; both may be redirected."""

    __slots__ = ("body", "own", "redirects")

    def __init__(self, body: Node, own: bool) -> None:
        self.body = body
        self.own = own
        self.redirects: list[Redirect] | None = None


class Compound(Node):
    """for, while, if, case, a function's body or a group with redirections behind it."""

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
