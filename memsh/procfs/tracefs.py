"""/sys/kernel/tracing: which events are recorded, and how (kernel/trace/trace_events.c, trace.c).

The recorded kernels have no tracefs (CONFIG_FTRACE is not set). What a kernel with ENABLE_DEFAULT_TRACERS has is here.

**Known deviations:** events' numbers are those of an i386 kernel. No instances, dynamic events, saved command lines,
binary buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.trace import Trace
from memsh.linux.include.trace_events import EVENTS
from memsh.linux.kernel.trace_filter import BadFilter, create_filter, filter_match_preds, told
from memsh.linux.kernel.trace_trigger import COMMANDS, event_trigger_write
from memsh.linux.lib.kstrtox import kstrtoull_decimal
from memsh.procfs import trace_options, tracing
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.trace_format import show_format

if TYPE_CHECKING:
    from memsh.linux.box import Box

NUMBERS = {  # of a kernel without MEMCG
    "page_fault_user": 66, "mm_filemap_add_to_page_cache": 189, "mm_filemap_delete_from_page_cache": 190,
    "mark_victim": 196, "oom_score_adj_update": 198, "mm_vmscan_node_reclaim_end": 202,
    "mm_vmscan_node_reclaim_begin": 203, "mm_vmscan_lru_shrink_active": 204, "mm_vmscan_lru_shrink_inactive": 205,
    "mm_vmscan_direct_reclaim_end": 210, "mm_vmscan_direct_reclaim_begin": 211, "mm_vmscan_wakeup_kswapd": 212,
    "mm_vmscan_kswapd_wake": 213, "mm_vmscan_kswapd_sleep": 214, "rss_stat": 220, "mm_page_alloc_extfrag": 221,
    "mm_page_pcpu_drain": 222, "mm_page_alloc_zone_locked": 223, "mm_page_alloc": 224, "mm_page_free_batched": 225,
    "mm_page_free": 226, "kmem_cache_free": 227, "kfree": 228, "kmalloc": 229, "kmem_cache_alloc": 230,
    "mm_compaction_end": 240, "mm_compaction_begin": 241, "mm_migrate_pages": 255, "writeback_dirty_folio": 284,
}  # fmt: skip
MEMCG_NUMBERS = {"mm_vmscan_memcg_reclaim_end": 211, "mm_vmscan_memcg_reclaim_begin": 214}
EVENT_BUF_SIZE = 127
MAX_PID = 1 << 30
PAGE_SIZE = 4096
HEADER_EVENT = """\
# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
"""
NONE_FITS = "Couldn't find or set field in one of a subsystem's events"
GLOBAL_FILTER = """\
### global filter ###
# Use this to set filters for multiple events.
# Only events with the given fields will be affected.
# If no events are modified, an error message will be displayed here
"""


def number(box: Box, name: str) -> int:
    """common_type: with memory cgroups there are four more events of reclaim, two of each end and beginning."""
    if name in MEMCG_NUMBERS:
        return MEMCG_NUMBERS[name]
    plain = NUMBERS[name]
    memcg = "MEMCG" in box.model.options
    return plain + (0 if not memcg or plain < 210 else 2 if plain == 210 else 4)  # behind mm_vmscan_direct_reclaim_end


def known(box: Box) -> list[str]:
    """The box's events, by their numbers."""
    memcg = "MEMCG" in box.model.options
    return sorted((name for name in EVENTS if memcg or name not in MEMCG_NUMBERS), key=lambda name: number(box, name))


def by_system() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(EVENTS):
        found.setdefault(EVENTS[name].system, []).append(name)
    return found


def _show(names: list[str]) -> Callable[[Box], str]:
    """1 all of them, 0 none, X some."""

    def show(box: Box) -> str:
        mine = set(names).intersection(known(box))
        count = len(box.trace.events & mine)
        return "1\n" if count == len(mine) else "X\n" if count else "0\n"

    return show


def _show_one(box: Box, name: str) -> str:
    """Whether it is recorded; `*`: a trigger may change that."""
    trace = box.trace
    soft = name in trace.soft
    return f"{int(name in trace.recorded())}{'*' if soft else ''}\n"


def _store(names: list[str]) -> Callable[[Box, str], None]:
    def store(box: Box, text: str) -> None:
        number = kstrtoull_decimal(text, box.arch.bits)
        if number > 1:
            raise KernelError("EINVAL", text.strip())
        box.trace.enable(names, number == 1)

    return store


def _enable(names: list[str]) -> ProcFile:
    return ProcFile(_show(names), _store(names), 0o640)


def _set_filter(trace: Trace, name: str, text: str) -> None:
    """A filter for one event; "0" takes it away. What is wrong is told by the file afterwards. BadFilter."""
    trace.filters.pop(name, None)
    trace.told.pop(name, None)
    if text == "0":
        return
    try:
        trace.filters[name] = partial(filter_match_preds, create_filter(text, EVENTS[name]))
        trace.told[name] = text + "\n"
    except BadFilter as bad:
        trace.told[name] = told(text, bad)
        raise


def _filter(name: str, option: str) -> ProcFile:
    def store(box: Box, text: str) -> None:
        try:
            _set_filter(box.trace, name, text.strip())
        except BadFilter as bad:
            raise KernelError(bad.code, bad.words) from None

    return ProcFile(lambda box: box.trace.told.get(name, "none\n"), store, 0o640, option=option)


