"""What must hold for the memory of processes: `check_mm(box)` recounts everything from the page tables.

Page tables against refcount and mapcount; rss, total_vm and nr_ptes of each mm; anonymous, mapped, file and shared
pages; LRU lists; Committed_AS; sorted and disjoint areas.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from memsh.inspect.check_swap import swap_cache
from memsh.linux.arch.x86.paging import mapped_pieces, pte_of
from memsh.linux.include.flags import VM_ACCOUNT, VM_EXEC, VM_GROWSDOWN, VM_LOCKED, VM_PFNMAP, VM_SHARED, VM_WRITE
from memsh.linux.include.lruvec import LISTS
from memsh.linux.include.memmap import (
    K_ANON,
    K_FILE,
    K_SHMEM,
    K_TABLE,
    PG_ANON,
    PG_DIRTY,
    PG_HUGE,
    PG_LRU,
    PG_MLOCKED,
    PG_SWAPBACKED,
)
from memsh.linux.include.mm_types import MM_SWAPENTS, AddressSpace, MmStruct
from memsh.linux.lib.columns import is_count, is_run, sub_runs
from memsh.linux.lib.entries import PRESENT, Run, page_runs
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR
from memsh.linux.mm.lru import folio_lruvec, lru_name
from memsh.linux.mm.memory.zap import mm_counter
from memsh.linux.mm.page_alloc.nodestat import count_frames

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from memsh.linux.box import Box
    from memsh.linux.include.lruvec import LruVec
    from memsh.linux.include.memmap import MemMap

_MOST = 20
_OWNED = (K_ANON, K_FILE, K_SHMEM)


class Part:
    """What one content of a table, or of a part of one, maps: `entries` that are not empty, the runs of `pages`, which
    of the rss counters they are in; `times`: how many tables have that content."""

    __slots__ = ("entries", "pages", "rss", "runs", "swapped", "times")

    def __init__(self, memmap: MemMap, ptes: array[int], zero_pfn: int) -> None:
        self.runs: list[Run] = page_runs(ptes, 0, len(ptes), zero_pfn)
        self.entries = len(ptes) - ptes.count(0)
        self.pages = sum([length for _, length, _ in self.runs])
        self.swapped = sum(1 for pte in ptes if pte and not pte & PRESENT) if self.entries != self.pages else 0
        self.rss: Counter[int] = Counter()
        for _, length, pfn in self.runs:
            for _, pages, flags in sub_runs(memmap.flags, pfn, length):
                self.rss[mm_counter(flags)] += pages
        self.times = 0


class Mapped:
    """What page tables map: `runs` (first frame, how many) -> how often. Processes that forked share their tables'
    contents, which are looked at once."""

    def __init__(self, memmap: MemMap, zero_pfn: int) -> None:
        self.memmap, self.zero_pfn = memmap, zero_pfn
        self.runs: Counter[tuple[int, int]] = Counter()
        self.parts: dict[bytes, Part] = {}

    def of(self, ptes: array[int]) -> Part:
        """Of a table, or a part of one."""
        key = ptes.tobytes()
        found = self.parts.get(key)
        if found is None:
            found = self.parts[key] = Part(self.memmap, ptes, self.zero_pfn)
        return found

    def count(self) -> None:
        """Enter in `runs` what the areas' parts map."""
        for part in self.parts.values():
            if part.times:
                for _, length, pfn in part.runs:
                    self.runs[pfn, length] += part.times

    def stretches(self) -> Iterator[tuple[int, int, int]]:
        """Frames that are mapped, in order and once each: (first, how many, how often)."""
        change: Counter[int] = Counter()
        for (pfn, length), times in self.runs.items():
            change[pfn] += times
            change[pfn + length] -= times
        before = times = 0
        for pfn in sorted(change):
            if times:
                yield before, pfn - before, times
            before, times = pfn, times + change[pfn]


def check_mm(box: Box) -> list[str]:
    """Every breach, one line each; at most twenty."""
    wrong: list[str] = []
    mapped = Mapped(box.memmap, box.vm.zero_pfn)
    entire: Counter[int] = Counter()  # huge pages, by their head: entries of 2 MiB
    commit = tables = 0
    for mm in box.vm.mms.values():
        _check_areas(box, mm, wrong)
        commit += sum(vma.pages for vma in mm.mmap if vma.flags & VM_ACCOUNT)
        tables += sum(_levels(mm)[: mm.mmu.counted])
        _check_tables(box, mm, mapped, entire, wrong)
    linked = sum(len(mm.mmap) for mm in box.vm.mms.values())
    _say(wrong, "areas by number", len(box.vm.areas), linked)
    _say(wrong, "nr_page_table_pages", box.vmstat["nr_page_table_pages"], tables)
    by_node = sum(node.stat["nr_page_table_pages"] for node in box.pages.nodes)
    _say(wrong, "nr_page_table_pages of all nodes", by_node, tables)
    cached = _check_cache(box, wrong)
    shared = [one.inode for one in box.memmap.owners if isinstance(one, AddressSpace) and one.inode.shmem]
    _say(wrong, "Committed_AS", box.vm.commit, commit + sum(inode.charged for inode in shared))
    mapped.count()
    _check_pages(box, mapped, entire, cached, wrong)
    return wrong[:_MOST]


