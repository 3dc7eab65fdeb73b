"""What a command is given beside its arguments: where its text comes from and goes to.

A command never touches sys.stdout. `io.out` writes text exactly as given (no newline is added) and is also the place
where Ctrl-C is taken; a command that works long without printing calls `io.check()` between two operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from errno import EIO, EPIPE
from operator import length_hint
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from memsh.lazy import regular
from memsh.shell.errors import OutputGone, ShellError
from memsh.shell.limits import LONG, PIECE, TEXT, TOO_LONG
from memsh.shell.values import fixed
from memsh.shell.visible import visible

if TYPE_CHECKING:
    from memsh.shell.language import Language
    from memsh.shell.run import Runner
    from memsh.shell.session import Session
    from memsh.shell.syntax import Assign

class Sink(Protocol):
    """Something that takes text."""

    def write(self, text: str) -> None: ...


class HostSink:
    """A stream of the host. If its reader has gone, or it takes no more (a full disk), the whole session ends; with
    `first`, which is flushed before each write, it is the stream of errors, and nobody hears what it does not take.

    A terminal is shown control characters spelled out; what it shall obey goes through `control`.
    """

    def __init__(
        self, stream: TextIO, first: HostSink | None = None, heed: Callable[[], None] | None = None
    ) -> None:
        self.stream = stream
        self.first = first
        self.heed = heed  # takes Ctrl-C, between the pieces of a long text
        self.terminal = stream.isatty()
        self.aside = False  # kept back while a live screen is up
        self.touched: Callable[[], None] | None = None  # told before something is printed (a progress line)

    def __deepcopy__(self, memo: object) -> HostSink:
        """The host's stream is the same at all times."""
        return self

    def write(self, text: str) -> None:
        if self.first is not None:
            self.first.flush()
        for piece in self.pieces(text):
            self._put(visible(piece) if self.terminal else piece)

    def pieces(self, text: str, end: str = "") -> Iterator[str]:
        """A text in pieces that are not too long, cut behind an `end` where there is one."""
        at = 0
        while at < len(text):
            if at and self.heed is not None:
                self.heed()
            last = at + LONG
            cut = text.rfind(end, at, last) + 1 if end and last < len(text) else 0
            yield text[at : cut or last]
            at = cut or last

    def control(self, text: str) -> None:
        """Write text with escapes that are ours."""
        self.flush()
        self._put(text)

    def _put(self, text: str) -> None:
        if self.touched is not None and text:
            self.touched()
        try:
            self.stream.write(text)
        except OSError as error:
            self._lost(error)
        except UnicodeEncodeError:
            encoding = self.stream.encoding
            self.stream.write(text.encode(encoding, "replace").decode(encoding))

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        """A terminal that was closed answers EIO: as if nobody read."""
        if error.errno in (EIO, EPIPE):
            raise OutputGone from None
        if self.first is None:
            raise OutputGone(error.strerror or "nothing can be written") from None


class NullSink:
    """/dev/null."""

    def write(self, text: str) -> None:
        return


class Room:
    """What may still be kept of what is read; each piece costs the host more than its characters."""

    __slots__ = ("left",)

    def __init__(self, limit: int = TEXT) -> None:
        self.left = limit

    def take(self, text: str) -> None:
        """Above the limit: Argument list too long."""
        self.left -= len(text) + PIECE
        if self.left < 0:
            raise ShellError(TOO_LONG)

    def give(self, text: str) -> None:
        """It is kept no longer."""
        self.left += len(text) + PIECE


class Capture:
    """Text kept for a $(…) or a test; above the limit: Argument list too long."""

    def __init__(self, limit: int = TEXT) -> None:
        self.parts: list[str] = []
        self.room = Room(limit)

    def write(self, text: str) -> None:
        self.room.take(text)
        self.parts.append(text)

    def text(self) -> str:
        return "".join(self.parts)


class Input:
    """Standard input that is empty; the others derive from it. Iterating gives lines with their newline. `size` is what
    stat says of the file behind it, in bytes; None where that is a pipe or a device."""

    size: int | None = None
    fault: OSError | None = None  # what reading it raises

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def readline(self) -> str:
        return next(iter(self), "")

    def chunks(self) -> Iterator[str]:
        """The text in pieces as they come, whatever lines are in them."""
        return iter(self)

    def unread(self, text: str) -> None:
        """Put back what was taken too much."""

    def place(self) -> object:
        """How far it has been read: another value wherever the next one to read would find something else."""
        return None

    def limit(self, usec: int | None) -> None:
        """From here on the reader waits so long, by the box's clock: what comes later is Late. None: for ever."""

    def begun_line(self) -> str:
        """Take what has come of a line whose end is Late."""
        return ""

    def read(self) -> str:
        """All the text there is. Above the limit: Argument list too long."""
        kept = Capture()
        for part in self.chunks():
            kept.write(part)
        return kept.text()


