"""/proc/slabinfo of any version: 1.1 (2.4), 2.0, 2.1 (2.6 to today), with statistics or without."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.lazy import regular

_HEAD = regular(r"^slabinfo - version: (\d+\.\d+)", re.MULTILINE)
_ROW = regular(
    r"(?P<name>\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*"
    r":\s*tunables\s+(\d+)\s+(\d+)\s+(\d+)\s*:\s*slabdata\s+(\d+)\s+(\d+)(?:\s+(\d+))?"
)
_OLD = regular(r"(?P<name>\S+(?: \S+)*?)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)(?:\s*:.*)?$")


class Cache(NamedTuple):
    """One line; sizes in bytes, None where this version has no such column."""

    name: str
    active_objs: int
    num_objs: int
    obj_size: int
    objs_per_slab: int
    pages_per_slab: int
    active_slabs: int
    num_slabs: int
    limit: int | None = None
    batchcount: int | None = None
    shared: int | None = None
    shared_avail: int | None = None

    @property
    def pages(self) -> int:
        """Pages of all slabs."""
        return self.num_slabs * self.pages_per_slab


def version(text: str) -> str:
    """`2.1`; "" without a first line that says so."""
    match = _HEAD.search(text)
    return match[1] if match else ""


def row(line: str) -> Cache | None:
    """A line of version 2.0 or 2.1; None if it is none."""
    match = _ROW.match(line)
    if not match:
        return None
    name, *words = match.groups()
    n = [int(word) if word else 0 for word in words]
    return Cache(name, n[0], n[1], n[2], n[3], n[4], n[8], n[9], n[5], n[6], n[7], n[10])


def old_row(line: str) -> Cache | None:
    """A line of version 1.1: name, objects in use, objects, size, slabs in use, slabs, pages of a slab."""
    match = _OLD.match(line)
    if not match:
        return None
    active, total, size, active_slabs, slabs, pages = (int(word) for word in match.groups()[1:])
    return Cache(match["name"], active, total, size, total // slabs if slabs else 0, pages, active_slabs, slabs)


def parse(text: str) -> list[Cache]:
    """Every cache in the file's order; lines that are none are left out."""
    reader = old_row if version(text).startswith("1.") else row
    return [cache for line in text.splitlines() if (cache := reader(line)) is not None]
