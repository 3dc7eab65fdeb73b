"""Reverse maps: every place of a page is found, however the areas were cut, joined, moved and copied."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, MREMAP_FIXED, MREMAP_MAYMOVE
from memsh.linux.kernel.exit import do_exit
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.lib.entries import PRESENT
from memsh.linux.lib.interval_tree import IntervalTree
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import BusError, Segfault
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.rmap import rmap
from memsh.machines.box import Box

PLACE, PAGES = 0x40000000, 64


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 90))), st.integers(0, 400))
def test_a_tree_finds_all_ranges_over_an_index(pairs: list[tuple[int, int]], index: int) -> None:
    found = IntervalTree((first, first + more, number) for number, (first, more) in enumerate(pairs)).near(index)
    assert found == sorted(set(found))
    assert {number for number, (first, more) in enumerate(pairs) if first <= index <= first + more} <= set(found)


def places(box: Box) -> dict[int, list[tuple[int, int]]]:
    """Frame that has an owner -> (number of the mm, address) of the entries that map it, from the tables of all."""
    found: dict[int, list[tuple[int, int]]] = {}
    for mm in box.vm.mms.values():
        for index, table in mm.tables.items():
            for at, pte in enumerate(table.ptes):
                if pte & PRESENT and box.memmap.mapping[pte >> 12]:
                    found.setdefault(pte >> 12, []).append((mm.number, index << mm.table_shift | at << 12))
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_every_place_of_a_page_is_found(monkeypatch: pytest.MonkeyPatch, arch: str, seed: int) -> None:
    monkeypatch.setattr(rmap, "_FEW", 0)
    rng = random.Random(seed)
    box = Box(Config(ram=64 * MIB, arch=arch, cmdline="norandmaps transparent_hugepage=never"))
    parent = box.current
    assert parent.mm is not None
    for shared in (MAP_PRIVATE, MAP_SHARED):
        vma.sys_mmap(box, parent.mm, PLACE + shared * (PAGES << 13), PAGES << 12, 3, shared | MAP_ANONYMOUS)
    tasks = [parent]
    for _ in range(60):
        task = rng.choice(tasks)
        mm = task.mm
        assert mm is not None
        addr = PLACE + (rng.randrange(6 * PAGES) << 12)
        length = rng.randrange(1, 20) << 12
        with suppress(KernelError, Segfault, BusError):
            match rng.randrange(9):
                case 0 | 1:
                    vma.do_mprotect(box, mm, addr, length, rng.choice((1, 3)))
                case 2 | 3:
                    touch_range(box, task, addr, length, rng.random() < 0.7)
                case 4:
                    to = PLACE + (rng.randrange(6 * PAGES) << 12)
                    vma.do_mremap(box, mm, addr, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, to)
                case 5:
                    vma.do_munmap(box, mm, addr, length >> 2 & ~4095)
                case 6 | 7:
                    flags = MAP_ANONYMOUS | MAP_FIXED | rng.choice((MAP_PRIVATE, MAP_SHARED))
                    vma.sys_mmap(box, mm, addr, length, 3, flags)
                case 8 if len(tasks) < 4:
                    tasks.append(kernel_clone(box, task))
                case 8 if task is not parent:
                    do_exit(box, task, 0)
                    tasks.remove(task)
        for pfn, mapped in places(box).items():
            assert sorted((area.mm.number, at) for area, at, _, _ in rmap.rmap_walk(box, pfn)) == sorted(mapped)
    assert not check(box)


def test_an_area_that_grew_is_known_by_all_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rmap, "_FEW", 0)
    box = Box(Config(ram=64 * MIB, cmdline="norandmaps"))
    mm, flags = box.current.mm, MAP_ANONYMOUS | MAP_FIXED | MAP_PRIVATE
    assert mm is not None

    def found(addr: int) -> list[int]:
        touch_range(box, box.current, addr, 4096, True)
        return [at for _, at, _, _ in rmap.rmap_walk(box, pte_of(mm, addr) >> 12)]

    vma.sys_mmap(box, mm, PLACE, 0x1000, 3, flags)
    assert found(PLACE) == [PLACE]
    vma.sys_mmap(box, mm, PLACE + 0x1000, 0x80000, 3, flags)  # they are one area
    assert found(PLACE + 0x7F000) == [PLACE + 0x7F000]
    vma.do_mprotect(box, mm, PLACE + 0x1000, 0x80000, 1)
    vma.do_mprotect(box, mm, PLACE + 0x1000, 0x80000, 3)
    assert found(PLACE + 0x40000) == [PLACE + 0x40000]
    vma.sys_mmap(box, mm, PLACE - 0x100000, 0x100000, 3, flags)
    assert found(PLACE - 0xF0000) == [PLACE - 0xF0000]
