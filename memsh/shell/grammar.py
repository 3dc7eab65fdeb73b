"""How commands are put together (POSIX, Shell Command Language, 2.10), as an LALR(1) grammar over the lexer's tokens.

The actions build the tree while the parser reduces; no tree of lark's own is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from lark import Lark, Transformer
from lark.lexer import Lexer as LarkLexer

from memsh.shell.errors import SyntaxFault
from memsh.shell.lexer import Token
from memsh.shell.syntax import (
    AndOr,
    AnyWord,
    Compound,
    For,
    Group,
    If,
    Node,
    Pipeline,
    Series,
    Simple,
    While,
)

GRAMMAR = """
start: (NL | line)*
line: series NL
series: andor ((SEMI | AMP) andor)* (SEMI | AMP)?
andor: pipeline ((AND | OR) NL* pipeline)*
pipeline: BANG? stage (PIPE NL* stage)* HOST?
stage: SIMPLE | compound SIMPLE?
?compound: loop | until | for | if | group | subshell
loop: WHILE body DO body DONE
until: UNTIL body DO body DONE
for: FOR WORDS SEMI? NL* DO body DONE
if: IF body THEN body (ELIF body THEN body)* (ELSE body)? FI
group: LBRACE body RBRACE
subshell: LPAR body RPAR
body: NL* andor (separator andor)* separator?
separator: (SEMI | AMP) NL* | NL+
%declare NL SEMI AMP AND OR BANG PIPE HOST SIMPLE WHILE DO DONE UNTIL FOR WORDS IF THEN ELIF ELSE FI
%declare LBRACE RBRACE LPAR RPAR
"""

Children = list[Any]


def _placed(node: Node, token: Token) -> Node:
    node.at(token.line, token.pos)
    return node


class _Build(Transformer[Any, Any]):
    """One method per rule; children are tokens and what other rules returned."""

    def start(self, children: Children) -> list[tuple[Node, int]]:
        return [child for child in children if type(child) is tuple]

    def line(self, children: Children) -> tuple[Node, int]:
        return children[0], children[1].pos

    def series(self, children: Children) -> Node:
        items: list[tuple[Node, bool]] = []
        for child in children:
            if type(child) is Token:
                if child.type == "AMP":
                    items[-1] = (items[-1][0], True)
            else:
                items.append((child, False))
        return items[0][0] if len(items) == 1 and not items[0][1] else Series(items)

    def separator(self, children: Children) -> Token:
        return children[0]  # type: ignore[no-any-return]

    def body(self, children: Children) -> Node:
        return self.series([child for child in children if type(child) is not Token or child.type != "NL"])

    def andor(self, children: Children) -> Node:
        children = [child for child in children if type(child) is not Token or child.type != "NL"]
        if len(children) == 1:
            return children[0]  # type: ignore[no-any-return]
        pairs = [(children[i].value, children[i + 1]) for i in range(1, len(children), 2)]
        return AndOr(children[0], pairs)

    def pipeline(self, children: Children) -> Node:
        stages = [child for child in children if type(child) is not Token]
        negate = type(children[0]) is Token
        last = children[-1]
        host = str(last.value) if type(last) is Token and last.type == "HOST" else None
        if len(stages) == 1 and not negate and host is None:
            return stages[0]  # type: ignore[no-any-return]
        built = Pipeline(stages, negate, host)
        return _placed(built, children[0]) if negate else built

    def stage(self, children: Children) -> Node:
        if type(children[0]) is Token:
            return children[0].value  # type: ignore[return-value]
        inner: Node = children[0]
        if len(children) == 1:
            return inner
        behind: Simple = children[1].value
        if behind.words or behind.assigns:
            raise SyntaxFault("only > FILE, a separator or | may follow here", children[1].line, 1)
        return Compound(inner, behind.redirects or [])

    def loop(self, children: Children) -> Node:
        return _placed(While(children[1], children[3], False), children[0])

    def until(self, children: Children) -> Node:
        return _placed(While(children[1], children[3], True), children[0])

    def _for(self, children: Children) -> Node:
        words: list[AnyWord] = children[1].value
        name = words[0] if words else ""
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
            raise SyntaxFault("for needs a name: for x in …; do …; done", children[0].line, 1)
        if len(words) < 2 or words[1] != "in":
            raise SyntaxFault("for needs its words: for x in …; do …; done", children[0].line, 1)
        return _placed(For(name, words[2:], children[-2]), children[0])

    def _if(self, children: Children) -> Node:
        bodies = [child for child in children if type(child) is not Token]
        otherwise = bodies.pop() if len(bodies) % 2 else None
        branches = list(zip(bodies[::2], bodies[1::2], strict=True))
        return _placed(If(branches, otherwise), children[0])

    def group(self, children: Children) -> Node:
        return _placed(Group(children[1], False), children[0])

    def subshell(self, children: Children) -> Node:
        return _placed(Group(children[1], True), children[0])


setattr(_Build, "for", _Build._for)
setattr(_Build, "if", _Build._if)


class _Tokens(LarkLexer):
    """The tokens are made already: lark only walks them."""

    def __init__(self, lexer_conf: Any) -> None:
        return

    def lex(self, data: Any) -> Iterator[Any]:  # type: ignore[override]
        return iter(data)


@lru_cache(maxsize=1)
def parser() -> Lark:
    """The parser, built once a process."""
    return Lark(GRAMMAR, parser="lalr", lexer=_Tokens, transformer=_Build(), maybe_placeholders=False)
