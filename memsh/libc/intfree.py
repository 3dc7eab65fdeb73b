"""free() of a chunk of the heap: cached, kept in a fast bin, or joined with its free neighbours
(malloc/malloc.c, _int_free, malloc_consolidate)."""

from __future__ import annotations

from memsh.libc.chunk import (
    BK,
    BK_NEXT,
    FASTBINS,
    FD,
    FD_NEXT,
    FLAGS,
    HAVE_FAST,
    HEADER,
    MAX_FAST,
    MIN_LARGE,
    MINSIZE,
    NFASTBINS,
    NONCONTIGUOUS,
    PREV_INUSE,
    SIZE,
    SYSTEM_MEM,
    TCACHE_BINS,
    TCACHE_COUNT,
    TCACHE_KEY,
    TOP,
    TOP_PAD,
    TRIM_THRESHOLD,
    Abort,
)
from memsh.libc.system import System

CONSOLIDATION_THRESHOLD = 65536


class IntFree(System):
    """Chunks given back."""

    def int_free(self, p: int, have_lock: bool = True) -> None:
        """Free chunk `p`. `have_lock` as in C: whether a fast bin's first chunk is looked at as well."""
        ld = self.ld
        head = ld(p + SIZE)
        size = head & ~7
        if p > (-size & 0xFFFFFFFF) or p + HEADER & 15:
            raise Abort("free(): invalid pointer")
        if size < MINSIZE or size & 15:
            raise Abort("free(): invalid size")
        index = (size - 1) >> 4
        cache = ld(self.tcache)
        if cache and index < ld(self.par + TCACHE_BINS):
            mem = p + HEADER
            if ld(mem + 4) == TCACHE_KEY:
                self.check_double_free(cache, mem, index)
            if ld(cache + (index >> 1) * 4) >> (index & 1) * 16 & 0xFFFF < ld(self.par + TCACHE_COUNT):
                self.tcache_put(cache, mem, index)
                return
        if size <= MAX_FAST:
            self._free_fast(p, size, have_lock)
        elif head & 2:
            self.munmap_chunk(p)
        else:
            self._free_normal(p, head, size)

    def _free_fast(self, p: int, size: int, have_lock: bool) -> None:
        ld, st, arena = self.ld, self.st, self.arena
        following = ld(p + size + SIZE)
        if following <= HEADER or following & ~7 >= ld(arena + SYSTEM_MEM):
            raise Abort("free(): invalid next size (fast)")
        st(arena + HAVE_FAST, 1)
        fb = arena + FASTBINS + ((size >> 3) - 2) * 4
        old = ld(fb)
        if old == p:
            raise Abort("double free or corruption (fasttop)")
        st(p + FD, p + FD >> 12 ^ old)
        st(fb, p)
        if have_lock and old and ((ld(old + SIZE) & ~7) >> 3) != size >> 3:
            raise Abort("invalid fastbin entry (free)")

    def _free_normal(self, p: int, head: int, size: int) -> None:
        ld, st, arena = self.ld, self.st, self.arena
        following = p + size
        top = ld(arena + TOP)
        if p == top:
            raise Abort("double free or corruption (top)")
        if not ld(arena + FLAGS) & NONCONTIGUOUS and following >= top + (ld(top + SIZE) & ~7):
            raise Abort("double free or corruption (out)")
        next_head = ld(following + SIZE)
        if not next_head & PREV_INUSE:
            raise Abort("double free or corruption (!prev)")
        next_size = next_head & ~7
        if next_head <= HEADER or next_size >= ld(arena + SYSTEM_MEM):
            raise Abort("free(): invalid next size (normal)")
        if not head & PREV_INUSE:
            before = ld(p)
            size += before
            p = p - before & 0xFFFFFFFF
            if ld(p + SIZE) & ~7 != before:
                raise Abort("corrupted size vs. prev_size while consolidating")
            self.unlink_chunk(p)
        if following != top:
            if ld(following + next_size + SIZE) & PREV_INUSE:
                st(following + SIZE, ld(following + SIZE) & ~1)
            else:
                self.unlink_chunk(following)
                size += next_size
            self.link_unsorted(p, size, "free(): corrupted unsorted chunks")
            st(p + SIZE, size | PREV_INUSE)
            st(p + size, size)
        else:
            size += next_size
            st(p + SIZE, size | PREV_INUSE)
            st(arena + TOP, p)
        if size >= CONSOLIDATION_THRESHOLD:
            if ld(arena + HAVE_FAST):
                self.malloc_consolidate()
            if ld(ld(arena + TOP) + SIZE) & ~7 >= ld(self.par + TRIM_THRESHOLD):
                self.systrim(ld(self.par + TOP_PAD))

    def malloc_consolidate(self) -> None:
        """Free the chunks of all fast bins in earnest."""
        ld, st, arena = self.ld, self.st, self.arena
        st(arena + HAVE_FAST, 0)
        for index in range(NFASTBINS):
            fb = arena + FASTBINS + index * 4
            p = ld(fb)
            if not p:
                continue
            st(fb, 0)
            while p:
                if p + HEADER & 15:
                    raise Abort("malloc_consolidate(): unaligned fastbin chunk detected")
                head = ld(p + SIZE)
                if ((head & ~7) >> 3) - 2 != index:
                    raise Abort("malloc_consolidate(): invalid chunk size")
                following = p + FD >> 12 ^ ld(p + FD)
                self._consolidate(p, head)
                p = following

    def _consolidate(self, p: int, head: int) -> None:
        ld, st, arena = self.ld, self.st, self.arena
        size = head & ~7
        following = p + size
        next_size = ld(following + SIZE) & ~7
        if not head & PREV_INUSE:
            before = ld(p)
            size += before
            p = p - before & 0xFFFFFFFF
            if ld(p + SIZE) & ~7 != before:
                raise Abort("corrupted size vs. prev_size in fastbins")
            self.unlink_chunk(p)
        if following == ld(arena + TOP):
            st(p + SIZE, size + next_size | PREV_INUSE)
            st(arena + TOP, p)
            return
        if ld(following + next_size + SIZE) & PREV_INUSE:
            st(following + SIZE, ld(following + SIZE) & ~1)
        else:
            size += next_size
            self.unlink_chunk(following)
        bck = self.unsorted
        first = ld(bck + FD)
        st(bck + FD, p)
        st(first + BK, p)
        if size >= MIN_LARGE:
            st(p + FD_NEXT, 0)
            st(p + BK_NEXT, 0)
        st(p + SIZE, size | PREV_INUSE)
        st(p + BK, bck)
        st(p + FD, first)
        st(p + size, size)
