"""malloc's figures, and giving free pages back (malloc/malloc.c, int_mallinfo, malloc_info, malloc_stats, mtrim)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from memsh.libc.abi import NBINS, PAGE, Abort
from memsh.libc.mallopt import Options
from memsh.linux.include.flags import UINT_MAX


class Mallinfo2(NamedTuple):
    """struct mallinfo2: counts, and sizes in bytes."""

    arena: int  # got from the kernel by brk
    ordblks: int  # free chunks in bins, and top
    smblks: int  # chunks in fast bins
    hblks: int  # mapped chunks
    hblkhd: int  # bytes of them
    usmblks: int
    fsmblks: int  # bytes in fast bins
    uordblks: int  # bytes in use
    fordblks: int  # bytes free
    keepcost: int  # bytes of top


class Sizes(NamedTuple):
    """Chunks of one free list: the smallest and the largest size, bytes in all, how many."""

    start: int
    to: int
    total: int
    number: int

    def __str__(self) -> str:
        return f'from="{self.start}" to="{self.to}" total="{self.total}" count="{self.number}"'


def _totals(fast: tuple[int, int], rest: tuple[int, int]) -> str:
    return (f'<total type="fast" count="{fast[0]}" size="{fast[1]}"/>\n'
            f'<total type="rest" count="{rest[0]}" size="{rest[1]}"/>\n')  # fmt: skip


def _system(current: int, most: int) -> str:
    return f'<system type="current" size="{current}"/>\n<system type="max" size="{most}"/>\n'


def _aspace(total: int, mprotect: int) -> str:
    return f'<aspace type="total" size="{total}"/>\n<aspace type="mprotect" size="{mprotect}"/>\n'


class Info(Options):
    """Counting and trimming."""

    __slots__ = ()

    def arenas(self) -> Iterator[int]:
        """Work in one arena after the other, the main one first, and in the main one in the end; their numbers."""
        arena, number = self.main_arena, 0
        while True:
            self.use(arena)
            yield number
            arena, number = self.w[self.av.next], number + 1
            if arena == self.main_arena:
                break
        self.use(arena)

    def _fast_chunks(self, index: int, whose: str) -> Iterator[int]:
        """The chunks of a fast bin."""
        w, fd = self.w, self.fd
        p = w[self.av.fastbins + index * self.sz]
        while p:
            if p + self.hdr & 15:
                raise Abort(f"{whose}: unaligned fastbin chunk detected")
            yield p
            p = p + fd >> 12 ^ w[p + fd]

    def _chunks(self, index: int, link: int) -> Iterator[int]:
        """The chunks of a bin, along one of its links."""
        w, header = self.w, self.bin_at(index)
        p = w[header + link]
        while p != header:
            yield p
            p = w[p + link]

    def int_mallinfo(self) -> Mallinfo2:
        """The figures of the arena; what is counted for the whole process goes with the main one."""
        w, av, sz = self.w, self.av, self.sz
        top = w[w[av.top] + sz] & ~7
        fast = [w[p + sz] & ~7 for i in range(self.abi.nfastbins) for p in self._fast_chunks(i, "int_mallinfo()")]
        bins = [w[p + sz] & ~7 for index in range(1, NBINS) for p in self._chunks(index, self.bk)]
        free = top + sum(fast) + sum(bins)
        system = w[av.system_mem]
        mapped = (0, 0) if self.non_main else (self.load_int(self.mp.n_mmaps), w[self.mp.mmapped_mem])
        cost = 0 if self.non_main else top
        return Mallinfo2(system, 1 + len(bins), len(fast), *mapped, 0, sum(fast), system - free, free, cost)

    def mallinfo2(self) -> Mallinfo2:
        """struct mallinfo2, of all arenas."""
        self.start()
        found = [self.int_mallinfo() for _ in self.arenas()]
        return Mallinfo2(*map(sum, zip(*found, strict=True)))

    def malloc_stats(self) -> str:
        """What malloc_stats() writes to standard error."""
        w, mp = self.w, self.mp
        used = system = w[mp.mmapped_mem]
        self.start()
        lines = []
        for number in self.arenas():
            info = self.int_mallinfo()
            lines += [f"Arena {number}:", *self._in_use(info.arena, info.uordblks)]
            system += info.arena
            used += info.uordblks
        lines += ["Total (incl. mmap):", *self._in_use(system, used)]
        lines.append(f"max mmap regions = {self.load_int(mp.max_n_mmaps):10}")
        lines.append(f"max mmap bytes   = {w[mp.max_mmapped_mem]:10}")
        return "\n".join(lines) + "\n"

    @staticmethod
    def _in_use(system: int, used: int) -> tuple[str, str]:
        """Two of malloc_stats()'s lines; it counts in unsigned ints."""
        return f"system bytes     = {system & UINT_MAX:10}", f"in use bytes     = {used & UINT_MAX:10}"

    def _sizes(self) -> tuple[list[Sizes], list[Sizes]]:
        """The fast bins, and the bins from the unsorted list on; sizes of the latter with their flags, as in glibc."""
        w, sz = self.w, self.sz
        fast, bins = [], []
        for index in range(self.abi.nfastbins):
            found = list(self._fast_chunks(index, "__malloc_info()"))
            size = w[found[0] + sz] & ~7 if found else 0
            fast.append(Sizes(size - self.abi.mask if size else 0, size, size * len(found), len(found)))
        for index in range(1, NBINS):
            heads = [w[p + sz] for p in self._chunks(index, self.fd)]
            bins.append(Sizes(min(heads, default=0), max(heads, default=0), sum(heads), len(heads)))
        return fast, bins

    def _heaps(self) -> tuple[int, int, int]:
        """Bytes of the arena's heaps, bytes that are open, how many heaps."""
        w, sz = self.w, self.sz
        size = opened = count = 0
        heap = self.heap_for_ptr(w[self.av.top])
        while heap:
            size, opened, count = size + w[heap + 2 * sz], opened + w[heap + 3 * sz], count + 1
            heap = w[heap + sz]
        return size, opened, count

    def malloc_info(self) -> str:
        """The XML that malloc_info() writes."""
        w, mp = self.w, self.mp
        self.start()
        out = ['<malloc version="1">\n']
        totals = [0] * 8
        for number in self.arenas():
            av = self.av
            fast, bins = self._sizes()
            chunks = sum(sizes.number for sizes in fast), sum(sizes.total for sizes in fast)
            top = w[w[av.top] + self.sz] & ~7
            rest = 1 + sum(sizes.number for sizes in bins), top + sum(sizes.total for sizes in bins)
            out.append(f'<heap nr="{number}">\n<sizes>\n')
            out += [f"  <size {sizes}/>\n" for sizes in (*fast, *bins[1:]) if sizes.number]
            if bins[0].number:
                out.append(f"  <unsorted {bins[0]}/>\n")
            system = w[av.system_mem], w[av.max_system_mem]
            space = system[0], system[0]
            out += ["</sizes>\n", _totals(chunks, rest), _system(*system)]
            if self.non_main:
                size, opened, count = self._heaps()
                space = size, opened
                out += [_aspace(*space), f'<aspace type="subheaps" size="{count}"/>\n', "</heap>\n"]
            else:
                out += [_aspace(*space), "</heap>\n"]
            totals = [a + b for a, b in zip(totals, (*chunks, *rest, *system, *space), strict=True)]
        out.append(_totals((totals[0], totals[1]), (totals[2], totals[3])))
        out.append(f'<total type="mmap" count="{self.load_int(mp.n_mmaps)}" size="{w[mp.mmapped_mem]}"/>\n')
        out += [_system(totals[4], totals[5]), _aspace(totals[6], totals[7]), "</malloc>\n"]
        return "".join(out)

    def mtrim(self, pad: int) -> int:
        """Give whole free pages back, inside the heap by madvise, at its end by brk; whether there were any."""
        w, abi = self.w, self.abi
        self.malloc_consolidate()
        result = 0
        for index in (1, *range(abi.bin_index(PAGE), NBINS)):
            header = self.bin_at(index)
            p = w[header + self.bk]
            while p != header:
                size = w[p + self.sz] & ~7
                if size > PAGE - 1 + abi.chunk_size:
                    aligned = p + abi.chunk_size + PAGE - 1 & -PAGE
                    size -= aligned - p
                    if size > PAGE - 1:
                        self.mem.dontneed(aligned, size & -PAGE)
                        result = 1
                p = w[p + self.bk]
        return result if self.non_main else result | self.systrim(pad)

    def malloc_trim(self, pad: int = 0) -> int:
        """Give free pages back to the kernel, leaving `pad` bytes at the top; 1 if there were any."""
        self.start()
        trimmed = [self.mtrim(pad) for _ in self.arenas()]  # every one of them, whatever the first yields
        return int(any(trimmed))
