"""Every invariant of a Box, once: used by the tests, by the shell after a bug, and by a command.

`check(box)` answers one line for each breach; an empty list means that each page frame is accounted for exactly once
and that every counter agrees with a recount.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from memsh.inspect.check_files import check_files
from memsh.inspect.check_hugetlb import check_hugetlb
from memsh.inspect.check_ksm import check_ksm
from memsh.inspect.check_memcg import check_memcg
from memsh.inspect.check_mm import check_mm
from memsh.inspect.check_pages import check_pages
from memsh.inspect.check_slab import check_slab
from memsh.inspect.check_swap import check_swap, swap_cache
from memsh.inspect.check_task import check_tasks
from memsh.linux.include.memmap import (
    K_FILE,
    K_HUGETLB,
    K_RECORDED,
    K_RESERVED,
    K_SHMEM,
    K_SLAB,
    K_STACK,
    K_TABLE,
    K_VMALLOC,
    KIND_NAMES,
)
from memsh.linux.include.mmzone import NO_SECTION, pindex_to_order

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone

FREE, PER_CPU_LIST, LOST = -1, -2, -3
_MOST = 20


class Block(NamedTuple):
    """`pages` frames from `pfn` used for one thing: a K_* kind, FREE, PER_CPU_LIST, or LOST (nobody's)."""

    pfn: int
    pages: int
    use: int


def frames(box: Box, *, runs: bool = False) -> Iterator[Block]:
    """Every frame of every zone once, as blocks in ascending order; holes in a zone are left out. What was reserved at
    boot comes in runs, at most a page block each; with `runs`, single pages of one kind do, too."""
    memmap = box.memmap
    refcount, orders, kinds = memmap.refcount, memmap.order, memmap.kind
    for pfn, end, zone in sorted(_stretches(box), key=lambda found: found[0]):
        on_pcp = {
            pfn: pindex_to_order(index, zone.block_order)
            for pcp in zone.pcps for index, pages in enumerate(pcp.lists) for pfn in pages
        }  # fmt: skip
        free = zone.free
        end = min(end, memmap.frames)
        while pfn < end:
            key = free.get(pfn)
            if key is not None:
                block = Block(pfn, 1 << (key >> 2), FREE)
            elif refcount[pfn]:
                kind = kinds[pfn]
                if kind == K_RESERVED:
                    block = Block(pfn, _run(zone, kinds, pfn, end), kind)
                elif runs and not orders[pfn]:
                    count = _run(zone, kinds, pfn, end)
                    count -= len(bytes(orders[pfn : pfn + count]).lstrip(b"\0"))
                    counts = refcount[pfn : pfn + count].tolist()
                    block = Block(pfn, counts.index(0) if 0 in counts else count, kind)
                else:
                    block = Block(pfn, 1 << orders[pfn], kind)
            elif pfn in on_pcp:
                block = Block(pfn, 1 << on_pcp[pfn], PER_CPU_LIST)
            elif zone.block_type(pfn) == NO_SECTION:
                pfn = (pfn | zone.block_pages - 1) + 1
                continue
            elif 0x9F <= pfn < 0x100 or kinds[pfn] == K_RESERVED:
                pfn += 1
                continue
            else:
                block = Block(pfn, 1, LOST)
            yield block
            pfn += block.pages


def _stretches(box: Box) -> Iterator[tuple[int, int, Zone]]:
    """Where zones lie: [first, behind), without what is another's in the middle of one."""
    for zone in box.pages.zones:
        if zone.whole_end == zone.end_pfn and zone.present:
            yield zone.start_pfn, zone.end_pfn, zone
        pfn = zone.whole_end
        while pfn < zone.end_pfn:
            if zone.owns(pfn):
                yield pfn, zone.stretch_end(pfn), zone
                pfn = zone.stretch_end(pfn)
            else:
                pfn += zone.block_pages


def _run(zone: Zone, kinds: memoryview, pfn: int, end: int) -> int:
    """How many frames from `pfn` on are of its kind, up to the end of the page block."""
    part = bytes(kinds[pfn : min((pfn | zone.block_pages - 1) + 1, end)])
    return len(part) - len(part.lstrip(part[:1]))


def block_of(box: Box, pfn: int) -> Block | None:
    """The block that holds a frame; None for a hole or a frame that is not there."""
    pages, memmap = box.pages, box.memmap
    if not 0 <= pfn < memmap.frames:
        return None
    head = pages.free_head(pfn)
    if head is not None:
        return Block(head, 1 << (pages.free_order(head) or 0), FREE)
    for order in range(box.hugetlb.largest_order + 1):
        head = pfn >> order << order
        if memmap.refcount[head] and head + (1 << memmap.order[head]) > pfn:
            return Block(head, 1 << memmap.order[head], memmap.kind[head])
    for head, order in pages.pcp_frames():
        if head <= pfn < head + (1 << order):
            return Block(head, 1 << order, PER_CPU_LIST)
    zone = pages.zone_of(pfn)
    inside = zone.start_pfn <= pfn < zone.end_pfn and zone.block_type(pfn) != NO_SECTION
    if not inside or 0x9F <= pfn < 0x100 or memmap.kind[pfn] == K_RESERVED:
        return None
    return Block(pfn, 1, LOST)


def count_frames(box: Box) -> dict[int, int]:
    """Pages by use."""
    found: dict[int, int] = {}
    for block in frames(box, runs=True):
        found[block.use] = found.get(block.use, 0) + block.pages
    return found


def check_frames(box: Box) -> list[str]:
    """Each managed frame has one use, and the uses agree with the counters."""
    wrong: list[str] = []
    end = 0
    found: dict[int, int] = {}
    for block in frames(box, runs=True):
        if block.pfn < end:
            wrong.append(f"frame {block.pfn:#x} belongs to two blocks")
        if block.use == LOST and len(wrong) < _MOST:
            wrong.append(f"frame {block.pfn:#x} belongs to nobody")
        end = block.pfn + block.pages
        found[block.use] = found.get(block.use, 0) + block.pages
    stat = box.vmstat
    slabs = stat["nr_slab_reclaimable"] + stat["nr_slab_unreclaimable"]
    cached = [box.memmap.kind[pfn] for pfn in swap_cache(box)]
    areas = (*box.vmalloc.areas(), *box.vmalloc.leaving)
    kept = len(box.vmalloc.stacks) * box.arch.thread_size >> 10  # KiB of kernel stacks without a task
    mapped = found.get(K_STACK, 0) if box.arch.vmap_stack else 0
    tables = sum(mm.nr_ptes + (1 << mm.mmu.top_order) for mm in box.vm.mms.values())
    tables += box.ksm.top_tables() if box.ksm is not None else 0
    expected = (
        ("slab pages", found.get(K_SLAB, 0) + found.get(KIND_NAMES.index("kmalloc"), 0), slabs),
        ("kernel stacks, KiB", found.get(K_STACK, 0) * 4, stat["nr_kernel_stack"] + kept),
        ("page cache", found.get(K_FILE, 0) + found.get(K_SHMEM, 0) + len(cached) - cached.count(K_SHMEM),
         stat["nr_file_pages"]),
        ("page tables", found.get(K_TABLE, 0), tables),
        ("vmalloc pages", found.get(K_VMALLOC, 0) + mapped, sum(area.nr_pages for area in areas)),
        ("nr_vmalloc_pages", sum(area.nr_pages for area in areas), box.vmalloc.nr_pages),
        ("huge pages of the pools", found.get(K_HUGETLB, 0), box.hugetlb.total_pages),
        ("free pages", found.get(FREE, 0), sum(zone.nr_free for zone in box.pages.zones)),
        (
            "pages on per-CPU lists",
            found.get(PER_CPU_LIST, 0),
            sum(pcp.count for zone in box.pages.zones for pcp in zone.pcps),
        ),
    )
    for name, counted, kept in expected:
        if counted != kept and not (found.get(K_RECORDED) and name != "free pages"):
            wrong.append(f"{name}: {counted} counted, {kept} kept")
    return wrong


def check(box: Box) -> list[str]:
    """Every breach of an invariant, one line each; empty when the box is whole."""
    wrong = check_pages(box) + check_slab(box) + check_mm(box) + check_files(box) + check_swap(box)
    wrong += check_hugetlb(box) + check_tasks(box) + check_frames(box) + check_memcg(box) + check_ksm(box)
    return wrong[:_MOST]
