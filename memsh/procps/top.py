"""top in batch mode: a summary and the processes that use most (procps-ng 4.0.2, src/top/top.c).

Known deviations: the default window only (no configuration file, no keys), so that -o takes any field's name but the
columns stay; the clock is the tree's own, in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from memsh.digits import is_digits
from memsh.procps import figures, uptime
from memsh.procps.figures import TICKS, Memory, float32
from memsh.procps.options import Grammar
from memsh.procps.processes import HZ, Process, processes, threads, user_name
from memsh.procps.ps_clock import Clock
from memsh.procps.ps_columns import COLUMNS
from memsh.procps.reader import Exit, Frames, Pause, ProcReader, Result, finish

USAGE = (
    "\nUsage:\n top [options]\n\nOptions:\n"
    " -b, --batch-mode                run in non-interactive batch mode\n"
    " -c, --cmdline-toggle            reverse last remembered 'c' state\n"
    " -d, --delay =SECS [.TENTHS]     iterative delay as SECS [.TENTHS]\n"
    " -E, --scale-summary-mem =SCALE  set mem as: k,m,g,t,p,e for SCALE\n"
    " -e, --scale-task-mem =SCALE     set mem with: k,m,g,t,p for SCALE\n"
    " -H, --threads-show              show tasks plus all their threads\n"
    " -i, --idle-toggle               reverse last remembered 'i' state\n"
    " -n, --iterations =NUMBER        exit on maximum iterations NUMBER\n"
    " -O, --list-fields               output all field names, then exit\n"
    " -o, --sort-override =FIELD      force sorting on this named FIELD\n"
    " -p, --pid =PIDLIST              monitor only the tasks in PIDLIST\n"
    " -S, --accum-time-toggle         reverse last remembered 'S' state\n"
    " -s, --secure-mode               run with secure mode restrictions\n"
    " -U, --filter-any-user =USER     show only processes owned by USER\n"
    " -u, --filter-only-euser =USER   show only processes owned by USER\n"
    " -w, --width [=COLUMNS]          change print width [,use COLUMNS]\n"
    " -1, --single-cpu-toggle         reverse last remembered '1' state\n\n"
    " -h, --help                      display this help text, then exit\n"
    " -V, --version                   output version information & exit\n"
    "\nFor more details see top(1).\n"
)
GRAMMAR = Grammar(
    "top",
    "bcd:E:e:Hhin:Oo:p:SsU:u:Vw::1",
    {
        "batch-mode": "b",
        "cmdline-toggle": "c",
        "delay=": "d",
        "scale-summary-mem=": "E",
        "scale-task-mem=": "e",
        "threads-show": "H",
        "help": "h",
        "idle-toggle": "i",
        "iterations=": "n",
        "list-fields": "O",
        "sort-override=": "o",
        "pid=": "p",
        "accum-time-toggle": "S",
        "secure-mode": "s",
        "filter-any-user=": "U",
        "filter-only-euser=": "u",
        "version": "V",
        "width?": "w",
        "single-cpu-toggle": "1",
    },
    "",
    wrong=0,  # top leaves the complaint to getopt, and is content
)
SUMMARY_UNITS = {"k": ("KiB", 0), "m": ("MiB", 1), "g": ("GiB", 2), "t": ("TiB", 3), "p": ("PiB", 4), "e": ("EiB", 5)}


@dataclass(slots=True)
class Settings:
    """What the options asked for."""

    delay: float = 3.0
    loops: int = 0
    pids: list[int] = field(default_factory=list)
    key: str = "%CPU"
    rising: bool = False
    width: int = 80
    full: bool = False
    hide_idle: bool = False
    cumulative: bool = False
    threads: bool = False
    each_cpu: bool = False
    user: int | None = None
    unit: str = "m"
    task_unit: int = 0


@dataclass(slots=True)
class Row:
    """One process with what one frame knows of it."""

    one: Process
    percent: float
    memory: float


def _pr(row: Row) -> float:
    return row.one.stat["priority"]


def _ni(row: Row) -> float:
    return row.one.stat["nice"]


def _virt(row: Row) -> float:
    return row.one.statm[0]


def _res(row: Row) -> float:
    return row.one.statm[1]


def _shr(row: Row) -> float:
    return row.one.statm[2]


def _cpu(row: Row) -> float:
    return row.percent


def _pid(row: Row) -> float:
    return row.one.pid


def _ticks(row: Row) -> float:
    return row.one.ticks


def _state(row: Row) -> str:
    return row.one.state


def _command(row: Row) -> str:
    return row.one.comm


def _user(row: Row) -> str:
    return user_name(row.one.uid(1))


KEYS: dict[str, Callable[[Row], float | str]] = {
    "PID": _pid,
    "USER": _user,
    "PR": _pr,
    "NI": _ni,
    "VIRT": _virt,
    "RES": _res,
    "SHR": _shr,
    "S": _state,
    "%CPU": _cpu,
    "%MEM": _res,
    "TIME": _ticks,
    "TIME+": _ticks,
    "COMMAND": _command,
}


_NAMES = """PID PPID UID USER RUID RUSER SUID SUSER GID GROUP PGRP TTY TPGID SID PR NI nTH P %CPU TIME TIME+ %MEM VIRT
 SWAP RES CODE DATA SHR nMaj nMin nDRT S COMMAND WCHAN Flags CGROUPS SUPGIDS SUPGRPS TGID OOMa OOMs ENVIRON vMj vMn USED
 nsIPC nsMNT nsNET nsPID nsUSER nsUTS LXC RSan RSfd RSlk RSsh CGNAME NU LOGID EXE RSS PSS PSan PSfd PSsh USS ioR ioRop
 ioW ioWop AGID AGNI STARTED ELAPSED %CUU %CUC nsCGROUP nsTIME"""
FIELDS = tuple(_NAMES.split())
"""Every field's name, as -O lists them."""
_AS_PS = {
    "P": "psr", "nTH": "nlwp", "nMaj": "majflt", "nMin": "minflt", "CGROUPS": "cgroup", "OOMa": "oomadj", "OOMs": "oom",
    "LOGID": "luid", "NU": "numa", "AGID": "ag_id", "AGNI": "ag_nice", "STARTED": "start_time", "TTY": "tty",
    "ioR": "rbytes", "ioRop": "rops", "ioW": "wbytes", "ioWop": "wops", "Flags": "f", "%CUU": "cuu", "%CUC": "cuc",
    "ELAPSED": "etimes",
}  # fmt: skip
_OF_STATUS = {
    "SWAP": "VmSwap", "CODE": "VmExe", "DATA": "VmData", "RSan": "RssAnon", "RSfd": "RssFile", "RSsh": "RssShmem",
    "RSlk": "VmLck", "RSS": "VmRSS",
}  # fmt: skip


