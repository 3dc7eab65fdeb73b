"""Switching swap areas on: the signature, the map of slots, priorities (mm/swapfile.c: sys_swapon).

Known deviations: a file's extents are one; bad blocks and the other byte order are not known.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES
from memsh.linux.include.kern_levels import KERN_ERR, KERN_INFO, KERN_WARNING
from memsh.linux.include.mm_types import File, Inode
from memsh.linux.mm.filemap.pagecache import frame_view, mapping_of
from memsh.linux.mm.filemap.readahead import page_cache_ra, wait_on_page
from memsh.linux.mm.swap.swap_tree import SwapTree
from memsh.linux.mm.swap.swapfile import (
    MAX_SWAPFILES,
    SPACE_SHIFT,
    SWAP_MAP_BAD,
    SwapArea,
    insert_by_priority,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box

MAGIC = b"SWAPSPACE2"
VERSION_AT, MAGIC_AT = 1024, 4086
SC_PER_PAGE = 2048  # slots whose groups one page records


def swap_header(pages: int, uuid: bytes = bytes(16), label: bytes = b"") -> bytes:
    """The first page of a swap area of `pages` pages (union swap_header)."""
    page = bytearray(4096)
    struct.pack_into("<III16s16s", page, VERSION_AT, 1, pages - 1, 0, uuid, label)
    page[MAGIC_AT:] = MAGIC
    return bytes(page)


def first_page(box: Box, inode: Inode) -> bytes:
    """The first page of a file or disk, brought into the page cache alone (read_mapping_page). ENOMEM."""
    mapping = mapping_of(box, inode)
    pfn = mapping.pages.get(0)
    if pfn is None:
        if not page_cache_ra(box, mapping, 0, 1, 0):
            return bytes(4096)
        pfn = mapping.pages[0]
    wait_on_page(box, mapping, 0)
    return bytes(frame_view(box, pfn))


def _alloc_swap_info(box: Box) -> SwapArea:
    """A free number and its object; EPERM if all are in use, ENOMEM."""
    info = box.swap.info
    area = next((area for area in info if not area.used), None)
    if area is None:
        if len(info) >= MAX_SWAPFILES:
            raise KernelError("EPERM", "too many swap areas")
        addr = box.slab.kmalloc(box.arch.swap.info, GFP_KERNEL)
        users = box.slab.kmalloc(box.arch.swap.users, GFP_KERNEL)
        if not addr or not users:
            for got in (addr, users):
                if got:
                    box.slab.kfree(got)
            raise KernelError("ENOMEM")
        area = SwapArea(len(info))
        area.addr = addr
        info.append(area)
    area.used = True
    return area


def read_swap_header(box: Box, page: bytes, size: int) -> int:
    """Slots of the area that the header describes, itself included. EINVAL, with a word in the log."""
    log = box.log.printk
    if page[MAGIC_AT:] != MAGIC:
        log("Unable to find swap-space signature", KERN_ERR)
        raise KernelError("EINVAL")
    version, last = struct.unpack_from("<II", page, VERSION_AT)
    if version != 1:
        log(f"Unable to handle swap header version {version}", KERN_WARNING)
        raise KernelError("EINVAL")
    if not last:
        log("Empty swap-file", KERN_WARNING)
        raise KernelError("EINVAL")
    most = box.mmu.max_swapfile_size
    if last > most:
        log(f"Truncating oversized swap area, only using {most * 4}k out of {last * 4}k", KERN_WARNING)
    slots = min(most, last + 1)
    if slots > size >> 12:
        log("Swap area shorter than signature indicates", KERN_WARNING)
        raise KernelError("EINVAL")
    return int(slots)


def swapon(box: Box, file: File, name: str, priority: int = -1) -> SwapArea:
    """Switch on the area that an open file or device holds. EBUSY (it is on), EINVAL (no swap), ENOMEM, EPERM.

    `priority` 0 to 32767, or -1: lower than that of every other area so far.
    """
    box.changes += 1
    inode = file.inode
    area = _alloc_swap_info(box)
    try:
        if any(other.used and other.inode is inode for other in box.swap.info):
            raise KernelError("EBUSY")
        if not inode.a_ops.writeback or inode.is_dir:
            raise KernelError("EINVAL")
        slots = read_swap_header(box, first_page(box, inode), inode.size)
        _setup(box, area, slots)
    except KernelError:
        area.clear()
        raise
    area.inode = inode
    area.path = file.path
    area.kind = "partition" if inode.mode & 0o170000 == 0o060000 else "file"
    enable_swap_info(box, area, priority)
    size = area.size_kb
    told = f"Adding {size}k swap on {name}.  Priority:{area.priority} extents:1 across:{size}k "
    box.log.printk(told + ("FS" if _frontswap(box) else ""), KERN_INFO)
    enable_swap_slots_cache(box)
    return area


def _setup(box: Box, area: SwapArea, slots: int) -> None:
    """The map of slots and the trees of the swap cache. ENOMEM."""
    its = box.arch.swap
    area.map_addr = box.vmalloc.vmalloc(slots, its.caller)
    if not area.map_addr:
        raise KernelError("ENOMEM")
    _swap_cgroup_swapon(box, area, slots)
    spaces = -(-slots // (1 << SPACE_SHIFT))
    word = box.arch.word
    frontswap = (-(-slots // (8 * word)) * word,) if _frontswap(box) else ()  # a bit for each slot
    for size in (its.extent, *frontswap, its.space * spaces):
        addr = box.slab.kmalloc(size, GFP_KERNEL)
        if not addr:
            release(box, area)
            raise KernelError("ENOMEM")
        area.objects.append(addr)
    area.swap_map = bytearray(slots)
    area.swap_map[0] = SWAP_MAP_BAD
    area.max, area.pages = slots, slots - 1
    area.lowest_bit = area.cluster_next = 1
    area.highest_bit = slots - 1
    area.cluster_nr = 0
    area.trees = [SwapTree(box) for _ in range(spaces)]


def _frontswap(box: Box) -> bool:
    return "ZSWAP" in box.model.options


def _swap_cgroup_swapon(box: Box, area: SwapArea, slots: int) -> None:
    """Two bytes for each slot, for the group that pays for it (mm/swap_cgroup.c). ENOMEM."""
    if "MEMCG" not in box.model.options:
        return
    length = -(-slots // SC_PER_PAGE)
    area.cgroup_map = box.vmalloc.vmalloc(length * box.arch.word, box.arch.swap.cgroup_caller)
    gfp = GFP_KERNEL | GFP_NAMES["__GFP_ZERO"]
    while area.cgroup_map and len(area.cgroup_pages) < length and (pfn := int(box.pages.alloc_pages(gfp, 0))):
        area.cgroup_pages.append(pfn)
    if len(area.cgroup_pages) < length:
        release(box, area)
        raise KernelError("ENOMEM")


def release(box: Box, area: SwapArea) -> None:
    """Give back what an area took."""
    box.changes += 1
    for addr in area.objects:
        box.slab.kfree(addr)
    box.vmalloc.vfree(area.map_addr)
    for pfn in area.cgroup_pages:
        box.pages.free_pages(pfn, 0)
    if area.cgroup_map:
        box.vmalloc.vfree(area.cgroup_map)
    area.clear()


def enable_swap_info(box: Box, area: SwapArea, priority: int) -> None:
    """From now on slots are given out."""
    swap = box.swap
    if priority >= 0:
        area.priority = priority
    else:
        swap.least_priority -= 1
        area.priority = swap.least_priority
    area.writeok = True
    swap.nr_swap_pages += area.pages
    swap.total_swap_pages += area.pages
    insert_by_priority(swap.active, area)
    insert_by_priority(swap.available, area)


def enable_swap_slots_cache(box: Box) -> None:
    """The first area brings each CPU its slots caches."""
    swap = box.swap
    if not swap.cache_allocated:
        swap.cache_allocated = True
        for _ in range(2 * box.config.cpus):
            swap.cache_objects.append(box.slab.kmalloc(box.arch.swap.slots, GFP_KERNEL))
    swap.cache_enabled = bool(swap.active)


