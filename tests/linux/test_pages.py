"""The page allocator beyond the recordings: properties, bad input, tunables, reports."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from memsh.inspect import pagereport
from memsh.inspect.check_pages import check_pages
from memsh.linux.config import Config
from memsh.linux.include.flags import (
    GFP_ATOMIC,
    GFP_DMA,
    GFP_HIGHUSER,
    GFP_HIGHUSER_MOVABLE,
    GFP_KERNEL,
    GFP_NAMES,
    GFP_NOWAIT,
)
from memsh.linux.include.memmap import K_ANON, K_RECORDED
from memsh.linux.include.mmzone import ZONE_BOOSTED_WATERMARK, ZONE_RECLAIM_ACTIVE
from memsh.machines import freelists
from memsh.machines.box import Box
from tests.paths import REFERENCE

NOWARN = GFP_NAMES["__GFP_NOWARN"]
RECLAIMABLE = GFP_NOWAIT | GFP_NAMES["__GFP_RECLAIMABLE"] | NOWARN
KINDS = (GFP_KERNEL, GFP_HIGHUSER, GFP_HIGHUSER_MOVABLE, GFP_ATOMIC | NOWARN, RECLAIMABLE, GFP_NOWAIT | NOWARN, GFP_DMA)
MACHINES = ("128m-1cpu", "1g-1cpu", "2g-2cpu")
TEXTS = {name: (REFERENCE / f"boot-{name}" / "freelists.txt").read_text() for name in MACHINES}
WAYS = ("up", "down", "mixed")


def recorded(name: str = "1g-1cpu") -> Box:
    box = Box(Config(cpus=2 if "2cpu" in name else 1), boot=False)
    freelists.load(box, TEXTS[name])
    return box


class Pages(RuleBasedStateMachine):
    """Random allocations and frees on a small machine; every invariant after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.box = recorded("128m-1cpu")
        self.pages = self.box.pages
        self.held: list[tuple[int, int]] = []

    @rule(gfp=st.sampled_from(KINDS), order=st.integers(0, 10), times=st.integers(1, 40))
    def allocate(self, gfp: int, order: int, times: int) -> None:
        for _ in range(times):
            pfn = self.pages.alloc_pages(gfp, order)
            if pfn:
                assert self.box.memmap.refcount[pfn] == 1 and self.box.memmap.order[pfn] == order
                self.held.append((pfn, order))

    @rule(at=st.integers(0, 1 << 20), times=st.integers(1, 60))
    def free(self, at: int, times: int) -> None:
        for _ in range(min(times, len(self.held))):
            pfn, order = self.held.pop(at % len(self.held))
            assert self.pages.bad_free(pfn, order) is None
            self.pages.free_pages(pfn, order)

    @rule(gfp=st.sampled_from(KINDS), n=st.integers(0, 300))
    def bulk(self, gfp: int, n: int) -> None:
        self.held += [(pfn, 0) for pfn in self.pages.alloc_bulk(gfp, n)]

    @rule()
    def drain(self) -> None:
        self.pages.drain_all_pages()
        assert all(zone.pcp.count == 0 for zone in self.pages.zones)

    @rule(on=st.booleans())
    def plain(self, on: bool) -> None:
        self.box.set_plain(on)

    @rule()
    def reclaim_active(self) -> None:
        zone = self.pages.zones[1]
        zone.set_flags(zone.flags ^ ZONE_RECLAIM_ACTIVE)

    @rule()
    def copied(self) -> None:
        other = self.box.copy()
        assert freelists.dump(other) == freelists.dump(self.box)
        assert other.pages.vm is other.vmstat and other.pages.memmap is other.memmap and other.pages.box is other
        other.pages.alloc_pages(GFP_KERNEL, 3)

    @invariant()
    def whole(self) -> None:
        assert check_pages(self.box) == []


Pages.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestPages = Pages.TestCase


def state(box: Box) -> tuple[Any, ...]:
    columns = (box.memmap.kind, box.memmap.refcount, box.memmap.order, box.memmap.flags)
    return freelists.dump(box), dict(box.vmstat), [column.tobytes() for column in columns]


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(TEXTS)),
    steps=st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(1, 700), st.integers(0, 700), st.sampled_from(WAYS)),
        max_size=8,
    ),
)
def test_many_at_once_is_the_same_as_one_by_one(name: str, steps: list[tuple[int, int, int, str]]) -> None:
    one, many = recorded(name), recorded(name)
    held: list[int] = []
    for gfp, n, back, how in steps:
        singles = []
        for _ in range(n):
            pfn = one.pages.alloc_pages(gfp, 0, K_ANON)
            if not pfn:
                break
            singles.append(pfn)
        assert many.pages.alloc_bulk(gfp, n, K_ANON) == singles
        held += singles
        freed = held[:back]
        del held[:back]
        if how == "down":
            freed.reverse()
        elif how == "mixed":
            freed = freed[::2] + freed[1::2]
        for pfn in freed:
            one.pages.free_pages(pfn, 0)
            many.memmap.refcount[pfn] = 0
        many.pages.free_page_list(freed)
        assert state(one) == state(many)


