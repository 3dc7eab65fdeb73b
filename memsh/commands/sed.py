"""sed: the commands that people type: s/…/…/flags, p, d, q, with a line number, `$` or /pattern/ (or two) before it."""

from __future__ import annotations

import re

from memsh.commands.regex import compiled
from memsh.commands.sources import Sources
from memsh.shell import IO, Args, UsageError, command, opt, rest


class _Address:
    """`5`, `$`, `/pattern/`."""

    def __init__(self, number: int | None, pattern: re.Pattern[str] | None) -> None:
        self.number = number  # 0: the last line
        self.pattern = pattern

    def hits(self, line: str, number: int, last: bool) -> bool:
        if self.pattern is not None:
            return self.pattern.search(line) is not None
        return last if self.number == 0 else number == self.number


class _Step:
    """One command with its addresses; `inside` remembers an open range."""

    def __init__(self) -> None:
        self.addresses: list[_Address] = []
        self.negate = False
        self.name = ""
        self.pattern: re.Pattern[str] | None = None
        self.text = ""
        self.times = 1
        self.every = False
        self.prints = False
        self.inside = False

    def applies(self, line: str, number: int, last: bool) -> bool:
        if not self.addresses:
            return True
        if len(self.addresses) == 1:
            return self.addresses[0].hits(line, number, last) is not self.negate
        begin, end = self.addresses
        if not self.inside:
            hit = begin.hits(line, number, last)
            self.inside = hit and not (end.pattern is None and end.number and end.number <= number)
        else:
            hit = True
            over = end.pattern is None and end.number and number > end.number
            if over:
                hit = self.inside = False
            elif end.hits(line, number, last):
                self.inside = False
        return hit is not self.negate

    def substitute(self, line: str) -> tuple[str, bool]:
        assert self.pattern is not None
        made, place, result, serial = False, 0, "", 0
        for match in self.pattern.finditer(line):
            serial += 1
            if serial < self.times:
                continue
            result += line[place : match.start()] + _filled(self.text, match)
            place, made = match.end(), True
            if not self.every:
                break
        return (result + line[place:], True) if made else (line, False)


def _filled(text: str, match: re.Match[str]) -> str:
    """The replacement with & and \\1 put in."""

    def one(piece: re.Match[str]) -> str:
        token = piece[0]
        if token == "&":
            return match[0]
        if token[1].isdigit():
            return match[int(token[1])] or ""
        return {"n": "\n", "t": "\t"}.get(token[1], token[1])

    return re.sub(r"&|\\(.|\n)", one, text)


class _Script:
    """Reads a script's text."""

    def __init__(self, text: str, extended: bool) -> None:
        self.text = text
        self.place = 0
        self.extended = extended

    def wrong(self, why: str) -> UsageError:
        return UsageError(f"'{self.text}': {why} (character {self.place + 1})")

    def char(self) -> str:
        return self.text[self.place : self.place + 1]

    def until(self, mark: str) -> str:
        """Text up to an unquoted `mark`; a quoted one loses its backslash."""
        result = ""
        while self.place < len(self.text):
            char = self.text[self.place]
            self.place += 1
            if char == mark:
                return result
            if char == "\\" and self.place < len(self.text):
                following = self.text[self.place]
                result += following if following == mark else char + following
                self.place += 1
            else:
                result += char
        raise self.wrong(f"{mark} is missing")

    def address(self) -> _Address | None:
        match = re.compile(r"[0-9]+").match(self.text, self.place)
        if match is not None:
            self.place = match.end()
            return _Address(int(match[0]), None)
        if self.char() == "$":
            self.place += 1
            return _Address(0, None)
        if self.char() == "/":
            self.place += 1
            return _Address(None, compiled(self.until("/"), self.extended))
        return None

    def steps(self) -> list[_Step]:
        steps: list[_Step] = []
        while True:
            while self.char() and self.char() in " \t\n;":
                self.place += 1
            if not self.char():
                return steps
            step = _Step()
            first = self.address()
            if first is not None:
                step.addresses.append(first)
                if self.char() == ",":
                    self.place += 1
                    second = self.address()
                    if second is None:
                        raise self.wrong("an address is missing")
                    step.addresses.append(second)
            while self.char() and self.char() in " !":
                step.negate = step.negate or self.char() == "!"
                self.place += 1
            step.name = self.char()
            self.place += 1
            if step.name == "s":
                self._substitution(step)
            elif step.name not in ("p", "d", "q", "=") or not step.name:
                raise self.wrong(f"there is no command '{step.name}' here (s p d q =)")
            steps.append(step)
            while self.char() == " ":
                self.place += 1
            if self.char() and self.char() not in ";\n":
                raise self.wrong(f"'{self.char()}' cannot stand here")

    def _substitution(self, step: _Step) -> None:
        mark = self.char()
        if not mark or mark in "\\\n":
            raise self.wrong("s needs a character to stand between its parts")
        self.place += 1
        pattern, step.text = self.until(mark), self.until(mark)
        ignore = False
        while self.char() and self.char() in "gpiI123456789":
            flag = self.char()
            self.place += 1
            step.every = step.every or flag == "g"
            step.prints = step.prints or flag == "p"
            ignore = ignore or flag in "iI"
            step.times = int(flag) if flag.isdigit() else step.times
        step.pattern = compiled(pattern, self.extended, ignore)
        groups = [int(digit) for digit in re.findall(r"\\([1-9])", step.text)]
        if groups and max(groups) > step.pattern.groups:
            raise self.wrong(f"\\{max(groups)} refers to a group that is not there")


@command(
    opt("-n", help="print only what p prints"), opt("-E", help="extended expressions"), opt("-r", help="as -E"),
    opt("-e", type=str, meta="SCRIPT", help="the script"), rest("words", meta="SCRIPT [FILE"),
    topic="text", needs_box=False,
)  # fmt: skip
def sed(box: object, args: Args, io: IO) -> int:
    """edit lines

    sed -n 's/^MemFree: *//p' /proc/meminfo

    s/PATTERN/TEXT/ with the flags g, p, i and a number; p, d, q and =; before them a line number, $, /PATTERN/, or two.
    """
    words: list[str] = args.words
    if args.e is None and not words:
        raise UsageError("SCRIPT is missing (usage: sed [-n] [-E] SCRIPT [FILE …])")
    script, names = (args.e, words) if args.e is not None else (words[0], words[1:])
    steps = _Script(script, args.E or args.r).steps()
    sources = Sources(io, names)
    held: str | None = None
    number = 0
    for line in sources.lines():
        if held is not None:
            number += 1
            if not _edit(steps, held, number, False, args.n, io):
                return sources.status
        held = line
    if held is not None:
        _edit(steps, held, number + 1, True, args.n, io)
    return sources.status


def _edit(steps: list[_Step], line: str, number: int, last: bool, silent: bool, io: IO) -> bool:
    """One line through all steps; False if sed ends here."""
    end = "\n" if line.endswith("\n") else ""
    text, goes_on = line.rstrip("\n"), True
    for step in steps:
        if not step.applies(text, number, last):
            continue
        if step.name == "d":
            return True
        if step.name == "q":
            goes_on = False
            break
        if step.name == "p":
            io.out(text + "\n")
        elif step.name == "=":
            io.out(f"{number}\n")
        else:
            text, made = step.substitute(text)
            if made and step.prints:
                io.out(text + "\n")
    if not silent:
        io.out(text + end)
    return goes_on
