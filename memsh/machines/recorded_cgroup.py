"""The memory cgroup that a recorded machine's process was in: kernel objects are charged to it, without a limit.

Known deviations: of the cgroup only its path is known; what it was charged before is not.
"""

from __future__ import annotations


class RecordedCgroup:
    """memsh.linux.mm.slab.api.Charger; `bytes` are those charged and not given back."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.bytes = 0

    def current(self) -> object | None:
        return self

    def charge(self, objcg: object, size: int, gfp: int) -> bool:
        self.bytes += size
        return True

    def uncharge(self, objcg: object, size: int) -> None:
        self.bytes -= size


def recorded_cgroup(text: str) -> RecordedCgroup | None:
    """The cgroup that a text of /proc/self/cgroup (`0::/a`) tells; None in the root."""
    for line in text.splitlines():
        hierarchy, _, path = line.partition("::")
        if hierarchy == "0" and path.strip("/"):
            return RecordedCgroup(path)
    return None
