"""Where an awk program keeps values: its variables, read as a number or a text or as they are, stored, handed to a
function, and found as arrays. Which of them are arrays is decided by their first use in the run (gawk's interpret.h,
Op_push and Op_subscript; eval.c, get_array)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from memsh.shell import ShellError
from memsh.textutils.awk.arrays import Shapes, parts
from memsh.textutils.awk.expressions import Tree
from memsh.textutils.awk.parser import Function
from memsh.textutils.awk.runtime import GETTERS, SETTERS, Runtime
from memsh.textutils.awk.values import TOUCHED, UNSET, Lent, as_long

_MOVING = frozenset(["assign", "step", "call", "icall", "getline"])
_MOVING_BUILTINS = frozenset(["sub", "gsub", "rand", "srand", "system", "split", "patsplit", "match", "close"])
Frame = list[Any]
Eval = Callable[[Frame], Any]
Numbers = Callable[[Frame], float]
Texts = Callable[[Frame], str]


class Places(ABC):
    """Compiles what stands for a variable, an element or a field, in one scope: a function's parameters, or none."""

    def __init__(self, runtime: Runtime, shapes: Shapes, scope: Function | None) -> None:
        self.rt = runtime
        self.shapes = shapes
        self.scope = scope
        self.locals = {name: at for at, name in enumerate(scope.params)} if scope is not None else {}

    @abstractmethod
    def value(self, tree: Tree) -> Eval:
        """Any expression, as a value."""

    @abstractmethod
    def number(self, tree: Tree) -> Numbers:
        """Any expression, as a number."""

    @abstractmethod
    def key(self, keys: list[Tree]) -> Texts:
        """What stands in brackets, as one text."""

    def v_var(self, tree: Tree) -> Eval:
        name = tree[1]
        is_array = self.shapes.is_array(self.scope, name)
        if name in self.locals:
            at = self.locals[name]
            return (lambda f: _scalar(name, f, at)) if is_array or self.shapes.lends else lambda f: f[at]
        rt = self.rt
        getter = GETTERS.get(name)
        if getter is not None:
            return lambda f: getter(rt)
        cell = rt.cell(name)
        return (lambda f: _scalar(name, cell, 0)) if is_array or name in self.shapes.asked else lambda f: cell[0]

    def raw(self, tree: Tree) -> Eval:
        """A variable as it is, an array too, and without a mark that it was read; any other tree's value."""
        if tree[0] != "var" or tree[1] in GETTERS:
            return self.value(tree)
        if tree[1] in self.locals:
            at = self.locals[tree[1]]
            return lambda f: f[at].settled() if type(f[at]) is Lent else f[at]
        cell = self.rt.cell(tree[1])
        return lambda f: cell[0]

    def handed(self, argument: Tree, wanted: bool) -> Eval:
        """An argument as its function gets it; `wanted`: one that the function uses as an array."""
        if argument[0] == "item" and wanted:
            return self.array(argument)
        raw = self.raw(argument)
        wanted = wanted or self.shapes.lends
        if argument[0] != "var" or not wanted or argument[1] in GETTERS:
            return raw
        at = self.locals.get(argument[1])
        cell = self.rt.cell(argument[1]) if at is None else None

        def handed(f: Frame) -> Any:
            found = raw(f)
            if found is UNSET:
                return Lent(f if cell is None else cell, at or 0)
            return found

        return handed

    def settled(self, target: Tree) -> tuple[Callable[[Frame], None], Tree]:
        """A target that is read and then stored to: what its subscript does (`a[i++]`, `$(i++)`) is done once, by the
        first of these two; the second is the target with what came out."""
        if target[0] not in ("item", "field") or not any(map(_moves, parts(target))):
            return lambda f: None, target
        held: list[Any] = [UNSET]
        if target[0] == "field":
            number = self.number(target[1])

            def settle_number(f: Frame) -> None:
                held[0] = number(f)

            return settle_number, ("field", ("held", held))
        outer, whole = self.settled(target[1]) if target[1][0] == "item" else (None, target[1])
        key = self.key(target[2])

        def settle_key(f: Frame) -> None:
            if outer is not None:
                outer(f)
            held[0] = key(f)

        return settle_key, ("item", whole, [("held", held)])

    def v_held(self, tree: Tree) -> Eval:
        held = tree[1]
        return lambda f: held[0]

    def store(self, target: Tree) -> Callable[[Frame, Any], None]:
        kind, rt = target[0], self.rt
        if kind == "item":
            array, key = self.array(target[1]), self.key(target[2])

            def store_item(f: Frame, value: Any) -> None:
                array(f)[key(f)] = TOUCHED if value is UNSET else value

            def store_beside(f: Frame, value: Any) -> None:
                found, at = array(f), key(f)
                if isinstance(found.get(at), dict):
                    whole = f'{target[1][1]}["{at}"]'
                    raise ShellError(f"fatal: attempt to use array `{whole}' in a scalar context", 2)
                found[at] = TOUCHED if value is UNSET else value

            return store_beside if self.shapes.nested else store_item
        if kind == "field":
            which = self.number(target[1])
            return lambda f, value: rt.set_field(as_long(which(f)), value)
        name = target[1]
        if name in self.locals:
            at = self.locals[name]

            def store_local(f: Frame, value: Any) -> None:
                if isinstance(f[at], dict):
                    raise ShellError(f"fatal: attempt to use array `{name}' in a scalar context", 2)
                f[at] = TOUCHED if value is UNSET else value

            return store_local
        if name in SETTERS:
            return lambda f, value: rt.set_global(name, value)
        cell = rt.cell(name)
        if not self.shapes.is_array(self.scope, name) and name not in self.shapes.asked:
            return lambda f, value: cell.__setitem__(0, value)

        def store_global(f: Frame, value: Any) -> None:
            if isinstance(cell[0], dict):
                raise ShellError(f"fatal: attempt to use array `{name}' in a scalar context", 2)
            cell[0] = TOUCHED if value is UNSET else value

        return store_global

    def array(self, tree: Tree, refusal: str = "") -> Callable[[Frame], dict[str, Any]]:
        """The array that a tree names; `refusal`: what is said of a scalar, if not the usual."""
        if tree[0] == "item":  # an array of arrays
            outer, key = self.array(tree[1]), self.key(tree[2])

            def inner(f: Frame) -> dict[str, Any]:
                found, at = outer(f), key(f)
                try:
                    below = found[at]
                except KeyError:
                    below = None
                if not isinstance(below, dict):
                    if below is not None and below is not UNSET:
                        raise ShellError(f'fatal: attempt to use scalar `{tree[1][1]}["{at}"]\' as an array', 2)
                    below = found[at] = {}
                return below

            return inner
        name = tree[1]
        if name in self.locals:
            at = self.locals[name]

            def local(f: Frame) -> dict[str, Any]:
                found = f[at]
                if isinstance(found, dict):
                    return found
                lent = found if type(found) is Lent else None
                if lent is not None:
                    found = f[at] = lent.settled()
                    if isinstance(found, dict):
                        return found
                if found is not UNSET:
                    wrong = refusal or f"attempt to use scalar parameter `{name}' as an array"
                    raise ShellError(f"fatal: {wrong}", 2)
                made: dict[str, Any] = {}
                f[at] = made
                if lent is not None:
                    lent.become(made)
                return made

            return local
        cell = self.rt.cell(name)
        if name not in self.shapes.mixed:
            if cell[0] is UNSET:
                cell[0] = {}
            whole: dict[str, Any] = cell[0]
            if isinstance(whole, dict):
                return lambda f: whole

        def decided(f: Frame) -> dict[str, Any]:
            found = cell[0]
            if found is UNSET:
                found = cell[0] = {}
            elif not isinstance(found, dict):
                wrong = refusal or f"attempt to use scalar `{name}' as an array"
                raise ShellError(f"fatal: {wrong}", 2)
            return found

        return decided


def _moves(tree: Tree) -> bool:
    """Whether one tree does something beside having a value."""
    return tree[0] in _MOVING or (tree[0] == "builtin" and tree[1] in _MOVING_BUILTINS)


def _scalar(name: str, holder: list[Any], at: int) -> Any:
    """A variable that might have been an array, read as a scalar: from then on it is one."""
    given = holder[at]
    found = given.settled() if type(given) is Lent else given
    if isinstance(found, dict):
        raise ShellError(f"fatal: attempt to use array `{name}' in a scalar context", 2)
    if found is UNSET:
        holder[at] = TOUCHED
        if type(given) is Lent:
            given.become(TOUCHED)
    return found
