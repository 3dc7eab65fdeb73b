"""Names and inodes of the disk that are kept in memory (fs/dcache.c, fs/inode.c, fs/super.c).

A path that is looked up leaves a dentry and an inode for each of its parts: objects of `dentry` and `ext4_inode_cache`.
A dentry that nobody uses waits on a list; used again, it is spared once. When it goes, its inode waits on a list of its
own, and takes what the page cache holds of its file along (pginodesteal). A shrinker walks both lists.

Known deviations: no negative dentries; a removed file's dentry goes at once; working directories hold no dentry;
what is on tmpfs is never on these lists, as in Linux, where tmpfs holds its own dentries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.mm_types import Inode
from memsh.linux.mm.filemap.pagecache import invalidate_mapping_pages
from memsh.linux.mm.list_lru import ListLru
from memsh.linux.mm.slab.objects import give, take
from memsh.linux.mm.vmscan.shrinker import register_shrinker

if TYPE_CHECKING:
    from memsh.linux.box import Box

SUPER_BATCH = 1024


class Dcache:
    """`box.fs.dcache`. What waits on both lists: (inode, used since it was last looked at), by the inode's number."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.dentries: ListLru[tuple[Inode, bool]] = ListLru(box)
        self.inodes: ListLru[tuple[Inode, bool]] = ListLru(box)
        register_shrinker(box, "sb-ext4:vdb", self.count, self.scan, batch=SUPER_BATCH)

    # -- getting and dropping ---------------------------------------------------------------------------------------

    def take(self, name: str) -> int:
        """While the box boots the objects are among those that it counts anyway."""
        kept = self.box.slab.boot_objects.get(name) if not self.box.disk.started else None
        return kept.pop() if kept else take(self.box, name)

    def held_by_boot(self, inode: Inode) -> None:
        """A name that boot has made: its objects are among those that it counts, as many as there are."""
        objects = self.box.slab.boot_objects
        names, inodes = objects.get("dentry"), objects.get(inode.s_op.inode_cache)
        if names and inodes and not inode.dentry:
            inode.addr, inode.dentry = inodes.pop(), names.pop()
            if inode.parent is not None:
                inode.parent.below += 1

    def lookup(self, inode: Inode) -> bool:
        """The dentry and the inode of a file, and of the directories above it; True if the inode was not there.

        ENOMEM leaves what was made so far.
        """
        chain = [inode]
        while chain[-1].parent is not None and not chain[-1].parent.dentry:
            chain.append(chain[-1].parent)
        fresh = False
        held = chain[1:] if chain[-1].parent is None else [*chain[1:], chain[-1].parent]
        for directory in held:
            directory.below += 1  # in use while the path is walked
        try:
            for part in reversed(chain):
                if not part.addr:
                    part.addr = self.take(part.s_op.inode_cache)
                    fresh = part is inode
                if not part.dentry:
                    part.dentry = self.take("dentry")
                    self.inodes.of(part.addr).pop(part.number, None)
                    if part.parent is not None:
                        part.parent.below += 1
        finally:
            for directory in held:
                directory.below -= 1
                self.dput(directory)
        return fresh

    @staticmethod
    def in_use(inode: Inode) -> bool:
        return inode.opened > 0 or inode.below > 0 or inode.parent is None or inode.s_op.pinned

    def dput(self, inode: Inode) -> None:
        """Somebody is done with a file's dentry: unused, it waits, or is marked if it waits already (retain_dentry)."""
        if inode.dentry and not self.in_use(inode):
            dentries = self.dentries.of(inode.dentry)
            waiting = dentries.get(inode.number)
            if waiting is None or not waiting[1]:
                dentries[inode.number] = (inode, waiting is not None)  # its place stays
                self.box.changes += 1

    def forget(self, inode: Inode) -> None:
        """The file is no more: its objects go."""
        if not inode.s_op.pinned:
            self.dentries.of(inode.dentry).pop(inode.number, None)
            self.inodes.of(inode.addr).pop(inode.number, None)
        self._drop_dentry(inode)
        if inode.addr:
            give(self.box, inode.s_op.inode_cache, inode.addr)
            inode.addr = 0

    def unlink(self, inode: Inode) -> None:
        """The name is gone; an open file keeps its inode, one with other names waits for the shrinker."""
        if not inode.s_op.pinned:
            self.dentries.of(inode.dentry).pop(inode.number, None)
        self._drop_dentry(inode)
        if inode.nlink and not inode.opened and not inode.s_op.pinned:
            self._iput(inode)

    def moved(self, inode: Inode, old: Inode | None) -> None:
        """A known name is now in another directory, and no longer in `old`."""
        if inode.dentry and old is not None and old is not inode.parent:
            old.below -= 1
            self.dput(old)
            if inode.parent is not None:
                self.lookup(inode.parent)
                inode.parent.below += 1

    def _drop_dentry(self, inode: Inode) -> None:
        if inode.dentry:
            give(self.box, "dentry", inode.dentry)
            inode.dentry = 0
            parent = inode.parent
            if parent is not None:
                parent.below -= 1
                self.dput(parent)

    # -- the shrinker -----------------------------------------------------------------------------------------------

    def count(self, memcg: int, nid: int) -> int:
        """super_cache_count(): what vm.vfs_cache_pressure makes of both lists of a group on a node."""
        waiting = self.dentries.count(memcg, nid) + self.inodes.count(memcg, nid)
        return waiting * self.box.sysctl.values["vm.vfs_cache_pressure"] // 100

    def scan(self, number: int, memcg: int, nid: int) -> int:
        """super_cache_scan(): some dentries, and the inodes in proportion."""
        dentries, inodes = self.dentries.count(memcg, nid), self.inodes.count(memcg, nid)
        total = dentries + inodes + 1
        freed = self.prune_dcache(number * dentries // total + 1, memcg, nid)
        return freed + self.prune_icache(number * inodes // total + 1, memcg, nid)

    def prune_dcache(self, number: int, memcg: int = 0, nid: int = 0) -> int:
        """Look at `number` unused dentries, oldest first, at a spared one again; how many left the list."""
        gone = 0
        victims = []
        dentries = self.dentries.one(memcg, nid)
        for _ in range(number):
            if not dentries:
                break
            key, (inode, referenced) = dentries.popitem(last=False)
            if self.in_use(inode):
                gone += 1
            elif referenced:
                dentries[key] = (inode, False)
            else:
                gone += 1
                victims.append(inode)
        for inode in victims:
            self._drop_dentry(inode)
            self._iput(inode)
        return gone

    def _iput(self, inode: Inode) -> None:
        if inode.addr and not inode.dentry and inode.number not in self.box.writeback.inodes:
            inodes = self.inodes.of(inode.addr)
            inodes[inode.number] = (inode, inode.number in inodes)

    def prune_icache(self, number: int, memcg: int = 0, nid: int = 0) -> int:
        """Look at the oldest `number` unused inodes; how many left the list."""
        gone = 0
        box, inodes = self.box, self.inodes.one(memcg, nid)
        for _ in range(number):
            if not inodes:
                break
            key, (inode, referenced) = inodes.popitem(last=False)
            if inode.dentry or inode.opened or key in box.writeback.inodes:
                gone += 1
                continue
            if referenced:
                inodes[key] = (inode, False)
                continue
            mapping = inode.mapping
            if mapping is not None and len(mapping.pages):
                if box.arch.zone_highmem < 0:  # mapping_shrinkable: only low memory is ever short of inodes alone
                    inodes[key] = (inode, False)
                    continue
                reaped = invalidate_mapping_pages(box, mapping)
                box.vmstat["pginodesteal"] += reaped
                if len(mapping.pages):
                    inodes[key] = (inode, False)
                    continue
            gone += 1
            if mapping is not None:
                self._forget_tree(inode)
            give(box, inode.s_op.inode_cache, inode.addr)
            inode.addr = 0
        return gone

    @staticmethod
    def _forget_tree(inode: Inode) -> None:
        """Shadows go with the inode that they belong to."""
        assert inode.mapping is not None
        pages = inode.mapping.pages
        for leaf in list(pages.leaves):
            pages.clear_leaf(leaf)

    def written(self, inode: Inode) -> None:
        """A file is clean again: an inode without a dentry waits for the shrinker (inode_sync_complete)."""
        if not inode.dentry and not inode.opened and inode.nlink:
            self._iput(inode)

    def check(self) -> list[str]:
        """What is wrong with the lists."""
        wrong = []
        for inode, _ in self.dentries:
            if not inode.dentry:
                wrong.append(f"{inode.name} waits among the dentries without one")
        for inode, _ in self.inodes:
            if not inode.addr:
                wrong.append(f"{inode.name} waits among the inodes without one")
        return wrong
