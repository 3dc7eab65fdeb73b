"""Copies of objects with `__slots__`, for Box.copy(): what copy.deepcopy() makes of them, without its detours.

`@slotwise(...)` writes a class its `__deepcopy__`, as dataclasses write `__init__`: one assignment a slot, all of which
__init__ has set. One that is not named is copied as deepcopy() would, so that a new one is never shared by mistake.
Named are, for speed: `flat`, lists, dicts and arrays of numbers and texts that belong to this object alone; `each`,
lists, and `values`, dicts of such objects; `held`, lists of what never changes that another object may hold, too;
`same`, what never changes and is shared. `@copyable` writes `__copy__`, what copy.copy() makes: every slot the same.
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


def _written(cls: type, method: str, lines: list[str]) -> None:
    """Give the class a method of these lines, each of which sets something of `other`."""
    scope: dict[str, Any] = {
        "cls": cls, "new": object.__new__, "deepcopy": deepcopy, "ATOMS": ATOMS, "array": array,
    }  # fmt: skip
    exec("\n".join([f"def {method}(self, memo=None):", " other = new(cls)", *lines, " return other"]), scope)
    setattr(cls, method, scope[method])


def copyable(cls: type[T]) -> type[T]:
    """A class decorator."""
    _written(cls, "__copy__", [f" other.{name} = self.{name}" for name in _slots(cls)])
    return cls


def slotwise(
    *, flat: str = "", each: str = "", values: str = "", held: str = "", same: str = ""
) -> Callable[[type[T]], type[T]]:
    """A class decorator; each argument is names of slots with blanks between them."""
    how = {name: form for names, form in (
        (flat, "self.{}[:] if self.{}.__class__ is array else self.{}.copy()"),
        (each, "[memo.get(id(x)) or x.__deepcopy__(memo) for x in self.{}]"),
        (values, "{{key: memo.get(id(x)) or x.__deepcopy__(memo) for key, x in self.{}.items()}}"),
        (held, "memo[at] if (at := id(self.{})) in memo else memo.setdefault(at, self.{}[:])"),
        (same, "self.{}"),
    ) for name in names.split()}  # fmt: skip
    usual = "x if (x := self.{}).__class__ in ATOMS else memo.get(id(x)) or deepcopy(x, memo)"

    def write(cls: type[T]) -> type[T]:
        slots = _slots(cls)
        assert set(how) <= set(slots), f"{cls.__name__} has no {', '.join(set(how) - set(slots))}"
        lines = [f" other.{name} = " + how.get(name, usual).format(name, name, name) for name in slots]
        _written(cls, "__deepcopy__", [" memo[id(self)] = other", *lines])
        return cls

    return write
