"""Whole runs of page frames at once: columns of struct page as wide integers.

A run of consecutive frames is a slice of a 32-bit column; read as one integer, adding 1 to every entry is one addition.
The result is what a loop over the pages would leave, entry by entry.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import groupby

from memsh.linux.include.flags import UINT_MAX

_ONES = int.from_bytes(b"\1\0\0\0" * 1024, "little")
_RAMP = sum(n << 32 * n for n in range(1024))
HUGE = 512  # frames of a huge page
_ZEROS = memoryview(bytes(4096)).cast("I")
# 1 in each of n lanes, and 0, 1, 2, … in n lanes, for the lengths that reclaim's batches have
ONES = tuple(_ONES & ((1 << 32 * n) - 1) for n in range(65))
RAMP = tuple(_RAMP & ((1 << 32 * n) - 1) for n in range(65))


def lanes(value: int, count: int) -> int:
    """`value` in each of `count` 32-bit lanes."""
    if count <= 64:
        return ONES[count] * value
    if count > 1024:
        return int.from_bytes(value.to_bytes(4, "little") * count, "little")
    return (_ONES if count == 1024 else _ONES & ((1 << 32 * count) - 1)) * value


@lru_cache(64)
def _long_lanes(count: int) -> tuple[int, int]:
    """ONES and RAMP of a length that those do not have."""
    below = (1 << 32 * count) - 1
    return _ONES & below, _RAMP & below


@lru_cache(64)
def _same(value: int) -> array[int]:
    """A huge page's entries of one value; nobody changes it."""
    return array("I", (value,)) * HUGE


@cache
def _numbers() -> memoryview:
    """0 to 0xFFFF as entries of a column."""
    return memoryview(array("I", range(1 << 16)))


def _upwards(first: int, count: int) -> bytes:
    """ramp() in steps of 1: the lower halves of the entries copied, the upper ones, which are all the same, set."""
    low = first & 0xFFFF
    if low + count > 1 << 16:
        here = (1 << 16) - low
        return _upwards(first, here) + _upwards(first + here, count - here)
    part = bytearray(_numbers()[low : low + count])
    part[2::4] = (first >> 16 & 0xFF).to_bytes() * count
    part[3::4] = (first >> 24).to_bytes() * count
    return bytes(part)


def ramp(first: int, count: int, step: int = 1) -> bytes:
    """first, first + step, … as `count` entries of a column."""
    if count <= 64:
        return (ONES[count] * first + RAMP[count] * step).to_bytes(4 * count, "little")
    if step == 1:
        return _upwards(first, count)
    if count <= 1024:
        ones, up = _long_lanes(count)
        return (ones * first + up * step).to_bytes(4 * count, "little")
    parts = range(0, count, 1024)
    return b"".join([ramp(first + done * step, min(1024, count - done), step) for done in parts])


def words(value: int, count: int) -> memoryview:
    return memoryview(value.to_bytes(4 * count, "little")).cast("I")


def add_run(column: memoryview, pfn: int, count: int, delta: int) -> None:
    """Add `delta` to `count` entries of a column, none of which leaves the range of 32 bits."""
    if count == 1:
        column[pfn] += delta
        return
    part = column[pfn : pfn + count]
    column[pfn : pfn + count] = words(int.from_bytes(part, "little") + lanes(1, count) * delta, count)


def count_down(column: memoryview, pfn: int, count: int) -> list[tuple[int, int]]:
    """Take 1 from `count` entries: (first, how many) of those that are 0 now."""
    if is_run(column, pfn, count, 1):
        clear_run((column,), pfn, count)
        return [(pfn, count)]
    add_run(column, pfn, count, -1)
    return [(first, n) for first, n, value in sub_runs(column, pfn, count) if not value]


