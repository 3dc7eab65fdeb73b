"""hexdump's formats: `-e '"%07.7_ax " 16/1 "%02x " "\\n"'` and what its letters stand for (util-linux 2.38.1,
text-utils/hexdump-parse.c, hexdump-display.c).

A format is a row of units, ITERATIONS/BYTES "TEXT"; all formats of a call go over the same block of bytes, as long as
the longest of them wants. Known deviation: no colour (%…_L[…]).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from memsh.lazy import regular
from memsh.shell import ShellError
from memsh.textutils.conversions import field
from memsh.textutils.dumps import dotted, escaped, rows_of
from memsh.textutils.quoting import C_ESCAPES

LONGEST = 1 << 16  # bytes of a block
LETTERS: dict[str, tuple[str, ...]] = {
    "b": ('"%07.7_Ax\\n"', '"%07.7_ax " 16/1 "%03o " "\\n"'),
    "c": ('"%07.7_Ax\\n"', '"%07.7_ax " 16/1 "%3_c " "\\n"'),
    "C": ('"%08.8_Ax\\n"', '"%08.8_ax  " 8/1 "%02x " "  " 8/1 "%02x " ', '"  |" 16/1 "%_p" "|\\n"'),
    "d": ('"%07.7_Ax\\n"', '"%07.7_ax " 8/2 "  %05u " "\\n"'),
    "o": ('"%07.7_Ax\\n"', '"%07.7_ax " 8/2 " %06o " "\\n"'),
    "x": ('"%07.7_Ax\\n"', '"%07.7_ax " 8/2 "   %04x " "\\n"'),
    "": ('"%07.7_Ax\\n"', '"%07.7_ax " 8/2 "%04x " "\\n"'),
}
_UNIT = regular(r'\s*(?:([0-9]+)(?:\s*/\s*([0-9]+))?|/\s*([0-9]+))?\s*"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_CONVERSION = regular(r"%([ \-0+#]*)([0-9]*)(?:\.([0-9]*))?(_[aA][dox]|_[cpu]|[diouxXcseEfgG])|%%")
_ESCAPE = regular(r"\\(.)", re.DOTALL)
_CONTROL = {**C_ESCAPES, "0": "\0"}
_NAMES = """nul soh stx etx eot enq ack bel bs ht lf vt ff cr so si dle dcl dc2 dc3 dc4 nak syn etb can em sub esc fs gs
 rs us"""


class Part(NamedTuple):
    """Some text, or one conversion: its flags, width, precision, letters, and the bytes that it takes."""

    text: str
    flags: str = ""
    width: str = ""
    precision: str | None = None
    kind: str = ""
    size: int = 0


class Unit:
    """One ITERATIONS/BYTES "TEXT"."""

    def __init__(self, times: str | None, size: str | None, text: str) -> None:
        self.times = int((times or "1")[:9])
        self.fixed = times is not None
        self.parts: list[Part] = []
        plain = 0
        matches = [match for match in _CONVERSION.finditer(text) if match[0] != "%%"]
        if size is not None and len(matches) > 1:
            raise ShellError("byte count with multiple conversion characters")
        for match in matches:
            self._text(text[plain : match.start()])
            flags, width, precision, kind = match.groups()
            field(width)
            field(precision)
            self.parts.append(Part("", flags, width, precision, kind, _bytes(kind, precision, size)))
            plain = match.end()
        self._text(text[plain:])
        self.size = sum(part.size for part in self.parts)
        self.last = bool(matches) and all(match[4][:2] == "_A" for match in matches)
        self.chopped = bool(self.parts) and self.parts[-1].text[-1:].isspace()

    def _text(self, text: str) -> None:
        if text:
            if re.search(r"%(?!%)", text.replace("%%", "")):
                raise ShellError(f"bad conversion character {text[text.index('%') :][:2]}")
            self.parts.append(Part(text.replace("%%", "%")))


def _bytes(kind: str, precision: str | None, size: str | None) -> int:
    if kind[:2] in ("_a", "_A"):
        return 0
    given = int(size) if size is not None else None
    usual: int
    allowed: tuple[int, ...]
    if kind in ("c", "_c", "_p", "_u"):
        usual, allowed = 1, (1,)
    elif kind == "s":
        if given is None and not precision:
            raise ShellError("%s requires a precision or a byte count")
        return given if given is not None else int(precision or 0)
    elif kind in "eEfgG":
        usual, allowed = 8, (4, 8)
    else:
        usual, allowed = 4, (1, 2, 4, 8)
    if given is not None and given not in allowed:
        raise ShellError(f"bad byte count for conversion character {kind}")
    return given if given is not None else usual


def units_of(text: str) -> list[Unit]:
    """The units of one format. ShellError for what is none."""
    found, place = [], 0
    while place < len(text):
        match = _UNIT.match(text, place)
        if match is None:
            if not text[place:].strip():
                break
            raise ShellError(f'bad format {{{text[place:]}}}')
        shown = _ESCAPE.sub(lambda one: _CONTROL.get(one[1], one[1]), match[4])
        found.append(Unit(match[1], match[2] or match[3], shown))
        place = match.end()
    return found


def dumped(texts: list[str], data: bytes, start: int, squeeze: bool) -> Iterator[str]:
    """The lines of a dump by these formats; `start` is the address of the first byte."""
    formats = [units_of(text) for text in texts]
    block = max((sum(unit.size * unit.times for unit in units) for units in formats), default=0)
    if block > LONGEST:
        raise ShellError(f"a block is at most {LONGEST} bytes long")
    for units in formats:
        mine = sum(unit.size * unit.times for unit in units)
        if units and mine < block and not units[-1].fixed and units[-1].size:
            units[-1].times += (block - mine) // units[-1].size
    end = start + len(data)
    if block:
        for at, row in rows_of(data, block, squeeze):
            if row is None:
                yield "*\n"
                continue
            padded = row + bytes(block - len(row))
            yield "".join(_line(units, padded, start + at, end) for units in formats)
    closing = [unit for units in formats for unit in units if unit.last]
    if data and closing:
        yield "".join(_part(part, b"", end, end) for part in closing[-1].parts)


def _line(units: list[Unit], block: bytes, address: int, end: int) -> str:
    made, place = [], 0
    for unit in units:
        if unit.last:
            continue
        for left in range(unit.times, 0, -1):
            for number, part in enumerate(unit.parts, 1):
                text = part.text or _part(part, block[place : place + part.size], address + place, end)
                if left == 1 and unit.times > 1 and unit.chopped and number == len(unit.parts):
                    text = text[:-1]
                made.append(text)
                place += part.size
    return "".join(made)


def _part(part: Part, data: bytes, address: int, end: int) -> str:
    """One part as text; what lies behind the end of the data is blank."""
    kind = part.kind
    if not kind:
        return part.text
    precision = "" if part.precision is None else f".{part.precision}"
    spec = f"%{part.flags}{part.width}"
    if kind[:2] in ("_a", "_A"):
        return f"{spec}{precision}{kind[2]}" % address
    if address >= end:
        return f"%{part.width}s" % ""
    if kind in ("_c", "_p", "_u", "c"):
        return f"{spec}s" % _letter(kind, data[0])
    if kind == "s":
        text = data.partition(b"\0")[0].decode("latin-1")
        return f"{spec}{precision}s" % text
    if kind in "eEfgG":
        number: float = struct.unpack("<f" if len(data) == 4 else "<d", data)[0]
        return f"{spec}{precision}{kind}" % number
    value = int.from_bytes(data, "little", signed=kind in "di")
    return f"{spec}{precision}{'d' if kind in 'diu' else kind}" % value


def _letter(kind: str, byte: int) -> str:
    if kind == "_p":
        return dotted(bytes([byte]))
    if kind == "c":
        return chr(byte)
    if kind == "_u":
        if byte < 32:
            return _NAMES.split()[byte]
        return "del" if byte == 127 else chr(byte) if byte < 127 else f"{byte:02x}"
    return escaped(byte)
