"""NUMA policies, moving pages between nodes, and CPUs: as recorded on two nodes, and on machines of three."""

from __future__ import annotations

import io
import re
from collections import Counter
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED
from memsh.linux.include.mempolicy import (
    MPOL_BIND,
    MPOL_DEFAULT,
    MPOL_INTERLEAVE,
    MPOL_LOCAL,
    MPOL_MF_MOVE,
    MPOL_MF_STRICT,
    MPOL_PREFERRED,
    MPOL_PREFERRED_MANY,
    Policy,
)
from memsh.linux.include.sched import sched_setaffinity
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm import mempolicy
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Segfault
from memsh.linux.mm.mmap import vma
from memsh.linux.mm.mmap.mmap import do_munmap
from memsh.linux.mm.mmap.vmalist import find_vma
from memsh.linux.mm.page_alloc.policy import get_vma_policy
from memsh.machines.box import Box
from memsh.procfs import tree

ANON = MAP_PRIVATE | MAP_ANONYMOUS
TWO = ["--arch", "x86_64", "--ram", "2G", "--cpus", "2", "--nodes", "1G:0,1G:1", "--cmdline",
       "norandmaps transparent_hugepage=never"]  # fmt: skip
_BASE = Box(Config(arch="x86_64", ram=3 * GIB // 2, cpus=3, cmdline="norandmaps transparent_hugepage=never",
                   nodes=((512 * MIB, (0,)), (512 * MIB, (1, 2)), (512 * MIB, ()))))  # fmt: skip
_HUGE = Box(Config(arch="x86_64", ram=3 * GIB // 2, cpus=3, cmdline="norandmaps transparent_hugepage=always",
                   nodes=((512 * MIB, (0,)), (512 * MIB, (1, 2)), (512 * MIB, ()))))  # fmt: skip


def typed(text: str, arguments: list[str] = TWO) -> str:
    out = io.StringIO()
    open_session(arguments, stdout=out, stderr=out).run(text)
    return out.getvalue()


def by_node(box: Box, addr: int, pages: int) -> list[int]:
    mm = box.current.mm
    assert mm is not None
    return [mempolicy.node_of(box, mm, addr + at * 4096) for at in range(pages)]


def mapped(box: Box, pages: int) -> int:
    mm = box.current.mm
    assert mm is not None
    return vma.sys_mmap(box, mm, 0, pages << 12, 3, ANON)


@pytest.mark.parametrize(
    ("mode", "nodes", "expected"),
    [
        (MPOL_DEFAULT, (), {0}), (MPOL_PREFERRED, (2,), {2}), (MPOL_INTERLEAVE, (0, 2), {0, 2}), (MPOL_LOCAL, (), {0}),
        (MPOL_BIND, (1, 2), {2}), (MPOL_PREFERRED_MANY, (1, 2), {2}),  # a node without CPUs is nearer
    ],
)  # fmt: skip
def test_a_process_gets_its_pages_where_its_policy_says(mode: int, nodes: tuple[int, ...], expected: set[int]) -> None:
    box = _BASE.copy()
    mempolicy.do_set_mempolicy(box, box.current, mode, nodes)
    addr = mapped(box, 64)
    touch_range(box, box.current, addr, 64 << 12, True)
    assert set(by_node(box, addr, 64)) == expected
    assert check(box) == []


def test_interleaving_goes_by_the_page_s_place_and_bulk_and_single_faults_agree() -> None:
    one, many = _BASE.copy(), _BASE.copy()
    for box in (one, many):
        mempolicy.do_set_mempolicy(box, box.current, MPOL_INTERLEAVE, (0, 1, 2))
    first, second = mapped(one, 30), mapped(many, 30)
    for at in range(30):
        touch_range(one, one.current, first + at * 4096, 1, True)
    touch_range(many, many.current, second, 30 << 12, True)
    assert by_node(one, first, 30) == by_node(many, second, 30)
    assert sorted(by_node(one, first, 3)) == [0, 1, 2]


def test_an_area_s_policy_counts_more_than_the_process_s_and_splits_and_merges() -> None:
    box = _BASE.copy()
    mm = box.current.mm
    assert mm is not None
    mempolicy.do_set_mempolicy(box, box.current, MPOL_BIND, (0,))
    addr = mapped(box, 100)
    before = len(mm.mmap)
    mempolicy.do_mbind(box, mm, addr + (10 << 12), 20 << 12, MPOL_BIND, (2,))
    assert len(mm.mmap) > before
    touch_range(box, box.current, addr, 100 << 12, True)
    assert by_node(box, addr, 100) == [0] * 10 + [2] * 20 + [0] * 70
    mempolicy.do_mbind(box, mm, addr + (10 << 12), 20 << 12, MPOL_DEFAULT, ())
    assert len(mm.mmap) == before
    assert check(box) == []


