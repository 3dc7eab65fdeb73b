"""What one operation costs as the machine grows: RAM, processes, areas, objects, nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from measure import Figure, Slices, Workload
from workloads import PRIVATE_ANONYMOUS, TIB, mapped, with_areas

from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.flags import GFP_KERNEL, VM_WRITE
from memsh.linux.kernel import exit as task_exit
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap.mmap import sys_mmap
from memsh.linux.mm.mmap.vma import do_munmap
from memsh.linux.mm.rmap.rmap import rmap_walk
from memsh.machines.box import Box
from memsh.procfs.tree import show

NOTE = "Figures are yardsticks an operation: one iteration of a loop that stores into a dict."
RAM = (64 * MIB, 256 * MIB, GIB, 4 * GIB)
RAM_64 = (64 * MIB, GIB, 16 * GIB, 256 * GIB, TIB)
PROCESSES = (10, 100, 1_000, 3_000)
AREAS = (10, 1_000, 10_000, 65_000)
OBJECTS = (1_000, 10_000, 100_000, 1_000_000)
NODES = (1, 2, 4, 8)
DEEPER = "more than a leaf of areas: the search for a hole looks at what bounds leaves and blocks of them, too"
TURNS = "the shorter a list, the fewer pages reclaim looks at in a turn, and the fewer of them lie side by side"


class Growth(NamedTuple):
    """An operation at each size of a machine. `why`: the reason why it is not flat."""

    name: str
    sizes: tuple[int, ...]
    start: Callable[[int], Workload]
    why: str = ""
    slices: int = 5


def _again(box: Box, operation: Callable[[Box], object], times: int, rounds: int = 5) -> Workload:
    operation(box)
    for _ in range(rounds):
        yield 0
        for _ in range(times):
            operation(box)
        yield times


def _page(box: Box) -> None:
    box.pages.free_pages(box.pages.alloc_pages(GFP_KERNEL, 0), 0)


def _block(box: Box) -> None:
    box.pages.free_pages(box.pages.alloc_pages(GFP_KERNEL, 5), 5)


def _fork(box: Box) -> None:
    child = kernel_clone(box, box.current)
    task_exit.do_exit(box, child, 0)
    task_exit.release_task(box, child)


def _map(box: Box) -> None:
    mm = box.current.mm
    assert mm is not None
    do_munmap(box, mm, sys_mmap(box, mm, 0, 8192, 3, PRIVATE_ANONYMOUS), 8192)


def _fault(box: Box) -> None:
    addr = mapped(box, 16 * 4096)
    touch_range(box, box.current, addr, 16 * 4096, True)
    assert box.current.mm is not None
    do_munmap(box, box.current.mm, addr, 16 * 4096)


def _reader(path: str) -> Callable[[Box], object]:
    return lambda box: show(box, path)


def _ram(operation: Callable[[Box], object], arch: str, times: int) -> Callable[[int], Workload]:
    return lambda ram: _again(Box(Config(ram=ram, arch=arch)), operation, times)


def _reclaimed(arch: str) -> Callable[[int], Workload]:
    """Pages that reclaim takes while somebody writes to more memory than there is, all of it in small pages."""

    def start(ram: int) -> Workload:
        box = Box(Config(ram=ram, swap=2 * ram, arch=arch, cmdline="norandmaps transparent_hugepage=never"))
        addr, vmstat = mapped(box, ram + ram // 2), box.vmstat
        touch_range(box, box.current, addr, ram, True)
        part = min(ram // 8, 64 * MIB)
        for at in range(addr + ram, addr + ram + 4 * part, part):
            yield 0
            before = vmstat["pgsteal_kswapd"] + vmstat["pgsteal_direct"]
            touch_range(box, box.current, at, part, True)
            yield vmstat["pgsteal_kswapd"] + vmstat["pgsteal_direct"] - before

    return start


def _processes(operation: Callable[[Box], object], times: int, arch: str = "i386") -> Callable[[int], Workload]:
    def start(count: int) -> Workload:
        box = Box(Config(ram=4 * GIB, arch=arch))
        for _ in range(count):
            kernel_clone(box, box.current)
        return _again(box, operation, times)

    return start


def _objects(count: int) -> Workload:
    """One allocation and one free, with so many objects held."""
    slab = Box(Config(ram=4 * GIB)).slab
    cache = slab.kmem_cache_create("growth", 64)
    held = [slab.kmem_cache_alloc(cache) for _ in range(count)]
    for _ in range(5):
        yield 0
        for number in range(5_000):
            slab.kmem_cache_free(cache, held[number * 7919 % count])
            held[number * 7919 % count] = slab.kmem_cache_alloc(cache)
        yield 5_000


def _walked(count: int) -> Workload:
    """The area that maps a page, found by way of the page, among so many that follow each other."""
    box = with_areas(count)
    mm = box.current.mm
    assert mm is not None
    areas = [area for area in mm.mmap if area.pages == 1 and area.flags & VM_WRITE and area.file is None][:1_000]
    for area in areas:
        touch_range(box, box.current, area.start, 4096, True)
    pfns = [pte_of(mm, area.start) >> 12 for area in areas] * (1_000 // len(areas))
    for _ in range(6):
        yield 0
        yield sum(len(rmap_walk(box, pfn)) for pfn in pfns)


def _nodes(count: int) -> Workload:
    nodes = tuple((GIB, frozenset({number})) for number in range(count)) if count > 1 else ()
    box = Box(Config(ram=count * GIB, cpus=count, nodes=nodes, arch="x86_64"))
    return _again(box, _page, 5_000)


GROWTHS = (
    Growth("RAM, i386: a page taken and freed", RAM, _ram(_page, "i386", 5_000)),
    Growth("RAM, i386: a block of order 5 taken and freed", RAM, _ram(_block, "i386", 2_000)),
    Growth("RAM, i386: 16 faults, mapped and unmapped", RAM, _ram(_fault, "i386", 200)),
    Growth("RAM, i386: /proc/buddyinfo", RAM, _ram(_reader("/proc/buddyinfo"), "i386", 50),
           "from 1 GiB on there is a zone more, HighMem"),
    Growth("RAM, x86_64: a page taken and freed", RAM_64, _ram(_page, "x86_64", 5_000)),
    Growth("RAM, x86_64: a block of order 5 taken and freed", RAM_64, _ram(_block, "x86_64", 2_000)),
    Growth("RAM, x86_64: /proc/meminfo", RAM_64, _ram(_reader("/proc/meminfo"), "x86_64", 50)),
    Growth("RAM, i386: a page written out and freed", RAM[:3], _reclaimed("i386"), TURNS),
    Growth("RAM, x86_64: a page written out and freed", (64 * MIB, GIB, 4 * GIB), _reclaimed("x86_64"), TURNS),
    Growth("processes: a fork and an exit", PROCESSES, _processes(_fork, 20)),
    Growth("processes: 16 faults, mapped and unmapped", PROCESSES, _processes(_fault, 200)),
    Growth("processes: /proc/meminfo", PROCESSES, _processes(_reader("/proc/meminfo"), 50)),
    Growth("processes, x86_64: /proc/meminfo", PROCESSES, _processes(_reader("/proc/meminfo"), 50, "x86_64")),
    Growth("areas: mmap and munmap", AREAS, lambda count: _again(with_areas(count), _map, 200), DEEPER),
    Growth("areas: 16 faults, mapped and unmapped", AREAS, lambda count: _again(with_areas(count), _fault, 100),
           DEEPER),
    Growth("areas: a fork and an exit", AREAS, lambda count: _again(with_areas(count), _fork, 1, 2),
           "each area is copied and taken away again, as on Linux", 2),
    Growth("areas: that of a page found", AREAS, _walked),
    Growth("objects: one freed, one taken", OBJECTS, _objects,
           "the same steps, but the host's caches hold a smaller part of what they touch"),
    Growth("nodes: a page taken and freed", NODES, _nodes),
)  # fmt: skip


def rows(growth: Growth) -> Iterator[tuple[str, Figure]]:
    """Size and cost, one after the other."""
    for size in growth.sizes:
        slices = Slices(lambda size=size: growth.start(size))  # type: ignore[misc]
        for _ in range(growth.slices):
            slices.one()
        yield _named(size, growth.name), slices.figure()


def _named(size: int, name: str) -> str:
    if not name.startswith("RAM"):
        return f"{size:,}"
    return f"{size // TIB} TiB" if size >= TIB else f"{size // GIB} GiB" if size >= GIB else f"{size // MIB} MiB"
