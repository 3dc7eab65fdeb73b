"""Argument types that know the kernel: gfp flags, page frames.

A type is a function from the typed word to a value; it raises ValueError with the words to show.
"""

import re

from memsh.kernel.flags import GFP_NAMES

_TERM = re.compile(r"\s*(~?)\s*(\w+)\s*")


def gfp(word: str) -> int:
    """`GFP_KERNEL|GFP_DMA`, `GFP_KERNEL&~__GFP_DIRECT_RECLAIM`, `0xcc0`: & binds tighter than |, as in C."""
    flags = 0
    for product in re.split(r"[|,]", word):
        value = -1
        for factor in product.split("&"):
            match = _TERM.fullmatch(factor)
            if not match:
                raise ValueError(f"not gfp flags: '{word}'")
            value &= ~_flag(match[2], word) if match[1] else _flag(match[2], word)
        flags |= value
    if not 0 <= flags < 1 << 24:
        raise ValueError(f"not gfp flags: '{word}'")
    return flags


def _flag(name: str, word: str) -> int:
    if name.upper() in GFP_NAMES:
        return GFP_NAMES[name.upper()]
    upper = "GFP_" + name.upper()
    if upper in GFP_NAMES:
        return GFP_NAMES[upper]
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", name):
        return int(name, 0) if name.lower().startswith("0x") else int(name)
    raise ValueError(f"unknown gfp flag '{name}' in '{word}'")
