"""procps and util-linux tools: slabtop, vmstat, pmap, ps, top, uptime, pgrep, uname, getconf.

Each procps tool is handed the reader of the session (the box's own /proc, or a recorded tree) and its
arguments untouched; what it prints is procps-ng 4.0.2's. Between two frames the box's clock moves; the host
waits only on a terminal.

A tool is imported when it is called: all of them take a tenth of the time of a start.

Known deviations: without a terminal slabtop shows one screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.commands.procdir import BoxReader
from memsh.linux.box import Box
from memsh.procps.reader import Exit, Frames, Pause, ProcReader
from memsh.shell.errors import ShellError, UsageError
from memsh.shell.registry import Args, command, opt, rest
from memsh.textutils.regexp import RegexpError, compiled
from memsh.textutils.utility import option, utility

if TYPE_CHECKING:
    from memsh.shell.io import IO
    from memsh.shell.live import View

TOPIC = "tools"
UNLIMITED = 131072
_WORDS = rest("words", raw=True, meta="OPTION", help="as procps takes them; --help lists them")


def reader_of(box: Box | None, io: IO) -> ProcReader:
    """The /proc that the tools read: the session's."""
    reader: ProcReader | None = io.session.reader
    if reader is None:
        reader = BoxReader(io.session)
    return reader


def parting(io: IO, end: Exit) -> int:
    """Print what a tool that ends early still has to say; its status."""
    io.out(end.stdout)
    io.err(end.stderr)
    return end.status


def play(box: Box | None, io: IO, frames: Frames) -> int:
    """Print a tool's frames. Between two of them the box's clock moves on; on a terminal the host waits as long, q
    ends it, and figures that differ from the line above are reversed."""
    ticker = io.session.ticker(io) if io.session.ticker is not None and io.is_tty else None
    try:
        for item in frames:
            if isinstance(item, str):
                if ticker is None or not ticker.show(item):
                    io.out(item)
                continue
            io.check()
            if io.session.deadline_check is not None:
                io.session.deadline_check()
            if ticker is not None:
                if not ticker.wait(item.seconds):
                    break
            elif box is not None:
                io.session.advance(int(item.seconds * 1_000_000))
            elif getattr(io.session.reader, "live", False):
                wait(io, item.seconds)
    except Exit as end:
        return parting(io, end)
    return 0


def wait(io: IO, seconds: float) -> None:
    """Let the host's time pass, for its own /proc; Ctrl-C is taken meanwhile."""
    io.flush()
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
        io.check()


def show_live(io: IO, make: Callable[[], View]) -> int:
    """A live screen, or what its tool says instead."""
    assert io.session.live is not None
    try:
        return io.session.live(io, make())
    except Exit as end:
        return parting(io, end)


def _is_live(io: IO) -> bool:
    return io.is_tty and io.session.live is not None


def free_tool(box: Box, argv: list[str], io: IO) -> int:
    """`free` without an address: the tool. `argv` without its name; answers the status."""
    from memsh.procps import free as procps_free  # start-up: the tool alone

    return play(box, io, procps_free.frames(reader_of(box, io), argv))


def _columns(io: IO) -> int:
    return io.width if io.is_tty else UNLIMITED


def _rows(io: IO) -> int:
    if not io.is_tty:
        return 24
    import shutil  # start-up: 3 ms

    return shutil.get_terminal_size().lines


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def slabtop(box: Box, args: Args, io: IO) -> int:
    """show the kernel's slab caches, the largest first

    slabtop -o -s c

    -o prints once and ends; without it a terminal shows the first caches and redraws them every 3 seconds (-d N): q
    leaves, space refreshes, the letters of -s sort. -s KEY sorts: a active objects, b objects per slab, c cache size,
    l slabs, v active slabs, n name, o objects (the default), p pages per slab, s object size, u use.
    """
    from memsh.commands.screens.livetools import SlabtopView  # start-up: the tool alone
    from memsh.procps import slabtop as procps_slabtop  # start-up: the tool alone

    reader = reader_of(box, io)
    try:
        delay, once, key = procps_slabtop.parse(args.words)
    except Exit:
        once = True  # said below
    else:
        if not once and _is_live(io):
            return show_live(io, lambda: SlabtopView(reader, delay, key))
    return play(box, io, _first(procps_slabtop.frames(reader, args.words, io.width, _rows(io))))


