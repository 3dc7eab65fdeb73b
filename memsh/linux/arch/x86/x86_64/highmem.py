"""kmap on a machine whose direct mapping reaches all of RAM (include/linux/highmem-internal.h without HIGHMEM).

The fixed slots are those of enum fixed_addresses (arch/x86/include/asm/fixmap.h).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.x86_64.layout import FIXADDR_TOP, PAGE_OFFSET
from memsh.linux.include.errno import KernelError

if TYPE_CHECKING:
    from memsh.linux.box import Box

# from the vsyscall page down: (name, how many)
_SLOTS = (("VSYSCALL_PAGE", 1), ("FIX_DBGP_BASE", 1), ("FIX_EARLYCON_MEM_BASE", 1), ("FIX_OHCI1394_BASE", 1),
          ("FIX_APIC_BASE", 1), ("FIX_IO_APIC_BASE", 128))  # fmt: skip


class DirectMapping:
    """`box.highmem` without HighMem: a page's kernel address is its place in the direct mapping."""

    base = slots = 0
    count: tuple[int, ...] = ()
    page: tuple[int, ...] = ()

    def __init__(self, box: Box) -> None:
        self.box = box

    def kmap(self, pfn: int) -> int:
        """The frame's address in the direct mapping; EINVAL if there is no such frame."""
        if not 0 < pfn < self.box.memmap.frames:
            raise KernelError("EINVAL", "that page frame is not in RAM")
        return (pfn << 12) + PAGE_OFFSET

    def kunmap(self, pfn: int) -> None:
        """There is nothing to undo."""
        self.kmap(pfn)

    def fixmap(self) -> list[tuple[str, int, int]]:
        """(name, address, slots) from the top down; a run of slots lies below the address of its first."""
        found, index = [], 511
        for name, slots in _SLOTS:
            found.append((name, FIXADDR_TOP - index * 4096, slots))
            index += slots
        return found
