"""What is measured: each workload is a generator, as `measure` says. `BENCHES` has them by name, with their goals."""

from __future__ import annotations

import gc
import io
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from memsh.cli import COLLECTED, open_session
from memsh.inspect.check import check
from memsh.libc.process import UserProcess
from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.flags import GFP_HIGHUSER_MOVABLE, GFP_KERNEL, MREMAP_FIXED, MREMAP_MAYMOVE
from memsh.linux.kernel import exit as task_exit
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap.mmap import sys_mmap
from memsh.linux.mm.mmap.mremap import do_mremap
from memsh.linux.mm.rmap.rmap import rmap_walk
from memsh.machines.box import Box
from memsh.procfs.tree import show
from memsh.shell.script import run_script
from memsh.shell.session import Session

gc.set_threshold(COLLECTED)  # as the program has it
Workload = Iterator[float]
ROOT = Path(__file__).resolve().parent.parent
OPS, SLICE = 120_000, 20_000
LIVE = 2_000
LIVE_OBJECTS = 600
RW, PRIVATE_ANONYMOUS = 3, 0x22
AREAS = 65_000
TIB = 1 << 40
MIXED_TRACE = ROOT / "tests" / "reference" / "heap" / "mixed-2.in"
MIXED_TRACE_64 = ROOT / "tests" / "reference64" / "heap" / "mixed-1.in"


class Bench(NamedTuple):
    """`unit`: ys, yardsticks an operation, or ms, milliseconds of CPU time."""

    run: Callable[[], Workload]
    goal: str = ""
    unit: str = "ys"
    slices: int = 15


# -- pages ---------------------------------------------------------------------------------------------------------


def pages(config: Config, orders: int, traced: bool = False) -> Workload:
    """Random allocations and frees with LIVE blocks held, from a warm start; `traced`: their events are recorded."""
    box, rng = Box(config), random.Random(1)
    box.trace.record_all(traced)
    alloc, free = box.pages.alloc_pages, box.pages.free_pages
    flags = (GFP_KERNEL, GFP_HIGHUSER_MOVABLE)
    plan = [
        (rng.random() < 0.5, rng.randrange(orders), flags[rng.randrange(2)], rng.randrange(1 << 30)) for _ in range(OPS)
    ]
    held = [(alloc(gfp, order), order) for _, order, gfp, _ in plan[:LIVE]]
    yield 0
    for start in range(0, OPS, SLICE):
        for allocate, order, gfp, which in plan[start : start + SLICE]:
            if allocate:
                held.append((alloc(gfp, order), order))
            elif held:
                at = which % len(held)
                pfn, size = held[at]
                held[at] = held[-1]
                held.pop()
                free(pfn, size)
        yield SLICE


def pages_bulk() -> Workload:
    """Pages in lists, as page faults and unmapping take and give them."""
    box = Box(Config(ram=GIB))
    refcount = box.memmap.refcount
    for _ in range(20):
        yield 0
        got = box.pages.alloc_bulk(GFP_HIGHUSER_MOVABLE, 5_000)
        yield len(got)
        for pfn in got:
            refcount[pfn] = 0
        yield 0
        box.pages.free_page_list(got)
        yield len(got)


def kmem_cache(config: Config) -> Workload:
    """Random allocations and frees of 100-byte objects, LIVE_OBJECTS held at the start."""
    slab = Box(config).slab
    cache = slab.kmem_cache_create("bench", 100)
    alloc, free = slab.kmem_cache_alloc, slab.kmem_cache_free
    rng = random.Random(1)
    plan = [(rng.random() < 0.5, rng.randrange(1 << 30)) for _ in range(OPS)]
    held = [alloc(cache) for _ in range(LIVE_OBJECTS)]
    yield 0
    for start in range(0, OPS, SLICE):
        for allocate, which in plan[start : start + SLICE]:
            if allocate:
                held.append(alloc(cache))
            elif held:
                at = which % len(held)
                addr = held[at]
                held[at] = held[-1]
                held.pop()
                free(cache, addr)
        yield SLICE


# -- processes -----------------------------------------------------------------------------------------------------


def mapped(box: Box, length: int) -> int:
    """A private mapping of the current process."""
    assert box.current.mm is not None
    return sys_mmap(box, box.current.mm, 0, length, RW, PRIVATE_ANONYMOUS)


def touched(config: Config, length: int = GIB) -> Box:
    box = Box(config)
    touch_range(box, box.current, mapped(box, length), length, True)
    return box


