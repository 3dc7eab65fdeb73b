"""/sys/kernel/debug/sched/debug beside a recorded one: its lines, and what other files say of the same."""

from __future__ import annotations

import re

from memsh.linux.config import Config
from memsh.machines.box import Box
from memsh.procfs import tree

FILE = "/sys/kernel/debug/sched/debug"
_FIGURES = """
    nr_running nr_switches nr_uninterruptible next_balance curr->pid clock clock_task avg_idle max_idle_balance_cost
    exec_clock MIN_vruntime min_vruntime max_vruntime spread spread0 nr_spread_over nr_running h_nr_running
    idle_nr_running idle_h_nr_running load load_avg runnable_avg util_avg util_est_enqueued removed.load_avg
    removed.util_avg removed.runnable_avg tg_load_avg_contrib tg_load_avg throttled throttle_count rt_nr_running
    rt_nr_migratory rt_throttled rt_time rt_runtime dl_nr_running dl_nr_migratory dl_bw->bw dl_bw->total_bw
"""
FIGURES = _FIGURES.split()


def test_each_cpu_has_its_figures_and_tasks() -> None:
    box = Box(Config(arch="x86_64", cpus=2))
    text = tree.show(box, FILE)
    first, *cpus = text.split("\ncpu#")
    assert first.startswith("Sched Debug Version: v0.11, 6.1.192 #2\nktime" + " " * 35 + ": ")
    assert "  .sysctl_sched_latency                    : 12.000000\n" in first
    assert [re.findall(r"^  \.(\S+) +: ", one, re.M) for one in cpus] == [FIGURES, FIGURES]
    assert f"  .curr->pid                     : {box.current.pid}\n" in cpus[0]
    assert "  .curr->pid                     : 0\n" in cpus[1] and "  .load                          : 0\n" in cpus[1]
    named = re.findall(r"^(?: [SIDR]|>R) +(\S+) +(\d+) ", text, re.M)
    assert sorted(int(pid) for _, pid in named) == sorted(box.tasks)
    assert re.search(r"^ S            init     1 {6}[ \d]{3}\d+\.\d{6} {7}\d\d\d   120         0\.000000", text, re.M)


def test_what_was_written_to_its_files_shows() -> None:
    box = Box(Config(arch="x86_64"))
    tree.store(box, "/sys/kernel/debug/sched/latency_ns", "7000000\n")
    assert "  .sysctl_sched_latency                    : 7.000000\n" in tree.show(box, FILE)
    assert not tree.exists(Box(Config()), FILE)
