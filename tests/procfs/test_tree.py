"""The tree of /proc: names, modes, links and errors as the recorded machines have them."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.procfs.node import Directory, Link, ProcFile

# `ls -l /proc/1` on the recorded i386
TASK = """
    r--r--r-- arch_status  r-------- auxv  -w------- clear_refs  r--r--r-- cmdline  rw-r--r-- comm
    rw-r--r-- coredump_filter  rwxrwxrwx cwd  r-------- environ  rwxrwxrwx exe  r-x------ fd  r-xr-xr-x fdinfo
    r-------- io  r--r--r-- limits  r-x------ map_files  r--r--r-- maps  rw------- mem  r--r--r-- mountinfo
    r--r--r-- mounts  r-------- mountstats  r-xr-xr-x net  r-x--x--x ns  rw-r--r-- oom_adj  r--r--r-- oom_score
    rw-r--r-- oom_score_adj  r-------- pagemap  r-------- personality  rwxrwxrwx root  r--r--r-- schedstat
    r--r--r-- smaps  r--r--r-- smaps_rollup  r-------- stack  r--r--r-- stat  r--r--r-- statm  r--r--r-- status
    r-------- syscall  r-xr-xr-x task  rw-r--r-- timens_offsets  rw-rw-rw- timerslack_ns  r--r--r-- wchan
"""
ONLY_64 = """
    autogroup cgroup cpuset gid_map ksm_merging_pages ksm_stat loginuid projid_map sessionid setgroups timers uid_map
