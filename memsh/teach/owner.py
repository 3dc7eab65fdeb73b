"""`owner ADDR`: who took a frame or an object, and who gave it back.

The kernel keeps no such history. The session's journal does: it is replayed on a fresh box with the tracepoints on, and
the events that concern the address are told with the line that caused each.
"""

from __future__ import annotations

from typing import Any

from memsh.linux.arch.x86.paging import walk
from memsh.linux.box import Box
from memsh.shell import IO, Args, ShellError, arg, command
from memsh.shell.values import address
from memsh.teach.journal import Timeline

MOST = 40


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


def history(timeline: Timeline, target: Target) -> list[tuple[int, str, str]]:
    """(line number, line, what happened) in order, by replaying the journal; the session is as before afterwards."""
    session = timeline.session
    found: list[tuple[int, str, str]] = []
    with timeline.away():
        timeline.enter(timeline.fresh(), copy=False)
        for entry in timeline.entries:
            if entry.after is not None or entry.script is not None:
                timeline.pass_by(entry)
                continue
            trace = session.box.trace
            trace.ring.clear()
            trace.on, trace.events = True, None
            timeline.replay([entry.replay])
            session.box.trace.on = False
            for event in session.box.trace.ring:
                words = target.words(event)
                if words and (not found or found[-1] != (entry.number, entry.line, words)):
                    found.append((entry.number, entry.line, words))
    return found


def load() -> None:
    """Importing this module declares its commands."""


@command(arg("addr", type=address, help="an address, or a page frame number below the end of RAM"), topic="views",
         outside=True)
def owner(box: Box, args: Args, io: IO) -> None:
    """the history of a frame or an object: who took it, who gave it back

    k=$(kmalloc 64); owner $k

    It replays the session so far on a fresh box with the tracepoints on, and changes nothing.
    """
    timeline = io.session.timeline
    if timeline is None or io.session.loops or io.session.source_depth:
        raise ShellError("history can be asked for at the prompt and in a script's own lines only")
    target = Target(box, args.addr)
    what = f"object {target.object:#x} in frame {target.pfn:#x}" if target.object else f"frame {target.pfn:#x}"
    found = history(timeline, target)
    if not found:
        io.out(f"{what}: as boot left it; nothing typed in this session took it or gave it back\n")
        return
    io.out(f"{what}:\n")
    for number, line, words in found[-MOST:]:
        io.out(f'  {number:>4} "{line[: max(20, io.width - 50)]}": {words}\n')