class TextInput(Input):
    """Text that is there already, cut into lines as they are asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0  # what stands before it has been read

    def readline(self) -> str:
        at, text = self.at, self.text
        self.at = end = text.find("\n", at) + 1 or len(text)
        return text[at:end]

    def __iter__(self) -> Iterator[str]:
        while line := self.readline():
            yield line

    def ahead(self) -> str:
        """What has not been read."""
        return self.text[self.at :] if self.at else self.text

    def chunks(self) -> Iterator[str]:
        if text := self.ahead():
            self.at = len(self.text)
            yield text

    def read(self) -> str:
        text = "".join(self.chunks())
        if len(text) > TEXT:
            raise ShellError(TOO_LONG)
        return text

    def unread(self, text: str) -> None:
        self.text, self.at = text + self.ahead(), 0

    def place(self) -> object:
        return len(self.text) - self.at


def _lines(text: str) -> list[str]:
    """Lines as a Unix tool counts them (only \\n ends one), the last one first."""
    if text.isascii() and not any(other in text for other in _OTHERS):
        return text.splitlines(keepends=True)[::-1]
    return _LINE.findall(text)[::-1]


_LINE = regular(r"[^\n]*\n|[^\n]+")
_OTHERS = "\r\f\v\x1c\x1d\x1e"  # what Python ends a line with too


class PartsInput(Input):
    """Chunks of text, cut into lines while they come; Ctrl-C is taken between two of them.

    All that is known of how far it has been read is in its attributes, so that it can be copied.
    """

    def __init__(self, parts: Iterator[str], session: Session) -> None:
        self.parts = parts
        self.session = session
        self.chunk, self.at = "", 0  # what came last, and how far it has been cut
        self.back: list[str] = []  # put back, the next to be read last
        self.ready: Iterator[str] = iter([])  # lines of the last chunk
        self.begun: list[str] = []  # pieces of a line whose end has not come
        self.room = TEXT

    def _coming(self) -> Iterator[str]:
        poll = self.session.poll
        while True:
            if self.at >= len(self.chunk):
                chunk = next(self.parts, None)
                if chunk is None:
                    return
                self.chunk, self.at = chunk, 0
            poll()
            begun, self.at = self.at, self.at + LONG
            yield self.chunk[begun : self.at]

    def chunks(self) -> Iterator[str]:
        back, self.back = self.back[::-1], []
        begun, self.begun = self.begun, []
        held = "".join([*back, *self.ready, *begun])
        if held:
            yield held
        yield from self._coming()

    def __iter__(self) -> Iterator[str]:
        while self.back:
            yield self.back.pop()
        yield from self.ready
        begun = self.begun
        for chunk in self._coming():
            end = chunk.rfind("\n") + 1
            if end:
                lines = _lines(chunk if end == len(chunk) else chunk[:end])[::-1]
                if begun:
                    lines[0] = "".join([*begun, lines[0]])
                    begun.clear()
                self.room = TEXT
                self.ready = iter(lines)
                yield from self.ready
            if end < len(chunk):
                begun.append(chunk[end:])
                self.room -= len(chunk) - end
                if self.room < 0:
                    raise ShellError(TOO_LONG)
        if begun:
            last = "".join(begun)
            begun.clear()
            yield last

    def unread(self, text: str) -> None:
        self.back.append(text)

    def limit(self, usec: int | None) -> None:
        limit = getattr(self.parts, "limit", None)  # of a pipe, whose writer takes time
        if limit is not None:
            limit(usec)

    def begun_line(self) -> str:
        begun, self.begun = "".join(self.begun), []
        return begun

    def place(self) -> object:
        before = getattr(self.parts, "place", 0), max(0, len(self.chunk) - self.at)
        return *before, length_hint(self.ready), len(self.back), len("".join(self.back))


class FileInput(PartsInput):
    """A file that is open until `close`, or until nobody has it any more. `lasting`: opened by `exec`; `kept`: the
    shell closes it, not who reads it."""

    lasting = kept = False

    def seek(self, place: int) -> int | None:
        """Read on from that byte, or from the end if that comes before: where that is. None: reading has begun."""
        seek: Callable[[int], int] | None = getattr(self.parts, "seek", None)
        begun: object = getattr(self.parts, "place", None)
        if seek is None or begun or self.back:
            return None
        return seek(place)

    def close(self) -> None:
        close: Callable[[], None] = self.parts.close  # type: ignore[attr-defined]
        close()


class OuterInput(Input):
    """Lines that come from outside of the box: what a command reads of them is remembered, so that a replay reads it
    again."""

    def __init__(self, source: Callable[[], str], session: Session) -> None:
        self.source = source
        self.session = session
        self.held = ""  # put back

    def unread(self, text: str) -> None:
        self.held = text + self.held
        self.session.doing.unread(text)

    def __iter__(self) -> Iterator[str]:
        while True:
            line = self.readline()
            if not line:
                return
            yield line

    def readline(self) -> str:
        if self.held:
            line, self.held = self.held, ""
        else:
            line = self.source()
        self.session.doing.read(line)
        return line


class HostInput(OuterInput):
    """The host's standard input, read only when a command asks. Ctrl-C ends the wait."""

    def __init__(self, stream: TextIO, session: Session) -> None:
        super().__init__(self._line, session)
        self.stream = stream

    def _line(self) -> str:
        with self.session.host_wait():
            return self.stream.readline()


