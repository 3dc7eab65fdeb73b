"""Groups and their controllers but for memory: who may be where, how many tasks. The answers are the real machine's."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import Task
from memsh.linux.kernel.exit import do_exit
from memsh.linux.kernel.fork import clone_thread, fork
from memsh.linux.kernel.sched import switch_to
from memsh.machines.box import Box
from memsh.procfs import tree

CG = "/sys/fs/cgroup"
_BASE = Box(Config(arch="x86_64", ram=512 * MIB, cmdline="norandmaps"))


def ask(box: Box, lines: str) -> str:
    """What each of these answers: `FILE<TEXT` writes, `FILE` reads, `+DIR` and `-DIR` make and remove. A letter of an
    answer for each, `ok`, the error's name, or what was read, its lines parted by commas."""
    return " ".join(_answer(box, line) for line in lines.split(" "))


def _answer(box: Box, line: str) -> str:
    name, writes, text = line.partition("<")
    try:
        if writes:
            tree.store(box, f"{CG}/{name}", text.replace("_", " ") + "\n")
        elif name[0] in "+-":
            (tree.mkdir if name[0] == "+" else tree.rmdir)(box, f"{CG}/{name[1:]}")
        else:
            return tree.show(box, f"{CG}/{name}").strip().replace(" ", "_").replace("\n", ",") or "nothing"
    except KernelError as error:
        return error.code
    return "ok"


def fresh() -> tuple[Box, Task]:
    """A box, and a process that is not the current one."""
    box = _BASE.copy()
    return box, fork(box, box.current).child


def test_a_threaded_group_shares_the_domain_above_it() -> None:
    box, task = fresh()
    p = task.pid
    assert ask(box, "+a +a/b +a/c a/b/cgroup.type<threaded a/cgroup.type a/b/cgroup.type a/c/cgroup.type "
               "a/c/cgroup.type<domain a/c/cgroup.type<x a/c/cgroup.type< a/b/cgroup.type<threaded "
               "a/b/cgroup.procs") == (
        "ok ok ok ok domain_threaded threaded domain_invalid EINVAL EINVAL EINVAL ok EOPNOTSUPP")  # fmt: skip
    assert ask(box, "cgroup.subtree_control<+memory_+pids a/cgroup.subtree_control<+pids a/b/cgroup.controllers "
               "a/c/cgroup.controllers a/cgroup.subtree_control<+memory a/b/cgroup.subtree_control<+pids "
               "a/c/cgroup.subtree_control<+pids +a/b/e a/b/e/cgroup.type a/b/e/cgroup.threads<0") == (
        "ok ok pids pids EOPNOTSUPP ok EOPNOTSUPP ok domain_invalid EOPNOTSUPP")  # fmt: skip
    assert ask(box, f"a/c/cgroup.procs<{p} a/b/cgroup.procs<{p} a/b/cgroup.threads<{p} a/cgroup.procs<{p} "
               f"a/b/cgroup.threads<{p} a/cgroup.procs a/cgroup.threads a/b/cgroup.threads a/b/cgroup.kill<1 "
               "a/cgroup.events a/b/cgroup.events a/pids.current a/b/pids.current a/cgroup.stat "
               "a/b/memory.current") == (
        f"EOPNOTSUPP ok ok ok ok {p} nothing {p} EOPNOTSUPP populated_1,frozen_0 populated_1,frozen_0 1 1 "
        "nr_descendants_3,nr_dying_descendants_0 ENOENT")  # fmt: skip
    assert tree.show(box, f"/proc/{p}/cgroup") == "0::/a/b\n"
    assert check(box) == []


def test_limits_of_the_hierarchy() -> None:
    box, _ = fresh()
    assert ask(box, "+a +a/b +a/c +a/b/e a/cgroup.max.depth<1 -a/b/e +a/b/f a/cgroup.max.depth<0 +a/g "
               "a/cgroup.max.depth<max a/cgroup.max.descendants<2 +a/g a/cgroup.max.depth a/cgroup.max.descendants<-1 "
               "a/cgroup.max.descendants<99999999999 a/cgroup.max.depth<1x -a -x +a +a/b") == (
        "ok ok ok ok ok ok EAGAIN ok EAGAIN ok ok EAGAIN max ERANGE ERANGE EINVAL EBUSY ENOENT EEXIST "
        "EEXIST")  # fmt: skip


