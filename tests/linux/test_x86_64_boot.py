"""A booted x86_64 box against the recorded boots, and machines that were never recorded."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.linux.arch.x86.x86_64.init_64 import pcpu_dump_alloc_info
from memsh.linux.config import GIB, MIB, Config, parse_cpulist
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.shell.errors import ShellError
from tests.linux.test_boot import DISKS, DRIVES, VARIES, static_part
from tests.paths import REFERENCE64

BOOTS = sorted(REFERENCE64.glob("boot-*"))
MEASURED = (
    *VARIES, "Command line", "clocksource: ", "audit: type=2000", "node ", "calibrate_delay", "Probably due",
    "jitterentropy", " #", ".... node",
)  # fmt: skip


def config_of(folder: Path) -> Config:
    found = re.fullmatch(r"boot-(\d+)([mg])-(\d)cpu(?:-2nodes)?", folder.name)
    assert found
    ram = int(found[1]) * (GIB if found[2] == "g" else MIB)
    nodes = ((ram // 2, (0, 1)), (ram // 2, (2, 3))) if "nodes" in folder.name else ()
    return Config(arch="x86_64", ram=ram, cpus=int(found[3]), nodes=nodes)


def typed(arguments: list[str], text: str) -> str:
    """What a session on such a machine prints."""
    out = io.StringIO()
    open_session(arguments, stdout=out, stderr=out).run(text)
    return out.getvalue()


def areas(text: str) -> list[str]:
    """vmallocinfo without addresses, which are hashed in recordings, and without tasks' stacks; chance decides on which
    CPU the worker ran that made the chunk of per-CPU memory, and whose turn it was when a terminal was opened."""
    lines = [line.split(None, 1)[1].strip() for line in text.splitlines() if "kernel_clone" not in line]
    return sorted(re.sub(r"((?:pcpu_\w+_chunk|n_tty_open).*pages=\d+) .*", r"\1", line) for line in lines)


@pytest.mark.parametrize("folder", BOOTS, ids=lambda path: path.name)
class TestRecordedBoots:
    def test_vmalloc_areas(self, folder: Path) -> None:
        ours = areas(tree.show(Box(config_of(folder)), "/proc/vmallocinfo"))
        assert ours == areas((folder / "vmallocinfo").read_text())

    def test_zones(self, folder: Path) -> None:
        ours = static_part(tree.show(Box(config_of(folder)), "/proc/zoneinfo"))
        assert ours == static_part((folder / "zoneinfo").read_text())

    def test_memory_and_how_it_is_mapped(self, folder: Path) -> None:
        ours, real = tree.show(Box(config_of(folder)), "/proc/meminfo"), (folder / "meminfo").read_text()
        for name in ("MemTotal", "VmallocTotal", "DirectMap4k", "DirectMap2M", "DirectMap1G"):
            assert re.findall(rf"{name}:.*", ours) == re.findall(rf"{name}:.*", real)

    def test_log(self, folder: Path) -> None:
        """Every line that the recorded machine's log has, but for what was measured and what its disks were not."""
        recorded = [re.sub(r"^<\d>\[ *[\d.]+\] ", "", line) for line in (folder / "dmesg").read_text().splitlines()]
        ours = [line for record in Box(config_of(folder)).log.records for line in record.text.split("\n")]
        assert [line for line in ours if line not in recorded and not line.startswith((*MEASURED, *DISKS))] == []
        assert [line for line in recorded if line and line not in ours and not line.startswith(MEASURED)] == []
        assert abs(len(ours) - 15 - len(recorded)) <= 10

    @pytest.mark.parametrize("name", ["meminfo", "vmstat"])
    def test_names(self, folder: Path, name: str) -> None:
        ours, real = tree.show(Box(config_of(folder)), f"/proc/{name}"), (folder / name).read_text()
        assert [line.split()[0] for line in ours.splitlines()] == [line.split()[0] for line in real.splitlines()]

    def test_where_things_lie(self, folder: Path) -> None:
        if (folder / "iomem").exists():
            ours = tree.show(Box(config_of(folder)), "/proc/iomem").splitlines()
            assert [row for row in ours if not row.endswith(DRIVES)] == (folder / "iomem").read_text().splitlines()

    def test_constants(self, folder: Path) -> None:
        box = Box(config_of(folder))
        assert (folder / "layout").read_text().startswith(box.machine.layout.text())

    def test_processors_but_for_the_measured_speed(self, folder: Path) -> None:
        def steady(text: str) -> str:
            return re.sub(r"((?:cpu MHz|bogomips)\t+: ).*", r"\1", text)

        box = Box(config_of(folder))
        assert steady(tree.show(box, "/proc/cpuinfo")) == steady((folder / "cpuinfo").read_text())

    def test_zonelists(self, folder: Path) -> None:
        config = config_of(folder)
        args = ["--arch", "x86_64", "--ram", str(config.ram), "--cpus", str(config.cpus)]
        if config.nodes:
            args += ["--nodes", "4G:0-1,4G:2-3"]
        assert typed(args, "zonelist") == (folder / "zonelists").read_text()


