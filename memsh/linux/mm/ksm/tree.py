"""Looking for a page of the same contents (mm/ksm.c: stable_tree_search, stable_tree_insert,
unstable_tree_search_insert).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.lib.rbtree import RbNode, RbRoot
from memsh.linux.mm.ksm.items import (
    alloc_stable_node,
    alloc_stable_node_chain,
    chain_add_dup,
    collapse_chain,
    free_stable_node,
    free_stable_node_chain,
    get_ksm_page,
    stable_node_dup_del,
)
from memsh.linux.mm.ksm.merge import contents, get_mergeable_page
from memsh.linux.mm.ksm.types import (
    MIGRATED,
    STABLE,
    STEP_NSEC,
    TREE,
    UNSTABLE,
    Ksm,
    RmapItem,
    StableNode,
    page_stable_node,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box


def get_kpfn_nid(box: Box, pfn: int) -> int:
    """Whose trees a page belongs to."""
    assert box.ksm is not None
    return 0 if box.ksm.merge_across_nodes else box.pages.zone_of(pfn).node


def is_page_sharing_candidate(ksm: Ksm, node: StableNode, offset: int = 0) -> bool:
    """Whether somebody has the page, and so many more may."""
    return 0 < len(node.items) < ksm.max_page_sharing - offset


class Found:
    """Where a walk has come to. `node`: of the same contents, None if there is none; then a new one belongs below
    `parent`. `dup`: the one of the node's chain, or the node itself, that another may share; None if all are full."""

    __slots__ = ("dup", "left", "node", "parent")

    def __init__(self, parent: RbNode | None, left: bool, node: StableNode | None, dup: StableNode | None) -> None:
        self.parent = parent
        self.left = left
        self.node = node
        self.dup = dup


