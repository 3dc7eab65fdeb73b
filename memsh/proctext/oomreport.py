"""Reports of the OOM killer and of allocations that failed, from 2.6 to today (mm/oom_kill.c, mm/page_alloc.c,
mm/memcontrol.c, mm/slub.c), and SysRq-m."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.proctext import gfp
from memsh.proctext.gfp import Gfp
from memsh.proctext.lines import wrapped
from memsh.proctext.meminfo_report import Memory
from memsh.proctext.meminfo_report import parse as parse_memory

_MASK = (
    r"(?:gfp_mask|mode|gfp)\s*[=:]\s*(?P<mask>0x[0-9a-fA-F]+|[0-9a-f]+)?"
    r"(?:\s*\(?(?P<names>(?:__)?GFP_[A-Z0-9_|\s]+)\)?)?"
)
_OOM = re.compile(r"\b(?:invoked\s+)?oom-killer:\s+(?=gfp|mode)", re.IGNORECASE)
_FAIL = re.compile(
    wrapped(r"\bpage allocation (?P<how>failure|stalls for \d+\s*ms)[.:,]? order:\s*(?P<order>\d+)"), re.IGNORECASE
)
_VMALLOC = re.compile(
    r"\bvmalloc(?::\s+allocation\s+failure:\s+(?P<part>\d+)\s+(?:of\s+(?P<whole>\d+)\s+)?bytes|\s+error:\s+size\s+(?P<size>\d+))"
    r"|\bvmap\s+allocation\s+for\s+size\s+(?P<area>\d+)\s+failed"
)
_CMA = re.compile(wrapped(r"\bcma_alloc:(?: \S+:)? alloc failed, req-size: (?P<pages>\d+) pages?"))
_CMA_FREE = re.compile(
    wrapped(r"number of available pages:(?P<runs>[\d@+ ]*)=>\s*(?P<free>\d+) free of (?P<total>\d+)")
)
_PANIC = re.compile(r"no killable processes|System is deadlocked on memory|Kernel panic - not syncing: Out of memory")
_SLUB = re.compile(
    wrapped(r"\bSL[UA]B: Unable to allocate memory on (?:CPU#\d+ \(of node -?\d+\) on )?node (?P<node>-?\d+)"),
    re.IGNORECASE,
)
_SYSRQ = re.compile(r"(?:^|\n)[ \t]*(?:sysrq:\s*)?sysrq\s*:\s*Show\s+Memory", re.IGNORECASE)
_MEMINFO = re.compile(r"(?:^|\n)[ \t]*Mem-[Ii]nfo:")
_VICTIM = re.compile(
    r"(?P<line>(?:(?:Memory\s+cgroup\s+o|O)ut\s+[Oo]f\s+[Mm]emory(?:\s+\([^)]*\))?:\s+)?[Kk]ill(?:ed)?\s+process\s+"
    r"(?P<pid>\d+)(?:,\s*UID\s+\d+)?,?\s*"
    r"\((?P<comm>[\s\S]{1,40}?)\)(?=[\s,.:]|$)(?P<rest>[^\n]*(?:\n(?![^\n]*process)[^\n]{0,90}(?:-rss|rss:|pgtables)[^\n]*)*))"
)
_COLUMNS = re.compile(r"\[\s*pid\s*\]\s+uid\s+tgid\s+total_vm\s+rss\s+(?P<more>[a-z_\s]*?)\s*name\b")
_TASK = r"\[\s*(\d+)\s*\]\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+"
_LIMIT = re.compile(
    r"(?<![\w+])(memory\+swap|memory|kmem|swap):\s+usage\s+(\d+)\s*kB,\s+limit\s+(\d+)\s*kB,\s+failcnt\s+(\d+)"
)
_KILLED_FOR = re.compile(wrapped(r"Task in (\S+) killed as a result of limit of (\S+)"))
_CONSTRAINT = re.compile(r"oom-kill:\s*constraint=(\w+)((?:,\s*[^\n,]*)*)")
_STATS = re.compile(r"Memory\s+cgroup\s+stats\s+for\s+(\S+):((?:\s+[\w()]+:\s*\d+\s*KB)*)")
_STATS_ROW = re.compile(r"^[ \t]*([a-z]\w+)[ \t]+(\d+)[ \t]*$", re.MULTILINE)
_RELEASE = re.compile(r"(?:Not\s+tainted|Tainted:[^\n]*?)\s+(\d+\.\d+\S*)|Linux version (\d+\.\d+\S*)")
_FUNCTION = re.compile(r"(?<![\w.])\??\s*([a-zA-Z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
MAX_LIMIT = 9007199254740000
"""kB; a group without a limit shows this and more."""


class Task(NamedTuple):
    """A row of the table of processes; total_vm, rss and swapents in pages, page_tables in bytes (None: not told)."""

    pid: int
    uid: int
    name: str
    total_vm: int
    rss: int
    page_tables: int | None
    swapents: int | None
    oom_score_adj: int | None
    """-1000 to 1000; -17 to 15 where only oom_adj is told (`old_scale`)."""
    old_scale: bool


class Victim(NamedTuple):
    """Who was killed; kB by name (total-vm, anon-rss, file-rss, shmem-rss, pgtables), None where nothing is told."""

    pid: int
    name: str
    kb: dict[str, int]
    score: int | None
    oom_score_adj: int | None
    memcg: bool


class Limit(NamedTuple):
    """A memory cgroup's account; kB. limit None: none is set."""

    name: str
    usage: int
    limit: int | None
    failcnt: int


