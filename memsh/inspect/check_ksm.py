"""What must hold for merged pages: ksmd's lists, trees and counters agree. (The reverse map may miss a mapping: of a
process that has forked off since, of an area that was PROT_NONE when it gave up merging.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.ksm.types import DUP, MIGRATED, STABLE, TREE, UNSTABLE, Ksm, StableNode, page_stable_node
from memsh.linux.mm.rmap.rmap import rmap_walk

if TYPE_CHECKING:
    from memsh.linux.box import Box


def check_ksm(box: Box) -> list[str]:
    """Every breach, one line each."""
    wrong: list[str] = []
    ksm = box.ksm
    if ksm is not None:
        ksm.ksmd.settle()
        nodes = _nodes(ksm, wrong)
        _check_items(ksm, wrong)
        numbers = {one.number for one in box.memmap.owners if isinstance(one, StableNode)}
        if numbers != {node.number for node in nodes}:
            wrong.append("ksm: nodes that no tree has, or that no page can name")
        for node in nodes:
            pfn = node.kpfn
            if page_stable_node(box.memmap, pfn) is node:
                known, maps = len(rmap_walk(box, pfn)), box.memmap.mapcount[pfn]
                if known > maps:
                    wrong.append(f"frame {pfn:x}: mapped {maps} times, of which ksm knows {known}")
    return wrong


def _nodes(ksm: Ksm, wrong: list[str]) -> list[StableNode]:
    """The merged pages of all trees, each where it says it is."""
    found: list[StableNode] = []
    chains = dups = 0
    for root in ksm.stable:
        for node in root:
            assert isinstance(node, StableNode)
            if node.is_chain:
                chains += 1
                dups += len(node.dups)
                found += node.dups
                wrong += ["ksm: a page is on another chain" for dup in node.dups
                          if dup.where != DUP or dup.chain is not node]  # fmt: skip
            else:
                found.append(node)
                wrong += ["ksm: a page is not in its tree"] * (node.where != TREE)
    wrong += ["ksm: a page is not on its list"] * any(node.where != MIGRATED for node in ksm.migrate_nodes)
    found += ksm.migrate_nodes
    for what, kept, counted in (
        ("stable_node_chains", ksm.stable_node_chains, chains), ("stable_node_dups", ksm.stable_node_dups, dups),
        ("pages_shared", ksm.pages_shared, sum(bool(node.items) for node in found)),
        ("pages_sharing", ksm.pages_sharing, sum(max(0, len(node.items) - 1) for node in found)),
    ):  # fmt: skip
        if kept != counted:
            wrong.append(f"ksm: {what} is {kept}, counted {counted}")
    listed = {id(item) for node in found for item in node.items}
    stable = {id(item) for slot in ksm.slots for item in slot.rmap_list if item.where == STABLE}
    if listed != stable:
        wrong.append(f"ksm: {len(listed)} share pages, {len(stable)} say so")
    return found


def _check_items(ksm: Ksm, wrong: list[str]) -> None:
    items = [item for slot in ksm.slots for item in slot.rmap_list]
    unstable = sum(item.where == UNSTABLE for item in items)
    if (len(items), unstable) != (ksm.rmap_items, ksm.pages_unshared):
        wrong.append(f"ksm: {ksm.rmap_items} items, {ksm.pages_unshared} of them unshared, counted {len(items)} and "
                     f"{unstable}")  # fmt: skip
    for slot in ksm.slots:
        places = [item.address for item in slot.rmap_list]
        if places != sorted(set(places)):
            wrong.append(f"ksm: the items of mm {slot.mm} are out of order")
    trees = sum(1 for root in ksm.unstable for _ in root)
    if ksm.slot is not None and trees != sum(item.where == UNSTABLE and item.seqnr == ksm.full_scans for item in items):
        wrong.append(f"ksm: {trees} pages in the unstable trees, not as many say so")
