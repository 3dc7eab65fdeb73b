"""malloc's figures, and giving free pages back (malloc/malloc.c, int_mallinfo, mtrim)."""

from __future__ import annotations

from typing import NamedTuple

from memsh.libc.abi import NBINS, PAGE, Abort
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

    __slots__ = ()

    def int_mallinfo(self) -> Mallinfo2:
        w, av, sz, fd, bk = self.w, self.av, self.sz, self.fd, self.bk
        top = w[w[av.top] + sz] & ~7
        blocks, fast_blocks, fast, free = 1, 0, 0, top
        for index in range(self.abi.nfastbins):
            p = w[av.fastbins + index * sz]
            while p:
                if p + self.hdr & 15:
                    raise Abort("int_mallinfo(): unaligned fastbin chunk detected")
                fast_blocks += 1
                fast += w[p + sz] & ~7
                p = p + fd >> 12 ^ w[p + fd]
        for index in range(1, NBINS):
            header = self.bin_at(index)
            p = w[header + bk]
            while p != header:
                blocks += 1
                free += w[p + sz] & ~7
                p = w[p + bk]
        free += fast
        system = w[av.system_mem]
        mapped = self.load_int(self.mp.n_mmaps), w[self.mp.mmapped_mem]
        return Mallinfo2(system, blocks, fast_blocks, *mapped, 0, fast, system - free, free, top)

    def mtrim(self, pad: int) -> int:
        """Give whole free pages back, inside the heap by madvise, at its end by brk; whether there were any."""
        w, abi = self.w, self.abi
        self.malloc_consolidate()
        result = 0
        for index in (1, *range(abi.bin_index(PAGE), NBINS)):
            header = self.bin_at(index)
            p = w[header + self.bk]
            while p != header:
                size = w[p + self.sz] & ~7
                if size > PAGE - 1 + abi.chunk_size:
                    aligned = p + abi.chunk_size + PAGE - 1 & -PAGE
                    size -= aligned - p
                    if size > PAGE - 1:
                        self.mem.dontneed(aligned, size & -PAGE)
                        result = 1
                p = w[p + self.bk]
        return result | self.systrim(pad)
