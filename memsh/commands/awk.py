"""awk: programs like `{print $2}`, `/Free/`, `$3 > 10 {n += $2} END {print n}`."""

from __future__ import annotations

import re
from typing import Any

from memsh.commands.awklang import Reader, Tree
from memsh.commands.regex import compiled
from memsh.commands.sources import Sources
from memsh.commands.text import formatted
from memsh.shell import IO, Args, ShellError, UsageError, command, opt, rest
from memsh.shell.io import TEXT_LIMIT, TOO_LONG

_NUMBER = re.compile(r"\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WHOLE = re.compile(_NUMBER.pattern + r"\s*")
MOST_FIELDS = 100_000


class _Next(Exception):
    """`next`."""


class _Exit(Exception):
    """`exit`."""


class _Input(str):
    """Text that came from input: it compares as a number if it looks like one."""


def _text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value == value and abs(value) < 1e16 and value == int(value) else f"{value:.6g}"
    return str(value)


def _number(value: Any) -> float:
    if isinstance(value, float):
        return value
    match = _NUMBER.match(value)
    return float(match[0]) if match else 0.0


def _truth(value: Any) -> bool:
    if isinstance(value, float):
        return value != 0
    return _number(value) != 0 if isinstance(value, _Input) and _WHOLE.fullmatch(value) else bool(value)


def _looks_numeric(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, _Input) and (not value or bool(_WHOLE.fullmatch(value))))


