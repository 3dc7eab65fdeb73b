"""All that can be seen of a box: the text of /proc and /sys, free lists and slabs, the log, files, the clock; and what
something costs, in calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.procfs import sysfs, tree
from memsh.procfs.node import Directory, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.shell.session import Session

_LARGE = frozenset({"kpagecount", "kpageflags", "pagemap"})
_OF_KTHREAD = frozenset({"comm", "sched", "stat", "status"})  # the others are as empty as those of any kernel thread


def texts(box: Box, kthreads: bool = False, slab: bool = False) -> dict[str, str]:
    """The files of /proc and /sys by path, but for what a list has; those of the kernel's own threads and of
    /sys/kernel/slab on request."""
    found: dict[str, str] = {}

    def walk(path: str, folder: Directory, only: frozenset[str] | None = None) -> None:
        for name in folder.listing(box):
            if name in _LARGE or (name == "slab" and not slab) or (only is not None and name not in only):
                continue
            child = folder.child(box, name)
            if path == "/proc" and name.isdecimal() and box.tasks[int(name)].is_kthread:
                if kthreads and isinstance(child, Directory):
                    walk(f"{path}/{name}", child, _OF_KTHREAD)
            elif isinstance(child, Directory):
                walk(f"{path}/{name}", child)
            elif isinstance(child, ProcFile) and child.show is not None:
                try:
                    found[f"{path}/{name}"] = child.show(box)
                except KernelError as error:
                    found[f"{path}/{name}"] = error.code

    for top in ("/proc", "/sys"):
        folder = tree.lookup(box, top)
        assert isinstance(folder, Directory)
        walk(top, folder.own if isinstance(folder, sysfs.Root) else folder)
    return found


def seen(box: Box, kthreads: bool = False) -> dict[str, object]:
    """The texts, and what no file shows."""
    found: dict[str, object] = dict(texts(box, kthreads))
    for zone in box.pages.zones:
        found[f"free {zone.node} {zone.name}"] = [list(blocks) for blocks in zone.lists], list(zone.free.items())
        found[f"pcp {zone.node} {zone.name}"] = [[list(pages) for pages in pcp.lists] for pcp in zone.pcps]
    for name, cache in box.slab.caches.items():
        found[f"slab {name}"] = list(box.slab.slabs(cache)), [list(waiting.addrs) for waiting in box.slab.arrays(cache)]
    found["log"] = list(box.log.records), box.log.clear_seq
    found["files"] = [(box.fs.path_of(inode), inode.size, inode.mode, inode.nlink) for inode in box.fs.inodes()]
    found["clock"] = box.timer.usec, [list(used) for used in box.cputime.used]
    found["bytes"] = {pfn: bytes(data) for pfn, data in box.memmap.data.items() if any(data)}
    found["current"] = box.current.pid, box.last_pid, box.plain, box.panicked, box.trace.on, list(box.trace.ring)
    return found


def session_seen(session: Session) -> dict[str, object]:
    """What is seen of a session's box, its values and variables."""
    language = session.language
    return seen(session.box, kthreads=True) | {
        "values": list(language.values), "variables": dict(language.variables), "cwd": language.cwd,
        "arrays": repr((language.arrays, language.maps)), "functions": sorted(language.functions),
        "aliases": dict(language.aliases), "options": sorted(language.options), "shopts": dict(language.shopts),
        "positional": list(language.positional or ()), "traps": dict(language.traps),
        "seed": (language.seed, language.begun, language.letter, language.directories),
        "attributes": {name: sorted(letters) for name, letters in language.attributes.items() if letters},
        "streams": sorted(session.streams.opened), "jobs": [(job.number, job.wake, job.text) for job in session.jobs],
    }  # fmt: skip


def differing(one: dict[str, object], two: dict[str, object]) -> list[str]:
    """The names of what is not the same, each with the first line of it that differs."""
    told = []
    for name in one | two:
        left, right = one.get(name), two.get(name)
        if left == right:
            continue
        if isinstance(left, str) and isinstance(right, str):
            pairs = zip(left.splitlines(), right.splitlines(), strict=False)
            left, right = next(((a, b) for a, b in pairs if a != b), ("(longer)", "(shorter)"))
        told.append(f"{name}: {str(left)[:200]!r} / {str(right)[:200]!r}")
    return told


def calls(work: Callable[[], object]) -> int:
    """How many calls of Python functions `work` takes: what it costs, whatever else the machine does."""
    count = 0

    def called(frame: FrameType, event: str, value: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
