"""The tree of /proc (and /sys/kernel/debug/extfrag): which path is which function (fs/proc/generic.c, root.c, base.c).

`show`, `store`, `listdir`, `exists`, `isdir` take absolute paths. Errors are the kernel's: ENOENT, ENOTDIR, EISDIR,
EACCES (no permission by the file's mode), EINVAL (what was written makes no sense).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from memsh.linux.include.errno import KernelError
from memsh.linux.kernel import sysctl
from memsh.procfs import (
    buddyinfo,
    cpuinfo,
    diskstats,
    extfrag,
    iomem,
    meminfo,
    pagetypeinfo,
    slabinfo,
    stat,
    swaps,
    tracing,
    version,
    vmallocinfo,
    vmstat,
    zoneinfo,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box


class ProcFile(NamedTuple):
    """`mode` as in ls: 0o444 readable by all, 0o400 by root only; `store` is None for what cannot be written."""

    show: Callable[[Box], str] | None
    store: Callable[[Box, str], None] | None = None
    mode: int = 0o444


class _Tunable:
    """show and store of one sysctl."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def show(self, box: Box) -> str:
        text = sysctl.get(box, self.name)
        return text + "\n" if text else ""

    def store(self, box: Box, text: str) -> None:
        sysctl.put(box, self.name, text)


def _tunables() -> dict[str, ProcFile]:
    files = {}
    for name in sysctl.NAMES:
        entry = _Tunable(name)
        path = "/proc/sys/" + name.replace(".", "/", 1)
        if name in sysctl.WRITE_ONLY:
            files[path] = ProcFile(None, entry.store, 0o200)
        elif name in sysctl.READ_ONLY:
            files[path] = ProcFile(entry.show, None, 0o444)
        else:
            files[path] = ProcFile(entry.show, entry.store, 0o600 if name in sysctl.ROOT_ONLY else 0o644)
    return files


EXTFRAG = "/sys/kernel/debug/extfrag/"
FILES: dict[str, ProcFile] = {
    "/proc/buddyinfo": ProcFile(buddyinfo.show),
    "/proc/cmdline": ProcFile(version.show_cmdline),
    "/proc/cpuinfo": ProcFile(cpuinfo.show),
    "/proc/filesystems": ProcFile(version.show_filesystems),
    "/proc/iomem": ProcFile(iomem.show),
    "/proc/ioports": ProcFile(iomem.show_ports),
    "/proc/loadavg": ProcFile(stat.show_loadavg),
    "/proc/meminfo": ProcFile(meminfo.show),
    "/proc/pagetypeinfo": ProcFile(pagetypeinfo.show, None, 0o400),
    "/proc/slabinfo": ProcFile(slabinfo.show, slabinfo.store, 0o600),
    "/proc/stat": ProcFile(stat.show),
    "/proc/diskstats": ProcFile(diskstats.show),
    "/proc/swaps": ProcFile(swaps.show),
    "/proc/uptime": ProcFile(stat.show_uptime),
    "/proc/version": ProcFile(version.show),
    "/proc/vmallocinfo": ProcFile(vmallocinfo.show, None, 0o400),
    "/proc/vmstat": ProcFile(vmstat.show),
    "/proc/zoneinfo": ProcFile(zoneinfo.show),
    EXTFRAG + "extfrag_index": ProcFile(extfrag.show_extfrag),
    EXTFRAG + "unusable_index": ProcFile(extfrag.show_unusable),
    "/sys/kernel/tracing/trace": ProcFile(tracing.show, tracing.clear, 0o640),
    "/sys/kernel/tracing/tracing_on": ProcFile(tracing.show_on, tracing.store_on, 0o640),
    **_tunables(),
}


def _directories() -> dict[str, set[str]]:
    """Directory → names in it, of everything in FILES."""
    found: dict[str, set[str]] = {"/": {"proc", "sys"}}
    for path in FILES:
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts)):
            found.setdefault("/" + "/".join(parts[:depth]), set()).add(parts[depth])
    return found


DIRECTORIES = _directories()


def normal(path: str) -> str:
    """Without "." and "..", double slashes and a slash at the end."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part and part != ".":
            parts.append(part)
    return "/" + "/".join(parts)


def covers(path: str) -> bool:
    """Whether `path` is this tree's business: /proc, /sys or something below."""
    first = normal(path).split("/")[1]
    return first in ("proc", "sys")


