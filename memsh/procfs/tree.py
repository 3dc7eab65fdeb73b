"""The tree of /proc (and /sys/kernel/debug/extfrag): which path is which function (fs/proc/generic.c, root.c, base.c).

`show`, `store`, `listdir`, `exists`, `isdir` take absolute paths. Errors are the kernel's: ENOENT, ENOTDIR, EISDIR,
EACCES (no permission by the file's mode), EINVAL (what was written makes no sense).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.namei import MAXSYMLINKS
from memsh.linux.kernel import sysctl
from memsh.procfs import (
    buddyinfo,
    cgroupfs,
    cpuinfo,
    diskstats,
    dynamic_debug,
    extfrag,
    facts,
    interrupts,
    iomem,
    irq,
    kallsyms,
    kcore,
    kmsg,
    kpage,
    meminfo,
    pagetypeinfo,
    partitions,
    pressure,
    rtc,
    sched_domains,
    schedstat,
    slabinfo,
    stat,
    swaps,
    sys_acpi,
    sys_block,
    sys_cpu,
    sys_dmi,
    sys_firmware,
    sys_irq,
    sys_kernel,
    sys_memory,
    sys_mm,
    sys_module,
    sys_node,
    sys_slab,
    sysfs,
    sysrq,
    sysvipc,
    timer_list,
    trace_options,
    tracefs,
    tracing,
    version,
    vmallocinfo,
    vmstat,
    zoneinfo,
)
from memsh.procfs.node import Directory, Link, Node, ProcFile, made_up_inode
from memsh.procfs.pid import find_task

if TYPE_CHECKING:
    from memsh.linux.box import Box


class _Tunable:
    """show and store of one sysctl."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def show(self, box: Box) -> str:
        text = sysctl.get(box, self.name)
        return "" if self.name == "vm.stat_refresh" else text + "\n"

    def store(self, box: Box, text: str) -> None:
        sysctl.put(box, self.name, text)


def _tunables() -> dict[str, ProcFile]:
    files = {}
    for name in sysctl.NAMES:
        entry, option = _Tunable(name), sysctl.OPTIONS.get(name, "")
        path = "/proc/sys/" + name.replace(".", "/")
        if name in sysctl.WRITE_ONLY:
            files[path] = ProcFile(None, entry.store, 0o200, option=option)
        elif name in sysctl.READ_ONLY:
            files[path] = ProcFile(entry.show, None, 0o444, option=option)
        else:
            files[path] = ProcFile(entry.show, entry.store, sysctl.MODES.get(name, 0o644), option=option)
    return files


def _proc_names(box: Box) -> list[str]:
    """Processes, then facts; the rest of the names of /proc is fixed."""
    return [*map(str, box.tasks), *facts.names(box, ""), "slabinfo"]


def _find_proc(box: Box, name: str) -> Node | None:
    if name == "slabinfo":
        return slabinfo.file(box)
    return find_task(box, name) or facts.find(box, "", name)


