"""The kernel's own requests: alloc_pages and its kin, kmalloc and its."""

from __future__ import annotations

from memsh.commands.draw import plural
from memsh.commands.types import gfp
from memsh.inspect import pagereport, slabreport
from memsh.linux.box import Box
from memsh.shell import arg, command, opt
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args
from memsh.shell.values import address, count, size

TOPIC = "kernel memory"
GFP = arg(
    "gfp",
    type=gfp,
    default="GFP_KERNEL",
    help="gfp flags: GFP_KERNEL, GFP_ATOMIC, 'GFP_KERNEL|GFP_DMA', …",
    words="gfp",
)

NODE = opt("--node", type=count, help="the node to look at first (x86_64 with --nodes)")


def kib(pages: int) -> str:
    """`order 0, 4 KiB`'s second half: pages as KiB or MiB."""
    return f"{pages * 4} KiB" if pages < 256 else f"{pages // 256} MiB"


# -- pages -------------------------------------------------------------------


def _alloc_pages(box: Box, order: int, flags: int, node: int | None, io: IO) -> int:
    if node is not None and not 0 <= node < len(box.pages.nodes):
        raise ShellError(f"there is no node {node}: this machine has {plural(len(box.pages.nodes), 'node')}")
    report = pagereport.alloc_pages(box, flags, order, nid=-1 if node is None else node)
    if not report.pfn:
        raise ShellError("Cannot allocate memory")
    io.value(report.pfn, report.note)
    return 0


@command(arg("order", type=count, help="0 to 10: the block has 2^order pages"), GFP, NODE, topic=TOPIC)
def alloc_pages(box: Box, args: Args, io: IO) -> int:
    """take a block of 2^ORDER pages from the buddy system

    alloc_pages 4

    Yields the page frame number (pfn) of the first page. The note tells which free list served: this CPU's
    list, a block that had to be split, or a list of another migrate type. With --node the search begins at that
    node's zones; __GFP_THISNODE among the flags ends it there (zonelist shows the order).
    """
    return _alloc_pages(box, args.order, args.gfp, args.node, io)


@command(GFP, NODE, topic=TOPIC)
def alloc_page(box: Box, args: Args, io: IO) -> int:
    """take one page from the buddy system

    alloc_page GFP_HIGHUSER
    """
    return _alloc_pages(box, 0, args.gfp, args.node, io)


@command(
    arg("pfn", type=count, help="the page frame number that alloc_pages gave"),
    arg("order", type=count, default=None, help="the order it was taken with (default: the one recorded)"),
    topic=TOPIC,
)
def free_pages(box: Box, args: Args, io: IO) -> int:
    """give a block of pages back to the buddy system

    p=$(alloc_pages 4); free_pages $p 4
    """
    order = args.order
    if order is None:
        order = box.memmap.order[args.pfn] if 0 < args.pfn < box.memmap.frames else 0
    problem = box.pages.bad_free(args.pfn, order)
    if problem:
        raise ShellError(problem)
    io.out(pagereport.free_pages(box, args.pfn, order).note + "\n")
    return 0


@command(topic=TOPIC)
def drain_all_pages(box: Box, args: Args, io: IO) -> int:
    """give the pages on every CPU's lists back to the buddy system

    drain_all_pages
    """
    before = sum(zone.pcp.count for zone in box.pages.zones)
    box.pages.drain_all_pages()
    after = sum(zone.pcp.count for zone in box.pages.zones)
    io.out(f"{before - after} pages went from the per-CPU lists to the buddy lists\n")
    return 0


# -- kmalloc -----------------------------------------------------------------


def _kmalloc(box: Box, args: Args, io: IO, flags: int) -> int:
    report = slabreport.kmalloc(box, args.size, flags)
    if not report.addr:
        raise ShellError("Cannot allocate memory")
    io.value(report.addr, report.note)
    return 0


@command(arg("size", type=size, help="bytes; k, M, G allowed"), GFP, topic=TOPIC)
def kmalloc(box: Box, args: Args, io: IO) -> int:
    """allocate physically contiguous kernel memory

    kmalloc 64

    Up to 8 KiB from the kmalloc caches, above that whole pages. The address lies in the direct mapping.
    """
    return _kmalloc(box, args, io, args.gfp)


@command(arg("size", type=size, help="bytes; k, M, G allowed"), GFP, topic=TOPIC)
def kzalloc(box: Box, args: Args, io: IO) -> int:
    """kmalloc, filled with zeros

    kzalloc 64
    """
    return _kmalloc(box, args, io, args.gfp | 0x100)


@command(arg("addr", type=address, help="what kmalloc gave"), topic=TOPIC)
def kfree(box: Box, args: Args, io: IO) -> int:
    """free what kmalloc gave

    k=$(kmalloc 64); kfree $k
    """
    note = slabreport.kfree(box, args.addr)
    if note:
        io.out(note + "\n")
    return 0


@command(arg("addr", type=address, help="what kmalloc gave"), topic=TOPIC, changes=False)
def ksize(box: Box, args: Args, io: IO) -> int:
    """the usable size of what kmalloc gave

    k=$(kmalloc 100); ksize $k
    """
    io.value(box.slab.ksize(args.addr), "bytes usable", dec=True)
    return 0
