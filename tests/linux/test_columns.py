"""Runs of entries leave what a loop over the entries leaves."""

from array import array
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from memsh.linux.lib import columns
from memsh.linux.lib.entries import page_runs

SIZE = 5000
COUNTS = st.one_of(st.integers(1, 70), st.sampled_from((1023, 1024, 1025, 2048, 3000)))


FIRSTS = st.one_of(st.integers(0, 1 << 20), st.integers(0xFF80, 0x10000), st.integers(0x5FFFE00, 0x6000000))


@given(COUNTS, FIRSTS, st.sampled_from((1, -1, 4096, -4096, 512)))
def test_ramps(count: int, first: int, step: int) -> None:
    first = first if step > 0 else first + count * -step
    first = min(first, (1 << 32) - 1 - count * max(step, 0))
    expected = array("I", range(first, first + count * step, step))
    assert columns.ramp(first, count, step) == expected.tobytes()


@given(COUNTS, st.integers(0, 1000), st.integers(0, 1 << 30), st.integers(0, 3000))
def test_counting_runs(count: int, pfn: int, first: int, spoil: int) -> None:
    column = memoryview(array("I", [7]) * SIZE)
    columns.count_run(column, pfn, first, count)
    assert column.tolist() == [7] * pfn + list(range(first, first + count)) + [7] * (SIZE - pfn - count)
    assert columns.is_count(column, pfn, first, count)
    if spoil < count:
        column[pfn + spoil] += 1
        assert not columns.is_count(column, pfn, first, count)


@given(COUNTS, st.integers(0, 1000), st.integers(0, (1 << 32) - 1))
def test_equal_runs(count: int, pfn: int, value: int) -> None:
    one, two = memoryview(array("I", [7]) * SIZE), memoryview(array("I", [8]) * SIZE)
    columns.set_run(one, pfn, count, value)
    assert one.tolist() == [7] * pfn + [value] * count + [7] * (SIZE - pfn - count)
    columns.clear_run((one, two), pfn, count)
    assert one.tolist() == [7] * pfn + [0] * count + [7] * (SIZE - pfn - count)
    assert two.tolist() == [8] * pfn + [0] * count + [8] * (SIZE - pfn - count)


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 150), st.sampled_from((1, -1, 7))), max_size=8))
def test_runs_in_lists(parts: list[tuple[int, int, int]]) -> None:
    pfns = [5000 + first + n * step for first, count, step in parts for n in range(count)]
    runs = columns.frame_runs(pfns)
    assert [pfn for first, count in runs for pfn in range(first, first + count)] == pfns
    assert all(first + count != after for (first, count), (after, _) in pairwise(runs))
    stepped = columns.stepped_runs(pfns)
    assert [pfn for first, count, step in stepped for pfn in range(first, first + count * step, step)] == pfns


@given(st.integers(1, 64), st.integers(100, 900), st.sampled_from((1, -1)), st.integers(0, 70))
def test_how_far_links_go(most: int, first: int, step: int, spoil: int) -> None:
    column = memoryview(array("I", [0]) * 1024)
    for n in range(spoil):
        column[first + n * step] = first + (n + 1) * step
    assert columns.linked(column, first, step, most) == min(most, spoil + 1)
    column[first + 65 * step] = first + 66 * step
    assert columns.linked(column, first, step, most) == min(most, spoil + 1)


WORD = st.integers(0, (1 << 32) - 1)


@given(COUNTS, st.integers(0, 1000), WORD, WORD, st.sampled_from((1, -1, 7)))
def test_bits_and_sums_of_runs(count: int, pfn: int, clear: int, set_: int, delta: int) -> None:
    old = [(n * 0x9E3779B1 & 0x7FFFFFFF) + 1 for n in range(SIZE)]
    column = memoryview(array("I", old))
    columns.mask_run(column, pfn, count, clear, set_)
    masked = [n & ~clear | set_ for n in old[pfn : pfn + count]]
    assert column.tolist() == old[:pfn] + masked + old[pfn + count :]
    column = memoryview(array("I", old))
    columns.add_run(column, pfn, count, delta)
    assert column.tolist() == old[:pfn] + [n + delta for n in old[pfn : pfn + count]] + old[pfn + count :]


@given(COUNTS, st.integers(0, 1000), st.dictionaries(st.integers(0, 70), st.integers(1, 3), max_size=5))
def test_counting_down(count: int, pfn: int, others: dict[int, int]) -> None:
    before = [others.get(n, 1) for n in range(count)]
    column = memoryview(array("I", [7] * pfn + before + [7] * (SIZE - pfn - count)))
    gone = columns.count_down(column, pfn, count)
    assert column.tolist() == [7] * pfn + [value - 1 for value in before] + [7] * (SIZE - pfn - count)
    assert [at for first, n in gone for at in range(first, first + n)] == [
        pfn + n for n, value in enumerate(before) if value == 1
    ]


PAGE, ZERO_PAGE = 0x67, 7
PARTS = st.tuples(st.sampled_from(("empty", "pages", "other bits", "same", "zero page", "swapped", "holes")),
                  st.sampled_from((1, 2, 5, 32, 63, 200, 1024)), st.integers(8, 1 << 18))  # fmt: skip


def entries_of(kind: str, count: int, first: int) -> list[int]:
    step = kind in ("pages", "other bits", "holes", "swapped")
    frame = ZERO_PAGE if kind == "zero page" else first
    bits = {"swapped": (0x80,), "other bits": (PAGE, 0x27, 0x100), "holes": (PAGE, PAGE, 0x80)}.get(kind, (PAGE,))
    return [frame + n * step << 12 | bits[n % len(bits)] if kind != "empty" else 0 for n in range(count)]


TABLES = st.sampled_from((("I", 1024), ("Q", 512)))


@given(TABLES, st.lists(PARTS, max_size=12), st.integers(0, 511), st.integers(0, 511))
def test_runs_of_pages(table: tuple[str, int], parts: list[tuple[str, int, int]], start: int, less: int) -> None:
    code, size = table
    entries = [entry for part in parts for entry in entries_of(*part)][:size]
    ptes = array(code, entries + [0] * (size - len(entries)))
    stop = max(start, size - less)
    runs = page_runs(ptes, start, stop, ZERO_PAGE)
    assert [(at + n, pfn + n) for at, count, pfn in runs for n in range(count)] == [
        (at, ptes[at] >> 12) for at in range(start, stop) if ptes[at] & 0x101 and ptes[at] >> 12 != ZERO_PAGE
    ]
