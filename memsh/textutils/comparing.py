"""Which lines of two files differ: the differences that GNU diff chooses among those that are equally small (diffutils
3.8: analyze.c, gnulib's diffseq.h; E. Myers, An O(ND) Difference Algorithm and its Variations, 1986)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

_FAR = 1 << 60
LEAST_COST = 4096  # steps before a search for the smallest difference may be given up


class Change(NamedTuple):
    """Lines `a`…`a_end` of the one file stand where lines `b`…`b_end` of the other are, counted from 0."""

    a: int
    a_end: int
    b: int
    b_end: int


def changes(
    one: Sequence[str], other: Sequence[str], keys: tuple[Sequence[str], Sequence[str]], horizon: int,
    minimal: bool, check: Callable[[], None],
) -> list[Change]:  # fmt: skip
    """The differences of two files' lines. `keys`: what of a line is compared; `horizon`: how many equal lines at the
    begin and the end are looked at all the same; `check` is called now and then (Ctrl-C)."""
    start = 0
    shorter = min(len(one), len(other))
    while start < shorter and one[start] == other[start]:
        start += 1
    tail = 0
    while tail < shorter - start and one[len(one) - 1 - tail] == other[len(other) - 1 - tail]:
        tail += 1
    start, tail = max(0, start - horizon), max(0, tail - horizon)
    numbers: dict[str, int] = {}
    files = [[numbers.setdefault(key, len(numbers)) for key in side[start : len(side) - tail]] for side in keys]
    changed = [bytearray(len(file) + 2) for file in files]  # one more at the begin (as [-1]) and at the end
    kept = _kept(files, changed, minimal)
    _Search([[files[side][at] for at in kept[side]] for side in (0, 1)], kept, changed, minimal, check).run()
    for side in (0, 1):
        _shift(files[side], changed[side], changed[1 - side])
    return _script(changed, [len(file) for file in files], start)


def _kept(files: list[list[int]], changed: list[bytearray], minimal: bool) -> list[list[int]]:
    """The places of the lines worth comparing: those that the other file has not are changed, and so are those that it
    has many times, where they stand among such (discard_confusing_lines)."""
    counts = [Counter(file) for file in files]
    kept = []
    for side, file in enumerate(files):
        many, size = 5, len(file) // 64 >> 2
        while size > 0:
            many, size = many * 2, size >> 2
        other = counts[1 - side]
        discards = bytearray(1 if not other[line] else 2 if other[line] > many else 0 for line in file)
        _cancel(discards)
        places = []
        for at, discard in enumerate(discards):
            if minimal or not discard:
                places.append(at)
            else:
                changed[side][at] = 1
        kept.append(places)
    return kept


def _cancel(discards: bytearray) -> None:
    """Keep lines that were to be discarded for their number alone, unless they stand in a run of discarded ones."""
    at, end = 0, len(discards)
    while at < end:
        if discards[at] == 2:
            discards[at] = 0
        elif discards[at]:
            stop = at
            while stop < end and discards[stop]:
                stop += 1
            while stop > at and discards[stop - 1] == 2:
                stop -= 1
                discards[stop] = 0
            length = stop - at
            if discards.count(2, at, stop) * 4 > length:
                for place in range(at, stop):
                    if discards[place] == 2:
                        discards[place] = 0
            else:
                _cancel_within(discards, at, length)
                at += length - 1
        at += 1


def _cancel_within(discards: bytearray, begin: int, length: int) -> None:
    least, size = 1, length >> 4
    while size > 0:
        least, size = least << 1, size >> 2
    least += 1
    place = row = 0
    while place < length:
        if discards[begin + place] != 2:
            row = 0
        else:
            row += 1
            if row == least:
                place -= row
            elif row > least:
                discards[begin + place] = 0
        place += 1
    for first, step in ((begin, 1), (begin + length - 1, -1)):
        row = 0
        for count in range(length):
            at = first + step * count
            if count >= 8 and discards[at] == 1:
                break
            if discards[at] == 2:
                row = discards[at] = 0
            else:
                row = row + 1 if discards[at] else 0
            if row == 3:
                break


class _Search:
    """The search itself, over the lines that are kept; it marks those that have no partner (compareseq)."""

    def __init__(
        self, kept: list[list[int]], places: list[list[int]], changed: list[bytearray], minimal: bool,
        check: Callable[[], None],
    ) -> None:  # fmt: skip
        self.a, self.b = kept
        self.places, self.changed, self.minimal, self.check = places, changed, minimal, check
        size, cost = len(self.a) + len(self.b) + 3, 1
        while size:
            cost, size = cost << 1, size >> 2
        self.most = max(LEAST_COST, cost)
        self.forward: dict[int, int] = {}
        self.backward: dict[int, int] = {}

    def run(self) -> None:
        waiting = [(0, len(self.a), 0, len(self.b), self.minimal)]
        while waiting:
            x, x_end, y, y_end, minimal = waiting.pop()
            a, b = self.a, self.b
            while x < x_end and y < y_end and a[x] == b[y]:
                x, y = x + 1, y + 1
            while x < x_end and y < y_end and a[x_end - 1] == b[y_end - 1]:
                x_end, y_end = x_end - 1, y_end - 1
            if x == x_end:
                for at in range(y, y_end):
                    self.changed[1][self.places[1][at]] = 1
            elif y == y_end:
                for at in range(x, x_end):
                    self.changed[0][self.places[0][at]] = 1
            else:
                x_mid, y_mid, low, high = self._middle(x, x_end, y, y_end, minimal)
                waiting += [(x, x_mid, y, y_mid, low), (x_mid, x_end, y_mid, y_end, high)]

    def _middle(self, x: int, x_end: int, y: int, y_end: int, minimal: bool) -> tuple[int, int, bool, bool]:
        """(x, y) where a smallest path is cut in two, and whether each half must be searched to the end (diag)."""
        a, b = self.a, self.b
        fd, bd = self.forward, self.backward
        least, most = x - y_end, x_end - y
        f_mid, b_mid = x - y, x_end - y_end
        f_low = f_high = f_mid
        b_low = b_high = b_mid
        odd = (f_mid - b_mid) & 1
        fd[f_mid], bd[b_mid] = x, x_end
        cost = 0
        while True:
            cost += 1
            if not cost & 15:
                self.check()
            if f_low > least:
                f_low -= 1
                fd[f_low - 1] = -1
            else:
                f_low += 1
            if f_high < most:
                f_high += 1
                fd[f_high + 1] = -1
            else:
                f_high -= 1
            for diagonal in range(f_high, f_low - 1, -2):
                low, high = fd[diagonal - 1], fd[diagonal + 1]
                at = high if low < high else low + 1
                other = at - diagonal
                while at < x_end and other < y_end and a[at] == b[other]:
                    at, other = at + 1, other + 1
                fd[diagonal] = at
                if odd and b_low <= diagonal <= b_high and bd[diagonal] <= at:
                    return at, other, True, True
            if b_low > least:
                b_low -= 1
                bd[b_low - 1] = _FAR
            else:
                b_low += 1
            if b_high < most:
                b_high += 1
                bd[b_high + 1] = _FAR
            else:
                b_high -= 1
            for diagonal in range(b_high, b_low - 1, -2):
                low, high = bd[diagonal - 1], bd[diagonal + 1]
                at = low if low < high else high - 1
                other = at - diagonal
                while x < at and y < other and a[at - 1] == b[other - 1]:
                    at, other = at - 1, other - 1
                bd[diagonal] = at
                if not odd and f_low <= diagonal <= f_high and at <= fd[diagonal]:
                    return at, other, True, True
            if cost >= self.most and not minimal:
                return self._given_up((x, x_end, y, y_end), (f_low, f_high), (b_low, b_high))

    def _given_up(
        self, box: tuple[int, int, int, int], forward: tuple[int, int], backward: tuple[int, int]
    ) -> tuple[int, int, bool, bool]:
        """The furthest that was reached from either end."""
        x, x_end, y, y_end = box
        best, best_x = -1, 0
        for diagonal in range(forward[1], forward[0] - 1, -2):
            at = min(self.forward[diagonal], x_end)
            if y_end < at - diagonal:
                at = y_end + diagonal
            if best < 2 * at - diagonal:
                best, best_x = 2 * at - diagonal, at
        back, back_x = _FAR, 0
        for diagonal in range(backward[1], backward[0] - 1, -2):
            at = max(x, self.backward[diagonal])
            if at - diagonal < y:
                at = y + diagonal
            if 2 * at - diagonal < back:
                back, back_x = 2 * at - diagonal, at
        if x_end + y_end - back < best - (x + y):
            return best_x, best - best_x, True, False
        return back_x, back - back_x, False, True


def _shift(lines: list[int], changed: bytearray, other: bytearray) -> None:
    """Move runs of changes up and down where the lines around allow it, so that they join others and stand beside those
    of the other file (shift_boundaries)."""
    i = j = 0
    end = len(lines)
    while True:
        while i < end and not changed[i]:
            while other[j]:
                j += 1
            j += 1
            i += 1
        if i == end:
            return
        start = i
        i += 1
        while changed[i]:
            i += 1
        while other[j]:
            j += 1
        while True:
            length = i - start
            while start and lines[start - 1] == lines[i - 1]:
                start, i = start - 1, i - 1
                changed[start], changed[i] = 1, 0
                while changed[start - 1]:
                    start -= 1
                j -= 1
                while other[j]:
                    j -= 1
            beside = i if other[j - 1] else end
            while i != end and lines[start] == lines[i]:
                changed[start], changed[i] = 0, 1
                start, i = start + 1, i + 1
                while changed[i]:
                    i += 1
                j += 1
                while other[j]:
                    j, beside = j + 1, i
            if length == i - start:
                break
        while beside < i:
            start, i = start - 1, i - 1
            changed[start], changed[i] = 1, 0
            j -= 1
            while other[j]:
                j -= 1


def _script(changed: list[bytearray], lengths: list[int], start: int) -> list[Change]:
    found = []
    i = j = 0
    while i < lengths[0] or j < lengths[1]:
        if changed[0][i] or changed[1][j]:
            a, b = i, j
            while changed[0][i]:
                i += 1
            while changed[1][j]:
                j += 1
            found.append(Change(a + start, i + start, b + start, j + start))
        i, j = i + 1, j + 1
    return found
