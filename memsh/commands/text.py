"""Text counted and copied: wc tee."""

from __future__ import annotations

import re

from memsh.commands.paths import resolve, size_of, stat_kind, stream_number
from memsh.lazy import regular
from memsh.shell import IO, Args, rest
from memsh.shell.errors import PipeClosed
from memsh.shell.io import Input, Sink
from memsh.shell.jobspecs import deadly
from memsh.textutils.bytes import to_bytes
from memsh.textutils.sources import Sources, named_files
from memsh.textutils.utility import one_of, option, utility

TOPIC = "text"
_UNPRINTABLE = regular("[\\x00-\\x08\\x0e-\\x1f\\x7f-\\x9f\\udc80-\\udcff]")


@utility(
    option("-l", "--lines", name="l", help="lines"), option("-w", "--words", name="w", help="words"),
    option("-c", "--bytes", name="c", help="bytes"), option("-m", "--chars", name="m", help="characters"),
    option("-L", "--max-line-length", name="L", help="the longest line"),
    option("--files0-from", type=str, meta="FILE", help="files are those that FILE names, each with a NUL behind it"),
    rest("files", words="path"),
)  # fmt: skip
def wc(box: object, args: Args, io: IO) -> int:
    """count lines, words and bytes

    cat /proc/slabinfo | wc -l
    """
    wanted = [key for key in "lwmcL" if getattr(args, key)] or ["l", "w", "c"]
    files = [(name, "") for name in args.files or ["-"]]
    if args.files0_from is not None:
        files = list(named_files(io, args, args.files0_from, "cannot open '{name}' for reading: {why}"))
    sources = Sources(io, [])
    sums = dict.fromkeys(wanted, 0)
    wide = _wc_width(io, [name for name, wrong in files if not wrong], len(wanted), args.files0_from is not None)
    for name, wrong in files:
        if wrong:
            io.complain(wrong)
            sources.failed = True
            continue
        source = sources.open(name)
        count = dict.fromkeys("lwmcL", 0)
        if source is not None:
            _count(io, source, count)
        elif stat_kind(io.session, name) != "dir":
            continue
        for key in wanted:
            sums[key] = max(sums[key], count[key]) if key == "L" else sums[key] + count[key]
        _show_counts(io, [count[key] for key in wanted], wide, name if args.files or args.files0_from else "")
    if len(files) > 1:
        _show_counts(io, list(sums.values()), wide, "total")
    return sources.status


def _count(io: IO, source: Input, count: dict[str, int]) -> None:
    """By pieces as they come, for a line may be longer than what can be kept."""
    inside, column = False, 0  # a word and a line have begun
    for piece in source.chunks():
        io.check()
        count["l"] += piece.count("\n")
        count["m"] += len(piece)
        count["c"] += len(piece) if piece.isascii() else len(to_bytes(piece))
        shown = _UNPRINTABLE.sub("", piece)  # neither begins a word nor ends one
        if shown:
            count["w"] += len(shown.split()) - (inside and not shown[0].isspace())
            inside = not shown[-1].isspace()
        for part in re.split("([\n\r\f])", shown):
            if part in ("\n", "\r", "\f"):
                column = 0
            else:
                column += len((" " * (column % 8) + part).expandtabs(8)) - column % 8
                count["L"] = max(count["L"], column)


def _show_counts(io: IO, row: list[int], wide: int, name: str) -> None:
    io.out(" ".join(f"{n:>{wide}}" for n in row) + (f" {name}" if name else "") + "\n")


def _wc_width(io: IO, names: list[str], columns: int, listed: bool) -> int:
    """The digits of all the files' sizes together (0 in /proc), 7 at least where one is a pipe or no regular file
    (compute_number_width); where names are read from a file, no size is asked."""
    if listed or (columns == 1 and len(names) == 1):
        return 1
    total, least = 0, 1
    for name in names:
        if name == "-":
            size = io.stdin.size
        else:
            kind = "pipe" if stream_number(resolve(io.session, name)) >= 0 else stat_kind(io.session, name)
            if kind is None:
                continue
            size = size_of(io.session, name) if kind == "file" else None
        if size is None:
            least = 7
        else:
            total += size
    return max(least, len(str(total)))


class _Tee:
    """Several sinks as one; one whose reader has gone is left out."""

    def __init__(self, sinks: list[Sink]) -> None:
        self.sinks = sinks

    def write(self, text: str) -> None:
        for sink in self.sinks:
            sink.write(text)


@utility(
    option("-a", "--append", help="add to them"), option("-i", "--ignore-interrupts"),
    option("-p", "--output-error", type=one_of("--output-error", "warn", "warn-nopipe", "exit", "exit-nopipe"),
           optional="warn-nopipe", bare="p", meta="MODE", help="what to do where a file cannot be written"),
    rest("files", words="path"),
)  # fmt: skip
def tee(box: object, args: Args, io: IO) -> int:
    """copy standard input to files of the box and on

    echo 3 | tee /proc/sys/vm/drop_caches
    """
    files = io.session.files
    assert files is not None
    status, opened = 0, []
    try:
        for name in args.files:
            io.check()
            try:
                opened.append((name, files.open_write(io.session, name, args.append)))
            except OSError as error:
                io.complain(f"{name}: {error.strerror or error}")
                status = 1
        whole = _Tee([sink for _, sink in opened])
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
                if deadly(io.session.language, error):
                    raise
                io.complain(f"{name}: {error.strerror or error}")
                status = 1
    return status