def test_moving_on_request() -> None:
    box = _BASE.copy()
    mm = box.current.mm
    assert mm is not None
    addr = mapped(box, 50)
    touch_range(box, box.current, addr, 50 << 12, True)
    with pytest.raises(KernelError) as error:
        mempolicy.do_mbind(box, mm, addr, 50 << 12, MPOL_BIND, (1,), MPOL_MF_STRICT)
    assert error.value.code == "EIO"
    mempolicy.do_mbind(box, mm, addr, 50 << 12, MPOL_BIND, (1,), MPOL_MF_MOVE | MPOL_MF_STRICT)
    assert by_node(box, addr, 50) == [1] * 50
    assert mempolicy.do_move_pages(box, mm, addr, 10, 2) == [2] * 10
    assert mempolicy.do_migrate_pages(box, mm, (1, 2), (0,)) == 0
    assert by_node(box, addr, 50) == [0] * 50
    assert check(box) == []


@pytest.mark.parametrize(
    ("mode", "nodes", "code"),
    [(9, (0,), "EINVAL"), (MPOL_BIND, (), "EINVAL"), (MPOL_BIND, (7,), "EINVAL"), (MPOL_DEFAULT, (0,), "EINVAL"),
     (MPOL_LOCAL, (0,), "EINVAL")],
)  # fmt: skip
def test_policies_that_cannot_be(mode: int, nodes: tuple[int, ...], code: str) -> None:
    box = _BASE.copy()
    with pytest.raises(KernelError) as error:
        mempolicy.do_set_mempolicy(box, box.current, mode, nodes)
    assert error.value.code == code
    assert box.current.mempolicy is None


def test_refusals_of_ranges_and_nodes() -> None:
    box = _BASE.copy()
    mm = box.current.mm
    assert mm is not None
    addr = mapped(box, 4)
    for where, length, code in ((addr + 1, 4096, "EINVAL"), (0x10000, 4096, "EFAULT")):
        with pytest.raises(KernelError) as error:
            mempolicy.do_mbind(box, mm, where, length, MPOL_BIND, (0,))
        assert error.value.code == code
    with pytest.raises(KernelError) as error:
        mempolicy.do_move_pages(box, mm, addr, 4, 7)
    assert error.value.code == "ENODEV"
    assert mempolicy.do_move_pages(box, mm, addr, 2, 0) == [-14, -14]  # nothing is there yet
    with pytest.raises(KernelError):
        sched_setaffinity(box, box.current, (9,))


def test_a_child_keeps_policy_and_cpu() -> None:
    box = _BASE.copy()
    sched_setaffinity(box, box.current, (2,))
    mempolicy.do_set_mempolicy(box, box.current, MPOL_PREFERRED, (2,))
    child = kernel_clone(box, box.current)
    assert (child.cpu, child.affinity, child.mempolicy) == (2, (2,), box.current.mempolicy)
    assert box.pages.cpu == 2 and box.pages.node == 1
    assert re.search(r"Cpus_allowed_list:\t2\n", tree.show(box, f"/proc/{child.pid}/status"))
    assert check(box.copy()) == []


def test_what_is_typed() -> None:
    shown = typed("p=$(mmap 4M); write $p 2M; taskset -cp 1 $$; write $p 4M; nodes $p 4M; getpolicy")
    assert "'s new affinity list: 1" in shown
    assert "0+512 1+512" in shown and "default" in shown
    assert "node 1: 0" not in shown
    line = "getpolicy; p=$(mmap 64k); write $p 64k; grep N1=16 /proc/self/numa_maps"
    bound = typed(f"numactl --membind=1 run a.out; {line}")
    assert "bind:1" in bound and "anon=16 dirty=16 active=0 N1=16 kernelpagesize_kB=4" in bound
    assert "move_pages: No such device" in typed("p=$(mmap 4k); move_pages $p 1 7")
    assert "set_mempolicy: Invalid argument" in typed("set_mempolicy 9 0")
    assert "Function not implemented" in typed("set_mempolicy bind 0", [])
    for line, words in (
        ("numactl --membind=0-1 --interleave=0 true", "numactl: Conflicting policies"),
        ("numactl -P 1 numactl -s", "policy: preferred-many\npreferred node: 0 (preferred-many)"),
        ("numactl -m1 numactl -s", "membind: 1 \npreferred: 1 "),
        ("numactl -i x true", "libnuma: Warning: unparseable node description `x'\n\n<x> is invalid"),
        ("migratepages 1 0 7", "libnuma: Warning: node argument 7 is out of range\n\n<7> is invalid"),
        ("taskset -p 9999", "taskset: failed to get pid 9999's affinity: No such process"),
    ):
        assert words in typed(line), line
    assert typed("numactl true") == ""
    assert typed("taskset -c 1 true", ["--cpus", "2"]) == ""


