"""Text on its way to a terminal: control characters are shown, as `cat -v` shows them, and never obeyed.

Only newline and tab pass. An escape in a file, a script or a name arrives as `^[`; a C1 control, which some terminals
obey as well, as `\\x9b`.
"""

from __future__ import annotations

import re

from memsh.lazy import regular

_CONTROLS = regular(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\udc80-\udcff]"
)

_INSIDE = regular("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\udc80-\udcff]")


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20 or code == 0x7F:
        return "^" + chr(code ^ 0x40)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        code &= 0xFF
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible(text: str) -> str:
    """The text with its control characters spelled out."""
    return _CONTROLS.sub(_shown, text) if _CONTROLS.search(text) else text


def escaped(text: str) -> str:
    """Text of JSON with them as JSON spells them."""
    return _INSIDE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
