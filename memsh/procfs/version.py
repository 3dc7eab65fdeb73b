"""/proc/version, /proc/cmdline, /proc/filesystems: what never changes (fs/proc/version.c, cmdline.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box

FILESYSTEMS = """
    sysfs tmpfs proc devtmpfs binfmt_misc debugfs sockfs pipefs ramfs devpts +ext3 +ext4 +ext2 +vfat +msdos
    autofs mqueue
"""


def show(box: Box) -> str:
    return box.machine.image.banner + "\n"


def show_cmdline(box: Box) -> str:
    return box.config.cmdline + "\n"


def show_filesystems(box: Box) -> str:
    """`nodev` before those that need no block device."""
    words = FILESYSTEMS.split()
    return "".join(f"\t{word[1:]}\n" if word.startswith("+") else f"nodev\t{word}\n" for word in words)
