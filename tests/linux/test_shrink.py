"""Reclaim in stretches gives what reclaim page by page gives, and loses nothing, whatever runs."""

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from memsh.inspect.check import check
from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.flags import GFP_KERNEL, MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED
from memsh.linux.include.lruvec import LISTS, LruVec
from memsh.linux.include.memmap import PG_LRU
from memsh.linux.kernel.exit import do_exit, do_wait
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.kernel.sched import switch_to
from memsh.linux.lib.columns import stepped_runs
from memsh.linux.mm.lru import lru_del_run
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.vmscan.folios import Folios, next_folios
from memsh.linux.mm.vmscan.isolate import move_folios_to_lru
from memsh.linux.mm.vmscan.pageout import shrink_folio_list
from memsh.linux.mm.vmscan.scan import ReclaimStat, ScanControl
from memsh.linux.mm.vmscan.turns import shrink_clean_turns
from memsh.machines.box import Box
from memsh.procfs.tracing import show
from tests.linux.swapping import switch_on

ANON = MAP_PRIVATE | MAP_ANONYMOUS
INACTIVE = (
    r"nid=0 nr_scanned=(\d+) nr_reclaimed=(\d+) nr_dirty=\d+ nr_writeback=\d+ nr_congested=\d+ nr_immediate=\d+ "
    r"nr_activate_anon=\d+ nr_activate_file=\d+ nr_ref_keep=(\d+) nr_unmap_fail=\d+ priority=\d+ "
    r"flags=RECLAIM_WB_(ANON|FILE)\|RECLAIM_WB_ASYNC$"
)


def from_tail(box: Box, lruvec: LruVec, name: str) -> list[int]:
    """The frames of a list, tail first."""
    found, pfn = [], lruvec.tails[name]
    while pfn:
        found.append(pfn)
        pfn = box.memmap.lru_prev[pfn]
    return found


def state(box: Box) -> dict[str, Any]:
    memmap = box.memmap
    lruvecs = [lruvec for node in box.pages.nodes for lruvec in node.lruvecs.values()]
    found: dict[str, Any] = {name: [from_tail(box, lruvec, name) for lruvec in lruvecs] for name in LISTS}
    found |= {f"stat of {zone.name}": dict(zone.stat) for zone in box.pages.zones}
    found["vmstat"] = dict(box.vmstat)
    found["flags"] = memmap.flags.tolist()
    for task in box.tasks.values():
        if task.mm:
            found[f"resident set of {task.pid}"] = (task.mm.rss, task.mm.hiwater_rss)
        for index, table in task.mm.tables.items() if task.mm else ():
            found[f"table {index} of {task.pid}"] = table.ptes.tolist()
    found["slots"] = [
        (area.swap_map, [(leaf, tree.leaves[leaf].tolist()) for tree in area.trees for leaf in tree.order()])
        for area in box.swap.areas()
    ]
    for zone in box.pages.zones:
        found[f"free blocks of {zone.name}"] = [list(blocks) for blocks in zone.lists]
        found[f"pages that wait of {zone.name}"] = [[list(pfns) for pfns in cpu.lists] for cpu in zone.pcps]
    found["nodes of shadows"] = [leaf for _, leaf in box.shadow_nodes]
    found["clock"] = box.timer.usec, box.cputime.used, box.cputime.switches
    return found


class Play:
    """Random use of a box that is too small for it; remembers what was written where."""

    def __init__(self, box: Box, seed: int, size: int) -> None:
        self.box, self.random, self.size = box, random.Random(seed), size
        self.areas: list[int] = []
        self.written: dict[int, bytes] = {}
        self.files = 0
        for flags in (ANON, ANON, MAP_SHARED | MAP_ANONYMOUS):
            assert box.current.mm is not None
            self.areas.append(vma.sys_mmap(box, box.current.mm, 0, size, 3, flags))
        for addr in self.areas[:2]:
            touch_range(box, box.current, addr, size, True)

    def poke(self) -> None:
        for _ in range(50):
            addr = self.random.choice(self.areas) + self.random.randrange(self.size >> 2) * 4
            self.written[addr] = b"%04x" % self.random.randrange(65536)
            uaccess.write(self.box, self.box.current, addr, self.written[addr])

    def touch(self) -> None:
        start = self.random.randrange(self.size >> 12) << 12
        length = min(self.random.choice((1, 16, 500, 4000)) << 12, self.size - start)
        write = self.random.random() < 0.7
        touch_range(self.box, self.box.current, self.random.choice(self.areas) + start, length, write)

    def read_file(self) -> None:
        file = self.box.fs.open(self.random.choice(("/usr/bin/gdb", "/usr/lib/libcrypto.so.3", "/bin/a.out-dyn")))
        self.box.fs.read(file, 0, file.inode.size)

    def write_file(self) -> None:
        self.files += 1
        file = self.box.fs.open(self.box.fs.path_of(self.box.fs.create(f"/f{self.files}")), writable=True)
        self.box.fs.write_zeros(file, 0, self.random.randrange(4 * MIB))

    def fork(self) -> None:
        box, parent = self.box, self.box.current
        child = kernel_clone(box, parent)
        switch_to(box, child)
        touch_range(box, child, self.areas[0], 200 << 12, True)
        do_exit(box, child, 0)
        switch_to(box, parent)
        do_wait(box, parent)

    def wait(self) -> None:
        self.box.timer.advance(self.random.choice((10, 5000, 400_000)))

    def step(self, write_files: bool = True) -> None:
        what = [self.poke, self.touch, self.touch, self.touch, self.read_file, self.fork, self.wait]
        self.random.choice(what + [self.write_file] * write_files)()

    def read_back(self) -> None:
        for addr, text in self.written.items():
            assert uaccess.read(self.box, self.box.current, addr, 4) == text


