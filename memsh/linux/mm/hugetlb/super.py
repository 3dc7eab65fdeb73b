"""Mounted file systems of huge pages: what each may have, and is sure of; its options (fs/hugetlbfs/inode.c:
hugetlbfs_parse_param, hugetlbfs_show_options, hugetlbfs_statfs; mm/hugetlb.c: struct hugepage_subpool).

Known deviations: where a page of a mount with min_size= is not to be had, this Linux
counts a reservation that nobody has, and here it is not counted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.include.kern_levels import KERN_ERR
from memsh.linux.include.statfs import MAGIC, UNLIMITED, Kstatfs
from memsh.linux.lib.cmdline import memparse
from memsh.linux.lib.kstrtox import fs_param_is_u32
from memsh.linux.mm.hugetlb.pool import acct_memory

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import Inode

NAMES = ("gid", "min_size", "mode", "nr_inodes", "pagesize", "size", "uid")
MODE = 0o755
_BAD = "Bad value '{}' for mount option '{}'\n"


class Subpool:
    """The part of a pool that one mount may have: `most` pages, None for all; `least` pages are reserved for it, of
    which `rsv` are not used now. `used` counts only where there is a limit."""

    __slots__ = ("least", "most", "rsv", "used")

    def __init__(self, most: int | None, least: int | None) -> None:
        self.most, self.least = most, least
        self.used, self.rsv = 0, least or 0

    def get_pages(self, count: int) -> int | None:
        """`count` pages more are reserved or in use: how many of them the pool has still to reserve; None where the
        mount may have no more (hugepage_subpool_get_pages)."""
        if self.most is not None:
            if self.used + count > self.most:
                return None
            self.used += count
        covered = min(count, self.rsv)
        self.rsv -= covered
        return count - covered

    def cancel(self, count: int, more: int) -> None:
        """What get_pages() answered `more` to did not come about: as it was before."""
        if self.most is not None:
            self.used -= count
        self.rsv += count - more

    def put_pages(self, count: int) -> int:
        """So many fewer: how many reservations the pool gets back (hugepage_subpool_put_pages)."""
        if self.most is not None:
            self.used -= count
        if self.least is None or self.used >= self.least:
            return count
        back = max(0, self.rsv + count - self.least)
        self.rsv = min(self.rsv + count, self.least)
        return back


class HugetlbfsOptions:
    """What was asked for; None where nothing was. `order` of its pages; sizes in bytes as written, `%` of the pool."""

    def __init__(self, order: int) -> None:
        self.order = order
        self.size: str | None = None
        self.min_size: str | None = None
        self.inodes: int | None = None
        self.mode = MODE
        self.uid = self.gid = 0


def parse_options(box: Box, words: list[str]) -> HugetlbfsOptions:
    """EINVAL, and a word in the log, for what hugetlbfs does not know."""
    found = HugetlbfsOptions(box.hugetlb.default_order)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in NAMES:
            raise _refuse(box, f"Unknown parameter '{name}'")
        if not equals or not value:
            raise _refuse(box, f"Bad value for '{name}'")
        if name == "pagesize":
            size = memparse(value)[0]
            if size & -size != size or size.bit_length() - 13 not in box.hugetlb.states:
                raise _refuse(box, f"Unsupported page size {size >> 20} MB")
            found.order = size.bit_length() - 13
        elif name == "mode":
            if not re.fullmatch(r"[0-7]+", value):
                raise _refuse(box, "Bad value for 'mode'")
            found.mode = int(value, 8) & 0o1777
        elif name in ("uid", "gid"):
            owner = fs_param_is_u32(value)
            if owner is None:
                raise _refuse(box, f"Bad value for '{name}'")
            if owner == UINT_MAX:
                raise _refuse(box, _BAD.format(value, name))
            setattr(found, name, owner)
        elif not is_digits(value[0]):
            raise _refuse(box, _BAD.format(value, name))
        elif name == "nr_inodes":
            found.inodes = memparse(value)[0]
        else:
            setattr(found, name, value)
    return found


def _refuse(box: Box, text: str) -> KernelError:
    box.log.printk(f"hugetlbfs: {text}", KERN_ERR)
    return KernelError("EINVAL")


class Hugetlbfs:
    """A mounted one, as mm/shmem/super.py has those of small pages. ENOMEM where what it is to be sure of is not there,
    EINVAL."""

    def __init__(self, box: Box, dev: tuple[int, int], source: str, where: str, options: HugetlbfsOptions,
                 flags: str) -> None:  # fmt: skip
        self.dev, self.source, self.where, self.flags = dev, source, where, flags
        self.order, self.mode, self.inodes = options.order, options.mode, options.inodes
        self.uid, self.gid = options.uid, options.gid  # whose the directory is
        self.used_inodes = 0
        self.number = 0  # of the mount
        self.root: Inode | None = None
        self.covered: Inode | None = None
        most, least = self._pages(box, options.size), self._pages(box, options.min_size)
        if most is not None and least is not None and least > most:
            raise _refuse(box, "Minimum size can not be greater than maximum size")
        if self.inodes == 0:
            raise KernelError("ENOMEM")
        self.subpool = Subpool(most, least) if most is not None or least is not None else None
        if least and not acct_memory(box, box.hugetlb.states[self.order], least):
            raise KernelError("ENOMEM", "not so many huge pages are free")

    def release(self, box: Box) -> None:
        """It is mounted no more: what it was sure of is free."""
        if self.subpool is not None and self.subpool.least:
            acct_memory(box, box.hugetlb.states[self.order], -self.subpool.least)

    def _pages(self, box: Box, size: str | None) -> int | None:
        """Huge pages of a size, rounded down."""
        if size is None:
            return None
        h = box.hugetlb.states[self.order]
        number, rest = memparse(size)
        if rest.startswith("%"):
            number = (number << h.shift) * h.max_huge_pages // 100
        return number >> h.shift

    def reserve_inode(self, box: Box) -> None:
        """One file more; ENOSPC."""
        if self.inodes is not None and self.used_inodes >= self.inodes:
            raise KernelError("ENOSPC")
        self.used_inodes += 1

    def show_options(self, box: Box) -> str:
        """As mountinfo shows those of the file system."""
        h = box.hugetlb.states[self.order]
        text = "rw" + (f",uid={self.uid}" if self.uid else "") + (f",gid={self.gid}" if self.gid else "")
        if self.mode != MODE:
            text += f",mode={self.mode:o}"
        if self.inodes is not None:
            text += f",nr_inodes={self.inodes}"
        text += f",pagesize={h.size >> 20}M"
        if self.subpool is not None and self.subpool.most is not None:
            text += f",size={self.subpool.most << h.shift}"
        if self.subpool is not None and self.subpool.least is not None:
            text += f",min_size={self.subpool.least << h.shift}"
        return text


def hugetlbfs_statfs(box: Box, sb: Hugetlbfs) -> Kstatfs:
    """Of a mounted one, in huge pages: no figures unless it has a share of the pool; -1 where that has no limit."""
    size = box.hugetlb.states[sb.order].size
    if sb.subpool is None:
        return Kstatfs(MAGIC["hugetlbfs"], size)
    blocks = UNLIMITED if sb.subpool.most is None else sb.subpool.most
    free = (blocks - sb.subpool.used) & UNLIMITED
    files, left = UNLIMITED, UNLIMITED
    if sb.inodes is not None:
        files, left = sb.inodes, sb.inodes - sb.used_inodes
    return Kstatfs(MAGIC["hugetlbfs"], size, blocks, free, free, files, left)
