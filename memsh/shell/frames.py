"""What a function that runs has made its own, and what its caller finds again (bash: variables.c, push_scope).

No known deviations.
"""

from __future__ import annotations

from copy import copy
from typing import NamedTuple


class Saved(NamedTuple):
    """A variable as it was before a function made it local."""

    value: str | None
    array: dict[int, str] | None
    map: dict[str, str] | None
    attributes: frozenset[str]


class Called(NamedTuple):
    """A function that runs, or a script that `source` runs: its name, the file it stands in, the line of the call."""

    name: str
    file: str
    line: int


class Frame:
    """A function that runs: the arguments of who called it, and what it has made local."""

    __slots__ = ("given", "options", "outer", "saved", "traps")

    def __init__(self, outer: list[str] | None) -> None:
        self.outer = outer
        self.saved: dict[str, Saved] = {}
        self.traps: dict[str, str] = {}  # of the caller, which the function does not hear of
        self.given: dict[str, Saved] = {}  # `name=value FUNCTION`: what each was before
        self.options: tuple[set[str], dict[str, bool]] | None = None  # `local -`


def doubled(frame: Frame) -> Frame:
    """The same, for a shell of its own."""
    other = copy(frame)
    other.outer = None if frame.outer is None else list(frame.outer)
    other.saved, other.traps, other.given = dict(frame.saved), dict(frame.traps), dict(frame.given)
    return other
