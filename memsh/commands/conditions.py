"""`test` and `[`: strings, numbers and the box's files (POSIX, test)."""

from __future__ import annotations

from memsh.shell import IO, Args, UsageError, command, rest
from memsh.shell.values import address, integer

_STRINGS = {"=", "==", "!=", "<", ">"}
_NUMBERS = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"}
_FILES = "defrswx"


def _number(word: str) -> int:
    """Decimal, 0x… or a size with k, M, G: values print in hexadecimal and should compare."""
    try:
        return integer(word)
    except ValueError:
        try:
            return address(word)
        except ValueError:
            raise UsageError(f"'{word}' is not a number") from None


class _Reader:
    """expr := and [-o and]…; and := not [-a not]…; not := ! not | ( expr ) | primary."""

    def __init__(self, words: list[str], io: IO) -> None:
        self.words = words
        self.place = 0
        self.io = io
        self.depth = 0

    def peek(self, ahead: int = 0) -> str | None:
        at = self.place + ahead
        return self.words[at] if at < len(self.words) else None

    def take(self) -> str:
        word = self.peek()
        if word is None:
            raise UsageError("something is missing at the end")
        self.place += 1
        return word

    def either(self) -> bool:
        value = self.both()
        while self.peek() == "-o":
            self.place += 1
            following = self.both()
            value = value or following
        return value

    def both(self) -> bool:
        value = self.primary()
        while self.peek() == "-a":
            self.place += 1
            following = self.primary()
            value = value and following
        return value

    def primary(self) -> bool:
        self.depth += 1
        if self.depth > 100:
            raise UsageError("nested too deeply")
        operator = self.peek(1)
        if operator is not None and (operator in _STRINGS or operator in _NUMBERS) and self.peek(2) is not None:
            left, _, right = self.take(), self.take(), self.take()
            return self.compare(left, operator, right)
        word = self.take()
        if word == "!":
            return not self.primary()
        if word == "(":
            value = self.either()
            if self.take() != ")":
                raise UsageError(") is missing")
            return value
        if len(word) == 2 and word[0] == "-" and self.peek() is not None:
            if word == "-z":
                return not self.take()
            if word == "-n":
                return bool(self.take())
            if word[1] in _FILES:
                return self.file(word[1], self.take())
        return bool(word)

    def compare(self, left: str, operator: str, right: str) -> bool:
        if operator in _STRINGS:
            if operator in "<>":
                return left < right if operator == "<" else left > right
            return (left != right) if operator == "!=" else (left == right)
        a, b = _number(left), _number(right)
        return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator]

    def file(self, kind: str, path: str) -> bool:
        from memsh.commands.paths import size_of, stat_kind

        found = stat_kind(self.io.session, path)
        if kind == "d":
            return found == "dir"
        if kind == "f":
            return found == "file"
        if kind == "s":
            return found == "file" and size_of(self.io.session, path) > 0
        return found is not None


def _test(words: list[str], io: IO) -> int:
    if not words:
        return 1
    reader = _Reader(words, io)
    value = reader.either()
    if reader.peek() is not None:
        raise UsageError(f"'{reader.peek()}' cannot stand here")
    return int(not value)


@command(rest("words", raw=True, meta="EXPRESSION"), topic="text", needs_box=False, help_option=False)
def test(box: object, args: Args, io: IO) -> int:
    """compare strings and numbers, look for files; the status is the answer

    test -e /proc/buddyinfo && echo yes

    A = B, A != B, A -eq B (-ne -lt -le -gt -ge), -z A, -n A, -e -f -d -s PATH; ! -a -o and ( ).
    """
    return _test(args.words, io)


@command(rest("words", raw=True, meta="EXPRESSION ]"), name="[", topic="text", needs_box=False, help_option=False)
def bracket(box: object, args: Args, io: IO) -> int:
    """the same as test

    [ -e /proc/slabinfo ] && echo yes
    """
    if args.words[-1:] != ["]"]:
        raise UsageError("] is missing at the end")
    return _test(args.words[:-1], io)
