"""Backslash escapes: those of `$'…'`, of `echo -e` and `printf %b`, and of printf's format (bash: lib/sh/strtrans.c).

Bytes that are no UTF-8 survive as surrogates, as everywhere in memsh.
"""

from __future__ import annotations

import re

from memsh.lazy import regular

_PLAIN = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_ANSI = regular(
    r"\\(?:x\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c(.)|(.))", re.S
)
_ECHO = regular(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|0([0-7]{0,3})|([1-7][0-7]{0,2})|(.))", re.S
)


def joined(text: str) -> str:
    """Bytes written one by one (`\\xc3\\xa9`) become the letter that they spell."""
    if not any("\udc80" <= char <= "\udcff" for char in text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def byte(code: int) -> str:
    code &= 0xFF
    return chr(code) if code < 0x80 else chr(0xDC00 + code)


def letter(code: int) -> str:
    """A code point as UTF-8 was once defined, up to 6 bytes (u32toutf8): what is no letter is its bytes."""
    if code < 0x110000 and not 0xD800 <= code < 0xE000:
        return chr(code)
    if code >= 1 << 31:
        return ""
    behind = next(count for count in (2, 3, 4, 5) if code < 1 << 5 * count + 6)
    first = 0xFF00 >> behind + 1 & 0xFF | code >> 6 * behind
    return "".join(map(byte, [first, *(0x80 | code >> 6 * at & 0x3F for at in reversed(range(behind)))]))


def _ansi(match: re.Match[str]) -> str:
    braced, hexed, short, long, octal, control, plain = match.groups()
    if braced or hexed:
        return byte(int(braced or hexed, 16))
    if short or long:
        return letter(int(short or long, 16))
    if octal:
        return byte(int(octal, 8))
    if control:
        return chr(ord(control.upper()) & 0x1F)
    return _PLAIN.get(plain, "\\" + plain)


def ansi_c(text: str) -> str:
    """The inside of `$'…'`; a NUL ends it, as in bash."""
    return joined(_ANSI.sub(_ansi, text)).partition("\0")[0]


def echoed(text: str, octal_without_zero: bool = False, quotes: bool = False) -> tuple[str, bool]:
    """`echo -e`, `%b` and printf's format, in which a \\ takes `quotes` too, and `\\c` is nothing: (text, whether `\\c`
    ended all output)."""
    out: list[str] = []
    place, known = 0, "abeEfnrtv\\" + "'\"?" * quotes
    for match in _ECHO.finditer(text):
        if match.start() < place:
            continue
        out.append(text[place : match.start()])
        place = match.end()
        hexed, short, long, octal, bare, plain = match.groups()
        if plain == "c" and not quotes:
            return joined("".join(out)), True
        if hexed:
            out.append(byte(int(hexed, 16)))
        elif short or long:
            out.append(letter(int(short or long, 16)))
        elif octal is not None:
            out.append(byte(int(octal or "0", 8)))
        elif bare is not None:
            out.append(byte(int(bare, 8)) if octal_without_zero else "\\" + bare)
        else:
            out.append(_PLAIN[plain] if plain in known else "\\" + plain)
    out.append(text[place:])
    return joined("".join(out)), False
