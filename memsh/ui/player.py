"""The lesson player: a screen of its own, with a status line below; the keys are in HELP.

The transcript is a list of screen lines; a step adds lines, going back takes them away. Only what is on the screen is
drawn. Commands are typed at reading speed; any key makes the rest appear at once.
"""

from __future__ import annotations

import gc
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memsh.shell.parse import parse
from memsh.shell.visible import visible
from memsh.teach.lessonfile import BOOT, COMMAND, PROSE, QUESTION, Lesson
from memsh.teach.playing import Opener, Playing, Shown
from memsh.ui.fold import fitted
from memsh.ui.live import Keyboard
from memsh.ui.screen import Painter
from memsh.ui.trying import interact

HELP = "space on  b back  / section  r again  s shell  q quit"
BRIEF = "space b / r s q  (? help)"  # on a narrow screen
PER_CHARACTER, LONGEST = 0.028, 1.4  # seconds a typed character takes, and a whole command at most
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class Screen:
    """The player's terminal."""

    def __init__(self, color: bool) -> None:
        self.color = color
        self.out = sys.stdout
        self.columns, self.rows = shutil.get_terminal_size()

    def measure(self) -> bool:
        """Look at the terminal's size; True if it changed."""
        before = (self.columns, self.rows)
        self.columns, self.rows = shutil.get_terminal_size()
        return before != (self.columns, self.rows)

    @contextmanager
    def own(self) -> Iterator[None]:
        """The other screen, without a cursor; afterwards everything is as it was."""
        self.out.write("\x1b[?1049h\x1b[?25l")
        try:
            yield
        finally:
            self.out.write("\x1b[0m\x1b[?25h\x1b[?1049l")
            self.out.flush()

    def draw(self, lines: list[str], status: str) -> None:
        """Lines from the top, the status in the last row."""
        room = self.rows - 1
        parts = ["\x1b[H"]
        for at in range(room):
            parts.append((lines[at] if at < len(lines) else "") + "\x1b[0m\x1b[K\r\n")
        shown = visible(status)[: self.columns - 1]
        parts.append(f"\x1b[7m{shown}\x1b[0m\x1b[K" if self.color else f"{shown}\x1b[K")
        self.out.write("".join(parts))
        self.out.flush()

    def status(self, text: str) -> None:
        self.out.write(f"\x1b[{self.rows};1H{text[-(self.columns - 1) :]}\x1b[K")
        self.out.flush()


def wrapped(text: str, columns: int) -> list[str]:
    """Plain text as rows of the screen: figures closed up where they can be, long lines folded between words."""
    return [row.text + row.mark for row in fitted(visible(text).split("\n"), columns, False)]


def rendered(text: str, columns: int, color: bool) -> list[str]:
    """Markdown drawn by rich, as lines."""
    from rich.console import Console  # start-up: 18 ms, for Markdown that is drawn
    from rich.markdown import Markdown  # start-up: 50 ms, for Markdown that is drawn
    from rich.theme import Theme  # start-up: 7 ms, for Markdown that is drawn

    theme = Theme({"markdown.h1": "bold cyan", "markdown.h2": "bold", "markdown.code": "yellow"})
    target = io.StringIO()
    console = Console(file=target, width=min(columns, 100), force_terminal=True, no_color=not color, theme=theme,
                      legacy_windows=False, color_system="standard" if color else None)  # fmt: skip
    console.print(Markdown(visible(text), hyperlinks=False))
    lines = [line.rstrip() for line in target.getvalue().rstrip("\n").split("\n")]
    return [line if color else ESCAPES.sub("", line) for line in lines]


