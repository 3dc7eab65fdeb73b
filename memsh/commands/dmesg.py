"""dmesg: the kernel log (util-linux 2.38.1, sys-utils/dmesg.c).

Known deviations: no pager and no colours.
"""

from __future__ import annotations

import time

from memsh.commands.tools import reader_of
from memsh.digits import is_digits
from memsh.linux.box import Box
from memsh.linux.kernel.printk import Record
from memsh.procfs import tree
from memsh.shell import IO, Args, ShellError, command, opt
from memsh.textutils.clock import now

TOPIC = "tools"
LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
FACILITIES = ("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp")


def _level_list(word: str) -> list[int]:
    found: list[int] = []
    for name in word.split(","):
        bare = name.strip("+")
        if bare not in LEVELS:
            raise ValueError(f"unknown level '{name}'")
        at = LEVELS.index(bare)
        found += range(at + 1) if name.endswith("+") else range(at, 8) if name.startswith("+") else [at]
    return found


def _facilities(word: str) -> list[str]:
    for name in word.split(","):
        if name not in FACILITIES:
            raise ValueError(f"unknown facility '{name}'")
    return word.split(",")


def _facility(record: Record) -> str:
    """`kern`; the number where it has no name."""
    return FACILITIES[record.facility] if record.facility < len(FACILITIES) else str(record.facility)


def _console_level(word: str) -> int:
    if word in LEVELS:
        return LEVELS.index(word) + 1
    if not is_digits(word) or not 1 <= int(word) <= 8:
        raise ValueError(f"unknown level '{word}'")
    return int(word)


@command(
    opt("-C", "--clear", help="clear it: later calls begin behind what is there now"),
    opt("-c", "--read-clear", help="print it and clear it"),
    opt("-T", "--ctime", help="wall-clock times"), opt("-t", "--notime", help="without times"),
    opt("-d", "--show-delta", help="with the time since the line before"),
    opt("-e", "--reltime", help="wall-clock minutes, and the time since the line before"),
    opt("-H", "--human", help="as -e"), opt("-J", "--json", help="as JSON"),
    opt("-r", "--raw", help="with the level, as the log holds it"),
    opt("-x", "--decode", help="with facility and level by name"),
    opt("-k", "--kernel", help="kernel messages alone"),
    opt("-u", "--userspace", help="messages of programs alone, written to /dev/kmsg"),
    opt("-f", "--facility", type=_facilities, help="of these facilities only: kern,user,…"),
    opt("-l", "--level", type=_level_list, help="these levels only: err,warn,…; err+ and all above"),
    opt("-n", "--console-level", type=_console_level, help="which messages go to the console"),
    opt("--since", type=str, meta="TIME", help="from this time on"),
    opt("--until", type=str, meta="TIME", help="up to this time"), opt("-P", "--nopager", help="at once, as always"),
    opt("-w", "--follow", help="go on as the log grows"), opt("-W", "--follow-new", help="only what is new"),
    topic=TOPIC,
)  # fmt: skip
def dmesg(box: Box, args: Args, io: IO) -> None:
    """print the kernel log

    dmesg | tail -3

    Boot messages first; page faults that killed, allocation failures and the OOM killer's reports are written here.
    """
    if args.console_level is not None:
        _set_console_level(box, args.console_level)
        return
    if args.clear:
        box.log.clear()
        return
    printer = _Printer(box, args, io)
    records = [] if args.follow_new else box.log.unread()
    if args.json:
        printer.json(records)
    else:
        for record in records:
            printer.show(record)
    if args.read_clear:
        box.log.clear()
    if args.follow or args.follow_new:
        _follow(box, io, printer)


def _set_console_level(box: Box, level: int) -> None:
    path = "/proc/sys/kernel/printk"
    if not tree.exists(box, path):
        raise ShellError("klogctl failed: Operation not permitted: this box has no console")
    tree.store(box, path, f"{level}\n")


