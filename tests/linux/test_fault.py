"""Faults: their number and kind, what they leave behind, and that whole ranges do what single pages do."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memsh.inspect.check_mm import check_mm
from memsh.linux.arch.x86.paging import walk
from memsh.linux.config import MIB, Config
from memsh.linux.fs.task_mmu import collect
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED
from memsh.linux.include.sched import Task
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import BusError, Killed, Segfault
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box

ANON = MAP_PRIVATE | MAP_ANONYMOUS
RW = 3
PLACE = 0x50000000
_BASE = Box(Config(ram=64 * MIB))


@pytest.fixture
def box() -> Box:
    return _BASE.copy()


@pytest.fixture
def task(box: Box) -> Task:
    return box.current


def area(box: Box, length: int, prot: int = RW, flags: int = ANON) -> int:
    assert box.current.mm is not None
    return vma.sys_mmap(box, box.current.mm, 0, length, prot, flags)


def rss(task: Task) -> int:
    assert task.mm is not None
    return task.mm.get_rss()


def test_zero_page_then_a_page_of_its_own(box: Box, task: Task) -> None:
    addr, before = area(box, 0x8000), rss(task)
    result = touch_range(box, task, addr, 0x8000, False)
    assert (result.minflt, result.majflt, rss(task)) == (8, 0, before)
    assert result.notes == ["zero page, RSS unchanged"]
    assert touch_range(box, task, addr, 0x8000, False).minflt == 0
    assert touch_range(box, task, addr, 0x8000, True).minflt == 8
    assert rss(task) == before + 8
    assert check_mm(box) == []


def test_fork_copies_on_write_and_the_last_one_keeps_the_page(box: Box, task: Task) -> None:
    addr = area(box, 0x10000)
    touch_range(box, task, addr, 0x10000, True)
    assert task.mm is not None
    frame = walk(task.mm, addr).pfn
    child = vma.dup_mmap(box, task.mm)
    other = Task(999, 1, "child")
    other.mm = child
    result = touch_range(box, other, addr, 0x4000, True)
    assert (result.minflt, result.notes) == (4, ["copy-on-write"])
    reused = box.vmstat["pgreuse"]
    assert touch_range(box, task, addr, 0x4000, True).minflt == 4
    assert box.vmstat["pgreuse"] == reused + 4
    assert walk(task.mm, addr).pfn == frame != walk(child, addr).pfn
    assert touch_range(box, other, addr, 0x10000, False).minflt == 0
    vma.exit_mmap(box, child)
    assert touch_range(box, task, addr, 0x10000, True).minflt == 12
    assert check_mm(box) == []


def test_code_that_nobody_has_mapped_comes_from_the_disk(box: Box, task: Task) -> None:
    box.fs.install("/opt/program", 300 * 4096)
    file = box.fs.open("/opt/program")
    assert task.mm is not None
    addr = vma.sys_mmap(box, task.mm, PLACE, 300 * 4096, 5, MAP_PRIVATE | MAP_FIXED, file)
    first = touch_range(box, task, addr + 0x20000, 1, False)
    assert (first.minflt, first.majflt) == (0, 1)
    assert file.inode.mapping is not None and len(file.inode.mapping.pages) == 32  # 128 KiB around the fault
    assert touch_range(box, task, addr + 0x21000, 1, False).minflt == 0
    cached = touch_range(box, task, addr + 0x1F000, 1, False)
    assert (cached.minflt, cached.majflt) == (1, 0)
    assert cached.notes == ["fault-around mapped 16 pages"]
    other = Task(999, 1, "other")
    other.mm = vma.dup_mmap(box, task.mm)
    assert touch_range(box, other, addr + 0x20000, 1, False) [:2] == (1, 0)
    vma.exit_mmap(box, other.mm)
    touch_range(box, task, addr, 300 * 4096, False)
    assert check_mm(box) == []


def test_who_asks_the_disk_for_what_comes_next_takes_the_fault_again(box: Box, task: Task) -> None:
    """Figures as recorded of a file on ext4: a page with read-ahead's mark is a major fault of the task, and counts
    twice in pgfault, not in pgmajfault."""
    box.fs.install("/opt/cold", 1024 * 4096)
    assert task.mm is not None
    addr = vma.sys_mmap(box, task.mm, PLACE, 1024 * 4096, 3, MAP_PRIVATE | MAP_FIXED, box.fs.open("/opt/cold"))
    faults = []
    for place, pages, write in ((0, 1, True), (1, 63, True), (64, 64, False)):
        before = box.vmstat["pgfault"], box.vmstat["pgmajfault"]
        result = touch_range(box, task, addr + place * 4096, pages * 4096, write)
        faults.append((result.minflt, result.majflt, box.vmstat["pgfault"] - before[0],
                       box.vmstat["pgmajfault"] - before[1]))  # fmt: skip
    assert faults == [(0, 1, 2, 1), (61, 2, 65, 0), (2, 2, 6, 0)]
    assert check_mm(box) == []


def test_private_write_to_a_file_leaves_the_file_alone(box: Box, task: Task) -> None:
    file = box.fs.open("/etc/passwd", writable=True)
    assert task.mm is not None
    private = vma.sys_mmap(box, task.mm, 0, 4096, RW, MAP_PRIVATE, file)
    shared = vma.sys_mmap(box, task.mm, 0, 4096, RW, MAP_SHARED, file)
    assert touch_range(box, task, private, 1, True)[:2] == (0, 1)
    assert box.vmstat["nr_dirty"] == 0
    assert touch_range(box, task, shared, 1, False)[:2] == (1, 0)
    assert touch_range(box, task, shared, 1, True)[:2] == (1, 0)  # a shared file page's first write is seen
    assert box.vmstat["nr_dirty"] == 1
    box.fs.sync()
    assert box.vmstat["nr_dirty"] == 0
    assert check_mm(box) == []


@pytest.mark.parametrize(
    ("addr", "write", "code", "kind"),
    [
        (0, False, 4, 1), (0, True, 6, 1), (0xB0000000, True, 6, 1), (0xC0000000, False, 5, 1),
        (0xFFFFFFFF, True, 7, 1), (0x08048000, True, 7, 2),
    ],
)  # fmt: skip
def test_segmentation_faults(box: Box, task: Task, addr: int, write: bool, code: int, kind: int) -> None:
    touch_range(box, task, 0x08048000, 1, False)
    with pytest.raises(Segfault) as caught:
        touch_range(box, task, addr, 1, write)
    assert (caught.value.addr, caught.value.error_code, caught.value.si_code) == (addr, code, kind)


def test_protection_none(box: Box, task: Task) -> None:
    addr = area(box, 0x2000)
    touch_range(box, task, addr, 0x2000, True)
    assert task.mm is not None
    vma.do_mprotect(box, task.mm, addr, 0x2000, 0)
    with pytest.raises(Segfault) as caught:
        touch_range(box, task, addr, 1, False)
    assert (caught.value.error_code, caught.value.si_code) == (4, 2)
    vma.do_mprotect(box, task.mm, addr, 0x2000, RW)
    assert touch_range(box, task, addr, 0x2000, True).minflt == 0
    assert check_mm(box) == []


def test_the_stack_grows_to_its_limit(box: Box, task: Task) -> None:
    assert touch_range(box, task, 0xC0000000 - (8 << 20), 4096, True).minflt == 1
    with pytest.raises(Segfault):
        touch_range(box, task, 0xC0000000 - (8 << 20) - 1, 1, True)
    assert task.mm is not None and task.mm.stack_vm == 2048


def test_the_stack_stays_away_from_what_lies_below(box: Box, task: Task) -> None:
    assert task.mm is not None
    wall = 0xC0000000 - (4 << 20)
    vma.sys_mmap(box, task.mm, wall, 4096, RW, ANON | MAP_FIXED)
    touch_range(box, task, wall + 4096 + (256 << 12), 1, True)
    with pytest.raises(Segfault):
        touch_range(box, task, wall + 4096 + (255 << 12), 1, True)


def test_bus_error_past_the_end_of_a_file(box: Box, task: Task) -> None:
    file = box.fs.open("/etc/passwd")
    assert task.mm is not None
    addr = vma.sys_mmap(box, task.mm, 0, 0x4000, 1, MAP_PRIVATE, file)
    with pytest.raises(BusError):
        touch_range(box, task, addr, 0x4000, False)
    assert check_mm(box) == []


def test_memory_runs_out(box: Box, task: Task) -> None:
    box.vm.overcommit_memory = 1
    addr = area(box, 100 * MIB)
    before = task.minflt
    with pytest.raises(Killed):
        touch_range(box, task, addr, 100 * MIB, True)
    assert task.minflt - before > 1000
    assert check_mm(box) == []


def test_address_space_of_a_gone_process_is_given_back(box: Box, task: Task) -> None:
    assert task.mm is not None
    free = [zone.nr_free + zone.pcp.count for zone in box.pages.zones]
    tables = box.vmstat["nr_page_table_pages"]
    child = vma.dup_mmap(box, task.mm)
    other = Task(999, 1, "child")
    other.mm = child
    addr = vma.sys_mmap(box, child, 0, 8 * MIB, RW, ANON)
    touch_range(box, other, addr, 8 * MIB, True)
    vma.exit_mmap(box, child)
    assert box.vmstat["nr_page_table_pages"] == tables
    assert sum(free) - sum(zone.nr_free + zone.pcp.count for zone in box.pages.zones) < 32  # slabs stay, pages do not
    assert check_mm(box) == []


ACTION = st.tuples(
    st.sampled_from(("write", "read", "fork", "back", "dontneed", "protect", "shared")),
    st.integers(0, 2100),
    st.integers(1, 1300),
)


def act(box: Box, action: tuple[str, int, int], addr: int, singly: bool) -> None:
    name, page, pages = action
    task = box.current
    start = addr + (page << 12)
    length = min(pages, 2200 - page) << 12
    assert task.mm is not None
    if name in ("write", "read"):
        steps = range(start, start + length, 4096) if singly else (start,)
        for at in steps:
            touch_range(box, task, at, 1 if singly else length, name == "write")
    elif name == "fork":
        child = vma.dup_mmap(box, task.mm)
        if page % 2:
            vma.exit_mmap(box, child)
    elif name == "dontneed":
        vma.do_madvise(box, task.mm, start, length, 4)
    elif name == "protect":
        vma.do_mprotect(box, task.mm, start, length, 1)
        vma.do_mprotect(box, task.mm, start, length, RW)


def state(box: Box) -> tuple[object, ...]:
    memmap = box.memmap
    columns = tuple(
        bytes(column.cast("B"))
        for column in (memmap.refcount, memmap.mapcount, memmap.flags, memmap.mapping, memmap.index, memmap.kind)
    )
    tables = [
        (mm.rss, mm.nr_ptes, [(index, table.pfn, bytes(table.ptes)) for index, table in sorted(mm.tables.items())])
        for mm in box.vm.mms.values()
    ]
    zones = [(zone.name, zone.nr_free, dict(zone.stat), zone.pcp.count) for zone in box.pages.zones]
    return columns, tables, dict(box.vmstat), zones, box.current.minflt, box.current.majflt


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ACTION, min_size=1, max_size=6))
def test_ranges_leave_what_single_pages_leave(actions: list[tuple[str, int, int]]) -> None:
    boxes = [_BASE.copy(), _BASE.copy()]
    places = [area(box, 2200 << 12) for box in boxes]
    for action in actions:
        for box, addr, singly in zip(boxes, places, (True, False), strict=True):
            act(box, action, addr, singly)
    assert state(boxes[0]) == state(boxes[1])
    assert check_mm(boxes[1]) == []
    for box in boxes:
        assert box.current.mm is not None
        mm = box.current.mm
        assert sum(collect(box, mm, vma).resident for vma in mm.mmap) == mm.get_rss() << 12