def set_run(column: memoryview, pfn: int, count: int, value: int) -> None:
    if count == 1:
        column[pfn] = value
    elif not count % HUGE:
        column[pfn : pfn + count] = _same(value) * (count // HUGE)
    else:
        column[pfn : pfn + count] = array("I", (value,)) * count


def clear_run(columns: Sequence[memoryview], pfn: int, count: int) -> None:
    """0 in `count` entries of several columns."""
    if count == 1:
        for column in columns:
            column[pfn] = 0
        return
    zeros = _ZEROS[:count] if count <= 1024 else memoryview(bytes(4 * count)).cast("I")
    for column in columns:
        column[pfn : pfn + count] = zeros


def count_run(column: memoryview, pfn: int, first: int, count: int) -> None:
    """column[pfn + i] = first + i."""
    if count == 1:
        column[pfn] = first
    else:
        column[pfn : pfn + count] = array("I", ramp(first, count))


def is_count(column: memoryview, pfn: int, first: int, count: int) -> bool:
    """Whether column[pfn + i] is first + i for all `count` entries."""
    if column[pfn] != first or column[pfn + count - 1] != first + count - 1:
        return False
    return count <= 2 or column[pfn : pfn + count].tobytes() == ramp(first, count)


def linked(links: memoryview, first: int, step: int, most: int) -> int:
    """How many of the entries at first, first + step, … name the next one, up to the first that does not, that one
    included; at most `most`. `step` is 1 or -1."""
    end = first + (most - 1) * step
    if most > 8 and end > 0 and links[end - step] == end:  # all of them, perhaps
        low = first if step > 0 else end + 1
        if links[low : low + most - 1].tobytes() == ramp(low + step, most - 1):
            return most
    last = first
    for count in range(1, most):
        ahead: int = links[last]
        if ahead != last + step:
            return count
        last = ahead
    return most


def alike(column: memoryview, first: int, step: int, most: int) -> int:
    """How many of the entries at first, first + step, … are the same, at most `most`. `step` is 1 or -1."""
    if most < 2:
        return most
    value = column[first]
    low = first if step > 0 else first - most + 1
    if column[low : low + most].tobytes() == value.to_bytes(4, "little") * most:
        return most
    return next(count for count in range(1, most) if column[first + count * step] != value)


def counting(column: memoryview, first: int, step: int, most: int) -> tuple[int, int]:
    """How many of the entries at first, first + step, … go up by 1 each, or down: (how many, 1 or -1)."""
    if most < 2:
        return most, 1
    value = column[first]
    by = column[first + step] - value
    if by != 1 and by != -1:
        return 1, 1
    last = value + (most - 1) * by
    if last >= 0 and column[first + (most - 1) * step] == last:
        low, start = (first, value) if step > 0 else (first - most + 1, last)
        if column[low : low + most].tobytes() == ramp(start, most, by * step):
            return most, by
    count = 2
    while count < most and column[first + count * step] == value + count * by:
        count += 1
    return count, by


def mask_run(column: memoryview, pfn: int, count: int, clear: int, set_: int = 0) -> None:
    """Clear the bits `clear`, then set the bits `set_`, in `count` entries."""
    if count == 1:
        column[pfn] = column[pfn] & ~clear | set_
        return
    value = int.from_bytes(column[pfn : pfn + count], "little")
    value &= lanes(~clear & UINT_MAX, count)
    if set_:
        value |= lanes(set_, count)
    column[pfn : pfn + count] = words(value, count)


def is_run(column: memoryview, pfn: int, count: int, value: int) -> bool:
    """Whether all `count` entries are `value`."""
    if count == 1:
        return bool(column[pfn] == value)
    return column[pfn : pfn + count].tobytes() == value.to_bytes(4, "little") * count


def sub_runs(column: memoryview, pfn: int, count: int) -> list[tuple[int, int, int]]:
    """(first frame, count, value) for each stretch of equal entries."""
    value = column[pfn]
    if is_run(column, pfn, count, value):
        return [(pfn, count, value)]
    found = []
    at = pfn
    for value, group in groupby(column[pfn : pfn + count].tolist()):
        n = sum(1 for _ in group)
        found.append((at, n, value))
        at += n
    return found


def frame_runs(pfns: list[int]) -> list[tuple[int, int]]:
    """Split a list of frames into (first, count) of consecutive ascending ones."""
    count = len(pfns)
    if not count:
        return []
    if pfns[-1] - pfns[0] == count - 1 and pfns == list(range(pfns[0], pfns[0] + count)):
        return [(pfns[0], count)]
    runs = []
    if count <= 64:
        first = pfns[0]
        stop = first + 1
        for pfn in pfns[1:]:
            if pfn != stop:
                runs.append((first, stop - first))
                first = pfn
            stop = pfn + 1
        runs.append((first, stop - first))
        return runs
    at = 0
    while at < count:
        n = _run_length(pfns, at, 1)
        runs.append((pfns[at], n))
        at += n
    return runs


def reach(pfns: Sequence[int], at: int, first: int, step: int, most: int, known: int = 1) -> int:
    """How many of at most `most` entries from `at` on are likely first, first + step, …; the first `known` of them, a
    power of two, are said to be.

    Only a few are looked at, the one after the last among them: if those in between fit, the run is no longer.
    """
    if pfns[at + most - 1] == first + (most - 1) * step:
        return most
    n = known
    while n <= most and pfns[at + n - 1] == first + (n - 1) * step:
        n <<= 1
    good, bad = n >> 1, min(n, most + 1)  # entry `good` - 1 fits; entry `bad` - 1 does not, or is one too many
    while bad - good > 1:
        n = good + bad >> 1
        if pfns[at + n - 1] == first + (n - 1) * step:
            good = n
        else:
            bad = n
    return good


def _run_length(pfns: list[int], at: int, step: int) -> int:
    """How many entries from `at` on are consecutive in steps of `step`; at least 1."""
    count = len(pfns)
    first = pfns[at]
    if at + 1 == count or pfns[at + 1] != first + step:
        return 1
    n = reach(pfns, at, first, step, count - at)
    if pfns[at : at + n] == list(range(first, first + n * step, step)):
        return n
    stop = at + 2
    while stop < count and pfns[stop] == pfns[stop - 1] + step:
        stop += 1
    return stop - at


def stepped_runs(pfns: list[int]) -> list[tuple[int, int, int]]:
    """Split a list of frames into (first, count, step) of consecutive ones: step 1 ascending, -1 descending."""
    count = len(pfns)
    if not count:
        return []
    first = pfns[0]
    for step in (1, -1):
        if pfns[-1] - first == (count - 1) * step and pfns == list(range(first, first + count * step, step)):
            return [(first, count, step)]
    if count <= 64:
        return _short_runs(pfns)
    runs = []
    at = 0
    while at < count:
        first = pfns[at]
        step = -1 if at + 1 < count and pfns[at + 1] == first - 1 else 1
        n = _run_length(pfns, at, step)
        runs.append((first, n, step))
        at += n
    return runs


def _short_runs(pfns: list[int]) -> list[tuple[int, int, int]]:
    runs: list[tuple[int, int, int]] = []
    first = last = count = step = 0
    for pfn in pfns:
        if count == 1 and pfn - last in (1, -1):
            step = pfn - last
            count = 2
        elif count > 1 and pfn - last == step:
            count += 1
        else:
            if count:
                runs.append((first, count, step or 1))
            first, count, step = pfn, 1, 0
        last = pfn
    runs.append((first, count, step or 1))
    return runs
