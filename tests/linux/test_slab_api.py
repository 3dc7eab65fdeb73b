"""The slab allocator has one interface, and what C lets happen happens: an object freed twice is handed out twice."""

from __future__ import annotations

import ast
import itertools
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memsh
from memsh.inspect import slabreport
from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL
from memsh.linux.mm.slab import slub_types
from memsh.linux.mm.slab.api import KmemCache
from memsh.linux.mm.slab.slab import Slab, SlabCache
from memsh.linux.mm.slab.slub_types import KmemCacheCpu, KmemCacheNode, SlubCache
from memsh.machines.box import Box
from memsh.procfs import slabinfo as procfs_slabinfo
from memsh.procfs import tree

PACKAGE = Path(memsh.__file__).parent
OUTSIDE = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE / "linux" / "mm" / "slab")
OPEN = {"api", "objects", "callsites"}  # what others may import of linux/mm/slab
CHOOSES = PACKAGE / "machines" / "slabs.py"
PLAIN = {  # names with other uses
    "active", "addr", "batchcount", "cache", "colour", "cpu", "entries", "entry", "free", "freelist", "frozen",
    "held", "inuse", "limit", "links", "next", "nid", "node", "objects", "offset", "order", "partial", "pfn",
    "shared", "slab", "slabs", "touched",
}  # fmt: skip


def test_nothing_outside_reads_the_fields_of_an_allocator() -> None:
    kinds = (SlabCache, Slab, SlubCache, slub_types.Slab, KmemCacheCpu, KmemCacheNode)
    hidden = {name for kind in kinds for name in kind.__slots__} - set(KmemCache.__slots__) - PLAIN
    hidden |= {"slab_of", "total_slabs", "off_slab"}
    found = []
    for path in OUTSIDE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in hidden:
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {node.attr}")
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("memsh.linux.mm.slab."):
                if node.module.rpartition(".")[2] not in OPEN and path != CHOOSES:
                    found.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {node.module}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("size", [32, 100, 700, 8192])
def test_an_object_freed_twice_is_handed_out_twice(size: int) -> None:
    box = Box(Config())
    slab = box.slab
    addr = slab.kmalloc(size)
    slab.kfree(addr)
    slab.kfree(addr)
    assert any(f"{addr:#x} is free twice" in line for line in check(box))
    assert [slab.kmalloc(size), slab.kmalloc(size)] == [addr, addr]
    assert slab.kmalloc(size) != addr


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
@pytest.mark.parametrize("size", [8, 64, 700, 4096])
def test_each_object_is_counted_as_a_change(arch: str, size: int) -> None:
    """Enough of them for every way: from the CPU's own, from a partial slab, from a new one."""
    slab = Box(Config(arch=arch)).slab
    seen, last = [slab.changes], 0
    for _ in range(300):
        last = slab.kmalloc(size)
        seen.append(slab.changes)
    slab.kfree(last)
    seen.append(slab.changes)
    assert all(before != after for before, after in itertools.pairwise(seen))
    assert slab.changes == seen[-1]


def test_nomerge() -> None:
    """Names that another cache serves get caches of their own."""
    merged, apart = Box(Config()).slab, Box(Config(cmdline="vmalloc=106488K slab_nomerge"))
    assert merged.find("fs_cache") is merged.find("pid")
    assert apart.slab.find("fs_cache").name == "fs_cache"
    assert check(apart) == []
    rows = {line.split()[0]: line.split()[1:6] for line in tree.show(apart, "/proc/slabinfo").splitlines()[2:]}
    assert len(rows) == 156 and rows["Acpi-Namespace"][2:4] == ["32", "124"] and rows["UDP"][2:] == ["768", "5", "1"]
    names = list(rows)  # the newest first
    assert names.index("UDP-Lite") < names.index("UDP") < names.index("Acpi-Operand") < names.index("Acpi-Namespace")


def test_objects_that_are_wiped_hold_no_free_list() -> None:
    """init_on_free: the list lies beside the objects, of which one fewer may fit."""
    geometry = {}
    for on in "01":
        box = Box(Config(cmdline=f"vmalloc=106488K init_on_free={on}"))
        for line in tree.show(box, "/proc/slabinfo").splitlines()[2:]:
            geometry[line.split()[0], on] = line.split()[3:6]
    changed = {name: geometry[name, "1"] for name, on in geometry if geometry[name, "0"] != geometry[name, "1"]}
    assert changed == {"kmalloc-64": ["64", "63", "1"], "dma-kmalloc-64": ["64", "63", "1"],
                       "kmalloc-rcl-64": ["64", "63", "1"], "kernfs_node_cache": ["80", "50", "1"],
                       "ext4_fc_dentry_update": ["80", "50", "1"]}  # fmt: skip


def test_objects_freed_twice_in_numbers_leave_a_box_that_works() -> None:
    """The arrays overflow: slabs get back more objects than they gave."""
    box = Box(Config())
    slab = box.slab
    held = [slab.kmalloc(256) for _ in range(300)]
    for addr in held + held:
        with suppress(KernelError):  # the page that a slab lay in is somebody else's by then
            slab.kfree(addr)
    for cache in list(slab.caches.values()):
        slab.kmem_cache_shrink(cache)
    assert all(slab.kmalloc(256) for _ in range(1000))


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_an_object_freed_to_another_cache(arch: str) -> None:
    """As the kernels do: SLAB's array hands it out to that cache, SLUB's slab takes it back; no word in the log."""
    box = Box(Config(arch=arch, ram=128 * MIB, cmdline="slab_nomerge"))
    slab = box.slab
    one, two = slab.kmem_cache_create("one", 100), slab.kmem_cache_create("two", 200)
    mine = slab.kmem_cache_alloc(one)
    slab.kmem_cache_alloc(two)
    lines = len(box.log.records)
    assert "object of one" in slabreport.kmem_cache_free(box, two, mine)
    assert (slab.kmem_cache_alloc(two) == mine) == (arch == "i386")
    assert len(box.log.records) == lines


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["i386", "x86_64"]), st.lists(st.tuples(st.integers(8, 700), st.integers(1, 300)), min_size=2,
                                                     max_size=5), st.integers(1, 400))
def test_objects_freed_to_other_caches_in_numbers_leave_a_box_that_works(
    arch: str, caches: list[tuple[int, int]], again: int
) -> None:
    box = Box(Config(arch=arch, ram=64 * MIB, cmdline="slab_nomerge"))
    slab = box.slab
    made = [slab.kmem_cache_create(f"c{n}", size) for n, (size, _) in enumerate(caches)]
    objects = [slab.kmem_cache_alloc_bulk(cache, GFP_KERNEL, count)
               for cache, (_, count) in zip(made, caches, strict=True)]
    for number, addrs in enumerate(objects):
        slab.kmem_cache_free_bulk(made[number - 1], addrs)
    for cache in made:
        slab.kmem_cache_alloc_bulk(cache, GFP_KERNEL, again)
        slab.kmem_cache_shrink(cache)
    check(box)
    procfs_slabinfo.show(box)
    box.copy()
