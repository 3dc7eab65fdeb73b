"""Huge pages of shared memory: who gets them, how they are mapped, what becomes of them; nothing is lost."""

import random
from typing import Any

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PTE_PSE
from memsh.linux.include.memmap import PG_HUGE
from memsh.linux.include.mm_types import MmStruct
from memsh.linux.kernel.exit import do_exit, do_wait
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.mmap.madvise import do_madvise
from memsh.linux.mm.mmap.mmap import do_munmap
from memsh.linux.mm.mmap.mprotect import do_mprotect
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.linux.swapping import switch_on

SHARED = MAP_SHARED | MAP_ANONYMOUS
HUGE = 2 * MIB
KNOB = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE = 4, 14, 15


def made(word: str = "always", ram: int = 256 * MIB, **more: Any) -> tuple[Box, MmStruct]:
    box = Box(Config(arch="x86_64", ram=ram, cmdline="norandmaps", **more))
    tree.store(box, KNOB, word + "\n")
    assert box.current.mm is not None
    return box, box.current.mm


def shared(box: Box, size: int) -> int:
    assert box.current.mm is not None
    return vma.sys_mmap(box, box.current.mm, 0, size, 3, SHARED)


def write(box: Box, addr: int, size: int) -> None:
    touch_range(box, box.current, addr, size, True)


def stat(box: Box, *names: str) -> list[int]:
    found = dict(line.split() for line in tree.show(box, "/proc/vmstat").splitlines())
    return [int(found[name]) for name in names]


@pytest.mark.parametrize(
    ("word", "advice", "huge"),
    [
        ("always", 0, 4), ("never", MADV_HUGEPAGE, 0), ("advise", 0, 0), ("advise", MADV_HUGEPAGE, 4), ("force", 0, 4),
        ("deny", MADV_HUGEPAGE, 0), ("within_size", 0, 4), ("always", MADV_NOHUGEPAGE, 0),
    ],
)  # fmt: skip
def test_the_knob_and_advice_decide(word: str, advice: int, huge: int) -> None:
    box, mm = made(word)
    addr = shared(box, 4 * HUGE)
    if addr & HUGE - 1:  # the kernel aligns such an area only where huge pages are to be had
        assert word in ("never", "deny")
    if advice:
        do_madvise(box, mm, addr, 4 * HUGE, advice)
    lines = tree.show(box, "/proc/self/smaps").split("/dev/zero (deleted)")[1].split("VmFlags")[0]
    assert ("THPeligible:    1" in lines) == bool(huge)
    write(box, addr, 4 * HUGE)
    assert stat(box, "thp_file_alloc", "thp_file_mapped", "nr_shmem_pmdmapped") == [huge, huge, huge]
    assert len(mm.huge) == huge and check(box) == []
    do_munmap(box, mm, addr, 4 * HUGE)
    assert stat(box, "nr_shmem_hugepages", "nr_shmem_pmdmapped") == [0, 0] and check(box) == []


def test_an_unknown_word_is_refused() -> None:
    box, _ = made()
    with pytest.raises(Exception, match="Invalid argument"):
        tree.store(box, KNOB, "sometimes\n")
    assert tree.show(box, KNOB) == "[always] within_size advise never deny force\n"


def test_a_child_finds_the_pages_and_maps_them_whole() -> None:
    box, mm = made()
    addr = shared(box, 2 * HUGE)
    uaccess.write(box, box.current, addr + HUGE + 12345, b"hello")
    parent = box.current
    child = kernel_clone(box, parent)
    switch_to(box, child)
    assert child.mm is not None and not child.mm.huge
    assert uaccess.read(box, child, addr + HUGE + 12345, 5) == b"hello"
    uaccess.write(box, child, addr + HUGE + 12345, b"HELLO")
    assert [entry.entry & PTE_PSE > 0 for entry in child.mm.huge.values()] == [True]
    assert stat(box, "thp_file_alloc", "nr_shmem_pmdmapped") == [1, 1] and check(box) == []
    do_exit(box, child, 0)
    switch_to(box, parent)
    do_wait(box, parent)
    assert uaccess.read(box, parent, addr + HUGE + 12345, 5) == b"HELLO"
    assert len(mm.huge) == 1 and check(box) == []


