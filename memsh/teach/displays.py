"""display, undisplay, delta: what is shown again after each command. The commands' docstrings tell how.

A command is one that is typed: each of `a; b; c`, a whole loop, each line of a sourced script.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from memsh.shell import IO, Args, ShellError, arg, command, rest
from memsh.shell.errors import SyntaxFault
from memsh.shell.parse import parse
from memsh.shell.values import count
from memsh.teach import delta as figuring
from memsh.teach import marks
from memsh.teach.states import aside, run_line

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.shell.run import Runner
    from memsh.shell.session import Session

TOPIC = "views"
NOT_VIEWS = frozenset({
    "display", "undisplay", "pane", "delta", "undo", "redo", "restore", "reset", "snapshot", "exit", "quit", "source",
    "save",
})  # fmt: skip


def load() -> None:
    """Importing this module declares its commands."""


class Shown(NamedTuple):
    """One display: the line that is run again, and what it printed last."""

    line: str
    text: str


class Displays:
    """What one session shows after each command."""

    def __init__(self, session: Session) -> None:
        self.shown: dict[int, Shown] = {}
        self.delta: figuring.Figures | None = None  # None: off
        self.pulse = (0, 0)  # the box's, when those figures were taken
        self.serial = 0
        self.depth = 0  # of `source`, where something was shown last
        self.quiet = False  # display and undisplay themselves are followed by nothing
        session.after_command.append(self.after)

    def after(self, session: Session, runner: Runner) -> None:
        """Called when a command has ended."""
        quiet, self.quiet = self.quiet, False
        left, self.depth = session.source_depth < self.depth, session.source_depth
        if quiet or left:
            return
        if self.delta is not None and session.box is not None:
            told = self._delta(session)
            if told:
                runner.stdout.write(told + "\n")
        for number in list(self.shown):
            line, session.line = session.line, self.shown[number].line  # the terminal shows it as that line's
            try:
                runner.stdout.write(self.show(session, number))
            finally:
                session.line = line

    def _delta(self, session: Session) -> str:
        before, self.delta = self.delta, figuring.figures(session.box)
        pulse, self.pulse = self.pulse, session.box.pulse()
        assert before is not None
        told = figuring.line(before, self.delta)
        return told or ("~ no figure moved: only what is stored" if pulse != self.pulse else "")

    def show(self, session: Session, number: int) -> str:
        """The display run again, with its changes marked."""
        line, before = self.shown[number]
        text = run_quietly(session, line)
        self.shown[number] = Shown(line, text)
        return f"{number}: {line}\n{marks.text(before, text)}"


def run_quietly(session: Session, line: str) -> str:
    """The text of a line that leaves no trace in the session."""
    ran = session.ran
    with session.apart(language=session.language.copy()):
        text, _ = run_line(session, line)
    session.ran = ran
    return text if text.endswith("\n") or not text else text + "\n"


def displays_of(session: Session) -> Displays:
    """The session's displays, begun where they are missing."""
    found: Displays | None = session.displays
    if found is None:
        found = session.displays = Displays(session)
    return found


@command(rest("words", raw=True, meta="COMMAND", words="command"), topic=TOPIC, needs_box=False)
def display(box: Box, args: Args, io: IO) -> int:
    """run a view now and again after each command, with what changed marked

    display cat /proc/buddyinfo; alloc_pages 4

    A `>` stands before each figure that is not as it was, and before each new line. A view with a pipe in it is quoted:
    `display 'cat /proc/slabinfo | grep kmalloc-64'`. `display` alone shows all of them; `undisplay N` ends one. What
    would change the box cannot be displayed.
    """
    session = io.session
    displays = displays_of(session)
    displays.quiet = True
    if not args.words:
        if not displays.shown:
            io.out("nothing is displayed: display COMMAND begins\n")
        for number in list(displays.shown):
            io.out(displays.show(session, number))
        return 0
    words: list[str] = args.words
    line = words[0] if len(words) == 1 else " ".join(shlex.quote(word) for word in words)
    _refuse_changes(session, line)
    text = run_quietly(session, line)
    displays.serial += 1
    displays.shown[displays.serial] = Shown(line, text)
    io.out(f"{displays.serial}: {line}\n{text}")
    return 0


def _refuse_changes(session: Session, line: str) -> None:
    """A view leaves the box as it is: tried on a copy."""
    try:
        parsed = parse(line)
    except SyntaxFault as fault:
        raise ShellError(fault.message, 2) from None
    first = line.split(None, 1)[0] if line.strip() else ""
    if not parsed:
        raise ShellError("there is nothing to run", 2)
    if first in NOT_VIEWS:
        raise ShellError(f"{first} is not a view")
    if not session.registry.knows(first) and first.isidentifier():
        close = session.registry.like(first)
        raise ShellError(f"there is no command {first}" + (f" (did you mean {close[0]}?)" if close else ""), 127)
    if session.box is None:
        return
    with aside(session) as copy:
        before, ran, session.ran = copy.pulse(), session.ran, set()
        try:
            run_line(session, line)
            changes = session.box is not copy or copy.pulse() != before
        finally:
            session.ran = ran
    if changes:
        raise ShellError(f"{line}: this changes the box, and a display only looks")


@command(rest("words", raw=True, meta="COMMAND|off", words="command"), topic=TOPIC, needs_box=False)
def pane(box: Box, args: Args, io: IO) -> int:
    """keep a picture below the prompt, drawn anew after each command with what changed reversed

    pane physmap; pane off

    Any view does: `pane buddy Normal`, `pane slab kmalloc-64`, `pane vmmap`. F5 hides it and brings it back, `pane off`
    ends it, `pane` alone says what it shows. It takes at most half of the screen; without a terminal the view is
    printed once.
    """
    session = io.session
    displays_of(session).quiet = True
    words: list[str] = args.words
    if not words:
        io.out(f"{session.pane}\n" if session.pane else "no picture: pane COMMAND begins (pane physmap)\n")
        return 0
    if words == ["off"]:
        session.pane = ""
        return 0
    line = words[0] if len(words) == 1 else " ".join(shlex.quote(word) for word in words)
    _refuse_changes(session, line)
    session.pane = line
    if not (io.is_tty and session.at_prompt):
        io.out(run_quietly(session, line))
    return 0


@command(arg("number", type=count, default=None, help="as display numbered it"), topic=TOPIC, needs_box=False)
def undisplay(box: Box, args: Args, io: IO) -> int:
    """show a view no longer; without a number, none of them

    display zones; undisplay 1
    """
    displays = displays_of(io.session)
    displays.quiet = True
    if args.number is None:
        displays.shown.clear()
    elif args.number not in displays.shown:
        known = ", ".join(map(str, displays.shown)) or "none"
        raise ShellError(f"there is no display {args.number} (there are: {known})")
    else:
        del displays.shown[args.number]
    return 0


@command(arg("state", choices=("on", "off"), default=None), topic=TOPIC)
def delta(box: Box, args: Args, io: IO) -> int:
    """one line after each command that changed something: which figures moved

    delta on; malloc 200k

    `~ a.out RSS 1036→1052 kB, minflt +4; HighMem free −7`: the current process, free pages by zone, slab caches, page
    cache, swap, clock. Per-CPU lists, and array caches or CPU slabs, are told where nothing else moved.
    """
    displays = displays_of(io.session)
    if args.state is None:
        io.out("off\n" if displays.delta is None else "on\n")
    else:
        displays.delta, displays.pulse = figuring.figures(box) if args.state == "on" else None, box.pulse()
    return 0
