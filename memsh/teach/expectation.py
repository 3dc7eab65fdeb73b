"""`expect`: statements about figures and files of the box. Syntax: `man expect`. No known deviations."""

from __future__ import annotations

import operator
import re
from typing import Any

from memsh.procfs import tree
from memsh.shell import UsageError
from memsh.shell.session import Session
from memsh.teach.figures import figure
from memsh.teach.states import run_line

COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
           ">=": operator.ge}  # fmt: skip
WHAT = "not a statement: FIGURE == FIGURE, [un]changed FILE since NAME, 'REGEX' in FILE (man expect)"


def _show(box: Any, path: str) -> list[str]:
    try:
        return tree.show(box, path).splitlines()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except KeyError:
        raise UsageError(f"{path}: No such file or directory") from None


def _compared(session: Session, changed: bool, path: str, name: str) -> tuple[bool, str]:
    from memsh.teach.journal import attach

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


def holds(session: Session, words: list[str]) -> tuple[bool, str]:
    """(whether it holds, the line that says what was expected and found). UsageError for what is no statement."""
    if len(words) == 1 and " " in words[0]:
        words = words_of(session, words[0])
    if words[:1] == ["not"] and len(words) > 1:
        true, line = holds(session, words[1:])
        return not true, f"expected not {' '.join(words[1:])}; it holds" if true else line
    if len(words) == 4 and words[0] in ("unchanged", "changed") and words[2] == "since":
        return _compared(session, words[0] == "changed", words[1], words[3])
    if len(words) == 3 and words[1] == "in" and words[2].startswith("/"):
        return _contains(session, words[0], words[2])
    signs = [at for at, word in enumerate(words) if word in COMPARE]
    if len(signs) != 1:
        raise UsageError(WHAT)
    at = signs[0]
    left, right = figure(session, words[:at]), figure(session, words[at + 1 :])
    said = " ".join(f"'{word}'" if " " in word else word for word in words[:at])
    return bool(COMPARE[words[at]](left, right)), f"expected {said} {words[at]} {right}; found {left}"


def split(session: Session, text: str) -> list[str]:
    """Text to words as the shell does it: quotes, $names, $(…). UsageError if it is not the shell's language."""
    status = session.last_status
    words, failed = run_line(session, f"printf '%s\\n' {text}")
    session.last_status = status
    if failed or not words:
        said = words.strip().split("\n")[-1].removeprefix("printf: ").removeprefix("memsh: ")
        raise UsageError(said or "nothing is there (man expect)")
    return words.splitlines()


def words_of(session: Session, text: str) -> list[str]:
    """A figure or statement from a file; `<` and `>` need no quotes there."""
    parts = re.split(r"('[^']*'|\"[^\"]*\")", text)
    for at in range(0, len(parts), 2):  # outside quotes
        parts[at] = re.sub(r"(?<=\s)([<>]=?)(?=\s)", r"'\1'", parts[at])
    return split(session, "".join(parts))

