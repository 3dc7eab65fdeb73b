"""Words in complaints: GNU's quote(), in the C locale (gnulib's quotearg.c, locale_quoting_style)."""

from __future__ import annotations

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
            "\\": "\\\\", "'": "\\'"}  # fmt: skip


def quote(text: str) -> str:
    """`text` between single quotes, with C's escapes for what is no letter."""
    shown = []
    raw = text.encode("utf-8", "surrogateescape")
    for at, byte in enumerate(raw):
        char = chr(byte)
        if char in _ESCAPES:
            shown.append(_ESCAPES[char])
        elif 32 <= byte < 127:
            shown.append(char)
        else:
            longer = at + 1 < len(raw) and chr(raw[at + 1]) in "0123456789"
            shown.append(f"\\{byte:03o}" if longer or byte > 7 else f"\\{byte:o}")
    return "'" + "".join(shown) + "'"
