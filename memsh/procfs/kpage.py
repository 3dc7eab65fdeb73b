"""/proc/kpagecount, kpageflags and kpagecgroup: 64 bits for each page frame (fs/proc/page.c).

**Known deviations:** flags of what is not modelled (locked, error, idle, soft-dirty) are never set.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.include import memmap
from memsh.linux.include.errno import KernelError
from memsh.linux.mm.hugetlb.hstate import page_head
from memsh.procfs.node import made_up_inode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memsh.linux.box import Box
    from memsh.linux.mm.hugetlb.hstate import Hstate

KPMSIZE = 8
ROOT_CGROUP_INODE = 1
(KPF_REFERENCED, KPF_UPTODATE, KPF_DIRTY, KPF_LRU, KPF_ACTIVE, KPF_SLAB, KPF_WRITEBACK, KPF_RECLAIM, KPF_BUDDY,
 KPF_MMAP, KPF_ANON, KPF_SWAPCACHE, KPF_SWAPBACKED, KPF_COMPOUND_HEAD, KPF_COMPOUND_TAIL) = (
    1 << n for n in range(2, 17))  # fmt: skip
KPF_HUGE, KPF_UNEVICTABLE, KPF_KSM, KPF_THP = 1 << 17, 1 << 18, 1 << 21, 1 << 22
KPF_ZERO_PAGE, KPF_PGTABLE = 1 << 24, 1 << 26
KPF_RESERVED, KPF_MLOCKED, KPF_MAPPEDTODISK = 1 << 32, 1 << 33, 1 << 34  # not i386: flags
_COPIED = (
    (memmap.PG_REFERENCED, KPF_REFERENCED), (memmap.PG_UPTODATE, KPF_UPTODATE), (memmap.PG_DIRTY, KPF_DIRTY),
    (memmap.PG_LRU, KPF_LRU), (memmap.PG_ACTIVE, KPF_ACTIVE), (memmap.PG_SLAB, KPF_SLAB),
    (memmap.PG_WRITEBACK, KPF_WRITEBACK), (memmap.PG_RECLAIM, KPF_RECLAIM), (memmap.PG_ANON, KPF_ANON),
    (memmap.PG_SWAPCACHE, KPF_SWAPCACHE), (memmap.PG_SWAPBACKED, KPF_SWAPBACKED), (memmap.PG_HUGE, KPF_THP),
    (memmap.PG_KSM, KPF_KSM), (memmap.PG_UNEVICTABLE, KPF_UNEVICTABLE), (memmap.PG_RESERVED, KPF_RESERVED),
    (memmap.PG_MLOCKED, KPF_MLOCKED), (memmap.PG_MAPPEDTODISK, KPF_MAPPEDTODISK),
)  # fmt: skip


def _frames(box: Box, offset: int, size: int) -> tuple[int, int]:
    """The frames that a read wants: [first, last). EINVAL if it does not begin and end between two entries."""
    if offset % KPMSIZE or size % KPMSIZE:
        raise KernelError("EINVAL")
    first = offset // KPMSIZE
    return first, max(first, min(first + size // KPMSIZE, box.memmap.frames))


def read_count(box: Box, offset: int, size: int) -> bytes:
    """How many page-table entries map each frame."""
    first, last = _frames(box, offset, size)
    counts = array("Q", box.memmap.mapcount[first:last])
    for head, h in _pool_pages(box, first, last):
        for pfn in range(max(head, first), min(head + h.pages, last)):
            counts[pfn - first] = box.memmap.mapcount[head]
    return counts.tobytes()


def _pool_pages(box: Box, first: int, last: int) -> Iterator[tuple[int, Hstate]]:
    """The huge pages of pools that have frames in [first, last)."""
    for h in box.hugetlb.states.values():
        if h.nr_huge_pages:
            for pfn in range(first & -h.pages, last, h.pages):
                found = page_head(box, pfn)
                if found is not None and found[1] is h:
                    yield found


def read_cgroup(box: Box, offset: int, size: int) -> bytes:
    """The inode of the group that each frame is charged to; 0 for what is charged to nobody."""
    first, last = _frames(box, offset, size)
    control = box.memcg
    groups = {number: memcg.cgroup.path for number, memcg in control.by_number.items()}
    inodes = {number: made_up_inode(f"/sys/fs/cgroup{path}") for number, path in groups.items()}
    inodes |= {number: inodes[objcg.payer.number] for number, objcg in control.obj_cgroups.items()}
    inodes[0] = ROOT_CGROUP_INODE
    kinds = box.memmap.kind[first:last]
    words = array("Q", bytes((last - first) * KPMSIZE))
    for at, number in enumerate(box.memmap.memcg[first:last].tolist()):
        if number or kinds[at] in (memmap.K_ANON, memmap.K_FILE, memmap.K_SHMEM):
            words[at] = inodes[number]
    return words.tobytes()


def read_flags(box: Box, offset: int, size: int) -> bytes:
    """KPF_* of each frame."""
    first, last = _frames(box, offset, size)
    flags, mapcount, spelt = box.memmap.flags, box.memmap.mapcount, {0: 0}
    words = array("Q", bytes((last - first) * KPMSIZE))
    for pfn, bits in enumerate(flags[first:last].tolist(), first):
        if bits:
            word = spelt.get(bits)
            if word is None:
                word = spelt[bits] = sum(theirs for ours, theirs in _COPIED if bits & ours)
            words[pfn - first] = word | KPF_MMAP if mapcount[pfn] and not bits & memmap.PG_SLAB else word
    _blocks(box, first, last, words)
    for head, h in _pool_pages(box, first, last):
        word = KPF_HUGE | (KPF_ANON if flags[head] & memmap.PG_ANON else 0) | (KPF_MMAP if mapcount[head] else 0)
        for pfn in range(max(head, first), min(head + h.pages, last)):
            words[pfn - first] = word | (KPF_COMPOUND_HEAD if pfn == head else KPF_COMPOUND_TAIL)
    zero = box.vm.zero_pfn
    if first <= zero < last:
        words[zero - first] |= KPF_ZERO_PAGE
    return words.tobytes()


def _blocks(box: Box, first: int, last: int, words: array[int]) -> None:
    """What stands on a block's first frame only: free blocks, tails of compound pages and what they inherit."""
    pages, memmap_ = box.pages, box.memmap
    largest = 1 << box.arch.max_order - 1
    for zone in pages.zones:
        for head, key in zone.free.items():
            for pfn in range(max(head, first), min(head + (1 << (key >> 2)), last)):
                words[pfn - first] |= KPF_BUDDY
    tops = {task.mm.pgd_pfn for task in box.tasks.values() if task.mm is not None}  # those are no PageTable()
    order, start = memmap_.order, max(0, first - largest + 1)
    for head, (bits, kind) in enumerate(zip(memmap_.flags[start:last].tolist(), memmap_.kind[start:last].tolist(),
                                            strict=True), start):  # fmt: skip
        own = KPF_SLAB if kind == memmap.K_SLAB else 0
        if kind == memmap.K_TABLE and head >= first and head not in tops:
            words[head - first] |= KPF_PGTABLE
        if own and head >= first:
            words[head - first] |= own | (KPF_COMPOUND_HEAD if order[head] else 0)
        if bits & memmap.PG_HUGE and head >= first:
            words[head - first] |= KPF_COMPOUND_HEAD if order[head] else KPF_COMPOUND_TAIL
        if kind == memmap.K_SLAB and order[head]:
            for pfn in range(max(head + 1, first), min(head + (1 << order[head]), last)):
                words[pfn - first] |= KPF_COMPOUND_TAIL | own
