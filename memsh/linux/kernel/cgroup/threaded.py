"""Domains and threaded groups: who may have tasks, who may enable what (kernel/cgroup/cgroup.c).

A domain has resources of its own. A threaded group shares those of the domain above it, its thread root, and only
controllers that tell threads apart can be enabled in it; the threads of one process may be in different groups of one
thread root.

No known deviations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.include.cgroup import Cgroup
    from memsh.linux.kernel.cgroup.cgroup import Cgroups

THREADED = ("cpuset", "cpu", "pids")


def domain_controllers(group: Cgroup) -> bool:
    """Whether the group's children have a controller that cannot tell threads apart."""
    return any(name not in THREADED for name in group.subtree_control)


def is_mixable(group: Cgroup) -> bool:
    """The root may have tasks, domains and threaded groups beside each other."""
    return group.parent is None


def can_be_thread_root(cgroups: Cgroups, group: Cgroup) -> bool:
    """Whether threaded groups may be below: no domain that has tasks is there, and no controller of domains."""
    if is_mixable(group):
        return True
    if group.is_threaded or domain_controllers(group):
        return False
    return not any(not child.is_threaded and cgroups.populated(child) for child in group.children.values())


def is_thread_root(cgroups: Cgroups, group: Cgroup) -> bool:
    """A domain with threaded groups below, or with tasks of its own beside controllers for its children."""
    if group.is_threaded:
        return False
    if any(child.is_threaded for child in group.children.values()):
        return True
    return bool(any(name in THREADED for name in group.subtree_control) and cgroups.has_tasks(group))


def is_valid_domain(cgroups: Cgroups, group: Cgroup) -> bool:
    """Whether it may have processes: it is not threaded, nor below a group that is, nor below a thread root."""
    if group.is_threaded:
        return False
    above = group.parent
    while above is not None:
        if above.is_threaded or (not is_mixable(above) and is_thread_root(cgroups, above)):
            return False
        above = above.parent
    return True


def type_of(cgroups: Cgroups, group: Cgroup) -> str:
    """As cgroup.type says it."""
    if group.is_threaded:
        return "threaded"
    if not is_valid_domain(cgroups, group):
        return "domain invalid"
    return "domain threaded" if is_thread_root(cgroups, group) else "domain"
