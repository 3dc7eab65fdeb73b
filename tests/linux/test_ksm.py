"""ksmd: figures that the recorded kernel answered with, and what must be the same whichever way the scan goes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest

from memsh.inspect.check import check
from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.include.memmap import PG_KSM
from memsh.linux.include.mm_types import MmStruct
from memsh.linux.include.sched import Task
from memsh.linux.kernel.exit import do_group_exit
from memsh.linux.kernel.fork import fork
from memsh.linux.lib.rbtree import RbNode, RbRoot
from memsh.linux.mm.ksm.ksmd import Ksmd
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.mmap.madvise import ADVICE, do_madvise
from memsh.linux.mm.vmscan.shrink import reclaim_pages
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.linux.swapping import switch_off, switch_on

KSM = "/sys/kernel/mm/ksm/"
COUNTS = ("pages_shared", "pages_sharing", "pages_unshared", "pages_volatile", "stable_node_chains", "stable_node_dups")
PAGE = 4096


def machine(**knobs: int) -> Box:
    box = Box(Config(arch="x86_64", ram=256 * MIB, cmdline="norandmaps transparent_hugepage=never"))
    for name, value in knobs.items():
        tree.store(box, KSM + name, f"{value}\n")
    return box


def counts(box: Box) -> list[int]:
    return [int(tree.show(box, KSM + name)) for name in COUNTS]


def mm_of(task: Task) -> MmStruct:
    assert task.mm is not None
    return task.mm


def written(box: Box, pages: int, *, different: bool = False, merge: bool = True) -> int:
    """Memory of the current process whose pages are alike, or not; its address."""
    mm = mm_of(box.current)
    addr = vma.sys_mmap(box, mm, 0, pages * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    for page in range(pages):
        uaccess.write(box, box.current, addr + page * PAGE, (page + 1 if different else 1).to_bytes(8, "little"))
    if merge:
        do_madvise(box, mm, addr, pages * PAGE, ADVICE["mergeable"])
    return addr


def advance(box: Box, seconds: int = 1) -> None:
    box.timer.advance(seconds * 1_000_000)


def test_pages_that_are_alike_become_one_and_a_write_takes_one_out() -> None:
    box = machine(run=1)
    addr = written(box, 64)
    advance(box)
    assert counts(box) == [1, 63, 0, 0, 0, 0]
    assert tree.show(box, KSM + "full_scans") == "42\n"  # it sleeps 20 ms, in ticks of 4 ms: 24 of them
    assert tree.show(box, "/proc/self/ksm_stat") == "ksm_rmap_items 64\n"
    assert tree.show(box, "/proc/self/ksm_merging_pages") == "64\n"
    touch_range(box, box.current, addr, 3 * PAGE, True)
    assert box.vmstat["cow_ksm"] == 3
    assert check(box) == []
    advance(box)
    assert counts(box) == [1, 63, 0, 0, 0, 0]
    before = box.current.minflt
    do_madvise(box, mm_of(box.current), addr, 64 * PAGE, ADVICE["unmergeable"])
    assert box.current.minflt - before == 64
    advance(box)
    assert counts(box) == [0, 0, 0, 0, 0, 0]
    assert check(box) == []


def test_a_fork_shares_what_is_merged_and_goes_on_with_its_parents_figures() -> None:
    box = machine(run=1)
    written(box, 64)
    advance(box)
    child = fork(box, box.current).child
    advance(box)
    assert counts(box) == [1, 127, 0, 0, 0, 0]
    assert tree.show(box, f"/proc/{child.pid}/ksm_merging_pages") == "128\n"
    do_group_exit(box, child, 0)
    assert check(box) == []  # mm_struct waits for ksmd
    advance(box)
    assert counts(box) == [1, 63, 0, 0, 0, 0]
    assert check(box) == []


def test_no_page_is_shared_by_more_than_may_share_one() -> None:
    box = machine(max_page_sharing=16, pages_to_scan=1000, run=1)
    addr = written(box, 256)
    mm = mm_of(box.current)
    advance(box)
    assert counts(box) == [16, 240, 0, 0, 1, 16]
    with pytest.raises(KernelError, match="busy"):
        tree.store(box, KSM + "max_page_sharing", "8\n")
    vma.do_munmap(box, mm, addr, 32 * PAGE)
    advance(box)
    assert sum(counts(box)[:2]) == 224
    tree.store(box, KSM + "run", "2\n")
    assert counts(box) == [0, 0, 0, 0, 0, 0]
    assert not any(box.memmap.flags[pte_of(mm, at) >> 12] & PG_KSM for at in range(addr + 32 * PAGE, addr + MIB, PAGE))
    assert check(box) == []


def test_what_was_merged_comes_back_from_swap_as_a_page_each() -> None:
    """The first to read it has it, each of the others gets a copy."""
    box = machine(pages_to_scan=1000, run=1)
    switch_on(box, 4096)
    addr = written(box, 64)
    advance(box)
    tree.store(box, KSM + "run", "0\n")
    pfn = pte_of(mm_of(box.current), addr) >> 12

    for _ in range(4):  # it was used lately, it is used by 64, it is written, and then it can go
        if box.memmap.flags[pfn] & PG_KSM:
            reclaim_pages(box, [pfn])
        advance(box)
    assert not pte_of(mm_of(box.current), addr + 63 * PAGE) & 0x101
    assert box.vmstat["nr_swapcached"] == 0
    assert check(box) == []
    touch_range(box, box.current, addr, 32 * PAGE, False)
    assert box.vmstat["ksm_swpin_copy"] == 31
    switch_off(box)
    assert box.vmstat["ksm_swpin_copy"] == 63
    assert uaccess.read(box, box.current, addr + 63 * PAGE, 1) == b"\1"
    assert check(box) == []


def test_pages_of_zeros_become_the_page_of_zeros_if_one_wants() -> None:
    box = machine(use_zero_pages=1, run=1)
    mm = mm_of(box.current)
    addr = vma.sys_mmap(box, mm, 0, 16 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, 16 * PAGE, True)
    do_madvise(box, mm, addr, 16 * PAGE, ADVICE["mergeable"])
    advance(box)
    assert counts(box) == [0, 0, 0, 0, 0, 0]
    assert pte_of(mm, addr) >> 12 == box.vm.zero_pfn
    assert check(box) == []


def test_i386_has_no_ksm() -> None:
    box = Box(Config(ram=64 * MIB))
    with pytest.raises(KernelError, match="Invalid argument"):
        do_madvise(box, mm_of(box.current), 0x8048000, PAGE, ADVICE["mergeable"])


class AlwaysLooks(Ksmd):
    """No round is ever taken for the one before."""

    looks = 0

    def _stamp(self) -> int:
        self.looks += 1
        return self.looks


def _state(box: Box) -> list[object]:
    ksm = box.ksm
    assert ksm is not None
    ksm.ksmd.settle()
    items = [(item.address, item.where) for root in ksm.unstable for item in root]  # type: ignore[attr-defined]
    return [counts(box), ksm.full_scans, ksm.address, ksm.at, items]


@pytest.mark.parametrize("seed", range(3))
def test_rounds_that_find_nothing_new_may_as_well_be_counted(seed: int) -> None:
    boxes = [machine(pages_to_scan=17, max_page_sharing=(256, 4, 2)[seed], run=1) for _ in range(2)]
    assert boxes[1].ksm is not None
    boxes[1].ksm.ksmd.__class__ = AlwaysLooks
    states = []
    for box in boxes:
        chance = random.Random(seed)
        addr = written(box, 60, different=True)
        other = written(box, 30)
        for _ in range(12):
            box.timer.advance(chance.choice([24_000, 100_000, 3_000_000]))
            place = chance.choice([addr, other]) + chance.randrange(30) * PAGE
            with suppress(KernelError):
                if chance.random() < 0.2:
                    do_madvise(box, mm_of(box.current), place, PAGE, ADVICE["unmergeable"])
                uaccess.write(box, box.current, place, bytes([chance.randrange(4)]))
            states.append(_state(box))
        assert check(box) == []
    half = len(states) // 2
    assert states[:half] == states[half:]
    times = [ksmd(box).stime for box in boxes]
    assert times[0] == pytest.approx(times[1], rel=0.03)
    assert ksmd(boxes[0]).nvcsw == ksmd(boxes[1]).nvcsw


def ksmd(box: Box) -> Task:
    task = box.cputime.kthread("ksmd")
    assert task is not None
    return task


def test_its_work_takes_time_by_what_it_finds() -> None:
    """On the recorded kernel a page that is merged took a sixth of the time of one looked at for the first time, one
    that is like no other 2.5 times as much, and one to be merged 3 times."""
    box = machine(run=1)
    addr = written(box, 512, different=True)
    spent = []
    for _ in range(3):  # a first look, a place in the tree, a look that finds it there
        before = ksmd(box).stime
        box.timer.advance(24_000 * 6)
        spent.append(ksmd(box).stime - before)
    assert spent[0] == pytest.approx(512 * 0.77, rel=0.02)
    assert 2 * spent[0] < spent[2] < 3 * spent[0]
    do_madvise(box, mm_of(box.current), addr, 512 * PAGE, ADVICE["unmergeable"])
    written(box, 512)
    advance(box)
    before = ksmd(box).stime
    box.timer.advance(24_000 * 6)
    assert ksmd(box).stime - before == pytest.approx(512 * 0.13, rel=0.02)


def test_a_long_scan_keeps_a_cpu_and_who_does_not_sleep_has_it_for_good() -> None:
    box = machine(pages_to_scan=100_000, run=1)
    written(box, 8192, different=True)
    box.timer.advance(3_000)
    assert ksmd(box).state == "R"
    assert 4_000 < counts(box)[3] < 6_000  # the rest is still to come
    box.timer.advance(3_000_000)
    for _ in range(2):
        tree.store(box, KSM + "sleep_millisecs", "0\n")
        box.timer.advance(100_000)
        before = ksmd(box).stime
        advance(box)
        assert (ksmd(box).state, ksmd(box).stime - before) == ("R", 1_000_000)
        tree.store(box, KSM + "pages_to_scan", "0\n")
    assert box.cputime.procs_running() == 2
    tree.store(box, KSM + "run", "0\n")
    advance(box)
    assert (ksmd(box).state, box.cputime.procs_running()) == ("S", 1)


def _blacks(node: RbNode | None) -> int:
    """How many black nodes are on each way down; what a red-black tree promises is so."""
    if node is None:
        return 1
    below = [child for child in (node.left, node.right) if child is not None]
    assert all(child.parent is node and not (node.red and child.red) for child in below)
    left, right = _blacks(node.left), _blacks(node.right)
    assert left == right
    return left + (not node.red)


class Number(RbNode):
    __slots__ = ("number",)

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number


def _numbers(root: RbRoot) -> Iterator[float]:
    return (node.number for node in root if isinstance(node, Number))


def test_red_black_trees_stay_in_order_and_balanced() -> None:
    chance, root, there = random.Random(1), RbRoot(), list[Number]()
    for _ in range(600):
        if there and chance.random() < 0.45:
            root.erase(there.pop(chance.randrange(len(there))))
        else:
            node, parent, at, left = Number(chance.random()), None, root.node, False
            while at is not None:
                assert isinstance(at, Number)
                parent, left = at, node.number < at.number
                at = at.left if left else at.right
            root.insert(node, parent, left)
            there.append(node)
        _blacks(root.node)
    assert list(_numbers(root)) == sorted(node.number for node in there)
