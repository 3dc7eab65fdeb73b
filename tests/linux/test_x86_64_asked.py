"""Booted x86_64 machines of sizes that no recording has, as the recorded kernel was asked of them."""

from __future__ import annotations

import re

import pytest

from memsh.inspect.check import check
from memsh.linux.arch.x86.acpi import mp_table, rsdp
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.mm.page_alloc.watermark import calculate_normal_threshold, calculate_pressure_threshold
from memsh.machines.box import Box
from memsh.procfs import tree


def machine(ram: int, *nodes: int, cpus: int = 1, **more: int) -> Box:
    """Nodes of so many bytes, with a CPU each."""
    homes = tuple((size, (cpu,)) for cpu, size in enumerate(nodes))
    return Box(Config(arch="x86_64", ram=ram, cpus=len(nodes) or cpus, nodes=homes, cmdline="norandmaps", **more))


def log(box: Box) -> list[str]:
    return [record.text for record in box.log.records]


@pytest.mark.parametrize(
    ("ram", "nodes", "rows"),
    [
        (256 * MIB, (), ["1 7 0 0 0", "6 112 2 0 0"]),  # all of it is initialised early
        (GIB, (), ["1 7 0 0 0", "16 486 2 0 0"]),
        (3 * GIB, (), ["1 7 0 0 0", "35 1491 2 0 0"]),
        (3 * GIB, (GIB, 2 * GIB), ["1 7 0 0 0", "17 485 2 0 0", "22 1000 2 0 0"]),
    ],
)
def test_page_blocks_of_what_is_initialised_late_stay_unmovable(
    ram: int, nodes: tuple[int, ...], rows: list[str]
) -> None:
    """Those that hold the memory map: a section has one."""
    text = tree.show(machine(ram, *nodes), "/proc/pagetypeinfo")
    told = re.findall(r"^Node \d, zone +\w+ +(\d+ +\d+ +\d+ +\d+ +\d+) $", text, re.MULTILINE)
    assert [" ".join(row.split()) for row in told] == rows


def test_a_table_of_distances() -> None:
    """It takes a page below the node's data, in which small tables find room."""
    box = machine(GIB, 512 * MIB, 512 * MIB, distance=40)
    lines = log(box)
    begin = lines.index("ACPI: SLIT 0x000000003FFE1BAC 000030 (v01 BOCHS  BXPC     00000001 BXPC 00000001)")
    assert lines[begin + 1].startswith("ACPI: WAET 0x000000003FFE1BDC ")
    assert "ACPI: Reserving SLIT table memory at [mem 0x3ffe1bac-0x3ffe1bdb]" in lines
    told = lines.index("NUMA: Initialized distance table, cnt=2")
    assert lines[told + 1].startswith("NUMA: Node 0 [mem ")
    assert lines[told + 3] == "NODE_DATA(1) allocated [mem 0x3fd4d000-0x3fd77fff]"
    assert [zone.managed for zone in box.pages.zones if zone.present] == [3840, 120038, 128889]


