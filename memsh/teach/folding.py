"""Calls of one kind in a row, in the story of a command: the first two and the last are told, the rest is counted.

No known deviations: ftrace prints them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memsh.teach.recorder import Step

TOLD = 2  # of a row, and the last
CALL = "call"


def _end(steps: Sequence[Step], at: int) -> int:
    """One past what happened inside the call at `at`."""
    depth, at = steps[at].depth, at + 1
    while at < len(steps) and steps[at].depth > depth:
        at += 1
    return at


def _name(call: Step) -> str:
    return call.function.name if call.function is not None else ""


def _shape(steps: Sequence[Step], at: int, end: int) -> tuple[Any, ...]:
    """The calls and the kinds of lines in [at, end), without their figures."""
    return tuple((step.depth, _name(step) if step.kind == CALL else step.text.split(maxsplit=1)[0])
                 for step in steps[at:end])  # fmt: skip


def _unit(steps: Sequence[Step], at: int, calls: int) -> int:
    """One past so many calls in a row from `at` on; 0 if there are not so many."""
    begun = at
    for _ in range(calls):
        if at >= len(steps) or steps[at].kind != CALL or steps[at].depth != steps[begun].depth:
            return 0
        at = _end(steps, at)
    return at


def folds(steps: Sequence[Step]) -> dict[int, tuple[int, str]]:
    """{first step that is left out: (one past the last, the line told instead)}. One call again and again, or two in
    turn."""
    found: dict[int, tuple[int, str]] = {}
    at = 0
    while at < len(steps):
        for calls in (1, 2) if steps[at].kind == CALL else ():
            row = _row(steps, at, calls)
            if len(row) > TOLD + 3:
                names = dict.fromkeys(f"{_name(step)}()" for step in steps[at : row[1]]
                                      if step.kind == CALL and step.depth == steps[at].depth)  # fmt: skip
                found[row[TOLD]] = (row[-2], f"{', '.join(names)}: and {len(row) - TOLD - 2} more like these")
                at = row[-1]
                break
        else:
            at += 1
    return found


def _row(steps: Sequence[Step], at: int, calls: int) -> list[int]:
    """Where each of the alike units begins of so many calls from `at` on, and where the last one ends."""
    row, end = [at], _unit(steps, at, calls)
    if not end:
        return row
    shape = _shape(steps, at, end)
    while end:
        row.append(end)
        end = _unit(steps, row[-1], calls)
        if end - row[-1] != len(shape) or _shape(steps, row[-1], end) != shape:
            break
    return row
