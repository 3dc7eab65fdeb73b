"""The allocator's short cuts leave what the steps they stand for would leave."""

import copy
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.linux.arch.x86.i386.arch import I386
from memsh.linux.config import Config
from memsh.linux.include.flags import GFP_ATOMIC, GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_NAMES, MAX_ORDER
from memsh.linux.include.mmzone import Zone
from memsh.linux.lib.columns import frame_runs, stepped_runs
from memsh.linux.mm.page_alloc.freearea import free_one_page, free_pages_upwards, free_range, rmqueue_smallest, take_run
from memsh.linux.mm.page_alloc.pcp import free_bulk, take_batches
from memsh.machines import freelists
from memsh.machines.box import Box
from tests.paths import REFERENCE


def zone_with(blocks: list[tuple[int, int, int]]) -> Zone:
    """A zone of 16 page blocks in which blocks of (frame, order, type) were freed, as far as they do not overlap."""
    zone = Zone(I386, 1, 0x1000, 0x4000, 0x4000)
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
    singles: list[int] = []
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
    st.integers(-125, 125),
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
    one.threshold, one.stat_diff = threshold, diff  # beyond it, where kswapd has just lowered the threshold
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


@settings(max_examples=150, deadline=None)
@given(
    BLOCKS, st.integers(1, 63), st.integers(0, 125), st.integers(-125, 125), st.integers(-50, 3000), st.integers(1, 900)
)
def test_several_batches_are_one_refill_after_another(
    blocks: list[tuple[int, int, int]], batch: int, threshold: int, diff: int, above: int, wanted: int
) -> None:
    one = zone_with(blocks)
    one.threshold, one.stat_diff = threshold, diff  # beyond it, where kswapd has just lowered the threshold
    one.stat_free, one.pcp.batch = 5000, batch
    many = copy.deepcopy(one)
    limit = 5000 - above
    pages = []
    while len(pages) + batch <= wanted:
        before = copy.deepcopy(one)
        got: list[int] = []
        take_run(one, 0, batch, 1, got)
        one.mod_free(-batch)
        if len(got) < batch or (one.stat_free <= limit and one.stat_free != before.stat_free):
            one = before
            break
        pages += got
    assert take_batches(many, many.pcp, limit, wanted, 1) == pages
    assert lists(many) == lists(one)
    assert (many.stat_free, many.stat_diff) == (one.stat_free, one.stat_diff)


@settings(max_examples=100, deadline=None)
@given(
    BLOCKS,
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 0x3FFF), st.integers(1, 1500), st.sampled_from((1, -1))), max_size=4),
    st.integers(0, 8000),
)
def test_draining_long_runs_of_any_order_both_ways(
    blocks: list[tuple[int, int, int]], order: int, runs: list[tuple[int, int, int]], count: int
) -> None:
    one = zone_with(blocks)
    size = 1 << order
    free = {pfn + i for pfn, key in one.free.items() for i in range(1 << (key >> 2))}
    heads = []
    for first, length, step in runs:
        start = 0x1000 + (first & -size)
        for pfn in range(start, start + length * size * step, size * step):
            frames = range(pfn, pfn + size)
            if one.start_pfn <= pfn < one.end_pfn and free.isdisjoint(frames):
                free.update(frames)
                heads.append(pfn)
    one.threshold = 125
    many = copy.deepcopy(one)
    many.pcp.lists[order * 3 + 1].extend(heads)
    many.pcp.count = len(heads) << order
    box = Box(Config(), boot=False)
    freelists.load(box, (REFERENCE / "boot-128m-1cpu" / "freelists.txt").read_text())
    free_bulk(box.pages, many, many.pcp, count, order * 3 + 1)
    freed = min(len(heads), (count + size - 1) >> order)
    for pfn in heads[:freed]:
        free_one_page(one, pfn, order, 1)
        one.mod_free(size)
    assert lists(many) == lists(one)
    assert (many.stat_free, many.stat_diff) == (one.stat_free, one.stat_diff)
    assert list(many.pcp.lists[order * 3 + 1]) == heads[freed:]
    assert many.pcp.count == (len(heads) - freed) << order


