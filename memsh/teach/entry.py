"""`memsh lesson [NAME]` and `memsh grade EXERCISE.md [ANSWER.memsh]`: the teacher from the command line."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from typing import Any

from memsh.shell.errors import ShellError
from memsh.shell.visible import visible
from memsh.teach.lessonfile import Lesson, load, names
from memsh.teach.playing import Opener, as_text

Player = Callable[[Lesson, Opener], int]  # shows a lesson on the terminal; answers a status


def listing(width: int) -> str:
    """The lessons, each with its summary."""
    lines = []
    wide = max((len(name) for name in names()), default=0) + 2
    for name in names():
        lesson = load(name)
        told = textwrap.wrap(lesson.summary.replace("`", ""), max(20, width - wide)) or [""]
        lines.append(f"{name:<{wide}}{told[0]}")
        lines += [" " * wide + line for line in told[1:]]
    lines.append("lesson NAME plays one.")
    return "\n".join(lines) + "\n"


def play(name: str, opener: Opener, player: Player | None, width: int, out: Callable[[str], object]) -> int:
    """Play a lesson: on the terminal if there is a player, else as plain text."""
    lesson = load(name)
    if player is not None:
        return player(lesson, opener)
    status = 0
    for piece in as_text(lesson, opener, width):
        out(piece)
        if piece.startswith(f"{lesson.name}:"):  # a question that nobody can answer: the author's error
            status = 2
    return status


def main(options: Any, opener: Opener, player: Player | None, width: int) -> int:
    """What `memsh lesson …` and `memsh grade …` do. ShellError as for every command."""
    from memsh.teach.grade import Wishes, grade  # start-up: 19 ms, for marking alone
    from memsh.teach.lint import lint  # start-up: 5 ms, for marking alone

    what, *words = options.words

    def out(text: str) -> None:
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)

    if what == "grade":
        flags = options.flags
        return grade(words, Wishes(options.last("--seed"), "--json" in flags, "--key" in flags, "--csv" in flags),
                     opener, out)  # fmt: skip
    if what == "tour":
        status = play("tour", opener, player, width, out)
        out(listing(width))
        return status
    if what == "lint":
        return lint(words, opener, out)
    if len(words) > 1:
        raise ShellError(f"lesson: '{words[1]}' is one word too many (usage: memsh lesson [NAME])", 2)
    if not words:
        out(listing(width))
        return 0
    return play(words[0], opener, player, width, out)
