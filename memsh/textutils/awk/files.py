"""What an awk program has open: files and commands, each under its name and the way it was opened (gawk's io.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsh.shell import ShellError
from memsh.shell.io import Capture, TextInput
from memsh.textutils.shellout import run_line

if TYPE_CHECKING:
    from memsh.shell.io import Input
    from memsh.shell.session import FileSink
    from memsh.textutils.awk.runtime import Runtime

NEVER = "close of redirection that was never opened"
_SAME = {">>": ">"}  # a file that is written is one, whichever way it was opened


class Reader:
    """The records of a file, or of what a command printed."""

    def __init__(self, records: Iterator[str], status: int = 0) -> None:
        self.records = records
        self.status = status

    def close(self) -> float:
        return float(self.status)


class Written:
    """A file that is written."""

    def __init__(self, runtime: Runtime, sink: FileSink) -> None:
        self.runtime = runtime
        self.sink = sink
        self.write = sink.write

    def close(self) -> float:
        try:
            self.sink.close()
        except OSError as error:
            self.runtime.flush()
            self.runtime.io.complain(f"write failure ({error.strerror or error})")
            self.runtime.failed = True
        return 0.0


class Command:
    """A command that reads what is printed: it runs when it is closed."""

    def __init__(self, runtime: Runtime, line: str) -> None:
        self.runtime, self.line = runtime, line
        self.given = Capture()
        self.write = self.given.write

    def close(self) -> float:
        self.runtime.flush()
        return float(run_line(self.runtime.io, self.line, stdin=TextInput(self.given.text())))


class Partner:
    """A command at both ends of a pipe (`|&`). What it has been sent is all that it reads: for each answer that is
    asked for after more was sent, it runs again from its beginning, and what it had said before is left out."""

    def __init__(self, runtime: Runtime, command: str) -> None:
        self.runtime, self.command = runtime, command
        self.sent = Capture()
        self.fresh = True  # something was sent since it ran last
        self.status = self.given = 0
        self.ends = {"to", "from"}  # those that are open
        self.answers: Iterator[str] = iter(())

    def write(self, text: str) -> None:
        self.sent.write(text)
        self.fresh = True

    @property
    def records(self) -> Iterator[str]:
        return self

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.fresh:
            self._run()
        found = next(self.answers)
        self.given += 1
        return found

    def _run(self) -> None:
        self.fresh = False
        runtime, kept = self.runtime, Capture()
        runtime.flush()
        self.status = run_line(runtime.io, self.command, stdin=TextInput(self.sent.text()), sink=kept)
        self.answers = runtime.records(TextInput(kept.text()))
        for _ in range(self.given):
            next(self.answers, None)

    def close(self) -> float:
        """Its status; it runs now if nobody has asked for an answer."""
        if self.fresh:
            self._run()
        return float(self.status)


class Files:
    """Open files and commands of one program, by the way they were opened and their names, in order of opening."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.open: dict[tuple[str, str], Reader | Written | Command | Partner] = {}

    def reader(self, kind: str, name: str) -> Iterator[str] | None:
        """The records of a file, or (`kind` "|") of what a command prints; None if there is no such file."""
        key = ("<" if kind == "<" else "|getline", name)
        found = self.open.get(key)
        if isinstance(found, Reader):
            return found.records
        if kind == "|&":
            return self._partner(name, "from").records
        if kind == "|":
            self.runtime.flush()
            kept = Capture()
            status = run_line(self.runtime.io, name, sink=kept)
            made = Reader(self.runtime.records(TextInput(kept.text())), status)
        else:
            source = self._source(name)
            if source is None:
                return None
            made = Reader(self.runtime.records(source))
        self.open[key] = made
        return made.records

    def _source(self, name: str) -> Input | None:
        io = self.runtime.io
        if name in ("-", "/dev/stdin"):
            return io.stdin
        assert io.session.files is not None
        try:
            return io.session.files.open_read(io.session, name)
        except OSError as error:
            self.runtime.failed_with(error)
            return None

    def write(self, kind: str, name: str, text: str) -> None:
        runtime = self.runtime
        found = self.open.get((_SAME.get(kind, kind), name))
        if found is None:
            if kind != "|" and name in ("/dev/stdout", "-"):
                runtime.out(text)
                return
            if kind != "|" and name == "/dev/stderr":
                runtime.flush()
                runtime.io.err(text)
                return
            if kind == "|&":
                found = self._partner(name, "to")
            elif not name:
                what = _SAME.get(kind, kind)
                raise ShellError(f"fatal: expression for `{what}' redirection has null string value", 2)
            elif kind == "|":
                runtime.flush()
                found = self.open[kind, name] = Command(runtime, name)
            else:
                sink = self._sink(name, kind == ">>")
                if sink is None:
                    return
                found = self.open[">", name] = Written(runtime, sink)
        assert not isinstance(found, Reader)
        if isinstance(found, Partner) and "to" not in found.ends:
            raise ShellError("fatal: print: attempt to write to closed write end of two-way pipe", 2)
        found.write(text)

    def _sink(self, name: str, append: bool) -> FileSink | None:
        runtime = self.runtime
        files = runtime.io.session.files
        assert files is not None
        try:
            return files.open_write(runtime.io.session, name, append)
        except OSError as error:
            if not runtime.goes_on(name):
                raise ShellError(f"fatal: cannot redirect to `{name}': {error.strerror or error}", 2) from None
            runtime.failed_with(error)
            return None

    def _partner(self, name: str, end: str) -> Partner:
        if name.startswith("/inet"):
            raise ShellError("fatal: no network is known here", 2)
        found = self.open.get(("|&", name))
        if not isinstance(found, Partner):
            found = self.open["|&", name] = Partner(self.runtime, name)
        if end == "from" and end not in found.ends:
            raise ShellError("fatal: getline: attempt to read from closed read end of two-way pipe", 2)
        return found

    def flushed(self, name: str, place: str) -> float:
        """fflush(): -1, and a warning, if nothing of that name is open to write to."""
        runtime = self.runtime
        runtime.flush()
        if not name or name in ("/dev/stdout", "/dev/stderr"):
            return 0.0
        found = next((self.open[kind, name] for kind in (">", "|", "|&") if (kind, name) in self.open), None)
        if isinstance(found, Partner) and "to" not in found.ends:
            runtime.warn(f"fflush: cannot flush: two-way pipe `{name}' has closed write end", place)
        elif found is not None:
            flush = getattr(getattr(found, "sink", None), "flush", None)
            if flush is not None:
                flush()
            return 0.0
        else:
            runtime.warn(f"fflush: `{name}' is not an open file, pipe or co-process", place)
        return -1.0

    def close(self, name: str, end: str = "") -> float:
        """close(): what was opened last under that name; -1 if nothing is open, otherwise the command's status. `end`
        of a two-way pipe: "to" or "from", which leaves the other open."""
        key = next((key for key in reversed(self.open) if key[1] == name), None)
        if key is None:
            self.runtime.failed_with(OSError(0, NEVER))
            return -1.0
        found = self.open[key]
        if end and isinstance(found, Partner):
            side = "to" if end[:1].lower() == "t" else "from"
            found.ends.discard(side)
            if found.ends:
                return 0.0
        del self.open[key]
        return found.close()

    def close_all(self) -> None:
        for key in list(self.open):
            found = self.open.pop(key, None)
            if found is not None and not isinstance(found, Reader):
                found.close()
