"""How much of the CPUs a group's tasks get: weights, and at most so much in each period (kernel/sched/core.c,
cpu_cgrp_subsys; kernel/sched/fair.c, the bandwidth of groups).

A group that has had its quota of a period waits for the next one: what its tasks have done is paid for then.

What it did not use of it adds to the next one's, up to cpu.max.burst.

Known deviations: weights decide between programs that are at work for a while (kernel/fair.py, fair_share); what a
typed command does takes no time, and needs no turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.cgroup.subsys import Subsystem

if TYPE_CHECKING:
    from memsh.linux.include.cgroup import Cgroup

RUNTIME_INF = (1 << 64) - 1  # ns: no limit
NSEC_PER_USEC = 1000
MIN_PERIOD, MAX_PERIOD = 1_000_000, 1_000_000_000  # ns
MAX_RUNTIME = ((1 << 44) - 1) * NSEC_PER_USEC
WEIGHT_MIN, WEIGHT_DFL, WEIGHT_MAX = 1, 100, 10000
WEIGHT_IDLEPRIO, MIN_SHARES, MAX_SHARES = 3, 2, 1 << 18
PRIO_TO_WEIGHT = (
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501,
    1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
)  # fmt: skip


class TaskGroup:
    """A group's part (struct task_group). `quota`, `period`, `burst` are ns; `runtime` what is left of the quota until
    the box's clock reads `refill` (µs), and was `snap` when the period began. `periods`, `throttled`, `throttled_usec`,
    `bursts` and `burst_time` are cpu.stat's."""

    __slots__ = ("burst", "burst_time", "bursts", "idle", "period", "periods", "quota", "refill", "runtime", "shares",
                 "snap", "stopped", "throttled", "throttled_usec")  # fmt: skip

    def __init__(self) -> None:
        self.shares = 1024
        self.idle = False
        self.quota = RUNTIME_INF
        self.period = 100_000_000
        self.burst = self.refill = self.runtime = self.snap = self.bursts = self.burst_time = 0
        self.periods = self.throttled = self.throttled_usec = 0
        self.stopped = False  # it has had its quota of this period, and wanted more

    def next_period(self, now: int) -> None:
        """A period begins at `now` µs."""
        self.periods += 1
        self.throttled += self.stopped
        self.stopped = False
        self.refill_runtime()
        self.refill = now + self.period // NSEC_PER_USEC

    def refill_runtime(self) -> None:
        """The quota is added to what is left, up to quota and burst (__refill_cfs_bandwidth_runtime)."""
        if self.quota == RUNTIME_INF:
            return
        self.runtime += self.quota
        more = self.snap - self.runtime  # than the quota was used
        if more > 0:
            self.burst_time += more
            self.bursts += 1
        self.runtime = self.snap = min(self.runtime, self.quota + self.burst)

    def take(self, usec: int) -> int:
        """How many µs of CPU time a task may have, who would have `usec` until the period ends or others want it."""
        room = self.runtime // NSEC_PER_USEC
        if not room:
            self.stopped = True
            self.throttled_usec += usec
        return room


class Cpu(Subsystem):
    """The controller `cpu`."""

    name = "cpu"
    threaded = True

    def css_alloc(self, group: Cgroup, *, free: bool = False) -> None:
        del free
        group.cpu = TaskGroup()

    def css_offline(self, group: Cgroup) -> None:
        if group.cpu is not None:
            self.set_bandwidth(group.cpu, group.cpu.period, RUNTIME_INF, 0)
            group.cpu = None

    def set_weight(self, group: TaskGroup, shares: int) -> None:
        """EINVAL for one that runs only when nobody else wants to."""
        if group.idle:
            raise KernelError("EINVAL", "cpu.idle is set")
        group.shares = max(MIN_SHARES, min(shares, MAX_SHARES))

    def set_idle(self, group: TaskGroup, idle: int) -> None:
        if idle not in (0, 1):
            raise KernelError("EINVAL", "0 or 1")
        if group.idle != bool(idle):
            group.idle = bool(idle)
            group.shares = WEIGHT_IDLEPRIO if idle else 1024

    def set_bandwidth(self, group: TaskGroup, period: int, quota: int, burst: int) -> None:
        """At most `quota` ns of CPU time in each `period` (tg_set_cfs_bandwidth). EINVAL."""
        if quota < MIN_PERIOD or not MIN_PERIOD <= period <= MAX_PERIOD:
            raise KernelError("EINVAL", "1 ms at least; a period of 1 s at most")
        if quota != RUNTIME_INF and (quota > MAX_RUNTIME or burst > quota or burst + quota > MAX_RUNTIME):
            raise KernelError("EINVAL", "too large")
        group.period, group.quota, group.burst = period, quota, burst
        group.refill_runtime()
        group.stopped = False
        group.refill = self.box.timer.usec + period // NSEC_PER_USEC
        limited = self.box.cputime.limited
        if group in limited:
            limited.remove(group)
        if quota != RUNTIME_INF:
            limited.append(group)
