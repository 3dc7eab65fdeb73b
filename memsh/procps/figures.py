"""The files of /proc that several tools read, taken apart (libproc2's meminfo.c, vmstat.c, stat.c)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from memsh.digits import is_digits
from memsh.procps.reader import ProcReader
from memsh.proctext.labels import pairs
from memsh.proctext.lines import numbers

PAGE_SIZES = (4096, 8192, 16384, 65536)


def long_size(reader: ProcReader) -> int:
    """Bytes of a C long in the machine that the tree was taken from: 8 unless the tree is a 32-bit machine's.

    A 64-bit machine's vmalloc area has 16 TiB and more, a 32-bit machine's at most 4 GiB.
    """
    try:
        return _long_size(pairs(reader.read("/proc/meminfo"), ":"))
    except OSError:
        return 8


def _long_size(meminfo: dict[str, int]) -> int:
    return 4 if 0 < meminfo.get("VmallocTotal", 0) < 4 << 20 else 8


def ulong(reader: ProcReader) -> int:
    """Where the machine's unsigned long wraps, as a mask."""
    return (1 << 8 * long_size(reader)) - 1


def page_size(reader: ProcReader) -> int:
    """Bytes of a page in the machine that the tree was taken from: as the reader was told, as the tree's own figures
    say (pages of vmstat against kB of meminfo, KernelPageSize), else 4096."""
    told: int = getattr(reader, "page_size", 0)
    if told:
        return told
    for path in ("/proc/self/smaps", "/proc/1/smaps"):
        try:
            text = reader.read(path)
        except OSError:
            continue
        sizes = [int(word) << 10 for word in re.findall(r"^KernelPageSize: +(\d+) kB", text, re.MULTILINE)]
        if sizes and min(sizes) in PAGE_SIZES:
            return min(sizes)
    try:
        pages, free = vmstat(reader).get("nr_free_pages", 0), pairs(reader.read("/proc/meminfo"), ":").get("MemFree", 0)
    except OSError:
        return 4096
    size = free * 1024 / pages if pages > 1024 else 0  # the two were read one after the other: nearly a power of two
    return next((one for one in PAGE_SIZES if abs(size - one) * 8 < one), 4096)


def float32(value: float) -> float:
    """What a C float keeps of a number."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


@dataclass(slots=True)
class Memory:
    """/proc/meminfo with what libproc2 derives from it; kB."""

    total: int
    used: int
    free: int
    shared: int
    buffers: int
    cached: int
    available: int
    low_total: int
    low_used: int
    low_free: int
    high_total: int
    high_used: int
    high_free: int
    swap_total: int
    swap_used: int
    swap_free: int
    active: int
    inactive: int
    commit_limit: int
    committed: int


def memory(reader: ProcReader) -> Memory:
    """Read /proc/meminfo. Raises OSError if it cannot be read. (library/meminfo.c, meminfo_read_failed)"""
    raw = pairs(reader.read("/proc/meminfo"), ":")
    wrap = (1 << 8 * _long_size(raw)) - 1

    def get(name: str) -> int:
        return raw.get(name, 0)

    total, free = get("MemTotal"), get("MemFree")
    available = get("MemAvailable") or free
    if available > total:
        available = free
    used = total - available
    if used < 0:
        used = total - free
    low_total, low_free = get("LowTotal"), get("LowFree")
    if not low_total:
        low_total, low_free = total, free
    return Memory(
        total=total,
        used=used & wrap,
        free=free,
        shared=get("Shmem"),
        buffers=get("Buffers"),
        cached=get("Cached") + get("SReclaimable"),
        available=available,
        low_total=low_total,
        low_used=max(0, low_total - low_free),
        low_free=low_free,
        high_total=get("HighTotal"),
        high_used=max(0, get("HighTotal") - get("HighFree")),
        high_free=get("HighFree"),
        swap_total=get("SwapTotal"),
        swap_used=max(0, get("SwapTotal") - get("SwapFree")),
        swap_free=get("SwapFree"),
        active=get("Active"),
        inactive=get("Inactive"),
        commit_limit=get("CommitLimit"),
        committed=get("Committed_AS"),
    )


TICKS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")


@dataclass(slots=True)
class Stat:
    """/proc/stat: ticks of all CPUs together and the counters below them."""

    ticks: dict[str, int]
    interrupts: int
    switches: int
    boot_time: int
    created: int
    running: int
    blocked: int


def cpus(text: str) -> dict[int, dict[str, int]]:
    """Ticks of each CPU, from the text of /proc/stat."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0].startswith("cpu") and is_digits(words[0][3:]):
            ticks = numbers(words[1:11])
            found[int(words[0][3:])] = dict(zip(TICKS, ticks + [0] * (10 - len(ticks)), strict=True))
    return found


def stat(reader: ProcReader) -> Stat:
    """Read /proc/stat. Raises OSError if it cannot be read. (library/stat.c, stat_read_failed)"""
    first: list[int] = []
    values: dict[str, int] = {}
    for line in reader.read("/proc/stat").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "cpu":
            first = numbers(words[1:11])
        elif len(words) > 1 and is_digits(words[1]):
            values[words[0]] = int(words[1])
    ticks = dict(zip(TICKS, first + [0] * (10 - len(first)), strict=True))
    return Stat(
        ticks=ticks,
        interrupts=values.get("intr", 0),
        switches=values.get("ctxt", 0),
        boot_time=values.get("btime", 0),
        created=values.get("processes", 0),
        running=values.get("procs_running", 0),
        blocked=values.get("procs_blocked", 0),
    )


def vmstat(reader: ProcReader) -> dict[str, int]:
    """Read /proc/vmstat. Raises OSError if it cannot be read."""
    return pairs(reader.read("/proc/vmstat"))


def uptime(reader: ProcReader) -> tuple[float, float]:
    """(seconds up, seconds idle). Raises OSError if /proc/uptime cannot be read."""
    words = reader.read("/proc/uptime").split()
    if len(words) < 2:
        raise OSError(34, "Numerical result out of range")
    return float(words[0]), float(words[1])


def now(reader: ProcReader) -> int:
    """The tree's own clock: boot time plus uptime, in seconds since 1970."""
    return int(stat(reader).boot_time + uptime(reader)[0])
