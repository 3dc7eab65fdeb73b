"""Copies of objects with `__slots__`, for Box.copy(): what copy.deepcopy() makes of them, without its detours.

`@slotwise(...)` writes a class its `__deepcopy__`, as dataclasses write `__init__`: one assignment a slot, all of which
__init__ has set. One that is not named is copied as deepcopy() would, so that a new one is never shared by mistake.
Named are, for speed: `flat`, lists, dicts and arrays of numbers and texts that belong to this object alone; `each`,
lists, and `values`, dicts of such objects; `rows`, dicts of lists or dicts of numbers; `held`, lists of what never
changes that another object may hold, too; `same`, what never changes and is shared. `@copyable` writes `__copy__`, what
copy.copy() makes: every slot the same.
No known deviations.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar

ATOMS = frozenset({int, str, bool, bytes, float, type(None)})
T = TypeVar("T")


def _slots(cls: type) -> list[str]:
    return [name for one in cls.__mro__ for name in vars(one).get("__slots__", ())]


def _write(cls: type, method: str, lines: Callable[[], list[str]]) -> None:
    """Give the class a method of these lines, each of which sets something of `other`. It is written when it is first
    called: many a session copies nothing."""

    def first(self: object, memo: dict[int, Any] | None = None) -> object:
        scope: dict[str, Any] = {
            "cls": cls, "new": object.__new__, "deepcopy": deepcopy, "ATOMS": ATOMS, "array": array,
        }  # fmt: skip
        exec("\n".join([f"def {method}(self, memo=None):", " other = new(cls)", *lines(), " return other"]), scope)
        setattr(cls, method, scope[method])
        return scope[method](self, memo)

    setattr(cls, method, first)


def copyable(cls: type[T]) -> type[T]:
    """A class decorator."""
    _write(cls, "__copy__", lambda: [f" other.{name} = self.{name}" for name in _slots(cls)])
    return cls


def slotwise(
    *, flat: str = "", each: str = "", values: str = "", rows: str = "", held: str = "", same: str = ""
) -> Callable[[type[T]], type[T]]:
    """A class decorator; each argument is names of slots with blanks between them."""
    forms = (
        (flat, "self.{}[:] if self.{}.__class__ is array else self.{}.copy()"),
        (each, "[memo.get(id(x)) or x.__deepcopy__(memo) for x in self.{}]"),
        (values, "{{key: memo.get(id(x)) or x.__deepcopy__(memo) for key, x in self.{}.items()}}"),
        (rows, "{{key: x.copy() for key, x in self.{}.items()}}"),
        (held, "memo[at] if (at := id(self.{})) in memo else memo.setdefault(at, self.{}[:])"),
        (same, "self.{}"),
    )
    usual = "x if (x := self.{}).__class__ in ATOMS else memo.get(id(x)) or deepcopy(x, memo)"

    def decorate(cls: type[T]) -> type[T]:
        def lines() -> list[str]:
            how = {name: form for names, form in forms for name in names.split()}
            slots = _slots(cls)
            assert set(how) <= set(slots), f"{cls.__name__} has no {', '.join(set(how) - set(slots))}"
            copies = [f" other.{name} = " + how.get(name, usual).format(name, name, name) for name in slots]
            return [" memo[id(self)] = other", *copies]

        _write(cls, "__deepcopy__", lines)
        return cls

    return decorate
