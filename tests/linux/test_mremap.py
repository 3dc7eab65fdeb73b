"""mremap moves entries, whole tables and directories: every page keeps its frame, and no memory half of them."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.arch.x86 import paging
from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_READ,
    PROT_WRITE,
)
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box

FIXED = MREMAP_MAYMOVE | MREMAP_FIXED
SIZES = {"i386": 64 * MIB, "x86_64": 3 * GIB}
FRESH = {arch: Box(Config(arch=arch, ram=256 * MIB)) for arch in SIZES}
OLD = 0x40000000
NEW = {"i386": 0x80000000, "x86_64": 0x7000_0000_0000}


def mapped(arch: str, shift: int, touched: list[tuple[int, int]]) -> tuple[Box, int, int]:
    """A box whose process has a mapping `shift` pages above OLD of which some parts were touched: its start, length."""
    box = FRESH[arch].copy()
    start, length = OLD + (shift << 12), SIZES[arch]
    flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE
    vma.sys_mmap(box, box.current.mm, start, length, PROT_READ | PROT_WRITE, flags)
    for part, pages in touched:
        at = start + length * part // 64 & -4096
        touch_range(box, box.current, at, min(pages << 12, start + length - at), write=bool(part & 1))
    return box, start, length


def entries(box: Box, start: int, length: int) -> dict[int, int]:
    """What is mapped there: frame and bits, by distance from `start`."""
    mm = box.current.mm
    assert mm is not None
    span = 1 << mm.table_shift
    numbers = {number for number in (*mm.tables, *mm.huge) if start < number + 1 << mm.table_shift}
    first, end = start, start + length
    parts = [range(max(first, number * span), min(end, (number + 1) * span), 4096) for number in numbers]
    return {at - start: pte for part in parts for at in part if (pte := pte_of(mm, at))}


PARTS = st.lists(st.tuples(st.integers(0, 63), st.integers(1, 1500)), min_size=1, max_size=4)
SHIFTS = st.sampled_from([0, 1, 511, 512, 513, 1024, 5 * 512])


@pytest.mark.parametrize("arch", SIZES)
@settings(max_examples=25, deadline=None)
@given(PARTS, SHIFTS, SHIFTS, st.integers(0, 200))
def test_every_page_keeps_its_frame(arch: str, touched: list[tuple[int, int]], old: int, new: int, cut: int) -> None:
    box, start, length = mapped(arch, old, touched)
    length -= cut << 12
    mm = box.current.mm
    assert mm is not None
    before, tables, free = entries(box, start, length), set(mm.tables.values()), box.vmstat["nr_free_pages"]
    to = NEW[arch] + (new << 12)
    assert vma.do_mremap(box, mm, start, length, length, FIXED, to) == to
    assert {at: pte >> 12 for at, pte in entries(box, to, length).items()} == {
        at: pte >> 12 for at, pte in before.items()
    }
    assert check(box) == []
    if not (start | to) & (1 << mm.table_shift) - 1 and not length & (1 << mm.table_shift) - 1 and not mm.huge:
        assert set(mm.tables.values()) == tables, "tables go as they are"
    assert free - box.vmstat["nr_free_pages"] < 3000


@pytest.mark.parametrize("arch", SIZES)
@settings(max_examples=15, deadline=None)
@given(PARTS, SHIFTS, SHIFTS, st.integers(0, 6))
def test_with_no_memory_for_a_table_all_go_back(
    arch: str, touched: list[tuple[int, int]], old: int, new: int, allowed: int
) -> None:
    box, start, length = mapped(arch, old, touched)
    mm = box.current.mm
    assert mm is not None
    before = {at: pte >> 12 for at, pte in entries(box, start, length).items()}
    asked, table_page = count(), paging._table_page

    def limited(*args: Any) -> int:
        if next(asked) == allowed:
            raise KernelError("ENOMEM")
        return table_page(*args)

    to = NEW[arch] + (new << 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "_table_page", limited)
        try:
            vma.do_mremap(box, mm, start, length, length, FIXED, to)
            where = to
        except KernelError as error:
            assert error.code == "ENOMEM"
            where = start
    assert {at: pte >> 12 for at, pte in entries(box, where, length).items()} == before
    assert check(box) == []
