"""ksmd looks at some pages, sleeps, and goes on (mm/ksm.c: ksm_scan_thread, ksm_do_scan, cmp_and_merge_page).

A page is merged with a merged one of the same contents at once; with another one only if both were the same a round
before. What it does takes CPU time: a scan that is not done in a tick is gone on with. Then it sleeps in whole ticks.

Known deviations: whoever writes to `run` does not wait for the end of a scan; its faults are nobody's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PTE_SPECIAL, VM_MERGEABLE
from memsh.linux.include.memmap import PG_ANON, PG_HUGE
from memsh.linux.lib.entries import PRESENT
from memsh.linux.lib.rbtree import RbRoot
from memsh.linux.mm.huge_memory.huge import compound_head, is_huge_zero
from memsh.linux.mm.huge_memory.split import split_huge_page
from memsh.linux.mm.ksm.items import (
    free_slot,
    get_ksm_page,
    get_next_rmap_item,
    remove_all_stable_nodes,
    remove_rmap_item_from_tree,
    remove_trailing_rmap_items,
    stable_node_dup_del,
)
from memsh.linux.mm.ksm.merge import (
    ZEROS,
    break_cow,
    find_mergeable_vma,
    try_to_merge_one_page,
    try_to_merge_two_pages,
    try_to_merge_with_ksm_page,
    unmerge_ksm_pages,
)
from memsh.linux.mm.ksm.tree import (
    get_kpfn_nid,
    insert_ranked,
    is_page_sharing_candidate,
    stable_tree_append,
    stable_tree_insert,
    stable_tree_search,
    unstable_tree_search_insert,
)
from memsh.linux.mm.ksm.types import (
    CHECKSUM_NSEC,
    LOOK_NSEC,
    MIGRATED,
    RUN_MERGE,
    RUN_STOP,
    RUN_UNMERGE,
    UNSTABLE,
    Ksm,
    RmapItem,
    StableNode,
    page_stable_node,
)
from memsh.linux.mm.lru import lru_add_drain
from memsh.linux.mm.mmap.vmalist import find_vma

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct, VmArea

ZERO_CHECKSUM = crc32(ZEROS)
TICK_NSEC = 4_000_000


class Calm(NamedTuple):
    """What a round came by that found nothing new: `items` in their order, and the time that it took. `stamp`: it stays
    so while this does."""

    items: list[RmapItem]
    nsec: int
    stamp: int


class Turn(NamedTuple):
    """What the thread does now: so much `work`; `due`: when it has the CPU again; `goes_on`: it has it until then."""

    work: int
    due: int
    goes_on: bool


class Ksmd:
    """The thread. Once a round has found nothing new, and while nothing in the box changes, the next ones find nothing
    either, and are only counted: `calm`, with `done` items of the round behind it. settle() makes of that what looking
    at the pages would have made."""

    def __init__(self, box: Box, ksm: Ksm) -> None:
        self.box = box
        self.ksm = ksm
        self.due = 0  # when it wakes next, 0 while it waits for something to do
        self.calm: Calm | None = None
        self.done = 0
        self.began = 0  # the stamp when the round began, if there is no news since
        self.round_nsec = 0  # what it has taken
        self.left = 0  # pages of a scan
        self.goes_on = False  # it has the CPU

    def should_run(self) -> bool:
        return self.ksm.run & RUN_MERGE > 0 and bool(self.ksm.slots)

    def wake(self) -> None:
        """There may be something to do: it runs as soon as the clock moves, unless it sleeps between two scans."""
        if not self.due and self.should_run():
            self._wake_at(self.box.timer.usec)

    def hasten(self) -> None:
        """The time that it sleeps has changed: it wakes now."""
        if self.due and not self.goes_on:
            self.box.timer.hasten(self.thread)

    def _wake_at(self, usec: int) -> None:
        self.due = usec or 1
        self.box.timer.once(usec, self.thread)

    def thread(self) -> None:
        """Scan, then sleep (ksm_scan_thread)."""
        self.due = 0
        if not self.should_run():
            self.left = 0
            self._hold(False)
            return
        timer, sleep = self.box.timer, self.ksm.sleep_millisecs
        if self.goes_on and sleep and not self.left:  # the scan is over
            turn = Turn(0, self._sleeps(0), False)
        elif self.calm is not None and self.calm.stamp == self._stamp():
            turn = self._pass(self.calm)
        else:
            if not self.goes_on:
                self._woke(1)
            self.settle()
            usec = self._do_scan()
            goes_on = self.left > 0 or not sleep
            turn = Turn(usec, timer.usec + usec if goes_on else self._sleeps(usec), goes_on)
        if task := self.box.cputime.kthread("ksmd"):
            self.box.cputime.owe(task, 0, turn.work)
        self._hold(turn.goes_on)
        if self.should_run():
            self._wake_at(turn.due)

    def _sleeps(self, work: int) -> int:
        """When it wakes that goes to sleep after so much work."""
        return self.box.timer.timeout(self.ksm.sleep_millisecs, self.box.arch.hz, work)

    def _hold(self, goes_on: bool) -> None:
        """It has the CPU for more than a moment, or no longer."""
        task = self.box.cputime.kthread("ksmd")
        if task and goes_on != self.goes_on:
            self.box.cputime.hold(task, "R" if goes_on else "S")
        self.goes_on = goes_on

    def _woke(self, wakes: int) -> None:
        if task := self.box.cputime.kthread("ksmd"):
            task.nvcsw += wakes
            self.box.cputime.switches += 2 * wakes

    def _pass(self, calm: Calm) -> Turn:
        """Wake-ups that find nothing new, at most up to the load's next sample."""
        timer, ksm, begun = self.box.timer, self.ksm, self.goes_on
        room = max(0, min(timer.undisturbed(), self.box.cputime.next_load) - timer.usec - 1)
        self.left = 0
        nsec = self._count(calm, 1)
        if not ksm.sleep_millisecs:
            wakes = len(calm.items) // (ksm.pages_to_scan or 1) + 1  # of a round
            nsec += self._count(calm, room * 1000 * wakes // calm.nsec)
            return Turn(-(-nsec // 1000), timer.usec - (-nsec // 1000), True)
        self._woke(not begun)
        if nsec >= TICK_NSEC:
            return Turn(nsec // 1000, timer.usec + nsec // 1000, True)
        due = self._sleeps(nsec // 1000)
        if timer.usec * self.box.arch.hz % 1_000_000 == 0:  # from tick to tick it is always as long
            more = room // (due - timer.usec)
            nsec += self._count(calm, more)
            self._woke(more)
            due += more * (due - timer.usec)
        return Turn(nsec // 1000, due, False)

    def _stamp(self) -> int:
        return self.box.pulse()[0] - self.box.timer.usec

    def _count(self, calm: Calm, wakes: int) -> int:
        """So many wake-ups over which nothing is new: the ns that they take."""
        each, items, before = self.ksm.pages_to_scan, len(calm.items), self.done
        if not each:
            return wakes * LOOK_NSEC
        left = (items - self.done) // each + 1  # wake-ups to the end of the round
        if wakes < left:
            self.done += wakes * each
            rounds = 0
        else:
            rounds, wakes = divmod(wakes - left, items // each + 1)
            self.done = wakes * each
            rounds += 1
        self.ksm.full_scans += rounds
        return rounds * calm.nsec + calm.nsec * (self.done - before) // (items + 1)

    def settle(self) -> None:
        """From here on pages are looked at again: the scan is where it has been counted to."""
        calm, self.calm = self.calm, None
        if calm is None:
            return
        ksm, done = self.ksm, self.done
        ranks = {item: rank for root in ksm.unstable for rank, item in enumerate(root)}
        for item in calm.items:
            item.seqnr = ksm.full_scans - 1
        if not done:
            return
        ksm.unstable = [RbRoot() for _ in ksm.unstable]
        for item in calm.items[:done]:
            if item.where == UNSTABLE:
                item.seqnr = ksm.full_scans
                insert_ranked(ksm.unstable[item.nid], item, ranks)
        for slot in ksm.slots:
            if done <= len(slot.rmap_list):
                ksm.slot, ksm.at, ksm.address = slot, done, slot.rmap_list[done - 1].address + 4096
                break
            done -= len(slot.rmap_list)

    def _chains_at_rest(self) -> bool:
        """No search would change a chain: it has several pages, all of them there, and that which the next would join
        is the first one."""
        memmap, ksm = self.box.memmap, self.ksm
        for node in (node for root in ksm.stable for node in root) if ksm.stable_node_chains else ():
            assert isinstance(node, StableNode)
            if node.is_chain:
                best = max((dup for dup in node.dups if is_page_sharing_candidate(ksm, dup)),
                           key=lambda dup: len(dup.items), default=node.dups[0] if node.dups else None)  # fmt: skip
                there = all(page_stable_node(memmap, dup.kpfn) is dup for dup in node.dups)
                if len(node.dups) < 2 or not there or best is not node.dups[0]:
                    return False
        return True

    def _do_scan(self) -> int:
        """Look at the next pages, at most to the end of a round (ksm_do_scan), and without a sleep at more. The µs that
        it took, a tick at most."""
        ksm = self.ksm
        if not self.left:
            self.left = ksm.pages_to_scan
        with self.box.pages.anywhere():
            while ksm.nsec < TICK_NSEC and self.calm is None:
                if not self.left:
                    if ksm.sleep_millisecs:
                        break
                    self.left = ksm.pages_to_scan
                    ksm.nsec += LOOK_NSEC if self.left else TICK_NSEC
                elif self._look():
                    self.left -= 1
                else:
                    self.left = 0
        usec, ksm.nsec = divmod(ksm.nsec, 1000)
        return usec

    def _look(self) -> bool:
        """The next page; False at the end of a round, or without memory."""
        box, ksm = self.box, self.ksm
        if ksm.slot is None:
            self.began, self.round_nsec = self._stamp(), 0
        before = ksm.nsec
        ksm.nsec += LOOK_NSEC
        found = _scan_get_next_rmap_item(box, ksm)
        if found is not None:
            item = found[0]
            was = item.where, item.head, item.oldchecksum
            if not cmp_and_merge_page(box, ksm, *found) or was != (item.where, item.head, item.oldchecksum):
                self.began = 0
        self.round_nsec += ksm.nsec - before
        if found is None and ksm.slot is None and self.began and self.began == self._stamp() and self._chains_at_rest():
            self.calm = Calm([item for slot in ksm.slots for item in slot.rmap_list], self.round_nsec, self.began)
            self.done = 0
        return found is not None


def ksm_init(box: Box) -> Ksm:
    """Where the kernel has it, ksmd waits for something to do."""
    ksm = Ksm()
    ksm.ksmd = Ksmd(box, ksm)
    return ksm


def set_run(box: Box, value: int) -> None:
    """Stop, run, or take everything apart (run_store). ENOMEM: it has stopped, and some pages are still merged."""
    ksm = box.ksm
    assert ksm is not None
    ksm.ksmd.settle()
    if ksm.run != value:
        ksm.run = value
        if value == RUN_UNMERGE:
            try:
                _unmerge_and_remove_all_rmap_items(box, ksm)
            except KernelError:
                ksm.slot, ksm.run = None, RUN_STOP
                raise
    if value == RUN_MERGE:
        ksm.ksmd.wake()


def set_merge_across_nodes(box: Box, value: int) -> None:
    """One pair of trees, or one a node. EBUSY while there are merged pages."""
    ksm = box.ksm
    assert ksm is not None
    if ksm.merge_across_nodes == value:
        return
    _forget_stable_nodes(box, ksm)
    ksm.merge_across_nodes = value
    nodes = max(node.nid for node in box.pages.nodes) + 1
    while len(ksm.stable) < nodes:
        ksm.stable.append(RbRoot())
        ksm.unstable.append(RbRoot())


def set_max_page_sharing(box: Box, value: int) -> None:
    """How many may share a page. EBUSY while there are merged pages."""
    ksm = box.ksm
    assert ksm is not None
    if ksm.max_page_sharing != value:
        _forget_stable_nodes(box, ksm)
        ksm.max_page_sharing = value


def _forget_stable_nodes(box: Box, ksm: Ksm) -> None:
    ksm.ksmd.settle()
    if ksm.pages_shared:
        raise KernelError("EBUSY")
    remove_all_stable_nodes(box)


def _unmerge_and_remove_all_rmap_items(box: Box, ksm: Ksm) -> None:
    for slot in [*ksm.slots]:
        ksm.slot = slot
        mm = box.vm.mms.get(slot.mm) if slot.gone is None else None
        if mm is not None:
            for vma in list(mm.mmap):
                if vma.flags & VM_MERGEABLE and vma.anon_vma is not None:
                    unmerge_ksm_pages(box, vma, vma.start, vma.end)
        remove_trailing_rmap_items(box, slot)
        if mm is None:
            free_slot(box, slot)
    ksm.slot = None
    with suppress(KernelError):  # some may be busy yet
        remove_all_stable_nodes(box)
    ksm.full_scans = 0


# -- the scan --------------------------------------------------------------------------------------------------------


def _scan_get_next_rmap_item(box: Box, ksm: Ksm) -> tuple[RmapItem, int] | None:
    """The next page that may be merged, and its item; None at the end of a round, or without memory."""
    if not ksm.slots:
        return None
    if ksm.slot is None:
        _begin_round(box, ksm)
    while ksm.slot is not None:
        slot = ksm.slot
        mm = box.vm.mms.get(slot.mm) if slot.gone is None else None
        pfn = _next_page(box, ksm, mm) if mm is not None else 0
        if pfn:
            item = get_next_rmap_item(box, slot, ksm.address)
            if item is None:
                return None
            ksm.at += 1
            ksm.address += 4096
            return item, pfn
        if mm is None:
            ksm.address = ksm.at = 0
        remove_trailing_rmap_items(box, slot, ksm.at)
        number = ksm.slots.index(slot) + 1
        ksm.slot = ksm.slots[number] if number < len(ksm.slots) else None
        if not ksm.address:  # none of its pages may be merged
            free_slot(box, slot)
        ksm.address = ksm.at = 0
    ksm.full_scans += 1
    return None


def _begin_round(box: Box, ksm: Ksm) -> None:
    lru_add_drain(box)
    if not ksm.merge_across_nodes:
        for node in [*ksm.migrate_nodes]:
            get_ksm_page(box, node)
    ksm.unstable = [RbRoot() for _ in ksm.unstable]
    ksm.slot, ksm.address, ksm.at = ksm.slots[0], 0, 0


def _next_page(box: Box, ksm: Ksm, mm: MmStruct) -> int:
    """The next anonymous page of an area whose pages may be merged: its frame, 0 if there is none. The scan is there
    then, or where the last such area ends."""
    vma = find_vma(mm, ksm.address)
    while vma is not None:
        if vma.flags & VM_MERGEABLE:
            ksm.address = max(ksm.address, vma.start)
            ksm.address, pfn = _next_page_of(box, vma, ksm.address)
            if pfn:
                return pfn
        vma = find_vma(mm, vma.end)
    return 0


def _next_page_of(box: Box, vma: VmArea, address: int) -> tuple[int, int]:
    """(Address, frame) of the first anonymous page of the area from `address` on; the frame is 0 if there is none."""
    if vma.anon_vma is None:
        return vma.end, 0
    mm, flags, zero = vma.mm, box.memmap.flags, box.vm.zero_pfn
    shift, mask = mm.table_shift, mm.table_mask
    while address < vma.end:
        number = address >> shift
        end = min(number + 1 << shift, vma.end)
        table = mm.tables.get(number)
        if table is not None:
            at = address >> 12 & mask
            for pte in table.ptes[at : at + (end - address >> 12)]:
                if pte & PRESENT and not pte & PTE_SPECIAL and pte >> 12 != zero and flags[pte >> 12] & PG_ANON:
                    return address, pte >> 12
                address += 4096
            continue
        huge = mm.huge.get(number)
        if huge is not None and not is_huge_zero(box, huge.entry) and flags[huge.entry >> 12] & PG_ANON:
            return address, (huge.entry >> 12) + (address >> 12 & mask)
        address = _next_table(mm, number, vma.end)
    return vma.end, 0


def _next_table(mm: MmStruct, number: int, end: int) -> int:
    """Where the next 2 MiB begin of which anything is mapped, at most `end`."""
    number += 1
    last = end - 1 >> mm.table_shift
    if last - number > len(mm.tables) + len(mm.huge):
        return min([n << mm.table_shift for n in (*mm.tables, *mm.huge) if number <= n <= last], default=end)
    while number <= last and number not in mm.tables and number not in mm.huge:
        number += 1
    return min(number << mm.table_shift, end)


def cmp_and_merge_page(box: Box, ksm: Ksm, item: RmapItem, pfn: int) -> bool:
    """Find a page of the same contents, and share it. False if pages were found alike: whether merged or not, the next
    round may see something else."""
    memmap = box.memmap
    node = page_stable_node(memmap, pfn)
    if node is not None:
        if node.where != MIGRATED and get_kpfn_nid(box, node.kpfn) != node.nid:
            stable_node_dup_del(ksm, node)
            node.where = MIGRATED
            ksm.migrate_nodes.insert(0, node)
        if node.where != MIGRATED and item.head is node:
            return True
    kpfn = stable_tree_search(box, pfn)
    if kpfn == pfn and item.head is node:
        return True
    remove_rmap_item_from_tree(box, item)
    if kpfn:
        if try_to_merge_with_ksm_page(box, item, pfn, kpfn):
            node = page_stable_node(memmap, kpfn)
            assert node is not None
            stable_tree_append(box, item, node)
        return False
    page = memmap.data.get(pfn)
    checksum = crc32(page) if page is not None else ZERO_CHECKSUM
    ksm.nsec += CHECKSUM_NSEC
    if item.oldchecksum != checksum:
        item.oldchecksum = checksum
        return True
    if ksm.use_zero_pages and checksum == ZERO_CHECKSUM:
        vma = find_mergeable_vma(box, item.mm, item.address)
        if vma is None or try_to_merge_one_page(box, vma, item.address, pfn, box.vm.zero_pfn):
            return False
    found = unstable_tree_search_insert(box, item, pfn)
    if found is not None:
        _merge_two(box, item, pfn, *found)
    return found is None


def _merge_two(box: Box, item: RmapItem, pfn: int, tree_item: RmapItem, tree_pfn: int) -> None:
    """Two pages that are alike become a new merged one."""
    if not try_to_merge_two_pages(box, item, pfn, tree_item, tree_pfn):
        if _same_huge_page(box, pfn, tree_pfn):  # ksmd held it twice
            split_huge_page(box, compound_head(box, pfn))
        return
    node = stable_tree_insert(box, pfn)
    if node is None:
        break_cow(box, tree_item)
        break_cow(box, item)
        return
    stable_tree_append(box, tree_item, node)
    stable_tree_append(box, item, node)


def _same_huge_page(box: Box, pfn: int, other: int) -> bool:
    flags = box.memmap.flags
    both = flags[pfn] & flags[other] & PG_HUGE
    return both > 0 and compound_head(box, pfn) == compound_head(box, other)
