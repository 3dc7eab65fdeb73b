"""cpuset.* of a group: the CPUs and nodes of its tasks (kernel/cgroup/cpuset.c, dfl_files[]).

No known deviations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.config import cpulist_text
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.cgroup import partition
from memsh.linux.lib.bitmap import bits
from memsh.procfs.cftype import Files, Show, Store

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.kernel.cgroup.cpuset import Cpuset, Cpusets


def _cpuset(group: Cgroup) -> Cpuset:
    if group.cpuset is None:
        raise KernelError("ENODEV", group.path)
    return group.cpuset


def _list(field: str) -> Show:
    return lambda box, group: cpulist_text(bits(getattr(_cpuset(group), field))) + "\n"


def _store(write: Callable[[Cpusets, Cpuset, str], None]) -> Store:
    return lambda box, group, text: write(box.cgroups.cpusets, _cpuset(group), text.strip())


def _partition_store(box: Box, group: Cgroup, text: str) -> None:
    if text.strip() not in partition.NAMES:
        raise KernelError("EINVAL", text.strip())
    box.changes += 1
    partition.update_prstate(box.cgroups.cpusets, _cpuset(group), partition.NAMES[text.strip()])


ON_ROOT: Files = {
    "cpuset.cpus.effective": (_list("effective_cpus"), None),
    "cpuset.mems.effective": (_list("effective_mems"), None),
}
FILES: Files = {
    **ON_ROOT,
    "cpuset.cpus": (_list("cpus"), _store(lambda sets, cpuset, text: sets.write_cpus(cpuset, text))),
    "cpuset.cpus.partition": (lambda box, group: partition.text_of(_cpuset(group)) + "\n", _partition_store),
    "cpuset.mems": (_list("mems"), _store(lambda sets, cpuset, text: sets.write_mems(cpuset, text))),
}
