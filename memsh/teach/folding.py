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


def folds(steps: Sequence[Step]) -> dict[int, tuple[int, str]]:
    """{first step that is left out: (one past the last, the line told instead)}."""
    found: dict[int, tuple[int, str]] = {}
    at = 0
    while at < len(steps):
        if steps[at].kind != CALL:
            at += 1
            continue
        shape: tuple[Any, ...] | None = None
        row, here = [at], _end(steps, at)
        while here < len(steps) and steps[here].kind == CALL and steps[here].depth == steps[at].depth:
            if steps[here].function is not steps[at].function:
                break
            end = _end(steps, here)
            shape = shape or _shape(steps, at, here)
            if end - here != len(shape) or _shape(steps, here, end) != shape:
                break
            row.append(here)
            here = end
        if len(row) > TOLD + 2:
            left = len(row) - TOLD - 1
            found[row[TOLD]] = (row[-1], f"{_name(steps[at])}(): and {left} more like these")
            at = here
        else:
            at += 1
    return found
