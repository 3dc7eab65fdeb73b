"""`--proc FILE`: the views and tools on a text or an archive. An archive's /proc is read where it lies; of a report or
of pasted files a /proc is made of what they tell, and only of that."""

from __future__ import annotations

import errno
import os
import tarfile
from collections.abc import Mapping

from memsh.commands.elsewhere import hosttext
from memsh.commands.elsewhere.hosttext import Source, Tree
from memsh.diagnosis import account
from memsh.diagnosis.overview import page_of
from memsh.proctext.findings import Findings, find
from memsh.proctext.meminfo_report import Memory
from memsh.proctext.oomreport import Task
from memsh.shell.errors import ShellError


def _none(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


class ArchiveReader:
    """The /proc of an archive, and the `sys` beside it."""

    def __init__(self, tree: Tree, proc: str, page_size: int) -> None:
        self.tree, self.page_size = tree, page_size
        self.there = set(tree.names())
        self.top = f"{proc}/" if proc else ""
        self.beside = self.top.rstrip("/").rpartition("/")[0]

    def _name(self, path: str) -> str:
        if path == "/sys" or path.startswith("/sys/"):
            return f"{self.beside}{path}".lstrip("/")
        return (self.top + path.removeprefix("/proc").strip("/")).rstrip("/")

    def read(self, path: str) -> str:
        name = self._name(path)
        if name not in self.there:
            raise _none(path)
        try:
            return hosttext.decode(self.tree.data(name))
        except (tarfile.TarError, KeyError):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path) from None

    def listdir(self, path: str) -> list[str]:
        prefix = f"{self._name(path)}/".lstrip("/")
        found = {name[len(prefix) :].partition("/")[0] for name in self.there if name.startswith(prefix)}
        if not found:
            raise _none(path)
        return sorted(found)


class TextReader:
    """A /proc made of a text's figures."""

    def __init__(self, files: Mapping[str, str], page_size: int) -> None:
        self.files, self.page_size = files, page_size

    def read(self, path: str) -> str:
        try:
            return self.files[path]
        except KeyError:
            raise _none(path) from None

    def listdir(self, path: str) -> list[str]:
        prefix = path.rstrip("/") + "/"
        found = {name[len(prefix) :].partition("/")[0] for name in self.files if name.startswith(prefix)}
        if not found:
            raise _none(path)
        return sorted(found)


def open_text(path: str, page_size: int) -> ArchiveReader | TextReader:
    """The reader for a file of the host. ShellError if it cannot be read or tells nothing that a /proc has."""
    source: Source = hosttext.read(path)
    if source.tree is not None and hosttext.proc_of(source.tree.names()) is not None:
        return ArchiveReader(source.tree, source.proc, page_size)
    found = find(source.text)
    files = proc_files(found)
    if not files:
        raise ShellError(f"{path}: it tells nothing that a /proc has")
    return TextReader(files, page_size or page_of(found))


def proc_files(found: Findings) -> dict[str, str]:
    """Path → text of the files that can be made of what was found."""
    report = next((one for one in found.reports if one.memory is not None), None)
    memory = report.memory if report is not None else None
    files = {
        "buddyinfo": _buddyinfo(found, memory), "zoneinfo": _zoneinfo(found, memory),
        "meminfo": _meminfo(found.meminfo or (_counters(memory) if memory else {})),
        "vmstat": "".join(f"{name} {value}\n" for name, value in found.vmstat.items()), "slabinfo": _slabinfo(found),
        "swaps": _swaps(found),
    }  # fmt: skip
    made = {f"/proc/{name}": text for name, text in files.items() if text}
    page = page_of(found)
    for task in next((one.tasks for one in found.reports if one.tasks), []):
        made |= _process(task, page)
    return made


def _buddyinfo(found: Findings, memory: Memory | None) -> str:
    rows = [(row.node, row.zone, row.counts) for row in found.buddyinfo]
    if not rows and memory is not None:
        rows = [(zone.node, zone.name, [block.number for block in zone.blocks]) for zone in memory.zones if zone.blocks]
    return "".join(f"Node {n}, zone {z:>8} {''.join(f'{count:6} ' for count in counts)}\n" for n, z, counts in rows)


