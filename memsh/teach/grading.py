"""`grade`: runs an answer in a box of its own and marks it. No known deviations: the marks are memsh's own.

An answer may not touch the host, is given ten seconds, and is told of each lost point in a line: what was expected and
what was found. Whatever ends it early has a defined mark: points of the tasks that were finished stay, the rest is
lost; an answer that is refused (a syntax error, a forbidden command, another version) gets none.
"""

from __future__ import annotations

import io
import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

from memsh import __version__
from memsh.shell.errors import Leave, ShellError, SyntaxFault
from memsh.shell.io import Input
from memsh.shell.parse import parse
from memsh.shell.registry import Command, Registry
from memsh.shell.session import Session
from memsh.shell.switches import BEGUN_WITH, SHOPTS
from memsh.shell.syntax import Simple
from memsh.teach.exercise import Exercise, bundled, load_exercise
from memsh.teach.expectation import holds
from memsh.teach.journal import Snapshot, attach
from memsh.teach.playing import Opener
from memsh.teach.statement import words_of

SECONDS = 10.0
KEPT = 1 << 16  # characters of an answer's errors
REFUSED = frozenset({"procdump", "save", "record", "source", "lesson", "quiz", "grade"})
ALWAYS = frozenset({"echo", "printf", "test", "[", "true", "false", "expect", "note", "pause", "exit", "quit"})
STEERING = frozenset({"IFS", "PATH", "GLOBIGNORE", "TIMEFORMAT", "POSIXLY_CORRECT", "TZ", "PS4"})
MARKER = re.compile(r"\s*#[\s\-=]*task\s+([0-9]+)\b", re.IGNORECASE)
WRITTEN = re.compile(r"# memsh ([0-9]+)\.([0-9]+)")


class TimeUp(BaseException):
    """The answer's time is over. No Exception: nothing on the way takes it for a bug."""


class Lost(NamedTuple):
    """Points that a check did not give."""

    points: int
    said: str
    why: str


class Marked(NamedTuple):
    """One task with what it got."""

    title: str
    points: int
    of: int
    lost: list[Lost]


class Mark(NamedTuple):
    """The whole mark. `end` is done, time, panic, or refused; `message` says why it is not done."""

    tasks: list[Marked]
    end: str
    message: str

    @property
    def points(self) -> int:
        return sum(task.points for task in self.tasks)


class Allowed(Registry):
    """The commands that an answer may use."""

    def __init__(self, whole: Registry) -> None:
        super().__init__()
        self.commands, self.groups, self.shared, self.regex = whole.commands, whole.groups, whole.shared, whole.regex
        self.names_allowed: frozenset[str] | None = None

    def find(self, words: list[str], script: bool = False) -> tuple[Command, list[str]] | None:
        name = words[0]
        if name in REFUSED:
            raise ShellError("not in an answer", 126)
        if self.names_allowed is not None and name not in self.names_allowed | ALWAYS and self.knows(name):
            raise ShellError("not allowed in this task", 126)
        return super().find(words, script)


def refused_in(text: str) -> str:
    """Why an answer is not run at all: "" if it is. Forbidden names are looked for where they are written out."""
    try:
        lines = parse(text)
    except SyntaxFault as fault:
        return f"line {fault.line}: syntax error: {fault.message}"
    for line in lines:
        for node in _nodes(line.program):
            if isinstance(node, Simple) and node.words and node.words[0] in REFUSED:
                return f"line {line.number}: {node.words[0]} may not be used in an answer"
            if getattr(node, "host", None) is not None:
                return f"line {line.number}: |! may not be used in an answer"
    version = WRITTEN.match(text)
    if version and [version[1], version[2]] != __version__.split(".")[:2]:
        return f"it was written for memsh {version[1]}.{version[2]}, and this is {__version__}"
    return ""


def _nodes(node: Any) -> Iterator[Any]:
    """A node of the tree and all below it."""
    if isinstance(node, (list, tuple)):
        for one in node:
            yield from _nodes(one)
    elif hasattr(node, "__slots__") and not isinstance(node, str):
        yield node
        for base in type(node).__mro__:
            for name in getattr(base, "__slots__", ()):
                yield from _nodes(getattr(node, name, None))


def parts(text: str, tasks: int) -> list[str]:
    """The lines of each task, every one at its own line number. ShellError for a task that is not there."""
    found: list[list[str]] = [[] for _ in range(tasks)]
    now = 0
    for number, line in enumerate(text.split("\n"), 1):
        marker = MARKER.match(line)
        if marker:
            wanted = int(marker[1])
            if not now < wanted <= tasks and not (wanted == now + 1 == 1):
                raise ShellError(f"line {number}: task {wanted} is out of order, or there is none (1 to {tasks})")
            now = wanted - 1
        lines = found[now]
        lines += [""] * (number - 1 - len(lines))
        lines.append(line)
    return ["\n".join(lines) + "\n" for lines in found]


