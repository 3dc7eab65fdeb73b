"""The lesson's file: literate Markdown → steps. The format is described in memsh/lessons/README.md.

Nothing here runs a command: a lesson is read whole, and a broken block is told with its line before anything happens.
No known deviations: the format is memsh's own.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from memsh.alike import alike
from memsh.shell.errors import ShellError
from memsh.shell.hostread import read_whole

PROMPT = re.compile(r"((?:\S+\[\d+\] )?memsh(?:\([^)]*\)|\[[^\]]*\])*> ?)(.*)")
FENCE = re.compile(r"(`{3,})\s*(\S*)\s*$")
MACHINE = re.compile(r"<!--\s*memsh:(.*?)-->\s*$")
OPTIONS = ("--arch", "--ram", "--cpus", "--nodes", "--distance", "--swap", "--cmdline", "--seed", "--age", "--width")
PROSE, COMMAND, QUESTION, BOOT = "prose", "command", "question", "boot"
FOLDER = Path(__file__).parent.parent / "lessons"
LIMIT = 4 << 20  # bytes of a lesson


class Step(NamedTuple):
    """One thing that happens. `text` is prose, a command or machine options; `line` where it stands in the file."""

    kind: str
    text: str
    line: int
    section: int
    ask: str = ""  # of a question
    figure: str = ""
    recorded: tuple[str, ...] = ()  # what the file says a command prints


class Lesson(NamedTuple):
    """A lesson; `sections` are (title, first step)."""

    name: str
    title: str
    summary: str
    options: list[str]
    steps: list[Step]
    sections: list[tuple[str, int]]


class Broken(ShellError):
    """A lesson's or exercise's file is not what the format says."""

    def __init__(self, name: str, line: int, message: str) -> None:
        super().__init__(f"{name}:{line}: {message}", 1)


def machine_options(name: str, line: int, text: str) -> list[str]:
    """`--ram 512M` → words. Broken if there is an option that a lesson may not give."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Broken(name, line, f"machine options: {str(error).lower()}") from None
    for at, word in enumerate(words):
        option, equals, _ = word.partition("=")
        named = at % 2 == 0 or "=" in words[at - 1]
        if word.startswith("-") or named:
            if option not in OPTIONS or not (equals or at + 1 < len(words)):
                raise Broken(name, line, f"'{word}' is no machine option ({' '.join(OPTIONS)}, each with a value)")
    return words


