"""How long tasks wait for what they lack (kernel/sched/psi.c).

While a task waits for memory or for the disk it cannot work, and as nothing else of its group runs meanwhile the whole
group is stalled: `some` and `full` are the same. The averages move every two seconds, by the share of that time which
was lost, as the load averages do.

Known deviations: nothing waits for a CPU; no trigger can be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box

PSI_FREQ_USEC = 2_000_000
FSHIFT = 11
FIXED_1 = 1 << FSHIFT
EXP = (1677, 1981, 2034)  # 2 s of 10, 60 and 300 s, fixed-point
RESOURCES = ("io", "memory", "cpu")


class PsiGroup:
    """struct psi_group: `totals` are µs by resource, `averages` of 10, 60 and 300 s in 1/2048 of a per cent."""

    __slots__ = ("averages", "last_update", "next_update", "seen", "totals")

    def __init__(self, usec: int) -> None:
        self.totals = dict.fromkeys(RESOURCES, 0)
        self.seen = dict.fromkeys(RESOURCES, 0)
        self.averages = {name: [0, 0, 0] for name in RESOURCES}
        self.last_update = usec
        self.next_update = usec + PSI_FREQ_USEC

    def update_averages(self, now: int) -> None:
        """A period, and perhaps idle ones before it, are over at `now`."""
        missed = max(0, now - self.next_update) // PSI_FREQ_USEC
        self.next_update += (1 + missed) * PSI_FREQ_USEC
        period = now - (self.last_update + missed * PSI_FREQ_USEC)
        self.last_update = now
        for name in RESOURCES:
            sample = min(self.totals[name] - self.seen[name], period)
            self.seen[name] += sample
            share = sample * 100 // period * FIXED_1 if period > 0 else 0
            for at, exp in enumerate(EXP):
                average = self.averages[name][at]
                for _ in range(min(missed, 4096)):
                    if not average:
                        break
                    average = calc_load(average, exp, 0)
                self.averages[name][at] = calc_load(average, exp, share)

    def look(self, now: int) -> None:
        if now >= self.next_update:
            self.update_averages(now)

    def record(self, name: str, start: int, end: int) -> None:
        """Somebody waited from `start` to `end`."""
        self.look(start)
        while self.next_update <= end:
            at = max(start, self.next_update)
            self.totals[name] += at - start
            self.update_averages(at)
            start = at
        self.totals[name] += end - start


def calc_load(load: int, exp: int, active: int) -> int:
    """One step of an exponential average (kernel/sched/loadavg.c)."""
    new = load * exp + active * (FIXED_1 - exp)
    if active >= load:
        new += FIXED_1 - 1
    return new // FIXED_1


class Psi:
    """`box.psi`; `system` is the whole machine's; unless `enabled`, nobody can ask for it."""

    def __init__(self, box: Box, enabled: bool) -> None:
        self.box = box
        self.system = PsiGroup(0)
        self.waiting: list[str] = []
        self.enabled = enabled

    @contextmanager
    def stall(self, name: str, most: int | None = None) -> Iterator[None]:
        """What the current task does now is to wait for `name`, at most `most` µs; a wait for the same inside of that
        is part of it."""
        if name in self.waiting:
            yield
            return
        start = self.box.timer.usec
        self.waiting.append(name)
        try:
            yield
        finally:
            self.waiting.remove(name)
            end = self.box.timer.usec if most is None else min(self.box.timer.usec, start + most)
            if end > start:
                self.record(name, start, end)

    def record(self, name: str, start: int, end: int) -> None:
        """The current task waited: its groups up to the whole machine were stalled."""
        self.system.record(name, start, end)
        task = getattr(self.box, "current", None)  # the disk is read before there is a task
        group = task.cgroup if task is not None else None
        while group is not None and group.parent is not None:
            group.psi.record(name, start, end)
            group = group.parent
