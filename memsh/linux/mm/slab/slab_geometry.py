"""How many objects fit into a slab, and where their free list lies (mm/slab.c: calculate_slab_order and around).

SLAB_TYPESAFE_BY_RCU stands for a constructor too: either keeps the free list out of the objects.
A free list of one byte an object lies in the last free object, off the slab in a kmalloc object, or at the slab's end.
Sizes are bytes. No known deviations.
"""

from __future__ import annotations

from typing import NamedTuple

from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.mm.slab.alignment import align_up
from memsh.linux.mm.slab.api import (
    SLAB_NOLEAKTRACE,
    SLAB_RECLAIM_ACCOUNT,
    SLAB_TYPESAFE_BY_RCU,
)

CFLGS_OBJFREELIST_SLAB = 0x40000000
CFLGS_OFF_SLAB = 0x80000000

CACHE_LINE, WORD = 32, 4  # M686
SLAB_OBJ_MIN_SIZE = 16
SLAB_OBJ_MAX_NUM = 255
KMALLOC_MAX_ORDER = 10


class Geometry(NamedTuple):
    """What a cache's slabs look like; `num` objects of `size` bytes in 2^gfporder pages."""

    object_size: int
    size: int
    align: int
    flags: int
    num: int
    gfporder: int
    colour: int
    colour_off: int


def kmalloc_size(size: int) -> int:
    """The object size of the kmalloc cache that serves `size` bytes (kmalloc_slab); up to 8 KiB."""
    if size <= 32:
        return 32
    if size <= 192:
        return 64 if size <= 64 else 96 if size <= 96 else 128 if size <= 128 else 192
    return 1 << (size - 1).bit_length()


def _order(size: int, object_size: int, flags: int, max_order: int) -> tuple[int, int, int]:
    """(num, gfporder, bytes left over); num 0 if nothing fits (calculate_slab_order)."""
    best = (0, 0, 0)
    inside = not flags & (CFLGS_OBJFREELIST_SLAB | CFLGS_OFF_SLAB)
    for order in range(KMALLOC_MAX_ORDER + 1):
        whole = PAGE_SIZE << order
        each = size + 1 if inside else size
        num = whole // each
        if not num:
            continue
        if num > SLAB_OBJ_MAX_NUM:
            break
        left = whole - num * each
        if flags & CFLGS_OFF_SLAB:
            served = kmalloc_size(num)
            if served > object_size // 2:  # no kmalloc cache keeps its own free list off the slab
                continue
        best = (num, order, left)
        if flags & SLAB_RECLAIM_ACCOUNT or order >= max_order or left * 8 <= whole:
            break
    return best


def geometry(object_size: int, align: int, flags: int, max_order: int, wiped: bool = False) -> Geometry | None:
    """The shape of a cache for objects of `object_size`; None if none is possible (E2BIG).

    `align` as calculate_alignment() gave it; `max_order` 1, or 0 on a box of 32 MiB or less; `wiped`: objects are
    cleared when they are freed (init_on_free), and no free list can lie in them.
    """
    colour_off = max(CACHE_LINE, align)
    size = align_up(align_up(object_size, 4), align)
    if size < SLAB_OBJ_MIN_SIZE:
        size = align_up(SLAB_OBJ_MIN_SIZE, align)
    if not flags & SLAB_TYPESAFE_BY_RCU and not wiped:
        num, order, left = _order(size, object_size, flags | CFLGS_OBJFREELIST_SLAB, max_order)
        if num and num <= object_size:
            return Geometry(
                object_size, size, align, flags | CFLGS_OBJFREELIST_SLAB, num, order, left // colour_off, colour_off
            )
    if not flags & SLAB_NOLEAKTRACE:
        num, order, left = _order(size, object_size, flags | CFLGS_OFF_SLAB, max_order)
        if num and left < num:
            return Geometry(
                object_size, size, align, flags | CFLGS_OFF_SLAB, num, order, left // colour_off, colour_off
            )
    num, order, left = _order(size, object_size, flags, max_order)
    if not num:
        return None
    return Geometry(object_size, size, align, flags, num, order, left // colour_off, colour_off)
