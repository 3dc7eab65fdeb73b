"""Lines chosen, numbered, folded and turned: head tail uniq tac rev nl fold (GNU coreutils 9.1, util-linux)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, arg, rest
from memsh.shell.io import Input, PartsInput, Room, TextInput
from memsh.shell.limits import AWK_WIDTH
from memsh.shell.registry import Converter
from memsh.textutils.regexp import Regexp, compiled
from memsh.textutils.sources import Sources, pieces
from memsh.textutils.utility import Misused, one_of, option, sized, utility, whole_number

OPENING, READING = "cannot open '{name}' for reading: {why}", "error reading '{name}': {why}"
_RANGE = ": Numerical result out of range"


def _amount(what: str) -> Converter:
    """`10`, `-5`, `+3`, `2k`: (sign, number)."""

    def convert(word: str) -> tuple[str, int]:
        sign = word[:1] if word[:1] in ("-", "+") and word else ""
        number = sized(word[len(sign) :])
        if number is None:
            raise ValueError(f"invalid number of {what}: '{word}'")
        if number >> 64:
            raise ValueError(f"invalid number of {what}: '{word[len(sign) :]}': Value too large for defined data type")
        return sign, number

    return convert


def _old_head(words: list[str]) -> list[str]:
    """`head -5`, `head -5q` in the old spelling become -n and -c."""
    match = re.fullmatch(r"-([0-9]+)([bckm]?)([lqvz]*)(.?).*", words[0], re.DOTALL) if words else None
    if match is None:
        return words
    if match[4]:
        raise ShellError(f"invalid trailing option -- {match[4]}\nTry 'head --help' for more information.")
    number, unit, letters, _ = match.groups()
    suffix = {"b": "b", "k": "K", "m": "M"}.get(unit, "")
    flags = ["-" + letters.replace("l", "")] if letters.replace("l", "") else []
    return [f"{'-c' if unit else '-n'}{number}{suffix}", *flags, *words[1:]]


def _old_tail(words: list[str]) -> list[str]:
    """`tail -5f`, `tail +3`, `tail -c` with one file at most become -n, -c and -f (parse_obsolete_option)."""
    alone = len(words) == 1 or (len(words) == 2 and not (words[1][:1] == "-" and len(words[1]) > 1))
    if not (alone or (len(words) in (2, 3) and words[1] == "--")):
        if words and re.match(r"-[0-9]", words[0]):
            raise ShellError(f"option used in invalid context -- {words[0][1]}")
        return words
    match = re.fullmatch(r"([-+])([0-9]*)([bcl]?)(f?)", words[0])
    if match is None or words[0] in ("-", "-c", "-f"):
        if re.match(r"-[0-9]", words[0]):
            raise ShellError(f"option used in invalid context -- {words[0][1]}")
        return words
    sign, number, unit, follow = match.groups()
    suffix = "b" if unit == "b" else ""
    kind = "-c" if unit in ("b", "c") and unit else "-n"
    return [f"{kind}{'+' if sign == '+' else ''}{number or 10}{suffix}", *(["-f"] if follow else []), *words[1:]]


def _header(io: IO, name: str, serial: int) -> None:
    shown = "standard input" if name == "-" else name
    io.out(f"{chr(10) if serial else ''}==> {shown} <==\n")


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


COMMON = (
    option("-c", "--bytes", type=_amount("bytes"), meta="N", help="N bytes"),
    option("-n", "--lines", type=_amount("lines"), meta="N", help="N lines"),
    option("-q", "--quiet", "--silent", name="quiet", help="no file names"),
    option("-v", "--verbose", help="always file names"), option("-z", "--zero-terminated", help="lines end in NUL"),
)  # fmt: skip


@utility(*COMMON, rest("files", words="path"), rewrite=_old_head)
def head(box: object, args: Args, io: IO) -> int:
    """the first lines

    head -3 /proc/meminfo

    -n -N all but the last N lines, -c -N all but the last N bytes; k, M, G allowed.
    """
    by_bytes, (sign, limit) = _unit(args)
    end = "\0" if args.zero_terminated else "\n"
    sources = Sources(io, args.files, OPENING, READING)
    named = args.verbose or (len(args.files) > 1 and not args.quiet)
    for serial, (name, source) in enumerate(sources):
        if named:
            _header(io, name, serial)
        if by_bytes:
            _head_bytes(io, source, limit, sign == "-")
        else:
            _head_lines(io, source, end, limit, sign == "-")
    return sources.status


def _unit(args: Args) -> tuple[bool, tuple[str, int]]:
    chosen = [(name, value) for name, value in args.typed if name in ("bytes", "lines")]
    name, value = chosen[-1] if chosen else ("lines", ("", 10))
    return name == "bytes", value


def _cut(source: Input, end: str) -> Iterator[str]:
    return iter(source) if end == "\n" else pieces(source, end)


def _head_lines(io: IO, source: Input, end: str, limit: int, all_but: bool) -> None:
    if all_but:
        held: deque[str] = deque()
        room = Room()
        for line in _cut(source, end):
            room.take(line)
            held.append(line)
            if len(held) > limit:
                room.give(held[0])
                io.out(held.popleft())
    elif limit:
        for left, line in enumerate(_cut(source, end), 1):
            io.out(line)
            if left == limit:
                break


def _chunks(source: Input) -> Iterator[str]:
    return source.chunks() if isinstance(source, PartsInput) else iter(source)


def _head_bytes(io: IO, source: Input, limit: int, all_but: bool) -> None:
    if all_but:
        data = _bytes_of(source.read())
        io.out(_text_of(data[: max(0, len(data) - limit)]))
        return
    left = limit
    for part in _chunks(source) if limit else ():
        data = _bytes_of(part)
        io.out(_text_of(data[:left]))
        left -= len(data)
        if left <= 0:
            break


def _pid(word: str) -> int:
    if not is_digits(word) or len(word) > 9:
        raise ValueError(f"invalid PID: '{word}'")
    return int(word)


def _contents(io: IO, name: str) -> str:
    """A file that is followed; nothing while it is not there."""
    files = io.session.files
    assert files is not None
    try:
        return files.open_read(io.session, name).read() if name != "-" else ""
    except OSError:
        return ""


@utility(
    *COMMON,
    option("-f", "--follow", type=one_of("--follow", "descriptor", "name"), optional="descriptor", bare="f", meta="HOW",
           help="go on as the file grows"),
    option("-F", name="follow_name", help="the same, by name"),
    option("--retry", help="with -f: also what is not there yet"),
    option("-s", "--sleep-interval", type=whole_number("invalid number of seconds"), default=1, meta="SECONDS"),
    option("--max-unchanged-stats", type=whole_number("invalid maximum number of unchanged stats between opens")),
    option("--pid", type=_pid, meta="PID", help="with -f: until that process ends"), rest("files", words="path"),
    rewrite=_old_tail,
)  # fmt: skip
def tail(box: object, args: Args, io: IO) -> int:
    """the last lines

    tail -5 /proc/iomem

    -n +N from line N on, -c +N from byte N on; k, M, G allowed. -f goes on while the box's clock moves: q or Ctrl-C
    ends it on a terminal, elsewhere the end of the last background job.
    """
    by_bytes, (sign, limit) = _unit(args)
    end = "\0" if args.zero_terminated else "\n"
    sources = Sources(io, args.files, OPENING, READING)
    named = args.verbose or (len(args.files) > 1 and not args.quiet)
    follow = args.follow is not None or args.follow_name
    if not follow and args.retry:
        io.complain("warning: --retry ignored; --retry is useful only when following")
    if not follow and args.pid is not None:
        io.complain("warning: PID ignored; --pid=PID is useful only when following")
    seen: dict[str, int] = {}
    for serial, (name, source) in enumerate(sources):
        if named:
            _header(io, name, serial)
        if follow:
            whole = source.read()
            seen[name] = len(whole)
            source = TextInput(whole)
        if by_bytes:
            data = _bytes_of(source.read())
            start = max(0, limit - 1) if sign == "+" else max(0, len(data) - limit)
            io.out(_text_of(data[start:]))
        else:
            _tail_lines(io, source, end, limit, sign == "+")
    if follow:
        if not seen and not (args.retry or args.follow_name):
            io.complain("no files remaining")
            return 1
        if args.retry or args.follow_name:
            seen |= {name: 0 for name in args.files if name not in seen}
        _follow(io, args.sleep_interval or 1, seen, named, args.pid)
    return sources.status


def _tail_lines(io: IO, source: Input, end: str, limit: int, from_there: bool) -> None:
    if from_there:
        for at, line in enumerate(_cut(source, end), 1):
            if at >= limit:
                io.out(line)
        return
    kept: deque[str] = deque()
    room = Room()
    for number, line in enumerate(_cut(source, end)):
        if not number % 64:
            io.check()
        room.take(line)
        kept.append(line)
        if number >= limit:
            room.give(kept.popleft())
    for line in kept:
        io.out(line)


def _follow(io: IO, seconds: int, seen: dict[str, int], named: bool, pid: int | None) -> None:
    """Print what the files grow by, as the box's clock moves on; no longer than the process `pid` lives."""
    session = io.session
    ticker = session.ticker(io) if session.ticker is not None and io.is_tty else None
    last = next(reversed(seen))
    while ticker is not None or session.jobs:
        io.flush()
        if ticker is None:
            session.advance(seconds * 1_000_000)
        elif not ticker.wait(float(seconds)):
            return
        for name in seen:
            whole = _contents(io, name)
            if len(whole) < seen[name]:
                io.complain(f"{name}: file truncated")
                seen[name] = 0
            if len(whole) > seen[name]:
                if named and name != last:
                    _header(io, name, 1)
                last = name
                io.out(whole[seen[name] :])
                seen[name] = len(whole)
        if pid is not None and not _contents(io, f"/proc/{pid}/stat"):
            return


