"""Tracepoints as text, with the kernel's own words (TP_printk in include/trace/events/: kmem, filemap, exceptions …).

FORMATS has one entry for each name in memsh.linux.include.trace.FIELDS; `fragmenting` and the like are computed as
there.

**Known deviations:** pointers are real (as with no_hash_pointers); `call_site` is the calling function without the
offset in its machine code, 0x0 for what a person typed;
`page=` is the frame's place in one array of struct page, which i386 has for each section.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_NAMES
from memsh.linux.include.trace import FIELDS
from memsh.linux.lib.gfptext import gfp_text

if TYPE_CHECKING:
    from memsh.linux.arch.x86.arch import Arch
    from memsh.linux.box import Box

FORMATS: dict[str, str] = {
    "mm_page_alloc": "page={page} pfn=0x{pfn:x} order={order} migratetype={migratetype} gfp_flags={gfp}",
    "mm_page_alloc_zone_locked":
        "page={page} pfn=0x{pfn:x} order={order} migratetype={migratetype} percpu_refill={percpu_refill}",
    "mm_page_alloc_extfrag":
        "page={page} pfn=0x{pfn:x} alloc_order={alloc_order} fallback_order={fallback_order} "
        "pageblock_order={pageblock_order} alloc_migratetype={alloc_migratetype} "
        "fallback_migratetype={fallback_migratetype} fragmenting={fragmenting} change_ownership={change_ownership}",
    "mm_page_free": "page={page} pfn=0x{pfn:x} order={order}",
    "mm_page_free_batched": "page={page} pfn=0x{pfn:x} order=0",
    "mm_page_pcpu_drain": "page={page} pfn=0x{pfn:x} order={order} migratetype={migratetype}",
    "kmalloc": "call_site={call_site} ptr={ptr:08x} bytes_req={bytes_req} bytes_alloc={bytes_alloc} "
        "gfp_flags={gfp} node=-1 accounted={accounted}",
    "kfree": "call_site={call_site} ptr={ptr:08x}",
    "kmem_cache_alloc": "call_site={call_site} ptr={ptr:08x} bytes_req={bytes_req} bytes_alloc={bytes_alloc} "
        "gfp_flags={gfp} node=-1 accounted={accounted}",
    "kmem_cache_free": "call_site={call_site} ptr={ptr:08x} name={name}",
    "mm_filemap_add_to_page_cache": "dev {major}:{minor} ino {ino:x} pfn=0x{pfn:x} ofs={ofs} order=0",
    "mm_filemap_delete_from_page_cache": "dev {major}:{minor} ino {ino:x} pfn=0x{pfn:x} ofs={ofs} order=0",
    "writeback_dirty_folio": "bdi {major}:{minor}: ino={ino} index={index}",
    "page_fault_user": "address=0x{address:x} ip=0x{ip:x} error_code=0x{error_code:x}",
    "mm_vmscan_wakeup_kswapd": "nid={nid} order={order} gfp_flags={gfp}",
    "mm_vmscan_kswapd_wake": "nid={nid} order={order}",
    "mm_vmscan_kswapd_sleep": "nid={nid}",
    "mm_vmscan_direct_reclaim_begin": "order={order} gfp_flags={gfp}",
    "mm_vmscan_direct_reclaim_end": "nr_reclaimed={nr_reclaimed}",
    "mm_vmscan_memcg_reclaim_begin": "order={order} gfp_flags={gfp}",
    "mm_vmscan_memcg_reclaim_end": "nr_reclaimed={nr_reclaimed}",
    "mm_vmscan_node_reclaim_begin": "nid={nid} order={order} gfp_flags={gfp}",
    "mm_vmscan_node_reclaim_end": "nr_reclaimed={nr_reclaimed}",
    "mm_vmscan_lru_shrink_inactive":
        "nid={nid} nr_scanned={nr_scanned} nr_reclaimed={nr_reclaimed} nr_dirty={nr_dirty} nr_writeback={nr_writeback} "
        "nr_congested={nr_congested} nr_immediate={nr_immediate} nr_activate_anon={nr_activate_anon} "
        "nr_activate_file={nr_activate_file} nr_ref_keep={nr_ref_keep} nr_unmap_fail={nr_unmap_fail} "
        "priority={priority} flags={flags}",
    "mm_vmscan_lru_shrink_active":
        "nid={nid} nr_taken={nr_taken} nr_active={nr_active} nr_deactivated={nr_deactivated} "
        "nr_referenced={nr_referenced} priority={priority} flags={flags}",
    "mm_compaction_begin": "zone_start=0x{zone_start:x} migrate_pfn=0x{migrate_pfn:x} free_pfn=0x{free_pfn:x} "
        "zone_end=0x{zone_end:x}, mode={sync}",
    "mm_compaction_end": "zone_start=0x{zone_start:x} migrate_pfn=0x{migrate_pfn:x} free_pfn=0x{free_pfn:x} "
        "zone_end=0x{zone_end:x}, mode={sync} status={status}",
    "mm_migrate_pages": "nr_succeeded={nr_succeeded} nr_failed={nr_failed} nr_thp_succeeded=0 nr_thp_failed=0 "
        "nr_thp_split=0 mode={mode} reason=compaction",
    "rss_stat": "mm_id={mm_id} curr={curr} type={type} size={size}B",
    "oom_score_adj_update": "pid={pid} comm={comm} oom_score_adj={oom_score_adj}",
    "mark_victim": "pid={pid} comm={comm} total-vm={total_vm}kB anon-rss={anon_rss}kB file-rss:{file_rss}kB "
        "shmem-rss:{shmem_rss}kB uid=0 pgtables={pgtables}kB oom_score_adj={oom_score_adj}",
}  # fmt: skip
HEAD = """\
# tracer: nop
#
# entries-in-buffer/entries-written: {kept}/{total}   #P:{cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""


