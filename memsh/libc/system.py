"""malloc and the system: chunks mapped by themselves, growing the heap (malloc/malloc.c, sysmalloc*).

Where the tunable glibc.malloc.hugetlb names a pool of huge pages, the break is left alone: mappings of that pool, and
of small pages when it is empty, take its place.
"""

from __future__ import annotations

from memsh.libc.abi import IS_MMAPPED, MMAP_AS_MORECORE_SIZE, NON_MAIN_ARENA, PAGE, PREV_INUSE, Abort
from memsh.libc.intfree import IntFree
from memsh.linux.include.flags import MAP_HUGETLB

ASSERTION = "Fatal glibc error: malloc assertion failure in {}: {}"
_TOP_IS_SANE = (
    "(old_top == initial_top (av) && old_size == 0) || ((unsigned long) (old_size) >= MINSIZE && "
    "prev_inuse (old_top) && ((unsigned long) old_end & (pagesize - 1)) == 0)"
)


class System(IntFree):
    """Memory from the kernel."""

    __slots__ = ()

    def _count_mapped(self, size: int) -> None:
        """Statistics of a chunk mapped by itself."""
        mp = self.mp
        count = self.load_int(mp.n_mmaps) + 1
        self.store_int(mp.n_mmaps, count)
        if count > self.load_int(mp.max_n_mmaps):
            self.store_int(mp.max_n_mmaps, count)
        self._at_least(mp.max_mmapped_mem, self._add(mp.mmapped_mem, size))

    def _may_map(self) -> bool:
        """Whether one more chunk may have a mapping of its own; both counts are signed."""
        count, limit = (self.load_int(at) ^ 1 << 31 for at in (self.mp.n_mmaps, self.mp.n_mmaps_max))
        return count < limit

    def sysmalloc_mmap(self, nb: int, page: int = PAGE, flags: int = 0) -> int:
        """A chunk of its own from mmap(), whole pages of `page` bytes; 0 if the kernel refuses."""
        abi = self.abi
        size = nb + self.sz + (abi.mask if abi.front_misalign else 0) + page - 1 & -page & self.low
        if size <= nb:
            return 0
        block = self.try_mmap(size, flags)
        if not block:
            return 0
        if not flags & MAP_HUGETLB:
            self.madvise_thp(block, size)
        correction = abi.front_misalign  # what the program gets is 16 bytes into the first page
        p = block + correction
        self.st(p, correction)
        self.st(p + self.sz, size - correction | IS_MMAPPED)
        self._count_mapped(size)
        return p + self.hdr

    def sysmalloc(self, nb: int) -> int:
        """`nb` bytes when the top chunk is too small: a mapping of their own, or a larger heap; 0 with errno ENOMEM."""
        w, sz, av = self.w, self.sz, self.av
        tried = nb >= w[self.mp.mmap_threshold] and self._may_map()
        if tried:
            huge, mem = w[self.mp.hp_pagesize], 0
            if huge and nb >= huge:
                mem = self.sysmalloc_mmap(nb, huge, self.load_int(self.mp.hp_flags))
            mem = mem or self.sysmalloc_mmap(nb)
            if mem:
                return mem
        old_top = w[av.top]
        head = w[old_top + sz]
        old_size = head & ~7
        old_end = old_top + old_size & self.low
        fresh = old_top == self.unsorted and old_size == 0
        if not fresh and not (old_size >= self.minsize and head & PREV_INUSE and not old_end & PAGE - 1):
            raise Abort(ASSERTION.format("sysmalloc", _TOP_IS_SANE))
        if old_size >= nb + self.minsize:
            raise Abort(ASSERTION.format("sysmalloc", "(unsigned long) (old_size) < (unsigned long) (nb + MINSIZE)"))
        if self.non_main:
            mem = self._grow_arena(nb, old_top, old_size, tried)
            if mem:
                return mem
        else:
            self._grow(nb, old_top, old_size, old_end)
        self._at_least(av.max_system_mem, w[av.system_mem])
        p = w[av.top]
        size = w[p + sz] & ~7
        if size >= nb + self.minsize:
            remainder = p + nb
            self.st(av.top, remainder)
            self.st(p + sz, nb | PREV_INUSE | self.non_main)
            self.st(remainder + sz, size - nb | PREV_INUSE)
            return p + self.hdr
        self.errno = "ENOMEM"
        return 0

    def _grow_arena(self, nb: int, old_top: int, old_size: int, tried: bool) -> int:
        """A larger top chunk of a thread's arena, in its heap or a new one; else a mapping, the memory in it, or 0."""
        w, st, sz, hdr, av = self.w, self.st, self.sz, self.hdr, self.av
        heap = self.heap_for_ptr(old_top)
        length = w[heap + 2 * sz]
        if self.minsize + nb > old_size and self.grow_heap(heap, self.minsize + nb - old_size):
            size = w[heap + 2 * sz]
            self._add(av.system_mem, size - length)
            st(old_top + sz, heap + size - old_top | PREV_INUSE)
            return 0
        info = self.abi.heap_info
        fresh = self.new_heap(nb + self.minsize + info, w[self.mp.top_pad])
        if not fresh:
            return 0 if tried else self.sysmalloc_mmap(nb)
        st(fresh, self.arena)
        st(fresh + sz, heap)
        self._add(av.system_mem, w[fresh + 2 * sz])
        st(av.top, fresh + info)
        st(fresh + info + sz, w[fresh + 2 * sz] - info | PREV_INUSE)
        size = old_size - self.minsize & ~self.abi.mask
        st(old_top + size + hdr + sz, PREV_INUSE)
        if size >= self.minsize:
            st(old_top + size + sz, hdr | PREV_INUSE)
            st(old_top + size + hdr, hdr)
            st(old_top + sz, size | PREV_INUSE | NON_MAIN_ARENA)
            self.int_free(old_top)
        else:
            st(old_top + sz, size + hdr | PREV_INUSE)
            st(old_top + size + hdr, size + hdr)
        return 0

    def _grow(self, nb: int, old_top: int, old_size: int, old_end: int) -> None:
        """Move the break up, or map pages in its place, and let the top chunk have them."""
        av, mp = self.av, self.mp
        contiguous = self.contiguous()
        size = nb + self.w[mp.top_pad] + self.minsize
        if contiguous:
            size -= old_size
        huge = self.w[mp.thp_pagesize]
        if huge:
            end = self.w[self.curbrk]
            size = (end + size + huge - 1 & -huge) - end & self.low
        else:
            size = self.page_align(size)
        start, second = -1, -1
        if 0 < size <= self.abi.ptrdiff_max:
            start = self.morecore(size)
            if start != -1:
                self.madvise_thp(start, size)
        if start == -1:
            start, size = self._instead_of_break(size, nb, old_size if contiguous else None)
            if not start:
                return
            flags = av.flags & -self.sz
            self.st(flags, self.w[flags] | self.abi.noncontiguous)
            contiguous = False
            second = start + size
        if not self.w[mp.sbrk_base]:
            self.st(mp.sbrk_base, start)
        self._add(av.system_mem, size)
        if start == old_end and second == -1:
            self.st(old_top + self.sz, size + old_size | PREV_INUSE)
        elif contiguous and old_size and start < old_end:
            raise Abort("break adjusted to free malloc space")
        else:
            self._new_top(start, second, size, old_top, old_size, old_end, contiguous)

    def _instead_of_break(self, size: int, nb: int, old_size: int | None) -> tuple[int, int]:
        """Pages mapped in place of the break, of huge ones if the pool has them: address (0: none), bytes. What was to
        be joined with `old_size` bytes must do without them (sysmalloc_mmap_fallback)."""
        mp, huge = self.mp, self.w[self.mp.hp_pagesize]
        ways = [(MMAP_AS_MORECORE_SIZE, PAGE, 0)]  # glibc hands over the two in the wrong order: whole MiB at first
        if huge:
            ways.insert(0, (huge, huge, self.load_int(mp.hp_flags)))
        for unit, least, flags in ways:
            mapped = max(size if old_size is None else size + old_size + unit - 1 & -unit & self.low, least)
            if mapped <= nb:
                break
            block = self.try_mmap(mapped, flags)
            if block:
                if not flags & MAP_HUGETLB:
                    self.madvise_thp(block, mapped)
                return block, mapped
        return 0, 0

    def _new_top(
        self, start: int, second: int, size: int, old_top: int, old_size: int, old_end: int, contiguous: int
    ) -> None:
        """A top chunk in memory that does not continue the old one's; the old one gets a fence and is freed."""
        st, av, sz, hdr, mask = self.st, self.av, self.sz, self.hdr, self.abi.mask
        correction, aligned = 0, start
        misalign = start + hdr & mask
        if misalign:
            aligned += mask + 1 - misalign
        if contiguous:
            if old_size:
                self._add(av.system_mem, start - old_end)
            correction = (aligned - start) + old_size
            end = start + size + correction
            correction += self.page_align(end) - end
            second = self.morecore(correction)
            if second == -1:
                correction = 0
                second = self.morecore(0)
            else:
                self.madvise_thp(second, correction)
        elif second == -1:
            second = self.morecore(0)
        if second == -1:
            return
        st(av.top, aligned)
        st(aligned + sz, second - aligned + correction | PREV_INUSE)
        self._add(av.system_mem, correction)
        if old_size:
            old_size = old_size - 2 * hdr & ~mask
            st(old_top + sz, old_size | PREV_INUSE)
            st(old_top + old_size + sz, hdr | PREV_INUSE)
            st(old_top + old_size + hdr + sz, hdr | PREV_INUSE)
            if old_size >= self.minsize:
                self.int_free(old_top)

