"""Messages that are held back when they come too often (lib/ratelimit.c).

Known deviations: none that show; time is the box's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.kern_levels import KERN_WARNING

if TYPE_CHECKING:
    from memsh.linux.box import Box

DEFAULT_RATELIMIT_USEC = 5_000_000
DEFAULT_RATELIMIT_BURST = 10


class RateLimit:
    """At most `burst` messages in `interval` microseconds; the next one after that tells how many were left out."""

    def __init__(self, interval: int = DEFAULT_RATELIMIT_USEC, burst: int = DEFAULT_RATELIMIT_BURST) -> None:
        self.interval = interval
        self.burst = burst
        self.begin = -1
        self.printed = 0
        self.missed = 0

    def allows(self, box: Box, function: str) -> bool:
        """Whether `function` may write its message now (lib/ratelimit.c, ___ratelimit)."""
        now = box.timer.usec
        if self.begin < 0:
            self.begin = now
        if now > self.begin + self.interval:
            if self.missed:
                box.log.printk(f"{function}: {self.missed} callbacks suppressed", KERN_WARNING)
            self.begin, self.printed, self.missed = now, 0, 0
        if self.printed < self.burst:
            self.printed += 1
            return True
        self.missed += 1
        return False
