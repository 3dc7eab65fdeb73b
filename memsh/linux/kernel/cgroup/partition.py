"""Partitions: groups that take their CPUs away from the groups beside and above them (kernel/cgroup/cpuset.c,
update_parent_subparts_cpumask, update_cpumasks_hier, update_prstate).

A partition whose conditions no longer hold is invalid, says why, and is valid again as soon as they do. The scheduler's
domains, which is what partitions are for, are not modelled; who may run where is.

Known deviations: see cpuset.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError

if TYPE_CHECKING:
    from memsh.linux.kernel.cgroup.cpuset import Cpuset, Cpusets

PRS_MEMBER, PRS_ROOT, PRS_ISOLATED = 0, 1, 2  # below 0: the same, but invalid
NAMES = {"member": PRS_MEMBER, "root": PRS_ROOT, "isolated": PRS_ISOLATED}
PERR_INVCPUS = "Invalid cpu list in cpuset.cpus"
PERR_INVPARENT = "Parent is an invalid partition root"
PERR_NOTPART = "Parent is not a partition root"
PERR_NOTEXCL = "Cpu list in cpuset.cpus not exclusive"
PERR_NOCPUS = "Parent unable to distribute cpu downstream"
PERR_CPUSEMPTY = "cpuset.cpus is empty"


def is_valid(cpuset: Cpuset) -> bool:
    return cpuset.partition > 0


def text_of(cpuset: Cpuset) -> str:
    """As cpuset.cpus.partition says it (sched_partition_show)."""
    name = next(name for name, state in NAMES.items() if state == abs(cpuset.partition))
    if cpuset.partition >= 0:
        return name
    return f"{name} invalid ({cpuset.error})" if cpuset.error else f"{name} invalid"


def is_populated(sets: Cpusets, cpuset: Cpuset, excluded: Cpuset | None) -> bool:
    """Whether tasks need the CPUs that the partition has left: those of it, and of groups below it that are in no
    partition of their own; `excluded` is not looked at (partition_is_populated)."""
    if sets.cgroups.has_tasks(cpuset.cgroup):
        return True
    if excluded is None and not cpuset.subparts:
        return sets.cgroups.populated(cpuset.cgroup)
    return _needy(sets, cpuset, excluded)


def _needy(sets: Cpusets, cpuset: Cpuset, excluded: Cpuset | None) -> bool:
    for child in cpuset.children:
        if child is excluded:
            if _needy(sets, child, excluded):
                return True
        elif not is_valid(child) and sets.cgroups.populated(child.cgroup):
            return True
    return False


def compute_effective(cpus: int, parent: Cpuset) -> int:
    return cpus & (parent.effective_cpus | parent.subparts)


def _set_exclusive(sets: Cpusets, cpuset: Cpuset, exclusive: bool) -> bool:
    """Whether it could be (update_flag of CS_CPU_EXCLUSIVE)."""
    if sets.validate_change(cpuset, cpus=cpuset.cpus, mems=cpuset.mems, exclusive=exclusive):
        return False
    cpuset.exclusive = exclusive
    return True


def _grant(sets: Cpusets, cpuset: Cpuset, parent: Cpuset, cpus: int) -> tuple[str, int, int]:
    """A partition is made: (why not, CPUs that it takes, gives back)."""
    if not cpuset.cpus & parent.cpus:
        return PERR_INVCPUS, 0, 0
    if not parent.effective_cpus & ~cpuset.cpus and is_populated(sets, parent, cpuset):
        return PERR_NOCPUS, 0, 0
    return "", cpus, 0


def _resize(sets: Cpusets, cpuset: Cpuset, parent: Cpuset, cpus: int) -> tuple[str, int, int]:
    """A partition's CPUs become these: (why it is invalid then, CPUs that it takes, gives back)."""
    deleting = cpuset.cpus & ~cpus & parent.subparts
    adding = cpus & parent.cpus & ~parent.subparts
    exhausted = adding and not parent.effective_cpus & ~adding and not deleting & sets.online
    if exhausted and is_populated(sets, parent, cpuset):
        return PERR_NOCPUS, 0, cpuset.cpus & parent.subparts
    return "", adding, deleting


