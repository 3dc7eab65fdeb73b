"""Reclaim on a machine of several nodes: each has its own lists, its own kswapd, and may give back its own cache
first."""

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.include.lruvec import LruVec
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.vmscan.shrinker import shrink_slab
from memsh.machines.box import Box
from memsh.procfs import tracing, tree
from tests.linux.swapping import switch_on

CMDLINE = "norandmaps transparent_hugepage=never"


def two_nodes() -> Box:
    return Box(Config(arch="x86_64", ram=512 * MIB, cpus=2, cmdline=CMDLINE,
                      nodes=((256 * MIB, (0,)), (256 * MIB, (1,)))))  # fmt: skip


def with_cache(mapped: bool = False) -> Box:
    """110 MiB of a file on node 1, whose CPU is in use from now on."""
    box = two_nodes()
    box.pages.use_cpu(1)
    box.fs.mkfile("/data", 110 * MIB)
    file = box.fs.open("/data")
    for at in range(0, 110 * MIB, 2 * MIB):
        box.fs.skip(file, at, 2 * MIB)
    if mapped:
        mm = box.current.mm
        assert mm is not None
        addr = vma.sys_mmap(box, mm, 0, 110 * MIB, 1, MAP_PRIVATE, file=file)
        touch_range(box, box.current, addr, 110 * MIB, False)
    return box


def fill(box: Box, size: int) -> tuple[int, int]:
    """Write to anonymous memory; how many pages more are used on each node."""
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, size, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    lists = [node.lruvec for node in box.pages.nodes]
    before = [lruvec.page_state("inactive_anon") + lruvec.page_state("active_anon") for lruvec in lists]
    touch_range(box, box.current, addr, size, True)
    after = [lruvec.page_state("inactive_anon") + lruvec.page_state("active_anon") for lruvec in lists]
    return after[0] - before[0], after[1] - before[1]


@pytest.mark.parametrize(("mode", "mapped"), [(0, False), (1, False), (1, True), (4, True)])
def test_zone_reclaim_mode_gives_the_nodes_own_cache_back_first(mode: int, mapped: bool) -> None:
    box = with_cache(mapped)
    tree.store(box, "/proc/sys/vm/zone_reclaim_mode", f"{mode}\n")
    tree.store(box, "/proc/sys/vm/watermark_boost_factor", "0\n")  # or a page table that takes a block wakes kswapd
    if mapped:  # what was used lately stays at the first look
        box.timer.advance(1_000_000)
    there, here = fill(box, 170 * MIB)
    assert there + here == 170 * 256
    stays = mode == 0 or (mapped and mode == 1)
    assert (there > 5000) == stays
    assert (box.vmstat["pgsteal_direct"] == 0) == stays
    assert box.vmstat["pgsteal_kswapd"] == 0 and box.vmstat["allocstall_normal"] == 0
    assert check(box) == []


def test_what_the_ratio_leaves_to_the_cache_stays() -> None:
    box = with_cache()
    tree.store(box, "/proc/sys/vm/zone_reclaim_mode", "1\n")
    tree.store(box, "/proc/sys/vm/min_unmapped_ratio", "30\n")
    fill(box, 200 * MIB)
    node = box.pages.nodes[1]
    left = node.lruvec.page_state("inactive_file") + node.lruvec.page_state("active_file")
    least = node.managed * 30 // 100
    assert least - 32 < left < least + 2000 and check(box) == []


def test_only_the_node_that_is_near_and_has_no_other_cpus_reclaims() -> None:
    """An allocation that is bound to the other node does not make it reclaim: it has a CPU of its own."""
    box = with_cache()
    tree.store(box, "/proc/sys/vm/zone_reclaim_mode", "1\n")
    box.pages.use_cpu(0)
    fill(box, 200 * MIB)
    fill(box, 100 * MIB)
    assert box.pages.nodes[1].lruvec.page_state("inactive_file") > 20_000


def test_reclaim_goes_over_the_nodes_and_each_kswapd_keeps_to_its_own() -> None:
    box = two_nodes()
    switch_on(box, 200_000)
    box.trace.record_all(True)
    fill(box, 600 * MIB)
    box.trace.record_all(False)
    lines = tracing.show(box).splitlines()
    for nid in (0, 1):
        assert any(f"mm_vmscan_kswapd_wake: nid={nid} " in line for line in lines)
        assert any(f"mm_vmscan_lru_shrink_inactive: nid={nid} " in line for line in lines)
    assert box.vmstat["pgsteal_kswapd"] > 1000
    assert check(box) == []
    assert [node.kswapd.node is node for node in box.copy().pages.nodes] == [True, True]


def test_a_node_that_gives_nothing_back_is_told_of() -> None:
    box = two_nodes()
    box.pages.nodes[1].kswapd.failures = 16
    stuck = [line.split()[1] for line in tree.show(box, "/proc/zoneinfo").splitlines() if "node_unreclaimable" in line]
    assert set(stuck) == {"0", "1"}


def test_a_group_below_counts_in_the_lists_above() -> None:
    top = LruVec(0, 5)
    below = LruVec(0, 5, 7, top)
    below.add_size("active_file", 2, 10)
    top.add_size("active_file", 1, 3)
    below.add_size("active_file", 2, -4)
    assert (top.lru_size("active_file", 4), top.page_state("active_file"), below.page_state("active_file")) == (3, 9, 6)
    assert (below.lru_size("active_file", 1), below.lru_size("active_file", 2)) == (0, 6)
    assert [level.memcg for level in below.levels()] == [7, 0]


def test_names_are_given_up_on_the_node_that_is_short() -> None:
    box = two_nodes()
    here = box.fs.dcache.dentries.count
    before = here(0, 0), here(0, 1)
    for cpu in (0, 1):
        box.pages.use_cpu(cpu)
        for number in range(400):
            box.fs.mkfile(f"/var/tmp/{cpu}-{number}", 0)
    there = here(0, 0) - before[0], here(0, 1) - before[1]
    assert min(there) > 300 and sum(there) == 800
    freed = shrink_slab(box, 1, 0)
    assert freed > 300
    assert (here(0, 0) - before[0], here(0, 1)) == (there[0], 0)
    assert check(box) == []


def test_shadows_of_more_pages_than_memory_has_go() -> None:
    """As the recorded kernel: what was read lately is remembered, of what was read before half is forgotten at once."""
    box = Box(Config(arch="x86_64", ram=64 * MIB, cmdline=CMDLINE))
    box.fs.mkfile("/data", 400 * MIB)
    file = box.fs.open("/data")
    for _ in range(2):
        for at in range(0, 400 * MIB, 2 * MIB):
            box.fs.skip(file, at, 2 * MIB)
    vmstat = box.vmstat
    nodes = sum(vmstat[f"nr_{name}_file"] + vmstat[f"nr_{name}_anon"] for name in ("active", "inactive")) // 8
    assert vmstat["workingset_nodereclaim"] > 1000
    assert nodes < vmstat["workingset_nodes"] < nodes + 512
    assert check(box) == []
