"""/proc/PID/sched: what the scheduler knows of a task (kernel/sched/debug.c, proc_sched_show_task).

**Known deviations:** nobody waits for a CPU, so virtual time is the task's own by its weight; averages are those of its
whole life; tasks are not moved for the sake of their memory; what is written resets nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.sched import threads_of
from memsh.linux.kernel.kthread_switches import context_switches, sum_exec_runtime
from memsh.procfs.pid_stat import priority

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

MAX_RT_PRIO = 100
NICE_0_LOAD = 1024
SCALE = 1024  # of a weight, as 64-bit kernels keep it
LOAD_AVG_MAX = 47742
SHIFT = 10
WEIGHT_STEP = 1.25  # from one nice value to the next (sched_prio_to_weight)


def weight(nice: int) -> int:
    """1024 at nice 0, a quarter more for each step down."""
    return round(NICE_0_LOAD / WEIGHT_STEP**nice)


def show_sched(box: Box, task: Task) -> str:
    count = len(threads_of(box, task))
    head = f"{task.comm} ({task.pid}, #threads: {count})\n"
    used, life = task.utime + task.stime, max(1, box.timer.usec - task.start_usec)
    load = weight(task.nice)
    share = min(1.0, used / life)
    average = int(share * NICE_0_LOAD)
    total = int(share * LOAD_AVG_MAX)
    started = task.start_usec + used
    voluntary, involuntary = context_switches(box, task)
    ran = sum_exec_runtime(box, task)
    rows: list[tuple[str, str]] = [
        ("se.exec_start", nsec(started)), ("se.vruntime", split_ns(ran * NICE_0_LOAD // load)),
        ("se.sum_exec_runtime", split_ns(ran)), ("se.nr_migrations", str(task.nr_migrations)),
        ("nr_switches", str(voluntary + involuntary)), ("nr_voluntary_switches", str(voluntary)),
        ("nr_involuntary_switches", str(involuntary)), ("se.load.weight", str(load * SCALE)),
        ("se.avg.load_sum", str(total)), ("se.avg.runnable_sum", str(total << SHIFT)),
        ("se.avg.util_sum", str(total << SHIFT)), ("se.avg.load_avg", str(average)),
        ("se.avg.runnable_avg", str(average)), ("se.avg.util_avg", str(average)),
        ("se.avg.last_update_time", str(started * 1000)), ("se.avg.util_est.ewma", str(average)),
        ("se.avg.util_est.enqueued", str(average)), ("policy", str(task.policy)),
        ("prio", str(MAX_RT_PRIO + priority(task))), ("clock-delta", "176"),
    ]  # fmt: skip
    if task.mm is not None:
        rows.append(("mm->numa_scan_seq", "0"))
    rows += [("numa_pages_migrated", "0"), ("numa_preferred_nid", "-1"), ("total_numa_faults", "0")]
    lines = [f"{name:<45}:{value:>21}\n" for name, value in rows]
    node = next((node.nid for node in box.pages.nodes if task.cpu in node.cpus), 0)
    tail = f"current_node={node}, numa_group_id=0\n"
    tail += "".join(f"numa_faults node={node.nid} task_private=0 task_shared=0 group_private=0 group_shared=0\n"
                    for node in box.pages.nodes)  # fmt: skip
    return head + "-" * 67 + "\n" + "".join(lines) + tail


def split_ns(nsec: int) -> str:
    """Nanoseconds as milliseconds with six digits behind the point (SPLIT_NS)."""
    return f"{nsec // 1_000_000}.{nsec % 1_000_000:06}"


def nsec(usec: int) -> str:
    """The same of microseconds."""
    return split_ns(usec * 1000)
