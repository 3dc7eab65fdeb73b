"""/sys/kernel/slab: a folder a cache with a file an attribute, and a link for each other name (mm/slub.c).

Only a machine with SLUB has it. No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.procfs.node import Directory, Link, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import KmemCache


def names(box: Box) -> Iterable[str]:
    """What /sys/kernel has of it: nothing with SLAB."""
    return ("slab",) if box.slab.attributes() else ()


def find(box: Box, name: str) -> Node | None:
    return SLAB if name == "slab" and box.slab.attributes() else None


def _caches(box: Box) -> Iterable[str]:
    return sorted([*box.slab.folders(), *box.slab.links()])


def _cache(box: Box, name: str) -> Node | None:
    cache = box.slab.folder(name)
    if cache is not None:
        return Directory({name: _file(cache, name, mode) for name, mode in box.slab.attributes().items()}, 0o755)
    folder = box.slab.link(name)
    return Link(lambda box: folder) if folder else None


def _file(cache: KmemCache, name: str, mode: int) -> ProcFile:
    """kernfs opens no file for writing whose mode does not say so, whoever asks."""

    def show(box: Box) -> str:
        return box.slab.attribute(cache, name)

    def store(box: Box, text: str) -> None:
        box.slab.store_attribute(cache, name, text)

    return ProcFile(show, store if mode & 0o200 else None, mode)


SLAB = Directory({}, 0o755, names=_caches, find=_cache)
