"""Why a command was refused, or what a signal killed a process for: a line below Linux's own words.

It is told where a person reads it, at the prompt and in lessons; scripts and pipes see Linux's words alone. Everything
is read from the box behind the refusal, and nothing is changed. No known deviations: the lines are memsh's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.commands.draw import human
from memsh.commands.heap import Peek, free_lists
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAX_ORDER, PAGE_SHIFT, PAGE_SIZE, VM_ACCOUNT
from memsh.linux.include.mm_types import MmStruct
from memsh.linux.mm.mmap.vmalist import total_swap_pages, totalram_pages, vm_commit_limit
from memsh.linux.mm.page_alloc.watermark import WMARK_MIN, wmark_pages
from memsh.linux.mm.slab.api import KMALLOC_MAX_SIZE
from memsh.shell.registry import Args
from memsh.shell.values import increment

if TYPE_CHECKING:
    from memsh.libc.malloc import Malloc
    from memsh.shell.session import Session

NO_MEMORY = "Cannot allocate memory"


def tell(session: Session) -> None:
    """From now on the session's refusals give their reason."""
    session.reasons = reason


def reason(box: Box, name: str, args: Args, error: Exception) -> str:
    """The line for a refusal, "" where there is no more to say."""
    words = getattr(error, "strerror", None) or getattr(error, "message", "")
    if words == NO_MEMORY and name in _NO_MEMORY:
        told = _NO_MEMORY[name](box, args)
        if told:
            return told
    elif words == "Invalid argument" and name in ("kfree", "ksize", "vfree", "kmem_cache free"):
        return _not_given(box, args.addr, name)
    elif words == "Invalid argument" and name == "kmem_cache create" and args.size > KMALLOC_MAX_SIZE:
        return f"an object may be up to {human(KMALLOC_MAX_SIZE)}, the largest block of the buddy system"
    return error.detail if isinstance(error, KernelError) else ""


# -- pages ---------------------------------------------------------------------------------------------------------


def _pages(box: Box, order: int, gfp: int) -> str:
    """What a request of that order met, zone by zone."""
    if order >= MAX_ORDER:
        return (f"MAX_ORDER is {MAX_ORDER}: the largest block is order {MAX_ORDER - 1}, {1 << MAX_ORDER - 1} pages, "
                f"{human(PAGE_SIZE << MAX_ORDER - 1)}; vmalloc takes more, page by page")  # fmt: skip
    told = []
    plan = box.pages.prepare_alloc_pages(gfp, box.pages.node)
    plan = plan.slow or plan
    highest = plan.highest
    for zone in plan.zones:
        largest = max((o for o in range(MAX_ORDER) if any(zone.lists[o << 2 | mt] for mt in range(4))), default=-1)
        block = f"largest free block order {largest}" if largest >= 0 else "no free block"
        reserve = zone.lowmem_reserve[highest]
        kept = f"min {wmark_pages(zone, WMARK_MIN)}" + (f" + reserve {reserve}" if reserve else "")
        told.append(f"{zone.name} has {zone.nr_free} pages free against {kept}, {block}")
    return f"order {order} was asked for: " + "; ".join(told)


def _kmalloc(box: Box, args: Args) -> str:
    if args.size > KMALLOC_MAX_SIZE:
        return (f"the largest kmalloc is {human(KMALLOC_MAX_SIZE)} (KMALLOC_MAX_SIZE), the largest block of the buddy "
                "system; vmalloc takes more, page by page")  # fmt: skip
    return _pages(box, max(0, (args.size - 1) >> PAGE_SHIFT).bit_length() if args.size > PAGE_SIZE else 0, args.gfp)


