"""The tasks that a box has when the first command runs (init/main.c, rest_init; kernel/kthread.c, kthreadd).

Names and numbers are those of the recorded machines right after boot: 26 threads with one CPU, 32 with two.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.linux.fs.exec import do_execve
from memsh.linux.include.sched import (
    PF_FORKNOEXEC,
    PF_KSWAPD,
    PF_KTHREAD,
    PF_MEMALLOC,
    PF_NO_SETAFFINITY,
    PF_NOFREEZE,
    PF_WQ_WORKER,
    Task,
)
from memsh.linux.kernel.fork import copy_process, create_kthread, fork_idle, kernel_clone
from memsh.linux.kernel.sched import switch_to

if TYPE_CHECKING:
    from memsh.linux.box import Box

KTHREAD_FLAGS = PF_KTHREAD | PF_NOFREEZE | PF_FORKNOEXEC
WORKER, RESCUER, PLAIN, PER_CPU, MIGRATION, SWAPD = range(6)
FIRST_PID = 53  # of the first process after init, as recorded


def kernel_threads(cpus: int) -> list[tuple[str, int, int]]:
    """(name, kind, CPU) of every kernel thread but kthreadd, in the order in which they are created."""
    unbound = f"kworker/u{2 * cpus}"
    threads = [
        ("rcu_gp", RESCUER, 0), ("rcu_par_gp", RESCUER, 0), ("netns", RESCUER, 0), ("kworker/0:0-events", WORKER, 0),
        ("kworker/0:0H-events_highpri", WORKER, -1), (f"{unbound}:0-events_unbound", WORKER, 0),
        ("mm_percpu_wq", RESCUER, 0), ("ksoftirqd/0", PER_CPU, 0), ("rcu_preempt", PLAIN, 0),
        ("migration/0", MIGRATION, 0), ("cpuhp/0", PER_CPU, 0),
    ]  # fmt: skip
    for cpu in range(1, cpus):
        threads += [
            (f"cpuhp/{cpu}", PER_CPU, cpu), (f"migration/{cpu}", MIGRATION, cpu), (f"ksoftirqd/{cpu}", PER_CPU, cpu),
            (f"kworker/{cpu}:0-rcu_gp", WORKER, cpu), (f"kworker/{cpu}:0H-kblockd", WORKER, -1),
        ]  # fmt: skip
    threads += [
        ("kworker/0:1", WORKER, 0), ("kdevtmpfs", PLAIN, 0), ("inet_frag_wq", RESCUER, 0), ("oom_reaper", PLAIN, 0),
        ("writeback", RESCUER, 0), ("kcompactd0", PLAIN, 0), ("kblockd", RESCUER, 0), ("kworker/0:1H", WORKER, -1),
        (f"{unbound}:1", WORKER, 0),
    ]  # fmt: skip
    threads += [(f"kworker/{cpu}:1-events", WORKER, cpu) for cpu in range(1, cpus)]
    threads += [("kswapd0", SWAPD, 0), (f"{unbound}:2", WORKER, 0), ("acpi_thermal_pm", RESCUER, 0)]
    if cpus == 1:
        return [*threads, ("kworker/0:2", WORKER, 0)]
    return threads + [(f"kworker/{cpu}:2", WORKER, cpu) for cpu in range(1, cpus)]


def _dress(task: Task, name: str, kind: int, cpu: int) -> None:
    """State, flags and priority of a kernel thread of this kind."""
    task.comm = name
    home = re.match(r"(?:ksoftirqd|migration|cpuhp)/(\d+)|kworker/(\d+):", name)
    task.bound = int(home[1] or home[2]) if home else -1
    task.cpu = max(task.bound, 0)
    task.state = "I" if kind in (WORKER, RESCUER) or name == "rcu_preempt" else "S"
    task.flags = KTHREAD_FLAGS
    if kind in (WORKER, RESCUER):
        task.flags |= PF_WQ_WORKER | PF_NO_SETAFFINITY
        task.nice = -20 if kind == RESCUER or cpu < 0 else 0
    elif kind in (PER_CPU, MIGRATION):
        task.flags |= PF_NO_SETAFFINITY
        if kind == MIGRATION:
            task.rt_priority, task.policy = 99, 1
    elif kind == SWAPD:
        task.flags |= PF_KSWAPD | PF_MEMALLOC
    task.sigign = (1 << 64) - 1


def start_tasks(box: Box) -> None:
    """Create init (PID 1), kthreadd (2), its children, and PID 53 running a.out, which is current."""
    if not box.programs:
        for path, image in box.model.programs().items():
            box.programs[path] = image
            box.fs.install(path, image.size, image.text)
        box.fs.install_large()
    init = copy_process(box, None, "swapper/0")
    box.init = box.current = init
    init.state = "R"
    kthreadd = create_kthread(box, "kthreadd", 0)
    _dress(kthreadd, "kthreadd", PLAIN, 0)
    kthreadd.exit_signal = 0
    for name, kind, cpu in kernel_threads(box.config.cpus):
        _dress(create_kthread(box, name, kthreadd.pid), name, kind, cpu)
    for _ in range(1, box.config.cpus):
        fork_idle(box)
    if "/init" in box.programs:
        do_execve(box, init, "/init", ["/init"])
    init.comm = "init"
    if "/bin/a.out" in box.programs:
        box.last_pid = max(box.last_pid, FIRST_PID - 1)
        first = kernel_clone(box, init)
        do_execve(box, first, "/bin/a.out", ["a.out"])
        switch_to(box, first)
