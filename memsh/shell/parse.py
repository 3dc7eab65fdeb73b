"""Tokens → what to run. The grammar is LALR(1), built by lark the first time that a line is more than what
memsh.shell.flat reads.

A script of plain commands, one a line, needs no grammar at all: each token is a command already.
"""

from __future__ import annotations

import re
from typing import Any

from memsh.shell.errors import Incomplete, SyntaxFault
from memsh.shell.flat import flat
from memsh.shell.lexer import Lexer, Token
from memsh.shell.syntax import Line, Node, Series, Simple

_CONTINUED = re.compile(r"(?:^|\n)(?:[^\n#\\]|(?<=[^ \t\n])#|\\.)*\\\n\Z")  # a last \ that is no comment's
_WORDS = {
    "NL": "end of line", "SIMPLE": "command", "WORDS": "words", "HOST": "|!",
}  # fmt: skip


def parse(text: str, first: int = 1) -> list[Line]:
    """The lines of a script, the first one being line `first` of the whole. SyntaxFault with line and column;
    Incomplete if only the end is missing."""
    lexer = Lexer(text, _nested, first)
    if text.endswith("\\\n") and _CONTINUED.search(text):
        raise Incomplete("the line goes on after its \\, but nothing follows", lexer.line_of(len(text) - 1), 1)
    try:
        tokens, _ = lexer.tokens()
    except RecursionError:
        raise SyntaxFault("nested too deeply", 1, 1) from None
    if all(token.type == "SIMPLE" or token.type == "NL" for token in tokens):
        lines = _plain(text, tokens)
        if lines is not None:
            return lines
    return [
        Line(program, program.line, text[program.pos : end].strip()) for program, end in _structured(lexer, tokens)
    ]  # fmt: skip


def _plain(text: str, tokens: list[Token]) -> list[Line] | None:
    """SIMPLE and NL in turn; None if two commands stand beside each other (the grammar will say so)."""
    lines: list[Line] = []
    before: Simple | None = None
    for token in tokens:
        if token.type == "NL":
            if before is not None:
                lines.append(Line(before, before.line, text[before.pos : token.pos].rstrip()))
            before = None
        elif before is not None:
            return None
        else:
            before = token.value  # type: ignore[assignment]
    return lines


def _nested(lexer: Lexer, tokens: list[Token]) -> Node:
    """The inside of `$( … )` as one node."""
    if len(tokens) == 2 and tokens[0].type == "SIMPLE":
        return tokens[0].value  # type: ignore[return-value]
    programs = [program for program, _ in _structured(lexer, tokens)]
    if len(programs) == 1:
        return programs[0]
    return Series([(program, False) for program in programs])


def _structured(lexer: Lexer, tokens: list[Token]) -> list[tuple[Node, int]]:
    """(what to run, offset of its end) for every complete line."""
    simple = flat(tokens)
    if simple is not None:
        return simple
    from lark.exceptions import UnexpectedToken

    from memsh.shell.grammar import parser

    try:
        found: list[tuple[Node, int]] = parser().parse(tokens)  # type: ignore[assignment]
    except UnexpectedToken as error:
        raise _unexpected(lexer, tokens, error.token) from None
    return found


def _unexpected(lexer: Lexer, tokens: list[Token], token: Any) -> SyntaxFault:
    """The parser's complaint in words: what stands where it may not, or that something is not finished."""
    if token.type == "$END" or token is tokens[-1]:
        opened = _still_open(tokens)
        if opened is not None:
            return lexer.fault(f"{opened.value} is not finished", opened.pos, True)
        return lexer.fault("something is missing at the end", tokens[-1].pos, True)
    if token.type == "SIMPLE":
        word = lexer.text[token.pos :].split(None, 1)[0]
        return lexer.fault(f"'{word}' cannot stand here", token.pos)
    return lexer.fault(f"'{token.value or _WORDS.get(token.type, token.type)}' cannot stand here", token.pos)


def _still_open(tokens: list[Token]) -> Token | None:
    """The innermost keyword or operator that waits for its end."""
    closes = {"FI": "IF", "DONE": "DO", "RBRACE": "LBRACE", "RPAR": "LPAR"}
    stack: list[Token] = []
    for token in tokens:
        if token.type in ("IF", "LBRACE", "LPAR", "FOR", "WHILE", "UNTIL"):
            stack.append(token)
        elif token.type in closes and stack:
            stack.pop()
    last = next((token for token in reversed(tokens) if token.type != "NL"), None)
    if last is not None and last.type in ("AND", "OR", "PIPE", "BANG"):
        return last
    return stack[-1] if stack else None