def small() -> Box:
    box = Box(Config(ram=64 * MIB))
    switch_on(box, 60_000)
    return box


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost(seed: int) -> None:
    play = Play(small(), seed, 40 * MIB)
    for _ in range(25):
        play.step()
    assert check(play.box) == []
    assert play.box.vmstat["pswpout"] > 100
    play.read_back()
    assert check(play.box) == []


def with_high_memory() -> Box:
    """Reclaim for the kernel passes over the pages of the upper zone."""
    box = Box(Config(ram=64 * MIB, cmdline="vmalloc=950M"))
    switch_on(box, 60_000)
    return box


def without_swap_to_spare() -> Box:
    box = Box(Config(ram=64 * MIB))
    switch_on(box, 13_500)
    return box


def with_two_nodes() -> Box:
    """Each node has lists of its own; huge pages are among what is on them."""
    box = Box(Config(arch="x86_64", ram=128 * MIB, cpus=2, nodes=((64 * MIB, (0,)), (64 * MIB, (1,)))))
    switch_on(box, 60_000)
    return box


def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two pages are ever in the same state, and each takes Linux's own way to the disk."""

    def alone(box: Box, first: int, most: int, step: int) -> Folios:
        return next_folios(box, first, 1, step)

    monkeypatch.setattr("memsh.linux.mm.vmscan.pageout.next_folios", alone)
    monkeypatch.setattr("memsh.linux.mm.vmscan.pageout._swap_out", lambda *_: False)
    monkeypatch.setattr("memsh.linux.mm.vmscan.vmscan.shrink_clean_turns", lambda *_: 0)


