"""The bytes of a file as numbers: od, xxd, and rows for hexdump (GNU coreutils 9.1, xxd 2022)."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from typing import Literal

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.registry import Converter
from memsh.textutils.bytes import data_of, to_text
from memsh.textutils.quoting import quote
from memsh.textutils.sources import Sources
from memsh.textutils.utility import counted, one_of, option, utility, whole_number


def _address_base(word: str) -> str:
    if word not in ("d", "o", "x", "n"):
        raise ValueError(f"invalid output address radix '{word[:1]}'; it must be one character from [doxn]")
    return word


_SIZES = {"C": 1, "S": 2, "I": 4, "L": 8, "F": 4, "D": 8}
_TYPE = regular(r"([acdfoux])([0-9]+|[CSILFD])?(z?)")


def _types(word: str) -> list[tuple[str, int, bool]]:
    """`x1z`, `d4`: (letter, size, with characters)."""
    found, place = [], 0
    while place < len(word):
        match = _TYPE.match(word, place)
        if match is None:
            raise ValueError(f"invalid character '{word[place]}' in type string '{word}'")
        letter, size, shown = match.groups()
        width = 1 if letter in "ac" else (8 if letter == "f" else 4) if size is None else _SIZES.get(size) or int(size)
        if width not in ((4, 8) if letter == "f" else (1, 2, 4, 8)):
            raise ValueError(f"invalid type string '{word}';\nthis system doesn't provide a {width}-byte integral type")
        found.append((letter, width, bool(shown)))
        place = match.end()
    return found


def _size(what: str) -> Converter:
    def convert(word: str) -> int:
        number = counted(word)
        if number is None:
            raise ValueError(f"invalid {what} argument '{word}'")
        return number

    return convert


def _columns(word: str) -> int:
    number: int = whole_number("invalid number of columns")(word)
    if number > 256:
        raise ValueError("invalid number of columns (max. 256).")
    return number


_OLD = {
    "a": "a", "b": "o1", "c": "c", "d": "u2", "f": "fF", "h": "x2", "i": "dI", "l": "dL", "o": "o2", "s": "d2",
    "x": "x2", "D": "u4", "X": "x4", "O": "o4", "F": "fD", "H": "x4", "I": "dL", "L": "dL",
    "B": "o2", "e": "fD",
}  # fmt: skip
MOST_TEXT = 1 << 20  # of -S, which no text is as long as
Order = Literal["little", "big"]
_OFFSET = regular(r"\+?(0[xX][0-9a-fA-F]+|[0-7]+)(b)?")
_MODERN = {"address_radix", "skip_bytes", "read_bytes", "format", "output_duplicates", "width", "strings"}
_NAMES = """nul soh stx etx eot enq ack bel bs ht nl vt ff cr so si dle dc1 dc2 dc3 dc4 nak syn etb can em sub esc fs gs
 rs us sp"""
_SHOWN = {0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


def _offset(word: str) -> int | None:
    """`[+]OFFSET[b]`, in octal or, behind 0x, hexadecimal (parse_old_offset); None if it is none."""
    match = _OFFSET.fullmatch(word)
    if match is None:
        return None
    value = int(match[1], 16 if match[1][:2] in ("0x", "0X") else 8) * (512 if match[2] else 1)
    return value if value < 1 << 64 else None


def _operands(args: Args) -> tuple[list[str], int]:
    """The files, and how many bytes are left out: options of old take `[FILE] [+]OFFSET` (od.c: main)."""
    names, old = list(args.files), bool(args.traditional)
    if (old or not _MODERN & {name for name, _ in args.typed}) and len(names) in (1, 2):
        last = names[-1]
        if (old or last[:1] == "+" or (len(names) == 2 and is_digits(last[:1]))) and (at := _offset(last)) is not None:
            if old and len(names) == 2 and _offset(names[0]) is not None:
                raise ShellError("a pseudo-address is not shown here")
            return names[:-1], at
    if old and len(names) > 1:
        raise args.refused(f"extra operand {quote(names[1])}\nod: compatibility mode supports at most one file")
    return names, args.skip_bytes


@utility(
    option("-A", "--address-radix", type=_address_base, default="o", meta="BASE", help="d, o, x or n"),
    option("-j", "--skip-bytes", type=_size("-j"), default=0, meta="N", help="leave out the first N"),
    option("-N", "--read-bytes", type=_size("-N"), meta="N", help="at most N"),
    option("-t", "--format", type=_types, many=True, meta="TYPE", help="a c d f o u x, a size, z for characters"),
    option("-v", "--output-duplicates", help="lines that repeat too"),
    option("-w", "--width", type=_size("-w"), optional=32, default=16, meta="N", help="N bytes a line"),
    option("--endian", type=one_of("--endian", "little", "big"), meta="ORDER", help="the order of a word's bytes"),
    option("-S", type=_size("-S"), name="strings", meta="N", help="texts of N characters or more"),
    option("--strings", type=_size("--strings"), optional=3, name="long_strings", meta="N"),
    option("--traditional", help="FILE [+]OFFSET"),
    *(option("-" + letter, name="old_" + letter) for letter in _OLD), rest("files", words="path"),
)  # fmt: skip
def od(box: object, args: Args, io: IO) -> int:
    """the bytes of a file as numbers

    od -A x -t x1z -N 32 /proc/version
    """
    names, skip = _operands(args)
    sources = Sources(io, names)
    types: list[tuple[str, int, bool]] = []
    for name, value in args.typed:
        if name == "format":
            types += value
        elif name.startswith("old_"):
            types += _types(_OLD[name[4:]])
    types = types or [("o", 2, False)]
    width: int = args.width
    if not width or any(width % size for _, size, _ in types):
        least = math.lcm(*(size for _, size, _ in types))
        io.complain(f"warning: invalid width {width}; using {least} instead")
        width = least
    try:
        data = data_of(sources, args.read_bytes, skip)
    except EOFError:
        if sources.failed:
            return 1
        raise ShellError("cannot skip past end of combined input") from None
    if sources.failed and not data:
        return 1
    order: Order = args.endian or "little"
    base = {"d": "07d", "o": "07o", "x": "06x", "n": ""}[args.address_radix]
    least_text: int | None = args.strings if args.strings is not None else args.long_strings
    if least_text is not None:
        for found in re.finditer(rb"[\x07-\x0d\x20-\x7e]{%d,}(?=\0)" % min(least_text, MOST_TEXT), data):
            spelled = "".join(_SHOWN.get(byte) or chr(byte) for byte in found[0])
            io.out((format(skip + found.start(), base) + " " if base else "") + spelled + "\n")
        return sources.status
    field = _field_width(types, width)
    for at, row in rows_of(data, width, not args.output_duplicates):
        if row is None:
            io.out("*\n")
            continue
        for serial, (letter, size, shown) in enumerate(types):
            head = format(skip + at, base) if base else ""
            text = _od_row(row, (letter, size, shown), field, width, order)
            io.out((head if not serial else " " * len(head)) + text + "\n")
    if base:
        io.out(format(skip + len(data), base) + "\n")
    return sources.status


def escaped(byte: int) -> str:
    """A byte as od -c has it: a letter, an escape as in C, or three octal digits."""
    return _SHOWN.get(byte) or (chr(byte) if 32 <= byte < 127 else f"{byte:03o}")


def dotted(row: bytes) -> str:
    """Bytes as the letters at the end of a row: a dot for each that is none."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)


