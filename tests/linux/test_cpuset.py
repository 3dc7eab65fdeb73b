"""cpuset.*: what may be written, who may run where. The answers are the real machine's."""

from __future__ import annotations

from pathlib import Path

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import STRERROR, KernelError
from memsh.linux.include.flags import GFP_FOLIO, GFP_KERNEL, GFP_NAMES
from memsh.linux.include.sched import Task
from memsh.linux.kernel.fork import fork
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Killed
from memsh.linux.mm.mempolicy import do_mbind, do_move_pages, do_set_mempolicy, node_of, policy_text
from memsh.linux.mm.mmap.mmap import sys_mmap
from memsh.linux.mm.mmap.vmalist import find_vma
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.commands.typed import Typed
from tests.linux.test_cgroup import CG, ask

_ERRORS = {words: code for code, (_, words) in STRERROR.items()}
PARTITIONS = Path(__file__).with_name("cpuset_partitions.txt")
_BASE = Box(Config(arch="x86_64", ram=512 * MIB, cpus=4, nodes=((256 * MIB, (0, 1)), (256 * MIB, (2, 3))),
                   cmdline="norandmaps transparent_hugepage=never"))  # fmt: skip


def fresh() -> tuple[Box, Task]:
    box = _BASE.copy()
    ask(box, "cgroup.subtree_control<+cpuset +a +a/b +c")
    return box, fork(box, box.current).child


def where(box: Box, task: Task, addr: int) -> set[int]:
    """The nodes of the first MiB from an address on."""
    assert task.mm is not None
    return {node_of(box, task.mm, at) for at in range(addr, addr + MIB, 4096)}


def allowed(box: Box, task: int, what: str = "Cpus") -> str:
    lines = tree.show(box, f"/proc/{task}/status").splitlines()
    return next(line.split("\t")[1] for line in lines if line.startswith(f"{what}_allowed_list"))


def told(box: Box, name: str, lists: str) -> str:
    """What the file has after each of these was written, `!` and the error's name before it where it was refused."""
    found = []
    for text in lists.split("|"):
        answer = ask(box, f"{name}<{text.replace(' ', '_')}")
        found.append(("" if answer == "ok" else f"!{answer} ") + ask(box, name).replace("nothing", "-"))
    return "|".join(found)


def test_what_is_a_list() -> None:
    box, _ = fresh()
    assert told(box, "a/cpuset.cpus", "0-1|0, 2|0 2|7|4|0-4|x||3-2|all|N|0-3:1/2|0-N|0,0|,1|1,|1 ,2|0x1|-1|0-|4096|"
                "9999999999|1-2-3") == (
        "0-1|0,2|0,2|!ERANGE 0,2|!ERANGE 0,2|!ERANGE 0,2|!EINVAL 0,2|-|!EINVAL -|0-3|3|0,2|0-3|0|1|1|1-2|!EINVAL 1-2|"
        "!EINVAL 1-2|!EINVAL 1-2|!ERANGE 1-2|!EOVERFLOW 1-2|!EINVAL 1-2")  # fmt: skip
    assert told(box, "a/cpuset.mems", "0|1|0-1|2|5|1023|1024|5000|x||1-0|all|N") == (
        "0|1|0-1|!EINVAL 0-1|!EINVAL 0-1|!EINVAL 0-1|!ERANGE 0-1|!ERANGE 0-1|!EINVAL 0-1|-|!EINVAL -|!EINVAL -|"
        "!EINVAL -")  # fmt: skip
    assert ask(box, "a/cpuset.cpus.effective<2 cpuset.cpus.effective<2 a/cpuset.cpus.partition<ROOT "
               "a/cpuset.cpus.partition< cpuset.cpus a/cpuset.cpus.partition") == (
        "EINVAL EINVAL EINVAL EINVAL ENOENT member")  # fmt: skip


def test_what_counts_is_the_part_that_the_group_above_has() -> None:
    box, _ = fresh()
    assert ask(box, "a/cgroup.subtree_control<+cpuset a/cpuset.cpus<0-2 a/b/cpuset.cpus.effective a/b/cpuset.cpus<1-3 "
               "a/b/cpuset.cpus.effective a/b/cpuset.cpus<3 a/b/cpuset.cpus.effective a/cpuset.cpus<2-3 "
               "a/b/cpuset.cpus.effective a/cpuset.cpus< a/cpuset.cpus.effective a/b/cpuset.cpus.effective") == (
        "ok ok 0-2 ok 1-2 ok 0-2 ok 3 ok 0-3 3")  # fmt: skip
    assert ask(box, "a/cpuset.mems<1 a/b/cpuset.mems.effective a/b/cpuset.mems<0 a/b/cpuset.mems.effective "
               "a/cpuset.mems< a/b/cpuset.mems.effective") == "ok 1 ok 1 ok 0"  # fmt: skip


