"""Text made and counted: echo printf seq yes head tail wc tee xargs, true false test."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import partial

from memsh.commands.paths import to_bytes, to_text
from memsh.commands.sources import Sources
from memsh.shell import IO, Args, ShellError, UsageError, arg, command, opt, rest
from memsh.shell.errors import PipeClosed, Unreasonable
from memsh.shell.io import TEXT_LIMIT, TOO_LONG, PartsInput, Sink
from memsh.shell.values import integer, wide_size

TOPIC = "text"
MOST_NUMBERS = 10_000_000
_ESCAPE = re.compile(r"\\(?:([abefnrtv\\\"c])|0?([0-7]{1,3})|x([0-9a-fA-F]{1,2}))")
_CONTROL = {
    "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"',
}  # fmt: skip
_DIRECTIVE = re.compile(r"%(?:%|([-+ #0]*)(\*|[0-9]*)(?:\.([0-9]*))?([diouxXcsbeEfgG]))")
WIDEST = 4096


def unescape(text: str) -> tuple[str, bool]:
    """Backslash sequences become characters; True if `\\c` said to stop there."""
    stop = text.find("\\c")
    shown = text if stop < 0 else text[:stop]

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return _CONTROL.get(match[1], "")
        return chr(int(match[2], 8) & 0xFF) if match[2] else chr(int(match[3], 16))

    return _ESCAPE.sub(one, shown), stop >= 0


@command(rest("words", raw=True), topic=TOPIC, needs_box=False, help_option=False)
def echo(box: object, args: Args, io: IO) -> None:
    """print its words

    malloc 64; echo $1 is where it begins

    -n leaves out the newline, -e understands \\n, \\t and the like.
    """
    words: list[str] = args.words
    newline, escapes = True, False
    while words and re.fullmatch("-[neE]+", words[0]):
        newline = newline and "n" not in words[0]
        escapes = (escapes or "e" in words[0]) and "E" not in words[0]
        words = words[1:]
    text, stopped = " ".join(words), False
    if escapes:
        text, stopped = unescape(text)
    io.out(text + "\n" if newline and not stopped else text)


def _format_next(words: Iterator[str], match: re.Match[str]) -> str:
    if match[0] == "%%":
        return "%"
    flags, width, precision, kind = match.groups()
    if width == "*":
        width = next(words, "0")
        if not width.lstrip("-").isdigit():
            raise UsageError(f"'{width}' is not a width")
    if abs(int(width or 0)) > WIDEST or int(precision or 0) > WIDEST:
        raise UsageError(f"a field is at most {WIDEST} characters wide")
    spec = f"%{flags}{width}" + (f".{precision}" if precision is not None else "")
    word = next(words, "")
    if kind in "sbc":
        text = unescape(word)[0] if kind == "b" else word[:1] if kind == "c" else word
        return (spec + "s") % text
    try:
        if kind in "eEfgG":
            return (spec + kind) % float(word or 0)
        value = ord(word[1]) if word[:1] in "'\"" and len(word) > 1 else integer(word or "0")
    except ValueError:
        raise UsageError(f"'{word}' is not a number") from None
    if kind in "ouxX" and value < 0:
        value += 1 << 64
    return (spec + ("d" if kind in "diu" else kind)) % value if kind != "o" else (spec.replace("#", "") + "o") % value


@command(arg("format"), rest("words", raw=True), topic=TOPIC, needs_box=False, help_option=False)
def printf(box: object, args: Args, io: IO) -> None:
    """print words by a format, as C's printf

    printf '%08x %s\\n' 4096 hello

    %d %i %u %x %X %o %c %s %b %e %f %g; the format is used again while words are left.
    """
    io.out(formatted(args.format, args.words))


def formatted(pattern: str, words: list[str], once: bool = False) -> str:
    """printf's text; the format is used again while words are left, unless `once`. UsageError for what is no number."""
    text, stopped = unescape(pattern)
    remaining = deque(words)
    parts: list[str] = []

    def take() -> Iterator[str]:
        while remaining:
            yield remaining.popleft()

    while True:
        before = len(remaining)
        parts.append(_DIRECTIVE.sub(partial(_format_next, take()), text))
        if once or not remaining or len(remaining) == before or stopped:
            return "".join(parts)


