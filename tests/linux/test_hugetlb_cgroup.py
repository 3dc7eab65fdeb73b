"""hugetlb.*: huge pages counted by cgroup, and refused. The answers are the real machine's."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import Task
from memsh.linux.kernel.fork import fork
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import BusError
from memsh.linux.mm.mmap.mmap import do_munmap, sys_mmap
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.linux.test_cgroup import ask, fresh

PRIVATE, SHARED, NORESERVE = 0x40022, 0x40021, 0x44022
NAMES = ("current", "events", "events.local", "max", "numa_stat", "rsvd.current", "rsvd.max")


def pool(pages: int) -> tuple[Box, Task]:
    """A box with so many huge pages, whose current process is `task`."""
    box, task = fresh()
    tree.store(box, "/proc/sys/vm/nr_hugepages", f"{pages}\n")
    ask(box, "cgroup.subtree_control<+hugetlb +a")
    switch_to(box, task)
    return box, task


def seen(box: Box, group: str) -> str:
    return ask(box, " ".join(f"{group}/hugetlb.2MB.{name}" for name in NAMES))


def area(box: Box, task: Task, size: int, flags: int) -> int:
    assert task.mm is not None
    return int(sys_mmap(box, task.mm, 0, size, 3, flags))


def write(box: Box, task: Task, addr: int, size: int) -> None:
    touch_range(box, task, addr, size, True)


def test_limits_are_whole_huge_pages() -> None:
    box, _ = pool(10)
    file, large = "a/hugetlb.2MB.max", "a/hugetlb.1GB.rsvd.max"
    assert ask(box, " ".join(f"{file}<{text} {file}" for text in ("2M", "3M", "1", "0", "4194304", "max", "x", "", "-1",
                                                                  "1G", "1Mx"))) == (
        "ok 2097152 ok 2097152 ok 0 ok 0 ok 4194304 ok max EINVAL max ok 0 EINVAL 0 ok 1073741824 EINVAL "
        "1073741824")  # fmt: skip
    assert ask(box, f"{large}<3M {large} {large}<2G {large} {large}<max {large}") == "ok 0 ok 2147483648 ok max"


def test_reservations_and_pages_are_refused() -> None:
    """mmap finds no memory above rsvd.max; a touch above max is a bus error. Both are events."""
    box, p = pool(10)
    ask(box, f"a/hugetlb.2MB.max<6M a/hugetlb.2MB.rsvd.max<8M a/cgroup.procs<{p.pid}")
    addr = area(box, p, 8 * MIB, PRIVATE)
    assert seen(box, "a") == "0 max_0 max_0 6291456 total=0_N0=0 8388608 8388608"
    with pytest.raises(KernelError, match="Cannot allocate"):
        area(box, p, 2 * MIB, PRIVATE)
    assert seen(box, "a") == "0 max_1 max_1 6291456 total=0_N0=0 8388608 8388608"
    write(box, p, addr, 4 * MIB)
    assert seen(box, "a") == "4194304 max_1 max_1 6291456 total=4194304_N0=4194304 8388608 8388608"
    with pytest.raises(BusError) as error:
        write(box, p, addr + 4 * MIB, 4 * MIB)
    assert error.value.addr == addr + 6 * MIB
    assert ask(box, "a/hugetlb.2MB.events a/hugetlb.2MB.current") == "max_2 6291456"
    assert check(box) == []


def test_who_pays_until_when() -> None:
    """A page and its reservation stay charged where they were; a removed group's pages are the parent's."""
    box, p = pool(20)
    assert p.mm is not None
    ask(box, f"+a/b +c a/cgroup.subtree_control<+hugetlb a/hugetlb.2MB.max<8M a/b/cgroup.procs<{p.pid}")
    private = area(box, p, 8 * MIB, PRIVATE)
    write(box, p, private, 4 * MIB)
    assert ask(box, "a/hugetlb.2MB.max<2M a/hugetlb.2MB.max<4M a/hugetlb.2MB.rsvd.max<2M") == "EBUSY ok EBUSY"
    assert seen(box, "a") == "4194304 max_0 max_0 4194304 total=4194304_N0=4194304 8388608 max"
    assert seen(box, "a/b") == "4194304 max_0 max_0 max total=4194304_N0=4194304 8388608 max"
    do_munmap(box, p.mm, private, 2 * MIB)
    assert seen(box, "a/b") == "2097152 max_0 max_0 max total=2097152_N0=2097152 6291456 max"
    shared = area(box, p, 6 * MIB, SHARED)
    assert ask(box, "a/b/hugetlb.2MB.rsvd.current") == "12582912"
    child = fork(box, p).child
    write(box, p, shared, 2 * MIB)
    assert ask(box, "a/b/hugetlb.2MB.max<0 a/b/hugetlb.2MB.current") == "EBUSY 4194304"
    loose = area(box, p, 2 * MIB, NORESERVE)
    ask(box, "a/hugetlb.2MB.max<max")
    assert ask(box, "a/b/hugetlb.2MB.rsvd.max<8M a/b/hugetlb.2MB.rsvd.current") == "EBUSY 12582912"
    write(box, p, loose, 2 * MIB)
    assert seen(box, "a/b") == "6291456 max_0 max_0 max total=6291456_N0=6291456 14680064 max"
    ask(box, f"c/cgroup.procs<{p.pid} c/cgroup.procs<{child.pid}")
    assert seen(box, "c") == "0 max_0 max_0 max total=0_N0=0 0 max"
    assert ask(box, "-a/b a/cgroup.stat") == "ok nr_descendants_0,nr_dying_descendants_1"
    assert seen(box, "a") == "6291456 max_0 max_0 max total=6291456_N0=6291456 14680064 max"
    do_munmap(box, p.mm, loose, 2 * MIB)
    do_munmap(box, p.mm, private + 2 * MIB, 6 * MIB)
    do_munmap(box, p.mm, shared, 6 * MIB)
    assert seen(box, "a") == "4194304 max_0 max_0 max total=4194304_N0=4194304 6291456 max"
    box.timer.advance(1_000_000)
    assert ask(box, "a/cgroup.stat") == "nr_descendants_0,nr_dying_descendants_1"
    assert (box.hugetlb.default.nr_free, box.hugetlb.default.resv) == (18, 2)
    assert child.mm is not None
    do_munmap(box, child.mm, shared, 6 * MIB)
    box.timer.advance(1_000_000)
    assert ask(box, "a/hugetlb.2MB.rsvd.current a/cgroup.stat") == "0 nr_descendants_0,nr_dying_descendants_0"
    assert check(box) == []
