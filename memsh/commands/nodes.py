"""The memory nodes of a machine, as the page allocator sees them."""

from __future__ import annotations

from memsh.linux.box import Box
from memsh.shell import IO, Args, command


@command(topic="kernel memory")
def zonelist(box: Box, args: Args, io: IO) -> None:
    """which zones a page request tries, node by node

    zonelist

    `fallback` is what a request from that node's CPUs does; `nofallback` is what __GFP_THISNODE allows. Zones without
    memory are in neither.
    """
    nodes = box.pages.nodes
    for node in nodes:
        for name, thisnode in (("fallback", False), ("nofallback", True)):
            zones = " ".join(f"{zone.node}/{zone.name}" for zone in node.zonelist(nodes, thisnode))
            io.out(f"node {node.nid} {name}: {zones}\n")