@pytest.mark.parametrize(
    ("nodes", "low", "tables"),
    [((), True, (0xF5BA0, 0xF59D0)), ((), False, (0xF5BA0, 0xF59B0)), ((1,) * 2, True, (0xF5B90, 0xF5980)),
     ((1,) * 2, False, (0xF5B90, 0xF5960)), ((1,) * 3, False, (0xF5B80, 0xF5910)),
     ((1,) * 8, False, (0xF5B10, 0xF5AD0))],
)  # fmt: skip
def test_the_firmware_has_an_entry_for_each_package(
    nodes: tuple[int, ...], low: bool, tables: tuple[int, int]
) -> None:
    ram = (GIB if low else 4 * GIB) * (len(nodes) or 1)
    homes = tuple((ram // len(nodes), (cpu,)) for cpu in range(len(nodes)))
    config = Config(arch="x86_64", ram=ram, cpus=len(nodes) or 1, nodes=homes)
    assert (mp_table(config), rsdp(config)) == tables


def test_nodes_that_meet_inside_a_section_leave_no_hole() -> None:
    lines = log(machine(160 * MIB, 96 * MIB, 64 * MIB))
    assert [line for line in lines if "unavailable ranges" in line] == [
        "On node 0, zone DMA: 1 pages in unavailable ranges", "On node 0, zone DMA: 97 pages in unavailable ranges",
        "On node 1, zone DMA32: 24608 pages in unavailable ranges",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ram", "nodes", "cpus", "told"),
    [(768 * MIB, (), 3, 784), (6 * GIB, (GIB, 3 * GIB, 2 * GIB), 3, 624), (3 * GIB, (GIB, 2 * GIB), 2, 392)],
)
def test_memory_of_cpus(ram: int, nodes: tuple[int, ...], cpus: int, told: int) -> None:
    """Three CPUs share a piece that has room for four; a fourth zone's lists need more pages."""
    text = tree.show(machine(ram, *nodes, cpus=cpus), "/proc/meminfo")
    assert re.findall(r"Percpu: +(\d+)", text) == [str(told)]


def test_tables_that_grow_with_memory() -> None:
    box = machine(16 * GIB)
    assert "tcp_listen_portaddr_hash hash table entries: 8192 (order: 5, 131072 bytes, linear)" in log(box)
    assert abs(int(tree.show(box, "/proc/sys/fs/inotify/max_user_watches")) - 124915) < 100  # less a larger RAM disk


def test_counters_are_kept_closer_while_kswapd_works() -> None:
    """On the first idle CPU of its node it wakes at once; when it sleeps again, the differences may grow as before."""
    box = machine(128 * MIB, cpus=2)
    zone = box.pages.nodes[0].zones[1]
    assert zone.threshold == calculate_normal_threshold(zone, 2)
    kswapd = box.pages.nodes[0].kswapd
    taken = []
    while kswapd.state == "sleeping":
        taken.append(box.pages.alloc_pages(0x2800, 0))  # GFP_NOWAIT | __GFP_NOWARN
    assert zone.threshold == calculate_pressure_threshold(zone, 2) != calculate_normal_threshold(zone, 2)
    for pfn in taken:
        box.pages.free_pages(pfn, 0)
    box.timer.advance(1_000_000)
    assert kswapd.state == "sleeping"
    assert zone.threshold == calculate_normal_threshold(zone, 2)


def test_nodes_that_share_a_section_and_more() -> None:
    box = machine(600 * MIB, 200 * MIB, 200 * MIB, 200 * MIB)
    zones = [(zone.start_pfn, zone.spanned, zone.managed, zone.wmark_min) for zone in box.pages.zones if zone.present]
    assert zones == [
        (1, 4095, 3840, 190), (0x1000, 0xB800, 41190, 1976), (0xC800, 0xC800, 50086, 2484),
        (0x19000, 0xC7E0, 50553, 2476)
    ]  # fmt: skip
    assert check(box) == []


def test_many_cpus_hold_as_many_slabs() -> None:
    """Within a slab of every 16 CPUs' two of them, and a tenth: who ran where is chance."""
    real = {
        "kernfs_node_cache": 442, "inode_cache": 48, "dentry": 35, "radix_tree_node": 27, "task_struct": 62,
        "kmalloc-8k": 21, "kmalloc-4k": 18, "kmalloc-1k": 24, "kmalloc-256": 29, "kmalloc-192": 18, "kmalloc-96": 20,
        "kmalloc-64": 30, "kmalloc-32": 19, "kmalloc-16": 18, "kmalloc-8": 18, "lsm_file_cache": 13, "cred_jar": 7,
    }  # fmt: skip
    box = machine(2 * GIB, cpus=16)
    for name, slabs in real.items():
        cache = box.slab.named(name)
        assert cache is not None
        assert abs(box.slab.slabinfo(cache).num_slabs - slabs) <= 3 + slabs // 10, name
    assert check(box) == []


def test_a_machine_that_is_nearly_too_small_for_its_cpus_boots() -> None:
    """Slabs of the least order hold fewer objects than a CPU would have free."""
    assert check(machine(96 * MIB, cpus=64)) == []
