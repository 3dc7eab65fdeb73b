"""Bytes changed and shown: tr od xxd, checksums, base64 (GNU coreutils 9.1, xxd 2022).

tr works on bytes, as GNU's does: a character of several bytes is several characters to it.
"""

from __future__ import annotations

import base64 as codec
import hashlib
import re
import struct
from collections.abc import Iterable, Iterator

from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.io import Input, PartsInput
from memsh.shell.limits import TEXT, TOO_LONG
from memsh.shell.registry import Converter
from memsh.textutils.sources import Sources
from memsh.textutils.utility import option, sized, utility, whole_number

_CLASSES = {
    "lower": "abcdefghijklmnopqrstuvwxyz", "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "digit": "0123456789",
    "space": "\t\n\v\f\r ", "blank": "\t ", "xdigit": "0123456789ABCDEFabcdef",
    "punct": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "cntrl": "".join(map(chr, [*range(32), 127])),
    "print": "".join(map(chr, range(32, 127))), "graph": "".join(map(chr, range(33, 127))),
    "alpha": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "alnum": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
}  # fmt: skip
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_ELEMENT = re.compile(
    r"\[:([a-z]+):\]|\[=(.)=\]|\[(\\[0-7]{1,3}|\\.|[^\\])\*([0-9]*)\]|\\([0-7]{1,3})|\\(.)|(.)", re.DOTALL
)  # fmt: skip


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _latin(text: str) -> str:
    """Text with one character for each of its bytes."""
    return text if text.isascii() else to_bytes(text).decode("latin-1")


def _back(text: str) -> str:
    return text if text.isascii() else to_text(text.encode("latin-1"))


LONGEST_SET = 1 << 16  # of [c*N], of which no more than SET1 has is ever used


class _Set:
    """SET1 or SET2: its characters in order, where a [c*] fills up, and which of them came from a class."""

    def __init__(self, text: str) -> None:
        self.chars: list[str] = []
        self.fill: tuple[int, str] | None = None
        self.classes: list[str] = []
        tokens = list(_ELEMENT.finditer(_latin(text)))
        place = 0
        while place < len(tokens):
            match = tokens[place]
            place += 1
            name, equal, repeated, times, *_ = match.groups()
            if name is not None:
                if name not in _CLASSES:
                    raise ShellError(f"invalid character class '{name}'")
                self.classes.append(name)
                self.chars += _CLASSES[name]
            elif equal is not None:
                self.chars.append(equal)
            elif repeated is not None:
                char = _unquoted(repeated)
                count = int(times, 8 if times.startswith("0") else 10) if times else 0
                if count:
                    self.chars += char * min(count, LONGEST_SET)
                else:
                    self.fill = (len(self.chars), char)
            elif place + 1 < len(tokens) and tokens[place][0] == "-" and _single(tokens[place + 1]):
                self._range(_unquoted(match[0]), _unquoted(tokens[place + 1][0]))
                place += 2
            else:
                self.chars.append(_unquoted(match[0]))

    def _range(self, first: str, last: str) -> None:
        if last < first:
            raise ShellError(f"range-endpoints of '{first}-{last}' are in reverse collating sequence order")
        self.chars += map(chr, range(ord(first), ord(last) + 1))

    def filled(self, size: int) -> list[str]:
        """The characters, [c*] as long as SET1 needs it."""
        if self.fill is None:
            return self.chars
        place, char = self.fill
        return [*self.chars[:place], *char * max(0, size - len(self.chars)), *self.chars[place:]]


def _single(match: re.Match[str]) -> bool:
    return match[1] is None and match[2] is None and match[3] is None


def _unquoted(text: str) -> str:
    if text[0] != "\\" or len(text) == 1:
        return text
    if text[1] in "01234567":
        return chr(int(text[1:], 8) & 0xFF)
    return _CONTROL.get(text[1], text[1])


