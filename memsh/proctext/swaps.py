"""/proc/swaps: the areas in use."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.lazy import regular

_ROW = regular(r"^[ \t]*(\S+)[ \t]+(partition|file|virtual)[ \t]+(\d+)[ \t]+(\d+)(?:[ \t]+(-?\d+))?", re.MULTILINE)
_OCTAL = regular(r"\\([0-7]{3})")


class Area(NamedTuple):
    """One area; kB. `priority`: None where it is not told."""

    name: str
    kind: str
    size: int
    used: int
    priority: int | None


def parse(text: str) -> list[Area]:
    """Every area in the text, blanks in their names as they are."""
    return [
        Area(
            _OCTAL.sub(lambda match: chr(int(match[1], 8)), m[1]), m[2], int(m[3]), int(m[4]),
            int(m[5]) if m[5] else None,
        )
        for m in _ROW.finditer(text)
    ]  # fmt: skip