@contextmanager
def commands_only(session: Session) -> Iterator[None]:
    """A check's words are memsh's commands, whatever functions, aliases and traps an answer has made of their names;
    and the shell reads them as it does at first, whatever options, IFS or references (declare -n) it was left with."""
    language = session.language
    fresh: dict[str, Any] = {
        "functions": {}, "aliases": {}, "traps": {}, "options": BEGUN_WITH, "shopts": SHOPTS, "gone": (),
    }  # fmt: skip
    kept = {name: getattr(language, name) for name in fresh}
    left = {name: language.variables.pop(name) for name in STEERING & language.variables.keys()}
    references = [letters for letters in language.attributes.values() if "n" in letters]
    for name in kept:
        setattr(language, name, type(kept[name])(fresh[name]))
    for letters in references:
        letters.discard("n")
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(language, name, value)
        language.variables.update(left)
        for letters in references:
            letters.add("n")


class Bounded(io.StringIO):
    """What an answer prints: the first so many characters, so that an endless one fills nothing."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, text: str) -> int:
        kept = text[: max(0, self.room)]
        self.room -= len(kept)
        super().write(kept)
        return len(text)


class Grader:
    """Marks one answer."""

    def __init__(self, exercise: Exercise, opener: Opener, seconds: float = SECONDS) -> None:
        self.exercise = exercise
        self.errors = Bounded(KEPT)
        try:
            self.session = opener([*exercise.options, "--no-color"], Bounded(0), self.errors)
        except ShellError as error:
            raise ShellError(f"{exercise.name}: {error.message}", 2) from None
        self.session.no_host, self.session.is_tty, self.session.stdin = True, False, Input()
        self.points: dict[str, Snapshot] = {}
        self.seconds = seconds

    def prepare(self) -> None:
        """The setup. ShellError (status 2) if it does not run: then the exercise is broken, not the answer."""
        for line in self.exercise.setup:
            if self.session.run(line):
                said = self.errors.getvalue().strip().split("\n")[-1]
                raise ShellError(f"{self.exercise.name}: the setup fails: {line}: {said}", 2)
        self.remember("START")
        timeline = attach(self.session)  # the answer's time begins here: no undo goes behind it
        timeline.entries.clear()
        timeline.undone.clear()
        timeline.points[:] = [timeline.capture()]

    def remember(self, name: str) -> None:
        """Keep the box for `since NAME`; the answer's own snapshots are not in the way."""
        line = attach(self.session)
        self.points[name] = Snapshot(line.capture(), line.script())

    def mark(self, text: str) -> Mark:
        """Run the answer and mark it."""
        refused = refused_in(text)
        try:
            pieces = parts(text, len(self.exercise.tasks)) if not refused else []
        except ShellError as error:
            refused = error.message
        if refused:
            return Mark([self.nothing(at, "the answer was refused") for at in range(len(self.exercise.tasks))],
                        "refused", f"refused: {refused}")  # fmt: skip
        self.prepare()
        registry = self.session.registry
        allowed = Allowed(registry)
        marked: list[Marked] = []
        end, message = "done", ""
        for at, piece in enumerate(pieces):
            names = self.exercise.tasks[at].allowed or self.exercise.allowed
            allowed.names_allowed = frozenset(names) if names else None
            if end == "done":
                self.session.registry = allowed
                try:
                    end, message = self.run(piece, at + 1)
                finally:
                    self.session.registry = registry
            if end == "done":
                self.remember(f"TASK{at + 1}")
                marked.append(self.check(at))
            else:
                marked.append(self.nothing(at, message))
        return Mark(marked, end, message)

    def run(self, text: str, number: int) -> tuple[str, str]:
        """Run one task's lines: (how it ended, what to say of that)."""
        begun = time.monotonic()
        try:
            with self.bounded(self.seconds):
                self.session.run(text, "")
        except Leave:
            pass
        except TimeUp:
            return "time", f"stopped: task {number} ran longer than {self.seconds:g} s"
        except RecursionError:
            return "time", f"stopped: task {number} nests too deeply"
        finally:
            self.seconds = max(0.5, self.seconds - (time.monotonic() - begun))
            for job in list(self.session.jobs):
                job.kill()
        if getattr(self.session.box, "panicked", ""):
            return "panic", f"stopped: the kernel panicked in task {number} (init is dead)"
        return "done", ""

    @contextmanager
    def bounded(self, seconds: float) -> Iterator[None]:
        """TimeUp after so many seconds: between commands, and by a signal (where there are any) for what never comes to
        a safe point."""
        until = time.monotonic() + seconds

        def look() -> None:
            if time.monotonic() > until:
                raise TimeUp

        def ring(_signal: int, _frame: FrameType | None) -> None:
            raise TimeUp

        self.session.deadline_check = look
        try:
            before = signal.signal(signal.SIGALRM, ring)
        except ValueError:  # not the main thread
            before = None
        if before is not None:
            signal.setitimer(signal.ITIMER_REAL, seconds + 0.2)
        try:
            yield
        finally:
            self.session.deadline_check = None
            if before is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)

    def check(self, at: int) -> Marked:
        """A task's checks on the box as it is now."""
        task = self.exercise.tasks[at]
        attach(self.session).snapshots.update(self.points)
        lost = []
        for check in task.checks:
            try:
                with self.bounded(SECONDS), commands_only(self.session):
                    good, said = holds(self.session, words_of(check.statement))
            except ShellError as error:
                good, said = False, f"expected {check.statement}; found: {error.message}"
            except (TimeUp, RecursionError):
                good, said = False, f"expected {check.statement}; found: it took longer than {SECONDS:g} s to tell"
            if not good:
                lost.append(Lost(check.points, said, check.why))
        of = sum(check.points for check in task.checks)
        return Marked(task.title, of - sum(one.points for one in lost), of, lost)

    def nothing(self, at: int, why: str) -> Marked:
        """No points for a task that was not finished."""
        task = self.exercise.tasks[at]
        of = sum(check.points for check in task.checks)
        return Marked(task.title, 0, of, [Lost(of, "not reached", why)])


