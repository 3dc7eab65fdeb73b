"""Every recorded sequence of object allocations, every recorded geometry: met exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

from memsh.inspect.check import check
from memsh.linux.config import Config
from memsh.linux.include.flags import GFP_NOWAIT, PAGE_SIZE
from memsh.linux.mm.slab.api import SLAB_HWCACHE_ALIGN, KmemCache
from memsh.machines.box import Box
from memsh.machines.from_dump import from_recording
from memsh.procfs import slabinfo
from tests.paths import REFERENCE

CACHES = sorted((REFERENCE / "cache").glob("*.txt"))


def header(line: str) -> tuple[int, int]:
    words = line.split()
    return int(words[words.index("size") + 1]), int(words[words.index("hwcache_align") + 1])


class Twin:
    """Matches our slabs to the recorded ones: same objects together, same offsets in the slab."""

    def __init__(self, cache: KmemCache) -> None:
        self.span = PAGE_SIZE << cache.gfporder
        self.ours: dict[int, int] = {}
        self.theirs: dict[int, int] = {}

    def same(self, our: int, their: int) -> bool:
        a, b = our - our % self.span, their - their % self.span
        if our % self.span != their % self.span:
            return False
        return self.ours.setdefault(a, b) == b and self.theirs.setdefault(b, a) == a

    def forget(self, box: Box) -> None:
        """A slab that was destroyed may come back elsewhere."""
        for a in [a for a in self.ours if box.slab.slab_at((a - 0xC0000000) >> 12) is None]:
            del self.theirs[self.ours.pop(a)]


def free_like_the_recorder(box: Box, cache: KmemCache, live: list[tuple[int, int]]) -> None:
    while live:
        box.slab.kmem_cache_free(cache, live.pop()[1])


@pytest.mark.parametrize("path", CACHES, ids=lambda path: path.stem)
def test_recorded_sequence(path: Path) -> None:
    lines = path.read_text().splitlines()
    size, hwcache = header(lines[0])
    box = Box(Config())
    cache = box.slab.kmem_cache_create("ref", size, 0, SLAB_HWCACHE_ALIGN if hwcache else 0)
    twin = Twin(cache)
    live: list[tuple[int, int]] = []
    counted = False
    for number, line in enumerate(lines[1:], 2):
        words = line.split()
        if words[0] == "A":
            addr = box.slab.kmem_cache_alloc(cache, GFP_NOWAIT)
            assert twin.same(addr, int(words[2], 16)), f"line {number}: {line}, ours {addr:x}"
            live.append((int(words[1]), addr))
        elif words[0] == "F":
            at = next(i for i, (serial, _) in enumerate(live) if serial == int(words[1]))
            box.slab.kmem_cache_free(cache, live[at][1])
            live[at] = live[-1]
            live.pop()
            twin.forget(box)
        elif words[0] == "slabinfo":
            info = box.slab.slabinfo(cache)
            for name, value in zip(words[1::2], words[2::2], strict=True):
                assert getattr(info, name) == int(value), f"line {number}: {name}"
            counted = True
        elif words[0] == "live":
            assert len(live) == int(words[1])
        elif line.startswith("after all freed:") or words[0] == "ref":
            free_like_the_recorder(box, cache, live)
            twin.forget(box)
            row = next(row for row in slabinfo.show(box).splitlines() if row.startswith("ref "))
            assert row.split() == line.removeprefix("after all freed:").split(), f"line {number}"
    assert counted
    assert check(box) == []


def geometries(cpus: int) -> list[tuple[int, int, str]]:
    rows = (REFERENCE / f"geometry-{cpus}cpu.tsv").read_text().splitlines()
    return [(int(a), int(b), c) for a, b, c in (row.split("\t") for row in rows if row[0] != "#")]


@pytest.mark.parametrize("cpus", [1, 2])
def test_geometry(cpus: int) -> None:
    box = Box(Config(cpus=cpus))
    for size, hwcache, expected in geometries(cpus):
        box.slab.kmem_cache_create("ref", size, 0, SLAB_HWCACHE_ALIGN if hwcache else 0)
        row = next(row for row in slabinfo.show(box).splitlines() if row.startswith("ref "))
        assert row == expected, size
        box.slab.kmem_cache_destroy("ref")
    assert check(box) == []


def test_ksize() -> None:
    box = Box(Config())
    for row in (REFERENCE / "kmalloc.tsv").read_text().splitlines():
        if row[0] != "#":
            size, usable = map(int, row.split("\t"))
            addr = box.slab.kmalloc(size)
            assert (box.slab.ksize(addr) if addr else 0) == usable, size
            box.slab.kfree(addr)
    assert check(box) == []


@pytest.mark.parametrize("machine", ["boot-128m-1cpu", "boot-512m-1cpu", "boot-1g-1cpu", "boot-2g-2cpu"])
def test_caches_of_a_booted_box(machine: str) -> None:
    """The recorded caches in the recorded order with their geometry; populations within a slab and an array cache."""
    ram, cpus = machine.split("-")[1:]
    box = Box(Config(ram={"128m": 128, "512m": 512, "1g": 1024, "2g": 2048}[ram] << 20, cpus=int(cpus[0])))
    ours = [row.split() for row in slabinfo.show(box).splitlines()[2:]]
    theirs = [row.split() for row in (REFERENCE / machine / "slabinfo").read_text().splitlines()[2:]]
    assert [row[0] for row in ours] == [row[0] for row in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert our[3:6] == their[3:6], our[0]
        assert our[8:11] == their[8:11], our[0]
        per_slab, limit = int(their[4]), int(their[8])
        assert abs(int(our[2]) - int(their[2])) <= per_slab + limit, (our[0], our[2], their[2])


@pytest.mark.parametrize("machine", ["boot-128m-1cpu", "boot-512m-1cpu", "boot-1g-1cpu", "boot-2g-2cpu"])
def test_from_a_recording_the_rows_are_the_recorded_ones(machine: str) -> None:
    """All but the two caches of which memsh's own processes and disk need more than the recorded machine had."""
    texts = {path.name: path.read_text() for path in (REFERENCE / machine).iterdir()}
    box = from_recording(Config(cpus=int(machine[-4])), texts)
    differ = set(slabinfo.show(box).splitlines()) ^ set(texts["slabinfo"].splitlines())
    assert {line.split()[0] for line in differ} <= {"ext4_inode_cache", "vm_area_struct"}
    assert check(box) == []


@pytest.mark.parametrize("line", ["teapot 1 2 3", "a b c d e f g h i j k l m n o p"])
def test_a_slabinfo_that_is_none_is_refused(line: str) -> None:
    texts = {"freelists.txt": (REFERENCE / "boot-128m-1cpu" / "freelists.txt").read_text(), "slabinfo": line + "\n"}
    with pytest.raises(ValueError, match="slabinfo"):
        from_recording(Config(), texts)
