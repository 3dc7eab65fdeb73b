"""Text counted and copied: wc tee."""

from __future__ import annotations

from memsh.commands.paths import size_of, stat_kind
from memsh.shell import IO, Args, rest
from memsh.shell.errors import PipeClosed
from memsh.shell.io import Sink
from memsh.textutils.sources import Sources
from memsh.textutils.utility import one_of, option, utility

TOPIC = "text"


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
