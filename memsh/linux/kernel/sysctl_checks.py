"""What handlers ask beside bounds, and make of a number before they keep it (kernel/, net/, ipc/, security/yama).

A check gets the old and the new numbers and answers those to keep.

**Known deviations:** net.ipv4.conf.default is not handed on to the interfaces that are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.lib.dump_stack import TAINT_FLAGS

if TYPE_CHECKING:
    from memsh.linux.box import Box

Check = Callable[["Box", list[int], list[int]], list[int]]
IPCMNI = 32768
INVALID_GID = UINT_MAX
RPS_MOST = 1 << 29
RR_TIMESLICE_MS = 100
YAMA_NO_ATTACH = 3


def _refuse_if(wrong: bool, code: str = "EINVAL") -> None:
    if wrong:
        raise KernelError(code)


def _text(box: Box, name: str) -> int:
    return int(box.sysctl.text[name].split("\t")[0])


def _power_of_two(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(new[0] <= 0 or bool(new[0] & new[0] - 1))
    return new


def _rps_sock_flow(box: Box, old: list[int], new: list[int]) -> list[int]:
    size = new[0] & UINT_MAX
    _refuse_if(size > RPS_MOST)
    return [1 << (size - 1).bit_length() if size else 0]


def _port_range(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(new[1] < new[0] or new[0] < _text(box, "net.ipv4.ip_unprivileged_port_start"))
    return new


def _privileged_ports(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(_text(box, "net.ipv4.ip_local_port_range") < new[0])
    return new


def _ping_group_range(box: Box, old: list[int], new: list[int]) -> list[int]:
    """An empty range is nobody, whatever it was."""
    _refuse_if(INVALID_GID in new)
    return [1, 0] if new[1] < new[0] else new


def _forwarding(box: Box, old: list[int], new: list[int]) -> list[int]:
    """inet_forward_change(): every interface, and those to come."""
    if new != old:
        for name in ("default", "lo"):
            box.sysctl.text[f"net.ipv4.conf.{name}.forwarding"] = str(new[0])
        box.sysctl.text["net.ipv4.conf.all.accept_redirects"] = str(int(not new[0]))
    return new


def _sem(box: Box, old: list[int], new: list[int]) -> list[int]:
    """The number of sets has bounds; what else was written stays when they are not kept."""
    if not 0 <= new[3] <= IPCMNI:
        box.sysctl.text["kernel.sem"] = "\t".join(map(str, [*new[:3], old[3]]))
        raise KernelError("ERANGE")
    return new


def _drop_capabilities(box: Box, old: list[int], new: list[int]) -> list[int]:
    """Two words of 32 bits, of which some may be taken away."""
    return [before & now & UINT_MAX for before, now in zip(old, new, strict=True)]


def _taint(box: Box, old: list[int], new: list[int]) -> list[int]:
    """Only more, and only what there is a letter for."""
    return [old[0] | new[0] & (1 << len(TAINT_FLAGS)) - 1]


def _cad_pid(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(not any(task.tgid == new[0] or task.pid == new[0] for task in box.tasks.values()), "ESRCH")
    return new


def _rr_timeslice(box: Box, old: list[int], new: list[int]) -> list[int]:
    return [RR_TIMESLICE_MS] if new[0] <= 0 else new


def _rt_period(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(box.sysctl.values["kernel.sched_rt_runtime_us"] > new[0])
    return new


def _rt_runtime(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(new[0] > box.sysctl.values["kernel.sched_rt_period_us"])
    return new


def _sample_rate(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(box.sysctl.values["kernel.perf_cpu_time_max_percent"] in (0, 100))
    return new


def _high_fraction(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(0 < new[0] < 8)
    return new


def _once_closed(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(old[0] == YAMA_NO_ATTACH != new[0])
    return new


def _unprivileged_bpf(box: Box, old: list[int], new: list[int]) -> list[int]:
    _refuse_if(old[0] == 1 != new[0], "EPERM")
    return new


CHECKS: dict[str, Check] = {
    "kernel.auto_msgmni": lambda box, old, new: old,  # it does nothing any more
    "kernel.cad_pid": _cad_pid,
    "kernel.perf_event_max_sample_rate": _sample_rate,
    "kernel.sched_rr_timeslice_ms": _rr_timeslice,
    "kernel.sched_rt_period_us": _rt_period, "kernel.sched_rt_runtime_us": _rt_runtime,
    "kernel.sem": _sem,
    "kernel.tainted": _taint,
    "kernel.unprivileged_bpf_disabled": _unprivileged_bpf,
    "kernel.usermodehelper.bset": _drop_capabilities, "kernel.usermodehelper.inheritable": _drop_capabilities,
    "kernel.yama.ptrace_scope": _once_closed,
    "net.core.flow_limit_table_len": _power_of_two, "net.core.rps_sock_flow_entries": _rps_sock_flow,
    "net.ipv4.conf.all.forwarding": _forwarding,
    "net.ipv4.ip_local_port_range": _port_range, "net.ipv4.ip_unprivileged_port_start": _privileged_ports,
    "net.ipv4.ping_group_range": _ping_group_range,
    "vm.percpu_pagelist_high_fraction": _high_fraction,
}  # fmt: skip
