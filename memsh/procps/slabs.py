"""/proc/slabinfo as slabtop and vmstat -m take it (procps-ng 4.0.2, library/slabinfo.c)."""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

from memsh.procps.figures import float32, page_size
from memsh.procps.reader import ProcReader
from memsh.proctext import slabinfo


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
    page = page_size(reader)
    if not lines or not slabinfo.version(lines[0]).startswith("2."):
        raise OSError(errno.ERANGE, os.strerror(errno.ERANGE))
    found = []
    for line in lines[1:]:
        if line.startswith("#"):
            continue
        one = slabinfo.row(line)
        if one is None:
            raise OSError(errno.ERANGE, os.strerror(errno.ERANGE))
        found.append(Cache(*one[:8], page_size=page))
    return found
