"""The heap of the current process as malloc keeps it: chunks in order of address, free lists, the top, thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from memsh.commands.acting import user_of
from memsh.commands.draw import human, plural, table
from memsh.libc.abi import NBINS, NSMALLBINS, PAGE, TCACHE_MAX_BINS
from memsh.linux.box import Box
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.mm.memory import uaccess
from memsh.linux.mm.memory.outcome import Segfault
from memsh.shell import command, opt
from memsh.shell.errors import ShellError
from memsh.shell.io import IO
from memsh.shell.registry import Args

if TYPE_CHECKING:
    from memsh.libc.malloc import Malloc

TOPIC = "views"
SHOWN = 24  # chunks shown without --all
FEW = 3  # addresses shown of a list


class Chunk(NamedTuple):
    """A piece of the heap: `mem` is what the program knows it by."""

    mem: int
    size: int  # bytes, header included
    state: str


class Lists(NamedTuple):
    """What lies on malloc's free lists: names with addresses in order, and each chunk's list by its address."""

    rows: list[tuple[str, list[int]]]
    where: dict[int, str]
    problems: list[str]


class Peek:
    """Reads words of the heap's size without touching anything. LookupError where no page is mapped."""

    def __init__(self, box: Box, task: Any, heap: Malloc) -> None:
        self.box = box
        self.task = task
        self.size, self.low = heap.sz, heap.low

    def __call__(self, addr: int) -> int:
        data = uaccess.peek(self.box, self.task, addr & self.low, self.size)
        if data is None:
            raise LookupError(f"nothing at {addr & self.low:#x}")
        return int.from_bytes(data, "little")


def _chain(peek: Peek, first: int, link: int, end: int, mangled: bool, limit: int) -> tuple[list[int], str]:
    """The chunks of one list; a word if it is broken."""
    found: list[int] = []
    at = first
    while at != end:
        if len(found) >= limit or at in found[-8:]:
            return found, "goes in a circle"
        found.append(at)
        try:
            at = (at + link) >> 12 ^ peek(at + link) if mangled else peek(at + link)
        except LookupError:
            return found, f"leads to {at:#x}, which is not mapped"
        if at & 7 and at != end:  # headers of bins are words apart, chunks more
            return found, f"leads to {at:#x}, which is no chunk"
    return found, ""


def free_lists(peek: Peek, heap: Malloc) -> Lists:
    """tcache, fast bins, unsorted list, small and large bins that hold anything."""
    rows: list[tuple[str, list[int]]] = []
    where: dict[int, str] = {}
    problems: list[str] = []

    def add(name: str, kind: str, first: int, link: int, end: int, mangled: bool, limit: int) -> None:
        chunks, problem = _chain(peek, first, link, end, mangled, limit)
        if chunks:
            shift = 0 if kind == "tcache" else heap.hdr
            rows.append((name, [p + shift for p in chunks]))
            for p in chunks:
                where[p + shift] = kind
        if problem:
            problems.append(f"{name} {problem}")

    abi, av = heap.abi, heap.av
    cache = peek(heap.tcache)
    for index in range(TCACHE_MAX_BINS if cache else 0):
        place = 2 * index & heap.sz - 1
        count = peek(cache + 2 * index - place) >> 8 * place & 0xFFFF
        if count:
            first = peek(cache + abi.tcache_entries + index * heap.sz)
            add(f"tcache {index * abi.alignment + abi.minsize}", "tcache", first, 0, 0, True, count)
    for index in range(abi.nfastbins):
        first = peek(av.fastbins + index * heap.sz)
        if first:
            add(f"fast {index + 2 << abi.fast_shift}", "fast bin", first, heap.fd, 0, True, 1 << 16)
    for index in range(1, NBINS):
        header = heap.bin_at(index)
        first = peek(header + heap.bk)
        if first not in (header, 0):
            kind = "unsorted" if index == 1 else "small bin" if index < NSMALLBINS else "large bin"
            small = index - abi.small_shift << 4
            size = f" {small}" if kind == "small bin" else "" if index == 1 else f" #{index}"
            add(kind.removesuffix(" bin") + size, kind, first, heap.bk, header, False, 1 << 16)
    return Lists(rows, where, problems)


def chunks(peek: Peek, heap: Malloc, lists: Lists) -> Iterator[Chunk]:
    """From the heap's start to its top, one after the other; ends early, with a word, where a size makes no sense."""
    for first, end in pieces(peek, heap):
        yield from _chunks(peek, heap, lists, first, end)


def pieces(peek: Peek, heap: Malloc) -> list[tuple[int, int]]:
    """Where the arena's memory begins and ends, the newest heap of a thread's arena last; the end is the top chunk."""
    top, info = peek(heap.av.top), heap.abi.heap_info
    if not heap.non_main:
        at = peek(heap.mp.sbrk_base)
        return [(at + (-(at + heap.hdr) & 15), top)]
    found: list[tuple[int, int]] = []
    at, end = heap.heap_for_ptr(top), top
    while at:
        before = peek(at + heap.sz)
        start = at + info if before else heap.av.size
        found.append((start + (-(start + heap.hdr) & 15), end))
        end = before + peek(before + 2 * heap.sz) if before else 0
        at = before
    return found[::-1]


