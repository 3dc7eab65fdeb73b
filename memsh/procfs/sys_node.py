"""/sys/devices/system/node: the memory of each node (drivers/base/node.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.config import cpulist_text
from memsh.linux.include.flags import PAGE_SIZE, UINT_MAX
from memsh.linux.mm.page_alloc.nodestat import node_page_state
from memsh.procfs.node import Directory, Link, ProcFile
from memsh.procfs.sys_device import device
from memsh.procfs.sys_hugetlb import node_pools
from memsh.procfs.sys_memory import blocks_of_node
from memsh.procfs.vmstat import node_figures, numa_events, zone_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Node
    from memsh.procfs.node import Node as Entry


def cpumap_text(cpus: Iterable[int], count: int) -> str:
    """(0, 1) → `3`: a mask in hexadecimal, 32 bits a group, as wide as `count` CPUs need (%*pb)."""
    mask = sum(1 << cpu for cpu in cpus)
    groups = []
    for shift in range((count - 1) // 32 * 32, -1, -32):
        bits = min(32, count - shift)
        groups.append(f"{mask >> shift & UINT_MAX:0{-(-bits // 4)}x}")
    return ",".join(groups)


def cpulist_size(box: Box) -> int:
    """CPULIST_FILE_MAX_BYTES: as long as a list of CPUs may get, a page at least."""
    return max(PAGE_SIZE, box.arch.nr_cpus * 7 // 2)


def show_cpulist(nid: int, box: Box) -> str:
    return cpulist_text(box.pages.nodes[nid].cpus) + "\n"


def show_cpumap(nid: int, box: Box) -> str:
    return cpumap_text(box.pages.nodes[nid].cpus, box.config.cpus) + "\n"


def show_distance(nid: int, box: Box) -> str:
    return " ".join(map(str, box.pages.nodes[nid].distances)) + "\n"


def show_numastat(nid: int, box: Box) -> str:
    found = numa_events(box.pages.nodes[nid].zones)
    names = {"numa_interleave": "interleave_hit", "numa_local": "local_node", "numa_other": "other_node"}
    return "".join(f"{names.get(name, name)} {number}\n" for name, number in found.items())


def show_vmstat(nid: int, box: Box) -> str:
    node = box.pages.nodes[nid]
    rows = {name: sum(zone.stat.get(name, 0) for zone in node.zones) for name in zone_items(box)}
    rows["nr_free_pages"] = sum(zone.nr_free for zone in node.zones)
    rows |= numa_events(node.zones)
    rows |= node_figures(box, node_page_state(box, node))
    return "".join(f"{name} {number}\n" for name, number in rows.items())


def show_meminfo(nid: int, box: Box) -> str:
    """The node's part of /proc/meminfo (node_read_meminfo)."""
    lines = []
    for name, value, unit in meminfo_rows(box, nid):
        width = 15 if name.startswith("File") and name != "FilePages" else 16  # two of Linux's lines are a blank short
        lines.append(f"Node {nid} {name + ':':<{width}s}" + (f"{value:8d} kB\n" if unit else f" {value:5d}\n"))
    return "".join(lines)


