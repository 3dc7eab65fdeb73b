"""The machine as a whole: plain split_rss check sleep time age."""

from __future__ import annotations

from memsh.digits import is_digits
from memsh.linux.box import Box
from memsh.linux.include.sched import nr_threads
from memsh.shell import IO, REGISTRY, Args, arg, command, rest
from memsh.shell.session import Session
from memsh.shell.timing import SHOWN, told

TOPIC = "session"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = 10 * 365 * 86400


def duration(word: str) -> float:
    """`2`, `0.5`, `30s`, `10m`, `2h`, `1d` → seconds."""
    unit = SECONDS.get(word[-1:])
    digits = word[:-1] if unit else word
    if not is_digits(digits.replace(".", "", 1)) or not digits.isascii():
        raise ValueError(f"'{word}' is not a time (2, 30s, 10m, 2h, 1d)")
    value = float(digits) * (unit or 1)
    if value > LONGEST:
        raise ValueError(f"'{word}' is longer than ten years")
    return value


@command(arg("state", choices=("on", "off"), default=None, meta="on|off"), topic="kernel memory")
def plain(box: Box, args: Args, io: IO) -> None:
    """the textbook box: per-CPU page lists and array caches (CPU slabs) drained and bypassed

    plain on

    With it every allocation and free shows at once in buddyinfo and slabinfo. Off is Linux as it is.
    """
    if args.state is None:
        io.out(f"plain is {'on' if box.plain else 'off'}\n")
        return
    wanted, waiting = args.state == "on", f"{box.slab.percpu}s"
    box.set_plain(wanted)
    if wanted:
        io.out(f"plain: per-CPU lists and {waiting} are drained and bypassed; plain off is Linux as it is\n")
    else:
        io.out(f"plain off: per-CPU lists and {waiting} work again, as on Linux\n")


@command(arg("state", choices=("on", "off"), default=None, help="leave it out to ask"), topic=TOPIC)
def split_rss(box: Box, args: Args, io: IO) -> None:
    """count resident pages a thread at a time, as kernels built for four CPUs or more do

    split_rss on; p=$(mmap 64k); touch $p 64k; grep VmRSS /proc/self/status; split_rss off

    With it status, statm, stat, ps and top lag behind by up to 65 faults; smaps counts the pages and does not.
    """
    if args.state is not None:
        box.set_split_rss(args.state == "on")
    io.out(f"split_rss is {'on' if box.vm.split_rss else 'off'}\n")


@command(topic=TOPIC, looks=True)
def check(box: Box, args: Args, io: IO) -> int:
    """verify every invariant of the box

    check
    """
    from memsh.inspect import check as kernel_check  # start-up: 3 ms

    problems = [str(problem) for problem in kernel_check.check(box)]
    for problem in problems:
        io.out(f"wrong: {problem}\n")
    if problems:
        return 1
    io.out(
        f"ok: {box.memmap.frames} page frames, each accounted for once;\n"
        f"    free lists, per-CPU lists, slabs, {box.slab.percpu}s;\n"
        f"    {nr_threads(box)} tasks, their areas, page tables, reverse maps;\n"
        "    every counter against a recount\n"
    )
    return 0


@command(arg("seconds", type=duration, help="seconds; s, m, h, d allowed", meta="TIME"), topic=TOPIC, changes=True)
def sleep(box: Box, args: Args, io: IO) -> None:
    """let the box's clock move on: the reaper, timers and daemons do their work

    sleep 4
    """
    io.session.advance(int(args.seconds * 1_000_000))


def busy(box: Box) -> list[int]:
    """User and system time of all CPUs, in µs."""
    return [sum(used[which] for used in box.cputime.used) for which in (0, 1)]


@command(rest("command", raw=True, required=True, words="command"), name="time", topic="tools")
def time_(box: Box, args: Args, io: IO) -> int:
    """run a command and say how long it took by the box's clock

    time dd if=/var/log/syslog of=/dev/null bs=64k

    Waiting (for the disk, for reclaim, in sleep) takes time; what needs no waiting takes none that shows.
    """
    before = _times(io.session)
    try:
        return io.run(args.command)
    finally:
        io.err(told(SHOWN, before, _times(io.session)))


def _times(session: Session) -> list[int]:
    box = session.box
    return [box.timer.usec, *busy(box)] if box is not None else [0, 0, 0]


REGISTRY.times = _times


@command(arg("time", type=duration, default="1h", help="how long: 30s, 10m, 2h, 1d"), topic="kernel memory")
def age(box: Box, args: Args, io: IO) -> None:
    """let everyday churn wear the free lists until they look lived in

    age 2h
    """
    done = box.age.run(box, int(args.time))
    io.out(f"{done} allocations and frees, as in {_spelled(int(args.time))} of use\n")


def _spelled(seconds: int) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
