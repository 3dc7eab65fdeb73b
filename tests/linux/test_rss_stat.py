"""Resident pages counted a thread at a time: a range at once is as page by page, and nothing is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.include.mm_types import MM_ANONPAGES
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.rss_stat import TASK_RSS_EVENTS_THRESH
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box

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
