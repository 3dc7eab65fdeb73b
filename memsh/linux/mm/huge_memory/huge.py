"""What is known of transparent huge pages: the knobs, which areas may have them, the page and the entry that maps it
(mm/huge_memory.c, include/linux/huge_mm.h, mm/page_alloc.c: prep_compound_page).

A huge page is a block of order 9. Its head frame has the references (one for each entry of either size that maps it,
or a part of it) and stands on the LRU list for all 512; each of its frames has PG_HUGE, the mapping, its index, and in
`mapcount` how many entries of either size map it (page_mapcount). `mm.huge` has the entries of 2 MiB by the number of
the table that they stand in place of; each keeps such a table ready (pgtable_trans_huge_deposit).

Known deviations: huge pages of files on a disk do not exist; a huge page is never locked by somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES, GFP_TRANSHUGE, GFP_TRANSHUGE_LIGHT, VM_HUGEPAGE, VM_NOHUGEPAGE
from memsh.linux.include.memmap import PG_HUGE
from memsh.linux.lib.copying import slotwise

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, VmArea
    from memsh.linux.mm.huge_memory.khugepaged import Khugepaged

HPAGE_PMD_ORDER = 9
HPAGE_PMD_NR = 1 << HPAGE_PMD_ORDER
HPAGE_PMD_SIZE = HPAGE_PMD_NR << 12
PMD_SHIFT = 21
SMALL_MACHINE = 512 << 8  # pages: with fewer, none of this is on

ENABLED = ("always", "madvise", "never")
DEFRAG = ("always", "defer", "defer+madvise", "madvise", "never")
SHMEM = ("always", "within_size", "advise", "never", "deny", "force")


@slotwise()
class HugePmd:
    """An entry of 2 MiB: `entry` as a page-table entry of the first frame, `table` the frame of the empty table kept
    ready for its end; 0 for a file's page, whose entry just goes when it is split."""

    __slots__ = ("entry", "table")

    def __init__(self, entry: int, table: int) -> None:
        self.entry = entry
        self.table = table


_KSWAPD, _DIRECT = GFP_NAMES["__GFP_KSWAPD_RECLAIM"], GFP_NAMES["__GFP_DIRECT_RECLAIM"]
# the knob `defrag`: the mask for an area that was not advised to have huge pages, and for one that was
_HARD = {
    "always": (GFP_TRANSHUGE | GFP_NAMES["__GFP_NORETRY"], GFP_TRANSHUGE),
    "defer": (GFP_TRANSHUGE_LIGHT | _KSWAPD, GFP_TRANSHUGE_LIGHT | _KSWAPD),
    "defer+madvise": (GFP_TRANSHUGE_LIGHT | _KSWAPD, GFP_TRANSHUGE_LIGHT | _DIRECT),
    "madvise": (GFP_TRANSHUGE_LIGHT, GFP_TRANSHUGE_LIGHT | _DIRECT),
    "never": (GFP_TRANSHUGE_LIGHT, GFP_TRANSHUGE_LIGHT),
}


class Thp:
    """`box.thp`: knobs of /sys/kernel/mm/transparent_hugepage, the huge page of zeros, the queue of pages to split.

    `pages` counts huge pages in use; `zero_pfn` is the huge page of zeros (0: not there), `zero_mms` whose it is in
    use; `deferred` has the heads of pages that lost parts, oldest first.
    """

    __slots__ = ("available", "deferred", "defrag", "enabled", "khugepaged", "pages", "shm_mount", "shmem_enabled",
                 "use_zero_page", "zero_mms", "zero_pfn")  # fmt: skip

    def __init__(self, available: bool) -> None:
        self.available = available
        self.enabled = "always" if available else "never"
        self.defrag = "madvise"
        self.use_zero_page = available
        self.shmem_enabled = self.shm_mount = "never"  # the knob; huge= of the kernel's own mount of shared memory
        self.pages = 0
        self.zero_pfn = 0
        self.zero_mms: dict[int, None] = {}
        self.deferred: dict[int, None] = {}
        self.khugepaged: Khugepaged | None = None  # while the machine boots, and where there is none

    def set_shmem_enabled(self, word: str) -> None:
        """Write the knob: deny and force are for all files and leave the mount as it is (shmem_enabled_store)."""
        self.shmem_enabled = word
        if word not in ("deny", "force"):
            self.shm_mount = word

    def gfp_mask(self, vma: VmArea | None) -> int:
        """How hard a fault tries (vma_thp_gfp_mask)."""
        asked = vma is not None and bool(vma.flags & VM_HUGEPAGE)
        return _HARD[self.defrag][asked]

    def allows(self, flags: int) -> bool:
        """What `enabled` says of anonymous memory in an area with these flags."""
        return self.enabled == "always" or (self.enabled == "madvise" and bool(flags & VM_HUGEPAGE))


def hugepage_vma_check(box: Box, vma: VmArea) -> bool:
    """Whether the area may have huge pages at all, as the knobs are now."""
    if not box.thp.available or vma.flags & VM_NOHUGEPAGE or vma.vm_ops is not None:
        return False
    return box.thp.allows(vma.flags)


def transhuge_vma_suitable(vma: VmArea, addr: int) -> bool:
    """Whether the 2 MiB around `addr` lie wholly in the area; a file must begin at such a place, too."""
    start = addr & -HPAGE_PMD_SIZE
    if vma.vm_ops is not None and (vma.start >> 12) - vma.pgoff & HPAGE_PMD_NR - 1:
        return False
    return vma.start <= start and start + HPAGE_PMD_SIZE <= vma.end


def thp_eligible(box: Box, vma: VmArea) -> bool:
    """smaps' THPeligible (hugepage_vma_check for smaps: some 2 MiB of the area would fit)."""
    first = (vma.start + HPAGE_PMD_SIZE - 1) & -HPAGE_PMD_SIZE
    return hugepage_vma_check(box, vma) and first + HPAGE_PMD_SIZE <= vma.end


def compound_head(box: Box, pfn: int) -> int:
    """The frame that has a page's references: the head of its huge page, or itself."""
    return pfn & -HPAGE_PMD_NR if box.memmap.flags[pfn] & PG_HUGE else pfn


def huge_parts(box: Box, pfn: int, count: int) -> list[tuple[int, int, bool]]:
    """A run of frames cut where huge pages begin and end: (first frame, how many, part of a huge page?)."""
    flags = box.memmap.flags
    parts: list[tuple[int, int, bool]] = []
    end = pfn + count
    while pfn < end:
        stop = min(end, (pfn | HPAGE_PMD_NR - 1) + 1)
        huge = bool(flags[pfn] & PG_HUGE)
        if parts and not huge and not parts[-1][2]:
            first, n, _ = parts[-1]
            parts[-1] = (first, n + stop - pfn, False)
        else:
            parts.append((pfn, stop - pfn, huge))
        pfn = stop
    return parts


def is_huge_zero(box: Box, entry: int) -> bool:
    return bool(box.thp.zero_pfn) and entry >> 12 == box.thp.zero_pfn


def khugepaged_enter(box: Box, mm: MmStruct) -> None:
    """An anonymous area that may have huge pages got its first page: khugepaged shall look at the process."""
    khugepaged = box.thp.khugepaged
    if khugepaged is not None and mm.number not in khugepaged.slots:
        khugepaged.enter(mm)
        khugepaged.yielded()  # if that woke it, it has its turn before the page is there