class Slub(NamedTuple):
    """A slab allocator's own complaint: cache, object size in bytes, order of its slabs, (slabs, objects, free)."""

    node: int
    cache: str | None
    size: int | None
    order: int | None
    min_order: int | None
    nodes: list[tuple[int, int, int, int | None]]


class Cma(NamedTuple):
    """A contiguous area that could not give what was asked; pages, None where they are not told."""

    wanted: int
    free: int | None
    total: int | None
    largest: int | None


class Report(NamedTuple):
    """One report. kind: oom, memcg, failure, stall, slab, sysrq, memory (a Mem-Info alone), killed (a line alone)."""

    kind: str
    comm: str | None
    pid: int | None
    order: int | None
    gfp: Gfp
    oom_score_adj: int | None
    nodemask: list[int] | None
    mems_allowed: list[int] | None
    constraint: str | None
    cgroup: str | None
    """The memory cgroup whose limit was reached."""
    victim_cgroup: str | None
    limits: list[Limit]
    stats: dict[str, int]
    """The group's memory.stat; bytes."""
    release: str | None
    version: tuple[int, int] | None
    calls: list[str]
    memory: Memory | None
    tasks: list[Task]
    victims: list[Victim]
    slub: Slub | None
    panic: bool
    vmalloc: int | None
    """Bytes that vmalloc could not get."""
    area: bool
    """Whether it was addresses that vmalloc had too few of."""
    cma: Cma | None
    start: int
    """Where in the text it begins."""


STARTS = (
    ("oom", _OOM),
    ("failure", _FAIL),
    ("slab", _SLUB),
    ("sysrq", _SYSRQ),
    ("vmalloc", _VMALLOC),
    ("cma", _CMA),
)
"""How each kind of report begins."""


def _starts(text: str) -> list[tuple[int, str, re.Match[str]]]:
    found: list[tuple[int, str, re.Match[str]]] = []
    for kind, pattern in STARTS:
        found += [(match.start(), kind, match) for match in pattern.finditer(text)]
    found.sort(key=lambda one: one[0])
    for match in _MEMINFO.finditer(text):
        before = [at for at, _, _ in found if at <= match.start()]
        last = max(before) if before else None
        if last is None or _MEMINFO.search(text, last, match.start()):
            found.append((match.start(), "memory", match))
    return sorted(found, key=lambda one: one[0])


def parse(text: str) -> list[Report]:
    """Every report in a text without prefixes, in order."""
    starts = _starts(text)
    reports = []
    first = starts[0][0] if starts else len(text)
    if _VICTIM.search(text, 0, first) or (not starts and _PANIC.search(text)):
        reports.append(_report("killed", None, text, 0, first))
    elif not starts and (_LIMIT.search(text) or _CONSTRAINT.search(text) or _COLUMNS.search(text)):
        reports.append(_report("killed", None, text, 0, len(text)))
    slub: Slub | None = None
    for at, (where, kind, match) in enumerate(starts):
        stop = starts[at + 1][0] if at + 1 < len(starts) else len(text)
        if kind == "slab" and at + 1 < len(starts) and starts[at + 1][1] == "failure" and stop - where < 800:
            slub = _slub(match, text[where:stop])  # one event: the page allocator says the same below
            continue
        report = _report(kind, match, text, where, stop)
        reports.append(report._replace(slub=slub) if slub is not None and kind == "failure" else report)
        slub = None
    if not starts and not reports:
        memory = parse_memory(text)
        if memory is not None and memory.zones:
            reports.append(_report("memory", None, text, 0, len(text)))
    return reports


