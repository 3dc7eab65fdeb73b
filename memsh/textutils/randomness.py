"""Numbers at random for shuf and sort -R: bytes of a file, or of the shell's own generator, so that a session says the
same when it is played again (gnulib's randint.c, randperm.c)."""

from __future__ import annotations

from collections.abc import Iterator

from memsh.shell import IO, ShellError
from memsh.shell.variables import drawn
from memsh.textutils.bytes import bytes_of
from memsh.textutils.quoting import quote, quotef


class Randomness:
    """A source of numbers that have all the same chance; what is left of its bytes after one number serves the next."""

    def __init__(self, io: IO, name: str | None, failing: str = "") -> None:
        self.number = self.most = 0
        self.name = name
        self.bytes = self._own(io) if name is None else self._of_file(io, name, failing)

    @staticmethod
    def _own(io: IO) -> Iterator[int]:
        while True:
            yield int(drawn(io.session)) & 0xFF

    @staticmethod
    def _of_file(io: IO, name: str, failing: str) -> Iterator[int]:
        files = io.session.files
        assert files is not None
        try:
            source = files.open_read(io.session, name)
        except OSError as error:
            raise ShellError(f"{failing}{quotef(name)}: {error.strerror or error}") from None
        return (byte for data in bytes_of(source) for byte in data)

    def take(self, count: int) -> list[int]:
        """The next bytes. ShellError where the file has no more."""
        found = [byte for byte, _ in zip(self.bytes, range(count), strict=False)]
        if len(found) < count:
            raise self._ended()
        return found

    def _ended(self) -> ShellError:
        return ShellError(f"{quote(self.name or '')}: end of file")

    def below(self, choices: int) -> int:
        """One of 0 … choices - 1. ShellError where the file has no more bytes."""
        greatest = choices - 1
        number, most = self.number, self.most
        while True:
            while most < greatest:
                byte = next(self.bytes, None)
                if byte is None:
                    raise self._ended()
                number, most = (number << 8) + byte, (most << 8) + 0xFF
            if most == greatest:
                self.number = self.most = 0
                return number
            left = most - greatest
            unusable = left % choices
            if number <= most - unusable:
                self.number, self.most = number // choices, left // choices
                return number % choices
            number, most = number - (most - unusable + 1), unusable - 1

    def permutation(self, taken: int, size: int) -> list[int]:
        """`taken` different ones of 0 … size - 1, in the order in which they were drawn."""
        moved: dict[int, int] = {}
        drawn = []
        for at in range(taken):
            other = at + self.below(size - at)
            drawn.append(moved.get(other, other))
            moved[other] = moved.get(at, at)
        return drawn
