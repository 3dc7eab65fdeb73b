"""`--from` any text: the box is the text's to the block, whole, and refuses what the machine refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.linux.config import Config
from memsh.machines.box import Box
from memsh.machines.from_text import build, told
from memsh.machines.placing import Room
from memsh.procfs import tree
from memsh.proctext import buddyinfo, slabinfo
from memsh.proctext.findings import find
from tests.diagnosis import forge
from tests.diagnosis.forge import TaskTruth, Truth, ZoneTruth

SAMPLE = (
    "Node 0, zone      DMA      0      4      5      4      4      3      2      1      1      1      0 \n"
    "Node 0, zone    DMA32    129    120     97     60     49     30     12      5      6      2    300 \n"
    "Node 0, zone   Normal   3170   1205    621    144     24      6      1      0      0      0      0 \n"
)


# the zone DMA of most PCs, nearly all of it free
PLAIN_DMA = SAMPLE.replace(SAMPLE.splitlines()[0], "Node 0, zone      DMA      1      1      1      0      2      1"
                           "      1      0      1      1      3 ")  # fmt: skip


def shown(box: Box) -> str:
    return str(tree.show(box, "/proc/buddyinfo"))


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(1, 5000),
    size=st.integers(3000, 60000),
    counts=st.lists(st.integers(0, 12), min_size=11, max_size=11),
    kinds=st.lists(st.integers(0, 3), min_size=11, max_size=11),
)
def test_blocks_lie_where_the_buddy_system_could_have_left_them(
    start: int, size: int, counts: list[int], kinds: list[int]
) -> None:
    room = Room(start, start + size, [(start + 100, start + 140)])
    taken: dict[int, int] = {}
    for order in range(10, -1, -1):
        for _ in range(counts[order]):
            try:
                pfn = room.place(order, kinds[order])
            except ValueError:
                assert sum(n << o for o, n in enumerate(counts)) * 3 > size
                return
            taken[pfn] = order
    frames: set[int] = set()
    for pfn, order in taken.items():
        block = set(range(pfn, pfn + (1 << order)))
        assert not pfn & ((1 << order) - 1)
        assert start <= pfn and pfn + len(block) <= start + size
        assert not block & frames and not block & set(range(start + 100, start + 140))
        frames |= block
        assert order == 10 or taken.get(pfn ^ (1 << order)) != order


@pytest.mark.parametrize("sample", [SAMPLE, PLAIN_DMA])
def test_the_articles_three_lines_boot(tmp_path: Path, sample: str) -> None:
    (tmp_path / "sample").write_text("$ cat /proc/buddyinfo\n" + sample)
    out = io.StringIO()
    session = open_session(["--from", str(tmp_path / "sample")], out, out)
    session.run("cat /proc/buddyinfo; check; p=$(alloc_pages 4); free_pages $p 4; explain -b -n alloc_pages 4; undo")
    assert sample in out.getvalue()
    assert "each accounted for once" in out.getvalue()
    assert session.box is not None
    assert session.box.arch.name == "x86_64"


def test_the_architecture_must_agree(tmp_path: Path) -> None:
    (tmp_path / "sample").write_text(SAMPLE)
    out = io.StringIO()
    with pytest.raises(Exception, match="like, not i386"):
        open_session(["--from", str(tmp_path / "sample"), "--arch", "i386"], out, out)
    (tmp_path / "none").write_text("MemTotal: 4 kB\n")
    with pytest.raises(Exception, match="no free blocks of any zone"):
        open_session(["--from", str(tmp_path / "none")], out, out)


def small(name: str) -> str:
    """A scene's report of a machine a tenth as large."""
    zones = [
        ZoneTruth(0, "DMA", 3840, 33, [0, 1900, 7900, 7900], [(2, "U"), (1, "U"), *[(0, "")] * 7, (1, "M"), (3, "M")]),
        ZoneTruth(0, "DMA32", 48000, 89, [0, 0, 1497, 1497], [(1, "UM"), (396, "UM"), *[(0, "")] * 9]),
        ZoneTruth(0, "Normal", 150000, 900, [0, 0, 0, 0], [(3000, "UME"), (800, "UM"), (30, "M"), *[(0, "")] * 8]),
    ]
    t = Truth("6.1", zones, anon=150000, mask="0x40cc0", names="GFP_KERNEL|__GFP_COMP", order=4)
    if name == "fragmented":
        return forge.dmesg(forge.failure(t))
    zones[2].blocks = [(400, "UM"), *[(0, "")] * 10]
    t.order, t.tasks = 0, [TaskTruth(900, "big", 90000), TaskTruth(901, "small", 30000, -500, 200)]
    t.swap_total, t.swap_free = 4000, 0
    return forge.syslog(forge.oom(t, t.tasks[0]))


