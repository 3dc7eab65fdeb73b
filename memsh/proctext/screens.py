"""What the tools printed: free, slabtop, numastat, as people paste them."""

from __future__ import annotations

import re
from typing import NamedTuple

_SLABTOP = re.compile(
    r"^[ \t]*(\d+)[ \t]+(\d+)[ \t]+(\d+)%[ \t]+([\d.]+)K[ \t]+(\d+)[ \t]+(\d+)[ \t]+(\d+)K[ \t]+(\S+)", re.MULTILINE
)
_FREE_HEAD = re.compile(r"^[ \t]*total[ \t]+used[ \t]+free[ \t]+shared[ \t]+([^\n]+)$", re.MULTILINE)
_SIZE = re.compile(r"([\d.]+)([BKMGTP]?)i?B?")
_UNITS = {"": 1.0, "B": 1 / 1024, "K": 1.0, "M": 1024.0, "G": 1048576.0, "T": 1073741824.0, "P": 1099511627776.0}


class SlabLine(NamedTuple):
    """A line of slabtop; object size in bytes, cache size in kB."""

    name: str
    objs: int
    active: int
    obj_size: int
    slabs: int
    objs_per_slab: int
    kb: int


class Free(NamedTuple):
    """What free printed: row → column → figure as printed; `kb` where a suffix told the unit, else as it stands."""

    rows: dict[str, dict[str, float]]
    suffixed: bool


class NumaStat(NamedTuple):
    """numastat: the nodes' names, and each row's figures in their order."""

    nodes: list[str]
    rows: dict[str, list[float]]


def slabtop(text: str) -> list[SlabLine]:
    """Every line of a slabtop screen."""
    return [
        SlabLine(m[8], int(m[1]), int(m[2]), round(float(m[4]) * 1024), int(m[5]), int(m[6]), int(m[7]))
        for m in _SLABTOP.finditer(text)
    ]


def free(text: str) -> Free | None:
    """The table of free; None if the text has none."""
    head = _FREE_HEAD.search(text)
    if not head:
        return None
    names = ["total", "used", "free", "shared", *head[1].split()]
    rows: dict[str, dict[str, float]] = {}
    suffixed = False
    for line in text[head.end() :].splitlines()[1:8]:
        match = re.match(r"[ \t]*(Mem|Swap|Low|High|Total|Comm|-/\+ buffers/cache):[ \t]*(.*)", line)
        if not match:
            break
        sizes = [_SIZE.fullmatch(word) for word in match[2].split()]
        suffixed = suffixed or any(size is not None and bool(size[2]) for size in sizes)
        columns = names if match[1] != "-/+ buffers/cache" else ["used", "free"]
        values = [float(size[1]) * (_UNITS[size[2]] if size[2] else 1.0) for size in sizes if size is not None]
        rows[match[1]] = dict(zip(columns, values, strict=False))
    return Free(rows, suffixed) if "Mem" in rows else None


def numastat(text: str) -> NumaStat | None:
    """The classic table or the one in MBs; None if the text has none."""
    head = re.search(r"^[ \t]*((?:node\d+[ \t]*)+|(?:Node \d+[ \t]+)+Total[ \t]*)$", text, re.MULTILINE)
    if not head:
        return None
    nodes = re.findall(r"[Nn]ode ?\d+|Total", head[1])
    rows = {}
    for line in text[head.end() :].splitlines():
        match = re.match(r"[ \t]*([A-Za-z][\w()]*)((?:[ \t]+[\d.]+)+)[ \t]*$", line)
        if match and len(match[2].split()) == len(nodes):
            rows[match[1]] = [float(word) for word in match[2].split()]
    return NumaStat(nodes, rows) if rows else None
