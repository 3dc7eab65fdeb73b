"""/sys/kernel/debug/sched/debug: each CPU's queue of tasks (kernel/sched/debug.c, sched_debug_show).

**Known deviations:** nobody waits for a CPU, so that virtual time is a task's own, and no queue has a spread; averages
of load are those of what runs now; groups of cgroups have no queues of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import UTS_RELEASE
from memsh.linux.include.sched import threads_of
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.kthread_switches import context_switches, sum_exec_runtime
from memsh.procfs.pid_sched import MAX_RT_PRIO, NICE_0_LOAD, SCALE, nsec, split_ns, weight
from memsh.procfs.pid_stat import priority
from memsh.procfs.sys_words import WORDS

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

FEATURES = 125703739  # as bits, those that the file `features` names
NEVER = "0.000001"  # of a time that no task has
AVG_IDLE, BALANCE_COST = 1_000_000, 500_000
HEAD = (
    "\nrunnable tasks:\n"
    " S            task   PID         tree-key  switches  prio     wait-time             sum-exec        sum-sleep\n"
    + "-" * 109 + "\n"
)  # fmt: skip


def show(box: Box) -> str:
    version = box.machine.image.uts_version.partition(" ")[0]
    now = nsec(box.timer.usec)
    lines = [f"Sched Debug Version: v0.11, {UTS_RELEASE} {version}"]
    lines += [f"{name:<40}: {value}" for name, value in (
        ("ktime", now), ("sched_clk", now), ("cpu_clk", now), ("jiffies", box.timer.jiffies(box.arch.hz)),
        ("sched_clock_stable()", 1))]  # fmt: skip
    lines += ["", "sysctl_sched"]
    lines += [f"  .{name:<40}: {value}" for name, value in _tunables(box)]
    return "\n".join(lines) + "\n\n" + "".join(_cpu(box, cpu) for cpu in range(box.config.cpus))


def _tunables(box: Box) -> list[tuple[str, str]]:
    def told(name: str, value: str | int) -> str:
        number = int(box.sysctl.text.get(f"sys./kernel/debug/sched/{name}_ns", value))
        return split_ns(number)

    latency, least, wakeup = (WORDS[f"sched_{word}"](box) for word in ("latency", "min", "wakeup"))
    return [
        ("sysctl_sched_latency", told("latency", latency)),
        ("sysctl_sched_min_granularity", told("min_granularity", least)),
        ("sysctl_sched_idle_min_granularity", told("idle_min_granularity", 750_000)),
        ("sysctl_sched_wakeup_granularity", told("wakeup_granularity", wakeup)),
        ("sysctl_sched_child_runs_first", sysctl.get(box, "kernel.sched_child_runs_first")),
        ("sysctl_sched_features", str(FEATURES)), ("sysctl_sched_tunable_scaling", "1 (logarithmic)"),
    ]  # fmt: skip


def _cpu(box: Box, cpu: int) -> str:
    tasks = [thread for task in box.tasks.values() for thread in threads_of(box, task)
             if thread.cpu == cpu and thread.alive]  # fmt: skip
    current = box.current if box.current.cpu == cpu else None
    running = [task for task in tasks if task is current or task.state == "R"]
    busy, now = box.cputime.busy(cpu), nsec(box.timer.usec)
    jiffies = box.timer.jiffies(box.arch.hz)
    load = sum(weight(task.nice) for task in running)
    mhz = dict(box.model.start.cpuinfo(box, cpu))["cpu MHz"]
    rows: list[tuple[str, object]] = [
        ("nr_running", len(running)), ("nr_switches", sum(sum(context_switches(box, task)) for task in tasks)),
        ("nr_uninterruptible", 0), ("next_balance", f"{jiffies // 1_000_000}.{jiffies % 1_000_000:06}"),
        ("curr->pid", current.pid if current is not None else 0), ("clock", now), ("clock_task", now),
        ("avg_idle", AVG_IDLE), ("max_idle_balance_cost", BALANCE_COST),
    ]  # fmt: skip
    zero = nsec(0)
    cfs: list[tuple[str, object]] = [
        ("exec_clock", zero), ("MIN_vruntime", NEVER), ("min_vruntime", nsec(busy)), ("max_vruntime", NEVER),
        ("spread", zero), ("spread0", zero), ("nr_spread_over", 0), ("nr_running", len(running)),
        ("h_nr_running", len(running)), ("idle_nr_running", 0), ("idle_h_nr_running", 0), ("load", load * SCALE),
        ("load_avg", load), ("runnable_avg", min(load, NICE_0_LOAD * max(1, len(running)))),
        ("util_avg", NICE_0_LOAD if running else 0), ("util_est_enqueued", 0), ("removed.load_avg", 0),
        ("removed.util_avg", 0), ("removed.runnable_avg", 0), ("tg_load_avg_contrib", 0), ("tg_load_avg", 0),
        ("throttled", 0), ("throttle_count", 0),
    ]  # fmt: skip
    rt: list[tuple[str, object]] = [
        ("rt_nr_running", 0), ("rt_nr_migratory", 0), ("rt_throttled", 0), ("rt_time", zero),
        ("rt_runtime", f"{int(sysctl.get(box, 'kernel.sched_rt_runtime_us')) / 1000:.6f}")]  # fmt: skip
    dl: list[tuple[str, object]] = [
        ("dl_nr_running", 0), ("dl_nr_migratory", 0), ("dl_bw->bw", 996147), ("dl_bw->total_bw", 0)]
    parts = [(f"cpu#{cpu}, {mhz} MHz", rows), (f"\ncfs_rq[{cpu}]:/", cfs), (f"\nrt_rq[{cpu}]:", rt),
             (f"\ndl_rq[{cpu}]:", dl)]  # fmt: skip
    text = "".join(
        head + "\n" + "".join(f"  .{name:<30}: {value}\n" for name, value in part) for head, part in parts
    )
    return text + HEAD + "".join(_row(box, task, task is current) for task in tasks) + "\n"


def _row(box: Box, task: Task, current: bool) -> str:
    ran = sum_exec_runtime(box, task)
    switches, zero = sum(context_switches(box, task)), nsec(0)
    node = next((node.nid for node in box.pages.nodes if task.cpu in node.cpus), 0)
    path = "/" + task.cgroup.path.strip("/") if task.cgroup is not None else "/"
    comm = task.comm.partition("-")[0] if task.comm.startswith("kworker/") else task.comm  # without what it does
    mark = ">R" if current else f" {task.state}"
    return (
        f"{mark} {comm:>15} {task.pid:5} {split_ns(ran * NICE_0_LOAD // weight(task.nice)):>16} {switches:9} "
        f"{MAX_RT_PRIO + priority(task):5} {zero:>16} {split_ns(ran):>16} {zero:>16} {zero:>16} {node} 0 {path}\n"
    )
