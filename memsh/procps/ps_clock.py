"""What ps knows besides the processes: the clock, the machine, how it was asked (procps-ng 4.0.2, ps/global.c)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from memsh.procps import figures
from memsh.procps.reader import ProcReader


@dataclass(slots=True)
class Clock:
    """What ps knows besides the process: the clock (seconds since 1970), boot time, uptime, memory (kB)."""

    reader: ProcReader
    now: int = 0
    boot: int = 0
    up: float = 0.0
    memory: int = 0
    pid_width: int = 5
    numeric: bool = False
    cumulative: bool = False
    command_only: bool = False
    full: bool = False
    environment: bool = False
    wide_signals: bool = False
    long: int = 8
    page: int = 4096

    @classmethod
    def read(cls, reader: ProcReader) -> Clock:
        """Gather it; what cannot be read stays 0."""
        clock = cls(reader)
        try:
            clock.boot = figures.stat(reader).boot_time
            clock.up = figures.uptime(reader)[0]
            clock.now = int(clock.boot + clock.up)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            clock.memory = figures.memory(reader).total
        clock.long, clock.page = figures.long_size(reader), figures.page_size(reader)
        with contextlib.suppress(OSError, ValueError):
            clock.pid_width = max(5, len(str(int(reader.read("/proc/sys/kernel/pid_max")) - 1)))
        return clock
