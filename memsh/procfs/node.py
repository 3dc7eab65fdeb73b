"""What a name in /proc or /sys can be: a file, a link, a directory (fs/proc/internal.h, struct proc_dir_entry).

A node knows no box: what it shows is asked of it with one. A directory's names are fixed ones and those that it finds
in the box (processes, their descriptors). Modes are permission bits; everything belongs to root. `links` is what ls
tells of a directory whose maker does not count those below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from memsh.linux.box import Box


def made_up_inode(path: str) -> int:
    """A number for the inode at a path that comes and goes: the same whenever it is asked for."""
    made_up = crc32(path.encode("utf-8", "surrogateescape"))
    return 1 << 32 | made_up  # not i386: a number that no recorded one has


class ProcFile(NamedTuple):
    """`mode` as in ls: 0o444 readable by all, 0o400 by root only; `store` is None for what cannot be written.

    `pread(box, offset, size)` is for files too large to be made as a whole: it answers the bytes at `offset`.
    `follow(box, cursor)` is for files that go on: (text from `cursor` on, the next cursor); no text means that a
    reader waits. A reader begins with the cursor that `follow(box, None)` gives. `truncate(box)` is what opening it
    to be overwritten does; for most files nothing. `option`: the file is there only on kernels with that option of
    the configuration (`!NAME`: only on those without); `when(box)`: and not on every box. `size` is what ls shows,
    of most files 0, of a page in /sys.
    """

    show: Callable[[Box], str] | None
    store: Callable[[Box, str], None] | None = None
    mode: int = 0o444
    pread: Callable[[Box, int, int], bytes] | None = None
    follow: Callable[[Box, int | None], tuple[str, int]] | None = None
    truncate: Callable[[Box], None] | None = None
    option: str = ""
    size: Callable[[Box], int] | None = None
    when: Callable[[Box], bool] | None = None


class Link(NamedTuple):
    """A symbolic link; `size` as ls shows it. `target` raises ENOENT if it leads nowhere (a kernel thread's exe)."""

    target: Callable[[Box], str]
    mode: int = 0o777
    size: int = 0


class Directory:
    """`fixed`: name → node. `names(box)` and `find(box, name)` are for what comes and goes with the box; `mkdir(box,
    name)` and `rmdir(box, name)` for what a person may add and take away."""

    __slots__ = ("find", "fixed", "links", "mkdir", "mode", "names", "rmdir")

    def __init__(
        self, fixed: dict[str, Node], mode: int = 0o555, names: Callable[[Box], Iterable[str]] | None = None,
        find: Callable[[Box, str], Node | None] | None = None, links: int | None = None,
    ) -> None:  # fmt: skip
        self.fixed = fixed
        self.links = links
        self.mode = mode
        self.names = names
        self.find = find
        self.mkdir: Callable[[Box, str], None] | None = None
        self.rmdir: Callable[[Box, str], None] | None = None

    def child(self, box: Box, name: str) -> Node | None:
        found = self.fixed.get(name)
        if found is not None and not present(box, found):
            return None
        if found is None and self.find is not None:
            found = self.find(box, name)
        return found

    def listing(self, box: Box) -> list[str]:
        """The names that come and go in their own order, then the fixed ones by name."""
        fixed = sorted(name for name, node in self.fixed.items() if present(box, node))
        own = self.names(box) if self.names is not None else ()
        return [*(name for name in own if name not in self.fixed), *fixed]

    def nlink(self, box: Box) -> int:
        """Two, and one for each directory in it; or what its maker gave it."""
        if self.links is not None:
            return self.links
        below = (self.child(box, name) for name in self.listing(box))
        return 2 + sum(isinstance(node, Directory) for node in below)


Node = ProcFile | Link | Directory


def present(box: Box, node: Node) -> bool:
    """Whether the box's kernel has this file; a directory is there if it is empty or something in it is."""
    if isinstance(node, Directory):
        if any(present(box, below) for below in node.fixed.values()):
            return True
        return any(True for _ in node.names(box)) if node.names is not None else not node.fixed
    option = node.option if isinstance(node, ProcFile) else ""
    if isinstance(node, ProcFile) and node.when is not None and not node.when(box):
        return False
    return not option or (option.lstrip("!") in box.model.options) != option.startswith("!")
