"""Watching a command run: calls into the kernel and libc, tracepoints, and what each step means in a sentence.

`sys.setprofile` sees every call while a command is being explained, and only then; the kernel itself knows nothing of
it. Figures in the sentences are read from the state at the moment of the call.

**Known deviations:** the walk down the zone list is told from the zones at the call of __alloc_pages, as the low
watermark; what the slow path tries after it shows as functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple

from memsh.kernel.buddy import gfp_zone
from memsh.kernel.flags import MAX_ORDER, MIGRATE_NAMES
from memsh.kernel.watermark import WMARK_LOW, wmark_pages, zone_watermark_fast
from memsh.procfs.tracing import event_text
from memsh.teach.functions import FUNCTIONS, Function

LIMIT = 2000
CALL, EVENT, SAY = "call", "event", "say"


class Step(NamedTuple):
    """One line of the story. `depth` counts Linux functions around it."""

    kind: str
    depth: int
    text: str
    function: Function | None = None


class Picture(NamedTuple):
    """The box at one step: free blocks by order and pages on this CPU's lists, by zone; the current process."""

    zones: tuple[tuple[str, tuple[int, ...], int], ...]
    process: str


def picture(box: Any) -> Picture:
    """What is shown beside a step of `explain --step`."""
    zones = tuple(
        (zone.name, tuple(zone.nr_blocks(order) for order in range(MAX_ORDER)), zone.pcp.count)
        for zone in box.pages.zones if zone.managed
    )  # fmt: skip
    task = box.current
    if task is None or task.mm is None:
        return Picture(zones, "")
    resident = sum(task.mm.rss[at] for at in (0, 1, 3)) * 4
    return Picture(zones, f"{task.comm}: RSS {resident} kB, minflt {task.minflt} majflt {task.majflt}")


Teller = Callable[["Recorder", dict[str, Any]], Any]


