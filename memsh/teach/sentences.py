"""What the steps of a command mean: a sentence each, with the figures at that moment.

BEFORE is called as a kernel function is entered, with its arguments, AFTER as it returns, with what BEFORE answered.
The keys are those of memsh.teach.functions; a key that this kernel does not have is an error of a test.

**Known deviations:** a sentence tells of a zone's watermark once for each look at the zone list; a batch that crosses
several blocks is told by the first of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.linux.include.flags import MAX_ORDER, MIGRATE_NAMES
from memsh.linux.mm.page_alloc.watermark import (
    ALLOC_NO_WATERMARKS,
    ALLOC_WMARK_MASK,
    WMARK_LOW,
    wmark_pages,
    zone_watermark_fast,
)
from memsh.teach.sentences_ksm import OF_KSM_AFTER, OF_KSM_BEFORE
from memsh.teach.sentences_processes import OF_PROCESSES_AFTER, OF_PROCESSES_BEFORE

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.teach.recorder import Recorder

Teller = Callable[["Recorder", dict[str, Any]], Any]
PCP_MAX_ORDER = 3
LARGEST_CACHE = 8192  # bytes (KMALLOC_MAX_CACHE_SIZE)
MARKS = ("min", "low", "high")


def zone_steps(box: Box, gfp: int, order: int, flags: int = WMARK_LOW) -> list[str]:
    """Each zone that a request asks, until one may give: free pages, reserve, watermark (which one is in `flags`)."""
    told = []
    highest = box.arch.gfp_zones[gfp & 0xF]
    which = flags & ALLOC_WMARK_MASK
    if flags & ALLOC_NO_WATERMARKS:
        return ["the reserves are open to this request: no watermark counts"]
    for zone in box.pages.prepare_alloc_pages(gfp, box.pages.node).zones:
        mark, free = wmark_pages(zone, which), max(0, zone.stat_free)
        good = zone_watermark_fast(zone, order, mark, highest, flags, gfp)
        verdict = "it may give" if good else "not enough: the next zone"
        if not good and free - (1 << order) + 1 > mark + zone.lowmem_reserve[highest]:
            verdict = f"enough pages, but no block of order {order}: the next zone"
        told.append(f"zone {zone.name}: {free} pages free, {MARKS[which]} watermark {mark} + reserve "
                    f"{zone.lowmem_reserve[highest]}: {verdict}")  # fmt: skip
        if good:
            break
    return told


def _block(zone: Any, order: int, migratetype: int) -> tuple[int, int]:
    """(order, first frame) of the block that __rmqueue_smallest will take; (-1, 0) if there is none."""
    for current in range(order, MAX_ORDER):
        blocks = zone.lists[current << 2 | migratetype]
        if blocks:
            return current, next(reversed(blocks))
    return -1, 0


def _split(zone: Any, order: int, found: tuple[int, int]) -> str:
    current, pfn = found
    if current == order:
        return f"{zone.name} has a free block of order {order}, at frame {pfn:#x}: taken off its list"
    half = "its upper half goes to order" if current == order + 1 else "the upper halves go to orders"
    to = f"{order}" if current == order + 1 else f"{current - 1} down to {order}"
    none = f"{order}" if current == order + 1 else f"{order} to {current - 1}"
    return (f"no free block of order {none} in {zone.name}: the order-{current} block at frame {pfn:#x} is split, "
            f"{half} {to}")  # fmt: skip


class Request:
    """One call of __alloc_pages while it is told: where its pages came from."""

    def __init__(self, box: Box, order: int) -> None:
        self.box = box
        self.order = order
        self.looks = 0  # at the zone list
        self.begun = 0  # the step at which the request came
        self.refilled = self.buddy = self.slow = False


def _alloc_pages(story: Recorder, args: dict[str, Any]) -> Any:
    request = Request(story.box, args["order"])
    request.begun = len(story.steps)
    for text in zone_steps(story.box, args["gfp"], args["order"]) if args["order"] < MAX_ORDER else ():
        story.say(text)
    story.requests.append(request)
    return request


def _freelist(story: Recorder, args: dict[str, Any]) -> Any:
    """The first look, at the low watermark, was told as the request came."""
    request = story.requests[-1] if story.requests else None
    flags = args["alloc_flags"]
    first = request is not None and not request.looks
    if request is not None:
        request.looks += 1
    if not first or flags & ALLOC_WMARK_MASK != WMARK_LOW:
        for text in zone_steps(story.box, args["gfp"], args["order"], flags):
            story.say(text)


def _slowpath(story: Recorder, args: dict[str, Any]) -> Any:
    if story.requests:
        story.requests[-1].slow = True
    story.say("no zone may give above its low watermark: the slow path, down to the min watermark")


def _rmqueue_buddy(story: Recorder, args: dict[str, Any]) -> Any:
    if story.requests:
        story.requests[-1].buddy = True


def _allocated(story: Recorder, told: Request, pfn: Any) -> str:
    if story.requests and story.requests[-1] is told:
        story.requests.pop()
    box, order = told.box, told.order
    if not told.looks and pfn:
        story.inline(told.begun)
    if not pfn:
        return f"no zone gives a block of order {order}: the allocation fails"
    zone = box.pages.zone_of(pfn)
    what = f"frame {pfn:#x} of {zone.name}, order {order}"
    if order > PCP_MAX_ORDER or box.plain or told.buddy:
        return f"the buddy system gives {what}"
    if told.refilled:
        return f"this CPU's list, just filled from the free lists, gives {what}"
    return f"this CPU's list gives {what}: the free lists stay as they are"


def _smallest(story: Recorder, args: dict[str, Any]) -> Any:
    zone, order = args["zone"], args["order"]
    found = _block(zone, order, args["migratetype"])
    count = args.get("count", 1)
    if found[0] < 0:
        kind = MIGRATE_NAMES[args["migratetype"]]
        story.say(f"{zone.name} has no free {kind} block of order {order} or more")
    elif found[0] == order and count > 1:
        story.say(f"up to {count} blocks of order {order} are taken off {zone.name}'s lists, the first at frame "
                  f"{found[1]:#x}")  # fmt: skip
    else:
        story.say(_split(zone, order, found))


def _refill(story: Recorder, args: dict[str, Any]) -> Any:
    kind, order = MIGRATE_NAMES[args["migratetype"]], args["order"]
    if story.requests:
        story.requests[-1].refilled = True
    batch = args["pcp"].batch
    count = max(batch >> order, 2) if batch > 1 else batch
    story.say(f"this CPU's list of order-{order} {kind} blocks is empty: a batch of {count} comes from the free lists")


def _fallback(story: Recorder, args: dict[str, Any]) -> Any:
    kind = MIGRATE_NAMES[args["start_type"]]
    story.say(f"{args['zone'].name} has no {kind} block left that is large enough: one of another migrate type is "
              "taken over, the largest first")  # fmt: skip


def _drop(story: Recorder, args: dict[str, Any]) -> Any:
    return args["pfn"], args["order"], story.box.pages.zone_of(args["pfn"]), story.box


def _dropped(story: Recorder, told: Any, value: Any) -> str:
    pfn, order, zone, box = told
    if box.memmap.refcount[pfn] or order > PCP_MAX_ORDER or box.plain:
        return ""
    pages = f"frame {pfn:#x}" if not order else f"the order-{order} block at {pfn:#x}"
    return f"{pages} waits on this CPU's list of {zone.name} ({zone.pcp.count} pages there): buddyinfo does not show it"


def _overflow(story: Recorder, args: dict[str, Any]) -> Any:
    pcp = args["pcp"]
    story.say(f"this CPU's lists hold {pcp.count} pages (at most {pcp.high}): {args['count']} of them, the oldest, go "
              "back to the free lists")  # fmt: skip


def _free(story: Recorder, args: dict[str, Any]) -> Any:
    return args["pfn"], args["order"], args["zone"]


def _freed(story: Recorder, told: Any, order: Any) -> str:
    if order is None:
        return ""
    pfn, begun, zone = told
    if order == begun:
        return f"frame {pfn:#x} goes to the list of order {order} in {zone.name}: its buddy is not free"
    head = pfn & ~((1 << order) - 1)
    return f"frame {pfn:#x} merges with its free buddies to the order-{order} block at {head:#x} in {zone.name}"


def _object(story: Recorder, args: dict[str, Any]) -> Any:
    cache = args["cache"]
    story.say(f"{cache.name}: {story.box.slab.will_take(cache)}")


def _kmalloc(story: Recorder, args: dict[str, Any]) -> Any:
    if args["size"] > LARGEST_CACHE:
        story.say(f"{args['size']} bytes are more than any kmalloc cache has: whole pages from the page allocator")


def _wanted(story: Recorder, args: dict[str, Any]) -> Any:
    return args["size"]


def _fitting(story: Recorder, size: int, cache: Any) -> str:
    story.say(f"the smallest kmalloc cache that holds {size} bytes is {cache.name}")
    _object(story, {"cache": cache})
    return ""


def _grow(story: Recorder, args: dict[str, Any]) -> Any:
    cache = args["cache"]
    pages = 1 << cache.gfporder
    story.say(f"{cache.name}: no slab has a free object: a new slab of {cache.num} objects, {pages} "
              f"page{'s' * (pages > 1)}")  # fmt: skip


def _fault(story: Recorder, args: dict[str, Any]) -> Any:
    vma, kind = args["vma"], "write to" if args["write"] else "read from"
    what = vma.file.path if vma.file is not None else vma.name or "anonymous memory"
    story.say(f"page fault: {kind} {args['addr']:#x}, allowed by the area {vma.start:#x}-{vma.end:#x} ({what})")


def _brk(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"the heap's end moves from {args['mm'].brk:#x} to {args['brk']:#x}" if args.get("brk") else
              f"where the heap ends is asked: {args['mm'].brk:#x}")  # fmt: skip


def _none(story: Recorder, args: dict[str, Any]) -> Any:
    return True


def _mmap(story: Recorder, told: Any, found: Any) -> str:
    return f"the new area begins at {found[0]:#x}; no page of it is there yet" if found else ""


def _sysmalloc(story: Recorder, args: dict[str, Any]) -> Any:
    story.say("the top chunk is too small: memory comes from the system")


def _reclaim(story: Recorder, args: dict[str, Any]) -> Any:
    stat = story.box.vmstat
    lists = ("inactive_anon", "active_anon", "inactive_file", "active_file")
    told = ", ".join(f"{stat['nr_' + name]} {name}" for name in lists)
    swap = getattr(story.box, "swap", None)
    slots = f"; {swap.get_nr_swap_pages()} slots are free in the swap space" if swap is not None else ""
    story.say(f"this request has to free pages itself (direct reclaim); on the LRU lists are {told}{slots}")
    return True


def _reclaimed(story: Recorder, told: Any, pages: Any) -> str:
    return f"{pages} pages were reclaimed" if isinstance(pages, int) else ""


def _kswapd(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"kswapd is woken for {args['zone'].name}: it will free pages when the box's clock moves")


def _inactive(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"{args['nr_to_scan']} pages from the end of the {args['name']} list are looked at")
    return args["name"]


def _compact(story: Recorder, args: dict[str, Any]) -> Any:
    story.say("the pages are there, but not in one piece: used ones are moved together to make a block of order "
              f"{args['order']}")  # fmt: skip


def _oom(story: Recorder, args: dict[str, Any]) -> Any:
    story.say("nothing more can be reclaimed: the OOM killer chooses a process")
    return story.box.log.total


def killed(box: Box, told: int) -> list[str]:
    """What the OOM killer has done since the kernel log had `told` records."""
    log = box.log
    new = list(log.records)[max(0, len(log.records) - (log.total - told)) :] if log.total > told else []
    return [record.text.partition(" total-vm")[0] + ": its memory is free again"
            for record in new if "Killed process" in record.text]  # fmt: skip


def _killed(story: Recorder, told: int, value: Any) -> str:
    return (killed(story.box, told) or [""])[-1]


def _swap_out(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"frame {args['pfn']:#x} gets a slot in the swap space: its contents go to the disk")


def _swap_in(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"the page of {args['addr']:#x} is in the swap space: it has to be read back")


BEFORE: dict[str, Teller] = {
    "buddy.alloc_pages": _alloc_pages, "buddy.get_page_from_freelist": _freelist,
    "buddy._rmqueue_buddy": _rmqueue_buddy, "freearea.rmqueue_smallest": _smallest, "freearea.take_run": _smallest,
    "pcp.refill": _refill, "fallback.rmqueue_fallback": _fallback, "buddy.free_pages": _drop,
    "pcp.free_bulk": _overflow, "freearea.free_one_page": _free, "slab.kmem_cache_alloc": _object,
    "slub.kmem_cache_alloc": _object, "slub_caches.kmalloc_slab": _wanted, "slub.new_slab": _grow,
    "slab_common.kmalloc": _kmalloc, "slab_caches.kmalloc_slab": _wanted,
    "slab.cache_grow_begin": _grow, "fault.handle_mm_fault": _fault, "mmap.do_brk": _brk, "mmap.do_mmap": _none,
    "system.sysmalloc": _sysmalloc, "compaction.try_to_compact_pages": _compact,
    "slowpath.alloc_pages_slowpath": _slowpath, "vmscan.try_to_free_pages": _reclaim, "kswapd.wakeup": _kswapd,
    "shrink.shrink_inactive_list": _inactive, "oom_kill.out_of_memory": _oom, "swap.add_to_swap": _swap_out,
    "swapin.do_swap_page": _swap_in, **OF_PROCESSES_BEFORE, **OF_KSM_BEFORE,
}  # fmt: skip
AFTER: dict[str, Callable[[Recorder, Any, Any], str]] = {
    "buddy.alloc_pages": _allocated, "buddy.free_pages": _dropped, "freearea.free_one_page": _freed,
    "mmap.do_mmap": _mmap, "vmscan.try_to_free_pages": _reclaimed, "oom_kill.out_of_memory": _killed,
    "slab_caches.kmalloc_slab": _fitting, "slub_caches.kmalloc_slab": _fitting, **OF_PROCESSES_AFTER, **OF_KSM_AFTER,
}  # fmt: skip
