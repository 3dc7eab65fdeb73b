"""How much is read ahead of a disk: read_ahead_kb of its queue and of its bdi, max_sectors_kb (block/blk-sysfs.c:
queue_ra_store, queue_max_sectors_store; mm/backing-dev.c: read_ahead_kb_store).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.lib.kstrtox import kstrtoull_decimal
from memsh.procfs.node import ProcFile

if TYPE_CHECKING:
    from memsh.linux.block.disk import Bdi
    from memsh.linux.box import Box

PAGE_KB = 4


def queue_var_store(text: str) -> int:
    """A number of 32 bits with base 10; whatever is wrong with it is EINVAL."""
    try:
        return kstrtoull_decimal(text, 32)
    except KernelError:
        raise KernelError("EINVAL", "a number of 32 bits") from None


def _bdi(box: Box, path: str) -> Bdi:
    """Of the disk that a path below /sys is about, by its number or by its name."""
    number = re.search(r"/bdi/(\d+):(\d+)/", path)
    if number:
        return box.disk.bdi[int(number[1]), int(number[2])]
    name = path.split("/")[-3]
    disks = (*box.fs.block_devices(), *box.fs.memory_disks.values())
    return next(box.disk.bdi[disk.dev] for disk in disks if disk.name == name)


def _show_ahead(path: str, box: Box) -> str:
    return f"{_bdi(box, path).ra_pages * PAGE_KB}\n"


def _show_sectors(path: str, box: Box) -> str:
    return f"{_bdi(box, path).max_sectors_kb}\n"


def _store_ahead(path: str, box: Box, text: str) -> None:
    kilobytes = kstrtoull_decimal(text, box.arch.bits) if "/bdi/" in path else queue_var_store(text)
    box.changes += 1
    _bdi(box, path).ra_pages = kilobytes // PAGE_KB


def _store_sectors(path: str, box: Box, text: str) -> None:
    bdi, kilobytes = _bdi(box, path), queue_var_store(text)
    if not PAGE_KB <= kilobytes <= bdi.max_hw_sectors_kb:
        raise KernelError("EINVAL", f"from {PAGE_KB} to {bdi.max_hw_sectors_kb}")
    box.changes += 1
    bdi.max_sectors_kb = kilobytes


ACTING = {"read_ahead_kb": (_show_ahead, _store_ahead), "max_sectors_kb": (_show_sectors, _store_sectors)}


def acting(path: str, file: ProcFile) -> ProcFile:
    """The file of ACTING at a path below /sys."""
    show, store = ACTING[path.rpartition("/")[2]]
    return file._replace(show=partial(show, path), store=partial(store, path))