def _number(word: str) -> float | int:
    if re.fullmatch(r"[-+]?[0-9]+", word):
        return int(word)
    try:
        value = float(word)
    except ValueError:
        try:
            return wide_size(word)
        except ValueError:
            raise ValueError(f"'{word}' is not a number") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"'{word}' is not a number")
    return int(value) if value == int(value) and "." not in word else value


@command(
    opt("-w", help="pad with zeros to equal width"), opt("-s", type=str, default="\n", help="what stands between"),
    rest("numbers", type=_number, required=True, meta="[FIRST [STEP]] LAST"), topic=TOPIC, needs_box=False,
)  # fmt: skip
def seq(box: object, args: Args, io: IO) -> None:
    """count

    seq 1 5

    At most ten million numbers.
    """
    numbers: list[float | int] = args.numbers
    if len(numbers) > 3:
        raise UsageError("at most FIRST STEP LAST")
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) > 2 else 1
    last = numbers[-1]
    if not step:
        raise UsageError("the step cannot be 0")
    whole = all(isinstance(number, int) for number in (first, step, last))
    digits = max((len(str(n).partition(".")[2]) for n in (first, step)), default=0)
    wide = max(len(f"{n:.{0 if whole else digits}f}") for n in (first, last)) if args.w else 0
    batch: list[str] = []
    between, serial, started = args.s, 0, False
    while True:
        value = first + serial * step
        if (value > last) if step > 0 else (value < last):
            break
        shown = str(value) if whole else f"{value:.{digits}f}"
        if serial >= MOST_NUMBERS:
            raise Unreasonable(f"{MOST_NUMBERS} numbers were printed, and that is as far as it counts here")
        batch.append(shown.zfill(wide) if wide else shown)
        serial += 1
        if len(batch) == 512:
            io.out((between if started else "") + between.join(batch))
            started = True
            batch.clear()
    if batch:
        io.out((between if started else "") + between.join(batch))
        started = True
    if started:
        io.out("\n")