def _follow(box: Box, io: IO, printer: _Printer) -> None:
    """Print what is new as the box's clock moves: until q on a terminal, elsewhere until no job is left to add any."""
    session, seen = io.session, box.log.total
    ticker = session.ticker(io) if session.ticker is not None and io.is_tty else None
    while ticker is not None or session.jobs:
        io.flush()
        if ticker is None:
            session.advance(1_000_000)
        elif not ticker.wait(1.0):
            return
        new, seen = box.log.total - seen, box.log.total
        for record in list(box.log.records)[-new:] if new else ():
            printer.show(record)


def _moment(text: str, io: IO) -> float:
    from memsh.textutils.datespec import parse_date  # start-up: 2 ms of patterns, for dates alone

    try:
        return parse_date(text, round(now(io) * 1e9)) / 1e9
    except ValueError:
        raise ShellError(f'invalid time value "{text}"') from None


class _Printer:
    """How one call shows records."""

    def __init__(self, box: Box, args: Args, io: IO) -> None:
        self.args = args
        self.io = io
        from memsh.procps.figures import stat  # start-up: 3 ms

        self.boot = stat(reader_of(box, io)).boot_time
        self.since = _moment(args.since, io) if args.since is not None else None
        self.until = _moment(args.until, io) if args.until is not None else None
        self.before: int | None = None  # µs, of the record before
        self.minute = ""

    def wanted(self, record: Record) -> bool:
        args, when = self.args, self.boot + record.usec / 1e6
        if (args.kernel or args.userspace) and not (args.userspace if record.facility else args.kernel):
            return False
        if args.facility is not None and _facility(record) not in args.facility:
            return False
        if (self.since is not None and when < self.since) or (self.until is not None and when > self.until):
            return False
        return args.level is None or record.level in args.level

    def stamp(self, record: Record) -> str:
        args = self.args
        seconds, usec = divmod(record.usec, 1_000_000)
        delta = record.usec - (record.usec if self.before is None else self.before)
        self.before = record.usec
        if args.notime:
            return ""
        if args.ctime:
            text = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(self.boot + seconds))
            return f"[{text} <{delta / 1e6:12.6f}>] " if args.show_delta else f"[{text}] "
        if args.reltime or args.human:
            minute = time.strftime("%b%e %H:%M", time.gmtime(self.boot + seconds))
            if minute != self.minute:
                self.minute = minute
                return f"[{minute}] "
            return f"[{f'+{delta // 1_000_000}.{delta % 1_000_000:06}':>11}] "
        if args.show_delta:
            return f"[{seconds:5}.{usec:06} <{delta / 1e6:12.6f}>] "
        return f"[{seconds:5}.{usec:06}] "

    def show(self, record: Record) -> None:
        if not self.wanted(record):
            return
        args, stamp = self.args, self.stamp(record)
        head = f"<{record.facility << 3 | record.level}>" if args.raw else ""
        if args.decode and not args.raw:
            head = f"{_facility(record):<6}:{LEVELS[record.level]:<7}: "
        first, *more = record.text.split("\n")
        indent = " " * len(stamp)
        rest = [f"{head}{indent}{line}\n" if line else "\n" for line in more]
        self.io.out(f"{head}{stamp}{first}\n" + "".join(rest))

    def json(self, records: list[Record]) -> None:
        import json  # start-up: 3 ms

        items = []
        for record in filter(self.wanted, records):
            lines = [f'         "pri": {record.facility << 3 | record.level}']
            if self.args.decode:
                lines = [f'         "fac": "{_facility(record)}"', f'         "pri": "{LEVELS[record.level]}"']
            seconds, usec = divmod(record.usec, 1_000_000)
            lines += [f'         "time": {seconds:5}.{usec:06}'] if not self.args.notime else []
            lines.append(f'         "msg": {json.dumps(record.text, ensure_ascii=False)}')
            items.append("{\n" + ",\n".join(lines) + "\n      }")
        self.io.out('{\n   "dmesg": [\n      ' + ",".join(items) + "\n   ]\n}\n")
