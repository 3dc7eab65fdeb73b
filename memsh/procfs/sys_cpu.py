"""/sys/devices/system/cpu: which CPUs there are, how they belong together, their caches (drivers/base: cpu.c,
topology.c, cacheinfo.c).

The processor is the recorded one, a package with a core for each CPU.

**Known deviations:** no hotplug, cpufreq, cpuidle, power and vulnerabilities folders.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box

CACHES = (  # level, type, KiB, ways, shared by the whole package
    (1, "Data", 32, 8, False), (1, "Instruction", 32, 8, False), (2, "Unified", 4096, 16, False),
    (3, "Unified", 16384, 16, True),
)  # fmt: skip
LINE = 64  # bytes


def _mask(box: Box, cpus: range) -> str:
    """A bit for each CPU, as %*pb prints it: as wide as the machine has CPUs."""
    bits = box.config.cpus
    value = sum(1 << cpu for cpu in cpus)
    words = [f"{value >> at & 0xFFFFFFFF:0{-(-min(32, bits - at) // 4)}x}" for at in range(0, bits, 32)]
    return ",".join(reversed(words)) + "\n"


def _list(cpus: range) -> str:
    """As %*pbl prints it."""
    return (f"{cpus[0]}-{cpus[-1]}" if len(cpus) > 1 else str(cpus[0])) + "\n"


def _text(text: object) -> ProcFile:
    return ProcFile(lambda box: f"{text}\n")


def _set(cpus: Callable[[Box], range]) -> tuple[ProcFile, ProcFile]:
    """A set of CPUs as a mask, and as a list."""
    return ProcFile(lambda box: _mask(box, cpus(box))), ProcFile(lambda box: _list(cpus(box)))


def _all(box: Box) -> range:
    return range(box.config.cpus)


def _cache(cpu: int, number: int) -> Directory:
    level, kind, kib, ways, whole = CACHES[number]
    shared, listed = _set(_all if whole else lambda box: range(cpu, cpu + 1))
    return Directory({
        "coherency_line_size": _text(LINE), "id": _text(0 if whole else cpu), "level": _text(level),
        "number_of_sets": _text((kib << 10) // LINE // ways), "physical_line_partition": _text(1),
        "shared_cpu_list": listed, "shared_cpu_map": shared, "size": _text(f"{kib}K"), "type": _text(kind),
        "ways_of_associativity": _text(ways),
    }, 0o755)  # fmt: skip


def _topology(cpu: int) -> Directory:
    own, own_list = _set(lambda box: range(cpu, cpu + 1))
    package, package_list = _set(_all)
    return Directory({
        "cluster_cpus": own, "cluster_cpus_list": own_list, "cluster_id": _text(cpu), "core_cpus": own,
        "core_cpus_list": own_list, "core_id": _text(cpu), "core_siblings": package, "core_siblings_list": package_list,
        "die_cpus": package, "die_cpus_list": package_list, "die_id": _text(0), "package_cpus": package,
        "package_cpus_list": package_list, "physical_package_id": _text(0), "thread_siblings": own,
        "thread_siblings_list": own_list,
    }, 0o755)  # fmt: skip


def _cpu(box: Box, name: str) -> Node | None:
    number = name.removeprefix("cpu")
    if not name.startswith("cpu") or not number.isdecimal() or str(int(number)) != number:
        return None
    if int(number) >= box.config.cpus:
        return None
    cpu = int(number)
    caches: dict[str, Node] = {f"index{at}": _cache(cpu, at) for at in range(len(CACHES))}
    return Directory({"cache": Directory(caches, 0o755), "topology": _topology(cpu)}, 0o755)


CPU = Directory(
    {
        "isolated": ProcFile(lambda box: "\n"),
        "kernel_max": ProcFile(lambda box: f"{box.arch.nr_cpus - 1}\n"),
        "offline": ProcFile(lambda box: "\n"),
        "online": ProcFile(lambda box: _list(_all(box))),
        "possible": ProcFile(lambda box: _list(_all(box))),
        "present": ProcFile(lambda box: _list(_all(box))),
        "smt": Directory({"active": _text(0), "control": _text("notsupported")}, 0o755),
    },
    0o755,
    names=lambda box: [f"cpu{cpu}" for cpu in range(box.config.cpus)],
    find=_cpu,
)
