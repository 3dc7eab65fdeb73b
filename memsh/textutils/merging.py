"""Two sorted files walked side by side: comm and join (GNU coreutils 9.1, src/comm.c, src/join.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import Room
from memsh.textutils.sources import strict_lines
from memsh.textutils.utility import option, utility

ORDER = (
    option("--check-order", help="stop where a file is not sorted"), option("--nocheck-order", help="do not look"),
    option("-z", "--zero-terminated", help="lines end in NUL"), rest("files", words="path"),
)  # fmt: skip
NOT_SORTED = "input is not in sorted order"


def _two(args: Args) -> list[str]:
    names: list[str] = args.files
    if len(names) < 2:
        raise args.refused(f"missing operand after '{names[0]}'" if names else "missing operand")
    if len(names) > 2:
        raise args.refused(f"extra operand '{names[2]}'")
    return names


class _Order:
    """Whether the two files are sorted: looked at always (--check-order, which ends it at once), never, or from the
    first line on that is in one file only. Each file is complained about once."""

    def __init__(self, io: IO, args: Args) -> None:
        self.io = io
        self.always: bool = args.check_order
        self.watches: bool = not args.nocheck_order
        self.unpaired = False
        self.told = [False, False]

    def check(self, side: int, sorted_: bool, words: str) -> None:
        if sorted_ or self.told[side] or not self.watches or not (self.always or self.unpaired):
            return
        if self.always:
            self.io.flush()
            raise ShellError(words)
        self.io.complain(words)
        self.told[side] = True

    def status(self) -> int:
        if any(self.told):
            self.io.complain(NOT_SORTED)
        return int(any(self.told))


@utility(
    option("-1", name="first", help="without what only the first has"),
    option("-2", name="second", help="without what only the second has"),
    option("-3", name="both", help="without what both have"),
    option("--output-delimiter", type=str, many=True, meta="STRING"), option("--total", help="and how many"), *ORDER,
    usage="[OPTION]... FILE1 FILE2",
)  # fmt: skip
def comm(box: object, args: Args, io: IO) -> int:
    """what two sorted files have in common

    comm /proc/swaps /proc/swaps
    """
    names = _two(args)
    if len(set(args.output_delimiter)) > 1:
        raise ShellError("multiple output delimiters specified")
    between = (args.output_delimiter[-1] or "\0") if args.output_delimiter else "\t"
    shown = [not args.first, not args.second, not args.both]
    indent = ["", between * shown[0], between * (shown[0] + shown[1])]
    end = "\0" if args.zero_terminated else "\n"
    files = [strict_lines(io, name, end) for name in names]
    order, counts = _Order(io, args), [0, 0, 0]
    lines = [next(file, None) for file in files]
    before: list[list[str | None]] = [[None, lines[0]], [None, lines[1]]]
    while lines[0] is not None or lines[1] is not None:
        left, right = lines
        which = 2 if left == right else 0 if right is None or (left is not None and left < right) else 1
        counts[which] += 1
        order.unpaired = order.unpaired or which != 2
        if shown[which]:
            io.out(f"{indent[which]}{left if which != 1 else right}{end}")
        for side in (0, 1):
            if which in (side, 2):
                lines[side] = _following(order, side, files[side], before[side])
    if args.total:
        io.out(between.join([*map(str, counts), "total"]) + end)
    return order.status()


def _following(order: _Order, side: int, file: Iterator[str], before: list[str | None]) -> str | None:
    """The next line; at the end of a file its last two are looked at once more, since now more may be known."""
    line = next(file, None)
    if line is not None:
        before[:] = [before[1], line]
    elder, younger = before
    order.check(side, elder is None or younger is None or elder <= younger, f"file {side + 1} is not in sorted order")
    return line


# join

Row = list[str]


def _field_number(word: str) -> int:
    if not is_digits(word) or not int(word[:20]):
        raise ValueError(f"invalid field number: '{word}'")
    return int(word[:20]) - 1


def _file_number(word: str) -> int:
    if not is_digits(word):
        raise ValueError(f"invalid field number: '{word}'")
    if word not in ("1", "2"):
        raise ValueError(f"invalid file number: '{word}'")
    return int(word) - 1


def _tab(word: str) -> str:
    if word == "\\0":
        return "\0"
    if len(word) > 1:
        raise ValueError(f"multi-character tab '{word}'")
    return word or "\n"


def _field_spec(word: str) -> tuple[int | None, int]:
    """`0`: (None, 0); `2.3`: (1, 2)."""
    if word == "0":
        return None, 0
    match = re.fullmatch(r"([12])\.(.*)", word)
    if match is None:
        what = "file number in field spec" if word[:1] not in ("0", "1", "2") else "field specifier"
        raise ValueError(f"invalid {what}: '{word}'")
    return int(match[1]) - 1, _field_number(match[2])


def _layout(word: str) -> list[tuple[int | None, int]] | None:
    """-o: the fields to print; None: as many as the first lines have (auto)."""
    return None if word == "auto" else [_field_spec(one) for one in re.split("[, \t]", word)]


@utility(
    option("-1", type=_field_number, name="one", many=True, meta="FIELD", help="join by this field of the first"),
    option("-2", type=_field_number, name="two", many=True, meta="FIELD", help="join by this field of the second"),
    option("-j", type=_field_number, name="joined", many=True, meta="FIELD", help="join by this field of both"),
    option("-a", type=_file_number, many=True, name="unpaired", meta="N", help="unpaired lines of file N too"),
    option("-v", type=_file_number, many=True, name="only_unpaired", meta="N", help="only unpaired lines of file N"),
    option("-e", type=str, many=True, name="empty", meta="TEXT", help="in the place of what is missing"),
    option("-i", "--ignore-case"),
    option("-o", type=_layout, many=True, name="fields", meta="FORMAT", help="0, 1.2, 2.3 …; or auto"),
    option("-t", type=_tab, many=True, name="mark", meta="C", help="fields end at C"),
    option("--header", help="the first lines are headings"), *ORDER, usage="[OPTION]... FILE1 FILE2",
)  # fmt: skip
def join(box: object, args: Args, io: IO) -> int:
    """lines of two sorted files that have a field in common

    join /proc/swaps /proc/swaps
    """
    names = _two(args)
    if names == ["-", "-"]:
        raise ShellError("both files cannot be standard input")
    if len(set(args.empty)) > 1:
        raise ShellError("conflicting empty-field replacement strings")
    if len(set(args.mark)) > 1:
        raise ShellError("incompatible tabs")
    if None in args.fields and len(args.fields) > 1:
        raise ShellError("invalid field specifier: 'auto'")
    return _Joining(args, io, names).run()


class _Side:
    """One file: its lines as fields, the one that is waiting first, and those of the same key behind it."""

    def __init__(self, joining: _Joining, side: int, name: str, at: int) -> None:
        self.joining = joining
        self.side = side
        self.name = name
        self.at = at
        self.lines = strict_lines(joining.io, name, joining.end)
        self.number = 0
        self.before: str | None = None
        self.waiting: Row | None = None
        self.advance()

    def key(self, row: Row) -> str:
        text = row[self.at] if self.at < len(row) else ""
        return text.lower() if self.joining.ignore_case else text

    def advance(self) -> None:
        """Read the next line (get_line)."""
        line = next(self.lines, None)
        if line is None:
            self.waiting = None
            return
        self.number += 1
        self.waiting = self.joining.cut(line)
        key = self.key(self.waiting)
        words = f"{self.name}:{self.number}: is not sorted: {line}"
        self.joining.order.check(self.side, self.before is None or self.before <= key, words)
        self.before = key

    def run(self, key: str) -> list[Row]:
        """The waiting line and those behind it that have the same key."""
        rows, room = [], Room()
        while self.waiting is not None and self.key(self.waiting) == key:
            rows.append(self.waiting)
            room.take(" ".join(self.waiting))
            self.advance()
        return rows


class _Joining:
    def __init__(self, args: Args, io: IO, names: list[str]) -> None:
        self.io = io
        self.end = "\0" if args.zero_terminated else "\n"
        self.ignore_case: bool = args.ignore_case
        self.mark: str | None = args.mark[0] if args.mark else None
        self.between = self.mark or " "
        self.empty: str = args.empty[0] if args.empty else ""
        self.automatic = None in args.fields
        self.layout = [] if self.automatic else [spec for one in args.fields for spec in one]
        self.pairs = not args.only_unpaired
        self.alone = set(args.unpaired + args.only_unpaired)
        self.header: bool = args.header
        self.order = _Order(io, args)
        fields = [self._join_field(args.joined + own, number) for number, own in ((1, args.one), (2, args.two))]
        self.sides = [_Side(self, side, names[side], fields[side]) for side in (0, 1)]
        self.widths = [len(one.waiting or []) for one in self.sides]

    @staticmethod
    def _join_field(given: list[int], number: int) -> int:
        if len(set(given)) > 1:
            raise ShellError(f"incompatible join fields {given[0] + 1}, {given[-1] + 1}")
        return given[0] if given else 0

    def cut(self, line: str) -> Row:
        """A line's fields (xfields); behind a trailing blank stands an empty one."""
        if self.mark is not None:
            return [] if not line else [line] if self.mark == "\n" else line.split(self.mark)
        return re.split("[ \t\n]+", line.lstrip(" \t\n")) if line.strip(" \t\n") else []

    def show(self, left: Row | None, right: Row | None) -> None:
        """Print a joined line (prjoin)."""
        rows = (left, right)
        side = 1 if left is None else 0
        shared = self._field(rows[side], self.sides[side].at)
        if self.layout:
            parts = [shared if which is None else self._field(rows[which], at) for which, at in self.layout]
        else:
            parts = [shared]
            for one, row in zip(self.sides, rows, strict=True):
                width = self.widths[one.side] if self.automatic else len(row or [])
                parts += [self._field(row, at) for at in range(width) if at != one.at]
        self.io.out(self.between.join(parts) + self.end)

    def _field(self, row: Row | None, at: int) -> str:
        return (row[at] if row is not None and at < len(row) else "") or self.empty

    def alone_at(self, side: int) -> None:
        """The waiting line of one file has no partner."""
        one = self.sides[side]
        if side in self.alone:
            self.show(*((one.waiting, None) if side == 0 else (None, one.waiting)))
        one.advance()
        self.order.unpaired = True

    def run(self) -> int:
        first, second = self.sides
        if self.header and (first.waiting is not None or second.waiting is not None):
            self.show(first.waiting, second.waiting)
            for one in self.sides:
                if one.waiting is not None:
                    one.before = None
                    one.advance()
        while first.waiting is not None and second.waiting is not None:
            x, y = first.key(first.waiting), second.key(second.waiting)
            if x != y:
                self.alone_at(0 if x < y else 1)
                continue
            lefts, rights = first.run(x), second.run(y)
            for left in lefts if self.pairs else ():
                for right in rights:
                    self.show(left, right)
        self._rest(0)
        self._rest(1)
        return self.order.status()

    def _rest(self, side: int) -> None:
        """What is left of one file: printed if that was asked for, else read for its order."""
        one = self.sides[side]
        while one.waiting is not None:
            if side in self.alone:
                self.show(*((one.waiting, None) if side == 0 else (None, one.waiting)))
            elif not self.order.watches or self.order.told[side]:
                return
            one.advance()