def _say(wrong: list[str], what: str, kept: int, counted: int) -> None:
    if kept != counted:
        wrong.append(f"{what} is {kept}, counted {counted}")


def _check_areas(box: Box, mm: MmStruct, wrong: list[str]) -> None:
    total = locked = data = code = stack = 0
    last = 0
    name = f"mm {mm.number}"
    wrong += [f"{name}: {text}" for text in mm.mmap.faults()]
    for vma in mm.mmap:
        if vma.start < last or vma.start >= vma.end or (vma.start | vma.end) & 4095:
            wrong.append(f"{name}: area {vma.start:x}-{vma.end:x} overlaps or is empty")
        if vma.mm is not mm or box.vm.areas.get(vma.number) is not vma:
            wrong.append(f"{name}: area {vma.start:x} belongs elsewhere")
        last = vma.end
        total += vma.pages
        if vma.flags & VM_LOCKED:
            locked += vma.pages
        if vma.flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN) == VM_EXEC:
            code += vma.pages
        elif vma.flags & VM_GROWSDOWN:
            stack += vma.pages
        elif vma.flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN) == VM_WRITE:
            data += vma.pages
        if vma.anon_vma is not None and vma.anon_vma not in vma.anon_chain:
            wrong.append(f"{name}: area {vma.start:x} is not linked to its anon_vma")
    _say(wrong, f"{name}: total_vm", mm.total_vm, total)
    _say(wrong, f"{name}: locked_vm", mm.locked_vm, locked)
    _say(wrong, f"{name}: data_vm", mm.data_vm, data)
    _say(wrong, f"{name}: exec_vm", mm.exec_vm, code)
    _say(wrong, f"{name}: stack_vm", mm.stack_vm, stack)
    _say(wrong, f"{name}: nr_ptes", mm.nr_ptes, sum(_levels(mm)))


def _levels(mm: MmStruct) -> list[int]:
    """How many tables each level has, the last level first, without the top."""
    kept = sum(huge.table > 0 for huge in mm.huge.values())
    return [len(mm.tables) + kept, *(len(level) for level in mm.directories)]


