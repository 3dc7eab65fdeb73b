"""Areas: placement, merging, limits, errors, and a random walk through all operations with every recount."""

import random
from contextlib import suppress

import pytest

from memsh.inspect.check import check
from memsh.inspect.check_mm import check_mm
from memsh.linux.config import MIB, Config
from memsh.linux.fs.task_mmu import collect
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
)
from memsh.linux.include.mm_types import MmStruct
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import BusError, Segfault
from memsh.linux.mm.memory.uaccess import read, read_word, write, write_word
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.mmap.vmalist import unmapped_area_topdown, vm_start_gap
from memsh.machines.box import Box

ANON = MAP_PRIVATE | MAP_ANONYMOUS
RW = 3
PLACE = 0x40000000
_ADVICE = (0, 1, 2, 3, 4, 8, 9, 10, 11, 16, 18, 19, 22, 23)


@pytest.fixture(scope="module")
def fresh() -> Box:
    return Box(Config(ram=128 * MIB))


@pytest.fixture
def box(fresh: Box) -> Box:
    return fresh.copy()


@pytest.fixture
def mm(box: Box) -> MmStruct:
    assert box.current.mm is not None
    return box.current.mm


def refused(code: str, call, *args) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(KernelError) as caught:
        call(*args)
    assert caught.value.code == code


def test_what_linux_refuses(box: Box, mm: MmStruct) -> None:
    area = vma.sys_mmap(box, mm, 0, 0x8000, RW, ANON)
    fixed = ANON | MAP_FIXED
    refused("EINVAL", vma.sys_mmap, box, mm, 0, 0, RW, ANON)
    refused("ENOMEM", vma.sys_mmap, box, mm, 0, 1 << 32, RW, ANON)
    refused("ENOMEM", vma.sys_mmap, box, mm, 0, 0xFFFFF001, RW, ANON)
    refused("ENOMEM", vma.sys_mmap, box, mm, 0xC0000000, 4096, RW, fixed)
    refused("EINVAL", vma.sys_mmap, box, mm, PLACE + 1, 4096, RW, fixed)
    refused("EINVAL", vma.sys_mmap, box, mm, 0, 4096, RW, MAP_ANONYMOUS)
    refused("EEXIST", vma.sys_mmap, box, mm, area, 4096, RW, ANON | 0x100000)
    refused("EINVAL", vma.do_munmap, box, mm, area + 1, 4096)
    refused("EINVAL", vma.do_munmap, box, mm, area, 0)
    refused("EINVAL", vma.do_munmap, box, mm, 0xC0001000, 4096)
    refused("EINVAL", vma.do_mprotect, box, mm, area + 1, 4096, 1)
    refused("ENOMEM", vma.do_mprotect, box, mm, PLACE, 4096, 1)
    refused("ENOMEM", vma.do_mprotect, box, mm, 0xFFFFF000, 0x2000, 1)
    refused("EFAULT", vma.do_mremap, box, mm, PLACE, 4096, 8192, 1)
    refused("EFAULT", vma.do_mremap, box, mm, area, 0x9000, 0xA000, 1)
    refused("EINVAL", vma.do_mremap, box, mm, area, 4096, 0, 1)
    refused("EINVAL", vma.do_mremap, box, mm, area, 4096, 8192, 2)
    refused("ENOMEM", vma.do_mremap, box, mm, area, 0x4000, 0xB0000000, 1)
    refused("EINVAL", vma.do_madvise, box, mm, area, 4096, 99)
    refused("ENOMEM", vma.do_madvise, box, mm, PLACE, 4096, 4)
    refused("ENOMEM", vma.do_mlock, box, mm, PLACE, 4096)
    refused("ENODEV", vma.sys_mmap, box, mm, 0, 4096, 1, MAP_PRIVATE, box.fs.open("/etc"))
    refused("EACCES", vma.sys_mmap, box, mm, 0, 4096, RW, MAP_SHARED, box.fs.open("/etc/fstab"))
    assert vma.do_brk(box, mm, 0) == mm.brk == vma.do_brk(box, mm, 0xC0000000)
    assert check_mm(box) == []


def test_a_length_that_no_hole_holds(box: Box, mm: MmStruct) -> None:
    before = mm.total_vm, box.vm.commit
    refused("ENOMEM", vma.sys_mmap, box, mm, 0, 0xB0000000, RW, ANON)
    assert (mm.total_vm, box.vm.commit) == before


