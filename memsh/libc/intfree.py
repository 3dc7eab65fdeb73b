"""free() of a chunk of the heap: cached, kept in a fast bin, or joined with its free neighbours
(malloc/malloc.c, _int_free, malloc_consolidate)."""

from __future__ import annotations

from memsh.libc.abi import IS_MMAPPED, PREV_INUSE, Abort
from memsh.libc.trim import Trim

FASTBIN_CONSOLIDATION_THRESHOLD = 65536


class IntFree(Trim):
    """Chunks given back."""

    __slots__ = ()

    def int_free(self, p: int, have_lock: bool = True) -> None:
        """Free chunk `p`. `have_lock` as in C: whether a fast bin's first chunk is looked at as well."""
        w, sz = self.w, self.sz
        head = w[p + sz]
        size = head & ~7
        mem = p + self.hdr
        if p > (-size & self.low) or mem & 15:
            raise Abort("free(): invalid pointer")
        if size < self.minsize or size & 15:
            raise Abort("free(): invalid size")
        index = size - self.tcache_first >> 4
        cache = w[self.tcache]
        if cache and index < w[self.mp.tcache_bins]:
            if w[mem + sz] == self.abi.tcache_key:
                self.check_double_free(cache, mem, index)
            place = 2 * index & sz - 1
            if w[cache + 2 * index - place] >> 8 * place & 0xFFFF < w[self.mp.tcache_count]:
                self.tcache_put(cache, mem, index)
                return
        if size <= w[self.global_max_fast]:
            self._free_fast(p, size, have_lock)
        elif head & IS_MMAPPED:
            self.munmap_chunk(p)
        else:
            self._free_normal(p, head, size)

    def free_perturb(self, p: int, size: int) -> None:
        """Overwrite what the program had, as mallopt(M_PERTURB) asked for it."""
        self.mem.fill(p + self.hdr, self.w[self.perturb_byte] & 0xFF, size - self.hdr)

    def _free_fast(self, p: int, size: int, have_lock: bool) -> None:
        w, st, sz, av, shift = self.w, self.st, self.sz, self.av, self.abi.fast_shift
        following = w[p + size + sz]
        if following <= self.hdr or following & ~7 >= w[av.system_mem]:
            raise Abort("free(): invalid next size (fast)")
        if w[self.perturb_byte]:
            self.free_perturb(p, size)
        st(av.have_fastchunks, 1)
        fb = av.fastbins + ((size >> shift) - 2) * sz
        old = w[fb]
        if old == p:
            raise Abort("double free or corruption (fasttop)")
        link = p + self.fd
        st(link, link >> 12 ^ old)
        st(fb, p)
        if have_lock and old and ((w[old + sz] & ~7) >> shift) != size >> shift:
            raise Abort("invalid fastbin entry (free)")

    def _free_normal(self, p: int, head: int, size: int) -> None:
        w, st, sz, av = self.w, self.st, self.sz, self.av
        following = p + size
        top = w[av.top]
        if p == top:
            raise Abort("double free or corruption (top)")
        if following >= top + (w[top + sz] & ~7) and self.contiguous():
            raise Abort("double free or corruption (out)")
        next_head = w[following + sz]
        if not next_head & PREV_INUSE:
            raise Abort("double free or corruption (!prev)")
        next_size = next_head & ~7
        if next_head <= self.hdr or next_size >= w[av.system_mem]:
            raise Abort("free(): invalid next size (normal)")
        if w[self.perturb_byte]:
            self.free_perturb(p, size)
        if not head & PREV_INUSE:
            before = w[p]
            size += before
            p = p - before & self.low
            if w[p + sz] & ~7 != before:
                raise Abort("corrupted size vs. prev_size while consolidating")
            self.unlink_chunk(p)
        if following != top:
            if w[following + next_size + sz] & PREV_INUSE:
                st(following + sz, w[following + sz] & ~1)
            else:
                self.unlink_chunk(following)
                size += next_size
            self.link_unsorted(p, size, "free(): corrupted unsorted chunks")
            st(p + sz, size | PREV_INUSE)
            st(p + size, size)
        else:
            size += next_size
            st(p + sz, size | PREV_INUSE)
            st(av.top, p)
        if size >= FASTBIN_CONSOLIDATION_THRESHOLD:
            if w[av.have_fastchunks]:
                self.malloc_consolidate()
            if self.non_main:
                self.heap_trim(self.heap_for_ptr(w[av.top]), w[self.mp.top_pad])
            elif w[w[av.top] + sz] & ~7 >= w[self.mp.trim_threshold]:
                self.systrim(w[self.mp.top_pad])

    def malloc_consolidate(self) -> None:
        """Free the chunks of all fast bins in earnest."""
        w, st, abi, av, sz, fd = self.w, self.st, self.abi, self.av, self.sz, self.fd
        st(av.have_fastchunks, 0)
        for index in range(abi.nfastbins):
            fb = av.fastbins + index * sz
            p = w[fb]
            if not p:
                continue
            st(fb, 0)
            while p:
                if p + self.hdr & 15:
                    raise Abort("malloc_consolidate(): unaligned fastbin chunk detected")
                head = w[p + sz]
                if abi.fastbin_index(head & ~7) != index:
                    raise Abort("malloc_consolidate(): invalid chunk size")
                following = p + fd >> 12 ^ w[p + fd]
                self._consolidate(p, head)
                p = following

    def _consolidate(self, p: int, head: int) -> None:
        w, st, sz, av = self.w, self.st, self.sz, self.av
        size = head & ~7
        following = p + size
        next_size = w[following + sz] & ~7
        if not head & PREV_INUSE:
            before = w[p]
            size += before
            p = p - before & self.low
            if w[p + sz] & ~7 != before:
                raise Abort("corrupted size vs. prev_size in fastbins")
            self.unlink_chunk(p)
        if following == w[av.top]:
            st(p + sz, size + next_size | PREV_INUSE)
            st(av.top, p)
            return
        if w[following + next_size + sz] & PREV_INUSE:
            st(following + sz, w[following + sz] & ~1)
        else:
            size += next_size
            self.unlink_chunk(following)
        bck = self.unsorted
        first = w[bck + self.fd]
        st(bck + self.fd, p)
        st(first + self.bk, p)
        if size >= self.min_large:
            st(p + self.fd_nextsize, 0)
            st(p + self.bk_nextsize, 0)
        st(p + sz, size | PREV_INUSE)
        st(p + self.bk, bck)
        st(p + self.fd, first)
        st(p + size, size)
