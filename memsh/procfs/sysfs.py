"""/sys as a whole: what memsh computes, and around it what the recorded machine lists (fs/sysfs, fs/kernfs).

What is computed counts where both have a name.

**Known deviations:** what a list has and may be written takes the value that it has, and no other (EINVAL), unless
`sys_kept` knows how it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING

from memsh.procfs.listing import Bound, Folder, read
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.sys_kept import keeping_file

if TYPE_CHECKING:
    from memsh.linux.box import Box


@cache
def listed(texts: Callable[[], Iterable[str]]) -> Folder:
    """A machine's list, read once."""
    return read(texts())


class Listed(Directory):
    """A folder of a list, and memsh's own at the same place, if there is one."""

    __slots__ = ("bound", "folder", "own", "path")

    def __init__(self, folder: Folder, own: Directory | None, bound: Bound, path: str = "") -> None:
        super().__init__(own.fixed if own is not None else {}, own.mode if own is not None else folder.mode)
        self.folder, self.own, self.bound, self.path = folder, own, bound, path
        if own is not None:
            self.mkdir, self.rmdir = own.mkdir, own.rmdir

    def child(self, box: Box, name: str) -> Node | None:
        found = self._child(box, name)
        return keeping_file(f"{self.path}/{name}", found) if isinstance(found, ProcFile) else found

    def _child(self, box: Box, name: str) -> Node | None:
        own = self.own.child(box, name) if self.own is not None else None
        if own is not None and not isinstance(own, Directory):
            return own
        found = self.folder.find(box, name, self.bound)
        if found is None:
            return own
        entry, bound = found
        if isinstance(entry, Folder):
            return Listed(entry, own, bound, f"{self.path}/{name}")
        return own if own is not None else entry.node(name, bound)

    def listing(self, box: Box) -> list[str]:
        own = self.own.listing(box) if self.own is not None else []
        return [*own, *sorted(set(self.folder.names(box, self.bound)).difference(own))]


class Root(Directory):
    """/sys: `own` is what memsh computes there."""

    __slots__ = ("own",)

    def __init__(self, own: Directory) -> None:
        super().__init__(own.fixed, own.mode)
        self.own = own

    def child(self, box: Box, name: str) -> Node | None:
        return self._whole(box).child(box, name)

    def listing(self, box: Box) -> list[str]:
        return self._whole(box).listing(box)

    def _whole(self, box: Box) -> Listed:
        return Listed(listed(box.model.sysfs), self.own, {})
