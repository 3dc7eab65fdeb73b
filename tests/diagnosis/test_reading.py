"""What a report says is read out of every form that it has had, whatever stands around it."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.proctext.findings import find
from memsh.proctext.oomreport import Report
from tests.diagnosis import forge
from tests.diagnosis.forge import STYLES, TaskTruth, Truth, ZoneTruth

X86 = [
    ZoneTruth(
        0, "DMA", 3976, 33, [0, 1900, 15900, 15900], [(2, "U"), (1, "U"), (0, ""), (1, "U"), *[(0, "")] * 6, (3, "M")]
    ),
    ZoneTruth(0, "DMA32", 480000, 4000, [0, 0, 14000, 14000], [(900, "UME"), (40, "M"), (7, "E"), *[(0, "")] * 8]),
    ZoneTruth(0, "Normal", 3580000, 30000, [0, 0, 0, 0], [(25000, "UME"), (300, "UM"), (2, "H"), *[(0, "")] * 8]),
    ZoneTruth(1, "Normal", 4000000, 33000, [0, 0, 0, 0], [(20000, "UME"), (0, ""), (1, "M"), *[(0, "")] * 8]),
]
TASKS = [
    TaskTruth(1, "init", 300),
    TaskTruth(900, "db server (x)", 3_000_000, 0, 17),
    TaskTruth(901, "sshd", 200, -1000),
]
MASKS = {
    "2.6.18": ("0x201d2", ""),
    "2.6.32": ("0x201da", ""),
    "3.10": ("0x201da", ""),
    "4.4": ("0x24201ca", "GFP_HIGHUSER_MOVABLE|__GFP_COLD"),
    "4.14": ("0x14201ca", "GFP_HIGHUSER_MOVABLE|__GFP_COLD"),
    "5.4": ("0x100cca", "GFP_HIGHUSER_MOVABLE"),
    "6.1": ("0x140cca", "GFP_HIGHUSER_MOVABLE|__GFP_COMP"),
    "6.8": ("0x140cca", "GFP_HIGHUSER_MOVABLE|__GFP_COMP"),
}


def truth(style: str) -> Truth:
    mask, names = MASKS[style]
    return Truth(
        style, X86, anon=7_000_000, tasks=TASKS, mask=mask, names=names, swap_total=2048, swap_free=8, mems="0-1"
    )


def compare(report: Report, t: Truth) -> None:
    """The figures that were read against those that the text was made of."""
    kb = t.page // 1024
    memory = report.memory
    assert memory is not None
    assert not memory.cut
    assert memory.page == t.page
    assert [(z.node, z.name) for z in memory.zones] == [(z.node, z.name) for z in t.zones]
    for have, zone in zip(memory.zones, t.zones, strict=True):
        assert {name: have.kb[name] // kb for name in ("free", "min", "low", "high")} == {
            "free": zone.free,
            "min": zone.min,
            "low": zone.low,
            "high": zone.high,
        }
        assert have.kb["present"] == zone.managed * kb
        assert have.reserve == zone.reserve
        assert [block.number for block in have.blocks] == [number for number, _ in zone.blocks]
        if not t.old:
            assert [block.types for block in have.blocks] == [
                letters if number else "" for number, letters in zone.blocks
            ]
        assert have.block_sum == zone.free * kb
    assert memory.swap_total == t.swap_total
    assert memory.swap_free == t.swap_free
    assert memory.ram == sum(zone.managed for zone in t.zones) + 500
    assert memory.reserved == 500
    assert memory.totals["free"] == sum(zone.free for zone in t.zones)
    assert memory.totals["pagetables"] == t.tables
    if t.style != "2.6.18":
        assert memory.totals["active_anon"] + memory.totals["inactive_anon"] == t.anon + t.shmem
        assert memory.totals["slab_unreclaimable"] == t.slab_u


@pytest.mark.parametrize("around", forge.AROUND)
@pytest.mark.parametrize("style", STYLES)
def test_an_oom_report_is_read_in_every_form(style: str, around: Callable[[str], str]) -> None:
    t = truth(style)
    (report,) = find(around(forge.oom(t, TASKS[1]))).reports
    assert report.kind == "oom"
    assert report.order == 0
    assert report.gfp.mask == int(t.mask, 16)
    assert {"__GFP_HIGHMEM", "__GFP_DIRECT_RECLAIM", "__GFP_FS"} <= report.gfp.flags
    compare(report, t)
    assert [(one.pid, one.name) for one in report.victims] == [(900, "db server (x)")]
    if style != "2.6.18":
        assert report.comm == "worker"
        assert report.pid == 321
        assert report.release == t.release
        assert [(one.pid, one.name, one.rss) for one in report.tasks] == [(one.pid, one.name, one.rss) for one in TASKS]
        assert report.victims[0].kb["anon-rss"] == 12_000_000
    if style not in ("2.6.18", "2.6.32"):
        assert [one.swapents for one in report.tasks] == [0, 17, 0]
        assert [one.oom_score_adj for one in report.tasks] == [0, 0, -1000]


@pytest.mark.parametrize("around", forge.AROUND)
@pytest.mark.parametrize("style", STYLES)
def test_a_page_allocation_failure_is_read_in_every_form(style: str, around: Callable[[str], str]) -> None:
    t = truth(style)
    t.order, t.mask, t.names = 4, "0xd0", "GFP_KERNEL"
    (report,) = find(around(forge.failure(t))).reports
    assert (report.kind, report.order, report.comm) == ("failure", 4, "worker")
    assert report.gfp.text == "GFP_KERNEL"
    compare(report, t)
    (shown,) = find(around(forge.sysrq(t))).reports
    assert shown.kind == "sysrq"
    compare(shown, t)


@pytest.mark.parametrize("around", forge.AROUND)
@pytest.mark.parametrize("style", ["3.10", "4.4", "4.14", "5.4", "6.1", "6.8"])
def test_a_memory_cgroup_report_is_read_in_every_form(style: str, around: Callable[[str], str]) -> None:
    t = truth(style)
    t.group, t.limit = "/kubepods/burstable/pod-1", 524288
    (report,) = find(around(forge.oom(t, TASKS[1]))).reports
    assert report.kind == "memcg"
    assert report.cgroup == "/kubepods/burstable/pod-1"
    assert report.victim_cgroup == "/kubepods/burstable/pod-1/app"
    assert report.limits[0][1:] == (524288, 524288, 7)
    assert report.stats["rss" if style in ("3.10", "4.4", "4.14") else "anon"] == (524288 - 120) << 10
    assert report.victims[0].memcg


@pytest.mark.parametrize("size", [16384, 65536])
def test_pages_of_other_sizes(size: int) -> None:
    zones = [
        ZoneTruth(0, "DMA32", 30000, 20, [0, 500, 500], [(5, "UM"), (3, "M"), *[(0, "")] * 9]),
        ZoneTruth(0, "Normal", 90000, 60, [0, 0, 0], [(70, "UMC"), (3, "C"), *[(0, "")] * 9], cma=60),
    ]
    t = Truth("5.4", zones, page=size, tasks=TASKS, mask="0x40cc0", names="GFP_KERNEL|__GFP_COMP")
    (report,) = find(forge.dmesg(forge.oom(t, TASKS[1]))).reports
    compare(report, t)
    assert report.memory is not None
    assert report.memory.zones[1].kb["free_cma"] == 60 * size // 1024


NOISE = st.lists(st.text(alphabet=string.ascii_letters + string.digits + " .,;%()/-_", max_size=60), max_size=6)


@settings(max_examples=40, deadline=None)
@given(style=st.sampled_from(STYLES), before=NOISE, after=NOISE, around=st.sampled_from(forge.AROUND))
def test_text_around_a_report_changes_nothing(
    style: str, before: list[str], after: list[str], around: Callable[[str], str]
) -> None:
    text = around(forge.oom(truth(style), TASKS[1]))
    noisy = "\n".join(before) + "\n\n" + text + "\n" + "\n".join(after) + "\n"
    (alone,), (among,) = find(text).reports, find(noisy).reports
    assert among._replace(start=0) == alone._replace(start=0)


@settings(max_examples=60, deadline=None)
@given(style=st.sampled_from(STYLES), cut=st.floats(0, 1))
def test_a_report_cut_in_the_middle_tells_what_is_there(style: str, cut: float) -> None:
    t = truth(style)
    text = forge.oom(t, TASKS[1])
    for report in find(text[: int(len(text) * cut)]).reports:
        if report.memory is not None and report.memory.zones:
            have = [(zone.node, zone.name) for zone in report.memory.zones]
            assert have == [(zone.node, zone.name) for zone in t.zones][: len(have)]
            assert report.memory.cut or len(have) == len(t.zones)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_read_without_a_crash(text: str) -> None:
    find(text)
