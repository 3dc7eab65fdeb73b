"""What may stand for each kind of argument, with a line about each: caches, pids, values, mappings, flags, files.

The kind is declared (`words=`) or follows from the argument's converter. Everything comes from the session and the
/proc that it reads; what cannot be read offers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from memsh.commands.limits import RESOURCES
from memsh.digits import is_digits
from memsh.linux.include.flags import GFP_NAMES
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.signal import SIGNALS
from memsh.proctext import slabinfo
from memsh.shell.errors import ShellError
from memsh.shell.manual import pages
from memsh.shell.registry import Command, Param
from memsh.shell.session import Session
from memsh.shell.values import fixed
from memsh.teach.functions import FUNCTIONS

Offers = Iterator[tuple[str, str]]
MAPPINGS = ("munmap", "mprotect", "madvise", "mlock", "munlock", "mremap", "touch", "read", "write", "hexdump", "poke",
            "pagewalk", "whatis", "jump")  # fmt: skip
"""Commands for whose address the current process's mappings are offered too."""
_BY_NAME = {
    ("restore", "name"): "snapshot", ("diff", "files"): "diff",
    ("undisplay", "number"): "display", ("where", "function"): "function", ("save", "file"): "host path",
    ("procdump", "folder"): "host path", ("kill", "words"): "pid", ("fields", "file"): "proc", ("jobs", "end"): "job",
    ("pgrep", "words"): "comm", ("getconf", "names"): "", ("alloc_pages", "order"): "order",
    ("prlimit", "words"): "limit", ("umount", "words"): "mount point",
    ("free_pages", "order"): "order", ("free", "words"): "value", ("unset", "names"): "name",
    ("help", "words"): "topic",
    ("man", "words"): "manual", ("mmap", "file"): "path", ("lesson", "name"): "lesson",
}  # fmt: skip


def kind_of(command: Command, param: Param) -> str:
    """The kind of an argument, "" where nothing can be offered."""
    named = _BY_NAME.get((command.name, param.name))
    if named is not None:
        return named
    if param.words:
        return param.words
    convert = getattr(param.type, "__name__", "")
    if convert == "address" or param.name in ("pfn", "phys", "addr"):
        return "value"
    return convert if convert in ("pid", "gfp") else ""


def of_kind(session: Session, command: Command, param: Param, prefix: str) -> Offers:
    """What may stand for this argument."""
    if param.choices:
        for choice in param.choices:
            yield choice, param.help
        return
    kinds: dict[str, Callable[[], Offers]] = {
        "cache": lambda: _caches(session),
        "pid": lambda: pids(session),
        "comm": lambda: _comms(session),
        "zone": lambda: _zones(session),
        "gfp": lambda: _gfp(prefix),
        "prot": _protections,
        "map": lambda: _map_flags(prefix),
        "advice": _advice,
        **{name: partial(iter, offers) for name, offers in _FLAGS.items()},
        "limit": _limits,
        "mount point": lambda: _mount_points(session),
        "sysctl": lambda: _tunables(session),
        "order": _orders,
        "path": lambda: paths(session, prefix),
        "proc": lambda: paths(session, prefix or "/proc/"),
        "host path": lambda: _host_paths(prefix),
        "program": lambda: _programs(session),
        "topic": lambda: _topics(session),
        "manual": lambda: _manual(session),
        "value": lambda: _addresses(session, command),
        "name": lambda: ((name, text[:40]) for name, text in sorted(session.variables.items())),
        "snapshot": lambda: _snapshots(session),
        "diff": lambda: _diff(session, prefix),
        "display": lambda: _displays(session),
        "function": _functions,
        "job": lambda: ((str(job.number), job.text) for job in session.jobs),
        "lesson": _lessons,
    }
    kind = kind_of(command, param)
    if kind in kinds:
        yield from kinds[kind]()


def values(session: Session) -> Offers:
    """$, $N and $name, each with what it is and what was typed to get it."""
    if session.values:
        number, dec = session.values[-1]
        yield "$", f"the last value, {fixed(number, dec)}"
    for serial in range(len(session.values), 0, -1):
        yield f"${serial}", _from(session.value_text(serial) or "", session.origins.get(str(serial), ""))
    for name, text in sorted(session.variables.items()):
        yield f"${name}", _from(text if len(text) < 40 else text[:39] + "…", session.origins.get(name, ""))
    yield "$?", "the last status"


def _from(text: str, origin: str) -> str:
    return f"{text}  {origin[:40]}" if origin else text


def _addresses(session: Session, command: Command) -> Offers:
    yield from values(session)
    if command.name in MAPPINGS:
        for line in lines(session, "/proc/self/maps"):
            span, mode, *rest = line.split()
            first, _, last = span.partition("-")
            name = rest[3] if len(rest) > 3 else "anonymous"
            yield f"0x{first.lstrip('0') or '0'}", f"{mode} {(int(last, 16) - int(first, 16)) >> 10} KiB {name}"


