"""Pools of huge pages: what the recorded machine counted, and everything that can happen to them with every invariant
checked after each step."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_HUGETLB,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
)
from memsh.linux.include.mempolicy import MPOL_BIND, MPOL_INTERLEAVE, MPOL_MF_MOVE
from memsh.linux.ipc.shm import IPC_CREAT, SHM_HUGETLB
from memsh.linux.kernel.exit import do_exit
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.hugetlb.reserve import ResvMap
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import BusError
from memsh.linux.mm.mempolicy import do_mbind, do_migrate_pages, do_move_pages
from memsh.linux.mm.mincore import do_mincore
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import tree

HUGE, HUGE_1G = 2 * MIB, MAP_HUGETLB | 30 << 26
PRIVATE, SHARED = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB
SYS = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
DONTNEED, FREE, REMOVE, COLD, POPULATE = 4, 8, 9, 20, 23
BOX = Box(Config(ram=GIB, arch="x86_64"))
NODES = Config(ram=256 * MIB, arch="x86_64", cpus=2, nodes=((128 * MIB, (0,)), (128 * MIB, (1,))))
TWO = Box(NODES)


def fresh(pages: int = 0, overcommit: int = 0) -> tuple[Box, Any]:
    box = BOX.copy()
    tree.store(box, "/proc/sys/vm/nr_hugepages", str(pages))
    tree.store(box, "/proc/sys/vm/nr_overcommit_hugepages", str(overcommit))
    return box, box.current.mm


def pool(box: Box) -> tuple[int, ...]:
    """Total, free, reserved, surplus."""
    rows = dict(line.split(":") for line in tree.show(box, "/proc/meminfo").splitlines())
    return tuple(int(rows[f"HugePages_{name}"]) for name in ("Total", "Free", "Rsvd", "Surp"))


def fork(box: Box) -> Any:
    task = kernel_clone(box, box.current)
    assert task is not None
    return task


def test_the_story_that_was_recorded() -> None:
    box, mm = fresh(10)
    p = vma.sys_mmap(box, mm, 0, 3 * HUGE, 3, PRIVATE)
    assert pool(box) == (10, 10, 3, 0)
    assert touch_range(box, box.current, p, HUGE, False).minflt == 1
    assert touch_range(box, box.current, p, 2 * HUGE, True).minflt == 2
    assert pool(box) == (10, 8, 1, 0)
    with pytest.raises(KernelError, match="Cannot allocate"):
        vma.sys_mmap(box, mm, 0, 16 * MIB, 3, PRIVATE)
    tree.store(box, "/proc/sys/vm/nr_overcommit_hugepages", "4")
    shared = vma.sys_mmap(box, mm, 0, 16 * MIB, 3, SHARED)
    assert pool(box) == (11, 9, 9, 1)
    assert touch_range(box, box.current, shared, 16 * MIB, True).minflt == 8
    child = fork(box)
    touch_range(box, child, p, HUGE, True)
    assert pool(box) == (12, 1, 1, 2)
    assert check(box) == []
    touch_range(box, box.current, p, 2 * HUGE, True)
    assert pool(box) == (13, 1, 1, 3)
    tree.store(box, "/proc/sys/vm/nr_hugepages", "5")
    assert pool(box) == (13, 1, 1, 8)
    vma.do_munmap(box, mm, shared, 16 * MIB)
    assert pool(box) == (13, 1, 1, 8)
    vma.do_munmap(box, mm, p, HUGE)
    assert pool(box) == (12, 1, 1, 7)
    assert check(box) == []


def test_a_small_pool_gets_what_can_be_had() -> None:
    box, _ = fresh(100000)
    total, free, _, _ = pool(box)
    assert total == free
    assert 440 < total < 490
    assert tree.show(box, "/proc/sys/vm/nr_hugepages") == f"{total}\n"
    assert box.vmstat["htlb_buddy_alloc_fail"] == 1
    assert check(box) == []
    tree.store(box, "/proc/sys/vm/nr_hugepages", "0")
    assert pool(box) == (0, 0, 0, 0)
    assert check(box) == []


def test_a_mapping_without_reservation_ends_in_sigbus() -> None:
    box, mm = fresh(2)
    p = vma.sys_mmap(box, mm, 0, 4 * HUGE, 3, PRIVATE | MAP_NORESERVE)
    assert pool(box) == (2, 2, 0, 0)
    with pytest.raises(BusError) as stopped:
        touch_range(box, box.current, p, 4 * HUGE, True)
    assert stopped.value.addr == p + 2 * HUGE
    assert check(box) == []


def test_the_owner_keeps_its_pages_and_the_child_loses_them() -> None:
    box, mm = fresh(2)
    p = vma.sys_mmap(box, mm, 0, 2 * HUGE, 3, PRIVATE)
    touch_range(box, box.current, p, 2 * HUGE, True)
    child = fork(box)
    assert touch_range(box, box.current, p, HUGE, True).minflt == 1
    assert pool(box) == (2, 0, 0, 0)
    with pytest.raises(BusError):
        touch_range(box, child, p, 1, False)
    assert "killed due to inadequate hugepage pool" in tree.show(box, "/proc/kmsg")
    assert check(box) == []


def test_what_was_written_stays_through_fork_mremap_and_mprotect() -> None:
    box, mm = fresh(8)
    p = vma.sys_mmap(box, mm, 0, 3 * HUGE, 3, PRIVATE)
    for page in range(0, 1536, 97):
        uaccess.write(box, box.current, p + (page << 12), page.to_bytes(8, "little"))
    child = fork(box)
    uaccess.write(box, child, p, b"the child")
    moved = vma.do_mremap(box, mm, p, 3 * HUGE, 3 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x7F0000000000)
    vma.do_mprotect(box, mm, moved, HUGE, 1)
    vma.do_mprotect(box, mm, moved, HUGE, 3)
    for page in range(0, 1536, 97):
        assert uaccess.read(box, box.current, moved + (page << 12), 8) == page.to_bytes(8, "little")
    assert uaccess.read(box, child, p, 9) == b"the child"
    assert check(box) == []


def test_a_freed_page_is_zeros_again() -> None:
    box, mm = fresh(1)
    p = vma.sys_mmap(box, mm, 0, HUGE, 3, PRIVATE)
    uaccess.write(box, box.current, p + 123456, b"secret")
    vma.do_munmap(box, mm, p, HUGE)
    p = vma.sys_mmap(box, mm, 0, HUGE, 3, PRIVATE)
    assert uaccess.read(box, box.current, p + 123456, 6) == bytes(6)


@pytest.mark.parametrize(("what", "errno"), [
    (lambda box, mm, p: vma.do_munmap(box, mm, p + 4096, 4096), "EINVAL"),
    (lambda box, mm, p: vma.do_munmap(box, mm, p, 4096), "EINVAL"),
    (lambda box, mm, p: vma.do_mprotect(box, mm, p, 4096, 1), "EINVAL"),
    (lambda box, mm, p: vma.do_mremap(box, mm, p, 2 * HUGE, 3 * HUGE, MREMAP_MAYMOVE), "EINVAL"),
    (lambda box, mm, p: vma.do_mremap(box, mm, p + 4096, 4096, 4096, MREMAP_MAYMOVE), "EINVAL"),
    (lambda box, mm, p: vma.do_madvise(box, mm, p, HUGE, FREE), "EINVAL"),
    (lambda box, mm, p: vma.do_madvise(box, mm, p, HUGE, COLD), "EINVAL"),
    (lambda box, mm, p: vma.do_madvise(box, mm, p + 4096, HUGE, DONTNEED), "EINVAL"),
    (lambda box, mm, p: vma.do_madvise(box, mm, p, HUGE, REMOVE), "EACCES"),
    (lambda box, mm, p: vma.sys_mmap(box, mm, 0, 0, 3, PRIVATE), "EINVAL"),
    (lambda box, mm, p: vma.sys_mmap(box, mm, 0x7F0000001000, HUGE, 3, PRIVATE | MAP_FIXED), "EINVAL"),
    (lambda box, mm, p: vma.sys_mmap(box, mm, 0, HUGE, 3, PRIVATE | 16 << 26), "EINVAL"),
    (lambda box, mm, p: vma.sys_mmap(box, mm, 0, HUGE, 3, MAP_PRIVATE | MAP_HUGETLB), "EINVAL"),
    (lambda box, mm, p: vma.sys_mmap(box, mm, 0, 1, 3, MAP_PRIVATE | MAP_ANONYMOUS | HUGE_1G), "ENOMEM"),
    (lambda box, mm, p: tree.store(box, SYS + "nr_hugepages", "many"), "EINVAL"),
    (lambda box, mm, p: tree.store(box, SYS + "nr_hugepages", "-1"), "EINVAL"),
    (lambda box, mm, p: tree.store(box, SYS + "free_hugepages", "1"), "EACCES"),
    (lambda box, mm, p: tree.store(box, "/proc/sys/vm/nr_hugepages", "-5"), "EINVAL"),
    (lambda box, mm, p: tree.store(box, SYS.replace("2048", "1048576") + "nr_overcommit_hugepages", "1"), "EINVAL"),
])  # fmt: skip
def test_what_linux_refuses_changes_nothing(what: Any, errno: str) -> None:
    box, mm = fresh(4)
    p = vma.sys_mmap(box, mm, 0, 2 * HUGE, 3, PRIVATE)
    touch_range(box, box.current, p, HUGE, True)
    before = pool(box)
    with pytest.raises(KernelError) as refused:
        what(box, mm, p)
    assert refused.value.code == errno
    assert pool(box) == before
    assert check(box) == []


def test_dontneed_ends_at_the_last_whole_huge_page() -> None:
    box, mm = fresh(3)
    p = vma.sys_mmap(box, mm, 0, 2 * HUGE, 3, PRIVATE)
    touch_range(box, box.current, p, 2 * HUGE, True)
    vma.do_madvise(box, mm, p, HUGE + 4096, DONTNEED)
    assert pool(box) == (3, 2, 0, 0)
    vma.do_madvise(box, mm, p, 4096, DONTNEED)
    assert touch_range(box, box.current, p, 2 * HUGE, True).minflt == 1
    assert check(box) == []


def test_a_hole_in_a_shared_file_of_huge_pages() -> None:
    box, mm = fresh(4)
    p = vma.sys_mmap(box, mm, 0, 4 * HUGE, 3, SHARED | MAP_POPULATE)
    assert pool(box) == (4, 0, 0, 0)
    vma.do_madvise(box, mm, p + HUGE, 2 * HUGE, REMOVE)
    assert pool(box) == (4, 2, 0, 0)
    assert check(box) == []


def test_a_segment_of_shared_memory_is_reserved_at_once() -> None:
    box, mm = fresh(6)
    number = box.shm.shmget(0x42, 5 * MIB, IPC_CREAT | SHM_HUGETLB | 0o600)
    assert pool(box) == (6, 6, 3, 0)
    at = box.shm.shmat(mm, number)
    touch_range(box, box.current, at, 2 * HUGE, True)
    child = fork(box)
    touch_range(box, child, at, 1, True)
    assert pool(box) == (6, 4, 1, 0)
    segment = box.shm.find(number)
    assert (segment.nattch, segment.resident, segment.size) == (2, 1024, 5 * MIB)
    with pytest.raises(KernelError, match="Cannot allocate"):
        box.shm.shmget(0, 20 * MIB, IPC_CREAT | SHM_HUGETLB)
    assert check(box) == []
    box.shm.rmid(number)
    do_exit(box, child, 0)
    box.shm.shmdt(mm, at)
    assert pool(box) == (6, 6, 0, 0)
    assert check(box) == []


def test_pages_brought_in_by_populate_count_no_faults() -> None:
    box, mm = fresh(4)
    before = box.vmstat["pgfault"], box.current.minflt
    p = vma.sys_mmap(box, mm, 0, 2 * HUGE, 3, PRIVATE | MAP_POPULATE)
    vma.do_madvise(box, mm, p, 2 * HUGE, POPULATE)
    assert pool(box) == (4, 2, 0, 0)
    assert (box.vmstat["pgfault"], box.current.minflt) == before


def test_struct_pages_are_given_up_and_come_back() -> None:
    box, _ = fresh(7)
    total = sum(zone.managed for zone in box.pages.zones)
    tree.store(box, "/proc/sys/vm/hugetlb_optimize_vmemmap", "1")
    tree.store(box, "/proc/sys/vm/nr_hugepages", "20")
    assert sum(zone.managed for zone in box.pages.zones) == total + 13 * 7
    assert check(box) == []
    tree.store(box, "/proc/sys/vm/nr_hugepages", "2")
    assert sum(zone.managed for zone in box.pages.zones) == total + 13 * 7
    tree.store(box, "/proc/sys/vm/nr_hugepages", "30")
    tree.store(box, "/proc/sys/vm/nr_hugepages", "0")
    assert check(box) == []


def test_i386_has_no_huge_pages() -> None:
    box = Box(Config())
    mm = box.current.mm
    assert mm is not None
    with pytest.raises(KernelError, match="Invalid argument"):
        vma.sys_mmap(box, mm, 0, HUGE, 3, PRIVATE)
    assert "HugePages" not in tree.show(box, "/proc/meminfo")
    assert not tree.exists(box, "/proc/sys/vm/nr_hugepages")


# -- nodes ------------------------------------------------------------------------------------------------------------


def test_nodes_take_turns_and_one_can_be_named() -> None:
    box = TWO.copy()

    def node(nid: int) -> int:
        return int(tree.show(box, f"/sys/devices/system/node/node{nid}/hugepages/hugepages-2048kB/nr_hugepages"))

    tree.store(box, "/proc/sys/vm/nr_hugepages", "21")
    assert (node(0), node(1)) == (11, 10)
    tree.store(box, "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "30")
    assert tree.show(box, "/proc/sys/vm/nr_hugepages") == "41\n"
    tree.store(box, "/proc/sys/vm/nr_hugepages", "5")
    assert (node(0), node(1)) == (0, 5)
    assert "Node 1 HugePages_Total:     5\n" in tree.show(box, "/sys/devices/system/node/node1/meminfo")
    assert check(box) == []


def test_a_bound_process_cannot_reserve_what_other_nodes_have() -> None:
    text = typed(["numactl --membind=1 mmap 8M rw hugetlb", "numactl --membind=0 mmap 8M rw hugetlb", "check"],
                 "node0 4", "node1 2")  # fmt: skip
    assert "mmap: Cannot allocate memory" in text
    assert "$1 = 0x7ffff7600000" in text
    assert "ok: " in text


def typed(lines: list[str], *pools: str) -> str:
    out = io.StringIO()
    session = open_session(["--arch", "x86_64", "--cpus", "2", "--nodes", "512M:0,512M:1"], out, out)
    for entry in pools:
        node, count = entry.split()
        session.run(f"echo {count} > /sys/devices/system/node/{node}/hugepages/hugepages-2048kB/nr_hugepages")
    for line in lines:
        session.run(line)
    return out.getvalue()


def test_pages_of_a_pool_move_between_nodes() -> None:
    box = TWO.copy()
    mm = box.current.mm
    assert mm is not None
    tree.store(box, "/proc/sys/vm/nr_hugepages", "8")
    p = vma.sys_mmap(box, mm, 0, 4 * HUGE, 3, PRIVATE)
    do_mbind(box, mm, p, 4 * HUGE, MPOL_INTERLEAVE, (0, 1))
    uaccess.write(box, box.current, p + 3 * HUGE + 5000, b"moved along")
    touch_range(box, box.current, p, 4 * HUGE, True)
    assert "N0=2 N1=2" in tree.show(box, "/proc/self/numa_maps")
    do_mbind(box, mm, p, 4 * HUGE, MPOL_BIND, (0,), MPOL_MF_MOVE)
    assert " N0=4 " in tree.show(box, "/proc/self/numa_maps")
    assert pool(box) == (8, 4, 0, 0)
    assert do_move_pages(box, mm, p, 4, 1) == [1, -13, 1, 1]
    assert do_migrate_pages(box, mm, (0,), (1,)) == 0
    assert " N1=4 " in tree.show(box, "/proc/self/numa_maps")
    assert uaccess.read(box, box.current, p + 3 * HUGE + 5000, 11) == b"moved along"
    assert pool(box) == (8, 4, 0, 0)
    assert check(box) == []


# -- from boot --------------------------------------------------------------------------------------------------------


def booted(cmdline: str, ram: int = 2 * GIB, **more: Any) -> Box:
    box = Box(Config(ram=ram, arch="x86_64", cmdline=cmdline, **more))
    assert check(box) == []
    return box


def test_hugepages_on_the_command_line() -> None:
    box = booted("hugepages=64")
    assert pool(box) == (64, 64, 0, 0)
    assert tree.show(box, "/proc/sys/vm/nr_hugepages") == "64\n"
    assert "HugeTLB: registered 2.00 MiB page size, pre-allocated 64 pages" in tree.show(box, "/proc/kmsg")
    memory = {line.split(":")[0]: line.split()[1] for line in tree.show(box, "/proc/meminfo").splitlines()}
    assert memory["Hugetlb"] == "131072"


def test_gigantic_pages_are_taken_before_there_is_a_buddy_system() -> None:
    box = booted("hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=10 default_hugepagesz=1G", 4 * GIB)
    assert [(h.kb, h.nr_huge_pages) for h in box.hugetlb.states.values()] == [(1048576, 1), (2048, 10)]
    total = sum(zone.managed for zone in box.pages.zones)
    assert total == sum(zone.managed for zone in booted("quiet", 4 * GIB).pages.zones)
    mm = box.current.mm
    assert mm is not None
    p = vma.sys_mmap(box, mm, 0, GIB, 3, MAP_PRIVATE | MAP_ANONYMOUS | HUGE_1G)
    assert p % GIB == 0
    assert touch_range(box, box.current, p, GIB, True).minflt == 1
    uaccess.write(box, box.current, p + 777 * MIB, b"far away")
    assert uaccess.read(box, box.current, p + 777 * MIB, 8) == b"far away"
    assert check(box) == []
    do_exit(box, box.current, 0)
    assert box.hugetlb.states[18].nr_free == 1
    assert check(box) == []


@pytest.mark.parametrize(("cmdline", "line"), [
    ("hugepagesz=3M hugepages=4", "HugeTLB: unsupported hugepagesz=3M"),
    ("hugepagesz=3M hugepages=4", "HugeTLB: hugepages=4 does not follow a valid hugepagesz, ignoring"),
    ("hugepages=4 hugepages=5", "specified twice without interleaving hugepagesz=, ignoring hugepages=5"),
    ("hugepages=7:1", "HugeTLB: Invalid hugepages parameter 7:1"),
    ("hugepagesz=1G hugepages=4", "HugeTLB: allocating 4 of page size 1.00 GiB failed.  Only allocated"),
])  # fmt: skip
def test_what_the_kernel_says_of_parameters(cmdline: str, line: str) -> None:
    assert line in tree.show(booted(cmdline, GIB), "/proc/kmsg")


def test_a_machine_whose_memory_is_all_huge_pages_does_not_come_up() -> None:
    with pytest.raises(ValueError, match="System is deadlocked on memory"):
        Box(Config(ram=GIB, arch="x86_64", cmdline="hugepages=100000"))


def test_struct_pages_are_given_up_from_boot() -> None:
    plain, given = booted("hugepages=64"), booted("hugepages=64 hugetlb_free_vmemmap=on")
    pages = [sum(zone.managed for zone in box.pages.zones) for box in (plain, given)]
    assert pages[1] - pages[0] == 64 * 7
    assert given.notes == []


def test_hugepages_by_node() -> None:
    box = booted("hugepages=0:3,1:5", NODES.ram, cpus=2, nodes=NODES.nodes)
    assert box.hugetlb.default.nr_node[:2] == [3, 5]


def test_a_gigantic_page_at_run_time_comes_from_a_range_that_is_emptied() -> None:
    box = booted("norandmaps", 4 * GIB)
    knob = "/sys/kernel/mm/hugepages/hugepages-1048576kB/"
    tree.store(box, knob + "nr_hugepages", "2")
    got = int(tree.show(box, knob + "nr_hugepages"))
    assert got >= 1
    assert check(box) == []
    tree.store(box, knob + "demote", "1")
    assert box.hugetlb.states[9].nr_free == 512
    assert int(tree.show(box, knob + "nr_hugepages")) == got - 1
    assert check(box) == []
    tree.store(box, "/proc/sys/vm/nr_hugepages", "0")
    tree.store(box, knob + "nr_hugepages", "0")
    assert check(box) == []


# -- everything in any order ------------------------------------------------------------------------------------------


def test_a_reservation_map_counts_like_a_set() -> None:
    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(1, 12))))
    @settings(deadline=None, max_examples=200)
    def run(steps: list[tuple[bool, int, int]]) -> None:
        kept, pages = ResvMap(), set[int]()
        for add, first, length in steps:
            these = set(range(first, first + length))
            assert kept.count(first, first + length) == len(pages & these)
            if add:
                assert kept.add(first, first + length) == len(these - pages)
                pages |= these
            else:
                assert kept.delete(first, first + length) == len(pages & these)
                pages -= these
            assert sum(b - a for a, b in kept.regions) == len(pages)

    run()


STEP = st.tuples(
    st.sampled_from(["map", "map", "touch", "touch", "touch", "unmap", "fork", "exit", "switch", "nr", "over",
                     "protect", "move", "advise", "node", "migrate", "bind", "optimize"]),
    st.integers(0, 7), st.integers(0, 7), st.integers(1, 4),
)  # fmt: skip


@given(st.lists(STEP, max_size=20))
@settings(deadline=None, max_examples=40)
def test_whatever_happens_every_page_is_counted_once(steps: list[tuple[str, int, int, int]]) -> None:
    box = TWO.copy()
    tree.store(box, "/proc/sys/vm/nr_hugepages", "9")
    places: list[int] = []
    for what, a, b, n in steps:
        with suppress(KernelError, BusError):
            _step(box, places, what, a, b, n)
        assert check(box) == [], (what, a, b, n)
    for task in [task for task in box.tasks.values() if task.mm is not None and task.pid != 1]:
        do_exit(box, task, 0)
    assert check(box) == []


def _step(box: Box, places: list[int], what: str, a: int, b: int, n: int) -> None:
    task = box.current
    mm = task.mm
    assert mm is not None
    at = places[a % len(places)] + b % 4 * HUGE if places else 0x7F0000000000
    if what == "map":
        flags = (PRIVATE, SHARED, PRIVATE | MAP_NORESERVE, SHARED | MAP_NORESERVE, PRIVATE | MAP_POPULATE)[a % 5]
        places.append(vma.sys_mmap(box, mm, 0, n * HUGE, 3, flags))
    elif what == "touch":
        area = vma.find_vma(mm, at)
        if area is not None and area.start <= at:
            touch_range(box, task, at, min(n * HUGE, area.end - at), bool(b & 1) and bool(area.flags & 2))
    elif what == "unmap":
        vma.do_munmap(box, mm, at, n * HUGE)
    elif what == "fork":
        fork(box)
    elif what == "exit" and len([1 for other in box.tasks.values() if other.mm is not None]) > 3:
        do_exit(box, task, 0)
    elif what == "switch":
        users = [other for other in box.tasks.values() if other.mm is not None and other.pid != 1]
        if users:
            switch_to(box, users[a % len(users)])
    elif what == "nr":
        tree.store(box, "/proc/sys/vm/nr_hugepages", str(a * 2))
    elif what == "over":
        tree.store(box, "/proc/sys/vm/nr_overcommit_hugepages", str(a))
    elif what == "protect":
        vma.do_mprotect(box, mm, at, n * HUGE, (1, 3)[b & 1])
    elif what == "move":
        vma.do_mremap(box, mm, at, n * HUGE, n * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x7E0000000000 + a * 8 * HUGE)
        places.append(0x7E0000000000 + a * 8 * HUGE)
    elif what == "advise":
        vma.do_madvise(box, mm, at, n * HUGE, (DONTNEED, REMOVE, POPULATE)[b % 3])
    elif what == "migrate":
        do_migrate_pages(box, mm, (a & 1,), (1 - (a & 1),))
    elif what == "bind":
        do_mbind(box, mm, at, n * HUGE, (MPOL_BIND, MPOL_INTERLEAVE)[b & 1], (a & 1,), MPOL_MF_MOVE)
    elif what == "optimize":
        tree.store(box, "/proc/sys/vm/hugetlb_optimize_vmemmap", str(b & 1))
    elif what == "node":
        tree.store(box, f"/sys/devices/system/node/node{a & 1}/hugepages/hugepages-2048kB/nr_hugepages", str(b))


def test_mincore_sees_huge_pages_that_are_mapped() -> None:
    box, mm = fresh(2)
    p = vma.sys_mmap(box, mm, 0, 2 * HUGE, 3, PRIVATE)
    touch_range(box, box.current, p + HUGE, 1, True)
    assert do_mincore(box, mm, p, 2 * HUGE) == bytes(512) + b"\1" * 512