EXTFRAG = "/sys/kernel/debug/extfrag/"
FILES: dict[str, ProcFile] = {
    "/proc/buddyinfo": ProcFile(buddyinfo.show),
    "/proc/dynamic_debug/control": ProcFile(dynamic_debug.show, dynamic_debug.store, 0o644, option="DYNAMIC_DEBUG"),
    "/proc/cgroups": ProcFile(cgroupfs.show_cgroups, option="CGROUPS"),
    "/proc/cmdline": ProcFile(version.show_cmdline),
    "/proc/cpuinfo": ProcFile(cpuinfo.show),
    "/proc/driver/rtc": ProcFile(rtc.show),
    "/proc/interrupts": ProcFile(interrupts.show),
    "/proc/iomem": ProcFile(iomem.show),
    "/proc/ioports": ProcFile(iomem.show_ports),
    "/proc/kallsyms": ProcFile(kallsyms.show),
    "/proc/loadavg": ProcFile(stat.show_loadavg),
    "/proc/meminfo": ProcFile(meminfo.show),
    "/proc/pagetypeinfo": ProcFile(pagetypeinfo.show, None, 0o400),
    "/proc/partitions": ProcFile(partitions.show),
    **{f"/proc/pressure/{name}": ProcFile(show, pressure.store, 0o666, option="PSI", when=pressure.enabled)
       for name, show in (
        ("cpu", pressure.show_cpu), ("io", pressure.show_io), ("memory", pressure.show_memory))},
    "/proc/softirqs": ProcFile(interrupts.show_softirqs),
    "/proc/stat": ProcFile(stat.show),
    "/proc/diskstats": ProcFile(diskstats.show),
    "/proc/swaps": ProcFile(swaps.show),
    "/proc/sysvipc/msg": ProcFile(sysvipc.show_msg),
    "/proc/sysvipc/sem": ProcFile(sysvipc.show_sem),
    "/proc/sysvipc/shm": ProcFile(sysvipc.show_shm),
    "/proc/schedstat": ProcFile(schedstat.show, option="SCHEDSTATS"),
    "/proc/timer_list": ProcFile(timer_list.show, None, 0o400),
    "/proc/uptime": ProcFile(stat.show_uptime),
    "/proc/version": ProcFile(version.show),
    "/proc/vmallocinfo": ProcFile(vmallocinfo.show, None, 0o400),
    "/proc/vmstat": ProcFile(vmstat.show),
    "/proc/zoneinfo": ProcFile(zoneinfo.show),
    EXTFRAG + "extfrag_index": ProcFile(extfrag.show_extfrag),
    EXTFRAG + "unusable_index": ProcFile(extfrag.show_unusable),
    **{f"/sys/kernel/{name}": entry for name, entry in sys_kernel.FILES.items()},
    **{f"/sys/kernel/tracing/{name}": entry for name, entry in tracefs.FILES.items()},
    **_tunables(),
}
STREAMS: dict[str, ProcFile] = {  # whoever reads them waits for more
    "/proc/kmsg": ProcFile(None, None, 0o400, follow=kmsg.follow),
    "/sys/kernel/tracing/trace_pipe": ProcFile(None, None, 0o440, follow=tracing.follow),
}
OTHERS: dict[str, ProcFile] = {  # made piece by piece, or for writing only
    "/proc/kcore": ProcFile(kcore.show, None, 0o400, kcore.pread, size=kcore.size),
    "/proc/kpagecgroup": ProcFile(None, None, 0o400, kpage.read_cgroup, option="MEMCG"),
    "/proc/kpagecount": ProcFile(None, None, 0o400, kpage.read_count),
    "/proc/kpageflags": ProcFile(None, None, 0o400, kpage.read_flags),
    "/proc/sysrq-trigger": ProcFile(None, sysrq.store, 0o200),
}
LINKS: dict[str, Link] = {
    "/proc/mounts": Link(lambda box: "self/mounts", size=11),
    "/proc/net": Link(lambda box: "self/net", size=8),
    "/proc/self": Link(lambda box: str(box.current.tgid)),
    "/proc/thread-self": Link(lambda box: f"{box.current.tgid}/task/{box.current.pid}"),
}
FOLDERS: dict[str, Directory] = {  # directories with names that come and go, and empty ones
    "/proc": Directory({}, names=_proc_names, find=_find_proc),
    "/proc/fs": facts.directory("fs/", {"nfsd": Directory({})}),
    "/proc/irq": irq.IRQ,
    "/proc/tty": facts.directory("tty/", {"ldisc": Directory({})}),
    "/proc/tty/driver": Directory({"serial": ProcFile(iomem.show_serial)}, 0o500),
    "/proc/sys/fs/binfmt_misc": Directory({}),  # where its file system would be mounted
    "/sys/block": sys_block.BLOCK,
    "/sys/class/block": sys_block.CLASS,
    "/sys/dev/block": sys_block.DEV_BLOCK,
    "/sys/devices/pci0000:00": sys_block.PCI,
    "/sys/devices/system/cpu": sys_cpu.CPU,
    "/sys/devices/system/memory": sys_memory.MEMORY,
    "/sys/firmware/acpi/tables": sys_acpi.FOLDER,
    "/sys/firmware/dmi/tables": sys_dmi.FOLDER,
    "/sys/firmware/memmap": sys_firmware.MEMMAP,
    "/sys/kernel/irq": sys_irq.IRQ,
    "/sys/kernel/tracing/events": tracefs.FOLDER,
    "/sys/kernel/tracing/options": trace_options.FOLDER,
    "/sys/kernel/tracing/per_cpu": trace_options.PER_CPU,
    "/sys/devices/system/node": sys_node.NODES,
    "/sys/module": sys_module.MODULES,
    "/sys/kernel": Directory({}, 0o755, names=sys_slab.names, find=sys_slab.find),
    "/sys/fs": Directory({}, 0o755, names=cgroupfs.names, find=cgroupfs.find),
    "/sys/kernel/debug": Directory({}, 0o700),
    "/sys/kernel/debug/ramdisk_pages": sys_block.RAMDISK_PAGES,
    "/sys/kernel/debug/sched/domains": sched_domains.DOMAINS,
    "/sys/kernel/tracing": Directory({}, 0o700),
    "/sys/kernel/mm": Directory({}, 0o755, names=sys_mm.names, find=sys_mm.find),
}
OWN_RULES = ("/sys/fs/cgroup/", "/sys/kernel/debug/", "/sys/kernel/tracing/")  # root may open what it likes
ATTRIBUTE = 4096  # bytes that a file of sysfs says it has
FIRST_INODE = 0xF0000000  # PROC_DYNAMIC_FIRST
ROOT_INODE = 1
PIECE = 1 << 20


