"""Faults for huge pages in a row leave what one fault after the other leaves."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_HIGHUSER_MOVABLE, GFP_KERNEL, MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.huge_memory import bulk
from memsh.linux.mm.memory import fault
from memsh.linux.mm.memory.outcome import Killed
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.observing import differing, seen

HUGE = 20
SIZE = HUGE << 21
CG = "/sys/fs/cgroup"
BOX = Box(Config(ram=GIB, arch="x86_64", swap=4 * MIB))
TWO_ZONES = Box(Config(ram=GIB, arch="x86_64", swap=4 * MIB, cmdline="norandmaps kernelcore=980M"))  # 22 MiB come first


def prepared(tables: int, left: int, limit: int, whole: Box = BOX) -> tuple[Box, int]:
    """A box with an area; the list that tables come from has lost some pages, `left` blocks of 4 MiB are free (0: all),
    the process may have `limit` MiB (0: any)."""
    box = whole.copy()
    for _ in range(tables):
        box.pages.alloc_pages(GFP_KERNEL, 0)
    while left and sum(zone.nr_free for zone in box.pages.zones) >> 10 > left:
        assert box.pages.alloc_pages(GFP_HIGHUSER_MOVABLE, 10)
    if limit:
        tree.store(box, f"{CG}/cgroup.subtree_control", "+memory\n")
        tree.mkdir(box, f"{CG}/g")
        tree.store(box, f"{CG}/g/memory.max", f"{limit}M\n")
        tree.store(box, f"{CG}/g/cgroup.procs", "0\n")
    assert box.current.mm is not None
    return box, vma.sys_mmap(box, box.current.mm, 0x7F0000000000, SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS)


def columns(box: Box) -> dict[str, object]:
    memmap = box.memmap
    found: dict[str, object] = {
        name: bytes(getattr(memmap, name).cast("B"))
        for name in (
            "refcount",
            "mapcount",
            "flags",
            "mapping",
            "index",
            "kind",
            "order",
            "lru_next",
            "lru_prev",
            "memcg",
        )
    }
    for mm in box.vm.mms.values():
        found[f"mm {mm.number}"] = [(n, huge.entry, huge.table) for n, huge in sorted(mm.huge.items())], mm.rss, mm.kept
    for zone in box.pages.zones:
        cpus = [(cpu.count, cpu.free_factor) for cpu in zone.pcps]
        found[f"zone {zone.name}"] = zone.stat_free, zone.stat_diff, zone.allocated, zone.extra, dict(zone.stat), cpus
    return found


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(1, SIZE)), min_size=1, max_size=3),
    st.integers(0, 100),
    st.sampled_from([0, 0, 13, 18]),
    st.sampled_from([0, 0, 18, 100]),
    st.sampled_from(["", "read first", "lock", "fork"]),
    st.sampled_from([BOX, TWO_ZONES]),
)
def test_a_range_leaves_what_its_huge_pages_one_by_one_leave(
    ranges: list[tuple[int, int]], tables: int, left: int, limit: int, before: str, whole: Box
) -> None:
    boxes = []
    for singly in (True, False):
        box, addr = prepared(tables, left, limit, whole)
        mm = box.current.mm
        assert mm is not None
        with pytest.MonkeyPatch.context() as patch, suppress(KernelError, Killed):
            if singly:
                patch.setattr(fault, "huge_faults", lambda *_: 0)
            if before == "read first":
                fault.touch_range(box, box.current, addr + 8 * MIB, 9 * MIB, False)
            elif before == "lock":
                vma.do_mlock(box, mm, addr + 4 * MIB, 12 * MIB)
            elif before == "fork":
                fault.touch_range(box, box.current, addr, 6 * MIB, True)
                kernel_clone(box, box.current)
            for start, length in ranges:
                fault.touch_range(box, box.current, addr + start, min(length, SIZE - start), True)
        boxes.append(box)
    assert differing(seen(boxes[0]) | columns(boxes[0]), seen(boxes[1]) | columns(boxes[1])) == []
    assert check(boxes[1]) == []


def test_they_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    box, addr = prepared(0, 0, 0)
    got = []
    monkeypatch.setattr(fault, "huge_faults", lambda *args: got.append(bulk.huge_faults(*args)) or got[-1])
    fault.touch_range(box, box.current, addr, SIZE, True)
    assert max(got) > 8
    assert sum(got) > HUGE // 2


def test_a_zone_that_is_short_passes_them_on_to_the_next_together(monkeypatch: pytest.MonkeyPatch) -> None:
    box, addr = prepared(0, 0, 0, TWO_ZONES)
    first = next(zone for zone in box.pages.zones if zone.name == "Movable")
    got = []
    monkeypatch.setattr(fault, "huge_faults", lambda *args: got.append(bulk.huge_faults(*args)) or got[-1])
    fault.touch_range(box, box.current, addr, SIZE, True)
    assert first.nr_free < 1024
    assert sum(got) >= HUGE - 6