def meminfo_rows(box: Box, nid: int) -> list[tuple[str, int, bool]]:
    """(label, number, whether it is kB)."""
    node = box.pages.nodes[nid]
    stat = node_page_state(box, node)
    total, free = node.managed, sum(zone.nr_free for zone in node.zones)
    mlocked = sum(zone.stat.get("nr_mlock", 0) for zone in node.zones)
    bounce = sum(zone.stat.get("nr_bounce", 0) for zone in node.zones)
    kernel = stat["nr_slab_reclaimable"] + stat["nr_kernel_misc_reclaimable"]
    pages = [
        ("MemTotal", total), ("MemFree", free), ("MemUsed", total - free), ("SwapCached", stat["nr_swapcached"]),
        ("Active", stat["nr_active_anon"] + stat["nr_active_file"]),
        ("Inactive", stat["nr_inactive_anon"] + stat["nr_inactive_file"]), ("Active(anon)", stat["nr_active_anon"]),
        ("Inactive(anon)", stat["nr_inactive_anon"]), ("Active(file)", stat["nr_active_file"]),
        ("Inactive(file)", stat["nr_inactive_file"]), ("Unevictable", stat["nr_unevictable"]), ("Mlocked", mlocked),
        ("Dirty", stat["nr_dirty"]), ("Writeback", stat["nr_writeback"]), ("FilePages", stat["nr_file_pages"]),
        ("Mapped", stat["nr_mapped"]), ("AnonPages", stat["nr_anon_pages"]), ("Shmem", stat["nr_shmem"]),
        ("KernelStack", stat["nr_kernel_stack"] // 4), ("PageTables", stat["nr_page_table_pages"]),
        ("SecPageTables", stat["nr_sec_page_table_pages"]), ("NFS_Unstable", 0), ("Bounce", bounce),
        ("WritebackTmp", stat["nr_writeback_temp"]), ("KReclaimable", kernel),
        ("Slab", stat["nr_slab_reclaimable"] + stat["nr_slab_unreclaimable"]),
        ("SReclaimable", stat["nr_slab_reclaimable"]), ("SUnreclaim", stat["nr_slab_unreclaimable"]),
        ("AnonHugePages", stat["nr_anon_transparent_hugepages"]), ("ShmemHugePages", stat["nr_shmem_hugepages"]),
        ("ShmemPmdMapped", stat["nr_shmem_pmdmapped"]), ("FileHugePages", stat["nr_file_hugepages"]),
        ("FilePmdMapped", stat["nr_file_pmdmapped"]),
    ]  # fmt: skip
    rows = [(name, number * 4, True) for name, number in pages]
    h = box.hugetlb.default
    huge = (h.nr_node[nid], len(h.free[nid]), h.surplus_node[nid])
    return [*rows, *((f"HugePages_{name}", n, False) for name, n in zip(("Total", "Free", "Surp"), huge, strict=True))]


def store_compact(nid: int, box: Box, text: str) -> None:
    """Whatever is written, the node's memory is compacted (compact_store)."""
    box.pages.nodes[nid].kcompactd.compact_memory()


_FILES: dict[str, Callable[[int, Box], str]] = {
    "cpumap": show_cpumap, "distance": show_distance, "meminfo": show_meminfo,
    "numastat": show_numastat, "vmstat": show_vmstat,
}  # fmt: skip
_WITH: dict[str, Callable[[Node], bool]] = {
    "has_cpu": lambda node: bool(node.cpus), "has_generic_initiator": lambda node: False,
    "has_memory": lambda node: bool(node.present), "has_normal_memory": lambda node: bool(node.present),
    "online": lambda node: True, "possible": lambda node: True,
}  # fmt: skip


def show_which(name: str, box: Box) -> str:
    """The nodes of which this is true, as a list."""
    return cpulist_text(node.nid for node in box.pages.nodes if _WITH[name](node)) + "\n"


def _link(target: str, box: Box) -> str:
    return target


def names(box: Box) -> list[str]:
    """The nodes; none on a kernel that knows none."""
    if not box.arch.numa:
        return []
    return [f"node{node.nid}" for node in box.pages.nodes]


def find(box: Box, name: str) -> Entry | None:
    """nodeN of a node that is there."""
    number = name.removeprefix("node")
    if not name.startswith("node") or not is_digits(number) or name not in names(box):
        return None
    nid = int(number)
    files: dict[str, Entry] = {
        **{f"cpu{cpu}": Link(partial(_link, f"../../cpu/cpu{cpu}")) for cpu in box.pages.nodes[nid].cpus},
        **{f"memory{at}": Link(partial(_link, f"../../memory/memory{at}")) for at in blocks_of_node(box, nid)},
        "compact": ProcFile(None, partial(store_compact, nid), 0o200),
        "subsystem": Link(partial(_link, "../../../../bus/node")),
    }  # fmt: skip
    files |= {key: ProcFile(partial(show, int(number))) for key, show in _FILES.items()}
    files["cpulist"] = ProcFile(partial(show_cpulist, nid), size=cpulist_size)
    if box.hugetlb.available:
        files["hugepages"] = node_pools(int(number))
    return device(files)


NODES = Directory({name: ProcFile(partial(show_which, name), option="NUMA") for name in _WITH}, 0o755, names=names,
                  find=find)  # fmt: skip
