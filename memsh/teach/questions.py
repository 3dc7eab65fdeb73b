"""Questions that the box answers: what a question's figure stands for, and whether a person's words are that figure.

No known deviations: the notation is memsh's own, that of `expect` with a few figures more (memsh/lessons/README.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from memsh.linux.box import Box
from memsh.procfs import tree
from memsh.shell import ShellError
from memsh.shell.session import Session
from memsh.shell.values import fixed, parse_size
from memsh.teach.figures import figure
from memsh.teach.statement import words_of

TAKEN = ("value", "minflt", "majflt", "status")


class Truth(NamedTuple):
    """What the box says: the numbers, and how they are shown."""

    numbers: tuple[int, ...]
    text: str


def row(box: Box, zone: str) -> tuple[int, ...]:
    """A zone's row of /proc/buddyinfo: free blocks by order."""
    for line in tree.show(box, "/proc/buddyinfo").splitlines():
        words = line.split()
        if words[3] == zone:
            return tuple(map(int, words[4:]))
    raise ShellError(f"there is no {zone} in /proc/buddyinfo")


def ask_box(session: Session, wanted: str, run: Callable[[], int] | None = None) -> Truth:
    """Run the question's command (if it has one) and read the figure. ShellError or UsageError for a bad figure."""
    box = session.box
    task = box.current if box is not None else None
    begun = (task.minflt, task.majflt) if task is not None else (0, 0)
    values = len(session.values)
    status = run() if run is not None else 0
    if run is not None and wanted in TAKEN:
        if wanted == "value":
            if len(session.values) <= values:
                raise ShellError("the command yielded no value")
            number, decimal = session.values[-1]
            return Truth((number,), fixed(number, decimal))
        taken = {"minflt": 0, "majflt": 0, "status": status}
        if task is not None:
            taken.update(minflt=task.minflt - begun[0], majflt=task.majflt - begun[1])
        return Truth((taken[wanted],), str(taken[wanted]))
    words = words_of(wanted)
    parts = words[0].bare.split(".") if len(words) == 1 else []
    if parts[:1] == ["buddy"] and len(parts) == 2:
        numbers = row(session.box, parts[1])
        return Truth(numbers, " ".join(map(str, numbers)))
    number = figure(session, words)
    return Truth((number,), hex(number) if number >= 0x100000 and wanted.startswith("value of") else str(number))


def understood(text: str) -> tuple[int, ...] | None:
    """A person's answer as numbers: `3`, `0x1db0`, `64k`, `8 9 7`; None if it is none."""
    numbers = []
    for word in text.replace(",", " ").split():
        number = parse_size(word)
        if number is None:
            try:
                number = int(word, 16)  # an address as maps prints it, without 0x
            except ValueError:
                return None
        numbers.append(number)
    return tuple(numbers) or None


_MEASURED = re.compile(r"(-?(?:0x[0-9a-f]+|\d+))\s*([a-z][a-z ]*)", re.IGNORECASE)
_CHOICE = re.compile(r"\b(\d+) ([A-Za-z]+)\b")


def readings(text: str, truth: Truth, ask: str) -> Iterator[tuple[int, ...]]:
    """What the words may mean: a number; one with the unit that was asked for; an address without its 0x; the name of
    one of the choices (`1 DMA, 2 Normal, 3 HighMem`)."""
    plain = understood(text)
    if plain is not None:
        yield plain
    if truth.text.startswith("0x"):
        with suppress(ValueError):
            yield (int(text, 16),)
    measured = _MEASURED.fullmatch(text)
    if measured and re.search(rf"\b{re.escape(measured[2].strip().rstrip('s'))}", ask, re.IGNORECASE):
        yield (int(measured[1], 0),)
    for number, name in _CHOICE.findall("".join(re.split("[:?]", ask, maxsplit=1)[1:])):
        if name.lower() == text.lower():
            yield (int(number),)


def right(text: str, truth: Truth, ask: str = "") -> bool:
    return truth.numbers in readings(text.strip(), truth, ask)
