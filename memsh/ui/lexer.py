"""Colours the line while it is typed: known and unknown commands, options, values, paths, strings."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from memsh.shell.lines import HOST_LINE
from memsh.shell.session import Session
from memsh.ui.words import roles

STYLES = {
    "command": "ansigreen",
    "unknown": "ansired underline",
    "bad": "ansired underline",
    "keyword": "ansimagenta",
    "option": "ansicyan",
    "value": "ansiyellow",
    "path": "ansiblue",
    "string": "ansiyellow",
    "number": "ansibrightblue",
    "operator": "ansimagenta",
    "comment": "ansibrightblack italic",
}


LONGEST = 20_000  # letters: more is not coloured, so that each key stays quick


class LineLexer(Lexer):
    """prompt_toolkit's view of memsh.ui.words."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        if len(document.text) > LONGEST:
            return lambda number: [("", document.lines[number])] if number < len(document.lines) else []
        if document.text.startswith(HOST_LINE):  # bash's language: nothing is known to be wrong
            rows: list[StyleAndTextTuples] = [[("class:line.string", line)] for line in document.lines]
            return lambda number: rows[number] if number < len(rows) else []
        lines: list[StyleAndTextTuples] = [[]]
        language = self.session.language
        known = {*language.functions, *language.aliases}
        for role, piece in roles(self.session.registry, document.text, known):
            style = f"class:line.{role}"
            for number, part in enumerate(piece.text.split("\n")):
                if number:
                    lines.append([])
                if part:
                    lines[-1].append((style, part))

        def get_line(number: int) -> StyleAndTextTuples:
            return lines[number] if number < len(lines) else []

        return get_line
