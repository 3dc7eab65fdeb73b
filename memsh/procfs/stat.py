"""/proc/stat, /proc/uptime, /proc/loadavg: time and scheduling (fs/proc/stat.c, uptime.c, loadavg.c).

**Known deviations:** interrupts are the timer's (one per tick of a CPU at work), and context switches those of timers,
of processes created or switched to, of waits for the disk and of the kernel's threads at work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.setup import arch_probe_nr_irqs
from memsh.linux.include.sched import nr_threads
from memsh.linux.kernel.timer import BTIME
from memsh.linux.lib.sort import sort

if TYPE_CHECKING:
    from memsh.linux.box import Box

TICK = 10_000  # USER_HZ is 100
TIMER_STARTS = 203_000  # µs: when the CPU's own timer does
IDLE_WAKES = {False: 100_000, True: 140_000}  # µs: how often a CPU wakes that has nothing to do, alone or not
# soft interrupts of a CPU in ten seconds, idle and at work, as asked of the recorded kernels: alone, and one of several
TIMER_SOFTIRQ = {False: (55, 170), True: (30, 100)}
SCHED_SOFTIRQ = {False: (0, 0), True: (40, 130)}
RCU_SOFTIRQ = {False: (12, 25), True: (12, 15)}
FIRST_MSI = 24  # behind the pins of the controller


def cpu_ticks(box: Box) -> list[tuple[int, int, int, int]]:
    """(user, system, idle, iowait) ticks of each CPU."""
    found = []
    for cpu in range(box.config.cpus):
        user, system, idle, iowait = (usec // TICK for usec in box.cputime.of_cpu(cpu))
        found.append((user, system, idle, iowait))
    return found


def timer_ticks(box: Box) -> list[int]:
    """Interrupts of each CPU's own timer: at each tick while the CPU works, and where it wakes up now and then."""
    found = []
    wakes = IDLE_WAKES[box.config.cpus > 1]
    for cpu in range(box.config.cpus):
        busy = box.cputime.busy(cpu)
        idle = max(0, box.timer.usec - busy)
        found.append(max(0, busy - (0 if cpu else TIMER_STARTS)) * box.arch.hz // 1_000_000 + idle // wakes)
    return found


def queue_cpus(box: Box) -> list[int]:
    """The CPU of each queue of a disk: those of the nodes one after the other, which stand in the order of their CPUs'
    number (irq_create_affinity_masks, alloc_nodes_vectors)."""
    nodes = [node.cpus for node in box.pages.nodes if node.cpus]
    sort(nodes, len)
    return [cpu for cpus in nodes for cpu in cpus]


def arch_irqs(box: Box) -> dict[str, list[int]]:
    """Those of the CPUs themselves that have come, by their names in /proc/interrupts (arch_irq_stat_cpu)."""
    found = {"LOC": timer_ticks(box), "RES": box.smp.reschedules, "CAL": box.smp.calls}
    if "X86_MCE" in box.model.options:
        found["MCP"] = [1] * box.config.cpus
    return found


def disk_irqs(box: Box) -> list[tuple[str, list[int]]]:
    """(handler, interrupts on each CPU) of the disks, which write messages: one for changes, a queue for each CPU."""
    cpus = box.config.cpus
    requests = [stats.reads + stats.writes for stats in box.disk.stats.values()]
    rows = []
    for number, _ in enumerate(box.fs.block_devices()):
        rows.append((f"virtio{number}-config", [0] * cpus))
        for queue, cpu in enumerate(queue_cpus(box)):
            counts = [0] * cpus
            counts[cpu] = requests[number] if not cpu and number < len(requests) else 0
            rows.append((f"virtio{number}-req.{queue}", counts))
    return rows


def device_irqs(box: Box) -> list[int]:
    """Interrupts of each line, as many lines as the kernel has descriptors."""
    clock = int("HPET" in box.model.options)  # which the driver of the RTC tries once
    irqs = [234, 9, 0, 0, 119, 0, 0, 0, clock, 0, 0, 0, 3]
    irqs += [0] * (FIRST_MSI - len(irqs)) + [sum(counts) for _, counts in disk_irqs(box)]
    return irqs + [0] * (arch_probe_nr_irqs(box.config.present) - len(irqs))


def softirqs_of(box: Box, cpu: int) -> list[int]:
    """Soft interrupts that the CPU has served, by their kind; work is moved between CPUs where there are several."""
    several, booted = box.config.cpus > 1, box.cputime.booted
    busy = box.cputime.busy(cpu) - box.cputime.boot_busy * (not cpu)
    idle = max(0, box.timer.usec - booted - busy)

    def since(rate: dict[bool, tuple[int, int]]) -> int:
        return (idle * rate[several][0] + busy * rate[several][1]) // 10_000_000

    ticks = booted // TICK if not cpu else 0
    boot = (53 + ticks // 4, 1, 159 + ticks // 2) if not cpu else (0, 0, 0)
    moved = ticks // 2 * several + since(SCHED_SOFTIRQ)
    return [0, boot[0] + since(TIMER_SOFTIRQ), 0, 0, 0, 0, boot[1], moved, 0, boot[2] + since(RCU_SOFTIRQ)]


def softirqs(box: Box) -> list[int]:
    """Of all CPUs together."""
    return [sum(column) for column in zip(*(softirqs_of(box, cpu) for cpu in range(box.config.cpus)), strict=True)]


def show(box: Box) -> str:
    ticks = cpu_ticks(box)
    lines = [f"cpu  {sum(t[0] for t in ticks)} 0 {sum(t[1] for t in ticks)} {sum(t[2] for t in ticks)} "
             f"{sum(t[3] for t in ticks)} 0 0 0 0 0\n"]  # fmt: skip
    lines += [f"cpu{cpu} {user} 0 {system} {idle} {iowait} 0 0 0 0 0\n"
              for cpu, (user, system, idle, iowait) in enumerate(ticks)]  # fmt: skip
    irqs = device_irqs(box)
    lines.append(f"intr {sum(irqs) + sum(map(sum, arch_irqs(box).values()))} " + " ".join(map(str, irqs)) + "\n")
    lines.append(f"ctxt {box.cputime.context_switches()}\nbtime {BTIME}\nprocesses {box.total_forks}\n")
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