def _vmalloc(box: Box, args: Args) -> str:
    pages, total = -(-args.size // PAGE_SIZE), totalram_pages(box)
    if pages > total:
        return f"{pages} pages were asked for, and the box has {total}"
    vmalloc = box.vmalloc
    hole = max((end - start for start, end in vmalloc.holes), default=0)
    if args.size + PAGE_SIZE > hole:
        return (f"the vmalloc area has {human(vmalloc.end - vmalloc.start)} of addresses, its largest hole "
                f"{human(hole)}; vmalloc=SIZE on the kernel's command line makes it larger")  # fmt: skip
    return _pages(box, 0, 0x6)


# -- a process's address space -------------------------------------------------------------------------------------


def _commit(box: Box, pages: int) -> str:
    """The sum that vm.overcommit_memory makes of a request; "" if it does not refuse it."""
    vm = box.vm
    if vm.overcommit_memory == 1:
        return ""
    if vm.overcommit_memory == 0:
        ram, swap = totalram_pages(box), total_swap_pages(box)
        if pages <= ram + swap:
            return ""
        return (f"overcommit_memory 0 refuses one request of {pages * 4} kB: RAM and swap are {ram * 4} + {swap * 4} "
                f"= {(ram + swap) * 4} kB")  # fmt: skip
    limit, mm = vm_commit_limit(box), box.current.mm
    kept = min(mm.total_vm // 32, vm.user_reserve_kbytes >> 2) if mm is not None else 0
    if vm.commit + pages < limit - kept:
        return ""
    less = f" less {kept * 4} kB that every process leaves" if kept else ""
    return (f"overcommit_memory 2: Committed_AS {vm.commit * 4} kB and {pages * 4} kB more are "
            f"{(vm.commit + pages) * 4} kB, not below CommitLimit {limit * 4} kB{less}")  # fmt: skip


def _mm(box: Box) -> MmStruct:
    """The current process's memory: who was refused some has one."""
    mm = box.current.mm
    assert mm is not None
    return mm


def _room(box: Box, length: int) -> str:
    """Whether the commit sum or the addresses were short."""
    told = _commit(box, -(-length // PAGE_SIZE))
    if told:
        return told
    ends = [(vma.start, vma.end) for vma in _mm(box).mmap]
    holes = [after - before for before, after in zip([0, *(end for _, end in ends)],
             [*(start for start, _ in ends), box.mmu.task_size], strict=True)]  # fmt: skip
    if length > max(holes):
        return f"{human(length)} of addresses were asked for; the largest hole in the process has {human(max(holes))}"
    return ""


def _fork(box: Box, args: Args) -> str:
    pages = sum((vma.end - vma.start) >> PAGE_SHIFT for vma in _mm(box).mmap if vma.flags & VM_ACCOUNT)
    return _commit(box, pages)


def _break(box: Box, args: Args, name: str) -> str:
    mm = _mm(box)
    wanted = increment(args.words[0], box.arch.bits) if name == "sbrk" else args.addr - mm.brk
    above = next((vma.start for vma in mm.mmap if vma.start >= mm.brk), box.mmu.task_size)
    if mm.brk + wanted > above:
        return f"the heap ends at {mm.brk:#010x} and could grow up to {above:#010x}, where another area begins"
    return _commit(box, max(0, wanted) >> PAGE_SHIFT)


def _unmapped(box: Box, args: Args) -> str:
    start = args.addr & ~4095
    end = args.addr + args.length
    for vma in _mm(box).mmap:
        if vma.start <= start < vma.end:
            start = vma.end
    return f"{start:#010x} lies in no area" if start < end else ""


_NO_MEMORY: dict[str, Callable[[Any, Any], str]] = {
    "kmalloc": _kmalloc, "kzalloc": _kmalloc, "vmalloc": _vmalloc, "fork": _fork,
    "brk": lambda box, args: _break(box, args, "brk"), "sbrk": lambda box, args: _break(box, args, "sbrk"),
    "alloc_pages": lambda box, args: _pages(box, args.order, args.gfp),
    "alloc_page": lambda box, args: _pages(box, 0, args.gfp),
    "mmap": lambda box, args: _room(box, args.length), "malloc": lambda box, args: _room(box, args.size),
    "calloc": lambda box, args: _room(box, args.n * args.size), "realloc": lambda box, args: _room(box, args.size),
    "mprotect": _unmapped, "mlock": _unmapped, "madvise": _unmapped,
}  # fmt: skip


# -- what was freed, or could not be -------------------------------------------------------------------------------


def _not_given(box: Box, addr: int, name: str) -> str:
    if name == "vfree":
        return f"no vmalloc area begins at {addr:#x}"
    bad = box.slab.bad_kfree(addr)
    return f"{addr:#x}: {bad}" if bad else ""


def kept_back(box: Box, heap: Malloc, mem: int) -> str:
    """Why a free gave the kernel nothing back: where the chunk is now, and what its top has to reach."""
    peek = Peek(box, box.current, heap)
    try:
        where = free_lists(peek, heap).where.get(mem, "")
        top, trim, pad = peek(heap.av.top), peek(heap.mp.trim_threshold), peek(heap.mp.top_pad)
        size = peek(top + heap.sz) & ~7
    except LookupError:
        return ""
    if where in ("tcache", "fast bin"):
        place = "the thread's cache" if where == "tcache" else "a fast bin"
        return f"nothing goes back to the kernel: the chunk waits in {place} for the next malloc of its size"
    if mem - heap.hdr >= top:
        joined = f"nothing goes back to the kernel: the chunk is part of top now, which has {human(size)}"
        if size < trim:
            return f"{joined}; top is trimmed from {human(trim)} on (the trim threshold)"
        return f"{joined}; trimming leaves a pad of {human(pad)}, and there is no whole page beyond it"
    return (f"nothing goes back to the kernel: chunks in use lie above it, below top at {top + heap.hdr:#x}; the heap "
            "is given back from its end only")  # fmt: skip


# -- signals -------------------------------------------------------------------------------------------------------
