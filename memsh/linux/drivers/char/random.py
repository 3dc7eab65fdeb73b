"""/dev/random and urandom (drivers/char/random.c).

Known deviations: as memsh.linux.lib.random; what is written stirs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.drivers.char.mem import get_unmapped_area_zero
from memsh.linux.include.mm_types import FileOperations

if TYPE_CHECKING:
    from memsh.linux.box import Box

WORD_BYTES = 8


def _get_random_bytes_user(box: Box, position: int, length: int) -> bytes:
    box.changes += 1
    words = -(-length // WORD_BYTES)
    draw = box.random.get_random_u64
    return b"".join(draw().to_bytes(WORD_BYTES, "little") for _ in range(words))[:length]


def _write_pool(box: Box, position: int, data: bytes) -> int:
    return len(data)


RANDOM = FileOperations(None, get_unmapped_area_zero, read=_get_random_bytes_user, write=_write_pool)