def _grow() -> Directory:
    """The tree of everything in FILES, STREAMS, OTHERS, LINKS and FOLDERS."""
    root = Directory({})
    above = {path: FOLDERS[path] for path in sorted(FOLDERS)}
    nodes: dict[str, Node] = {**above, **FILES, **STREAMS, **OTHERS, **LINKS}
    for path, node in nodes.items():
        here = root
        *folders, name = path.strip("/").split("/")
        for folder in folders:
            attributes = path.startswith("/sys/") and here is not root
            links = 1 if path.startswith("/proc/sys/") else None  # proc_sys_make_inode() counts none
            below = here.fixed.setdefault(folder, Directory({}, 0o755 if attributes else 0o555, links=links))
            assert isinstance(below, Directory)
            here = below
        here.fixed.setdefault(name, node)
    own = root.fixed["sys"]
    assert isinstance(own, Directory)
    root.fixed["sys"] = sysfs.Root(own)
    return root


ROOT = _grow()


def _number(inodes: dict[str, int], path: str, folder: Directory) -> dict[str, int]:
    for name, node in folder.fixed.items():
        inodes[f"{path}/{name}"] = FIRST_INODE + len(inodes)
        if isinstance(node, Directory):
            _number(inodes, f"{path}/{name}", node)
    return inodes


_INODES = _number({}, "", ROOT) | {"/proc": ROOT_INODE, "/sys": ROOT_INODE}


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


def real_path(box: Box, path: str, last: bool = True) -> str:
    """The path without links on the way (and, with `last`, at its end). It may lead out of this tree, to a file of the
    box's disk. ENOENT, ENOTDIR, ELOOP."""
    waiting = normal(path).split("/")[:0:-1]
    node: Node = ROOT
    done, links = "", 0
    while waiting:
        name = waiting.pop()
        if not isinstance(node, Directory):
            raise KernelError("ENOTDIR", path)
        below = node.child(box, name)
        if below is None:
            raise KernelError("ENOENT", path)
        if isinstance(below, Link) and (waiting or last):
            links += 1
            if links > MAXSYMLINKS:
                raise KernelError("ELOOP", path)
            target = below.target(box)
            whole = normal(target if target.startswith("/") else f"{done}/{target}")
            if not covers(whole):
                return normal("/".join([whole, *reversed(waiting)]))
            waiting += whole.split("/")[:0:-1]
            node, done = ROOT, ""
            continue
        node, done = below, f"{done}/{name}"
    return done or "/"


def lookup(box: Box, path: str, last: bool = True) -> Node:
    """The node at `path`; a link at its end is followed with `last`. ENOENT, ENOTDIR, ELOOP."""
    node: Node = ROOT
    whole = normal(path)
    for name in whole.split("/")[1:] if whole != "/" else ():
        if isinstance(node, Link):
            break
        if not isinstance(node, Directory):
            raise KernelError("ENOTDIR", path)
        below = node.child(box, name)
        if below is None:
            raise KernelError("ENOENT", path)
        node = below
    else:
        if not last or not isinstance(node, Link):
            return node
    straight = real_path(box, whole, last)
    if not covers(straight):
        raise KernelError("ENOENT", path)
    return lookup(box, straight, False)


def _file(box: Box, path: str) -> ProcFile:
    node = lookup(box, path)
    if not isinstance(node, ProcFile):
        raise KernelError("EISDIR", path)
    return node


def show(box: Box, path: str) -> str:
    """The text of the file at `path`; of one that goes on, what there is now."""
    entry = _file(box, path)
    if entry.follow is not None:
        return entry.follow(box, entry.follow(box, None)[1])[0]
    if entry.show is None and entry.pread is not None:
        return _whole(box, entry.pread)
    if entry.show is None:
        raise KernelError(refusal(real_path(box, path)), f"{path} can only be written")
    return entry.show(box)


def _whole(box: Box, pread: Callable[[Box, int, int], bytes]) -> str:
    """All of a file that is read piece by piece."""
    parts: list[bytes] = []
    place = 0
    while part := pread(box, place, PIECE):
        parts.append(part)
        place += len(part)
    return b"".join(parts).decode("utf-8", "surrogateescape")


