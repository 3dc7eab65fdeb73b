"""Lines chosen, ordered and cut: grep sort uniq cut tr."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from memsh.commands.regex import compiled
from memsh.commands.sources import Sources
from memsh.shell import IO, Args, ShellError, UsageError, command, opt, rest
from memsh.shell.io import TEXT_LIMIT, TOO_LONG
from memsh.shell.values import count

TOPIC = "text"
_LONG_SET = 4096


@command(
    opt("-v", help="lines that do not match"), opt("-i", help="letters in either case"), opt("-c", help="count them"),
    opt("-n", help="with line numbers"), opt("-E", help="extended expressions"), opt("-F", help="plain text"),
    opt("-w", help="whole words"), opt("-x", help="whole lines"), opt("-o", help="only what matched"),
    opt("-q", help="only the status"), opt("-l", help="only file names"), opt("-h", help="no file names"),
    opt("-H", help="file names"), opt("-s", help="no word on missing files"),
    opt("-e", type=str, meta="PATTERN", help="the pattern"), opt("-m", type=count, meta="N", help="stop after N lines"),
    opt("-A", type=count, meta="N", help="N lines after"), opt("-B", type=count, meta="N", help="N lines before"),
    opt("-C", type=count, meta="N", help="N lines around"), opt("--color", type=str, name="colour"),
    rest("words", meta="PATTERN [FILE"), topic=TOPIC, needs_box=False,
)  # fmt: skip
def grep(box: object, args: Args, io: IO) -> int:
    """lines that match a pattern

    grep -i free /proc/meminfo

    Status 0 if a line matched, 1 if none did, 2 after an error.
    """
    words: list[str] = args.words
    if args.e is None and not words:
        raise UsageError("PATTERN is missing (usage: grep [-vicnEwo] PATTERN [FILE …])")
    pattern, names = (args.e, words) if args.e is not None else (words[0], words[1:])
    alternatives = pattern.split("\n")
    source = [compiled(one, args.E, args.i, args.F) for one in alternatives]
    text = "|".join(f"(?:{one.pattern})" for one in source) if len(source) > 1 else source[0].pattern
    if args.w:
        text = rf"(?<!\w)(?:{text})(?!\w)"
    if args.x:
        text = rf"^(?:{text})\Z"
    finder = re.compile(text, re.IGNORECASE if args.i else 0)
    sources = Sources(io, names)
    named = (len(names) > 1 or args.H) and not args.h
    matched = False
    for name, lines in sources:
        found = _grep_one(args, io, finder, lines, f"{'(standard input)' if name == '-' else name}" if named else "")
        if found and args.l:
            io.out(f"{'(standard input)' if name == '-' else name}\n")
        matched = matched or bool(found)
        if matched and args.q:
            return 0
    return 2 if sources.failed else int(not matched)


def _grep_one(args: Args, io: IO, finder: re.Pattern[str], lines: Any, name: str) -> int:
    """One input's matching lines, printed as asked; answers how many."""
    before, after = args.B or args.C or 0, args.A or args.C or 0
    silent = args.q or args.l or args.c
    held: list[tuple[int, str]] = []
    found, owed, last = 0, 0, 0
    label = f"{name}:" if name else ""
    for number, line in enumerate(lines, 1):
        io.check()
        bare = line.rstrip("\n")
        hit = finder.search(bare)
        if (hit is None) is bool(args.v):
            found += 1
            if args.q or args.l:
                return found
            if not silent:
                if (before or after) and last and number - len(held) > last + 1:
                    io.out("--\n")
                for at, text in held:
                    io.out(_labelled(name, at, text, "-", args.n))
                held.clear()
                if args.o and hit is not None:
                    for match in finder.finditer(bare):
                        if match[0]:
                            io.out(f"{label}{number}:{match[0]}\n" if args.n else f"{label}{match[0]}\n")
                elif not args.o:
                    io.out(_labelled(name, number, bare, ":", args.n))
                last, owed = number, after
            if args.m is not None and found >= args.m:
                break
        elif owed and not silent:
            io.out(_labelled(name, number, bare, "-", args.n))
            owed, last = owed - 1, number
        elif before:
            held.append((number, bare))
            del held[:-before]
    if args.c:
        io.out(f"{label}{found}\n")
    return found


