"""`expect`: statements about figures and files of the box. Syntax: `man expect`. No known deviations."""

from __future__ import annotations

import operator
import re
from typing import Any

from memsh.linux.box import Box
from memsh.procfs import tree
from memsh.shell import UsageError
from memsh.shell.session import Session
from memsh.teach.figures import figure
from memsh.teach.journal import attach
from memsh.teach.statement import Word

COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
           ">=": operator.ge}  # fmt: skip
WHAT = "not a statement: FIGURE == FIGURE, [un]changed FILE since NAME, 'REGEX' in FILE (man expect)"


def _show(box: Box, path: str) -> list[str]:
    try:
        return tree.show(box, path).splitlines()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except KeyError:
        raise UsageError(f"{path}: No such file or directory") from None


def _compared(session: Session, changed: bool, path: str, name: str) -> tuple[bool, str]:
    timeline = attach(session)
    snapshots: dict[str, Any] = timeline.snapshots
    if name not in snapshots:
        raise UsageError(f"there is no snapshot {name} (there are: {', '.join(snapshots) or 'none yet'})")
    old, new = _show(timeline.snapshot(name).box, path), _show(session.box, path)
    if changed:
        return old != new, f"expected {path} to differ from {name}; it is the same"
    for before, after in zip(old, new, strict=False):
        if before != after:
            return False, f"expected {path} as in {name}: '{before}'; found '{after}'"
    return len(old) == len(new), f"expected {path} with {len(old)} lines as in {name}; found {len(new)}"


def _contains(session: Session, pattern: str, path: str) -> tuple[bool, str]:
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"'{pattern}' is no regular expression: {error}") from None
    lines = _show(session.box, path)
    return any(map(wanted.search, lines)), f"expected a line of {path} with '{pattern}'; found none in {len(lines)}"


def holds(session: Session, words: list[Word]) -> tuple[bool, str]:
    """(whether it holds, the line that says what was expected and found). UsageError for what is no statement."""
    bare = [word.bare for word in words]
    if bare[:1] == ["not"] and len(words) > 1:
        true, line = holds(session, words[1:])
        said = " ".join(word.source for word in words[1:])
        return not true, f"expected not {said}; it holds" if true else line
    if len(words) == 4 and bare[0] in ("unchanged", "changed") and bare[2] == "since":
        return _compared(session, bare[0] == "changed", words[1].text(session), words[3].text(session))
    if len(words) == 3 and bare[1] == "in" and words[2].text(session).startswith("/"):
        return _contains(session, words[0].text(session), words[2].text(session))
    signs = [at for at, word in enumerate(bare) if word in COMPARE]
    if len(signs) != 1:
        raise UsageError(WHAT)
    at = signs[0]
    left, right = figure(session, words[:at]), figure(session, words[at + 1 :])
    said = " ".join(word.source for word in words[:at])
    return bool(COMPARE[bare[at]](left, right)), f"expected {said} {bare[at]} {right}; found {left}"
