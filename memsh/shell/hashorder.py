"""The order in which bash walks an associative array (bash: hashlib.c, assoc.c).

Known deviations: the table's size follows the keys that are there now; bash's never shrinks, and keys that were taken
away may have made it grow.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from memsh.shell.values import UINT_MAX

BUCKETS = 1024  # ASSOC_HASH_BUCKETS
FILES = 256  # FILENAME_HASH_BUCKETS
FULL, GROWTH = 2, 4  # keys a bucket at which the table grows, and how many times larger it becomes
_OFFSET, _PRIME = 2166136261, 16777619


@lru_cache(4096)
def hash_string(key: str) -> int:
    """FNV-1 of 32 bits over the key's bytes."""
    found = _OFFSET
    for byte in key.encode("utf-8", "surrogateescape"):
        signed = byte | 0xFFFFFF00 if byte > 127 else byte  # a char of C
        found = (found * _PRIME & UINT_MAX) ^ signed
    return found


def walked(keys: Iterable[str], buckets: int = BUCKETS) -> list[str]:
    """Keys in the order of their buckets, the newest first in each. `keys` come as they were added."""
    size, table = buckets, dict[int, list[str]]()
    for number, key in enumerate(keys):
        if number >= size * FULL:
            size *= GROWTH
            table = _put(_in_order(table), size, {})
        _put([key], size, table)
    return _in_order(table)


def _put(keys: Iterable[str], size: int, table: dict[int, list[str]]) -> dict[int, list[str]]:
    for key in keys:
        table.setdefault(hash_string(key) & (size - 1), []).append(key)
    return table


def _in_order(table: dict[int, list[str]]) -> list[str]:
    return [key for bucket in sorted(table) for key in reversed(table[bucket])]
