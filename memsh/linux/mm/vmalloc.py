"""Virtually contiguous kernel memory from scattered pages (mm/vmalloc.c).

Areas lie between VMALLOC_START and VMALLOC_END, each followed by a guard page. A new one takes the lowest hole that
fits; a freed one is only unmapped, and its addresses come back when the freed ones are purged: all at once, when they
are many or when no hole is left.

The kernel's page tables for the region are made as addresses need them, and stay; what boot needed of them is among
the pages that boot keeps.

Known deviations: the purge that many freed pages set off happens at once instead of in a worker; tables of the pages
that a chunk of per-CPU memory grows by take no memory. Linux cannot be interrupted while it frees an area; here the
pages that are left go to a worker then, as those do that are freed in an interrupt (vfree_deferred,
delayed_vfree_work).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES, PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.include.memmap import K_OTHER, K_STACK, K_VMALLOC
from memsh.linux.include.mempolicy import MPOL_INTERLEAVE
from memsh.linux.lib.copying import slotwise
from memsh.linux.lib.dump_stack import warn_once, warn_slowpath
from memsh.linux.mm.page_alloc.policy import alloc_pages_bulk_interleave

if TYPE_CHECKING:
    from memsh.linux.box import Box

NR_CACHED_STACKS = 2
PMD_SIZE = 2 << 20
SLICE = 4096  # pages between two places where Ctrl-C is looked for
WORKED, EVERY = 512, 1000  # pages that the worker frees at a time, and µs between two times
LAZY_PAGES = (32 << 20) // PAGE_SIZE
HIGHMEM, NOWARN = GFP_NAMES["__GFP_HIGHMEM"], GFP_NAMES["__GFP_NOWARN"]


class Row(NamedTuple):
    """An area that will be made: for whom, "" if it is gone by then; bytes without the guard page."""

    caller: str
    size: int
    align: int = PAGE_SIZE


@slotwise()
class VmStruct:
    """One area: `addr`, `size` in bytes with the guard page; `pages` its frames, None if it has none of its own.

    `array` is the address of its page array (0: none), `phys` a device's address, `vpages` whether the array is itself
    a vmalloc area.
    """

    __slots__ = (
        "addr", "array", "caller", "is_vmalloc", "is_vmap", "pages", "phys", "size", "vm_object", "vmap_object",
        "vpages",
    )  # fmt: skip

    def __init__(self, addr: int, size: int, caller: str) -> None:
        self.addr = addr
        self.size = size
        self.caller = caller
        self.pages: array[int] | None = None
        self.array = 0
        self.phys: int | None = None
        self.is_vmalloc = True
        self.is_vmap = False
        self.vpages = False
        self.vmap_object = self.vm_object = 0

    @property
    def nr_pages(self) -> int:
        return len(self.pages or ())

    def line(self, box: Box) -> str:
        """As /proc/vmallocinfo prints it (s_show, show_numa_info)."""
        text = f"0x{self.addr:08x}-0x{self.addr + self.size:08x} {self.size:7d} {self.caller}"
        if self.pages:
            text += f" pages={len(self.pages)}"
        if self.phys is not None:
            text += f" phys=0x{self.phys:0{2 * box.arch.word}x} ioremap"
        if self.is_vmalloc:
            text += " vmalloc"
        if self.is_vmap:
            text += " vmap"
        if self.vpages:
            text += " vpages"
        if self.pages and "NUMA" in box.model.options:
            nodes = Counter(box.pages.zone_of(pfn).node for pfn in self.pages)
            text += "".join(f" N{node}={count}" for node, count in sorted(nodes.items()))
        return text + "\n"


class Vmalloc:
    """`box.vmalloc`. `holes`: the free [start, end) stretches, ascending; `lazy`: those waiting for the purge."""

    def __init__(self, box: Box) -> None:
        self.box = box
        layout = box.machine.layout
        self.start, self.end = layout.vmalloc_start, layout.vmalloc_end
        self.holes: list[tuple[int, int]] = [(self.start, self.end)]
        self.by_addr: dict[int, VmStruct] = {}
        self.lazy: list[tuple[int, int, int]] = []  # start, end, the vmap_area object, ascending; none touch
        self.lazy_pages = 0
        self.laid_out: dict[tuple[str, int], list[int]] = {}  # caller, size and guard page -> addresses kept for it
        self.stacks: list[int] = []  # kernel stacks that wait for their next task
        self.nr_pages = 0  # of all areas (nr_vmalloc_pages)
        self.leaving: list[VmStruct] = []  # their addresses are gone, pages are left
        self.tables: set[tuple[int, int]] = set()  # (address bit where a table's part begins, which part) of those made

    def areas(self) -> list[VmStruct]:
        """All areas by address."""
        return [self.by_addr[addr] for addr in sorted(self.by_addr)]

    # -- addresses -------------------------------------------------------------------

    def _lowest_match(self, size: int, align: int) -> int:
        """The lowest address with `size` bytes free behind it, 0 if there is none (find_vmap_lowest_match)."""
        return next((at for start, end in self.holes if end - (at := -(-start // align) * align) >= size), 0)

    def _cut(self, start: int, size: int) -> None:
        """Take [start, start + size) out of the hole that holds it."""
        at = bisect_left(self.holes, (start + 1,)) - 1
        first, last = self.holes.pop(at)
        left = [(first, start)] if first < start else []
        right = [(start + size, last)] if start + size < last else []
        self.holes[at:at] = left + right

    def lay_out(self, rows: Sequence[Row]) -> None:
        """Keep addresses for areas that are made later in another order than this, in which they are searched."""
        passing = []
        for caller, size, align in rows:
            size += PAGE_SIZE
            start = self._lowest_match(size, align)
            if not start:
                continue
            self._cut(start, size)
            if caller:
                self.laid_out.setdefault((caller, size), []).append(start)
            else:
                passing.append((start, start + size))
        for start, end in passing:
            self._put_back(start, end)

    def end_layout(self) -> None:
        """What was kept and is not needed is free."""
        for (_, size), starts in self.laid_out.items():
            for start in starts:
                self._put_back(start, start + size)
        self.laid_out = {}

    def _put_back(self, start: int, end: int) -> None:
        at = bisect_left(self.holes, (start,))
        if at < len(self.holes) and self.holes[at][0] == end:
            end = self.holes.pop(at)[1]
        if at and self.holes[at - 1][1] == start:
            at -= 1
            start = self.holes.pop(at)[0]
        self.holes.insert(at, (start, end))

    def purge(self) -> bool:
        """Give the addresses of freed areas back (__purge_vmap_area_lazy); says whether there were any."""
        lazy, self.lazy, self.lazy_pages = self.lazy, [], 0
        slab = self.box.slab
        for start, end, item in lazy:
            self._put_back(start, end)
            slab.kmem_cache_free(slab.caches["vmap_area"], item)
        return bool(lazy)

    def _get_vm_area(self, size: int, caller: str, align: int = PAGE_SIZE) -> VmStruct | None:
        """Reserve addresses for `size` bytes and a guard page (__get_vm_area_node); None if there is no room."""
        slab = self.box.slab
        size += PAGE_SIZE
        described = slab.kmalloc(self.box.arch.vm_struct, GFP_KERNEL)
        item = slab.kmem_cache_alloc(slab.caches["vmap_area"], GFP_KERNEL) if described else 0
        kept = self.laid_out.get((caller, size)) if self.laid_out and item else None
        start = kept.pop(0) if kept else 0
        there = bool(start)
        if item and not there:
            start = self._lowest_match(size, align)
        if item and not start and self.purge():
            start = self._lowest_match(size, align)
        if not start:
            if item:
                self.box.log.printk(
                    f"vmap allocation for size {size} failed: use vmalloc=<size> to increase size", KERN_WARNING
                )
                slab.kmem_cache_free(slab.caches["vmap_area"], item)
            if described:
                slab.kfree(described)
            return None
        if not there:
            self._cut(start, size)
        area = VmStruct(start, size, caller)
        area.vm_object, area.vmap_object = described, item
        self.by_addr[start] = area
        return area

    def _remove(self, area: VmStruct) -> None:
        """Unmap: the addresses wait for the purge (remove_vm_area, free_vmap_area_noflush)."""
        del self.by_addr[area.addr]
        self._merge_or_add_lazy(area.addr, area.addr + area.size, area.vmap_object)
        self.lazy_pages += area.size // PAGE_SIZE
        self.box.slab.kfree(area.vm_object)
        if self.lazy_pages > LAZY_PAGES * self.box.config.cpus.bit_length():
            self.purge()

    def _merge_or_add_lazy(self, start: int, end: int, item: int) -> None:
        """Addresses that wait join those right beside them, whose object stays (merge_or_add_vmap_area)."""
        slab, lazy = self.box.slab, self.lazy
        cache = slab.caches["vmap_area"]
        at = bisect_left(lazy, (start, end, item))
        if at < len(lazy) and lazy[at][0] == end:
            slab.kmem_cache_free(cache, item)
            _, end, item = lazy.pop(at)
        if at and lazy[at - 1][1] == start:
            slab.kmem_cache_free(cache, item)
            at -= 1
            start, _, item = lazy.pop(at)
        lazy.insert(at, (start, end, item))

    # -- memory ----------------------------------------------------------------------

    def vmalloc(
        self, size: int, caller: str = "", gfp: int = GFP_KERNEL, *, align: int = PAGE_SIZE, kind: int = K_VMALLOC,
        huge: bool = False, node: int = -1,
    ) -> int:  # fmt: skip
        """Address of `size` bytes in single pages, HighMem preferred, from node `node` on if it is named; 0 if refused.

        The log has a report where there are no addresses, or never so many pages. Where the pages run out it says
        nothing: __GFP_NOWARN, which their allocation goes with, also silences what Linux has to say about it.
        """
        self.box.changes += 1
        pages = -(-size // PAGE_SIZE)
        if not size:
            warn_once(self.box, "vmalloc", "vmalloc", gfp=gfp)
            return 0
        caller = caller or self.box.arch.traces.caller
        huge = huge and size // (len(self.box.pages.nodes) if node < 0 else 1) >= PMD_SIZE
        if huge:  # whole blocks of 2 MiB, each mapped by one entry (vmalloc_huge)
            pages, align = -(-size // PMD_SIZE) * PMD_SIZE // PAGE_SIZE, PMD_SIZE
        if pages > sum(zone.managed for zone in self.box.pages.zones):
            self.box.oom.warn_alloc(gfp, f"vmalloc error: size {size}, exceeds total pages", "exceeds", "vmalloc")
            return 0
        area = self._get_vm_area(pages * PAGE_SIZE, caller, align)
        if area is None:
            words = f"vmalloc error: size {size}, vm_struct allocation failed"
            self.box.oom.warn_alloc(gfp, words, "vm_struct", "vmalloc")
            return 0
        size_of_array = pages * self.box.arch.word
        area.vpages = size_of_array > PAGE_SIZE
        area.array = (self.vmalloc(size_of_array, caller) if area.vpages
                      else self.box.slab.kmalloc(size_of_array, gfp))  # fmt: skip
        if area.array:
            area.pages = array("I", self._huge_blocks(pages, gfp) if huge else [])
            self.nr_pages += len(area.pages)
            while missing := pages - len(area.pages):
                share = missing if self.box.pages.policy is not None else min(missing, SLICE)
                more = self._alloc_pages(gfp | HIGHMEM | NOWARN, share, kind, node)
                area.pages.extend(more)
                self.nr_pages += len(more)
                if not more or self.box.oom.is_victim(self.box.current):
                    break
                if missing > SLICE:
                    self._resched(area)
            if len(area.pages) == pages and self._map(area, 2 if huge else 1):
                return area.addr
        else:
            area.vpages = False
        self._free_area(area)
        return 0

    def _map(self, area: VmStruct, level: int = 1) -> bool:
        """The tables, `level` levels above the pages and higher, without which the area cannot be mapped, from the top
        down (pte_alloc_kernel); those of the highest level are always there. Whether there was memory for them."""
        box = self.box
        for shift in reversed(box.mmu.shifts[level:3]):
            for part in range(area.addr >> shift, (area.addr + area.size - PAGE_SIZE - 1 >> shift) + 1):
                if (shift, part) not in self.tables:
                    if box.cputime.started and not box.pages.alloc_pages(GFP_KERNEL, 0, K_OTHER):
                        return False
                    self.tables.add((shift, part))
        return True

    def _alloc_pages(self, gfp: int, count: int, kind: int, node: int) -> list[int]:
        pages = self.box.pages
        if node < 0 and pages.policy is not None and pages.policy.mode == MPOL_INTERLEAVE:
            return alloc_pages_bulk_interleave(pages, pages.policy.nodes, gfp, count, kind)
        if node < 0 or len(pages.nodes) == 1:
            return pages.alloc_bulk(gfp, count, kind)
        found: list[int] = []
        while len(found) < count and (pfn := pages.alloc_pages_node(gfp, 0, node, kind)):
            found.append(pfn)
        return found

    def _huge_blocks(self, pages: int, gfp: int) -> list[int]:
        """As many whole blocks of 2 MiB as there are, each split into pages (vm_area_alloc_pages)."""
        found: list[int] = []
        order = 9
        while pages - len(found) >= 1 << order:
            first = self.box.pages.alloc_pages(gfp | NOWARN, order, K_VMALLOC)
            if not first:
                break
            memmap = self.box.memmap
            memmap.order[first] = 0
            for pfn in range(first, first + (1 << order)):
                memmap.refcount[pfn], memmap.kind[pfn] = 1, K_VMALLOC
            found += range(first, first + (1 << order))
        return found

    def alloc_stack(self, size: int, gfp: int, node: int = -1, caller: str = "") -> int:
        """A kernel stack: one that a task left, or a new one; 0 if refused (alloc_thread_stack_node)."""
        if self.stacks:
            return self.stacks.pop(0)
        return self.vmalloc(size, caller or self.box.arch.vmap_stack, gfp, align=size, kind=K_STACK, node=node)

    def free_stack(self, addr: int) -> None:
        """Two stacks are kept for the next tasks, further ones go back (try_release_thread_stack_to_cache)."""
        if len(self.stacks) < NR_CACHED_STACKS:
            self.stacks.append(addr)
        else:
            self.vfree(addr)

    def _free_area(self, area: VmStruct) -> None:
        """Addresses first, then the pages one by one, then their array (__vunmap)."""
        self._leave(area)
        while self._free_some(area, SLICE):
            self._resched(area)

    def _leave(self, area: VmStruct) -> None:
        """Its addresses are gone; its pages wait to be freed, the first one last in the array."""
        self._remove(area)
        area.pages = (area.pages or array("I"))[::-1]
        self.leaving.append(area)

    def _free_some(self, area: VmStruct, most: int) -> bool:
        """Free the next pages of an area that is leaving; whether some are left."""
        pages = area.pages or array("I")
        free_pages = self.box.pages.free_pages
        for _ in range(min(most, len(pages))):
            free_pages(pages.pop(), 0)
            self.nr_pages -= 1
        if pages:
            return True
        self.leaving.remove(area)
        if area.vpages:
            self.vfree(area.array)
        elif area.array:
            self.box.slab.kfree(area.array)
        return False

    def _resched(self, area: VmStruct) -> None:
        """A place to be interrupted: the area is given up then, by a worker if it is large."""
        try:
            self.box.cond_resched()
        except BaseException:
            if area not in self.leaving:
                self._leave(area)
            self.box.timer.cancel(self.delayed_vfree_work)
            self.box.timer.once(self.box.timer.usec + EVERY, self.delayed_vfree_work)
            raise

    def delayed_vfree_work(self) -> None:
        """The worker: some pages of the area that has waited longest."""
        if self.leaving:
            self._free_some(self.leaving[0], WORKED)
        if self.leaving:
            self.box.timer.once(self.box.timer.usec + EVERY, self.delayed_vfree_work)

    def bad_vfree(self, addr: int) -> str | None:
        """Why vfree(addr) would be wrong; None for 0 and for the start of an area that vmalloc gave."""
        if not addr:
            return None
        area = self.by_addr.get(addr)
        if area is None:
            return "no vmalloc area begins there"
        return None if area.is_vmalloc and area.pages else "that area was not made by vmalloc"

    def vfree(self, addr: int) -> None:
        """Free what vmalloc gave; EINVAL, with Linux's warning in the log, for anything else."""
        self.box.changes += 1
        if self.bad_vfree(addr):
            name, what = ("bad", "bad address") if addr % PAGE_SIZE else ("nonexistent", "nonexistent vm area")
            text = f"Trying to vfree() {what} ({addr:0{2 * self.box.arch.word}x})"
            warn_slowpath(self.box, name, "vfree", text, addr=addr)
            raise KernelError("EINVAL", "vmalloc did not give that address")
        if addr:
            self._free_area(self.by_addr[addr])

    def ioremap(self, phys: int, size: int, caller: str) -> int:
        """Addresses for a device's registers or firmware tables; no RAM is behind them."""
        size = -(-size // PAGE_SIZE) * PAGE_SIZE
        area = self._get_vm_area(size, caller, 1 << (size - 1).bit_length())
        if area is None:
            return 0
        area.is_vmalloc = False
        area.phys = phys
        self._map(area)
        return area.addr

    def vmap(self, size: int, caller: str) -> int:
        """Addresses for pages that are somebody else's, one guard page behind them; 0 if there is no room."""
        area = self._get_vm_area(size, caller)
        if area is None:
            return 0
        area.is_vmalloc, area.is_vmap = False, True
        self._map(area)
        return area.addr

    def pcpu_get_vm_areas(self, areas: Sequence[tuple[int, int]], caller: str, align: int = PAGE_SIZE) -> bool:
        """Addresses for a chunk of per-CPU memory: areas of (offset, size) that keep these distances, as far up as
        there is room for all, without guard pages. Whether there was."""
        base = self._highest_base(areas, align)
        if not base:
            return False
        slab = self.box.slab
        for offset, size in areas:
            area = VmStruct(base + offset, size, caller)
            area.vm_object = slab.kmalloc(self.box.arch.vm_struct, GFP_KERNEL)
            area.vmap_object = slab.kmem_cache_alloc(slab.caches["vmap_area"], GFP_KERNEL)
            self._cut(area.addr, size)
            self.by_addr[area.addr] = area
            if not self.box.cputime.started:
                self._map(area)
        return True

    def _highest_base(self, areas: Sequence[tuple[int, int]], align: int) -> int:
        """Where the area at offset 0 of a chunk may begin; 0 if nowhere (pvm_determine_end_from_reverse)."""
        last = self.end - (align > PAGE_SIZE)  # where areas are large, VMALLOC_END is the last byte's address
        base: int = last // align * align - max(offset + size for offset, size in areas)
        while base >= self.start:
            for offset, size in areas:
                at = bisect_left(self.holes, (base + offset + 1,)) - 1
                if at < 0:
                    return 0
                if self.holes[at][1] < base + offset + size:
                    base = self.holes[at][1] // align * align - size - offset
                    break
            else:
                return base
        return 0

    def info(self) -> str:
        """The text of /proc/vmallocinfo."""
        freed = (f"0x{start:08x}-0x{end:08x} {end - start:7d} unpurged vm_area\n" for start, end, _ in self.lazy)
        return "".join(area.line(self.box) for area in self.areas()) + "".join(freed)
