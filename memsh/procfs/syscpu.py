"""/sys/devices/system/cpu: processors, their caches and places (drivers/base/cpu.c, topology.c, cacheinfo.c).

Caches and vulnerabilities are those of the recorded processor. Each node is a package of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.config import cpulist_text
from memsh.procfs.node import Directory, ProcFile
from memsh.procfs.sysnode import NODES, cpumap_text

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mmzone import Node
    from memsh.procfs.node import Node as Entry

# (level, type, size in KiB, sets, ways, shared by the package)
CACHES = (
    (1, "Data", 64, 512, 2, False), (1, "Instruction", 64, 512, 2, False), (2, "Unified", 512, 512, 16, False),
    (3, "Unified", 16384, 16384, 16, True),
)  # fmt: skip
_SAFE = (
    "gather_data_sampling", "indirect_target_selection", "itlb_multihit", "l1tf", "mds", "meltdown", "mmio_stale_data",
    "reg_file_data_sampling", "retbleed", "spec_rstack_overflow", "spec_store_bypass", "srbds", "tsa",
    "tsx_async_abort", "vmscape",
)  # fmt: skip
VULNERABILITIES = dict.fromkeys(_SAFE, "Not affected") | {
    "spectre_v1": "Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
    "spectre_v2": "Mitigation: Retpolines; STIBP: disabled; RSB filling; PBRSB-eIBRS: Not affected; BHI: Not affected",
}


def _text(value: object) -> ProcFile:
    return ProcFile(lambda box: f"{value}\n")


def _all(box: Box) -> str:
    return cpulist_text(range(box.config.cpus)) + "\n"


def _topology(box: Box, cpu: int, node: Node) -> Directory:
    """Who shares a core, a die, a package with this processor."""
    files = {"cluster_id": 65535, "core_id": node.cpus.index(cpu), "die_id": 0, "physical_package_id": node.nid}
    shared = {"cluster_cpus": (cpu,), "core_cpus": (cpu,), "thread_siblings": (cpu,), "core_siblings": node.cpus,
              "die_cpus": node.cpus, "package_cpus": node.cpus}  # fmt: skip
    found: dict[str, Entry] = {name: _text(value) for name, value in files.items()}
    for name, cpus in shared.items():
        found[name] = _text(cpumap_text(cpus, box.config.cpus))
        found[f"{name}_list"] = _text(cpulist_text(cpus))
    return Directory(found)


def _cache(box: Box, cpu: int, node: Node, index: int) -> Directory:
    level, kind, size, sets, ways, shared = CACHES[index]
    cpus = node.cpus if shared else (cpu,)
    identity = node.nid if shared else cpu
    values = {
        "coherency_line_size": 64, "id": identity, "level": level, "number_of_sets": sets, "physical_line_partition": 1,
        "shared_cpu_list": cpulist_text(cpus), "shared_cpu_map": cpumap_text(cpus, box.config.cpus), "size": f"{size}K",
        "type": kind, "ways_of_associativity": ways,
    }  # fmt: skip
    return Directory({name: _text(value) for name, value in values.items()})


def names(box: Box) -> list[str]:
    return [f"cpu{cpu}" for cpu in range(box.config.cpus)]


def find(box: Box, name: str) -> Entry | None:
    """cpuN of a processor that is there."""
    if name not in names(box):
        return None
    cpu = int(name[3:])
    node = next(node for node in box.pages.nodes if cpu in node.cpus)
    caches: dict[str, Entry] = {f"index{index}": _cache(box, cpu, node, index) for index in range(len(CACHES))}
    return Directory({"cache": Directory(caches), "topology": _topology(box, cpu, node)})


CPUS = Directory({
    "isolated": _text(""), "kernel_max": _text(8191), "nohz_full": _text("(null)"), "offline": _text(""),
    "online": ProcFile(_all), "possible": ProcFile(_all),
    "present": ProcFile(_all),
    "vulnerabilities": Directory({name: _text(text) for name, text in VULNERABILITIES.items()}),
}, names=names, find=find)  # fmt: skip
SYSTEM: dict[str, Entry] = {"cpu": CPUS, "node": NODES}


def system_names(box: Box) -> list[str]:
    """What is in /sys/devices/system: nothing on a kernel without nodes."""
    return list(SYSTEM) if box.arch.numa else []


def system_find(box: Box, name: str) -> Entry | None:
    return SYSTEM.get(name) if box.arch.numa else None
