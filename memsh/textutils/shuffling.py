"""Lines in no order: shuf (GNU coreutils 9.1, src/shuf.c).

Known deviation: without --random-source the order is that of the shell's own generator, which RANDOM=N seeds.
"""

from __future__ import annotations

from collections.abc import Iterator

from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import Room
from memsh.shell.session import FileSink
from memsh.textutils.quoting import quote, quotef
from memsh.textutils.randomness import Randomness
from memsh.textutils.sources import Sources, records
from memsh.textutils.utility import option, utility

LARGE = 8192 * 1024  # bytes of a file from which on not all of its lines are kept
_ENDLESS = 1 << 64


def _range(word: str) -> tuple[int, int]:
    low, dash, high = word.partition("-")
    wrong = ValueError(f"invalid input range: {quote(word)}")
    if not dash or not (is_digits(low) and is_digits(high) and word.isascii()):
        raise wrong
    first, last = int(low[:21]), int(high[:21])
    if first >= _ENDLESS or last >= _ENDLESS or first > last + 1:
        raise wrong
    return first, last


def _count(word: str) -> int:
    digits = word.lstrip(" \t\n+")
    if not is_digits(digits):
        raise ValueError(f"invalid line count: {quote(word)}")
    return min(int(digits[:21]), _ENDLESS)


@utility(
    option("-e", "--echo", help="the words are the lines"),
    option("-i", "--input-range", type=_range, many=True, meta="LO-HI", help="the numbers from LO to HI are the lines"),
    option("-n", "--head-count", type=_count, many=True, meta="N", help="at most N lines"),
    option("-o", "--output", type=str, many=True, meta="FILE"),
    option("--random-source", type=str, many=True, meta="FILE", help="where the bytes of chance come from"),
    option("-r", "--repeat", help="lines may come again"), option("-z", "--zero-terminated", help="lines end in NUL"),
    rest("words", words="path", meta="FILE"), usage="[OPTION]... [FILE]",
)  # fmt: skip
def shuf(box: object, args: Args, io: IO) -> int:
    """lines in no order

    seq 5 | shuf -n 2
    """
    for given, name in ((args.input_range, "-i options"), (args.output, "output files"),
                        (args.random_source, "random sources")):  # fmt: skip
        if len(set(given)) > 1 or (name == "-i options" and len(given) > 1):
            raise ShellError(f"multiple {name} specified")
    if args.echo and args.input_range:
        raise args.refused("cannot combine -e and -i options")
    if not args.echo and len(args.words) > (0 if args.input_range else 1):
        raise args.refused(f"extra operand {quote(args.words[0 if args.input_range else 1])}")
    most = min([*args.head_count, _ENDLESS])
    if not most:
        return 0
    chance = Randomness(io, args.random_source[0] if args.random_source else None)
    end = "\0" if args.zero_terminated else "\n"
    lines: list[str] | range
    if args.echo:
        lines = args.words
    elif args.input_range:
        lines = range(args.input_range[0][0], args.input_range[0][1] + 1)
    else:
        lines = _read(io, args, most, chance, end)
    sink: FileSink | None = _opened(io, args.output[0]) if args.output else None
    try:
        for line in _drawn(args, lines, most, chance):
            io.check()
            if sink is not None:
                sink.write(f"{line}{end}")
            else:
                io.out(f"{line}{end}")
    finally:
        if sink is not None:
            sink.close()
    return 0


def _opened(io: IO, name: str) -> FileSink:
    files = io.session.files
    assert files is not None
    try:
        return files.open_write(io.session, name, False)
    except OSError as error:
        raise ShellError(f"{quotef(name)}: {error.strerror or error}") from None


def _drawn(args: Args, lines: list[str] | range, most: int, chance: Randomness) -> Iterator[object]:
    if args.repeat:
        if most and not lines:
            raise ShellError("no lines to repeat")
        count = 0
        while count < most:
            yield lines[chance.below(len(lines))]
            count += 1
        return
    if isinstance(lines, range) and most >= len(lines) > 10_000_000:
        raise ShellError("memory exhausted")
    yield from (lines[at] for at in chance.permutation(min(most, len(lines)), len(lines)))


def _read(io: IO, args: Args, most: int, chance: Randomness, end: str) -> list[str]:
    """The lines of the file; where only few are asked for and there may be many, a choice of them
    (read_input_reservoir_sampling)."""
    name = args.words[0] if args.words else "-"
    sources = Sources(io, [name])
    source = sources.open(name)
    if source is None:
        raise ShellError("", 1)
    large = source.size is None or source.size > LARGE
    sampled = not args.repeat and most < _ENDLESS and large
    lines: list[str] = []
    seen = 0
    room = Room()
    for line in records(source, end):
        io.check()
        if not sampled or len(lines) < most:
            room.take(line)
            lines.append(line)
            seen = len(lines)
            continue
        place = chance.below(seen + 1)
        seen += 1
        if place < most:
            lines[place] = line
    if sampled and len(lines) == most:
        chance.below(seen + 1)
    return lines
