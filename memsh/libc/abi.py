"""What malloc's memory looks like on a machine, as data: word and chunk sizes, bins, structures, thresholds
(malloc/malloc.c, malloc/arena.c, sysdeps/*/malloc-alignment.h).

A chunk starts two words before what the program gets: the previous chunk's size (only while that one is free), its own
size with three flag bits, then the program's bytes, or, while free, the links of its list. All numbers are bytes.

Known deviations: the mark of cached chunks (tcache_key) is the same for every process, getrandom() has no say.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

PAGE = 4096
PREV_INUSE, IS_MMAPPED, NON_MAIN_ARENA = 1, 2, 4
NBINS = 128
NSMALLBINS = 64
BINMAPSIZE = 4
NONCONTIGUOUS = 2  # in malloc_state.flags
TCACHE_MAX_BINS, TCACHE_FILL_COUNT = 64, 7
DEFAULT_THRESHOLD = 128 << 10  # DEFAULT_MMAP_THRESHOLD_MIN, DEFAULT_TRIM_THRESHOLD
DEFAULT_TOP_PAD = 128 << 10
DEFAULT_MMAP_MAX = 65536
MMAP_AS_MORECORE_SIZE = 1 << 20
HEAP_MIN_SIZE = 32 << 10
LEAST_HEAP_MAX_SIZE = 1 << 20  # that of 32 bits; all others are multiples of it
INT = 4  # sizeof (int) on both


class MallocState(NamedTuple):
    """struct malloc_state, an arena: where its fields lie, and its size."""

    mutex: int
    flags: int
    have_fastchunks: int
    fastbins: int
    top: int
    last_remainder: int
    bins: int
    binmap: int
    next: int
    next_free: int
    attached_threads: int
    system_mem: int
    max_system_mem: int
    size: int


class MallocPar(NamedTuple):
    """struct malloc_par, `mp_`: where its fields lie, and its size."""

    trim_threshold: int
    top_pad: int
    mmap_threshold: int
    arena_test: int
    arena_max: int
    thp_pagesize: int
    hp_pagesize: int
    hp_flags: int
    n_mmaps: int
    n_mmaps_max: int
    max_n_mmaps: int
    no_dyn_threshold: int
    mmapped_mem: int
    max_mmapped_mem: int
    sbrk_base: int
    tcache_bins: int
    tcache_max_bytes: int
    tcache_count: int
    tcache_unsorted_limit: int
    size: int


def _offsets(members: Iterable[tuple[int, int]], word: int) -> list[int]:
    """Where a C compiler puts members of (bytes, how many), then the structure's size."""
    at, found = 0, []
    for size, count in members:
        at += -at % size
        found.append(at)
        at += size * count
    return [*found, at + -at % word]


