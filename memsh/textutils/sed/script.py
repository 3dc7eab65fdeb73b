"""sed's script as a list of commands (IEEE Std 1003.1, sed; GNU sed's compile.c, whose error words these are)."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from memsh.digits import is_digits
from memsh.shell import ShellError
from memsh.textutils.regexp import BareClass, Regexp, RegexpError, compiled

_BRANCHES = "btT"
_PLAIN = "=dDgGhHnNpPxzF"
_TEXTS = "aic"
_FILES = "rRwW"
_CONTROL = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NUMBERED = re.compile(r"\\(?:d([0-9]{1,3})|o([0-7]{1,3})|x([0-9a-fA-F]{1,2})|c(\\\\|[^\\]))")
_RECURSIVE = re.compile(r"(?<!\\)(?:\\\\)*\\c\\(?!\\)")
_ESCAPED = re.compile(_NUMBERED.pattern + r"|\\.", re.DOTALL)
VERSION = (4, 9)
_BRACKET = re.compile(r"\^?\]?(?:\[:[a-z]*:\]|\[\.[^\n]*?\.\]|\[=[^\n]*?=\]|[^\]\n])*\]")


class Address:
    """`kind`: line, last, regexp, step (first~step), plus (,+N), multiple (,~N)."""

    __slots__ = ("kind", "number", "regexp", "step")

    def __init__(self, kind: str, number: int = 0, step: int = 0, regexp: Regexp | None = None) -> None:
        self.kind = kind
        self.number = number
        self.step = step
        self.regexp = regexp  # None: the one that was used last


class Replacement(NamedTuple):
    """What s puts in: texts, numbers of groups, and "L", "U", "l", "u", "E" as (letter,)."""

    parts: list[str | int | tuple[str]]
    highest: int
    cases: bool


class Command:
    """One command. `jump` is where b, t, T and { go on; `text` what a, i, c say, a label, or a file's name."""

    __slots__ = (
        "begin",
        "end",
        "evaluates",
        "every",
        "file",
        "jump",
        "name",
        "negate",
        "number",
        "place",
        "prints",
        "regexp",
        "replacement",
        "span_end",
        "state",
        "table",
        "text",
    )  # fmt: skip

    def __init__(self, name: str, place: int) -> None:
        self.name = name
        self.place = place
        self.begin: Address | None = None
        self.end: Address | None = None
        self.negate = False
        self.state = ""  # of a range: "" not begun, "active", "closed"
        self.span_end = 0
        self.text = ""
        self.file = ""
        self.number: int | None = None
        self.jump = -1
        self.regexp: Regexp | None = None
        self.replacement = Replacement([], 0, False)
        self.every = self.prints = self.evaluates = False
        self.table: dict[int, str] = {}


class Script:
    """Reads the pieces of a script (each from -e or -f) as one text."""

    def __init__(self, pieces: list[tuple[str, str]], extended: bool, sandbox: bool) -> None:
        self.pieces = pieces
        self.text = "\n".join(text for text, _ in pieces)
        self.place = 0
        self.dialect = "extended" if extended else "basic"
        self.sandbox = sandbox
        self.commands: list[Command] = []
        self.silent = self.text.startswith("#n\n") or self.text == "#n"
        self._read()
        self._resolve()

    def wrong(self, message: str) -> NoReturn:
        """GNU's words, with the expression or file and the place in it."""
        place, serial = self.place, 0
        for text, name in self.pieces:
            serial += not name
            if place <= len(text) + (text is self.pieces[-1][0]):
                if name:
                    raise ShellError(f"file {name} line {text[:place].count(chr(10)) + 1}: {message}")
                raise ShellError(f"-e expression #{serial}, char {min(place, len(text))}: {message}")
            place -= len(text) + 1
        raise ShellError(f"-e expression #{max(1, serial)}, char 0: {message}")

    def char(self) -> str:
        return self.text[self.place : self.place + 1]

    def take(self) -> str:
        char = self.char()
        self.place += 1
        return char

    def skip(self, blanks: str = " \t") -> None:
        while self.char() and self.char() in blanks:
            self.place += 1

    # commands

    def _read(self) -> None:
        blocks: list[Command] = []
        while True:
            self.skip(" \t\n;")
            if not self.char():
                break
            if self.char() == "#":
                self._rest_of_line()
                continue
            command = Command("", self.place)
            self._addresses(command)
            self.skip()
            if self.char() == "!":
                command.negate = True
                self.place += 1
                self.skip()
                if self.char() == "!":
                    self.place += 1
                    self.wrong("multiple `!'s")
            command.name = self.take()
            if not command.name:
                self.place -= 1
                self.wrong("missing command")
            if command.name == "}":
                if not blocks:
                    self.wrong("unexpected `}'")
                if command.begin is not None:
                    self.wrong("} doesn't want any addresses")
                blocks.pop().jump = len(self.commands)
                self._end()
                continue
            if command.name == "#":
                self.wrong("comments don't accept any addresses")
            self.commands.append(command)
            if command.name == "{":
                blocks.append(command)
            else:
                self._operands(command)
        if blocks:
            self.place = 0
            self.wrong("unmatched `{'")

    def _resolve(self) -> None:
        labels = {}
        for at, command in enumerate(self.commands):
            if command.name == ":":
                if command.text in labels:
                    self.place = command.place
                    raise ShellError(f"-e expression #1, char 0: duplicate label `{command.text}'")
                labels[command.text] = at
        for command in self.commands:
            if command.name in _BRANCHES:
                if command.text and command.text not in labels:
                    raise ShellError(f"can't find label for jump to `{command.text}'", 4)
                command.jump = labels.get(command.text, len(self.commands))

    def _end(self) -> None:
        """What may follow a command: ; } # or the end of the line."""
        self.skip()
        if self.char() and self.char() not in ";\n}#":
            self.place += 1
            self.wrong("extra characters after command")

    def _rest_of_line(self) -> str:
        end = self.text.find("\n", self.place)
        end = len(self.text) if end < 0 else end
        text = self.text[self.place : end]
        self.place = end
        return text

    def _number(self) -> int | None:
        start = self.place
        while is_digits(self.char()):
            self.place += 1
        return int(self.text[start : self.place]) if self.place > start else None

    def _operands(self, command: Command) -> None:
        name = command.name
        if name in _PLAIN:
            self._end()
        elif name in _TEXTS:
            command.text = self._text()
        elif name == ":":
            if command.begin is not None:
                self.wrong(": doesn't want any addresses")
            self.skip()
            command.text = self._label(" \t\n;")
            if not command.text:
                self.wrong('":" lacks a label')
        elif name in _BRANCHES:
            self.skip()
            command.text = self._label(" \t\n;}")
            self._end()
        elif name in _FILES:
            self._file(command)
        elif name == "s":
            self._substitution(command)
        elif name == "y":
            self._transliteration(command)
        elif name in "qQlL":
            if name in "qQ" and command.end is not None:
                self.wrong("command only uses one address")
            self.skip()
            command.number = self._number()
            self._end()
        elif name == "e":
            self._guard()
            self.skip()
            command.text = self._rest_of_line()
        elif name == "v":
            self.skip()
            word = self._label(" \t\n;")
            wanted = re.fullmatch(r"([0-9]+)\.([0-9]+)(?:\.[0-9]+)?", word)
            if word and wanted is None:
                self.wrong("invalid version string")  # fmt: skip
            if wanted is not None and (int(wanted[1]), int(wanted[2])) > VERSION:
                self.wrong("expected newer version of sed")
            self._end()
        else:
            self.wrong(f"unknown command: `{name}'")

    def _label(self, ends: str) -> str:
        start = self.place
        while self.char() and self.char() not in ends:
            self.place += 1
        return self.text[start : self.place]

    def _guard(self) -> None:
        if self.sandbox:
            self.wrong("e/r/w commands disabled in sandbox mode")

    def _file(self, command: Command) -> None:
        self._guard()
        self.skip()
        command.file = self._rest_of_line()
        if not command.file:
            self.wrong("missing filename in r/R/w/W commands")

    def _text(self) -> str:
        """The text of a, i and c: `a\\` and the lines after it, or GNU's `a text` on one line."""
        self.skip()
        if not self.char():
            self.wrong("expected \\ after `a', `c' or `i'")
        if self.char() == "\\":
            self.place += 1
            mark = self.place
            self.skip()
            if self.char() == "\n":
                self.place += 1
            elif not self.char():
                return ""
            else:
                self.place = mark
        parts: list[str] = []
        while self.char() and self.char() != "\n":
            char = self.take()
            if char != "\\":
                parts.append(char)
                continue
            numbered = _NUMBERED.match(self.text, self.place - 1)
            if numbered is not None:
                parts.append(_by_number(numbered))
                self.place = numbered.end()
                continue
            following = self.take()
            parts.append(_CONTROL.get(following, following))
        return "".join(parts) + "\n"

    # addresses

    def _addresses(self, command: Command) -> None:
        command.begin = self._address(first=True)
        if command.begin is None:
            return
        self.skip()
        if self.char() == ",":
            self.place += 1
            self.skip()
            command.end = self._address(first=False)
            if command.end is None:
                self.place += 1
                self.wrong("unexpected `,'")
        begin = command.begin
        if begin.kind == "line" and begin.number == 0:
            if command.end is None or command.end.kind != "regexp":
                self.place += command.end is None
                self.wrong("invalid usage of line address 0")
            command.state = "active"

    def _address(self, first: bool) -> Address | None:
        char = self.char()
        if is_digits(char):
            number = self._number() or 0
            mark = self.place
            self.skip()
            if self.char() == "~" and first:
                self.place += 1
                return Address("step", number, self._number() or 0)
            self.place = mark
            return Address("line", number)
        if char in "+~" and char and not first:
            self.place += 1
            number_or_none = self._number()
            if number_or_none is None:
                self.wrong("unexpected `,'")
            return Address("plus" if char == "+" else "multiple", number_or_none)
        if char == "$":
            self.place += 1
            return Address("last")
        if char in ("/", "\\") and char:
            self.place += 1
            if char == "\\":
                char = self.take()
            pattern = self._delimited(char, "unterminated address regex", True)
            ignore = lines = False
            while self.char() in ("I", "M"):
                ignore, lines = ignore or self.char() == "I", lines or self.char() == "M"
                self.place += 1
            return Address("regexp", regexp=self._compiled(pattern, ignore, lines))
        return None

    def _compiled(self, pattern: str, ignore: bool, lines: bool) -> Regexp | None:
        if not pattern:
            if ignore or lines:
                self.wrong("cannot specify modifiers on empty regexp")
            return None
        try:
            return compiled(_escapes(pattern), self.dialect, ignore, lines, True)
        except BareClass as error:
            raise ShellError(error.message, 4) from None
        except RegexpError as error:
            self.wrong(error.message)

    def _delimited(self, mark: str, message: str, pattern: bool) -> str:
        """Text up to an unquoted `mark`. A quoted one loses its backslash, and in a pattern a quoted n is a newline."""
        if mark in ("\n", "\\", ""):
            self.wrong(message)
        parts: list[str] = []
        while True:
            char = self.take()
            if not char:
                self.place -= 1
                self.wrong(message)
            if char == mark:
                text = "".join(parts)
                if _RECURSIVE.search(text):
                    self.wrong("recursive escaping after \\c not allowed")
                return text
            if char == "\n" and pattern:
                self.wrong(message)
            if char == "[" and pattern:
                rest = self._bracket()
                if not rest:  # it goes on to the script's end
                    self.place = len(self.text)
                    self.wrong(message)
                parts.append(char + rest)
                continue
            if char != "\\":
                parts.append(char)
                continue
            following = self.take()
            if following == mark:
                parts.append(following if pattern or following != "&" else "\\&")
            elif following == "n" and pattern:
                parts.append("\\n")
            else:
                parts.append(char + following)

    def _bracket(self) -> str:
        """The rest of a bracket expression, in which the mark is an ordinary character; "" if it is not closed."""
        match = _BRACKET.match(self.text, self.place)
        if match is None:
            return ""
        self.place = match.end()
        return match[0]

    # s and y

    def _substitution(self, command: Command) -> None:
        mark = self.take()
        pattern = self._delimited(mark, "unterminated `s' command", True)
        replacement = self._delimited(mark, "unterminated `s' command", False)
        ignore = lines = False
        while True:
            char = self.char()
            if char in ("i", "I"):
                ignore = True
            elif char in ("m", "M"):
                lines = True
            elif char == "g":
                if command.every:
                    self._flag_wrong("multiple `g' options to `s' command")
                command.every = True
            elif char == "p":
                if command.prints:
                    self._flag_wrong("multiple `p' options to `s' command")
                command.prints = True
            elif char == "e":
                self._guard()
                command.evaluates = True
            elif is_digits(char):
                if command.number is not None:
                    self._flag_wrong("multiple number options to `s' command")
                command.number = self._number()
                if not command.number:
                    self.wrong("number option to `s' command may not be zero")
                continue
            elif char == "w":
                self.place += 1
                self._file(command)
                break
            elif char and char not in ";\n}# \t":
                self._flag_wrong("unknown option to `s'")
            else:
                self._end_of_s()
                break
            self.place += 1
        command.regexp = self._compiled(pattern, ignore, lines)
        command.replacement = _replacement(replacement)
        if command.regexp is not None and command.replacement.highest > command.regexp.groups:
            self.wrong(f"invalid reference \\{command.replacement.highest} on `s' command's RHS")

    def _flag_wrong(self, message: str) -> NoReturn:
        self.place += 1
        self.wrong(message)

    def _end_of_s(self) -> None:
        self.skip()
        if is_digits(self.char()):
            self._flag_wrong("multiple number options to `s' command")
        if self.char() and self.char() not in ";\n}#":
            self._flag_wrong("unknown option to `s'")

    def _transliteration(self, command: Command) -> None:
        mark = self.take()
        sets = []
        for _ in range(2):
            text = self._delimited(mark, "unterminated `y' command", False)
            text = _escapes(text)
            sets.append(re.sub(r"\\(.|\n)", lambda match: _CONTROL.get(match[1], match[1]), text))
        if len(sets[0]) != len(sets[1]):
            self.wrong("strings for `y' command are different lengths")
        command.table = {ord(a): b for a, b in reversed(list(zip(*sets, strict=True)))}
        self._end()


def _by_number(match: re.Match[str]) -> str:
    """The character of \\d065, \\o101, \\x41 or \\cA; what else was quoted stays (convert_number, match_slash)."""
    decimal, octal, hexadecimal, control = match.groups()
    if control:
        return chr(ord(control[0].upper()) ^ 0x40)
    if decimal or octal or hexadecimal:
        return chr((int(decimal) if decimal else int(octal, 8) if octal else int(hexadecimal, 16)) & 0xFF)
    return match[0]


def _escapes(text: str) -> str:
    """Text with its numbered characters; in a pattern such a one means what it would mean if it were typed."""
    return _ESCAPED.sub(_by_number, text) if "\\" in text else text


def _replacement(text: str) -> Replacement:
    parts: list[str | int | tuple[str]] = []
    held: list[str] = []
    highest, cases, place = 0, False, 0
    while place < len(text):
        char = text[place]
        place += 1
        if char not in "\\&":
            held.append(char)
            continue
        if char == "&":
            part: str | int | tuple[str] = 0
        else:
            numbered = _NUMBERED.match(text, place - 1)
            if numbered is not None:
                held.append(_by_number(numbered))
                place = numbered.end()
                continue
            following = text[place : place + 1]
            place += 1
            if is_digits(following):
                part = int(following)
                highest = max(highest, part)
            elif following and following in "LUluE":
                part, cases = (following,), True
            else:
                held.append(_CONTROL.get(following, following))
                continue
        if held:
            parts.append("".join(held))
            held = []
        parts.append(part)
    if held:
        parts.append("".join(held))
    return Replacement(parts, highest, cases)