def touch_1g(config: Config) -> Workload:
    box = Box(config)
    addr = mapped(box, GIB)
    yield 0
    for at in range(addr, addr + GIB, GIB // 8):
        yield touch_range(box, box.current, at, GIB // 8, True).minflt


def fork_1g(config: Config) -> Workload:
    box = touched(config)
    yield 0
    kernel_clone(box, box.current)
    yield 1


def exit_1g(shared: bool) -> Workload:
    """The exit of the process that alone maps the pages, or of a child that shares all of them."""
    box = touched(Config(ram=4 * GIB))
    task = kernel_clone(box, box.current) if shared else box.current
    yield 0
    task_exit.do_exit(box, task, 0)
    yield 1


def shared(count: int) -> tuple[Box, list[int]]:
    """256 frames that so many processes share."""
    box = Box(Config(ram=GIB))
    addr, mm = mapped(box, MIB), box.current.mm
    touch_range(box, box.current, addr, MIB, True)
    for _ in range(count - 1):
        kernel_clone(box, box.current)
    assert mm is not None
    return box, [pte_of(mm, at) >> 12 for at in range(addr, addr + MIB, 4096)]


def walks(count: int) -> Workload:
    """The places in page tables of pages that so many processes share, found by way of the pages."""
    box, pfns = shared(count)
    for _ in range(20):
        yield 0
        yield sum(len(rmap_walk(box, pfn)) for pfn in pfns)


def mremap() -> Workload:
    """700 MiB of touched pages that move where no table fits as it is."""
    box = touched(Config(ram=4 * GIB), 700 * MIB)
    mm = box.current.mm
    assert mm is not None
    addr = next(area.start for area in mm.mmap if area.pages == 700 * MIB >> 12)
    for to in range(0x40001000, 0x40006000, 4096):
        yield 0
        do_mremap(box, mm, addr, 700 * MIB, 700 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to)
        yield 1
        addr = do_mremap(box, mm, to, 700 * MIB, 700 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, addr)


def smaps() -> Workload:
    box = touched(Config(ram=4 * GIB))
    for _ in range(3):
        yield 0
        show(box, f"/proc/{box.current.pid}/smaps")
        yield 1


def with_areas(count: int = AREAS) -> Box:
    """A process with so many areas that cannot be merged."""
    box = Box(Config(ram=GIB))
    mm = box.current.mm
    assert mm is not None
    for number in range(count):
        sys_mmap(box, mm, 0, 4096, 1 + 2 * (number & 1), PRIVATE_ANONYMOUS)
    return box


def mmap_65000() -> Workload:
    box = with_areas()
    mm = box.current.mm
    assert mm is not None
    for _ in range(4):
        yield 0
        for number in range(100):
            sys_mmap(box, mm, 0, 4096, 1 + 2 * (number & 1), PRIVATE_ANONYMOUS)
        yield 100


def fork_65000() -> Workload:
    box = with_areas()
    yield 0
    kernel_clone(box, box.current)
    yield 1


# -- malloc --------------------------------------------------------------------------------------------------------


def malloc_mixed(config: Config, trace: Path) -> Workload:
    """A recorded mixed trace of malloc, calloc, realloc, memalign, free and malloc_trim, in a process's memory."""
    box = Box(config)
    heap = UserProcess(box, box.current).malloc()
    calls = [(op, int(slot), int(size)) for op, slot, size, *_ in map(str.split, trace.read_text().splitlines())]
    held: dict[int, int] = {}
    yield 0
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
    yield len(calls)


# -- memory pressure -----------------------------------------------------------------------------------------------


def reclaim() -> Workload:
    """768 MiB written on a box of 256 MiB with swap: each page is looked at, written out and freed."""
    box = Box(Config(ram=256 * MIB, swap=GIB))
    addr = mapped(box, 768 * MIB)
    vmstat = box.vmstat
    touch_range(box, box.current, addr, 256 * MIB, True)
    for at in range(addr + 256 * MIB, addr + 768 * MIB, 64 * MIB):
        yield 0
        before = vmstat["pgsteal_kswapd"] + vmstat["pgsteal_direct"]
        touch_range(box, box.current, at, 64 * MIB, True)
        yield vmstat["pgsteal_kswapd"] + vmstat["pgsteal_direct"] - before


def fill(box: Box) -> None:
    """Fill a box with page cache, then with anonymous memory until there is no more."""
    for number in range(box.config.ram // GIB):
        box.fs.mkfile(f"/data{number}", GIB)
        file = box.fs.open(f"/data{number}")
        at = 0
        while at < GIB and (read := box.fs.skip(file, at, 16 * MIB)):
            at += read
    before = box.vmstat["oom_kill"]
    parent = box.current
    for _ in range(3):
        switch_to(box, kernel_clone(box, parent))
        size = min(2 * GIB, box.config.ram * 3 // 4)
        try:
            touch_range(box, box.current, mapped(box, size), size, True)
        except Exception:
            break
        if box.vmstat["oom_kill"] != before:
            break


def fill_4g() -> Workload:
    box = Box(Config(ram=4 * GIB))
    yield 0
    fill(box)
    yield 1


# -- whole boxes ---------------------------------------------------------------------------------------------------


def boot(config: Config) -> Workload:
    for _ in range(3):
        yield 0
        Box(config)
        yield 1


def copy_of(box: Callable[[], Box]) -> Workload:
    made = box()
    for _ in range(2):
        yield 0
        made.copy()
        yield 1


def with_processes(count: int = 1_000) -> Box:
    box = Box(Config(ram=4 * GIB))
    for _ in range(count):
        kernel_clone(box, box.current)
    return box


def with_files(count: int = 2_000) -> Box:
    box = Box(Config(ram=4 * GIB))
    for number in range(count):
        box.fs.mkfile(f"/file{number}", 0)
        box.fs.write(box.fs.open(f"/file{number}", writable=True), 0, b"text")
    return box


def worked() -> Box:
    """4 GiB of which most was used: files read, memory touched, processes forked."""
    box = touched(Config(ram=4 * GIB), 2 * GIB)
    box.fs.mkfile("/data", GIB)
    file, at = box.fs.open("/data"), 0
    while at < GIB and (read := box.fs.skip(file, at, 16 * MIB)):
        at += read
    for _ in range(20):
        kernel_clone(box, box.current)
    return box


def check_of(box: Callable[[], Box]) -> Workload:
    made = box()
    for _ in range(2):
        yield 0
        check(made)
        yield 1


# -- the shell -----------------------------------------------------------------------------------------------------


def new_session(*options: str) -> Session:
    out = io.StringIO()
    return open_session(list(options), out, out)


def journal() -> Workload:
    """Lines of a session whose journal already has thousands."""
    session = new_session()
    session.at_prompt = True
    for start in range(0, 40_000, 2_000):
        yield 0
        for number in range(start, start + 2_000):
            session.run("malloc 100" if number % 3 else "kmalloc 64")
        yield 2_000


def kmalloc_lines() -> Workload:
    """20,000 lines at the prompt of which each changes the box."""
    session = new_session()
    session.at_prompt = True
    for _ in range(10):
        yield 0
        for _ in range(2_000):
            session.run("kmalloc 64")
        yield 2_000


def script_lines() -> Workload:
    """A script of 20,000 plain lines: of the kernel's memory, of a process's, of text, of nothing."""
    text = "kmalloc 64\nmalloc 100\necho a line\ntrue\n"
    for _ in range(3):
        session = new_session()
        yield 0
        run_script(session, text * 5_000)
        yield 20_000


def malloc_loop() -> Workload:
    """Rounds of a loop that takes memory until there is no more, each in a mapping of its own."""
    session = new_session("--arch", "x86_64", "--ram", "4G")
    for _ in range(4):
        yield 0
        session.run("for i in {1..2000}; do malloc 1M > /dev/null; done")
        yield 2_000


def explain_loop() -> Workload:
    session = new_session()
    yield 0
    session.run("explain -b 'for i in $(seq 5000); do kmalloc 64 > /dev/null; done'")
    yield 1


def start() -> Workload:
    """`memsh -c 'cat /proc/buddyinfo'` as a program of its own, compiled as an installed one is."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "XDG_STATE_HOME": home, "PYTHONPATH": str(ROOT)}
        env |= {"PYTHONPYCACHEPREFIX": home, "PYTHONDONTWRITEBYTECODE": ""}
        command = [sys.executable, "-m", "memsh", "-c", "cat /proc/buddyinfo"]
        subprocess.run(command, env=env, cwd=home, stdout=subprocess.DEVNULL, check=True)
        while True:
            yield 0
            subprocess.run(command, env=env, cwd=home, stdout=subprocess.DEVNULL, check=True)
            yield 1


# -- memory --------------------------------------------------------------------------------------------------------


def resident() -> int:
    """Bytes of host memory that this process has resident."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


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
    addr, before = mapped(box, GIB), resident()
    faults = touch_range(box, box.current, addr, GIB, True).minflt
    return (resident() - before) // faults


def bytes_per_full_page() -> int:
    """The same for a box that is full of page cache, then of anonymous memory."""
    box = Box(Config(ram=GIB))
    before = resident()
    fill(box)
    return (resident() - before) // (GIB >> 12)


def bytes_of_box(config: Config) -> int:
    before = resident()
    box = Box(config)
    after = resident()
    del box
    return after - before


def memory_figures() -> list[tuple[str, int, str]]:
    """(name, bytes, goal). The first box of a process also pays for what all boxes share: it does not count."""
    Box(Config(ram=64 * MIB))
    small, large = (in_child(partial(bytes_of_box, Config(ram=ram))) for ram in (64 * MIB, 4 * GIB))
    Box(Config(ram=64 * MIB, arch="x86_64"))
    terabyte = in_child(partial(bytes_of_box, Config(ram=TIB, arch="x86_64")))
    return [
        ("bytes_per_touched_page", in_child(bytes_per_page), "120"),
        ("bytes_per_page_of_a_full_box", in_child(bytes_per_full_page), "150"),
        ("bytes_4g_above_64m", large - small, f"{24 * MIB:,}"),
        ("bytes_1t_x86_64", terabyte, f"{150 * MIB:,}"),
    ]


LARGE = Config(ram=4 * GIB)
LARGE_64 = Config(ram=4 * GIB, arch="x86_64")
SMALL_PAGES_64 = Config(ram=4 * GIB, arch="x86_64", cmdline="norandmaps transparent_hugepage=never")
BENCHES: dict[str, Bench] = {
    "pages_mixed": Bench(lambda: pages(Config(), 4), "19"),
    "pages_order0": Bench(lambda: pages(Config(), 1), "11.5"),
    "pages_mixed_4g": Bench(lambda: pages(LARGE, 4), "as pages_mixed"),
    "pages_mixed_x86_64": Bench(lambda: pages(LARGE_64, 4), "19"),
    "pages_traced": Bench(lambda: pages(Config(), 1, True)),
    "pages_bulk": Bench(pages_bulk, "150 ns a page"),
    "kmem_cache": Bench(lambda: kmem_cache(Config()), "4.5"),
    "kmem_cache_x86_64": Bench(lambda: kmem_cache(LARGE_64)),
    "touch_1g": Bench(lambda: touch_1g(LARGE), "14"),
    "touch_1g_x86_64": Bench(lambda: touch_1g(SMALL_PAGES_64), "14"),
    "touch_1g_huge": Bench(lambda: touch_1g(LARGE_64), "270, a tenth of 512 small pages"),
    "fork_1g": Bench(lambda: fork_1g(LARGE), "50", "ms", 5),
    "fork_1g_x86_64": Bench(lambda: fork_1g(SMALL_PAGES_64), "50", "ms", 5),
    "exit_1g": Bench(lambda: exit_1g(False), "90", "ms", 5),
    "exit_1g_child": Bench(lambda: exit_1g(True), "90", "ms", 5),
    "rmap_walk": Bench(lambda: walks(1)),
    "rmap_walk_100": Bench(lambda: walks(100)),
    "mremap_700m": Bench(mremap, "10", "ms", 5),
    "smaps": Bench(smaps, "40", "ms", 6),
    "mmap_65000_areas": Bench(mmap_65000, "0.025", "ms", 4),
    "fork_65000_areas": Bench(fork_65000, "500", "ms", 2),
    "malloc_mixed": Bench(lambda: malloc_mixed(Config(), MIXED_TRACE), "200"),
    "malloc_mixed_x86_64": Bench(lambda: malloc_mixed(Config(arch="x86_64"), MIXED_TRACE_64), "200"),
    "reclaim": Bench(reclaim, "0.005, 200,000 pages/s", "ms", 8),
    "fill_4g": Bench(fill_4g, "5000", "ms", 1),
    "boot_64m": Bench(lambda: boot(Config(ram=64 * MIB)), "", "ms", 6),
    "boot_4g": Bench(lambda: boot(LARGE), "25", "ms", 6),
    "boot_64g_x86_64": Bench(lambda: boot(Config(ram=64 * GIB, arch="x86_64")), "150", "ms", 6),
    "boot_1t_x86_64": Bench(lambda: boot(Config(ram=TIB, arch="x86_64")), "800", "ms", 3),
    "copy_1000_processes": Bench(lambda: copy_of(with_processes), "100", "ms", 2),
    "copy_65000_areas": Bench(lambda: copy_of(with_areas), "600", "ms", 2),
    "copy_2000_files": Bench(lambda: copy_of(with_files), "", "ms", 2),
    "copy_worked_4g": Bench(lambda: copy_of(worked), "50", "ms", 2),
    "check_worked_4g": Bench(lambda: check_of(worked), "500", "ms", 2),
    "check_idle_1t_x86_64": Bench(lambda: check_of(lambda: Box(Config(ram=TIB, arch="x86_64"))), "5000", "ms", 2),
    "journal_40000": Bench(journal, "0.15", "ms", 20),
    "kmalloc_20000_lines": Bench(kmalloc_lines, "0.03", "ms", 20),
    "script_20000_lines": Bench(script_lines, "0.03", "ms", 3),
    "malloc_1m_loop_x86_64": Bench(malloc_loop, "0.04", "ms", 8),
    "explain_5000_calls": Bench(explain_loop, "100", "ms", 3),
    "start": Bench(start, "220", "ms", 5),
}
