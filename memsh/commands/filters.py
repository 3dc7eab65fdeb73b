"""Lines chosen, ordered and cut: grep sort uniq cut tr."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from memsh.commands.sources import Sources
from memsh.shell import IO, Args, UsageError, command, opt, rest

TOPIC = "text"
_LONG_SET = 4096


@command(
    opt("-c", help="count them"), opt("-d", help="only repeated lines"), opt("-u", help="only lines that stand alone"),
    opt("-i", help="letters in either case"), rest("files", words="path"), topic=TOPIC, needs_box=False,
)  # fmt: skip
def uniq(box: object, args: Args, io: IO) -> int:
    """equal neighbouring lines once

    cut -c1 /proc/meminfo | sort | uniq -c
    """
    sources = Sources(io, args.files[:1])
    first: str | None = None
    times = 0

    def tell() -> None:
        if first is not None and not (args.d and times == 1) and not (args.u and times > 1):
            io.out(f"{times:7} {first}\n" if args.c else f"{first}\n")

    for line in sources.lines():
        bare = line.rstrip("\n")
        if first is not None and (bare.lower() == first.lower() if args.i else bare == first):
            times += 1
        else:
            tell()
            first, times = bare, 1
    tell()
    return sources.status


def _ranges(text: str) -> list[tuple[int, int]]:
    """`1,3-5,7-` → [(1, 1), (3, 5), (7, a lot)]."""
    result = []
    for piece in text.split(","):
        match = re.fullmatch(r"([0-9]*)(-?)([0-9]*)", piece)
        if match is None or not (match[1] or match[3]):
            raise UsageError(f"'{text}' is not a list of positions (1,3-5)")
        first = int(match[1] or 1)
        last = int(match[3]) if match[3] else (1 << 30 if match[2] else first)
        if not first or last < first:
            raise UsageError(f"'{text}': positions count from 1, and upwards")
        result.append((first, last))
    return sorted(result)


@command(
    opt("-d", type=str, default="\t", meta="C", help="fields end at C"),
    opt("-f", type=str, meta="LIST", help="these fields"),
    opt("-c", type=str, meta="LIST", help="these characters"), opt("-b", type=str, meta="LIST", help="these bytes"),
    opt("-s", help="no lines without the character"), opt("--output-delimiter", type=str), rest("files", words="path"),
    topic=TOPIC, needs_box=False,
)  # fmt: skip
def cut(box: object, args: Args, io: IO) -> int:
    """columns of each line

    cut -d: -f1 /proc/meminfo
    """
    chosen = [spec for spec in (args.f, args.c, args.b) if spec is not None]
    if len(chosen) != 1:
        raise UsageError("give one of -f LIST, -c LIST, -b LIST")
    if len(args.d) != 1:
        raise UsageError(f"-d: '{args.d}' is not one character")
    ranges = _ranges(chosen[0])
    between = args.output_delimiter if args.output_delimiter is not None else args.d

    def picked(parts: Any) -> Iterator[Any]:
        done = 0
        for first, last in ranges:
            yield from parts[max(first - 1, done) : last]
            done = max(done, last)

    sources = Sources(io, args.files)
    for line in sources.lines():
        bare = line.rstrip("\n")
        if args.f is None:
            io.out("".join(picked(bare)) + "\n")
        elif args.d in bare:
            io.out(between.join(picked(bare.split(args.d))) + "\n")
        elif not args.s:
            io.out(bare + "\n")
    return sources.status


_SETS = {
    "[:lower:]": "a-z", "[:upper:]": "A-Z", "[:digit:]": "0-9", "[:alpha:]": "A-Za-z", "[:alnum:]": "0-9A-Za-z",
    "[:space:]": " \t\n\r\v\f", "[:blank:]": " \t", "[:punct:]": "!-/:-@[-`{-~", "[:xdigit:]": "0-9A-Fa-f",
}  # fmt: skip
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "r": "\r", "0": "\0"}


def _set(text: str) -> str:
    """`a-z`, `[:digit:]`, `\\n` → the characters meant."""
    for name, meant in _SETS.items():
        text = text.replace(name, meant)
    chars: list[str] = []
    place = 0
    plain = re.findall(r"\\.|.", text, re.DOTALL)
    plain = [_ESCAPES.get(one[1], one[1]) if len(one) == 2 else one for one in plain]
    while place < len(plain):
        if place + 2 < len(plain) and plain[place + 1] == "-":
            first, last = ord(plain[place]), ord(plain[place + 2])
            if last < first or last - first > _LONG_SET:
                raise UsageError(f"'{plain[place]}-{plain[place + 2]}' is not a range")
            chars += map(chr, range(first, last + 1))
            place += 3
        else:
            chars.append(plain[place])
            place += 1
    return "".join(chars)


@command(
    opt("-d", help="delete them"), opt("-s", help="repeated ones once"), opt("-c", help="all others instead"),
    rest("sets", required=True, meta="SET1 [SET2]"), topic=TOPIC, needs_box=False,
)  # fmt: skip
def tr(box: object, args: Args, io: IO) -> None:
    """change, delete or squeeze characters

    tr -s ' ' < /proc/buddyinfo
    """
    sets = [_set(text) for text in args.sets]
    if len(sets) > 2 or (len(sets) == 1 and not (args.d or args.s)):
        raise UsageError("give SET1 and SET2, or -d or -s and one set (usage: tr [-cds] SET1 [SET2])")
    first, second = sets[0], sets[1] if len(sets) > 1 else ""
    chosen = set(first)
    table: dict[int, str] = {}
    if second and not args.d and not args.c:
        padded = second + second[-1] * (len(first) - len(second))
        table = {ord(a): b for a, b in zip(first, padded, strict=False)}
    squeezed = set(second or first)
    previous = ""
    for line in io.stdin:
        if args.d:
            line = "".join(char for char in line if (char in chosen) is bool(args.c))
        elif table:
            line = line.translate(table)
        elif args.c and second:
            line = "".join(char if char in chosen else second[-1] for char in line)
        if args.s:
            kept = []
            for char in line:
                inside = (char in squeezed) is not (args.c and not second)
                if char != previous or not inside:
                    kept.append(char)
                previous = char
            line = "".join(kept)
        io.out(line)
