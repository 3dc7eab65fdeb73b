"""What fits a screen of so many columns."""

from __future__ import annotations

import re
from itertools import pairwise

from memsh.teach.lessonfile import PROSE, QUESTION
from memsh.teach.playing import Shown
from memsh.ui.fold import CUT, cells, fitted
from memsh.ui.player import ESCAPES, rendered, wrapped


def whole(text: str, columns: int, table: bool) -> None:
    """Every row fits, and its words are the text's; only a row that is cut loses some, all of them at its end."""
    for line in text.split("\n"):
        rows = fitted([line], columns, table)
        assert all(cells(row.text + row.mark) <= columns for row in rows), line
        words = line.split()
        shown = [word for row in rows for word in row.text.split()]
        if rows[-1].mark == CUT:
            long = bool(shown) and cells(words[len(shown) - 1]) >= columns - columns // 3  # a word that no row holds
            assert shown == [*words[: len(shown) - long], *([shown[-1]] if long else [])] and table, line
        elif any(cells(word) > columns - columns // 3 for word in words):
            assert "".join(shown) == "".join(words), line
            assert not any(re.search(r"\d$", row.text) and re.match(r"\s*\d", after.text) and
                           row.text.split()[-1] not in words and not re.search(r"\d{20}", line)
                           for row, after in pairwise(rows)), line  # fmt: skip
        else:
            assert shown == words, line


def step_fits(shown: Shown, room: int) -> None:
    """The prose of a lesson's step, or its question, and what its command printed."""
    if shown.step.kind in (PROSE, QUESTION):
        prose = shown.step.text if shown.step.kind == PROSE else "**Question.** " + shown.step.ask
        rows = rendered(prose, room, False)
        assert all(cells(ESCAPES.sub("", row)) <= room for row in rows), rows
        assert set(re.findall(r"\w+", " ".join(rows))) <= set(re.findall(r"\w+", prose)), shown.step.line
    for line in shown.output.split("\n"):
        assert all(cells(row) <= room for row in wrapped(line, room))
    whole(shown.output, room, False)