def _who(text: str, at: int) -> str | None:
    """The name in front of `invoked oom-killer` and its like."""
    head = text[text.rfind("\n", 0, at) + 1 : at].strip(" :\t")
    return head[-64:] or None


def _report(kind: str, match: re.Match[str] | None, text: str, start: int, stop: int) -> Report:
    body = text[start:stop]
    head = body[:1500]
    release = _RELEASE.search(body)
    version = re.match(r"(\d+)\.(\d+)", (release[1] or release[2]) if release else "")
    numbers = (int(version[1]), int(version[2])) if version else None
    mask = re.search(_MASK, head)
    flags = gfp.decode(
        int(mask["mask"], 16) if mask and mask["mask"] else None, (mask["names"] or "") if mask else "", numbers
    )
    order = re.search(r"\border[:=]\s*(-?\d+)", head)
    constraint = _CONSTRAINT.search(body)
    details = dict(re.findall(r",\s*(\w+)=((?:\([^)]*\))|[^,\n]*)", constraint[2])) if constraint else {}
    limits = _limits(body)
    group, victim_group = _groups(body, details)
    if kind == "oom" and (
        group or limits or "CONSTRAINT_MEMCG" in body or re.search(wrapped("Memory cgroup out of memory"), body)
    ):
        kind = "memcg"
    if kind == "killed" and (group or limits or re.search(wrapped("Memory cgroup out of memory"), body)):
        kind = "memcg"
    if match is not None and kind == "failure" and "stall" in match["how"]:
        kind = "stall"
    memory = parse_memory(body)
    adjusted = re.search(r"oom_score_adj=(-?\d+)", head)
    comm = _who(text, start) if kind in ("oom", "memcg", "failure", "stall", "vmalloc") and match is not None else None
    return Report(
        kind,
        comm or None,
        _pid(body),
        int(order[1]) if order else None,
        flags,
        int(adjusted[1]) if adjusted else None,
        _nodes(head, "nodemask"),
        _nodes(body, "mems_allowed"),
        constraint[1] if constraint else None,
        group,
        victim_group,
        limits,
        _stats(body),
        (release[1] or release[2]).rstrip(",") if release else None,
        numbers,
        list(dict.fromkeys(m[1] for m in _FUNCTION.finditer(body))),
        memory,
        _tasks(body),
        _victims(body),
        _slub(match, body) if kind == "slab" else None,
        _PANIC.search(body) is not None,
        *_vmalloc(match, kind),
        _cma(match, body) if kind == "cma" else None,
        start,
    )


def _cma(match: re.Match[str] | None, body: str) -> Cma:
    told = _CMA_FREE.search(body)
    runs = [int(part.partition("@")[0]) for part in told["runs"].replace("+", " ").split()] if told else []
    wanted = int(match["pages"]) if match is not None else 0
    if told is None:
        return Cma(wanted, None, None, None)
    return Cma(wanted, int(told["free"]), int(told["total"]), max(runs, default=0))


def _vmalloc(match: re.Match[str] | None, kind: str) -> tuple[int | None, bool]:
    """(bytes asked for, whether addresses were short) of a failed vmalloc."""
    if kind != "vmalloc" or match is None:
        return None, False
    told = match["whole"] or match["part"] or match["size"] or match["area"]
    return int(told), match["area"] is not None


def _pid(body: str) -> int | None:
    match = re.search(r"\b(?:PID|Pid):\s*(\d+)", body)
    return int(match[1]) if match else None


def _nodes(text: str, label: str) -> list[int] | None:
    match = re.search(rf"\b{label}=([\d,-]+)", text)
    if not match:
        return None
    found: list[int] = []
    for part in match[1].strip(",-").split(","):
        first, _, last = part.partition("-")
        if is_digits(first) and (not last or is_digits(last)) and int(last or first) - int(first) < 4096:
            found += range(int(first), int(last or first) + 1)
    return found or None


def _groups(body: str, details: dict[str, str]) -> tuple[str | None, str | None]:
    task = _KILLED_FOR.search(body)
    stats = _STATS.search(body)
    group = details.get("oom_memcg") or (task[2] if task else None) or (stats[1].rstrip(":") if stats else None)
    return group, details.get("task_memcg") or (task[1] if task else None)


