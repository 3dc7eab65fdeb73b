"""What writing to memory.max, memory.high and memory.reclaim does (mm/memcontrol.c).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL
from memsh.linux.mm.lru import lru_add_drain
from memsh.linux.mm.memcontrol.charge import MAX_RECLAIM_RETRIES

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import MemCgroup


def memory_max_write(box: Box, memcg: MemCgroup, pages: int) -> None:
    """The limit; what is above it is reclaimed, and where that does not do, processes die."""
    memcg.memory.max = pages
    drained = False
    retries = MAX_RECLAIM_RETRIES
    while memcg.memory.usage > pages and not box.oom.is_victim(box.current):
        if not drained:
            box.memcg.drain_all_stock(memcg)
            drained = True
        elif retries:
            if not box.reclaim.try_to_free_mem_cgroup_pages(box, memcg.number, memcg.memory.usage - pages, GFP_KERNEL):
                retries -= 1
        else:
            memcg.event("oom")
            if not box.oom.mem_cgroup_out_of_memory(memcg, GFP_KERNEL, 0, "memory.max"):
                return


def memory_high_write(box: Box, memcg: MemCgroup, pages: int) -> None:
    """The mark above which tasks wait; what is above it is reclaimed as far as that can be."""
    memcg.memory.high = pages
    drained = False
    retries = MAX_RECLAIM_RETRIES
    while memcg.memory.usage > pages:
        if not drained:
            box.memcg.drain_all_stock(memcg)
            drained = True
        elif not box.reclaim.try_to_free_mem_cgroup_pages(box, memcg.number, memcg.memory.usage - pages, GFP_KERNEL):
            if not retries:
                return
            retries -= 1


def memory_reclaim(box: Box, memcg: MemCgroup, pages: int) -> None:
    """Reclaim so many pages; EAGAIN, after what could be done, if there were not as many."""
    retries = MAX_RECLAIM_RETRIES
    done = 0
    while done < pages:
        if not retries:
            lru_add_drain(box)
        got = box.reclaim.try_to_free_mem_cgroup_pages(box, memcg.number, pages - done, GFP_KERNEL)
        if not got:
            if not retries:
                raise KernelError("EAGAIN", f"{done} of {pages} pages could be reclaimed")
            retries -= 1
        done += got
