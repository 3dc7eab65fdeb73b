"""Resident pages counted a thread at a time (mm/memory.c: sync_mm_rss, check_sync_rss_stat; SPLIT_RSS_COUNTING).

A kernel built for four CPUs or more lets each thread keep what its faults add to the process's counters, and adds it up
every 65 faults; until then status, statm and stat show less (or more) than there is. smaps counts pages and shows all.
Here `mm.rss` is always exact and `mm.kept` is what its threads have not handed in yet.

Known deviations: what a thread keeps is handed in when its process loses pages, as there, and not at the timer's tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from memsh.linux.include.mm_types import MM_ANONPAGES

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct
    from memsh.linux.include.sched import Task

TASK_RSS_EVENTS_THRESH = 64
_NAMES = ("MM_FILEPAGES", "MM_ANONPAGES", "MM_SWAPENTS", "MM_SHMEMPAGES")


def add_mm_counter(box: Box, mm: MmStruct, member: int, value: int) -> None:
    """One of the process's counters changes by `value` at once; whoever traces rss_stat is told."""
    mm.rss[member] += value
    if box.trace.on:
        mm_trace_rss_stat(box, mm, member)


def mm_trace_rss_stat(box: Box, mm: MmStruct, member: int, pages: int = 0) -> None:
    """The tracepoint rss_stat: a counter of the process has changed, at once or by each of `pages` pages in a row."""
    now, mine = mm.rss[member], int(box.current.mm is mm)
    number = crc32(mm.addr.to_bytes(8, "little"))  # mm_ptr_to_hash()
    step = 1 if pages > 0 else -1
    for value in range(now - pages + step, now + step, step) if pages else (now,):
        box.trace.emit("rss_stat", number, mine, _NAMES[member], value << 12)


def trace_rss_vec(box: Box, mm: MmStruct, before: list[int]) -> None:
    """Those of a whole page table, each counter once (add_mm_rss_vec)."""
    for member, count in enumerate(before):
        if mm.rss[member] != count:
            mm_trace_rss_stat(box, mm, member)


def sync_mm_rss(task: Task) -> None:
    """Hand in what the thread has kept."""
    kept = task.rss_stat
    if task.mm is not None and any(kept):
        for member, count in enumerate(kept):
            task.mm.kept[member] -= count
    task.rss_stat = [0, 0, 0, 0]
    task.rss_events = 0


def check_sync_rss_stat(box: Box, mm: MmStruct) -> Task | None:
    """One fault begins: the thread whose it is, after it has handed in if it was due; None if it keeps nothing."""
    task = box.current
    if not box.vm.split_rss or task is None or task.mm is not mm:
        return None
    task.rss_events += 1
    if task.rss_events > TASK_RSS_EVENTS_THRESH + 1:
        sync_mm_rss(task)
    return task


def keep(task: Task, before: list[int]) -> None:
    """The thread keeps what a fault changed in the counters, which were `before`."""
    mm = task.mm
    assert mm is not None
    for member, count in enumerate(mm.rss):
        change = count - before[member]
        if change:
            task.rss_stat[member] += change
            mm.kept[member] += change


def keep_pages(task: Task, count: int) -> None:
    """A program's thread begins with the anonymous pages of its last `count` faults not handed in."""
    sync_mm_rss(task)
    if task.mm is not None:
        task.rss_events = max(0, count - 1)
        task.rss_stat[MM_ANONPAGES] += count
        task.mm.kept[MM_ANONPAGES] += count


def keep_faults(box: Box, mm: MmStruct, count: int, member: int | None) -> None:
    """The same for `count` faults in a row, each of which added a page to the counter `member` (None: to none)."""
    task = box.current
    if not box.vm.split_rss or task is None or task.mm is not mm:
        return
    quiet = TASK_RSS_EVENTS_THRESH + 1 - task.rss_events  # so many go by before the thread hands in
    if count > quiet:
        sync_mm_rss(task)
        count = (count - quiet - 1) % (TASK_RSS_EVENTS_THRESH + 2) + 1  # the last that handed in, and what followed
        task.rss_events = count - 1
    else:
        task.rss_events += count
    if member is not None:
        task.rss_stat[member] += count
        mm.kept[member] += count


def shed_rss(box: Box, mm: MmStruct) -> None:
    """Pages are about to leave the process: the current thread hands in (add_mm_rss_vec)."""
    task = box.current
    if box.vm.split_rss and task is not None and task.mm is mm:
        sync_mm_rss(task)