def test_what_move_pages_says_of_pages_that_are_not_there() -> None:
    """Swapped out: ENOENT; never touched, or a page of zeros: EFAULT, since there are but zeros (follow_page)."""
    swap = [*TWO, "--swap", "64M", "--cmdline", "norandmaps transparent_hugepage=never"]
    line = "p=$(mmap 40k); write $p 20k; read $p+20k 8k; madvise $p 8k pageout; sleep 1; move_pages $p 10 1"
    shown = [row for row in typed(line + "; nodes $p 40k", swap).splitlines() if re.match(r"[\d-]+[:+]", row)]
    assert shown == ["0:-2 2:1 5:-14", "-+2 1+3 -+5"]


def test_huge_pages_interleave_over_three_nodes_as_recorded() -> None:
    """Eight in an area that begins inside of 2 MiB: pages on nodes 0, 1, 2 of the real machine."""
    nodes = ["--arch", "x86_64", "--ram", "1G", "--cpus", "4", "--nodes", "256M:0,256M:1,256M:2,256M:3"]
    shown = typed("run a.out; p=$(mmap 0x1400000); set_mempolicy interleave 0-2; write $p 0x1000000; "
                  "grep $(printf %x $p) /proc/self/numa_maps", nodes)  # fmt: skip
    assert re.findall(r"N\d=\d+", shown) == ["N0=1026", "N1=1538", "N2=1539"]
    moved = typed("taskset -c 3 run a.out; p=$(mmap 0x1400000); write $p 0x1000000; mbind $p 20M interleave 0-2 move; "
                  "grep $(printf %x $p) /proc/self/numa_maps", nodes)  # fmt: skip
    assert re.findall(r"N\d=\d+", moved) == ["N0=1026", "N1=1538", "N2=1539"]


def test_who_runs_out_on_bound_nodes_is_told_of_as_such() -> None:
    small = [*TWO[:3], "512M", *TWO[4:7], "256M:0,256M:1", *TWO[8:]]
    line = "p=$(mmap 400M); write $p 400M; dmesg | tail -n 60"
    shown = typed(f"set_mempolicy bind 1; {line}", small)
    assert "oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,cpuset=/,mems_allowed=0-1," in shown
    assert "Node 1 active_anon:" in shown and "Node 0 active_anon:" not in shown
    assert "oom-kill" not in typed(line, small)
    sysctl = "sysctl -w vm.panic_on_oom"
    assert "Kernel panic" not in typed(f"{sysctl}=1; set_mempolicy bind 1; {line}", small)
    assert "compulsory panic_on_oom is enabled" in typed(f"{sysctl}=2; set_mempolicy bind 1; {line}", small)


def test_each_node_is_a_package_with_caches_of_its_own() -> None:
    nodes = [*TWO[:5], "4", "--nodes", "1G:0-2,1G:3", *TWO[8:]]
    cpu = "/sys/devices/system/cpu"
    lines = typed(f"lscpu; grep . {cpu}/cpu[13]/cache/index[23]/shared_cpu_list {cpu}/cpu3/topology/*_id", nodes)
    assert re.search(r"Socket\(s\): +2\n", lines) and re.search(r"L2 cache: +2 MiB \(4 instances\)\n", lines)
    assert re.search(r"L3 cache: +64 MiB \(4 instances\)\n", lines) and re.search(r"NUMA node0 CPU\(s\): +0-2\n", lines)
    assert "cpu1/cache/index2/shared_cpu_list:1\n" in lines and "cpu1/cache/index3/shared_cpu_list:0-2\n" in lines
    assert "cpu3/cache/index3/shared_cpu_list:3\n" in lines
    assert "cluster_id:65535" in lines and "die_id:1\n" in lines and "physical_package_id:1\n" in lines
    assert re.search(r"core_id:0\n", lines)


