"""sed at work: the pattern space and the hold space, the commands, the files (GNU sed's execute.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from memsh.shell import ShellError
from memsh.shell.ctype import lower, upper
from memsh.shell.io import IO, Capture, Input, TextInput
from memsh.shell.limits import TEXT
from memsh.shell.session import FileSink
from memsh.textutils.regexp import Found, Regexp
from memsh.textutils.sed.script import Address, Command, Replacement, Script
from memsh.textutils.shellout import run_line
from memsh.textutils.sources import pieces

POLL_EVERY = 64


class Output:
    """Where lines go. A last line without a newline gets one when another follows."""

    def __init__(self, write: Callable[[str], None], close: Callable[[], None] | None = None) -> None:
        self.put = write
        self.close = close
        self.missing = ""  # the newline that is owed

    def write(self, text: str, end: str, ended: bool = True) -> None:
        self.put(self.missing + text + (end if ended else ""))
        self.missing = "" if ended else end

    def text(self, text: str, end: str) -> None:
        """Text as it stands in a file: r."""
        if text:
            self.put(self.missing + text)
            self.missing = ""


class Reader:
    """The lines of the operands, one looked at ahead: `last` tells whether the current one is the last."""

    def __init__(self, machine: Machine, names: list[str]) -> None:
        self.machine = machine
        self.names = iter(names or ["-"])
        self.lines: Iterator[str] = iter(())
        self.ahead: str | None = None
        self.name = "-"
        self.fresh = False  # the line ahead begins a file

    def _advance(self) -> str | None:
        while True:
            line = next(self.lines, None)
            if line is not None:
                return line
            if not self._open():
                return None

    def _open(self) -> bool:
        for name in self.names:
            source = self.machine.open(name)
            if source is not None:
                self.lines = iter(source) if self.machine.end == "\n" else pieces(source, self.machine.end)
                self.name = name
                self.fresh = True
                return True
        return False

    def read(self) -> str | None:
        """The next line, its end with it; None after the last."""
        line = self.ahead if self.ahead is not None else self._advance()
        self.ahead = None
        return line

    def last(self) -> bool:
        if self.ahead is None:
            if self.machine.separate:
                self.ahead = next(self.lines, None)
            else:
                self.ahead = self._advance()
        return self.ahead is None


class Quit(Exception):
    """q, Q, or n and N after the last line."""

    def __init__(self, status: int, prints: bool) -> None:
        super().__init__(status)
        self.status = status
        self.prints = prints


class Machine:
    """One run of one script."""

    def __init__(self, io: IO, script: Script, names: list[str], silent: bool, separate: bool, in_place: str | None,
                 end: str, width: int, follows: bool) -> None:  # fmt: skip
        self.io = io
        self.commands = script.commands
        self.silent = silent
        self.separate = separate or in_place is not None
        self.in_place = in_place
        self.end = end
        self.width = width
        self.follows = follows
        self.space, self.ended, self.hold = "", True, ""
        self.number = 0
        self.replaced = False
        self.appended: list[tuple[str, str]] = []
        self.last_regexp: Regexp | None = None
        self.stdout = Output(io.out)
        self.out = self.stdout
        self.edited: tuple[str, Capture] | None = None
        self.files: dict[str, Output] = {"/dev/stdout": self.stdout, "/dev/stderr": Output(io.err)}
        self.readers: dict[str, Iterator[str]] = {}
        self.failed = False
        self.worst = 2  # the status where something failed
        self.reader = Reader(self, names)
        for command in self.commands:
            if command.file and command.name in "wWs":
                self._sink(command.file)

    # files

    def _sink(self, name: str) -> Output:
        if name not in self.files:
            files = self.io.session.files
            assert files is not None
            try:
                sink: FileSink = files.open_write(self.io.session, name, False)
            except OSError as error:
                raise ShellError(f"couldn't open file {name}: {error.strerror or error}", 4) from None
            self.files[name] = Output(sink.write, sink.close)
        return self.files[name]

    def open(self, name: str) -> Input | None:
        """The next operand; with -i what it becomes is kept from here on."""
        self._finish_edit()
        io = self.io
        if name in ("-", "/dev/stdin") and self.in_place is None:
            return io.stdin
        files = io.session.files
        assert files is not None
        try:
            source = files.open_read(io.session, name)
        except OSError as error:
            self.failed = True
            if error.strerror != "Is a directory":
                io.complain(f"can't read {name}: {error.strerror or error}")
                return None
            if self.in_place is None:
                raise ShellError(f"read error on {name}: {error.strerror}", 4) from None
            io.complain(f"couldn't edit {name}: not a regular file")
            self.worst = 4
            return None
        if self.in_place is not None:
            whole = source.read()
            kept = Capture()
            self.edited = (name, kept)
            self.out = Output(kept.write)
            if self.in_place:
                self._save(_backup(name, self.in_place), whole)
            return TextInput(whole)
        return source

    def _save(self, name: str, text: str, edited: bool = False) -> None:
        files = self.io.session.files
        assert files is not None
        try:
            session = self.io.session
            sink = files.replace(session, name, self.follows) if edited else files.open_write(session, name, False)
            sink.write(text)
            sink.close()
        except OSError as error:
            raise ShellError(f"couldn't open file {name}: {error.strerror or error}", 4) from None

    def _finish_edit(self) -> None:
        if self.edited is not None:
            name, kept = self.edited
            self.edited, self.out = None, self.stdout
            self._save(name, kept.text(), True)

    # the cycle

    def run(self) -> int:
        status = 0
        try:
            while self._next_line():
                if not self._cycle():
                    break
        except Quit as leave:
            status = leave.status
            if leave.prints and not self.silent:
                self.out.write(self.space, self.end, self.ended)
            self._append()
            if self.edited is not None:
                self._rest_of_file()
        finally:
            self._finish_edit()
            for sink in self.files.values():
                if sink.close is not None:
                    sink.close()
        return status or (self.worst if self.failed else 0)

    def _rest_of_file(self) -> None:
        while not self.reader.last():
            line = self.reader.read() or ""
            self.out.put(line)

    def _next_line(self) -> bool:
        line = self.reader.read()
        if line is None:
            return False
        if self.reader.fresh:
            self.reader.fresh = False
            if self.separate:
                self.number = 0
                for command in self.commands:
                    begin = command.begin
                    command.state = "active" if begin is not None and begin.kind == "line" and not begin.number else ""
        self.number += 1
        if not self.number % POLL_EVERY:
            self.io.check()
        self.ended = line.endswith(self.end)
        self.space = line[:-1] if self.ended else line
        return True

    def _cycle(self) -> bool:
        """All commands on the pattern space, and again while D wants it; False if the input has ended."""
        while True:
            again = self._commands()
            if not again:
                return True
            if again == "restart":
                self._append()
                continue

    def _commands(self) -> str:
        """Run the script once. "restart": D left something to begin again with; "" otherwise."""
        commands, at, count, steps = self.commands, 0, len(self.commands), 0
        self.replaced = False
        while at < count:
            command = commands[at]
            at += 1
            if command.begin is not None or command.negate:
                if self._selected(command) is command.negate:
                    if command.name == "{":
                        at = command.jump
                    continue
            name = command.name
            if name == "s":
                self._substitute(command)
            elif name in "{:":
                continue
            elif name in "btT":
                taken = name == "b" or self.replaced is (name == "t")
                if name != "b":
                    self.replaced = False
                if taken:
                    at = command.jump
                    steps += 1
                    if not steps % POLL_EVERY:
                        self.io.check()
            elif name == "d":
                self._append()
                return ""
            elif name == "D":
                _, newline, rest = self.space.partition(self.end)
                if not newline:
                    self._append()
                    return ""
                self.space = rest
                return "restart"
            elif name == "c":
                if self._change(command):
                    self._append()
                    return ""
            else:
                _ACTIONS[name](self, command)
        self._end_cycle()
        return ""

    def _end_cycle(self) -> None:
        if not self.silent:
            self.out.write(self.space, self.end, self.ended)
        if self.appended:
            self._append()

    def _append(self) -> None:
        """What a, r and R have kept for the end of the cycle."""
        for kind, text in self.appended:
            if kind == "text":
                self.out.text(text, self.end)
            elif kind == "line":
                self.out.write(text, self.end)
            else:
                self.out.text(self._whole(text), self.end)
        self.appended.clear()

    def _whole(self, name: str) -> str:
        if name == "/dev/stdin":
            return self.io.stdin.read()
        files = self.io.session.files
        assert files is not None
        try:
            return files.open_read(self.io.session, name).read()
        except OSError:
            return ""

    # addresses

    def _matches(self, address: Address) -> bool:
        kind = address.kind
        if kind == "line":
            return self.number == address.number
        if kind == "last":
            return self.reader.last()
        if kind == "step":
            if address.step <= 0:
                return self.number == address.number
            return self.number >= address.number and (self.number - address.number) % address.step == 0
        return self._regexp(address.regexp).test(self.space) is not None

    def _regexp(self, given: Regexp | None) -> Regexp:
        if given is None:
            if self.last_regexp is None:
                raise ShellError("no previous regular expression")
            return self.last_regexp
        self.last_regexp = given
        return given

    def _selected(self, command: Command) -> bool:
        begin, end = command.begin, command.end
        if begin is None:
            return True
        if end is None:
            return self._matches(begin)
        number = self.number
        if command.state == "active":
            if end.kind in ("line", "plus", "multiple"):
                last = end.number if end.kind == "line" else command.span_end
                if number >= last:
                    command.state = "closed"
                if number <= last:
                    return True
                return begin.kind != "line" and self._begins(command, begin, end)
            if self._matches(end):
                command.state = "closed"
            return True
        return self._begins(command, begin, end)

    def _begins(self, command: Command, begin: Address, end: Address) -> bool:
        number = self.number
        if begin.kind == "line":
            if command.state == "closed" or number < begin.number:
                return False
        elif not self._matches(begin):
            return False
        last = end.number
        if end.kind == "plus":
            last = command.span_end = number + end.number
        elif end.kind == "multiple":
            last = command.span_end = -(-number // end.number) * end.number if end.number > 0 else number
        if end.kind in ("line", "plus", "multiple") and number >= last:
            command.state = "closed"
            if begin.kind == end.kind == "line" and number > last:  # passed over while nobody looked
                return number == begin.number
        else:
            command.state = "active"
        return True

    # commands

    def _substitute(self, command: Command) -> None:
        pattern, text = self._regexp(command.regexp), self.space
        if pattern.test(text) is None:
            return
        if command.regexp is None and command.replacement.highest > pattern.groups:
            raise ShellError(f"invalid reference \\{command.replacement.highest} on `s' command's RHS")
        parts: list[str] = []
        place, serial, made, wanted = 0, 0, False, command.number or 1
        plain = command.replacement.parts
        fixed = "".join(plain) if all(isinstance(part, str) for part in plain) else None  # type: ignore[arg-type]
        for match in pattern.finditer(text):
            serial += 1
            if serial < wanted:
                continue
            start = match.start()
            parts.append(text[place:start])
            parts.append(fixed if fixed is not None else _filled(command.replacement, match))
            place, made = match.end(), True
            if not command.every:
                break
        if not made:
            return
        parts.append(text[place:])
        self.space = "".join(parts)
        if len(self.space) > TEXT:
            raise ShellError("the pattern space is too long")
        self.replaced = True
        if command.evaluates:
            kept = Capture()
            run_line(self.io, self.space, sink=kept)
            self.space = kept.text().removesuffix("\n")
        if command.prints:
            self.out.write(self.space, self.end, self.ended)
        if command.file:
            self._file_output(command.file).write(self.space, self.end, self.ended)

    def _file_output(self, name: str) -> Output:
        return self.out if name == "/dev/stdout" and self.in_place is None else self._sink(name)

    def _change(self, command: Command) -> bool:
        """c: the text once, at the end of a range; True if the cycle ends."""
        if command.end is None or command.negate or command.state != "active":
            self.out.text(command.text, self.end)
        return True

    def a_a(self, command: Command) -> None:
        self.appended.append(("text", command.text))

    def a_i(self, command: Command) -> None:
        self.out.text(command.text, self.end)

    def a_r(self, command: Command) -> None:
        self.appended.append(("file", command.file))

    def a_R(self, command: Command) -> None:
        if command.file not in self.readers:
            self.readers[command.file] = iter(self._whole(command.file).splitlines(keepends=True))
        line = next(self.readers[command.file], None)
        if line is not None:
            self.appended.append(("line", line.removesuffix("\n")))

    def a_w(self, command: Command) -> None:
        self._file_output(command.file).write(self.space, self.end, self.ended)

    def a_W(self, command: Command) -> None:
        self._file_output(command.file).write(self.space.partition(self.end)[0], self.end)

    def a_number(self, command: Command) -> None:
        self.out.write(str(self.number), self.end)

    def a_p(self, command: Command) -> None:
        self.out.write(self.space, self.end, self.ended)

    def a_P(self, command: Command) -> None:
        self.out.write(self.space.partition(self.end)[0], self.end)

    def a_n(self, command: Command) -> None:
        if self.reader.last() and (self.separate is False or not self._more()):
            raise Quit(0, True)
        if not self.silent:
            self.out.write(self.space, self.end, self.ended)
        self._append()
        if not self._next_line():
            raise Quit(0, False)

    def a_N(self, command: Command) -> None:
        printed = "POSIXLY_CORRECT" not in self.io.session.variables
        if self.reader.last() and (self.separate is False or not self._more()):
            raise Quit(0, printed)
        self._append()
        before = self.space
        if not self._next_line():
            self.space = before
            raise Quit(0, printed)
        self.space = before + self.end + self.space
        if len(self.space) > TEXT:
            raise ShellError("the pattern space is too long")

    def _more(self) -> bool:
        """Whether another file follows the one that has ended (-s, -i)."""
        self.reader.ahead = self.reader._advance()
        return self.reader.ahead is not None

    def a_g(self, command: Command) -> None:
        self.space = self.hold

    def a_G(self, command: Command) -> None:
        self.space += self.end + self.hold

    def a_h(self, command: Command) -> None:
        self.hold = self.space

    def a_H(self, command: Command) -> None:
        self.hold += self.end + self.space
        if len(self.hold) > TEXT:
            raise ShellError("the hold space is too long")

    def a_x(self, command: Command) -> None:
        self.space, self.hold = self.hold, self.space

    def a_z(self, command: Command) -> None:
        self.space = ""

    def a_y(self, command: Command) -> None:
        self.space = self.space.translate(command.table)

    def a_F(self, command: Command) -> None:
        self.out.write(self.reader.name, self.end)

    def a_q(self, command: Command) -> None:
        raise Quit((command.number or 0) & 0xFF, True)

    def a_Q(self, command: Command) -> None:
        raise Quit((command.number or 0) & 0xFF, False)

    def a_v(self, command: Command) -> None:
        return

    def a_e(self, command: Command) -> None:
        kept = Capture()
        run_line(self.io, command.text or self.space, sink=kept)
        if command.text:
            self.out.text(kept.text(), self.end)
        else:
            self.space = kept.text().removesuffix("\n")

    def a_l(self, command: Command) -> None:
        width = self.width if command.number is None else command.number
        self.out.text(_unambiguous(self.space, width) + self.end, self.end)


_ACTIONS: dict[str, Callable[[Machine, Command], None]] = {
    "=": Machine.a_number,
    **{name[2:]: method for name, method in vars(Machine).items() if len(name) == 3 and name[:2] == "a_"},
}  # fmt: skip


def _backup(name: str, suffix: str) -> str:
    folder, _, base = name.rpartition("/")
    made = suffix.replace("*", base) if "*" in suffix else base + suffix
    return made if "/" in made or not folder else f"{folder}/{made}"


def _filled(replacement: Replacement, match: Found) -> str:
    """The replacement with the groups put in, and \\U, \\L, \\u, \\l, \\E obeyed."""
    if not replacement.cases:
        return "".join([part if isinstance(part, str) else (match.group(part) or "")  # type: ignore[arg-type]
                        for part in replacement.parts])  # fmt: skip
    result: list[str] = []
    whole: Any = None
    once: Any = None
    for part in replacement.parts:
        if isinstance(part, tuple):
            letter = part[0]
            if letter in "LUE":
                whole = {"L": lower, "U": upper, "E": None}[letter]
                once = None if letter == "E" else once
            else:
                once = lower if letter == "l" else upper
            continue
        text = part if isinstance(part, str) else (match.group(part) or "")
        if whole is not None:
            text = whole(text)
        if once is not None and text:
            text, once = once(text[0]) + text[1:], None
        result.append(text)
    return "".join(result)


_NAMED = {"\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def _unambiguous(text: str, width: int) -> str:
    """What l prints: no character in doubt, lines folded with \\ at `width`, $ at the end, and no end."""
    pieces = []
    for char in text:
        if char in _NAMED:
            pieces.append(_NAMED[char])
        elif " " <= char <= "~":
            pieces.append(char)
        else:
            pieces += [f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape")]
    lines, current = [], ""
    for piece in pieces:
        if width > 1 and len(current) + len(piece) > width - 1:
            lines.append(current + "\\\n")
            current = ""
        current += piece
    return "".join(lines) + current + "$"
