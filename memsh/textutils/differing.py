"""cmp, and the comparison of two files that `diff` makes (GNU diffutils 3.8): normal and unified.

Known deviation: where several smallest differences exist, difflib's choice is taken, not GNU's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import Room
from memsh.textutils.bytes import data_of, visible
from memsh.textutils.clock import local_zone, now
from memsh.textutils.sources import Sources
from memsh.textutils.timeformat import strftime
from memsh.textutils.utility import option, sized, utility

TROUBLE = 2
NO_NEWLINE = "\\ No newline at end of file\n"


def compare(
    io: IO, names: tuple[str, str], *, context: int | None = None, brief: bool = False, blanks: str = "",
    ignore_case: bool = False,
) -> int:  # fmt: skip
    """Print how two files differ; `context` lines around in a unified one, None for the normal form. `blanks`: "b" for
    runs of blanks as one, "w" for none at all. 0 if they are equal, 1 if not; ShellError (2) if one cannot be read."""
    before, after = (_lines(io, name) for name in names)

    def key(line: str) -> str:
        line = re.sub(r"\s+", "" if blanks == "w" else " ", line.rstrip()) if blanks else line
        return line.lower() if ignore_case else line

    keys = [[key(line) for line in one] for one in (before, after)]
    if keys[0] == keys[1]:
        return 0
    if brief:
        io.out(f"Files {names[0]} and {names[1]} differ\n")
        return 1
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    with io.looking():  # which the matcher remembers; its time is that of both lengths multiplied
        matcher.get_opcodes()
    if context is None:
        for piece in _normal(matcher, before, after):
            io.out(piece)
        return 1
    stamp = strftime("%Y-%m-%d %H:%M:%S.%N %z", now(io), local_zone(io))
    io.out(f"--- {names[0]}\t{stamp}\n+++ {names[1]}\t{stamp}\n")
    for piece in _unified(matcher, before, after, context):
        io.out(piece)
    return 1


def _lines(io: IO, name: str) -> list[str]:
    sources = Sources(io, [name])
    found, room = [], Room()
    for line in sources.lines():
        room.take(line)
        found.append(line)
    if sources.failed:
        raise ShellError("", TROUBLE)
    return found


def _marked(mark: str, line: str) -> str:
    return mark + line if line.endswith("\n") else f"{mark}{line}\n{NO_NEWLINE}"


def _span(start: int, end: int) -> str:
    return f"{start + 1},{end}" if end - start > 1 else str(end if end > start else start)


def _normal(matcher: SequenceMatcher[str], a: list[str], b: list[str]) -> Iterator[str]:
    for tag, i, j, k, l in matcher.get_opcodes():
        if tag == "equal":
            continue
        letter = {"replace": "c", "delete": "d", "insert": "a"}[tag]
        yield f"{_span(i, j)}{letter}{_span(k, l)}\n"
        yield from (_marked("< ", line) for line in a[i:j])
        if tag == "replace":
            yield "---\n"
        yield from (_marked("> ", line) for line in b[k:l])


def _range(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + 1 if length else start},{length}"


def _unified(matcher: SequenceMatcher[str], a: list[str], b: list[str], context: int) -> Iterator[str]:
    for group in matcher.get_grouped_opcodes(context):
        yield f"@@ -{_range(group[0][1], group[-1][2])} +{_range(group[0][3], group[-1][4])} @@\n"
        for tag, i, j, k, l in group:
            if tag == "equal":
                yield from (_marked(" ", line) for line in a[i:j])
                continue
            yield from (_marked("-", line) for line in a[i:j])
            yield from (_marked("+", line) for line in b[k:l])


def _limit(word: str) -> int:
    number = sized(word)
    if number is None:
        raise ValueError(f"invalid --bytes value '{word}'")
    return number


def _skips(word: str) -> tuple[int, int]:
    first, colon, second = word.partition(":")
    numbers = sized(first), sized(second if colon else first)
    if numbers[0] is None or numbers[1] is None:
        raise ValueError(f"invalid --ignore-initial value '{word}'")
    return numbers[0], numbers[1]


def _two_bytes(one: int, other: int, letters: bool) -> str:
    if not letters:
        return f"{one:3o} {other:3o}"
    return f"{one:3o} {visible(one):<4} {other:3o} {visible(other)}"


@utility(
    option("-b", "--print-bytes", help="with the bytes that differ"),
    option("-i", "--ignore-initial", type=_skips, default=(0, 0), meta="N[:M]", help="leave out the first N"),
    option("-n", "--bytes", type=_limit, meta="N", help="at most N bytes"),
    option("-l", "--verbose", help="every byte that differs"),
    option("-s", "--quiet", "--silent", name="quiet", help="only the status"), rest("files", words="path"),
    usage="[OPTION]... FILE1 [FILE2]", trouble=TROUBLE,
)  # fmt: skip
def cmp(box: object, args: Args, io: IO) -> int:
    """compare two files byte by byte

    cmp /proc/version /proc/version
    """
    names: list[str] = [*args.files, "-"][:2]
    if not args.files or len(args.files) > 2:
        raise args.refused("missing operand after 'cmp'" if not args.files else f"extra operand '{args.files[2]}'")
    contents = []
    for name in names:
        sources = Sources(io, [name])
        contents.append(data_of(sources))
        if sources.failed:
            return TROUBLE
    a, b = (data[skip:][: args.bytes] for data, skip in zip(contents, args.ignore_initial, strict=True))
    return _compared(args, io, names, a, b)


def _compared(args: Args, io: IO, names: list[str], a: bytes, b: bytes) -> int:
    if a == b:
        return 0
    if args.quiet:
        return 1
    different = [at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y]
    if args.verbose:
        wide = len(str(max(len(a), len(b))))
        shown = [f"{at + 1:{wide}} " + _two_bytes(a[at], b[at], args.print_bytes) for at in different]
        io.out("".join(line.rstrip(" ") + "\n" for line in shown))
    elif different:
        at = different[0]
        told = f" is {a[at]:3o} {visible(a[at])} {b[at]:3o} {visible(b[at])}" if args.print_bytes else ""
        place = f"byte {at + 1}, line {a[:at].count(10) + 1}"
        io.out(f"{names[0]} {names[1]} differ: {place}{told}\n")
        return 1
    if len(a) != len(b):
        short = min(a, b, key=len)
        full = short.count(b"\n")
        place = f", line {full}" if short.endswith(b"\n") else f", in line {full + 1}"
        where = f"byte {len(short)}" + ("" if args.verbose else place)
        io.complain(f"EOF on {names[a is not short]} " + (f"after {where}" if short else "which is empty"))
    return 1
