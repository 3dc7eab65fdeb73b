"""Lines of simple commands joined by `|`, `&&`, `||` and `;`: read without the grammar, which takes long to build.

What it answers is what the grammar would build (a test compares them); anything else, mistakes too, is the grammar's.
"""

from __future__ import annotations

from collections.abc import Iterator

from memsh.shell.lexer import Token
from memsh.shell.syntax import AndOr, Node, Pipeline, Series

_JOINS = frozenset({"PIPE", "AND", "OR", "SEMI", "NL"})


def flat(tokens: list[Token]) -> list[tuple[Node, int]] | None:
    """(what to run, offset of its end) for every line; None if there is more to it."""
    found: list[tuple[Node, int]] = []
    line: list[Token] = []
    for token in tokens:
        if token.type != "NL":
            line.append(token)
        elif line:
            program = _line(line)
            if program is None:
                return None
            found.append((program, token.pos))
            line = []
    return None if line else found


def _line(tokens: list[Token]) -> Node | None:
    """One line: SIMPLE and a join in turn; a `;` may end it."""
    if tokens[-1].type == "SEMI":
        tokens = tokens[:-1]
    if not len(tokens) % 2:
        return None
    for at, token in enumerate(tokens):
        if token.type not in _JOINS if at % 2 else token.type != "SIMPLE":
            return None
    items: list[Node] = []
    for part in _cut(tokens, ("SEMI",)):
        operators = [str(token.value) for token in part if token.type in ("AND", "OR")]
        pipes = [_pipeline(pipe) for pipe in _cut(part, ("AND", "OR"))]
        items.append(AndOr(pipes[0], list(zip(operators, pipes[1:], strict=True))) if operators else pipes[0])
    return items[0] if len(items) == 1 else Series([(item, False) for item in items])


def _pipeline(tokens: list[Token]) -> Node:
    stages: list[Node] = [token.value for token in tokens[::2]]  # type: ignore[misc]
    return stages[0] if len(stages) == 1 else Pipeline(stages)


def _cut(tokens: list[Token], kinds: tuple[str, ...]) -> Iterator[list[Token]]:
    """The pieces between tokens of these kinds."""
    piece: list[Token] = []
    for token in tokens:
        if token.type in kinds:
            yield piece
            piece = []
        else:
            piece.append(token)
    yield piece
