"""Tracepoints: one flag, one ring (include/trace/events/*.h).

Call sites are written `if trace.on: trace.emit("mm_page_alloc", pfn, order, ...)` so that an untraced step pays one
attribute test. FIELDS names what each event notes: `call_site` is found by emit(), the rest are the arguments of its
call, in order.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

from memsh.linux.mm.slab.callsites import linux_name

if TYPE_CHECKING:
    from memsh.linux.box import Box

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
        "pageblock_order",
    ),
    "mm_page_free": ("pfn", "order"),
    "mm_page_free_batched": ("pfn",),
    "mm_page_pcpu_drain": ("pfn", "order", "migratetype"),
    "kmalloc": ("call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"),
    "kfree": ("call_site", "ptr"),
    "kmem_cache_alloc": ("call_site", "name", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"),
    "kmem_cache_free": ("call_site", "name", "ptr"),
    "mm_filemap_add_to_page_cache": ("major", "minor", "ino", "pfn", "ofs"),
    "mm_filemap_delete_from_page_cache": ("major", "minor", "ino", "pfn", "ofs"),
    "writeback_dirty_folio": ("major", "minor", "ino", "index"),
    "page_fault_user": ("address", "ip", "error_code"),
    "mm_vmscan_wakeup_kswapd": ("nid", "zid", "order", "gfp_flags"),
    "mm_vmscan_kswapd_wake": ("nid", "zid", "order"),
    "mm_vmscan_kswapd_sleep": ("nid",),
    "mm_vmscan_direct_reclaim_begin": ("order", "gfp_flags"),
    "mm_vmscan_direct_reclaim_end": ("nr_reclaimed",),
    "mm_vmscan_memcg_reclaim_begin": ("order", "gfp_flags"),
    "mm_vmscan_memcg_reclaim_end": ("nr_reclaimed",),
    "mm_vmscan_node_reclaim_begin": ("nid", "order", "gfp_flags"),
    "mm_vmscan_node_reclaim_end": ("nr_reclaimed",),
    "mm_vmscan_lru_shrink_inactive": (
        "nid",
        "nr_scanned",
        "nr_reclaimed",
        "nr_dirty",
        "nr_writeback",
        "nr_congested",
        "nr_immediate",
        "nr_activate_anon",
        "nr_activate_file",
        "nr_ref_keep",
        "nr_unmap_fail",
        "priority",
        "flags",
    ),
    "mm_vmscan_lru_shrink_active": (
        "nid",
        "nr_taken",
        "nr_active",
        "nr_deactivated",
        "nr_referenced",
        "priority",
        "flags",
    ),
    "mm_compaction_begin": ("zone_start", "migrate_pfn", "free_pfn", "zone_end", "sync"),
    "mm_compaction_end": ("zone_start", "migrate_pfn", "free_pfn", "zone_end", "sync", "status"),
    "mm_migrate_pages": ("nr_succeeded", "nr_failed", "mode"),
    "rss_stat": ("mm_id", "curr", "type", "size"),
    "oom_score_adj_update": ("pid", "comm", "oom_score_adj"),
    "mark_victim": ("pid", "comm", "total_vm", "anon_rss", "file_rss", "shmem_rss", "pgtables", "oom_score_adj"),
}


CALLED = frozenset(name for name, fields in FIELDS.items() if fields[:1] == ("call_site",))
_BETWEEN = ("mm/slab", "inspect")  # what stands between the caller and the cache

_HELPERS = ("take", "size_tree")  # of ours, without a counterpart in Linux


class Trace:
    """`ring` holds (name, value, …), `stamps` for each of them (box clock in µs, PID, comm, CPU); `total` counts all
    ever. `filters`: of which events only those count that a filter lets pass, `told` is its text, also a system's.

    `box` is whose clock and current task are noted; without one they read 0, 0 and "swapper/0".
    """

    __slots__ = ("asked", "box", "counting", "events", "filters", "on", "ring", "stamps", "told", "total")

    def __init__(self, box: Box | None = None) -> None:
        self.on = False
        self.counting = False  # nobody will read the events: they are counted only
        self.events: set[str] | None = None  # those that are recorded while it is on; None: all
        self.filters: dict[str, Callable[[dict[str, Any]], bool]] = {}
        self.told: dict[str, str] = {}
        self.box = box
        self.ring: deque[tuple[Any, ...]] = deque(maxlen=65536)
        self.stamps: deque[tuple[int, int, str, int]] = deque(maxlen=65536)
        self.total = 0
        self.asked: dict[CodeType, str | None] = {}  # who asks there; None: it stands between who asks and the cache

    def call_site(self) -> str:
        """The kernel function that asked the slab allocator; "" if none did (a person's command)."""
        asked = self.asked
        frame = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if code not in asked:
                room = code.co_filename.replace("\\", "/").rpartition("/memsh/")[2].rpartition("/")[0]
                name = code.co_name.strip("_") if room.startswith("linux") else ""
                asked[code] = None if room.endswith(_BETWEEN) or name in _HELPERS else name
            found = asked[code]
            if found is not None:
                return found
            if frame.f_back is None:
                break
            frame = frame.f_back
        return ""

    def emit(self, name: str, *values: Any) -> None:
        """Note one event; the caller has looked at `on`. The slab allocator's events begin with who called it."""
        if self.events is not None and name not in self.events:
            return
        if self.counting:
            self.total += 1
            return
        if name in CALLED:
            values = (linux_name(name, self.call_site(), values[0] if name.startswith("kmem_") else ""), *values)
        box = self.box
        task = getattr(box, "current", None)
        pages = getattr(box, "pages", None)
        pid, comm, cpu = task.pid if task else 0, task.comm if task else "swapper/0", pages.cpu if pages else 0
        if name in self.filters:
            known = dict(zip(FIELDS[name], values, strict=True))
            common = {"common_pid": pid, "comm": comm, "COMM": comm, "cpu": cpu, "CPU": cpu}
            if not self.filters[name]({**common, **known}):
                return
        self.ring.append((name, *values))
        self.stamps.append((box.timer.usec if box is not None else 0, pid, comm, cpu))
        self.total += 1

    def clear(self) -> None:
        """Forget the events, as writing to the file does."""
        self.ring.clear()
        self.stamps.clear()
        self.total = 0
