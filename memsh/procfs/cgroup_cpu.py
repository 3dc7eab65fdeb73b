"""cpu.* of a group, and the files of controllers that have nothing to share out here: rdma without devices, misc
without resources (kernel/sched/core.c, cpu_files[]; kernel/cgroup/rdma.c, kernel/cgroup/misc.c).

No known deviations.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.cgroup.cpu import (
    NSEC_PER_USEC,
    PRIO_TO_WEIGHT,
    RUNTIME_INF,
    WEIGHT_DFL,
    WEIGHT_MAX,
    WEIGHT_MIN,
    Cpu,
    TaskGroup,
)
from memsh.linux.lib.cmdline import simple_strtoull
from memsh.linux.lib.kstrtox import kstrtoint, kstrtoll, kstrtoull
from memsh.procfs.cftype import Files

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup

RDMA_LIMITS = ("hca_handle", "hca_object")


def _part(group: Cgroup) -> TaskGroup:
    if group.cpu is None:
        raise KernelError("ENODEV", group.path)
    return group.cpu


def _control(box: Box) -> Cpu:
    return box.cgroups.cpu


def _weight_store(box: Box, group: Cgroup, text: str) -> None:
    weight = kstrtoull(text.strip())
    if not WEIGHT_MIN <= weight <= WEIGHT_MAX:
        raise KernelError("ERANGE", text.strip())
    _control(box).set_weight(_part(group), (weight * 1024 + WEIGHT_DFL // 2) // WEIGHT_DFL)


def _nice(box: Box, group: Cgroup) -> str:
    """The nice value whose weight is the nearest."""
    shares = _part(group).shares
    deltas = [abs(weight - shares) for weight in PRIO_TO_WEIGHT]
    rising = (at for at in range(1, len(deltas)) if deltas[at] >= deltas[at - 1])
    return f"{next(rising, len(deltas)) - 1 - 20}\n"


def _nice_store(box: Box, group: Cgroup, text: str) -> None:
    nice = kstrtoll(text.strip())
    if not -20 <= nice <= 19:
        raise KernelError("ERANGE", text.strip())
    _control(box).set_weight(_part(group), PRIO_TO_WEIGHT[nice + 20])


def _max(box: Box, group: Cgroup) -> str:
    part = _part(group)
    quota = "max" if part.quota == RUNTIME_INF else str(part.quota // NSEC_PER_USEC)
    return f"{quota} {part.period // NSEC_PER_USEC}\n"


def _max_store(box: Box, group: Cgroup, text: str) -> None:
    """`QUOTA [PERIOD]` in µs: what does not read as a period is not looked at."""
    part = _part(group)
    words = text.split()
    if not words:
        raise KernelError("EINVAL", "no quota")
    quota = RUNTIME_INF
    if is_digits(words[0][:1]):
        quota = _usec(words[0])
    elif words[0] != "max":
        raise KernelError("EINVAL", words[0])
    period = _usec(words[1]) if len(words) > 1 and is_digits(words[1][:1]) else part.period
    _control(box).set_bandwidth(part, period, quota, part.burst)


def _usec(word: str) -> int:
    """The decimal number that a word begins with, in ns; it wraps at 64 bits."""
    digits = re.match(r"\d+", word, re.ASCII)
    number = simple_strtoull(digits[0].lstrip("0") or "0")[0] if digits is not None else 0
    return number * NSEC_PER_USEC & RUNTIME_INF


def _burst_store(box: Box, group: Cgroup, text: str) -> None:
    part = _part(group)
    burst = kstrtoull(text.strip()) * NSEC_PER_USEC
    if burst > RUNTIME_INF:
        raise KernelError("EINVAL", text.strip())
    _control(box).set_bandwidth(part, part.period, part.quota, burst)


def bandwidth_text(part: TaskGroup) -> str:
    """What cpu.stat has beside the times."""
    return (f"nr_periods {part.periods}\nnr_throttled {part.throttled}\nthrottled_usec {part.throttled_usec}\n"
            f"nr_bursts {part.bursts}\nburst_usec {part.burst_time // NSEC_PER_USEC}\n")  # fmt: skip


def _rdma_store(box: Box, group: Cgroup, text: str) -> None:
    for word in text.strip().split(" ")[1:]:
        name, equals, limit = word.partition("=")
        if name not in RDMA_LIMITS or not equals or (limit != "max" and kstrtoint(limit) < 0):
            raise KernelError("EINVAL", word)
    raise KernelError("ENODEV", "there is no RDMA device")


def _misc_store(box: Box, group: Cgroup, text: str) -> None:
    raise KernelError("EINVAL", "there is no such resource")


def _nothing(box: Box, group: Cgroup) -> str:
    return ""


CPU_FILES: Files = {
    "cpu.idle": (lambda box, group: f"{int(_part(group).idle)}\n",
                 lambda box, group, text: _control(box).set_idle(_part(group), kstrtoll(text.strip()))),
    "cpu.max": (_max, _max_store),
    "cpu.max.burst": (lambda box, group: f"{_part(group).burst // NSEC_PER_USEC}\n", _burst_store),
    "cpu.weight": (lambda box, group: f"{(_part(group).shares * WEIGHT_DFL + 512) // 1024}\n", _weight_store),
    "cpu.weight.nice": (_nice, _nice_store),
}  # fmt: skip
IO_FILES: Files = {"io.stat": (lambda box, group: group.io.text() if group.io is not None else "", None)}
RDMA_FILES: Files = {"rdma.current": (_nothing, None), "rdma.max": (_nothing, _rdma_store)}
MISC_FILES: Files = {
    "misc.current": (_nothing, None), "misc.events": (_nothing, None), "misc.max": (_nothing, _misc_store),
}  # fmt: skip
