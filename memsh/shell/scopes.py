"""Functions that run: what is local to them, and what their caller finds again (bash: variables.c, push_scope).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from memsh.shell.errors import ShellError
from memsh.shell.frames import Called, Frame, Saved
from memsh.shell.switches import TRACED, Switches

T = TypeVar("T")


class Scopes(Switches):
    """The part of Language that enters and leaves them."""

    if TYPE_CHECKING:

        def may_change(self, name: str) -> None: ...
        def has(self, name: str, letter: str) -> bool: ...
        def mark(self, name: str, letters: str, on: bool = True) -> None: ...

    def __init__(self) -> None:
        super().__init__()
        self.variables: dict[str, str] = {}
        self.arrays: dict[str, dict[int, str]] = {}
        self.maps: dict[str, dict[str, str]] = {}
        self.attributes: dict[str, set[str]] = {}  # name → letters of declare: x r i l u n a A t
        self.positional: list[str] | None = None  # None: $1 … is the history of values
        self.traps: dict[str, str] = {}
        self.frames: list[Frame] = []
        self.calls: list[Called] = []
        self.within = "main"  # the script that runs, as BASH_SOURCE has it
        self.given: dict[str, Saved] = {}  # for the function that is about to be called
        self.covered: list[tuple[int, dict[str, Saved]]] = []  # what each `name=value COMMAND` hides, in which frame

    def enter(self, call: Called, arguments: list[str]) -> None:
        frame = Frame(self.positional)
        self.calls.append(call)
        frame.given, self.given = self.given, {}
        self.frames.append(frame)
        if self.traps:
            for condition in TRACED:
                if condition in self.traps and not self.inherits(condition):
                    frame.traps[condition] = self.traps.pop(condition)
        self.positional = arguments

    def file(self) -> str:
        """Where the command stands that runs."""
        return self.calls[-1].file if self.calls else self.within

    def leave(self) -> None:
        """Back in the caller: what was local is as it was."""
        self.calls.pop()
        frame = self.frames.pop()
        self.positional = frame.outer
        for condition, text in frame.traps.items():
            self.traps.setdefault(condition, text)
        for name, saved in frame.saved.items():
            self.put_back(name, saved)
        if frame.options is not None:
            self.options, self.shopts = frame.options

    def snapshot(self, name: str) -> Saved:
        return Saved(self.variables.get(name), self.arrays.get(name), self.maps.get(name),
                     frozenset(self.attributes.get(name, ())))  # fmt: skip

    def put_back(self, name: str, saved: Saved) -> None:
        self.changes += 1
        self._put(self.variables, name, saved.value)
        self._put(self.arrays, name, saved.array)
        self._put(self.maps, name, saved.map)
        if saved.attributes:
            self.attributes[name] = set(saved.attributes)
        else:
            self.attributes.pop(name, None)

    @staticmethod
    def _put(table: dict[str, T], name: str, value: T | None) -> None:
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value

    def set_global(self, name: str, text: str) -> bool:
        """`declare -g name=text` where a function has made the name its own: the one outside. False: there is none."""
        for frame in self.frames:
            if name in frame.saved:
                before = frame.saved[name]
                frame.saved[name] = before._replace(value=text, array=None, map=None)
                self.changes += 1
                return True
        return False

    def make_local(self, name: str) -> None:
        """From here on the name is the function's own. ShellError outside of one."""
        if not self.frames:
            raise ShellError("can only be used in a function")
        self.may_change(name)
        saved = self.frames[-1].saved
        if name not in saved:
            saved[name] = self.snapshot(name)
            if self._lent(name):  # it begins with what stood before the call
                return
            exported = self.has(name, "x")
            for table in (self.variables, self.arrays, self.maps, self.attributes):
                table.pop(name, None)
            if exported:
                self.mark(name, "x")

    def _lent(self, name: str) -> bool:
        """Whether the value that is seen is a `name=value` before a call."""
        for frame in reversed(self.frames):
            if name in frame.given:
                return True
            if name in frame.saved and frame is not self.frames[-1]:
                return False
        return any(name in kept for _, kept in self.covered)  # `name=value eval FUNCTION`

    def uncovered(self, name: str) -> bool:
        """`unset`: what a caller, or a `name=value` before a command, has hidden is seen again. False: nothing was."""
        for depth in range(len(self.frames), -1, -1):
            for kept in [kept for there, kept in reversed(self.covered) if there == depth and name in kept]:
                self.put_back(name, kept.pop(name))
                return True
            frame = self.frames[depth - 1] if depth else None
            if frame is None or (name in frame.saved and depth == len(self.frames)):
                return False  # local to the function that runs: it stays unset
            if name in frame.saved or name in frame.given:
                hidden = frame.saved.pop(name, None)
                lent = frame.given.pop(name, None)
                self.put_back(name, lent or hidden)  # type: ignore[arg-type]
                return True
        return False
