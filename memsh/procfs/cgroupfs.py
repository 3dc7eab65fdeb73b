"""/sys/fs/cgroup: groups as directories, their knobs as files (kernel/cgroup/cgroup.c, cgroup_base_files[]).

Only a kernel with CGROUPS has it. A file knows its group by the path, and each box has its own group there.

No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.cgroup import Cgroup
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import INT_MAX
from memsh.linux.include.psi import RESOURCES
from memsh.linux.kernel.cgroup.cpu import TaskGroup
from memsh.linux.kernel.cgroup.freezer import cgroup_freeze, is_frozen
from memsh.linux.kernel.cgroup.threaded import type_of
from memsh.linux.lib.kstrtox import kstrtoint
from memsh.procfs import cgroup_cpuset, cgroup_pids, diskstats
from memsh.procfs.cftype import Files, Show, Store
from memsh.procfs.cgroup_cpu import CPU_FILES, IO_FILES, MISC_FILES, RDMA_FILES, bandwidth_text
from memsh.procfs.cgroup_hugetlb import hugetlb_files
from memsh.procfs.cgroup_memory import memory_files
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.pressure import store as pressure_trigger
from memsh.procfs.pressure import text as pressure_text

if TYPE_CHECKING:
    from memsh.linux.box import Box

SUBSYSTEMS = ("cpuset", "cpu", "cpuacct", "blkio", "memory", "devices", "freezer", "perf_event",
              "hugetlb", "pids", "rdma", "misc")  # fmt: skip


def available(box: Box) -> bool:
    return "CGROUPS" in box.model.options


def show_cgroups(box: Box) -> str:
    """/proc/cgroups: every controller, its hierarchy, how many groups that has."""
    groups = 1 + len(box.cgroups.root.descendants()) + box.cgroups.root.all_dying()
    lines = ["#subsys_name\thierarchy\tnum_cgroups\tenabled"]
    lines += [f"{name}\t0\t{groups}\t1" for name in SUBSYSTEMS]
    return "\n".join(lines) + "\n"


def names(box: Box) -> Iterable[str]:
    """What /sys/fs has of it."""
    return ("cgroup",) if available(box) else ()


def find(box: Box, name: str) -> Node | None:
    return folder(box, "") if name == "cgroup" and available(box) else None


def folder(box: Box, path: str) -> Directory | None:
    """The directory of the group at `path`, "" the root's."""
    group = box.cgroups.find(path)
    here = Directory(
        files(box, group, path), 0o755 if path else 0o555,
        lambda box: list(box.cgroups.find(path).children),
        lambda box, name: folder(box, f"{path}/{name}") if name in box.cgroups.find(path).children else None,
    )  # fmt: skip
    here.mkdir = lambda box, name: _mkdir(box, path, name)
    here.rmdir = lambda box, name: box.cgroups.rmdir(box.cgroups.find(f"{path}/{name}"))
    return here


def _mkdir(box: Box, path: str, name: str) -> None:
    box.cgroups.mkdir(box.cgroups.find(path), name)


def files(box: Box, group: Cgroup, path: str) -> dict[str, Node]:
    """The group's files by name."""
    root = group.parent is None
    found: Files = dict(_BASE if root else {**_BASE, **_NOT_ON_ROOT})
    if root:
        found |= _ON_ROOT
    if not box.psi.enabled:
        del found["cgroup.pressure"]
    elif group.pressure:
        found |= {f"{name}.pressure": (_pressure(name), _trigger) for name in RESOURCES}
    has = () if root else box.cgroups.controllers(group)
    if root or "memory" in has:
        found |= memory_files(root)
    for name in has:
        found |= _OF.get(name, {})
    if "hugetlb" in has:
        found |= hugetlb_files(box)
    return {name: _file(path, show, store) for name, (show, store) in found.items()}


def _file(path: str, show: Show | None, store: Store | None) -> ProcFile:
    mode = 0o444 if store is None else 0o200 if show is None else 0o644
    return ProcFile(
        lambda box: (show or _cannot)(box, box.cgroups.find(path)),
        (lambda box, text: store(box, box.cgroups.find(path), text)) if store is not None else None,
        mode,
    )


def _trigger(box: Box, group: Cgroup, text: str) -> None:
    """A threshold that nobody waits for is forgotten with the file that it was written to."""
    pressure_trigger(box, text)


def _io_stat(box: Box, group: Cgroup) -> str:
    """blkcg_print_stat() of the root: what each disk did, the youngest first; one that did nothing is only named."""
    lines = []
    for row in reversed(diskstats.show(box).splitlines()):
        major, minor, _, reads, _, read, _, writes, _, written, *_ = row.split()
        did = f"rbytes={int(read) * 512} wbytes={int(written) * 512} rios={reads} wios={writes} dbytes=0 dios=0"
        lines.append(f"{major}:{minor} {did if int(reads) or int(writes) else ''}\n")
    return "".join(lines)


def _cannot(box: Box, group: Cgroup) -> str:
    """root may open every file, whatever its mode says; what is only for writing has nothing to read."""
    raise KernelError("EINVAL", "only for writing")