class Abi:
    """A C library's measures. `word` is sizeof (size_t), the C names follow from it as in malloc.c.

    `large_bins`: (shift, last step, first bin) of each width of large bins; `mmap_threshold_max` and `arenas_per_core`
    are what malloc.c chooses by sizeof (long).
    """

    def __init__(
        self, word: int, large_bins: tuple[tuple[int, int, int], ...], mmap_threshold_max: int, arenas_per_core: int
    ) -> None:
        self.word = word  # SIZE_SZ, and where a chunk keeps its size
        self.large_bins = large_bins[1:]
        _, self.first_steps, self.first_bin = large_bins[0]
        self.mmap_threshold_max = mmap_threshold_max
        self.arenas_per_core = arenas_per_core
        self.alignment = 16
        self.mask = self.alignment - 1
        self.low = (1 << 8 * word) - 1  # the bits of an address
        self.ptrdiff_max = self.low >> 1
        # a chunk
        self.header = 2 * word  # CHUNK_HDR_SZ; also the length of a bin's two links
        self.fd, self.bk, self.fd_nextsize, self.bk_nextsize = (n * word for n in (2, 3, 4, 5))
        self.chunk_size = 6 * word  # sizeof (struct malloc_chunk)
        self.minsize = 4 * word
        self.overhead = word + self.mask  # of a request, before it is rounded down to whole alignments
        self.front_misalign = self.header % self.alignment  # how far a page's first chunk is off
        self.tcache_first = self.minsize - self.mask  # csize2tidx(size) = size - this >> 4
        # bins
        self.small_shift = 0 if self.front_misalign == 0 else 1  # SMALLBIN_CORRECTION
        self.min_large = (NSMALLBINS - self.small_shift) * self.alignment
        self.fast_shift = 4 if word == 8 else 3
        self.max_fast_size = 20 * word
        self.nfastbins = self.fastbin_index(self.request2size(self.max_fast_size)) + 1
        self.default_max_fast = 16 * word + word & ~self.mask  # set_max_fast (DEFAULT_MXFAST)
        self.map_shift = 5 if word == 4 else 6  # a word of the bin map, as a power of two of bins
        # structures
        self._state = _offsets([(INT, 1)] * 3 + [(word, self.nfastbins), (word, 1), (word, 1), (word, NBINS * 2 - 2),
                               (INT, BINMAPSIZE)] + [(word, 1)] * 5, word)  # fmt: skip
        self._par = _offsets([(word, 1)] * 7 + [(INT, 1)] * 5 + [(word, 1)] * 7, word)
        self.state, self.par = self.state_at(0), self.par_at(0)
        self.noncontiguous = NONCONTIGUOUS << 8 * (self.state.flags % word)  # in the word that holds the flags
        self.tcache_entries = 2 * TCACHE_MAX_BINS
        self.tcache_size = self.tcache_entries + TCACHE_MAX_BINS * word
        self.max_tcache_size = self.tidx2usize(TCACHE_MAX_BINS - 1)
        self.tcache_key = 0x6D656D73_6D656D73 & self.low
        self.heap_max_size = 2 * mmap_threshold_max
        self.heap_info = 5 * word + (-3 * word & self.mask)  # sizeof (heap_info)

    @lru_cache(256)  # noqa: B019 (there are two of these objects, for ever)
    def state_at(self, addr: int) -> MallocState:
        """Addresses of the fields of the arena at `addr`."""
        return MallocState(*map(addr.__add__, self._state))

    @lru_cache(256)  # noqa: B019
    def par_at(self, addr: int) -> MallocPar:
        """Addresses of the fields of the parameters at `addr`."""
        return MallocPar(*map(addr.__add__, self._par))

    def request2size(self, request: int) -> int:
        """The chunk size for a request, 0 if no chunk can be that large (checked_request2size)."""
        if request > self.ptrdiff_max:
            return 0
        size = request + self.overhead & -16
        return size if size > self.minsize else self.minsize

    def fastbin_index(self, size: int) -> int:
        return (size >> self.fast_shift) - 2

    def csize2tidx(self, size: int) -> int:
        """The list of the thread's cache for chunks of `size`."""
        return size - self.tcache_first >> 4

    def tidx2usize(self, index: int) -> int:
        """What a program can use of the chunks on list `index`."""
        return index * self.alignment + self.minsize - self.word

    def largebin_index(self, size: int) -> int:
        """largebin_index_32_big(), largebin_index_64(): 64-byte steps, then ever wider ones."""
        if size >> 6 <= self.first_steps:
            return self.first_bin + (size >> 6)
        for shift, last, first in self.large_bins:
            step = size >> shift
            if step <= last:
                return first + step
        return 126

    def bin_index(self, size: int) -> int:
        """The bin that holds free chunks of `size`."""
        return (size >> 4) + self.small_shift if size < self.min_large else self.largebin_index(size)


_WIDER = ((9, 20, 91), (12, 10, 110), (15, 4, 119), (18, 2, 124))
Abi32 = Abi(4, ((6, 45, 49), *_WIDER), 512 << 10, 2)  # i386
Abi64 = Abi(8, ((6, 48, 48), *_WIDER), 32 << 20, 8)  # x86_64
ABIS = {abi.word: abi for abi in (Abi32, Abi64)}


class Abort(Exception):
    """malloc found its memory corrupted: `message` goes to standard error, SIGABRT ends the process."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
