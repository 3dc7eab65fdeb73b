"""The words of a statement or figure (`man expect`), taken apart before any name in them is filled in.

What a name, `$(…)` or `$((…))` stands for is a value: it is never read as a word of this language, so that nobody's
variable can turn a check round. Quotes, names and substitutions are the shell's. No known deviations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from memsh.lazy import regular
from memsh.shell import UsageError
from memsh.shell.session import Session
from memsh.teach.states import run_line

BARE, QUOTED, FILLED = "bare", "quoted", "filled"
_PIECE = regular(
    r"""(?P<space>\s+) | '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<open>\$\() |
        (?P<name>\$(?:\w+|\{[^}]*\}|[$?!#])) | (?P<bare>(?:\\.|[^\s'"$\\])+|.)""",
    re.VERBOSE | re.DOTALL,
)


class Piece(NamedTuple):
    """A piece of a word; of a FILLED one the text is what the shell is to fill in."""

    kind: str
    text: str


class Word(NamedTuple):
    """One word. `source` is how it was written."""

    pieces: tuple[Piece, ...]
    source: str

    @property
    def bare(self) -> str:
        """The text of a word that stands there as it is; "" for any other, which is no word of the language."""
        return self.pieces[0].text if len(self.pieces) == 1 and self.pieces[0].kind == BARE else ""

    @property
    def line(self) -> str:
        """As a command line: its names are left to the shell that runs it."""
        return "".join(piece.text for piece in self.pieces)

    def parts(self, session: Session) -> list[str]:
        """Cut at its dots, names filled in. A dot that comes out of a name cuts nothing. UsageError as `text`."""
        found = [""]
        for piece in self.pieces:
            if piece.kind == FILLED:
                found[-1] += filled(session, piece.text)
            else:
                first, *rest = piece.text.split(".")
                found[-1] += first
                found += rest
        return found

    def text(self, session: Session) -> str:
        """With its names filled in. UsageError if the shell cannot."""
        return ".".join(self.parts(session))


def filled(session: Session, source: str) -> str:
    """What the shell makes of `$name`, `$(…)` and the like, as one piece of text."""
    status = session.last_status
    text, failed = run_line(session, f"printf '%s' \"{source}\"")
    session.last_status = status
    if failed:
        said = text.strip().split("\n")[-1].removeprefix("printf: ").removeprefix("memsh: ")
        raise UsageError(said or f"{source} cannot be filled in")
    return text


def _closing(text: str, at: int) -> int:
    """One past the `)` that closes the `$(` whose inside begins at `at`. UsageError if there is none."""
    depth, quote = 1, ""
    while at < len(text):
        sign = text[at]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if not depth:
                return at + 1
        at += 1
    raise UsageError("a $( has no end")


def _pieces(text: str) -> Iterator[tuple[Piece | None, int, int]]:
    """(piece, where it begins, where it ends); None for blanks."""
    at = 0
    while at < len(text):
        match = _PIECE.match(text, at)
        assert match is not None
        kind, end = match.lastgroup, match.end()
        if kind == "open":
            end = _closing(text, end)
            yield Piece(FILLED, text[at:end]), at, end
        elif kind == "space":
            yield None, at, end
        elif kind == "name":
            yield Piece(FILLED, match[0]), at, end
        elif kind == "single":
            yield Piece(QUOTED, match["single"]), at, end
        elif kind == "double":
            yield Piece(FILLED if "$" in match["double"] else QUOTED, match["double"]), at, end
        elif match[0] in ("'", '"'):
            raise UsageError(f"a {match[0]} has no end")
        else:
            yield Piece(BARE, re.sub(r"\\(.)", r"\1", match[0], flags=re.DOTALL)), at, end
        at = end


def words_of(text: str) -> list[Word]:
    """A statement or figure as words. UsageError for a quote without end, or nothing."""
    words: list[Word] = []
    gathered: list[Piece] = []
    began = 0
    for piece, at, end in [*_pieces(text), (None, len(text), len(text))]:
        if piece is not None:
            began = began if gathered else at
            gathered.append(piece)
            last = end
        elif gathered:
            words.append(Word(tuple(gathered), text[began:last]))
            gathered = []
    if not words:
        raise UsageError("nothing is there (man expect)")
    return words


def given(words: list[str]) -> list[Word]:
    """Words that the shell has made already: those of the command `expect`."""
    if len(words) == 1 and " " in words[0]:
        return words_of(words[0])
    return [Word((Piece(QUOTED if " " in word else BARE, word),), f"'{word}'" if " " in word else word)
            for word in words]  # fmt: skip
