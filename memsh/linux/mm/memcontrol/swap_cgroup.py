"""Swap slots that groups pay for (mm/memcontrol.c, mm/swap_cgroup.c).

A slot is charged when a page is given it and uncharged when it is free again, whoever has the page meanwhile; a page
that comes back is charged to the group that its slot is recorded for.

Known deviations: none that show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.linux.lib.columns import frame_runs, sub_runs
from memsh.linux.mm.memcontrol.charge import Charging

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup


class SwapCharging(Charging):
    """`swap_records`: entry → number of the group that pays for the slot."""

    by_number: dict[int, MemCgroup]

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.swap_records: dict[int, int] = {}

    def _payer(self, pfn: int) -> MemCgroup | None:
        """The group that pays for a page's slot: its own, or the nearest above that is not removed; None: the root."""
        number = self.box.memmap.memcg[pfn]
        memcg = self.by_number[number] if number else None
        while memcg is not None and not memcg.online:
            memcg = memcg.parent
        return memcg if memcg is not None and memcg.parent is not None else None

    def try_charge_swap(self, pfn: int, entry: int) -> bool:
        """A page is given a slot (entry 0: there was none); False if its group may not have one."""
        memcg = self._payer(pfn)
        if memcg is None:
            return True
        if not entry:
            memcg.event("swap_fail")
            return True
        if memcg.swap.try_charge(1) is not None:
            memcg.event("swap_max")
            memcg.event("swap_fail")
            return False
        memcg.swapped += 1
        self.swap_records[entry] = memcg.number
        return True

    def room_for_swap(self, pfns: Sequence[int]) -> bool:
        """Whether all these pages, which belong together to few groups, may have slots."""
        wanted: dict[int, int] = {}
        for pfn, count in frame_runs(sorted(pfns)):
            for first, n, _ in sub_runs(self.box.memmap.memcg, pfn, count):
                memcg = self._payer(first)
                if memcg is not None:
                    wanted[memcg.number] = wanted.get(memcg.number, 0) + n
        total = sum(wanted.values())
        return all(self.by_number[number].swap.room() >= total for number in wanted)

    def uncharge_swap(self, entries: list[int]) -> None:
        """Slots are free."""
        for entry in entries:
            number = self.swap_records.pop(entry, 0)
            if number:
                memcg = self.by_number[number]
                memcg.swap.uncharge(1)
                memcg.swapped -= 1
                self.let_go(memcg)

    def swapin_payer(self, entry: int) -> MemCgroup | None:
        """Whom a page is charged to that comes back from a slot; None: the root (mem_cgroup_swapin_charge_folio)."""
        number = self.swap_records.get(entry, 0)
        memcg = self.by_number.get(number) if number else self.paying
        return memcg if memcg is None or memcg.online else self.paying

    def swap_full(self, pfn: int) -> bool:
        """Whether a page's slot had better be free: half of what its group may have is used (mem_cgroup_swap_full)."""
        number = self.box.memmap.memcg[pfn]
        memcg = self.by_number[number] if number else None
        while memcg is not None and memcg.parent is not None:
            usage = memcg.swap.usage * 2
            if usage >= memcg.swap.high or usage >= memcg.swap.max:
                return True
            memcg = memcg.parent
        return False
