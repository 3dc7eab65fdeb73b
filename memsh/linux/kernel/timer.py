"""The box's clock and what runs from it (kernel/time/, kernel/workqueue.c, as far as memory management needs).

The clock stands still unless someone calls `advance`: commands take no time. Periodic work (the slab reaper of each
CPU, kswapd's turn, statistics) is a list of `[due, period, call]`; work due at one moment runs in order of its entry.
Work that is due once has the period 0. Work may itself wait, and so move the clock: `advance` within `advance`.

**Known deviations:** no jiffies rounding; work takes no time itself.
"""

from __future__ import annotations

from collections.abc import Callable

from memsh.linux.include.flags import UINT_MAX
from memsh.linux.kernel.printk import Printk

BTIME = 1795337282  # when the recorded machine was started, seconds since 1970
INITIAL_JIFFIES = -300  # seconds: the counter of ticks wraps five minutes after boot


class Timer:
    """`usec` is the time since boot in microseconds."""

    def __init__(self, log: Printk) -> None:
        self.log = log
        self.usec = 0
        self.work: list[tuple[int, int, Callable[[], object]]] = []
        self.next = 0  # nothing is due before it
        self.until = 0  # where the clock is on its way to
        self.account: Callable[[int, int], object] | None = None  # told before the clock moves, from when to when

    def jiffies(self, hz: int) -> int:
        """The counter of ticks, of which there are `hz` in a second, in 32 bits."""
        return INITIAL_JIFFIES * hz + self.usec * hz // 1_000_000 & UINT_MAX

    def every(self, period: int, call: Callable[[], object], first: int | None = None) -> None:
        """Run `call()` each `period` µs, the first time `first` µs from now. `call` must be a bound method, so that a
        copied box calls its own."""
        due = self.usec + (period if first is None else first)
        self.work.append((due, period, call))
        self.next = min(self.next, due)

    def once(self, due: int, call: Callable[[], object]) -> None:
        """Run `call()`, a bound method, one time, when the clock has come to `due`."""
        self.work.append((due, 0, call))
        self.next = min(self.next, due)

    def hasten(self, call: Callable[[], object]) -> None:
        """What was to run once, later, becomes due now."""
        for number, (due, period, other) in enumerate(self.work):
            if other == call and due > self.usec:
                self.work[number] = (self.usec, period, other)
                self.next = min(self.next, self.usec)

    def cancel(self, call: Callable[[], object]) -> None:
        """What was to run once does not."""
        self.work = [entry for entry in self.work if entry[2] != call]

    def timeout(self, msecs: int, hz: int, work: int = 0) -> int:
        """When someone wakes who goes to sleep for `msecs`, `work` µs from now (schedule_timeout, calc_wheel_index):
        ticks are counted whole, one more than asked for, and the longer the sleep the coarser."""
        ticks = -(-msecs * hz // 1000)
        now = (self.usec + work) * hz // 1_000_000
        shift = 0
        while ticks >= 63 << shift and shift < 24:
            shift += 3
        first = INITIAL_JIFFIES * hz
        due = (first + now + ticks + (1 << shift) >> shift << shift) - first
        return -(-due * 1_000_000 // hz)

    def set(self, usec: int) -> None:
        """Move the clock to `usec` without running work (boot only)."""
        self.usec = self.log.usec = self.log.next = usec

    def advance(self, usec: int) -> None:
        """Let `usec` µs pass, idle, and run what becomes due on the way."""
        end = self.usec + max(0, usec)
        until, self.until = self.until, end
        try:
            self._advance(end)
        finally:
            self.until = until

    def undisturbed(self) -> int:
        """Up to which moment nothing else than what runs now will be done."""
        return min([self.until, *(due for due, _, _ in self.work)])

    def _advance(self, end: int) -> None:
        while self.work and self.next <= end:
            dues = [entry[0] for entry in self.work]
            due = min(dues)
            if due > end:
                self.next = due
                break
            number = dues.index(due)
            due, period, call = self.work[number]
            if period:
                self.work[number] = (due + period, period, call)
            else:
                del self.work[number]
            self._tick(max(due, self.usec))
            call()
        self._tick(max(end, self.usec))

    def _tick(self, usec: int) -> None:
        if self.account is not None and usec > self.usec:
            self.account(self.usec, usec)
        self.usec = self.log.usec = usec
