"""fincore: what its words mean, and its table (util-linux 2.38.1, misc-utils/fincore.c)."""

from __future__ import annotations

from typing import NamedTuple

from memsh.procps import smartcols
from memsh.procps.smartcols import Column, Row, Style
from memsh.procps.utillinux import Opt, human_size, program

PAGE = 4096
COLUMNS = {
    one.name: one
    for one in (
        Column("PAGES", "file data resident in memory in pages", right=True, kind="n", width=1),
        Column("SIZE", "size of the file", right=True, width=5),
        Column("FILE", "file name"),
        Column("RES", "file data resident in memory in bytes", right=True, width=5),
    )
}
DEFAULT = ("RES", "PAGES", "SIZE", "FILE")
PROGRAM = program(
    "fincore", "[options] file...", "",
    [Opt("J", "json", "", "use JSON output format"),
     Opt("b", "bytes", "", "print sizes in bytes rather than in human readable format"),
     Opt("n", "noheadings", "", "don't print headings"), Opt("o", "output", " <list>", "output columns"),
     Opt("r", "raw", "", "use raw output format")],
    23, section=1, tail=smartcols.listed(COLUMNS, 11),
)  # fmt: skip


class Resident(NamedTuple):
    """A file: its name, its bytes, how many of its pages are in memory."""

    name: str
    size: int
    pages: int


class Report:
    """The options, and the table that they ask for."""

    def __init__(self, argv: list[str]) -> None:
        self.files: list[str] = []
        output, given = None, ""
        for option, value in PROGRAM.options(argv, self.files):
            given += option
            output = value if option == "o" else output
        if not self.files:
            raise PROGRAM.fail("no file specified")
        words = ",".join(DEFAULT) if output is None else output
        self.columns = smartcols.chosen("fincore", COLUMNS, words, DEFAULT)
        self.exact = "b" in given
        self.style = Style("J" if "J" in given else "r" if "r" in given else "", "n" not in given, "fincore")

    def table(self, found: list[Resident]) -> str:
        shown = str if self.exact else human_size
        rows = [Row({"FILE": one.name, "PAGES": str(one.pages), "SIZE": shown(one.size),
                     "RES": shown(one.pages * PAGE)}) for one in found]  # fmt: skip
        if self.exact:
            self.columns = [one._replace(kind="n") if one.name in ("SIZE", "RES") else one for one in self.columns]
        return smartcols.text(self.columns, rows, self.style)
