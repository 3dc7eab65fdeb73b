"""malloc and the system: mapped chunks, growing the heap, giving its top back (malloc/malloc.c, sysmalloc*, systrim,
munmap_chunk, mremap_chunk).

Known deviations: no huge pages, no other arenas.
"""

from __future__ import annotations

from memsh.libc.chunk import (
    FLAGS,
    HEADER,
    IS_MMAPPED,
    MASK,
    MAX_MMAPPED_MEM,
    MAX_N_MMAPS,
    MAX_SYSTEM_MEM,
    MINSIZE,
    MMAP_THRESHOLD,
    MMAPPED_MEM,
    MORECORE_MMAP,
    N_MMAPS,
    N_MMAPS_MAX,
    NONCONTIGUOUS,
    PREV_INUSE,
    SBRK_BASE,
    SIZE,
    SYSTEM_MEM,
    TOP,
    TOP_PAD,
    Abort,
)
from memsh.libc.tcache import Tcache
from memsh.linux.include.errno import KernelError

ASSERTION = "Fatal glibc error: malloc assertion failure in {}: {}"
_TOP_IS_SANE = (
    "(old_top == initial_top (av) && old_size == 0) || ((unsigned long) (old_size) >= MINSIZE && "
    "prev_inuse (old_top) && ((unsigned long) old_end & (pagesize - 1)) == 0)"
)


def align_up(value: int) -> int:
    return value + 4095 & ~4095


