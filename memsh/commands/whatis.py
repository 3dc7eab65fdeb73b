"""What an address or a page frame is: area, cache, slab, list, owner."""

from __future__ import annotations

from memsh.commands.draw import human, plural, say
from memsh.commands.virtual import areas_of, bits, not_canonical, protection
from memsh.inspect.check import FREE, PER_CPU_LIST, block_of
from memsh.linux.arch.x86.paging import walk
from memsh.linux.box import Box
from memsh.linux.include.flags import MIGRATE_NAMES, PAGE_SHIFT
from memsh.linux.include.memmap import (
    K_HUGETLB,
    K_RESERVED,
    K_SLAB,
    KIND_NAMES,
    PG_ACTIVE,
    PG_ANON,
    PG_DIRTY,
    PG_KMEMCG,
    PG_KSM,
    PG_LRU,
    PG_REFERENCED,
    PG_RESERVED,
    PG_UPTODATE,
)
from memsh.linux.include.mm_types import VmArea
from memsh.linux.mm.hugetlb.hstate import page_head
from memsh.linux.mm.rmap.rmap import page_mappings
from memsh.linux.mm.slab.api import Object
from memsh.procfs import tree
from memsh.shell import arg, command
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import address

TOPIC = "views"
_FLAGS = ((PG_RESERVED, "reserved"), (PG_REFERENCED, "referenced"), (PG_UPTODATE, "uptodate"), (PG_DIRTY, "dirty"),
          (PG_LRU, "lru"), (PG_ACTIVE, "active"), (PG_ANON, "anon"),
          (PG_KSM, "ksm"))  # fmt: skip


@command(
    arg("what", type=address, help="an address, or a page frame number below the end of RAM"), topic=TOPIC, looks=True
)
def whatis(box: Box, args: Args, io: IO) -> None:
    """what lies at an address or in a page frame: area, cache, slab, list, who maps it

    whatis 0x08048000
    """
    what = args.what
    if what < box.memmap.frames and what < 0x100000:
        _frame(box, what, io)
    elif what in box.mmu.hole:
        say(io, f"{what:#x}: {not_canonical(box)}")
    elif what >= box.arch.page_offset:
        _kernel(box, what, io)
    else:
        _user(box, what, io)


def _user(box: Box, addr: int, io: IO) -> None:
    task = box.current
    if task.mm is None:
        raise ShellError(f"{task.comm} is a kernel thread: it has no user memory")
    for area in areas_of(box, task):
        if area.start <= addr < area.end:
            bounds = f"{area.start:08x}-{area.end:08x} {protection(area.flags)}"
            say(io, f"{addr:#x}: {area.name} of {task.comm} (PID {task.pid}), {bounds}")
            break
    else:
        say(io, f"{addr:#x}: in no mapping of {task.comm} (PID {task.pid})")
        return
    found = walk(task.mm, addr)
    if found.pfn is None:
        say(io, "  no page yet: the first touch will fault one in")
    else:
        say(io, f"  frame {found.pfn:#x}, entry {found.pte:#010x}: {bits(found.pte)}")
        _frame(box, found.pfn, io)


def _kernel(box: Box, addr: int, io: IO) -> None:
    lay = box.machine.layout
    if addr < lay.high_memory:
        found = box.slab.object_at(addr)
        if found is not None:
            cache = found.cache
            say(io, f"{addr:#x}: object {found.number} of a slab of cache {cache.name} ({human(cache.size)} each)")
            say(io, f"  {_state(box, found, addr)}")
            say(io, f"  slab at {found.slab:#x}: {found.used} of {cache.num} objects handed out of it")
            return
        _frame(box, (addr - box.arch.page_offset) >> PAGE_SHIFT, io)
        return
    for area in box.vmalloc.areas():
        if area.addr <= addr < area.addr + area.size:
            frames = area.pages or ()
            bounds = f"{area.addr:#x}-{area.addr + area.size:#x}"
            say(io, f"{addr:#x}: vmalloc area {bounds}, {plural(len(frames), 'page')}")
            if frames:
                say(io, "  frames " + _runs(list(frames)))
            return
    section = box.machine.image.section_at(addr - lay.image_base)
    if section:
        say(io, f"{addr:#x}: {section}, frame {addr - lay.image_base >> PAGE_SHIFT:#x}")
        return
    for name, start, end, use in lay.areas():
        if start <= addr < end:
            say(io, f"{addr:#x}: in the {name} region ({use}), nothing mapped there")
            return
    say(io, f"{addr:#x}: between the kernel's regions, nothing is there")


def _state(box: Box, found: Object, addr: int) -> str:
    """Whether the object in which the address lies is in use, and if not where it waits."""
    start, cache = found.addr, found.cache
    inside = f", {addr - start} bytes into it" if addr > start else ""
    for array in box.slab.arrays(cache):
        if start in array.addrs:
            after = len(array.addrs) - 1 - array.addrs.index(start)
            turn = f"{plural(after, 'object')} will be handed out before it" if after else "the next to be handed out"
            return f"free{inside}: it waits in the {array.name}, {turn}"
    slab = next((slab for slab in box.slab.slabs(cache) if slab.addr == found.slab), None)
    if slab is not None and found.number in slab.free:
        return f"free{inside}: in its slab's free list, where no array holds it"
    return f"in use{inside}"


