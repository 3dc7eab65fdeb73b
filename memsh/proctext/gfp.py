"""GFP masks as the kernels of twenty years printed them.

The bits of include/linux/gfp.h were moved four times: up to 4.3, in 4.4, in 4.8, in 4.19, in 5.1 (gfp_types.h later).
A report since 4.6 spells the flags out; an older one, or a mask alone, is read by the kernel's version, and without a
version by the set of bits under which it makes sense.
"""

from __future__ import annotations

from typing import NamedTuple

_ZONES = {0x1: "__GFP_DMA", 0x2: "__GFP_HIGHMEM", 0x4: "__GFP_DMA32", 0x8: "__GFP_MOVABLE"}
_UP_TO_4_3 = {
    **_ZONES,
    0x10: "__GFP_WAIT",
    0x20: "__GFP_HIGH",
    0x40: "__GFP_IO",
    0x80: "__GFP_FS",
    0x100: "__GFP_COLD",
    0x200: "__GFP_NOWARN",
    0x400: "__GFP_REPEAT",
    0x800: "__GFP_NOFAIL",
    0x1000: "__GFP_NORETRY",
    0x2000: "__GFP_MEMALLOC",
    0x4000: "__GFP_COMP",
    0x8000: "__GFP_ZERO",
    0x10000: "__GFP_NOMEMALLOC",
    0x20000: "__GFP_HARDWALL",
    0x40000: "__GFP_THISNODE",
    0x80000: "__GFP_RECLAIMABLE",
    0x100000: "__GFP_KMEMCG",
    0x200000: "__GFP_NOTRACK",
    0x400000: "__GFP_NO_KSWAPD",
    0x800000: "__GFP_OTHER_NODE",
    0x1000000: "__GFP_WRITE",
}
_LATER = {
    **{bit: name for bit, name in _UP_TO_4_3.items() if bit < 0x200000},
    0x10: "__GFP_RECLAIMABLE",
    0x80000: "__GFP_ATOMIC",
    0x100000: "__GFP_ACCOUNT",
}
_4_4 = {
    **_LATER,
    0x200000: "__GFP_NOTRACK",
    0x400000: "__GFP_DIRECT_RECLAIM",
    0x800000: "__GFP_OTHER_NODE",
    0x1000000: "__GFP_WRITE",
    0x2000000: "__GFP_KSWAPD_RECLAIM",
}
_4_8 = {
    **_LATER,
    0x400: "__GFP_RETRY_MAYFAIL",
    0x200000: "__GFP_NOTRACK",
    0x400000: "__GFP_DIRECT_RECLAIM",
    0x800000: "__GFP_WRITE",
    0x1000000: "__GFP_KSWAPD_RECLAIM",
}
_4_19 = {
    **_LATER,
    0x100: "__GFP_WRITE",
    0x400: "__GFP_RETRY_MAYFAIL",
    0x200000: "__GFP_DIRECT_RECLAIM",
    0x400000: "__GFP_KSWAPD_RECLAIM",
}
_5_1 = {
    **_ZONES,
    0x10: "__GFP_RECLAIMABLE",
    0x20: "__GFP_HIGH",
    0x40: "__GFP_IO",
    0x80: "__GFP_FS",
    0x100: "__GFP_ZERO",
    0x200: "__GFP_ATOMIC",
    0x400: "__GFP_DIRECT_RECLAIM",
    0x800: "__GFP_KSWAPD_RECLAIM",
    0x1000: "__GFP_WRITE",
    0x2000: "__GFP_NOWARN",
    0x4000: "__GFP_RETRY_MAYFAIL",
    0x8000: "__GFP_NOFAIL",
    0x10000: "__GFP_NORETRY",
    0x20000: "__GFP_MEMALLOC",
    0x40000: "__GFP_COMP",
    0x80000: "__GFP_NOMEMALLOC",
    0x100000: "__GFP_HARDWALL",
    0x200000: "__GFP_THISNODE",
    0x400000: "__GFP_ACCOUNT",
    0x800000: "__GFP_ZEROTAGS",
    0x1000000: "__GFP_SKIP_ZERO",
    0x2000000: "__GFP_SKIP_KASAN",
    0x4000000: "__GFP_NOLOCKDEP",
}
ERAS: list[tuple[tuple[int, int], str, dict[int, str]]] = [
    ((5, 1), "5.1 and later", _5_1),
    ((4, 19), "4.19 to 5.0", _4_19),
    ((4, 8), "4.8 to 4.18", _4_8),
    ((4, 4), "4.4 to 4.7", _4_4),
    ((2, 6), "2.6 to 4.3", _UP_TO_4_3),
]
"""(first version, its name, bit → flag), newest first."""
_R = ("__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM")
ALIASES: dict[str, tuple[str, ...]] = {
    "GFP_TRANSHUGE": (
        *_R,
        "__GFP_IO",
        "__GFP_FS",
        "__GFP_HARDWALL",
        "__GFP_HIGHMEM",
        "__GFP_MOVABLE",
        "__GFP_COMP",
        "__GFP_NOMEMALLOC",
        "__GFP_NOWARN",
    ),
    "GFP_TRANSHUGE_LIGHT": (
        "__GFP_IO",
        "__GFP_FS",
        "__GFP_HARDWALL",
        "__GFP_HIGHMEM",
        "__GFP_MOVABLE",
        "__GFP_COMP",
        "__GFP_NOMEMALLOC",
        "__GFP_NOWARN",
    ),
    "GFP_HIGHUSER_MOVABLE": (*_R, "__GFP_IO", "__GFP_FS", "__GFP_HARDWALL", "__GFP_HIGHMEM", "__GFP_MOVABLE"),
    "GFP_HIGHUSER": (*_R, "__GFP_IO", "__GFP_FS", "__GFP_HARDWALL", "__GFP_HIGHMEM"),
    "GFP_USER": (*_R, "__GFP_IO", "__GFP_FS", "__GFP_HARDWALL"),
    "GFP_KERNEL_ACCOUNT": (*_R, "__GFP_IO", "__GFP_FS", "__GFP_ACCOUNT"),
    "GFP_TEMPORARY": (*_R, "__GFP_IO", "__GFP_FS", "__GFP_RECLAIMABLE"),
    "GFP_KERNEL": (*_R, "__GFP_IO", "__GFP_FS"),
    "GFP_NOFS": (*_R, "__GFP_IO"),
    "GFP_NOIO": _R,
    "__GFP_RECLAIM": _R,
    "GFP_DMA32": ("__GFP_DMA32",),
    "GFP_DMA": ("__GFP_DMA",),
    "GFP_NOWAIT": ("__GFP_KSWAPD_RECLAIM",),
    "GFP_ATOMIC": ("__GFP_HIGH", "__GFP_ATOMIC", "__GFP_KSWAPD_RECLAIM"),
}
"""The names that reports use, with what they stand for; the longest come first."""
_RARE = {
    "__GFP_NOFAIL",
    "__GFP_REPEAT",
    "__GFP_MEMALLOC",
    "__GFP_OTHER_NODE",
    "__GFP_NO_KSWAPD",
    "__GFP_KMEMCG",
    "__GFP_WRITE",
    "__GFP_ZEROTAGS",
    "__GFP_SKIP_ZERO",
    "__GFP_SKIP_KASAN",
    "__GFP_THISNODE",
    "__GFP_DMA",
}


