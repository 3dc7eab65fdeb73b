"""`slabstate.txt` of a recorded machine with SLUB: what its CPUs and nodes hold of each cache.

A line each, in the order of /proc/slabinfo: `now cache NAME figure value …`, then its `cpuslab`, `cpupartial`, `node`,
`nodepartial` lines; frames are hexadecimal. No known deviations.
"""

from __future__ import annotations

from memsh.linux.mm.slab.api import CacheState, SlabState


def parse_slabstate(text: str) -> list[CacheState]:
    """Every cache of the text, the oldest first. ValueError, one clear line, for what is none of it."""
    caches: list[CacheState] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            _line(caches, words[1:] if words[0] == "now" else words)
        except (ValueError, IndexError, KeyError):
            raise ValueError(f"slabstate.txt: line {number} makes no sense: '{line[:60]}'") from None
    return caches[::-1]


def frames(caches: list[CacheState]) -> list[tuple[int, int]]:
    """(first frame, order) of every slab that the recording knows."""
    return [
        (slab.pfn, cache.figures["order" if slab.objects == cache.figures["objects"] else "min_order"])
        for cache in caches for slab in cache.slabs
    ]  # fmt: skip


def _line(caches: list[CacheState], words: list[str]) -> None:
    kind = words[0]
    if kind == "cache":
        figures = {name: int(value, 16 if name == "allocflags" else 10)
                   for name, value in zip(words[2::2], words[3::2], strict=True)}  # fmt: skip
        caches.append(CacheState(words[1], figures, [], []))
        return
    slabs, where = caches[-1].slabs, int(words[1])
    if kind == "node":
        caches[-1].nodes.append((int(words[5]), int(words[7])))
        return
    pfn, rest = int(words[2], 16), words[3:]
    if kind == "cpuslab":
        own, page = rest.index("own"), rest.index("page")
        slabs.append(SlabState(pfn, int(rest[1]), int(rest[3]), cpu=where, own=_numbers(rest[own + 1 : page]),
                               free=_numbers(rest[page + 1 :])))  # fmt: skip
    elif kind == "cpupartial":
        slabs.append(SlabState(pfn, int(rest[3]), int(rest[5]), cpu=where, partial=True, slabs=int(rest[1]),
                               free=_numbers(rest[7:])))  # fmt: skip
    elif kind == "nodepartial":
        slabs.append(SlabState(pfn, int(rest[1]), int(rest[3]), node=where, free=_numbers(rest[5:])))
    else:
        raise ValueError(kind)


def _numbers(words: list[str]) -> tuple[int, ...]:
    return tuple(int(word) for word in words)