class System(Tcache):
    """Memory from the kernel and back."""

    def int_free(self, p: int) -> None:
        """free() of a chunk of the heap: see intfree."""
        raise NotImplementedError

    def _add(self, addr: int, value: int) -> int:
        total = self.ld(addr) + value & 0xFFFFFFFF
        self.st(addr, total)
        return total

    def _at_least(self, addr: int, value: int) -> None:
        if value > self.ld(addr):
            self.st(addr, value)

    def _count_mapped(self, size: int) -> None:
        """Statistics of a chunk mapped by itself."""
        self._at_least(self.par + MAX_N_MMAPS, self._add(self.par + N_MMAPS, 1))
        self._at_least(self.par + MAX_MMAPPED_MEM, self._add(self.par + MMAPPED_MEM, size))

    def sysmalloc_mmap(self, nb: int) -> int:
        """A chunk of its own from mmap(); 0 if the kernel refuses."""
        size = align_up(nb + 4 + MASK) & 0xFFFFFFFF
        if size <= nb:
            return 0
        block = self.try_mmap(size)
        if not block:
            return 0
        p = block + 8  # what the program gets is 16 bytes into the first page
        self.st(p, 8)
        self.st(p + SIZE, size - 8 | IS_MMAPPED)
        self._count_mapped(size)
        return p + HEADER

    def sysmalloc(self, nb: int) -> int:
        """`nb` bytes when the top chunk is too small: a mapping of their own, or a larger heap; 0 with errno ENOMEM."""
        ld = self.ld
        arena, par = self.arena, self.par
        if nb >= ld(par + MMAP_THRESHOLD) and ld(par + N_MMAPS) < ld(par + N_MMAPS_MAX):
            mem = self.sysmalloc_mmap(nb)
            if mem:
                return mem
        old_top = ld(arena + TOP)
        head = ld(old_top + SIZE)
        old_size = head & ~7
        old_end = old_top + old_size & 0xFFFFFFFF
        fresh = old_top == self.unsorted and old_size == 0
        if not fresh and not (old_size >= MINSIZE and head & PREV_INUSE and not old_end & 4095):
            raise Abort(ASSERTION.format("sysmalloc", _TOP_IS_SANE))
        if old_size >= nb + MINSIZE:
            raise Abort(ASSERTION.format("sysmalloc", "(unsigned long) (old_size) < (unsigned long) (nb + MINSIZE)"))
        self._grow(nb, old_top, old_size, old_end)
        self._at_least(arena + MAX_SYSTEM_MEM, ld(arena + SYSTEM_MEM))
        p = ld(arena + TOP)
        size = ld(p + SIZE) & ~7
        if size >= nb + MINSIZE:
            remainder = p + nb
            self.st(arena + TOP, remainder)
            self.st(p + SIZE, nb | PREV_INUSE)
            self.st(remainder + SIZE, size - nb | PREV_INUSE)
            return p + HEADER
        self.errno = "ENOMEM"
        return 0

    def _grow(self, nb: int, old_top: int, old_size: int, old_end: int) -> None:
        """Move the break up, or map pages in its place, and let the top chunk have them."""
        ld, st = self.ld, self.st
        arena = self.arena
        contiguous = not ld(arena + FLAGS) & NONCONTIGUOUS
        size = nb + ld(self.par + TOP_PAD) + MINSIZE
        if contiguous:
            size -= old_size
        size = align_up(size) & 0xFFFFFFFF
        start, second = -1, -1
        if 0 < size < 0x80000000:
            start = self.sbrk(size)
        if start == -1:
            mapped = align_up(size + old_size) & 0xFFFFFFFF if contiguous else size
            mapped = max(mapped, MORECORE_MMAP)
            if mapped <= nb:
                return
            block = self.try_mmap(mapped)
            if not block:
                return
            st(arena + FLAGS, ld(arena + FLAGS) | NONCONTIGUOUS)
            start, size, contiguous = block, mapped, False
            second = start + size
        if not ld(self.par + SBRK_BASE):
            st(self.par + SBRK_BASE, start)
        self._add(arena + SYSTEM_MEM, size)
        if start == old_end and second == -1:
            st(old_top + SIZE, size + old_size | PREV_INUSE)
        elif contiguous and old_size and start < old_end:
            raise Abort("break adjusted to free malloc space")
        else:
            self._new_top(start, second, size, old_top, old_size, old_end, contiguous)

    def _new_top(
        self, start: int, second: int, size: int, old_top: int, old_size: int, old_end: int, contiguous: bool
    ) -> None:
        """A top chunk in memory that does not continue the old one's; the old one gets a fence and is freed."""
        st = self.st
        correction, aligned = 0, start
        misalign = start + HEADER & MASK
        if misalign:
            aligned += 16 - misalign
        if contiguous:
            if old_size:
                self._add(self.arena + SYSTEM_MEM, start - old_end)
            correction = (aligned - start) + old_size
            end = start + size + correction
            correction += align_up(end) - end
            second = self.sbrk(correction)
            if second == -1:
                correction = 0
                second = self.sbrk(0)
        elif second == -1:
            second = self.sbrk(0)
        if second == -1:
            return
        st(self.arena + TOP, aligned)
        st(aligned + SIZE, second - aligned + correction | PREV_INUSE)
        self._add(self.arena + SYSTEM_MEM, correction)
        if old_size:
            old_size = old_size - 2 * HEADER & ~MASK
            st(old_top + SIZE, old_size | PREV_INUSE)
            st(old_top + old_size + SIZE, HEADER | PREV_INUSE)
            st(old_top + old_size + HEADER + SIZE, HEADER | PREV_INUSE)
            if old_size >= MINSIZE:
                self.int_free(old_top)

    def systrim(self, pad: int) -> int:
        """Give whole pages of the top chunk back, but for `pad` bytes; whether the break moved."""
        ld = self.ld
        top = ld(self.arena + TOP)
        size = ld(top + SIZE) & ~7
        area = size - MINSIZE - 1
        if area & 0xFFFFFFFF <= pad:
            return 0
        extra = area - pad & ~4095 & 0xFFFFFFFF
        if extra == 0:
            return 0
        current = self.sbrk(0)
        if current == top + size:
            self.sbrk(-extra if extra < 0x80000000 else (1 << 32) - extra)
            released = current - self.sbrk(0)
            if released:
                self._add(self.arena + SYSTEM_MEM, -released)
                self.st(top + SIZE, size - released | PREV_INUSE)
                return 1
        return 0

    def _mapped_block(self, p: int, complaint: str) -> tuple[int, int]:
        """Start and length of the mapping that chunk `p` is; Abort if it cannot be one."""
        offset = self.ld(p)
        block, total = p - offset & 0xFFFFFFFF, offset + (self.ld(p + SIZE) & ~7) & 0xFFFFFFFF
        inside = p + HEADER & 4095
        if (block | total) & 4095 or inside & inside - 1:
            raise Abort(complaint)
        return block, total

    def munmap_chunk(self, p: int) -> None:
        """free() of a chunk that mmap() gave."""
        block, total = self._mapped_block(p, "munmap_chunk(): invalid pointer")
        self._add(self.par + N_MMAPS, -1)
        self._add(self.par + MMAPPED_MEM, -total)
        try:
            self.mem.munmap(block, total)
        except KernelError as error:
            self.errno = error.code

    def mremap_chunk(self, p: int, nb: int) -> int:
        """realloc() of a chunk that mmap() gave: the chunk's new address, 0 if the kernel refuses."""
        block, total = self._mapped_block(p, "mremap_chunk(): invalid pointer")
        offset = self.ld(p)
        new = align_up(nb + offset + 4) & 0xFFFFFFFF
        if total == new:
            return p
        try:
            moved = self.mem.mremap(block, total, new)
        except KernelError as error:
            self.errno = error.code
            return 0
        p = moved + offset
        self.st(p + SIZE, new - offset | IS_MMAPPED)
        self._at_least(self.par + MAX_MMAPPED_MEM, self._add(self.par + MMAPPED_MEM, new - total))
        return p
