"""Memory under pressure: who reclaims what, and that nothing that was written is lost."""

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from tests.linux.swapping import switch_off, switch_on

_BASE = Box(Config(ram=128 * MIB))
ANON = MAP_PRIVATE | MAP_ANONYMOUS


@pytest.fixture
def box() -> Box:
    made = _BASE.copy()
    switch_on(made, 65536)
    return made


def area(box: Box, length: int, flags: int = ANON) -> int:
    assert box.current.mm is not None
    return vma.sys_mmap(box, box.current.mm, 0, length, 3, flags)


def stamp(box: Box, addr: int, pages: int, step: int = 37) -> dict[int, bytes]:
    """Write something into every `step`-th page; what was written where."""
    written = {}
    for n in range(0, pages, step):
        written[addr + n * 4096 + n % 4000] = b"%08d" % n
        uaccess.write(box, box.current, addr + n * 4096 + n % 4000, b"%08d" % n)
    return written


def read_back(box: Box, written: dict[int, bytes]) -> None:
    for addr, text in written.items():
        assert uaccess.read(box, box.current, addr, 8) == text


def test_more_memory_than_there_is_goes_to_swap_and_comes_back(box: Box) -> None:
    addr = area(box, 160 * MIB)
    written = stamp(box, addr, 40960)
    result = touch_range(box, box.current, addr, 160 * MIB, True)
    assert result.majflt + result.minflt > 39000
    stat = box.vmstat
    assert stat["pswpout"] > 10_000 and stat["pgsteal_kswapd"] > 1000 and stat["pgsteal_direct"] > 100
    assert stat["allocstall_movable"] > 1 and stat["pageoutrun"] > 1
    assert check(box) == []
    read_back(box, written)
    assert stat["pgmajfault"] > 10
    back = touch_range(box, box.current, addr, 16 * MIB, False)
    assert back.majflt * 6 < back.minflt + back.majflt <= 4096 and stat["swap_ra"] > 1000
    assert check(box) == []


def test_forked_pages_in_swap_belong_to_both(box: Box) -> None:
    addr = area(box, 16 * MIB)
    written = stamp(box, addr, 4096, 5)
    big = area(box, 120 * MIB)
    touch_range(box, box.current, big, 120 * MIB, True)
    child = kernel_clone(box, box.current)
    assert check(box) == []
    parent = box.current
    box.current = child
    read_back(box, written)
    uaccess.write(box, child, addr, b"child's ")
    box.current = parent
    assert uaccess.read(box, parent, addr, 8) == written[addr]
    assert check(box) == []


def test_shared_memory_swaps_too(box: Box) -> None:
    addr = area(box, 16 * MIB, MAP_SHARED | MAP_ANONYMOUS)
    written = stamp(box, addr, 4096, 5)
    big = area(box, 130 * MIB)
    touch_range(box, box.current, big, 130 * MIB, True)
    assert check(box) == []
    assert box.vmstat["nr_shmem"] < 5400
    read_back(box, written)
    assert check(box) == []


def test_swapoff_brings_everything_back_or_nothing_is_lost(box: Box) -> None:
    addr = area(box, 120 * MIB)
    written = stamp(box, addr, 30720)
    touch_range(box, box.current, addr, 120 * MIB, True)
    with pytest.raises(KernelError) as short:
        switch_off(box)
    assert short.value.code == "ENOMEM"
    assert check(box) == []
    read_back(box, written)
    assert box.current.mm is not None
    vma.do_munmap(box, box.current.mm, addr + 60 * MIB, 60 * MIB)
    switch_off(box)
    assert box.swap.total_pages == box.swap.free_pages == 0
    read_back(box, {at: text for at, text in written.items() if at < addr + 60 * MIB})
    assert check(box) == []


def test_a_copy_of_a_box_with_swap_has_the_same_future(box: Box) -> None:
    addr = area(box, 150 * MIB)
    touch_range(box, box.current, addr, 130 * MIB, True)
    other = box.copy()
    for each in (box, other):
        touch_range(each, each.current, addr, 150 * MIB, True)
    assert box.vmstat == other.vmstat and box.timer.usec == other.timer.usec
    assert bytes(box.memmap.flags) == bytes(other.memmap.flags)
    assert check(other) == []


def test_kswapd_only_runs_when_the_clock_moves() -> None:
    box = _BASE.copy()
    sysctl.put(box, "vm.watermark_boost_factor", "0")
    for path in ("/usr/bin/gdb", "/usr/bin/python3", "/usr/lib/libcrypto.so.3"):
        file = box.fs.open(path)
        box.fs.read(file, 0, file.inode.size)
    addr = area(box, 100 * MIB)
    normal = box.pages.zones[1]
    step = 256 * 1024
    at = addr
    while box.pages.nodes[0].kswapd.state == "sleeping" and at < addr + 100 * MIB:
        touch_range(box, box.current, at, step, True)
        at += step
    assert box.pages.nodes[0].kswapd.state == "running" and box.vmstat["pageoutrun"] == 0
    assert normal.nr_free < normal.wmark_high + normal.watermark_boost
    box.timer.advance(1_000_000)
    assert box.pages.nodes[0].kswapd.state == "sleeping" and box.vmstat["pageoutrun"] >= 1
    assert box.vmstat["pgsteal_file"] > 0
    assert normal.nr_free + normal.pcp.count >= normal.wmark_high
    assert check(box) == []


def test_kswapd_sleeps_when_a_high_order_was_in_vain() -> None:
    box = _BASE.copy()
    pages, vmstat = box.pages, box.vmstat
    normal, kswapd = pages.zones[1], pages.nodes[0].kswapd
    sysctl.put(box, "vm.drop_caches", "3")
    while any(zone.nr_blocks(10) for zone in pages.zones):
        assert pages.alloc_pages(0x400 | 0x20000, 10)  # GFP_NOWAIT | __GFP_NOMEMALLOC
    box.timer.advance(1_000_000)
    before = vmstat.copy()
    assert kswapd.state == "sleeping" and not kswapd.balanced(10, 1)
    for _ in range(2):
        kswapd.wakeup(normal, 0x400, 10, 1)
        box.timer.advance(20_000)
        assert kswapd.state == "napping"  # one run for the block, none for what comes after it
    assert vmstat["pageoutrun"] == before.get("pageoutrun", 0) + 2
    assert vmstat["kswapd_low_wmark_hit_quickly"] == before.get("kswapd_low_wmark_hit_quickly", 0) + 1
    assert vmstat["kswapd_high_wmark_hit_quickly"] == before.get("kswapd_high_wmark_hit_quickly", 0)
    assert check(box) == []


def test_what_a_reader_waits_for_stays_until_it_has_looked(box: Box) -> None:
    """Whoever reclaims while the disk works gets every page that was read, but not the one that is waited for."""
    box.fs.mkfile("/big", MIB)
    file = box.fs.open("/big")
    waits = 0
    wait = box.disk.wait

    def reclaiming(until: int) -> None:
        nonlocal waits
        waits += 1
        assert waits < 2000, "no progress"
        wait(until)
        box.fs.drop_pagecache()

    box.disk.wait = reclaiming  # type: ignore[method-assign]
    assert box.fs.skip(file, 0, MIB) == MIB
    assert waits > 100