def _pressure(name: str) -> Show:
    return lambda box, group: pressure_text(box, group.psi, name)


def flag(text: str) -> bool:
    """0 or 1; ERANGE for other numbers."""
    number = kstrtoint(text.strip())
    if number not in (0, 1):
        raise KernelError("ERANGE", text)
    return bool(number)


# -- one file each -----------------------------------------------------------------------------------------------------


def _listed(names: Iterable[str]) -> str:
    """cgroup_print_ss_mask(): of none not even a line."""
    line = " ".join(names)
    return f"{line}\n" if line else ""


def _controllers(box: Box, group: Cgroup) -> str:
    return _listed(box.cgroups.controllers(group))


def _subtree_control(box: Box, group: Cgroup) -> str:
    return _listed(group.subtree_control)


def _procs(box: Box, group: Cgroup) -> str:
    if group.is_threaded:
        raise KernelError("EOPNOTSUPP", "a threaded group has threads only: cgroup.threads")
    return "".join(f"{task.pid}\n" for task in box.cgroups.tasks(group))


def _threads(box: Box, group: Cgroup) -> str:
    return "".join(f"{task.pid}\n" for task in box.cgroups.threads(group))


def _stat(box: Box, group: Cgroup) -> str:
    return f"nr_descendants {len(group.descendants())}\nnr_dying_descendants {group.all_dying()}\n"


def _events(box: Box, group: Cgroup) -> str:
    frozen = is_frozen(box.cgroups, group)
    return f"populated {int(box.cgroups.populated(group))}\nfrozen {int(frozen)}\n"


def _type_store(box: Box, group: Cgroup, text: str) -> None:
    if text.strip() != "threaded":
        raise KernelError("EINVAL", "only threaded can be written")
    box.cgroups.enable_threaded(group)


def _freeze_store(box: Box, group: Cgroup, text: str) -> None:
    cgroup_freeze(box.cgroups, group, flag(text))


def _kill_store(box: Box, group: Cgroup, text: str) -> None:
    if kstrtoint(text.strip()) != 1:
        raise KernelError("ERANGE", text)
    box.cgroups.kill(group)


def _pressure_store(box: Box, group: Cgroup, text: str) -> None:
    group.pressure = flag(text)


def _most(field: str) -> tuple[Show, Store]:
    """A limit of the hierarchy: a number or "max"."""

    def show(box: Box, group: Cgroup) -> str:
        limit = getattr(group, field)
        return "max\n" if limit == INT_MAX else f"{limit}\n"

    def store(box: Box, group: Cgroup, text: str) -> None:
        limit = INT_MAX if text.strip() == "max" else kstrtoint(text.strip())
        if limit < 0:
            raise KernelError("ERANGE", text)
        setattr(group, field, limit)

    return show, store


def _procs_store(box: Box, group: Cgroup, text: str) -> None:
    box.cgroups.procs_write(group, text)


def _threads_store(box: Box, group: Cgroup, text: str) -> None:
    box.cgroups.procs_write(group, text, thread=True)


def _subtree_store(box: Box, group: Cgroup, text: str) -> None:
    box.cgroups.subtree_control_write(group, text)


def _cpu_stat(box: Box, group: Cgroup) -> str:
    user, system = group.cputime
    if group.parent is None:
        user, system = (sum(used[at] for used in box.cputime.used) for at in range(2))
    bandwidth = bandwidth_text(group.cpu) if group.cpu is not None else ""
    return f"usage_usec {user + system}\nuser_usec {user}\nsystem_usec {system}\n{bandwidth}"


_BASE: Files = {
    "cgroup.controllers": (_controllers, None),
    "cgroup.max.depth": _most("max_depth"),
    "cgroup.max.descendants": _most("max_descendants"),
    "cgroup.pressure": (lambda box, group: f"{int(group.pressure)}\n", _pressure_store),
    "cgroup.procs": (_procs, _procs_store),
    "cgroup.stat": (_stat, None),
    "cgroup.subtree_control": (_subtree_control, _subtree_store),
    "cgroup.threads": (_threads, _threads_store),
    "cpu.stat": (_cpu_stat, None),
}
_OF: dict[str, Files] = {
    "cpuset": cgroup_cpuset.FILES, "cpu": CPU_FILES, "io": IO_FILES, "pids": cgroup_pids.FILES, "rdma": RDMA_FILES,
    "misc": MISC_FILES,
}  # fmt: skip
_NOT_ON_ROOT: Files = {
    "cgroup.events": (_events, None),
    "cgroup.freeze": (lambda box, group: f"{int(group.freeze)}\n", _freeze_store),
    "cgroup.kill": (None, _kill_store),
    "cgroup.type": (lambda box, group: type_of(box.cgroups, group) + "\n", _type_store),
}
_ON_ROOT: Files = {
    "cpu.stat": (lambda box, group: _cpu_stat(box, group) + bandwidth_text(TaskGroup()), None),
    **cgroup_cpuset.ON_ROOT,
    "io.stat": (_io_stat, None),
    "misc.capacity": (lambda box, group: "", None),
}