def _pid_part(box: Box, path: str) -> tuple[int, str] | None:
    """(PID, rest) of /proc/PID[/rest] and /proc/self[/rest]; None for other paths. ENOENT if there is no such task."""
    parts = path.split("/")
    if len(parts) < 3 or parts[1] != "proc":
        return None
    if parts[2] == "self":
        pid = box.current.pid
    elif parts[2].isdecimal() and parts[2].isascii() and (parts[2] == "0" or parts[2][0] != "0") and len(parts[2]) < 10:
        pid = int(parts[2])
    else:
        return None
    if pid not in box.tasks:
        raise KernelError("ENOENT", f"no process {pid}")
    rest = "/".join(parts[3:])
    if rest == "task":
        return pid, "task"
    if rest.startswith("task/"):
        tid, _, rest = rest[5:].partition("/")
        if tid != str(pid):
            raise KernelError("ENOENT", f"no thread {tid}")
    return pid, rest


def show(box: Box, path: str) -> str:
    """The text of the file at `path`."""
    path = normal(path)
    entry = FILES.get(path)
    if entry is not None:
        if entry.show is None:
            raise KernelError("EACCES", f"{path} can only be written")
        return entry.show(box)
    found = _pid_part(box, path)
    if found is not None:
        from memsh.procfs.pid import PID_FILES

        pid, rest = found
        if rest in ("", "task"):
            raise KernelError("EISDIR", path)
        if rest in PID_FILES:
            return PID_FILES[rest](box, box.tasks[pid])
        if rest.split("/", 1)[0] in PID_FILES:
            raise KernelError("ENOTDIR", path)
        raise KernelError("ENOENT", path)
    raise _missing(path)


def _missing(path: str) -> KernelError:
    if path in DIRECTORIES:
        return KernelError("EISDIR", path)
    parent = path
    while parent != "/":
        parent = parent.rpartition("/")[0] or "/"
        if parent in FILES:
            return KernelError("ENOTDIR", path)
    return KernelError("ENOENT", path)


def store(box: Box, path: str, text: str) -> None:
    """Write `text` to the file at `path`, as one write()."""
    path = normal(path)
    entry = FILES.get(path)
    if entry is not None:
        if entry.store is None:
            raise KernelError("EACCES", f"{path} can only be read")
        if text:
            entry.store(box, text)
        return
    found = _pid_part(box, path)
    if found is not None:
        from memsh.procfs import pid as pid_files

        pid, rest = found
        if rest in ("", "task"):
            raise KernelError("EISDIR", path)
        stores: dict[str, Callable[..., None]] = getattr(pid_files, "PID_STORES", {})
        if rest in stores:
            if text:
                stores[rest](box, box.tasks[pid], text)
            return
        raise KernelError("EACCES" if rest in pid_files.PID_FILES else "ENOENT", path)
    raise _missing(path)


def isdir(box: Box, path: str) -> bool:
    path = normal(path)
    if path in DIRECTORIES:
        return True
    try:
        found = _pid_part(box, path)
    except KernelError:
        return False
    return found is not None and found[1] in ("", "task")


def exists(box: Box, path: str) -> bool:
    path = normal(path)
    if path in FILES or isdir(box, path):
        return True
    try:
        found = _pid_part(box, path)
    except KernelError:
        return False
    if found is None:
        return False
    from memsh.procfs.pid import PID_FILES

    return found[1] in PID_FILES


def mode(box: Box, path: str) -> int:
    """Permission bits, as ls -l shows them."""
    path = normal(path)
    entry = FILES.get(path)
    if entry is not None:
        return entry.mode
    return 0o555 if isdir(box, path) else 0o444


def listdir(box: Box, path: str) -> list[str]:
    """The names in a directory: processes by number first, then the rest by name."""
    path = normal(path)
    if path in DIRECTORIES:
        names = sorted(DIRECTORIES[path])
        if path == "/proc":
            names = [*(str(pid) for pid in box.tasks), *sorted([*names, "self"])]
        return names
    found = _pid_part(box, path)
    if found is not None:
        from memsh.procfs.pid import PID_FILES

        if found[1] == "":
            return sorted([*PID_FILES, "task"])
        if found[1] == "task":
            return [str(found[0])]
        if found[1] in PID_FILES:
            raise KernelError("ENOTDIR", path)
        raise KernelError("ENOENT", path)
    if path in FILES:
        raise KernelError("ENOTDIR", path)
    raise _missing(path)
