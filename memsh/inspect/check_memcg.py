"""What must hold for memory cgroups: every page's group against the counters, stocks, swap slots, objects, tasks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from memsh.linux.include.cgroup import ObjCgroup
from memsh.linux.include.memmap import K_ANON, K_FILE, K_SHMEM, PG_KMEMCG
from memsh.linux.kernel.cgroup.pids import levels
from memsh.linux.lib.columns import sub_runs

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup


class _Found:
    """What the box holds, group by group: pages by number, blocks of the kernel by obj_cgroup (how many, pages)."""

    def __init__(self) -> None:
        self.pages: Counter[int] = Counter()
        self.blocks: Counter[int] = Counter()
        self.kernel: Counter[int] = Counter()


def check_memcg(box: Box) -> list[str]:
    """Every breach, one line each."""
    control = box.memcg
    wrong: list[str] = []
    if box.cgroups.root.children or box.cgroups.root.dying:
        _check_hugetlb(box, wrong)
        _check_tasks(box, wrong)
    if control.groups is None and not box.pages.charged and not control.last_number:
        return wrong
    found = _walk(box, wrong)
    for group in control.by_number.values():
        if group.parent is None:
            continue
        _compare(wrong, group, "pages", found.pages[group.number], group.pages)
        swapped = sum(number == group.number for number in control.swap_records.values())
        _compare(wrong, group, "swap slots", swapped, group.swapped)
    if sum(found.pages.values()) != box.pages.charged:
        wrong.append(f"charged pages: {sum(found.pages.values())} counted, {box.pages.charged} kept")
    for number, objcg in control.obj_cgroups.items():
        if found.blocks[number] != objcg.blocks:
            wrong.append(f"blocks of obj_cgroup {number}: {found.blocks[number]} counted, {objcg.blocks} kept")
    gone = [number for number in found.blocks if number not in control.obj_cgroups]
    wrong += [f"obj_cgroup {number} has blocks and is gone" for number in gone]
    _check_kernel(box, wrong, found, _objects(box))
    _check_usage(box, wrong)
    return wrong


def _compare(wrong: list[str], group: MemCgroup, what: str, counted: int, kept: int) -> None:
    if counted != kept:
        wrong.append(f"cgroup {group.cgroup.path}: {what}: {counted} counted, {kept} kept")


def _walk(box: Box, wrong: list[str]) -> _Found:
    memmap, known = box.memmap, box.memcg.by_number
    found = _Found()
    for low, high in memmap.used_sections():
        for first, count, number in sub_runs(memmap.memcg, low, high - low):
            if not number:
                continue
            for pfn, n, flags in sub_runs(memmap.flags, first, count):
                if flags & PG_KMEMCG:
                    found.blocks[number] += n
                    found.kernel[number] += sum(1 << memmap.order[frame] for frame in range(pfn, pfn + n))
                elif memmap.kind[pfn] not in (K_ANON, K_FILE, K_SHMEM) and memmap.refcount[pfn]:
                    wrong.append(f"frame {pfn:#x} of kind {memmap.kind[pfn]} is charged to cgroup {number}")
                elif number not in known:
                    wrong.append(f"frame {pfn:#x} is charged to cgroup {number}, which is not there")
                else:
                    found.pages[number] += n
    return found


def _objects(box: Box) -> dict[ObjCgroup, int]:
    """Bytes charged for objects of the slab caches, with their places in the vectors of owners."""
    held: dict[ObjCgroup, int] = {}
    for cache in box.slab.caches.values():
        for objcg in box.slab.owners(cache):
            assert isinstance(objcg, ObjCgroup)
            held[objcg] = held.get(objcg, 0) + cache.size + 8
    return held


def _check_kernel(box: Box, wrong: list[str], found: _Found, objects: dict[ObjCgroup, int]) -> None:
    """Pages charged for the kernel: blocks, and the pages that objects were charged out of."""
    control = box.memcg
    everyone = {id(objcg): objcg for objcg in [*control.obj_cgroups.values(), *objects]}
    for stock in control.stocks:
        if stock.objcg is not None:
            everyone.setdefault(id(stock.objcg), stock.objcg)
    bytes_by_group: dict[int, int] = {}
    pages_by_group: dict[int, int] = {}
    for objcg in everyone.values():
        payer = objcg.payer.number
        in_hand = sum(stock.bytes for stock in control.stocks if stock.objcg is objcg)
        size = objects.get(objcg, 0) + objcg.nr_charged_bytes + in_hand
        bytes_by_group[payer] = bytes_by_group.get(payer, 0) + size
        pages_by_group[payer] = pages_by_group.get(payer, 0) + found.kernel[objcg.number]
    for group in control.by_number.values():
        if group.parent is None or not group.online:
            continue
        percpu = sum(child.overhead for child in group.children)
        kept = sum(member.stat["kernel"] for member in group.tree() if member is group or not member.online)
        size = bytes_by_group.get(group.number, 0) + percpu
        if size % 4096 and not any(member.stat["kernel"] for member in group.tree() if not member.online):
            wrong.append(f"cgroup {group.cgroup.path}: {size} bytes of objects are no whole pages")
        if pages_by_group.get(group.number, 0) + size // 4096 != kept:
            wrong.append(f"cgroup {group.cgroup.path}: kernel pages: "
                         f"{pages_by_group.get(group.number, 0) + size // 4096} counted, {kept} kept")  # fmt: skip


def _check_usage(box: Box, wrong: list[str]) -> None:
    """memory.current against what the group, those below it and the stocks have."""
    control = box.memcg
    for group in control.by_number.values():
        if group.parent is None or not group.online:
            continue
        members = list(group.tree())
        stocks = sum(stock.pages for stock in control.stocks if stock.memcg in members)
        pages = sum(member.pages + member.stat["kernel"] for member in members)
        _compare(wrong, group, "memory.current, pages", pages + stocks, group.memory.usage)
        _compare(wrong, group, "memory.swap.current, pages", sum(member.swapped for member in members),
                 group.swap.usage)  # fmt: skip
        if group.memory.watermark < group.memory.usage:
            wrong.append(f"cgroup {group.cgroup.path}: memory.peak is below memory.current")


def _check_hugetlb(box: Box, wrong: list[str]) -> None:
    """Huge pages in use, by the group that pays."""
    free = {pfn for h in box.hugetlb.states.values() for pages in h.free for pfn in pages}
    for pfn in sorted(free & (box.hugetlb.charged.keys() | box.hugetlb.charged_rsvd.keys())):
        wrong.append(f"huge page {pfn:#x} is free, and charged to a cgroup")
    for group in box.cgroups.root.descendants():
        below = [one.hugetlb for one in (group, *group.descendants()) if one.hugetlb is not None]
        for order, counter in group.hugetlb.usage.items() if group.hugetlb is not None else ():
            pages = [pfn for pfn, who in box.hugetlb.charged.items() if box.memmap.order[pfn] == order and who in below]
            if len(pages) << order != counter.usage:
                wrong.append(f"cgroup {group.path}: huge pages of order {order}: {len(pages) << order} counted, "
                             f"{counter.usage} kept")  # fmt: skip


def _check_tasks(box: Box, wrong: list[str]) -> None:
    groups = {id(group) for group in box.cgroups.root.descendants()}
    for task in box.tasks.values():
        if task.alive and task.cgroup is not None and id(task.cgroup) not in groups:
            wrong.append(f"task {task.pid} is in a cgroup that is not there")
    for group in box.cgroups.root.descendants():
        if group.pids is not None:
            members = [*box.tasks.values(), *box.threads.values()]
            counted = sum(any(pids is group.pids for pids in levels(task.cgroup)) for task in members)
            if counted != group.pids.counter:
                wrong.append(f"cgroup {group.path}: pids.current: {counted} counted, {group.pids.counter} kept")
    for stock in box.memcg.stocks:
        if stock.pages and stock.memcg is None:
            wrong.append("a CPU's stock is nobody's")
