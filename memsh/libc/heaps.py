"""Heaps: pieces of address space for the arenas of threads (malloc/arena.c: new_heap, grow_heap, shrink_heap).

A heap lies at a multiple of its largest size, 64 MiB (1 MiB on 32 bits, four huge pages if the tunable hugetlb names a
pool of them), so that a chunk's address tells its heap. All of it is mapped without access; what the arena uses is
opened by mprotect() from the lower end.

Known deviations: malloc's own static variables lie below the word that holds the break, all in a row.
"""

from __future__ import annotations

from memsh.libc.abi import HEAP_MIN_SIZE, NON_MAIN_ARENA, PAGE
from memsh.libc.tcache import Tcache
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE


class Heaps(Tcache):
    """struct heap_info: the arena, the heap before this one, the size in use, what mprotect() opened, its page size."""

    __slots__ = ()

    def heap_for_ptr(self, p: int) -> int:
        return p & -self.heap_max_size()

    def heap_max_size(self) -> int:
        return 4 * self.w[self.mp.hp_pagesize] or self.abi.heap_max_size

    def arena_for_chunk(self, p: int) -> int:
        """The arena that chunk `p` is of, by its flag."""
        return self.w[self.heap_for_ptr(p)] if self.w[p + self.sz] & NON_MAIN_ARENA else self.main_arena

    def _open(self, addr: int, length: int) -> bool:
        try:
            self.mem.mprotect(addr, length)
        except KernelError as error:
            self.errno = error.code
            return False
        return True

    def _reserve(self, addr: int, length: int, flags: int) -> int:
        """Address space without access; 0 if Linux has none."""
        try:
            return self.mem.map_at(addr, length, flags)
        except KernelError as error:
            self.errno = error.code
            return 0

    def _aligned(self, flags: int) -> int:
        """Reserve a heap's address space at a multiple of its size: 0 if there is none."""
        size, hint = self.heap_max_size(), self.w[self.aligned_heap_area]
        if hint:
            found = self._reserve(hint, size, flags)
            self.st(self.aligned_heap_area, 0)
            if found and not found & size - 1:
                return found
            if found:
                self.mem.munmap(found, size)
        twice = self._reserve(0, 2 * size, flags)
        if twice:
            found = twice + size - 1 & -size
            before = found - twice
            if before:
                self.mem.munmap(twice, before)
            else:
                self.st(self.aligned_heap_area, found + size)
            self.mem.munmap(found + size, size - before)
            return found
        found = self._reserve(0, size, flags)
        if found & size - 1:
            self.mem.munmap(found, size)
            return 0
        return found

    def new_heap(self, size: int, top_pad: int) -> int:
        """A heap with room for `size` bytes, and some more if that fits; 0 if there is none."""
        huge = self.w[self.mp.hp_pagesize]
        heap = huge and self._new_heap(size, top_pad, huge, self.load_int(self.mp.hp_flags))
        return heap or self._new_heap(size, top_pad, PAGE, MAP_NORESERVE)

    def _new_heap(self, size: int, top_pad: int, page: int, flags: int) -> int:
        """One of pages of `page` bytes; 0 (alloc_new_heap)."""
        most, least = self.heap_max_size(), self.w[self.mp.hp_pagesize] or HEAP_MIN_SIZE
        if size + top_pad < least:
            size = least
        elif size + top_pad <= most:
            size += top_pad
        elif size > most:
            return 0
        else:
            size = most
        size = size + page - 1 & -page & self.low
        heap = self._aligned(MAP_PRIVATE | MAP_ANONYMOUS | flags)
        if not heap:
            return 0
        if not self._open(heap, size):
            self.mem.munmap(heap, most)
            return 0
        self.madvise_thp(heap, size)
        for place, value in ((2, size), (3, size), (4, page)):
            self.st(heap + place * self.sz, value)
        return heap

    def madvise_thp(self, p: int, size: int) -> None:
        """Ask for huge pages in fresh memory, if the tunable glibc.malloc.hugetlb wants them."""
        huge = self.w[self.mp.thp_pagesize]
        if huge and size >= huge:
            self.mem.hugepage(p & -PAGE, size + p % PAGE)

    def grow_heap(self, heap: int, more: int) -> bool:
        """Whether the heap has `more` bytes now, rounded up to whole pages."""
        size_at, opened_at = heap + 2 * self.sz, heap + 3 * self.sz
        page = self.w[heap + 4 * self.sz]
        size = self.w[size_at] + (more + page - 1 & -page & self.low)
        if size > self.heap_max_size():
            return False
        opened = self.w[opened_at]
        if size > opened:
            if not self._open(heap + opened, size - opened):
                return False
            self.st(opened_at, size)
        self.st(size_at, size)
        return True

    def shrink_heap(self, heap: int, less: int) -> bool:
        """Give the last `less` bytes of the heap back; whether that was possible."""
        size = self.w[heap + 2 * self.sz] - less
        if size < self.abi.heap_info:
            return False
        if self._check_may_shrink_heap():
            if not self._reserve(heap + size, less, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS):
                return False
            self.st(heap + 3 * self.sz, size)
        else:
            self.mem.dontneed(heap + size, less)
        self.st(heap + 2 * self.sz, size)
        return True

    def _check_may_shrink_heap(self) -> bool:
        """Whether memory is counted so strictly that unused parts should be mapped afresh: asked once."""
        known = self.w[self.may_shrink_heap]
        if not known:
            known = 2 if self.mem.overcommit_memory() == 2 else 1
            self.st(self.may_shrink_heap, known)
        return known == 2
