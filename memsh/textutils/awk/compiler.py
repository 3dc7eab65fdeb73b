"""An awk program as closures: each expression in the form that it is wanted in (a number, a text, a truth, a value),
each statement as a function that answers None or how it left.

A closure is given the frame of the running function: the list of its local variables. Global variables are cells,
lists of length 1, bound when the program is compiled; arrays are dicts. Which names may be arrays is found before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from memsh.shell import ShellError
from memsh.shell.limits import FIELDS, TEXT
from memsh.textutils.awk import functions
from memsh.textutils.awk.arithmetic import ARITHMETIC, COMPARE
from memsh.textutils.awk.arrays import Shapes
from memsh.textutils.awk.expressions import Tree
from memsh.textutils.awk.lexer import BUILTINS, AwkError
from memsh.textutils.awk.parser import Function, Program
from memsh.textutils.awk.places import Eval, Frame, Numbers, Places, Texts
from memsh.textutils.awk.reading import getline
from memsh.textutils.awk.runtime import SETTERS, Runtime
from memsh.textutils.awk.values import (
    MISSING,
    UNSET,
    Numeric,
    Strong,
    Value,
    as_long,
    looks,
    number_of,
    numeric,
    to_number,
    truth,
)
from memsh.textutils.regexp import Regexp, compiled

NUMERIC_TREES = frozenset(
    ["num", "bin", "neg", "pos", "not", "and", "or", "in", "match", "cmp", "step", "ere", "getline"]
)  # fmt: skip
DEEPEST = 1000  # calls of one function within each other


class Expressions(Places):
    """Compiles expressions in one scope: the names of the function's parameters, or none."""

    def __init__(self, runtime: Runtime, shapes: Shapes, defined: dict[str, Defined], scope: Function | None) -> None:
        super().__init__(runtime, shapes, scope)
        self.defined = defined
        self.statement = ""  # FILE:LINE of the statement or pattern that is compiled
        self.place = ""  # FILE:LINE of the built-in function that is compiled

    def wrong(self, place: str, message: str) -> NoReturn:
        where, _, line = place.rpartition(":")
        raise AwkError(where, int(line), message)

    # as a value

    def value(self, tree: Tree) -> Eval:
        kind = tree[0]
        if kind in NUMERIC_TREES:
            return self.number(tree)
        if kind == "cat":
            return self.text(tree)
        method: Callable[[Tree], Eval] = getattr(self, "v_" + kind)
        return method(tree)

    def v_str(self, tree: Tree) -> Eval:
        text = tree[1]
        return lambda f: text

    def v_paren(self, tree: Tree) -> Eval:
        return self.value(tree[1])

    def v_group(self, tree: Tree) -> Eval:
        raise AwkError("cmd. line", 1, "Unexpected token")

    def v_item(self, tree: Tree) -> Eval:
        array, key = self.array(tree[1]), self.key(tree[2])

        def item(f: Frame) -> Any:
            found, at = array(f), key(f)
            try:
                return found[at]
            except KeyError:
                found[at] = UNSET
                return UNSET

        return item

    def v_field(self, tree: Tree) -> Eval:
        rt, inner = self.rt, tree[1]
        if inner[0] == "num" and inner[1] >= 1:
            number = as_long(inner[1])
            at = number - 1

            def fixed(f: Frame) -> Value:
                fields = rt.fields
                if fields is None:
                    fields = rt.split()
                elif rt.given:
                    return rt.field(number)
                return Numeric(fields[at]) if at < len(fields) else MISSING

            return fixed
        which = self.number(inner)
        return lambda f: rt.field(as_long(which(f)))

    def v_assign(self, tree: Tree) -> Eval:
        _, operator, target, source = tree
        store = self.store(target)
        if operator == "=":
            value = self.value(source)

            def assign(f: Frame) -> Any:
                made = value(f)
                store(f, made)
                return made

            return assign
        calculate, right = ARITHMETIC.get(operator) or ARITHMETIC[operator[0]], self.number(source)
        if target[0] == "item":
            return self._item_update(target, calculate, right)
        settle, target = self.settled(target)
        left, store = self.number(target), self.store(target)

        def update(f: Frame) -> float:
            amount = right(f)
            settle(f)
            made = calculate(left(f), amount)
            store(f, made)
            return made

        return update

    def _item_update(self, target: Tree, calculate: Callable[[float, float], float], right: Numbers) -> Eval:
        """`a[k] += v`, with the key made once."""
        array, key = self.array(target[1]), self.key(target[2])

        def update(f: Frame) -> float:
            amount = right(f)
            found, at = array(f), key(f)
            before = found.get(at, 0.0)
            made = calculate(before if type(before) is float else to_number(before), amount)
            found[at] = made
            return made

        return update

    def v_cond(self, tree: Tree) -> Eval:
        condition, yes, no = self.truth(tree[1]), self.value(tree[2]), self.value(tree[3])
        return lambda f: yes(f) if condition(f) else no(f)

    def v_call(self, tree: Tree) -> Eval:
        _, name, arguments, place = tree
        made = self.defined.get(name)
        if made is None:
            prepared = [self.value(argument) for argument in arguments]
            where, _, line = place.rpartition(":")
            if self.rt.plus:
                raise ShellError(f"{place}: fatal: function `{name}' not defined", 2)

            def missing(f: Frame) -> Any:
                for value in prepared:
                    value(f)
                raise AwkError(where, int(line), "Call to undefined function")

            return missing
        params = made.function.params
        values = [
            self.handed(argument, at in self.shapes.arrays[name])
            for at, argument in enumerate(arguments)
        ]  # fmt: skip
        spread = self._surplus(name, place, len(params), values) if len(values) > len(params) else None
        own = [UNSET] * (len(params) - len(values))
        target = made

        def call(f: Frame) -> Any:
            frame = [value(f) for value in values] if spread is None else spread(f)
            frame += own
            if target.depth > DEEPEST:
                raise ShellError(f"function '{name}' calls itself more than {DEEPEST} times deep", 2)
            target.depth += 1
            try:
                left = target.body(frame)
            finally:
                target.depth -= 1
            return UNSET if left is None else left.value

        return call

    def _surplus(self, name: str, place: str, wanted: int, values: list[Eval]) -> Callable[[Frame], list[Any]]:
        """All arguments of a call that has too many: gawk evaluates them, warns, and forgets the rest."""
        rt = self.rt

        def evaluate(f: Frame) -> list[Any]:
            made = [value(f) for value in values]
            rt.warn(f"function `{name}' called with more arguments than declared", place)
            return made[:wanted]

        return evaluate

    def v_strong(self, tree: Tree) -> Eval:
        made = Strong(tree[1])
        return lambda f: made

    def v_icall(self, tree: Tree) -> Eval:
        """`@name(…)`: the function that the variable names, one of the program's or awk's own."""
        _, name, arguments, place = tree
        named = self.text(("var", name))
        known: dict[str, Eval] = {}

        def call(f: Frame) -> Any:
            wanted = named(f)
            if wanted not in known:
                short = wanted.removeprefix("awk::")
                if short in BUILTINS:
                    refused = functions.refused_indirectly(short, len(arguments))
                    if refused:
                        raise ShellError(f"fatal: {refused}", 2)
                    known[wanted] = functions.build(self, short, arguments, place)
                elif wanted in self.defined:
                    known[wanted] = self.v_call(("call", wanted, arguments, place))
                else:
                    raise ShellError(f"fatal: `{wanted}' is not a function, so it cannot be called indirectly", 2)
            return known[wanted](f)

        return call

    def v_builtin(self, tree: Tree) -> Eval:
        return functions.build(self, tree[1], tree[2], tree[3])

    # as a number

    def number(self, tree: Tree) -> Numbers:
        kind = tree[0]
        method: Callable[[Tree], Numbers] | None = getattr(self, "n_" + kind, None)
        if method is not None:
            return method(tree)
        value = self.value(tree)

        def convert(f: Frame) -> float:
            found = value(f)
            return found if type(found) is float else number_of(found)

        return convert

    def n_num(self, tree: Tree) -> Numbers:
        constant: float = tree[1]
        return lambda f: constant

    def n_paren(self, tree: Tree) -> Numbers:
        return self.number(tree[1])

    def n_field(self, tree: Tree) -> Numbers:
        text = self.text(tree)
        return lambda f: number_of(text(f))

    def n_bin(self, tree: Tree) -> Numbers:
        _, operator, a, b = tree
        left, right = self.number(a), self.number(b)
        if operator == "+":
            return lambda f: left(f) + right(f)
        if operator == "-":
            return lambda f: left(f) - right(f)
        if operator == "*":
            return lambda f: left(f) * right(f)
        calculate = ARITHMETIC[operator]
        return lambda f: calculate(left(f), right(f))

    def n_neg(self, tree: Tree) -> Numbers:
        inner = self.number(tree[1])
        return lambda f: -inner(f)

    def n_pos(self, tree: Tree) -> Numbers:
        return self.number(tree[1])

    def n_step(self, tree: Tree) -> Numbers:
        _, before, amount, target = tree
        if target[0] == "item":
            update = self._item_update(target, ARITHMETIC["+"], lambda f: amount)
            return update if before else lambda f: update(f) - amount
        if target[0] == "var" and target[1] not in self.locals and target[1] not in SETTERS:
            cell = self.rt.cell(target[1])

            def step_cell(f: Frame) -> float:
                found = cell[0]
                was: float = found if type(found) is float else number_of(found)
                made = cell[0] = was + amount
                return made if before else was

            return step_cell
        settle, target = self.settled(target)
        read, store = self.number(target), self.store(target)

        def step(f: Frame) -> float:
            settle(f)
            was = read(f)
            store(f, was + amount)
            return was + amount if before else was

        return step

    def _as_number(self, tree: Tree) -> Numbers:
        test = self.truth(tree)
        return lambda f: 1.0 if test(f) else 0.0

    n_not = n_and = n_or = n_in = n_match = n_cmp = n_ere = _as_number

    def n_getline(self, tree: Tree) -> Numbers:
        return getline(self, tree)

    # as a text

    def text(self, tree: Tree) -> Texts:
        kind = tree[0]
        if kind == "str":
            constant: str = tree[1]
            return lambda f: constant
        if kind == "paren":
            return self.text(tree[1])
        if kind == "cat":
            return self._joined(tree[1])
        if kind == "field":
            return self._field_text(tree)
        rt, value = self.rt, self.value(tree)
        spell = rt.text

        def convert(f: Frame) -> str:
            found = value(f)
            return found if isinstance(found, str) else spell(found)

        return convert

    def _joined(self, trees: list[Tree]) -> Texts:
        parts = [self.text(tree) for tree in trees]
        if len(parts) == 2:
            first, second = parts

            def pair(f: Frame) -> str:
                made = first(f) + second(f)
                if len(made) > TEXT:
                    raise ShellError(functions.TOO_LONG, 2)
                return made

            return pair

        def joined(f: Frame) -> str:
            made = "".join([part(f) for part in parts])
            if len(made) > TEXT:
                raise ShellError(functions.TOO_LONG, 2)
            return made

        return joined

    def _field_text(self, tree: Tree) -> Texts:
        rt, inner = self.rt, tree[1]
        if inner == ("num", 0.0):
            return lambda f: rt.whole() if rt.stale else rt.record
        if inner[0] == "num" and inner[1] < FIELDS:
            at = as_long(inner[1]) - 1

            def fixed(f: Frame) -> str:
                fields = rt.fields
                if fields is None:
                    fields = rt.split()
                return fields[at] if at < len(fields) else ""

            return fixed
        which = self.number(inner)

        def chosen(f: Frame) -> str:
            found = rt.field(as_long(which(f)))
            return rt.text(found) if type(found) is float else found  # type: ignore[return-value]

        return chosen

    def key(self, keys: list[Tree]) -> Texts:
        if len(keys) == 1:
            return self.text(keys[0])
        rt, parts = self.rt, [self.text(key) for key in keys]
        return lambda f: rt.subsep.join([part(f) for part in parts])

    # as a truth

    def truth(self, tree: Tree) -> Callable[[Frame], object]:
        kind = tree[0]
        method: Callable[[Tree], Eval] | None = getattr(self, "t_" + kind, None)
        if method is not None:
            return method(tree)
        if kind in NUMERIC_TREES:
            return self.number(tree)
        if kind == "cat":
            return self.text(tree)
        value = self.value(tree)
        return lambda f: truth(value(f))

    def t_paren(self, tree: Tree) -> Eval:
        return self.truth(tree[1])

    def t_ere(self, tree: Tree) -> Eval:
        rt, test = self.rt, self.tester(tree)
        return lambda f: test(f)(rt.whole() if rt.stale else rt.record)

    def t_match(self, tree: Tree) -> Eval:
        _, negate, left, right = tree
        text, test = self.text(left), self.tester(right)
        if negate:
            return lambda f: not test(f)(text(f))
        return lambda f: test(f)(text(f))

    def t_not(self, tree: Tree) -> Eval:
        inner = self.truth(tree[1])
        return lambda f: not inner(f)

    def t_and(self, tree: Tree) -> Eval:
        left, right = self.truth(tree[1]), self.truth(tree[2])
        return lambda f: left(f) and right(f)

    def t_or(self, tree: Tree) -> Eval:
        left, right = self.truth(tree[1]), self.truth(tree[2])
        return lambda f: left(f) or right(f)

    def t_in(self, tree: Tree) -> Eval:
        key, array = self.key(tree[1]), self.array(tree[2])
        return lambda f: key(f) in array(f)

    def t_cmp(self, tree: Tree) -> Eval:
        _, operator, a, b = tree
        compare = COMPARE[operator]
        if a[0] in NUMERIC_TREES and b[0] in NUMERIC_TREES:
            first, second = self.number(a), self.number(b)
            return lambda f: compare(first(f), second(f))
        if "IGNORECASE" in self.shapes.names or self.rt.ignore_case:
            return self._folded(compare, self.value(a), self.value(b))
        if "str" in (a[0], b[0]) or "cat" in (a[0], b[0]):
            one, other = self.text(a), self.text(b)
            return lambda f: compare(one(f), other(f))
        left, right, spell = self.value(a), self.value(b), self.rt.text
        if b[0] == "num":
            constant: float = b[1]
            shown = spell(constant)

            def against(f: Frame) -> object:
                x = left(f)
                kind = type(x)
                if kind is float:
                    return compare(x, constant)
                number = looks(x) if kind is not str else None
                return compare(x, shown) if number is None else compare(number, constant)

            return against

        def general(f: Frame) -> object:
            x, y = left(f), right(f)
            p, q = numeric(x), numeric(y)
            if p is None or q is None:
                return compare(spell(x), spell(y))
            return compare(p, q)

        return general

    def _folded(self, compare: Callable[[Any, Any], bool], left: Eval, right: Eval) -> Eval:
        """A comparison of a program that knows IGNORECASE, which goes for strings too."""
        rt = self.rt
        spell = rt.text

        def folded(f: Frame) -> object:
            x, y = left(f), right(f)
            p, q = numeric(x), numeric(y)
            if p is not None and q is not None:
                return compare(p, q)
            one, other = spell(x), spell(y)
            return compare(one.lower(), other.lower()) if rt.ignore_case else compare(one, other)

        return folded

    # as what can be assigned, an array, a regular expression

    def regexp(self, tree: Tree) -> Callable[[Frame], Regexp]:
        """The expression that a tree means as a pattern: /…/ itself, otherwise its text."""
        while tree[0] == "paren":
            tree = tree[1]
        rt = self.rt
        if tree[0] in ("ere", "strong"):
            source = tree[1]
            fixed = compiled(source, "awk")
            return lambda f: rt.pattern(source) if rt.ignore_case else fixed
        text, pattern, place = self.text(tree), rt.pattern, self.statement
        return lambda f: pattern(text(f), place)

    def tester(self, tree: Tree) -> Callable[[Frame], Callable[[str], object]]:
        find = self.regexp(tree)
        if tree[0] == "ere" and "IGNORECASE" not in self.shapes.names:
            test = compiled(tree[1], "awk").test
            return lambda f: test
        return lambda f: find(f).test


class Defined:
    """A function of the program, compiled."""

    __slots__ = ("body", "depth", "function")

    def __init__(self, function: Function) -> None:
        self.function = function
        self.body: Callable[[Frame], Any] = lambda f: None
        self.depth = 0

    def call(self, arguments: list[Any]) -> Any:
        """What it returns for these arguments; the other parameters are its own variables."""
        left = self.body(arguments + [UNSET] * (len(self.function.params) - len(arguments)))
        return UNSET if left is None else left.value


def define(program: Program) -> dict[str, Defined]:
    return {name: Defined(function) for name, function in program.functions.items()}
