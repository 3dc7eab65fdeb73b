"""Who had which CPU for how long, and how many wait for one (kernel/sched/cputime.c, kernel/sched/loadavg.c).

Commands take no time, but what they do is work: each fault, each page that reclaim looks at, each page written back
costs its doer some microseconds, as on a machine of 2.6 GHz. The CPU owes them that time, and gives it as soon as the
clock moves on: then the task's utime and stime, the CPU's user and system time and the load grow together, and what is
left of the time is idle or, while the disk is waited for, iowait.

Known deviations: work is no slower for want of a CPU; who waits for one is not told from who has it; the work of a
kswapd on several nodes is that of node 0's.
"""

from __future__ import annotations

from itertools import compress, repeat
from operator import gt, sub
from typing import TYPE_CHECKING

from memsh.linux.kernel import kthread_switches
from memsh.linux.kernel.posix_cpu_timers import check_process_timers

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task
    from memsh.linux.kernel.cgroup.cpu import TaskGroup

FAULT_USEC, FAULTS_A_USER_USEC, MAJOR_USEC = 1, 4, 15
# who does what the counter counts, by the name of a thread ("" for the current process), and µs for each
WORK = (
    ("pgscan_direct", "", 1), ("pgscan_kswapd", "kswapd", 1), ("nr_written", "kworker/u", 2),
    ("compact_daemon_migrate_scanned", "kcompactd", 1), ("compact_daemon_free_scanned", "kcompactd", 1),
    ("thp_collapse_alloc", "khugepaged", 250), ("nr_dirtied", "", 1),
)  # fmt: skip
COUNTED = tuple(name for name, _, _ in WORK)
NSEC_PER_USEC = 1000
LOAD_USEC = 5_001_000  # LOAD_FREQ
WAKES, WAKES_A_NODE = 8, 2  # switches a second on account of timers while nothing else happens
PREEMPTED_USEC = 300_000  # of a lone CPU at work: two more, as those whom timers wake interrupt somebody
FSHIFT, FIXED_1 = 11, 1 << 11
EXP = (1884, 2014, 2037)  # 1/exp(5 s / 1, 5, 15 min)


def calc_load(load: int, exp: int, active: int) -> int:
    """a1 = a0 * e + a * (1 - e), in fixed point."""
    new = load * exp + active * (FIXED_1 - exp)
    return (new + FIXED_1 - 1 if active >= load else new) >> FSHIFT


def fixed_power_int(x: int, n: int) -> int:
    """x^n in fixed point."""
    result = FIXED_1
    while n:
        if n & 1:
            result = (result * x + (1 << FSHIFT - 1)) >> FSHIFT
        n >>= 1
        x = (x * x + (1 << FSHIFT - 1)) >> FSHIFT
    return result


