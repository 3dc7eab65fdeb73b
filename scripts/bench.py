#!/usr/bin/env python3
"""Measure memsh: `bench.py [--json FILE] [NAME …]`. Without names, everything.

A benchmark is a function without arguments that returns (operations, seconds), in the table BENCHES; the best of its
rounds counts. The yardstick is one iteration of a loop that stores into a dict, measured in the same process: machines
differ, the ratio holds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from memsh.libc.process import UserProcess
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.flags import GFP_HIGHUSER_MOVABLE, GFP_KERNEL
from memsh.linux.include.sched import switch_to
from memsh.linux.kernel import exit as task_exit
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap.mmap import do_mmap
from memsh.machines.box import Box
from memsh.procfs.tree import show

Result = tuple[int, float]
OPS = 200_000
LIVE = 2_000
LIVE_OBJECTS = 600
PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS = 3, 0x22
MIXED_TRACE = Path(__file__).resolve().parent.parent / "tests" / "reference" / "heap" / "mixed-2.in"


class Bench(NamedTuple):
    """`run` gives (operations, seconds); `goal` is what the project promises, for the table."""

    run: Callable[[], Result]
    goal: str
    rounds: int = 3


def yardstick() -> float:
    """Seconds of one iteration of the reference loop, best of five."""

    def loop() -> float:
        d: dict[int, int] = {}
        start = time.perf_counter()
        for i in range(1_000_000):
            d[i & 1023] = i
        return time.perf_counter() - start

    return min(loop() for _ in range(5)) / 1_000_000


# -- pages ---------------------------------------------------------------------------------------------------------


def page_plan(orders: int) -> list[tuple[bool, int, int, int]]:
    """(allocate?, order, gfp, which live block to free) for each operation, the same every time."""
    rng = random.Random(1)
    flags = (GFP_KERNEL, GFP_HIGHUSER_MOVABLE)
    return [
        (rng.random() < 0.5, rng.randrange(orders), flags[rng.randrange(2)], rng.randrange(1 << 30)) for _ in range(OPS)
    ]


def run_pages(box: Box, plan: list[tuple[bool, int, int, int]]) -> Result:
    """Random allocations and frees with LIVE blocks held, from a warm start."""
    alloc, free = box.pages.alloc_pages, box.pages.free_pages
    held = [(alloc(gfp, order), order) for _, order, gfp, _ in plan[:LIVE]]
    start = time.perf_counter()
    for allocate, order, gfp, which in plan:
        if allocate:
            held.append((alloc(gfp, order), order))
        elif held:
            at = which % len(held)
            pfn, size = held[at]
            held[at] = held[-1]
            held.pop()
            free(pfn, size)
    seconds = time.perf_counter() - start
    for pfn, size in held:
        free(pfn, size)
    return len(plan), seconds


def pages_mixed() -> Result:
    return run_pages(Box(Config(ram=GIB)), page_plan(4))


def pages_order0() -> Result:
    return run_pages(Box(Config(ram=GIB)), page_plan(1))


def pages_mixed_64m() -> Result:
    return run_pages(Box(Config(ram=64 * MIB)), page_plan(4))


def pages_mixed_4g() -> Result:
    return run_pages(Box(Config(ram=4 * GIB)), page_plan(4))


def pages_bulk() -> Result:
    """Pages in lists, as page faults and unmapping take and give them."""
    box = Box(Config(ram=GIB))
    pages, refcount = box.pages, box.memmap.refcount
    count, seconds = 0, 0.0
    for _ in range(20):
        start = time.perf_counter()
        got = pages.alloc_bulk(GFP_HIGHUSER_MOVABLE, 5_000)
        seconds += time.perf_counter() - start
        for pfn in got:
            refcount[pfn] = 0
        start = time.perf_counter()
        pages.free_page_list(got)
        seconds += time.perf_counter() - start
        count += 2 * len(got)
    return count, seconds


# -- slab objects --------------------------------------------------------------------------------------------------


def kmem_cache() -> Result:
    """Random allocations and frees of 100-byte objects, LIVE_OBJECTS held at the start."""
    slab = Box(Config(ram=GIB)).slab
    cache = slab.kmem_cache_create("bench", 100)
    alloc, free = slab.kmem_cache_alloc, slab.kmem_cache_free
    rng = random.Random(1)
    plan = [(rng.random() < 0.5, rng.randrange(1 << 30)) for _ in range(OPS)]
    held = [alloc(cache) for _ in range(LIVE_OBJECTS)]
    start = time.perf_counter()
    for allocate, which in plan:
        if allocate:
            held.append(alloc(cache))
        elif held:
            at = which % len(held)
            addr = held[at]
            held[at] = held[-1]
            held.pop()
            free(cache, addr)
    return len(plan), time.perf_counter() - start


# -- processes -----------------------------------------------------------------------------------------------------


def touched_box() -> tuple[Box, int, float]:
    """A 4 GiB box whose current process has touched 1 GiB; the faults and the seconds that took."""
    box = Box(Config(ram=4 * GIB))
    task = box.current
    assert task.mm is not None
    addr = do_mmap(box, task.mm, 0, GIB, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS)
    start = time.perf_counter()
    faults = touch_range(box, task, addr, GIB, True).minflt
    return box, faults, time.perf_counter() - start


def touch_1g() -> Result:
    return touched_box()[1:]


def fork_1g() -> Result:
    box = touched_box()[0]
    start = time.perf_counter()
    kernel_clone(box, box.current)
    return 1, time.perf_counter() - start


def exit_1g() -> Result:
    """The exit of the process that alone maps the pages, so that every one is freed."""
    box = touched_box()[0]
    start = time.perf_counter()
    task_exit.do_exit(box, box.current, 0)
    return 1, time.perf_counter() - start


def exit_1g_child() -> Result:
    """The exit of a child that shares all pages with its parent."""
    box = touched_box()[0]
    child = kernel_clone(box, box.current)
    start = time.perf_counter()
    task_exit.do_exit(box, child, 0)
    return 1, time.perf_counter() - start


def smaps_1g() -> Result:
    """/proc/PID/smaps of the process."""
    box = touched_box()[0]
    start = time.perf_counter()
    show(box, f"/proc/{box.current.pid}/smaps")
    return 1, time.perf_counter() - start


# -- memory pressure -------------------------------------------------------------------------------------------------


def reclaim() -> Result:
    """768 MiB written on a box of 256 MiB with swap: each page is looked at, written out and freed."""
    box = Box(Config(ram=256 * MIB, swap=GIB))
    task = box.current
    assert task.mm is not None
    addr = do_mmap(box, task.mm, 0, 768 * MIB, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS)
    start = time.perf_counter()
    touch_range(box, task, addr, 768 * MIB, True)
    seconds = time.perf_counter() - start
    return box.vmstat["pgsteal_kswapd"] + box.vmstat["pgsteal_direct"], seconds


def fill(box: Box) -> None:
    """Fill a box with page cache, then with anonymous memory until there is no more."""
    for number in range(box.config.ram // GIB):
        box.fs.mkfile(f"/data{number}", GIB)
        file = box.fs.open(f"/data{number}")
        at = 0
        while at < GIB and (read := box.fs.skip(file, at, 16 * MIB)):
            at += read
    parent = box.current
    before = box.vmstat["oom_kill"]
    for _ in range(3):
        child = kernel_clone(box, parent)
        switch_to(box, child)
        assert child.mm is not None
        size = min(2 * GIB, box.config.ram * 3 // 4)
        addr = do_mmap(box, child.mm, 0, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS)
        try:
            touch_range(box, child, addr, size, True)
        except Exception:
            break
        if box.vmstat["oom_kill"] != before:
            break


def fill_4g() -> Result:
    box = Box(Config(ram=4 * GIB))
    start = time.perf_counter()
    fill(box)
    return 1, time.perf_counter() - start


# -- boot ----------------------------------------------------------------------------------------------------------


def boot(ram: int) -> Result:
    start = time.perf_counter()
    Box(Config(ram=ram))
    return 1, time.perf_counter() - start


def boot_64m() -> Result:
    return boot(64 * MIB)


def boot_4g() -> Result:
    return boot(4 * GIB)


# -- malloc --------------------------------------------------------------------------------------------------------


def malloc_mixed() -> Result:
    """The recorded mixed trace of malloc, calloc, realloc, memalign, free and malloc_trim, in a process's memory."""
    box = Box(Config())
    heap = UserProcess(box, box.current).malloc()
    trace = [line.split() for line in MIXED_TRACE.read_text().splitlines()]
    calls = [(op, int(slot), int(size)) for op, slot, size in trace]
    held: dict[int, int] = {}
    start = time.perf_counter()
    for op, slot, size in calls:
        if op == "m":
            held[slot] = heap.malloc(size)
        elif op == "f":
            heap.free(held.pop(slot, 0))
        elif op == "c":
            held[slot] = heap.calloc(1, size)
        elif op == "r":
            held[slot] = heap.realloc(held.get(slot, 0), size)
        elif op == "a":
            held[slot] = heap.memalign(4096, size)
        else:
            heap.malloc_trim(size)
    return len(calls), time.perf_counter() - start


