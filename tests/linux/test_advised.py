"""Advice about pages: sent to swap and back, aged, given up, with the data whole."""

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS, MmStruct
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.lru import mark_page_accessed
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.mmap.madvise import do_madvise
from memsh.machines.box import Box
from tests.linux.swapping import switch_on

FREE, COLD, PAGEOUT, WILLNEED = 8, 20, 21, 3
SCANS = ("pgscan_direct", "pgsteal_direct", "pgscan_anon", "pgsteal_anon")
_BASE = Box(Config(ram=64 * MIB))


@pytest.fixture
def box() -> Box:
    made = _BASE.copy()
    switch_on(made, 16384)
    return made


def mapped(box: Box, flags: int = MAP_PRIVATE) -> tuple[MmStruct, int]:
    """4 MiB that were written, with words in the first and the last page."""
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 4 * MIB, 3, flags | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, 4 * MIB, write=True)
    uaccess.write(box, box.current, addr, b"first")
    uaccess.write(box, box.current, addr + 4 * MIB - 5, b"final")
    return mm, addr


def whole(box: Box, addr: int) -> bool:
    ends = uaccess.read(box, box.current, addr, 5), uaccess.read(box, box.current, addr + 4 * MIB - 5, 5)
    return ends == (b"first", b"final")


def test_pageout_swaps_out_and_willneed_brings_back(box: Box) -> None:
    mm, addr = mapped(box)
    before = {name: box.vmstat[name] for name in ("pswpin", "pswpout", *SCANS)}
    rss = list(mm.rss)
    do_madvise(box, mm, addr, 4 * MIB, PAGEOUT)
    assert mm.rss[MM_SWAPENTS] == 1024 and mm.rss[MM_ANONPAGES] == rss[MM_ANONPAGES] - 1024
    assert box.vmstat["pswpout"] - before["pswpout"] == 1024
    for name in SCANS:  # no list was looked at
        assert box.vmstat[name] == before[name]
    assert check(box) == []
    box.timer.advance(1_000_000)
    other = vma.sys_mmap(box, mm, 0, 50 * MIB, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, other, 50 * MIB, write=True)  # until the cache of swap is needed for it
    vma.do_munmap(box, mm, other, 50 * MIB)
    assert box.vmstat["nr_swapcached"] < 1024
    do_madvise(box, mm, addr, 4 * MIB, WILLNEED)
    assert box.vmstat["nr_swapcached"] >= 1024 and box.vmstat["pswpin"] > before["pswpin"]
    box.timer.advance(1_000_000)
    majors = box.vmstat["pgmajfault"]
    touch_range(box, box.current, addr, 4 * MIB, write=False)
    assert box.vmstat["pgmajfault"] == majors
    assert all(mm.tables[at >> mm.table_shift].ptes[at >> 12 & 1023] & 1 for at in range(addr, addr + 4 * MIB, 4096))
    assert whole(box, addr) and check(box) == []


def test_shared_memory_goes_and_comes(box: Box) -> None:
    mm, addr = mapped(box, MAP_SHARED)
    do_madvise(box, mm, addr, 4 * MIB, PAGEOUT)
    assert box.vmstat["pswpout"] == 1024 and check(box) == []
    box.timer.advance(1_000_000)
    do_madvise(box, mm, addr, 4 * MIB, WILLNEED)
    box.timer.advance(1_000_000)
    assert whole(box, addr) and check(box) == []


def test_pages_that_others_map_stay(box: Box) -> None:
    mm, addr = mapped(box)
    kernel_clone(box, box.current)
    do_madvise(box, mm, addr, 4 * MIB, PAGEOUT)
    assert mm.rss[MM_SWAPENTS] == 0 and box.vmstat["pswpout"] == 0


def test_cold_pages_leave_the_active_list(box: Box) -> None:
    mm, addr = mapped(box)
    for at in range(addr, addr + MIB, 4096):
        pfn = mm.tables[at >> mm.table_shift].ptes[at >> 12 & 1023] >> 12
        mark_page_accessed(box, pfn)
        mark_page_accessed(box, pfn)
    assert box.vmstat["nr_active_anon"] >= 256
    active, deactivated = box.vmstat["nr_active_anon"], box.vmstat["pgdeactivate"]
    do_madvise(box, mm, addr, 4 * MIB, COLD)
    assert active - box.vmstat["nr_active_anon"] == 256 == box.vmstat["pgdeactivate"] - deactivated
    assert whole(box, addr) and check(box) == []


def test_free_gives_up_slots_and_pages_that_nobody_writes_again(box: Box) -> None:
    mm, addr = mapped(box)
    do_madvise(box, mm, addr, 2 * MIB, PAGEOUT)
    box.timer.advance(1_000_000)
    do_madvise(box, mm, addr, 4 * MIB, FREE)
    assert mm.rss[MM_SWAPENTS] == 0 and box.vmstat["pglazyfree"] == 510 and check(box) == []  # by fifteens
    uaccess.write(box, box.current, addr + 3 * MIB, b"again")
    do_madvise(box, mm, addr, 4 * MIB, PAGEOUT)
    assert box.vmstat["pglazyfreed"] == 511  # the one that was written is an ordinary page again
    assert uaccess.read(box, box.current, addr + 3 * MIB, 5) == b"again"
    assert uaccess.read(box, box.current, addr, 5) == bytes(5) and check(box) == []


def test_willneed_asks_for_no_more_of_a_file_than_a_request_holds(box: Box) -> None:
    """As an x86_64 machine with a virtio disk did: 1,280 kB of 16 MiB (force_page_cache_ra)."""
    box.fs.mkfile("/much", 16 * MIB)
    file = box.fs.open("/much")
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 16 * MIB, 1, MAP_SHARED, file=file)
    do_madvise(box, mm, addr, 16 * MIB, WILLNEED)
    assert file.inode.mapping is not None
    assert len(file.inode.mapping.pages) == 320
