"""Walk a heap from its first chunk to its top: does it hold together (malloc/malloc.c, do_check_malloc_state)?"""

from __future__ import annotations

from memsh.libc.chunk import (
    BINS,
    BK,
    FASTBINS,
    FD,
    HEADER,
    NBINS,
    NFASTBINS,
    SBRK_BASE,
    SIZE,
    SYSTEM_MEM,
    TOP,
    bin_index,
)
from memsh.libc.malloc import Malloc


def free_chunks(heap: Malloc) -> dict[int, int]:
    """Bin of each chunk on a doubly linked list; the lists are sound in both directions and sorted."""
    ld = heap.ld
    found: dict[int, int] = {}
    for index in range(1, NBINS):
        header = heap.arena + BINS - 16 + index * 8
        p, before = ld(header + BK), header
        while p != header:
            size = ld(p + SIZE) & ~7
            assert p not in found
            assert ld(p + FD) == before
            assert ld(p + size) == size and not ld(p + size + SIZE) & 1
            assert index == 1 or bin_index(size) == index
            found[p] = index
            before, p = p, ld(p + BK)
        assert ld(header + FD) == before
    return found


def check(heap: Malloc) -> set[int]:
    """AssertionError if the heap is inconsistent; else the chunks in use, by the program's addresses."""
    ld = heap.ld
    free = free_chunks(heap)
    fast: set[int] = set()
    for index in range(NFASTBINS):
        p = ld(heap.arena + FASTBINS + index * 4)
        while p:
            assert p not in fast and (ld(p + SIZE) & ~7) == index * 8 + 16
            fast.add(p)
            p = p + FD >> 12 ^ ld(p + FD)
    used: set[int] = set()
    top = ld(heap.arena + TOP)
    at = ld(heap.par + SBRK_BASE)
    at += -(at + HEADER) & 15
    before_free = False
    while at < top:
        head = ld(at + SIZE)
        size = head & ~7
        assert size >= 16 and not size & 15
        assert bool(head & 1) != before_free
        before_free = at in free
        assert not (before_free and not head & 1), "two free chunks side by side"
        if before_free:
            free.pop(at)
        else:
            used.add(at + HEADER)
        at += size
    assert at == top and not before_free and not free
    assert top + (ld(top + SIZE) & ~7) == ld(heap.par + SBRK_BASE) + ld(heap.arena + SYSTEM_MEM)
    assert fast <= {mem - HEADER for mem in used}
    return used - {p + HEADER for p in fast}