def _system_filter(names: list[str]) -> ProcFile:
    """One filter for all events of a system that have its fields; the others lose theirs, and say so."""

    def store(box: Box, text: str) -> None:
        for name in names:
            try:
                _set_filter(box.trace, name, text.strip())
            except BadFilter:
                box.trace.told[name] = told(text.strip(), BadFilter(NONE_FITS, 0))

    return ProcFile(lambda box: GLOBAL_FILTER, store, 0o640)


def _trigger(name: str, option: str) -> ProcFile:
    def show(box: Box) -> str:
        mine = box.trace.triggers.get(name)
        return "".join(map(str, mine)) if mine else f"# Available triggers:\n# {' '.join(COMMANDS)}\n"

    def store(box: Box, text: str) -> None:
        if len(text) >= PAGE_SIZE:
            raise KernelError("EINVAL", "too long")
        event_trigger_write(box.trace, name, text.strip())

    return ProcFile(show, store, 0o640, option=option)


def _event(name: str) -> Directory:
    option = "MEMCG" if name in MEMCG_NUMBERS else ""

    def told_of(show: Callable[[Box], str]) -> ProcFile:
        return ProcFile(show, None, 0o440, option=option)

    return Directory({
        "enable": ProcFile(lambda box: _show_one(box, name), _store([name]), 0o640, option=option),
        "filter": _filter(name, option), "format": told_of(lambda box: show_format(box.arch, name, number(box, name))),
        "id": told_of(lambda box: f"{number(box, name)}\n"), "trigger": _trigger(name, option),
    }, 0o750)  # fmt: skip


def _events() -> Directory:
    folders: dict[str, Node] = {
        system: Directory({"enable": _enable(names), "filter": _system_filter(names),
                           **{name: _event(name) for name in names}}, 0o750)
        for system, names in by_system().items()
    }  # fmt: skip
    return Directory({
        "enable": _enable(sorted(EVENTS)), "header_event": ProcFile(lambda box: HEADER_EVENT, None, 0o440),
        "header_page": ProcFile(show_header_page, None, 0o440), **folders}, 0o750)  # fmt: skip


def _listed(names: Iterable[str]) -> str:
    return "".join(f"{EVENTS[name].system}:{name}\n" for name in names)


def show_available(box: Box) -> str:
    return _listed(known(box))


def show_set(box: Box) -> str:
    return _listed(name for name in known(box) if name in box.trace.recorded())


def store_set(box: Box, text: str) -> None:
    """`system:event`, `system:*`, `event`, `*:*`, each with `!` in front to take it away. EINVAL for what is none."""
    for word in text.replace("\0", " ").split():
        wanted = word.removeprefix("!")
        system, colon, event = wanted.partition(":")
        if colon:
            found = [name for name in known(box)
                     if system in ("", "*", EVENTS[name].system) and event in ("", "*", name)]  # fmt: skip
        else:
            found = [name for name in known(box) if wanted in (name, EVENTS[name].system)]
        if not found or len(word) > EVENT_BUF_SIZE:
            raise KernelError("EINVAL", f"{wanted}: no such event")
        box.trace.enable(found, not word.startswith("!"))


def forget_set(box: Box) -> None:
    """set_event was opened to be overwritten: no event is left."""
    box.trace.enable(EVENTS, False)


def show_pids(box: Box) -> str:
    return "".join(f"{pid}\n" for pid in sorted(box.trace.pids))


def store_pids(box: Box, text: str) -> None:
    """The tasks whose events are recorded, beside those chosen before. EINVAL."""
    pids = [kstrtoull_decimal(word, box.arch.bits) for word in text.split()]
    if any(pid >= MAX_PID for pid in pids):
        raise KernelError("EINVAL", "no PID")
    box.trace.pids |= {*pids}


def forget_pids(box: Box) -> None:
    box.trace.pids = set()


def show_header_page(box: Box) -> str:
    """How a page of the buffer begins (ring_buffer_print_page_header)."""
    word = box.arch.word
    return (
        "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
        f"\tfield: local_t commit;\toffset:8;\tsize:{word};\tsigned:1;\n"
        "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
        f"\tfield: char data;\toffset:{8 + word};\tsize:{box.trace.buffer.page};\tsigned:1;\n"
    )


FOLDER = _events()

FILES: dict[str, ProcFile] = {
    "available_events": ProcFile(show_available, None, 0o440),
    "available_tracers": ProcFile(tracing.show_tracer, None, 0o440),
    "buffer_size_kb": ProcFile(tracing.show_size, tracing.store_size, 0o640),
    "buffer_total_size_kb": ProcFile(tracing.show_total_size, None, 0o440),
    "current_tracer": ProcFile(tracing.show_tracer, tracing.store_tracer, 0o640),
    "set_event": ProcFile(show_set, store_set, 0o640, truncate=forget_set),
    "set_event_pid": ProcFile(show_pids, store_pids, 0o640, truncate=forget_pids),
    "timestamp_mode": ProcFile(lambda box: "[delta] absolute\n", None, 0o440),
    "trace": ProcFile(tracing.show, tracing.ignore, 0o640, truncate=tracing.clear),
    "trace_clock": ProcFile(tracing.show_clock, tracing.store_clock, 0o640),
    "trace_options": ProcFile(trace_options.show, trace_options.store, 0o640),
    "trace_marker": ProcFile(None, tracing.store_marker, 0o220),
    "tracing_on": ProcFile(tracing.show_on, tracing.store_on, 0o640),
}