@pytest.mark.parametrize("name", ["small", "pressure"])
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 9)), max_size=60),
    st.integers(0, 6000),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 1021), st.sampled_from((1, -1, 0))), max_size=20),
)
def test_freeing_a_list_is_freeing_one_page_after_another(
    name: str, mess: list[tuple[int, int, int]], count: int, picks: list[tuple[int, int, int]]
) -> None:
    one = Box(Config(), boot=False)
    freelists.load(one, (REFERENCE / "pages" / f"{name}.txt").read_text(), "before")
    kinds = (GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_ATOMIC | GFP_NAMES["__GFP_NOWARN"])
    blocks = [(one.pages.alloc_pages(kinds[kind], order), order, keep) for order, kind, keep in mess]
    held = sorted(one.pages.alloc_bulk(kinds[1] | GFP_NAMES["__GFP_NOWARN"], count))
    for pfn, order, keep in blocks:
        if pfn and keep > 4:
            one.pages.free_pages(pfn, order)
    many = one.copy()
    for at, length, step in picks:
        at %= len(held) + 1
        part = held[at : at + length]
        del held[at : at + length]
        if step < 0:
            part.reverse()
        elif not step:
            part = part[::2] + part[1::2]
        for pfn in part:
            one.pages.free_pages(pfn, 0)
            many.memmap.refcount[pfn] = 0
        many.pages.free_page_list(part)
    assert freelists.dump(many) == freelists.dump(one)
    assert dict(many.vmstat) == dict(one.vmstat)
    for a, b in zip(one.pages.zones, many.pages.zones, strict=True):
        assert (a.stat_free, a.stat_diff, a.odd, a.free) == (b.stat_free, b.stat_diff, b.odd, b.free)
        assert [list(pages) for pages in a.pcp.lists] == [list(pages) for pages in b.pcp.lists]
        assert (a.pcp.count, a.pcp.free_factor) == (b.pcp.count, b.pcp.free_factor)
        assert bytes(many.memmap.kind[a.start_pfn : a.end_pfn]) == bytes(one.memmap.kind[a.start_pfn : a.end_pfn])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 70), st.sampled_from((1, -1, 2))), max_size=8))
def test_runs_of_frames(parts: list[tuple[int, int, int]]) -> None:
    frames = [pfn for first, n, step in parts for pfn in range(first + 200, first + 200 + n * step, step)]
    up = frame_runs(frames)
    assert [pfn for first, n in up for pfn in range(first, first + n)] == frames
    assert all(a + n != b for (a, n), (b, _) in pairwise(up))
    both = stepped_runs(frames)
    assert [pfn for first, n, step in both for pfn in range(first, first + n * step, step)] == frames
    assert all(a + n * step != b or n == 1 for (a, n, step), (b, _, _) in pairwise(both))


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
    whole, slow, middle = zone_with([]), zone_with([]), (start + end) // 2
    free_range(whole, start, middle)
    free_range(whole, middle, end)
    assert whole.free == one.free and whole.nr_free == end - start
    assert whole.managed == whole.spanned + end - start
    for at, upto in ((start, middle), (middle, end)):
        while at < upto:
            order = min((at & -at).bit_length(), (upto - at).bit_length(), MAX_ORDER) - 1
            free_one_page(slow, at, order, slow.block_type(at), to_tail=True)
            at += 1 << order
    assert lists(whole) == lists(slow)


@pytest.mark.parametrize("name", ["small", "pressure"])
def test_tracing_changes_nothing(name: str) -> None:
    text = (REFERENCE / "pages" / f"{name}.txt").read_text()
    quiet, traced = Box(Config(), boot=False), Box(Config(), boot=False)
    for box in (quiet, traced):
        freelists.load(box, text, "before")
    traced.trace.record_all(True)
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
