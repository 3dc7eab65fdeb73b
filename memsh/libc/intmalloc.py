"""The search for a chunk: fast bin, small bin, unsorted list, large bin, larger bins, top, system
(malloc/malloc.c, _int_malloc)."""

from __future__ import annotations

from memsh.libc.chunk import (
    BINMAP,
    BINS,
    BK,
    BK_NEXT,
    FASTBINS,
    FD,
    FD_NEXT,
    HAVE_FAST,
    HEADER,
    LAST_REMAINDER,
    MAX_FAST,
    MIN_LARGE,
    MINSIZE,
    PREV_INUSE,
    SIZE,
    SYSTEM_MEM,
    TCACHE_BINS,
    TCACHE_COUNT,
    TOP,
    Abort,
    largebin_index,
    request2size,
)
from memsh.libc.intfree import IntFree
from memsh.libc.system import ASSERTION

MAX_ITERS = 10000


class IntMalloc(IntFree):
    """Chunks handed out."""

    def int_malloc(self, request: int) -> int:
        """Memory for `request` bytes from the heap, bypassing the thread's cache; 0 with errno ENOMEM."""
        ld, arena = self.ld, self.arena
        nb = request2size(request)
        if not nb:
            self.errno = "ENOMEM"
            return 0
        if nb <= MAX_FAST:
            mem = self._from_fastbin(nb)
            if mem:
                return mem
        if nb < MIN_LARGE:
            mem = self._from_smallbin(nb)
            if mem:
                return mem
            index = (nb >> 4) + 1
        else:
            index = largebin_index(nb)
            if ld(arena + HAVE_FAST):
                self.malloc_consolidate()
        cached = False
        while True:
            if ld(self.unsorted + BK) != self.unsorted:
                mem, cached = self._from_unsorted(nb, cached)
                if mem:
                    return mem
            if cached:
                return self.tcache_get(ld(self.tcache), (nb - 1) >> 4)
            if nb >= MIN_LARGE:
                mem = self._from_largebin(nb, index)
                if mem:
                    return mem
            mem = self._from_larger(nb, index + 1) or self._from_top(nb)
            if mem:
                return mem
            if not ld(arena + HAVE_FAST):
                return self.sysmalloc(nb)
            self.malloc_consolidate()

    def _room(self, nb: int) -> int:
        """How many more chunks of `nb` bytes the thread's cache takes."""
        ld = self.ld
        cache, index = ld(self.tcache), (nb - 1) >> 4
        if not cache or index >= ld(self.par + TCACHE_BINS):
            return 0
        return max(0, ld(self.par + TCACHE_COUNT) - self.tcache_count(cache, index))

    def _from_fastbin(self, nb: int) -> int:
        ld, st = self.ld, self.st
        index = (nb >> 3) - 2
        fb = self.arena + FASTBINS + index * 4
        victim = ld(fb)
        if not victim:
            return 0
        if victim + HEADER & 15:
            raise Abort("malloc(): unaligned fastbin chunk detected 2")
        st(fb, victim + FD >> 12 ^ ld(victim + FD))
        if ((ld(victim + SIZE) & ~7) >> 3) - 2 != index:
            raise Abort("malloc(): memory corruption (fast)")
        for _ in range(self._room(nb)):
            other = ld(fb)
            if not other:
                break
            if other + HEADER & 15:
                raise Abort("malloc(): unaligned fastbin chunk detected 3")
            st(fb, other + FD >> 12 ^ ld(other + FD))
            self.tcache_put(ld(self.tcache), other + HEADER, (nb - 1) >> 4)
        return victim + HEADER

    def _from_smallbin(self, nb: int) -> int:
        ld, st = self.ld, self.st
        header = self.arena + BINS - 8 + (nb >> 4) * 8
        victim = ld(header + BK)
        if victim == header:
            return 0
        bck = ld(victim + BK)
        if ld(bck + FD) != victim:
            raise Abort("malloc(): smallbin double linked list corrupted")
        st(victim + nb + SIZE, ld(victim + nb + SIZE) | PREV_INUSE)
        st(header + BK, bck)
        st(bck + FD, header)
        if bck == header:
            return victim + HEADER
        room, cache = self._room(nb), ld(self.tcache)
        while room:
            other = ld(header + BK)
            if other == header:
                break
            if not other:
                continue
            bck = ld(other + BK)
            st(other + nb + SIZE, ld(other + nb + SIZE) | PREV_INUSE)
            st(header + BK, bck)
            st(bck + FD, header)
            self.tcache_put(cache, other + HEADER, (nb - 1) >> 4)
            room -= 1
        return victim + HEADER

    def _checked(self, victim: int, bck: int) -> int:
        """The size of the unsorted list's last chunk, whose neighbours in memory and on the list must agree."""
        ld = self.ld
        size = ld(victim + SIZE) & ~7
        following = victim + size & 0xFFFFFFFF
        limit = ld(self.arena + SYSTEM_MEM)
        if size <= HEADER or size > limit:
            raise Abort("malloc(): invalid size (unsorted)")
        next_head = ld(following + SIZE)
        if not HEADER <= next_head <= limit:
            raise Abort("malloc(): invalid next size (unsorted)")
        if ld(following) & ~7 != size:
            raise Abort("malloc(): mismatching next->prev_size (unsorted)")
        if ld(bck + FD) != victim or ld(victim + FD) != self.unsorted:
            raise Abort("malloc(): unsorted double linked list corrupted")
        if next_head & PREV_INUSE:
            raise Abort("malloc(): invalid next->prev_inuse (unsorted)")
        return size

    def _from_unsorted(self, nb: int, cached: bool) -> tuple[int, bool]:
        """Sort the unsorted list into the bins until a chunk fits; what fits goes to the cache first: `cached`."""
        ld, st = self.ld, self.st
        unsorted = self.unsorted
        room = self._room(nb)
        for _ in range(MAX_ITERS):
            victim = ld(unsorted + BK)
            if victim == unsorted:
                break
            bck = ld(victim + BK)
            size = self._checked(victim, bck)
            while size == nb or bck == unsorted:
                if nb < MIN_LARGE and bck == unsorted and size > nb + MINSIZE:
                    if victim == ld(self.arena + LAST_REMAINDER):
                        return self._split_last(victim, nb, size - nb), cached
                if size != nb:
                    break
                st(unsorted + BK, bck)
                st(bck + FD, unsorted)
                st(victim + size + SIZE, ld(victim + size + SIZE) | PREV_INUSE)
                if not room:
                    return victim + HEADER, cached
                self.tcache_put(ld(self.tcache), victim + HEADER, (nb - 1) >> 4)
                room -= 1
                cached = True
                victim = ld(unsorted + BK)
                if victim == unsorted:
                    return 0, cached
                bck = ld(victim + BK)
                size = self._checked(victim, bck)
            st(unsorted + BK, bck)
            st(bck + FD, unsorted)
            self.place(victim, size)
        return 0, cached

    def _split_last(self, victim: int, nb: int, left: int) -> int:
        """Cut a small request from the last remainder, which stays alone on the unsorted list."""
        st, unsorted = self.st, self.unsorted
        remainder = victim + nb
        st(unsorted + FD, remainder)
        st(unsorted + BK, remainder)
        st(self.arena + LAST_REMAINDER, remainder)
        st(remainder + FD, unsorted)
        st(remainder + BK, unsorted)
        if left >= MIN_LARGE:
            st(remainder + FD_NEXT, 0)
            st(remainder + BK_NEXT, 0)
        st(victim + SIZE, nb | PREV_INUSE)
        st(remainder + SIZE, left | PREV_INUSE)
        st(remainder + left, left)
        return victim + HEADER

    def _take(self, victim: int, size: int, nb: int, complaint: str, last: bool) -> int:
        """Take `nb` bytes of a free chunk off its list; what is left goes to the unsorted list."""
        st = self.st
        self.unlink_chunk(victim)
        left = size - nb
        if left < MINSIZE:
            word = victim + size + SIZE
            st(word, self.ld(word) | PREV_INUSE)
            return victim + HEADER
        remainder = victim + nb
        self.link_unsorted(remainder, left, complaint)
        if last:
            st(self.arena + LAST_REMAINDER, remainder)
        st(victim + SIZE, nb | PREV_INUSE)
        st(remainder + SIZE, left | PREV_INUSE)
        st(remainder + left, left)
        return victim + HEADER

    def _from_largebin(self, nb: int, index: int) -> int:
        """The smallest chunk of the request's own large bin that is large enough."""
        ld = self.ld
        header = self.arena + BINS - 16 + index * 8
        victim = ld(header + FD)
        if victim == header or ld(victim + SIZE) < nb:
            return 0
        victim = ld(victim + BK_NEXT)
        size = ld(victim + SIZE) & ~7
        while size < nb:
            victim = ld(victim + BK_NEXT)
            size = ld(victim + SIZE) & ~7
        if victim != ld(header + BK) and ld(victim + SIZE) == ld(ld(victim + FD) + SIZE):
            victim = ld(victim + FD)
        return self._take(victim, size, nb, "malloc(): corrupted unsorted chunks", False)

    def _from_larger(self, nb: int, index: int) -> int:
        """The last chunk of the first bin from `index` up that has any."""
        ld, arena = self.ld, self.arena
        block = index >> 5
        found = ld(arena + BINMAP + block * 4)
        bits = found >> (index & 31) << (index & 31)
        while True:
            while not bits:
                block += 1
                if block >= 4:
                    return 0
                found = bits = ld(arena + BINMAP + block * 4)
            bit = bits & -bits
            header = arena + BINS - 16 + (block * 32 + bit.bit_length() - 1) * 8
            victim = ld(header + BK)
            if victim == header:
                found &= ~bit
                bits &= ~bit
                self.st(arena + BINMAP + block * 4, found)
                continue
            size = ld(victim + SIZE) & ~7
            if size < nb:
                raise Abort(ASSERTION.format("_int_malloc", "(unsigned long) (size) >= (unsigned long) (nb)"))
            return self._take(victim, size, nb, "malloc(): corrupted unsorted chunks 2", nb < MIN_LARGE)

    def _from_top(self, nb: int) -> int:
        """Cut the request from the top chunk."""
        ld, st, arena = self.ld, self.st, self.arena
        victim = ld(arena + TOP)
        size = ld(victim + SIZE) & ~7
        if size > ld(arena + SYSTEM_MEM):
            raise Abort("malloc(): corrupted top size")
        if size < nb + MINSIZE:
            return 0
        remainder = victim + nb
        st(arena + TOP, remainder)
        st(victim + SIZE, nb | PREV_INUSE)
        st(remainder + SIZE, size - nb | PREV_INUSE)
        return victim + HEADER
