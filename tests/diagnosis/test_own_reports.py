"""memsh's own reports are read back whole: they are Linux's, on both machines."""

from __future__ import annotations

import io

import pytest

from memsh.cli import open_session
from memsh.diagnosis.verdict import judge
from memsh.proctext.findings import find


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_a_boxs_own_reports_are_read_whole(arch: str) -> None:
    out = io.StringIO()
    session = open_session(["--arch", arch, "--ram", "256M"], out, out)
    session.run("a=$(mmap 150M rw); b=$(mmap 150M rw); touch $a 150M; touch $b 150M")
    begun = len(out.getvalue())
    session.run("dmesg")
    (report,) = find(out.getvalue()[begun:]).reports
    box = session.box
    assert report.kind == "oom"
    assert report.memory is not None
    assert not report.memory.cut
    zones = [zone for zone in box.pages.zones if zone.present]
    assert [(zone.node, zone.name) for zone in report.memory.zones] == [(zone.node, zone.name) for zone in zones]
    for told, zone in zip(report.memory.zones, zones, strict=True):
        assert told.kb["managed"] == zone.managed * 4
        assert told.kb["high"] == (zone.wmark_high + zone.watermark_boost) * 4
        assert told.reserve == zone.lowmem_reserve[: len(told.reserve or [])]
        assert sum(block.number * block.size for block in told.blocks) >> 10 == told.block_sum
    assert report.release == "6.1.192"
    assert report.victims and report.victims[0].kb["anon-rss"] > 100_000
    assert {task.name for task in report.tasks} >= {"init", "a.out"} or report.tasks
    verdict = judge(report)
    assert verdict.cause == "exhausted"
    assert any("a.out" in sentence and sentence.startswith("Killed") for sentence in verdict.sentences)


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_a_refused_allocation_is_explained_as_the_kernel_decided(arch: str) -> None:
    out = io.StringIO()
    session = open_session(["--arch", arch, "--ram", "256M"], out, out)
    session.run("fragment --order 3")
    begun = len(out.getvalue())
    session.run("alloc_pages 5 GFP_ATOMIC; dmesg | tail -60")
    reports = find(out.getvalue()[begun:]).reports
    assert [report.kind for report in reports] == ["failure"]
    verdict = judge(reports[0])
    assert verdict.cause == "fragmentation"
    assert "no block of order 5" in verdict.sentences[1]
