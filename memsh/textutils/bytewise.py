"""cmp: two files byte by byte (GNU diffutils 3.8, src/cmp.c)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from memsh.shell import IO, Args, rest
from memsh.shell.io import Input
from memsh.textutils.bytes import stretch_of, visible
from memsh.textutils.sources import Sources
from memsh.textutils.utility import Misused, option, sized, utility

TROUBLE = 2
OFF_T_MAX = (1 << 63) - 1


def _limit(word: str) -> int:
    number = sized(word)
    if number is None:
        raise Misused(f"invalid --bytes value '{word}'")
    return number


def _skips(word: str) -> tuple[int, int]:
    first, colon, second = word.partition(":")
    numbers = sized(first), sized(second if colon else first)
    if numbers[0] is None or numbers[1] is None:
        raise Misused(f"invalid --ignore-initial value '{word}'")
    return numbers[0], numbers[1]


def _operand_skips(args: Args) -> tuple[int, int]:
    """`cmp A B 10 20`: so many bytes are left out, as -i says."""
    words = args.files[2:]
    if len(words) > 2:
        raise args.refused(f"extra operand '{words[2]}'")
    try:
        first, second = (_skips(word)[0] for word in [*words, "0", "0"][:2])
    except Misused as error:
        raise args.refused(str(error)) from None
    return first, second


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
    option("-v", name="version"), usage="[OPTION]... FILE1 [FILE2 [SKIP1 [SKIP2]]]", trouble=TROUBLE, signed=True,
)  # fmt: skip
def cmp(box: object, args: Args, io: IO) -> int:
    """compare two files byte by byte

    cmp /proc/version /proc/version
    """
    names: list[str] = [*args.files, "-"][:2]
    if not args.files:
        raise args.refused("missing operand after 'cmp'")
    if args.verbose and args.quiet:
        raise args.refused("options -l and -s are incompatible")
    skips = [max(skip, least) for skip, least in zip(args.ignore_initial, _operand_skips(args), strict=True)]
    opened = []
    for name in names:
        sources = Sources(io, [name])
        sources.silent = args.quiet
        source = sources.open(name)
        if source is None:
            return TROUBLE
        opened.append(source)
    if skips[0] == skips[1] and _same_file(io, names, skips[0]):
        return 0
    sizes = [source.size - skip for source, skip in zip(opened, skips, strict=True) if source.size is not None]
    wide = len(str(max(0, min([OFF_T_MAX if args.bytes is None else args.bytes, *sizes]))))
    return _compared(args, io, names, _blocks(*map(partial(_stretch, args.bytes), opened, skips)), wide)


def _same_file(io: IO, names: list[str], skip: int) -> bool:
    if "-" in names:
        return names == ["-", "-"] and not skip
    files = io.session.files
    assert files is not None
    return files.same(io.session, *names)


def _stretch(upto: int | None, source: Input, skip: int) -> Iterator[bytes]:
    """What is compared of an input; nothing where it ends before."""
    try:
        yield from filter(None, stretch_of([("", source)], upto, skip))
    except EOFError:
        return


def _blocks(one: Iterator[bytes], other: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Pieces of two inputs that lie at the same place, of one length but for the last, of which one is empty, or both:
    there that input ends."""
    a = b = b""
    while True:
        a, b = a or next(one, b""), b or next(other, b"")
        size = min(len(a), len(b))
        if not size:
            yield a, b
            return
        yield a[:size], b[:size]
        a, b = a[size:], b[size:]


def _compared(args: Args, io: IO, names: list[str], blocks: Iterator[tuple[bytes, bytes]], wide: int) -> int:
    place = lines = status = 0
    last = b""
    for a, b in blocks:
        io.check()
        if a == b:
            place, lines, last = place + len(a), lines + a.count(10), a or last
            continue
        if args.quiet:
            return 1
        if not a or not b:
            _complain_of_end(args, io, names[bool(a)], place, lines, last.endswith(b"\n"))
            return 1
        different = [at for at, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        if not args.verbose:
            at = different[0]
            told = f" is {a[at]:3o} {visible(a[at])} {b[at]:3o} {visible(b[at])}" if args.print_bytes else ""
            where = f"{'byte' if args.print_bytes else 'char'} {place + at + 1}, line {lines + a[:at].count(10) + 1}"
            io.out(f"{names[0]} {names[1]} differ: {where}{told}\n")
            return 1
        shown = [f"{place + at + 1:{wide}} " + _two_bytes(a[at], b[at], args.print_bytes) for at in different]
        io.out("".join(line.rstrip(" ") + "\n" for line in shown))
        place, status = place + len(a), 1
    return status


def _complain_of_end(args: Args, io: IO, name: str, place: int, lines: int, whole: bool) -> None:
    line = "" if args.verbose else f", line {lines}" if whole else f", in line {lines + 1}"
    io.complain(f"EOF on {name} " + (f"after byte {place}{line}" if place else "which is empty"))
