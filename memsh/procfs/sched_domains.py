"""/sys/kernel/debug/sched/domains: which CPUs share work, level by level (kernel/sched/debug.c: register_sd;
kernel/sched/topology.c: sd_init).

CPUs of a package share their last cache (MC); those of all nodes are a level above (NUMA). A level of one CPU is none.

**Known deviations:** what it costs to look for work elsewhere is not measured, max_newidle_lb_cost is 0; partitions of
cpuset divide nothing; what is written is kept, and changes nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.sys_kept import keeping_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memsh.linux.box import Box

ROOT = "kernel/debug/sched/domains"
RECLAIM_DISTANCE = 30
FORK = ("SD_BALANCE_EXEC", "SD_BALANCE_FORK", "SD_WAKE_AFFINE")


def _flags(box: Box, numa: bool) -> str:
    if not numa:
        words = ("SD_BALANCE_NEWIDLE", *FORK, "SD_SHARE_PKG_RESOURCES", "SD_PREFER_SIBLING")
    else:
        far = box.config.distance > RECLAIM_DISTANCE
        words = ("SD_BALANCE_NEWIDLE", *(() if far else FORK), "SD_SERIALIZE", "SD_OVERLAP", "SD_NUMA")
    return "".join(f"{word} " for word in words)


def _levels(box: Box, cpu: int) -> list[tuple[bool, int]]:
    """(of several nodes?, how many CPUs) from the lowest level up."""
    nodes = [cpus for _, cpus in box.config.nodes] or [tuple(range(box.config.cpus))]
    mine = next((len(cpus) for cpus in nodes if cpu in cpus), 1)
    return [(numa, weight) for numa, weight in ((False, mine), (True, box.config.cpus))
            if weight > 1 and (not numa or weight > mine)]  # fmt: skip


def _domain(box: Box, cpu: int, level: int) -> Directory:
    numa, weight = _levels(box, cpu)[level]
    shown = {
        "busy_factor": "16", "cache_nice_tries": "2" if numa else "1", "flags": _flags(box, numa),
        "imbalance_pct": "117", "max_interval": f"{2 * weight}", "max_newidle_lb_cost": "0",
        "min_interval": f"{weight}", "name": "NUMA" if numa else "MC",
    }  # fmt: skip
    files: dict[str, Node] = {}
    for name, text in shown.items():
        mode = 0o444 if name in ("flags", "name") else 0o644
        file = ProcFile(lambda box, text=text: text + "\n", None, mode)  # type: ignore[misc]
        files[name] = keeping_file(f"{ROOT}/cpu{cpu}/domain{level}/{name}", file)
    return Directory(files, 0o755)


def _numbered(name: str, word: str, count: int) -> int | None:
    digits = name.removeprefix(word)
    if not name.startswith(word) or not is_digits(digits) or str(int(digits)) != digits or int(digits) >= count:
        return None
    return int(digits)


def _cpu(box: Box, name: str) -> Node | None:
    cpu = _numbered(name, "cpu", box.config.cpus)
    if cpu is None:
        return None

    def find(box: Box, name: str) -> Node | None:
        level = _numbered(name, "domain", len(_levels(box, cpu)))
        return None if level is None else _domain(box, cpu, level)

    return Directory({}, 0o755, names=lambda box: [f"domain{n}" for n in range(len(_levels(box, cpu)))], find=find)


def _names(box: Box) -> Iterable[str]:
    return [f"cpu{cpu}" for cpu in range(box.config.cpus)] if "SCHED_DEBUG" in box.model.options else ()


DOMAINS = Directory({}, 0o755, names=_names,
                    find=lambda box, name: _cpu(box, name) if "SCHED_DEBUG" in box.model.options else None)  # fmt: skip