@pytest.mark.parametrize(
    ("seed", "make"),
    [
        (7, small),
        (8, small),
        (9, small),
        (10, with_high_memory),
        (11, with_high_memory),
        (12, without_swap_to_spare),
        (13, with_two_nodes),
    ],
)
def test_stretches_give_what_pages_give(seed: int, make: Callable[[], Box], monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Play(make(), seed, 40 * MIB)
    for _ in range(25):
        quick.step()
    page_by_page(monkeypatch)
    slow = Play(make(), seed, 40 * MIB)
    for _ in range(25):
        slow.step()
    ours, theirs = state(quick.box), state(slow.box)
    assert ours["vmstat"]["pswpout"] > 1000
    for name in theirs:
        assert ours[name] == theirs[name], name
    assert check(quick.box) == []


class Witness:
    """Somebody whose work is due once in a while: what he finds then."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.found: list[tuple[int, int, list[int]]] = []
        box.timer.every(1000, self.look)

    def look(self) -> None:
        vmstat = self.box.vmstat
        scanned = vmstat["pgscan_direct"] + vmstat["pgscan_kswapd"]
        self.found.append((self.box.timer.usec, scanned, [zone.nr_free for zone in self.box.pages.zones]))


def cached(box: Box, seed: int) -> tuple[Box, Witness]:
    """A box full of page cache, some of it mapped or read again, that processes then want for themselves."""
    rng, witness = random.Random(seed), Witness(box)
    for name in "ab":
        box.fs.mkfile(f"/{name}", box.config.ram // 2)
        file = box.fs.open(f"/{name}")
        at = 0
        while at < file.inode.size:
            at += box.fs.skip(file, at, rng.choice((1, 30, 300)) << 12)
    box.fs.skip(box.fs.open("/a"), 0, MIB)
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, MIB, 1, MAP_SHARED, box.fs.open("/a"))
    touch_range(box, box.current, addr, MIB, False)
    addr = vma.sys_mmap(box, mm, 0, box.config.ram, 3, ANON)
    for at in range(addr, addr + box.config.ram // 4 * 3, 2 * MIB):
        touch_range(box, box.current, at, 2 * MIB, True)
        if rng.random() < 0.1:
            box.timer.advance(rng.choice((10, 5000, 400_000)))
    return box, witness


def larger() -> Box:
    return Box(Config(ram=256 * MIB, swap=64 * MIB))


@pytest.mark.parametrize("make", [larger, with_high_memory, with_two_nodes])
def test_turns_at_once_give_what_turns_give(make: Callable[[], Box], monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def watched(*args: Any) -> int:
        taken.append(shrink_clean_turns(*args))
        return taken[-1]

    monkeypatch.setattr("memsh.linux.mm.vmscan.vmscan.shrink_clean_turns", watched)
    quick, one = cached(make(), 1)
    assert sum(taken) > 200
    monkeypatch.setattr("memsh.linux.mm.vmscan.vmscan.shrink_clean_turns", lambda *_: 0)
    slow, other = cached(make(), 1)
    assert one.found == other.found
    ours, theirs = state(quick), state(slow)
    for name in theirs:
        assert ours[name] == theirs[name], name
    assert check(quick) == []


def test_the_tracepoints_change_nothing() -> None:
    plays = [Play(small(), 7, 40 * MIB) for _ in range(2)]
    plays[1].box.trace.record_all(True)
    for play in plays:
        for _ in range(25):
            play.step(write_files=False)
    ours, theirs = (state(play.box) for play in plays)
    assert ours["vmstat"]["pswpout"] > 1000
    for name in theirs:
        assert ours[name] == theirs[name], name


def test_high_memory_is_reclaimed_too() -> None:
    ram = GIB
    box = Box(Config(ram=ram))
    switch_on(box, 300_000)
    box.fs.mkfile("/data", 128 * MIB)
    file = box.fs.open("/data")
    for at in range(0, 128 * MIB, 8 * MIB):
        box.fs.skip(file, at, 8 * MIB)
    mm = box.current.mm
    assert mm is not None
    length = ram - 16 * MIB
    addr = vma.sys_mmap(box, mm, 0, length, 3, ANON)
    touch_range(box, box.current, addr, length, True)
    low = [box.pages.alloc_pages(GFP_KERNEL, 0) for _ in range(30_000)]  # lowmem, which user memory gives back
    assert all(low) and box.vmstat["pgsteal_file"] > 1000 and box.vmstat["pswpout"] > 1000
    assert check(box) == []


@pytest.mark.parametrize("together", (True, False))
def test_the_peak_of_the_resident_set_is_kept(together: bool) -> None:
    box = small()
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 32 << 12, 3, ANON)
    touch_range(box, box.current, addr, 32 << 12, True)
    frames = [pte_of(mm, at) >> 12 for at in range(addr, addr + (32 << 12), 4096)]
    stretches = stepped_runs(frames) if together else [(pfn, 1, 1) for pfn in frames]
    sc = ScanControl(box)
    for pfn in frames:
        lru_del_run(box, pfn, 1)
        box.memmap.flags[pfn] |= PG_LRU
    peak = mm.get_rss()
    mm.hiwater_rss = 0
    for kept in (32, 32):  # used at the first look, not at the second
        stat = ReclaimStat()
        freed, keep = shrink_folio_list(sc, stretches, stat)
        assert (freed, sum(count for _, count, _, _ in keep)) == (0, kept)
    move_folios_to_lru(box, sc.target_lruvec, keep)
    assert (stat.nr_pageout, mm.get_rss(), mm.hiwater_rss) == (32, peak - 32, peak)


def test_reclaim_is_traced_in_linuxs_words() -> None:
    box = small()
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 70 * MIB, 3, ANON)
    touch_range(box, box.current, addr, 60 * MIB, True)
    stolen = -box.vmstat["pgsteal_kswapd"] - box.vmstat["pgsteal_direct"]
    box.trace.record_all(True)
    touch_range(box, box.current, addr + 60 * MIB, 5 * MIB, True)
    box.trace.record_all(False)
    stolen += box.vmstat["pgsteal_kswapd"] + box.vmstat["pgsteal_direct"]
    lines = [line for line in show(box).splitlines() if "lru_shrink_inactive: " in line]
    told = [match for line in lines if (match := re.search(INACTIVE, line))]
    assert len(told) == len(lines) > 5
    counts = [[int(figure) for figure in match.groups()[:3]] for match in told]
    assert all(reclaimed + keep <= scanned for scanned, reclaimed, keep in counts)
    assert sum(reclaimed for _, reclaimed, _ in counts) == stolen > 100
