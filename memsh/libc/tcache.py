"""The thread's cache: 64 lists of up to seven chunks, links mangled with their address (malloc/malloc.c, tcache_*).

Its structure is itself a chunk of the heap: 64 counts of two bytes, then 64 heads.
"""

from __future__ import annotations

from memsh.libc.abi import Abort
from memsh.libc.bins import Bins


class Tcache(Bins):
    """Chunks at hand, last freed first."""

    __slots__ = ()

    def tcache_count(self, cache: int, index: int) -> int:
        """Chunks on list `index`."""
        place = 2 * index & self.sz - 1
        return self.w[cache + 2 * index - place] >> 8 * place & 0xFFFF

    def tcache_put(self, cache: int, mem: int, index: int) -> None:
        """Put the chunk whose program bytes start at `mem` on list `index`."""
        w, st = self.w, self.st
        st(mem + self.sz, self.abi.tcache_key)
        entry = cache + self.abi.tcache_entries + index * self.sz
        st(mem, mem >> 12 ^ w[entry])
        st(entry, mem)
        place = 2 * index & self.sz - 1
        word, one, mask = cache + 2 * index - place, 1 << 8 * place, 0xFFFF << 8 * place
        counts = w[word]
        st(word, counts & ~mask | counts + one & mask)

    def tcache_get(self, cache: int, index: int) -> int:
        """Take the chunk that list `index` got last."""
        w, st = self.w, self.st
        entry = cache + self.abi.tcache_entries + index * self.sz
        mem = w[entry]
        if mem & 15:
            raise Abort("malloc(): unaligned tcache chunk detected")
        st(entry, mem >> 12 ^ w[mem])
        place = 2 * index & self.sz - 1
        word, one, mask = cache + 2 * index - place, 1 << 8 * place, 0xFFFF << 8 * place
        counts = w[word]
        st(word, counts & ~mask | counts - one & mask)
        st(mem + self.sz, 0)
        return mem

    def check_double_free(self, cache: int, mem: int, index: int) -> None:
        """The chunk bears the mark of a cached one: Abort if list `index` has it."""
        w, limit, count = self.w, self.w[self.mp.tcache_count], 0
        entry = w[cache + self.abi.tcache_entries + index * self.sz]
        while entry:
            if count >= limit:
                raise Abort("free(): too many chunks detected in tcache")
            if entry & 15:
                raise Abort("free(): unaligned chunk detected in tcache 2")
            if entry == mem:
                raise Abort("free(): double free detected in tcache 2")
            entry = entry >> 12 ^ w[entry]
            count += 1
