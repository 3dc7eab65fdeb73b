"""Charging a group (mm/memcontrol.c: try_charge_memcg, the per-CPU stock, obj_cgroup, memory.high).

Pages are charged 64 at a time; what is left over waits in the CPU's stock for the next charge of the same group.
Objects of the slab caches are charged by the byte out of pages charged for them. A charge that passes `max` reclaims
inside the group whose limit it is, and then kills there.

Known deviations: none that show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.cgroup import MEMCG_CHARGE_BATCH, MemCgroup, ObjCgroup
from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES
from memsh.linux.include.memmap import PG_KMEMCG

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.memcontrol.page_counter import PageCounter

MAX_RECLAIM_RETRIES = 16
COSTLY = 1 << 3
HZ = 250
USEC_PER_JIFFY = 1_000_000 // HZ
RCU_USEC = 12_000  # a group that nobody holds goes after a grace period
MEMCG_DELAY_PRECISION_SHIFT, MEMCG_DELAY_SCALING_SHIFT = 20, 14
MEMCG_MAX_HIGH_DELAY_JIFFIES = 2 * HZ
FAULT_USEC = 8  # what a program takes for a page that it touches for the first time
SWAP_CLUSTER_MAX = 32
_BLOCKING = GFP_NAMES["__GFP_DIRECT_RECLAIM"]
_NORETRY, _MAYFAIL = GFP_NAMES["__GFP_NORETRY"], GFP_NAMES["__GFP_RETRY_MAYFAIL"]
_FORCED = GFP_NAMES["__GFP_NOFAIL"] | GFP_NAMES["__GFP_HIGH"]


class Stock:
    """A CPU's charges in hand (struct memcg_stock_pcp): `pages` of `memcg`, `bytes` of `objcg`."""

    __slots__ = ("bytes", "memcg", "objcg", "pages")

    def __init__(self) -> None:
        self.memcg: MemCgroup | None = None
        self.objcg: ObjCgroup | None = None
        self.pages = self.bytes = 0


