"""Caches of objects and what is mapped for the kernel: kmem_cache, vmalloc, kmap, fixmap, virt_to_phys."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from memsh.commands.types import gfp
from memsh.inspect import slabreport
from memsh.linux.include.flags import PAGE_SHIFT, PAGE_SIZE
from memsh.linux.mm.slab.api import (
    SLAB_ACCOUNT,
    SLAB_HWCACHE_ALIGN,
    SLAB_NOLEAKTRACE,
    SLAB_RECLAIM_ACCOUNT,
    SLAB_TYPESAFE_BY_RCU,
    KmemCache,
)
from memsh.shell import IO, Args, arg, command, opt, rest
from memsh.shell.errors import ShellError
from memsh.shell.values import address, count, size

if TYPE_CHECKING:
    from memsh.linux.box import Box

TOPIC = "kernel memory"
NAME = arg("name", help="the cache's name, as in /proc/slabinfo", words="cache")


CACHE_FLAGS = {"hwcache_align": SLAB_HWCACHE_ALIGN, "reclaim_account": SLAB_RECLAIM_ACCOUNT,
               "typesafe_by_rcu": SLAB_TYPESAFE_BY_RCU, "account": SLAB_ACCOUNT}  # fmt: skip


def find_cache(box: Box, name: str) -> KmemCache:
    cache = box.slab.named(name)
    if cache is None:
        close = [known for known in box.slab.caches if name in known]
        raise ShellError(f"no cache is called '{name}'" + (f" (did you mean {close[0]}?)" if close else ""))
    return cache


@command(
    NAME,
    arg("size", type=size, help="bytes an object"),
    opt("--align", type=size, default=0, help="alignment of each object in bytes"),
    opt("--hwcache-align", help="align to the CPU's cache lines (SLAB_HWCACHE_ALIGN)"),
    opt("--ctor", help="with a constructor: a free object keeps what it made"),
    opt("--reclaim-account", help="counted as reclaimable (SLAB_RECLAIM_ACCOUNT)"),
    opt("--typesafe-by-rcu", help="a freed object may still be read for a while (SLAB_TYPESAFE_BY_RCU)"),
    opt("--account", help="charged to memory cgroups (SLAB_ACCOUNT)"),
    opt("--merge", help="may share a cache with others alike; else it has SLAB_NOLEAKTRACE, and never does"),
    name="kmem_cache create", topic=TOPIC,
)  # fmt: skip
def kmem_cache_create(box: Box, args: Args, io: IO) -> int:
    """make a slab cache for objects of one size

    kmem_cache create teapot 1000

    With --merge nothing is told: /sys/kernel/slab/NAME leads to the cache that serves, maybe together with others.
    """
    flags = sum(flag for name, flag in CACHE_FLAGS.items() if getattr(args, name))
    if not args.merge:
        flags |= SLAB_NOLEAKTRACE
    elif not box.slab.attributes():
        raise ShellError("--merge: memsh merges caches of SLUB only")
    ctor = "myctor+0x0/0x10" if args.ctor else ""
    cache = box.slab.kmem_cache_create(args.name, args.size, args.align, flags, ctor)
    if not args.merge:
        io.out(slabreport.geometry(box, cache) + "\n")
    return 0


@command(
    NAME,
    arg("gfp", type=gfp, default="GFP_KERNEL", help="gfp flags", words="gfp"),
    name="kmem_cache alloc",
    topic=TOPIC,
)
def kmem_cache_alloc(box: Box, args: Args, io: IO) -> int:
    """take an object from a cache

    kmem_cache alloc dentry
    """
    report = slabreport.kmem_cache_alloc(box, find_cache(box, args.name), args.gfp)
    if not report.addr:
        raise ShellError("Cannot allocate memory")
    io.value(report.addr, report.note)
    return 0


@command(NAME, arg("addr", type=address, help="what kmem_cache alloc gave"), name="kmem_cache free", topic=TOPIC)
def kmem_cache_free(box: Box, args: Args, io: IO) -> int:
    """give an object back to its cache

    kmem_cache create teapot 1000; o=$(kmem_cache alloc teapot); kmem_cache free teapot $o
    """
    note = slabreport.kmem_cache_free(box, find_cache(box, args.name), args.addr)
    if note:
        io.out(note + "\n")
    return 0


@command(
    NAME,
    arg("count", type=count, help="how many objects"),
    arg("gfp", type=gfp, default="GFP_KERNEL", help="gfp flags", words="gfp"),
    name="kmem_cache alloc_bulk",
    topic=TOPIC,
)
def kmem_cache_alloc_bulk(box: Box, args: Args, io: IO) -> int:
    """take many objects from a cache at once

    kmem_cache alloc_bulk dentry 3

    Prints their addresses on one line. It is all or none of them.
    """
    addrs = box.slab.kmem_cache_alloc_bulk(find_cache(box, args.name), args.gfp, args.count)
    if args.count and not addrs:
        raise ShellError("Cannot allocate memory")
    io.out(" ".join(f"{addr:#x}" for addr in addrs) + "\n")
    return 0


@command(NAME, rest("addrs", type=address, help="what kmem_cache alloc or alloc_bulk gave", required=True),
         name="kmem_cache free_bulk", topic=TOPIC)  # fmt: skip
def kmem_cache_free_bulk(box: Box, args: Args, io: IO) -> int:
    """give many objects back to their cache at once

    o=$(kmem_cache alloc_bulk dentry 3); kmem_cache free_bulk dentry $o
    """
    io.out(slabreport.kmem_cache_free_bulk(box, find_cache(box, args.name), args.addrs) + "\n")
    return 0


@command(NAME, name="kmem_cache shrink", topic=TOPIC)
def kmem_cache_shrink(box: Box, args: Args, io: IO) -> int:
    """give a cache's empty slabs back to the buddy system

    kmem_cache shrink dentry
    """
    cache = find_cache(box, args.name)
    gone = box.slab.kmem_cache_shrink(cache)
    io.out(f"{gone} slab{'' if gone == 1 else 's'} went back to the buddy system\n")
    return 0


@command(NAME, name="kmem_cache destroy", topic=TOPIC)
def kmem_cache_destroy(box: Box, args: Args, io: IO) -> int:
    """remove a cache in which no object is in use

    kmem_cache create teapot 1000; kmem_cache destroy teapot
    """
    find_cache(box, args.name)
    box.slab.kmem_cache_destroy(args.name)
    return 0


# -- vmalloc -------------------------------------------------------------------


@command(
    arg("size", type=size, help="bytes; k, M, G allowed"),
    opt("--huge", help="in blocks of 2 MiB where it is long enough (vmalloc_huge)"),
    topic=TOPIC,
)
def vmalloc(box: Box, args: Args, io: IO) -> int:
    """allocate virtually contiguous kernel memory from scattered pages

    vmalloc 64k
    """
    if args.huge and not box.thp.available:
        raise ShellError("this kernel maps no huge pages here (HAVE_ARCH_HUGE_VMALLOC is x86_64's)")
    caller = box.arch.traces.huge_caller if args.huge else ""
    addr = box.vmalloc.vmalloc(args.size, caller, huge=bool(args.huge))
    if not addr:
        raise ShellError("Cannot allocate memory")
    pages = -(-args.size // PAGE_SIZE)
    with io.looking():
        frames = vmalloc_frames(box, addr)
        runs = 1 + sum(after != before + 1 for before, after in itertools.pairwise(frames))
    scattered = f"in {runs} physical run{'' if runs == 1 else 's'}" if frames else ""
    io.value(addr, f"{pages} page{'' if pages == 1 else 's'} {scattered} and a guard page".replace("  ", " "))
    return 0


def vmalloc_frames(box: Box, addr: int) -> list[int]:
    """The page frames behind a vmalloc area, in address order; empty when there is none at that address."""
    area = box.vmalloc.by_addr.get(addr)
    return list(area.pages or ()) if area is not None else []


@command(arg("addr", type=address, help="what vmalloc gave"), topic=TOPIC)
def vfree(box: Box, args: Args, io: IO) -> int:
    """free what vmalloc gave

    v=$(vmalloc 64k); vfree $v
    """
    box.vmalloc.vfree(args.addr)
    return 0


# -- highmem and addresses -----------------------------------------------------


@command(arg("pfn", type=count, help="a page frame number"), topic=TOPIC)
def kmap(box: Box, args: Args, io: IO) -> int:
    """give a page a kernel address: its own in the direct mapping, else a permanent kmap slot

    kmap $(alloc_page GFP_HIGHUSER)
    """
    addr = box.highmem.kmap(args.pfn)
    low = addr == (args.pfn << PAGE_SHIFT) + box.arch.page_offset
    note = "lowmem: its address in the direct mapping" if low else "HighMem: a slot of the permanent kmaps"
    if box.arch.zone_highmem < 0:
        note = "its address in the direct mapping, which reaches all of RAM: no HighMem here"
    io.value(addr, note)
    return 0


@command(arg("pfn", type=count, help="a page frame number"), topic=TOPIC)
def kunmap(box: Box, args: Args, io: IO) -> int:
    """undo one kmap of a page

    p=$(alloc_page GFP_HIGHUSER); kmap $p; kunmap $p
    """
    box.highmem.kunmap(args.pfn)
    return 0


@command(arg("addr", type=address, help="a kernel address"), topic=TOPIC, changes=False)
def virt_to_phys(box: Box, args: Args, io: IO) -> int:
    """the physical address behind an address of the direct mapping

    virt_to_phys 0xc1000000

    It subtracts PAGE_OFFSET and asks nobody. For a vmalloc or user address C gives the same wrong number.
    """
    note = "the direct mapping: minus PAGE_OFFSET"
    if not box.arch.page_offset <= args.addr < box.machine.layout.high_memory:
        where = (
            "a vmalloc address"
            if box.machine.layout.vmalloc_start <= args.addr < box.machine.layout.vmalloc_end
            else "outside the direct mapping"
        )
        note = f"wrong: {where}, where this subtraction means nothing; ask pagewalk"
    io.value((args.addr - box.arch.page_offset) % box.mmu.word_limit, note)
    return 0


@command(arg("phys", type=address, help="a physical address below the end of lowmem"), topic=TOPIC, changes=False)
def phys_to_virt(box: Box, args: Args, io: IO) -> int:
    """the address in the direct mapping of a physical address

    phys_to_virt 0x1000000
    """
    low = args.phys < box.machine.layout.high_memory - box.arch.page_offset
    note = (
        "the direct mapping: plus PAGE_OFFSET"
        if low
        else "wrong: HighMem has no address in the direct mapping; kmap its frame" if box.arch.zone_highmem >= 0
        else "wrong: beyond the end of RAM"
    )  # fmt: skip
    io.value((args.phys + box.arch.page_offset) % box.mmu.word_limit, note)
    return 0


@command(topic=TOPIC, changes=False)
def fixmap(box: Box, args: Args, io: IO) -> int:
    """the fixed mappings: slots whose addresses are known when the kernel is compiled

    fixmap
    """
    for name, addr, slots in box.highmem.fixmap():
        down = f"  {slots} slots, down to {addr - (slots - 1) * PAGE_SIZE:#010x}" if slots > 1 else ""
        io.out(f"{addr:#010x}  {name}{down}\n")
    return 0
