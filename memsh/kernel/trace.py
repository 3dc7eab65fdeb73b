"""Tracepoints: one flag, one ring (include/trace/events/*.h).

Call sites are written `if trace.on: trace.emit("mm_page_alloc", pfn, order, ...)` so that an untraced step pays one
attribute test. FIELDS names the arguments of each event, in the order of the emit call.
"""

from collections import deque
from typing import Any

FIELDS: dict[str, tuple[str, ...]] = {
    "mm_page_alloc": ("pfn", "order", "gfp_flags", "migratetype"),
    "mm_page_alloc_zone_locked": ("pfn", "order", "migratetype", "percpu_refill"),
    "mm_page_alloc_extfrag": (
        "pfn",
        "alloc_order",
        "fallback_order",
        "alloc_migratetype",
        "fallback_migratetype",
        "change_ownership",
    ),
    "mm_page_free": ("pfn", "order"),
    "mm_page_free_batched": ("pfn",),
    "mm_page_pcpu_drain": ("pfn", "order", "migratetype"),
    "kmalloc": ("ptr", "bytes_req", "bytes_alloc", "gfp_flags"),
    "kfree": ("ptr",),
    "kmem_cache_alloc": ("name", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"),
    "kmem_cache_free": ("name", "ptr"),
}


class Trace:
    __slots__ = ("on", "ring", "total")

    def __init__(self) -> None:
        self.on = False
        self.ring: deque[tuple[Any, ...]] = deque(maxlen=65536)
        self.total = 0

    def emit(self, name: str, *values: Any) -> None:
        self.ring.append((name, *values))
        self.total += 1
