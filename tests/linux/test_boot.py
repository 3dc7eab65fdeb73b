"""A booted box against the recorded boots: zones, watermarks, reserves, layout, log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memsh.linux.arch.x86.e820 import e820_map
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.mm.memblock import Memblock
from memsh.linux.mm.page_alloc.available import totalram_pages
from memsh.machines.box import Box
from memsh.machines.freelists import dump
from memsh.machines.from_dump import from_recording
from memsh.procfs import tree
from tests.paths import REFERENCE

BOOTS = sorted(REFERENCE.glob("boot-*"))
# what was measured, or chosen, when the recorded machine came up
VARIES = ("tsc:", "clocksource: tsc-early", "Kernel command line", "Calibrating delay loop", "smpboot: Total",
          "PM: RTC time", "PM:   Magic", "misc hw_random", "sched_clock:", "pci 0000:00:01.1: BAR 4")  # fmt: skip
DRIVES = (" : 0000:00:02.0", " : 0000:00:03.0", " : virtio-pci-modern")  # which the recorded had not, nor these
DISKS = ("pci 0000:00:02.0", "pci 0000:00:03.0", "virtio_blk", "ACPI: \\_SB_", "EXT4-fs")  # which the recorded had not


def config_of(folder: Path, cmdline: str = "norandmaps vmalloc=106488K") -> Config:
    found = re.fullmatch(r"boot-(\d+)([mg])-(\d)cpu", folder.name)
    assert found
    return Config(ram=int(found[1]) * (GIB if found[2] == "g" else MIB), cpus=int(found[3]), cmdline=cmdline)


def static_part(text: str) -> list[str]:
    """What in zoneinfo does not depend on what runs: limits, watermarks, protection, per-CPU limits."""
    names = "boost|min|low|high|spanned|present|managed|cma|protection:|high:|batch:|start_pfn:|cpu:"
    keep = rf"Node|\s+({names}) |  vm stats"
    return [line for line in text.splitlines() if re.match(keep, line)]


@pytest.mark.parametrize("folder", BOOTS, ids=lambda path: path.name)
class TestRecordedBoots:
    def test_zones(self, folder: Path) -> None:
        box = Box(config_of(folder))
        assert static_part(tree.show(box, "/proc/zoneinfo")) == static_part((folder / "zoneinfo").read_text())
        total = re.search(r"MemTotal: +(\d+)", (folder / "meminfo").read_text())
        assert total and totalram_pages(box) * 4 == int(total[1])

    def test_where_things_lie(self, folder: Path) -> None:
        ours = tree.show(Box(config_of(folder)), "/proc/iomem").splitlines()
        assert [row for row in ours if not row.endswith(DRIVES)] == (folder / "iomem").read_text().splitlines()

    @pytest.mark.parametrize("name", ["version", "swaps"])
    def test_files(self, folder: Path, name: str) -> None:
        assert tree.show(Box(config_of(folder)), f"/proc/{name}") == (folder / name).read_text()

    def test_layout(self, folder: Path) -> None:
        assert Box(config_of(folder)).machine.layout.text() == (folder / "layout").read_text()

    def test_cpuinfo_but_for_the_measured_speed(self, folder: Path) -> None:
        def steady(text: str) -> str:
            return re.sub(r"((?:cpu MHz|bogomips)\t+: ).*", r"\1", text)

        assert steady(tree.show(Box(config_of(folder)), "/proc/cpuinfo")) == steady((folder / "cpuinfo").read_text())

    def test_log(self, folder: Path) -> None:
        recorded = [re.sub(r"^<\d>\[ *[\d.]+\] ", "", line) for line in (folder / "dmesg").read_text().splitlines()]
        box = Box(config_of(folder))
        ours = [record.text for record in box.log.records]
        assert [line for line in ours if line not in recorded and not line.startswith((*VARIES, *DISKS))] == []
        assert [line for line in recorded if line not in ours and not line.startswith(VARIES)] == []
        assert abs(len(ours) - 15 - len(recorded)) <= 4
        stamps = [record.usec for record in box.log.records]
        assert stamps == sorted(stamps)

    def test_tunables_are_readable(self, folder: Path) -> None:
        box = Box(config_of(folder))
        for line in (folder / "sysctl_vm.txt").read_text().splitlines():
            name, value = line.split(" = ", 1)
            shown = tree.show(box, "/proc/sys/" + name.replace(".", "/", 1)).rstrip("\n")
            if name == "vm.user_reserve_kbytes":  # of the memory free at one moment of boot
                assert abs(int(shown) - int(value)) <= 1
            else:
                assert shown == value, name

    def test_memory_free_resembles_the_recorded(self, folder: Path) -> None:
        shown, told = (
            {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()}
            for text in (tree.show(Box(config_of(folder)), "/proc/meminfo"), (folder / "meminfo").read_text())
        )
        assert list(shown) == list(told)
        assert abs(shown["MemFree"] - told["MemFree"]) < 1200
        same = "MemTotal HighTotal LowTotal VmallocTotal VmallocUsed CommitLimit DirectMap4k DirectMap4M Percpu"
        for name in same.split():
            assert shown[name] == told[name], name

    def test_vmalloc_areas(self, folder: Path) -> None:
        """The recorded text hides the addresses; the order there is that of the addresses."""
        shown = tree.show(Box(config_of(folder)), "/proc/vmallocinfo").splitlines()
        recorded = (folder / "vmallocinfo").read_text().splitlines()
        parts = [[line.split(None, 1)[1].strip() for line in lines] for lines in (shown, recorded)]
        assert parts[0] == parts[1]

    def test_from_the_recording(self, folder: Path) -> None:
        texts = {path.name: path.read_text() for path in folder.iterdir()}
        box = from_recording(config_of(folder), texts)
        assert dump(box) == texts["freelists.txt"]
        assert 1 in box.tasks and box.current.comm == "a.out"
        assert dump(box.copy()) == texts["freelists.txt"]


def test_addresses_of_vmalloc_areas() -> None:
    text = (REFERENCE / "transcripts/vmalloc-kmap.txt").read_text()
    box = Box(Config(ram=2 * GIB))
    recorded = [line for line in text.split("\n$ ")[2].splitlines() if line.startswith("0x")]
    assert tree.show(box, "/proc/vmallocinfo").splitlines() == recorded


def test_default_vmalloc_reserve() -> None:
    """Without vmalloc= lowmem ends at 0x36ffe, as on the recorded machines of captures/."""
    box = Box(Config(ram=GIB, cpus=2, cmdline=""))
    zones = box.pages.zones
    assert zones[1].end_pfn == zones[2].start_pfn == 0x36FFE
    texts = [record.text for record in box.log.records]
    assert "879MB LOWMEM available." in texts
    assert "  Normal   [mem 0x0000000001000000-0x0000000036ffdfff]" in texts
    assert box.machine.layout.vmalloc_start == 0xF77FE000


@pytest.mark.parametrize(
    ("ram", "cmdline", "low", "top", "line"),
    [
        (GIB, "vmalloc=106488K highmem=0", 0x38000, 0x38000, "0MB HIGHMEM available."),
        (GIB, "vmalloc=106488K highmem=64M", 0x38000, 0x3C000, "64MB HIGHMEM available."),
        (GIB, "highmem=1G", 0x36FFE, 0x3FFE0, "only 143MB highmem pages available, ignoring highmem size of 1024MB!"),
        (256 * MIB, "highmem=64M", 0xBFE0, 0xFFE0, "64MB HIGHMEM available."),
        (128 * MIB, "highmem=100M", 0x7FE0, 0x7FE0, "highmem size (100MB) results in <64MB lowmem, ignoring it!"),
        (128 * MIB, "highmem=1G", 0x7FE0, 0x7FE0, "highmem size (1024MB) is bigger than pages available (127MB)!"),
    ],
)
def test_highmem_on_the_command_line(ram: int, cmdline: str, low: int, top: int, line: str) -> None:
    box = Box(Config(ram=ram, cmdline=cmdline))
    assert (box.machine.max_low_pfn, box.machine.max_pfn) == (low, top)
    assert line in [record.text for record in box.log.records]


@pytest.mark.parametrize("cmdline", ["vmalloc=1000M", "vmalloc=4G", "vmalloc=1K"])
def test_a_kernel_that_cannot_fit_says_so(cmdline: str) -> None:
    with pytest.raises(ValueError, match="vmalloc="):
        Box(Config(cmdline=cmdline))


@pytest.mark.parametrize("megabytes", [32, 33, 48, 64, 900, 1023, 3072, 3500, 3584, 4096])
def test_any_size_boots(megabytes: int) -> None:
    box = Box(Config(ram=megabytes * MIB))
    assert sum(zone.present for zone in box.pages.zones) <= box.machine.max_pfn
    assert bool(box.notes) == (megabytes >= 3584)
    for zone in box.pages.zones:
        assert sum(zone.nr_blocks(order) << order for order in range(11)) == zone.nr_free


def test_the_last_blocks_freed_stand_where_linux_leaves_them() -> None:
    """Lowmem goes to the tails of its lists, HighMem page by page to the heads."""
    box = Box(Config(ram=4 * GIB))
    normal, high = (list(reversed(box.pages.zones[index].lists[10 << 2 | 1])) for index in (1, 2))
    assert normal[5:] == sorted(normal[5:])
    assert high == sorted(high, reverse=True)


def test_memblock_allocates_from_the_top() -> None:
    memblock = Memblock()
    for entry in e820_map(64 * MIB):
        if entry.kind == "usable":
            memblock.add(entry.start, entry.end)
    memblock.limit = 64 * MIB
    top = 64 * MIB - 0x20000
    assert memblock.alloc(0x3000, 0x1000, "a") == top - 0x3000
    assert memblock.alloc(0x1000, 0x4000, "b") == (top - 0x4000) // 0x4000 * 0x4000
    assert memblock.alloc(1 << 30, 0x1000, "c") == 0
    memblock.free(top - 0x3000, top)
    assert memblock.alloc(0x1000, 0x1000, "d") == top - 0x1000
    ranges = memblock.free_ranges()
    assert ranges == sorted(ranges) and all(first < last for first, last in ranges)


def test_the_clock_runs_work_when_it_is_due() -> None:
    class Count:
        def __init__(self) -> None:
            self.runs = 0

        def run(self) -> None:
            self.runs += 1

    box = Box(Config(ram=64 * MIB))
    count = Count()
    box.timer.every(500_000, count.run)
    start = box.uptime_usec
    box.timer.advance(1_250_000)
    assert (count.runs, box.uptime_usec) == (2, start + 1_250_000)
    assert box.log.usec == box.uptime_usec


def test_a_recording_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match=r"freelists\.txt is missing"):
        from_recording(None, {})
    text = (BOOTS[0] / "freelists.txt").read_text()
    with pytest.raises(ValueError, match="cut short"):
        from_recording(None, {"freelists.txt": text[: len(text) // 2]})
