"""What must hold for the page cache: `check_files(box)` compares trees, marks and counters with the pages' flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.inspect.check_swap import swap_cache
from memsh.linux.include.memmap import PG_DIRTY, PG_SWAPBACKED, PG_WRITEBACK
from memsh.linux.include.mm_types import AddressSpace
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
        _check_tree(name, owner, wrong)
        for leaf, slots in pages.leaves.items():
            live = sum(1 for entry in slots if 0 < entry < VALUE)
            shadows += not live and not owner.inode.shmem
            if live != pages.live[leaf]:
                wrong.append(f"{name}: {live} pages in node {leaf}, {pages.live[leaf]} counted")
        for index, pfn in pages.items():
            bit = 1 << (index & 63)
            if owner.inode.shmem:
                continue
            is_dirty = flags[pfn] & (PG_DIRTY | PG_SWAPBACKED) == PG_DIRTY
            is_written = bool(flags[pfn] & PG_WRITEBACK)
            dirty += is_dirty
            writeback += is_written
            if is_dirty != bool(pages.dirty.get(index >> 6, 0) & bit):
                wrong.append(f"{name}: page {index} is {'' if is_dirty else 'not '}dirty, its mark differs")
            if is_written != bool(pages.writeback.get(index >> 6, 0) & bit):
                wrong.append(f"{name}: page {index} is {'' if is_written else 'not '}being written, its mark differs")
        if pages.dirty and owner.inode.number not in box.writeback.inodes:
            wrong.append(f"{name} has dirty pages, the flusher does not know")
    pending = sum(zone.stat.get("nr_zone_write_pending", 0) for zone in box.pages.zones)
    for what, kept, counted in (
        ("nr_dirty", box.vmstat["nr_dirty"], dirty),
        ("nr_writeback", box.vmstat["nr_writeback"], writeback),
        ("nr_zone_write_pending", pending, dirty + writeback),
        ("workingset_nodes", box.vmstat["workingset_nodes"], shadows),
    ):
        if kept != counted and not hasattr(box, "recorded"):
            wrong.append(f"{what} is {kept}, counted {counted}")
    _check_names(box, wrong)
    return wrong + box.fs.dcache.check()


def _check_names(box: Box, wrong: list[str]) -> None:
    """Each directory knows how many names below it are in memory, and is itself."""
    covered = [one.covered for one in box.fs.tmpfs.values() if one.covered is not None]
    for inode in box.fs.inodes():
        hidden = [one for one in covered if one.parent is inode]
        below = sum(1 for child in (*(inode.children or {}).values(), *hidden) if child.dentry)
        if below != inode.below or (below and inode.parent is not None and not inode.dentry):
            wrong.append(f"{box.fs.path_of(inode)}: {below} names in memory, {inode.below} counted")


def _check_tree(name: str, mapping: AddressSpace, wrong: list[str]) -> None:
    """The pages counted, and the nodes that they need."""
    pages = mapping.pages
    if len(pages) != len(pages.items()):
        wrong.append(f"{name}: {len(pages.items())} pages in the tree, {len(pages)} counted")
    nodes = set(pages.leaves)
    needed = len(nodes) if nodes != {0} or pages.height else 0
    while nodes - {0}:
        nodes = {number >> 6 for number in nodes}
        needed += len(nodes)
    if needed != pages.nodes():
        wrong.append(f"{name}: {pages.nodes()} nodes, {needed} needed")
