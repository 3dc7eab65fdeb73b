"""Processes that a report lists, with as much memory as it says they had."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from memsh.linux.fs import exec as binprm
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE
from memsh.linux.include.memmap import PG_LRU, PG_SWAPCACHE
from memsh.linux.kernel import exit as ending
from memsh.linux.kernel import fork as forking
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.rss_stat import sync_mm_rss
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.vmscan.shrink import reclaim_pages
from memsh.proctext.oomreport import Task as TaskTold

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

_ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
_RW = 3
MADV_DONTNEED, MADV_PAGEOUT = 4, 21
FILES, SHMEM = "/unknown-files", "/dev/shm/unknown-files"
"""What page cache and shared memory belong to, where nobody says."""
UNKNOWN = "unknown"
FEW = 64
"""Pages that are not worth a file of their own."""
KEPT = 2048
"""Pages that stay for the kernel's own needs while the processes are made."""


FILE_MOST = 7 << 18
"""Pages of page cache that the box's disk has files for."""


def populate(box: Box, tasks: Sequence[TaskTold], file_pages: int, shmem_pages: int, swap_pages: int) -> None:
    """Make the listed processes under their names and numbers, the largest first, then shared memory and page cache, as
    long as memory lasts. `swap_pages` in use: what no process has is a nameless one's."""
    if file_pages < box.vmstat["nr_file_pages"]:
        box.fs.drop_pagecache()
    for told in sorted(tasks, key=lambda one: -one.rss):
        left = _room(box)
        if told.rss <= 0 or told.pid in box.tasks or left < 256:
            continue
        _person(box, told, min(told.rss, left))
    left = swap_pages - sum(area.used_kb >> 2 for area in box.swap.areas())
    if left > FEW:
        pid = max(box.tasks) + 1
        _person(box, TaskTold(pid, 0, UNKNOWN, left, 0, None, left, -1000, False), 0)
    _shmem(box, shmem_pages)
    _files(box, file_pages)


def _room(box: Box) -> int:
    return sum(zone.nr_free for zone in box.pages.zones) - KEPT


def _files(box: Box, pages: int) -> None:
    """Page cache of a file that nobody maps."""
    pages = min(pages - box.vmstat["nr_file_pages"] + box.vmstat["nr_shmem"], FILE_MOST, _room(box))
    if pages > FEW:
        box.fs.mkfile(FILES, pages << 12)
        file = box.fs.open(FILES)
        box.fs.skip(file, 0, pages << 12)
        box.fs.fput(file)


def _shmem(box: Box, pages: int) -> None:
    """A file of tmpfs."""
    pages = min(pages - box.vmstat["nr_shmem"], _room(box))
    if pages > FEW:
        box.fs.create(SHMEM)
        file = box.fs.open(SHMEM, writable=True)
        box.fs.write_zeros(file, 0, pages << 12)
        box.fs.fput(file)


def _touched(box: Box, task: Task, pages: int) -> int:
    """The address of so many new pages of the process."""
    assert task.mm is not None
    addr = vma.sys_mmap(box, task.mm, 0, pages << 12, _RW, _ANON)
    current, box.current = box.current, task
    try:
        touch_range(box, task, addr, pages << 12, True)
    finally:
        box.current = current
    return addr


def _swap_out(box: Box, task: Task, addr: int, pages: int) -> None:
    """Write the process's pages to swap, wait for the disk, and give up the copies in memory."""
    mm = task.mm
    assert mm is not None
    shift, mask = mm.table_shift, mm.table_mask
    frames = [mm.tables[at >> shift].ptes[at >> 12 & mask] >> 12 for at in range(addr, addr + (pages << 12), 4096)]
    vma.do_madvise(box, mm, addr, pages << 12, MADV_PAGEOUT)
    box.disk.wait(box.disk.busy_until)
    flags = box.memmap.flags
    reclaim_pages(box, [pfn for pfn in frames if flags[pfn] & PG_SWAPCACHE and flags[pfn] & PG_LRU])


def _person(box: Box, told: TaskTold, pages: int) -> None:
    last = box.last_pid
    if told.pid < box.pid_max:
        box.last_pid = told.pid - 1
    try:
        child = forking.kernel_clone(box, box.init)
    finally:
        box.last_pid = max(last, box.last_pid)
    try:
        binprm.do_execve(box, child, "a.out", [told.name])
    except KernelError:
        ending.do_group_exit(box, child, 127 << 8)
        return
    child.comm = told.name[:15]
    mm = child.mm
    assert mm is not None
    for area in list(mm.mmap):
        with suppress(KernelError):
            vma.do_madvise(box, mm, area.start, area.end - area.start, MADV_DONTNEED)
    swapped = min(told.swapents or 0, box.swap.free_pages, _room(box) - pages)
    if swapped > 0:
        _swap_out(box, child, _touched(box, child, swapped), swapped)
    sync_mm_rss(box, child)
    if pages > mm.get_rss():
        _touched(box, child, pages - mm.get_rss())
    sync_mm_rss(box, child)
    if told.oom_score_adj is not None:
        child.oom_score_adj = told.oom_score_adj * (1000 // 17 if told.old_scale else 1)