# -- memory --------------------------------------------------------------------------------------------------------


def resident() -> int:
    """Bytes of host memory that this process has resident."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def in_child(job: Callable[[], int]) -> int:
    """What `job` returns, computed in a process of its own: what ran before does not count."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(write, "w") as out:
            out.write(str(job()))
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return int(text)


def bytes_per_page() -> int:
    """Host memory that 1 GiB of touched pages adds, the frames' columns included, for each page."""
    box = Box(Config(ram=4 * GIB))
    task = box.current
    assert task.mm is not None
    addr = do_mmap(box, task.mm, 0, GIB, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS)
    before = resident()
    faults = touch_range(box, task, addr, GIB, True).minflt
    return (resident() - before) // faults


def bytes_per_full_page() -> int:
    """The same for a box that is full of page cache, then of anonymous memory."""
    box = Box(Config(ram=GIB))
    before = resident()
    fill(box)
    return (resident() - before) // (box.config.ram >> 12)


def bytes_of_box(ram: int) -> int:
    before = resident()
    box = Box(Config(ram=ram))
    after = resident()
    del box
    return after - before


def memory_figures() -> list[tuple[str, int, str]]:
    """(name, bytes, goal). The first box of a process also pays for what all boxes share: it does not count."""
    Box(Config(ram=64 * MIB))
    small, large = (in_child(partial(bytes_of_box, ram)) for ram in (64 * MIB, 4 * GIB))
    return [
        ("bytes_per_touched_page", in_child(bytes_per_page), "120"),
        ("bytes_per_page_of_a_full_box", in_child(bytes_per_full_page), "150"),
        ("bytes_4g_above_64m", large - small, f"{25 * MIB:,}"),
    ]


