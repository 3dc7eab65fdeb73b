"""How objects are aligned (mm/slab_common.c, calculate_alignment). Sizes are bytes. No known deviations."""

from __future__ import annotations

from memsh.linux.mm.slab.api import SLAB_HWCACHE_ALIGN

ARCH_SLAB_MINALIGN = 8


def align_up(size: int, align: int) -> int:
    return (size + align - 1) & -align


def calculate_alignment(flags: int, align: int, size: int, line: int, word: int) -> int:
    """The alignment that a request comes to, on a machine with cache lines of `line` bytes and pointers of `word`."""
    if flags & SLAB_HWCACHE_ALIGN:
        while size <= line // 2:
            line //= 2
        align = max(align, line)
    return align_up(max(align, ARCH_SLAB_MINALIGN), word)
