"""Compaction: pages move, what they hold and who maps them stays; large blocks become free."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.linux.arch.x86.paging import walk
from memsh.linux.config import MIB, Config
from memsh.linux.include.flags import GFP_HIGHUSER_MOVABLE, GFP_KERNEL, MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED
from memsh.linux.include.memmap import K_HUGETLB, PG_READAHEAD
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.compaction.compaction import (
    COMPACT_COMPLETE,
    COMPACT_DEFERRED,
    COMPACT_PARTIAL_SKIPPED,
    COMPACT_PRIO_ASYNC,
    COMPACT_PRIO_SYNC_LIGHT,
    COMPACT_SKIPPED,
    COMPACT_SUCCESS,
    compact_node,
    try_to_compact_pages,
)
from memsh.linux.mm.compaction.isolate import pageblock_skip_persistent
from memsh.linux.mm.compaction.migrate import MIGRATE_ASYNC, MIGRATE_SYNC, isolate_page, migrate_pages
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.page_alloc.fragmentation import extfrag_for_order, fragmentation_index, free_counts
from memsh.machines.box import Box
from memsh.procfs.node import Directory, ProcFile
from memsh.procfs.sys_node import find as find_node

_BASE = Box(Config(ram=128 * MIB))


def checkerboard(box: Box, length: int, flags: int = MAP_PRIVATE | MAP_ANONYMOUS) -> int:
    """An area of which every other page was given back: free memory in single pages."""
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, length, 3, flags)
    touch_range(box, box.current, addr, length, True)
    for at in range(addr, addr + length, 8192):
        vma.do_madvise(box, mm, at, 4096, 4)
    box.pages.drain_all_pages()
    for order in range(10, 4, -1):  # what is left in large blocks is in use by somebody
        while any(zone.nr_blocks(order) for zone in box.pages.zones[:2]):
            assert box.pages.alloc_pages(0x400 | 0x20000, order)  # GFP_NOWAIT | __GFP_NOMEMALLOC
    return addr


@pytest.fixture
def box() -> Box:
    return _BASE.copy()


def test_everything_is_compacted_and_nothing_is_lost(box: Box) -> None:
    addr = checkerboard(box, 96 * MIB)
    task = box.current
    for n in range(64):
        uaccess.write(box, task, addr + 4096 + 8192 * n, b"page %d" % n)
    child = kernel_clone(box, task)
    normal = box.pages.zones[1]
    before, frames = free_counts(normal), box.vmstat["nr_anon_pages"]
    sysctl.put(box, "vm.compact_memory", "1")
    after = free_counts(normal)
    assert before[0] > 10_000 and sum(before[5:]) < 10
    assert after[0] < before[0] // 5 and after[10] >= 8
    assert extfrag_for_order(normal, 9) < 20
    assert box.vmstat["nr_anon_pages"] == frames and box.vmstat["nr_isolated_anon"] == 0
    assert box.vmstat["pgmigrate_success"] > 5000 and box.vmstat["pgmigrate_fail"] < 100
    assert check(box) == []
    for n in range(64):
        assert uaccess.read(box, task, addr + 4096 + 8192 * n, 7) == (b"page %d" % n).ljust(7, b"\0")
    assert task.mm is not None and child.mm is not None
    assert walk(child.mm, addr + 4096).pfn == walk(task.mm, addr + 4096).pfn


def test_shared_pages_stay_shared(box: Box) -> None:
    addr = checkerboard(box, 8 * MIB, MAP_SHARED | MAP_ANONYMOUS)
    uaccess.write(box, box.current, addr + 4096, b"both see it")
    compact_node(box, box.pages.nodes[0])
    assert check(box) == []
    assert uaccess.read(box, box.current, addr + 4096, 11) == b"both see it"


def test_direct_compaction_makes_a_block(box: Box) -> None:
    checkerboard(box, 96 * MIB)
    normal = box.pages.zones[1]
    counts = free_counts(normal)
    assert fragmentation_index(7, counts) > 900
    zones = (normal, box.pages.zones[0])
    status, _ = try_to_compact_pages(box, GFP_KERNEL, 7, 0, zones, 1, COMPACT_PRIO_SYNC_LIGHT)
    assert status == COMPACT_SUCCESS
    assert sum(free_counts(normal)[7:])
    assert box.vmstat["compact_migrate_scanned"] and box.vmstat["compact_free_scanned"]
    assert check(box) == []


def test_too_little_free_memory_is_not_compacted(box: Box) -> None:
    addr = checkerboard(box, 96 * MIB)
    while box.pages.zones[1].nr_free > box.pages.zones[1].wmark_min + 40:
        if not box.pages.alloc_pages(0x400, 0):
            break
    zones = (box.pages.zones[1],)
    assert try_to_compact_pages(box, GFP_KERNEL, 6, 0, zones, 1, COMPACT_PRIO_ASYNC) == (COMPACT_SKIPPED, 0)
    assert try_to_compact_pages(box, 0x400, 6, 0, zones, 1, COMPACT_PRIO_ASYNC) == (COMPACT_SKIPPED, 0)
    assert addr and check(box) == []


def test_a_run_that_does_not_help_is_put_off(box: Box) -> None:
    pages = box.pages
    held = [pages.alloc_pages(GFP_KERNEL, 0) for _ in range(18_000)]
    for pfn in held[::2]:
        pages.free_pages(pfn, 0)
    pages.drain_all_pages()
    zones = (pages.zones[1],)
    results = [try_to_compact_pages(box, GFP_KERNEL, 10, 0, zones, 1, COMPACT_PRIO_SYNC_LIGHT)[0] for _ in range(8)]
    if results[0] in (COMPACT_COMPLETE, COMPACT_PARTIAL_SKIPPED):
        assert COMPACT_DEFERRED in results
    assert check(box) == []


def test_kcompactd_works_when_the_clock_moves(box: Box) -> None:
    checkerboard(box, 96 * MIB)
    box.pages.nodes[0].kcompactd.wakeup(7, 1)
    assert box.vmstat["compact_daemon_wake"] == 0
    box.timer.advance(10_000)
    assert box.vmstat["compact_daemon_wake"] == 1
    assert box.vmstat["compact_daemon_migrate_scanned"] > 0
    assert sum(free_counts(box.pages.zones[1])[7:])
    assert check(box) == []


def test_kcompactd_looks_by_itself_at_what_it_was_asked_in_vain(box: Box) -> None:
    kcompactd = box.pages.nodes[0].kcompactd
    kcompactd.wakeup(10, 1)  # a block is free: nothing to do, so it sleeps on
    assert kcompactd.max_order == 10
    box.timer.advance(600_000)
    assert (box.vmstat["compact_daemon_wake"], kcompactd.max_order) == (1, 0)
    box.timer.advance(5_000_000)
    assert box.vmstat["compact_daemon_wake"] == 1


def test_writing_the_proactiveness_wakes_kcompactd(box: Box) -> None:
    checkerboard(box, 96 * MIB)
    sysctl.put(box, "vm.compaction_proactiveness", "0")
    box.timer.advance(2_000_000)  # what the allocations asked for
    before = box.vmstat["compact_migrate_scanned"], box.vmstat["compact_daemon_wake"]
    box.timer.advance(5_000_000)
    assert (box.vmstat["compact_migrate_scanned"], box.vmstat["compact_daemon_wake"]) == before
    sysctl.put(box, "vm.compaction_proactiveness", "100")
    box.timer.advance(10_000)
    assert box.vmstat["compact_migrate_scanned"] > before[0] and box.vmstat["compact_daemon_wake"] == before[1]
    assert check(box) == []


def test_a_block_is_captured_on_its_way_to_the_free_lists() -> None:
    box = Box(Config(ram=256 * MIB, arch="x86_64"))
    checkerboard(box, 192 * MIB)
    zone = box.pages.zones[1]
    allocated = zone.allocated
    status, pfn = try_to_compact_pages(box, GFP_HIGHUSER_MOVABLE, 9, 0, (zone,), 3, COMPACT_PRIO_SYNC_LIGHT)
    assert status == COMPACT_SUCCESS and pfn and pfn % 512 == 0
    assert pfn not in zone.free and zone.compact.capture is None
    assert zone.allocated == allocated  # nobody took it from a list
    box.memmap.refcount[pfn] = 1
    box.memmap.order[pfn] = 9
    box.pages.free_pages(pfn, 9)
    assert check(box) == []


def test_huge_pages_are_stepped_over() -> None:
    box = Box(Config(ram=1024 * MIB, arch="x86_64"))
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 64 * MIB, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, 64 * MIB, True)
    huge = box.vmstat["nr_anon_transparent_hugepages"]
    compact_node(box, box.pages.nodes[0])
    assert huge and box.vmstat["nr_anon_transparent_hugepages"] == huge
    assert box.vmstat["compact_free_scanned"] < huge  # one look at each, not one at each frame
    head = walk(mm, addr + 4 * MIB & -2 * MIB).pfn
    assert head is not None and box.vmstat["compact_migrate_scanned"] > 0
    zone = box.pages.zone_of(head)
    assert all(pageblock_skip_persistent(box, zone, pfn) for pfn in (head, head + 511))
    pool = box.pages.alloc_pages(GFP_KERNEL, 9)
    assert not pageblock_skip_persistent(box, zone, pool)  # a block that is no compound page
    sysctl.put(box, "vm.nr_hugepages", "1")
    first = next(pfn for pfn in range(0, box.memmap.frames, 512) if box.memmap.kind[pfn] == K_HUGETLB)
    assert pageblock_skip_persistent(box, box.pages.zone_of(first), first + 300)
    assert check(box) == []


def test_a_page_that_somebody_holds_is_tried_ten_times(box: Box) -> None:
    addr = checkerboard(box, 8 * MIB)
    mm, memmap = box.current.mm, box.memmap
    assert mm is not None
    held, other = walk(mm, addr + 4096).pfn, walk(mm, addr + 3 * 4096).pfn
    assert held is not None and other is not None
    given: list[int] = []

    def get_new(src: int) -> int:
        given.append(box.pages.alloc_pages(GFP_HIGHUSER_MOVABLE, 0))
        return given[-1]

    memmap.refcount[held] += 1
    for pfn in (held, other):
        isolate_page(box, pfn)
    failed, moved = migrate_pages(box, [held, other], get_new, lambda pfn: box.pages.free_pages(pfn, 0), MIGRATE_SYNC)
    assert (failed, moved, len(given)) == ([held], 1, 11)
    assert (box.vmstat["pgmigrate_success"], box.vmstat["pgmigrate_fail"]) == (1, 1)
    memmap.refcount[held] -= 1
    assert walk(mm, addr + 4096).pfn == held and walk(mm, addr + 3 * 4096).pfn != other
    assert check(box) == []


def test_a_page_that_is_being_read_stays_where_it_is(box: Box) -> None:
    box.fs.mkfile("/big", MIB)
    file = box.fs.open("/big")
    box.fs.read(file, 0, 4096)
    mapping = file.inode.mapping
    assert mapping is not None
    mark = next(index for index, pfn in mapping.pages.items() if box.memmap.flags[pfn] & PG_READAHEAD)
    box.fs.read(file, mark << 12, 4096)  # asks for more, which nobody waits for
    _, last, due = mapping.reading[-1]
    pfn = mapping.pages[last - 1]
    assert due > box.timer.usec
    for mode, stays in ((MIGRATE_ASYNC, True), (MIGRATE_SYNC, False)):
        isolate_page(box, pfn)
        failed, _ = migrate_pages(
            box, [pfn], lambda _: box.pages.alloc_pages(GFP_HIGHUSER_MOVABLE, 0),
            lambda new: box.pages.free_pages(new, 0), mode,
        )  # fmt: skip
        assert (failed == [pfn]) is stays and (mapping.pages[last - 1] == pfn) is stays
        assert (box.timer.usec < due) is stays  # who may wait did
    assert check(box) == []


def test_the_file_of_a_node_compacts_that_node() -> None:
    box = Box(Config(ram=256 * MIB, arch="x86_64", cpus=2, nodes=((128 * MIB, (0,)), (128 * MIB, (1,)))))
    checkerboard(box, 160 * MIB)
    lists = [dict(zone.free) for zone in box.pages.nodes[0].zones]
    entry = find_node(box, "node1")
    assert isinstance(entry, Directory)
    compact = entry.fixed["compact"]
    assert isinstance(compact, ProcFile) and compact.store is not None and compact.show is None
    compact.store(box, "anything")
    assert box.vmstat["pgmigrate_success"] > 0
    assert [dict(zone.free) for zone in box.pages.nodes[0].zones] == lists
    assert check(box) == []


def test_a_locked_page_that_moves_is_counted_as_linux_does(box: Box) -> None:
    addr = checkerboard(box, 96 * MIB)
    mm = box.current.mm
    assert mm is not None
    place = min(range(addr + 4096, addr + 96 * MIB, 8192), key=lambda at: walk(mm, at).pfn or box.memmap.frames)
    vma.do_mlock(box, mm, place, 4096)
    names = [f"unevictable_pgs_{event}" for event in ("culled", "rescued", "mlocked", "stranded")]
    before = [box.vmstat[name] for name in names]
    frame = walk(mm, place).pfn
    compact_node(box, box.pages.nodes[0])
    assert walk(mm, place).pfn != frame
    assert [box.vmstat[name] - old for name, old in zip(names, before, strict=True)] == [1, 1, 1, 1]
    assert check(box) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 40)), min_size=1, max_size=30), st.integers(1, 10))
def test_any_pattern_of_holes(holes: list[tuple[int, int]], order: int) -> None:
    box = _BASE.copy()
    mm = box.current.mm
    assert mm is not None
    length = 20 * MIB
    addr = vma.sys_mmap(box, mm, 0, length, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, length, True)
    expect = {}
    for n in range(0, 5120, 97):
        uaccess.write(box, box.current, addr + n * 4096, n.to_bytes(4, "little"))
        expect[n] = n
    for first, count in holes:
        vma.do_madvise(box, mm, addr + first * 5 * 4096, count * 4096, 4)
        for n in range(first * 5, first * 5 + count):
            if n in expect:
                expect[n] = 0
    box.pages.drain_all_pages()
    assert try_to_compact_pages(box, GFP_KERNEL, order, 0, (box.pages.zones[1],), 1, COMPACT_PRIO_ASYNC)[1] == 0
    compact_node(box, box.pages.nodes[0])
    assert check(box) == []
    for n, value in expect.items():
        assert uaccess.read(box, box.current, addr + n * 4096, 4) == value.to_bytes(4, "little")


def test_a_block_that_had_to_be_made_is_told_as_such() -> None:
    from tests.sessions import typed_session

    session, screen = typed_session(["--ram", "96M"])
    for line in (
        "p=$(mmap 70M rw private,populate)",
        "for at in $(seq 0 65536 73334784); do madvise $((p+at+4096)) 60k dontneed > /dev/null; done",
        "while x=$(alloc_pages 4 'GFP_NOWAIT|__GFP_NOWARN' 2> /dev/null); do true; done",
        "while x=$(alloc_pages 4 'GFP_ATOMIC|__GFP_NOWARN' 2> /dev/null); do true; done",
        "while x=$(alloc_pages 4 'GFP_ATOMIC|GFP_DMA|__GFP_NOWARN' 2> /dev/null); do true; done",
    ):
        session.run(line)  # type: ignore[attr-defined]
    screen.truncate(0)
    session.run("alloc_pages 4 GFP_KERNEL")  # type: ignore[attr-defined]
    assert "pages were moved to make a block (direct compaction)" in screen.getvalue()
    assert "this CPU's list" not in screen.getvalue()
