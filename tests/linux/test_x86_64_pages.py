"""The page allocator of x86_64: every recorded sequence, frame by frame and list by list, on one node and on two."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memsh.inspect.check import check
from memsh.inspect.check_pages import check_pages
from memsh.linux.arch.x86.x86_64.arch import X86_64
from memsh.linux.config import GIB, MIB, Config, parse_cpulist
from memsh.linux.include.flags import GFP_DMA, GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_KERNEL_ACCOUNT, GFP_NAMES
from memsh.linux.include.mmzone import ZONE_RECLAIM_ACTIVE
from memsh.machines import freelists
from memsh.machines.box import Box
from memsh.shell.values import wide_size
from tests.linux.test_pages_recorded import _DIRECT, _QUIET, FLAGS
from tests.paths import REFERENCE64

RECORDINGS = sorted((REFERENCE64 / "pages").glob("*.txt"))
# What the kswapd of node 1 did on a CPU of its own, by the line before which it did it: it begins to reclaim and ends,
# and takes the boost back. The recording tells of CPU 0 alone, and follows from these moments to its end.
BESIDE = {"two-nodes-exhausted": {3630: "active", 3990: "idle", 5203: "unboost", 5762: "unboost", 7000: "unboost"}}
MACHINES = sorted(REFERENCE64.glob("boot-*/freelists.txt"))
THISNODE = GFP_NAMES["__GFP_THISNODE"]


def quiet(gfp: int) -> int:
    return gfp & ~_DIRECT | _QUIET


FLAGS64 = FLAGS | {"DMA32": quiet(GFP_KERNEL | GFP_NAMES["GFP_DMA32"]), "ACCOUNT": quiet(GFP_KERNEL_ACCOUNT)}
ON_NODE = {
    "NODE": quiet(GFP_KERNEL), "THISNODE": quiet(GFP_KERNEL | THISNODE),
    "MOVABLE_NODE": quiet(GFP_HIGHUSER_MOVABLE),
}  # fmt: skip


def config_of(head: str) -> Config:
    """The machine that a recording's first line describes."""
    ram, cpus = re.search(r"ram (\w+)", head), re.search(r"cpus (\d+)", head)
    assert ram and cpus
    told = re.search(r"nodes (\(\(.*?\)\))", head)
    homes = ast.literal_eval(told[1]) if told else ()
    nodes = tuple((wide_size(size), parse_cpulist(cpulist) if cpulist else ()) for size, cpulist in homes)
    return Config(arch="x86_64", ram=wide_size(ram[1]), cpus=int(cpus[1]), nodes=nodes)


def allocate(box: Box, kind: str, order: int) -> int:
    """One recorded allocation: NODE1 and its like say which node is asked."""
    if kind in FLAGS64:
        return box.pages.alloc_pages(FLAGS64[kind], order)
    return box.pages.alloc_pages_node(ON_NODE[kind[:-1]], order, int(kind[-1]))


def of(lines: list[str], word: str) -> list[str]:
    """The page allocator's lines; those of slab caches stand among them in other recordings."""
    return [line for line in lines if line.startswith(word + " ")]


def beside(box: Box, what: str) -> None:
    """Something that another CPU did to node 1 meanwhile."""
    for zone in box.pages.nodes[1].zones_upto(X86_64.zone_normal):
        if what == "unboost":
            zone.watermark_boost = 0
            zone.update_limits()
        else:
            zone.set_flags(ZONE_RECLAIM_ACTIVE if what == "active" else 0)
    box.pages.refresh()


def assert_alike(box: Box, lines: list[str], word: str, alone: bool) -> None:
    """The whole state is as recorded; `alone`: the other CPU's own lists aside, since nothing tells what it did."""
    have, want = freelists.dump(box, word).splitlines(), of(lines, word)
    if alone:
        lists = re.compile(rf"{word} pcp(list)?:1 ")
        have, want = ([line for line in told if not lists.match(line)] for told in (have, want))
    assert have == want
    assert check_pages(box) == []


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_replay(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()
    box = Box(config_of(lines[0]), boot=False)
    freelists.load(box, text, "before")
    assert freelists.dump(box, "before").splitlines() == of(lines, "before")
    cut = lines.index("drain")
    other = BESIDE.get(path.stem, {})
    held: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(lines):
        words = line.split()
        if number in other:
            beside(box, other[number])
        if number == cut:
            assert_alike(box, lines, "after", bool(other))
        if words[0] == "A":
            got = allocate(box, words[3], int(words[2]))
            assert got == int(words[4], 16), line
            if got:
                held[words[1]] = (got, int(words[2]))
        elif words[0] == "F":
            box.pages.free_pages(*held.pop(words[1]))
    assert held == {}
    assert_alike(box, lines, "end", bool(other))


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.parent.name)
def test_recorded_machines_are_read_and_written_back(path: Path) -> None:
    found = re.search(r"(\d+)cpu", path.parent.name)
    assert found
    box = Box(Config(arch="x86_64", ram=8 * GIB, cpus=int(found[1])), boot=False)
    freelists.load(box, path.read_text())
    assert freelists.dump(box) == path.read_text()
    assert check_pages(box) == []
    assert freelists.dump(box.copy()) == path.read_text()


