"""Brace expansion: `a{b,c}d`, `{1..5}`, `{a..e..2}` (bash: braces.c). Purely by letters, before all else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from memsh.lazy import regular
from memsh.shell.errors import ShellError
from memsh.shell.limits import TOO_LONG, WORDS
from memsh.shell.syntax import Param, Part, Word

_RANGE = regular(r"([-+]?[0-9]+|[A-Za-z])\.\.([-+]?[0-9]+|[A-Za-z])(?:\.\.([-+]?[0-9]+))?")
LEAST = -1 << 63
LONGEST = 1000  # digits of a number, most of them zeros
_TILDE = regular(r"~([A-Za-z0-9_.+-]*)(?=/|\Z)")

Item = str | Part  # an unquoted letter, or a part that is not looked into


def _items(word: Word) -> list[Item]:
    found: list[Item] = []
    for part in word.parts:
        if part[0] == "text" and not part[2]:
            found.extend(part[1])
        else:
            found.append(part)
    return found


def _word(items: list[Item], globs: bool) -> Word:
    parts: list[Part] = []
    letters: list[str] = []
    for item in items:
        if isinstance(item, str):
            if parts and not letters and parts[-1][0] == "param" and (item.isalnum() or item == "_"):
                if _lengthened(parts, item):
                    continue
            letters.append(item)
            continue
        if letters:
            parts.append(("text", "".join(letters), False))
            letters = []
        parts.append(item)
    if letters:
        parts.append(("text", "".join(letters), False))
    if parts and parts[0][0] == "text" and not parts[0][2] and parts[0][1][:1] == "~":
        match = _TILDE.match(parts[0][1])
        if match is not None and (match.end() < len(parts[0][1]) or len(parts) == 1):
            parts[:1] = [("tilde", match[1], False), ("text", parts[0][1][match.end() :], False)]
    return Word(parts, globs)


def _lengthened(parts: list[Part], letter: str) -> bool:
    """Brace expansion is by letters: in `{$x,y}1` the name is x1."""
    kind, param, quoted = parts[-1]
    if quoted or not param.bare or not (param.name[:1].isalpha() or param.name[:1] == "_"):
        return False
    parts[-1] = (kind, Param(param.name + letter, bare=True), quoted)
    return True


def _closing(items: list[Item], at: int) -> tuple[int, list[int]]:
    """Where the `{` at `at` is closed, and its commas; -1 if never."""
    depth, commas = 0, list[int]()
    for place in range(at, len(items)):
        item = items[place]
        if item == "{":
            depth += 1
        elif item == "}":
            depth -= 1
            if not depth:
                return place, commas
        elif item == "," and depth == 1:
            commas.append(place)
    return -1, []


def _sequence(text: str) -> Iterator[str] | None:
    """`1..5`, `a..e`, with a step behind; None if it is no such thing."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    first, last, step = match.groups()
    if (first.isalpha() and len(first) == 1) != (last.isalpha() and len(last) == 1):
        return None
    letters = first.isalpha()
    low, high = (ord(first), ord(last)) if letters else (_long(first), _long(last))
    by = _long(step) if step else 1
    if low is None or high is None or by is None or by == LEAST:
        return None
    by = abs(by) or 1
    if abs(high - low) // by >= WORDS:
        raise ShellError(TOO_LONG)
    numbers = range(low, high + 1, by) if low <= high else range(low, high - 1, -by)
    if letters:
        return ("" if number == 92 else chr(number) for number in numbers)  # a \\ quotes what is not there
    bare = [first.lstrip("-+"), last.lstrip("-+")]
    wide = max(len(first), len(last)) if any(len(one) > 1 and one[0] == "0" for one in bare) else 0
    return (f"{number:0{wide}d}" for number in numbers)


def _long(text: str) -> int | None:
    """A number that C's long can hold; None for another."""
    value = int(text) if len(text) <= LONGEST else LEAST - 1
    return value if LEAST <= value < -LEAST else None


class _Room:
    """How much all the lists may hold together; Ctrl-C is looked for while they grow."""

    def __init__(self, poll: Callable[[], None]) -> None:
        self.left = WORDS * 4
        self.made = 0
        self.poll = poll

    def take(self, items: int) -> None:
        self.left -= 4 + items
        self.made += 1
        if self.left < 0:
            raise ShellError(TOO_LONG)
        if not self.made & 0x3FF:
            self.poll()


def _expanded(items: list[Item], room: _Room) -> Iterator[list[Item]]:
    """All the lists of items that this one becomes."""
    for at, item in enumerate(items):
        if item != "{":
            continue
        end, commas = _closing(items, at)
        if end < 0:
            continue
        before, inside, after = items[:at], items[at + 1 : end], items[end + 1 :]
        tails: list[list[Item]] | None = None
        if commas:
            cuts = [at, *commas, end]
            choices = [items[low + 1 : high] for low, high in pairwise(cuts)]
            heads = (one for choice in choices for one in _expanded(choice, room))
        else:
            plain = all(isinstance(one, str) for one in inside)
            sequence = _sequence("".join(inside)) if plain else None  # type: ignore[arg-type]
            if sequence is None:
                continue
            heads = ([text] for text in sequence)
        tails = list(_expanded(after, room))
        for head in heads:
            for tail in tails:
                one = [*before, *head, *tail]
                room.take(len(one))
                yield one
        return
    yield items


def braces(word: Word, poll: Callable[[], None]) -> Iterator[Word]:
    """The words that a word with a `{` becomes."""
    for items in _expanded(_items(word), _Room(poll)):
        yield _word(items, word.globs)
