"""cpuset.*: what may be written, who may run where. The answers are the real machine's."""

from __future__ import annotations

from pathlib import Path

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import STRERROR
from memsh.linux.include.sched import Task
from memsh.linux.kernel.fork import fork
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.commands.typed import Typed
from tests.linux.test_cgroup import ask

_ERRORS = {words: code for code, (_, words) in STRERROR.items()}
PARTITIONS = Path(__file__).with_name("cpuset_partitions.txt")
_BASE = Box(Config(arch="x86_64", ram=512 * MIB, cpus=4, nodes=((256 * MIB, (0, 1)), (256 * MIB, (2, 3))),
                   cmdline="norandmaps"))  # fmt: skip


def fresh(lines: str = "") -> tuple[Box, Task]:
    box = _BASE.copy()
    ask(box, "cgroup.subtree_control<+cpuset +a +a/b +c")
    return box, fork(box, box.current).child


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
