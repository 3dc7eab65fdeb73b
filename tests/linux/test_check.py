"""`check` sees what is wrong: one figure of a whole box changed at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from memsh.inspect.check import check
from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.config import Config
from memsh.linux.include.flags import GFP_KERNEL, MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE
from memsh.linux.include.memmap import K_ANON, PG_LRU, PG_SWAPBACKED
from memsh.linux.include.mm_types import MM_ANONPAGES, MmStruct
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap.mmap import sys_mmap
from memsh.machines.box import Box

ADDR = 0x20000000


def mm_of(box: Box) -> MmStruct:
    assert box.current is not None and box.current.mm is not None
    return box.current.mm


def frame(box: Box) -> int:
    """One in the middle of a run of anonymous pages."""
    return pte_of(mm_of(box), ADDR + (100 << 12)) >> 12


def mapcount(box: Box) -> None:
    box.memmap.mapcount[frame(box)] += 1


def refcount(box: Box) -> None:
    box.memmap.refcount[frame(box)] += 1


def flags(box: Box) -> None:
    box.memmap.flags[frame(box)] ^= PG_LRU


def backing(box: Box) -> None:
    box.memmap.flags[frame(box)] ^= PG_SWAPBACKED


def link(box: Box) -> None:
    box.memmap.lru_next[frame(box)] += 1


def kind(box: Box) -> None:
    """A page of a process that no process has."""
    box.memmap.kind[box.pages.alloc_pages(GFP_KERNEL, 0)] = K_ANON


def entry(box: Box) -> None:
    mm = mm_of(box)
    table = mm.tables[ADDR >> mm.table_shift]
    table.ptes[ADDR >> 12 & mm.table_mask] = 0


def rss(box: Box) -> None:
    mm_of(box).rss[MM_ANONPAGES] += 1


def pages_of_files(box: Box) -> None:
    box.vmstat["nr_file_pages"] += 1


def dirty(box: Box) -> None:
    """A mark in a file's tree whose page is clean."""
    inode = next(one for one in box.fs.inodes() if one.mapping is not None and len(one.mapping.pages))
    assert inode.mapping is not None
    index = next(iter(inode.mapping.pages))
    inode.mapping.pages.dirty[index >> 6] = 1 << (index & 63)


def active(box: Box) -> None:
    box.vmstat["nr_inactive_anon"] += 1


def lost(box: Box) -> None:
    """A page that nobody has and nobody can get."""
    box.memmap.refcount[box.pages.alloc_pages(GFP_KERNEL, 0)] = 0


@pytest.fixture(scope="module")
def whole() -> Box:
    box = Box(Config(ram=64 << 20))
    sys_mmap(box, mm_of(box), ADDR, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
    touch_range(box, box.current, ADDR, 4 << 20, True)
    assert check(box) == []
    return box


@pytest.mark.parametrize(
    "damage", [mapcount, refcount, flags, backing, link, kind, entry, rss, pages_of_files, dirty, active, lost]
)
def test_damage_is_seen(whole: Box, damage: Callable[[Box], None]) -> None:
    box = whole.copy()
    damage(box)
    assert check(box)
