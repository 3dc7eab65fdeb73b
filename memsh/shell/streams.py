"""The parts of a session beside the language: where its text goes, who is told of what, what runs now.

Each copies itself, and `Session.apart` puts other ones in for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from memsh.shell.limits import TEXT

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.shell.io import IO, Input, Sink
    from memsh.shell.registry import Args
    from memsh.shell.run import Runner
    from memsh.shell.session import Session


class Streams:
    """The three streams, those that `exec` opened, and what the text is shown on."""

    def __init__(self, stdout: Sink, stderr: Sink, stdin: Input, is_tty: bool = False) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.stdin = stdin
        self.is_tty = is_tty
        self.opened: dict[int, Any] = {}  # stream number → Sink or Input, as `exec` left them
        self.runner: Runner | None = None  # whose streams /dev/fd means

    def places(self) -> tuple[object, ...]:
        """What `exec` opened, and how far it has been read."""
        if not self.opened:
            return ()
        return tuple(
            (number, stream, stream.place() if hasattr(stream, "place") else None)
            for number, stream in self.opened.items()
        )

    def copy(self) -> Streams:
        other = copy(self)
        other.opened = dict(self.opened)
        return other


class Console(Protocol):
    """Tells, after each command, what else has happened since it looked at the box."""

    def __call__(self, io: IO) -> None: ...

    def look(self, box: Box) -> None: ...


class Hooks:
    """Who is called around each command that is typed: each of `a; b; c`, a whole loop."""

    def __init__(self) -> None:
        self.before_line: list[Callable[[Session, str], None]] = []
        self.after_line: list[Callable[[Session, str, int], None]] = []
        self.after_command: list[Callable[[Session, Runner], None]] = []  # after those
        self.deadline_check: Callable[[], None] | None = None  # called between commands (a time limit of `grade`)
        self.watch: AbstractContextManager[object] | None = None  # entered around what a command does itself
        self.console: Console | None = None
        # (box, command, arguments, refusal) → the reason told below it, where a person reads it; None in scripts
        self.reasons: Callable[[Box, str, Args, Exception], str] | None = None

    def copy(self) -> Hooks:
        other = copy(self)
        other.before_line, other.after_line = list(self.before_line), list(self.after_line)
        other.after_command = list(self.after_command)
        return other

    def silent(self) -> Hooks:
        """The same without those who are told of lines: what runs aside is none of theirs."""
        other = self.copy()
        other.before_line, other.after_line, other.after_command = [], [], []
        other.reasons = None
        return other


class Told(NamedTuple):
    """What came from outside the box into a line: what one of the commands that belong to the session or the host said,
    as far as the line could hear it, and its status; the text of a script; a line that was `read`; with `failed`, the
    words of a refusal."""

    text: str
    status: int
    read: bool = False
    failed: bool = False


class Doing:
    """What runs now: the line as typed, the commands that it ran, the lines that have run."""

    def __init__(self) -> None:
        self.journal: list[str] = []  # every line that ran, as typed
        self.line = ""  # the command that runs, as typed
        self.ran: set[str] = set()  # the commands that this command ran
        self.memory = 0  # of the host's, as the line began
        self.typed_depth = 0  # commands of sourced lines stand inside the `source`
        self.told: list[Told] = []  # what came from outside the box into this line
        self.kept = 0  # characters of that
        self.hosts: list[str] = []  # the programs of the host that this line piped to
        self.again: list[Told] | None = None  # what they say again, where the line is replayed
        self.refused_once: object = None  # what was more than the host should be asked for

    def hear(self, told: Told) -> None:
        """Something from outside the box came into the line. Of what is too much to keep nothing is kept."""
        self.kept += len(told.text)
        if self.kept <= TEXT:
            self.told.append(told)

    @property
    def deaf(self) -> bool:
        """Whether more was heard than is kept."""
        return self.kept > TEXT

    def read(self, line: str) -> None:
        """A line of standard input; "" is its end."""
        self.hear(Told(line, 0, True))

    def unread(self, text: str) -> None:
        """So much of it was taken too much."""
        if text and self.told and self.told[-1].read:
            last = self.told.pop()
            if last.text != text:
                self.told.append(last._replace(text=last.text.removesuffix(text)))

    def begin(self) -> None:
        """A line begins: it has heard nothing."""
        self.told.clear()
        self.hosts.clear()
        self.kept = 0

    def copy(self) -> Doing:
        other = copy(self)
        other.journal, other.ran, other.told = list(self.journal), set(self.ran), list(self.told)
        other.hosts = list(self.hosts)
        return other

    def beside(self) -> Doing:
        """For what runs aside: its lines are in no journal."""
        other = self.copy()
        other.journal, other.told, other.again, other.hosts, other.kept = [], [], None, [], 0
        return other
