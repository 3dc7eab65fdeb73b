"""What `column -t` and `-J` make of lines: cells, columns named and ordered, a tree (util-linux 2.38:
text-utils/column.c and libsmartcols).

Known deviation: a table wider than the line is neither cut (-T) nor wrapped (-W): that is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from memsh.shell import Args, ShellError
from memsh.shell.values import whole

MOST = 1000  # generations of a tree
Row = list[str]


def _quoted(text: str, ascii: bool = True) -> str:
    from json import dumps  # start-up: 2 ms, for -J alone

    return dumps(text, ensure_ascii=ascii)


class Table:
    """One table. Columns are counted from 0; `names` are those of -N."""

    def __init__(self, args: Args, lines: list[str]) -> None:
        self.args = args
        self.names: Row = args.table_columns.split(",") if args.table_columns is not None else []
        self.rows = [self._cells(line) for line in lines]
        self.count = max([len(self.names), *(len(row) for row in self.rows)], default=0)
        if args.json:
            for number, row in enumerate(self.rows, 2):  # the line has begun when its next column is looked at
                if len(row) > len(self.names):
                    wanted = len(self.names) + 1
                    raise ShellError(f"line {number}: for JSON the name of the column {wanted} is required")
        self.right = self._chosen(args.table_right)
        hidden = self._chosen(args.table_hide)
        self.shown = [at for at in self._order() if at not in hidden]
        self.children: dict[int, list[int]] = {}
        self.roots = list(range(len(self.rows)))
        self.marks = dict.fromkeys(self.roots, "")  # what stands before the cell of the tree
        self.tree = self._tree() if args.tree is not None else None

    def _cells(self, line: str) -> Row:
        args, most = self.args, self.args.table_columns_limit
        if args.separator is None:
            found = list(islice(re.finditer(r"[^ \t\n]+", line), most))
            cells = [match[0] for match in found]
            if most and len(cells) == most:
                cells[-1] = line[found[-1].start() :]
            return cells
        if not args.separator:
            return [line]
        return re.split("[" + re.escape(args.separator) + "]", line, maxsplit=most - 1 if most else 0)

    def _column(self, word: str) -> int | None:
        """A column by its number or name; None for a number that the table has not."""
        if re.fullmatch("[0-9]+", word):
            number = whole(word) or 0
            return number - 1 if 1 <= number <= self.count else None
        for at, name in enumerate(self.names):
            if name.lower() == word.lower():
                return at
        raise ShellError(f"undefined column name '{word}'")

    def _chosen(self, words: str | None) -> set[int]:
        if words is None:
            return set()
        if words == "0":
            return set(range(self.count))
        unnamed = set(range(len(self.names), self.count)) if "-" in words.split(",") else set()
        found = [self._column(word) for word in words.split(",") if word != "-"]
        return unnamed | {at for at in found if at is not None}

    def _order(self) -> list[int]:
        """The columns from left to right: those of -O before the others."""
        words = self.args.table_order.split(",") if self.args.table_order is not None else []
        first = [at for word in words if (at := self._column(word)) is not None]
        return [*dict.fromkeys(first), *(at for at in range(self.count) if at not in first)]

    def _tree(self) -> int | None:
        """Rows below those that they name as parents; answers the column that shows it."""
        args = self.args
        shown, parent, own = (self._column(word) for word in (args.tree, args.tree_parent, args.tree_id))
        if shown is None or parent is None or own is None:
            return None
        above: dict[int, int] = {}
        for at, row in enumerate(self.rows):
            for other, below in enumerate(self.rows):
                if own < len(row) and parent < len(below) and row[own] == below[parent]:
                    if other not in self._ancestors(above, at) and other not in above:
                        above[other] = at
                        self.children.setdefault(at, []).append(other)
        self.roots = [at for at in self.roots if at not in above]
        return shown

    @staticmethod
    def _ancestors(above: dict[int, int], at: int) -> set[int]:
        found = {at}
        while at in above:
            at = above[at]
            found.add(at)
        return found

    def _walk(self, rows: list[int], before: str, depth: int) -> Iterator[tuple[int, str]]:
        """The rows of a tree, each with what is drawn before it."""
        if depth > MOST:
            raise ShellError("the tree is too deep")
        for number, at in enumerate(rows, 1):
            last = number == len(rows)
            yield at, before + ("`-" if last else "|-") if depth else ""
            below = before + ("  " if last else "| ") if depth else ""
            yield from self._walk(self.children.get(at, []), below, depth + 1)

    def text(self) -> Iterator[str]:
        """The lines of the table."""
        if not self.rows:
            return
        if not self.shown:
            yield "\n" * len(self.rows)
            return
        rows = []
        for at, mark in self._walk(self.roots, "", 0):
            row = [*self.rows[at], *[""] * (self.count - len(self.rows[at]))]
            if self.tree is not None:
                row[self.tree] = mark + row[self.tree]
            rows.append(row)
        if self.names and not self.args.table_noheadings:
            rows.insert(0, [*self.names, *[""] * (self.count - len(self.names))])
        widths = [max(len(row[at]) for row in rows) for at in range(self.count)]
        between, last = self.args.output_separator, self.shown[-1]
        wide = sum(widths[at] for at in self.shown) + len(between) * (len(self.shown) - 1)
        for flag in ("table_truncate", "table_wrap", "table_noextreme"):
            words = getattr(self.args, flag)
            if words is not None and self._chosen(words) and wide > self.args.output_width:
                name = flag.replace("_", "-")
                raise ShellError(f"--{name}: a table wider than the line cannot be made narrower here")
        for row in rows:
            cells = [row[at].rjust(widths[at]) if at in self.right else row[at].ljust(widths[at]) for at in self.shown]
            if last not in self.right or not row[last]:
                cells[-1] = row[last]
            yield between.join(cells) + "\n"

    def objects(self) -> Iterator[str]:
        """The table as JSON."""
        if not self.rows:
            return
        yield f'{{\n   {_quoted(self.args.table_name or "table")}: [\n'
        yield from self._objects(self.roots, 6, 0)
        yield "\n   ]\n}\n"

    def _objects(self, rows: list[int], indent: int, depth: int) -> Iterator[str]:
        if depth > MOST:
            raise ShellError("the tree is too deep")
        pad = " " * indent
        for number, at in enumerate(rows):
            row, below = self.rows[at], self.children.get(at, [])
            cells = [(self.names[column].lower(), row[column] if column < len(row) else "") for column in self.shown]
            pairs = [f"{pad}   {_quoted(name)}: {_quoted(cell, False) if cell else 'null'}"
                     for name, cell in cells]  # fmt: skip
            yield ("," if number else pad) + "{\n" + ",\n".join(pairs)
            if below:
                yield f',\n{pad}   "children": [\n'
                yield from self._objects(below, indent + 6, depth + 1)
                yield f"\n{pad}   ]"
            yield f"\n{pad}}}"
