"""How large SLUB makes its objects and slabs (mm/slub.c: calculate_sizes, calculate_order, set_cpu_partial).

Sizes are bytes. No known deviations.
"""

from __future__ import annotations

from typing import NamedTuple

from memsh.linux.include.flags import PAGE_SIZE
from memsh.linux.mm.slab.alignment import align_up
from memsh.linux.mm.slab.api import SLAB_TYPESAFE_BY_RCU

CACHE_LINE, WORD = 64, 8
MAX_OBJS_PER_PAGE = 32767  # of a slab: the counter has 15 bits
PAGE_ALLOC_COSTLY_ORDER = 3
MIN_PARTIAL, MAX_PARTIAL = 5, 10
MAX_ORDER = 11


class Tuning(NamedTuple):
    """What the command line says: slub_min_order=, slub_max_order=, slub_min_objects= (0: by the number of CPUs)."""

    min_order: int = 0
    max_order: int = PAGE_ALLOC_COSTLY_ORDER
    min_objects: int = 0


class Geometry(NamedTuple):
    """What a cache's slabs look like; `offset` is where the pointer to the next free object lies in a free one."""

    object_size: int
    size: int
    align: int
    flags: int
    inuse: int  # bytes of an object that its user may have
    offset: int
    order: int
    objects: int
    min_order: int  # what a slab may fall back to
    min_objects: int
    min_partial: int
    cpu_partial: int


def get_order(size: int) -> int:
    return (size - 1 >> 12).bit_length() if size > 1 else 0


def calc_slab_order(size: int, min_objects: int, max_order: int, fraction: int, min_order: int) -> int:
    """The smallest order that wastes at most 1/fraction of a slab; above max_order if there is none."""
    if (PAGE_SIZE << min_order) // size > MAX_OBJS_PER_PAGE:
        return get_order(size * MAX_OBJS_PER_PAGE) - 1
    order = max(min_order, get_order(min_objects * size))
    while order <= max_order:
        whole = PAGE_SIZE << order
        if whole % size <= whole // fraction:
            break
        order += 1
    return order


def calculate_order(size: int, cpus: int, tuning: Tuning) -> int:
    """The order of slabs for objects of `size` bytes on a box with so many CPUs; -1 if none is large enough."""
    max_order = tuning.max_order
    objects = tuning.min_objects or 4 * (cpus.bit_length() + 1)
    objects = min(objects, (PAGE_SIZE << max_order) // size)
    while objects > 1:
        for fraction in (16, 8, 4):
            order = calc_slab_order(size, objects, max_order, fraction, tuning.min_order)
            if order <= max_order:
                return order
        objects -= 1
    order = calc_slab_order(size, 1, max_order, 1, tuning.min_order)
    if order <= max_order:
        return order
    order = calc_slab_order(size, 1, MAX_ORDER, 1, tuning.min_order)
    return order if order < MAX_ORDER else -1


def cpu_partial_objects(size: int) -> int:
    """How many objects a CPU's partial slabs may hold (set_cpu_partial)."""
    return 6 if size >= PAGE_SIZE else 24 if size >= 1024 else 52 if size >= 256 else 120


def cpu_partial_slabs(cpu_partial: int, objects: int) -> int:
    """The same in slabs, taken to be half full (slub_set_cpu_partial)."""
    return -(-cpu_partial * 2 // objects)


def geometry(object_size: int, align: int, flags: int, ctor: bool, cpus: int, tuning: Tuning) -> Geometry | None:
    """The shape of a cache for objects of `object_size`; None if none is possible (EINVAL).

    `align` as calculate_alignment() gave it.
    """
    inuse = align_up(object_size, WORD)
    if ctor or flags & SLAB_TYPESAFE_BY_RCU:
        offset, size = inuse, inuse + WORD
    else:
        offset, size = (object_size // 2) & -WORD, inuse
    size = align_up(size, align)
    order = calculate_order(size, cpus, tuning)
    if order < 0:
        return None
    least = get_order(size)
    min_partial = max(MIN_PARTIAL, min(MAX_PARTIAL, (size.bit_length() - 1) // 2))
    return Geometry(
        object_size, size, align, flags, inuse, offset, order, (PAGE_SIZE << order) // size, least,
        (PAGE_SIZE << least) // size, min_partial, cpu_partial_objects(size),
    )  # fmt: skip