def _check_tables(box: Box, mm: MmStruct, mapped: Mapped, entire: Counter[int], wrong: list[str]) -> None:
    memmap = box.memmap
    rss = [0, 0, 0, 0]
    for index, huge in mm.huge.items():
        head = huge.entry >> 12
        if index in mm.tables:
            wrong.append(f"mm {mm.number}: {index << mm.table_shift:x} is mapped by two sizes of entries")
        if head == box.thp.zero_pfn:
            continue
        entire[head] += 1
        rss[mm_counter(memmap.flags[head])] += HPAGE_PMD_NR
        mapped.runs[head, HPAGE_PMD_NR] += 1
    seen = 0
    for index, table in mm.tables.items():
        if memmap.kind[table.pfn] != K_TABLE or memmap.refcount[table.pfn] != 1:
            wrong.append(f"mm {mm.number}: table {index} lies in frame {table.pfn:x}, which is no page table")
        seen += mapped.of(table.ptes).entries
    for vma in mm.mmap:
        for _, piece, first, stop in mapped_pieces(mm, vma.start, vma.end):
            part = mapped.of(piece.ptes if stop - first == len(piece.ptes) else piece.ptes[first:stop])
            seen -= part.entries
            rss[MM_SWAPENTS] += part.swapped  # what else is no page: the page of zeros, the kernel's own
            if not vma.flags & VM_PFNMAP:
                part.times += 1
                for counter, pages in part.rss.items():
                    rss[counter] += pages
    if seen:
        wrong.append(f"mm {mm.number}: {seen} entries map pages outside every area")
    if rss != mm.rss:
        wrong.append(f"mm {mm.number}: rss {mm.rss}, counted {rss}")
    for page, view in mm.tlb.own.items():
        pte = pte_of(mm, page << 12)
        if not pte & 2 or view.obj is not memmap.data.get(pte >> 12):
            wrong.append(f"mm {mm.number}: stale translation of {page << 12:x}")
    for addr, value in mm.tlb.words.items():
        view = mm.tlb.own.get(addr >> 12)
        if view is None or view[addr % 4096 // mm.mmu.word] != value:
            wrong.append(f"mm {mm.number}: stale word at {addr:x}")


def _check_cache(box: Box, wrong: list[str]) -> dict[int, int]:
    """Frames in the page cache -> 1."""
    memmap = box.memmap
    cached: dict[int, int] = {}
    shmem = dirty = 0
    for owner in memmap.owners:
        if not isinstance(owner, AddressSpace):
            continue
        for index, first, count in owner.pages.runs():
            cached.update(dict.fromkeys(range(first, first + count), 1))
            for _, pages, bits in sub_runs(memmap.flags, first, count):
                shmem += pages * bool(bits & PG_SWAPBACKED)
                dirty += pages * (bits & (PG_DIRTY | PG_SWAPBACKED) == PG_DIRTY)
            there = is_count(memmap.index, first, index, count) and is_run(memmap.mapping, first, count, owner.number)
            if not there:
                wrong.append(f"frames {first:x} to {first + count - 1:x} do not know their place in the page cache")
    if not hasattr(box, "recorded"):
        _say(wrong, "nr_file_pages", box.vmstat["nr_file_pages"] - box.vmstat["nr_swapcached"], len(cached))
        _say(wrong, "nr_shmem", box.vmstat["nr_shmem"], shmem)
    _say(wrong, "nr_dirty", box.vmstat["nr_dirty"], dirty)
    cached.update(dict.fromkeys(swap_cache(box), 1))
    return cached


def _check_pages(box: Box, mapped: Mapped, entire: Counter[int], cached: dict[int, int], wrong: list[str]) -> None:
    """What is mapped against the columns, a stretch of equal flags at a time."""
    memmap = box.memmap
    flags, refcount = memmap.flags, memmap.refcount
    sizes: Counter[int] = Counter()  # flags -> mapped or cached frames that have them
    held = cached.keys() | set(box.vm.vdso_pfns)
    parts: Counter[int] = Counter()  # huge pages, by their head: entries of 4 KiB
    heads: set[int] = set()  # those whose first frame is mapped
    kinds = bytes(memmap.kind)
    there: Counter[int] = Counter()
    rest = set(cached)
    for first, length, times in mapped.stretches():
        rest.difference_update(range(first, first + length))
        for kind in _OWNED:
            there[kind] += kinds.count(kind, first, first + length)
        for pfn, count, bits in sub_runs(flags, first, length):
            sizes[bits] += count
            _check_count(memmap.mapcount, "mapcount", pfn, [times] * count, wrong)
            frames = range(pfn, pfn + count)
            if bits & PG_HUGE:
                for frame in frames:
                    parts[frame & -HPAGE_PMD_NR] += times - entire[frame & -HPAGE_PMD_NR]
                heads.update(range(-(-pfn // HPAGE_PMD_NR) * HPAGE_PMD_NR, pfn + count, HPAGE_PMD_NR))
            elif held.isdisjoint(frames):
                _check_count(refcount, "refcount", pfn, [times] * count, wrong)
            else:
                _check_count(refcount, "refcount", pfn, [times + (frame in held) for frame in frames], wrong)
    anon = sum(count for bits, count in sizes.items() if bits & PG_ANON)
    _say(wrong, "nr_anon_pages", box.vmstat["nr_anon_pages"], anon)
    _say(wrong, "nr_mapped", box.vmstat["nr_mapped"], sum(sizes.values()) - anon)
    files = {pfn & -HPAGE_PMD_NR for pfn in cached if flags[pfn] & PG_HUGE} if box.thp.pages else set()
    for head in files:
        parts.setdefault(head, 0)
    _say(wrong, "huge pages", box.thp.pages, len(parts))
    _say(wrong, "nr_shmem_hugepages", box.vmstat["nr_shmem_hugepages"], HPAGE_PMD_NR * len(files))
    _say(wrong, "nr_shmem_pmdmapped", box.vmstat["nr_shmem_pmdmapped"], HPAGE_PMD_NR * len(files & entire.keys()))
    for head, small in parts.items():  # each has a reference of every entry that maps it or a part of it, or caches it
        want = small + entire[head] + HPAGE_PMD_NR * (head in files)
        if refcount[head] != want:
            wrong.append(f"huge page {head:x}: refcount {refcount[head]}, counted {want}")
        sizes[flags[head]] += HPAGE_PMD_NR - (head in heads)
    _say(wrong, "nr_anon_transparent_hugepages", box.vmstat["nr_anon_transparent_hugepages"],
         HPAGE_PMD_NR * len(entire.keys() - files))  # fmt: skip
    rest -= parts.keys()
    sizes.update(map(flags.__getitem__, rest))
    there.update(map(kinds.__getitem__, rest | parts.keys() - heads))
    for kind in _OWNED:
        if kinds.count(kind) != there[kind]:
            wrong.append(f"{kinds.count(kind)} frames are of kind {kind}, {there[kind]} of them mapped or cached")
    _check_sizes(box, sizes, wrong)
    _check_lists(box, wrong)
    huge = {"nr_anon_transparent_hugepages": entire.keys() - files, "nr_shmem_pmdmapped": entire.keys() & files}
    _check_nodes(box, huge, wrong)


def _check_count(column: memoryview, what: str, pfn: int, wanted: list[int], wrong: list[str]) -> None:
    found = column[pfn : pfn + len(wanted)].tolist()
    if found != wanted:
        at, one = next((at, one) for at, one in enumerate(found) if one != wanted[at])
        wrong.append(f"frame {pfn + at:x}: {what} {one}, counted {wanted[at]}")


def _check_sizes(box: Box, sizes: Counter[int], wrong: list[str]) -> None:
    """The counters of the lists count the pages of processes and files that bear their flags."""
    lists: Counter[str] = Counter()
    mlocked = 0
    for flags, pages in sizes.items():
        if flags & PG_LRU:
            lists[lru_name(flags)] += pages
            mlocked += pages * bool(flags & PG_MLOCKED)
    for name in LISTS:
        _say(wrong, f"nr_{name}", box.vmstat[f"nr_{name}"], lists[name])
        zones = sum(zone.stat.get(f"nr_zone_{name}", 0) for zone in box.pages.zones)
        _say(wrong, f"nr_zone_{name} of all zones", zones, lists[name])
    _say(wrong, "nr_mlock", sum(zone.stat.get("nr_mlock", 0) for zone in box.pages.zones), mlocked)


def _check_nodes(box: Box, huge: dict[str, set[int]], wrong: list[str]) -> None:
    """What is counted by node is what the node's frames say; `huge`: heads of huge pages. nr_shmem_hugepages stay where
    the page came from, wherever it has moved since; a table's frame does not tell its level."""
    if len(box.pages.nodes) > 1:
        for node in box.pages.nodes:
            found = count_frames(box, node)
            for item, heads in huge.items():
                found[item] = HPAGE_PMD_NR * sum(box.pages.zone_of(head).node == node.nid for head in heads)
            for item, number in node.stat.items():
                if item in found and item != "nr_shmem_hugepages":
                    _say(wrong, f"{item} of node {node.nid}", number, found[item])


def _check_lists(box: Box, wrong: list[str]) -> None:
    """Each list, walked from its tail, holds the pages whose flags, node and cgroup say so, once each, linked both
    ways."""
    for node in box.pages.nodes:
        for lruvec in node.lruvecs.values():
            for name in LISTS:
                _check_list(box, lruvec, name, wrong)


def _check_list(box: Box, lruvec: LruVec, name: str, wrong: list[str]) -> None:
    memmap = box.memmap
    size = sum(lruvec.sizes[name])
    alone = sum(len(node.lruvecs) for node in box.pages.nodes) == 1
    count = head = 0
    for first, number, step in lruvec.stretches(memmap, name):
        low = first if step > 0 else first - number + 1
        for pfn, pages, flags in sub_runs(memmap.flags, low, number):
            count += pages * (HPAGE_PMD_NR if flags & PG_HUGE else 1)
            if not flags & PG_LRU or lru_name(flags) != name:
                wrong.append(f"frame {pfn:x} with flags {flags:#x} is on list {name}")
                return
        inside = low + (step > 0), low + (step < 0)  # all but the first, and what each of them must name
        if memmap.lru_next[first] != head or (
            number > 1 and not is_count(memmap.lru_next, inside[0], inside[1], number - 1)
        ):
            wrong.append(f"list {name} is not linked well")
            return
        if not alone:
            strange = next((pfn for pfn in range(low, low + number) if folio_lruvec(box, pfn) is not lruvec), None)
            if strange is not None:
                wrong.append(f"frame {strange:x} is on list {name} of another node or cgroup")
                return
        head = first + (number - 1) * step
        if count > size:
            break
    _say(wrong, f"pages on list {name}", count, size)
    if lruvec.heads[name] != head:
        wrong.append(f"the head of list {name} is {lruvec.heads[name]:x}, walked to {head:x}")
