"""/sys/kernel/mm/lru_gen and /sys/kernel/debug/lru_gen: generations of pages (mm/vmscan.c: lru_gen_seq_show).

**Known deviations:** generations are empty (memsh.linux.mm.vmscan.lru_gen).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.lazy import regular
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.lib.kstrtox import kstrtouint
from memsh.linux.mm.vmscan.lru_gen import ANON, CAPS, MAX_GENS, LruGenStruct, get_swappiness, run_aging, run_eviction
from memsh.procfs.node import ProcFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memsh.linux.box import Box

TIERS, MM_STATS = 4, "LOYNFA"
MAX_SWAPPINESS = 200
_COMMAND = regular(r"([\s\S])\s*(\d+)\s*(\d+)\s*(\d+)\s*(?:(\d+)\s*(?:(\d+)\s*)?)?")


def show_enabled(box: Box) -> str:
    return f"{box.lru_gen.caps:#06x}\n"


def store_enabled(box: Box, text: str) -> None:
    """n, y, or the bits of what is to be done. EINVAL."""
    letter = text[:1].lower()
    try:
        caps = 0 if letter == "n" else CAPS if letter == "y" else kstrtouint(text)
    except KernelError:
        raise KernelError("EINVAL", "y, n or a number") from None
    box.lru_gen.caps = caps & CAPS


def show_min_ttl(box: Box) -> str:
    return f"{box.lru_gen.min_ttl * (1000 // box.arch.hz) & UINT_MAX}\n"


def store_min_ttl(box: Box, text: str) -> None:
    """ms, kept in ticks (msecs_to_jiffies). EINVAL."""
    try:
        number = kstrtouint(text)
    except KernelError:
        raise KernelError("EINVAL", "milliseconds") from None
    most = (1 << box.arch.bits - 2) - 2  # MAX_JIFFY_OFFSET
    box.lru_gen.min_ttl = most if number >> 31 else -(-number * box.arch.hz // 1000)


def show_lru_gen(box: Box) -> str:
    return "".join(_lines(box, full=False))


def show_lru_gen_full(box: Box) -> str:
    """With what was reclaimed and came back of each tier."""
    return "".join(_lines(box, full=True))


def _groups(box: Box) -> list[tuple[int, str, int]]:
    """(id, path, when it was made in µs)."""
    found = [(1, "/", 0)]
    for group in box.cgroups.root.descendants():
        if group.memcg is not None:
            found.append((group.memcg.number + 1, group.path, group.memcg.born))
    return found


def _lines(box: Box, *, full: bool) -> Iterable[str]:
    tick = 1_000_000 // box.arch.hz
    now = box.timer.usec // tick
    first = next(node.nid for node in box.pages.nodes if node.present)
    for number, path, born in _groups(box):
        for node in box.pages.nodes:
            if not node.present:
                continue
            if node.nid == first:
                yield f"memcg {number:5d} {path}\n"
            yield f" node {node.nid:5d}\n"
            gen = box.lru_gen.of(number, node.nid, born // tick)
            for seq in range(gen.max_seq - MAX_GENS + 1 if full else gen.min_seq[ANON], gen.max_seq + 1):
                age = (now - gen.born[seq % MAX_GENS]) * tick // 1000
                sizes = "".join(f" {0:10d}{'x' if full and seq < least else ' '}" for least in gen.min_seq)
                yield f" {seq:10d} {age:10d}{sizes}\n"
                if full:
                    yield from _tiers(seq, gen)


def _tiers(seq: int, gen: LruGenStruct) -> Iterable[str]:
    """Averages of what came back and of all that went for the youngest generation, counts for the oldest."""
    young = seq == gen.max_seq
    marks = "".join("RT " if young else "rep" if seq == oldest else "   " for oldest in gen.min_seq)
    for tier in range(TIERS):
        yield f"            {tier:10d}" + "".join(f" {0:10d}{mark}" for mark in marks) + "\n"
    told = MM_STATS if young else " " * len(MM_STATS)
    yield " " * 22 + "".join(f" {0:10d}{mark}" for mark in told) + "\n"


def store_lru_gen(box: Box, text: str) -> None:
    """`+ MEMCG NODE GENERATION [SWAPPINESS [FORCE]]` begins a generation behind that one, `-` with SWAPPINESS and how
    many pages evicts it; several with , or ; between. EINVAL, ERANGE."""
    done = False
    for part in re.split("[,;\n]", text):
        words = part.lstrip()
        if words:
            _command(box, words)
            done = True
    if not done:
        raise KernelError("EINVAL", "no command")


def _command(box: Box, words: str) -> None:
    found = _COMMAND.fullmatch(words)
    if found is None:
        raise KernelError("EINVAL", "+ or -, a cgroup, a node, a generation")
    memcg, nid, seq = (int(word) for word in found.groups()[1:4])
    group = next((one for one in _groups(box) if one[0] == memcg), None)
    if group is None or not any(node.nid == nid and node.present for node in box.pages.nodes):
        raise KernelError("EINVAL", "no such cgroup or node")
    swappiness = int(found[5]) if found[5] else get_swappiness(box)
    option = int(found[6]) if found[6] else UINT_MAX
    if swappiness > MAX_SWAPPINESS or found[1] not in "+-":
        raise KernelError("EINVAL")
    tick = 1_000_000 // box.arch.hz
    gen = box.lru_gen.of(memcg, nid, group[2] // tick)
    if found[1] == "+":
        run_aging(gen, seq, swappiness > 0, option > 0, box.timer.usec // tick)
    else:
        run_eviction(gen, seq, swappiness, option)
    box.lru_gen.known[memcg, nid] = gen


KNOBS = {
    "enabled": ProcFile(show_enabled, store_enabled, 0o644, option="NUMA"),
    "min_ttl_ms": ProcFile(show_min_ttl, store_min_ttl, 0o644, option="NUMA"),
}
DEBUG = {
    "lru_gen": ProcFile(show_lru_gen, store_lru_gen, 0o644, option="NUMA"),
    "lru_gen_full": ProcFile(show_lru_gen_full, option="NUMA"),
}