def test_tasks_may_run_on_their_groups_cpus() -> None:
    box, task = fresh()
    p = task.pid
    ask(box, "a/cgroup.subtree_control<+cpuset a/b/cpuset.cpus<3 a/b/cpuset.mems<0")
    typed = Typed("--arch", "x86_64")
    typed.session.box = box

    def taskset(words: str) -> str:
        return typed(f"taskset -cp {words}").replace(f"pid {p}'s ", "").replace(" affinity list", "").strip()

    ask(box, f"a/b/cgroup.procs<{p}")
    assert (allowed(box, p), allowed(box, p, "Mems")) == ("3", "0")
    assert tree.show(box, f"/proc/{p}/cpuset") == "/a/b\n"
    assert taskset(f"0-1 {p}") == "current: 3\ntaskset: failed to set affinity: Invalid argument"
    assert taskset(f"1-3 {p}") == "current: 3\nnew: 3"
    assert ask(box, "a/b/cpuset.cpus< a/b/cpuset.mems< a/b/cpuset.cpus a/b/cpuset.cpus<0-1") == (
        "ENOSPC ENOSPC 3 ok")
    seen = [allowed(box, p)]
    for line in (f"1 {p}", f"2-3 {p}", f"1-3 {p}"):
        taskset(line)
        seen.append(allowed(box, p))
    for line in ("a/b/cpuset.cpus<0-2", f"taskset 1 {p}", "a/b/cpuset.cpus<0-2", "a/cpuset.cpus<0-3",
                 "a/cpuset.cpus<0,3"):  # fmt: skip
        if line.startswith("taskset"):
            taskset(line.removeprefix("taskset "))
        else:
            ask(box, line)
        seen.append(allowed(box, p))
    assert seen == ["0-1", "1", "1", "1", "0-2", "1", "1", "1", "0"]
    assert task.cpu == 0
    ask(box, "a/b/cpuset.mems<1")
    assert allowed(box, p, "Mems") == "1"
    child = fork(box, task).child.pid
    assert (allowed(box, child), allowed(box, child, "Mems")) == ("0", "1")
    ask(box, f"cgroup.procs<{p}")
    assert (allowed(box, p), allowed(box, p, "Mems"), tree.show(box, f"/proc/{p}/cpuset")) == ("0-3", "0-1", "/\n")
    ask(box, f"a/b/cgroup.procs<{p} a/cgroup.subtree_control<-cpuset")
    assert (allowed(box, p), allowed(box, p, "Mems"), tree.show(box, f"/proc/{p}/cpuset")) == ("0,3", "0-1", "/a\n")
    assert ask(box, "a/b/cpuset.cpus a/cgroup.subtree_control<+cpuset a/b/cpuset.cpus a/b/cpuset.cpus.effective") == (
        "ENOENT ok nothing 0,3")
    assert allowed(box, p) == "0,3"
    assert check(box) == []


def test_memory_comes_from_the_groups_nodes() -> None:
    """Pages follow when cpuset.mems changes, and so do policies; what is not among the nodes is refused."""
    box, p = fresh()
    assert p.mm is not None
    mm = p.mm
    switch_to(box, p)
    old = sys_mmap(box, mm, 0, MIB, 3, 0x22)
    touch_range(box, p, old, MIB, True)
    assert where(box, p, old) == {0}
    ask(box, f"a/cpuset.mems<1 a/cgroup.procs<{p.pid}")
    addr = sys_mmap(box, mm, 0, MIB, 3, 0x22)
    touch_range(box, p, addr, MIB, True)
    assert (where(box, p, old), where(box, p, addr), p.cpu) == ({1}, {1}, 0)

    def policy(mode: int, *nodes: int) -> str:
        try:
            do_set_mempolicy(box, p, mode, nodes)
        except KernelError as error:
            return error.code
        return policy_text(p.mempolicy)

    def now(mems: str) -> tuple[str, str, set[int]]:
        ask(box, f"a/cpuset.mems<{mems}")
        vma = find_vma(mm, addr)
        assert vma is not None
        return policy_text(p.mempolicy), policy_text(vma.policy), where(box, p, addr)

    assert [policy(2, 0), policy(2, 0, 1), policy(1, 0), policy(3, 0, 1)] == ["EINVAL", "bind:1", "EINVAL",
                                                                              "interleave:1"]  # fmt: skip
    with pytest.raises(KernelError, match="Invalid"):
        do_mbind(box, mm, addr, MIB, 2, [0])
    do_mbind(box, mm, addr, MIB, 3, [0, 1])
    assert now("0") == ("interleave:0", "interleave:0", {0})
    assert now("0-1") == ("interleave:0", "interleave:0", {0})
    policy(3, 0, 1)
    do_mbind(box, mm, addr, MIB, 2, [1])
    assert now("0") == ("interleave:0", "bind:0", {0})
    assert now("1") == ("interleave:1", "bind:1", {1})
    with pytest.raises(KernelError, match="Permission"):
        do_move_pages(box, mm, addr, 4, 0)
    assert do_move_pages(box, mm, addr, 4, 1) == [1, 1, 1, 1]
    policy(0)
    assert box.pages.alloc_pages_node(GFP_KERNEL | GFP_NAMES["__GFP_THISNODE"], 0, 0)  # the kernel may, if it must
    assert not box.pages.alloc_pages_node(GFP_FOLIO | GFP_NAMES["__GFP_THISNODE"], 0, 0)
    assert check(box) == []


