"""Workloads that put memory under pressure: stress, as people know it, and fragment."""

from __future__ import annotations

from memsh.commands.machine import duration
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
    SIGKILL,
)
from memsh.linux.include.memmap import K_OTHER
from memsh.linux.include.sched import Task, context_switch
from memsh.linux.kernel import exit as ending
from memsh.linux.kernel import fork as forking
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Killed, OutOfMemory
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


def spawn(box: Box, name: str, argv: list[str]) -> Task:
    """A process of init's that runs a.out under another name; the current process stays current."""
    child = forking.kernel_clone(box, box.init)
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


class Worker:
    """One of stress's hogs: allocates, touches, waits, frees, again and again."""

    def __init__(self, box: Box, task: Task, size: int) -> None:
        self.box = box
        self.pid = task.pid
        self.born = task
        self.size = size
        self.addr = self.at = 0
        self.rest_until = 0

    @property
    def task(self) -> Task | None:
        task = self.box.tasks.get(self.pid)
        return task if task is not None and task.mm is not None else None

    @property
    def ended_by(self) -> int:
        """The signal that ended it."""
        return self.born.exit_code & 0x7F or SIGKILL

    def step(self, keep: bool, hang_usec: int) -> bool:
        """Touch the next stretch; False once the process is dead."""
        box, task = self.box, self.task
        if task is None or task.mm is None:
            return False
        mm = task.mm
        if box.timer.usec < self.rest_until:
            return True
        if self.addr and self.at >= self.addr + self.size:  # held for long enough
            self.at = self.addr
            if not keep:
                vma.do_munmap(box, mm, self.addr, self.size)
                self.addr = 0
        if not self.addr:
            self.addr = self.at = vma.sys_mmap(box, mm, 0, self.size, _RW, _ANON)
        end = self.addr + self.size
        length = min(CHUNK, end - self.at)
        current = box.current
        context_switch(box, task)
        try:
            touch_range(box, task, self.at, length, True)
        except (Killed, OutOfMemory):
            box.oom.settle()
        finally:
            alive = current.alive and current.mm is not None
            context_switch(box, current if alive else box.init)
        self.at += length
        if self.task is None:
            return False
        if self.at >= end:
            self.rest_until = box.timer.usec + hang_usec
        return True


def charge(box: Box, tasks: list[Task], usec: int) -> None:
    """The workers will have their CPUs for so long, each its share: mostly in the kernel, which finds and clears their
    pages."""
    for task in tasks:
        share = usec // sum(other.cpu == task.cpu for other in tasks)
        left = max(0, share - box.cputime.owed_to(task))
        box.cputime.owe(task, left // 8, left - left // 8)
        task.nivcsw += share < usec


@command(
    opt("--vm", "-m", type=count, default=0, meta="N", help="workers that allocate and touch memory"),
    opt("--vm-bytes", type=wide_size, default=256 << 20, meta="SIZE", help="bytes for each (256M)"),
    opt("--vm-hang", type=duration, default=0.0, meta="TIME", help="seconds to hold it before it is freed"),
    opt("--vm-keep", help="touch the same memory again instead of freeing it"),
    opt("--timeout", "-t", type=duration, default=0.0, meta="TIME", help="end after so long; else at Ctrl-C"),
    opt("--quiet", "-q", help="say nothing"),
    topic=TOPIC, changes=True,
)  # fmt: skip
def stress(box: Box, args: Args, io: IO) -> int:
    """processes that use up memory, on the box's clock

    stress --vm 2 --vm-bytes 64M -t 1s

    Each worker is a process of its own that allocates SIZE bytes, touches every page, and frees them again. With `&` it
    runs in the background while the clock moves (sleep, vmstat 1, a live screen); `kill` ends a worker.
    """
    running(box)
    if not args.vm:
        raise ShellError("say how many workers: --vm N", 1)
    if args.vm > 64:
        raise ShellError("at most 64 workers")
    argv = ["stress", "--vm", str(args.vm), "--vm-bytes", str(args.vm_bytes)]
    master = spawn(box, "stress", argv)
    workers = [Worker(box, spawn(box, "stress", argv), max(4096, args.vm_bytes)) for _ in range(args.vm)]
    said = f"stress: info: [{master.pid}]"
    if not args.quiet:
        io.out(f"{said} dispatching hogs: 0 cpu, 0 io, {args.vm} vm, 0 hdd\n")
    start = box.timer.usec
    end = start + int(args.timeout * 1_000_000) if args.timeout else None
    failed = sig = 0
    try:
        while (end is None or io.session.box.timer.usec < end) and not failed:
            io.check()
            busy = []
            for worker in workers:
                waited = box.disk.waited_usec
                if not worker.step(args.vm_keep, int(args.vm_hang * 1_000_000)):
                    failed, sig = worker.pid, worker.ended_by
                    break
                task = worker.task
                assert task is not None
                resting = worker.rest_until > box.timer.usec
                sleeps = box.disk.waited_usec - waited > CHUNK_USEC // 2
                box.cputime.hold(task, "S" if resting else "D" if sleeps else "R")
                if not resting and not sleeps:
                    busy.append(task)
            charge(box, busy, CHUNK_USEC)
            io.session.advance(CHUNK_USEC)
    finally:
        for pid in [worker.pid for worker in workers] + [master.pid]:
            task = box.tasks.get(pid)
            if task is not None and task.alive:
                ending.do_group_exit(box, task, 15)
    took = round((box.timer.usec - start) / 1_000_000)
    if failed:
        io.err(f"stress: FAIL: [{master.pid}] (415) <-- worker {failed} got signal {sig}\n")
        io.err(f"stress: FAIL: [{master.pid}] (451) failed run completed in {took}s\n")
        return 1
    if not args.quiet:
        io.out(f"{said} successful run completed in {took}s\n")
    return 0


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
        current = box.current
        context_switch(box, task)
        try:
            touch_range(box, task, addr + (done << 12), step << 12, True)
        finally:
            context_switch(box, current)
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