def _sort_key(name: str, reader: ProcReader) -> Callable[[Row], Any]:
    """What a field sorts by; fields that are not shown are taken as ps has them."""
    if name in KEYS:
        return KEYS[name]
    if name in _OF_STATUS:
        return lambda row: row.one.kb(_OF_STATUS[name])
    if name == "USED":
        return lambda row: row.one.kb("VmRSS") + row.one.kb("VmSwap")

    column = COLUMNS.get(_AS_PS.get(name, f"{name[2:].lower()}ns" if name[:2] == "ns" else name.lower()))
    clock = Clock.read(reader)

    def key(row: Row) -> tuple[float, str]:
        text = column.show(row.one, clock).strip() if column is not None else ""
        try:
            return float(text), ""
        except ValueError:
            return 0.0, text

    return key


def run(reader: ProcReader, argv: list[str], width: int = 80) -> Result:
    """Print frames; `argv` without the program's name."""
    return finish(frames(reader, argv, width))


FIRST_SAMPLE = 0.15
"""Seconds between the two samples of the first frame."""


def frames(reader: ProcReader, argv: list[str], width: int = 80) -> Frames:
    """One frame after another, an empty line between them; without -n for ever."""
    settings = parse(argv, width)
    sampler = Sampler(reader, settings)
    if getattr(reader, "live", False):  # the first frame's percentages are those of a short while before it
        sampler.sample()
        yield Pause(FIRST_SAMPLE)
    turn = 0
    while True:
        sampler.sample()
        yield ("\n" if turn else "") + sampler.text()
        turn += 1
        if settings.loops and turn >= settings.loops:
            return
        yield Pause(settings.delay, not settings.loops)