class _Reader:
    """Reads one file from top to bottom."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = text.split("\n")
        self.at = 0
        self.title = ""
        self.options: list[str] = []
        self.steps: list[Step] = []
        self.sections: list[tuple[str, int]] = []
        self.prose: list[str] = []
        self.began = 1

    def broken(self, message: str, line: int = 0) -> Broken:
        return Broken(self.name, line or self.at, message)

    def step(self, kind: str, text: str, line: int, **more: object) -> None:
        section = max(0, len(self.sections) - 1)
        self.steps.append(Step(kind, text, line, section, **more))  # type: ignore[arg-type]

    def settle(self) -> None:
        """The prose so far is a step of its own."""
        text = "\n".join(self.prose).strip("\n")
        if text.strip():
            self.step(PROSE, text, self.began)
        self.prose.clear()

    def say(self, line: str) -> None:
        if not self.prose:
            self.began = self.at
        self.prose.append(line)

    def read(self) -> Lesson:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            fence, machine = FENCE.match(line), MACHINE.match(line)
            if fence:
                self.block(fence[1], fence[2], line)
            elif machine:
                if any(step.kind != PROSE for step in self.steps):
                    raise self.broken("the machine is named after the first command (write `$ memsh …` in a block)")
                self.options = machine_options(self.name, self.at, machine[1])
            elif line.startswith(("# ", "## ")):
                self.settle()
                if line.startswith("# ") and self.title:
                    raise self.broken("a second title (sections begin with ##)")
                self.title = self.title or line[2:].strip()
                self.sections.append((line.lstrip("# ").strip(), len(self.steps)))
                self.say(line)
            elif not line.startswith("<!--"):
                self.say(line)
        self.settle()
        if not self.title:
            raise Broken(self.name, 1, "there is no title (a line that begins with '# ')")
        return Lesson(self.name, self.title, self.summary(), self.options, self.steps, self.sections)

    def summary(self) -> str:
        """The first paragraph below the title."""
        for step in self.steps:
            for paragraph in step.text.split("\n\n") if step.kind == PROSE else ():
                words = " ".join(line for line in paragraph.split("\n") if not line.startswith("#"))
                if words.strip():
                    return " ".join(words.split())
        return ""

    def block(self, ticks: str, kind: str, opening: str) -> None:
        """A fenced block, which must end."""
        began, inside = self.at, []
        while True:
            if self.at >= len(self.lines):
                raise self.broken(f"this ```{kind} block has no end", began)
            line = self.lines[self.at]
            self.at += 1
            if line.strip() == ticks:
                break
            inside.append(line)
        if kind == "console":
            self.settle()
            self.console(inside, began)
        elif kind in ("predict", "quiz"):
            self.settle()
            self.question(kind, inside, began)
        else:
            for line in (opening, *inside, ticks):
                self.say(line)

    def console(self, inside: list[str], began: int) -> None:
        place = 0
        while place < len(inside):
            line, number = inside[place], began + place + 1
            place += 1
            if line.startswith("$ memsh"):
                machine_options(self.name, number, line[7:])
                self.step(BOOT, line[7:].strip(), number)
                continue
            match = PROMPT.match(line)
            if not match:
                raise self.broken("a console block begins with a prompt (memsh> )", number)
            text, output = match[2], []
            while place < len(inside) and inside[place].startswith("> "):
                text += "\n" + inside[place][2:]
                place += 1
            while place < len(inside) and not PROMPT.match(inside[place]) and not inside[place].startswith("$ memsh"):
                output.append(inside[place])
                place += 1
            if text.strip():
                self.step(COMMAND, text, number, recorded=tuple(output))

    def question(self, kind: str, inside: list[str], began: int) -> None:
        command, figure = "", ""
        ask: list[str] = []
        for place, line in enumerate(inside):
            match = PROMPT.match(line)
            if match and not ask and not figure:
                command += ("\n" if command else "") + match[2]
            elif line.startswith("= "):
                if figure:
                    raise self.broken("a second answer", began + place + 1)
                figure = line[2:].strip()
            elif line.strip():
                ask.append(line)
        if not ask or not figure:
            missing = "a question" if not ask else "a line `= FIGURE` that says where the box has the answer"
            raise self.broken(f"this ```{kind} block lacks {missing}", began)
        if kind == "predict" and not command:
            raise self.broken("this ```predict block lacks a command (memsh> …)", began)
        self.step(QUESTION, command, began, ask="\n".join(ask), figure=figure)


def read_lesson(name: str, text: str) -> Lesson:
    """A lesson from its text. Broken names the line of what is not in the format."""
    return _Reader(name, text).read()


def read_text(path: Path, shown: str) -> str:
    """A text file of the host. ShellError as the host says."""
    try:
        return read_whole(path, LIMIT).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise ShellError(f"{shown}: not a text (byte {error.start} is no UTF-8)") from None
    except (OSError, ValueError) as error:
        raise ShellError(f"{shown}: {getattr(error, 'strerror', None) or error}") from None


def names() -> list[str]:
    """The lessons that come with memsh: `article` first, then in alphabetical order."""
    found = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")
    return sorted(found, key=lambda name: name != "article")


def load(name: str) -> Lesson:
    """A lesson by its name, or from a file of the host (a name with a slash or ending in .md)."""
    if "/" in name or name.endswith(".md"):
        return read_lesson(name, read_text(Path(name), name))
    known = names()
    if name not in known:
        close = alike(name, known, 1)
        hint = f" (did you mean {close[0]}?)" if close else f" (there are: {', '.join(known)})"
        raise ShellError(f"there is no lesson {name}{hint}")
    return read_lesson(f"{name}.md", read_text(FOLDER / f"{name}.md", name))
