"""killall: a signal to all processes of a name (psmisc 23.6, src/killall.c).

Known deviations: nobody can be asked (-i); a signal goes to no process group (-g): no process here is in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.commands.killing import signal_number
from memsh.commands.paths import path_of, stat_kind
from memsh.commands.signals import signal_option, signalled
from memsh.commands.tools import reader_of
from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import find_task
from memsh.linux.kernel.signal import SIGNALS
from memsh.procfs import tree
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.regexp import RegexpError, compiled
from memsh.textutils.utility import Misused, option, utility

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.procps.processes import Process

COMM = 15  # bytes of a name that /proc tells
WIDTH = 80
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2419200, "y": 29030400}  # a month: four weeks


def _age(word: str) -> float:
    """`2h`, `1.5d`: seconds."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+|[0-9]+\.)([smhdwMy])", word)
    if match is None:
        raise Misused("Invalid time format")
    return float(match[1]) * UNITS[match[2]]


@utility(
    option("-e", "--exact", help="the whole of a long name"), option("-I", "--ignore-case"),
    option("-g", "--process-group", lacks="a signal goes to the processes of a name"),
    option("-i", "--interactive", lacks="nobody can be asked here"),
    option("-l", "--list", help="list the signals"),
    option("-n", "--ns", type=str, meta="PID", help="in the namespaces of this process"),
    option("-o", "--older-than", type=_age, meta="TIME", help="2h, 1.5d: those that run longer"),
    option("-y", "--younger-than", type=_age, meta="TIME"),
    option("-q", "--quiet"), option("-r", "--regexp", help="names are patterns"),
    option("-s", "--signal", type=str, meta="SIGNAL"), option("-u", "--user", type=str, meta="USER"),
    option("-v", "--verbose", help="tell whom"), option("-w", "--wait", help="until they have ended"),
    option("-Z", "--context", type=str, meta="REGEXP", lacks="processes have no security context here"),
    rest("names"), topic="tools", usage="[OPTION]... [--] NAME...", rewrite=lambda words: _words(words),
)  # fmt: skip
def killall(box: Box, args: Args, io: IO) -> int:
    """send a signal to all processes of a name

    run a.out; killall -0 -v a.out

    A name with a slash is a program's. Without names, -u USER means all of that user's. -w lets the box's clock run
    until they have ended.
    """
    if args.list:
        io.out(_listed(["POLL" if name == "IO" else name for name in SIGNALS]))
        return 0
    if not args.names and args.user is None:
        raise args.refused("")
    if args.user not in (None, "root"):
        raise ShellError(f"Cannot find user {args.user}")
    sig = 15
    if args.signal is not None:
        try:
            sig = signal_number(args.signal)
        except ShellError:
            raise ShellError(f"{args.signal}: unknown signal; killall -l lists signals.") from None
    return Victims(box, args, io).killed(sig)


class Victims:
    """One call of killall."""

    def __init__(self, box: Box, args: Args, io: IO) -> None:
        self.box, self.args, self.io = box, args, io

    def killed(self, sig: int) -> int:
        """The status: 1 where a name had no process."""
        args, io, status = self.args, self.io, 0
        every, hit = self._candidates(), []
        for name in args.names or [""]:
            meant = self._meaning(name)
            found = [one for one in every if meant(one)]
            if not found and args.names and not args.quiet:
                io.complain(f"{name}: no process found")
            told = [one for one in found if signalled(self.box, io, one, sig)]
            status |= not told
            hit += told
            for one in told if args.verbose else ():
                io.err(f"Killed {one.comm}({one.pid}) with signal {sig}\n")
        while args.wait and any(self._is_there(one) for one in hit):
            io.check()
            io.session.advance(1_000_000)
        return int(status)

    def _candidates(self) -> list[Process]:
        """The processes that the options let through."""
        from memsh.procps import figures  # start-up: the tool alone
        from memsh.procps.processes import HZ, processes  # start-up: the tool alone

        args, reader = self.args, reader_of(self.box, self.io)
        up, found = figures.uptime(reader)[0], []
        there = {one.pid: one for one in processes(reader)}
        if args.ns is not None and not (is_digits(args.ns) and (int(args.ns) in there or args.ns == "0")):
            return []  # no process is in the namespaces of one that is not there
        for one in there.values():
            age = up - one.stat["start_time"] / HZ
            young = args.younger_than is None or age <= args.younger_than
            if young and (args.older_than is None or age >= args.older_than):
                found.append(one)
        return found

    def _meaning(self, name: str) -> Callable[[Process], bool]:
        args = self.args
        if not name:
            return lambda one: True
        if args.regexp:
            try:
                test = compiled(name, "extended", args.ignore_case).test
            except RegexpError:
                raise ShellError(f"Bad regular expression: {name}") from None
            return lambda one: test(one.comm) is not None
        if "/" in name:
            whole = path_of(self.io.session, name)
            if stat_kind(self.io.session, whole) is None:
                raise ShellError(f"{name}: No such file or directory")
            return lambda one: self._program(one) == whole
        return lambda one: self._is_called(one, name)

    def _program(self, one: Process) -> str:
        try:
            return tree.readlink(self.box, f"/proc/{one.pid}/exe") or ""
        except KernelError:
            return ""

    def _is_called(self, one: Process, name: str) -> bool:
        """A name as long as /proc tells may be longer: then the command line decides, if it begins with it."""
        comm = one.comm
        if len(comm) == COMM <= len(name):
            called = one.cmdline.split(" ")[0].rpartition("/")[2]
            if called.startswith(comm):
                comm = called
            elif self.args.exact:
                if self.args.verbose and self._same(comm, name[:COMM]):
                    self.io.err(f"killall: skipping partial match {comm}({one.pid})\n")
                return False
            else:
                name = name[:COMM]
        return self._same(comm, name)

    def _same(self, one: str, other: str) -> bool:
        return one.lower() == other.lower() if self.args.ignore_case else one == other

    def _is_there(self, one: Process) -> bool:
        try:
            find_task(self.box, one.pid)
        except KernelError:
            return False
        return True


def _listed(names: list[str]) -> str:
    """As many in a line as fit."""
    lines = [""]
    for name in names:
        if lines[-1] and len(lines[-1]) + len(name) + 1 > WIDTH:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + name
    return "".join(line + "\n" for line in lines)


def _words(words: list[str]) -> list[str]:
    """`-9` and `-KILL` are -s 9."""
    given, sig = signal_option([word for word in words if not _is_option(word)])
    found = next((word for word in words if word not in given and not _is_option(word)), None)
    if found is None:
        return words
    at = words.index(found)
    return [*words[:at], "-s", str(sig), *words[at + 1 :]]


def _is_option(word: str) -> bool:
    return len(word) > 1 and word[0] == "-" and all(letter in "eIgilqrsuvwnoyZ" for letter in word[1:])
