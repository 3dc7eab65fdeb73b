"""Descriptors: the lowest is taken, tables grow, limits hold, and /proc tells of all, as on the recorded kernels."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.fs import file_table
from memsh.linux.include.errno import KernelError
from memsh.linux.include.resource import RLIMIT_NOFILE
from memsh.linux.kernel.exit import do_exit
from memsh.linux.kernel.fork import fork
from memsh.machines.box import Box
from memsh.procfs import tree


@pytest.fixture(params=["i386", "x86_64"])
def box(request: pytest.FixtureRequest) -> Box:
    return Box(Config(arch=request.param, ram=128 * MIB))


def numbers(box: Box) -> list[int]:
    return sorted(map(int, tree.listdir(box, "/proc/self/fd")))


def test_the_lowest_descriptor_is_taken(box: Box) -> None:
    task = box.current
    assert numbers(box) == [0, 1, 2]
    assert file_table.do_pipe(box, task) == [3, 4] and file_table.do_socketpair(box, task) == [5, 6]
    file_table.close_fd(box, task, 4)
    file_table.close_fd(box, task, 0)
    assert file_table.do_pipe(box, task) == [0, 4] and file_table.do_open(box, task, "/etc/passwd", 0) == 7
    with pytest.raises(KernelError) as caught:
        file_table.close_fd(box, task, 99)
    assert caught.value.code == "EBADF"
    assert check(box) == []


def test_what_proc_says_of_them(box: Box) -> None:
    """Lines and modes as of the recorded process with pipes and sockets."""
    task = box.current
    file_table.do_pipe(box, task)
    file_table.do_socketpair(box, task)
    file_table.do_open(box, task, "/etc/passwd", 0)
    names = [tree.readlink(box, f"/proc/self/fd/{number}") or "" for number in numbers(box)]
    assert names[0] == "/dev/console" and names[3] == names[4] and names[5] != names[6] and names[7] == "/etc/passwd"
    assert names[3].startswith("pipe:[") and names[5].startswith("socket:[")
    modes = [tree.lookup(box, f"/proc/self/fd/{number}", False).mode for number in (0, 3, 4, 5)]
    assert modes == [0o700, 0o500, 0o300, 0o700]
    ino = names[4][6:-1]
    assert tree.show(box, "/proc/self/fdinfo/4") == f"pos:\t0\nflags:\t01\nmnt_id:\t11\nino:\t{ino}\n"
    assert tree.show(box, "/proc/self/fdinfo/5").endswith(f"ino:\t{names[5][8:-1]}\nscm_fds: 0\n")
    box.fs.unlink("/etc/passwd")
    assert tree.readlink(box, "/proc/self/fd/7") == "/etc/passwd (deleted)"
    assert file_table.close_files(box, task, keep=file_table.FIRST) == 5
    assert numbers(box) == [0, 1, 2] and check(box) == []


def test_tables_grow_and_the_limit_holds(box: Box) -> None:
    task = box.current
    size = int(tree.show(box, "/proc/self/status").split("FDSize:\t")[1].split()[0])
    assert size == box.arch.bits
    for _ in range(50):
        file_table.do_pipe(box, task)
    step = 1024 // box.arch.word
    assert f"FDSize:\t{step}\n" in tree.show(box, "/proc/self/status")
    task.signal.rlim[RLIMIT_NOFILE] = (104, 4096)
    with pytest.raises(KernelError) as caught:
        file_table.do_pipe(box, task)
    assert caught.value.code == "EMFILE"
    assert file_table.do_open(box, task, "/etc/passwd", 0) == 103
    with pytest.raises(KernelError, match="Too many open files"):
        file_table.do_open(box, task, "/etc/passwd", 0)
    assert check(box) == []


def test_children_share_them(box: Box) -> None:
    parent = box.current
    file_table.do_pipe(box, parent)
    child = fork(box, parent).child
    assert [child.signal.files.open[3].path] == [parent.signal.files.open[3].path]  # type: ignore[union-attr]
    file_table.close_files(box, parent, keep=3)
    assert tree.readlink(box, f"/proc/{child.pid}/fd/4") is not None
    do_exit(box, child, 0)
    assert box.fs.descriptors == 0 and check(box) == []