class IO:
    """One command's surroundings. `width`, `is_tty` and `color` describe where the text will end up."""

    __slots__ = ("arrays", "last", "name", "redirects", "runner", "session", "sink", "stderr", "stdin")

    def __init__(
        self, session: Session, sink: Sink, stderr: Sink, stdin: Input, runner: Runner, name: str = "",
        redirects: Any = None,
    ) -> None:  # fmt: skip
        self.session = session
        self.sink = sink
        self.stderr = stderr
        self.stdin = stdin
        self.runner = runner
        self.name = name  # the command's own name, for messages
        self.redirects = redirects  # not opened: they are for the command that this one runs
        self.last: int | None = None  # the value that this command yielded
        self.arrays: dict[int, Assign] | None = None  # `name=( … )` among the words of declare and its kin

    @property
    def language(self) -> Language:
        """What the language remembers."""
        return self.session.language

    @property
    def captured(self) -> bool:
        """Inside $(…): a value is yielded bare."""
        return self.runner.captured

    @property
    def is_tty(self) -> bool:
        return self.runner.tty

    @property
    def width(self) -> int:
        return self.session.width

    @property
    def color(self) -> bool:
        return self.is_tty and self.session.color

    def out(self, text: str) -> None:
        """Write text as it is to standard output."""
        self.session.poll()
        if text:
            self.sink.write(text)

    def err(self, text: str) -> None:
        """Write text as it is to standard error."""
        if text:
            self.session.poll()
            self.stderr.write(text)

    def complain(self, message: str) -> None:
        """One line of error: `COMMAND: MESSAGE`. Who complains about many operands heeds Ctrl-C between them."""
        self.session.poll()
        self.stderr.write(f"{self.name}: {message}\n" if self.name else f"{message}\n")

    def value(self, number: int, note: str = "", dec: bool = False) -> None:
        """Yield a number: printed as `$N = 0x…  note` and remembered; inside $(…) bare and not remembered."""
        self.last = number
        if self.runner.captured:
            self.out(fixed(number, dec) + "\n")
            if note and self.session.aside is not None:
                self.session.aside.write(note + "\n")
            return
        serial = self.session.remember(number, dec)
        self.out(f"${serial} = {fixed(number, dec)}  {note}\n" if note else f"${serial} = {fixed(number, dec)}\n")

    def note(self, text: str) -> None:
        """A line that tells something beside the value; inside $(…) it is not part of what is yielded."""
        line = text if text.endswith("\n") else text + "\n"
        if not self.captured:
            self.out(line)
        elif self.session.aside is not None:
            self.session.aside.write(line)

    def control(self, text: str) -> None:
        """Tell the terminal something (clear, reversed letters); nothing happens where there is none."""
        if self.is_tty and isinstance(self.sink, HostSink):
            self.sink.control(text)

    def flush(self) -> None:
        """Show what is printed so far (before the host waits)."""
        if isinstance(self.sink, HostSink):
            self.sink.flush()

    def check(self) -> None:
        """Take a pending Ctrl-C: call this between two operations of a long command."""
        self.session.poll()

    def looking(self) -> AbstractContextManager[None]:
        """Around work that only looks at the box and writes nothing: Ctrl-C ends it at once."""
        return self.session.looking()

    def run(self, words: list[str], stdin: Input | None = None, sink: Sink | None = None) -> int:
        """Run another command, given as words, in these surroundings; its errors are printed. Answers its status."""
        return self.runner.run_words(self, words, stdin, sink)

    def capture(self, words: list[str], stdin: str = "") -> tuple[str, int]:
        """Run another command for its text: (text, status)."""
        kept = Capture()
        status = self.run(words, TextInput(stdin), kept)
        return kept.text(), status