def test_what_comes_back_from_swap_or_is_copied_from_a_file_follows_the_area() -> None:
    small = [*TWO[:3], "512M", *TWO[4:7], "256M:0,256M:1", *TWO[8:]]
    there = typed(
        "cd /; dd if=/dev/zero of=sw bs=1M count=16; mkswap sw; swapon sw; p=$(mmap 64k); write $p 64k\n"
        "mbind $p 64k bind 1; madvise $p 64k pageout; q=$(mmap 470M); write $q 470M; munmap $q 470M; read $p 64k\n"
        "nodes $p 64k; f=$(mmap 64k --file /sw); mbind $f 64k bind 1; read $f 64k; write $f 64k; nodes $f 64k",
        small,
    )  # fmt: skip
    assert there.count("1+16") == 2, there


def test_a_huge_page_moves_as_one_and_a_shared_one_stays() -> None:
    box = _HUGE.copy()
    task = box.current
    mm = task.mm
    assert mm is not None
    box.pages.set_policy(None)
    base = (mapped(box, 2048) | (2 << 20) - 1) + 1
    touch_range(box, task, base, 4 << 20, True)
    before = list(mm.huge)
    assert len(before) == 2 and set(by_node(box, base, 1024)) == {0}
    assert mempolicy.do_move_pages(box, mm, base, 1, 1) == [1]
    assert by_node(box, base, 1024) == [1] * 512 + [0] * 512
    mempolicy.do_mbind(box, mm, base + 8192, 4 << 20, MPOL_BIND, (2,), MPOL_MF_MOVE)
    assert set(by_node(box, base, 1024)) == {2} and list(mm.huge) == before[1:]  # the new area begins in the other one
    assert box.vmstat["thp_migration_success"] == 3
    child = kernel_clone(box, task)
    assert mempolicy.do_move_pages(box, mm, base, 1, 1) == [mempolicy.EACCES]
    assert mempolicy.do_migrate_pages(box, mm, (2,), (0,)) == 0
    assert child.mm is not None and set(by_node(box, base, 1024)) == {0}
    assert mempolicy.node_of(box, child.mm, base) == 0 and list(mm.huge) == before[1:] == list(child.mm.huge)
    assert check(box) == []


def test_a_tail_after_its_head_is_busy_as_on_the_real_machine() -> None:
    box = _HUGE.copy()
    task = box.current
    mm = task.mm
    assert mm is not None
    box.pages.set_policy(None)
    base = (mapped(box, 2048) | (2 << 20) - 1) + 1
    touch_range(box, task, base, 4 << 20, True)
    found = mempolicy.do_move_pages(box, mm, base + 4096, 600, 1)
    assert [i for i, status in enumerate(found) if status != 1] == [1, 512]  # the second page asked for of each
    assert found[1] == found[512] == mempolicy.EBUSY
    assert set(by_node(box, base, 1024)) == {1} and box.vmstat["thp_migration_success"] == 2


def test_a_huge_page_mapped_in_parts_moves_as_one() -> None:
    box = _HUGE.copy()
    task = box.current
    mm = task.mm
    assert mm is not None
    box.pages.set_policy(None)
    base = (mapped(box, 2048) | (2 << 20) - 1) + 1
    touch_range(box, task, base, 4 << 20, True)
    vma.do_mprotect(box, mm, base + 4096, 4096, 1)
    assert mempolicy.do_move_pages(box, mm, base + 8192, 1, 1) == [1]
    assert by_node(box, base, 1024) == [1] * 512 + [0] * 512
    assert box.vmstat["thp_split_page"] == 0 and box.vmstat["thp_deferred_split_page"] == 1
    assert not box.thp.deferred
    mempolicy.do_mbind(box, mm, base, 1 << 20, MPOL_BIND, (0,), MPOL_MF_MOVE)  # the whole page, though half was meant
    assert set(by_node(box, base, 1024)) == {0}
    assert check(box) == []


def test_a_policy_of_shared_memory_is_the_objects() -> None:
    box = _BASE.copy()
    task = box.current
    mm = task.mm
    assert mm is not None
    box.pages.set_policy(None)
    base = vma.sys_mmap(box, mm, 0, 64 << 12, 3, MAP_SHARED | MAP_ANONYMOUS)
    mempolicy.do_mbind(box, mm, base, 32 << 12, MPOL_INTERLEAVE, (0, 1))
    child = kernel_clone(box, task)
    assert child.mm is not None
    mempolicy.do_mbind(box, child.mm, base + (48 << 12), 16 << 12, MPOL_BIND, (2,))
    touch_range(box, task, base, 64 << 12, True)
    found = by_node(box, base, 64)
    assert found[:32] in ([0, 1] * 16, [1, 0] * 16)
    assert found[32:] == [0] * 16 + [2] * 16  # the child said so; no area of this process has that policy
    mempolicy.do_mbind(box, child.mm, base, 64 << 12, MPOL_DEFAULT, ())
    area = find_vma(mm, base)
    assert area is not None and get_vma_policy(area, base) is None and area.policy is not None
    assert check(box) == []


