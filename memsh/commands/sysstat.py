"""sysstat's tools (12.6.1): pidstat mpstat iostat. Each is handed the reader of the session, as procps's are."""

from __future__ import annotations

from memsh.commands.tools import play, posix_search, reader_of
from memsh.linux.box import Box
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

TOPIC = "tools"
_WORDS = rest("words", raw=True, meta="OPTION", help="as sysstat takes them; --help lists them")


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def pidstat(box: Box, args: Args, io: IO) -> int:
    """report what each task uses: processors, memory, disks

    pidstat -r 1 3

    -r page faults and memory, -s stack, -u processors (the default), -d disks, -w context switches, -v threads and
    open files, -R scheduling, -t threads too, -p PIDS|ALL these tasks (without it those that did something), -C and -G
    by name, -T CHILD with those that have ended, -h one line a task, -l command lines, --human, --dec=N. INTERVAL in
    seconds of the box's clock, COUNT reports; without an interval the mean since boot.
    """
    from memsh.procps import pidstat as tool  # start-up: the tool alone

    return play(box, io, tool.frames(reader_of(box, io), args.words, io.session.variables, posix_search))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def mpstat(box: Box, args: Args, io: IO) -> int:
    """report what each processor does

    mpstat -P ALL

    -P CPUS|ALL processors, -N NODES|ALL nodes, -I SUM|CPU|SCPU|ALL interrupts, -A all of it, -T with core, socket and
    node, -u and -n for all processors and nodes, --dec=N. INTERVAL and COUNT as with pidstat.
    """
    from memsh.procps import mpstat as tool  # start-up: the tool alone

    return play(box, io, tool.frames(reader_of(box, io), args.words, io.session.variables))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def iostat(box: Box, args: Args, io: IO) -> int:
    """report what the processors wait for, and what the disks do

    iostat -x 1 2

    -c processors, -d disks, -x more columns, -s fewer, -m in MB, -p DISKS|ALL and names choose, -g NAME adds those
    behind it up, -H the groups only, -z leaves out the idle, -y the report since boot, -t with the time, -h for people,
    --compact, --dec=N. INTERVAL and COUNT as with pidstat.
    """
    from memsh.procps import iostat as tool  # start-up: the tool alone

    return play(box, io, tool.frames(reader_of(box, io), args.words, io.session.variables))