class Charging:
    """The charges themselves; MemControl has the groups."""

    root: MemCgroup
    obj_cgroups: dict[int, ObjCgroup]

    def __init__(self, box: Box) -> None:
        self.box = box
        self.stocks = [Stock() for _ in range(box.config.cpus)]
        self.paying: MemCgroup | None = None
        self.over_high = 0  # pages that the current task has charged above a `high` (memcg_nr_pages_over_high)
        self.faults = 0  # pgfault when a group was last reclaimed from

    def let_go(self, memcg: MemCgroup) -> None:
        """Something that held a removed group holds it no more."""
        if not memcg.busy and not memcg.online:
            self.release_later()

    def release_later(self) -> None:
        """After a grace period those groups go that nothing holds."""
        self.box.timer.once(self.box.timer.usec + RCU_USEC, self.box.cgroups.release)

    # -- the stock -----------------------------------------------------------------------------------------------------

    @property
    def stock(self) -> Stock:
        return self.stocks[self.box.pages.cpu]

    def drain_stock(self, stock: Stock) -> None:
        """Give the pages of a stock back."""
        memcg, stock.memcg = stock.memcg, None
        if memcg is not None and stock.pages:
            memcg.memory.uncharge(stock.pages)
        stock.pages = 0

    def refill_stock(self, stock: Stock, memcg: MemCgroup, pages: int) -> None:
        """Keep charged pages in hand; the root has no use for them."""
        if memcg.parent is None:
            return
        if stock.memcg is not memcg:
            self.drain_stock(stock)
            stock.memcg = memcg
        stock.pages += pages
        if stock.pages > MEMCG_CHARGE_BATCH:
            self.drain_stock(stock)

    def drain_obj_stock(self, stock: Stock) -> None:
        objcg, stock.objcg = stock.objcg, None
        if objcg is None:
            return
        pages, rest = divmod(stock.bytes, 4096)
        stock.bytes = 0
        if pages:
            memcg = objcg.payer
            memcg.stat["kernel"] -= pages
            self.refill_stock(stock, memcg, pages)
        objcg.nr_charged_bytes += rest

    def drain_all_stock(self, root: MemCgroup) -> None:
        """All CPUs give back what they have in hand of the group and those below it."""
        for stock in self.stocks:
            inside = stock.memcg is not None and stock.pages and stock.memcg.is_descendant(root)
            if inside or (stock.objcg is not None and stock.objcg.memcg.is_descendant(root)):
                self.drain_obj_stock(stock)
                self.drain_stock(stock)

    # -- pages ---------------------------------------------------------------------------------------------------------

    def charge_ahead(self, memcg: MemCgroup, count: int) -> int:
        """Charge up to `count` pages one after the other, as far as that takes neither reclaim nor a look at `high`
        afterwards; how many: perhaps 0."""
        stock = self.stock
        if stock.memcg is not memcg:
            if not count or memcg.memory.room() < MEMCG_CHARGE_BATCH or self.above_high(memcg, MEMCG_CHARGE_BATCH):
                return 0
            self.drain_stock(stock)
            stock.memcg = memcg
        done = min(count, stock.pages)
        stock.pages -= done
        if done == count:
            return done
        batches = -(-(count - done) // MEMCG_CHARGE_BATCH)
        batches = min(batches, memcg.memory.room() // MEMCG_CHARGE_BATCH)
        while batches and self.above_high(memcg, batches * MEMCG_CHARGE_BATCH):
            batches -= 1
        if batches > 0:
            memcg.memory.charge(batches * MEMCG_CHARGE_BATCH)
            taken = min(count - done, batches * MEMCG_CHARGE_BATCH)
            stock.pages = batches * MEMCG_CHARGE_BATCH - taken
            done += taken
        return done

    def room_for(self, memcg: MemCgroup, count: int) -> int:
        """How many of `count` pages may be charged in any portions with neither reclaim nor a look at `high`."""
        room = min(count, memcg.memory.room() - 2 * MEMCG_CHARGE_BATCH)
        return 0 if room <= 0 or self.above_high(memcg, room + 2 * MEMCG_CHARGE_BATCH) else room

    def cancel_charge(self, memcg: MemCgroup, pages: int) -> None:
        """Pages that were charged and not found."""
        memcg.memory.uncharge(pages)

    def above_high(self, memcg: MemCgroup, pages: int) -> bool:
        """Whether so many pages more would be above a `high`."""
        at: MemCgroup | None = memcg
        while at is not None:
            if at.memory.usage + pages > at.memory.high or at.swap.usage > at.swap.high:
                return True
            at = at.parent
        return False

    def try_charge(self, memcg: MemCgroup, gfp: int, pages: int) -> bool:
        """Charge `pages`; False if the group may not have them (try_charge_memcg)."""
        if memcg.parent is None:
            return True
        box = self.box
        batch = max(MEMCG_CHARGE_BATCH, pages)
        retries = MAX_RECLAIM_RETRIES
        passed_oom = drained = raised = False
        while True:
            stock = self.stock
            if stock.memcg is memcg and stock.pages >= pages:
                stock.pages -= pages
                return True
            counter = memcg.memory.try_charge(batch)
            if counter is None:
                self._done_restock(memcg, gfp, batch, pages)
                return True
            limited = self.memcg_of(memcg, counter)
            if batch > pages:
                batch = pages
                continue
            if box.pages.memalloc:
                break
            if not gfp & _BLOCKING:
                if gfp & _FORCED:
                    break
                return False
            limited.event("max")
            raised = True
            reclaimed = self.reclaim(limited, pages, gfp)
            if limited.memory.max - limited.memory.usage >= pages:
                continue
            if not drained:
                self.drain_all_stock(limited)
                drained = True
                continue
            if gfp & _NORETRY:
                return False
            if reclaimed and pages <= COSTLY:
                continue
            if retries:
                retries -= 1
                continue
            if gfp & _MAYFAIL:
                return False
            if not (passed_oom and box.oom.is_victim(box.current)) and self.oom(limited, gfp, pages):
                passed_oom = True
                retries = MAX_RECLAIM_RETRIES
                continue
            if gfp & _FORCED:
                break
            return False
        if not raised:
            limited.event("max")
        memcg.memory.charge(pages)
        return True

    def memcg_of(self, memcg: MemCgroup, counter: PageCounter) -> MemCgroup:
        """The group at or above `memcg` whose counter that is (mem_cgroup_from_counter)."""
        while memcg.memory is not counter:
            assert memcg.parent is not None
            memcg = memcg.parent
        return memcg

    def _done_restock(self, memcg: MemCgroup, gfp: int, batch: int, pages: int) -> None:
        if batch > pages:
            self.refill_stock(self.stock, memcg, batch - pages)
        if self.above_high(memcg, 0):
            self.over_high += batch
            if self.over_high > MEMCG_CHARGE_BATCH and gfp & _BLOCKING and not self.box.pages.memalloc:
                self.handle_over_high(gfp)

    def reclaim(self, memcg: MemCgroup, pages: int, gfp: int) -> int:
        """try_to_free_mem_cgroup_pages(), which the current task waits for.

        What it did since the last time took time, too: by now the disk has written most of what was on its way.
        """
        faults, self.faults = self.faults, self.box.vmstat["pgfault"]
        if self.box.disk.pending:
            self.box.timer.advance(FAULT_USEC * (self.faults - faults))
        with self.box.psi.stall("memory"):
            return self.box.reclaim.try_to_free_mem_cgroup_pages(self.box, memcg.number, pages, gfp)

    def oom(self, memcg: MemCgroup, gfp: int, pages: int) -> bool:
        """Nothing can be reclaimed in the group: somebody in it dies, if that can be (mem_cgroup_oom)."""
        if pages > COSTLY:
            return False
        memcg.event("oom")
        return self.box.oom.mem_cgroup_out_of_memory(memcg, gfp, (pages - 1).bit_length())

    # -- memory.high ---------------------------------------------------------------------------------------------------

    def resume_user_mode(self) -> None:
        """The current task goes back to its program: if it charged above a `high` it reclaims now, and waits."""
        if self.over_high:
            self.handle_over_high(GFP_KERNEL)

    def reclaim_high(self, memcg: MemCgroup, pages: int, gfp: int) -> int:
        reclaimed = 0
        at: MemCgroup | None = memcg
        while at is not None and at.parent is not None:
            if at.memory.usage > at.memory.high:
                at.event("high")
                reclaimed += self.reclaim(at, pages, gfp)
            at = at.parent
        return reclaimed

    def handle_over_high(self, gfp: int) -> None:
        """Reclaim what was charged above `high`; what cannot be reclaimed costs time (mem_cgroup_handle_over_high)."""
        pages, self.over_high = self.over_high, 0
        memcg = self.paying
        if memcg is None:
            return
        retries = MAX_RECLAIM_RETRIES
        goal = pages
        while True:
            reclaimed = self.reclaim_high(memcg, goal, gfp)
            jiffies = calculate_high_delay(pages, self._overage(memcg, swap=False))
            jiffies += calculate_high_delay(pages, self._overage(memcg, swap=True))
            jiffies = min(jiffies, MEMCG_MAX_HIGH_DELAY_JIFFIES)
            if jiffies <= HZ // 100:
                return
            if not reclaimed and not retries:
                break
            if not reclaimed:
                retries -= 1
            goal = SWAP_CLUSTER_MAX
        with self.box.psi.stall("memory"):
            self.box.timer.advance(jiffies * USEC_PER_JIFFY)

    def _overage(self, memcg: MemCgroup, *, swap: bool) -> int:
        """The largest part above `high`, from here up to the root (mem_find_max_overage, swap_find_max_overage)."""
        most = 0
        at: MemCgroup | None = memcg
        while at is not None and at.parent is not None:
            counter = at.swap if swap else at.memory
            over = counter.usage - counter.high
            if over > 0:
                if swap:
                    at.event("swap_high")
                most = max(most, (over << MEMCG_DELAY_PRECISION_SHIFT) // max(counter.high, 1))
            at = at.parent
        return most

    # -- the kernel's memory: blocks of pages --------------------------------------------------------------------------

    def current(self) -> ObjCgroup | None:
        """Who pays for what the kernel takes on behalf of the current task; None for the root."""
        memcg = self.paying
        while memcg is not None and memcg.objcg is None:
            memcg = memcg.parent
        return memcg.objcg if memcg is not None else None

    def charge_block(self, pfn: int, order: int, gfp: int) -> bool:
        """A block with __GFP_ACCOUNT was allocated; False if nobody may pay for it (__memcg_kmem_charge_page)."""
        objcg = self.current()
        if objcg is None:
            return True
        if not self._charge_pages(objcg, gfp, 1 << order):
            return False
        self.box.memmap.memcg[pfn] = objcg.number
        objcg.blocks += 1
        return True

    def uncharge_table(self, pfn: int) -> None:
        """A page table goes, with the pages that it mapped: not by way of the stock (mem_cgroup_uncharge)."""
        memmap = self.box.memmap
        number = memmap.memcg[pfn]
        if number:
            memmap.flags[pfn] &= ~PG_KMEMCG
            memcg = self.obj_cgroups[number].payer
            memcg.memory.uncharge(1)
            memcg.stat["kernel"] -= 1
            self._block_gone(pfn)

    def uncharge_block(self, pfn: int, order: int) -> None:
        number = self.box.memmap.memcg[pfn]
        if number:
            self._uncharge_pages(self.obj_cgroups[number], 1 << order)
            self._block_gone(pfn)

    def _block_gone(self, pfn: int) -> None:
        column = self.box.memmap.memcg
        number, column[pfn] = column[pfn], 0
        objcg = self.obj_cgroups[number]
        objcg.blocks -= 1
        if not objcg.blocks and not objcg.memcg.online:
            del self.obj_cgroups[number]

    def _charge_pages(self, objcg: ObjCgroup, gfp: int, pages: int) -> bool:
        memcg = objcg.payer
        if not self.try_charge(memcg, gfp, pages):
            return False
        memcg.stat["kernel"] += pages
        return True

    def _uncharge_pages(self, objcg: ObjCgroup, pages: int) -> None:
        memcg = objcg.payer
        memcg.stat["kernel"] -= pages
        self.refill_stock(self.stock, memcg, pages)

    # -- and objects, by the byte --------------------------------------------------------------------------------------

    def charge(self, objcg: object, size: int, gfp: int) -> bool:
        """Charge `size` bytes for an object (obj_cgroup_charge)."""
        assert isinstance(objcg, ObjCgroup)
        stock = self.stock
        if stock.objcg is objcg and stock.bytes >= size:
            stock.bytes -= size
            return True
        pages, rest = divmod(size, 4096)
        if not self._charge_pages(objcg, gfp, pages + bool(rest)):
            return False
        if rest:
            self._refill_obj_stock(objcg, 4096 - rest, False)
        return True

    def charge_bytes(self, objcg: ObjCgroup, size: int) -> bool:
        return self.charge(objcg, size, GFP_KERNEL)

    def uncharge(self, objcg: object, size: int) -> None:
        assert isinstance(objcg, ObjCgroup)
        self._refill_obj_stock(objcg, size, True)

    def mod_objcg_state(self, objcg: object, reclaimable: bool, size: int) -> None:
        assert isinstance(objcg, ObjCgroup)
        objcg.payer.stat["slab_reclaimable" if reclaimable else "slab_unreclaimable"] += size

    def _refill_obj_stock(self, objcg: ObjCgroup, size: int, allow_uncharge: bool) -> None:
        stock = self.stock
        if stock.objcg is not objcg:
            self.drain_obj_stock(stock)
            stock.objcg = objcg
            stock.bytes, objcg.nr_charged_bytes = objcg.nr_charged_bytes, 0
            allow_uncharge = True
        stock.bytes += size
        if allow_uncharge and stock.bytes > 4096:
            pages, stock.bytes = divmod(stock.bytes, 4096)
            self._uncharge_pages(objcg, pages)


def calculate_high_delay(pages: int, overage: int) -> int:
    """How many jiffies a task waits that charged `pages` where usage is above `high` by that part."""
    jiffies = overage * overage * HZ >> MEMCG_DELAY_PRECISION_SHIFT >> MEMCG_DELAY_SCALING_SHIFT
    return jiffies * pages // MEMCG_CHARGE_BATCH
