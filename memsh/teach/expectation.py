"""What `expect` understands: figures of the box, compared. Syntax: `man expect`. No known deviations."""

from __future__ import annotations

import operator
from typing import Any

from memsh.procfs import tree
from memsh.shell import ShellError, UsageError
from memsh.shell.session import Session
from memsh.shell.values import parse_size
from memsh.teach.states import aside, run_line, state

COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
           ">=": operator.ge}  # fmt: skip


def _row(rows: dict[str, str], name: str, path: str) -> list[str]:
    if name not in rows:
        raise ShellError(f"there is no {name} in {path}")
    return rows[name].split()


def figure(session: Session, words: list[str]) -> int:
    """The number that the words stand for. ShellError names what there is not, UsageError what makes no sense."""
    if len(words) == 3 and words[1] == "of" and words[0] in ("minflt", "majflt", "status"):
        with aside(session):
            task = session.box.current
            begun = (task.minflt, task.majflt)
            status = run_line(session, words[2])[1]
            taken = {"minflt": task.minflt - begun[0], "majflt": task.majflt - begun[1], "status": status}
        return int(taken[words[0]])
    if len(words) != 1:
        raise UsageError(f"'{' '.join(words)}' is not a figure (man expect)")
    parts = words[0].split(".")
    box = session.box
    if parts[0] == "buddy" and len(parts) == 3 and parts[2].isdigit():
        row = _row(state(box)["buddyinfo"], parts[1], "/proc/buddyinfo")
        if int(parts[2]) >= len(row):
            raise ShellError(f"there is no order {parts[2]}: 0 to {len(row) - 1}")
        return int(row[int(parts[2])])
    if parts[0] == "zone" and len(parts) == 3 and parts[2] == "free":
        for zone in box.pages.zones:
            if zone.name == parts[1]:
                return int(zone.nr_free_pages)
        raise ShellError(f"there is no zone {parts[1]}")
    if parts[0] in ("meminfo", "vmstat") and len(parts) == 2:
        return int(_row(state(box)[parts[0]], parts[1], f"/proc/{parts[0]}")[0])
    if parts[0] == "slab" and len(parts) >= 3:
        row = _row(state(box)["slabinfo"], ".".join(parts[1:-1]), "/proc/slabinfo")
        if parts[-1] in ("active", "objects", "slabs"):
            return int(row[{"active": 0, "objects": 2, "slabs": 4}[parts[-1]]])
    number = parse_size(words[0])
    if number is None:
        raise UsageError(f"'{words[0]}' is not a figure (man expect)")
    return number


def _unchanged(session: Session, path: str, name: str) -> tuple[bool, str]:
    from memsh.teach.journal import attach

    snapshots: dict[str, Any] = attach(session).snapshots
    if name not in snapshots:
        raise ShellError(f"there is no snapshot {name}")
    old, new = tree.show(snapshots[name][0].box, path).splitlines(), tree.show(session.box, path).splitlines()
    for before, after in zip(old, new, strict=False):
        if before != after:
            return False, f"expected {path} as in {name}: '{before}'; found '{after}'"
    return len(old) == len(new), f"expected {path} with {len(old)} lines as in {name}; found {len(new)}"


def holds(session: Session, words: list[str]) -> tuple[bool, str]:
    """(whether it holds, the line that says what was expected and found); ("", no line) for what is no statement."""
    if len(words) == 1 and " " in words[0]:
        words = words[0].split()
    if len(words) == 4 and words[0] == "unchanged" and words[2] == "since":
        return _unchanged(session, words[1], words[3])
    signs = [at for at, word in enumerate(words) if word in COMPARE]
    if len(signs) != 1:
        return False, ""
    at = signs[0]
    left, right = figure(session, words[:at]), figure(session, words[at + 1 :])
    said = " ".join(f"'{word}'" if " " in word else word for word in words[: at])
    return bool(COMPARE[words[at]](left, right)), f"expected {said} {words[at]} {right}; found {left}"
