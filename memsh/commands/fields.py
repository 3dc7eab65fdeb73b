"""fields: one row of a /proc file or of a tool's screen, stood on end, with what each figure means."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from memsh.commands.tools import reader_of
from memsh.linux.box import Box
from memsh.shell import arg, command, opt
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args

if TYPE_CHECKING:
    from memsh.commands.meanings.rows import Figure


@command(
    opt("-t", "--tool", help="the screen of the tool of this name, where a file has it too (vmstat)"),
    arg("file", help="meminfo, slabinfo, self/maps, free, …", words="path"),
    arg("row", default="", help="a cache, a zone, a label, an address, or the row's number"),
    topic="views",
    needs_box=False,
)
def fields(box: Box, args: Args, io: IO) -> None:
    """one row of a /proc file stood on end, with what each figure means

    fields slabinfo kmalloc-64

    FILE is a path, or the name of a file in /proc or /proc/self; free, slabtop, top, pmap, ps and, with -t, vmstat are
    the tools' screens. Without ROW the first row, or the whole file where each line is one figure. `fields pagetypeinfo
    'Normal Movable'`: several words choose closer.
    """
    from memsh.commands.meanings.rows import WHOLE, chosen, facts_of, find, in_place  # start-up: 6 ms, for fields alone

    where, reader = find(args.file, args.tool)
    if where.startswith("/"):
        text = reader_of(box, io).read(where)
    else:
        words = where.split() + ([args.row or str(box.current.pid)] if where.startswith("pmap") and box else [])
        text, status = io.capture(words)
        if status:
            raise ShellError(f"{where}: it failed")
    facts = facts_of(reader_of(box, io))
    rows = [row._replace(figures=[in_place(figure, facts) for figure in row.figures]) for row in reader(text)]
    if not rows:
        io.out(f"{where} has no rows now, only its heading\n")
        return
    row = "" if where.startswith("pmap") else args.row
    found = chosen(rows, row, where.rpartition("/")[2] in WHOLE)
    if all(len(one.figures) == 1 for one in found):
        show(io, [one.figures[0] for one in found])
        return
    for number, one in enumerate(found):
        io.out("\n" if number else "")
        show(io, one.figures)


def show(io: IO, figures: list[Figure]) -> None:
    """Name, figure, meaning; the meaning goes on below itself on a narrow screen."""
    most = max(8, io.width // 3)
    label = min(most, max(len(figure.name) for figure in figures))
    value = min(most, max(len(figure.value) for figure in figures if len(figure.value) <= most or label))
    room = io.width - label - value - 4
    for name, word, meaning in figures:
        head = f"{name:<{label}}  {word:>{value}}"
        if room < 20 or len(head) > label + value + 2:
            io.out(f"{name:<{label}}  {word}".rstrip() + "\n")
            lines = textwrap.wrap(meaning, max(10, io.width - 4))
            io.out("".join(f"    {line}\n" for line in lines))
            continue
        first, *more = textwrap.wrap(meaning, room) or [""]
        io.out(f"{head}  {first}".rstrip() + "\n")
        io.out("".join(" " * (label + value + 4) + line + "\n" for line in more))
