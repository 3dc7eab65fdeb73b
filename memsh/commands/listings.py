"""findmnt, lsblk, lsipc, lsmem and lsmod: what there is, from /proc and /sys (util-linux 2.38.1, kmod 30)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.tools import TOPIC, play, reader_of, text_of
from memsh.procfs import pid_mounts
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

if TYPE_CHECKING:
    from memsh.linux.box import Box

WORDS = rest("words", raw=True, meta="OPTION", help="as util-linux takes them; --help lists them")


@command(WORDS, topic=TOPIC, needs_box=False, help_option=False)
def findmnt(box: Box | None, args: Args, io: IO) -> int:
    """show what is mounted, as a tree, or find a file system

    findmnt -t tmpfs

    By DEVICE or DIRECTORY, -S DEVICE, -M DIRECTORY, -T PATH inside of it, -t TYPES, -O OPTIONS; -o COLUMNS, -l a list,
    -R with all below, -D as df, -b in bytes, -N PID as a task sees it, -F FILE another table, -J -P -r other forms.
    """
    from memsh.procps import findmnt as util_findmnt  # start-up: findmnt alone

    def statfs(where: str) -> tuple[int, int, int, int] | None:
        if box is None:
            return None
        told = pid_mounts.statfs(box, pid_mounts.mount_of(box, where))
        return told.bsize, told.blocks, told.bfree, told.bavail

    return play(box, io, util_findmnt.frames(reader_of(box, io), args.words, statfs, text_of(io)))


@command(WORDS, topic=TOPIC, needs_box=False, help_option=False)
def lsblk(box: Box | None, args: Args, io: IO) -> int:
    """show the block devices, and where they are used

    lsblk -o NAME,SIZE,MOUNTPOINT

    -a the RAM disks, too; -t what their queues are like, -D discard; -b bytes, -o COLUMNS, -x COLUMN sorted, -J -P -r.
    """
    from memsh.procps import lsblk as util_lsblk  # start-up: lsblk alone

    return play(box, io, util_lsblk.frames(reader_of(box, io), args.words))


@command(WORDS, topic=TOPIC, needs_box=False, help_option=False)
def lsipc(box: Box | None, args: Args, io: IO) -> int:
    """show System V's shared memory, queues and semaphores, and how many there may be

    lsipc -m

    -m, -q, -s, or all limits (-g); -i ID all of one; -c who made it, -t when; -b bytes, -P modes as numbers,
    -o COLUMNS, -J -e -n -r other forms.
    """
    from memsh.procps import lsipc as util_lsipc  # start-up: lsipc alone

    return play(box, io, util_lsipc.frames(reader_of(box, io), args.words))


@command(WORDS, topic=TOPIC, needs_box=False, help_option=False)
def lsmem(box: Box | None, args: Args, io: IO) -> int:
    """show the blocks of physical memory, and which of them are online (x86_64)

    lsmem

    -a each block, -o +NODE,ZONES more columns, -S LIST what splits ranges, -b bytes, -J -P -r other forms, --summary.
    """
    from memsh.procps import lsmem as util_lsmem  # start-up: lsmem and chmem alone

    return play(box, io, util_lsmem.frames(reader_of(box, io), args.words))


@command(rest("words", raw=True, meta=""), topic=TOPIC, needs_box=False, help_option=False)
def lsmod(box: Box | None, args: Args, io: IO) -> int:
    """show the modules that the kernel has loaded

    lsmod

    The i386 kernel is built without modules, and has no /proc/modules.
    """
    from memsh.procps import lsmod as kmod_lsmod  # start-up: lsmod alone

    return play(box, io, kmod_lsmod.frames(reader_of(box, io), args.words))
