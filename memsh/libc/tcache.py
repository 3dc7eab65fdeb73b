"""The thread's cache: 64 lists of up to seven chunks, links mangled with their address (malloc/malloc.c, tcache_*).

Its structure is itself a chunk of the heap: 64 counts of two bytes, then 64 heads.
"""

from __future__ import annotations

from memsh.libc.bins import Bins
from memsh.libc.chunk import TCACHE_COUNT, TCACHE_ENTRIES, TCACHE_KEY, Abort


class Tcache(Bins):
    """Chunks at hand, last freed first."""

    def tcache_count(self, cache: int, index: int) -> int:
        """Chunks on list `index`."""
        return self.ld(cache + (index >> 1) * 4) >> (index & 1) * 16 & 0xFFFF

    def tcache_put(self, cache: int, mem: int, index: int) -> None:
        """Put the chunk whose program bytes start at `mem` on list `index`."""
        ld, st = self.ld, self.st
        st(mem + 4, TCACHE_KEY)
        entry = cache + TCACHE_ENTRIES + index * 4
        st(mem, mem >> 12 ^ ld(entry))
        st(entry, mem)
        word = cache + (index >> 1) * 4
        counts = ld(word)
        st(word, (counts & 0xFFFF0000 | counts + 1 & 0xFFFF) if not index & 1 else counts + 0x10000 & 0xFFFFFFFF)

    def tcache_get(self, cache: int, index: int) -> int:
        """Take the chunk that list `index` got last."""
        ld, st = self.ld, self.st
        entry = cache + TCACHE_ENTRIES + index * 4
        mem = ld(entry)
        if mem & 15:
            raise Abort("malloc(): unaligned tcache chunk detected")
        st(entry, mem >> 12 ^ ld(mem))
        word = cache + (index >> 1) * 4
        counts = ld(word)
        st(word, (counts & 0xFFFF0000 | counts - 1 & 0xFFFF) if not index & 1 else counts - 0x10000 & 0xFFFFFFFF)
        st(mem + 4, 0)
        return mem

    def check_double_free(self, cache: int, mem: int, index: int) -> None:
        """The chunk bears the mark of a cached one: Abort if list `index` has it."""
        ld, limit, count = self.ld, self.ld(self.par + TCACHE_COUNT), 0
        entry = ld(cache + TCACHE_ENTRIES + index * 4)
        while entry:
            if count >= limit:
                raise Abort("free(): too many chunks detected in tcache")
            if entry & 15:
                raise Abort("free(): unaligned chunk detected in tcache 2")
            if entry == mem:
                raise Abort("free(): double free detected in tcache 2")
            entry = entry >> 12 ^ ld(entry)
            count += 1
