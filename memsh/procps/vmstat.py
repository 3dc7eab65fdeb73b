"""vmstat: virtual memory statistics (procps-ng 4.0.2, src/vmstat.c).

As in 4.0.2, the memory columns of a repeated report are those of its start: later releases read them again each time.
Arithmetic is that of a program of the tree's own word size: kB pass through a float, totals through an unsigned long.

Known deviations: -t shows the tree's own clock, in UTC.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from memsh.procps import figures
from memsh.procps.disks import disk_frames, disk_sum, partition_frames
from memsh.procps.figures import Memory, Stat, float32
from memsh.procps.options import Grammar, usage
from memsh.procps.reader import Frames, Pause, ProcReader, Result, finish
from memsh.procps.slabs import caches

USAGE = usage(
    "vmstat",
    "[options] [delay [count]]",
    " -a, --active           active/inactive memory\n"
    " -f, --forks            number of forks since boot\n"
    " -m, --slabs            slabinfo\n"
    " -n, --one-header       do not redisplay header\n"
    " -s, --stats            event counter statistics\n"
    " -d, --disk             disk statistics\n"
    " -D, --disk-sum         summarize disk statistics\n"
    " -p, --partition <dev>  partition specific statistics\n"
    " -S, --unit <char>      define display unit\n"
    " -w, --wide             wide output\n"
    " -t, --timestamp        show timestamp\n"
    " -y, --no-first         skips first line of output\n\n",
    "\nFor more details see vmstat(8).\n",
)
GRAMMAR = Grammar(
    "vmstat",
    "afmnsdDp:S:wthVy",
    {
        "active": "a",
        "forks": "f",
        "slabs": "m",
        "one-header": "n",
        "stats": "s",
        "disk": "d",
        "disk-sum": "D",
        "partition=": "p",
        "unit=": "S",
        "wide": "w",
        "timestamp": "t",
        "help": "h",
        "version": "V",
        "no-first": "y",
    },
    USAGE,
)
HZ = 100
UNITS = {"b": 1, "B": 1, "k": 1000, "K": 1024, "m": 1000000, "M": 1048576}
TITLE = "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----"
WIDE_TITLE = (
    "--procs-- -----------------------memory---------------------- ---swap-- -----io---- -system-- "
    "----------cpu----------"
)
WIDTHS = (2, 2, 6, 6, 6, 6, 4, 4, 5, 5, 4, 4, 2, 2, 2, 2, 2)
WIDE_WIDTHS = (4, 4, 12, 12, 12, 12, 4, 4, 5, 5, 4, 4, 3, 3, 3, 3, 3, 3)


@dataclass(slots=True)
class Settings:
    """What the options asked for."""

    active: bool = False
    wide: bool = False
    timestamp: bool = False
    skip_first: bool = False
    headers: bool = True
    unit: int = 1024
    unit_name: str = "K"
    partition: str = ""
    delay: int = 1
    count: int = 1
    endless: bool = False
    height: int = 21
    wrap: int = (1 << 64) - 1
    kb_per_page: int = 4


def run(reader: ProcReader, argv: list[str], width: int = 80, rows: int = 24) -> Result:
    """Print statistics; `argv` without the program's name."""
    return finish(frames(reader, argv, width, rows))


def frames(reader: ProcReader, argv: list[str], width: int = 80, rows: int = 24) -> Frames:
    """One line after another, with its delay between them."""
    settings = Settings()
    modes: set[str] = set()
    operands: list[str] = []
    for option, value in GRAMMAR.options(argv, operands):
        if option == "f":
            yield f"{_stat(reader).created:13} forks\n"
            return
        _option(settings, modes, option, value or "")
    if operands:
        settings.delay = GRAMMAR.integer(operands[0], "failed to parse argument")
        if settings.delay < 1:
            raise GRAMMAR.die("delay must be positive integer")
        settings.endless = True
    if len(operands) > 1:
        settings.count = GRAMMAR.integer(operands[1], "failed to parse argument")
        settings.endless = False
    if len(operands) > 2 or len(modes) > 1:
        raise GRAMMAR.fail()
    settings.height = rows - 3 if rows > 3 else 22
    settings.wrap = figures.ulong(reader)
    settings.kb_per_page = figures.page_size(reader) >> 10
    mode = next(iter(modes), "")
    if mode == "s":
        yield _sums(reader, settings)
    elif mode == "D":
        yield disk_sum(reader, GRAMMAR)
    elif mode == "m":
        yield from _repeat(settings, lambda: _slabs(reader, settings))
    elif mode == "d":
        yield from disk_frames(reader, GRAMMAR, settings)
    elif mode == "p":
        yield from partition_frames(reader, GRAMMAR, settings)
    else:
        yield from _report(reader, settings)


