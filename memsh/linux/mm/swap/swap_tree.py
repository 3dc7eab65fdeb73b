"""The tree that holds a part of the swap cache: slot -> frame, or what a reclaimed page left (mm/swap_state.c).

Its nodes come from the same cache as those of files; what it keeps of reclaimed pages is not counted in
workingset_nodes, and its nodes must not use the last reserves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES
from memsh.linux.lib.xarray import XArray

if TYPE_CHECKING:
    from memsh.linux.box import Box


class SwapTree(XArray):
    """An address_space's tree; `gfp` is what its next node may do to be found."""

    __slots__ = ()
    gfp = GFP_NAMES["__GFP_HIGH"] | GFP_NAMES["__GFP_NOMEMALLOC"] | GFP_NAMES["__GFP_NOWARN"]

    def __init__(self, box: Box) -> None:
        super().__init__(box, swaps=True)
