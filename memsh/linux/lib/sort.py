"""The kernel's heap sort, which leaves equal elements in an order of its own (lib/sort.c, sort_r)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def sort(found: list[T], key: Callable[[T], int]) -> None:
    """In place, ascending."""
    at, end = len(found) // 2, len(found)
    while at or end > 1:
        if at:
            at -= 1
        else:
            end -= 1
            found[0], found[end] = found[end], found[0]
        _sift(found, at, end, key)


def _sift(found: list[T], top: int, end: int, key: Callable[[T], int]) -> None:
    """Down to a leaf by the larger child, then up to where the element belongs, and those on the way one up."""
    here = top
    while 2 * here + 2 < end:
        left = 2 * here + 1
        here = left if key(found[left]) >= key(found[left + 1]) else left + 1
    if 2 * here + 2 == end:
        here = 2 * here + 1
    while here != top and key(found[top]) >= key(found[here]):
        here = (here - 1) // 2
    place = here
    while here != top:
        here = (here - 1) // 2
        found[here], found[place] = found[place], found[here]
