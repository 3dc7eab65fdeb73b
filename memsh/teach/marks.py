"""What changed between two texts, marked in the text itself: `>` stands before each figure that is new.

Used by `display`, `diff` and the live screens. A mark takes the place of a blank where two or more stand before the
figure, so that columns keep their places; the terminal colours what stands behind it, later.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from memsh.lazy import regular

MARK = ">"
_WORD = regular(r"\S+")
_FIGURE = regular(r"0x[0-9a-f]+|\b[0-9a-f]{8}\b|[0-9]+(?:\.[0-9]+)?")
_LONGEST = 4000  # lines; longer texts are compared by position


def line(old: str | None, new: str) -> str:
    """`new` with its changed words marked; a line that was not there before (None) is marked at its beginning."""
    if old == new:
        return new
    found = list(_WORD.finditer(new))
    if old is None:
        changed = set(range(min(1, len(found))))
    else:
        changed = _changed(old.split(), [match[0] for match in found])
    parts, at = [], 0
    for number, match in enumerate(found):
        if number not in changed:
            continue
        start = match.start()
        gap = start - at
        if gap > 1 and new[start - 1] == " " and new[start - 2] == " ":
            parts.append(new[at : start - 1])
        else:
            parts.append(new[at:start])
        word = match[0]
        parts.append(MARK + word)
        at = match.end()
    return "".join(parts) + new[at:]


def _changed(old: list[str], new: list[str]) -> set[int]:
    """Which of the new words are not as they were."""
    if len(old) == len(new):
        return {place for place, (one, two) in enumerate(zip(old, new, strict=True)) if one != two}
    matcher = SequenceMatcher(None, old, new, False)
    return {place for tag, _, _, first, last in matcher.get_opcodes() if tag != "equal" for place in range(first, last)}


def _skeleton(text: str) -> str:
    return " ".join(_FIGURE.sub("0", text).split())


def pairs(old: list[str], new: list[str]) -> tuple[list[str | None], list[str]]:
    """(for each new line the old one that it was, None where there is none; the old lines that are gone)."""
    if old == new:
        return list(old), []
    if len(old) == len(new) and (len(new) > _LONGEST or list(map(_skeleton, old)) == list(map(_skeleton, new))):
        return list(old), []
    before: list[str | None] = [None] * len(new)
    gone: list[str] = []
    if max(len(old), len(new)) > _LONGEST:
        shared = min(len(old), len(new))
        return [*old[:shared], *before[shared:]], old[shared:]
    matcher = SequenceMatcher(None, list(map(_skeleton, old)), list(map(_skeleton, new)), False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal" or (tag == "replace" and b - a == d - c):
            before[c:d] = old[a:b]
        else:
            gone += old[a:b]
    return before, gone


def text(old: str, new: str) -> str:
    """The new text with its changes marked; how many lines are gone is told below it."""
    lines = new.split("\n")
    end = lines.pop()
    before, gone = pairs(old.split("\n")[:-1], lines)
    marked = [line(was, now) for was, now in zip(before, lines, strict=True)]
    if gone:
        marked.append(f"{MARK} {len(gone)} line{'s' if len(gone) > 1 else ''} gone")
    return "".join(one + "\n" for one in marked) + end
