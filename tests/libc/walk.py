"""Walk a heap from its first chunk to its top: does it hold together (malloc/malloc.c, do_check_malloc_state)?"""

from __future__ import annotations

from memsh.libc.abi import NBINS
from memsh.libc.malloc import Malloc


def free_chunks(heap: Malloc) -> dict[int, int]:
    """Bin of each chunk on a doubly linked list; the lists are sound in both directions and sorted."""
    w, sz, fd, bk = heap.w, heap.sz, heap.fd, heap.bk
    found: dict[int, int] = {}
    for index in range(1, NBINS):
        header = heap.bin_at(index)
        p, before = w[header + bk], header
        while p != header:
            size = w[p + sz] & ~7
            assert p not in found
            assert w[p + fd] == before
            assert w[p + size] == size and not w[p + size + sz] & 1
            assert index == 1 or heap.abi.bin_index(size) == index
            found[p] = index
            before, p = p, w[p + bk]
        assert w[header + fd] == before
    return found


def check(heap: Malloc) -> set[int]:
    """AssertionError if the heap is inconsistent; else the chunks in use, by the program's addresses."""
    w, sz, hdr, av = heap.w, heap.sz, heap.hdr, heap.av
    free = free_chunks(heap)
    fast: set[int] = set()
    for index in range(heap.abi.nfastbins):
        p = w[av.fastbins + index * sz]
        while p:
            assert p not in fast and (w[p + sz] & ~7) == index + 2 << heap.abi.fast_shift
            fast.add(p)
            p = p + heap.fd >> 12 ^ w[p + heap.fd]
    used: set[int] = set()
    top, start = w[av.top], w[heap.mp.sbrk_base]
    at = start + (-(start + hdr) & 15)
    before_free = False
    while at < top:
        head = w[at + sz]
        size = head & ~7
        assert size >= heap.minsize and not size & 15
        assert bool(head & 1) != before_free
        before_free = at in free
        assert not (before_free and not head & 1), "two free chunks side by side"
        if before_free:
            free.pop(at)
        else:
            used.add(at + hdr)
        at += size
    assert at == top and not before_free and not free
    assert top + (w[top + sz] & ~7) == start + w[av.system_mem]
    assert fast <= {mem - hdr for mem in used}
    return used - {p + hdr for p in fast}