@utility(
    option("-c", "-C", "--complement", help="all others instead"), option("-d", "--delete", help="delete them"),
    option("-s", "--squeeze-repeats", help="repeated ones once"),
    option("-t", "--truncate-set1", help="SET1 no longer than SET2"), rest("sets", meta="SET1 [SET2]"),
    usage="[OPTION]... SET1 [SET2]", in_order=True,
)  # fmt: skip
def tr(box: object, args: Args, io: IO) -> None:
    """change, delete or squeeze characters

    tr -s ' ' < /proc/buddyinfo
    """
    words: list[str] = args.sets
    _count_sets(args, words)
    first = _Set(words[0])
    second = _Set(words[1]) if len(words) > 1 else None
    chars = sorted(set(map(chr, range(256))) - set(first.chars)) if args.complement else first.chars
    if first.fill is not None:
        raise ShellError("the [c*] repeat construct may not appear in string1")
    translating = second is not None and not args.delete
    table: dict[int, str | None] = {}
    if args.delete:
        table = {ord(char): None for char in chars}
    elif translating:
        assert second is not None
        table = _translation(args, first, second, chars)
    squeezed = ""
    if args.squeeze_repeats:
        squeezed = "".join(second.filled(len(chars)) if second is not None else chars)
    pattern = re.compile("([" + re.escape(squeezed) + r"])\1+", re.DOTALL) if squeezed else None
    last = ""
    chunks = io.stdin.chunks() if isinstance(io.stdin, PartsInput) else io.stdin
    for chunk in chunks:
        text = _latin(chunk)
        if table:
            text = text.translate(table)
        if pattern is not None and text:
            if last and text[0] == last and last in squeezed:
                text = text.lstrip(last)
            text = pattern.sub(r"\1", text)
            last = text[-1] if text else last
        io.out(_back(text))


def _count_sets(args: Args, words: list[str]) -> None:
    if not words:
        raise args.refused("missing operand")
    if len(words) == 1 and not args.delete and not args.squeeze_repeats:
        raise args.refused(f"missing operand after '{words[0]}'\nTwo strings must be given when translating.")
    if len(words) == 1 and args.delete and args.squeeze_repeats:
        raise args.refused(f"missing operand after '{words[0]}'\n"
                           "Two strings must be given when both deleting and squeezing repeats.")  # fmt: skip
    if len(words) > 2:
        raise args.refused(f"extra operand '{words[2]}'")
    if len(words) == 2 and args.delete and not args.squeeze_repeats:
        raise args.refused(f"extra operand '{words[1]}'\n"
                           "Only one string may be given when deleting without squeezing repeats.")  # fmt: skip


def _translation(args: Args, first: _Set, second: _Set, chars: list[str]) -> dict[int, str | None]:
    target = second.filled(len(chars))
    if not target:
        if args.truncate_set1 or not chars:
            return {}
        raise ShellError("when not truncating set1, string2 must be non-empty")
    if set(second.classes) - {"lower", "upper"}:
        raise ShellError("when translating, the only character classes that may appear in\n"
                         "string2 are 'upper' and 'lower'")  # fmt: skip
    if args.truncate_set1:
        chars = chars[: len(target)]
    padded = target + [target[-1]] * (len(chars) - len(target))
    table: dict[int, str | None] = {ord(a): b for a, b in zip(chars, padded, strict=False)}
    return table


# od


def _address_base(word: str) -> str:
    if word not in ("d", "o", "x", "n"):
        raise ValueError(f"invalid output address radix '{word}'; it must be one character from [doxn]")
    return word


_SIZES = {"C": 1, "S": 2, "I": 4, "L": 8, "F": 4, "D": 8}
_TYPE = re.compile(r"([acdfoux])([0-9]+|[CSILFD])?(z?)")


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
        number = int(word, 16) if re.fullmatch("0[xX][0-9a-fA-F]+", word) else sized(word)
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
}  # fmt: skip
_NAMES = """nul soh stx etx eot enq ack bel bs ht nl vt ff cr so si dle dc1 dc2 dc3 dc4 nak syn etb can em sub esc fs gs
 rs us sp"""
_SHOWN = {0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


@utility(
    option("-A", "--address-radix", type=_address_base, default="o", meta="BASE", help="d, o, x or n"),
    option("-j", "--skip-bytes", type=_size("--skip-bytes"), default=0, meta="N", help="leave out the first N"),
    option("-N", "--read-bytes", type=_size("--read-bytes"), meta="N", help="at most N"),
    option("-t", "--format", type=_types, many=True, meta="TYPE", help="a c d f o u x, a size, z for characters"),
    option("-v", "--output-duplicates", help="lines that repeat too"),
    option("-w", "--width", type=_size("--width"), optional=32, default=16, meta="N", help="N bytes a line"),
    *(option("-" + letter, name="old_" + letter) for letter in _OLD), rest("files", words="path"),
)  # fmt: skip
def od(box: object, args: Args, io: IO) -> int:
    """the bytes of a file as numbers

    od -A x -t x1z -N 32 /proc/version
    """
    sources = Sources(io, args.files)
    types: list[tuple[str, int, bool]] = []
    for name, value in args.typed:
        if name == "format":
            types += value
        elif name.startswith("old_"):
            types += _types(_OLD[name[4:]])
    types = types or [("o", 2, False)]
    width: int = args.width
    if not width or any(width % size for _, size, _ in types):
        raise ShellError(f"warning: invalid width {width}; using 16 instead", 1)
    upto = None if args.read_bytes is None else args.skip_bytes + args.read_bytes
    data = data_of(sources, upto)
    if args.skip_bytes > len(data):
        raise ShellError("cannot skip past end of combined input")
    data = data[args.skip_bytes :]
    base = {"d": "07d", "o": "07o", "x": "06x", "n": ""}[args.address_radix]
    field = _field_width(types, width)
    for at, row in rows_of(data, width, not args.output_duplicates):
        if row is None:
            io.out("*\n")
            continue
        for serial, (letter, size, shown) in enumerate(types):
            head = format(args.skip_bytes + at, base) if base else ""
            io.out((head if not serial else " " * len(head)) + _od_row(row, letter, size, shown, field, width) + "\n")
    if base:
        io.out(format(args.skip_bytes + len(data), base) + "\n")
    return sources.status


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


def _od_row(row: bytes, letter: str, size: int, shown: bool, field: int, width: int) -> str:
    count, digits = width // size, _digits(letter, size)
    pad = field - count * digits
    text, left, places = "", pad, count
    padded = row + bytes(-len(row) % size)
    for at in range(0, len(padded), size):
        space = left // places
        places, left = places - 1, left - space
        text += " " * space + _od_value(padded[at : at + size], letter).rjust(digits)
    if shown:
        missing = (width - len(padded)) // size
        text += " " * (missing * digits + left)
        text += "  >" + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row) + "<"
    return text