def _labelled(name: str, number: int, text: str, mark: str, numbered: bool) -> str:
    return (f"{name}{mark}" if name else "") + (f"{number}{mark}" if numbered else "") + text + "\n"


_NUMBER = re.compile(r"\s*(-?[0-9]*\.?[0-9]+)")
_HUMAN = re.compile(r"\s*(-?[0-9]*\.?[0-9]+)([kKMGT]?)")
_UNITS = "kMGT"


def _key_of(text: str, numeric: bool, human: bool, fold: bool) -> Any:
    if human:
        match = _HUMAN.match(text)
        if match is None:
            return (0, 0.0)
        return (_UNITS.find(match[2].replace("K", "k")) + 1 if match[2] else 0, float(match[1]))
    if numeric:
        match = _NUMBER.match(text)
        return float(match[1]) if match else 0.0
    return text.lower() if fold else text


class _Field:
    """`-k 2,3nr`: from field 2 to 3, numeric, reversed."""

    def __init__(self, spec: str, args: Args) -> None:
        match = re.fullmatch(r"([0-9]+)(?:\.[0-9]+)?([bnrfh]*)(?:,([0-9]+)(?:\.[0-9]+)?([bnrfh]*))?", spec)
        if match is None or not int(match[1]):
            raise UsageError(f"-k: '{spec}' is not a key (2, 2n, 2,3nr)")
        flags = match[2] + (match[4] or "")
        self.first, self.last = int(match[1]) - 1, int(match[3]) if match[3] else None
        self.numeric = "n" in flags or (not flags and args.n)
        self.human = "h" in flags or (not flags and args.h)
        self.fold = "f" in flags or (not flags and args.f)
        self.reverse = "r" in flags or (not flags and args.r)
        self.separator = args.t

    def key(self, line: str) -> Any:
        fields = line.split(self.separator)
        joined = (self.separator or " ").join(fields[self.first : self.last])
        return _key_of(joined, self.numeric, self.human, self.fold)


@command(
    opt("-n", help="by number"), opt("-r", help="reversed"), opt("-u", help="equal lines once"),
    opt("-k", type=str, meta="KEY", help="by field: 2, 2n, 2,3nr"),
    opt("-t", type=str, meta="C", help="fields end at C"), opt("-h", help="by size: 2K before 1M"),
    opt("-f", help="letters in either case"), opt("-b", help="without leading blanks"),
    opt("-s", help="keep the order of equal lines"), rest("files", words="path"), topic=TOPIC, needs_box=False,
)  # fmt: skip
def sort(box: object, args: Args, io: IO) -> int:
    """lines in order

    sort -k2 -n -r /proc/meminfo
    """
    if args.t is not None and len(args.t) != 1:
        raise UsageError(f"-t: '{args.t}' is not one character")
    sources = Sources(io, args.files)
    lines: list[str] = []
    room = TEXT_LIMIT
    for line in sources.lines():
        room -= len(line)
        if room < 0:
            raise ShellError(TOO_LONG)
        lines.append(line.rstrip("\n"))
    if args.k:
        field = _Field(args.k, args)
        if not args.s:
            lines.sort(reverse=bool(args.r))
        lines.sort(key=field.key, reverse=field.reverse)
        if args.u:
            lines = [next(group) for _, group in groupby(lines, field.key)]
    else:
        if not args.s:
            lines.sort()

        def whole(line: str) -> Any:
            return _key_of(line.lstrip() if args.b else line, args.n, args.h, args.f)

        lines.sort(key=whole)
        if args.u:
            lines = [next(group) for _, group in groupby(lines, whole)]
        if args.r:
            lines.reverse()
    for line in lines:
        io.out(line + "\n")
    return sources.status


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
