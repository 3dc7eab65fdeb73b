"""Differences told in diff's ways: normal, in context, unified, for ed and RCS, side by side
(GNU diffutils 3.8: normal.c, context.c, ed.c, side.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.shell.registry import Args
from memsh.textutils.comparing import Change
from memsh.textutils.diffformats import Formatter
from memsh.textutils.regexp import Regexp

NO_NEWLINE = "\\ No newline at end of file\n"


class Way(NamedTuple):
    """How differences are told: the style, lines of context, and what of a line counts."""

    style: str
    context: int
    function: Regexp | None
    ignored: tuple[Regexp, ...]
    formats: tuple[dict[str, str], dict[str, str]] | None = None


class Told:
    """How the differences of two files are told. `heads`: the name and time of either file."""

    def __init__(
        self, args: Args, way: Way, heads: Callable[[int], str], before: list[str], after: list[str],
        script: list[Change],
    ) -> None:  # fmt: skip
        self.args, self.way, self.heads = args, way, heads
        self.before, self.after, self.script = before, after, script
        self.trivial = {change for change in script if self._trivial(change)}
        self.differs = len(self.trivial) < len(script)
        self.shades = False  # two columns in colours

    def _trivial(self, change: Change) -> bool:
        """Whether only lines that are to be ignored differ."""
        args, ignored = self.args, self.way.ignored
        if not args.ignore_blank_lines and not ignored:
            return False
        lines = self.before[change.a : change.a_end] + self.after[change.b : change.b_end]
        blank = r"[ \t\v\f\r]*\n?" if args.ignore_all_space or args.ignore_space_change else r"\n"
        return all(
            (args.ignore_blank_lines and re.fullmatch(blank, line) is not None)
            or any(regexp.search(line.removesuffix("\n")) is not None for regexp in ignored)
            for line in lines
        )

    def pieces(self) -> Iterator[str]:
        styles: dict[str, Callable[[], Iterator[str]]] = {
            "normal": self._normal, "c": self._in_context, "u": self._unified, "ed": self._ed, "rcs": self._rcs,
            "side_by_side": self._side_by_side, "forward_ed": self._forward_ed, "ifdef": self._formatted,
        }  # fmt: skip
        return styles[self.way.style]()

    def _line(self, mark: str, line: str) -> str:
        lead = mark.rstrip(" ") + "\t" if self.args.initial_tab and mark.strip() else mark
        lead = "\t" if self.args.initial_tab and not mark.strip() else lead
        if self.args.suppress_blank_empty and line == "\n":
            lead = lead.rstrip(" \t")
        if self.args.expand_tabs:
            line = line.expandtabs(self.args.tabsize)
        return lead + line if line.endswith("\n") else f"{lead}{line}\n{NO_NEWLINE}"

    def _normal(self) -> Iterator[str]:
        for change in self.script:
            if change in self.trivial:
                continue
            a, a_end, b, b_end = change
            letter = "a" if a == a_end else "d" if b == b_end else "c"
            yield f"{_span(a, a_end)}{letter}{_span(b, b_end)}\n"
            yield from (self._line("< ", line) for line in self.before[a:a_end])
            if letter == "c":
                yield "---\n"
            yield from (self._line("> ", line) for line in self.after[b:b_end])

    def _hunks(self) -> Iterator[list[Change]]:
        """Changes that stand so near to each other that their context meets."""
        context = self.way.context
        hunk: list[Change] = []
        for change in self.script:
            near = context if change in self.trivial else 2 * context + 1
            if hunk and change.a - hunk[-1].a_end >= near:
                yield hunk
                hunk = []
            hunk.append(change)
        if hunk:
            yield hunk

    def _around(self) -> Iterator[tuple[list[Change], Change, str]]:
        """(changes, the lines with their context, the function's line) of each hunk that is told."""
        context = self.way.context
        for hunk in self._hunks():
            if all(change in self.trivial for change in hunk):
                continue
            a, b = max(hunk[0].a - context, 0), max(hunk[0].b - context, 0)
            a_end = min(hunk[-1].a_end + context, len(self.before))
            b_end = min(hunk[-1].b_end + context, len(self.after))
            yield hunk, Change(a, a_end, b, b_end), self._function(a)

    def _function(self, first: int) -> str:
        if self.way.function is None:
            return ""
        for line in reversed(self.before[:first]):
            if self.way.function.search(line.removesuffix("\n")) is not None:
                return " " + line.lstrip(" \t")[:40].rstrip()
        return ""

    def _heads(self, marks: tuple[str, str]) -> Iterator[str]:
        for number, mark in enumerate(marks):
            yield f"{mark} {self.heads(number)}\n"

    def _unified(self) -> Iterator[str]:
        yield from self._heads(("---", "+++"))
        for hunk, whole, function in self._around():
            yield f"@@ -{_range(whole.a, whole.a_end)} +{_range(whole.b, whole.b_end)} @@{function}\n"
            at = whole.a
            for change in hunk:
                yield from (self._line(" ", line) for line in self.before[at : change.a])
                yield from (self._line("-", line) for line in self.before[change.a : change.a_end])
                yield from (self._line("+", line) for line in self.after[change.b : change.b_end])
                at = change.a_end
            yield from (self._line(" ", line) for line in self.before[at : whole.a_end])

    def _in_context(self) -> Iterator[str]:
        yield from self._heads(("***", "---"))
        for hunk, whole, function in self._around():
            yield f"***************{function}\n*** {_both(whole.a, whole.a_end)} ****\n"
            if any(change.a < change.a_end for change in hunk):
                old = [(change.a, change.a_end, "- " if change.b == change.b_end else "! ") for change in hunk]
                yield from self._sides(self.before, whole.a, whole.a_end, old)
            yield f"--- {_both(whole.b, whole.b_end)} ----\n"
            if any(change.b < change.b_end for change in hunk):
                new = [(change.b, change.b_end, "+ " if change.a == change.a_end else "! ") for change in hunk]
                yield from self._sides(self.after, whole.b, whole.b_end, new)

    def _sides(self, lines: list[str], at: int, end: int, marks: list[tuple[int, int, str]]) -> Iterator[str]:
        for first, last, mark in marks:
            yield from (self._line("  ", line) for line in lines[at:first])
            yield from (self._line(mark, line) for line in lines[first:last])
            at = last
        yield from (self._line("  ", line) for line in lines[at:end])

    def _ed(self) -> Iterator[str]:
        for change in reversed(self.script):
            if change in self.trivial:
                continue
            a, a_end, b, b_end = change
            letter = "a" if a == a_end else "d" if b == b_end else "c"
            yield f"{_span(a, a_end)}{letter}\n"
            if letter == "d":
                continue
            inserting = True
            for at in range(b, b_end):
                line = self.after[at]
                if not inserting:
                    yield "a\n"
                    inserting = True
                if line.startswith(".") and line.strip("\n") == ".":
                    yield "..\n.\ns/.//\n"
                    inserting = False
                else:
                    yield line if line.endswith("\n") else line + "\n"
            if inserting:
                yield ".\n"

    def _forward_ed(self) -> Iterator[str]:
        for change in self.script:
            if change in self.trivial:
                continue
            a, a_end, b, b_end = change
            letter = "a" if a == a_end else "d" if b == b_end else "c"
            yield f"{letter}{_span(a, a_end).replace(',', ' ')}\n"
            if letter != "d":
                yield from self.after[b:b_end]
                yield ".\n"

    def _formatted(self) -> Iterator[str]:
        assert self.way.formats is not None
        tabs = self.args.tabsize if self.args.expand_tabs else 0
        script = [change for change in self.script if change not in self.trivial]
        return Formatter(self.way.formats, self.before, self.after, tabs).pieces(script)

    def coloured(self) -> Iterator[str]:
        """The same with colours: what is gone red, what is new green, places cyan, heads bold."""
        if self.way.style == "side_by_side":
            self.shades = True
            yield from self.pieces()
            return
        heads, new = 2 if self.way.style in ("c", "u") else 0, False
        for piece in self.pieces():
            shade = ""
            if heads:
                heads, shade = heads - 1, "1"
            elif self.way.style == "normal":
                shade = {"<": "31", ">": "32"}.get(piece[0], "36" if is_digits(piece[0]) else "")
            elif self.way.style == "u":
                shade = {"-": "31", "+": "32", "@": "36"}.get(piece[0], "")
            elif self.way.style == "c" and piece.startswith(("*** ", "--- ")):
                new, shade = piece[0] == "-", "36"
            elif self.way.style == "c":
                shade = "32" if new else "31"  # lines of context too
            lines = piece.split("\n")
            if self.way.style == "c" and piece.startswith("***************"):
                yield f"{lines[0]}\n\33[36m{lines[1]}\33[0m\n"
                new = False
                continue
            for line in lines[:-1]:
                place, function = line, ""
                if shade == "36" and self.way.style == "u":
                    end = line.index("@@", 2) + 2
                    place, function = line[:end], line[end:]
                yield (f"\33[{shade}m{place}\33[0m{function}" if shade and line[:1] != "\\" else line) + "\n"

    def _rcs(self) -> Iterator[str]:
        for a, a_end, b, b_end in (change for change in self.script if change not in self.trivial):
            if a < a_end:
                yield f"d{a + 1} {a_end - a}\n"
            if b < b_end:
                yield f"a{a_end} {b_end - b}\n"
                yield from self.after[b:b_end]

    def _side_by_side(self) -> Iterator[str]:
        at = other = 0
        for change in [*self.script, Change(len(self.before), len(self.before), len(self.after), len(self.after))]:
            if not self.args.suppress_common_lines:
                for one, two in zip(self.before[at : change.a], self.after[other : change.b], strict=False):
                    yield self._pair(one, "(" if self.args.left_column else " ", None if self.args.left_column else two)
            both = min(change.a_end - change.a, change.b_end - change.b)
            if change in self.trivial:
                both = 0
            for number in range(both):
                yield self._pair(self.before[change.a + number], "|", self.after[change.b + number])
            for line in self.before[change.a + both : change.a_end]:
                row = self._pair(line, "(" if change in self.trivial and self.args.left_column else "<", None)
                yield f"\33[31m{row}\33[0m" if self.shades else row
            for line in self.after[change.b + both : change.b_end]:
                row = self._pair(None, ">", line)
                yield f"\33[32m{row}\33[0m" if self.shades else row
            at, other = change.a_end, change.b_end

    def _pair(self, left: str | None, mark: str, right: str | None) -> str:
        """One row of two columns (side.c, print_1sdiff_line)."""
        args = self.args
        tab = 1 if args.expand_tabs else args.tabsize
        wide, gap = args.width, tab + 3
        place = (wide >> 1) + (gap >> 1) + (wide & gap & 1)
        place -= place % tab
        half = max(0, min(place - 3, wide - place))
        column = place if half else wide
        shown, at, newline = "", 0, False
        if left is not None:
            text, at = self._half(left, 0, half)
            shown, newline = text, left.endswith("\n")
        if mark != " ":
            gap_text, at = self._gap(at, (half + column - 1) // 2)
            if mark == "|" and right is not None and newline != right.endswith("\n"):
                mark = "/" if newline else "\\"
            shown, at = shown + gap_text + mark, at + 1
        if right is not None:
            newline = newline or right.endswith("\n")
            if right.strip("\n"):
                gap_text, at = self._gap(at, column)
                text, at = self._half(right, at, half)
                shown += gap_text + text
        return shown + ("\n" if newline else "")

    def _gap(self, at: int, to: int) -> tuple[str, int]:
        shown, size = "", self.args.tabsize
        if not self.args.expand_tabs:
            while at - at % size + size <= to:
                at, shown = at - at % size + size, shown + "\t"
        return (shown + " " * (to - at), to) if at < to else (shown, at)

    def _half(self, line: str, begin: int, room: int) -> tuple[str, int]:
        """What of a line fits into a column, and the column behind it."""
        shown, at, size = "", 0, self.args.tabsize
        for char in line.removesuffix("\n"):
            if char == "\t":
                step = size - at % size
                if at + step > room:
                    break
                shown += " " * step if self.args.expand_tabs else "\t"
                at += step
                continue
            if at + 1 > room:
                break
            at, shown = at + 1, shown + char
        return shown, begin + at


def _span(start: int, end: int) -> str:
    return f"{start + 1},{end}" if end - start > 1 else str(end if end > start else start)


def _range(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + 1 if length else start},{length}"


def _both(start: int, end: int) -> str:
    return f"{start + 1},{end}" if end > start + 1 else str(end)
