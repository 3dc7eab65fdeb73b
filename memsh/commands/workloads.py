"""Processes that are put to work, and one that puts memory under pressure: fragment."""

from __future__ import annotations

from memsh.commands.processes import running
from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.box import Box
from memsh.linux.fs import exec as binprm
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    GFP_NAMES,
    GFP_NOWAIT,
    MAP_ANONYMOUS,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAX_ORDER,
)
from memsh.linux.include.memmap import K_OTHER
from memsh.linux.include.sched import Task
from memsh.linux.kernel import exit as ending
from memsh.linux.kernel import fork as forking
from memsh.linux.kernel.sched import on_cpu_of
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.shell import arg, command, opt
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import count, wide_size

TOPIC = "processes"
CHUNK = 8 << 20  # bytes that a worker touches before the clock moves on
LEAST = 16  # pages: with fewer at a time, `fragment` would have nothing to break up
CHUNK_USEC = 10_000
MADV_DONTNEED = 4
_ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
_TAKE = GFP_NOWAIT | GFP_NAMES["__GFP_NOWARN"]
_RW = 3


def spawn(box: Box, name: str, argv: list[str], parent: Task | None = None) -> Task:
    """A process of init's, or of another's, that runs a.out under another name; the current process stays current."""
    child = forking.kernel_clone(box, parent or box.init)
    try:
        binprm.do_execve(box, child, "a.out", argv)
    except KernelError:
        if child.alive:
            ending.do_group_exit(box, child, 127 << 8)
        raise
    child.comm = name
    child.cpu, child.affinity = box.current.cpu, box.current.affinity  # as a child of the shell
    child.signal.rlim = list(box.current.signal.rlim)
    return child


@command(
    opt("--order", type=count, default=4, meta="N", help="the smallest order that no free block has afterwards (4)"),
    arg("size", type=wide_size, default=0, help="bytes to leave free; half of what is free now"),
    topic=TOPIC,
)
def fragment(box: Box, args: Args, io: IO) -> int:
    """leave free memory in pieces: plenty of it, and no block of a high order

    fragment --order 4

    A process takes all memory that is free without reclaim, page by page, and gives back every other piece of
    2^(N-1) pages; a driver holds what is left in larger blocks. The process's pages can be moved: compaction
    (`echo 1 > /proc/sys/vm/compact_memory`) or its end (`kill`) puts the pieces together again.
    """
    running(box)
    if not 1 <= args.order < MAX_ORDER:
        raise ShellError(f"an order is 1 to {MAX_ORDER - 1}")
    pages = box.pages
    free = _room(box)
    if free // 2 <= LEAST:
        raise ShellError("no memory is free above the high watermarks")
    task = spawn(box, "fragment", ["fragment"])
    assert task.mm is not None
    addr = vma.sys_mmap(box, task.mm, 0, free << 12, _RW, _ANON)
    touched = _touch_what_is_there(box, io, task, addr, free)
    piece = 1 << (args.order - 1)
    _give_back(box, task, addr, touched, piece, args.size >> 12 or touched // 2)
    pages.drain_all_pages()
    held = _hold_large(box, args.order)
    left = sum(zone.nr_free for zone in pages.zones)
    io.out(
        f"process {task.pid} (fragment) holds {touched} pages' worth of address space in pieces; "
        f"{left * 4 >> 10} MiB are free, no block above order {args.order - 1}"
        + (f"; a driver holds {held} pages\n" if held else "\n")
    )
    return 0


def _room(box: Box) -> int:
    """Pages that user space can have without reclaim: above each zone's high watermark and lowmem reserve."""
    zones = [zone for zone in box.pages.zones if zone.managed]
    return sum(
        max(0, zone.nr_free - zone.wmark_high - zone.watermark_boost - zone.lowmem_reserve[box.arch.zone_movable])
        for zone in zones
    )


def _touch_what_is_there(box: Box, io: IO, task: Task, addr: int, free: int) -> int:
    """Touch pages until a zone's low watermark is near; how many."""
    done = 0
    while done < free:
        io.check()
        step = min(1024, free - done, _room(box) // 2)
        if step <= LEAST:
            break
        with on_cpu_of(box, task):
            touch_range(box, task, addr + (done << 12), step << 12, True)
        done += step
    return done


def _give_back(box: Box, task: Task, addr: int, touched: int, piece: int, want: int) -> None:
    """Free the pages whose frame lies in an even piece, `want` of them at most."""
    mm = task.mm
    assert mm is not None
    freed = run = 0
    for n in range(touched + 1):
        at = addr + (n << 12)
        pfn = pte_of(mm, at) >> 12 if n < touched else piece
        if not pfn & piece and freed + run < want:
            run += 1
            continue
        if run:
            box.cond_resched()
            vma.do_madvise(box, mm, at - (run << 12), run << 12, MADV_DONTNEED)
            freed += run
            run = 0


def _hold_large(box: Box, order: int) -> int:
    """Take every free block of `order` and above, as a driver would; pages taken."""
    held = 0
    for extra in (0, GFP_NAMES["__GFP_HIGH"], GFP_NAMES["__GFP_HIGH"] | GFP_NAMES["GFP_DMA"]):
        for high in (GFP_NAMES["__GFP_HIGHMEM"], 0):
            if high and extra & GFP_NAMES["GFP_DMA"]:
                continue
            while box.pages.alloc_pages(_TAKE | extra | high, order, K_OTHER):
                held += 1 << order
    return held
