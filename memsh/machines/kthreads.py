"""The kernel's own threads on each machine, in the order of their PIDs (kernel/kthread.c, kernel/workqueue.c; the
initcalls that create them). Names and numbers are those of the recorded machines: i386 with one and two CPUs, x86_64
with one, two, and four on two nodes; other machines follow the same rules.

A worker is named after its pool: `0:0` and `0:0H` of CPU 0, `u8:0` of pool 8, bound to no CPU. Pools are numbered
after two for each CPU; on several nodes each node has one of its own behind the machine's.

Known deviations: when a thread started is when its step of boot is told of in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.init.threads import MIGRATION, PER_CPU, PLAIN, RESCUER, SWAPD, WORKER, Kthread

if TYPE_CHECKING:
    from memsh.linux.box import Box

GONE = Kthread("")  # a number that someone had who has ended


def _worker(name: str, nice: int = 0) -> Kthread:
    return Kthread(f"kworker/{name}", WORKER, nice=nice)


def _rescuers(*names: str) -> list[Kthread]:
    return [Kthread(name, RESCUER, nice=-20) for name in names]


def _of_cpu(cpu: int, work: str, high: str) -> list[Kthread]:
    """Those that come up with a further CPU."""
    return [
        Kthread(f"cpuhp/{cpu}", PER_CPU), Kthread(f"migration/{cpu}", MIGRATION), Kthread(f"ksoftirqd/{cpu}", PER_CPU),
        _worker(f"{cpu}:0-{work}"), _worker(f"{cpu}:0H-{high}", -20),
    ]  # fmt: skip


def i386_threads(box: Box) -> list[Kthread]:
    """26 threads with one CPU, 32 with two, kthreadd among them, and two of the ext4 that is the root."""
    cpus = box.config.cpus
    unbound = f"u{2 * cpus}"
    early = [
        *_rescuers("rcu_gp", "rcu_par_gp", "netns"), _worker("0:0-events"), _worker("0:0H-events_highpri", -20),
        _worker(f"{unbound}:0-events_unbound"), *_rescuers("mm_percpu_wq"), Kthread("ksoftirqd/0", PER_CPU),
        Kthread("rcu_preempt", PLAIN), Kthread("migration/0", MIGRATION), Kthread("cpuhp/0", PER_CPU),
    ]  # fmt: skip
    for cpu in range(1, cpus):
        early += _of_cpu(cpu, "rcu_gp", "kblockd")
    middle = [
        _worker("0:1"), Kthread("kdevtmpfs"), *_rescuers("inet_frag_wq"), Kthread("oom_reaper"),
        *_rescuers("writeback"), Kthread("kcompactd0"), *_rescuers("kblockd"), _worker("0:1H", -20),
        _worker(f"{unbound}:1"), *(_worker(f"{cpu}:1-events") for cpu in range(1, cpus)),
    ]  # fmt: skip
    late = [Kthread("kswapd0", SWAPD), _worker(f"{unbound}:2"), *_rescuers("acpi_thermal_pm")]
    late += [_worker(f"{cpu}:2") for cpu in range(1, cpus)] if cpus > 1 else [_worker("0:2")]
    late += [Kthread("jbd2/vdb-8"), *_rescuers("ext4-rsv-conver")]
    return _started((early, 440_000), (middle, 455_000), (late, 1_010_000))


def x86_64_threads(box: Box) -> list[Kthread]:
    """36 threads with one CPU (35 where memory is too small for khugepaged), 42 with two, 61 with four on two nodes,
    init among them, and those of the ext4 that is the root."""
    cpus, nodes = box.config.cpus, box.pages.nodes
    pool = 2 * cpus
    several = len(nodes) > 1
    own = [f"u{pool + 1 + node.nid}" for node in nodes] if several else [f"u{pool}"]
    unbound = [_worker(f"u{pool}:0"), _worker(f"{own[0]}:0-events_unbound")] if several else [
        _worker(f"{own[0]}:0-events_unbound")]  # fmt: skip
    early = [
        *_rescuers("rcu_gp", "rcu_par_gp", "slub_flushwq", "netns"), _worker("0:0-events"),
        _worker("0:0H-events_highpri", -20), *unbound, *_rescuers("mm_percpu_wq"), Kthread("rcu_tasks_kthread", WORKER),
        Kthread("rcu_tasks_trace_kthread", WORKER), Kthread("ksoftirqd/0", PER_CPU), Kthread("rcu_preempt", PLAIN),
        Kthread("migration/0", MIGRATION), _worker("0:1-events"), Kthread("cpuhp/0", PER_CPU),
    ]  # fmt: skip
    seen = {0}
    for cpu in range(1, cpus):
        early += _of_cpu(cpu, "mm_percpu_wq", "events_highpri")
        home = next(node.nid for node in nodes if cpu in node.cpus)
        if home not in seen:  # the first of its node
            seen.add(home)
            early.append(_worker(f"{own[home]}:0-events_unbound"))
    early += [GONE, GONE, *(_worker(f"{name}:1-events_unbound") for name in own)] if several else [GONE]
    middle = [
        Kthread("kdevtmpfs"), *_rescuers("inet_frag_wq"), Kthread("kauditd"), Kthread("khungtaskd"),
        Kthread("oom_reaper"), *_rescuers("writeback"), *(Kthread(f"kcompactd{node.nid}") for node in nodes),
        Kthread("ksmd", nice=5), *([Kthread("khugepaged", nice=19)] if _khugepaged(box) else []),
        *_rescuers("kblockd", "blkcg_punt_bio"), *(_worker(f"{cpu}:1-mm_percpu_wq") for cpu in range(1, cpus)),
        *_rescuers("quota_events_un"), *([] if several else [_worker(f"{own[0]}:1-events_unbound")]),
        _worker("0:1H-kblockd", -20), *(Kthread(f"kswapd{node.nid}", SWAPD) for node in nodes),
    ]  # fmt: skip
    late = [
        GONE, *_rescuers("acpi_thermal_pm"), _worker("0:2") if several else _worker(f"{own[0]}:2-events_unbound"),
        GONE, *_rescuers("zswap-shrink"),
        *(_worker(f"u{pool + len(own) + several + number}:0", -20) for number in range(len(own) + several)),
        Kthread("jbd2/vdb-8"), *_rescuers("ext4-rsv-conver"),
    ]  # fmt: skip
    return _started((early, 580_000), (middle, 650_000), (late, 1_020_000))


def _khugepaged(box: Box) -> bool:
    """Whether it runs: not where huge pages are never used, nor below 512 MiB (hugepage_init)."""
    return box.thp.enabled != "never" and sum(zone.managed for zone in box.pages.zones) >= 512 << 8


def _started(*groups: tuple[list[Kthread], int]) -> list[Kthread]:
    return [thread._replace(usec=usec) for threads, usec in groups for thread in threads]
