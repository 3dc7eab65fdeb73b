"""lscpu, numactl and numastat: processors and nodes, from /proc and /sys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands import policies
from memsh.commands.tools import TOPIC, play, reader_of
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

if TYPE_CHECKING:
    from memsh.linux.box import Box

UNLIMITED = 10_000_000
_WORDS = rest("words", raw=True, meta="OPTION", help="as the tool takes them; --help lists them")


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def lscpu(box: Box | None, args: Args, io: IO) -> int:
    """show the processors, their caches and nodes

    lscpu

    -e one row a CPU, -p the same for programs, -C the caches; each takes =LIST of columns, --output-all has all of
    them. -J JSON, -B sizes in bytes, -x masks in place of lists.
    """
    from memsh.procps import lscpu as util_lscpu  # start-up: 1 ms, for lscpu and a column of ps

    return play(box, io, util_lscpu.frames(reader_of(box, io), args.words, io.width, terminal=io.is_tty))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def numactl(box: Box | None, args: Args, io: IO) -> int:
    """show the memory nodes, or run a command that gets its memory from some of them

    numactl -H

    -H the nodes: CPUs, size, free memory, distances. -s the policy of a process that nobody gave one. Before a command:
    --membind, --interleave, --preferred NODES, --localalloc, --cpunodebind NODES, --physcpubind CPUS; what the command
    allocates comes from there, and a process that it starts keeps the policy.
    """
    if box is not None and policies.sets_policy(args.words):
        return policies.run_with_policy(box, io, args.words)
    from memsh.procps import numactl as numa_numactl  # start-up: 2 ms, for numactl alone

    return play(box, io, numa_numactl.frames(reader_of(box, io), args.words, io.width))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def numastat(box: Box | None, args: Args, io: IO) -> int:
    """show memory by node, of the machine and of processes

    numastat

    -m as meminfo has it, -n hits and misses in MB, -p PID or PATTERN processes, -v each of them apart, -c narrow
    columns, -s sorted, -z without zeros.
    """
    from memsh.procps import numastat as numa_numastat  # start-up: 1 ms, for numastat alone

    width = io.width if io.is_tty else UNLIMITED
    return play(box, io, numa_numastat.frames(reader_of(box, io), args.words, width))