def test_a_node_alone_fails_where_the_fallback_helps() -> None:
    box = Box(Config(arch="x86_64", ram=256 * MIB, cpus=2, nodes=((128 * MIB, (0,)), (128 * MIB, (1,)))))
    pages = box.pages
    only = quiet(GFP_KERNEL | THISNODE)
    taken = []
    while pfn := pages.alloc_pages_node(only, 4, 1):
        assert pages.zone_of(pfn).node == 1
        taken.append(pfn)
    other = pages.alloc_pages_node(quiet(GFP_KERNEL), 4, 1)
    assert pages.zone_of(other).node == 0
    zone = next(zone for zone in pages.nodes[0].zones if zone.numa_miss)
    assert zone.numa_miss == 1
    assert sum(zone.numa_foreign for zone in pages.nodes[1].zones) == 1
    for pfn in (*taken, other):
        pages.free_pages(pfn, 4)
    assert check(box) == []


def test_every_cpu_keeps_pages_of_a_node_that_has_none() -> None:
    box = Box(Config(arch="x86_64", ram=GIB, cpus=2, nodes=((GIB // 2, (0, 1)), (GIB // 2, ()))))
    zone = box.pages.nodes[1].zones[X86_64.zone_dma32]
    assert (zone.wmark_low, zone.high, zone.batch) == (7971, 3985, 31)  # as the real machine's zoneinfo has it


def test_what_a_cpu_frees_waits_on_its_own_list() -> None:
    box = Box(Config(arch="x86_64", ram=GIB, cpus=2))
    pages = box.pages
    pages.use_cpu(1)
    pfn = pages.alloc_pages(GFP_KERNEL, 0)
    zone = pages.zone_of(pfn)
    left = [len(pcp.lists[0]) for pcp in zone.pcps]
    pages.free_pages(pfn, 0)
    assert [len(pcp.lists[0]) for pcp in zone.pcps] == [left[0], left[1] + 1]
    pages.use_cpu(0)
    assert pages.alloc_pages(GFP_KERNEL, 0) != pfn
    assert check(box) == []


def test_the_charge_of_an_accounted_block_can_refuse_it() -> None:
    box = Box(Config(arch="x86_64", ram=512 * MIB))
    paid: list[tuple[int, int]] = []
    box.pages.charge = lambda pfn, order, gfp: paid.append((pfn, order)) is None and order < 2
    box.pages.uncharge = lambda pfn, order: paid.remove((pfn, order))
    box.pages.refresh()
    free = sum(zone.nr_free + zone.pcp.count for zone in box.pages.zones)
    assert box.pages.alloc_pages(GFP_KERNEL_ACCOUNT, 3) == 0
    paid.clear()
    pfn = box.pages.alloc_pages(GFP_KERNEL_ACCOUNT, 1)
    assert paid == [(pfn, 1)]
    box.pages.alloc_pages(GFP_KERNEL, 0)
    assert paid == [(pfn, 1)]
    box.pages.free_pages(pfn, 1)
    assert paid == []
    assert sum(zone.nr_free + zone.pcp.count for zone in box.pages.zones) == free - 1


_KINDS = [GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_KERNEL | GFP_NAMES["__GFP_RECLAIMABLE"], GFP_KERNEL | GFP_DMA,
          GFP_KERNEL | GFP_NAMES["GFP_DMA32"], GFP_KERNEL | THISNODE]  # fmt: skip
_STEP = st.tuples(st.integers(0, 10), st.sampled_from(_KINDS), st.integers(0, 2), st.integers(0, 3), st.booleans())
_BASE = Box(Config(arch="x86_64", ram=384 * MIB, cpus=4, nodes=((128 * MIB, (0, 1)), (64 * MIB, (2,)),
                                                                  (192 * MIB, (3,)))))  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_STEP, max_size=120))
def test_whatever_is_taken_and_given_every_frame_is_accounted_for(
    steps: list[tuple[int, int, int, int, bool]],
) -> None:
    box = _BASE.copy()
    pages = box.pages
    held = []
    for order, gfp, node, cpu, free in steps:
        pages.use_cpu(cpu)
        if free and held:
            pages.free_pages(*held.pop(order % len(held)))
        elif pfn := pages.alloc_pages_node(quiet(gfp), order, node):
            held.append((pfn, order))
    assert check(box) == []
    for block in held:
        pages.free_pages(*block)
    pages.drain_all_pages()
    assert check(box) == []


def test_zones_of_requests() -> None:
    names = X86_64.zone_names
    assert names[X86_64.gfp_zones[GFP_KERNEL & 0xF]] == "Normal"
    assert names[X86_64.gfp_zones[GFP_NAMES["GFP_DMA32"]]] == "DMA32"
    assert names[X86_64.gfp_zones[GFP_HIGHUSER_MOVABLE & 0xF]] == "Movable"


@pytest.mark.parametrize(("arch", "folder"), [("i386", "reference64"), ("x86_64", "reference")])
def test_a_recording_of_the_other_machine_is_refused(arch: str, folder: str) -> None:
    text = (REFERENCE64.parent / folder / "boot-512m-1cpu" / "freelists.txt").read_text()
    with pytest.raises(ValueError, match=f"another machine than {arch}"):
        freelists.load(Box(Config(arch=arch, ram=512 * MIB), boot=False), text)
