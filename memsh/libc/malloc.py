"""malloc and its kin as glibc 2.36 has them, on a machine of 4 or 8 bytes a word (malloc/malloc.c).

All state lies in the process's memory: the arena and the parameters among the program's variables, the thread's cache
and the chunks on the heap. So malloc's page faults are the real ones, and who overwrites its data breaks it for real.

One file for each part: abi (layout), memory (access), bins (lists), tcache, heaps, trim (back to the kernel), intfree,
system (brk and mmap), intmalloc, arena, mallopt, mallinfo.

Known deviations: no hooks; global_max_fast and perturb_byte lie behind the parameters, not in .bss.
"""

from __future__ import annotations

from memsh.libc.abi import (
    DEFAULT_MMAP_MAX,
    DEFAULT_THRESHOLD,
    DEFAULT_TOP_PAD,
    IS_MMAPPED,
    LEAST_HEAP_MAX_SIZE,
    NON_MAIN_ARENA,
    PREV_INUSE,
    TCACHE_FILL_COUNT,
    TCACHE_MAX_BINS,
    Abort,
)
from memsh.libc.mallinfo import Info


class Malloc(Info):
    """The functions of <malloc.h>. They answer 0 with `errno` set where C answers NULL; Abort where glibc aborts."""

    __slots__ = ()

    def load_variables(self) -> None:
        """Give the arena and the parameters the values that they have in the program's file."""
        st, av, mp, abi = self.st, self.av, self.mp, self.abi
        for addr in range(av.mutex, av.size, abi.word):
            st(addr, 0)
        st(av.next, self.main_arena)
        st(av.attached_threads, 1)
        for addr in range(mp.trim_threshold, self.perturb_byte + abi.word, abi.word):
            st(addr, 0)
        for addr, value in (
            (mp.trim_threshold, DEFAULT_THRESHOLD), (mp.top_pad, DEFAULT_TOP_PAD),
            (mp.mmap_threshold, DEFAULT_THRESHOLD), (mp.arena_test, abi.arenas_per_core),
            (mp.tcache_bins, TCACHE_MAX_BINS), (mp.tcache_max_bytes, abi.max_tcache_size),
            (mp.tcache_count, TCACHE_FILL_COUNT),
        ):  # fmt: skip
            st(addr, value)
        self.store_int(mp.n_mmaps_max, DEFAULT_MMAP_MAX)

    @property
    def variables_loaded(self) -> bool:
        """Whether the list of arenas is one: the main one, or the last one made, which begins a heap."""
        av = self.av if self.arena == self.main_arena else self.abi.state_at(self.main_arena)
        following = self.w[av.next]
        return following == self.main_arena or following % LEAST_HEAP_MAX_SIZE == self.abi.heap_info

    def malloc(self, n: int) -> int:
        """Memory for `n` bytes, 16-byte aligned; 0 with errno ENOMEM."""
        w = self.w
        if not w[self.main_top]:
            self.start()
        nb = self.abi.request2size(n)
        if not nb:
            self.errno = "ENOMEM"
            return 0
        cache = w[self.tcache] or self.tcache_init()
        index = nb - self.tcache_first >> 4
        if cache and index < w[self.mp.tcache_bins]:
            place = 2 * index & self.sz - 1
            if w[cache + 2 * index - place] >> 8 * place & 0xFFFF:
                return self.tcache_get(cache, index)
        return self.locked(n)

    def free(self, mem: int) -> None:
        """Give back what malloc or its kin yielded; 0 is allowed."""
        if not mem:
            return
        w, mp = self.w, self.mp
        p = mem - self.hdr & self.low
        head = w[p + self.sz & self.low]
        if head & IS_MMAPPED:
            if not self.load_int(mp.no_dyn_threshold):
                if w[mp.mmap_threshold] < head <= self.abi.mmap_threshold_max:
                    self.st(mp.mmap_threshold, head & ~7)
                    self.st(mp.trim_threshold, 2 * (head & ~7))
            self.munmap_chunk(p)
            return
        if not w[self.tcache]:
            self.tcache_init()
        arena = w[self.heap_for_ptr(p)] if head & NON_MAIN_ARENA else self.main_arena
        if arena != self.arena:
            self.use(arena)
        self.int_free(p, False)

    def realloc(self, mem: int, n: int) -> int:
        """The block at `mem` with room for `n` bytes, moved if need be; 0 with errno ENOMEM, or freed when `n` is 0."""
        w = self.w
        self.start()
        if not mem:
            return self.malloc(n)
        if n == 0:
            self.free(mem)
            return 0
        old = mem - self.hdr & self.low
        head = w[old + self.sz & self.low]
        old_size = head & ~7
        if not head & IS_MMAPPED:
            if not w[self.tcache]:
                self.tcache_init()
            self.use(self.arena_for_chunk(old))
        if old > (-old_size & self.low) or mem & 15:
            raise Abort("realloc(): invalid pointer")
        nb = self.abi.request2size(n)
        if not nb:
            self.errno = "ENOMEM"
            return 0
        if not head & IS_MMAPPED:
            new = self._int_realloc(old, head, nb)
            return new if new or not self.threaded else self._try_harder(old, n)
        moved = self.mremap_chunk(old, nb)
        if moved:
            return moved + self.hdr
        if old_size - self.sz >= nb:
            return mem
        new = self.malloc(n)
        if new:
            self.mem.copy(new, mem, old_size - self.hdr)
            self.munmap_chunk(old)
        return new

    def _try_harder(self, old: int, n: int) -> int:
        """realloc() where the block's own arena has no more: copy it into another one."""
        arena = self.arena
        new = self.malloc(n)
        if new:
            self.mem.copy(new, old + self.hdr, (self.w[old + self.sz] & ~7) - self.sz)
            self.use(arena)
            self.int_free(old, False)
        return new

    def _int_realloc(self, old: int, head: int, nb: int) -> int:
        w, st, av, sz, hdr = self.w, self.st, self.av, self.sz, self.hdr
        old_size = head & ~7
        limit = w[av.system_mem]
        if head <= hdr or old_size >= limit:
            raise Abort("realloc(): invalid old size")
        following = old + old_size
        next_head = w[following + sz]
        next_size = next_head & ~7
        if next_head <= hdr or next_size >= limit:
            raise Abort("realloc(): invalid next size")
        size = old_size
        if size < nb:
            size += next_size
            top = w[av.top]
            if following == top and size >= nb + self.minsize:
                st(old + sz, w[old + sz] & 7 | nb)
                st(av.top, old + nb)
                st(old + nb + sz, size - nb | PREV_INUSE)
                return old + hdr
            if following != top and size >= nb and not w[following + next_size + sz] & PREV_INUSE:
                self.unlink_chunk(following)
            else:
                new = self.int_malloc(nb - self.abi.mask)
                if not new:
                    return 0
                if new - hdr != following:
                    self.mem.copy(new, old + hdr, old_size - sz)
                    self.int_free(old)
                    return new
                size = old_size + (w[following + sz] & ~7)
        self._shrink(old, size, nb)
        return old + hdr

    def _shrink(self, p: int, size: int, nb: int) -> None:
        """Chunk `p` has `size` bytes now and needs `nb`: free what is too much."""
        w, st, sz = self.w, self.st, self.sz
        bits = w[p + sz] & 7
        if size - nb < self.minsize:
            st(p + sz, bits | size)
            st(p + size + sz, w[p + size + sz] | PREV_INUSE)
            return
        rest, left = p + nb, size - nb
        st(p + sz, bits | nb)
        st(rest + sz, left | PREV_INUSE | self.non_main)
        st(rest + left + sz, w[rest + left + sz] | PREV_INUSE)
        self.int_free(rest)

    def memalign(self, alignment: int, n: int) -> int:
        """Memory for `n` bytes at a multiple of `alignment`, rounded up to a power of 2; 0: ENOMEM or EINVAL."""
        self.start()
        if alignment <= self.abi.alignment:
            return self.malloc(n)
        alignment = max(alignment, self.minsize)
        if alignment > self.abi.ptrdiff_max + 1:
            self.errno = "EINVAL"
            return 0
        if alignment & alignment - 1:
            alignment = max(2 * self.abi.alignment, 1 << (alignment - 1).bit_length())
        self.arena_get(n + alignment + self.minsize)
        mem = self._int_memalign(alignment, n)
        if not mem and self.threaded:
            self.arena_get_retry(n)
            mem = self._int_memalign(alignment, n)
        return mem

    def _int_memalign(self, alignment: int, n: int) -> int:
        w, st, sz, hdr = self.w, self.st, self.sz, self.hdr
        nb = self.abi.request2size(n)
        if not nb or alignment > self.abi.ptrdiff_max:
            self.errno = "ENOMEM"
            return 0
        mem = self.int_malloc(nb + alignment + self.minsize & self.low)
        if not mem:
            return 0
        p = mem - hdr
        head = w[p + sz]
        if mem & alignment - 1:
            place = (mem + alignment - 1 & -alignment) - hdr
            if place - p < self.minsize:
                place += alignment
            lead = place - p
            left = (head & ~7) - lead
            if head & IS_MMAPPED:
                st(place, w[p] + lead)
                st(place + sz, left | IS_MMAPPED)
                return place + hdr
            st(place + sz, left | PREV_INUSE | self.non_main)
            st(place + left + sz, w[place + left + sz] | PREV_INUSE)
            st(p + sz, w[p + sz] & 7 | lead)
            self.int_free(p)
            p = place
        head = w[p + sz]
        if not head & IS_MMAPPED:
            size = head & ~7
            if size > nb + self.minsize:
                rest = p + nb
                st(rest + sz, size - nb | PREV_INUSE | self.non_main)
                st(p + sz, w[p + sz] & 7 | nb)
                self.int_free(rest)
        return p + hdr

    def calloc(self, n: int, each: int = 1) -> int:
        """Zeroed memory for `n` elements of `each` bytes; fresh pages are not written. 0 with errno ENOMEM."""
        total = n * each
        if total > self.abi.ptrdiff_max:
            self.errno = "ENOMEM"
            return 0
        w, sz = self.w, self.sz
        self.start()
        if not w[self.tcache]:
            self.tcache_init()
        self.arena_get(total)
        top = w[self.av.top]
        used = w[top + sz] & ~7  # measured: what was trimmed and regained is not cleared, the kernel gives zeros
        if self.non_main:
            heap = self.heap_for_ptr(top)
            used = max(used, heap + w[heap + 3 * sz] - top)
        mem = self.locked(total)
        if not mem:
            return 0
        head = w[mem - self.hdr + sz]
        perturbed = w[self.perturb_byte]
        if head & IS_MMAPPED:
            if perturbed:
                self.mem.fill(mem, 0, total)
            return mem
        size = head & ~7
        if not perturbed and mem - self.hdr == top and size > used:
            size = used
        self.mem.fill(mem, 0, size - sz)
        return mem

    def malloc_usable_size(self, mem: int) -> int:
        """Bytes of the block at `mem` that the program may use; 0 for 0 and for a free chunk."""
        if not mem:
            return 0
        w = self.w
        p = mem - self.hdr & self.low
        head = w[p + self.sz & self.low]
        size = head & ~7
        if head & IS_MMAPPED:
            return size - self.hdr & self.low
        return size - self.sz & self.low if w[p + size + self.sz & self.low] & PREV_INUSE else 0
