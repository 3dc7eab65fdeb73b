"""struct page for every frame, as columns (include/linux/mm_types.h).

Columns are anonymous mmaps seen through memoryviews: a frame that was never used costs nothing, and reads 0. All-zero
means "never used"; whole-block facts (`order`, `kind`, `refcount`) stand on the head frame only.

- `refcount[pfn]`: page->_refcount; 0 = free (or not RAM)
- `mapcount[pfn]`: page->_mapcount + 1, the number of page-table entries that map the frame
- `flags[pfn]`: PG_* bits below
- `order[pfn]`: order of the allocated block whose head this is
- `kind[pfn]`: who uses the block (K_*), for `check`, `account`, `physmap`, `whatis`
- `mapping[pfn]`: index into `owners` of the page's address_space, anon_vma or ksm_stable_node (0 = none)
- `index[pfn]`: page->index: offset in the mapping in pages (anonymous: virtual page number in its VMA's terms)
- `private[pfn]`: page->private: the swap entry of a page in the swap cache
- `memcg[pfn]`: number of the memory cgroup that the page is charged to (page->memcg_data), on every frame of a block;
  0 = none, or the root
- `lru_next[pfn]`, `lru_prev[pfn]`: page->lru: neighbours on its LRU list, towards the tail and the head; 0 = none
- `data`: contents of the pages in which something was written: pfn -> bytearray(4096); absent = all zero
"""

from __future__ import annotations

import copy
import mmap
from collections import Counter
from typing import TYPE_CHECKING, Any

from memsh.linux.include.flags import MAX_ORDER

if TYPE_CHECKING:
    from memsh.linux.include.mmzone import Zone
    from memsh.linux.include.tlb import Words

# page flags that matter here (include/linux/page-flags.h); bit numbers are ours
PG_RESERVED, PG_REFERENCED, PG_UPTODATE, PG_DIRTY, PG_LRU, PG_ACTIVE, PG_WORKINGSET, PG_SLAB = (
    1 << n for n in range(8)
)
PG_ANON, PG_SWAPBACKED, PG_SWAPCACHE, PG_WRITEBACK, PG_RECLAIM, PG_UNEVICTABLE, PG_MLOCKED = (
    1 << n for n in range(8, 15)
)
PG_HUGE, PG_ANON_EXCLUSIVE, PG_TABLE, PG_READAHEAD, PG_MAPPEDTODISK = (1 << n for n in range(15, 20))
PG_KMEMCG = 1 << 20  # charged to a memory cgroup as kernel memory
PG_KSM = 1 << 21  # anonymous, and merged: its mapping is no anon_vma, but what KSM knows of it (PAGE_MAPPING_KSM)

KIND_NAMES = (
    "",  # free, or never used
    "reserved",  # kernel image, boot allocations, firmware
    "kernel",  # alloc_pages by a caller that says no more
    "slab",
    "page table",
    "anonymous",
    "page cache",
    "shmem",
    "vmalloc",
    "kernel stack",
    "per-cpu",
    "kmalloc",  # large kmalloc, straight from the buddy system
    "in use by the recorded machine",
    "drivers and daemons",  # what the kernel holds that nothing here models
    "huge page",  # of a hugetlb pool, in use or not
)
(
    K_NONE, K_RESERVED, K_KERNEL, K_SLAB, K_TABLE, K_ANON, K_FILE, K_SHMEM, K_VMALLOC, K_STACK, K_PERCPU, K_KMALLOC,
    K_RECORDED, K_OTHER, K_HUGETLB,
) = range(15)  # fmt: skip

_COLUMNS = {
    "refcount": "I", "mapcount": "I", "flags": "I", "order": "B", "kind": "B", "mapping": "I", "index": "I",
    "private": "I", "memcg": "I", "lru_next": "I", "lru_prev": "I",
}  # fmt: skip
_CHUNK = 1 << 16
_HUGE = 2 << 20
SECTION_ORDER = 15  # page frames of a memory section: 128 MiB
_LARGEST = MAX_ORDER - 1


def _column(frames: int, code: str) -> memoryview:
    size = max(1, frames) * (4 if code == "I" else 1)
    room = size if size < _HUGE else size + -size % _HUGE
    view = memoryview(mmap.mmap(-1, room, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))[:size]
    return view.cast("I") if code == "I" else view.cast("B")


def _joined(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of the runs [first, last) that follow each other, as one."""
    found: list[tuple[int, int]] = []
    for first, last in runs:
        if found and found[-1][1] == first:
            first = found.pop()[0]
        found.append((first, last))
    return found


class MemMap:
    """`frames` is one past the last page frame that the kernel knows (max_pfn).

    `data` holds the bytes of those that were written. Who wants to know only whether a frame was, or forgets its bytes,
    takes `contents`: the same, but what a process has stored lately may be missing (tlb.Words).
    """

    refcount: memoryview
    mapcount: memoryview
    flags: memoryview
    order: memoryview
    kind: memoryview
    mapping: memoryview
    index: memoryview
    private: memoryview
    memcg: memoryview
    lru_next: memoryview
    lru_prev: memoryview

    def __init__(self, frames: int) -> None:
        self.frames = frames
        for name, code in _COLUMNS.items():
            setattr(self, name, _column(frames, code))
        self.zones: list[Zone] = []  # the page allocator's: what is free need not be copied
        self.contents: dict[int, bytearray] = {}
        self.unsettled: list[Words] = []
        self.owners: list[Any] = [None]  # address_spaces, anon_vmas and ksm_stable_nodes by their number

    @property
    def data(self) -> dict[int, bytearray]:
        while self.unsettled:
            self.unsettled[-1].settle()
            self.unsettled.pop()
        return self.contents

    def __deepcopy__(self, memo: dict[int, Any]) -> MemMap:
        """A copy that touches only what is in use: sections that are free as a whole stay as they are made."""
        other = MemMap(self.frames)
        memo[id(self)] = other
        used = _joined(self.used_sections())
        untouched = bytes(_CHUNK)
        for name, code in _COLUMNS.items():
            old, new = getattr(self, name).cast("B"), getattr(other, name).cast("B")
            width = 4 if code == "I" else 1
            for first, last in used:
                if (last - first) * width >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE"):  # the host faults less often
                    new.obj.madvise(mmap.MADV_HUGEPAGE, first * width, (last - first) * width)
                for start in range(first * width, last * width, _CHUNK):
                    part = bytes(old[start : start + _CHUNK])
                    if part != untouched:
                        new[start : start + len(part)] = part
        other.zones = copy.deepcopy(self.zones, memo)
        other.contents = {pfn: bytearray(page) for pfn, page in self.data.items()}
        other.owners = copy.deepcopy(self.owners, memo)
        return other

    def written(self, frames: range) -> list[int]:
        """Those of the frames in which something was written."""
        data = self.contents
        if len(data) < len(frames):
            return [pfn for pfn in data if pfn in frames]
        return [pfn for pfn in frames if pfn in data]

    def used_sections(self) -> list[tuple[int, int]]:
        """Runs of frames [first, last), section by section, outside of which every frame lies in a free block of the
        largest order."""
        whole = Counter(pfn >> SECTION_ORDER for zone in self.zones for key in range(_LARGEST << 2, MAX_ORDER << 2)
                        for pfn in zone.lists[key])  # fmt: skip
        size = 1 << SECTION_ORDER
        blocks = size >> _LARGEST
        return [
            (section * size, min((section + 1) * size, self.frames))
            for section in range((self.frames + size - 1) // size)
            if whole[section] < blocks
        ]
