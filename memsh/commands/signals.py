"""Processes found and signalled by name: pkill, pidof; pwdx, w, tload (procps-ng 4.0.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.killing import send, signal_number
from memsh.commands.tools import _first, _rows, parting, play, posix_search, reader_of, text_of
from memsh.procps.reader import Exit
from memsh.shell import IO, Args, ShellError, command, rest
from memsh.textutils.utility import option, utility

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.procps.processes import Process

TOPIC = "tools"
_WORDS = rest("words", raw=True, meta="OPTION", help="as procps takes them; --help lists them")


def signal_option(words: list[str]) -> tuple[list[str], int]:
    """Take the `-SIGNAL` out of the words (signal_option in procps); what is no signal stays."""
    for at, word in enumerate(words):
        if len(word) > 1 and word[0] == "-" and word[1] != "-":
            try:
                sig = signal_number(word[1:])
            except ShellError:
                continue
            return words[:at] + words[at + 1 :], sig
    return words, 15


@command(_WORDS, topic=TOPIC, help_option=False)
def pkill(box: Box, args: Args, io: IO) -> int:
    """send a signal to processes by name

    run a.out; pkill -0 -e a.out

    -SIGNAL or --signal SIGNAL, -e tells whom, -c how many; -f looks at the command line, -x at the whole name.
    """
    from memsh.procps.pgrep import PKILL, select  # start-up: the tool alone

    try:
        words, sig = signal_option(list(args.words))
        found, given, complaint = select(reader_of(box, io), words, PKILL, posix_search, text_of(io))
    except Exit as end:
        return parting(io, end)
    if "signal" in given:
        sig = signal_number(given["signal"])
    for one in found:
        if signalled(box, io, one, sig) and "e" in given:
            io.out(f"{one.comm} killed (pid {one.pid})\n")
    if "c" in given:
        io.out(f"{len(found)}\n")
    io.err(complaint)
    return int(not found)


def signalled(box: Box, io: IO, one: Process, sig: int) -> bool:
    try:
        send(box, io, [one.pid], sig)
    except OSError as error:
        io.complain(f"killing pid {one.pid} failed: {error.strerror}")
        return False
    return True


@utility(
    option("-s", "--single-shot", help="only one"), option("-c", "--check-root"), option("-q", name="silent"),
    option("-w", "--with-workers"), option("-x", name="scripts"), option("-t", "--lightweight"),
    option("-o", "--omit-pid", type=str, many=True, meta="PID", help="without these"),
    option("-S", "-d", "--separator", type=str, default=" ", meta="STRING"), option("-z", name="zombies"),
    rest("names"), topic=TOPIC,
    usage="[options] [program [...]]",
)  # fmt: skip
def pidof(box: Box, args: Args, io: IO) -> int:
    """the process numbers of a program

    run a.out; pidof a.out
    """
    from memsh.procps.processes import processes  # start-up: the tool alone

    omitted = {word for text in args.omit_pid for word in text.split(",")}
    found = []
    for one in processes(reader_of(box, io)):
        first = one.cmdline.split(" ")[0]
        for name in args.names:
            program = first.rpartition("/")[2] == name.rpartition("/")[2] and not first.startswith("[")
            kernel = args.with_workers and first == f"[{name}]"
            kernel = kernel or (args.zombies and one.state == "Z" and one.comm == name)
            if (program or kernel or (one.comm == name and not first.startswith("["))) and str(one.pid) not in omitted:
                found.append(str(one.pid))
    found.reverse()
    if args.single_shot:
        found = found[:1]
    if found and not args.silent:
        io.out(args.separator.join(found) + "\n")
    return int(not found)


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def pwdx(box: Box, args: Args, io: IO) -> int:
    """the directory that a process works in

    pwdx 1
    """
    from memsh.procps import pwdx as procps_pwdx  # start-up: the tool alone

    return play(box, io, procps_pwdx.frames(reader_of(box, io), args.words))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def w(box: Box, args: Args, io: IO) -> int:
    """who is logged in, and how long the box has been running

    w

    Nobody ever is. -s in short, -f with the place, -h without the heading.
    """
    from memsh.procps import w as procps_w  # start-up: the tool alone

    return play(box, io, procps_w.frames(reader_of(box, io), args.words))


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def tload(box: Box, args: Args, io: IO) -> int:
    """the load average as a picture

    tload

    On a terminal it goes on: q ends it. -d SECONDS between two pictures, -s lines for a load of 1.
    """
    from memsh.procps import tload as procps_tload  # start-up: the tool alone

    frames = procps_tload.frames(reader_of(box, io), args.words, io.width, _rows(io))
    return play(box, io, frames if io.is_tty else _first(frames))
