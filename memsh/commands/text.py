"""Text made and counted: echo printf seq yes head tail wc tee xargs, true false test."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import partial

from memsh.shell import IO, Args, UsageError, arg, command, rest
from memsh.shell.errors import PipeClosed
from memsh.shell.io import Sink
from memsh.shell.values import integer
from memsh.textutils.sources import Sources
from memsh.textutils.utility import option, utility

TOPIC = "text"
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


@utility(
    option("-l", "--lines", name="l", help="lines"), option("-w", "--words", name="w", help="words"),
    option("-c", "--bytes", name="c", help="bytes"), option("-m", "--chars", name="m", help="characters"),
    option("-L", "--max-line-length", name="L", help="the longest line"), rest("files", words="path"),
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


@utility(
    option("-a", "--append", help="add to them"), option("-i", "--ignore-interrupts"),
    option("-p", "--output-error", type=str, optional="warn-nopipe", meta="MODE"), rest("files", words="path"),
)  # fmt: skip
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