def _first(frames: Frames) -> Frames:
    for item in frames:
        if isinstance(item, Pause):
            return
        yield item


def _asks(words: list[str]) -> bool:
    return any(word in ("-h", "--help", "-V", "--version") for word in words)


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def vmstat(box: Box, args: Args, io: IO) -> int:
    """report memory, swap, disk and CPU in one line, again after each delay

    vmstat 1 5

    -a active and inactive memory, -s counters one a line, -m slab caches, -d disks, -w wide, -n one heading, -S k|K|m|M
    another unit. DELAY in seconds of the box's clock, COUNT lines; q or Ctrl-C ends. The first line is the mean since
    boot. As in procps-ng 4.0.2, the memory columns of later lines are those of the start.
    """
    from memsh.procps import vmstat as procps_vmstat  # start-up: the tool alone

    return play(box, io, procps_vmstat.frames(reader_of(box, io), args.words, io.width, _rows(io)))


@command(
    rest("words", raw=True, meta="PID", help="processes, and options before them", words="pid"),
    topic=TOPIC,
    needs_box=False,
    help_option=False,
)
def pmap(box: Box, args: Args, io: IO) -> int:
    """show the memory map of a process

    pmap -x 1

    -x resident and dirty kB of each mapping, -X more columns, -XX all that smaps has, -d offset and device, -q without
    heading and sum, -p whole paths.
    """
    from memsh.procps import pmap as procps_pmap  # start-up: the tool alone

    return play(box, io, procps_pmap.frames(reader_of(box, io), args.words, io.width))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def ps(box: Box, args: Args, io: IO) -> int:
    """show the processes

    ps -o pid,vsz,rss,min_flt,maj_flt,comm -p 1

    ps -e, -ef, aux: all processes. u, v, l: formats of their own. -p LIST picks, -o COLUMNS chooses the columns (ps L
    lists them), --sort -rss sorts.
    """
    from memsh.procps import ps as procps_ps  # start-up: the tool alone

    return play(box, io, procps_ps.frames(reader_of(box, io), args.words, _columns(io), io.session.variables))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def top(box: Box, args: Args, io: IO) -> int:
    """show the processes that use most, redrawn every 3 seconds

    top -b -n 1

    -b prints frames one below the other (needed without a terminal), -n N ends after N of them, -d N waits N seconds of
    the box's clock between two, -p LIST picks processes, -o RES sorts. On a terminal: q leaves, h lists the keys.
    """
    from memsh.commands.screens.livetools import TopView  # start-up: the tool alone
    from memsh.procps import top as procps_top  # start-up: the tool alone

    batch = _asks(args.words) or any(
        word in ("--batch-mode", "--list-fields") or (word[:1] == "-" and word[1:2] != "-" and set("bO") & set(word))
        for word in args.words
    )
    reader = reader_of(box, io)
    if batch:
        return play(box, io, procps_top.frames(reader, args.words, io.width))
    try:
        settings = procps_top.parse(args.words, io.width)
    except Exit as end:
        return parting(io, end)
    if not _is_live(io):
        raise ShellError("failed tty get")
    return show_live(io, lambda: TopView(io, reader, settings))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def uptime(box: Box, args: Args, io: IO) -> int:
    """tell how long the box has been running

    uptime -p

    -p in words, -s since when.
    """
    from memsh.procps import uptime as procps_uptime  # start-up: the tool alone

    return play(box, io, procps_uptime.frames(reader_of(box, io), args.words, io.width))


def posix_search(pattern: str, ignore_case: bool) -> Callable[[str], object]:
    """A pattern as regcomp(REG_EXTENDED) has it, for pgrep and pkill."""
    try:
        return compiled(pattern, "extended", ignore_case).test
    except RegexpError as error:
        raise Exit(2, f"pgrep: regex error: {error.message}\n") from None


def text_of(io: IO) -> Callable[[str], str]:
    """What reads a file of the box by its name, for -F."""


    def read(name: str) -> str:
        files = io.session.files
        assert files is not None
        return files.open_read(io.session, name).read()

    return read


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def pgrep(box: Box, args: Args, io: IO) -> int:
    """find processes by name

    pgrep -l a.out

    -l with names, -a with command lines, -f matches the command line, -x the whole name, -n the newest, -c counts.
    """
    from memsh.procps import pgrep as procps_pgrep  # start-up: the tool alone

    return play(box, io, procps_pgrep.frames(reader_of(box, io), args.words, io.width, posix_search, text_of(io)))


