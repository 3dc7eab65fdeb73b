"""mount and umount (util-linux 2.38): RAM file systems on the box; what is mounted.

Known deviations: tmpfs and hugetlbfs alone can be mounted, and a mounted hugetlbfs not again with other options; ro is
refused, for nothing here is read-only.
"""

from __future__ import annotations

from memsh.commands.paths import resolve
from memsh.commands.processes import running
from memsh.linux.box import Box
from memsh.linux.fs.namespace import mount_hugetlbfs, mount_tmpfs, mounted_at
from memsh.linux.fs.namespace import umount as take_off
from memsh.linux.include.errno import KernelError
from memsh.linux.include.stat import s_isblk
from memsh.linux.mm.hugetlb.super import parse_options as hugetlbfs_options
from memsh.linux.mm.shmem.super import Tmpfs, parse_options
from memsh.procfs.pid_mounts import mounted
from memsh.shell import IO, Args, command, opt, rest
from memsh.shell.errors import ShellError

TOPIC = "files"
DMESG = "       dmesg(1) may have more information after failed mount system call."
FLAGS = ("nosuid", "nodev", "noexec", "sync", "dirsync", "mand")
IGNORED = ("rw", "defaults", "suid", "dev", "exec", "async", "auto", "noauto", "user", "nouser", "nofail", "_netdev",
           "loud", "silent", "diratime", "norelatime", "nostrictatime", "nolazytime", "nomand")  # fmt: skip
FAILED = 32


class Wanted:
    """The options of a mount taken apart: those of any mount, and the file system's own."""

    def __init__(self, text: str) -> None:
        self.remount = False
        self.own: list[str] = []
        atime = "relatime"
        flags: list[str] = []
        for word in filter(None, text.split(",")):
            if word == "remount":
                self.remount = True
            elif word in ("ro", "bind", "rbind", "move"):
                raise ShellError(f"{word}: not on this box", FAILED)
            elif word in ("relatime", "noatime", "strictatime"):
                atime = word
            elif word in FLAGS or word == "nodiratime":
                flags.append(word)
            elif word not in IGNORED:
                self.own.append(word)
        order = ("nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime")
        shown = [word for word in order if word in flags or word == atime]
        self.shown = ",".join(["rw", *(word for word in ("sync", "dirsync", "mand") if word in flags), *shown])


def _no_file_system(box: Box, source: str) -> str:
    """Why a disk is not mounted: there is none, nothing can be read from it, or no file system is on it."""
    inode = box.fs.lookup(source) if source.startswith("/") and box.fs.exists(source) else None
    if inode is None or not s_isblk(inode.mode):
        return f"special device {source} does not exist."
    if inode.rdev == box.fs.device.dev:
        return f"{source} already mounted or mount point busy."
    disk = box.fs.memory_disks.get(inode.rdev)
    return f"can't read superblock on {source}." if disk is not None and not disk.size else _BAD.format(source)


@command(
    opt("-t", "--types", type=str, meta="TYPE", help="of the file system"),
    opt("-o", "--options", type=str, default="", meta="LIST", help="size=, nr_inodes=, mode=, remount, …"),
    opt("-v", "--verbose", help="say what is done"), opt("-a", "--all", help="what fstab lists: nothing"),
    rest("words", meta="SOURCE DIRECTORY"), topic=TOPIC,
)  # fmt: skip
def mount(box: Box, args: Args, io: IO) -> int:
    """put an empty file system in memory over a directory; without words: what is mounted

    mkdir /ram; mount -t tmpfs -o size=16M ram /ram; df /ram

    Of tmpfs: size= (bytes, k, m, g, or % of the memory; half of it by default, 0 for no limit), nr_blocks=, nr_inodes=,
    mode=. -o remount,size=… changes limits. Its pages are shared memory: they count as Shmem and go to swap.
    Of hugetlbfs, on x86_64: pagesize=, size= and min_size= (% of the pool), nr_inodes=, mode=; a remount leaves them as
    they were. Its files are huge pages of the pool, for mmap and fallocate; they cannot be written.
    """
    if args.all:
        return 0
    if not args.words:
        for row in mounted(box):
            if args.types in (None, row.kind):
                own = row.super_options.removeprefix("rw")
                io.out(f"{row.source} on {row.where} type {row.kind} ({row.options}{own})\n")
        return 0
    running(box)
    wanted = Wanted(args.options)
    if wanted.remount:
        return _remount(box, io, args.words[-1], wanted)
    if len(args.words) != 2:
        raise ShellError(f"{args.words[0]}: can't find in /etc/fstab." if len(args.words) == 1 else "bad usage")
    source, where = args.words[0], resolve(io.session, args.words[1])
    huge = args.types == "hugetlbfs" and box.hugetlb.available
    if args.types != "tmpfs" and not huge:
        known = args.types is None or args.types in {row.kind for row in mounted(box)}
        said = _no_file_system(box, source) if known else f"unknown filesystem type '{args.types}'."
        raise ShellError(f"{where}: {said}\n{DMESG}", FAILED)
    try:
        if huge:
            mount_hugetlbfs(box, source, where, hugetlbfs_options(box, wanted.own), wanted.shown)
        else:
            mount_tmpfs(box, source, where, parse_options(box, wanted.own), wanted.shown)
    except KernelError as error:
        said = {
            "ENOMEM": f"mount(2) system call failed: {error.strerror}.",
            "ENOENT": "mount point does not exist.", "ENOTDIR": "mount point is not a directory.",
            "EBUSY": f"{source} already mounted or mount point busy.",
            "ENOSPC": "mount(2) system call failed: No space left on device.",
        }.get(error.code, _BAD.format(source))  # fmt: skip
        raise ShellError(f"{where}: {said}\n{DMESG}", FAILED) from None
    if args.verbose:
        io.out(f"mount: {source} mounted on {where}.\n")
    return 0


_BAD = "wrong fs type, bad option, bad superblock on {}, missing codepage or helper program, or other error."


def _remount(box: Box, io: IO, word: str, wanted: Wanted) -> int:
    where = resolve(io.session, word)
    found = mounted_at(box, where)
    try:
        if isinstance(found, Tmpfs):
            found.reconfigure(box, parse_options(box, wanted.own))
        elif found is not None:
            hugetlbfs_options(box, wanted.own)  # read and then forgotten: hugetlbfs has no reconfigure()
        else:
            raise KernelError("EINVAL")
    except KernelError:
        raise ShellError(f"{where}: mount point not mounted or bad option.\n{DMESG}", FAILED) from None
    found.flags = wanted.shown
    box.changes += 1
    return 0


@command(opt("-v", "--verbose", help="say what is done"), rest("words", meta="DIRECTORY"), topic=TOPIC)
def umount(box: Box, args: Args, io: IO) -> int:
    """take a file system off that was mounted; what was in it is gone

    mkdir /ram; mount -t tmpfs ram /ram; umount /ram
    """
    running(box)
    if not args.words:
        io.complain("bad usage")
        io.err("Try 'umount --help' for more information.\n")
        return 1
    status = 0
    for word in args.words:
        where = resolve(io.session, word)
        try:
            if io.session.cwd == where or io.session.cwd.startswith(where.rstrip("/") + "/"):
                raise KernelError("EBUSY" if mounted_at(box, where) is not None else "EINVAL")
            take_off(box, where)
        except KernelError as error:
            said = "not mounted." if box.fs.exists(where) else "no mount point specified."
            said = "target is busy." if error.code == "EBUSY" else said
            io.complain(f"{where}: {said}")
            status = FAILED
            continue
        if args.verbose:
            io.out(f"umount: {where} unmounted\n")
    return status
