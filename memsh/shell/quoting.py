"""A value as the shell would read it back: quoted in one way or another."""

from __future__ import annotations

import re

_BARE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def quote(text: str) -> str:
    """Text as it can be typed again (`${x@Q}`)."""
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        return "$'" + "".join(_shown(char) for char in text) + "'"
    return "'" + text.replace("'", "'\\''") + "'"


def quote_sparingly(text: str) -> str:
    """As `printf %q` and `set -x` write it."""
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        return "$'" + "".join(_shown(char) for char in text) + "'"
    if not text:
        return "''"
    out = re.sub(r"([^A-Za-z0-9_@%+=:,./\-\u0080-\U0010ffff])", r"\\\1", text)
    return re.sub(r"(?<!^)\\([#~])", r"\1", out) if out[:2] not in ("\\#", "\\~") else out


def quote_if_needed(text: str) -> str:
    """As `set -x` and `declare` write a word: bare where it can be."""
    return text if _BARE.fullmatch(text) else quote(text)


def _shown(char: str) -> str:
    names = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\x1b": "\\E",
             "'": "\\'", "\\": "\\\\"}  # fmt: skip
    return names.get(char) or (f"\\{ord(char):03o}" if ord(char) < 32 or ord(char) == 127 else char)
