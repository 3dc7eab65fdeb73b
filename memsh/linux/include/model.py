"""What a machine is made of beyond the kernel's own code: handed to the box by `memsh.machines`.

The kernel asks only for what stands here, and never for a machine by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.mm.slab.api import KmemCache, SlabAllocator


class Churn(Protocol):
    """Everyday use that wears the free lists, and what it holds."""

    pages: list[tuple[int, int]]  # (first frame, order)

    def run(self, box: Box, seconds: int) -> int:
        """Churn as of `seconds` of use; answers how many allocations and frees it made."""


class Model:
    """One kind of machine: `slab` makes its slab allocator, still without caches, `install` puts the programs on its
    disk, `churn` makes what `age` runs, `options` are those of the kernel's configuration that show (CONFIG_…, without
    that prefix)."""

    __slots__ = ("churn", "install", "options", "slab")

    def __init__(self, slab: Callable[[Box], SlabAllocator[KmemCache]], install: Callable[[Box], None],
                 churn: Callable[[], Churn], options: frozenset[str]) -> None:  # fmt: skip
        self.slab, self.install, self.churn, self.options = slab, install, churn, options

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self
