"""What a machine is made of beyond the kernel's own code: handed to the box by `memsh.machines`.

The kernel asks only for what stands here, and never for a machine by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from memsh.linux.box import Box


class Churn(Protocol):
    """Everyday use that wears the free lists, and what it holds."""

    pages: list[tuple[int, int]]  # (first frame, order)

    def run(self, box: Box, seconds: int) -> int:
        """Churn as of `seconds` of use; answers how many allocations and frees it made."""


class SlabTables(NamedTuple):
    """The caches of a booted box, with sizes in bytes.

    `boot_caches`: (name, object size, flags, objects in use with one CPU, with several), in the order of creation.
    """

    kmalloc_sizes: tuple[int, ...]
    kmalloc_prefixes: tuple[str, ...]
    aliases: Mapping[str, str]
    kmalloc_boot: Mapping[str, tuple[int, int]]
    boot_caches: tuple[tuple[str, int, int, int, int], ...]


class Model:
    """One kind of machine: `slab` are its caches, `install` puts the programs on its disk, `churn` makes what `age`
    runs."""

    __slots__ = ("churn", "install", "slab")

    def __init__(self, slab: SlabTables, install: Callable[[Box], None], churn: Callable[[], Churn]) -> None:
        self.slab, self.install, self.churn = slab, install, churn

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self