def test_a_group_without_memory_left_kills_its_own() -> None:
    box, p = fresh()
    assert p.mm is not None
    switch_to(box, p)
    ask(box, f"a/cpuset.mems<1 a/cgroup.procs<{p.pid}")
    addr = sys_mmap(box, p.mm, 0, 0x18000000, 3, 0x22)
    with pytest.raises(Killed):
        touch_range(box, p, addr, 0x18000000, True)
    box.oom.settle()
    lines = [record.text for record in box.log.unread()]
    assert [line for line in lines if line.startswith("oom-kill:")] == [
        f"oom-kill:constraint=CONSTRAINT_CPUSET,nodemask=(null),cpuset=a,mems_allowed=1,global_oom,task_memcg=/,"
        f"task=a.out,pid={p.pid},uid=0"]  # fmt: skip
    assert {line[:6] for line in lines if line.startswith("Node")} == {"Node 1"}
    assert sum(zone.nr_free for zone in box.pages.nodes[0].zones) > 50000
    assert check(box) == []


def _state(box: Box) -> str:
    rows = []
    for group in ("a", "a/b", "c"):
        cpus, effective, state = ask(
            box, f"{group}/cpuset.cpus {group}/cpuset.cpus.effective {group}/cpuset.cpus.partition"
        ).split(" ")
        if state != "ENOENT":
            lists = f"{cpus} {effective}".replace("nothing", "-")
            rows.append(f"{group}: {lists} {state.replace('_', ' ')}")
    return " | ".join([*rows, ask(box, "cpuset.cpus.effective")])


def test_partitions() -> None:
    """Each line of the recording is done, and the line that is set in below it is what the groups are then."""
    box = _BASE.copy()
    pid = fork(box, box.current).child.pid
    last = ""
    for line in PARTITIONS.read_text().splitlines():
        if line.startswith("    "):
            found = _state(box)
            if last.startswith("allowed"):
                found = " ".join(allowed(box, pid if word == "PID" else int(word)) for word in last.split()[1:])
            assert found == line.strip(), last
            continue
        last = line
        command, _, words = line.partition("=")
        text, _, refusal = words.partition(" ! ")
        if line.startswith(("mkdir", "rmdir")):
            for name in line.split()[1:]:
                ask(box, ("+" if line.startswith("mkdir") else "-") + name)
        elif words or line.endswith("="):
            file = command.replace("partition", "cpuset.cpus.partition")
            if file.endswith("/cpus"):
                file = file.replace("/cpus", "/cpuset.cpus")
            if "cpuset" not in file:
                folder, _, name = file.rpartition("/")
                file = f"{folder}/cgroup.{name}".lstrip("/")
            answer = ask(box, f"{file}<{text.replace('PID', str(pid)).replace(' ', '_')}")
            assert answer == (_ERRORS[refusal] if refusal else "ok"), line
    assert check(box) == []


def test_a_cpuset_far_away_counts_misses_once_memory_is_short() -> None:
    typed = Typed("--arch", "x86_64", "--ram", "512M", "--cpus", "2", "--nodes", "256M:0,256M:1", "--swap", "64M",
                  "--cmdline", "transparent_hugepage=never")  # fmt: skip
    typed(f"echo +cpuset > {CG}/cgroup.subtree_control; mkdir {CG}/a; echo 1 > {CG}/a/cpuset.mems")
    typed(f"echo 0 > {CG}/a/cgroup.procs; p=$(mmap 246M rw)")

    def node1() -> dict[str, int]:
        rows = typed("cat /sys/devices/system/node/node1/numastat").splitlines()
        return {row.split()[0]: int(row.split()[1]) for row in rows}

    before = node1()
    typed("write $p 100M")
    after = node1()
    assert after["numa_miss"] == 0  # the nearest of its nodes gave them
    assert after["other_node"] - before["other_node"] >= 25600 > after["local_node"] - before["local_node"]
    typed("write $p+100M 146M")
    assert node1()["numa_miss"] > 0  # the slow path compares with the nearest of all
