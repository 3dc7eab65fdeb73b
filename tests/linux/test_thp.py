"""Huge pages through everything that can happen to them, with every invariant checked after each step."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE, PTE_ACCESSED
from memsh.linux.include.mm_types import MM_SWAPENTS
from memsh.linux.kernel.exit import do_exit
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.mmap.madvise import ADVICE, do_madvise
from memsh.linux.mm.vmscan.scan import ScanControl
from memsh.linux.mm.vmscan.shrink import shrink_inactive_list
from memsh.machines.box import Box
from memsh.procfs import tree

PAGES = 2560  # of the area that everything is done to: five huge pages
SIZE = PAGES << 12
DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE, COLD, PAGEOUT, COLLAPSE = 4, 8, 14, 15, 20, 21, 25
BOX = Box(Config(ram=GIB, arch="x86_64", swap=64 * MIB))


def fresh() -> tuple[Box, Any, int]:
    box = BOX.copy()
    mm = box.current.mm
    assert mm is not None
    return box, mm, vma.sys_mmap(box, mm, 0x7F0000000000, SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS)


def test_one_fault_gives_two_mebibytes() -> None:
    box, mm, addr = fresh()
    result = touch_range(box, box.current, addr + 5 * MIB, 1, True)
    assert result.minflt == 1
    assert len(mm.huge) == 1
    assert box.vmstat["thp_fault_alloc"] == 1
    text = tree.show(box, "/proc/self/smaps")
    assert "AnonHugePages:      2048 kB" in text
    assert check(box) == []


def test_never_means_never_and_the_knob_shows_it() -> None:
    box, mm, addr = fresh()
    tree.store(box, "/sys/kernel/mm/transparent_hugepage/enabled", "never\n")
    assert tree.show(box, "/sys/kernel/mm/transparent_hugepage/enabled") == "always madvise [never]\n"
    assert touch_range(box, box.current, addr, SIZE, True).minflt == PAGES
    assert not mm.huge
    with pytest.raises(KernelError):
        tree.store(box, "/sys/kernel/mm/transparent_hugepage/enabled", "sometimes")


def test_a_huge_page_that_is_given_up_takes_those_before_it_along() -> None:
    """As recorded: 272 pages of one that is split, a whole one, 371 of a third. All but the last 11 have arrived."""
    box, mm, addr = fresh()
    touch_range(box, box.current, addr, SIZE, True)
    before = box.vmstat["pglazyfree"]
    do_madvise(box, mm, addr + 240 * 4096, 1155 * 4096, FREE)
    assert box.vmstat["pglazyfree"] - before == 1155 - 11
    assert check(box) == []


def test_a_range_that_reaches_no_boundary_cannot_be_collapsed() -> None:
    """One that reaches a boundary and has no 2 MiB behind it is nothing to do (madvise_collapse)."""
    box, mm, addr = fresh()
    touch_range(box, box.current, addr, 1, True)
    with pytest.raises(KernelError, match="Invalid argument"):
        vma.do_madvise(box, mm, addr + 4096, 4096, COLLAPSE)
    vma.do_madvise(box, mm, addr + 4096, 2 * MIB, COLLAPSE)
    vma.do_madvise(box, mm, addr, 4096, COLLAPSE)


def test_what_was_written_stays_through_split_swap_and_collapse() -> None:
    box, mm, addr = fresh()
    for page in range(0, PAGES, 97):
        uaccess.write(box, box.current, addr + (page << 12), page.to_bytes(8, "little"))
    vma.do_mprotect(box, mm, addr + 3 * MIB, 4096, 1)
    vma.do_madvise(box, mm, addr + 4 * MIB, 2 * MIB, PAGEOUT)
    box.timer.advance(2_000_000)
    touch_range(box, box.current, addr, SIZE, False)
    vma.do_mprotect(box, mm, addr + 3 * MIB, 4096, 3)
    touch_range(box, box.current, addr, SIZE, True)
    vma.do_madvise(box, mm, addr, SIZE, COLLAPSE)
    assert check(box) == []
    for page in range(0, PAGES, 97):
        assert uaccess.read(box, box.current, addr + (page << 12), 8) == page.to_bytes(8, "little")


def shrink(box: Box, name: str) -> None:
    """Reclaim looks at all pages of an inactive list once."""
    sc = ScanControl(box)
    for _ in range(8):
        shrink_inactive_list(sc, box.pages.nodes[0].lruvec, name, PAGES)
    box.swap.submit_plugged()


def test_reclaim_looks_at_huge_pages_as_a_whole() -> None:
    box, mm, addr = fresh()
    touch_range(box, box.current, addr, SIZE, True)
    vma.do_madvise(box, mm, addr + 2 * MIB, 4 * MIB, COLD)  # not used since, as it were
    vma.do_munmap(box, mm, addr + 2 * MIB, 64 * 4096)
    split = box.vmstat["thp_split_page"]
    sc = ScanControl(box)
    shrink_inactive_list(sc, box.pages.nodes[0].lruvec, "inactive_anon", 16 * PAGES)
    box.swap.submit_plugged()
    assert box.vmstat["thp_split_page"] - split == 2
    assert box.vmstat["thp_swpout_fallback"] == 1  # the other had lost its entry of 2 MiB
    assert len(mm.huge) == 3  # used since the last look: they stay, and lose the mark of it
    assert not any(huge.entry & PTE_ACCESSED for huge in mm.huge.values())
    assert mm.rss[MM_SWAPENTS] >= 2 * 512 - 64
    assert check(box) == []


def test_a_huge_page_that_was_given_up_goes_as_one() -> None:
    box, mm, addr = fresh()
    touch_range(box, box.current, addr, SIZE, True)
    vma.do_madvise(box, mm, addr, 4 * MIB, FREE)
    touch_range(box, box.current, addr, 4096, True)  # this one is needed again
    shrink(box, "inactive_file")
    assert box.vmstat["pglazyfreed"] == 512
    assert box.vmstat["thp_split_page"] == 0
    assert sorted(number - (addr >> 21) for number in mm.huge) == [0, 2, 3, 4]
    assert check(box) == []


def test_advice_on_a_part_leaves_alone_what_others_map() -> None:
    box, mm, addr = fresh()
    touch_range(box, box.current, addr, SIZE, True)
    child = kernel_clone(box, box.current)
    vma.do_munmap(box, mm, addr, 4096)  # the first page of the first 2 MiB is the child's alone
    switch_to(box, child)
    do_exit(box, child, 0)
    vma.do_madvise(box, mm, addr + 8 * 4096, 4096, FREE)  # the huge page's first frame is mapped by nobody
    box.timer.advance(1)
    assert box.vmstat["thp_split_page"] == 0
    vma.do_madvise(box, mm, addr + 8 * 4096, 4096, COLD)
    assert box.vmstat["thp_split_page"] == 1
    assert check(box) == []


STEP = st.tuples(
    st.sampled_from(["write", "read", "dontneed", "free", "protect", "unprotect", "cold", "pageout", "collapse", "fork",
                     "exit", "lock", "unlock", "move", "nohuge", "huge", "sleep", "pressure", "shrink"]),
    st.integers(0, PAGES - 1),
    st.sampled_from([1, 7, 511, 512, 513, 1024, PAGES]),
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.lists(STEP, min_size=3, max_size=14))
def test_nothing_is_lost_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    box, _, addr = fresh()
    first = box.current
    for what, page, count in steps:
        mm = box.current.mm
        assert mm is not None
        at, length = addr + (page << 12), min(count, PAGES - page) << 12
        try:
            match what:
                case "write" | "read":
                    touch_range(box, box.current, at, length, what == "write")
                case "protect" | "unprotect":
                    vma.do_mprotect(box, mm, at, length, 1 if what == "protect" else 3)
                case "fork":
                    switch_to(box, kernel_clone(box, box.current))
                case "exit":
                    if box.current is not first:
                        do_exit(box, box.current, 0)
                        switch_to(box, first)
                case "lock":
                    vma.do_mlock(box, mm, at, length)
                case "unlock":
                    vma.do_munlock(box, mm, at, length)
                case "move":
                    vma.do_mremap(box, mm, at, length, length, 3, 0x7E0000000000 + (page << 12))
                case "sleep":
                    box.timer.advance(11_000_000)
                case "shrink":
                    shrink(box, "inactive_anon")
                    shrink(box, "inactive_file")
                case "pressure":
                    tree.store(box, "/proc/sys/vm/drop_caches", "3\n")
                case _:
                    advice = {"dontneed": DONTNEED, "free": FREE, "cold": COLD, "pageout": PAGEOUT,
                              "collapse": COLLAPSE, "nohuge": NOHUGEPAGE, "huge": HUGEPAGE}[what]  # fmt: skip
                    vma.do_madvise(box, mm, at, length, advice)
        except (KernelError, Exception) as error:
            if type(error).__name__ not in ("KernelError", "Segfault"):
                raise
        assert check(box) == [], (what, page, count)


def test_populating_marks_what_small_entries_map() -> None:
    """As the recorded kernel: a huge page that small entries map is active after one turn, small pages after two; an
    entry of 2 MiB marks nothing."""
    box = Box(Config(arch="x86_64", ram=1024 * MIB, cmdline="norandmaps"))
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 8 * MIB, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, 8 * MIB, True)
    vma.do_mprotect(box, mm, addr + 3 * MIB, 4096, 1)
    active = box.vmstat["nr_active_anon"]
    for more in (512, 1024):
        do_madvise(box, mm, addr, 8 * MIB, ADVICE["populate_read"])
        assert box.vmstat["nr_active_anon"] - active == more
    assert check(box) == []
