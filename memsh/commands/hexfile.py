"""hexdump's files (util-linux 2.38.1, text-utils/hexdump.c): -C, and two bytes a word."""

from __future__ import annotations

from collections.abc import Iterator

from memsh.shell import IO, ShellError
from memsh.textutils.bytes import canonical, data_of, rows_of
from memsh.textutils.sources import Sources
from memsh.textutils.utility import sized

USAGE = "usage: hexdump ADDR [LENGTH], or hexdump [-C] [-v] [-n LENGTH] [-s SKIP] FILE …"


def dump_files(words: list[str], io: IO) -> int:
    """The bytes of files, or of standard input."""
    canon, squeeze, limit, skip = False, True, None, 0
    names: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-") or word == "-":
            names.append(word)
            continue
        for at, letter in enumerate(word[1:], 1):
            if letter == "C":
                canon = True
            elif letter == "v":
                squeeze = False
            elif letter in "ns":
                text = word[at + 1 :] or (waiting.pop(0) if waiting else "")
                number = int(text, 16) if text[:2].lower() == "0x" else sized(text)
                if number is None:
                    raise ShellError(f"failed to parse {'length' if letter == 'n' else 'offset'}: '{text}'")
                limit, skip = (number, skip) if letter == "n" else (limit, number)
                break
            else:
                raise ShellError(f"there is no option -{letter} ({USAGE})", 2)
    sources = Sources(io, names)
    data = data_of(sources, None if limit is None else skip + limit)[skip:]
    for line in canonical(data, skip, squeeze) if canon else _words(data, skip, squeeze):
        io.out(line)
    return sources.status


def _words(data: bytes, start: int, squeeze: bool) -> Iterator[str]:
    """hexdump without -C: eight words of two bytes, the lower byte first."""
    for at, row in rows_of(data, 16, squeeze):
        if row is None:
            yield "*\n"
            continue
        padded = row + bytes(len(row) % 2)
        shown = " ".join(f"{padded[i + 1]:02x}{padded[i]:02x}" for i in range(0, len(padded), 2))
        yield f"{start + at:07x} {shown:<39}\n"
    if data:
        yield f"{start + len(data):07x}\n"
