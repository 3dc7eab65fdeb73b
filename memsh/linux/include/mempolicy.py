"""From which nodes memory comes (include/uapi/linux/mempolicy.h): a mode, and the nodes that it names, ascending."""

from __future__ import annotations

from typing import NamedTuple

MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL, MPOL_PREFERRED_MANY = range(6)
MODES = ("default", "preferred", "bind", "interleave", "local", "preferred_many")
SHOWN = ("default", "prefer", "bind", "interleave", "local", "prefer (many)")
MPOL_MF_STRICT, MPOL_MF_MOVE = 1, 2


class Policy(NamedTuple):
    """One policy. `nodes` is empty for the local one."""

    mode: int
    nodes: tuple[int, ...] = ()
