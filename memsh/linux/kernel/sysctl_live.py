"""Tunables that count something, or follow from how much memory there is (fs/file_table.c, inode.c, dcache.c; ipc/).

**Known deviations:** limits that Linux takes from the memory that is free while it boots are taken from all of it; of
inodes and names none counts as unused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.config import cpulist_text

if TYPE_CHECKING:
    from memsh.linux.box import Box

INODES = ("inode_cache", "proc_inode_cache", "shmem_inode_cache", "sock_inode_cache", "ext4_inode_cache",
          "bdev_cache", "hugetlbfs_inode_cache", "mqueue_inode_cache")  # fmt: skip
FILES_BATCH = 32  # each CPU counts so many for itself before it tells (percpu_counter_batch)
EPOLL_ITEM = {4: 100, 8: 184}  # bytes of an epoll entry with its wait queue, by those of a word
WATCH = {4: 816, 8: 1344}  # of an inotify watch with two inodes


def _objects(box: Box, names: tuple[str, ...]) -> int:
    """Objects in use of these caches."""
    slab = box.slab
    return sum(slab.slabinfo(cache).active_objs for name, cache in slab.caches.items() if name in names)


def _lowmem(box: Box) -> int:
    return sum(zone.managed for zone in box.pages.zones if not zone.highmem)


def _of_user(box: Box, what: str) -> str:
    """What one user may have: of namespaces half as many as there may be threads (user_namespaces_init)."""
    if what.endswith("_namespaces"):
        return str((box.threads_max or 0) // 2)
    if what == "inotify_watches":
        return live_value(box, "fs.inotify.max_user_watches")
    group, _, thing = what.partition("_")
    return str(box.sysctl.values[f"fs.{group}.max_user_{thing}"])


def live_value(box: Box, name: str) -> str:
    word = box.arch.word
    most = (1 << box.arch.bits) - 1 - (1 << 24)
    files = max(8192, sum(zone.managed for zone in box.pages.zones) * 4 // 10)
    if name == "fs.dentry-state":
        return f"{_objects(box, ('dentry',))}\t0\t45\t0\t0\t0"
    if name == "fs.file-nr":
        known = (box.fs.opened + box.fs.descriptors) // FILES_BATCH * FILES_BATCH
        return f"{known}\t0\t{box.sysctl.text.get('fs.file-max', files)}"
    if name in ("fs.inode-nr", "fs.inode-state"):
        return f"{_objects(box, INODES)}\t0" + ("\t0" * 5 if name == "fs.inode-state" else "")
    if name.startswith("user.max_"):
        return _of_user(box, name.removeprefix("user.max_"))
    return str({
        "kernel.watchdog_cpumask": cpulist_text(range(box.config.cpus)),
        "fs.file-max": files, "kernel.shmall": most, "kernel.shmmax": most,
        "kernel.arch": box.arch.elf.platform.decode(),
        "fs.epoll.max_user_watches": (_lowmem(box) // 25 << 12) // EPOLL_ITEM[word],
        "fs.inotify.max_user_watches": min(1 << 20, max(8192, (_lowmem(box) // 100 << 12) // WATCH[word])),
    }[name])  # fmt: skip