class Sampler:
    """What top knows between two frames: the processes, and the ticks that they had at the sample before."""

    def __init__(self, reader: ProcReader, settings: Settings) -> None:
        self.reader, self.settings = reader, settings
        self.page = figures.page_size(reader) >> 10  # kB
        self.before: tuple[dict[str, int], dict[int, int], float] | None = None
        self.found: list[Process] = []
        self.rows: list[Row] = []
        self.cpus: list[dict[int, dict[str, int]]] = []  # of the sample before, and of this one
        self.sampled: tuple[dict[str, int], dict[str, int], Memory | None] = ({}, {}, None)

    def sample(self) -> None:
        """Read /proc; percentages are those since the sample before."""
        reader, settings = self.reader, self.settings
        try:
            found = processes(reader)
        except OSError as error:
            raise GRAMMAR.die(f"failed openproc: {error.strerror}") from None
        found = [one for one in found if _shown(one, settings)]
        if settings.pids:
            found.sort(key=lambda one: settings.pids.index(one.pid))
        if settings.threads:
            found = [thread for one in found for thread in threads(one)]
        if settings.each_cpu:
            self.cpus = [*self.cpus[-1:], figures.cpus(reader.read("/proc/stat"))]
        ticks, now = _clock(reader)
        spent_now = {one.tid or one.pid: one.ticks for one in found}
        old = self.before or (ticks, spent_now, now)
        memory = _memory(reader)
        span = (now - old[2]) * HZ
        total = memory.total if memory else 0
        self.rows = []
        for one in found:
            spent = one.ticks - old[1].get(one.tid or one.pid, one.ticks)
            share = float32(one.statm[1] * self.page) * 100 / total if total else 0.0
            self.rows.append(Row(one, spent * 100 / span if span > 0 else 0.0, share))
        self.found = found
        self.sampled = (ticks, old[0], memory)
        self.before = (ticks, spent_now, now)

    def text(self) -> str:
        """The frame, as the settings are now."""
        ticks, old, memory = self.sampled
        shown = _cpu_line("(s)", ticks, old)
        if self.settings.each_cpu:
            now, before = self.cpus[-1], self.cpus[0]
            shown = "".join(_cpu_line(f"{at:<3}", now[at], before.get(at, now[at])) for at in now)
        return _summary(self.reader, self.found, shown, memory, self.settings) + _table(
            self.rows, self.reader, self.settings
        )


def parse(argv: list[str], width: int) -> Settings:
    """What the options ask for; Exit for --help and what top refuses."""
    settings = Settings(width=width)
    operands: list[str] = []
    given: set[str] = set()
    for option, value in GRAMMAR.options(_joined(argv), operands):
        if option == "h":
            raise Exit(0, stdout=USAGE)
        if option == "V":
            raise GRAMMAR.version()
        if option == "O":
            raise Exit(0, stdout="".join(f"{name}\n" for name in FIELDS))
        if option in TOGGLES:
            setattr(settings, TOGGLES[option], True)
        elif option in TAKES:
            given |= {"U" if option == "u" else option} & {"p", "U"}
            if given == {"p", "U"} or (option in "uU" and settings.user is not None):
                raise GRAMMAR.die("conflicting process selections (U/p/u)")
            TAKES[option](settings, (value or "").removeprefix("="))
    if operands:
        raise GRAMMAR.die(f"unknown option '{operands[0]}'")
    return settings


def _delay(settings: Settings, text: str) -> None:
    if re.fullmatch(r"-[0-9]+\.?[0-9]*|-\.[0-9]+", text):
        raise GRAMMAR.die("-d requires positive argument")
    if not re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", text):
        raise GRAMMAR.die(f"bad delay interval '{text}'")
    settings.delay = float(text)


def _iterations(settings: Settings, text: str) -> None:
    if not _digits(text) or int(text) < 1:
        raise GRAMMAR.die(f"bad iterations argument '{text}'")
    settings.loops = int(text)


