"""What the kernel's log says of a group at its limit (mm/memcontrol.c: mem_cgroup_print_oom_meminfo).

Known deviations: each line of the statistics is a record, as one reads them, not all of them one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.kern_levels import KERN_INFO
from memsh.linux.mm.memcontrol.page_counter import PageCounter
from memsh.linux.mm.memcontrol.stat import stat_lines

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup

CONSOLE_LOG_MAX = 1024
PREFIX = len("<6>[    0.000000] ")


def mem_cgroup_get_max(memcg: MemCgroup, total_swap: int) -> int:
    """Pages of memory and swap that a group may have."""
    return memcg.memory.max + min(memcg.swap.max, total_swap)


def _counter_line(name: str, counter: PageCounter) -> str:
    limit = counter.max * 4
    return f"{name}: usage {counter.usage * 4}kB, limit {limit}kB, failcnt {counter.failcnt}"


def print_oom_meminfo(box: Box, memcg: MemCgroup) -> None:
    """Use and limits, then memory.stat, as far as a reader of the log gets it (record_print_text)."""
    log = box.log
    log.printk(_counter_line("memory", memcg.memory), KERN_INFO)
    log.printk(_counter_line("swap", memcg.swap), KERN_INFO)
    log.printk(f"Memory cgroup stats for {memcg.cgroup.path}:", KERN_INFO)
    kept: list[str] = []
    room = CONSOLE_LOG_MAX
    for line in stat_lines(box, memcg):
        if PREFIX + len(line) + 2 > room:
            break
        room -= PREFIX + len(line) + 1
        kept.append(line)
    for line in kept:
        log.printk(line, KERN_INFO)
