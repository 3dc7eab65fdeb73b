"""/proc/zoneinfo: watermarks, reserves, counters and per-CPU lists of each zone."""

from __future__ import annotations

import re
from typing import NamedTuple

_HEAD = re.compile(r"^[ \t]*Node\s+(\d+),\s*zone\s+(\w+)[ \t]*$", re.MULTILINE)
_MARK = re.compile(r"^\s*(?:pages\s+)?(free|boost|min|low|high|scanned|spanned|present|managed|cma)\s+(\d+)\s*$")
_PAIR = re.compile(r"^\s*([a-z]\w+):?\s+(\d+)\s*$")
_PROTECTION = re.compile(r"protection: \(([\d, ]+)\)")


class PerCpu(NamedTuple):
    """A CPU's list of pages: how many, how many at most, how many at a time."""

    cpu: int
    pages: int
    high: int
    batch: int


class Zone(NamedTuple):
    """A zone; pages. `stats`: every other counter by its name."""

    node: int
    name: str
    marks: dict[str, int]
    protection: list[int]
    stats: dict[str, int]
    pagesets: list[PerCpu]
    start_pfn: int | None


def parse(text: str) -> list[Zone]:
    """Every zone in the file's order; what a zone's text does not tell is missing in its tables."""
    heads = list(_HEAD.finditer(text))
    return [
        _zone(head, text[head.end() : heads[at + 1].start() if at + 1 < len(heads) else len(text)])
        for at, head in enumerate(heads)
    ]


def _zone(head: re.Match[str], body: str) -> Zone:
    marks: dict[str, int] = {}
    stats: dict[str, int] = {}
    pagesets: list[list[int]] = []
    for line in body.splitlines():
        if (match := re.match(r"\s*cpu:\s*(\d+)", line)) is not None:
            pagesets.append([int(match[1]), 0, 0, 0])
        elif pagesets and (match := re.match(r"\s*(count|high|batch):\s*(\d+)", line)) is not None:
            pagesets[-1][("", "count", "high", "batch").index(match[1])] = int(match[2])
        elif (match := _MARK.match(line)) is not None and match[1] not in marks:
            marks[match[1]] = int(match[2])
        elif (match := _PAIR.match(line)) is not None:
            stats.setdefault(match[1], int(match[2]))
    protection = _PROTECTION.search(body)
    reserve = [int(word) for word in protection[1].replace(",", " ").split()] if protection else []
    return Zone(
        int(head[1]), head[2], marks, reserve, stats, [PerCpu(*one) for one in pagesets], stats.get("start_pfn")
    )