BENCHES: dict[str, Bench] = {
    "pages_mixed": Bench(pages_mixed, "900,000 ops/s"),
    "pages_order0": Bench(pages_order0, "1,200,000 ops/s"),
    "pages_mixed_64m": Bench(pages_mixed_64m, ""),
    "pages_mixed_4g": Bench(pages_mixed_4g, "at most 1.2 times 64 MiB's"),
    "pages_bulk": Bench(pages_bulk, "150 ns a page"),
    "kmem_cache": Bench(kmem_cache, "2,500,000 ops/s, 6 yardsticks"),
    "touch_1g": Bench(touch_1g, "1,000,000 faults/s, 14 yardsticks", 5),
    "fork_1g": Bench(fork_1g, "60 ms", 5),
    "exit_1g": Bench(exit_1g, "120 ms", 5),
    "exit_1g_child": Bench(exit_1g_child, "120 ms", 5),
    "smaps": Bench(smaps_1g, "100 ms", 5),
    "malloc_mixed": Bench(malloc_mixed, "60,000 calls/s, 235 yardsticks"),
    "reclaim": Bench(reclaim, "200,000 pages/s", 2),
    "fill_4g": Bench(fill_4g, "8 s", 1),
    "boot_64m": Bench(boot_64m, "", 5),
    "boot_4g": Bench(boot_4g, "60 ms", 5),
}


MEMORY = "memory"


def main(argv: list[str]) -> int:
    names = [*BENCHES, MEMORY]
    parser = argparse.ArgumentParser(description="Measure memsh.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the figures there")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which to run: " + " ".join(names))
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in names]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {' '.join(names)}")
    unit = yardstick()
    print(f"yardstick: {unit * 1e9:.0f} ns")
    print(f"{'benchmark':<18} {'operations/s':>14} {'ns/op':>12} {'yardsticks/op':>14}  goal")
    figures = []
    costs = {}
    for name in options.names or names:
        if name == MEMORY:
            continue
        bench = BENCHES[name]
        ops, seconds = min((bench.run() for _ in range(bench.rounds)), key=lambda result: result[1] / result[0])
        each = costs[name] = seconds / ops
        figures.append({"name": name, "ops_per_s": round(1 / each, 1), "yardsticks_per_op": round(each / unit, 2)})
        print(f"{name:<18} {1 / each:>14,.0f} {each * 1e9:>12,.0f} {each / unit:>14,.1f}  {bench.goal}", flush=True)
    if "pages_mixed_64m" in costs and "pages_mixed_4g" in costs:
        print(f"one operation on 4 GiB costs {costs['pages_mixed_4g'] / costs['pages_mixed_64m']:.2f} times 64 MiB's")
    if not options.names or MEMORY in options.names:
        for name, value, goal in memory_figures():
            print(f"{name:<33} {value:>12,} bytes {'':>10}  {goal}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
