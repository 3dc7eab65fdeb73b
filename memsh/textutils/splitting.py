"""One file in several: split (GNU coreutils 9.1, src/split.c).

Known deviation: what is split into a given number of files is held whole, and thus limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import TextInput
from memsh.shell.registry import Converter
from memsh.textutils.bytes import bytes_of, data_of, to_bytes, to_text
from memsh.textutils.quoting import quote, quotef
from memsh.textutils.shellout import run_line
from memsh.textutils.sources import Sources
from memsh.textutils.utility import NoChoice, option, sized, utility

_LETTERS, _DECIMAL, _HEXADECIMAL = "abcdefghijklmnopqrstuvwxyz", "0123456789", "0123456789abcdef"
_LARGEST = (1 << 63) - 1
OUT_OF_RANGE = "Numerical result out of range"
Way = tuple[str, int, int]
"""(`b`, `l`, `C`, `n`, `n l/`, `n r/`), how many, and which part alone is asked for (0: all of them)."""


def _size(what: str, suffixes: bool) -> Converter:
    def convert(word: str) -> int:
        text = word.lstrip(" \t\n").removeprefix("+")
        value = sized(text, None if suffixes else [""])
        if value is None:
            raise ValueError(f"invalid number of {what}: {quote(word)}")
        if not 0 < value <= _LARGEST:
            why = "Value too large for defined data type" if value else OUT_OF_RANGE
            raise ValueError(f"invalid number of {what}: {quote(word)}: {why}")
        return value

    return convert


def _chunks(word: str) -> Way:
    text = word.lstrip(" \t\n")
    kind = "n"
    for lead in ("r/", "l/"):
        if text.startswith(lead):
            kind, text = f"n {lead}", text[2:]
            break
    first, slash, second = text.partition("/")
    whole = second if slash else first
    count = _counting(whole, 2 * _LARGEST + 1, "number of chunks")
    return kind, count, _counting(first, count, "chunk number") if slash else 0


def _counting(word: str, most: int, what: str) -> int:
    if not is_digits(word):
        raise ValueError(f"invalid {what}: {quote(word)}")
    if not 0 < int(word[:21]) <= most:
        raise ValueError(f"invalid {what}: {quote(word)}: {OUT_OF_RANGE}")
    return int(word)


def _separator(word: str) -> str:
    if not word:
        raise ValueError("empty record separator")
    if len(word) > 1 and word != "\\0":
        raise ValueError(f"multi-character separator {quote(word)}")
    return "\0" if word == "\\0" else word


def _suffix_length(word: str) -> int:
    if not is_digits(word) or len(word) > 18:
        raise ValueError(f"invalid suffix length: {quote(word)}")
    return int(word)


def _start(what: str, digits: str) -> Converter:
    def convert(word: str) -> str:
        if word.strip(digits):
            raise NoChoice(f"{quote(word)}: invalid start value for {what} suffix")
        return word.lstrip("0") or word[-1:]

    return convert


def _old_lines(words: list[str]) -> list[str]:
    """`split -20`: so many lines."""
    return [f"-l{word[1:]}" if re.fullmatch("-[0-9]+", word) else word for word in words]


@utility(
    option("-a", "--suffix-length", type=_suffix_length, default=0, meta="N", help="letters at the end of the names"),
    option("--additional-suffix", type=str, default="", meta="SUFFIX"),
    option("-b", "--bytes", type=_size("bytes", True), meta="SIZE", help="so many bytes a file"),
    option("-C", "--line-bytes", type=_size("bytes", True), meta="SIZE",
           help="whole lines, at most so many bytes a file"),
    option("-d", name="decimal", help="numbers instead of letters"),
    option("--numeric-suffixes", type=_start("numerical", _DECIMAL), optional="", meta="FROM"),
    option("-x", name="hexadecimal"),
    option("--hex-suffixes", type=_start("hexadecimal", _HEXADECIMAL), optional="", meta="FROM"),
    option("-e", "--elide-empty-files"),
    option("--filter", type=str, meta="COMMAND", help="what each file would hold goes to a command, its name in $FILE"),
    option("-l", "--lines", type=_size("lines", False), meta="N", help="so many lines a file"),
    option("-n", "--number", type=_chunks, meta="CHUNKS",
           help="N files, l/N of whole lines, r/N by turns, K/N the K-th"),
    option("-t", "--separator", type=_separator, many=True, meta="C", help="lines end in C"),
    option("-u", "--unbuffered", help="as it always is"), option("--verbose"), rest("names", words="path", meta="FILE"),
    usage="[OPTION]... [FILE [PREFIX]]", rewrite=_old_lines,
)  # fmt: skip
def split(box: object, args: Args, io: IO) -> int:
    """cut a file into several

    seq 10 > /tmp/f; split -l 4 /tmp/f /tmp/part.; wc -l /tmp/part.*
    """
    ways = [("b" if name == "bytes" else "C" if name == "line_bytes" else "l", value, 0) if name != "number" else value
            for name, value in args.typed if name in ("bytes", "line_bytes", "lines", "number")]  # fmt: skip
    if len(ways) > 1:
        raise args.refused("cannot split in more than one way")
    if len(set(args.separator)) > 1:
        raise ShellError("multiple separator characters specified")
    if "/" in args.additional_suffix:
        raise args.refused(f"invalid suffix {quote(args.additional_suffix)}, contains directory separator")
    if len(args.names) > 2:
        raise args.refused(f"extra operand {quote(args.names[2])}")
    way: Way = ways[0] if ways else ("l", 1000, 0)
    if args.filter is not None and way[2]:
        raise args.refused("--filter does not process a chunk extracted to stdout")
    name = args.names[0] if args.names else "-"
    sources = Sources(io, [name], "cannot open '{name}' for reading: {why}")
    source = sources.open(name)
    if source is None:
        return 1
    names = _names(args, way)
    separator = to_bytes(args.separator[0] if args.separator else "\n")
    if way[0] in ("b", "l", "C"):
        pieces = _streamed(way, separator, bytes_of(source))
    else:
        pieces = _counted(way, separator, data_of([(name, source)]))
    if way[2]:
        for number, piece in enumerate(pieces, 1):
            if number == way[2]:
                io.out(to_text(piece))
        return 0
    for piece in pieces:
        io.check()
        if not piece and args.elide_empty_files:
            continue
        if args.filter is None:
            _write(io, args, name, next(names), piece)
        elif status := _filter(io, args, next(names), piece):
            return status
    return 0


def _filter(io: IO, args: Args, name: str, data: bytes) -> int:
    """Run the command of --filter for one file; its status."""
    if args.verbose:
        io.out(f"executing with FILE={quote(name)}\n")
    language = io.session.language.child()
    with io.session.apart(language=language):
        language.set("FILE", name)
        language.mark("FILE", "x")
        status = run_line(io, args.filter, TextInput(to_text(data)))
    if status:
        io.complain(f"with FILE={name}, exit {status} from command: {args.filter}")
    return status


def _write(io: IO, args: Args, source: str, name: str, data: bytes) -> None:
    if name == source:
        raise ShellError(f"'{name}' would overwrite input; aborting")
    files = io.session.files
    assert files is not None
    try:
        sink = files.open_write(io.session, name, False)
    except OSError as error:
        raise ShellError(f"{quotef(name)}: {error.strerror or error}") from None
    if args.verbose:
        io.out(f"creating file '{name}'\n")
    sink.write(to_text(data))
    sink.close()


def _names(args: Args, way: Way) -> Iterator[str]:
    """The names of the files, xaa, xab …; where their number is not known, longer ones follow."""
    last, start = next(((name, value) for name, value in reversed(args.typed) if name in (
        "decimal", "numeric_suffixes", "hexadecimal", "hex_suffixes")), ("", ""))  # fmt: skip
    letters = {"": _LETTERS, "d": _DECIMAL, "n": _DECIMAL, "h": _HEXADECIMAL}[last[:1]]
    if last.startswith("hex"):
        letters = _HEXADECIMAL
    begin = start if isinstance(start, str) else ""
    needed = 0
    if way[0].startswith("n"):
        most = way[1] - 1
        if is_digits(begin) and int(begin) < way[1]:
            most += int(begin)
        while most or not needed:
            needed, most = needed + 1, most // len(letters)
    if args.suffix_length and args.suffix_length < needed:
        raise ShellError(f"the suffix length needs to be at least {needed}")
    length = args.suffix_length or max(2, needed)
    widens = not args.suffix_length and not needed and not begin
    if len(begin) > length:
        raise args.refused("numerical suffix start value is too large for the suffix length")
    return _following(args.names[1] if len(args.names) > 1 else "x", letters, length, begin, widens,
                      args.additional_suffix)  # fmt: skip


def _following(prefix: str, letters: str, length: int, begin: str, widens: bool, behind: str) -> Iterator[str]:
    size = len(letters)
    number = int(begin or "0", 16 if size == 16 else 10)
    while True:
        end = size**length - (size ** (length - 1) if widens else 0)
        while number < end:
            left, shown = number, ""
            for _ in range(length):
                left, digit = divmod(left, size)
                shown = letters[digit] + shown
            yield prefix + shown + behind
            number += 1
        if not widens:
            raise ShellError("output file suffixes exhausted")
        prefix, length, number = prefix + letters[-1], length + 1, 0


def _streamed(way: Way, separator: bytes, parts: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of a size, as the input comes."""
    kind, count, _ = way
    held = b""
    for part in parts:
        held += part
        while True:
            end = _piece(kind, count, separator, held)
            if not end:
                break
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _piece(kind: str, count: int, separator: bytes, held: bytes) -> int:
    """How many bytes the next piece has; 0 if that cannot be known yet."""
    if kind == "l":
        end = 0
        for _ in range(count):
            end = held.find(separator, end) + 1
            if not end:
                break
        return end
    if len(held) < count:
        return 0
    return count if kind == "b" else held.rfind(separator, 0, count) + 1 or count


def _counted(way: Way, separator: bytes, data: bytes) -> Iterator[bytes]:
    """So many pieces."""
    kind, count, part = way
    size = max(len(data), count) // count
    if kind == "n":
        for number in range(count):
            end = (number + 1) * size if number < count - 1 else len(data)
            yield data[number * size : end]
    elif kind == "n r/":
        lines = data.split(separator)
        ended = [line + separator for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
        for number in range(min(count, part or count)):
            yield b"".join(ended[number::count])
    else:
        place = 0
        for number in range(1, count + 1):
            bound = number * size - 1 if number < count else len(data)
            if place >= len(data) or bound < place:
                yield b""
                continue
            end = data.find(separator, bound) + 1 or len(data)
            yield data[place:end]
            place = end
