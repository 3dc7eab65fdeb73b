"""Which names of a program may be arrays: those used as one, and the parameters that such a name is given for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from memsh.shell import ShellError
from memsh.textutils.awk.expressions import Tree
from memsh.textutils.awk.parser import Function, Program

_SPECIAL = """ARGC ARGIND ARGV BINMODE CONVFMT ENVIRON ERRNO FIELDWIDTHS FILENAME FNR FPAT FS IGNORECASE LINT NF NR OFMT
 OFS ORS PROCINFO RLENGTH RS RSTART RT SUBSEP TEXTDOMAIN"""
SPECIAL = frozenset(_SPECIAL.split())
_ARRAY_ARGUMENTS = {"split": (1, 3), "patsplit": (1, 3), "match": (2,), "asort": (0, 1), "asorti": (0, 1)}


def _wrong(message: str, function: Function | None = None) -> NoReturn:
    place = f"{function.where}:{function.line}: " if function is not None else ""
    raise ShellError(f"{place}error: {message}", 1)


def parts(tree: Any) -> Iterator[Any]:
    """A tree, and all the trees below it."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, tuple):
            if one and isinstance(one[0], str):
                yield one
            waiting += reversed(one)
        elif isinstance(one, list):
            waiting += reversed(one)


def _asks(scope: Function | None, tree: Tree) -> bool:
    """Whether a function asks what it was given: a variable never set, then, is handed on as such."""
    given = tree[2][0] if tree[2] else ("num", 0.0)
    while given[0] == "paren":
        given = given[1]
    of_parameter = scope is not None and given[0] == "var" and given[1] in scope.params
    return tree[1] in ("typeof", "isarray") or (tree[1] == "length" and of_parameter)


def _names(trees: Iterable[tuple[Function | None, Any]]) -> Iterator[str]:
    """The global variables among trees."""
    for scope, tree in trees:
        if tree[0] == "var" and (scope is None or tree[1] not in scope.params):
            yield tree[1]


class Shapes:
    """`arrays[function]` holds the places of its parameters that are used as arrays; `globals` the global names that
    are, `mixed` the names that are used as a scalar too: the first use in the run decides what they are; `asked` the
    names whose type is asked for, `lends` whether functions ask what they were given, `nested` whether an element may
    be an array."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.arrays: dict[str, set[int]] = {name: set() for name in program.functions}
        self.globals: set[str] = {"ENVIRON", "ARGV", "PROCINFO", "SYMTAB", "FUNCTAB"}
        self.names: set[str] = set()
        bodies: list[tuple[Function | None, Any]] = [(None, list(map(tuple, program.rules)))]
        bodies += [(function, function.body) for function in program.functions.values()]
        trees = [(scope, tree) for scope, body in bodies for tree in parts(body)]
        self.names = {tree[1] for _, tree in trees if tree[0] == "var"}
        self._check_names(trees)
        while sum(self._learn(scope, tree) for scope, tree in trees):
            pass
        self.lends = any(tree[:1] == ("builtin",) and _asks(scope, tree) for scope, tree in trees)
        standing = list(self._array_places(trees))
        everywhere, places = Counter(_names(trees)), Counter(_names(standing))
        self.nested = "PROCINFO" in self.names or any(tree[0] == "item" for _, tree in standing)
        self.asked = set(_names((scope, tree[2][0]) for scope, tree in trees if tree[:2] == ("builtin", "typeof")))
        self.mixed = {name for name, count in everywhere.items() if count > places[name]}

    def _array_places(self, trees: list[tuple[Function | None, Any]]) -> Iterator[tuple[Function | None, Any]]:
        """The trees that stand where only an array can, or where a function of the program is handed either."""
        for scope, tree in trees:
            kind = tree[0]
            if kind in ("item", "delete"):
                yield scope, tree[1]
            elif kind in ("forin", "in"):
                yield scope, tree[2]
            elif kind == "builtin":
                given = tree[2]
                yield from ((scope, given[at]) for at in _ARRAY_ARGUMENTS.get(tree[1], ()) if at < len(given))
            elif kind == "call" and not self.lends:
                yield from ((scope, argument) for argument in tree[2])

    def _check_names(self, trees: list[tuple[Function | None, Any]]) -> None:
        """Refuse names that stand for two things."""
        functions = self.program.functions
        for function in functions.values():
            for at, name in enumerate(function.params):
                if name == function.name:
                    _wrong(f"function `{name}': cannot use function name as parameter name", function)
                if name in SPECIAL:
                    what = f"cannot use special variable `{name}' as a function parameter"
                    _wrong(f"function `{function.name}': {what}", function)
                if name in function.params[:at]:
                    first = function.params.index(name) + 1
                    _wrong(f"function `{function.name}': parameter #{at + 1}, `{name}', duplicates parameter #{first}",
                           function)  # fmt: skip
        for scope, tree in trees:
            if tree[0] == "call" and scope is not None and tree[1] in scope.params:
                raise ShellError(f"{tree[3]}: error: attempt to use non-function `{tree[1]}' in function call", 1)
            if tree[0] == "var" and (scope is None or tree[1] not in scope.params):
                if tree[1] in functions:
                    raise ShellError(f"{self._place_of(tree)}error: function `{tree[1]}' called with space between name"
                                     " and `(',\nor used as a variable or an array", 1)  # fmt: skip

    def _place_of(self, wanted: Tree) -> str:
        """`FILE:LINE: ` of the innermost statement or rule that holds a tree."""
        program, found = self.program, ""
        for rule in program.rules:
            if any(one is wanted for one in parts(tuple(rule))):
                found = rule.place
        bodies = [rule.action for rule in program.rules] + [function.body for function in program.functions.values()]
        for block in (one for body in bodies for one in parts(body) if one[0] == "block"):
            for statement, place in zip(block[1], block[2], strict=True):
                if any(one is wanted for one in parts(statement)):
                    found = place
        return f"{found}: " if found else ""

    def _learn(self, scope: Function | None, tree: Tree) -> bool:
        """What one tree says; True if it was news."""
        kind, news = tree[0], False
        if kind in ("item", "forin", "in"):
            news = self._note(scope, tree[1] if kind == "item" else tree[2])
        elif kind == "delete":
            news = tree[1][0] == "var" and self._note(scope, tree[1])
        elif kind == "builtin":
            for at in _ARRAY_ARGUMENTS.get(tree[1], ()):
                if at < len(tree[2]):
                    news = self._note(scope, tree[2][at]) or news
        elif kind == "call" and tree[1] in self.arrays:
            for at, argument in enumerate(tree[2]):
                if at in self.arrays[tree[1]]:
                    news = self._note(scope, argument) or news
        return news

    def _note(self, scope: Function | None, tree: Tree) -> bool:
        if tree[0] != "var":
            return False
        name = tree[1]
        if scope is not None and name in scope.params:
            known, key = self.arrays[scope.name], scope.params.index(name)
            if key in known:
                return False
            known.add(key)
            return True
        if name in self.globals:
            return False
        self.globals.add(name)
        return True

    def is_array(self, scope: Function | None, name: str) -> bool:
        if scope is not None and name in scope.params:
            return scope.params.index(name) in self.arrays[scope.name]
        return name in self.globals
