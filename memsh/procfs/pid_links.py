"""/proc/PID/cwd, exe and root, map_files and ns: links that lead to files (fs/proc/base.c, namespaces.c).

**Known deviations:** every process stands in /, where the shell's own directory is not a process's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import VM_MAYWRITE, VM_SHARED
from memsh.procfs.node import Directory, Link, Node

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mm_types import VmArea
    from memsh.linux.include.sched import Task

# the first namespaces of each kind, with their inode numbers (include/linux/proc_ns.h, PROC_…_INIT_INO)
NAMESPACES = {"ipc": 0xEFFFFFFF, "mnt": 0xF0000001, "net": 0xF0000000, "pid": 0xEFFFFFFC, "time": 0xEFFFFFFA,
              "uts": 0xEFFFFFFE}  # fmt: skip
MORE_NAMESPACES = {"CGROUPS": ("cgroup", 0xEFFFFFFB), "USER_NS": ("user", 0xEFFFFFFD)}
FOR_CHILDREN = ("pid", "time")


def exe(task: Task, box: Box) -> str:
    """The program's file; ENOENT for a kernel thread."""
    del box
    if task.mm is None or task.mm.exe_file is None:
        raise KernelError("ENOENT", "a kernel thread runs no file")
    return str(task.mm.exe_file.path)


def links(task: Task) -> dict[str, Link]:
    """cwd, exe, root."""
    return {"cwd": Link(lambda box: "/"), "exe": Link(partial(exe, task)), "root": Link(lambda box: "/")}


def _file_areas(task: Task) -> dict[str, VmArea]:
    areas = task.mm.mmap if task.mm is not None else ()
    return {f"{vma.start:x}-{vma.end:x}": vma for vma in areas if vma.file is not None}


def _map_names(task: Task, box: Box) -> list[str]:
    del box
    return list(_file_areas(task))


def _map_link(task: Task, box: Box, name: str) -> Node | None:
    del box
    vma = _file_areas(task).get(name)
    if vma is None or vma.file is None:
        return None
    path, writable = vma.file.path, vma.flags & VM_SHARED and vma.flags & VM_MAYWRITE
    return Link(lambda box: path, 0o600 if writable else 0o400, 64)


def map_files(task: Task) -> Directory:
    """A link for each area with a file, named by its bounds."""
    return Directory({}, 0o500, partial(_map_names, task), partial(_map_link, task))


def namespaces(box: Box) -> Directory:
    """Every process is in the first namespace of each kind."""
    numbers = NAMESPACES | dict(pair for option, pair in MORE_NAMESPACES.items() if option in box.model.options)
    found: dict[str, Node] = {}
    for name, number in numbers.items():
        text = f"{name}:[{number}]"
        for shown in (name, *([f"{name}_for_children"] if name in FOR_CHILDREN else [])):
            found[shown] = Link(lambda box, text=text: text)  # type: ignore[misc]
    return Directory(found, 0o511)
