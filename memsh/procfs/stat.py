"""/proc/stat, /proc/uptime, /proc/loadavg: time and scheduling (fs/proc/stat.c, uptime.c, loadavg.c).

**Known deviations:** interrupts are the timer's (one per tick of a CPU at work), and context switches those of timers,
of processes created or switched to, of waits for the disk and of the kernel's threads at work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.sched import nr_threads
from memsh.linux.kernel.timer import BTIME

if TYPE_CHECKING:
    from memsh.linux.box import Box

TICK = 10_000  # USER_HZ is 100


def cpu_ticks(box: Box) -> list[tuple[int, int, int, int]]:
    """(user, system, idle, iowait) ticks of each CPU."""
    found = []
    for cpu in range(box.config.cpus):
        user, system, idle, iowait = (usec // TICK for usec in box.cputime.of_cpu(cpu))
        found.append((user, system, idle, iowait))
    return found


def timer_ticks(box: Box) -> list[int]:
    """Interrupts of each CPU's own timer."""
    return [box.timer.usec // TICK, *(box.cputime.busy(cpu) // TICK for cpu in range(1, box.config.cpus))]


def device_irqs(box: Box) -> list[int]:
    """Interrupts of each line, as many lines as the kernel has descriptors."""
    cpus = box.config.cpus
    irqs = [234, 9, 0, 0, 119, *[0] * 7, 3]
    return irqs + [0] * ((256 if cpus == 1 else 256 + 184 * (cpus - 1)) - len(irqs))


def softirqs(box: Box) -> list[int]:
    timer = box.timer.usec // TICK
    return [0, 53 + timer // 4, 0, 0, 0, 0, 1, 0, 0, 159 + timer // 2]


def show(box: Box) -> str:
    ticks = cpu_ticks(box)
    lines = [f"cpu  {sum(t[0] for t in ticks)} 0 {sum(t[1] for t in ticks)} {sum(t[2] for t in ticks)} "
             f"{sum(t[3] for t in ticks)} 0 0 0 0 0\n"]  # fmt: skip
    lines += [f"cpu{cpu} {user} 0 {system} {idle} {iowait} 0 0 0 0 0\n"
              for cpu, (user, system, idle, iowait) in enumerate(ticks)]  # fmt: skip
    timer = box.timer.usec // TICK
    irqs = device_irqs(box)
    lines.append(f"intr {sum(irqs) + sum(timer_ticks(box))} " + " ".join(map(str, irqs)) + "\n")
    forks = box.total_forks
    switches = 800 + timer // 4 + 2 * forks + box.cputime.switches
    lines.append(f"ctxt {switches}\nbtime {BTIME}\nprocesses {forks}\n")
    lines.append(f"procs_running {box.cputime.procs_running()}\nprocs_blocked {box.cputime.procs_blocked()}\n")
    soft = softirqs(box)
    lines.append(f"softirq {sum(soft)} " + " ".join(map(str, soft)) + "\n")
    return "".join(lines)


def show_uptime(box: Box) -> str:
    usec, idle = box.timer.usec // TICK, sum(ticks[2] for ticks in cpu_ticks(box))
    return f"{usec // 100}.{usec % 100:02d} {idle // 100}.{idle % 100:02d}\n"


def show_loadavg(box: Box) -> str:
    loads = " ".join(box.cputime.loads())
    return f"{loads} {box.cputime.procs_running()}/{nr_threads(box)} {box.last_pid}\n"
