"""Memory that goes to the Movable zone and comes back (figures of a kernel with 1 GiB, transparent_hugepage=never)."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL, MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.uaccess import read, write
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import tree

MEMORY = "/sys/devices/system/memory"
POLICY = "/sys/module/memory_hotplug/parameters"
NEVER = "norandmaps transparent_hugepage=never"


def box_of(ram: int, cmdline: str = NEVER, **more: object) -> Box:
    return Box(Config(arch="x86_64", ram=ram, cmdline=cmdline, **more))  # type: ignore[arg-type]


def put(box: Box, number: int, state: str) -> None:
    tree.store(box, f"{MEMORY}/memory{number}/state", state + "\n")


def zones(box: Box, *numbers: int) -> list[str]:
    return [tree.show(box, f"{MEMORY}/memory{number}/valid_zones").rstrip("\n") for number in numbers]


def told(box: Box) -> list[str]:
    return [record.text for record in box.log.records if "onelist" in record.text or "Policy" in record.text]


def bounds(box: Box) -> dict[str, tuple[int, ...]]:
    return {zone.name: (zone.start_pfn, zone.spanned, zone.present, zone.managed)
            for zone in box.pages.zones if zone.present}  # fmt: skip


def test_a_piece_becomes_movable_and_comes_back() -> None:
    box = box_of(1024 * MIB)
    before, begun = bounds(box), len(told(box))
    put(box, 5, "offline")
    assert zones(box, 4, 5) == ["DMA32", "DMA32 Movable"]
    put(box, 5, "online_movable")
    assert zones(box, 4, 5, 6) == ["DMA32", "Movable", "DMA32"]
    assert bounds(box) == {"DMA": (1, 4095, 3998, 3840), "DMA32": (4096, 258016, 225248, 215865),
                           "Movable": (163840, 32768, 32768, 32768)}  # fmt: skip
    assert [zone.lowmem_reserve for zone in box.pages.zones[:2]] == [[0, 843, 843, 971, 971], [0, 0, 0, 128, 128]]
    assert check(box) == []
    put(box, 5, "offline")
    assert told(box)[begun:] == [
        "Built 1 zonelists, mobility grouping on.  Total pages: 251074", "Policy zone: DMA32",
        "Built 1 zonelists, mobility grouping on.  Total pages: 218306", "Policy zone: DMA32",
    ]  # fmt: skip
    put(box, 5, "online_kernel")
    assert (bounds(box), zones(box, 5)) == (before, ["DMA32"])
    assert check(box) == []


def test_neighbours_and_the_policy_say_where_it_goes() -> None:
    box = box_of(1024 * MIB)
    for number in (4, 6):
        put(box, number, "offline")
    put(box, 4, "online_movable")
    put(box, 6, "online")
    assert zones(box, 4, 6) == ["Movable", "DMA32"]
    put(box, 4, "offline")
    tree.store(box, f"{POLICY}/online_policy", "auto-movable\n")
    assert zones(box, 4) == ["Movable DMA32"]
    tree.store(box, f"{POLICY}/auto_movable_ratio", "10\n")
    assert zones(box, 4) == ["DMA32 Movable"]
    with pytest.raises(KernelError, match="Invalid"):
        tree.store(box, f"{POLICY}/online_policy", "nowhere\n")
    assert zones(box_of(1024 * MIB, f"{NEVER} memory_hotplug.online_policy=auto-movable"), 4) == ["DMA32"]
    box = box_of(1024 * MIB, f"{NEVER} movable_node")
    for number in (3, 4):
        put(box, number, "offline")
    assert zones(box, 3, 4) == ["DMA32 Movable"] * 2  # the kernel's zone reaches over them


def test_the_kernel_takes_none_of_it_and_everything_works_between_two_zones_in_one_another() -> None:
    box = box_of(640 * MIB, swap=256 * MIB, cpus=2)
    for number in (1, 3):
        put(box, number, "offline")
        put(box, number, "online_movable")
    movable = next(zone for zone in box.pages.zones if zone.name == "Movable")
    assert not movable.owns(2 << 15) and movable.owns(1 << 15) and movable.owns(3 << 15)
    mm = box.current.mm
    assert mm is not None
    taken = [box.pages.alloc_pages(GFP_KERNEL, 9) for _ in range(40)]
    assert all(taken) and not any(movable.owns(pfn) for pfn in taken)
    addr = vma.sys_mmap(box, mm, 0, 560 * MIB, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, 560 * MIB, True)
    assert box.vmstat["pswpout"] > 1000
    write(box, box.current, addr, b"first")
    assert check(box) == []
    copied = box.copy()
    for box_ in (box, copied):
        box_.timer.advance(3_000_000)
        tree.store(box_, "/proc/sys/vm/compact_memory", "1\n")
        for pfn in taken:
            box_.pages.free_pages(pfn, 9)
        vma.do_munmap(box_, box_.vm.mms[mm.number], addr + 16 * MIB, 544 * MIB)
        put(box_, 3, "offline")
        put(box_, 1, "offline")
        assert read(box_, box_.current, addr, 5) == b"first"
        assert check(box_) == []
    assert bounds(box) == bounds(copied)
