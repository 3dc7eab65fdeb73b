"""What a program is told of its own names: SYMTAB, FUNCTAB and PROCINFO["identifiers"] (gawk's symbol.c, load_symbols).

As in gawk, what is stored by way of SYMTAB is the variable's value and does nothing else: a new FS cuts no field, and
NF, NR and FNR are what they were.

Deviation: FUNCTAB handed to a function stays whole there too; gawk takes elements away, and breaks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from memsh.shell import ShellError
from memsh.textutils.awk.lexer import BUILTINS
from memsh.textutils.awk.runtime import GETTERS, Runtime
from memsh.textutils.awk.values import TOUCHED, UNSET
from memsh.textutils.awk.walking import walked

TABLES = ("SYMTAB", "FUNCTAB")


class Table(dict[str, Any]):
    """An array whose elements the program cannot choose; `name` is its variable's."""

    name = ""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """The elements that there are, in the order that they came."""

    @abstractmethod
    def held(self, key: str) -> Any:
        """The value of one that is there."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return sum(1 for _ in self.names())

    def __contains__(self, key: object) -> bool:
        return any(key == name for name in self.names())

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise ShellError(f'fatal: reference to uninitialized element `{self.name}["{key}"] is not allowed\'', 2)
        return self.held(key)

    def get(self, key: str, default: Any = None) -> Any:
        return self.held(key) if key in self else default

    def kept(self) -> NoReturn:
        raise ShellError(f"fatal: `delete' is not allowed with {self.name}", 2)

    def pop(self, key: str, default: Any = None) -> Any:
        return self.kept() if key in self else default

    def clear(self) -> None:
        self.kept()


class Symbols(Table):
    """SYMTAB: the global variables of a run, by name."""

    name = "SYMTAB"

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self.rt = runtime

    def names(self) -> Iterable[str]:
        return (name for name in self.rt.cells if name not in TABLES)

    def __contains__(self, key: object) -> bool:
        return key in self.rt.cells and key not in TABLES

    def held(self, key: str) -> Any:
        getter = GETTERS.get(key)
        value = self.rt.cells[key][0] if getter is None else getter(self.rt)
        return TOUCHED if value is UNSET else value

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in self:
            raise ShellError("fatal: cannot assign to arbitrary elements of SYMTAB", 2)
        cell = self.rt.cells[key]
        if isinstance(cell[0], dict):
            raise ShellError(f'fatal: attempt to use array `SYMTAB["{key}"]\' in a scalar context', 2)
        cell[0] = value


class Functions(Table):
    """FUNCTAB: awk's functions and the program's, each its own name's."""

    name = "FUNCTAB"

    def __init__(self, defined: Iterable[str]) -> None:
        super().__init__()
        self.defined = defined

    def names(self) -> Iterable[str]:
        return [*self.defined, *sorted(BUILTINS)]

    def held(self, key: str) -> Any:
        return key

    def __setitem__(self, key: str, value: Any) -> None:
        raise ShellError("fatal: cannot assign to elements of FUNCTAB", 2)


def identifiers(runtime: Runtime, defined: Iterable[str]) -> dict[str, Any]:
    """What each name of a program is, before it runs."""
    kinds: dict[str, Any] = dict.fromkeys(sorted(BUILTINS), "builtin")
    kinds.update(dict.fromkeys(defined, "user"))
    for name in walked(runtime.cells):
        value = runtime.cells[name][0]
        kinds[name] = "array" if isinstance(value, dict) else "untyped" if value is UNSET else "scalar"
    return kinds
