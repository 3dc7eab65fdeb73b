"""Memory back to the kernel: the top of the heap, a heap of a thread's arena, chunks with a mapping of their own
(malloc/malloc.c: systrim, munmap_chunk, mremap_chunk; malloc/arena.c: heap_trim)."""

from __future__ import annotations

from memsh.libc.abi import IS_MMAPPED, PAGE, PREV_INUSE, Abort
from memsh.libc.heaps import Heaps
from memsh.linux.include.errno import KernelError


class Trim(Heaps):
    """What is free goes."""

    __slots__ = ()

    def contiguous(self) -> int:
        """Whether the arena's memory is in one piece, so far as it knows."""
        return not self.w[self.av.flags & -self.sz] & self.abi.noncontiguous

    def morecore(self, increment: int) -> int:
        """sbrk() for the main arena; -1 always where huge pages of a pool are wanted, which the break has not."""
        return -1 if self.w[self.mp.hp_pagesize] else self.sbrk(increment)

    def heap_trim(self, heap: int, pad: int) -> int:
        """Give heaps of the arena that are free back, and the end of its last one but for `pad` bytes; whether any."""
        w, st, sz, av, most = self.w, self.st, self.sz, self.av, self.heap_max_size()
        top, spare = w[av.top], self.minsize - self.hdr
        while top == heap + self.abi.heap_info:
            before = w[heap + sz]
            length = w[before + 2 * sz]
            p = before + length - spare
            misalign = p & self.abi.mask
            p -= misalign  # the fence
            p -= w[p]
            size = (w[p + sz] & ~7) + spare + misalign
            if not w[p + sz] & PREV_INUSE:
                size += w[p]
            if size + most - length < pad + self.minsize + PAGE:
                break
            self._add(av.system_mem, -w[heap + 2 * sz])
            if heap + most == w[self.aligned_heap_area]:
                st(self.aligned_heap_area, 0)
            self.mem.munmap(heap, most)
            heap = before
            if not w[p + sz] & PREV_INUSE:
                p -= w[p]
                self.unlink_chunk(p)
            top = p
            st(av.top, top)
            st(top + sz, size | PREV_INUSE)
        size = w[top + sz] & ~7
        area = size - self.minsize - 1
        if size < w[self.mp.trim_threshold] or area <= pad:
            return 0
        extra = area - pad & -PAGE
        if not extra or not self.shrink_heap(heap, extra):
            return 0
        self._add(av.system_mem, -extra)
        st(top + sz, size - extra | PREV_INUSE)
        return 1

    def systrim(self, pad: int) -> int:
        """Give whole pages of the top chunk back, but for `pad` bytes; whether the break moved."""
        w, av = self.w, self.av
        top = w[av.top]
        size = w[top + self.sz] & ~7
        area = size - self.minsize - 1
        if area & self.low <= pad:
            return 0
        extra = area - pad & -(w[self.mp.thp_pagesize] or PAGE) & self.low
        if extra == 0:
            return 0
        current = self.morecore(0)
        if current == top + size:
            self.sbrk(-extra if extra <= self.abi.ptrdiff_max else self.low + 1 - extra)
            released = current - self.sbrk(0)
            if released:
                self._add(av.system_mem, -released)
                self.st(top + self.sz, size - released | PREV_INUSE)
                return 1
        return 0

    def _mapped_block(self, p: int, complaint: str) -> tuple[int, int]:
        """Start and length of the mapping that chunk `p` is; Abort if it cannot be one."""
        offset = self.w[p]
        block, total = p - offset & self.low, offset + (self.w[p + self.sz] & ~7) & self.low
        inside = p + self.hdr & PAGE - 1
        if (block | total) & PAGE - 1 or inside & inside - 1:
            raise Abort(complaint)
        return block, total

    def munmap_chunk(self, p: int) -> None:
        """free() of a chunk that mmap() gave."""
        block, total = self._mapped_block(p, "munmap_chunk(): invalid pointer")
        self.store_int(self.mp.n_mmaps, self.load_int(self.mp.n_mmaps) - 1)
        self._add(self.mp.mmapped_mem, -total)
        try:
            self.mem.munmap(block, total)
        except KernelError as error:
            self.errno = error.code

    def mremap_chunk(self, p: int, nb: int) -> int:
        """realloc() of a chunk that mmap() gave: the chunk's new address, 0 if the kernel refuses."""
        block, total = self._mapped_block(p, "mremap_chunk(): invalid pointer")
        offset = self.w[p]
        new = self.page_align(nb + offset + self.sz)
        if total == new:
            return p
        try:
            moved = self.mem.mremap(block, total, new)
        except KernelError as error:
            self.errno = error.code
            return 0
        self.madvise_thp(moved, new)
        p = moved + offset
        self.st(p + self.sz, new - offset | IS_MMAPPED)
        self._at_least(self.mp.max_mmapped_mem, self._add(self.mp.mmapped_mem, new - total))
        return p