def _recheck(sets: Cpusets, cpuset: Cpuset, parent: Cpuset) -> tuple[str, int, int]:
    """What the partition above has is another: (why it is invalid, CPUs that it takes, gives back)."""
    adding = cpuset.cpus & parent.cpus & ~parent.subparts
    exhausted = adding and not parent.effective_cpus & ~adding and is_populated(sets, parent, cpuset)
    if (is_valid(cpuset) and not parent.subparts) or exhausted:
        return PERR_NOCPUS, 0, cpuset.cpus & parent.subparts if is_valid(cpuset) and parent.subparts else 0
    return "", adding, 0


def _settle(sets: Cpusets, cpuset: Cpuset, adding: int, deleting: int, state: int) -> str:
    """The parent loses and gets CPUs, the partition's state changes; PERR_NOTEXCL where it cannot be valid."""
    parent = cpuset.parent
    assert parent is not None
    old = cpuset.partition
    if not adding and not deleting and state == old:
        return ""
    if state != old:
        if old < 0 and not cpuset.exclusive and not _set_exclusive(sets, cpuset, True):
            return PERR_NOTEXCL
        if state < 0 and cpuset.exclusive:
            _set_exclusive(sets, cpuset, False)
    parent.subparts = (parent.subparts | adding) & ~deleting
    parent.effective_cpus = parent.effective_cpus & ~adding | deleting & sets.online
    if state != old:
        cpuset.partition = state
    if adding or deleting:
        sets.update_tasks_cpumask(parent)
    if state != old and PRS_ISOLATED in (old, state):
        cpuset.balance = old == PRS_ISOLATED
    return ""


def _not_in_partition(cpuset: Cpuset, cpus: int) -> str:
    parent = cpuset.parent
    assert parent is not None
    if not is_valid(parent):
        return PERR_INVPARENT if parent.partition < 0 else PERR_NOTPART
    return "" if cpus else PERR_CPUSEMPTY


def _update(sets: Cpusets, cpuset: Cpuset, cpus: int | None) -> None:
    """partcmd_update: the partition's CPUs become `cpus`, or are looked at again."""
    if _not_in_partition(cpuset, cpuset.cpus if cpus is None else cpus):
        return
    parent = cpuset.parent
    assert parent is not None
    if cpus is None:
        error, adding, deleting = _recheck(sets, cpuset, parent)
    else:
        error, adding, deleting = _resize(sets, cpuset, parent, cpus)
    cpuset.error = error or cpuset.error
    state = -abs(cpuset.partition) if error else abs(cpuset.partition)
    _settle(sets, cpuset, adding, deleting, state)


def _invalidate(sets: Cpusets, cpuset: Cpuset) -> None:
    """partcmd_invalidate: others use its CPUs, too."""
    if _not_in_partition(cpuset, cpuset.cpus) or cpuset.partition < 0:
        return
    parent = cpuset.parent
    assert parent is not None
    if cpuset.partition > 0:
        cpuset.error = PERR_NOTEXCL
    _settle(sets, cpuset, 0, cpuset.cpus & parent.subparts, -cpuset.partition)


def update_cpumasks_hier(sets: Cpusets, top: Cpuset, *, force: bool = False) -> None:
    """What counts in a group and below it is worked out again; a subtree where nothing changes is left alone, unless
    `force`."""
    _hier(sets, top, top, force)


def _hier(sets: Cpusets, cpuset: Cpuset, top: Cpuset, force: bool) -> None:
    parent = cpuset.parent
    assert parent is not None
    cpus = compute_effective(cpuset.cpus, parent)
    distributed = not cpus and is_valid(cpuset) and cpuset.cpus == cpuset.subparts
    if not distributed:
        cpuset.borrows = not cpus
        cpus = cpus or parent.effective_cpus
        same = cpus == cpuset.effective_cpus and parent.balance == cpuset.balance
        if not cpuset.partition and not force and same:
            return
    state = cpuset.partition
    if cpuset is not top and state:
        if is_valid(parent):
            _update(sets, cpuset, None)
            state = cpuset.partition
        else:
            state = -abs(state)
            cpuset.error = PERR_INVPARENT if parent.partition < 0 else PERR_NOTPART
    if cpuset.subparts and not is_valid(cpuset):
        cpus = (cpus | cpuset.subparts) & sets.online
        cpuset.subparts = 0
    cpuset.effective_cpus = cpus & ~cpuset.subparts
    cpuset.partition = state
    sets.update_tasks_cpumask(cpuset)
    if not is_valid(cpuset):
        cpuset.balance = parent.balance
    for child in cpuset.children:
        _hier(sets, child, top, force)