def _option(settings: Settings, modes: set[str], option: str, value: str) -> None:
    if option in "smdD":
        modes.add(option)
    elif option == "p":
        modes.add(option)
        settings.partition = value.removeprefix("/dev/")
    elif option == "S":
        if value[:1] not in UNITS:
            raise GRAMMAR.die("-S requires k, K, m or M (default is KiB)")
        settings.unit, settings.unit_name = UNITS[value[0]], value[0]
    elif option == "n":
        settings.headers = False
    elif option == "V":
        raise GRAMMAR.version()
    elif option == "h":
        raise GRAMMAR.help()
    else:
        name = {"a": "active", "w": "wide", "t": "timestamp", "y": "skip_first"}[option]
        setattr(settings, name, True)


def _stat(reader: ProcReader) -> Stat:
    try:
        return figures.stat(reader)
    except OSError:
        raise GRAMMAR.die("Unable to create system stat structure") from None


def _vmstat(reader: ProcReader) -> dict[str, int]:
    try:
        return figures.vmstat(reader)
    except OSError:
        raise GRAMMAR.die("Unable to create vmstat structure") from None


def _memory(reader: ProcReader) -> Memory:
    try:
        return figures.memory(reader)
    except OSError:
        raise GRAMMAR.die("Unable to create meminfo structure") from None


def convert(size: int, unit: int, wrap: int) -> int:
    """kB in another unit, through a C float (unitConvert)."""
    return int(float32(float32(float(size)) / unit * 1024)) & wrap


def _header(settings: Settings, reader: ProcReader) -> str:
    names = [
        "r",
        "b",
        "swpd",
        "free",
        "buff",
        "cache",
        "si",
        "so",
        "bi",
        "bo",
        "in",
        "cs",
        "us",
        "sy",
        "id",
        "wa",
        "st",
    ]
    if settings.active:
        names[4:6] = ["inact", "active"]
    title, widths = (WIDE_TITLE, WIDE_WIDTHS) if settings.wide else (TITLE, WIDTHS)
    if settings.wide:
        names.append("gu")
    line = " ".join(f"{name:>{size}}" for name, size in zip(names, widths, strict=True))
    if settings.timestamp:
        title += " -----timestamp-----"
        line += f" {'UTC':>19}"
    return f"{title}\n{line}\n"


def _line(settings: Settings, values: list[int], stamp: str) -> str:
    widths = WIDE_WIDTHS if settings.wide else WIDTHS
    text = " ".join(f"{value:{size}}" for value, size in zip(values, widths, strict=False))
    return text + (f" {stamp}" if settings.timestamp else "") + "\n"


def _stamp(reader: ProcReader, settings: Settings) -> str:
    if not settings.timestamp:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(figures.now(reader)))