def _chunks(peek: Peek, heap: Malloc, lists: Lists, at: int, top: int) -> Iterator[Chunk]:
    cache, header = peek(heap.tcache), heap.hdr
    while at < top:
        head = peek(at + heap.sz)
        size = head & ~7
        if size < heap.minsize or size & 15 or at + size > top:
            if size != header:
                yield Chunk(at + header, size, f"corrupt: size {head:#x}")
            else:
                fence = "fence: the end of a heap" if heap.non_main else "fence: the break was moved by others"
                yield Chunk(at + header, size, fence)
            return
        mem = at + header
        state = lists.where.get(mem, "in use")
        yield Chunk(mem, size, "the thread's cache itself" if mem == cache else state)
        at += size


def _thresholds(peek: Peek, heap: Malloc) -> list[str]:
    mp, top = heap.mp, peek(heap.av.top)
    size, trim, pad = peek(top + heap.sz) & ~7, peek(mp.trim_threshold), peek(mp.top_pad)
    lines = [
        f"top {top + heap.hdr:#x}: {human(size)}",
        f"  trim threshold {human(trim)}, pad {human(pad)}",
    ]
    extra = max(0, size - heap.minsize - 1 - pad) & -PAGE
    if size < trim:
        lines.append("  top is below that threshold: no free gives its end back;")
        lines.append("  what is free below top stays too (but for malloc_trim)")
    elif not extra:
        lines.append("  top has no page to spare beyond the pad: nothing goes back")
    else:
        lines.append(f"  a free that leaves 64 KiB in one piece gives {human(extra)} back")
    place = mp.n_mmaps % heap.sz
    count = peek(mp.n_mmaps - place) >> 8 * place & UINT_MAX
    mapped = plural(count, "mapped block")
    lines.append(f"mmap from {human(peek(mp.mmap_threshold))} on; {mapped}, {human(peek(mp.mmapped_mem))}")
    return lines


def _some(addresses: list[int]) -> str:
    shown = " ".join(f"{mem:#x}" for mem in addresses[:FEW])
    return f"{shown} …" if len(addresses) > FEW else shown


@command(opt("-a", "--all", help="every chunk, not only the first and last"), topic=TOPIC)
def heap(box: Box, args: Args, io: IO) -> None:
    """the current process's heap: chunks, bins, the thread's cache, and why a free gave nothing back

    heap

    Addresses are what malloc gave; sizes include the header: one word, of mapped blocks two. Chunks in the cache and in
    fast bins still count as used by their neighbours, so they are not joined. Nothing is touched by looking. A thread
    sees the heap of its own arena.
    """
    user = user_of(box, looking=True)
    try:
        mine = user.malloc()
    except Segfault as fault:  # looking reads what the program's own segments hold
        raise ShellError(f"the C library's own data is gone: nothing at {fault.addr:#x}") from None
    with io.looking():  # what came before may have written the library's variables: no Ctrl-C in there
        try:
            text = _told(Peek(box, user.task, mine), mine, args.all)
        except LookupError as error:
            raise ShellError(f"the arena is corrupt: {error}") from None
    io.out(text)


def _told(peek: Peek, mine: Malloc, everything: bool) -> str:
    if mine.tls:
        arena = peek(mine.thread_arena)
        if not arena:
            return "The thread has no arena: it has not allocated anything yet.\n"
        mine.use(arena)
    if peek(mine.av.top) in (0, mine.unsorted):
        return "The heap is untouched: nothing was allocated yet.\n"
    return _shown(peek, mine, everything)


def _shown(peek: Peek, mine: Malloc, everything: bool) -> str:
    lists = free_lists(peek, mine)
    found = list(chunks(peek, mine, lists))
    shown: list[Chunk | None] = [*found]
    if len(found) > SHOWN and not everything:
        shown = [*found[: SHOWN // 2], None, *found[-SHOWN // 2 :]]
    rows: list[tuple[object, ...]] = [("chunk", "size", "")]
    for chunk in shown:
        if chunk is None:
            rows.append(("…", len(found) - SHOWN, "more (heap -a)"))
        else:
            rows.append((f"{chunk.mem:#x}", chunk.size, chunk.state))
    text = [table(rows, "<><")]
    if lists.rows:
        listed: list[tuple[object, ...]] = [("list", "chunks", "next to be taken first")]
        listed += [(name, len(places), _some(places)) for name, places in lists.rows]
        text.append(table(listed, "<><"))
    text += [f"corrupt: {problem}\n" for problem in lists.problems]
    used = sum(chunk.size for chunk in found if chunk.state == "in use")
    how = "by brk"
    if mine.non_main:
        how = f"in the arena at {mine.arena:#x}, {plural(len(pieces(peek, mine)), 'heap')}"
    text.append(f"{human(peek(mine.av.system_mem))} {how}, {human(used)} in use by the program\n")
    text += [line + "\n" for line in _thresholds(peek, mine)]
    return "".join(text)
