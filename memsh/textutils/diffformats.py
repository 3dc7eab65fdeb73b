"""diff's formats of groups and of lines, and -D, which is some of them (GNU diffutils 3.8: src/ifdef.c, diff.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.textutils.comparing import Change
from memsh.textutils.conversions import field, integer

KINDS = ("unchanged", "old", "new", "changed")
_DIRECTIVE = regular(r"""%(?:([<>=%lL])|c'(\\[0-7]{1,3}|[^'])'|\(([^=()?]+)=([^?]+)\?"""
                        r"""|(-?)('?)([0-9]*)(?:\.([0-9]*))?([doxX])([eflmnEFLMN]))""", re.DOTALL)  # fmt: skip


def ifdef_formats(name: str) -> dict[str, str]:
    """The group formats that -D NAME stands for."""
    return {
        "unchanged": "%=", "old": f"#ifndef {name}\n%<#endif /* ! {name} */\n",
        "new": f"#ifdef {name}\n%>#endif /* {name} */\n",
        "changed": f"#ifndef {name}\n%<#else /* {name} */\n%>#endif /* {name} */\n",
    }  # fmt: skip


def completed(groups: dict[str, str], lines: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Both kinds of formats, with what stands for those that were not given."""
    lines = {kind: lines.get(kind, "%l\n") for kind in KINDS[:3]}
    changed = groups.get("changed")
    old, new = groups.get("old", changed or "%<"), groups.get("new", changed or "%>")
    both = changed if changed is not None else old + new
    return {"unchanged": groups.get("unchanged", "%="), "old": old, "new": new, "changed": both}, lines


class Formatter:
    """One difference, told by formats."""

    def __init__(
        self, formats: tuple[dict[str, str], dict[str, str]], before: list[str], after: list[str], tabs: int
    ) -> None:  # fmt: skip
        self.groups, self.lines = formats
        self.before, self.after, self.tabs = before, after, tabs

    def pieces(self, script: list[Change]) -> Iterator[str]:
        """All groups in their order; `script` is what differs."""
        at, other = 0, 0
        ends = Change(len(self.before), len(self.before), len(self.after), len(self.after))
        for change in [*script, ends]:
            if change.a > at or change.b > other:
                yield self._group("unchanged", Change(at, change.a, other, change.b))
            if change is not ends:
                kind = "new" if change.a == change.a_end else "old" if change.b == change.b_end else "changed"
                yield self._group(kind, change)
            at, other = change.a_end, change.b_end

    def _group(self, kind: str, change: Change) -> str:
        return self._filled(self.groups[kind], change)

    def _filled(self, pattern: str, change: Change) -> str:
        parts, place = [], 0
        while match := _DIRECTIVE.search(pattern, place):
            parts.append(pattern[place : match.start()])
            place = match.end()
            sign, char, one, two = match.group(1, 2, 3, 4)
            if sign and sign in "lL":
                parts.append(match[0])
            elif sign == "%":
                parts.append("%")
            elif sign:
                parts.append("".join(self._side(sign, change)))
            elif char is not None:
                parts.append(_char(char))
            elif one is not None:
                inside, place = _arms(pattern, place)
                equal = self._count(one, change) == self._count(two, change)
                parts.append(self._filled(inside[0] if equal else inside[1], change))
            else:
                parts.append(_number(match, self._count(match[10], change)))
        return "".join([*parts, pattern[place:]])

    def _count(self, word: str, change: Change) -> int:
        """`e f l m n` of the first file, in capitals of the second; or a number itself."""
        if is_digits(word):
            return int(word)
        first, end = (change.a, change.a_end) if word.islower() else (change.b, change.b_end)
        return {"e": first, "f": first + 1, "l": end, "m": end + 1, "n": end - first}.get(word.lower(), -1)

    def _side(self, sign: str, change: Change) -> Iterator[str]:
        """The lines of a group, each by its format."""
        pattern = self.lines[{"<": "old", ">": "new", "=": "unchanged"}[sign]]
        one, other = (self.before, change.a, change.a_end), (self.after, change.b, change.b_end)
        source, first, end = other if sign == ">" else one
        for at in range(first, end):
            line = source[at].expandtabs(self.tabs) if self.tabs else source[at]
            yield _DIRECTIVE.sub(partial(self._of_line, at=at, line=line), pattern)

    @staticmethod
    def _of_line(match: re.Match[str], at: int, line: str) -> str:
        if match[1] is not None:
            return {"l": line.removesuffix("\n"), "L": line, "%": "%"}.get(match[1], match[0])
        if match[2] is not None:
            return _char(match[2])
        return _number(match, at + 1) if match[10] == "n" else match[0]


def _char(text: str) -> str:
    return chr(int(text[1:], 8)) if len(text) > 1 else text


def _number(match: re.Match[str], number: int) -> str:
    """`%5dn`, `%-5dn`, `%.3dn`."""
    minus, _, width, precision, base = match.group(5, 6, 7, 8, 9)
    return integer(minus or "", field(width), field(precision), base, number)


def _arms(pattern: str, place: int) -> tuple[tuple[str, str], int]:
    """What stands behind `%(A=B?`: the two texts, and the place behind their parenthesis."""
    start, middle, depth = place, -1, 0
    while place < len(pattern):
        if pattern.startswith("%(", place):
            depth += 1
            place += 1
        elif pattern[place] == "%":
            place += 1
        elif pattern[place] == ":" and not depth and middle < 0:
            middle = place
        elif pattern[place] == ")":
            if not depth:
                break
            depth -= 1
        place += 1
    middle = place if middle < 0 else middle
    return (pattern[start:middle], pattern[middle + 1 : place]), place + 1
