"""/proc/PID/*: formats, and what must agree with what."""

import io
import re

import pytest

from memsh.cli import open_session
from memsh.linux.config import Config
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.fork import fork
from memsh.linux.kernel.sched import switch_to
from memsh.machines.box import Box
from memsh.procfs.pid import PID_FILES, PID_STORES
from tests.paths import REFERENCE

CAPTURES = sorted((REFERENCE / "captures").glob("*/s1"))


@pytest.fixture(scope="module")
def booted() -> Box:
    return Box(Config())


@pytest.fixture
def box(booted: Box) -> Box:
    return booted.copy()


def show(box: Box, pid: int, name: str) -> str:
    return PID_FILES[name](box, box.tasks[pid])


def labels(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.splitlines()]


def test_status_has_the_recorded_lines(box: Box) -> None:
    recorded = (REFERENCE / "boot-1g-1cpu" / "self_status").read_text()
    assert labels(show(box, 1, "status")) == labels(recorded)
    tree = REFERENCE / "captures" / "256M-1cpu" / "s1"
    theirs = (tree / "2" / "status").read_text().splitlines()
    ours = show(box, 2, "status").splitlines()
    skip = ("SigQ", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
    assert [line for line in ours if not line.startswith(skip)] == [
        line for line in theirs if not line.startswith(skip)
    ]


@pytest.mark.parametrize("pid", [2, 3])
def test_stat_of_kernel_threads(box: Box, pid: int) -> None:
    recorded = (REFERENCE / "captures" / "256M-1cpu" / "s1" / str(pid) / "stat").read_text().split()
    ours = show(box, pid, "stat").split()
    for place in (14, 21):  # time used, start
        recorded[place] = ours[place]
    assert ours == recorded


def test_init_has_the_recorded_pages(box: Box) -> None:
    """Rss and Anonymous of each area of /init."""
    recorded = (REFERENCE / "boot-1g-1cpu" / "self_smaps").read_text()
    pattern = re.compile(r"^([0-9a-f]{8}-[0-9a-f]{8}) .*?\nRss: +(\d+) kB$.*?^Anonymous: +(\d+) kB$", re.M | re.S)
    assert pattern.findall(show(box, 1, "smaps")) == pattern.findall(recorded)


def test_maps_lines(box: Box) -> None:
    for line in show(box, 53, "maps").splitlines():
        match = re.fullmatch(
            r"[0-9a-f]{8}-[0-9a-f]{8} [r-][w-][x-][ps] [0-9a-f]{8} [0-9a-f]{2}:[0-9a-f]{2} \d+ (.*)", line
        )
        assert match, line
        assert not match[1] or (line[48] == " " and line[49] in "/["), line
    assert show(box, 2, "maps") == ""
    assert show(box, 2, "smaps") == ""
    with pytest.raises(KernelError) as error:
        show(box, 2, "smaps_rollup")
    assert error.value.code == "ESRCH"


def figures(text: str, label: str) -> int:
    return sum(int(value) for value in re.findall(rf"^{label}: +(\d+) kB$", text, re.M))


def test_the_files_agree_with_each_other(box: Box) -> None:
    child = fork(box, box.current).child
    switch_to(box, child)
    for pid in (1, 53, child.pid):
        smaps, rollup = show(box, pid, "smaps"), show(box, pid, "smaps_rollup")
        status, statm = show(box, pid, "status"), [int(word) for word in show(box, pid, "statm").split()]
        stat = show(box, pid, "stat").rpartition(")")[2].split()
        value = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.endswith(" kB")}
        kib = {name: int(word) for name, word in value.items()}
        assert len(stat) == 50
        assert len(statm) == 7
        assert int(stat[20]) == 4096 * statm[0] == 1024 * kib["VmSize"] == 1024 * figures(smaps, "Size")
        assert int(stat[21]) == statm[1] == kib["VmRSS"] // 4
        assert kib["VmRSS"] == kib["RssAnon"] + kib["RssFile"] + kib["RssShmem"]
        assert kib["VmRSS"] == figures(smaps, "Rss") == figures(rollup, "Rss")
        assert kib["RssAnon"] == figures(smaps, "Anonymous") == figures(rollup, "Anonymous")
        assert 4 * statm[5] == kib["VmData"] + kib["VmStk"]
        assert statm[2] * 4 == kib["RssFile"] + kib["RssShmem"]
        assert kib["VmExe"] <= 4 * statm[3]
        assert kib["VmPeak"] >= kib["VmSize"]
        assert kib["VmHWM"] >= kib["VmRSS"]
        assert re.findall(r"^[0-9a-f]{8}-.*$", smaps, re.M) == show(box, pid, "maps").splitlines()
        for label in ("Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty", "Referenced", "Swap"):
            assert figures(smaps, label) == figures(rollup, label)


