"""What the steps of a command mean: malloc and its pools, faults, processes, freed objects, files, swap.

As memsh.teach.sentences, which merges these tables into its own. No known deviations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.linux.include.flags import VM_GROWSDOWN, VM_WRITE
from memsh.linux.mm.memory.outcome import COW, REUSE
from memsh.linux.mm.mmap.vmalist import find_vma

if TYPE_CHECKING:
    from memsh.teach.recorder import Recorder

Teller = Callable[["Recorder", dict[str, Any]], Any]
AROUND_SHIFT = 8


def pages(count: int) -> str:
    """`1 page`, `2 pages`."""
    return f"{count} page{'s' * (count != 1)}"


# -- malloc ---------------------------------------------------------------------------------------------------------


def _top(libc: Any) -> int:
    return int(libc.w[libc.av.top])


def _int_malloc(story: Recorder, args: dict[str, Any]) -> Any:
    libc = args["self"]
    return libc, _top(libc), len(story.steps)


def _from_pool(story: Recorder, told: Any, mem: Any) -> str:
    libc, top, begun = told
    if not mem or any(step.function is not None for step in story.steps[begun:]):
        return ""  # sysmalloc and the system calls below it say where the memory came from
    if mem - libc.hdr == top:
        left = libc.w[_top(libc) + libc.sz] & ~7
        return f"cut off the top chunk, the unused end of the heap ({left} bytes left in it): no system call"
    return "a free chunk of the heap is used again: no system call"


def _cached(story: Recorder, args: dict[str, Any]) -> Any:
    left = args["self"].tcache_count(args["cache"], args["index"]) - 1
    story.say(f"a chunk of this size waits in the thread's cache ({left} more there): no search, no system call")


def _to_cache(story: Recorder, args: dict[str, Any]) -> Any:
    count = args["self"].tcache_count(args["cache"], args["index"]) + 1
    story.say(f"the chunk is kept in the thread's cache (now {count} of its size): nothing goes back to the kernel")


def _own_mapping(story: Recorder, args: dict[str, Any]) -> Any:
    libc = args["self"]
    story.say(f"{args['nb']} bytes reach the mmap threshold ({libc.w[libc.mp.mmap_threshold]}): "
              "the chunk gets a mapping of its own")  # fmt: skip


def _unmapped(story: Recorder, args: dict[str, Any]) -> Any:
    story.say("the chunk has a mapping of its own: munmap gives all of it back to the kernel at once")


def _trimmed(story: Recorder, args: dict[str, Any]) -> Any:
    story.say("the free end of the heap is larger than the trim threshold: brk gives it back")


# -- faults ---------------------------------------------------------------------------------------------------------


def _user_fault(story: Recorder, args: dict[str, Any]) -> Any:
    mm, addr = args["task"].mm, args["addr"]
    vma = find_vma(mm, addr)
    if vma is None or (vma.start > addr and not vma.flags & VM_GROWSDOWN):
        story.say(f"no area of the process holds {addr:#x}: SIGSEGV")
    elif vma.start <= addr and not (vma.flags & VM_WRITE if args["write"] else vma.flags & 7):
        story.say(f"the area {vma.start:#x}-{vma.end:#x} does not allow to {'write' if args['write'] else 'read'}: "
                  "SIGSEGV")  # fmt: skip
    elif vma.start > addr:
        story.say(f"{addr:#x} lies below the stack's area, which may grow down to it")


def _anonymous(story: Recorder, args: dict[str, Any]) -> Any:
    if not args["write"]:
        story.say("nothing was ever written here: the one page of zeros is mapped, read-only; no memory is taken")
        return None
    return args["addr"]


def _fresh(story: Recorder, addr: int, value: Any) -> str:
    return f"the fresh page, cleared, is entered in the page table for {addr:#x}" if isinstance(value, int) else ""


def _write_protected(story: Recorder, args: dict[str, Any]) -> Any:
    story.say("the page is there, but write-protected: somebody else may see it, or it is the page of zeros")
    return True


def _settled(story: Recorder, told: Any, what: Any) -> str:
    if what == REUSE:
        return "nobody else has the page (any more): it is made writable, nothing is copied"
    return "copy-on-write: this process has a page of its own now, the others keep theirs" if what == COW else ""


def _file_fault(story: Recorder, args: dict[str, Any]) -> Any:
    return args["vma"].file.path


def _around(story: Recorder, path: str, what: Any) -> str:
    many = what >> AROUND_SHIFT if isinstance(what, int) else 0
    return f"{pages(many)} of {path} that the page cache had are mapped around the address" if many > 1 else ""


def _no_table(story: Recorder, args: dict[str, Any]) -> Any:
    shift = args["mm"].table_shift
    base = args["index"] << shift
    story.say(f"no page table yet for {base:#x}-{base + (1 << shift) - 1:#x}: it takes a page of its own")


# -- processes ------------------------------------------------------------------------------------------------------


def _copied(story: Recorder, args: dict[str, Any]) -> Any:
    vma = args["old"]
    if vma.anon_vma:
        story.say(f"{vma.start:#x}-{vma.end:#x}: only the page table entries are copied; what is private becomes "
                  "read-only on both sides until one of them writes")  # fmt: skip


def _exit_mm(story: Recorder, args: dict[str, Any]) -> Any:
    mm = args["mm"]
    story.say(f"the address space is taken apart: {len(mm.mmap)} areas, {pages(sum(mm.rss[at] for at in (0, 1, 3)))} "
              "resident; what nobody else maps is free again")  # fmt: skip


def _unmap(story: Recorder, args: dict[str, Any]) -> Any:
    mm, start = args["mm"], args["start"]
    end = start + (args["length"] + 4095 & ~4095)
    vma = find_vma(mm, start)
    if vma is not None and vma.start < end:
        story.say(f"the addresses {start:#x}-{end:#x} leave the process, with the pages they had")


# -- the kernel's own memory ----------------------------------------------------------------------------------------


def _to_array(story: Recorder, args: dict[str, Any]) -> Any:
    cache = args["cache"]
    words = story.box.slab.will_give(cache, args["addr"])
    if words:
        story.say(f"{cache.name}: {words}")


def _kfree(story: Recorder, args: dict[str, Any]) -> Any:
    found = story.box.slab.object_at(args["addr"]) if args["addr"] else None
    if found is not None:
        _to_array(story, {"cache": found.cache, "addr": args["addr"]})
    elif args["addr"]:
        story.say("no slab holds the address: its pages go straight back to the page allocator")


def _flush(story: Recorder, args: dict[str, Any]) -> Any:
    cache = args["cache"]
    info = story.box.slab.slabinfo(cache)
    story.say(f"{cache.name}: the array cache is full ({info.limit}): its {info.batchcount} oldest objects go back")


def _destroyed(story: Recorder, args: dict[str, Any]) -> Any:
    cache, dead = args["cache"], len(args["dead"])
    if dead:
        story.say(f"{cache.name}: {dead} empty slab{'s' * (dead > 1)} of {pages(1 << cache.gfporder)} "
                  f"({story.box.slab.keeps(cache)}): back to the page allocator")  # fmt: skip


def _discarded(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"{args['cache'].name}: the slab is empty, and its node has enough of these "
              f"({story.box.slab.keeps(args['cache'])}): its pages go back to the page allocator")  # fmt: skip


def _to_node(story: Recorder, args: dict[str, Any]) -> Any:
    if args["slab"] is not None:
        story.say(f"{args['cache'].name}: the CPU's partial slabs move on to the end of their node's list")


def _leaves_cpu(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"{args['cache'].name}: the CPU gives its slab up; what is free of it joins the slab's own list")


def _new_cache(story: Recorder, args: dict[str, Any]) -> Any:
    return True


def _cache_made(story: Recorder, told: Any, cache: Any) -> str:
    if cache is None:
        return ""
    return (f"{cache.num} objects of {cache.size} bytes fit into a slab of {pages(1 << cache.gfporder)}; no slab is "
            "made before the first object is wanted")  # fmt: skip


def _area(story: Recorder, args: dict[str, Any]) -> Any:
    return args["size"]


def _area_found(story: Recorder, size: int, area: Any) -> str:
    if area is None:
        return "the vmalloc area has no hole that is large enough"
    return (f"the lowest hole that fits begins at {area.addr:#x}: {pages(area.size >> 12)} of addresses, the last of "
            "them a guard that nothing is mapped at")


def _vfree(story: Recorder, args: dict[str, Any]) -> Any:
    area = story.box.vmalloc.by_addr.get(args["addr"])
    if area is not None and area.pages:
        story.say(f"the pages at {area.addr:#x} go back one by one ({len(area.pages)}); its addresses wait until many "
                  "are purged together")  # fmt: skip


def _kmap(story: Recorder, args: dict[str, Any]) -> Any:
    slots = getattr(args["self"], "slot_of", None)  # a machine without high memory has none
    return (args["pfn"], args["pfn"] in slots, slots) if slots is not None else None


def _kmapped(story: Recorder, told: Any, addr: Any) -> str:
    pfn, known, slots = told
    if not isinstance(addr, int) or pfn not in slots:  # refused, or low memory, which needs none
        return ""
    return f"frame {pfn:#x} {'has' if known else 'gets'} a slot of the permanent kmaps, at {addr:#x}"


# -- files and swap -------------------------------------------------------------------------------------------------


def _read_ahead(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"{args['count']} pages from page {args['index']} of the file on are wanted in the page cache: those "
              "that are missing are read from the disk")  # fmt: skip


def _wait(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"page {args['index']} is still on its way from the disk: the process waits, the box's clock moves")


def _written(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"{len(args['text'])} bytes go into the page cache; its pages are dirty until the flusher writes them")


def _dropped(story: Recorder, args: dict[str, Any]) -> Any:
    mapping = args["mapping"]
    if len(mapping.pages):
        story.say(f"the file has {pages(len(mapping.pages))} in the page cache: those that are clean and not mapped go")


def _swapped_on(story: Recorder, args: dict[str, Any]) -> Any:
    return True


def _area_on(story: Recorder, told: Any, area: Any) -> str:
    swap = story.box.swap
    return f"the swap space has {swap.get_nr_swap_pages()} free slots of a page now" if area is not None else ""


OF_PROCESSES_BEFORE: dict[str, Teller] = {
    "intmalloc.int_malloc": _int_malloc, "tcache.tcache_get": _cached, "tcache.tcache_put": _to_cache,
    "system.sysmalloc_mmap": _own_mapping, "trim.munmap_chunk": _unmapped, "trim.systrim": _trimmed,
    "fault.do_user_addr_fault": _user_fault, "fault._do_anonymous_page": _anonymous,
    "anon.do_wp_page": _write_protected, "filefault._do_read_fault": _file_fault, "paging._pte_alloc": _no_table,
    "mmlife.copy_page_range": _copied, "mmlife.exit_mmap": _exit_mm, "mmap.do_munmap": _unmap,
    "slab.kmem_cache_free": _to_array, "slab_common.kfree": _kfree, "slab.cache_flusharray": _flush,
    "slab.slabs_destroy": _destroyed, "slab_caches.kmem_cache_create": _new_cache,
    "slub_caches.kmem_cache_create": _new_cache, "slub.kmem_cache_free": _to_array, "slub.discard_slab": _discarded,
    "slub.unfreeze_partials": _to_node, "slub.deactivate_slab": _leaves_cpu,
    "vmalloc._get_vm_area": _area, "vmalloc.vfree": _vfree, "highmem.kmap": _kmap,
    "readahead.page_cache_ra": _read_ahead, "readahead.wait_on_page": _wait, "filemap.filemap_write": _written,
    "pagecache.invalidate_mapping_pages": _dropped, "swapon.swapon": _swapped_on,
}  # fmt: skip
OF_PROCESSES_AFTER: dict[str, Callable[[Recorder, Any, Any], str]] = {
    "intmalloc.int_malloc": _from_pool, "fault._do_anonymous_page": _fresh, "anon.do_wp_page": _settled,
    "filefault._do_read_fault": _around, "slab_caches.kmem_cache_create": _cache_made,
    "slub_caches.kmem_cache_create": _cache_made,
    "vmalloc._get_vm_area": _area_found, "highmem.kmap": _kmapped, "swapon.swapon": _area_on,
}  # fmt: skip
