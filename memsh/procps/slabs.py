"""/proc/slabinfo taken apart, for slabtop and vmstat -m (procps-ng 4.0.2, library/slabinfo.c)."""

from __future__ import annotations

import errno
import os
import re
from typing import NamedTuple

from memsh.procps.figures import float32, page_size
from memsh.procps.reader import ProcReader

_LINE = re.compile(
    r"(\S{1,128})\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*:\s*tunables\s+\d+\s+\d+\s+\d+\s*:\s*slabdata\s+(\d+)\s+(\d+)"
)


class Cache(NamedTuple):
    """One line of /proc/slabinfo; sizes in bytes."""

    name: str
    active_objs: int
    num_objs: int
    obj_size: int
    objs_per_slab: int
    pages_per_slab: int
    active_slabs: int
    num_slabs: int
    page_size: int = 4096

    @property
    def use(self) -> int:
        """Percent of the objects in use."""
        return int(float32(100 * float32(self.active_objs / self.num_objs))) if self.num_objs else 0

    @property
    def cache_size(self) -> int:
        """Bytes of all slabs."""
        return self.num_slabs * self.pages_per_slab * self.page_size


def caches(reader: ProcReader) -> list[Cache]:
    """Every cache in the file's order. Raises OSError: the file is missing, or of another version (ERANGE)."""
    lines = reader.read("/proc/slabinfo").splitlines()
    if not lines or not re.match(r"slabinfo - version: 2\.\d", lines[0]):
        raise OSError(errno.ERANGE, os.strerror(errno.ERANGE))
    found = []
    page = page_size(reader)
    for line in lines[1:]:
        if line.startswith("#"):
            continue
        match = _LINE.match(line)
        if not match:
            raise OSError(errno.ERANGE, os.strerror(errno.ERANGE))
        numbers = [int(word) for word in match.groups()[1:]]
        found.append(Cache(match[1], *numbers)._replace(page_size=page))
    return found
