"""`memsh lint FILE`: what an author of a lesson or an exercise would want to know before a class meets it.

Everything is found by playing the file: each fault is one line, `FILE:LINE: what`. No known deviations: the format is
memsh's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from memsh.alike import alike
from memsh.digits import is_digits
from memsh.shell.errors import ShellError
from memsh.teach.exercise import EXERCISES, FOR, KINDS, Exercise, read_exercise
from memsh.teach.expectation import holds
from memsh.teach.grading import Grader
from memsh.teach.lessonfile import COMMAND, FENCE, FOLDER, QUESTION, Lesson, read_lesson, read_text
from memsh.teach.playing import Opener, Playing
from memsh.teach.statement import words_of

WIDTH = 80  # of what a lesson prints
SLOW = 1.0  # seconds of CPU that a step may take
SHOWN = ("text", "c", "sh", "bash", "html", "json", "diff", "make", "python", "markdown", "md", "asm")
SEEDS = ("", "anna", "bert")


class Fault(NamedTuple):
    """One thing to mend; line 0 is the whole file."""

    line: int
    said: str


def fences(text: str, known: tuple[str, ...]) -> Iterator[Fault]:
    """Blocks whose kind is neither memsh's nor a language to show; what is shown as it is and does not fit."""
    closing = kind = ""
    for number, line in enumerate(text.split("\n"), 1):
        match = FENCE.match(line.rstrip())
        if closing:
            closing = "" if line.strip() == closing else closing
            if closing and kind in SHOWN and len(line.rstrip()) > WIDTH:
                yield Fault(number, f"{len(line.rstrip())} columns wide: a screen has {WIDTH}")
        elif line.startswith("|") and len(line.rstrip()) > WIDTH:
            yield Fault(number, f"a table {len(line.rstrip())} columns wide: a screen has {WIDTH}")
        elif match:
            closing, kind = match[1], match[2] or "text"
            if match[2] and match[2] not in (*known, *SHOWN):
                close = alike(match[2], known, 1)
                hint = f": did you mean ```{close[0]}?" if close else f" (memsh's are {', '.join(known)})"
                yield Fault(number, f"```{match[2]} is no kind of block{hint}")
        elif line.lstrip().startswith("``") and not line.lstrip().startswith("```") and line.count("`") == 2:
            yield Fault(number, "two backquotes begin no block: three do")


def lesson_faults(lesson: Lesson, opener: Opener, width: int = WIDTH) -> Iterator[Fault]:
    """Play a lesson: questions without an answer, slow steps, wide and stale output."""
    playing = Playing(lesson, opener, width)
    while playing.step is not None:
        begun = time.process_time()
        shown = playing.forward()
        took = time.process_time() - begun
        playing.kept.clear()
        step = shown.step
        if took > SLOW:
            yield Fault(step.line, f"this step takes {took:.1f} s: a second is what a class waits for")
        if step.kind == QUESTION:
            if not shown.verdict.startswith("It is "):
                yield Fault(step.line, "nobody can answer this: " + shown.verdict.partition(": ")[2])
            elif f"= {step.figure}" in step.ask:
                yield Fault(step.line, "the answer stands in the question")
        elif step.kind == COMMAND:
            was, now = list(step.recorded), shown.output.splitlines()
            if was != now:
                same = next((at for at, (old, new) in enumerate(zip(was, now, strict=False)) if old != new),
                            min(len(was), len(now)))  # fmt: skip
                yield Fault(step.line + same + 1, "the output is not what memsh prints today")
    if not lesson.summary:
        yield Fault(1, "there is no paragraph below the title: `lesson` would list nothing")


def exercise_faults(name: str, text: str, opener: Opener) -> Iterator[Fault]:
    """Mark the teacher's own answer, and none at all: each check must be right about both."""
    for seed in SEEDS:
        exercise = read_exercise(name, text, seed)
        who = f" (seed {seed})" if seed else ""
        missing = [task for task in exercise.tasks if not task.answer]
        for task in missing:
            yield Fault(task.line, "there is no ```answer: nothing can be said of these checks")
        if missing:
            yield from _statements(exercise, opener)
            return
        grader = Grader(exercise, opener)
        mark = grader.mark(exercise.answer)
        if mark.message:
            yield Fault(exercise.tasks[0].line, f"the ```answer{who} is not marked: {mark.message}")
        for task, marked in zip(exercise.tasks, mark.tasks, strict=True):
            for check in task.checks:
                lost = [one for one in marked.lost if one.points == check.points and one.why == check.why
                        and check.statement.split(" ")[0] in one.said]  # fmt: skip
                if lost and not mark.message:
                    yield Fault(check.line, f"the ```answer{who} loses this: {lost[0].said}")
        if grader.errors.getvalue().strip():
            said = grader.errors.getvalue().strip().split("\n")[0]
            yield Fault(exercise.tasks[0].line, f"the ```answer{who} complains: {said}")
        if seed == SEEDS[0]:
            nothing = Grader(exercise, opener).mark("")
            for task, marked in zip(exercise.tasks, nothing.tasks, strict=True):
                if marked.points:
                    yield Fault(task.line, f"{marked.points} of {marked.of} points are for nothing: an empty answer")


def _statements(exercise: Exercise, opener: Opener) -> Iterator[Fault]:
    """Checks that are no statements at all, whatever the answer is."""
    grader = Grader(exercise, opener)
    grader.prepare()
    for task in exercise.tasks:
        for check in task.checks:
            try:
                holds(grader.session, words_of(check.statement))
            except ShellError as error:
                if "snapshot" not in error.message and "is not set" not in error.message:
                    yield Fault(check.line, f"{check.statement}: {error.message}")


def faults(name: str, text: str, opener: Opener) -> Iterator[Fault]:
    """All of one file, from the cheapest to find on."""
    is_exercise = any(FOR.match(line) for line in text.split("\n"))
    yield from fences(text, KINDS if is_exercise else ("console", "predict", "quiz"))
    try:
        if is_exercise:
            yield from exercise_faults(name, text, opener)
        else:
            yield from lesson_faults(read_lesson(name, text), opener)
    except ShellError as error:
        place, _, said = error.message.removeprefix(f"{name}:").partition(": ")
        yield Fault(int(place), said) if is_digits(place) else Fault(0, error.message.removeprefix(f"{name}: "))


def lint(words: list[str], opener: Opener, write: Callable[[str], object]) -> int:
    """`memsh lint FILE …`: status 1 if there is anything to mend, 2 for what cannot be read."""
    if not words:
        raise ShellError("lint: give a lesson or an exercise (usage: memsh lint FILE.md …)", 2)
    found = 0
    for word in words:
        path = Path(word)
        inside = [folder / f"{word}.md" for folder in (FOLDER, EXERCISES) if (folder / f"{word}.md").exists()]
        if not path.exists() and "/" not in word and inside:
            path = inside[0]
        try:
            text = read_text(path, f"lint: {word}")
        except ShellError as error:
            raise ShellError(error.message, 2) from None
        for fault in faults(path.name, text, opener):
            found += 1
            write(f"{word}:{fault.line}: {fault.said}\n" if fault.line else f"{word}: {fault.said}\n")
    write("" if found else f"{', '.join(words)}: nothing to mend\n")
    return 1 if found else 0
