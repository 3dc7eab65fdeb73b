"""malloc and its kin as glibc 2.36 has them on i386, single-threaded (malloc/malloc.c).

All state lies in the process's memory: the arena and the parameters among the program's variables, the thread's cache
and the chunks on the heap. So malloc's page faults are the real ones, and who overwrites its data breaks it for real.

One file for each part: chunk (layout), bins (lists), tcache, system (brk and mmap), intfree, intmalloc, mallinfo.

Known deviations: one arena, no tunables, no hooks; the cache's mark (tcache_key) is the same for every process.
"""

from __future__ import annotations

from memsh.libc.chunk import (
    ARENA_SIZE,
    ARENA_TEST,
    ATTACHED,
    BINS,
    DEFAULT_THRESHOLD,
    DEFAULT_TOP_PAD,
    FD,
    HEADER,
    IS_MMAPPED,
    MASK,
    MINSIZE,
    MMAP_THRESHOLD,
    MMAP_THRESHOLD_MAX,
    MMAPS_MAX,
    N_MMAPS_MAX,
    NBINS,
    NEXT,
    NO_DYN,
    NTCACHE,
    PAR_SIZE,
    PREV_INUSE,
    PTRDIFF_MAX,
    SIZE,
    SYSTEM_MEM,
    TCACHE_BINS,
    TCACHE_COUNT,
    TCACHE_FILL,
    TCACHE_MAX,
    TCACHE_SIZE,
    TOP,
    TOP_PAD,
    TRIM_THRESHOLD,
    Abort,
    request2size,
)
from memsh.libc.mallinfo import Info, Mallinfo2