def test_what_is_cut_out_of_a_huge_mapping_leaves_the_page_whole() -> None:
    box, mm = made()
    addr = shared(box, 2 * HUGE)
    write(box, addr, 2 * HUGE)
    uaccess.write(box, box.current, addr + 8192, b"kept")
    do_madvise(box, mm, addr, 4096, MADV_DONTNEED)
    assert stat(box, "thp_split_pmd", "nr_shmem_hugepages", "nr_shmem_pmdmapped") == [1, 2, 1]
    do_mprotect(box, mm, addr + 4096, 4096, 1)
    assert uaccess.read(box, box.current, addr + 8192, 4) == b"kept"
    assert stat(box, "nr_shmem_hugepages", "thp_split_page") == [2, 0] and check(box) == []
    do_munmap(box, mm, addr + HUGE - 4096, 8192)
    assert check(box) == []
    do_munmap(box, mm, addr, 2 * HUGE)
    assert stat(box, "nr_shmem_hugepages", "nr_mapped")[0] == 0 and check(box) == []


def test_small_pages_serve_where_no_block_is_free_or_a_page_is_there_already() -> None:
    box, _ = made("never")
    addr = shared(box, 4 * HUGE)
    write(box, addr + 5 * 4096, 4096)
    tree.store(box, KNOB, "always\n")
    write(box, addr, HUGE)
    assert stat(box, "thp_file_alloc") == [0] and check(box) == []
    second = shared(box, 2 * HUGE)
    while box.pages.alloc_pages(box.thp.gfp_mask(None), 9):
        pass
    fallbacks = stat(box, "thp_file_fallback")[0]
    write(box, second, HUGE)
    assert stat(box, "thp_file_alloc") == [0] and stat(box, "thp_file_fallback")[0] > fallbacks


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_under_pressure(seed: int) -> None:
    """Shared and private memory that does not fit, written at random: huge pages are split and go to swap and back."""
    box, mm = made(ram=128 * MIB)
    switch_on(box, 60_000)
    rng = random.Random(seed)
    areas = [shared(box, 16 * HUGE), shared(box, 16 * HUGE)]
    private = vma.sys_mmap(box, mm, 0, 40 * MIB, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    written: dict[int, bytes] = {}
    for _ in range(40):
        base = rng.choice(areas)
        for _ in range(20):
            addr = base + rng.randrange(16 * HUGE >> 3) * 8
            written[addr] = rng.randbytes(8)
            uaccess.write(box, box.current, addr, written[addr])
        start = rng.randrange(40 * MIB >> 12) << 12
        write(box, private + start, min(rng.choice((1, 300, 2000)) << 12, 40 * MIB - start))
        if rng.random() < 0.2:
            at = base + (rng.randrange(16 * HUGE >> 12) << 12)
            do_madvise(box, mm, at, min(rng.choice((1, 700)) << 12, base + 16 * HUGE - at), MADV_DONTNEED)
    assert check(box) == []
    assert stat(box, "thp_file_alloc", "pswpout", "thp_split_page") > [4, 500, 1]
    for addr, text in written.items():
        assert uaccess.read(box, box.current, addr, 8) == text
    assert check(box) == []
    for base in areas:
        do_munmap(box, mm, base, 16 * HUGE)
    assert stat(box, "nr_shmem_hugepages", "nr_shmem_pmdmapped") == [0, 0] and check(box) == []
    flags = box.memmap.flags
    assert not any(flags[pfn] & PG_HUGE for pfn in range(box.memmap.frames)) or box.thp.pages
