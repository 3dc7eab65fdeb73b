"""Files in memory: stretches give what single pages give, nothing written is lost, dirty pages reach the disk."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_SHARED
from memsh.linux.include.memmap import K_FILE, PG_ACTIVE, PG_READAHEAD, PG_RECLAIM
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.kernel.sysctl import put
from memsh.linux.mm.filemap.pagecache import add_to_page_cache, delete_from_page_cache, invalidate_mapping_pages
from memsh.linux.mm.lru import mark_page_accessed
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.page_alloc.available import dirty_limits
from memsh.linux.mm.shmem.shmem import TMPFS_DEV
from memsh.machines.box import Box


@pytest.fixture
def box() -> Box:
    return Box(Config(ram=128 * MIB))


def state(box: Box, mapping: AddressSpace) -> tuple[Any, ...]:
    flags = box.memmap.flags
    pages = [(index, pfn, flags[pfn]) for index, pfn in mapping.pages.items()]
    zones = [(zone.nr_free, sorted(zone.stat.items())) for zone in box.pages.zones]
    return pages, zones, sorted(box.vmstat.items()), box.timer.usec, mapping.reading


def add_slowly(
    box: Box, mapping: AddressSpace, index: int, count: int, gfp: int, extra: int = 0, shadows: list[int] | None = None
) -> list[int]:
    """add_run(), page by page."""
    assert shadows is None or shadows == [mapping.pages.value(index + n) for n in range(count)]
    pfns = []
    for n in range(count):
        pfn = box.pages.alloc_pages(gfp, 0, K_FILE)
        if not pfn:
            break
        add_to_page_cache(box, mapping, index + n, pfn, extra=extra)
        pfns.append(pfn)
    return pfns


def mark_slowly(box: Box, pfns: list[int]) -> None:
    for pfn in pfns:
        mark_page_accessed(box, pfn)


@pytest.mark.parametrize("chunk", [512, 4096, 10000, 131072, 3 * MIB])
def test_stretches_give_what_pages_give(box: Box, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    other = box.copy()

    def run(box: Box) -> list[tuple[Any, ...]]:
        box.fs.mkfile("/data", 3 * MIB + 1234)
        file = box.fs.open("/data")
        found = []
        for _ in range(2):
            position = 0
            while position < 3 * MIB + 1234:
                assert box.fs.skip(file, position, chunk) == min(chunk, 3 * MIB + 1234 - position)
                position += chunk
            found.append(state(box, file.inode.mapping))  # type: ignore[arg-type]
            mapping = file.inode.mapping
            assert mapping is not None
            for n in (*range(20, 200), 210, 211, 300, 500, 501):
                delete_from_page_cache(box, mapping, n, shadow=4 * n + 1)
            assert check(box) == []
        zeros = box.fs.open(box.fs.path_of(box.fs.create("/zeros")), writable=True)
        box.fs.write_zeros(zeros, 100, 2 * MIB)
        found.append(state(box, zeros.inode.mapping))  # type: ignore[arg-type]
        assert check(box) == []
        return found

    quick = run(box)
    monkeypatch.setattr("memsh.linux.mm.filemap.readahead.add_run", add_slowly)
    monkeypatch.setattr("memsh.linux.mm.filemap.filemap.add_run", add_slowly)
    monkeypatch.setattr("memsh.linux.mm.filemap.filemap.mark_pages_accessed", mark_slowly)
    assert run(other) == quick


def test_read_ahead_does_not_wait(box: Box) -> None:
    box.fs.mkfile("/data", MIB)
    file = box.fs.open("/data")
    box.fs.read(file, 0, 4096)
    mapping = file.inode.mapping
    assert mapping is not None
    start = len(mapping.pages)
    assert start > 1
    marked = [index for index, pfn in mapping.pages.items() if box.memmap.flags[pfn] & PG_READAHEAD]
    assert len(marked) == 1
    box.fs.read(file, marked[0] << 12, 4096)
    assert len(mapping.pages) > start
    assert mapping.being_read(start, box.timer.usec) > box.timer.usec
    assert not mapping.being_read(marked[0], box.timer.usec)


def test_the_flusher_writes_what_is_old(box: Box) -> None:
    file = box.fs.open(box.fs.path_of(box.fs.create("/log")), writable=True)
    box.fs.write(file, 0, b"x" * 10000)
    assert box.vmstat["nr_dirty"] == box.vmstat["nr_dirtied"] == 3
    box.timer.advance(29_000_000)
    assert box.vmstat["nr_dirty"] == 3 and box.vmstat["nr_written"] == 0
    box.timer.advance(6_000_000)
    assert box.vmstat["nr_dirty"] == 0 and box.vmstat["nr_written"] == 3
    assert check(box) == []


def test_intervals_can_be_set(box: Box) -> None:
    put(box, "vm.dirty_expire_centisecs", "100")
    put(box, "vm.dirty_writeback_centisecs", "50")
    file = box.fs.open(box.fs.path_of(box.fs.create("/log")), writable=True)
    box.fs.write(file, 0, b"x" * 10000)
    box.timer.advance(900_000)
    assert box.vmstat["nr_written"] == 0
    box.timer.advance(700_000)
    assert box.vmstat["nr_written"] == 3
    put(box, "vm.dirty_writeback_centisecs", "0")
    box.fs.write(file, 0, b"y")
    box.timer.advance(60_000_000)
    assert box.vmstat["nr_dirty"] == 1


def test_a_page_is_under_writeback_until_the_disk_is_done(box: Box) -> None:
    file = box.fs.open(box.fs.path_of(box.fs.create("/out")), writable=True)
    put(box, "vm.dirty_background_bytes", str(MIB))
    box.fs.write_zeros(file, 0, 2 * MIB)
    assert box.vmstat["nr_dirty"] == 512 and box.vmstat["nr_writeback"] == 0
    box.timer.advance(10)
    assert box.vmstat["nr_writeback"] > 0
    assert check(box) == []
    box.timer.advance(1_000_000)
    assert box.vmstat["nr_writeback"] == 0
    assert 0 < box.vmstat["nr_dirty"] <= 256
    assert check(box) == []


def test_a_fast_writer_waits_for_the_disk(box: Box) -> None:
    file = box.fs.open(box.fs.path_of(box.fs.create("/out")), writable=True)
    start, most = box.timer.usec, 0
    for at in range(48):
        box.fs.write_zeros(file, at * MIB, MIB)
        most = max(most, box.vmstat["nr_dirty"] + box.vmstat["nr_writeback"])
    background, limit = dirty_limits(box)
    assert box.timer.usec > start
    assert (background + limit) // 2 < most < limit
    box.fs.sync()
    assert box.vmstat["nr_dirty"] == box.vmstat["nr_writeback"] == 0
    assert box.vmstat["nr_written"] == box.vmstat["nr_dirtied"] == 48 * 256
    assert check(box) == []


def test_a_store_during_writeback_is_written_again(box: Box) -> None:
    task = box.current
    assert task.mm is not None
    box.fs.mkfile("/data", 4 * 4096)
    file = box.fs.open("/data", writable=True)
    addr = vma.sys_mmap(box, task.mm, 0, 4 * 4096, 3, MAP_SHARED, file=file)
    uaccess.write(box, task, addr, b"first")
    assert box.vmstat["nr_dirty"] == 1
    mapping = file.inode.mapping
    assert mapping is not None
    before = task.minflt
    box.fs.sync()
    assert box.vmstat["nr_dirty"] == 0
    uaccess.write(box, task, addr, b"second")
    assert box.vmstat["nr_dirty"] == 1 and task.minflt == before + 1
    assert check(box) == []
    box.fs.sync()
    assert mapping.written[0].startswith(b"second")
    assert uaccess.peek(box, task, addr, 6) == b"second"


def test_a_hole_reads_as_zeros(box: Box) -> None:
    box.fs.mkfile("/data", 5000)
    file = box.fs.open("/data", writable=True)
    box.fs.write(file, 20000, b"end")
    box.fs.sync()
    box.fs.drop_pagecache()
    assert box.fs.read(file, 5000, 20003) == bytes(15000) + b"end"
    assert box.fs.read(file, 0, 5000) != bytes(5000)


class Files(RuleBasedStateMachine):
    """Files against plain bytes."""

    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.box = Box(Config(ram=32 * MIB))
        self.model: dict[str, bytearray] = {}

    @rule(target=names, name=st.sampled_from(["/a", "/b", "/dev/shm/c"]))
    def name(self, name: str) -> str:
        return name

    @rule(name=names, at=st.integers(0, 400_000), size=st.integers(1, 300_000), zeros=st.booleans())
    def write(self, name: str, at: int, size: int, zeros: bool) -> None:
        fs = self.box.fs
        if name not in self.model:
            fs.create(name)
            self.model[name] = bytearray()
        model = self.model[name]
        text = bytes(size) if zeros else bytes([at % 255 + 1]) * size
        file = fs.open(name, writable=True)
        assert (fs.write_zeros(file, at, size) if zeros else fs.write(file, at, text)) == size
        fs.fput(file)
        model.extend(bytes(max(0, at + size - len(model))))
        model[at : at + size] = text

    @rule(name=names, size=st.integers(0, 500_000))
    def truncate(self, name: str, size: int) -> None:
        if name in self.model:
            self.box.fs.truncate(name, size)
            model = self.model[name]
            del model[size:]
            model.extend(bytes(size - len(model)))

    @rule(name=names)
    def unlink(self, name: str) -> None:
        if self.model.pop(name, None) is not None:
            self.box.fs.unlink(name)
        else:
            with pytest.raises(KernelError):
                self.box.fs.unlink(name)

    @rule()
    def sync(self) -> None:
        self.box.fs.sync()
        assert self.box.vmstat["nr_dirty"] == 0

    @rule(usec=st.sampled_from([100, 5_000_000, 31_000_000]))
    def pass_time(self, usec: int) -> None:
        self.box.timer.advance(usec)

    @rule(value=st.sampled_from(["1", "2", "3"]))
    def drop_caches(self, value: str) -> None:
        put(self.box, "vm.drop_caches", value)

    @rule(name=names, at=st.integers(0, 500_000), size=st.integers(0, 200_000))
    def read(self, name: str, at: int, size: int) -> None:
        if name in self.model:
            file = self.box.fs.open(name)
            assert self.box.fs.read(file, at, size) == self.model[name][at : at + size]
            self.box.fs.fput(file)

    @invariant()
    def whole(self) -> None:
        assert check(self.box) == []


TestFiles = Files.TestCase
TestFiles.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_drop_caches_frees_names_and_inodes(box: Box) -> None:
    dcache = box.fs.dcache
    for n in range(300):
        box.fs.mkfile(f"/var/tmp/file{n}", 4096)
    assert len(dcache.dentries) == 300 and not dcache.inodes
    put(box, "vm.drop_caches", "1")
    assert len(dcache.dentries) == 300
    kept = box.fs.open("/var/tmp/file7")
    put(box, "vm.drop_caches", "2")
    assert not dcache.dentries and not dcache.inodes
    assert box.fs.lookup("/var/tmp/file8").addr == 0 and kept.inode.addr
    assert box.fs.lookup("/var/tmp").dentry and not box.fs.lookup("/var/log").dentry
    assert box.vmstat["slabs_scanned"] >= 600
    assert check(box) == []
    assert box.vmstat["drop_pagecache"] == box.vmstat["drop_slab"] == 1
    start = box.timer.usec
    box.fs.fput(box.fs.open("/var/tmp/file299"))
    assert box.fs.lookup("/var/tmp/file299").addr and box.timer.usec == start  # its block is still in Buffers


def test_pages_that_drop_caches_cannot_free_are_deactivated(box: Box) -> None:
    file = box.fs.open(box.fs.path_of(box.fs.create("/dev/shm/x")), writable=True)
    box.fs.write(file, 0, bytes(20 * 4096))
    assert file.inode.mapping is not None
    pfns = file.inode.mapping.pages.values()
    for pfn in pfns:
        mark_page_accessed(box, pfn)
        mark_page_accessed(box, pfn)
    flags, before = box.memmap.flags, box.vmstat.copy()
    assert all(flags[pfn] & PG_ACTIVE for pfn in pfns)
    assert invalidate_mapping_pages(box, file.inode.mapping) == 0  # by 15: the rest waits on the way
    assert [bool(flags[pfn] & PG_ACTIVE) for pfn in pfns] == [False] * 15 + [True] * 5
    assert all(flags[pfn] & PG_RECLAIM for pfn in pfns[:15])
    assert box.lru_deactivate_file == pfns[15:]
    assert box.vmstat["nr_active_anon"] == before["nr_active_anon"] - 15
    assert box.vmstat["pgdeactivate"] - before.get("pgdeactivate", 0) == 15 and "pgrotated" not in box.vmstat
    put(box, "vm.drop_caches", "1")  # the next file's batch lets them arrive
    assert not any(flags[pfn] & PG_ACTIVE for pfn in pfns)
    box.fs.write(file, 0, bytes(4096))  # written to, a page need not go soon
    assert not flags[pfns[0]] & PG_RECLAIM
    assert check(box) == []


def test_a_file_that_goes_leaves_nothing_on_the_way(box: Box) -> None:
    file = box.fs.open(box.fs.path_of(box.fs.create("/dev/shm/x")), writable=True)
    box.fs.write(file, 0, bytes(20 * 4096))
    assert file.inode.mapping is not None
    invalidate_mapping_pages(box, file.inode.mapping)
    assert len(box.lru_deactivate_file) == 5
    box.fs.fput(file)
    box.fs.unlink("/dev/shm/x")
    assert not box.lru_deactivate_file
    assert check(box) == []


def test_an_inode_takes_its_pages_along(box: Box) -> None:
    box.fs.mkfile("/data", MIB)
    file = box.fs.open("/data")
    box.fs.skip(file, 0, MIB)
    box.fs.fput(file)
    put(box, "vm.drop_caches", "2")
    assert box.vmstat["pginodesteal"] == 256
    assert box.fs.lookup("/data").addr == 0
    assert check(box) == []


def test_tmpfs_holds_half_of_memory(box: Box) -> None:
    pages = sum(zone.managed for zone in box.pages.zones) // 2
    file = box.fs.open(box.fs.path_of(box.fs.create("/dev/shm/x")), writable=True)
    before = box.vm.commit
    assert box.fs.write_zeros(file, 0, 100 * MIB) == pages << 12
    assert box.vm.commit == before + pages and box.vmstat["nr_dirty"] == 0
    with pytest.raises(KernelError, match="No space"):
        box.fs.write(file, pages << 12, b"x")
    assert check(box) == []
    box.fs.fput(file)
    box.fs.unlink("/dev/shm/x")
    assert box.vm.commit == before and box.fs.tmpfs[TMPFS_DEV].used_blocks == 0
    assert check(box) == []


@pytest.mark.parametrize("way", ["drop", "cut", "rm"])
def test_nodes_go_as_pages_go(box: Box, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    box.fs.mkfile("/data", 900_000)
    file = box.fs.open("/data", writable=True)
    box.fs.skip(file, 0, 900_000)
    box.fs.write(file, 100_000, b"x" * 50_000)
    box.fs.sync()
    box.fs.write(file, 600_000, b"dirty")
    box.fs.fput(file)
    other = box.copy()

    def run(box: Box) -> tuple[Any, ...]:
        if way == "drop":
            box.fs.drop_pagecache()
        elif way == "cut":
            box.fs.truncate("/data", 70_000)
        else:
            box.fs.unlink("/data")
        assert check(box) == []
        lists = [[list(blocks) for blocks in zone.lists] + [list(pages) for pages in zone.pcp.lists]
                 for zone in box.pages.zones]  # fmt: skip
        return lists, sorted(box.vmstat.items())

    quick = run(box)
    monkeypatch.setattr("memsh.linux.mm.filemap.pagecache._plain_leaf", lambda *_: False)
    assert run(other) == quick


def test_a_page_that_the_disk_still_writes_is_not_submitted_again(box: Box) -> None:
    file = box.fs.open(box.fs.path_of(box.fs.create("/out")), writable=True)
    put(box, "vm.dirty_background_bytes", "8192")
    box.fs.write(file, 0, b"x" * 400_000)
    box.timer.advance(10)
    assert box.vmstat["nr_writeback"] > 50
    box.fs.write(file, 0, b"y" * 400_000)
    box.timer.advance(10)
    assert check(box) == []
    box.fs.sync()
    assert box.vmstat["nr_dirty"] == box.vmstat["nr_writeback"] == 0
    box.fs.drop_pagecache()
    assert box.fs.read(file, 0, 400_000) == b"y" * 400_000


@pytest.mark.parametrize("cached", [False, True])
def test_what_is_cut_off_does_not_come_back(box: Box, cached: bool) -> None:
    file = box.fs.open(box.fs.path_of(box.fs.create("/out")), writable=True)
    box.fs.write(file, 0, b"x" * 10_000)
    box.fs.sync()
    if not cached:
        box.fs.drop_pagecache()
    box.fs.truncate("/out", 5000)
    box.fs.sync()
    box.fs.drop_pagecache()
    box.fs.truncate("/out", 10_000)
    assert box.fs.read(file, 0, 10_000) == b"x" * 5000 + bytes(5000)
    assert check(box) == []


def test_stores_beyond_the_end_are_not_written(box: Box) -> None:
    task = box.current
    assert task.mm is not None
    file = box.fs.open(box.fs.path_of(box.fs.create("/out")), writable=True)
    box.fs.write(file, 0, b"abc")
    addr = vma.sys_mmap(box, task.mm, 0, 4096, 3, MAP_SHARED, file=file)
    uaccess.write(box, task, addr, b"abcdefgh")
    vma.do_munmap(box, task.mm, addr, 4096)
    box.fs.sync()
    box.fs.drop_pagecache()
    box.fs.truncate("/out", 8)
    assert box.fs.read(file, 0, 8) == b"abc" + bytes(5)
