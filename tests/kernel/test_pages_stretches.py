"""The allocator's short cuts leave what the steps they stand for would leave."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.kernel import freelists
from memsh.kernel.box import Box
from memsh.kernel.config import Config
from memsh.kernel.flags import GFP_ATOMIC, GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_NAMES
from memsh.kernel.freearea import free_one_page, free_pages_upwards, free_range, rmqueue_smallest, take_run
from memsh.kernel.pcp import free_bulk
from memsh.kernel.zone import Zone
from tests.paths import REFERENCE


def zone_with(blocks: list[tuple[int, int, int]]) -> Zone:
    """A zone of 16 page blocks in which blocks of (frame, order, type) were freed, as far as they do not overlap."""
    zone = Zone("Normal", 1, 0x1000, 0x4000, 0x4000)
    taken: set[int] = set()
    for pfn, order, kind in blocks:
        frames = range(0x1000 + (pfn >> order << order), 0x1000 + (pfn >> order << order) + (1 << order))
        if frames.stop <= zone.end_pfn and not taken.intersection(frames):
            taken.update(frames)
            free_one_page(zone, frames.start, order, kind)
            zone.mod_free(1 << order)
    zone.managed = zone.spanned
    return zone


def lists(zone: Zone) -> tuple[list[list[int]], dict[int, int]]:
    return [list(blocks) for blocks in zone.lists], dict(zone.free)


BLOCKS = st.lists(st.tuples(st.integers(0, 0x3FFF), st.integers(0, 10), st.integers(0, 3)), max_size=60)


@settings(max_examples=150, deadline=None)
@given(BLOCKS, st.integers(0, 3), st.integers(0, 200), st.integers(0, 3))
def test_taking_a_run_is_taking_one_block_after_another(
    blocks: list[tuple[int, int, int]], order: int, count: int, kind: int
) -> None:
    one = zone_with(blocks)
    many = copy.deepcopy(one)
    singles = []
    while len(singles) < count and (pfn := rmqueue_smallest(one, order, kind)):
        singles.append(pfn)
    got: list[int] = []
    assert take_run(many, order, count, kind, got) == len(got)
    assert got == singles
    assert lists(many) == lists(one)


@settings(max_examples=150, deadline=None)
@given(
    BLOCKS,
    st.lists(st.tuples(st.integers(0, 0x3FFF), st.integers(1, 120), st.sampled_from((1, -1, 2))), max_size=5),
    st.integers(0, 300),
    st.integers(0, 125),
    st.integers(-20, 20),
)
def test_draining_a_run_is_freeing_one_page_after_another(
    blocks: list[tuple[int, int, int]], runs: list[tuple[int, int, int]], count: int, threshold: int, diff: int
) -> None:
    one = zone_with(blocks)
    free = {pfn + i for pfn, key in one.free.items() for i in range(1 << (key >> 2))}
    pages = []
    for first, length, step in runs:
        for pfn in range(0x1000 + first, 0x1000 + first + length * step, step):
            if one.start_pfn <= pfn < one.end_pfn and pfn not in free:
                free.add(pfn)
                pages.append(pfn)
    one.threshold, one.stat_diff = threshold, max(-threshold, min(threshold, diff))
    many = copy.deepcopy(one)
    many.pcp.lists[1].extendleft(reversed(pages))
    many.pcp.count = len(pages)
    box = Box(Config(), boot=False)
    freelists.load(box, (REFERENCE / "boot-128m-1cpu" / "freelists.txt").read_text())
    free_bulk(box.pages, many, many.pcp, count, 1)
    for pfn in pages[:count]:
        free_one_page(one, pfn, 0, 1)
        one.mod_free(1)
    assert lists(many) == lists(one)
    assert (many.stat_free, many.stat_diff) == (one.stat_free, one.stat_diff)
    assert list(many.pcp.lists[1]) == pages[count:]
    assert many.pcp.count == len(pages[count:])


@settings(max_examples=100, deadline=None)
@given(BLOCKS, st.integers(0, 0x3FFF), st.integers(0, 0x3000))
def test_handing_over_frames_in_stretches(blocks: list[tuple[int, int, int]], first: int, length: int) -> None:
    one = zone_with([])
    many = copy.deepcopy(one)
    start, end = 0x1000 + first, min(0x1000 + first + length, one.end_pfn)
    free_pages_upwards(many, start, end)
    for pfn in range(start, end):
        free_one_page(one, pfn, 0, 1)
    assert lists(many) == lists(one)
    free_range(whole := zone_with([]), start, end)
    assert whole.free == one.free and whole.nr_free == end - start
    assert whole.managed == whole.spanned + end - start


@pytest.mark.parametrize("name", ["small", "pressure"])
def test_tracing_changes_nothing(name: str) -> None:
    text = (REFERENCE / "pages" / f"{name}.txt").read_text()
    quiet, traced = Box(Config(), boot=False), Box(Config(), boot=False)
    for box in (quiet, traced):
        freelists.load(box, text, "before")
    traced.trace.on = True
    kinds = (GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_ATOMIC | GFP_NAMES["__GFP_NOWARN"])
    held = []
    for step in range(3000):
        order = step % 7 % 4
        pfn = quiet.pages.alloc_pages(kinds[step % 3], order)
        assert traced.pages.alloc_pages(kinds[step % 3], order) == pfn
        if pfn:
            held.append((pfn, order))
        if step % 5 > 1 and held:
            pfn, order = held.pop(step * 7919 % len(held))
            quiet.pages.free_pages(pfn, order)
            traced.pages.free_pages(pfn, order)
    for pfn, order in held:
        quiet.pages.free_pages(pfn, order)
        traced.pages.free_pages(pfn, order)
    assert freelists.dump(quiet) == freelists.dump(traced)
    assert {record[0] for record in traced.trace.ring} >= {"mm_page_alloc", "mm_page_free", "mm_page_pcpu_drain"}