def _caches(session: Session) -> Offers:
    for cache in slabinfo.parse("\n".join(lines(session, "/proc/slabinfo"))):
        yield cache.name, f"{cache.active_objs} of {cache.num_objs} objects in use, {cache.obj_size} bytes each"


def pids(session: Session) -> Offers:
    """Live processes and threads with their names."""
    box = session.box
    if box is not None:
        for pid, task in sorted({**box.tasks, **box.threads}.items()):
            about = f"{task.comm}, a kernel thread" if task.is_kthread else task.comm
            about += f", a thread of {task.leader}" if task.leader else ""
            yield str(pid), f"{about}, current" if task is box.current else about
        return
    try:
        names = session.reader.listdir("/proc")
    except (OSError, AttributeError, ShellError):
        return
    for pid in sorted(int(name) for name in names if is_digits(name)):
        yield str(pid), "".join(lines(session, f"/proc/{pid}/comm")) or _comm_of_stat(session, pid)


def _comm_of_stat(session: Session, pid: int) -> str:
    text = "".join(lines(session, f"/proc/{pid}/stat"))
    return text[text.find("(") + 1 : text.rfind(")")]


def _comms(session: Session) -> Offers:
    for pid, name in pids(session):
        yield name.partition(",")[0], f"process {pid}"


def _zones(session: Session) -> Offers:
    for line in lines(session, "/proc/buddyinfo"):
        name = line.split("zone", 1)[-1].split()
        if name:
            yield name[0], "a memory zone"


_GFP_WORDS = {
    "GFP_KERNEL": "the usual one: may sleep and reclaim", "GFP_ATOMIC": "may not sleep; may use reserves",
    "GFP_DMA": "from the first 16 MiB", "GFP_HIGHUSER": "for user pages, from highmem",
    "GFP_HIGHUSER_MOVABLE": "for user pages that may be moved", "GFP_NOWAIT": "may not sleep, no reserves",
    "GFP_NOIO": "may sleep, starts no I/O", "GFP_NOFS": "may sleep, calls no file system", "GFP_USER": "for user space",
    "__GFP_ZERO": "filled with zeros", "__GFP_NOWARN": "fails without a message", "__GFP_HIGHMEM": "highmem allowed",
    "__GFP_MOVABLE": "may be moved", "__GFP_NORETRY": "one try of reclaim", "__GFP_NOFAIL": "never fails",
}  # fmt: skip


def _gfp(prefix: str) -> Offers:
    head = _before_flag(prefix)
    for name, flags in GFP_NAMES.items():
        about = _GFP_WORDS.get(name, "")
        yield head + name, f"{flags:#x}  {about}".rstrip()


def _before_flag(prefix: str) -> str:
    return prefix[: max(prefix.rfind(mark) for mark in "|,~'\"") + 1]


def _protections() -> Offers:
    yield from (("r", "PROT_READ"), ("rw", "PROT_READ|PROT_WRITE"), ("rx", "PROT_READ|PROT_EXEC"),
                ("rwx", "everything"), ("none", "PROT_NONE: no access"))  # fmt: skip


def _map_flags(prefix: str) -> Offers:
    head = _before_flag(prefix)
    for name, about in (
        ("private", "copy-on-write, the default"), ("shared", "seen by others"), ("populate", "faulted in at once"),
        ("fixed", "exactly at --addr"), ("noreserve", "not accounted"), ("anonymous", "no file"), ("locked", "mlocked"),
    ):  # fmt: skip
        yield head + name, about


def _advice() -> Offers:
    yield from (("dontneed", "drop the pages now"), ("free", "may be dropped under pressure"),
                ("willneed", "read ahead"), ("cold", "reclaim sooner"), ("pageout", "reclaim now"),
                ("populate_read", "fault in for reading"), ("populate_write", "fault in for writing"),
                ("normal", "no advice"))  # fmt: skip


_FLAGS = {
    "remap": (("maymove", "move it where it cannot grow"), ("fixed", "to --addr"), ("dontunmap", "leave the old one")),
    "mcl": (("current", "what is mapped now"), ("future", "what will be mapped"), ("onfault", "when it is touched")),
    "ms": (("sync", "write and wait"), ("async", "nothing"), ("invalidate", "EBUSY where pages are locked")),
    "shmget": (("create", "make it if there is none"), ("create,excl", "only a new one"), ("noreserve", "not charged")),
    "shmat": (("rdonly", "not to be written"), ("rnd", "round --addr down"), ("remap", "over what is there"),
              ("exec", "to be executed")),
}  # fmt: skip


def _limits() -> Offers:
    yield from ((f"--{one.option}", one.help) for one in RESOURCES)


def _mount_points(session: Session) -> Offers:
    for line in lines(session, "/proc/mounts"):
        source, where, kind, *_ = line.split()
        yield where, f"{kind} {source}"


def _orders() -> Offers:
    for order in range(11):
        yield str(order), f"{1 << order} page{'s' if order else ''}, {4 << order} KiB"


