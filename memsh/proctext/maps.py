"""/proc/PID/maps and smaps: areas of an address space."""

from __future__ import annotations

import re
from typing import NamedTuple

_AREA = re.compile(r"^([0-9a-f]{4,16})-([0-9a-f]{4,16})\s+([r-][w-][x-][sp])\s+([0-9a-f]+)\s+(\S+)\s+(\d+)[ \t]*(.*)$")
_FIGURE = re.compile(r"^\s*([A-Z]\w+):\s+(\d+) kB\s*$")


class Area(NamedTuple):
    """One area; addresses and offset in bytes, `kb` only where smaps told it."""

    start: int
    end: int
    mode: str
    offset: int
    path: str
    kb: dict[str, int]


def parse(text: str) -> list[Area]:
    """Every area in the text, in its order; other lines are left out."""
    found: list[Area] = []
    for line in text.splitlines():
        match = _AREA.match(line)
        if match:
            found.append(Area(int(match[1], 16), int(match[2], 16), match[3], int(match[4], 16), match[7].strip(), {}))
        elif found and (figure := _FIGURE.match(line)) is not None:
            found[-1].kb.setdefault(figure[1], int(figure[2]))
    return found
