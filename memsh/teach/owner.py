"""`owner ADDR`: who took a frame or an object, and who gave it back.

The kernel keeps no such history. The session's journal does: it is replayed with the tracepoints on, stretch by stretch
between its checkpoints, the latest first, and the events that concern the address are told with the line that caused
each. What lies further back than some seconds of work lead is looked at with `owner -a` only, and the answer says so.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, NamedTuple

from memsh.linux.arch.x86.paging import walk
from memsh.linux.box import Box
from memsh.shell import IO, Args, ShellError, arg, command, opt
from memsh.shell.values import address
from memsh.teach.journal import Timeline

MOST = 40
PATIENCE = 4.0  # seconds after which no stretch further back is begun


class Target:
    """What is asked about: a page frame, and the address of an object in it (0: the frame alone)."""

    def __init__(self, box: Box, what: int) -> None:
        self.object = 0
        if what < box.memmap.frames:
            self.pfn = what
        elif what >= box.arch.page_offset:
            if what >= box.machine.layout.high_memory:
                raise ShellError(f"{what:#x}: a vmalloc or kmap address: ask whatis for its frames, then owner for one")
            self.pfn = (what - box.arch.page_offset) >> 12
            found = box.slab.object_at(what)
            if found is not None:
                self.object = found.addr
        else:
            pfn = walk(box.current.mm, what).pfn if box.current.mm is not None else None
            if pfn is None:
                raise ShellError(f"{what:#x}: no page there, so nobody owns one")
            self.pfn = pfn

    def words(self, event: tuple[Any, ...]) -> str:
        """What an event says about the target, "" if it concerns something else."""
        match event:
            case ("mm_page_alloc", pfn, order, *_) if pfn and pfn <= self.pfn < pfn + (1 << order):
                return "frame allocated" if not order else f"frame allocated, in an order-{order} block at {pfn:#x}"
            case ("mm_page_free", pfn, order) if pfn <= self.pfn < pfn + (1 << order):
                return "frame freed"
            case ("mm_page_free_batched", pfn) if pfn == self.pfn:
                return "frame freed"
            case ("kmalloc", _, addr, asked, *_) if addr == self.object and addr:
                return f"object given by kmalloc for {asked} bytes"
            case ("kmem_cache_alloc", _, name, addr, *_) if addr == self.object and addr:
                return f"object of {name} allocated"
            case ("kfree", _, addr) if addr == self.object and addr:
                return "object freed by kfree"
            case ("kmem_cache_free", _, name, addr) if addr == self.object and addr:
                return f"object of {name} freed"
        return ""


class Listener(deque[Any]):
    """Hears of all events: keeps what one says about the target, and no event."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target

    def __deepcopy__(self, memo: object) -> Listener:
        return Listener(self.target)  # what happens in a copy of the box (explain -n, compare) did not happen

    def append(self, event: Any) -> None:
        words = self.target.words(event)
        if words and (not self or self[-1] != words):
            super().append(words)


class History(NamedTuple):
    """(line number, line, what happened) in order, and how many lines before them were not looked at."""

    found: list[tuple[int, str, str]]
    left: int


def history(timeline: Timeline, target: Target, whole: bool) -> History:
    """What happened to the target, by replaying the journal; the session is as before afterwards."""
    entries, begun = timeline.entries, time.perf_counter()
    states = {state.at: state for state in timeline.points if state.whole and 0 < state.at < len(entries)}
    found: list[tuple[int, str, str]] = []
    last = len(entries)
    for first in sorted({0, *states}, reverse=True):
        if not whole and last < len(entries) and time.perf_counter() - begun > PATIENCE:
            break
        with timeline.away():
            timeline.enter(states[first] if first else timeline.fresh(), copy=first > 0)
            found = _stretch(timeline, target, first, last) + found
        last = first
    return History(found, last)


def _stretch(timeline: Timeline, target: Target, first: int, last: int) -> list[tuple[int, str, str]]:
    """What happened in entries [first, last), which are replayed from where the session now is."""
    session = timeline.session
    found = []
    for entry in timeline.entries[first:last]:
        if entry.after is not None or entry.script is not None:
            timeline.pass_by(entry)
            continue
        trace, heard = session.box.trace, Listener(target)
        trace.hear(heard)
        timeline.replay([entry.replay])
        session.box.trace.hear(None)
        found += [(entry.number, entry.line, words) for words in heard]
    return found


def load() -> None:
    """Importing this module declares its commands."""


@command(
    arg("addr", type=address, help="an address, or a page frame number below the end of RAM"),
    opt("-a", name="all", help="from the session's beginning, however long that takes"), topic="views", outside=True,
)  # fmt: skip
def owner(box: Box, args: Args, io: IO) -> None:
    """the history of a frame or an object: who took it, who gave it back

    k=$(kmalloc 64); owner $k

    It replays the session beside it with the tracepoints on, and changes nothing. Of a long one the latest lines are
    replayed first, for some seconds; where that was not all, the answer says so, and -a goes on to the beginning.
    """
    timeline = io.session.timeline
    if timeline is None or io.session.loops or io.session.source_depth:
        raise ShellError("history can be asked for at the prompt and in a script's own lines only")
    target = Target(box, args.addr)
    what = f"object {target.object:#x} in frame {target.pfn:#x}" if target.object else f"frame {target.pfn:#x}"
    found, left = history(timeline, target, args.all)
    before = f"the first {left} of {len(timeline.entries)} changes were not looked at: owner -a replays them, too\n"
    if not found:
        told = "nothing typed in this session took it or gave it back"
        io.out(f"{what}: {f'nothing since: {before}' if left else f'as boot left it; {told}' + chr(10)}")
        return
    io.out(f"{what}:\n{f'  {before}' if left else ''}")
    for number, line, words in found[-MOST:]:
        io.out(f'  {number:>4} "{line[: max(20, io.width - 50)]}": {words}\n')
