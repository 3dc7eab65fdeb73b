"""Both allocators on machines with several CPUs and nodes: random work on random CPUs, and everything adds up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.inspect.check_slab import check_slab
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.flags import GFP_KERNEL
from memsh.linux.mm.slab.api import SLAB_NOLEAKTRACE
from memsh.machines.box import Box

TWO_NODES = Config(arch="x86_64", ram=2 * GIB, cpus=4, nodes=((GIB, (0, 1)), (GIB, (2, 3))))
STEPS = st.lists(
    st.tuples(st.sampled_from(["alloc", "alloc", "free", "bulk", "free_bulk", "shrink", "cpu", "node"]),
              st.integers(0, 1 << 16)), min_size=20, max_size=400,
)  # fmt: skip


def work(box: Box, size: int, steps: list[tuple[str, int]]) -> None:
    """Every object given is one that nobody has; what is given back is whole again; no object is lost."""
    slab = box.slab
    cache = slab.kmem_cache_create("teapot", size)
    held: list[int] = []
    seen: set[int] = set()

    def take(addrs: list[int]) -> None:
        assert addrs and not seen.intersection(addrs)
        held.extend(addrs)
        seen.update(addrs)

    def drop(which: int) -> int:
        held[which % len(held)], held[-1] = held[-1], held[which % len(held)]
        seen.discard(held[-1])
        return held.pop()

    for step, which in steps:
        if step == "alloc":
            take([slab.kmem_cache_alloc(cache, GFP_KERNEL) for _ in range(1 + which % 40)])
        elif step == "bulk":
            take(slab.kmem_cache_alloc_bulk(cache, GFP_KERNEL, 1 + which % 40))
        elif step == "free":
            for _ in range(min(len(held), which % 60)):
                slab.kmem_cache_free(cache, drop(which))
        elif step == "free_bulk":
            slab.kmem_cache_free_bulk(cache, [drop(which + at) for at in range(min(len(held), which % 60))])
        elif step == "shrink":
            slab.kmem_cache_shrink(cache)
        elif step == "cpu":
            box.pages.use_cpu(which % box.config.cpus)
        elif len(box.pages.nodes) > 1:
            take([slab.kmem_cache_alloc(cache, GFP_KERNEL, which % 2)])  # type: ignore[call-arg]
    assert check_slab(box) == []
    counts = slab.slabinfo(cache)
    assert counts.active_objs >= len(held)
    for addr in held:
        found = slab.object_at(addr)
        assert found is not None and (found.cache, found.addr) == (cache, addr)
        slab.kmem_cache_free(cache, addr)
    slab.kmem_cache_shrink(cache)
    assert slab.slabinfo(cache).num_slabs == 0
    slab.kmem_cache_destroy("teapot")
    assert check_slab(box) == []


@given(st.sampled_from([8, 100, 640, 2000, 5000]), STEPS)
@settings(max_examples=25, deadline=None)
def test_slub(size: int, steps: list[tuple[str, int]]) -> None:
    work(BOXES["x86_64"].copy(), size, steps)


@given(st.sampled_from([8, 100, 640, 2000, 5000]), STEPS)
@settings(max_examples=25, deadline=None)
def test_slab(size: int, steps: list[tuple[str, int]]) -> None:
    work(BOXES["i386"].copy(), size, steps)


@given(st.sampled_from([8, 100, 640, 2000, 5000]), STEPS)
@settings(max_examples=10, deadline=None)
def test_slub_without_what_cpus_hold(size: int, steps: list[tuple[str, int]]) -> None:
    box = BOXES["x86_64"].copy()
    box.set_plain(True)
    work(box, size, steps)


def test_a_copy_goes_its_own_way() -> None:
    box = BOXES["x86_64"].copy()
    box.pages.use_cpu(2)
    cache = box.slab.find("kmalloc-64")
    held = [box.slab.kmalloc(64) for _ in range(500)]
    for addr in held[::3]:
        box.slab.kfree(addr)
    twin = box.copy()
    ours = [box.slab.kmalloc(64) for _ in range(300)]
    before = twin.slab.slabinfo(twin.slab.find("kmalloc-64"))
    assert [twin.slab.kmalloc(64) for _ in range(300)] == ours
    box.slab.kmem_cache_shrink(cache)
    assert twin.slab.slabinfo(twin.slab.find("kmalloc-64")).num_slabs >= before.num_slabs
    assert check_slab(box) == check_slab(twin) == []


def test_an_object_of_another_cpu_s_slab_goes_to_its_second_list() -> None:
    """CPU 1 frees what CPU 0's slab gave: CPU 0 takes it over when its own list is empty, and not before."""
    box = Box(Config(arch="x86_64", ram=512 * MIB, cpus=2))
    slab = box.slab
    cache = slab.kmem_cache_create("teapot", 1024, 0, SLAB_NOLEAKTRACE)
    first = slab.kmem_cache_alloc(cache)
    box.pages.use_cpu(1)
    slab.kmem_cache_free(cache, first)
    assert slab.kmem_cache_alloc(cache) != first  # from a slab of its own
    box.pages.use_cpu(0)
    rest = [slab.kmem_cache_alloc(cache) for _ in range(cache.num - 1)]
    assert first not in rest
    assert slab.kmem_cache_alloc(cache) == first


BOXES = {"x86_64": Box(TWO_NODES), "i386": Box(Config(cpus=4))}