def _tunables(session: Session) -> Offers:
    for name in sysctl.NAMES:
        text = " ".join("".join(lines(session, "/proc/sys/" + name.replace(".", "/"))).split())
        yield name, text[:40]


def signals() -> Offers:
    """-TERM, -KILL …"""
    for name, number in SIGNALS.items():
        yield f"-{name}", f"signal {number}"


def _programs(session: Session) -> Offers:
    found = getattr(session.box, "programs", {})
    for path in sorted(found):
        yield path.rpartition("/")[2], f"{path}, a program on the box's disk"


def _topics(session: Session) -> Offers:
    registry = session.registry
    for name, declared in registry.commands.items():
        yield name, declared.summary
    for topic in sorted({declared.topic for declared in registry.commands.values()} - {""}):
        yield topic, "a topic: its commands"
    for topic, about in getattr(session, "topics", {}).items():
        yield topic, about


def _manual(session: Session) -> Offers:
    yield from pages().items()
    yield from _topics(session)


def _snapshots(session: Session) -> Offers:
    timeline = session.timeline
    for name, kept in (timeline.snapshots if timeline is not None else {}).items():
        yield name, f"a snapshot, {len(kept.script) - 1} commands after boot"


def _diff(session: Session, prefix: str) -> Offers:
    yield from _snapshots(session)
    yield from paths(session, prefix or "/proc/")


def _displays(session: Session) -> Offers:
    found = session.displays
    for number, shown in (found.shown if found is not None else {}).items():
        yield str(number), shown.line


def _functions() -> Offers:
    for name in sorted({known.name for known in FUNCTIONS.values()}):
        yield name, "a function of Linux or glibc"


def _lessons() -> Offers:
    folder = Path(__file__).parent.parent / "lessons"
    for path in sorted(folder.glob("*.md")):
        if path.stem.upper() != "README":
            yield path.stem, "a lesson"


def _host_paths(prefix: str) -> Offers:
    """Files of the host, of which source, save and procdump alone know."""
    folder, slash, _ = prefix.rpartition("/")
    try:
        found = sorted(Path(folder or ("/" if slash else ".")).expanduser().iterdir())[:2000]
    except (OSError, ShellError):
        return
    for path in found:
        yield f"{folder}{slash}{path.name}{'/' if path.is_dir() else ''}", "on the host"


def lines(session: Session, path: str) -> list[str]:
    """The lines of a file of /proc, none if it cannot be read."""
    try:
        return str(session.reader.read(path)).splitlines()
    except (OSError, AttributeError, ShellError):
        return []


_PROC_FILES = {
    "buddyinfo": "free blocks by zone and order", "slabinfo": "slab caches: objects, slabs, tunables",
    "meminfo": "memory by use, in kB", "zoneinfo": "zones: watermarks, counters, per-CPU lists",
    "vmstat": "counters and events since boot", "pagetypeinfo": "free blocks by migrate type",
    "vmallocinfo": "areas of vmalloc and ioremap", "iomem": "physical addresses and their users",
    "swaps": "swap areas", "stat": "CPU and process counters", "uptime": "seconds since boot",
    "cmdline": "the kernel's command line", "version": "the kernel's version", "loadavg": "load of the last minutes",
    "cpuinfo": "the CPUs", "filesystems": "file systems that the kernel knows",
}  # fmt: skip


def paths(session: Session, prefix: str) -> Offers:
    """Files below the folder that the prefix names, of the box or of the recorded tree."""
    folder, slash, begun = prefix.rpartition("/")
    shown = folder + slash
    where = folder or ("/" if slash else ".")
    if not where.startswith("/"):
        where = f"{session.cwd.rstrip('/')}/{'' if where == '.' else where}".rstrip("/") or "/"
    tasks = session.box.tasks if session.box is not None and where == "/proc" else {}
    for name in _names(session, where):
        if not name.startswith(begun):
            continue
        task = tasks.get(int(name)) if is_digits(name) else None
        if task is not None:
            yield f"{shown}{name}/", f"process {task.comm}"
        elif _is_folder(session, f"{where.rstrip('/')}/{name}"):
            yield f"{shown}{name}/", "a folder"
        else:
            yield f"{shown}{name}", _PROC_FILES.get(name, "") if where == "/proc" else ""


def _names(session: Session, where: str) -> list[str]:
    try:
        if session.files is not None:
            names = session.files.listdir(session, where)
        else:
            names = session.reader.listdir(where)
    except (OSError, AttributeError, ShellError):
        return ["proc"] if where == "/" else []
    return sorted(names, key=lambda name: (is_digits(name), int(name) if is_digits(name) else 0, name))


def _is_folder(session: Session, path: str) -> bool:
    try:
        if session.files is not None:
            session.files.listdir(session, path)
        else:
            session.reader.listdir(path)
    except (OSError, AttributeError, ShellError):
        return path == "/proc"
    return True
