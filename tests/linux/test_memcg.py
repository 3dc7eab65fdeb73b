"""Memory cgroups: figures of the recorded machine, rules of the hierarchy, limits, and what is left behind."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.fs import file_table
from memsh.linux.include.errno import KernelError
from memsh.linux.include.mm_types import MM_ANONPAGES
from memsh.linux.include.sched import Task
from memsh.linux.kernel.exit import do_exit
from memsh.linux.kernel.fork import fork
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Killed
from memsh.linux.mm.mmap.mmap import do_munmap, sys_mmap
from memsh.machines.box import Box
from memsh.procfs import tree

CG = "/sys/fs/cgroup"
RW = 3


def box_of(ram: int = 512, swap: int = 0) -> Box:
    box = Box(Config(arch="x86_64", ram=ram * MIB, cmdline="norandmaps transparent_hugepage=never", swap=swap))
    put(box, "cgroup.subtree_control", "+memory")
    return box


def put(box: Box, name: str, text: str) -> None:
    tree.store(box, f"{CG}/{name}", text + "\n")


def get(box: Box, name: str) -> str:
    return tree.show(box, f"{CG}/{name}").rstrip("\n")


def rows(box: Box, name: str) -> dict[str, int]:
    return {key: int(value) for key, value in (line.split() for line in get(box, name).splitlines())}


def group(box: Box, path: str, **knobs: str) -> None:
    tree.mkdir(box, f"{CG}/{path}")
    for name, value in knobs.items():
        put(box, f"{path}/memory.{name}", value)


def enter(box: Box, path: str) -> Task:
    """The current process, in a group from now on."""
    put(box, f"{path}/cgroup.procs", "0")
    return box.current


def area(box: Box, size: int) -> int:
    assert box.current.mm is not None
    return int(sys_mmap(box, box.current.mm, 0, size, RW, 0x22))


def write(box: Box, addr: int, size: int) -> None:
    touch_range(box, box.current, addr, size, True)


def sound(box: Box) -> None:
    assert check(box) == []


def test_charging_goes_by_64_pages() -> None:
    """memcg-basics: 1 page, 256, 4096, half of them given back."""
    box = box_of()
    group(box, "a")
    task = enter(box, "a")
    assert get(box, "a/memory.current") == "0"
    addr = area(box, 16 * MIB)
    current = []
    for size in (4096, 8192, MIB, 16 * MIB):
        write(box, addr, size)
        current.append(int(get(box, "a/memory.current")))
    assert current == [262144, 262144, 1310720, 17039360]
    assert rows(box, "a/memory.stat")["anon"] == 16 * MIB
    assert task.mm is not None
    do_munmap(box, task.mm, addr, 8 * MIB)
    assert rows(box, "a/memory.stat")["anon"] == 8 * MIB
    assert int(get(box, "a/memory.current")) == 17039360 - 8 * MIB - 4 * 4096  # the tables go to the stock
    assert get(box, "a/memory.peak") == "17039360"
    sound(box)


def test_the_rules_of_the_hierarchy() -> None:
    box = box_of()
    group(box, "a")
    refused = [
        ("a/cgroup.procs", "4711", "ESRCH"), ("a/cgroup.procs", "x", "EINVAL"), ("a/cgroup.procs", "-1", "EINVAL"),
        ("a/cgroup.subtree_control", "+cpu", "ENOENT"), ("a/cgroup.subtree_control", "memory", "EINVAL"),
        ("cgroup.subtree_control", "+nothing", "EINVAL"), ("cgroup.subtree_control", "*cpu", "EINVAL"),
        ("a/memory.max", "nonsense", "EINVAL"), ("a/memory.max", "-1", "EINVAL"), ("a/memory.high", "1Z", "EINVAL"),
        ("a/memory.oom.group", "2", "EINVAL"), ("a/memory.oom.group", "1" + "0" * 20, "ERANGE"),
        ("a/memory.reclaim", "max", "EINVAL"), ("a/cgroup.kill", "2", "ERANGE"),
        ("a/cgroup.max.depth", "-1", "ERANGE"), ("a/cgroup.type", "domain", "EINVAL"),
    ]  # fmt: skip
    for name, text, code in refused:
        with pytest.raises(KernelError) as error:
            put(box, name, text)
        assert error.value.code == code, (name, text)
    with pytest.raises(KernelError, match="No such file"):
        get(box, "memory.current")
    put(box, "a/memory.zswap.max", "0x2001")
    put(box, "a/memory.oom.group", "01")
    assert (get(box, "a/memory.zswap.max"), get(box, "a/memory.oom.group")) == ("8192", "1")
    with pytest.raises(KernelError, match="No such device"):  # it could be filled otherwise
        tree.store(box, "/sys/module/zswap/parameters/enabled", "Y\n")
    enter(box, "a")
    with pytest.raises(KernelError, match="busy"):
        put(box, "a/cgroup.subtree_control", "+memory")
    with pytest.raises(KernelError, match="busy"):
        tree.rmdir(box, f"{CG}/a")
    put(box, "cgroup.procs", "0")
    put(box, "a/cgroup.subtree_control", "+memory")
    tree.mkdir(box, f"{CG}/a/b")
    with pytest.raises(KernelError, match="busy"):
        enter(box, "a")
    with pytest.raises(KernelError, match="busy"):
        tree.rmdir(box, f"{CG}/a")
    with pytest.raises(KernelError, match="busy"):
        put(box, "cgroup.subtree_control", "-memory")
    put(box, "a/cgroup.max.descendants", "1")
    with pytest.raises(KernelError, match="temporarily"):
        tree.mkdir(box, f"{CG}/a/c")
    tree.rmdir(box, f"{CG}/a/b")
    tree.rmdir(box, f"{CG}/a")
    assert get(box, "cgroup.stat") == "nr_descendants 0\nnr_dying_descendants 2"
    box.timer.advance(1_000_000)
    assert get(box, "cgroup.stat") == "nr_descendants 0\nnr_dying_descendants 0"
    sound(box)


def test_a_limit_kills_inside_the_group_with_memory_free() -> None:
    box = box_of()
    group(box, "a", max="16M")
    task = enter(box, "a")
    addr = area(box, 32 * MIB)
    with pytest.raises(Killed):
        write(box, addr, 32 * MIB)
    log = [record.text for record in box.log.records]
    assert "memory: usage 16384kB, limit 16384kB, failcnt 19" in log
    assert "Memory cgroup stats for /a:" in log
    line = next(text for text in log if text.startswith("oom-kill:"))
    assert ",oom_memcg=/a,task_memcg=/a," in line and "constraint=CONSTRAINT_MEMCG" in line
    assert box.oom.settle() is task
    assert rows(box, "a/memory.events") == {"low": 0, "high": 0, "max": 35, "oom": 1, "oom_kill": 1,
                                            "oom_group_kill": 0}  # fmt: skip
    assert int(get(box, "a/memory.current")) < 64 * 4096
    sound(box)


def test_the_whole_group_dies_with_oom_group() -> None:
    box = box_of()
    group(box, "a", max="16M")
    put(box, "a/memory.oom.group", "1")
    parent = enter(box, "a")
    child = fork(box, parent).child
    spared = fork(box, parent).child
    spared.oom_score_adj = -1000
    addr = area(box, 32 * MIB)
    with pytest.raises(Killed):
        write(box, addr, 32 * MIB)
    box.oom.settle()
    assert child.pid not in box.tasks or not child.alive
    assert spared.alive
    assert rows(box, "a/memory.events")["oom_group_kill"] == 1
    sound(box)


def test_a_group_that_another_shrinks_dies_with_the_first_victim_told_of_twice() -> None:
    box = box_of()
    group(box, "c")
    put(box, "c/memory.oom.group", "1")
    writer = box.current
    for size in (3 * MIB, MIB):
        switch_to(box, fork(box, writer).child)
        put(box, "c/cgroup.procs", "0")
        write(box, area(box, size), size)
    switch_to(box, writer)
    put(box, "c/memory.max", "1M")
    events = rows(box, "c/memory.events")
    assert (events["oom"], events["oom_kill"], events["oom_group_kill"]) == (1, 3, 1)  # as on the real machine
    assert not get(box, "c/cgroup.procs")
    sound(box)


def test_what_was_written_goes_before_more_is_written() -> None:
    """A program fills on past its limit, 80 pages at a time. The recorded machine has 7 to 216 pages in the swap cache
    afterwards, the most of them free to go: between two reclaims the disk had time to finish."""
    box = box_of(swap=48 * MIB)
    group(box, "a", max="24M")
    enter(box, "a")
    addr = area(box, 64 * MIB)
    write(box, addr, 24 * MIB)
    found = []
    for at in range(24 * MIB, 32 * MIB, 80 << 12):
        write(box, addr + at, 80 << 12)
        found.append(rows(box, "a/memory.stat")["swapcached"] >> 12)
    assert sum(found) / len(found) < 45
    sound(box)


def test_swap_is_charged_and_limited() -> None:
    box = box_of(swap=64 * MIB)
    group(box, "a", max="16M")
    put(box, "a/memory.swap.max", "8180k")  # not where a scan happens to end
    enter(box, "a")
    addr = area(box, 32 * MIB)
    write(box, addr, 20 * MIB)
    assert int(get(box, "a/memory.current")) <= 16 * MIB
    assert 4 * MIB <= int(get(box, "a/memory.swap.current")) <= 8 * MIB
    sound(box)
    write(box, addr, MIB)  # the first pages come back, others go
    sound(box)
    with pytest.raises(Killed):
        write(box, addr, 32 * MIB)
    box.oom.settle()
    assert rows(box, "a/memory.swap.events")["fail"]
    sound(box)


def test_a_tree_counts_upwards_and_the_lowest_limit_holds() -> None:
    box = box_of()
    group(box, "a", max="48M")
    put(box, "a/cgroup.subtree_control", "+memory")
    group(box, "a/b", max="32M")
    task = enter(box, "a/b")
    addr = area(box, 64 * MIB)
    write(box, addr, 16 * MIB)
    low, high = int(get(box, "a/b/memory.current")), int(get(box, "a/memory.current"))
    assert 16 * MIB < low <= high < 17 * MIB
    with pytest.raises(Killed):
        write(box, addr, 64 * MIB)
    assert box.oom.settle() is task
    assert rows(box, "a/memory.events.local")["oom"] == 0 and rows(box, "a/memory.events")["oom"] == 1
    sound(box)


def test_memory_high_makes_the_process_wait() -> None:
    """memcg-high: 1 MiB above 8 MiB, nothing to reclaim: about two seconds, and nobody dies."""
    box = box_of()
    group(box, "b", high="8M")
    task = enter(box, "b")
    addr = area(box, 16 * MIB)
    write(box, addr, 7 * MIB)
    before = box.timer.usec
    write(box, addr, 0x8C0000)
    assert 1_600_000 < box.timer.usec - before < 2_300_000
    assert task.alive and rows(box, "b/memory.events")["high"] >= 60
    box.timer.advance(1_000_000)
    pressure = get(box, "b/memory.pressure")
    assert pressure.startswith("some avg10=") and "avg10=0.00" not in pressure
    assert get(box, "io.pressure").splitlines()[0].startswith("some ")
    sound(box)


def test_memory_reclaim_takes_the_page_cache_and_says_when_there_is_no_more() -> None:
    box = box_of()
    group(box, "a")
    enter(box, "a")
    box.fs.create("/x")
    file = box.fs.open("/x", writable=True)
    box.fs.write_zeros(file, 0, 9_000_000)
    box.writeback.sync()
    before = rows(box, "a/memory.stat")["file"]
    assert before >= 9_000_000 and rows(box, "a/memory.stat")["slab_reclaimable"] > 200_000  # buffer heads
    put(box, "a/memory.reclaim", "1M")
    assert MIB <= before - rows(box, "a/memory.stat")["file"] <= MIB + 64 * 4096
    with pytest.raises(KernelError, match="temporarily"):
        put(box, "a/memory.reclaim", "400M")
    assert rows(box, "a/memory.stat")["file"] < MIB
    sound(box)


def test_a_removed_group_stays_charged_and_its_kernel_memory_is_its_parents() -> None:
    box = box_of()
    group(box, "a")
    put(box, "a/cgroup.subtree_control", "+memory")
    group(box, "a/b")
    parent = enter(box, "a/b")
    child = fork(box, parent).child
    addr = area(box, MIB)
    write(box, addr, MIB)
    put(box, "cgroup.procs", "0")
    put(box, "cgroup.procs", str(child.pid))
    tree.rmdir(box, f"{CG}/a/b")
    box.timer.advance(1_000_000)
    assert get(box, "cgroup.stat").endswith("nr_dying_descendants 1")
    assert rows(box, "a/memory.stat")["anon"] >= MIB
    sound(box)
    switch_to(box, child)
    do_exit(box, parent, 0)
    do_exit(box, child, 0)
    box.timer.advance(10_000_000)
    assert get(box, "cgroup.stat").endswith("nr_dying_descendants 0")
    assert rows(box, "a/memory.stat")["anon"] == 0
    sound(box)


def test_a_copy_goes_its_own_way() -> None:
    box = box_of()
    group(box, "a", max="16M")
    enter(box, "a")
    addr = area(box, 8 * MIB)
    write(box, addr, MIB)
    other = box.copy()
    write(other, addr, 8 * MIB)
    assert int(get(other, "a/memory.current")) > 8 * MIB > int(get(box, "a/memory.current"))
    assert other.current.mm is not None and box.current.mm is not None
    assert other.current.mm.rss[MM_ANONPAGES] > box.current.mm.rss[MM_ANONPAGES] + 1000
    sound(box)
    sound(other)


def test_pipes_and_sockets_are_charged_and_given_back() -> None:
    """memcg-kernel: what 80 pipes and 40 pairs of sockets cost their group."""
    box = box_of()
    group(box, "a")
    task = enter(box, "a")
    for _ in range(80):
        file_table.do_pipe(box, task)
    stat = rows(box, "a/memory.stat")
    assert stat["slab_reclaimable"] == 67840 and abs(stat["slab_unreclaimable"] - 141920) < 4096
    for _ in range(40):
        file_table.do_socketpair(box, task)
    stat = rows(box, "a/memory.stat")
    assert stat["slab_reclaimable"] == 151040 and abs(stat["slab_unreclaimable"] - 240096) < 4096
    child = fork(box, task).child
    assert file_table.close_files(box, task) == 240
    assert rows(box, "a/memory.stat")["slab_reclaimable"] >= 151040  # they are the child's, too
    sound(box)
    do_exit(box, child, 0)
    assert rows(box, "a/memory.stat")["slab_unreclaimable"] < 16384
    with pytest.raises(KernelError, match="Too many open files"):
        for _ in range(600):
            file_table.do_pipe(box, task)
    sound(box)


def test_pressure_tells_of_the_disk_and_of_reclaim() -> None:
    """Every wait for the disk is io's, and of the machine; reclaim is memory's. CPU time is counted in cpu.stat."""
    box = Box(Config(arch="x86_64", ram=128 * MIB, swap=256 * MIB, cmdline="norandmaps transparent_hugepage=never"))
    addr = area(box, 160 * MIB)
    write(box, addr, 160 * MIB)
    write(box, addr, 100 * MIB)
    totals = {name: int(tree.show(box, f"/proc/pressure/{name}").split("total=")[1].split()[0])
              for name in ("io", "memory", "cpu")}  # fmt: skip
    assert totals["io"] == box.psi.system.totals["io"] and 0 < totals["io"] <= box.disk.waited_usec
    assert totals["memory"] > 0 and totals["cpu"] == 0
    box.timer.advance(2_000_000)
    assert tree.show(box, "/proc/pressure/io") == get(box, "io.pressure") + "\n"
    put(box, "cgroup.subtree_control", "+memory")
    group(box, "a")
    enter(box, "a")
    write(box, addr, 8 * MIB)
    write(box, area(box, 8 * MIB), 8 * MIB)
    box.timer.advance(2_000_000)
    own, whole = rows(box, "a/cpu.stat"), rows(box, "cpu.stat")
    assert 0 < own["usage_usec"] == own["user_usec"] + own["system_usec"] < whole["usage_usec"]
    sound(box)
