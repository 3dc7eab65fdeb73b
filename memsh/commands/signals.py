"""Processes found and signalled by name: pkill (procps-ng), killall (psmisc), pidof (procps-ng); pwdx, w, tload.

Known deviations: killall cannot ask (-i).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.commands.killing import send, signal_number
from memsh.commands.tools import _first, _rows, parting, play, posix_search, reader_of, text_of
from memsh.linux.kernel.signal import SIGNALS
from memsh.procps.reader import Exit
from memsh.shell import IO, Args, ShellError, command, rest
from memsh.textutils.regexp import compiled
from memsh.textutils.utility import option, utility

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.procps.processes import Process

TOPIC = "tools"
_WORDS = rest("words", raw=True, meta="OPTION", help="as procps takes them; --help lists them")


def _signal_option(words: list[str]) -> tuple[list[str], int]:
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
        words, sig = _signal_option(list(args.words))
        found, given, complaint = select(reader_of(box, io), words, PKILL, posix_search, text_of(io))
    except Exit as end:
        return parting(io, end)
    if "signal" in given:
        sig = signal_number(given["signal"])
    for one in found:
        if _signalled(box, io, one, sig) and "e" in given:
            io.out(f"{one.comm} killed (pid {one.pid})\n")
    if "c" in given:
        io.out(f"{len(found)}\n")
    io.err(complaint)
    return int(not found)


def _signalled(box: Box, io: IO, one: Process, sig: int) -> bool:
    try:
        send(box, io, [one.pid], sig)
    except OSError as error:
        io.complain(f"killing pid {one.pid} failed: {error.strerror}")
        return False
    return True


@utility(
    option("-e", "--exact", help="the whole of a long name"), option("-I", "--ignore-case"),
    option("-g", "--process-group"), option("-i", "--interactive"), option("-l", "--list", help="list the signals"),
    option("-q", "--quiet"), option("-r", "--regexp", help="names are patterns"),
    option("-s", "--signal", type=str, meta="SIGNAL"), option("-u", "--user", type=str, meta="USER"),
    option("-v", "--verbose", help="tell whom"), option("-w", "--wait", help="until they have ended"),
    rest("names"), topic=TOPIC, usage="[OPTION]... [--] NAME...", rewrite=lambda words: _killall_words(words),
)  # fmt: skip
def killall(box: Box, args: Args, io: IO) -> int:
    """send a signal to all processes of a name

    run a.out; killall -0 -v a.out
    """
    if args.interactive:
        raise ShellError("-i: nobody can be asked here")
    if args.process_group:
        raise ShellError("-g: not known here: a signal goes to the processes of a name")
    if args.list:
        io.out(" ".join(SIGNALS) + "\n")
        return 0
    if not args.names:
        raise args.refused("")
    if args.user not in (None, "root"):
        raise ShellError(f"Cannot find user {args.user}")
    sig = signal_number(args.signal) if args.signal is not None else 15
    status = 0
    from memsh.procps.processes import processes  # start-up: the tool alone

    for name in args.names:
        test = compiled(name, "extended", args.ignore_case).test if args.regexp else None
        wanted = name.lower() if args.ignore_case else name
        found = []
        for one in processes(reader_of(box, io)):
            comm = one.comm.lower() if args.ignore_case else one.comm
            if test(one.comm) is not None if test is not None else comm == wanted[: 15 if len(comm) == 15 else None]:
                found.append(one)
        if not found and not args.quiet:
            io.complain(f"{name}: no process found")
        status |= not found
        for one in found:
            if _signalled(box, io, one, sig) and args.verbose:
                io.err(f"Killed {one.comm}({one.pid}) with signal {sig}\n")
    return int(status)


def _killall_words(words: list[str]) -> list[str]:
    """`-9` and `-KILL` are -s 9."""
    given, sig = _signal_option([word for word in words if not _is_option(word)])
    found = next((word for word in words if word not in given and not _is_option(word)), None)
    if found is None:
        return words
    at = words.index(found)
    return [*words[:at], "-s", str(sig), *words[at + 1 :]]


def _is_option(word: str) -> bool:
    return len(word) > 1 and word[0] == "-" and all(letter in "eIgilqrsuvw" for letter in word[1:])


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
