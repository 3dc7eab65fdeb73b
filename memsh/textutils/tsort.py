"""tsort: what must come before what, as one list (GNU coreutils 9.1, src/tsort.c: Knuth's algorithm T)."""

from __future__ import annotations

from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.bytes import to_bytes
from memsh.textutils.quoting import quotef
from memsh.textutils.sources import Sources
from memsh.textutils.utility import utility


class Item:
    """A word: how many stand before it, those that follow it, the latest first, and its place on the way of a loop."""

    __slots__ = ("count", "followers", "next", "printed", "word")

    def __init__(self, word: str) -> None:
        self.word = word
        self.count = 0
        self.followers: list[Item] = []
        self.next: Item | None = None
        self.printed = False


@utility(rest("files", words="path"), usage="[OPTION] [FILE]")
def tsort(box: object, args: Args, io: IO) -> int:
    """a list in which the first of each pair stands before the second

    echo a b b c | tsort
    """
    if len(args.files) > 1:
        raise args.refused(f"extra operand '{args.files[1]}'")
    sources = Sources(io, args.files)
    name = quotef(args.files[0]) if args.files else "-"
    words: list[str] = []
    for line in sources.lines():
        io.check()
        words += line.split()
    if sources.failed:
        return 1
    if len(words) % 2:
        raise ShellError(f"{name}: input contains an odd number of tokens")
    items: dict[str, Item] = {}
    for first, second in zip(words[::2], words[1::2], strict=True):
        io.check()
        before, after = (items.setdefault(word, Item(word)) for word in (first, second))
        if before is not after:
            before.followers.insert(0, after)
            after.count += 1
    ordered = [items[word] for word in sorted(items, key=to_bytes)]
    status, left = 0, len(ordered)
    while left:
        left -= _print_free(ordered, io)
        if left:
            io.complain(f"{name}: input contains a loop:")
            status = 1
            loop = _walk(ordered, None, io)
            while loop is not None:
                loop = _walk(ordered, loop, io)
    return status


def _print_free(ordered: list[Item], io: IO) -> int:
    """Print what nothing unprinted stands before; answers how many those were."""
    waiting = [item for item in ordered if not item.count and not item.printed]
    for item in waiting:  # grows at its end
        io.check()
        io.out(item.word + "\n")
        item.printed = True
        for follower in item.followers:
            follower.count -= 1
            if not follower.count:
                waiting.append(follower)
    return len(waiting)


def _walk(ordered: list[Item], loop: Item | None, io: IO) -> Item | None:
    """Go through the words once to lengthen the way that begins at `loop`, backwards; where it meets itself, tell the
    loop and cut it. Answers where the way begins now, None once a loop is cut."""
    io.check()
    for item in ordered:
        if not item.count:
            continue
        if loop is None:
            loop = item
        elif loop in item.followers:
            if item.next is None:
                item.next, loop = loop, item
                continue
            told: Item | None = loop
            while told is not None:
                io.complain(told.word)
                told = None if told is item else told.next
            item.followers.remove(loop)
            loop.count -= 1
            for one in ordered:
                one.next = None
            return None
    return loop