class Gfp(NamedTuple):
    """A request's flags: the mask (None: not told), single flags, how they are best spelt, whose bits were applied."""

    mask: int | None
    flags: frozenset[str]
    text: str
    era: str

    @property
    def may_wait(self) -> bool:
        """Whether it may reclaim before it gives up."""
        return "__GFP_DIRECT_RECLAIM" in self.flags

    @property
    def harder(self) -> bool:
        """Whether it may go below the minimum watermark by a quarter more (ALLOC_HARDER): atomic requests."""
        return "__GFP_ATOMIC" in self.flags or ("__GFP_HIGH" in self.flags and not self.may_wait)

    @property
    def high(self) -> bool:
        """Whether half of the minimum watermark is open to it (ALLOC_HIGH)."""
        return "__GFP_HIGH" in self.flags

    @property
    def movable(self) -> bool:
        """Whether its page can be moved, so that it may lie in a contiguous memory area."""
        return "__GFP_MOVABLE" in self.flags

    @property
    def zone(self) -> str:
        """The highest zone that it may take from (gfp_zone)."""
        for flag, name in (("__GFP_DMA", "DMA"), ("__GFP_DMA32", "DMA32")):
            if flag in self.flags:
                return name
        if "__GFP_HIGHMEM" in self.flags:
            return "Movable" if self.movable else "HighMem"
        return "Normal"