class CpuTime:
    """`box.cputime`. All times are microseconds. `used[cpu]` is [user, system, iowait]; the rest of the time is idle.

    `owed[cpu]` has [PID, user, system] for work that is done, and for which the CPU has still to be given. `held` are
    processes that someone keeps at work (R) or waiting for the disk (D) between two steps. `limited` are the groups
    that may have a CPU for so long in each period only.
    """

    def __init__(self, box: Box) -> None:
        self.box = box
        self.used = [[0, 0, 0] for _ in range(box.config.cpus)]
        self.owed: dict[int, list[list[int]]] = {}
        self.held: dict[int, str] = {}
        self.limited: list[TaskGroup] = []
        self.seen: list[int] = []  # what COUNTED were when the clock last moved
        self.threads: dict[str, int] = {}
        self.due: dict[int, int] = {}  # PID → the signal that its limit of CPU time asks for
        self.switches = 0  # beyond those of timers and forks (context_switches)
        self.avenrun = [0, 0, 0]
        self.next_load = LOAD_USEC
        self.next_balance = 0  # when those who share a CPU change places (kernel/fair.py)
        self.booted = self.boot_busy = 0  # when boot was over, and how much of it CPU 0 worked
        self.started = False  # while the machine boots all time is CPU 0's

    def start(self, idle: int) -> None:
        """Boot is over: all of it was the kernel's, but `idle` µs."""
        self.used[0][1] = self.box.timer.usec - idle
        self.next_load = self.box.timer.usec + LOAD_USEC
        self.booted, self.started = self.box.timer.usec, True
        self.boot_busy = self.busy(0)
        self.switches = kthread_switches.start(self.box) - self._woken()
        self.seen = self._counts()
        for task in self.box.tasks.values():
            task.told = task.minflt, task.majflt
        self.box.init.stime = self.used[0][1] - self.box.init.start_usec

    def _woken(self) -> int:
        """Switches to those whom timers wake, and to those who are new; and back."""
        box = self.box
        woken = box.timer.usec * (WAKES + WAKES_A_NODE * len(box.pages.nodes)) // 1_000_000 + 2 * box.total_forks
        return woken + (self.busy(0) * 2 // PREEMPTED_USEC if box.config.cpus == 1 else 0)

    def context_switches(self) -> int:
        """Of all CPUs since boot (nr_context_switches)."""
        return self.switches + self._woken()

    # -- who owes whom ----------------------------------------------------------------------------------------------

    def owe(self, task: Task, user: int, system: int) -> None:
        """The task has worked, or is to work, for so long."""
        if self.started and user + system > 0:
            for entry in self.owed.setdefault(task.cpu, []):
                if entry[0] == task.pid:
                    entry[1] += user
                    entry[2] += system
                    return
            self.owed[task.cpu].append([task.pid, user, system])

    def owed_to(self, task: Task) -> int:
        return sum(entry[1] + entry[2] for entry in self.owed.get(task.cpu, ()) if entry[0] == task.pid)

    def charge(self, task: Task) -> None:
        """The faults that the task has taken since it was asked last."""
        if task.told != (task.minflt, task.majflt):
            minor, major = task.minflt - task.told[0], task.majflt - task.told[1]
            task.told = task.minflt, task.majflt
            if minor >= 0 and major >= 0:
                self.owe(task, minor // FAULTS_A_USER_USEC, minor * FAULT_USEC + major * MAJOR_USEC)

    def _collect(self) -> None:
        """What has been done since the clock last moved."""
        self.charge(self.box.current)
        now = self._counts()
        if now == self.seen:
            return
        before, self.seen = self.seen, now
        for (_, who, usec), done in compress(zip(WORK, map(sub, now, before), strict=True), map(gt, now, before)):
            task = self.kthread(who) if who else self.box.current
            if task is not None:
                self.owe(task, 0, done * usec)
                self.switches += 2 if who else 0
                task.nvcsw += 1 if who else 0

    def _counts(self) -> list[int]:
        return list(map(self.box.vmstat.get, COUNTED, repeat(0)))

    def kthread(self, begin: str) -> Task | None:
        """The kernel's thread whose name begins so, if there is one."""
        pid = self.threads.get(begin, 0)
        if pid not in self.box.tasks:
            found = (task.pid for task in self.box.tasks.values() if task.is_kthread and task.comm.startswith(begin))
            pid = self.threads[begin] = next(found, 0)
        return self.box.tasks.get(pid)

    # -- the clock ----------------------------------------------------------------------------------------------------

    def account(self, start: int, end: int) -> None:
        """The clock moves from `start` to `end`: CPUs do what they owe."""
        if not self.started:
            return
        self._collect()
        while self.next_load <= end:
            self._pay(start, self.next_load)
            start = self.next_load
            active = self.nr_active()
            count = 1 if self.owed else (end - start) // LOAD_USEC + 1
            self._calc_load(active, count)
            self.next_load += count * LOAD_USEC
        self._pay(start, end)

    def _pay(self, start: int, end: int) -> None:
        """The CPUs' time from `start` to `end`, a period of each group with a quota at a time."""
        while self.limited and self.owed and start < end:
            for group in self.limited:
                if group.refill <= start:
                    group.next_period(start)
            stop = min(end, *(group.refill for group in self.limited))
            self._give(stop - start)
            start = stop
        if start < end:
            self._give(end - start)

    def _quotas(self, task: Task) -> list[TaskGroup]:
        """The task's group and those above it, as far as they have a quota."""
        found, group = [], task.cgroup
        while group is not None:
            if group.cpu is not None and group.cpu in self.limited:
                found.append(group.cpu)
            group = group.parent
        return found

    def _give(self, usec: int) -> None:
        asleep = {self.box.tasks[pid].cpu for pid in self._living("D")} if self.held else ()
        before = {cpu: self.busy(cpu) for cpu in asleep} if asleep else {}
        for cpu in [*self.owed]:
            entries, left, used, at = self.owed[cpu], usec, self.used[cpu], 0
            while at < len(entries) and left > 0:
                pid, user, system = entry = entries[at]
                task = self.box.tasks.get(pid)
                if task is None:
                    del entries[at]
                    continue
                most, quotas = left, self._quotas(task) if self.limited and task.cgroup is not None else ()
                if quotas:
                    most = min(left, *(group.take(left) for group in quotas))
                    if not most:
                        at += 1
                        continue
                given_user = user if user < most else most
                given = system if system < most - given_user else most - given_user
                for group in quotas:
                    group.runtime -= (given_user + given) * NSEC_PER_USEC
                entry[1], entry[2] = user - given_user, system - given
                left -= given_user + given
                task.utime += given_user
                task.stime += given
                if sig := check_process_timers(self.box, task):
                    self.due[task.tgid] = sig
                if task.cgroup is not None:
                    task.cgroup.account_cputime(given_user, given)
                used[0] += given_user
                used[1] += given
                if not entry[1] + entry[2]:
                    del entries[at]
            if not entries:
                del self.owed[cpu]
        for cpu, busy in before.items():
            self.used[cpu][2] += max(0, usec - (self.busy(cpu) - busy))

    def waited(self, cpu: int, usec: int, busy: int) -> None:
        """`usec` µs went by while a process of this CPU waited for the disk; it had been busy for `busy` before."""
        used = self.used[cpu]
        used[2] += max(0, usec - (used[0] + used[1] - busy))
        self.switches += 2

    def busy(self, cpu: int) -> int:
        return self.used[cpu][0] + self.used[cpu][1]

    def of_cpu(self, cpu: int) -> tuple[int, int, int, int]:
        """(user, system, idle, iowait) of a CPU."""
        user, system, iowait = self.used[cpu]
        rest = max(0, self.box.timer.usec - user - system)
        return user, system, max(0, rest - iowait), min(rest, iowait)

    # -- states and load ----------------------------------------------------------------------------------------------

    def hold(self, task: Task, state: str) -> None:
        """A process is at work (R), waits for the disk (D), or no longer (S)."""
        task.state = state
        if state == "S":
            self.held.pop(task.pid, None)
        else:
            self.held[task.pid] = state

    def _living(self, state: str) -> set[int]:
        tasks = self.box.tasks
        return {pid for pid, held in self.held.items() if held == state and pid in tasks}

    def nr_active(self) -> int:
        """Who runs, wants to run, or waits for the disk."""
        owed = {entry[0] for entries in self.owed.values() for entry in entries}
        return len(owed | self._living("R") | self._living("D"))

    def procs_running(self) -> int:
        """The one who asks, and those at work beside him."""
        return 1 + len(self._living("R") - {self.box.current.pid})

    def procs_blocked(self) -> int:
        return len(self._living("D"))

    def _calc_load(self, active: int, count: int) -> None:
        fixed = active * FIXED_1
        for number, exp in enumerate(EXP):
            power = exp if count == 1 else fixed_power_int(exp, count)
            self.avenrun[number] = calc_load(self.avenrun[number], power, fixed)

    def loads(self) -> list[str]:
        """The three figures as /proc/loadavg prints them."""
        rounded = [load + FIXED_1 // 200 for load in self.avenrun]
        return [f"{load >> FSHIFT}.{(load & FIXED_1 - 1) * 100 >> FSHIFT:02d}" for load in rounded]