def _stable_node_dup(box: Box, chain: StableNode, root: RbRoot, prune: bool) -> tuple[StableNode, StableNode | None]:
    """(What stands in the tree for the chain then, the one of it that has most who share it and room for another)."""
    ksm = box.ksm
    assert ksm is not None
    now = box.timer.jiffies(box.arch.hz)
    delay = -(-ksm.stable_node_chains_prune_millisecs * box.arch.hz // 1000)
    prune = prune and (now - chain.prune_time & UINT_MAX) >= delay
    if prune:
        chain.prune_time = now
    found: StableNode | None = None
    there = 0
    for dup in [*chain.dups]:
        if not get_ksm_page(box, dup):
            continue
        there += 1
        if is_page_sharing_candidate(ksm, dup) and (found is None or len(dup.items) > len(found.items)):
            found = dup
            if not prune:
                break
    if found is None:
        return chain, None
    if prune and there == 1:
        collapse_chain(box, chain, root)
        return found, found
    if chain.dups[0] is not found and is_page_sharing_candidate(ksm, found, 1):
        chain.dups.remove(found)
        chain.dups.insert(0, found)
    return chain, found


def _walk(box: Box, root: RbRoot, pfn: int, *, prune: bool) -> Found:
    """Where a merged page with the contents of `pfn` is. Nodes on the way whose pages are gone go."""
    ksm, wanted = box.ksm, contents(box, pfn)
    assert ksm is not None
    while True:
        parent, at, left = None, root.node, False
        while at is not None:
            node = at
            assert isinstance(node, StableNode)
            ksm.nsec += STEP_NSEC
            if node.is_chain:
                node, dup = _stable_node_dup(box, node, root, prune)
            else:
                dup = node if is_page_sharing_candidate(ksm, node) else None
            some = dup
            if some is None:
                if node.is_chain and not node.dups:
                    free_stable_node_chain(box, node, root)
                    break
                some = node.dups[0] if node.is_chain else node
            there = get_ksm_page(box, some)
            if not there:
                break
            other = contents(box, there)
            if wanted == other:
                return Found(parent, left, node, dup)
            parent, left = node, wanted < other
            at = node.left if left else node.right
        else:
            return Found(parent, left, None, None)


def stable_tree_search(box: Box, pfn: int) -> int:
    """The merged page of the same contents that another may share, which is `pfn` itself if that is one; 0 if there
    is none."""
    ksm = box.ksm
    assert ksm is not None
    page_node = page_stable_node(box.memmap, pfn)
    if page_node is not None and page_node.where != MIGRATED:
        return pfn
    nid = get_kpfn_nid(box, pfn)
    root = ksm.stable[nid]
    found = _walk(box, root, pfn, prune=True)
    if found.node is None:
        if page_node is None:
            return 0
        _leave_migrated(ksm, page_node, nid)
        page_node.where = TREE
        root.insert(page_node, found.parent, found.left)
        return pfn if is_page_sharing_candidate(ksm, page_node) else 0
    if page_node is not None and box.memmap.mapcount[pfn] > 1:
        return _chain_append(box, found, page_node, nid, pfn)
    if found.dup is None:
        return 0
    if get_kpfn_nid(box, found.dup.kpfn) != found.dup.nid:
        return _replace(box, found.node, found.dup, page_node, nid, pfn)
    return found.dup.kpfn


def _leave_migrated(ksm: Ksm, node: StableNode, nid: int) -> None:
    ksm.migrate_nodes.remove(node)
    node.nid = nid


def _chain_append(box: Box, found: Found, page_node: StableNode, nid: int, pfn: int) -> int:
    """A merged page that has come from another node becomes one more of these contents here."""
    ksm, chain = box.ksm, found.node
    assert ksm is not None and chain is not None
    if not chain.is_chain:
        try:
            chain = alloc_stable_node_chain(box, chain, ksm.stable[nid])
        except KernelError:
            return 0
    _leave_migrated(ksm, page_node, nid)
    chain_add_dup(ksm, page_node, chain)
    return pfn if is_page_sharing_candidate(ksm, page_node) else 0


def _replace(
    box: Box, node: StableNode, dup: StableNode, page_node: StableNode | None, nid: int, pfn: int
) -> int:  # fmt: skip
    """The page that was found has moved to another node: its place here is that of `page_node`, if anybody's."""
    ksm = box.ksm
    assert ksm is not None
    root = ksm.stable[nid]
    if page_node is not None:
        _leave_migrated(ksm, page_node, nid)
    if dup is not node:
        stable_node_dup_del(ksm, dup)
        if page_node is not None:
            chain_add_dup(ksm, page_node, node)
    elif page_node is not None:
        page_node.where = TREE
        root.replace(dup, page_node)
    else:
        root.erase(dup)
    dup.where = MIGRATED
    ksm.migrate_nodes.insert(0, dup)
    return pfn if page_node is not None and is_page_sharing_candidate(ksm, page_node) else 0


def stable_tree_insert(box: Box, kpfn: int) -> StableNode | None:
    """A node for a page that has just been merged; None without memory."""
    ksm = box.ksm
    assert ksm is not None
    nid = get_kpfn_nid(box, kpfn)
    root = ksm.stable[nid]
    found = _walk(box, root, kpfn, prune=False)
    try:
        node = alloc_stable_node(box, kpfn, nid)
    except KernelError:
        return None
    if found.node is None:
        root.insert(node, found.parent, found.left)
        return node
    chain = found.node
    if not chain.is_chain:
        try:
            chain = alloc_stable_node_chain(box, chain, root)
        except KernelError:
            box.memmap.mapping[kpfn] = 0
            free_stable_node(box, node)
            return None
    chain_add_dup(ksm, node, chain)
    return node


def stable_tree_append(box: Box, item: RmapItem, node: StableNode) -> None:
    """The item's page is that of the node now."""
    ksm = box.ksm
    assert ksm is not None
    item.head = node
    item.where = STABLE
    if node.items:
        ksm.pages_sharing += 1
    else:
        ksm.pages_shared += 1
    node.items[item] = None
    box.vm.mms[item.mm].ksm_merging_pages += 1


def unstable_tree_search_insert(box: Box, item: RmapItem, pfn: int) -> tuple[RmapItem, int] | None:
    """A page of the same contents that has not changed either: (its item, its frame). If there is none, the item's is
    one that others find."""
    ksm = box.ksm
    assert ksm is not None
    nid = get_kpfn_nid(box, pfn)
    root = ksm.unstable[nid]
    wanted = contents(box, pfn)
    parent, at, left = None, root.node, False
    while at is not None:
        assert isinstance(at, RmapItem)
        ksm.nsec += STEP_NSEC
        tree_pfn = get_mergeable_page(box, at)
        if not tree_pfn or tree_pfn == pfn:
            return None
        other = contents(box, tree_pfn)
        if wanted == other:
            if not ksm.merge_across_nodes and box.pages.zone_of(tree_pfn).node != nid:
                return None
            return at, tree_pfn
        parent, left = at, wanted < other
        at = at.left if left else at.right
    item.where, item.seqnr, item.nid = UNSTABLE, ksm.full_scans, nid
    root.insert(item, parent, left)
    ksm.pages_unshared += 1
    return None


def insert_ranked(root: RbRoot, item: RmapItem, ranks: dict[RbNode, int]) -> None:
    """Put an item where comparing contents would, if `ranks` is in what order these were."""
    rank = ranks[item]
    parent, at, left = None, root.node, False
    while at is not None:
        parent, left = at, rank < ranks[at]
        at = at.left if left else at.right
    root.insert(item, parent, left)
