"""Entries of the trees: how they come and go, who of the processes is looked at (mm/ksm.c).

Objects: ksm_mm_slot a process, ksm_rmap_item a page that was seen, ksm_stable_node a merged page or a chain of them.
No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES
from memsh.linux.include.memmap import PG_KSM
from memsh.linux.lib.rbtree import RbRoot
from memsh.linux.mm.ksm.types import (
    DUP,
    MIGRATED,
    NEITHER,
    RUN_UNMERGE,
    STABLE,
    TREE,
    UNSTABLE,
    Ksm,
    MmSlot,
    RmapItem,
    StableNode,
    page_stable_node,
)
from memsh.linux.mm.rmap.rmap import put_anon_vma
from memsh.linux.mm.slab.objects import drop_owner, give, new_owner, take

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import MmStruct

_GFP_ITEM = GFP_KERNEL | GFP_NAMES["__GFP_NORETRY"] | GFP_NAMES["__GFP_NOWARN"]
_GFP_NODE = GFP_KERNEL | GFP_NAMES["__GFP_HIGH"]


# -- processes -------------------------------------------------------------------------------------------------------


def ksm_enter(box: Box, mm: MmStruct) -> None:
    """The process has areas whose pages may be merged: ksmd shall look at it, behind all others. ENOMEM."""
    ksm = box.ksm
    assert ksm is not None
    ksm.ksmd.settle()
    slot = MmSlot(take(box, "ksm_mm_slot"), mm.number)
    idle = not ksm.slots
    if ksm.run & RUN_UNMERGE or ksm.slot is None:
        ksm.slots.append(slot)
    else:
        ksm.slots.insert(ksm.slots.index(ksm.slot), slot)
    if idle:
        ksm.ksmd.wake()


def slot_of(ksm: Ksm, mm: int) -> MmSlot | None:
    """MMF_VM_MERGEABLE: whether ksmd looks at the process."""
    return next((slot for slot in ksm.slots if slot.mm == mm and slot.gone is None), None)


def ksm_fork(box: Box, mm: MmStruct, oldmm: MmStruct) -> None:
    """A copy of a process that ksmd looks at. ENOMEM."""
    if box.ksm is not None and slot_of(box.ksm, oldmm.number) is not None:
        ksm_enter(box, mm)


def ksm_exit(box: Box, mm: MmStruct) -> bool:
    """The process ends. Whether ksmd still holds on to its mm_struct: it is at it, or has pages of it on its lists."""
    ksm = box.ksm
    slot = slot_of(ksm, mm.number) if ksm is not None else None
    if ksm is None or slot is None:
        return False
    ksm.ksmd.settle()
    if slot is not ksm.slot:
        ksm.slots.remove(slot)
        if not slot.rmap_list:
            give(box, "ksm_mm_slot", slot.addr)
            return False
        ksm.slots.insert(ksm.slots.index(ksm.slot) + 1 if ksm.slot is not None else 0, slot)
    slot.gone = mm.addr, mm.pgd_pfn, mm.mmu.top_order
    return True


def free_slot(box: Box, slot: MmSlot) -> None:
    """ksmd no longer looks at the process; if it has ended, the rest of it goes (mmdrop)."""
    ksm = box.ksm
    assert ksm is not None
    ksm.slots.remove(slot)
    give(box, "ksm_mm_slot", slot.addr)
    if slot.gone is not None:
        addr, pgd, order = slot.gone
        box.pages.free_pages(pgd, order)
        give(box, "mm_struct", addr)


# -- pages that were seen --------------------------------------------------------------------------------------------


def get_next_rmap_item(box: Box, slot: MmSlot, address: int) -> RmapItem | None:
    """The item of a page that is looked at now; those of pages before it that are no longer there go."""
    ksm = box.ksm
    assert ksm is not None
    items = slot.rmap_list
    at = ksm.at
    while at < len(items):
        item = items[at]
        if item.address == address:
            return item
        if item.address > address:
            break
        del items[at]
        remove_rmap_item_from_tree(box, item)
        _free_rmap_item(box, item)
    try:
        item = RmapItem(take(box, "ksm_rmap_item", _GFP_ITEM), slot.mm, address)
    except KernelError:
        return None
    ksm.rmap_items += 1
    box.vm.mms[slot.mm].ksm_rmap_items += 1
    items.insert(at, item)
    return item


def _free_rmap_item(box: Box, item: RmapItem) -> None:
    assert box.ksm is not None
    box.ksm.rmap_items -= 1
    if item.mm in box.vm.mms:
        box.vm.mms[item.mm].ksm_rmap_items -= 1
    give(box, "ksm_rmap_item", item.addr)


def remove_trailing_rmap_items(box: Box, slot: MmSlot, at: int = 0) -> None:
    """Items from number `at` on are of pages that nobody looks at any more."""
    rest = slot.rmap_list[at:]
    del slot.rmap_list[at:]
    for item in rest:
        remove_rmap_item_from_tree(box, item)
        _free_rmap_item(box, item)


def remove_rmap_item_from_tree(box: Box, item: RmapItem) -> None:
    """The page is on neither tree now."""
    ksm = box.ksm
    assert ksm is not None
    if item.where == STABLE:
        node = item.head
        assert node is not None
        if get_ksm_page(box, node):
            del node.items[item]
            _unlist(box, item, last=not node.items)
            item.head = None
    elif item.where == UNSTABLE:
        if item.seqnr == ksm.full_scans:  # else its tree is no more
            ksm.unstable[item.nid].erase(item)
        ksm.pages_unshared -= 1
        item.where = NEITHER


def _unlist(box: Box, item: RmapItem, *, last: bool) -> None:
    ksm = box.ksm
    assert ksm is not None and item.anon_vma is not None
    if last:
        ksm.pages_shared -= 1
    else:
        ksm.pages_sharing -= 1
    if item.mm in box.vm.mms:
        box.vm.mms[item.mm].ksm_merging_pages -= 1
    put_anon_vma(box, item.anon_vma)
    item.anon_vma = None
    item.where = NEITHER


# -- merged pages ----------------------------------------------------------------------------------------------------


def alloc_stable_node(box: Box, kpfn: int, nid: int) -> StableNode:
    """A node for a page that has been merged, which knows it from now on. ENOMEM."""
    node = StableNode(take(box, "ksm_stable_node", _GFP_NODE))
    node.number = new_owner(box, node)
    node.kpfn, node.nid = kpfn, nid
    box.memmap.mapping[kpfn] = node.number
    return node


def free_stable_node(box: Box, node: StableNode) -> None:
    if node.number:
        drop_owner(box, node.number)
    give(box, "ksm_stable_node", node.addr)


def alloc_stable_node_chain(box: Box, dup: StableNode, root: RbRoot) -> StableNode:
    """A chain in the place of `dup`, which is the first one on it. ENOMEM."""
    ksm = box.ksm
    assert ksm is not None
    chain = StableNode(take(box, "ksm_stable_node", _GFP_NODE))
    chain.is_chain = True
    chain.prune_time = box.timer.jiffies(box.arch.hz)
    ksm.stable_node_chains += 1
    root.replace(dup, chain)
    chain_add_dup(ksm, dup, chain)
    return chain


def free_stable_node_chain(box: Box, chain: StableNode, root: RbRoot) -> None:
    """There is nothing left on it."""
    assert box.ksm is not None
    root.erase(chain)
    free_stable_node(box, chain)
    box.ksm.stable_node_chains -= 1


def collapse_chain(box: Box, chain: StableNode, root: RbRoot) -> None:
    """The only one on it takes its place."""
    ksm, dup = box.ksm, chain.dups[0]
    assert ksm is not None
    root.replace(chain, dup)
    dup.where, dup.chain = TREE, None
    free_stable_node(box, chain)
    ksm.stable_node_chains -= 1
    ksm.stable_node_dups -= 1


def chain_add_dup(ksm: Ksm, dup: StableNode, chain: StableNode) -> None:
    dup.where, dup.chain = DUP, chain
    chain.dups.insert(0, dup)
    ksm.stable_node_dups += 1


def stable_node_dup_del(ksm: Ksm, node: StableNode) -> None:
    """It leaves its chain, or the tree."""
    if node.where == DUP:
        assert node.chain is not None
        node.chain.dups.remove(node)
        node.chain = None
        ksm.stable_node_dups -= 1
    else:
        ksm.stable[node.nid].erase(node)


def remove_node_from_stable_tree(box: Box, node: StableNode) -> None:
    """Its page is no more, or no longer merged: whoever shared it is on no list."""
    ksm = box.ksm
    assert ksm is not None
    items = [*reversed(node.items)]
    node.items.clear()
    for item in items:
        _unlist(box, item, last=item is items[-1])
        item.head = None
    if node.where == MIGRATED:
        ksm.migrate_nodes.remove(node)
    else:
        stable_node_dup_del(ksm, node)
    free_stable_node(box, node)


def get_ksm_page(box: Box, node: StableNode) -> int:
    """The frame of a merged page; 0 if the page is gone, as then the node is. Nobody but those who map the page has a
    reference to it: whether it is still there, it says itself."""
    if page_stable_node(box.memmap, node.kpfn) is node:
        return node.kpfn
    remove_node_from_stable_tree(box, node)
    return 0


def _remove_stable_node(box: Box, node: StableNode) -> None:
    """Forget a page that nobody maps. EBUSY if somebody does."""
    pfn = get_ksm_page(box, node)
    if pfn:
        if box.memmap.mapcount[pfn]:
            raise KernelError("EBUSY")
        box.memmap.mapping[pfn] = 0
        remove_node_from_stable_tree(box, node)


def remove_all_stable_nodes(box: Box) -> None:
    """Empty the stable trees. EBUSY if a page is still mapped."""
    ksm = box.ksm
    assert ksm is not None
    busy = False
    for root in ksm.stable:
        try:
            while root.node is not None:
                node = root.node
                assert isinstance(node, StableNode)
                for dup in [*node.dups] if node.is_chain else [node]:
                    _remove_stable_node(box, dup)
                if node.is_chain:
                    free_stable_node_chain(box, node, root)
        except KernelError:
            busy = True
    for node in [*ksm.migrate_nodes]:
        try:
            _remove_stable_node(box, node)
        except KernelError:
            busy = True
    if busy:
        raise KernelError("EBUSY")


def folio_migrate_ksm(box: Box, dst: int) -> None:
    """A merged page has moved to `dst`."""
    if box.memmap.flags[dst] & PG_KSM:
        node = page_stable_node(box.memmap, dst)
        if node is not None:
            node.kpfn = dst
