"""awk's statements as closures: each answers None, or how it left (break, continue, return)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memsh.shell import ShellError
from memsh.textutils.awk.compiler import Expressions
from memsh.textutils.awk.expressions import Tree
from memsh.textutils.awk.functions import sorted_keys
from memsh.textutils.awk.places import Eval, Frame
from memsh.textutils.awk.printf import formatted
from memsh.textutils.awk.tables import TABLES
from memsh.textutils.awk.values import UNSET, Value, as_long, numeric
from memsh.textutils.awk.walking import walked

Step = Callable[[Frame], Any]


class Left:
    """How a statement left; a `return` has its value."""

    __slots__ = ("value",)

    def __init__(self, value: Value = UNSET) -> None:
        self.value = value


BREAK, CONTINUE = Left(), Left()


class Next(Exception):
    """`next`, and `nextfile`."""

    def __init__(self, file: bool) -> None:
        super().__init__(file)
        self.file = file


class Exit(Exception):
    """`exit`; the status is None where none was given."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class Statements(Expressions):
    """Compiles statements."""

    def step(self, tree: Tree) -> Step:
        method: Callable[[Tree], Step] = getattr(self, "s_" + tree[0])
        return method(tree)

    def s_block(self, tree: Tree) -> Step:
        steps = [self._placed(one, place) for one, place in zip(tree[1], tree[2], strict=True)]
        if not steps:
            return lambda f: None
        places, located = dict(zip(steps, tree[2], strict=True)), self.rt.located
        if len(steps) == 1:
            only, where = steps[0], tree[2][0]

            def one(f: Frame) -> Any:
                try:
                    return only(f)
                except ShellError as error:
                    raise located(error, where) from None

            return one

        def block(f: Frame) -> Any:
            step = steps[0]
            try:
                for step in steps:
                    left = step(f)
                    if left is not None:
                        return left
            except ShellError as error:
                raise located(error, places[step]) from None
            return None

        return block

    def _placed(self, tree: Tree, place: str) -> Step:
        """A statement; what is wrong with it as such is told with its place."""
        before, self.statement = self.statement, place
        try:
            return self.step(tree)
        except ShellError as error:
            raise self.rt.located(error, place) from None
        finally:
            self.statement = before

    def s_expr(self, tree: Tree) -> Step:
        inner = tree[1]
        if inner[0] == "assign" and inner[1] == "=":
            value, store = self.value(inner[3]), self.store(inner[2])
            return lambda f: store(f, value(f))
        if inner[0] == "step":
            inner = ("step", True, *inner[2:])
        evaluate = self.value(inner)

        def run(f: Frame) -> None:
            evaluate(f)

        return run

    def s_print(self, tree: Tree) -> Step:
        _, kind, values, redirect, target = tree
        text = self._printf_text(values) if kind == "printf" else self._print_text(values)
        rt = self.rt
        if redirect is not None and rt.sandbox:
            raise ShellError("fatal: redirection not allowed in sandbox mode", 2)
        if redirect is None:
            out = rt.out
            return lambda f: out(text(f))
        name, write = self.text(target), rt.files.write
        mark = redirect
        return lambda f: write(mark, name(f), text(f))

    def _print_text(self, values: list[Tree]) -> Callable[[Frame], str]:
        rt = self.rt
        if not values:
            return lambda f: (rt.whole() if rt.stale else rt.record) + rt.ors
        parts = [self._shown(value) for value in values]
        if len(parts) == 1:
            only = parts[0]
            return lambda f: only(f) + rt.ors
        return lambda f: rt.ofs.join([part(f) for part in parts]) + rt.ors

    def _shown(self, tree: Tree) -> Callable[[Frame], str]:
        if tree[0] in ("str", "cat", "field"):
            return self.text(tree)
        value, spell = self.value(tree), self.rt.shown

        def shown(f: Frame) -> str:
            found = value(f)
            return found if isinstance(found, str) else spell(found)

        return shown

    def _printf_text(self, values: list[Tree]) -> Callable[[Frame], str]:
        pattern, rest, spell = self.text(values[0]), [self.value(value) for value in values[1:]], self.rt.text
        plus = self.rt.plus
        return lambda f: formatted(pattern(f), [value(f) for value in rest], spell, plus)

    def s_if(self, tree: Tree) -> Step:
        _, condition, yes, no = tree
        test, then = self.truth(condition), self.step(yes)
        if no is None:
            return lambda f: then(f) if test(f) else None
        otherwise = self.step(no)
        return lambda f: then(f) if test(f) else otherwise(f)

    def s_while(self, tree: Tree) -> Step:
        return self._loop(self.truth(tree[1]), None, self.step(tree[2]))

    def s_for(self, tree: Tree) -> Step:
        _, begin, condition, after, body = tree
        first = self.step(begin) if begin is not None else None
        test = self.truth(condition) if condition is not None else lambda f: True
        loop = self._loop(test, self.step(after) if after is not None else None, self.step(body))
        if first is None:
            return loop

        def run(f: Frame) -> Any:
            first(f)
            return loop(f)

        return run

    def _loop(self, test: Eval, after: Step | None, body: Step) -> Step:
        check = self.rt.io.check

        def loop(f: Frame) -> Any:
            while test(f):
                check()
                left = body(f)
                if left is not None:
                    if left is BREAK:
                        return None
                    if left is not CONTINUE:
                        return left
                if after is not None:
                    after(f)
            return None

        return loop

    def s_do(self, tree: Tree) -> Step:
        body, test, check = self.step(tree[1]), self.truth(tree[2]), self.rt.io.check

        def loop(f: Frame) -> Any:
            while True:
                check()
                left = body(f)
                if left is BREAK:
                    return None
                if left is not None and left is not CONTINUE:
                    return left
                if not test(f):
                    return None

        return loop

    def s_forin(self, tree: Tree) -> Step:
        _, variable, array_tree, body_tree = tree
        store, array, body = self.store(variable), self.array(array_tree), self.step(body_tree)
        order = self.rt.cell("PROCINFO") if "PROCINFO" in self.shapes.names else None
        check = self.rt.io.check

        def loop(f: Frame) -> Any:
            found = array(f)
            wish = order[0] if order is not None else None
            how = self.rt.text(wish.get("sorted_in", "")) if isinstance(wish, dict) else ""
            for key in sorted_keys(self, found, how) if how else walked(found):
                check()
                store(f, str(key))
                left = body(f)
                if left is BREAK:
                    return None
                if left is not None and left is not CONTINUE:
                    return left
            return None

        return loop

    def s_switch(self, tree: Tree) -> Step:
        value = self.value(tree[1])
        tests: list[Callable[[Frame, Value], bool] | None] = [self._case(label) for label, _ in tree[2]]
        bodies = [self.s_block(body) for _, body in tree[2]]
        usual = next((at for at, (label, _) in enumerate(tree[2]) if label is None), len(bodies))

        def switch(f: Frame) -> Any:
            given = value(f)
            start = next((at for at, test in enumerate(tests) if test is not None and test(f, given)), usual)
            for body in bodies[start:]:
                left = body(f)
                if left is BREAK:
                    return None
                if left is not None:
                    return left
            return None

        return switch

    def _case(self, label: Tree | None) -> Callable[[Frame, Value], bool] | None:
        if label is None:
            return None
        spell = self.rt.text
        if label[0] in ("ere", "strong"):
            find = self.regexp(label)
            return lambda f, given: find(f).test(spell(given)) is not None
        value = self.value(label)

        def same(f: Frame, given: Value) -> bool:
            wanted = value(f)
            number = numeric(given)
            if type(wanted) is float:
                return number is not None and number == wanted
            return type(given) is not float and given == wanted

        return same

    def s_delete(self, tree: Tree) -> Step:
        target = tree[1]
        whole = target if target[0] == "var" else target[1]
        if whole[0] == "var" and whole[1] in TABLES and whole[1] not in self.locals:
            raise ShellError(f"fatal: `delete' is not allowed with {whole[1]}", 2)
        if target[0] == "var":
            array = self.array(target)
            return lambda f: array(f).clear()
        inner, key = self.array(target[1]), self.key(target[2])

        def delete(f: Frame) -> None:
            inner(f).pop(key(f), None)

        return delete

    def s_next(self, tree: Tree) -> Step:
        rt = self.rt

        def leave(f: Frame) -> Any:
            if rt.phase:
                raise ShellError(f"fatal: `next' cannot be called from a `{rt.phase}' rule", 2)
            raise Next(False)

        return leave

    def s_nextfile(self, tree: Tree) -> Step:
        rt = self.rt

        def leave(f: Frame) -> Any:
            if rt.phase and rt.phase != "BEGINFILE":
                raise ShellError(f"fatal: `nextfile' cannot be called from a `{rt.phase}' rule", 2)
            raise Next(True)

        return leave

    def s_exit(self, tree: Tree) -> Step:
        status = self.number(tree[1]) if tree[1] is not None else None

        def leave(f: Frame) -> Any:
            raise Exit(None if status is None else as_long(status(f)) & 0xFF)

        return leave

    def s_return(self, tree: Tree) -> Step:
        if tree[1] is None:
            return lambda f: Left()
        value = self.value(tree[1])
        return lambda f: Left(value(f))

    def s_break(self, tree: Tree) -> Step:
        return lambda f: BREAK

    def s_continue(self, tree: Tree) -> Step:
        return lambda f: CONTINUE


