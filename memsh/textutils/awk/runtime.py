"""A running awk program's world: the record and its fields, the special variables, files and commands.

Fields are cut only when one is looked at, and the record is put together again only when it is asked for. Standard
output is held back in pieces, as stdio does, and given out before anything else may print.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from memsh.shell import ShellError
from memsh.shell.io import IO, Input
from memsh.shell.limits import FIELDS
from memsh.textutils.awk.cutting import (
    AT_BLANKS,
    LETTERS,
    Cutter,
    at_mark,
    at_matches,
    blanks,
    by_widths,
    contents,
    widths_of,
)
from memsh.textutils.awk.files import Files
from memsh.textutils.awk.lexer import odd_escapes
from memsh.textutils.awk.printf import formatted
from memsh.textutils.awk.random import Random
from memsh.textutils.awk.records import is_mark, records
from memsh.textutils.awk.values import (
    MISSING,
    UNSET,
    Numeric,
    Strong,
    Value,
    as_long,
    integral,
    no_scalar,
    to_number,
    truth,
    unusual,
)
from memsh.textutils.regexp import Regexp, RegexpError, compiled

HELD = 256  # pieces of standard output


class Runtime(ABC):
    """The state that compiled programs work on. `cells` are the global variables, one list of length 1 each."""

    def __init__(self, io: IO) -> None:
        self.io = io
        self.plus = "+" if io.name == "gawk" else ""  # before inf and nan: gawk's habit, not the standard's
        self.cells: dict[str, list[Any]] = {}
        self.files = Files(self)
        self.random: Random | None = None  # made where rand() or srand() stands in the program
        self.seed = 1.0
        self.failed = self.sandbox = False
        self.phase = "BEGIN"  # or "END", in whose rules there is no next record; "" between
        self.record = ""
        self.fields: list[str] | None = []
        self.given: dict[int, Value] = {0: MISSING}  # fields that were assigned, and $0, as they were given
        self.stale = False  # the record must be put together from the fields
        self.nr = 0
        self.fnr = 0
        self.ofs, self.ors, self.subsep = " ", "\n", "\x1c"
        self.convfmt = self.ofmt = "%.6g"
        self.ignore_case = False
        self.splitter: Callable[[str], list[str]] = blanks
        self.held: list[str] = []
        self.patterns: dict[str, Regexp] = {}
        self.odd: set[str] = set()  # escapes of regular expressions that were warned about
        self.eager = io.is_tty

    # words

    def located(self, error: ShellError, place: str) -> ShellError:
        """A fatal error with the place in the program and in the input, as gawk tells it."""
        if not error.message.startswith("fatal: "):
            return error
        return ShellError(f"{place}: {self._read_so_far()}{error.message}", error.status)

    def _read_so_far(self) -> str:
        return f"(FILENAME={self.text(self.cell('FILENAME')[0])} FNR={self.fnr}) " if self.fnr > 0 else ""

    def warn(self, message: str, place: str = "") -> None:
        """Say something, with its place in the program, behind what was printed before."""
        self.flush()
        self.io.complain(f"{place}: {self._read_so_far()}warning: {message}" if place else f"warning: {message}")

    def failed_with(self, error: OSError | None) -> None:
        """ERRNO and PROCINFO["errno"]: what went wrong, or that nothing did."""
        self.set_global("ERRNO", "" if error is None else error.strerror or str(error))
        table = self.cell("PROCINFO")[0]
        if isinstance(table, dict):
            table["errno"] = 0.0 if error is None else float(error.errno or 0)

    def goes_on(self, name: str) -> bool:
        """Whether the program wants to hear of a file that cannot be written, instead of ending there."""
        table = self.cell("PROCINFO")[0]
        return isinstance(table, dict) and ("NONFATAL" in table or f"{name}{self.subsep}NONFATAL" in table)

    # variables

    def cell(self, name: str) -> list[Any]:
        return self.cells.setdefault(name, [UNSET])

    def set_global(self, name: str, value: Value) -> None:
        """A variable by name, special or not."""
        setter = SETTERS.get(name)
        cell = self.cell(name)
        if isinstance(cell[0], dict):
            raise ShellError(f"fatal: attempt to use array `{name}' in a scalar context", 2)
        cell[0] = value
        if setter is not None:
            setter(self, value)

    # text

    def text(self, value: Value) -> str:
        """A value as a string (CONVFMT)."""
        if type(value) is float:
            whole = integral(value)
            return whole if whole is not None else self.by_format(self.convfmt, value)
        if not isinstance(value, str):
            no_scalar()
        return value

    def shown(self, value: Value) -> str:
        """A value as print prints it (OFMT)."""
        if type(value) is float:
            whole = integral(value)
            return whole if whole is not None else self.by_format(self.ofmt, value)
        if not isinstance(value, str):
            no_scalar()
        return value

    def by_format(self, pattern: str, value: float) -> str:
        if value - value != 0.0:
            return unusual(value, self.plus)
        if pattern == "%.6g":
            return f"{value:.6g}"
        return formatted(pattern, [value], str)

    def pattern(self, text: str, place: str = "") -> Regexp:
        """A dynamic regular expression; `place`: of the statement, for warnings."""
        found = self.patterns.get(text)
        if found is None:
            try:
                found = self.patterns[text] = compiled(text, "awk", self.ignore_case)
            except RegexpError as error:
                raise ShellError(f"fatal: invalid regexp: {error.message}: /{text}/", 2) from None
            for warning in odd_escapes(text, self.odd):
                self.warn(warning, place)
        return found

    # output

    def out(self, text: str) -> None:
        held = self.held
        held.append(text)
        if len(held) > HELD or self.eager:
            self.flush()

    def flush(self) -> None:
        if self.held:
            text = "".join(self.held)
            self.held.clear()
            self.io.out(text)

    # the record

    def take(self, record: str) -> None:
        self.record = record
        self.fields = None
        self.stale = False
        if self.given:
            self.given.clear()

    def split(self) -> list[str]:
        """The fields of the record, cut now."""
        self.fields = self.splitter(self.record)
        return self.fields

    def whole(self) -> str:
        """$0."""
        if self.stale:
            assert self.fields is not None
            self.record = self.given[0] = self.ofs.join(self.fields)  # what was put together is a string
            self.stale = False
        return self.record

    def field(self, number: int) -> Value:
        if number == 0:
            record = self.whole()
            return self.given[0] if 0 in self.given else Numeric(record)
        if number < 0:
            raise self._negative(number)
        fields = self.fields if self.fields is not None else self.split()
        if number > len(fields):
            return MISSING
        if self.given and number in self.given:
            return self.given[number]
        return Numeric(fields[number - 1])

    def _negative(self, number: int) -> ShellError:
        if self.plus:
            return ShellError(f"fatal: attempt to access field {number}", 2)
        return ShellError("cmd. line:1: Access to negative field", 2)

    @abstractmethod
    def next_record(self) -> str | None:
        """The next record of the main input."""

    def set_field(self, number: int, value: Value) -> None:
        if number == 0:
            self.take(self.text(value))
            self.given[0] = value
            return
        if number < 0:
            raise self._negative(number)
        if number > FIELDS:
            raise ShellError(f"fatal: ${number}: there is no such field", 2)
        fields = self.fields if self.fields is not None else self.split()
        if number > len(fields):
            self._lengthen(fields, number)
        fields[number - 1] = self.text(value)
        self.given[number] = value
        self.stale = True

    def _lengthen(self, fields: list[str], number: int) -> None:
        """Fields that are there from now on, and were given nothing."""
        for at in range(len(fields) + 1, number + 1):
            self.given[at] = MISSING
        fields += [""] * (number - len(fields))

    def nf(self) -> float:
        return float(len(self.fields if self.fields is not None else self.split()))

    def set_nf(self, value: Value) -> None:
        number = as_long(to_number(value))
        if not 0 <= number <= FIELDS:
            raise ShellError("fatal: NF set to negative value" if number < 0 else f"fatal: NF set to {number}", 2)
        fields = self.fields if self.fields is not None else self.split()
        if number > len(fields):
            self._lengthen(fields, number)
        del fields[number:]
        self.given = {at: given for at, given in self.given.items() if at <= number}
        self.stale = True

    def set_ofs(self, value: Value) -> None:
        """What a changed field has already made of the record keeps the separator of that time."""
        self.whole()
        self.ofs = self.text(value)

    # cutting

    def cutter(self, separator: str | Regexp) -> Cutter:
        """How a text is cut by FS, or by the third argument of split()."""
        if isinstance(separator, Regexp):
            return at_matches(separator)
        if separator == " ":
            return AT_BLANKS
        if separator == "":
            return LETTERS
        if is_mark(str(separator)) and separator != "\\":
            return at_mark(separator)
        return at_matches(self.pattern("\\\\" if separator == "\\" else separator))

    def _cut_by(self, name: str, splitter: Callable[[str], list[str]]) -> None:
        """From the next record on; `name` is the variable that says how."""
        if self.fields is None:
            self.split()
        self.splitter = splitter
        table = self.cell("PROCINFO")[0]
        if isinstance(table, dict):
            table["FS"] = name

    def refresh_splitter(self) -> None:
        """FS or RS has changed: it counts from the next record on. In paragraph mode a newline ends a field too."""
        separator = self.text(self.cell("FS")[0])
        regexp = type(separator) is Strong and separator != " "  # @/./ is no mark, unlike "."
        if self.text(self.cell("RS")[0]) == "" and separator != " ":
            quoted = f"\\{separator}" if separator in ("\\", "^") else f"[{separator}]"
            quoted = separator if len(separator) != 1 or regexp else quoted
            self._cut_by("FS", self.cutter(self.pattern(f"({quoted})|\n" if quoted else "\n")).pieces)
            return
        self._cut_by("FS", self.cutter(self.pattern(separator) if regexp else separator).pieces)

    def separate(self) -> None:
        """RS has changed: only where FS is what cuts does that matter for the fields."""
        table = self.cell("PROCINFO")[0]
        if not isinstance(table, dict) or table.get("FS", "FS") == "FS":
            self.refresh_splitter()

    def by_contents(self, value: Value) -> None:
        found = self.pattern(self.text(value))
        self._cut_by("FPAT", lambda text: contents(found, text)[0])

    def by_widths(self, value: Value) -> None:
        try:
            widths = widths_of(self.text(value))
        except ValueError as error:
            raise ShellError(f"fatal: {error}", 2) from None
        self._cut_by("FIELDWIDTHS", lambda text: by_widths(widths, text))

    def records(self, source: Input) -> Iterator[str]:
        """The records of one input; RS is looked at anew for each."""
        return records(self, source)


def _set_text(name: str) -> Callable[[Runtime, Value], None]:
    def setter(runtime: Runtime, value: Value) -> None:
        setattr(runtime, name, runtime.text(value))

    return setter


def _set_count(name: str) -> Callable[[Runtime, Value], None]:
    def setter(runtime: Runtime, value: Value) -> None:
        setattr(runtime, name, as_long(to_number(value)))

    return setter


def _set_ignore_case(runtime: Runtime, value: Value) -> None:
    runtime.ignore_case = truth(value)
    runtime.patterns.clear()
    runtime.separate()


SETTERS: dict[str, Callable[[Runtime, Value], None]] = {
    "NF": Runtime.set_nf, "NR": _set_count("nr"), "FNR": _set_count("fnr"), "OFS": Runtime.set_ofs,
    "ORS": _set_text("ors"), "SUBSEP": _set_text("subsep"), "CONVFMT": _set_text("convfmt"),
    "OFMT": _set_text("ofmt"), "FS": lambda runtime, _value: runtime.refresh_splitter(),
    "RS": lambda runtime, _value: runtime.separate(), "FPAT": Runtime.by_contents,
    "FIELDWIDTHS": Runtime.by_widths, "IGNORECASE": _set_ignore_case,
}  # fmt: skip
GETTERS: dict[str, Callable[[Runtime], Value]] = {
    "NF": Runtime.nf, "NR": lambda runtime: float(runtime.nr), "FNR": lambda runtime: float(runtime.fnr),
}  # fmt: skip