def test_pages_go_to_those_targets_that_are_there() -> None:
    box = _BASE.copy()
    mm = box.current.mm
    assert mm is not None
    box.pages.set_policy(None)
    base = mapped(box, 8)
    touch_range(box, box.current, base, 8 << 12, True)
    assert mempolicy.do_migrate_pages(box, mm, (7,), (1,)) == 0  # nothing is there to be moved
    assert set(by_node(box, base, 8)) == {0}
    assert mempolicy.do_migrate_pages(box, mm, (0,), (1, 9)) == 0
    assert set(by_node(box, base, 8)) == {1}
    for targets in ((), (9,)):
        with pytest.raises(KernelError) as refused:
            mempolicy.do_migrate_pages(box, mm, (0,), targets)
        assert refused.value.code == "EINVAL"


_ACT = st.tuples(st.sampled_from(["touch", "policy", "mbind", "move", "cpu", "migrate", "unmap", "fork"]),
                 st.integers(0, 199), st.integers(1, 60), st.integers(0, 2))  # fmt: skip


@pytest.mark.parametrize(("machine", "scale"), [(_BASE, 1), (_HUGE, 16)], ids=["small", "huge"])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_ACT, max_size=30))
def test_whatever_moves_every_page_is_accounted_for(
    machine: Box, scale: int, steps: list[tuple[str, int, int, int]]
) -> None:
    box = machine.copy()
    task = box.current
    mm = task.mm
    assert mm is not None
    base = mapped(box, 260 * scale)
    do_munmap(box, mm, base + (250 * scale << 12), 4096)
    for what, at, count, node in steps:
        addr, length = base + (at * scale << 12), count * scale << 12
        try:
            if what == "touch":
                touch_range(box, task, addr, min(length, base + (250 * scale << 12) - addr), True)
            elif what == "policy":
                mempolicy.do_set_mempolicy(box, task, at % 6, (node,) if at % 6 in (1, 2, 3, 5) else ())
            elif what == "mbind":
                mempolicy.do_mbind(box, mm, addr, length, MPOL_BIND, (node,), MPOL_MF_MOVE if at & 1 else 0)
            elif what == "move":
                mempolicy.do_move_pages(box, mm, addr, count, node)
            elif what == "cpu":
                sched_setaffinity(box, task, (node,))
            elif what == "unmap":
                do_munmap(box, mm, addr, 4096)
            elif what == "fork":
                kernel_clone(box, task)
            else:
                mempolicy.do_migrate_pages(box, mm, (node,), ((node + 1) % 3,))
        except (KernelError, Segfault):  # a hole
            pass
    assert check(box) == []


def test_vmalloc_takes_each_nodes_share_of_a_hundred_pages_in_one_go() -> None:
    """alloc_pages_bulk_array_interleave(): the nodes take turns with shares, and nothing counts as interleaved."""
    box = Box(Config(arch="x86_64", ram=2 * GIB, cpus=2, nodes=((GIB, (0,)), (GIB, (1,)))))
    pages = box.pages
    pages.set_policy(Policy(MPOL_INTERLEAVE, (0, 1)))
    pages.interleaved = 1
    before = [zone.numa_interleave for zone in pages.zones]
    addr = box.vmalloc.vmalloc(151 * 4096)
    nodes = [pages.zone_of(pfn).node for pfn in box.vmalloc.by_addr[addr].pages or ()]
    assert [(node, len(list(run))) for node, run in groupby(nodes)] == [(0, 50), (1, 50), (0, 26), (1, 25)]
    assert [zone.numa_interleave for zone in pages.zones] == before
    whole = box.vmalloc.vmalloc(4 << 20, huge=True)  # 2 MiB for each node: two blocks
    assert whole % (2 << 20) == 0
    blocks = box.vmalloc.by_addr[whole].pages or []
    assert [(pages.zone_of(pfn).node, pfn % 512) for pfn in blocks[::512]] == [(0, 0), (1, 0)]
    small = box.vmalloc.by_addr[box.vmalloc.vmalloc(2 << 20, huge=True)]  # 1 MiB for each node: page by page
    assert Counter(pages.zone_of(pfn).node for pfn in small.pages or ()) == {0: 256, 1: 256}
    assert check(box) == []
