"""Lists of names below /sys: folders, links, modes, and the texts that never change (fs/sysfs, fs/kernfs).

A list is what a recorded machine has there, as text. A line that begins with no space is a folder's path below /sys,
"." for /sys itself; the lines behind it, each after one space, are what is in it:

    NAME -> TARGET               a link
    NAME [MODE] [#SIZE] = TEXT   a file; without MODE everybody reads it; a line feed follows, but after \\c and no text
    NAME [MODE] ! ERRNO          a file that answers a reader with an error
    NAME MODE                    a file for writing only
    NAME/ [MODE] [@COMMON]       a folder, with what stands below the line @COMMON

`{0-15}` in a name makes many of it, `{cpu}`, `{secondary}` (all CPUs but the first), `{online}` (those that run),
`{memory}` and `{node}` one for each that the box has, `{taker}` the CPU of the disks' queue `{cpu}` above it; `:02x`
behind tells how the number is spelt. `{}`, `{+1}`, `{cpu}` in what belongs to it are that number. `{one:TEXT}` and
`{more:TEXT}` count with one CPU and with more, `{above:TEXT}` with RAM beyond 4 GiB: a name of which nothing is left is
not there. `{zero:9}` is nine bytes of 0. Other words, `{cpulist}`, are those of memsh.procfs.sys_words. # begins a
remark. A folder's lines are read when somebody asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.procfs.node import Link, ProcFile
from memsh.procfs.stat import queue_cpus
from memsh.procfs.sys_device import refusing, storing
from memsh.procfs.sys_memory import blocks
from memsh.procfs.sys_words import WORDS

if TYPE_CHECKING:
    from memsh.linux.box import Box

Bound = Mapping[str, int]  # the numbers that the names above stand for; "": of {0-15}

LOOP = regular(r"\{(?:(\d+)-(\d+)|(cpu|secondary|online|memory|node|taker))(?::(\w+))?\}")
NUMBER = regular(r"\{(\w*)([+-]\d+)?(?::(\w+))?\}")
MANY: dict[str, Callable[[Box, Bound], Sequence[int]]] = {
    "cpu": lambda box, bound: range(box.config.present),
    "secondary": lambda box, bound: range(1, box.config.present),
    "online": lambda box, bound: range(box.config.cpus),
    "memory": lambda box, bound: blocks(box),
    "node": lambda box, bound: [node.nid for node in box.pages.nodes],
    "taker": lambda box, bound: queue_cpus(box)[bound["cpu"] :][:1],
}
ZEROS = regular(r"\{zero:(\d+)\}")
CONDITION = regular(r"\{(one|more|above):([^}]*)\}")


class Several(NamedTuple):
    """A name with a number in it."""

    before: str
    behind: str
    spelling: str
    variable: str
    fixed: range
    bound: Bound

    def numbers(self, box: Box) -> Sequence[int]:
        return MANY[self.variable](box, self.bound) if self.variable else self.fixed

    def name(self, number: int) -> str:
        return f"{self.before}{number:{self.spelling}}{self.behind}"

    def number(self, box: Box, name: str) -> int | None:
        """The number for which this is the name, if it is one of those."""
        digits = name.removeprefix(self.before).removesuffix(self.behind)
        try:
            number = int(digits, 16 if self.spelling.endswith("x") else 10)
        except ValueError:
            return None
        return number if self.name(number) == name and number in self.numbers(box) else None


def several(box: Box, name: str, bound: Bound) -> Several | str:
    """What a list calls `name`, with the numbers bound so far; a str if it is one name, "" if it is none here."""
    name = _here(box, name)
    found = LOOP.search(name)
    if found is None or found[3] in bound:
        return spell(name, bound)
    first, last, variable, spelling = found.groups()
    return Several(name[: found.start()], name[found.end() :], spelling or "d", variable or "",
                   range(int(first), int(last) + 1) if first else range(0), bound)  # fmt: skip


def _here(box: Box, text: str) -> str:
    """`text` with what counts for the box's CPUs and RAM."""
    if ":" not in text:
        return text
    text = ZEROS.sub(lambda found: "\\x00" * int(found[1]), text)
    now = {"more" if box.config.present > 1 else "one", "above" if box.machine.bounce else ""}
    return CONDITION.sub(lambda found: found[2] if found[1] in now else "", text)


def spell(text: str, bound: Bound, box: Box | None = None) -> str:
    """`text` with its numbers, and with the words that a box knows."""

    def one(found: re.Match[str]) -> str:
        name, more, spelling = found.groups()
        known = WORDS[name](box) if box is not None and name in WORDS else bound[name]
        return known if isinstance(known, str) else f"{known + int(more or 0):{spelling or 'd'}}"

    if box is not None and "{" in text:
        text = _here(box, text)
    return NUMBER.sub(one, text) if "{" in text else text


