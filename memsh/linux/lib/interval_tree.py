"""Which of many ranges an index may lie in (lib/interval_tree.c, mm/interval_tree.c).

Linux keeps ranges in a tree by where they start, each node of which knows how far those below it reach. Here a range
lies in the one or two boxes that it fits into, of the smallest width of a power of two: a look takes one box of each
width that there is.

Known deviations: made anew when the ranges have changed and somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable


class IntervalTree:
    """Of `(first, last, what)`. Never changed, so that copies share it."""

    __slots__ = ("shelves", "what")

    def __init__(self, ranges: Iterable[tuple[int, int, int]]) -> None:
        self.what: list[int] = []
        self.shelves: dict[int, dict[int, list[int]]] = {}  # width as a power of two -> box -> numbers of its ranges
        for number, (first, last, what) in enumerate(ranges):
            self.what.append(what)
            width = (last - first).bit_length()
            shelf = self.shelves.setdefault(width, {})
            for box in range(first >> width, (last >> width) + 1):
                shelf.setdefault(box, []).append(number)

    def __deepcopy__(self, memo: object) -> IntervalTree:
        return self

    def near(self, index: int) -> list[int]:
        """What the ranges that `index` lies in stand for, and perhaps some that end near it, in the order given."""
        numbers = [number for width, shelf in self.shelves.items() for number in shelf.get(index >> width, ())]
        numbers.sort()
        return [self.what[number] for number in numbers]
