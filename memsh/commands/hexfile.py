"""hexdump's files and their options (util-linux 2.38.1, text-utils/hexdump.c)."""

from __future__ import annotations

from memsh.shell import IO, ShellError
from memsh.textutils.bytes import data_of
from memsh.textutils.dumps import canonical
from memsh.textutils.hexdump import LETTERS, dumped, units_of
from memsh.textutils.sources import Sources
from memsh.textutils.utility import counted

USAGE = "usage: hexdump ADDR [LENGTH], or hexdump [-bcCdovx] [-e FORMAT] [-f FILE] [-n LENGTH] [-s SKIP] [FILE …]"
LONG = {
    "one-byte-octal": "b", "one-byte-char": "c", "canonical": "C", "two-bytes-decimal": "d", "two-bytes-octal": "o",
    "two-bytes-hex": "x", "no-squeezing": "v", "format": "e", "format-file": "f", "length": "n", "skip": "s",
}  # fmt: skip


class _Options:
    def __init__(self, words: list[str], io: IO) -> None:
        self.io = io
        self.letters = ""
        self.formats: list[str] = []
        self.squeeze = True
        self.limit: int | None = None
        self.skip = 0
        self.names: list[str] = []
        waiting = list(words)
        while waiting:
            word = waiting.pop(0)
            if word == "--":
                self.names += waiting
                break
            if word.startswith("--"):
                name, equals, text = word[2:].partition("=")
                matching = [known for known in LONG if known.startswith(name)]
                if name not in LONG and len(matching) != 1:
                    raise ShellError(f"there is no option {word} ({USAGE})", 2)
                letter = LONG[name if name in LONG else matching[0]]
                self.take(letter, text if equals else waiting.pop(0) if letter in "efns" and waiting else "")
            elif word[0] != "-" or word == "-":
                self.names.append(word)
            else:
                self.cluster(word, waiting)

    def cluster(self, word: str, waiting: list[str]) -> None:
        for at, letter in enumerate(word[1:], 1):
            if letter in "efns":
                self.take(letter, word[at + 1 :] or (waiting.pop(0) if waiting else ""))
                return
            if letter not in "bcCdovx":
                raise ShellError(f"there is no option -{letter} ({USAGE})", 2)
            self.take(letter, "")

    def take(self, letter: str, text: str) -> None:
        if letter == "v":
            self.squeeze = False
        elif letter == "e":
            self.formats.append(text)
        elif letter == "f":
            source = Sources(self.io, []).open(text)
            if source is None:
                raise ShellError("", 1)
            lines = [line.strip() for line in source]
            self.formats += [line for line in lines if line and line[0] != "#"]
        elif letter in "ns":
            number = counted(text)
            if number is None:
                what = "length" if letter == "n" else "offset"
                raise ShellError(f"failed to parse {what}: '{text}': Invalid argument")
            self.limit, self.skip = (number, self.skip) if letter == "n" else (self.limit, number)
        else:
            self.letters += letter
            self.formats += LETTERS[letter]


def dump_files(words: list[str], io: IO) -> int:
    """The bytes of files, or of standard input."""
    asked = _Options(words, io)
    for text in asked.formats:
        units_of(text)
    sources = Sources(io, asked.names)
    try:
        data = data_of(sources, asked.limit, asked.skip)
    except EOFError:
        data = b""
    if asked.formats == list(LETTERS["C"]):
        lines = canonical(data, asked.skip, asked.squeeze)
    else:
        lines = dumped(asked.formats or list(LETTERS[""]), data, asked.skip, asked.squeeze)
    if sources.failed and not data and len(asked.names) == 1:
        raise ShellError("all input file arguments failed")
    for number, line in enumerate(lines):
        if not number % 64:
            io.check()
        io.out(line)
    return sources.status
