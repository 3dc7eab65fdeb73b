"""Resident pages counted a thread at a time: a range at once is as page by page, and nothing is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.fs.exec import do_execve
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.include.mm_types import MM_ANONPAGES
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.rss_stat import TASK_RSS_EVENTS_THRESH
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import tracefs, tracing

BOX = Box(Config(ram=64 * MIB))


def shown(box: Box) -> tuple[list[int], list[int], int]:
    mm = box.current.mm
    assert mm is not None
    return [mm.counter(n) for n in range(4)], list(box.current.rss_stat), box.current.rss_events


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=8))
def test_a_range_at_once_is_as_page_by_page(pieces: list[tuple[int, bool]]) -> None:
    found = []
    for together in (True, False):
        box = BOX.copy()
        box.vm.set_split_rss(True, box.tasks.values())
        mm = box.current.mm
        assert mm is not None
        addr = vma.sys_mmap(box, mm, 0, 2048 * 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS)
        for pages, write in pieces:
            if together:
                touch_range(box, box.current, addr, pages << 12, write)
            else:
                for n in range(pages):
                    touch_range(box, box.current, addr + (n << 12), 1, write)
            addr += pages << 12
        found.append(shown(box))
        assert check(box) == []
    assert found[0] == found[1]


@pytest.mark.parametrize("pages", [1, 64, 65, 66, 67, 131, 132, 1000])
def test_what_is_shown_lags_by_what_the_thread_keeps(pages: int) -> None:
    box = BOX.copy()
    mm = box.current.mm
    assert mm is not None
    before = mm.counter(MM_ANONPAGES)
    box.vm.set_split_rss(True, box.tasks.values())
    addr = vma.sys_mmap(box, mm, 0, pages << 12, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, pages << 12, True)
    kept = before + pages - mm.counter(MM_ANONPAGES)
    assert 0 < kept <= TASK_RSS_EVENTS_THRESH + 2
    assert mm.rss[MM_ANONPAGES] == before + pages
    vma.do_munmap(box, mm, addr, pages << 12)
    assert mm.counter(MM_ANONPAGES) == before


def split(arch: str = "i386") -> Box:
    box = BOX.copy() if arch == "i386" else Box(Config(ram=256 * MIB, arch=arch))
    box.vm.set_split_rss(True, box.tasks.values())
    return box


def test_an_area_that_has_no_page_table_leaves_what_the_thread_keeps() -> None:
    box = split()
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 8 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr + (8 << 20) - 4096, 4096, True)
    kept = list(box.current.rss_stat)
    assert kept[MM_ANONPAGES]
    other = vma.sys_mmap(box, mm, 0, 16 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    vma.do_munmap(box, mm, other, 4 << 20)
    assert box.current.rss_stat == kept
    vma.do_munmap(box, mm, addr + (8 << 20) - 4096, 4096)
    assert box.current.rss_stat == [0, 0, 0, 0]


def test_a_huge_page_is_counted_at_once() -> None:
    box = split("x86_64")
    mm = box.current.mm
    assert mm is not None
    box.thp.enabled = "always"
    before = mm.counter(MM_ANONPAGES)
    addr = vma.sys_mmap(box, mm, 0, 8 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr + (4 << 20), 1, True)
    assert box.vmstat["thp_fault_alloc"] == 1
    assert mm.counter(MM_ANONPAGES) == before + 512


def test_exec_hands_in_and_begins_anew() -> None:
    box = split()
    child = kernel_clone(box, box.current)
    box.current = child
    assert child.mm is not None
    addr = vma.sys_mmap(box, child.mm, 0, 50 << 12, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, child, addr, 50 << 12, True)
    do_execve(box, child, "a.out", ["a.out"])
    mm = child.mm
    assert mm is not None
    assert mm.kept == child.rss_stat
    assert min(mm.kept) >= 0


def test_reclaim_counts_at_once() -> None:
    box = Box(Config(ram=64 * MIB, swap=64 * MIB))
    box.vm.set_split_rss(True, box.tasks.values())
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 80 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    for at in range(addr, addr + (80 << 20), 4096):
        touch_range(box, box.current, at, 1, True)
    assert box.vmstat["pswpout"] > 0
    assert all(0 <= kept <= TASK_RSS_EVENTS_THRESH + 2 for kept in box.current.rss_stat[:2])
    assert check(box) == []


def test_the_tracepoint_tells_what_is_handed_in() -> None:
    box = split()
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 200 << 12, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    tracefs.store_set(box, "kmem:rss_stat")
    touch_range(box, box.current, addr, 200 << 12, True)
    told = [line for line in tracing.show(box).splitlines() if "MM_ANONPAGES" in line]
    assert len(told) == 3
