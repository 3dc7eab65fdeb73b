"""Playing a lesson: its box, the step it stands at, and the way back. Knows no terminal.

A step is a piece of prose, a command, a question or the start of another box. Before each one the state is kept, so
that going back brings the box as well as the screen. No known deviations.
"""

from __future__ import annotations

import gc
import io
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, NamedTuple, TextIO

from memsh.commands import reasons
from memsh.digits import is_digits
from memsh.shell.errors import Leave, ShellError
from memsh.shell.prose import plain_text
from memsh.shell.session import Session
from memsh.teach.journal import State, attach
from memsh.teach.lessonfile import BOOT, COMMAND, PROSE, QUESTION, Lesson, Step
from memsh.teach.questions import Truth, ask_box, right

Opener = Callable[[list[str], TextIO, TextIO], Session]


class Shown(NamedTuple):
    """What one step put on the screen. `output` is what its command printed, `verdict` what a question's answer got."""

    step: Step
    prompt: str = ""
    output: str = ""
    verdict: str = ""


class Kept(NamedTuple):
    """A session and its state before a step."""

    session: Session
    screen: io.StringIO
    state: State
    lists: dict[str, Any]  # the timeline's
    journal: list[str]
    asked: tuple[int, int]


class Playing:
    """One lesson being played. `at` steps are done; `shown` tells what each of them printed."""

    def __init__(self, lesson: Lesson, opener: Opener, width: int = 80) -> None:
        self.lesson = lesson
        self.opener = opener
        self.width = width
        self.at = 0
        self.shown: list[Shown] = []
        self.kept: list[Kept] = []
        self.answered = self.right = 0
        self.freeze = False  # hide the kept boxes from the garbage collector: for a process that plays one lesson
        self.session, self.screen = self.boot(lesson.options)

    @property
    def total(self) -> int:
        return len(self.lesson.steps)

    @property
    def step(self) -> Step | None:
        """The step that comes next."""
        return self.lesson.steps[self.at] if self.at < self.total else None

    @property
    def section(self) -> int:
        """The section of the last step that was shown."""
        return self.lesson.steps[max(0, self.at - 1)].section if self.lesson.steps else 0

    def boot(self, options: list[str]) -> tuple[Session, io.StringIO]:
        """A box of its own, which may not touch the host."""
        screen = io.StringIO()
        wide = [] if "--width" in " ".join(options) else ["--width", str(self.width)]
        session = self.opener([*options, *wide], screen, screen)
        session.no_host = True
        session.is_tty = False
        reasons.tell(session)
        return session, screen

    # forward

    def prompt(self) -> str:
        return "memsh(plain)> " if getattr(self.session.box, "plain", False) else "memsh> "

    def forward(self, answer: str | None = None) -> Shown:
        """Do the next step. A question takes `answer` (None: it was passed over)."""
        step = self.lesson.steps[self.at]
        before = self.lesson.steps[self.at - 1] if self.at else None
        same = before is not None and before.kind == PROSE and self.kept  # nothing has run since
        self.kept.append(self.kept[-1] if same else self.keep())
        if self.freeze:
            gc.freeze()  # the kept boxes: the collector need not look at them again, which takes longer than a step
        self.at += 1
        shown = Shown(step)
        if step.kind == BOOT:
            self.session, self.screen = self.boot(shlex.split(step.text))
        elif step.kind == COMMAND:
            prompt = self.prompt()
            shown = Shown(step, prompt, self.run(step.text)[0])
        elif step.kind == QUESTION:
            shown = self.ask(step, answer)
        self.shown.append(shown)
        return shown

    def run(self, line: str) -> tuple[str, int]:
        """Run a line in the lesson's box; its output and status."""
        self.screen.seek(0)
        self.screen.truncate()
        try:
            status = self.session.run(line)
        except Leave as leave:  # exit: the lesson goes on
            status = leave.status
        return self.screen.getvalue(), status

    def ask(self, step: Step, answer: str | None) -> Shown:
        prompt, printed = self.prompt(), ""

        def work() -> int:
            nonlocal printed
            printed, status = self.run(step.text)
            return status

        try:
            truth = ask_box(self.session, step.figure, work if step.text else None)
        except ShellError as error:
            return Shown(step, prompt, printed, f"{self.lesson.name}:{step.line}: {error.message}")
        return Shown(step, prompt, printed, self.judge(answer, truth, step.ask))

    def judge(self, answer: str | None, truth: Truth, ask: str) -> str:
        if not answer:
            return f"It is {truth.text}."
        self.answered += 1
        if right(answer, truth, ask):
            self.right += 1
            return f"Right: {truth.text}."
        return f"No: it is {truth.text}, not {answer}."

    # back

    def keep(self) -> Kept:
        """The state as it is now, independent of what follows."""
        session = self.session
        line = attach(session)
        lists = {name: copy(getattr(line, name)) for name in ("entries", "undone", "points", "snapshots")}
        lists["marks"] = (line.box_mark, line.side_mark, line.cost)
        return Kept(session, self.screen, line.capture(), lists, list(session.journal), (self.answered, self.right))

    def bring(self, kept: Kept) -> None:
        """Make a kept state the lesson's."""
        if self.freeze:
            gc.unfreeze()
        self.session, self.screen = kept.session, kept.screen
        session, line = self.session, attach(self.session)
        for job in list(session.jobs):
            job.kill()
        line.stack.clear()
        line.enter(kept.state, copy=any(other is kept for other in self.kept))
        for name in ("entries", "undone", "points", "snapshots"):
            setattr(line, name, copy(kept.lists[name]))
        line.box_mark, line.side_mark, line.cost = kept.lists["marks"]
        session.journal[:] = kept.journal
        self.answered, self.right = kept.asked

    def back(self) -> bool:
        """Undo the last step, box and screen; False at the beginning."""
        if not self.at:
            return False
        self.at -= 1
        self.shown.pop()
        self.bring(self.kept.pop())
        return True

    def go_to(self, at: int) -> None:
        """Go to where `at` steps are done: back from kept states, forward by doing them; questions are passed over."""
        if at < self.at:
            kept = self.kept[at]
            del self.kept[at:], self.shown[at:]
            self.at = at
            self.bring(kept)
        while self.at < at:
            self.forward()

    def section_start(self, section: int) -> int:
        return self.lesson.sections[section][1]

    def find(self, words: str) -> list[int]:
        """The sections whose title has these words, or whose number it is; the ones ahead first."""
        wanted = words.lower()
        if is_digits(wanted) and 0 < int(wanted) < len(self.lesson.sections):
            return [int(wanted)]
        found = [at for at, (title, _) in enumerate(self.lesson.sections) if wanted in title.lower()]
        return [at for at in found if at > self.section] + [at for at in found if at <= self.section]

    @contextmanager
    def trying(self) -> Iterator[Session]:
        """`with playing.trying() as session`: a session to try things in; then the lesson is as it was."""
        kept, width = self.keep(), self.session.width
        try:
            yield self.session
        finally:
            self.session.width = width
            self.bring(kept)


def as_text(lesson: Lesson, opener: Opener, width: int) -> Iterator[str]:
    """The whole lesson as plain text, played without anybody there."""
    playing = Playing(lesson, opener, width)
    before = ""
    while playing.step is not None:
        shown = playing.forward()
        playing.kept.clear()  # nobody goes back here
        kind = shown.step.kind
        if before and not (before == kind == COMMAND):
            yield "\n"
        before = kind
        if kind == PROSE:
            yield plain_text(shown.step.text, width)
        elif kind == BOOT:
            yield f"$ memsh {shown.step.text}\n"
        else:
            if kind == QUESTION:
                yield plain_text("Question: " + shown.step.ask, width)
            if shown.step.text:
                yield shown.prompt + shown.step.text.replace("\n", "\n> ") + "\n" + shown.output
            if shown.verdict:
                yield shown.verdict + "\n"