def _od_value(data: bytes, letter: str) -> str:
    value = int.from_bytes(data, "little", signed=letter == "d")
    if letter == "a":
        low = value & 0x7F
        return _NAMES.split()[low] if low < 33 else "del" if low == 127 else chr(low)
    if letter == "c":
        return _SHOWN.get(value) or (chr(value) if 32 <= value < 127 else f"{value:03o}")
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


def bytes_of(source: Input) -> Iterator[bytes]:
    """The bytes of an input as they come."""
    chunks = source.chunks() if isinstance(source, PartsInput) else source
    return (to_bytes(chunk) for chunk in chunks)


def data_of(sources: Iterable[tuple[str, Input]], upto: int | None = None) -> bytes:
    """The bytes of some inputs, at most `upto` of them. Above the limit: Argument list too long."""
    parts, size = [], 0
    for _, source in sources:
        for data in bytes_of(source):
            parts.append(data)
            size += len(data)
            if upto is not None and size >= upto:
                return b"".join(parts)[:upto]
            if size > TEXT:
                raise ShellError(TOO_LONG)
    return b"".join(parts)


def _digest(source: Input, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    for data in bytes_of(source):
        digest.update(data)
    return digest.hexdigest()


# hexdump -C and xxd


def canonical(data: bytes, start: int = 0, squeeze: bool = True) -> Iterator[str]:
    """hexdump -C's lines: rows that repeat the one above are one `*`."""
    for at, row in rows_of(data, 16, squeeze):
        if row is None:
            yield "*\n"
            continue
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        halves = [" ".join(f"{byte:02x}" for byte in half) for half in (row[:8], row[8:])]
        yield f"{start + at:08x}  {'  '.join(halves):<49} |{shown}|\n" if len(row) > 8 else (
            f"{start + at:08x}  {halves[0]:<49} |{shown}|\n")  # fmt: skip
    if data:
        yield f"{start + len(data):08x}\n"


@utility(
    option("-a", "--autoskip", name="a"), option("-b", "--bits", name="b", help="binary digits"),
    option("-c", "--cols", type=_columns, name="c", meta="N", help="N bytes a line"),
    option("-e", name="e"), option("-g", type=whole_number("invalid group size"), name="g", meta="N"),
    option("-i", "--include", name="i", help="as C"), option("-l", "--len", type=_size("length"), name="l", meta="N"),
    option("-p", "--plain", "--postscript", name="p", help="digits only"), option("-r", "--revert", name="r"),
    option("-s", "--seek", type=_size("seek"), name="s", default=0, meta="N"), option("-u", "--uppercase", name="u"),
    rest("files", words="path"), usage="[options] [infile [outfile]]",
)  # fmt: skip
def xxd(box: object, args: Args, io: IO) -> int:
    """the bytes of a file in hexadecimal

    xxd -l 32 /proc/version

    -r back again, -p digits only, -b bits, -i as C, -c N bytes a line, -g N bytes a group, -s N from there on.
    """
    sources = Sources(io, args.files[:1], "{name}: {why}")
    upto = None if args.l is None or args.r else args.s + args.l
    data = data_of(sources, upto)
    if sources.failed:
        return 2
    if args.r:
        io.out(to_text(_reverted(data.decode("latin-1"), args.p)))
        return 0
    data = data[args.s :]
    digits = "X" if args.u else "x"
    if args.p:
        width = args.c or 30
        spelled = data.hex().upper() if args.u else data.hex()
        io.out("".join(spelled[at : at + 2 * width] + "\n" for at in range(0, len(spelled), 2 * width)))
        return 0
    if args.i:
        _as_c(io, data, args.files[0] if args.files else "", args.c or 12, digits)
        return 0
    width = args.c or (6 if args.b else 16)
    group = args.g if args.g is not None else 1 if args.b else 4 if args.e else 2
    group = group or width
    for at in range(0, len(data), width):
        row = data[at : at + width]
        groups = [row[place : place + group] for place in range(0, len(row), group)]
        if args.e:
            groups = [piece[::-1] for piece in groups]
        form = "08b" if args.b else f"02{digits}"
        spelled = " ".join("".join(format(byte, form) for byte in piece) for piece in groups)
        room = width * (8 if args.b else 2) + -(-width // group) - 1
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        io.out(f"{args.s + at:08x}: {spelled:<{room}}  {shown}\n")
    return 0


def _as_c(io: IO, data: bytes, name: str, width: int, digits: str) -> None:
    words = [f"0{digits}{byte:02{digits}}" for byte in data]
    body = ",\n".join("  " + ", ".join(words[at : at + width]) for at in range(0, len(words), width))
    if not name or name == "-":
        io.out(body + "\n")
        return
    label = re.sub(r"[^A-Za-z0-9_]", "_", name)
    label = "__" + label if label[0].isdecimal() else label
    io.out(f"unsigned char {label}[] = {{\n{body}\n}};\nunsigned int {label}_len = {len(data)};\n")


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


# checksums


SUMS = (
    option("-b", "--binary"), option("-t", "--text"), option("-c", "--check", help="check what is listed"),
    option("--quiet"), option("--status"), option("--tag"), rest("files", words="path"),
)  # fmt: skip


@utility(*SUMS)
def md5sum(box: object, args: Args, io: IO) -> int:
    """MD5 checksums of files

    md5sum /proc/version
    """
    return _sums(args, io, "md5")


@utility(*SUMS)
def sha1sum(box: object, args: Args, io: IO) -> int:
    """SHA1 checksums of files

    sha1sum /proc/version
    """
    return _sums(args, io, "sha1")


@utility(*SUMS)
def sha256sum(box: object, args: Args, io: IO) -> int:
    """SHA256 checksums of files

    sha256sum /proc/version
    """
    return _sums(args, io, "sha256")


def _sums(args: Args, io: IO, algorithm: str) -> int:
    if args.check:
        return _check_sums(args, io, algorithm)
    sources = Sources(io, args.files)
    for name, source in sources:
        digest = _digest(source, algorithm)
        if args.tag:
            io.out(f"{algorithm.upper()} ({name}) = {digest}\n")
        else:
            io.out(f"{digest} {'*' if args.binary else ' '}{name}\n")
    return sources.status


def _check_sums(args: Args, io: IO, algorithm: str) -> int:
    failed = missing = 0
    for line in Sources(io, args.files).bare_lines():
        match = re.fullmatch(r"([0-9a-fA-F]+) [ *](.*)", line)
        if match is None:
            continue
        source = Sources(io, []).open(match[2])
        if source is None:
            missing += 1
            io.out(f"{match[2]}: FAILED open or read\n")
            continue
        good = _digest(source, algorithm) == match[1].lower()
        failed += not good
        if not args.status and not (good and args.quiet):
            io.out(f"{match[2]}: {'OK' if good else 'FAILED'}\n")
    if failed and not args.status:
        io.complain(f"WARNING: {failed} computed checksum{'s' if failed > 1 else ''} did NOT match")
    return int(bool(failed or missing))


@utility(
    option("-d", "--decode", help="back again"), option("-i", "--ignore-garbage"),
    option("-w", "--wrap", type=whole_number("invalid wrap size"), default=76, meta="N", help="N characters a line"),
    rest("files", words="path"), usage="[OPTION]... [FILE]",
)  # fmt: skip
def base64(box: object, args: Args, io: IO) -> int:
    """bytes as 64 letters

    base64 /proc/loadavg
    """
    sources = Sources(io, args.files[:1])
    data = data_of(sources)
    if args.decode:
        text = re.sub(rb"[^A-Za-z0-9+/=]" if args.ignore_garbage else rb"\s", b"", data)
        try:
            io.out(to_text(codec.b64decode(text, validate=True)))
        except ValueError:
            raise ShellError("invalid input") from None
        return sources.status
    spelled = codec.b64encode(data).decode()
    width = args.wrap or len(spelled) or 1
    io.out("".join(spelled[at : at + width] + ("\n" if args.wrap else "") for at in range(0, len(spelled), width)))
    return sources.status
