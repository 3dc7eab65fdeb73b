"""/sys/devices/system/cpu: which CPUs there are, how they belong together, their caches (drivers/base: cpu.c,
topology.c, cacheinfo.c).

Which packages there are, and what caches a processor has, is the machine's (memsh.linux.include.model).

**Known deviations:** CPUs come and go only at boot; with several nodes
`crash_notes` may lie a few hundred bytes off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.config import cpulist_text
from memsh.linux.include.errno import KernelError
from memsh.procfs.listing import Entry
from memsh.procfs.node import Directory, Link, Node, ProcFile
from memsh.procfs.sys_device import device, keeping, power, uevent
from memsh.procfs.sys_kept import keeping_file
from memsh.procfs.sys_node import cpulist_size, cpumap_text
from memsh.procfs.sysfs import listed

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.model import Cache, Topology

LINE = 64  # bytes
HOTPLUG_ONLINE = 236  # the last step of bringing a CPU up
PROCESSORS = "LNXSYSTM:00/LNXSYBUS:00/ACPI0010:00"  # which ACPI tells of
CRASH_NOTE, NOTES_ALIGN = 368, 512  # bytes
NOTES_BEHIND, ZONE_TAKES, NODE_TAKES = 0x29B60, 0x180, 0x2F0  # of per-CPU memory: one node with two zones, each more


def _mask(box: Box, cpus: Sequence[int]) -> str:
    """A bit for each CPU, as %*pb prints it: as wide as the machine has CPUs."""
    return cpumap_text(cpus, box.config.cpus) + "\n"


def _list(cpus: Sequence[int]) -> str:
    """As %*pbl prints it."""
    return cpulist_text(tuple(cpus)) + "\n"


def _text(text: object) -> ProcFile:
    return ProcFile(lambda box: f"{text}\n")


def _changing(text: str) -> ProcFile:
    """One that could be written: it takes what it has."""
    return ProcFile(lambda box: f"{text}\n", keeping(lambda box: text), 0o644)


def _told(path: str, text: str) -> ProcFile:
    """One that keeps what it is told, below the folder of all CPUs."""
    return keeping_file(f"/devices/system/cpu/{path}", _changing(text))


def _set(cpus: Sequence[int]) -> tuple[ProcFile, ProcFile]:
    """A set of CPUs as a mask, and as a list."""
    return ProcFile(lambda box: _mask(box, cpus)), ProcFile(lambda box: _list(cpus))


def _long(cpus: Sequence[int]) -> tuple[ProcFile, ProcFile]:
    """The same of a machine with as many CPUs as may be: the list is longer than a page (topology_add_dev)."""
    mask, short = _set(cpus)
    return mask, short._replace(size=cpulist_size)


def _no_smt(box: Box, text: str) -> None:
    """store_smt_control(): these processors have no siblings."""
    raise KernelError("ENODEV" if text.strip() in ("on", "off", "forceoff") else "EINVAL")


def _all(box: Box) -> range:
    return range(box.config.cpus)


def _cache(cpu: int, package: int, siblings: Sequence[int], cache: Cache) -> Directory:
    shared, listed = _set(siblings if cache.whole else (cpu,))
    return Directory({
        "coherency_line_size": _text(LINE), "id": _text(package if cache.numbered else cpu),
        "level": _text(cache.level),
        "number_of_sets": _text((cache.kib << 10) // LINE // cache.ways), "physical_line_partition": _text(1),
        "shared_cpu_list": listed, "shared_cpu_map": shared, "size": _text(f"{cache.kib}K"), "type": _text(cache.type),
        "ways_of_associativity": _text(cache.ways), "uevent": uevent(),
    }, 0o755)  # fmt: skip


def _topology(cpu: int, its: Topology, siblings: Sequence[int]) -> Directory:
    own, own_list = _long((cpu,))
    package, package_list = _long(siblings)
    return Directory({
        "cluster_cpus": own, "cluster_cpus_list": own_list, "cluster_id": _text(its.cluster), "core_cpus": own,
        "core_cpus_list": own_list, "core_id": _text(its.core), "core_siblings": package,
        "core_siblings_list": package_list, "die_cpus": package, "die_cpus_list": package_list,
        "die_id": _text(its.die), "package_cpus": package, "package_cpus_list": package_list,
        "physical_package_id": _text(its.package), "thread_siblings": own, "thread_siblings_list": own_list,
    }, 0o755)  # fmt: skip


def _cpu(box: Box, name: str) -> Node | None:
    number = name.removeprefix("cpu")
    if not name.startswith("cpu") or not is_digits(number) or str(int(number)) != number:
        return None
    if int(number) >= box.config.present:
        return None
    cpu = int(number)
    online = cpu < box.config.cpus
    folder: dict[str, Node] = {
        **(_running(box, cpu) if online else {}),
        "driver": Link(lambda box: "../../../../bus/cpu/drivers/processor"),
        "firmware_node": Link(lambda box: f"../../../{PROCESSORS}/LNXCPU:{cpu:02x}"),
        "hotplug": Directory({
            "fail": _told(f"{name}/hotplug/fail", "-1"), "state": _text(HOTPLUG_ONLINE * online),
            "target": _told(f"{name}/hotplug/target", str(HOTPLUG_ONLINE if cpu and online else 0)),
        }, 0o755),
        "subsystem": Link(lambda box: "../../../../bus/cpu"),
    }  # fmt: skip
    if cpu:
        folder["online"] = _changing(str(int(online)))
    if "KEXEC" in box.model.options:
        if cpu in box.machine.percpu:
            folder["crash_notes"] = ProcFile(lambda box: f"{_crash_notes(box, cpu):x}\n", None, 0o400)
        folder["crash_notes_size"] = ProcFile(lambda box: f"{CRASH_NOTE}\n", None, 0o400)
    if box.arch.numa:
        nid = next((node.nid for node in box.pages.nodes if cpu in node.cpus), 0)
        folder[f"node{nid}"] = Link(lambda box: f"../../node/node{nid}")
    folder["power"] = power(_told(f"{name}/power/pm_qos_resume_latency_us", "0"))
    return device(folder, f"DRIVER=processor\nMODALIAS={_modalias(box)}\n")


def _running(box: Box, cpu: int) -> dict[str, Node]:
    """What is told only of a CPU that runs."""
    start = box.model.start
    its = start.topology(box, cpu)
    siblings = [other for other in _all(box) if start.topology(box, other).package == its.package]
    caches: dict[str, Node] = {
        f"index{at}": _cache(cpu, its.package, siblings, cache) for at, cache in enumerate(start.caches)
    }
    return {"cache": Directory({**caches, "uevent": uevent()}, 0o755), "topology": _topology(cpu, its, siblings)}


def _crash_notes(box: Box, cpu: int) -> int:
    """Where a CPU would leave its registers: in its per-CPU memory, behind what zones and nodes took (per_cpu_pages,
    per_cpu_zonestat; per_cpu_nodestat, lruvec_stats_percpu)."""
    zones = sum(bool(zone.present) for zone in box.pages.zones)
    before = NOTES_BEHIND + ZONE_TAKES * (zones - 2) + NODE_TAKES * (len(box.pages.nodes) - 1)
    return box.machine.percpu[cpu] + -(-before // NOTES_ALIGN) * NOTES_ALIGN


def _modalias(box: Box) -> str:
    """cpu_uevent(): what the list of /sys says of all CPUs."""
    found = listed(box.model.sysfs).at("devices/system/cpu/modalias")
    assert isinstance(found, Entry)
    return found.shown({}, box)


SMT = ProcFile(lambda box: "notsupported\n", _no_smt, 0o644)
CPU = Directory(
    {
        "power": power(),
        "uevent": uevent(),
        "isolated": ProcFile(lambda box: "\n"),
        "kernel_max": ProcFile(lambda box: f"{box.arch.nr_cpus - 1}\n"),
        "offline": ProcFile(lambda box: _list(range(box.config.cpus, box.config.present))),
        "online": ProcFile(lambda box: _list(_all(box))),
        "possible": ProcFile(lambda box: _list(range(box.config.present))),
        "present": ProcFile(lambda box: _list(range(box.config.present))),
        "smt": Directory({"active": _text(0), "control": SMT}, 0o755),
    },
    0o755,
    names=lambda box: [f"cpu{cpu}" for cpu in range(box.config.present)],
    find=_cpu,
)
