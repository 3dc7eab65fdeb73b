"""What used the memory, by a report's own counters; kB."""

from __future__ import annotations

from typing import NamedTuple

from memsh.proctext.meminfo_report import Memory
from memsh.proctext.oomreport import Task


class Account(NamedTuple):
    """kB by use, the machine's total (None: not told), and what no counter names (None: cannot be told)."""

    uses: dict[str, int]
    total: int | None
    unnamed: int | None


ANON, SHMEM, FILE, LOCKED = "processes' own pages", "shared memory and tmpfs", "page cache", "unevictable"
SLAB_U, SLAB_R, HUGE, FREE = "unreclaimable slab", "reclaimable slab", "huge page pool", "free"
TABLES, STACKS = "page tables", "kernel stacks"


def total_of(memory: Memory) -> int | None:
    """Memory that the page allocator manages."""
    if memory.zones and all("managed" in zone.kb for zone in memory.zones):
        return sum(zone.kb["managed"] for zone in memory.zones)
    if memory.ram is not None and memory.reserved is not None:
        return (memory.ram - memory.reserved) * memory.page >> 10
    if memory.zones and all("present" in zone.kb for zone in memory.zones):
        return sum(zone.kb["present"] for zone in memory.zones)
    return None


def account(memory: Memory) -> Account:
    """The counters of a Mem-Info as uses that do not overlap."""
    page, t = memory.page >> 10, memory.totals
    uses: dict[str, int] = {}

    def put(label: str, pages: int | None) -> None:
        if pages is not None:
            uses[label] = pages * page

    if "active_anon" in t:
        anon = t["active_anon"] + t.get("inactive_anon", 0) + t.get("isolated_anon", 0)
        shmem = t.get("shmem", 0)
        put(ANON, max(0, anon - shmem))
        put(SHMEM, t.get("shmem"))
        put(FILE, t.get("active_file", 0) + t.get("inactive_file", 0) + t.get("isolated_file", 0))
        put(LOCKED, t.get("unevictable"))
    elif "active" in t:
        put("pages of processes and files", t["active"] + t.get("inactive", 0))
    put(SLAB_R, t.get("slab_reclaimable"))
    put(SLAB_U, t.get("slab_unreclaimable"))
    put("slab", t.get("slab"))
    put(TABLES, t.get("pagetables"))
    put("bounce buffers", t.get("bounce"))
    free = t.get("free", t.get("nr_free"))
    uses[FREE] = free * page if free is not None else sum(zone.kb.get("free", 0) for zone in memory.zones)
    if "free_pcp" in t:
        put("free on per-CPU lists", t["free_pcp"])
    where = (
        memory.nodes.values()
        if any("kernel_stack" in n for n in memory.nodes.values())
        else [z.kb for z in memory.zones]
    )
    if any("kernel_stack" in kb for kb in where):
        uses[STACKS] = sum(kb.get("kernel_stack", 0) for kb in where)
    if memory.huge:
        uses[HUGE] = sum(pool.total * pool.size for pool in memory.huge)
    total = total_of(memory)
    named = sum(uses.values())
    counted = total is not None and ("active_anon" in t or "active" in t) and ("slab" in t or "slab_unreclaimable" in t)
    return Account(uses, total, total - named if counted and total is not None else None)


class Group(NamedTuple):
    """Processes of one name: how many, pages resident, pages in swap (None: not told), the largest one's."""

    name: str
    members: int
    rss: int
    swapents: int | None
    largest: int


def groups(tasks: list[Task]) -> list[Group]:
    """Processes by name, the most resident memory first."""
    found: dict[str, Group] = {}
    for task in tasks:
        old = found.get(task.name, Group(task.name, 0, 0, None, 0))
        swap = None if task.swapents is None else (old.swapents or 0) + task.swapents
        found[task.name] = Group(task.name, old.members + 1, old.rss + task.rss, swap, max(old.largest, task.rss))
    return sorted(found.values(), key=lambda group: -group.rss)
