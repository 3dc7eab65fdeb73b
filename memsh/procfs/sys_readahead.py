"""How much is read ahead of a disk: read_ahead_kb of its queue and of its bdi, max_sectors_kb (block/blk-sysfs.c:
queue_ra_store, queue_max_sectors_store; mm/backing-dev.c: read_ahead_kb_store). Loop and RAM disks only keep it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.lib.kstrtox import kstrtoull_decimal
from memsh.procfs.node import ProcFile

if TYPE_CHECKING:
    from memsh.linux.block.disk import Bdi
    from memsh.linux.box import Box

PAGE_KB = 4
MAX_SECTORS_KB = UINT_MAX >> 1  # what virtio's disks take


def queue_var_store(text: str) -> int:
    """A number of 32 bits with base 10; whatever is wrong with it is EINVAL."""
    try:
        return kstrtoull_decimal(text, 32)
    except KernelError:
        raise KernelError("EINVAL", "a number of 32 bits") from None


def _bdi(box: Box, path: str) -> Bdi | None:
    """Of the disk that a path below /sys is about, by its number or by its name."""
    number = re.search(r"/bdi/(\d+):(\d+)/", path)
    name = re.search(r"/block/(\w+)/queue/", path)
    for disk in (*box.fs.block_devices(), *box.fs.memory_disks.values()):
        if (number and disk.dev == (int(number[1]), int(number[2]))) or (name and disk.name == name[1]):
            return box.disk.bdi.get(disk.dev)
    return None


def _ahead(bdi: Bdi) -> int:
    return bdi.ra_pages * PAGE_KB


def _sectors(bdi: Bdi) -> int:
    return bdi.max_sectors_kb


def _show(path: str, figure: Callable[[Bdi], int], file: ProcFile, box: Box) -> str:
    bdi = _bdi(box, path)
    if bdi is None:
        assert file.show is not None
        return file.show(box)
    return f"{figure(bdi)}\n"


def _store_ahead(path: str, file: ProcFile, box: Box, text: str) -> None:
    bdi = _bdi(box, path)
    if bdi is None:
        assert file.store is not None
        file.store(box, text)
        return
    kilobytes = kstrtoull_decimal(text, box.arch.bits) if "/bdi/" in path else queue_var_store(text)
    box.changes += 1
    bdi.ra_pages = kilobytes // PAGE_KB


def _store_sectors(path: str, file: ProcFile, box: Box, text: str) -> None:
    bdi = _bdi(box, path)
    if bdi is None:
        assert file.store is not None
        file.store(box, text)
        return
    kilobytes = queue_var_store(text)
    if not PAGE_KB <= kilobytes <= MAX_SECTORS_KB:
        raise KernelError("EINVAL", "a page at least")
    box.changes += 1
    bdi.max_sectors_kb = kilobytes


def acting(path: str, file: ProcFile) -> ProcFile:
    """The file `read_ahead_kb` or `max_sectors_kb` at a path below /sys."""
    if path.endswith("/read_ahead_kb"):
        return file._replace(show=partial(_show, path, _ahead, file), store=partial(_store_ahead, path, file))
    return file._replace(show=partial(_show, path, _sectors, file), store=partial(_store_sectors, path, file))
