"""Resident pages counted a thread at a time (mm/memory.c: sync_mm_rss, check_sync_rss_stat; SPLIT_RSS_COUNTING).

A kernel built for four CPUs or more lets each thread keep what its faults add to the process's counters, and adds it up
at its 66th fault, when its process loses pages, at exec and at its end; until then status, statm and stat show less (or
more) than there is, and rss_stat tells of what was added up. smaps counts pages and shows all. Here `mm.rss` is always
exact and `mm.kept` is what its threads have not handed in yet. What others do to the process's pages (reclaim, swapoff,
khugepaged) and pages of 2 MiB are counted at once.
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


def add_mm_counter(box: Box, mm: MmStruct, member: int, value: int) -> None:
    """One of the process's counters changes by `value` at once; whoever traces rss_stat is told."""
    mm.rss[member] += value
    if box.trace.on:
        mm_trace_rss_stat(box, mm, member)


def mm_trace_rss_stat(box: Box, mm: MmStruct, member: int, pages: int = 0) -> None:
    """The tracepoint rss_stat: a counter of the process has changed, at once or by each of `pages` pages in a row."""
    now, mine = mm.rss[member] - mm.kept[member], int(box.current.mm is mm)
    number = crc32(mm.addr.to_bytes(8, "little"))  # mm_ptr_to_hash()
    step = 1 if pages > 0 else -1
    for value in range(now - pages + step, now + step, step) if pages else (now,):
        box.trace.emit("rss_stat", number, mine, member, value << 12)


def trace_rss_vec(box: Box, mm: MmStruct, before: list[int]) -> None:
    """Those of a whole page table, each counter once (add_mm_rss_vec)."""
    for member, count in enumerate(before):
        if mm.rss[member] != count:
            mm_trace_rss_stat(box, mm, member)


def sync_mm_rss(box: Box, task: Task) -> None:
    """Hand in what the thread has kept."""
    mm, kept = task.mm, task.rss_stat
    if mm is not None and any(kept):
        for member, count in enumerate(kept):
            if count:
                mm.kept[member] -= count
                if box.trace.on:
                    mm_trace_rss_stat(box, mm, member)
    task.rss_stat = [0, 0, 0, 0]
    task.rss_events = 0


def sync_own_rss(box: Box, mm: MmStruct) -> None:
    """Pages or swap entries are about to leave the process: the current thread hands in (add_mm_rss_vec)."""
    if box.vm.split_rss and box.current.mm is mm:
        sync_mm_rss(box, box.current)


def add_mm_counter_fast(box: Box, mm: MmStruct, member: int, value: int) -> None:
    """A fault changes a counter: the current thread keeps that if it is its own process's."""
    if box.vm.split_rss and box.current.mm is mm:
        mm.rss[member] += value
        mm.kept[member] += value
        box.current.rss_stat[member] += value
    else:
        add_mm_counter(box, mm, member, value)


def check_sync_rss_stat(box: Box) -> None:
    """A fault begins, of whichever process: the current thread hands in if that is due."""
    if box.vm.split_rss:
        task = box.current
        task.rss_events += 1
        if task.rss_events > TASK_RSS_EVENTS_THRESH + 1:
            sync_mm_rss(box, task)


def keep_pages(box: Box, task: Task, count: int) -> None:
    """A program's thread begins with the anonymous pages of its last `count` faults not handed in."""
    sync_mm_rss(box, task)
    if task.mm is not None:
        task.rss_events = max(0, count - 1)
        task.rss_stat[MM_ANONPAGES] += count
        task.mm.kept[MM_ANONPAGES] += count


def count_faults(box: Box, mm: MmStruct, count: int, member: int | None) -> None:
    """`count` faults in a row, each of which added a page to the counter `member` (None: to none)."""
    if not box.vm.split_rss:
        if member is not None:
            mm.rss[member] += count
            if box.trace.on:
                mm_trace_rss_stat(box, mm, member, count)
        return
    task = box.current
    keeps = task.mm is mm
    left = count
    while left:
        some = min(left, TASK_RSS_EVENTS_THRESH + 1 - task.rss_events)  # so many go by before the thread hands in
        if not some:
            sync_mm_rss(box, task)
            task.rss_events, some = -1, 1  # the fault that hands in is not counted
        task.rss_events += some
        left -= some
        if member is not None:
            mm.rss[member] += some
            if keeps:
                mm.kept[member] += some
                task.rss_stat[member] += some
            elif box.trace.on:
                mm_trace_rss_stat(box, mm, member, some)