def test_every_page_can_be_taken_and_given_back() -> None:
    box = recorded("128m-1cpu")
    pages = box.pages
    pages.drain_all_pages()
    free = [zone.nr_free for zone in pages.zones]
    held = []
    while pfn := pages.alloc_pages(GFP_ATOMIC | NOWARN, 0):
        held.append(pfn)
    assert len(set(held)) == len(held) > 0.9 * sum(free)
    for pfn in held:
        pages.free_pages(pfn, 0)
    pages.drain_all_pages()
    assert [zone.nr_free for zone in pages.zones] == free
    assert check_pages(box) == []


def test_plain_shows_every_page_in_the_free_lists() -> None:
    box = recorded()
    box.set_plain(True)
    normal = box.pages.zones[1]
    assert normal.pcp.count == 0
    before = freelists.dump(box).replace("diff", "")
    free = normal.nr_free
    pfn = box.pages.alloc_pages(GFP_KERNEL, 0)
    assert normal.nr_free == free - 1
    box.pages.free_pages(pfn, 0)
    assert normal.nr_free == free and normal.pcp.count == 0
    assert len(before) > 0 and check_pages(box) == []


def test_a_boosted_zone_wakes_kswapd_with_the_next_page() -> None:
    box = recorded()
    zone = box.pages.zones[1]
    zone.set_flags(ZONE_BOOSTED_WATERMARK)
    box.pages.refresh()
    assert box.pages.alloc_pages(GFP_KERNEL, 0)
    assert zone.flags == 0 and box.pages.nodes[0].kswapd.highest == 1


@pytest.mark.parametrize(
    ("pfn", "order", "words"),
    [
        (0x2410, 4, "free already"),
        (0x90000, 0, "not in RAM"),
        (-1, 0, "not in RAM"),
        (0x2000, 11, "order 0 to 10"),
        (0x2000, -1, "order 0 to 10"),
        (0x2001, 1, "multiple"),
        (0x1000, 0, "recorded machine"),
    ],
)
def test_bad_frees_change_nothing(pfn: int, order: int, words: str) -> None:
    box = recorded()
    before = freelists.dump(box)
    assert words in str(box.pages.bad_free(pfn, order))
    assert freelists.dump(box) == before and check_pages(box) == []


@pytest.mark.parametrize("name", MACHINES)
def test_min_free_kbytes_is_that_of_the_recorded_machine(name: str) -> None:
    lines = (REFERENCE / f"boot-{name}" / "sysctl_vm.txt").read_text().splitlines()
    line = next(line for line in lines if "min_free_kbytes" in line)
    assert recorded(name).pages.min_free_kbytes == int(line.split()[-1])


def test_a_double_free_is_a_bug_line_in_the_log() -> None:
    box = recorded()
    pfn = box.pages.alloc_pages(GFP_KERNEL, 2)
    assert "order 2" in str(box.pages.bad_free(pfn, 1))
    box.pages.free_pages(pfn, 2)
    assert "free already" in str(box.pages.bad_free(pfn, 2))
    assert any(record.text.startswith("BUG: Bad page state in process") for record in box.log.records)


def test_frames_that_are_not_named_are_the_recorded_machines() -> None:
    box = recorded()
    assert box.memmap.kind[0x1000] == K_RECORDED
    normal = box.pages.zones[1]
    assert box.memmap.kind[0x1000:0x38000].tobytes().count(K_RECORDED) == 0x37000 - normal.nr_free - normal.pcp.count


