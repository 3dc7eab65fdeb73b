"""A process's areas: look-up, insertion, holes (mm/mmap.c).

Known deviations: the number of maple_node objects is what a tree of that many areas needs at
ordinary filling, allocated and freed as the tree grows and shrinks, without the copies that real updates make. A
refused overcommit is not logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_EXEC, VM_GROWSDOWN, VM_SHARED, VM_WRITE
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.include.mm_types import File, MmStruct, VmArea
from memsh.linux.include.resource import RLIMIT_AS, RLIMIT_DATA
from memsh.linux.mm.rmap.rmap import unlink_anon_vmas
from memsh.linux.mm.slab.objects import give, take

if TYPE_CHECKING:
    from memsh.linux.box import Box


def find_vma(mm: MmStruct, addr: int) -> VmArea | None:
    """The first area that ends above `addr` (it need not contain it)."""
    return mm.mmap.find(addr)


def vma_lookup(mm: MmStruct, addr: int) -> VmArea | None:
    """The area that contains `addr`."""
    return mm.mmap.lookup(addr)


def find_vma_prev(mm: MmStruct, addr: int) -> tuple[VmArea | None, VmArea | None]:
    """(find_vma(addr), the area before that one)."""
    return mm.mmap.find_prev(addr)


def areas_between(mm: MmStruct, start: int, end: int) -> list[VmArea]:
    """The areas that overlap [start, end), in order."""
    return mm.mmap.between(start, end)


def vm_start_gap(vma: VmArea) -> int:
    """Where the area begins, its guard gap included if it is a stack."""
    if vma.flags & VM_GROWSDOWN:
        return max(0, vma.start - vma.mm.mmu.stack_guard_gap)
    return vma.start


def _maple_nodes(count: int) -> int:
    slots = 2 * count
    if slots <= 31:
        return 1 if count > 1 else 0
    leaves = -(-slots // 20)
    return leaves + -(-leaves // 16)


def _size_tree(box: Box, mm: MmStruct, count: int) -> None:
    nodes = mm.maple_addrs
    want = _maple_nodes(count)
    while len(nodes) < want:
        nodes.append(take(box, "maple_node"))
    while len(nodes) > want + (1 if count else 0):
        give(box, "maple_node", nodes.pop())


def vm_area_alloc(box: Box, mm: MmStruct, start: int, end: int, flags: int, pgoff: int) -> VmArea:
    """A new area, not yet in the tree; ENOMEM."""
    vm = box.vm
    vma = VmArea(mm, vm.next_area, take(box, "vm_area_struct"), start, end, flags, pgoff)
    vm.areas[vma.number] = vma
    vm.next_area += 1
    return vma


def vm_area_dup(box: Box, mm: MmStruct, old: VmArea) -> VmArea:
    """A copy of `old` for `mm`, with no links to anon_vmas and no hold on the file yet."""
    new = vm_area_alloc(box, mm, old.start, old.end, old.flags, old.pgoff)
    new.vm_ops = old.vm_ops
    new.file = old.file
    new.policy = old.policy
    return new


def vma_kernel_pagesize(box: Box, vma: VmArea) -> int:
    """Bytes of the pages that the area is made of."""
    ops = vma.vm_ops
    return 4096 if ops is None or ops.pagesize is None else ops.pagesize(box, vma)


def vma_open(new: VmArea, old: VmArea) -> None:
    """A copy of `old` that holds its file stands for part of it from now on (vm_ops->open)."""
    if new.vm_ops is not None and new.vm_ops.open is not None:
        new.vm_ops.open(new, old)


def vm_area_free(box: Box, vma: VmArea) -> None:
    del box.vm.areas[vma.number]
    give(box, "vm_area_struct", vma.addr)


def get_file(vma: VmArea, file: File) -> None:
    """The area holds `file` and shows up in the inode's list of mappings."""
    file.count += 1
    vma.file = file
    file.inode.i_mmap[vma.number] = None
    bounds_changed(vma)


def put_file(box: Box, vma: VmArea) -> None:
    """Undo get_file; the last holder of an open file closes it."""
    file = vma.file
    if file is None:
        return
    file.inode.i_mmap.pop(vma.number, None)
    bounds_changed(vma)
    box.fs.fput(file)


def reserve_link(box: Box, mm: MmStruct) -> None:
    """Room in the tree for one more area, before anything is moved (mas_preallocate); ENOMEM."""
    _size_tree(box, mm, len(mm.mmap) + 1)


def vma_link(box: Box, mm: MmStruct, vma: VmArea) -> None:
    """Put `vma` into the tree; ENOMEM if that cannot grow."""
    reserve_link(box, mm)
    mm.mmap.insert(vma)


def vma_unlink(box: Box, mm: MmStruct, vma: VmArea) -> None:
    mm.mmap.remove(vma)
    _size_tree(box, mm, len(mm.mmap))


def bounds_changed(vma: VmArea) -> None:
    """It holds other pages from now on: who looks for a page's areas must not go by what he knew."""
    for anon in vma.anon_chain:
        anon.tree = None
    if vma.file is not None and vma.file.inode.mapping is not None:
        vma.file.inode.mapping.tree = None


