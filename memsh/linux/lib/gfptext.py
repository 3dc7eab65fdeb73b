"""GFP flags as the kernel spells them (include/trace/events/mmflags.h, lib/vsprintf.c: %pGg)."""

from memsh.linux.include.flags import GFP_NAMES

_NAMES = """
GFP_TRANSHUGE GFP_TRANSHUGE_LIGHT
GFP_HIGHUSER_MOVABLE GFP_HIGHUSER GFP_USER GFP_KERNEL_ACCOUNT GFP_KERNEL GFP_NOFS GFP_ATOMIC GFP_NOIO GFP_NOWAIT
GFP_DMA __GFP_HIGHMEM GFP_DMA32 __GFP_HIGH __GFP_ATOMIC __GFP_IO __GFP_FS __GFP_NOWARN __GFP_RETRY_MAYFAIL
__GFP_NOFAIL __GFP_NORETRY __GFP_COMP __GFP_ZERO __GFP_NOMEMALLOC __GFP_MEMALLOC __GFP_HARDWALL __GFP_THISNODE
__GFP_RECLAIMABLE __GFP_MOVABLE __GFP_ACCOUNT __GFP_WRITE __GFP_RECLAIM __GFP_DIRECT_RECLAIM __GFP_KSWAPD_RECLAIM
__GFP_ZEROTAGS"""
GFP_ORDER = tuple(_NAMES.split())
_GFP = [(name, GFP_NAMES[name]) for name in GFP_ORDER if name in GFP_NAMES]


def gfp_text(flags: int) -> str:
    """Flags by name, those with most bits first, what has no name in hex (show_gfp_flags)."""
    if not flags:
        return "none"
    names = []
    for name, bits in _GFP:
        if flags & bits == bits:
            names.append(name)
            flags &= ~bits
    return "|".join([*names, *([hex(flags)] if flags else [])])