def _percents(ticks: dict[str, int], guest: int) -> tuple[list[int], int]:
    use = ticks["user"] + ticks["nice"]
    system = ticks["system"] + ticks["irq"] + ticks["softirq"]
    idle, wait, steal = max(0, ticks["idle"]), ticks["iowait"], ticks["steal"]
    div = use + system + idle + wait + steal
    if not div:
        div = idle = 1
    half = div // 2
    use = use - guest if use >= guest else 0
    return [(100 * part + half) // div for part in (use, system, idle, wait, steal, guest)], div


def _report(reader: ProcReader, settings: Settings) -> Frames:
    wrap = settings.wrap
    events = _vmstat(reader)
    before = _stat(reader)
    memory = _memory(reader)
    yield _header(settings, reader)
    picked = (
        (memory.swap_used, memory.free, memory.inactive, memory.active)
        if settings.active
        else (memory.swap_used, memory.free, memory.buffers, memory.cached)
    )
    columns = [convert(value, settings.unit, settings.wrap) for value in picked]
    count = settings.count
    if settings.skip_first:
        count += 1
    else:
        percents, div = _percents(before.ticks, before.ticks["guest"] + before.ticks["guest_nice"])
        half = div // 2
        swapped = [events.get(name, 0) * settings.kb_per_page & wrap for name in ("pswpin", "pswpout")]
        swaps = [convert(value, settings.unit, wrap) for value in swapped]
        blocks = [events.get(name, 0) & wrap for name in ("pgpgin", "pgpgout")]
        rates = [
            ((value * HZ & wrap) + half) // div & wrap
            for value in (*swaps, *blocks, before.interrupts & wrap, before.switches & wrap)
        ]
        yield _line(settings, [before.running, before.blocked, *columns, *rates, *percents], _stamp(reader, settings))
    turn = 1
    debt = 0
    while settings.endless or turn < count:
        yield Pause(settings.delay, settings.endless)
        if settings.headers and turn % settings.height == 0:
            yield _header(settings, reader)
        after, later = _stat(reader), _vmstat(reader)
        ticks = {name: after.ticks[name] - before.ticks[name] for name in figures.TICKS}
        ticks["idle"] += debt
        debt = min(0, ticks["idle"])
        percents, _ = _percents(ticks, after.ticks["guest"] + after.ticks["guest_nice"])
        delta = {
            name: later.get(name, 0) - events.get(name, 0) & wrap
            for name in ("pswpin", "pswpout", "pgpgin", "pgpgout")
        }
        swapped = [delta[name] * settings.kb_per_page & wrap for name in ("pswpin", "pswpout")]
        amounts = [convert(value, settings.unit, wrap) for value in swapped]
        amounts += [delta["pgpgin"], delta["pgpgout"]]
        amounts += [after.interrupts - before.interrupts & wrap, after.switches - before.switches & wrap]
        rates = [(amount + settings.delay // 2) // settings.delay & wrap for amount in amounts]
        yield _line(settings, [after.running, after.blocked, *columns, *rates, *percents], _stamp(reader, settings))
        before, events = after, later
        turn += 1


def _repeat(settings: Settings, frame: Callable[[], str]) -> Frames:
    turn = 0
    while settings.endless or turn < settings.count:
        yield frame()
        turn += 1
        if settings.endless or turn < settings.count:
            yield Pause(settings.delay, settings.endless)


def _slabs(reader: ProcReader, settings: Settings) -> str:
    try:
        found = sorted(caches(reader), key=lambda cache: cache.name)
    except OSError:
        raise GRAMMAR.die("Unable to create slabinfo structure") from None
    heading = f"{'Cache':<24} {'Num':>6} {'Total':>6} {'Size':>6} {'Pages':>6}\n"
    lines = []
    for at, cache in enumerate(found):
        if settings.headers and at % settings.height == 0:
            lines.append(heading)
        lines.append(
            f"{cache.name[:24]:<24} {cache.active_objs:6} {cache.num_objs:6} {cache.obj_size:6} "
            f"{cache.objs_per_slab:6}\n"
        )
    return ("" if settings.headers else heading) + "".join(lines)


def _sums(reader: ProcReader, settings: Settings) -> str:
    counters, events, memory = _stat(reader), _vmstat(reader), _memory(reader)
    ticks = counters.ticks
    unit = settings.unit_name
    sizes = [
        ("total memory", memory.total),
        ("used memory", memory.used),
        ("active memory", memory.active),
        ("inactive memory", memory.inactive),
        ("free memory", memory.free),
        ("buffer memory", memory.buffers),
        ("swap cache", memory.cached),
        ("total swap", memory.swap_total),
        ("used swap", memory.swap_used),
        ("free swap", memory.swap_free),
    ]
    rest = [
        ("non-nice user cpu ticks", ticks["user"]),
        ("nice user cpu ticks", ticks["nice"]),
        ("system cpu ticks", ticks["system"]),
        ("idle cpu ticks", ticks["idle"]),
        ("IO-wait cpu ticks", ticks["iowait"]),
        ("IRQ cpu ticks", ticks["irq"]),
        ("softirq cpu ticks", ticks["softirq"]),
        ("stolen cpu ticks", ticks["steal"]),
        ("non-nice guest cpu ticks", ticks["guest"]),
        ("nice guest cpu ticks", ticks["guest_nice"]),
        ("K paged in", events.get("pgpgin", 0)),
        ("K paged out", events.get("pgpgout", 0)),
        ("pages swapped in", events.get("pswpin", 0)),
        ("pages swapped out", events.get("pswpout", 0)),
        ("interrupts", counters.interrupts & settings.wrap),
        ("CPU context switches", counters.switches & settings.wrap),
        ("boot time", counters.boot_time),
        ("forks", counters.created),
    ]
    lines = [f"{convert(value, settings.unit, settings.wrap):13} {unit} {label}\n" for label, value in sizes]
    lines += [f"{value:13} {label}\n" for label, value in rest]
    return "".join(lines)