@pytest.mark.parametrize(
    ("ram", "cpus", "total", "directly"),
    [(64 * MIB, 1, 42628, (18304, 47104, 0)), (300 * MIB, 2, 279340, (18304, 288768, 0)),
     (3 * GIB, 4, 3069116, (18304, 2078720, 1 << 20)), (6 * GIB, 8, 6092496, (18304, 2078720, 6 << 20))],
)  # fmt: skip
def test_sizes_that_the_real_kernel_told_of(ram: int, cpus: int, total: int, directly: tuple[int, ...]) -> None:
    """6 GiB: an entry of 1 GiB that was mapped in two steps counts twice."""
    text = tree.show(Box(Config(arch="x86_64", ram=ram, cpus=cpus)), "/proc/meminfo")
    told = dict(re.findall(r"^(\w+): +(\d+)", text, re.MULTILINE))
    assert int(told["MemTotal"]) == total
    assert tuple(int(told[f"DirectMap{size}"]) for size in ("4k", "2M", "1G")) == directly


def test_small_machines_have_the_hash_tables_of_the_real_kernel() -> None:
    log = [record.text for record in Box(Config(ram=64 * MIB)).log.records]
    assert "IP idents hash table entries: 2048 (order: 2, 16384 bytes, linear)" in log


def test_files_of_a_node() -> None:
    folder = REFERENCE64 / "boot-8g-4cpu-2nodes"
    box = Box(config_of(folder))
    columns = [re.sub(r"\d", " ", line) for line in (folder / "node1_meminfo").read_text().splitlines()]
    ours = tree.show(box, "/sys/devices/system/node/node1/meminfo").splitlines()
    assert [re.sub(r"\d", " ", line) for line in ours] == columns
    for name in ("meminfo", "vmstat"):
        shown = tree.show(box, f"/sys/devices/system/node/node1/{name}")
        real = (folder / f"node1_{name}").read_text()
        assert [line.split(":")[0].split()[:3:2] for line in shown.splitlines()] == [
            line.split(":")[0].split()[:3:2] for line in real.splitlines()
        ]
    assert tree.show(box, "/sys/devices/system/node/node1/distance") == "20 10\n"
    assert tree.show(box, "/sys/devices/system/node/node1/cpulist") == "2-3\n"
    assert tree.show(box, "/sys/devices/system/node/node1/cpumap") == "c\n"
    assert tree.show(box, "/sys/devices/system/node/has_memory") == "0-1\n"


def test_the_nodes_add_up_to_the_machine() -> None:
    box = Box(Config(arch="x86_64", ram=4 * GIB, cpus=3, nodes=((GIB, (0,)), (2 * GIB, (1, 2)), (GIB, ()))))
    parts = [
        dict(re.findall(r"Node \d+ (\S+): +(\d+)", tree.show(box, f"/sys/devices/system/node/node{nid}/meminfo")))
        for nid in range(3)
    ]
    whole = dict(re.findall(r"^(\S+): +(\d+)", tree.show(box, "/proc/meminfo"), re.MULTILINE))
    for name in ("MemTotal", "MemFree", "Slab", "AnonPages", "Shmem", "KernelStack", "Active(anon)", "Inactive(file)"):
        assert sum(int(part[name]) for part in parts) == int(whole[name]), name
    assert check(box) == []


