"""cmp: two files byte by byte (GNU diffutils 3.8, src/cmp.c)."""

from __future__ import annotations

from memsh.shell import IO, Args, rest
from memsh.textutils.bytes import data_of, visible
from memsh.textutils.sources import Sources
from memsh.textutils.utility import Misused, option, sized, utility

TROUBLE = 2


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
    contents = []
    for name, skip in zip(names, skips, strict=True):
        sources = Sources(io, [name])
        sources.silent = args.quiet
        try:
            contents.append(data_of(sources, args.bytes, skip))
        except EOFError:
            contents.append(b"")
        if sources.failed:
            return TROUBLE
    a, b = contents
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
        place = f"{'byte' if args.print_bytes else 'char'} {at + 1}, line {a[:at].count(10) + 1}"
        io.out(f"{names[0]} {names[1]} differ: {place}{told}\n")
        return 1
    if len(a) != len(b):
        short = min(a, b, key=len)
        full = short.count(b"\n")
        place = f", line {full}" if short.endswith(b"\n") else f", in line {full + 1}"
        where = f"byte {len(short)}" + ("" if args.verbose else place)
        io.complain(f"EOF on {names[a is not short]} " + (f"after {where}" if short else "which is empty"))
    return 1
