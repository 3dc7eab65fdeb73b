"""A box's own /proc meets every invariant exactly, whatever its size and whatever was done."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.inspect import check as kernel_check
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.fs.task_mmu import collect
from memsh.linux.include.flags import GFP_KERNEL, VM_SHARED
from memsh.linux.include.mm_types import MM_SWAPENTS
from memsh.linux.mm.shmem.shmem_swap import swap_usage
from memsh.machines.box import Box
from memsh.machines.from_dump import from_recording
from memsh.procfs import tree
from tests.paths import REFERENCE
from tests.procfs.invariants import CHECKS, Tree, check
from tests.procfs.task_invariants import progress


def walk(box: Box, path: str = "/proc") -> dict[str, str]:
    files = {}
    for name in tree.listdir(box, path):
        inner = f"{path}/{name}"
        if name in ("task", "self"):
            continue
        if tree.isdir(box, inner):
            files.update(walk(box, inner))
        elif tree.mode(box, inner) != 0o200:
            try:
                files[inner.removeprefix("/proc/")] = tree.show(box, inner)
            except OSError:
                files[inner.removeprefix("/proc/")] = ""  # a kernel thread's smaps_rollup
    return files


def proc(box: Box, *, boot_reserves: bool = True) -> Tree:
    return Tree(walk(box), boot_reserves=boot_reserves)


@pytest.mark.parametrize(
    ("ram", "cpus", "cmdline"),
    [
        (32 * MIB, 1, "vmalloc=106488K"),
        (64 * MIB, 1, ""),
        (128 * MIB, 1, "vmalloc=106488K"),
        (768 * MIB, 4, ""),
        (GIB, 1, "vmalloc=106488K"),
        (GIB, 2, ""),
        (2 * GIB, 2, "vmalloc=256M"),
        (4 * GIB, 8, "vmalloc=106488K"),
    ],
)
def test_a_fresh_box(ram: int, cpus: int, cmdline: str) -> None:
    assert check(proc(Box(Config(ram=ram, cpus=cpus, cmdline=cmdline)))) == []
    assert len(CHECKS) > 140


@pytest.mark.parametrize(
    ("words", "lines"),
    [("--ram 96M --cpus 8", ["m=$(mmap 30M rw); touch $m 30M", "fork; touch $m 3M", "madvise $m 8M pageout"]),
     ("--ram 6G --cpus 4 --nodes 2", ["m=$(mmap 80M rw); touch $m 80M", "vmalloc 20M", "run a.out-dyn; malloc 3M",
                                      "sysctl -q vm.nr_hugepages=9"])],
)  # fmt: skip
def test_x86_64(words: str, lines: list[str]) -> None:
    screen = io.StringIO()
    session = open_session(["--arch", "x86_64", "--swap", "64M", *words.split()], screen, screen)
    session.run("split_rss off; run a.out")
    before = proc(session.box)
    for line in lines:
        assert session.run(line) == 0, screen.getvalue()
        now = proc(session.box)
        assert check(now) == [] and progress(before, now) == [], line
        before = now
    assert kernel_check.check(session.box) == []


def test_after_work_and_time() -> None:
    box = Box(Config(ram=256 * MIB))
    before = proc(box)
    blocks = [box.pages.alloc_pages(GFP_KERNEL, order) for order in (0, 3, 10, 1, 0, 5)]
    middle = proc(box)
    assert check(middle) == []
    for pfn, order in zip(blocks, (0, 3, 10, 1, 0, 5), strict=True):
        box.pages.free_pages(pfn, order)
    box.timer.advance(7_300_000)
    after = proc(box)
    assert check(after) == []
    assert progress(before, middle) == [] and progress(middle, after) == []


def test_after_tuning() -> None:
    box = Box(Config(ram=GIB))
    for name, value in (
        ("lowmem_reserve_ratio", "64 16 4"), ("min_free_kbytes", "9000"), ("watermark_scale_factor", "200"),
        ("overcommit_ratio", "80"), ("dirty_ratio", "40"), ("percpu_pagelist_high_fraction", "10"),
    ):  # fmt: skip
        tree.store(box, f"/proc/sys/vm/{name}", value + "\n")
        assert check(proc(box, boot_reserves=False)) == []


def test_while_memory_goes_to_swap_and_the_disk_is_waited_for() -> None:
    screen = io.StringIO()
    session = open_session(["--ram", "128M", "--swap", "256M"], screen, screen)
    before = proc(session.box)
    for line in (
        "s=$(mmap 40M rw shared); touch $s 40M", "p=$(mmap 60M rw); touch $p 60M", "q=$(mmap 60M rw); touch $q 60M",
        "fork", "touch $p 8M", "cat /bin/* > /dev/null", "echo -500 > /proc/self/oom_score_adj",
        "read $s 4M", "sysctl -q vm.dirty_ratio=5", "sysctl -q vm.dirty_background_bytes=8192", "sleep 3",
    ):  # fmt: skip
        assert session.run(line) == 0, screen.getvalue()
        now = proc(session.box)
        assert check(now) == [] and progress(before, now) == [], line
        before = now
    assert kernel_check.check(session.box) == []


def test_smaps_counts_what_lies_in_swap() -> None:
    """Anonymous pages once each, shared by entries in SwapPss; shared memory as its file has it, in Swap alone."""
    screen = io.StringIO()
    session = open_session(["--ram", "128M", "--swap", "256M"], screen, screen)
    for line in ("s=$(mmap 40M rw shared); write $s 40M", "p=$(mmap 100M rw); write $p 100M", "fork", "read $p 20M"):
        assert session.run(line) == 0, screen.getvalue()
    box = session.box
    mm = box.current.mm
    assert mm is not None
    areas = {vma.start: collect(box, mm, vma) for vma in mm.mmap}
    shared = next(vma for vma in mm.mmap if vma.flags & VM_SHARED)
    assert shared.file is not None and shared.file.inode.mapping is not None
    in_file = swap_usage(shared.file.inode.mapping, 0, 1 << 52)
    assert in_file > 1000 and areas[shared.start].swap == in_file << 12 and areas[shared.start].swap_pss == 0
    private = [stats for start, stats in areas.items() if start != shared.start]
    assert sum(stats.swap for stats in private) == mm.rss[MM_SWAPENTS] << 12 > 200 << 10
    assert sum(stats.swap_pss for stats in private) == mm.rss[MM_SWAPENTS] << 23  # parent and child: half each
    session.run("munmap $s 20M")
    half = next(vma for vma in mm.mmap if vma.flags & VM_SHARED)
    assert half.end - half.start == 20 << 20 and collect(box, mm, half).swap < in_file << 12


def test_a_copy_shows_the_same_and_goes_its_own_way() -> None:
    box = Box(Config(ram=64 * MIB))
    other = box.copy()
    assert walk(box) == walk(other)
    other.pages.alloc_pages(GFP_KERNEL, 6)
    assert tree.show(box, "/proc/buddyinfo") != tree.show(other, "/proc/buddyinfo")
    box.pages.alloc_pages(GFP_KERNEL, 6)
    assert walk(box) == walk(other)


def test_boxes_are_all_alike() -> None:
    assert walk(Box(Config(ram=64 * MIB))) == walk(Box(Config(ram=64 * MIB)))


def test_libproc_reads_once() -> None:
    """libproc2 reads meminfo and vmstat with one read of 8191 bytes."""
    box = Box(Config(ram=4 * GIB))
    for name in ("meminfo", "vmstat"):
        assert len(tree.show(box, f"/proc/{name}")) < 8191


@pytest.mark.parametrize("folder", sorted(REFERENCE.glob("boot-*")), ids=lambda path: path.name)
def test_a_box_from_a_recording(folder: Path) -> None:
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    box = from_recording(Config(cpus=int(folder.name[-4])), texts)
    assert check(proc(box, boot_reserves=False)) == []
    assert kernel_check.check(box) == []
