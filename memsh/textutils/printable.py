"""Text within bytes: strings (GNU binutils 2.40, binutils/strings.c).

Known deviations: files are always looked through whole (-a, as by default); no -T, no --unicode other than default.
"""

from __future__ import annotations

import re

from memsh.shell import IO, Args, rest
from memsh.shell.io import Input
from memsh.textutils.bytes import data_of, to_text
from memsh.textutils.sources import Sources
from memsh.textutils.utility import last_typed, option, utility

_WIDTHS = {"s": (1, "little"), "S": (1, "little"), "b": (2, "big"), "l": (2, "little"), "B": (4, "big"),
           "L": (4, "little")}  # fmt: skip


def _least(word: str) -> int:
    try:
        value = int(word, 0)
    except ValueError:
        raise ValueError(f"invalid integer argument {word}") from None
    if value < 1:
        raise ValueError(f"invalid minimum string length {value}")
    return min(value, 2**31 - 1)  # no file holds so many


def _radix(word: str) -> str:
    if word not in ("o", "d", "x"):
        raise ValueError(f"invalid radix {word}")
    return word


def _encoding(word: str) -> str:
    if word not in _WIDTHS:
        raise ValueError(f"invalid encoding {word}")
    return word


def _old_least(words: list[str]) -> list[str]:
    """`strings -8`: at least eight characters."""
    return [f"-n{word[1:]}" if re.fullmatch("-[0-9]+", word) else word for word in words]


@utility(
    option("-a", "--all", help="as it always is"), option("-f", "--print-file-name"),
    option("-n", "--bytes", type=_least, default=4, meta="N", help="at least N characters"),
    option("-t", "--radix", type=_radix, meta="o|d|x", help="with the place of each"),
    option("-o", name="octal"), option("-w", "--include-all-whitespace"),
    option("-e", "--encoding", type=_encoding, default="s", meta="E", help="s, S, b, l, B, L"),
    option("-s", "--output-separator", type=str, meta="TEXT"), rest("files", words="path"),
    usage="[option(s)] [file(s)]", rewrite=_old_least,
)  # fmt: skip
def strings(box: object, args: Args, io: IO) -> int:
    """text within a file of bytes

    strings -n 8 /proc/self/maps
    """
    width, order = _WIDTHS[args.encoding]
    last = last_typed(args, "octal", "radix")
    radix = "o" if last == "octal" else args.radix or ""
    one = rb"[\t -~\x80-\xff" if args.encoding == "S" else rb"[\t -~"
    one += rb"\n\v\f\r]" if args.include_all_whitespace else rb"]"
    noughts = rb"\0" * (width - 1)
    pattern = re.compile(rb"(?:" + (noughts + one if order == "big" else one + noughts) + rb"){%d,}" % args.bytes)
    end = "\n" if args.output_separator is None else args.output_separator
    status = 0
    for name in args.files or ["-"]:
        source = Sources(io, []).open(name) if name == "-" else _opened(io, name)
        if source is None:
            status = 1
            continue
        for match in pattern.finditer(data_of([(name, source)])):
            io.check()
            place = f"{match.start():7{radix}} " if radix else ""
            lead = f"{'{standard input}' if name == '-' else name}: " if args.print_file_name else ""
            io.out(f"{lead}{place}{to_text(match[0].replace(bytes(1), b'') if width > 1 else match[0])}{end}")
    return status


def _opened(io: IO, name: str) -> Input | None:
    files = io.session.files
    assert files is not None
    try:
        return files.open_read(io.session, name)
    except OSError as error:
        if error.errno == 2:
            io.complain(f"'{name}': No such file")
        elif error.errno == 21:
            io.complain(f"Warning: '{name}' is a directory")
        else:
            io.complain(f"{name}: {error.strerror or error}")
        return None
