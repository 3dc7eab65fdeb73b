"""The search for a chunk: fast bin, small bin, unsorted list, large bin, larger bins, top, system
(malloc/malloc.c, _int_malloc)."""

from __future__ import annotations

from memsh.libc.abi import NBINS, PREV_INUSE, Abort
from memsh.libc.system import ASSERTION, System

MAX_ITERS = 10000


class IntMalloc(System):
    """Chunks handed out."""

    __slots__ = ()

    def int_malloc(self, request: int) -> int:
        """Memory for `request` bytes from the heap, bypassing the thread's cache; 0 with errno ENOMEM."""
        nb = self.abi.request2size(request)
        if not nb:
            self.errno = "ENOMEM"
            return 0
        mem = self._search(nb)
        if mem and self.w[self.perturb_byte]:
            self.alloc_perturb(mem, request)
        return mem

    def alloc_perturb(self, mem: int, n: int) -> None:
        """Fill fresh memory, as mallopt(M_PERTURB) asked for it."""
        self.mem.fill(mem, self.w[self.perturb_byte] & 0xFF ^ 0xFF, n)

    def _search(self, nb: int) -> int:
        w, av, abi = self.w, self.av, self.abi
        if nb <= w[self.global_max_fast]:
            mem = self._from_fastbin(nb)
            if mem:
                return mem
        small = nb < self.min_large
        if small:
            mem = self._from_smallbin(nb)
            if mem:
                return mem
            index = (nb >> 4) + abi.small_shift
        else:
            index = abi.largebin_index(nb)
            if w[av.have_fastchunks]:
                self.malloc_consolidate()
        cached = False
        unsorted = self.unsorted
        while True:
            if w[unsorted + self.bk] != unsorted:
                mem, cached = self._from_unsorted(nb, cached)
                if mem:
                    return mem
            if cached:
                return self.tcache_get(w[self.tcache], nb - self.tcache_first >> 4)
            if not small:
                mem = self._from_largebin(nb, index)
                if mem:
                    return mem
            mem = self._from_larger(nb, index + 1) or self._from_top(nb)
            if mem:
                return mem
            if not w[av.have_fastchunks]:
                return self.sysmalloc(nb)
            self.malloc_consolidate()

    def _room(self, nb: int) -> int:
        """How many more chunks of `nb` bytes the thread's cache takes."""
        w = self.w
        cache, index = w[self.tcache], nb - self.tcache_first >> 4
        if not cache or index >= w[self.mp.tcache_bins]:
            return 0
        return max(0, w[self.mp.tcache_count] - self.tcache_count(cache, index))

    def _from_fastbin(self, nb: int) -> int:
        w, st, sz, fd, shift = self.w, self.st, self.sz, self.fd, self.abi.fast_shift
        index = (nb >> shift) - 2
        fb = self.av.fastbins + index * sz
        victim = w[fb]
        if not victim:
            return 0
        if victim + self.hdr & 15:
            raise Abort("malloc(): unaligned fastbin chunk detected 2")
        st(fb, victim + fd >> 12 ^ w[victim + fd])
        if ((w[victim + sz] & ~7) >> shift) - 2 != index:
            raise Abort("malloc(): memory corruption (fast)")
        for _ in range(self._room(nb)):
            other = w[fb]
            if not other:
                break
            if other + self.hdr & 15:
                raise Abort("malloc(): unaligned fastbin chunk detected 3")
            st(fb, other + fd >> 12 ^ w[other + fd])
            self.tcache_put(w[self.tcache], other + self.hdr, nb - self.tcache_first >> 4)
        return victim + self.hdr

    def _set_inuse(self, p: int, size: int) -> None:
        """Chunk `p` of `size` bytes leaves the free lists whole."""
        word = p + size + self.sz
        self.st(word, self.w[word] | PREV_INUSE)
        if self.non_main:
            self.st(p + self.sz, self.w[p + self.sz] | self.non_main)

    def _from_smallbin(self, nb: int) -> int:
        w, st, hdr, fd, bk = self.w, self.st, self.hdr, self.fd, self.bk
        header = self.bin0 + ((nb >> 4) + self.abi.small_shift) * hdr
        victim = w[header + bk]
        if victim == header:
            return 0
        bck = w[victim + bk]
        if w[bck + fd] != victim:
            raise Abort("malloc(): smallbin double linked list corrupted")
        self._set_inuse(victim, nb)
        st(header + bk, bck)
        st(bck + fd, header)
        if bck == header:
            return victim + hdr
        room, cache = self._room(nb), w[self.tcache]
        while room:
            other = w[header + bk]
            if other == header:
                break
            if not other:
                continue
            bck = w[other + bk]
            self._set_inuse(other, nb)
            st(header + bk, bck)
            st(bck + fd, header)
            self.tcache_put(cache, other + hdr, nb - self.tcache_first >> 4)
            room -= 1
        return victim + hdr

    def _checked(self, victim: int, bck: int) -> int:
        """The size of the unsorted list's last chunk, whose neighbours in memory and on the list must agree."""
        w, sz, fd, hdr = self.w, self.sz, self.fd, self.hdr
        size = w[victim + sz] & ~7
        following = victim + size & self.low
        limit = w[self.av.system_mem]
        if size <= hdr or size > limit:
            raise Abort("malloc(): invalid size (unsorted)")
        next_head = w[following + sz]
        if not hdr <= next_head <= limit:
            raise Abort("malloc(): invalid next size (unsorted)")
        if w[following] & ~7 != size:
            raise Abort("malloc(): mismatching next->prev_size (unsorted)")
        if w[bck + fd] != victim or w[victim + fd] != self.unsorted:
            raise Abort("malloc(): unsorted double linked list corrupted")
        if next_head & PREV_INUSE:
            raise Abort("malloc(): invalid next->prev_inuse (unsorted)")
        return size

    def _from_unsorted(self, nb: int, cached: bool) -> tuple[int, bool]:
        """Sort the unsorted list into the bins until a chunk fits; what fits goes to the cache first: `cached`."""
        w, st, fd, bk = self.w, self.st, self.fd, self.bk
        unsorted = self.unsorted
        room, index = self._room(nb), nb - self.tcache_first >> 4
        for placed in range(1, MAX_ITERS + 1):
            victim = w[unsorted + bk]
            if victim == unsorted:
                break
            bck = w[victim + bk]
            size = self._checked(victim, bck)
            while size == nb or bck == unsorted:
                if nb < self.min_large and bck == unsorted and size > nb + self.minsize:
                    if victim == w[self.av.last_remainder]:
                        return self._split_last(victim, nb, size - nb), cached
                if size != nb:
                    break
                st(unsorted + bk, bck)
                st(bck + fd, unsorted)
                self._set_inuse(victim, size)
                if not room:
                    return victim + self.hdr, cached
                self.tcache_put(w[self.tcache], victim + self.hdr, index)
                room -= 1
                cached = True
                victim = w[unsorted + bk]
                if victim == unsorted:
                    return 0, cached
                bck = w[victim + bk]
                size = self._checked(victim, bck)
            st(unsorted + bk, bck)
            st(bck + fd, unsorted)
            self.place(victim, size)
            if cached and placed > (w[self.mp.tcache_unsorted_limit] or MAX_ITERS):
                return self.tcache_get(w[self.tcache], index), cached
        return 0, cached

    def _split_last(self, victim: int, nb: int, left: int) -> int:
        """Cut a small request from the last remainder, which stays alone on the unsorted list."""
        st, unsorted, sz, fd, bk = self.st, self.unsorted, self.sz, self.fd, self.bk
        remainder = victim + nb
        st(unsorted + fd, remainder)
        st(unsorted + bk, remainder)
        st(self.av.last_remainder, remainder)
        st(remainder + fd, unsorted)
        st(remainder + bk, unsorted)
        if left >= self.min_large:
            st(remainder + self.fd_nextsize, 0)
            st(remainder + self.bk_nextsize, 0)
        st(victim + sz, nb | PREV_INUSE | self.non_main)
        st(remainder + sz, left | PREV_INUSE)
        st(remainder + left, left)
        return victim + self.hdr

    def _take(self, victim: int, size: int, nb: int, complaint: str, last: bool) -> int:
        """Take `nb` bytes of a free chunk off its list; what is left goes to the unsorted list."""
        st, sz = self.st, self.sz
        self.unlink_chunk(victim)
        left = size - nb
        if left < self.minsize:
            self._set_inuse(victim, size)
            return victim + self.hdr
        remainder = victim + nb
        self.link_unsorted(remainder, left, complaint)
        if last:
            st(self.av.last_remainder, remainder)
        st(victim + sz, nb | PREV_INUSE | self.non_main)
        st(remainder + sz, left | PREV_INUSE)
        st(remainder + left, left)
        return victim + self.hdr

    def _from_largebin(self, nb: int, index: int) -> int:
        """The smallest chunk of the request's own large bin that is large enough."""
        w, sz, fd, bk_next = self.w, self.sz, self.fd, self.bk_nextsize
        header = self.bin0 + index * self.hdr
        victim = w[header + fd]
        if victim == header or w[victim + sz] < nb:
            return 0
        victim = w[victim + bk_next]
        size = w[victim + sz] & ~7
        while size < nb:
            victim = w[victim + bk_next]
            size = w[victim + sz] & ~7
        if victim != w[header + self.bk] and w[victim + sz] == w[w[victim + fd] + sz]:
            victim = w[victim + fd]
        return self._take(victim, size, nb, "malloc(): corrupted unsorted chunks", False)

    def _from_larger(self, nb: int, index: int) -> int:
        """The last chunk of the first bin from `index` up that has any."""
        w, sz, av, shift = self.w, self.sz, self.av, self.abi.map_shift
        block = index >> shift
        word = av.binmap + block * sz
        found = w[word]
        first = index & (1 << shift) - 1
        bits = found >> first << first
        while True:
            while not bits:
                block += 1
                word += sz
                if block >= NBINS >> shift:
                    return 0
                found = bits = w[word]
            bit = bits & -bits
            header = self.bin0 + ((block << shift) + bit.bit_length() - 1) * self.hdr
            victim = w[header + self.bk]
            if victim == header:
                found &= ~bit
                bits &= ~bit
                self.st(word, found)
                continue
            size = w[victim + sz] & ~7
            if size < nb:
                raise Abort(ASSERTION.format("_int_malloc", "(unsigned long) (size) >= (unsigned long) (nb)"))
            return self._take(victim, size, nb, "malloc(): corrupted unsorted chunks 2", nb < self.min_large)

    def _from_top(self, nb: int) -> int:
        """Cut the request from the top chunk."""
        w, st, sz, av = self.w, self.st, self.sz, self.av
        victim = w[av.top]
        size = w[victim + sz] & ~7
        if size > w[av.system_mem]:
            raise Abort("malloc(): corrupted top size")
        if size < nb + self.minsize:
            return 0
        remainder = victim + nb
        st(av.top, remainder)
        st(victim + sz, nb | PREV_INUSE | self.non_main)
        st(remainder + sz, size - nb | PREV_INUSE)
        return victim + self.hdr