@pytest.mark.parametrize("name", ["fragmented", "used up"])
def test_a_report_becomes_a_whole_box(name: str) -> None:
    text = small(name)
    (report,) = find(text).reports
    assert report.memory is not None
    box = build(told(find(text)), Config())
    have = {(row.node, row.zone): row.counts for row in buddyinfo.rows(shown(box))}
    assert have == {(z.node, z.name): [block.number for block in z.blocks] for z in report.memory.zones}
    for zone, now in zip(report.memory.zones, [z for z in box.pages.zones if z.present], strict=True):
        marks = tuple(zone.kb[n] // 4 for n in ("managed", "min", "high"))
        assert (now.managed, now.wmark_min, now.wmark_high) == marks
        assert zone.reserve is not None
        assert max(now.lowmem_reserve) == max(zone.reserve)
    assert not check(box)


def test_what_was_refused_is_refused_again(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(small("fragmented"))
    out = io.StringIO()
    session = open_session(["--from", str(tmp_path / "log")], out, out)
    session.run("alloc_pages 4 GFP_NOFS; echo $?; echo 1 > /proc/sys/vm/compact_memory; alloc_pages 4; check | head -1")
    assert "Cannot allocate memory\n1\n" in out.getvalue()
    assert "each accounted for once" in out.getvalue()


def test_the_same_process_is_killed_again(tmp_path: Path) -> None:
    zones = [
        ZoneTruth(0, "DMA", 3840, 70, [0, 480, 480, 480], [(1, "U"), *[(0, "")] * 9, (3, "M")]),
        ZoneTruth(0, "DMA32", 123000, 2000, [0, 0, 0, 0], [(1990, "UM"), *[(0, "")] * 10]),
    ]
    big, small = TaskTruth(900, "big", 70000), TaskTruth(901, "small", 20000, -500)
    t = Truth("5.4", zones, anon=90000, tasks=[small, big], mask="0x100cca", names="GFP_HIGHUSER_MOVABLE")
    (tmp_path / "log").write_text(forge.syslog(forge.oom(t, big)))
    out = io.StringIO()
    session = open_session(["--from", str(tmp_path / "log")], out, out)
    session.run("ps -o pid,rss,comm -p 900,901; cat /proc/901/oom_score_adj; p=$(mmap 64M rw); touch $p 64M; check")
    said = out.getvalue()
    assert "  900 280000 big" in said
    assert "  901 80000 small" in said
    assert "\n-500\n" in said
    assert "Killed process 900 (big)" in said
    assert "each accounted for once" in said


def test_machines_without_a_kernel_here_are_rebuilt_on_the_nearest() -> None:
    zones = [
        ZoneTruth(0, "DMA", 30000, 20, [0, 500, 500], [(50, "UM"), (3, "M"), *[(0, "")] * 9]),
        ZoneTruth(0, "Normal", 90000, 60, [0, 0, 0], [(70, "UMC"), (3, "C"), *[(0, "")] * 9], cma=60),
    ]
    t = Truth("5.4", zones, page=65536, mask="0x40cc0", names="GFP_KERNEL|__GFP_COMP")
    machine = told(find(forge.failure(t)))
    assert any("64 KiB" in note for note in machine.notes)
    assert any("CMA" in note for note in machine.notes)
    box = build(machine, Config())
    assert box.notes
    assert [row.counts[:2] for row in buddyinfo.rows(shown(box))] == [[50, 3], [70, 3]]
    assert not check(box)


@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    megabytes=st.integers(96, 700),
    orders=st.lists(st.integers(0, 6), max_size=30),
    arch=st.sampled_from(["i386", "x86_64"]),
)
def test_a_boxs_own_proc_gives_the_box_back(megabytes: int, orders: list[int], arch: str) -> None:
    box = Box(Config(ram=megabytes << 20, arch=arch))
    for order in orders:
        box.pages.alloc_pages(0xCC0, order)
    text = "".join(
        f"$ cat /proc/{name}\n{tree.show(box, '/proc/' + name)}"
        for name in ("buddyinfo", "zoneinfo", "pagetypeinfo", "meminfo", "slabinfo", "vmstat")
    )
    again = build(told(find(text)), Config(arch=arch))
    assert shown(again) == shown(box)
    for old, new in zip(box.pages.zones, again.pages.zones, strict=True):
        if old.present:
            assert (new.start_pfn, new.spanned, new.managed) == (old.start_pfn, old.spanned, old.managed)
            assert (new.wmark_min, new.wmark_low, new.wmark_high) == (old.wmark_min, old.wmark_low, old.wmark_high)
            assert new.lowmem_reserve == old.lowmem_reserve
            assert new.pcp.count == old.pcp.count
    rows = [{c.name: c for c in slabinfo.parse(str(tree.show(one, "/proc/slabinfo")))} for one in (box, again)]
    for name, cache in rows[0].items():  # a file for what nobody owns has an inode of its own, and a tree of its pages
        most = 3 if name == "radix_tree_node" else 1
        assert 0 <= rows[1][name].num_slabs - cache.num_slabs <= most, name
    assert not check(again)


def test_blocks_larger_than_this_kernels_and_zones_beyond_4_gib() -> None:
    large = ZoneTruth(0, "DMA32", 60000, 200, [0, 0, 0], [(10, "U"), *[(0, "")] * 11, (1, "M"), (1, "M")])
    machine = told(find(forge.failure(Truth("5.4", [large], page=65536, mask="0xcc0"))))
    assert [sum(kinds.values()) for kinds in machine.zones[0].free] == [10, *[0] * 9, 4 + 8]
    assert any("above order 10" in note for note in machine.notes)
    assert not check(build(machine, Config()))
    zones = [
        ZoneTruth(0, "DMA", 3900, 16, [0, 865, 16122, 16122], [(11, ""), (4, ""), *[(0, "")] * 9]),
        ZoneTruth(0, "Normal", 215000, 930, [0, 0, 122056, 122056], [(900, ""), *[(0, "")] * 10]),
        ZoneTruth(0, "HighMem", 3900000, 128, [0, 0, 0, 0], [(200, ""), *[(0, "")] * 9, (1800, "")]),
    ]
    pae = build(told(find(forge.oom(Truth("2.6.32", zones, mask="0xd0", numa=False), TaskTruth(9, "x", 10)))), Config())
    assert [row.counts[0] for row in buddyinfo.rows(shown(pae))] == [11, 900, 200]
    assert any("more memory" in note for note in pae.notes)
    assert not check(pae)
