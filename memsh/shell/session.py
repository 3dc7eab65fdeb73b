"""One session: the box, what was typed, the values and variables, where we are."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from memsh.shell.errors import Interrupted
from memsh.shell.io import HostInput, HostSink, Input, Sink
from memsh.shell.registry import REGISTRY, Registry
from memsh.shell.values import fixed

if TYPE_CHECKING:
    from memsh.shell.io import IO
    from memsh.shell.jobs import Job
    from memsh.shell.live import Deeds, Ticker, View
    from memsh.shell.run import Runner
    from memsh.shell.turn import Turn


class Files(Protocol):
    """The box's own files, for `>`, `>>`, `<` and `*`. Errors are OSErrors with Linux's words."""

    def open_write(self, session: Session, path: str, append: bool) -> FileSink: ...

    def open_read(self, session: Session, path: str) -> Input: ...

    def listdir(self, session: Session, path: str) -> list[str]: ...


class FileSink(Sink, Protocol):
    """A file being written; `close` is where Linux may still refuse."""

    def close(self) -> None: ...


class Session:
    """State of one memsh. `box` is None with --proc and may be replaced (undo, restore, reset)."""

    def __init__(
        self, box: Any = None, *, registry: Registry = REGISTRY, stdout: TextIO | None = None,
        stderr: TextIO | None = None, stdin: Input | None = None, files: Files | None = None,
    ) -> None:  # fmt: skip
        self.box = box
        self.registry = registry
        self.files = files
        self.reader: Any = None  # reads /proc for the tools; set by the commands room
        printed = HostSink(stdout if stdout is not None else sys.stdout)
        self.stdout: Sink = printed
        self.stderr: Sink = HostSink(stderr if stderr is not None else sys.stderr, printed)
        self.stdin = stdin if stdin is not None else HostInput(sys.stdin, self)
        self.is_tty = False
        self.color = False
        self.width = 80
        self.cwd = "/"
        self.variables: dict[str, str] = {}
        self.values: list[tuple[int, bool]] = []  # (number, shown in decimal), $1 first
        self.origins: dict[str, str] = {}  # what was typed to get $N ("1") and $name, for Tab to tell
        self.last_status = 0
        self.journal: list[str] = []  # every line that ran, as typed
        self.history: list[str] = []  # what a person typed, for `history`
        self.jobs: list[Job] = []  # what `&` started and has not ended
        self.running_job: Job | None = None
        self.line = ""  # the command that runs, as typed
        self.back_to = 0  # the process that is current again after `as PID COMMAND`
        self.at_prompt = False  # a person types: `|!` and the like are allowed
        self.strict = False  # --strict: what a person types may end init, as on Linux
        self.interrupted = False  # Ctrl-C was pressed and not yet taken
        self.was_interrupted = False  # the last line was cut short
        self.polls = 0  # how often Ctrl-C has been looked for: the same number for the same lines
        self.cut_at = 0  # the poll at which Ctrl-C was found; 0: it was not looked for
        self.stop_at = 0  # the poll at which a line is cut as Ctrl-C once cut it (`stopped N LINE`); 0: none
        self.replaying = False  # lines run again for undo: nothing goes to the host
        self.sourced: list[tuple[str, str]] = []  # (name, text) of the scripts that this command sourced
        self.refused_once: object = None  # what was more than the host should be asked for
        self.stop_on_error = False  # -e
        self.loops = 0  # how many loops are running, for break and continue
        self.deadline_check: Callable[[], None] | None = None  # called between commands (a time limit of `grade`)
        # around each command that is typed: each of `a; b; c`, a whole loop
        self.before_line: list[Callable[[Session, str], None]] = []
        self.after_line: list[Callable[[Session, str, int], None]] = []
        self.after_command: list[Callable[[Session, Runner], None]] = []  # after those
        self.typed_depth = 0  # commands of sourced lines stand inside the `source`
        self.ran: set[str] = set()  # the commands that this command ran, and "*" if one of them worked on the box
        self.on_bug: Callable[[Session, str], str] | None = None  # marks the box, runs check; answers one line
        self.source_depth = 0
        self.config: Any = None  # what the box was made from, for `reset`
        self.boot: dict[str, str] = {}  # the options that this box was booted with
        self.begun_with: dict[str, str] = {}  # and those of the one that the session began with
        self.make_box: Callable[[dict[str, str]], Any] | None = None  # boots a box from such options
        self.rebuild: Callable[[], Any] | None = None  # boots the box that the session began with
        self.live: Callable[[IO, View], int] | None = None  # shows a live screen; None where there is no terminal
        self.ticker: Callable[[IO], Ticker] | None = None  # waits and marks between the lines of vmstat 1
        self.lived: list[Deeds] = []  # what the live screens of this line did
        self.mark: Callable[[Any], object] | None = None  # figures that differ when a box has changed
        self.resumed = ""  # the journal on disk that this session goes on with
        self.no_host = False  # nothing of the host may be read or written (a lesson, an exercise)
        self.open_session: Callable[[list[str], TextIO, TextIO], Session] | None = None  # another one, with its own box
        self.stepper: Callable[..., None] | None = None  # shows a story one event a key, on the terminal
        self.recording: Any = None  # the cast that `record` writes
        self.drawer: Callable[[str, int, int], str] | None = None  # (text, columns, rows) → the screen as a picture
        self.plotter: Callable[[Any, int, int], str] | None = None  # (chart, columns, rows) → text; 0 columns: SVG
        self.lesson_player: Callable[..., int] | None = None  # plays a lesson on the terminal
        self.timeline: Any = None  # the journal that undo goes back along
        self.progress: tuple[str, int, int] | None = None  # (what, how many done, of how many) of a long loop
        self.long: Callable[[], AbstractContextManager[None]] = nullcontext  # around what may take long: a moving line
        self.console: Callable[[IO], None] | None = None  # tells, after each command, what else has happened
        self.pane = ""  # the view that is drawn below the prompt
        # (box, command, arguments, refusal) → the reason told below it, where a person reads it; None in scripts
        self.reasons: Callable[[Any, str, Any, Exception], str] | None = None
        self.displays: Any = None  # what `display` and `delta` show after each command
        self.turn: Turn | None = None  # who works on the box, where others want it too (a mount)
        self.aside: Sink | None = None  # where the words beside a value go that is printed bare; None: nowhere
        self.hangup: Callable[[], bool] | None = None  # whether the program that asked for this line has gone
        self.host_line: Callable[[Session, str], int] | None = None  # `! PIPELINE`: the host's bash on this box
        self._waiting = False

    # values

    @property
    def bits(self) -> int:
        """Bits of a word of the machine that is typed at."""
        arch = getattr(self.box, "arch", None)
        return arch.bits if arch is not None else 32

    def remember(self, number: int, dec: bool = False) -> int:
        """Put a value into the history; answers its N."""
        self.values.append((number, dec))
        self.origins[str(len(self.values))] = self.line
        return len(self.values)

    def value_text(self, serial: int) -> str | None:
        """`$N` as a word, None if there is no such value; 0 is the last one."""
        if not self.values or serial > len(self.values):
            return None
        number, dec = self.values[serial - 1]
        return fixed(number, dec)

    # running

    def run(self, text: str, where: str = "") -> int:
        """Run text (one line or many); errors are printed as a person would see them. Answers the status."""
        from memsh.shell.lines import run_text

        return run_text(self, text, where)

    def advance(self, usec: int) -> None:
        """Let the box's clock move on by `usec` µs, background jobs working when their time comes."""
        from memsh.shell.jobs import advance

        advance(self, usec)

    def busy_elsewhere(self) -> bool:
        """Whether the terminal is a live screen's, or the host is waited for."""
        return self._waiting or getattr(self.stdout, "aside", False)

    # Ctrl-C

    def poll(self) -> None:
        """A safe point: Ctrl-C is taken here, but not in the middle of a replay, which would lead elsewhere."""
        self.polls += 1
        if self.turn is not None and self.turn.waiting:
            self.turn.give()
        if self.hangup is not None and self.hangup():
            self.interrupted = True
        if (self.interrupted and not self.replaying) or 0 < self.stop_at <= self.polls:
            self.cut_at = self.cut_at or self.polls
            if self.running_job is None:
                raise Interrupted
            self.running_job.sleep(0)  # Ctrl-C is for what it works beside of

    @contextmanager
    def host_wait(self) -> Iterator[None]:
        """While the host is waited for (a key, a clock), Ctrl-C interrupts at once."""
        self._waiting = True
        try:
            with self.turn.aside() if self.turn is not None else nullcontext():
                yield
        finally:
            self._waiting = False

    def on_sigint(self, _signal: int, _frame: FrameType | None) -> None:
        """Ctrl-C: taken at the next safe point; at once where only the host is waited for."""
        if self._waiting:
            self._waiting = False
            raise KeyboardInterrupt
        self.interrupted = True

    @contextmanager
    def taking_interrupts(self) -> Iterator[None]:
        """Ctrl-C sets a flag while a line runs; a kernel operation is never cut in the middle."""
        try:
            before = signal.signal(signal.SIGINT, self.on_sigint)
        except ValueError:  # not the main thread: whoever runs us has its own way
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
