"""Which CPU a new process gets, who moves where CPUs have unlike loads, and how much of a CPU each of those has who
want it (kernel/sched/fair.c).

A level of CPUs is compared at a time, nodes first and then the CPUs of one node: whoever has room beats whoever is
busy; with room, the most idle CPUs win, without it the lowest load; the one where the parent is wins a draw.

Known deviations: a load is how many want the CPU, not what they used of it lately; turns are taken at fixed times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.sched import SCHED_IDLE
from memsh.linux.kernel.cgroup.cpu import PRIO_TO_WEIGHT, WEIGHT_IDLEPRIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task
    from memsh.linux.kernel.cgroup.cpu import TaskGroup

TURN_USEC = 64_000  # how long one waits beside another before they change
NUMA_IMBALANCE_MIN = 2
LATENCY_USEC, LEAST_USEC = 6000, 750  # sysctl_sched_latency, sysctl_sched_min_granularity
MOST_CPUS = 8  # that these grow with


def nr_running(box: Box) -> list[int]:
    """How many run or want to, on each CPU."""
    counts = [0] * box.config.cpus
    for pid, state in box.cputime.held.items():
        task = box.tasks.get(pid)
        if state == "R" and task is not None:
            counts[task.cpu] += 1
    return counts


def select_task_rq_fair(box: Box, task: Task, this_cpu: int) -> int:
    """Where a process begins whose parent runs on `this_cpu`: the idlest CPU of those that it may use."""
    allowed = task.affinity or range(box.config.cpus)
    counts = nr_running(box)
    counts[this_cpu] += 1  # the parent
    nodes = [[cpu for cpu in node.cpus if cpu in allowed] for node in box.pages.nodes]
    node = _find_idlest_group(nodes, counts, this_cpu, max(1, box.config.cpus >> 3))
    return _find_idlest_group([[cpu] for cpu in node], counts, this_cpu, 0)[0]


def _find_idlest_group(groups: Sequence[list[int]], counts: list[int], this_cpu: int, near: int) -> list[int]:
    """`near`: as many as this may run where the parent is before others are looked at (imb_numa_nr)."""
    there = [group for group in groups if group]
    at = next((number for number, group in enumerate(there) if this_cpu in group), None)
    if at is None:
        return min(there, key=lambda group: _busy(group, counts))
    ring = there[at:] + there[:at]
    best = min(ring, key=lambda group: _busy(group, counts))  # the first of several
    local = ring[0]
    running = sum(counts[cpu] for cpu in local)
    apart = abs(_busy(local, counts)[1] - _busy(best, counts)[1])
    if near and running < len(local) and running < near and apart <= NUMA_IMBALANCE_MIN:
        return local
    return best


def _busy(group: list[int], counts: list[int]) -> tuple[bool, float]:
    """group_has_spare or not, then idle CPUs or the load."""
    running = sum(counts[cpu] for cpu in group)
    if running < len(group):
        return False, -sum(not counts[cpu] for cpu in group)
    return True, running / len(group)


def load_balance(box: Box) -> None:
    """A CPU that has two less than another takes one of them over; with one less they take turns: who had least so far
    is left alone, his neighbour goes to where somebody had most."""
    cputime, counts = box.cputime, nr_running(box)
    waiting = [box.tasks[pid] for pid, state in cputime.held.items() if state == "R" and pid in box.tasks]
    for task in waiting:
        least = min(task.affinity or range(len(counts)), key=lambda cpu: counts[cpu])
        if counts[task.cpu] - counts[least] > 1:
            _move(task, least, counts)
    if box.timer.usec < cputime.next_balance or len(waiting) <= len(counts):
        return
    cputime.next_balance = box.timer.usec + TURN_USEC
    waiting.sort(key=_had)
    for alone in waiting:
        neighbours = [task for task in waiting if task.cpu == alone.cpu and task is not alone]
        for task in reversed(neighbours):
            allowed = task.affinity or range(len(counts))
            there = [one.cpu for one in waiting if one.cpu in allowed and counts[one.cpu] == counts[task.cpu] - 1]
            if there:
                box.smp.call(task.cpu)  # its stopper pushes it (active_load_balance_cpu_stop)
                _move(task, there[-1], counts)
                return


def _had(task: Task) -> int:
    return task.utime + task.stime


def _move(task: Task, cpu: int, counts: list[int]) -> None:
    counts[task.cpu] -= 1
    counts[cpu] += 1
    task.cpu = cpu
    task.nr_migrations += 1


def fair_share(box: Box, task: Task, usec: int) -> int:
    """How many of `usec` µs a task that runs has of its CPU, beside those who want it too.

    Those of one group share what the group has in proportion to their weights: a task's is its nice value's, a group's
    its cpu.weight, of which each CPU has the part that the group's tasks there are of all its tasks.
    """
    tasks = [box.tasks[pid] for pid, state in box.cputime.held.items() if state == "R" and pid in box.tasks]
    paths = [(one, _groups(one)) for one in tasks]
    mine = _groups(task)
    for depth in range(len(mine) + 1):
        weights: dict[Task | TaskGroup, int] = {}
        for one, path in paths:
            if one.cpu == task.cpu and path[:depth] == mine[:depth]:
                if depth == len(path):
                    weights[one] = _weight(one)
                elif (group := path[depth]) not in weights:
                    weights[group] = _group_weight(group, [who for who, at in paths if group in at], one.cpu)
        total = sum(weights.values())
        if total:
            usec = usec * weights.get(mine[depth] if depth < len(mine) else task, total) // total
    return usec


def _groups(task: Task) -> list[TaskGroup]:
    """The groups with the controller `cpu` that a task is in, the topmost first."""
    found: list[TaskGroup] = []
    group = task.cgroup
    while group is not None and group.parent is not None:
        if group.cpu is not None:
            found.append(group.cpu)
        group = group.parent
    return found[::-1]


def _weight(task: Task) -> int:
    return WEIGHT_IDLEPRIO if task.policy == SCHED_IDLE else PRIO_TO_WEIGHT[task.nice + 20]


def _group_weight(group: TaskGroup, members: Sequence[Task], cpu: int) -> int:
    """What a group counts on one CPU (calc_group_shares)."""
    everywhere = sum(map(_weight, members))
    return max(2, group.shares * sum(_weight(task) for task in members if task.cpu == cpu) // everywhere)


def sched_slice(box: Box, running: int) -> int:
    """µs that one of `running` tasks has its CPU for before the next one's turn: a latency for all of them, and no less
    than the least. The tick ends it that finds it to have lasted longer; the one just as long after it began comes a
    moment too early (check_preempt_tick)."""
    factor = 1 + (min(box.config.cpus, MOST_CPUS).bit_length() - 1)
    period = max(LATENCY_USEC * factor, running * LEAST_USEC * factor)
    tick = 1_000_000 // box.arch.hz
    return (period // running // tick + 1) * tick