def _pids(settings: Settings, text: str) -> None:
    for word in text.split(","):
        if not _digits(word):
            raise GRAMMAR.die(f"bad pid '{word}'")
        if int(word) not in settings.pids:
            settings.pids.append(int(word))


def _sort_field(settings: Settings, text: str) -> None:
    settings.rising = text.startswith("-")
    name = text.lstrip("+-")
    settings.key = next((one for one in FIELDS if one.upper() == name.upper()), "")
    if not settings.key:
        raise GRAMMAR.die(f"unrecognized field name '{name}'")


def _width(settings: Settings, text: str) -> None:
    if text and (not _digits(text) or not 3 <= int(text) <= 512):
        raise GRAMMAR.die(f"bad width arg '{text}'")
    settings.width = int(text or 512)


def _summary_unit(settings: Settings, text: str) -> None:
    settings.unit = _scale(text, "kmgtpe")


def _task_unit(settings: Settings, text: str) -> None:
    settings.task_unit = SUMMARY_UNITS[_scale(text, "kmgtp")][1]


def _scale(text: str, units: str) -> str:
    if len(text) != 1 or text.lower() not in units:
        raise GRAMMAR.die(f"bad memory scaling arg '{text}'")
    return text.lower()


def _only_user(settings: Settings, text: str) -> None:
    if text != "root" and not _digits(text):
        raise GRAMMAR.die("Invalid user")
    settings.user = 0 if text == "root" else int(text)


def _digits(text: str) -> bool:
    return is_digits(text)


TOGGLES = {"c": "full", "i": "hide_idle", "S": "cumulative", "H": "threads", "1": "each_cpu"}
TAKES: dict[str, Callable[[Settings, str], None]] = {
    "d": _delay,
    "E": _summary_unit,
    "e": _task_unit,
    "n": _iterations,
    "o": _sort_field,
    "p": _pids,
    "U": _only_user,
    "u": _only_user,
    "w": _width,
}  # -b and -s change nothing here: every frame is a batch's, and no key is taken that -s would forbid


def _joined(argv: list[str]) -> list[str]:
    """top takes the argument of -w as a word of its own too."""
    words: list[str] = []
    for word in argv:
        if words and re.fullmatch(r"-\w*w", words[-1]) and _digits(word):
            words[-1] += word
        else:
            words.append(word)
    return words


def _shown(one: Process, settings: Settings) -> bool:
    if settings.user is not None and one.uid(1) != settings.user:
        return False
    return not settings.pids or one.pid in settings.pids


def _clock(reader: ProcReader) -> tuple[dict[str, int], float]:
    try:
        return figures.stat(reader).ticks, figures.uptime(reader)[0]
    except OSError:
        return dict.fromkeys(TICKS, 0), 0.0


def _memory(reader: ProcReader) -> Memory | None:
    try:
        return figures.memory(reader)
    except OSError:
        return None


def _summary(
    reader: ProcReader,
    found: list[Process],
    cpus: str,
    memory: Memory | None,
    settings: Settings,
) -> str:
    try:
        lines = [f"top -{uptime.sprint(reader)}\n"]
    except OSError:
        lines = []
    what = "Threads" if settings.threads else "Tasks"
    states = [one.state for one in found]
    running = states.count("R")
    stopped = states.count("T") + states.count("t")
    zombie = states.count("Z")
    sleeping = len(states) - running - stopped - zombie
    lines.append(
        f"{what}: {len(states):3} total, {running:3} running, {sleeping:3} sleeping, {stopped:3} stopped, "
        f"{zombie:3} zombie\n"
    )
    lines.append(cpus)
    if memory:
        label, power = SUMMARY_UNITS[settings.unit]

        def unit(kb: int) -> str:
            value = float32(float(kb)) / 1024**power
            text = f"{value:.1f} " if power else f"{value:.0f} "
            return f"{text if len(text) < 10 else text[:8] + '+':>9.9}"

        cache = memory.buffers + memory.cached
        lines.append(
            f"{label} Mem : {unit(memory.total)}total, {unit(memory.free)}free, {unit(memory.used)}used, "
            f"{unit(cache)}buff/cache     \n"
        )
        lines.append(
            f"{label} Swap: {unit(memory.swap_total)}total, {unit(memory.swap_free)}free, "
            f"{unit(memory.swap_used)}used. {unit(memory.available)}avail Mem \n"
        )
    return "".join(lines)