def _skipped(what: str) -> Converter:
    def convert(word: str) -> int:
        if not is_digits(word.lstrip("+")) or len(word) > 4000:
            raise ValueError(f"{word}: {what}")
        return int(word[:18])

    return convert


def _old_uniq(words: list[str]) -> list[str]:
    """`uniq -2` and `uniq +3` are -f 2 and -s 3."""
    kinds = {"-": "-f", "+": "-s"}
    return [kinds[word[0]] + word[1:] if re.fullmatch(r"[-+][0-9]+", word) else word for word in words]


@utility(
    option("-c", "--count", help="count them"), option("-d", "--repeated", help="only repeated lines"),
    option("-D", name="all_repeated", help="all repeated lines"),
    option("--all-repeated", type=one_of("--all-repeated", "none", "prepend", "separate"), optional="none",
           meta="METHOD", name="all_repeated_how"),
    option("-f", "--skip-fields", type=_skipped("invalid number of fields to skip"), default=0,
           meta="N", help="compare behind N fields"),
    option("--group", type=one_of("--group", "prepend", "append", "separate", "both"), optional="separate",
           meta="METHOD"),
    option("-i", "--ignore-case", help="letters in either case"),
    option("-s", "--skip-chars", type=_skipped("invalid number of bytes to skip"), default=0, meta="N",
           help="compare behind N characters"),
    option("-u", "--unique", help="only lines that stand alone"), option("-z", "--zero-terminated"),
    option("-w", "--check-chars", type=_skipped("invalid number of bytes to compare"), meta="N",
           help="compare N characters"),
    rest("files", words="path"), usage="[OPTION]... [INPUT [OUTPUT]]", rewrite=_old_uniq,
)  # fmt: skip
def uniq(box: object, args: Args, io: IO) -> int:
    """equal neighbouring lines once

    cut -c1 /proc/meminfo | sort | uniq -c
    """
    if len(args.files) > 2:
        raise args.refused(f"extra operand '{args.files[2]}'")
    sources = Sources(io, args.files[:1])
    end = "\0" if args.zero_terminated else "\n"
    out: list[str] = []
    groups: list[str] = []
    key_before: str | None = None
    every = args.all_repeated or args.all_repeated_how is not None
    if args.group is not None and (args.count or args.repeated or args.unique or every):
        raise args.refused("--group is mutually exclusive with -c/-d/-D/-u")
    if every and args.count:
        raise args.refused("printing all duplicated lines and repeat counts is meaningless")
    printed = 0

    def tell() -> None:
        nonlocal printed
        if not groups:
            return
        times = len(groups)
        if ((args.repeated or every) and times == 1) or (args.unique and times > 1):
            return
        separates = (args.group or args.all_repeated_how) in ("separate", "prepend", "both", "append")
        if separates and (printed or (args.group or args.all_repeated_how) in ("prepend", "both")):
            out.append(end)
        printed += 1
        if every or args.group is not None:
            out.extend(line + end for line in groups)
        else:
            out.append((f"{times:7} " if args.count else "") + groups[0] + end)

    room = Room()
    for line in sources.bare_lines(end):
        key = _uniq_key(line, args)
        if key != key_before:
            tell()
            groups.clear()
            room = Room()
            key_before = key
        room.take(line)
        groups.append(line)
        if len(out) > 256 and len(args.files) < 2:
            io.out("".join(out))
            out.clear()
    tell()
    if printed and args.group in ("append", "both"):
        out.append(end)
    if len(args.files) > 1 and args.files[1] != "-":
        files = io.session.files
        assert files is not None
        sink = files.open_write(io.session, args.files[1], False)
        sink.write("".join(out))
        sink.close()
    else:
        io.out("".join(out))
    return sources.status


