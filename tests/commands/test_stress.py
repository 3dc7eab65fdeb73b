"""stress: which CPU each worker has, what each kind does, and what is said when one ends (stress 1.0.7)."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from memsh.inspect.check import check
from memsh.linux.config import Config
from memsh.linux.kernel.fair import sched_slice, select_task_rq_fair
from memsh.machines.box import Box
from tests.commands.typed import Typed

SECOND = 1_000_000


def test_workers_spread_over_the_cpus_and_take_turns() -> None:
    typed = Typed("--cpus", "4")
    typed("stress -q --cpu 6 -t 20 & sleep 6")
    rows = [line.split() for line in typed("ps -C stress -o ppid,psr,stat").splitlines()[1:]]
    assert rows[0] == ["1", "0", "S"] and {row[0] for row in rows[1:]} == {"54"}
    assert sorted(Counter(int(row[1]) for row in rows[1:]).values()) == [1, 1, 2, 2]
    box = typed.session.box
    had = [task.utime + task.stime for task in box.tasks.values() if task.comm == "stress" and task.utime]
    assert len(had) == 6 and min(had) > 3.8 * SECOND and max(had) < 4.2 * SECOND
    figures = typed("vmstat 1 2").splitlines()[-1].split()
    assert figures[0] == "7" and figures[12:15] == ["100", "0", "0"] and 200 < int(figures[11]) < 300
    assert typed("top -b -n 1 | grep stress").split()[8] in ("100.0", "66.7", "53.3", "60.0", "73.3")
    assert check(box) == []


def test_the_idlest_cpu_is_that_of_the_parent_only_where_no_other_is_idler() -> None:
    box = Box(Config(cpus=4))
    task = box.current
    found = []
    for pid in range(6):
        task.cpu = select_task_rq_fair(box, task, 0)
        found.append(task.cpu)
        other = box.tasks[sorted(box.tasks)[pid + 1]]
        other.cpu = task.cpu
        box.cputime.hold(other, "R")
    assert found == [1, 2, 3, 0, 1, 2]
    task.affinity = (2,)
    assert select_task_rq_fair(box, task, 0) == 2


def test_a_node_with_more_idle_cpus_is_chosen_first() -> None:
    box = Box(Config(arch="x86_64", ram=2 << 30, cpus=4, nodes=((1 << 30, (0, 1)), (1 << 30, (2, 3)))))
    assert select_task_rq_fair(box, box.current, 0) == 2


def test_memory_that_is_kept_costs_the_kernel_nothing() -> None:
    typed = Typed("--ram", "256M")
    for options, kernel in (("--vm-keep", range(15)), ("", range(70, 100))):
        typed(f"stress -q --vm 1 --vm-bytes 32M {options} -t 8 & sleep 4")
        user, system, idle = (int(word) for word in typed("vmstat 1 2").splitlines()[-1].split()[12:15])
        assert system in kernel and user in range(95 - system, 101) and not idle, options
        typed("wait")
    assert check(typed.session.box) == []


def test_slices() -> None:
    assert sched_slice(Box(Config(cpus=4)), 2) == 10000  # 18 ms for two, and a tick
    assert [sched_slice(Box(Config()), running) for running in (2, 3, 6, 10)] == [4000, 3000, 2000, 1000]
    assert sched_slice(Box(Config(arch="x86_64")), 2) == 4000  # 3 ms, ended by a tick of 4 ms


def test_sync_and_write_wait_for_the_disk() -> None:
    typed = Typed()
    typed("stress -q --io 1 -t 3 & sleep 1")
    figures = [int(word) for word in typed("vmstat 1 2").splitlines()[-1].split()]
    assert figures[1] == 1 and figures[13] in range(15, 30) and figures[15] in range(70, 85)
    flushes = [line.split() for line in typed("wait; grep vdb /proc/diskstats").splitlines()]
    assert flushes[0][18] == flushes[0][7] and int(flushes[0][18]) > 20_000
    typed("stress -q --hdd 1 --hdd-bytes 30M -t 2")
    assert "vdb" in typed("df /") and not typed("ls | grep stress.") and typed.session.box.vmstat["nr_written"] == 0
    assert check(typed.session.box) == []


@pytest.mark.parametrize(("line", "said"), [
    ("stress -q --vm 1 --vm-bytes 3G -t 1", r"\((512)\) hogvm malloc failed: Cannot allocate memory"),
    ("cd /proc; stress -q --hdd 1 -t 1", r"\((581)\) mkstemp failed: No such file or directory"),
    ("ulimit -f 100; stress -q --hdd 1 -t 1", r"\((425)\) <-- worker \d+ got signal 25"),
])  # fmt: skip
def test_a_worker_that_gives_up(line: str, said: str) -> None:
    typed = Typed()
    lines = typed(line).splitlines()
    assert typed.status == 1 and re.search(said, lines[0])
    assert lines[-1].endswith("(461) failed run completed in 0s")
    assert re.search(r"WARN: \[54\] \((406|427)\) now reaping child worker processes", lines[-2])
    assert not typed("pgrep stress") and check(typed.session.box) == []


def test_dry_run_and_refusals() -> None:
    typed = Typed()
    assert typed("stress -n --vm 2 --io 1") == (
        "stress: info: [54] dispatching hogs: 0 cpu, 1 io, 2 vm, 0 hdd\n"
        "stress: info: [54] successful run completed in 0s\n"
    )
    assert "say how many workers" in typed("stress -t 1") and typed.status == 1
    assert "at most 64" in typed("stress --cpu 40 --vm 40") and typed.status == 1