def _cpu_line(label: str, ticks: dict[str, int], old: dict[str, int]) -> str:
    """`%Cpu(s):` or `%Cpu0  :`, and how its time was spent since the sample before."""
    spent = {name: max(0, ticks[name] - old[name]) for name in TICKS[:8]}
    total = sum(spent.values())
    if not total:
        total = spent["idle"] = 1
    names = ("user", "system", "nice", "idle", "iowait", "irq", "softirq", "steal")
    labels = ("us", "sy", "ni", "id", "wa", "hi", "si", "st")
    parts = ",".join(f"{spent[n] * 100 / total:5.1f} {text}" for n, text in zip(names, labels, strict=True))
    return f"%Cpu{label}:{parts} \n"


def scale_mem(kb: float, width: int, least: int = 0) -> str:
    """A size in as many columns: kB, or with one decimal and m, g, t, p."""
    for at, suffix in enumerate(("", "m", "g", "t", "p")):
        text = f"{kb:.1f}{suffix}" if suffix else f"{kb:.0f}"
        if at >= least and len(text) <= width:
            return f"{text:>{width}}"
        kb /= 1024.0
    return f"{'?':>{width}}"


def scale_tics(ticks: int, width: int = 9) -> str:
    """CPU time as minutes:seconds.hundredths while that fits, else hours, days, weeks."""
    cents = ticks * 100 // HZ
    seconds = cents // 100
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    forms = []
    if minutes <= 360:
        forms += [f"{minutes}:{seconds % 60:02}.{cents % 100:02}", f"{minutes}:{seconds % 60:02}"]
    if hours <= 96:
        forms.append(f"{hours},{minutes % 60:02}")
    if days <= 14:
        forms += [f"{days}d+{hours % 24}h", f"{days}d"]
    forms += [f"{days // 7}w+{days % 7}d", f"{days // 7}w"]
    return f"{next((text for text in forms if len(text) <= width), '?'):>{width}}"


def _percent(value: float, width: int = 5) -> str:
    text = f"{value:.1f}"
    return f"{text if len(text) <= width else f'{value:.0f}':>{width}}"


def _table(rows: list[Row], reader: ProcReader, settings: Settings) -> str:
    try:
        digits = max(5, len(str(int(reader.read("/proc/sys/kernel/pid_max")) - 1)))
    except (OSError, ValueError):
        digits = 5
    if settings.hide_idle:
        rows = [row for row in rows if row.percent > 0 or row.one.state == "R"]
    rows = sorted(rows, key=_sort_key(settings.key, reader), reverse=not settings.rising)
    lines = [
        f"\n{'PID':>{digits}} USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND"[
            : settings.width + 1
        ]
    ]
    unit, page = settings.task_unit, figures.page_size(reader) >> 10
    for row in rows:
        one = row.one
        user = user_name(one.uid(1))
        number = one.tid or one.pid
        priority = "rt" if one.stat["priority"] < -99 else str(one.stat["priority"])
        spent = one.ticks + (one.stat["cutime"] + one.stat["cstime"] if settings.cumulative else 0)
        text = (
            f"{number:>{digits}} {user if len(user) < 9 else user[:7] + '+':<8} {priority:>3} {one.stat['nice']:>3} "
            f"{scale_mem(one.statm[0] * page, 7, unit)} {scale_mem(one.statm[1] * page, 6, unit)} "
            f"{scale_mem(one.statm[2] * page, 6, unit)} {one.state} "
            f"{_percent(row.percent)} {_percent(row.memory)} {scale_tics(spent)} "
        )
        name = one.cmdline if settings.full else one.comm
        room = settings.width - 1 - len(text)
        if len(name) > room > 0:
            name = name[: room - 1] + "+"
        lines.append((text + name)[: settings.width].rstrip())
    return "\n".join(lines) + "\n"
