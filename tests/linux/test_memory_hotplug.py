"""Pieces of memory are taken away with all that is in them, and come back (figures of a kernel with 1 GiB)."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.linux.config import Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.uaccess import read
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import tree

MIB = 1 << 20
MEMORY = "/sys/devices/system/memory"


def box_of(ram: int, **more: object) -> Box:
    return Box(Config(arch="x86_64", ram=ram, **more))  # type: ignore[arg-type]


def shown(box: Box, name: str) -> str:
    return tree.show(box, f"{MEMORY}/{name}").rstrip("\n")


def test_a_piece_goes_and_comes_back() -> None:
    box = box_of(1 << 30)
    zone = next(zone for zone in box.pages.zones if zone.name == "DMA32")
    before = zone.managed, zone.present, tree.show(box, "/proc/meminfo").split("\n")[0]
    tree.store(box, f"{MEMORY}/memory2/state", "offline\n")
    assert (shown(box, "memory2/state"), shown(box, "memory2/online"), shown(box, "memory2/valid_zones")) == (
        "offline", "0", "DMA32 Movable",
    )  # fmt: skip
    assert (zone.managed, zone.present) == (before[0] - 32768, before[1] - 32768)
    assert (zone.wmark_min, zone.wmark_low, zone.wmark_high) == (10726, 13407, 16088)
    assert check(box) == []
    for text in ("offline", "nothing"):
        with pytest.raises(KernelError, match="Invalid"):
            tree.store(box, f"{MEMORY}/memory2/state", text)
    tree.store(box, f"{MEMORY}/memory2/online", "0")
    tree.store(box, f"{MEMORY}/memory2/state", "online\n")
    assert (zone.managed, zone.present, tree.show(box, "/proc/meminfo").split("\n")[0]) == before
    assert shown(box, "memory2/valid_zones") == "DMA32" and check(box) == []


def test_what_lies_there_moves() -> None:
    box = box_of(768 * MIB, nodes=((512 * MIB, (0,)), (256 * MIB, ())))
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 300 * MIB, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, 300 * MIB, True)
    rss, moved = list(mm.rss), box.vmstat["pgmigrate_success"]
    tree.store(box, f"{MEMORY}/memory1/state", "offline")
    assert box.vmstat["pgmigrate_success"] > moved and mm.rss == rss
    assert box.pages.nodes[1].managed - sum(zone.nr_free for zone in box.pages.nodes[1].zones) > 20000
    assert check(box) == []
    assert read(box, box.current, addr, 4) == bytes(4)


def test_the_kernels_memory_stays() -> None:
    box = box_of(512 * MIB)
    inside = 0
    while inside >> 15 not in (1, 2):
        inside = box.pages.alloc_pages(0xCC0, 10)
    free = box.pages.zones[1].nr_free
    with pytest.raises(KernelError, match="busy"):
        tree.store(box, f"{MEMORY}/memory{inside >> 15}/state", "offline")
    assert box.pages.zones[1].nr_free - free < 1024 and check(box) == []