def _kernel(reader: ProcReader, name: str, default: str) -> str:
    try:
        return reader.read(f"/proc/sys/kernel/{name}").strip()
    except OSError:
        return default


@utility(
    option("-a", "--all", help="all of it"), option("-s", "--kernel-name"), option("-n", "--nodename"),
    option("-r", "--kernel-release"), option("-v", "--kernel-version"), option("-m", "--machine"),
    option("-p", "--processor"), option("-i", "--hardware-platform"), option("-o", "--operating-system"),
    usage="[OPTION]...", topic=TOPIC,
)  # fmt: skip
def uname(box: Box, args: Args, io: IO) -> None:
    """print the kernel's name and release

    uname -a
    """
    reader = reader_of(box, io)
    parts = [
        ("kernel_name", _kernel(reader, "ostype", "Linux")),
        ("nodename", _kernel(reader, "hostname", "(none)")),
        ("kernel_release", _kernel(reader, "osrelease", "6.1.192")),
        ("kernel_version", _kernel(reader, "version", "#1 SMP")),
        ("machine", _kernel(reader, "arch", "i686")),
        ("processor", "unknown"),
        ("hardware_platform", "unknown"),
        ("operating_system", "GNU/Linux"),
    ]
    chosen = [text for name, text in parts if getattr(args, name) or (args.all and text != "unknown")]
    io.out(" ".join(chosen or [parts[0][1]]) + "\n")


@utility(usage="[OPTION]...", topic=TOPIC)
def arch(box: Box, args: Args, io: IO) -> None:
    """print the machine's architecture, as `uname -m` does

    arch
    """
    io.out(_kernel(reader_of(box, io), "arch", "i686") + "\n")


def _cpus(reader: ProcReader) -> int:
    return sum(line.startswith("processor") for line in reader.read("/proc/cpuinfo").splitlines())


def _pages(label: str) -> Callable[[ProcReader], int]:
    def count(reader: ProcReader) -> int:
        from memsh.proctext.labels import pairs  # start-up: 2 ms of patterns

        return pairs(reader.read("/proc/meminfo"), ":").get(label, 0) // 4

    return count


def _long_bit(reader: ProcReader) -> int:
    return 64 if _kernel(reader, "arch", "i686").endswith("64") else 32


CONSTANTS: dict[str, int | str | Callable[[ProcReader], int]] = {
    "ARG_MAX": 2097152,
    "CHAR_BIT": 8,
    "CLK_TCK": 100,
    "GNU_LIBC_VERSION": "glibc 2.36",
    "INT_MAX": 2147483647,
    "LONG_BIT": _long_bit,
    "PAGESIZE": 4096,
    "PAGE_SIZE": 4096,
    "PATH_MAX": 4096,
    "PTHREAD_STACK_MIN": 16384,
    "ULONG_MAX": lambda reader: (1 << _long_bit(reader)) - 1,
    "WORD_BIT": 32,
    "_AVPHYS_PAGES": _pages("MemFree"),
    "_NPROCESSORS_CONF": _cpus,
    "_NPROCESSORS_ONLN": _cpus,
    "_PHYS_PAGES": _pages("MemTotal"),
}


@command(
    opt("-a", "--all", help="every name with its value"),
    rest("names", meta="NAME", help="PAGESIZE, LONG_BIT, _PHYS_PAGES, …"),
    topic=TOPIC,
    needs_box=False,
)
def getconf(box: Box, args: Args, io: IO) -> None:
    """print a constant of the system

    getconf PAGESIZE
    """
    reader = reader_of(box, io)

    def value(name: str) -> object:
        entry = CONSTANTS[name]
        return entry(reader) if callable(entry) else entry

    if args.all:
        io.out("".join(f"{name:<34} {value(name)}\n" for name in CONSTANTS))
        return
    if not args.names:
        raise UsageError("NAME is missing (usage: getconf NAME, or getconf -a)")
    name = args.names[0]
    if name not in CONSTANTS:
        raise UsageError(f"Unrecognized variable `{name}'")
    io.out(f"{value(name)}\n")
