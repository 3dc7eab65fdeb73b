"""What malloc's memory looks like on i386: chunks, the arena, the parameters, the thread's cache (malloc/malloc.c).

A chunk starts 8 bytes before what the program gets: the previous chunk's size (only while that one is free), its own
size with three flag bits, then the program's bytes, or, while free, the links of its list. Chunk addresses are 8
modulo 16, sizes multiples of 16. All numbers here are bytes.
"""

from __future__ import annotations

PAGE = 4096
HEADER = 8  # CHUNK_HDR_SZ
MINSIZE = 16
ALIGNMENT = 16
MASK = 15
PTRDIFF_MAX = 0x7FFFFFFF

# offsets in a chunk
SIZE, FD, BK, FD_NEXT, BK_NEXT = 4, 8, 12, 16, 20
CHUNK_STRUCT = 24  # sizeof (struct malloc_chunk)

PREV_INUSE, IS_MMAPPED, NON_MAIN_ARENA = 1, 2, 4
SIZE_BITS = 7

# struct malloc_state
FLAGS, HAVE_FAST, FASTBINS, TOP, LAST_REMAINDER, BINS, BINMAP = 4, 8, 12, 56, 60, 64, 1080
NEXT, ATTACHED, SYSTEM_MEM, MAX_SYSTEM_MEM, ARENA_SIZE = 1096, 1104, 1108, 1112, 1116
NONCONTIGUOUS = 2
NFASTBINS, NBINS = 11, 128
MAX_FAST = 64  # global_max_fast

# struct malloc_par
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_TEST, N_MMAPS, N_MMAPS_MAX, MAX_N_MMAPS = 0, 4, 8, 12, 32, 36, 40
NO_DYN, MMAPPED_MEM, MAX_MMAPPED_MEM, SBRK_BASE, TCACHE_BINS, TCACHE_MAX, TCACHE_COUNT = 44, 48, 52, 56, 60, 64, 68
PAR_SIZE = 76
DEFAULT_THRESHOLD = 128 << 10
DEFAULT_TOP_PAD = 128 << 10
MMAP_THRESHOLD_MAX = 512 << 10
MMAPS_MAX = 65536
MORECORE_MMAP = 1 << 20  # MMAP_AS_MORECORE_SIZE

# struct tcache_perthread_struct
NTCACHE, TCACHE_FILL, TCACHE_ENTRIES, TCACHE_SIZE = 64, 7, 128, 384
TCACHE_KEY = 0x6D656D73  # getrandom() has no say here: the same on every box
MIN_LARGE = 1008  # sizes from here on live in large bins


class Abort(Exception):
    """malloc found its memory corrupted: `message` goes to standard error, SIGABRT ends the process."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def request2size(request: int) -> int:
    """The chunk size for a request, 0 if no chunk can be that large (checked_request2size)."""
    return (request + 19) & ~15 if request <= PTRDIFF_MAX else 0


def largebin_index(size: int) -> int:
    """largebin_index_32_big(): 64-byte steps, then ever wider ones."""
    if size >> 6 <= 45:
        return 49 + (size >> 6)
    if size >> 9 <= 20:
        return 91 + (size >> 9)
    if size >> 12 <= 10:
        return 110 + (size >> 12)
    if size >> 15 <= 4:
        return 119 + (size >> 15)
    if size >> 18 <= 2:
        return 124 + (size >> 18)
    return 126


def bin_index(size: int) -> int:
    """The bin that holds free chunks of `size`."""
    return (size >> 4) + 1 if size < MIN_LARGE else largebin_index(size)
