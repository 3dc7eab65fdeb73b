"""/proc/PID/attr: what the security module says of a task (fs/proc/base.c; security/apparmor/lsm.c): nothing confines
anybody. A kernel without such a module has no such folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.sched import Task

MODE = 0o666


def _none(box: Box) -> str:
    """There is no such label, or this module keeps none of that kind."""
    raise KernelError("EINVAL")


def attributes(task: Task) -> Directory:
    def _store(box: Box, text: str) -> None:
        """No profile is loaded that one could change to; and only one's own are to be written at all."""
        raise KernelError("EINVAL" if box.current.mm is task.mm is not None else "EPERM")

    current = ProcFile(lambda box: "unconfined\n", _store, MODE)
    empty = ProcFile(_none, _store, MODE)
    own: dict[str, Node] = {"current": current, "exec": empty, "prev": ProcFile(_none, None, 0o444)}
    both: dict[str, Node] = {**own, "apparmor": Directory({**own}), "fscreate": empty, "keycreate": empty,
                             "sockcreate": empty}  # fmt: skip
    return Directory(both, links=2)
