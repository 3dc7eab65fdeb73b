"""Runs a compiled awk program: BEGIN, the records of all operands, END, and what is left open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from memsh.shell import ShellError
from memsh.shell.io import IO, Input
from memsh.shell.limits import make_room
from memsh.textutils.awk.arrays import Shapes
from memsh.textutils.awk.compiler import Defined, define
from memsh.textutils.awk.dump import dump
from memsh.textutils.awk.lexer import BUILTINS, DIRECTIVES, KEYWORDS, Lexer
from memsh.textutils.awk.parser import Program, Rule
from memsh.textutils.awk.places import Frame
from memsh.textutils.awk.runtime import Runtime
from memsh.textutils.awk.statements import Exit, Next, Statements, Step
from memsh.textutils.awk.tables import Functions, Symbols, identifiers
from memsh.textutils.awk.values import UNSET, Numeric, Strong

POLL_EVERY = 64
_RESERVED = {*KEYWORDS, *BUILTINS, *DIRECTIVES, "func", "eval"}  # words of the language
_BEGUN: dict[str, Any] = {  # in an order that makes a loop over SYMTAB meet them as gawk's does
    "BINMODE": 0.0, "FILENAME": Numeric(""), "RSTART": 0.0, "FS": " ", "OFMT": "%.6g", "RLENGTH": 0.0, "RT": "",
    "FPAT": "[^[:space:]]+", "RS": "\n", "ENVIRON": UNSET, "PREC": 53.0, "SUBSEP": "\x1c", "CONVFMT": "%.6g",
    "FIELDWIDTHS": "", "PROCINFO": UNSET, "ARGIND": 0.0, "NF": 0.0, "TEXTDOMAIN": "messages",
    "IGNORECASE": 0.0, "NR": 0.0, "ERRNO": "", "FNR": 0.0, "LINT": 0.0, "OFS": " ", "ORS": "\n", "ROUNDMODE": "N",
}  # fmt: skip


class Machine(Runtime):
    """One run of one program."""

    def __init__(self, io: IO, program: Program, arguments: list[str]) -> None:
        super().__init__(io)
        for name, value in _BEGUN.items():
            self.cell(name)[0] = value
        self.arguments = arguments
        self.cell("SYMTAB")[0], self.cell("FUNCTAB")[0] = Symbols(self), Functions(program.functions)
        self.cell("ENVIRON")[0] = {name: Numeric(text) for name, text in io.session.variables.items()}
        self.cell("PROCINFO")[0] = {
            "version": "5.2.1", "strftime": "%a %b %e %H:%M:%S %Z %Y", "FS": "FS", "platform": "posix", "uid": 0.0,
            "gid": 0.0, "euid": 0.0, "egid": 0.0,
        }  # fmt: skip
        self.program = program
        self.source: Iterator[str] | None = None
        self.argument = 0
        self.begun = False
        self.dumped: str | None = None  # the file for what the variables are at the end
        self.opened = False  # some operand was a file
        self.begin_file: list[Step] = []
        self.end_file: list[Step] = []
        self.frame: Frame = []

    def assign(self, word: str) -> bool:
        """`NAME=VALUE` of -v or among the operands; False if it is none."""
        name, equals, text = word.partition("=")
        if not equals or not all(part.isidentifier() and part.isascii() for part in name.split("::")):
            return False
        if name.count("::") > 1:
            wrong = f"identifier `{name}': namespace separator can only appear once in a qualified name"
            raise ShellError(f"error: {wrong}", 1)
        name = name.removeprefix("awk::")
        if name in _RESERVED:
            raise ShellError(f"fatal: cannot use gawk builtin `{name}' as variable name", 2)
        if name in self.program.functions and self.begun:
            raise ShellError(f"fatal: cannot use function `{name}' as variable name", 2)
        strong = len(text) > 2 and text.startswith("@/") and text.endswith("/")
        self.set_global(name, Strong(text[2:-1]) if strong else Numeric(Lexer("", "cmd. line").unescape(text)))
        return True

    # input

    def next_record(self) -> str | None:
        """The next record of the main input; None at its end."""
        if self.phase in ("BEGINFILE", "ENDFILE"):
            raise ShellError(f"fatal: non-redirected `getline' invalid inside `{self.phase}' rule", 2)
        while True:
            if self.source is None and not self._next_source():
                return None
            assert self.source is not None
            record = next(self.source, None)
            if record is not None:
                self.nr += 1
                self.fnr += 1
                return record
            self.end_source()

    def end_source(self) -> None:
        self.source = None
        before, self.phase = self.phase, "ENDFILE"
        for step in self.end_file:
            step(self.frame)
        self.phase = before

    def _next_source(self) -> bool:
        io, words = self.io, self.cell("ARGV")[0]
        while True:
            self.argument += 1
            if self.argument >= int(self.cell("ARGC")[0]):
                if self.opened:
                    return False
                self._begin("-", io.stdin)
                return True
            word = self.text(words.get(str(self.argument), ""))
            if not word:
                continue
            self.cell("ARGIND")[0] = float(self.argument)
            if self.assign(word):
                continue
            self.opened = True
            if word in ("-", "/dev/stdin"):
                self._begin(word, io.stdin)
                return True
            files = io.session.files
            assert files is not None
            try:
                source = files.open_read(io.session, word)
            except OSError as error:
                if self.begin_file:
                    self.failed_with(error)
                    if not self._begin(word, Input(), False):
                        continue
                if error.strerror == "Is a directory":
                    self.source = None
                    if not self.begin_file:
                        self.flush()
                        io.complain(f"warning: command line argument `{word}' is a directory: skipped")
                    continue
                raise ShellError(f"fatal: cannot open file `{word}' for reading: {error.strerror}", 2) from None
            if self.begin_file:
                self.failed_with(None)
            if self._begin(word, source):
                return True

    def _begin(self, name: str, source: Input, there: bool = True) -> bool:
        """Whether the BEGINFILE rules let this file be read, if it is there at all."""
        self.cell("FILENAME")[0] = Numeric(name)
        self.fnr = 0
        self.opened = True
        self.source = self.records(source)
        before, self.phase = self.phase, "BEGINFILE"
        try:
            for step in self.begin_file:
                step(self.frame)
        except Next:
            self.phase = before
            if there:
                self.end_source()
            self.source = None
            return False
        self.phase = before
        return True

    # the run

    def _compiled(self, shapes: Shapes) -> tuple[dict[str, list[Step]], list[Step]]:
        """The steps of the special patterns, and those of each record."""
        defined: dict[str, Defined] = define(self.program)
        for function in self.program.functions.values():
            defined[function.name].body = Statements(self, shapes, defined, function).step(function.body)
        made = Statements(self, shapes, defined, None)
        by_kind: dict[str, list[Step]] = {"BEGIN": [], "END": [], "BEGINFILE": [], "ENDFILE": []}
        main: list[Step] = []
        for rule in self.program.rules:
            if rule.kind == "main":
                main.append(self._rule(made, rule))
            else:
                assert rule.action is not None
                by_kind[rule.kind].append(made.step(rule.action))
        return by_kind, main

    def run(self) -> int:
        """The program's status."""
        program = self.program
        shapes = Shapes(program)
        make_room()
        self._tell_names()
        if self.dumped is not None or "SYMTAB" in program.names:  # what was used must be known of every variable
            shapes.asked |= shapes.names
            shapes.mixed |= shapes.names
        self.begun = True
        with self.io.looking():
            by_kind, main = self._compiled(shapes)
        self.begin_file, self.end_file = by_kind["BEGINFILE"], by_kind["ENDFILE"]
        status = 0
        try:
            status = self._phases(by_kind, main)
        finally:
            self.files.close_all()
            self.flush()
        if self.dumped is not None:
            dump(self, self.dumped)
        return 2 if self.failed and not status else status

    def _tell_names(self) -> None:
        """The variables, in the order that the program has them, and what PROCINFO tells of them."""
        program = self.program
        for function in program.functions.values():
            if function.name in self.cells:
                wrong = f"error: function name `{function.name}' previously defined"
                raise ShellError(f"{function.where}:{function.line}: {wrong}", 1)
        self.cell("ARGV")[0] = {str(at): Numeric(word) for at, word in enumerate(self.arguments)}
        self.cell("ARGC")[0] = float(len(self.arguments))
        for name in program.names:
            self.cell(name)
        if "PROCINFO" in program.names:
            self.cell("PROCINFO")[0]["identifiers"] = identifiers(self, program.functions)

    def _phases(self, by_kind: dict[str, list[Step]], main: list[Step]) -> int:
        status, frame = 0, self.frame
        reads = bool(main or by_kind["END"] or self.begin_file or self.end_file)
        try:
            for step in by_kind["BEGIN"]:
                step(frame)
            self.phase = ""
            if reads:
                self._records(main)
        except Exit as leave:
            status = leave.status or 0
        self.phase = "END"
        try:
            for step in by_kind["END"]:
                step(frame)
        except Exit as leave:
            status = status if leave.status is None else leave.status
        return status

    def _records(self, main: list[Step]) -> None:
        frame, check, take, following = self.frame, self.io.check, self.take, self.next_record
        only = main[0] if len(main) == 1 else None
        while True:
            record = following()
            if record is None:
                return
            if not self.nr % POLL_EVERY:
                check()
            take(record)
            try:
                if only is not None:
                    only(frame)
                    continue
                for step in main:
                    step(frame)
            except Next as leave:
                if leave.file and self.source is not None:
                    self.end_source()

    def _rule(self, made: Statements, rule: Rule) -> Step:
        """A pattern and its action as one step."""
        action = made.step(rule.action if rule.action is not None else ("print", "print", [], None, None))
        if rule.pattern is None:
            return action
        made.statement = rule.place
        test, located, place = made.truth(rule.pattern), self.located, rule.place
        if rule.until is None:
            def when(f: Frame) -> None:
                try:
                    wanted = test(f)
                except ShellError as error:
                    raise located(error, place) from None
                if wanted:
                    action(f)

            return when
        return self._range(test, made.truth(rule.until), action)

    @staticmethod
    def _range(begin: Callable[[Frame], object], end: Callable[[Frame], object], action: Step) -> Step:
        inside = False

        def between(f: Frame) -> None:
            nonlocal inside
            if not inside and not begin(f):
                return
            inside = not end(f)
            action(f)

        return between

