"""Redirections: which file or stream each number of a command means (bash: redir.c)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from errno import EBADF, EISDIR
from typing import TYPE_CHECKING, Any, NamedTuple

from memsh.shell.errors import ShellError, WriteError
from memsh.shell.io import FileInput, Input, Sink, TextInput
from memsh.shell.syntax import Redirect
from memsh.shell.values import whole

if TYPE_CHECKING:
    from memsh.shell.run import Runner
    from memsh.shell.session import FileSink

BAD = "Bad file descriptor"
MOST = 255


class Unreadable(Input):
    """What read() refuses."""

    fault: OSError

    def __init__(self, error: int) -> None:
        self.fault = OSError(error, os.strerror(error))

    def __iter__(self) -> Iterator[str]:
        raise self.fault

    def readline(self) -> str:
        raise self.fault

    def read(self) -> str:
        raise self.fault


class Closed(Unreadable):
    """A stream that was closed: neither read nor written."""

    def __init__(self) -> None:
        super().__init__(EBADF)

    def write(self, text: str) -> None:
        raise WriteError(EBADF, BAD)


class Eager:
    """A file that `exec` opened: what is written is in it at once, for others to read."""

    lasting = True

    def __init__(self, sink: FileSink) -> None:
        self.sink = sink

    def write(self, text: str) -> None:
        self.sink.write(text)
        flush = getattr(self.sink, "flush", None)
        if flush is not None:
            flush()

    def close(self) -> None:
        self.sink.close()


class Both(Input):
    """A file opened with `<>`: read and written from one place on."""

    def __init__(self, text: str, keep: Callable[[str], None]) -> None:
        self.whole = text
        self.at = 0
        self.keep = keep  # puts the text back into the file

    def __iter__(self) -> Iterator[str]:
        while line := self.readline():
            yield line

    def readline(self) -> str:
        end = self.whole.find("\n", self.at) + 1 or len(self.whole)
        line, self.at = self.whole[self.at : end], end
        return line

    def unread(self, text: str) -> None:
        self.at -= len(text)

    def place(self) -> object:
        return self.at

    def write(self, text: str) -> None:
        self.whole = self.whole[: self.at] + text + self.whole[self.at + len(text) :]
        self.at += len(text)
        self.keep(self.whole)


class Table(NamedTuple):
    """The streams of a command: those below 3 by name, the others by number; `redirected`: which are not the runner's
    own. `opened` must be closed afterwards."""

    stdout: Sink
    stderr: Sink
    stdin: Input
    tty: bool
    others: dict[int, Any]
    opened: list[FileSink | FileInput]
    redirected: set[int]


class Opener:
    """Applies redirections one after the other to a copy of a runner's streams. ShellError says what cannot be."""

    def __init__(self, runner: Runner, lasting: bool = False) -> None:
        self.runner = runner
        self.session = runner.session
        self.streams: dict[int, Any] = {0: runner.stdin, 1: runner.stdout, 2: runner.stderr, **runner.others}
        self.tty = runner.tty
        self.lasting = lasting
        self.named: list[int] = []  # numbers that `{name}>` gave: they stay open behind the command
        self.dropped: list[int] = []  # numbers that `{name}>&-` has closed, for good
        self.moved: list[int] = []  # numbers of the shell's own that `N>&M-` has closed
        self.opened: list[FileSink | FileInput] = []
        self.redirected: set[int] = set()

    def table(self) -> Table:
        streams = self.streams
        others = {number: stream for number, stream in streams.items() if number > 2} if len(streams) > 3 else {}
        stdin = streams[0] if isinstance(streams[0], Input) else Closed()
        return Table(_sink(streams[1]), _sink(streams[2]), stdin, self.tty, others, self.opened, self.redirected)

    def close(self) -> None:
        """What was opened before one could not be."""
        for sink in self.opened:
            try:
                sink.close()
            except OSError:
                continue

    def apply(self, redirect: Redirect) -> None:
        op, fd = redirect.op, redirect.fd
        if fd > MOST:
            raise ShellError(f"{fd}: {BAD}")
        if redirect.name:
            fd = self._named(redirect.name, op, redirect)
            if fd < 0:
                return
        if op == "<<":
            self._put(fd, TextInput(self.runner.expander().document(redirect.target)))
        elif op == "<<<":
            self._put(fd, TextInput(self.runner.expander().single(redirect.target) + "\n"))
        elif op in (">&", "<&"):
            self._duplicate(fd, op, redirect)
        elif op in ("&>", "&>>"):
            sink = self._write(self._target(redirect), op == "&>>", op == "&>")
            self._put(1, sink)
            self._put(2, sink)
        elif op == "<":
            self._put(fd, self._read(self._target(redirect), False))
        elif op == "<>":
            self._put(fd, self._both(self._target(redirect)))
        else:
            self._put(fd, self._write(self._target(redirect), op == ">>", op == ">"))

    def _named(self, name: str, op: str, redirect: Redirect) -> int:
        """`{name}>file`: a number that is free, kept in the variable; `{name}>&-` closes it. -1: done."""
        language = self.runner.language
        if op in (">&", "<&") and redirect.target == "-":
            base, _, index = name.partition("[")
            kept = language.element(base, language.key(base, index[:-1])) if index else language.get(name)
            number = whole(kept or "")
            if number is not None:
                self.streams[number] = Closed()
                self.dropped.append(number)
            return -1
        streams = self.streams
        fd = next((number for number in range(10, MOST + 1) if isinstance(streams.get(number), Closed | None)), -1)
        if fd < 0:
            raise ShellError("redirection error: cannot duplicate fd: Too many open files")
        base, _, index = name.partition("[")
        if index:
            language.set_element(base, language.key(base, index[:-1]), str(fd))
        else:
            language.set(name, str(fd))
        self.named.append(fd)
        return fd

    def _put(self, fd: int, stream: Any) -> None:
        self.streams[fd] = stream
        if fd not in self.named:
            self.redirected.add(fd)
        if fd == 1:
            self.tty = False

    def _target(self, redirect: Redirect) -> str:
        """The one word that the target becomes."""
        target = redirect.target
        if isinstance(target, str):
            return target
        found = self.runner.expander().words([target])
        if len(found) != 1:
            parts = [part[1] if part[0] == "text" else "$" + getattr(part[1], "name", "…") for part in target.parts]
            shown = "".join(map(str, parts))
            raise ShellError(f"{shown}: ambiguous redirect")
        return found[0]

    def _duplicate(self, fd: int, op: str, redirect: Redirect) -> None:
        """`N>&M`, `N>&-`, `N>&M-`, and `>& FILE`."""
        target = self._target(redirect)
        if target == "-":
            self._put(fd, Closed())
            return
        moved = _ends_with_dash(redirect)
        target = target[:-1] if moved else target
        number = whole(target)
        if number is None or number < 0:
            if op == ">&" and fd == 1 and target and not moved:
                sink = self._write(target, False, True)
                self._put(1, sink)
                self._put(2, sink)
                return
            raise ShellError(f"{target}: ambiguous redirect")
        source = self.streams.get(number)
        if source is None or isinstance(source, Closed):
            raise ShellError(f"{target}: {BAD}")
        tty, own = self.tty and number == 1, number not in self.redirected
        self._put(fd, source)
        if fd == 1:
            self.tty = tty
        if moved and number != fd:
            self._put(number, Closed())
            if own:
                self.moved.append(number)

    def _read(self, path: str, create: bool) -> Input:
        files = self.session.files
        if files is None:
            raise ShellError(f"{path}: there are no files here", 2)
        self.session.streams.runner = self.runner
        try:
            try:
                return self._kept(files.open_read(self.session, path))
            except OSError as error:
                if error.errno == EISDIR and not create:
                    return Unreadable(EISDIR)  # it is opened; the reading fails
                if not create:
                    raise
                files.open_write(self.session, path, True).close()
                return self._kept(files.open_read(self.session, path))
        except OSError as error:
            raise ShellError(f"{path}: {error.strerror or error}") from None

    def _both(self, path: str) -> Input:
        """`<>`: a named pipe at both ends, any other file whole."""
        files = self.session.files
        pipe = files.open_both(self.session, path) if files is not None else None
        if pipe is not None:
            return self._kept(pipe)
        return Both(self._read(path, True).read(), lambda whole: self._rewrite(path, whole))

    def _kept(self, source: Input) -> Input:
        """To be closed behind the command, if it can be, or with the shell."""
        if isinstance(source, FileInput) and not any(source is one for one in self.streams.values()):
            source.kept, source.lasting = True, self.lasting or bool(self.named)
            if not source.lasting:
                self.opened.append(source)
        return source

    def _rewrite(self, path: str, whole: str) -> None:
        assert self.session.files is not None
        sink = self.session.files.open_write(self.session, path, False)
        sink.write(whole)
        sink.close()

    def _write(self, path: str, append: bool, plain: bool) -> Any:
        files = self.session.files
        if files is None:
            raise ShellError(f"{path}: there are no files here", 2)
        if plain and "noclobber" in self.runner.language.options and files.is_file(self.session, path):
            raise ShellError(f"{path}: cannot overwrite existing file")
        self.session.streams.runner = self.runner
        try:
            sink = files.open_write(self.session, path, append)
        except OSError as error:
            raise ShellError(f"{path}: {error.strerror or error}") from None
        if self.lasting or self.named:
            return Eager(sink)
        self.opened.append(sink)
        return sink


def _ends_with_dash(redirect: Redirect) -> bool:
    """Whether a number is moved: the `-` stands in the word as it is written, no expansion brings it."""
    target = redirect.target
    if isinstance(target, str):
        return target.endswith("-")
    kind, text, is_quoted = target.parts[-1]
    return kind == "text" and not is_quoted and str(text).endswith("-")


def _sink(stream: Any) -> Sink:
    """A stream to write to; one that is only read takes nothing."""
    if hasattr(stream, "write"):
        found: Sink = stream
        return found
    return Closed()


