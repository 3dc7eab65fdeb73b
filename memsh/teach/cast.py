"""`record`: the session as an asciinema cast (version 2): a header and one event a line, all JSON.

At a terminal the times are the real ones; elsewhere they are made up, so that a script gives a cast that can be
watched, the same bytes every time: a typed character takes 40 ms, a look at what a command printed most of a second.
Known deviations: what is typed is shown with the prompt as it is without a terminal; keys are not recorded.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from memsh.shell.errors import ShellError
from memsh.shell.io import HostSink
from memsh.shell.session import Session
from memsh.teach.hostfile import beside_of, may_replace, write

CHARACTER, LOOK, PAUSE = 0.04, 0.8, 2.0  # seconds
COMMAND = "record"
HELD = 1 << 16  # characters that wait to be written
STILL = 100  # columns of a picture at most
Draw = Callable[[str, int, int], str]  # (text, columns, rows) → the picture's file


class CastFile:
    """The cast's file, whole after each flush. One that replaces another is written beside it, and takes its place at
    the end. Once the host takes no more, `error` says why and nothing half is left."""

    def __init__(self, path: str, force: bool) -> None:
        """OSError as the host says; an existing file only with `force`, never through a link."""
        place = Path(path)
        self.place = place if may_replace(path, "cast", force) else None  # what is replaced in the end
        self.path = beside_of(path) if self.place is not None else place
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_EXCL
        self.descriptor = os.open(self.path, flags, 0o644)
        self.error: OSError | None = None
        self.parts: list[str] = []
        self.held = self.whole = 0

    def write(self, text: str) -> None:
        if self.error is None:
            self.parts.append(text)
            self.held += len(text)
            if self.held > HELD:
                self.flush()

    def flush(self) -> None:
        data = "".join(self.parts).encode("utf-8", "surrogateescape")
        self.parts.clear()
        self.held = 0
        try:
            done = 0
            while done < len(data):
                done += os.write(self.descriptor, data[done:])
            self.whole += done
        except OSError as error:
            self.error = error
            with suppress(OSError):
                os.ftruncate(self.descriptor, self.whole)
                if self.place is not None or not self.whole:
                    self.path.unlink()

    def close(self) -> None:
        """OSError if not all of it could be written."""
        self.flush()
        os.close(self.descriptor)
        if self.error is not None:
            raise self.error
        if self.place is not None:
            self.path.replace(self.place)


class Cast:
    """A cast being written. `at` is its own clock in seconds."""

    def __init__(self, stream: CastFile, name: str, width: int, rows: int, live: bool, idle: float = PAUSE) -> None:
        self.stream = stream
        self.name = name
        self.live = live
        self.at = 0.0
        self.typing = 0.0  # seconds that the typing of a finished line is shown to take
        self.begun = time.monotonic()
        self.events = 0
        import json  # start-up: 2 ms

        header: dict[str, Any] = {"version": 2, "width": width, "height": rows, "idle_time_limit": idle,
                                  "title": "memsh", "env": {"TERM": "xterm-256color", "SHELL": "memsh"}}  # fmt: skip
        stream.write(json.dumps(header) + "\n")
        stream.flush()
        if stream.error is not None:
            stream.close()

    @property
    def error(self) -> OSError | None:
        """Why the host takes no more of it."""
        return self.stream.error

    def pass_time(self, seconds: float) -> None:
        """Let the cast's clock move on (its own; at a terminal it is the host's)."""
        self.at = time.monotonic() - self.begun + self.typing if self.live else self.at + seconds

    def show(self, text: str) -> None:
        """Text that appears on the screen."""
        if not text:
            return
        self.pass_time(0.0)
        import json  # start-up: 3 ms

        shown = text.replace("\r\n", "\n").replace("\n", "\r\n")
        self.stream.write(json.dumps([round(self.at, 6), "o", shown], ensure_ascii=False) + "\n")
        self.events += 1

    def type(self, prompt: str, line: str) -> None:
        """A line that a person types."""
        self.show(prompt)
        for character in line:
            self.typing += CHARACTER
            self.pass_time(CHARACTER)
            self.show(character)
        self.typing += CHARACTER
        self.pass_time(CHARACTER)
        self.show("\n")

    def flush(self) -> None:
        """What is there so far is on the host's disk."""
        self.stream.flush()

    def close(self) -> None:
        self.stream.close()