def rows_of(data: bytes, width: int, squeeze: bool) -> Iterator[tuple[int, bytes | None]]:
    """(place, bytes) of each row of a dump. With `squeeze`, whole rows equal to the one above are one None."""
    before, starred = b"", False
    for at in range(0, len(data), width):
        row = data[at : at + width]
        if squeeze and row == before and len(row) == width:
            if not starred:
                yield at, None
            starred = True
            continue
        before, starred = row, False
        yield at, row


def _digits(letter: str, size: int) -> int:
    if letter in "ac":
        return 3
    if letter == "f":
        return 15 if size == 4 else 24
    bits = size * 8
    whole, half = len(str((1 << bits) - 1)), len(str(1 << (bits - 1)))
    return {"o": -(-bits // 3), "x": bits // 4, "u": whole, "d": half + 1}[letter]


def _field_width(types: list[tuple[str, int, bool]], width: int) -> int:
    """The characters of a line's longest type."""
    return max((_digits(letter, size) + 1) * (width // size) for letter, size, _ in types)


def _od_row(row: bytes, kind: tuple[str, int, bool], field: int, width: int, order: Order) -> str:
    letter, size, shown = kind
    count, digits = width // size, _digits(letter, size)
    pad = field - count * digits
    text, left, places = "", pad, count
    padded = row + bytes(-len(row) % size)
    for at in range(0, len(padded), size):
        space = left // places
        places, left = places - 1, left - space
        text += " " * space + _od_value(padded[at : at + size], letter, order).rjust(digits)
    if shown:
        missing = (width - len(padded)) // size
        text += " " * (missing * digits + left)
        text += f"  >{dotted(row)}<"
    return text


def _od_value(data: bytes, letter: str, order: Order) -> str:
    data = data if order == "little" else data[::-1]
    value = int.from_bytes(data, "little", signed=letter == "d")
    if letter == "a":
        low = value & 0x7F
        return _NAMES.split()[low] if low < 33 else "del" if low == 127 else chr(low)
    if letter == "c":
        return escaped(value)
    if letter == "f":
        number = struct.unpack("<f" if len(data) == 4 else "<d", data)[0]
        for precision in range(6 if len(data) == 4 else 15, 18):
            shown = f"{number:.{precision}g}"
            packed = struct.pack("<f" if len(data) == 4 else "<d", float(shown))
            if packed == data:
                break
        return shown
    digits = _digits(letter, len(data))
    return f"{value:0{digits}o}" if letter == "o" else f"{value:0{digits}x}" if letter == "x" else str(value)


def _seek(word: str) -> int:
    sign = -1 if word.lstrip("+")[:1] == "-" else 1
    return sign * int(_size("seek")(word.lstrip("+-")))


_LONG = {"c": "cols", "g": "groupsize", "l": "len", "n": "name", "o": "offset", "s": "seek"}


def _by_first_letter(words: list[str]) -> list[str]:
    """xxd looks at the first letter of an option alone: -ps is -p, -len 5 is -l 5, -c4 is -c 4."""
    made: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        match = re.fullmatch(r"--?([A-Za-z])(.*)", word, re.DOTALL)
        if match is None:
            made.append(word)
        elif match[1] not in _LONG:
            made.append("-" + match[1])
        elif match[2] and not _LONG[match[1]].startswith(match[1] + match[2]):
            made.append(f"-{match[1]}{match[2]}")
        else:
            made += ["-" + match[1], *waiting[:1]]
            del waiting[:1]
    return made


# hexdump -C and xxd


def canonical(data: bytes, start: int = 0, squeeze: bool = True) -> Iterator[str]:
    """hexdump -C's lines: rows that repeat the one above are one `*`."""
    for at, row in rows_of(data, 16, squeeze):
        if row is None:
            yield "*\n"
            continue
        shown = dotted(row)
        halves = [" ".join(f"{byte:02x}" for byte in half) for half in (row[:8], row[8:])]
        yield f"{start + at:08x}  {'  '.join(halves):<49} |{shown}|\n" if len(row) > 8 else (
            f"{start + at:08x}  {halves[0]:<49} |{shown}|\n")  # fmt: skip
    if data:
        yield f"{start + len(data):08x}\n"


@utility(
    option("-a", name="a", help="zeros once"), option("-b", name="b", help="binary digits"),
    option("-c", type=_columns, name="c", meta="N", help="N bytes a line"),
    option("-C", name="capitals", help="with -i: names in capitals"), option("-d", name="d", help="places in decimal"),
    option("-E", name="ebcdic", help="characters as EBCDIC"), option("-e", name="e", help="little-endian words"),
    option("-g", type=whole_number("invalid group size"), name="g", meta="N"),
    option("-i", name="i", help="as C"), option("-l", type=_size("length"), name="l", meta="N"),
    option("-n", type=str, name="n", meta="NAME", help="with -i: the variable's name"),
    option("-o", type=_size("offset"), name="o", default=0, meta="N", help="add N to the places"),
    option("-p", name="p", help="digits only"), option("-r", name="r", help="back again"),
    option("-s", type=_seek, name="s", default=0, meta="[-]N"), option("-u", name="u", help="capital digits"),
    rest("files", words="path"), usage="[options] [infile [outfile]]", rewrite=_by_first_letter,
)  # fmt: skip
def xxd(box: object, args: Args, io: IO) -> int:
    """the bytes of a file in hexadecimal

    xxd -l 32 /proc/version

    -r back again, -p digits only, -b bits, -i as C, -c N bytes a line, -g N bytes a group, -s N from there on.
    """
    sources = Sources(io, args.files[:1], "{name}: {why}")
    from_end = args.s < 0
    try:
        data = data_of(sources, None if args.r or from_end else args.l, 0 if args.r or from_end else args.s)
    except EOFError:
        data = b""
    if sources.failed:
        return 2
    if args.r:
        io.out(to_text(_reverted(data.decode("latin-1"), args.p)))
        return 0
    begun: int = max(0, len(data) + args.s) if from_end else args.s
    if from_end:
        data = data[begun:][: args.l]
    digits = "X" if args.u else "x"
    if args.p:
        width = args.c or 30
        spelled = data.hex().upper() if args.u else data.hex()
        io.out("".join(spelled[at : at + 2 * width] + "\n" for at in range(0, len(spelled), 2 * width)))
        return 0
    if args.i:
        name = args.n if args.n is not None else args.files[0] if args.files else ""
        _as_c(io, data, name, args.c or 12, digits, args.capitals)
        return 0
    width = args.c or (6 if args.b else 16)
    group = args.g if args.g is not None else 1 if args.b else 4 if args.e else 2
    group = group or width
    place = "08d" if args.d else "08x"
    for at, row in _rows(data, width, args.a):
        if row is None:
            io.out("*\n")
            continue
        groups = [row[first : first + group] for first in range(0, len(row), group)]
        if args.e:
            groups = [piece[::-1] for piece in groups]
        form = "08b" if args.b else f"02{digits}"
        spelled = " ".join("".join(format(byte, form) for byte in piece) for piece in groups)
        room = width * (8 if args.b else 2) + -(-width // group) - 1
        letters = row.decode("cp037") if args.ebcdic else row.decode("latin-1")
        shown = "".join(letter if " " <= letter < "\x7f" else "." for letter in letters)
        io.out(f"{begun + args.o + at:{place}}: {spelled:<{room}}  {shown}\n")
    return 0


def _rows(data: bytes, width: int, skips: bool) -> Iterator[tuple[int, bytes | None]]:
    """Rows to print; with `skips`, three or more rows of zeros in a row are the first, a None, and what comes then."""
    zeros = 0
    last = (len(data) - 1) // width * width
    for at in range(0, len(data), width):
        row = data[at : at + width]
        if not skips or any(row):
            if zeros == 2:
                yield at - width, bytes(width)
            elif zeros > 2:
                yield at, None
            zeros = 0
            yield at, row
            continue
        zeros += 1
        if zeros == 1:
            yield at, row
        elif at == last:
            if zeros == 3:
                yield at - width, bytes(width)
            elif zeros > 3:
                yield at, None
            yield at, row


def _as_c(io: IO, data: bytes, name: str, width: int, digits: str, capitals: bool) -> None:
    words = [f"0{digits}{byte:02{digits}}" for byte in data]
    body = ",\n".join("  " + ", ".join(words[at : at + width]) for at in range(0, len(words), width))
    if not name or name == "-":
        io.out(body + "\n")
        return
    label = re.sub(r"[^A-Za-z0-9_]", "_", name)
    label = "__" + label if is_digits(label[0]) else label
    label, length = (label.upper(), "LEN") if capitals else (label, "len")
    io.out(f"unsigned char {label}[] = {{\n{body}\n}};\nunsigned int {label}_{length} = {len(data)};\n")


def _reverted(text: str, plain: bool) -> bytes:
    if plain:
        digits = re.sub(r"[^0-9a-fA-F]", "", text)
        return bytes.fromhex(digits[: len(digits) // 2 * 2])
    result = bytearray()
    for line in text.splitlines():
        match = re.match(r"([0-9a-fA-F]+): ?(.*?)(?:  .*)?$", line)
        if match is not None:
            at = int(match[1], 16)
            row = bytes.fromhex("".join(match[2].split()))
            result.extend(bytes(max(0, at - len(result))))
            result[at : at + len(row)] = row
    return bytes(result)