class Entry(NamedTuple):
    """A file or a link of a list: `kind` is one of -> = ! and "" (for writing only)."""

    mode: int
    kind: str
    text: str
    size: int | None = None  # bytes, where it is no page

    def node(self, name: str, bound: Bound) -> ProcFile | Link:
        if self.kind == "->":
            return Link(lambda box: spell(self.text, bound, box))
        store = storing(name, lambda box: self.shown(bound, box) if self.kind else None) if self.mode & 0o222 else None
        size = (lambda box: self.size or 0) if self.size is not None else None
        if self.kind == "!":
            return ProcFile(refusing(self.text), store, self.mode, size=size)
        return ProcFile((lambda box: self.shown(bound, box)) if self.kind else None, store, self.mode, size=size)

    def shown(self, bound: Bound, box: Box) -> str:
        text = spell(self.text, bound, box)
        if "\\" in text:
            whole = text.removesuffix("\\c").encode("ascii").decode("unicode_escape")
            text = whole.encode("latin-1").decode("utf-8", "surrogateescape") + "\\c" * text.endswith("\\c")
        return text.removesuffix("\\c") if text.endswith("\\c") or text in ("", "\n") else text + "\n"


class Folder:
    """A folder of a list: the lines about it, which are read when first needed, and the folders in it."""

    __slots__ = ("_entries", "common", "lines", "mode", "within")

    def __init__(self, common: Mapping[str, list[str]], mode: int = 0o755) -> None:
        self.common = common
        self.mode = mode
        self.lines: list[str] = []
        self.within: dict[str, Folder] = {}
        self._entries: dict[str, Entry | Folder] | None = None

    def folder(self, path: str) -> Folder:
        """The folder at a path below this one, which becomes one by being asked for."""
        here = self
        for name in path.split("/") if path != "." else ():
            below = here.within.get(name)
            if below is None:
                below = here.within[name] = Folder(self.common)
            here = below
        return here

    def entries(self) -> Mapping[str, Entry | Folder]:
        """Everything in it, by the name that the list has."""
        if self._entries is None:
            found = {name: entry for name, entry in map(self._read, self.lines) if entry is not None}
            self._entries = {**self.within, **found}
        return self._entries

    def _read(self, line: str) -> tuple[str, Entry | Folder]:
        name, _, rest = line.partition(" ")
        if name.endswith("/"):
            below = self.folder(name[:-1])
            for word in rest.split():
                if word.startswith("@"):
                    below.lines = below.lines + self.common[word]
                else:
                    below.mode = int(word, 8)
            return name[:-1], below
        mode = 0o444
        if is_digits(rest[:1]):
            digits, _, rest = rest.partition(" ")
            mode = int(digits, 8)
        size = None
        if rest[:1] == "#":
            number, _, rest = rest[1:].partition(" ")
            size = int(number)
        kind, _, text = rest.partition(" ")
        return name, Entry(mode, kind, text, size)

    def at(self, path: str) -> Entry | Folder:
        """What the list has at a path below this folder. KeyError if nothing."""
        here: Entry | Folder = self
        for name in path.split("/"):
            assert isinstance(here, Folder)
            here = here.entries()[name]
        return here

    def names(self, box: Box, bound: Bound) -> Iterable[str]:
        for name in self.entries():
            them = several(box, name, bound) if "{" in name else name
            if not isinstance(them, str):
                yield from map(them.name, them.numbers(box))
            elif them:
                yield them

    def find(self, box: Box, name: str, bound: Bound) -> tuple[Entry | Folder, Bound] | None:
        """What is called so, and the numbers bound then."""
        found = self.entries().get(name)
        if found is not None:
            return found, bound
        for pattern, entry in self.entries().items():
            if "{" not in pattern:
                continue
            them = several(box, pattern, bound)
            if isinstance(them, str):
                if them == name:
                    return entry, bound
                continue
            number = them.number(box, name)
            if number is not None:
                return entry, {**bound, them.variable: number}
        return None


def read(texts: Iterable[str]) -> Folder:
    """The whole of /sys that lists tell of; where two speak of one folder, it has what both say."""
    common: dict[str, list[str]] = {}
    root = Folder(common)
    for text in texts:
        here: list[str] = []
        for line in text.splitlines():
            if line[:1] == " ":
                here.append(line[1:])
            elif line[:1] == "@":
                here = common.setdefault(line, [])
            elif line and line[0] != "#":
                here = root.folder(line).lines
    return root