def test_top_down_placement_agrees_with_a_plain_search(box: Box, mm: MmStruct) -> None:
    chance = random.Random(4)

    def plainly(length: int) -> int:
        top = mm.mmap_base
        for area in [a for a in reversed(mm.mmap) if a.start < mm.mmap_base]:
            if top - area.end >= length:
                break
            top = min(top, vm_start_gap(area))
        return top - length

    for step in range(600):
        length = chance.choice((1, 1, 2, 5, 16)) << 12
        expected = plainly(length)
        assert unmapped_area_topdown(mm, length, 4096, mm.mmap_base) == expected
        assert vma.sys_mmap(box, mm, 0, length, 1 + 2 * (step & 1), ANON) == expected
        if step % 3 == 0:
            area = chance.choice(mm.mmap[8:-3] or mm.mmap[:1])
            if area.start >= PLACE:
                vma.do_munmap(box, mm, area.start + (chance.randrange(area.pages) << 12), 4096)
    assert check_mm(box) == []


def test_hints(box: Box, mm: MmStruct) -> None:
    assert vma.sys_mmap(box, mm, PLACE + 5, 4096, RW, ANON) == PLACE
    assert vma.sys_mmap(box, mm, PLACE, 4096, RW, ANON) > PLACE
    assert vma.sys_mmap(box, mm, 1, 4096, RW, ANON | MAP_NORESERVE) != 0


def test_merge_and_split(box: Box, mm: MmStruct) -> None:
    count = mm.map_count
    area = vma.sys_mmap(box, mm, 0, 0x10000, RW, ANON)
    touch_range(box, box.current, area, 0x10000, True)
    vma.do_mprotect(box, mm, area + 0x4000, 0x4000, 1)
    assert mm.map_count == count + 3
    vma.do_mprotect(box, mm, area + 0x4000, 0x4000, RW)
    assert mm.map_count == count + 1
    assert touch_range(box, box.current, area, 0x10000, True).minflt == 0  # still this process's own, still dirty
    vma.do_madvise(box, mm, area, 0x8000, 16)
    assert mm.map_count == count + 2
    vma.do_munmap(box, mm, area + 0x1000, 0xE000)
    assert mm.map_count == count + 2
    assert check_mm(box) == []


def test_max_map_count(box: Box, mm: MmStruct) -> None:
    box.vm.max_map_count = mm.map_count + 3
    for step in range(4):
        vma.sys_mmap(box, mm, 0, 0x3000, 1 + 2 * (step & 1), ANON)
    refused("ENOMEM", vma.sys_mmap, box, mm, 0, 4096, RW, ANON)
    refused("ENOMEM", vma.do_munmap, box, mm, mm.mmap[-5].start + 4096, 4096)
    vma.do_munmap(box, mm, mm.mmap[-5].start, 4096)
    assert check_mm(box) == []


class Short:
    """A slab allocator with one object less: the call number `at` fails."""

    def __init__(self, box: Box, at: int) -> None:
        self.left, self.alloc = at, box.slab.kmem_cache_alloc
        box.slab.kmem_cache_alloc = self  # type: ignore[method-assign,assignment]

    def __call__(self, *args) -> int:  # type: ignore[no-untyped-def]
        self.left -= 1
        return 0 if self.left == -1 else self.alloc(*args)


@pytest.mark.parametrize("areas", (8, 10, 18))  # with these among them the tree needs another node
def test_memory_that_is_short_in_a_split_loses_nothing(fresh: Box, areas: int) -> None:
    for name, arguments in (
        ("do_munmap", (0x2000,)),
        ("do_mprotect", (0x2000, 1)),
        ("do_madvise", (0x2000, 16)),
        ("do_mlock", (0x2000,)),
        ("do_mremap", (0x2000, 0x9000, 1)),
    ):
        for at in range(12):
            box = fresh.copy()
            mm = box.current.mm
            assert mm is not None
            for number in range(areas):
                vma.sys_mmap(box, mm, 0, 0x8000, (1, 3)[number & 1], ANON)
            place = mm.mmap[-6].start if mm.mmap[-6].pages == 8 else mm.mmap[-8].start
            touch_range(box, box.current, place, 0x8000, False)
            before = sum(area.pages for area in mm.mmap)
            short = Short(box, at)
            with suppress(KernelError):
                getattr(vma, name)(box, mm, place + 0x3000, *arguments)
            failed = short.left < 0
            if name == "do_munmap":
                assert before - sum(area.pages for area in mm.mmap) in ((0, 2) if failed else (2,))
            elif name != "do_mremap":
                assert sum(area.pages for area in mm.mmap) == before
            del box.slab.kmem_cache_alloc
            assert check_mm(box) == []
            if not failed:
                break


