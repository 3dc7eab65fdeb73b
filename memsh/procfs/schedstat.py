"""/proc/schedstat: how long each CPU ran tasks, and how often (kernel/sched/stats.c).

**Known deviations:** nobody waits for a CPU, and no load is balanced: those figures are 0, as without sched_schedstats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import UINT_MAX
from memsh.procfs.sys_node import cpumap_text

if TYPE_CHECKING:
    from memsh.linux.box import Box

VERSION = 15
INITIAL_JIFFIES = -300  # seconds: the counter wraps five minutes after boot
DOMAIN_FIGURES = 36


def show(box: Box) -> str:
    cpus = box.config.cpus
    jiffies = INITIAL_JIFFIES * box.arch.hz + box.timer.usec * box.arch.hz // 1_000_000
    lines = [f"version {VERSION}\ntimestamp {jiffies & UINT_MAX}\n"]
    for cpu in range(cpus):
        busy = box.cputime.busy(cpu)
        lines.append(f"cpu{cpu} 0 0 0 0 0 0 {busy * 1000} 0 {busy // 2000}\n")
        if cpus > 1:
            mask = cpumap_text(range(cpus), cpus)
            lines.append(f"domain0 {mask} " + " ".join(["0"] * DOMAIN_FIGURES) + "\n")
    return "".join(lines)
