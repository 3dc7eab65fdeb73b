"""`test` and `[`: strings, numbers and the box's files (bash: test.c; POSIX's rules by the number of words)."""

from __future__ import annotations

import re

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import IO, Args, UsageError, command, rest
from memsh.shell.conditions import NUMBERS, OF_FILES, STRINGS, UNARY, compared, files_compared, unary
from memsh.shell.registry import REGISTRY
from memsh.shell.values import address, integer
from memsh.textutils.regexp import RegexpError, compiled

_SETS = regular(r"\\.|\[\^?\]?(?:\[[.:=].*?[.:=]\]|[^\]])*\]", re.S)
_CONTEXT = regular(r"(?:^|[(|^])(?:[*+?]|\{)|\{(?![0-9]*,?[0-9]*\})")  # regcomp(3) refuses it, unlike grep
BINARY = STRINGS | NUMBERS | OF_FILES


def _groups(pattern: str, text: str, ignore_case: bool) -> list[str]:
    """What `=~` finds: the match and its groups; nothing where there is none."""
    if _CONTEXT.search(_SETS.sub("x", pattern)) is not None:
        raise RegexpError("Invalid preceding regular expression")
    match = compiled(pattern, "extended", ignore_case).search(text)
    if match is None:
        return []
    expression = compiled(pattern, "extended", ignore_case)
    return [match[0], *(match[number] or "" for number in range(1, expression.groups + 1))]


REGISTRY.regex = _groups


def _number(word: str) -> int:
    """Decimal, 0x… or a size with k, M, G: values print in hexadecimal and should compare."""
    word = word.strip()
    if is_digits(word.lstrip("+-")) and not -1 << 63 <= int(word) < 1 << 63:
        raise UsageError(f"{word}: integer expression expected")
    try:
        return integer(word)
    except ValueError:
        try:
            if "+" in word[1:] or "-" in word[1:]:  # one number, no sum
                raise ValueError
            return address(word)
        except ValueError:
            raise UsageError(f"{word}: integer expression expected") from None


class _Reader:
    """What more than four words say (test.c: or, and, term)."""

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
            raise UsageError("argument expected")
        self.place += 1
        return word

    def either(self) -> bool:
        value = self.both()
        if self.peek() == "-o":
            self.place += 1
            following = self.either()
            value = value or following
        return value

    def both(self) -> bool:
        value = self.primary()
        if self.peek() == "-a":
            self.place += 1
            following = self.both()
            value = value and following
        return value

    def primary(self) -> bool:
        self.depth += 1
        if self.depth > 100:
            raise UsageError("nested too deeply")
        word = self.peek() or ""
        if word == "!":
            self.place += 1
            return not self.primary()
        if word == "(":
            self.place += 1
            value = self.either()
            if self.peek() != ")":
                raise UsageError(f"`)' expected{'' if self.peek() is None else f', found {self.peek()}'}")
            self.place += 1
            return value
        operator = self.peek(1)
        if operator in BINARY and self.peek(2) is not None:
            left, _, right = self.take(), self.take(), self.take()
            return self.compare(left, str(operator), right)
        if operator is not None and (word in UNARY or word == "-a"):
            return unary("-e" if self.take() == "-a" else word, self.take(), self.io.runner)
        return bool(self.take())

    def compare(self, left: str, operator: str, right: str) -> bool:
        if operator in STRINGS:
            if operator in "<>":
                return left < right if operator == "<" else left > right
            return (left != right) if operator == "!=" else (left == right)
        if operator in OF_FILES:
            return files_compared(operator, left, right, self.io.runner)
        return compared(operator, _number(left), _number(right))


def _few(words: list[str], io: IO) -> bool | None:
    """POSIX's answer for up to four words; None where only the grammar can tell."""
    reader, size = _Reader(words, io), len(words)
    if size < 2:
        return bool(words and words[0])
    if size == 2:
        if words[0] == "!":
            return not words[1]
        if words[0] in UNARY or words[0] == "-a":
            return unary("-e" if words[0] == "-a" else words[0], words[1], io.runner)
        raise UsageError(f"{words[0]}: unary operator expected")
    if size == 3:
        if words[1] in BINARY:
            return reader.compare(*words)
        if words[1] in ("-a", "-o"):
            return bool(words[0] and words[2]) if words[1] == "-a" else bool(words[0] or words[2])
        if words[0] == "!":
            return not _few(words[1:], io)
        if words[0] == "(" and words[2] == ")":
            return bool(words[1])
        raise UsageError(f"{words[1]}: binary operator expected")
    if size == 4 and words[0] == "!":
        return not _few(words[1:], io)
    if size == 4 and words[0] == "(" and words[3] == ")":
        return _few(words[1:3], io)
    return None


def _test(words: list[str], io: IO) -> int:
    value = _few(words, io) if len(words) < 5 else None
    if value is None:
        reader = _Reader(words, io)
        value = reader.either()
        if reader.peek() is not None:
            left = str(reader.peek())
            raise UsageError(f"syntax error: `{left}' unexpected" if left[:1] == "-" else "too many arguments")
    return int(not value)


@command(rest("words", raw=True, meta="EXPRESSION"), topic="text", needs_box=False, help_option=False)
def test(box: object, args: Args, io: IO) -> int:
    """compare strings and numbers, look for files; the status is the answer

    test -e /proc/buddyinfo && echo yes

    A = B, A != B, A -eq B (-ne -lt -le -gt -ge), -z A, -n A, -e -f -d -s PATH and the other letters of bash's, -v NAME,
    A -nt B, A -ef B; ! -a -o and ( ).
    """
    return _test(args.words, io)


@command(rest("words", raw=True, meta="EXPRESSION ]"), name="[", topic="text", needs_box=False, help_option=False)
def bracket(box: object, args: Args, io: IO) -> int:
    """the same as test

    [ -e /proc/slabinfo ] && echo yes
    """
    if args.words[-1:] != ["]"]:
        raise UsageError("missing `]'")
    return _test(args.words[:-1], io)


