"""Bytes as letters and back: base64 base32 basenc (GNU coreutils 9.1, src/basenc.c; gnulib's base64.c, base32.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.bytes import data_of, to_text
from memsh.textutils.sources import Sources
from memsh.textutils.utility import Option, option, utility, whole_number

_UPPER, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_LOWER = _UPPER.lower()
_Z85 = _DIGITS + _LOWER + _UPPER + ".-:+=^!/*?&<>()[]{}@%$#"


class Encoding(NamedTuple):
    """`bits` of a letter; `group`: letters that make whole bytes; `pads`: how many `=` may end the last group. Z85 has
    0 bits: five of its letters are the digits of a number of four bytes."""

    letters: str
    bits: int
    group: int
    pads: tuple[int, ...] = (0,)
    backwards: bool = False

    def encode(self, data: bytes) -> str:
        if not self.bits:
            return self._numbers(data)
        if self.backwards:
            data = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)
        size = self.group * self.bits // 8
        made = []
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            count = -(-len(piece) * 8 // self.bits)
            number = int.from_bytes(piece, "big") << count * self.bits - len(piece) * 8
            mask = (1 << self.bits) - 1
            spelled = [self.letters[number >> self.bits * place & mask] for place in reversed(range(count))]
            made.append("".join(spelled).ljust(self.group, "=" if len(self.pads) > 1 else " ").rstrip(" "))
        return "".join(made)

    def _numbers(self, data: bytes) -> str:
        if len(data) % 4:
            raise ShellError("invalid input (length must be multiple of 4 characters)")
        made = []
        for at in range(0, len(data), 4):
            number = int.from_bytes(data[at : at + 4], "big")
            made += [self.letters[number // 85**place % 85] for place in reversed(range(5))]
        return "".join(made)

    def decode(self, text: bytes) -> tuple[bytes, bool]:
        """(what could be read, whether that is all of it)."""
        values = {ord(letter): value for value, letter in enumerate(self.letters)}
        made: list[bytes] = []
        for at in range(0, len(text), self.group):
            piece = text[at : at + self.group]
            count = next((place for place, byte in enumerate(piece) if byte not in values), len(piece))
            digits = [values[byte] for byte in piece[:count]]
            if not self.bits:
                number = sum(digit * 85 ** (4 - place) for place, digit in enumerate(digits))
                if count < self.group or number >> 32:
                    return b"".join(made), False
                made.append(number.to_bytes(4, "big"))
                continue
            number = sum(digit << self.bits * (count - 1 - place) for place, digit in enumerate(digits))
            size = count * self.bits // 8 if len(piece) == self.group or self.bits != 5 else 0
            read = (number >> count * self.bits - size * 8).to_bytes(size, "big")
            made.append(bytes(int(f"{byte:08b}"[::-1], 2) for byte in read) if self.backwards else read)
            pad = len(piece) - count
            if len(piece) < self.group or pad not in self.pads or set(piece[count:]) - {ord("=")}:
                return b"".join(made), False
        return b"".join(made), True


ENCODINGS = {
    "base64": Encoding(_UPPER + _LOWER + _DIGITS + "+/", 6, 4, (0, 1, 2)),
    "base64url": Encoding(_UPPER + _LOWER + _DIGITS + "-_", 6, 4, (0, 1, 2)),
    "base32": Encoding(_UPPER + "234567", 5, 8, (0, 1, 3, 4, 6)),
    "base32hex": Encoding(_DIGITS + _UPPER[:22], 5, 8, (0, 1, 3, 4, 6)),
    "base16": Encoding(_DIGITS + _UPPER[:6], 4, 2),
    "base2msbf": Encoding("01", 1, 8),
    "base2lsbf": Encoding("01", 1, 8, (0,), True),
    "z85": Encoding(_Z85, 0, 5),
}


BLOCK = 30 << 10  # of bytes or letters at a time, groups of every encoding (DEC_BLOCKSIZE); between two Ctrl-C is taken


def _wrapped(io: IO, width: int, pieces: Iterable[str]) -> None:
    """Letters in lines of so many (0: in none). A line ends when the next one begins, or at the end (wrap_write)."""
    column = 0
    for piece in pieces:
        if not width:
            io.out(piece)
            continue
        room = width - column
        rows = [piece[:room], *(piece[at : at + width] for at in range(room, len(piece), width))]
        io.out("\n".join(rows))
        column = len(rows[-1]) + (column if len(rows) == 1 else 0)
    if column:
        io.out("\n")


def _coded(encoding: Encoding, args: Args, io: IO) -> int:
    if len(args.files) > 1:
        raise args.refused(f"extra operand '{args.files[1]}'")
    sources = Sources(io, args.files)
    data = data_of(sources)
    if not args.decode:
        _wrapped(io, args.wrap, (encoding.encode(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)))
        return sources.status
    known = re.escape((encoding.letters + "=" * (len(encoding.pads) > 1)).encode())
    text = re.sub(b"[^" + known + b"]" if args.ignore_garbage else b"\n", b"", data)
    made, whole, at = [], True, 0
    while whole and at < len(text):
        io.check()
        read, whole = encoding.decode(text[at : at + BLOCK])
        made.append(read)
        at += BLOCK
    io.out(to_text(b"".join(made)))
    if not whole:
        raise ShellError("invalid input")
    return sources.status


def _options() -> list[Option]:
    return [
        option("-d", "--decode", help="back again"), option("-i", "--ignore-garbage"),
        option("-w", "--wrap", type=whole_number("invalid wrap size"), default=76, meta="N", help="letters a line"),
    ]  # fmt: skip


@utility(*_options(), rest("files", words="path"), usage="[OPTION]... [FILE]")
def base64(box: object, args: Args, io: IO) -> int:
    """bytes as 64 letters

    base64 /proc/loadavg
    """
    return _coded(ENCODINGS["base64"], args, io)


@utility(*_options(), rest("files", words="path"), usage="[OPTION]... [FILE]")
def base32(box: object, args: Args, io: IO) -> int:
    """bytes as 32 letters

    base32 /proc/loadavg
    """
    return _coded(ENCODINGS["base32"], args, io)


@utility(
    *_options(), *(option(f"--{name}", name=name) for name in ENCODINGS), rest("files", words="path"),
    usage="[OPTION]... [FILE]",
)  # fmt: skip
def basenc(box: object, args: Args, io: IO) -> int:
    """bytes as letters, in one of eight ways

    basenc --base16 /proc/loadavg

    --base64, --base64url, --base32, --base32hex, --base16, --base2msbf, --base2lsbf, --z85.
    """
    asked = [name for name, _ in args.typed if name in ENCODINGS]
    if not asked:
        raise args.refused("missing encoding type")
    return _coded(ENCODINGS[asked[-1]], args, io)
