"""lscpu, numactl and numastat on a tree whose nodes and caches are not numbered one after the other."""

from pathlib import Path

import pytest

from memsh.procps import lscpu, numactl, numastat, ps
from memsh.procps.reader import FolderReader, finish

CPUINFO = "".join(
    f"processor\t: {number}\nvendor_id\t: GenuineTest\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Test CPU\n"
    f"stepping\t: 4\nflags\t\t: fpu lm vmx\nbogomips\t: 4000.00\naddress sizes\t: 46 bits physical, 48 bits virtual\n\n"
    for number in range(4)
)
NODE = {0: ("0,2", "10 21"), 2: ("1,3", "21 10")}


@pytest.fixture
def tree(tmp_path: Path) -> FolderReader:
    """Two nodes, 0 and 2, that take turns with four CPUs; one cache of 32 KiB for each CPU, one of 1.5 MiB for two."""

    def put(path: str, text: str) -> None:
        where = tmp_path / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)

    put("proc/cpuinfo", CPUINFO)
    put("proc/meminfo", "MemTotal: 4000 kB\nMemFree: 400 kB\nVmallocTotal: 34359738367 kB\nHugepagesize: 2048 kB\n")
    put("proc/7/status", "Name:\tworker\nUid:\t0\t0\t0\t0\n")
    put("proc/7/stat", "7 (worker) S 1 7 7 0 -1 0 " + "0 " * 28 + "17 3 0 0 trailing words")
    put("proc/7/cgroup", "1:name=systemd:/\n0::/app\n")
    put("proc/7/numa_maps", "400000 default file=/x N0=256 N2=128\n7000 default heap N2=512\n9000 default huge N0=2\n")
    for number in range(4):
        here = f"sys/devices/system/cpu/cpu{number}"
        put(f"{here}/topology/core_id", str(number // 2))
        put(f"{here}/topology/physical_package_id", str(number % 2))
        put(f"{here}/topology/thread_siblings_list", str(number))
        for index, (kind, level, size, shared) in enumerate(
            (("Data", 1, "32K", str(number)), ("Unified", 2, "1536K", f"{number % 2},{number % 2 + 2}"))
        ):
            cache = f"{here}/cache/index{index}"
            put(f"{cache}/type", kind)
            put(f"{cache}/level", str(level))
            put(f"{cache}/size", size)
            put(f"{cache}/shared_cpu_list", shared)
            put(f"{cache}/id", str(number if level == 1 else number % 2))
    put("sys/devices/system/cpu/online", "0-3")
    put("sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Retpolines; STIBP: disabled")
    for node, (cpus, distance) in NODE.items():
        here = f"sys/devices/system/node/node{node}"
        put(f"{here}/cpulist", cpus)
        put(f"{here}/distance", distance)
        put(f"{here}/meminfo", f"Node {node} MemTotal:  {2047 + node} kB\nNode {node} MemFree:  1023 kB\n")
        put(f"{here}/numastat", f"numa_hit {256 * (node + 1)}\nnuma_miss 0\n")
    return FolderReader(tmp_path / "proc")


def test_lscpu_sums_caches_and_numbers_what_is_shared(tree: FolderReader) -> None:
    text = finish(lscpu.frames(tree, [], 60, terminal=True)).stdout
    assert "\n  L2:                    3 MiB (2 instances)\n" in text
    assert "\n  L1d:                   128 KiB (4 instances)\n" in text
    assert "\n  NUMA node2 CPU(s):     1,3\n" in text
    assert "Mitigation; Retpolines; STIBP disabled" in text.replace("\n" + " " * 25, "")
    table = finish(lscpu.frames(tree, ["-e"])).stdout.splitlines()
    assert table[0] == "CPU NODE SOCKET CORE L1d:L2 ONLINE"
    assert table[3] == "  2    0      0    2 2:0       yes"
    assert finish(lscpu.frames(tree, ["-C=NAME,ONE-SIZE"])).stdout == "NAME ONE-SIZE\nL1d       32K\nL2       1.5M\n"
    assert finish(lscpu.frames(tree, ["-e", "-y"])).stdout.splitlines()[3].split()[:4] == ["2", "0", "0", "1"]


def test_numactl_names_the_nodes_that_there_are(tree: FolderReader) -> None:
    assert finish(numactl.frames(tree, ["-H"])).stdout == (
        "available: 2 nodes (0,2)\nnode 0 cpus: 0 2\nnode 0 size: 1 MB\nnode 0 free: 0 MB\n"
        "node 2 cpus: 1 3\nnode 2 size: 2 MB\nnode 2 free: 0 MB\n"
        "node distances:\nnode   0   2 \n  0:  10  21 \n  2:  21  10 \n"
    )
    assert finish(numactl.frames(tree, ["--membind=0", "ls"])).status == 1


def test_numastat_of_a_process_and_of_the_machine(tree: FolderReader) -> None:
    rows = finish(numastat.frames(tree, ["-p", "work"])).stdout.splitlines()
    assert rows[1] == "Per-node process memory usage (in MBs) for PID 7 (worker)"
    assert [row.split() for row in rows[4:]] == [
        ["Huge", "4.00", "0.00", "4.00"], ["Heap", "0.00", "2.00", "2.00"], ["Stack", "0.00", "0.00", "0.00"],
        ["Private", "1.00", "0.50", "1.50"], ["-" * 16, "-" * 15, "-" * 15, "-" * 15],
        ["Total", "5.00", "2.50", "7.50"],
    ]  # fmt: skip
    assert finish(numastat.frames(tree, [])).stdout.splitlines()[1].split() == ["numa_hit", "256", "768"]
    assert "Numa_Miss" not in finish(numastat.frames(tree, ["-nz"])).stdout
    assert finish(numastat.frames(tree, ["-p", "nobody"])).stdout.startswith('Found no processes containing')


def test_ps_tells_node_and_control_group(tree: FolderReader) -> None:
    assert ps.run(tree, ["-p", "7", "-o", "psr,numa,cgroup"]).stdout.splitlines()[1].split() == ["3", "2", "0::/app"]


def test_a_tree_without_nodes(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    assert finish(numastat.frames(FolderReader(tmp_path), [])).status == 1
    assert finish(numactl.frames(FolderReader(tmp_path), ["-H"])).stderr.startswith("No NUMA")
    assert "NUMA" not in finish(lscpu.frames(FolderReader(tmp_path), [])).stdout