def test_overcommit(box: Box, mm: MmStruct) -> None:
    huge = 200 * MIB
    refused("ENOMEM", vma.sys_mmap, box, mm, 0, huge, RW, ANON)  # more than RAM and swap
    refusal = f"pid: {box.current.pid}, comm: {box.current.comm}, no enough memory for the allocation"
    assert box.log.records[-1].text == "__vm_enough_memory: " + refusal and box.log.records[-1].level == 4
    vma.sys_mmap(box, mm, 0, huge, RW, ANON | MAP_NORESERVE)
    vma.sys_mmap(box, mm, 0, huge, 1, ANON)
    box.vm.overcommit_memory = 1
    vma.sys_mmap(box, mm, 0, huge, RW, ANON)
    box.vm.overcommit_memory = 2
    refused("ENOMEM", vma.sys_mmap, box, mm, 0, 100 * MIB, RW, ANON | MAP_NORESERVE)
    assert vma.do_brk(box, mm, mm.brk + 100 * MIB) == mm.brk
    assert check_mm(box) == []


def test_commit_follows_shared_mappings(box: Box, mm: MmStruct) -> None:
    before, pages = box.vm.commit, box.vmstat["nr_shmem"]
    area = vma.sys_mmap(box, mm, 0, 0x10000, RW, MAP_SHARED | MAP_ANONYMOUS)
    assert box.vm.commit == before + 16
    touch_range(box, box.current, area, 0x10000, True)
    assert box.vmstat["nr_shmem"] == pages + 16
    child = vma.dup_mmap(box, mm)
    vma.do_munmap(box, mm, area, 0x10000)
    assert box.vmstat["nr_shmem"] == pages + 16
    vma.exit_mmap(box, child)
    assert (box.vm.commit, box.vmstat["nr_shmem"]) == (before, pages)
    assert check_mm(box) == []


def test_mremap_moves_pages_with_their_bytes(box: Box, mm: MmStruct) -> None:
    task = box.current
    area = vma.sys_mmap(box, mm, 0, 0x3000, RW, ANON)
    write(box, task, area + 0x1FFE, b"across")
    moved = vma.do_mremap(box, mm, area, 0x3000, 0x100000, 1)
    assert moved != area
    assert read(box, task, moved + 0x1FFE, 6) == b"across"
    with pytest.raises(Segfault):
        read(box, task, area, 1)
    assert vma.do_mremap(box, mm, moved, 0x100000, 0x2000) == moved
    assert check_mm(box) == []


def test_mlock(box: Box, mm: MmStruct) -> None:
    area = vma.sys_mmap(box, mm, 0, 0x8000, RW, ANON)
    vma.do_mlock(box, mm, area + 0x1000, 0x2000)
    assert (mm.locked_vm, box.vmstat["nr_unevictable"]) == (2, 2)
    found = vma.find_vma(mm, area + 0x1000)
    assert found is not None and collect(box, mm, found).pss_locked >> 12 == 0x2000
    refused("EINVAL", vma.do_madvise, box, mm, area + 0x1000, 0x1000, 4)
    vma.do_munlock(box, mm, area, 0x8000)
    assert (mm.locked_vm, box.vmstat["nr_unevictable"]) == (0, 0)
    vma.do_mlock(box, mm, area, 0x8000)
    vma.do_munmap(box, mm, area, 0x8000)
    assert (mm.locked_vm, box.vmstat["nr_unevictable"]) == (0, 0)
    assert check_mm(box) == []


