"""GFP flags as they are typed."""

import pytest

from memsh.commands.types import gfp
from memsh.linux.include.flags import GFP_DMA, GFP_KERNEL, GFP_NAMES

DIRECT, RECLAIMABLE = GFP_NAMES["__GFP_DIRECT_RECLAIM"], GFP_NAMES["__GFP_RECLAIMABLE"]


@pytest.mark.parametrize(
    ("word", "flags"),
    [
        ("GFP_KERNEL", GFP_KERNEL),
        ("GFP_KERNEL,GFP_DMA", GFP_KERNEL | GFP_DMA),
        ("GFP_DMA|GFP_KERNEL&~__GFP_DIRECT_RECLAIM", GFP_DMA | GFP_KERNEL & ~DIRECT),
        ("GFP_KERNEL | __GFP_RECLAIMABLE & ~__GFP_DIRECT_RECLAIM", GFP_KERNEL | RECLAIMABLE),
        ("(GFP_KERNEL|__GFP_RECLAIMABLE)&~__GFP_DIRECT_RECLAIM", GFP_KERNEL & ~DIRECT | RECLAIMABLE),
        ("GFP_KERNEL&~(__GFP_DIRECT_RECLAIM|0x40)|GFP_DMA", GFP_KERNEL & ~(DIRECT | 0x40) | GFP_DMA),
        ("0xcc0", 0xCC0),
    ],
)
def test_flags_as_in_c(word: str, flags: int) -> None:
    assert gfp(word) == flags


@pytest.mark.parametrize(
    "word",
    ["", "|", "GFP_KERNEL|", "GFP_KERNEL GFP_DMA", "(GFP_KERNEL", "GFP_KERNEL)", "~GFP_DMA", "GFP_KERNEL&",
     "GFP_KERNEL+1", "(" * 5000 + "1", "~" * 900 + "1"],
)  # fmt: skip
def test_what_is_none(word: str) -> None:
    with pytest.raises(ValueError, match="gfp flags"):
        gfp(word)
