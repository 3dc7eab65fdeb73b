"""Tunables: the recorded session, ranges, refusals."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel import sysctl
from memsh.linux.mm.mmap.vmalist import vm_commit_limit
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.linux.test_boot import static_part
from tests.paths import REFERENCE


@pytest.fixture
def box() -> Box:
    return Box(Config(ram=128 * MIB))


def recorded_steps() -> list[tuple[str, str]]:
    """(command, what it printed) of the recorded session."""
    parts = (REFERENCE / "transcripts/sysctl.txt").read_text().split("\n$ ")[1:]
    return [(part.split("\n", 1)[0], part.partition("\n")[2]) for part in parts]


def test_the_recorded_session() -> None:
    box = Box(Config(ram=GIB))
    checked = 0
    for command, output in recorded_steps():
        verb, path, *words = command.split()
        if verb == "put":
            if "Invalid argument" in output:
                with pytest.raises(KernelError, match="Invalid argument"):
                    tree.store(box, path, " ".join(words) + "\n")
            else:
                tree.store(box, path, " ".join(words) + "\n")
        elif path.endswith("zoneinfo"):
            assert static_part(tree.show(box, path)) == static_part(output)
        elif "/sys/" in path:
            assert tree.show(box, path).rstrip() == output.rstrip()
        elif path.endswith("meminfo"):
            limit = next(line for line in output.splitlines() if line.startswith("CommitLimit"))
            assert limit in tree.show(box, path).splitlines()
        else:
            continue
        checked += 1
    assert checked > 15


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("vm.swappiness", "200", "201"),
        ("vm.overcommit_memory", "2", "3"),
        ("vm.watermark_scale_factor", "3000", "0"),
        ("vm.dirty_ratio", "100", "-1"),
        ("vm.page-cluster", "0x1f", "-1"),
        ("vm.min_free_kbytes", "4096", "-5"),
        ("vm.percpu_pagelist_high_fraction", "8", "7"),
        ("vm.drop_caches", "3", "5"),
        ("vm.mmap_min_addr", "65536", "x"),
        ("vm.compaction_proactiveness", "010", "12abc"),
        ("kernel.pid_max", "400", "300"),
        ("vm.vfs_cache_pressure", " 50 \n", "\n"),
    ],
)
def test_ranges(box: Box, name: str, good: str, bad: str) -> None:
    sysctl.put(box, name, good)
    if name not in sysctl.WRITE_ONLY:
        before = sysctl.get(box, name)
        assert int(before) == int(good.strip(), 8 if good.startswith("01") else 0)
        with pytest.raises(KernelError, match="Invalid argument"):
            sysctl.put(box, name, bad)
        assert sysctl.get(box, name) == before
    else:
        with pytest.raises(KernelError, match="Invalid argument"):
            sysctl.put(box, name, bad)


def test_fewer_numbers_set_the_first_ones(box: Box) -> None:
    sysctl.put(box, "vm.lowmem_reserve_ratio", "100")
    assert sysctl.get(box, "vm.lowmem_reserve_ratio") == "100\t32\t0\t0"
    sysctl.put(box, "vm.lowmem_reserve_ratio", "0 -3 7 8")
    assert sysctl.get(box, "vm.lowmem_reserve_ratio") == "0\t0\t7\t8"


def test_a_ratio_of_reserves_is_never_refused(box: Box) -> None:
    for text, after in (("abc", "256\t32\t0\t0"), ("64 x 7", "64\t32\t0\t0"), ("", "64\t32\t0\t0")):
        sysctl.put(box, "vm.lowmem_reserve_ratio", text + "\n")
        assert sysctl.get(box, "vm.lowmem_reserve_ratio") == after


def test_any_int_is_an_overcommit_ratio(box: Box) -> None:
    sysctl.put(box, "vm.overcommit_ratio", "-1")
    total = sum(zone.managed for zone in box.pages.zones)
    assert vm_commit_limit(box) == ((1 << 32) - total) // 100


def test_the_same_dirty_ratio_again_leaves_dirty_bytes(box: Box) -> None:
    sysctl.put(box, "vm.dirty_bytes", "40960000")
    sysctl.put(box, "vm.dirty_ratio", "0")
    assert sysctl.get(box, "vm.dirty_bytes") == "40960000"


def test_pairs_exclude_each_other(box: Box) -> None:
    sysctl.put(box, "vm.dirty_bytes", "1048576")
    assert sysctl.get(box, "vm.dirty_ratio") == "0"
    sysctl.put(box, "vm.dirty_ratio", "30")
    assert sysctl.get(box, "vm.dirty_bytes") == "0"
    sysctl.put(box, "vm.overcommit_kbytes", "1000")
    assert sysctl.get(box, "vm.overcommit_ratio") == "0"


def test_reading_changes_nothing(box: Box) -> None:
    before = [list(zone.lowmem_reserve) for zone in box.pages.zones]
    for name in filter(lambda name: sysctl.known(box, name), sysctl.NAMES):
        if name not in sysctl.WRITE_ONLY:
            sysctl.get(box, name)
    assert [list(zone.lowmem_reserve) for zone in box.pages.zones] == before


def test_refusals(box: Box) -> None:
    for code, call in (
        ("ENOENT", lambda: sysctl.get(box, "vm.nothing")),
        ("EACCES", lambda: sysctl.get(box, "vm.drop_caches")),
        ("EACCES", lambda: sysctl.put(box, "kernel.osrelease", "7")),
        ("EIO", lambda: tree.store(box, "/proc/meminfo", "x")),
        ("EISDIR", lambda: tree.show(box, "/proc/sys/vm")),
        ("ENOTDIR", lambda: tree.show(box, "/proc/meminfo/x")),
        ("ENOENT", lambda: tree.show(box, "/proc/99999/maps")),
        ("ENOTDIR", lambda: tree.listdir(box, "/proc/meminfo")),
    ):
        with pytest.raises(KernelError) as caught:
            call()
        assert caught.value.code == code


def recorded_writes(arch: str) -> list[tuple[str, str, str]]:
    """(tunable, text, an error or what is shown then) of the recorded machine, in the order of the writes."""
    lines = (Path(__file__).parent / f"writes_{arch}.txt").read_text().splitlines()[2:]
    texts = [text.encode().decode("unicode_escape") for text in lines[0].split("\t")]
    found, answers = [], [""]
    for line in lines[1:]:
        if line.startswith("    "):
            found += [(line.strip(), text, answer) for text, answer in zip(texts, answers, strict=True)]
        else:
            answers = [answer.encode().decode("unicode_escape") for answer in line.split("\t")]
    return found


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_recorded_writes(arch: str) -> None:
    """What is taken, what is refused, and with which error."""
    box = Box(Config(arch=arch, ram=GIB))
    recorded, wrong, first = recorded_writes(arch), [], {}
    for name, text, answer in recorded:
        path = "/proc/sys/" + name.replace(".", "/")
        first.setdefault(name, "" if name in sysctl.WRITE_ONLY else tree.show(box, path))
        try:
            tree.store(box, path, text)
            found = "EACCES" if name in sysctl.WRITE_ONLY else tree.show(box, path).removesuffix("\n")
        except KernelError as error:
            found = error.code
        with suppress(KernelError):  # 0 may be what nobody may write
            tree.store(box, path, first[name])
        if found != answer and answer != "-0":
            wrong.append((name, text, answer, found))
    assert len(recorded) > 8000 and not wrong