def store(box: Box, path: str, text: str, at: int = 0) -> None:
    """Write `text` to the file at `path`, as one write(), `at` bytes behind the file's beginning.

    A sysctl takes the first write only (proc_first_pos_non_zero_ignore). Known deviation: so does one that is a string,
    to which Linux adds what comes directly behind what it holds; writes behind the beginning are told nowhere.
    """
    entry = _file(box, path)
    if entry.store is None:
        raise KernelError(refusal(real_path(box, path)), f"{path} can only be read")
    ignored = at and path.startswith("/proc/sys/") and box.sysctl.values["kernel.sysctl_writes_strict"] == 1
    if text and not ignored:
        entry.store(box, text)
        box.changes += 1


def strict(path: str) -> bool:
    """Where even root is held to the mode: sysctls (proc_sys_permission) and sysfs (kernfs_fop_open)."""
    return path.startswith(("/proc/sys/", "/sys/")) and not path.startswith(OWN_RULES)


def refusal(path: str) -> str:
    """What read() or write() says of a file that has none: it could not even be opened, or has what every file has, or
    every file of /proc (proc_reg_read, proc_reg_write). `path` has no links in it."""
    if strict(path):
        return "EACCES"
    of_task = any(is_digits(name) for name in path.split("/", 3)[2:3])
    return "EINVAL" if of_task or path.startswith(OWN_RULES) else "EIO"


def sealed(box: Box, path: str) -> str:
    """What link(), symlink(), mkdir(), rename() and unlink() say where the kernel alone makes the names and takes them
    away (may_create, may_delete): a sysctl's directory lets nobody write (proc_sys_permission); what is not there
    ends in the look-up in /proc (proc_lookup_de), and later in /sys (kernfs_iop_lookup)."""
    try:
        lookup(box, path, False)
    except KernelError as error:
        named = error.code == "ENOENT" and path.startswith("/sys/") and exists(box, path.rpartition("/")[0])
        return "EPERM" if named else error.code
    return "EACCES" if path.startswith("/proc/sys/") else "EPERM"


def mkdir(box: Box, path: str) -> None:
    """Make a directory, where that means something. EEXIST, EPERM."""
    folder, _, name = normal(path).rpartition("/")
    above = lookup(box, folder or "/")
    if exists(box, path):
        raise KernelError("EEXIST", path)
    if not isinstance(above, Directory) or above.mkdir is None:
        raise KernelError("EPERM", path)
    above.mkdir(box, name)
    box.changes += 1


def rmdir(box: Box, path: str) -> None:
    """Take a directory away, where that means something. ENOENT, ENOTDIR, EPERM."""
    folder, _, name = normal(path).rpartition("/")
    above = lookup(box, folder or "/")
    if not isinstance(lookup(box, path, False), Directory):
        raise KernelError("ENOTDIR", path)
    if not isinstance(above, Directory) or above.rmdir is None:
        raise KernelError("EPERM", path)
    above.rmdir(box, name)
    box.changes += 1


def truncate(box: Box, path: str) -> None:
    """What opening the file to be overwritten does."""
    entry = _file(box, path)
    if entry.truncate is not None:
        entry.truncate(box)
        box.changes += 1


def isdir(box: Box, path: str) -> bool:
    try:
        return isinstance(lookup(box, path), Directory)
    except KernelError:
        return False


def exists(box: Box, path: str) -> bool:
    try:
        lookup(box, path)
    except KernelError:
        return False
    return True


def readlink(box: Box, path: str) -> str | None:
    """Where the link at `path` leads; None if it is no link. ENOENT, ENOTDIR."""
    node = lookup(box, path, False)
    return node.target(box) if isinstance(node, Link) else None


def mode(box: Box, path: str) -> int:
    """Permission bits, as ls -l shows them; of a link that leads out of this tree its own."""
    node = lookup(box, path, False)
    if isinstance(node, Link):
        try:
            return lookup(box, path).mode
        except KernelError:
            return node.mode
    return node.mode


def file_size(box: Box, path: str, node: ProcFile) -> int:
    """Bytes, as ls -l shows them: a page of an attribute of sysfs, nothing of what is made when it is read."""
    if node.size is not None:
        return node.size(box)
    return ATTRIBUTE if path.startswith("/sys/") and not path.startswith(OWN_RULES) else 0


def inode(path: str) -> int:
    """The number of the inode at a normal path: the same whenever it is asked for."""
    return _INODES.get(path) or made_up_inode(path)


def listdir(box: Box, path: str) -> list[str]:
    """The names in a directory: processes by number first, then the rest by name."""
    node = lookup(box, path)
    if not isinstance(node, Directory):
        raise KernelError("ENOTDIR", path)
    return node.listing(box)