def _modern(flags: set[str], old: bool) -> frozenset[str]:
    """Flags of old kernels in today's words: __GFP_WAIT was both kinds of reclaim, and everybody woke kswapd."""
    if old:
        if "__GFP_NO_KSWAPD" not in flags:
            flags.add("__GFP_KSWAPD_RECLAIM")
        if "__GFP_WAIT" in flags:
            flags.add("__GFP_DIRECT_RECLAIM")
        flags -= {"__GFP_WAIT"}
    return frozenset(flags)


def _decode(mask: int, bits: dict[int, str]) -> set[str] | None:
    known = {name for bit, name in bits.items() if mask & bit}
    return None if mask & ~sum(bits) else known


def _strange(flags: frozenset[str], era: str) -> int:
    """How unlikely a set of flags is, 0 for what kernels do every day."""
    odd = len(flags & _RARE)
    direct, kswapd = "__GFP_DIRECT_RECLAIM" in flags, "__GFP_KSWAPD_RECLAIM" in flags
    odd += 4 * (direct and not kswapd) + 2 * ("__GFP_FS" in flags and "__GFP_IO" not in flags)
    odd += 3 * ("__GFP_IO" in flags and not direct) + 2 * ("__GFP_ATOMIC" in flags and "__GFP_HIGH" not in flags)
    odd += 3 * (not direct and not kswapd and era != "2.6 to 4.3")
    odd += 2 * ("__GFP_MOVABLE" in flags and "__GFP_HIGHMEM" not in flags)
    return odd + ("__GFP_ATOMIC" in flags and direct) * 3


def spell(flags: frozenset[str]) -> str:
    """`GFP_KERNEL|__GFP_COMP`: the longest name that fits, and what is left."""
    left = set(flags)
    parts: list[str] = []
    for name, members in ALIASES.items():
        wanted = set(members)
        if name == "GFP_ATOMIC" and "__GFP_ATOMIC" not in left:
            wanted.discard("__GFP_ATOMIC")
        if wanted <= left and (len(wanted) > 1 or name in ("GFP_NOWAIT", "GFP_DMA", "GFP_DMA32")):
            if name == "GFP_NOWAIT" and "__GFP_HIGH" in left:
                continue
            parts.append(name)
            left -= wanted
    return "|".join([*parts, *sorted(left)]) or "0"


def decode(mask: int | None, spelt: str, version: tuple[int, int] | None) -> Gfp:
    """A mask with the names that a report gives beside it, or by the kernel's version, or by plausibility."""
    if spelt:
        flags: set[str] = set()
        for word in spelt.replace(" ", "").split("|"):
            flags |= set(ALIASES.get(word, (word,)))
        old = "__GFP_WAIT" in flags
        return Gfp(mask, _modern(flags, old), spelt, "as the report spells it")
    if mask is None:
        return Gfp(None, frozenset(), "unknown", "not told")
    told = next((era for first, era, _ in ERAS if version is not None and version >= first), "")
    candidates = []
    for first, era, bits in ERAS:
        known = _decode(mask, bits)
        if known is not None:
            flags_now = _modern(known, first == (2, 6))
            candidates.append((_strange(flags_now, era) - 3 * (era == told), era, flags_now))
    if not candidates:
        return Gfp(mask, frozenset(), f"{mask:#x}", "no known kernel's bits")
    _, era, best = min(candidates, key=lambda one: one[0])
    return Gfp(mask, best, spell(best), era if era == told else f"{era}, where this mask makes sense")
