"""Pages counted in a tree, each level with its limit (mm/page_counter.c).

A charge counts at its level and at all above it, or, where one of them would pass its `max`, at none.

Known deviations: none; what several CPUs would do at once does not happen here.
"""

from __future__ import annotations

from collections.abc import Iterator

from memsh.linux.include.errno import KernelError
from memsh.linux.lib.cmdline import memparse

PAGE_COUNTER_MAX = 0x7FFFFFFFFFFFF  # LONG_MAX / PAGE_SIZE: no limit # not i386: only 64-bit machines have cgroups here


class PageCounter:
    """Counts are pages. `low` and `min` protect, `high` and `max` limit; `watermark` is the most it ever was.

    `children_low` and `children_min` are how much of the usage below is protected (children_low_usage), `low_usage` and
    `min_usage` this one's part of it; `elow` and `emin` the protection that counts during a reclaim.
    """

    __slots__ = (
        "children_low", "children_min", "elow", "emin", "failcnt", "high", "low", "low_usage", "max", "min",
        "min_usage", "parent", "usage", "watermark",
    )  # fmt: skip

    def __init__(self, parent: PageCounter | None) -> None:
        self.parent = parent
        self.usage = self.watermark = self.failcnt = 0
        self.min = self.low = self.emin = self.elow = 0
        self.min_usage = self.low_usage = self.children_min = self.children_low = 0
        self.high = self.max = PAGE_COUNTER_MAX

    def levels(self) -> Iterator[PageCounter]:
        """This one and those above it."""
        counter: PageCounter | None = self
        while counter is not None:
            yield counter
            counter = counter.parent

    def _propagate_protected_usage(self) -> None:
        parent = self.parent
        if parent is None:
            return
        if self.min or self.min_usage:
            protected = min(self.usage, self.min)
            parent.children_min += protected - self.min_usage
            self.min_usage = protected
        if self.low or self.low_usage:
            protected = min(self.usage, self.low)
            parent.children_low += protected - self.low_usage
            self.low_usage = protected

    def charge(self, pages: int) -> None:
        """Count them, limit or not."""
        counter: PageCounter | None = self
        while counter is not None:
            counter.usage += pages
            counter._propagate_protected_usage()
            if counter.usage > counter.watermark:
                counter.watermark = counter.usage
            counter = counter.parent

    def uncharge(self, pages: int) -> None:
        counter: PageCounter | None = self
        while counter is not None:
            counter.usage -= pages
            counter._propagate_protected_usage()
            counter = counter.parent

    def try_charge(self, pages: int) -> PageCounter | None:
        """Count them, if all levels have room; else the level that has not."""
        counter: PageCounter | None = self
        while counter is not None:
            if counter.usage + pages > counter.max:
                counter.failcnt += 1
                return counter
            counter = counter.parent
        self.charge(pages)
        return None

    def room(self) -> int:
        """How many pages more all levels would take."""
        return min(counter.max - counter.usage for counter in self.levels())

    def set_min(self, pages: int) -> None:
        self.min = pages
        for counter in self.levels():
            counter._propagate_protected_usage()

    def set_low(self, pages: int) -> None:
        self.low = pages
        for counter in self.levels():
            counter._propagate_protected_usage()


def page_counter_memparse(text: str, most: str) -> int:
    """What a person wrote into a limit: bytes with a suffix, or the word for no limit; pages. EINVAL."""
    if text == most:
        return PAGE_COUNTER_MAX
    number, rest = memparse(text)
    if rest:
        raise KernelError("EINVAL", text)
    return min(number >> 12, PAGE_COUNTER_MAX)