def _limits(body: str) -> list[Limit]:
    found: dict[str, Limit] = {}
    for m in _LIMIT.finditer(body):
        limit = int(m[3])
        found.setdefault(m[1], Limit(m[1], int(m[2]), limit if limit < MAX_LIMIT else None, int(m[4])))
    return list(found.values())


def _stats(body: str) -> dict[str, int]:
    """A group's own figures; `rss:12KB` of version 1, `anon 12288` of version 2."""
    match = _STATS.search(body)
    if not match:
        return {}
    groups = [
        {m[1]: int(m[2]) << 10 for m in re.finditer(r"([\w()]+):\s*(\d+)\s*KB", one[2])}
        for one in _STATS.finditer(body)
    ]
    if any(groups):  # a group's own pages only: of those below it the fullest
        return max(groups, key=lambda one: one.get("rss", 0) + one.get("cache", 0))
    stop = _COLUMNS.search(body, match.end())
    return {m[1]: int(m[2]) for m in _STATS_ROW.finditer(body, match.end(), stop.start() if stop else len(body))}


def _tasks(body: str) -> list[Task]:
    heading = _COLUMNS.search(body)
    if not heading:
        return []
    names = heading["more"].split()
    row = re.compile(_TASK + "".join(r"(-?\d+)\s+" for _ in names) + r"([^\n]*)")
    unit = {"nr_ptes": 0, "nr_pmds": 0, "nr_puds": 0, "pgtables_bytes": 1}
    page = 4096
    found = []
    seen: set[int] = set()
    for match in row.finditer(body, heading.end()):
        more = dict(zip(names, match.groups()[5:-1], strict=True))
        tables = [int(value) * (unit[name] or page) for name, value in more.items() if name in unit]
        adjusted = more.get("oom_score_adj", more.get("oom_adj"))
        if int(match[1]) in seen:
            continue
        seen.add(int(match[1]))
        found.append(
            Task(
                int(match[1]),
                int(match[2]),
                match.groups()[-1].strip(),
                int(match[4]),
                int(match[5]),
                sum(tables) if tables else None,
                int(more["swapents"]) if "swapents" in more else None,
                int(adjusted) if adjusted is not None else None,
                "oom_score_adj" not in more and "oom_adj" in more,
            )
        )
    return found


def _victims(body: str) -> list[Victim]:
    found: dict[int, Victim] = {}
    dead: set[int] = set()
    for m in _VICTIM.finditer(body):
        rest = re.sub(r"\s+", " ", m["rest"])
        kb = {name: int(value) for name, value in re.findall(r"([a-z]+(?:-[a-z]+)?):(\d+)kB", rest)}
        if "vsz" in kb:
            kb["total-vm"] = kb.pop("vsz")
        score = re.search(r"\bscore (\d+)", rest)
        adjusted = re.search(r"oom_score_adj:(-?\d+)", rest)
        pid, killed = int(m["pid"]), re.sub(r"\s+", " ", m["line"]).lstrip().lower()
        old = found.get(pid)
        if "killed process" in killed:
            dead.add(pid)
        found[pid] = Victim(
            pid,
            " ".join(m["comm"].split()),
            {**(old.kb if old else {}), **kb},
            int(score[1]) if score else old.score if old else None,
            int(adjusted[1]) if adjusted else old.oom_score_adj if old else None,
            killed.startswith("memory cgroup") or bool(old and old.memcg),
        )
    return [one for one in found.values() if one.pid in dead] or list(found.values())


def _slub(match: re.Match[str] | None, body: str) -> Slub:
    cache = re.search(r"cache:\s*([^,\s]+)", body)
    size = re.search(r"object size:\s*(\d+)", body)
    order = re.search(r"(?:default order|\border):\s*(\d+)", body)
    least = re.search(r"min order:\s*(\d+)", body)
    rows = re.finditer(r"node (\d+):\s*slabs:\s*(\d+)[^,]*,\s*objs:\s*(\d+)[^,\n]*(?:,\s*free:\s*(\d+))?", body)
    return Slub(
        int(match["node"]) if match is not None else -1,
        cache[1] if cache else None,
        int(size[1]) if size else None,
        int(order[1]) if order else None,
        int(least[1]) if least else None,
        [(int(m[1]), int(m[2]), int(m[3]), int(m[4]) if m[4] else None) for m in rows],
    )