class Still(Cast):
    """One screen instead of a film: what stands on it at the end is drawn."""

    error = None

    def __init__(self, path: str, width: int, rows: int, force: bool, draw: Draw) -> None:
        may_replace(path, "picture", force)
        self.name, self.width, self.rows, self.force, self.draw = path, width, rows, force, draw
        self.text: list[str] = []
        self.events = 0
        self.at = 0.0

    def pass_time(self, seconds: float) -> None:
        return

    def show(self, text: str) -> None:
        if text:
            self.text.append(text)
            self.events += 1

    def type(self, prompt: str, line: str) -> None:
        self.show(f"{prompt}{line}\n")

    def flush(self) -> None:
        return

    def close(self) -> None:
        write(self.name, self.draw("".join(self.text), self.width, self.rows), "picture", self.force)


class Tee:
    """A stream of the host whose text goes into the cast too."""

    def __init__(self, stream: Any, cast: Cast) -> None:
        self.stream = stream
        self.cast = cast

    def write(self, text: str) -> None:
        self.stream.write(text)
        self.cast.show(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Recording:
    """One recording of a session, from `record FILE` to `record stop`."""

    def __init__(self, session: Session, cast: Cast) -> None:
        self.session = session
        self.cast = cast
        self.sinks: list[HostSink] = []
        for sink in (session.stdout, session.stderr):
            if isinstance(sink, HostSink) and not isinstance(sink.stream, Tee):
                sink.flush()
                sink.stream = Tee(sink.stream, cast)  # type: ignore[assignment]
                self.sinks.append(sink)
        session.before_line.append(self.before)
        session.after_line.append(self.after)
        self.depth = 0

    def before(self, session: Session, line: str) -> None:
        if not self.depth and line.split(None, 1)[:1] != [COMMAND]:
            prompt = "memsh(plain)> " if getattr(session.box, "plain", False) else "memsh> "
            self.cast.type(prompt, line.replace("\n", "\n> "))
        self.depth += 1

    def after(self, session: Session, line: str, status: int) -> None:
        self.depth = max(0, self.depth - 1)
        for sink in self.sinks:
            sink.flush()
        self.cast.pass_time(LOOK)
        self.cast.flush()
        if self.cast.error is not None:
            with suppress(OSError):
                stop(session)
            why = f"{self.cast.name}: {self.cast.error.strerror}: the recording has ended"
            session.stderr.write(f"{COMMAND}: {why}\n")

    def stop(self) -> None:
        for sink in self.sinks:
            sink.flush()
            if isinstance(sink.stream, Tee):
                sink.stream = sink.stream.stream
        self.session.before_line.remove(self.before)
        self.session.after_line.remove(self.after)
        self.cast.close()


@contextmanager
def whole_screen(session: Session) -> Iterator[None]:
    """While somebody else draws the terminal (a lesson), what is drawn goes into the cast too."""
    if session.recording is None:
        yield
        return
    kept, sys.stdout = sys.stdout, Tee(sys.stdout, session.recording.cast)
    try:
        yield
    finally:
        sys.stdout = kept


def start(session: Session, path: str, force: bool, rows: int, idle: float = PAUSE) -> None:
    """Begin to record, a picture where the name ends in .svg. ShellError if a recording runs already."""
    if session.recording is not None:
        raise ShellError(f"{session.recording.cast.name} is being recorded: record stop ends it")
    cast: Cast
    if path.endswith(".svg"):
        if session.drawer is None:
            raise ShellError("this session draws no pictures")
        cast = Still(path, min(session.width, STILL), rows, force, session.drawer)
    else:
        live = session.is_tty and session.at_prompt
        cast = Cast(CastFile(path, force), path, session.width, rows, live, idle)
    session.recording = Recording(session, cast)


def stop(session: Session) -> Cast:
    """End the recording. ShellError if there is none."""
    if session.recording is None:
        raise ShellError("nothing is being recorded: record FILE.cast begins")
    recording: Recording = session.recording
    session.recording = None
    recording.stop()
    return recording.cast