def event_text(arch: Arch, record: tuple[Any, ...]) -> str:
    """`mm_page_free: page=… pfn=0x… order=0`, with pointers as wide as the machine's."""
    name = record[0]
    values = dict(zip(FIELDS[name], record[1:], strict=True))
    if "pfn" in values:
        page = arch.mem_map + values["pfn"] * arch.struct_page & (1 << arch.bits) - 1 if values["pfn"] else 0
        values["page"] = f"{page:0{arch.bits // 4}x}"
    if "call_site" in values:
        values["call_site"] = values["call_site"] or "0x0"
    if "gfp_flags" in values:
        values["gfp"] = gfp_text(values["gfp_flags"])
        values["accounted"] = "true" if values["gfp_flags"] & GFP_NAMES["__GFP_ACCOUNT"] else "false"
    if "fallback_order" in values:
        values["fragmenting"] = int(values["fallback_order"] < values["pageblock_order"])
    return f"{name}: {FORMATS[name].format(**values)}"


def lines(arch: Arch, records: Iterable[tuple[Any, ...]], stamps: Iterable[tuple[int, int, str, int]]) -> Iterable[str]:
    """Each event as a line of /sys/kernel/tracing/trace."""
    for record, (usec, pid, comm, cpu) in zip(records, stamps, strict=True):
        task = f"{comm:>16}-{pid:<7}"
        yield f"{task} [{cpu:03}] ..... {usec // 1_000_000:5}.{usec % 1_000_000:06}: {event_text(arch, record)}\n"


def show(box: Box) -> str:
    """The text of /sys/kernel/tracing/trace."""
    trace = box.trace
    head = HEAD.format(kept=len(trace.ring), total=trace.total, cpus=box.config.cpus)
    return head + "".join(lines(box.arch, trace.ring, trace.stamps))


def follow(box: Box, cursor: int | None) -> tuple[str, int]:
    """trace_pipe: the events from number `cursor` on, and how many the ring has lost before them."""
    trace = box.trace
    oldest = trace.total - len(trace.ring)
    if cursor is None:
        return "", oldest
    if cursor > trace.total:  # it was cleared
        cursor = oldest
    lost = f"CPU:0 [LOST {oldest - cursor} EVENTS]\n" if oldest > cursor else ""
    start = max(0, cursor - oldest)
    told = lines(box.arch, islice(trace.ring, start, None), islice(trace.stamps, start, None))
    return lost + "".join(told), trace.total


def clear(box: Box, text: str) -> None:
    """Writing to the file, whatever, empties it."""
    box.trace.clear()


def show_on(box: Box) -> str:
    """/sys/kernel/tracing/tracing_on."""
    return f"{int(box.trace.on)}\n"


def store_on(box: Box, text: str) -> None:
    """1 starts, 0 stops recording; EINVAL for anything else."""
    if text.strip() not in ("0", "1"):
        raise KernelError("EINVAL", text.strip())
    box.trace.on = text.strip() == "1"
