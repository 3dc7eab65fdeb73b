"""The tree of ranges answers as a plain sorted list does."""

from __future__ import annotations

import random

import pytest

from memsh.linux.lib import maple_tree
from memsh.linux.lib.maple_tree import MapleTree

LIMIT = 1 << 14


class Span:
    def __init__(self, start: int, end: int, guard: int) -> None:
        self.start, self.end, self.guard = start, end, guard


def begin(span: Span) -> int:
    return max(0, span.start - span.guard)


def highest(spans: list[Span], length: int, low: int, high: int) -> int:
    top = min([high, *(begin(span) for span in spans if span.start >= high)])
    for below in reversed([span for span in spans if span.start < high]):
        if top - max(low, below.end) >= length:
            return top
        if below.start <= low:
            return 0
        top = begin(below)
    return top if top - low >= length else 0


def lowest(spans: list[Span], length: int, low: int, high: int) -> int:
    floor = low
    for span in spans:
        if span.start <= low:
            floor = max(floor, span.end)
        elif begin(span) - floor >= length:
            break
        else:
            floor = max(floor, span.end)
    return floor if high - floor >= length else 0


def test_against_a_sorted_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maple_tree, "LEAF", 4)
    monkeypatch.setattr(maple_tree, "BLOCK", 3)
    for seed in range(30):
        rng = random.Random(seed)
        tree: MapleTree[Span] = MapleTree()
        spans: list[Span] = []
        for step in range(300):
            kind = rng.random()
            if kind < (0.6 if step < 150 else 0.3):
                start = rng.randrange(1, LIMIT)
                found = tree.find(start)
                assert found is next((span for span in spans if span.end > start), None)
                room = min(found.start if found else LIMIT, start + rng.randrange(1, 200)) - start
                if room > 0:
                    span = Span(start, start + room, 16 if rng.random() < 0.05 else 0)
                    tree.insert(span)
                    spans = sorted([*spans, span], key=lambda one: one.start)
            elif spans:
                at = rng.randrange(len(spans))
                span = spans[at]
                before = spans[at - 1].end if at else 0
                assert tree.neighbours(span) == (
                    spans[at - 1] if at else None, spans[at + 1] if at + 1 < len(spans) else None
                )  # fmt: skip
                if kind < 0.8:
                    tree.remove(span)
                    spans.remove(span)
                elif kind < 0.9:
                    tree.moved(span, rng.randrange(before, span.end))
                else:
                    span.end = rng.randrange(span.start + 1, span.end + 1)
                    tree.shrunk(span)
            assert not tree.faults()
            assert list(tree) == spans and len(tree) == len(spans)
            for _ in range(3):
                length, low, high = rng.randrange(1, 400), rng.randrange(LIMIT), rng.randrange(LIMIT)
                if low < high:
                    assert tree.empty_area_rev(length, low, high, begin) == highest(spans, length, low, high)
                    assert tree.empty_area(length, low, high, begin) == lowest(spans, length, low, high)
                    assert tree.between(low, high) == [s for s in spans if s.end > low and s.start < high]
                    below = [span for span in spans if span.end <= low]
                    assert tree.find_prev(low) == (tree.find(low), below[-1] if below else None)
                    assert tree.lookup(low) is next((s for s in spans if s.start <= low < s.end), None)
