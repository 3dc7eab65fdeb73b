"""`memsh grade` as it is called: an exercise, an answer or a whole folder of them, and what is printed of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from memsh.shell.errors import ShellError
from memsh.shell.visible import escaped, visible
from memsh.teach.course import mark_folder
from memsh.teach.exercise import load_exercise
from memsh.teach.grading import Grader, as_json, as_lines, key, listed
from memsh.teach.lessonfile import read_text
from memsh.teach.playing import Opener


class Wishes(NamedTuple):
    """The options of `memsh grade`."""

    seed: str = ""
    json: bool = False
    key: bool = False
    csv: bool = False


def grade(words: list[str], options: Wishes, opener: Opener, put: Callable[[str], object]) -> int:
    """`memsh grade EXERCISE.md [ANSWER.memsh | FOLDER]`: 0 all points, 1 some lost, 2 what cannot be read."""
    seed, json_wanted = options.seed, options.json

    def write(text: str) -> object:
        """A report may end on anybody's terminal, by whatever way: nothing in it is obeyed there."""
        return put(escaped(text) if json_wanted else visible(text))

    if len(words) > 2 or (options.csv and len(words) != 2) or (options.key and len(words) != 1):
        raise ShellError("grade: give an exercise and an answer (usage: memsh grade EXERCISE.md [ANSWER.memsh] "
                         "[--seed ID] [--json] | EXERCISE.md --key | EXERCISE.md FOLDER --csv)", 2)  # fmt: skip
    if not words:
        for line in listed():
            write(line + "\n")
        return 0
    try:
        if options.csv:
            return mark_folder(words[0], Path(words[1]), opener, write)
        exercise = load_exercise(words[0], seed)
        if options.key:
            for line in key(exercise, seed, opener):
                write(line + "\n")
            return 0 if exercise.answer else 1
        if len(words) == 1:
            write(exercise.text if not json_wanted else json.dumps(
                {"exercise": exercise.title, "seed": seed, "parameters": exercise.parameters, "of": exercise.points,
                 "text": exercise.text}, ensure_ascii=False) + "\n")  # fmt: skip
            return 0
        answer = read_text(Path(words[1]), f"grade: {words[1]}")
        grader = Grader(exercise, opener)
        mark = grader.mark(answer)
    except ShellError as error:
        if json_wanted:
            write(json.dumps({"exercise": words[0], "seed": seed, "points": 0, "of": 0, "end": "error",
                              "message": error.message, "tasks": []}, ensure_ascii=False) + "\n")  # fmt: skip
            return 2
        raise ShellError(error.message, 2) from None
    if json_wanted:
        write(as_json(exercise, seed, mark) + "\n")
    else:
        for line in as_lines(exercise, seed, mark, grader.errors.getvalue()):
            write(line + "\n")
    return 0 if mark.points == exercise.points else 1
