"""Kernel threads have been at work, and those that timers wake go on."""

from __future__ import annotations

import pytest

from memsh.linux.config import MIB, Config
from memsh.linux.kernel.kthread_switches import context_switches
from memsh.machines.box import Box
from memsh.procfs import tree


def switches(box: Box, begin: str) -> tuple[int, int]:
    task = next(task for task in box.tasks.values() if task.comm.startswith(begin))
    status = tree.show(box, f"/proc/{task.pid}/status").splitlines()
    shown = dict(line.split(":\t") for line in status if "ctxt" in line)
    assert context_switches(box, task) == tuple(int(value) for value in shown.values())
    return context_switches(box, task)


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_what_boot_needed_and_what_comes_again(arch: str) -> None:
    box = Box(Config(arch=arch, ram=128 * MIB))
    assert switches(box, "oom_reaper") == (2, 0) and switches(box, "kswapd0") == (3, 0)
    assert switches(box, "kworker/u2:0")[1] == 169 and switches(box, "init") == (30, 300)
    kthreads = [task for task in box.tasks.values() if task.is_kthread]
    assert len(kthreads) - 1 <= switches(box, "kthreadd")[0] < 70
    total = sum(sum(context_switches(box, task)) for task in box.tasks.values())
    assert total < int(tree.show(box, "/proc/stat").split("ctxt ")[1].split()[0])
    before = switches(box, "kcompactd0"), switches(box, "rcu_preempt")
    box.timer.advance(10_000_000)
    after = switches(box, "kcompactd0"), switches(box, "rcu_preempt")
    assert after[0][0] == before[0][0] + 20 and after[1][0] > before[1][0]
    assert switches(box, "oom_reaper") == (2, 0)


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_an_idle_machine_wakes_seldom(arch: str) -> None:
    """Ten idle seconds of a recorded kernel: some 100 timer interrupts, 90 switches, 50 and 12 soft interrupts."""
    box = Box(Config(arch=arch, ram=128 * MIB))

    def counts() -> list[int]:
        stat = dict(line.split(" ", 1) for line in tree.show(box, "/proc/stat").splitlines())
        soft = stat["softirq"].split()
        return [int(word) for word in (stat["intr"].split()[0], stat["ctxt"], soft[2], soft[10])]

    before = counts()
    box.timer.advance(10_000_000)
    interrupts, switches, timers, rcu = (after - first for after, first in zip(counts(), before, strict=True))
    assert interrupts in range(80, 130) and switches in range(80, 110)
    assert timers in range(45, 65) and rcu in range(10, 20)


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_processes_counts_every_fork(cpus: int) -> None:
    """As many as PIDs have been given, and the idle threads of the other CPUs, as on the recorded machines."""
    box = Box(Config(ram=128 * MIB, cpus=cpus))
    forks = int(tree.show(box, "/proc/stat").split("processes ")[1].split()[0])
    assert forks == int(tree.show(box, "/proc/loadavg").split()[-1]) + cpus - 1
