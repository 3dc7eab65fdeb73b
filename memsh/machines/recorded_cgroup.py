"""The memory cgroup that a recorded machine's process was in.

Known deviations: of the cgroup only its path is known; what it was charged before is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box


def enter_recorded_cgroup(box: Box, text: str) -> None:
    """Make the cgroup that a text of /proc/self/cgroup (`0::/a`) tells, without taking memory for it, and let the
    current process be in it."""
    path = next((line[3:] for line in text.splitlines() if line.startswith("0::")), "/")
    group = box.cgroups.root
    for name in path.strip("/").split("/") if path.strip("/") else ():
        group.subtree_control = ["memory"]
        group = box.cgroups.mkdir(group, name, free=True)
    if group.memcg is None or group.parent is None:
        return
    box.memcg.paying = group.memcg
    if getattr(box, "current", None) is not None:
        box.cgroups.attach(group, box.current)