_FIELD = regular(r"[ \t]*[^ \t]*")


def _uniq_key(line: str, args: Args) -> str:
    place = 0
    for _ in range(args.skip_fields):
        match = _FIELD.match(line, place)
        assert match is not None
        if match.end() == place:
            break
        place = match.end()
    key = line[place + args.skip_chars :]
    if args.check_chars is not None:
        key = key[: args.check_chars]
    return key.lower() if args.ignore_case else key


@utility(
    option("-b", "--before"), option("-r", "--regex"), option("-s", "--separator", type=str, meta="STRING"),
    rest("files", words="path"),
)  # fmt: skip
def tac(box: object, args: Args, io: IO) -> int:
    """the lines in reverse order

    tac /proc/swaps
    """
    sources = Sources(io, args.files, "failed to open '{name}' for reading: {why}")
    mark = "\n" if args.separator is None else args.separator or "\0"
    if args.regex and not args.separator and args.separator is not None:
        raise ShellError("separator cannot be empty")
    for _, source in sources:
        io.out(_turned(source.read(), mark, bool(args.before), bool(args.regex)))
    return sources.status


def _emacs(pattern: str) -> str:
    """tac's expressions are Emacs's, where + and ? stand without a backslash, as basic ones."""
    swapped = {"+": "\\+", "?": "\\?", "\\+": "+", "\\?": "?"}
    return re.sub(r"\[\^?\]?[^]]*\]|\\.|[+?]", lambda found: swapped.get(found[0], found[0]), pattern)


