"""Homework: an exercise's file → its tasks, checks and the figures that differ by student.

An exercise is Markdown. Its first lines name the memsh that it is for and, if it needs one, its machine:

    <!-- exercise: memsh 0.1 -->
    <!-- memsh: --ram 256M -->
    # Title

Prose is what the student reads; `{name}` in it, in the setup and in the checks is a parameter. Fenced blocks are for
the grader, and are not shown:

    ```parameters          one a line: `order = 4 | 5 | 6` (one of them), `count = 3..9`, `bytes = ({count} * 4096)`
    ```allowed             the commands that an answer may use; before the first task: in all of them. `echo`, `printf`,
                           `test`, `true`, `false`, `expect`, `note` and `pause` always
    ```setup               commands that run before the answer
    ```checks              `POINTS STATEMENT  # what it means`, one a line, below the `## Task N` that it belongs to
    ```answer              the teacher's own answer to the task: for `--key` and for `memsh lint`, never shown

A statement is one of `expect` (`man expect`); `since START` compares with the box after the setup, `since TASK1` with
the box after the first task. The answer is a script; a comment `# task 2` begins the lines of task 2, and the checks
of a task run after its lines. No known deviations: the format is memsh's own.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from memsh import __version__
from memsh.shell.arith import evaluate
from memsh.shell.errors import ShellError
from memsh.teach.lessonfile import FENCE, FOLDER, MACHINE, Broken, machine_options, read_text

EXERCISES = FOLDER / "exercises"
FOR = re.compile(r"<!--\s*exercise:\s*memsh\s+([0-9]+)\.([0-9]+)\S*\s*-->\s*$")
TASK = re.compile(r"## +Task +([0-9]+)\b[:. ]*(.*)", re.IGNORECASE)
CHECK = re.compile(r"([0-9]+)\s+(.*?)(?:\s+#\s+(.*))?$")
PARAMETER = re.compile(r"([a-z]\w*)\s*=\s*(.+)$")
KINDS = ("parameters", "allowed", "setup", "checks", "answer")


class Check(NamedTuple):
    """One statement and what it is worth. `why` says it in words."""

    points: int
    statement: str
    why: str
    line: int


class Task(NamedTuple):
    """One part of an exercise; `allowed` is empty where the exercise's own list holds, `answer` where none is given."""

    title: str
    checks: list[Check]
    allowed: list[str]
    answer: list[str]
    line: int


class Exercise(NamedTuple):
    """An exercise for one student."""

    name: str
    title: str
    options: list[str]
    parameters: dict[str, str]
    setup: list[str]
    allowed: list[str]
    tasks: list[Task]
    text: str  # what the student reads

    @property
    def points(self) -> int:
        return sum(check.points for task in self.tasks for check in task.checks)

    @property
    def answer(self) -> str:
        """The teacher's answer as a script, "" if there is none."""
        if not any(task.answer for task in self.tasks):
            return ""
        pieces = (f"# task {at}\n" + "".join(line + "\n" for line in task.answer)
                  for at, task in enumerate(self.tasks, 1))  # fmt: skip
        return "".join(pieces)


def chosen(seed: str, title: str, name: str, among: list[str]) -> str:
    """One of the values: the first without a seed, else as the seed has it, always the same."""
    if not seed:
        return among[0]
    digest = hashlib.sha256("\0".join((seed, title, name)).encode("utf-8", "surrogateescape")).digest()
    return among[int.from_bytes(digest[:8], "big") % len(among)]