def _zoneinfo(found: Findings, memory: Memory | None) -> str:
    zones = [(z.node, z.name, z.marks, z.protection, z.start_pfn, [p[:] for p in z.pagesets]) for z in found.zoneinfo]
    if not zones and memory is not None:
        kb = memory.page >> 10
        names = ("free", "boost", "min", "low", "high", "present", "managed")
        zones = [
            (z.node, z.name, {name: z.kb[name] // kb for name in names if name in z.kb}, z.reserve or [], None, [])
            for z in memory.zones
            if z.kb
        ]
    lines = []
    for node, name, marks, protection, start, pagesets in zones:
        lines.append(f"Node {node}, zone {name:>8}")
        lines += [f"  pages free     {marks['free']}"] if "free" in marks else []
        lines += [f"        {mark:<8} {value}" for mark, value in marks.items() if mark != "free"]
        lines += [f"        protection: ({', '.join(map(str, protection))})"] if protection else []
        for cpu, pages, high, batch in pagesets:
            lines += [f"    cpu: {cpu}", f"              count: {pages}", f"              high:  {high}"]
            lines.append(f"              batch: {batch}")
        lines += [f"  start_pfn:           {start}"] if start else []
    return "".join(f"{line}\n" for line in lines)


def _counters(memory: Memory) -> dict[str, int]:
    """A Mem-Info's counters under meminfo's names; kB."""
    t, kb = memory.totals, memory.page >> 10
    names = {
        "MemFree": ("free",), "Active(anon)": ("active_anon",), "Inactive(anon)": ("inactive_anon",),
        "Active(file)": ("active_file",), "Inactive(file)": ("inactive_file",), "Unevictable": ("unevictable",),
        "Dirty": ("dirty",), "Writeback": ("writeback",), "Mapped": ("mapped",), "Shmem": ("shmem",),
        "SReclaimable": ("slab_reclaimable",), "SUnreclaim": ("slab_unreclaimable",), "PageTables": ("pagetables",),
        "Bounce": ("bounce",), "Slab": ("slab", "slab_reclaimable", "slab_unreclaimable"),
    }  # fmt: skip
    total = account.total_of(memory)
    found = {"MemTotal": total} if total is not None else {}
    for label, parts in names.items():
        if any(part in t for part in parts):
            found[label] = sum(t.get(part, 0) for part in parts) * kb
    if memory.pagecache is not None:
        found["Cached"] = max(0, memory.pagecache - (memory.swap_cache or 0)) * kb
    if "active_anon" in t:
        found["AnonPages"] = max(0, t["active_anon"] + t.get("inactive_anon", 0) - t.get("shmem", 0)) * kb
    stacks = account.account(memory).uses.get(account.STACKS)
    found |= {"KernelStack": stacks} if stacks is not None else {}
    for label, value in (("SwapTotal", memory.swap_total), ("SwapFree", memory.swap_free)):
        found |= {label: value} if value is not None else {}
    return found


def _meminfo(table: Mapping[str, int]) -> str:
    counts = ("HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp")
    return "".join(f"{label + ':':<15} {value:8}{'' if label in counts else ' kB'}\n" for label, value in table.items())


def _slabinfo(found: Findings) -> str:
    if not found.slabinfo:
        return ""
    rows = [
        f"{c.name:<17} {c.active_objs:6} {c.num_objs:6} {c.obj_size:6} {c.objs_per_slab:4} {c.pages_per_slab:4} "
        f": tunables {c.limit or 0:4} {c.batchcount or 0:4} {c.shared or 0:4} "
        f": slabdata {c.active_slabs:6} {c.num_slabs:6} {c.shared_avail or 0:6}\n"
        for c in found.slabinfo
    ]
    return "slabinfo - version: 2.1\n# name\n" + "".join(rows)


def _swaps(found: Findings) -> str:
    rows = [f"{one.name}\t{one.kind}\t{one.size}\t{one.used}\t{one.priority or 0}\n" for one in found.swaps]
    return "Filename\tType\tSize\tUsed\tPriority\n" + "".join(rows) if rows else ""


def _process(task: Task, page: int) -> dict[str, str]:
    """stat, statm, status of a process of which a report tells; it is said to sleep."""
    kb = page >> 10
    here = f"/proc/{task.pid}"
    numbers = "0 " * 18
    uids = "\t".join([str(task.uid)] * 4)
    status = f"Name:\t{task.name}\nState:\tS (sleeping)\nPid:\t{task.pid}\nUid:\t{uids}\n"
    status += f"VmSize:\t{task.total_vm * kb:8} kB\nVmRSS:\t{task.rss * kb:8} kB\n"
    status += f"VmSwap:\t{task.swapents * kb:8} kB\n" if task.swapents is not None else ""
    return {
        f"{here}/stat": f"{task.pid} ({task.name}) S 0 {numbers}{task.total_vm * page} {task.rss} " + "0 " * 13 + "\n",
        f"{here}/statm": f"{task.total_vm} {task.rss} 0 0 0 {task.rss} 0\n",
        f"{here}/status": status,
        f"{here}/oom_score_adj": f"{task.oom_score_adj or 0}\n",
    }
