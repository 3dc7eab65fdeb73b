"""The picture of one slab cache: what its CPUs hold first, then its slabs, list by list, object by object."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from memsh.commands.caches import find_cache
from memsh.commands.draw import human, plural, say
from memsh.shell import IO, Args, arg, command
from memsh.shell.errors import UsageError

if TYPE_CHECKING:
    from memsh.linux.box import Box

DRAWN = 12  # slabs shown one by one


@command(
    arg("name", default="", help="the cache's name, as in /proc/slabinfo", words="cache"),
    topic="views",
    needs_box=False,
    looks=True,
)
def slab(box: Box | None, args: Args, io: IO) -> None:
    """a cache from the inside: its array cache, then its slabs, full, partial and empty

    slab dentry

    Objects in the array cache are free for the next caller on this CPU, but count as active in /proc/slabinfo.
    With SLUB: the CPUs' slabs, their partial slabs, the nodes' partial slabs; all but the last count as active.
    """
    if box is None:
        from memsh.commands.elsewhere import textviews  # start-up: 1 ms, for a captured /proc alone

        textviews.slab(args.name, io)
        return
    if not args.name:
        raise UsageError("NAME is missing (usage: slab NAME; of a captured tree also slab alone)")
    cache = find_cache(box, args.name)
    picture = box.slab.picture(cache)
    say(io, f"{cache.name}: objects of {cache.size} bytes, {cache.num} in a slab of {human(4096 << cache.gfporder)}")
    for line in picture.head:
        say(io, line)
    room = DRAWN
    for group in picture.groups:
        say(io, f"{group.title}: {plural(group.total, 'slab')}")
        shown = list(itertools.islice(group.slabs, room))
        room -= len(shown)
        for addr, marks in shown:
            _draw(io, addr, marks)
        if len(shown) < group.total:
            say(io, f"  and {group.total - len(shown)} more")
    say(io, picture.foot)


def _draw(io: IO, addr: int, marks: str) -> None:
    """One slab: its address, then its objects in as many lines as they need."""
    head = f"  {addr:#x}  "
    width = max(8, io.width - len(head))
    for start in range(0, len(marks), width):
        say(io, (head if not start else " " * len(head)) + marks[start : start + width])
