"""A whole class marked at once: every answer of a folder in a process of its own, one row a student.

A student is the file's name without `.memsh`, which is the seed of the figures too. No known deviations: the table is
memsh's own.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from memsh.shell.errors import ShellError
from memsh.teach.exercise import load_exercise
from memsh.teach.grading import Grader
from memsh.teach.lessonfile import read_text
from memsh.teach.playing import Opener

Row = list[str]


def answers(folder: Path) -> list[Path]:
    """The answers in a folder, in the order of their names. ShellError if there is none."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == ".memsh")
    except OSError as error:
        raise ShellError(f"grade: {folder}: {error.strerror}", 2) from None
    if not found:
        raise ShellError(f"grade: {folder}: there is no answer in it (NAME.memsh, one a student)", 2)
    return found


def head(tasks: int) -> Row:
    return ["student", *(f"task{at}" for at in range(1, tasks + 1)), "points", "of", "end", "message"]


def mark_one(name: str, path: Path, opener: Opener) -> Row:
    """The row of one student. What cannot be read has no points, and says why."""
    student = path.stem
    exercise = load_exercise(name, student)
    try:
        mark = Grader(exercise, opener).mark(read_text(path, path.name))
    except ShellError as error:
        nothing = ["0"] * len(exercise.tasks)
        return [student, *nothing, "0", str(exercise.points), "error", error.message]
    points = [str(task.points) for task in mark.tasks]
    return [student, *points, str(mark.points), str(exercise.points), mark.end, mark.message]


def rows(name: str, found: list[Path], opener: Opener) -> Iterator[Row]:
    """The rows in the order of the files, as many at a time as there are CPUs."""
    workers = min(len(found), os.cpu_count() or 1)
    if workers == 1:
        yield from (mark_one(name, path, opener) for path in found)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(mark_one, [name] * len(found), found, [opener] * len(found))


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t") else cell


def mark_folder(name: str, folder: Path, opener: Opener, write: Callable[[str], object]) -> int:
    """Write the table; status 0. A terminal shows on standard error how far it is."""
    tasks = len(load_exercise(name, "").tasks)
    found = answers(folder)
    moving = sys.stderr.isatty()

    def line(row: Row) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(map(safe, row))
        write(text.getvalue())

    line(head(tasks))
    for done, row in enumerate(rows(name, found, opener), 1):
        if moving:
            filled = 30 * done // len(found)
            sys.stderr.write(f"\r{'█' * filled}{'░' * (30 - filled)} {done} of {len(found)} marked\x1b[K")
            sys.stderr.flush()
        line(row)
    if moving:
        sys.stderr.write("\r\x1b[K")
    return 0