class Machine:
    """One program at work."""

    def __init__(self, io: IO, separator: str) -> None:
        self.io = io
        self.names: dict[str, Any] = {"NR": 0.0, "NF": 0.0, "FS": separator, "OFS": " ", "ORS": "\n", "FILENAME": ""}
        self.arrays: dict[str, dict[str, Any]] = {}
        self.fields: list[str] = []
        self.record = ""
        self.open_ranges: set[int] = set()
        self.patterns: dict[str, re.Pattern[str]] = {}

    def pattern(self, text: str) -> re.Pattern[str]:
        if text not in self.patterns:
            self.patterns[text] = compiled(text, extended=True)
        return self.patterns[text]

    def take(self, line: str) -> None:
        self.record = line
        separator = _text(self.names["FS"])
        if separator == " ":
            self.fields = line.split()
        elif not line:
            self.fields = []
        elif len(separator) == 1:
            self.fields = line.split(separator)
        else:
            self.fields = self.pattern(separator).split(line)
        self.names["NF"] = float(len(self.fields))

    def field(self, number: int) -> Any:
        if number < 0:
            raise ShellError(f"${number}: fields count from 0", 2)
        if number == 0:
            return _Input(self.record)
        return _Input(self.fields[number - 1]) if number <= len(self.fields) else _Input("")

    def set_field(self, number: int, value: str) -> None:
        if not 0 <= number <= MOST_FIELDS:
            raise ShellError(f"${number}: there is no such field", 2)
        if number == 0:
            self.take(value)
            return
        self.fields += [""] * (number - len(self.fields))
        self.fields[number - 1] = value
        self.names["NF"] = float(len(self.fields))
        self.record = _text(self.names["OFS"]).join(self.fields)

    def value(self, tree: Tree) -> Any:
        return getattr(self, "x_" + tree[0])(*tree[1:])

    def x_number(self, value: float) -> float:
        return value

    def x_string(self, text: str) -> str:
        return text

    def x_paren(self, tree: Tree) -> Any:
        return self.value(tree)

    def x_regex(self, text: str) -> float:
        return float(self.pattern(text).search(self.record) is not None)

    def x_field(self, tree: Tree) -> Any:
        return self.field(int(_number(self.value(tree))))

    def x_name(self, name: str) -> Any:
        return self.names.get(name, _Input(""))

    def _key(self, keys: list[Tree]) -> str:
        return "\x1c".join(_text(self.value(key)) for key in keys)

    def x_item(self, name: str, keys: list[Tree]) -> Any:
        return self.arrays.setdefault(name, {}).setdefault(self._key(keys), _Input(""))

    def x_in(self, left: Tree, name: str) -> float:
        return float(_text(self.value(left)) in self.arrays.get(name, {}))

    def x_join(self, left: Tree, right: Tree) -> str:
        text = _text(self.value(left)) + _text(self.value(right))
        if len(text) > TEXT_LIMIT:
            raise ShellError(TOO_LONG)
        return text

    def x_choose(self, condition: Tree, yes: Tree, no: Tree) -> Any:
        return self.value(yes) if _truth(self.value(condition)) else self.value(no)

    def x_unary(self, operator: str, tree: Tree) -> float:
        value = self.value(tree)
        if operator == "!":
            return float(not _truth(value))
        return -_number(value) if operator == "-" else _number(value)

    def x_assign(self, operator: str, target: Tree, tree: Tree) -> Any:
        value = self.value(tree)
        if operator != "=":
            value = self._calculate(operator[0], _number(self.value(target)), _number(value))
        self._store(target, value)
        return value

    def x_after(self, operator: str, target: Tree) -> float:
        before = _number(self.value(target))
        self._store(target, before + 1 if operator == "+=" else before - 1)
        return before

    def _store(self, target: Tree, value: Any) -> None:
        if target[0] == "name":
            self.names[target[1]] = value
        elif target[0] == "item":
            self.arrays.setdefault(target[1], {})[self._key(target[2])] = value
        elif target[0] == "field":
            self.set_field(int(_number(self.value(target[1]))), _text(value))
        else:
            raise ShellError("only a name, a field or an item can be set", 2)

    def _calculate(self, operator: str, a: float, b: float) -> float:
        if operator in "/%" and not b:
            raise ShellError("division by zero", 2)
        try:
            if operator == "%":
                return a - b * int(a / b)
            return float(a + b if operator == "+" else a - b if operator == "-" else a * b if operator == "*"
                         else a / b if operator == "/" else a**b)  # fmt: skip
        except (OverflowError, TypeError, ZeroDivisionError, ValueError):
            raise ShellError("the result is no number", 2) from None

    def x_binary(self, operator: str, left: Tree, right: Tree) -> float:
        if operator in ("&&", "||"):
            first = _truth(self.value(left))
            return float(_truth(self.value(right)) if first is (operator == "&&") else first)
        if operator in ("~", "!~"):
            text = right[1] if right[0] == "regex" else _text(self.value(right))
            return float((self.pattern(text).search(_text(self.value(left))) is not None) is (operator == "~"))
        a, b = self.value(left), self.value(right)
        if operator in "+-*/%^":
            return self._calculate(operator, _number(a), _number(b))
        numeric = _looks_numeric(a) and _looks_numeric(b)
        x, y = (_number(a), _number(b)) if numeric else (_text(a), _text(b))
        if operator in ("==", "!="):
            return float((x == y) is (operator == "=="))
        less, same = x < y, x == y  # type: ignore[operator]
        return float({"<": less, "<=": less or same, ">": not (less or same), ">=": not less}[operator])

    def x_call(self, name: str, arguments: list[Tree]) -> Any:
        if name in ("sub", "gsub"):
            return self._substitute(name, arguments)
        if name == "split":
            text, array = _text(self.value(arguments[0])), arguments[1][1]
            separator = _text(self.value(arguments[2])) if len(arguments) > 2 else _text(self.names["FS"])
            pieces = text.split() if separator == " " else self.pattern(separator).split(text) if text else []
            self.arrays[array] = {str(i): _Input(piece) for i, piece in enumerate(pieces, 1)}
            return float(len(pieces))
        if name == "match":
            text = arguments[1][1] if arguments[1][0] == "regex" else _text(self.value(arguments[1]))
            found = self.pattern(text).search(_text(self.value(arguments[0])))
            self.names["RSTART"] = float(found.start() + 1 if found else 0)
            self.names["RLENGTH"] = float(len(found[0]) if found else -1)
            return self.names["RSTART"]
        values = [self.value(argument) for argument in arguments]
        if name == "length":
            if arguments and arguments[0][0] == "name" and arguments[0][1] in self.arrays:
                return float(len(self.arrays[arguments[0][1]]))
            return float(len(_text(values[0]) if values else self.record))
        if name == "substr":
            text, first = _text(values[0]), round(_number(values[1])) - 1
            last = first + round(_number(values[2])) if len(values) > 2 else len(text)
            return text[max(0, first) : max(0, last)]
        if name == "index":
            return float(_text(values[0]).find(_text(values[1])) + 1)
        if name == "sprintf":
            return formatted(_text(values[0]), [_text(value) for value in values[1:]], once=True)
        if name in ("toupper", "tolower"):
            text = _text(values[0])
            return text.upper() if name == "toupper" else text.lower()
        number = _number(values[0])
        return float(int(number)) if name == "int" else max(0.0, number) ** 0.5

    def _substitute(self, name: str, arguments: list[Tree]) -> float:
        target: Tree = arguments[2] if len(arguments) > 2 else ("field", ("number", 0.0))
        text = arguments[0][1] if arguments[0][0] == "regex" else _text(self.value(arguments[0]))
        filling = _text(self.value(arguments[1]))
        changed, times = self.pattern(text).subn(
            lambda match: re.sub(r"\\&|&", lambda mark: "&" if mark[0] == "\\&" else match[0], filling),
            _text(self.value(target)), count=1 if name == "sub" else 0,
        )  # fmt: skip
        if times:
            self._store(target, changed)
        return float(times)

    def run(self, statements: list[Tree] | None) -> None:
        if statements is None:
            self.io.out(self.record + "\n")
            return
        for statement in statements:
            self.io.check()
            self.step(statement)

    def step(self, statement: Tree) -> None:
        kind = statement[0]
        if kind == "print":
            texts = [_text(self.value(tree)) for tree in statement[1]] if statement[1] else [self.record]
            self.io.out(_text(self.names["OFS"]).join(texts) + _text(self.names["ORS"]))
        elif kind == "printf":
            values = [_text(self.value(tree)) for tree in statement[1]]
            self.io.out(formatted(values[0], values[1:], once=True))
        elif kind == "do":
            self.value(statement[1])
        elif kind == "if":
            chosen = statement[2] if _truth(self.value(statement[1])) else statement[3]
            if chosen is not None:
                self.step(chosen)
        elif kind == "block":
            self.run(statement[1])
        elif kind == "forin":
            for key in list(self.arrays.get(statement[2], {})):
                self.names[statement[1]] = _Input(key)
                self.step(statement[3])
        elif kind == "delete" and statement[1][0] == "item":
            self.arrays.get(statement[1][1], {}).pop(self._key(statement[1][2]), None)
        elif kind == "delete":
            self.arrays.pop(statement[1][1], None)
        else:
            raise _Next if kind == "next" else _Exit

    def matches(self, pattern: Any) -> bool:
        if pattern is None:
            return True
        if pattern[0] != "range":
            return _truth(self.value(pattern))
        _, serial, begin, end = pattern
        if serial not in self.open_ranges and not _truth(self.value(begin)):
            return False
        self.open_ranges.add(serial)
        if _truth(self.value(end)):
            self.open_ranges.discard(serial)
        return True


