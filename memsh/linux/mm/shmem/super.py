"""Mounted RAM file systems: what each may hold, its options (mm/shmem.c: struct shmem_sb_info, shmem_parse_options,
shmem_reconfigure, shmem_show_options, shmem_statfs).

Known deviations: `mpol=` knows default alone; inode numbers stay below 32 bits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.include.kern_levels import KERN_ERR
from memsh.linux.include.statfs import MAGIC, Kstatfs
from memsh.linux.lib.cmdline import memparse
from memsh.linux.lib.kstrtox import fs_param_is_u32
from memsh.linux.lib.uuid import uuid_gen, uuid_to_fsid
from memsh.linux.mm.mmap.vmalist import totalram_pages

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import Inode

STICKY = 0o1777
HUGE = ("never", "always", "within_size", "advise")


def shmem_default_max_blocks(box: Box) -> int:
    """Pages that a tmpfs may have if nobody says: half of the memory."""
    return totalram_pages(box) // 2


def shmem_default_max_inodes(box: Box) -> int:
    """Files that a tmpfs may have if nobody says: one for two pages, and no more than low memory has pages."""
    low = sum(zone.managed for zone in box.pages.zones if not zone.highmem)
    return min(low, totalram_pages(box) // 2)


class TmpfsOptions:
    """What was asked for; None where nothing was. `blocks` in pages, 0 for no limit, as `inodes`."""

    def __init__(self) -> None:
        self.blocks: int | None = None
        self.inodes: int | None = None
        self.mode: int | None = None
        self.huge: str | None = None
        self.uid = self.gid = 0


def parse_options(box: Box, words: list[str]) -> TmpfsOptions:
    """EINVAL, and a word in the log, for what tmpfs does not know."""
    found = TmpfsOptions()

    def refuse(text: str) -> KernelError:
        box.log.printk(f"tmpfs: {text}", KERN_ERR)
        return KernelError("EINVAL")

    for word in words:
        name, equals, value = word.partition("=")
        known = name in ("size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "inode64", "inode32")
        known = known or (name == "huge" and "TRANSPARENT_HUGEPAGE" in box.model.options)
        known = known or (name == "mpol" and "NUMA" in box.model.options)
        if not known:
            raise refuse(f"Unknown parameter '{name}'")
        if name in ("inode64", "inode32"):
            if box.arch.bits == 32 and name == "inode64":
                raise refuse("Cannot use inode64 with <64bit inums in kernel")
            continue
        number, rest = memparse(value)
        bad = not equals or not value or bool(rest)
        if name == "size":
            if rest == "%":
                number, bad = number * totalram_pages(box) * 4096 // 100, False
            found.blocks = -(-number // 4096)
        elif name == "nr_blocks":
            found.blocks = number
        elif name == "nr_inodes":
            found.inodes = number
        elif name == "mode":
            bad = not re.fullmatch(r"[0-7]+", value)
            found.mode = int(value, 8) & 0o7777 if not bad else None
        elif name in ("uid", "gid"):
            owner = fs_param_is_u32(value)
            bad = owner is None or owner == UINT_MAX
            setattr(found, name, owner or 0)
        elif name == "huge":
            bad = value not in HUGE
            found.huge = value
        else:
            bad = value != "default"
        if bad:
            raise refuse(f"Bad value for '{name}'")
    return found


class Tmpfs:
    """A mounted one; `where` is "" for the root file system, which is below all others. `root` lies where `covered`, if
    anything, lay; counts are pages and inodes."""

    def __init__(self, dev: tuple[int, int], source: str, where: str, options: TmpfsOptions, flags: str) -> None:
        self.dev, self.source, self.where, self.flags = dev, source, where, flags
        self.blocks, self.inodes = options.blocks, options.inodes
        self.mode = STICKY if options.mode is None else options.mode
        self.huge = options.huge or "never"
        self.uid, self.gid = options.uid, options.gid  # whose the directory is
        self.used_blocks = self.used_inodes = 0
        self.next_ino = 1
        self.number = 0  # of the mount
        self.root: Inode | None = None
        self.covered: Inode | None = None

    def max_blocks(self, box: Box) -> int:
        return shmem_default_max_blocks(box) if self.blocks is None else self.blocks

    def max_inodes(self, box: Box) -> int:
        return shmem_default_max_inodes(box) if self.inodes is None else self.inodes

    def reserve_inode(self, box: Box) -> None:
        """One file more; ENOSPC."""
        most = self.max_inodes(box)
        if most and self.used_inodes >= most:
            raise KernelError("ENOSPC")
        self.used_inodes += 1

    def acct_block(self, box: Box, pages: int = 1) -> None:
        """So many pages more; ENOSPC."""
        most = self.max_blocks(box)
        if most and self.used_blocks + pages > most:
            raise KernelError("ENOSPC")
        self.used_blocks += pages

    def reconfigure(self, box: Box, options: TmpfsOptions) -> None:
        """remount: EINVAL, and a word in the log, for limits below what is used, or where there was none."""
        words = ""
        if options.blocks:
            if not self.max_blocks(box):
                words = "Cannot retroactively limit size"
            elif self.used_blocks > options.blocks:
                words = "Too small a size for current use"
        if options.inodes and not words:
            if not self.max_inodes(box):
                words = "Cannot retroactively limit inodes"
            elif self.used_inodes > options.inodes:
                words = "Too few inodes for current use"
        if words:
            box.log.printk(f"tmpfs: {words}", KERN_ERR)
            raise KernelError("EINVAL")
        self.blocks = self.blocks if options.blocks is None else options.blocks
        self.inodes = self.inodes if options.inodes is None else options.inodes
        self.huge = options.huge or self.huge

    def show_options(self, box: Box) -> str:
        """As mountinfo shows those of the file system."""
        text = "rw"
        if self.max_blocks(box) != shmem_default_max_blocks(box):
            text += f",size={self.max_blocks(box) * 4}k"
        if self.max_inodes(box) != shmem_default_max_inodes(box):
            text += f",nr_inodes={self.max_inodes(box)}"
        if self.mode != STICKY:
            text += f",mode={self.mode:03o}"
        text += f",uid={self.uid}" if self.uid else ""
        text += f",gid={self.gid}" if self.gid else ""
        text += ",inode64" if box.arch.bits == 64 else ""
        return text + (f",huge={self.huge}" if self.huge != "never" else "")


def shmem_statfs(box: Box, sb: Tmpfs) -> Kstatfs:
    """Of a mounted one; no figures where it has no limits."""
    blocks, inodes = sb.max_blocks(box), sb.max_inodes(box)
    free = blocks - sb.used_blocks if blocks else 0
    return Kstatfs(MAGIC["tmpfs"], blocks=blocks, bfree=free, bavail=free, files=inodes,
                   ffree=inodes - sb.used_inodes if inodes else 0,
                   fsid=uuid_to_fsid(uuid_gen(f"{sb.dev} {sb.where}")))  # fmt: skip