"""
NOT_OF_THREADS = {"coredump_filter", "map_files", "mountstats", "task", "timens_offsets", "timerslack_ns"}


@pytest.fixture(scope="module")
def box() -> Box:
    return Box(Config(ram=64 * MIB))


def bits(text: str) -> int:
    return sum(1 << 8 - at for at, letter in enumerate(text) if letter != "-")


def test_the_files_of_a_process(box: Box) -> None:
    words = TASK.split()
    wanted = dict(zip(words[1::2], map(bits, words[::2]), strict=True))
    assert {name: tree.lookup(box, f"/proc/1/{name}", False).mode for name in tree.listdir(box, "/proc/1")} == wanted
    assert set(tree.listdir(box, "/proc/1/task/1")) == set(wanted) - NOT_OF_THREADS
    folder, thread = tree.lookup(box, "/proc/1"), tree.lookup(box, "/proc/1/task/1")
    assert isinstance(folder, Directory) and isinstance(thread, Directory)
    assert (folder.nlink(box), thread.nlink(box)) == (8, 6)


def test_where_links_lead(box: Box) -> None:
    pid = box.current.pid
    for path, target in (
        ("/proc/self", str(pid)), ("/proc/thread-self", f"{pid}/task/{pid}"), ("/proc/mounts", "self/mounts"),
        ("/proc/net", "self/net"), ("/proc/self/exe", "/bin/a.out"), ("/proc/1/exe", "/init"), ("/proc/1/cwd", "/"),
        ("/proc/1/fd/2", "/dev/console"), ("/proc/1/ns/pid", "pid:[4026531836]"),
        ("/proc/1/ns/time_for_children", "time:[4026531834]"),
    ):  # fmt: skip
        assert tree.readlink(box, path) == target, path
    assert tree.readlink(box, "/proc/1/comm") is None
    assert tree.real_path(box, "/proc/thread-self/exe") == "/bin/a.out"
    assert tree.show(box, "/proc/mounts") == tree.show(box, f"/proc/{pid}/mounts")
    with pytest.raises(KernelError, match="No such file"):
        tree.readlink(box, "/proc/2/exe")
    assert tree.listdir(box, "/proc/2/fd") == tree.listdir(box, "/proc/2/map_files") == []
    names = tree.listdir(box, "/proc/self/map_files")
    assert names[0] == "8048000-8049000" and tree.readlink(box, f"/proc/self/map_files/{names[0]}") == "/bin/a.out"


def test_inode_numbers_are_unique_and_stay(box: Box) -> None:
    paths = [f"/proc/{name}" for name in tree.listdir(box, "/proc")]
    paths += [f"/proc/{pid}/{name}" for pid in (1, 2) for name in tree.listdir(box, f"/proc/{pid}")]
    numbers = [tree.inode(path) for path in paths]
    assert len(set(numbers)) == len(numbers) and numbers == [tree.inode(path) for path in paths]
    assert tree.inode("/proc") == 1


def test_what_a_process_shows(box: Box) -> None:
    def show(name: str, pid: int = box.current.pid) -> str:
        return tree.show(box, f"/proc/{pid}/{name}")

    words = struct.unpack("<42I", show("auxv").encode("utf-8", "surrogateescape")[:168])
    auxv = dict(zip(words[::2], words[1::2], strict=True))
    assert (auxv[6], auxv[17], auxv[4], auxv[11]) == (4096, 100, 32, 0) and show("auxv").endswith("\0" * 8)
    assert show("wchan") == "0" and show("wchan", 1) == "do_wait" and show("wchan", 2) == "kthreadd"
    assert show("syscall") == "running\n" and show("stack") == ""
    assert show("stack", 2) == "[<0>] kthreadd+0xd5/0xf0\n[<0>] ret_from_fork+0x19/0x24\n"
    assert show("stack", 1).splitlines()[-1] == "[<0>] entry_SYSENTER_32+0x98/0xfb"
    assert show("syscall", 2) == "0" + " 0x0" * 8 + "\n"
    assert show("personality") == "00000000\n" and show("coredump_filter") == "00000033\n"
    assert show("fdinfo/1") == "pos:\t0\nflags:\t02\nmnt_id:\t1\nino:\t3\n"
    rows = [row.split() for row in show("mountinfo").splitlines()]
    assert [row[4] for row in rows] == [row.split()[1] for row in show("mounts").splitlines()]
    assert rows[0][4] == "/" and rows[0][2] == "254:16" and all(row[6] == "-" for row in rows)
    kernel = [tree.show(box, f"/proc/{pid}/wchan") for pid, task in box.tasks.items() if task.is_kthread]
    assert {"worker_thread", "rescuer_thread", "kswapd", "kcompactd", "smpboot_thread_fn", "devtmpfsd"} <= set(kernel)


def test_memory_at_its_address(box: Box) -> None:
    node = tree.lookup(box, "/proc/self/mem")
    assert not isinstance(node, Directory | Link) and node.pread is not None
    assert node.pread(box, 0x08048000, 4) == b"\x7fELF"
    mm = box.current.mm
    assert mm is not None
    gap = next(left.end for left, right in pairwise(mm.mmap) if left.end < right.start)
    with pytest.raises(KernelError, match="Input/output error"):
        node.pread(box, gap, 4)
    before = tree.show(box, "/proc/self/statm"), box.current.minflt
    stack = next(vma for vma in mm.mmap if vma.start <= mm.start_stack < vma.end)
    assert node.pread(box, stack.start, 8) == bytes(8)  # not touched yet
    assert (tree.show(box, "/proc/self/statm"), box.current.minflt) == before


def test_a_part_of_pagemap_is_that_part_of_the_whole(box: Box) -> None:
    whole = tree.show(box, "/proc/self/pagemap").encode("utf-8", "surrogateescape")
    node = tree.lookup(box, "/proc/self/pagemap")
    assert not isinstance(node, Directory | Link) and node.pread is not None
    for first, count in ((0x8048, 100), (0xBFF00, 300), (0, 10), (0x100000, 5)):
        assert node.pread(box, first * 8, count * 8) == whole[first * 8 : (first + count) * 8]
    with pytest.raises(KernelError, match="Invalid argument"):
        node.pread(box, 4, 8)


def test_what_may_be_written(box: Box) -> None:
    tree.store(box, "/proc/self/coredump_filter", "0x7f\n")
    assert tree.show(box, "/proc/self/coredump_filter") == "0000007f\n"
    tree.store(box, "/proc/self/timerslack_ns", "70000")
    assert tree.show(box, "/proc/self/timerslack_ns") == "70000\n"
    tree.store(box, "/proc/self/timerslack_ns", "0")
    assert tree.show(box, "/proc/self/timerslack_ns") == "50000\n"
    for path, text, words in (
        ("self/coredump_filter", "x", "Invalid"), ("2/coredump_filter", "1", "No such process"),
        ("self/timerslack_ns", "-1", "Invalid"), ("self/maps", "x", "Invalid"),
        ("self/timens_offsets", "monotonic - 5\n", "Invalid"), ("self/timens_offsets", "7 -0 5\n", "Permission"),
        ("self/timens_offsets", f"monotonic {'9' * 4080} 5\n", "out of range"),
        ("self/timens_offsets", f"monotonic {'9' * 5000} 5\n", "Invalid"),
    ):  # fmt: skip
        with pytest.raises(KernelError, match=words):
            tree.store(box, f"/proc/{path}", text)


def test_a_process_that_has_gone() -> None:
    from memsh.linux.kernel.fork import fork
    from memsh.linux.kernel.signal import force_sig

    box = Box(Config(ram=64 * MIB))
    child = fork(box, box.current).child
    node = tree.lookup(box, f"/proc/{child.pid}/maps")
    folder = tree.lookup(box, f"/proc/{child.pid}")
    assert not isinstance(node, Directory | Link) and node.show is not None and isinstance(folder, Directory)
    force_sig(box, child, 9)
    del box.tasks[child.pid]
    with pytest.raises(KernelError, match="No such process"):
        node.show(box)
    with pytest.raises(KernelError, match="No such process"):
        folder.listing(box)
    with pytest.raises(KernelError, match="No such file"):
        tree.lookup(box, f"/proc/{child.pid}/maps")


def test_the_64_bit_machine_has_its_own() -> None:
    box = Box(Config(arch="x86_64", ram=GIB))
    assert tree.show(box, "/proc/2/stack") == "[<0>] kthreadd+0x2a6/0x2c0\n[<0>] ret_from_fork+0x22/0x30\n"
    assert ",inode64" in tree.show(box, "/proc/mounts")


def test_files_that_only_some_kernels_have(box: Box) -> None:
    """`ls /proc/PID` and `ls /proc/PID/task/PID` of the recorded x86_64."""
    wide = Box(Config(arch="x86_64", ram=512 * MIB))
    more = set(tree.listdir(wide, "/proc/1")) - set(tree.listdir(box, "/proc/1")) - {"numa_maps"}
    assert more == {*ONLY_64.split(), "attr", "sched"}
    thread = set(tree.listdir(wide, "/proc/1/task/1")) - set(tree.listdir(box, "/proc/1/task/1")) - {"numa_maps"}
    assert thread == more - {"autogroup", "timers"} | {"children"}
    assert tree.show(wide, "/proc/1/uid_map") == "         0          0 4294967295\n"
    assert tree.show(wide, "/proc/1/loginuid") == "4294967295" and tree.show(wide, "/proc/2/ksm_stat") == ""
    assert str(wide.current.pid) in tree.show(wide, "/proc/1/task/1/children").split()
    assert not tree.exists(box, "/proc/1/cgroup")


def test_where_a_person_makes_directories(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Directory] = {}

    def make(box: Box, name: str) -> None:
        made[name] = Directory({}, 0o755)

    def take(box: Box, name: str) -> None:
        del made[name]

    groups = Directory({"all": ProcFile(None)}, 0o755, lambda box: list(made), lambda box, name: made.get(name))
    groups.mkdir, groups.rmdir = make, take
    above = tree.lookup(box, "/sys/kernel")
    assert isinstance(above, Directory)
    monkeypatch.setitem(above.fixed, "groups", groups)
    tree.mkdir(box, "/sys/kernel/groups/one")
    assert tree.listdir(box, "/sys/kernel/groups") == ["one", "all"] and tree.isdir(box, "/sys/kernel/groups/one")
    for work, path, code in (
        (tree.mkdir, "groups/one", "EEXIST"), (tree.mkdir, "two", "EPERM"), (tree.mkdir, "none/x", "ENOENT"),
        (tree.rmdir, "groups/none", "ENOENT"), (tree.rmdir, "fscaps", "ENOTDIR"), (tree.rmdir, "tracing", "EPERM"),
    ):  # fmt: skip
        with pytest.raises(KernelError) as caught:
            work(box, f"/sys/kernel/{path}")
        assert caught.value.code == code, path
    tree.rmdir(box, "/sys/kernel/groups/one")
    assert tree.listdir(box, "/sys/kernel/groups") == ["all"]
