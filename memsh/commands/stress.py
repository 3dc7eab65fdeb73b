"""stress, as people know it (stress 1.0.7)."""

from __future__ import annotations

from memsh.commands.hogs import CHUNK_USEC, Failed, HddHog, Hog, IoHog, VmHog
from memsh.commands.machine import duration
from memsh.commands.paths import on_disk, path_of
from memsh.commands.processes import running
from memsh.commands.workloads import spawn
from memsh.linux.box import Box
from memsh.linux.include.sched import Task
from memsh.linux.kernel import exit as ending
from memsh.linux.kernel.cputime import PREEMPTED_USEC
from memsh.linux.kernel.fair import fair_share, load_balance, nr_running, sched_slice, select_task_rq_fair
from memsh.shell import command, opt
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import count, wide_size

TOPIC = "processes"
MOST = 64
SIGUSR1 = 10


def _charge(box: Box, busy: list[Hog], counts: list[int], usec: int) -> None:
    """The workers will have their CPUs for so long, each its share."""
    for hog in busy:
        task = hog.task
        if task is None:
            continue
        others = max(1, counts[task.cpu])
        left = max(0, fair_share(box, task, usec) - box.cputime.owed_to(task))
        box.cputime.owe(task, left // hog.user, left - left // hog.user)
        if others > 1:
            turns = hog.turns(usec, sched_slice(box, others) * others)
            task.nivcsw += turns
            box.cputime.switches += turns
        elif box.config.cpus == 1:
            task.nivcsw += hog.turns(usec, PREEMPTED_USEC // 2)  # for those whom timers wake, counted already


def _step(box: Box, hogs: list[Hog]) -> None:
    """Everybody works for one step of the clock. Failed, with the worker's PID, once one is gone."""
    load_balance(box)
    counts, busy = nr_running(box), []
    for hog in hogs:
        task = hog.task
        state = hog.step(fair_share(box, task, CHUNK_USEC)) if task is not None else ""
        if not state:
            raise Failed(425, f"<-- worker {hog.pid} got signal {hog.ended_by}")
        assert task is not None
        box.cputime.hold(task, state)
        if state == "R":
            busy.append(hog)
    _charge(box, busy, counts, CHUNK_USEC)


def _fork(box: Box, io: IO, args: Args, master: Task) -> list[Hog]:
    """One of each kind in turn, as many as there are to be."""
    folder = path_of(io.session, ".")
    size, stride = max(4096, args.vm_bytes), args.vm_stride
    hang, keep = int(args.vm_hang * 1_000_000), args.vm_keep
    hogs: list[Hog] = []

    def fork() -> Task:
        task = spawn(box, "stress", master.argv, master)
        task.cpu = select_task_rq_fair(box, task, master.cpu)
        box.cputime.hold(task, "R")
        box.smp.send_reschedule(task.cpu)
        return task

    for turn in range(max(args.cpu, args.io, args.vm, args.hdd)):
        if turn < args.cpu:
            hogs.append(Hog(box, fork()))
        if turn < args.io:
            hogs.append(IoHog(box, fork()))
        if turn < args.vm:
            hogs.append(VmHog(box, fork(), size, stride, hang, keep))
        if turn < args.hdd:
            hogs.append(HddHog(box, fork(), args.hdd_bytes, folder if on_disk(io.session, folder) else ""))
    return hogs


def _told(master: Task, failed: Failed) -> list[str]:
    """What stress says of a worker that gave up or was killed."""
    line, own = failed.line, f"FAIL: [{failed.pid or master.pid}] ({failed.line}) {failed.why}"
    lines = [own]
    if failed.pid:
        line = 404
        lines.append(f"FAIL: [{master.pid}] ({line}) <-- worker {failed.pid} returned error 1")
    lines.append(f"WARN: [{master.pid}] ({line + 2}) now reaping child worker processes")
    return [f"stress: {one}\n" for one in lines]


@command(
    opt("--cpu", "-c", type=count, default=0, meta="N", help="workers that compute"),
    opt("--io", "-i", type=count, default=0, meta="N", help="workers that call sync()"),
    opt("--vm", "-m", type=count, default=0, meta="N", help="workers that allocate and touch memory"),
    opt("--vm-bytes", type=wide_size, default=256 << 20, meta="SIZE", help="bytes for each (256M)"),
    opt("--vm-stride", type=wide_size, default=4096, meta="SIZE", help="touch a byte every so many (4096)"),
    opt("--vm-hang", type=duration, default=0.0, meta="TIME", help="seconds to hold it before it is freed"),
    opt("--vm-keep", help="touch the same memory again instead of freeing it"),
    opt("--hdd", "-d", type=count, default=0, meta="N", help="workers that write a file and remove it"),
    opt("--hdd-bytes", type=wide_size, default=1 << 30, meta="SIZE", help="bytes of each file (1G; 0: without end)"),
    opt("--timeout", "-t", type=duration, default=0.0, meta="TIME", help="end after so long; else at Ctrl-C"),
    opt("--quiet", "-q", help="say nothing"),
    opt("--dry-run", "-n", help="say what would be done"),
    topic=TOPIC, changes=True,
)  # fmt: skip
def stress(box: Box, args: Args, io: IO) -> int:
    """processes that use up memory, CPUs and the disk, on the box's clock

    stress --vm 2 --vm-bytes 64M -t 1s

    Each worker is a process of its own, on the CPU that has least to do: --vm allocates SIZE bytes, touches every page,
    and frees them again; --cpu computes; --io calls sync(); --hdd writes a file without a name in the current folder.
    With `&` it runs in the background while the clock moves (sleep, vmstat 1, a live screen); `kill` ends a worker.
    """
    running(box)
    kinds = {"cpu": args.cpu, "io": args.io, "vm": args.vm, "hdd": args.hdd}
    if not sum(kinds.values()):
        raise ShellError("say how many workers: --cpu N, --io N, --vm N, --hdd N", 1)
    if sum(kinds.values()) > MOST:
        raise ShellError(f"at most {MOST} workers")
    argv = ["stress", *(word for kind, number in kinds.items() if number for word in (f"--{kind}", str(number)))]
    if args.vm:
        argv += ["--vm-bytes", str(args.vm_bytes)]
    master = spawn(box, "stress", argv)
    said = f"stress: info: [{master.pid}]"
    if not args.quiet:
        io.out(f"{said} dispatching hogs: {', '.join(f'{number} {kind}' for kind, number in kinds.items())}\n")
    hogs: list[Hog] = []
    start = box.timer.usec
    end = start if args.dry_run else start + int(args.timeout * 1_000_000) if args.timeout else None
    failed: list[str] = []
    try:
        if not args.dry_run:
            hogs = _fork(box, io, args, master)
        while (end is None or io.session.box.timer.usec < end) and not failed:
            io.check()
            try:
                _step(box, hogs)
            except Failed as why:
                failed = _told(master, why)
                break
            io.session.advance(CHUNK_USEC)
    finally:
        for pid in [hog.pid for hog in hogs] + [master.pid]:
            task = box.tasks.get(pid)
            if task is not None and task.alive:
                ending.do_group_exit(box, task, SIGUSR1 if failed and pid != master.pid else 15)
    took = round((box.timer.usec - start) / 1_000_000)
    if failed:
        io.err("".join(failed) + f"stress: FAIL: [{master.pid}] (461) failed run completed in {took}s\n")
        return 1
    if not args.quiet:
        io.out(f"{said} successful run completed in {took}s\n")
    return 0
