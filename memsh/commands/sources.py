"""Where a text command reads: the files that it was given, or its standard input."""

from __future__ import annotations

from collections.abc import Iterator

from memsh.shell import IO
from memsh.shell.io import Input


class Sources:
    """The inputs of one command, one after the other. A file that cannot be read is complained about and skipped."""

    def __init__(self, io: IO, names: list[str]) -> None:
        self.io = io
        self.names = names
        self.failed = False

    def __iter__(self) -> Iterator[tuple[str, Input]]:
        """(name, input); the name of standard input is "-"."""
        for name in self.names or ["-"]:
            if name == "-":
                yield name, self.io.stdin
                continue
            files = self.io.session.files
            assert files is not None
            try:
                yield name, files.open_read(self.io.session, name)
            except OSError as error:
                self.failed = True
                self.io.complain(f"{name}: {error.strerror or error}")

    def lines(self) -> Iterator[str]:
        """Every line of every input, with its newline if it has one."""
        for _, source in self:
            for line in source:
                self.io.check()
                yield line

    @property
    def status(self) -> int:
        return int(self.failed)
