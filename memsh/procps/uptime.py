"""uptime: how long the box runs, and its load (procps-ng 4.0.2, src/uptime.c, library/uptime.c).

Known deviations: the clock is the tree's own (boot time plus uptime, UTC); nobody is ever logged in,
since /proc does not say.
"""

from __future__ import annotations

import time

from memsh.procps import figures
from memsh.procps.options import Grammar, usage
from memsh.procps.reader import Frames, ProcReader, Result, finish

USAGE = usage(
    "uptime",
    "[options]",
    " -p, --pretty   show uptime in pretty format\n"
    " -h, --help     display this help and exit\n"
    " -s, --since    system up since\n"
    " -V, --version  output version information and exit\n",
    "\nFor more details see uptime(1).\n",
    standard=False,
)
GRAMMAR = Grammar("uptime", "phsV", {"pretty": "p", "help": "h", "since": "s", "version": "V"}, USAGE)
PRETTY = (("decade", 315360000), ("year", 31536000), ("week", 604800), ("day", 86400), ("hour", 3600))


def run(reader: ProcReader, argv: list[str], width: int = 80) -> Result:
    """Print one line; `argv` without the program's name."""
    return finish(frames(reader, argv))


def frames(reader: ProcReader, argv: list[str], width: int = 80) -> Frames:
    """The one line."""
    pretty = False
    operands: list[str] = []
    for option, _ in GRAMMAR.options(argv, operands):
        if option == "p":
            pretty = True
        elif option == "h":
            raise GRAMMAR.help()
        elif option == "V":
            raise GRAMMAR.version()
        else:
            yield _since(reader)
            return
    if operands:
        raise GRAMMAR.fail()
    try:
        yield (sprint_short(reader) if pretty else sprint(reader)) + "\n"
    except OSError as error:
        raise GRAMMAR.die(f"Cannot get system uptime: {error.strerror}") from None


def _since(reader: ProcReader) -> str:
    try:
        seconds, _ = figures.uptime(reader)
        now = figures.now(reader)
    except OSError as error:
        raise GRAMMAR.die(f"Cannot get system uptime: {error.strerror}") from None
    return time.strftime("%Y-%m-%d %H:%M:%S\n", time.gmtime(int(now - int(seconds) + 0.5)))


def sprint(reader: ProcReader) -> str:
    """The line that uptime, w and top begin with (without its newline). Raises OSError without /proc/uptime."""
    seconds = int(figures.uptime(reader)[0])
    try:
        clock = figures.now(reader)
    except OSError:
        clock = seconds
    text = time.strftime(" %H:%M:%S up ", time.gmtime(clock))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        text += f"{days} {'days' if days > 1 else 'day'}, "
    text += f"{hours:2}:{minutes:02}, " if hours else f"{minutes} min, "
    try:
        loads = [float(word) for word in reader.read("/proc/loadavg").split()[:3]]
    except OSError:
        loads = [0.0, 0.0, 0.0]
    return text + f"{0:2} user,  load average: {loads[0]:.2f}, {loads[1]:.2f}, {loads[2]:.2f}"


def sprint_short(reader: ProcReader) -> str:
    """`up 2 days, 3 hours, 1 minute`. Raises OSError without /proc/uptime."""
    left, _ = figures.uptime(reader)
    parts = []
    for name, size in PRETTY:
        if left > size:
            count = int(left) // size
            left -= count * size
            if count:
                parts.append(f"{count} {name}{'s' if count > 1 else ''}")
    minutes = int(left) // 60 if left > 60 else 0
    left -= minutes * 60
    if minutes or left < 60:
        parts.append(f"{minutes} {'minute' if minutes == 1 else 'minutes'}")
    return "up " + ", ".join(parts)
