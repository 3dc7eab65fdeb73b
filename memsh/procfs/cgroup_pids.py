"""pids.* of a group: how many tasks it has and may have (kernel/cgroup/pids.c, pids_files[]).

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.cgroup.pids import PIDS_MAX, PidsCgroup
from memsh.linux.lib.kstrtox import kstrtoll
from memsh.procfs.cftype import Files

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup


def _pids(group: Cgroup) -> PidsCgroup:
    if group.pids is None:
        raise KernelError("ENODEV", group.path)
    return group.pids


def _max(box: Box, group: Cgroup) -> str:
    limit = _pids(group).limit
    return "max\n" if limit >= PIDS_MAX else f"{limit}\n"


def _max_store(box: Box, group: Cgroup, text: str) -> None:
    limit = PIDS_MAX if text.strip() == "max" else kstrtoll(text.strip())
    if limit < 0 or (limit >= PIDS_MAX and text.strip() != "max"):
        raise KernelError("EINVAL", text.strip())
    _pids(group).limit = limit


FILES: Files = {
    "pids.current": (lambda box, group: f"{_pids(group).counter}\n", None),
    "pids.events": (lambda box, group: f"max {_pids(group).events}\n", None),
    "pids.max": (_max, _max_store),
    "pids.peak": (lambda box, group: f"{_pids(group).watermark}\n", None),
}
