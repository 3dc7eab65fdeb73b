"""Ranges that do not overlap, by address, in leaves of at most 2 * LEAF (lib/maple_tree.c, as a process uses it).

Each leaf, and each block of leaves, knows a bound for the holes above its ranges, so that the search for a hole looks
into few of them.

Known deviations: three levels, not as many as it takes; a bound that is too high is put right when a search was led
astray by it, not at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import sub
from typing import Any, Protocol, TypeVar, overload


class Range(Protocol):
    """[start, end)."""

    start: int
    end: int


R = TypeVar("R", bound=Range)
LEAF = 32
BLOCK = 64  # leaves


class MapleTree(Sequence[R]):
    """The ranges in order. Whoever moves a range's start or end says so with `moved` or `shrunk`.

    `first[n]` is where leaf n begins (0 for the first), `starts[n]` where its ranges do, `gaps[n]` at least as much as
    the longest hole above one of them; the space above the last range is no hole. `wide[n]` is the largest of the n-th
    BLOCK gaps.
    """

    __slots__ = ("first", "gaps", "leaves", "size", "starts", "wide")

    def __init__(self) -> None:
        self.leaves: list[list[R]] = [[]]
        self.starts: list[list[int]] = [[]]
        self.first = [0]
        self.gaps = [0]
        self.wide = [0]
        self.size = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> MapleTree[R]:
        other: MapleTree[R] = object.__new__(MapleTree)
        other.leaves = [[memo.get(id(x)) or x.__deepcopy__(memo) for x in leaf] for leaf in self.leaves]  # type: ignore[attr-defined]
        other.starts = [starts[:] for starts in self.starts]
        other.first, other.gaps, other.wide, other.size = self.first[:], self.gaps[:], self.wide[:], self.size
        return other

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[R]:
        return chain.from_iterable(self.leaves)

    @overload
    def __getitem__(self, at: int) -> R: ...

    @overload
    def __getitem__(self, at: slice) -> list[R]: ...

    def __getitem__(self, at: int | slice) -> R | list[R]:
        if at == 0:
            return self.leaves[0][0]
        if at == -1:
            return self.leaves[-1][-1]
        return list(self)[at]

    def find(self, addr: int) -> R | None:
        """The first range that ends above `addr`."""
        n = bisect_right(self.first, addr) - 1
        leaf = self.leaves[n]
        at = bisect_right(self.starts[n], addr)
        if at and leaf[at - 1].end > addr:
            return leaf[at - 1]
        if at < len(leaf):
            return leaf[at]
        return self.leaves[n + 1][0] if n + 1 < len(self.leaves) else None

    def lookup(self, addr: int) -> R | None:
        """The range that contains `addr`."""
        n = bisect_right(self.first, addr) - 1
        at = bisect_right(self.starts[n], addr)
        if at:
            found = self.leaves[n][at - 1]
            if found.end > addr:
                return found
        return None

    def find_prev(self, addr: int) -> tuple[R | None, R | None]:
        """(find(addr), the range before that one)."""
        n = bisect_right(self.first, addr) - 1
        leaf = self.leaves[n]
        at = bisect_right(self.starts[n], addr)
        if at and leaf[at - 1].end > addr:
            at -= 1
        prev = leaf[at - 1] if at else self.leaves[n - 1][-1] if n else None
        if at < len(leaf):
            return leaf[at], prev
        return (self.leaves[n + 1][0] if n + 1 < len(self.leaves) else None), prev

    def between(self, start: int, end: int) -> list[R]:
        """The ranges that overlap [start, end)."""
        n = bisect_right(self.first, start) - 1
        at = bisect_right(self.starts[n], start)
        if at and self.leaves[n][at - 1].end > start:
            at -= 1
        last = bisect_right(self.first, end - 1) - 1
        stop = bisect_right(self.starts[last], end - 1)
        if n == last:
            return self.leaves[n][at:stop]
        return [*self.leaves[n][at:], *chain.from_iterable(self.leaves[n + 1 : last]), *self.leaves[last][:stop]]

    def neighbours(self, range_: R) -> tuple[R | None, R | None]:
        """The ranges before and after one of them."""
        n = bisect_right(self.first, range_.start) - 1
        leaf = self.leaves[n]
        at = bisect_right(self.starts[n], range_.start) - 1
        prev = leaf[at - 1] if at else self.leaves[n - 1][-1] if n else None
        if at + 1 < len(leaf):
            return prev, leaf[at + 1]
        return prev, self.leaves[n + 1][0] if n + 1 < len(self.leaves) else None

    def insert(self, range_: R) -> None:
        start = range_.start
        n = bisect_right(self.first, start) - 1
        leaf, starts = self.leaves[n], self.starts[n]
        at = bisect_right(starts, start)
        leaf.insert(at, range_)
        starts.insert(at, start)
        self.size += 1
        self._hole_above(n, at)
        if at:  # where the range is the last one, this was no hole
            self._hole_above(n, at - 1)
        if len(leaf) > 2 * LEAF:
            self.leaves[n : n + 1] = leaf[:LEAF], leaf[LEAF:]
            self.starts[n : n + 1] = starts[:LEAF], starts[LEAF:]
            self.first.insert(n + 1, starts[LEAF])
            self.gaps.insert(n, self.gaps[n])
            self._widen(n)

    def remove(self, range_: R) -> None:
        n = bisect_right(self.first, range_.start) - 1
        leaf, starts = self.leaves[n], self.starts[n]
        at = bisect_right(starts, range_.start) - 1
        assert leaf[at] is range_
        del leaf[at], starts[at]
        self.size -= 1
        if not leaf and len(self.leaves) > 1:
            del self.leaves[n], self.starts[n], self.first[n], self.gaps[n]
            self.first[0] = 0
            self._widen(n)
        elif not at and n:
            self.first[n] = starts[0]
        if at:
            self._hole_above(n, at - 1)
        elif n:
            self._hole_above(n - 1, len(self.leaves[n - 1]) - 1)

    def moved(self, range_: R, start: int) -> None:
        """The beginning of a range moves, its place in the order stays."""
        n = bisect_right(self.first, range_.start) - 1
        at = bisect_right(self.starts[n], range_.start) - 1
        range_.start = self.starts[n][at] = start
        if at:
            self._hole_above(n, at - 1)
        elif n:
            self.first[n] = start
            self._hole_above(n - 1, len(self.leaves[n - 1]) - 1)

    def shrunk(self, range_: R) -> None:
        """The end of a range has come down."""
        n = bisect_right(self.first, range_.start) - 1
        self._hole_above(n, bisect_right(self.starts[n], range_.start) - 1)

    def _measure(self, n: int) -> None:
        """The bound of a leaf where nothing was found: exactly, but for what `begin` may say of its ranges."""
        following = self.first[n + 1] if n + 1 < len(self.first) else 0
        ends = [range_.end for range_ in self.leaves[n]]
        self.gaps[n] = max(map(sub, [*self.starts[n][1:], following], ends))
        self._widen(n, n + 1)

    def _widen(self, n: int, end: int = 1 << 64) -> None:
        """The bounds of leaves from `n` up to `end` have changed."""
        gaps = self.gaps
        first, stop = n // BLOCK, -(-min(end, len(gaps)) // BLOCK)
        self.wide[first:stop if end <= len(gaps) else None] = [
            max(gaps[at * BLOCK : (at + 1) * BLOCK]) for at in range(first, stop)
        ]

    def _hole_above(self, n: int, at: int) -> None:
        """The hole above range `at` of leaf `n` may be a new one, or longer."""
        leaf = self.leaves[n]
        if at + 1 < len(leaf):
            hole = self.starts[n][at + 1] - leaf[at].end
        elif n + 1 < len(self.leaves):
            hole = self.first[n + 1] - leaf[at].end
        else:
            return
        if hole > self.gaps[n]:
            self.gaps[n] = hole
            if hole > self.wide[n // BLOCK]:
                self.wide[n // BLOCK] = hole

    def empty_area_rev(self, length: int, low: int, high: int, begin: Callable[[R], int]) -> int:
        """The end of the highest hole of `length` bytes in [low, high); 0 if there is none (mas_empty_area_rev).

        A hole begins at the end of the range below it, and ends where `begin` says of the one above.
        """
        n = bisect_right(self.first, high - 1) - 1
        leaves, leaf = self.leaves, self.leaves[n]
        at = bisect_right(self.starts[n], high - 1)  # leaf[at] and those above it begin at or above high
        above = leaf[at] if at < len(leaf) else leaves[n + 1][0] if n + 1 < len(leaves) else None
        last = bisect_right(self.first, low) - 1
        top, part = high, leaf[:at] if at < len(leaf) else leaf
        if above is not None and leaf and self.gaps[n] < length:  # as is known: there is none in this leaf
            above, top, part = leaf[0], min(high, leaf[0].start), []
        while True:
            for below in reversed(part):
                if top - below.end >= length:
                    end = top if above is None else min(top, begin(above))
                    if end - max(low, below.end) >= length:
                        return end
                top = below.start
                if top <= low:
                    return 0
                above = below
            if n == last:
                end = top if above is None else min(top, begin(above))
                return end if end - low >= length else 0
            if part is leaf:
                self._measure(n)
            n = self._wide_below(length, n, last)
            leaf = part = leaves[n]
            above = leaves[n + 1][0]
            if leaf and self.gaps[n] < length:  # the lowest: there may be one below it
                above, part = leaf[0], []
            top = min(top, above.start)

    def _wide_below(self, length: int, n: int, last: int) -> int:
        """The leaf next below leaf `n` that may have a hole of `length` bytes, or leaf `last`, the lowest."""
        gaps, wide = self.gaps, self.wide
        if max(wide[last // BLOCK : (n - 1) // BLOCK + 1]) < length:  # max() is quicker than a look at each
            return last
        stop = n
        for block in range((n - 1) // BLOCK, last // BLOCK - 1, -1):
            first = block * BLOCK
            if wide[block] >= length and max(gaps[first:stop]) >= length:
                for at in range(stop - 1, max(first, last + 1) - 1, -1):
                    if gaps[at] >= length:
                        return at
            stop = first
        return last

    def empty_area(self, length: int, low: int, high: int, begin: Callable[[R], int]) -> int:
        """The beginning of the lowest hole of `length` bytes in [low, high); 0 if there is none (mas_empty_area)."""
        floor = low
        n = bisect_right(self.first, low) - 1
        at = bisect_right(self.starts[n], low)
        if at and self.leaves[n][at - 1].end > low:
            floor = self.leaves[n][at - 1].end
        for leaf, gap in zip(self.leaves[n:], self.gaps[n:], strict=True):
            for above in leaf[at:] if gap >= length else leaf[at : at + 1]:
                if begin(above) - floor >= length:
                    return floor if high - floor >= length else 0
                floor = max(floor, above.end)
            if leaf:
                floor = max(floor, leaf[-1].end)
            at = 0
        return floor if high - floor >= length else 0

    def faults(self) -> list[str]:
        """What is wrong with the tree, if anything (mt_validate)."""
        found = []
        if self.starts != [[range_.start for range_ in leaf] for leaf in self.leaves]:
            found.append("the starts in the tree differ from the areas'")
        if self.first != [0, *(starts[0] for starts in self.starts[1:])] or self.size != sum(map(len, self.leaves)):
            found.append("the tree's leaves are not those of its areas")
        if self.wide != [max(self.gaps[at : at + BLOCK]) for at in range(0, len(self.gaps), BLOCK)]:
            found.append("the tree's bounds of blocks differ from those of their leaves")
        above = None
        for n in range(len(self.leaves) - 1, -1, -1):
            for range_ in reversed(self.leaves[n]):
                if above is not None and above.start - range_.end > self.gaps[n]:
                    found.append(f"the tree does not know of the hole above {range_.end:x}")
                above = range_
        return found