def test_where_a_process_may_be() -> None:
    """The threads of a process leave their thread root together; tasks beside controllers make a thread root."""
    box, task = fresh()
    p = task.pid
    ask(box, f"cgroup.subtree_control<+memory_+pids +a +a/b a/b/cgroup.type<threaded a/b/cgroup.procs<{p}")
    assert ask(box, f"cgroup.threads<{p} cgroup.procs<{p} cgroup.type<threaded +d +d/e d/cgroup.procs<{p} "
               "d/cgroup.type<threaded d/e/cgroup.type<threaded d/cgroup.type d/cgroup.subtree_control<+pids "
               "d/cgroup.type d/cgroup.subtree_control<-pids d/cgroup.type d/e/cgroup.type") == (
        "EOPNOTSUPP ok ENOENT ok ok ok EOPNOTSUPP ok domain_threaded ok domain_threaded ok domain_threaded "
        "threaded")  # fmt: skip
    assert ask(box, "+f +f/g f/cgroup.subtree_control<+memory f/g/cgroup.type<threaded f/cgroup.type<threaded "
               f"f/cgroup.procs<{p} f/g/cgroup.procs<{p} +f/g/h f/g/h/cgroup.procs<{p} f/g/cgroup.type +f/i "
               "f/cgroup.subtree_control<-memory f/i/cgroup.type<threaded f/g/h/cgroup.procs f/g/cgroup.procs "
               "-f/g/h f/g/cgroup.procs<2 f/g/cgroup.kill<1 -f/g/h") == (
        f"ok ok ok EOPNOTSUPP EOPNOTSUPP EBUSY ok ok ok domain ok ok EOPNOTSUPP {p} nothing EBUSY EINVAL ok "
        "ok")  # fmt: skip
    assert ask(box, "+k k/cgroup.type<threaded k/cgroup.type k/cgroup.controllers k/memory.max +k/l k/l/cgroup.type "
               "k/l/cgroup.type<threaded k/l/cgroup.type cgroup.subtree_control<-memory d/memory.current") == (
        "ok ok threaded pids ENOENT ok domain_invalid ok threaded ok ENOENT")  # fmt: skip
    assert check(box) == []


def test_forks_stop_at_pids_max() -> None:
    """Only fork meets the limit; the groups above count, too, and the log tells the first refusal."""
    box, task = fresh()
    other = fork(box, box.current).child
    assert ask(box, "cgroup.subtree_control<+pids +a +a/b a/pids.max<-1 a/pids.max<x a/pids.max<4194305 "
               "a/pids.max<4194304 a/pids.max a/pids.max<5x a/pids.max<0x10 a/pids.max a/pids.max<010 a/pids.max "
               "a/pids.max< a/pids.max<max a/pids.max a/pids.max<3") == (
        "ok ok ok EINVAL EINVAL EINVAL ok 4194304 EINVAL ok 16 ok 8 EINVAL ok max ok")  # fmt: skip
    ask(box, f"a/cgroup.procs<{task.pid}")
    switch_to(box, task)
    first = fork(box, task).child
    second = fork(box, task).child
    for make in (lambda: fork(box, task), lambda: clone_thread(box, task, 0, 0, 0)):
        tasks = len(box.tasks)
        with pytest.raises(KernelError) as error:
            make()
        assert error.value.code == "EAGAIN" and len(box.tasks) == tasks
    told = [record.text for record in box.log.unread() if "pids" in record.text]
    assert told == ["cgroup: fork rejected by pids controller in /a"]
    assert ask(box, f"a/pids.events a/cgroup.procs<{other.pid} a/pids.current a/pids.peak a/cgroup.procs "
               "a/cgroup.subtree_control<+pids a/cgroup.type a/b/cgroup.type a/b/pids.current "
               f"a/b/cgroup.procs<{other.pid}") == (
        f"max_2 ok 4 4 {task.pid},{first.pid},{second.pid},{other.pid} ok domain_threaded domain_invalid 0 "
        "EOPNOTSUPP")  # fmt: skip
    do_exit(box, task, 0)
    assert ask(box, "a/pids.current") == "4"  # until somebody waits for it
    assert check(box) == []


def test_files_as_the_recorded_kernel_shows_them() -> None:
    """Modes, an empty set of controllers, what the disks of the whole machine did, triggers of pressure."""
    box = Box(Config(arch="x86_64", ram=512 * MIB, swap=64 * MIB))
    root = "/sys/fs/cgroup"
    tree.mkdir(box, f"{root}/a")
    assert tree.mode(box, root) == 0o555 and tree.mode(box, f"{root}/a") == 0o755
    assert tree.mode(box, f"{root}/a/memory.pressure") == 0o644
    assert tree.show(box, f"{root}/a/cgroup.controllers") == tree.show(box, f"{root}/cgroup.subtree_control") == ""
    tree.store(box, f"{root}/a/memory.pressure", "some 150000 1000000\n")
    with pytest.raises(KernelError, match="Invalid argument"):
        tree.store(box, f"{root}/a/memory.pressure", "x\n")
    rows = tree.show(box, f"{root}/io.stat").splitlines()
    assert len(rows) == 26 and rows[2] == "7:7 " and rows[-1] == "1:0 "
    disk = next(line.split() for line in tree.show(box, "/proc/diskstats").splitlines() if " vdb " in line)
    assert rows[0] == (f"254:16 rbytes={int(disk[5]) * 512} wbytes={int(disk[9]) * 512} rios={disk[3]} wios={disk[7]} "
                       "dbytes=0 dios=0" if int(disk[3]) + int(disk[7]) else "254:16 ")  # fmt: skip