class Malloc(Info):
    """The functions of <malloc.h>. They answer 0 with `errno` set where C answers NULL; Abort where glibc aborts."""

    def load_variables(self) -> None:
        """Give the arena and the parameters the values that they have in the program's file."""
        st = self.st
        for offset in range(0, ARENA_SIZE, 4):
            st(self.arena + offset, 0)
        st(self.arena + NEXT, self.arena)
        st(self.arena + ATTACHED, 1)
        for offset in range(0, PAR_SIZE, 4):
            st(self.par + offset, 0)
        for offset, value in (
            (TRIM_THRESHOLD, DEFAULT_THRESHOLD), (TOP_PAD, DEFAULT_TOP_PAD), (MMAP_THRESHOLD, DEFAULT_THRESHOLD),
            (ARENA_TEST, 2), (N_MMAPS_MAX, MMAPS_MAX), (TCACHE_BINS, NTCACHE), (TCACHE_MAX, (NTCACHE - 1) * 16 + 12),
            (TCACHE_COUNT, TCACHE_FILL),
        ):  # fmt: skip
            st(self.par + offset, value)

    @property
    def variables_loaded(self) -> bool:
        return self.ld(self.arena + NEXT) == self.arena

    def _init(self) -> None:
        """The first call: every bin empty, top an empty chunk (ptmalloc_init)."""
        for index in range(1, NBINS):
            header = self.arena + BINS - 16 + index * 8
            self.st(header + FD, header)
            self.st(header + FD + 4, header)
        self.st(self.arena + TOP, self.unsorted)

    def _tcache(self) -> int:
        """The thread's cache, made if there is none yet; 0 without memory for it."""
        cache = self.ld(self.tcache)
        if not cache:
            cache = self.int_malloc(TCACHE_SIZE)
            if cache:
                self.st(self.tcache, cache)
                self.mem.fill(cache, 0, TCACHE_SIZE)
        return cache

    def malloc(self, n: int) -> int:
        """Memory for `n` bytes, 16-byte aligned; 0 with errno ENOMEM."""
        ld = self.ld
        if not ld(self.arena + TOP):
            self._init()
        nb = (n + 19) & ~15
        if n > PTRDIFF_MAX:
            self.errno = "ENOMEM"
            return 0
        cache = ld(self.tcache) or self._tcache()
        index = (nb - 1) >> 4
        if index < NTCACHE and cache and index < ld(self.par + TCACHE_BINS):
            if ld(cache + (index >> 1) * 4) >> (index & 1) * 16 & 0xFFFF:
                return self.tcache_get(cache, index)
        return self.int_malloc(n)

    def free(self, mem: int) -> None:
        """Give back what malloc or its kin yielded; 0 is allowed."""
        if not mem:
            return
        ld, st, par = self.ld, self.st, self.par
        p = mem - HEADER & 0xFFFFFFFF
        head = ld(p + SIZE & 0xFFFFFFFF)
        if head & IS_MMAPPED:
            if not ld(par + NO_DYN) and ld(par + MMAP_THRESHOLD) < head <= MMAP_THRESHOLD_MAX:
                st(par + MMAP_THRESHOLD, head & ~7)
                st(par + TRIM_THRESHOLD, 2 * (head & ~7))
            self.munmap_chunk(p)
            return
        if not ld(self.tcache):
            self._tcache()
        self.int_free(p, False)

    def realloc(self, mem: int, n: int) -> int:
        """The block at `mem` with room for `n` bytes, moved if need be; 0 with errno ENOMEM, or freed when `n` is 0."""
        if not mem:
            return self.malloc(n)
        if n == 0:
            self.free(mem)
            return 0
        ld = self.ld
        if not ld(self.arena + TOP):
            self._init()
        old = mem - HEADER & 0xFFFFFFFF
        head = ld(old + SIZE & 0xFFFFFFFF)
        old_size = head & ~7
        if not head & IS_MMAPPED and not ld(self.tcache):
            self._tcache()
        if old > (-old_size & 0xFFFFFFFF) or mem & MASK:
            raise Abort("realloc(): invalid pointer")
        nb = request2size(n)
        if not nb:
            self.errno = "ENOMEM"
            return 0
        if not head & IS_MMAPPED:
            return self._int_realloc(old, head, nb)
        moved = self.mremap_chunk(old, nb)
        if moved:
            return moved + HEADER
        if old_size - 4 >= nb:
            return mem
        new = self.malloc(n)
        if new:
            self.mem.copy(new, mem, old_size - HEADER)
            self.munmap_chunk(old)
        return new

    def _int_realloc(self, old: int, head: int, nb: int) -> int:
        ld, st = self.ld, self.st
        old_size = head & ~7
        limit = ld(self.arena + SYSTEM_MEM)
        if head <= HEADER or old_size >= limit:
            raise Abort("realloc(): invalid old size")
        following = old + old_size
        next_head = ld(following + SIZE)
        next_size = next_head & ~7
        if next_head <= HEADER or next_size >= limit:
            raise Abort("realloc(): invalid next size")
        size = old_size
        if size < nb:
            size += next_size
            top = ld(self.arena + TOP)
            if following == top and size >= nb + MINSIZE:
                st(old + SIZE, ld(old + SIZE) & 7 | nb)
                st(self.arena + TOP, old + nb)
                st(old + nb + SIZE, size - nb | PREV_INUSE)
                return old + HEADER
            if following != top and size >= nb and not ld(following + next_size + SIZE) & PREV_INUSE:
                self.unlink_chunk(following)
            else:
                new = self.int_malloc(nb - MASK)
                if not new:
                    return 0
                if new - HEADER != following:
                    self.mem.copy(new, old + HEADER, old_size - 4)
                    self.int_free(old)
                    return new
                size = old_size + (ld(following + SIZE) & ~7)
        self._shrink(old, size, nb)
        return old + HEADER

    def _shrink(self, p: int, size: int, nb: int) -> None:
        """Chunk `p` has `size` bytes now and needs `nb`: free what is too much."""
        ld, st = self.ld, self.st
        bits = ld(p + SIZE) & 7
        if size - nb < MINSIZE:
            st(p + SIZE, bits | size)
            st(p + size + SIZE, ld(p + size + SIZE) | PREV_INUSE)
            return
        rest, left = p + nb, size - nb
        st(p + SIZE, bits | nb)
        st(rest + SIZE, left | PREV_INUSE)
        st(rest + left + SIZE, ld(rest + left + SIZE) | PREV_INUSE)
        self.int_free(rest)

    def memalign(self, alignment: int, n: int) -> int:
        """Memory for `n` bytes at a multiple of `alignment`, rounded up to a power of 2; 0: ENOMEM or EINVAL."""
        if not self.ld(self.arena + TOP):
            self._init()
        if alignment <= 16:
            return self.malloc(n)
        if alignment > 0x80000000:
            self.errno = "EINVAL"
            return 0
        if alignment & alignment - 1:
            alignment = max(32, 1 << (alignment - 1).bit_length())
        return self._int_memalign(alignment, n)

    def _int_memalign(self, alignment: int, n: int) -> int:
        ld, st = self.ld, self.st
        nb = request2size(n)
        if not nb or alignment > PTRDIFF_MAX:
            self.errno = "ENOMEM"
            return 0
        mem = self.int_malloc(nb + alignment + MINSIZE & 0xFFFFFFFF)
        if not mem:
            return 0
        p = mem - HEADER
        head = ld(p + SIZE)
        if mem & alignment - 1:
            place = (mem + alignment - 1 & -alignment) - HEADER
            if place - p < MINSIZE:
                place += alignment
            lead = place - p
            left = (head & ~7) - lead
            if head & IS_MMAPPED:
                st(place, ld(p) + lead)
                st(place + SIZE, left | IS_MMAPPED)
                return place + HEADER
            st(place + SIZE, left | PREV_INUSE)
            st(place + left + SIZE, ld(place + left + SIZE) | PREV_INUSE)
            st(p + SIZE, ld(p + SIZE) & 7 | lead)
            self.int_free(p)
            p = place
        head = ld(p + SIZE)
        if not head & IS_MMAPPED:
            size = head & ~7
            if size > nb + MINSIZE:
                rest = p + nb
                st(rest + SIZE, size - nb | PREV_INUSE)
                st(p + SIZE, ld(p + SIZE) & 7 | nb)
                self.int_free(rest)
        return p + HEADER

    def calloc(self, n: int, each: int = 1) -> int:
        """Zeroed memory for `n` elements of `each` bytes; fresh pages are not written. 0 with errno ENOMEM."""
        total = n * each
        if total > PTRDIFF_MAX:
            self.errno = "ENOMEM"
            return 0
        ld = self.ld
        if not ld(self.arena + TOP):
            self._init()
        if not ld(self.tcache):
            self._tcache()
        top = ld(self.arena + TOP)
        top_size = ld(top + SIZE) & ~7
        mem = self.int_malloc(total)
        if not mem:
            return 0
        head = ld(mem - HEADER + SIZE)
        if head & IS_MMAPPED:
            return mem
        size = head & ~7
        if mem - HEADER == top and size > top_size:
            size = top_size
        self.mem.fill(mem, 0, size - 4)
        return mem

    def malloc_usable_size(self, mem: int) -> int:
        """Bytes of the block at `mem` that the program may use; 0 for 0 and for a free chunk."""
        if not mem:
            return 0
        p = mem - HEADER & 0xFFFFFFFF
        head = self.ld(p + SIZE & 0xFFFFFFFF)
        size = head & ~7
        if head & IS_MMAPPED:
            return size - HEADER
        return size - 4 if self.ld(p + size + SIZE & 0xFFFFFFFF) & PREV_INUSE else 0

    def malloc_trim(self, pad: int = 0) -> int:
        """Give free pages back to the kernel, leaving `pad` bytes at the top; 1 if there were any."""
        if not self.ld(self.arena + TOP):
            self._init()
        return self.mtrim(pad)

    def mallinfo2(self) -> Mallinfo2:
        """struct mallinfo2."""
        if not self.ld(self.arena + TOP):
            self._init()
        return self.int_mallinfo()
