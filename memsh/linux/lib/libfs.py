"""What the tables of several file systems have in common, those in mm/ among them (fs/libfs.c, fs/inode.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.mm_types import Inode, SuperOperations

if TYPE_CHECKING:
    from memsh.linux.box import Box


def nothing(box: Box, inode: Inode) -> None:
    """There is no disk that would know more, nothing to do."""


def zeros(inode: Inode, index: int) -> bytes:
    """A page that nobody has written to, where there is no disk that it could come from."""
    return bytes(4096)


def no_value(box: Box, value: int) -> None:
    """A file's tree holds no value that stands for something to be freed: at most shadows."""


def all_of_it(box: Box, inode: Inode, position: int, length: int) -> int:
    """Memory is asked for page by page."""
    del box, inode, position
    return length


def same_size(box: Box, inode: Inode, before: int) -> None:
    """Nobody counts the bytes of its files."""


def nameless(inode_cache: str, evict: Callable[[Box, Inode], None]) -> SuperOperations:
    """A mount of the kernel's own: its files have no names, and go with whoever has them open."""
    return SuperOperations(
        inode_cache=inode_cache, pinned=True, read_inode=nothing, new_name=nothing, room=all_of_it, resized=same_size,
        put=put_nameless, evict=evict,
    )  # fmt: skip


def put_nameless(box: Box, inode: Inode) -> None:
    """A file without a name was closed: the last one is its end."""
    if inode.opened <= 0:
        inode.s_op.evict(box, inode)
        box.shm.evicted(inode)


def put_named(box: Box, inode: Inode) -> None:
    """A file of the tree was closed: without a name it goes, otherwise its dentry is unused."""
    if not inode.nlink and not inode.opened:
        box.fs.evict(inode)
    else:
        box.fs.dcache.dput(inode)
