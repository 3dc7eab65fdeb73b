"""What a file of a cgroup's folder is made of (include/linux/cgroup-defs.h, struct cftype). No known deviations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup

Show = Callable[["Box", "Cgroup"], str]
"""The text that reading it gives."""
Store = Callable[["Box", "Cgroup", str], None]
"""What writing a text to it does. KernelError for what is refused."""
Files = dict[str, tuple[Show | None, Store | None]]