@command(rest("words", raw=True), topic=TOPIC, needs_box=False, help_option=False)
def yes(box: object, args: Args, io: IO) -> None:
    """print the same line until the reader goes away

    yes | head -3
    """
    line = " ".join(args.words or ["y"]) + "\n"
    block = line * max(1, 4096 // len(line))
    while True:
        io.out(block)


def _old_style(words: list[str]) -> list[str]:
    """`head -5`, `tail -5`, `tail +3` in the old spelling become -n."""
    if words and re.fullmatch(r"-[0-9]+", words[0]):
        return [f"-n{words[0][1:]}", *words[1:]]
    if words and re.fullmatch(r"\+[0-9]+", words[0]):
        return [f"-n{words[0]}", *words[1:]]
    return words


def _count_options(name: str, words: list[str]) -> tuple[str, bool, bool, list[str]]:
    """(count as typed, bytes instead of lines, quiet, files) of head and tail."""
    amount, as_bytes, quiet, files = "10", False, False, []
    words = _old_style(words)
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word in ("-q", "--quiet"):
            quiet = True
        elif word[:2] in ("-n", "-c") or word.startswith(("--lines", "--bytes")):
            as_bytes = word.startswith(("-c", "--bytes"))
            amount = word.partition("=")[2] if word.startswith("--") else word[2:]
            if not amount:
                if place >= len(words):
                    raise UsageError(f"{word} needs a number (usage: {name} [-n N] [-c N] [FILE …])")
                amount = words[place]
                place += 1
        elif word[0:1] == "-" and len(word) > 1:
            raise UsageError(f"there is no option {word} (usage: {name} [-n N] [-c N] [FILE …])")
        else:
            files.append(word)
    if not re.fullmatch(r"[-+]?[0-9]{1,12}", amount):
        raise UsageError(f"'{amount}' is not a number of {'bytes' if as_bytes else 'lines'}")
    return amount, as_bytes, quiet, files


@command(rest("words", raw=True, meta="[-n N] [-c N] [FILE"), topic=TOPIC, needs_box=False)
def head(box: object, args: Args, io: IO) -> int:
    """the first lines

    head -3 /proc/meminfo

    -n N lines (10), -n -N all but the last N, -c N bytes.
    """
    amount, as_bytes, quiet, files = _count_options("head", args.words)
    sources = Sources(io, files)
    limit = int(amount)
    for serial, (name, source) in enumerate(sources):
        if len(files) > 1 and not quiet:
            io.out(f"{chr(10) if serial else ''}==> {name} <==\n")
        if as_bytes and limit >= 0:
            left = limit
            for part in source.chunks() if isinstance(source, PartsInput) else source:
                data = to_bytes(part)
                io.out(to_text(data[:left]))
                left -= len(data)
                if left <= 0:
                    break
        elif as_bytes:
            io.out(source.read()[:limit])
        elif limit < 0:
            held: deque[str] = deque()
            for line in source:
                held.append(line)
                if len(held) > -limit:
                    io.out(held.popleft())
        elif limit:
            for left, line in enumerate(source, 1):
                io.out(line)
                if left == limit:
                    break
    return sources.status


@command(rest("words", raw=True, meta="[-n N] [-c N] [FILE"), topic=TOPIC, needs_box=False)
def tail(box: object, args: Args, io: IO) -> int:
    """the last lines

    tail -5 /proc/iomem

    -n N lines (10), -n +N from line N on, -c N characters.
    """
    amount, as_bytes, quiet, files = _count_options("tail", args.words)
    sources = Sources(io, files)
    limit = abs(int(amount))
    for serial, (name, source) in enumerate(sources):
        if len(files) > 1 and not quiet:
            io.out(f"{chr(10) if serial else ''}==> {name} <==\n")
        if as_bytes:
            text = source.read()
            io.out(text[limit - 1 :] if amount[0] == "+" else text[max(0, len(text) - limit) :])
        elif amount[0] == "+":
            for at, line in enumerate(source, 1):
                if at >= limit:
                    io.out(line)
        else:
            kept: deque[str] = deque(maxlen=limit)
            for line in source:
                io.check()
                kept.append(line)
            for line in kept:
                io.out(line)
    return sources.status


@command(
    opt("-l", help="lines"), opt("-w", help="words"), opt("-c", help="bytes"), opt("-m", help="characters"),
    opt("-L", help="the longest line"), rest("files", words="path"), topic=TOPIC, needs_box=False,
)  # fmt: skip
def wc(box: object, args: Args, io: IO) -> int:
    """count lines, words and bytes

    cat /proc/slabinfo | wc -l
    """
    wanted = [key for key in "lwmcL" if getattr(args, key)] or ["l", "w", "c"]
    sources = Sources(io, args.files)
    rows: list[tuple[list[int], str]] = []
    for name, source in sources:
        count = dict.fromkeys("lwmcL", 0)
        for line in source:
            io.check()
            count["l"] += line.endswith("\n")
            count["w"] += len(line.split())
            count["m"] += len(line)
            count["c"] += len(line.encode("utf-8", "surrogateescape"))
            count["L"] = max(count["L"], len(line.rstrip("\n")))
        rows.append(([count[key] for key in wanted], "" if name == "-" and not args.files else name))
    if len(rows) > 1:
        rows.append(([sum(column) for column in zip(*(row for row, _ in rows), strict=True)], "total"))
    wide = _wc_width(io, args.files, len(wanted), len(rows))
    for row, name in rows:
        io.out(" ".join(f"{n:>{wide}}" for n in row) + (f" {name}" if name else "") + "\n")
    return sources.status


def _wc_width(io: IO, names: list[str], columns: int, rows: int) -> int:
    """GNU's rule: the digits of all the files' sizes together (0 in /proc), 7 where a size is not known."""
    if columns == 1 and rows == 1:
        return 1
    if not names or "-" in names:
        return 7
    from memsh.commands.paths import size_of, stat_kind

    return len(str(sum(size_of(io.session, name) for name in names if stat_kind(io.session, name) == "file")))


class _Tee:
    """Several sinks as one; one whose reader has gone is left out."""

    def __init__(self, sinks: list[Sink]) -> None:
        self.sinks = sinks

    def write(self, text: str) -> None:
        for sink in self.sinks:
            sink.write(text)


@command(opt("-a", "--append"), rest("files", words="path"), topic=TOPIC, needs_box=False)
def tee(box: object, args: Args, io: IO) -> int:
    """copy standard input to files of the box and on

    echo 3 | tee /proc/sys/vm/drop_caches
    """
    files = io.session.files
    assert files is not None
    status, opened = 0, []
    for name in args.files:
        try:
            opened.append((name, files.open_write(io.session, name, args.append)))
        except OSError as error:
            io.complain(f"{name}: {error.strerror or error}")
            status = 1
    whole = _Tee([sink for _, sink in opened])
    try:
        for line in io.stdin:
            whole.write(line)
            io.out(line)
    except PipeClosed:
        for line in io.stdin:
            whole.write(line)
    finally:
        for name, sink in opened:
            try:
                sink.close()
            except OSError as error:
                io.complain(f"{name}: {error.strerror or error}")
                status = 1
    return status


@command(rest("words", raw=True, meta="[-rt] [-n N] [-I {}] COMMAND"), topic=TOPIC, needs_box=False)
def xargs(box: object, args: Args, io: IO) -> int:
    """run a command with words from standard input

    pgrep a.out | xargs -n 1 pmap

    -n N: at most N words a call; -I {}: once a line, put in the place of {}; -r: not without words; -t: tell each call.
    """
    words: list[str] = args.words
    at_most, place, none, tell = 0, "", False, False
    while words and words[0][0:1] == "-" and len(words[0]) > 1:
        flag, value, words = words[0][:2], words[0][2:], words[1:]
        if flag in ("-n", "-I"):
            if not value:
                if not words:
                    raise UsageError(f"{flag} needs a value")
                value, words = words[0], words[1:]
            if flag == "-I":
                place = value
            elif not value.isdigit() or not int(value):
                raise UsageError(f"-n: '{value}' is not a number from 1 up")
            else:
                at_most = int(value)
        elif flag in ("-r", "-t"):
            none, tell = none or flag == "-r", tell or flag == "-t"
        else:
            raise UsageError(f"there is no option {flag} (usage: xargs [-r] [-t] [-n N] [-I {{}}] COMMAND …)")
    words = words or ["echo"]
    text = io.stdin.read()
    calls: list[list[str]]
    if place:
        calls = [[word.replace(place, line.strip()) for word in words] for line in text.splitlines() if line.strip()]
    else:
        given = text.split()
        if not given and none:
            return 0
        step = at_most or max(1, len(given))
        calls = [words + given[i : i + step] for i in range(0, max(1, len(given)), step)]
    status = 0
    for call in calls:
        io.check()
        if sum(map(len, call)) > TEXT_LIMIT:
            raise ShellError(TOO_LONG)
        if tell:
            io.err(" ".join(call) + "\n")
        ended = io.run(call)
        if ended == 127:
            return 127
        status = 123 if ended else status
    return status


@command(rest("words", raw=True), topic=TOPIC, needs_box=False, help_option=False)
def true(box: object, args: Args, io: IO) -> int:
    """do nothing, successfully

    true && echo yes
    """
    return 0


@command(rest("words", raw=True), name=":", topic=TOPIC, needs_box=False, help_option=False)
def colon(box: object, args: Args, io: IO) -> int:
    """do nothing, successfully

    : $((1 + 1))
    """
    return 0


@command(rest("words", raw=True), topic=TOPIC, needs_box=False, help_option=False)
def false(box: object, args: Args, io: IO) -> int:
    """do nothing, with status 1

    false || echo no
    """
    return 1