def _marks(finder: Regexp, text: str) -> list[tuple[int, int]]:
    """Where the marks lie, in order: tac looks backwards, so that the last place where one may begin counts, as far
    as it goes before the mark behind it."""
    begins, place = [], 0
    while (found := finder.search(text, place)) is not None and found.start() < len(text):
        begins.append((found.start(), found.end()))
        place = found.start() + 1
    marks: list[tuple[int, int]] = []
    limit = len(text)
    for start, end in reversed(begins):
        if end > limit:
            shorter = finder.search(text[:limit], start)
            if shorter is None or shorter.start() != start:
                continue
            end = shorter.end()
        marks.append((start, end))
        limit = start
    return marks[::-1]


def _turned(text: str, mark: str, before: bool, by_regex: bool) -> str:
    """The pieces of a text in reverse; a mark ends its piece, or begins it."""
    if not by_regex:
        edges = [match.start() + (0 if before else len(mark)) for match in re.finditer(re.escape(mark), text)]
    else:
        edges = [start if before else end for start, end in _marks(compiled(_emacs(mark)), text)]
    parts, place = [], 0
    for edge in edges:
        parts.append(text[place:edge])
        place = edge
    parts.append(text[place:])
    return "".join(reversed(parts))


@utility(rest("files", words="path"))
def rev(box: object, args: Args, io: IO) -> int:
    """each line backwards

    echo abc | rev
    """
    sources = Sources(io, args.files, "cannot open {name}: {why}")
    for line in sources.lines():
        bare = line.removesuffix("\n")
        io.out(bare[::-1] + line[len(bare) :])
    return sources.status


def _style(part: str) -> Converter:
    def convert(word: str) -> str:
        if word[:1] == "p":
            compiled(word[1:])
        elif word not in ("a", "t", "n"):
            raise Misused(f"invalid {part} numbering style: '{word}'")
        return word

    return convert


def _format(word: str) -> str:
    if word not in ("ln", "rn", "rz"):
        raise Misused(f"invalid line numbering format: '{word}'")
    return word


