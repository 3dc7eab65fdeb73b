"""Where a text tool reads: the files that it was given, or its standard input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memsh.shell import Args, ShellError
from memsh.shell.io import IO, Input, Room
from memsh.textutils.quoting import quotef

POLL_EVERY = 64  # lines between two looks for Ctrl-C


class Sources:
    """The inputs of one tool, one after the other. What cannot be read is complained about (in `words`, with {name} and
    {why}) and skipped."""

    def __init__(self, io: IO, names: list[str], words: str = "{name}: {why}", of_folder: str = "") -> None:
        self.io = io
        self.names = names or ["-"]
        self.words = words
        self.of_folder = of_folder or words  # where a name is a directory: it opens, but cannot be read
        self.failed = self.silent = False

    def __iter__(self) -> Iterator[tuple[str, Input]]:
        """(name, input); the name of standard input is "-"."""
        for name in self.names:
            source = self.open(name)
            if source is not None:
                yield name, source

    def open(self, name: str) -> Input | None:
        """One input; None, and a complaint, if it cannot be read."""
        files = self.io.session.files
        try:
            if name in ("-", "/dev/stdin"):
                if self.io.stdin.fault is not None:
                    raise self.io.stdin.fault
                return self.io.stdin
            assert files is not None
            return files.open_read(self.io.session, name)
        except OSError as error:
            self.failed = True
            words = self.of_folder if error.strerror == "Is a directory" else self.words
            shown = quotef(name) if words.startswith("{name}") else name
            if not self.silent:
                self.io.complain(words.format(name=shown, why=error.strerror or error))
            return None

    def lines(self) -> Iterator[str]:
        """Every line of every input, with its newline if it has one."""
        check = self.io.check
        for _, source in self:
            for number, line in enumerate(source):
                if not number % POLL_EVERY:
                    check()
                yield line

    def bare_lines(self, end: str = "\n") -> Iterator[str]:
        """Every line without its end; `end` may be NUL (-z)."""
        if end == "\n":
            for line in self.lines():
                yield line[:-1] if line.endswith("\n") else line
            return
        for _, source in self:
            yield from records(source, end)

    def kept(self, end: str = "\n") -> list[str]:
        """All of them. Above the limit: Argument list too long."""
        lines, room = [], Room()
        for line in self.bare_lines(end):
            room.take(line)
            lines.append(line)
        return lines

    @property
    def status(self) -> int:
        return int(self.failed)


def named_files(io: IO, args: Args, listed: str, missing: str) -> Iterator[tuple[str, str]]:
    """--files0-from: (name, what is wrong with it or "") for each name that a file (`-`: standard input) holds, a NUL
    behind each. ShellError with the tool's own status, in the words `missing`, where there is no such file."""
    trouble = args.refused("").status
    if args.files:
        raise args.refused(f"extra operand '{args.files[0]}'\nfile operands cannot be combined with --files0-from")
    files = io.session.files
    assert files is not None
    try:
        source = io.stdin if listed == "-" else files.open_read(io.session, listed)
    except OSError as error:
        raise ShellError(missing.format(name=listed, why=error.strerror or error), trouble) from None
    for number, name in enumerate(records(source, "\0"), 1):
        wrong = "" if name else f"{listed}:{number}: invalid zero-length file name"
        if listed == "-" and name == "-":
            wrong = "when reading file names from stdin, no file name of '-' allowed"
        yield name, wrong


def strict_lines(io: IO, name: str, end: str) -> Iterator[str]:
    """The lines of a file that must be there, without their ends."""
    if name == "-":
        return Sources(io, [name]).bare_lines(end)
    files = io.session.files
    assert files is not None
    try:
        files.open_read(io.session, name)
    except OSError as error:
        raise ShellError(f"{name}: {error.strerror or error}") from None
    return Sources(io, [name]).bare_lines(end)


def cuts(source: Iterable[str], end: str) -> Iterator[tuple[list[str], str]]:
    """An input's pieces as lines bring their ends: those that are whole, and what has begun by then; at last, with none
    that is whole, what no end follows."""
    pending: list[str] = []
    room = Room()
    for line in source:
        if end not in line:
            room.take(line)
            pending.append(line)
            continue
        room = Room()
        *whole, rest = ("".join(pending) + line).split(end)
        yield whole, rest
        pending = [rest]
    yield [], "".join(pending)


def pieces(source: Input, end: str) -> Iterator[str]:
    """The pieces of an input that a NUL (or whatever `end` is) ends, their ends with them."""
    for whole, rest in cuts(source, end):
        for piece in whole:
            yield piece + end
        if not whole and rest:
            yield rest


def records(source: Input, end: str) -> Iterator[str]:
    """The same, without their ends."""
    for piece in pieces(source, end):
        yield piece.removesuffix(end)
