"""Kernel addresses for pages of HighMem: permanent kmaps and the fixed slots (mm/highmem.c, asm/fixmap.h).

Known deviations: where kmap() would sleep until a slot is free, it answers that there is no memory.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from memsh.linux.arch.x86.i386.layout import PAGE_OFFSET
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PAGE_SHIFT, PAGE_SIZE

if TYPE_CHECKING:
    from memsh.linux.box import Box

# the permanent slots in the order of enum fixed_addresses: (name, how many). 64 I/O APICs; 16 local kmaps for each of
# the 8 CPUs that the kernel was built for
_SLOTS = (
    ("FIX_HOLE", 1), ("FIX_DBGP_BASE", 1), ("FIX_EARLYCON_MEM_BASE", 1), ("FIX_OHCI1394_BASE", 1), ("FIX_APIC_BASE", 1),
    ("FIX_IO_APIC_BASE", 64), ("FIX_KMAP", 128), ("FIX_PCIE_MCFG", 1),
)  # fmt: skip


class HighMem:
    """`box.highmem`. `count[slot]` as pkmap_count: 0 unused, 1 unused but in the TLB, n + 1 in use n times."""

    def __init__(self, box: Box) -> None:
        self.box = box
        layout = box.machine.layout
        self.base, self.slots = layout.pkmap_base, layout.last_pkmap
        self.count = array("I", bytes(4 * self.slots))
        self.page = array("I", bytes(4 * self.slots))
        self.slot_of: dict[int, int] = {}
        self.last = 0

    def _frame(self, pfn: int) -> bool:
        """Whether the frame lies in HighMem; EINVAL if there is no such frame."""
        if not 0 < pfn < self.box.memmap.frames:
            raise KernelError("EINVAL", "that page frame is not in RAM")
        return (pfn << PAGE_SHIFT) + PAGE_OFFSET >= self.box.machine.layout.high_memory

    def kmap(self, pfn: int) -> int:
        """The frame's kernel address: in the direct mapping or in a permanent kmap. ENOMEM if all are taken."""
        if not self._frame(pfn):
            return (pfn << PAGE_SHIFT) + PAGE_OFFSET
        self.box.changes += 1
        slot = self.slot_of.get(pfn)
        if slot is None:
            slot = self._map_new_virtual(pfn)
        self.count[slot] += 1
        return self.base + slot * PAGE_SIZE

    def _map_new_virtual(self, pfn: int) -> int:
        left = self.slots
        while True:
            self.last = (self.last + 1) % self.slots
            if not self.last:
                self._flush_all_zero_pkmaps()
                left = self.slots
            if not self.count[self.last]:
                break
            left -= 1
            if not left:
                raise KernelError("ENOMEM", "all permanent kmaps are in use")
        slot = self.last
        self.count[slot] = 1
        self.page[slot] = pfn
        self.slot_of[pfn] = slot
        return slot

    def _flush_all_zero_pkmaps(self) -> None:
        """Slots that nobody uses any more become free once the TLB has forgotten them."""
        for slot, count in enumerate(self.count):
            if count == 1:
                self.count[slot] = 0
                del self.slot_of[self.page[slot]]

    def kunmap(self, pfn: int) -> None:
        """Undo one kmap; EINVAL if the frame has no slot in use."""
        if not self._frame(pfn):
            return
        slot = self.slot_of.get(pfn)
        if slot is None or self.count[slot] < 2:
            raise KernelError("EINVAL", "that page is not kmapped")
        self.box.changes += 1
        self.count[slot] -= 1

    def fixmap(self) -> list[tuple[str, int, int]]:
        """(name, address, slots) from the top down; a run of slots lies below the address of its first."""
        top, found, index = self.box.machine.layout.fixaddr_top, [], 0
        for name, slots in _SLOTS:
            found.append((name, top - index * PAGE_SIZE, slots))
            index += slots
        return found
