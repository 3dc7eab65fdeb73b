"""bc at work: names, functions, and what is printed (GNU bc's execute.c, storage.c and libmath.b).

Known deviations: a message of trouble at run time does not tell the address in bc's own byte code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memsh.digits import is_digits
from memsh.shell import ShellError
from memsh.shell.io import IO
from memsh.shell.limits import make_room
from memsh.textutils.bc import number as numbers
from memsh.textutils.bc.mathlib import FUNCTIONS as LIBRARY
from memsh.textutils.bc.number import ONE, ZERO, Number, TooLong
from memsh.textutils.bc.parser import Function, Parser, Tree, Wrong

BASE_MAX, DIM_MAX, MAX = 2147483647, 16777215, 2147483647
CALLS = 5000  # functions in each other
LIMITS = f"""\
BC_BASE_MAX     = {BASE_MAX}
BC_DIM_MAX      = {DIM_MAX}
BC_SCALE_MAX    = {MAX}
BC_STRING_MAX   = {MAX}
MAX Exponent    = 9223372036854775807
Number of vars  = 32767
"""
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "q": '"', "t": "\t", "\\": "\\"}
_TRUE: dict[str, Callable[[int], bool]] = {
    "==": lambda found: found == 0,
    "!=": lambda found: found != 0,
    "<": lambda found: found < 0,
    "<=": lambda found: found <= 0,
    ">": lambda found: found > 0,
    ">=": lambda found: found >= 0,
}


class Trouble(Exception):
    """What ends the line at work."""


class Break(Exception):
    """`break`"""


class Continue(Exception):
    """`continue`"""


class Halt(Exception):
    """`halt`"""


class Returned(Exception):
    """`return`"""

    def __init__(self, value: Number) -> None:
        super().__init__()
        self.value = value


class Machine:
    """One run: the names, the registers, the column of the output."""

    def __init__(self, io: IO, library: bool) -> None:
        self.io = io
        self.library = library
        self.scale = 20 if library else 0
        self.ibase = self.obase = 10
        self.last = ZERO
        self.history = -1  # how many lines would be kept of what is typed: all
        self.values: dict[str, Number] = {}
        self.arrays: dict[str, dict[int, Number]] = {}
        self.functions: dict[str, Function] = {}
        self.inside: list[str] = []  # functions at work
        self.column = 0
        wide = io.session.language.get("BC_LINE_LENGTH") or "70"
        self.wide = int(wide) if is_digits(wide) and (int(wide) > 2 or not int(wide)) else 70
        make_room()

    def run(self, text: str, where: str) -> bool:
        """Do a text, whose name mistakes are told with; False if it asks to leave."""
        parser = Parser(text, self.io.check)
        while True:
            try:
                tree = parser.unit()
                if tree is None:
                    return True
                self.do(tree)
            except (EOFError, Halt):
                return False
            except Wrong as wrong:
                self.complain(f"{where} {wrong.line}: {wrong.message}")
                parser.skip_line()
            except Trouble as trouble:
                self.complain(f"Runtime error (func={self._function()}): {trouble}")
            except TooLong:
                raise ShellError(f"a number of more than {numbers.DIGITS} digits", 1) from None
            self.inside.clear()

    def complain(self, text: str) -> None:
        """bc says neither its name nor anything else before its messages."""
        self.io.err(text + "\n")

    def _function(self) -> str:
        return self.inside[-1] if self.inside else "(main)"

    def _warn(self, text: str) -> None:
        self.complain(f"Runtime warning (func={self._function()}): {text}")

    # output

    def put(self, text: str) -> None:
        """Text, broken by a backslash where a line would be too long (out_char)."""
        parts: list[str] = []
        while text:
            line, newline, rest = text.partition("\n")
            while self.wide and self.column + len(line) > self.wide - 2:
                room = max(self.wide - 2 - self.column, 0)
                parts.append(line[:room] + "\\\n")
                line, self.column = line[room:], 0
            parts.append(line + newline)
            self.column = 0 if newline else self.column + len(line)
            text = rest
        self.io.out("".join(parts))

    def show(self, value: Number) -> None:
        """A number, in obase."""
        for piece in numbers.pieces(value, self.obase, self.io.check):
            self.put(piece)

    # statements

    def do(self, tree: Tree) -> None:
        _STATEMENTS[tree[0]](self, *tree[1:])

    def _do_block(self, statements: tuple[Tree, ...]) -> None:
        for statement in statements:
            self.do(statement)

    def _do_do(self, tree: Tree) -> None:
        self.value(tree)

    def _do_show(self, tree: Tree) -> None:
        value = self.value(tree)
        if tree[0] == "call" and tree[1] in self.functions and self.functions[tree[1]].void:
            return
        self.show(value)
        self.put("\n")
        self.last = value

    def _do_string(self, text: str) -> None:
        self.put(text)

    def _do_print(self, trees: tuple[Tree, ...]) -> None:
        for tree in trees:
            if tree[0] == "text":
                self.put(_escaped(tree[1]))
            else:
                self.last = self.value(tree)
                self.show(self.last)

    def _do_if(self, asked: Tree, then: Tree, otherwise: Tree) -> None:
        self.do(then if self.value(asked).value else otherwise)

    def _do_for(self, first: Tree | None, asked: Tree | None, step: Tree | None, body: Tree) -> None:
        if first is not None:
            self.value(first)
        while asked is None or self.value(asked).value:
            self.io.check()
            try:
                self.do(body)
            except Break:
                return
            except Continue:
                pass
            if step is not None:
                self.value(step)

    def _do_break(self) -> None:
        raise Break

    def _do_continue(self) -> None:
        raise Continue

    def _do_halt(self) -> None:
        raise Halt

    def _do_return(self, tree: Tree) -> None:
        raise Returned(self.value(tree))

    def _do_limits(self) -> None:
        self.put(LIMITS)

    def _do_define(self, name: str, function: Function) -> None:
        self.functions[name] = function

    # expressions

    def value(self, tree: Tree) -> Number:
        kind = tree[0]
        if kind in _TRUE:
            return Number(int(_TRUE[kind](numbers.compare(self.value(tree[1]), self.value(tree[2])))))
        if kind in "+-*/%^":
            left = self.value(tree[1])
            return self.combined(left, kind, self.value(tree[2]))
        return _VALUES[kind](self, *tree[1:])

    def combined(self, left: Number, operator: str, right: Number) -> Number:
        if operator == "+":
            return numbers.add(left, right)
        if operator == "-":
            return numbers.add(left, numbers.negative(right))
        if operator == "*":
            return numbers.multiply(left, right, self.scale)
        if operator == "^":
            if right.value % 10**right.scale:
                self._warn("non-zero scale in exponent")
            exponent = right.whole()
            if exponent < 0 and not left.value:
                raise Trouble("divide by zero")
            return numbers.power(left, exponent, self.scale)
        if not right.value:
            raise Trouble("Divide by zero" if operator == "/" else "Modulo by zero")
        return (numbers.divide if operator == "/" else numbers.modulo)(left, right, self.scale)

    def _value_number(self, text: str) -> Number:
        return numbers.parse(text, self.ibase)

    def _value_paren(self, tree: Tree) -> Number:
        return self.value(tree)

    def _value_negative(self, tree: Tree) -> Number:
        return numbers.negative(self.value(tree))

    def _value_not(self, tree: Tree) -> Number:
        return Number(int(not self.value(tree).value))

    def _value_and(self, left: Tree, right: Tree) -> Number:
        return Number(int(bool(self.value(left).value and self.value(right).value)))

    def _value_or(self, left: Tree, right: Tree) -> Number:
        return Number(int(bool(self.value(left).value or self.value(right).value)))

    def _value_variable(self, name: str) -> Number:
        return self.values.get(name, ZERO)

    def _value_item(self, name: str, at: Tree) -> Number:
        return self.arrays.get(name, {}).get(self._subscript(name, at), ZERO)

    def _subscript(self, name: str, at: Tree) -> int:
        found = self.value(at).whole()
        if not 0 <= found <= DIM_MAX:
            raise Trouble(f"Array {name} subscript out of bounds.")
        return found

    def _value_special(self, name: str) -> Number:
        return self.last if name == "last" else Number(getattr(self, name))

    def _value_assign(self, place: Tree, operator: str, tree: Tree) -> Number:
        store, old = self._place(place)
        value = self.value(tree)
        return store(self.combined(old(), operator, value) if operator else value)

    def _value_before(self, place: Tree, sign: str) -> Number:
        store, old = self._place(place)
        return store(self.combined(old(), sign, ONE))

    def _value_after(self, place: Tree, sign: str) -> Number:
        store, old = self._place(place)
        found = old()
        store(self.combined(found, sign, ONE))
        return found

    def _place(self, place: Tree) -> tuple[Callable[[Number], Number], Callable[[], Number]]:
        """How to store into a place, and how to read it; a subscript is reckoned once."""
        if place[0] == "special":
            return lambda value: self._set(place[1], value), lambda: self._value_special(place[1])
        if place[0] == "variable":
            held: dict[Any, Number] = self.values
            at: Any = place[1]
        else:
            at = self._subscript(place[1], place[2])
            held = self.arrays.setdefault(place[1], {})

        def store(value: Number) -> Number:
            held[at] = value
            return value

        return store, lambda: held.get(at, ZERO)

    def _set(self, name: str, value: Number) -> Number:
        """scale, ibase, obase, history, last: what is out of bounds is brought within."""
        if name == "last":
            self.last = value
            return value
        wanted = value.whole()
        if name == "history":
            if wanted > MAX:
                self._warn("history too large, set to unlimited")
            self.history = max(wanted, -1) if wanted <= MAX else -1
            return value
        low, high = {"scale": (0, MAX), "ibase": (2, 36), "obase": (2, BASE_MAX)}[name]
        if wanted < low:
            self._warn("negative scale, set to 0" if name == "scale" else f"{name} too small, set to 2")
        elif wanted > high:
            self._warn(f"{name} too large, set to {high}")
        setattr(self, name, min(max(wanted, low), high))
        return value

    # functions

    def _value_length(self, tree: Tree) -> Number:
        return Number(numbers.length(self.value(tree)))

    def _value_scale(self, tree: Tree) -> Number:
        return Number(self.value(tree).scale)

    def _value_sqrt(self, tree: Tree) -> Number:
        value = self.value(tree)
        if value.value < 0:
            raise Trouble("Square root of a negative number")
        return numbers.root(value, self.scale)

    def _value_read(self, _: None) -> Number:
        text = self.io.stdin.readline().strip()
        try:
            return numbers.parse(text, self.ibase) if text else ZERO
        except ValueError:
            return ZERO

    def _value_call(self, name: str, arguments: tuple[Tree, ...]) -> Number:
        function = self.functions.get(name)
        if function is None:
            if self.library and name in LIBRARY:
                return self._from_library(name, arguments)
            raise Trouble(f"Function {name} not defined.")
        given = [self._argument(function, at, tree) for at, tree in enumerate(arguments)]
        if len(given) != len(function.parameters):
            raise Trouble("Parameter number mismatch")
        if len(self.inside) >= CALLS:
            raise ShellError(f"more than {CALLS} functions in each other", 1)
        local = [*zip(function.parameters, given, strict=True), *((auto, None) for auto in function.autos)]
        kept = [self._bind(parameter.removeprefix("*"), value) for parameter, value in local]
        self.inside.append(name)
        try:
            self.io.check()
            self.do(function.body)
            result = ZERO
        except Returned as back:
            result = back.value
        finally:
            for restore in reversed(kept):
                restore()
        self.inside.pop()
        return result

    def _argument(self, function: Function, at: int, tree: Tree) -> Any:
        wanted = function.parameters[at] if at < len(function.parameters) else ""
        if wanted.endswith("[]") != (tree[0] == "array"):
            raise Trouble(f"Parameter type mismatch, parameter {wanted.removesuffix('[]')}.")
        if tree[0] != "array":
            return self.value(tree)
        held = self.arrays.setdefault(tree[1], {})
        return held if wanted.startswith("*") else dict(held)

    def _bind(self, name: str, value: Any) -> Callable[[], None]:
        """A name has a value for as long as its function works; answers what gives the old one back."""
        held: dict[str, Any] = self.arrays if name.endswith("[]") else self.values
        key = name.removesuffix("[]")
        old = held.get(key)
        held[key] = ({} if held is self.arrays else ZERO) if value is None else value

        def restore() -> None:
            if old is None:
                held.pop(key, None)
            else:
                held[key] = old

        return restore

    def _from_library(self, name: str, arguments: tuple[Tree, ...]) -> Number:
        found = LIBRARY[name]
        if len(arguments) != found.arguments:
            raise Trouble("Parameter number mismatch")
        given = [self.value(tree) for tree in arguments]
        with self.io.looking():
            return found.reckon(*given, self.scale)


def _escaped(text: str) -> str:
    """The text of `print`."""
    head, *rest = text.split("\\")
    parts, quoted = [head], False
    for piece in rest:
        if quoted:  # behind two backslashes
            parts.append(piece)
            quoted = False
        elif not piece:
            parts.append("\\")
            quoted = True
        else:
            parts.append(_ESCAPES.get(piece[0], "") + piece[1:])
    return "".join(parts)


_STATEMENTS: dict[str, Callable[..., None]] = {
    "block": Machine._do_block,
    "do": Machine._do_do,
    "show": Machine._do_show,
    "string": Machine._do_string,
    "print": Machine._do_print,
    "if": Machine._do_if,
    "for": Machine._do_for,
    "break": Machine._do_break,
    "continue": Machine._do_continue,
    "halt": Machine._do_halt,
    "return": Machine._do_return,
    "limits": Machine._do_limits,
    "define": Machine._do_define,
}
_VALUES: dict[str, Callable[..., Number]] = {
    "number": Machine._value_number,
    "paren": Machine._value_paren,
    "negative": Machine._value_negative,
    "not": Machine._value_not,
    "and": Machine._value_and,
    "or": Machine._value_or,
    "variable": Machine._value_variable,
    "item": Machine._value_item,
    "special": Machine._value_special,
    "assign": Machine._value_assign,
    "before": Machine._value_before,
    "after": Machine._value_after,
    "length": Machine._value_length,
    "scale": Machine._value_scale,
    "sqrt": Machine._value_sqrt,
    "read": Machine._value_read,
    "call": Machine._value_call,
}