def _update_siblings(sets: Cpusets, cpuset: Cpuset) -> None:
    """Groups beside it that have no CPUs of their own have the parent's, which are others now."""
    assert cpuset.parent is not None
    for other in list(cpuset.parent.children):
        if other is not cpuset and other.borrows:
            update_cpumasks_hier(sets, other)


def update_cpumask(sets: Cpusets, cpuset: Cpuset, cpus: int) -> None:
    """`cpuset.cpus` is written: partitions that overlap with it then are invalid. ENOSPC."""
    parent = cpuset.parent
    assert parent is not None
    code = sets.validate_change(cpuset, cpus=cpus, mems=cpuset.mems, exclusive=cpuset.exclusive)
    overlap = code == "EINVAL"
    if overlap:
        for other in parent.children:
            if is_valid(other) and cpus & other.cpus:
                _invalidate(sets, other)
    elif code:
        raise KernelError(code, cpuset.cgroup.path)
    if cpuset.partition and overlap:
        _invalidate(sets, cpuset)
    elif cpuset.partition:
        _update(sets, cpuset, cpus)
    effective = compute_effective(cpus, parent)
    cpuset.cpus = cpus
    if cpuset.subparts:
        exhausted = not effective & ~cpuset.subparts and is_populated(sets, cpuset, None)
        cpuset.subparts = 0 if not is_valid(cpuset) or exhausted else cpuset.subparts & cpus
    update_cpumasks_hier(sets, cpuset)
    if cpuset.partition:
        _update_siblings(sets, cpuset)


def update_prstate(sets: Cpusets, cpuset: Cpuset, state: int) -> None:
    """`cpuset.cpus.partition` is written: a partition that cannot be is made, too, but invalid."""
    parent = cpuset.parent
    assert parent is not None
    old = cpuset.partition
    if old == state:
        return
    if state and old < 0:
        cpuset.partition = -state
        return
    error = ""
    if not old:
        error = _enable(sets, cpuset, state)
    elif state:
        cpuset.balance = state != PRS_ISOLATED
    else:
        _disable(sets, cpuset)
    if not error and not (old and state):
        sets.update_tasks_cpumask(parent)
        _update_siblings(sets, cpuset)
    cpuset.partition = -state if error else state
    cpuset.error = error
    if any(True for _ in cpuset.children):
        update_cpumasks_hier(sets, cpuset, force=not cpuset.partition)


def _enable(sets: Cpusets, cpuset: Cpuset, state: int) -> str:
    """A member becomes a partition; why not."""
    parent = cpuset.parent
    assert parent is not None
    if not cpuset.cpus:
        return PERR_CPUSEMPTY
    if not _set_exclusive(sets, cpuset, True):
        return PERR_NOTEXCL
    error = _not_in_partition(cpuset, cpuset.cpus)
    adding = 0
    if not error:
        error, adding, _ = _grant(sets, cpuset, parent, cpuset.cpus)
    if error:
        _set_exclusive(sets, cpuset, False)
        return error
    _settle(sets, cpuset, adding, 0, cpuset.partition)
    if state == PRS_ISOLATED:
        cpuset.balance = False
    return ""


def _disable(sets: Cpusets, cpuset: Cpuset) -> None:
    """A partition, valid or not, becomes a member again."""
    parent = cpuset.parent
    assert parent is not None
    if not _not_in_partition(cpuset, cpuset.cpus) and cpuset.partition > 0:
        _settle(sets, cpuset, 0, cpuset.cpus & parent.subparts, cpuset.partition)
    if cpuset.subparts:
        cpuset.subparts = 0
        cpuset.effective_cpus = compute_effective(cpuset.cpus, parent)
    _set_exclusive(sets, cpuset, False)
    cpuset.balance = True
