"""RAM disks: a page of memory for each page that was ever written, which nobody gets back (drivers/block/brd.c).

What a page holds stands where every disk's contents do, in the `written` of the disk's mapping: here is where it lies.

**Known deviations:** where no page is left the contents are kept without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_ATOMIC, GFP_NAMES, GFP_NOIO
from memsh.linux.lib.xarray import XArray

if TYPE_CHECKING:
    from memsh.linux.box import Box

GFP_BRD = GFP_NOIO | GFP_NAMES["__GFP_ZERO"] | GFP_NAMES["__GFP_HIGHMEM"]


class BrdPages(XArray):
    """Where the pages lie, by their index (brd->brd_pages)."""

    gfp = GFP_ATOMIC
    __slots__ = ()


class RamDisks:
    """`box.disk.brd`: the RAM disks' pages, by device number; a disk that was never written has none."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.pages: dict[tuple[int, int], BrdPages] = {}

    def submit_bio(self, write: bool, dev: tuple[int, int], index: int, count: int) -> None:
        """Write, or read, `count` pages from `index` on. Writes are counted (pgpgout); what the
        page cache reads comes through bdev_read_page(), which counts nothing."""
        if not write:
            return
        box = self.box
        box.vmstat["pgpgout"] += 4 * count
        pages = self.pages.get(dev)
        if pages is None:
            pages = self.pages[dev] = BrdPages(box)
        for at in range(index, index + count):
            if at not in pages:
                pfn = int(box.pages.alloc_pages(GFP_BRD, 0))
                if not pfn:
                    return
                pages[at] = pfn

    def nr_pages(self, dev: tuple[int, int]) -> int:
        """What debugfs tells (brd->brd_nr_pages)."""
        return len(self.pages[dev]) if dev in self.pages else 0