def zone_steps(box: Any, gfp: int, order: int) -> list[str]:
    """Each zone that a request asks, until one may give: free pages, reserve, watermark."""
    told = []
    highest = gfp_zone(gfp)
    for zone in reversed(box.pages.zones[: highest + 1]):
        if not zone.managed:
            continue
        mark, free = wmark_pages(zone, WMARK_LOW), max(0, zone.stat_free)
        good = zone_watermark_fast(zone, order, mark, highest, WMARK_LOW, gfp)
        verdict = "it may give" if good else "not enough: the next zone"
        if not good and free - (1 << order) + 1 > mark + zone.lowmem_reserve[highest]:
            verdict = f"enough pages, but no block of order {order}: the next zone"
        told.append(f"zone {zone.name}: {free} pages free, low watermark {mark} + reserve "
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


class Recorder:
    """`with Recorder(box) as story: …`; then `steps`, `calls` (into memsh.kernel and memsh.libc) and `cut`."""

    def __init__(self, box: Any, pictures: bool = False) -> None:
        self.box = box
        self.pictures: list[Picture] | None = [] if pictures else None  # one a step
        self.steps: list[Step] = []
        self.calls = 0
        self.cut = 0
        self.depth = 0
        self.known: dict[CodeType, tuple[Function | None, str] | None] = {}
        self.open: list[tuple[str, Any]] = []
        self.seen = box.trace.total
        self.was_on = box.trace.on
        self.kept = (list(box.trace.ring), list(box.trace.stamps), box.trace.total)
        self.before: Any = None
        self.mute: FrameType | None = None  # what a process did before main is no part of the story

    def __enter__(self) -> Recorder:
        self.box.trace.on = True
        self.before = sys.getprofile()
        sys.setprofile(self.profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self.before)
        self.events()
        trace = self.box.trace
        trace.on = self.was_on
        if not self.was_on:  # nobody asked for a record
            trace.clear()
            trace.ring.extend(self.kept[0])
            trace.stamps.extend(self.kept[1])
            trace.total = self.kept[2]

    def say(self, text: str) -> None:
        self.add(Step(SAY, self.depth, text))

    def add(self, step: Step) -> None:
        if len(self.steps) < 3 * LIMIT and self.calls <= LIMIT:
            self.steps.append(step)
            if self.pictures is not None:
                self.pictures.append(picture(self.box))
        else:
            self.cut += 1

    def events(self) -> None:
        """Tracepoints passed since the last look."""
        trace = self.box.trace
        new = trace.total - self.seen
        self.seen = trace.total
        if new > 0:
            ring = trace.ring
            for at in range(max(-new, -len(ring)), 0):
                if self.calls > LIMIT:
                    self.cut -= at
                    break
                self.add(Step(EVENT, self.depth, event_text(ring[at])))

    def look_up(self, code: CodeType) -> tuple[Function | None, str] | None:
        path = code.co_filename
        room = path.rpartition("/memsh/")[2].partition("/")[0]
        found = None
        if room in ("kernel", "libc") and code.co_name[0] != "<":
            key = f"{path.rpartition('/')[2][:-3]}.{code.co_name}"
            found = (FUNCTIONS.get(key), key)
        self.known[code] = found
        return found

    def profile(self, frame: FrameType, event: str, value: Any) -> None:
        if event == "call":
            code = frame.f_code
            found = self.known[code] if code in self.known else self.look_up(code)
            if found is None or self.mute is not None:
                return
            if found[1] == "process._before_main":
                self.mute = frame
                self.events()
                return
            self.calls += 1
            function, key = found
            if function is None:
                return
            if self.box.trace.total != self.seen:
                self.events()
            self.add(Step(CALL, self.depth, "", function))
            self.depth += 1
            teller = BEFORE.get(key)
            told = teller(self, frame.f_locals) if teller is not None and self.calls <= LIMIT else None
            self.open.append((key, told))
        elif event == "return":
            if self.mute is not None:
                if frame is self.mute:
                    self.mute = None
                    self.seen = self.box.trace.total
                return
            found = self.known.get(frame.f_code)
            if found is None or found[0] is None or not self.open:
                return
            if self.box.trace.total != self.seen:
                self.events()
            key, told = self.open.pop()
            after = AFTER.get(key)
            if after is not None and self.calls <= LIMIT:
                text = after(told, value)
                if text:
                    self.say(text)
            self.depth -= 1


def _alloc_pages(story: Recorder, args: dict[str, Any]) -> Any:
    for text in zone_steps(story.box, args["gfp"], args["order"]):
        story.say(text)
    zone = next((zone for zone in reversed(story.box.pages.zones[: gfp_zone(args["gfp"]) + 1]) if zone.managed), None)
    pcp = sum(len(pages) for pages in zone.pcp.lists) if zone is not None else 0
    return story.box, args["order"], pcp


def _allocated(told: Any, pfn: Any) -> str:
    if told is None:
        return ""
    box, order, _ = told
    if not pfn:
        return f"no zone gives a block of order {order}: the allocation fails"
    zone = box.pages.zone_of(pfn)
    how = "this CPU's list gives" if order <= 3 and not box.plain else "the result is"
    return f"{how} frame {pfn:#x} of {zone.name}, order {order}"


def _smallest(story: Recorder, args: dict[str, Any]) -> Any:
    found = _block(args["zone"], args["order"], args["migratetype"])
    if found[0] >= 0:
        story.say(_split(args["zone"], args["order"], found))
    else:
        kind = MIGRATE_NAMES[args["migratetype"]]
        story.say(f"{args['zone'].name} has no free {kind} block of order {args['order']} or more")
    return None


def _refill(story: Recorder, args: dict[str, Any]) -> Any:
    kind = MIGRATE_NAMES[args["migratetype"]]
    story.say(f"this CPU's list of order-{args['order']} {kind} blocks is empty: a batch comes from the free lists")
    return args["pcp"]


def _free(story: Recorder, args: dict[str, Any]) -> Any:
    return args["pfn"], args["order"], args["zone"]


def _freed(told: Any, order: Any) -> str:
    if told is None or order is None:
        return ""
    pfn, begun, zone = told
    if order == begun:
        return f"frame {pfn:#x} goes to the list of order {order} in {zone.name}: its buddy is not free"
    head = pfn & ~((1 << order) - 1)
    return f"frame {pfn:#x} merges with its free buddies to the order-{order} block at {head:#x} in {zone.name}"


def _object(story: Recorder, args: dict[str, Any]) -> Any:
    cache = args["cache"]
    if cache.entry:
        story.say(f"{cache.name}: {len(cache.entry)} free objects wait in this CPU's array cache, "
                  "the last one is taken")  # fmt: skip
    else:
        story.say(f"{cache.name}: this CPU's array cache is empty")
    return None


def _grow(story: Recorder, args: dict[str, Any]) -> Any:
    cache = args["cache"]
    pages = 1 << cache.gfporder
    story.say(f"{cache.name}: no slab has a free object: a new slab of {cache.num} objects, {pages} "
              f"page{'s' * (pages > 1)}")  # fmt: skip
    return None


def _fault(story: Recorder, args: dict[str, Any]) -> Any:
    vma, kind = args["vma"], "write to" if args["write"] else "read from"
    what = vma.file.path if vma.file is not None else vma.name or "anonymous memory"
    story.say(f"page fault: {kind} {args['addr']:#x}, allowed by the area {vma.start:#x}-{vma.end:#x} ({what})")
    return None


def _brk(story: Recorder, args: dict[str, Any]) -> Any:
    story.say(f"the heap's end moves from {args['mm'].brk:#x} to {args['brk']:#x}" if args.get("brk") else
              f"where the heap ends is asked: {args['mm'].brk:#x}")  # fmt: skip
    return None


def _mmap(told: Any, addr: Any) -> str:
    return f"the new area begins at {addr:#x}; no page of it is there yet" if isinstance(addr, int) else ""


def _sysmalloc(story: Recorder, args: dict[str, Any]) -> Any:
    story.say("the top chunk is too small: memory comes from the system")
    return None


BEFORE: dict[str, Teller] = {
    "buddy.alloc_pages": _alloc_pages, "freearea.rmqueue_smallest": _smallest, "freearea.take_run": _smallest,
    "pcp.refill": _refill, "freearea.free_one_page": _free, "slab.kmem_cache_alloc": _object,
    "slab.cache_grow_begin": _grow, "fault.handle_mm_fault": _fault, "mmap.do_brk": _brk,
    "system.sysmalloc": _sysmalloc,
}  # fmt: skip
AFTER: dict[str, Callable[[Any, Any], str]] = {
    "buddy.alloc_pages": _allocated, "freearea.free_one_page": _freed, "mmap.do_mmap": _mmap,
}  # fmt: skip
