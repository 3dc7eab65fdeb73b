"""Files of the system against recorded text: forms that need no whole box."""

from __future__ import annotations

import pytest

from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.machines.box import Box
from memsh.procfs import extfrag, swaps, tree, vmstat
from tests.paths import REFERENCE

BOOTS = sorted(REFERENCE.glob("boot-*"))


def test_names_of_vmstat() -> None:
    assert vmstat.names(Box(Config(ram=64 * MIB))) == (REFERENCE / "vmstat-names.txt").read_text().split()


@pytest.mark.parametrize("folder", BOOTS, ids=lambda path: path.name)
def test_fragmentation_indices(folder: object) -> None:
    """buddyinfo and the two indices were read one after the other: the zones that agree must agree in every digit."""
    equal = 0
    for line, index, unusable in zip(
        *((folder / name).read_text().splitlines() for name in ("buddyinfo", "extfrag_index", "unusable_index")),  # type: ignore[operator]
        strict=True,
    ):
        counts = [int(word) for word in line.split()[4:]]
        values = [extfrag.unusable_index(order, counts) for order in range(11)]
        shown = " ".join(f"{value // 1000}.{value % 1000:03d}" for value in values)
        equal += shown == " ".join(unusable.split()[4:])
        assert all(extfrag.fragmentation_index(order, counts) == -1000 for order in range(11))
        assert index.split()[4:] == ["-1.000"] * 11
    assert equal >= 1


def test_fragmentation_index_without_a_block() -> None:
    assert extfrag.fragmentation_index(3, [0] * 11) == 0
    assert extfrag.fragmentation_index(3, [100, *[0] * 10]) == 1000 - (1000 + 100 * 1000 // 8) // 100
    assert extfrag.unusable_index(1, [1, *[0] * 10]) == 1000


def test_a_row_of_swaps() -> None:
    recorded = (REFERENCE / "captures/1024M-2cpu/s1/swaps").read_text()
    assert swaps.HEADER + swaps.row("/dev/vdb", "partition", 98300, 0, -2) == recorded
    assert swaps.row("/a b", "file", 12345678, 8, -3).startswith("/a\\040b" + " " * 33 + "file\t\t12345678\t8\t\t-3")


@pytest.fixture(scope="module")
def box() -> Box:
    return Box(Config(ram=64 * MIB))


def test_filesystems_and_ports(box: Box) -> None:
    tree_ = REFERENCE / "captures/1024M-2cpu/s1"
    known = (tree_ / "filesystems").read_text().replace("debugfs\n", "debugfs\nnodev\ttracefs\n")
    assert tree.show(box, "/proc/filesystems") == known
    mounted = {line.split()[2] for line in tree.show(box, "/proc/self/mounts").splitlines()}
    assert mounted <= set(known.replace("nodev", "").split())
    second = "  02f8-02ff : serial\n"  # a port that the box has not
    assert tree.show(box, "/proc/ioports") == (tree_ / "ioports").read_text().replace(second, "")
    assert tree.show(box, "/proc/iomem").splitlines()[-10:-4] == [
        "  febf4000-febf7fff : 0000:00:02.0", "    febf4000-febf7fff : virtio-pci-modern",
        "  febf8000-febfbfff : 0000:00:03.0", "    febf8000-febfbfff : virtio-pci-modern",
        "  febfe000-febfefff : 0000:00:02.0", "  febff000-febfffff : 0000:00:03.0"]  # fmt: skip


def test_the_tree(box: Box) -> None:
    names = tree.listdir(box, "/proc")
    assert names[0] == "1" and "self" in names and "buddyinfo" in names
    assert tree.isdir(box, "/proc/self") and not tree.isdir(box, "/proc/meminfo")
    assert tree.exists(box, "/proc/1/maps") and not tree.exists(box, "/proc/1/nothing")
    assert tree.show(box, "/proc/../proc/./self//comm") == "a.out\n"
    assert tree.listdir(box, "/proc/self/task") == [str(box.current.pid)]
    assert tree.mode(box, "/proc/slabinfo") == 0o600 and tree.mode(box, "/proc/sys/vm/drop_caches") == 0o200
    with pytest.raises(KernelError, match="No such file"):
        tree.show(box, "/proc/sys/vm/nothing")
    for path in filter(lambda path: tree.exists(box, path), tree.FILES):
        if tree.mode(box, path) & 0o400:
            empty = ("/stat_refresh", "/set_event", "/set_event_pid")
            assert tree.show(box, path).endswith("\n") or path.endswith(empty)


@pytest.mark.parametrize("text", ["", "kmalloc-64", "kmalloc-64 1 2", "no-such 8 4 0", "a b c d", "kmalloc-64 x 1 1"])
def test_writing_nonsense_to_slabinfo(box: Box, text: str) -> None:
    with pytest.raises(KernelError, match="Invalid argument"):
        tree.store(box, "/proc/slabinfo", text + "\n")


def test_tuning_a_cache(box: Box) -> None:
    def tunables() -> list[str]:
        rows = [line.split() for line in tree.show(box, "/proc/slabinfo").splitlines()]
        return next(row for row in rows if row[0] == "kmalloc-128")[8:11]

    before = tunables()
    tree.store(box, "/proc/slabinfo", "kmalloc-128 4 8 0\n")  # more at a time than there may be: taken, without effect
    assert tunables() == before
    tree.store(box, "/proc/slabinfo", "kmalloc-128 60 30 0\n")
    assert tunables() == ["60", "30", "0"]