def test_pss_adds_up_over_all_processes(box: Box) -> None:
    child = fork(box, box.current).child
    switch_to(box, child)
    texts = [show(box, pid, "smaps_rollup") for pid, task in box.tasks.items() if task.mm is not None]
    anon = sum(figures(text, "Pss_Anon") for text in texts)
    files = sum(figures(text, "Pss_File") + figures(text, "Pss_Shmem") for text in texts)
    assert 0 <= 4 * box.vmstat["nr_anon_pages"] - anon <= 2 * len(texts)
    assert 0 <= 4 * box.vmstat["nr_mapped"] - files <= 2 * len(texts) + 4 * len(texts)
    tables = sum(task.mm.nr_ptes for task in box.tasks.values() if task.mm is not None)
    assert box.vmstat["nr_page_table_pages"] == tables


@pytest.mark.parametrize("tree", CAPTURES, ids=lambda tree: tree.parent.name)
def test_oom_score_follows_the_recorded_formula(tree: object) -> None:
    from pathlib import Path

    from memsh.procfs.pid import oom_score

    assert isinstance(tree, Path)
    meminfo = (tree / "meminfo").read_text()
    total = (figures(meminfo, "MemTotal") + figures(meminfo, "SwapTotal")) // 4
    checked = 0
    for folder in tree.glob("[0-9]*"):
        if not (folder / "oom_score").exists() or folder.name == "1" or not (folder / "maps").read_text():
            continue
        status = (folder / "status").read_text()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.endswith(" kB")}
        pages = (kib["VmRSS"] + kib["VmSwap"] + kib["VmPTE"]) // 4
        assert oom_score(pages, total) == int((folder / "oom_score").read_text())
        checked += 1
    assert checked >= 3


def test_small_files(box: Box) -> None:
    assert show(box, 53, "cmdline") == "a.out\0"
    assert show(box, 53, "comm") == "a.out\n"
    assert show(box, 2, "cmdline") == ""
    assert show(box, 1, "oom_score") == "0\n"
    assert show(box, 53, "oom_score_adj") == "0\n"


def test_what_may_be_written(box: Box) -> None:
    task = box.tasks[53]
    before = int(show(box, 53, "oom_score"))
    PID_STORES["oom_score_adj"](box, task, "500\n")
    assert show(box, 53, "oom_score_adj") == "500\n"
    assert int(show(box, 53, "oom_score")) > before
    PID_STORES["oom_score_adj"](box, task, "-1000\n")
    assert show(box, 53, "oom_score") == "0\n"
    for text in ("1001", "-1001", "x", ""):
        with pytest.raises(KernelError) as error:
            PID_STORES["oom_score_adj"](box, task, text)
        assert error.value.code == "EINVAL"
    PID_STORES["comm"](box, task, "a name of many letters\n")
    assert show(box, 53, "comm") == "a name of many \n"
    PID_STORES["clear_refs"](box, task, "1\n")
    assert figures(show(box, 53, "smaps_rollup"), "Referenced") == 0
    with pytest.raises(KernelError):
        PID_STORES["clear_refs"](box, task, "6")


def test_pagemap_has_eight_bytes_for_each_page_of_user_space(box: Box) -> None:
    screen = io.StringIO()
    session = open_session(["--ram", "64M"], screen, screen)
    session.run("cat /proc/self/pagemap | wc -c; wc -c /proc/self/pagemap; head -c 24 /proc/self/pagemap | wc -c")
    assert screen.getvalue() == "6291456\n6291456 /proc/self/pagemap\n24\n"


def test_pagemap_names_the_frames(box: Box) -> None:
    task = box.current
    text = show(box, 53, "pagemap").encode("utf-8", "surrogateescape")
    assert len(text) == 8 * (0xC0000000 >> 12)
    present = 0
    for vma in task.mm.mmap if task.mm else []:
        for addr in range(vma.start, vma.end, 4096):
            entry = int.from_bytes(text[(addr >> 12) * 8 : (addr >> 12) * 8 + 8], "little")
            present += entry >> 63
    assert present == figures(show(box, 53, "smaps_rollup"), "Rss") // 4


@pytest.mark.parametrize(("old", "new", "shown"), [("15", 1000, "15"), ("-17", -1000, "-17"), ("8", 470, "7")])
def test_oom_adj_is_the_old_scale(box: Box, old: str, new: int, shown: str) -> None:
    task = box.tasks[53]
    PID_STORES["oom_adj"](box, task, old + "\n")
    PID_STORES["oom_adj"](box, task, old + "\n")
    assert task.oom_score_adj == new and show(box, 53, "oom_adj") == shown + "\n"
    told = [record.text for record in box.log.records if "deprecated" in record.text]
    assert told == ["a.out (53): /proc/53/oom_adj is deprecated, please use /proc/53/oom_score_adj instead."]
    for wrong in ("16", "-18", "x", ""):
        with pytest.raises(KernelError):
            PID_STORES["oom_adj"](box, task, wrong)