def set_start(mm: MmStruct, vma: VmArea, start: int) -> None:
    """Move the beginning of a linked area; its place in the order stays."""
    mm.mmap.moved(vma, start)
    bounds_changed(vma)


def set_end(mm: MmStruct, vma: VmArea, end: int) -> None:
    """Move the end of a linked area."""
    shrinks = end < vma.end
    vma.end = end
    if shrinks:
        mm.mmap.shrunk(vma)
    bounds_changed(vma)


def remove_vma(box: Box, vma: VmArea) -> None:
    """Free an area that is no longer in the tree."""
    if vma.vm_ops is not None and vma.vm_ops.close is not None:
        vma.vm_ops.close(box, vma)
    put_file(box, vma)
    unlink_anon_vmas(box, vma)
    vm_area_free(box, vma)


def unmapped_area_topdown(mm: MmStruct, length: int, low: int, high: int) -> int:
    """The end of the highest hole of `length` bytes in [low, high), less `length`; 0 if there is none.

    A hole directly above an area starts at that area's end; below a stack it ends at the stack's guard gap.
    """
    top = mm.mmap.empty_area_rev(length, low, high, vm_start_gap)
    return top - length if top else 0


def unmapped_area(mm: MmStruct, length: int, low: int, high: int) -> int:
    """The lowest hole of `length` bytes in [low, high); 0 if there is none."""
    return mm.mmap.empty_area(length, low, high, vm_start_gap)


def may_expand_vm(box: Box, mm: MmStruct, flags: int, npages: int) -> bool:
    """The address space and data limits (RLIMIT_AS, RLIMIT_DATA); the log tells once of the latter."""
    if mm.total_vm + npages > mm.rlim[RLIMIT_AS][0] >> 12:
        return False
    is_data = flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN) == VM_WRITE
    soft, hard = mm.rlim[RLIMIT_DATA]
    if not is_data or mm.data_vm + npages <= soft >> 12:
        return True
    if soft == 0 and mm.data_vm + npages <= hard >> 12:  # as Valgrind has it
        return True
    ignored = box.config.parameter("ignore_rlimit_data") is not None
    if not box.vm.told_of_data_limit and box.current is not None:
        box.vm.told_of_data_limit = True
        or_boot = "" if ignored else " or use boot option ignore_rlimit_data"
        box.log.printk(
            f"mmap: {box.current.comm} ({box.current.pid}): VmData {mm.data_vm + npages << 12} exceed data ulimit "
            f"{soft}. Update limits{or_boot}.",
            KERN_WARNING,
        )
    return ignored


def vm_stat_account(mm: MmStruct, flags: int, npages: int) -> None:
    """total_vm, and the one of exec_vm, stack_vm, data_vm that `flags` belongs to."""
    mm.total_vm += npages
    if flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN) == VM_EXEC:
        mm.exec_vm += npages
    elif flags & VM_GROWSDOWN:
        mm.stack_vm += npages
    elif flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN) == VM_WRITE:
        mm.data_vm += npages


def vm_enough_memory(box: Box, mm: MmStruct | None, pages: int) -> None:
    """Charge `pages` to Committed_AS or raise ENOMEM, by vm.overcommit_memory (mm/util.c, __vm_enough_memory)."""
    vm = box.vm
    vm.commit += pages
    if vm.overcommit_memory == 1:
        return
    if vm.overcommit_memory == 0:
        if pages <= totalram_pages(box) + total_swap_pages(box):
            return
    else:
        allowed = vm_commit_limit(box)
        if mm is not None:
            allowed -= min(mm.total_vm // 32, vm.user_reserve_kbytes >> 2)
        if max(0, vm.commit) < allowed:
            return
    if (task := box.current) is not None and vm.refusals.allows(box, "__vm_enough_memory"):
        box.log.printk(
            f"__vm_enough_memory: pid: {task.pid}, comm: {task.comm}, no enough memory for the allocation", KERN_WARNING
        )
    vm.commit -= pages
    raise KernelError("ENOMEM", f"vm.overcommit_memory = {vm.overcommit_memory} refuses {pages} pages")


def totalram_pages(box: Box) -> int:
    return sum([zone.managed for zone in box.pages.zones])


def total_swap_pages(box: Box) -> int:
    swap = getattr(box, "swap", None)
    return int(getattr(swap, "total_pages", 0)) if swap is not None else 0


def vm_commit_limit(box: Box) -> int:
    """CommitLimit in pages (mm/util.c)."""
    vm = box.vm
    if vm.overcommit_kbytes:
        allowed = vm.overcommit_kbytes >> 2
    else:
        unsigned_long = (1 << box.arch.bits) - 1
        ram = totalram_pages(box) - box.hugetlb.total_pages
        allowed = (ram * vm.overcommit_ratio & unsigned_long) // 100
    return allowed + total_swap_pages(box)


def vma_wants_writenotify(vma: VmArea) -> bool:
    """Whether the first write to a page of a shared mapping must be seen: a file's that is written back."""
    if vma.flags & (VM_SHARED | VM_WRITE) != VM_SHARED | VM_WRITE:
        return False
    return vma.vm_ops is not None and vma.vm_ops.page_mkwrite is not None
