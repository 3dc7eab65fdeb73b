"""malloc's figures, and giving free pages back (malloc/malloc.c, int_mallinfo, mtrim)."""

from __future__ import annotations

from typing import NamedTuple

from memsh.libc.chunk import (
    BINS,
    BK,
    CHUNK_STRUCT,
    FASTBINS,
    FD,
    HEADER,
    MMAPPED_MEM,
    N_MMAPS,
    NBINS,
    NFASTBINS,
    PAGE,
    SIZE,
    SYSTEM_MEM,
    TOP,
    Abort,
    bin_index,
)
from memsh.libc.intmalloc import IntMalloc


class Mallinfo2(NamedTuple):
    """struct mallinfo2: counts, and sizes in bytes."""

    arena: int  # got from the kernel by brk
    ordblks: int  # free chunks in bins, and top
    smblks: int  # chunks in fast bins
    hblks: int  # mapped chunks
    hblkhd: int  # bytes of them
    usmblks: int
    fsmblks: int  # bytes in fast bins
    uordblks: int  # bytes in use
    fordblks: int  # bytes free
    keepcost: int  # bytes of top


class Info(IntMalloc):
    """Counting and trimming."""

    def int_mallinfo(self) -> Mallinfo2:
        ld, arena = self.ld, self.arena
        top = ld(ld(arena + TOP) + SIZE) & ~7
        blocks, fast_blocks, fast, free = 1, 0, 0, top
        for index in range(NFASTBINS):
            p = ld(arena + FASTBINS + index * 4)
            while p:
                if p + HEADER & 15:
                    raise Abort("int_mallinfo(): unaligned fastbin chunk detected")
                fast_blocks += 1
                fast += ld(p + SIZE) & ~7
                p = p + FD >> 12 ^ ld(p + FD)
        for index in range(1, NBINS):
            header = arena + BINS - 16 + index * 8
            p = ld(header + BK)
            while p != header:
                blocks += 1
                free += ld(p + SIZE) & ~7
                p = ld(p + BK)
        free += fast
        system = ld(arena + SYSTEM_MEM)
        mapped = ld(self.par + N_MMAPS), ld(self.par + MMAPPED_MEM)
        return Mallinfo2(system, blocks, fast_blocks, *mapped, 0, fast, system - free, free, top)

    def mtrim(self, pad: int) -> int:
        """Give whole free pages back, inside the heap by madvise, at its end by brk; whether there were any."""
        ld = self.ld
        self.malloc_consolidate()
        result = 0
        first = bin_index(PAGE)
        for index in (1, *range(first, NBINS)):
            header = self.arena + BINS - 16 + index * 8
            p = ld(header + BK)
            while p != header:
                size = ld(p + SIZE) & ~7
                if size > PAGE - 1 + CHUNK_STRUCT:
                    aligned = p + CHUNK_STRUCT + PAGE - 1 & ~(PAGE - 1)
                    size -= aligned - p
                    if size > PAGE - 1:
                        self.mem.dontneed(aligned, size & ~(PAGE - 1))
                        result = 1
                p = ld(p + BK)
        return result | self.systrim(pad)
