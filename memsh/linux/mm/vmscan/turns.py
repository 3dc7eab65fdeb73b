"""Whose turn on the CPU it is, a process's or kswapd's (kernel/sched/fair.c, as far as reclaim needs it).

Who has had less of the CPU comes first. Who slept is taken to have had a little less than who did not, so a kswapd that
is woken after a sleep has the CPU as soon as the process is on its way back to user mode; one that worked much lately
waits for a tick. Each has the CPU for a tick then, a kswapd until the end of a round over the lists.

A process's time is that which reclaim makes the box's clock move, and what its pages cost it.

Known deviations: ticks are not where the clock has them; a round is not cut short; the kswapd of a node with CPUs of
its own takes turns, too, where it would work beside the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Node

SLICE_USEC = 4000  # a tick
FAULT_USEC = 4  # what a process does for each page that it takes
SLEEPER_USEC = 3000  # as if who slept had had so much less than the others (place_entity)
LATENCY_USEC = 6000  # in which everybody has a turn (sysctl_sched_latency)
GRANULARITY_USEC = 1000  # who is woken comes at once if he had so much less (sysctl_sched_wakeup_granularity)


class Turns:
    """`kswapd.turns`, of one node. `lead` is how much more of the CPU the process has had than kswapd, µs; `taken`
    pages and `usec` on the clock tell what the process has done since that was reckoned."""

    def __init__(self, box: Box, node: Node) -> None:
        self.box = box
        self.node = node
        self.lead = self.taken = self.usec = 0

    def woken(self) -> int:
        """kswapd has been woken: how many µs until it has the CPU."""
        self.process_ran()
        return self.wait(0 if self.lead > GRANULARITY_USEC else SLICE_USEC // 2)

    def wait(self, usec: int = SLICE_USEC) -> int:
        """It is the process's turn: for how many µs, `usec` or more."""
        usec = max(usec, -self.lead)
        self.box.pages.turn = usec // FAULT_USEC
        return usec

    def begin(self) -> int:
        """It is kswapd's turn: until when by the clock, -1 for as long as it likes."""
        self.process_ran()
        if self.box.pages.turn < 0:
            return -1
        return self.box.timer.usec + max(SLICE_USEC, self.lead)

    def end(self) -> None:
        """kswapd's turn is over."""
        since = self.usec
        self.usec, self.taken = self.box.timer.usec, self._pages()
        self.lead = max(self.lead - self.usec + since, -LATENCY_USEC)

    def process_ran(self) -> None:
        """Reckon what the process has done."""
        usec, taken = self.box.timer.usec, self._pages()
        lead = self.lead + (taken - self.taken) * FAULT_USEC + usec - self.usec
        self.lead = min(lead, SLEEPER_USEC)
        self.usec, self.taken = usec, taken

    def _pages(self) -> int:
        return sum([zone.allocated for zone in self.node.zones])


def schedule(box: Box, pages: int) -> None:
    """The process, which took `pages` pages, may lose the CPU: on its way back to user mode, or before it reclaims."""
    turn = box.pages.turn = max(0, box.pages.turn - pages)
    if not turn:
        for node in box.pages.nodes:
            node.kswapd.preempt()
        if not box.pages.turn:
            box.pages.turn = -1


def idle(box: Box) -> None:
    """The process waits for something: kswapds that were woken do all they have to do."""
    box.pages.turn = -1
    for node in box.pages.nodes:
        node.kswapd.preempt()