class Player:
    """One lesson on one terminal."""

    def __init__(self, lesson: Lesson, opener: Opener, color: bool) -> None:
        self.screen = Screen(color)
        self.keys = Keyboard()
        self.color = color
        self.playing = Playing(lesson, opener, min(80, max(20, self.screen.columns - 1)))
        self.playing.freeze = True
        parse("{ true; }")  # the grammar is built now and not in the middle of a step
        self.painter = Painter()
        self.lines: list[str] = []
        self.starts: list[int] = []  # where each step's lines begin
        self.top = 0
        self.message = ""

    # drawing

    def styled(self, style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and text else text

    def prose(self, text: str) -> list[str]:
        return [*rendered(text, self.screen.columns - 1, self.color), ""]

    def command(self, shown: Shown) -> list[str]:
        columns = self.screen.columns - 1
        typed = wrapped(shown.prompt + shown.step.text.replace("\n", "\n> "), columns)
        return [self.styled("1;32", line) for line in typed]

    def painted(self, output: str) -> list[str]:
        """What a command printed, as rows."""
        rows = wrapped(output.rstrip("\n"), self.screen.columns - 1)
        return [self.painter.paint(row) for row in rows] if self.color else rows

    def drawn(self, shown: Shown) -> list[str]:
        """The lines of a step that is done."""
        columns, step = self.screen.columns - 1, shown.step
        if step.kind == PROSE:
            return self.prose(step.text)
        if step.kind == BOOT:
            return [self.styled("1;32", line) for line in wrapped(f"$ memsh {step.text}", columns)]
        lines = self.prose("**Question.** " + step.ask) if step.kind == QUESTION else []
        if step.text:
            lines += self.command(shown)
            lines += self.painted(shown.output) if shown.output else []
        if shown.verdict:
            lines += [self.styled("1", line) for line in wrapped(shown.verdict, columns)]
        following = self.playing.step
        if following is None or following.kind != COMMAND or step.kind == QUESTION:
            lines.append("")
        return lines

    def add(self, shown: Shown) -> None:
        self.starts.append(len(self.lines))
        self.lines += self.drawn(shown)

    def again(self) -> None:
        """Draw all steps anew (another size, another place)."""
        self.lines, self.starts = [], []
        for shown in self.playing.shown:
            self.add(shown)

    @property
    def room(self) -> int:
        return max(1, self.screen.rows - 1)

    def show_last(self) -> None:
        """Move so that the last step is seen, from its beginning if it is long. A section has pages of its own."""
        begins = self.starts[-1] if self.starts else 0
        first = self.playing.section_start(self.playing.section)
        heading = self.starts[first] if first < len(self.starts) else 0
        self.top = max(heading, begins if self.end - begins > self.room else self.end - self.room)

    @property
    def end(self) -> int:
        """How many lines there are without the blank ones at the end, which may be cut."""
        end = len(self.lines)
        while end and not self.lines[end - 1]:
            end -= 1
        return end

    def window(self, more: list[str]) -> list[str]:
        """What the screen shows while `more` is below the last line."""
        lines = [*self.lines, *more]
        return lines[max(self.top, len(lines) - self.room) :]

    def status(self) -> str:
        if self.message:
            text, self.message = self.message, ""
            return " " + text
        playing = self.playing
        place = f" step {playing.at}/{playing.total} "
        marks = f" {playing.right}/{playing.answered} right " if playing.answered else ""
        more = " more below " if self.top + self.room < self.end else ""
        title = playing.lesson.sections[playing.section][0]
        tail = f"  {HELP if self.screen.columns >= 78 else BRIEF}"
        left = self.screen.columns - 1 - len(place + marks + more + tail)
        return place + marks + more + (title[:left] if left > 8 else "") + tail

    def draw(self) -> None:
        self.screen.draw(self.lines[self.top : self.top + self.room], self.status())

    # moving

    def forward(self) -> None:
        """The next step, or the rest of a long one."""
        if self.top + self.room < self.end:
            self.top = min(self.top + self.room - 1, self.end - self.room)
            return
        step = self.playing.step
        if step is None:
            self.message = "The end. q leaves, b goes back, / finds a section."
            return
        answer = None
        if step.kind == QUESTION:
            answer = self.asked(step.ask, step.text)
        elif step.kind == COMMAND:
            self.typed(self.playing.prompt(), step.text)
        self.add(self.playing.forward(answer))
        self.show_last()

    def typed(self, prompt: str, text: str) -> None:
        """Show a command being typed."""
        columns = self.screen.columns - 1
        pace = min(PER_CHARACTER, LONGEST / max(1, len(text)))
        for end in range(len(text) + 1):
            rows = wrapped(prompt + text[:end].replace("\n", "\n> ") + "▂", columns)
            self.screen.draw(self.window(rows), self.status())
            if self.keys.wait(self.playing.session, pace):
                return

    def asked(self, ask: str, command: str) -> str | None:
        """Show a question and read the answer; None if it was passed over."""
        lines = self.prose("**Question.** " + ask)
        if command:
            rows = wrapped(self.playing.prompt() + command.replace("\n", "\n> "), self.screen.columns - 1)
            lines += [self.styled("32", row) for row in rows]
        self.screen.draw(self.window(lines), "")
        return self.line("your answer (space: show it): ", skips=True)

    def line(
        self, prompt: str, changed: Callable[[str], str] | None = None, skips: bool = False
    ) -> str | None:
        """A line typed in the last row; None for Escape, and with `skips` for space at once.

        `changed` tells something beside what is typed so far.
        """
        text = ""
        while True:
            beside = f"   {changed(text)}" if changed is not None else ""
            self.screen.status(f"{prompt}{text}{beside}")
            key = self.keys.wait(self.playing.session, None)
            if key == "enter":
                return text
            if key in ("esc", "\x04") or (skips and key == " " and not text):
                return None
            if key == "backspace":
                text = text[:-1]
            elif key == "\x15":
                text = ""
            elif len(key) == 1 and key.isprintable():
                text += key

    def back(self) -> None:
        if not self.playing.back():
            self.message = "This is the beginning."
            return
        del self.lines[self.starts.pop() :]
        self.show_last()

    def go_to(self, at: int) -> None:
        """Stand at a section: its first step is the last one done, at the top of the screen."""
        self.playing.go_to(at)
        self.add(self.playing.forward()) if self.playing.step is not None else None
        self.again()
        self.top = max(0, self.starts[at] if at < len(self.starts) else 0)

    def find(self) -> None:
        sections = self.playing.lesson.sections

        def hint(text: str) -> str:
            found = self.playing.find(text) if text else []
            return f"→ {sections[found[0]][0]}" if found else f"(number or words; 1-{len(sections) - 1})"

        wanted = self.line("/", hint)
        if not wanted:
            return
        found = self.playing.find(wanted)
        if not found:
            self.message = f"no section has '{wanted}' in its title"
            return
        self.go_to(self.playing.section_start(found[0]))

    def shell(self) -> None:
        """A prompt to try things; Ctrl-D comes back to exactly this step."""
        with self.playing.trying() as session:
            session.width = self.screen.columns
            interact(session, f"step {self.playing.at}/{self.playing.total}", self.color)

    # the loop

    def act(self, key: str) -> bool:
        """What a key does; False ends."""
        if key in ("q", "Q", "\x04"):
            return False
        if key in (" ", "enter", "right", "n"):
            self.forward()
        elif key in ("b", "backspace", "left"):
            self.back()
        elif key == "/":
            self.find()
        elif key == "r":
            self.go_to(self.playing.section_start(self.playing.section))
        elif key in ("up", "k", "down", "j", "pgup", "pgdn"):
            by = self.room - 1 if key.startswith("pg") else 1
            by = -by if key in ("up", "k", "pgup") else by
            self.top = max(0, min(self.top + by, self.end - self.room))
        elif key == "resize":
            if self.screen.measure():
                self.again()
                self.show_last()
        else:
            self.message = HELP
        return True

    def run(self) -> int:
        """Until q."""
        with self.screen.own():
            key = " "
            while True:
                with self.keys:
                    while key != "s":
                        try:
                            if not self.act(key):
                                return 0
                            self.draw()
                            key = self.keys.wait(self.playing.session, None)
                        except KeyboardInterrupt:
                            self.message, key = HELP, "resize"
                self.screen.out.write("\x1b[?25h\x1b[?1049l")
                self.shell()
                self.screen.out.write("\x1b[?1049h\x1b[?25l\x1b[2J")
                key = "resize"


class Tour(Player):
    """A lesson of one command a screen: it stands there until Enter runs it, and Enter goes on to the next screen."""

    over = False

    def forward(self) -> None:
        playing = self.playing
        if self.top + self.room < self.end or playing.step is None:
            if playing.step is None and self.top + self.room >= self.end:
                self.over = True
            super().forward()
            return
        if playing.step.kind == PROSE:  # the command stands below it, and waits
            self.add(playing.forward())
            self.show_last()
            return
        super().forward()
        self.show_last()

    def typed(self, prompt: str, text: str) -> None:
        return

    def waiting(self) -> list[str]:
        """The command that Enter runs, below what is there."""
        step = self.playing.step
        if step is None or step.kind != COMMAND:
            return []
        return [self.styled("1;32", row) for row in wrapped(self.playing.prompt() + step.text, self.screen.columns - 1)]

    def status(self) -> str:
        if self.message:
            return super().status()
        step, playing = self.playing.step, self.playing
        enter = "Enter runs it" if step is not None and step.kind == COMMAND else "Enter goes on"
        return f" {playing.section} of {len(playing.lesson.sections) - 1}  {enter}  b back  q quit"

    def draw(self) -> None:
        lines = self.window(self.waiting()) if self.waiting() else self.lines[self.top : self.top + self.room]
        self.screen.draw(lines, self.status())

    def act(self, key: str) -> bool:
        return super().act(key) and not self.over


def play(lesson: Lesson, opener: Opener) -> int:
    """Play a lesson on the terminal; the status is 0."""
    color = not ("NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb")
    kind = Tour if lesson.name == "tour.md" else Player
    try:
        return kind(lesson, opener, color).run()
    finally:
        gc.unfreeze()
