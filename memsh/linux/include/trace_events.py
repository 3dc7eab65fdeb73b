"""Which tracepoints there are, what each notes, how it is printed (TRACE_EVENT in include/trace/events/*.h).

`fields` are those of TP_STRUCT__entry, in C, and what is noted here beside them (`+`): not in Linux's record, but told
to who explains. `text` is TP_printk's format with what it prints inside: `{order:%d}`; a name in capitals is more
than a field (memsh.procfs.trace_format). CONSTANTS are fields of which no other value arises here.
"""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """One of an event's fields; `type` as in C, `char[]` for a word of any length, `char[16]` for one of so many."""

    name: str
    type: str

    @property
    def signed(self) -> bool:
        return self.type.partition("[")[0] in ("int", "long", "short", "pid_t", "char")


class Event(NamedTuple):
    system: str
    fields: tuple[Field, ...]
    extra: tuple[str, ...]
    text: str

    @property
    def noted(self) -> tuple[str, ...]:
        """The names of what emit() is given, in order; the slab allocator's call_site is found by it, and its cache
        comes first."""
        linux = [field.name for field in self.fields if field.name not in CONSTANTS]
        if linux[0] != "call_site":
            return (*linux, *self.extra)
        return (linux[0], *sorted([*linux[1:], *self.extra], key=lambda name: name != "name"))

    @property
    def words(self) -> tuple[int, ...]:
        """Where in a record the words are that lie behind Linux's."""
        return tuple(1 + self.noted.index(field.name) for field in self.fields if field.type == "char[]")

    def layout(self, word: int) -> tuple[list[tuple[Field, int, int]], int]:
        """(field, offset, size) of each where a word has so many bytes, those that all events have first; and the size
        of all."""
        rows, at, most = [], 0, 4
        for field in (*COMMON, *self.fields):
            size, align = _size_of(word, field.type)
            at = -(-at // align) * align
            rows.append((field, at, size))
            at, most = at + size, max(most, align)
        return rows, -(-at // most) * most


COMMON = (Field("common_type", "unsigned short"), Field("common_flags", "unsigned char"),
          Field("common_preempt_count", "unsigned char"), Field("common_pid", "int"))  # fmt: skip
_BYTES = {"bool": 1, "char": 1, "unsigned char": 1, "short": 2, "unsigned short": 2}
_WORDS = ("unsigned long", "long", "size_t", "const void *", "ino_t")


def _size_of(word: int, kind: str) -> tuple[int, int]:
    """Bytes and alignment of a field of that type; of a word (`char[]`), of what leads to it: it lies behind."""
    base, bracket, count = kind.partition("[")
    if bracket:
        return (int(count[:-1]), 1) if count != "]" else (4, 4)
    size = word if base in _WORDS else _BYTES.get(base, 4)
    return size, size


CONSTANTS: dict[str, int] = {
    "node": -1, "accounted": 0, "thp_succeeded": 0, "thp_failed": 0, "thp_split": 0, "reason": 0, "uid": 0,
}  # fmt: skip
PAGE = "page={PAGE:%p} pfn=0x{pfn:%lx}"
PAGE_OR_NULL = "page={PAGE_OR_NULL:%p} pfn=0x{PFN_OR_0:%lx}"
FILEMAP = "dev {MAJOR:%d}:{MINOR:%d} ino {i_ino:%lx} pfn=0x{pfn:%lx} ofs={OFFSET:%lu} order={order:%u}"
SCANNERS = ("zone_start=0x{zone_start:%lx} migrate_pfn=0x{migrate_pfn:%lx} free_pfn=0x{free_pfn:%lx} "
            "zone_end=0x{zone_end:%lx}, mode={SYNC:%s}")  # fmt: skip
OF_FILEMAP = "ulong pfn, ulong i_ino, ulong index, dev_t s_dev, unsigned char order"
OF_SCANNERS = "ulong zone_start, ulong migrate_pfn, ulong free_pfn, ulong zone_end, bool sync"
ALLOCATED = ("call_site={CALL_SITE:%pS} ptr={ptr:%p} bytes_req={bytes_req:%zu} bytes_alloc={bytes_alloc:%zu} "
             "gfp_flags={GFP:%s} node={node:%d} accounted={WHETHER:%s}")  # fmt: skip

_TABLE = (  # name, system, fields, text
    ("mm_page_alloc", "kmem", "ulong pfn, unsigned int order, ulong gfp_flags, int migratetype",
     PAGE_OR_NULL + " order={order:%d} migratetype={migratetype:%d} gfp_flags={GFP:%s}"),
    ("mm_page_alloc_zone_locked", "kmem", "ulong pfn, unsigned int order, int migratetype, int percpu_refill",
     PAGE_OR_NULL + " order={order:%u} migratetype={migratetype:%d} percpu_refill={percpu_refill:%d}"),
    ("mm_page_alloc_extfrag", "kmem", "ulong pfn, int alloc_order, int fallback_order, int alloc_migratetype, "
     "int fallback_migratetype, int change_ownership, + pageblock_order",
     PAGE + " alloc_order={alloc_order:%d} fallback_order={fallback_order:%d} pageblock_order={PAGEBLOCK_ORDER:%d} "
     "alloc_migratetype={alloc_migratetype:%d} fallback_migratetype={fallback_migratetype:%d} "
     "fragmenting={FRAGMENTING:%d} change_ownership={change_ownership:%d}"),
    ("mm_page_free", "kmem", "ulong pfn, unsigned int order", PAGE + " order={order:%d}"),
    ("mm_page_free_batched", "kmem", "ulong pfn", PAGE + " order=0"),
    ("mm_page_pcpu_drain", "kmem", "ulong pfn, unsigned int order, int migratetype",
     PAGE + " order={order:%d} migratetype={migratetype:%d}"),
    ("kmalloc", "kmem", "ulong call_site, const void * ptr, size_t bytes_req, size_t bytes_alloc, ulong gfp_flags, "
     "int node", ALLOCATED.replace("WHETHER", "ACCOUNTED")),
    ("kfree", "kmem", "ulong call_site, const void * ptr", "call_site={CALL_SITE:%pS} ptr={ptr:%p}"),
    ("kmem_cache_alloc", "kmem", "ulong call_site, const void * ptr, size_t bytes_req, size_t bytes_alloc, "
     "ulong gfp_flags, int node, bool accounted, + name", ALLOCATED.replace("WHETHER", "IS_ACCOUNTED")),
    ("kmem_cache_free", "kmem", "ulong call_site, const void * ptr, char[] name",
     "call_site={CALL_SITE:%pS} ptr={ptr:%p} name={name:%s}"),
    ("mm_filemap_add_to_page_cache", "filemap", OF_FILEMAP, FILEMAP),
    ("mm_filemap_delete_from_page_cache", "filemap", OF_FILEMAP, FILEMAP),
    ("writeback_dirty_folio", "writeback", "char[32] name, ino_t ino, ulong index",
     "bdi {name:%s}: ino={INO:%lu} index={index:%lu}"),
    ("page_fault_user", "exceptions", "ulong address, ulong ip, ulong error_code",
     "address={ADDRESS:%ps} ip={IP:%ps} error_code=0x{error_code:%lx}"),
    ("mm_vmscan_wakeup_kswapd", "vmscan", "int nid, int zid, int order, ulong gfp_flags",
     "nid={nid:%d} order={order:%d} gfp_flags={GFP:%s}"),
    ("mm_vmscan_kswapd_wake", "vmscan", "int nid, int zid, int order", "nid={nid:%d} order={order:%d}"),
    ("mm_vmscan_kswapd_sleep", "vmscan", "int nid", "nid={nid:%d}"),
    *((f"mm_vmscan_{kind}_reclaim_begin", "vmscan", "int order, ulong gfp_flags",
       "order={order:%d} gfp_flags={GFP:%s}") for kind in ("direct", "memcg")),
    *((f"mm_vmscan_{kind}_reclaim_end", "vmscan", "ulong nr_reclaimed", "nr_reclaimed={nr_reclaimed:%lu}")
      for kind in ("direct", "memcg", "node")),
    ("mm_vmscan_node_reclaim_begin", "vmscan", "int nid, int order, ulong gfp_flags",
     "nid={nid:%d} order={order:%d} gfp_flags={GFP:%s}"),
    ("mm_vmscan_lru_shrink_inactive", "vmscan", "int nid, ulong nr_scanned, ulong nr_reclaimed, ulong nr_dirty, "
     "ulong nr_writeback, ulong nr_congested, ulong nr_immediate, unsigned int nr_activate0, "
     "unsigned int nr_activate1, ulong nr_ref_keep, ulong nr_unmap_fail, int priority, int reclaim_flags",
     "nid={nid:%d} nr_scanned={nr_scanned:%ld} nr_reclaimed={nr_reclaimed:%ld} nr_dirty={nr_dirty:%ld} "
     "nr_writeback={nr_writeback:%ld} nr_congested={nr_congested:%ld} nr_immediate={nr_immediate:%ld} "
     "nr_activate_anon={nr_activate0:%d} nr_activate_file={nr_activate1:%d} nr_ref_keep={nr_ref_keep:%ld} "
     "nr_unmap_fail={nr_unmap_fail:%ld} priority={priority:%d} flags={RECLAIM_FLAGS:%s}"),
    ("mm_vmscan_lru_shrink_active", "vmscan", "int nid, ulong nr_taken, ulong nr_active, ulong nr_deactivated, "
     "ulong nr_referenced, int priority, int reclaim_flags",
     "nid={nid:%d} nr_taken={nr_taken:%ld} nr_active={nr_active:%ld} nr_deactivated={nr_deactivated:%ld} "
     "nr_referenced={nr_referenced:%ld} priority={priority:%d} flags={RECLAIM_FLAGS:%s}"),
    ("mm_compaction_begin", "compaction", OF_SCANNERS, SCANNERS),
    ("mm_compaction_end", "compaction", OF_SCANNERS + ", int status", SCANNERS + " status={STATUS:%s}"),
    ("mm_migrate_pages", "migrate", "ulong succeeded, ulong failed, ulong thp_succeeded, ulong thp_failed, "
     "ulong thp_split, enum migrate_mode mode, int reason",
     "nr_succeeded={succeeded:%lu} nr_failed={failed:%lu} nr_thp_succeeded={thp_succeeded:%lu} "
     "nr_thp_failed={thp_failed:%lu} nr_thp_split={thp_split:%lu} mode={MODE:%s} reason={REASON:%s}"),
    ("rss_stat", "kmem", "unsigned int mm_id, unsigned int curr, int member, long size",
     "mm_id={mm_id:%u} curr={curr:%d} type={MEMBER:%s} size={size:%ld}B"),
    ("oom_score_adj_update", "oom", "pid_t pid, char[16] comm, short oom_score_adj",
     "pid={pid:%d} comm={comm:%s} oom_score_adj={oom_score_adj:%hd}"),
    ("mark_victim", "oom", "int pid, char[] comm, ulong total_vm, ulong anon_rss, ulong file_rss, ulong shmem_rss, "
     "uid_t uid, ulong pgtables, short oom_score_adj",
     "pid={pid:%d} comm={comm:%s} total-vm={total_vm:%lu}kB anon-rss={anon_rss:%lu}kB file-rss:{file_rss:%lu}kB "
     "shmem-rss:{shmem_rss:%lu}kB uid={uid:%u} pgtables={pgtables:%lu}kB oom_score_adj={oom_score_adj:%hd}"),
)  # fmt: skip


def _event(system: str, declared: str, text: str) -> Event:
    fields, extra = [], []
    for word in declared.replace("ulong", "unsigned long").split(", "):
        kind, _, name = word.rpartition(" ")
        if kind == "+":
            extra.append(name)
        else:
            fields.append(Field(name, kind))
    return Event(system, tuple(fields), tuple(extra), text)


EVENTS: dict[str, Event] = {name: _event(*row) for name, *row in _TABLE}
FIELDS: dict[str, tuple[str, ...]] = {name: event.noted for name, event in EVENTS.items()}
