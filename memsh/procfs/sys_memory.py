"""/sys/devices/system/memory: the pieces in which memory could be added and taken away (drivers/base/memory.c).

**Known deviations:** no page is poisoned; all pieces are there from boot, so that none waits for auto_online_blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.arch.x86.setup import memory_block_size_bytes
from memsh.linux.include.errno import KernelError
from memsh.linux.include.memmap import SECTION_ORDER
from memsh.linux.kernel import moduleparam
from memsh.linux.lib.kstrtox import kstrtobool, kstrtoull
from memsh.linux.mm.memory_hotplug import OnlinePolicy, offline_pages, online_pages, zone_for_pfn_range
from memsh.procfs.node import Directory, Link, Node, ProcFile
from memsh.procfs.sys_device import device

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Zone

PAGE_SHIFT = 12
ONLINE_TYPES = ("offline", "online", "online_kernel", "online_movable")


def blocks(box: Box) -> list[int]:
    """The numbers of the pieces that hold RAM."""
    size = memory_block_size_bytes(box.machine) >> PAGE_SHIFT
    found: set[int] = set()
    for region in box.machine.memblock.memory:
        first, behind = region.start >> PAGE_SHIFT, -(-region.end >> PAGE_SHIFT)
        found.update(range(first // size, -(-behind // size)))
    return sorted(found)


def blocks_of_node(box: Box, nid: int) -> list[int]:
    """Those of which the first page is the node's."""
    return [at for at in blocks(box) if _node_of(box, at) == nid]


def _zones(box: Box, number: int) -> list[Zone]:
    """Those that have a part of the piece."""
    first, count = _range(box, number)
    return [zone for zone in box.pages.zones
            if any(zone.owns(pfn) for pfn in range(first, first + count, zone.block_pages))]  # fmt: skip


def _node_of(box: Box, number: int) -> int:
    """Where the piece lies, even while it is away."""
    start = number * memory_block_size_bytes(box.machine)
    homes = [(begin, nid) for nid, ranges in enumerate(box.machine.homes) for begin, _ in ranges if begin <= start]
    return max(homes, default=(0, 0))[1]


def _range(box: Box, number: int) -> tuple[int, int]:
    """The piece's first frame, and how many it has."""
    size = memory_block_size_bytes(box.machine) >> PAGE_SHIFT
    return number * size, size


def _online(box: Box, number: int) -> bool:
    return bool(_zones(box, number))


def _zone_for(box: Box, number: int, online_type: str) -> Zone:
    ratio = moduleparam.value(box, "memory_hotplug.auto_movable_ratio", "301")
    policy = OnlinePolicy(
        moduleparam.value(box, "memory_hotplug.online_policy", "contig-zones") == "auto-movable", int(ratio),
        moduleparam.value(box, "memory_hotplug.auto_movable_numa_aware", "Y") == "Y",
    )  # fmt: skip
    return zone_for_pfn_range(box, online_type, _node_of(box, number), *_range(box, number), policy)


def valid_zones(box: Box, number: int) -> str:
    """The zone that the whole piece is of, `none` if it is of several (early_node_zone_for_memory_block); of one that
    is away, where `online` would put it, and then where else it might go."""
    inside = _zones(box, number)
    if not inside:
        return " ".join(dict.fromkeys(_zone_for(box, number, word).name for word in ONLINE_TYPES[1:])) + "\n"
    return f"{inside[0].name if len(inside) == 1 else 'none'}\n"


def _offline(box: Box, number: int) -> None:
    """memory_subsys_offline(): EINVAL of one that is away, of a piece with holes, or of several zones; EBUSY."""
    first, count = _range(box, number)
    size, behind = count << PAGE_SHIFT, first + count << PAGE_SHIFT
    ram = sum(max(0, min(region.end, behind) - max(region.start, behind - size))
              for region in box.machine.memblock.memory)  # fmt: skip
    if ram != size or len(_zones(box, number)) != 1:
        raise KernelError("EINVAL", "it has holes, or is of several zones")
    offline_pages(box, _zones(box, number)[0], first, count)


def _store_state(box: Box, text: str, number: int) -> None:
    """EINVAL for no such state, and for the one that there is."""
    word, online = text.removesuffix("\n"), _online(box, number)
    if word not in ONLINE_TYPES or (word == "offline") != online:
        raise KernelError("EINVAL", f"it is {'online' if online else 'offline'}")
    if online:
        _offline(box, number)
    else:
        online_pages(box, _zone_for(box, number, word), *_range(box, number))


def _store_online(box: Box, text: str, number: int) -> None:
    """device_online() and device_offline(): what it is already needs no work."""
    wanted = kstrtobool(text)
    if wanted and not _online(box, number):
        online_pages(box, _zone_for(box, number, "online"), *_range(box, number))
    elif not wanted and _online(box, number):
        _offline(box, number)


def _block(box: Box, name: str) -> Node | None:
    digits = name.removeprefix("memory")
    if not name.startswith("memory") or not is_digits(digits) or str(int(digits)) != digits:
        return None
    number = int(digits)
    if number not in blocks(box):
        return None
    nid = _node_of(box, number)

    def stored(store: Callable[[Box, str, int], None]) -> Callable[[Box, str], None]:
        return lambda box, text: store(box, text, number)

    section = number * (memory_block_size_bytes(box.machine) >> PAGE_SHIFT >> SECTION_ORDER)
    return device({
        f"node{nid}": Link(lambda box: f"../../node/node{nid}"),
        "online": ProcFile(lambda box: f"{int(_online(box, number))}\n", stored(_store_online), 0o644),
        "phys_device": ProcFile(lambda box: "0\n"), "phys_index": ProcFile(lambda box: f"{section:08x}\n"),
        "removable": ProcFile(lambda box: "1\n"),
        "state": ProcFile(lambda box: "online\n" if _online(box, number) else "offline\n", stored(_store_state), 0o644),
        "subsystem": Link(lambda box: "../../../../bus/memory"),
        "valid_zones": ProcFile(lambda box: valid_zones(box, number)),
    })  # fmt: skip


def _store_auto(box: Box, text: str) -> None:
    word = text.removesuffix("\n")
    if word not in ONLINE_TYPES:
        raise KernelError("EINVAL", f"one of {', '.join(ONLINE_TYPES)}")
    box.sysctl.text["memory.auto_online_blocks"] = word


def _offline_page(box: Box, text: str) -> None:
    """An address in bytes; ENXIO where no RAM is."""
    pfn = kstrtoull(text) >> PAGE_SHIFT
    if not any(zone.start_pfn <= pfn < zone.end_pfn for zone in box.pages.zones if zone.present):
        raise KernelError("ENXIO")
    raise KernelError("EBUSY")


def _names(box: Box) -> Iterable[str]:
    return [f"memory{number}" for number in blocks(box)] if box.arch.numa else ()


MEMORY = Directory({
    "auto_online_blocks": ProcFile(lambda box: box.sysctl.text.get("memory.auto_online_blocks", "offline") + "\n",
                                   _store_auto, 0o644, option="NUMA"),
    "block_size_bytes": ProcFile(lambda box: f"{memory_block_size_bytes(box.machine):x}\n", option="NUMA"),
    "hard_offline_page": ProcFile(None, _offline_page, 0o200, option="MEMORY_FAILURE"),
    "soft_offline_page": ProcFile(None, _offline_page, 0o200, option="MEMORY_FAILURE"),
}, 0o755, names=_names, find=lambda box, name: _block(box, name) if box.arch.numa else None)  # fmt: skip
