"""Numbers of the kernel command line (lib/cmdline.c, lib/vsprintf.c: simple_strtoull). No known deviations."""

from __future__ import annotations

from memsh.lazy import regular

_NUMBER = regular(r"0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*)")
_UNITS = "KMGTPE"
_ULLONG = (1 << 64) - 1
_ENOUGH = 64  # decimal digits: 10^64 is a multiple of 2^64


def simple_strtoull(text: str) -> tuple[int, str]:
    """(the number that the text begins with: 0x…, 0… in octal, decimal; what follows it). It wraps at 64 bits."""
    found = _NUMBER.match(text)
    if found is None:
        return 0, text
    number = int(found[1], 16) if found[1] else int(found[2], 8) if found[2] else int(found[3][-_ENOUGH:])
    return number & _ULLONG, text[found.end() :]


def memparse(text: str) -> tuple[int, str]:
    """(`2M` in bytes, what follows it); a unit alone is read, too, and is nought."""
    number, rest = simple_strtoull(text)
    if rest and rest[0].upper() in _UNITS:
        return number << 10 * (_UNITS.index(rest[0].upper()) + 1) & _ULLONG, rest[1:]
    return number, rest