def as_lines(exercise: Exercise, seed: str, mark: Mark, errors: str) -> Iterator[str]:
    """The mark for a person."""
    yield exercise.title + (f" (seed {seed})" if seed else "")
    if mark.message:
        yield mark.message
    elif errors.strip():
        told = errors.strip().split("\n")
        yield from ("  " + line for line in told[:5])
        if len(told) > 5:
            yield f"  and {len(told) - 5} lines of errors more"
    for number, task in enumerate(mark.tasks, 1):
        yield f"task {number}: {task.points} of {task.of}" + (f"  {task.title}" if task.title else "")
        if mark.end == "done" or task.points:
            yield from (f"  lost {one.points}: {one.said}" + (f" ({one.why})" if one.why else "") for one in task.lost)
    yield f"mark: {mark.points} of {exercise.points}"


def as_json(exercise: Exercise, seed: str, mark: Mark) -> str:
    """The mark for a program: one object in one line."""
    tasks = [{"title": task.title, "points": task.points, "of": task.of,
              "lost": [one._asdict() for one in task.lost]} for task in mark.tasks]  # fmt: skip
    found = {"exercise": exercise.title, "seed": seed, "parameters": exercise.parameters, "points": mark.points,
             "of": exercise.points, "end": mark.end, "message": mark.message, "tasks": tasks}  # fmt: skip
    return json.dumps(found, ensure_ascii=False)


def key(exercise: Exercise, seed: str, opener: Opener) -> Iterator[str]:
    """The answer key: figures, the teacher's answer, each check with what it finds, and the mark of that answer."""
    yield exercise.title + (f" (seed {seed})" if seed else "")
    yield "  " + (", ".join(f"{name} = {value}" for name, value in exercise.parameters.items()) or "the same for all")
    grader = Grader(exercise, opener)
    mark = grader.mark(exercise.answer)
    for number, (task, marked) in enumerate(zip(exercise.tasks, mark.tasks, strict=True), 1):
        yield f"task {number}: {marked.of} points" + (f"  {task.title}" if task.title else "")
        yield from ("  " + line for line in task.answer)
        yield from (f"  {check.points}  {check.statement}" + (f"  # {check.why}" if check.why else "")
                    for check in task.checks)  # fmt: skip
        yield from (f"  this answer loses {one.points}: {one.said}" for one in marked.lost)
    yield f"mark of this answer: {mark.points} of {exercise.points}" if exercise.answer else "there is no ```answer"


def listed() -> Iterator[str]:
    """The exercises that come with memsh, a line each."""
    wide = max(map(len, bundled())) + 2
    for name in bundled():
        exercise = load_exercise(name, "")
        yield f"{name:<{wide}}{exercise.title} ({exercise.points} points)"
    yield "memsh grade EXERCISE prints one; with ANSWER.memsh it marks it (man grade)"
