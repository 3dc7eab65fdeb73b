"""/proc/diskstats for vmstat -d, -D and -p (procps-ng 4.0.2, src/vmstat.c, library/diskstats.c).

Known deviations: libproc2 asks /sys/block whether a name is a whole disk; here a name that is
another listed name and a number is a partition of that one.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from memsh.procps.options import Grammar
from memsh.procps.reader import Frames, Pause, ProcReader

TITLE = "disk- ------------reads------------ ------------writes----------- -----IO------"
WIDE_TITLE = (
    "disk- -------------------reads------------------- -------------------writes------------------ ------IO-------"
)
WIDTHS = (6, 6, 7, 7, 6, 6, 7, 7, 6, 6)
WIDE_WIDTHS = (9, 9, 11, 11, 9, 9, 11, 11, 7, 7)
COLUMNS = ("total", "merged", "sectors", "ms", "total", "merged", "sectors", "ms", "cur", "sec")


class Repetition(Protocol):
    """The part of vmstat's settings that is needed here."""

    wide: bool
    headers: bool
    partition: str
    delay: int
    count: int
    endless: bool
    height: int


class Disk(NamedTuple):
    """One line of /proc/diskstats: the name, the first eleven counters, whether it is a whole disk."""

    name: str
    counters: list[int]
    whole: bool


def disks(reader: ProcReader, grammar: Grammar) -> list[Disk]:
    """Every device in the file's order."""
    try:
        lines = reader.read("/proc/diskstats").splitlines()
    except OSError:
        raise grammar.die("Unable to create diskstat structure") from None
    found: list[Disk] = []
    for line in lines:
        words = line.split()
        if len(words) >= 14:
            stem = words[2].rstrip("0123456789")
            parent = {stem, stem.removesuffix("p")} - {words[2]}
            whole = not any(disk.name in parent for disk in found)
            found.append(Disk(words[2], [int(word) for word in words[3:14]], whole))
    return found


def _heading(settings: Repetition) -> str:
    title, widths = (WIDE_TITLE, WIDE_WIDTHS) if settings.wide else (TITLE, WIDTHS)
    names = " ".join(f"{name:>{size}}" for name, size in zip(COLUMNS, widths, strict=True))
    return f"{title}\n{' ':>5} {names}\n"


def disk_frames(reader: ProcReader, grammar: Grammar, settings: Repetition) -> Frames:
    """vmstat -d: a table of whole disks."""
    if not settings.headers:
        yield _heading(settings)
    turn = 0
    while settings.endless or turn < settings.count:
        widths = WIDE_WIDTHS if settings.wide else WIDTHS
        for at, disk in enumerate(disks(reader, grammar)):
            if not disk.whole:
                continue
            if settings.headers and at % settings.height == 0:
                yield _heading(settings)
            values = [*disk.counters[:8], disk.counters[8] // 1000, disk.counters[9] // 1000]
            yield f"{disk.name:<5} " + " ".join(f"{v:{size}}" for v, size in zip(values, widths, strict=True)) + "\n"
        turn += 1
        if settings.endless or turn < settings.count:
            yield Pause(settings.delay, settings.endless)


def disk_sum(reader: ProcReader, grammar: Grammar) -> str:
    """vmstat -D: the disks' counters added up."""
    found = disks(reader, grammar)
    whole = [disk for disk in found if disk.whole]
    sums = [sum(disk.counters[at] for disk in whole) for at in range(11)]
    for at in (8, 9, 10):
        sums[at] = sum(disk.counters[at] // 1000 for disk in whole)
    labels = (
        "total reads",
        "merged reads",
        "read sectors",
        "milli reading",
        "writes",
        "merged writes",
        "written sectors",
        "milli writing",
        "inprogress IO",
        "milli spent IO",
        "milli weighted IO",
    )
    lines = [f"{len(whole):13} disks\n", f"{len(found) - len(whole):13} partitions\n"]
    lines += [f"{value:13} {label}\n" for label, value in zip(labels, sums, strict=True)]
    return "".join(lines)


def partition_frames(reader: ProcReader, grammar: Grammar, settings: Repetition) -> Frames:
    """vmstat -p: one device's reads and writes."""
    name = settings.partition
    turn = 0
    while settings.endless or turn < settings.count:
        disk = next((disk for disk in disks(reader, grammar) if disk.name == name), None)
        if disk is None:
            raise grammar.die(f"Disk/Partition {name} not found")
        if not turn:
            yield f"{name:<10} {'reads':>10}  {'read sectors':>16}  {'writes':>10}  {'requested writes':>16}\n"
        c = disk.counters
        yield f"{c[0]:21}  {c[2]:16}  {c[4]:10}  {c[6]:16}\n"
        turn += 1
        if settings.endless or turn < settings.count:
            yield Pause(settings.delay, settings.endless)