class _Reader:
    """Reads one file."""

    def __init__(self, name: str, text: str, seed: str) -> None:
        self.name = name
        self.lines = text.split("\n")
        self.seed = seed
        self.title = ""
        self.version = False
        self.options: list[str] = []
        self.parameters: dict[str, str] = {}
        self.setup: list[str] = []
        self.allowed: list[str] = []
        self.tasks: list[Task] = []
        self.shown: list[str] = []

    def read(self) -> Exercise:
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            at += 1
            fence, machine, version = FENCE.match(line), MACHINE.match(line), FOR.match(line)
            if fence:
                end = at
                while end < len(self.lines) and self.lines[end].strip() != fence[1]:
                    end += 1
                if end == len(self.lines):
                    raise Broken(self.name, at, f"this ```{fence[2]} block has no end")
                self.block(fence[2], self.lines[at:end], at)
                at = end + 1
            elif version:
                self.version = True
                mine = __version__.split(".")
                if [version[1], version[2]] != mine[:2]:
                    raise ShellError(
                        f"{self.name} is for memsh {version[1]}.{version[2]}, and this is {__version__}: not marked", 2
                    )
            elif machine:
                self.options = machine_options(self.name, at, machine[1])
            elif not line.startswith("<!--"):
                self.prose(line, at)
        for missing, what in ((self.title, "title (# …)"), (self.version, "line <!-- exercise: memsh 0.1 -->"),
                              (self.tasks, "task (## Task 1)")):  # fmt: skip
            if not missing:
                raise Broken(self.name, 1, f"there is no {what}")
        for number, task in enumerate(self.tasks, 1):
            if not task.checks:
                raise Broken(self.name, 1, f"task {number} has no checks")
        return Exercise(self.name, self.fill(self.title), self.options, self.parameters, self.setup, self.allowed,
                        self.tasks, self.told())  # fmt: skip

    def prose(self, line: str, at: int) -> None:
        task = TASK.match(line)
        if line.startswith("# ") and not self.title:
            self.title = line[2:].strip()
        elif task:
            if int(task[1]) != len(self.tasks) + 1:
                raise Broken(self.name, at, f"task {task[1]} comes where task {len(self.tasks) + 1} should")
            self.tasks.append(Task(task[2].strip(), [], [], [], at))
        self.shown.append(line)

    def fill(self, text: str) -> str:
        """With the parameters put in."""
        return re.sub(r"\{([a-z]\w*)\}", lambda match: self.parameters.get(match[1], match[0]), text)

    def block(self, kind: str, inside: list[str], began: int) -> None:
        if kind not in KINDS:
            self.shown += [f"```{kind}", *inside, "```"]
            return
        if kind == "answer":
            if not self.tasks:
                raise Broken(self.name, began, "an ```answer stands below the `## Task N` that it answers")
            self.tasks[-1].answer.extend(map(self.fill, inside))
            return
        for place, raw in enumerate(inside):
            number, line = began + place + 1, raw.strip()
            if not line or line.startswith("#"):
                continue
            if kind == "parameters":
                self.parameter(line, number)
            elif kind == "setup":
                self.setup.append(self.fill(line))
            elif kind == "allowed":
                (self.tasks[-1].allowed if self.tasks else self.allowed).extend(line.replace(",", " ").split())
            else:
                check = CHECK.match(line)
                if not self.tasks or not check or not check[2] or int(check[1]) < 1:
                    raise Broken(self.name, number, "a check is `POINTS STATEMENT  # why`, below a `## Task N`")
                why = self.fill(check[3] or "")
                self.tasks[-1].checks.append(Check(int(check[1]), self.fill(check[2]), why, number))

    def parameter(self, line: str, number: int) -> None:
        match = PARAMETER.match(line)
        if not match:
            raise Broken(self.name, number, "a parameter is `name = a | b`, `name = 3..9` or `name = (…)`")
        name, value = match[1], self.fill(match[2].strip())
        numbers = re.fullmatch(r"([0-9]+)\.\.([0-9]+)", value)
        if value.startswith("("):
            try:
                self.parameters[name] = str(evaluate(value, lambda _: ""))
            except ShellError as error:
                raise Broken(self.name, number, error.message) from None
            return
        among = [one.strip() for one in value.split("|")]
        if numbers:
            among = [str(one) for one in range(int(numbers[1]), int(numbers[2]) + 1)]
        if not among or not all(among):
            raise Broken(self.name, number, f"{name} has no values")
        self.parameters[name] = chosen(self.seed, self.title, name, among)

    def told(self) -> str:
        """What the student reads."""
        text = self.fill(re.sub(r"\n{3,}", "\n\n", "\n".join(self.shown)).strip("\n"))
        points = sum(check.points for task in self.tasks for check in task.checks)
        lines = [text, "", f"{points} points."]
        if self.allowed:
            lines[-1] += f" Allowed: {' '.join(self.allowed)}."
        lines += [f"In task {at} only: {' '.join(task.allowed)}." for at, task in enumerate(self.tasks, 1)
                  if task.allowed]  # fmt: skip
        lines.append("The answer is a script; a line `# task 2` begins what belongs to task 2.")
        return "\n".join(lines) + "\n"


def read_exercise(name: str, text: str, seed: str = "") -> Exercise:
    """An exercise from its text. Broken names the line of what is not in the format."""
    return _Reader(name, text, seed).read()


def bundled() -> list[str]:
    """The exercises that come with memsh."""
    return sorted(path.stem for path in EXERCISES.glob("*.md"))


def load_exercise(name: str, seed: str) -> Exercise:
    """From a file of the host, or one that comes with memsh (by its name, with or without .md)."""
    path = Path(name)
    if not path.exists() and "/" not in name and name.removesuffix(".md") in bundled():
        path = EXERCISES / f"{name.removesuffix('.md')}.md"
    elif "/" not in name and not name.endswith(".md") and not path.exists():
        raise ShellError(f"grade: there is no exercise {name} (with memsh come: {', '.join(bundled())})", 2)
    return read_exercise(path.name, read_text(path, f"grade: {name}"), seed)