@pytest.mark.parametrize("ram", [64 * MIB, 200 * MIB, 3 * GIB + 512 * MIB, 5 * GIB, 64 * GIB])
def test_any_size_boots_whole(ram: int) -> None:
    box = Box(Config(arch="x86_64", ram=ram, cpus=2))
    assert check(box) == []
    assert check(box.copy()) == []


def test_a_terabyte() -> None:
    """What is not touched costs nothing: the memory map is 34 bytes a frame on the host if it is, 9 GiB here."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    box = Box(Config(arch="x86_64", ram=1 << 40, cpus=64, nodes=tuple((1 << 37, tuple(range(n * 8, n * 8 + 8)))
                                                                    for n in range(8))))  # fmt: skip
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10
    assert sum(zone.present for zone in box.pages.zones) > (1 << 28) - 1024
    assert [node.order[:2] for node in box.pages.nodes][:2] == [(0, 1), (1, 2)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--arch vax", "no machine 'vax'"),
        ("--nodes 2", "i386 has one node"),
        ("--arch x86_64 --ram 32M", "RAM must be from 64M to 1T"),
        ("--arch x86_64 --cpus 65", "CPUs must be from 1 to 64"),
        ("--arch x86_64 --ram 8G --nodes 4G:0,5G:", "the nodes have 9G, the machine has 8G"),
        ("--arch x86_64 --ram 8G --cpus 2 --nodes 4G:0,4G:0-1", "CPU 0 belongs to two nodes"),
        ("--arch x86_64 --ram 8G --cpus 2 --nodes 4G:0,4G:", "CPU 1 belongs to no node"),
        ("--arch x86_64 --ram 8G --cpus 2 --nodes 4G:0,4G:1-2", "there is no CPU 2"),
        ("--arch x86_64 --ram 8G --nodes 9", "nodes must be from 1 to 8"),
        ("--arch x86_64 --ram 1G --nodes 6M:,1018M:0", "a multiple of 4M"),
        ("--arch x86_64 --nodes all", "neither a number of nodes"),
        ("--arch x86_64 --distance 30", "a distance needs nodes"),
        ("--cmdline mem=nopentium", "mem=nopentium is not modelled"),
        ("--arch x86_64 --cmdline mem=2M", "the RAM disk does not fit"),
    ],
)
def test_machines_that_cannot_be(words: str, said: str) -> None:
    with pytest.raises(ShellError, match=said):
        typed(words.split(), "true")


def test_lists_of_cpus() -> None:
    assert parse_cpulist("0-2,5") == (0, 1, 2, 5)
    assert parse_cpulist("") == ()
    with pytest.raises(ValueError, match="no list of CPUs"):
        parse_cpulist("0-")


def test_reset_and_save_keep_the_machine(tmp_path: Path) -> None:
    script = tmp_path / "machine.memsh"
    typed(["--arch", "x86_64", "--ram", "2G", "--cpus", "2", "--nodes", "2"], f"alloc_pages 0; save {script}")
    text = script.read_text()
    assert "--arch x86_64" in text and "--nodes" in text
    shown = typed([], f"source {script}; zonelist")
    assert "node 1 fallback: 1/DMA32 0/DMA32 0/DMA" in shown


@pytest.mark.parametrize(
    ("config", "end"),
    [
        ({"ram": 256 * MIB}, 0xFFE0000),
        ({"ram": 256 * MIB, "swap": 64 * MIB}, 0xFFDA000),  # the rings of the two drives
        ({"ram": 8 * GIB, "cpus": 4, "nodes": tuple((2 * GIB, (cpu,)) for cpu in range(4))}, 0xBFFDF000),  # SMBIOS
    ],
)
def test_the_firmware_keeps_what_it_needs_below_4_gib(config: dict[str, Any], end: int) -> None:
    box = Box(Config(arch="x86_64", **config))
    assert f"-0x{end - 1:016x}] usable" in "".join(record.text for record in box.log.records)
    zone = box.pages.nodes[1 if "nodes" in config else 0].zones[1]
    assert zone.start_pfn + zone.present == end >> 12


def test_per_cpu_areas_of_nodes_keep_their_distance() -> None:
    """Asked of the recorded kernel on this machine: a second chunk's areas are as far apart as the first one's."""
    half = ((GIB, (0, 1)), (GIB, (2, 3)))
    box = Box(Config(arch="x86_64", ram=2 * GIB, cpus=4, nodes=half, cmdline="norandmaps"))
    lines = [line for line in tree.show(box, "/proc/vmallocinfo").splitlines() if "pcpu_get_vm_areas" in line]
    assert [line.split()[0] for line in lines] == [
        "0xffffe8ffbfe00000-0xffffe8ffc0000000", "0xffffe8ffffc00000-0xffffe8ffffe00000",
    ]  # fmt: skip
    assert check(box) == []


def test_vmalloc_areas_lie_where_the_recorded_ones_do() -> None:
    """As transcripts/vmalloc.txt of the recordings begins; the box has a process more, whose stack is one more."""
    rows = (REFERENCE64 / "boot-2g-1cpu" / "vmallocinfo_addresses").read_text().splitlines()
    box = Box(Config(arch="x86_64", ram=2 * GIB, cmdline="norandmaps no_hash_pointers"))
    ours = tree.show(box, "/proc/vmallocinfo").splitlines()
    more = "0xffffc90000124000-0xffffc90000129000   20480 kernel_clone+0xba/0x3d0 pages=4 vmalloc N0=4"
    assert sorted([*rows, more]) == ours
    assert not box.vmalloc.laid_out
    assert hex(box.vmalloc.vmalloc(4096)) == "0xffffc90000025000"
    assert check(box) == []


@pytest.mark.parametrize(
    ("groups", "units", "told"),
    [
        ([(0,), (1, 2, 3)], 1, ["[0] 0 [1] 1 [1] 2 [1] 3 "]),
        ([(0,), (1, 2)], 2, ["[0] 0 - [1] 1 2 "]),
        ([tuple(range(8))], 8, ["[0] 0 1 2 3 4 5 6 7 "]),
        ([tuple(range(24))], 8, [
            "[0] 00 01 02 03 04 05 06 07 [0] 08 09 10 11 12 13 14 15 ", "[0] 16 17 18 19 20 21 22 23 ",
        ]),
    ],
)  # fmt: skip
def test_who_shares_a_piece_of_per_cpu_memory(groups: list[tuple[int, ...]], units: int, told: list[str]) -> None:
    """As machines of such nodes said; the last by pcpu_dump_alloc_info's own arithmetic."""
    assert pcpu_dump_alloc_info(groups, units) == told


def test_a_machine_of_nodes_has_its_ram_disk_on_one() -> None:
    """A worker unpacks it, which knows no policy; the log has its tables in the order in which they were made."""
    box = Box(Config(arch="x86_64", ram=4 * GIB, cpus=4, nodes=((1 * GIB, (0,)), (3 * GIB, (1, 2, 3)))))
    told = [tree.show(box, f"/sys/devices/system/node/node{nid}/meminfo") for nid in (0, 1)]
    assert [re.findall(r"Shmem: +(\d+)", text) for text in told] == [["5804"], ["0"]]
    log = [record.text for record in box.log.records]
    names = ("AppArmor: App", "Dentry cache", "Inode-cache", "Mount-cache", "Mountpoint-cache", "smpboot: CPU0")
    order = [next(at for at, text in enumerate(log) if text.startswith(name)) for name in names]
    assert order == sorted(order)
