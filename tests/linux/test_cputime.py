"""Time is one story: what processes and CPUs had, and the load (kernel/sched/cputime.c, loadavg.c)."""

from __future__ import annotations

import io
import math

from memsh.cli import open_session
from memsh.linux.box import Box as Kernel
from memsh.linux.config import Config
from memsh.linux.kernel.cputime import EXP, FIXED_1, calc_load, fixed_power_int
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import tree

MIB, SECOND = 1 << 20, 1_000_000


def ticks(box: Kernel) -> list[list[int]]:
    text = tree.show(box, "/proc/stat")
    return [list(map(int, line.split()[1:])) for line in text.splitlines() if line[:3] == "cpu" and line[3] != " "]


def of_tasks(box: Kernel) -> tuple[int, int]:
    return sum(task.utime for task in box.tasks.values()), sum(task.stime for task in box.tasks.values())


def test_faults_are_paid_for_when_the_clock_moves() -> None:
    box = Box(Config())
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 400 * MIB, 3, 0x22)
    before, used = of_tasks(box), [list(one) for one in box.cputime.used]
    touch_range(box, box.current, addr, 400 * MIB, True)
    assert of_tasks(box) == before and box.cputime.used == used
    box.timer.advance(10_000)  # less than it takes
    assert sum(of_tasks(box)) - sum(before) == 10_000
    box.timer.advance(SECOND)
    user, system = (now - then for now, then in zip(of_tasks(box), before, strict=True))
    assert system >= 102_400 and 0.2 < user / system < 0.3
    assert [box.cputime.used[0][which] - used[0][which] for which in (0, 1)] == [user, system]
    assert sum(ticks(box)[0]) in range(box.timer.usec // 10_000 - 4, box.timer.usec // 10_000 + 1)


def test_each_cpu_has_what_its_processes_had() -> None:
    screen = io.StringIO()
    session = open_session(["--arch", "x86_64", "--cpus", "4"], screen, screen)
    session.run("sleep 1; taskset -c 2 stress -q --vm 1 --vm-bytes 20M -t 10 & sleep 6; cat /proc/loadavg")
    session.run("ps -C stress -o stat,psr")
    box = session.box
    busy = [one[0] + one[2] for one in ticks(box)]
    assert 550 < busy[2] < 620 and busy[1] == busy[3] == 0
    first = screen.getvalue().splitlines()[0].split()
    assert 0.05 < float(first[0]) < 0.2 and first[3].startswith("2/")
    assert "R      2" in screen.getvalue()
    session.run("wait; sleep 600; cat /proc/loadavg")
    assert screen.getvalue().splitlines()[-1].startswith("0.00 ")
    assert box.init.cutime + box.init.cstime > 9 * SECOND


def test_load_follows_linux() -> None:
    load = 0
    for _ in range(12):
        load = calc_load(load, EXP[0], 2 * FIXED_1)
    assert abs(load / FIXED_1 - 2 * (1 - math.exp(-1))) < 0.02
    steps = load
    for _ in range(30):
        steps = calc_load(steps, EXP[1], 0)
    assert abs(steps - calc_load(load, fixed_power_int(EXP[1], 30), 0)) <= 16