@utility(
    option("-b", "--body-numbering", type=_style("body"), default="t", meta="STYLE",
           help="a all lines, t what is not empty"),
    option("-d", "--section-delimiter", type=str, default="\\:", meta="CC"),
    option("-f", "--footer-numbering", type=_style("footer"), default="n", meta="STYLE"),
    option("-h", "--header-numbering", type=_style("header"), default="n", meta="STYLE"),
    option("-i", "--line-increment", type=whole_number("invalid line number increment"), default=1, meta="N"),
    option("-l", "--join-blank-lines", type=whole_number("invalid line number of blank lines", 1), default=1, meta="N"),
    option("-n", "--number-format", type=_format, default="rn", meta="FORMAT", help="ln, rn, rz"),
    option("-p", "--no-renumber"), option("-s", "--number-separator", type=str, default="\t", meta="STRING"),
    option("-v", "--starting-line-number", type=whole_number("invalid starting line number"), default=1, meta="N"),
    option("-w", "--number-width", type=whole_number("invalid line number field width", 1, beyond=_RANGE), default=6,
           meta="N"),
    rest("files", words="path"),
)  # fmt: skip
def nl(box: object, args: Args, io: IO) -> int:
    """number the lines

    nl /proc/swaps
    """
    sources = Sources(io, args.files)
    number, blank, section = args.starting_line_number, 0, "body"
    mark = args.section_delimiter if len(args.section_delimiter) != 1 else args.section_delimiter + ":"
    width, between = args.number_width, args.number_separator
    if width > AWK_WIDTH:
        raise ShellError(f"a field is at most {AWK_WIDTH} characters wide")
    for line in sources.bare_lines():
        if mark and line in (mark, mark * 2, mark * 3):
            section = {1: "footer", 2: "body", 3: "header"}[len(line) // len(mark)]
            if not args.no_renumber and section != "footer":
                number = args.starting_line_number
            io.out("\n")
            continue
        style = getattr(args, f"{section}_numbering")
        counts = (style == "t" and line != "") or (style[0] == "p" and compiled(style[1:]).test(line) is not None)
        if style == "a":
            blank = 0 if line else blank + 1
            counts = bool(line) or blank == args.join_blank_lines
            blank = 0 if counts else blank
        if not counts:
            io.out(" " * (width + len(between)) + line + "\n")
            continue
        shown = {"ln": f"{number:<{width}}", "rn": f"{number:>{width}}", "rz": f"{number:0{width}}"}[args.number_format]
        io.out(shown + between + line + "\n")
        number += args.line_increment
    return sources.status


def _old_width(words: list[str]) -> list[str]:
    return [f"-w{word[1:]}" if re.fullmatch(r"-[0-9]+", word) else word for word in words]


@utility(
    option("-b", "--bytes", help="count bytes"), option("-s", "--spaces", help="break at spaces"),
    option("-w", "--width", type=whole_number("invalid number of columns", 1, beyond=_RANGE), default=80, meta="N"),
    rest("files", words="path"), rewrite=_old_width,
)  # fmt: skip
def fold(box: object, args: Args, io: IO) -> int:
    """break long lines

    fold -w 40 /proc/cmdline
    """
    sources = Sources(io, args.files)
    for line in sources.lines():
        with io.looking():  # it may be long
            text = "".join(_folded(line, args.width, args.spaces, args.bytes))
        io.out(text)
    return sources.status


def _folded(line: str, width: int, at_spaces: bool, by_bytes: bool) -> Iterator[str]:
    current, column = "", 0

    def after(char: str, column: int) -> int:
        if by_bytes:
            return column + len(char.encode("utf-8", "surrogateescape"))
        return column - column % 8 + 8 if char == "\t" else max(0, column - 1) if char == "\b" else (
            0 if char == "\r" else column + 1)  # fmt: skip

    for char in line:
        if char == "\n":
            break
        if after(char, column) > width and current:
            cut = max(current.rfind(" "), current.rfind("\t")) + 1 if at_spaces else 0
            yield (current[:cut] if cut else current) + "\n"
            current = current[cut:] if cut else ""
            column = 0
            for one in current:
                column = after(one, column)
        current += char
        column = after(char, column)
    yield current + ("\n" if line.endswith("\n") else "")


@utility(arg("string", default=None), rest("more"), usage="[STRING]...", in_order=True)
def yes(box: object, args: Args, io: IO) -> None:
    """print the same line until the reader goes away

    yes | head -3
    """
    words = [*([args.string] if args.string is not None else []), *args.more]
    line = " ".join(words or ["y"]) + "\n"
    block = line * max(1, 4096 // len(line))
    while True:
        io.out(block)


