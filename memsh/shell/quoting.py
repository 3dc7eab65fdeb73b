"""A value as the shell would read it back: quoted in one way or another."""

from __future__ import annotations

import re

from memsh.lazy import regular

_META = regular(r"[ \t\n'\"\\|&;()<>!{}*\[?\]^$`]|(?:^|[=:])~|^#")  # as bash's sh_contains_shell_metas
_CONTROL = regular(r"[\x00-\x1f\x7f]")
_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\x1b": "\\E",
          "'": "\\'", "\\": "\\\\"}  # fmt: skip
_SHOWN = str.maketrans({chr(code): f"\\{code:03o}" for code in (*range(32), 127)} | _NAMED)


def controls(text: str) -> bool:
    """Whether a character in it can only be shown by an escape."""
    return _CONTROL.search(text) is not None


def single(text: str) -> str:
    """Between single quotes, whatever it is; a single quote alone behind a backslash."""
    if text == "'":
        return "\\'"
    return "'" + text.replace("'", "'\\''") + "'"


def quote(text: str) -> str:
    """Text as it can be typed again (`${x@Q}`)."""
    return "$'" + text.translate(_SHOWN) + "'" if controls(text) else single(text)


def quote_sparingly(text: str) -> str:
    """As `printf %q` writes it."""
    if controls(text):
        return quote(text)
    if not text:
        return "''"
    out = re.sub(r"([^A-Za-z0-9_@%+=:./\-\u0080-\U0010ffff])", r"\\\1", text)
    return re.sub(r"(?<!^)\\([#~])", r"\1", out) if out[:2] not in ("\\#", "\\~") else out


def quote_if_needed(text: str) -> str:
    """As `set` writes a value: bare where it can be."""
    return quote(text) if not text or controls(text) or _META.search(text) else text
