"""What must hold for the page cache: `check_files(box)` compares trees, marks and counters with the pages' flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.inspect.check_swap import swap_cache
from memsh.linux.fs.namespace import mounts
from memsh.linux.include.memmap import PG_DIRTY, PG_SWAPBACKED, PG_WRITEBACK
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.lib.columns import sub_runs
from memsh.linux.lib.xarray import VALUE

if TYPE_CHECKING:
    from memsh.linux.box import Box


def check_files(box: Box) -> list[str]:
    """Every breach, one line each."""
    wrong: list[str] = []
    flags = box.memmap.flags
    shadows = dirty = 0
    writeback = sum(1 for pfn in swap_cache(box) if flags[pfn] & PG_WRITEBACK)
    for owner in box.memmap.owners:
        if not isinstance(owner, AddressSpace):
            continue
        name = f"inode {owner.inode.dev[0]}:{owner.inode.dev[1]} {owner.inode.number}"
        pages = owner.pages
        runs = [(index - first, part) for index, first, count in pages.runs() for part in sub_runs(flags, first, count)]
        _check_tree(name, owner, sum([count for _, (_, count, _) in runs]), wrong)
        for leaf, slots in pages.leaves.items():
            live = len(slots) - slots.count(0)
            if max(slots) >= VALUE:
                live -= sum(1 for entry in slots if entry >= VALUE)
            shadows += not live and not owner.inode.shmem and leaf in pages.addrs
            if live != pages.live[leaf]:
                wrong.append(f"{name}: {live} pages in node {leaf}, {pages.live[leaf]} counted")
        if not owner.inode.shmem:
            dirty += _check_marks(name, "dirty", pages.dirty, [
                pfn + away for away, (first, count, bits) in runs if bits & (PG_DIRTY | PG_SWAPBACKED) == PG_DIRTY
                for pfn in range(first, first + count)
            ], wrong)  # fmt: skip
            writeback += _check_marks(name, "being written", pages.writeback, [
                pfn + away for away, (first, count, bits) in runs if bits & PG_WRITEBACK
                for pfn in range(first, first + count)
            ], wrong)  # fmt: skip
        if pages.dirty and owner.inode.number not in box.writeback.inodes:
            wrong.append(f"{name} has dirty pages, the flusher does not know")
    pending = sum(zone.stat.get("nr_zone_write_pending", 0) for zone in box.pages.zones)
    for what, kept, counted in (
        ("nr_dirty", box.vmstat["nr_dirty"], dirty),
        ("nr_writeback", box.vmstat["nr_writeback"], writeback),
        ("nr_zone_write_pending", pending, dirty + writeback),
        ("workingset_nodes", box.vmstat["workingset_nodes"], shadows),
        ("nodes of shadows that wait", len(box.shadow_nodes), shadows),
    ):
        if kept != counted and not hasattr(box, "recorded"):
            wrong.append(f"{what} is {kept}, counted {counted}")
    _check_names(box, wrong)
    return wrong + box.fs.dcache.check()


def _check_marks(name: str, what: str, marks: dict[int, int], marked: list[int], wrong: list[str]) -> int:
    """The marks of a tree are those of the pages `marked`; how many these are."""
    wanted: dict[int, int] = {}
    for index in marked:
        wanted[index >> 6] = wanted.get(index >> 6, 0) | 1 << (index & 63)
    for leaf in wanted.keys() | marks.keys():
        if wanted.get(leaf, 0) != marks.get(leaf, 0):
            wrong.append(f"{name}: pages of node {leaf} are {what} as {wanted.get(leaf, 0):b}, their marks differ")
    return len(marked)


def _check_names(box: Box, wrong: list[str]) -> None:
    """Each directory knows how many names below it are in memory, and is itself."""
    covered = [one.covered for one in mounts(box) if one.covered is not None]
    for inode in box.fs.inodes():
        hidden = [one for one in covered if one.parent is inode]
        named = [one for name, one in (inode.children or {}).items() if one.parent is inode and one.name == name]
        below = sum(1 for child in (*named, *hidden) if child.dentry)
        astray = [name for above, name in inode.aliases if (above.children or {}).get(name) is not inode]
        if astray or (not inode.is_dir and inode.nlink != 1 + len(inode.aliases)):
            wrong.append(f"{box.fs.path_of(inode)}: {inode.nlink} links, {1 + len(inode.aliases)} names {astray}")
        if below != inode.below or (below and inode.parent is not None and not inode.dentry):
            wrong.append(f"{box.fs.path_of(inode)}: {below} names in memory, {inode.below} counted")


def _check_tree(name: str, mapping: AddressSpace, count: int, wrong: list[str]) -> None:
    """The pages counted, and the nodes that they need."""
    pages = mapping.pages
    if len(pages) != count:
        wrong.append(f"{name}: {count} pages in the tree, {len(pages)} counted")
    nodes = set(pages.leaves)
    needed = len(nodes) if nodes != {0} or pages.height else 0
    while nodes - {0}:
        nodes = {number >> 6 for number in nodes}
        needed += len(nodes)
    if needed != pages.nodes():
        wrong.append(f"{name}: {pages.nodes()} nodes, {needed} needed")
