"""One session: the box, and the language's state, the streams, the hooks, what runs now: parts that copy themselves."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import attrgetter
from types import FrameType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TextIO, TypeVar

from memsh.shell.errors import Abandoned, Interrupted
from memsh.shell.insisting import Insisting, Looking, Waiting, at_its_edge
from memsh.shell.io import HostInput, HostSink, Input, Sink
from memsh.shell.jobs import Asking, advance, let_others, let_ready
from memsh.shell.language import Language
from memsh.shell.limits import GROWTH, MEMORY, TOTAL
from memsh.shell.lines import run_lines
from memsh.shell.registry import REGISTRY, Registry
from memsh.shell.run import Runner
from memsh.shell.spare import KEPT, Spare
from memsh.shell.strands import Strands
from memsh.shell.streams import Doing, Hooks, Streams
from memsh.shell.tracing import expanded, unquoted
from memsh.shell.variables import Dynamic

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.config import Config
    from memsh.shell.io import IO
    from memsh.shell.jobs import Job
    from memsh.shell.live import Deeds, Ticker, View
    from memsh.shell.streams import Console
    from memsh.shell.turn import Turn


PAGE = resource.getpagesize()
STATM = "/proc/self/statm"
STEADY = 4 << 20  # bytes by which a line may grow where little is left; where less than four times that is, a quarter
NEVER = 1 << 62  # polls
APART = 1 << 23  # from here on no process has such a number, and no job
ADDRESSES = max(0, resource.getrlimit(resource.RLIMIT_AS)[0])  # bytes that the host allows; 0: it does not say
WATCH = 0x03 if ADDRESSES else 0x1F  # polls between two looks at the host's memory, as a mask


class Files(Protocol):
    """The box's own files, for `>`, `>>`, `<` and `*`. Errors are OSErrors with Linux's words."""

    def open_write(self, session: Session, path: str, append: bool) -> FileSink: ...

    def open_read(self, session: Session, path: str) -> Input: ...

    def open_both(self, session: Session, path: str) -> Input | None: ...

    def pipe(self, session: Session) -> tuple[Any, Any]: ...

    def replace(self, session: Session, path: str, through: bool) -> FileSink: ...

    def listdir(self, session: Session, path: str) -> list[str]: ...

    def is_file(self, session: Session, path: str) -> bool: ...

    def test(self, session: Session, letter: str, path: str) -> bool: ...

    def same(self, session: Session, left: str, right: str) -> bool: ...

    def changed(self, session: Session, path: str) -> float | None: ...


class FileSink(Sink, Protocol):
    """A file being written; `close` is where Linux may still refuse."""

    def close(self) -> None: ...


T = TypeVar("T")


class Of(Generic[T]):
    """An attribute that is one of a part: `session.cwd` is `session.language.cwd`.

    A property takes its place, which reads without a call into Python.
    """

    def __init__(self, part: str) -> None:
        self.part = part

    def __set_name__(self, owner: type, name: str) -> None:
        part = self.part

        def put(session: Session, value: T) -> None:
            setattr(getattr(session, part), name, value)

        setattr(owner, name, property(attrgetter(f"{part}.{name}"), put))

    if TYPE_CHECKING:

        def __get__(self, session: Session, owner: type) -> T: ...

        def __set__(self, session: Session, value: T) -> None: ...


def held_memory() -> tuple[int, int]:
    """(addresses, memory) of the host that this process holds, in bytes; zeros where that cannot be known."""
    try:
        number = os.open(STATM, os.O_RDONLY | os.O_CLOEXEC)  # a number: Ctrl-C may be taken anywhere here
        try:
            size, resident, *_ = os.read(number, 128).split()
        finally:
            os.close(number)
        return int(size) * PAGE, int(resident) * PAGE
    except (OSError, ValueError):
        return 0, 0


def short_of_memory() -> bool:
    """Whether what is only kept to be quick (checkpoints) should not be."""
    size, held = held_memory()
    return held > TOTAL >> 1 or 0 < ADDRESSES < size + (ADDRESSES >> 2)


class Session:
    """State of one memsh. `box` is None with --proc and may be replaced (undo, restore, reset)."""

    cwd = Of[str]("language")
    variables = Of[dict[str, str]]("language")
    values = Of[list[tuple[int, bool]]]("language")
    origins = Of[dict[str, str]]("language")
    last_status = Of[int]("language")
    loops = Of[int]("language")
    source_depth = Of[int]("language")
    stdout = Of[Sink]("streams")
    stderr = Of[Sink]("streams")
    stdin = Of[Input]("streams")
    is_tty = Of[bool]("streams")
    before_line = Of[list[Callable[["Session", str], None]]]("hooks")
    after_line = Of[list[Callable[["Session", str, int], None]]]("hooks")
    after_command = Of[list[Callable[["Session", "Runner"], None]]]("hooks")
    deadline_check = Of["Callable[[], None] | None"]("hooks")
    console: Of[Console | None] = Of("hooks")
    reasons = Of["Callable[[Box, str, Any, Exception], str] | None"]("hooks")
    journal = Of[list[str]]("doing")
    line = Of[str]("doing")
    ran = Of[set[str]]("doing")
    typed_depth = Of[int]("doing")
    refused_once = Of[object]("doing")

    def __init__(
        self, box: Box | None = None, *, registry: Registry = REGISTRY, stdout: TextIO | None = None,
        stderr: TextIO | None = None, stdin: Input | None = None, files: Files | None = None,
    ) -> None:  # fmt: skip
        self.hooks = Hooks()
        self.box = box
        self.strace = False  # the system calls of what runs are shown
        self.registry = registry
        self.files = files
        self.reader: Any = None  # reads /proc for the tools; set by the commands room
        printed = HostSink(stdout if stdout is not None else sys.stdout)
        self.streams = Streams(
            printed, HostSink(stderr if stderr is not None else sys.stderr, printed, lambda: self.poll()),
            stdin if stdin is not None else HostInput(sys.stdin, self),
        )  # fmt: skip
        self.doing = Doing()
        self.language: Language = self._language()
        self.color = False
        self.width = 80
        self.history: list[str] = []  # what a person typed, for `history`
        self.jobs: list[Job] = []  # what `&` started and has not ended
        self.running_job: Job | None = None
        self.strands = Strands(self)  # those of the line, or of the job that runs
        self.asking = Asking()
        self.families = 0  # shells that know jobs of their own
        self.back_to = 0  # the process that is current again after `as PID COMMAND`
        self.at_prompt = False  # a person types
        self.typed_text = ""  # the line that a person typed, while it runs: its own `|!` is allowed
        self.strict = False  # --strict: what a person types may end init, as on Linux
        self.interrupted = False  # Ctrl-C was pressed and not yet taken
        self.hung_up = 0  # SIGHUP or SIGTERM came: the status with which the session ends after this line
        self.was_interrupted = False  # the last line was cut short
        self.polls = 0  # how often Ctrl-C has been looked for: the same number for the same lines
        self.cut_at = 0  # the poll at which Ctrl-C was found; 0: it was not looked for
        self.signals: list[tuple[dict[str, str], str]] = []  # (whose traps, which) that came; a command ends first
        self.killed: list[tuple[int, int]] = []  # (program, signal): the shells that a signal ends
        self.running_line = 0  # of the script, for $LINENO
        self.typed_line = 1  # the number of the line that was typed, or read from a script
        # the poll at which a line is cut as Ctrl-C once cut it (`stopped N LINE`), by the job that it is of
        self.stops: dict[Job | None, int] = {}
        self.abandon = False  # and Ctrl-C ends all of them
        self.replaying = False  # lines run again for undo: nothing goes to the host
        self.on_bug: Callable[[Session, str], str] | None = None  # marks the box, runs check; answers one line
        self.config: Config | None = None  # what the box was made from, for `reset`
        self.boot: dict[str, str] = {}  # the options that this box was booted with
        self.begun_with: dict[str, str] = {}  # and those of the one that the session began with
        self.make_box: Callable[[dict[str, str]], Box] | None = None  # boots a box from such options
        self.rebuild: Callable[[], Box] | None = None  # boots the box that the session began with
        self.live: Callable[[IO, View], int] | None = None  # shows a live screen; None where there is no terminal
        self.ticker: Callable[[IO], Ticker] | None = None  # waits and marks between the lines of vmstat 1
        self.lived: list[Deeds] = []  # what the live screens of this line did
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
        self.pane = ""  # the view that is drawn below the prompt
        self.displays: Any = None  # what `display` and `delta` show after each command
        self.turn: Turn | None = None  # who works on the box, where others want it too (a mount)
        self.aside: Sink | None = None  # where the words beside a value go that is printed bare; None: nowhere
        self.hangup: Callable[[], bool] | None = None  # whether the program that asked for this line has gone
        self.host_line: Callable[[Session, str], int] | None = None  # `! PIPELINE`: the host's bash on this box
        self.host_waiter = 0  # the thread that waits for the host
        self.only_looks = False  # the main thread only looks at the box
        self.insisting = Insisting()
        self.spare = Spare(KEPT if ADDRESSES else 0)

    def _work_on(self, box: Box | None) -> None:
        self._box = box
        if box is not None:
            box.cond_resched = lambda: self.poll()
            if self.console is not None:
                self.console.look(box)

    if TYPE_CHECKING:

        @property
        def box(self) -> Box:
            """The machine. Where it works long it asks whether Ctrl-C was pressed. None in a session without one
            (--proc): what is declared to need a box is not run there, the rest asks."""

        @box.setter
        def box(self, box: Box | None) -> None: ...

    else:
        box = property(attrgetter("_box"), _work_on)  # read many times a line: without a call into Python

    # parts

    @contextmanager
    def apart(
        self, *, streams: Streams | None = None, hooks: Hooks | None = None, doing: Doing | None = None,
        language: Language | None = None,
    ) -> Iterator[None]:  # fmt: skip
        """Other parts stand in for those that are given; afterwards these are back, whatever was done to the others."""
        parts = {"streams": streams, "hooks": hooks, "doing": doing, "language": language}
        kept = {name: getattr(self, name) for name, part in parts.items() if part is not None}
        for name in kept:
            setattr(self, name, parts[name])
        try:
            yield
        finally:
            for name, part in kept.items():
                setattr(self, name, part)

    def fresh_language(self) -> Language:
        """The language's state as a session begins with it."""
        language = self._language()
        language.strict = self.language.strict
        return language

    def _language(self) -> Language:
        language, makes = Language(), Dynamic(self)
        language.dynamic, language.dynamic_array, language.expands = makes, makes.array, self._expanded
        language.unquoted, language.says = self._unquoted, lambda text: Runner.of_session(self).say(f"memsh: {text}\n")
        return language

    def _expanded(self, text: str) -> str:
        """What `$name`, `$( … )` and so on become in a text that was a value."""
        return expanded(Runner.of_session(self), text)

    def _unquoted(self, text: str) -> str:
        """The same as a word, whose quotes go."""
        return unquoted(Runner.of_session(self), text)

    def new_family(self) -> int:
        """The number of a shell that knows no job yet."""
        self.families += 1
        return self.families

    @property
    def typing(self) -> bool:
        """Whether a person's own line runs next: not a sourced one, nor what a function, a view or a job runs."""
        here = self.at_prompt and not self.replaying and self.running_job is None
        return here and not (self.typed_depth or self.source_depth or self.language.frames)

    @property
    def stop_on_error(self) -> bool:
        """-e: `set -e`."""
        return "errexit" in self.language.options

    @stop_on_error.setter
    def stop_on_error(self, on: bool) -> None:
        self.language.option("errexit", on)

    def shell_pid(self) -> str:
        """`$$`: the shell is no process of the box; it is the current one's figure that is asked for."""
        current = getattr(self.box, "current", None)
        return str(current.pid) if current is not None else "1"

    def own_pid(self) -> str:
        """`$BASHPID`: a ( … ) is no process of the box either, and has a number that none can have."""
        language = self.language
        if not language.level:
            return self.shell_pid()
        language.own_pid = language.own_pid or APART + self.new_family()
        return str(language.own_pid)

    # values

    @property
    def bits(self) -> int:
        """Bits of a word of the machine that is typed at."""
        arch = getattr(self.box, "arch", None)
        return arch.bits if arch is not None else 32

    def remember(self, number: int, dec: bool = False) -> int:
        """Put a value into the history; answers its N."""
        return self.language.remember(number, dec, self.line)

    def value_text(self, serial: int) -> str | None:
        """`$N` as a word, None if there is no such value; 0 is the last one."""
        return self.language.value_text(serial)

    def copied(self, box: Box, opened: dict[int, Any]) -> tuple[Box, dict[int, Any]]:
        """A copy of a box and of the streams that `exec` opened on it: their files are files of the copy."""
        streams = self.streams
        kept = (self, streams.stdout, streams.stderr, streams.stdin)
        return box.copy_with(dict(opened), {id(one): one for one in kept})

    # running

    def run(self, text: str, where: str = "") -> int:
        """Run text (one line or many); errors are printed as a person would see them. Answers the status."""
        return run_lines(Runner.of_session(self, where), text)

    def advance(self, usec: int) -> None:
        """Let the box's clock move on by `usec` µs, background jobs working when their time comes."""
        advance(self, usec)

    def let_others(self, until: int) -> bool:
        """The line can do no more but wait, until that time at most. False if nobody else can do anything either."""
        return let_others(self, until)

    def let_ready(self) -> None:
        """Something was done to a pipe: the jobs that have waited for that go on."""
        let_ready(self)

    def busy_elsewhere(self) -> bool:
        """Whether the terminal is a live screen's, or the host is waited for."""
        return self.host_waiter != 0 or getattr(self.stdout, "aside", False)

    # Ctrl-C

    def poll(self) -> None:
        """A safe point: Ctrl-C is taken here, but not in the middle of a replay, which would lead elsewhere."""
        self.polls += 1
        if not self.polls & WATCH:
            self._watch_memory()
        if self.turn is not None and self.turn.waiting:
            self.turn.give()
        if self.hangup is not None and self.hangup():
            self.interrupted = True
        job = self.running_job
        if job is None and not self.interrupted and not self.stops:  # nearly always
            return
        if self.interrupted and self.abandon:
            raise Abandoned
        if self.stops and self.polls >= self.stops.get(job, NEVER):
            self.cut_at = self.cut_at or self.polls
            raise Interrupted
        beside = self.stops and job is not None and self.polls >= self.stops.get(None, NEVER)
        if beside or (self.interrupted and not self.replaying):
            self.cut_at = self.cut_at or self.polls
            if job is None:
                raise Interrupted
            job.sleep(0)  # Ctrl-C is for what it works beside of
        if job is not None and self.polls >= job.until:
            job.sleep(0)

    def _watch_memory(self) -> None:
        """What takes too much of the host's memory is ended as by Ctrl-C."""
        doing, (size, held) = self.doing, held_memory()
        if not doing.memory or held < doing.memory:
            doing.memory = held
        grown = held - doing.memory
        near = 0 < ADDRESSES < size + (size >> 3) and grown > min(STEADY, max(0, ADDRESSES - size) >> 2)
        if self.replaying or self.interrupted or not (near or grown > (MEMORY if held < TOTAL else GROWTH)):
            return
        doing.memory = held
        self.interrupted = True
        most = f"more than {(MEMORY if grown > MEMORY else TOTAL) >> 30} GiB"
        most = "nearly all that the host allows (ulimit -v)" if near else most
        self.stderr.write(f"memsh: this takes too much of the host's memory: {most}\n")

    def host_wait(self) -> AbstractContextManager[None]:
        """While the host is waited for (a key, a clock), Ctrl-C interrupts at once."""
        return Waiting(self, self.turn.aside() if self.turn is not None else nullcontext())

    def looking(self) -> AbstractContextManager[None]:
        """While the box is only looked at and nothing is written anywhere, Ctrl-C ends that at once."""
        return Looking(self, threading.current_thread() is threading.main_thread() and not self.replaying)

    def on_sigint(self, _signal: int, frame: FrameType | None) -> None:
        """Ctrl-C: taken at the next safe point; at once where the host is waited for, or the box only looked at."""
        if self.host_waiter == threading.get_ident() and not at_its_edge(frame):
            self.host_waiter = 0
            raise KeyboardInterrupt
        self.interrupted = True
        if self.only_looks and not at_its_edge(frame):
            self.only_looks = False
            self.insisting.begin()

    def on_hangup(self, number: int, frame: FrameType | None) -> None:
        """SIGHUP and SIGTERM end the line that runs as Ctrl-C does, so that the journal hears how far it came."""
        self.hung_up = 128 + number
        self.on_sigint(number, frame)

    @contextmanager
    def taking_interrupts(self) -> Iterator[None]:
        """Ctrl-C sets a flag while a line runs; a kernel operation is never cut in the middle."""
        if threading.current_thread() is not threading.main_thread():  # whoever runs us has its own way
            yield
            return
        handlers = {signal.SIGINT: self.on_sigint, signal.SIGHUP: self.on_hangup, signal.SIGTERM: self.on_hangup}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
