"""Bytes of processes: written once, read wherever they are visible, and by nobody else."""

import random

import pytest

from memsh.inspect.check_mm import check_mm
from memsh.linux.config import MIB, Config
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED
from memsh.linux.include.sched import Task
from memsh.linux.mm.memory.outcome import Segfault
from memsh.linux.mm.memory.uaccess import copy, fill, peek, read, read_word, write, write_word
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from tests.observing import seen

ANON = MAP_PRIVATE | MAP_ANONYMOUS
_BASE = Box(Config(ram=64 * MIB))


@pytest.fixture
def box() -> Box:
    return _BASE.copy()


@pytest.fixture
def task(box: Box) -> Task:
    return box.current


def area(box: Box, length: int = 0x4000, prot: int = 3, flags: int = ANON) -> int:
    assert box.current.mm is not None
    return vma.sys_mmap(box, box.current.mm, 0, length, prot, flags)


def child_of(box: Box, task: Task) -> Task:
    child = Task(999, 1, "child")
    assert task.mm is not None
    child.mm = vma.dup_mmap(box, task.mm)
    return child


def test_across_pages_and_at_any_alignment(box: Box, task: Task) -> None:
    addr = area(box)
    write(box, task, addr + 0xFFD, b"abcdefgh")
    assert read(box, task, addr + 0xFFD, 8) == b"abcdefgh"
    write_word(box, task, addr + 0x1FFE, 0xDEADBEEF)
    assert read_word(box, task, addr + 0x1FFE) == 0xDEADBEEF
    assert read_word(box, task, addr + 0x2000) == 0xDEAD
    assert task.minflt >= 3
    assert check_mm(box) == []


def test_reading_first_then_writing(box: Box, task: Task) -> None:
    addr = area(box)
    before = task.minflt
    assert read_word(box, task, addr) == 0
    write_word(box, task, addr, 5)
    assert read_word(box, task, addr) == 5
    assert task.minflt - before == 2  # the page of zeros, then a page of its own


def test_after_fork_each_sees_its_own(box: Box, task: Task) -> None:
    addr = area(box)
    write_word(box, task, addr, 1)
    child = child_of(box, task)
    assert read_word(box, child, addr) == 1
    write_word(box, child, addr, 2)
    assert (read_word(box, task, addr), read_word(box, child, addr)) == (1, 2)
    write_word(box, task, addr, 3)
    assert (read_word(box, task, addr), read_word(box, child, addr)) == (3, 2)
    assert check_mm(box) == []


def test_shared_memory_is_shared(box: Box, task: Task) -> None:
    addr = area(box, flags=MAP_SHARED | MAP_ANONYMOUS)
    child = child_of(box, task)
    write(box, child, addr, b"from the child")
    assert read(box, task, addr, 14) == b"from the child"
    assert check_mm(box) == []


def test_protection_is_seen_at_once(box: Box, task: Task) -> None:
    addr = area(box)
    write_word(box, task, addr, 1)
    assert task.mm is not None
    vma.do_mprotect(box, task.mm, addr, 4096, 1)
    with pytest.raises(Segfault):
        write_word(box, task, addr, 2)
    assert read_word(box, task, addr) == 1
    vma.do_munmap(box, task.mm, addr, 4096)
    with pytest.raises(Segfault):
        read_word(box, task, addr)


def test_dontneed_forgets_the_bytes(box: Box, task: Task) -> None:
    addr = area(box)
    write_word(box, task, addr, 1)
    assert task.mm is not None
    vma.do_madvise(box, task.mm, addr, 4096, 4)
    assert read_word(box, task, addr) == 0


def test_a_files_bytes_are_seen_through_a_mapping(box: Box, task: Task) -> None:
    file = box.fs.open("/etc/passwd", writable=True)
    assert task.mm is not None
    addr = vma.sys_mmap(box, task.mm, 0, 4096, 3, MAP_SHARED, file)
    box.fs.write(file, 0, b"root:x:0:0")
    assert read(box, task, addr, 10) == b"root:x:0:0"
    write(box, task, addr, b"toor")
    assert box.fs.read(file, 0, 6) == b"toor:x"
    box.fs.sync()
    vma.do_munmap(box, task.mm, addr, 4096)
    box.fs.drop_pagecache()
    assert box.fs.read(file, 0, 6) == b"toor:x"
    assert check_mm(box) == []


def test_fill_and_copy(box: Box, task: Task) -> None:
    addr = area(box)
    fill(box, task, addr, 0, 0x4000)
    assert not [pfn for pfn in box.memmap.data if peek(box, task, addr, 4) and box.memmap.data[pfn][:1] == b"\1"]
    fill(box, task, addr + 0xFFF, 0x41, 3)
    copy(box, task, addr + 0x3000, addr + 0xFFE, 5)
    assert peek(box, task, addr + 0x3000, 5) == b"\0AAA\0"
    assert peek(box, task, 0x10, 1) is None


def found(box: Box) -> dict[str, object]:
    """What is seen of a box, but for the order in which free blocks were entered in a zone's table."""
    return seen(box) | {
        f"free {zone.node} {zone.name}": ([list(blocks) for blocks in zone.lists], zone.free)
        for zone in box.pages.zones
    }


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_a_fill_of_many_pages_is_one_of_each(arch: str) -> None:
    made = Box(Config(ram=128 * MIB, arch=arch, cmdline="norandmaps transparent_hugepage=never"))
    rng = random.Random(arch)
    addr = area(made, 48 * MIB)
    area(made, 0x3000, prot=1)
    write(made, made.current, addr + 0x5FFF, b"written before")
    other = made.copy()
    for _ in range(40):
        start, n = addr + rng.randrange(40 * MIB), rng.randrange(rng.choice((9_000, 900_000)))
        value = rng.random() < 0.1
        fill(made, made.current, start, value, n)
        while n:
            part = min(n, 4096 - (start & 4095))
            fill(other, other.current, start, value, part)
            start += part
            n -= part
    assert found(made) == found(other)
    for one in (made, other):  # into what nobody may write
        with pytest.raises(Segfault):
            fill(one, one.current, addr - 0x5000, 0, 0x8000)
    assert found(made) == found(other) and check_mm(made) == []


def test_a_copied_box_has_its_own_bytes(box: Box, task: Task) -> None:
    addr = area(box)
    write_word(box, task, addr, 1)
    other = box.copy()
    write_word(box, task, addr, 2)
    write_word(other, other.current, addr + 4, 9)
    assert (read_word(other, other.current, addr), read_word(box, task, addr + 4)) == (1, 0)
    assert check_mm(other) == []