class Walk:
    """A random walk: one operation after the other on up to four processes that share a file."""

    def __init__(self, box: Box, seed: int) -> None:
        self.box = box
        self.chance = random.Random(seed)
        assert box.current.mm is not None
        self.mms = [box.current.mm]
        self.task = box.current
        if not box.fs.exists("/data"):
            box.fs.mkdir("/data")
            box.fs.mkfile("/data/f", 300000)

    def step(self) -> None:
        chance, box = self.chance, self.box
        mm = self.task.mm = chance.choice(self.mms)
        length = chance.randrange(1, 40) << 12
        addr = PLACE + (chance.randrange(48) << 16) + (chance.randrange(16) << 12)
        if chance.random() < 0.25:
            addr = chance.choice(mm.mmap[:8]).start
        fixed = MAP_FIXED if addr >= PLACE and chance.random() < 0.4 else 0
        kind = chance.choice((ANON, ANON, MAP_SHARED | MAP_ANONYMOUS, ANON | MAP_POPULATE))
        prot = chance.choice((0, 1, 3, 3, 3))
        write_it = chance.random() < 0.6
        operations = (
            lambda: vma.sys_mmap(box, mm, addr, length, prot, kind | fixed),
            lambda: self.map_file(mm, PLACE + (chance.randrange(48) << 16), length),
            lambda: vma.do_munmap(box, mm, max(addr, PLACE), length),
            lambda: vma.do_mprotect(box, mm, addr, length, prot),
            lambda: vma.do_mremap(box, mm, addr, chance.randrange(10) << 12, length, chance.choice((0, 1, 3, 5)),
                                  PLACE + (chance.randrange(48) << 16)),
            lambda: vma.do_brk(box, mm, mm.brk + chance.randrange(-30, 40) * 4096),
            lambda: vma.do_madvise(box, mm, addr, length, chance.choice(_ADVICE)),
            lambda: vma.do_mlock(box, mm, addr, length),
            lambda: vma.do_munlock(box, mm, addr, length),
            lambda: touch_range(box, self.task, addr, length, write_it),
            lambda: touch_range(box, self.task, addr, length, write_it),
            lambda: self.fork(mm),
            lambda: self.leave(mm),
            lambda: self.bytes(addr),
            self.use_file,
            lambda: (box.fs.sync() if write_it else 0, box.fs.drop_pagecache()),
        )  # fmt: skip
        with suppress(KernelError, Segfault, BusError):
            chance.choice(operations)()

    def map_file(self, mm: MmStruct, addr: int, length: int) -> None:
        file = self.box.fs.open("/data/f", writable=True)
        try:
            flags = self.chance.choice((MAP_SHARED, MAP_PRIVATE)) | MAP_FIXED
            offset = self.chance.randrange(40) << 12
            vma.sys_mmap(self.box, mm, addr, length, self.chance.choice((1, 3)), flags, file, offset)
        finally:
            self.box.fs.fput(file)

    def use_file(self) -> None:
        fs, chance = self.box.fs, self.chance
        if chance.random() < 0.2:
            fs.truncate("/data/f", chance.randrange(320000))
        file = fs.open("/data/f", writable=True)
        try:
            fs.write(file, chance.randrange(310000), b"x" * chance.randrange(9000))
            fs.read(file, chance.randrange(310000), chance.randrange(20000))
        finally:
            fs.fput(file)

    def fork(self, mm: MmStruct) -> None:
        if len(self.mms) < 4:
            self.mms.append(vma.dup_mmap(self.box, mm))

    def leave(self, mm: MmStruct) -> None:
        if mm is not self.mms[0]:
            self.mms.remove(mm)
            vma.exit_mmap(self.box, mm)

    def bytes(self, addr: int) -> None:
        write(self.box, self.task, addr, b"hello")
        write_word(self.box, self.task, addr + 8, 7)
        assert read(self.box, self.task, addr, 5) == b"hello"
        assert read_word(self.box, self.task, addr + 8) == 7


@pytest.mark.parametrize("seed", range(8))
def test_random_walk(box: Box, seed: int) -> None:
    walk = Walk(box, seed)
    for step in range(120):
        walk.step()
        if step % 4 == 3:
            assert check_mm(box) == []
            for mm in walk.mms:
                assert sum(collect(box, mm, vma).resident for vma in mm.mmap) == mm.get_rss() << 12
    walk.task.mm = walk.mms[0]
    for mm in walk.mms[1:]:
        vma.exit_mmap(box, mm)
    assert check_mm(box) == []


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_the_vdso_is_one_piece_that_may_move_and_be_copied(arch: str) -> None:
    box = Box(Config(ram=128 * MIB, arch=arch))
    task = box.current
    mm = task.mm
    assert mm is not None
    code = next(area for area in mm.mmap if area.name == "[vdso]")
    old, length = code.start, code.end - code.start
    refused("EINVAL", vma.do_munmap, box, mm, old + 4096, 4096)
    vma.do_mprotect(box, mm, old, length, RW)  # a debugger's breakpoint: a copy of its own
    before = mm.rss[vma.MM_ANONPAGES]
    touch_range(box, task, old, 1, True)
    touch_range(box, task, old + 4096, 1, True)
    assert mm.rss[vma.MM_ANONPAGES] == before + 2
    assert mm.vdso == old
    new = vma.do_mremap(box, mm, old, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, 0x20000000)
    assert mm.vdso == new == 0x20000000
    assert check(box) == []