def _runs(frames: list[int]) -> str:
    """Frame numbers with neighbours joined: `2420-2423 1f6b`, at most eight runs."""
    runs: list[list[int]] = []
    for pfn in frames:
        if runs and pfn == runs[-1][1] + 1:
            runs[-1][1] = pfn
        else:
            runs.append([pfn, pfn])
    shown = " ".join(f"{a:#x}" if a == b else f"{a:#x}-{b:#x}" for a, b in runs[:8])
    return shown + (f" … {plural(len(runs), 'run')} in all" if len(runs) > 8 else "")


def _resource(box: Box, phys: int) -> list[str]:
    """The names in /proc/iomem under which a physical address stands, outermost first; [""] if it is in none."""
    found = [""]
    for line in tree.show(box, "/proc/iomem").splitlines():
        bounds, _, name = line.strip().partition(" : ")
        first, _, last = bounds.partition("-")
        if int(first, 16) <= phys <= int(last, 16):
            found = [one for one in found if one] + [name]
    return found


def _private(box: Box, pfn: int, vma: VmArea, addr: int) -> str:
    """Why a page is one process's alone though the area came through fork; "" if it did not."""
    owner = vma.anon_vma
    if owner is None:
        return ""
    page_of = box.memmap.owners[box.memmap.mapping[pfn]]
    if page_of is not owner:
        return "the page of before fork; the other process wrote first and has a copy, or is gone"
    if len(vma.anon_chain) > 1:
        return ("private: this process wrote here after it was forked, and that fault copied the page (a child's C "
                "library does so right away, in its stack and data)")  # fmt: skip
    for number in owner.areas:
        other = box.vm.areas[number]
        if other is not vma and other.start <= addr < other.end:
            theirs = walk(other.mm, addr).pfn
            if theirs not in (None, pfn):
                wrote = box.memmap.owners[box.memmap.mapping[theirs]] is other.anon_vma
                return ("private: the child wrote here and took a copy" if wrote else
                        "private: this process wrote here after fork, and that fault copied the page")  # fmt: skip
    return ""


def _pool_page(box: Box, where: str, pfn: int, io: IO) -> None:
    """A page of a hugetlb pool, in use or not."""
    found = page_head(box, pfn)
    assert found is not None
    head, h = found
    maps = box.memmap.mapcount[head]
    if head in h.free[box.pages.zone_of(head).node]:
        say(io, f"{where}: in the huge page at {head:#x} of {human(h.size)}, free in its pool")
        return
    say(io, f"{where}: in the huge page at {head:#x} of {human(h.size)}; count {box.memmap.refcount[head]}, "
            f"mapcount {maps}")  # fmt: skip
    for task in box.tasks.values():
        for number, entry in (task.mm.hugetlb.get(h.shift, {}) if task.mm is not None else {}).items():
            if entry >> 12 == head:
                say(io, f"  mapped at {number << h.shift:#010x} by {task.comm} (PID {task.pid})")


def _frame(box: Box, pfn: int, io: IO) -> None:
    memmap, pages = box.memmap, box.pages
    if not 0 < pfn < memmap.frames:
        raise ShellError(f"page frame {pfn:#x} is not in RAM (the last one is {memmap.frames - 1:#x})")
    zone = pages.zone_of(pfn)
    where = f"frame {pfn:#x} (physical {pfn << 12:#010x}, zone {zone.name})"
    block = block_of(box, pfn)
    if block is None or block.use == K_RESERVED:
        lies_in = _resource(box, pfn << PAGE_SHIFT)
        if lies_in[0] == "System RAM":
            say(io, f"{where}: reserved at boot" + (f", {lies_in[-1]}" if len(lies_in) > 1 else ""))
        else:
            say(io, f"{where}: a hole, no RAM: {lies_in[-1] if lies_in[0] else 'nothing answers at that address'}")
        return
    head = block.pfn
    if block.use == FREE:
        key = zone.free[head]
        say(io, f"{where}: free, in the order-{key >> 2} block at {head:#x} on the {MIGRATE_NAMES[key & 3]} list")
        return
    if block.use == PER_CPU_LIST:
        say(io, f"{where}: free, on this CPU's list")
        return
    kind, order = KIND_NAMES[memmap.kind[head]] or "kernel", memmap.order[head]
    if memmap.kind[head] == K_HUGETLB:
        _pool_page(box, where, pfn, io)
        return
    part = f", part of the order-{order} block at {head:#x}" if order else ""
    say(io, f"{where}: {kind}{part}; count {memmap.refcount[head]}, mapcount {memmap.mapcount[pfn]}")
    flags = " ".join(name for bit, name in _FLAGS if memmap.flags[head] & bit)
    if flags:
        say(io, f"  flags: {flags}")
    number = memmap.memcg[head if memmap.flags[head] & PG_KMEMCG else pfn]
    if number:
        kernel = memmap.flags[head] & PG_KMEMCG
        group = box.memcg.obj_cgroups[number].payer if kernel else box.memcg.by_number[number]
        gone = "" if group.online else ", which is removed"
        say(io, f"  charged to cgroup {group.cgroup.path}{gone}")
    if memmap.kind[head] == K_SLAB:
        found = box.slab.slab_at(head)
        if found is not None:
            say(io, f"  cache {found.cache.name}: {found.used} of {found.cache.num} objects handed out")
    mappings = page_mappings(box, pfn)
    for vma, addr in mappings:
        task = next((task for task in box.tasks.values() if task.mm is vma.mm), None)
        who = f"{task.comm} (PID {task.pid})" if task else "a process"
        say(io, f"  mapped at {addr:#010x} by {who}")
    if len(mappings) == 1 and memmap.flags[head] & PG_ANON:
        told = _private(box, pfn, *mappings[0])
        if told:
            say(io, f"  {told}")