@command(
    opt("-F", type=str, default=" ", meta="C", help="fields end at C"),
    opt("-v", type=str, meta="NAME=VALUE", help="set a variable first"),
    rest("words", required=True, meta="PROGRAM [FILE"), topic="text", needs_box=False,
)  # fmt: skip
def awk(box: object, args: Args, io: IO) -> int:
    """pick and add up columns

    awk '/^Normal|^HighMem/ {print $2}' /proc/pagetypeinfo

    PATTERN {ACTION} …: /re/, comparisons, BEGIN, END; print, printf, = += ++, if, for (k in a), next, exit;
    length substr index split sub gsub match sprintf toupper tolower int sqrt.
    """
    rules = Reader(args.words[0]).program()
    machine = Machine(io, {"\\t": "\t"}.get(args.F, args.F))
    if args.v is not None:
        name, equals, text = args.v.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"-v: '{args.v}' is not NAME=VALUE")
        machine.names[name] = _Input(text)
    sources = Sources(io, args.words[1:])
    try:
        _rules(machine, rules, sources)
    except IndexError:
        raise UsageError("a function has too few arguments") from None
    return sources.status


def _rules(machine: Machine, rules: list[tuple[Any, Any]], sources: Sources) -> None:
    """BEGIN, every line, END."""
    try:
        for pattern, action in rules:
            if pattern == "BEGIN":
                machine.run(action)
        if any(pattern != "BEGIN" for pattern, _ in rules):
            for line in sources.lines():
                machine.names["NR"] += 1
                machine.take(line.rstrip("\n"))
                try:
                    for pattern, action in rules:
                        if pattern not in ("BEGIN", "END") and machine.matches(pattern):
                            machine.run(action)
                except _Next:
                    continue
    except _Exit:
        pass
    try:
        for pattern, action in rules:
            if pattern == "END":
                machine.run(action)
    except (_Exit, _Next):
        return
