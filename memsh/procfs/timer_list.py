"""/proc/timer_list: the timers that are set, and the devices that tick (kernel/time/timer_list.c).

Each CPU has the tick's timer, and on a kernel that watches for CPUs that hang the watchdog's. With no_hash_pointers the
addresses would be those of per-CPU memory.

**Known deviations:** other high-resolution timers (who sleeps) are not listed; figures of the tick's rests are those of
a CPU that has not rested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from memsh.linux.kernel.timer import BTIME
from memsh.procfs.stat import timer_ticks

if TYPE_CHECKING:
    from memsh.linux.box import Box

SECOND = 1_000_000_000  # nanoseconds
CLOCKS = ("ktime_get", "ktime_get_real", "ktime_get_boottime", "ktime_get_clocktai")
REAL = (1, 3)  # clocks that begin in 1970
WATCHDOG = 4 * SECOND  # of its rounds
NEVER = (1 << 63) - 1


class Ticker(NamedTuple):
    """A clock event device: how long and how short it can wait, in ns, and its factor."""

    name: str
    longest: int
    shortest: int
    factor: int


def _device(one: Ticker, mode: int, event: int, calls: tuple[str, ...], handler: str) -> str:
    rows = [f"Clock Event Device: {one.name}", f" max_delta_ns:   {one.longest}", f" min_delta_ns:   {one.shortest}",
            f" mult:           {one.factor}", " shift:          32", f" mode:           {mode}",
            f" next_event:     {event} nsecs", *(f" {call}" for call in calls), f" event_handler:  {handler}", "",
            " retries:        0"]  # fmt: skip
    return "\n".join(rows) + "\n"


def _cpu(box: Box, cpu: int, now: int, tick: int) -> str:
    def hashed(what: object) -> str:
        return f"{crc32(f'{cpu} {what}'.encode()):0{2 * box.arch.word}x}"

    lines = [f"cpu: {cpu}"]
    following = (now // tick + 1) * tick
    for number in range(8):
        kind = number % 4
        lines += [f" clock {number}:", f"  .base:       {hashed(number)}", f"  .index:      {number}",
                  "  .resolution: 1 nsecs", f"  .get_time:   {CLOCKS[kind]}",
                  f"  .offset:     {BTIME * SECOND if kind in REAL else 0} nsecs", "active timers:"]  # fmt: skip
        if not number:
            due = [("tick_sched_timer", following)]
            if "LOCKUP_DETECTOR" in box.model.options:
                due.append(("watchdog_timer_fn", (now // WATCHDOG + 1) * WATCHDOG))
            for at, (name, when) in enumerate(due):
                lines.append(f" #{at}: <{hashed(name)}>, {name}, S:01")
                lines.append(f" # expires at {when}-{when} nsecs [in {when - now} to {when - now} nsecs]")
    jiffies = box.timer.jiffies(box.arch.hz)
    figures = (
        ("expires_next   : ", f"{following} nsecs"), ("hres_active    : ", "1"),
        ("nr_events      : ", str(timer_ticks(box)[cpu])), ("nr_retries     : ", "0"), ("nr_hangs       : ", "0"),
        ("max_hang_time  : ", "0"), ("nohz_mode      : ", "2"), ("last_tick      : ", "0 nsecs"),
        ("tick_stopped   : ", "0"), ("idle_jiffies   : ", "0"), ("idle_calls     : ", "0"),
        ("idle_sleeps    : ", "0"), ("idle_entrytime : ", "0 nsecs"), ("idle_waketime  : ", "0 nsecs"),
        ("idle_exittime  : ", "0 nsecs"), ("idle_sleeptime : ", "0 nsecs"), ("iowait_sleeptime: ", "0 nsecs"),
        ("last_jiffies   : ", str(jiffies)), ("next_timer     : ", str(following)),
        ("idle_expires   : ", "0 nsecs"),
    )  # fmt: skip
    lines += [f"  .{name}{value}" for name, value in figures]
    return "\n".join([*lines, f"jiffies: {jiffies}"]) + "\n\n"


def show(box: Box) -> str:
    now, tick = box.timer.usec * 1000, SECOND // box.arch.hz
    text = f"Timer List Version: v0.9\nHRTIMER_MAX_CLOCK_BASES: 8\nnow at {now} nsecs\n\n"
    text += "".join(_cpu(box, cpu, now, tick) for cpu in range(box.config.cpus))
    if "HPET" in box.model.options:
        one, begin = Ticker("hpet", 21474836451, 1920, 429496730), "hpet_clkevt_set_state"
        calls: tuple[str, ...] = (
            "set_next_event: hpet_clkevt_set_next_event", f"shutdown:       {begin}_shutdown",
            f"periodic:       {begin}_periodic", f"oneshot:        {begin}_oneshot",
            "resume:         hpet_clkevt_legacy_resume",
        )  # fmt: skip
    else:
        one = Ticker("pit", 27461861, 12572, 5124678)
        calls = ("set_next_event: pit_next_event", "shutdown:       pit_shutdown",
                 "periodic:       pit_set_periodic", "oneshot:        pit_set_oneshot")  # fmt: skip
    text += "Tick Device: mode:     1\nBroadcast device\n"
    text += _device(one, 1, NEVER, calls, "tick_handle_oneshot_broadcast")
    text += "\ntick_broadcast_mask: 0\ntick_broadcast_oneshot_mask: 0\n\n"
    lapic = Ticker("lapic", 34361937533, 1000, 268418276)
    calls = ("set_next_event: lapic_next_event", "shutdown:       lapic_timer_shutdown",
             "periodic:       lapic_timer_set_periodic", "oneshot:        lapic_timer_set_oneshot",
             "oneshot stopped: lapic_timer_shutdown")  # fmt: skip
    for cpu in range(box.config.cpus):
        text += f"Tick Device: mode:     1\nPer CPU device: {cpu}\n"
        text += _device(lapic, 3, (now // tick + 1) * tick, calls, "hrtimer_interrupt") + "Wakeup Device: <NULL>\n\n"
    return text
