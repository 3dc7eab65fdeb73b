"""Argument types that know the kernel: gfp flags, page frames.

A type is a function from the typed word to a value; it raises ValueError with the words to show.
"""

import re
from functools import lru_cache

from memsh.alike import alike
from memsh.lazy import regular
from memsh.linux.include.flags import GFP_NAMES

_TOKEN = regular(r"\w+|\S")


@lru_cache(256)
def gfp(word: str) -> int:
    """`GFP_KERNEL|GFP_DMA`, `(GFP_KERNEL|GFP_DMA)&~__GFP_DIRECT_RECLAIM`, `0xcc0`: & binds tighter than |, as in C."""
    tokens = _TOKEN.findall(word)[::-1]
    flags = _alternatives(tokens, word) if len(tokens) < 200 else -1
    if tokens or not 0 <= flags < 1 << 24:
        raise ValueError(f"not gfp flags: '{word}'")
    return flags


def _alternatives(tokens: list[str], word: str) -> int:
    """What `|` joins. The next token is the last of the list."""
    flags = 0
    while True:
        value = _factor(tokens, word)
        while tokens and tokens[-1] == "&":
            tokens.pop()
            value &= _factor(tokens, word)
        flags |= value
        if not tokens or tokens[-1] not in "|,":
            return flags
        tokens.pop()


def _factor(tokens: list[str], word: str) -> int:
    """A name, a number, something in parentheses, or `~` before one of them."""
    token = tokens.pop() if tokens else ""
    if token == "~":
        return ~_factor(tokens, word)
    if token == "(":
        value = _alternatives(tokens, word)
        token = tokens.pop() if tokens else ""
        if token == ")":
            return value
    if not re.fullmatch(r"\w+", token):
        raise ValueError(f"not gfp flags: '{word}'")
    return _flag(token, word)


def _flag(name: str, word: str) -> int:
    if name.upper() in GFP_NAMES:
        return GFP_NAMES[name.upper()]
    upper = "GFP_" + name.upper()
    if upper in GFP_NAMES:
        return GFP_NAMES[upper]
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", name):
        return int(name, 0) if name.lower().startswith("0x") else int(name)
    wanted = name.upper().strip("_").removeprefix("GFP_")
    meant = [f"__GFP_{wanted}"] if f"__GFP_{wanted}" in GFP_NAMES else alike(name.upper(), GFP_NAMES, 2)
    if wanted == "HIGHMEM":
        meant.append("GFP_HIGHUSER, which is GFP_USER|__GFP_HIGHMEM")
    hint = f": did you mean {' or '.join(meant)}?" if meant else ""
    raise ValueError(f"unknown gfp flag '{name}' in '{word}'{hint}")
