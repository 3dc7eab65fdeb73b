"""/proc/PID/mounts, mountinfo and mountstats: what is mounted where (fs/proc_namespace.c, show_vfsmnt and its like)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.fs.namespace import mounts
from memsh.linux.fs.statfs import vfs_statfs
from memsh.linux.include.statfs import Kstatfs
from memsh.linux.mm.shmem.shmem import TMPFS_DEV
from memsh.procfs.seq_file import mangle_path

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task


def _no_more() -> str:
    return "rw"


class Mounted(NamedTuple):
    """A file system in the tree. `options` are the mount's own, `show_options` tells the file system's beside them:
    who asks only what lies where need not wait for them."""

    number: int
    parent: int
    dev: tuple[int, int]
    where: str
    kind: str
    source: str
    options: str = "rw,relatime"
    show_options: Callable[[], str] = _no_more

    @property
    def super_options(self) -> str:
        return self.show_options()

    @property
    def device(self) -> str:
        """The source as /proc spells it."""
        return mangle_path(self.source, " \t\n\\#")

    @property
    def place(self) -> str:
        return mangle_path(self.where, " \t\n\\")


def _show_devtmpfs(box: Box) -> str:
    """Half of memory (mm/shmem.c: shmem_show_options)."""
    pages = sum(zone.managed for zone in box.pages.zones)
    return f"rw,size={pages * 2}k,nr_inodes={pages // 2},mode=755{',inode64' if box.arch.bits == 64 else ''}"


def mounted(box: Box) -> list[Mounted]:
    """In the order in which they were mounted."""
    rows = [
        Mounted(1, 1, (254, 16), "/", "ext4", "/dev/vdb"),
        Mounted(15, 1, (0, 14), "/proc", "proc", "proc"),
        Mounted(16, 1, (0, 15), "/sys", "sysfs", "sysfs"),
        Mounted(17, 1, (0, 5), "/dev", "devtmpfs", "devtmpfs", show_options=partial(_show_devtmpfs, box)),
        Mounted(18, 17, TMPFS_DEV, "/dev/shm", "tmpfs", "tmpfs",
                show_options=partial(box.fs.tmpfs[TMPFS_DEV].show_options, box)),
        Mounted(19, 16, (0, 6), "/sys/kernel/debug", "debugfs", "debugfs"),
        Mounted(20, 16, (0, 11), "/sys/kernel/tracing", "tracefs", "tracefs"),
    ]  # fmt: skip
    if "CGROUPS" in box.model.options:
        rows.append(Mounted(21, 16, (0, 22), "/sys/fs/cgroup", "cgroup2", "cgroup2"))
    for one in mounts(box):
        if one.covered is not None:
            kind = "tmpfs" if one.dev in box.fs.tmpfs else "hugetlbfs"
            above = max((row for row in rows if below(one.where, row.where)), key=lambda row: len(row.where))
            rows.append(Mounted(one.number, above.number, one.dev, one.where, kind, one.source, one.flags,
                                partial(one.show_options, box)))  # fmt: skip
    return rows


def mount_of(box: Box, whole: str) -> Mounted:
    """The file system that an absolute name without links lies in: the last that was mounted there (lookup_mnt)."""
    return max(reversed([row for row in mounted(box) if below(whole, row.where)]), key=lambda row: len(row.where))


def statfs(box: Box, row: Mounted) -> Kstatfs:
    """How full it is (user_statfs)."""
    return vfs_statfs(box, row.dev, row.kind)


def below(path: str, where: str) -> bool:
    """Whether a path lies in the file system that is mounted at `where`."""
    return path == where or path.startswith(where.rstrip("/") + "/")


def show_mounts(box: Box, task: Task) -> str:
    """As /etc/mtab used to be: source, place, type, options."""
    del task
    rows = mounted(box)
    more = [row.super_options.removeprefix("rw") for row in rows]
    return "".join(f"{row.device} {row.place} {row.kind} {row.options}{own} 0 0\n"
                   for row, own in zip(rows, more, strict=True))  # fmt: skip


def show_mountinfo(box: Box, task: Task) -> str:
    del task
    return "".join(
        f"{row.number} {row.parent} {row.dev[0]}:{row.dev[1]} / {row.place} {row.options} - {row.kind} {row.device} "
        f"{row.super_options}\n"
        for row in mounted(box)
    )


def show_mountstats(box: Box, task: Task) -> str:
    del task
    return "".join(f"device {row.device} mounted on {row.place} with fstype {row.kind}\n" for row in mounted(box))
