"""/proc/schedstat: how long each CPU ran tasks, and how often (kernel/sched/stats.c).

**Known deviations:** nobody waits for a CPU, and no load is balanced: those figures are 0, as without sched_schedstats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.procfs.sys_node import cpumap_text

if TYPE_CHECKING:
    from memsh.linux.box import Box

VERSION = 15
DOMAIN_FIGURES = 36


def show(box: Box) -> str:
    cpus = box.config.cpus
    lines = [f"version {VERSION}\ntimestamp {box.timer.jiffies(box.arch.hz)}\n"]
    for cpu in range(cpus):
        busy = box.cputime.busy(cpu)
        lines.append(f"cpu{cpu} 0 0 0 0 0 0 {busy * 1000} 0 {busy // 2000}\n")
        if cpus > 1:
            mask = cpumap_text(range(cpus), cpus)
            lines.append(f"domain0 {mask} " + " ".join(["0"] * DOMAIN_FIGURES) + "\n")
    return "".join(lines)