def _drop(text: str, word: str) -> str:
    return "".join(line for line in text.splitlines(True) if not line.startswith(word))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: "", "no line begins"),
        (lambda t: t[:-5], "cut short"),
        (lambda t: t[:-200], "expected boost flags"),
        (lambda t: t[: t.index("now zone HighMem")], "HighMem, which is missing: cut short"),
        (lambda t: t[: t.index("now zone Normal")], "Normal, which is missing: cut short"),
        (lambda t: t[: len(t) // 2], "cut short|blocks|free lists hold|expected"),
        (lambda t: _drop(t, "now reserve"), "cut short"),
        (lambda t: _drop(t, "now zone Normal"), "not introduced"),
        (lambda t: t.replace("now free DMA 8 0 100", "now free DMA 8 0 101"), "no block of order 8"),
        (lambda t: t.replace("now free DMA 8 0 100", "now free DMA 8 0 200"), "listed twice"),
        (lambda t: t.replace("now free DMA 8 0 100", "now free DMA 12 0 100"), "unexpected free list"),
        (lambda t: t.replace("now free DMA 8 0 100", "now free DMA 8 0 xyz"), "invalid literal"),
        (lambda t: t.replace("free 3840", "free 3841"), "the free lists hold 3840"),
        (lambda t: t.replace("blocks DMA0111", "blocks DMA011"), "3 page block types for 4"),
        (lambda t: t.replace("blocks DMA0111", "blocks DMA0117"), "one digit 0 to 3"),
        (lambda t: t.replace("low 20", "low 2"), "not in order"),
        (lambda t: t.replace("vmstat 3840 diff 0", "vmstat 3840 diff 1"), "vmstat and diff make 3841"),
        (lambda t: t.replace("high 20 batch 1", "high 20 batch -1"), "batch is less than 0"),
        (lambda t: t.replace("managed f00", "managed fffff"), "more pages managed"),
        (lambda t: t.replace("now pcp DMA count 0", "now pcp DMA count 3"), "the pcp line says 3"),
        (lambda t: t.replace("now pcp DMA", "now cpu DMA"), "unknown kind of line"),
        (lambda t: t.replace("zone Normal start 1000", "zone Normal start 400"), "zone Normal|overlap"),
    ],
)
def test_bad_files_give_one_clear_line(change: Any, words: str) -> None:
    box = Box(Config(), boot=False)
    with pytest.raises(ValueError, match=words) as error:
        freelists.load(box, change(TEXTS["1g-1cpu"]))
    assert "\n" not in str(error.value)


def test_reports_tell_what_happened() -> None:
    box = recorded()
    report = pagereport.alloc_pages(box, GFP_KERNEL, 0)
    assert report.note == "order 0, 4 KiB, Normal: from this CPU's list (26 left), buddyinfo unchanged"
    report = pagereport.alloc_pages(box, GFP_KERNEL | GFP_DMA, 6)
    assert report.split == ((0x100, 8),)
    assert report.remainders == ((0x140, 6), (0x180, 7))
    assert report.note == "order 6, 256 KiB, DMA: order-8 block split, 0x140 left on order 6, 0x180 left on order 7"
    back = pagereport.free_pages(box, report.pfn, 6)
    assert back.merged == (0x100, 8)
    box.set_plain(True)
    report = pagereport.alloc_pages(box, GFP_KERNEL, 0)
    assert report.left == -1


def zone_figures(shown: str) -> list[list[str]]:
    """min, low, high, protection, and the per-CPU lists' high and batch, from the text of /proc/zoneinfo."""
    found: list[list[str]] = []
    for line in shown.splitlines():
        words = line.split()
        if words[:1] == ["Node"]:
            found.append([words[-1]])
        elif words[:1] and words[0] in ("min", "low", "high", "protection:", "high:", "batch:"):
            found[-1] += [" ".join(words)]
    return found


def our_figures(box: Box) -> list[list[str]]:
    found = []
    for zone in box.pages.zones:
        marks = [f"min {zone.wmark_min}", f"low {zone.wmark_low}", f"high {zone.wmark_high}"]
        found.append([zone.name, *marks, "protection: (" + ", ".join(map(str, zone.lowmem_reserve)) + ")"])
        if zone.present:
            found[-1] += [f"high: {zone.pcp.high}", f"batch: {zone.pcp.batch}"]
    return found


def test_tunables_have_the_recorded_effect() -> None:
    text = (REFERENCE / "transcripts" / "sysctl.txt").read_text()
    first, second, third = (
        zone_figures(part.split("\n$ ")[0]) for part in text.split("$ cat /proc/zoneinfo\n")[1:4]
    )
    text = (REFERENCE / "pages" / "small.txt").read_text()  # its reserves are those computed at boot
    box = Box(Config(), boot=False)
    pages = freelists.load(box, text, "before")
    pages.min_free_kbytes = 8192
    pages.setup_per_zone_wmarks()
    assert our_figures(box) == first
    pages.watermark_scale_factor = 100
    pages.setup_per_zone_wmarks()
    assert our_figures(box) == second
    pages.lowmem_reserve_ratio = [64, 16, 4, 0]
    pages.setup_per_zone_lowmem_reserve()
    assert our_figures(box) == third
    pages.percpu_pagelist_high_fraction = 8
    pages.update_pcp_high()
    assert [zone.pcp.high for zone in pages.zones[:3]] == [3840 // 8, pages.zones[1].managed // 8, 32736 // 8]


def test_an_order_that_is_too_large_fails() -> None:
    box = recorded()
    assert box.pages.alloc_pages(GFP_KERNEL, 11) == 0
    assert box.pages.alloc_pages(GFP_KERNEL, 40) == 0
